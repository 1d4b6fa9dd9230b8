//! Clusters in the vocabulary of 2014: `/v1/bays`.
//!
//! At version 1.1 (and without a version) a bay is made and changed synchronously: 201 and 200 with the whole bay. From 1.2 on the answer
//! is 202 with its id, as for clusters.

use std::collections::BTreeMap;

use http::StatusCode;
use model::{Class, defaults};
use serde::{Serialize, Serializer, ser::SerializeMap};

/// `DELETE /v1/bays/{bay}`
pub(crate) use super::current::delete;
use super::{
    actions::accepted,
    current,
    operations::{self, Asked, Changed, Whole},
    shape,
};
use crate::{
    call::Call,
    decode::{Fields, Given, Object, Value},
    error::Error,
    link,
    patch::Rules,
    reply::Reply,
    time::Shown,
    version,
};

const COLLECTION: &str = "bays";

/// Fields only the server sets.
const READ_ONLY: [&str; 11] = [
    "stack_id",
    "api_address",
    "coe_version",
    "container_version",
    "project_id",
    "user_id",
    "node_addresses",
    "master_addresses",
    "links",
    "created_at",
    "updated_at",
];

const PATCH: Rules = Rules {
    internal: &[
        "api_address",
        "node_addresses",
        "master_addresses",
        "stack_id",
        "trust_id",
        "trustee_user_name",
        "trustee_password",
        "trustee_user_id",
        // A classic object has no health.
        "health_status",
        "health_status_reason",
    ],
    fixed: &["baymodel_id"],
    dictionaries: &["labels"],
};

#[derive(Clone, Copy)]
struct Shape<'a> {
    whole: &'a Whole,
    base: &'a str,
    faults: bool,
}

impl Shape<'_> {
    /// What lists show.
    fn write_trimmed<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let cluster = &self.whole.cluster;
        let counts = self.whole.counts;
        map.serialize_entry("uuid", &cluster.id.uuid())?;
        map.serialize_entry("name", &cluster.wanted.name)?;
        map.serialize_entry("baymodel_id", &cluster.template_id.uuid())?;
        map.serialize_entry("node_count", &counts.nodes)?;
        map.serialize_entry("master_count", &counts.masters)?;
        map.serialize_entry("bay_create_timeout", &cluster.wanted.create_timeout)?;
        map.serialize_entry("links", &link::links(self.base, COLLECTION, cluster.id))?;
        map.serialize_entry("stack_id", &cluster.observed.as_ref().and_then(|observed| observed.backend_id.as_deref()))?;
        map.serialize_entry("status", cluster.status().word())
    }

    /// What a bay shows beyond lists.
    fn write_rest<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let cluster = &self.whole.cluster;
        let wanted = &cluster.wanted;
        let observed = cluster.observed.clone().unwrap_or_default();
        map.serialize_entry("status_reason", &cluster.status_reason)?;
        map.serialize_entry("discovery_url", &wanted.discovery_url)?;
        map.serialize_entry("api_address", &observed.api_address)?;
        map.serialize_entry("node_addresses", &observed.node_addresses)?;
        map.serialize_entry("master_addresses", &observed.master_addresses)?;
        map.serialize_entry("coe_version", &observed.coe_version)?;
        map.serialize_entry("container_version", &observed.container_version)?;
        map.serialize_entry("labels", &wanted.labels)?;
        map.serialize_entry("docker_volume_size", &wanted.docker_volume_size)?;
        map.serialize_entry("flavor_id", &wanted.flavor_id)?;
        map.serialize_entry("master_flavor_id", &wanted.master_flavor_id)?;
        map.serialize_entry("fixed_network", &wanted.fixed_network)?;
        map.serialize_entry("fixed_subnet", &wanted.fixed_subnet)?;
        map.serialize_entry("floating_ip_enabled", &wanted.floating_ip_enabled)?;
        map.serialize_entry("master_lb_enabled", &wanted.master_lb_enabled)?;
        map.serialize_entry("created_at", &Shown(cluster.created_ms))?;
        map.serialize_entry("updated_at", &cluster.updated_ms.map(Shown))?;
        if self.faults && cluster.status().failed() {
            map.serialize_entry("bay_faults", &current::faults(self.whole))?;
        }
        Ok(())
    }
}

impl Serialize for Shape<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.write_trimmed(&mut map)?;
        self.write_rest(&mut map)?;
        map.end()
    }
}

struct Trimmed<'a>(Shape<'a>);

impl Serialize for Trimmed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.0.write_trimmed(&mut map)?;
        map.end()
    }
}

