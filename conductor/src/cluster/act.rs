//! The calls of a cluster's own operations.

use drivers::{ClusterSpec, Error, Mark, Phase, Progress, Provisioned};
use model::operation::Kind;

use crate::{reconcile::step::Effect, shared::Shared};

/// Makes the call of an operation's step once. All of them may be repeated.
pub(crate) async fn call(shared: &Shared, kind: Kind, mark: &Mark, spec: &ClusterSpec) -> Result<Effect, Error> {
    let provisioner = shared.registry.provisioner(spec)?;
    match kind {
        Kind::ClusterCreate => made(provisioner.create(mark, spec).await?),
        Kind::ClusterUpdate => made(provisioner.update(mark, spec).await?),
        _ => Ok(match provisioner.delete(mark, spec).await? {
            Progress::Done(()) => Effect::default(),
            Progress::Working { look_again } => Effect { again: Some(look_again), ..Effect::default() },
        }),
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
