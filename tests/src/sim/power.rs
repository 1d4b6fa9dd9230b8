//! Power loss of everybody, right after a purge and a snapshot.
//!
//! Three members take writes with logs so short that they purge all the time. At a moment that follows from the seed, just after one
//! of them has purged, all lose power at once and every disk forgets what it had not flushed. They come back, and everything that was
//! acknowledged must be there: the state's write-ahead log is off, so this fails as soon as a purge ever goes beyond what is flushed
//! or an acknowledgement comes before its flush.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use model::{
    Actor, Command,
    command::TemplateCreate,
    id::TemplateId,
    record,
    template::{Template, TemplateWish},
};
use raft::{Handle, Write};
use rand::{Rng, SeedableRng, rngs::StdRng};
use storage::sim::CrashKeeps;
use tokio::time::Instant;

use crate::sim::{faults, invariants::Watch, member, rest, world::World};

/// Acknowledged templates with the log index of their creation.
type Acknowledged = Arc<Mutex<BTreeMap<TemplateId, u64>>>;

/// What a run gave.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Over everything that happened.
    pub hash: u64,
    /// Acknowledged writes.
    pub acknowledged: usize,
    /// The highest purge mark at the time of the loss.
    pub purged: u64,
}

/// Runs a seed.
///
/// # Errors
/// What was lost, in words.
pub fn run(seed: u64) -> Result<Summary, String> {
    let mut chance = StdRng::seed_from_u64(seed);
    let world = World::new(seed, 3);
    let acknowledged = Acknowledged::default();
    let (least, most) = faults::latency(seed);
    let mut sim = turmoil::Builder::new()
        .rng_seed(seed)
        .simulation_duration(Duration::from_secs(600))
        .min_message_latency(least)
        .max_message_latency(most)
        .build();
    for position in 0..3 {
        let name = world.members[position].name.clone();
        let (world, acknowledged) = (world.clone(), Arc::clone(&acknowledged));
        sim.host(name, move || {
            let acknowledged = Arc::clone(&acknowledged);
            member::live(world.clone(), position, move |world, handle| work(world, handle, position, acknowledged))
        });
    }
    let mut watch = Watch::default();
    let losses = chance.random_range(1..3);
    let mut purged = 0;
    for _ in 0..losses {
        purged = lose_power(&mut sim, &world, &mut watch, &mut chance)?;
    }
    let end = sim.elapsed() + Duration::from_secs(60);
    let target = highest(&acknowledged) + 1;
    while !settled(&world, target) {
        if sim.elapsed() > end {
            return Err(format!("not at rest again:\n{}", rest::describe(&world)));
        }
        step(&mut sim, &world, &mut watch)?;
    }
    let acknowledged = acknowledged.lock().unwrap_or_else(PoisonError::into_inner).clone();
    all_there(&world, &acknowledged)?;
    Ok(Summary { hash: world.story.hash(), acknowledged: acknowledged.len(), purged })
}

/// Lets them work until one has purged (again), a little longer, and takes the power from all.
fn lose_power(sim: &mut turmoil::Sim<'_>, world: &World, watch: &mut Watch, chance: &mut StdRng) -> Result<u64, String> {
    let before = purged(world);
    let end = sim.elapsed() + Duration::from_secs(60);
    while purged(world) <= before {
        if sim.elapsed() > end {
            return Err(format!("nobody purged within a minute:\n{}", rest::describe(world)));
        }
        step(sim, world, watch)?;
    }
    for _ in 0..chance.random_range(0..40) {
        step(sim, world, watch)?;
    }
    let purged = purged(world);
    for slot in world.members.iter() {
        sim.crash(slot.name.as_str());
        slot.crashed(CrashKeeps::Nothing);
    }
    world.story.note("power loss");
    for slot in world.members.iter() {
        sim.bounce(slot.name.as_str());
    }
    Ok(purged)
}

fn step(sim: &mut turmoil::Sim<'_>, world: &World, watch: &mut Watch) -> Result<(), String> {
    sim.step().map_err(|error| error.to_string())?;
    watch.look(world, false)
}

fn purged(world: &World) -> u64 {
    world.members.iter().filter_map(|slot| Some(slot.handle()?.status().purged)).max().unwrap_or(0)
}

fn highest(acknowledged: &Acknowledged) -> u64 {
    acknowledged.lock().unwrap_or_else(PoisonError::into_inner).values().copied().max().unwrap_or(0)
}

/// Everybody runs again and has applied more than was ever acknowledged before the loss.
fn settled(world: &World, target: u64) -> bool {
    world.members.iter().all(|slot| slot.handle().is_some_and(|handle| handle.status().applied >= target))
}

async fn work(world: World, handle: Handle, position: usize, acknowledged: Acknowledged) {
    let writers = (0..3).map(|_| writer(world.clone(), handle.clone(), Arc::clone(&acknowledged)));
    let doorman = async {
        if position == 0 {
            member::let_in(world.clone(), handle.clone()).await;
        }
    };
    futures::future::join(doorman, futures::future::join_all(writers)).await;
}

async fn writer(world: World, handle: Handle, acknowledged: Acknowledged) {
    loop {
        let id = TemplateId::new(handle.seams().chance.uuid());
        let wish = TemplateWish {
            name: format!("t-{id}"),
            coe: "swarm".to_owned(),
            image_id: "busybox".to_owned(),
            server_type: "vm".to_owned(),
            ..Default::default()
        };
        let actor = Actor { project_id: "p".to_owned(), user_id: "u".to_owned(), ..Actor::default() };
        let write = Write { command: Command::TemplateCreate(TemplateCreate { id, wish }), actor: Some(actor), key: None };
        let written = handle.write(write, Instant::now() + Duration::from_secs(2)).await;
        if let Ok(written) = written
            && written.outcome.into_result().is_ok()
        {
            world.story.note(&format!("acknowledged {id} at {}", written.index));
            acknowledged.lock().unwrap_or_else(PoisonError::into_inner).insert(id, written.index);
        }
        tokio::time::sleep(Duration::from_millis(handle.seams().chance.number() % 12 + 1)).await;
    }
}

fn all_there(world: &World, acknowledged: &BTreeMap<TemplateId, u64>) -> Result<(), String> {
    for slot in world.members.iter() {
        let handle = slot.handle().ok_or("a member does not run")?;
        let view = rest::view(&handle)?;
        for (id, index) in acknowledged {
            let found: Option<Template> = record::get(&*view, id.bytes()).map_err(|fault| fault.to_string())?;
            if found.is_none() && handle.status().applied >= *index {
                return Err(format!("{} lost template {id}, acknowledged at index {index}", slot.name));
            }
        }
        let wrong = model::check::check(&*view).map_err(|fault| fault.to_string())?;
        if let Some(sentence) = wrong.first() {
            return Err(format!("{}: {sentence}", slot.name));
        }
    }
    Ok(())
}
