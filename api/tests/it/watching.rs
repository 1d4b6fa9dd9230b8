//! The stream of changes.

use std::time::Duration;

use axum::body::Body;
use futures::StreamExt;
use http::Request;

use crate::server::Server;

pub(crate) struct Stream {
    pieces: axum::body::BodyDataStream,
    text: String,
}

impl Stream {
    async fn open(server: &Server, token: &str, query: &str, last: Option<&str>) -> Result<Self, u16> {
        Self::of(server, token, &format!("/v1/jeroboam/watch{query}"), last).await
    }

    /// Audit records.
    pub(crate) async fn audit(server: &Server, token: &str, query: &str) -> Result<Self, u16> {
        Self::of(server, token, &format!("/v1/jeroboam/audit{query}"), None).await
    }

    async fn of(server: &Server, token: &str, path: &str, last: Option<&str>) -> Result<Self, u16> {
        let mut request = Request::get(path).header("x-auth-token", token).header("accept", "text/event-stream");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = server.raw(request.body(Body::empty()).unwrap()).await;
        if response.status() != 200 {
            return Err(response.status().as_u16());
        }
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        Ok(Self { pieces: response.into_body().into_data_stream(), text: String::new() })
    }

    /// Reads until the text holds these words.
    pub(crate) async fn until(&mut self, words: &str) {
        while !self.text.contains(words) {
            let piece = tokio::time::timeout(Duration::from_secs(5), self.pieces.next()).await;
            let piece = piece.unwrap_or_else(|_| panic!("{words} does not come after: {}", self.text));
            self.text.push_str(std::str::from_utf8(&piece.expect("the stream ended").unwrap()).unwrap());
        }
    }

    /// The data of all messages so far.
    pub(crate) fn data(&self) -> Vec<serde_json::Value> {
        let lines = self.text.lines().filter_map(|line| line.strip_prefix("data: "));
        lines.filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    fn ids(&self) -> Vec<String> {
        self.text.lines().filter_map(|line| line.strip_prefix("id: ")).map(str::to_owned).collect()
    }
}

fn template(name: &str) -> String {
    format!(r#"{{"name":"{name}","coe":"swarm","image_id":"i"}}"#)
}

#[tokio::test]
async fn a_watcher_sees_its_projects_changes_in_order_and_goes_on_where_it_was() {
    let server = Server::start().await;
    let mut stream = Stream::open(&server, "member", "", None).await.ok().unwrap();
    stream.until(": watching").await;
    server.post("/v1/baymodels", &template("secret")).as_("other").send().await.is(201);
    let made = server.post("/v1/baymodels", &template("one")).send().await.is(201);
    server.patch("/v1/baymodels/one", r#"[{"op":"replace","path":"/name","value":"two"}]"#).send().await.is(200);
    stream.until("event: template.updated").await;
    assert!(stream.text.contains("event: template.created"));
    let other = server.get("/v1/baymodels/secret").as_("other").send().await.json()["uuid"].as_str().unwrap().to_owned();
    assert!(!stream.text.contains(&other));
    let ids = stream.ids();
    assert!(ids[0].starts_with(&format!("{}:", made.index())), "{ids:?}");
    drop(stream);

    let mut again = Stream::open(&server, "member", "", Some(&ids[0])).await.ok().unwrap();
    again.until("event: template.updated").await;
    assert_eq!(again.ids(), ids[1..]);
    let mut from = Stream::open(&server, "member", &format!("?after={}", made.index() - 1), None).await.ok().unwrap();
    from.until("event: template.updated").await;
    assert_eq!(from.ids(), ids);
}

#[tokio::test]
async fn silence_is_filled_and_the_end_is_told() {
    let server = Server::start_with(|settings| {
        settings.keep_alive = Duration::from_millis(50);
        settings.max_watches = 1;
    })
    .await;
    let mut stream = Stream::open(&server, "reader", "", None).await.ok().unwrap();
    stream.until(": alive").await;
    assert_eq!(Stream::open(&server, "reader", "", None).await.err(), Some(503));
    server.app.stop();
    while stream.pieces.next().await.is_some() {}
    drop(stream);
    assert_eq!(Stream::open(&server, "reader", "?after=x", None).await.err(), Some(400));
    assert_eq!(Stream::open(&server, "nobody", "", None).await.err(), Some(403));
}
