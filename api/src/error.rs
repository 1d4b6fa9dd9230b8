//! The one mapping: what went wrong → HTTP status and body.
//!
//! Every body serves three generations of clients: `errors` (a list) for today's, `error_message` (JSON in a string) for those of 2015,
//! and `error` for the answers of the token check. Texts are ours; clients look at the status and the keys. What broke inside is logged
//! here, once, and the client is given the request's id instead of the words.

use std::time::Duration;

use axum::body::Body;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use model::{Class, Fault, Refusal};
use serde::Serialize;

use crate::version;

/// How soon a client may try again where nothing better is known.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A request that did not succeed.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Error {
    kind: Kind,
    message: String,
    replayed: bool,
    /// What broke, for the log only.
    cause: Option<String>,
}

/// What kind of answer it is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// The domain's classes.
    Class(Class),
    /// Not now: when to come back.
    Busy(Duration),
    /// It went wrong outside, and nobody says that the same request may simply be made again.
    Outside,
    /// No such path.
    Path,
    /// The path has other methods.
    Method(String),
    /// No representation the client would accept, or a version that is not one.
    NotAcceptable,
    /// A version outside the range: what was asked for.
    Version(String),
    /// A body of a type that is not read.
    MediaType,
    /// More bytes than the limit.
    TooLarge,
    /// The body did not arrive in time.
    Slow,
    /// It was there and is no longer.
    Gone,
}

