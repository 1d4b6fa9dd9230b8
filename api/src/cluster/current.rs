//! Clusters in today's vocabulary: `/v1/clusters`.

use std::collections::BTreeMap;

use model::{Class, defaults};
use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{
    actions::accepted,
    operations::{self, Asked, Whole},
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
    version::{self, Version},
};

const COLLECTION: &str = "clusters";

/// Fields only the server sets.
const READ_ONLY: [&str; 12] = [
    "stack_id",
    "cluster_id",
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
    internal: &["api_address", "node_addresses", "master_addresses", "stack_id", "cluster_id"],
    fixed: &["cluster_template_id"],
    dictionaries: &["health_status_reason", "labels"],
};

#[derive(Clone, Copy)]
struct Shape<'a> {
    whole: &'a Whole,
    base: &'a str,
    version: Version,
    faults: bool,
}

impl Shape<'_> {
    /// What lists show.
    fn write_trimmed<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let cluster = &self.whole.cluster;
        let (wanted, counts) = (&cluster.wanted, self.whole.counts);
        let observed = cluster.observed.as_ref();
        map.serialize_entry("uuid", &cluster.id.uuid())?;
        map.serialize_entry("name", &wanted.name)?;
        map.serialize_entry("cluster_template_id", &cluster.template_id.uuid())?;
        map.serialize_entry("keypair", &wanted.keypair)?;
        map.serialize_entry("node_count", &counts.nodes)?;
        map.serialize_entry("master_count", &counts.masters)?;
        map.serialize_entry("docker_volume_size", &wanted.docker_volume_size)?;
        map.serialize_entry("labels", &wanted.labels)?;
        map.serialize_entry("master_flavor_id", &wanted.master_flavor_id)?;
        map.serialize_entry("flavor_id", &wanted.flavor_id)?;
        map.serialize_entry("create_timeout", &wanted.create_timeout)?;
        map.serialize_entry("links", &link::links(self.base, COLLECTION, cluster.id))?;
        let backend = if self.version >= version::BACKEND_AS_CLUSTER_ID { "cluster_id" } else { "stack_id" };
        map.serialize_entry(backend, &observed.and_then(|observed| observed.backend_id.as_deref()))?;
        map.serialize_entry("status", cluster.status().word())?;
        map.serialize_entry("health_status", &observed.and_then(|observed| observed.health).map(shape::health_word))?;
        // Echoed like this by the original, whatever was asked for.
        map.serialize_entry("merge_labels", &false)
    }

    /// What a cluster shows beyond lists.
    fn write_rest<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let cluster = &self.whole.cluster;
        let wanted = &cluster.wanted;
        let observed = cluster.observed.clone().unwrap_or_default();
        map.serialize_entry("status_reason", &cluster.status_reason)?;
        map.serialize_entry("health_status_reason", &observed.health_reason)?;
        map.serialize_entry("discovery_url", &wanted.discovery_url)?;
        map.serialize_entry("api_address", &observed.api_address)?;
        map.serialize_entry("coe_version", &observed.coe_version)?;
        map.serialize_entry("container_version", &observed.container_version)?;
        map.serialize_entry("project_id", &cluster.project_id)?;
        map.serialize_entry("user_id", &cluster.user_id)?;
        map.serialize_entry("node_addresses", &observed.node_addresses)?;
        map.serialize_entry("master_addresses", &observed.master_addresses)?;
        map.serialize_entry("fixed_network", &wanted.fixed_network)?;
        map.serialize_entry("fixed_subnet", &wanted.fixed_subnet)?;
        map.serialize_entry("floating_ip_enabled", &wanted.floating_ip_enabled)?;
        map.serialize_entry("master_lb_enabled", &wanted.master_lb_enabled)?;
        self.write_labels(map)?;
        map.serialize_entry("created_at", &Shown(cluster.created_ms))?;
        map.serialize_entry("updated_at", &cluster.updated_ms.map(Shown))?;
        if self.faults && cluster.status().failed() {
            map.serialize_entry("faults", &faults(self.whole))?;
        }
        Ok(())
    }

    /// How its labels differ from its template's.
    fn write_labels<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let (parent, own) = (&self.whole.inherited, &self.whole.cluster.wanted.labels);
        let overridden: BTreeMap<_, _> = parent.iter().filter(|(key, value)| own.get(*key).is_some_and(|own| own != *value)).collect();
        let added: BTreeMap<_, _> = own.iter().filter(|(key, _)| !parent.contains_key(*key)).collect();
        let skipped: BTreeMap<_, _> = parent.iter().filter(|(key, _)| !own.contains_key(*key)).collect();
        map.serialize_entry("labels_overridden", &overridden)?;
        map.serialize_entry("labels_added", &added)?;
        map.serialize_entry("labels_skipped", &skipped)
    }
}

