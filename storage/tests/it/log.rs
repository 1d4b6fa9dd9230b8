//! The log: continuity, truncation, purge, marks, and what it finds when it is opened.

use bytes::Bytes;
use proptest::prelude::*;
use storage::disk::Open;
use storage::{Batch, Durability, Error, Family, Kind, Log, SimDisk};

use crate::rig::{Real, create, entries, entry, mark, on_both, open};

#[tokio::test]
async fn it_keeps_entries_votes_and_marks() {
    on_both(async |live| {
        {
            let store = create(live()).await;
            let log = &store.log;
            assert_eq!((log.vote(), log.committed(), log.purged(), log.last().unwrap()), (None, None, None, None));
            log.save_vote(Bytes::from_static(b"vote 1")).await.unwrap();
            log.append(entries(0..=99)).await.unwrap();
            log.save_committed(mark(50)).await.unwrap();
            log.save_vote(Bytes::from_static(b"vote 2")).await.unwrap();
        }
        let store = open(live());
        let log = &store.log;
        assert_eq!(log.vote().unwrap(), "vote 2");
        assert_eq!(log.committed(), Some(mark(50)));
        assert_eq!(log.last().unwrap(), Some(entry(99)));
        assert_eq!(log.entries(0..200, usize::MAX).unwrap(), entries(0..=99));
        assert_eq!(log.entries(40..45, usize::MAX).unwrap(), entries(40..=44));
        assert_eq!(log.entries(40..45, 0).unwrap(), entries(40..=40), "at least one");
        assert_eq!(log.entries(40..99, 3 * 8).unwrap(), entries(40..=42));
        assert_eq!(log.entries(100..120, usize::MAX).unwrap(), vec![]);
        assert_eq!(log.entries(7..7, usize::MAX).unwrap(), vec![]);
        log.append(entries(100..=109)).await.unwrap();
        assert_eq!(log.entries(95..105, usize::MAX).unwrap(), entries(95..=104), "from the engine and from memory");
        assert_eq!(log.entries(95..105, 6 * 8).unwrap(), entries(95..=100));
    })
    .await;
}

/// A thread that broke must not look like a disk that is slow.
#[tokio::test]
async fn after_a_panic_on_its_thread_every_write_fails() {
    let real = Real::new();
    let store = create(real.disk()).await;
    store.log.append(entries(1..=1)).then(|_| panic!("a callback that panics"));
    let late = tokio::time::timeout(std::time::Duration::from_secs(30), async {
        while store.log.append(entries(store.log.last_index() + 1..=store.log.last_index() + 1)).await.is_ok() {}
    });
    late.await.unwrap();
}

