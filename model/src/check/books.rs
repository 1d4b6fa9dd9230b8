//! Counters and counts say what is there; what was remembered belongs to somebody.

use std::collections::BTreeMap;

use super::indexes::serials;
use crate::{
    cluster::Cluster,
    event::Event,
    member::Member,
    meta::Meta,
    quota::{Quota, USAGE, Usage},
    record,
    remember::{ORIGIN_WINDOW, RememberedKey, RememberedProposal, key::KeyCount},
    sink::{self, Sink},
    tables::{Fault, KeyRange, View, Visit, table},
    version,
};

pub(super) fn check(view: &(impl View + ?Sized), wrong: &mut Vec<String>) -> Result<(), Fault> {
    let meta = Meta::read(view)?;
    let members: Vec<Member> = record::all(view)?;
    serials("member", meta.members, members.iter().map(|member| member.number), wrong);
    for member in members.iter().filter(|member| member.version_max.max(version::FIRST) < version::of(&meta)) {
        wrong.push(format!("member {} cannot follow cluster version {}", member.number, version::of(&meta)));
    }
    let quotas: Vec<Quota> = record::all(view)?;
    serials("quota", meta.quotas, quotas.iter().map(|quota| quota.serial), wrong);
    events(view, &meta, wrong)?;
    keys(view, &meta, wrong)?;
    usages(view, wrong)?;
    for held in record::all::<RememberedProposal>(view)? {
        let removed = held.member <= meta.members && !members.iter().any(|member| member.number == held.member);
        if removed || held.outcome.is_none() {
            wrong.push(format!("proposal {} of member {} is remembered in vain", held.sequence % ORIGIN_WINDOW, held.member));
        }
    }
    Ok(())
}

fn events(view: &(impl View + ?Sized), meta: &Meta, wrong: &mut Vec<String>) -> Result<(), Fault> {
    let events: Vec<Event> = record::all(view)?;
    if u64::try_from(events.len()) != Ok(meta.events) {
        wrong.push(format!("there are {} events, {} are counted", events.len(), meta.events));
    }
    if events.first().is_some_and(|event| event.index < meta.event_floor) {
        wrong.push(format!("there are events below the floor {}", meta.event_floor));
    }
    let serials: Vec<u64> = events.iter().map(|event| event.serial).filter(|serial| *serial != 0).collect();
    if serials.windows(2).any(|pair| matches!(pair, [one, two] if one.saturating_add(1) != *two))
        || serials.last().is_some_and(|last| *last != meta.event_serial)
    {
        wrong.push(format!("the serials of events have a gap, or do not end with {}", meta.event_serial));
    }
    sinks(view, meta, &events, wrong)
}

/// A sink has still to be given exactly what lies behind its cursor.
fn sinks(view: &(impl View + ?Sized), meta: &Meta, events: &[Event], wrong: &mut Vec<String>) -> Result<(), Fault> {
    let sinks: Vec<Sink> = record::all(view)?;
    if meta.sinks_low != sinks.iter().map(|sink| sink.cursor).min() {
        wrong.push(format!("the lowest cursor of the sinks is not {:?}", meta.sinks_low));
    }
    for sink in &sinks {
        let behind = events.iter().filter(|event| event.index > sink.cursor && event.serial != 0).count();
        if u64::try_from(behind) != Ok(sink::query::lag(meta, sink)) || sink.cursor < meta.event_floor {
            wrong.push(format!("sink {} has {behind} events before it, not {}", sink.name, sink::query::lag(meta, sink)));
        }
    }
    Ok(())
}

/// Of each project as many clusters are counted as it has.
fn usages(view: &(impl View + ?Sized), wrong: &mut Vec<String>) -> Result<(), Fault> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for cluster in record::all::<Cluster>(view)? {
        *counts.entry(cluster.project_id).or_default() += 1;
    }
    let mut fault = None;
    view.scan(KeyRange::prefix(&[table::META, USAGE]), &mut |key, value| match record::decode::<Usage>(key, value) {
        Ok(usage) => {
            let there = counts.remove(&usage.project_id).unwrap_or_default();
            if there != usage.clusters || there == 0 {
                wrong.push(format!("project {} has {there} clusters, {} are counted", usage.project_id, usage.clusters));
            }
            Visit::Continue
        }
        Err(error) => {
            fault = Some(error);
            Visit::Stop
        }
    })?;
    wrong.extend(counts.keys().map(|project| format!("the clusters of project {project} are not counted")));
    fault.map_or(Ok(()), Err)
}

fn keys(view: &(impl View + ?Sized), meta: &Meta, wrong: &mut Vec<String>) -> Result<(), Fault> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for held in record::all::<RememberedKey>(view)? {
        *counts.entry(held.project_id.clone()).or_default() += 1;
        let floor = KeyCount::read(view, &held.project_id)?.floor_ms.max(meta.key_floor_ms);
        if held.expires_ms < floor {
            wrong.push(format!("key {} of project {} would never be found to expire", held.key, held.project_id));
        }
    }
    let mut fault = None;
    view.scan(KeyRange::prefix(&[table::META, b'k']), &mut |key, value| match record::decode::<KeyCount>(key, value) {
        Ok(count) => {
            let there = counts.remove(&count.project_id).unwrap_or_default();
            if there != count.count {
                wrong.push(format!("project {} has {there} remembered keys, {} are counted", count.project_id, count.count));
            }
            Visit::Continue
        }
        Err(error) => {
            fault = Some(error);
            Visit::Stop
        }
    })?;
    wrong.extend(counts.keys().map(|project| format!("the remembered keys of project {project} are not counted")));
    fault.map_or(Ok(()), Err)
}
