//! The contract against a scripted Heat over real HTTP, and what only a cloud of stacks has: tokens that end, reasons, stacks that fail, answers
//! that are lost.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{sync::Arc, time::Duration};

use drivers::{Class, ClusterSpec, Error, Mark, Phase, Progress, Provisioned, Provisioner, Registry, contract, heat, registry::Settings};
use jepsen::{
    Chance, Clock,
    backend::{
        Backend, Journal, Script,
        heat::{PASSWORD, SECRET},
    },
};
use model::{
    id::OperationId,
    nodegroup::{DEFAULT_MASTER, DEFAULT_WORKER, NodeGroup, ROLE_MASTER},
    template::TemplateWish,
};
use openstack::{Credentials, Realm, Scope, Secret, User};
use uuid::Uuid;

const SOON: Duration = Duration::from_millis(10);

struct Cloud {
    backend: Backend,
}

fn password() -> Credentials {
    let domain = Realm::Name("Default".to_owned());
    Credentials::Password {
        user: User::Name { name: "conductor".to_owned(), domain: domain.clone() },
        password: Secret::new(PASSWORD),
        scope: Scope::ProjectNamed { name: "service".to_owned(), domain },
    }
}

impl Cloud {
    async fn with(script: Script) -> Self {
        Self { backend: Backend::start(Clock::start(), Chance::seeded(1), script, Journal::default()).await.unwrap() }
    }

    async fn new() -> Self {
        Self::with(Script::default()).await
    }

    /// The drivers of a member of its own.
    fn member(&self, credentials: Credentials) -> Registry {
        let heat = heat::Settings {
            auth_url: self.backend.identity(),
            region: Some("RegionOne".to_owned()),
            credentials,
            authorities: None,
            poll: SOON,
            api_cidr: "10.9.0.0/24".to_owned(),
        };
        Registry::standard(&Settings { local: None, heat: Some(heat) }).unwrap()
    }

    fn provisioner(&self) -> Arc<dyn Provisioner> {
        self.member(password()).provisioner(&spec(1)).unwrap()
    }

    /// Stacks that were ever made for a cluster, and those that are there.
    fn stacks(&self, spec: &ClusterSpec) -> (usize, usize) {
        let cluster = spec.id.to_string();
        self.backend.look(|world, _| (world.heat.ever(&cluster), world.heat.stacks().get(&cluster).map_or(0, Vec::len)))
    }
}

fn spec(number: u128) -> ClusterSpec {
    let group = |offset: u128, name: &str, role: &str, node_count| NodeGroup {
        id: Uuid::from_u128(number * 10 + offset).into(),
        name: name.to_owned(),
        role: role.to_owned(),
        node_count,
        ..NodeGroup::default()
    };
    ClusterSpec {
        id: Uuid::from_u128(number).into(),
        coe: "swarm".to_owned(),
        driver: "heat".to_owned(),
        template: TemplateWish { image_id: "first".to_owned(), ..TemplateWish::default() },
        groups: vec![group(1, DEFAULT_MASTER, ROLE_MASTER, 1), group(2, DEFAULT_WORKER, "worker", 2)],
        ..ClusterSpec::default()
    }
}

/// A cloud at an address where nobody answers.
fn somewhere() -> heat::Settings {
    heat::Settings {
        auth_url: "http://127.0.0.1:1/v3".to_owned(),
        region: None,
        credentials: password(),
        authorities: None,
        poll: SOON,
        api_cidr: "10.9.0.0/24".to_owned(),
    }
}

fn mark(spec: &ClusterSpec, epoch: u64, operation: u128) -> Mark {
    Mark { cluster: spec.id, epoch, operation: OperationId::new(Uuid::from_u128(operation)) }
}

/// Makes a call until it is done or fails.
async fn settled<T, F: Future<Output = Result<Progress<T>, Error>>>(mut call: impl FnMut() -> F) -> Result<T, Error> {
    for _ in 0..600 {
        match call().await {
            Ok(Progress::Done(done)) => return Ok(done),
            Ok(Progress::Working { look_again: wait }) | Err(Error::Busy { retry_after: wait, .. }) => tokio::time::sleep(wait).await,
            Err(error) => return Err(error),
        }
    }
    panic!("it goes on and on");
}

