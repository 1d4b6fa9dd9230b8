//! Nobody sees or changes what is another project's, and roles decide what may be done with one's own.

use crate::{clusters::with_template, owner, server::Server};

#[tokio::test]
async fn another_projects_objects_are_missing() {
    let server = with_template().await;
    server.post("/v1/clusters", r#"{"name":"c","cluster_template_id":"t"}"#).send().await.is(202);
    let node = server.post("/v1/nodes", r#"{"type":"virt"}"#).send().await.is(201).json();
    let template = server.get("/v1/clustertemplates/t").send().await.json()["uuid"].as_str().unwrap().to_owned();
    let node = node["uuid"].as_str().unwrap();
    for path in [
        format!("/v1/clustertemplates/{template}"),
        "/v1/baymodels/t".to_owned(),
        "/v1/clusters/c".to_owned(),
        "/v1/bays/c".to_owned(),
        format!("/v1/nodes/{node}"),
    ] {
        server.get(&path).as_("other").send().await.is(404);
        server.patch(&path, "[]").as_("other").send().await.is(404);
        server.ask("DELETE", &path).as_("other").send().await.is(404);
        server.get(&path).send().await.is(200);
    }
    for collection in ["clustertemplates", "baymodels", "clusters", "bays", "nodes", "containers"] {
        let list = server.get(&format!("/v1/{collection}")).as_("other").send().await.is(200).json();
        assert_eq!(list[collection].as_array().unwrap().len(), 0, "{collection}");
    }
    server.get(&format!("/v1/baymodels?marker={template}")).as_("other").send().await.is(404);
    server.post("/v1/clusters", r#"{"cluster_template_id":"t"}"#).as_("other").send().await.is(400);
    let forged = server.get("/v1/clusters/c").as_("other").header("x-project-id", "a").header("x-roles", "admin");
    forged.header("x-identity-status", "Confirmed").send().await.is(404);
}

#[tokio::test]
async fn public_templates_are_seen_and_not_changed() {
    let server = Server::start().await;
    let public = r#"{"name":"p","coe":"swarm","image_id":"i","public":true}"#;
    server.post("/v1/clustertemplates", public).send().await.is(403);
    server.post("/v1/clustertemplates", public).as_("admin").send().await.is(201);
    server.get("/v1/clustertemplates/p").as_("other").send().await.is(200);
    server.patch("/v1/clustertemplates/p", r#"[{"op":"replace","path":"/name","value":"q"}]"#).as_("other").send().await.is(403);
    server.ask("DELETE", "/v1/clustertemplates/p").as_("other").send().await.is(403);
    server.post("/v1/clusters", r#"{"cluster_template_id":"p"}"#).as_("other").send().await.is(202);
    server.patch("/v1/clustertemplates/p", r#"[{"op":"replace","path":"/hidden","value":"yes"}]"#).as_("admin").send().await.is(200);
    server.get("/v1/clustertemplates/p").as_("other").send().await.is(404);
    server.post("/v1/clusters", r#"{"cluster_template_id":"p"}"#).send().await.is(403);
}

#[tokio::test]
async fn administrators_see_all_clusters_and_templates() {
    let server = with_template().await;
    server.post("/v1/clustertemplates", r#"{"name":"o","coe":"swarm","image_id":"i"}"#).as_("other").send().await.is(201);
    server.get("/v1/clustertemplates/o").send().await.is(404);
    server.get("/v1/clustertemplates/o").as_("admin").send().await.is(200);
    let seen = server.get("/v1/clustertemplates").as_("admin").send().await.json()["clustertemplates"].as_array().unwrap().len();
    assert_eq!(seen, 2);
}

#[tokio::test]
async fn roles_decide() {
    let server = with_template().await;
    owner::start(&server);
    server.get("/v1/clusters").as_("reader").send().await.is(200);
    server.post("/v1/clusters", r#"{"cluster_template_id":"t"}"#).as_("reader").send().await.is(403);
    server.patch("/v1/clustertemplates/t", "[]").as_("reader").send().await.is(403);
    for path in ["/v1/clusters", "/v1/bays", "/v1/baymodels", "/v1/containers", "/v1/nodes", "/v1/mservices"] {
        server.get(path).as_("nobody").send().await.is(403);
    }
    server.get("/v1/mservices").send().await.is(403);
    let rows = server.get("/v1/mservices").as_("admin").send().await.is(200).json();
    assert_eq!((&rows["mservices"][0]["host"], &rows["mservices"][0]["state"]), (&"one".into(), &"up".into()));
    assert_eq!(rows["mservices"][0]["binary"], "magnum-conductor");
    server.get("/v1/mservices?limit=1").as_("admin").send().await.is(200);
}
