//! The fields of an object, taken out one by one; what is wrong is collected, not returned at the first.

use std::collections::BTreeMap;

use super::{Object, Value, scalar};
use crate::error::Error;

/// How many complaints one answer names; a body of a megabyte could have more.
const COMPLAINTS_MAX: usize = 20;

/// Labels and environments may have this many entries.
const ENTRIES_MAX: usize = 4096;

/// The longest text where no other limit is stated.
pub(crate) const TEXT_MAX: usize = 255;

/// What is wrong with a request, one sentence each.
#[derive(Debug, Default)]
pub(crate) struct Complaints {
    sentences: Vec<String>,
    more: usize,
}

impl Complaints {
    /// One more.
    pub(crate) fn add(&mut self, sentence: impl Into<String>) {
        if self.sentences.len() < COMPLAINTS_MAX {
            self.sentences.push(sentence.into());
        } else {
            self.more += 1;
        }
    }

    /// All of them as one answer, if there are any.
    pub(crate) fn finish(self) -> Result<(), Error> {
        if self.sentences.is_empty() {
            return Ok(());
        }
        let mut text = self.sentences.join("; ");
        if self.more > 0 {
            text.push_str(&format!("; and {} more", self.more));
        }
        Err(Error::invalid(text))
    }
}

/// What a client said about a field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Given<T> {
    /// Nothing.
    Absent,
    /// Explicitly nothing.
    Null,
    /// Something.
    Set(T),
}

impl<T> Given<T> {
    /// The value, if there is one.
    pub(crate) fn some(self) -> Option<T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Null | Self::Absent => None,
        }
    }

    /// The value, or this one where nothing was said or null.
    pub(crate) fn or(self, default: T) -> T {
        self.some().unwrap_or(default)
    }
}

/// The fields of an object that were not taken yet, and the complaints so far.
#[derive(Debug)]
pub(crate) struct Fields {
    object: Object,
    complaints: Complaints,
}

impl Fields {
    pub(crate) fn new(object: Object) -> Self {
        Self { object, complaints: Complaints::default() }
    }

    /// One more complaint.
    pub(crate) fn complain(&mut self, sentence: impl Into<String>) {
        self.complaints.add(sentence);
    }

    /// Whether the field is there, null or not.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.object.iter().any(|(name, _)| name == key)
    }

    /// Takes a field as it is.
    pub(crate) fn take(&mut self, key: &str) -> Given<Value> {
        match self.object.iter().position(|(name, _)| name == key) {
            None => Given::Absent,
            Some(position) => match self.object.swap_remove(position).1 {
                Value::Null => Given::Null,
                value => Given::Set(value),
            },
        }
    }

    /// Takes a field through a conversion; `wanted` says what it should have been.
    fn convert<T>(&mut self, key: &str, wanted: &str, convert: impl FnOnce(Value) -> Result<T, Value>) -> Given<T> {
        match self.take(key) {
            Given::Absent => Given::Absent,
            Given::Null => Given::Null,
            Given::Set(value) => match convert(value) {
                Ok(value) => Given::Set(value),
                Err(value) => {
                    self.complain(format!("{key} must be {wanted}, not {}", shown(&value)));
                    Given::Absent
                }
            },
        }
    }

    /// A text of 1 to [`TEXT_MAX`] characters.
    pub(crate) fn text(&mut self, key: &str) -> Given<String> {
        self.text_within(key, 1, TEXT_MAX)
    }

    /// A text of so many characters.
    pub(crate) fn text_within(&mut self, key: &str, min: usize, max: usize) -> Given<String> {
        let given = self.convert(key, "a string", |value| match value {
            Value::Text(text) => Ok(text),
            other => Err(other),
        });
        let Given::Set(text) = given else { return given };
        // The byte length bounds the character count, so the usual short text is not counted.
        let long = text.len() > max && text.chars().count() > max;
        if text.len() < min || long {
            self.complain(format!("{key} must have {min} to {max} characters"));
            return Given::Absent;
        }
        Given::Set(text)
    }

    /// An integer within limits, both inclusive.
    pub(crate) fn integer(&mut self, key: &str, min: u32, max: u32) -> Given<u32> {
        let given = self.convert(key, "an integer", |value| scalar::integer(&value).ok_or(value));
        match given {
            Given::Absent => Given::Absent,
            Given::Null => Given::Null,
            Given::Set(number) => match u32::try_from(number) {
                Ok(number) if (min..=max).contains(&number) => Given::Set(number),
                _ => {
                    self.complain(format!("{key} must lie between {min} and {max}"));
                    Given::Absent
                }
            },
        }
    }

    /// A boolean.
    pub(crate) fn boolean(&mut self, key: &str) -> Given<bool> {
        self.convert(key, "a boolean", |value| scalar::boolean(&value).ok_or(value))
    }

    /// One of a few words.
    pub(crate) fn choice(&mut self, key: &str, words: &[&str]) -> Given<String> {
        let given = self.text(key);
        let Given::Set(word) = &given else { return given };
        if words.contains(&word.as_str()) {
            return given;
        }
        self.complain(format!("{key} must be one of {}", words.join(", ")));
        Given::Absent
    }

    /// A map from text to scalar, its values as Python prints them.
    pub(crate) fn dictionary(&mut self, key: &str) -> Given<BTreeMap<String, String>> {
        let given = self.convert(key, "an object", |value| match value {
            Value::Map(object) => Ok(object),
            other => Err(other),
        });
        let object = match given {
            Given::Absent => return Given::Absent,
            Given::Null => return Given::Null,
            Given::Set(object) => object,
        };
        if object.len() > ENTRIES_MAX {
            self.complain(format!("{key} may have {ENTRIES_MAX} entries at most"));
            return Given::Absent;
        }
        let mut entries = BTreeMap::new();
        for (name, value) in object {
            match scalar::printed(&value) {
                Some(text) if !name.is_empty() => {
                    entries.insert(name, text);
                }
                Some(_) => self.complain(format!("{key} has an entry without a name")),
                None => self.complain(format!("the value of {name:?} in {key} must be a string or a number, not {}", value.kind())),
            }
        }
        Given::Set(entries)
    }

    /// Complains where a mandatory field is absent or null; the empty value stands in until the complaints are answered.
    pub(crate) fn mandatory<T: Default>(&mut self, key: &str, given: Given<T>, complained: bool) -> T {
        match given {
            Given::Set(value) => value,
            Given::Absent if complained => T::default(),
            Given::Absent | Given::Null => {
                self.complain(format!("{key} is mandatory"));
                T::default()
            }
        }
    }

    /// Takes a mandatory text.
    pub(crate) fn required(&mut self, key: &str) -> String {
        let there = self.has(key);
        let given = self.text(key);
        self.mandatory(key, given, there)
    }

    /// Complains about fields that only the server sets.
    pub(crate) fn read_only(&mut self, keys: &[&str]) {
        for key in keys {
            if let Some(position) = self.object.iter().position(|(name, _)| name == key) {
                self.object.swap_remove(position);
                self.complain(format!("{key} is set by the server and cannot be given"));
            }
        }
    }

    /// Drops fields that are accepted without effect.
    pub(crate) fn ignore(&mut self, keys: &[&str]) {
        self.object.retain(|(name, _)| !keys.contains(&name.as_str()));
    }

    /// Complains about everything that was not taken and answers all complaints at once.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        for (name, _) in std::mem::take(&mut self.object) {
            self.complain(format!("there is no field {:?}", shortened(&name)));
        }
        self.complaints.finish()
    }
}

