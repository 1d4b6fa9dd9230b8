//! What this member answers other members: leases if it leads, looks, logs and executions if it owns.
//!
//! Whoever is not the owner, or may not act just now, says so, and that another attempt may succeed: the asking member reads the owner afresh.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use drivers::{Engine, LogOptions};
use futures::{StreamExt, stream::BoxStream};
use model::{
    Command, MemberId,
    command::Balance,
    container,
    id::{ClusterId, ContainerId},
    operation,
    peer::{
        ClusterLooked, ContainerLooked, Ended, ExecuteRequest, Grant, GrantRequest, Granted, LogsRequest, LookCluster, LookContainer,
        Output, OwnershipStatus, ReleaseRequest, method,
        plan::{PlanAnswer, PlanRequest, Question},
    },
};
use prost::Message;
use raft::{Answer, ByteStream, Refused, handle::SharedView};
use tokio::time::{Instant, timeout};
use tokio_stream::wrappers::ReceiverStream;

use crate::{
    cluster::look,
    ownership::{advice, grants::Grants},
    reconcile::{crew::Posts, pass, picture::Picture, post::Post},
    shared::Shared,
    strays,
};

/// Moves of a rebalance that are named at most.
const SHOWN: u32 = 100;

/// See the module.
#[derive(Debug)]
pub(crate) struct Answers {
    pub(crate) shared: Arc<Shared>,
    pub(crate) grants: Arc<Grants>,
    pub(crate) posts: Arc<Posts>,
}

#[async_trait::async_trait]
impl Answer for Answers {
    async fn call(&self, from: MemberId, name: &str, body: Bytes) -> Result<Bytes, Refused> {
        match name {
            method::GRANT => self.grant(from, decode(body)?).await.map(encode),
            method::RELEASE => self.release(decode(body)?).map(|()| Bytes::new()),
            method::STATUS => Ok(encode(self.status())),
            method::PLAN => self.plan(&decode(body)?).await.map(encode),
            method::REBALANCE => self.rebalance().await.map(encode),
            method::STRAYS => strays::look(&self.shared).await.map(encode).map_err(|error| Refused::for_now(error.to_string())),
            method::LOOK_CONTAINER => self.look_container(decode::<LookContainer>(body)?.container).await.map(encode),
            method::LOOK_CLUSTER => self.look_cluster(decode::<LookCluster>(body)?.cluster).await.map(encode),
            other => Err(Refused::new(format!("there is no call {other}"))),
        }
    }

    async fn stream(&self, _from: MemberId, name: &str, body: Bytes) -> Result<ByteStream<Refused>, Refused> {
        match name {
            method::LOGS => self.logs(decode(body)?).await,
            method::EXECUTE => self.execute(decode(body)?).await,
            other => Err(Refused::new(format!("there is no stream {other}"))),
        }
    }
}

impl Answers {
    /// As the leader: the right to act, at the index of a round that began after the request arrived.
    async fn grant(&self, from: MemberId, request: GrantRequest) -> Result<Grant, Refused> {
        let denied = |error: &dyn std::fmt::Display| {
            self.shared.metrics.granted(false);
            Refused::for_now(error.to_string())
        };
        // Noted before the round: from here on the leader waits a whole lease for this member, whatever becomes of the answer.
        let term = self.grants.ask(from, request.incarnation, request.leaving).map_err(|error| denied(&error))?;
        model::fault_point!("lease::grant::noted");
        let deadline = Instant::now() + self.shared.settings.lease / 2;
        let index = self.shared.handle.read_index(deadline).await.map_err(|error| denied(&error))?;
        // The round may have been another leader's, to whom this request is unknown. (`Bug::GrantWithoutReadIndex` in the model.)
        let leads = {
            let now = self.shared.handle.leadership();
            let now = now.borrow();
            now.leader == Some(self.shared.member()) && now.term == term
        };
        if !leads || self.grants.term() != Some(term) {
            return Err(denied(&"the leader has changed"));
        }
        model::fault_point!("lease::grant::made", Err(Refused::for_now("the grant was lost")));
        self.shared.metrics.granted(true);
        let lease_ms = u64::try_from(self.shared.settings.lease.as_millis()).unwrap_or(u64::MAX);
        Ok(Grant { index, lease_ms })
    }

