//! What a request costs in here, measured by hand: `cargo test -p api --test it cost -- --ignored --nocapture`.

use std::time::Instant;

use crate::server::Server;

const ROUNDS: u32 = 20_000;

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
