//! Templates in both vocabularies, and what every object shares: revisions, idempotency, pages.

use serde_json::json;

use crate::server::Server;

const SWARM: &str = r#"{"name":"small","coe":"swarm","image_id":"fedora","labels":{"a":true,"n":1.5},"docker_volume_size":"3"}"#;

#[tokio::test]
async fn one_row_in_two_vocabularies() {
    let server = Server::start().await;
    let made = server.post("/v1/baymodels", SWARM).send().await.is(201);
    let body = made.json();
    let uuid = body["uuid"].as_str().unwrap().to_owned();
    assert_eq!(made.header("location").unwrap(), format!("http://test:9511/v1/baymodels/{uuid}"));
    assert_eq!(body["labels"], json!({"a": "True", "n": "1.5"}));
    assert_eq!(body["docker_volume_size"], 3);
    assert_eq!(body["updated_at"], json!(null));
    assert!(body["created_at"].as_str().unwrap().ends_with("+00:00"));
    assert_eq!(body["links"][1]["href"], format!("http://test:9511/baymodels/{uuid}"));
    assert!(body.get("project_id").is_none());

    let shown = server.get(&format!("/v1/baymodels/{uuid}/")).send().await.is(200);
    assert_eq!(shown.json(), body);
    assert_eq!(shown.header("etag"), made.header("etag"));
    assert!(shown.index() >= made.index());

    let current = server.get("/clustertemplates/small").send().await.is(200).json();
    assert_eq!(current["uuid"], body["uuid"]);
    assert_eq!(current["project_id"], "a");
    assert_eq!(current["user_id"], "alice");
    assert_eq!(current["network_driver"], "docker");
    assert_eq!(current["hidden"], false);
    let upper = uuid.to_uppercase().replace('-', "");
    server.get(&format!("/v1/clustertemplates/{upper}")).send().await.is(200);

    let list = server.get("/v1/baymodels").send().await.is(200).json();
    let keys: Vec<_> = list["baymodels"][0].as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["uuid", "name", "image_id", "apiserver_port", "coe", "links"]);
    assert!(server.get("/v1/baymodels/detail").send().await.is(200).json()["baymodels"][0].get("labels").is_some());

    assert_eq!(server.ask("DELETE", "/v1/clustertemplates/small").send().await.is(204).text, "");
    server.get("/v1/baymodels/small").send().await.is(404);
}

