//! The rules of HTTP that hold for every route.

use std::time::Duration;

use axum::body::{Body, Bytes};
use futures::stream;
use serde_json::json;

use crate::server::Server;

#[tokio::test]
async fn documents_need_no_token() {
    let server = Server::start().await;
    let root = server.get("/").anonymous().header("openstack-api-version", "nonsense").send().await.is(200);
    assert_eq!(root.json()["versions"][0]["max_version"], "1.14");
    assert!(root.header("openstack-api-version").is_none());
    for path in ["/v1", "/v1/"] {
        let version = server.get(path).anonymous().send().await.is(200);
        assert_eq!(version.json()["id"], "v1");
        assert!(version.json().get("versions").is_none());
        assert_eq!(version.json()["bays"][1]["href"], "http://test:9511/bays/");
        assert_eq!(version.header("openstack-api-maximum-version"), Some("container-infrastructure-management 1.14"));
    }
    server.get("/v1").anonymous().header("openstack-api-version", "container-infra 2.0").send().await.is(406);
    for path in ["/healthcheck", "/livez", "/readyz"] {
        server.get(path).anonymous().send().await.is(200);
    }
    let metrics = server.get("/metrics").anonymous().header("accept", "text/plain").send().await.is(200).text;
    for name in ["raft_term 1", "raft_is_leader 1", "raft_applied_index", "http_request_seconds_bucket"] {
        assert!(metrics.contains(name), "{name} is missing in\n{metrics}");
    }
    server.app.stop();
    assert_eq!(server.get("/readyz").anonymous().send().await.is(503).header("retry-after"), Some("1"));
    server.get("/livez").anonymous().send().await.is(200);
}

#[tokio::test]
async fn a_token_is_needed_and_only_the_token_counts() {
    let server = Server::start().await;
    for ask in [
        server.get("/v1/bays").anonymous(),
        server.get("/v1/bays").as_("wrong"),
        server.get("/v1/bays").as_(&"x".repeat(8192)),
        server.get("/v1/bays").anonymous().header("x-project-id", "a").header("x-roles", "admin"),
        server.get("/v1/nonsense").anonymous(),
    ] {
        let refused = ask.send().await.is(401);
        assert_eq!(refused.json()["error"]["code"], 401);
        assert!(refused.header("www-authenticate").unwrap().starts_with("Keystone uri="));
        assert!(refused.header("openstack-api-version").is_none());
    }
}

#[tokio::test]
async fn paths_verbs_types_and_versions() {
    let server = Server::start().await;
    let missing = server.get("/v1/nonsense").send().await.is(404);
    assert_eq!((&missing.json()["errors"][0]["code"], &missing.json()["errors"][0]["title"]), (&json!(""), &json!("Not Found")));
    assert!(missing.header("x-openstack-request-id").unwrap().starts_with("req-"));
    let method = server.ask("PUT", "/v1/clusters").send().await.is(405);
    assert_eq!(method.header("allow"), Some("GET, POST"));
    for verb in ["OPTIONS", "TRACE", "CONNECT", "PROPFIND"] {
        server.ask(verb, "/v1/clusters").send().await.is(405);
    }
    for (accept, status) in [
        ("", 200),
        ("*/*", 200),
        ("application/json", 200),
        ("text/html, application/json;q=0.1", 200),
        ("text/html", 406),
        ("application/xml", 406),
    ] {
        server.get("/v1/clusters").header("accept", accept).send().await.is(status);
    }
    let json = r#"{"type":"virt"}"#;
    server.ask("POST", "/v1/nodes").typed("application/json; charset=utf-8", json).send().await.is(201);
    server.ask("POST", "/v1/nodes").typed("text/plain", json).send().await.is(415);
    server.ask("PATCH", "/v1/nodes/x").typed("application/json-patch+json", "[]").send().await.is(415);
    server.ask("POST", "/v1/nodes").typed("application/x-www-form-urlencoded", "type=virt").send().await.is(400);
    server.ask("POST", "/v1/nodes").body(json).header("content-encoding", "gzip").send().await.is(415);
    server.ask("GET", "/v1/nodes").body("{}").send().await.is(400);
    server.ask("DELETE", "/v1/nodes/x").header("content-type", "application/octet-stream").send().await.is(404);
    let special = server.get("/v1/nodes").header("openstack-api-version", "container-infra 1.99").send().await.is(406);
    assert_eq!(special.json()["errors"][0]["max_version"], "1.14");
    assert_eq!(special.header("openstack-api-version"), Some("container-infrastructure-management 1.99"));
    let ordinary = server.get("/v1/nodes").header("openstack-api-version", "1.3").send().await.is(406);
    assert_eq!(ordinary.json()["errors"][0]["title"], "Not Acceptable");
    server.get("/v1/nodes").header("x-openstack-magnum-api-version", "9.9").send().await.is(200);
}

