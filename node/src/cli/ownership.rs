//! `jeroboam ownership`

use api::{
    map::{Map, MapCluster, MapMember},
    plan::Planned,
};
use clap::Subcommand;

use super::{
    Common,
    table::{coloured, say, table, text},
};
use crate::{
    Error,
    control::{Pinned, Question, Request},
};

/// Cells of the longest bar.
const BAR: u64 = 24;

#[derive(Debug, Subcommand)]
pub(super) enum Ownership {
    /// Show who owns what: the members with their share, the bays with their owners
    Map {
        /// Only the bays of this member
        #[arg(long, value_name = "NUMBER")]
        member: Option<u64>,
        /// How many bays to list
        #[arg(long, default_value_t = 40, value_name = "NUMBER")]
        bays: usize,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show what the leader would move and why; moves nothing
    Plan {
        /// As even as it can be
        #[arg(long, conflicts_with_all = ["without", "drain"])]
        even: bool,
        /// If this member died
        #[arg(long, value_name = "MEMBER", conflicts_with = "drain")]
        without: Option<u64>,
        /// If this member drained
        #[arg(long, value_name = "MEMBER")]
        drain: Option<u64>,
        /// How many moves to explain
        #[arg(long, default_value_t = 40, value_name = "NUMBER")]
        limit: u32,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Spread the work as evenly as it can be, by hand-over; it stays within 1.15 times the mean by itself
    Rebalance {
        /// Only show what would move
        #[arg(long)]
        dry_run: bool,
    },
    /// Bind a bay to a member: it goes there whenever that member can serve it
    Pin {
        /// The bay's name or id
        bay: String,
        /// The member's number
        member: u64,
    },
    /// End a pin
    Unpin {
        /// The bay's name or id
        bay: String,
    },
}

impl Ownership {
    pub(super) fn run(&self, common: &Common) -> Result<(), Error> {
        match self {
            Self::Map { member, bays, json } => {
                let mut map: Map = common.ask(&Request::Map)?;
                if let Some(member) = member {
                    map.ownership.retain(|row| row.member == Some(*member));
                }
                say(&if *json { serde_json::json!(map).to_string() + "\n" } else { picture(&map, *bays) })
            }
            Self::Plan { even, without, drain, limit, json } => {
                let question = match (even, without, drain) {
                    (true, ..) => Question::Even,
                    (_, Some(member), _) => Question::Without(*member),
                    (_, _, Some(member)) => Question::Drained(*member),
                    _ => Question::Now,
                };
                let planned: Planned = common.ask(&Request::Plan { question, limit: *limit })?;
                say(&if *json { serde_json::json!(planned).to_string() + "\n" } else { planned.text })
            }
            Self::Rebalance { dry_run } => {
                let request = if *dry_run { Request::Plan { question: Question::Even, limit: 40 } } else { Request::Rebalance };
                let planned: Planned = common.ask(&request)?;
                let done = if *dry_run || planned.total == 0 { "" } else { "\nunder way; see: jeroboam ownership map\n" };
                say(&format!("{}{done}", planned.text))
            }
            Self::Pin { bay, member } => {
                let pinned: Pinned = common.ask(&Request::Pin { bay: bay.clone(), member: Some(*member) })?;
                let remark = pinned.remark.map_or_else(String::new, |remark| format!("but not yet: {remark}\n"));
                say(&format!("bay {} is pinned to member {member}\n{remark}", pinned.bay))
            }
            Self::Unpin { bay } => {
                let pinned: Pinned = common.ask(&Request::Pin { bay: bay.clone(), member: None })?;
                say(&format!("bay {} goes where the work is least\n", pinned.bay))
            }
        }
    }
}

/// The map as people read it.
fn picture(map: &Map, limit: usize) -> String {
    let leader = map.leader.map_or_else(|| "nobody leads".to_owned(), |leader| format!("member {leader} leads"));
    let total: u64 = map.members.iter().map(|member| member.clusters).sum::<u64>() + map.unowned;
    let most = map.members.iter().map(|member| member.clusters).max().unwrap_or(0).max(1);
    let mut rows = table(&["MEMBER", "NAME", "ZONE", "WEIGHT", "LEASE", "BAYS", "", "STATE"]);
    for member in &map.members {
        rows.add_row(vec![
            member.member.to_string().into(),
            member.name.clone().into(),
            dash(&member.zone).into(),
            member.weight.to_string().into(),
            age(member.lease_age_ms).into(),
            member.clusters.to_string().into(),
            "█".repeat(usize::try_from((member.clusters * BAR).div_ceil(most)).unwrap_or(0)).into(),
            coloured(&state(member), !member.draining && member.suspect != Some(true)),
        ]);
    }
    let unowned = if map.unowned == 0 { "each has an owner".to_owned() } else { format!("{} without an owner", map.unowned) };
    format!("{leader}; {total} bays, {unowned}\n\n{}{}", text(&rows), bays(&map.ownership, limit))
}

fn bays(all: &[MapCluster], limit: usize) -> String {
    if all.is_empty() || limit == 0 {
        return String::new();
    }
    let mut rows = table(&["BAY", "ID", "OWNER", "EPOCH", "REASON", "PINNED TO"]);
    for bay in all.iter().take(limit) {
        let number = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
        rows.add_row(vec![
            dash(&bay.name).into(),
            bay.cluster.to_string().into(),
            number(bay.member).into(),
            bay.epoch.to_string().into(),
            coloured(&bay.reason, bay.member.is_some()),
            number(bay.pin).into(),
        ]);
    }
    let hidden = all.len().saturating_sub(limit);
    let more = if hidden == 0 { String::new() } else { format!("… and {hidden} more (--bays {})\n", all.len()) };
    format!("\n{}{more}", text(&rows))
}

fn dash(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { text.to_owned() }
}

fn age(ms: Option<u64>) -> String {
    ms.map_or_else(|| "-".to_owned(), |ms| format!("{}.{} s ago", ms / 1000, ms % 1000 / 100))
}

fn state(member: &MapMember) -> String {
    let mut words = Vec::new();
    if member.suspect == Some(true) {
        words.push("suspect".to_owned());
    }
    if member.draining {
        words.push("draining".to_owned());
    }
    if member.pinned > 0 {
        words.push(format!("{} pinned", member.pinned));
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_shows_shares_leases_and_what_is_hidden() {
        let member = |member, clusters| MapMember { member, clusters, weight: 100, lease_age_ms: Some(1234), ..MapMember::default() };
        let bay = |name: &str, owner| MapCluster { name: name.into(), member: owner, reason: "new".into(), ..MapCluster::default() };
        let map = Map {
            leader: Some(1),
            members: vec![member(1, 8), MapMember { draining: true, suspect: Some(true), pinned: 2, ..member(2, 1) }],
            ownership: vec![bay("web", Some(1)), bay("db", None), bay("more", Some(1))],
            unowned: 1,
        };
        let shown = picture(&map, 2);
        assert!(shown.starts_with("member 1 leads; 10 bays, 1 without an owner\n"), "{shown}");
        for part in ["1.2 s ago", &"█".repeat(24), "suspect, draining, 2 pinned", "… and 1 more (--bays 3)"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert!(shown.lines().all(|line| line == line.trim_end()), "{shown}");
        assert!(!picture(&map, 0).contains("web"));
    }
}
