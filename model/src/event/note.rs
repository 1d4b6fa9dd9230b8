//! What a command's function says about a change; the context makes an [`super::Event`] of it.

use crate::{cluster::Cluster, container::Container, id::ClusterId, node::Node, operation::Operation, template::Template};

/// An event without what the entry itself says (index, times, who asked).
#[derive(Debug, Default)]
pub(crate) struct Note {
    /// What it is about.
    pub(crate) object: &'static str,
    /// The object's id as text.
    pub(crate) id: String,
    /// What happened.
    pub(crate) action: &'static str,
    /// The cluster it belongs to.
    pub(crate) cluster: Option<ClusterId>,
    /// The project that may see it; empty for operators only.
    pub(crate) project_id: String,
    /// A word on the outcome.
    pub(crate) detail: String,
    /// Epoch of the owner that reported it.
    pub(crate) epoch: u64,
}

impl Note {
    /// About something only operators see.
    pub(crate) fn operators(object: &'static str, id: String, action: &'static str) -> Self {
        Self { object, id, action, ..Self::default() }
    }
    /// About a template.
    pub(crate) fn template(template: &Template, action: &'static str) -> Self {
        Self { object: "template", id: template.id.to_string(), action, project_id: template.project_id.clone(), ..Self::default() }
    }
    /// About a cluster; the detail is its status.
    pub(crate) fn cluster(cluster: &Cluster, action: &'static str) -> Self {
        Self {
            object: "cluster",
            id: cluster.id.to_string(),
            action,
            cluster: Some(cluster.id),
            project_id: cluster.project_id.clone(),
            detail: cluster.status().word().to_owned(),
            epoch: 0,
        }
    }
    /// About a container; the detail is its status.
    pub(crate) fn container(container: &Container, action: &'static str) -> Self {
        Self {
            object: "container",
            id: container.id.to_string(),
            action,
            cluster: Some(container.cluster),
            project_id: container.project_id.clone(),
            detail: container.status().word().to_owned(),
            epoch: 0,
        }
    }
    /// About a node.
    pub(crate) fn node(node: &Node, action: &'static str) -> Self {
        Self {
            object: "node",
            id: node.id.to_string(),
            action,
            cluster: node.cluster,
            project_id: node.project_id.clone(),
            ..Self::default()
        }
    }
    /// About an operation of a cluster of `project_id`; the detail is its kind.
    pub(crate) fn operation(operation: &Operation, project_id: &str, action: &'static str) -> Self {
        Self {
            object: "operation",
            id: operation.id.to_string(),
            action,
            cluster: Some(operation.cluster),
            project_id: project_id.to_owned(),
            detail: operation.kind().word().to_owned(),
            epoch: 0,
        }
    }
    /// With another detail.
    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }
    /// Reported under an epoch.
    pub(crate) fn epoch(mut self, epoch: u64) -> Self {
        self.epoch = epoch;
        self
    }
}
