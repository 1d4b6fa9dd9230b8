//! What a Docker endpoint tells by itself, against scripted ones over real HTTP.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{sync::Arc, time::Duration};

use drivers::{
    Engine, Error, Hint,
    docker::{Client, DockerEngine},
};
use futures::{StreamExt, stream::BoxStream};
use jepsen::{
    Chance, Clock,
    backend::{Ask, Backend, Journal, Script, ask::Action},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    time::timeout,
};
use uuid::Uuid;

fn engine(address: &str) -> DockerEngine {
    DockerEngine::new(Arc::new(Client::new(address).unwrap()), None)
}

fn hint(cluster: u128, container: u128) -> Hint {
    Hint { cluster: Uuid::from_u128(cluster).into(), container: Uuid::from_u128(container).into() }
}

type Hints = BoxStream<'static, Result<Hint, Error>>;

async fn next(hints: &mut Hints) -> Option<Result<Hint, Error>> {
    timeout(Duration::from_secs(10), hints.next()).await.unwrap()
}

/// Somebody makes a container there.
fn make(backend: &Backend, hint: Hint) {
    let labels = json!({"jeroboam.cluster": hint.cluster.to_string(), "jeroboam.container": hint.container.to_string()});
    let made = Ask::MakeContainer(format!("jeroboam-{}", hint.container), json!({"Image": "i", "Labels": labels}));
    assert_eq!(backend.happen(&made), 201);
}

#[tokio::test]
async fn one_stream_tells_of_the_containers_of_all_clusters_and_of_nothing_else() {
    let backend = Backend::start(Clock::start(), Chance::seeded(1), Script::default(), Journal::default()).await.unwrap();
    let engine = engine(&backend.endpoint());
    assert_eq!(engine.watch().unwrap().endpoint, backend.endpoint());
    let mut hints = engine.watch().unwrap().hints;
    let (one, other) = (hint(1, 11), hint(2, 12));
    let happens = async {
        while backend.listeners() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        make(&backend, one);
        backend.happen(&Ask::MakeContainer("foreign".to_owned(), json!({"Image": "i", "Labels": {}})));
        make(&backend, other);
        backend.happen(&Ask::Act(format!("jeroboam-{}", one.container), Action::Start));
    };
    let (first, ()) = tokio::join!(next(&mut hints), happens);
    assert_eq!(first, Some(Ok(one)));
    assert_eq!(next(&mut hints).await, Some(Ok(other)));
    assert_eq!(next(&mut hints).await, Some(Ok(one)));
    backend.look(|_, journal| assert_eq!(journal.nameless(), 0, "listening is no call for anybody"));
}

#[tokio::test]
async fn a_stream_says_that_it_broke_and_the_next_one_is_another_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let engine = engine(&format!("tcp://{}", listener.local_addr().unwrap()));
    for number in [1, 2] {
        let told = hint(number, 7);
        let mut hints = engine.watch().unwrap().hints;
        let answers = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let labels = json!({"jeroboam.cluster": told.cluster.to_string(), "jeroboam.container": told.container.to_string()});
            let event = json!({"Type": "container", "Action": "die", "Actor": {"ID": "a", "Attributes": labels}, "time": 1});
            let line = format!("{event}\n");
            let answer = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{line}\r\n", line.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8(head).unwrap()
        };
        let (first, head) = tokio::join!(next(&mut hints), answers);
        assert_eq!(first, Some(Ok(told)));
        assert!(head.starts_with("GET ") && head.contains("/events?filters=") && head.contains("jeroboam.cluster"), "{head}");
        assert!(!head.to_lowercase().contains("jeroboam-epoch"), "{head}");
        assert!(!matches!(next(&mut hints).await, Some(Ok(_))), "the connection is gone");
    }
}

#[tokio::test]
async fn an_engine_that_is_not_there_tells_so() {
    for address in ["unix:///nonexistent/docker.sock", "tcp://127.0.0.1:1"] {
        assert!(matches!(next(&mut engine(address).watch().unwrap().hints).await, Some(Err(Error::Broken(_)))), "{address}");
    }
}
