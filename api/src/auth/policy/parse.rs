//! The language of checks: text to [`Check`].
//!
//! ```text
//! or    = and { "or" and }
//! and   = unary { "and" unary }
//! unary = "not" unary | "(" or ")" | check
//! check = "@" | "!" | kind ":" match
//! ```
//! Words are parted by white space; parentheses may stand at the beginning and at the end of a word, because within one they belong to
//! `%(name)s`. `and` binds closer than `or`. The empty text allows everybody.
//!
//! As with oslo.policy, a single check that makes no sense stands for "no" in its place (so `not` before it says yes!), and is told of; a text
//! whose words do not fit together is no check at all.

use super::check::{Check, Piece, Template};
use crate::decode::literal;
use crate::decode::value::Value;

/// How deep parentheses and `not` may go.
const DEPTH: usize = 64;

/// Why a text is no check.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unread {
    /// It follows no rule of the language.
    #[error("it is not understood near {0:?}")]
    Near(String),
    /// It would ask another server.
    #[error("checks that ask another server ({0}:) are not supported")]
    Remote(String),
}

/// A word of the language.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Word<'a> {
    Open,
    Close,
    And,
    Or,
    Not,
    Check(&'a str),
}

/// Reads a text; checks in it that make no sense are added to `odd`.
///
/// # Errors
/// Where it stops making sense.
pub(super) fn text(text: &str, odd: &mut Vec<Unread>) -> Result<Check, Unread> {
    if text.trim().is_empty() {
        // Only what is really empty is a rule without a condition; white space alone is a slip.
        return if text.is_empty() { Ok(Check::Always) } else { Err(Unread::Near(text.to_owned())) };
    }
    let words = words(text);
    let mut reader = Reader { words: &words, at: 0, odd };
    let check = reader.any(DEPTH)?;
    match reader.peek() {
        None => Ok(check),
        Some(word) => Err(near(Some(word))),
    }
}

/// The form of old: a list of alternatives, each a check or a list of checks that must all hold.
///
/// # Errors
/// As of [`text`].
pub(super) fn list(alternatives: &[Vec<String>], odd: &mut Vec<Unread>) -> Result<Check, Unread> {
    if alternatives.is_empty() {
        return Ok(Check::Always);
    }
    let mut any = Vec::new();
    for all in alternatives.iter().filter(|all| !all.is_empty()) {
        let checks = all.iter().map(|check| single_or_never(check, odd)).collect::<Result<Vec<_>, _>>()?;
        any.push(joined(checks, Check::All));
    }
    Ok(if any.is_empty() { Check::Never } else { joined(any, Check::Any) })
}

fn words(text: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    for word in text.split_whitespace() {
        let inner = word.trim_start_matches('(');
        words.extend(std::iter::repeat_n(Word::Open, word.len() - inner.len()));
        let bare = inner.trim_end_matches(')');
        match bare.to_ascii_lowercase().as_str() {
            "" => {}
            "and" => words.push(Word::And),
            "or" => words.push(Word::Or),
            "not" => words.push(Word::Not),
            _ => words.push(Word::Check(bare)),
        }
        words.extend(std::iter::repeat_n(Word::Close, inner.len() - bare.len()));
    }
    words
}

struct Reader<'a> {
    words: &'a [Word<'a>],
    at: usize,
    odd: &'a mut Vec<Unread>,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<&'a Word<'a>> {
        self.words.get(self.at)
    }

    fn eat(&mut self, word: &Word<'_>) -> bool {
        let there = self.peek() == Some(word);
        self.at += usize::from(there);
        there
    }

    fn any(&mut self, depth: usize) -> Result<Check, Unread> {
        let mut checks = vec![self.all(depth)?];
        while self.eat(&Word::Or) {
            checks.push(self.all(depth)?);
        }
        Ok(joined(checks, Check::Any))
    }

    fn all(&mut self, depth: usize) -> Result<Check, Unread> {
        let mut checks = vec![self.unary(depth)?];
        while self.eat(&Word::And) {
            checks.push(self.unary(depth)?);
        }
        Ok(joined(checks, Check::All))
    }

    fn unary(&mut self, depth: usize) -> Result<Check, Unread> {
        let word = self.peek();
        let depth = depth.checked_sub(1).ok_or_else(|| near(word))?;
        self.at += 1;
        match word {
            Some(Word::Not) => Ok(Check::Not(Box::new(self.unary(depth)?))),
            Some(Word::Open) => {
                let inner = self.any(depth)?;
                if self.eat(&Word::Close) { Ok(inner) } else { Err(near(self.peek())) }
            }
            Some(Word::Check(text)) => single_or_never(text, self.odd),
            other => Err(near(other)),
        }
    }
}

fn near(word: Option<&Word<'_>>) -> Unread {
    Unread::Near(match word {
        None => "the end".to_owned(),
        Some(Word::Open) => "(".to_owned(),
        Some(Word::Close) => ")".to_owned(),
        Some(Word::And) => "and".to_owned(),
        Some(Word::Or) => "or".to_owned(),
        Some(Word::Not) => "not".to_owned(),
        Some(Word::Check(text)) => (*text).to_owned(),
    })
}

fn joined(mut checks: Vec<Check>, join: impl FnOnce(Vec<Check>) -> Check) -> Check {
    match checks.pop() {
        Some(only) if checks.is_empty() => only,
        Some(last) => {
            checks.push(last);
            join(checks)
        }
        None => Check::Never,
    }
}

