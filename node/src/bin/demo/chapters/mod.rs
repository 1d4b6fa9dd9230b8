//! The chapters, in the order in which they are told.

mod bay;
mod death;
mod end;
mod events;
mod proof;

use std::{path::PathBuf, time::Duration};

use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::{
    Failure,
    members::Members,
    rest::{Rest, text},
    story::{chapter, line, quote, took},
    stream::Made,
};

/// What the chapters know of each other.
pub(crate) struct Stage {
    folder: PathBuf,
    rest: Rest,
    members: Option<Members>,
    /// The bay, as long as it is there.
    pub(crate) bay: Option<String>,
    /// More bays, so that there is something to share out.
    pub(crate) others: Vec<String>,
    container: String,
    made: Vec<Made>,
}

impl Stage {
    /// Nothing has happened yet.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder, rest: Rest::new(), members: None, bay: None, others: Vec::new(), container: String::new(), made: Vec::new() }
    }

    fn members(&mut self) -> Result<&mut Members, Failure> {
        self.members.as_mut().ok_or_else(|| "there are no members yet".to_owned())
    }

    fn bay(&self) -> Result<String, Failure> {
        self.bay.clone().ok_or_else(|| "there is no bay yet".to_owned())
    }

    fn any(&mut self) -> Result<String, Failure> {
        self.members()?.addresses().first().cloned().ok_or_else(|| "there are no members".to_owned())
    }
}

/// Tells all of it; the summary is for the last line.
pub(crate) async fn tell(stage: &mut Stage) -> Result<String, Failure> {
    members(stage).await?;
    bay::make(stage).await?;
    bay::run_container(stage).await?;
    let gap = death::kill_the_leader(stage).await?;
    events::tell(stage).await?;
    proof::prove(stage).await?;
    end::clean_up(stage).await?;
    Ok(format!(
        "the leader was killed in the middle of {} creates; the first write after it took {} ms; nothing was lost, nothing was made twice",
        stage.made.len(),
        gap.as_millis()
    ))
}

async fn members(stage: &mut Stage) -> Result<(), Failure> {
    chapter("1. Three members");
    let mut members = Members::prepare(&stage.folder).await?;
    line("an authority of their own and three certificates: members talk to each other under mutual TLS");
    let rest = stage.rest.clone();
    for number in 1..=3 {
        let time = members.start_next(&rest).await?;
        let how = if number == 1 { "begins a cluster of its own" } else { "joins with a token, copies the state, votes" };
        took(&format!("member {number} {how}"), time);
    }
    stage.members = Some(members);
    until(Duration::from_secs(20), "three voters", async || {
        let members = stage.members.as_ref()?;
        let voters = status(&stage.rest, &members.all.first()?.address).await.ok()?;
        (voters.get("voters")?.as_array()?.len() == 3).then_some(())
    })
    .await?;
    show_status(stage).await
}

/// What `jeroboam status` says now.
async fn show_status(stage: &mut Stage) -> Result<(), Failure> {
    let members = stage.members()?;
    let first = members.get(1)?;
    let shown = members.on(first, &["status"]).await?;
    line(&format!("$ jeroboam status --data-dir {}", first.folder().display()));
    quote(&shown);
    Ok(())
}

/// The ownership map as this member shows it.
async fn show_map(stage: &mut Stage, through: u64) -> Result<(), Failure> {
    let members = stage.members()?;
    let shown = members.on(members.get(through)?, &["ownership", "map"]).await?;
    line("$ jeroboam ownership map");
    quote(&shown);
    Ok(())
}

/// A member's own view.
async fn status(rest: &Rest, address: &str) -> Result<Value, Failure> {
    rest.get(address, "/v1/jeroboam/status").await
}

/// The last entry a member has applied.
async fn applied(rest: &Rest, address: &str) -> Option<u64> {
    status(rest, address).await.ok()?.get("applied")?.as_u64()
}

/// The last entry that any of these members has applied.
async fn furthest(rest: &Rest, addresses: &[String]) -> u64 {
    let mut furthest = 0;
    for address in addresses {
        furthest = furthest.max(applied(rest, address).await.unwrap_or(0));
    }
    furthest
}

/// The number of the leader, as these members see it.
async fn leader(rest: &Rest, addresses: &[String]) -> Option<u64> {
    for address in addresses {
        if let Ok(view) = status(rest, address).await
            && view.get("role").and_then(Value::as_str) == Some("leader")
        {
            return view.get("member").and_then(Value::as_u64);
        }
    }
    None
}

/// The number of the bay's owner, as this member sees it, and the epoch.
async fn owner(rest: &Rest, address: &str, bay: &str) -> Option<(u64, u64)> {
    let answer = rest.get(address, "/v1/jeroboam/ownership").await.ok()?;
    let rows = answer.as_array().or_else(|| answer.get("ownership")?.as_array())?;
    let row = rows.iter().find(|row| text(row, "cluster").is_ok_and(|cluster| cluster == bay))?;
    Some((row.get("member")?.as_u64().filter(|member| *member != 0)?, row.get("epoch")?.as_u64()?))
}

/// Looks again and again until it is so.
async fn until<T>(limit: Duration, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> Result<T, Failure> {
    let started = Instant::now();
    loop {
        if let Some(found) = look().await {
            return Ok(found);
        }
        if started.elapsed() > limit {
            return Err(format!("waited {limit:?} in vain for {what}"));
        }
        sleep(Duration::from_millis(10)).await;
    }
}
