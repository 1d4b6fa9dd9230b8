//! The provisioner axis: making the endpoint of a cluster.
//!
//! # The contract
//! * Outside names are derived from the cluster's id. `look` finds what is there by tag, whoever made it and whether or not its id was
//!   ever recorded; `create` looks first and adopts.
//! * Where the backend lets two things have one name, `create` looks for something else of it that *is* unique, derives that from the
//!   cluster's id too, and treats its refusal as "look again" (Docker: a network's interface). Where there is nothing, it lists again by
//!   tag after it made one and keeps the *oldest* (smallest id at equal age), removing its own if that is another; since age is given
//!   before a thing can be seen, the answer then holds only until the next look, and the id recorded is a hint, the tag the truth.
//! * No call lasts longer than [`limit::PROVISION`](crate::limit::PROVISION). Longer work answers [`Progress::Working`] with the time
//!   after which a look is worth it; the same call is then simply made again. Nothing is awaited in here.
//! * `update` leads what is there to the spec; nothing to do is success. `delete` removes everything that carries the cluster's tag, in
//!   an order in which an interruption leaves the rest findable; gone is success. Both act by the backend's own ids.
//! * A provisioner that keeps machines in groups says which they are (`nodes`) and works on those it is told, by its own ids: it removes
//!   them, replaces one, or leads them to another template. What is gone already, or there already, is success, so that every such call may
//!   come again, and no machine that was not named goes out of service by it. One that keeps none says so by `None`, and refuses the rest in
//!   plain words.
//! * New credentials have a number: the same number again brings no further ones.
//! * A backend that compares versions gets the epoch as a fence; see [`engine`](crate::engine) for what remains where none does.
//!
//! # How the provisioners to come fit in
//! *Heat* is there ([`heat`](crate::heat)), with the two groups that every cluster has and in a project of its own. What is to come: each further node
//! group a stack of its own, led along by the same calls, so that Working covers all of them and the failure of one is shown only when none
//! works any more; and the trust (requester's token, wiped with its step) and the OpenStack session as further fields of [`ClusterSpec`], opened
//! from their seal by the conductor; a trust is found again by its trustee user, which there is one of per cluster.
//!
//! *Attach.* An endpoint that somebody else made: `create` and `look` only check that it answers and carries no other cluster's mark
//! (Kubernetes: an annotated namespace, whose `resourceVersion` is the fence; Docker API: a labelled network); `delete` takes our
//! mark away and leaves the rest.
//!
//! *Engines on top.* What a provisioner hands over is an address, and later the certificates for it; whether Kubernetes, the Docker
//! API, swarm mode or Marathon answers there is the coe's matter: see [`engine`](crate::engine).

use std::time::Duration;

use async_trait::async_trait;

use model::template::TemplateWish;

use crate::{
    error::Error,
    mark::Mark,
    seen::{NodeSeen, Provisioned, Tagged},
    spec::ClusterSpec,
};

/// Makes, changes and removes the endpoints of clusters. See the module for the contract.
#[async_trait]
pub trait Provisioner: Send + Sync {
    /// Engines that can be had on what this one makes, as coe names.
    fn coes(&self) -> &[&'static str];

    /// What is there, found by tag. Bound: [`limit::LOOK`](crate::limit::LOOK).
    async fn look(&self, cluster: &ClusterSpec) -> Result<Option<Provisioned>, Error>;

    /// Creates or adopts.
    async fn create(&self, mark: &Mark, cluster: &ClusterSpec) -> Result<Progress<Provisioned>, Error>;

    /// Leads what is there to the spec, group sizes included. [`Error::Gone`] when there is nothing.
    async fn update(&self, mark: &Mark, cluster: &ClusterSpec) -> Result<Progress<Provisioned>, Error>;

    /// Removes all of it, containers included.
    async fn delete(&self, mark: &Mark, cluster: &ClusterSpec) -> Result<Progress<()>, Error>;

    /// Everything at its endpoint that carries the tag of any cluster of ours, for those who look for what nobody looks after any more.
    /// Bound: [`limit::LOOK`](crate::limit::LOOK).
    async fn tagged(&self) -> Result<Vec<Tagged>, Error> {
        Err(Error::Refused("this driver cannot list what carries the tags of all clusters".to_owned()))
    }

    /// Its machines, each with its group, in the order of their names; `None`: it keeps none in groups, and its engine knows best. Bound:
    /// [`limit::LOOK`](crate::limit::LOOK).
    async fn nodes(&self, _cluster: &ClusterSpec) -> Result<Option<Vec<NodeSeen>>, Error> {
        Ok(None)
    }

    /// Removes these machines, and puts none in their place.
    async fn remove_nodes(&self, _mark: &Mark, cluster: &ClusterSpec, _nodes: &[String]) -> Result<Progress<()>, Error> {
        unsupported(cluster, "remove single nodes")
    }

    /// Removes this machine and puts another one in its place.
    async fn replace_node(&self, _mark: &Mark, cluster: &ClusterSpec, _node: &str) -> Result<Progress<()>, Error> {
        unsupported(cluster, "replace a node")
    }

    /// Leads these machines to another template; without any of them, what else the cluster has of its template, and machines to come.
    async fn upgrade(&self, _mark: &Mark, cluster: &ClusterSpec, _to: &TemplateWish, _nodes: &[String]) -> Result<Progress<()>, Error> {
        unsupported(cluster, "upgrade a cluster")
    }

    /// Brings the credentials with this number, and takes away those before them.
    async fn rotate(&self, _mark: &Mark, cluster: &ClusterSpec, _credentials: u64) -> Result<Progress<()>, Error> {
        unsupported(cluster, "replace credentials")
    }
}

fn unsupported<T>(cluster: &ClusterSpec, what: &str) -> Result<T, Error> {
    Err(Error::Refused(format!("the driver {:?} cannot {what}", cluster.driver)))
}

/// How far a provisioner got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress<T> {
    /// Finished.
    Done(T),
    /// The backend is at it; make the same call again after this time.
    Working {
        /// When a repetition is worth it.
        look_again: Duration,
    },
}
