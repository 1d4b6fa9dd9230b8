use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use openstack::{Answer, Credentials, Error, Scope, Secret, Transport, User};

use super::*;

/// A Keystone that answers as it is told. What it says to good requests is what the real one says.
#[derive(Debug, Default)]
struct Scripted {
    fails: Mutex<Option<Failure>>,
    asked: AtomicUsize,
    logins: AtomicUsize,
    /// Refuses our own token that many times.
    forgets_us: AtomicUsize,
}

#[derive(Clone, Copy, Debug)]
enum Failure {
    Down,
    Silent,
    Garbage,
    Broken,
}

fn token(user: &str) -> String {
    format!(
        r#"{{"token": {{"user": {{"id": "{user}", "name": "{user}", "domain": {{"id": "default"}}}}, "project": {{"id": "p", "name": "alpha",
        "domain": {{"id": "default"}}}}, "roles": [{{"id": "1", "name": "member"}}], "issued_at": "1970-01-01T00:00:00.000000Z",
        "expires_at": "1970-01-01T01:00:00.000000Z"}}}}"#
    )
}

fn answer(status: u16, body: &str) -> Answer {
    Answer { status: StatusCode::from_u16(status).unwrap(), headers: HeaderMap::new(), body: Bytes::copy_from_slice(body.as_bytes()) }
}