    /// The leader asks for a hand-over: as soon as nothing runs, the cluster is released.
    fn release(&self, request: ReleaseRequest) -> Result<(), Refused> {
        match self.posts.of(request.cluster) {
            Some(post) if post.epoch == request.epoch => {
                model::fault_point!("owner::handover::asked", Err(not_the_owner()));
                post.hand_over(request.reason);
                Ok(())
            }
            _ => Err(not_the_owner()),
        }
    }

    /// As the leader: what would move.
    async fn plan(&self, request: &PlanRequest) -> Result<PlanAnswer, Refused> {
        if self.grants.term().is_none() {
            return Err(Refused::for_now("this member does not lead"));
        }
        advice::advise(&self.shared, &self.grants, request).await.map_err(Refused::new)
    }

    /// As the leader: what makes it even. From now on it is made so, by whoever leads then.
    async fn rebalance(&self) -> Result<PlanAnswer, Refused> {
        let plan = self.plan(&PlanRequest { question: Question::Even.into(), member: 0, limit: SHOWN }).await?;
        let wish = self.shared.write(Command::Balance(Balance::default())).await;
        let wished = wish.map_err(|error| Refused::for_now(error.to_string()))?;
        wished.map(|_| plan).map_err(|refusal| Refused::new(refusal.message))
    }

    fn status(&self) -> OwnershipStatus {
        let ms = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let grants = self.grants.list().into_iter();
        OwnershipStatus {
            member: self.shared.member().0,
            incarnation: self.shared.handle.incarnation(),
            lease_left_ms: ms(self.shared.lease.left()),
            clusters: self.posts.owned(),
            grants: grants.map(|grant| Granted { member: grant.member.0, ago_ms: ms(grant.ago), suspect: grant.suspect }).collect(),
        }
    }

    async fn view(&self) -> Result<SharedView, Refused> {
        self.shared.view().await.map_err(|error| Refused::for_now(error.to_string()))
    }

    /// This member's worker for a cluster, if it may act for it now.
    fn owned(&self, view: &SharedView, cluster: ClusterId) -> Result<Arc<Post>, Refused> {
        let post = self.posts.of(cluster).ok_or_else(not_the_owner)?;
        let current = self.shared.epoch_in(view, cluster).map_err(|error| Refused::for_now(error.to_string()))?;
        let may_act = self.shared.lease.may_act(post.epoch).is_some() && !post.park.is_cancelled();
        if current == Some(post.epoch) && may_act { Ok(post) } else { Err(not_the_owner()) }
    }

    /// The engine that a container runs on, and its worker.
    async fn engine_of(&self, id: ContainerId) -> Result<(Arc<dyn Engine>, container::Container, Arc<Post>), Refused> {
        let view = self.view().await?;
        let container = container::query::by_id(&*view, id).map_err(|fault| Refused::new(fault.to_string()))?;
        let container = container.ok_or_else(|| Refused::for_now(format!("this member knows no container {id}")))?;
        let post = self.owned(&view, container.cluster)?;
        let engine = pass::engine(&self.shared, &picture(&view, container.cluster)?).map_err(|error| in_words(&error))?;
        Ok((engine, container, post))
    }

    async fn look_container(&self, id: ContainerId) -> Result<ContainerLooked, Refused> {
        let (engine, record, post) = self.engine_of(id).await?;
        let look = self.shared.caller(record.cluster, post.epoch, "show").makes(engine.container(id));
        let seen = timeout(self.shared.settings.look, look).await.map_err(|_| too_slow())?.map_err(|error| in_words(&error))?;
        let looked = seen.as_ref().map_or_else(ContainerLooked::default, |seen| ContainerLooked {
            exists: true,
            status: seen.status.into(),
            reason: seen.reason.clone(),
            engine_id: Some(seen.external_id.clone()),
            address: seen.address.clone(),
            exit_code: seen.exit_code,
        });
        if looked.exists && looked.status != record.status {
            post.ask_for_pass();
        }
        Ok(looked)
    }

