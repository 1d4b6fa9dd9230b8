//! A simulated member: the product's parts put together as `node` puts them together, on simulated seams.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use api::{App, Identity, Policy, Tokens};
use conductor::Conductor;
use raft::{
    Addresses, Boot, JoinToken, Member, Settings,
    seam::{Chance, Executor, Seams, Wall},
};
use rand::{RngCore, SeedableRng, rngs::StdRng};
use storage::{Store, folder::Expect};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::sim::{client::TOKEN, http, network::SimNetwork, world::World};

/// The cluster's id in every simulation.
const CLUSTER: Uuid = Uuid::from_u128(0x6a65_726f_626f_616d);
/// The port members talk to each other on.
const PEER: u16 = 9512;

/// What went wrong in a member's own life.
pub type Failure = Box<dyn std::error::Error>;

/// Random bytes that follow from a seed.
#[derive(Debug)]
pub struct SimChance(Mutex<StdRng>);

impl SimChance {
    /// The bytes of a seed.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }
}

impl Chance for SimChance {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(bytes);
    }
}

/// A wall clock that shows simulated time.
#[derive(Debug)]
pub struct SimWall;

impl Wall for SimWall {
    fn now_ms(&self) -> u64 {
        const START_MS: u64 = 1_800_000_000_000;
        START_MS + turmoil::sim_elapsed().map_or(0, |elapsed| u64::try_from(elapsed.as_millis()).unwrap_or(0))
    }
}

/// The seams of the `start`th start of a member.
fn seams(seed: u64, start: u64) -> Result<Seams, Failure> {
    let executor = Executor::current()?;
    Ok(Seams {
        chance: Arc::new(SimChance::new(seed.wrapping_add(start.wrapping_mul(0x9e37_79b9)))),
        wall: Arc::new(SimWall),
        network: Arc::new(SimNetwork),
        raft: executor.clone(),
        rest: executor,
    })
}

/// Consensus settings of a simulation: small logs, so that purges and snapshots happen all the time.
fn settings() -> Settings {
    Settings {
        keep_entries: 40,
        purge_step: 20,
        purge_interval: Duration::from_millis(400),
        lag_threshold: 30,
        transfer_timeout: Duration::from_secs(1),
        ..Settings::default()
    }
}

/// Starts the member at `position`: as the first of a new cluster, as one that joins, or again.
///
/// # Errors
/// Why it could not start.
pub async fn start(world: &World, position: usize) -> Result<Member, Failure> {
    let slot = world.members.get(position).ok_or("there is no such member")?;
    let seams = seams(slot.seed, slot.starting())?;
    let addresses = Addresses { peer: format!("{}:{PEER}", slot.name), api: format!("http://{}:9511", slot.name), name: slot.name.clone() };
    let boot = |store: Store| Boot {
        store,
        seams: seams.clone(),
        settings: settings(),
        tls: None,
        listen: format!("0.0.0.0:{PEER}"),
        addresses: addresses.clone(),
    };
    let member = match Store::open(slot.disk.attach(), Expect::default()) {
        Ok(store) => again(boot(store), world, &slot.name).await?,
        Err(storage::Error::Empty { .. }) if position == 0 => {
            let store = Store::create(slot.disk.attach(), CLUSTER, 1).await?;
            raft::bootstrap(boot(store), Instant::now() + Duration::from_secs(20)).await?
        }
        Err(storage::Error::Empty { .. }) => {
            let token = token(world, &slot.name).await?;
            let store = Store::create(slot.disk.attach(), token.cluster, token.member.0).await?;
            raft::join(boot(store), &token, Instant::now() + Duration::from_secs(20)).await?
        }
        Err(error) => return Err(error.into()),
    };
    slot.runs(member.handle());
    Ok(member)
}

/// A member that was killed before it was let in asks again.
async fn again(boot: Boot, world: &World, name: &str) -> Result<Member, Failure> {
    let asked = world.token(name).and_then(|token| token.parse::<JoinToken>().ok());
    match asked.filter(|_| boot.store.log.last_index() == 0) {
        Some(token) => Ok(raft::join(boot, &token, Instant::now() + Duration::from_secs(20)).await?),
        None => Ok(raft::restart(boot).await?),
    }
}

