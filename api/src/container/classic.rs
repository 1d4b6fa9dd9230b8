//! Containers on the wire: `/v1/containers` and their actions.

use std::collections::BTreeMap;

use http::StatusCode;
use model::{
    container::{Container, ContainerWish},
    operation::Kind,
};
use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{operations, outcome::Ended};
use crate::{
    call::Call,
    decode::{Fields, Object, Value},
    error::Error,
    link,
    patch::{self, Rules},
    query,
    reply::Reply,
    time::Shown,
};

const COLLECTION: &str = "containers";

/// The longest command line.
const COMMAND_MAX: usize = 65_536;

/// The least memory an engine gives, bytes.
const MEMORY_MIN: u64 = 4 << 20;

const PATCH: Rules = Rules { internal: &["bay_uuid", "status"], fixed: &["image"], dictionaries: &["environment"] };

struct Shape<'a> {
    container: &'a Container,
    base: &'a str,
    full: bool,
}

impl Serialize for Shape<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let container = self.container;
        let wish = &container.wish;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("uuid", &container.id.uuid())?;
        map.serialize_entry("name", &wish.name)?;
        map.serialize_entry("bay_uuid", &container.cluster.uuid())?;
        map.serialize_entry("image", &wish.image)?;
        map.serialize_entry("command", &wish.command)?;
        map.serialize_entry("status", container.status().word())?;
        map.serialize_entry("memory", &wish.memory)?;
        map.serialize_entry("environment", &(!wish.environment.is_empty()).then_some(&wish.environment))?;
        map.serialize_entry("links", &link::links(self.base, COLLECTION, container.id))?;
        if self.full {
            map.serialize_entry("created_at", &Shown(container.created_ms))?;
            map.serialize_entry("updated_at", &container.updated_ms.map(Shown))?;
        }
        map.end()
    }
}

fn reply(call: &Call<'_>, status: StatusCode, container: &Container) -> Result<Reply, Error> {
    Ok(Reply::json(status, &Shape { container, base: &call.base, full: true })?.revision(container.revision))
}

async fn listing(call: &Call<'_>, rule: &str, full: bool) -> Result<Reply, Error> {
    let (containers, wanted) = operations::list(call, rule, call.query.get("bay_ident")).await?;
    wanted.reply(call, COLLECTION, &containers, |container| Shape { container, base: &call.base, full })
}

/// `GET /v1/containers`
pub(crate) async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    listing(call, "container:get_all", false).await
}

/// `GET /v1/containers/detail`
pub(crate) async fn detail(call: &Call<'_>) -> Result<Reply, Error> {
    listing(call, "container:detail", true).await
}

/// `GET /v1/containers/{container}`
pub(crate) async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    reply(call, StatusCode::OK, &operations::show(call, call.param(0)).await?)
}

/// Reads what a container is to be; `image` may have its name of before 2015.
fn read(fields: &mut Fields) -> ContainerWish {
    let image = if fields.has("image_id") && !fields.has("image") { "image_id" } else { "image" };
    let memory = fields.text("memory").some();
    if memory.as_deref().is_some_and(|memory| bytes_of(memory).is_none_or(|bytes| bytes < MEMORY_MIN)) {
        fields.complain("memory must be a number with the unit b, k, m or g, and 4m at least");
    }
    ContainerWish {
        name: fields.text("name").or(String::new()),
        image: fields.required(image),
        command: fields.text_within("command", 1, COMMAND_MAX).some(),
        memory,
        environment: fields.dictionary("environment").or(BTreeMap::new()),
    }
}

/// A size such as `512m`, in bytes.
fn bytes_of(memory: &str) -> Option<u64> {
    let lower = memory.to_ascii_lowercase();
    let digits = lower.trim_end_matches(|char: char| char.is_ascii_alphabetic());
    let unit = match lower.get(digits.len()..)? {
        "" | "b" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        _ => return None,
    };
    let number: u64 = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())??;
    number.checked_mul(unit).filter(|bytes| i64::try_from(*bytes).is_ok())
}

/// `POST /v1/containers`
pub(crate) async fn create(call: &Call<'_>) -> Result<Reply, Error> {
    let mut fields = call.fields()?;
    fields.read_only(&["links", "created_at", "updated_at", "project_id", "user_id"]);
    fields.ignore(&["uuid", "status"]);
    let cluster = if fields.has("cluster_uuid") && !fields.has("bay_uuid") { "cluster_uuid" } else { "bay_uuid" };
    let cluster = fields.required(cluster);
    let wish = read(&mut fields);
    fields.finish()?;
    let made = operations::create(call, &cluster, wish).await?;
    let href = link::href(&call.base, COLLECTION, made.container.id);
    Ok(reply(call, StatusCode::CREATED, &made.container)?.location(&href).replayed(made.replayed))
}

