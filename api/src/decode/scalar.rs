//! Conversions of single values, as lenient as Magnum's.

use super::Value;

/// An integer: a number, a float (cut), a boolean (0 or 1) or a text of digits.
pub(crate) fn integer(value: &Value) -> Option<i128> {
    match value {
        Value::Integer(number) => Some(*number),
        Value::Bool(flag) => Some(i128::from(*flag)),
        Value::Float(number) => truncated(*number),
        Value::Text(text) => digits(text),
        Value::Null | Value::List(_) | Value::Map(_) => None,
    }
}

/// A float without its fraction, where it is within what any field may hold.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked first")]
fn truncated(number: f64) -> Option<i128> {
    (number.is_finite() && number.abs() < 1e15).then(|| number.trunc() as i128)
}

/// A text of decimal digits with an optional sign; spaces around it are not accepted.
pub(crate) fn digits(text: &str) -> Option<i128> {
    if text.len() > 20 || !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-' || byte == b'+') {
        return None;
    }
    text.parse().ok()
}

/// A boolean: itself, one of the words, or the numbers 0 and 1.
pub(crate) fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::Text(text) => word(text),
        Value::Integer(0) => Some(false),
        Value::Integer(1) => Some(true),
        _ => None,
    }
}

/// A boolean as a word.
pub(crate) fn word(text: &str) -> Option<bool> {
    const TRUE: [&str; 6] = ["1", "t", "true", "on", "y", "yes"];
    const FALSE: [&str; 6] = ["0", "f", "false", "off", "n", "no"];
    if TRUE.iter().any(|word| word.eq_ignore_ascii_case(text)) {
        Some(true)
    } else if FALSE.iter().any(|word| word.eq_ignore_ascii_case(text)) {
        Some(false)
    } else {
        None
    }
}

/// A scalar as Python would print it: what label values become.
pub(crate) fn printed(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.clone()),
        Value::Bool(true) => Some("True".to_owned()),
        Value::Bool(false) => Some("False".to_owned()),
        Value::Integer(number) => Some(number.to_string()),
        // Rust's debug form keeps the ".0" of a whole float, as Python's does.
        Value::Float(number) => Some(format!("{number:?}")),
        Value::Null | Value::List(_) | Value::Map(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_come_in_many_dresses() {
        let text = |text: &str| Value::Text(text.to_owned());
        for (value, expected) in [
            (Value::Integer(3), Some(3)),
            (text("3"), Some(3)),
            (text("-1"), Some(-1)),
            (Value::Float(1.5), Some(1)),
            (Value::Bool(true), Some(1)),
            (text(""), None),
            (text("abc"), None),
            (text("1.5"), None),
            (text(" 3"), None),
            (text("99999999999999999999999999"), None),
            (Value::Float(1e300), None),
            (Value::Null, None),
            (Value::List(Vec::new()), None),
        ] {
            assert_eq!(integer(&value), expected, "{value:?}");
        }
    }

    #[test]
    fn booleans_are_words_too() {
        for yes in ["1", "T", "true", "True", "ON", "y", "Yes"] {
            assert_eq!(word(yes), Some(true), "{yes}");
        }
        for no in ["0", "f", "FALSE", "off", "N", "no"] {
            assert_eq!(word(no), Some(false), "{no}");
        }
        assert_eq!(word("maybe"), None);
        assert_eq!(word(""), None);
    }

    #[test]
    fn labels_are_printed_as_python_does() {
        assert_eq!(printed(&Value::Bool(true)).as_deref(), Some("True"));
        assert_eq!(printed(&Value::Float(1.5)).as_deref(), Some("1.5"));
        assert_eq!(printed(&Value::Float(3.0)).as_deref(), Some("3.0"));
        assert_eq!(printed(&Value::Integer(3)).as_deref(), Some("3"));
        assert_eq!(printed(&Value::Null), None);
    }
}
