//! A JSON text as a tree, read once, with everything refused that two readers could understand differently.
//!
//! Object keys stand in the order of the text and never twice. Depth is bounded, strings hold no zero character (stored keys end texts
//! with it), numbers that no 64-bit type holds are an error. The tree is small and short-lived: handlers take their fields out of it.

use std::{collections::HashSet, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

/// Objects and lists may stand this deep in each other.
pub(crate) const DEPTH_MAX: usize = 64;

/// From this many keys on, duplicates are looked for with a set instead of by comparing.
const FEW_KEYS: usize = 16;

/// A piece of JSON.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    List(Vec<Value>),
    Map(Object),
}

/// The members of a JSON object in their order.
pub(crate) type Object = Vec<(String, Value)>;

impl Value {
    /// Reads a JSON text; the error says where and why.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, String> {
        let mut reader = serde_json::Deserializer::from_slice(text);
        let value = Depth(DEPTH_MAX).deserialize(&mut reader).map_err(|error| error.to_string())?;
        reader.end().map_err(|error| error.to_string())?;
        Ok(value)
    }

    /// What it is, for complaints.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) | Self::Float(_) => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Map(_) => "an object",
        }
    }

    /// Text from a literal or a stored string; absent becomes null.
    pub(crate) fn text(text: Option<&str>) -> Self {
        text.map_or(Self::Null, |text| Self::Text(text.to_owned()))
    }

    /// A number from a stored one; absent becomes null.
    pub(crate) fn number(number: Option<u32>) -> Self {
        number.map_or(Self::Null, |number| Self::Integer(number.into()))
    }
}

/// Reads a value that may nest this much deeper.
struct Depth(usize);

impl<'de> DeserializeSeed<'de> for Depth {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Depth {
    fn deeper<E: serde::de::Error>(&self) -> Result<usize, E> {
        self.0.checked_sub(1).ok_or_else(|| E::custom(format_args!("nested deeper than {DEPTH_MAX} levels")))
    }
}

fn checked<E: serde::de::Error>(text: &str) -> Result<(), E> {
    if text.contains('\0') { Err(E::custom("a string holds a zero character")) } else { Ok(()) }
}

impl<'de> Visitor<'de> for Depth {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Integer(value.into()))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Integer(value.into()))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }
    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        self.visit_string(value.to_owned())
    }
    fn visit_string<E: serde::de::Error>(self, value: String) -> Result<Value, E> {
        checked(&value)?;
        Ok(Value::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let depth = self.deeper()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Depth(depth))? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let depth = self.deeper()?;
        let mut object = Object::new();
        let mut many: Option<HashSet<String>> = None;
        while let Some(key) = entries.next_key::<String>()? {
            checked(&key)?;
            let twice = match &mut many {
                Some(keys) => !keys.insert(key.clone()),
                None => object.iter().any(|(other, _)| *other == key),
            };
            if twice {
                return Err(A::Error::custom(format_args!("the key {key:?} stands there twice")));
            }
            let value = entries.next_value_seed(Depth(depth))?;
            object.push((key, value));
            if many.is_none() && object.len() >= FEW_KEYS {
                many = Some(object.iter().map(|(key, _)| key.clone()).collect());
            }
        }
        Ok(Value::Map(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_order_and_kinds() {
        let value = Value::parse(br#"{"b": 1, "a": [null, true, 1.5, "x"], "c": {}}"#).unwrap();
        let Value::Map(object) = value else { panic!("not an object") };
        assert_eq!(object.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["b", "a", "c"]);
        assert_eq!(object[0].1, Value::Integer(1));
        assert_eq!(object[1].1, Value::List(vec![Value::Null, Value::Bool(true), Value::Float(1.5), Value::Text("x".into())]));
    }

    #[test]
    fn refuses_what_is_ambiguous() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1} x"#,
            r#"{"a":"\u0000"}"#,
            r#"{"\u0000":1}"#,
            r#"{"a":1e400}"#,
            r#"{"a":NaN}"#,
            r#""\ud800""#,
            "",
        ] {
            assert!(Value::parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(Value::parse(b"\"\xff\"").is_err());
        let many: String = (0..40).map(|n| format!("\"k{n}\":1,")).collect();
        assert!(Value::parse(format!("{{{many}\"k3\":2}}").as_bytes()).is_err());
        assert!(Value::parse(format!("{{{many}\"k40\":2}}").as_bytes()).is_ok());
    }

    #[test]
    fn depth_is_bounded() {
        assert!(Value::parse(format!("{}{}", "[".repeat(64), "]".repeat(64)).as_bytes()).is_ok());
        assert!(Value::parse(format!("{}{}", "[".repeat(65), "]".repeat(65)).as_bytes()).is_err());
        assert!(Value::parse("[".repeat(100_000).as_bytes()).is_err());
        assert!(Value::parse("{\"a\":".repeat(100_000).as_bytes()).is_err());
    }
}
