//! `/v1/quotas` and `/v1/stats`.

use serde_json::json;

use crate::{clusters::with_template, server::Server};

#[tokio::test]
async fn a_quota_from_its_making_to_its_end() {
    let server = Server::start().await;
    let path = "/v1/quotas/a/Cluster";
    let usual = server.get(path).send().await.is(200).json();
    assert_eq!(usual, json!({ "hard_limit": 20, "project_id": "a", "resource": "Cluster" }));
    server.post("/v1/quotas", r#"{"project_id": "a"}"#).send().await.is(403);

    let made = server.post("/v1/quotas", r#"{"project_id": "a", "hard_limit": "5"}"#).as_("admin").send().await.is(201).json();
    assert_eq!((&made["hard_limit"], &made["id"], &made["updated_at"]), (&json!(5), &json!(1), &json!(null)));
    server.post("/v1/quotas", r#"{"project_id": "a"}"#).as_("admin").send().await.is(409);
    assert_eq!(server.get(path).send().await.is(200).json()["hard_limit"], 5);
    server.get(path).as_("other").send().await.is(403);

    let changed =
        server.patch(path, r#"{"hard_limit": 7, "project_id": "a", "resource": "Cluster"}"#).as_("admin").send().await.is(202).json();
    assert_eq!(changed["hard_limit"], 7);
    let emptied = server.patch(path, "{}").as_("admin").send().await.is(202).json();
    assert_eq!(emptied["hard_limit"], 1, "nothing said means one");
    server.patch("/v1/quotas/b/Cluster", "{}").as_("admin").send().await.is(404);

    server.ask("DELETE", path).send().await.is(403);
    server.ask("DELETE", path).as_("admin").send().await.is(204);
    server.ask("DELETE", path).as_("admin").send().await.is(404);
}

#[tokio::test]
async fn what_makes_no_sense_is_a_400() {
    let server = Server::start().await;
    for body in [
        "",
        "[]",
        "{}",
        r#"{"project_id": ""}"#,
        r#"{"project_id": "a", "hard_limit": -1}"#,
        r#"{"project_id": "a", "resource": "Pod"}"#,
        r#"{"project_id": "a", "id": 5}"#,
        r#"{"project_id": "a", "more": 1}"#,
    ] {
        server.post("/v1/quotas", body).as_("admin").send().await.is(400);
    }
    server.get("/v1/quotas/a").as_("admin").send().await.is(400);
    server.get("/v1/quotas?marker=x").as_("admin").send().await.is(400);
    server.get("/v1/quotas?marker=99").as_("admin").send().await.is(404);
    server.get("/v1/stats?type=pod").send().await.is(400);
}

#[tokio::test]
async fn lists_go_by_whole_numbers_and_stay_in_the_project_unless_told() {
    let server = Server::start().await;
    for project in ["a", "b", "c"] {
        server.post("/v1/quotas", &format!(r#"{{"project_id": "{project}"}}"#)).as_("admin").send().await.is(201);
    }
    let projects = |answer: &serde_json::Value| -> Vec<String> {
        answer["quotas"].as_array().unwrap().iter().map(|quota| quota["project_id"].as_str().unwrap().to_owned()).collect()
    };
    let own = server.get("/v1/quotas").as_("admin").send().await.is(200).json();
    assert_eq!(projects(&own), ["a"]);
    let first = server.get("/v1/quotas?all_tenants=True&limit=2").as_("admin").send().await.is(200).json();
    assert_eq!(projects(&first), ["a", "b"]);
    let next = first["next"].as_str().unwrap();
    assert!(next.contains("marker=2") && next.contains("all_tenants=True"), "{next}");
    let rest = server.get(next.split_once("9511").unwrap().1).as_("admin").send().await.is(200).json();
    assert_eq!(projects(&rest), ["c"]);
    let back = server.get("/v1/quotas?all_tenants=1&sort_dir=desc&sort_key=project_id").as_("admin").send().await.is(200).json();
    assert_eq!(projects(&back), ["c", "b", "a"]);
    server.get("/v1/quotas").send().await.is(403);
}

#[tokio::test]
async fn stats_count_clusters_and_all_their_machines() {
    let server = with_template().await;
    let counted = server.get("/v1/stats").send().await.is(200).json();
    assert_eq!(counted, json!({ "clusters": 0, "nodes": 0 }));
    for token in ["member", "admin"] {
        let body = r#"{"name": "c", "cluster_template_id": "t", "node_count": 3}"#;
        server.post("/v1/clusters", body).as_(token).send().await.is(202);
    }
    assert_eq!(server.get("/v1/stats").send().await.is(200).json(), json!({ "clusters": 2, "nodes": 8 }));
    assert_eq!(
        server.get("/v1/stats?project_id=b&type=Cluster").as_("admin").send().await.is(200).json(),
        json!({ "clusters": 0, "nodes": 0 })
    );
    server.get("/v1/stats?project_id=b").send().await.is(403);
    assert_eq!(server.get("/v1/stats").as_("other").send().await.is(200).json(), json!({ "clusters": 0, "nodes": 0 }));
}
