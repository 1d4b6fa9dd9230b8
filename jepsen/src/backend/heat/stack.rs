//! One stack: two groups of machines, an action that goes on, and what is to be when it ends.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{Pace, text};

/// What is done to a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Create,
    Update,
    Delete,
}

impl Action {
    fn word(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
        }
    }
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Progress,
    Complete,
    Failed,
}

/// A machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its id, never used again.
    pub id: String,
    /// Its image.
    pub image: String,
    /// Whether a check found it broken.
    pub failed: bool,
}

/// A group of machines: numbers are never used again.
#[derive(Clone, Debug, Default)]
struct Group {
    servers: BTreeMap<u64, Server>,
    next: u64,
}

/// A stack.
#[derive(Clone, Debug)]
pub struct Stack {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its parameters as they were given.
    pub parameters: Map<String, Value>,
    /// The most machines that were out of service at a time because of an update.
    pub most_out: usize,
    pub(super) action: Action,
    state: State,
    reason: String,
    /// When the action ends, and whether well.
    due: u64,
    fails: bool,
    known: BTreeSet<String>,
    masters: Group,
    minions: Group,
}

/// Whether a new stack can be made from this.
pub(super) fn sound(name: &str, body: &Value) -> Result<(), String> {
    let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    if !first || name.len() > 255 || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte)) {
        return Err(format!("Invalid stack name {name} must contain only alphanumeric or \"_-.\" characters, must start with alpha"));
    }
    if body.get("tags").and_then(Value::as_str).is_some_and(|tags| tags.split(',').any(|tag| tag.len() > 80)) {
        return Err("a tag is longer than 80 characters".to_owned());
    }
    let template = text(body, "template");
    if !template.contains("heat_template_version") {
        return Err("The template version is missing".to_owned());
    }
    let (known, needed) = parameters(&template);
    let given = body.get("parameters").and_then(Value::as_object).cloned().unwrap_or_default();
    if let Some(unknown) = given.keys().find(|name| !known.contains(*name)) {
        return Err(format!("The Parameter ({unknown}) was not defined in template."));
    }
    if let Some(missing) = needed.iter().find(|name| !given.contains_key(*name)) {
        return Err(format!("The Parameter ({missing}) was not provided."));
    }
    Ok(())
}

/// The parameters of a template, and those of them without a default: by their indentation, which is all that is understood of it.
fn parameters(template: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let mut known = BTreeSet::new();
    let mut needed = BTreeSet::new();
    let mut inside = false;
    let mut last = String::new();
    for line in template.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#')) {
        let indentation = line.len() - line.trim_start().len();
        let word = line.trim().split(':').next().unwrap_or_default();
        match indentation {
            0 => inside = word == "parameters",
            2 if inside => {
                word.clone_into(&mut last);
                known.insert(last.clone());
                needed.insert(last.clone());
            }
            4 if inside && word == "default" => {
                needed.remove(&last);
            }
            _ => {}
        }
    }
    (known, needed)
}

impl Stack {
    pub(super) fn new(id: String, name: String, body: &Value) -> Self {
        let parameters = body.get("parameters").and_then(Value::as_object).cloned().unwrap_or_default();
        Self {
            id,
            name,
            tags: tags(body),
            parameters,
            most_out: 0,
            action: Action::Create,
            state: State::Progress,
            reason: String::new(),
            due: 0,
            fails: false,
            known: self::parameters(&text(body, "template")).0,
            masters: Group::default(),
            minions: Group::default(),
        }
    }

    /// The cluster that its tags name.
    #[must_use]
    pub fn cluster(&self) -> &str {
        self.tags.iter().find_map(|tag| tag.strip_prefix("jeroboam.cluster=")).unwrap_or_default()
    }

    /// Its machines that are no masters.
    pub fn minions(&self) -> impl Iterator<Item = &Server> {
        self.minions.servers.values()
    }

