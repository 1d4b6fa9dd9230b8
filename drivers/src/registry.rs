//! The one list of what this program can drive.
//!
//! Driver and coe names are words, not an enum of the model: a member announces those it has, and a cluster is given only to a member
//! that can serve it, so a rolling upgrade may bring a driver that the older members lack.

use std::{collections::BTreeMap, fmt, sync::Arc};

use crate::{
    docker::{Client, DockerConnector},
    engine::{Connector, Engine},
    error::Error,
    heat::{self, Heat},
    local::{self, Local},
    provision::Provisioner,
    seen::Provisioned,
    spec::ClusterSpec,
};

/// What the drivers are told at start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Address of the Docker Engine for the provisioner `local`, such as `unix:///var/run/docker.sock`; none turns it off.
    pub local: Option<String>,
    /// The cloud for the provisioner `heat`; none turns it off.
    pub heat: Option<heat::Settings>,
}

/// Provisioners by driver name, engines by coe.
#[derive(Clone, Default)]
pub struct Registry {
    provisioners: BTreeMap<String, Arc<dyn Provisioner>>,
    connectors: BTreeMap<String, Arc<dyn Connector>>,
}

impl Registry {
    /// An empty list, to be filled with [`Self::with_provisioner`] and [`Self::with_connector`]: what tests and simulations do.
    pub fn new() -> Self {
        Self::default()
    }

    /// All drivers of this program, as far as `settings` turn them on. Errors are about the settings and name them; nothing is opened.
    pub fn standard(settings: &Settings) -> Result<Self, Error> {
        let mut registry = Self::new();
        let mut known = Vec::new();
        if let Some(address) = &settings.local {
            let client = Arc::new(Client::new(address).map_err(|error| about("drivers.docker.endpoint", &error))?);
            known.push(Arc::clone(&client));
            registry = registry.with_provisioner(local::NAME, Arc::new(Local::new(client)));
        }
        if let Some(settings) = &settings.heat {
            registry = registry
                .with_provisioner(heat::NAME, Arc::new(Heat::new(settings.clone()).map_err(|error| about("drivers.heat", &error))?));
        }
        Ok(registry.with_connector("swarm", Arc::new(DockerConnector::new(known))))
    }

    /// With one more provisioner; a second of the same name replaces the first.
    #[must_use]
    pub fn with_provisioner(mut self, name: &str, provisioner: Arc<dyn Provisioner>) -> Self {
        self.provisioners.insert(name.to_owned(), provisioner);
        self
    }

    /// With one more engine; a second of the same coe replaces the first.
    #[must_use]
    pub fn with_connector(mut self, coe: &str, connector: Arc<dyn Connector>) -> Self {
        self.connectors.insert(coe.to_owned(), connector);
        self
    }

    /// Names of the provisioners: what a member announces as its drivers.
    pub fn names(&self) -> Vec<String> {
        self.provisioners.keys().cloned().collect()
    }

    /// All provisioners with their names.
    pub fn provisioners(&self) -> impl Iterator<Item = (&str, &Arc<dyn Provisioner>)> {
        self.provisioners.iter().map(|(name, provisioner)| (name.as_str(), provisioner))
    }

    /// Whether `driver` can make a cluster of `coe` and the coe can be spoken to.
    pub fn serves(&self, driver: &str, coe: &str) -> bool {
        self.provisioners.get(driver).is_some_and(|provisioner| provisioner.coes().contains(&coe)) && self.connectors.contains_key(coe)
    }

    /// The provisioner of this cluster.
    pub fn provisioner(&self, cluster: &ClusterSpec) -> Result<Arc<dyn Provisioner>, Error> {
        let found = self.provisioners.get(&cluster.driver);
        let found = found.ok_or_else(|| Error::Refused(format!("this member has no driver called {:?}", cluster.driver)))?;
        if !found.coes().contains(&cluster.coe.as_str()) {
            return Err(Error::Refused(format!("the driver {:?} makes no clusters of the coe {:?}", cluster.driver, cluster.coe)));
        }
        Ok(Arc::clone(found))
    }

    /// An engine for what was provisioned for this cluster.
    pub fn connect(&self, cluster: &ClusterSpec, provisioned: &Provisioned) -> Result<Arc<dyn Engine>, Error> {
        let found = self.connectors.get(&cluster.coe);
        let found = found.ok_or_else(|| Error::Refused(format!("this member cannot speak to the coe {:?}", cluster.coe)))?;
        found.connect(cluster.id, provisioned)
    }
}

/// An error with the settings that it is about.
fn about(key: &str, error: &Error) -> Error {
    Error::Refused(format!("{key}: {error}"))
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("provisioners", &self.names()).field("coes", &self.connectors.keys()).finish()
    }
}
