//! The fields both vocabularies share: read from JSON, laid out for a patch, written as JSON.

use model::{
    defaults,
    template::{Template, TemplateWish},
};
use serde::ser::SerializeMap;
use uuid::Uuid;

use crate::{
    decode::{self, Fields, Given, Object, Value},
    error::Error,
    link::Link,
    page::{Key, Row},
    patch::{self, Rules},
    time::Shown,
};

/// What a client asks for when it makes a template.
#[derive(Debug)]
pub(super) struct Asked {
    /// The id, if the client chose one.
    pub(super) id: Option<Uuid>,
    /// The name is empty where none was given.
    pub(super) wish: TemplateWish,
}

/// Fields only the server sets.
const READ_ONLY: [&str; 5] = ["project_id", "user_id", "links", "created_at", "updated_at"];

/// What a patch may touch.
const PATCH: Rules = Rules {
    internal: &[],
    fixed: &[
        "coe",
        "image_id",
        "external_network_id",
        "network_driver",
        "cluster_distro",
        "registry_enabled",
        "tls_disabled",
        "public",
        "hidden",
        "server_type",
    ],
    dictionaries: &["labels"],
};

/// Reads a new template.
///
/// # Errors
/// 400 for what makes no sense.
pub(super) fn read_new(body: &[u8]) -> Result<Asked, Error> {
    let mut fields = decode::object(body)?;
    fields.read_only(&READ_ONLY);
    let id = match fields.text("uuid") {
        Given::Set(text) => {
            let id = Uuid::try_parse(&text).ok().filter(|id| !id.is_nil());
            if id.is_none() {
                fields.complain("uuid must be a UUID");
            }
            id
        }
        Given::Absent | Given::Null => None,
    };
    let asked = Asked { id, wish: read(&mut fields) };
    fields.finish()?;
    Ok(asked)
}

/// Reads a patch of a template.
///
/// # Errors
/// 400 for what makes no sense.
pub(super) fn read_patch(wish: &TemplateWish, body: &[u8]) -> Result<TemplateWish, Error> {
    let mut fields = patch::apply(document(wish), body, &PATCH)?;
    let wish = read(&mut fields);
    fields.finish()?;
    Ok(wish)
}

/// Reads the fields of a template's wish, new or patched.
fn read(fields: &mut Fields) -> TemplateWish {
    let coe = {
        let there = fields.has("coe");
        let given = fields.choice("coe", &defaults::COES);
        fields.mandatory("coe", given, there)
    };
    let wish = TemplateWish {
        name: fields.text("name").or(String::new()),
        image_id: fields.required("image_id"),
        flavor_id: fields.text("flavor_id").some(),
        master_flavor_id: fields.text("master_flavor_id").some(),
        dns_nameserver: nameservers(fields),
        keypair_id: fields.text("keypair_id").some(),
        external_network_id: fields.text("external_network_id").some(),
        fixed_network: fields.text("fixed_network").some(),
        fixed_subnet: fields.text("fixed_subnet").some(),
        network_driver: network_driver(fields, &coe),
        apiserver_port: fields.integer("apiserver_port", 1024, 65_535).some(),
        docker_volume_size: fields.integer("docker_volume_size", 1, i32::MAX.unsigned_abs()).some(),
        cluster_distro: fields.text("cluster_distro").some(),
        http_proxy: fields.text("http_proxy").some(),
        https_proxy: fields.text("https_proxy").some(),
        no_proxy: fields.text("no_proxy").some(),
        volume_driver: volume_driver(fields, &coe),
        registry_enabled: fields.boolean("registry_enabled").or(false),
        labels: fields.dictionary("labels").or(std::collections::BTreeMap::new()),
        tls_disabled: fields.boolean("tls_disabled").or(false),
        public: fields.boolean("public").or(false),
        hidden: fields.boolean("hidden").or(false),
        server_type: fields.choice("server_type", &["vm", "bm"]).or(defaults::SERVER_TYPE.to_owned()),
        insecure_registry: fields.text("insecure_registry").some(),
        docker_storage_driver: fields.text("docker_storage_driver").some(),
        master_lb_enabled: fields.boolean("master_lb_enabled").or(false),
        floating_ip_enabled: fields.boolean("floating_ip_enabled").or(defaults::FLOATING_IP_ENABLED),
        tags: fields.text_within("tags", 0, 255).some(),
        driver: fields.text("driver").some(),
        ssh_authorized_key: fields.text_within("ssh_authorized_key", 1, 16_384).some(),
        coe,
    };
    if wish.docker_storage_driver.as_deref() == Some("devicemapper") && wish.docker_volume_size.is_some_and(|size| size < 3) {
        fields.complain("docker_volume_size must be at least 3 with the storage driver devicemapper");
    }
    wish
}

