//! Links as clients follow them: built from the host the request was sent to, so that a load balancer's name appears.

use http::{HeaderMap, Uri, header};
use serde::Serialize;

use crate::settings::Settings;

/// One link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Link {
    pub(crate) href: String,
    pub(crate) rel: &'static str,
}

/// The scheme and host a request was sent to, without a slash at the end.
pub(crate) fn base(headers: &HeaderMap, uri: &Uri, settings: &Settings) -> String {
    let forwarded = |name: &str| settings.trust_forwarded.then(|| headers.get(name)?.to_str().ok()).flatten();
    let scheme = match forwarded("x-forwarded-proto") {
        Some("https") => "https",
        Some("http") => "http",
        _ => settings.scheme.as_str(),
    };
    let host = forwarded("x-forwarded-host")
        .or_else(|| headers.get(header::HOST).and_then(|host| host.to_str().ok()))
        .or_else(|| uri.authority().map(http::uri::Authority::as_str))
        .filter(|host| plain(host))
        .unwrap_or(&settings.advertised);
    let prefix = forwarded("x-forwarded-prefix").filter(|prefix| plain_prefix(prefix)).unwrap_or_default();
    [scheme, "://", host, prefix.trim_end_matches('/')].concat()
}

/// A host that may stand in a link: names, addresses and a port, nothing that ends or begins something else.
fn plain(host: &str) -> bool {
    !host.is_empty() && host.len() <= 255 && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte))
}

fn plain_prefix(prefix: &str) -> bool {
    prefix.starts_with('/') && prefix.len() <= 255 && prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._/".contains(&byte))
}

/// The address of an object.
pub(crate) fn href(base: &str, collection: &str, id: impl std::fmt::Display) -> String {
    format!("{base}/v1/{collection}/{id}")
}

/// The two links of an object.
pub(crate) fn links(base: &str, collection: &str, id: impl std::fmt::Display) -> [Link; 2] {
    let bookmark = format!("{base}/{collection}/{id}");
    [Link { href: href(base, collection, id), rel: "self" }, Link { href: bookmark, rel: "bookmark" }]
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn with(pairs: &[(&'static str, &'static str)], trust_forwarded: bool) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        let settings = Settings { trust_forwarded, advertised: "me:9511".to_owned(), ..Settings::default() };
        base(&headers, &Uri::from_static("/v1"), &settings)
    }

    #[test]
    fn the_host_of_the_request_is_used_if_it_is_one() {
        assert_eq!(with(&[("host", "lb.example:9511")], false), "http://lb.example:9511");
        assert_eq!(with(&[("host", "[::1]:9511")], false), "http://[::1]:9511");
        assert_eq!(with(&[("host", "evil\"><script>")], false), "http://me:9511");
        assert_eq!(with(&[], false), "http://me:9511");
    }

    #[test]
    fn forwarded_headers_count_only_when_trusted() {
        let headers =
            [("host", "inner:1"), ("x-forwarded-host", "outer"), ("x-forwarded-proto", "https"), ("x-forwarded-prefix", "/magnum/")];
        assert_eq!(with(&headers, false), "http://inner:1");
        assert_eq!(with(&headers, true), "https://outer/magnum");
    }
}