async fn made(provisioner: &dyn Provisioner, spec: &ClusterSpec, operation: u128) -> Result<Provisioned, Error> {
    let mark = mark(spec, 1, operation);
    settled(|| provisioner.create(&mark, spec)).await
}

#[tokio::test]
async fn a_cluster_is_made_once() {
    let cloud = Cloud::new().await;
    let (one, other) = (ClusterSpec { groups: Vec::new(), ..spec(1) }, spec(2));
    contract::provisioner(&cloud.member(password()), [&one, &other], "busybox", 1 << 40).await.unwrap();
    assert_eq!((cloud.stacks(&one).1, cloud.stacks(&other).1), (0, 0));
}

#[tokio::test]
async fn machines_are_worked_on_by_name() {
    let cloud = Cloud::new().await;
    contract::nodes(&cloud.member(password()), &spec(1), 1 << 40).await.unwrap();
    assert_eq!(cloud.stacks(&spec(1)), (1, 0));
}

#[tokio::test]
async fn two_members_and_an_answer_that_is_lost_make_one_stack() {
    let cloud = Cloud::with(Script { lost: 100, ..Script::default() }).await;
    let (one, other, spec) = (cloud.provisioner(), cloud.provisioner(), spec(1));
    let error = one.create(&mark(&spec, 1, 1), &spec).await.unwrap_err();
    assert_eq!(error.class(), Class::Timeout);
    cloud.backend.play(Script::default());
    let made = made(&*other, &spec, 1).await.unwrap();
    assert_eq!(cloud.stacks(&spec), (1, 1));
    let recorded = ClusterSpec { backend_id: Some(made.backend_id.clone()), ..spec.clone() };
    assert_eq!(one.look(&recorded).await.unwrap(), Some(made.clone()));
    let wrongly = ClusterSpec { backend_id: Some("00000000-0000-4000-8000-0000000000ff".to_owned()), ..spec };
    assert_eq!(one.look(&wrongly).await.unwrap(), Some(made), "what is recorded is a hint, the tag the truth");
}

#[tokio::test]
async fn a_stack_that_fails_says_why_and_another_operation_leads_it_on() {
    let cloud = Cloud::with(Script { stack_failed: 100, ..Script::default() }).await;
    let (provisioner, spec) = (cloud.provisioner(), spec(1));
    let failed = made(&*provisioner, &spec, 1).await.unwrap();
    let Phase::Failed(reason) = &failed.phase else { panic!("it is {failed:?}") };
    assert!(reason.starts_with("Resource CREATE failed: ") && reason.contains("No valid host"), "{reason}");
    cloud.backend.play(Script::default());
    assert_eq!(made(&*provisioner, &spec, 1).await.unwrap(), failed, "the same operation hears the same");
    let made = made(&*provisioner, &spec, 2).await.unwrap();
    assert_eq!((made.phase, made.backend_id), (Phase::Ready, failed.backend_id));

    cloud.backend.play(Script { stack_failed: 100, ..Script::default() });
    let removal = mark(&spec, 1, 3);
    let nodes = provisioner.nodes(&spec).await.unwrap().unwrap();
    let named: Vec<String> = nodes.iter().filter(|node| !node.master).take(1).map(|node| node.external_id.clone()).collect();
    let error = settled(|| provisioner.remove_nodes(&removal, &spec, &named)).await.unwrap_err();
    assert!(error.class() == Class::Refused && error.to_string().starts_with("Resource UPDATE failed: "), "{error}");
    let error = settled(|| provisioner.delete(&removal, &spec)).await.unwrap_err();
    assert!(error.class() == Class::Broken && error.to_string().starts_with("Resource DELETE failed: "), "{error}");
    cloud.backend.play(Script::default());
    let mut tries = 0;
    while let Err(error) = settled(|| provisioner.delete(&removal, &spec)).await {
        tries += 1;
        assert!(error.class() == Class::Broken && tries < 3, "{error}");
    }
    assert_eq!(cloud.stacks(&spec), (1, 0));
}