#[tokio::test]
async fn the_client_may_choose_the_uuid_and_names_are_not_unique() {
    let server = Server::start().await;
    let with = |uuid: &str| format!(r#"{{"uuid":"{uuid}","name":"twin","coe":"swarm","image_id":"i"}}"#);
    let one = "0b6f2c1e-7d1f-4f0e-9a53-2f6c7f0d9b11";
    server.post("/v1/clustertemplates", &with(one)).send().await.is(201);
    server.post("/v1/clustertemplates", &with(one)).send().await.is(409);
    server.post("/v1/clustertemplates", &with("0b6f2c1e-7d1f-4f0e-9a53-2f6c7f0d9b12")).send().await.is(201);
    server.get("/v1/clustertemplates/twin").send().await.is(409);
    server.get(&format!("/v1/clustertemplates/{one}")).send().await.is(200);
    let unnamed = server.post("/v1/clustertemplates", r#"{"coe":"swarm","image_id":"i","name":null}"#).send().await.is(201).json();
    assert!(unnamed["name"].as_str().unwrap().ends_with("-template"));
}

#[tokio::test]
async fn patches_and_revisions() {
    let server = Server::start().await;
    let made = server.post("/v1/baymodels", SWARM).send().await.is(201);
    let path = format!("/v1/baymodels/{}", made.json()["uuid"].as_str().unwrap());
    let first = made.header("etag").unwrap().to_owned();

    let rename = |name: &str| format!(r#"[{{"op":"replace","path":"/name","value":"{name}"}}]"#);
    let renamed = server.patch(&path, &rename("x")).header("if-match", &first).send().await.is(200);
    assert_eq!(renamed.json()["name"], "x");
    assert_ne!(renamed.json()["updated_at"], json!(null));
    let second = renamed.header("etag").unwrap().to_owned();
    assert_ne!(first, second);
    server.patch(&path, &rename("y")).header("if-match", &first).send().await.is(412);
    server.patch(&path, &rename("y")).header("if-match", "nonsense").send().await.is(400);
    server.patch(&path, &rename("y")).header("if-match", "*").send().await.is(200);
    assert_eq!(server.get(&path).send().await.json()["name"], "y");

    let labels = r#"[{"op":"add","path":"/labels/b","value":"2"},{"op":"remove","path":"/labels/a"}]"#;
    assert_eq!(server.patch(&path, labels).send().await.is(200).json()["labels"], json!({"b": "2", "n": "1.5"}));
    server.patch(&path, r#"[{"op":"remove","path":"/image_id"}]"#).send().await.is(400);
    server.patch(&path, r#"[{"op":"replace","path":"/docker_volume_size","value":"0"}]"#).send().await.is(400);
    server.patch(&path, r#"[{"op":"replace","path":"/public","value":"true"}]"#).send().await.is(403);
    server.patch(&path, r#"[{"op":"replace","path":"/public","value":"true"}]"#).as_("admin").send().await.is(200);

    server.ask("DELETE", &path).header("if-match", &second).send().await.is(412);
    server.ask("DELETE", &path).send().await.is(204);
    server.ask("DELETE", &path).send().await.is(404);
}

#[tokio::test]
async fn a_repeated_request_with_its_key_does_nothing_twice() {
    let server = Server::start().await;
    let create = |body: &str| server.post("/v1/baymodels", body).header("idempotency-key", "k1");
    let first = create(SWARM).send().await.is(201);
    let again = create(SWARM).send().await.is(201);
    assert_eq!(first.json()["uuid"], again.json()["uuid"]);
    assert_eq!((first.header("jeroboam-replayed"), again.header("jeroboam-replayed")), (None, Some("true")));
    create(r#"{"coe":"swarm","image_id":"other"}"#).send().await.is(422);
    assert_eq!(server.get("/v1/baymodels").send().await.json()["baymodels"].as_array().unwrap().len(), 1);

    // A patch that could not be computed again, under a revision that is gone since: the first answer counts.
    let path = format!("/v1/baymodels/{}", first.json()["uuid"].as_str().unwrap());
    let etag = first.header("etag").unwrap();
    let patch = || {
        let body = r#"[{"op":"add","path":"/flavor_id","value":"f"}]"#;
        server.patch(&path, body).header("idempotency-key", "k2").header("if-match", etag)
    };
    assert_eq!(patch().send().await.is(200).json()["flavor_id"], "f");
    assert_eq!(patch().send().await.is(200).header("jeroboam-replayed"), Some("true"));

    let delete = || server.ask("DELETE", &path).header("idempotency-key", "k3");
    delete().send().await.is(204);
    assert_eq!(delete().send().await.is(204).header("jeroboam-replayed"), Some("true"));
    let gone = create(SWARM).send().await.is(404);
    assert_eq!(gone.header("jeroboam-replayed"), Some("true"));
}

#[tokio::test]
async fn changes_of_different_fields_do_not_lose_each_other() {
    let server = Server::start().await;
    let made = server.post("/v1/baymodels", r#"{"coe":"swarm","image_id":"i"}"#).send().await.is(201).json();
    let path = format!("/v1/baymodels/{}", made["uuid"].as_str().unwrap());
    let asks = (0..4).map(|n| {
        let body = format!(r#"[{{"op":"add","path":"/labels/l{n}","value":"{n}"}}]"#);
        let ask = server.patch(&path, &body);
        async move { ask.send().await.is(200) }
    });
    futures::future::join_all(asks).await;
    assert_eq!(server.get(&path).send().await.json()["labels"], json!({"l0": "0", "l1": "1", "l2": "2", "l3": "3"}));
}

#[tokio::test]
async fn pages_are_walked_by_their_links() {
    let server = Server::start().await;
    for name in ["c", "a", "b", "a", "d"] {
        server.post("/v1/baymodels", &format!(r#"{{"name":"{name}","coe":"swarm","image_id":"i"}}"#)).send().await.is(201);
    }
    for (query, expected) in [
        ("limit=2", "cabad"),
        ("limit=2&sort_dir=desc", "dabac"),
        ("limit=2&sort_key=name", "aabcd"),
        ("limit=5&sort_key=name&sort_dir=desc", "dcbaa"),
    ] {
        let mut seen = String::new();
        let mut path = format!("/v1/baymodels/?{query}");
        loop {
            let page = server.get(&path).send().await.is(200).json();
            for row in page["baymodels"].as_array().unwrap() {
                seen.push_str(row["name"].as_str().unwrap());
            }
            match page.get("next") {
                Some(next) => path = next.as_str().unwrap().strip_prefix("http://test:9511").unwrap().to_owned(),
                None => break,
            }
        }
        assert_eq!(seen, expected, "{query}");
    }
    for bad in
        ["limit=0", "limit=-1", "limit=x", "limit=", "marker=x", "sort_key=node_count", "sort_dir=up", "nonsense=1", "limit=1&limit=2"]
    {
        server.get(&format!("/v1/baymodels?{bad}")).send().await.is(400);
    }
    server.get("/v1/baymodels?marker=0b6f2c1e-7d1f-4f0e-9a53-2f6c7f0d9b11").send().await.is(404);
    server.get("/v1/baymodels?limit=1000000000").send().await.is(200);
}

#[tokio::test]
async fn the_next_page_is_one_of_the_same_list() {
    let server = Server::start().await;
    server.post("/v1/baymodels", SWARM).send().await.is(201);
    server.post("/v1/bays", r#"{"name":"b","baymodel_id":"small"}"#).send().await.is(201);
    server.post("/v1/nodes", r#"{"type":"virt"}"#).send().await.is(201);
    for collection in ["baymodels", "clustertemplates", "bays", "clusters", "nodes"] {
        for path in [format!("/v1/{collection}"), format!("/v1/{collection}/detail")] {
            let page = server.get(&format!("{path}/?limit=1")).send().await.is(200).json();
            assert_eq!(page[collection].as_array().unwrap().len(), 1, "{path}");
            let next = page["next"].as_str().unwrap().strip_prefix("http://test:9511").unwrap().to_owned();
            assert!(next.starts_with(&format!("{path}?")), "{path}: {next}");
            let end = server.get(&next).send().await.is(200).json();
            assert_eq!(end, json!({collection: []}), "{path}");
        }
    }
}

#[tokio::test]
async fn freshness_can_be_asked_for() {
    let server = Server::start().await;
    let made = server.post("/v1/baymodels", SWARM).send().await.is(201);
    let path = format!("/v1/baymodels/{}", made.json()["uuid"].as_str().unwrap());
    let stale = server.get(&path).header("jeroboam-consistency", "stale").send().await.is(200);
    assert!(stale.header("jeroboam-age-ms").is_some());
    let index = made.index().to_string();
    server.get(&path).header("jeroboam-consistency", "stale").header("jeroboam-min-index", &index).send().await.is(200);
    assert!(server.get(&path).send().await.is(200).header("jeroboam-age-ms").is_none());
    server.get(&path).header("jeroboam-consistency", "maybe").send().await.is(400);
}

#[tokio::test]
async fn the_future_is_not_waited_for_longer_than_a_request_may_take() {
    let server = Server::start_with(|settings| settings.request_timeout = std::time::Duration::from_millis(200)).await;
    let answer = server.get("/v1/baymodels").header("jeroboam-min-index", "1000000000").send().await.is(503);
    assert!(answer.header("retry-after").is_some());
}
