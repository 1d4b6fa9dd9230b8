//! The contract of containers: adoption, life, ownership, refusals.

use std::time::Duration;

use futures::future::join_all;
use model::container::ContainerStatus;

use crate::{
    contract::{LONG, Place, Verdict, failed, must, said, until},
    error::Class,
    mark::Mark,
    seen::ContainerSeen,
    spec::ContainerSpec,
};

/// A container is made once, whoever asks and how often; what was made is found by its cluster.
pub async fn adoption(place: &Place) -> Verdict {
    let (engine, spec) = (&place.engine, place.spec(1, LONG));
    must(said("look before", engine.container(spec.id).await)?.is_none(), "what was not made is not there")?;
    let made = said("create", engine.create(&place.mark(7), &spec).await)?;
    shows(place, &made, &spec)?;
    must(made.epoch == 7 && made.operation == Some(place.mark(7).operation), "it carries epoch and operation")?;
    must(made.status == ContainerStatus::Stopped, "create does not start")?;

    let adopted = said("create again, under a newer epoch", engine.create(&place.mark(8), &spec).await)?;
    must(adopted.external_id == made.external_id, "a second create adopts what is there")?;
    let late = said("create again, under an older epoch", engine.create(&place.mark(6), &spec).await)?;
    must(late.external_id == made.external_id, "a late create adopts what is there")?;

    let racers: Vec<Mark> = (1..=8).map(|epoch| place.mark(epoch)).collect();
    let other = place.spec(2, LONG);
    let race = join_all(racers.iter().map(|mark| engine.create(mark, &other))).await;
    let mut winners = Vec::new();
    for one in race {
        match one {
            Ok(seen) => winners.push(seen.external_id),
            // A racer may be sent away, but only to come again.
            Err(error) => must(error.class() == Class::Busy, "a racing create succeeds or is busy")?,
        }
    }
    winners.dedup();
    must(winners.len() == 1, "eight racing creates make one container")?;

    let listed = said("list", engine.containers(place.cluster).await)?;
    let ids: Vec<_> = listed.iter().map(|seen| seen.id).collect();
    must(ids == [place.id(1), place.id(2)], "the list shows each once, in the order of ids")?;
    let single = said("look", engine.container(spec.id).await)?;
    must(listed.first() == single.as_ref(), "list and look show the same")?;
    place.end(1).await?;
    place.end(2).await?;
    must(said("list", engine.containers(place.cluster).await)?.is_empty(), "what was removed is not listed")
}

fn shows(place: &Place, seen: &ContainerSeen, spec: &ContainerSpec) -> Verdict {
    must(seen.id == spec.id && seen.cluster == place.cluster, "it carries its ids")?;
    must(seen.name == spec.wish.name, "it carries its user's name")?;
    must(!seen.external_id.is_empty(), "it has an id of the engine's")
}

/// An owner dies at any moment of a call, and its successor makes the same call again: one container, then none.
pub async fn interruption(place: &Place) -> Verdict {
    let (engine, spec) = (&place.engine, place.spec(71, LONG));
    for moment in 0..12_u64 {
        let (former, successor) = (place.mark(2 * moment + 1), place.mark(2 * moment + 2));
        let died = Duration::from_micros(1500 * moment);
        // What a dead owner would have been told, nobody hears.
        drop(tokio::time::timeout(died, engine.create(&former, &spec)).await);
        let made = said("create after a death", engine.create(&successor, &spec).await)?;
        let listed = said("list", engine.containers(place.cluster).await)?;
        must(listed.len() == 1 && listed.first() == Some(&made), "a create that was cut short leaves one container")?;
        drop(tokio::time::timeout(5 * died, engine.start(&former, spec.id)).await);
        let seen = said("start after a death", engine.start(&successor, spec.id).await)?;
        must(seen.status == ContainerStatus::Running, "a start that was cut short is completed")?;
        must(seen.external_id == made.external_id, "it is the same container")?;
        drop(tokio::time::timeout(died, engine.stop(&former, spec.id)).await);
        drop(tokio::time::timeout(died, engine.remove(&former, spec.id)).await);
        place.end(71).await?;
        until(10, "a removal that was cut short is completed", || async {
            Ok(said("list", engine.containers(place.cluster).await)?.is_empty())
        })
        .await?;
    }
    Ok(())
}

