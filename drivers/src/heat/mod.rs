//! The provisioner `heat`: a cluster is one stack of a cloud's Heat.
//!
//! The stack's name is derived from the cluster's id and is unique in the project; its tags carry the mark, and by the cluster's tag it is found,
//! whoever made it. All of them are in the project of the driver's own credentials. The template is ours (`template/`): a group of masters and one
//! of minions with a Docker Engine on each, so far of the coe `swarm`.
//!
//! A request begins an action that goes on by itself; the answer then is "working", and the same call is simply made again. What a call
//! wants is compared with what the stack says of itself, so a repetition changes nothing, and one of a stack that has failed is told from a new
//! attempt by the operation in its tags: the same operation is told the stack's reason, verbatim; another one tries again. Heat takes no second
//! change while it is at one (409), which is "busy".
//!
//! Machines are known by the ids of their servers. Heat gives them numbers that never come twice; they are removed by id (`minions_to_remove`), and
//! upgraded by giving single numbers an image of their own, so that exactly those are rebuilt. A machine is not ready when a check of its stack
//! found it broken.
//!
//! Absent so far: the check itself, which is somebody else's to ask for (`openstack stack check`). It is an action, during which the stack takes no
//! other change, so it is no part of a look, which has no intent in the log and may come from an owner that does not know yet that it is none:
//! it wants a step of an operation of its own. A swarm: containers run on the first master only, the other machines are there and idle. And node
//! groups beside the two, trusts (stacks in the tenant's own project), certificates for the engines, and with them their rotation, which is refused
//! (of the network the template lets only the members reach an engine, not even the bay's other machines; the containers of a machine reach their own
//! engine, past every security group), and a real fence: Heat compares nothing.

mod cloud;
mod parameters;
pub mod settings;
mod stack;

use std::{collections::BTreeSet, future::Future, time::Duration};

use async_trait::async_trait;
use http::Method;
use model::template::TemplateWish;
use openstack::Answer;
use serde_json::{Map, Value, json};

pub use settings::Settings;

use self::{
    cloud::{Cloud, refused},
    parameters::{MINIONS, PARTS, Part, REMOVED},
    stack::Stack,
};
use crate::{
    error::Error,
    limit,
    mark::Mark,
    provision::{Progress, Provisioner},
    seen::{NodeSeen, Phase, Provisioned, Tagged},
    spec::ClusterSpec,
};

/// Its name: what clusters and members call it.
pub const NAME: &str = "heat";

/// Stacks of one page of the list of all.
const PAGE: usize = 100;
/// Pages of that list; a project with more has too many for one look.
const PAGES: usize = 50;

/// Clusters as stacks.
#[derive(Debug)]
pub struct Heat {
    cloud: Cloud,
    poll: Duration,
    api_cidr: String,
}

/// What a call finds.
enum Found {
    /// The stack as it is to be.
    Ready(Stack),
    /// Something is being done about it.
    Working,
}

