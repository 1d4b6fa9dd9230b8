//! Records stand under their own keys, index rows are exactly those of the records, and there is nothing else.

use std::collections::BTreeMap;

use crate::{
    cluster::Cluster,
    container::Container,
    event::Event,
    member::Member,
    node::Node,
    nodegroup::NodeGroup,
    operation::Operation,
    ownership::Ownership,
    quota::Quota,
    record::{self, Record, index_rows, whole_key},
    remember::{RememberedKey, RememberedProposal},
    sink::Sink,
    tables::{Fault, KeyRange, View, Visit, table},
    template::Template,
};

pub(super) fn check(view: &(impl View + ?Sized), wrong: &mut Vec<String>) -> Result<(), Fault> {
    let mut rows = BTreeMap::new();
    keyed::<Cluster>(view, &mut rows, wrong)?;
    keyed::<Container>(view, &mut rows, wrong)?;
    keyed::<Event>(view, &mut rows, wrong)?;
    keyed::<Member>(view, &mut rows, wrong)?;
    keyed::<Node>(view, &mut rows, wrong)?;
    keyed::<NodeGroup>(view, &mut rows, wrong)?;
    keyed::<Operation>(view, &mut rows, wrong)?;
    keyed::<Ownership>(view, &mut rows, wrong)?;
    keyed::<Quota>(view, &mut rows, wrong)?;
    keyed::<RememberedKey>(view, &mut rows, wrong)?;
    keyed::<RememberedProposal>(view, &mut rows, wrong)?;
    keyed::<Sink>(view, &mut rows, wrong)?;
    keyed::<Template>(view, &mut rows, wrong)?;
    view.scan(KeyRange::prefix(&[table::INDEX]), &mut |row, value| {
        match rows.remove(row) {
            None => wrong.push(format!("index row {row:?} belongs to no record")),
            Some(covered) if covered != value => wrong.push(format!("index row {row:?} does not say what its record says")),
            Some(_) => {}
        }
        Visit::Continue
    })?;
    wrong.extend(rows.keys().map(|row| format!("index row {row:?} is missing")));
    known_tables(view, wrong)
}

/// Every record of a table under its own key; gathers its index rows.
fn keyed<R: Record>(view: &(impl View + ?Sized), rows: &mut BTreeMap<Vec<u8>, Vec<u8>>, wrong: &mut Vec<String>) -> Result<(), Fault> {
    let mut fault = None;
    view.scan(KeyRange::prefix(&[R::TABLE]), &mut |key, value| match record::decode::<R>(key, value) {
        Ok(record) => {
            if whole_key(R::TABLE, &record.key()) != key {
                wrong.push(format!("the record under {key:?} has another key"));
            }
            rows.extend(index_rows(&record).into_iter().map(|row| (row, record.covered())));
            Visit::Continue
        }
        Err(error) => {
            fault = Some(error);
            Visit::Stop
        }
    })?;
    fault.map_or(Ok(()), Err)
}

fn known_tables(view: &(impl View + ?Sized), wrong: &mut Vec<String>) -> Result<(), Fault> {
    const TABLES: [u8; 15] = [
        table::CLUSTER,
        table::CONTAINER,
        table::EVENT,
        table::IDEMPOTENCY,
        table::INDEX,
        table::MEMBER,
        table::META,
        table::NODE,
        table::NODE_GROUP,
        table::OPERATION,
        table::ORIGIN,
        table::OWNERSHIP,
        table::QUOTA,
        table::SINK,
        table::TEMPLATE,
    ];
    let everything = KeyRange { start: Vec::new(), end: vec![0xff; 2], reverse: false };
    view.scan(everything, &mut |key, _| {
        if !key.first().is_some_and(|first| TABLES.contains(first)) {
            wrong.push(format!("the key {key:?} is in no table"));
        }
        Visit::Continue
    })
}

/// Serials of one kind are different, and none is beyond its counter.
pub(super) fn serials(kind: &str, counter: u64, serials: impl Iterator<Item = u64>, wrong: &mut Vec<String>) {
    let mut seen = BTreeMap::new();
    for serial in serials {
        *seen.entry(serial).or_insert(0_u32) += 1;
    }
    for (serial, times) in seen {
        if times > 1 || serial == 0 || serial > counter {
            wrong.push(format!("serial {serial} of a {kind} is there {times} times, the counter is at {counter}"));
        }
    }
}