/// Start, stop, reboot and remove lead to their states, again and again.
pub async fn life(place: &Place) -> Verdict {
    let (engine, mark, spec) = (&place.engine, place.mark(1), place.spec(11, LONG));
    let status = |seen: ContainerSeen| seen.status;
    said("create", engine.create(&mark, &spec).await)?;
    must(said("stop before start", engine.stop(&mark, spec.id).await).map(status)? == ContainerStatus::Stopped, "stopped is stopped")?;
    for round in ["first", "second"] {
        let seen = said("start", engine.start(&mark, spec.id).await)?;
        must(seen.status == ContainerStatus::Running, "start leads to running")?;
        must(seen.reason.is_none() && seen.exit_code.is_none(), "what runs has no reason not to")?;
        must(said("start", engine.start(&mark, spec.id).await)? == seen, "start of what runs changes nothing")?;
        if round == "first" {
            must(said("reboot", engine.reboot(&mark, spec.id).await).map(status)? == ContainerStatus::Running, "reboot leads to running")?;
        }
        let listed = said("list", engine.containers(place.cluster).await)?;
        must(listed.iter().any(|one| one.id == spec.id && one.status == ContainerStatus::Running), "the list shows it running")?;
        let seen = said("stop", engine.stop(&mark, spec.id).await)?;
        must(seen.status == ContainerStatus::Stopped, "stop leads to stopped")?;
        must(said("stop", engine.stop(&mark, spec.id).await)? == seen, "stop of what is stopped changes nothing")?;
        let listed = said("list", engine.containers(place.cluster).await)?;
        must(listed.contains(&seen), "the list shows it stopped, with all there is to see")?;
    }
    said("start", engine.start(&mark, spec.id).await)?;
    place.end(11).await?;
    must(said("look", engine.container(spec.id).await)?.is_none(), "what runs can be removed")?;
    place.end(11).await?;
    place.run(12, "sh -c 'exit 3'").await?;
    until(10, "a process that ended leaves its status", || async {
        let seen = said("look", engine.container(place.id(12)).await)?.ok_or("it vanished")?;
        Ok(seen.status == ContainerStatus::Stopped && seen.exit_code == Some(3) && seen.reason.is_some())
    })
    .await?;
    place.end(12).await
}

/// Pause and unpause lead to their states; what cannot be paused is refused.
pub async fn pausing(place: &Place) -> Verdict {
    let (engine, mark, id) = (&place.engine, place.mark(1), place.id(21));
    said("create", engine.create(&mark, &place.spec(21, LONG)).await)?;
    let error = failed("pausing what is stopped", engine.pause(&mark, id).await)?;
    must(error.class() == Class::State, "pausing what is stopped is refused for its state")?;
    said("start", engine.start(&mark, id).await)?;
    for _ in 0..2 {
        let seen = said("pause", engine.pause(&mark, id).await)?;
        must(seen.status == ContainerStatus::Paused, "pause leads to paused, twice too")?;
    }
    let error = failed("starting what is paused", engine.start(&mark, id).await)?;
    must(error.class() == Class::State, "starting what is paused is refused for its state")?;
    for _ in 0..2 {
        let seen = said("unpause", engine.unpause(&mark, id).await)?;
        must(seen.status == ContainerStatus::Running, "unpause leads to running, twice too")?;
    }
    said("pause", engine.pause(&mark, id).await)?;
    place.end(21).await?;
    must(said("look", engine.container(id).await)?.is_none(), "what is paused can be removed")
}