#[tokio::test]
async fn it_is_readable_before_it_is_durable() {
    on_both(async |live| {
        let store = create(live()).await;
        let flushed = store.log.append(entries(1..=10));
        assert_eq!(store.log.entries(1..11, usize::MAX).unwrap(), entries(1..=10));
        assert_eq!(store.log.last_index(), 10);
        flushed.await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn it_refuses_a_hole() {
    on_both(async |live| {
        let store = create(live()).await;
        let log = &store.log;
        log.append(entries(1..=10)).await.unwrap();
        assert_eq!(log.append(entries(12..=13)).await, Err(Error::OutOfOrder { expected: 11, got: 12 }));
        assert_eq!(log.append(entries(10..=13)).await, Err(Error::OutOfOrder { expected: 11, got: 10 }));
        assert_eq!(log.append(vec![entry(11), entry(13)]).await, Err(Error::OutOfOrder { expected: 12, got: 13 }));
        assert_eq!(log.last_index(), 10, "nothing of a refused append is there");
        assert_eq!(log.entries(1..99, usize::MAX).unwrap(), entries(1..=10));
        log.append(entries(11..=11)).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_truncated_suffix_is_gone_from_memory_and_disk() {
    on_both(async |live| {
        {
            let store = create(live()).await;
            let log = &store.log;
            log.append(entries(1..=20)).await.unwrap();
            let cut = log.truncate_from(11);
            let again = log.append(vec![(11, Bytes::from_static(b"another"))]);
            assert_eq!(log.last().unwrap().unwrap().1, "another");
            assert_eq!(log.entries(10..99, usize::MAX).unwrap(), vec![entry(10), (11, Bytes::from_static(b"another"))]);
            cut.await.unwrap();
            again.await.unwrap();
            log.truncate_from(50).await.unwrap();
        }
        let store = open(live());
        let log = &store.log;
        assert_eq!(log.entries(10..99, usize::MAX).unwrap(), vec![entry(10), (11, Bytes::from_static(b"another"))]);
        log.truncate_from(1).await.unwrap();
        assert_eq!((log.last().unwrap(), log.last_index()), (None, 0));
        drop(store);
        let store = open(live());
        assert_eq!(store.log.last().unwrap(), None);
        store.log.append(entries(1..=2)).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_purge_keeps_its_mark_and_the_log_goes_on_behind_it() {
    on_both(async |live| {
        {
            let store = create(live()).await;
            let log = &store.log;
            log.append(entries(1..=6_000)).await.unwrap();
            log.purge_to(mark(100)).await.unwrap();
            assert_eq!(log.entries(100..102, usize::MAX), Err(Error::Purged { upto: 100 }));
            assert_eq!(log.present(0..103, usize::MAX).unwrap(), entries(101..=102));
            assert_eq!(log.truncate_from(100).await, Err(Error::Purged { upto: 100 }));
            log.purge_to(mark(5_500)).await.unwrap();
            log.purge_to(mark(5_400)).await.unwrap();
            assert_eq!(log.purged(), Some(mark(5_500)));
        }
        // The state of this store never reached the mark, so only the log may be opened.
        let log = Log::open(live().engine("log", Kind::Log, Open::Existing).unwrap()).unwrap();
        assert_eq!(log.purged(), Some(mark(5_500)));
        assert_eq!(log.present(0..9_999, usize::MAX).unwrap(), entries(5_501..=6_000));
        log.purge_to(mark(7_000)).await.unwrap();
        assert_eq!((log.last().unwrap(), log.last_index()), (None, 7_000));
        assert_eq!(log.append(entries(6_001..=6_002)).await, Err(Error::OutOfOrder { expected: 7_001, got: 6_001 }));
        log.append(entries(7_001..=7_002)).await.unwrap();
        log.truncate_from(7_001).await.unwrap();
        assert_eq!((log.last().unwrap(), log.last_index()), (None, 7_000));
        drop(log);
        let log = Log::open(live().engine("log", Kind::Log, Open::Existing).unwrap()).unwrap();
        assert_eq!((log.last().unwrap(), log.last_index()), (None, 7_000));
    })
    .await;
}

#[tokio::test]
async fn purged_entries_leave_the_disk_in_large_steps() {
    let disk = SimDisk::new(1);
    let store = create(disk.attach()).await;
    store.log.append(entries(1..=6_000)).await.unwrap();
    let kept = |from: u64, to: u64| {
        let engine = disk.attach().engine("log", Kind::Log, Open::Existing).unwrap();
        (from..=to).filter(|index| engine.get(Family::Rows, &index.to_be_bytes()).unwrap().is_some()).count()
    };
    store.log.purge_to(mark(10)).await.unwrap();
    assert_eq!(kept(1, 10), 10, "few entries stay behind the mark");
    let log = Log::open(disk.attach().engine("log", Kind::Log, Open::Existing).unwrap()).unwrap();
    log.purge_to(mark(5_500)).await.unwrap();
    assert_eq!(kept(1, 6_000), 500);
}

#[tokio::test]
async fn recent_entries_are_read_from_memory() {
    let disk = SimDisk::new(1);
    let store = create(disk.attach()).await;
    let large = Bytes::from(vec![1; 1 << 20]);
    store.log.append((1..=40).map(|index| (index, large.clone())).collect()).await.unwrap();
    disk.set_faults(storage::Faults { read_error: 1.0, ..storage::Faults::default() });
    assert_eq!(store.log.entries(30..41, usize::MAX).unwrap().len(), 11, "from memory");
    assert!(store.log.entries(1..41, usize::MAX).is_err(), "memory is bounded: the first ones are on the disk only");
    disk.set_faults(storage::Faults::default());
    assert_eq!(store.log.entries(1..41, usize::MAX).unwrap().len(), 40);
    assert_eq!(store.log.entries(1..41, 3 << 20).unwrap().len(), 3);
}

#[tokio::test]
async fn damage_is_found_at_opening() {
    on_both(async |live| {
        let store = create(live()).await;
        store.log.append(entries(1..=10)).await.unwrap();
        store.log.save_committed(mark(9)).await.unwrap();
        store.log.flush().await.unwrap();
        drop(store);
        let change = async |act: &dyn Fn(&mut Batch)| {
            let engine = live().engine("log", Kind::Log, Open::Existing).unwrap();
            let mut batch = Batch::default();
            act(&mut batch);
            engine.submit(batch, Durability::Synced).await.unwrap();
        };
        change(&|batch| batch.delete(Family::Rows, &5_u64.to_be_bytes())).await;
        assert_eq!(crate::rig::refused(live()), Error::Hole { missing: 5 });
        change(&|batch| batch.delete_range(Family::Rows, &0_u64.to_be_bytes(), &6_u64.to_be_bytes())).await;
        assert_eq!(crate::rig::refused(live()), Error::Hole { missing: 1 });
        change(&|batch| {
            for (index, entry) in entries(1..=5) {
                batch.put(Family::Rows, &index.to_be_bytes(), &entry);
            }
        })
        .await;
        drop(open(live()));
        // A tail that is lost behind the committed mark was acknowledged.
        change(&|batch| batch.delete_range(Family::Rows, &8_u64.to_be_bytes(), &99_u64.to_be_bytes())).await;
        let error = crate::rig::refused(live());
        assert!(matches!(error, Error::Damaged { .. }), "{error}");
        assert!(error.to_string().contains("entries up to 9 were acknowledged"), "{error}");
        change(&|batch| batch.put(Family::Rows, b"odd", b"")).await;
        assert!(matches!(crate::rig::refused(live()), Error::Corrupt { .. }));
        change(&|batch| batch.put(Family::Meta, b"format", &9_u32.to_be_bytes())).await;
        assert!(matches!(crate::rig::refused(live()), Error::Newer { found: 9, newest: 1, .. }));
    })
    .await;
}

#[derive(Clone, Debug)]
enum Act {
    Append(u64),
    Truncate(u64),
    Purge(u64),
    Reopen,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => (1..30_u64).prop_map(Act::Append),
        2 => (0..60_u64).prop_map(Act::Truncate),
        2 => (0..60_u64).prop_map(Act::Purge),
        1 => Just(Act::Reopen),
    ];
    proptest::collection::vec(act, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    #[test]
    fn it_agrees_with_a_plain_list(acts in acts()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(follow(acts));
    }
}

/// Drives the log beside a list of (index, value) and compares all there is to see.
async fn follow(acts: Vec<Act>) {
    let disk = SimDisk::new(1);
    let mut log = create(disk.attach()).await.log;
    let mut list: Vec<(u64, Bytes)> = Vec::new();
    let (mut purged, mut next, mut turn) = (None, 1_u64, 0);
    for act in acts {
        turn += 1;
        match act {
            Act::Append(count) => {
                let fresh: Vec<(u64, Bytes)> =
                    (next..next + count).map(|index| (index, Bytes::from(format!("{index} in {turn}")))).collect();
                list.extend(fresh.iter().cloned());
                next += count;
                log.append(fresh).await.unwrap();
            }
            Act::Truncate(back) => {
                let from = next.saturating_sub(back).max(1);
                if purged.is_some_and(|upto| from <= upto) {
                    assert!(log.truncate_from(from).await.is_err());
                    continue;
                }
                log.truncate_from(from).await.unwrap();
                list.retain(|(index, _)| *index < from);
                next = from.min(next);
            }
            Act::Purge(ahead) => {
                let upto = list.first().map_or(next, |(index, _)| *index) + ahead;
                log.purge_to(mark(upto)).await.unwrap();
                if purged.is_none_or(|before| upto > before) {
                    purged = Some(upto);
                }
                list.retain(|(index, _)| *index > upto);
                next = next.max(upto + 1);
            }
            Act::Reopen => log = Log::open(disk.attach().engine("log", Kind::Log, Open::Existing).unwrap()).unwrap(),
        }
        assert_eq!(log.present(0..u64::MAX, usize::MAX).unwrap(), list);
        assert_eq!(log.last().unwrap(), list.last().cloned());
        assert_eq!(log.purged(), purged.map(mark));
        assert_eq!(log.last_index(), list.last().map_or(purged.unwrap_or(0), |(index, _)| *index));
        let start = list.first().map_or(next, |(index, _)| *index);
        assert_eq!(log.entries(start..start + 7, usize::MAX).unwrap(), list.iter().take(7).cloned().collect::<Vec<_>>());
    }
}
