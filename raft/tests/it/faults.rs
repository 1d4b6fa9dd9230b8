use std::time::Duration;

use raft::{Addresses, Boot, Error, Role, Settings};
use storage::{Faults, SimDisk, Store};
use tokio::time::timeout;
use uuid::Uuid;

use crate::cluster::{create, done, fresh_name, seams, settings, soon};

async fn member_on(disk: &SimDisk) -> raft::Member {
    let cluster = Uuid::from_u128(9);
    let boot = Boot {
        store: Store::create(disk.attach(), cluster, 1).await.unwrap(),
        seams: seams(),
        settings: settings(),
        tls: None,
        listen: String::from("127.0.0.1:0"),
        addresses: Addresses { peer: String::from("127.0.0.1:1"), ..Addresses::default() },
    };
    raft::bootstrap(boot, soon()).await.unwrap()
}

async fn ends_with_a_reason(faults: Faults) -> String {
    let disk = SimDisk::new(3);
    let member = member_on(&disk).await;
    let handle = member.handle();
    done(handle.write(create(&fresh_name(), 1), soon()).await.unwrap());
    disk.set_faults(faults);
    let failed = handle.write(create(&fresh_name(), 1), soon()).await.unwrap_err();
    assert!(matches!(failed, Error::Fatal(_)), "{failed}");
    let reason = timeout(Duration::from_secs(5), handle.fatal()).await.unwrap();
    assert_eq!(handle.status().role, Role::Stopped);
    // Nobody waits for anything of it any more.
    let failed = handle.write(create(&fresh_name(), 1), soon()).await.unwrap_err();
    assert!(matches!(failed, Error::Fatal(_)), "{failed}");
    assert!(matches!(handle.read_index(soon()).await, Err(Error::Fatal(_))));
    reason
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_cannot_sync_ends_the_member_with_a_reason() {
    let reason = ends_with_a_reason(Faults { flush_error: 1.0, ..Faults::default() }).await;
    assert!(reason.contains("Raft has stopped"), "{reason}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_ends_the_member_with_a_reason() {
    let reason = ends_with_a_reason(Faults { full: true, ..Faults::default() }).await;
    assert!(reason.contains("no space left"), "{reason}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn timings_that_cannot_work_are_refused_in_words() {
    let disk = SimDisk::new(4);
    let store = Store::create(disk.attach(), Uuid::from_u128(9), 1).await.unwrap();
    let settings = Settings { election_min: Duration::from_millis(300), election_max: Duration::from_millis(200), ..settings() };
    let boot = Boot { store, seams: seams(), settings, tls: None, listen: String::from("127.0.0.1:0"), addresses: Addresses::default() };
    let refused = raft::bootstrap(boot, soon()).await.unwrap_err();
    assert!(matches!(&refused, Error::Refused(reason) if reason.contains("timings")), "{refused}");
}
