//! Snapshots: built, sent, received, installed, interrupted.

use std::sync::Arc;

use bytes::Bytes;
use model::View;
use storage::{Disk, Error, Expect, FileEntry, Listing, Received, SimDisk, Snapshot, Store};

use crate::rig::{CLUSTER, Real, apply, create, entries, mark, on_both, open};

/// Carries a snapshot from one store to another in small chunks.
async fn carry(from: &Store, snapshot: &Snapshot, to: &Store) -> Received {
    let listing = Listing::decode(&snapshot.listing().encode()).unwrap();
    assert_eq!(&listing, snapshot.listing());
    let mut incoming = to.snapshots.receive(listing).unwrap();
    while let Some((file, offset)) = incoming.next().map(|(file, offset)| (file.to_owned(), offset)) {
        let chunk = from.snapshots.read(snapshot, &file, offset, 5_000).await.unwrap();
        incoming.write(&file, offset, chunk).await.unwrap();
    }
    incoming.finish().await.unwrap()
}

/// Two stores on disks of the same kind, twice: simulated and real.
async fn on_pairs<F: Future<Output = ()>>(test: impl Fn(Box<dyn Fn() -> Arc<dyn Disk>>, Box<dyn Fn() -> Arc<dyn Disk>>) -> F) {
    let (one, two) = (SimDisk::new(1), SimDisk::new(2));
    test(Box::new(move || one.attach()), Box::new(move || two.attach())).await;
    let (one, two) = (Real::new(), Real::new());
    test(Box::new(move || one.disk()), Box::new(move || two.disk())).await;
}

fn digest(store: &Store) -> [u8; 32] {
    store.state.view().unwrap().digest(&[]).unwrap()
}

#[tokio::test]
async fn a_snapshot_makes_another_member_equal() {
    on_pairs(async |live, other| {
        let store = create(live()).await;
        for index in 1..=300 {
            apply(&store.state, index);
        }
        assert!(store.snapshots.latest().is_none());
        let snapshot = store.snapshots.build().await.unwrap();
        assert_eq!(snapshot.applied(), &mark(300));
        assert_eq!(snapshot.membership().unwrap(), "members at 300");
        assert_eq!(store.state.flushed_applied(), Some(mark(300)), "a snapshot is a flush");
        apply(&store.state, 301);

        let target = Store::create(other(), CLUSTER, 4).await.unwrap();
        apply(&target.state, 7);
        let old = target.state.view().unwrap();
        let stale = target.state.begin();
        let received = carry(&store, &snapshot, &target).await;
        assert_eq!(target.state.applied(), Some(mark(7)), "receiving changes nothing yet");
        target.snapshots.install(received).await.unwrap();
        assert_eq!(target.state.applied(), Some(mark(300)));
        assert_eq!(target.state.flushed_applied(), Some(mark(300)));
        assert_eq!(target.state.membership().unwrap(), "members at 300");
        assert_eq!(old.get(b"row 0007").unwrap().unwrap(), "of 7", "old views stay whole");
        assert_eq!(target.state.view().unwrap().get(b"row 0007").unwrap().unwrap(), "of 207");
        assert!(matches!(target.state.commit(stale, mark(301), None), Err(Error::Refused(_))));
        apply(&target.state, 301);
        assert_eq!(digest(&store), digest(&target));
        assert_eq!(target.identity().member, 4, "the identity is not in the snapshot");
        let wanted = digest(&target);
        target.flush().await.unwrap();
        drop((old, target));
        let target = open(other());
        assert_eq!((target.state.applied(), digest(&target)), (Some(mark(301)), wanted));
        assert_eq!(target.identity().member, 4);
    })
    .await;
}

