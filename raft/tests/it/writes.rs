use std::time::Duration;

use raft::{Consistency, Error};
use tokio::{task::JoinSet, time::Instant};

use crate::cluster::{Cluster, create, done, fresh_name, get, set, settings, soon};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_member_writes_and_sees_its_own_write_at_once() {
    let cluster = Cluster::of(3, settings()).await;
    for handle in cluster.handles() {
        let name = fresh_name();
        let index = done(handle.write(create(&name, 7), soon()).await.unwrap());
        assert_eq!(get(&handle, &name, Consistency::Stale).await, Some(7));
        for other in cluster.handles() {
            assert_eq!(get(&other, &name, Consistency::AtLeast(index)).await, Some(7));
        }
    }
    cluster.assert_equal().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_writes_at_once_are_all_applied_once() {
    let cluster = Cluster::of(3, settings()).await;
    let mut writes = JoinSet::new();
    for handle in cluster.handles() {
        for _ in 0..500 {
            let handle = handle.clone();
            writes.spawn(async move { done(handle.write(create(&fresh_name(), 1), soon()).await.unwrap()) });
        }
    }
    let mut indexes: Vec<u64> = writes.join_all().await;
    indexes.sort_unstable();
    indexes.dedup();
    assert_eq!(indexes.len(), 1_500);
    cluster.assert_equal().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_leader_loses_and_doubles_nothing() {
    let mut cluster = Cluster::of(3, settings()).await;
    let leader = cluster.leader().await;
    let survivors: Vec<_> = cluster.members.keys().copied().filter(|id| *id != leader).collect();
    let mut writers = JoinSet::new();
    let end = Instant::now() + Duration::from_secs(4);
    for id in survivors {
        for _ in 0..8 {
            let handle = cluster.handle(id);
            writers.spawn(async move {
                let mut acknowledged = Vec::new();
                while Instant::now() < end {
                    let name = fresh_name();
                    // No error at all: the handle waits for the next leader and proposes again; applied twice, it would be refused.
                    done(handle.write(create(&name, 3), soon()).await.unwrap());
                    acknowledged.push(name);
                }
                acknowledged
            });
        }
    }
    tokio::time::sleep(Duration::from_millis(700)).await;
    cluster.kill(leader).await;
    let acknowledged: Vec<String> = writers.join_all().await.into_iter().flatten().collect();
    assert!(acknowledged.len() > 100, "{}", acknowledged.len());
    assert_ne!(cluster.leader().await, leader);
    cluster.restart(leader).await;
    for handle in cluster.handles() {
        let reading = handle.read(Consistency::Linearizable, soon()).await.unwrap();
        for name in &acknowledged {
            let limit = model::quota::query::limit(&*reading.view, name, model::quota::CLUSTER).unwrap();
            assert_eq!(limit, Some(3), "{name} is lost");
        }
    }
    cluster.assert_equal().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_leader_hands_over_first() {
    let mut cluster = Cluster::of(3, settings()).await;
    let leader = cluster.leader().await;
    let term = cluster.any().status().term;
    let begun = Instant::now();
    cluster.stop(leader).await;
    let next = cluster.leader().await;
    assert_ne!(next, leader);
    done(cluster.handle(next).write(create(&fresh_name(), 1), soon()).await.unwrap());
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    assert!(cluster.any().status().term > term);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_quorum_a_write_is_refused_in_time_and_a_stale_read_still_answers() {
    let mut cluster = Cluster::of(3, settings()).await;
    let name = fresh_name();
    done(cluster.handle(1).write(create(&name, 1), soon()).await.unwrap());
    let index = cluster.any().read_index(soon()).await.unwrap();
    for handle in cluster.handles() {
        handle.wait_applied(index, soon()).await.unwrap();
    }
    let leader = cluster.leader().await;
    let alone = cluster.a_follower().await;
    let others: Vec<u64> = cluster.members.keys().copied().filter(|id| *id != alone).collect();
    assert!(others.contains(&leader));
    for id in others {
        cluster.kill(id).await;
    }
    let handle = cluster.handle(alone);
    let deadline = Instant::now() + Duration::from_secs(2);
    let refused = handle.write(set(&name, 2, None), deadline).await.unwrap_err();
    assert!(matches!(refused, Error::NoLeader { .. } | Error::Timeout), "{refused}");
    assert!(refused.retryable());
    let refused = handle.read(Consistency::Linearizable, deadline).await.unwrap_err();
    assert!(matches!(refused, Error::NoLeader { .. }), "{refused}");
    assert!(Instant::now() < deadline + Duration::from_millis(500));
    assert_eq!(get(&handle, &name, Consistency::Stale).await, Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_members_killed_keep_everything() {
    let mut cluster = Cluster::of(3, settings()).await;
    let names: Vec<String> = (0..50).map(|_| fresh_name()).collect();
    for (name, handle) in names.iter().zip(cluster.handles().iter().cycle()) {
        done(handle.write(create(name, 5), soon()).await.unwrap());
    }
    for id in 1..=3 {
        cluster.kill(id).await;
    }
    for id in 1..=3 {
        cluster.restart(id).await;
    }
    assert_eq!(cluster.handle(2).incarnation(), 2);
    for name in &names {
        assert_eq!(get(&cluster.handle(2), name, Consistency::Linearizable).await, Some(5));
    }
    // Sequence numbers begin again, under another incarnation.
    done(cluster.handle(2).write(create(&fresh_name(), 1), soon()).await.unwrap());
    cluster.assert_equal().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_is_too_large_is_refused_before_the_log() {
    let cluster = Cluster::of_one(settings(), None).await;
    let name = "x".repeat(2 << 20);
    let refused = cluster.handle(1).write(create(&name, 1), soon()).await.unwrap_err();
    assert!(matches!(refused, Error::TooLarge { .. }), "{refused}");
}
