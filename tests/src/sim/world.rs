//! What a simulation shares: its members with their disks, the outside world, the story.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use raft::{Handle, Role};
use storage::sim::{CrashKeeps, Faults, SimDisk};

use crate::sim::{cloud::Cloud, story::Story};

/// One member of a simulation: its disk outlives it.
pub struct Slot {
    /// The host's name.
    pub name: String,
    /// Its disk.
    pub disk: SimDisk,
    /// Feeds its random numbers; moves on at every start.
    pub seed: u64,
    life: Mutex<Life>,
}

#[derive(Default)]
struct Life {
    handle: Option<Handle>,
    fatal: Option<String>,
    starts: u64,
}

impl Slot {
    fn new(name: String, seed: u64) -> Self {
        let disk = SimDisk::new(seed);
        disk.set_faults(Faults { delay: Duration::from_micros(200)..Duration::from_millis(6), ..Faults::default() });
        Self { name, disk, seed, life: Mutex::default() }
    }

    fn life(&self) -> MutexGuard<'_, Life> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A start begins; which one.
    pub fn starting(&self) -> u64 {
        let mut life = self.life();
        life.starts += 1;
        life.fatal = None;
        life.starts
    }

    /// It runs.
    pub fn runs(&self, handle: Handle) {
        self.life().handle = Some(handle);
    }

    /// It ended by itself.
    pub fn ended(&self, why: String) {
        let mut life = self.life();
        life.handle = None;
        life.fatal = Some(why);
    }

    /// Why it ended by itself, if it did; told once.
    pub fn take_fatal(&self) -> Option<String> {
        self.life().fatal.take()
    }

    /// It was killed, and its disk lost power.
    pub fn crashed(&self, keeps: CrashKeeps) {
        // Dropped outside the lock: a handle may own much.
        let handle = self.life().handle.take();
        drop(handle);
        self.disk.set_faults(Faults { crash: keeps, ..self.disk.faults() });
        self.disk.crash();
    }

    /// Its handle, while it runs.
    pub fn handle(&self) -> Option<Handle> {
        self.life().handle.clone()
    }
}

/// All that a simulation shares.
#[derive(Clone)]
pub struct World {
    /// The members.
    pub members: Arc<Vec<Slot>>,
    /// What is outside.
    pub cloud: Cloud,
    /// What happened.
    pub story: Story,
    /// Join tokens by member name, made by the first member.
    pub tokens: Arc<Mutex<BTreeMap<String, String>>>,
}

impl World {
    /// A world of a seed.
    pub fn new(seed: u64, members: usize) -> Self {
        let slots =
            (1..=members).map(|number| Slot::new(format!("m{number}"), seed.wrapping_mul(31).wrapping_add(number as u64))).collect();
        Self { members: Arc::new(slots), cloud: Cloud::new(seed ^ 0xc10d, 20), story: Story::default(), tokens: Arc::default() }
    }

    /// The member that leads with the highest term, if one says so.
    pub fn leader(&self) -> Option<usize> {
        let leaders = self.members.iter().enumerate().filter_map(|(position, slot)| {
            let status = slot.handle()?.status();
            (status.role == Role::Leader).then_some((status.term, position))
        });
        leaders.max().map(|(_, position)| position)
    }

    /// The token for a member, once there is one.
    pub fn token(&self, name: &str) -> Option<String> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}