impl Heat {
    /// Opens nothing; errors are about the settings.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        Ok(Self { cloud: Cloud::new(&settings)?, poll: settings.poll, api_cidr: settings.api_cidr })
    }

    fn working<T>(&self) -> Progress<T> {
        Progress::Working { look_again: self.poll }
    }

    fn busy(&self, reason: impl Into<String>) -> Error {
        Error::Busy { reason: reason.into(), retry_after: self.poll }
    }

    /// A stack by its whole path; one that was deleted is not there.
    async fn show(&self, name: &str, id: &str) -> Result<Option<Stack>, Error> {
        let answer = self.cloud.ask(Method::GET, &format!("/stacks/{name}/{id}"), None).await?;
        match answer.status.as_u16() {
            200 => {
                let stack: Stack = part(&answer, "/stack")?;
                Ok(Some(stack).filter(|stack| stack.phase().is_some()))
            }
            404 => Ok(None),
            _ => Err(refused(&answer)),
        }
    }

    /// Stacks that a list shows.
    async fn list(&self, query: &str) -> Result<Vec<Stack>, Error> {
        let answer = self.cloud.ask(Method::GET, &format!("/stacks?{query}"), None).await?;
        if answer.status.as_u16() == 200 { part(&answer, "/stacks") } else { Err(refused(&answer)) }
    }

    /// The stack of a cluster: where it was last seen, or else by its tag.
    async fn find(&self, spec: &ClusterSpec) -> Result<Option<Stack>, Error> {
        let name = name(spec);
        if let Some(id) = spec.backend_id.as_deref().filter(|id| is_id(id))
            && let Some(stack) = self.show(&name, id).await?
        {
            return Ok(Some(stack));
        }
        let found = self.list(&format!("tags={}", encoded(&stack::tag(spec.id)))).await?;
        match found.into_iter().find(|stack| stack.name == name) {
            Some(stack) => self.show(&stack.name, &stack.id).await,
            None => Ok(None),
        }
    }

    /// All stacks of the project that carry the tag of any cluster. A server may give shorter pages than it is asked for, so only an empty one is
    /// the end.
    async fn all(&self) -> Result<Vec<Tagged>, Error> {
        let mut all = Vec::new();
        let mut query = format!("limit={PAGE}");
        for _ in 0..PAGES {
            let stacks = self.list(&query).await?;
            let Some(last) = stacks.last() else { return Ok(all) };
            query = format!("limit={PAGE}&marker={}", last.id);
            all.extend(stacks.into_iter().filter(|stack| stack.phase().is_some()).filter_map(Stack::owned));
        }
        Err(Error::Refused(format!("the project has more than {PAGES} pages of stacks: too many to look through for those of clusters")))
    }

    async fn there(&self, spec: &ClusterSpec) -> Result<Stack, Error> {
        self.find(spec).await?.ok_or_else(|| Error::Gone(format!("the cloud has no stack of the cluster {}", spec.id)))
    }

    async fn make(&self, mark: &Mark, spec: &ClusterSpec) -> Result<Progress<Provisioned>, Error> {
        let Some(stack) = self.find(spec).await? else { return self.begin(mark, spec).await };
        if let (Some(Phase::Failed(reason)), true) = (stack.phase(), stack.is_of(mark)) {
            return Ok(Progress::Done(Provisioned { phase: Phase::Failed(reason), ..provisioned(&stack) }));
        }
        // What has failed for somebody else is led on from where it stands.
        Ok(match self.led(mark, stack, |_| Ok(Map::new())).await? {
            Found::Ready(stack) => Progress::Done(provisioned(&stack)),
            Found::Working => self.working(),
        })
    }

    /// Asks for a new stack. Its name is taken by another caller's, by one that is on its way out, or by somebody else's.
    async fn begin(&self, mark: &Mark, spec: &ClusterSpec) -> Result<Progress<Provisioned>, Error> {
        let name = name(spec);
        let body = parameters::creation(&name, &stack::tags(mark), spec, &self.api_cidr);
        let answer = self.cloud.ask(Method::POST, "/stacks", Some(&body)).await?;
        match answer.status.as_u16() {
            200..=202 => Ok(self.working()),
            409 if self.find(spec).await?.is_some() => Ok(self.working()),
            409 => match self.list(&format!("name={name}")).await?.first() {
                Some(foreign) if foreign.phase() != Some(Phase::Deleting) => {
                    Err(Error::Refused(format!("the cloud has a stack {name} that is not marked as this cluster's; it is left alone")))
                }
                _ => Err(self.busy(answer.message())),
            },
            _ => Err(refused(&answer)),
        }
    }

    /// Leads a stack to what `wanted` says is missing of it.
    async fn led(
        &self,
        mark: &Mark,
        stack: Stack,
        wanted: impl FnOnce(&Stack) -> Result<Map<String, Value>, Error>,
    ) -> Result<Found, Error> {
        let failed = match stack.phase() {
            Some(Phase::Working) => return Ok(Found::Working),
            Some(Phase::Failed(reason)) if stack.is_of(mark) => return Err(Error::Refused(reason)),
            Some(Phase::Failed(_)) => true,
            Some(Phase::Ready) => false,
            Some(Phase::Deleting) | None => return Err(Error::Gone(format!("the stack {} is being deleted", stack.name))),
        };
        let missing = wanted(&stack)?;
        if missing.is_empty() && !failed {
            return Ok(Found::Ready(stack));
        }
        let body = json!({"parameters": missing, "tags": stack::tags(mark), "disable_rollback": true});
        let answer = self.cloud.ask(Method::PATCH, &format!("/stacks/{}/{}", stack.name, stack.id), Some(&body)).await?;
        match answer.status.as_u16() {
            200..=202 => Ok(Found::Working),
            409 => Err(self.busy(answer.message())),
            _ => Err(refused(&answer)),
        }
    }

    /// The same for a call that gives nothing back.
    async fn lead(
        &self,
        mark: &Mark,
        spec: &ClusterSpec,
        wanted: impl FnOnce(&Stack) -> Result<Map<String, Value>, Error>,
    ) -> Result<Progress<()>, Error> {
        Ok(match self.led(mark, self.there(spec).await?, wanted).await? {
            Found::Ready(_) => Progress::Done(()),
            Found::Working => self.working(),
        })
    }

    async fn clear(&self, spec: &ClusterSpec) -> Result<Progress<()>, Error> {
        let Some(stack) = self.find(spec).await? else { return Ok(Progress::Done(())) };
        if stack.phase() == Some(Phase::Deleting) {
            return Ok(self.working());
        }
        let answer = self.cloud.ask(Method::DELETE, &format!("/stacks/{}/{}", stack.name, stack.id), None).await?;
        match answer.status.as_u16() {
            // It was not the first time, and why it did not work before is what people want to read.
            200..=204 if stack.status == "DELETE_FAILED" => Err(Error::Broken(stack.reason())),
            200..=204 | 404 => Ok(self.working()),
            409 => Err(self.busy(answer.message())),
            _ => Err(refused(&answer)),
        }
    }

    async fn machines(&self, spec: &ClusterSpec) -> Result<Vec<NodeSeen>, Error> {
        let stack = self.there(spec).await?;
        // An update that failed leaves machines, and those of them that are broken are to be replaced all the same.
        if stack.phase() != Some(Phase::Ready) && stack.status != "UPDATE_FAILED" {
            return Err(self.busy(stack.reason()));
        }
        let path = format!("/stacks/{}/{}/resources?nested_depth=2", stack.name, stack.id);
        let answer = self.cloud.ask(Method::GET, &path, None).await?;
        if answer.status.as_u16() != 200 {
            return Err(refused(&answer));
        }
        let resources: Vec<Value> = part(&answer, "/resources")?;
        let text = |row: &Value, key: &str| row.get(key).and_then(Value::as_str).map(str::to_owned);
        let broken: BTreeSet<String> = resources
            .iter()
            .filter(|row| text(row, "resource_status").is_some_and(|status| status.ends_with("_FAILED")))
            .filter_map(|row| text(row, "physical_resource_id"))
            .collect();
        let mut nodes: Vec<NodeSeen> = PARTS.iter().flat_map(|part| nodes(&stack, part, &broken)).collect();
        nodes.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(nodes)
    }
}

