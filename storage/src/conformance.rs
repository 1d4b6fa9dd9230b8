//! What every disk and engine must do, as a suite that runs against any of them.
//!
//! RocksDB and the simulated disk both pass it; a third engine would have to. It covers what can be seen without pulling the plug: what a
//! crash keeps is tested on the simulated disk, and on the real one by killing processes. It answers a [`Failure`] that names the rule
//! that was broken, rather than panicking, so that it can be part of the library.

use std::sync::Arc;

use bytes::Bytes;
use model::Visit;

use crate::batch::Batch;
use crate::disk::{Disk, Open};
use crate::engine::{Durability, Engine, EngineView, Family, Kind, Range};
use crate::error::Error;

/// Gives the suite lives of a process on one disk.
pub trait Rig {
    /// A new life on the same disk; everything of the life before was dropped.
    fn live(&mut self) -> Result<Arc<dyn Disk>, Error>;
}

/// A rule that was broken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Failure(String);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(format!("an error where there should be none: {error}"))
    }
}

type Outcome = Result<(), Failure>;
type Found = Vec<(Vec<u8>, Vec<u8>)>;

/// Runs all of it.
///
/// # Errors
/// The first rule that was broken.
pub async fn run(rig: &mut dyn Rig) -> Outcome {
    files(&*rig.live()?)?;
    for kind in [Kind::Log, Kind::State] {
        let place = |name: &str| format!("{name}-{kind:?}").to_lowercase();
        opening(&*rig.live()?, &place("opening"), kind).await?;
        {
            let disk = rig.live()?;
            let engine = disk.engine(&place("basic"), kind, Open::Create)?;
            visible(&*engine).await?;
            order(&*engine).await?;
            scans(&*engine).await?;
            views(&*engine).await?;
            callbacks(&*engine).await?;
            counters(&*engine).await?;
        }
        durable(rig, &place("durable"), kind).await?;
    }
    checkpoints(&*rig.live()?).await
}

fn ensure(holds: bool, rule: &str) -> Outcome {
    if holds { Ok(()) } else { Err(Failure(rule.to_owned())) }
}

fn put(rows: &[(&str, &str)]) -> Batch {
    let mut batch = Batch::default();
    for (key, value) in rows {
        batch.put(Family::Rows, key.as_bytes(), value.as_bytes());
    }
    batch
}

fn text(rows: &[(&str, &str)]) -> Found {
    rows.iter().map(|(key, value)| (key.as_bytes().to_vec(), value.as_bytes().to_vec())).collect()
}

/// Scans an engine.
fn all(engine: &dyn Engine, range: Range<'_>) -> Result<Found, Error> {
    let mut found = Vec::new();
    engine.scan(Family::Rows, range, &mut |key, value| {
        found.push((key.to_vec(), value.to_vec()));
        Visit::Continue
    })?;
    Ok(found)
}

/// Scans a view.
fn all_of(view: &dyn EngineView) -> Result<Found, Error> {
    let mut found = Vec::new();
    view.scan(Family::Rows, Range::ALL, &mut |key, value| {
        found.push((key.to_vec(), value.to_vec()));
        Visit::Continue
    })?;
    Ok(found)
}

async fn clear(engine: &dyn Engine) -> Outcome {
    let mut batch = Batch::default();
    batch.delete_range(Family::Rows, &[], &[0xff; 8]);
    engine.submit(batch, Durability::Synced).await?;
    ensure(all(engine, Range::ALL)?.is_empty(), "a deleted range is empty")
}

async fn opening(disk: &dyn Disk, place: &str, kind: Kind) -> Outcome {
    ensure(disk.engine(place, kind, Open::Existing).is_err(), "an engine that does not exist cannot be opened")?;
    ensure(disk.engine(place, kind, Open::ReadOnly).is_err(), "an engine that does not exist cannot be looked into")?;
    let engine = disk.engine(place, kind, Open::Create)?;
    engine.submit(put(&[("a", "1")]), Durability::Synced).await?;
    drop(engine);
    ensure(disk.engine(place, kind, Open::Create).is_err(), "an engine is created once")?;
    let engine = disk.engine(place, kind, Open::Existing)?;
    ensure(all(&*engine, Range::ALL)? == text(&[("a", "1")]), "an engine can be opened again in the same life")
}