/// One check without words around it; nothing that could be one says no.
fn single_or_never(text: &str, odd: &mut Vec<Unread>) -> Result<Check, Unread> {
    let quoted = text.len() >= 2 && ["'", "\""].iter().any(|quote| text.starts_with(quote) && text.ends_with(quote));
    let unread = || Unread::Near(text.to_owned());
    match (text, text.split_once(':')) {
        ("@", _) => Ok(Check::Always),
        ("!", _) => Ok(Check::Never),
        _ if quoted => Err(unread()),
        (_, Some((kind, right))) => single(kind, right).transpose().unwrap_or_else(|| Err(unread())),
        (_, None) => {
            odd.push(unread());
            Ok(Check::Never)
        }
    }
}

/// A check by its kind and what stands behind the colon; `None` for a value nobody can fill in.
fn single(kind: &str, right: &str) -> Result<Option<Check>, Unread> {
    match kind {
        "rule" => return Ok(Some(Check::Rule(right.to_owned()))),
        "http" | "https" => return Err(Unread::Remote(kind.to_owned())),
        _ => {}
    }
    Ok(template(right).map(|right| match (kind, literally(kind)) {
        ("role", _) => Check::Role(right),
        (_, Some(left)) => Check::Literal(left, right),
        (_, None) => Check::Caller(kind.split('.').map(str::to_owned).collect(), right),
    }))
}

/// What a literal of Python looks like as a text of Python.
fn literally(kind: &str) -> Option<String> {
    Some(match literal::parse(kind)? {
        Value::Text(text) => text,
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Integer(number) => number.to_string(),
        _ => return None,
    })
}

/// `%(name)s` is a value of the target, `%%` a percent sign; nothing else begins with one.
fn template(text: &str) -> Option<Template> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        push(&mut pieces, before);
        if let Some(after) = after.strip_prefix('%') {
            push(&mut pieces, "%");
            rest = after;
            continue;
        }
        let (name, after) = after.strip_prefix('(')?.split_once(')')?;
        pieces.push(Piece::Value(name.to_owned()));
        rest = after.strip_prefix('s')?;
    }
    push(&mut pieces, rest);
    Some(Template(pieces))
}

fn push(pieces: &mut Vec<Piece>, text: &str) {
    match pieces.last_mut() {
        _ if text.is_empty() => {}
        Some(Piece::Text(last)) => last.push_str(text),
        _ => pieces.push(Piece::Text(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(rule: &str) -> String {
        text(rule, &mut Vec::new()).map_or_else(|error| error.to_string(), |check| check.to_string())
    }

    #[test]
    fn and_binds_closer_than_or_and_not_closest() {
        assert_eq!(read("role:a or role:b and role:c"), "(role:a or (role:b and role:c))");
        assert_eq!(read("(role:a or role:b) and role:c"), "((role:a or role:b) and role:c)");
        assert_eq!(read("not role:a and NOT role:b"), "(not role:a and not role:b)");
        assert_eq!(read("(project_id:%(project_id)s)"), "project_id:%(project_id)s");
        assert_eq!(read(""), "@");
    }

    #[test]
    fn literals_are_written_as_python_writes_them() {
        assert_eq!(text("True:%(name)s", &mut Vec::new()).unwrap(), Check::Literal("True".to_owned(), template("%(name)s").unwrap()));
        assert_eq!(text("'Member':%(name)s", &mut Vec::new()).unwrap(), Check::Literal("Member".to_owned(), template("%(name)s").unwrap()));
        assert_eq!(text("is_admin:True", &mut Vec::new()).unwrap(), Check::Caller(vec!["is_admin".to_owned()], template("True").unwrap()));
    }

    #[test]
    fn what_is_no_check_says_where() {
        for (rule, word) in [
            ("role:a role:b", "role:b"),
            ("role:a and", "the end"),
            ("(role:a", "the end"),
            ("role:a)", ")"),
            ("'text'", "text"),
            ("   ", "  "),
            ("role:%(x)d", "%(x)d"),
            ("http://policy.example.org/check", "not supported"),
        ] {
            let told = text(rule, &mut Vec::new()).unwrap_err().to_string();
            assert!(told.contains(word), "{rule}: {told}");
        }
        assert!(text(&"(".repeat(10_000), &mut Vec::new()).is_err() && text(&"not ".repeat(10_000), &mut Vec::new()).is_err());
    }

    #[test]
    fn a_single_slip_says_no_in_its_place_and_is_told_of() {
        let mut odd = Vec::new();
        assert_eq!(text("not admin or role:a", &mut odd).unwrap().to_string(), "(not ! or role:a)");
        assert_eq!(odd, [Unread::Near("admin".to_owned())]);
    }

    #[test]
    fn lists_of_old_are_alternatives_of_conditions() {
        let rule = |alternatives: &[&[&str]]| {
            let owned: Vec<Vec<String>> = alternatives.iter().map(|all| all.iter().map(|check| (*check).to_owned()).collect()).collect();
            list(&owned, &mut Vec::new()).unwrap().to_string()
        };
        assert_eq!(rule(&[]), "@");
        assert_eq!(rule(&[&["role:a"], &["role:b", "role:c"]]), "(role:a or (role:b and role:c))");
        assert_eq!(rule(&[&[]]), "!");
    }
}
