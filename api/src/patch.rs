//! The dialect of JSON Patch that Magnum speaks, with what clients really send.
//!
//! A patch is a list of `add`, `replace` and `remove`; values are texts or integers, so dictionaries travel as literals in a text
//! (objects are taken too). All operations are applied in order to one document, which is then decoded and checked like a new object:
//! an error anywhere leaves everything as it was. `remove` leaves the field absent, so its default comes back.

use crate::{
    decode::{Complaints, Fields, Given, Object, Value, fields::shortened, json, literal, scalar},
    error::Error,
};

/// What a patch of one kind of object may touch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// Fields only the server sets, besides those no kind lets be changed.
    pub(crate) internal: &'static [&'static str],
    /// Fields that cannot be removed.
    pub(crate) fixed: &'static [&'static str],
    /// Fields that are dictionaries.
    pub(crate) dictionaries: &'static [&'static str],
}

/// Fields no kind of object lets be changed.
const INTERNAL: [&str; 7] = ["created_at", "id", "links", "updated_at", "uuid", "project_id", "user_id"];

/// The longest patch.
const OPERATIONS_MAX: usize = 1000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Add,
    Replace,
    Remove,
}

#[derive(Debug)]
struct Operation {
    verb: Verb,
    root: String,
    entry: Option<String>,
    value: Option<Value>,
}

/// The fields of `document` after the patch in `body`.
///
/// # Errors
/// 400 with everything that is wrong with the patch.
pub(crate) fn apply(document: Object, body: &[u8], rules: &Rules) -> Result<Fields, Error> {
    apply_noting(document, body, rules, &mut Vec::new())
}

/// The same, noting which fields were named.
///
/// # Errors
/// As [`apply`].
pub(crate) fn apply_noting(mut document: Object, body: &[u8], rules: &Rules, named: &mut Vec<String>) -> Result<Fields, Error> {
    let Value::List(items) = json(body)? else {
        return Err(Error::invalid("a patch is a list of operations"));
    };
    if items.len() > OPERATIONS_MAX {
        return Err(Error::invalid(format!("a patch has {OPERATIONS_MAX} operations at most")));
    }
    let mut complaints = Complaints::default();
    for (position, item) in items.into_iter().enumerate() {
        let outcome = read(item).and_then(|operation| {
            named.push(operation.root.clone());
            perform(&mut document, operation, rules)
        });
        if let Err(error) = outcome {
            complaints.add(error.within(&format!("operation {}", position + 1)).to_string());
        }
    }
    complaints.finish()?;
    document.retain(|(_, value)| *value != Value::Null);
    Ok(Fields::new(document))
}

fn read(item: Value) -> Result<Operation, Error> {
    let Value::Map(object) = item else {
        return Err(Error::invalid(format!("must be an object, not {}", item.kind())));
    };
    let mut fields = Fields::new(object);
    let verb = fields.required("op");
    let path = fields.text_within("path", 1, 1024);
    let path = fields.mandatory("path", path, false);
    let value = match fields.take("value") {
        Given::Absent => None,
        Given::Null => Some(Value::Null),
        Given::Set(value) => Some(value),
    };
    fields.finish()?;
    let verb = match verb.as_str() {
        "add" => Verb::Add,
        "replace" => Verb::Replace,
        "remove" => Verb::Remove,
        _ => return Err(Error::invalid("op must be add, replace or remove")),
    };
    let (root, entry) = split(&path).ok_or_else(|| Error::invalid(format!("there is nothing at {:?}", shortened(&path))))?;
    match value {
        Some(Value::Null | Value::Float(_)) if verb != Verb::Remove => Err(Error::invalid("value must be a string or an integer")),
        None if verb != Verb::Remove => Err(Error::invalid("value is mandatory")),
        value => Ok(Operation { verb, root, entry, value }),
    }
}

