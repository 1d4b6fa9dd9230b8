//! Who made it: the words that every outside thing of ours carries.
//!
//! The mark is how a successor finds what its predecessor made, how the sweep tells ours from foreign, and how a person at the backend
//! learns which operation of which cluster a thing belongs to. A backend that can compare before it changes (Kubernetes, swarm mode)
//! is given the epoch as a fence as well; where it cannot, the mark is only a witness.

use model::id::{ClusterId, OperationId};

/// Label of the cluster's id.
pub const CLUSTER: &str = "jeroboam.cluster";
/// Label of the container's id.
pub const CONTAINER: &str = "jeroboam.container";
/// Label of the epoch under which the thing was made.
pub const EPOCH: &str = "jeroboam.epoch";
/// Label of the name that the thing's user gave.
pub const NAME: &str = "jeroboam.name";
/// Label of the operation that made the thing.
pub const OPERATION: &str = "jeroboam.operation";

/// What an effect is stamped with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mark {
    /// The cluster acted for.
    pub cluster: ClusterId,
    /// The ownership epoch under which the intent was recorded.
    pub epoch: u64,
    /// The operation whose step this is.
    pub operation: OperationId,
}

impl Mark {
    /// The labels of anything that is made under this mark.
    pub fn labels(&self) -> [(&'static str, String); 3] {
        [(CLUSTER, self.cluster.to_string()), (EPOCH, self.epoch.to_string()), (OPERATION, self.operation.to_string())]
    }
}
