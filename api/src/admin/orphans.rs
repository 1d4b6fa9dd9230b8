//! What is left outside and nobody looks after: what forced deletions said they leave, and what carries the tags of clusters that are not there.
//!
//! The first stands in the state. The second is looked for now, by every member at the endpoints of its drivers; a member that does not answer
//! or cannot look is named, so that an empty list is not taken for a clean outside.

use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use model::{
    MemberId,
    member::{self, Member},
    operation::query,
    peer::{Stray, Strays, method},
};
use prost::Message;
use raft::Handle;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{RULE, operations::Orphans};
use crate::{call::Call, error::Error, reply::Reply};

/// How long members are waited for; less than a request is.
const PATIENCE: Duration = Duration::from_secs(12);

/// Left of a request's time for its answer.
const REST: Duration = Duration::from_millis(200);

/// What all members see.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outside {
    /// Things whose cluster is not there.
    pub strays: Vec<Row>,
    /// Members, or drivers of members, that could not look, with the reason.
    pub unseen: Vec<String>,
}

/// A thing whose cluster is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The cluster whose tag it carries.
    pub cluster: uuid::Uuid,
    /// The driver that found it.
    pub driver: String,
    /// What it is.
    pub what: String,
    /// Its outside name.
    pub name: String,
    /// The backend's own id.
    pub id: String,
    /// The first member that sees it.
    pub member: u64,
}

/// Asks all these members at once.
pub async fn outside(handle: &Handle, members: &[Member], deadline: Instant) -> Outside {
    let until = deadline.min(Instant::now() + PATIENCE);
    let asked = members.iter().map(|member| async { (member.number, ask(handle, member.id(), until).await) });
    together(join_all(asked).await)
}

async fn ask(handle: &Handle, member: MemberId, deadline: Instant) -> Result<Strays, String> {
    let answer = handle.call(member, method::STRAYS, Bytes::new(), deadline).await.map_err(|error| error.to_string())?;
    Strays::decode(answer).map_err(|_| "its answer cannot be read".to_owned())
}

/// Several members may look at the same endpoint: each thing is named once.
fn together(answers: Vec<(u64, Result<Strays, String>)>) -> Outside {
    let mut outside = Outside::default();
    for (member, answer) in answers {
        match answer {
            Ok(strays) => {
                outside.unseen.extend(strays.unseen.into_iter().map(|reason| format!("member {member}: {reason}")));
                outside.strays.extend(strays.things.into_iter().map(|thing| row(member, thing)));
            }
            Err(reason) => outside.unseen.push(format!("member {member}: {reason}")),
        }
    }
    outside
        .strays
        .sort_by(|one, other| (one.cluster, &one.what, &one.id, one.member).cmp(&(other.cluster, &other.what, &other.id, other.member)));
    outside.strays.dedup_by(|one, other| (one.cluster, &one.driver, &one.id) == (other.cluster, &other.driver, &other.id));
    outside
}

fn row(member: u64, thing: Stray) -> Row {
    Row { cluster: thing.cluster.uuid(), driver: thing.driver, what: thing.what, name: thing.name, id: thing.id, member }
}

#[derive(Serialize)]
struct Shape<'a> {
    orphans: Vec<Orphans<'a>>,
    #[serde(flatten)]
    outside: Outside,
}

/// `GET /v1/jeroboam/orphans`: what forced deletions have left outside, by deletion, and what carries the tags of clusters that are not there.
pub(crate) async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    call.allow(RULE)?;
    let limit = super::limit(call)?;
    let reading = call.read().await?;
    let operations = query::with_left(&*reading.view, limit)?;
    let members = member::query::all(&*reading.view)?;
    drop(reading);
    let outside = outside(&call.app.handle, &members, call.deadline - REST).await;
    Reply::ok(&Shape { orphans: operations.iter().map(Orphans::of).collect(), outside })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_members_see_is_one_thing_and_who_is_silent_is_named() {
        let thing = Stray { driver: "local".to_owned(), what: "network".to_owned(), id: "n1".to_owned(), ..Stray::default() };
        let other = Stray { id: "n2".to_owned(), ..thing.clone() };
        let first = Strays { things: vec![thing.clone()], unseen: Vec::new() };
        let second = Strays { things: vec![thing, other], unseen: vec!["heat: no".to_owned()] };
        let seen = together(vec![(2, Ok(second)), (1, Ok(first)), (3, Err("no answer".to_owned()))]);
        let rows: Vec<_> = seen.strays.iter().map(|row| (row.id.as_str(), row.member)).collect();
        assert_eq!(rows, [("n1", 1), ("n2", 2)]);
        assert_eq!(seen.unseen, ["member 2: heat: no", "member 3: no answer"]);
    }
}
