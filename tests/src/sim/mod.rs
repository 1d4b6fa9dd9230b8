//! Three members in one deterministic world.
//!
//! The product's own code (REST router, consensus, conductor, storage) runs under turmoil: one thread, a simulated network, paused
//! time, simulated disks, scripted drivers, and every random number from one seed. Clients speak HTTP to the members while a nemesis
//! crashes them, takes the power from their disks and cuts their links. Invariants are looked at all the time; then everything is
//! repaired, and the cluster must come to rest with nothing lost, nothing doubled and nothing stuck.
//!
//! One process runs one seed: nothing then leaks from one run into the next, and the same seed gives the same trace hash twice.
//!
//! In reading order: `world`, `member`, `network` and `http` (the seams), `cloud` (the outside), `client`, `faults`, `invariants`, `rest`
//! (what must hold at the end), and `power`: power loss of all members at once.

pub mod client;
pub mod cloud;
pub mod faults;
pub mod http;
pub mod invariants;
pub mod member;
pub mod network;
pub mod power;
pub mod rest;
pub mod story;
pub mod world;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use client::{Client, Office};
use faults::Nemesis;
use invariants::Watch;
use turmoil::Sim;
use world::World;

/// What a run is made of.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Everything random follows from it.
    pub seed: u64,
    /// Members.
    pub members: usize,
    /// How long clients work and things break, simulated.
    pub safety: Duration,
    /// How long the cluster may take to come to rest afterwards, simulated.
    pub liveness: Duration,
}

impl Plan {
    /// The ordinary run of a seed.
    pub fn of(seed: u64) -> Self {
        Self { seed, members: 3, safety: Duration::from_secs(14), liveness: Duration::from_secs(90) }
    }
}

/// What a run gave.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Over everything that happened.
    pub hash: u64,
    /// Operations of clients.
    pub operations: usize,
    /// Terms that had a leader.
    pub terms: usize,
    /// States compared at the same index.
    pub compared: u64,
    /// Log entries of two members compared.
    pub matched: u64,
    /// Outside calls that took effect.
    pub effects: usize,
    /// Faults by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// Simulated time in all.
    pub elapsed: Duration,
}

/// Runs a seed.
///
/// # Errors
/// What broke, in words, with the simulated time.
pub fn run(plan: &Plan) -> Result<Summary, String> {
    let world = World::new(plan.seed, plan.members);
    let (least, most) = faults::latency(plan.seed);
    let mut sim = turmoil::Builder::new()
        .rng_seed(plan.seed)
        .simulation_duration(plan.safety + plan.liveness + Duration::from_secs(600))
        .min_message_latency(least)
        .max_message_latency(most)
        .tcp_capacity(4096)
        .ephemeral_ports(10_000..=65_535)
        .build();
    for position in 0..plan.members {
        let world = world.clone();
        let name = world.members[position].name.clone();
        sim.host(name, move || member::software(world.clone(), position));
    }
    let office = Office {
        members: Arc::new(world.members.iter().map(|slot| slot.name.clone()).collect()),
        story: world.story.clone(),
        closing: Arc::new(AtomicBool::new(false)),
        ended: Arc::default(),
        next: Arc::default(),
    };
    let clients = people(&mut sim, &office, plan.seed);
    let mut run = Run { sim, world, watch: Watch::default(), deep: 0 };

    let opened = |run: &Run<'_>| run.world.members.iter().all(|slot| slot.handle().is_some());
    run.until(Duration::from_secs(60), "all members have started", opened)?;
    let mut nemesis = Nemesis::new(plan.seed ^ 0x6e65, run.now_ms() + 1500);
    let end = run.now_ms() + u64::try_from(plan.safety.as_millis()).unwrap_or(u64::MAX);
    while run.now_ms() < end {
        let now = run.now_ms();
        nemesis.tick(&mut run.sim, &run.world, now);
        run.step()?;
    }

    nemesis.end(&mut run.sim, &run.world);
    office.closing.store(true, Ordering::Relaxed);
    run.until(plan.liveness, "all clients have ended", |_| office.ended.load(Ordering::Relaxed) == clients)?;
    run.until(plan.liveness, "the cluster is at rest", |run| rest::at_rest(&run.world))?;
    run.watch.look(&run.world, true)?;
    rest::judge(&run.world)?;
    let operations = jepsen::check::operation::pair(&run.world.story.events()).len();
    Ok(Summary {
        hash: run.world.story.hash(),
        operations,
        terms: run.watch.terms_led(),
        compared: run.watch.compared,
        matched: run.watch.matched,
        effects: run.world.cloud.journal().len(),
        faults: nemesis.counts,
        elapsed: run.sim.elapsed(),
    })
}

/// Puts the clients into the world; how many.
fn people(sim: &mut Sim<'_>, office: &Office, seed: u64) -> u64 {
    let registers: Arc<std::sync::Mutex<Vec<String>>> = Arc::default();
    let clients = 5;
    for number in 0..clients {
        let (office, registers) = (office.clone(), Arc::clone(&registers));
        sim.client(format!("c{number}"), async move {
            let mut client = Client::new(office.clone(), seed.wrapping_mul(131).wrapping_add(number));
            if number == 0 {
                let mut made = Vec::new();
                while made.len() < 3 {
                    made.extend(client.register().await);
                }
                *registers.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = made;
            }
            let registers = loop {
                let made = registers.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
                if !made.is_empty() {
                    break made;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            };
            if number < 3 {
                client.registers(registers).await;
            } else {
                client.bays(registers[0].clone()).await;
            }
            Ok(())
        });
    }
    clients
}

struct Run<'a> {
    sim: Sim<'a>,
    world: World,
    watch: Watch,
    deep: u64,
}

impl Run<'_> {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.sim.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// One tick of the world, and a look at what must always hold.
    fn step(&mut self) -> Result<(), String> {
        self.sim.step().map_err(|error| format!("at {} ms: {error}", self.now_ms()))?;
        let now = self.now_ms();
        self.world.cloud.advance(now);
        let deep = now >= self.deep;
        if deep {
            self.deep = now + 250;
        }
        self.watch.look(&self.world, deep).map_err(|broken| format!("at {now} ms: {broken}"))
    }

    fn until(&mut self, within: Duration, what: &str, done: impl Fn(&Run<'_>) -> bool) -> Result<(), String> {
        let end = self.sim.elapsed() + within;
        while !done(self) {
            if self.sim.elapsed() > end {
                return Err(format!("not within {within:?}: {what}\n{}", rest::describe(&self.world)));
            }
            self.step()?;
        }
        Ok(())
    }
}
