//! What breaks in a simulation, and when: all of it follows from the seed.
//!
//! Members crash (with what their disks had flushed, a part more, or everything), come back, are cut off from one another in both
//! directions or in one, and their messages are held up: what was sent comes late, all at once, as after the pause of a machine. Everything
//! broken is repaired in the end: then the liveness phase begins.

use std::time::Duration;

use rand::{Rng, SeedableRng, rngs::StdRng};
use storage::sim::CrashKeeps;
use turmoil::Sim;

use crate::sim::world::World;

/// The one that breaks things.
pub struct Nemesis {
    chance: StdRng,
    next_ms: u64,
    /// Members that are down, with when they come back.
    down: Vec<(usize, u64)>,
    /// When the present cuts are repaired.
    repair_ms: Option<u64>,
    /// How many faults of which kind there were.
    pub counts: std::collections::BTreeMap<&'static str, u64>,
}

impl Nemesis {
    /// The nemesis of a seed; it begins after `calm_ms`.
    pub fn new(seed: u64, calm_ms: u64) -> Self {
        Self { chance: StdRng::seed_from_u64(seed), next_ms: calm_ms, down: Vec::new(), repair_ms: None, counts: Default::default() }
    }

    fn count(&mut self, world: &World, what: &'static str, whom: &str) {
        *self.counts.entry(what).or_default() += 1;
        world.story.note(&format!("{what} {whom}"));
    }

    /// Does what is due at this time.
    pub fn tick(&mut self, sim: &mut Sim<'_>, world: &World, now_ms: u64) {
        self.bring_back(sim, world, now_ms);
        if self.repair_ms.is_some_and(|at| at <= now_ms) {
            self.repair(sim, world);
        }
        self.restart_the_fatal(sim, world, now_ms);
        if now_ms < self.next_ms {
            return;
        }
        self.next_ms = now_ms + self.chance.random_range(150..1800);
        match self.chance.random_range(0..100) {
            0..45 => self.crash_some(sim, world, now_ms),
            45..50 => (0..world.members.len()).for_each(|member| self.crash(sim, world, member, now_ms)),
            50..65 => self.isolate(sim, world, now_ms),
            65..78 => self.hold_up(sim, world, now_ms),
            78..88 => self.cut_one_way(sim, world, now_ms),
            _ => self.cut_pair(sim, world, now_ms),
        }
    }

    /// Ends all faults: every member comes back, every cut is repaired.
    pub fn end(&mut self, sim: &mut Sim<'_>, world: &World) {
        self.repair(sim, world);
        self.bring_back(sim, world, u64::MAX);
        self.restart_the_fatal(sim, world, 0);
        self.bring_back(sim, world, u64::MAX);
    }

    fn crash_some(&mut self, sim: &mut Sim<'_>, world: &World, now_ms: u64) {
        // The leader twice as often as anybody else: that is where it hurts.
        let member = match world.leader() {
            Some(leader) if self.chance.random_bool(0.5) => leader,
            _ => self.chance.random_range(0..world.members.len()),
        };
        self.crash(sim, world, member, now_ms);
    }

    fn crash(&mut self, sim: &mut Sim<'_>, world: &World, member: usize, now_ms: u64) {
        if self.down.iter().any(|(down, _)| *down == member) {
            return;
        }
        let keeps = match self.chance.random_range(0..3) {
            0 => CrashKeeps::Nothing,
            1 => CrashKeeps::Prefix,
            _ => CrashKeeps::Everything,
        };
        let Some(slot) = world.members.get(member) else { return };
        sim.crash(slot.name.as_str());
        slot.crashed(keeps);
        let back =
            now_ms + if self.chance.random_bool(0.8) { self.chance.random_range(20..900) } else { self.chance.random_range(900..4000) };
        self.down.push((member, back));
        self.count(world, "crash", &slot.name);
    }