/// Why it failed, by node group.
pub(super) fn faults(whole: &Whole) -> BTreeMap<&str, &str> {
    let failed = whole.groups.iter().filter(|group| group.status().failed());
    failed.map(|group| (group.name.as_str(), group.status_reason.as_deref().unwrap_or_default())).collect()
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
    Shape { whole, base: &call.base, version: call.version, faults }
}

/// `GET /v1/clusters`
pub(crate) async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    let (wholes, wanted) = operations::list(call, "cluster:get_all", false).await?;
    wanted.reply(call, COLLECTION, &wholes, |whole| Trimmed(shape(call, whole, false)))
}

/// `GET /v1/clusters/detail`
pub(crate) async fn detail(call: &Call<'_>) -> Result<Reply, Error> {
    let (wholes, wanted) = operations::list(call, "cluster:detail", true).await?;
    wanted.reply(call, COLLECTION, &wholes, |whole| shape(call, whole, false))
}

/// `GET /v1/clusters/{cluster}`
pub(crate) async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    let whole = operations::show(call, call.param(0)).await?;
    Ok(Reply::ok(&shape(call, &whole, true))?.revision(whole.cluster.revision))
}

/// The smallest size at this version.
fn least(version: Version) -> u32 {
    u32::from(version < version::ZERO_NODES)
}

fn read(fields: &mut Fields, version: Version) -> Asked {
    fields.read_only(&READ_ONLY);
    shape::health(fields);
    fields.dictionary("health_status_reason");
    fields.ignore(&["uuid", "status", "status_reason", "faults", "labels_overridden", "labels_added", "labels_skipped"]);
    Asked {
        name: shape::name(fields),
        template: fields.required("cluster_template_id"),
        keypair: fields.text("keypair").some(),
        node_count: fields.integer("node_count", least(version), shape::NODES_MAX).or(defaults::NODE_COUNT),
        master_count: shape::master_count(fields),
        docker_volume_size: fields.integer("docker_volume_size", 1, i32::MAX.unsigned_abs()).some(),
        labels: fields.dictionary("labels").or(BTreeMap::new()),
        merge_labels: fields.boolean("merge_labels").or(false),
        flavor_id: fields.text("flavor_id").some(),
        master_flavor_id: fields.text("master_flavor_id").some(),
        create_timeout: match fields.integer("create_timeout", 0, shape::MINUTES_MAX) {
            Given::Absent => Some(defaults::CREATE_TIMEOUT_MIN),
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

/// `POST /v1/clusters`
pub(crate) async fn create(call: &Call<'_>) -> Result<Reply, Error> {
    let mut fields = call.fields()?;
    let asked = read(&mut fields, call.version);
    fields.finish()?;
    // Before 1.10 a template that is not there is a wrong request.
    let missing = if call.version < version::ZERO_NODES { Class::Invalid } else { Class::Missing };
    let made = operations::create(call, asked, missing).await?;
    accepted(&made)
}

/// Everything a patch may name and not change.
fn fixed(whole: &Whole) -> Object {
    let wanted = &whole.cluster.wanted;
    let text = |text: &Option<String>| Value::text(text.as_deref());
    let labels = wanted.labels.iter().map(|(key, value)| (key.clone(), Value::Text(value.clone()))).collect();
    let fields = [
        ("name", Value::Text(wanted.name.clone())),
        ("cluster_template_id", Value::Text(whole.cluster.template_id.to_string())),
        ("keypair", text(&wanted.keypair)),
        ("master_count", Value::Integer(whole.counts.masters.into())),
        ("docker_volume_size", Value::number(wanted.docker_volume_size)),
        ("labels", Value::Map(labels)),
        ("master_flavor_id", text(&wanted.master_flavor_id)),
        ("flavor_id", text(&wanted.flavor_id)),
        ("create_timeout", Value::number(wanted.create_timeout)),
        ("discovery_url", text(&wanted.discovery_url)),
        ("fixed_network", text(&wanted.fixed_network)),
        ("fixed_subnet", text(&wanted.fixed_subnet)),
        ("floating_ip_enabled", Value::Bool(wanted.floating_ip_enabled)),
        ("master_lb_enabled", Value::Bool(wanted.master_lb_enabled)),
        ("merge_labels", Value::Bool(false)),
        ("status", Value::Text(whole.cluster.status().word().to_owned())),
        ("status_reason", text(&whole.cluster.status_reason)),
        ("coe_version", Value::Null),
        ("container_version", Value::Null),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// `PATCH /v1/clusters/{cluster}`
pub(crate) async fn update(call: &Call<'_>) -> Result<Reply, Error> {
    let read = |whole: &Whole| shape::read_patch(call, whole, fixed(whole), &PATCH, least(call.version));
    accepted(&operations::update(call, call.param(0), read).await?)
}

/// `DELETE /v1/clusters/{cluster}`: nothing is shown, so that it serves the other vocabulary, too.
pub(crate) async fn delete(call: &Call<'_>) -> Result<Reply, Error> {
    let replayed = operations::delete(call, call.param(0)).await?;
    Ok(Reply::nothing().replayed(replayed))
}
