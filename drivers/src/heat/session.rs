//! One identity at one Keystone: a token as long as it is good, and where Heat is by the catalog that came with it.
//!
//! How long a token is good follows from the two times that Keystone wrote into it, counted on the monotonic clock from before the request; the
//! wall clock of this machine decides nothing. However many wait for a new token, one request fetches it. A token that Heat refuses is thrown
//! away and asked for again, once.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{sync::Mutex, time::Instant};

use crate::{
    error::Error,
    heat::{
        settings::{Credentials, Settings},
        wire::{Answer, Wire},
    },
};

/// A token is not used any more so long before its end, for a request takes its time.
const SPARE: Duration = Duration::from_secs(60);

/// A token, and where Heat is.
#[derive(Clone)]
struct Granted {
    token: String,
    heat: String,
    until: Instant,
}

/// See the module.
pub(super) struct Session {
    settings: Settings,
    wire: Wire,
    granted: Mutex<Option<Granted>>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Session {
    pub(super) fn new(settings: Settings) -> Result<Self, Error> {
        Ok(Self { wire: Wire::new(&settings)?, settings, granted: Mutex::default() })
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Asks Heat; `path` begins behind the project and is encoded.
    pub(super) async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, Error> {
        let granted = self.granted(None).await?;
        let answer = self.wire.send(method.clone(), &format!("{}{path}", granted.heat), Some(&granted.token), body).await?;
        if answer.status.as_u16() != 401 {
            return Ok(answer);
        }
        let granted = self.granted(Some(&granted.token)).await?;
        self.wire.send(method, &format!("{}{path}", granted.heat), Some(&granted.token), body).await
    }

    /// A good token that is not this one.
    async fn granted(&self, refused: Option<&str>) -> Result<Granted, Error> {
        let mut held = self.granted.lock().await;
        if let Some(granted) = held.as_ref().filter(|granted| granted.until > Instant::now() && refused != Some(granted.token.as_str())) {
            return Ok(granted.clone());
        }
        let asked = Instant::now();
        let url = format!("{}/auth/tokens", self.settings.auth_url.trim_end_matches('/'));
        let answer = self.wire.send(Method::POST, &url, None, Some(&self.words())).await?;
        match answer.status.as_u16() {
            201 => {}
            401 => return Err(Error::Refused(format!("Keystone does not know the credentials of drivers.heat: {}", answer.words()))),
            _ => return Err(answer.error()),
        }
        let granted = self.read(asked, &answer)?;
        *held = Some(granted.clone());
        Ok(granted)
    }

    /// Who asks, in Keystone's words.
    fn words(&self) -> Value {
        match &self.settings.credentials {
            Credentials::Password { user, user_domain, password, project, project_domain } => json!({"auth": {
                "identity": {"methods": ["password"], "password": {"user": {
                    "name": user, "domain": {"name": user_domain}, "password": password.reveal(),
                }}},
                "scope": {"project": {"name": project, "domain": {"name": project_domain}}},
            }}),
            Credentials::Application { id, secret } => json!({"auth": {
                "identity": {"methods": ["application_credential"], "application_credential": {"id": id, "secret": secret.reveal()}},
            }}),
        }
    }

    fn read(&self, asked: Instant, answer: &Answer) -> Result<Granted, Error> {
        let odd = |what: &str| Error::Broken(format!("Keystone's answer has no {what} that can be read"));
        let token = answer.headers.get("x-subject-token").and_then(|value| value.to_str().ok()).ok_or_else(|| odd("token"))?;
        let time = |name: &str| answer.body.pointer(&format!("/token/{name}")).and_then(Value::as_str)?.parse::<Timestamp>().ok();
        let (issued, expires) = time("issued_at").zip(time("expires_at")).ok_or_else(|| odd("times"))?;
        let good = Duration::try_from(expires.duration_since(issued)).unwrap_or_default();
        let catalog = answer.body.pointer("/token/catalog").and_then(Value::as_array).ok_or_else(|| odd("catalog"))?;
        let heat = heat(catalog, self.settings.region.as_deref()).ok_or_else(|| {
            let region = self.settings.region.as_deref().map_or_else(String::new, |region| format!(" in the region {region}"));
            Error::Refused(format!("the cloud's catalog has no public endpoint of the service orchestration{region}"))
        })?;
        let until = asked + good.saturating_sub(SPARE.min(good / 2));
        Ok(Granted { token: token.to_owned(), heat: heat.trim_end_matches('/').to_owned(), until })
    }
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key).and_then(Value::as_str)
}

/// Heat's public address in a catalog.
fn heat<'a>(catalog: &'a [Value], region: Option<&str>) -> Option<&'a str> {
    let service = catalog.iter().find(|service| text(service, "type") == Some("orchestration"))?;
    let fits = |endpoint: &&Value| {
        let here = region.is_none_or(|region| text(endpoint, "region") == Some(region) || text(endpoint, "region_id") == Some(region));
        text(endpoint, "interface") == Some("public") && here
    };
    text(service.get("endpoints")?.as_array()?.iter().find(fits)?, "url")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_address_of_the_region_is_taken() {
        let endpoint = |interface: &str, region: &str, url: &str| json!({"interface": interface, "region": region, "url": url});
        let endpoints = [endpoint("admin", "one", "a"), endpoint("public", "one", "b"), endpoint("public", "two", "c")];
        let catalog = [json!({"type": "identity", "endpoints": []}), json!({"type": "orchestration", "endpoints": endpoints})];
        assert_eq!(heat(&catalog, None), Some("b"));
        assert_eq!(heat(&catalog, Some("two")), Some("c"));
        assert_eq!(heat(&catalog, Some("three")), None);
    }
}
