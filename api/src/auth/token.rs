//! A file of fixed tokens: identity without Keystone, for a start, a test or a demo.
//!
//! ```toml
//! [[token]]
//! token = "any secret text"       # or: sha256 = "<64 hex digits>" of it, so that the file holds no secret
//! project_id = "demo"
//! user_id = "alice"
//! roles = ["member"]              # admin ⊃ member ⊃ reader
//! ```
//! Tokens are kept and looked up by their SHA-256, so a look-up's time says nothing about a token.

use std::{collections::HashMap, sync::Arc};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::Caller;

/// The longest token that is looked at.
const TOKEN_MAX: usize = 8 * 1024;

/// Why a token file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not TOML of this form.
    #[error("the token file cannot be read: {0}")]
    Form(#[from] Box<toml::de::Error>),
    /// An entry makes no sense.
    #[error("token {number} of the token file: {reason}")]
    Entry {
        /// Its position, from 1.
        number: usize,
        /// What is wrong.
        reason: &'static str,
    },
}

/// Fixed tokens.
#[derive(Debug, Default)]
pub struct Tokens {
    callers: HashMap<[u8; 32], Arc<Caller>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    token: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    token: Option<String>,
    sha256: Option<String>,
    project_id: String,
    user_id: String,
    #[serde(default)]
    roles: Vec<String>,
}

impl Tokens {
    /// Reads a token file.
    ///
    /// # Errors
    /// Says which entry is wrong.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let file: File = toml::from_str(text).map_err(Box::new)?;
        let mut callers = HashMap::new();
        for (position, entry) in file.token.into_iter().enumerate() {
            let wrong = |reason| Error::Entry { number: position + 1, reason };
            let digest = match (&entry.token, &entry.sha256) {
                (Some(token), None) if token.is_empty() || token.len() > TOKEN_MAX => return Err(wrong("the token is empty or too long")),
                (Some(token), None) => digest(token),
                (None, Some(hex)) => unhex(hex).ok_or_else(|| wrong("sha256 must be 64 hexadecimal digits"))?,
                _ => return Err(wrong("give either token or sha256")),
            };
            if entry.project_id.is_empty()
                || entry.user_id.is_empty()
                || [&entry.project_id, &entry.user_id].iter().any(|id| id.contains('\0'))
            {
                return Err(wrong("project_id and user_id must not be empty"));
            }
            let caller = Caller { project_id: entry.project_id, user_id: entry.user_id, roles: entry.roles, ..Caller::default() };
            if callers.insert(digest, Arc::new(caller.with_implied_roles())).is_some() {
                return Err(wrong("the same token stands there twice"));
            }
        }
        Ok(Self { callers })
    }

    /// The caller a token stands for.
    pub(crate) fn caller(&self, token: &str) -> Option<Arc<Caller>> {
        if token.len() > TOKEN_MAX {
            return None;
        }
        self.callers.get(&digest(token)).cloned()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.callers.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.callers.is_empty()
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let digits: Vec<u32> = text.chars().map(|char| char.to_digit(16)).collect::<Option<_>>()?;
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = pair.iter().try_fold(0_u8, |byte, digit| u8::try_from(*digit).ok().map(|digit| byte << 4 | digit))?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_and_hashed_tokens_are_known() {
        let text = r#"
            [[token]]
            token = "secret"
            project_id = "p"
            user_id = "u"
            roles = ["member"]
            [[token]]
            sha256 = "1a06df824ed741b53c785079a6347f00eec5af82f9850775409ca69dff4068a6"
            project_id = "q"
            user_id = "v"
        "#;
        let tokens = Tokens::parse(text).unwrap();
        assert_eq!(tokens.len(), 2);
        assert_eq!(tokens.caller("secret").unwrap().project_id, "p");
        assert_eq!(tokens.caller("hashed").unwrap().user_id, "v");
        assert!(tokens.caller("other").is_none());
        assert!(tokens.caller(&"x".repeat(10_000)).is_none());
    }

    #[test]
    fn what_makes_no_sense_is_refused_in_words() {
        for (text, word) in [
            ("[[token]]\nproject_id='p'\nuser_id='u'", "either"),
            ("[[token]]\ntoken='a'\nsha256='b'\nproject_id='p'\nuser_id='u'", "either"),
            ("[[token]]\nsha256='xyz'\nproject_id='p'\nuser_id='u'", "hexadecimal"),
            ("[[token]]\ntoken=''\nproject_id='p'\nuser_id='u'", "empty"),
            ("[[token]]\ntoken='a'\nproject_id=''\nuser_id='u'", "empty"),
            ("[[token]]\ntoken='a'\nproject_id='p'\nuser_id='u'\n[[token]]\ntoken='a'\nproject_id='p'\nuser_id='u'", "twice"),
            ("[[token]]\ntoken='a'\nproject_id='p'\nuser_id='u'\nrole='x'", "unknown field"),
        ] {
            let error = Tokens::parse(text).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
