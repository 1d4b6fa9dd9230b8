//! `jeroboam events`

use std::time::Duration;

use clap::Args;

use super::{
    Common,
    table::{coloured, say, table, text},
};
use crate::{
    Error,
    config::duration,
    control::{EventRow, Request, Story, StoryOf},
};

/// Tells what happened to a bay, in order: who asked for what, which member did which step, how it came out and why.
///
/// A bay that is gone is still told by its id, as long as its events are kept (events.keep).
#[derive(Debug, Args)]
pub(super) struct Events {
    /// Its name or id
    bay: String,
    /// As JSON, one event per line
    #[arg(long)]
    json: bool,
    /// Only what happened within this time, for example 10m
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    last: Option<Duration>,
    /// Only events of this kind, for example operation or operation.ended
    #[arg(long = "type", value_name = "TYPE", default_value = "")]
    kind: String,
    /// Go on after this event
    #[arg(long, value_name = "ID")]
    after: Option<String>,
    /// How many events at the most
    #[arg(long, default_value_t = 1000, value_name = "NUMBER")]
    limit: u32,
}

impl Events {
    pub(super) fn run(&self, common: &Common) -> Result<(), Error> {
        let story = self.read(common)?;
        if self.json {
            let lines = story.events.iter().map(|event| serde_json::json!(event).to_string() + "\n");
            return say(&lines.collect::<String>());
        }
        say(&tell(&story))
    }

    fn read(&self, common: &Common) -> Result<Story, Error> {
        let now = i64::max(jiff::Timestamp::now().as_millisecond(), 0).unsigned_abs();
        let since_ms = self.last.map_or(0, |last| now.saturating_sub(u64::try_from(last.as_millis()).unwrap_or(u64::MAX)));
        let mut asked =
            StoryOf { bay: self.bay.clone(), after: self.after.clone(), kind: self.kind.clone(), since_ms, limit: self.limit.max(1) };
        let mut whole: Story = common.ask(&Request::Events(asked.clone()))?;
        while let Some(more) = whole.more.take() {
            let there = u32::try_from(whole.events.len()).unwrap_or(u32::MAX);
            if there >= self.limit {
                whole.more = Some(more);
                break;
            }
            // From here on by id: a name may be another bay's by now.
            asked = StoryOf { bay: whole.bay.clone(), after: Some(more), limit: self.limit - there, ..asked };
            let page: Story = common.ask(&Request::Events(asked.clone()))?;
            whole.events.extend(page.events);
            whole.more = page.more;
        }
        Ok(whole)
    }
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    duration(text).ok_or_else(|| "must be a duration such as 30m, 1h".to_owned())
}

/// The story as people read it.
fn tell(story: &Story) -> String {
    let mut rows = table(&["TIME", "WHO", "WHAT"]);
    for event in &story.events {
        let good = !matches!(event.verdict.as_str(), "failure" | "unknown");
        let what = what(event);
        rows.add_row(vec![time(event.at_ms).into(), who(event).into(), if good { what.into() } else { coloured(&what, false) }]);
    }
    let first = story.events.first().map_or_else(String::new, |event| format!(", from {}", date(event.at_ms)));
    let head = format!("bay {} ({}): {} events{first}\n\n", story.name, story.bay, story.events.len());
    let more = story.more.as_ref().map_or_else(String::new, |more| format!("… and more (--after {more})\n"));
    head + &text(&rows) + &more
}

fn moment(at_ms: u64) -> jiff::civil::DateTime {
    let stamp = i64::try_from(at_ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok()).unwrap_or_default();
    jiff::tz::Offset::UTC.to_datetime(stamp)
}

fn date(at_ms: u64) -> String {
    let at = moment(at_ms);
    format!("{:04}-{:02}-{:02} {:02}:{:02} UTC", at.year(), at.month(), at.day(), at.hour(), at.minute())
}

fn time(at_ms: u64) -> String {
    let at = moment(at_ms);
    format!("{:02}:{:02}:{:02}.{:03}", at.hour(), at.minute(), at.second(), at.millisecond())
}