    fn bring_back(&mut self, sim: &mut Sim<'_>, world: &World, now_ms: u64) {
        let due: Vec<usize> = self.down.iter().filter(|(_, back)| *back <= now_ms).map(|(member, _)| *member).collect();
        self.down.retain(|(_, back)| *back > now_ms);
        for member in due {
            if let Some(slot) = world.members.get(member) {
                sim.bounce(slot.name.as_str());
                self.count(world, "restart", &slot.name);
            }
        }
    }

    /// A member that ended by itself is started again, as a supervisor would.
    fn restart_the_fatal(&mut self, sim: &mut Sim<'_>, world: &World, now_ms: u64) {
        for (member, slot) in world.members.iter().enumerate() {
            if slot.take_fatal().is_some() && !self.down.iter().any(|(down, _)| *down == member) {
                sim.crash(slot.name.as_str());
                slot.crashed(CrashKeeps::Everything);
                self.down.push((member, now_ms + 50));
                self.count(world, "fatal", &slot.name);
            }
        }
    }

    fn plan_repair(&mut self, now_ms: u64) {
        let at = now_ms + self.chance.random_range(100..2500);
        self.repair_ms = Some(self.repair_ms.map_or(at, |earlier| earlier.max(at)));
    }

    fn isolate(&mut self, sim: &mut Sim<'_>, world: &World, now_ms: u64) {
        let member = self.chance.random_range(0..world.members.len());
        for (other, slot) in world.members.iter().enumerate() {
            if other != member {
                sim.partition(world.members[member].name.as_str(), slot.name.as_str());
            }
        }
        self.count(world, "isolate", &world.members[member].name);
        self.plan_repair(now_ms);
    }

    /// Nothing to or from a member arrives for a while; nothing of it is lost. The leader more often than others: its answers count most.
    fn hold_up(&mut self, sim: &mut Sim<'_>, world: &World, now_ms: u64) {
        let member = match world.leader() {
            Some(leader) if self.chance.random_bool(0.7) => leader,
            _ => self.chance.random_range(0..world.members.len()),
        };
        for (other, slot) in world.members.iter().enumerate() {
            if other != member {
                sim.hold(world.members[member].name.as_str(), slot.name.as_str());
            }
        }
        self.count(world, "hold up", &world.members[member].name);
        self.plan_repair(now_ms);
    }

    fn two(&mut self, world: &World) -> (usize, usize) {
        let one = self.chance.random_range(0..world.members.len());
        let other = (one + self.chance.random_range(1..world.members.len())) % world.members.len();
        (one, other)
    }

    fn cut_one_way(&mut self, sim: &mut Sim<'_>, world: &World, now_ms: u64) {
        let (from, to) = self.two(world);
        sim.partition_oneway(world.members[from].name.as_str(), world.members[to].name.as_str());
        self.count(world, "cut one way", &world.members[from].name);
        self.plan_repair(now_ms);
    }

    fn cut_pair(&mut self, sim: &mut Sim<'_>, world: &World, now_ms: u64) {
        let (from, to) = self.two(world);
        sim.partition(world.members[from].name.as_str(), world.members[to].name.as_str());
        self.count(world, "cut", &world.members[from].name);
        self.plan_repair(now_ms);
    }

    fn repair(&mut self, sim: &mut Sim<'_>, world: &World) {
        self.repair_ms = None;
        for (position, one) in world.members.iter().enumerate() {
            for other in world.members.iter().skip(position + 1) {
                sim.repair(one.name.as_str(), other.name.as_str());
                sim.release(one.name.as_str(), other.name.as_str());
            }
        }
        self.count(world, "repair", "all");
    }
}

/// The links' latencies and the disks' delays of a seed.
pub fn latency(seed: u64) -> (Duration, Duration) {
    let mut chance = StdRng::seed_from_u64(seed);
    (Duration::from_millis(1), Duration::from_millis(chance.random_range(2..25)))
}
