//! What crashes of the simulated disk leave: everything acknowledged, nothing torn, for many seeds.

use std::time::Duration;

use bytes::Bytes;
use model::View;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use storage::{CrashKeeps, Faults, SimDisk, Store};

use crate::rig::{CLUSTER, apply, create, entries, entry, mark, open};

#[tokio::test(start_paused = true)]
async fn an_append_that_was_not_acknowledged_is_lost() {
    let disk = SimDisk::new(1);
    let store = create(disk.attach()).await;
    disk.set_faults(Faults { delay: Duration::from_millis(5)..Duration::from_millis(6), ..Faults::default() });
    store.log.append(entries(1..=5)).await.unwrap();
    let lost = store.log.append(entries(6..=9));
    assert_eq!(store.log.last_index(), 9);
    assert!(disk.unflushed() > 0);
    disk.crash();
    assert!(lost.await.is_err(), "nobody is told that it is durable");
    let store = open(disk.attach());
    assert_eq!(store.log.present(0..99, usize::MAX).unwrap(), entries(1..=5));
}

#[tokio::test]
async fn an_unflushed_state_goes_back_to_its_last_flush() {
    let disk = SimDisk::new(1);
    let store = create(disk.attach()).await;
    store.log.append(entries(1..=20)).await.unwrap();
    for index in 1..=10 {
        apply(&store.state, index);
    }
    store.state.flush().await.unwrap();
    for index in 11..=20 {
        apply(&store.state, index);
    }
    disk.crash();
    let store = open(disk.attach());
    assert_eq!(store.state.applied(), Some(mark(10)));
    assert_eq!(store.state.membership().unwrap(), "members at 10");
    assert_eq!(store.state.view().unwrap().get(b"row 0011").unwrap(), None);
    assert_eq!(store.log.last_index(), 20, "the rest is replayed from the log");
}

/// What a client was told, to be compared with what a crash left.
#[derive(Default)]
struct Told {
    last: u64,
    vote: u64,
    purged: u64,
    flushed: u64,
    incarnation: u64,
}

/// One member's life between two crashes: appends, votes, applies, flushes, snapshots, purges, truncations, in a random order.
async fn live(store: &Store, chance: &mut ChaCha8Rng, told: &mut Told, keep_from: &mut u64) {
    for _ in 0..chance.random_range(5..60) {
        let (log, state) = (&store.log, &store.state);
        let applied = state.applied().map_or(0, |mark| mark.index);
        match chance.random_range(0..100) {
            0..40 => {
                let next = log.last_index() + 1;
                let last = next + chance.random_range(0..8);
                let flushed = log.append(entries(next..=last));
                if chance.random_bool(0.7) {
                    flushed.await.unwrap();
                    told.last = last;
                }
            }
            40..50 => {
                let vote = told.vote + 1;
                log.save_vote(Bytes::from(vote.to_string())).await.unwrap();
                told.vote = vote;
                // The vote came after everything before it.
                told.last = log.last_index();
            }
            50..75 => {
                // Only what is durable here is applied, as a lone voter would; so it is committed as well.
                for index in applied + 1..=told.last.min(applied + 10) {
                    apply(state, index);
                    *keep_from = (*keep_from).max(index + 1);
                    log.save_committed(mark(index)).await.unwrap();
                }
            }
            75..82 => {
                state.flush().await.unwrap();
                told.flushed = state.flushed_applied().map_or(0, |mark| mark.index);
            }
            82..88 if applied > 0 => {
                let snapshot = store.snapshots.build().await.unwrap();
                assert_eq!(snapshot.applied(), &mark(applied));
                told.flushed = state.flushed_applied().map_or(0, |mark| mark.index);
            }
            88..94 => {
                if let Some(flushed) = state.flushed_applied().filter(|flushed| flushed.index > told.purged) {
                    told.purged = flushed.index;
                    log.purge_to(flushed).await.unwrap();
                    told.last = log.last_index();
                }
            }
            // Nothing committed is ever truncated.
            _ if log.last_index() > *keep_from => {
                log.truncate_from(*keep_from).await.unwrap();
                told.last = log.last_index();
            }
            _ => {}
        }
    }
}