    async fn look_cluster(&self, id: ClusterId) -> Result<ClusterLooked, Refused> {
        let view = self.view().await?;
        let post = self.owned(&view, id)?;
        let picture = picture(&view, id)?;
        let look = self.shared.caller(id, post.epoch, "show").makes(look::whole(&self.shared, &picture.spec));
        let look = timeout(self.shared.settings.look, look).await.map_err(|_| too_slow())?.map_err(|error| in_words(&error))?;
        if picture.cluster.observed.as_ref().is_none_or(|observed| observed.health != look.observed.health) {
            post.ask_for_pass();
        }
        Ok(ClusterLooked { observed: look.observed })
    }

    async fn logs(&self, request: LogsRequest) -> Result<ByteStream<Refused>, Refused> {
        let (engine, container, post) = self.engine_of(request.container).await?;
        let options = LogOptions {
            stdout: !request.no_stdout,
            stderr: !request.no_stderr,
            timestamps: request.timestamps,
            follow: request.follow,
            tail: request.tail,
            since: request.since,
            ..LogOptions::default()
        };
        let caller = self.shared.caller(container.cluster, post.epoch, "logs");
        let pieces = match caller.makes(engine.logs(container.id, &options)).await {
            Ok(stream) => stream,
            Err(error) if error.is_final() => futures::stream::iter([Err(error)]).boxed(),
            Err(error) => return Err(in_words(&error)),
        };
        Ok(pieces.map(piece).boxed())
    }

    /// Registers whoever takes the output; the worker does the rest, and at most once.
    async fn execute(&self, request: ExecuteRequest) -> Result<ByteStream<Refused>, Refused> {
        let deadline = Instant::now() + self.shared.settings.look;
        self.shared.handle.wait_applied(request.index, deadline).await.map_err(|error| Refused::for_now(error.to_string()))?;
        let view = self.view().await?;
        let operation = operation::query::by_id(&*view, request.operation).map_err(|fault| Refused::new(fault.to_string()))?;
        let operation = operation.ok_or_else(|| Refused::new(format!("there is no operation {}", request.operation)))?;
        if operation.kind() != operation::Kind::ContainerExecute || !operation.open() || !operation.steps.is_empty() {
            return Err(Refused::new(format!("operation {} is not waiting to be executed", operation.id)));
        }
        let post = self.owned(&view, operation.cluster)?;
        let taken = || Refused::new(format!("somebody else takes the output of operation {}", operation.id));
        let receiver = post.call_for(operation.id).ok_or_else(taken)?;
        let stream: BoxStream<'static, _> = ReceiverStream::new(receiver).map(|output| Ok(encode(output))).boxed();
        Ok(stream)
    }
}

fn picture(view: &SharedView, cluster: ClusterId) -> Result<Picture, Refused> {
    let picture = Picture::read(&**view, cluster, (false, false)).map_err(|fault| Refused::new(fault.to_string()))?;
    picture.ok_or_else(|| Refused::new(format!("there is no cluster {cluster}")))
}

fn decode<M: Message + Default>(body: Bytes) -> Result<M, Refused> {
    M::decode(body).map_err(|error| Refused::new(format!("the request cannot be read: {error}")))
}

fn encode(message: impl Message) -> Bytes {
    message.encode_to_vec().into()
}

/// A piece of output. The engine's final "no" travels as one too, with what kind of no it is.
fn piece(piece: Result<Bytes, drivers::Error>) -> Result<Bytes, Refused> {
    match piece {
        Ok(data) => Ok(encode(Output { data, ended: None })),
        Err(error) if error.is_final() => {
            let ended = Ended { exit_code: None, reason: Some(error.to_string()), failure: error.failure().into() };
            Ok(encode(Output { data: Bytes::new(), ended: Some(ended) }))
        }
        Err(error) => Err(in_words(&error)),
    }
}

fn not_the_owner() -> Refused {
    Refused::for_now("not the owner")
}

fn too_slow() -> Refused {
    Refused::for_now("the engine did not answer in time")
}

fn in_words(error: &drivers::Error) -> Refused {
    Refused { reason: error.to_string(), retryable: !error.is_final() }
}
