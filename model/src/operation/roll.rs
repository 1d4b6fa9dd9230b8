//! Work on machines batch by batch: which ones come next is decided here, purely, and lies in the log before anything is called.
//!
//! Never more than `batch_max` machines of a node group are out of service because of an operation, whoever owns the cluster when. Three
//! rules give that. A batch is picked by the entry that records the intent to work on it, from what the state says then; there is one batch
//! at a time, and the next owner goes on with it, not with another; and machines that are out of service already count, so that an upgrade
//! that breaks machines stops by itself. Machines that are down come first: to work on them takes nothing out of service.
//!
//! What one operation has left half done in a batch, its successor begins with (`resume`).
//!
//! Deliberately absent: how a batch is drained, rebuilt or removed. That is the provisioner's matter.

use std::collections::BTreeSet;

use prost::Message;

use crate::{
    context::{Context, Stop, refuse},
    node::{self, Node},
    operation::Operation,
    outcome::Class,
};

/// How many masters are worked on at a time, whatever was asked for: more would cost a cluster of three its quorum.
pub const MASTERS: usize = 1;

/// How far work on machines has come.
#[derive(Clone, PartialEq, Message)]
pub struct Roll {
    /// At most so many machines are out of service at a time; 0: any number.
    #[prost(uint32, tag = "1")]
    pub batch_max: u32,
    /// Machines whose turn is to come, in this order.
    #[prost(message, repeated, tag = "2")]
    pub waiting: Vec<Machine>,
    /// Machines that are worked on.
    #[prost(message, repeated, tag = "3")]
    pub batch: Vec<Machine>,
    /// Batches begun so far, the present one included.
    #[prost(uint32, tag = "4")]
    pub batches: u32,
    /// Machines that are done.
    #[prost(uint32, tag = "5")]
    pub done: u32,
    /// Of the present batch: machines that were in service when it was picked.
    #[prost(uint32, tag = "6")]
    pub fresh: u32,
    /// Of the present batch: machines beside it that were out of service when it was picked.
    #[prost(uint32, tag = "7")]
    pub beside: u32,
    /// Whether no further batch is begun for the time being.
    #[prost(bool, tag = "8")]
    pub paused: bool,
    /// While it is paused: how much of its time the operation had left then, milliseconds.
    #[prost(uint64, tag = "9")]
    pub left_ms: u64,
    /// Name of the step that works on batches; empty before the first.
    #[prost(string, tag = "10")]
    pub step: String,
    /// Attempts of the operation's steps that batches before the present one took.
    #[prost(uint32, tag = "11")]
    pub spent: u32,
}

/// A machine that is worked on.
#[derive(Clone, PartialEq, Message)]
pub struct Machine {
    /// The backend's own id of it.
    #[prost(string, tag = "1")]
    pub external_id: String,
    /// Its name.
    #[prost(string, tag = "2")]
    pub name: String,
    /// Name of its node group.
    #[prost(string, tag = "3")]
    pub group: String,
    /// Whether it belongs to the masters.
    #[prost(bool, tag = "4")]
    pub master: bool,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq)]
pub enum Pick {
    /// The present batch goes on.
    GoesOn,
    /// This batch is begun.
    Begins(Vec<Machine>),
    /// Nothing before somebody says so.
    Paused,
    /// Nothing before fewer machines are out of service.
    Full,
    /// All machines are done.
    Finished,
}

impl Machine {
    /// The machine of a record, if the backend keeps it in a group.
    pub fn of(node: &Node) -> Option<Self> {
        let (external_id, group) = (node.external_id.clone()?, node.group.clone()?);
        Some(Self { external_id, name: node.name.clone().unwrap_or_default(), group, master: node.master })
    }
    /// Whether this is the record of the machine.
    pub fn is(&self, node: &Node) -> bool {
        node.external_id.as_deref() == Some(self.external_id.as_str())
    }
}

impl Roll {
    /// Work on these machines.
    pub fn new(batch_max: u32, waiting: Vec<Machine>) -> Self {
        Self { batch_max, waiting, ..Self::default() }
    }

    /// What is left of it as the beginning of other work: first what was begun.
    pub fn resume(&self) -> Vec<Machine> {
        self.batch.iter().chain(&self.waiting).cloned().collect()
    }

    /// The number of the present batch, or of the next.
    pub fn number(&self) -> u32 {
        if self.batch.is_empty() { self.batches.saturating_add(1) } else { self.batches }
    }

