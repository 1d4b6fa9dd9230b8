//! A scripted Heat with as much of a Keystone before it as a client needs: the backend's second shape.
//!
//! Unlike a Docker endpoint it is asynchronous: a request begins an action on a stack, which goes on by itself and ends, well or not, when its
//! time has come. What a client of the real one stumbles over is here, too: a name is unique in its project, also while its stack is being
//! deleted; a stack on which something is done takes no other change (409); a path with half of name and id is answered by a redirect; a
//! deleted stack is still shown by its id.
//!
//! A stack is not made from its template. What is understood of that is which parameters it knows; the stack then is what the product's
//! template of a swarm cluster would have made: two groups of machines with numbers that are never used again, from which machines can be
//! removed by id, and whose images can be given one by one. That vocabulary is written down here a second time.
//!
//! Deliberately absent: events, nested stacks as stacks, snapshots, signals, rollback, and every other service of a cloud.

mod ask;
mod identity;
mod stack;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::{Value, json};

pub use ask::HeatAsk;
pub use identity::{Identity, PASSWORD, PROJECT, SECRET};
pub use stack::{Server, Stack};

use super::{
    Outcome,
    world::{Answer, Effect, done, looked},
};
use stack::Action;

/// The most stacks that a list shows at a time, whatever it is asked for.
const PAGE: usize = 20;

/// How long an action takes from now on, and whether the next one fails.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    /// Now, nanoseconds on the run's clock.
    pub now: u64,
    /// How long an action that is begun now takes, nanoseconds.
    pub takes: u64,
    /// Whether it fails in the end.
    pub fails: bool,
}

/// All stacks, the deleted ones included.
#[derive(Clone, Debug, Default)]
pub struct Heat {
    /// Who may ask.
    pub identity: Identity,
    stacks: BTreeMap<String, Stack>,
    next: u64,
    pace: Pace,
}

impl Heat {
    /// Lets time pass; the clusters whose stacks went meanwhile.
    pub fn pass(&mut self, pace: Pace) -> Vec<String> {
        self.pace = pace;
        let mut gone = Vec::new();
        for stack in self.stacks.values_mut() {
            if stack.settle(pace.now, &mut self.next) {
                gone.push(stack.cluster().to_owned());
            }
        }
        gone
    }

    /// Carries out a request; `docker`: where the engine of every stack answers.
    pub fn carry_out(&mut self, ask: &HeatAsk, docker: &str) -> (Answer, Effect) {
        if let HeatAsk::Token { body, host } = ask {
            return self.identity.issue(body, host, self.pace.now);
        }
        if !self.identity.knows(ask.token(), self.pace.now) {
            return refusal(401, "Unauthorized", "The request you have made requires authentication.");
        }
        if ask.project() != PROJECT {
            return refusal(403, "Forbidden", "You are not authorized to access this project.");
        }
        match ask {
            HeatAsk::Token { .. } => refusal(500, "Internal", "unreachable"),
            HeatAsk::List { tags, name, marker, limit, .. } => self.list(tags, name.as_deref(), (marker.as_deref(), *limit)),
            HeatAsk::Create { body, .. } => self.create(body),
            HeatAsk::Half { which, .. } => self.half(which),
            HeatAsk::Show { name, id, .. } => match self.find(name, id) {
                Some(stack) => looked(json!({"stack": stack.shown(docker)})),
                None => missing(name),
            },
            HeatAsk::Resources { name, id, .. } => match self.find(name, id) {
                Some(stack) => looked(json!({"resources": stack.resources()})),
                None => missing(name),
            },
            HeatAsk::Update { name, id, body, .. } => self.update(name, id, body),
            HeatAsk::Delete { name, id, .. } => self.delete(name, id),
        }
    }

    /// Stacks that are there, by cluster.
    #[must_use]
    pub fn stacks(&self) -> BTreeMap<String, Vec<&Stack>> {
        let mut stacks: BTreeMap<String, Vec<&Stack>> = BTreeMap::new();
        for stack in self.stacks.values().filter(|stack| !stack.gone()) {
            stacks.entry(stack.cluster().to_owned()).or_default().push(stack);
        }
        stacks
    }

    /// Stacks that were ever made for a cluster.
    #[must_use]
    pub fn ever(&self, cluster: &str) -> usize {
        self.stacks.values().filter(|stack| stack.cluster() == cluster).count()
    }

