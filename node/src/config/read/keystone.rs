//! `[keystone]`: whose tokens are taken, and who we are to Keystone.

use super::{Error, Read};
use crate::config::Keystone;

impl Read<'_> {
    /// `None` where no Keystone is named.
    pub(super) fn keystone(&self) -> Result<Option<Keystone>, Error> {
        let named = self.optional("keystone.auth_url", Self::url)?;
        let Some(auth_url) = named else { return Ok(None) };
        if self.optional("api.tokens", |_, _| Ok(()))?.is_some() {
            return Err(self.wrong("api.tokens", "and keystone.auth_url exclude each other: tokens are known from one place"));
        }
        let settings = api::KeystoneSettings {
            remembered: self.duration("keystone.remembered")?,
            grace: self.duration("keystone.grace")?,
            wait: self.duration("keystone.wait")?,
        };
        Ok(Some(Keystone {
            advertised: self.optional("keystone.www_authenticate_uri", Self::url)?.unwrap_or_else(|| auth_url.clone()),
            auth_url,
            credentials: self.credentials()?,
            region: self.optional("keystone.region_name", |read, key| Ok(read.text(key)?.to_owned()))?,
            interface: self.text("keystone.interface")?.parse().map_err(|error: String| self.wrong("keystone.interface", &error))?,
            authorities: self.optional("keystone.cafile", |read, key| read.file(key).map(String::into_bytes))?,
            settings,
        }))
    }

    fn credentials(&self) -> Result<openstack::Credentials, Error> {
        let text = |key: &str| self.optional(key, |read, key| Ok(read.text(key)?.to_owned()));
        if let Some(id) = text("keystone.application_credential_id")? {
            let secret = self.secret("keystone.application_credential_secret", "keystone.application_credential_secret_file")?;
            return Ok(openstack::Credentials::Application { id, secret });
        }
        let hint = "must be given (or keystone.application_credential_id), so that tokens can be validated";
        let name = text("keystone.username")?.ok_or_else(|| self.wrong("keystone.username", hint))?;
        let project = text("keystone.project_name")?.ok_or_else(|| self.wrong("keystone.project_name", "must be given"))?;
        let realm = |id: &str, name: &str| {
            let named = self.text(name)?.to_owned();
            Ok::<_, Error>(text(id)?.map_or(openstack::Realm::Name(named), openstack::Realm::Id))
        };
        Ok(openstack::Credentials::Password {
            user: openstack::User::Name { name, domain: realm("keystone.user_domain_id", "keystone.user_domain_name")? },
            password: self.secret("keystone.password", "keystone.password_file")?,
            scope: openstack::Scope::ProjectNamed {
                name: project,
                domain: realm("keystone.project_domain_id", "keystone.project_domain_name")?,
            },
        })
    }

    /// A secret from the configuration, or better from a file.
    fn secret(&self, key: &str, file: &str) -> Result<openstack::Secret, Error> {
        let from_file = self.optional(file, |read, key| Ok(read.file(key)?.trim().to_owned()))?;
        let secret = self.optional(key, |read, key| Ok(read.text(key)?.to_owned()))?.or(from_file);
        secret.map(openstack::Secret::new).ok_or_else(|| self.wrong(file, &format!("must name a file that holds it (or say {key})")))
    }
}
