//! What a stack is told of its cluster: the parameters of our template.
//!
//! The defaults of the template stand in for what nobody said. A size is told at every change, an image only when a stack is made: later images
//! are the matter of upgrades, which go machine by machine.

use std::collections::BTreeMap;

use model::nodegroup::{DEFAULT_MASTER, DEFAULT_WORKER, NodeGroup};
use serde_json::{Map, Value, json};

use crate::{heat::stack::Stack, spec::ClusterSpec};

/// Number of masters.
pub(super) const MASTERS: &str = "number_of_masters";
/// Number of minions.
pub(super) const MINIONS: &str = "number_of_minions";
/// Servers that go.
pub(super) const REMOVED: &str = "minions_to_remove";

/// The template of a cluster.
const CLUSTER: &str = include_str!("template/cluster.yaml");
/// That of each of its machines.
const NODE: &str = include_str!("template/node.yaml");

/// One of the two groups that every stack has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// The node group's name.
    pub(super) group: &'static str,
    /// Whether these are masters.
    pub(super) master: bool,
    /// What they are called in names.
    pub(super) noun: &'static str,
    /// The parameter of their number.
    pub(super) count: &'static str,
    /// The parameter of the image of those to come.
    pub(super) image: &'static str,
    /// The parameter of the images of single ones.
    pub(super) images: &'static str,
    /// The output of their servers' ids.
    pub(super) ids: &'static str,
    /// The output of their addresses.
    pub(super) addresses: &'static str,
}

/// Masters and minions.
pub(super) const PARTS: [Part; 2] = [
    Part {
        group: DEFAULT_MASTER,
        master: true,
        noun: "master",
        count: MASTERS,
        image: "master_image",
        images: "master_images",
        ids: "master_ids",
        addresses: "master_addresses",
    },
    Part {
        group: DEFAULT_WORKER,
        master: false,
        noun: "minion",
        count: MINIONS,
        image: "minion_image",
        images: "minion_images",
        ids: "minion_ids",
        addresses: "minion_addresses",
    },
];

fn group<'a>(spec: &'a ClusterSpec, part: &Part) -> Option<&'a NodeGroup> {
    spec.groups.iter().find(|group| group.name == part.group)
}

/// The sizes of the groups; masters are never fewer than one.
pub(super) fn sizes(spec: &ClusterSpec) -> Map<String, Value> {
    let size = |part: &Part| {
        let wanted = group(spec, part).map_or(1, |group| group.node_count);
        (part.count.to_owned(), json!(if part.master { wanted.max(1) } else { wanted }))
    };
    PARTS.iter().map(size).collect()
}

/// All of them, for a stack that is made.
fn all(spec: &ClusterSpec, api_cidr: &str) -> Map<String, Value> {
    let mut all = sizes(spec);
    let wish = &spec.wish;
    for part in &PARTS {
        let own = group(spec, part).and_then(|group| group.image_id.clone());
        all.insert(part.image.to_owned(), own.unwrap_or_else(|| spec.template.image_id.clone()).into());
    }
    let texts = [
        ("cluster_uuid", Some(spec.id.to_string())),
        ("master_flavor", wish.master_flavor_id.clone()),
        ("minion_flavor", wish.flavor_id.clone()),
        ("ssh_key_name", wish.keypair.clone()),
        ("dns_nameserver", spec.template.dns_nameserver.clone()),
        ("external_network", Some(spec.template.external_network_id.clone().unwrap_or_else(|| "public".to_owned()))),
        ("api_cidr", Some(api_cidr.to_owned())),
    ];
    all.extend(texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?.into()))));
    all
}

/// The body of the request that makes a stack.
pub(super) fn creation(name: &str, tags: &str, spec: &ClusterSpec, api_cidr: &str) -> Value {
    json!({
        "stack_name": name,
        "template": CLUSTER,
        "files": BTreeMap::from([("node.yaml", NODE)]),
        "parameters": all(spec, api_cidr),
        "tags": tags,
        // What failed stays as it is, to be looked at and to be led on from.
        "disable_rollback": true,
        "timeout_mins": minutes(spec),
    })
}

/// How long Heat may be at it: as long as the operation.
fn minutes(spec: &ClusterSpec) -> u64 {
    const LONGEST: u64 = model::operation::LONGEST_MS / 60_000;
    match u64::from(spec.wish.create_timeout.unwrap_or(model::defaults::CREATE_TIMEOUT_MIN)) {
        0 => LONGEST,
        minutes => minutes.min(LONGEST),
    }
}

/// Those of `wanted` that a stack does not have yet.
pub(super) fn missing(stack: &Stack, wanted: Map<String, Value>) -> Map<String, Value> {
    let differs = |(name, value): &(String, Value)| {
        let present = stack.parameter(name);
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        present.as_deref() != Some(text.as_str())
    };
    wanted.into_iter().filter(differs).collect()
}

#[cfg(test)]
mod tests {
    use model::{cluster::ClusterWish, template::TemplateWish};

    use super::*;

    /// Whom the security group lets in: the first word of each rule. What is for TCP is for the members' network.
    fn rules() -> Vec<&'static str> {
        let rules = CLUSTER.split("\n      rules:\n").nth(1).unwrap_or_default();
        let rules = rules.lines().take_while(|line| line.starts_with("        "));
        let (first, more): (Vec<_>, Vec<_>) = rules.map(str::trim).partition(|line| line.starts_with("- "));
        assert_eq!(more, ["port_range_min: 2375", "port_range_max: 2375", "remote_ip_prefix: { get_param: api_cidr }"]);
        first.iter().map(|line| line.trim_start_matches("- ")).collect()
    }

    #[test]
    fn our_templates_know_what_they_are_told_and_give_what_is_read() {
        // Everything is said, so that every name is told.
        let said = || Some("said".to_owned());
        let spec = ClusterSpec {
            wish: ClusterWish { keypair: said(), flavor_id: said(), master_flavor_id: said(), ..ClusterWish::default() },
            template: TemplateWish { dns_nameserver: said(), ..TemplateWish::default() },
            ..ClusterSpec::default()
        };
        let told = all(&spec, "10.0.0.0/8");
        assert_eq!(told.len(), 11, "{told:?}");
        let names = PARTS.iter().flat_map(|part| [part.images]).chain([REMOVED]).chain(told.keys().map(String::as_str));
        for name in names {
            assert!(CLUSTER.contains(&format!("\n  {name}:\n    type: ")), "the template has no parameter {name}");
        }
        for part in &PARTS {
            for output in [part.ids, part.addresses] {
                assert!(CLUSTER.contains(&format!("\n  {output}:\n    description: ")), "the template has no output {output}");
            }
        }
        assert_eq!(rules(), ["protocol: icmp", "protocol: tcp"], "the engines speak without TLS: nobody but the members gets in");
        // What a machine is told by the group stands among its parameters.
        let properties = CLUSTER.split("        type: node.yaml\n        properties:\n").nth(1).unwrap_or_default();
        let told = properties.lines().take_while(|line| line.starts_with("          "));
        let names = told.filter(|line| line.starts_with("          ") && !line.starts_with("           "));
        let names: Vec<_> = names.filter_map(|line| line.trim().split(':').next()).collect();
        assert!(names.len() > 10, "{names:?}");
        for name in names {
            assert!(NODE.contains(&format!("\n  {name}:\n    type: ")), "a machine has no parameter {name}");
        }
    }
}
