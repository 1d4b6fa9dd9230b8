//! A baymodel, a bay of it on the local Docker Engine, and a container in the bay.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Stage, owner, until};
use crate::{
    Failure,
    rest::{Ask, text},
    story::{chapter, line, quote, took},
    witness,
};

/// A bay on an engine that is there is made in a moment; an engine under load may take its time.
const BAY: Duration = Duration::from_secs(60);

/// Bays besides the one of the story.
const OTHERS: usize = 5;

/// A call that acts on a container.
const ACT: Duration = Duration::from_secs(60);

/// What runs in the container: it says a line every second.
const COMMAND: &str = "sh -c 'n=0; while true; do n=$((n+1)); echo \"line $n from $(hostname)\"; sleep 1; done'";

/// POST, with a word on what is sent.
async fn post(stage: &mut Stage, path: &str, body: Value) -> Result<Value, Failure> {
    let address = stage.any()?;
    line(&format!("POST {path} {body}"));
    stage.rest.expect(&address, &Ask { method: "POST", path, body: Some(&body), ..Ask::default() }, ACT).await
}

pub(super) async fn make(stage: &mut Stage) -> Result<(), Failure> {
    chapter("2. A bay on the local Docker Engine");
    let started = Instant::now();
    let model = post(
        stage,
        "/v1/baymodels",
        json!({"name": "swarm-model", "coe": "swarm", "image_id": "jeroboam/busybox:1", "keypair_id": "demo"}),
    );
    let model = text(&model.await?, "uuid")?.to_owned();
    let bay = post(stage, "/v1/bays", json!({"name": "demo-bay", "baymodel_id": model, "node_count": 1})).await?;
    let bay = text(&bay, "uuid")?.to_owned();
    stage.bay = Some(bay.clone());
    let (rest, address, path) = (stage.rest.clone(), stage.any()?, format!("/v1/bays/{bay}"));
    let mut seen = String::new();
    let done = until(BAY, "CREATE_COMPLETE", async || {
        let answer = rest.get(&address, &path).await.ok()?;
        let status = text(&answer, "status").ok()?.to_owned();
        if status != seen {
            took(&format!("bay {bay} is {status}"), started.elapsed());
            seen = status;
        }
        (!seen.ends_with("IN_PROGRESS")).then_some(answer)
    })
    .await?;
    if seen != "CREATE_COMPLETE" {
        return Err(format!("the bay is {seen}: {}", done.get("status_reason").unwrap_or(&Value::Null)));
    }
    let (member, epoch) = owner(&rest, &address, &bay).await.ok_or("nobody owns the bay")?;
    line(&format!(
        "member {member} owns it, under epoch {epoch}; its engine answers at {}",
        done.get("api_address").unwrap_or(&Value::Null)
    ));
    for network in witness::networks(&bay).await? {
        line(&format!("docker network ls says: {network}"));
    }
    share_out(stage, &model).await
}

/// More bays of the same model: the leader shares them out.
async fn share_out(stage: &mut Stage, model: &str) -> Result<(), Failure> {
    let started = Instant::now();
    for number in 1..=OTHERS {
        let wish = json!({"name": format!("crew-{number}"), "baymodel_id": model, "node_count": 1});
        let bay = post(stage, "/v1/bays", wish).await?;
        stage.others.push(text(&bay, "uuid")?.to_owned());
    }
    let (rest, address) = (stage.rest.clone(), stage.any()?);
    for bay in &stage.others {
        let path = format!("/v1/bays/{bay}");
        until(BAY, "CREATE_COMPLETE of every bay", async || {
            let answer = rest.get(&address, &path).await.ok()?;
            text(&answer, "status").ok().filter(|status| *status == "CREATE_COMPLETE").map(drop)
        })
        .await?;
    }
    took(&format!("{OTHERS} more bays are made; the leader has shared all of them out"), started.elapsed());
    Ok(())
}

pub(super) async fn run_container(stage: &mut Stage) -> Result<(), Failure> {
    chapter("3. A container in it");
    let started = Instant::now();
    let bay = stage.bay()?;
    let wish = json!({"name": "hello", "image": "jeroboam/busybox:1", "bay_uuid": bay, "command": COMMAND, "memory": "64m"});
    let container = post(stage, "/v1/containers", wish).await?;
    stage.container = text(&container, "uuid")?.to_owned();
    took("made, not started", started.elapsed());
    let (rest, address, path) = (stage.rest.clone(), stage.any()?, format!("/v1/containers/{}", stage.container));
    rest.expect(&address, &Ask { method: "PUT", path: &format!("{path}/start"), ..Ask::default() }, ACT).await?;
    took("started", started.elapsed());
    let logs = until(Duration::from_secs(20), "two lines in the container's log", async || {
        let answer = rest.get(&address, &format!("{path}/logs")).await.ok()?;
        let output = text(&answer, "output").ok()?.to_owned();
        (output.lines().count() >= 2).then_some(output)
    })
    .await?;
    line(&format!("GET {path}/logs"));
    quote(&logs);
    line(&format!("PUT {path}/execute?command=uname+-a"));
    quote(&execute(&rest, &address, &path, "uname+-a").await?);
    let all = witness::containers(&bay).await?;
    let [one] = all.as_slice() else { return Err(format!("docker lists {} containers of the bay, not one", all.len())) };
    line(&format!("docker ps -a says: {} ({})", one.chars().take(12).collect::<String>(), witness::life(one).await?));
    Ok(())
}

/// Runs a command in the container through a member.
pub(super) async fn execute(rest: &crate::rest::Rest, address: &str, path: &str, command: &str) -> Result<String, Failure> {
    let ask = Ask { method: "PUT", path: &format!("{path}/execute?command={command}"), ..Ask::default() };
    Ok(text(&rest.expect(address, &ask, ACT).await?, "output")?.to_owned())
}
