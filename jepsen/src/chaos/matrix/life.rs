//! One life: a bay is made, a container in it is made, started, stopped and removed, the bay is removed, and nothing is left.
//!
//! The client is patient and sends the same request with the same key until it is answered; each acknowledgement is compared with what is
//! outside at that moment. A life can be held while its container runs, for what a cell does then.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use serde_json::json;
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use super::cell::Outcomes;
use crate::{
    Chance, Error,
    backend::{Ask, Backend, ask::Action},
    check::inventory::{self, Seen},
    docker,
    rest::{Answer, Hopper, Reply, Request, bay, baymodel, container},
};

/// How long an accepted operation may take to come to its end. Those of the product itself are an hour and more; here its owner is lost every few
/// seconds, and each new one waits for what the one before may have under way.
const LIMIT: Duration = Duration::from_secs(300);
/// How long what is left of a removed bay may take to go.
const SWEPT: Duration = Duration::from_secs(45);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(60);

/// What is behind the members.
#[derive(Clone, Debug)]
pub(super) enum Outside {
    /// The scripted backend.
    Scripted(Arc<Backend>),
    /// The real engine.
    Docker,
}

impl Outside {
    /// Containers with the bay's label.
    pub(super) async fn seen(&self, bay: &str) -> Result<Vec<Seen>, Error> {
        match self {
            Self::Scripted(backend) => {
                Ok(backend.look(|world, _| world.inventory(bay).into_iter().filter(|one| !one.container.is_empty()).collect()))
            }
            Self::Docker => docker::containers(bay).await,
        }
    }

    /// Whether anything carries the bay's label.
    pub(super) async fn left(&self, bay: &str) -> Result<bool, Error> {
        match self {
            Self::Scripted(backend) => Ok(backend.look(|world, _| world.clusters().contains(bay))),
            Self::Docker => Ok(!docker::containers(bay).await?.is_empty() || !docker::networks(bay).await?.is_empty()),
        }
    }

    /// Stops a container behind everybody's back.
    pub(super) fn stop(&self, container: &str) {
        if let Self::Scripted(backend) = self {
            backend.happen(&Ask::Act(format!("jeroboam-{container}"), Action::Stop));
        }
    }

    /// Puts a container there that nobody knows of.
    pub(super) fn litter(&self, bay: &str, uuid: &str) {
        if let Self::Scripted(backend) = self {
            let labels = json!({"jeroboam.cluster": bay, "jeroboam.container": uuid, "jeroboam.epoch": "1", "jeroboam.operation": uuid});
            backend.happen(&Ask::MakeContainer(format!("jeroboam-{uuid}"), json!({"Image": "i", "Labels": labels})));
        }
    }
}

/// How far a life is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stand {
    /// The bay, once it is complete.
    pub(super) bay: Option<String>,
    /// Its container, once it runs.
    pub(super) container: Option<String>,
}

/// Both ends of a life, for whoever waits for it or holds it.
#[derive(Debug)]
pub(super) struct Rein {
    /// How far it is.
    pub(super) stand: watch::Receiver<Stand>,
    /// It is held while this is false.
    pub(super) go: watch::Sender<bool>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Life {
    birth: Birth,
    stand: watch::Sender<Stand>,
    go: watch::Receiver<bool>,
}

/// A life ends early; what was wrong has been noted.
struct Broken;

/// What a life is made of.
#[derive(Debug)]
pub(super) struct Birth {
    pub(super) cell: usize,
    pub(super) name: String,
    pub(super) model: String,
    pub(super) image: String,
    pub(super) hopper: Hopper,
    pub(super) outside: Outside,
    pub(super) outcomes: Outcomes,
    pub(super) chance: Chance,
}

impl Life {
    /// Not begun. `held`: it waits while its container runs.
    pub(super) fn new(birth: Birth, held: bool) -> (Self, Rein) {
        let (stand, standing) = watch::channel(Stand::default());
        let (going, go) = watch::channel(!held);
        let hopper = birth.hopper.with_attempt(Duration::from_secs(20)).with_patience(LIMIT);
        (Self { birth: Birth { hopper, ..birth }, stand, go }, Rein { stand: standing, go: going })
    }

    /// The whole of it; the bay's uuid when it came so far.
    pub(super) async fn run(mut self) -> (usize, Option<String>) {
        let bay = self.bay().await.ok();
        if let Some(bay) = &bay {
            // Whatever happened to the container, the bay goes, and everything with it.
            self.container(bay).await.ok();
            self.end(bay).await.ok();
        }
        (self.birth.cell, bay)
    }

    fn broken(&self, words: String) -> Broken {
        self.birth.outcomes.found(self.birth.cell, format!("{}: {words}", self.birth.name));
        Broken
    }

    /// Sends a request until it is answered; a refusal of a sound one is a violation, no answer is one, too.
    async fn send(&mut self, request: Request) -> Result<Reply, Broken> {
        let what = format!("{} {}", request.method, request.path);
        match self.birth.hopper.send(&request).await {
            Answer::Done(reply) => Ok(reply),
            Answer::Refused(reply) => Err(self.broken(format!("{what} was refused: {} {}", reply.status, reply.body))),
            Answer::Unknown(why) => Err(self.broken(format!("{what} had no outcome within {} s: {why}", LIMIT.as_secs()))),
        }
    }

