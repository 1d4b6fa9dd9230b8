//! Templates in today's vocabulary: `/v1/clustertemplates`.

use http::StatusCode;
use model::template::Template;
use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{operations, shape};
use crate::{call::Call, error::Error, link, reply::Reply};

const COLLECTION: &str = "clustertemplates";

struct Shape<'a> {
    template: &'a Template,
    base: &'a str,
}

impl Serialize for Shape<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let template = self.template;
        let mut map = serializer.serialize_map(None)?;
        shape::write(&mut map, template, &link::links(self.base, COLLECTION, template.id))?;
        map.serialize_entry("project_id", &template.project_id)?;
        map.serialize_entry("user_id", &template.user_id)?;
        map.serialize_entry("hidden", &template.wish.hidden)?;
        map.serialize_entry("tags", &template.wish.tags)?;
        map.serialize_entry("driver", &template.wish.driver)?;
        shape::write_times(&mut map, template)?;
        map.end()
    }
}

fn reply(call: &Call<'_>, status: StatusCode, template: &Template) -> Result<Reply, Error> {
    Ok(Reply::json(status, &Shape { template, base: &call.base })?.revision(template.revision))
}

async fn listing(call: &Call<'_>, rule: &str) -> Result<Reply, Error> {
    let (templates, wanted) = operations::list(call, rule).await?;
    wanted.reply(call, COLLECTION, &templates, |template| Shape { template, base: &call.base })
}

/// `GET /v1/clustertemplates`
pub(crate) async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    listing(call, "clustertemplate:get_all").await
}

/// `GET /v1/clustertemplates/detail`: the same entries.
pub(crate) async fn detail(call: &Call<'_>) -> Result<Reply, Error> {
    listing(call, "clustertemplate:detail").await
}

/// `GET /v1/clustertemplates/{template}`
pub(crate) async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    let template = operations::show(call, call.param(0)).await?;
    reply(call, StatusCode::OK, &template)
}

/// `POST /v1/clustertemplates`
pub(crate) async fn create(call: &Call<'_>) -> Result<Reply, Error> {
    let asked = shape::read_new(&call.body)?;
    let made = operations::create(call, asked.id, asked.wish, "template").await?;
    let href = link::href(&call.base, COLLECTION, made.template.id);
    Ok(reply(call, StatusCode::CREATED, &made.template)?.location(&href).replayed(made.replayed))
}

/// `PATCH /v1/clustertemplates/{template}`
pub(crate) async fn update(call: &Call<'_>) -> Result<Reply, Error> {
    let changed = operations::update(call, call.param(0), |wish| shape::read_patch(wish, &call.body)).await?;
    Ok(reply(call, StatusCode::OK, &changed.template)?.replayed(changed.replayed))
}

/// `DELETE /v1/clustertemplates/{template}`: nothing is shown, so that it serves the other vocabulary, too.
pub(crate) async fn delete(call: &Call<'_>) -> Result<Reply, Error> {
    let replayed = operations::delete(call, call.param(0)).await?;
    Ok(Reply::nothing().replayed(replayed))
}
