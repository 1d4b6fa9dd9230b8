//! Networks and containers with Docker's rules; pure: a request in, an answer and an effect out.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{
    Ask, Event, Outcome,
    ask::Action,
    heat::{Heat, Pace},
};
use crate::check::inventory::Seen;

/// The label that says which cluster a thing belongs to.
const CLUSTER: &str = "jeroboam.cluster";
/// The option that names a network's bridge interface, unique in an engine.
const INTERFACE: &str = "com.docker.network.bridge.name";

/// What is answered: status, body.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// JSON; nothing for 204 and 304.
    pub body: Value,
    /// A token that was asked for.
    pub token: Option<String>,
}

impl Answer {
    /// An answer without anything special about it.
    #[must_use]
    pub fn plain(status: u16, body: Value) -> Self {
        Self { status, body, token: None }
    }
}

/// What a request did, and to which outside name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// What became of it.
    pub outcome: Outcome,
    /// The name of the object, when there is one.
    pub name: Option<String>,
}

#[derive(Clone, Debug)]
struct Network {
    name: String,
    interface: Option<String>,
    labels: Map<String, Value>,
    made: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Created,
    Running,
    Paused,
    Exited,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Exited => "exited",
        }
    }
}

#[derive(Clone, Debug)]
struct Container {
    name: String,
    image: String,
    labels: Map<String, Value>,
    network: Option<String>,
    state: State,
}

/// All there is.
#[derive(Clone, Debug, Default)]
pub struct World {
    next: u64,
    networks: BTreeMap<String, Network>,
    interfaces: BTreeMap<String, String>,
    containers: BTreeMap<String, Container>,
    names: BTreeMap<String, String>,
    /// Ids of what carries a cluster's label.
    tagged: BTreeMap<String, BTreeSet<String>>,
    /// The stacks of the cloud beside it.
    pub heat: Heat,
    /// What has happened to containers and has not been told yet.
    untold: Vec<Event>,
    /// Where the engine of every stack answers.
    docker: String,
}

impl World {
    /// One whose engine answers at this address.
    #[must_use]
    pub fn at(docker: String) -> Self {
        Self { docker, ..Self::default() }
    }

    /// Lets time pass: what stood on the machines of a stack goes with it.
    pub fn pass(&mut self, pace: Pace) {
        for cluster in self.heat.pass(pace) {
            for id in self.tagged.remove(&cluster).unwrap_or_default() {
                self.networks.remove(&id);
                if let Some(gone) = self.containers.remove(&id) {
                    self.names.remove(&gone.name);
                }
            }
        }
    }

    /// Carries out a request.
    pub fn carry_out(&mut self, ask: &Ask) -> (Answer, Effect) {
        match ask {
            Ask::Engine(word) => looked(engine(word)),
            Ask::Networks(label) => looked(self.list_networks(label.as_deref())),
            Ask::MakeNetwork(body) => self.make_network(body),
            Ask::RemoveNetwork(id) => self.remove_network(id),
            Ask::Containers(label) => looked(self.list_containers(label.as_deref())),
            Ask::Container(key) => match self.find(key) {
                Some((id, one)) => looked(shown(id, one)),
                None => nothing(404, "No such container"),
            },
            Ask::MakeContainer(name, body) => self.make_container(name, body),
            Ask::Act(key, action) => self.act(key, *action),
            Ask::RemoveContainer(key) => self.remove_container(key),
            Ask::Logs(key) => match self.find(key) {
                Some(_) => looked(Value::Null),
                None => nothing(404, "No such container"),
            },
            Ask::Image(name) => looked(json!({"Id": "sha256:0", "RepoTags": [name]})),
            Ask::Heat(ask) => self.heat.carry_out(ask, &self.docker),
            Ask::Events(_) | Ask::Unknown => nothing(501, "the scripted backend does not speak this part of the API"),
        }
    }