/// A value in a complaint: scalars as they are, cut; the rest by kind.
fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => format!("{:?}", shortened(text)),
        Value::Integer(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        other => other.kind().to_owned(),
    }
}

/// A text of a client cut for a message.
pub(crate) fn shortened(text: &str) -> &str {
    match text.char_indices().nth(60) {
        Some((end, _)) => text.get(..end).unwrap_or_default(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Fields {
        super::super::object(text.as_bytes()).unwrap()
    }

    #[test]
    fn all_complaints_come_at_once() {
        let mut fields = fields(r#"{"name": 7, "count": "x", "flag": "maybe", "uuid": null, "labels": {"a": [1]}, "nonsense": 1}"#);
        fields.text("name");
        fields.integer("count", 1, 9);
        fields.boolean("flag");
        fields.dictionary("labels");
        fields.read_only(&["uuid"]);
        fields.required("image_id");
        let text = fields.finish().unwrap_err().to_string();
        for part in ["name", "count", "flag", "uuid", "labels", "nonsense", "image_id"] {
            assert!(text.contains(part), "{part} is missing in: {text}");
        }
    }

    #[test]
    fn null_is_not_absent() {
        let mut fields = fields(r#"{"a": null}"#);
        assert_eq!(fields.text("a"), Given::Null);
        assert_eq!(fields.text("b"), Given::Absent);
        fields.finish().unwrap();
    }

    #[test]
    fn limits_are_in_characters() {
        let long = "é".repeat(255);
        let mut fields = fields(&format!(r#"{{"a": "{long}", "b": "{long}x", "c": ""}}"#));
        assert_eq!(fields.text("a"), Given::Set(long));
        assert_eq!(fields.text("b"), Given::Absent);
        assert_eq!(fields.text("c"), Given::Absent);
        assert!(fields.finish().unwrap_err().to_string().contains("c must have"));
    }

    #[test]
    fn dictionaries_hold_texts() {
        let mut fields = fields(r#"{"labels": {"a": true, "b": 1.5, "c": 3, "d": "x"}}"#);
        let labels = fields.dictionary("labels").some().unwrap();
        assert_eq!(labels.values().collect::<Vec<_>>(), ["True", "1.5", "3", "x"]);
    }
}