#[async_trait]
impl Provisioner for Heat {
    fn coes(&self) -> &[&'static str] {
        &["swarm"]
    }

    async fn look(&self, cluster: &ClusterSpec) -> Result<Option<Provisioned>, Error> {
        within(limit::LOOK, "show the stack", async { Ok(self.find(cluster).await?.map(|stack| provisioned(&stack))) }).await
    }

    async fn create(&self, mark: &Mark, cluster: &ClusterSpec) -> Result<Progress<Provisioned>, Error> {
        within(limit::PROVISION, "make the stack", self.make(mark, cluster)).await
    }

    async fn update(&self, mark: &Mark, cluster: &ClusterSpec) -> Result<Progress<Provisioned>, Error> {
        let update = async {
            let wanted = |stack: &Stack| Ok(parameters::missing(stack, parameters::sizes(cluster)));
            Ok(match self.led(mark, self.there(cluster).await?, wanted).await? {
                Found::Ready(stack) => Progress::Done(provisioned(&stack)),
                Found::Working => self.working(),
            })
        };
        within(limit::PROVISION, "change the stack", update).await
    }

    async fn delete(&self, _mark: &Mark, cluster: &ClusterSpec) -> Result<Progress<()>, Error> {
        within(limit::PROVISION, "delete the stack", self.clear(cluster)).await
    }

    async fn tagged(&self) -> Result<Vec<Tagged>, Error> {
        within(limit::LOOK, "list the stacks", self.all()).await
    }

    async fn nodes(&self, cluster: &ClusterSpec) -> Result<Option<Vec<NodeSeen>>, Error> {
        within(limit::LOOK, "show the machines", self.machines(cluster)).await.map(Some)
    }

    async fn remove_nodes(&self, mark: &Mark, cluster: &ClusterSpec, nodes: &[String]) -> Result<Progress<()>, Error> {
        within(limit::PROVISION, "remove machines", self.lead(mark, cluster, |stack| removal(stack, nodes))).await
    }

    async fn replace_node(&self, mark: &Mark, cluster: &ClusterSpec, node: &str) -> Result<Progress<()>, Error> {
        within(limit::PROVISION, "replace a machine", self.lead(mark, cluster, |stack| replacement(stack, node))).await
    }

    async fn upgrade(&self, mark: &Mark, cluster: &ClusterSpec, to: &TemplateWish, nodes: &[String]) -> Result<Progress<()>, Error> {
        within(limit::PROVISION, "upgrade machines", self.lead(mark, cluster, |stack| Ok(images(stack, to, nodes)))).await
    }
}

/// The stack's name; Heat wants a letter first and no more than 255 of a few characters.
fn name(spec: &ClusterSpec) -> String {
    format!("jeroboam-{}", spec.id)
}

