//! The story of a cluster, audit records, and who is told what.

use crate::{
    clusters::{settled, with_template},
    owner,
    server::Server,
};
use model::{Command, command::SinkOpen};
use raft::Write;
use serde_json::Value;

/// A server with an owner and a cluster `c` that is complete.
async fn server() -> Server {
    let server = with_template().await;
    owner::start(&server);
    server.post("/v1/clusters", r#"{"name":"c","cluster_template_id":"t"}"#).send().await.is(202);
    settled(&server, "/v1/clusters/c", "CREATE_COMPLETE").await;
    server
}

async fn write(server: &Server, command: Command) {
    server.handle.write(Write::system(command), crate::server::soon()).await.unwrap().outcome.into_result().unwrap();
}

fn types(list: &Value) -> Vec<String> {
    list["events"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_clusters_story_is_told_in_pages_to_those_who_may_see_it() {
    let server = server().await;
    let told = server.get("/v1/clusters/c/events").send().await.is(200).json();
    let list = types(&told);
    assert_eq!(list.first().unwrap(), "cluster.created");
    assert!(list.contains(&"operation.ended".to_owned()) && !list.contains(&"ownership.assigned".to_owned()), "{list:?}");
    let first = &told["events"][0];
    assert_eq!((&first["user_id"], &first["outcome"], &first["name"]), (&"alice".into(), &"pending".into(), &"c".into()));
    assert!(first["request_id"].as_str().unwrap().starts_with("req-"));
    let last = told["events"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["type"], &last["outcome"], &last["member"]), (&"cluster.status".into(), &"success".into(), &1.into()));
    let all = server.get("/v1/clusters/c/events").as_("admin").send().await.is(200).json();
    assert!(types(&all).contains(&"ownership.assigned".to_owned()), "operators see the moves");

    let mut paged = Vec::new();
    let mut path = "/v1/clusters/c/events?limit=1".to_owned();
    loop {
        let page = server.get(&path).send().await.is(200).json();
        paged.extend(types(&page));
        match page["next"].as_str() {
            Some(next) => path = next.split_once(":9511").unwrap().1.to_owned(),
            None => break,
        }
    }
    assert_eq!(paged, list);
    let only = server.get("/v1/clusters/c/events?type=operation.ended").send().await.is(200).json();
    assert_eq!(types(&only), ["operation.ended"]);
    let none = server.get("/v1/clusters/c/events?until=2001-01-01T00:00:00Z").send().await.is(200).json();
    assert!(types(&none).is_empty());
    let since = server.get("/v1/clusters/c/events?since=2001-01-01T00:00:00Z").send().await.is(200).json();
    assert_eq!(types(&since), list);

    for bad in ["since=now", "after=x", "limit=0", "color=red"] {
        server.get(&format!("/v1/clusters/c/events?{bad}")).send().await.is(400);
    }
    server.get("/v1/clusters/c/events").as_("nobody").send().await.is(403);
    server.get("/v1/clusters/c/events").as_("other").send().await.is(404);
}

#[tokio::test]
async fn the_story_outlives_its_cluster_for_its_own_project() {
    let server = server().await;
    let id = server.get("/v1/clusters/c").send().await.json()["uuid"].as_str().unwrap().to_owned();
    server.ask("DELETE", "/v1/clusters/c").send().await.is(204);
    for _ in 0..500 {
        if server.get("/v1/clusters/c").send().await.status == 404 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    server.get("/v1/clusters/c/events").send().await.is(404);
    let path = format!("/v1/clusters/{id}/events");
    let told = server.get(&path).send().await.is(200).json();
    assert_eq!(types(&told).last().unwrap(), "cluster.deleted");
    server.get(&path).as_("other").send().await.is(404);
}

#[tokio::test]
async fn audit_records_are_streamed_to_administrators_under_ids_that_stay() {
    let server = server().await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let mut stream = crate::watching::Stream::audit(&server, "admin", "?after=0").await.ok().unwrap();
        stream.until("magnum.cluster.create\",\"priority\":\"INFO").await;
        stream.until("\"outcome\":\"success\",\"initiator\":{\"typeURI\":\"service/security/account/user\",\"id\":\"alice\"").await;
        let record = stream.data().into_iter().find(|record| record["event_type"] == "magnum.cluster.create").unwrap();
        let payload = &record["payload"];
        assert_eq!((&payload["action"], &payload["outcome"]), (&"create".into(), &"pending".into()));
        assert_eq!((&payload["eventType"], &payload["target"]["typeURI"]), (&"activity".into(), &"service/magnum/cluster".into()));
        assert_eq!((&payload["target"]["name"], &payload["initiator"]["project_id"]), (&"c".into(), &"a".into()));
        assert_eq!(record["message_id"], payload["id"]);
        ids.push(record["message_id"].clone());
    }
    assert_eq!(ids[0], ids[1]);
    assert_eq!(crate::watching::Stream::audit(&server, "member", "").await.err(), Some(403));
}

#[tokio::test]
async fn sinks_are_shown_and_closed_by_administrators() {
    let server = server().await;
    write(&server, Command::SinkOpen(SinkOpen { name: "file".to_owned() })).await;
    let shown = server.get("/v1/jeroboam/sinks").as_("admin").send().await.is(200).json();
    assert_eq!((&shown["sinks"][0]["name"], &shown["sinks"][0]["lost"]), (&"file".into(), &0.into()));
    assert!(shown["sinks"][0]["lag"].as_u64().unwrap() > 3 && shown["keep"] == 200_000, "{shown}");
    server.ask("DELETE", "/v1/jeroboam/sinks/file").send().await.is(403);
    server.ask("DELETE", "/v1/jeroboam/sinks/file").as_("admin").send().await.is(204);
    server.ask("DELETE", "/v1/jeroboam/sinks/file").as_("admin").send().await.is(404);
    assert!(server.get("/v1/jeroboam/sinks").as_("admin").send().await.json()["sinks"].as_array().unwrap().is_empty());
    server.get("/v1/jeroboam/sinks").send().await.is(403);
}
