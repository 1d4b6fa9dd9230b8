//! Where audit records go: the sinks of the conductor's outbox, as the configuration says.
//!
//! `api::audit` makes the records; what is here brings them to a place and says "taken" only when they are safe there. Deliberately absent: a queue
//! of its own. What was not taken stands in the log.

mod file;
mod webhook;

use std::sync::Arc;

use conductor::outbox::{Sink, Unwilling};
use model::event::Event;
use uuid::Uuid;

use crate::{Error, config};

/// All sinks that are configured. `group`: the id of the group of members.
pub(crate) fn sinks(config: &config::Audit, member: &str, group: Uuid) -> Result<Vec<Arc<dyn Sink>>, Error> {
    let scribe = Scribe { group, publisher: member.to_owned() };
    let mut sinks: Vec<Arc<dyn Sink>> = Vec::new();
    if let Some(file) = &config.file {
        sinks.push(Arc::new(file::File::new(file.clone(), scribe.clone())));
    }
    if let Some(webhook) = &config.webhook {
        sinks.push(Arc::new(webhook::Webhook::new(webhook.clone(), scribe)?));
    }
    Ok(sinks)
}

/// Writes records.
#[derive(Clone, Debug)]
struct Scribe {
    group: Uuid,
    publisher: String,
}

impl Scribe {
    /// The records of some events, each as one line of JSON.
    fn lines(&self, events: &[Event]) -> Result<Vec<String>, Unwilling> {
        let records = events.iter().filter_map(|event| api::audit::record(event, self.group, &self.publisher));
        records.map(|record| serde_json::to_string(&record).map_err(|error| Unwilling(error.to_string()))).collect()
    }
}
