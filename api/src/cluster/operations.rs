//! What can be done with clusters, in no vocabulary.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

use model::{
    Class, Command, Fault, Page, Scope, View,
    cluster::{Cluster, ClusterWish, query},
    command::{ClusterCreate, ClusterDelete, ClusterUpdate, HealthReport},
    defaults,
    id::{ClusterId, NodeGroupId, OperationId, TemplateId},
    nodegroup::{self, DEFAULT_WORKER, NodeGroup, query::Counts},
    template::{self, Template},
};
use uuid::Uuid;

use super::driver;
use crate::{
    call::{Applied, Call, ident, one},
    decode::Given,
    error::Error,
    operation::held,
    page::{Key, Row, Wanted},
};

/// What people call it in messages.
const NOUN: &str = "cluster";

/// A cluster with what stands in other rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Whole {
    pub(crate) cluster: Cluster,
    /// Machines of masters and of all others.
    pub(super) counts: Counts,
    /// Its node groups; lists read none.
    pub(super) groups: Vec<NodeGroup>,
    /// Labels of its template; lists that do not show them have none.
    pub(super) inherited: Arc<BTreeMap<String, String>>,
}

impl Whole {
    fn of(view: &(impl View + ?Sized), cluster: Cluster) -> Result<Self, Fault> {
        let cluster = reasoned(view, cluster)?;
        let groups = nodegroup::query::of_cluster(view, cluster.id)?;
        let inherited = Arc::new(labels(view, cluster.template_id)?);
        Ok(Self { cluster, counts: nodegroup::query::counts(&groups), groups, inherited })
    }

    /// The rows of a page, together: no row is looked up for each cluster, and a template once for all that were made from it. Only of a
    /// cluster that is being changed the operation is looked up, and only where the reason of its status is shown.
    fn page(view: &(impl View + ?Sized), mut clusters: Vec<Cluster>, detail: bool) -> Result<Vec<Self>, Fault> {
        let counts = nodegroup::query::counts_of(view, clusters.iter().map(|cluster| cluster.id))?;
        let mut templates: BTreeMap<TemplateId, Arc<BTreeMap<String, String>>> = BTreeMap::new();
        if detail {
            clusters = clusters.into_iter().map(|cluster| reasoned(view, cluster)).collect::<Result<_, _>>()?;
            for cluster in &clusters {
                if let Entry::Vacant(entry) = templates.entry(cluster.template_id) {
                    entry.insert(Arc::new(labels(view, cluster.template_id)?));
                }
            }
        }
        let whole = |(cluster, counts): (Cluster, Counts)| {
            let inherited = templates.get(&cluster.template_id).map(Arc::clone).unwrap_or_default();
            Self { cluster, counts, groups: Vec::new(), inherited }
        };
        Ok(clusters.into_iter().zip(counts).map(whole).collect())
    }

    /// Machines of the group a size is about.
    pub(super) fn workers(&self) -> u32 {
        self.groups.iter().find(|group| group.name == DEFAULT_WORKER).map_or(0, |group| group.node_count)
    }
}

/// The cluster with the reason of its status as it is shown.
fn reasoned(view: &(impl View + ?Sized), cluster: Cluster) -> Result<Cluster, Fault> {
    let status_reason = held::of_cluster(view, &cluster)?;
    Ok(Cluster { status_reason, ..cluster })
}

fn labels(view: &(impl View + ?Sized), template: TemplateId) -> Result<BTreeMap<String, String>, Fault> {
    Ok(template::query::by_id(view, template)?.map(|template| template.wish.labels).unwrap_or_default())
}

impl Row for Whole {
    fn serial(&self) -> u64 {
        self.cluster.serial()
    }
    fn uuid(&self) -> Uuid {
        self.cluster.uuid()
    }
    fn column(&self, name: &str) -> Option<Key> {
        self.cluster.column(name)
    }
}

/// What a client asks for when it makes a cluster.
#[derive(Debug)]
pub(super) struct Asked {
    /// Empty where none was given.
    pub(super) name: String,
    /// Id or name.
    pub(super) template: String,
    pub(super) keypair: Option<String>,
    pub(super) node_count: u32,
    pub(super) master_count: u32,
    pub(super) docker_volume_size: Option<u32>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) merge_labels: bool,
    pub(super) flavor_id: Option<String>,
    pub(super) master_flavor_id: Option<String>,
    pub(super) create_timeout: Option<u32>,
    pub(super) discovery_url: Option<String>,
    pub(super) fixed_network: Option<String>,
    pub(super) fixed_subnet: Option<String>,
    pub(super) floating_ip_enabled: Given<bool>,
    pub(super) master_lb_enabled: Given<bool>,
}

/// What a client changes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Change {
    /// New size of the default workers, if it was named at all.
    pub(super) node_count: Option<u32>,
    pub(super) health: Option<HealthReport>,
}

