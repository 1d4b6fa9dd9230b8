//! A provisioner that keeps machines in groups, in the same scripted world: what is told to go or to be rebuilt is out of service for a while.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use drivers::{ClusterSpec, Error, Mark, NodeSeen, Progress, Provisioned, Provisioner, Tagged};
use model::{
    id::ClusterId,
    nodegroup::{NodeGroup, ROLE_MASTER},
    template::TemplateWish,
};
use tokio::time::Instant;

use crate::scripted::{Outside, World};

/// How long a machine is out of service when it is removed, replaced or rebuilt.
pub(crate) const REBUILT: Duration = Duration::from_secs(3);

/// What becomes of a machine.
#[derive(Clone, Debug, PartialEq)]
enum Then {
    Gone,
    Image(String),
}

#[derive(Clone, Debug)]
struct Slot {
    seen: NodeSeen,
    then: Option<(Instant, Then)>,
}

/// The machines of all clusters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Racks {
    clusters: BTreeMap<ClusterId, Vec<Slot>>,
    /// Machines of a cluster that were out of service at a time: the most there ever were.
    most: BTreeMap<ClusterId, usize>,
    /// Images of machines to come, after an upgrade.
    images: BTreeMap<ClusterId, String>,
    /// Machines that were ever replaced or removed, by name.
    gone: Vec<String>,
    made: u64,
}

impl Racks {
    /// Lets time pass.
    fn settle(&mut self) {
        let now = Instant::now();
        for slots in self.clusters.values_mut() {
            for slot in slots.iter_mut() {
                if let Some((_, Then::Image(image))) = slot.then.clone().filter(|(at, _)| *at <= now) {
                    slot.seen.image = Some(image);
                    slot.seen.ready = true;
                    slot.then = None;
                }
            }
            let done = |slot: &Slot| slot.then.as_ref().is_some_and(|(at, then)| *at <= now && *then == Then::Gone);
            self.gone.extend(slots.iter().filter(|slot| done(slot)).map(|slot| slot.seen.name.clone()));
            slots.retain(|slot| !done(slot));
        }
    }

    fn seen(&mut self, cluster: ClusterId) -> Vec<NodeSeen> {
        self.settle();
        let slots = self.clusters.get(&cluster).into_iter().flatten();
        let mut seen: Vec<NodeSeen> =
            slots.map(|slot| NodeSeen { ready: slot.seen.ready && slot.then.is_none(), ..slot.seen.clone() }).collect();
        seen.sort_by(|a, b| a.name.cmp(&b.name));
        seen
    }

    fn add(&mut self, cluster: ClusterId, group: &NodeGroup) {
        self.made += 1;
        let name = format!("{}-{:03}", group.name, self.made);
        let seen = NodeSeen {
            external_id: format!("server-{}", self.made),
            name,
            image: self.images.get(&cluster).cloned().or_else(|| group.image_id.clone()),
            group: Some(group.name.clone()),
            master: group.role == ROLE_MASTER,
            ready: true,
            ..NodeSeen::default()
        };
        self.clusters.entry(cluster).or_default().push(Slot { seen, then: None });
    }

    /// Leads the groups to their sizes.
    fn size(&mut self, spec: &ClusterSpec) {
        self.settle();
        for group in &spec.groups {
            let wanted = usize::try_from(group.node_count).unwrap();
            loop {
                let slots = self.clusters.entry(spec.id).or_default();
                let of_group = |slot: &Slot| slot.seen.group.as_deref() == Some(group.name.as_str());
                let there = slots.iter().filter(|slot| of_group(slot)).count();
                if there > wanted {
                    let last = slots.iter().rposition(of_group).unwrap();
                    slots.remove(last);
                } else if there < wanted {
                    self.add(spec.id, group);
                } else {
                    break;
                }
            }
        }
    }

    /// Begins to work on those of these machines that are not as they should be; whether all are.
    fn work(&mut self, cluster: ClusterId, names: &[String], then: &Then) -> bool {
        self.settle();
        let slots = self.clusters.entry(cluster).or_default();
        let right = |slot: &Slot| matches!(then, Then::Image(image) if slot.seen.image.as_ref() == Some(image) && slot.seen.ready);
        let mut all = true;
        for slot in slots.iter_mut().filter(|slot| names.contains(&slot.seen.external_id)) {
            if right(slot) {
                continue;
            }
            all = false;
            if slot.then.is_none() {
                slot.then = Some((Instant::now() + REBUILT, then.clone()));
            }
        }
        let out = slots.iter().filter(|slot| slot.then.is_some() || !slot.seen.ready).count();
        let most = self.most.entry(cluster).or_default();
        *most = out.max(*most);
        all
    }
}

impl Outside {
    /// The machines of a cluster as they stand.
    pub(crate) fn machines(&self, cluster: ClusterId) -> Vec<NodeSeen> {
        self.world(|world| world.racks.seen(cluster))
    }

