//! One request from its first header to its last: identity, version, types, body, the handler, and what every answer carries.
//!
//! The order is fixed: token before path (nobody learns which paths exist), then version, then what the client accepts and sends, then
//! the query, then the body. Every wait has an end: the body's own limit, and one deadline for the rest.

use std::sync::Arc;

use axum::{
    body::{Body, HttpBody},
    extract::State,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, header, request::Parts};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::Instant;

use crate::{
    app::{App, Shared},
    auth::Caller,
    call::{Call, Seen},
    error::Error,
    headers::Wishes,
    link, query,
    reply::Reply,
    router::{Form, Matched},
    version::{self, Version},
};

const TOKEN: HeaderName = HeaderName::from_static("x-auth-token");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-openstack-request-id");
const INDEX: HeaderName = HeaderName::from_static("jeroboam-index");
const AGE: HeaderName = HeaderName::from_static("jeroboam-age-ms");

/// Which version headers an answer carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stamp {
    None,
    Asked,
    Version(Version),
}

/// Answers any request.
pub(crate) async fn answer(State(app): State<App>, request: Request<Body>) -> Response<Body> {
    let app = app.shared;
    let started = Instant::now();
    let (parts, body) = request.into_parts();
    let seen = Seen::default();
    let id = format!("req-{}", app.handle.seams().chance.uuid());
    let mut stamp = Stamp::None;
    let matched = app.table.find(&parts.method, parts.uri.path());
    let route = matched.as_ref().map_or("none", |matched| matched.route.path);
    let result = serve(&app, &parts, body, matched, &id, &seen, &mut stamp).await;
    let mut response = match result {
        Ok(reply) => reply.respond(),
        Err(error) => error.respond(&id, &app.settings.auth_uri),
    };
    app.metrics.answered(route, &parts.method, response.status(), started.elapsed());
    finish(&app, &parts, &mut response, &id, &seen, stamp).await;
    response
}

/// The headers every answer carries.
async fn finish(app: &Shared, parts: &Parts, response: &mut Response<Body>, id: &str, seen: &Seen, stamp: Stamp) {
    let index = match seen.index() {
        0 => app.handle.read(raft::Consistency::Stale, Instant::now()).await.map_or(0, |reading| reading.index),
        index => index,
    };
    let headers = response.headers_mut();
    headers.insert(INDEX, HeaderValue::from(index));
    if let Some(age) = seen.age_ms() {
        headers.insert(AGE, HeaderValue::from(age));
    }
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    match stamp {
        Stamp::None => {}
        Stamp::Asked => version::stamp(headers, None, &parts.headers),
        Stamp::Version(version) => version::stamp(headers, Some(version), &parts.headers),
    }
}

async fn serve(
    app: &Arc<Shared>,
    parts: &Parts,
    body: Body,
    matched: Result<Matched, Error>,
    id: &str,
    seen: &Seen,
    stamp: &mut Stamp,
) -> Result<Reply, Error> {
    let public = matched.as_ref().is_ok_and(|matched| matched.route.form == Form::Public || matched.route.form == Form::PublicVersioned);
    let caller = if public { app.nobody.clone() } else { authenticate(app, &parts.headers).await? };
    let Matched { route, params } = matched?;
    let deadline = Instant::now() + app.settings.request_timeout;
    let mut asked = version::MIN;
    if route.form != Form::Public {
        *stamp = Stamp::Asked;
        asked = Version::of(&parts.headers).inspect_err(|error| {
            if !error.is_version() {
                *stamp = Stamp::None;
            }
        })?;
        *stamp = Stamp::Version(asked);
        accepts(&parts.headers, route.form)?;
    }
    let query = query::parse(parts.uri.query(), route.query)?;
    let body = receive(app, parts, body, route.form).await?;
    let call = Call {
        app: Arc::clone(app),
        admin: app.policy.admin(&caller),
        caller,
        path: route.path,
        id: id.to_owned(),
        base: link::base(&parts.headers, &parts.uri, &app.settings),
        version: asked,
        params,
        query,
        wishes: Wishes::of(parts, &body)?,
        last_event: parts.headers.get("last-event-id").and_then(|id| id.to_str().ok()).map(str::to_owned),
        body,
        deadline,
        seen,
    };
    (route.handler)(&call).await
}

/// The caller that the token stands for. Headers in which the client says who it is are not looked at.
async fn authenticate(app: &Shared, headers: &HeaderMap) -> Result<Arc<Caller>, Error> {
    let refused = || Error::unauthenticated("The request you have made requires authentication.");
    let mut tokens = headers.get_all(TOKEN).iter();
    let (Some(token), None) = (tokens.next(), tokens.next()) else { return Err(refused()) };
    let token = token.to_str().map_err(|_| refused())?;
    let caller = app.identity.caller(token).await.map_err(|error| Error::busy(error.to_string()))?;
    caller.ok_or_else(refused)
}

const FORM: &str = "application/x-www-form-urlencoded";

/// # Errors
/// 406 if the client accepts nothing that is made here.
fn accepts(headers: &HeaderMap, form: Form) -> Result<(), Error> {
    if form == Form::AnyType {
        return Ok(());
    }
    let mut any = false;
    for value in headers.get_all(header::ACCEPT) {
        let Ok(text) = value.to_str() else { continue };
        for range in text.split(',') {
            let kind = range.split(';').next().unwrap_or_default().trim();
            if matches!(kind, "*/*" | "application/*") || kind.eq_ignore_ascii_case("application/json") {
                return Ok(());
            }
            any |= !kind.is_empty();
        }
    }
    if any { Err(Error::not_acceptable("only application/json is made here")) } else { Ok(()) }
}

/// The content type without its parameters.
fn content_type(headers: &HeaderMap) -> Option<&str> {
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().unwrap_or("unreadable");
    Some(kind.split(';').next().unwrap_or_default().trim())
}

/// Reads the body and checks its type.
async fn receive(app: &Shared, parts: &Parts, body: Body, form: Form) -> Result<Bytes, Error> {
    let limit = app.settings.max_body_bytes;
    let announced = parts.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > u64::try_from(limit).unwrap_or(u64::MAX)) {
        return Err(Error::too_large(limit));
    }
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let collected =
        tokio::time::timeout(app.settings.body_timeout, Limited::new(body, limit).collect()).await.map_err(|_| Error::slow())?;
    let bytes = match collected {
        Ok(collected) => collected.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Err(Error::too_large(limit)),
        Err(error) => return Err(Error::invalid(format!("the body broke off: {error}"))),
    };
    if bytes.is_empty() {
        return Ok(bytes);
    }
    if parts.method == Method::GET || parts.method == Method::HEAD {
        return Err(Error::invalid("a request that only reads has no body"));
    }
    if parts.headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(Error::media_type("bodies are read without content encoding only"));
    }
    match content_type(&parts.headers) {
        None => Ok(bytes),
        Some(kind) if kind.eq_ignore_ascii_case("application/json") => Ok(bytes),
        Some(kind) if kind.eq_ignore_ascii_case(FORM) && form == Form::Mixed => Ok(bytes),
        Some(kind) if kind.eq_ignore_ascii_case(FORM) => Err(Error::invalid("a form is not read here; send JSON")),
        Some(_) if parts.method == Method::DELETE => Ok(Bytes::new()),
        Some(_) => Err(Error::media_type("only application/json is read here")),
    }
}
