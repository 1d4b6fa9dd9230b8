//! From JSON to typed fields, with all complaints at once.
//!
//! The rules are those of the framework Magnum was written with: unknown and read-only keys are refused, `null` is not the same as
//! absent, numbers may come as text, booleans as words, label values as anything scalar. A handler takes every field it knows out of
//! [`Fields`] and calls [`Fields::finish`]; nothing it took is used if that complains. [`scalar`] has the conversions, [`value`] the
//! JSON tree, [`literal`] the Python literals that patches carry.

pub(crate) mod fields;
pub(crate) mod literal;
pub(crate) mod scalar;
pub(crate) mod value;

pub(crate) use fields::{Complaints, Fields, Given};
pub(crate) use value::{Object, Value};

use crate::error::Error;

/// The fields of a request body, which must be a JSON object.
pub(crate) fn object(body: &[u8]) -> Result<Fields, Error> {
    match json(body)? {
        Value::Map(object) => Ok(Fields::new(object)),
        other => Err(Error::invalid(format!("the body must be a JSON object, not {}", other.kind()))),
    }
}

/// A request body as JSON of any kind.
pub(crate) fn json(body: &[u8]) -> Result<Value, Error> {
    if body.is_empty() {
        return Err(Error::invalid("this request needs a JSON body"));
    }
    Value::parse(body).map_err(|reason| Error::invalid(format!("the body is not valid JSON: {reason}")))
}
