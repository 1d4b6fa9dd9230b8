//! Steps that are taken up again, against a scripted Docker endpoint over real HTTP: what is there is adopted, whoever made it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{sync::Arc, time::Duration};

use drivers::{
    ClusterSpec, ContainerSpec, Engine, Error, Mark, Progress, Registry,
    docker::{Client, DockerConnector},
    local::Local,
};
use jepsen::{
    Chance, Clock,
    backend::{Backend, Journal, Script},
};
use model::{
    container::ContainerWish,
    id::{ContainerId, OperationId},
};
use uuid::Uuid;

/// Every answer is lost after the effect.
fn silent() -> Script {
    Script { lost: 100, ..Script::default() }
}

struct Rig {
    backend: Backend,
    registry: Registry,
    spec: ClusterSpec,
}

impl Rig {
    async fn new() -> Self {
        #[cfg(feature = "faults")]
        model::planted::arm().unwrap();
        let backend = Backend::start(Clock::start(), Chance::seeded(1), Script::default(), Journal::default()).await.unwrap();
        let client = Arc::new(Client::new(&backend.endpoint()).unwrap());
        let connector = DockerConnector::new(vec![Arc::clone(&client)]);
        let registry = Registry::new().with_provisioner("local", Arc::new(Local::new(client))).with_connector("swarm", Arc::new(connector));
        let (coe, driver) = ("swarm".to_owned(), "local".to_owned());
        Self { backend, registry, spec: ClusterSpec { id: Uuid::from_u128(7).into(), coe, driver, ..ClusterSpec::default() } }
    }

    fn mark(&self, epoch: u64) -> Mark {
        Mark { cluster: self.spec.id, epoch, operation: OperationId::new(Uuid::from_u128(9)) }
    }

    async fn engine(&self, epoch: u64) -> Arc<dyn Engine> {
        let provisioner = self.registry.provisioner(&self.spec).unwrap();
        let Progress::Done(made) = provisioner.create(&self.mark(epoch), &self.spec).await.unwrap() else { panic!("made at once") };
        self.registry.connect(&self.spec, &made).unwrap()
    }

    /// Containers, and networks, that the backend has of the cluster.
    fn there(&self) -> (usize, usize) {
        let cluster = self.spec.id.to_string();
        self.backend.look(|world, _| (world.inventory(&cluster).len(), world.networks().get(&cluster).copied().unwrap_or(0)))
    }
}

fn container() -> ContainerSpec {
    let wish = ContainerWish { name: "c".to_owned(), image: "busybox".to_owned(), ..ContainerWish::default() };
    ContainerSpec { id: ContainerId::new(Uuid::from_u128(8)), wish }
}

#[tokio::test]
async fn a_create_whose_answer_was_lost_is_adopted_by_the_next_owner_and_not_made_again() {
    let rig = Rig::new().await;
    let engine = rig.engine(3).await;
    rig.backend.play(silent());
    let lost = tokio::time::timeout(Duration::from_secs(20), engine.create(&rig.mark(3), &container())).await.unwrap();
    assert!(matches!(lost, Err(Error::Timeout(_))), "{lost:?}");
    assert_eq!(rig.there(), (1, 1));
    rig.backend.play(Script::default());
    let first = engine.create(&rig.mark(3), &container()).await.unwrap();
    let next = rig.engine(4).await.create(&rig.mark(4), &container()).await.unwrap();
    assert_eq!((next.external_id, next.epoch), (first.external_id, 3), "what was found is what was made before");
    assert_eq!(rig.there(), (1, 1), "a second one was made beside it");
}
