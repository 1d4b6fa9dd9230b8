//! `jeroboam status`

use clap::Args;

use super::{
    Common,
    member::members,
    table::{coloured, say, table, text},
};
use crate::{
    Error,
    control::{Report, Request},
};

/// Shows the cluster as the member asked sees it: members with their roles and how far they are, bays with their owners.
#[derive(Debug, Args)]
pub(super) struct Status {
    /// As JSON
    #[arg(long)]
    json: bool,
    /// How many bays to list
    #[arg(long, default_value_t = 20, value_name = "NUMBER")]
    bays: u32,
}

impl Status {
    pub(super) fn run(&self, common: &Common) -> Result<(), Error> {
        let report: Report = common.ask(&Request::Status { bays: self.bays })?;
        if self.json {
            return say(&(serde_json::json!(report).to_string() + "\n"));
        }
        say(&format!("{}\n{}\n{}", headline(&report), members(&report), bays(&report)))
    }
}

fn headline(report: &Report) -> String {
    let leader = match report.leader {
        Some(leader) => format!("member {leader} leads term {}", report.term),
        None => format!("no leader (term {})", report.term),
    };
    let voters = report.members.iter().filter(|member| member.voter).count();
    let alive = report.members.iter().filter(|member| member.voter && member.reachable).count();
    let health = match (report.leader, alive, voters) {
        (None, ..) => "cannot write",
        (_, alive, voters) if alive == voters => "healthy",
        (_, alive, voters) if alive > voters / 2 + 1 => "degraded",
        _ => "degraded, one more loss stops it",
    };
    let quorum = voters / 2 + 1;
    let bays = if report.bays_total == 1 { "1 bay".to_owned() } else { format!("{} bays", report.bays_total) };
    let age = report.stale_ms.map_or_else(String::new, |age| format!("as member {} saw it {age} ms ago or earlier\n", report.asked));
    format!(
        "cluster {}: {health}\n{leader}; {alive} of {voters} voters up, {quorum} needed; {bays}; log at {}; version {}\n{age}",
        report.cluster, report.applied, report.program
    )
}

fn bays(report: &Report) -> String {
    if report.bays.is_empty() {
        return String::new();
    }
    let mut rows = table(&["BAY", "ID", "COE", "DRIVER", "PHASE", "OWNER", "EPOCH", "REASON"]);
    for bay in &report.bays {
        rows.add_row(vec![
            bay.name.clone().into(),
            bay.id.clone().into(),
            bay.coe.clone().into(),
            bay.driver.clone().into(),
            coloured(&bay.phase, !bay.failed),
            bay.owner.map_or_else(|| "-".to_owned(), |owner| owner.to_string()).into(),
            bay.epoch.map_or_else(|| "-".to_owned(), |epoch| epoch.to_string()).into(),
            bay.reason.clone().unwrap_or_default().into(),
        ]);
    }
    let hidden = report.bays_total.saturating_sub(report.bays.len() as u64);
    let more = if hidden == 0 { String::new() } else { format!("… and {hidden} more (--bays {})\n", report.bays_total) };
    text(&rows) + &more
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{BayRow, MemberRow};

    fn report() -> Report {
        let member = |number: u64, reachable: bool| MemberRow {
            number,
            name: format!("m{number}"),
            role: if number == 1 { "leader".into() } else { "follower".into() },
            voter: true,
            reachable,
            applied: reachable.then_some(7),
            ..MemberRow::default()
        };
        let bay = BayRow { name: "web".into(), phase: "CREATE_COMPLETE".into(), owner: Some(2), epoch: Some(6), ..BayRow::default() };
        Report {
            cluster: "c".into(),
            asked: 1,
            leader: Some(1),
            term: 3,
            applied: 7,
            members: vec![member(1, true), member(2, true), member(3, false)],
            bays: vec![bay],
            bays_total: 2,
            ..Report::default()
        }
    }

    #[test]
    fn the_headline_says_how_far_the_next_loss_is() {
        let mut report = report();
        assert!(headline(&report).contains("degraded, one more loss stops it"), "{}", headline(&report));
        report.members.iter_mut().for_each(|member| member.reachable = true);
        assert!(headline(&report).contains("healthy"), "{}", headline(&report));
        report.leader = None;
        assert!(headline(&report).contains("cannot write"), "{}", headline(&report));
    }

    #[test]
    fn the_tables_line_up_and_say_what_is_hidden() {
        let shown = members(&report()) + &bays(&report());
        assert!(shown.lines().all(|line| line == line.trim_end()), "{shown}");
        assert!(shown.contains("unreachable") && shown.contains("… and 1 more (--bays 2)"), "{shown}");
        assert!(!shown.contains('\u{1b}'), "no colours outside a terminal: {shown:?}");
    }
}