async fn visible(engine: &dyn Engine) -> Outcome {
    clear(engine).await?;
    let first = engine.submit(put(&[("a", "1"), ("b", "")]), Durability::Synced);
    ensure(engine.get(Family::Rows, b"a")?.as_deref() == Some(b"1"), "a submitted row is visible before it is durable")?;
    ensure(engine.get(Family::Rows, b"b")?.as_deref() == Some(b""), "an empty value is a value")?;
    let second = engine.submit(put(&[("c", "3")]), Durability::Buffered);
    ensure(all(engine, Range::ALL)? == text(&[("a", "1"), ("b", ""), ("c", "3")]), "submitted rows are seen by scans")?;
    first.await?;
    second.await?;
    ensure(all(engine, Range::ALL)? == text(&[("a", "1"), ("b", ""), ("c", "3")]), "written rows are seen by scans")?;
    ensure(engine.get(Family::Meta, b"a")?.is_none(), "families are apart")?;
    ensure(engine.get(Family::Rows, b"x")?.is_none(), "what was never put is not there")?;
    let large = vec![7; 3 << 20];
    let mut batch = Batch::default();
    batch.put(Family::Meta, b"large", &large);
    engine.submit(batch, Durability::Synced).await?;
    ensure(engine.get(Family::Meta, b"large")?.as_deref() == Some(large.as_slice()), "large values are kept whole")
}

async fn order(engine: &dyn Engine) -> Outcome {
    clear(engine).await?;
    let mut batch = put(&[("a", "1"), ("b", "1"), ("c", "1")]);
    batch.delete(Family::Rows, b"a");
    batch.delete_range(Family::Rows, b"b", b"c");
    batch.put(Family::Rows, b"b", b"2");
    batch.delete(Family::Rows, b"never");
    batch.delete_range(Family::Rows, b"z", b"y");
    let first = engine.submit(batch, Durability::Synced);
    ensure(all(engine, Range::ALL)? == text(&[("b", "2"), ("c", "1")]), "a batch takes effect in its own order, at once")?;
    let second = engine.submit(put(&[("b", "3")]), Durability::Synced);
    let mut batch = Batch::default();
    batch.delete_range(Family::Rows, b"c", b"d");
    let third = engine.submit(batch, Durability::Buffered);
    ensure(all(engine, Range::ALL)? == text(&[("b", "3")]), "batches take effect in the order of their submits, at once")?;
    for flushed in [first, second, third] {
        flushed.await?;
    }
    engine.flush().await?;
    ensure(all(engine, Range::ALL)? == text(&[("b", "3")]), "batches take effect in the order of their submits")
}

async fn scans(engine: &dyn Engine) -> Outcome {
    clear(engine).await?;
    engine.submit(put(&[("a", "1"), ("c", "3"), ("e", "5")]), Durability::Synced).await?;
    let flushed = engine.submit(put(&[("b", "2"), ("d", "4"), ("e", "6")]), Durability::Synced);
    for round in ["fresh", "written"] {
        let span = |start: &'static str, end: &'static str, reverse| Range { start: start.as_bytes(), end: Some(end.as_bytes()), reverse };
        let rule = |what: &str| format!("{what} ({round} rows)");
        ensure(all(engine, span("b", "d", false))? == text(&[("b", "2"), ("c", "3")]), &rule("a scan takes its start and not its end"))?;
        ensure(all(engine, span("b", "d", true))? == text(&[("c", "3"), ("b", "2")]), &rule("a reverse scan is the same backwards"))?;
        ensure(all(engine, span("bb", "cc", false))? == text(&[("c", "3")]), &rule("bounds need not exist"))?;
        ensure(all(engine, span("d", "b", false))?.is_empty(), &rule("an inverted range is empty"))?;
        ensure(all(engine, span("d", "d", true))?.is_empty(), &rule("an empty range is empty"))?;
        let open = Range { start: b"d", end: None, reverse: true };
        ensure(all(engine, open)? == text(&[("e", "6"), ("d", "4")]), &rule("a scan may have no end"))?;
        for reverse in [false, true] {
            let mut seen = 0;
            engine.scan(Family::Rows, Range { reverse, ..Range::ALL }, &mut |_, _| {
                seen += 1;
                if seen == 3 { Visit::Stop } else { Visit::Continue }
            })?;
            ensure(seen == 3, &rule("a scan ends when its visitor says so"))?;
        }
        if round == "fresh" {
            engine.flush().await?;
        }
    }
    flushed.await?;
    Ok(())
}

