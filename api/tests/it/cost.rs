//! What a request costs in here, measured by hand: `cargo test -p api --test it cost -- --ignored --nocapture`.

use std::time::Instant;

use storage::RocksDisk;

use crate::server::Server;

const ROUNDS: u32 = 20_000;

/// Bays when a list is measured, and pages that are asked for.
const BAYS: (u32, u32) = (10_000, 200);

#[tokio::test]
#[ignore = "prints times, which no check may depend on; `make measure` runs it"]
async fn cost_of_a_request() {
    let server = Server::start().await;
    let body = r#"{"name":"small","coe":"swarm","image_id":"fedora","keypair_id":"k","labels":{"a":"1","b":"2"},"docker_volume_size":3}"#;
    let made = server.post("/v1/baymodels", body).send().await.is(201).json();
    let path = format!("/v1/baymodels/{}", made["uuid"].as_str().unwrap());
    for (what, consistency) in [("linearizable GET", "linearizable"), ("stale GET", "stale")] {
        let begun = Instant::now();
        for _ in 0..ROUNDS {
            server.get(&path).header("jeroboam-consistency", consistency).send().await.is(200);
        }
        println!("{what}: {:.1} us", begun.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS));
    }
    let begun = Instant::now();
    for _ in 0..ROUNDS {
        server.get("/v1/nonsense").anonymous().send().await.is(401);
    }
    println!("refused token: {:.1} us", begun.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS));
    let begun = Instant::now();
    for _ in 0..ROUNDS / 20 {
        server.post("/v1/baymodels", body).send().await.is(201);
    }
    println!("POST: {:.1} us", begun.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS / 20));
}

#[tokio::test]
#[ignore = "prints times, which no check may depend on; `make measure` runs it"]
async fn cost_of_many_bays() {
    let folder = tempfile::tempdir().unwrap();
    let disk = RocksDisk::open(folder.path().join("data")).unwrap();
    let server = Server::start_on(disk, |settings| settings.default_quota = u32::MAX).await;
    server.post("/v1/baymodels", r#"{"name":"t","coe":"swarm","image_id":"i","keypair_id":"k"}"#).send().await.is(201);
    for part in 0..10 {
        let begun = Instant::now();
        let server = &server;
        let clients = (0..50).map(|client| async move {
            for number in 0..BAYS.0 / 500 {
                let body = format!(r#"{{"name":"b{part}-{client}-{number}","baymodel_id":"t"}}"#);
                server.post("/v1/bays", &body).send().await.is(201);
            }
        });
        futures::future::join_all(clients).await;
        println!("POST of a bay with {} there: {:.1} us", part * BAYS.0 / 10, begun.elapsed().as_secs_f64() * 1e7 / f64::from(BAYS.0));
    }
    server.handle.compact().await.unwrap();
    for path in ["/v1/bays?limit=1000", "/v1/bays/detail?limit=1000", "/v1/clusters/detail?limit=1000"] {
        let begun = Instant::now();
        for _ in 0..BAYS.1 {
            server.get(path).send().await.is(200);
        }
        println!("GET {path} of {}: {:.2} ms", BAYS.0, begun.elapsed().as_secs_f64() * 1e3 / f64::from(BAYS.1));
    }
}