#[async_trait]
impl Transport for Scripted {
    async fn send(&self, service: &str, request: Request<Bytes>) -> Result<Answer, Error> {
        let failure = *self.fails.lock().unwrap();
        match failure {
            Some(Failure::Down) => {
                self.asked.fetch_add(1, Ordering::Relaxed);
                return Err(Error::Unreachable { service: service.to_owned(), reason: "refused".to_owned() });
            }
            Some(Failure::Silent) => {
                self.asked.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_secs(1000)).await;
            }
            Some(Failure::Garbage) => return Ok(answer(200, "<html>")),
            Some(Failure::Broken) => return Ok(answer(500, "{}")),
            None => {}
        }
        if request.method() == http::Method::POST {
            let number = self.logins.fetch_add(1, Ordering::Relaxed);
            let mut login = answer(201, &token("jeroboam"));
            login.headers.insert("x-subject-token", format!("ours-{number}").parse().unwrap());
            return Ok(login);
        }
        self.asked.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(20)).await;
        if self.forgets_us.load(Ordering::Relaxed) > 0 {
            self.forgets_us.fetch_sub(1, Ordering::Relaxed);
            return Ok(answer(401, r#"{"error": {"message": "no"}}"#));
        }
        match request.headers()["x-subject-token"].to_str().unwrap() {
            "alice" => Ok(answer(200, &token("alice"))),
            _ => Ok(answer(404, r#"{"error": {"message": "no such token"}}"#)),
        }
    }
}

/// A clock that stands where it is put.
#[derive(Debug, Default)]
struct Clock(AtomicU64);

impl Wall for Clock {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

struct Bed {
    scripted: Arc<Scripted>,
    clock: Arc<Clock>,
    keystone: Keystone,
}

fn bed() -> Bed {
    bed_with(Settings::default())
}

fn bed_with(settings: Settings) -> Bed {
    let scripted = Arc::new(Scripted::default());
    let user = User::Id("jeroboam".to_owned());
    let credentials = Credentials::Password { user, password: Secret::new("pw"), scope: Scope::Project("service".to_owned()) };
    let session = Session::new("http://keystone:5000", credentials, scripted.clone());
    let clock = Arc::new(Clock::default());
    Bed { keystone: Keystone::new(session, settings, clock.clone()), scripted, clock }
}

impl Bed {
    fn asked(&self) -> usize {
        self.scripted.asked.swap(0, Ordering::Relaxed)
    }
    fn fail(&self, failure: impl Into<Option<Failure>>) {
        *self.scripted.fails.lock().unwrap() = failure.into();
    }
    async fn user(&self, token: &str) -> Result<String, Unanswered> {
        Ok(self.keystone.caller(token).await?.map(|caller| caller.user_id.clone()).unwrap_or_default())
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_said_is_remembered_and_asked_again_in_time() {
    let bed = bed();
    for _ in 0..3 {
        assert_eq!(bed.user("alice").await.unwrap(), "alice");
        assert_eq!(bed.user("mallory").await.unwrap(), "");
    }
    assert_eq!(bed.asked(), 2);
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(bed.user("alice").await.unwrap(), "alice");
    assert_eq!(bed.asked(), 1);
    assert_eq!(bed.scripted.logins.load(Ordering::Relaxed), 1);
    let caller = bed.keystone.caller("alice").await.unwrap().unwrap();
    assert_eq!((caller.project_id.as_str(), caller.roles.as_slice()), ("p", ["member".to_owned()].as_slice()));
}

/// A busy Keystone once made strangers of everybody, where little was remembered.
#[tokio::test(start_paused = true)]
async fn an_answer_that_took_longer_than_it_is_remembered_holds_for_who_asked() {
    for remembered in [Duration::ZERO, Duration::from_millis(5)] {
        let bed = bed_with(Settings { remembered, ..Settings::default() });
        assert_eq!(bed.user("alice").await.unwrap(), "alice");
        assert_eq!(bed.user("mallory").await.unwrap(), "");
        assert_eq!(bed.user("alice").await.unwrap(), "alice");
        assert_eq!(bed.asked(), 3, "and is asked for again by the next");
    }
}

#[tokio::test(start_paused = true)]
async fn who_comes_together_waits_for_one_question() {
    let bed = bed();
    let users = futures::future::join_all((0..100).map(|_| bed.user("alice"))).await;
    assert!(users.iter().all(|user| user.as_deref() == Ok("alice")));
    assert_eq!(bed.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_never_good_past_its_end() {
    let bed = bed();
    assert_eq!(bed.user("alice").await.unwrap(), "alice");
    bed.clock.0.store(3_600_000, Ordering::Relaxed);
    assert_eq!(bed.user("alice").await.unwrap(), "", "though remembered");
    bed.fail(Failure::Down);
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(bed.user("alice").await.unwrap(), "", "nor within the grace");
}

#[tokio::test(start_paused = true)]
async fn a_keystone_that_fails_is_no_outage_for_who_was_known() {
    for failure in [Failure::Down, Failure::Silent, Failure::Garbage, Failure::Broken] {
        let bed = bed();
        assert_eq!(bed.user("alice").await.unwrap(), "alice");
        bed.fail(failure);
        tokio::time::advance(Duration::from_secs(61)).await;
        assert_eq!(bed.user("alice").await.unwrap(), "alice", "{failure:?}");
        assert!(bed.user("bob").await.is_err(), "{failure:?}: nothing is known of him");
        tokio::time::advance(Duration::from_secs(300)).await;
        assert!(bed.user("alice").await.is_err(), "{failure:?}: the grace is over");
        bed.fail(None);
        tokio::time::advance(PAUSE).await;
        assert_eq!(bed.user("alice").await.unwrap(), "alice", "{failure:?}: and back");
        assert_eq!(bed.user("bob").await.unwrap(), "");
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_keystone_costs_one_wait_and_not_one_for_each() {
    let bed = bed();
    assert_eq!(bed.user("alice").await.unwrap(), "alice");
    bed.asked();
    bed.fail(Failure::Silent);
    tokio::time::advance(Duration::from_secs(61)).await;
    let began = Instant::now();
    let strangers: Vec<String> = (0..200).map(|number| format!("stranger-{number}")).collect();
    let answers = futures::future::join_all(strangers.iter().map(|token| bed.user(token))).await;
    assert!(answers.iter().all(Result::is_err));
    assert!(began.elapsed() <= Duration::from_secs(6), "{:?}", began.elapsed());
    assert!(bed.asked() <= ASKING);
    let began = Instant::now();
    assert_eq!(bed.user("alice").await.unwrap(), "alice");
    assert_eq!(began.elapsed(), Duration::ZERO, "known, and nobody asks just now");
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_of_our_own_is_fetched_again_once() {
    let bed = bed();
    bed.scripted.forgets_us.store(1, Ordering::Relaxed);
    assert_eq!(bed.user("alice").await.unwrap(), "alice");
    assert_eq!(bed.scripted.logins.load(Ordering::Relaxed), 2);
    bed.scripted.forgets_us.store(10, Ordering::Relaxed);
    let told = bed.user("bob").await.unwrap_err().to_string();
    assert!(told.contains("refuses the credentials"), "{told}");
    assert_eq!(bed.scripted.logins.load(Ordering::Relaxed), 3);
}

#[tokio::test(start_paused = true)]
async fn our_own_token_is_renewed_before_it_ends() {
    let bed = bed();
    bed.user("alice").await.unwrap();
    tokio::time::advance(Duration::from_secs(3600 - 61)).await;
    bed.user("alice").await.unwrap();
    assert_eq!(bed.scripted.logins.load(Ordering::Relaxed), 1);
    tokio::time::advance(Duration::from_secs(62)).await;
    bed.user("bob").await.unwrap();
    assert_eq!(bed.scripted.logins.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_token_asks_nobody() {
    let bed = bed();
    assert_eq!(bed.user("").await.unwrap(), "");
    assert_eq!(bed.user(&"x".repeat(TOKEN_MAX + 1)).await.unwrap(), "");
    assert_eq!(bed.user("bad\u{1}token").await.unwrap(), "");
    assert_eq!(bed.asked(), 0);
}