async fn token(world: &World, name: &str) -> Result<JoinToken, Failure> {
    loop {
        if let Some(token) = world.token(name) {
            return Ok(token.parse()?);
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// The first member lets the others in and makes them voters.
pub async fn let_in(world: World, member: raft::Handle) {
    for slot in world.members.iter().skip(1) {
        while world.token(&slot.name).is_none() {
            let deadline = Instant::now() + Duration::from_secs(5);
            if let Ok(token) = member.create_token(Duration::from_secs(3600), deadline).await {
                world.tokens.lock().unwrap_or_else(PoisonError::into_inner).insert(slot.name.clone(), token.to_string());
            }
        }
        let number = world.token(&slot.name).and_then(|token| token.parse::<JoinToken>().ok()).map(|token| token.member);
        while let Some(number) = number {
            let deadline = Instant::now() + Duration::from_secs(5);
            if member.promote(number, deadline).await.is_ok() {
                break;
            }
            sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Runs `work` beside a member until the member ends by itself.
///
/// # Errors
/// Never: a member that ends is a matter for the nemesis, not the end of the simulation.
pub async fn live<F, W>(world: World, position: usize, work: F) -> turmoil::Result
where
    F: FnOnce(World, raft::Handle) -> W,
    W: Future<Output = ()>,
{
    let ended = match start(&world, position).await {
        Ok(member) => {
            let handle = member.handle();
            tokio::select! {
                biased;
                reason = member.fatal() => reason,
                () = work(world.clone(), handle) => "its work has ended".to_owned(),
            }
        }
        Err(error) => format!("it could not start: {error}"),
    };
    if let Some(slot) = world.members.get(position) {
        world.story.note(&format!("{} ended: {ended}", slot.name));
        tracing::info!(member = slot.name, ended, "the simulated member ended");
        slot.ended(ended);
    }
    std::future::pending::<()>().await;
    Ok(())
}

/// Waits for ever: the work of a member that has nothing else to do.
pub async fn nothing(_world: World, _handle: raft::Handle) {
    std::future::pending().await
}

/// The whole member: consensus, conductor over the simulated outside, REST.
///
/// # Errors
/// See [`live`].
pub async fn software(world: World, position: usize) -> turmoil::Result {
    live(world, position, move |world, handle| whole(world, handle, position)).await
}

async fn whole(world: World, handle: raft::Handle, position: usize) {
    let registry = world.cloud.registry();
    let drivers = registry.names();
    let conductor = Conductor::new(handle.clone(), registry, conductor::Settings::default(), handle.seams().chance.clone());
    handle.serve(conductor.answers());
    let app = App::new(handle.clone(), Identity::Tokens(Arc::new(tokens())), Policy::default(), api::Settings::default());
    let doorman = async {
        if position == 0 {
            let_in(world.clone(), handle.clone()).await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        ended = conductor.run(CancellationToken::new()) => tracing::info!(?ended, "the conductor ended"),
        ended = http::serve(api::router(app)) => tracing::info!(?ended, "REST ended"),
        () = announce(&handle, drivers) => {}
        () = doorman => {}
    }
}

/// The one user of a simulation.
fn tokens() -> Tokens {
    let text = format!("[[token]]\ntoken = \"{TOKEN}\"\nproject_id = \"p\"\nuser_id = \"u\"\nroles = [\"member\"]\n");
    Tokens::parse(&text).unwrap_or_default()
}

/// Says that this member has started, until it is known; then waits for ever.
async fn announce(handle: &raft::Handle, drivers: Vec<String>) {
    let member = model::member::Member {
        number: handle.member().0,
        incarnation: handle.incarnation(),
        drivers,
        version_max: model::version::VERSION,
        weight: 100,
        ..Default::default()
    };
    let command = model::Command::MemberStarted(model::command::MemberStarted { member });
    loop {
        let written = handle.write(raft::Write::system(command.clone()), Instant::now() + Duration::from_secs(5)).await;
        if written.is_ok_and(|written| written.outcome.into_result().is_ok()) {
            return std::future::pending().await;
        }
        sleep(Duration::from_millis(200)).await;
    }
}