    /// What comes next, given the cluster's machines as they were last seen.
    pub fn pick(&self, nodes: &[Node]) -> Pick {
        if !self.batch.is_empty() {
            return Pick::GoesOn;
        }
        let Some(first) = self.waiting.first() else { return Pick::Finished };
        if self.paused {
            return Pick::Paused;
        }
        let down = self.down(nodes, &first.group);
        let limit = self.limit(first);
        let of_group = || self.waiting.iter().filter(|machine| machine.group == first.group);
        let mut batch: Vec<Machine> =
            of_group().filter(|machine| down.contains(machine.external_id.as_str())).take(limit).cloned().collect();
        let room = limit.saturating_sub(down.len()).min(limit.saturating_sub(batch.len()));
        batch.extend(of_group().filter(|machine| !down.contains(machine.external_id.as_str())).take(room).cloned());
        if batch.is_empty() { Pick::Full } else { Pick::Begins(batch) }
    }

    /// How many machines of the group of this one may be out of service.
    pub(super) fn limit(&self, machine: &Machine) -> usize {
        let asked = match usize::try_from(self.batch_max) {
            Ok(0) | Err(_) => usize::MAX,
            Ok(limit) => limit,
        };
        if machine.master { asked.min(MASTERS) } else { asked }
    }

    /// Ids of the machines of a group that are out of service.
    pub(super) fn down<'a>(&self, nodes: &'a [Node], group: &str) -> BTreeSet<&'a str> {
        let down = nodes.iter().filter(|node| node.not_ready && node.group.as_deref() == Some(group));
        down.filter_map(|node| node.external_id.as_deref()).collect()
    }

    /// Begins a batch.
    fn take(&mut self, batch: Vec<Machine>, nodes: &[Node]) {
        let group = batch.first().map(|machine| machine.group.clone()).unwrap_or_default();
        let down = self.down(nodes, &group);
        let is_down = |machine: &&Machine| down.contains(machine.external_id.as_str());
        let among = batch.iter().filter(is_down).count();
        self.fresh = u32::try_from(batch.len().saturating_sub(among)).unwrap_or(u32::MAX);
        self.beside = u32::try_from(down.len().saturating_sub(among)).unwrap_or(u32::MAX);
        self.waiting.retain(|machine| !batch.iter().any(|taken| taken.external_id == machine.external_id));
        self.batches = self.batches.saturating_add(1);
        self.batch = batch;
    }

    /// What does not hold of it, in words.
    pub(crate) fn wrong(&self) -> Option<&'static str> {
        let limit = self.batch.first().map_or(usize::MAX, |machine| self.limit(machine));
        let out = self.batch.len().saturating_add(usize::try_from(self.beside).unwrap_or(usize::MAX));
        let mut ids = BTreeSet::new();
        if self.batch.len() > limit || (self.fresh > 0 && out > limit) {
            return Some("takes more machines out of service than it may");
        }
        if !self.batch.iter().chain(&self.waiting).all(|machine| ids.insert(machine.external_id.as_str())) {
            return Some("works on a machine twice");
        }
        if self.batch.windows(2).any(|pair| matches!(pair, [one, two] if one.group != two.group)) {
            return Some("works on two node groups at a time");
        }
        (self.batch.is_empty() && (self.fresh, self.beside) != (0, 0)).then_some("counts machines of a batch that is over")
    }
}

/// The intent of a step that works on a batch: the present one, or the next one, which is picked now.
pub(super) fn begin(context: &Context<'_>, operation: &mut Operation, step: &str) -> Result<(), Stop> {
    let nodes = node::query::of_cluster(context.tables, operation.cluster)?;
    let id = operation.id;
    let Some(roll) = operation.roll.as_mut() else {
        return refuse(Class::Invalid, "operation-without-batches", format!("operation {id} does not work on machines"));
    };
    match roll.pick(&nodes) {
        Pick::GoesOn => {}
        Pick::Begins(batch) => roll.take(batch, &nodes),
        Pick::Paused => return refuse(Class::Conflict, "operation-paused", format!("operation {id} is paused")),
        Pick::Full => {
            let message = format!("too many machines are out of service already for another batch of operation {id}");
            return refuse(Class::Conflict, "machines-out-of-service", message);
        }
        Pick::Finished => return refuse(Class::Conflict, "machines-done", format!("operation {id} is done with its machines")),
    }
    step.clone_into(&mut roll.step);
    Ok(())
}

/// A step was done; if it was that of a batch, the batch is over.
pub(super) fn complete(operation: &mut Operation, step: &str) {
    let begun = operation.begun();
    if let Some(roll) = operation.roll.as_mut().filter(|roll| roll.step == step && !roll.batch.is_empty()) {
        roll.done = roll.done.saturating_add(u32::try_from(roll.batch.len()).unwrap_or(u32::MAX));
        (roll.fresh, roll.beside) = (0, 0);
        roll.batch.clear();
        roll.spent = begun;
    }
}