    /// A machine fails, as a check of its stack would find it.
    pub fn fail(&mut self, server: &str) {
        for stack in self.stacks.values_mut() {
            stack.fail(server);
        }
    }

    /// All stacks lose their tags and get these.
    pub fn retag(&mut self, tags: &str) {
        for stack in self.stacks.values_mut() {
            stack.tags = tags.split(',').map(str::to_owned).collect();
        }
    }

    fn find(&self, name: &str, id: &str) -> Option<&Stack> {
        self.stacks.get(id).filter(|stack| stack.name == name)
    }

    /// Stacks that fit; of them a page, in the order of their ids.
    fn list(&self, tags: &[String], name: Option<&str>, (marker, limit): (Option<&str>, Option<usize>)) -> (Answer, Effect) {
        let fits =
            |stack: &&Stack| !stack.gone() && tags.iter().all(|tag| stack.tags.contains(tag)) && name.is_none_or(|name| stack.name == name);
        let behind = |stack: &&Stack| marker.is_none_or(|marker| stack.id.as_str() > marker);
        let page = limit.unwrap_or(PAGE).min(PAGE);
        let rows: Vec<Value> = self.stacks.values().filter(behind).filter(fits).take(page).map(Stack::row).collect();
        looked(json!({"stacks": rows}))
    }

    fn create(&mut self, body: &Value) -> (Answer, Effect) {
        let name = text(body, "stack_name");
        if let Err(words) = stack::sound(&name, body) {
            return refusal(400, "StackValidationFailed", &words);
        }
        if self.stacks.values().any(|stack| stack.name == name && !stack.gone()) {
            return refusal(409, "StackExists", &format!("The Stack ({name}) already exists."));
        }
        self.next += 1;
        let id = format!("00000000-0000-4000-8000-{:012x}", self.next);
        let mut stack = Stack::new(id.clone(), name.clone(), body);
        stack.begin(Action::Create, self.pace);
        self.stacks.insert(id.clone(), stack);
        done(201, json!({"stack": {"id": id, "links": []}}), Outcome::Made, name)
    }

    /// A path with only the name or only the id.
    fn half(&self, which: &str) -> (Answer, Effect) {
        match self.stacks.values().find(|stack| stack.id == which || (stack.name == which && !stack.gone())) {
            Some(_) => refusal(302, "Found", "the full path has both name and id"),
            None => missing(which),
        }
    }

    fn update(&mut self, name: &str, id: &str, body: &Value) -> (Answer, Effect) {
        let pace = self.pace;
        let Some(stack) = self.stacks.get_mut(id).filter(|stack| stack.name == name) else { return missing(name) };
        if stack.gone() || stack.action == Action::Delete {
            return refusal(400, "NotSupported", "Updating a stack when it is deleted or being deleted is not supported.");
        }
        if stack.working() {
            return refusal(409, "ActionInProgress", &format!("Stack {name} already has an action (UPDATE) in progress."));
        }
        if let Err(words) = stack.take(body) {
            return refusal(400, "StackValidationFailed", &words);
        }
        stack.begin(Action::Update, pace);
        done(202, json!("The server has accepted the request."), Outcome::Changed, name.to_owned())
    }

    fn delete(&mut self, name: &str, id: &str) -> (Answer, Effect) {
        let pace = self.pace;
        let Some(stack) = self.stacks.get_mut(id).filter(|stack| stack.name == name && !stack.gone()) else { return missing(name) };
        if stack.action == Action::Delete && stack.working() {
            return (Answer::plain(204, Value::Null), Effect { outcome: Outcome::Nothing, name: Some(name.to_owned()) });
        }
        stack.begin(Action::Delete, pace);
        done(204, Value::Null, Outcome::Removed, name.to_owned())
    }
}

fn missing(which: &str) -> (Answer, Effect) {
    refusal(404, "EntityNotFound", &format!("The Stack ({which}) could not be found."))
}

/// Heat's "no".
fn refusal(status: u16, kind: &str, message: &str) -> (Answer, Effect) {
    let body =
        json!({"code": status, "title": kind, "explanation": message, "error": {"type": kind, "message": message, "traceback": null}});
    (Answer::plain(status, body), Effect { outcome: Outcome::Nothing, name: None })
}

fn text(body: &Value, key: &str) -> String {
    body.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}
