//! The leader, which owns the bay as well, is killed in the middle of a stream of creates.

use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};

use super::{Stage, bay, leader, owner, until};
use crate::{
    Failure,
    rest::{Ask, Rest},
    story::{chapter, line, moment, span},
    stream::{Made, Stream},
    witness,
};

/// How long the stream runs before the kill, and after everything has come back.
const BEFORE: Duration = Duration::from_secs(2);
const AFTER: Duration = Duration::from_secs(1);

/// The bay's move: lease (5 s) + margin (1 s), and what an election, a plan and a look take.
const MOVE: Duration = Duration::from_secs(20);

/// Moments after the kill.
#[derive(Debug, Default)]
struct Seen {
    leader: Option<(u64, Duration)>,
    owner: Option<(u64, u64, Duration)>,
    execute: Option<Duration>,
}

/// Returns how long it took from the kill to the first acknowledged write that was asked for after it.
pub(super) async fn kill_the_leader(stage: &mut Stage) -> Result<Duration, Failure> {
    chapter("4. The leader is killed in the middle of a stream of creates");
    let victim = line_up(stage).await?;
    let (rest, bay) = (stage.rest.clone(), stage.bay()?);
    let container = witness::containers(&bay).await?.first().cloned().ok_or("docker lists no container of the bay")?;
    let before = witness::life(&container).await?;
    let survivors = stage.members()?.addresses_without(victim);
    let stream = Stream::start(&rest, stage.members()?.addresses());
    sleep(BEFORE).await;
    line(&format!(
        "{} creates acknowledged so far, 200 per second through all members; kill -9 of member {victim} now",
        stream.made().len()
    ));
    let killed = Instant::now();
    stage.members()?.kill(victim).await?;
    let seen = watch(&rest, &survivors, victim, &bay, &format!("/v1/containers/{}", stage.container), killed).await?;
    sleep(AFTER).await;
    let made = stream.stop().await?;
    let first = tell_timeline(&seen, &made, killed, victim)?;
    let after = witness::life(&container).await?;
    if before != after {
        return Err(format!("the container was touched: before the kill {before}, now {after}"));
    }
    line(&format!("the container itself never noticed: {after}"));
    let again = stage.members()?.start_again(&rest, victim).await?;
    line(&format!("member {victim} is started again on its folder and ready after {}", span(again)));
    stage.made = made;
    let back = Instant::now();
    let (addresses, own) = (stage.members()?.addresses(), stage.members()?.get(victim)?.address.clone());
    let goal = super::furthest(&rest, &addresses).await;
    until(Duration::from_secs(30), "the member that came back to catch up", async || {
        (super::applied(&rest, &own).await? >= goal).then_some(())
    })
    .await?;
    line(&format!("it has caught up to log index {goal} after {}", span(back.elapsed())));
    super::show_status(stage).await?;
    Ok(first)
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

async fn watch(rest: &Rest, survivors: &[String], victim: u64, bay: &str, path: &str, killed: Instant) -> Result<Seen, Failure> {
    let mut seen = Seen::default();
    let look_leader = async {
        let found = until(MOVE, "a new leader", async || leader(rest, survivors).await.filter(|leader| *leader != victim)).await?;
        Ok::<_, Failure>((found, killed.elapsed()))
    };
    let look_owner = async {
        let found = until(MOVE, "a new owner of the bay", async || {
            for address in survivors {
                if let Some(found) = owner(rest, address, bay).await.filter(|(member, _)| *member != victim) {
                    return Some(found);
                }
            }
            None
        });
        let (member, epoch) = found.await?;
        Ok::<_, Failure>((member, epoch, killed.elapsed()))
    };
    let (leader, owner) = tokio::join!(look_leader, look_owner);
    seen.leader = Some(leader?);
    seen.owner = Some(owner?);
    let answered = async {
        loop {
            for address in survivors {
                if bay::execute(rest, address, path, "echo+alive").await.is_ok_and(|output| output.contains("alive")) {
                    return killed.elapsed();
                }
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    seen.execute = Some(timeout(MOVE, answered).await.map_err(|_| "the container answers no execute through the survivors")?);
    Ok(seen)
}

fn tell_timeline(seen: &Seen, made: &[Made], killed: Instant, victim: u64) -> Result<Duration, Failure> {
    let since = |at: Instant| at.saturating_duration_since(killed);
    let first = made.iter().filter(|one| one.asked >= killed).map(|one| since(one.acknowledged)).min();
    let first = first.ok_or("no create was acknowledged after the kill")?;
    let repeated = made.iter().filter(|one| one.attempts > 1).count();
    let mut moments = vec![(Duration::ZERO, format!("member {victim} is gone"))];
    if let Some((leader, at)) = seen.leader {
        moments.push((at, format!("member {leader} leads")));
    }
    moments.push((first, "the first create that was asked for after the kill is acknowledged".to_owned()));
    if let Some((member, epoch, at)) = seen.owner {
        moments.push((at, format!("the bay is member {member}'s now, under epoch {epoch} (lease 5 s + margin 1 s have passed)")));
    }
    if let Some(at) = seen.execute {
        moments.push((at, "an execute in the container answers through its new owner".to_owned()));
    }
    moments.sort();
    for (at, text) in moments {
        moment(at, &text);
    }
    line(&format!(
        "{} creates acknowledged in all, 0 failed; {repeated} were sent more than once, since a third of them knocked at the dead member first",
        made.len()
    ));
    Ok(first)
}

/// DELETE and whatever else has no answer worth reading.
pub(super) async fn call(rest: &Rest, address: &str, method: &str, path: &str) -> Result<(), Failure> {
    rest.expect(address, &Ask { method, path, ..Ask::default() }, Duration::from_secs(60)).await.map(drop)
}
