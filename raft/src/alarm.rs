//! Why a node must stop, and how it learns that it must.

use std::sync::{Arc, OnceLock};

use exchequer_storage::Error as StorageError;

/// A reason to stop at once. Going on would risk what was acknowledged.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Fatal {
    /// The disk failed under a write or a sync.
    #[error("the disk failed: {0}")]
    Disk(Arc<StorageError>),
    /// The log does not hold what this node acknowledged.
    #[error("the log is not what this node acknowledged: {detail}")]
    LogLost {
        /// What is missing or different.
        detail: String,
    },
    /// The state machine refused to go on.
    #[error("the state machine stopped: {detail}")]
    Halt {
        /// Its code, `EXQ-0704`.
        code: String,
        /// What it says.
        detail: String,
    },
    /// This node's state differs from the majority's.
    #[error("the state differs from the majority's at index {index}")]
    Diverged {
        /// Where the difference was seen.
        index: u64,
    },
    /// An entry is not of a form this program knows.
    #[error("entry {index} cannot be read")]
    Undecodable {
        /// Its index.
        index: u64,
    },
}

/// The code of a failure of the disk.
pub(crate) fn code_of(error: &StorageError) -> &'static str {
    match error {
        StorageError::Corrupt { .. } => "EXQ-0504",
        StorageError::Full { .. } => "EXQ-0501",
        StorageError::Io { .. } if error.is_unsynced() => "EXQ-0503",
        StorageError::Io { .. }
        | StorageError::Engine { .. }
        | StorageError::Locked { .. }
        | StorageError::FormatNewer { .. } => "EXQ-0112",
    }
}

impl Fatal {
    /// Why consensus ended by itself. It keeps nothing of an error of the disk but the text; damage must stay damage.
    pub(crate) fn of_consensus(detail: String) -> Fatal {
        let code = match () {
            () if detail.contains(" is damaged: ") => "EXQ-0504",
            // openraft's words for a hole in the log, where the end, which is compared with the guard, is there.
            () if detail.contains("log entry not found") => "EXQ-0505",
            () => "EXQ-0112",
        };
        Fatal::Halt { code: code.to_owned(), detail }
    }
}

impl Fatal {
    /// Why work on files failed, as consensus passes it on.
    pub(crate) fn of_io(error: std::io::Error) -> Fatal {
        let error = match error.downcast::<StorageError>() {
            Ok(error) => return error.into(),
            Err(error) => error,
        };
        match error.downcast::<Arc<StorageError>>() {
            Ok(shared) => Fatal::Disk(shared),
            Err(error) => Fatal::of_consensus(error.to_string()),
        }
    }

    /// A sync that failed, wherever it did: what of the file is on the disk nobody knows any more, and a second sync would
    /// answer that all is well.
    pub(crate) fn of_sync(error: &StorageError) -> Option<Fatal> {
        let StorageError::Io { source, .. } = error else { return None };
        let detail = format!("{error}: {source}");
        error.is_unsynced().then(|| Fatal::Halt { code: code_of(error).to_owned(), detail })
    }
}

impl From<StorageError> for Fatal {
    fn from(error: StorageError) -> Fatal {
        Fatal::Disk(Arc::new(error))
    }
}

/// Tells the node that it must stop. Cheap to clone; the first call counts.
#[derive(Clone)]
pub struct Alarm {
    stop: Arc<dyn Fn(Fatal) + Send + Sync>,
    first: Arc<OnceLock<Fatal>>,
}

impl std::fmt::Debug for Alarm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Alarm")
    }
}

impl Alarm {
    /// An alarm that calls `stop`.
    pub fn new(stop: impl Fn(Fatal) + Send + Sync + 'static) -> Alarm {
        Alarm { stop: Arc::new(stop), first: Arc::default() }
    }

    /// Raises it.
    pub fn raise(&self, fatal: impl Into<Fatal>) {
        let fatal = fatal.into();
        // Only the first, also where two threads meet here: what follows from it has other codes.
        if self.first.set(fatal.clone()).is_ok() {
            (self.stop)(fatal);
        }
    }

    /// Why the node stops, once the alarm was raised.
    #[must_use]
    pub fn reason(&self) -> Option<&Fatal> {
        self.first.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: damage that only consensus meets is told as damage. Method: its words for a damaged file, for a hole in the
    /// log, and for anything else.
    #[test]
    fn damage_stays_damage() {
        let code = |detail: &str| match Fatal::of_consensus(detail.to_owned()) {
            Fatal::Halt { code, .. } => code,
            other => other.to_string(),
        };
        assert_eq!(code("when Read Logs: log is damaged: entry 7 is missing or damaged"), "EXQ-0504");
        assert_eq!(
            code("when Read Logs: std::io::error::Error: when Read LogIndex(233): log entry not found"),
            "EXQ-0505"
        );
        assert_eq!(code("panicked"), "EXQ-0112");
    }

    /// Goal: whoever asks learns what failed first. Method: two reasons, one after the other.
    #[test]
    fn the_first_reason_counts() {
        let alarm = Alarm::new(drop);
        assert!(alarm.reason().is_none());
        alarm.raise(Fatal::Undecodable { index: 7 });
        alarm.raise(Fatal::Diverged { index: 8 });
        assert!(matches!(alarm.reason(), Some(Fatal::Undecodable { index: 7 })));
    }
}
