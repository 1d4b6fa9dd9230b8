//! One identity at one Keystone, with a token that is always good.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode, header};
use serde_json::Value;
use tokio::{sync::Mutex, time::Instant};

use crate::{
    catalog::Interface,
    credentials::Credentials,
    error::Error,
    token::{Envelope, Granted},
    transport::{Answer, Transport, WORDS},
};

const TOKEN: HeaderName = HeaderName::from_static("x-auth-token");
const SUBJECT: HeaderName = HeaderName::from_static("x-subject-token");

/// How long before its end a token is not used any more: as long as the longest call may take, and some.
const MARGIN: Duration = Duration::from_secs(60);

/// A service to ask, and how its name stands in catalogs.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// What people call it, for errors.
    pub name: &'static str,
    /// Its types in catalogs, the preferred one first.
    pub kinds: &'static [&'static str],
}

impl Target {
    /// Keystone itself.
    pub const KEYSTONE: Self = Self { name: "Keystone", kinds: &["identity"] };
    /// Orchestration.
    pub const HEAT: Self = Self { name: "Heat", kinds: &["orchestration"] };
    /// Machines.
    pub const NOVA: Self = Self { name: "Nova", kinds: &["compute"] };
    /// Images.
    pub const GLANCE: Self = Self { name: "Glance", kinds: &["image"] };
    /// Networks.
    pub const NEUTRON: Self = Self { name: "Neutron", kinds: &["network"] };
    /// Volumes.
    pub const CINDER: Self = Self { name: "Cinder", kinds: &["block-storage", "volumev3"] };
    /// Load balancers.
    pub const OCTAVIA: Self = Self { name: "Octavia", kinds: &["load-balancer"] };
}

/// See the module.
#[derive(Debug)]
pub struct Session {
    /// Keystone's address with its version: `http://host:5000/v3`.
    auth_url: String,
    credentials: Credentials,
    region: Option<String>,
    interface: Interface,
    transport: Arc<dyn Transport>,
    /// Held while a token is fetched, so that one request fetches it for all.
    current: Mutex<Option<Current>>,
}

#[derive(Clone, Debug)]
struct Current {
    granted: Arc<Granted>,
    until: Instant,
}

impl Session {
    /// A session that asks for nothing yet. `auth_url` with or without `/v3` at its end.
    pub fn new(auth_url: &str, credentials: Credentials, transport: Arc<dyn Transport>) -> Self {
        let url = auth_url.trim_end_matches('/');
        let auth_url = if url.ends_with("/v3") { url.to_owned() } else { format!("{url}/v3") };
        Self { auth_url, credentials, region: None, interface: Interface::default(), transport, current: Mutex::new(None) }
    }

    /// Which endpoints of the catalog count.
    #[must_use]
    pub fn at(mut self, interface: Interface, region: Option<String>) -> Self {
        self.interface = interface;
        self.region = region;
        self
    }

    /// Keystone's address, with `/v3`.
    pub fn auth_url(&self) -> &str {
        &self.auth_url
    }

    /// A token that is good for a while yet; fetched if need be.
    ///
    /// # Errors
    /// [`Error::Credentials`] if Keystone refuses ours, or that it cannot be asked.
    pub async fn granted(&self) -> Result<Arc<Granted>, Error> {
        let mut current = self.current.lock().await;
        if let Some(current) = &*current
            && Instant::now() < current.until
        {
            return Ok(Arc::clone(&current.granted));
        }
        let fetched = self.fetch().await?;
        let granted = Arc::clone(&fetched.granted);
        *current = Some(fetched);
        Ok(granted)
    }