/// Comma-separated IPv4 addresses in the strict form, kept as they were written.
fn nameservers(fields: &mut Fields) -> Option<String> {
    let text = fields.text("dns_nameserver").some()?;
    let sound = text.split(',').all(|address| address.trim().parse::<std::net::Ipv4Addr>().is_ok());
    if !sound {
        fields.complain("dns_nameserver must be IPv4 addresses, separated by commas");
    }
    Some(text)
}

fn network_driver(fields: &mut Fields, coe: &str) -> Option<String> {
    let supported: &[&str] = match coe {
        "kubernetes" => &["flannel", "calico"],
        "swarm" => &["docker", "flannel"],
        _ => &["docker"],
    };
    let given = fields.text("network_driver").some();
    if given.as_deref().is_some_and(|driver| !supported.contains(&driver)) {
        fields.complain(format!("network_driver must be one of {} for this coe", supported.join(", ")));
    }
    Some(given.unwrap_or_else(|| defaults::network_driver(coe).to_owned()))
}

fn volume_driver(fields: &mut Fields, coe: &str) -> Option<String> {
    let supported = if coe == "kubernetes" { "cinder" } else { "rexray" };
    let given = fields.text("volume_driver").some();
    if given.as_deref().is_some_and(|driver| driver != supported) {
        fields.complain(format!("volume_driver must be {supported} for this coe"));
    }
    given
}

