//! Fault points of the test build: what happens at which of them, said from outside.
//!
//! A line of orders, in the variable `JEROBOAM_FAULTS` at the start or by `jeroboam-faulty fault arm` while it runs:
//!
//! ```text
//! step::call::after=kill@2;raft::apply::before=stop
//! ```
//!
//! `panic` panics, `kill` and `stop` send this process SIGKILL or SIGSTOP, `lost` makes an answer lost (at the points that have one). `@2`: when
//! the point is reached for the second time from now on; without it the first. `@2+`: from then on always, not once. Anything else is an action
//! of the crate `fail` (`return`, `sleep(50)`, `off`), for points that are not in the list.
//!
//! Each time that something happens, a line on standard error says so before it does: `fault point NAME: kill at time 2`.

mod order;
mod points;

use std::{
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use model::fail;
use nix::sys::signal::{Signal, raise};

pub use order::{Action, Order};
pub use points::{Point, points};

/// Takes the orders of the variable `JEROBOAM_FAULTS`, if there are any.
///
/// # Errors
/// If they make no sense.
pub fn from_environment() -> Result<(), String> {
    match std::env::var("JEROBOAM_FAULTS") {
        Ok(orders) => arm(&orders),
        Err(_) => Ok(()),
    }
}

/// Takes a line of orders.
///
/// # Errors
/// If one of them makes no sense; those before it stand.
pub fn arm(orders: &str) -> Result<(), String> {
    for order in orders.split(';').map(str::trim).filter(|order| !order.is_empty()) {
        obey(order.parse()?)?;
    }
    Ok(())
}

/// Takes all orders back.
pub fn disarm() {
    for (name, _) in fail::list() {
        fail::remove(name);
    }
}

/// What is armed, by name.
pub fn armed() -> Vec<String> {
    let mut all: Vec<String> = fail::list().into_iter().map(|(name, _)| name).collect();
    all.sort();
    all
}

fn obey(order: Order) -> Result<(), String> {
    let name = order.point.clone();
    if let Action::Other(action) = &order.action {
        return fail::cfg(name, action);
    }
    let known = points();
    let Some(point) = known.iter().find(|point| point.name == name) else {
        return Err(format!("there is no fault point {name}; `fault points` lists them"));
    };
    if order.action == Action::Lost && !point.answer {
        return Err(format!("no answer can be lost at {name}"));
    }
    let reached = Arc::new(AtomicU64::new(0));
    fail::cfg_callback(name, move || {
        let time = reached.fetch_add(1, Ordering::SeqCst) + 1;
        if time == order.time || (order.always && time > order.time) {
            happen(&order, time);
        }
    })
}

#[expect(clippy::panic, reason = "this is what was asked for")]
fn happen(order: &Order, time: u64) {
    let point = &order.point;
    say(&format!("fault point {point}: {} at time {time}\n", order.action.word()));
    let result = match &order.action {
        Action::Panic => panic!("fault point {point}"),
        // To this very thread, so that not one more of its instructions runs.
        Action::Kill => raise(Signal::SIGKILL).map_err(|error| error.to_string()),
        Action::Stop => raise(Signal::SIGSTOP).map_err(|error| error.to_string()),
        Action::Lost => fail::cfg(format!("{point}/lost"), "1*return->off"),
        Action::Other(_) => Ok(()),
    };
    if let Err(error) = result {
        say(&format!("fault point {point}: {error}\n"));
    }
}

/// In one piece, so that no other line comes between. Who closed standard error does not want to hear it.
fn say(line: &str) {
    std::io::stderr().write_all(line.as_bytes()).unwrap_or(());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> Result<u32, &'static str> {
        model::fault_point!("step::call::after", Err("lost"));
        Ok(1)
    }

    #[test]
    fn an_answer_is_lost_once_and_at_its_time() {
        arm("step::call::after=lost@2").unwrap();
        assert_eq!([answer(), answer(), answer()], [Ok(1), Err("lost"), Ok(1)]);
        arm("step::call::after=panic").unwrap();
        assert!(std::panic::catch_unwind(answer).is_err());
        assert_eq!(answer(), Ok(1));
        disarm();
        assert!(armed().is_empty());
    }

    #[test]
    fn orders_without_sense_are_refused() {
        assert!(arm("no::such::point=kill").unwrap_err().contains("no::such::point"));
        assert!(arm("step::intent::before=lost").unwrap_err().contains("no answer"));
        assert!(arm("step::intent::before").is_err());
    }
}
