//! Bad input on every route: whatever is sent, the answer is a 4xx with a reason; never a panic, never a 500, and never a word of another
//! project's objects. Routes are enumerated from the table itself, so a new one is in the battery from its first day.

use serde_json::Value;

use crate::{
    clusters::with_template,
    owner,
    server::{Answer, Ask, Server},
};

/// A word that stands in every object of the other project, and nowhere else.
const SECRET: &str = "zanzibar";

/// Bodies that no route may accept as they are.
fn bodies() -> Vec<Vec<u8>> {
    let mut bodies: Vec<Vec<u8>> = [
        "[",
        "{",
        "nul",
        "{\"a\":1} trailing",
        "{\"name\":\"a\",\"name\":\"b\"}",
        "\"text\"",
        "3",
        "true",
        "[[]]",
        "[null]",
        "[{}]",
        "NaN",
        "{\"name\":1e400}",
        "{\"name\":\"\\ud800\"}",
        "{\"name\":\"a\\u0000b\"}",
        "{\"name\":[]}",
        "{\"name\":{}}",
        "{\"nonsense\":1}",
        "{\"uuid\":7}",
        "{\"links\":[]}",
        "{\"project_id\":\"b\"}",
        "{\"node_count\":-0.0,\"master_count\":9223372036854775808}",
        "{\"node_count\":18446744073709551616}",
        "{\"labels\":{\"a\":[1]}}",
        "{\"labels\":[1]}",
        "{\"coe\":\"nonsense\",\"image_id\":\"\"}",
        "{\"docker_volume_size\":-1}",
        "{\"name\":\"\u{202e}\u{200b}\",\"x\":\"$(reboot) `id` {{7*7}}\\nruncmd:\"}",
        "[{\"op\":\"test\",\"path\":\"/name\",\"value\":\"x\"}]",
        "[{\"op\":\"move\",\"path\":\"/name\",\"from\":\"/a\"}]",
        "[{\"op\":\"replace\",\"path\":\"/\",\"value\":\"x\"}]",
        "[{\"op\":\"replace\",\"path\":\"/~1\",\"value\":\"x\"}]",
        "[{\"op\":\"add\",\"path\":\"/labels/-/x\",\"value\":\"x\"}]",
        "[{\"op\":\"replace\",\"path\":\"/uuid\",\"value\":\"x\"}]",
        "[{\"op\":\"replace\",\"path\":\"/project_id\",\"value\":\"b\"}]",
        "[{\"op\":\"replace\",\"path\":\"/nonsense\",\"value\":null}]",
        "[{\"op\":\"replace\",\"path\":\"/name\",\"value\":1.5}]",
        "[{\"op\":7,\"path\":8}]",
        "{\"to\":\"x\"}",
        "{\"to\":-1}",
        "{\"to\":1e99}",
    ]
    .iter()
    .map(|body| body.as_bytes().to_vec())
    .collect();
    bodies.push(b"{\"name\":\"\xff\xfe\"}".to_vec());
    bodies.push(vec![0; 64]);
    bodies.push("[".repeat(100_000).into_bytes());
    bodies.push("{\"a\":".repeat(100_000).into_bytes());
    bodies.push(format!("{{{}\"z\":1}}", (0..50_000).map(|n| format!("\"k{n}\":1,")).collect::<String>()).into_bytes());
    bodies.push(format!("{{\"name\":\"{}\"}}", "n".repeat(300)).into_bytes());
    bodies.push(format!("{{\"name\":\"{}\"}}", "n".repeat(2 << 20)).into_bytes());
    bodies
}

/// Names that are none of the caller's objects.
fn names(foreign: &str) -> Vec<String> {
    let long = "x".repeat(16 * 1024);
    let names = [
        "nothing",
        "0",
        "-1",
        "18446744073709551616",
        "..",
        "%2e%2e",
        "%2f",
        "%00",
        "%ff",
        "%",
        "a;b",
        "a%0ab",
        "*",
        "null",
        "DETAIL",
        "%7b%7d",
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "%27%20or%201%3d1",
        "%e2%80%ae",
        SECRET,
        foreign,
        &long,
    ];
    names.map(str::to_owned).to_vec()
}

