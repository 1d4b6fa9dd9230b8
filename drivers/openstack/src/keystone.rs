//! Keystone's own calls: what somebody's token stands for.

use http::{HeaderName, HeaderValue, Method, StatusCode};

use crate::{
    error::Error,
    session::{Session, Target, read},
    token::{Envelope, Token},
};

const SUBJECT: HeaderName = HeaderName::from_static("x-subject-token");

/// What a token that somebody brought stands for; `None`: nothing (made up, expired, revoked, its project disabled).
///
/// `GET /v3/auth/tokens?nocatalog` with our own token beside it: 200, or 404. A token of an application credential with access rules is
/// answered as unknown, because we do not say that we would enforce them.
///
/// # Errors
/// Keystone cannot be asked, or refuses ourselves.
pub async fn validate(session: &Session, subject: &str) -> Result<Option<Token>, Error> {
    let Ok(mut value) = HeaderValue::try_from(subject) else { return Ok(None) };
    value.set_sensitive(true);
    let answer = session.ask(Target::KEYSTONE, Method::GET, "/auth/tokens?nocatalog", None, &[(SUBJECT, value)]).await?;
    let name = Target::KEYSTONE.name;
    match answer.status {
        StatusCode::OK => read::<Envelope>(name, &answer).map(|envelope| Some(envelope.token)),
        StatusCode::NOT_FOUND => Ok(None),
        // A service user without the right to look at others' tokens is a fault of the configuration, not of the caller.
        StatusCode::FORBIDDEN => Err(Error::Credentials("it may not validate tokens (give it the role admin or service)".to_owned())),
        status => Err(Error::Refused { service: name.to_owned(), status: status.as_u16(), message: status.to_string() }),
    }
}

/// Whether there is such a project: `GET /v3/projects/{id}`, 200 or 404. Where we may not know (403) it is taken as there.
///
/// # Errors
/// Keystone cannot be asked, or refuses ourselves.
pub async fn has_project(session: &Session, id: &str) -> Result<bool, Error> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    if id.is_empty() || !id.chars().all(plain) {
        return Ok(false); // no project has such an id, and it could lead the request elsewhere
    }
    let answer = session.ask(Target::KEYSTONE, Method::GET, &format!("/projects/{id}"), None, &[]).await?;
    match answer.status {
        StatusCode::OK | StatusCode::FORBIDDEN => Ok(true),
        StatusCode::NOT_FOUND => Ok(false),
        status => Err(Error::Refused { service: Target::KEYSTONE.name.to_owned(), status: status.as_u16(), message: status.to_string() }),
    }
}
