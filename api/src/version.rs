//! Microversions: which one a request asks for, and what the answer says about it.
//!
//! No header means the first version, not the latest. Bays and baymodels are served at every version here, although Magnum took them
//! away at 1.11; from 1.2 on they answer asynchronously.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::error::Error;

/// A version 1.x.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(pub(crate) u8);

/// The oldest, and what a request without a header gets.
pub(crate) const MIN: Version = Version(1);
/// The newest.
pub(crate) const MAX: Version = Version(14);
/// [`MIN`] as text.
pub(crate) const MIN_TEXT: &str = "1.1";
/// [`MAX`] as text.
pub(crate) const MAX_TEXT: &str = "1.14";

/// From here on bays are made and changed asynchronously.
pub(crate) const ASYNCHRONOUS_BAYS: Version = Version(2);
/// From here on a change of a cluster may be rolled back.
pub(crate) const ROLLBACK: Version = Version(3);
/// From here on a node group can be resized.
pub(crate) const RESIZE: Version = Version(7);
/// From here on a cluster can be upgraded.
pub(crate) const UPGRADE: Version = Version(8);
/// From here on a cluster may have no workers, and an unknown template is 404.
pub(crate) const ZERO_NODES: Version = Version(10);
/// From here on a cluster shows `cluster_id` instead of `stack_id`.
pub(crate) const BACKEND_AS_CLUSTER_ID: Version = Version(13);

const HEADER: HeaderName = HeaderName::from_static("openstack-api-version");
const HEADER_MIN: HeaderName = HeaderName::from_static("openstack-api-minimum-version");
const HEADER_MAX: HeaderName = HeaderName::from_static("openstack-api-maximum-version");

/// The words under which this API is known.
const NAMES: [&str; 3] = ["container-infra", "container-infrastructure", "container-infrastructure-management"];

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{}", self.0)
    }
}

impl Version {
    /// The version a request asks for.
    ///
    /// # Errors
    /// 406, in the ordinary form where the header cannot be read, in the special form where it names a version outside the range.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Error> {
        let Some(value) = headers.get(HEADER) else { return Ok(MIN) };
        let unreadable =
            || Error::not_acceptable("OpenStack-API-Version must be one service name and one version, such as 'container-infra 1.9'");
        let text = value.to_str().map_err(|_| unreadable())?;
        let mut words = text.split_ascii_whitespace();
        let (Some(name), Some(asked), None) = (words.next(), words.next(), words.next()) else { return Err(unreadable()) };
        if asked.eq_ignore_ascii_case("latest") {
            return Ok(MAX);
        }
        let (major, minor) = asked.split_once('.').ok_or_else(unreadable)?;
        let (major, minor) = (number(major).ok_or_else(unreadable)?, number(minor).ok_or_else(unreadable)?);
        if !NAMES.contains(&name) {
            return Err(unreadable());
        }
        match (major, u8::try_from(minor)) {
            (1, Ok(minor)) if (MIN..=MAX).contains(&Self(minor)) => Ok(Self(minor)),
            _ => Err(Error::version(asked)),
        }
    }
}

/// A number without sign or leading zeroes, of few digits.
fn number(text: &str) -> Option<u32> {
    let sound = !text.is_empty() && text.len() <= 6 && text.bytes().all(|byte| byte.is_ascii_digit());
    sound.then(|| text.parse().ok())?
}

/// What answers say: the range, and the version they were made for (`None`: the one that was asked for is echoed).
pub(crate) fn stamp(headers: &mut HeaderMap, version: Option<Version>, request: &HeaderMap) {
    const WORD: &str = "container-infrastructure-management";
    headers.insert(HEADER_MIN, HeaderValue::from_static("container-infrastructure-management 1.1"));
    headers.insert(HEADER_MAX, HeaderValue::from_static("container-infrastructure-management 1.14"));
    headers.insert(header::VARY, HeaderValue::from_static("OpenStack-API-Version"));
    let value = match version {
        Some(MIN) => Some(HeaderValue::from_static("container-infrastructure-management 1.1")),
        Some(MAX) => Some(HeaderValue::from_static("container-infrastructure-management 1.14")),
        Some(version) => HeaderValue::try_from(format!("{WORD} {version}")).ok(),
        None => asked(request).and_then(|asked| HeaderValue::try_from(format!("{WORD} {asked}")).ok()),
    };
    if let Some(value) = value {
        headers.insert(HEADER, value);
    }
}

fn asked(request: &HeaderMap) -> Option<&str> {
    request.get(HEADER)?.to_str().ok()?.split_ascii_whitespace().nth(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &str) -> Result<Version, Error> {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_str(value).unwrap());
        Version::of(&headers)
    }

    #[test]
    fn the_header_names_one_version() {
        assert_eq!(Version::of(&HeaderMap::new()).unwrap(), MIN);
        assert_eq!(of("container-infra 1.9").unwrap(), Version(9));
        assert_eq!(of("container-infrastructure  1.14").unwrap(), MAX);
        assert_eq!(of("container-infra LATEST").unwrap(), MAX);
        assert_eq!(of("compute latest").unwrap(), MAX);
    }

    #[test]
    fn everything_else_is_not_acceptable() {
        for bad in ["", "1.3", "container-infra", "container-infra 1", "container-infra 1.x", "container-infra 1.1.1", "compute 1.1"] {
            let error = of(bad).unwrap_err();
            assert_eq!(error.status(), 406, "{bad}");
            assert!(!error.to_string().contains("not within"), "{bad}");
        }
        assert_eq!(of("container-infra 1.1, compute 2.1").unwrap_err().status(), 406);
        for outside in ["container-infra 1.0", "container-infra 1.15", "container-infra 2.1", "container-infra 1.999"] {
            assert!(of(outside).unwrap_err().to_string().contains("not within"), "{outside}");
        }
    }
}
