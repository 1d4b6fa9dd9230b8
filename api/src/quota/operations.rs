//! What can be done with quotas.

use model::{
    Command, Page,
    command::{QuotaDelete, QuotaSet},
    quota::{Quota, query},
};
use uuid::Uuid;

use crate::{
    call::{Applied, Call},
    decode::{fields::shortened, scalar},
    error::Error,
    page::{Key, Row, Wanted},
};

/// A quota as this request left it.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) quota: Quota,
    pub(super) replayed: bool,
}

fn missing(project: &str) -> Error {
    Error::missing(format!("project {} has no quota of its own for this resource", shortened(project)))
}

/// One page: of the caller's project, or of all if an administrator says so.
pub(super) async fn list(call: &Call<'_>, all: bool) -> Result<(Vec<Quota>, Wanted), Error> {
    call.allow("quota:get_all")?;
    let wanted = Wanted::of::<Quota>(call)?;
    let scope = if all { call.wide() } else { call.own() };
    let reading = call.read().await?;
    let quotas = query::list(&*reading.view, scope)?;
    let marker = match wanted.marker {
        Some(uuid) => {
            Some(quotas.iter().find(|quota| quota.uuid() == uuid).cloned().ok_or_else(|| Error::missing("there is no such marker"))?)
        }
        None => None,
    };
    // There are as many as projects with a quota of their own: few enough to be held at once.
    let rows = wanted.select(marker.as_ref(), |page| Ok(paged(&quotas, page)))?;
    Ok((rows, wanted))
}

/// A page of what stands in order of creation.
fn paged(quotas: &[Quota], page: &Page) -> Vec<Quota> {
    let passed =
        |quota: &&Quota| page.after.is_some_and(|after| if page.descending { quota.serial >= after } else { quota.serial <= after });
    let take = |rows: &mut dyn Iterator<Item = &Quota>| rows.filter(|quota| !passed(quota)).take(page.limit).cloned().collect();
    if page.descending { take(&mut quotas.iter().rev()) } else { take(&mut quotas.iter()) }
}

/// A project's quota, if it has one of its own.
pub(super) async fn show(call: &Call<'_>, project: &str, resource: &str) -> Result<Option<Quota>, Error> {
    call.allow("quota:get")?;
    if !call.admin && project != call.caller.project_id {
        return Err(Error::forbidden("only administrators may read the quotas of other projects"));
    }
    let reading = call.read().await?;
    Ok(query::of(&*reading.view, project, resource)?)
}

/// Makes a quota; its caller was allowed to.
pub(super) async fn create(call: &Call<'_>, project_id: String, resource: String, hard_limit: u32) -> Result<Found, Error> {
    let known = call.app.identity.has_project(&project_id).await.map_err(|error| Error::busy(error.to_string()))?;
    if !known {
        return Err(Error::missing(format!("project {} could not be found", shortened(&project_id))));
    }
    set(call, QuotaSet { project_id, resource, hard_limit, create: Some(true) }).await
}

/// Changes a quota; its caller was allowed to.
pub(super) async fn update(call: &Call<'_>, project: &str, resource: &str, hard_limit: u32) -> Result<Found, Error> {
    let (project_id, resource) = (project.to_owned(), resource.to_owned());
    set(call, QuotaSet { project_id, resource, hard_limit, create: Some(false) }).await
}

async fn set(call: &Call<'_>, command: QuotaSet) -> Result<Found, Error> {
    let (project, resource) = (command.project_id.clone(), command.resource.clone());
    let Applied { index, replayed, .. } = call.write(Command::QuotaSet(command)).await?;
    let reading = call.read_after(index).await?;
    let quota = query::of(&*reading.view, &project, &resource)?.ok_or_else(|| missing(&project).replayed(replayed))?;
    Ok(Found { quota, replayed })
}

/// Removes a quota. Whether it was removed before, by the same request.
pub(super) async fn delete(call: &Call<'_>, project: &str, resource: &str) -> Result<bool, Error> {
    call.allow("quota:delete")?;
    let command = QuotaDelete { project_id: project.to_owned(), resource: resource.to_owned() };
    Ok(call.write(Command::QuotaDelete(command)).await?.replayed)
}

impl Row for Quota {
    fn serial(&self) -> u64 {
        self.serial
    }
    fn uuid(&self) -> Uuid {
        Uuid::from_u128(self.serial.into())
    }
    fn marker(&self) -> String {
        self.serial.to_string()
    }
    fn named(marker: &str) -> Result<Uuid, &'static str> {
        scalar::digits(marker).and_then(|serial| u128::try_from(serial).ok()).map(Uuid::from_u128).ok_or("an integer")
    }
    fn column(&self, name: &str) -> Option<Key> {
        Some(match name {
            "project_id" => Key::from(self.project_id.as_str()),
            "resource" => Key::from(self.resource.as_str()),
            "hard_limit" => Key::Number(self.hard_limit.into()),
            "created_at" => Key::Number(self.created_ms),
            "updated_at" => Key::from(self.updated_ms),
            _ => return None,
        })
    }
}