/// A name of the user's is no name of the engine's, and one cluster's mark moves no container of another.
pub async fn ownership(place: &Place) -> Verdict {
    let (engine, mark) = (&place.engine, place.mark(1));
    let (mut first, mut second) = (place.spec(31, LONG), place.spec(32, LONG));
    first.wish.name = "the same".to_owned();
    second.wish.name = "the same".to_owned();
    said("create", engine.create(&mark, &first).await)?;
    said("create of a second with the same name", engine.create(&mark, &second).await)?;
    said("start", engine.start(&mark, first.id).await)?;

    let stranger = Mark { cluster: uuid::Uuid::from_u128(place.seed.wrapping_add(98)).into(), ..mark };
    let refused = |error: crate::error::Error| error.class() == Class::Refused;
    must(refused(failed("a stranger's create", engine.create(&stranger, &first).await)?), "no stranger adopts")?;
    must(refused(failed("a stranger's stop", engine.stop(&stranger, first.id).await)?), "no stranger stops")?;
    must(refused(failed("a stranger's execute", engine.execute(&stranger, first.id, "true").await)?), "no stranger executes")?;
    must(refused(failed("a stranger's remove", engine.remove(&stranger, first.id).await)?), "no stranger removes")?;
    must(said("list", engine.containers(stranger.cluster).await)?.is_empty(), "a stranger's list is its own")?;
    let seen = said("look", engine.container(first.id).await)?.ok_or("does not hold: it is still there")?;
    must(seen.status == ContainerStatus::Running, "it still runs")?;

    place.end(31).await?;
    must(said("look", engine.container(second.id).await)?.is_some(), "removing one leaves the other of the same name")?;
    place.end(32).await
}

/// What is not there is gone; what makes no sense is refused, and leaves nothing behind.
pub async fn refusals(place: &Place) -> Verdict {
    let (engine, mark, id) = (&place.engine, place.mark(1), place.id(41));
    for (what, answer) in
        [("start", engine.start(&mark, id).await), ("stop", engine.stop(&mark, id).await), ("reboot", engine.reboot(&mark, id).await)]
    {
        must(failed(what, answer)?.class() == Class::Gone, "a change of what is not there is gone")?;
    }
    must(failed("execute", engine.execute(&mark, id, "true").await)?.class() == Class::Gone, "so is an execution in it")?;
    let logs = engine.logs(id, &crate::engine::LogOptions::default()).await.map(|_| "a stream");
    must(failed("logs", logs)?.class() == Class::Gone, "so are its logs")?;
    place.end(41).await?;

    let mut bad = [place.spec(42, "sh 'open"), place.spec(42, LONG), place.spec(42, LONG), place.spec(42, LONG)];
    let [_, memory, image, environment] = &mut bad;
    memory.wish.memory = Some("a lot".to_owned());
    image.wish.image = "../no image".to_owned();
    environment.wish.environment.insert("a=b".to_owned(), String::new());
    for spec in &bad {
        let error = failed("a senseless create", engine.create(&mark, spec).await)?;
        must(error.class() == Class::Refused, "a senseless create is refused")?;
    }
    let mut missing = place.spec(43, LONG);
    missing.wish.image = "registry.invalid/nowhere:1".to_owned();
    let error = failed("a create from an image that nobody has", engine.create(&mark, &missing).await)?;
    must(error.to_string().contains("registry.invalid/nowhere:1"), "the error names the image")?;

    said("create", engine.create(&mark, &place.spec(44, "/no/such/program")).await)?;
    let error = failed("a start of a program that is not there", engine.start(&mark, place.id(44)).await)?;
    must(error.class() == Class::Refused, "a start of a program that is not there is refused")?;
    let seen = said("look", engine.container(place.id(44)).await)?.ok_or("does not hold: it is there after a failed start")?;
    must(seen.status == ContainerStatus::Error && seen.reason.is_some(), "a failed start shows as an error with a reason")?;
    place.end(44).await?;
    must(said("list", engine.containers(place.cluster).await)?.is_empty(), "refused creates leave nothing behind")
}
