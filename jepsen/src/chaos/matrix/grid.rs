//! The matrix as people read it: points by faults, in each cell how many runs were well, how many were not, how many did not get there.

use std::{collections::BTreeMap, fmt::Write as _};

use super::cell::{Behind, Cell, Fault, Outcome};
use crate::{check::coverage::Coverage, report::Summary, report::Table};

/// The sum of some cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    runs: u64,
    well: u64,
    wrong: u64,
    missed: u64,
}

impl Sum {
    fn add(&mut self, outcome: &Outcome) {
        self.runs += 1;
        if !outcome.findings.is_empty() {
            self.wrong += 1;
        } else if outcome.reached {
            self.well += 1;
        } else {
            self.missed += 1;
        }
    }

    fn words(self) -> String {
        let mut words = self.well.to_string();
        if self.wrong > 0 {
            write!(words, " / {} WRONG", self.wrong).unwrap_or(());
        }
        if self.missed > 0 {
            write!(words, " / {} not reached", self.missed).unwrap_or(());
        }
        words
    }
}

/// The campaign's judgement.
pub(super) fn judge(cells: &[Cell], outcomes: &[Outcome], summary: &mut Summary) {
    for (cell, outcome) in cells.iter().zip(outcomes) {
        for finding in &outcome.findings {
            summary.finding(format!("{cell}: {finding}"));
        }
    }
    let all = || cells.iter().zip(outcomes);
    let reached = all().filter(|(_, outcome)| outcome.reached).count() as u64;
    let accepted: u64 = outcomes.iter().map(|outcome| outcome.accepted).sum();
    let ended: u64 = outcomes.iter().map(|outcome| outcome.ended).sum();
    let mut table =
        Table::new("what the cells did", &["behind the members", "cells", "accepted", "ended", "stale calls tried", "stale effects"]);
    for behind in [Behind::Plain, Behind::Fence, Behind::Docker, Behind::Nothing] {
        let of: Vec<_> = all().filter(|(cell, _)| cell.behind == behind).map(|(_, outcome)| outcome).collect();
        let sum = |of_one: fn(&Outcome) -> u64| of.iter().map(|one| of_one(one)).sum::<u64>();
        let counts = [of.len() as u64, sum(|one| one.accepted), sum(|one| one.ended), sum(|one| one.stale), sum(|one| one.stale_effective)];
        let words = match behind {
            Behind::Plain => "scripted, no fence",
            Behind::Fence => "scripted, fence",
            Behind::Docker => "Docker Engine (stale calls not seen)",
            Behind::Nothing => "no members (certificates)",
        };
        let mut row = vec![words.to_owned()];
        row.extend(counts.map(|count| count.to_string()));
        table.row(&row);
    }
    let mut grid = Table::new("the crash matrix: runs that were well", &["point", "panic", "kill -9", "SIGSTOP", "lost reply"]);
    rows(cells, outcomes).iter().for_each(|row| grid.row(row));
    summary.table(grid);
    summary.table(table);
    let coverage = Coverage::default().with("points reached", reached, cells.len() as u64).with("operations ended", ended, accepted.max(1));
    summary.coverage("matrix", coverage);
}

fn rows(cells: &[Cell], outcomes: &[Outcome]) -> Vec<Vec<String>> {
    let mut sums: BTreeMap<(&str, Fault), Sum> = BTreeMap::new();
    let mut names: Vec<&str> = Vec::new();
    for (cell, outcome) in cells.iter().zip(outcomes) {
        sums.entry((cell.point.name, cell.fault)).or_default().add(outcome);
        if !names.contains(&cell.point.name) {
            names.push(cell.point.name);
        }
    }
    let cell = |name: &str, fault| {
        sums.iter().find(|((other, of), _)| *other == name && *of == fault).map_or("-".to_owned(), |(_, sum)| sum.words())
    };
    names.iter().map(|name| std::iter::once((*name).to_owned()).chain(Fault::ALL.map(|fault| cell(name, fault))).collect()).collect()
}

/// The matrix as a page.
pub(super) fn markdown(cells: &[Cell], outcomes: &[Outcome], seconds: u64, seed: u64) -> String {
    let mut page =
        format!("# The crash matrix\n\n{} cells in {seconds} s, seed {seed}. In each cell: runs that were well.\n\n", cells.len());
    page.push_str("| point | panic | kill -9 | SIGSTOP for two leases | lost reply |\n|---|---|---|---|---|\n");
    for row in rows(cells, outcomes) {
        let (name, sums) = row.split_first().map_or(("", &[][..]), |(name, sums)| (name.as_str(), sums));
        page.push_str(&format!("| `{name}` | {} |\n", sums.join(" | ")));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Verdict, chaos::matrix::point::POINTS};

    fn cells() -> Vec<Cell> {
        let cell = |number, fault| Cell { number, point: &POINTS[0], fault, time: 1, behind: Behind::Plain };
        vec![cell(0, Fault::Kill), cell(1, Fault::Kill), cell(2, Fault::Stop)]
    }

    fn verdict(outcomes: &[Outcome]) -> Verdict {
        let mut summary = Summary::default();
        judge(&cells(), outcomes, &mut summary);
        summary.verdict()
    }

    #[test]
    fn only_cells_that_were_reached_and_well_pass() {
        let well = Outcome { tried: true, reached: true, accepted: 2, ended: 2, ..Outcome::default() };
        assert_eq!(verdict(&vec![well.clone(); 3]), Verdict::True);
        let missed = Outcome { reached: false, ..well.clone() };
        assert_eq!(verdict(&[well.clone(), well.clone(), missed]), Verdict::Unknown);
        let open = Outcome { ended: 1, ..well.clone() };
        assert_eq!(verdict(&[well.clone(), well.clone(), open]), Verdict::Unknown);
        let wrong = Outcome { findings: vec!["twice".into()], ..well.clone() };
        assert_eq!(verdict(&[well.clone(), wrong.clone(), well.clone()]), Verdict::False);
        let page = markdown(&cells(), &[well.clone(), wrong, well], 7, 1);
        assert!(page.contains("| `api::admission::before` | - | 1 / 1 WRONG | 1 | - |"), "{page}");
    }
}
