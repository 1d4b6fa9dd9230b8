//! Callers as Keystone knows them.
//!
//! What Keystone said of a token is remembered under the token's SHA-256: what it stands for, or that it stands for nothing. Whoever brings
//! the same token while it is being asked for waits for that one answer.
//!
//! # Invariants
//! * A token is never good past its own end, and what was said of it is asked for again after [`Settings::remembered`]: so long a token may
//!   still be taken after it was revoked.
//! * Keystone that cannot be asked is no outage for who was known before: what it said last holds for [`Settings::grace`] more. For everybody
//!   else it is a 503 that says when to come again; after a failure nobody asks for [`PAUSE`], so that a silent Keystone costs one wait and
//!   not one for each request.
//! * What is remembered and who may ask at once are bounded.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use lru::LruCache;
use openstack::{Session, Token, keystone};
use raft::seam::Wall;
use sha2::{Digest, Sha256};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout},
};

use super::{Caller, Unanswered};

/// The longest token that is looked at, in bytes.
const TOKEN_MAX: usize = 8 * 1024;

/// Tokens that are remembered at once.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(20_000).unwrap();

/// Questions to Keystone at once.
const ASKING: usize = 32;

/// How long nobody asks after Keystone failed.
const PAUSE: Duration = Duration::from_secs(1);

/// Bounds of what is remembered.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How long what Keystone said is taken as said. Default 60 s.
    pub remembered: Duration,
    /// How much longer while Keystone cannot be asked. Default 5 min.
    pub grace: Duration,
    /// How long a request waits for Keystone. Default 5 s.
    pub wait: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { remembered: Duration::from_secs(60), grace: Duration::from_secs(300), wait: Duration::from_secs(5) }
    }
}

/// See the module.
#[derive(Debug)]
pub struct Keystone {
    session: Session,
    settings: Settings,
    wall: Arc<dyn Wall>,
    remembered: Mutex<LruCache<[u8; 32], Arc<Slot>>>,
    asking: Semaphore,
    /// Nobody asks before this moment, and why.
    resting: Mutex<Option<(Instant, String)>>,
}

/// What is known of one token.
#[derive(Debug, Default)]
struct Slot {
    said: Mutex<Option<Said>>,
    /// Held by the one that asks.
    turn: tokio::sync::Mutex<()>,
}

/// What Keystone said, and when it was asked.
#[derive(Clone, Debug)]
struct Said {
    at: Instant,
    /// The caller and the end of the token in milliseconds of the wall clock; `None`: the token stands for nothing.
    caller: Option<(Arc<Caller>, i64)>,
}

impl Keystone {
    /// Asks with this session's identity, which must be allowed to validate the tokens of others.
    pub fn new(session: Session, settings: Settings, wall: Arc<dyn Wall>) -> Self {
        Self {
            session,
            settings,
            wall,
            remembered: Mutex::new(LruCache::new(REMEMBERED)),
            asking: Semaphore::new(ASKING),
            resting: Mutex::default(),
        }
    }

    /// The caller a token stands for, if any.
    ///
    /// # Errors
    /// Keystone does not say, and did not lately.
    pub(crate) async fn caller(&self, token: &str) -> Result<Option<Arc<Caller>>, Unanswered> {
        if token.is_empty() || token.len() > TOKEN_MAX {
            return Ok(None);
        }
        let slot = self.slot(Sha256::digest(token.as_bytes()).into());
        if let Some(caller) = self.known(&slot, self.settings.remembered) {
            return Ok(caller);
        }
        let _turn = timeout(self.settings.wait, slot.turn.lock()).await.map_err(|_| Unanswered("Keystone is slow".to_owned()))?;
        if let Some(caller) = self.known(&slot, self.settings.remembered) {
            return Ok(caller);
        }
        let asked = Instant::now();
        match self.ask(token).await {
            Ok(token) => {
                let caller = token.map(|token| (Arc::new(caller(&token)), token.expires_at.as_millisecond()));
                let said = Said { at: asked, caller };
                *lock(&slot.said) = Some(said.clone());
                // It holds for this request however long Keystone took over it.
                Ok(self.valid(said))
            }
            Err(unanswered) => self.known(&slot, self.settings.remembered + self.settings.grace).ok_or(unanswered),
        }
    }

    /// Whether there is such a project.
    ///
    /// # Errors
    /// Keystone does not say.
    pub(crate) async fn has_project(&self, id: &str) -> Result<bool, Unanswered> {
        let found = timeout(self.settings.wait, keystone::has_project(&self.session, id)).await;
        found.map_err(|_| Unanswered("Keystone is slow".to_owned()))?.map_err(|error| Unanswered(error.to_string()))
    }

    fn slot(&self, digest: [u8; 32]) -> Arc<Slot> {
        Arc::clone(lock(&self.remembered).get_or_insert(digest, Arc::default))
    }

    /// What was said at most `ago`; `Some(None)`: that the token stands for nothing.
    #[expect(clippy::option_option, reason = "nothing was said, or it was said that there is nobody")]
    fn known(&self, slot: &Slot, ago: Duration) -> Option<Option<Arc<Caller>>> {
        let said = lock(&slot.said).clone()?;
        (said.at.elapsed() < ago).then(|| self.valid(said))
    }

    /// The caller, as long as the token lasts.
    fn valid(&self, said: Said) -> Option<Arc<Caller>> {
        let now = i64::try_from(self.wall.now_ms()).unwrap_or(i64::MAX);
        said.caller.filter(|(_, ends)| now < *ends).map(|(caller, _)| caller)
    }

    /// Asks Keystone, unless it failed a moment ago.
    async fn ask(&self, token: &str) -> Result<Option<Token>, Unanswered> {
        self.rested()?;
        let asked = timeout(self.settings.wait, async {
            // Never closed; and who waited for a place may meet a Keystone that failed meanwhile.
            let _place = self.asking.acquire().await.map_err(|_| Unanswered("stopping".to_owned()))?;
            self.rested()?;
            keystone::validate(&self.session, token).await.map_err(|error| Unanswered(error.to_string()))
        });
        let answer = asked.await.unwrap_or_else(|_| Err(Unanswered(format!("Keystone did not answer within {:?}", self.settings.wait))));
        if let Err(Unanswered(reason)) = &answer {
            tracing::warn!(%reason, "a token could not be validated");
            *lock(&self.resting) = Some((Instant::now() + PAUSE, reason.clone()));
        }
        answer
    }

    /// # Errors
    /// Keystone failed a moment ago.
    fn rested(&self) -> Result<(), Unanswered> {
        match &*lock(&self.resting) {
            Some((until, reason)) if Instant::now() < *until => Err(Unanswered(reason.clone())),
            _ => Ok(()),
        }
    }
}

/// What is locked here stays whole whoever panics: values are replaced at once.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn caller(token: &Token) -> Caller {
    let project = token.project.clone().unwrap_or_default();
    Caller {
        project_id: project.id,
        project_name: project.name,
        project_domain_id: project.domain.id,
        user_id: token.user.id.clone(),
        user_name: token.user.name.clone(),
        user_domain_id: token.user.domain.id.clone(),
        domain_id: token.domain.as_ref().map(|domain| domain.id.clone()).unwrap_or_default(),
        system_scope: if token.system.is_some_and(|system| system.all) { "all".to_owned() } else { String::new() },
        roles: token.roles.iter().map(|role| role.name.clone()).collect(),
        trust_id: token.trust.as_ref().map(|trust| trust.id.clone()).unwrap_or_default(),
    }
}

#[cfg(test)]
#[path = "keystone_tests.rs"]
mod tests;