#[tokio::test]
async fn tokens_end_and_come_anew_once_for_all() {
    let cloud = Cloud::new().await;
    let application = Credentials::Application { id: "conductor-credential".to_owned(), secret: Secret::new(SECRET) };
    let (provisioner, spec) = (cloud.member(application).provisioner(&spec(1)).unwrap(), spec(1));
    let looks = || futures::future::join_all((0..10).map(|_| provisioner.look(&spec)));
    assert!(looks().await.into_iter().all(|look| look == Ok(None)));
    let issued = || cloud.backend.look(|world, _| world.heat.identity.issued());
    assert_eq!(issued(), 1);
    cloud.backend.meddle(|world| world.heat.identity.revoke());
    assert!(looks().await.into_iter().all(|look| look == Ok(None)));
    assert_eq!(issued(), 2);
    cloud.backend.meddle(|world| {
        world.heat.identity.revoke();
        world.heat.identity.lifetime_s = 0;
    });
    let error = provisioner.look(&spec).await.unwrap_err();
    assert_eq!(error.class(), Class::Refused, "a new token is asked for once");
    assert_eq!(issued(), 3);
}

#[tokio::test]
async fn who_is_not_known_is_told_so_and_no_secret_is_shown() {
    let cloud = Cloud::new().await;
    let wrong = Credentials::Application { id: "conductor-credential".to_owned(), secret: Secret::new("guessed") };
    assert!(!format!("{wrong:?}").contains("guessed"));
    let error = cloud.member(wrong).provisioner(&spec(1)).unwrap().look(&spec(1)).await.unwrap_err();
    assert!(error.class() == Class::Refused && error.to_string().contains("drivers.heat"), "{error}");
}

#[tokio::test]
async fn a_foreign_stack_of_our_name_is_left_alone() {
    let cloud = Cloud::new().await;
    let (provisioner, spec) = (cloud.provisioner(), spec(1));
    made(&*provisioner, &spec, 1).await.unwrap();
    cloud.backend.meddle(|world| world.heat.retag("jeroboam.cluster=somebody"));
    assert_eq!(provisioner.look(&spec).await.unwrap(), None);
    let error = provisioner.create(&mark(&spec, 1, 2), &spec).await.unwrap_err();
    assert!(error.class() == Class::Refused && error.to_string().contains("left alone"), "{error}");
    let mark = mark(&spec, 1, 2);
    settled(|| provisioner.delete(&mark, &spec)).await.unwrap();
    assert_eq!(cloud.backend.look(|world, _| world.heat.stacks().len()), 1);
}

#[tokio::test]
async fn every_stack_with_a_tag_is_listed_however_many_there_are() {
    let cloud = Cloud::new().await;
    let provisioner = cloud.provisioner();
    assert_eq!(provisioner.tagged().await.unwrap(), Vec::new());
    let mut made = Vec::new();
    for number in 1..=25 {
        let spec = spec(number);
        made.push((spec.id, self::made(&*provisioner, &spec, number).await.unwrap().backend_id));
    }
    let deleted = (spec(7), mark(&spec(7), 1, 100));
    settled(|| provisioner.delete(&deleted.1, &deleted.0)).await.unwrap();
    made.retain(|(cluster, _)| *cluster != deleted.0.id);
    let tagged = provisioner.tagged().await.unwrap();
    assert!(tagged.iter().all(|one| one.what == "stack" && one.name == format!("jeroboam-{}", one.cluster)), "{tagged:?}");
    assert_eq!(tagged.into_iter().map(|one| (one.cluster, one.id)).collect::<Vec<_>>(), made);
    cloud.backend.meddle(|world| world.heat.retag("somebody=else"));
    assert_eq!(provisioner.tagged().await.unwrap(), Vec::new(), "what is not ours is not named");
}

#[tokio::test]
async fn a_broken_machine_is_seen_and_a_busy_stack_says_so() {
    let cloud = Cloud::new().await;
    let (provisioner, spec) = (cloud.provisioner(), spec(1));
    made(&*provisioner, &spec, 1).await.unwrap();
    let nodes = provisioner.nodes(&spec).await.unwrap().unwrap();
    let broken = nodes.iter().find(|node| !node.master).unwrap().clone();
    cloud.backend.meddle(|world| world.heat.fail(&broken.external_id));
    let seen = provisioner.nodes(&spec).await.unwrap().unwrap();
    let down: Vec<_> = seen.iter().filter(|node| !node.ready).map(|node| node.name.as_str()).collect();
    assert_eq!(down, [broken.name.as_str()]);
    let heal = mark(&spec, 2, 2);
    assert!(matches!(provisioner.replace_node(&heal, &spec, &broken.external_id).await, Ok(Progress::Working { .. })));
    assert_eq!(provisioner.nodes(&spec).await.unwrap_err().class(), Class::Busy);
    settled(|| provisioner.replace_node(&heal, &spec, &broken.external_id)).await.unwrap();
    assert!(provisioner.nodes(&spec).await.unwrap().unwrap().iter().all(|node| node.ready));
    let master = nodes.iter().find(|node| node.master).unwrap();
    let error = provisioner.replace_node(&heal, &spec, &master.external_id).await.unwrap_err();
    assert_eq!(error.class(), Class::Refused);
}

