//! Both engines against the conformance suite and against each other.

use std::ops::Range as Span;
use std::sync::Arc;
use std::time::Duration;

use model::Visit;
use proptest::prelude::*;
use storage::disk::Open;
use storage::engine::Range;
use storage::{Batch, Disk, Durability, Engine, Error, Family, Faults, Kind, SimDisk, conformance};

use crate::rig::{Real, Simulated, files_below};

#[tokio::test]
async fn rocksdb_conforms() {
    conformance::run(&mut Real::new()).await.unwrap();
}

#[tokio::test]
async fn the_simulated_disk_conforms() {
    conformance::run(&mut Simulated(SimDisk::new(1))).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_simulated_disk_conforms_when_it_is_slow() {
    let disk = SimDisk::new(2);
    disk.set_faults(Faults { delay: Duration::from_micros(50)..Duration::from_millis(30), ..Faults::default() });
    conformance::run(&mut Simulated(disk)).await.unwrap();
}

#[derive(Clone, Debug)]
enum Step {
    Put(Family, Vec<u8>, Vec<u8>),
    Delete(Family, Vec<u8>),
    DeleteRange(Family, Vec<u8>, Vec<u8>),
}

fn keys() -> impl Strategy<Value = Vec<u8>> {
    // Few and short, so that steps meet each other.
    proptest::collection::vec(prop_oneof![Just(0_u8), Just(1), Just(0xfe), Just(0xff)], 1..3)
}

fn families() -> impl Strategy<Value = Family> {
    prop_oneof![Just(Family::Meta), Just(Family::Rows)]
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (families(), keys(), proptest::collection::vec(any::<u8>(), 0..20)).prop_map(|(family, key, value)| Step::Put(family, key, value)),
        2 => (families(), keys()).prop_map(|(family, key)| Step::Delete(family, key)),
        1 => (families(), keys(), keys()).prop_map(|(family, start, end)| Step::DeleteRange(family, start, end)),
    ]
}

#[derive(Clone, Debug)]
enum Act {
    Submit(Vec<Step>, Durability),
    Flush,
    Reopen,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let durability = prop_oneof![Just(Durability::Buffered), Just(Durability::Synced)];
    let act = prop_oneof![
        8 => (proptest::collection::vec(steps(), 0..6), durability).prop_map(|(steps, durability)| Act::Submit(steps, durability)),
        1 => Just(Act::Flush),
        1 => Just(Act::Reopen),
    ];
    proptest::collection::vec(act, 1..12)
}

fn batch(steps: &[Step]) -> Batch {
    let mut batch = Batch::default();
    for step in steps {
        match step {
            Step::Put(family, key, value) => batch.put(*family, key, value),
            Step::Delete(family, key) => batch.delete(*family, key),
            Step::DeleteRange(family, start, end) => batch.delete_range(*family, start, end),
        }
    }
    batch
}

fn seen(engine: &dyn Engine, family: Family, span: &Span<Vec<u8>>, reverse: bool) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut rows = Vec::new();
    let visit = &mut |key: &[u8], value: &[u8]| {
        rows.push((key.to_vec(), value.to_vec()));
        Visit::Continue
    };
    engine.scan(family, Range { start: &span.start, end: Some(&span.end), reverse }, visit).unwrap();
    rows
}

async fn compare(kind: Kind, acts: Vec<Act>, spans: Vec<Span<Vec<u8>>>) {
    let real = Real::new();
    let sim = SimDisk::new(1);
    let open =
        |how| -> [Arc<dyn Engine>; 2] { [real.disk(), sim.attach()].map(|disk: Arc<dyn Disk>| disk.engine("e", kind, how).unwrap()) };
    let mut engines = open(Open::Create);
    for act in acts {
        match act {
            Act::Submit(steps, durability) => {
                let waiting = engines.each_ref().map(|engine| engine.submit(batch(&steps), durability));
                check(&engines, &spans);
                for flushed in waiting {
                    flushed.await.unwrap();
                }
            }
            Act::Flush => {
                for engine in &engines {
                    engine.flush().await.unwrap();
                }
            }
            Act::Reopen => {
                for engine in &engines {
                    engine.flush().await.unwrap();
                }
                drop(engines);
                engines = open(Open::Existing);
            }
        }
        check(&engines, &spans);
    }
}

