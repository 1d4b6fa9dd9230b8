//! What a command's function says about a change; the context makes an [`super::Event`] of it.

use crate::{
    cluster::{Cluster, Status},
    container::Container,
    event::{Event, Verdict},
    id::{ClusterId, ContainerId, OperationId},
    node::Node,
    operation::{Operation, State, Step, StepOutcome},
    template::Template,
};

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
    /// The rest of it.
    pub(crate) more: More,
}

/// What is said of a change besides where and to what.
#[derive(Debug, Default)]
pub(crate) struct More {
    name: String,
    operation: Option<OperationId>,
    kind: &'static str,
    step: String,
    attempt: u32,
    verdict: Option<Verdict>,
    reason: Option<String>,
    outlook: Option<&'static str>,
    container: Option<ContainerId>,
    /// Who asked for the operation, for events that only an owner reports: user, request, project.
    asked: Option<[String; 3]>,
}

impl More {
    /// Says it.
    pub(crate) fn fill(self, event: &mut Event) {
        if let Some([user, request, project]) = self.asked.filter(|_| event.user_id.is_empty() && event.request_id.is_empty()) {
            event.user_id = user;
            event.request_id = request;
            event.user_project_id = project;
        }
        event.container = self.container;
        if let Some(outlook) = self.outlook {
            outlook.clone_into(&mut event.detail);
        }
        event.name = self.name;
        event.operation = self.operation;
        event.kind = self.kind.to_owned();
        event.step = self.step;
        event.attempt = self.attempt;
        event.set_verdict(self.verdict.unwrap_or(Verdict::None));
        event.reason = self.reason;
    }
}

/// How a cluster's status sounds in an event.
fn of_status(action: &str, status: Status) -> Verdict {
    match (action, status) {
        ("observed", _) => Verdict::None,
        ("deleted", _) => Verdict::Success,
        (_, status) if status.in_progress() => Verdict::Pending,
        (_, status) if status.failed() => Verdict::Failure,
        _ => Verdict::Success,
    }
}

impl Note {
    /// About something only operators see.
    pub(crate) fn operators(object: &'static str, id: String, action: &'static str) -> Self {
        Self { object, id, action, ..Self::default() }
    }
    /// About a template.
    pub(crate) fn template(template: &Template, action: &'static str) -> Self {
        let note =
            Self { object: "template", id: template.id.to_string(), action, project_id: template.project_id.clone(), ..Self::default() };
        note.named(&template.wish.name)
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
            ..Self::default()
        }
        .named(&cluster.wanted.name)
        .verdict(of_status(action, cluster.status()))
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
            ..Self::default()
        }
        .named(&container.wish.name)
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
        .named(node.name.as_deref().unwrap_or_default())
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
            ..Self::default()
        }
        .of(operation)
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
    /// About an object of this name.
    fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.more.name);
        self
    }
    /// In the course of an operation.
    pub(crate) fn of(mut self, operation: &Operation) -> Self {
        self.more.operation = Some(operation.id);
        self.more.kind = operation.kind().word();
        self.more.asked = Some([operation.user_id.clone(), operation.request_id.clone(), operation.project_id.clone()]);
        self.more.container = operation.container;
        self
    }
    /// About one of its steps.
    pub(crate) fn step(mut self, step: &Step) -> Self {
        self.more.step.clone_from(&step.name);
        self.more.attempt = step.attempts;
        let verdict = match step.outcome() {
            StepOutcome::Begun => Verdict::Pending,
            StepOutcome::Done => Verdict::Success,
            StepOutcome::Failed => Verdict::Failure,
            StepOutcome::Unknown => Verdict::Unknown,
        };
        self.verdict(verdict).because(step.reason.as_deref())
    }
    /// About the end of one.
    pub(crate) fn end(self, state: State) -> Self {
        self.verdict(match state {
            State::Open => Verdict::Pending,
            State::Succeeded => Verdict::Success,
            State::Failed | State::Superseded | State::Cancelled => Verdict::Failure,
            State::Unknown => Verdict::Unknown,
        })
    }
    /// How healthy it looks, if that is known.
    pub(crate) fn outlook(mut self, word: Option<&'static str>) -> Self {
        self.more.outlook = word;
        self
    }
    /// How it came out.
    pub(crate) fn verdict(mut self, verdict: Verdict) -> Self {
        self.more.verdict = Some(verdict);
        self
    }
    /// Why, in words.
    pub(crate) fn because(mut self, reason: Option<&str>) -> Self {
        self.more.reason = reason.map(str::to_owned);
        self
    }
}