impl Error {
    fn of(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), replayed: false, cause: None }
    }

    /// An error of one of the model's classes.
    pub(crate) fn class(class: Class, message: impl Into<String>) -> Self {
        Self::of(Kind::Class(class), message)
    }
    /// The request makes no sense.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::class(Class::Invalid, message)
    }
    /// There is no such thing for this caller.
    pub(crate) fn missing(message: impl Into<String>) -> Self {
        Self::class(Class::Missing, message)
    }
    /// The caller may not.
    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self::class(Class::Forbidden, message)
    }
    /// Nobody is known under this token.
    pub(crate) fn unauthenticated(message: impl Into<String>) -> Self {
        Self::class(Class::Unauthenticated, message)
    }
    /// It broke, and the words may be shown: an owner or an engine said them.
    pub(crate) fn engine(message: impl Into<String>) -> Self {
        Self::class(Class::Broken, message)
    }
    /// What is outside failed or did not answer; whoever wants it once more has to decide so.
    pub(crate) fn outside(message: impl Into<String>) -> Self {
        Self::of(Kind::Outside, message)
    }
    /// Not now.
    pub(crate) fn busy(message: impl Into<String>) -> Self {
        Self::of(Kind::Busy(RETRY_AFTER), message)
    }
    /// No such path.
    pub(crate) fn path() -> Self {
        Self::of(Kind::Path, "there is nothing at this path")
    }
    /// The path has only these methods.
    pub(crate) fn method(allow: String) -> Self {
        let message = format!("this path answers {allow}");
        Self::of(Kind::Method(allow), message)
    }
    /// Nothing the client would accept.
    pub(crate) fn not_acceptable(message: impl Into<String>) -> Self {
        Self::of(Kind::NotAcceptable, message)
    }
    /// A version outside the range.
    pub(crate) fn version(asked: &str) -> Self {
        let message = format!("version {asked} is not within {} to {}", version::MIN, version::MAX);
        Self::of(Kind::Version(asked.to_owned()), message)
    }
    /// A body of another type.
    pub(crate) fn media_type(message: impl Into<String>) -> Self {
        Self::of(Kind::MediaType, message)
    }
    /// More than the limit.
    pub(crate) fn too_large(limit: usize) -> Self {
        Self::of(Kind::TooLarge, format!("the request is larger than the limit of {limit} bytes"))
    }
    /// The body took too long.
    pub(crate) fn slow() -> Self {
        Self::of(Kind::Slow, "the body of the request did not arrive in time")
    }
    /// It is no longer kept.
    pub(crate) fn gone(message: impl Into<String>) -> Self {
        Self::of(Kind::Gone, message)
    }
    /// It broke here: logged with its cause, shown without.
    pub(crate) fn broken(cause: impl ToString) -> Self {
        Self { cause: Some(cause.to_string()), ..Self::class(Class::Broken, "something broke on the server") }
    }

    /// The same answer, marked as that of a request which was sent before.
    pub(crate) fn replayed(mut self, replayed: bool) -> Self {
        self.replayed = replayed;
        self
    }

    /// The same answer with something said first.
    pub(crate) fn within(mut self, place: &str) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }

    /// Whether it is about a version outside the range.
    pub(crate) const fn is_version(&self) -> bool {
        matches!(self.kind, Kind::Version(_))
    }

    /// Whether it is of this class.
    pub(crate) fn is(&self, class: Class) -> bool {
        self.kind == Kind::Class(class)
    }

    /// The same words under another class: some routes answer 400 for what elsewhere is 404.
    pub(crate) fn instead(mut self, from: Class, to: Class) -> Self {
        if self.is(from) {
            self.kind = Kind::Class(to);
        }
        self
    }

    /// The status: the only match from class to status.
    pub(crate) fn status(&self) -> StatusCode {
        match &self.kind {
            Kind::Class(class) => match class {
                Class::Invalid => StatusCode::BAD_REQUEST,
                Class::Unauthenticated => StatusCode::UNAUTHORIZED,
                Class::Forbidden | Class::OverQuota => StatusCode::FORBIDDEN,
                Class::Missing => StatusCode::NOT_FOUND,
                Class::Conflict => StatusCode::CONFLICT,
                Class::Precondition => StatusCode::PRECONDITION_FAILED,
                Class::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
                Class::Busy | Class::Stale => StatusCode::SERVICE_UNAVAILABLE,
                Class::Broken => StatusCode::INTERNAL_SERVER_ERROR,
            },
            Kind::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
            Kind::Outside => StatusCode::BAD_GATEWAY,
            Kind::Path => StatusCode::NOT_FOUND,
            Kind::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Kind::NotAcceptable | Kind::Version(_) => StatusCode::NOT_ACCEPTABLE,
            Kind::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Kind::Slow => StatusCode::REQUEST_TIMEOUT,
            Kind::Gone => StatusCode::GONE,
        }
    }

    /// The word for programs: who is at fault, or none for the answers of the router itself.
    fn code(&self) -> &'static str {
        match self.kind {
            Kind::Path | Kind::Method(_) | Kind::NotAcceptable => "",
            _ if self.status().is_server_error() => "server",
            _ => "client",
        }
    }

    /// The whole answer to the request with this id.
    pub(crate) fn respond(self, request_id: &str, auth_uri: &str) -> Response<Body> {
        let status = self.status();
        if let Some(cause) = &self.cause {
            tracing::error!(request_id, %cause, "a request failed inside");
        }
        let mut response = Response::new(Body::from(self.body(request_id)));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self.replayed {
            headers.insert(HeaderName::from_static("jeroboam-replayed"), HeaderValue::from_static("true"));
        }
        let extra = match &self.kind {
            Kind::Method(allow) => Some((header::ALLOW, allow.clone())),
            Kind::Class(Class::Unauthenticated) => Some((header::WWW_AUTHENTICATE, format!("Keystone uri=\"{auth_uri}\""))),
            Kind::Busy(after) => Some((header::RETRY_AFTER, seconds(*after).to_string())),
            Kind::Class(Class::Busy | Class::Stale) => Some((header::RETRY_AFTER, seconds(RETRY_AFTER).to_string())),
            // What is left of the body is not read: this connection cannot be used again.
            Kind::Slow | Kind::TooLarge => Some((header::CONNECTION, "close".to_owned())),
            _ => None,
        };
        if let Some((name, value)) = extra
            && let Ok(value) = HeaderValue::try_from(value)
        {
            headers.insert(name, value);
        }
        response
    }

    fn body(&self, request_id: &str) -> Vec<u8> {
        let bytes = match &self.kind {
            Kind::Class(Class::Unauthenticated) => {
                serde_json::to_vec(&Refused { error: Unauthorized { code: 401, title: "Unauthorized", message: &self.message } })
            }
            Kind::Version(_) => serde_json::to_vec(&Versions { errors: [VersionEntry::new(&self.message)] }),
            _ => serde_json::to_vec(&self.ordinary(request_id)),
        };
        // Serialising texts into memory does not fail.
        bytes.unwrap_or_default()
    }

    fn ordinary<'a>(&'a self, request_id: &'a str) -> Ordinary<'a> {
        let status = self.status();
        let title = match self.kind {
            Kind::Path => "Not Found",
            Kind::Method(_) => "Method Not Allowed",
            Kind::NotAcceptable => "Not Acceptable",
            _ => self.message.split('.').next().unwrap_or_default(),
        };
        let fault =
            Soap { debuginfo: None, faultcode: if status.is_server_error() { "Server" } else { "Client" }, faultstring: &self.message };
        let entry = Entry { request_id, code: self.code(), status: status.as_u16(), title, detail: &self.message, links: [] };
        Ordinary { errors: [entry], error_message: serde_json::to_string(&fault).unwrap_or_default() }
    }
}

