//! What a handler is given: one request, checked as far as all requests are, and the ways to read and write for its caller.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use model::{
    Actor, Class, Command, Done, Outcome,
    found::{Found, Ident},
    record::{self, Record},
    remember::RememberedKey,
    scope::Scope,
};
use raft::{Consistency, Reading, Write};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    app::Shared,
    auth::{Caller, Target, policy},
    error::Error,
    headers::{Revisions, Wishes},
    query::Query,
    router::Params,
    version::Version,
};

/// How often a change is computed afresh when others change the same object meanwhile. In each round somebody's change succeeds, so this is
/// the number of others that one may lose to; the request's own deadline ends it earlier.
const ATTEMPTS: usize = 200;

/// The log index an answer was made at, and how old the state may be; noted where it happens, told in the headers.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    index: AtomicU64,
    /// Milliseconds plus one; 0: nothing to tell.
    age: AtomicU64,
}

impl Seen {
    pub(crate) fn index(&self) -> u64 {
        self.index.load(Ordering::Relaxed)
    }
    pub(crate) fn age_ms(&self) -> Option<u64> {
        self.age.load(Ordering::Relaxed).checked_sub(1)
    }
    fn note(&self, index: u64) {
        self.index.store(index, Ordering::Relaxed);
    }
}

/// One request.
pub(crate) struct Call<'a> {
    pub(crate) app: Arc<Shared>,
    pub(crate) caller: Arc<Caller>,
    /// The caller acts for the whole cloud.
    pub(crate) admin: bool,
    /// The line of the router's table, which says in which vocabulary is spoken.
    pub(crate) path: &'static str,
    pub(crate) id: String,
    pub(crate) base: String,
    pub(crate) version: Version,
    pub(crate) params: Params,
    pub(crate) query: Query,
    pub(crate) wishes: Wishes,
    /// The last event a watcher saw.
    pub(crate) last_event: Option<String>,
    pub(crate) body: Bytes,
    pub(crate) deadline: Instant,
    pub(crate) seen: &'a Seen,
}

/// A command that was done.
#[derive(Debug)]
pub(crate) struct Applied {
    pub(crate) done: Done,
    pub(crate) index: u64,
    /// It was done before, under the same idempotency key.
    pub(crate) replayed: bool,
}

impl Applied {
    /// The id of the object it made or changed.
    pub(crate) fn object(&self) -> Uuid {
        Uuid::from_slice(&self.done.object).unwrap_or_default()
    }
    /// The id of the operation that was accepted.
    pub(crate) fn operation(&self) -> Option<Uuid> {
        Uuid::from_slice(&self.done.operation).ok()
    }
}

