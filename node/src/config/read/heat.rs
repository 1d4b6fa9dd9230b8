//! `[drivers.heat]`: the cloud that bays are made on, and who we are to it.

use drivers::heat;
use openstack::{Credentials, Realm, Scope, Secret, User};

use super::{Error, Read};

impl Read<'_> {
    pub(super) fn heat(&self, key: &str) -> Result<heat::Settings, Error> {
        let auth_url = self.text(key)?.trim();
        if !["http://", "https://"].iter().any(|scheme| auth_url.starts_with(scheme)) || !auth_url.trim_end_matches('/').ends_with("/v3") {
            return Err(self.wrong(key, "must be Keystone's address with its version, such as https://cloud.example:5000/v3"));
        }
        let api_cidr = self.optional("drivers.heat.api_cidr", |read, key| Ok(read.text(key)?.trim().to_owned()))?;
        let missing = "must name the network of the members, such as 10.1.0.0/24: from there the engines of bays are reached, without TLS";
        Ok(heat::Settings {
            auth_url: auth_url.to_owned(),
            region: self.optional("drivers.heat.region", |read, key| Ok(read.text(key)?.to_owned()))?,
            credentials: self.cloud_credentials()?,
            authorities: self.optional("drivers.heat.ca_file", |read, key| Ok(read.file(key)?.into_bytes()))?,
            poll: self.duration("drivers.heat.poll")?,
            api_cidr: api_cidr.ok_or_else(|| self.wrong("drivers.heat.api_cidr", missing))?,
        })
    }

    /// Who asks at the cloud: an application credential, or a user with a project.
    fn cloud_credentials(&self) -> Result<Credentials, Error> {
        let text = |key: &str| {
            let given = self.optional(key, |read, key| Ok(read.text(key)?.to_owned()))?;
            given.ok_or_else(|| self.wrong(key, "must be given beside drivers.heat.auth_url, or an application credential instead"))
        };
        let secret = |key: &str| -> Result<Secret, Error> { Ok(Secret::new(self.optional(key, Self::file)?.unwrap_or_default().trim())) };
        if let Some(id) = self.optional("drivers.heat.application_credential", |read, key| Ok(read.text(key)?.to_owned()))? {
            text("drivers.heat.application_credential_secret_file")?;
            return Ok(Credentials::Application { id, secret: secret("drivers.heat.application_credential_secret_file")? });
        }
        text("drivers.heat.password_file")?;
        Ok(Credentials::Password {
            user: User::Name { name: text("drivers.heat.user")?, domain: Realm::Name(text("drivers.heat.user_domain")?) },
            password: secret("drivers.heat.password_file")?,
            scope: Scope::ProjectNamed { name: text("drivers.heat.project")?, domain: Realm::Name(text("drivers.heat.project_domain")?) },
        })
    }
}