    fn accepted(&self) {
        self.birth.outcomes.note(self.birth.cell, |outcome| outcome.accepted += 1);
    }

    fn ended(&self) {
        self.birth.outcomes.note(self.birth.cell, |outcome| outcome.ended += 1);
    }

    async fn bay(&mut self) -> Result<String, Broken> {
        let request = bay::create(&self.birth.name, &self.birth.model, self.birth.chance.key());
        let reply = self.send(request).await?;
        let bay = baymodel::uuid(&reply).unwrap_or_default().to_owned();
        self.accepted();
        let status = self.until(&bay, |status| !status.ends_with("_IN_PROGRESS")).await;
        match status.as_deref() {
            Some("CREATE_COMPLETE") => self.ended(),
            other => {
                // Its removal must work all the same.
                self.broken(format!("the bay {bay} is {other:?} in the end"));
            }
        }
        self.stand.send_modify(|stand| stand.bay = Some(bay.clone()));
        Ok(bay)
    }

    /// The first status that satisfies; the last one at the limit. `None`: there is no such bay.
    async fn until(&self, bay: &str, enough: impl Fn(&str) -> bool) -> Option<String> {
        let started = Instant::now();
        let mut last = Some("never seen".to_owned());
        while started.elapsed() < LIMIT {
            let request = Request::get(format!("/v1/bays/{bay}"));
            match self.birth.hopper.with_patience(Duration::from_secs(5)).with_attempt(Duration::from_secs(2)).send(&request).await {
                Answer::Done(reply) => {
                    let status = reply.body.get("status").and_then(|status| status.as_str()).unwrap_or_default().to_owned();
                    let done = enough(&status);
                    last = Some(status);
                    if done {
                        return last;
                    }
                }
                Answer::Refused(reply) if reply.status == 404 => return None,
                _ => {}
            }
            sleep(LOOK).await;
        }
        last
    }

    async fn container(&mut self, bay: &str) -> Result<(), Broken> {
        let request = container::create(&format!("{}-c", self.birth.name), bay, &self.birth.image, self.birth.chance.key());
        let reply = self.send(request).await?;
        self.settled();
        let uuid = baymodel::uuid(&reply).unwrap_or_default().to_owned();
        self.outside_is(bay, &uuid, &["created", "exited"]).await?;
        let start = container::act(&uuid, "start", self.birth.chance.key());
        self.send(start).await?;
        self.settled();
        self.outside_is(bay, &uuid, &["running"]).await?;
        self.stand.send_modify(|stand| stand.container = Some(uuid.clone()));
        // Whoever held it may have gone.
        self.go.wait_for(|go| *go).await.map(drop).unwrap_or(());
        let stop = container::act(&uuid, "stop", self.birth.chance.key());
        self.send(stop).await?;
        self.settled();
        self.outside_is(bay, &uuid, &["exited"]).await?;
        let delete = container::delete(&uuid, self.birth.chance.key());
        self.send(delete).await?;
        self.settled();
        self.outside_is(bay, &uuid, &[]).await
    }

    /// Accepted and ended: acts on containers are answered at their end.
    fn settled(&self) {
        self.accepted();
        self.ended();
    }

    /// What was acknowledged is so outside, and nothing is there twice.
    async fn outside_is(&self, bay: &str, container: &str, states: &[&str]) -> Result<(), Broken> {
        let seen = self.birth.outside.seen(bay).await.map_err(|error| self.broken(format!("the outside cannot be seen: {error}")))?;
        for finding in inventory::check_sample(&seen) {
            self.broken(finding.to_string());
        }
        let state = seen.iter().find(|one| one.container == container).map(|one| one.state.as_str());
        let right = state.map_or(states.is_empty(), |state| states.contains(&state));
        if !right {
            self.broken(format!("container {container} is {state:?} outside; acknowledged was {states:?}"));
        }
        Ok(())
    }

    async fn end(&mut self, bay: &str) -> Result<(), Broken> {
        let delete = bay::delete(bay, self.birth.chance.key());
        self.send(delete).await?;
        self.accepted();
        match self.until(bay, |status| status == "DELETE_FAILED").await {
            None => self.ended(),
            Some(status) => return Err(self.broken(format!("the removed bay {bay} is {status} after {} s", LIMIT.as_secs()))),
        }
        let started = Instant::now();
        loop {
            match self.birth.outside.left(bay).await {
                Ok(false) => return Ok(()),
                Ok(true) if started.elapsed() > SWEPT => {
                    return Err(self.broken(format!("orphans: the removed bay {bay} has left something")));
                }
                Err(error) if started.elapsed() > SWEPT => return Err(self.broken(format!("the outside cannot be seen: {error}"))),
                _ => sleep(LOOK).await,
            }
        }
    }
}

/// Containers of a bay that the API does not know.
pub(super) async fn unknown(outside: &Outside, bay: &str, known: &BTreeSet<String>) -> Result<Vec<String>, Error> {
    Ok(outside.seen(bay).await?.into_iter().map(|one| one.container).filter(|one| !known.contains(one)).collect())
}
