//! The calls of a cluster's own operations.

use drivers::{ClusterSpec, Error, Mark, Phase, Progress, Provisioned, Provisioner};
use model::{
    View,
    operation::{self, Kind, Operation},
    tables::Fault,
    template::{self, TemplateWish},
};

use crate::{reconcile::step::Effect, shared::Shared};

/// What a call is told besides the spec, as the state has it after the intent was recorded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Job {
    /// The machines of the present batch, by the backend's own ids.
    nodes: Vec<String>,
    /// The template of an upgrade.
    to: Option<TemplateWish>,
    /// The number of a rotation's credentials.
    credentials: u64,
}

impl Job {
    /// Of this operation, as it stands in `view`.
    pub(crate) fn read(view: &(impl View + ?Sized), operation: &Operation) -> Result<Self, Fault> {
        let Some(operation) = operation::query::by_id(view, operation.id)? else { return Ok(Self::default()) };
        let to = operation.template.map(|id| template::query::by_id(view, id)).transpose()?.flatten();
        let batch = operation.roll.map(|roll| roll.batch).unwrap_or_default();
        Ok(Self {
            nodes: batch.into_iter().map(|machine| machine.external_id).collect(),
            to: to.map(|template| template.wish),
            credentials: operation.credentials,
        })
    }
}

/// Makes the call of an operation's step once. All of them may be repeated.
pub(crate) async fn call(shared: &Shared, (kind, job): (Kind, &Job), mark: &Mark, spec: &ClusterSpec) -> Result<Effect, Error> {
    let provisioner = shared.registry.provisioner(spec)?;
    match kind {
        Kind::ClusterCreate => made(provisioner.create(mark, spec).await?),
        Kind::ClusterDelete => Ok(went(provisioner.delete(mark, spec).await?)),
        Kind::ClusterRotate => Ok(went(provisioner.rotate(mark, spec, job.credentials).await?)),
        Kind::ClusterUpgrade => {
            let to = job.to.as_ref().ok_or_else(|| Error::Refused("the template of the upgrade is gone".to_owned()))?;
            Ok(went(provisioner.upgrade(mark, spec, to, &job.nodes).await?))
        }
        Kind::ClusterHeal => replace(&*provisioner, mark, spec, &job.nodes).await,
        _ if job.nodes.is_empty() => made(provisioner.update(mark, spec).await?),
        _ => Ok(went(provisioner.remove_nodes(mark, spec, &job.nodes).await?)),
    }
}

async fn replace(provisioner: &dyn Provisioner, mark: &Mark, spec: &ClusterSpec, nodes: &[String]) -> Result<Effect, Error> {
    match nodes {
        [node] => Ok(went(provisioner.replace_node(mark, spec, node).await?)),
        _ => Err(Error::Refused("machines are replaced one by one".to_owned())),
    }
}

fn went(progress: Progress<()>) -> Effect {
    match progress {
        Progress::Done(()) => Effect::default(),
        Progress::Working { look_again } => Effect { again: Some(look_again), ..Effect::default() },
    }
}

fn made(progress: Progress<Provisioned>) -> Result<Effect, Error> {
    match progress {
        Progress::Working { look_again } => Ok(Effect { again: Some(look_again), ..Effect::default() }),
        Progress::Done(Provisioned { phase: Phase::Failed(reason), .. }) => Err(Error::Refused(reason)),
        Progress::Done(provisioned) => {
            Ok(Effect { external_id: Some(provisioned.backend_id.clone()), provisioned: Some(Box::new(provisioned)), ..Effect::default() })
        }
    }
}