/// A cluster as this request left it.
#[derive(Debug)]
pub(crate) struct Changed {
    pub(super) whole: Whole,
    pub(super) replayed: bool,
}

/// One page of the clusters the caller sees, as lists or as detailed lists show them.
pub(super) async fn list(call: &Call<'_>, rule: &str, detail: bool) -> Result<(Vec<Whole>, Wanted), Error> {
    call.allow(rule)?;
    let wanted = Wanted::of::<Cluster>(call)?;
    let reading = call.read().await?;
    let view = &*reading.view;
    let scope = call.wide();
    let marker = match wanted.marker {
        Some(uuid) => Some(one(query::find(view, model::Ident::Id(uuid), scope)?, NOUN, &uuid.to_string())?),
        None => None,
    };
    let rows = wanted.select(marker.as_ref(), |page: &Page| query::list(view, scope, page))?;
    Ok((Whole::page(view, rows, detail)?, wanted))
}

/// One cluster by id or name.
pub(super) async fn show(call: &Call<'_>, name: &str) -> Result<Whole, Error> {
    call.allow("cluster:get")?;
    let reading = call.read().await?;
    let cluster = one(query::find(&*reading.view, ident(name), call.wide())?, NOUN, name)?;
    Ok(Whole::of(&*reading.view, cluster)?)
}

/// Makes a cluster. `missing` is the class of a template that is not there; a cluster that is gone since is missing in any case.
pub(super) async fn create(call: &Call<'_>, asked: Asked, missing: Class) -> Result<Changed, Error> {
    call.allow("cluster:create")?;
    let (applied, made) = accept(call, asked).await.map_err(|error| error.instead(Class::Missing, missing))?;
    settled(call, &applied, made).await
}

/// Has a cluster accepted, or finds that it was, by the same request; with what was asked for, as far as it is known here.
async fn accept(call: &Call<'_>, asked: Asked) -> Result<(Applied, Whole), Error> {
    let reading = call.read_newest().await?;
    if let Some(applied) = call.remembered(&reading)? {
        return Ok((applied, Whole::default()));
    }
    let found = template::query::find(&*reading.view, ident(&asked.template), call.own())?;
    let template = one(found, "template", &asked.template)?;
    let driver = driver::choose(&*reading.view, &template.wish)?;
    if model::planted!("m16") {
        let bound = u64::from(call.app.settings.default_quota);
        if query::count_of_project(&*reading.view, &call.caller.project_id)? >= bound {
            return Err(Error::class(Class::OverQuota, "the project has all the clusters it may have"));
        }
    }
    drop(reading);
    let (node_count, master_count) = (asked.node_count, asked.master_count);
    let wish = inherit(call, asked, &template);
    sound(&wish, &template, master_count)?;
    let command = ClusterCreate {
        id: ClusterId::new(call.uuid()),
        template_id: template.id,
        wish: wish.clone(),
        node_count,
        master_count,
        worker_group: NodeGroupId::new(call.uuid()),
        master_group: NodeGroupId::new(call.uuid()),
        operation: OperationId::new(call.uuid()),
        driver: driver.clone(),
        default_quota: call.app.settings.default_quota,
    };
    let id = command.id;
    let applied = call.write(Command::ClusterCreate(command)).await?;
    let cluster = Cluster {
        id,
        revision: applied.done.revision,
        project_id: call.caller.project_id.clone(),
        user_id: call.caller.user_id.clone(),
        template_id: template.id,
        coe: template.wish.coe,
        driver,
        wanted: wish,
        created_ms: call.app.handle.seams().wall.now_ms(),
        ..Cluster::default()
    };
    let inherited = Arc::new(template.wish.labels);
    Ok((applied, Whole { cluster, inherited, ..Whole::default() }))
}

/// Lays what was asked for over what the template says.
fn inherit(call: &Call<'_>, asked: Asked, template: &Template) -> ClusterWish {
    let parent = &template.wish;
    let chance = &call.app.handle.seams().chance;
    let name = if asked.name.is_empty() { defaults::name(chance.number(), chance.number(), NOUN) } else { asked.name };
    let labels = match (asked.labels.is_empty(), asked.merge_labels) {
        (true, _) => parent.labels.clone(),
        (false, false) => asked.labels,
        (false, true) => {
            let mut labels = parent.labels.clone();
            labels.extend(asked.labels);
            labels
        }
    };
    ClusterWish {
        name,
        keypair: asked.keypair.or_else(|| parent.keypair_id.clone()),
        docker_volume_size: asked.docker_volume_size.or(parent.docker_volume_size),
        labels,
        flavor_id: asked.flavor_id.or_else(|| parent.flavor_id.clone()),
        master_flavor_id: asked.master_flavor_id.or_else(|| parent.master_flavor_id.clone()),
        create_timeout: asked.create_timeout,
        discovery_url: asked.discovery_url,
        fixed_network: asked.fixed_network.or_else(|| parent.fixed_network.clone()),
        fixed_subnet: asked.fixed_subnet.or_else(|| parent.fixed_subnet.clone()),
        floating_ip_enabled: asked.floating_ip_enabled.or(parent.floating_ip_enabled),
        master_lb_enabled: asked.master_lb_enabled.or(parent.master_lb_enabled),
        merge_labels: asked.merge_labels,
    }
}

