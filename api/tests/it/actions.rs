//! What is done to a cluster by name: sizes, upgrades, new authorities, and pauses of what goes batch by batch.

use model::{
    Command,
    command::{Assign, Assignment, Observe, Sighting},
    id::{ClusterId, NodeId},
    node::Node,
};
use raft::Write;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    clusters::{settled, with_template},
    owner,
    server::{Answer, Server, soon},
};

const SEVEN: &str = "container-infra 1.7";
const LATEST: &str = "container-infra latest";

async fn post(server: &Server, path: &str, body: &str, version: &str) -> Answer {
    server.post(path, body).header("openstack-api-version", version).send().await
}

/// A complete cluster `c` of the template `t`, and one `r` of a driver that keeps machines in groups.
async fn made() -> Server {
    let server = with_template().await;
    let racks = r#"{"name":"racks","coe":"swarm","image_id":"i","driver":"racks"}"#;
    server.post("/v1/clustertemplates", racks).send().await.is(201);
    owner::start(&server);
    for (name, template) in [("c", "t"), ("r", "racks")] {
        let body = format!(r#"{{"name":"{name}","cluster_template_id":"{template}","node_count":2}}"#);
        server.post("/v1/clusters", &body).send().await.is(202);
        settled(&server, &format!("/v1/clusters/{name}"), "CREATE_COMPLETE").await;
    }
    server
}

async fn operations(server: &Server, cluster: &str) -> Vec<Value> {
    let answer = server.get(&format!("/v1/clusters/{cluster}/operations")).send().await.is(200).json();
    answer["operations"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_node_group_is_resized() {
    let server = made().await;
    let path = "/v1/clusters/c/actions/resize";
    post(&server, path, r#"{"node_count":3}"#, "container-infra 1.6").await.is(406);
    server.post(path, r#"{"node_count":3}"#).send().await.is(406);
    for bad in [
        "{}",
        r#"{"node_count":0}"#,
        r#"{"node_count":-1}"#,
        r#"{"node_count":3,"nodegroup":""}"#,
        r#"{"node_count":3,"nodes_to_remove":"x"}"#,
        r#"{"node_count":3,"nodes_to_remove":[{}]}"#,
        r#"{"node_count":3,"max_batch_size":0}"#,
        r#"{"node_count":3,"nodegroup":"default-master"}"#,
        r#"{"node_count":3,"nonsense":1}"#,
    ] {
        post(&server, path, bad, SEVEN).await.is(400);
    }
    post(&server, path, r#"{"node_count":3,"nodegroup":"gpu"}"#, SEVEN).await.is(404);
    server.get(path).header("openstack-api-version", SEVEN).send().await.is(405);
    let body =
        r#"{"node_count":4,"nodes_to_remove":["4c30961a-0000-4000-8000-000000000000",2],"nodegroup":"default-worker","max_batch_size":1}"#;
    let accepted = post(&server, path, body, SEVEN).await.is(202).json();
    let shown = settled(&server, "/v1/clusters/c", "UPDATE_COMPLETE").await;
    assert_eq!((&accepted, &shown["node_count"]), (&json!({"uuid": shown["uuid"]}), &json!(4)));
    let operation = &operations(&server, "c").await[0];
    assert_eq!((&operation["kind"], &operation["node_count"], &operation["roll"]), (&json!("cluster.resize"), &json!(4), &Value::Null));
    post(&server, path, r#"{"node_count":0,"nodes_to_remove":null}"#, LATEST).await.is(202);
    settled(&server, "/v1/clusters/c", "UPDATE_COMPLETE").await;
    let other = server.post(path, r#"{"node_count":1}"#).as_("other").header("openstack-api-version", SEVEN);
    other.send().await.is(404);
    let reader = server.post(path, r#"{"node_count":1}"#).as_("reader").header("openstack-api-version", SEVEN);
    reader.send().await.is(403);
}

#[tokio::test]
async fn a_cluster_is_upgraded_to_another_template() {
    let server = made().await;
    let next = r#"{"name":"next","coe":"swarm","image_id":"i2","labels":{"kube_tag":"v2"}}"#;
    let next = server.post("/v1/clustertemplates", next).send().await.is(201).json()["uuid"].clone();
    let path = "/v1/clusters/r/actions/upgrade";
    post(&server, path, r#"{"cluster_template":"next"}"#, "container-infra 1.6").await.is(406);
    post(&server, path, r#"{"cluster_template":"next"}"#, SEVEN).await.is(400);
    for (bad, status) in [
        ("{}", 400),
        (r#"{"cluster_template":"next","max_batch_size":0}"#, 400),
        (r#"{"cluster_template":"nothing"}"#, 404),
        (r#"{"cluster_template":"next","nodegroup":"gpu"}"#, 404),
    ] {
        post(&server, path, bad, LATEST).await.is(status);
    }
    let local = post(&server, "/v1/clusters/c/actions/upgrade", r#"{"cluster_template":"next"}"#, LATEST).await.is(400);
    assert!(local.text.contains("one Docker Engine"), "{}", local.text);
    post(&server, path, r#"{"cluster_template":"next","max_batch_size":null}"#, LATEST).await.is(202);
    let shown = settled(&server, "/v1/clusters/r", "UPDATE_COMPLETE").await;
    assert_eq!((&shown["cluster_template_id"], &shown["labels"]["kube_tag"]), (&next, &json!("v2")));
}

#[tokio::test]
async fn an_authority_is_replaced() {
    let server = made().await;
    for body in ["null", "[]", r#"{"a":1}"#] {
        server.patch("/v1/certificates/r", body).send().await.is(400);
    }
    server.ask("PATCH", "/v1/certificates/c").send().await.is(400);
    server.ask("PATCH", "/v1/certificates/nothing").send().await.is(404);
    let accepted = server.ask("PATCH", "/v1/certificates/r").header("content-type", "application/octet-stream").send().await.is(202);
    let shown = settled(&server, "/v1/clusters/r", "UPDATE_COMPLETE").await;
    assert_eq!(accepted.json(), json!({"uuid": shown["uuid"]}));
    assert_eq!(operations(&server, "r").await[0]["kind"], "cluster.rotate");
    server.patch("/v1/certificates/r", "{}").send().await.is(202);
}

#[tokio::test]
async fn an_upgrade_is_paused_and_goes_on() {
    let server = with_template().await;
    let racks = r#"{"name":"racks","coe":"swarm","image_id":"i","driver":"racks"}"#;
    server.post("/v1/clustertemplates", racks).send().await.is(201);
    server.post("/v1/clusters", r#"{"name":"r","cluster_template_id":"racks"}"#).send().await.is(202);
    let create = operations(&server, "r").await[0]["operation"].as_str().unwrap().to_owned();
    server.ask("POST", &format!("/v1/operations/{create}/pause")).send().await.is(400);
    let reset = r#"{"status":"CREATE_COMPLETE","reason":"nobody acts here"}"#;
    server.post("/v1/jeroboam/clusters/r/reset-status", reset).as_("admin").send().await.is(200);
    post(&server, "/v1/clusters/r/actions/upgrade", r#"{"cluster_template":"racks","max_batch_size":3}"#, LATEST).await.is(202);
    let upgrade = operations(&server, "r").await[0]["operation"].as_str().unwrap().to_owned();
    for (verb, paused) in [("pause", true), ("pause", true), ("resume", false)] {
        let shown = server.ask("POST", &format!("/v1/operations/{upgrade}/{verb}")).send().await.is(200).json();
        let expected = json!({"max_batch_size": 3, "paused": paused, "done": 0, "batches": 0, "batch": [], "waiting": []});
        assert_eq!((&shown["kind"], &shown["roll"]), (&json!("cluster.upgrade"), &expected));
    }
    server.ask("POST", &format!("/v1/operations/{upgrade}/pause")).as_("other").send().await.is(404);
}

/// Writes as an owner would, whose part the test plays; the log index.
async fn write(server: &Server, command: Command) -> u64 {
    let written = server.handle.write(Write::system(command), soon()).await.unwrap();
    written.outcome.into_result().unwrap();
    written.index
}

fn worker(number: u128, not_ready: bool) -> Node {
    Node {
        id: NodeId::new(Uuid::from_u128(number)),
        name: Some(format!("node-{number}")),
        external_id: Some(format!("machine-{number}")),
        group: Some("default-worker".to_owned()),
        not_ready,
        ..Node::default()
    }
}

#[tokio::test]
async fn an_upgrade_that_waits_says_why() {
    let server = with_template().await;
    let racks = r#"{"name":"racks","coe":"swarm","image_id":"i","driver":"racks"}"#;
    server.post("/v1/clustertemplates", racks).send().await.is(201);
    server.post("/v1/clusters", r#"{"name":"r","cluster_template_id":"racks"}"#).send().await.is(202);
    let reset = r#"{"status":"CREATE_COMPLETE","reason":"nobody acts here"}"#;
    server.post("/v1/jeroboam/clusters/r/reset-status", reset).as_("admin").send().await.is(200);
    let uuid = server.get("/v1/clusters/r").send().await.is(200).json()["uuid"].as_str().unwrap().parse().unwrap();
    let cluster = ClusterId::new(uuid);
    let assignment = Assignment { cluster, member: 1, incarnation: server.handle.incarnation(), ..Assignment::default() };
    let epoch = write(&server, Command::Assign(Assign { assignments: vec![assignment], term: 0 })).await;
    let see = async |nodes: Vec<Node>| {
        let sighting = Sighting { cluster, epoch, nodes, nodes_seen: true, ..Sighting::default() };
        write(&server, Command::Observe(Observe { sightings: vec![sighting] })).await
    };
    let shown = async |path: &str, field: &str| server.get(path).send().await.is(200).json()[field].clone();

    see(vec![worker(1, false), worker(2, false)]).await;
    post(&server, "/v1/clusters/r/actions/upgrade", r#"{"cluster_template":"racks","max_batch_size":1}"#, LATEST).await.is(202);
    let upgrade = operations(&server, "r").await[0]["operation"].as_str().unwrap().to_owned();
    let path = format!("/v1/operations/{upgrade}");
    assert_eq!(shown(&path, "reason").await, Value::Null, "it goes on");

    // One that is no part of the upgrade.
    see(vec![worker(1, false), worker(2, false), worker(3, true)]).await;
    let full = shown(&path, "reason").await.as_str().unwrap().to_owned();
    assert!(full.contains("1 node of node group default-worker out of service (node-3), at most 1 may be"), "{full}");
    assert_eq!(shown("/v1/clusters/r", "status_reason").await, json!(full));

    server.ask("POST", &format!("{path}/pause")).send().await.is(200);
    let paused = shown(&path, "reason").await.as_str().unwrap().to_owned();
    assert!(paused.starts_with("paused by alice at 20") && paused.contains(&format!("{path}/resume")), "{paused}");
    for view in ["/v1/clusters/r", "/v1/bays/r"] {
        assert_eq!(shown(view, "status_reason").await, json!(paused));
    }
    let listed = server.get("/v1/clusters/detail").send().await.is(200).json();
    assert_eq!(listed["clusters"][0]["status_reason"], json!(paused));

    server.ask("POST", &format!("{path}/resume")).send().await.is(200);
    see(vec![worker(1, false), worker(2, false)]).await;
    assert_eq!(shown(&path, "reason").await, Value::Null, "nothing is left of it");
}
