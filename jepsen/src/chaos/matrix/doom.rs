//! Bays whose creation gets no answer and is over its time after a minute: one every few seconds, made ahead of the cells that need one.

use std::{
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{
    Chance,
    backend::Backend,
    rest::{Answer, Hopper, bay, baymodel},
};

/// Between two of them.
const EVERY: Duration = Duration::from_secs(3);

/// How many at the most: beyond, nobody would wait for them.
const MOST: u64 = 600;

/// How old one is whose time is nearly over.
const NEARLY: Range<Duration> = Duration::from_millis(58_000)..Duration::from_millis(59_300);

/// How long until the first is over its time, and a little more.
pub(super) const LEAD: Duration = Duration::from_secs(75);

/// See the module.
#[derive(Debug)]
pub(super) struct Doom {
    maker: Option<Maker>,
    tasks: JoinSet<()>,
    made: Made,
}

type Made = Arc<Mutex<Vec<(String, Instant)>>>;

#[derive(Debug)]
struct Maker {
    hopper: Hopper,
    backend: Arc<Backend>,
    model: String,
    chance: Chance,
    made: Made,
}

impl Doom {
    pub(super) fn new(hopper: Hopper, backend: Arc<Backend>, model: &str, chance: Chance) -> Self {
        let (made, hopper) = (Made::default(), hopper.with_patience(Duration::from_secs(30)));
        let maker = Maker { hopper, backend, model: model.to_owned(), chance, made: Arc::clone(&made) };
        Self { maker: Some(maker), tasks: JoinSet::new(), made }
    }

    /// From now on; a second call does nothing.
    pub(super) fn begin(&mut self) {
        if let Some(maker) = self.maker.take() {
            self.tasks.spawn(maker.run());
        }
    }

    /// One whose time is over in a second or so.
    pub(super) fn nearly_over(&self) -> Option<String> {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.iter().find(|(_, at)| NEARLY.contains(&at.elapsed())).map(|(bay, _)| bay.clone())
    }

    /// Those whose time must be over by now.
    pub(super) fn overdue(&self) -> Vec<String> {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.iter().filter(|(_, at)| at.elapsed() > LEAD).map(|(bay, _)| bay.clone()).collect()
    }

    /// No more of them.
    pub(super) fn end(&mut self) {
        self.tasks.abort_all();
    }
}

impl Maker {
    async fn run(mut self) {
        for number in 0..MOST {
            let name = format!("doomed-{number}-{}", self.chance.between(0, 1_000_000));
            let request = bay::create_within(&name, &self.model, 1, self.chance.key());
            if let Answer::Done(reply) = self.hopper.send(&request).await {
                let bay = baymodel::uuid(&reply).unwrap_or_default();
                self.backend.hold(bay);
                self.made.lock().unwrap_or_else(PoisonError::into_inner).push((bay.to_owned(), Instant::now()));
            }
            sleep(EVERY).await;
        }
    }
}
