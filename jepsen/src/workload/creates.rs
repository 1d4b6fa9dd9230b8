//! So many creates per second, whatever happens.
//!
//! Open loop: a slow or dead cluster does not slow the arrivals down, so a gap is seen as every arriving user
//! would see it. Each create has a name of its own and one idempotency key for all its attempts.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep},
};

use super::load::{Load, Stop};
use crate::{
    Chance,
    history::{Draft, Kind, Recorder, Value, Verb},
    rest::{Answer, Hopper, baymodel},
};

/// More than this in flight and the harness is the bottleneck.
const MOST_IN_FLIGHT: usize = 4096;

/// The stream of creates.
#[derive(Clone, Debug)]
pub struct Creates {
    hopper: Hopper,
    recorder: Arc<Recorder>,
    skipped: Arc<AtomicU64>,
    in_flight: Arc<AtomicU64>,
}

impl Creates {
    /// Nothing runs yet.
    #[must_use]
    pub fn new(hopper: Hopper, recorder: Arc<Recorder>) -> Self {
        Self { hopper, recorder, skipped: Arc::default(), in_flight: Arc::default() }
    }

    /// Waits, a second at most, until a request is in flight: a fault between two requests tests little.
    pub async fn until_busy(&self) {
        for _ in 0..5000 {
            if self.in_flight.load(Ordering::Relaxed) > 0 {
                return;
            }
            sleep(Duration::from_micros(200)).await;
        }
    }

    /// What happened on the way.
    #[must_use]
    pub fn tally(&self) -> &crate::rest::Tally {
        self.hopper.tally()
    }

    /// Arrivals that were left out because too many were in flight: a harness fault.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skipped.load(Ordering::Relaxed)
    }

    /// Adds the stream to a load: `rate` creates per second named `<prefix>-<n>`, every second one of them by a
    /// client that loses patience with a member early.
    pub fn run(&self, load: &mut Load, prefix: &str, rate: u64, chance: Chance) {
        load.add(self.clone().arrive(prefix.to_owned(), rate, chance, load.stop_signal()));
    }

    async fn arrive(self, prefix: String, rate: u64, mut chance: Chance, mut stop: Stop) {
        let mut tick = interval(Duration::from_nanos(1_000_000_000 / rate.max(1)));
        tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut running = JoinSet::new();
        let mut number = 0_u64;
        loop {
            tokio::select! {
                () = stop.told() => break,
                _ = tick.tick() => {}
                Some(_) = running.join_next(), if !running.is_empty() => continue,
            }
            number += 1;
            if running.len() >= MOST_IN_FLIGHT {
                self.skipped.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            let name = format!("{prefix}-{number}");
            let hasty = number.is_multiple_of(2);
            running.spawn(self.clone().one(name, number, chance.key(), hasty));
        }
        while running.join_next().await.is_some() {}
    }

    async fn one(self, name: String, number: u64, key: String, hasty: bool) {
        let hopper = if hasty { self.hopper.with_attempt(self.hopper.attempt / 4) } else { self.hopper.clone() };
        let begin = Draft::new(Kind::Invoke, self.recorder.process(), Verb::Create, Value::Text(name.as_str().into()));
        let request = baymodel::create(&name, number, key);
        self.recorder.record(begin.clone());
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        let answer = hopper.send(&request).await;
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.recorder.record(completed(begin, answer));
    }
}

/// The second line of a create: acknowledged under a uuid, refused, or unknown.
#[must_use]
pub fn completed(begin: Draft, answer: Answer) -> Draft {
    match answer {
        Answer::Done(reply) => {
            let uuid = baymodel::uuid(&reply).unwrap_or_default();
            Draft {
                kind: Kind::Ok,
                value: Value::Text(uuid.into()),
                member: Some(reply.member),
                revision: reply.revision,
                served: reply.index,
                ..begin
            }
        }
        Answer::Refused(reply) => {
            Draft { kind: Kind::Fail, error: Some(format!("{} {}", reply.status, reply.body).into()), member: Some(reply.member), ..begin }
        }
        Answer::Unknown(why) => Draft { kind: Kind::Info, error: Some(why.into()), ..begin },
    }
}