/// After a crash everything acknowledged is there, the state is the exact state of its index, and the parts fit together.
fn check(store: &Store, told: &Told) {
    let applied = store.state.applied().map_or(0, |mark| mark.index);
    let purged = store.log.purged().map_or(0, |mark| mark.index);
    assert_eq!(store.identity().incarnation, told.incarnation + 1);
    assert!(store.log.last_index() >= told.last, "{} < {}", store.log.last_index(), told.last);
    assert!(applied >= told.flushed, "{applied} < {}", told.flushed);
    assert!(purged >= told.purged && purged <= applied);
    assert_eq!(store.log.vote(), (told.vote > 0).then(|| Bytes::from(told.vote.to_string())));
    let kept = store.log.present(0..u64::MAX, usize::MAX).unwrap();
    assert_eq!(kept, (purged + 1..=store.log.last_index()).map(entry).collect::<Vec<_>>());
    let view = store.state.view().unwrap();
    for row in 0..100 {
        let newest = (0..=applied).rev().find(|index| *index > 0 && index % 100 == row);
        assert_eq!(view.get(format!("row {row:04}").as_bytes()).unwrap(), newest.map(|index| Bytes::from(format!("of {index}"))));
    }
    if let Some(snapshot) = store.snapshots.latest() {
        assert!(snapshot.applied().index <= applied);
    }
}

async fn lives(seed: u64) -> String {
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    let disk = SimDisk::new(seed);
    let mut told = Told::default();
    let mut keep_from = 1;
    drop(Store::create(disk.attach(), CLUSTER, 3).await.unwrap());
    told.incarnation = 1;
    let mut trace = String::new();
    for _ in 0..6 {
        let crash = [CrashKeeps::Nothing, CrashKeeps::Prefix, CrashKeeps::Everything][chance.random_range(0..3)];
        let slow = Duration::from_millis(chance.random_range(0..20));
        disk.set_faults(Faults { delay: Duration::ZERO..slow, crash, ..Faults::default() });
        let store = open(disk.attach());
        check(&store, &told);
        told.incarnation = store.identity().incarnation;
        // What a crash kept beyond the promise is part of the log from now on.
        told.last = store.log.last_index();
        live(&store, &mut chance, &mut told, &mut keep_from).await;
        if chance.random_bool(0.2) {
            store.flush().await.unwrap();
            told.last = store.log.last_index();
        }
        disk.crash();
        trace += &format!("{} {} {} {:?};", told.last, told.flushed, told.purged, disk.paths());
    }
    check(&open(disk.attach()), &told);
    trace
}

#[tokio::test(start_paused = true)]
async fn a_thousand_seeds_of_crashes_lose_nothing_acknowledged() {
    for seed in 0..1_000 {
        lives(seed).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_does_the_same() {
    for seed in 0..20 {
        assert_eq!(lives(seed).await, lives(seed).await);
    }
}

#[tokio::test(start_paused = true)]
async fn an_install_that_a_crash_interrupts_is_whole_or_was_never() {
    let source = create(SimDisk::new(1).attach()).await;
    for index in 1..=300 {
        apply(&source.state, index);
    }
    let snapshot = source.snapshots.build().await.unwrap();
    let wanted = source.state.view().unwrap().digest(&[]).unwrap();
    let (mut before, mut after) = (0, 0);
    for seed in 0..200 {
        let disk = SimDisk::new(seed);
        let store = create(disk.attach()).await;
        apply(&store.state, 7);
        store.state.flush().await.unwrap();
        let old = store.state.view().unwrap().digest(&[]).unwrap();
        let delay = Duration::from_millis(1)..Duration::from_millis(20);
        disk.set_faults(Faults { delay, crash: CrashKeeps::Prefix, ..Faults::default() });
        let install = async {
            let mut incoming = store.snapshots.receive(snapshot.listing().clone()).unwrap();
            while let Some((file, offset)) = incoming.next().map(|(file, offset)| (file.to_owned(), offset)) {
                let chunk = source.snapshots.read(&snapshot, &file, offset, 2_000).await.unwrap();
                incoming.write(&file, offset, chunk).await.unwrap();
            }
            store.snapshots.install(incoming.finish().await.unwrap()).await.unwrap();
        };
        let done = tokio::time::timeout(Duration::from_millis(seed % 100), install).await.is_ok();
        disk.crash();
        let store = open(disk.attach());
        let found = store.state.view().unwrap().digest(&[]).unwrap();
        assert!(found == old || found == wanted, "seed {seed}: a state that never was");
        assert!(!done || found == wanted, "seed {seed}: an installed state is lost");
        *(if found == wanted { &mut after } else { &mut before }) += 1;
    }
    assert!(before > 20 && after > 20, "the crashes were not where they should be: {before} before, {after} after");
}
