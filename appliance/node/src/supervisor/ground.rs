//! What the supervisor stands on: the state, its leadership, and the way into the log. A node, or in tests a state in
//! memory.

use std::time::Duration;

use exchequer_api::backend::Backend as _;
use exchequer_domain::{Code, CommandId, Problem, Timestamp};
use exchequer_raft::Role;
use exchequer_state::{Command, Done, Outcome, Rejection, Rows, State};
use zeroize::Zeroizing;

use crate::house::House;
use crate::machine::RowsOf;
use crate::server::wall_clock;

/// How long one proposal is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a command whose outcome was lost is asked about under its id.
const ASKED_MAX: u32 = 3;
/// Before it is asked about again: at first, and at most.
const PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(2)];

/// What the supervisor needs of its node.
pub(crate) trait Ground: Send + Sync + 'static {
    /// Reads something of the state.
    fn state<T>(&self, read: impl FnOnce(&State) -> T) -> Result<T, Problem>;

    /// The same with the rows that belong to it.
    fn rows<T>(&self, read: impl FnOnce(&State, &dyn Rows) -> T) -> Result<T, Problem>;

    /// Opens what was sealed for a purpose with the cluster's keyring.
    fn reveal(&self, purpose: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Problem>;

    /// Replicated time as it would be stamped about now.
    fn now(&self) -> Timestamp;

    /// Replicated time as it went on since the last entry, whatever this node's wall clock says.
    fn log_time(&self) -> Timestamp {
        self.now()
    }

    /// How long ago a majority last answered this node as the leader of this epoch; none where it does not lead in it.
    fn majority_age(&self, epoch: u64) -> Option<Duration>;

    /// A new id for a command.
    fn command_id(&self) -> CommandId;

    /// Submits one command.
    fn submit(&self, command: Command) -> impl Future<Output = Result<Outcome, Problem>> + Send;

    /// Submits several, which are carried out in their order; what is known of each afterwards.
    fn submit_all(&self, commands: Vec<Command>) -> impl Future<Output = Vec<Result<Outcome, Problem>>> + Send {
        async move {
            let mut outcomes = Vec::with_capacity(commands.len());
            for command in commands {
                outcomes.push(self.submit(command).await);
            }
            outcomes
        }
    }
}

impl Ground for House {
    fn state<T>(&self, read: impl FnOnce(&State) -> T) -> Result<T, Problem> {
        House::state(self, read)
    }

    fn rows<T>(&self, read: impl FnOnce(&State, &dyn Rows) -> T) -> Result<T, Problem> {
        let read = self.node.read(|machine, rows, _| Ok(read(&machine.state, &RowsOf(rows))));
        read.map_err(|halt| Problem::new(Code::Internal, halt.to_string()))
    }

    fn reveal(&self, purpose: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Problem> {
        self.unseal(purpose, sealed)
    }

    fn now(&self) -> Timestamp {
        let applied = House::state(self, State::time).unwrap_or_default();
        applied.max(Timestamp(wall_clock()))
    }

    fn log_time(&self) -> Timestamp {
        Timestamp(self.node.time_us())
    }

    fn majority_age(&self, epoch: u64) -> Option<Duration> {
        let status = self.node.status();
        let leads = status.role == Role::Leader && status.epoch.is_some_and(|present| present.index == epoch);
        status.quorum_age.filter(|_| leads)
    }

    fn command_id(&self) -> CommandId {
        self.new_id()
    }

    async fn submit(&self, command: Command) -> Result<Outcome, Problem> {
        let submitted = exchequer_api::backend::Backend::submit(self, vec![command], PATIENCE).await?;
        let outcome = submitted.outcomes.into_iter().next();
        outcome.ok_or_else(|| Problem::new(Code::Internal, "the command has no outcome"))
    }

    async fn submit_all(&self, commands: Vec<Command>) -> Vec<Result<Outcome, Problem>> {
        let count = commands.len();
        let none = || Problem::new(Code::Internal, "the command has no outcome");
        match exchequer_api::backend::Backend::submit(self, commands, PATIENCE).await {
            Ok(submitted) => {
                let mut outcomes = submitted.outcomes.into_iter();
                (0..count).map(|_| outcomes.next().ok_or_else(none)).collect()
            }
            Err(problem) => (0..count).map(|_| Err(problem.clone())).collect(),
        }
    }
}

/// Why a command had no effect, or none that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The state refused it.
    Rejected(Rejection),
    /// It may or may not have got into the log.
    Failed(Problem),
}

impl Refused {
    pub(crate) fn problem(&self) -> Problem {
        match self {
            Refused::Rejected(rejection) => rejection.problem(),
            Refused::Failed(problem) => problem.clone(),
        }
    }
}

/// How long the outcome of a command is asked for.
pub(crate) enum Until<'a> {
    /// A few times: what was meant is decided anew afterwards.
    Asked,
    /// For as long as anybody wants to know: nothing else may be said before it is known.
    Known { wanted: &'a (dyn Fn() -> bool + Sync) },
}

/// Has one command of a leadership carried out. Where its outcome was lost it is asked for again, under the same id.
pub(crate) async fn ask<G: Ground>(ground: &G, command: Command, until: Until<'_>) -> Result<Done, Refused> {
    let [mut pause, longest] = PAUSES;
    let mut asked = 0;
    loop {
        asked += 1;
        match ground.submit(command.clone()).await {
            Ok(Outcome::Done(done)) => return Ok(done),
            Ok(Outcome::Rejected(rejection)) => return Err(Refused::Rejected(rejection)),
            Err(problem) => {
                let again = match &until {
                    Until::Asked => asked < ASKED_MAX && may_pass(problem.code),
                    Until::Known { wanted } => wanted(),
                };
                if !again {
                    return Err(Refused::Failed(problem));
                }
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(longest);
    }
}

/// Whether the same command may get through later.
const fn may_pass(code: Code) -> bool {
    matches!(code, Code::OutcomeUnknown | Code::NoLeader | Code::Overloaded)
}
