//! A stand-in for the conductor: owns every cluster, ends operations by what their container's image says, and answers peer calls.

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use model::{
    Command, MemberId,
    cluster::Observed,
    command::{Assign, Assignment, ContainerSighting, OperationEnd, Sighting},
    container::{self, ContainerStatus},
    operation::{self, Failure, Kind, Operation, State},
    ownership::{self, Reason},
    peer::{
        ContainerLooked, Ended, ExecuteRequest, LookContainer, Output, StatusRequest, Stray, Strays, method,
        plan::{PlanAnswer, PlanRemark, PlanRequest},
    },
};
use prost::Message;
use raft::{Answer, ByteStream, Consistency, Handle, Refused, Write};

use crate::server::{Server, soon};

pub(crate) struct Owner {
    handle: Handle,
}

/// Starts it; it works until the test ends.
pub(crate) fn start(server: &Server) {
    let handle = server.handle.clone();
    handle.serve(Arc::new(Owner { handle: handle.clone() }));
    tokio::spawn(async move {
        let mut changes = handle.changes();
        loop {
            let reading = handle.read(Consistency::Stale, soon()).await.unwrap();
            for cluster in ownership::query::unowned(&*reading.view, 100).unwrap() {
                let assignment = Assignment {
                    cluster: cluster.cluster,
                    member: 1,
                    incarnation: handle.incarnation(),
                    expected_epoch: cluster.epoch,
                    reason: Reason::New.into(),
                };
                write(&handle, Command::Assign(Assign { assignments: vec![assignment], term: 0 })).await;
            }
            for cluster in ownership::query::by_member(&*reading.view, MemberId(1), 100).unwrap() {
                for operation in operation::query::open(&*reading.view, cluster.cluster).unwrap() {
                    if operation.kind() != Kind::ContainerExecute {
                        end(&handle, &operation, cluster.epoch).await;
                    }
                }
            }
            drop(reading);
            changes.recv().await;
        }
    });
}

async fn write(handle: &Handle, command: Command) {
    handle.write(Write::system(command), soon()).await.unwrap();
}

/// What the image's name says about the outcome.
fn verdict(image: &str) -> Result<(), (Failure, &'static str)> {
    match image {
        "missing" => Err((Failure::Refused, "No such image: missing:latest")),
        "away" => Err((Failure::Broken, "the engine cannot be reached")),
        "mute" => Err((Failure::Unanswered, "the engine broke off")),
        _ => Ok(()),
    }
}

async fn end(handle: &Handle, operation: &Operation, epoch: u64) {
    let reading = handle.read(Consistency::Stale, soon()).await.unwrap();
    let container = operation.container.and_then(|id| container::query::by_id(&*reading.view, id).unwrap());
    drop(reading);
    let outcome = container.as_ref().map_or(Ok(()), |container| verdict(&container.wish.image));
    let outcome = match (operation.kind(), container.as_ref().map(|container| container.status())) {
        (Kind::ContainerUnpause, Some(status)) if status != ContainerStatus::Paused => Err((Failure::State, "Container is not paused")),
        (Kind::ContainerDelete, _) => Ok(()),
        _ => outcome,
    };
    let seen = Sighting {
        cluster: operation.cluster,
        epoch,
        observed: operation.container.is_none().then(|| Observed {
            backend_id: Some("net-1".to_owned()),
            api_address: Some("tcp://192.0.2.1:2376".to_owned()),
            node_addresses: vec!["192.0.2.1".to_owned()],
            ..Observed::default()
        }),
        containers: match (&container, operation.kind(), &outcome) {
            (Some(container), Kind::ContainerCreate, Ok(())) => vec![ContainerSighting {
                id: container.id,
                status: ContainerStatus::Stopped.into(),
                reason: None,
                engine_id: Some("e1".to_owned()),
            }],
            _ => Vec::new(),
        },
        ..Sighting::default()
    };
    let command = OperationEnd {
        operation: operation.id,
        epoch,
        state: if outcome.is_ok() { State::Succeeded } else { State::Failed }.into(),
        reason: outcome.err().map(|(_, words)| words.to_owned()),
        seen: Some(seen),
        failure: outcome.err().map_or(Failure::None, |(failure, _)| failure).into(),
    };
    write(handle, Command::OperationEnd(command)).await;
}

