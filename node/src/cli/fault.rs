//! `jeroboam-faulty fault`: only in the test build.

use clap::Subcommand;

use super::{
    Common,
    table::{say, table, text},
};
use crate::{
    Error,
    control::{Nothing, Request},
    faults,
};

/// Says what is to happen at which fault point of a running member.
#[derive(Debug, Subcommand)]
pub(super) enum Fault {
    /// List all fault points
    Points {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Take orders such as step::call::after=kill@2 (panic, kill, stop, lost), several with semicolons
    Arm {
        /// The orders
        orders: String,
    },
    /// Take all orders back
    Clear,
    /// Show which points have orders
    Armed,
}

impl Fault {
    pub(super) fn run(&self, common: &Common) -> Result<(), Error> {
        match self {
            Self::Points { json } => say(&points(*json)),
            Self::Arm { orders } => common.ask(&Request::Fault { orders: orders.clone() }).map(|Nothing {}| ()),
            Self::Clear => common.ask(&Request::FaultClear).map(|Nothing {}| ()),
            Self::Armed => {
                let armed: Vec<String> = common.ask(&Request::Faults)?;
                say(&armed.iter().map(|name| format!("{name}\n")).collect::<String>())
            }
        }
    }
}

fn points(json: bool) -> String {
    let all = faults::points();
    if json {
        return serde_json::json!(all).to_string() + "\n";
    }
    let mut rows = table(&["POINT", "ANSWER", "MOMENT"]);
    for point in all {
        rows.add_row(vec![point.name, if point.answer { "yes" } else { "-" }.to_owned(), point.moment]);
    }
    text(&rows)
}
