//! `jeroboam member`

use clap::Subcommand;

use super::{
    Common,
    table::{coloured, say, table, text},
};
use crate::{
    Error,
    config::duration,
    control::{Nothing, Report, Request, Ticket},
};

#[derive(Debug, Subcommand)]
pub(super) enum Member {
    /// List the members
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Print a token that lets one new member in, and the command to run there
    Add {
        /// How long the token is good for
        #[arg(long, default_value = "1h", value_parser = parse_duration, value_name = "DURATION")]
        valid: std::time::Duration,
        /// Print the token only
        #[arg(long, short)]
        quiet: bool,
    },
    /// Make a learner that has caught up a voter
    Promote {
        /// Its number
        member: u64,
    },
    /// Make a voter a learner
    Demote {
        /// Its number
        member: u64,
    },
    /// Put a learner that has caught up in the place of a voter, in one change
    Replace {
        /// The voter's number
        old: u64,
        /// The learner's number
        new: u64,
    },
    /// Remove a member for good; its number is never used again
    Remove {
        /// Its number
        member: u64,
    },
    /// Hand the leadership over
    TransferLeader {
        /// To which member; the most advanced one if not said
        member: Option<u64>,
    },
    /// Move a member's bays to the others and give it no new ones
    Drain {
        /// Its number
        member: u64,
    },
    /// End draining
    Undrain {
        /// Its number
        member: u64,
    },
}

impl Member {
    pub(super) fn run(&self, common: &Common) -> Result<(), Error> {
        let (request, done) = match *self {
            Self::List { json } => return list(common, json),
            Self::Add { valid, quiet } => return add(common, valid, quiet),
            Self::Promote { member } => (Request::Promote { member }, format!("member {member} votes now")),
            Self::Demote { member } => (Request::Demote { member }, format!("member {member} is a learner now")),
            Self::Replace { old, new } => (Request::Replace { old, new }, format!("member {new} stands in the place of {old} now")),
            Self::Remove { member } => {
                let done = format!("member {member} is removed; its process may be stopped and its folder deleted");
                (Request::Remove { member }, done)
            }
            Self::TransferLeader { member } => (Request::Transfer { to: member }, "another member leads now".to_owned()),
            Self::Drain { member } => {
                (Request::Drain { member, draining: true }, format!("member {member} is draining; see: jeroboam ownership map"))
            }
            Self::Undrain { member } => (Request::Drain { member, draining: false }, format!("member {member} takes bays again")),
        };
        let Nothing {} = common.ask(&request)?;
        say(&format!("{done}\n"))
    }
}

fn list(common: &Common, json: bool) -> Result<(), Error> {
    let report: Report = common.ask(&Request::Status { bays: 0 })?;
    if json {
        return say(&(serde_json::json!(report.members).to_string() + "\n"));
    }
    say(&members(&report))
}

/// The table of members.
pub(super) fn members(report: &Report) -> String {
    let mut rows = table(&["MEMBER", "NAME", "ROLE", "APPLIED", "LAG", "BAYS", "API", "PEER", "DRIVERS", "STARTS", "STATE"]);
    for member in &report.members {
        let known = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
        let invited = member.role == "invited";
        let mut state = if member.reachable {
            "up"
        } else if invited {
            "not here yet"
        } else {
            "unreachable"
        }
        .to_owned();
        if member.draining {
            state += ", draining";
        }
        if member.number == report.asked {
            state += ", asked";
        }
        rows.add_row(vec![
            member.number.to_string().into(),
            member.name.clone().into(),
            coloured(&member.role, member.reachable || invited),
            known(member.applied).into(),
            known(member.lag).into(),
            member.bays.to_string().into(),
            member.api_address.clone().into(),
            member.peer_address.clone().into(),
            (if member.drivers.is_empty() { "-".to_owned() } else { member.drivers.join(",") }).into(),
            member.incarnation.to_string().into(),
            coloured(&state, (member.reachable || invited) && !member.draining),
        ]);
    }
    text(&rows)
}

fn add(common: &Common, valid: std::time::Duration, quiet: bool) -> Result<(), Error> {
    let ticket: Ticket = common.ask(&Request::Token { valid_ms: u64::try_from(valid.as_millis()).unwrap_or(u64::MAX) })?;
    if quiet {
        return say(&format!("{}\n", ticket.token));
    }
    let (security, certificates) = if ticket.insecure {
        ("--insecure", "Start the new member so:\n\n".to_owned())
    } else {
        let first = format!(
            "First make its certificate, where the cluster's authority is kept, and copy the folder it names to the new machine:\n\n    \
             jeroboam pki member {} --dir PKI\n\nThen start it there:\n\n",
            ticket.member
        );
        ("--tls-dir CERTIFICATES", first)
    };
    say(&format!(
        "This token lets one new member in, number {}, within {}:\n\n    {}\n\n{certificates}    \
         jeroboam server --data-dir FOLDER --listen HOST:9511 --peer-listen HOST:9512 {security} --token {}\n\n\
         It becomes a voter by itself once it has caught up (unless cluster.promote = false).\n",
        ticket.member,
        plain(valid),
        ticket.token,
        ticket.token,
    ))
}

fn parse_duration(text: &str) -> Result<std::time::Duration, String> {
    duration(text).ok_or_else(|| "must be a duration such as 30m, 1h".to_owned())
}

fn plain(span: std::time::Duration) -> String {
    match span.as_secs() {
        seconds if seconds >= 7200 => format!("{} hours", seconds / 3600),
        seconds if seconds >= 120 => format!("{} minutes", seconds / 60),
        seconds => format!("{seconds} seconds"),
    }
}