    /// What has happened to containers since this was last asked.
    pub fn told(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.untold)
    }

    fn tell(&mut self, action: &'static str, id: &str, labels: &Map<String, Value>) {
        self.untold.push(Event { action, id: id.to_owned(), labels: labels.clone() });
    }

    /// Container objects of a cluster, as an inventory.
    #[must_use]
    pub fn inventory(&self, cluster: &str) -> Vec<Seen> {
        let ids = self.tagged.get(cluster).into_iter().flatten();
        ids.filter_map(|id| Some((id, self.containers.get(id)?)))
            .map(|(id, one)| Seen {
                id: id.clone(),
                container: label_of(&one.labels, "jeroboam.container").to_owned(),
                epoch: label_of(&one.labels, "jeroboam.epoch").parse().unwrap_or(0),
                state: one.state.word().to_owned(),
            })
            .collect()
    }

    /// How many networks each cluster has.
    #[must_use]
    pub fn networks(&self) -> BTreeMap<String, usize> {
        let mut count = BTreeMap::new();
        for network in self.networks.values() {
            *count.entry(label_of(&network.labels, CLUSTER).to_owned()).or_default() += 1;
        }
        count
    }

    /// Every cluster that something is left of.
    #[must_use]
    pub fn clusters(&self) -> BTreeSet<String> {
        self.tagged.iter().filter(|(_, ids)| !ids.is_empty()).map(|(cluster, _)| cluster.clone()).collect()
    }

    fn id(&mut self) -> String {
        self.next += 1;
        format!("{:064x}", self.next)
    }

    fn tag(&mut self, labels: &Map<String, Value>, id: &str) {
        self.tagged.entry(label_of(labels, CLUSTER).to_owned()).or_default().insert(id.to_owned());
    }

    fn untag(&mut self, labels: &Map<String, Value>, id: &str) {
        if let Some(ids) = self.tagged.get_mut(label_of(labels, CLUSTER)) {
            ids.remove(id);
        }
    }

    /// Ids that carry a label of the form `jeroboam.cluster=…`; all for any other or none.
    fn ids<'a, T>(&'a self, of: &'a BTreeMap<String, T>, label: Option<&str>) -> Vec<&'a String> {
        match label.and_then(|label| label.strip_prefix(CLUSTER)?.strip_prefix('=')) {
            Some(cluster) => self.tagged.get(cluster).into_iter().flatten().filter(|id| of.contains_key(*id)).collect(),
            None => of.keys().collect(),
        }
    }

    fn list_networks(&self, label: Option<&str>) -> Value {
        let row = |id: &String| {
            let one = self.networks.get(id)?;
            Some(json!({
                "Name": one.name, "Id": id, "Driver": "bridge", "Scope": "local", "Labels": one.labels,
                // Younger ones have a later time, which is all that anybody reads in it.
                "Created": format!("2026-01-01T00:00:00.{:09}Z", one.made),
            }))
        };
        self.ids(&self.networks, label).into_iter().filter_map(row).collect()
    }

    fn make_network(&mut self, body: &Value) -> (Answer, Effect) {
        let name = text(body, "Name");
        let interface = body.get("Options").and_then(|options| options.get(INTERFACE)).and_then(Value::as_str).map(str::to_owned);
        if interface.as_ref().is_some_and(|interface| self.interfaces.contains_key(interface)) {
            return nothing(403, "networks have same bridge name");
        }
        let id = self.id();
        let labels = object(body, "Labels");
        self.tag(&labels, &id);
        self.interfaces.extend(interface.clone().map(|interface| (interface, id.clone())));
        self.networks.insert(id.clone(), Network { name: name.clone(), interface, labels, made: self.next });
        done(201, json!({"Id": id, "Warning": ""}), Outcome::Made, name)
    }

    fn remove_network(&mut self, id: &str) -> (Answer, Effect) {
        let uses = |one: &Container| one.network.as_deref() == Some(id) && matches!(one.state, State::Running | State::Paused);
        if self.containers.values().any(uses) {
            return nothing(403, "network has active endpoints");
        }
        let Some(gone) = self.networks.remove(id) else { return nothing(404, "No such network") };
        self.untag(&gone.labels, id);
        if let Some(interface) = &gone.interface {
            self.interfaces.remove(interface);
        }
        done(204, Value::Null, Outcome::Removed, gone.name)
    }

    fn find(&self, key: &str) -> Option<(&String, &Container)> {
        let id = self.names.get(key).map_or(key, String::as_str);
        self.containers.get_key_value(id)
    }

    fn list_containers(&self, label: Option<&str>) -> Value {
        let row = |id: &String| {
            let one = self.containers.get(id)?;
            Some(json!({
                "Id": id, "Names": [format!("/{}", one.name)], "Image": one.image, "State": one.state.word(), "Labels": one.labels,
                "NetworkSettings": {"Networks": {}},
            }))
        };
        self.ids(&self.containers, label).into_iter().filter_map(row).collect()
    }

    fn make_container(&mut self, name: &str, body: &Value) -> (Answer, Effect) {
        if self.names.contains_key(name) {
            return nothing(409, "Conflict. The container name is already in use");
        }
        let id = self.id();
        let labels = object(body, "Labels");
        self.tag(&labels, &id);
        self.tell("create", &id, &labels);
        let network = body.get("HostConfig").and_then(|host| host.get("NetworkMode")).and_then(Value::as_str).map(str::to_owned);
        let one = Container { name: name.to_owned(), image: text(body, "Image"), labels, network, state: State::Created };
        self.containers.insert(id.clone(), one);
        self.names.insert(name.to_owned(), id.clone());
        done(201, json!({"Id": id, "Warnings": []}), Outcome::Made, name.to_owned())
    }

    fn act(&mut self, key: &str, action: Action) -> (Answer, Effect) {
        let id = self.names.get(key).map_or(key, String::as_str).to_owned();
        let Some(one) = self.containers.get_mut(&id) else { return nothing(404, "No such container") };
        if matches!(action, Action::Start | Action::Restart)
            && one.network.as_ref().is_some_and(|network| !self.networks.contains_key(network))
        {
            return nothing(404, "network not found");
        }
        let next = match (action, one.state) {
            (Action::Start, State::Created | State::Exited) | (Action::Restart, _) | (Action::Unpause, State::Paused) => State::Running,
            (Action::Stop, State::Running | State::Paused) => State::Exited,
            (Action::Pause, State::Running) => State::Paused,
            (Action::Start, State::Running) | (Action::Stop, State::Created | State::Exited) => return nothing(304, ""),
            (Action::Start | Action::Pause | Action::Unpause, _) => return nothing(409, "not possible in this state"),
        };
        one.state = next;
        let (name, labels) = (one.name.clone(), one.labels.clone());
        self.tell(action.told(), &id, &labels);
        done(204, Value::Null, Outcome::Changed, name)
    }

    fn remove_container(&mut self, key: &str) -> (Answer, Effect) {
        let id = self.names.get(key).map_or(key, String::as_str).to_owned();
        let Some(gone) = self.containers.remove(&id) else { return nothing(404, "No such container") };
        self.names.remove(&gone.name);
        self.untag(&gone.labels, &id);
        self.tell("destroy", &id, &gone.labels);
        done(204, Value::Null, Outcome::Removed, gone.name)
    }
}