    /// Throws a token away that somebody refused, unless there is a newer one.
    async fn refused(&self, granted: &Arc<Granted>) {
        let mut current = self.current.lock().await;
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(&current.granted, granted)) {
            *current = None;
        }
    }

    /// `POST /v3/auth/tokens`: 201, the token in `X-Subject-Token`.
    async fn fetch(&self) -> Result<Current, Error> {
        let asked = Instant::now();
        let body = Bytes::from(self.credentials.body().to_string());
        let request = self.request(&Method::POST, &format!("{}/auth/tokens", self.auth_url), Some(body), &[])?;
        let name = Target::KEYSTONE.name;
        let answer = self.transport.send(name, request).await?;
        if matches!(answer.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Err(Error::Credentials(answer.message()));
        }
        let answer = accepted(name, answer)?;
        let secret = answer.headers.get(&SUBJECT).and_then(|value| value.to_str().ok());
        let secret = secret.ok_or_else(|| garbage(name, "a token without X-Subject-Token"))?;
        let Envelope { token } = read(name, &answer)?;
        let life = token.life();
        tracing::debug!(user = token.user.id, life_s = life.as_secs(), "Keystone gave a token");
        // One that hardly lives is used all the same, for half its life at least.
        let until = asked + life.saturating_sub(MARGIN.min(life / 2));
        Ok(Current { granted: Arc::new(Granted { secret: crate::Secret::new(secret), token }), until })
    }

    /// One request to a service with our token, again with a new one if the first was refused. `path` begins with a slash and follows the
    /// endpoint of the catalog.
    ///
    /// # Errors
    /// No token, no endpoint, no answer. Every status but 401 is an answer: see [`accepted`](Self::call) for calls that must succeed.
    pub async fn ask(
        &self,
        target: Target,
        method: Method,
        path: &str,
        body: Option<&Value>,
        headers: &[(HeaderName, HeaderValue)],
    ) -> Result<Answer, Error> {
        let body = body.map(|body| Bytes::from(body.to_string()));
        let mut again = true;
        loop {
            let granted = self.granted().await?;
            let url = format!("{}{path}", self.endpoint(target, &granted)?);
            let mut token =
                HeaderValue::try_from(granted.secret.expose()).map_err(|_| garbage("Keystone", "a token that no header can carry"))?;
            token.set_sensitive(true);
            let mut all = vec![(TOKEN, token)];
            all.extend_from_slice(headers);
            let request = self.request(&method, &url, body.clone(), &all)?;
            let answer = self.transport.send(target.name, request).await?;
            if answer.status != StatusCode::UNAUTHORIZED {
                return Ok(answer);
            }
            self.refused(&granted).await;
            if !again {
                return Err(Error::Credentials(format!("{} answered 401: {}", target.name, answer.message())));
            }
            again = false;
        }
    }

    /// As [`ask`](Self::ask), but only a 2xx is an answer.
    ///
    /// # Errors
    /// [`Error::Refused`] with the service's words besides.
    pub async fn call(&self, target: Target, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, Error> {
        accepted(target.name, self.ask(target, method, path, body, &[]).await?)
    }

    /// `GET` of JSON.
    ///
    /// # Errors
    /// As [`call`](Self::call), or JSON of another shape.
    pub async fn get<T: serde::de::DeserializeOwned>(&self, target: Target, path: &str) -> Result<T, Error> {
        read(target.name, &self.call(target, Method::GET, path, None).await?)
    }

    fn endpoint<'a>(&'a self, target: Target, granted: &'a Granted) -> Result<&'a str, Error> {
        if target.name == Target::KEYSTONE.name {
            return Ok(&self.auth_url); // what the operator wrote, not what the catalog thinks
        }
        let region = self.region.as_deref();
        granted.token.catalog.endpoint(target.kinds, self.interface, region).ok_or_else(|| Error::NoEndpoint {
            service: target.name.to_owned(),
            region: region.map(|region| format!(" in region {region}")).unwrap_or_default(),
            interface: self.interface.as_str(),
        })
    }

    fn request(
        &self,
        method: &Method,
        url: &str,
        body: Option<Bytes>,
        headers: &[(HeaderName, HeaderValue)],
    ) -> Result<Request<Bytes>, Error> {
        let mut request = Request::builder().method(method).uri(url).header(header::ACCEPT, "application/json");
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request.body(body.unwrap_or_default()).map_err(|error| Error::Settings(format!("{url}: {error}")))
    }
}

/// # Errors
/// What is no 2xx, in the service's words.
fn accepted(service: &str, answer: Answer) -> Result<Answer, Error> {
    if answer.status.is_success() {
        return Ok(answer);
    }
    Err(Error::Refused { service: service.to_owned(), status: answer.status.as_u16(), message: answer.message() })
}

/// # Errors
/// A body of another shape.
pub(crate) fn read<T: serde::de::DeserializeOwned>(service: &str, answer: &Answer) -> Result<T, Error> {
    serde_json::from_slice(&answer.body).map_err(|error| garbage(service, &error.to_string()))
}

pub(crate) fn garbage(service: &str, reason: &str) -> Error {
    Error::Garbage { service: service.to_owned(), reason: reason.chars().take(WORDS).collect() }
}