/// A wish as a document that a patch applies to: every field that may be changed, null where there is nothing.
fn document(wish: &TemplateWish) -> Object {
    let text = |text: &Option<String>| Value::text(text.as_deref());
    let labels = wish.labels.iter().map(|(key, value)| (key.clone(), Value::Text(value.clone()))).collect();
    let fields = [
        ("name", Value::Text(wish.name.clone())),
        ("coe", Value::Text(wish.coe.clone())),
        ("image_id", Value::Text(wish.image_id.clone())),
        ("flavor_id", text(&wish.flavor_id)),
        ("master_flavor_id", text(&wish.master_flavor_id)),
        ("dns_nameserver", text(&wish.dns_nameserver)),
        ("keypair_id", text(&wish.keypair_id)),
        ("external_network_id", text(&wish.external_network_id)),
        ("fixed_network", text(&wish.fixed_network)),
        ("fixed_subnet", text(&wish.fixed_subnet)),
        ("network_driver", text(&wish.network_driver)),
        ("apiserver_port", Value::number(wish.apiserver_port)),
        ("docker_volume_size", Value::number(wish.docker_volume_size)),
        ("cluster_distro", text(&wish.cluster_distro)),
        ("http_proxy", text(&wish.http_proxy)),
        ("https_proxy", text(&wish.https_proxy)),
        ("no_proxy", text(&wish.no_proxy)),
        ("volume_driver", text(&wish.volume_driver)),
        ("registry_enabled", Value::Bool(wish.registry_enabled)),
        ("labels", Value::Map(labels)),
        ("tls_disabled", Value::Bool(wish.tls_disabled)),
        ("public", Value::Bool(wish.public)),
        ("hidden", Value::Bool(wish.hidden)),
        ("server_type", Value::Text(wish.server_type.clone())),
        ("insecure_registry", text(&wish.insecure_registry)),
        ("docker_storage_driver", text(&wish.docker_storage_driver)),
        ("master_lb_enabled", Value::Bool(wish.master_lb_enabled)),
        ("floating_ip_enabled", Value::Bool(wish.floating_ip_enabled)),
        ("tags", text(&wish.tags)),
        ("driver", text(&wish.driver)),
        ("ssh_authorized_key", text(&wish.ssh_authorized_key)),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Writes the fields both vocabularies show.
pub(super) fn write<M: SerializeMap>(map: &mut M, template: &Template, links: &[Link; 2]) -> Result<(), M::Error> {
    let wish = &template.wish;
    map.serialize_entry("uuid", &template.id.uuid())?;
    map.serialize_entry("name", &wish.name)?;
    map.serialize_entry("coe", &wish.coe)?;
    map.serialize_entry("image_id", &wish.image_id)?;
    map.serialize_entry("flavor_id", &wish.flavor_id)?;
    map.serialize_entry("master_flavor_id", &wish.master_flavor_id)?;
    map.serialize_entry("dns_nameserver", &wish.dns_nameserver)?;
    map.serialize_entry("keypair_id", &wish.keypair_id)?;
    map.serialize_entry("external_network_id", &wish.external_network_id)?;
    map.serialize_entry("fixed_network", &wish.fixed_network)?;
    map.serialize_entry("fixed_subnet", &wish.fixed_subnet)?;
    map.serialize_entry("network_driver", &wish.network_driver)?;
    map.serialize_entry("apiserver_port", &wish.apiserver_port)?;
    map.serialize_entry("docker_volume_size", &wish.docker_volume_size)?;
    map.serialize_entry("cluster_distro", &wish.cluster_distro)?;
    map.serialize_entry("links", links)?;
    map.serialize_entry("http_proxy", &wish.http_proxy)?;
    map.serialize_entry("https_proxy", &wish.https_proxy)?;
    map.serialize_entry("no_proxy", &wish.no_proxy)?;
    map.serialize_entry("volume_driver", &wish.volume_driver)?;
    map.serialize_entry("registry_enabled", &wish.registry_enabled)?;
    map.serialize_entry("labels", &wish.labels)?;
    map.serialize_entry("tls_disabled", &wish.tls_disabled)?;
    map.serialize_entry("public", &wish.public)?;
    map.serialize_entry("server_type", &wish.server_type)?;
    map.serialize_entry("insecure_registry", &wish.insecure_registry)?;
    map.serialize_entry("docker_storage_driver", &wish.docker_storage_driver)?;
    map.serialize_entry("master_lb_enabled", &wish.master_lb_enabled)?;
    map.serialize_entry("floating_ip_enabled", &wish.floating_ip_enabled)
}

/// Writes when it was made and changed.
pub(super) fn write_times<M: SerializeMap>(map: &mut M, template: &Template) -> Result<(), M::Error> {
    map.serialize_entry("created_at", &Shown(template.created_ms))?;
    map.serialize_entry("updated_at", &template.updated_ms.map(Shown))
}

impl Row for Template {
    fn serial(&self) -> u64 {
        self.serial
    }
    fn uuid(&self) -> Uuid {
        self.id.uuid()
    }
    fn column(&self, name: &str) -> Option<Key> {
        let wish = &self.wish;
        let text = |text: &Option<String>| Key::from(text.as_deref());
        Some(match name {
            "uuid" => Key::Text(self.id.to_string()),
            "name" => Key::from(wish.name.as_str()),
            "coe" => Key::from(wish.coe.as_str()),
            "image_id" => Key::from(wish.image_id.as_str()),
            "flavor_id" => text(&wish.flavor_id),
            "master_flavor_id" => text(&wish.master_flavor_id),
            "keypair_id" => text(&wish.keypair_id),
            "external_network_id" => text(&wish.external_network_id),
            "network_driver" => text(&wish.network_driver),
            "volume_driver" => text(&wish.volume_driver),
            "cluster_distro" => text(&wish.cluster_distro),
            "server_type" => Key::from(wish.server_type.as_str()),
            "docker_volume_size" => Key::from(wish.docker_volume_size.map(u64::from)),
            "apiserver_port" => Key::from(wish.apiserver_port.map(u64::from)),
            "public" => Key::from(wish.public),
            "hidden" => Key::from(wish.hidden),
            "tls_disabled" => Key::from(wish.tls_disabled),
            "project_id" => Key::from(self.project_id.as_str()),
            "user_id" => Key::from(self.user_id.as_str()),
            "created_at" => Key::Number(self.created_ms),
            "updated_at" => Key::from(self.updated_ms),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<TemplateWish, Error> {
        Ok(read_new(text.as_bytes())?.wish)
    }

    #[test]
    fn what_clients_of_2016_send_is_read() {
        let wish = read_text(
            r#"{"name":"k8sbaymodel","flavor_id":"m1.small","master_flavor_id":null,"image_id":"fedora-21-atomic","keypair_id":"testkey",
                "external_network_id":"ext-1","fixed_network":null,"network_driver":null,"volume_driver":null,"dns_nameserver":"8.8.8.8",
                "docker_volume_size":"1","coe":"kubernetes","http_proxy":null,"https_proxy":null,"no_proxy":null,"labels":{},
                "tls_disabled":false,"public":false,"registry_enabled":false}"#,
        )
        .unwrap();
        assert_eq!(wish.docker_volume_size, Some(1));
        assert_eq!(wish.network_driver.as_deref(), Some("flannel"));
        assert!(wish.floating_ip_enabled);
    }

    #[test]
    fn a_wish_survives_its_document() {
        let wish = read_text(
            r#"{"coe":"swarm","image_id":"i","name":"n","labels":{"a":1},"apiserver_port":2376,"tags":"","floating_ip_enabled":"no",
                "dns_nameserver":"1.1.1.1, 9.9.9.9","public":true,"docker_storage_driver":"devicemapper","docker_volume_size":3}"#,
        )
        .unwrap();
        assert_eq!(read_patch(&wish, b"[]").unwrap(), wish);
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (text, word) in [
            (r#"{"image_id":"i"}"#, "coe is mandatory"),
            (r#"{"coe":"dcos","image_id":"i"}"#, "coe must be one of"),
            (r#"{"coe":"swarm","image_id":null}"#, "image_id is mandatory"),
            (r#"{"coe":"swarm","image_id":"i","uuid":"x"}"#, "uuid"),
            (r#"{"coe":"swarm","image_id":"i","links":null}"#, "links"),
            (r#"{"coe":"swarm","image_id":"i","dns_nameserver":"::1"}"#, "dns_nameserver"),
            (r#"{"coe":"swarm","image_id":"i","network_driver":"cilium"}"#, "network_driver"),
            (r#"{"coe":"swarm","image_id":"i","volume_driver":"cinder"}"#, "volume_driver"),
            (r#"{"coe":"swarm","image_id":"i","docker_volume_size":0}"#, "docker_volume_size"),
            (r#"{"coe":"swarm","image_id":"i","docker_volume_size":9223372036854775808}"#, "docker_volume_size"),
            (r#"{"coe":"swarm","image_id":"i","docker_storage_driver":"devicemapper","docker_volume_size":2}"#, "at least 3"),
            (r#"{"coe":"swarm","image_id":"i","apiserver_port":80}"#, "apiserver_port"),
            (r#"{"coe":"swarm","image_id":"i","labels":{"a":null}}"#, "labels"),
            (r#"{"coe":"swarm","image_id":"i","server_type":"pod"}"#, "server_type"),
        ] {
            let error = read_text(text).unwrap_err();
            assert_eq!(error.status(), 400);
            assert!(error.to_string().contains(word), "{error}");
        }
    }
}