#[async_trait::async_trait]
impl Answer for Owner {
    async fn call(&self, _: MemberId, called: &str, body: Bytes) -> Result<Bytes, Refused> {
        match called {
            method::STATUS => {
                StatusRequest::decode(body).map_err(|error| Refused::new(error.to_string()))?;
                Ok(Bytes::new())
            }
            method::LOOK_CONTAINER => {
                let asked = LookContainer::decode(body).map_err(|error| Refused::new(error.to_string()))?;
                let reading = self.handle.read(Consistency::Stale, soon()).await.unwrap();
                let container = container::query::by_id(&*reading.view, asked.container).unwrap().unwrap();
                if container.wish.name == "unreachable" {
                    return Err(Refused::new("the engine does not answer"));
                }
                let exists = container.engine_id.is_some() && container.wish.name != "vanished";
                let looked = ContainerLooked { exists, status: container.status, ..ContainerLooked::default() };
                Ok(Bytes::from(looked.encode_to_vec()))
            }
            method::PLAN | method::REBALANCE => {
                let asked = PlanRequest::decode(body).map_err(|error| Refused::new(error.to_string()))?;
                let reading = self.handle.read(Consistency::Stale, soon()).await.unwrap();
                let rows = ownership::query::all(&*reading.view).unwrap();
                let unmet = rows.iter().filter(|row| row.pin != 0).map(|row| PlanRemark {
                    cluster: row.cluster,
                    why: format!("pinned to member {}, which drains", row.pin),
                    ..PlanRemark::default()
                });
                let text = format!("{called} {:?} {} {}", asked.question(), asked.member, asked.limit);
                Ok(Bytes::from(PlanAnswer { text, unmet: unmet.collect(), ..PlanAnswer::default() }.encode_to_vec()))
            }
            method::STRAYS => {
                let thing = Stray { what: "network".to_owned(), id: "n1".to_owned(), ..Stray::default() };
                Ok(Bytes::from(Strays { things: vec![thing], unseen: vec!["heat: no answer".to_owned()] }.encode_to_vec()))
            }
            other => Err(Refused::new(format!("{other} is not known here"))),
        }
    }

    async fn stream(&self, _: MemberId, called: &str, body: Bytes) -> Result<ByteStream<Refused>, Refused> {
        let output = |data: &str, ended| Ok(Bytes::from(Output { data: Bytes::copy_from_slice(data.as_bytes()), ended }.encode_to_vec()));
        match called {
            method::LOGS => Ok(futures::stream::iter([output("line 1\n", None), output("line 2\n", None)]).boxed()),
            method::EXECUTE => {
                let asked = ExecuteRequest::decode(body).map_err(|error| Refused::new(error.to_string()))?;
                let reading = self.handle.read(Consistency::AtLeast(asked.index), soon()).await.unwrap();
                let operation = operation::query::by_id(&*reading.view, asked.operation).unwrap().unwrap();
                let command = operation.command.unwrap_or_default();
                if command == "silent" {
                    return Ok(futures::stream::pending().boxed());
                }
                let ended = if command == "fail" {
                    Ended { exit_code: None, reason: Some("Container is not running".to_owned()), failure: Failure::State.into() }
                } else {
                    Ended { exit_code: Some(0), ..Ended::default() }
                };
                Ok(futures::stream::iter([output(&format!("ran {command}\n"), None), output("", Some(ended))]).boxed())
            }
            other => Err(Refused::new(format!("{other} is not known here"))),
        }
    }
}
