//! Who owns what, what would move, and where a bay is bound: the same that the REST API answers.

use api::{map, ownership, plan};
use model::{
    Command, Ident, Scope, cluster,
    command::Pin,
    id::ClusterId,
    peer::plan::{PlanRequest, Question as Asked},
};
use raft::{Consistency, Handle, handle::Write};
use tokio::time::Instant;

use super::{
    Pinned, Question,
    desk::{SHORT, words},
};

/// As this member sees it, also without a leader.
pub(super) async fn map(handle: &Handle) -> Result<map::Map, String> {
    let deadline = Instant::now() + SHORT;
    let leases = map::leases(handle, deadline).await;
    let reading = handle.read(Consistency::Stale, deadline).await.map_err(words)?;
    let leader = handle.leadership().borrow().leader.map(|leader| leader.0);
    map::map(&*reading.view, leader, leases.as_deref()).map_err(|fault| fault.to_string())
}

pub(super) async fn plan(handle: &Handle, question: Question, limit: u32) -> Result<plan::Planned, String> {
    let (question, member) = match question {
        Question::Now => (Asked::Now, 0),
        Question::Even => (Asked::Even, 0),
        Question::Without(member) => (Asked::Without, member),
        Question::Drained(member) => (Asked::Drained, member),
    };
    plan::plan(handle, PlanRequest { question: question.into(), member, limit }, Instant::now() + SHORT).await.map_err(words)
}

pub(super) async fn rebalance(handle: &Handle) -> Result<plan::Planned, String> {
    plan::rebalance(handle, Instant::now() + SHORT).await.map_err(words)
}

pub(super) async fn pin(handle: &Handle, bay: &str, member: Option<u64>) -> Result<Pinned, String> {
    let deadline = Instant::now() + SHORT;
    let reading = handle.read(Consistency::Linearizable, deadline).await.map_err(words)?;
    let cluster = match Ident::parse(bay) {
        Ident::Id(uuid) => ClusterId::new(uuid),
        by_name @ Ident::Name(_) => {
            let found = cluster::query::find(&*reading.view, by_name, Scope::All).map_err(|fault| fault.to_string())?;
            found.required("bay", bay).map_err(|refusal| refusal.message)?.id
        }
    };
    drop(reading);
    let write = Write::system(Command::Pin(Pin { cluster, member: member.unwrap_or(0) }));
    let written = handle.write(write, deadline).await.map_err(words)?;
    written.outcome.into_result().map_err(|refusal| refusal.message)?;
    let remark = if member.is_some() { ownership::remark(handle, cluster, deadline).await } else { None };
    Ok(Pinned { bay: cluster.to_string(), remark })
}
