//! The version documents: what clients read before anything else, without a token.

use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::{
    call::Call,
    error::Error,
    link::Link,
    reply::Reply,
    router::COLLECTIONS,
    version::{MAX_TEXT, MIN_TEXT},
};

#[derive(Serialize)]
struct Root {
    name: &'static str,
    description: &'static str,
    versions: [Entry; 1],
    default_version: Entry,
}

#[derive(Clone, Serialize)]
struct Entry {
    id: &'static str,
    links: [Link; 1],
    status: &'static str,
    max_version: &'static str,
    min_version: &'static str,
}

/// `GET /`
pub(crate) async fn root(call: &Call<'_>) -> Result<Reply, Error> {
    let entry = Entry { id: "v1", links: [home(call)], status: "CURRENT", max_version: MAX_TEXT, min_version: MIN_TEXT };
    Reply::ok(&Root {
        name: "OpenStack Magnum API",
        description: "Container clusters for the projects of a cloud, served by Jeroboam.",
        versions: [entry.clone()],
        default_version: entry,
    })
}

fn home(call: &Call<'_>) -> Link {
    Link { href: format!("{}/v1/", call.base), rel: "self" }
}

struct Document<'a>(&'a str);

#[derive(Serialize)]
struct MediaType {
    base: &'static str,
    r#type: &'static str,
}

#[derive(Serialize)]
struct Described {
    href: &'static str,
    rel: &'static str,
    r#type: &'static str,
}

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let base = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", "v1")?;
        map.serialize_entry("media_types", &[MediaType { base: "application/json", r#type: "application/vnd.openstack.magnum.v1+json" }])?;
        let described = Described {
            href: "https://docs.openstack.org/api-ref/container-infrastructure-management/",
            rel: "describedby",
            r#type: "text/html",
        };
        map.serialize_entry("links", &(Link { href: format!("{base}/v1/"), rel: "self" }, described))?;
        for collection in COLLECTIONS {
            let link = |path: &str, rel| Link { href: format!("{base}{path}/{collection}/"), rel };
            map.serialize_entry(collection, &[link("/v1", "self"), link("", "bookmark")])?;
        }
        map.end()
    }
}

/// `GET /v1`
pub(crate) async fn version(call: &Call<'_>) -> Result<Reply, Error> {
    Reply::ok(&Document(&call.base))
}
