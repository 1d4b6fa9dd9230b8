//! What must hold when everything is repaired and the cluster has come to rest.

use std::collections::{BTreeMap, BTreeSet};

use futures::FutureExt;
use jepsen::check::{index, operation, search, sets};
use model::{View, cluster::Cluster, container::Container, operation::Operation, ownership::Ownership, record, template::Template};
use raft::Role;

use crate::sim::world::World;

/// How long after its deadline an operation has ended at the latest, log time.
const GRACE_MS: u64 = 60_000;

/// One leader, everybody has applied everything, no operation is open, every cluster has an owner.
pub fn at_rest(world: &World) -> bool {
    let handles: Vec<_> = world.members.iter().filter_map(|slot| slot.handle()).collect();
    if handles.len() < world.members.len() {
        return false;
    }
    let statuses: Vec<_> = handles.iter().map(raft::Handle::status).collect();
    let leaders = statuses.iter().filter(|status| status.role == Role::Leader).count();
    let most = statuses.iter().map(|status| status.last_log).max().unwrap_or(0);
    if leaders != 1 || statuses.iter().any(|status| status.applied != most) {
        return false;
    }
    // A late create of a dead owner may leave an orphan until the present owner sweeps.
    handles.first().is_some_and(|handle| open_work(handle).is_ok_and(|open| open.is_empty()))
        && outside(world).is_ok_and(|wrong| wrong.is_empty())
}

/// Operations that are open and clusters without an owner, in words.
fn open_work(handle: &raft::Handle) -> Result<Vec<String>, String> {
    let view = view(handle)?;
    let fault = |fault: model::Fault| fault.to_string();
    let mut open: Vec<String> = record::all::<Operation>(&*view)
        .map_err(fault)?
        .into_iter()
        .filter(Operation::open)
        .map(|one| format!("{} {} {:?}", one.kind().word(), one.id, one.steps))
        .collect();
    for cluster in record::all::<Cluster>(&*view).map_err(fault)? {
        let owner: Option<Ownership> = record::get(&*view, cluster.id.bytes()).map_err(fault)?;
        if owner.and_then(|owner| owner.owner()).is_none() {
            open.push(format!("cluster {} has no owner", cluster.id));
        }
    }
    Ok(open)
}

/// The state of a member as it is now, read from outside its runtime.
pub(crate) fn view(handle: &raft::Handle) -> Result<raft::handle::SharedView, String> {
    let reading = handle.read(raft::Consistency::Stale, tokio::time::Instant::now()).now_or_never();
    match reading {
        Some(Ok(reading)) => Ok(reading.view),
        Some(Err(error)) => Err(error.to_string()),
        None => Err("a stale read waited".to_owned()),
    }
}

/// Where everybody stands: what a person wants to read when a run did not come to rest.
pub fn describe(world: &World) -> String {
    let mut text = String::new();
    for slot in world.members.iter() {
        let words = match slot.handle() {
            Some(handle) => {
                let status = handle.status();
                let mut open = open_work(&handle).unwrap_or_else(|error| vec![error]);
                open.extend(outside(world).unwrap_or_else(|error| vec![error]));
                format!(
                    "{} term {} leader {:?} applied {} of {}; open: {open:#?}",
                    status.role.as_str(),
                    status.term,
                    status.leader,
                    status.applied,
                    status.last_log
                )
            }
            None => "does not run".to_owned(),
        };
        text.push_str(&format!("{}: {words}\n", slot.name));
    }
    text
}

/// Judges the end.
///
/// # Errors
/// Everything that is wrong, in words.
pub fn judge(world: &World) -> Result<(), String> {
    let mut wrong = world.story.complaints();
    wrong.extend(same_digest(world));
    wrong.extend(whole_state(world)?);
    wrong.extend(history(world)?);
    wrong.extend(outside(world)?);
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

fn same_digest(world: &World) -> Vec<String> {
    let digests: Vec<_> = world.members.iter().filter_map(|slot| Some((slot.name.clone(), slot.handle()?.digest().ok()?))).collect();
    let distinct: BTreeSet<_> = digests.iter().map(|(_, digest)| digest.clone()).collect();
    if distinct.len() == 1 && digests.len() == world.members.len() {
        Vec::new()
    } else {
        vec![format!("members differ at rest: {digests:?}")]
    }
}

fn whole_state(world: &World) -> Result<Vec<String>, String> {
    let mut wrong = Vec::new();
    for slot in world.members.iter() {
        let handle = slot.handle().ok_or("a member does not run")?;
        for operation in record::all::<Operation>(&*view(&handle)?).map_err(|fault| fault.to_string())? {
            if operation.ended_ms.is_some_and(|ended| ended > operation.deadline_ms + GRACE_MS) {
                wrong.push(format!("{}: operation {} has ended too late", slot.name, operation.id));
            }
        }
        let found = model::check::check(&*view(&handle)?).map_err(|fault| fault.to_string())?;
        wrong.extend(found.into_iter().map(|sentence| format!("{}: {sentence}", slot.name)));
    }
    Ok(wrong)
}

/// The clients' history: linearizable by two checkers, nothing lost, nothing twice.
fn history(world: &World) -> Result<Vec<String>, String> {
    let events = world.story.events();
    let mut wrong: Vec<String> = index::check(&events).findings.iter().map(|finding| format!("{finding:?}")).collect();
    wrong.extend(search::check(&events).findings.iter().map(|finding| format!("{finding:?}")));
    let mut lists = BTreeMap::new();
    for slot in world.members.iter() {
        let handle = slot.handle().ok_or("a member does not run")?;
        lists.insert(slot.name.clone(), made(&*view(&handle)?)?);
    }
    wrong.extend(sets::check(&operation::pair(&events), &lists).findings.iter().map(|finding| format!("{finding:?}")));
    Ok(wrong)
}

/// The baymodels that clients made by name (registers have other names).
fn made(view: &dyn View) -> Result<Vec<sets::Listed>, String> {
    let templates = record::all::<Template>(view).map_err(|fault| fault.to_string())?;
    let made = templates.into_iter().filter(|template| template.wish.name.starts_with("made-"));
    Ok(made.map(|template| sets::Listed { name: template.wish.name.clone(), uuid: template.id.to_string() }).collect())
}

/// The outside world holds what the state says, each thing once, and no epoch ever took effect after a newer one's effect.
fn outside(world: &World) -> Result<Vec<String>, String> {
    let handle = world.members.first().and_then(|slot| slot.handle()).ok_or("the first member does not run")?;
    let view = view(&handle)?;
    let fault = |fault: model::Fault| fault.to_string();
    let clusters: BTreeSet<_> = record::all::<Cluster>(&*view).map_err(fault)?.into_iter().map(|cluster| cluster.id).collect();
    let containers: BTreeSet<_> = record::all::<Container>(&*view).map_err(fault)?.into_iter().map(|container| container.id).collect();
    let mut wrong = Vec::new();
    for id in world.cloud.containers().keys().filter(|id| !containers.contains(id)) {
        wrong.push(format!("container {id} is an orphan"));
    }
    let networks = world.cloud.networks();
    for cluster in networks.iter().filter(|cluster| !clusters.contains(cluster)) {
        wrong.push(format!("a network of the deleted cluster {cluster} is left"));
    }
    for cluster in &clusters {
        let count = networks.iter().filter(|owner| *owner == cluster).count();
        if count > 1 {
            wrong.push(format!("cluster {cluster} has {count} networks"));
        }
    }
    Ok(wrong)
}
