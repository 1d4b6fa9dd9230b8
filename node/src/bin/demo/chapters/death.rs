//! The leader, which owns the bay as well, is killed in the middle of a stream of creates.

use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};

use super::{Stage, bay, leader, owner, until};
use crate::{
    Failure,
    rest::{Ask, Rest},
    story::{chapter, line, moment, span},
    stream::Stream,
    witness,
};

/// How long the stream runs before the kill, and after everything has come back.
const BEFORE: Duration = Duration::from_secs(2);
const AFTER: Duration = Duration::from_secs(1);

/// The bay's move: lease (5 s) + margin (1 s), and what an election, a plan and a look take.
const MOVE: Duration = Duration::from_secs(20);

/// Returns how long it took from the kill to the first acknowledged write that was asked for after it.
pub(super) async fn kill_the_leader(stage: &mut Stage) -> Result<Duration, Failure> {
    chapter("4. The leader is killed in the middle of a stream of creates");
    let victim = line_up(stage).await?;
    let (rest, bay) = (stage.rest.clone(), stage.bay()?);
    let container = witness::containers(&bay).await?.first().cloned().ok_or("docker lists no container of the bay")?;
    let before = witness::life(&container).await?;
    let survivors = stage.members()?.addresses_without(victim);
    let survivor = (1..=3).find(|number| *number != victim).unwrap_or(1);
    super::show_map(stage, survivor).await?;
    let stream = Stream::start(&rest, stage.members()?.addresses());
    sleep(BEFORE).await;
    line(&format!(
        "{} creates acknowledged so far, 200 per second through all members; kill -9 of member {victim} now",
        stream.made().len()
    ));
    let killed = Instant::now();
    stage.members()?.kill(victim).await?;
    moment(Duration::ZERO, &format!("member {victim} is gone"));
    let after = After { rest: &rest, survivors: &survivors, victim, killed };
    let path = format!("/v1/containers/{}", stage.container);
    let (leads, first, owned, answers) = tokio::join!(after.leader(), after.write(&stream), after.owner(&bay), after.execute(&path));
    leads?;
    owned?;
    answers?;
    let first = first?;
    sleep(AFTER).await;
    let made = stream.stop().await?;
    let repeated = made.iter().filter(|one| one.attempts > 1).count();
    line(&format!(
        "{} creates acknowledged in all, 0 failed; {repeated} were sent more than once, since a third of them knocked at the dead member first",
        made.len()
    ));
    let life = witness::life(&container).await?;
    if before != life {
        return Err(format!("the container was touched: before the kill {before}, now {life}"));
    }
    line(&format!("the container itself never noticed: {life}"));
    stage.made = made;
    line(&format!("who owns what now, as member {survivor} shows it:"));
    super::show_map(stage, survivor).await?;
    bring_back(stage, victim).await?;
    Ok(first)
}

async fn bring_back(stage: &mut Stage, victim: u64) -> Result<(), Failure> {
    let rest = stage.rest.clone();
    let again = stage.members()?.start_again(&rest, victim).await?;
    line(&format!("member {victim} is started again on its folder and ready after {}", span(again)));
    let back = Instant::now();
    let (addresses, own) = (stage.members()?.addresses(), stage.members()?.get(victim)?.address.clone());
    let goal = super::furthest(&rest, &addresses).await;
    let caught_up = async || (super::applied(&rest, &own).await? >= goal).then_some(());
    until(Duration::from_secs(30), "the member that came back to catch up", caught_up).await?;
    line(&format!("it has caught up to log index {goal} after {}", span(back.elapsed())));
    super::show_status(stage).await
}

/// The owner of the bay is given the leadership too, so that one kill takes both.
async fn line_up(stage: &mut Stage) -> Result<u64, Failure> {
    let (rest, bay, any) = (stage.rest.clone(), stage.bay()?, stage.any()?);
    let (victim, _) = owner(&rest, &any, &bay).await.ok_or("nobody owns the bay")?;
    let members = stage.members()?;
    let addresses = members.addresses();
    let leading = until(Duration::from_secs(10), "a leader", async || leader(&rest, &addresses).await).await?;
    if leading != victim {
        members.on(members.get(leading)?, &["member", "transfer-leader", &victim.to_string()]).await?;
        until(Duration::from_secs(10), "the hand-over", async || (leader(&rest, &addresses).await == Some(victim)).then_some(())).await?;
        line(&format!("member {leading} hands the leadership to member {victim}, the bay's owner: the kill shall hit both at once"));
    } else {
        line(&format!("member {victim} leads and owns the bay: the kill hits both at once"));
    }
    Ok(victim)
}

/// What is watched for after the kill; each is told when it is seen.
struct After<'a> {
    rest: &'a Rest,
    survivors: &'a [String],
    victim: u64,
    killed: Instant,
}

impl After<'_> {
    async fn leader(&self) -> Result<(), Failure> {
        let look = async || leader(self.rest, self.survivors).await.filter(|leader| *leader != self.victim);
        let leader = until(MOVE, "a new leader", look).await?;
        moment(self.killed.elapsed(), &format!("member {leader} leads"));
        Ok(())
    }

    async fn write(&self, stream: &Stream) -> Result<Duration, Failure> {
        let look = async || {
            let made = stream.made();
            made.iter().filter(|one| one.asked >= self.killed).map(|one| one.acknowledged).min()
        };
        let first = until(MOVE, "a create after the kill", look).await?.saturating_duration_since(self.killed);
        moment(first, "the first create that was asked for after the kill is acknowledged");
        Ok(first)
    }

    async fn owner(&self, bay: &str) -> Result<(), Failure> {
        let look = async || {
            for address in self.survivors {
                if let Some(found) = owner(self.rest, address, bay).await.filter(|(member, _)| *member != self.victim) {
                    return Some(found);
                }
            }
            None
        };
        let (member, epoch) = until(MOVE, "a new owner of the bay", look).await?;
        let text = format!("the bay is member {member}'s now, under epoch {epoch} (lease 5 s + margin 1 s have passed)");
        moment(self.killed.elapsed(), &text);
        Ok(())
    }

    async fn execute(&self, path: &str) -> Result<(), Failure> {
        let answered = async {
            loop {
                for address in self.survivors {
                    if bay::execute(self.rest, address, path, "echo+alive").await.is_ok_and(|output| output.contains("alive")) {
                        return;
                    }
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(MOVE, answered).await.map_err(|_| "the container answers no execute through the survivors")?;
        moment(self.killed.elapsed(), "an execute in the container answers through its new owner");
        Ok(())
    }
}

/// DELETE and whatever else has no answer worth reading.
pub(super) async fn call(rest: &Rest, address: &str, method: &str, path: &str) -> Result<(), Failure> {
    rest.expect(address, &Ask { method, path, ..Ask::default() }, Duration::from_secs(60)).await.map(drop)
}
