//! Idempotency keys: a client that repeats a request under the same key gets the first one's answer, through whichever member.
//!
//! A key is scoped to (project, user). With the same digest it answers again, with another one it is refused. It lives [`LIFE_MS`] of
//! log time, under a cap of [`CAP`] per project: the oldest go, in portions, because finding them costs a scan. An answer that says
//! "not now" is not kept, so that the retry it asks for can succeed.

use prost::Message;

use crate::{
    command::{Actor, IdempotencyKey},
    context::Context,
    outcome::{Answer, Class, Outcome, Refusal},
    record::{self, Index, Record, index_prefix, text_key, text_serial_key},
    tables::{Fault, KeyRange, View, Visit, table},
};

/// How long a key is remembered: a day of log time, milliseconds.
pub const LIFE_MS: u64 = 24 * 60 * 60 * 1000;

/// How many keys a project may have remembered; a portion more may stand there for a while.
pub const CAP: u64 = 10_000;

/// How many of a project's keys go at once when there are too many.
pub const PORTION: u64 = 256;

/// A remembered key.
#[derive(Clone, PartialEq, Message)]
pub struct RememberedKey {
    /// Project of who sent it.
    #[prost(string, tag = "1")]
    pub project_id: String,
    /// User who sent it.
    #[prost(string, tag = "2")]
    pub user_id: String,
    /// The key as sent.
    #[prost(string, tag = "3")]
    pub key: String,
    /// Digest of the request it came with.
    #[prost(bytes = "vec", tag = "4")]
    pub digest: Vec<u8>,
    /// What became of it.
    #[prost(message, optional, tag = "5")]
    pub outcome: Option<Outcome>,
    /// Log time at which it is forgotten, milliseconds.
    #[prost(uint64, tag = "6")]
    pub expires_ms: u64,
}

impl Record for RememberedKey {
    const TABLE: u8 = table::IDEMPOTENCY;
    fn key(&self) -> Vec<u8> {
        scoped(&self.project_id, &self.user_id, &self.key)
    }
    fn indexes(&self) -> Vec<(Index, Vec<u8>)> {
        vec![
            (Index::IdempotencyByExpiry, self.expires_ms.to_be_bytes().to_vec()),
            (Index::IdempotencyByProject, text_serial_key(&self.project_id, self.expires_ms)),
        ]
    }
}

fn scoped(project: &str, user: &str, key: &str) -> Vec<u8> {
    [project.as_bytes(), &[0], user.as_bytes(), &[0], key.as_bytes()].concat()
}

/// How many keys of a project are remembered.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct KeyCount {
    /// Remembered now.
    #[prost(uint64, tag = "1")]
    pub(crate) count: u64,
    /// All with an expiry before this are gone; where the search for the oldest begins.
    #[prost(uint64, tag = "2")]
    pub(crate) floor_ms: u64,
    /// The project.
    #[prost(string, tag = "3")]
    pub(crate) project_id: String,
}

/// First byte of the keys of counts within the table of single values.
const COUNT: u8 = b'k';

fn count_key(project: &str) -> Vec<u8> {
    [&[COUNT], project.as_bytes()].concat()
}

impl Record for KeyCount {
    const TABLE: u8 = table::META;
    fn key(&self) -> Vec<u8> {
        count_key(&self.project_id)
    }
}

impl KeyCount {
    pub(crate) fn read(view: &(impl View + ?Sized), project: &str) -> Result<Self, Fault> {
        let count = record::get(view, &count_key(project))?;
        Ok(count.unwrap_or_else(|| Self { project_id: project.to_owned(), ..Self::default() }))
    }
}

/// The answer to a request that was made before under the same key, if it was.
pub(crate) fn look_up(view: &(impl View + ?Sized), actor: &Actor, key: &IdempotencyKey, at_ms: u64) -> Result<Option<Outcome>, Fault> {
    let Some(held) = record::get::<RememberedKey>(view, &scoped(&actor.project_id, &actor.user_id, &key.key))? else {
        return Ok(None);
    };
    if held.expires_ms <= at_ms {
        return Ok(None);
    }
    if held.digest == key.digest {
        return Ok(held.outcome);
    }
    let refusal =
        Refusal::new(Class::KeyReused, "key-reused", "this idempotency key was used with another request; use a new key for a new request");
    Ok(Some(Outcome { answer: Some(Answer::Refused(refusal)), index: held.outcome.map(|outcome| outcome.index).unwrap_or_default() }))
}

/// Whether an outcome is kept under a key: not one that asks to try again.
fn kept(outcome: &Outcome) -> bool {
    match &outcome.answer {
        Some(Answer::Done(_)) => true,
        Some(Answer::Refused(refusal)) => {
            !matches!(refusal.class(), Class::Busy | Class::Stale | Class::Precondition | Class::KeyReused | Class::Broken)
        }
        None => false,
    }
}

