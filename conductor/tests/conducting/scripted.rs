//! An outside world that does what a test tells it: one engine and one provisioner in memory, with unique names, a journal of every call,
//! and a script of what goes wrong next.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use drivers::{
    Caller, ClusterSpec, Connector, ContainerSeen, ContainerSpec, Engine, EngineSeen, Error, Execution, Hint, LogOptions, Mark, Phase,
    Progress, Provisioned, Provisioner, Registry, Tagged, Watch, seen::NodeSeen,
};
use futures::{
    FutureExt, StreamExt,
    stream::{self, BoxStream},
};
use model::{
    cluster::Health,
    container::ContainerStatus,
    id::{ClusterId, ContainerId},
};
use tokio::sync::{Notify, broadcast};

use crate::racks::{Grouped, Racks};

/// What happens to the next call of a name.
#[derive(Clone, Debug)]
pub(crate) enum Trouble {
    /// It fails without an effect.
    Fails(Error),
    /// It takes effect at once, its answer is lost.
    AnswerLost,
    /// The caller hears a time-out at once; the effect comes after this time.
    Late(Duration),
    /// It never answers and has no effect.
    Hangs,
    /// It takes this long, then works.
    Slow(Duration),
    /// It waits for the test's word, then works.
    Held(Arc<Notify>),
    /// It never answers; the effect comes after this time, whoever still waits.
    Silent(Duration),
    /// It takes effect, and its caller's task breaks.
    Panics,
}

/// One call as it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Called {
    pub(crate) what: &'static str,
    /// What it is marked with; 0: it changes nothing.
    pub(crate) epoch: u64,
    /// The epoch that its caller shows.
    pub(crate) shown: u64,
}

#[derive(Default)]
pub(crate) struct World {
    networks: BTreeMap<ClusterId, u64>,
    containers: BTreeMap<ContainerId, ContainerSeen>,
    made: u64,
    journal: Vec<Called>,
    /// The calls that have acted, in that order.
    effects: Vec<Called>,
    script: BTreeMap<&'static str, VecDeque<Trouble>>,
    sick: bool,
    /// Machines in groups.
    pub(crate) racks: Racks,
    /// Looks since the health goes up and down; 0: it does not.
    flapping: usize,
    /// To whoever listens; none: this engine tells nothing by itself.
    hints: Option<broadcast::Sender<Hint>>,
}

/// See the module.
#[derive(Clone, Default)]
pub(crate) struct Outside {
    world: Arc<Mutex<World>>,
}

impl Outside {
    pub(crate) fn registry(&self) -> Registry {
        let registry = Registry::new().with_provisioner("local", Arc::new(self.clone())).with_provisioner("racks", Grouped::shared(self));
        registry.with_connector("swarm", Arc::new(self.clone()))
    }

    pub(crate) fn world<T>(&self, work: impl FnOnce(&mut World) -> T) -> T {
        work(&mut self.world.lock().unwrap())
    }

    /// The next call of this name goes like this; several stand in line.
    pub(crate) fn script(&self, what: &'static str, trouble: Trouble) {
        self.world(|world| world.script.entry(what).or_default().push_back(trouble));
    }

    /// Nothing answers any more, whatever is asked.
    pub(crate) fn hang(&self) {
        self.world(|world| world.sick = true);
    }

    /// Everything works again.
    pub(crate) fn heal(&self) {
        self.world(|world| {
            world.sick = false;
            world.script.clear();
        });
    }

    /// Whether the health is another at every look.
    pub(crate) fn flap(&self, on: bool) {
        self.world(|world| world.flapping = usize::from(on));
    }

    /// From now on it tells what happens to containers. Whoever listened before hears no more: as if it were another connection.
    pub(crate) fn talk(&self) {
        self.world(|world| world.hints = Some(broadcast::Sender::new(16)));
    }

    /// How many listen.
    pub(crate) fn listeners(&self) -> usize {
        self.world(|world| world.hints.as_ref().map_or(0, broadcast::Sender::receiver_count))
    }

    /// How often a call of this name came in.
    pub(crate) fn count(&self, what: &str) -> usize {
        self.world(|world| world.journal.iter().filter(|called| called.what == what).count())
    }

    pub(crate) fn journal(&self) -> Vec<Called> {
        self.world(|world| world.journal.clone())
    }

    /// What has acted, in that order.
    pub(crate) fn effects(&self) -> Vec<Called> {
        self.world(|world| world.effects.clone())
    }

    pub(crate) fn containers(&self) -> Vec<ContainerSeen> {
        self.world(|world| world.containers.values().cloned().collect())
    }

    pub(crate) fn networks(&self) -> usize {
        self.world(|world| world.networks.len())
    }

    /// How many objects were ever made.
    pub(crate) fn made(&self) -> u64 {
        self.world(|world| world.made)
    }

