//! Events on their way to a sink: at least once each, by one member at a time, and never lost in silence.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use conductor::{
    Settings,
    outbox::{Sink, Unwilling},
};
use model::{
    Command, View,
    command::TemplateCreate,
    event::{self, Event},
    id::TemplateId,
    record, sink,
    template::TemplateWish,
};
use tokio::time::{sleep, timeout};

use crate::{
    group::Group,
    rig::{LIMIT, Rig},
};

#[derive(Debug, Default)]
struct Inner {
    /// By whom, and what, in the order of arrival.
    taken: Vec<(u64, Event)>,
    calls: usize,
    down: bool,
    /// Takes, and does not answer.
    mute: bool,
    /// Deliveries under way, and the most there ever were.
    busy: usize,
    busiest: usize,
}

/// The outside end of a sink, and the sinks of all members.
#[derive(Clone, Debug, Default)]
pub(crate) struct Receiver {
    inner: Arc<Mutex<Inner>>,
    on: bool,
}

/// One member's sink.
#[derive(Debug)]
struct Ear {
    member: u64,
    receiver: Receiver,
}

/// Counts a delivery until it ends or is dropped.
struct Busy(Receiver);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.with(|inner| inner.busy -= 1);
    }
}

impl Receiver {
    fn listening() -> Self {
        Self { on: true, ..Self::default() }
    }

    /// What the conductor of a member is given.
    pub(crate) fn sinks(&self, member: u64) -> Vec<Arc<dyn Sink>> {
        if self.on { vec![Arc::new(Ear { member, receiver: self.clone() })] } else { Vec::new() }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        work(&mut self.inner.lock().unwrap())
    }

    fn places(&self) -> Vec<(u64, u32)> {
        self.with(|inner| inner.taken.iter().map(|(_, event)| (event.index, event.part)).collect())
    }

