//! The crash matrix: every fault point of the product, with every fault that makes sense there, on real members, again and again.
//!
//! The members are the test build `jeroboam-faulty`, which can be told where to panic, to kill itself, to stand still, or to lose an answer.
//! The judge is a black box as everywhere here: what clients were told, what the API lists, what the scripted backend's journal and Docker's
//! listing show. A cell whose point was not reached proves nothing and says so.
//!
//! [`point`]: how each point is reached; [`cell`]: point, fault, outcome; `ground`: a cluster on which cells are tried one after the other,
//! several of them side by side; `strike`: the ways to a point; `life`: what clients do; `doom`: bays that run out of time; `paper`: cells
//! without members; `grid`: the matrix as people read it.

pub mod cell;
mod doom;
mod grid;
mod ground;
mod life;
mod paper;
pub mod point;
mod strike;

use std::{
    collections::{BTreeMap, VecDeque},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tokio::time::Instant;

use super::Options;
use crate::{
    Chance, Error, docker,
    process::run as run_program,
    report::{Progress, Summary},
};
use cell::{Behind, Cell, Fault, Outcomes};
use ground::Ground;
use point::{POINTS, Point, Way};

/// The size of the campaign.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The test build.
    pub binary: PathBuf,
    /// Runs of each cell.
    pub runs: u64,
    /// Clusters side by side.
    pub parallel: usize,
    /// Only points whose name begins so; empty: all.
    pub only: Vec<String>,
    /// Only these faults.
    pub faults: Vec<Fault>,
    /// Only so many cells, chosen by chance.
    pub sample: Option<usize>,
    /// Also with real containers.
    pub docker: bool,
    /// Where the matrix is written as Markdown.
    pub markdown: Option<PathBuf>,
}

/// Clusters that fail to work at all, before the campaign is given up.
const LOST: u32 = 5;

/// Runs the campaign.
pub async fn run(options: &Options, plan: Plan) -> Result<Summary, Error> {
    let started = Instant::now();
    let mut chance = Chance::seeded(options.seed).fork("matrix");
    if plan.docker && !(docker::is_there().await && docker::has_image(&options.image).await) {
        return Err(Error::Setup(format!("no Docker Engine with the image {} answers; without it: --without-docker", options.image)));
    }
    if plan.docker {
        docker::nothing_left().await?;
    }
    no_trace(&options.binary)?;
    let points = points(&plan).await?;
    let mut cells = cell::all(&points, &plan.faults, plan.runs, plan.docker, &mut chance);
    if let Some(size) = plan.sample {
        cells = sampled(cells, size, &mut chance);
    }
    let outcomes = Outcomes::new(cells.len());
    let options = Options { binary: plan.binary.clone(), ..options.clone() };
    let mut summary = Summary::default();
    let failures = all_grounds(&options, &plan, &cells, &outcomes).await;
    failures.iter().for_each(|error| summary.error("matrix", error));
    let all = outcomes.all();
    grid::judge(&cells, &all, &mut summary);
    let seconds = started.elapsed().as_secs();
    summary.note(format!("{} cells of {} points in {seconds} s", cells.len(), points.len()));
    let path = plan.markdown.clone().unwrap_or_else(|| options.folder.join("matrix.md"));
    std::fs::write(&path, grid::markdown(&cells, &all, seconds, options.seed)).map_err(Error::file("write", &path))?;
    summary.note(format!("the matrix as Markdown: {}", path.display()));
    Ok(summary)
}

/// The real binary must know nothing of fault points.
fn no_trace(binary: &Path) -> Result<(), Error> {
    let bytes = std::fs::read(binary).map_err(Error::file("read", binary))?;
    let holds = |words: &str| bytes.windows(words.len()).any(|window| window == words.as_bytes());
    match POINTS.iter().find(|point| holds(point.name)) {
        Some(point) => Err(Error::Setup(format!("{} holds the fault point {}: it is no real build", binary.display(), point.name))),
        None => Ok(()),
    }
}

