//! `jeroboam operation`

use clap::Subcommand;

use super::{
    Common,
    table::{coloured, say, table, text},
};
use crate::{
    Error,
    control::{Nothing, OperationRow, Orphans, Request, StepRow},
};
use api::orphans::Outside;

#[derive(Debug, Subcommand)]
pub(super) enum Operation {
    /// List what is going on in all bays, or everything that is kept of one bay
    List {
        /// The bay's id or name; all bays if not said
        bay: Option<String>,
        /// Only what does not get on: no owner, no answer, fails again and again, over its deadline
        #[arg(long)]
        stuck: bool,
        /// How many to list
        #[arg(long, default_value_t = 100, value_name = "NUMBER")]
        limit: u32,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show one operation with its steps and all that went wrong
    Show {
        /// Its id
        operation: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Do an operation again that failed, was cancelled, or of which nobody can tell
    Retry {
        /// Its id
        operation: String,
    },
    /// Call an operation off; a deletion is not called off
    Cancel {
        /// Its id
        operation: String,
    },
    /// Begin no further batch of nodes of an upgrade or a resize; the batch that was begun is ended
    Pause {
        /// Its id
        operation: String,
    },
    /// Go on with what was paused
    Resume {
        /// Its id
        operation: String,
    },
    /// Delete a bay for good within two minutes, and leave and list what cannot be removed
    ForceDelete {
        /// The bay's id or name
        bay: String,
    },
    /// Set a stuck status by hand after the world was put right by other means; it is kept in the events who did it and why
    ResetStatus {
        /// The bay's id or name
        bay: String,
        /// The new status, such as UPDATE_COMPLETE
        status: String,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// List what is left outside and nobody looks after: what forced deletions left, and what carries the tags of bays that are not there
    Orphans {
        /// How many deletions to list
        #[arg(long, default_value_t = 100, value_name = "NUMBER")]
        limit: u32,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

impl Operation {
    pub(super) fn run(&self, common: &Common) -> Result<(), Error> {
        match self {
            Self::List { bay, stuck, limit, json } => {
                let request = Request::Operations { cluster: bay.clone(), stuck: *stuck, limit: *limit };
                let rows: Vec<OperationRow> = common.ask(&request)?;
                say(&if *json { as_json(&rows) } else { list(&rows, *limit) })
            }
            Self::Show { operation, json } => {
                let row: OperationRow = common.ask(&Request::Operation { id: operation.clone() })?;
                say(&if *json { as_json(&row) } else { show(&row) })
            }
            Self::Retry { operation } => {
                let row: OperationRow = common.ask(&Request::Retry { id: operation.clone() })?;
                say(&format!("operation {} does it again; see: jeroboam operation show {}\n", row.id, row.id))
            }
            Self::Cancel { operation } => {
                let row: OperationRow = common.ask(&Request::Cancel { id: operation.clone() })?;
                say(&format!("{} of bay {} is cancelled\n", row.kind, bay(&row)))
            }
            Self::Pause { operation } => {
                let row: OperationRow = common.ask(&Request::Pause { id: operation.clone(), paused: true })?;
                say(&format!("{} of bay {} is paused: {}\n", row.kind, bay(&row), rolled(&row)))
            }
            Self::Resume { operation } => {
                let row: OperationRow = common.ask(&Request::Pause { id: operation.clone(), paused: false })?;
                say(&format!("{} of bay {} goes on: {}\n", row.kind, bay(&row), rolled(&row)))
            }
            Self::ForceDelete { bay: name } => {
                let row: OperationRow = common.ask(&Request::ForceDelete { cluster: name.clone() })?;
                let within = span(row.left_ms);
                say(&format!("bay {name} is gone within {within}; then see what it left: jeroboam operation show {}\n", row.id))
            }
            Self::ResetStatus { bay, status, reason } => {
                let request = Request::ResetStatus { cluster: bay.clone(), status: status.clone(), reason: reason.clone() };
                let Nothing {} = common.ask(&request)?;
                say(&format!("bay {bay} is {} now\n", status.to_uppercase()))
            }
            Self::Orphans { limit, json } => {
                let found: Orphans = common.ask(&Request::Orphans { limit: *limit })?;
                say(&if *json { as_json(&found) } else { orphans(&found) })
            }
        }
    }
}

fn as_json(value: &impl serde::Serialize) -> String {
    serde_json::json!(value).to_string() + "\n"
}

/// A bay's name, or its id when it has none any more.
fn bay(row: &OperationRow) -> &str {
    if row.name.is_empty() { &row.cluster } else { &row.name }
}

/// A time as people say it: two units at most.
fn span(ms: u64) -> String {
    match ms / 1000 {
        0 => format!("{ms} ms"),
        seconds @ 1..=119 => format!("{seconds} s"),
        seconds @ 120..=7199 => format!("{} min", seconds / 60),
        seconds @ 7200..=172_799 => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
        seconds => format!("{} days", seconds / 86_400),
    }
}

/// How far work on machines has come, in words.
fn rolled(row: &OperationRow) -> String {
    let Some(roll) = &row.roll else { return "no nodes to work on".to_owned() };
    let now = match (roll.batch.as_slice(), roll.paused) {
        ([], true) => "paused".to_owned(),
        ([], false) => "none under work".to_owned(),
        (batch, paused) => format!("{} under work{}", batch.join(", "), if paused { ", then paused" } else { "" }),
    };
    let most = if roll.max_batch_size == 0 { "all at once".to_owned() } else { format!("{} at a time", roll.max_batch_size) };
    format!("{} nodes done, {} to come, {most}; {now}", roll.done, roll.waiting)
}

/// Where an operation stands, and whether that is well.
fn state(row: &OperationRow) -> (String, bool) {
    match &row.stuck {
        Some(stuck) => (format!("{}: {stuck}", row.state), false),
        None => (row.state.clone(), !matches!(row.state.as_str(), "FAILED" | "UNKNOWN")),
    }
}

fn list(rows: &[OperationRow], limit: u32) -> String {
    if rows.is_empty() {
        return "no operations\n".to_owned();
    }
    let mut table = table(&["OPERATION", "BAY", "KIND", "STATE", "AGE", "TIME", "TRIES", "STEP", "REASON"]);
    for row in rows {
        let (state, good) = state(row);
        // What is open has so long to go; what has ended took so long.
        let time = row.took_ms.map_or_else(|| format!("{} to go", span(row.left_ms)), |took| format!("took {}", span(took)));
        let step = row.steps.last().map_or_else(|| "-".to_owned(), |step| format!("{} {}", step.name, step.outcome));
        table.add_row(vec![
            row.id.clone().into(),
            bay(row).into(),
            row.kind.clone().into(),
            coloured(&state, good),
            span(row.age_ms).into(),
            time.into(),
            row.attempts.to_string().into(),
            step.into(),
            row.reason.clone().unwrap_or_default().into(),
        ]);
    }
    let more = if rows.len() >= limit as usize { "… there may be more (--limit)\n" } else { "" };
    text(&table) + more
}

fn show(row: &OperationRow) -> String {
    let (state, _) = state(row);
    let mut lines =
        vec![format!("operation {}: {} {state}", row.id, row.kind), format!("bay {} ({}), project {}", bay(row), row.cluster, row.project)];
    lines.extend(row.container.iter().map(|container| format!("container {container}")));
    lines.push(format!("asked {} ago by {} ({})", span(row.age_ms), row.user, row.request));
    lines.extend(row.retry_of.iter().map(|old| format!("does operation {old} again")));
    lines.push(match row.took_ms {
        Some(took) => format!("took {}, {} tries", span(took), row.attempts),
        None => format!("{} to its deadline, {} tries so far", span(row.left_ms), row.attempts),
    });
    if row.roll.is_some() {
        lines.push(rolled(row));
    }
    lines.extend(row.retry_in_ms.iter().map(|next| format!("tries again in {}", span(*next))));
    if let Some(reason) = &row.reason {
        let failure = row.failure.as_ref().map_or_else(String::new, |failure| format!(" ({failure})"));
        lines.push(format!("reason: {reason}{failure}"));
    }
    let mut shown = lines.join("\n") + "\n";
    if !row.steps.is_empty() {
        shown += &format!("\n{}", steps(&row.steps));
    }
    if !row.left.is_empty() {
        shown += &format!("\nleft outside:\n{}", left(std::slice::from_ref(row)));
    }
    shown
}

fn steps(steps: &[StepRow]) -> String {
    let mut table = table(&["STEP", "OUTCOME", "TRY", "AGO", "EPOCH", "TARGET", "REASON"]);
    for step in steps {
        for trouble in &step.troubles {
            table.add_row(vec![
                step.name.clone().into(),
                coloured(&trouble.failure, false),
                trouble.attempt.to_string().into(),
                span(trouble.age_ms).into(),
                "".into(),
                "".into(),
                trouble.reason.clone().into(),
            ]);
        }
        table.add_row(vec![
            step.name.clone().into(),
            coloured(&step.outcome, matches!(step.outcome.as_str(), "done" | "begun")),
            step.attempts.to_string().into(),
            span(step.age_ms).into(),
            step.epoch.to_string().into(),
            step.external_id.as_ref().map_or_else(|| step.target.clone(), |id| format!("{} ({id})", step.target)).into(),
            "".into(),
        ]);
    }
    text(&table)
}

fn orphans(found: &Orphans) -> String {
    let mut shown = if found.left.is_empty() { "no forced deletion has left anything outside\n".to_owned() } else { left(&found.left) };
    let Outside { strays, unseen } = &found.outside;
    if strays.is_empty() {
        shown += "nothing outside carries the tag of a bay that is not there\n";
    } else {
        shown += "\noutside, with the tag of a bay that is not there (of another installation, perhaps):\n";
        let mut table = table(&["BAY", "DRIVER", "WHAT", "NAME", "ID", "SEEN BY"]);
        for row in strays {
            let (bay, member) = (row.cluster.to_string(), format!("member {}", row.member));
            table.add_row(vec![bay, row.driver.clone(), row.what.clone(), row.name.clone(), row.id.clone(), member]);
        }
        shown += &text(&table);
    }
    for reason in unseen {
        shown += &format!("could not look: {reason}\n");
    }
    shown
}

fn left(rows: &[OperationRow]) -> String {
    let mut table = table(&["BAY", "PROJECT", "DELETED", "WHAT", "NAME", "ID"]);
    for row in rows {
        for left in &row.left {
            table.add_row(vec![
                row.cluster.clone(),
                row.project.clone(),
                format!("{} ago", span(row.age_ms.saturating_sub(row.took_ms.unwrap_or_default()))),
                left.what.clone(),
                left.name.clone(),
                left.id.clone(),
            ]);
        }
    }
    text(&table)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{LeftRow, RollRow, TroubleRow};

    fn row() -> OperationRow {
        OperationRow {
            id: "op".into(),
            kind: "cluster.create".into(),
            state: "OPEN".into(),
            cluster: "c1".into(),
            name: "web".into(),
            age_ms: 90_500,
            left_ms: 3_500_000,
            attempts: 3,
            retry_in_ms: Some(4000),
            reason: Some("connection refused".into()),
            failure: Some("broken".into()),
            steps: vec![StepRow {
                name: "provision.create".into(),
                target: "jeroboam-c1".into(),
                outcome: "failed".into(),
                attempts: 3,
                troubles: vec![TroubleRow { attempt: 3, age_ms: 1000, failure: "broken".into(), reason: "connection refused".into() }],
                ..StepRow::default()
            }],
            ..OperationRow::default()
        }
    }

    #[test]
    fn a_list_says_how_long_what_and_why() {
        let shown = list(&[row()], 100);
        for words in ["web", "90 s", "58 min to go", "provision.create failed", "connection refused"] {
            assert!(shown.contains(words), "{words}: {shown}");
        }
        assert!(shown.lines().all(|line| line == line.trim_end()) && !shown.contains("more"), "{shown}");
        assert!(list(&[row()], 1).contains("there may be more"));
        assert_eq!(list(&[], 1), "no operations\n");
        let stuck = OperationRow { stuck: Some("no owner".into()), ..row() };
        assert!(list(&[stuck], 9).contains("OPEN: no owner"));
    }

    #[test]
    fn one_operation_is_shown_with_all_that_went_wrong() {
        let shown = show(&row());
        for words in ["58 min to its deadline, 3 tries so far", "tries again in 4 s", "reason: connection refused (broken)", "jeroboam-c1"]
        {
            assert!(shown.contains(words), "{words}: {shown}");
        }
        let roll = RollRow { max_batch_size: 2, done: 3, batch: vec!["node-4".into()], waiting: 1, paused: true };
        let rolling = show(&OperationRow { roll: Some(roll), ..row() });
        assert!(rolling.contains("3 nodes done, 1 to come, 2 at a time; node-4 under work, then paused"), "{rolling}");
        let left = vec![LeftRow { what: "network".into(), name: "jeroboam-c1".into(), id: "n1".into() }];
        let ended = OperationRow { state: "SUCCEEDED".into(), took_ms: Some(500), left, ..row() };
        assert!(show(&ended).contains("left outside:") && show(&ended).contains("n1"), "{}", show(&ended));
        let stray = api::orphans::Row { what: "container".into(), id: "e9".into(), member: 2, ..Default::default() };
        let outside = Outside { strays: vec![stray], unseen: vec!["member 3: no answer".into()] };
        let shown = orphans(&Orphans { left: vec![ended], outside });
        for words in ["network", "container", "e9", "member 2", "could not look: member 3: no answer"] {
            assert!(shown.contains(words), "{words}: {shown}");
        }
        assert_eq!(orphans(&Orphans::default()).lines().count(), 2);
    }
}
