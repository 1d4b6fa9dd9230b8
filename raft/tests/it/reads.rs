use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt, stream};
use model::MemberId;
use raft::{Answer, ByteStream, Changed, Consistency, Error, Refused};
use tokio::task::JoinSet;

use crate::cluster::{Cluster, create, done, fresh_name, get, set, settings, soon};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_linearizable_read_through_another_member_sees_the_last_write() {
    let cluster = Cluster::of(3, settings()).await;
    let handles = cluster.handles();
    let name = fresh_name();
    for round in 0..60_u32 {
        let writer = &handles[round as usize % 3];
        let reader = &handles[(round as usize + 1) % 3];
        done(writer.write(set(&name, round, None), soon()).await.unwrap());
        assert_eq!(get(reader, &name, Consistency::Linearizable).await, Some(round));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_reads_never_go_back_and_share_rounds() {
    let cluster = Cluster::of(3, settings()).await;
    let name = fresh_name();
    done(cluster.handle(1).write(create(&name, 0), soon()).await.unwrap());
    let acknowledged = Arc::new(AtomicU32::new(0));
    let mut readers = JoinSet::new();
    for handle in cluster.handles() {
        for _ in 0..16 {
            let (handle, name, acknowledged) = (handle.clone(), name.clone(), acknowledged.clone());
            readers.spawn(async move {
                for _ in 0..100 {
                    let before = acknowledged.load(Ordering::SeqCst);
                    let seen = get(&handle, &name, Consistency::Linearizable).await.unwrap();
                    assert!(seen >= before, "read {seen} after {before} was acknowledged");
                }
            });
        }
    }
    let writer = cluster.handle(2);
    for value in 1..=200 {
        done(writer.write(set(&name, value, None), soon()).await.unwrap());
        acknowledged.store(value, Ordering::SeqCst);
    }
    readers.join_all().await;
    let counters = cluster.handle(3).status().counters;
    assert!(counters.reads >= 1_600, "{counters:?}");
    assert!(counters.read_rounds * 2 < counters.reads, "reads were not coalesced: {counters:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_are_heard_on_every_member_in_log_order() {
    let cluster = Cluster::of(3, settings()).await;
    let mut listeners: Vec<_> = cluster.handles().iter().map(raft::Handle::changes).collect();
    let mut written = Vec::new();
    for handle in cluster.handles() {
        written.push(done(handle.write(create(&fresh_name(), 1), soon()).await.unwrap()));
    }
    for listener in &mut listeners {
        for index in &written {
            let heard = tokio::time::timeout(Duration::from_secs(10), listener.recv()).await.unwrap();
            let Changed::Some(committed) = heard else { panic!("{heard:?}") };
            assert_eq!(committed.index, *index);
            assert!(committed.changes.contains(&model::Change::Quota));
        }
    }
}

struct Echo(MemberId);

#[async_trait::async_trait]
impl Answer for Echo {
    async fn call(&self, from: MemberId, method: &str, body: Bytes) -> Result<Bytes, Refused> {
        match method {
            "echo" => Ok(Bytes::from(format!("{} to {}: {}", from, self.0, String::from_utf8_lossy(&body)))),
            "later" => Err(Refused::for_now("not yet")),
            _ => Err(Refused::new("no such method")),
        }
    }

    async fn stream(&self, _from: MemberId, method: &str, body: Bytes) -> Result<ByteStream<Refused>, Refused> {
        if method != "count" {
            return Err(Refused::new("no such stream"));
        }
        let items = (0..body.len()).map(|number| Ok(Bytes::from(number.to_string())));
        Ok(stream::iter(items).boxed())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_call_each_other_and_themselves() {
    let cluster = Cluster::of(2, settings()).await;
    let refused = cluster.handle(1).call(MemberId(2), "echo", Bytes::new(), soon()).await.unwrap_err();
    assert!(matches!(refused, Error::NotNow(_)), "{refused}");
    for handle in cluster.handles() {
        handle.serve(Arc::new(Echo(handle.member())));
    }
    for to in [1, 2] {
        let handle = cluster.handle(1);
        let answer = handle.call(MemberId(to), "echo", Bytes::from_static(b"hello"), soon()).await.unwrap();
        assert_eq!(answer, format!("1 to {to}: hello"));
        let refused = handle.call(MemberId(to), "none", Bytes::new(), soon()).await.unwrap_err();
        assert!(matches!(&refused, Error::Refused(reason) if reason == "no such method"), "{refused}");
        assert!(matches!(handle.call(MemberId(to), "later", Bytes::new(), soon()).await, Err(Error::NotNow(_))));
        let items = handle.call_stream(MemberId(to), "count", Bytes::from_static(b"....."), soon()).await.unwrap();
        let items: Vec<_> = items.map(|item| item.unwrap()).collect().await;
        assert_eq!(items, ["0", "1", "2", "3", "4"]);
    }
    let nobody = cluster.handle(1).call(MemberId(9), "echo", Bytes::new(), soon()).await.unwrap_err();
    assert!(matches!(nobody, Error::Unreachable { .. }), "{nobody}");
}

/// A leader that was held up must not take what the others promised before for a promise of now: it had been asked by others meanwhile.
/// (openraft's own read-index rounds do, when the answer to an append comes after another one without entries was sent behind it.)
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::disallowed_methods, reason = "the timer of the runtime cannot wait for less than a millisecond")]
async fn a_leader_that_was_held_up_reads_nothing_old() {
    let cluster = Cluster::three_apart(settings()).await;
    let name = fresh_name();
    for round in 0..8_u32 {
        let leader = cluster.leader().await;
        let others: Vec<u64> = cluster.members.keys().copied().filter(|id| *id != leader).collect();
        let (old, mut work) = (cluster.handle(leader), JoinSet::new());
        // Many answers are to be there at once when they come at last.
        cluster.valves[&leader].deafen();
        for _ in 0..40 {
            let old = old.clone();
            work.spawn(async move { old.write(create(&fresh_name(), 1), soon()).await });
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        cluster.valves[&leader].mute();
        let next = cluster.leader_of(&others).await;
        done(cluster.handle(next).write(set(&name, round, None), soon()).await.unwrap());
        let mut reads = JoinSet::new();
        for pause in [0, 0, 1, 1, 2, 4] {
            let (old, name) = (old.clone(), name.clone());
            reads.spawn(async move {
                tokio::time::sleep(Duration::from_millis(pause)).await;
                get(&old, &name, Consistency::Linearizable).await
            });
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
        // One of them first: what it says commits entries, and that is told to the other before its answers are heard.
        for other in &others {
            cluster.valves[&leader].open_to(&cluster.peers[other]);
            std::thread::sleep(Duration::from_micros(u64::from(round) * 120));
        }
        cluster.valves[&leader].open();
        while let Some(seen) = reads.join_next().await {
            assert_eq!(seen.unwrap(), Some(round), "in round {round}");
        }
        work.shutdown().await;
    }
}
