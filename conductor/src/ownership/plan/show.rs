//! A plan as people read it: who has how much before and after, then every move with its reason in words.
//!
//! `{plan}` explains all moves, `{plan:.20}` the first twenty of each kind. [`Plan::summary`] is one line for the program's log.

use std::{collections::BTreeMap, fmt};

use model::{MemberId, ownership::Reason};

use super::{Choice, Lack, Load, Move, Plan, Seat, Standing, Stuck, Unmet};

/// Cells of a bar at the mean share.
const BAR: u64 = 10;

/// The longest bar.
const BAR_MAX: u64 = 20;

impl Plan {
    /// `assign 3 (lost 2, new 1), hand over 1 (drain 1), stuck 0`.
    pub fn summary(&self) -> String {
        format!("assign {}, hand over {}, stuck {}", counted(&self.assign), counted(&self.handover), self.stuck.len())
    }
}

fn counted(moves: &[Move]) -> String {
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for one in moves {
        *reasons.entry(one.reason.word()).or_default() += 1;
    }
    let words: Vec<String> = reasons.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
    if words.is_empty() { "0".to_owned() } else { format!("{} ({})", moves.len(), words.join(", ")) }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = f.precision().unwrap_or(usize::MAX);
        table(f, &self.seats)?;
        if self.is_empty() {
            writeln!(f, "\nnothing moves")?;
        }
        section(f, "given an owner now", &self.assign, limit, |one| one.line())?;
        section(f, "handed over by their owner", &self.handover, limit, |one| one.line())?;
        section(f, "nobody can take", &self.stuck, limit, Stuck::to_string)?;
        section(f, "pinned elsewhere", &self.unmet, limit, Unmet::to_string)
    }
}

fn section<T>(f: &mut fmt::Formatter<'_>, title: &str, all: &[T], limit: usize, line: impl Fn(&T) -> String) -> fmt::Result {
    if all.is_empty() {
        return Ok(());
    }
    writeln!(f, "\n{title}: {}", all.len())?;
    for one in all.iter().take(limit) {
        writeln!(f, "  {}", line(one))?;
    }
    if all.len() > limit {
        writeln!(f, "  … and {} more", all.len() - limit)?;
    }
    Ok(())
}

/// The members with their loads as bars; `|` stands at the mean.
fn table(f: &mut fmt::Formatter<'_>, seats: &[Seat]) -> fmt::Result {
    let total: Load = seats
        .iter()
        .fold(Load::default(), |sum, seat| Load { clusters: sum.clusters + seat.after.clusters, work: sum.work + seat.after.work });
    let weight: u64 = seats.iter().filter(|seat| seat.takes()).map(Seat::weight).sum();
    writeln!(f, "member  zone        weight  bays            work            share of the mean")?;
    for seat in seats {
        let share = seat.after.work * weight.max(1) * 100 / (total.work * seat.weight()).max(1);
        let (bays, work) = (arrow(seat.before.clusters, seat.after.clusters), arrow(seat.before.work, seat.after.work));
        let (zone, weight) = (if seat.candidate.zone.is_empty() { "-" } else { &seat.candidate.zone }, seat.weight());
        let (whole, part) = (share / 100, share % 100);
        let state = seat.state();
        let line = format!(
            "{:<7} {zone:<11} {weight:>6}  {bays:<15} {work:<15} {} {whole}.{part:02} {state}",
            seat.candidate.member.0,
            bar(share)
        );
        writeln!(f, "{}", line.trim_end())?;
    }
    Ok(())
}

fn arrow(before: u64, after: u64) -> String {
    if before == after { before.to_string() } else { format!("{before} -> {after}") }
}

fn bar(per_cent: u64) -> String {
    let full = (per_cent * BAR + 50) / 100;
    (0..BAR_MAX)
        .map(|at| {
            if at < full {
                '█'
            } else if at == BAR {
                '|'
            } else {
                '·'
            }
        })
        .collect()
}

impl Seat {
    /// Its weight as it is counted.
    pub fn weight(&self) -> u64 {
        if self.candidate.weight == 0 { 100 } else { u64::from(self.candidate.weight) }
    }

    fn takes(&self) -> bool {
        self.candidate.standing == Standing::Present && !self.candidate.draining
    }

    /// What sets it apart, in a word.
    pub fn state(&self) -> &'static str {
        match (self.candidate.standing, self.candidate.draining) {
            (Standing::Lost, _) => "lost",
            (Standing::Silent, _) => "silent",
            (Standing::Present, true) => "drains",
            (Standing::Present, false) => "",
        }
    }
}

impl Move {
    fn line(&self) -> String {
        let from = self.from.map_or_else(|| "-".to_owned(), |from| from.0.to_string());
        let route = format!("{from} -> {}", self.to.0);
        format!("{:<20} {} {route:<9} {:<9} {}", named(&self.name), self.cluster, self.reason.word(), self.why())
    }

    /// Why it moves, and why to that member, as a sentence.
    pub fn why(&self) -> String {
        let from = self.from.map_or_else(|| "its owner".to_owned(), |from| format!("member {from}"));
        let to = self.to;
        let why = match self.reason {
            Reason::New => "it never had an owner".to_owned(),
            Reason::Lost => format!("{from} fell silent and its lease has run out"),
            Reason::Restarted => format!("{from} was started again"),
            Reason::Drain => format!("{from} drains"),
            Reason::Balance => format!("{from} carries too much of the work"),
            Reason::Removed => format!("{from} was removed"),
            Reason::Released => format!("{from} gave it back"),
            Reason::Pinned => format!("{from} is not the one it is pinned to"),
        };
        match self.choice {
            Choice::Pin => format!("{why}; it is pinned to member {to}"),
            Choice::Own => format!("{why}; it gets its own back"),
            Choice::Zone => format!("{why}; member {to} is in its zone"),
            Choice::Least => format!("{why}; member {to} has the least work for its weight"),
        }
    }
}

fn named(name: &str) -> &str {
    if name.is_empty() { "-" } else { name }
}

impl Stuck {
    /// Why nobody takes it, as a sentence.
    pub fn why(&self) -> String {
        let owner = self.owner.map_or_else(|| "it has no owner".to_owned(), |owner| format!("it stays with member {owner}"));
        let why = match &self.lack {
            Lack::Member => "there is no member".to_owned(),
            Lack::Driver(driver) => format!("no member has the driver {driver:?}"),
            Lack::Drains => "every member drains".to_owned(),
            Lack::Silent => "no member has asked for a lease lately".to_owned(),
            Lack::Everybody => "those with its driver drain or are silent".to_owned(),
        };
        format!("{why}; {owner}")
    }
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<20} {} {}", named(&self.name), self.cluster, self.why())
    }
}

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<20} {} {}", named(&self.name), self.cluster, self.lack.of(self.pin))
    }
}

impl Lack {
    /// Why a pin to this member is not obeyed, as a sentence.
    pub fn of(&self, pin: MemberId) -> String {
        let why = match self {
            Self::Member => "does not exist".to_owned(),
            Self::Driver(driver) => format!("has no driver {driver:?}"),
            Self::Drains => "drains".to_owned(),
            Self::Silent | Self::Everybody => "has not asked for a lease lately".to_owned(),
        };
        format!("pinned to member {pin}, which {why}: obeyed as soon as that changes")
    }
}
