//! The part of an address after the question mark. What a route does not know is refused, as is what stands there twice.

use crate::{
    decode::fields::{Complaints, shortened},
    error::Error,
};

/// The parameters of a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// The value of a parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A boolean parameter.
    ///
    /// # Errors
    /// 400 if it is none.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Error> {
        let Some(text) = self.get(name) else { return Ok(None) };
        crate::decode::scalar::word(text).map(Some).ok_or_else(|| Error::invalid(format!("{name} must be a boolean")))
    }

    /// All parameters but these.
    pub(crate) fn others<'a>(&'a self, but: &'a [&str]) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())).filter(|(key, _)| !but.contains(key))
    }
}

/// Reads a query of which only these parameters are known.
///
/// # Errors
/// 400 for anything else.
pub(crate) fn parse(query: Option<&str>, known: &[&str]) -> Result<Query, Error> {
    let mut parsed = Query::default();
    let mut complaints = Complaints::default();
    for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match (decoded(name, true), decoded(value, true)) {
            (Some(name), Some(_)) if !known.contains(&name.as_str()) => {
                complaints.add(format!("there is no query parameter {:?} here", shortened(&name)));
            }
            (Some(name), Some(_)) if parsed.get(&name).is_some() => {
                complaints.add(format!("the query parameter {name} stands there twice"))
            }
            (Some(name), Some(value)) => parsed.pairs.push((name, value)),
            _ => complaints.add("the query is not encoded as it should be"),
        }
    }
    complaints.finish()?;
    Ok(parsed)
}

/// A percent-encoded text, in a query with plus for space. `None`: broken encoding, not UTF-8, or a zero character.
pub(crate) fn decoded(text: &str, plus: bool) -> Option<String> {
    if !text.bytes().any(|byte| byte == b'%' || (plus && byte == b'+') || byte == 0) {
        return Some(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let (high, low) = (hex(rest.next()?)?, hex(rest.next()?)?);
                bytes.push(high << 4 | low);
            }
            b'+' if plus => bytes.push(b' '),
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// A text as a value in a query.
pub(crate) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_parameters_once() {
        let query = parse(Some("limit=2&marker=a%20b+c&"), &["limit", "marker"]).unwrap();
        assert_eq!(query.get("limit"), Some("2"));
        assert_eq!(query.get("marker"), Some("a b c"));
        for bad in ["x=1", "limit=1&limit=2", "limit=%zz", "limit=%ff", "limit=%00", "limit=%1"] {
            assert!(parse(Some(bad), &["limit"]).is_err(), "{bad}");
        }
        assert!(parse(None, &[]).is_ok());
    }

    #[test]
    fn encoding_is_undone_by_decoding() {
        for text in ["a b", "ü/&=?", "100%"] {
            assert_eq!(decoded(&encoded(text), true).as_deref(), Some(text));
        }
    }
}
