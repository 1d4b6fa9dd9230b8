//! The state: transactions, views, marks, digests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use model::{KeyRange, MemoryTables, Tables, View, Visit};
use proptest::prelude::*;
use storage::{Error, Faults, SimDisk};

use crate::rig::{Real, apply, create, mark, on_both, open};

fn rows(view: &dyn View, range: KeyRange) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut found = Vec::new();
    view.scan(range, &mut |key, value| {
        found.push((key.to_vec(), value.to_vec()));
        Visit::Continue
    })
    .unwrap();
    found
}

#[tokio::test]
async fn rows_marks_and_membership_change_together() {
    on_both(async |live| {
        let store = create(live()).await;
        let state = &store.state;
        assert_eq!((state.applied(), state.membership(), state.flushed_applied()), (None, None, None));
        assert_eq!((state.view().unwrap().applied(), state.view().unwrap().index()), (None, 0));
        let before = state.view().unwrap();
        apply(state, 5);
        assert_eq!(state.applied(), Some(mark(5)));
        assert_eq!(state.membership().unwrap(), "members at 5");
        let view = state.view().unwrap();
        assert_eq!(view.applied(), Some(&mark(5)));
        assert_eq!(view.get(b"row 0005").unwrap().unwrap(), "of 5");
        assert_eq!(before.get(b"row 0005").unwrap(), None);
        let mut transaction = state.begin();
        transaction.delete(b"row 0005".to_vec());
        state.commit(transaction, mark(6), None).unwrap();
        assert_eq!(state.membership().unwrap(), "members at 5", "no membership means the old one");
        assert_eq!(state.view().unwrap().get(b"row 0005").unwrap(), None);
        assert_eq!(view.get(b"row 0005").unwrap().unwrap(), "of 5", "a view never changes");
        assert_eq!(state.flushed_applied(), None);
        state.flush().await.unwrap();
        assert_eq!(state.flushed_applied(), Some(mark(6)));
        let back = state.commit(state.begin(), mark(4), None);
        assert!(matches!(back, Err(Error::Refused(_))), "the state never goes back");
        drop((view, before, store));
        let store = open(live());
        assert_eq!(store.state.applied(), Some(mark(6)));
        assert_eq!(store.state.flushed_applied(), Some(mark(6)), "what is found at opening is on the disk");
        assert_eq!(store.state.membership().unwrap(), "members at 5");
    })
    .await;
}

#[tokio::test]
async fn readers_share_a_view_until_the_next_commit() {
    let store = create(SimDisk::new(1).attach()).await;
    apply(&store.state, 1);
    let first = store.state.view().unwrap();
    assert!(Arc::ptr_eq(&first, &store.state.view().unwrap()));
    apply(&store.state, 2);
    let second = store.state.view().unwrap();
    assert_eq!((first.index(), second.index()), (1, 2));
}

/// The race that a single thread cannot show: a view made between the write of a commit and its announcement must not be shared later.
#[tokio::test]
async fn a_view_is_never_older_than_the_last_commit() {
    let folder = Real::new();
    let store = create(folder.disk()).await;
    let state = &store.state;
    let committed = AtomicU64::new(0);
    let last = 2_000;
    std::thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| {
                // Bounded: a writer that fails must not leave readers that never end.
                for _ in 0..200_000 {
                    let known = committed.load(Ordering::SeqCst);
                    let seen = state.view().unwrap().index();
                    assert!(seen >= known, "a view at {seen} after entry {known} was committed");
                    if known == last {
                        return;
                    }
                    std::thread::yield_now();
                }
            });
        }
        for index in 1..=last {
            apply(state, index);
            committed.store(index, Ordering::SeqCst);
        }
    });
    assert_eq!(state.view().unwrap().index(), last);
}

#[tokio::test(start_paused = true)]
async fn the_flushed_mark_waits_for_the_flush_and_names_where_it_began() {
    let disk = SimDisk::new(1);
    let store = create(disk.attach()).await;
    let slow = std::time::Duration::from_millis(50);
    disk.set_faults(Faults { delay: slow..slow * 2, ..Faults::default() });
    apply(&store.state, 1);
    let flush = store.state.flush();
    apply(&store.state, 2);
    assert_eq!(store.state.flushed_applied(), None);
    flush.await.unwrap();
    assert_eq!(store.state.flushed_applied(), Some(mark(1)), "entry 2 came after the flush began");
    disk.set_faults(Faults { flush_error: 1.0, ..Faults::default() });
    assert!(store.state.flush().await.is_err());
    assert_eq!(store.state.flushed_applied(), Some(mark(1)), "a failed flush promises nothing");
}