async fn views(engine: &dyn Engine) -> Outcome {
    clear(engine).await?;
    let first = engine.submit(put(&[("a", "1"), ("b", "1")]), Durability::Buffered);
    let view = engine.view()?;
    let mut batch = put(&[("a", "2"), ("c", "2")]);
    batch.delete_range(Family::Rows, b"b", b"c");
    engine.submit(batch, Durability::Synced).await?;
    first.await?;
    ensure(all_of(&*view)? == text(&[("a", "1"), ("b", "1")]), "a view has what was submitted before it and nothing after")?;
    ensure(view.get(Family::Rows, b"a")?.as_deref() == Some(b"1"), "a view does not change")?;
    ensure(view.get(Family::Rows, b"c")?.is_none(), "a view does not grow")?;
    ensure(all_of(&*engine.view()?)? == text(&[("a", "2"), ("c", "2")]), "a later view is later")?;
    together(engine).await
}

/// What is asked for together is what is asked for one by one.
async fn together(engine: &dyn Engine) -> Outcome {
    clear(engine).await?;
    let rows = [("a", "0"), ("ab", "1"), ("ac", "2"), ("b", "3"), ("c", ""), ("ca", "5"), ("d", "6")];
    engine.submit(put(&rows), Durability::Synced).await?;
    let view = engine.view()?;
    let keys = |keys: &[&str]| keys.iter().map(|key| key.as_bytes().to_vec()).collect::<Vec<_>>();
    let asked = keys(&["ca", "x", "a", "c", "a"]);
    let one_by_one = asked.iter().map(|key| view.get(Family::Rows, key)).collect::<Result<Vec<_>, _>>()?;
    ensure(view.get_many(Family::Rows, &asked)? == one_by_one, "many keys are found like each of them")?;
    let mut found = Vec::new();
    view.scan_each(Family::Rows, &keys(&["c", "x", "a", "b"]), &mut |number, key, _| {
        found.push((number, key.to_vec()));
        if key == b"ab" { Visit::Stop } else { Visit::Continue }
    })?;
    let each = [(0, "c"), (0, "ca"), (2, "a"), (2, "ab"), (3, "b")].map(|(number, key)| (number, key.as_bytes().to_vec()));
    ensure(found == each, "prefixes are walked in their order, and a stop ends one of them")
}

async fn callbacks(engine: &dyn Engine) -> Outcome {
    let (sender, mut receiver) = tokio::sync::mpsc::channel(16);
    for number in 0..8_u8 {
        let sender = sender.clone();
        engine.submit(put(&[("called", "1")]), Durability::Synced).then(move |result| drop(sender.try_send((number, result))));
    }
    drop(sender);
    let mut called = Vec::new();
    while let Some((number, result)) = receiver.recv().await {
        result?;
        called.push(number);
    }
    called.sort_unstable();
    ensure(called == (0..8).collect::<Vec<u8>>(), "every callback is called exactly once")
}

async fn counters(engine: &dyn Engine) -> Outcome {
    let before = engine.counters();
    engine.submit(put(&[("counted", "1")]), Durability::Synced).await?;
    let after = engine.counters();
    ensure(after.batches == before.batches + 1, "a batch is counted once")?;
    ensure(after.syncs > before.syncs, "a sync is counted")
}

async fn durable(rig: &mut dyn Rig, place: &str, kind: Kind) -> Outcome {
    {
        let engine = rig.live()?.engine(place, kind, Open::Create)?;
        engine.submit(put(&[("a", "1"), ("b", "1")]), Durability::Buffered).await?;
        let mut batch = Batch::default();
        batch.delete_range(Family::Rows, b"b", b"c");
        batch.put(Family::Meta, b"m", b"1");
        engine.submit(batch, Durability::Synced).await?;
        engine.trim();
        engine.submit(put(&[("c", "1")]), Durability::Buffered).await?;
        engine.flush().await?;
    }
    let engine = rig.live()?.engine(place, kind, Open::Existing)?;
    ensure(all(&*engine, Range::ALL)? == text(&[("a", "1"), ("c", "1")]), "flushed rows are there in the next life")?;
    ensure(engine.get(Family::Meta, b"m")?.as_deref() == Some(b"1"), "all families are there in the next life")
}