fn check(engines: &[Arc<dyn Engine>; 2], spans: &[Span<Vec<u8>>]) {
    let [real, sim] = engines;
    for family in Family::ALL {
        for reverse in [false, true] {
            for span in spans {
                assert_eq!(seen(&**real, family, span, reverse), seen(&**sim, family, span, reverse));
            }
        }
        for key in [&[0][..], &[1, 0], &[0xff], &[0xff, 0xff]] {
            assert_eq!(real.get(family, key).unwrap(), sim.get(family, key).unwrap());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]
    #[test]
    fn both_engines_show_the_same(
        acts in acts(),
        log in any::<bool>(),
        bounds in proptest::collection::vec((keys(), keys()), 3),
    ) {
        let mut spans: Vec<Span<Vec<u8>>> = bounds.into_iter().map(|(start, end)| start..end).collect();
        spans.push(vec![]..vec![0xff; 4]);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(compare(if log { Kind::Log } else { Kind::State }, acts, spans));
    }
}

fn one(key: &[u8]) -> Batch {
    let mut batch = Batch::default();
    batch.put(Family::Rows, key, b"value");
    batch
}

#[tokio::test]
async fn many_writers_share_syncs() {
    let real = Real::new();
    let engine = real.disk().engine("e", Kind::Log, Open::Create).unwrap();
    let waiting: Vec<_> = (0..500_u32).map(|number| engine.submit(one(&number.to_be_bytes()), Durability::Synced)).collect();
    for flushed in waiting {
        flushed.await.unwrap();
    }
    let counters = engine.counters();
    assert_eq!(counters.batches, 500);
    assert!(counters.syncs < 250, "{} syncs for 500 batches", counters.syncs);
    assert!(counters.sync_seconds > 0.0 && counters.last_sync_seconds > 0.0);
    assert_eq!(counters.queued_bytes, 0);
}

#[tokio::test]
async fn a_view_outlives_its_engine() {
    let folder = Real::new();
    for disk in [folder.disk(), SimDisk::new(1).attach()] {
        let engine = disk.engine("e", Kind::State, Open::Create).unwrap();
        engine.submit(one(b"a"), Durability::Buffered).await.unwrap();
        let view = engine.view().unwrap();
        drop(engine);
        assert_eq!(view.get(Family::Rows, b"a").unwrap().unwrap(), "value");
    }
}

#[tokio::test]
async fn a_flipped_bit_in_a_table_file_is_found() {
    let real = Real::new();
    let rows = 3_000_u32;
    {
        let engine = real.disk().engine("e", Kind::State, Open::Create).unwrap();
        let mut batch = Batch::default();
        for number in 0..rows {
            batch.put(Family::Rows, &number.to_be_bytes(), format!("value number {number} {}", number * 7_919).as_bytes());
        }
        engine.submit(batch, Durability::Synced).await.unwrap();
    }
    let table = files_below(&real.path()).into_iter().filter(|path| path.extension().is_some_and(|end| end == "sst"));
    let table = table.max_by_key(|path| path.metadata().unwrap().len()).unwrap();
    let mut bytes = std::fs::read(&table).unwrap();
    bytes[2_000] ^= 4;
    std::fs::write(&table, bytes).unwrap();
    let error = match real.disk().engine("e", Kind::State, Open::Existing) {
        Err(error) => error,
        Ok(engine) => engine.scan(Family::Rows, Range::ALL, &mut |_, _| Visit::Continue).unwrap_err(),
    };
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    assert!(error.is_fatal());
}

#[tokio::test]
async fn a_flipped_bit_in_the_log_is_found_unless_it_is_the_torn_end() {
    let real = Real::new();
    {
        let engine = real.disk().engine("e", Kind::Log, Open::Create).unwrap();
        for number in 0..200_u32 {
            engine.submit(one(&number.to_be_bytes()), Durability::Synced).await.unwrap();
        }
    }
    // A clean close keeps the write-ahead log; the rows are only there.
    let wal = files_below(&real.path()).into_iter().filter(|path| path.extension().is_some_and(|end| end == "log"));
    let wal = wal.max_by_key(|path| path.metadata().unwrap().len()).unwrap();
    let whole = std::fs::read(&wal).unwrap();
    let used = whole.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let mut flipped = whole.clone();
    flipped[used / 2] ^= 4;
    std::fs::write(&wal, flipped).unwrap();
    let error = real.disk().engine("e", Kind::Log, Open::Existing).err().unwrap();
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    std::fs::write(&wal, &whole[..used - 3]).unwrap();
    let engine = real.disk().engine("e", Kind::Log, Open::Existing).unwrap();
    assert!(engine.get(Family::Rows, &198_u32.to_be_bytes()).unwrap().is_some(), "only the torn record may go");
    assert!(engine.get(Family::Rows, &199_u32.to_be_bytes()).unwrap().is_none());
}

#[tokio::test]
async fn the_simulated_disk_does_what_its_faults_say() {
    let disk = SimDisk::new(5);
    let engine = |kind, name: &str| disk.attach().engine(name, kind, Open::Create).unwrap();
    let log = engine(Kind::Log, "a");
    log.submit(one(b"a"), Durability::Synced).await.unwrap();
    disk.set_faults(Faults { rot: 1.0, ..Faults::default() });
    assert!(matches!(log.get(Family::Rows, b"a").unwrap_err(), Error::Corrupt { .. }));
    disk.set_faults(Faults { read_error: 1.0, ..Faults::default() });
    assert!(matches!(log.get(Family::Rows, b"a").unwrap_err(), Error::Io { .. }));
    disk.set_faults(Faults { full: true, ..Faults::default() });
    assert!(matches!(log.submit(one(b"b"), Durability::Synced).await.unwrap_err(), Error::NoSpace { .. }));
    disk.set_faults(Faults::default());
    assert!(matches!(log.submit(one(b"b"), Durability::Synced).await.unwrap_err(), Error::NoSpace { .. }), "the first error sticks");
    assert!(disk.rot("a", Family::Rows, b"a"));
    assert!(matches!(log.get(Family::Rows, b"a").unwrap_err(), Error::Corrupt { .. }));

    let log = engine(Kind::Log, "b");
    disk.set_faults(Faults { flush_error: 1.0, ..Faults::default() });
    assert!(matches!(log.submit(one(b"c"), Durability::Synced).await.unwrap_err(), Error::Io { .. }));
    disk.set_faults(Faults::default());
    assert!(log.flush().await.is_err(), "after a failed flush nothing is certain");
    disk.crash();
    assert_eq!(log.get(Family::Rows, b"c").unwrap_err(), Error::Closed);
    let log = disk.attach().engine("b", Kind::Log, Open::Existing).unwrap();
    assert_eq!(log.get(Family::Rows, b"c").unwrap(), None);

    let image = disk.image();
    log.submit(one(b"d"), Durability::Synced).await.unwrap();
    disk.restore(&image);
    let log = disk.attach().engine("b", Kind::Log, Open::Existing).unwrap();
    assert_eq!(log.get(Family::Rows, b"d").unwrap(), None, "a rolled back disk has forgotten");
}
