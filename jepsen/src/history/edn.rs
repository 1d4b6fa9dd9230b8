//! Jepsen's EDN: one map per line.
//!
//! Keys with independent objects are written as tuples `[key value]`, which is what Knossos' independent
//! checker expects. There are no floats. Strings are escaped as EDN wants them.

use std::fmt::{Display, Write};

use super::{Event, Kind, Process, Value, Verb};

/// The line of one event, without the line end.
pub(super) fn line(event: &Event) -> String {
    let mut out = String::with_capacity(160);
    write(&mut out, event);
    out
}

fn write(out: &mut String, event: &Event) {
    let line = &event.line;
    add(out, "{:index ", event.index);
    add(out, " :time ", event.time);
    add(out, " :type ", kind(line.kind));
    match line.process {
        Process::Client(number) => add(out, " :process ", number),
        Process::Nemesis => out.push_str(" :process :nemesis"),
    }
    add(out, " :f ", verb(line.f));
    out.push_str(" :value ");
    match &line.key {
        None => value(out, &line.value),
        Some(key) => {
            out.push('[');
            text(out, key);
            out.push(' ');
            value(out, &line.value);
            out.push(']');
        }
    }
    if let Some(member) = &line.member {
        out.push_str(" :node ");
        text(out, member);
    }
    for (name, number) in [(" :revision ", line.revision), (" :expect ", line.expect), (" :served ", line.served)] {
        if let Some(number) = number {
            add(out, name, number);
        }
    }
    if let Some(error) = &line.error {
        out.push_str(" :error ");
        text(out, error);
    }
    out.push('}');
}

fn add(out: &mut String, before: &str, what: impl Display) {
    out.push_str(before);
    // Writing to a String cannot fail.
    write!(out, "{what}").ok();
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Invoke => ":invoke",
        Kind::Ok => ":ok",
        Kind::Fail => ":fail",
        Kind::Info => ":info",
    }
}

fn verb(verb: Verb) -> &'static str {
    match verb {
        Verb::Read => ":read",
        Verb::Write => ":write",
        Verb::Cas => ":cas",
        Verb::Create => ":create",
        Verb::Start => ":start",
        Verb::Stop => ":stop",
        Verb::Delete => ":delete",
        Verb::Break => ":break",
        Verb::Heal => ":heal",
    }
}

fn value(out: &mut String, value: &Value) {
    match value {
        Value::Nil => out.push_str("nil"),
        Value::Number(number) => add(out, "", number),
        Value::Swap(from, to) => add(out, "", format_args!("[{from} {to}]")),
        Value::Text(words) => text(out, words),
    }
}

fn text(out: &mut String, words: &str) {
    out.push('"');
    for letter in words.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            other if other.is_control() => add(out, "\\u", format_args!("{:04x}", other as u32)),
            other => out.push(other),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{super::Draft, *};

    #[test]
    fn a_cas_looks_as_knossos_wants_it() {
        let key: Arc<str> = "bay-7".into();
        let mut draft = Draft::new(Kind::Ok, Process::Client(3), Verb::Cas, Value::Swap(4, 9)).on(&key);
        draft.revision = Some(812);
        draft.member = Some("n2".into());
        let event = Event { index: 1, time: 9_811_220, line: draft };
        assert_eq!(
            line(&event),
            r#"{:index 1 :time 9811220 :type :ok :process 3 :f :cas :value ["bay-7" [4 9]] :node "n2" :revision 812}"#
        );
    }

    #[test]
    fn strings_are_escaped() {
        let draft = Draft::new(Kind::Info, Process::Nemesis, Verb::Break, Value::Text("a \"b\"\\\n\u{1}".into()));
        let event = Event { index: 0, time: 0, line: draft };
        assert_eq!(line(&event), r#"{:index 0 :time 0 :type :info :process :nemesis :f :break :value "a \"b\"\\\n\u0001"}"#);
    }
}