/// The one or two names of a path.
fn split(path: &str) -> Option<(String, Option<String>)> {
    let mut names = path.strip_prefix('/')?.split('/');
    let sound = |name: &str| !name.is_empty() && name.chars().all(|char| char.is_alphanumeric() || char == '_' || char == '-');
    let root = names.next().filter(|name| sound(name))?;
    let entry = match names.next() {
        None => None,
        Some(name) if sound(name) => Some(name.to_owned()),
        Some(_) => return None,
    };
    names.next().is_none().then(|| (root.to_owned(), entry))
}

fn perform(document: &mut Object, operation: Operation, rules: &Rules) -> Result<(), Error> {
    let Operation { verb, root, entry, value } = operation;
    if INTERNAL.contains(&root.as_str()) || rules.internal.contains(&root.as_str()) {
        return Err(Error::invalid(format!("{root} is set by the server and cannot be changed")));
    }
    let dictionary = rules.dictionaries.contains(&root.as_str());
    let Some((_, field)) = document.iter_mut().find(|(name, _)| *name == root) else {
        return Err(Error::invalid(format!("there is no field {:?}", shortened(&root))));
    };
    match entry {
        Some(entry) if dictionary => within(field, verb, &root, entry, value),
        Some(_) => Err(Error::invalid(format!("{root} has no entries"))),
        None => {
            let empty = *field == Value::Null || matches!(field, Value::Map(entries) if entries.is_empty());
            *field = match (verb, value) {
                (Verb::Remove, _) if rules.fixed.contains(&root.as_str()) => {
                    return Err(Error::invalid(format!("{root} cannot be removed")));
                }
                (Verb::Remove, _) => Value::Null,
                (Verb::Add, _) if !empty => return Err(Error::invalid(format!("{root} has a value already; use replace"))),
                (_, Some(value)) if dictionary => parsed(&root, value)?,
                (_, Some(value @ (Value::List(_) | Value::Map(_)))) => {
                    return Err(Error::invalid(format!("value must be a string or an integer, not {}", value.kind())));
                }
                (_, Some(value)) => value,
                (_, None) => return Err(Error::invalid("value is mandatory")),
            };
            Ok(())
        }
    }
}

/// An operation on one entry of a dictionary.
fn within(field: &mut Value, verb: Verb, root: &str, name: String, value: Option<Value>) -> Result<(), Error> {
    if *field == Value::Null {
        *field = Value::Map(Object::new());
    }
    let Value::Map(entries) = field else {
        return Err(Error::invalid(format!("{root} has no entries")));
    };
    let position = entries.iter().position(|(key, _)| *key == name);
    let text = |value: Option<Value>| {
        let text = value.as_ref().and_then(scalar::printed);
        text.map(Value::Text).ok_or_else(|| Error::invalid("value must be a string or an integer"))
    };
    match (verb, position.and_then(|position| entries.get_mut(position))) {
        (Verb::Add, None) => entries.push((name, text(value)?)),
        (Verb::Add | Verb::Replace, Some((_, present))) => *present = text(value)?,
        (Verb::Remove, Some(_)) => entries.retain(|(key, _)| *key != name),
        (Verb::Replace | Verb::Remove, None) => return Err(Error::invalid(format!("{root} has no entry {:?}", shortened(&name)))),
    }
    Ok(())
}

