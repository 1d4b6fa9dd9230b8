//! Operations as users and operators see them: steps, reasons, cancel, retry, force, reset.

use serde_json::{Value, json};

use crate::{
    clusters::{settled, with_template},
    owner,
    server::{Answer, Server},
};

async fn operations(server: &Server, query: &str) -> Vec<Value> {
    let answer = server.get(&format!("/v1/clusters/c/operations{query}")).send().await.is(200).json();
    answer["operations"].as_array().unwrap().clone()
}

/// A cluster that nobody makes: there is no owner.
async fn making() -> (Server, String) {
    let server = with_template().await;
    server.post("/v1/clusters", r#"{"name":"c","cluster_template_id":"t"}"#).send().await.is(202);
    let open = operations(&server, "").await;
    let id = open[0]["operation"].as_str().unwrap().to_owned();
    (server, id)
}

async fn post(server: &Server, path: &str) -> Answer {
    server.ask("POST", path).send().await
}

#[tokio::test]
async fn an_operation_is_shown_cancelled_and_retried() {
    let (server, id) = making().await;
    let shown = server.get(&format!("/v1/operations/{id}")).send().await.is(200).json();
    assert_eq!((&shown["kind"], &shown["state"], &shown["attempts"]), (&json!("cluster.create"), &json!("OPEN"), &json!(0)));
    assert_eq!((&shown["steps"], &shown["stuck"], &shown["left"]), (&json!([]), &Value::Null, &json!([])));
    assert_eq!(shown["deadline_ms"].as_u64().unwrap() - shown["accepted_ms"].as_u64().unwrap(), 3_600_000);

    let cancelled = post(&server, &format!("/v1/operations/{id}/cancel")).await.is(200).json();
    assert_eq!((&cancelled["state"], &cancelled["reason"]), (&json!("CANCELLED"), &json!("cancelled on request")));
    let cluster = server.get("/v1/clusters/c").send().await.is(200).json();
    assert_eq!((&cluster["status"], &cluster["status_reason"]), (&json!("CREATE_FAILED"), &json!("cancelled on request")));

    owner::start(&server);
    let retry = server.ask("POST", &format!("/v1/operations/{id}/retry")).header("idempotency-key", "k").send().await.is(202);
    let again = retry.json();
    assert_eq!(again["retry_of"], json!(id));
    assert!(retry.header("location").unwrap().ends_with(again["operation"].as_str().unwrap()));
    settled(&server, "/v1/clusters/c", "CREATE_COMPLETE").await;
    let replay = server.ask("POST", &format!("/v1/operations/{id}/retry")).header("idempotency-key", "k").send().await.is(202);
    assert_eq!((replay.header("jeroboam-replayed"), &replay.json()["operation"]), (Some("true"), &again["operation"]));
    post(&server, &format!("/v1/operations/{id}/retry")).await.is(409);
    post(&server, &format!("/v1/operations/{id}/cancel")).await.is(200);

    assert_eq!(operations(&server, "").await.len(), 2);
    assert_eq!(operations(&server, "?limit=1").await[0]["operation"], again["operation"], "the newest comes first");
    assert_eq!(operations(&server, "?state=cancelled").await[0]["operation"], json!(id));
    server.get("/v1/clusters/c/operations?state=nonsense").send().await.is(400);
}

#[tokio::test]
async fn what_went_wrong_says_of_what_kind_it_was() {
    let server = with_template().await;
    owner::start(&server);
    server.post("/v1/clusters", r#"{"name":"c","cluster_template_id":"t"}"#).send().await.is(202);
    settled(&server, "/v1/clusters/c", "CREATE_COMPLETE").await;
    server.post("/v1/containers", r#"{"image":"missing","bay_uuid":"c"}"#).send().await.is(400);
    let failed = operations(&server, "?state=FAILED").await;
    assert_eq!((&failed[0]["failure"], &failed[0]["outlook"]), (&json!("refused"), &json!("permanent")));
    assert_eq!(failed[0]["kind"], "container.create");
}

#[tokio::test]
async fn other_projects_see_no_operation() {
    let (server, id) = making().await;
    for path in [format!("/v1/operations/{id}"), "/v1/clusters/c/operations".to_owned()] {
        server.get(&path).as_("other").send().await.is(404);
    }
    for act in ["cancel", "retry"] {
        server.ask("POST", &format!("/v1/operations/{id}/{act}")).as_("other").send().await.is(404);
        server.ask("POST", &format!("/v1/operations/{id}/{act}")).as_("reader").send().await.is(403);
    }
    server.get("/v1/operations/nonsense").send().await.is(404);
    server.get("/v1/operations/00000000-0000-4000-8000-000000000000").send().await.is(404);
    server.get(&format!("/v1/operations/{id}")).as_("admin").send().await.is(200);
}

#[tokio::test]
async fn a_second_resize_takes_the_place_of_the_first() {
    let (server, id) = making().await;
    let patch = |nodes: u32| server.patch("/v1/clusters/c", &format!(r#"[{{"op":"replace","path":"/node_count","value":{nodes}}}]"#));
    patch(3).send().await.is(400);
    let reset = r#"{"status":"CREATE_COMPLETE","reason":"made by hand"}"#;
    server.post("/v1/jeroboam/clusters/c/reset-status", reset).send().await.is(403);
    server.post("/v1/jeroboam/clusters/c/reset-status", r#"{"status":"CREATE_COMPLETE"}"#).as_("admin").send().await.is(400);
    let bad = r#"{"status":"CREATE_IN_PROGRESS","reason":"x"}"#;
    server.post("/v1/jeroboam/clusters/c/reset-status", bad).as_("admin").send().await.is(400);
    let done = server.post("/v1/jeroboam/clusters/c/reset-status", reset).as_("admin").send().await.is(200).json();
    assert_eq!(done["status"], "CREATE_COMPLETE");
    assert_eq!(server.get(&format!("/v1/operations/{id}")).send().await.json()["state"], "CANCELLED");

    patch(3).send().await.is(202);
    patch(4).send().await.is(202);
    let updates = operations(&server, "").await;
    assert_eq!((&updates[0]["state"], &updates[0]["node_count"]), (&json!("OPEN"), &json!(4)));
    assert_eq!((&updates[1]["state"], &updates[1]["node_count"]), (&json!("SUPERSEDED"), &json!(3)));
    assert_eq!(server.get("/v1/clusters/c").send().await.json()["node_count"], 4);
    let open = server.get("/v1/jeroboam/operations").as_("admin").send().await.is(200).json();
    assert_eq!(open["operations"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn only_administrators_force_a_deletion() {
    let (server, _) = making().await;
    server.ask("DELETE", "/v1/clusters/c?force=true").send().await.is(403);
    server.ask("DELETE", "/v1/clusters/c?force=perhaps").send().await.is(400);
    server.ask("DELETE", "/v1/clusters/c?force=true").as_("admin").send().await.is(204);
    let open = operations(&server, "?state=open").await;
    assert_eq!((&open[0]["kind"], &open[0]["force"]), (&json!("cluster.delete"), &json!(true)));
    assert_eq!(open[0]["deadline_ms"].as_u64().unwrap() - open[0]["accepted_ms"].as_u64().unwrap(), 120_000);
    post(&server, &format!("/v1/operations/{}/cancel", open[0]["operation"].as_str().unwrap())).await.is(409);
}
