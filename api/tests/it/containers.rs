//! Containers: requests that wait for their owner.

use serde_json::json;

use crate::{
    clusters::{settled, with_template},
    owner,
    server::Server,
};

async fn with_bay() -> Server {
    let server = with_template().await;
    owner::start(&server);
    server.post("/v1/bays", r#"{"name":"bay","baymodel_id":"t"}"#).send().await.is(201);
    settled(&server, "/v1/bays/bay", "CREATE_COMPLETE").await;
    server
}

#[tokio::test]
async fn a_container_is_made_stopped_and_acted_on() {
    let server = with_bay().await;
    let body = r#"{"name":"c1","image_id":"busybox","bay_uuid":"bay","command":"sleep 9","memory":"512m","environment":{"A":1}}"#;
    let made = server.post("/v1/containers", body).send().await.is(201);
    let shown = made.json();
    assert_eq!(shown["status"], "Stopped");
    assert_eq!(shown["image"], "busybox");
    assert_eq!(shown["environment"], json!({"A": "1"}));
    assert_eq!(made.header("location").unwrap(), format!("http://test:9511/v1/containers/{}", shown["uuid"].as_str().unwrap()));

    for (action, status) in [("start", "Running"), ("pause", "Paused"), ("unpause", "Running"), ("reboot", "Running"), ("stop", "Stopped")]
    {
        let done = server.ask("PUT", &format!("/v1/containers/c1/{action}")).header("content-length", "0").send().await.is(200);
        assert_eq!(done.text, "null", "{action}");
        assert_eq!(server.get("/v1/containers/c1").send().await.is(200).json()["status"], status, "{action}");
    }
    server.ask("PUT", "/v1/containers/c1/unpause").send().await.is(409);
    server.get("/v1/containers/c1/start").send().await.is(405);

    assert_eq!(server.get("/v1/containers/c1/logs").send().await.is(200).json(), json!({"output": "line 1\nline 2\n"}));
    let run = |query: &str| server.ask("PUT", &format!("/v1/containers/c1/execute{query}"));
    assert_eq!(run("?command=ls+%2F").send().await.is(200).json(), json!({"output": "ran ls /\n"}));
    assert_eq!(run("").typed("application/x-www-form-urlencoded", "command=id").send().await.is(200).json(), json!({"output": "ran id\n"}));
    run("").send().await.is(400);
    run("?command=").send().await.is(400);
    run("?command=fail").send().await.is(409);
    run("?command=once").header("idempotency-key", "x").send().await.is(200);
    assert_eq!(run("?command=once").header("idempotency-key", "x").send().await.is(409).header("jeroboam-replayed"), Some("true"));

    let patch = r#"[{"op":"replace","path":"/name","value":"c2"},{"op":"replace","path":"/environment","value":"{'B': 'x'}"}]"#;
    assert_eq!(server.patch("/v1/containers/c1", patch).send().await.is(200).json()["environment"], json!({"B": "x"}));
    server.ask("DELETE", "/v1/containers/c2").send().await.is(204);
    server.get("/v1/containers/c2").send().await.is(404);
}

#[tokio::test]
async fn whose_fault_a_failure_is_decides_the_status() {
    let server = with_bay().await;
    let create = |image: &str, bay: &str| server.post("/v1/containers", &format!(r#"{{"image":"{image}","bay_uuid":"{bay}"}}"#));
    assert!(create("missing", "bay").send().await.is(400).text.contains("No such image"));
    let away = create("away", "bay").send().await.is(503);
    assert!(away.text.contains("the engine cannot be reached") && away.header("retry-after") == Some("1"), "{}", away.text);
    let mute = create("mute", "bay").send().await.is(502);
    assert!(mute.text.contains("the engine broke off") && mute.header("retry-after").is_none(), "{}", mute.text);
    create("fine", "nowhere").send().await.is(400);
    for bad in [
        r#"{"bay_uuid":"bay"}"#,
        r#"{"image":"i"}"#,
        r#"{"image":"i","bay_uuid":"bay","memory":"1m"}"#,
        r#"{"image":"i","bay_uuid":"bay","memory":"many"}"#,
        r#"{"image":"i","bay_uuid":"bay","environment":["a"]}"#,
        r#"{"image":"i","bay_uuid":"bay","volumes":[]}"#,
    ] {
        server.post("/v1/containers", bad).send().await.is(400);
    }
    // The rows of those that failed remain, in error.
    let rows = server.get("/v1/containers/?bay_ident=bay").send().await.is(200).json();
    let states: Vec<_> = rows["containers"].as_array().unwrap().iter().map(|row| row["status"].clone()).collect();
    assert_eq!(states, ["Error", "Error", "Error"]);
    server.get("/v1/containers?bay_ident=nowhere").send().await.is(404);
}

#[tokio::test]
async fn a_status_is_what_the_owner_sees() {
    let server = with_bay().await;
    for name in ["plain", "vanished", "unreachable"] {
        server.post("/v1/containers", &format!(r#"{{"name":"{name}","image":"i","bay_uuid":"bay"}}"#)).send().await.is(201);
    }
    let rows = server.get("/v1/containers").send().await.is(200).json();
    let states: Vec<_> = rows["containers"].as_array().unwrap().iter().map(|row| row["status"].as_str().unwrap()).collect();
    assert_eq!(states, ["Stopped", "Error", "Unknown"]);
    let stale = server.get("/v1/containers/vanished").header("jeroboam-consistency", "stale").send().await.is(200).json();
    assert_eq!(stale["status"], "Stopped");
}

#[tokio::test]
async fn nobody_waits_for_ever() {
    let server = with_template().await;
    server.post("/v1/bays", r#"{"name":"bay","baymodel_id":"t"}"#).send().await.is(201);
    let patient = std::time::Instant::now();
    // Nobody owns the cluster: the create goes on without the one who asked.
    let made = server.post("/v1/containers", r#"{"name":"c","image":"i","bay_uuid":"bay"}"#).send().await.is(201);
    assert_eq!(made.json()["status"], "Unknown");
    assert_eq!(server.ask("PUT", "/v1/containers/c/start").send().await.is(202).json()["operation"].as_str().unwrap().len(), 36);
    server.get("/v1/containers/c/logs").send().await.is(503);
    assert!(patient.elapsed() < std::time::Duration::from_secs(30));
}

#[tokio::test]
async fn a_silent_command_is_not_waited_for_for_ever() {
    let server = with_bay().await;
    server.post("/v1/containers", r#"{"name":"c","image":"i","bay_uuid":"bay"}"#).send().await.is(201);
    server.ask("PUT", "/v1/containers/c/execute?command=silent").send().await.is(503);
}
