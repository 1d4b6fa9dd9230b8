//! The outside world of a simulation: one Docker-like engine and one network maker that all members share.
//!
//! Every call is journaled with its epoch. Effects are *in flight* for a while: they take effect when they are due, whether or not the
//! member that asked for them is still alive, and replies may be lost. Names of containers are unique, and a cluster has one network
//! (as the Docker driver has it by naming the bridge after the cluster). Nothing is fenced. What the journal holds is what the invariants about effects are checked from.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use drivers::{
    ClusterSpec, Connector, ContainerSeen, ContainerSpec, Engine, EngineSeen, Error, Mark, NodeSeen, Phase, Progress, Provisioned,
    Provisioner, Registry,
};
use model::{
    cluster::Health,
    container::ContainerStatus,
    id::{ClusterId, ContainerId},
};
use rand::{Rng, SeedableRng, rngs::StdRng};

/// One call as it took effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// Simulated milliseconds.
    pub at_ms: u64,
    /// What: `container.create`, `container.remove`, `network.create`, ….
    pub what: &'static str,
    /// The cluster.
    pub cluster: ClusterId,
    /// The container, if it was about one.
    pub container: Option<ContainerId>,
    /// The caller's epoch.
    pub epoch: u64,
    /// Whether anything changed.
    pub effective: bool,
}

#[derive(Clone, Debug)]
enum Change {
    Create(ContainerSpec),
    Status(ContainerId, ContainerStatus),
    Remove(ContainerId),
    NetworkCreate,
    NetworkRemove(u64),
}

#[derive(Clone, Debug)]
struct Flight {
    due_ms: u64,
    ticket: u64,
    mark: Mark,
    change: Change,
}

#[derive(Clone, Debug)]
struct Made {
    cluster: ClusterId,
    epoch: u64,
    number: u64,
    name: String,
    status: ContainerStatus,
}

#[derive(Default)]
struct World {
    now_ms: u64,
    next: u64,
    containers: BTreeMap<ContainerId, Made>,
    networks: BTreeMap<u64, (ClusterId, u64)>,
    flights: Vec<Flight>,
    results: BTreeMap<u64, Result<(), Error>>,
    journal: Vec<Effect>,
}

/// The shared outside world.
#[derive(Clone)]
pub struct Cloud {
    world: Arc<Mutex<World>>,
    chance: Arc<Mutex<StdRng>>,
    /// Probability of a lost reply, in per mille.
    lost: u32,
}

impl Cloud {
    /// A world with nothing in it.
    pub fn new(seed: u64, lost_per_mille: u32) -> Self {
        Self { world: Arc::default(), chance: Arc::new(Mutex::new(StdRng::seed_from_u64(seed))), lost: lost_per_mille }
    }

    /// Lets everything that is due take effect.
    pub fn advance(&self, now_ms: u64) {
        let mut world = self.world();
        world.now_ms = now_ms;
        loop {
            let due = world
                .flights
                .iter()
                .enumerate()
                .filter(|(_, flight)| flight.due_ms <= now_ms)
                .min_by_key(|(_, flight)| (flight.due_ms, flight.ticket));
            let Some((position, _)) = due else { return };
            let flight = world.flights.remove(position);
            let result = world.take_effect(&flight);
            world.results.insert(flight.ticket, result);
        }
    }

    /// Everything that took effect so far.
    pub fn journal(&self) -> Vec<Effect> {
        self.world().journal.clone()
    }

    /// Containers that are there, by id with their cluster.
    pub fn containers(&self) -> BTreeMap<ContainerId, ClusterId> {
        self.world().containers.iter().map(|(id, found)| (*id, found.cluster)).collect()
    }

    /// Networks that are there, by cluster.
    pub fn networks(&self) -> Vec<ClusterId> {
        self.world().networks.values().map(|(cluster, _)| *cluster).collect()
    }

