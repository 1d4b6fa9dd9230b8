//! Values of configuration keys: their three types and how texts become durations.

use std::{fmt, time::Duration};

/// A value; its type is that of the key's default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// A text, a path, an address, a duration.
    Text(String),
    /// A whole number.
    Number(i64),
    /// Yes or no.
    Flag(bool),
    /// Texts.
    List(Vec<String>),
}

impl Value {
    /// What people call the type.
    pub(super) const fn type_name(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text in quotes",
            Self::Number(_) => "a whole number",
            Self::Flag(_) => "true or false",
            Self::List(_) => "a list of texts",
        }
    }

    /// Reads the text of a variable or flag as this value's type.
    pub(super) fn parse_like(&self, text: &str) -> Option<Self> {
        Some(match self {
            Self::Text(_) => Self::Text(text.to_owned()),
            Self::Number(_) => Self::Number(text.replace('_', "").parse().ok()?),
            Self::Flag(_) => Self::Flag(text.parse().ok()?),
            Self::List(_) => Self::List(text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()),
        })
    }
}

/// As it would stand in a TOML file.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{}", toml::Value::String(text.clone())),
            Self::Number(number) => number.fmt(f),
            Self::Flag(flag) => flag.fmt(f),
            Self::List(list) => write!(f, "{}", toml::Value::Array(list.iter().cloned().map(toml::Value::String).collect())),
        }
    }
}

/// Reads "150ms", "5s", "10m", "2h" (a number may have a decimal point); `None` if it is something else.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at_checked(split)?;
    let seconds = match unit.trim() {
        "ms" => 0.001,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_their_unit() {
        assert_eq!(duration("150ms"), Some(Duration::from_millis(150)));
        assert_eq!(duration("1.5s"), Some(Duration::from_millis(1500)));
        assert_eq!(duration("2h"), Some(Duration::from_secs(7200)));
        for wrong in ["", "5", "s", "5 parsecs", "-1s", "1.2.3s", "999999999999999999999h"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn texts_become_the_type_of_the_default() {
        assert_eq!(Value::Number(0).parse_like("1_000"), Some(Value::Number(1000)));
        assert_eq!(Value::Flag(false).parse_like("yes"), None);
        assert_eq!(Value::List(vec![]).parse_like("a:1, b:2,"), Some(Value::List(vec!["a:1".into(), "b:2".into()])));
        let shown = Value::List(vec!["a\"b".into()]).to_string();
        assert_eq!(toml::from_str::<toml::Table>(&format!("x = {shown}")).unwrap()["x"][0].as_str(), Some("a\"b"));
    }
}
