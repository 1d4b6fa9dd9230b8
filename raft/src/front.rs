//! The front task: takes what the handle's callers want to wherever the leader is.
//!
//! One task per member. It follows the leadership and keeps one *link*: none, this member's own Raft, or a forward stream to another
//! member. A new link sends all pending writes again. Whatever accumulates while it is busy goes out in one batch, so the batch grows
//! with the load by itself.
//!
//! Read-index rounds go the same way: one at a time, together with the commands of that moment.

use std::{
    future::{Future, pending},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::StreamExt;
use model::MemberId;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use crate::{
    Error, Leadership,
    inner::{Inner, Shared},
    peer::{
        CallError, Destination, Purpose, method,
        wire::{self, ForwardAnswer, ForwardCommand, ForwardRequest},
    },
    proposer::{self, Author},
    read_index,
    reads::Waiting,
    types::{Proposer, Rejection},
};

/// Commands in one message.
const BATCH: usize = 1_024;
/// Bytes in one message, about.
const BATCH_BYTES: usize = 1 << 20;
/// Messages under way on a forward stream before its flow control says more is welcome.
const QUEUE: usize = 8;
/// How long the front rests after something was sent back, unless the leadership changes.
const REST: Duration = Duration::from_millis(10);

type Opening = Pin<Box<dyn Future<Output = Result<Streaming<Bytes>, CallError>> + Send>>;
type OwnRound = Pin<Box<dyn Future<Output = Option<u64>> + Send>>;

/// The way to the leader.
enum Link {
    /// Nobody is known to lead, or there is no connection yet.
    None,
    /// A stream is being opened.
    Opening { sender: mpsc::Sender<Bytes>, opening: Opening },
    /// This member leads.
    Own,
    /// Another member leads.
    Stream { sender: mpsc::Sender<Bytes>, answers: Box<Streaming<Bytes>> },
}

/// A read-index round under way.
struct Round {
    number: u64,
    reads: Vec<Waiting>,
    until: Instant,
    /// On the leader: the round itself.
    own: Option<OwnRound>,
}

/// What the task waits for.
enum Event {
    Leadership,
    Opened(Result<Streaming<Bytes>, CallError>),
    Answer(Result<ForwardAnswer, String>),
    /// There is room for another message, or (false) the stream is closed.
    Room(bool),
    Round(Option<u64>),
    Tick,
}

/// Rejections of this member's own Raft.
struct OwnProposer {
    shared: Arc<Shared>,
    rejected: AtomicBool,
}

impl Proposer for OwnProposer {
    fn settled(&self, sequence: u64, rejection: Option<Rejection>) {
        if rejection.is_some() {
            self.shared.pending.rejected(sequence);
            self.rejected.store(true, Ordering::Release);
            self.shared.wake.notify_one();
        }
    }
}

struct Front {
    inner: Arc<Inner>,
    leadership: watch::Receiver<Leadership>,
    own: Arc<OwnProposer>,
    link: Link,
    round: Option<Round>,
    rounds: u64,
    /// Nothing is sent before this, after something was sent back or a stream broke.
    rest_until: Option<Instant>,
}

/// Runs until the member stops.
pub(crate) async fn run(inner: Arc<Inner>) {
    let shared = inner.shared.clone();
    let mut front = Front {
        leadership: shared.leadership.subscribe(),
        own: Arc::new(OwnProposer { shared, rejected: AtomicBool::new(false) }),
        inner,
        link: Link::None,
        round: None,
        rounds: 0,
        rest_until: None,
    };
    front.relink();
    loop {
        if let Err(error) = front.send().await {
            // Raft has stopped; whoever watches it stops the member.
            tracing::debug!(%error, "the front ends");
            return;
        }
        let event = front.wait().await;
        front.handle(event);
    }
}

impl Front {
    fn shared(&self) -> &Shared {
        &self.inner.shared
    }

    /// Takes the way to the leader of this moment.
    fn relink(&mut self) {
        let leader = self.leadership.borrow_and_update().leader;
        self.fail_round();
        self.link = match leader {
            None => Link::None,
            Some(member) if member == self.shared().identity.member => {
                self.resend();
                Link::Own
            }
            Some(member) => self.open(member),
        };
    }

    fn resend(&self) {
        let resent = self.shared().pending.relink();
        self.shared().tally.resent(resent);
    }

    fn open(&self, member: MemberId) -> Link {
        let Some(addresses) = self.inner.addresses(member) else { return Link::None };
        let (sender, receiver) = mpsc::channel(QUEUE);
        let peers = self.inner.peers.clone();
        let within = self.shared().settings.election_min;
        let opening = Box::pin(async move {
            let to = Destination { member, address: &addresses.peer, purpose: Purpose::Front };
            peers.stream(to, method::FORWARD, ReceiverStream::new(receiver), within).await
        });
        Link::Opening { sender, opening }
    }

    /// Sends what can be sent now.
    async fn send(&mut self) -> Result<(), Error> {
        if self.own.rejected.swap(false, Ordering::AcqRel) {
            self.rest();
        }
        if self.rest_until.is_some_and(|until| Instant::now() < until) {
            return Ok(());
        }
        self.rest_until = None;
        match &self.link {
            Link::None | Link::Opening { .. } => {
                if matches!(self.link, Link::None) && self.leadership.borrow().leader.is_some() {
                    self.relink();
                }
                Ok(())
            }
            Link::Own => self.send_to_own().await,
            Link::Stream { .. } => {
                self.send_over_stream();
                Ok(())
            }
        }
    }

    async fn send_to_own(&mut self) -> Result<(), Error> {
        if let Some((number, reads)) = self.begin_round() {
            let inner = self.inner.clone();
            let own: OwnRound = Box::pin(async move { read_index::round(&inner).await });
            self.round = Some(self.new_round(number, reads, Some(own)));
        }
        let identity = self.shared().identity;
        let author = Author { member: identity.member.0, incarnation: identity.incarnation };
        let proposer: Arc<dyn Proposer> = self.own.clone();
        let commands = self.shared().pending.take_unsent(BATCH, BATCH_BYTES);
        proposer::propose(&self.inner, author, commands, &proposer).await
    }

    fn send_over_stream(&mut self) {
        loop {
            let Link::Stream { sender, .. } = &self.link else { return };
            // Without a free place nothing is taken from the queues: it goes with the next message.
            let Ok(place) = sender.clone().try_reserve_owned() else { return };
            let round = self.begin_round();
            let commands = self.shared().pending.take_unsent(BATCH, BATCH_BYTES);
            if commands.is_empty() && round.is_none() {
                return;
            }
            let number = round.as_ref().map_or(0, |(number, _)| *number);
            if let Some((number, reads)) = round {
                self.round = Some(self.new_round(number, reads, None));
            }
            let commands = commands.into_iter().map(|write| ForwardCommand { sequence: write.sequence, payload: write.payload }).collect();
            let request = ForwardRequest { incarnation: self.shared().identity.incarnation, commands, round: number };
            drop(place.send(wire::encode(&request)));
        }
    }

    /// The reads of a round that is sent now, if any wait and none is under way.
    fn begin_round(&mut self) -> Option<(u64, Vec<Waiting>)> {
        if self.round.is_some() || !self.shared().reads.any() {
            return None;
        }
        let reads = self.shared().reads.take();
        if reads.is_empty() {
            return None;
        }
        self.rounds += 1;
        self.shared().tally.round(reads.len());
        Some((self.rounds, reads))
    }

    fn new_round(&self, number: u64, reads: Vec<Waiting>, own: Option<OwnRound>) -> Round {
        // A little more than the leader gives it.
        let until = Instant::now() + self.shared().settings.election_max + Duration::from_millis(50);
        Round { number, reads, until, own }
    }

    fn fail_round(&mut self) {
        if let Some(round) = self.round.take() {
            self.shared().reads.put_back(round.reads);
        }
    }

    fn rest(&mut self) {
        self.rest_until = Some(Instant::now() + REST);
    }

    async fn wait(&mut self) -> Event {
        let rest = self.rest_until;
        let shared = self.inner.shared.clone();
        let wants_room = rest.is_none() && (shared.pending.has_unsent() || (self.round.is_none() && shared.reads.any()));
        // Without a leader's address yet, look again soon.
        let lost = matches!(self.link, Link::None) && self.leadership.borrow().leader.is_some();
        let look_again = rest.or_else(|| lost.then(|| Instant::now() + REST));
        let round_ends = self.round.as_ref().map(|round| round.until);
        if wants_room && matches!(self.link, Link::Own) {
            // The batch was full; go on at once, but let others run in between.
            tokio::task::yield_now().await;
            return Event::Tick;
        }
        let (opening, answer, room) = match &mut self.link {
            Link::Opening { opening, .. } => (Some(opening), None, None),
            Link::Stream { sender, answers } => (None, Some(&mut **answers), wants_room.then_some(sender)),
            Link::None | Link::Own => (None, None, None),
        };
        let own_round = self.round.as_mut().and_then(|round| round.own.as_mut());
        tokio::select! {
            biased;
            changed = self.leadership.changed() => match changed {
                Ok(()) => Event::Leadership,
                Err(_) => pending().await,
            },
            opened = maybe(opening) => Event::Opened(opened),
            answer = next_answer(answer) => Event::Answer(answer),
            index = maybe(own_round) => Event::Round(index),
            () = at(round_ends) => Event::Round(None),
            () = at(look_again) => Event::Tick,
            open = has_room(room) => Event::Room(open),
            () = shared.wake.notified() => Event::Tick,
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Leadership => {
                self.rest_until = None;
                self.relink();
            }
            Event::Opened(Ok(answers)) => {
                if let Link::Opening { sender, .. } = std::mem::replace(&mut self.link, Link::None) {
                    self.link = Link::Stream { sender, answers: Box::new(answers) };
                    self.resend();
                }
            }
            Event::Opened(Err(error)) => self.broken(&error.to_string()),
            Event::Answer(Ok(answer)) => self.answered(answer),
            Event::Answer(Err(reason)) => self.broken(&reason),
            Event::Round(Some(index)) => self.finish_round(index),
            Event::Round(None) => {
                self.fail_round();
                self.rest();
            }
            Event::Room(false) => self.broken("it is closed"),
            Event::Room(true) | Event::Tick => {}
        }
    }

    fn broken(&mut self, reason: &str) {
        tracing::debug!(reason, "the forward stream broke");
        self.link = Link::None;
        self.fail_round();
        self.rest();
    }

    fn answered(&mut self, answer: ForwardAnswer) {
        model::fault_point!("raft::forward::answered", self.broken("the answer was lost"));
        for rejection in &answer.rejections {
            self.shared().pending.rejected(rejection.sequence);
        }
        if !answer.rejections.is_empty() {
            self.rest();
        }
        for round in answer.rounds {
            if self.round.as_ref().is_none_or(|present| present.number != round.round) {
                continue;
            }
            match round.index {
                Some(index) => self.finish_round(index),
                None => {
                    self.fail_round();
                    self.rest();
                }
            }
        }
    }

    /// The round's index is known: readers of it are answered, readers of the state when it is applied here, all from one view.
    fn finish_round(&mut self, index: u64) {
        let Some(round) = self.round.take() else { return };
        let mut of_state = Vec::new();
        for waiting in round.reads {
            match waiting {
                Waiting::Index(answer) => drop(answer.send(Ok(index))),
                Waiting::State(answer) => of_state.push(answer),
            }
        }
        if of_state.is_empty() {
            return;
        }
        let shared = self.inner.shared.clone();
        self.shared().progress.when(
            index,
            Box::new(move |_| {
                let reading = shared.reading(Duration::ZERO);
                for answer in of_state {
                    // Who does not wait any more needs no answer.
                    drop(answer.send(reading.clone()));
                }
            }),
        );
    }
}

async fn maybe<T>(future: Option<&mut Pin<Box<dyn Future<Output = T> + Send>>>) -> T {
    match future {
        Some(future) => future.await,
        None => pending().await,
    }
}

async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => pending().await,
    }
}

async fn has_room(sender: Option<&mut mpsc::Sender<Bytes>>) -> bool {
    match sender {
        Some(sender) => sender.reserve().await.is_ok(),
        None => pending().await,
    }
}

async fn next_answer(answers: Option<&mut Streaming<Bytes>>) -> Result<ForwardAnswer, String> {
    let Some(answers) = answers else { return pending().await };
    match answers.next().await {
        Some(Ok(bytes)) => wire::read("forward answer", bytes).map_err(|status| status.message().to_owned()),
        Some(Err(status)) => Err(format!("{}: {}", status.code(), status.message())),
        None => Err(String::from("the leader closed it")),
    }
}