const QUERIES: [&str; 9] = [
    "limit=-1",
    "limit=0x10",
    "marker=x",
    "sort_key=;",
    "sort_dir=up",
    "nonsense=1",
    "limit=1&limit=1",
    "%ff=1",
    "after=-1&cluster=%00&limit=x",
];

const HEADERS: [(&str, &str); 12] = [
    ("openstack-api-version", "container-infra 99.99"),
    ("openstack-api-version", "nonsense"),
    ("openstack-api-version", "container-infra 1.-1"),
    ("if-match", "garbage"),
    ("if-match", "\"1"),
    ("idempotency-key", ""),
    ("jeroboam-consistency", "sometimes"),
    ("jeroboam-min-index", "-1"),
    ("accept", "text/html"),
    ("content-type", "text/plain"),
    ("content-encoding", "gzip"),
    ("expect", "\u{fc}"),
];

/// What holds of every answer to bad input.
fn harmless(what: &str, answer: &Answer) {
    let status = answer.status.as_u16();
    assert!(status < 500 || status == 503, "{what}: {status} {}", answer.text);
    // A name that was asked for may be repeated in the answer; whoever operates the whole sees all names.
    let told = what.contains(SECRET) || (what.contains("/v1/jeroboam/") && status < 400);
    assert!(told || !answer.text.contains(SECRET), "{what} tells of another project: {}", answer.text);
    assert!(answer.header("x-openstack-request-id").is_some(), "{what} has no request id");
    assert!(answer.header("jeroboam-index").is_some(), "{what} has no index");
    if status < 400 {
        return;
    }
    let body: Value = serde_json::from_str(&answer.text).unwrap_or_else(|error| panic!("{what}: {error}: {}", answer.text));
    if status == 401 {
        assert!(body["error"]["message"].as_str().is_some_and(|text| !text.is_empty()), "{what}: {body}");
    } else {
        let error = &body["errors"][0];
        let reason = error.get("detail").or_else(|| error.get("description"));
        assert!(reason.and_then(Value::as_str).is_some_and(|text| !text.is_empty()), "{what}: {body}");
    }
}

