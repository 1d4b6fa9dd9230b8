//! Who may ask for what: Keystone or a file of tokens, and the rules.

use std::{path::Path, sync::Arc};

use api::{Identity, Policy, Tokens};
use openstack::{Session, Wire};
use raft::seam::Seams;

use crate::{
    Error,
    config::{self, Config},
};

/// How long an answer of Keystone may be, in bytes; a token with a large catalog has some hundred thousand.
const ANSWER_MAX: usize = 4 << 20;

/// Where callers are known from.
///
/// # Errors
/// A file that cannot be read.
pub(crate) fn identity(config: &Config, seams: &Seams) -> Result<Identity, Error> {
    let Some(keystone) = &config.keystone else { return Ok(Identity::Tokens(Arc::new(tokens(&config.api)?))) };
    let limits = openstack::Limits { whole: keystone.settings.wait, connect: keystone.settings.wait, bytes: ANSWER_MAX };
    let wire = Wire::new(limits, keystone.authorities.as_deref()).map_err(|error| config::Error(format!("keystone.cafile: {error}")))?;
    let session = Session::new(&keystone.auth_url, keystone.credentials.clone(), Arc::new(wire));
    let session = session.at(keystone.interface, keystone.region.clone());
    tracing::info!(keystone = session.auth_url(), "tokens are validated");
    Ok(Identity::Keystone(Arc::new(api::Keystone::new(session, keystone.settings, Arc::clone(&seams.wall)))))
}

/// The rules in force.
///
/// # Errors
/// A file that cannot be used; it says why.
pub(crate) fn rules(file: Option<&Path>) -> Result<Policy, Error> {
    let Some(path) = file else { return Ok(Policy::default()) };
    let wrong = |error: &dyn std::fmt::Display| config::Error(format!("api.policy {}: {error}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
    Ok(Policy::with_file(&text).map_err(|error| wrong(&error))?)
}

fn tokens(config: &config::Api) -> Result<Tokens, Error> {
    let Some(path) = &config.tokens else {
        tracing::warn!(
            "neither keystone.auth_url nor api.tokens is given: every request but those for versions and health will be refused"
        );
        return Ok(Tokens::default());
    };
    let wrong = |error: &dyn std::fmt::Display| config::Error(format!("api.tokens {}: {error}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
    Ok(Tokens::parse(&text).map_err(|error| wrong(&error.to_string().trim().replace('\n', " ")))?)
}
