//! Machines of a cluster: what a provisioner that keeps them in groups must hold, and what one that keeps none.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use model::{
    id::OperationId,
    nodegroup::{DEFAULT_MASTER, DEFAULT_WORKER, NodeGroup, ROLE_MASTER, ROLE_WORKER},
    template::TemplateWish,
};
use uuid::Uuid;

use super::{Verdict, failed, must, provision::PATIENCE, said};
use crate::{
    error::{Class, Error},
    mark::Mark,
    provision::{Progress, Provisioner},
    registry::Registry,
    seen::NodeSeen,
    spec::ClusterSpec,
};

/// A provisioner and one of its clusters, with a successor for every epoch.
struct Bay {
    provisioner: Arc<dyn Provisioner>,
    spec: ClusterSpec,
    operation: OperationId,
}

impl Bay {
    fn mark(&self, epoch: u64) -> Mark {
        Mark { cluster: self.spec.id, epoch, operation: self.operation }
    }

    /// Leads the default groups to these sizes.
    fn sized(&mut self, masters: u32, workers: u32) {
        let group = |number: u128, name: &str, role: &str, node_count| NodeGroup {
            id: Uuid::from_u128(self.spec.id.uuid().as_u128().wrapping_add(number)).into(),
            cluster: self.spec.id,
            name: name.to_owned(),
            role: role.to_owned(),
            node_count,
            is_default: true,
            image_id: Some(self.spec.template.image_id.clone()),
            ..NodeGroup::default()
        };
        self.spec.groups = vec![group(1, DEFAULT_MASTER, ROLE_MASTER, masters), group(2, DEFAULT_WORKER, ROLE_WORKER, workers)];
    }

    async fn nodes(&self) -> Result<Vec<NodeSeen>, String> {
        said("nodes", self.provisioner.nodes(&self.spec).await)?.ok_or_else(|| "does not hold: it keeps machines in groups".to_owned())
    }

    async fn workers(&self) -> Result<Vec<NodeSeen>, String> {
        let mut nodes = self.nodes().await?;
        nodes.retain(|node| !node.master);
        Ok(nodes)
    }

    async fn resized(&self, epoch: u64) -> Verdict {
        let mark = self.mark(epoch);
        settled("update", || self.provisioner.update(&mark, &self.spec)).await
    }

    async fn removed(&self, epoch: u64, nodes: &[String]) -> Verdict {
        let mark = self.mark(epoch);
        settled("remove nodes", || self.provisioner.remove_nodes(&mark, &self.spec, nodes)).await
    }

    async fn replaced(&self, epoch: u64, node: &str) -> Verdict {
        let mark = self.mark(epoch);
        settled("replace a node", || self.provisioner.replace_node(&mark, &self.spec, node)).await
    }

    async fn upgraded(&self, epoch: u64, to: &TemplateWish, nodes: &[String]) -> Verdict {
        let mark = self.mark(epoch);
        settled("upgrade", || self.provisioner.upgrade(&mark, &self.spec, to, nodes)).await
    }
}

/// Machines are in groups, of the sizes that were asked for; those that are named go, are replaced or upgraded, and no others; an owner may die
/// at any moment of it.
///
/// The spec is of a cluster that was never made, with a template; its groups are the suite's own.
pub async fn nodes(registry: &Registry, spec: &ClusterSpec, seed: u128) -> Verdict {
    let provisioner = said("finding the driver", registry.provisioner(spec))?;
    let mut bay = Bay { provisioner, spec: spec.clone(), operation: OperationId::new(Uuid::from_u128(seed)) };
    bay.sized(1, 3);
    let mark = bay.mark(1);
    settled("create", || bay.provisioner.create(&mark, &bay.spec)).await?;
    let first = bay.nodes().await?;
    must(first.len() == 4 && first.iter().filter(|node| node.master).count() == 1, "there are as many machines as were asked for")?;
    must(
        first.iter().all(|node| node.group.is_some() && !node.external_id.is_empty() && node.ready),
        "each has a group and an id, and is ready",
    )?;
    must(first.is_sorted_by(|a, b| a.name <= b.name), "machines come in the order of their names")?;
    must(ids(&first).len() == first.len(), "no machine is shown twice")?;
    sizes(&mut bay).await?;
    batches(&mut bay).await?;
    upgrades(&mut bay).await?;
    interrupted(&mut bay).await?;
    credentials(&bay).await?;
    let mark = bay.mark(31);
    settled("delete", || bay.provisioner.delete(&mark, &bay.spec)).await?;
    let error =
        failed("removing a machine of what is gone", bay.provisioner.remove_nodes(&bay.mark(32), &bay.spec, &["x".to_owned()]).await)?;
    must(error.class() == Class::Gone, "a machine of what is gone is gone")
}

async fn sizes(bay: &mut Bay) -> Verdict {
    let before = bay.workers().await?;
    bay.sized(1, 5);
    bay.resized(2).await?;
    let more = bay.workers().await?;
    must(more.len() == 5 && ids(&before).is_subset(&ids(&more)), "a group grows and keeps what it has")?;
    bay.resized(2).await?;
    must(bay.workers().await? == more, "the same size again changes nothing")?;
    bay.sized(1, 4);
    bay.resized(3).await?;
    let fewer = bay.workers().await?;
    must(fewer.len() == 4 && ids(&fewer).is_subset(&ids(&more)), "a group shrinks")
}

