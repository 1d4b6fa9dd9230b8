//! Lives of bays: created, and mostly deleted a moment later, finished or not.
//!
//! A deletion that overtakes the creation is the point: whatever the creation had under way must leave nothing behind. What the last
//! acknowledged request means for the end of the run is remembered by uuid.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::sleep;

use super::load::{Load, Stop};
use crate::{
    Chance,
    check::Finding,
    rest::{Answer, Hopper, Request, bay, bay::Bay, baymodel},
};

/// What must be true of a bay at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was accepted: there and complete.
    There,
    /// Its deletion was accepted: gone.
    Gone,
    /// The last request has an unknown outcome: at rest, either way.
    Open,
}

impl Fate {
    /// Whether the API's final word on the bay (`None`: it is not listed) is allowed.
    #[must_use]
    pub fn allows(self, status: Option<&str>) -> bool {
        match self {
            Self::There => status == Some("CREATE_COMPLETE"),
            Self::Gone => status.is_none(),
            Self::Open => status.is_none_or(|status| status == "CREATE_COMPLETE"),
        }
    }
}

/// The clients.
#[derive(Clone, Debug)]
pub struct Bays {
    hopper: Hopper,
    model: Arc<str>,
    fates: Arc<Mutex<BTreeMap<String, Fate>>>,
    refusals: Arc<Mutex<Vec<Finding>>>,
    unknown: Arc<AtomicU64>,
}

impl Bays {
    /// Nothing runs yet; the bays are made from this baymodel.
    #[must_use]
    pub fn new(hopper: Hopper, model: &str) -> Self {
        Self { hopper, model: model.into(), fates: Arc::default(), refusals: Arc::default(), unknown: Arc::default() }
    }

    /// What must be true of each acknowledged bay, by uuid.
    #[must_use]
    pub fn fates(&self) -> BTreeMap<String, Fate> {
        self.fates.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Requests that were refused although nothing was wrong with them.
    #[must_use]
    pub fn refusals(&self) -> Vec<Finding> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Requests without an outcome.
    #[must_use]
    pub fn unknown(&self) -> u64 {
        self.unknown.load(Ordering::Relaxed)
    }

    /// Bays that are not as their client was told.
    #[must_use]
    pub fn wrong(&self, listed: &[Bay]) -> Vec<Finding> {
        let statuses: BTreeMap<&str, &str> = listed.iter().map(|bay| (bay.uuid.as_str(), bay.status.as_str())).collect();
        let broken = self.fates().into_iter().filter(|(uuid, fate)| !fate.allows(statuses.get(uuid.as_str()).copied()));
        broken
            .map(|(uuid, fate)| Finding {
                invariant: "as acknowledged",
                words: format!("the client was told {fate:?} of a bay, the API says {:?}", statuses.get(uuid.as_str())),
                key: Some(uuid.as_str().into()),
                at: None,
            })
            .collect()
    }

    /// Adds clients to a load.
    pub fn run(&self, load: &mut Load, clients: usize, chance: &Chance) {
        for number in 0..clients {
            let chance = chance.fork(&format!("bays {number}"));
            load.add(self.clone().live(number, chance, load.stop_signal()));
        }
    }

    async fn live(self, number: usize, mut chance: Chance, stop: Stop) {
        let mut life = 0_u64;
        while !stop.is_told() {
            life += 1;
            let request = bay::create(&format!("b{number}-{life}"), &self.model, chance.key());
            if let Some(uuid) = self.ask(None, request, Fate::There).await {
                sleep(Duration::from_millis(chance.between(0, 3000))).await;
                if chance.percent(90) {
                    self.ask(Some(&uuid), bay::delete(&uuid, chance.key()), Fate::Gone).await;
                }
            }
            sleep(Duration::from_millis(chance.between(0, 500))).await;
        }
    }

    /// One request; the uuid when it was acknowledged.
    async fn ask(&self, uuid: Option<&str>, request: Request, fate: Fate) -> Option<String> {
        let mark = |uuid: &str, fate| self.fates.lock().unwrap_or_else(PoisonError::into_inner).insert(uuid.to_owned(), fate);
        uuid.map(|uuid| mark(uuid, Fate::Open));
        match self.hopper.send(&request).await {
            Answer::Done(reply) => {
                let uuid = uuid.or(baymodel::uuid(&reply))?.to_owned();
                mark(&uuid, fate);
                Some(uuid)
            }
            Answer::Refused(reply) => {
                let words = format!("{} {} was refused: {} {}", request.method, request.path, reply.status, reply.body);
                let finding = Finding { invariant: "a sound request is served", words, key: uuid.map(Arc::from), at: None };
                self.refusals.lock().unwrap_or_else(PoisonError::into_inner).push(finding);
                None
            }
            Answer::Unknown(_) => {
                self.unknown.fetch_add(1, Ordering::Relaxed);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_must_be_as_the_client_was_told() {
        let allowed =
            |fate: Fate| [None, Some("CREATE_COMPLETE"), Some("CREATE_IN_PROGRESS"), Some("CREATE_FAILED")].map(|word| fate.allows(word));
        assert_eq!(allowed(Fate::There), [false, true, false, false]);
        assert_eq!(allowed(Fate::Gone), [true, false, false, false]);
        assert_eq!(allowed(Fate::Open), [true, true, false, false]);
    }
}
