//! Python literals: how clients put dictionaries into the text values of a patch (`"{'a': 'b', 'n': 3}"`).
//!
//! Reads dictionaries, lists, tuples, strings (either quote, usual escapes), numbers and the constants of Python and of JSON, so a JSON
//! text is read too. Depth is bounded as in JSON. Nothing is evaluated.

use super::value::{DEPTH_MAX, Object, Value};

/// Reads one literal that is the whole text.
pub(crate) fn parse(text: &str) -> Option<Value> {
    let mut reader = Reader { rest: text };
    let value = reader.value(DEPTH_MAX)?;
    reader.skip();
    reader.rest.is_empty().then_some(value)
}

/// Labels in the form `k=v,k2=v2`, as one client sends them.
pub(crate) fn pairs(text: &str) -> Option<Value> {
    let mut object = Object::new();
    for pair in text.split(',') {
        let (key, value) = pair.split_once('=')?;
        let (key, value) = (key.trim(), value.trim());
        if key.is_empty() || object.iter().any(|(name, _)| name == key) || key.contains(['{', '\'', '"']) {
            return None;
        }
        object.push((key.to_owned(), Value::Text(value.to_owned())));
    }
    Some(Value::Map(object))
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn eat(&mut self, token: char) -> bool {
        self.skip();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        self.skip();
        match self.rest.chars().next()? {
            '{' => self.object(depth.checked_sub(1)?),
            '[' => self.list('[', ']', depth.checked_sub(1)?),
            '(' => self.list('(', ')', depth.checked_sub(1)?),
            '\'' | '"' => self.string().map(Value::Text),
            _ => self.word(),
        }
    }

    fn object(&mut self, depth: usize) -> Option<Value> {
        let mut object = Object::new();
        self.eat('{').then_some(())?;
        while !self.eat('}') {
            let Value::Text(key) = self.value(depth)? else { return None };
            self.eat(':').then_some(())?;
            let value = self.value(depth)?;
            // Python keeps the last of two equal keys.
            object.retain(|(name, _)| *name != key);
            object.push((key, value));
            if !self.eat(',') {
                self.eat('}').then_some(())?;
                break;
            }
        }
        Some(Value::Map(object))
    }

    fn list(&mut self, open: char, close: char, depth: usize) -> Option<Value> {
        let mut list = Vec::new();
        self.eat(open).then_some(())?;
        while !self.eat(close) {
            list.push(self.value(depth)?);
            if !self.eat(',') {
                self.eat(close).then_some(())?;
                break;
            }
        }
        Some(Value::List(list))
    }

    fn string(&mut self) -> Option<String> {
        let mut chars = self.rest.char_indices();
        let (_, quote) = chars.next()?;
        let mut text = String::new();
        while let Some((at, char)) = chars.next() {
            match char {
                '\0' | '\n' => return None,
                '\\' => text.push(escape(&mut chars)?),
                _ if char == quote => {
                    self.rest = self.rest.get(at + char.len_utf8()..)?;
                    return Some(text);
                }
                _ => text.push(char),
            }
        }
        None
    }

    fn word(&mut self) -> Option<Value> {
        let end = self
            .rest
            .find(|char: char| !(char.is_ascii_alphanumeric() || matches!(char, '+' | '-' | '.' | '_')))
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        match word {
            "None" | "null" => Some(Value::Null),
            "True" | "true" => Some(Value::Bool(true)),
            "False" | "false" => Some(Value::Bool(false)),
            _ => super::scalar::digits(word).map(Value::Integer).or_else(|| {
                let number: f64 = word.starts_with(|char: char| char.is_ascii_digit() || char == '-').then(|| word.parse().ok())??;
                number.is_finite().then_some(Value::Float(number))
            }),
        }
    }
}

fn escape(chars: &mut std::str::CharIndices<'_>) -> Option<char> {
    let (_, char) = chars.next()?;
    let digits = match char {
        'n' => return Some('\n'),
        'r' => return Some('\r'),
        't' => return Some('\t'),
        '\\' | '\'' | '"' | '/' => return Some(char),
        'x' => 2,
        'u' => 4,
        _ => return None,
    };
    let mut code = 0;
    for _ in 0..digits {
        code = code * 16 + chars.next()?.1.to_digit(16)?;
    }
    char::from_u32(code).filter(|char| *char != '\0')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn python_and_json_are_read() {
        let python = parse("{'api': 'ok', 'n': 3, 'flag': True, 'none': None, 'list': ['x', 1.5], }").unwrap();
        let json = parse(r#"{"api": "ok", "n": 3, "flag": true, "none": null, "list": ["x", 1.5]}"#).unwrap();
        assert_eq!(python, json);
        assert_eq!(parse("'it\\'s \\u00e9'"), Some(text("it's é")));
        assert_eq!(parse("()"), Some(Value::List(Vec::new())));
    }

    #[test]
    fn nothing_is_evaluated_or_guessed() {
        for bad in ["", "{", "{'a'}", "{'a': 1", "__import__('os')", "1 + 1", "{'a': b}", "'open", "{1: 2}", "[1] x", "inf", "'\\x00'"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        assert_eq!(parse(&"[".repeat(100_000)), None);
    }

    #[test]
    fn pairs_are_labels() {
        assert_eq!(pairs("a=1,b=x=y"), Some(Value::Map(vec![("a".into(), text("1")), ("b".into(), text("x=y"))])));
        for bad in ["", "a", "a=1,a=2", "=1", "{'a=1'}"] {
            assert_eq!(pairs(bad), None, "{bad}");
        }
    }
}