    /// Puts a container there as an old owner's late call would.
    pub(crate) fn plant(&self, cluster: ClusterId, id: ContainerId) {
        let mark = Mark { cluster, epoch: 1, operation: model::id::OperationId::default() };
        self.world(|world| world.create(&mark, id, "planted"));
    }

    /// Changes a container behind everybody's back.
    pub(crate) fn set_status(&self, id: ContainerId, status: ContainerStatus) {
        self.world(|world| world.lead(id, status).unwrap());
    }

    /// Writes the call down, lets the script have its way, and makes the change.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        what: &'static str,
        epoch: u64,
        change: impl FnOnce(&mut World) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let called = Called { what, epoch, shown: Caller::current().map_or(0, |caller| caller.epoch) };
        let trouble = self.world(|world| {
            world.journal.push(called.clone());
            let scripted = world.script.get_mut(what).and_then(VecDeque::pop_front);
            if world.sick { Some(Trouble::Hangs) } else { scripted }
        });
        let change = move |world: &mut World| {
            world.effects.push(called);
            change(world)
        };
        match trouble {
            None => self.world(change),
            Some(Trouble::Fails(error)) => Err(error),
            Some(Trouble::AnswerLost) => {
                self.world(change)?;
                Err(Error::Timeout("the answer was lost".to_owned()))
            }
            Some(Trouble::Late(time)) => {
                let world = Arc::clone(&self.world);
                tokio::spawn(async move {
                    tokio::time::sleep(time).await;
                    change(&mut world.lock().unwrap()).map(drop)
                });
                Err(Error::Timeout("no answer".to_owned()))
            }
            Some(Trouble::Hangs) => std::future::pending().await,
            Some(Trouble::Slow(time)) => {
                tokio::time::sleep(time).await;
                self.world(change)
            }
            Some(Trouble::Held(word)) => {
                word.notified().await;
                self.world(change)
            }
            Some(Trouble::Silent(time)) => {
                let world = Arc::clone(&self.world);
                tokio::spawn(async move {
                    tokio::time::sleep(time).await;
                    change(&mut world.lock().unwrap()).map(drop)
                });
                std::future::pending().await
            }
            Some(Trouble::Panics) => {
                self.world(change)?;
                panic!("a driver that breaks");
            }
        }
    }
}

impl World {
    /// Whether something was made for this cluster.
    pub(crate) fn made_for(&self, cluster: ClusterId) -> bool {
        self.networks.contains_key(&cluster)
    }

    fn create(&mut self, mark: &Mark, id: ContainerId, name: &str) -> ContainerSeen {
        let made = &mut self.made;
        let seen = self.containers.entry(id).or_insert_with(|| {
            *made += 1;
            ContainerSeen {
                id,
                cluster: mark.cluster,
                external_id: format!("outside-{made}"),
                name: name.to_owned(),
                epoch: mark.epoch,
                operation: Some(mark.operation),
                status: ContainerStatus::Stopped,
                reason: None,
                exit_code: None,
                image: "busybox".to_owned(),
                address: None,
            }
        });
        let seen = seen.clone();
        self.tell(&seen);
        seen
    }

    fn tell(&self, seen: &ContainerSeen) {
        if let Some(hints) = &self.hints {
            hints.send(Hint { cluster: seen.cluster, container: seen.id }).ok();
        }
    }

    fn lead(&mut self, id: ContainerId, status: ContainerStatus) -> Result<ContainerSeen, Error> {
        let seen = self.containers.get_mut(&id).ok_or_else(|| Error::Gone(format!("no container {id}")))?;
        seen.status = status;
        let seen = seen.clone();
        self.tell(&seen);
        Ok(seen)
    }

    fn provisioned(&mut self, cluster: ClusterId) -> Provisioned {
        let made = &mut self.made;
        let number = *self.networks.entry(cluster).or_insert_with(|| {
            *made += 1;
            *made
        });
        found(number)
    }
}

fn found(number: u64) -> Provisioned {
    Provisioned {
        backend_id: format!("network-{number}"),
        phase: Phase::Ready,
        api_address: Some("memory://".to_owned()),
        network: Some(format!("network-{number}")),
        master_addresses: Vec::new(),
        node_addresses: vec!["10.0.0.1".to_owned()],
        epoch: None,
    }
}

