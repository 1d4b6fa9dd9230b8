//! A request that succeeded: status, body, and the headers that belong to it.

use axum::body::Body;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde::Serialize;

use crate::error::Error;

const REPLAYED: HeaderName = HeaderName::from_static("jeroboam-replayed");

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    response: Response<Body>,
}

impl Reply {
    /// JSON.
    ///
    /// # Errors
    /// If it cannot be serialised, which would be a fault of ours.
    pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Result<Self, Error> {
        let mut bytes = Vec::with_capacity(2048);
        serde_json::to_writer(&mut bytes, body).map_err(Error::broken)?;
        Ok(Self::of(status, "application/json", Body::from(bytes)))
    }

    /// 200 with JSON.
    ///
    /// # Errors
    /// As [`Reply::json`].
    pub(crate) fn ok(body: &impl Serialize) -> Result<Self, Error> {
        Self::json(StatusCode::OK, body)
    }

    /// 204.
    pub(crate) fn nothing() -> Self {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        Self { response }
    }

    /// A body of any type.
    pub(crate) fn of(status: StatusCode, content_type: &'static str, body: Body) -> Self {
        let mut response = Response::new(body);
        *response.status_mut() = status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self { response }
    }

    /// With a header, where its value can be one.
    pub(crate) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.response.headers_mut().insert(name, value);
        }
        self
    }

    /// With the revision of the one object it shows.
    pub(crate) fn revision(self, revision: u64) -> Self {
        self.with(header::ETAG, &format!("\"{revision}\""))
    }

    /// With the address of what was made.
    pub(crate) fn location(self, href: &str) -> Self {
        self.with(header::LOCATION, href)
    }

    /// Marked, if it answers a request that was sent before.
    pub(crate) fn replayed(self, replayed: bool) -> Self {
        if replayed { self.with(REPLAYED, "true") } else { self }
    }

    /// The HTTP response.
    pub(crate) fn respond(self) -> Response<Body> {
        self.response
    }
}