/// # Errors
/// 400 for what does not go together.
fn sound(wish: &ClusterWish, template: &Template, master_count: u32) -> Result<(), Error> {
    if master_count > 1 && !wish.master_lb_enabled {
        return Err(Error::invalid("more than one master needs master_lb_enabled"));
    }
    if template.wish.docker_storage_driver.as_deref() == Some("devicemapper") && wish.docker_volume_size.is_some_and(|size| size < 3) {
        return Err(Error::invalid("docker_volume_size must be at least 3 with the storage driver devicemapper"));
    }
    Ok(())
}

/// Changes a cluster: `change` reads the patch against the present state, again when somebody else was faster.
pub(super) async fn update(call: &Call<'_>, name: &str, change: impl Fn(&Whole) -> Result<Change, Error>) -> Result<Changed, Error> {
    call.allow("cluster:update")?;
    let mut attempt = 1;
    loop {
        let reading = call.read_newest().await?;
        if let Some(applied) = call.remembered(&reading)? {
            return settled(call, &applied, Whole::default()).await;
        }
        let cluster = one(query::find(&*reading.view, ident(name), call.wide())?, NOUN, name)?;
        let whole = Whole::of(&*reading.view, cluster)?;
        drop(reading);
        call.check_revision(whole.cluster.revision)?;
        let Change { node_count, health } = change(&whole)?;
        let command = ClusterUpdate {
            id: whole.cluster.id,
            expected_revision: whole.cluster.revision,
            node_count,
            health,
            operation: OperationId::new(call.uuid()),
        };
        match call.write(Command::ClusterUpdate(command)).await {
            Ok(applied) => return settled(call, &applied, whole).await,
            Err(error) if call.again(attempt, &error) => attempt += 1,
            Err(error) => return Err(error),
        }
    }
}

/// Begins what goes on after the answer: `command` makes it of the present state and the revision it is bound to. Whether the caller may is
/// asked before.
pub(crate) async fn act(
    call: &Call<'_>,
    scope: Scope<'_>,
    command: impl FnOnce(&dyn View, &Whole, u64) -> Result<Command, Error>,
) -> Result<Changed, Error> {
    let reading = call.read_newest().await?;
    if let Some(applied) = call.remembered(&reading)? {
        return settled(call, &applied, Whole::default()).await;
    }
    let name = call.param(0);
    let cluster = one(query::find(&*reading.view, ident(name), scope)?, NOUN, name)?;
    let whole = Whole::of(&*reading.view, cluster)?;
    let expected_revision = call.bound_revision(whole.cluster.revision)?;
    let command = command(&*reading.view, &whole, expected_revision)?;
    drop(reading);
    let applied = call.write(command).await?;
    settled(call, &applied, whole).await
}

/// Deletes a cluster; by force it is gone soon in any case. Whether it was asked for before, by the same request.
pub(super) async fn delete(call: &Call<'_>, name: &str) -> Result<bool, Error> {
    call.allow("cluster:delete")?;
    let force = call.query.flag("force")?.unwrap_or(false);
    if force {
        call.allow("cluster:force_delete")?;
    }
    let reading = call.read_newest().await?;
    if let Some(applied) = call.remembered(&reading)? {
        return Ok(applied.replayed);
    }
    let cluster = one(query::find(&*reading.view, ident(name), call.wide())?, NOUN, name)?;
    drop(reading);
    let expected_revision = call.bound_revision(cluster.revision)?;
    let command = ClusterDelete { id: cluster.id, expected_revision, operation: OperationId::new(call.uuid()), force };
    Ok(call.write(Command::ClusterDelete(command)).await?.replayed)
}

/// The cluster as the state has it after this request; `before` stands in where it is gone already.
async fn settled(call: &Call<'_>, applied: &Applied, before: Whole) -> Result<Changed, Error> {
    let reading = call.read_after(applied.index).await?;
    let whole = match query::by_id(&*reading.view, ClusterId::new(applied.object()))? {
        Some(cluster) => Whole::of(&*reading.view, cluster)?,
        None if applied.replayed => {
            let message = format!("the first attempt succeeded, and the cluster {} is gone since", applied.object());
            return Err(Error::missing(message).replayed(true));
        }
        None => before,
    };
    Ok(Changed { whole, replayed: applied.replayed })
}
