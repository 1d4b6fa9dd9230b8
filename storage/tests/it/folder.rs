//! Identity: whose folder this is, and the words with which a wrong one is refused.

use storage::{DataFolder, Error, Expect, RocksDisk, SimDisk, Store};
use uuid::Uuid;

use crate::rig::{CLUSTER, Real, create, on_both, open, refused};

#[tokio::test]
async fn every_life_has_a_number_of_its_own() {
    on_both(async |live| {
        let store = create(live()).await;
        assert_eq!((store.identity().cluster, store.identity().member, store.identity().incarnation), (CLUSTER, 3, 1));
        drop(store);
        assert_eq!(open(live()).identity().incarnation, 2);
        assert_eq!(open(live()).identity().incarnation, 3);
        assert_eq!(DataFolder::peek(&*live()).unwrap().incarnation, 3, "looking is not living");
    })
    .await;
}

#[tokio::test]
async fn a_foreign_folder_is_refused() {
    on_both(async |live| {
        drop(create(live()).await);
        let other = Uuid::from_u128(8);
        for expect in [Expect { cluster: Some(other), member: Some(3) }, Expect { cluster: Some(CLUSTER), member: Some(4) }] {
            let error = Store::open(live(), expect).err().unwrap();
            assert!(matches!(error, Error::Foreign { .. }));
            assert!(error.to_string().contains(&format!("belongs to member 3 of cluster {CLUSTER}")), "{error}");
        }
        assert!(Store::open(live(), Expect { cluster: Some(CLUSTER), member: Some(3) }).is_ok());
        assert!(matches!(Store::create(live(), CLUSTER, 3).await.err().unwrap(), Error::Occupied { .. }));
    })
    .await;
}

#[tokio::test]
async fn an_empty_folder_is_refused() {
    on_both(async |live| {
        assert!(!DataFolder::exists(&*live()).unwrap());
        assert!(matches!(refused(live()), Error::Empty { .. }));
        drop(create(live()).await);
        assert!(DataFolder::exists(&*live()).unwrap());
    })
    .await;
}

#[tokio::test]
async fn a_damaged_identity_is_refused() {
    on_both(async |live| {
        drop(create(live()).await);
        let whole = live().read("IDENTITY", 0, 10_000).unwrap().unwrap();
        for place in 0..whole.len() {
            let mut bytes = whole.to_vec();
            bytes[place] ^= 2;
            live().replace("IDENTITY", &bytes).unwrap();
            let error = DataFolder::peek(&*live()).unwrap_err();
            assert!(matches!(error, Error::Damaged { .. }), "byte {place}: {error}");
        }
        live().replace("IDENTITY", &whole[..whole.len() / 2]).unwrap();
        assert!(refused(live()).to_string().contains("the file IDENTITY is unreadable"));
        live().replace("IDENTITY", &whole).unwrap();
        drop(open(live()));
        live().remove("IDENTITY").unwrap();
        let error = refused(live());
        assert!(error.to_string().contains("it holds databases but the file IDENTITY is missing"), "{error}");
        let error = Store::create(live(), CLUSTER, 3).await.err().unwrap();
        assert!(matches!(error, Error::Damaged { .. }), "remains are not overwritten: {error}");
    })
    .await;
}

#[tokio::test]
async fn a_newer_folder_is_refused() {
    on_both(async |live| {
        drop(create(live()).await);
        let newer = "jeroboam data folder\nformat = 2\nwhat = nobody knows yet\n";
        let sealed = format!("{newer}crc32c = {:08x}\n", crc32c::crc32c(newer.as_bytes()));
        live().replace("IDENTITY", sealed.as_bytes()).unwrap();
        let error = refused(live());
        assert!(matches!(error, Error::Newer { found: 2, newest: 1, .. }), "{error}");
        assert!(error.to_string().contains("start the newer program"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_fenced_folder_is_refused() {
    on_both(async |live| {
        let mut store = create(live()).await;
        store.folder.fence("removed from the cluster by\nmember 1").unwrap();
        drop(store);
        let error = refused(live());
        assert!(matches!(error, Error::Fenced { .. }));
        assert!(error.to_string().contains("removed from the cluster by member 1"), "{error}");
        assert!(DataFolder::peek(&*live()).unwrap().fenced.is_some());
    })
    .await;
}

#[tokio::test]
async fn a_recovery_gives_the_folder_to_another_cluster() {
    on_both(async |live| {
        let mut store = create(live()).await;
        let other = Uuid::from_u128(9);
        store.folder.adopt(other, 1).unwrap();
        drop(store);
        let store = Store::open(live(), Expect { cluster: Some(other), member: Some(1) }).unwrap();
        assert_eq!(store.identity().incarnation, 2);
    })
    .await;
}

#[tokio::test]
async fn missing_parts_are_damage() {
    for lost in ["log", "state-000001", "CURRENT_STATE"] {
        on_both(async |live| {
            drop(create(live()).await);
            live().remove(lost).unwrap();
            let error = refused(live());
            assert!(matches!(error, Error::Damaged { .. }), "{lost}: {error}");
            assert!(error.to_string().contains(lost) && error.to_string().contains("under a new member id"), "{error}");
        })
        .await;
    }
    on_both(async |live| {
        drop(create(live()).await);
        live().replace("CURRENT_STATE", b"state-000009\n").unwrap();
        assert!(refused(live()).to_string().contains("CURRENT_STATE is unreadable"));
    })
    .await;
}

#[tokio::test]
async fn an_interrupted_creation_begins_again() {
    on_both(async |live| {
        drop(create(live()).await);
        // As after a crash right before the identity was written.
        live().remove("IDENTITY").unwrap();
        live().replace("CREATING", b"").unwrap();
        assert!(matches!(refused(live()), Error::Empty { .. }));
        let store = create(live()).await;
        assert_eq!(store.identity().incarnation, 1);
        drop(store);
        drop(open(live()));
    })
    .await;
}

#[tokio::test]
async fn a_second_process_is_refused() {
    let real = Real::new();
    let store = create(real.disk()).await;
    let error = RocksDisk::open(real.path()).err().unwrap();
    assert!(matches!(error, Error::Locked { .. }));
    assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
    let view = store.state.view().unwrap();
    drop(store);
    assert!(RocksDisk::open(real.path()).is_err(), "a view still reads the folder");
    drop(view);
    assert!(RocksDisk::open(real.path()).is_ok());
}

#[tokio::test]
async fn a_dead_life_writes_nothing() {
    let disk = SimDisk::new(1);
    let mut old = create(disk.attach()).await;
    let new = open(disk.attach());
    assert_eq!(old.folder.fence("late").unwrap_err(), Error::Closed);
    assert_eq!(old.log.append(crate::rig::entries(1..=1)).await, Err(Error::Closed));
    assert_eq!(new.log.last().unwrap(), None);
}