/// Who did it: the member that reported it, the user who asked, or the leader.
fn who(event: &EventRow) -> String {
    match (event.object.as_str(), event.member, event.user.as_str()) {
        ("ownership", ..) => "leader".to_owned(),
        (_, member, _) if member != 0 => format!("member {member}"),
        (_, _, "") => "leader".to_owned(),
        (_, _, user) => user.to_owned(),
    }
}

/// What happened, as a sentence without its subject.
fn what(event: &EventRow) -> String {
    let because = event.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
    let (kind, step, name) = (&event.kind, &event.step, &event.name);
    match (event.object.as_str(), event.action.as_str()) {
        ("cluster", "created") => format!("asks for the bay{}", asked(event)),
        ("cluster", "updated") => format!("changes the bay: {}{}", event.detail, asked(event)),
        ("cluster", "deleting") => format!("wants the bay to go{}", asked(event)),
        ("cluster", "deleted") => "the bay is gone".to_owned(),
        ("cluster", "status") => format!("the bay is {}{because}", event.detail),
        ("cluster", "observed") => format!("sees the bay: {}{because}", event.detail),
        ("cluster", "reset") => format!("sets the status by hand: {}", event.detail),
        ("operation", "accepted") => format!("{kind} is accepted"),
        ("operation", "step.begun") => format!("begins {step} (attempt {}, epoch {})", event.attempt, event.epoch),
        ("operation", "step.ended") => format!("{step}: {}{because}", event.verdict),
        ("operation", "ended") => format!("{kind} ends: {}{because}", event.verdict),
        ("ownership", "assigned") => format!("the bay is given to {}, epoch {}", event.detail, event.epoch),
        ("ownership", "released") => format!("the bay is free: {}", event.detail),
        ("container", "created") => format!("asks for container {name}{}", asked(event)),
        ("container", "observed") => format!("sees container {name}: {}", event.detail),
        ("container", "status") => format!("container {name} is {}{because}", event.detail),
        ("container", "deleted") => format!("container {name} is gone"),
        ("node", "observed") => format!("sees node {name}"),
        ("node", "deleted") => format!("node {name} is gone"),
        (object, action) => [object, action, &event.detail].join(" ").trim_end().to_owned() + &because,
    }
}

fn asked(event: &EventRow) -> String {
    if event.request.is_empty() { String::new() } else { format!(" ({})", event.request) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(object: &str, action: &str) -> EventRow {
        EventRow { object: object.to_owned(), action: action.to_owned(), at_ms: 1_795_164_725_718, ..EventRow::default() }
    }

    #[test]
    fn a_story_can_be_read() {
        let events = vec![
            EventRow { user: "alice".to_owned(), request: "req-1".to_owned(), ..event("cluster", "created") },
            EventRow { detail: "member 2 (new)".to_owned(), epoch: 18, member: 2, ..event("ownership", "assigned") },
            EventRow { step: "provision.create".to_owned(), attempt: 1, epoch: 18, member: 2, ..event("operation", "step.begun") },
            EventRow {
                kind: "cluster.create".to_owned(),
                verdict: "failure".to_owned(),
                reason: Some("no room".to_owned()),
                ..event("operation", "ended")
            },
            event("cluster", "something.new"),
        ];
        let story = Story { bay: "b".to_owned(), name: "web".to_owned(), events, more: Some("18:0".to_owned()) };
        let told = tell(&story);
        let lines: Vec<String> = told.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(
            lines,
            [
                "bay web (b): 5 events, from 2026-11-20 08:52 UTC",
                "",
                "TIME WHO WHAT",
                "08:52:05.718 alice asks for the bay (req-1)",
                "08:52:05.718 leader the bay is given to member 2 (new), epoch 18",
                "08:52:05.718 member 2 begins provision.create (attempt 1, epoch 18)",
                "08:52:05.718 leader cluster.create ends: failure: no room",
                "08:52:05.718 leader cluster something.new",
                "… and more (--after 18:0)",
            ]
        );
    }
}