async fn checkpoints(disk: &dyn Disk) -> Outcome {
    let engine = disk.engine("origin", Kind::State, Open::Create)?;
    let mut batch = Batch::default();
    for number in 0..2_000_u32 {
        batch.put(Family::Rows, &number.to_be_bytes(), &[5; 40]);
    }
    batch.put(Family::Meta, b"mark", b"2000");
    engine.submit(batch, Durability::Buffered).await?;
    let before = all(&*engine, Range::ALL)?;
    let files = engine.checkpoint("points/one").await?;
    engine.submit(put(&[("later", "1")]), Durability::Synced).await?;
    let mut names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    names.sort_unstable();
    ensure(!names.is_empty() && disk.list("points/one")? == names, "a checkpoint lists its files")?;
    for file in &files {
        let from = format!("points/one/{}", file.name);
        let mut bytes = Vec::new();
        loop {
            let offset = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            let chunk = disk.read(&from, offset, 1_000)?.unwrap_or_default();
            if chunk.is_empty() {
                break;
            }
            bytes.extend_from_slice(&chunk);
            disk.append(&format!("arriving/{}", file.name), &chunk)?;
        }
        ensure(u64::try_from(bytes.len()) == Ok(file.length), "a checkpoint knows the lengths of its files")?;
        ensure(crc32c::crc32c(&bytes) == file.crc32c, "a checkpoint knows the checksums of its files")?;
    }
    disk.sync("arriving")?;
    disk.rename("arriving", "arrived")?;
    let looked = disk.engine("points/one", Kind::State, Open::ReadOnly)?;
    ensure(all(&*looked, Range::ALL)? == before, "a checkpoint has what was submitted before it and nothing after")?;
    ensure(looked.submit(put(&[("no", "")]), Durability::Buffered).await.is_err(), "nothing is written to what is open for reading")?;
    let copy = disk.engine("arrived", Kind::State, Open::Existing)?;
    ensure(all(&*copy, Range::ALL)? == before, "the files of a checkpoint are an engine wherever they are")?;
    ensure(copy.get(Family::Meta, b"mark")?.as_deref() == Some(b"2000"), "a checkpoint has all families")?;
    copy.submit(put(&[("more", "1")]), Durability::Synced).await?;
    ensure(copy.get(Family::Rows, b"more")?.is_some(), "an ingested checkpoint can be written")
}

fn files(disk: &dyn Disk) -> Outcome {
    ensure(disk.read("plain", 0, 10)?.is_none(), "a file that is not there is not an error")?;
    ensure(disk.list("nowhere")?.is_empty(), "a folder that is not there is empty")?;
    disk.replace("plain", b"first")?;
    disk.replace("plain", b"second")?;
    ensure(disk.read("plain", 0, 100)? == Some(Bytes::from_static(b"second")), "a replaced file has the new bytes")?;
    ensure(disk.read("plain", 2, 3)? == Some(Bytes::from_static(b"con")), "a part of a file can be read")?;
    ensure(disk.read("plain", 60, 3)? == Some(Bytes::new()), "behind the end of a file is nothing")?;
    disk.append("folder/a", b"12")?;
    disk.append("folder/a", b"34")?;
    disk.append("folder/b", b"")?;
    disk.append("folder/inner/c", b"5")?;
    disk.sync("folder")?;
    ensure(disk.read("folder/a", 0, 10)? == Some(Bytes::from_static(b"1234")), "appends follow each other")?;
    ensure(disk.list("folder")? == ["a", "b", "inner"], "a folder lists its files and folders once, in order")?;
    disk.rename("folder", "deep/other")?;
    ensure(disk.list("folder")?.is_empty(), "a renamed folder is gone")?;
    ensure(disk.read("deep/other/inner/c", 0, 10)? == Some(Bytes::from_static(b"5")), "a renamed folder keeps its content")?;
    disk.remove("deep/other/a")?;
    ensure(disk.list("deep/other")? == ["b", "inner"], "a file can be removed")?;
    disk.remove("deep")?;
    disk.remove("deep")?;
    ensure(disk.list("deep")?.is_empty(), "a folder can be removed with all in it, and twice")
}
