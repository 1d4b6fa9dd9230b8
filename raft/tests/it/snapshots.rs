use std::time::Duration;

use raft::{Changed, Consistency, Settings};
use tokio::{task::JoinSet, time::sleep};

use crate::cluster::{Cluster, create, done, fresh_name, get, settings, soon};

fn small_log() -> Settings {
    Settings { keep_entries: 20, purge_step: 50, purge_interval: Duration::from_millis(200), ..settings() }
}

async fn fill(cluster: &Cluster, count: usize) -> String {
    let mut writes = JoinSet::new();
    for handle in cluster.handles().into_iter().cycle().take(count) {
        writes.spawn(async move { done(handle.write(create(&fresh_name(), 1), soon()).await.unwrap()) });
    }
    writes.join_all().await;
    let name = fresh_name();
    done(cluster.any().write(create(&name, 9), soon()).await.unwrap());
    name
}

async fn purged(cluster: &Cluster, id: u64, beyond: u64) {
    let deadline = soon();
    while cluster.handle(id).status().purged <= beyond {
        assert!(tokio::time::Instant::now() < deadline, "{:?}", cluster.handle(id).status());
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_that_was_away_too_long_catches_up_by_snapshot() {
    let mut cluster = Cluster::of(3, small_log()).await;
    let away = cluster.a_follower().await;
    let before = cluster.handle(away).status().last_log;
    cluster.kill(away).await;
    let name = fill(&cluster, 400).await;
    for id in cluster.members.keys() {
        purged(&cluster, *id, before).await;
    }
    cluster.restart(away).await;
    let handle = cluster.handle(away);
    let mut changes = handle.changes();
    assert_eq!(get(&handle, &name, Consistency::Linearizable).await, Some(9));
    // Whoever listens is told to read everything again.
    assert!(matches!(changes.recv().await, Changed::Lagged));
    done(handle.write(create(&fresh_name(), 2), soon()).await.unwrap());
    cluster.assert_equal().await;
    drop(handle);
    // And the snapshot is good for the next start.
    cluster.kill(away).await;
    cluster.restart(away).await;
    assert_eq!(get(&cluster.handle(away), &name, Consistency::Linearizable).await, Some(9));
    cluster.assert_equal().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_member_gets_a_snapshot_when_the_log_no_longer_begins_at_the_beginning() {
    let mut cluster = Cluster::of_one(small_log(), None).await;
    let name = fill(&cluster, 300).await;
    purged(&cluster, 1, 100).await;
    let id = cluster.add_learner().await;
    assert_eq!(get(&cluster.handle(id), &name, Consistency::Linearizable).await, Some(9));
    cluster.assert_equal().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_killed_right_after_a_purge_keep_everything() {
    let mut cluster = Cluster::of(3, small_log()).await;
    for round in 0..3 {
        let name = fill(&cluster, 200).await;
        for handle in cluster.handles() {
            handle.compact().await.unwrap();
        }
        for id in 1..=3 {
            cluster.kill(id).await;
        }
        for id in 1..=3 {
            cluster.restart(id).await;
        }
        for handle in cluster.handles() {
            assert_eq!(get(&handle, &name, Consistency::Linearizable).await, Some(9), "round {round}");
        }
        cluster.assert_equal().await;
    }
}
