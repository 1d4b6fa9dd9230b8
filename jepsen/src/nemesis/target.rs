//! To which member it is done.

use std::{fmt, time::Duration};

use crate::{Chance, Error, cluster::Cluster};

/// A role at the moment of the fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Raft's leader.
    Leader,
    /// Any voter that is not the leader.
    Follower,
    /// The owner of a bay; preferably not the leader, so that the two losses can be told apart.
    Owner,
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Leader => "leader",
            Self::Follower => "follower",
            Self::Owner => "owner",
        })
    }
}

impl Target {
    /// The name of a member that has this role now.
    pub async fn find(self, cluster: &Cluster, chance: &mut Chance) -> Result<String, Error> {
        let leader = cluster.leader(Duration::from_secs(20)).await?;
        match self {
            Self::Leader => Ok(leader),
            Self::Follower => {
                let others: Vec<_> = cluster.names().into_iter().filter(|one| *one != leader).collect();
                chance.pick(&others).cloned().ok_or_else(|| none("follower"))
            }
            Self::Owner => owner(cluster, &leader).await,
        }
    }
}

async fn owner(cluster: &Cluster, leader: &str) -> Result<String, Error> {
    let mut names = Vec::new();
    for owned in cluster.ownership().await {
        names.extend(cluster.name_of(owned.member));
    }
    let other = names.iter().find(|one| *one != leader);
    other.or(names.first()).cloned().ok_or_else(|| none("owner"))
}

fn none(role: &str) -> Error {
    Error::Setup(format!("there is no {role} to break"))
}