/// A whole dictionary: itself, a literal of Python or JSON in a text, or `k=v,k2=v2`.
fn parsed(root: &str, value: Value) -> Result<Value, Error> {
    let value = match value {
        Value::Text(text) => literal::parse(&text).or_else(|| literal::pairs(&text)),
        value => Some(value),
    };
    match value {
        Some(value @ Value::Map(_)) => Ok(value),
        _ => Err(Error::invalid(format!("{root} must be a dictionary, such as \"{{'key': 'value'}}\""))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules { internal: &["api_address"], fixed: &["image_id"], dictionaries: &["labels"] };

    fn document() -> Object {
        let text = |text: &str| Value::Text(text.to_owned());
        vec![
            ("name".into(), text("old")),
            ("image_id".into(), text("i")),
            ("flavor_id".into(), Value::Null),
            ("node_count".into(), Value::Integer(3)),
            ("labels".into(), Value::Map(vec![("a".into(), text("1"))])),
        ]
    }

    fn patched(body: &str) -> Result<Fields, Error> {
        apply(document(), body.as_bytes(), &RULES)
    }

    #[test]
    fn operations_apply_in_order() {
        let mut fields = patched(
            r#"[{"op":"replace","path":"/name","value":"new"},
                {"op":"add","path":"/flavor_id","value":"f"},
                {"op":"remove","path":"/node_count"},
                {"op":"add","path":"/labels/b","value":2},
                {"op":"replace","path":"/labels/a","value":"x"},
                {"op":"remove","path":"/labels/b"}]"#,
        )
        .unwrap();
        assert_eq!(fields.text("name"), Given::Set("new".into()));
        assert_eq!(fields.text("flavor_id"), Given::Set("f".into()));
        assert_eq!(fields.integer("node_count", 0, 9), Given::Absent);
        assert_eq!(fields.dictionary("labels").some().unwrap().into_iter().collect::<Vec<_>>(), [("a".into(), "x".into())]);
    }

    #[test]
    fn dictionaries_travel_in_texts() {
        for value in [r#""{'b': 'c'}""#, r#"{"b": "c"}"#, r#""{\"b\": \"c\"}""#, r#""b=c""#] {
            let mut fields = patched(&format!(r#"[{{"op":"replace","path":"/labels","value":{value}}}]"#)).unwrap();
            assert_eq!(fields.dictionary("labels").some().unwrap().get("b").map(String::as_str), Some("c"), "{value}");
        }
    }

    #[test]
    fn what_is_wrong_is_refused() {
        for bad in [
            r"{}",
            r"null",
            r"[1]",
            r#"[{"op":"move","path":"/name","from":"/x"}]"#,
            r#"[{"op":"test","path":"/name","value":"old"}]"#,
            r#"[{"op":"replace","path":"/name"}]"#,
            r#"[{"op":"replace","path":"/name","value":null}]"#,
            r#"[{"op":"replace","path":"/name","value":1.5}]"#,
            r#"[{"op":"replace","path":"/name","value":["x"]}]"#,
            r#"[{"op":"replace","path":"/","value":"x"}]"#,
            r#"[{"op":"replace","path":"/name/","value":"x"}]"#,
            r#"[{"op":"replace","path":"/~1","value":"x"}]"#,
            r#"[{"op":"replace","path":"name","value":"x"}]"#,
            r#"[{"op":"replace","path":"/labels/a.b","value":"x"}]"#,
            r#"[{"op":"replace","path":"/labels/a/b","value":"x"}]"#,
            r#"[{"op":"replace","path":"/labels/zz","value":"x"}]"#,
            r#"[{"op":"replace","path":"/labels","value":"nonsense"}]"#,
            r#"[{"op":"replace","path":"/uuid","value":"x"}]"#,
            r#"[{"op":"remove","path":"/api_address"}]"#,
            r#"[{"op":"remove","path":"/image_id"}]"#,
            r#"[{"op":"add","path":"/name","value":"x"}]"#,
            r#"[{"op":"add","path":"/nonsense","value":"x"}]"#,
            r#"[{"op":"replace","path":"/name/x","value":"x"}]"#,
            r#"[{"op":"replace","path":"/name","value":"x","extra":1}]"#,
        ] {
            let error = patched(bad).err().map(|error| error.status().as_u16());
            assert_eq!(error, Some(400), "{bad}");
        }
        let text = patched(r#"[{"op":"x","path":"/name"},{"op":"add","path":"/name","value":"x"}]"#).unwrap_err().to_string();
        assert!(text.contains("operation 1") && text.contains("operation 2"), "{text}");
    }
}