    /// Drivers that act on this world.
    pub fn registry(&self) -> Registry {
        let this = Arc::new(self.clone());
        Registry::new().with_provisioner("local", Arc::clone(&this) as Arc<dyn Provisioner>).with_connector("swarm", this)
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn roll(&self, below: u32) -> u32 {
        self.chance.lock().unwrap_or_else(PoisonError::into_inner).random_range(0..below)
    }

    async fn think(&self) {
        let wait = u64::from(self.roll(20)) + 1;
        tokio::time::sleep(Duration::from_millis(wait)).await;
    }

    /// Sends a change on its way and waits for its reply, which may get lost.
    async fn act(&self, mark: &Mark, change: Change) -> Result<(), Error> {
        let slow = self.roll(50) == 0;
        let delay = u64::from(self.roll(if slow { 8000 } else { 40 })) + 1;
        let ticket = {
            let mut world = self.world();
            world.next += 1;
            let (ticket, due_ms) = (world.next, world.now_ms + delay);
            world.flights.push(Flight { due_ms, ticket, mark: *mark, change });
            ticket
        };
        let lost = self.roll(1000) < self.lost;
        loop {
            tokio::time::sleep(Duration::from_millis(2)).await;
            if let Some(result) = self.world().results.remove(&ticket) {
                return if lost { Err(Error::Timeout("the reply was lost".to_owned())) } else { result };
            }
        }
    }

    fn seen(&self, id: ContainerId) -> Option<ContainerSeen> {
        self.world().containers.get(&id).map(|found| seen(id, found))
    }

    async fn lead(&self, mark: &Mark, id: ContainerId, from: &[ContainerStatus], to: ContainerStatus) -> Result<ContainerSeen, Error> {
        self.think().await;
        let found = self.seen(id).ok_or_else(|| Error::Gone(id.to_string()))?;
        if found.status == to {
            return Ok(found);
        }
        if !from.contains(&found.status) {
            let state = if found.status == ContainerStatus::Paused {
                "is paused"
            } else if to == ContainerStatus::Running {
                "is not paused"
            } else {
                "is not running"
            };
            return Err(Error::State(format!("container {id} {state}")));
        }
        self.act(mark, Change::Status(id, to)).await?;
        self.seen(id).ok_or_else(|| Error::Gone(id.to_string()))
    }

    fn provisioned(&self, cluster: ClusterId) -> Option<Provisioned> {
        let world = self.world();
        let (number, (_, epoch)) = world.networks.iter().find(|(_, (owner, _))| *owner == cluster)?;
        Some(Provisioned {
            backend_id: number.to_string(),
            phase: Phase::Ready,
            api_address: Some("sim://engine".to_owned()),
            network: Some(number.to_string()),
            master_addresses: vec!["10.0.0.1".to_owned()],
            node_addresses: vec!["10.0.0.1".to_owned()],
            epoch: Some(*epoch),
        })
    }
}

fn seen(id: ContainerId, found: &Made) -> ContainerSeen {
    ContainerSeen {
        id,
        cluster: found.cluster,
        external_id: found.number.to_string(),
        name: found.name.clone(),
        epoch: found.epoch,
        operation: None,
        status: found.status,
        reason: None,
        exit_code: None,
        image: "sim".to_owned(),
        address: None,
    }
}

impl World {
    fn take_effect(&mut self, flight: &Flight) -> Result<(), Error> {
        let (what, container, effective, result) = match &flight.change {
            Change::Create(spec) => {
                let there = self.containers.contains_key(&spec.id);
                if !there {
                    self.next += 1;
                    let made = Made {
                        cluster: flight.mark.cluster,
                        epoch: flight.mark.epoch,
                        number: self.next,
                        name: spec.wish.name.clone(),
                        status: ContainerStatus::Stopped,
                    };
                    self.containers.insert(spec.id, made);
                }
                ("container.create", Some(spec.id), !there, Ok(()))
            }
            Change::Status(id, to) => match self.containers.get_mut(id) {
                Some(found) => {
                    let changed = found.status != *to;
                    found.status = *to;
                    ("container.status", Some(*id), changed, Ok(()))
                }
                None => ("container.status", Some(*id), false, Err(Error::Gone(id.to_string()))),
            },
            Change::Remove(id) => ("container.remove", Some(*id), self.containers.remove(id).is_some(), Ok(())),
            Change::NetworkCreate => {
                let there = self.networks.values().any(|(cluster, _)| *cluster == flight.mark.cluster);
                if !there {
                    self.next += 1;
                    self.networks.insert(self.next, (flight.mark.cluster, flight.mark.epoch));
                }
                ("network.create", None, !there, Ok(()))
            }
            Change::NetworkRemove(number) => ("network.remove", None, self.networks.remove(number).is_some(), Ok(())),
        };
        let Mark { cluster, epoch, .. } = flight.mark;
        self.journal.push(Effect { at_ms: flight.due_ms, what, cluster, container, epoch, effective });
        result
    }
}

#[async_trait]
impl Engine for Cloud {
    async fn look(&self) -> Result<EngineSeen, Error> {
        self.think().await;
        let node = NodeSeen {
            external_id: "host".to_owned(),
            name: "host".to_owned(),
            address: Some("10.0.0.1".to_owned()),
            ready: true,
            ..NodeSeen::default()
        };
        Ok(EngineSeen { coe_version: Some("1".to_owned()), health: Some(Health::Healthy), nodes: vec![node], ..EngineSeen::default() })
    }

