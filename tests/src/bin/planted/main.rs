//! `planted`: plants known bugs one after the other and shows which check finds each.
//!
//! `planted MESSAGES [NAME…]`; MESSAGES is a file with what `cargo test --no-run --message-format=json` said of the test binaries, built with
//! the feature `faults`. `make planted` does both. Each check runs once without its bug and must pass, and once with it and must fail: a check
//! that cannot fail is worth nothing.

mod run;
mod table;

use std::{
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use jepsen::report::Table;
use run::{Built, Found};
use table::{BUGS, Bug, Check};

type Row = (&'static Bug, Check);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((messages, names)) = arguments.split_first() else { return wrong("usage: planted MESSAGES [NAME…]") };
    let messages = match std::fs::read_to_string(messages) {
        Ok(text) => text,
        Err(error) => return wrong(&format!("{messages}: {error}")),
    };
    if let Some(unknown) = names.iter().find(|name| BUGS.iter().all(|bug| bug.name != **name)) {
        return wrong(&format!("no bug {unknown} is planted; there are {}", BUGS.map(|bug| bug.name).join(", ")));
    }
    let wanted = BUGS.iter().filter(|bug| names.is_empty() || names.iter().any(|name| name == bug.name));
    let rows: Vec<Row> = wanted.flat_map(|bug| bug.checks.iter().map(move |check| (bug, *check))).collect();
    let began = Instant::now();
    let found = all(&run::built(&messages), &rows);
    show(&rows, &found);
    let caught = found.iter().filter(|found| found.caught && found.sound).count();
    println!("planted bugs: {caught} of {} checks found theirs, {:.0} s", rows.len(), began.elapsed().as_secs_f64());
    if caught == rows.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn wrong(words: &str) -> ExitCode {
    eprintln!("{words}");
    ExitCode::from(2)
}

/// Runs all checks, as many at a time as there are cores.
fn all(built: &Built, rows: &[Row]) -> Vec<Found> {
    let next = AtomicUsize::new(0);
    let found: Mutex<Vec<(usize, Found)>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some((bug, check)) = rows.get(at) else { return };
                    let one = run::check(built, bug, *check);
                    found.lock().unwrap_or_else(PoisonError::into_inner).push((at, one));
                }
            });
        }
    });
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, found)| found).collect()
}

fn show(rows: &[Row], found: &[Found]) {
    let mut table = Table::new("planted bugs", &["bug", "planted in", "check", "without it", "with it", "s"]);
    for ((bug, check), found) in rows.iter().zip(found) {
        table.row(&[
            bug.name.to_owned(),
            bug.place.to_owned(),
            format!("{} {}", check.target, check.test),
            (if found.sound { "passes" } else { "FAILS" }).to_owned(),
            (if found.caught { "caught" } else { "NOT caught" }).to_owned(),
            format!("{:.1}", found.took.as_secs_f64()),
        ]);
    }
    println!("{table}");
    for ((bug, check), found) in rows.iter().zip(found) {
        println!("{}, {}\n    {}: {}", bug.name, bug.what, check.test, found.words);
    }
}
