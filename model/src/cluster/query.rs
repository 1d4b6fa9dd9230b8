//! Reading clusters.

use crate::{
    cluster::Cluster,
    found::{Found, Ident, Page},
    id::ClusterId,
    quota::Usage,
    record::{self, Index, text_key},
    scope::Scope,
    tables::{Fault, View},
};

/// A cluster by id, whoever's it is.
pub fn by_id(view: &(impl View + ?Sized), id: ClusterId) -> Result<Option<Cluster>, Fault> {
    record::get(view, id.bytes())
}

/// A visible cluster by id or name.
pub fn find(view: &(impl View + ?Sized), ident: Ident<'_>, scope: Scope<'_>) -> Result<Found<Cluster>, Fault> {
    match ident {
        Ident::Id(uuid) => Ok(by_id(view, ClusterId::new(uuid))?.filter(|cluster| scope.sees(&cluster.project_id)).into()),
        Ident::Name(name) => {
            let fits = |cluster: &Cluster| cluster.wanted.name == name && scope.sees(&cluster.project_id);
            Ok(Found::of(record::named(view, Index::ClusterByName, name, fits)?))
        }
    }
}

/// One page of the visible clusters.
pub fn list(view: &(impl View + ?Sized), scope: Scope<'_>, page: &Page) -> Result<Vec<Cluster>, Fault> {
    match scope {
        Scope::All => record::page(view, Index::ClusterBySerial, &[], page),
        Scope::Project(project) => record::page(view, Index::ClusterByProject, &text_key(project), page),
    }
}

/// How many clusters a project has, whatever their status.
pub fn count_of_project(view: &(impl View + ?Sized), project: &str) -> Result<u64, Fault> {
    Ok(Usage::read(view, project)?.clusters)
}

/// Ids of all clusters in order of creation.
pub fn ids(view: &(impl View + ?Sized)) -> Result<Vec<ClusterId>, Fault> {
    let rows = record::serials(view, Index::ClusterBySerial, &[], &Page::ALL)?;
    Ok(rows.into_iter().map(|(_, id)| ClusterId::new(uuid::Uuid::from_bytes(id))).collect())
}