/// Whole seconds, rounded up, one at least.
fn seconds(after: Duration) -> u64 {
    after.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX).max(1)
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::class(refusal.class(), refusal.message)
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::broken(fault)
    }
}

impl From<raft::Error> for Error {
    fn from(error: raft::Error) -> Self {
        let message = error.to_string();
        match error {
            raft::Error::NoLeader { retry_after } | raft::Error::Overloaded { retry_after } => Self::of(Kind::Busy(retry_after), message),
            raft::Error::Timeout | raft::Error::Fatal(_) | raft::Error::Unreachable { .. } | raft::Error::NotNow(_) => Self::busy(message),
            raft::Error::Refused(_) => Self::class(Class::Conflict, message),
            raft::Error::TooLarge { limit, .. } => Self::too_large(limit),
            raft::Error::Storage(_) => Self::broken(message),
        }
    }
}

#[derive(Serialize)]
struct Ordinary<'a> {
    errors: [Entry<'a>; 1],
    error_message: String,
}

#[derive(Serialize)]
struct Entry<'a> {
    request_id: &'a str,
    code: &'a str,
    status: u16,
    title: &'a str,
    detail: &'a str,
    links: [(); 0],
}

#[derive(Serialize)]
struct Soap<'a> {
    debuginfo: Option<()>,
    faultcode: &'a str,
    faultstring: &'a str,
}

#[derive(Serialize)]
struct Refused<'a> {
    error: Unauthorized<'a>,
}

#[derive(Serialize)]
struct Unauthorized<'a> {
    code: u16,
    title: &'a str,
    message: &'a str,
}

#[derive(Serialize)]
struct Versions<'a> {
    errors: [VersionEntry<'a>; 1],
}

#[derive(Serialize)]
struct VersionEntry<'a> {
    code: &'a str,
    title: &'a str,
    description: &'a str,
    max_version: &'a str,
    min_version: &'a str,
    links: [Help; 1],
}

impl<'a> VersionEntry<'a> {
    fn new(description: &'a str) -> Self {
        Self {
            code: "magnum.microversion-unsupported",
            title: "Requested microversion is unsupported",
            description,
            max_version: version::MAX_TEXT,
            min_version: version::MIN_TEXT,
            links: [Help { rel: "help", href: "https://docs.openstack.org/api-guide/compute/microversions.html" }],
        }
    }
}

#[derive(Serialize)]
struct Help {
    rel: &'static str,
    href: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(error: &Error) -> serde_json::Value {
        serde_json::from_slice(&error.body("req-1")).unwrap()
    }

    #[test]
    fn one_body_serves_three_generations() {
        let body = json(&Error::missing("template x could not be found. Look again"));
        assert_eq!(body["errors"][0]["status"], 404);
        assert_eq!(body["errors"][0]["code"], "client");
        assert_eq!(body["errors"][0]["title"], "template x could not be found");
        assert_eq!(body["errors"][0]["detail"], "template x could not be found. Look again");
        let old: serde_json::Value = serde_json::from_str(body["error_message"].as_str().unwrap()).unwrap();
        assert_eq!(old["faultstring"], "template x could not be found. Look again");
        assert_eq!(old["faultcode"], "Client");
    }

    #[test]
    fn the_token_check_and_versions_have_their_own_forms() {
        assert_eq!(json(&Error::unauthenticated("no"))["error"]["code"], 401);
        let body = json(&Error::version("9.9"));
        assert_eq!(body["errors"][0]["max_version"], "1.14");
        assert!(body["errors"][0].get("status").is_none());
    }

    #[test]
    fn what_broke_inside_is_not_shown() {
        let error = Error::broken("secret path /var/lib");
        assert_eq!(error.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!json(&error).to_string().contains("secret"));
    }

    #[test]
    fn busy_says_when_to_come_back() {
        let error = Error::from(raft::Error::NoLeader { retry_after: Duration::from_millis(1200) });
        let response = error.respond("req-1", "");
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[header::RETRY_AFTER], "2");
    }
}