/// Whether it may stand in a path.
fn is_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// A tag as it stands in a query.
fn encoded(tag: &str) -> String {
    tag.replace('=', "%3D")
}

/// Reads a part of an answer.
fn part<T: serde::de::DeserializeOwned>(answer: &Answer, pointer: &str) -> Result<T, Error> {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let value = body.pointer(pointer).cloned().unwrap_or_default();
    serde_json::from_value(value).map_err(|error| Error::Broken(format!("Heat's answer cannot be read at {pointer}: {error}")))
}

/// What there is of a cluster, by its stack.
fn provisioned(stack: &Stack) -> Provisioned {
    let addresses = |part: &Part| stack.by_number(part.addresses).into_values().collect::<Vec<_>>();
    let [masters, minions] = &PARTS;
    Provisioned {
        backend_id: stack.id.clone(),
        phase: stack.phase().unwrap_or(Phase::Deleting),
        api_address: stack.output("api_address").and_then(Value::as_str).map(str::to_owned),
        network: None,
        master_addresses: addresses(masters),
        node_addresses: addresses(minions),
        epoch: stack.epoch(),
    }
}

/// The machines of one group.
fn nodes(stack: &Stack, part: &Part, broken: &BTreeSet<String>) -> Vec<NodeSeen> {
    let (addresses, own, common) = (stack.by_number(part.addresses), stack.map(part.images), stack.parameter(part.image));
    let node = |(number, id): (u64, String)| NodeSeen {
        // Names sort as numbers do, up to a million.
        name: format!("{}-{number:06}", part.noun),
        address: addresses.get(&number).cloned(),
        image: own.get(&number.to_string()).cloned().or_else(|| common.clone()),
        group: Some(part.group.to_owned()),
        master: part.master,
        ready: !broken.contains(&id),
        external_id: id,
        ..NodeSeen::default()
    };
    stack.by_number(part.ids).into_iter().map(node).collect()
}

/// Those of these minions that are still there go, and the group is smaller by so many.
fn removal(stack: &Stack, nodes: &[String]) -> Result<Map<String, Value>, Error> {
    let [_, minions] = &PARTS;
    let there = stack.by_number(minions.ids);
    let go: Vec<&String> = there.values().filter(|id| nodes.contains(*id)).collect();
    if go.is_empty() {
        return Ok(Map::new());
    }
    let left = there.len().saturating_sub(go.len());
    Ok(Map::from_iter([(REMOVED.to_owned(), json!(go)), (MINIONS.to_owned(), json!(left))]))
}

/// This minion goes, and another one comes because the group's size stays.
fn replacement(stack: &Stack, node: &str) -> Result<Map<String, Value>, Error> {
    let [masters, minions] = &PARTS;
    if stack.by_number(masters.ids).values().any(|id| id == node) {
        return Err(Error::Refused("a master is not replaced: the others would have to take in another one".to_owned()));
    }
    let there = stack.by_number(minions.ids).values().any(|id| id == node);
    Ok(if there { Map::from_iter([(REMOVED.to_owned(), json!([node]))]) } else { Map::new() })
}

/// Images of single machines, or of machines to come. The latter is also of every machine without an image of its own: one that came after the
/// batches were counted is rebuilt with them.
fn images(stack: &Stack, to: &TemplateWish, nodes: &[String]) -> Map<String, Value> {
    if nodes.is_empty() {
        let all = PARTS.iter().map(|part| (part.image.to_owned(), json!(to.image_id)));
        return parameters::missing(stack, all.collect());
    }
    let mut wanted = Map::new();
    for part in &PARTS {
        let before = stack.map(part.images);
        let mut own = before.clone();
        let numbers = stack.by_number(part.ids).into_iter().filter(|(_, id)| nodes.contains(id));
        own.extend(numbers.map(|(number, _)| (number.to_string(), to.image_id.clone())));
        // Numbers never come again, so those of machines that are gone would be kept for ever. Of what failed not every machine may be shown.
        if own != before {
            let there = stack.by_number(part.ids);
            own.retain(|number, _| {
                stack.phase() != Some(Phase::Ready) || number.parse::<u64>().is_ok_and(|number| there.contains_key(&number))
            });
            wanted.insert(part.images.to_owned(), json!(own));
        }
    }
    wanted
}

/// Ends a call after its limit.
async fn within<T>(limit: Duration, what: &str, call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    match tokio::time::timeout(limit, call).await {
        Ok(result) => result,
        Err(_) => Err(Error::Timeout(format!("the cloud did not {what} within {} s", limit.as_secs()))),
    }
}
