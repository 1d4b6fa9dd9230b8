//! Templates in the vocabulary of 2014: `/v1/baymodels`.

use http::StatusCode;
use model::template::Template;
use serde::{Serialize, Serializer, ser::SerializeMap};

/// `DELETE /v1/baymodels/{baymodel}`
pub(crate) use super::current::delete;
use super::{operations, shape};
use crate::{call::Call, error::Error, link, reply::Reply};

const COLLECTION: &str = "baymodels";

struct Shape<'a> {
    template: &'a Template,
    base: &'a str,
}

impl Serialize for Shape<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let template = self.template;
        let mut map = serializer.serialize_map(None)?;
        shape::write(&mut map, template, &link::links(self.base, COLLECTION, template.id))?;
        if let Some(key) = &template.wish.ssh_authorized_key {
            map.serialize_entry("ssh_authorized_key", key)?;
        }
        shape::write_times(&mut map, template)?;
        map.end()
    }
}

/// What a list shows.
struct Trimmed<'a>(Shape<'a>);

impl Serialize for Trimmed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Shape { template, base } = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("uuid", &template.id.uuid())?;
        map.serialize_entry("name", &template.wish.name)?;
        map.serialize_entry("image_id", &template.wish.image_id)?;
        map.serialize_entry("apiserver_port", &template.wish.apiserver_port)?;
        map.serialize_entry("coe", &template.wish.coe)?;
        map.serialize_entry("links", &link::links(base, COLLECTION, template.id))?;
        map.end()
    }
}

fn reply(call: &Call<'_>, status: StatusCode, template: &Template) -> Result<Reply, Error> {
    Ok(Reply::json(status, &Shape { template, base: &call.base })?.revision(template.revision))
}

/// `GET /v1/baymodels`
pub(crate) async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    let (templates, wanted) = operations::list(call, "clustertemplate:get_all").await?;
    wanted.reply(call, COLLECTION, &templates, |template| Trimmed(Shape { template, base: &call.base }))
}

/// `GET /v1/baymodels/detail`
pub(crate) async fn detail(call: &Call<'_>) -> Result<Reply, Error> {
    let (templates, wanted) = operations::list(call, "clustertemplate:detail").await?;
    wanted.reply(call, COLLECTION, &templates, |template| Shape { template, base: &call.base })
}

/// `GET /v1/baymodels/{baymodel}`
pub(crate) async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    let template = operations::show(call, call.param(0)).await?;
    reply(call, StatusCode::OK, &template)
}

/// `POST /v1/baymodels`
pub(crate) async fn create(call: &Call<'_>) -> Result<Reply, Error> {
    let asked = shape::read_new(&call.body)?;
    let made = operations::create(call, asked.id, asked.wish, "model").await?;
    let href = link::href(&call.base, COLLECTION, made.template.id);
    Ok(reply(call, StatusCode::CREATED, &made.template)?.location(&href).replayed(made.replayed))
}

/// `PATCH /v1/baymodels/{baymodel}`
pub(crate) async fn update(call: &Call<'_>) -> Result<Reply, Error> {
    let changed = operations::update(call, call.param(0), |wish| shape::read_patch(wish, &call.body)).await?;
    Ok(reply(call, StatusCode::OK, &changed.template)?.replayed(changed.replayed))
}
