//! Not tests but measurements; run with `--ignored --nocapture`.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use raft::{Consistency, Settings};
use tokio::{task::JoinSet, time::Instant};

use crate::cluster::{Cluster, create, done, fresh_name, get, set, soon};

/// User and system time of this process, in microseconds.
fn cpu_micros() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()) * 10_000
}

async fn measure<F, Fut>(what: &str, cluster: &Cluster, callers: usize, work: F)
where
    F: Fn(raft::Handle) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send,
{
    let count = Arc::new(AtomicU64::new(0));
    let (begun, cpu) = (Instant::now(), cpu_micros());
    let end = begun + Duration::from_secs(4);
    let mut tasks = JoinSet::new();
    for handle in cluster.handles().into_iter().cycle().take(callers) {
        let (work, count) = (work.clone(), count.clone());
        tasks.spawn(async move {
            let mut took = Vec::new();
            while Instant::now() < end {
                let begun = Instant::now();
                work(handle.clone()).await;
                took.push(begun.elapsed());
                count.fetch_add(1, Ordering::Relaxed);
            }
            took
        });
    }
    let mut took: Vec<Duration> = tasks.join_all().await.into_iter().flatten().collect();
    took.sort_unstable();
    let (count, seconds) = (count.load(Ordering::Relaxed), begun.elapsed().as_secs_f64());
    let cpu = (cpu_micros() - cpu) / count.max(1);
    let at = |share: usize| took[(took.len() - 1) * share / 100];
    println!("{what} x{callers}: {:.0}/s, p50 {:?}, p99 {:?}, {cpu} us CPU each", count as f64 / seconds, at(50), at(99));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
#[ignore = "prints times, which no check may depend on; `make measure` runs it"]
async fn rates() {
    let cluster = Cluster::three_apart(Settings::default()).await;
    for callers in [1, 16, 64, 256] {
        measure("writes", &cluster, callers, |handle| async move {
            done(handle.write(create(&fresh_name(), 1), soon()).await.unwrap());
        })
        .await;
    }
    for callers in [1, 16, 64, 256] {
        measure("linearizable reads", &cluster, callers, |handle| async move {
            get(&handle, "project-7", Consistency::Linearizable).await;
        })
        .await;
    }
    measure("stale reads", &cluster, 64, |handle| async move {
        get(&handle, "project-7", Consistency::Stale).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
#[ignore = "prints times, which no check may depend on; `make measure` runs it"]
async fn fail_over() {
    let mut cluster = Cluster::three_apart(Settings::default()).await;
    let name = fresh_name();
    let mut gaps = Vec::new();
    for _ in 0..10 {
        let leader = cluster.leader().await;
        let survivor = cluster.handle(cluster.a_follower().await);
        done(survivor.write(set(&name, 1, None), soon()).await.unwrap());
        cluster.kill(leader).await;
        let begun = Instant::now();
        done(survivor.write(set(&name, 2, None), soon()).await.unwrap());
        gaps.push(begun.elapsed());
        drop(survivor);
        cluster.restart(leader).await;
        cluster.assert_equal().await;
    }
    gaps.sort_unstable();
    println!("fail-over: median {:?}, worst {:?}", gaps[gaps.len() / 2], gaps[gaps.len() - 1]);
    let mut gaps = Vec::new();
    for _ in 0..5 {
        let leader = cluster.leader().await;
        let survivor = cluster.handle(cluster.a_follower().await);
        let writer = survivor.clone();
        let name = name.clone();
        let writing = tokio::spawn(async move {
            let mut worst = Duration::ZERO;
            let end = Instant::now() + Duration::from_secs(2);
            while Instant::now() < end {
                let begun = Instant::now();
                done(writer.write(set(&name, 1, None), soon()).await.unwrap());
                worst = worst.max(begun.elapsed());
            }
            worst
        });
        tokio::time::sleep(Duration::from_millis(500)).await;
        cluster.stop(leader).await;
        gaps.push(writing.await.unwrap());
        drop(survivor);
        cluster.restart(leader).await;
        cluster.assert_equal().await;
    }
    gaps.sort_unstable();
    println!("hand-over: slowest write, median {:?}, worst {:?}", gaps[gaps.len() / 2], gaps[gaps.len() - 1]);
}