#[async_trait]
impl Provisioner for Outside {
    fn coes(&self) -> &[&'static str] {
        &["swarm"]
    }
    async fn look(&self, cluster: &ClusterSpec) -> Result<Option<Provisioned>, Error> {
        let id = cluster.id;
        self.call("provision.look", 0, move |world| Ok(world.networks.get(&id).copied().map(found))).await
    }
    async fn create(&self, mark: &Mark, cluster: &ClusterSpec) -> Result<Progress<Provisioned>, Error> {
        let id = cluster.id;
        self.call("provision.create", mark.epoch, move |world| Ok(Progress::Done(world.provisioned(id)))).await
    }
    async fn update(&self, mark: &Mark, cluster: &ClusterSpec) -> Result<Progress<Provisioned>, Error> {
        let id = cluster.id;
        self.call("provision.update", mark.epoch, move |world| Ok(Progress::Done(world.provisioned(id)))).await
    }
    async fn delete(&self, mark: &Mark, cluster: &ClusterSpec) -> Result<Progress<()>, Error> {
        let id = cluster.id;
        self.call("provision.delete", mark.epoch, move |world| {
            world.containers.retain(|_, container| container.cluster != id);
            world.networks.remove(&id);
            Ok(Progress::Done(()))
        })
        .await
    }
    async fn tagged(&self) -> Result<Vec<Tagged>, Error> {
        self.call("provision.tagged", 0, |world| {
            let networks = world.networks.iter().map(|(cluster, number)| (*cluster, "network", format!("network-{number}")));
            let containers = world.containers.values().map(|seen| (seen.cluster, "container", seen.external_id.clone()));
            Ok(networks.chain(containers).map(|(cluster, what, id)| Tagged { cluster, what, name: String::new(), id }).collect())
        })
        .await
    }
}

impl Outside {
    /// Leaves the network of a cluster that nobody knows.
    pub(crate) fn leave(&self, cluster: ClusterId) {
        self.world(|world| world.provisioned(cluster));
    }
}

impl Connector for Outside {
    fn connect(&self, _cluster: ClusterId, _provisioned: &Provisioned) -> Result<Arc<dyn Engine>, Error> {
        Ok(Arc::new(self.clone()))
    }
}

#[async_trait]
impl Engine for Outside {
    fn watch(&self) -> Option<Watch> {
        let hints = self.world(|world| world.hints.clone())?;
        let opened = stream::once(async move { hints.subscribe() });
        let told = opened.flat_map(|told| stream::unfold(told, |mut told| async move { Some((Ok(told.recv().await.ok()?), told)) }));
        Some(Watch { endpoint: "memory://".to_owned(), hints: told.boxed() })
    }
    async fn look(&self) -> Result<EngineSeen, Error> {
        self.call("look", 0, |world| {
            let words = if world.flapping == 0 { "ok".to_owned() } else { format!("trouble {}", world.flapping) };
            world.flapping += usize::from(world.flapping != 0);
            Ok(EngineSeen {
                coe_version: Some("27.0".to_owned()),
                health: Some(if words == "ok" { Health::Healthy } else { Health::Unhealthy }),
                health_reason: BTreeMap::from([("api".to_owned(), words)]),
                nodes: vec![NodeSeen { external_id: "host".to_owned(), name: "host".to_owned(), ready: true, ..NodeSeen::default() }],
                ..EngineSeen::default()
            })
        })
        .await
    }
    async fn containers(&self, cluster: ClusterId) -> Result<Vec<ContainerSeen>, Error> {
        self.call("containers", 0, move |world| Ok(world.containers.values().filter(|seen| seen.cluster == cluster).cloned().collect()))
            .await
    }
    async fn container(&self, id: ContainerId) -> Result<Option<ContainerSeen>, Error> {
        self.call("container", 0, move |world| Ok(world.containers.get(&id).cloned())).await
    }
    async fn create(&self, mark: &Mark, container: &ContainerSpec) -> Result<ContainerSeen, Error> {
        let (mark, id, name) = (*mark, container.id, container.wish.name.clone());
        self.call("create", mark.epoch, move |world| Ok(world.create(&mark, id, &name))).await
    }
    async fn start(&self, mark: &Mark, id: ContainerId) -> Result<ContainerSeen, Error> {
        self.call("start", mark.epoch, move |world| world.lead(id, ContainerStatus::Running)).await
    }
    async fn stop(&self, mark: &Mark, id: ContainerId) -> Result<ContainerSeen, Error> {
        self.call("stop", mark.epoch, move |world| world.lead(id, ContainerStatus::Stopped)).await
    }
    async fn reboot(&self, mark: &Mark, id: ContainerId) -> Result<ContainerSeen, Error> {
        self.call("reboot", mark.epoch, move |world| world.lead(id, ContainerStatus::Running)).await
    }
    async fn remove(&self, mark: &Mark, id: ContainerId) -> Result<(), Error> {
        self.call("remove", mark.epoch, move |world| {
            world.containers.remove(&id);
            Ok(())
        })
        .await
    }
    async fn logs(&self, _id: ContainerId, _options: &LogOptions) -> Result<BoxStream<'static, Result<Bytes, Error>>, Error> {
        Ok(stream::iter([Ok(Bytes::from_static(b"one\n")), Ok(Bytes::from_static(b"two\n"))]).boxed())
    }
    async fn execute(&self, mark: &Mark, _id: ContainerId, command: &str) -> Result<Execution, Error> {
        let output = Bytes::from(format!("ran {command}\n"));
        self.call("execute", mark.epoch, move |_| Ok(())).await?;
        Ok(Execution { output: stream::iter([Ok(output)]).boxed(), exit: async { Ok(Some(3)) }.boxed() })
    }
}