#[tokio::test]
async fn images_of_machines_that_are_gone_are_forgotten_with_the_next_upgrade() {
    let cloud = Cloud::new().await;
    let (provisioner, spec) = (cloud.provisioner(), spec(1));
    made(&*provisioner, &spec, 1).await.unwrap();
    let to = TemplateWish { image_id: "next".to_owned(), ..spec.template.clone() };
    let mark = mark(&spec, 1, 2);
    let upgraded = async || {
        let nodes = provisioner.nodes(&spec).await.unwrap().unwrap();
        let node = nodes.into_iter().find(|node| !node.master && node.image.as_deref() == Some("first")).unwrap().external_id;
        settled(|| provisioner.upgrade(&mark, &spec, &to, std::slice::from_ref(&node))).await.unwrap();
        node
    };
    let own = || cloud.backend.look(|world, _| world.heat.stacks()[&spec.id.to_string()][0].parameters["minion_images"].clone());
    let first = upgraded().await;
    assert_eq!(own(), serde_json::json!({"0": "next"}));
    settled(|| provisioner.replace_node(&mark, &spec, &first)).await.unwrap();
    upgraded().await;
    assert_eq!(own(), serde_json::json!({"1": "next"}));
}

#[tokio::test]
async fn a_stack_whose_last_update_failed_is_healed_all_the_same() {
    let cloud = Cloud::new().await;
    let (provisioner, mut spec) = (cloud.provisioner(), spec(1));
    made(&*provisioner, &spec, 1).await.unwrap();
    cloud.backend.play(Script { stack_failed: 100, ..Script::default() });
    spec.groups[1].node_count = 3;
    let resize = mark(&spec, 1, 2);
    assert_eq!(settled(|| provisioner.update(&resize, &spec)).await.unwrap_err().class(), Class::Refused);
    cloud.backend.play(Script::default());
    let nodes = provisioner.nodes(&spec).await.unwrap().unwrap();
    let broken = nodes.iter().find(|node| !node.master).unwrap().external_id.clone();
    cloud.backend.meddle(|world| world.heat.fail(&broken));
    let seen = provisioner.nodes(&spec).await.unwrap().unwrap();
    assert_eq!(seen.iter().filter(|node| !node.ready).map(|node| &node.external_id).collect::<Vec<_>>(), [&broken]);
    let heal = mark(&spec, 1, 3);
    settled(|| provisioner.replace_node(&heal, &spec, &broken)).await.unwrap();
    let healed = provisioner.nodes(&spec).await.unwrap().unwrap();
    assert!(healed.iter().all(|node| node.ready && node.external_id != broken), "{healed:?}");
}

#[test]
fn settings_that_are_wrong_are_named() {
    let said = |settings: &Settings| Registry::standard(settings).unwrap_err().to_string();
    let local = said(&Settings { local: Some("docker.sock".to_owned()), heat: None });
    assert!(local.starts_with("drivers.docker.endpoint: "), "{local}");
    let heat = heat::Settings { authorities: Some(b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n".to_vec()), ..somewhere() };
    let heat = said(&Settings { local: None, heat: Some(heat) });
    assert!(heat.starts_with("drivers.heat: "), "{heat}");
}

#[tokio::test]
async fn a_cloud_that_is_not_there_is_said_so() {
    let registry = Registry::standard(&Settings { local: None, heat: Some(somewhere()) }).unwrap();
    let error = registry.provisioner(&spec(1)).unwrap().look(&spec(1)).await.unwrap_err();
    assert_eq!(error.class(), Class::Broken);
}