fn shape<'a>(call: &'a Call<'_>, whole: &'a Whole, faults: bool) -> Shape<'a> {
    Shape { whole, base: &call.base, faults }
}

/// The whole bay, or from 1.2 on its id.
fn answered(call: &Call<'_>, status: StatusCode, changed: &Changed) -> Result<Reply, Error> {
    if call.version >= version::ASYNCHRONOUS_BAYS {
        return accepted(changed);
    }
    let reply = Reply::json(status, &shape(call, &changed.whole, false))?;
    Ok(reply.revision(changed.whole.cluster.revision).replayed(changed.replayed))
}

/// `GET /v1/bays`
pub(crate) async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    let (wholes, wanted) = operations::list(call, "cluster:get_all", false).await?;
    wanted.reply(call, COLLECTION, &wholes, |whole| Trimmed(shape(call, whole, false)))
}

/// `GET /v1/bays/detail`
pub(crate) async fn detail(call: &Call<'_>) -> Result<Reply, Error> {
    let (wholes, wanted) = operations::list(call, "cluster:detail", true).await?;
    wanted.reply(call, COLLECTION, &wholes, |whole| shape(call, whole, false))
}

/// `GET /v1/bays/{bay}`
pub(crate) async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    let whole = operations::show(call, call.param(0)).await?;
    Ok(Reply::ok(&shape(call, &whole, true))?.revision(whole.cluster.revision))
}

fn read(fields: &mut Fields) -> Asked {
    fields.read_only(&READ_ONLY);
    fields.ignore(&["uuid", "status", "status_reason", "bay_faults"]);
    Asked {
        name: shape::name(fields),
        template: fields.required("baymodel_id"),
        keypair: None,
        node_count: fields.integer("node_count", 1, shape::NODES_MAX).or(defaults::NODE_COUNT),
        master_count: shape::master_count(fields),
        docker_volume_size: fields.integer("docker_volume_size", 1, i32::MAX.unsigned_abs()).some(),
        labels: fields.dictionary("labels").or(BTreeMap::new()),
        merge_labels: false,
        flavor_id: fields.text("flavor_id").some(),
        master_flavor_id: fields.text("master_flavor_id").some(),
        create_timeout: match fields.integer("bay_create_timeout", 0, shape::MINUTES_MAX) {
            Given::Absent => Some(defaults::CLASSIC_CREATE_TIMEOUT_MIN),
            Given::Null => None,
            Given::Set(minutes) => Some(minutes),
        },
        discovery_url: fields.text("discovery_url").some(),
        fixed_network: fields.text("fixed_network").some(),
        fixed_subnet: fields.text("fixed_subnet").some(),
        floating_ip_enabled: fields.boolean("floating_ip_enabled"),
        master_lb_enabled: fields.boolean("master_lb_enabled"),
    }
}

/// `POST /v1/bays`
pub(crate) async fn create(call: &Call<'_>) -> Result<Reply, Error> {
    let mut fields = call.fields()?;
    let asked = read(&mut fields);
    fields.finish()?;
    let made = operations::create(call, asked, Class::Invalid).await?;
    let reply = answered(call, StatusCode::CREATED, &made)?;
    if call.version < version::ASYNCHRONOUS_BAYS {
        return Ok(reply.location(&link::href(&call.base, COLLECTION, made.whole.cluster.id)));
    }
    Ok(reply)
}

/// Everything a patch may name and not change.
fn fixed(whole: &Whole) -> Object {
    let wanted = &whole.cluster.wanted;
    let labels = wanted.labels.iter().map(|(key, value)| (key.clone(), Value::Text(value.clone()))).collect();
    let fields = [
        ("name", Value::Text(wanted.name.clone())),
        ("baymodel_id", Value::Text(whole.cluster.template_id.to_string())),
        ("master_count", Value::Integer(whole.counts.masters.into())),
        ("bay_create_timeout", Value::number(wanted.create_timeout)),
        ("discovery_url", Value::text(wanted.discovery_url.as_deref())),
        ("labels", Value::Map(labels)),
        ("status", Value::Text(whole.cluster.status().word().to_owned())),
        ("status_reason", Value::text(whole.cluster.status_reason.as_deref())),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// `PATCH /v1/bays/{bay}`
pub(crate) async fn update(call: &Call<'_>) -> Result<Reply, Error> {
    let read = |whole: &Whole| shape::read_patch(call, whole, fixed(whole), &PATCH, 1);
    let changed = operations::update(call, call.param(0), read).await?;
    answered(call, StatusCode::OK, &changed)
}