impl Call<'_> {
    /// Whether the caller may do this in its own project.
    ///
    /// # Errors
    /// 403 if the policy does not allow it.
    pub(crate) fn allow(&self, rule: &str) -> Result<(), Error> {
        let caller = &self.caller;
        self.allow_on(rule, &Target { project_id: &caller.project_id, user_id: &caller.user_id, ..Target::default() })
    }

    /// Whether the caller may do this to something.
    ///
    /// # Errors
    /// 403 if the policy does not allow it.
    pub(crate) fn allow_on(&self, rule: &str, target: &Target<'_>) -> Result<(), Error> {
        let rule = policy::classic::rule(self.path, rule);
        if self.app.policy.allows(&self.caller, &rule, target) {
            return Ok(());
        }
        Err(Error::forbidden(format!("the policy does not allow {rule} for this token")))
    }

    /// The part of the path that stands for the `position`th name of the route.
    pub(crate) fn param(&self, position: usize) -> &str {
        self.params.get(position).map_or("", String::as_str)
    }

    /// A random id.
    pub(crate) fn uuid(&self) -> Uuid {
        self.app.handle.seams().chance.uuid()
    }

    /// The caller's own project, or every one for an administrator.
    pub(crate) fn wide(&self) -> Scope<'_> {
        if self.admin { Scope::All } else { self.own() }
    }

    /// The caller's own project.
    pub(crate) fn own(&self) -> Scope<'_> {
        Scope::Project(&self.caller.project_id)
    }

    /// A state as fresh as the client wants it.
    ///
    /// # Errors
    /// 503 if that is not to be had in time.
    pub(crate) async fn read(&self) -> Result<Reading, Error> {
        let consistency = match (self.wishes.stale, self.wishes.min_index) {
            (false, _) => Consistency::Linearizable,
            (true, 0) => Consistency::Stale,
            (true, index) => Consistency::AtLeast(index),
        };
        let reading = self.read_as(consistency).await?;
        if self.wishes.stale {
            let age = u64::try_from(reading.age.as_millis()).unwrap_or(u64::MAX);
            self.seen.age.store(age.saturating_add(1), Ordering::Relaxed);
        }
        if reading.index < self.wishes.min_index {
            return self.read_as(Consistency::AtLeast(self.wishes.min_index)).await;
        }
        Ok(reading)
    }

    /// The newest state, whatever the client wants: what a change is computed from.
    ///
    /// # Errors
    /// 503 if that is not to be had in time.
    pub(crate) async fn read_newest(&self) -> Result<Reading, Error> {
        self.read_as(Consistency::Linearizable).await
    }

    /// A state that contains what this request wrote at `index`.
    ///
    /// # Errors
    /// 503 if that is not to be had in time.
    pub(crate) async fn read_after(&self, index: u64) -> Result<Reading, Error> {
        Ok(self.app.handle.read(Consistency::AtLeast(index), self.deadline).await?)
    }

    async fn read_as(&self, consistency: Consistency) -> Result<Reading, Error> {
        let reading = self.app.handle.read(consistency, self.deadline).await?;
        self.seen.note(reading.index);
        Ok(reading)
    }

    /// Who the log shall say asked.
    fn actor(&self) -> Actor {
        Actor {
            project_id: self.caller.project_id.clone(),
            user_id: self.caller.user_id.clone(),
            request_id: self.id.clone(),
            all_projects: self.admin,
        }
    }

    /// Puts a command into the log for the caller and waits until it is applied here.
    ///
    /// # Errors
    /// The refusal, or 503.
    pub(crate) async fn write(&self, command: Command) -> Result<Applied, Error> {
        let write = Write { command, actor: Some(self.actor()), key: self.wishes.key.clone() };
        model::fault_point!("api::admission::before");
        let written = self.app.handle.write(write, self.deadline).await?;
        model::fault_point!("api::admission::after", Err(raft::Error::Timeout.into()));
        self.seen.note(written.index);
        let replayed = written.outcome.index != written.index;
        settle(written.outcome, written.index, replayed)
    }

    /// What became of the same request when it was sent before under the same idempotency key, if it was. Asked before anything is
    /// computed, because the first attempt may have changed what the computation starts from.
    ///
    /// # Errors
    /// The refusal it had, or 422 for another request under the key.
    pub(crate) fn remembered(&self, reading: &Reading) -> Result<Option<Applied>, Error> {
        let Some(key) = &self.wishes.key else { return Ok(None) };
        let wanted = RememberedKey {
            project_id: self.caller.project_id.clone(),
            user_id: self.caller.user_id.clone(),
            key: key.key.clone(),
            ..RememberedKey::default()
        };
        let held: Option<RememberedKey> = record::get(&*reading.view, &wanted.key())?;
        let Some(held) = held.filter(|held| held.expires_ms > self.app.handle.now_ms()) else { return Ok(None) };
        if held.digest != key.digest {
            return Err(Error::class(
                Class::KeyReused,
                "this idempotency key was used with another request; use a new key for a new request",
            ));
        }
        match held.outcome {
            Some(outcome) => settle(outcome, reading.index, true).map(Some),
            None => Ok(None),
        }
    }

    /// Whether a change that failed because somebody else was faster should be computed again.
    pub(crate) fn again(&self, attempt: usize, error: &Error) -> bool {
        error.is(Class::Precondition) && self.wishes.revisions.is_none() && attempt < ATTEMPTS
    }

    /// # Errors
    /// 412 if the client named other revisions than the present one.
    pub(crate) fn check_revision(&self, present: u64) -> Result<(), Error> {
        self.wishes.revisions.as_ref().map_or(Ok(()), |revisions| revisions.check(present))
    }

    /// The revision a removal is bound to: the present one if the client named any in particular.
    ///
    /// # Errors
    /// 412 if the client named other revisions than the present one.
    pub(crate) fn bound_revision(&self, present: u64) -> Result<u64, Error> {
        self.check_revision(present)?;
        Ok(if matches!(self.wishes.revisions, Some(Revisions::These(_))) { present } else { 0 })
    }

    /// # Errors
    /// 400 if there is a body that says something: this request reads none.
    pub(crate) fn no_body(&self) -> Result<(), Error> {
        match self.body.trim_ascii() {
            b"" | b"{}" | b"null" => Ok(()),
            _ => Err(Error::invalid("this request has no body")),
        }
    }

    /// The body as an object of fields.
    ///
    /// # Errors
    /// 400 if it is none.
    pub(crate) fn fields(&self) -> Result<crate::decode::Fields, Error> {
        crate::decode::object(&self.body)
    }
}

fn settle(outcome: Outcome, index: u64, replayed: bool) -> Result<Applied, Error> {
    match outcome.into_result() {
        Ok(done) => Ok(Applied { done, index, replayed }),
        Err(refusal) => Err(Error::from(refusal).replayed(replayed)),
    }
}

/// An id or name in a path; a name is looked up as it is, a UUID in any spelling.
pub(crate) fn ident(text: &str) -> Ident<'_> {
    Ident::parse(text)
}

/// The one that was found.
///
/// # Errors
/// 404 for none, 409 for several.
pub(crate) fn one<T>(found: Found<T>, noun: &str, ident: &str) -> Result<T, Error> {
    Ok(found.required(noun, crate::decode::fields::shortened(ident))?)
}
