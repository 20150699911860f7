//! What the command tells its caller in one number: [`Exit`]. The numbers are stable.

use crate::store::StoreError;

/// How a run of the command ended. Later versions add numbers, and never change one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Exit {
    /// 0: done, or nothing to do.
    Done,
    /// 1: failed for a reason that the caller's input does not explain: a full disk, a file that cannot be written.
    Failed,
    /// 2: there are changes; only where `--detailed-exitcode` asks for it.
    Changes,
    /// 3: lost every race against other writers, nothing written; of `yaml merge`: merged, with conflicts.
    Conflict,
    /// 4: the arguments, a file named by them or a document cannot be used as they are, nothing written.
    Invalid,
    /// 5: something stands in the way that the caller must decide on, such as a name taken by a different entry; nothing written.
    Precondition,
    /// 6: what was written is not ready in time: a code server, a restart, a webserver. It may become so by itself.
    TimedOut,
    /// 7: some steps are done and others are not, or it is not known. The same command run again finishes the job.
    Partial,
    /// 8: everything is deployed and served, and a code location loads with an error.
    NotLoaded,
}

impl Exit {
    /// The number.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Changes => 2,
            Self::Conflict => 3,
            Self::Invalid => 4,
            Self::Precondition => 5,
            Self::TimedOut => 6,
            Self::Partial => 7,
            Self::NotLoaded => 8,
        }
    }

    /// Of a store that failed: what cannot be read is the caller's to mend, what cannot be written is not.
    pub(super) fn of_store(error: &StoreError) -> Self {
        match error {
            StoreError::NotFound { .. }
            | StoreError::NotUtf8 { .. }
            | StoreError::TooLarge { .. }
            | StoreError::NotAFile { .. }
            | StoreError::Link { .. }
            | StoreError::NoDirectory { .. }
            | StoreError::Denied { action: "read", .. }
            | StoreError::Io { action: "read", .. } => Self::Invalid,
            StoreError::Forbidden { .. } | StoreError::Immutable { .. } | StoreError::NoNamespace { .. } => {
                Self::Precondition
            }
            StoreError::Conflict { .. } | StoreError::Busy { .. } => Self::Conflict,
            StoreError::Ambiguous { .. } => Self::Partial,
            _ => Self::Failed,
        }
    }
}
