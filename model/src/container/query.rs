//! Reading containers.

use crate::{
    container::Container,
    found::{Found, Ident, Page},
    id::{ClusterId, ContainerId},
    record::{self, Index, text_key},
    scope::Scope,
    tables::{Fault, View},
};

/// A container by id, whoever's it is.
pub fn by_id(view: &(impl View + ?Sized), id: ContainerId) -> Result<Option<Container>, Fault> {
    record::get(view, id.bytes())
}

/// A visible container by id or name.
pub fn find(view: &(impl View + ?Sized), ident: Ident<'_>, scope: Scope<'_>) -> Result<Found<Container>, Fault> {
    match ident {
        Ident::Id(uuid) => Ok(by_id(view, ContainerId::new(uuid))?.filter(|container| scope.sees(&container.project_id)).into()),
        Ident::Name(name) => {
            let fits = |container: &Container| container.wish.name == name && scope.sees(&container.project_id);
            Ok(Found::of(record::named(view, Index::ContainerByName, name, fits)?))
        }
    }
}

/// One page of the visible containers.
pub fn list(view: &(impl View + ?Sized), scope: Scope<'_>, page: &Page) -> Result<Vec<Container>, Fault> {
    match scope {
        Scope::All => record::page(view, Index::ContainerBySerial, &[], page),
        Scope::Project(project) => record::page(view, Index::ContainerByProject, &text_key(project), page),
    }
}

/// One page of the containers of a cluster, whoever's they are.
pub fn of_cluster(view: &(impl View + ?Sized), cluster: ClusterId, page: &Page) -> Result<Vec<Container>, Fault> {
    record::page(view, Index::ContainerByCluster, cluster.bytes(), page)
}
