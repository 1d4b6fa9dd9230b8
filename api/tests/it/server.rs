//! A member with the API in front of it, spoken to without sockets.

use std::{sync::Arc, time::Duration};

use api::{App, Identity, Policy, Settings, Tokens};
use axum::{Router, body::Body};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use http_body_util::BodyExt;
use model::{Command, command::MemberStarted, member::Member as Record};
use raft::{
    Addresses, Boot, Handle, Member, Write,
    seam::{Executor, OsChance, OsWall, Seams, Tcp},
};
use serde_json::Value;
use storage::{Disk, SimDisk, Store};
use tokio::time::Instant;
use tower::ServiceExt;
use uuid::Uuid;

/// Tokens by the name of what they may: projects `a` and `b`.
const TOKENS: &str = r#"
    [[token]]
    token = "admin"
    project_id = "a"
    user_id = "root"
    roles = ["admin"]
    [[token]]
    token = "member"
    project_id = "a"
    user_id = "alice"
    roles = ["member"]
    [[token]]
    token = "reader"
    project_id = "a"
    user_id = "rita"
    roles = ["reader"]
    [[token]]
    token = "nobody"
    project_id = "a"
    user_id = "nick"
    [[token]]
    token = "other"
    project_id = "b"
    user_id = "bob"
    roles = ["member"]
"#;

pub(crate) struct Server {
    router: Router,
    pub(crate) app: App,
    pub(crate) handle: Handle,
    _member: Member,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
    pub(crate) fn index(&self) -> u64 {
        self.header("jeroboam-index").unwrap().parse().unwrap()
    }
    /// The answer, which must have this status.
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }
}

/// A request under way.
pub(crate) struct Ask<'s> {
    server: &'s Server,
    request: Request<Body>,
}

fn tokens() -> Identity {
    Identity::Tokens(Arc::new(Tokens::parse(TOKENS).unwrap()))
}

pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    pub(crate) async fn start_with(set: impl FnOnce(&mut Settings)) -> Self {
        Self::start_whole(SimDisk::new(1).attach(), tokens(), set).await
    }

    pub(crate) async fn start_as(identity: Identity, set: impl FnOnce(&mut Settings)) -> Self {
        Self::start_whole(SimDisk::new(1).attach(), identity, set).await
    }

    pub(crate) async fn start_on(disk: Arc<dyn Disk>, set: impl FnOnce(&mut Settings)) -> Self {
        Self::start_whole(disk, tokens(), set).await
    }

    async fn start_whole(disk: Arc<dyn Disk>, identity: Identity, set: impl FnOnce(&mut Settings)) -> Self {
        #[cfg(feature = "faults")]
        model::planted::arm().unwrap();
        let store = Store::create(disk, Uuid::from_u128(7), 1).await.unwrap();
        let executor = Executor::current().unwrap();
        let seams =
            Seams { chance: Arc::new(OsChance), wall: Arc::new(OsWall), network: Arc::new(Tcp), raft: executor.clone(), rest: executor };
        let boot = Boot {
            store,
            seams,
            settings: raft::Settings::default(),
            tls: None,
            listen: "127.0.0.1:0".to_owned(),
            addresses: Addresses { peer: "127.0.0.1:1".to_owned(), api: "http://127.0.0.1:9511".to_owned(), name: "one".to_owned() },
        };
        let member = raft::bootstrap(boot, soon()).await.unwrap();
        let handle = member.handle();
        let record = Record {
            number: 1,
            name: "one".to_owned(),
            incarnation: handle.incarnation(),
            drivers: vec!["local".to_owned(), "racks".to_owned()],
            version_max: model::VERSION,
            weight: 100,
            ..Record::default()
        };
        let started = Write::system(Command::MemberStarted(MemberStarted { member: record }));
        handle.write(started, soon()).await.unwrap().outcome.into_result().unwrap();
        let mut settings = Settings {
            name: "one".to_owned(),
            request_timeout: Duration::from_secs(5),
            body_timeout: Duration::from_millis(300),
            container_timeout: Duration::from_secs(5),
            ..Settings::default()
        };
        set(&mut settings);
        let app = App::new(handle.clone(), identity, Policy::default(), settings);
        Self { router: api::router(app.clone()), app, handle, _member: member }
    }

    pub(crate) async fn raw(&self, request: Request<Body>) -> http::Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(crate) fn ask(&self, method: &str, path: &str) -> Ask<'_> {
        let mut request = Request::new(Body::empty());
        *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
        *request.uri_mut() = path.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
        request.headers_mut().insert("host", HeaderValue::from_static("test:9511"));
        Ask { server: self, request }.header("x-auth-token", "member")
    }

    pub(crate) fn get(&self, path: &str) -> Ask<'_> {
        self.ask("GET", path)
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Ask<'_> {
        self.ask("POST", path).body(body.to_owned())
    }

    pub(crate) fn patch(&self, path: &str, body: &str) -> Ask<'_> {
        self.ask("PATCH", path).body(body.to_owned())
    }
}

impl Ask<'_> {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        self.request.headers_mut().insert(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        self
    }
    pub(crate) fn as_(self, token: &str) -> Self {
        self.header("x-auth-token", token)
    }
    pub(crate) fn anonymous(mut self) -> Self {
        self.request.headers_mut().remove("x-auth-token");
        self
    }
    /// Under a version.
    pub(crate) fn at(self, version: &str) -> Self {
        self.header("openstack-api-version", &format!("container-infra {version}"))
    }
    pub(crate) fn body(self, body: impl Into<Body>) -> Self {
        self.typed("application/json", body)
    }
    pub(crate) fn typed(mut self, kind: &str, body: impl Into<Body>) -> Self {
        *self.request.body_mut() = body.into();
        self.header("content-type", kind)
    }
    pub(crate) async fn send(self) -> Answer {
        let response = self.server.raw(self.request).await;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }
}
