//! Reading quotas.

use crate::{
    quota::Quota,
    record::{self, text_key},
    scope::Scope,
    tables::{Fault, View, Visit},
};

/// A project's quota for a resource.
pub fn of(view: &(impl View + ?Sized), project: &str, resource: &str) -> Result<Option<Quota>, Fault> {
    record::get(view, &[text_key(project), text_key(resource)].concat())
}

/// The limit of a project's own quota for a resource, if it has one.
pub fn limit(view: &(impl View + ?Sized), project: &str, resource: &str) -> Result<Option<u32>, Fault> {
    Ok(of(view, project, resource)?.map(|quota| quota.hard_limit))
}

/// The quotas in the scope, in order of creation.
pub fn list(view: &(impl View + ?Sized), scope: Scope<'_>) -> Result<Vec<Quota>, Fault> {
    let mut quotas: Vec<Quota> = Vec::new();
    record::each(view, &mut |quota: Quota| {
        if scope.sees(&quota.project_id) {
            quotas.push(quota);
        }
        Visit::Continue
    })?;
    quotas.sort_by_key(|quota| quota.serial);
    Ok(quotas)
}
