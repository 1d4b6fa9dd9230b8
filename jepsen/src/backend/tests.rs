//! The backend over real HTTP: what is journaled, what acts, what is lost.

use std::time::Duration;

use reqwest::{Client, Method, StatusCode};
use serde_json::json;
use tokio::time::sleep;

use super::*;
use crate::{Chance, Clock};

struct Rig {
    backend: Backend,
    client: Client,
}

impl Rig {
    async fn with(script: Script) -> Self {
        let backend = Backend::start(Clock::start(), Chance::seeded(1), script, Journal::default()).await.unwrap();
        Self { backend, client: Client::builder().no_proxy().build().unwrap() }
    }

    async fn send(&self, method: Method, path: &str, epoch: u64) -> Result<StatusCode, reqwest::Error> {
        self.call(method, path, epoch, &[("operation", "o")]).await
    }

    async fn call(&self, method: Method, path: &str, epoch: u64, more: &[(&str, &str)]) -> Result<StatusCode, reqwest::Error> {
        let url = format!("{}{path}", self.backend.endpoint().replace("tcp", "http"));
        let mut request = self.client.request(method, url).timeout(Duration::from_secs(5));
        let epoch = epoch.to_string();
        let caller = [("member", "1"), ("incarnation", "1"), ("cluster", "c"), ("epoch", &epoch), ("step", "s")];
        for (name, value) in caller.iter().chain(more) {
            request = request.header(format!("Jeroboam-{name}"), *value);
        }
        let body = json!({"Name": "jeroboam-c", "Labels": {"jeroboam.cluster": "c"}});
        Ok(request.json(&body).send().await?.status())
    }

    fn outcomes(&self) -> Vec<(Outcome, bool, bool)> {
        self.backend.look(|_, journal| journal.calls().iter().map(|call| (call.outcome, call.stale(), call.answered.is_some())).collect())
    }
}

const MAKE: &str = "/containers/create?name=jeroboam-x";
const START: &str = "/containers/jeroboam-x/start";

#[tokio::test]
async fn a_stale_change_is_refused_by_the_fence_and_counted_without_it() {
    for (fence, status, outcome) in [(true, 412, Outcome::Fenced), (false, 204, Outcome::Changed)] {
        let rig = Rig::with(Script { fence, ..Script::default() }).await;
        assert_eq!(rig.send(Method::POST, MAKE, 7).await.unwrap(), 201);
        assert_eq!(rig.send(Method::GET, "/containers/json", 9).await.unwrap(), 200);
        assert_eq!(rig.send(Method::POST, START, 7).await.unwrap(), status);
        assert_eq!(rig.outcomes(), [(Outcome::Made, false, true), (Outcome::Nothing, false, true), (outcome, true, true)]);
        rig.backend.look(|_, journal| assert_eq!((journal.changes_of_owner(), journal.nameless()), (1, 0)));
    }
}

#[tokio::test]
async fn what_has_arrived_acts_although_its_caller_is_gone() {
    let slow = Script { change: (Duration::from_millis(300), Duration::from_millis(301)), ..Script::default() };
    let rig = Rig::with(slow).await;
    let impatient = tokio::time::timeout(Duration::from_millis(100), rig.send(Method::POST, MAKE, 7)).await;
    assert!(impatient.is_err());
    assert_eq!(rig.outcomes(), [(Outcome::Pending, false, false)]);
    sleep(Duration::from_millis(600)).await;
    assert_eq!(rig.outcomes(), [(Outcome::Made, false, false)]);
}

#[tokio::test]
async fn an_answer_is_lost_after_the_effect_and_a_failure_has_none() {
    let rig = Rig::with(Script { lost: 100, ..Script::default() }).await;
    assert!(rig.send(Method::POST, MAKE, 7).await.is_err());
    rig.backend.play(Script { failed: 100, ..Script::default() });
    assert_eq!(rig.send(Method::POST, START, 7).await.unwrap(), 500);
    assert_eq!(rig.outcomes(), [(Outcome::Made, false, false), (Outcome::Failed, false, true)]);
    rig.backend.look(|world, _| assert_eq!(world.inventory("c").first().unwrap().state, "created"));
}

#[tokio::test]
async fn a_hanging_cluster_gets_no_answer() {
    let rig = Rig::with(Script { hang: (100, Duration::from_millis(50)), ..Script::default() }).await;
    assert!(rig.send(Method::GET, "/info", 7).await.is_err());
    assert_eq!(rig.outcomes(), [(Outcome::Failed, false, false)]);
}

#[tokio::test]
async fn every_so_many_looks_a_cluster_is_found_in_the_other_health() {
    let rig = Rig::with(Script { flap: 2, ..Script::default() }).await;
    let mut found = Vec::new();
    for _ in 0..4 {
        found.push(rig.call(Method::GET, "/info", 7, &[]).await.unwrap().as_u16());
        assert_eq!(rig.send(Method::GET, "/info", 7).await.unwrap(), 200, "the looks of operations are none of it");
    }
    assert_eq!((found, rig.backend.health_changes()), (vec![200, 500, 500, 200], 2));
    rig.backend.play(Script::default());
    assert_eq!(rig.call(Method::GET, "/info", 7, &[]).await.unwrap(), 200);
    assert_eq!(rig.backend.health_changes(), 2);
}