fn engine(word: &str) -> Value {
    match word {
        "ping" => json!("OK"),
        "version" => json!({"Version": "scripted", "ApiVersion": "1.44", "MinAPIVersion": "1.24", "Os": "linux", "Arch": "amd64"}),
        _ => json!({
            "ID": "scripted", "Name": "scripted", "ServerVersion": "scripted", "OperatingSystem": "scripted", "NCPU": 2,
            "MemTotal": 1_u64 << 33,
        }),
    }
}

fn shown(id: &str, one: &Container) -> Value {
    json!({
        "Id": id, "Name": format!("/{}", one.name), "Config": {"Labels": one.labels, "Image": one.image},
        "State": {"Status": one.state.word(), "Error": "", "ExitCode": 0, "OOMKilled": false},
        "NetworkSettings": {"Networks": {}},
    })
}

pub(super) fn looked(body: Value) -> (Answer, Effect) {
    (Answer::plain(200, body), Effect { outcome: Outcome::Nothing, name: None })
}

fn nothing(status: u16, words: &str) -> (Answer, Effect) {
    let body = if words.is_empty() { Value::Null } else { json!({"message": words}) };
    (Answer::plain(status, body), Effect { outcome: Outcome::Nothing, name: None })
}

pub(super) fn done(status: u16, body: Value, outcome: Outcome, name: String) -> (Answer, Effect) {
    (Answer::plain(status, body), Effect { outcome, name: Some(name) })
}