async fn batches(bay: &mut Bay) -> Verdict {
    let before = bay.workers().await?;
    // Neither the first nor the last: those that a backend would not choose by itself.
    let named: Vec<String> = before.iter().skip(1).take(2).map(|node| node.external_id.clone()).collect();
    bay.sized(1, 2);
    bay.removed(4, &named).await?;
    let stay: BTreeSet<String> = ids(&before).into_iter().filter(|id| !named.contains(id)).collect();
    must(ids(&bay.workers().await?) == stay, "exactly those that were named are gone")?;
    bay.removed(5, &named).await?;
    must(ids(&bay.workers().await?) == stay, "what is gone already takes nothing else along")?;
    bay.resized(5).await?;
    must(ids(&bay.workers().await?) == stay, "and the size is what was asked for")?;
    let old = stay.first().cloned().unwrap_or_default();
    bay.replaced(6, &old).await?;
    let after = ids(&bay.workers().await?);
    must(
        after.len() == 2 && !after.contains(&old) && after.intersection(&stay).count() == 1,
        "one machine stands in the place of another",
    )?;
    bay.replaced(7, &old).await?;
    must(ids(&bay.workers().await?) == after, "the same machine is replaced once")
}

async fn upgrades(bay: &mut Bay) -> Verdict {
    let to = TemplateWish { image_id: format!("{}-next", bay.spec.template.image_id), ..bay.spec.template.clone() };
    let new = |node: &NodeSeen| node.image.as_deref() == Some(to.image_id.as_str());
    let before = bay.nodes().await?;
    must(!before.iter().any(new), "nothing is upgraded by itself")?;
    let mut done = BTreeSet::new();
    for node in &before {
        for epoch in [8, 9] {
            bay.upgraded(epoch, &to, std::slice::from_ref(&node.external_id)).await?;
        }
        done.insert(node.name.clone());
        let now = bay.nodes().await?;
        let there: BTreeSet<String> = now.iter().filter(|node| new(node)).map(|node| node.name.clone()).collect();
        must(there == done && now.len() == before.len(), "exactly those machines are upgraded whose turn it was")?;
    }
    bay.upgraded(10, &to, &[]).await?;
    bay.sized(1, 3);
    bay.resized(11).await?;
    must(bay.nodes().await?.iter().all(new), "machines to come are of the new template")
}

/// Credentials are brought once for each number, by machines that stay as they are; or rotation is refused in plain words. Nothing outside
/// shows credentials yet, so that they are new is not seen here: the first driver that brings some has to show them.
async fn credentials(bay: &Bay) -> Verdict {
    let before = ids(&bay.nodes().await?);
    match bay.provisioner.rotate(&bay.mark(30), &bay.spec, 1).await {
        Err(error) if error.class() == Class::Refused => {
            must(error.to_string().len() > 20, "what cannot be done is refused in plain words")?;
        }
        _ => {
            let again = bay.mark(31);
            settled("rotate once more", || bay.provisioner.rotate(&again, &bay.spec, 1)).await?;
        }
    }
    must(ids(&bay.nodes().await?) == before, "no machine is made or lost by it")
}

/// An owner dies in the middle of a call, and its successor makes the same call again.
async fn interrupted(bay: &mut Bay) -> Verdict {
    for moment in 0..6 {
        let before = bay.workers().await?;
        let Some(old) = before.first().map(|node| node.external_id.clone()) else { return must(false, "there are machines") };
        let died = Duration::from_millis(4 * moment);
        drop(tokio::time::timeout(died, bay.provisioner.replace_node(&bay.mark(12 + moment), &bay.spec, &old)).await);
        bay.replaced(13 + moment, &old).await?;
        let after = bay.workers().await?;
        must(
            after.len() == before.len() && ids(&after).intersection(&ids(&before)).count() == before.len() - 1,
            "a replacement that was cut short replaces one machine",
        )?;
    }
    Ok(())
}

/// A provisioner that keeps no machines in groups says so, and refuses to work on them in words. The cluster need not be there.
pub async fn without_nodes(registry: &Registry, spec: &ClusterSpec, seed: u128) -> Verdict {
    let provisioner = said("finding the driver", registry.provisioner(spec))?;
    let mark = Mark { cluster: spec.id, epoch: 1, operation: OperationId::new(Uuid::from_u128(seed)) };
    must(said("nodes", provisioner.nodes(spec).await)?.is_none(), "it says that it keeps no machines in groups")?;
    let names = ["x".to_owned()];
    let answers = [
        failed("remove nodes", provisioner.remove_nodes(&mark, spec, &names).await)?,
        failed("replace a node", provisioner.replace_node(&mark, spec, "x").await)?,
        failed("upgrade", provisioner.upgrade(&mark, spec, &spec.template, &[]).await)?,
        failed("rotate", provisioner.rotate(&mark, spec, 1).await)?,
    ];
    must(answers.iter().all(|error| error.class() == Class::Refused && error.to_string().len() > 20), "it refuses in plain words")
}

fn ids(nodes: &[NodeSeen]) -> BTreeSet<String> {
    nodes.iter().map(|node| node.external_id.clone()).collect()
}

/// Makes a call until it is done.
async fn settled<T, F: Future<Output = Result<Progress<T>, Error>>>(what: &str, mut call: impl FnMut() -> F) -> Verdict {
    for _ in 0..PATIENCE {
        match call().await {
            Ok(Progress::Done(_)) => return Ok(()),
            Ok(Progress::Working { look_again: wait }) | Err(Error::Busy { retry_after: wait, .. }) => tokio::time::sleep(wait).await,
            Err(error) => return Err(format!("{what} must succeed, but: {error:?}")),
        }
    }
    Err(format!("{what} must end, but goes on and on"))
}