    /// Waits until all these were taken.
    async fn has(&self, expected: &BTreeSet<(u64, u32)>) {
        let waits = async {
            while !self.places().into_iter().collect::<BTreeSet<_>>().is_superset(expected) {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(LIMIT, waits).await.unwrap();
    }
}

#[async_trait]
impl Sink for Ear {
    fn name(&self) -> &str {
        "ear"
    }

    async fn take(&self, events: &[Event]) -> Result<u64, Unwilling> {
        let (down, mute) = self.receiver.with(|inner| {
            inner.calls += 1;
            inner.busy += 1;
            inner.busiest = inner.busiest.max(inner.busy);
            if !inner.down {
                inner.taken.extend(events.iter().map(|event| (self.member, event.clone())));
            }
            (inner.down, inner.mute)
        });
        let _busy = Busy(self.receiver.clone());
        sleep(Duration::from_millis(5)).await;
        if mute {
            std::future::pending::<()>().await;
        }
        if down { Err(Unwilling("nobody listens".to_owned())) } else { Ok(u64::try_from(events.len()).unwrap()) }
    }
}

/// Every event of the state.
fn all(view: &dyn View) -> BTreeSet<(u64, u32)> {
    record::all::<Event>(view).unwrap().iter().map(|event| (event.index, event.part)).collect()
}

async fn templates(rig: &Rig, number: usize) {
    for _ in 0..number {
        let wish = TemplateWish { name: "t".to_owned(), coe: "swarm".to_owned(), ..TemplateWish::default() };
        rig.done(Command::TemplateCreate(TemplateCreate { id: TemplateId::new(rig.uuid()), wish })).await;
    }
}

fn lag(view: &dyn View) -> u64 {
    let row = sink::query::by_name(view, "ear").unwrap().unwrap();
    sink::query::lag(&model::meta::Meta::read(view).unwrap(), &row)
}

#[tokio::test(start_paused = true)]
async fn every_event_is_delivered_once_and_in_order_when_nothing_goes_wrong() {
    let receiver = Receiver::listening();
    let rig = Rig::listened(receiver.clone(), Settings::default()).await;
    rig.bay().await;
    templates(&rig, 600).await;
    receiver.has(&rig.read(all).await).await;
    rig.until("nothing is left to be delivered", |view| (lag(view) == 0).then_some(())).await;
    let places = receiver.places();
    assert!(places.is_sorted() && places.len() == places.iter().collect::<BTreeSet<_>>().len(), "{places:?}");
    let counts = rig.metrics.counts().sinks["ear"];
    assert_eq!((counts.records, counts.failures), (u64::try_from(places.len()).unwrap(), 0));
    let with_events = places.iter().map(|(index, _)| index).collect::<BTreeSet<_>>().len();
    let others = usize::try_from(rig.handle.status().applied).unwrap() - with_events;
    assert!(others < 60, "the cursor is moved now and then, not with every event: {others} entries");
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_is_down_for_a_while_loses_nothing_and_is_left_in_peace() {
    let receiver = Receiver::listening();
    receiver.with(|inner| inner.down = true);
    let rig = Rig::listened(receiver.clone(), Settings::default()).await;
    rig.until("the sink is known", |view| sink::query::by_name(view, "ear").unwrap().map(drop)).await;
    rig.bay().await;
    sleep(Duration::from_secs(600)).await;
    assert!(receiver.places().is_empty());
    let counts = rig.metrics.counts().sinks["ear"];
    assert!((5..40).contains(&counts.failures) && counts.lag.unwrap() > 5, "{counts:?}");
    templates(&rig, 300).await;
    receiver.with(|inner| inner.down = false);
    receiver.has(&rig.read(all).await).await;
    let places = receiver.places();
    assert_eq!(places.len(), places.iter().collect::<BTreeSet<_>>().len(), "what was refused was not half taken");
    rig.until("nothing is left to be delivered", |view| (lag(view) == 0).then_some(())).await;
    assert_eq!(rig.read(|view| sink::query::by_name(view, "ear").unwrap().unwrap().lost).await, 0);
}

#[tokio::test(start_paused = true)]
async fn beyond_the_bound_events_are_lost_and_counted() {
    let receiver = Receiver::listening();
    receiver.with(|inner| inner.down = true);
    let rig = Rig::listened(receiver.clone(), Settings { events: Some((1_000, 1_000)), ..Settings::default() }).await;
    rig.until("the sink is known", |view| sink::query::by_name(view, "ear").unwrap().map(drop)).await;
    rig.until("fewer events are kept", |view| (event::bounds(&model::meta::Meta::read(view).unwrap()) == (1_000, 1_000)).then_some(()))
        .await;
    templates(&rig, 3_000).await;
    let kept = rig.read(|view| model::meta::Meta::read(view).unwrap().events).await;
    assert!(kept <= 2_000 + 513, "{kept}");
    receiver.with(|inner| inner.down = false);
    receiver.has(&rig.read(all).await).await;
    let lost = rig.read(|view| sink::query::by_name(view, "ear").unwrap().unwrap().lost).await;
    let serials: Vec<u64> = receiver.with(|inner| inner.taken.iter().map(|(_, event)| event.serial).collect());
    assert!(serials.windows(2).all(|pair| pair[0] + 1 == pair[1]), "what comes after the gap is whole");
    let (first, last) = (serials[0], *serials.last().unwrap());
    assert_eq!(lost, first - 1, "the first serial says how many are missing, as does the sink's row");
    assert_eq!(last, rig.read(|view| model::meta::Meta::read(view).unwrap().event_serial).await);
}

#[tokio::test(start_paused = true)]
async fn after_a_change_of_leader_nothing_is_missing_and_the_place_tells_repetitions() {
    let receiver = Receiver::listening();
    let mut group = Group::listened(receiver.clone()).await;
    group.bay("one").await;
    receiver.has(&group.view(all).await).await;
    // The leader dies after the sink has taken events and before the cursor has moved.
    receiver.with(|inner| inner.mute = true);
    let before = receiver.with(|inner| inner.calls);
    group.bay("two").await;
    timeout(LIMIT, async {
        while receiver.with(|inner| inner.calls) == before {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
    let leader = group.leader().unwrap().0;
    group.kill(leader).await;
    receiver.with(|inner| inner.mute = false);
    group.bay("three").await;
    receiver.has(&group.view(all).await).await;

    let mut times: BTreeMap<(u64, u32), BTreeSet<u64>> = BTreeMap::new();
    receiver.with(|inner| {
        inner.taken.iter().for_each(|(member, event)| assert!(times.entry((event.index, event.part)).or_default().insert(*member)))
    });
    let repeated = times.values().filter(|members| members.len() > 1).count();
    assert!(repeated > 0, "the delivery without an answer was made again");
    let places: BTreeSet<_> = times.keys().copied().collect();
    assert_eq!(places, group.view(all).await.intersection(&places).copied().collect(), "nothing was told that did not happen");
    assert_eq!(receiver.with(|inner| inner.busiest), 1, "one member at a time");
    for (member, _) in receiver.with(|inner| inner.taken.clone()) {
        let own: Vec<_> =
            receiver.with(|inner| inner.taken.iter().filter(|(by, _)| *by == member).map(|(_, event)| event.serial).collect());
        assert!(own.is_sorted(), "each member delivers in the order of the log");
    }
}
