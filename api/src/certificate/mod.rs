//! Authorities of clusters: `/v1/certificates`. So far they can be replaced; neither shown nor asked to sign.

use model::{Command, command::ClusterRotate, id::OperationId};

use crate::{
    call::Call,
    cluster::{actions, driver, operations},
    error::Error,
    reply::Reply,
};

/// `PATCH /v1/certificates/{cluster}`: a new authority, and credentials that it signs.
pub(crate) async fn rotate(call: &Call<'_>) -> Result<Reply, Error> {
    call.allow("certificate:rotate_ca")?;
    if !matches!(call.body.trim_ascii(), b"" | b"{}") {
        return Err(Error::invalid("this request has no body, or an empty object"));
    }
    let changed = operations::act(call, call.own(), |_, whole, expected_revision| {
        driver::changes_machines(&whole.cluster.driver, "get a new authority")?;
        let (id, operation) = (whole.cluster.id, OperationId::new(call.uuid()));
        Ok(Command::ClusterRotate(ClusterRotate { id, expected_revision, operation }))
    });
    actions::accepted(&changed.await?)
}
