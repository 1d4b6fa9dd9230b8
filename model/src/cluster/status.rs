//! Magnum's 18 status words and which steps between them are allowed.

/// Magnum's `ClusterStatus`; node groups use the same words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
#[allow(missing_docs, reason = "the words are Magnum's own and say what they say")]
pub enum Status {
    CreateInProgress = 0,
    CreateFailed = 1,
    CreateComplete = 2,
    UpdateInProgress = 3,
    UpdateFailed = 4,
    UpdateComplete = 5,
    DeleteInProgress = 6,
    DeleteFailed = 7,
    DeleteComplete = 8,
    ResumeComplete = 9,
    ResumeFailed = 10,
    RestoreComplete = 11,
    RollbackInProgress = 12,
    RollbackFailed = 13,
    RollbackComplete = 14,
    SnapshotComplete = 15,
    CheckComplete = 16,
    AdoptComplete = 17,
}

impl Status {
    /// The word on the wire, such as `CREATE_IN_PROGRESS`.
    pub fn word(self) -> &'static str {
        match self {
            Self::CreateInProgress => "CREATE_IN_PROGRESS",
            Self::CreateFailed => "CREATE_FAILED",
            Self::CreateComplete => "CREATE_COMPLETE",
            Self::UpdateInProgress => "UPDATE_IN_PROGRESS",
            Self::UpdateFailed => "UPDATE_FAILED",
            Self::UpdateComplete => "UPDATE_COMPLETE",
            Self::DeleteInProgress => "DELETE_IN_PROGRESS",
            Self::DeleteFailed => "DELETE_FAILED",
            Self::DeleteComplete => "DELETE_COMPLETE",
            Self::ResumeComplete => "RESUME_COMPLETE",
            Self::ResumeFailed => "RESUME_FAILED",
            Self::RestoreComplete => "RESTORE_COMPLETE",
            Self::RollbackInProgress => "ROLLBACK_IN_PROGRESS",
            Self::RollbackFailed => "ROLLBACK_FAILED",
            Self::RollbackComplete => "ROLLBACK_COMPLETE",
            Self::SnapshotComplete => "SNAPSHOT_COMPLETE",
            Self::CheckComplete => "CHECK_COMPLETE",
            Self::AdoptComplete => "ADOPT_COMPLETE",
        }
    }

    /// Whether an operation is running.
    pub fn in_progress(self) -> bool {
        matches!(self, Self::CreateInProgress | Self::UpdateInProgress | Self::DeleteInProgress | Self::RollbackInProgress)
    }

    /// Whether an ordinary change (update, upgrade, rotation) may begin: all of Magnum's `*_COMPLETE` but a deletion's.
    pub fn idle(self) -> bool {
        matches!(
            self,
            Self::CreateComplete
                | Self::UpdateComplete
                | Self::ResumeComplete
                | Self::RestoreComplete
                | Self::RollbackComplete
                | Self::SnapshotComplete
                | Self::CheckComplete
                | Self::AdoptComplete
        )
    }

    /// Whether it ended badly.
    pub fn failed(self) -> bool {
        matches!(self, Self::CreateFailed | Self::UpdateFailed | Self::DeleteFailed | Self::RollbackFailed | Self::ResumeFailed)
    }
}
