use std::time::Duration;

use bytes::Bytes;
use model::{MemberId, member::Member};
use raft::{Addresses, Consistency, Error, Handle, Role};
use storage::{Expect, Store};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::cluster::{Cluster, create, done, fresh_name, get, settings, soon};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_grows_to_three_and_shrinks_to_one_under_writes() {
    let mut cluster = Cluster::of_one(settings(), None).await;
    let writer = cluster.handle(1);
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let writing = tokio::spawn(async move {
        let mut count = 0;
        while stopped.try_recv().is_err() {
            done(writer.write(create(&fresh_name(), 1), soon()).await.unwrap());
            count += 1;
        }
        count
    });
    for _ in 0..2 {
        let id = cluster.add_learner().await;
        assert_eq!(cluster.handle(id).status().role, Role::Learner);
        cluster.any().promote(MemberId(id), soon()).await.unwrap();
    }
    assert_eq!(cluster.any().status().voters.len(), 3);
    // Asked of a follower: it goes to the leader.
    let follower = cluster.a_follower().await;
    cluster.handle(follower).demote(MemberId(3), soon()).await.unwrap();
    assert_eq!(cluster.handle(cluster.leader().await).status().learners.len(), 1);
    cluster.handle(follower).remove(MemberId(3), soon()).await.unwrap();
    cluster.kill(3).await;
    cluster.handle(1).remove(MemberId(2), soon()).await.unwrap();
    cluster.kill(2).await;
    let status = cluster.handle(1).status();
    assert_eq!((status.voters.len(), status.learners.len()), (1, 0));
    stop.send(()).unwrap();
    assert!(writing.await.unwrap() > 10);
    let refused = cluster.handle(1).remove(MemberId(1), soon()).await.unwrap_err();
    assert!(matches!(refused, Error::Refused(_)), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_is_removed_hands_over_first() {
    let mut cluster = Cluster::of(3, settings()).await;
    let leader = cluster.leader().await;
    cluster.handle(leader).remove(MemberId(leader), soon()).await.unwrap();
    cluster.kill(leader).await;
    assert_ne!(cluster.leader().await, leader);
    let status = cluster.any().status();
    assert_eq!(status.voters.len(), 2);
    let reading = cluster.any().read(Consistency::Linearizable, soon()).await.unwrap();
    let record: Option<Member> = model::record::get(&*reading.view, &leader.to_be_bytes()).unwrap();
    assert!(record.is_none());
}

/// Waits until a member knows that it was removed, and that nobody leads it.
async fn stands_still(handle: &Handle) {
    let deadline = soon();
    while !handle.removed() || handle.leadership().borrow().leader.is_some() {
        assert!(Instant::now() < deadline, "nobody tells it that it was removed");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_was_removed_is_told_whether_it_was_up_or_not() {
    let mut cluster = Cluster::of(4, settings()).await;
    let leader = cluster.leader().await;
    let others: Vec<u64> = cluster.members.keys().copied().filter(|id| *id != leader).collect();
    let (up, down, stays) = (others[0], others[1], others[2]);
    cluster.handle(leader).remove(MemberId(up), soon()).await.unwrap();
    let refused = cluster.handle(up).call(MemberId(leader), "anything", Bytes::new(), soon()).await.unwrap_err();
    assert!(refused.to_string().contains("was removed"), "{refused}");
    stands_still(&cluster.handle(up)).await;
    // Its way to the leader goes a moment later.
    sleep(Duration::from_millis(100)).await;
    let write = cluster.handle(up).write(create(&fresh_name(), 1), soon()).await.unwrap_err();
    assert!(matches!(write, Error::NoLeader { .. }), "{write}");

    cluster.kill(down).await;
    cluster.handle(leader).remove(MemberId(down), soon()).await.unwrap();
    cluster.restart(down).await;
    stands_still(&cluster.handle(down)).await;
    let term = cluster.handle(leader).leadership().borrow().term;
    sleep(settings().election_max * 3).await;
    assert_eq!(cluster.handle(leader).leadership().borrow().term, term, "it disturbs nobody");
    assert!(!cluster.handle(leader).removed() && !cluster.handle(stays).removed());

    // Who is about to join is nobody yet, but was not removed.
    let joined = cluster.add_learner().await;
    assert!(!cluster.handle(joined).removed());
    done(cluster.handle(joined).write(create(&fresh_name(), 1), soon()).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_below_a_living_quorum_is_refused() {
    let mut cluster = Cluster::of(3, settings()).await;
    let leader = cluster.leader().await;
    let down = cluster.a_follower().await;
    let other = cluster.members.keys().copied().find(|id| *id != leader && *id != down).unwrap();
    cluster.kill(down).await;
    sleep(Duration::from_secs(3)).await;
    let refused = cluster.handle(leader).demote(MemberId(other), soon()).await.unwrap_err();
    assert!(matches!(&refused, Error::Refused(reason) if reason.contains("majority")), "{refused}");
    // The dead one may go.
    cluster.handle(leader).remove(MemberId(down), soon()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_works_once_for_one_member_and_not_for_ever() {
    let mut cluster = Cluster::of_one(settings(), None).await;
    let token = cluster.any().create_token(Duration::from_secs(60), soon()).await.unwrap();
    let token = token.to_string().parse().unwrap();
    cluster.join(&token).await.unwrap();
    // Another machine with the same token: the id is taken.
    let mut second = Cluster::of_one(settings(), None).await;
    second.id = cluster.id;
    second.kill(1).await;
    let refused = second.join(&token).await.unwrap_err();
    assert!(matches!(refused, Error::Refused(_)), "{refused}");
    let short = cluster.any().create_token(Duration::from_millis(1), soon()).await.unwrap();
    sleep(Duration::from_millis(20)).await;
    let refused = cluster.join(&short).await.unwrap_err();
    assert!(matches!(&refused, Error::Refused(reason) if reason.contains("too old")), "{refused}");
    let mut forged = cluster.any().create_token(Duration::from_secs(60), soon()).await.unwrap();
    forged.member = MemberId(short.member.0);
    let store = Store::create_in(&cluster.folder(99), cluster.id, short.member.0).await.unwrap();
    let boot = cluster.boot(short.member.0, store);
    assert!(raft::join(boot, &forged, Instant::now() + Duration::from_secs(3)).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wiped_member_comes_back_under_a_new_id() {
    let mut cluster = Cluster::of(3, settings()).await;
    let name = fresh_name();
    done(cluster.any().write(create(&name, 4), soon()).await.unwrap());
    let lost = cluster.a_follower().await;
    cluster.kill(lost).await;
    let new = cluster.add_learner().await;
    assert_eq!(new, 4);
    cluster.any().replace(MemberId(lost), MemberId(new), soon()).await.unwrap();
    let status = cluster.handle(cluster.leader().await).status();
    assert!(status.voters.contains_key(&MemberId(new)) && !status.voters.contains_key(&MemberId(lost)));
    assert_eq!(get(&cluster.handle(new), &name, Consistency::Linearizable).await, Some(4));
    cluster.assert_equal().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_quorum_is_recovered_under_a_new_cluster_id_and_the_old_members_are_fenced() {
    let mut cluster = Cluster::of(3, settings()).await;
    let name = fresh_name();
    done(cluster.any().write(create(&name, 6), soon()).await.unwrap());
    cluster.assert_equal().await;
    let survivor = cluster.a_follower().await;
    for id in 1..=3 {
        cluster.kill(id).await;
    }
    let fresh = Uuid::from_u128(0xfeed);
    let expect = Expect { cluster: Some(cluster.id), member: Some(survivor) };
    let store = Store::open_in(&cluster.folder(survivor), expect).unwrap();
    let addresses = Addresses { peer: cluster.peers[&survivor].clone(), api: String::from("http://new"), name: String::from("rescued") };
    let recovered = raft::recover(store, addresses, fresh).await.unwrap();
    assert!(recovered.last > recovered.committed);
    let old = cluster.id;
    cluster.id = fresh;
    cluster.restart(survivor).await;
    assert_eq!(get(&cluster.handle(survivor), &name, Consistency::Linearizable).await, Some(6));
    done(cluster.handle(survivor).write(create(&fresh_name(), 1), soon()).await.unwrap());
    assert_eq!(cluster.handle(survivor).status().voters.len(), 1);
    // The old members find each other, but not this one: its vote does not count for them, nor theirs for it.
    cluster.id = old;
    let other = (1..=3).find(|id| *id != survivor).unwrap();
    cluster.restart(other).await;
    sleep(Duration::from_secs(3)).await;
    assert_eq!(cluster.handle(other).leadership().borrow().leader, None);
    assert_eq!(cluster.handle(survivor).leadership().borrow().leader, Some(MemberId(survivor)));
    // New members may join the rescued one.
    cluster.kill(other).await;
    cluster.id = fresh;
    let new = cluster.add_learner().await;
    assert_eq!(get(&cluster.handle(new), &name, Consistency::Linearizable).await, Some(6));
    for lost in (1..=3).filter(|id| *id != survivor) {
        cluster.handle(survivor).remove(MemberId(lost), soon()).await.unwrap();
    }
}