/// The points that the binary has, with how they are reached and whether an answer can be lost there.
async fn points(plan: &Plan) -> Result<Vec<(&'static Point, bool)>, Error> {
    let out = run_program(&plan.binary, &["fault", "points", "--json"], Duration::from_secs(30)).await?;
    let rows: Vec<Value> = serde_json::from_str(&out).map_err(|error| Error::Setup(format!("fault points: {error}")))?;
    let text = |row: &Value| row.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let known: BTreeMap<String, bool> =
        rows.iter().map(|row| (text(row), row.get("answer").and_then(Value::as_bool).unwrap_or(false))).collect();
    let strange: Vec<&str> = POINTS.iter().map(|point| point.name).filter(|name| !known.contains_key(*name)).collect();
    let untried: Vec<&String> = known.keys().filter(|name| !POINTS.iter().any(|point| point.name == **name)).collect();
    if !strange.is_empty() || !untried.is_empty() {
        return Err(Error::Setup(format!("the lists of points differ: unknown to the binary {strange:?}, tried by nobody {untried:?}")));
    }
    let wanted = |point: &&Point| plan.only.is_empty() || plan.only.iter().any(|only| point.name.starts_with(only.as_str()));
    Ok(POINTS.iter().filter(wanted).map(|point| (point, known.get(point.name).copied().unwrap_or(false))).collect())
}

/// So many cells, chosen by chance, numbered anew; none that wait for a deadline, because a sample is to be quick.
fn sampled(mut cells: Vec<Cell>, size: usize, chance: &mut Chance) -> Vec<Cell> {
    cells.retain(|cell| cell.point.way != Way::Expiry);
    let mut chosen = Vec::new();
    while chosen.len() < size && !cells.is_empty() {
        let place = usize::try_from(chance.between(0, cells.len() as u64)).unwrap_or(0);
        let number = chosen.len();
        chosen.push(Cell { number, ..cells.swap_remove(place) });
    }
    chosen
}

/// Cells of one kind that wait for a cluster; those that must wait for a deadline come last.
type Queue = Arc<Mutex<VecDeque<Cell>>>;

fn next(queue: &Queue) -> Option<Cell> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
}

/// How many cells are left, and how many of them wait for a deadline.
fn left(queue: &Queue) -> (usize, usize) {
    let queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
    (queue.len(), queue.iter().filter(|cell| cell.point.way == Way::Expiry).count())
}

async fn all_grounds(options: &Options, plan: &Plan, cells: &[Cell], outcomes: &Outcomes) -> Vec<Error> {
    let progress = Arc::new(Progress::new("matrix", cells.len() as u64));
    let mut chance = Chance::seeded(options.seed).fork("order");
    let mut workers = Vec::new();
    for (behind, share) in shares(cells, plan.parallel.max(1)) {
        let queue: Queue = Arc::new(Mutex::new(ordered(cells, behind, &mut chance)));
        for number in 0..share {
            let (options, queue, outcomes) = (options.clone(), Arc::clone(&queue), outcomes.clone());
            workers.push(Work { options, behind, number, queue, outcomes, progress: Arc::clone(&progress) });
        }
    }
    // Side by side in this one task: what takes time is done by the members and by lives, which have tasks of their own.
    let ended = futures::future::join_all(workers.into_iter().map(Work::run)).await;
    ended.into_iter().filter_map(Result::err).collect()
}

/// In an order of chance, those that wait for a deadline last.
fn ordered(cells: &[Cell], behind: Behind, chance: &mut Chance) -> VecDeque<Cell> {
    let mut of: Vec<(u64, Cell)> =
        cells.iter().filter(|cell| cell.behind == behind).map(|cell| (chance.between(0, u64::MAX), *cell)).collect();
    of.sort_by_key(|(order, cell)| (cell.point.way == Way::Expiry, *order));
    of.into_iter().map(|(_, cell)| cell).collect()
}

