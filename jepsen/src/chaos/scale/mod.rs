//! Very many bays on few members: what it costs, and how soon a lost member's share is somebody else's.
//!
//! The same things are done to clusters of several shapes, one after the other, and shown side by side: many creates at once; looks
//! counted one by one in the backend's journal; a long list; a kill -9 of a member that stands still, and one of a member in the midst
//! of its work. The scripted backend answers at once unless it says otherwise, so that what is measured is ours. Rates and latencies are
//! of this machine under its present load, all members, backend and clients together on it; counts are exact.

mod create;
mod figures;
mod list;
mod looks;
mod loss;

use std::{fmt, str::FromStr};

use super::{Options, Stage, outside};
use crate::{
    Error,
    backend::{Backend, Journal, Script},
    check::coverage::Coverage,
    cluster::Joins,
    report::{Progress, Summary},
};
use figures::{Figure, Figures};

/// The size of the campaign.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Bays.
    pub bays: usize,
    /// The clusters that are tried.
    pub shapes: Vec<Shape>,
}

/// What a cluster consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Members that vote.
    pub voters: usize,
    /// Members that conduct without a vote.
    pub learners: usize,
}

/// The shapes that are tried unless others are asked for.
pub const SHAPES: [Shape; 4] = [
    Shape { voters: 1, learners: 0 },
    Shape { voters: 3, learners: 0 },
    Shape { voters: 5, learners: 0 },
    Shape { voters: 3, learners: 2 },
];

/// The interval between two looks at a bay, before the jitter of a fifth.
const INTERVAL: &str = "30s";

impl Shape {
    fn members(self) -> usize {
        self.voters + self.learners
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.learners {
            0 => write!(formatter, "{}", self.voters),
            learners => write!(formatter, "{} + {learners}", self.voters),
        }
    }
}

impl FromStr for Shape {
    type Err = String;

    /// `3`, or `3+2` with learners.
    fn from_str(text: &str) -> Result<Self, String> {
        let (voters, learners) = text.split_once('+').unwrap_or((text, "0"));
        let number = |text: &str| text.trim().parse().ok();
        match (number(voters), number(learners)) {
            (Some(voters @ 1..=7), Some(learners @ 0..=7)) => Ok(Self { voters, learners }),
            _ => Err(format!("{text:?} is no shape; 3 and 3+2 are")),
        }
    }
}

/// Runs the campaign.
pub async fn run(options: &Options, plan: &Plan) -> Result<Summary, Error> {
    let mut summary = Summary::default();
    let mut columns = Vec::new();
    for shape in &plan.shapes {
        let mut figures = Figures::default();
        // What ends one of them is said, and what it showed until then is shown.
        summary.add(&format!("scale {shape}"), one(options, *shape, plan.bays, &mut figures).await);
        columns.push((*shape, figures));
    }
    summary.table(figures::table(plan.bays, &columns));
    if options.targets {
        figures::missed(&columns).into_iter().for_each(|words| summary.missed(words));
    }
    Ok(summary)
}

/// One run's cluster and backend.
struct Run<'a> {
    options: &'a Options,
    shape: Shape,
    bays: usize,
    stage: Stage,
    backend: Backend,
    model: String,
}

async fn one(options: &Options, shape: Shape, bays: usize, figures: &mut Figures) -> Result<Summary, Error> {
    let tuning = [("api.default_quota", "1000000"), ("conductor.look_min", INTERVAL), ("conductor.look_max", INTERVAL)];
    let name = format!("scale-{}-{}", shape.voters, shape.learners);
    let script = (Script::default(), Journal::of_changes());
    let (mut stage, backend) = Stage::with_backend(options, &name, shape.voters, &tuning, script).await?;
    for _ in 0..shape.learners {
        stage.cluster.add(Joins::AsLearner).await?;
    }
    let model = create::model(&mut stage).await?;
    let mut run = Run { options, shape, bays, stage, backend, model };
    let progress = Progress::new(&format!("scale {shape}"), 6);
    progress.at(0, &format!("{bays} bays are created"));
    create::measure(&mut run, figures).await?;
    progress.at(1, "looks are counted");
    let looked = looks::measure(&run, figures).await;
    create::memory(&mut run, figures)?;
    progress.at(2, "pages are asked for");
    list::measure(&mut run, figures).await?;
    let mut coverage = Coverage::default().with("looks counted", looked, bays as u64);
    if shape.members() > 1 {
        progress.at(3, "kill -9 of a member that stands still");
        let lost = loss::at_rest(&mut run, figures).await?;
        progress.at(4, "kill -9 of a member in the midst of creations");
        let open = loss::at_work(&mut run, figures).await?;
        coverage = coverage.with("bays of the lost member", lost, 1).with("its open operations", open, 1);
    }
    progress.at(5, "the end");
    let mut summary = Summary::default();
    summary.coverage(&format!("scale {shape}"), coverage);
    let Run { mut stage, backend, .. } = run;
    stage.last_questions(&mut summary).await?;
    outside::judge(&backend, &stage.folder, &mut summary)?;
    stage.cluster.stop().await?;
    Ok(summary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_is_what_it_says() {
        for shape in SHAPES {
            assert_eq!(shape.to_string().parse(), Ok(shape));
        }
        assert_eq!("3+2".parse(), Ok(Shape { voters: 3, learners: 2 }));
        for wrong in ["", "0", "3+", "x", "3+2+1", "100"] {
            assert!(wrong.parse::<Shape>().is_err(), "{wrong}");
        }
    }
}