    async fn containers(&self, cluster: ClusterId) -> Result<Vec<ContainerSeen>, Error> {
        self.think().await;
        let world = self.world();
        Ok(world.containers.iter().filter(|(_, found)| found.cluster == cluster).map(|(id, found)| seen(*id, found)).collect())
    }

    async fn container(&self, id: ContainerId) -> Result<Option<ContainerSeen>, Error> {
        self.think().await;
        Ok(self.seen(id))
    }

    async fn create(&self, mark: &Mark, container: &ContainerSpec) -> Result<ContainerSeen, Error> {
        self.think().await;
        if self.seen(container.id).is_none() {
            self.act(mark, Change::Create(container.clone())).await?;
        }
        self.seen(container.id).ok_or_else(|| Error::Broken("it is gone again".to_owned()))
    }

    async fn start(&self, mark: &Mark, id: ContainerId) -> Result<ContainerSeen, Error> {
        self.lead(mark, id, &[ContainerStatus::Stopped], ContainerStatus::Running).await
    }

    async fn stop(&self, mark: &Mark, id: ContainerId) -> Result<ContainerSeen, Error> {
        self.lead(mark, id, &[ContainerStatus::Running, ContainerStatus::Paused], ContainerStatus::Stopped).await
    }

    async fn pause(&self, mark: &Mark, id: ContainerId) -> Result<ContainerSeen, Error> {
        self.lead(mark, id, &[ContainerStatus::Running], ContainerStatus::Paused).await
    }

    async fn unpause(&self, mark: &Mark, id: ContainerId) -> Result<ContainerSeen, Error> {
        self.lead(mark, id, &[ContainerStatus::Paused], ContainerStatus::Running).await
    }

    async fn remove(&self, mark: &Mark, id: ContainerId) -> Result<(), Error> {
        self.think().await;
        if self.seen(id).is_some() {
            self.act(mark, Change::Remove(id)).await?;
        }
        Ok(())
    }
}

impl Connector for Cloud {
    fn connect(&self, _cluster: ClusterId, _provisioned: &Provisioned) -> Result<Arc<dyn Engine>, Error> {
        Ok(Arc::new(self.clone()))
    }
}

#[async_trait]
impl Provisioner for Cloud {
    fn coes(&self) -> &[&'static str] {
        &["swarm"]
    }

    async fn look(&self, cluster: &ClusterSpec) -> Result<Option<Provisioned>, Error> {
        self.think().await;
        Ok(self.provisioned(cluster.id))
    }

    async fn create(&self, mark: &Mark, cluster: &ClusterSpec) -> Result<Progress<Provisioned>, Error> {
        self.think().await;
        if self.provisioned(cluster.id).is_none() {
            self.act(mark, Change::NetworkCreate).await?;
        }
        self.provisioned(cluster.id).map(Progress::Done).ok_or_else(|| Error::Broken("it is gone again".to_owned()))
    }

    async fn update(&self, _mark: &Mark, cluster: &ClusterSpec) -> Result<Progress<Provisioned>, Error> {
        self.think().await;
        self.provisioned(cluster.id).map(Progress::Done).ok_or_else(|| Error::Gone(cluster.id.to_string()))
    }

    async fn delete(&self, mark: &Mark, cluster: &ClusterSpec) -> Result<Progress<()>, Error> {
        let containers = Engine::containers(self, cluster.id).await?;
        for container in containers {
            self.act(mark, Change::Remove(container.id)).await?;
        }
        for number in self.networks_of(cluster.id) {
            self.act(mark, Change::NetworkRemove(number)).await?;
        }
        Ok(Progress::Done(()))
    }
}

impl Cloud {
    fn networks_of(&self, cluster: ClusterId) -> Vec<u64> {
        self.world().networks.iter().filter(|(_, (owner, _))| *owner == cluster).map(|(number, _)| *number).collect()
    }
}