/// Remembers an outcome under a key.
pub(crate) fn remember(context: &mut Context<'_>, key: IdempotencyKey, outcome: &Outcome) -> Result<(), Fault> {
    if !kept(outcome) {
        return Ok(());
    }
    let held = RememberedKey {
        project_id: context.actor.project_id.clone(),
        user_id: context.actor.user_id.clone(),
        key: key.key,
        digest: key.digest,
        outcome: Some(outcome.clone()),
        expires_ms: context.at_ms.saturating_add(LIFE_MS),
    };
    let previous: Option<RememberedKey> = record::get(context.tables, &held.key())?;
    record::replace(context.tables, previous.as_ref(), &held);
    let mut count = KeyCount::read(context.tables, &held.project_id)?;
    if previous.is_none() {
        count.count = count.count.saturating_add(1);
    }
    forget_beyond(context, &mut count, CAP, PORTION)?;
    record::replace(context.tables, None, &count);
    Ok(())
}

/// Forgets a project's oldest keys when it has a portion too many.
fn forget_beyond(context: &mut Context<'_>, count: &mut KeyCount, cap: u64, portion: u64) -> Result<(), Fault> {
    if count.count <= cap.saturating_add(portion) {
        return Ok(());
    }
    let surplus = usize::try_from(count.count.saturating_sub(cap)).unwrap_or(usize::MAX);
    let prefix = index_prefix(Index::IdempotencyByProject, &text_key(&count.project_id));
    let mut range = KeyRange::prefix(&prefix);
    range.start = [prefix.as_slice(), &count.floor_ms.to_be_bytes()].concat();
    for held in scan_held(context, range, prefix.len(), u64::MAX, surplus)? {
        record::delete(context.tables, &held);
        count.floor_ms = count.floor_ms.max(held.expires_ms);
        count.count = count.count.saturating_sub(1);
    }
    Ok(())
}

/// Forgets keys whose time has come, `limit` at most.
pub(crate) fn expire(context: &mut Context<'_>, limit: usize) -> Result<usize, Fault> {
    let prefix = index_prefix(Index::IdempotencyByExpiry, &[]);
    let mut range = KeyRange::prefix(&prefix);
    range.start = [prefix.as_slice(), &context.meta.key_floor_ms.to_be_bytes()].concat();
    let due = scan_held(context, range, prefix.len(), context.at_ms, limit)?;
    for held in &due {
        record::delete(context.tables, held);
        context.meta.key_floor_ms = context.meta.key_floor_ms.max(held.expires_ms);
        let mut count = KeyCount::read(context.tables, &held.project_id)?;
        count.count = count.count.saturating_sub(1);
        if count.count == 0 {
            record::delete(context.tables, &count);
        } else {
            record::replace(context.tables, None, &count);
        }
    }
    Ok(due.len())
}

/// The remembered keys of an index range whose rows have an expiry of at most `due_ms` after the prefix, `limit` at most.
fn scan_held(context: &Context<'_>, range: KeyRange, prefix: usize, due_ms: u64, limit: usize) -> Result<Vec<RememberedKey>, Fault> {
    let mut keys: Vec<Vec<u8>> = Vec::new();
    if limit == 0 {
        return Ok(Vec::new());
    }
    context.tables.scan(range, &mut |row, _| {
        let Some((expiry, key)) = row.get(prefix..).and_then(|rest| rest.split_first_chunk::<8>()) else {
            return Visit::Continue;
        };
        if u64::from_be_bytes(*expiry) > due_ms {
            return Visit::Stop;
        }
        keys.push(key.to_vec());
        if keys.len() < limit { Visit::Continue } else { Visit::Stop }
    })?;
    record::collect(context.tables, keys.iter().map(Vec::as_slice))
}

/// Whether a key's time has come.
pub(crate) fn due(view: &(impl View + ?Sized), at_ms: u64, floor_ms: u64) -> Result<bool, Fault> {
    let prefix = index_prefix(Index::IdempotencyByExpiry, &[]);
    let mut range = KeyRange::prefix(&prefix);
    range.start = [prefix.as_slice(), &floor_ms.to_be_bytes()].concat();
    let mut due = false;
    view.scan(range, &mut |row, _| {
        let expiry = row.get(prefix.len()..).and_then(|rest| rest.first_chunk::<8>());
        due = expiry.is_some_and(|expiry| u64::from_be_bytes(*expiry) <= at_ms);
        Visit::Stop
    })?;
    Ok(due)
}
