//! The contract against a real Docker Engine: the one at `JEROBOAM_TEST_DOCKER`, or at the usual socket, or one that
//! `scripts/docker.sh` can start. Where none can be had each test says SKIPPED and why.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::{
    io::Write,
    process::Command,
    time::{Duration, Instant},
};

use drivers::{
    ClusterSpec, Hint, Mark, Progress, Registry,
    contract::{self, Place, Verdict},
    registry::Settings,
};
use futures::StreamExt;
use model::id::OperationId;
use tokio::sync::OnceCell;
use uuid::Uuid;

/// The image that `scripts/docker.sh` builds.
const IMAGE: &str = "jeroboam/busybox:1";
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/docker.sh");

/// Why there is no engine, or its registry of drivers; found out once.
static FOUND: OnceCell<Result<Registry, String>> = OnceCell::const_new();

async fn registry() -> Option<Registry> {
    let found = FOUND.get_or_init(|| async { find().await }).await;
    // Written past the test harness, which keeps what a passing test prints to itself.
    let say = |why: String| {
        let line = format!("SKIPPED: no Docker Engine to test against: {why}\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    };
    found.clone().map_err(say).ok()
}

async fn find() -> Result<Registry, String> {
    let address = std::env::var("JEROBOAM_TEST_DOCKER").unwrap_or_else(|_| "unix:///var/run/docker.sock".to_owned());
    let registry = Registry::standard(&Settings { local: Some(address), heat: None }).map_err(|error| error.to_string())?;
    let up = Command::new(SCRIPT).arg("up").output().map_err(|error| format!("{SCRIPT}: {error}"))?;
    let answer = look(&registry).await;
    answer.map_err(|error| format!("{error}; {SCRIPT} said: {}{}", text(&up.stdout), text(&up.stderr)))?;
    Ok(registry)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

async fn look(registry: &Registry) -> Result<(), drivers::Error> {
    let spec = cluster();
    registry.provisioner(&spec)?.look(&spec).await.map(|_| ())
}

/// A number nobody has used yet.
fn fresh() -> u128 {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/uuid").unwrap();
    // Room for the numbers that the suite counts up from here.
    text.trim().parse::<Uuid>().unwrap().as_u128() & !0xffff
}

fn cluster() -> ClusterSpec {
    ClusterSpec { id: Uuid::from_u128(fresh()).into(), coe: "swarm".to_owned(), driver: "local".to_owned(), ..ClusterSpec::default() }
}

/// A cluster to put containers into, removed at the end whatever the verdict.
async fn inhabit<F: Future<Output = Verdict>>(part: impl FnOnce(Place) -> F) {
    let Some(registry) = registry().await else { return };
    let spec = cluster();
    let provisioner = registry.provisioner(&spec).unwrap();
    let mark = Mark { cluster: spec.id, epoch: 1, operation: OperationId::new(Uuid::from_u128(fresh())) };
    let Progress::Done(made) = provisioner.create(&mark, &spec).await.unwrap() else { panic!("a local cluster is made at once") };
    let engine = registry.connect(&spec, &made).unwrap();
    let verdict = part(Place { engine, image: IMAGE.to_owned(), cluster: spec.id, seed: fresh() }).await;
    clean(&registry, &spec).await;
    verdict.unwrap();
}

async fn clean(registry: &Registry, spec: &ClusterSpec) {
    let mark = Mark { cluster: spec.id, epoch: 1, operation: OperationId::new(Uuid::from_u128(fresh())) };
    let provisioner = registry.provisioner(spec).unwrap();
    for _ in 0..20 {
        if provisioner.delete(&mark, spec).await.expect("cleaning up") == Progress::Done(()) {
            return;
        }
    }
    panic!("the cluster {} cannot be removed", spec.id);
}

#[tokio::test]
async fn an_engine_describes_itself() {
    inhabit(|place| async move { contract::looks(&place).await }).await;
}

#[tokio::test]
async fn a_container_is_made_once() {
    inhabit(|place| async move { contract::adoption(&place).await }).await;
}

#[tokio::test]
async fn an_owner_may_die_at_any_moment() {
    inhabit(|place| async move { contract::interruption(&place).await }).await;
}

#[tokio::test]
async fn a_container_lives_and_ends() {
    inhabit(|place| async move { contract::life(&place).await }).await;
}

#[tokio::test]
async fn a_container_pauses() {
    inhabit(|place| async move { contract::pausing(&place).await }).await;
}

#[tokio::test]
async fn a_container_belongs_to_its_cluster() {
    inhabit(|place| async move { contract::ownership(&place).await }).await;
}

#[tokio::test]
async fn senseless_wishes_are_refused() {
    inhabit(|place| async move { contract::refusals(&place).await }).await;
}

#[tokio::test]
async fn logs_are_read() {
    inhabit(|place| async move { contract::logs(&place).await }).await;
}

#[tokio::test]
async fn commands_are_executed() {
    inhabit(|place| async move { contract::executions(&place).await }).await;
}

#[tokio::test]
async fn a_cluster_is_made_once() {
    let Some(registry) = registry().await else { return };
    let (one, other) = (cluster(), cluster());
    let verdict = contract::provisioner(&registry, [&one, &other], IMAGE, fresh()).await;
    clean(&registry, &one).await;
    clean(&registry, &other).await;
    verdict.unwrap();
}

/// What is done behind our back is told soon, and is told of that container.
#[tokio::test]
async fn a_container_that_is_killed_is_told_of() {
    inhabit(|place| async move {
        let mark = Mark { cluster: place.cluster, epoch: 1, operation: OperationId::new(Uuid::from_u128(fresh())) };
        let id = Uuid::from_u128(place.seed);
        let command = Some("sleep 1000".to_owned());
        let wish = model::container::ContainerWish { image: place.image.clone(), command, ..Default::default() };
        let said = |error: drivers::Error| error.to_string();
        place.engine.create(&mark, &drivers::ContainerSpec { id: id.into(), wish }).await.map_err(said)?;
        place.engine.start(&mark, id.into()).await.map_err(said)?;
        let mut hints = place.engine.watch().ok_or("it cannot be watched")?.hints;
        let kill = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let killed = tokio::task::spawn_blocking(move || docker(&["kill", &format!("jeroboam-{id}")]));
            killed.await.map(|_| Instant::now())
        };
        // Containers of other tests on the same engine are told of on the same stream.
        let ours = Hint { cluster: place.cluster, container: id.into() };
        let told = async {
            while let Some(hint) = hints.next().await {
                if hint.map_err(said)? == ours {
                    return Ok(Instant::now());
                }
            }
            Err("the stream ended".to_owned())
        };
        let told = tokio::time::timeout(Duration::from_secs(30), told);
        let (told, killed) = tokio::join!(told, kill);
        let late = told.map_err(|_| "nothing was told")??.saturating_duration_since(killed.map_err(|error| error.to_string())?);
        if late < Duration::from_secs(2) { Ok(()) } else { Err(format!("told {late:?} later")) }
    })
    .await;
}

/// What only Docker has: a foreign thing under our name is neither adopted nor removed, and a second network is not kept.
#[tokio::test]
async fn what_is_foreign_is_left_alone() {
    let Some(registry) = registry().await else { return };
    let spec = cluster();
    let provisioner = registry.provisioner(&spec).unwrap();
    let mark = Mark { cluster: spec.id, epoch: 1, operation: OperationId::new(Uuid::from_u128(fresh())) };
    let id = Uuid::from_u128(fresh());
    docker(&["create", "--name", &format!("jeroboam-{id}"), IMAGE, "true"]);
    let label = format!("jeroboam.cluster={}", spec.id);
    let name = format!("jeroboam-{}", spec.id);
    let oldest = docker(&["network", "create", "--label", &label, &name]);
    docker(&["network", "create", "--label", &label, &format!("{name}-younger")]);

    let Progress::Done(seen) = provisioner.create(&mark, &spec).await.unwrap() else { panic!("a local cluster is made at once") };
    assert_eq!(seen.backend_id, oldest.trim());
    let kept = docker(&["network", "ls", "--no-trunc", "--quiet", "--filter", &format!("label={label}")]);
    assert_eq!(kept, oldest);
    let engine = registry.connect(&spec, &seen).unwrap();
    let wish = model::container::ContainerWish { image: IMAGE.to_owned(), ..Default::default() };
    let answers = [
        engine.create(&mark, &drivers::ContainerSpec { id: id.into(), wish }).await.map(|_| ()),
        engine.start(&mark, id.into()).await.map(|_| ()),
        engine.remove(&mark, id.into()).await,
    ];
    clean(&registry, &spec).await;
    docker(&["rm", &format!("jeroboam-{id}")]);
    for answer in answers {
        assert_eq!(answer.unwrap_err().class(), drivers::error::Class::Refused);
    }
}

/// What one Docker Engine cannot do it says, without asking anybody.
#[tokio::test]
async fn a_single_engine_says_what_it_cannot_do() {
    let registry = Registry::standard(&Settings { local: Some("unix:///nonexistent/docker.sock".to_owned()), heat: None }).unwrap();
    contract::without_nodes(&registry, &cluster(), fresh()).await.unwrap();
}

/// An address where nobody listens is an error that says so, in time, and says that nothing happened.
#[tokio::test]
async fn an_engine_that_is_not_there_is_said_so() {
    for address in ["unix:///nonexistent/docker.sock", "tcp://127.0.0.1:1"] {
        let registry = Registry::standard(&Settings { local: Some(address.to_owned()), heat: None }).unwrap();
        assert_eq!(look(&registry).await.unwrap_err().class(), drivers::error::Class::Broken, "{address}");
    }
}

fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().unwrap();
    assert!(output.status.success(), "docker {arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}