/// How many clusters work on each kind of cell.
fn shares(cells: &[Cell], parallel: usize) -> Vec<(Behind, usize)> {
    let count = |behind| cells.iter().filter(|cell| cell.behind == behind).count();
    let members: usize = [Behind::Plain, Behind::Fence, Behind::Docker].map(count).iter().sum();
    [Behind::Nothing, Behind::Plain, Behind::Fence, Behind::Docker]
        .into_iter()
        .filter(|behind| count(*behind) > 0)
        .map(|behind| {
            let fair = (count(behind) * parallel).div_ceil(members.max(1));
            // The engine has room for some thirty networks only.
            let most = if matches!(behind, Behind::Docker | Behind::Nothing) { 2 } else { parallel };
            (behind, fair.clamp(1, most.min(count(behind))))
        })
        .collect()
}

/// One worker: a cluster of its own and cell after cell.
struct Work {
    options: Options,
    behind: Behind,
    number: usize,
    queue: Queue,
    outcomes: Outcomes,
    progress: Arc<Progress>,
}

impl Work {
    async fn run(self) -> Result<(), Error> {
        if self.behind == Behind::Nothing {
            while let Some(cell) = next(&self.queue) {
                paper::strike(&self.options.binary, &self.options.folder, &cell, &self.outcomes).await?;
                self.tell(&cell);
            }
            return Ok(());
        }
        for attempt in 0..LOST {
            if left(&self.queue).0 == 0 {
                return Ok(());
            }
            let name = format!("{:?}{}-{attempt}", self.behind, self.number).to_lowercase();
            let ground = Ground::start(&self.options, &name, self.behind, self.outcomes.clone()).await?;
            self.cells(ground).await?;
        }
        Err(Error::Setup(format!("{LOST} clusters were lost, one after the other")))
    }

    /// Cell after cell, as long as the cluster can be used.
    async fn cells(&self, mut ground: Ground) -> Result<(), Error> {
        let mut last = 0;
        while let Some(cell) = next(&self.queue) {
            last = cell.number;
            let (waiting, doomed) = left(&self.queue);
            if let Some(doom) = ground.doom.as_mut().filter(|_| doomed > 0 && waiting - doomed < SOON) {
                doom.begin();
            }
            let struck = ground.strike(&cell, &self.outcomes).await;
            if !self.outcomes.reached(cell.number) {
                self.progress.say(&format!("not reached: {cell}"));
            }
            self.tell(&cell);
            if let Err(error) = struck {
                self.outcomes.found(cell.number, format!("the cluster was lost: {error}"));
                return ground.end(last).await.or_else(|error| {
                    self.outcomes.found(last, format!("the lost cluster could not be judged: {error}"));
                    Ok(())
                });
            }
        }
        ground.end(last).await
    }

    fn tell(&self, cell: &Cell) {
        let (done, wrong) = self.outcomes.count();
        self.progress.at(done, &format!("{} {}, {wrong} wrong", cell.point.name, cell.fault));
    }
}

/// With so few other cells left, bays that run out of time are begun.
const SOON: usize = 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_is_somebodys_and_samples_are_numbered_anew() {
        let points: Vec<_> = POINTS.iter().map(|point| (point, true)).collect();
        let mut chance = Chance::seeded(1);
        let cells = cell::all(&points, &Fault::ALL, 3, true, &mut chance);
        assert_eq!(cells.len(), POINTS.len() * 4 * 3);
        let of_all: usize = shares(&cells, 6).iter().map(|(behind, _)| ordered(&cells, *behind, &mut chance).len()).sum();
        assert_eq!(of_all, cells.len());
        assert!(ordered(&cells, Behind::Plain, &mut chance).back().is_some_and(|cell| cell.point.way == Way::Expiry));
        let some = sampled(cells, 10, &mut chance);
        assert_eq!(some.iter().map(|cell| cell.number).collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn names_of_points_are_unique() {
        let names: std::collections::BTreeSet<_> = POINTS.iter().map(|point| point.name).collect();
        assert_eq!(names.len(), POINTS.len());
    }
}
