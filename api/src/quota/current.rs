//! Quotas on the wire. A change is a plain object here, as it always was, and no JSON-Patch.

use http::StatusCode;
use model::quota::{CLUSTER, Quota};
use serde::{Serialize, Serializer, ser::SerializeMap};

use super::operations::{self, Found};
use crate::{call::Call, decode::Fields, error::Error, reply::Reply, time::Shown};

const COLLECTION: &str = "quotas";

/// What a quota limits to that names no number.
const LIMIT: u32 = 1;

struct Shape<'a>(&'a Quota);

impl Serialize for Shape<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let quota = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &quota.serial)?;
        map.serialize_entry("project_id", &quota.project_id)?;
        map.serialize_entry("resource", &quota.resource)?;
        map.serialize_entry("hard_limit", &quota.hard_limit)?;
        map.serialize_entry("created_at", &Shown(quota.created_ms))?;
        map.serialize_entry("updated_at", &quota.updated_ms.map(Shown))?;
        map.end()
    }
}

/// What holds for a project without a quota of its own.
#[derive(Serialize)]
struct Usual<'a> {
    hard_limit: u32,
    project_id: &'a str,
    resource: &'static str,
}

fn reply(status: StatusCode, found: &Found) -> Result<Reply, Error> {
    Ok(Reply::json(status, &Shape(&found.quota))?.revision(found.quota.revision).replayed(found.replayed))
}

/// `GET /v1/quotas`
pub(crate) async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    let (quotas, wanted) = operations::list(call, call.query.flag("all_tenants")?.unwrap_or(false)).await?;
    wanted.reply(call, COLLECTION, &quotas, Shape)
}

/// `GET /v1/quotas/{project}`
pub(crate) async fn incomplete(call: &Call<'_>) -> Result<Reply, Error> {
    call.allow("quota:get")?;
    Err(Error::invalid(format!("name the resource, too: /v1/quotas/PROJECT/{CLUSTER}")))
}

/// `GET /v1/quotas/{project}/{resource}`
pub(crate) async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    let project_id = call.param(0);
    match operations::show(call, project_id, call.param(1)).await? {
        Some(quota) => Ok(Reply::ok(&Shape(&quota))?.revision(quota.revision)),
        None => Reply::ok(&Usual { hard_limit: call.app.settings.default_quota, project_id, resource: CLUSTER }),
    }
}

fn limit(fields: &mut Fields) -> u32 {
    fields.read_only(&["id", "created_at", "updated_at"]);
    fields.integer("hard_limit", 0, i32::MAX.unsigned_abs()).or(LIMIT)
}

/// `POST /v1/quotas`
pub(crate) async fn create(call: &Call<'_>) -> Result<Reply, Error> {
    call.allow("quota:create")?;
    let mut fields = call.fields()?;
    let hard_limit = limit(&mut fields);
    let project_id = fields.required("project_id");
    let resource = fields.choice("resource", &[CLUSTER]).or(CLUSTER.to_owned());
    fields.finish()?;
    reply(StatusCode::CREATED, &operations::create(call, project_id, resource, hard_limit).await?)
}

/// `PATCH /v1/quotas/{project}/{resource}`
pub(crate) async fn update(call: &Call<'_>) -> Result<Reply, Error> {
    call.allow("quota:update")?;
    let mut fields = call.fields()?;
    let hard_limit = limit(&mut fields);
    fields.text("project_id");
    fields.choice("resource", &[CLUSTER]);
    fields.finish()?;
    reply(StatusCode::ACCEPTED, &operations::update(call, call.param(0), call.param(1), hard_limit).await?)
}

/// `DELETE /v1/quotas/{project}/{resource}`
pub(crate) async fn delete(call: &Call<'_>) -> Result<Reply, Error> {
    Ok(Reply::nothing().replayed(operations::delete(call, call.param(0), call.param(1)).await?))
}
