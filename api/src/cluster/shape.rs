//! What both vocabularies share: reading a patch, checking a name, columns to sort by.

use model::{
    cluster::{Cluster, Health},
    command::HealthReport,
};
use uuid::Uuid;

use super::operations::{Change, Whole};
use crate::{
    call::Call,
    decode::{Fields, Given, Object, Value, scalar},
    error::Error,
    page::{Key, Row},
    patch::{self, Rules},
    version,
};

/// The longest name.
pub(super) const NAME_MAX: usize = 242;

/// The greatest number of machines that is taken for one.
pub(super) const NODES_MAX: u32 = 100_000;

/// The greatest number of minutes.
pub(super) const MINUTES_MAX: u32 = 1_000_000;

/// A name of a cluster: a letter, then letters, digits, `_`, `.` and `-`. Empty where none was given.
pub(super) fn name(fields: &mut Fields) -> String {
    let name = fields.text_within("name", 1, NAME_MAX).or(String::new());
    let sound = name.chars().enumerate().all(|(at, char)| match at {
        0 => char.is_ascii_alphabetic(),
        _ => char.is_ascii_alphanumeric() || "_.-".contains(char),
    });
    if !sound {
        fields.complain("name must begin with a letter and hold letters, digits, underscores, dots and hyphens only");
    }
    name
}

/// How many masters: odd.
pub(super) fn master_count(fields: &mut Fields) -> u32 {
    let count = fields.integer("master_count", 1, NODES_MAX).or(model::defaults::MASTER_COUNT);
    if count.is_multiple_of(2) {
        fields.complain("master_count must be odd");
    }
    count
}

/// How a health is spelled on the wire.
pub(super) fn health_word(health: i32) -> &'static str {
    Health::try_from(health).unwrap_or(Health::Unknown).word()
}

/// Reads a health.
pub(super) fn health(fields: &mut Fields) -> Option<Health> {
    match fields.choice("health_status", &["HEALTHY", "UNHEALTHY", "UNKNOWN"]).some()?.as_str() {
        "HEALTHY" => Some(Health::Healthy),
        "UNHEALTHY" => Some(Health::Unhealthy),
        _ => Some(Health::Unknown),
    }
}

/// The parts of a document that may change.
pub(super) fn changeable(whole: &Whole) -> Object {
    let observed = whole.cluster.observed.as_ref();
    let reasons =
        observed.map(|observed| observed.health_reason.iter().map(|(key, value)| (key.clone(), Value::Text(value.clone()))).collect());
    vec![
        ("node_count".to_owned(), Value::Integer(whole.workers().into())),
        ("health_status".to_owned(), Value::text(observed.and_then(|observed| observed.health).map(health_word))),
        ("health_status_reason".to_owned(), Value::Map(reasons.unwrap_or_default())),
    ]
}

/// Reads a patch of a cluster whose other fields, under their names on the wire, are `fixed`.
pub(super) fn read_patch(call: &Call<'_>, whole: &Whole, fixed: Object, rules: &Rules, least: u32) -> Result<Change, Error> {
    if call.query.get("rollback").is_some() && call.version < version::ROLLBACK {
        return Err(Error::invalid("there is no query parameter rollback before version 1.3"));
    }
    call.query.flag("rollback")?;
    let mut named = Vec::new();
    let mut document = changeable(whole);
    document.extend(fixed.iter().cloned());
    let mut fields = patch::apply_noting(document, &call.body, rules, &mut named)?;
    let named = |name: &str| named.iter().any(|root| root == name);
    // A size that is not touched may be one that this version could not ask for.
    let least = if named("node_count") { least } else { 0 };
    let node_count = fields.integer("node_count", least, NODES_MAX).or(model::defaults::NODE_COUNT);
    let health = health(&mut fields);
    let reason = fields.dictionary("health_status_reason").some();
    for (name, before) in fixed {
        let after = fields.take(&name);
        if !same(&before, &after) {
            fields.complain(format!("{name} cannot be changed; only node_count, health_status and health_status_reason can"));
        }
    }
    fields.finish()?;
    let report = HealthReport {
        health: health.filter(|_| named("health_status")).map(i32::from),
        has_reason: named("health_status_reason"),
        reason: reason.filter(|_| named("health_status_reason")).unwrap_or_default(),
    };
    Ok(Change {
        node_count: named("node_count").then_some(node_count),
        health: (report.health.is_some() || report.has_reason).then_some(report),
    })
}

/// Whether a patched value is the one that was there, however it is dressed.
fn same(before: &Value, after: &Given<Value>) -> bool {
    match (before, after) {
        (Value::Null, Given::Absent | Given::Null) => true,
        (Value::Integer(before), Given::Set(after)) => scalar::integer(after) == Some(*before),
        (Value::Bool(before), Given::Set(after)) => scalar::boolean(after) == Some(*before),
        (before, Given::Set(after)) => before == after,
        (Value::Map(entries), Given::Absent | Given::Null) => entries.is_empty(),
        _ => false,
    }
}

impl Row for Cluster {
    fn serial(&self) -> u64 {
        self.serial
    }
    fn uuid(&self) -> Uuid {
        self.id.uuid()
    }
    fn column(&self, name: &str) -> Option<Key> {
        let wanted = &self.wanted;
        let text = |text: &Option<String>| Key::from(text.as_deref());
        Some(match name {
            "uuid" => Key::Text(self.id.to_string()),
            "name" => Key::from(wanted.name.as_str()),
            "status" => Key::from(self.status().word()),
            "status_reason" => text(&self.status_reason),
            "cluster_template_id" => Key::Text(self.template_id.to_string()),
            "keypair" => text(&wanted.keypair),
            "flavor_id" => text(&wanted.flavor_id),
            "master_flavor_id" => text(&wanted.master_flavor_id),
            "docker_volume_size" => Key::from(wanted.docker_volume_size.map(u64::from)),
            "create_timeout" => Key::from(wanted.create_timeout.map(u64::from)),
            "discovery_url" => text(&wanted.discovery_url),
            "fixed_network" => text(&wanted.fixed_network),
            "project_id" => Key::from(self.project_id.as_str()),
            "user_id" => Key::from(self.user_id.as_str()),
            "created_at" => Key::Number(self.created_ms),
            "updated_at" => Key::from(self.updated_ms),
            _ => return None,
        })
    }
}
