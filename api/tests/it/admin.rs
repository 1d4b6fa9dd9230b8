//! What operators ask.

use model::{Command, command::RaiseVersion};
use raft::Write;

use crate::{clusters::with_template, owner, server::Server};

#[tokio::test]
async fn the_state_of_the_group_is_told_to_administrators() {
    let server = with_template().await;
    owner::start(&server);
    server.post("/v1/clusters", r#"{"name":"c","cluster_template_id":"t"}"#).send().await.is(202);
    crate::clusters::settled(&server, "/v1/clusters/c", "CREATE_COMPLETE").await;
    let get = |path: &str| server.get(&format!("/v1/jeroboam/{path}")).as_("admin").send();

    let status = get("status").await.is(200).json();
    assert_eq!((&status["member"], &status["role"], &status["owned"]), (&1.into(), &"leader".into(), &1.into()));
    let members = get("members").await.is(200).json();
    assert_eq!((&members["members"][0]["role"], &members["members"][0]["leader"]), (&"voter".into(), &true.into()));
    let ownership = get("ownership").await.is(200).json();
    assert_eq!((&ownership["ownership"][0]["member"], &ownership["ownership"][0]["reason"]), (&1.into(), &"new".into()));
    let operations = get("operations?cluster=c").await.is(200).json();
    assert_eq!(
        (&operations["operations"][0]["kind"], &operations["operations"][0]["state"]),
        (&"cluster.create".into(), &"SUCCEEDED".into())
    );
    assert_eq!(get("operations").await.is(200).json()["operations"], serde_json::json!([]), "nothing is open");
    get("operations?stuck=maybe").await.is(400);
    let orphans = get("orphans").await.is(200).json();
    assert_eq!((&orphans["orphans"], &orphans["strays"][0]["what"]), (&serde_json::json!([]), &"network".into()));
    assert_eq!(orphans["unseen"], serde_json::json!(["member 1: heat: no answer"]));
    get("operations?cluster=nowhere").await.is(404);
    let events = get("events").await.is(200).json();
    assert!(events["events"].as_array().unwrap().len() >= 3);
    let some = get("events?cluster=c&limit=1").await.is(200).json();
    assert_eq!(some["events"].as_array().unwrap().len(), 1);
    let digest = get("digest").await.is(200).json();
    assert!(digest["applied"].as_u64().unwrap() > 0 && !digest["digest"].as_str().unwrap().is_empty());

    for path in ["status", "members", "ownership", "operations?cluster=c", "events", "digest", "orphans"] {
        server.get(&format!("/v1/jeroboam/{path}")).send().await.is(403);
    }
}

#[tokio::test]
async fn members_are_changed_by_administrators() {
    let server = Server::start().await;
    let post = |path: &str| server.ask("POST", &format!("/v1/jeroboam/{path}")).as_("admin").send();
    let token = post("members/token").await.is(201).json();
    assert!(token["token"].as_str().unwrap().starts_with("jeroboam-join-"));
    post("members/1/drain").await.is(200);
    let status = server.get("/v1/jeroboam/status").as_("admin").send().await.json();
    assert_eq!(status["draining"], true);
    post("members/1/undrain").await.is(200);
    post("members/999/promote").await.is(404);
    post("members/x/promote").await.is(404);
    post("members/1/demote").await.is(409);
    post("transfer-leader").await.is(409);
    post("snapshot").await.is(200);
    server.ask("POST", "/v1/jeroboam/members/1/remove").send().await.is(403);
    server.ask("POST", "/v1/jeroboam/members/token").send().await.is(403);
}

#[tokio::test]
async fn ownership_is_planned_and_pinned_by_administrators() {
    let server = with_template().await;
    owner::start(&server);
    let version = Write::system(Command::RaiseVersion(RaiseVersion { version: model::VERSION }));
    server.handle.write(version, crate::server::soon()).await.unwrap().outcome.into_result().unwrap();
    server.post("/v1/clusters", r#"{"name":"c","cluster_template_id":"t"}"#).send().await.is(202);
    crate::clusters::settled(&server, "/v1/clusters/c", "CREATE_COMPLETE").await;
    let get = |path: &str| server.get(&format!("/v1/jeroboam/{path}")).as_("admin").send();
    let post = |path: &str, body: &'static str| server.post(&format!("/v1/jeroboam/{path}"), body).as_("admin").send();

    for (query, text) in
        [("", "Now 0 1000"), ("?goal=even&limit=5", "Even 0 5"), ("?without=1", "Without 1 1000"), ("?drain=1&limit=7", "Drained 1 7")]
    {
        let plan = get(&format!("plan{query}")).await.is(200).json();
        assert_eq!(plan["text"], format!("ownership.plan {text}"), "{query}");
    }
    get("plan?without=9").await.is(404);
    get("plan?without=1&drain=1").await.is(400);
    get("plan?goal=best").await.is(400);
    assert!(post("rebalance", "").await.is(200).json()["text"].as_str().unwrap().starts_with("ownership.rebalance"));

    let pinned = post("ownership/c/pin", r#"{"member":1}"#).await.is(200).json();
    assert_eq!((&pinned["pin"], &pinned["remark"]), (&1.into(), &"pinned to member 1, which drains".into()));
    let map = get("ownership").await.is(200).json();
    assert_eq!((&map["ownership"][0]["pin"], &map["ownership"][0]["name"]), (&1.into(), &"c".into()));
    let member = &map["members"][0];
    assert_eq!((&member["clusters"], &member["pinned"], &member["weight"]), (&1.into(), &1.into(), &100.into()));
    assert!(get("ownership?member=0").await.is(200).json()["ownership"].as_array().unwrap().is_empty());
    post("ownership/c/pin", r#"{"member":9}"#).await.is(404);
    post("ownership/c/pin", "{}").await.is(400);
    post("ownership/nothing/pin", r#"{"member":1}"#).await.is(404);
    assert_eq!(post("ownership/c/unpin", "").await.is(200).json()["pin"], serde_json::Value::Null);

    for (method, path) in [("GET", "plan"), ("POST", "rebalance"), ("POST", "ownership/c/unpin")] {
        server.ask(method, &format!("/v1/jeroboam/{path}")).send().await.is(403);
    }
}