#[tokio::test]
async fn a_failed_write_stops_the_state_for_good() {
    let disk = SimDisk::new(1);
    let store = create(disk.attach()).await;
    disk.set_faults(Faults { full: true, ..Faults::default() });
    let error = store.state.commit(store.state.begin(), mark(1), None).unwrap_err();
    assert!(matches!(error, Error::NoSpace { .. }) && error.is_fatal());
    disk.set_faults(Faults::default());
    assert!(store.state.commit(store.state.begin(), mark(1), None).is_err());
    assert_eq!(store.state.applied(), None);
}

#[tokio::test]
async fn digests_compare_rows_and_nothing_else() {
    let folder = Real::new();
    let real = create(folder.disk()).await.state;
    let sim = create(SimDisk::new(1).attach()).await.state;
    let digest = |state: &storage::State, skip: &[&[u8]]| state.view().unwrap().digest(skip).unwrap();
    let empty = digest(&sim, &[]);
    for index in 1..=500 {
        apply(&real, index);
    }
    for index in 401..=500 {
        apply(&sim, index);
    }
    assert_eq!(digest(&real, &[]), digest(&sim, &[]), "another way to the same rows, another engine");
    let mut transaction = sim.begin();
    transaction.put(b"local".to_vec(), b"1".to_vec());
    sim.commit(transaction, mark(501), None).unwrap();
    assert_ne!(digest(&real, &[]), digest(&sim, &[]));
    assert_eq!(digest(&real, &[]), digest(&sim, &[b"local"]));
    assert_eq!(digest(&sim, &[b"local", b"row"]), empty);
}

#[derive(Clone, Debug)]
enum Step {
    Put(Vec<u8>, Vec<u8>),
    Delete(Vec<u8>),
    Commit,
    Drop,
}

fn keys() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(0..3_u8, 1..4)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        5 => (keys(), proptest::collection::vec(any::<u8>(), 0..8)).prop_map(|(key, value)| Step::Put(key, value)),
        3 => keys().prop_map(Step::Delete),
        1 => Just(Step::Commit),
        1 => Just(Step::Drop),
    ];
    proptest::collection::vec(step, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]
    #[test]
    fn a_transaction_reads_its_own_writes(
        steps in steps(),
        bounds in proptest::collection::vec((keys(), keys(), any::<bool>()), 4),
        stop in 0..5_usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = Real::new();
            for disk in [SimDisk::new(1).attach(), folder.disk()] {
                follow(&create(disk).await.state, &steps, &bounds, stop);
            }
        });
    }
}

/// Drives the state beside tables in memory and compares what both show.
fn follow(state: &storage::State, steps: &[Step], bounds: &[(Vec<u8>, Vec<u8>, bool)], stop: usize) {
    let (mut committed, mut index) = (MemoryTables::default(), 0);
    let (mut tables, mut transaction) = (committed.clone(), state.begin());
    for step in steps {
        match step {
            Step::Put(key, value) => {
                tables.put(key.clone(), value.clone());
                transaction.put(key.clone(), value.clone());
            }
            Step::Delete(key) => {
                tables.delete(key.clone());
                transaction.delete(key.clone());
            }
            Step::Commit => {
                index += 1;
                let ended = std::mem::replace(&mut transaction, state.begin());
                state.commit(ended, mark(index), Some(Bytes::new())).unwrap();
                committed = tables.clone();
                transaction = state.begin();
            }
            Step::Drop => {
                tables = committed.clone();
                transaction = state.begin();
            }
        }
        for (start, end, reverse) in bounds {
            let range = KeyRange { start: start.clone(), end: end.clone(), reverse: *reverse };
            assert_eq!(rows(&transaction, range.clone()), rows(&tables, range.clone()));
            assert_eq!(rows(&*state.view().unwrap(), range.clone()), rows(&committed, range.clone()));
            assert_eq!(transaction.get(start).unwrap(), tables.get(start).unwrap());
            assert_eq!(first(&transaction, range.clone(), stop), first(&tables, range, stop));
        }
    }
}

/// The keys that a visitor sees who stops after `stop` more.
fn first(view: &dyn View, range: KeyRange, stop: usize) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    view.scan(range, &mut |key, _| {
        found.push(key.to_vec());
        if found.len() > stop { Visit::Stop } else { Visit::Continue }
    })
    .unwrap();
    found
}