#[tokio::test]
async fn the_old_state_goes_when_nobody_reads_it() {
    on_pairs(async |live, other| {
        let store = create(live()).await;
        apply(&store.state, 9);
        let snapshot = store.snapshots.build().await.unwrap();
        let disk = other();
        let target = Store::create(disk.clone(), CLUSTER, 4).await.unwrap();
        let old = target.state.view().unwrap();
        target.snapshots.install(carry(&store, &snapshot, &target).await).await.unwrap();
        assert!(!disk.list("state-000001").unwrap().is_empty(), "a view still reads it");
        drop(old);
        target.snapshots.build().await.unwrap();
        assert!(disk.list("state-000001").unwrap().is_empty());
        assert!(!disk.list("state-000002").unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn the_newest_snapshot_is_kept_and_found_again() {
    on_both(async |live| {
        let disk = live();
        let store = create(disk.clone()).await;
        assert!(matches!(store.snapshots.build().await, Err(Error::Refused(_))), "of nothing there is no snapshot");
        apply(&store.state, 1);
        let first = store.snapshots.build().await.unwrap();
        apply(&store.state, 2);
        let second = store.snapshots.build().await.unwrap();
        let whole = async |snapshot: &Snapshot| {
            for file in &snapshot.listing().files {
                let bytes = store.snapshots.read(snapshot, &file.name, 0, usize::MAX >> 1).await.unwrap();
                assert_eq!(crc32c::crc32c(&bytes), file.crc32c);
            }
        };
        whole(&first).await;
        whole(&second).await;
        let no_file = store.snapshots.read(&first, "../IDENTITY", 0, 10).await;
        assert!(matches!(no_file, Err(Error::Snapshot { .. })));
        let name = first.name().to_owned();
        drop(first);
        apply(&store.state, 3);
        let third = store.snapshots.build().await.unwrap();
        assert!(disk.list(&format!("snapshots/{name}")).unwrap().is_empty(), "nobody holds the first one any more");
        whole(&second).await;
        whole(&third).await;
        drop((store, second, disk));
        // What a crash leaves in the middle of a build, and a damaged listing.
        let disk = live();
        disk.append("snapshots/half/000001.sst", b"x").unwrap();
        disk.replace("snapshots/odd.listing", b"odd").unwrap();
        disk.append("incoming/5-1/000001.sst", b"x").unwrap();
        let store = open(disk.clone());
        assert_eq!(store.snapshots.latest().unwrap().name(), third.name());
        assert_eq!(disk.list("snapshots").unwrap(), [third.name().to_owned(), format!("{}.listing", third.name())]);
        assert!(disk.list("incoming").unwrap().is_empty());
        assert_eq!(store.state.applied(), Some(mark(3)));
    })
    .await;
}

#[tokio::test]
async fn wrong_chunks_are_refused() {
    let store = create(SimDisk::new(1).attach()).await;
    for index in 1..=2_000 {
        let mut transaction = store.state.begin();
        model::Tables::put(&mut transaction, index.to_string().into_bytes(), vec![7; 30]);
        store.state.commit(transaction, mark(index), None).unwrap();
    }
    let snapshot = store.snapshots.build().await.unwrap();
    assert!(snapshot.listing().files.len() > 2);
    let disk = SimDisk::new(2);
    let target = Store::create(disk.attach(), CLUSTER, 4).await.unwrap();
    let first = snapshot.listing().files[0].clone();
    let good = store.snapshots.read(&snapshot, &first.name, 0, usize::MAX).await.unwrap();
    let refused = async |file: &str, offset, bytes: Bytes, why: &str| {
        let mut incoming = target.snapshots.receive(snapshot.listing().clone()).unwrap();
        let error = incoming.write(file, offset, bytes).await.unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
        assert!(!error.is_fatal());
    };
    refused(&first.name, 5, good.slice(5..), "is due").await;
    refused(&snapshot.listing().files[1].name, 0, good.slice(..9), "is due").await;
    refused("../../evil", 0, good.clone(), "is due").await;
    let longer = [&good[..], b"x"].concat();
    refused(&first.name, 0, longer.into(), "longer than announced").await;
    let mut flipped = good.to_vec();
    flipped[70] ^= 1;
    refused(&first.name, 0, flipped.into(), "checksum").await;
    let mut incoming = target.snapshots.receive(snapshot.listing().clone()).unwrap();
    incoming.write(&first.name, 0, good).await.unwrap();
    assert!(matches!(incoming.finish().await, Err(Error::Snapshot { .. })), "something is missing");
    assert!(!disk.paths().iter().any(|path| path.starts_with("incoming")), "unfinished ones are removed: {:?}", disk.paths());
    assert_eq!(target.state.applied(), None);
}

#[tokio::test]
async fn a_listing_that_lies_is_not_installed() {
    let store = create(SimDisk::new(1).attach()).await;
    apply(&store.state, 9);
    let snapshot = store.snapshots.build().await.unwrap();
    let disk = SimDisk::new(2);
    let target = Store::create(disk.attach(), CLUSTER, 4).await.unwrap();
    apply(&target.state, 5);
    let lie = Listing { applied: mark(10), ..snapshot.listing().clone() };
    let mut incoming = target.snapshots.receive(lie).unwrap();
    while let Some((file, offset)) = incoming.next().map(|(file, offset)| (file.to_owned(), offset)) {
        let chunk = store.snapshots.read(&snapshot, &file, offset, 5_000).await.unwrap();
        incoming.write(&file, offset, chunk).await.unwrap();
    }
    let received = incoming.finish().await.unwrap();
    assert!(matches!(target.snapshots.install(received).await, Err(Error::Snapshot { .. })));
    assert_eq!(target.state.applied(), Some(mark(5)), "the old state stays");
    apply(&target.state, 6);
    target.state.flush().await.unwrap();
    drop(target);
    assert_eq!(open(disk.attach()).state.applied(), Some(mark(6)));
}

#[tokio::test]
async fn an_older_snapshot_is_refused() {
    let store = create(SimDisk::new(1).attach()).await;
    apply(&store.state, 9);
    let snapshot = store.snapshots.build().await.unwrap();
    let target = Store::create(SimDisk::new(2).attach(), CLUSTER, 4).await.unwrap();
    let received = carry(&store, &snapshot, &target).await;
    apply(&target.state, 10);
    assert!(target.snapshots.receive(snapshot.listing().clone()).is_err());
    assert!(matches!(target.snapshots.install(received).await, Err(Error::Snapshot { .. })));
    assert_eq!(target.state.applied(), Some(mark(10)));
}

#[test]
fn listings_from_the_network_are_not_believed() {
    let file = |name: &str| FileEntry { name: name.to_owned(), length: 3, crc32c: 1 };
    let listing = |files: Vec<FileEntry>| Listing { format: storage::Format::NEWEST, applied: mark(1), membership: None, files };
    assert!(Listing::decode(&listing(vec![file("a.sst"), file("b")]).encode()).is_ok());
    for names in [vec!["../a"], vec!["a/b"], vec![""], vec!["."], vec![".."], vec!["a", "a"], vec!["a\0"], vec![]] {
        let bytes = listing(names.iter().map(|name| file(name)).collect()).encode();
        assert!(Listing::decode(&bytes).is_err(), "{names:?}");
    }
    let good = listing(vec![file("a")]).encode();
    for place in 0..good.len() {
        let mut bytes = good.to_vec();
        bytes[place] ^= 1;
        assert!(Listing::decode(&bytes).is_err(), "byte {place}");
        assert!(Listing::decode(&good[..place]).is_err());
    }
}

#[tokio::test]
async fn purge_snapshot_and_reopen_lose_nothing() {
    on_both(async |live| {
        let store = create(live()).await;
        store.log.append(entries(1..=6_000)).await.unwrap();
        for index in 1..=6_000 {
            apply(&store.state, index);
        }
        store.log.save_committed(mark(6_000)).await.unwrap();
        store.snapshots.build().await.unwrap();
        store.log.purge_to(store.state.flushed_applied().unwrap()).await.unwrap();
        store.log.append(entries(6_001..=6_010)).await.unwrap();
        let wanted = digest(&store);
        drop(store);
        let store = open(live());
        assert_eq!(store.state.applied(), Some(mark(6_000)));
        assert_eq!(store.log.present(0..u64::MAX, usize::MAX).unwrap(), entries(6_001..=6_010));
        assert_eq!(digest(&store), wanted);
        assert_eq!(store.snapshots.latest().unwrap().applied(), &mark(6_000));
    })
    .await;
}

#[tokio::test]
async fn a_state_behind_the_purged_log_is_refused() {
    on_both(async |live| {
        let store = create(live()).await;
        store.log.append(entries(1..=10)).await.unwrap();
        store.log.purge_to(mark(5)).await.unwrap();
        drop(store);
        let error = Store::open(live(), Expect::default()).err().unwrap();
        assert!(error.to_string().contains("the state ends at entry 0, but the log begins behind entry 5"), "{error}");
    })
    .await;
}