fn label_of<'a>(labels: &'a Map<String, Value>, key: &str) -> &'a str {
    labels.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn text(body: &Value, key: &str) -> String {
    body.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn object(body: &Value, key: &str) -> Map<String, Value> {
    body.get(key).and_then(Value::as_object).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(cluster: &str) -> Ask {
        Ask::MakeNetwork(json!({"Name": format!("jeroboam-{cluster}"), "Labels": {CLUSTER: cluster}, "Options": {INTERFACE: cluster}}))
    }

    fn container(name: &str, cluster: &str) -> Ask {
        Ask::MakeContainer(name.to_owned(), json!({"Image": "i", "Labels": {CLUSTER: cluster, "jeroboam.container": name}}))
    }

    #[test]
    fn names_and_interfaces_are_unique_and_ids_are_not_used_again() {
        let mut world = World::default();
        assert_eq!(world.carry_out(&network("a")).0.status, 201);
        let (answer, effect) = world.carry_out(&network("a"));
        assert_eq!((answer.status, effect.outcome), (403, Outcome::Nothing));
        let first = world.carry_out(&container("x", "a")).0.body;
        assert_eq!(world.carry_out(&container("x", "b")).0.status, 409);
        assert_eq!(world.carry_out(&Ask::RemoveContainer("x".into())).1.outcome, Outcome::Removed);
        assert_ne!(world.carry_out(&container("x", "a")).0.body, first);
        assert_eq!(world.networks(), [("a".to_owned(), 1)].into());
    }

    #[test]
    fn a_container_goes_through_dockers_states() {
        let mut world = World::default();
        world.carry_out(&container("x", "a"));
        let mut act = |action| world.carry_out(&Ask::Act("x".into(), action)).0.status;
        assert_eq!([act(Action::Pause), act(Action::Start), act(Action::Start)], [409, 204, 304]);
        assert_eq!([act(Action::Pause), act(Action::Start), act(Action::Unpause)], [204, 409, 204]);
        assert_eq!([act(Action::Stop), act(Action::Stop), act(Action::Restart)], [204, 304, 204]);
        assert_eq!(world.inventory("a").len(), 1);
        assert!(world.inventory("b").is_empty());
    }

    #[test]
    fn what_happens_is_told_once_and_what_does_not_is_not() {
        let mut world = World::default();
        world.carry_out(&container("x", "a"));
        for action in [Action::Start, Action::Start, Action::Stop] {
            world.carry_out(&Ask::Act("x".into(), action));
        }
        world.carry_out(&Ask::RemoveContainer("x".into()));
        let told: Vec<_> = world.told().into_iter().map(|event| event.action).collect();
        assert_eq!(told, ["create", "start", "die", "destroy"]);
        assert!(world.told().is_empty());
    }

    #[test]
    fn a_list_shows_only_what_carries_the_label() {
        let mut world = World::default();
        world.carry_out(&network("a"));
        world.carry_out(&container("x", "a"));
        world.carry_out(&container("y", "b"));
        let list = |world: &mut World, ask| world.carry_out(&ask).0.body.as_array().map_or(0, Vec::len);
        assert_eq!(list(&mut world, Ask::Containers(Some("jeroboam.cluster=b".into()))), 1);
        assert_eq!(list(&mut world, Ask::Networks(Some("jeroboam.cluster=b".into()))), 0);
        assert_eq!(list(&mut world, Ask::Containers(None)), 2);
        assert_eq!(world.clusters(), ["a".to_owned(), "b".to_owned()].into());
    }
}
