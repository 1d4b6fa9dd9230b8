//! Where services are, as a token's catalog says.

use serde::Deserialize;

/// Which of a service's doors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Interface {
    /// For everybody.
    #[default]
    Public,
    /// For services among themselves.
    Internal,
    /// For administrators.
    Admin,
}

impl Interface {
    /// As the catalog writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Admin => "admin",
        }
    }
}

impl std::str::FromStr for Interface {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "public" | "publicURL" => Ok(Self::Public),
            "internal" | "internalURL" => Ok(Self::Internal),
            "admin" | "adminURL" => Ok(Self::Admin),
            other => Err(format!("{other} is none of public, internal and admin")),
        }
    }
}

/// All services of a token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Catalog(Vec<Service>);

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Service {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    endpoints: Vec<Endpoint>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Endpoint {
    interface: String,
    #[serde(default)]
    region_id: Option<String>,
    #[serde(default)]
    region: Option<String>,
    url: String,
}

impl Catalog {
    /// Whether it names nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first endpoint of the first of these types that has one, without a slash at its end. Several types, because services were
    /// renamed over the years (`block-storage`, `volumev3`).
    pub fn endpoint(&self, kinds: &[&str], interface: Interface, region: Option<&str>) -> Option<&str> {
        kinds.iter().find_map(|kind| {
            let services = self.0.iter().filter(|service| service.kind == *kind);
            let mut endpoints = services.flat_map(|service| &service.endpoints);
            let fits = |endpoint: &&Endpoint| {
                let there = endpoint.region_id.as_deref().or(endpoint.region.as_deref());
                endpoint.interface == interface.as_str() && region.is_none_or(|region| there == Some(region))
            };
            endpoints.find(fits).map(|endpoint| endpoint.url.trim_end_matches('/'))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_regions_and_interfaces_decide() {
        let catalog: Catalog = serde_json::from_str(
            r#"[{"type": "volumev3", "name": "cinder", "endpoints": [
                  {"interface": "public", "region_id": "One", "region": "One", "url": "http://a:8776/v3/"},
                  {"interface": "public", "region_id": "Two", "region": "Two", "url": "http://b:8776/v3"},
                  {"interface": "internal", "region_id": "One", "url": "http://c"}]},
                {"type": "empty"}]"#,
        )
        .unwrap();
        let kinds = ["block-storage", "volumev3"];
        assert_eq!(catalog.endpoint(&kinds, Interface::Public, None), Some("http://a:8776/v3"));
        assert_eq!(catalog.endpoint(&kinds, Interface::Public, Some("Two")), Some("http://b:8776/v3"));
        assert_eq!(catalog.endpoint(&kinds, Interface::Internal, Some("Two")), None);
        assert_eq!(catalog.endpoint(&["empty"], Interface::Public, None), None);
    }
}
