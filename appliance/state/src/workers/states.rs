//! States of a worker, and what can happen to it; which leads where is in [`super::machine`].

use std::fmt;

use exchequer_domain::{Digest, Timestamp};
use serde::{Deserialize, Serialize};

/// What people, or the scaling, want of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Desired {
    /// It shall run, wherever the leader is.
    Running,
    /// It shall not.
    Stopped,
}

impl Desired {
    /// The word in commands and listings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Desired::Running => "running",
            Desired::Stopped => "stopped",
        }
    }
}

/// What is observed of a worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Observed {
    /// It has no process.
    Stopped {
        /// In this state since then.
        since: Timestamp,
    },
    /// Its process was started and has not said who it is.
    Starting {
        /// In this state since then.
        since: Timestamp,
        /// The leadership that started it.
        epoch: u64,
        /// Which start in a row this is, from 1.
        attempt: u32,
    },
    /// It works.
    Running {
        /// In this state since then.
        since: Timestamp,
        /// The leadership that started it.
        epoch: u64,
    },
    /// It finishes what it has begun, takes nothing new, and ends.
    Draining {
        /// In this state since then.
        since: Timestamp,
        /// The leadership that started it.
        epoch: u64,
        /// It is ended by force at this moment.
        deadline: Timestamp,
    },
    /// It works, but not as it should.
    Degraded {
        /// In this state since then.
        since: Timestamp,
        /// The leadership that started it.
        epoch: u64,
        /// What is wrong.
        why: DegradedBy,
    },
    /// It is not started any more until somebody says so.
    Failed {
        /// In this state since then.
        since: Timestamp,
        /// What is wrong.
        why: FailedBy,
    },
}

/// Why a worker is degraded. Variants are only ever appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DegradedBy {
    /// It was not heard of for too long.
    HeartbeatLate,
    /// Its queue's oldest job waits for too long.
    QueueOld,
    /// It has not taken over the present settings.
    SettingsOld,
    /// It says so itself.
    Reported(String),
}

impl fmt::Display for DegradedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DegradedBy::HeartbeatLate => "it was not heard of for too long",
            DegradedBy::QueueOld => "its oldest job waits for too long",
            DegradedBy::SettingsOld => "it works with old settings",
            DegradedBy::Reported(text) => text,
        })
    }
}

/// Why a worker has failed. Variants are only ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FailedBy {
    /// It ended by itself too often within a short time.
    CrashLoop,
    /// Its program is not there, or not the registered one.
    BinaryMissing,
    /// It does not speak the protocol.
    Protocol,
    /// It refused to start.
    Refused,
}

impl FailedBy {
    /// The word in listings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            FailedBy::CrashLoop => "crash-loop",
            FailedBy::BinaryMissing => "binary-missing",
            FailedBy::Protocol => "protocol",
            FailedBy::Refused => "refused",
        }
    }
}

/// Something that happens to a worker. Variants are only ever appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// A process was started for it.
    Spawned {
        /// Which start in a row this is, from 1.
        attempt: u32,
    },
    /// The process said who it is.
    Registered {
        /// The program's version.
        version: String,
        /// BLAKE3 of the program.
        binary: Digest,
        /// The process.
        pid: u32,
        /// The settings that it began with.
        settings_revision: u64,
    },
    /// It was told to finish and end.
    Drain {
        /// It is ended by force at this moment.
        deadline: Timestamp,
    },
    /// The process is gone.
    Exited {
        /// Its exit code; none where a signal ended it.
        code: Option<i32>,
        /// Whether it was to end.
        wanted: bool,
    },
    /// It works, but not as it should.
    Degraded(DegradedBy),
    /// It works as it should again.
    Recovered,
    /// It makes no sense to start it again.
    GaveUp(FailedBy),
    /// Somebody wants a failed one to be started again.
    Cleared,
    /// The leader's machine did not start a process for it, which is no fault of the worker's.
    NotStarted,
}

macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $($(#[$what:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name { $($(#[$what])* $variant,)* }

        impl $name {
            /// All of them, in the order of their numbers.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// The word in commands and listings.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

names! {
    /// The name of an [`Observed`] state.
    WorkerState {
        /// See [`Observed::Stopped`].
        Stopped = "stopped",
        /// See [`Observed::Starting`].
        Starting = "starting",
        /// See [`Observed::Running`].
        Running = "running",
        /// See [`Observed::Draining`].
        Draining = "draining",
        /// See [`Observed::Degraded`].
        Degraded = "degraded",
        /// See [`Observed::Failed`].
        Failed = "failed",
    }
}

names! {
    /// The name of a [`Step`].
    StepName {
        /// See [`Step::Spawned`].
        Spawned = "spawned",
        /// See [`Step::Registered`].
        Registered = "registered",
        /// See [`Step::Drain`].
        Drain = "drain",
        /// See [`Step::Exited`].
        Exited = "exited",
        /// See [`Step::Degraded`].
        Degraded = "degraded",
        /// See [`Step::Recovered`].
        Recovered = "recovered",
        /// See [`Step::GaveUp`].
        GaveUp = "gave-up",
        /// See [`Step::Cleared`].
        Cleared = "cleared",
        /// See [`Step::NotStarted`].
        NotStarted = "not-started",
    }
}

impl Step {
    /// Its name.
    #[must_use]
    pub const fn name(&self) -> StepName {
        match self {
            Step::Spawned { .. } => StepName::Spawned,
            Step::Registered { .. } => StepName::Registered,
            Step::Drain { .. } => StepName::Drain,
            Step::Exited { .. } => StepName::Exited,
            Step::Degraded(_) => StepName::Degraded,
            Step::Recovered => StepName::Recovered,
            Step::GaveUp(_) => StepName::GaveUp,
            Step::Cleared => StepName::Cleared,
            Step::NotStarted => StepName::NotStarted,
        }
    }
}

impl Observed {
    /// Its name.
    #[must_use]
    pub const fn name(&self) -> WorkerState {
        match self {
            Observed::Stopped { .. } => WorkerState::Stopped,
            Observed::Starting { .. } => WorkerState::Starting,
            Observed::Running { .. } => WorkerState::Running,
            Observed::Draining { .. } => WorkerState::Draining,
            Observed::Degraded { .. } => WorkerState::Degraded,
            Observed::Failed { .. } => WorkerState::Failed,
        }
    }

    /// Since when it is in this state.
    #[must_use]
    pub const fn since(&self) -> Timestamp {
        match self {
            Observed::Stopped { since }
            | Observed::Starting { since, .. }
            | Observed::Running { since, .. }
            | Observed::Draining { since, .. }
            | Observed::Degraded { since, .. }
            | Observed::Failed { since, .. } => *since,
        }
    }

    /// The leadership under which its process runs; none where it has no process.
    #[must_use]
    pub const fn epoch(&self) -> Option<u64> {
        match self {
            Observed::Starting { epoch, .. }
            | Observed::Running { epoch, .. }
            | Observed::Draining { epoch, .. }
            | Observed::Degraded { epoch, .. } => Some(*epoch),
            Observed::Stopped { .. } | Observed::Failed { .. } => None,
        }
    }
}
