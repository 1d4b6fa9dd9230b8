//! Reading templates. A project sees its own and the public ones of others that are not hidden.

use crate::{
    found::{Found, Ident, Page},
    id::TemplateId,
    record::{self, Index},
    scope::Scope,
    tables::{Fault, View},
    template::Template,
};

/// Whether a scope sees a template.
pub fn visible(template: &Template, scope: Scope<'_>) -> bool {
    scope.sees(&template.project_id) || (template.wish.public && !template.wish.hidden)
}

/// A template by id, whoever's it is.
pub fn by_id(view: &(impl View + ?Sized), id: TemplateId) -> Result<Option<Template>, Fault> {
    record::get(view, id.bytes())
}

/// A visible template by id or name.
pub fn find(view: &(impl View + ?Sized), ident: Ident<'_>, scope: Scope<'_>) -> Result<Found<Template>, Fault> {
    match ident {
        Ident::Id(uuid) => Ok(by_id(view, TemplateId::new(uuid))?.filter(|template| visible(template, scope)).into()),
        Ident::Name(name) => {
            let fits = |template: &Template| template.wish.name == name && visible(template, scope);
            Ok(Found::of(record::named(view, Index::TemplateByName, name, fits)?))
        }
    }
}

/// One page of the visible templates.
pub fn list(view: &(impl View + ?Sized), scope: Scope<'_>, page: &Page) -> Result<Vec<Template>, Fault> {
    let Scope::Project(project) = scope else {
        return record::page(view, Index::TemplateBySerial, &[], page);
    };
    // The own and the public ones are two sorted runs that overlap; a page of their union needs at most a page of each.
    let mut rows = record::serials(view, Index::TemplateByProject, &record::text_key(project), page)?;
    rows.extend(record::serials(view, Index::TemplatePublic, &[], page)?);
    rows.sort_unstable();
    rows.dedup();
    if page.descending {
        rows.reverse();
    }
    rows.truncate(page.limit);
    record::collect(view, rows.iter().map(|(_, id)| id.as_slice()))
}

/// Whether a cluster was made from it and still exists.
pub fn referenced(view: &(impl View + ?Sized), id: TemplateId) -> Result<bool, Fault> {
    Ok(!record::keys_by::<crate::cluster::Cluster>(view, Index::ClusterByTemplate, id.bytes(), 16, 1)?.is_empty())
}