    /// The most machines of a cluster that were out of service at a time.
    pub(crate) fn most_out(&self, cluster: ClusterId) -> usize {
        self.world(|world| world.racks.most.get(&cluster).copied().unwrap_or_default())
    }

    /// Names of all machines that went.
    pub(crate) fn gone(&self) -> Vec<String> {
        self.world(|world| world.racks.gone.clone())
    }

    /// A machine fails, or comes back by itself.
    pub(crate) fn set_ready(&self, cluster: ClusterId, name: &str, ready: bool) {
        self.world(|world| {
            for slot in world.racks.clusters.get_mut(&cluster).into_iter().flatten().filter(|slot| slot.seen.name == name) {
                slot.seen.ready = ready;
            }
        });
    }
}

fn progress(done: bool) -> Progress<()> {
    if done { Progress::Done(()) } else { Progress::Working { look_again: Duration::from_millis(500) } }
}

/// See the module.
pub(crate) struct Grouped(pub(crate) Outside);

impl Grouped {
    pub(crate) fn shared(outside: &Outside) -> Arc<Self> {
        Arc::new(Self(outside.clone()))
    }

    async fn on<T: Send + 'static>(
        &self,
        (what, epoch): (&'static str, u64),
        cluster: &ClusterSpec,
        work: impl FnOnce(&mut World, ClusterSpec) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let spec = cluster.clone();
        self.0
            .call(what, epoch, move |world| {
                if !world.made_for(spec.id) {
                    return Err(Error::Gone("no such racks".to_owned()));
                }
                Ok(work(world, spec))
            })
            .await
    }
}

#[async_trait]
impl Provisioner for Grouped {
    fn coes(&self) -> &[&'static str] {
        &["swarm"]
    }
    async fn look(&self, cluster: &ClusterSpec) -> Result<Option<Provisioned>, Error> {
        self.0.look(cluster).await
    }
    async fn create(&self, mark: &Mark, cluster: &ClusterSpec) -> Result<Progress<Provisioned>, Error> {
        let made = Provisioner::create(&self.0, mark, cluster).await?;
        self.on(("racks.create", mark.epoch), cluster, |world, spec| world.racks.size(&spec)).await?;
        Ok(made)
    }
    async fn update(&self, mark: &Mark, cluster: &ClusterSpec) -> Result<Progress<Provisioned>, Error> {
        self.on(("racks.update", mark.epoch), cluster, |world, spec| world.racks.size(&spec)).await?;
        Provisioner::update(&self.0, mark, cluster).await
    }
    async fn delete(&self, mark: &Mark, cluster: &ClusterSpec) -> Result<Progress<()>, Error> {
        let id = cluster.id;
        let gone = Provisioner::delete(&self.0, mark, cluster).await?;
        self.0.call("racks.delete", mark.epoch, move |world| Ok(world.racks.clusters.remove(&id).map(drop))).await?;
        Ok(gone)
    }
    /// What carries tags is listed by the one it stands on.
    async fn tagged(&self) -> Result<Vec<Tagged>, Error> {
        Ok(Vec::new())
    }
    async fn nodes(&self, cluster: &ClusterSpec) -> Result<Option<Vec<NodeSeen>>, Error> {
        let id = cluster.id;
        self.0.call("nodes", 0, move |world| Ok(Some(world.racks.seen(id)))).await
    }
    async fn remove_nodes(&self, mark: &Mark, cluster: &ClusterSpec, nodes: &[String]) -> Result<Progress<()>, Error> {
        let nodes = nodes.to_vec();
        let work = move |world: &mut World, spec: ClusterSpec| progress(world.racks.work(spec.id, &nodes, &Then::Gone));
        self.on(("nodes.remove", mark.epoch), cluster, work).await
    }
    async fn replace_node(&self, mark: &Mark, cluster: &ClusterSpec, node: &str) -> Result<Progress<()>, Error> {
        let nodes = [node.to_owned()];
        let work = move |world: &mut World, spec: ClusterSpec| {
            let done = world.racks.work(spec.id, &nodes, &Then::Gone);
            if done {
                world.racks.size(&spec);
            }
            progress(done)
        };
        self.on(("nodes.replace", mark.epoch), cluster, work).await
    }
    async fn upgrade(&self, mark: &Mark, cluster: &ClusterSpec, to: &TemplateWish, nodes: &[String]) -> Result<Progress<()>, Error> {
        let (nodes, image) = (nodes.to_vec(), to.image_id.clone());
        let what = if nodes.is_empty() { "racks.upgrade" } else { "nodes.upgrade" };
        let work = move |world: &mut World, spec: ClusterSpec| {
            if nodes.is_empty() {
                world.racks.images.insert(spec.id, image.clone());
            }
            progress(world.racks.work(spec.id, &nodes, &Then::Image(image)))
        };
        self.on((what, mark.epoch), cluster, work).await
    }
    async fn rotate(&self, mark: &Mark, cluster: &ClusterSpec, _credentials: u64) -> Result<Progress<()>, Error> {
        self.on(("rotate", mark.epoch), cluster, |_, _| Progress::Done(())).await
    }
}