    /// Its masters.
    pub fn masters(&self) -> impl Iterator<Item = &Server> {
        self.masters.servers.values()
    }

    /// How many machines were ever made for it.
    #[must_use]
    pub fn made(&self) -> u64 {
        self.masters.next + self.minions.next
    }

    /// Its status, such as `CREATE_COMPLETE`.
    #[must_use]
    pub fn status(&self) -> String {
        let state = match self.state {
            State::Progress => "IN_PROGRESS",
            State::Complete => "COMPLETE",
            State::Failed => "FAILED",
        };
        format!("{}_{state}", self.action.word())
    }

    pub(super) fn gone(&self) -> bool {
        self.action == Action::Delete && self.state == State::Complete
    }

    pub(super) fn working(&self) -> bool {
        self.state == State::Progress
    }

    pub(super) fn begin(&mut self, action: Action, pace: Pace) {
        (self.action, self.state) = (action, State::Progress);
        self.reason = format!("Stack {} started", action.word());
        (self.due, self.fails) = (pace.now.saturating_add(pace.takes), pace.fails);
        if action == Action::Update {
            let out = self.minions.out(self, "minion") + self.masters.out(self, "master");
            self.most_out = self.most_out.max(out);
        }
    }

    /// Takes new parameters and tags; what is not said stays as it was, servers that were to be removed included.
    pub(super) fn take(&mut self, body: &Value) -> Result<(), String> {
        let given = body.get("parameters").and_then(Value::as_object).cloned().unwrap_or_default();
        if let Some(unknown) = given.keys().find(|name| !self.known.contains(*name)) {
            return Err(format!("The Parameter ({unknown}) was not defined in template."));
        }
        if body.get("tags").is_some() {
            self.tags = tags(body);
        }
        self.parameters.extend(given);
        Ok(())
    }

    /// Ends what is due; whether the stack went by that.
    pub(super) fn settle(&mut self, now: u64, next: &mut u64) -> bool {
        if !self.working() || self.due > now {
            return false;
        }
        let word = self.action.word();
        if self.fails {
            self.state = State::Failed;
            self.reason =
                format!("Resource {word} failed: ResourceInError: resources.minions: Went to status ERROR due to \"No valid host\"");
            return false;
        }
        self.state = State::Complete;
        self.reason = format!("Stack {word} completed successfully");
        if self.action == Action::Delete {
            self.masters.servers.clear();
            self.minions.servers.clear();
            return true;
        }
        let mut masters = std::mem::take(&mut self.masters);
        masters.lead(self, "master", next);
        self.masters = masters;
        let mut minions = std::mem::take(&mut self.minions);
        minions.lead(self, "minion", next);
        self.minions = minions;
        false
    }

    pub(super) fn fail(&mut self, server: &str) {
        for one in self.minions.servers.values_mut().chain(self.masters.servers.values_mut()).filter(|one| one.id == server) {
            one.failed = true;
        }
    }

    fn number(&self, name: &str) -> usize {
        let value = self.parameters.get(name);
        let number = value.and_then(Value::as_u64).or_else(|| value?.as_str()?.parse().ok());
        usize::try_from(number.unwrap_or(0)).unwrap_or(0)
    }