/// A server with objects of project `b` that all hold the secret; the uuid of one of each kind.
async fn with_foreign_objects() -> (Server, Vec<String>) {
    let server = with_template().await;
    owner::start(&server);
    let mut uuids = Vec::new();
    let template = format!(r#"{{"name":"{SECRET}","coe":"swarm","image_id":"{SECRET}","labels":{{"{SECRET}":"{SECRET}"}}}}"#);
    let cluster = format!(r#"{{"name":"{SECRET}","cluster_template_id":"{SECRET}"}}"#);
    let node = format!(r#"{{"type":"{SECRET}"}}"#);
    let container = format!(r#"{{"name":"{SECRET}","image":"{SECRET}","bay_uuid":"{SECRET}"}}"#);
    for (path, body) in [("/v1/baymodels", template), ("/v1/clusters", cluster), ("/v1/nodes", node), ("/v1/containers", container)] {
        let made = server.post(path, &body).as_("other").send().await;
        assert!(made.status.is_success(), "{}", made.text);
        uuids.push(made.json()["uuid"].as_str().unwrap().to_owned());
    }
    (server, uuids)
}

/// A path of a pattern with a name in it. Members are always such that nothing happens to this one.
fn filled(pattern: &str, name: &str) -> String {
    match (pattern.find('{'), pattern.find('}')) {
        (Some(from), Some(to)) => format!("{}{name}{}", &pattern[..from], &pattern[to + 1..]),
        _ => pattern.to_owned(),
    }
}

/// The token of somebody who would be allowed to.
fn token(pattern: &str) -> &'static str {
    if pattern.starts_with("/v1/jeroboam") && !pattern.ends_with("watch") || pattern.ends_with("mservices") { "admin" } else { "member" }
}

/// Sends it; streams are not read to an end they do not have.
async fn send(what: &str, ask: Ask<'_>) -> Answer {
    let answer = tokio::time::timeout(std::time::Duration::from_secs(10), ask.send()).await;
    answer.unwrap_or_else(|_| panic!("{what} hangs"))
}

fn streams(path: &str) -> bool {
    path.ends_with("/watch") || path.ends_with("/audit")
}

#[tokio::test]
async fn bad_bodies_on_every_route() {
    let (server, _) = with_foreign_objects().await;
    let bodies = bodies();
    for (method, pattern) in api::routes() {
        let reads = matches!(method, "POST" | "PATCH" | "PUT");
        for body in &bodies {
            if streams(pattern) {
                continue;
            }
            let path = filled(pattern, "999");
            let what = format!("{method} {path} with {:?}", String::from_utf8_lossy(&body[..body.len().min(80)]));
            let answer = send(&what, server.ask(method, &path).as_(token(pattern)).body(body.clone())).await;
            harmless(&what, &answer);
            if reads || method == "GET" {
                assert!(answer.status.is_client_error(), "{what} is accepted: {} {}", answer.status, answer.text);
            }
        }
        if reads && !pattern.starts_with("/v1/jeroboam") {
            let path = filled(pattern, "999");
            let answer = send(&path, server.ask(method, &path)).await;
            harmless(&path, &answer);
            assert!(answer.status.is_client_error(), "{method} {path} without a body: {}", answer.status);
        }
    }
}

#[tokio::test]
async fn bad_names_queries_and_headers_on_every_route() {
    let (server, foreign) = with_foreign_objects().await;
    for (method, pattern) in api::routes() {
        let token = token(pattern);
        if pattern.contains('{') {
            for name in foreign.iter().flat_map(|foreign| names(foreign)) {
                let path = filled(pattern, &name);
                let what = format!("{method} {}", &path[..path.len().min(120)]);
                // An administrator may see foreign templates and clusters; members of ours have no owner.
                let answer = send(&what, server.ask(method, &path).as_(token)).await;
                harmless(&what, &answer);
                assert!(answer.status.is_client_error() || token == "admin", "{what}: {}", answer.status);
            }
        }
        for query in QUERIES {
            let path = format!("{}?{query}", filled(pattern, "999"));
            let what = format!("{method} {path}");
            let answer = send(&what, server.ask(method, &path).as_(token)).await;
            harmless(&what, &answer);
            let ignored = pattern.ends_with("mservices");
            assert!(answer.status.is_client_error() || ignored, "{what}: {}", answer.status);
        }
        for (name, value) in HEADERS {
            if streams(pattern)
                && (name == "accept" || name == "expect" || name.starts_with("content") || name == "if-match" || name == "idempotency-key")
            {
                continue;
            }
            let path = filled(pattern, "999");
            let what = format!("{method} {path} with {name}: {value}");
            let answer = send(&what, server.ask(method, &path).as_(token).header(name, value)).await;
            harmless(&what, &answer);
        }
    }
}

#[tokio::test]
async fn no_route_answers_without_a_token_or_with_too_small_a_role() {
    let (server, _) = with_foreign_objects().await;
    const PUBLIC: [&str; 6] = ["/", "/v1", "/healthcheck", "/livez", "/readyz", "/metrics"];
    for (method, pattern) in api::routes() {
        if PUBLIC.contains(&pattern) {
            continue;
        }
        let path = filled(pattern, "t");
        let what = format!("{method} {path}");
        let answer = send(&what, server.ask(method, &path).anonymous()).await;
        harmless(&what, &answer);
        assert_eq!(answer.status, 401, "{what}");
        let body = match method {
            "PATCH" => "[]",
            "POST" if pattern.ends_with("templates") || pattern.ends_with("baymodels") => r#"{"coe":"swarm","image_id":"i"}"#,
            "POST" if pattern.ends_with("clusters") => r#"{"cluster_template_id":"t"}"#,
            "POST" if pattern.ends_with("bays") => r#"{"baymodel_id":"t"}"#,
            "POST" if pattern.ends_with("containers") => r#"{"image":"i","bay_uuid":"c"}"#,
            "POST" => "{}",
            _ => "",
        };
        let path = if pattern.ends_with("execute") { format!("{path}?command=id") } else { path };
        let answer = send(&what, server.ask(method, &path).as_("nobody").body(body)).await;
        harmless(&what, &answer);
        assert_eq!(answer.status, 403, "{what}: {}", answer.text);
    }
}