fn document(wish: &ContainerWish) -> Object {
    let environment = wish.environment.iter().map(|(key, value)| (key.clone(), Value::Text(value.clone()))).collect();
    let fields = [
        ("name", Value::Text(wish.name.clone())),
        ("image", Value::Text(wish.image.clone())),
        ("command", Value::text(wish.command.as_deref())),
        ("memory", Value::text(wish.memory.as_deref())),
        ("environment", Value::Map(environment)),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// `PATCH /v1/containers/{container}`
pub(crate) async fn update(call: &Call<'_>) -> Result<Reply, Error> {
    let changed = operations::update(call, call.param(0), |wish| {
        let mut fields = patch::apply(document(wish), &call.body, &PATCH)?;
        let wish = read(&mut fields);
        fields.finish()?;
        Ok(wish)
    })
    .await?;
    Ok(reply(call, StatusCode::OK, &changed.container)?.replayed(changed.replayed))
}

/// `DELETE /v1/containers/{container}`: the answer comes when it is gone, or after the limit while it is going.
pub(crate) async fn delete(call: &Call<'_>) -> Result<Reply, Error> {
    let acted = operations::act(call, call.param(0), Kind::ContainerDelete, "container:delete").await?;
    Ok(Reply::nothing().replayed(acted.replayed))
}

#[derive(Serialize)]
struct StillGoing {
    operation: Option<uuid::Uuid>,
}

async fn act(call: &Call<'_>, kind: Kind, rule: &str) -> Result<Reply, Error> {
    call.no_body()?;
    let acted = operations::act(call, call.param(0), kind, rule).await?;
    let reply = match acted.ended {
        Ended::Done => Reply::ok(&())?,
        Ended::Later => Reply::json(StatusCode::ACCEPTED, &StillGoing { operation: acted.operation })?,
    };
    Ok(reply.replayed(acted.replayed))
}

/// `PUT /v1/containers/{container}/start`
pub(crate) async fn start(call: &Call<'_>) -> Result<Reply, Error> {
    act(call, Kind::ContainerStart, "container:start").await
}

/// `PUT /v1/containers/{container}/stop`
pub(crate) async fn stop(call: &Call<'_>) -> Result<Reply, Error> {
    act(call, Kind::ContainerStop, "container:stop").await
}

/// `PUT /v1/containers/{container}/reboot`
pub(crate) async fn reboot(call: &Call<'_>) -> Result<Reply, Error> {
    act(call, Kind::ContainerReboot, "container:reboot").await
}

/// `PUT /v1/containers/{container}/pause`
pub(crate) async fn pause(call: &Call<'_>) -> Result<Reply, Error> {
    act(call, Kind::ContainerPause, "container:pause").await
}

/// `PUT /v1/containers/{container}/unpause`
pub(crate) async fn unpause(call: &Call<'_>) -> Result<Reply, Error> {
    act(call, Kind::ContainerUnpause, "container:unpause").await
}

#[derive(Serialize)]
struct Output {
    output: String,
}

/// `GET /v1/containers/{container}/logs`
pub(crate) async fn logs(call: &Call<'_>) -> Result<Reply, Error> {
    Reply::ok(&Output { output: operations::logs(call, call.param(0)).await? })
}

/// The command of an execute: in the query, in a form, or in a JSON body.
fn command(call: &Call<'_>) -> Result<String, Error> {
    let command = match call.query.get("command") {
        Some(command) => Some(command.to_owned()),
        None if call.body.is_empty() => None,
        None if call.body.trim_ascii_start().starts_with(b"{") => {
            let mut fields = call.fields()?;
            let command = fields.text_within("command", 1, COMMAND_MAX).some();
            fields.finish()?;
            command
        }
        None => {
            let text = std::str::from_utf8(&call.body).map_err(|_| Error::invalid("the form is not UTF-8"))?;
            query::parse(Some(text), &["command"])?.get("command").map(str::to_owned)
        }
    };
    let command = command.filter(|command| !command.trim().is_empty());
    let command = command.ok_or_else(|| Error::invalid("command is mandatory: ?command=<what to run>"))?;
    if command.len() > COMMAND_MAX { Err(Error::invalid("command is too long")) } else { Ok(command) }
}

/// `PUT /v1/containers/{container}/execute?command=`
pub(crate) async fn execute(call: &Call<'_>) -> Result<Reply, Error> {
    let command = command(call)?;
    Reply::ok(&Output { output: operations::execute(call, call.param(0), command).await? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_has_a_unit() {
        for (text, bytes) in [
            ("512m", Some(512 << 20)),
            ("4M", Some(4 << 20)),
            ("4194304", Some(4 << 20)),
            ("4194304b", Some(4 << 20)),
            ("1g", Some(1 << 30)),
        ] {
            assert_eq!(bytes_of(text), bytes, "{text}");
        }
        for bad in ["", "m", "-1m", "1t", "1mm", "1.5g", "99999999999999999999g", "18446744073709551615k", " 1m", "1 m"] {
            assert_eq!(bytes_of(bad), None, "{bad}");
        }
    }
}
