//! `/v1/stats`: how many clusters and machines there are.

use model::{Page, Scope, cluster, nodegroup};
use serde::Serialize;

use crate::{call::Call, error::Error, reply::Reply};

/// Clusters that are counted before others have their turn.
const PORTION: usize = 256;

/// Machines include those of the masters.
#[derive(Debug, Default, Serialize)]
struct Counted {
    clusters: u64,
    nodes: u64,
}

/// `GET /v1/stats`
pub(crate) async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    call.allow("stats:get_all")?;
    if call.query.get("type").is_some_and(|kind| !kind.eq_ignore_ascii_case("cluster")) {
        return Err(Error::invalid("type must be cluster"));
    }
    let project = call.query.get("project_id").filter(|project| !project.is_empty());
    let scope = match project {
        None => call.wide(),
        Some(project) if call.admin || project == call.caller.project_id => Scope::Project(project),
        Some(_) => return Err(Error::forbidden("only administrators may count what other projects have")),
    };
    Reply::ok(&count(call, scope).await?)
}

async fn count(call: &Call<'_>, scope: Scope<'_>) -> Result<Counted, Error> {
    let reading = call.read().await?;
    let view = &*reading.view;
    let mut counted = Counted::default();
    let mut page = Page { after: None, limit: PORTION, descending: false };
    loop {
        let clusters = cluster::query::list(view, scope, &page)?;
        for cluster in &clusters {
            let counts = nodegroup::query::counts(&nodegroup::query::of_cluster(view, cluster.id)?);
            counted.clusters += 1;
            counted.nodes += u64::from(counts.masters) + u64::from(counts.nodes);
        }
        match clusters.last() {
            Some(last) if clusters.len() == PORTION => page.after = Some(last.serial),
            _ => return Ok(counted),
        }
        tokio::task::yield_now().await;
    }
}