#[tokio::test]
async fn nodes_are_a_plain_store() {
    let server = Server::start().await;
    let made = server.post("/v1/nodes", r#"{"name":"n","type":"bare","image_id":"i","ironic_node_id":null}"#).send().await.is(201).json();
    let path = format!("/v1/nodes/{}", made["uuid"].as_str().unwrap());
    let changed = server.patch(&path, r#"[{"op":"add","path":"/ironic_node_id","value":"x"}]"#).send().await.is(200).json();
    assert_eq!(changed["ironic_node_id"], "x");
    assert!(server.get("/v1/nodes/detail").send().await.is(200).json()["nodes"][0].get("created_at").is_some());
    server.get("/v1/nodes/n").send().await.is(404);
    server.ask("DELETE", &path).send().await.is(204);
    server.get(&path).send().await.is(404);
}

#[tokio::test]
async fn large_and_slow_bodies_are_not_waited_for() {
    let server = Server::start().await;
    let long = format!(r#"{{"type":"{}"}}"#, "x".repeat(2 << 20));
    server.post("/v1/nodes", &long).send().await.is(413);
    server.ask("POST", "/v1/nodes").body("{}").header("content-length", "104857600").send().await.is(413);
    let unannounced = stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 65_536])));
    server.ask("POST", "/v1/nodes").body(Body::from_stream(unannounced)).send().await.is(413);
    let slow = Body::from_stream(stream::once(async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        Ok::<_, std::io::Error>(Bytes::new())
    }));
    let answer = server.ask("POST", "/v1/nodes").body(slow).send().await.is(408);
    assert_eq!(answer.header("connection"), Some("close"));
}

#[tokio::test]
async fn links_name_the_host_that_was_asked() {
    let server = Server::start().await;
    let at = |host: &'static str| server.get("/").anonymous().header("host", host).send();
    assert_eq!(at("lb.example").await.json()["versions"][0]["links"][0]["href"], "http://lb.example/v1/");
    assert_eq!(at("a\"b").await.json()["versions"][0]["links"][0]["href"], "http://localhost:9511/v1/");
}

#[test]
fn the_readme_names_every_route() {
    let readme = include_str!("../../README.md");
    let named: Vec<_> = readme.lines().filter(|line| line.ends_with("` |") && line.contains("| `/")).collect();
    let routes: Vec<_> = api::routes().iter().map(|(method, path)| format!("| {method} | `{path}` |")).collect();
    assert_eq!(named, routes);
}

/// The words of the classic vocabulary stay in the files that translate it.
#[test]
fn classic_words_stand_where_they_may() {
    fn look(folder: &std::path::Path, wrong: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                look(&path, wrong);
                continue;
            }
            let name = path.file_name().unwrap().to_str().unwrap();
            let text = std::fs::read_to_string(&path).unwrap().to_lowercase();
            let mut words = text.split(|char: char| !char.is_ascii_alphabetic());
            let classic = words.any(|word| matches!(word, "bay" | "bays" | "baymodel" | "baymodels"));
            // The names of rules are operators' words, old ones beside new ones.
            let rules = path.parent().is_some_and(|folder| folder.ends_with("auth/policy"));
            if classic && !rules && !["classic.rs", "router.rs", "version.rs"].contains(&name) {
                wrong.push(path.display().to_string());
            }
        }
    }
    let mut wrong = Vec::new();
    look(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut wrong);
    assert_eq!(wrong, Vec::<String>::new());
}
