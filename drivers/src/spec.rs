//! What is asked of a driver: the parts of the model's records that it may see.

use model::{
    cluster::{Cluster, ClusterWish},
    container::{Container, ContainerWish},
    id::{ClusterId, ContainerId},
    nodegroup::NodeGroup,
    template::TemplateWish,
};

/// A cluster as a provisioner is told of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClusterSpec {
    /// Its id; every outside name is derived from it.
    pub id: ClusterId,
    /// Keystone project that owns it.
    pub project_id: String,
    /// Keystone user that made it.
    pub user_id: String,
    /// Engine.
    pub coe: String,
    /// Name of its provisioner.
    pub driver: String,
    /// What was asked for.
    pub wish: ClusterWish,
    /// The template it was made from.
    pub template: TemplateWish,
    /// Its node groups.
    pub groups: Vec<NodeGroup>,
    /// The provisioner's own id of it as recorded, if one was.
    pub backend_id: Option<String>,
}

impl ClusterSpec {
    /// The spec of a stored cluster, its template and its groups.
    pub fn new(cluster: &Cluster, template: TemplateWish, groups: Vec<NodeGroup>) -> Self {
        Self {
            id: cluster.id,
            project_id: cluster.project_id.clone(),
            user_id: cluster.user_id.clone(),
            coe: cluster.coe.clone(),
            driver: cluster.driver.clone(),
            wish: cluster.wanted.clone(),
            template,
            groups,
            backend_id: cluster.observed.as_ref().and_then(|observed| observed.backend_id.clone()),
        }
    }
}

/// A container as an engine is told of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContainerSpec {
    /// Its id; its outside name is derived from it.
    pub id: ContainerId,
    /// What was asked for.
    pub wish: ContainerWish,
}

impl From<&Container> for ContainerSpec {
    fn from(container: &Container) -> Self {
        Self { id: container.id, wish: container.wish.clone() }
    }
}
