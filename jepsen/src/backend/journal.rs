//! Every call, in order.
//!
//! One counter gives a place to each arrival, effect and answer, so that all of them are totally ordered. A call that changed nothing
//! has the place at which it was judged. Looks are many; a long run may ask for them to be counted only.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{BufWriter, Write},
    path::Path,
    sync::Arc,
};

use serde::Serialize;

use super::Caller;
use crate::{Error, history::words};

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Has arrived and not been judged yet.
    Pending,
    /// A look, or a change that was not needed or not possible.
    Nothing,
    /// Something is there that was not.
    Made,
    /// Something that was there is in another state.
    Changed,
    /// Something is gone.
    Removed,
    /// A change refused by the fence.
    Fenced,
    /// Failed by the script, without any effect.
    Failed,
}

impl Outcome {
    /// Whether the world was another one after it.
    #[must_use]
    pub fn effective(self) -> bool {
        matches!(self, Self::Made | Self::Changed | Self::Removed)
    }
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Call {
    /// Its place at arrival.
    pub arrival: u64,
    /// When it arrived, nanoseconds on the run's clock.
    pub at: u64,
    /// The place at which it took effect or was judged.
    pub judged: Option<u64>,
    /// The place at which its answer was sent; none: it was lost, or the caller had gone.
    pub answered: Option<u64>,
    /// Who; none: the call did not say.
    pub caller: Option<Caller>,
    /// What, such as `container.start`.
    pub verb: &'static str,
    /// Whether it is of a kind that changes things.
    pub changes: bool,
    /// The outside name of what it is about, as far as that is known.
    #[serde(serialize_with = "words::serialize")]
    pub key: Arc<str>,
    /// The highest epoch that any call for this cluster had shown by then.
    pub fence: u64,
    /// What became of it.
    pub outcome: Outcome,
}

impl Call {
    /// Whether it came from an owner that had a successor by then.
    #[must_use]
    pub fn stale(&self) -> bool {
        self.caller.as_ref().is_some_and(|caller| caller.epoch < self.fence)
    }
}

/// The journal.
#[derive(Debug, Default)]
pub struct Journal {
    calls: Vec<Call>,
    places: u64,
    only_changes: bool,
    looks: BTreeMap<&'static str, u64>,
    epochs: BTreeMap<Arc<str>, BTreeSet<u64>>,
    window: BTreeMap<Arc<str>, Looks>,
    nameless: u64,
    of_operations: u64,
}

/// How one cluster was looked at since the window began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looks {
    /// The looks, in their order.
    pub sights: Vec<Sight>,
    /// Members that asked anything.
    pub members: BTreeSet<u64>,
}

/// One look at a cluster: the engine was asked how it is, for no operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sight {
    /// When, nanoseconds on the run's clock.
    pub at: u64,
    /// Under which epoch.
    pub epoch: u64,
}

/// Where a call stands in the journal; `None`: it is only counted.
pub type Line = Option<usize>;

impl Journal {
    /// One that only counts looks.
    #[must_use]
    pub fn of_changes() -> Self {
        Self { only_changes: true, ..Self::default() }
    }

    fn place(&mut self) -> u64 {
        self.places += 1;
        self.places
    }

    /// A call arrives.
    pub fn arrive(&mut self, at: u64, caller: Option<&Caller>, verb: &'static str, changes: bool, key: &str) -> Line {
        self.of_operations += u64::from(caller.is_some_and(|caller| caller.operation.is_some()));
        if let Some(caller) = caller {
            self.epochs.entry(Arc::clone(&caller.cluster)).or_default().insert(caller.epoch);
        } else {
            self.nameless += 1;
        }
        if !changes {
            self.note_look(at, caller, verb);
            if self.only_changes {
                return None;
            }
        }
        let arrival = self.place();
        let fence = caller.map_or(0, |caller| self.fence(&caller.cluster));
        let (caller, key) = (caller.cloned(), key.into());
        let outcome = Outcome::Pending;
        self.calls.push(Call { arrival, at, judged: None, answered: None, caller, verb, changes, key, fence, outcome });
        Some(self.calls.len() - 1)
    }

    fn note_look(&mut self, at: u64, caller: Option<&Caller>, verb: &'static str) {
        *self.looks.entry(verb).or_default() += 1;
        if let Some(caller) = caller {
            let looks = self.window.entry(Arc::clone(&caller.cluster)).or_default();
            if verb == "info" && caller.operation.is_none() {
                looks.sights.push(Sight { at, epoch: caller.epoch });
            }
            looks.members.insert(caller.member);
        }
    }

    /// Forgets how clusters were looked at so far, and counts from here on.
    pub fn begin_window(&mut self) {
        self.window.clear();
    }

    /// How each cluster was looked at since [`Self::begin_window`].
    #[must_use]
    pub fn window(&self) -> &BTreeMap<Arc<str>, Looks> {
        &self.window
    }

    /// The highest epoch that any call for this cluster has shown.
    #[must_use]
    pub fn fence(&self, cluster: &str) -> u64 {
        self.epochs.get(cluster).and_then(|epochs| epochs.last()).copied().unwrap_or(0)
    }

    /// A call is judged, and its effect, if there is one, happens now.
    pub fn judge(&mut self, line: Line, outcome: Outcome, key: Option<&str>) {
        let place = self.place();
        let Some(index) = line else { return };
        let fence = self.calls.get(index).and_then(|call| call.caller.as_ref()).map_or(0, |caller| self.fence(&caller.cluster));
        if let Some(call) = self.calls.get_mut(index) {
            (call.judged, call.outcome, call.fence) = (Some(place), outcome, fence);
            if let Some(key) = key {
                call.key = key.into();
            }
        }
    }

    /// The answer of a call is sent.
    pub fn answer(&mut self, line: Line) {
        let place = self.place();
        if let Some(call) = line.and_then(|index| self.calls.get_mut(index)) {
            call.answered = Some(place);
        }
    }

    /// All calls, in the order of their arrival.
    #[must_use]
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// How often each kind of look was made.
    #[must_use]
    pub fn looks(&self) -> &BTreeMap<&'static str, u64> {
        &self.looks
    }

    /// The epochs under which calls were made, for each cluster.
    #[must_use]
    pub fn epochs(&self) -> &BTreeMap<Arc<str>, BTreeSet<u64>> {
        &self.epochs
    }

    /// Changes of owner that the backend has seen: epochs beyond each cluster's first.
    #[must_use]
    pub fn changes_of_owner(&self) -> u64 {
        self.epochs.values().map(|epochs| epochs.len().saturating_sub(1) as u64).sum()
    }

    /// Calls that were made for an operation, looks included.
    #[must_use]
    pub fn of_operations(&self) -> u64 {
        self.of_operations
    }

    /// Calls that did not say who makes them.
    #[must_use]
    pub fn nameless(&self) -> u64 {
        self.nameless
    }

    /// Writes the journal as JSON lines.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let file = File::create(path).map_err(Error::file("write", path))?;
        let mut out = BufWriter::new(file);
        for call in &self.calls {
            serde_json::to_writer(&mut out, call).map_err(|error| Error::file("write", path)(error.into()))?;
            out.write_all(b"\n").map_err(Error::file("write", path))?;
        }
        out.flush().map_err(Error::file("write", path))
    }
}
