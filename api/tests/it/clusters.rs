//! Clusters in both vocabularies, at the versions that differ.

use serde_json::json;

use crate::{
    owner,
    server::{Answer, Server},
};

pub(crate) async fn with_template() -> Server {
    let server = Server::start().await;
    let body = r#"{"name":"t","coe":"swarm","image_id":"i","labels":{"x":"1","y":"2"},"flavor_id":"small"}"#;
    server.post("/v1/clustertemplates", body).send().await.is(201);
    server
}

fn uuid(answer: &Answer) -> String {
    answer.json()["uuid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_cluster_is_accepted_and_shown_at_once() {
    let server = with_template().await;
    let body =
        r#"{"name":"c1","cluster_template_id":"t","node_count":"2","labels":{"y":"3","z":true},"merge_labels":true,"create_timeout":null}"#;
    let made = server.post("/v1/clusters", body).send().await.is(202);
    assert_eq!(made.json().as_object().unwrap().len(), 1);
    assert!(made.header("location").is_none());
    let shown = server.get("/v1/clusters/c1").header("openstack-api-version", "container-infra latest").send().await.is(200).json();
    assert_eq!(shown["uuid"], made.json()["uuid"]);
    assert_eq!(shown["status"], "CREATE_IN_PROGRESS");
    assert_eq!((&shown["node_count"], &shown["master_count"]), (&json!(2), &json!(1)));
    assert_eq!(shown["labels"], json!({"x": "1", "y": "3", "z": "True"}));
    assert_eq!(shown["labels_overridden"], json!({"y": "2"}));
    assert_eq!(shown["labels_added"], json!({"z": "True"}));
    assert_eq!(shown["labels_skipped"], json!({}));
    assert_eq!(shown["create_timeout"], json!(null));
    assert_eq!(shown["flavor_id"], "small");
    assert_eq!(shown["merge_labels"], false);
    assert!(shown.get("cluster_id").is_some() && shown.get("stack_id").is_none());

    let old = server.get("/v1/clusters/c1").send().await.is(200).json();
    assert!(old.get("cluster_id").is_none() && old.get("stack_id").is_some());
    let trimmed = server.get("/v1/clusters").send().await.is(200).json();
    let keys: Vec<_> = trimmed["clusters"][0].as_object().unwrap().keys().cloned().collect();
    let expected = [
        "uuid",
        "name",
        "cluster_template_id",
        "keypair",
        "node_count",
        "master_count",
        "docker_volume_size",
        "labels",
        "master_flavor_id",
        "flavor_id",
        "create_timeout",
        "links",
        "stack_id",
        "status",
        "health_status",
        "merge_labels",
    ];
    assert_eq!(keys, expected);

    let bay = server.get("/v1/bays/c1").send().await.is(200).json();
    assert_eq!(bay["baymodel_id"], old["cluster_template_id"]);
    assert_eq!(bay["bay_create_timeout"], json!(null));
    server.ask("DELETE", "/v1/clustertemplates/t").send().await.is(400);
    let two = r#"[{"op":"replace","path":"/name","value":"u"},{"op":"add","path":"/tags","value":"v"}]"#;
    server.patch("/v1/clustertemplates/t", two).send().await.is(400);
}

#[tokio::test]
async fn versions_decide_what_bays_and_zeroes_mean() {
    let server = with_template().await;
    let bay = server.post("/v1/bays", r#"{"name":"b1","baymodel_id":"t","bay_create_timeout":"10"}"#).send().await.is(201);
    assert_eq!(bay.json()["status"], "CREATE_IN_PROGRESS");
    assert_eq!(bay.json()["bay_create_timeout"], 10);
    assert_eq!(bay.header("location").unwrap(), format!("http://test:9511/v1/bays/{}", uuid(&bay)));
    let later = server.post("/v1/bays", r#"{"name":"b2","baymodel_id":"t"}"#).at("1.2").send().await.is(202);
    assert_eq!(later.json().as_object().unwrap().len(), 1);
    assert_eq!(later.header("openstack-api-version"), Some("container-infrastructure-management 1.2"));
    assert_eq!(later.header("vary"), Some("OpenStack-API-Version"));

    let zero = r#"{"name":"z","cluster_template_id":"t","node_count":0}"#;
    server.post("/v1/clusters", zero).send().await.is(400);
    server.post("/v1/clusters", zero).at("1.10").send().await.is(202);
    let missing = r#"{"name":"m","cluster_template_id":"nowhere"}"#;
    server.post("/v1/clusters", missing).send().await.is(400);
    server.post("/v1/clusters", missing).at("1.10").send().await.is(404);
    server.post("/v1/bays", r#"{"name":"m","baymodel_id":"nowhere"}"#).send().await.is(400);
    server.patch("/v1/clusters/z?rollback=True", "[]").send().await.is(400);
    server.patch("/v1/clusters/z/?rollback=True", "[]").at("1.3").send().await.is(202);
    server.patch("/v1/clusters/z/?rollback=maybe", "[]").at("1.3").send().await.is(400);
}

#[tokio::test]
async fn a_cluster_lives_through_its_operations() {
    let server = with_template().await;
    owner::start(&server);
    let made = server.post("/v1/clusters", r#"{"name":"c1","cluster_template_id":"t"}"#).send().await.is(202);
    let path = format!("/v1/clusters/{}", uuid(&made));
    settled(&server, &path, "CREATE_COMPLETE").await;
    let shown = server.get(&path).send().await.json();
    assert_eq!(shown["api_address"], "tcp://192.0.2.1:2376");
    assert_eq!(shown["stack_id"], "net-1");
    assert_eq!(shown["create_timeout"], 60);

    server.patch(&path, r#"[{"op":"replace","path":"/node_count","value":"3"}]"#).send().await.is(202);
    settled(&server, &path, "UPDATE_COMPLETE").await;
    assert_eq!(server.get(&path).send().await.json()["node_count"], 3);
    server.patch(&path, r#"[{"op":"remove","path":"/node_count"}]"#).send().await.is(202);
    settled(&server, &path, "UPDATE_COMPLETE").await;
    assert_eq!(server.get(&path).send().await.json()["node_count"], 1);

    let health = r#"[{"op":"replace","path":"/health_status","value":"UNHEALTHY"},
                     {"op":"replace","path":"/health_status_reason","value":"{'api': 'ok', 'n.Ready': 'False'}"}]"#;
    server.patch(&path, health).send().await.is(202);
    let shown = server.get(&path).send().await.json();
    assert_eq!(shown["health_status"], "UNHEALTHY");
    assert_eq!(shown["health_status_reason"], json!({"api": "ok", "n.Ready": "False"}));
    assert_eq!(shown["status"], "UPDATE_COMPLETE");

    server.patch(&path, r#"[{"op":"replace","path":"/name","value":"c1"}]"#).send().await.is(202);
    for field in ["/name", "/master_count", "/status", "/labels/x", "/api_address", "/nonsense", "/uuid"] {
        let body = format!(r#"[{{"op":"replace","path":"{field}","value":"5"}}]"#);
        server.patch(&path, &body).send().await.is(400);
    }
    server.ask("DELETE", &path).send().await.is(204);
    gone(&server, &path).await;
}

#[tokio::test]
async fn a_create_that_is_repeated_after_its_cluster_has_gone_says_so() {
    let server = with_template().await;
    owner::start(&server);
    let bay = r#"{"name":"b","baymodel_id":"t"}"#;
    let cluster = r#"{"name":"c","cluster_template_id":"t"}"#;
    for (path, body, version, made) in [
        ("/v1/bays", bay, "1.1", 201),
        ("/v1/bays", bay, "1.2", 202),
        ("/v1/clusters", cluster, "1.9", 202),
        ("/v1/clusters", cluster, "1.10", 202),
    ] {
        let create = || server.post(path, body).at(version).header("idempotency-key", version);
        let first = uuid(&create().send().await.is(made));
        assert_eq!(uuid(&create().send().await.is(made)), first);
        let object = format!("{path}/{first}");
        server.ask("DELETE", &object).send().await.is(204);
        gone(&server, &object).await;
        let again = create().send().await.is(404);
        assert_eq!(again.header("jeroboam-replayed"), Some("true"), "{path} at {version}");
        assert!(again.text.contains(&first), "{}", again.text);
    }
}

async fn gone(server: &Server, path: &str) {
    for _ in 0..200 {
        if server.get(path).send().await.status == 404 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("{path} is not gone");
}

pub(crate) async fn settled(server: &Server, path: &str, status: &str) -> serde_json::Value {
    for _ in 0..300 {
        let shown = server.get(path).send().await.json();
        if shown["status"] == status {
            return shown;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("{path} does not become {status}");
}

#[tokio::test]
async fn what_cannot_be_made_is_refused_at_once() {
    let server = with_template().await;
    server.post("/v1/clustertemplates", r#"{"name":"k","coe":"kubernetes","image_id":"i"}"#).send().await.is(201);
    server.post("/v1/clustertemplates", r#"{"name":"h","coe":"swarm","image_id":"i","driver":"heat"}"#).send().await.is(201);
    let refused = server.post("/v1/clusters", r#"{"cluster_template_id":"k"}"#).send().await.is(400);
    assert!(refused.text.contains("no driver for the coe kubernetes"), "{}", refused.text);
    server.post("/v1/clusters", r#"{"cluster_template_id":"h"}"#).send().await.is(400);
    for bad in [
        r#"{"name":"c"}"#,
        r#"{"cluster_template_id":null}"#,
        r#"{"cluster_template_id":"t","name":"1c"}"#,
        r#"{"cluster_template_id":"t","name":"a b"}"#,
        r#"{"cluster_template_id":"t","master_count":2}"#,
        r#"{"cluster_template_id":"t","master_count":3}"#,
        r#"{"cluster_template_id":"t","master_count":0}"#,
        r#"{"cluster_template_id":"t","node_count":-1}"#,
        r#"{"cluster_template_id":"t","node_count":1e12}"#,
        r#"{"cluster_template_id":"t","stack_id":null}"#,
        r#"{"cluster_template_id":"t","project_id":"b"}"#,
        r#"{"cluster_template_id":"t","labels":{"a":{}}}"#,
        r#"{"cluster_template_id":"t","floating_ip_enabled":"maybe"}"#,
        r#"{"cluster_template_id":"t","health_status":"GOOD"}"#,
        r#"{"cluster_template_id":"t","nonsense":1}"#,
    ] {
        let answer = server.post("/v1/clusters", bad).send().await;
        assert_eq!(answer.status, 400, "{bad}: {}", answer.text);
    }
    assert_eq!(server.get("/v1/clusters").send().await.json()["clusters"].as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn of_many_creates_at_once_the_quota_lets_exactly_its_number_through() {
    let server = Server::start_with(|settings| settings.default_quota = 5).await;
    server.post("/v1/clustertemplates", r#"{"name":"t","coe":"swarm","image_id":"i"}"#).send().await.is(201);
    let creates = (0..40).map(|_| async { server.post("/v1/clusters", r#"{"cluster_template_id":"t"}"#).send().await.status.as_u16() });
    let mut answers = futures::future::join_all(creates).await;
    answers.sort_unstable();
    assert_eq!(answers, [vec![202; 5], vec![403; 35]].concat());
    assert_eq!(server.get("/v1/clusters").send().await.json()["clusters"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn the_quota_holds() {
    let server = Server::start_with(|settings| settings.default_quota = 1).await;
    server.post("/v1/clustertemplates", r#"{"name":"t","coe":"swarm","image_id":"i"}"#).send().await.is(201);
    server.post("/v1/clusters", r#"{"cluster_template_id":"t"}"#).send().await.is(202);
    server.post("/v1/clusters", r#"{"cluster_template_id":"t"}"#).send().await.is(403);
}
