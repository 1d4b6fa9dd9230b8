//! What an operator wishes for outlives whoever heard it.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use model::{Command, MemberId, command::Pin, id::ClusterId, meta, ownership, peer::method};
use tokio::time::{Instant, sleep, timeout};

use crate::{group::Group, rig::LIMIT};

/// How many bays each member has.
async fn spread(group: &Group) -> Vec<usize> {
    let rows = group.view(|view| ownership::query::all(view).unwrap()).await;
    let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
    rows.iter().for_each(|row| *counts.entry(row.member).or_default() += 1);
    counts.into_values().collect()
}

async fn lead(group: &Group, member: u64) {
    timeout(LIMIT, async {
        while group.leader() != Some(MemberId(member)) {
            // Refused while an election goes on.
            group.handle().transfer_leader(Some(MemberId(member)), Instant::now() + LIMIT).await.ok();
            sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .unwrap();
}

async fn bind(group: &Group, cluster: ClusterId, member: u64) {
    group.write(Command::Pin(Pin { cluster, member })).await;
}

#[tokio::test(start_paused = true)]
async fn a_wish_for_balance_outlives_the_leader_that_heard_it() {
    let group = Group::new().await;
    for number in 0..21 {
        group.bay(&format!("bay{number}")).await;
    }
    sleep(Duration::from_secs(30)).await;
    assert_eq!(spread(&group).await, [7, 7, 7]);
    // As uneven as it may stay: the worst has one more than the mean of seven.
    let bay = group.view(|view| ownership::query::by_member(view, MemberId(3), 1).unwrap()).await[0].cluster;
    bind(&group, bay, 1).await;
    group.owner_when(bay, |row| row.member == 1).await;
    bind(&group, bay, 0).await;
    sleep(Duration::from_secs(60)).await;
    assert_eq!(spread(&group).await, [8, 7, 6]);
    // Whoever has just begun to lead moves nothing yet; before it does, another one leads.
    lead(&group, 2).await;
    group.handle().call(MemberId(2), method::REBALANCE, Bytes::new(), Instant::now() + LIMIT).await.unwrap();
    lead(&group, 3).await;
    assert_eq!(spread(&group).await, [8, 7, 6], "it was moved before anything could be forgotten");
    sleep(Duration::from_secs(20)).await;
    assert_eq!(spread(&group).await, [7, 7, 7]);
    assert_eq!(group.view(|view| meta::balance_wish(view).unwrap()).await, 0, "what is fulfilled is wished for no longer");
}