    fn word(&self, name: &str) -> String {
        self.parameters.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// A parameter that is JSON, given as itself or as text.
    fn json(&self, name: &str) -> Value {
        match self.parameters.get(name) {
            Some(Value::String(text)) => serde_json::from_str(text).unwrap_or(Value::Null),
            Some(value) => value.clone(),
            None => Value::Null,
        }
    }

    fn removed(&self) -> Vec<String> {
        let value = self.parameters.get("minions_to_remove");
        match value {
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            Some(Value::String(text)) => text.split(',').map(str::to_owned).collect(),
            _ => Vec::new(),
        }
    }

    /// The image that a machine of a group is to have.
    fn image(&self, group: &str, number: u64) -> String {
        let own = self.json(&format!("{group}_images"));
        let own = own.get(number.to_string()).and_then(Value::as_str).map(str::to_owned);
        own.unwrap_or_else(|| self.word(&format!("{group}_image")))
    }

    /// As a list shows it.
    pub(super) fn row(&self) -> Value {
        json!({
            "id": self.id, "stack_name": self.name, "stack_status": self.status(), "stack_status_reason": self.reason, "tags": self.tags,
            "creation_time": "2026-01-01T00:00:00Z", "updated_time": null, "links": [],
        })
    }

    /// As it is shown by itself: every parameter is a text.
    pub(super) fn shown(&self, docker: &str) -> Value {
        let mut shown = self.row();
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            Value::Array(list) => list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
            other => other.to_string(),
        };
        let parameters: Map<String, Value> = self.parameters.iter().map(|(name, value)| (name.clone(), text(value).into())).collect();
        let ready = self.state == State::Complete && !self.gone();
        let address = if ready { json!(docker) } else { Value::Null };
        let output = |key: &str, value: Value| json!({"output_key": key, "output_value": value, "description": ""});
        if let Some(shown) = shown.as_object_mut() {
            shown.insert("parameters".to_owned(), parameters.into());
            shown.insert("disable_rollback".to_owned(), true.into());
            let outputs = json!([
                output("api_address", address),
                output("master_ids", self.masters.ids()),
                output("minion_ids", self.minions.ids()),
                output("master_addresses", self.masters.addresses(1)),
                output("minion_addresses", self.minions.addresses(2)),
            ]);
            shown.insert("outputs".to_owned(), outputs);
        }
        shown
    }

    /// Its machines as resources.
    pub(super) fn resources(&self) -> Value {
        let row = |(number, server): (&u64, &Server)| {
            let status = if server.failed { "CHECK_FAILED" } else { "CREATE_COMPLETE" };
            json!({
                "resource_name": "server", "resource_type": "OS::Nova::Server", "physical_resource_id": server.id,
                "parent_resource": number.to_string(), "resource_status": status, "resource_status_reason": "",
            })
        };
        self.masters.servers.iter().chain(&self.minions.servers).map(row).collect()
    }
}

impl Group {
    /// Leads the machines to what the parameters say.
    fn lead(&mut self, stack: &Stack, group: &str, next: &mut u64) {
        let removed = stack.removed();
        self.servers.retain(|_, server| !removed.contains(&server.id));
        let wanted = stack.number(&format!("number_of_{group}s"));
        while self.servers.len() > wanted {
            self.servers.pop_last();
        }
        while self.servers.len() < wanted {
            *next += 1;
            let server = Server { id: format!("server-{next}"), image: String::new(), failed: false };
            self.servers.insert(self.next, server);
            self.next += 1;
        }
        for (number, server) in &mut self.servers {
            let image = stack.image(group, *number);
            server.failed &= server.image == image;
            server.image = image;
        }
    }

    /// How many machines the update that begins takes out of service.
    fn out(&self, stack: &Stack, group: &str) -> usize {
        let removed = stack.removed();
        let goes = |(number, server): &(&u64, &Server)| removed.contains(&server.id) || server.image != stack.image(group, **number);
        let named = self.servers.iter().filter(goes).count();
        named.max(self.servers.len().saturating_sub(stack.number(&format!("number_of_{group}s"))))
    }

    fn ids(&self) -> Value {
        let ids: Map<String, Value> = self.servers.iter().map(|(number, server)| (number.to_string(), json!(server.id))).collect();
        ids.into()
    }

    fn addresses(&self, net: u8) -> Value {
        let row = |number: &u64| (number.to_string(), json!(format!("10.0.{net}.{}", number + 10)));
        let rows: Map<String, Value> = self.servers.keys().map(row).collect();
        rows.into()
    }
}

fn tags(body: &Value) -> Vec<String> {
    let tags = text(body, "tags");
    tags.split(',').filter(|tag| !tag.is_empty()).map(str::to_owned).collect()
}
