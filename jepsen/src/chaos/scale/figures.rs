//! What was measured, beside what was asked for.

use super::Shape;
use crate::report::Table;

/// What is measured; in the order in which it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Figure {
    Accepted,
    Completed,
    CreateCpu,
    CreateEntries,
    CreateCalls,
    Looks,
    Early,
    Late,
    Lookers,
    Memory,
    ListMedian,
    ListP99,
    ListCpu,
    Lost,
    Reowned,
    Entries,
    Listings,
    Twice,
    Even,
    Open,
    GoOn,
    Complete,
}

/// A bound that a figure must not pass.
#[derive(Clone, Copy, Debug)]
enum Goal {
    None,
    AtMost(f64),
    Exactly(f64),
    /// So much at most beyond the lease.
    Lease(f64),
}

impl Figure {
    const ALL: [Self; 22] = [
        Self::Accepted,
        Self::Completed,
        Self::CreateCpu,
        Self::CreateEntries,
        Self::CreateCalls,
        Self::Looks,
        Self::Early,
        Self::Late,
        Self::Lookers,
        Self::Memory,
        Self::ListMedian,
        Self::ListP99,
        Self::ListCpu,
        Self::Lost,
        Self::Reowned,
        Self::Entries,
        Self::Listings,
        Self::Twice,
        Self::Even,
        Self::Open,
        Self::GoOn,
        Self::Complete,
    ];

    fn words(self) -> &'static str {
        match self {
            Self::Accepted => "creates accepted per minute",
            Self::Completed => "creates completed per minute",
            Self::CreateCpu => "processor time of all members per create, without backend and clients, ms",
            Self::CreateEntries => "log entries per create",
            Self::CreateCalls => "outside calls per create",
            Self::Looks => "looks per bay in three intervals (30 to 36 s each)",
            Self::Early => "looks that came before their interval was over",
            Self::Late => "bays that were not looked at in time",
            Self::Lookers => "members that looked at one bay, most",
            Self::Memory => "memory of a member, most, MiB",
            Self::ListMedian => "list of 1,000 from a follower, median, ms",
            Self::ListP99 => "list of 1,000 from a follower, p99, ms",
            Self::ListCpu => "processor time of the member for it, ms",
            Self::Lost => "kill -9: bays of the member",
            Self::Reowned => "until all have another owner, s",
            Self::Entries => "log entries for that",
            Self::Listings => "listings by new owners, per change of owner",
            Self::Twice => "bays that a new owner looked at twice",
            Self::Even => "until the member that came back has its share again (rebalance), s",
            Self::Open => "kill -9 in the midst of creations: open operations of the member",
            Self::GoOn => "until their new owners went on with all of them, s",
            Self::Complete => "until all are complete, s (the backend takes 3 to 5 s)",
        }
    }

    fn goal(self) -> Goal {
        match self {
            Self::CreateCpu => Goal::AtMost(5.0),
            Self::ListP99 => Goal::AtMost(50.0),
            Self::Early | Self::Late | Self::Twice => Goal::Exactly(0.0),
            Self::Lookers | Self::Listings => Goal::Exactly(1.0),
            Self::Reowned | Self::GoOn => Goal::Lease(2.0),
            _ => Goal::None,
        }
    }
}

impl Goal {
    fn met(self, value: f64, lease: f64) -> bool {
        match self {
            Self::None => true,
            Self::AtMost(most) => value <= most,
            Self::Exactly(wanted) => (value - wanted).abs() < 1e-9,
            Self::Lease(more) => value <= lease + more,
        }
    }

    fn words(self, lease: f64) -> String {
        match self {
            Self::None => String::new(),
            Self::AtMost(most) => format!("<= {most}"),
            Self::Exactly(wanted) => format!("= {wanted}"),
            Self::Lease(more) => format!("<= {}", lease + more),
        }
    }
}

/// The figures of one cluster.
#[derive(Clone, Debug, Default)]
pub(super) struct Figures {
    lease: f64,
    values: Vec<(Figure, f64, usize)>,
}

impl Figures {
    /// How long a lease is, in seconds: some goals depend on it.
    pub(super) fn lease(&mut self, seconds: f64) {
        self.lease = seconds;
    }

    /// Notes a figure, shown with so many decimals.
    pub(super) fn put(&mut self, figure: Figure, value: f64, decimals: usize) {
        self.values.push((figure, value, decimals));
    }

    fn get(&self, figure: Figure) -> Option<(f64, usize)> {
        self.values.iter().find(|(other, ..)| *other == figure).map(|(_, value, decimals)| (*value, *decimals))
    }

    fn cell(&self, figure: Figure) -> String {
        let Some((value, decimals)) = self.get(figure) else { return "-".to_owned() };
        let mark = if figure.goal().met(value, self.lease) { "" } else { " MISSED" };
        format!("{value:.decimals$}{mark}")
    }
}

/// All of it in one table.
pub(super) fn table(bays: usize, columns: &[(Shape, Figures)]) -> Table {
    let shapes: Vec<String> = columns.iter().map(|(shape, _)| format!("members: {shape}")).collect();
    let mut header = vec!["figure", "goal"];
    header.extend(shapes.iter().map(String::as_str));
    let mut table = Table::new(&format!("{bays} bays"), &header);
    let lease = columns.first().map_or(0.0, |(_, figures)| figures.lease);
    for figure in Figure::ALL {
        let mut row = vec![figure.words().to_owned(), figure.goal().words(lease)];
        row.extend(columns.iter().map(|(_, figures)| figures.cell(figure)));
        table.row(&row);
    }
    table
}

/// What was asked for and not reached, in words.
pub(super) fn missed(columns: &[(Shape, Figures)]) -> Vec<String> {
    let mut missed = Vec::new();
    for (shape, figures) in columns {
        for (figure, value, decimals) in figures.values.iter().copied() {
            let goal = figure.goal();
            if !goal.met(value, figures.lease) {
                let goal = goal.words(figures.lease);
                missed.push(format!("members {shape}: {}: {value:.decimals$}, goal {goal}", figure.words()));
            }
        }
    }
    missed
}

/// A count as a number to reckon with.
pub(super) fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beyond_its_goal_is_said_in_the_table_and_in_words() {
        let shape = Shape { voters: 3, learners: 0 };
        let mut figures = Figures::default();
        figures.lease(5.0);
        figures.put(Figure::CreateCpu, 4.99, 2);
        figures.put(Figure::ListP99, 50.5, 1);
        figures.put(Figure::Reowned, 7.0, 2);
        figures.put(Figure::Twice, 1.0, 0);
        let columns = [(shape, figures)];
        let missed = missed(&columns);
        assert_eq!(missed.len(), 2, "{missed:?}");
        assert!(missed[0].contains("50.5, goal <= 50") && missed[1].contains("twice: 1, goal = 0"), "{missed:?}");
        let shown = table(10, &columns).to_string();
        assert!(shown.contains("50.5 MISSED") && shown.contains("<= 7") && !shown.contains("7.00 MISSED"), "{shown}");
    }

    #[test]
    fn every_figure_is_shown() {
        for figure in Figure::ALL {
            assert!(!figure.words().is_empty());
        }
        let shown = table(10, &[]).to_string();
        assert!(Figure::ALL.iter().all(|figure| shown.contains(figure.words())), "{shown}");
    }
}
