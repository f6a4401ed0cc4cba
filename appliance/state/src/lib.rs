//! The replicated state machine: commands in; outcomes, events and changed rows out.
//!
//! One log entry holds many commands. [`State::apply`] runs them in order, each seeing what the earlier ones did, and
//! returns one outcome per command, the rows that changed and the events that arose. Nothing here knows of Raft,
//! RocksDB, sockets or clocks: time, node ids and randomness arrive inside the entry.
//!
//! Invariants:
//! - Same entries in, same outcomes and rows out, on every node and at every restart.
//! - A command validates, then computes, then mutates; a refused command changes nothing but the row of its own id, and
//!   where the ledger refuses a transfer by the state of its accounts, that transfer's id.
//! - Debits equal credits per asset after every entry; the ledger's numbers, time and rows go with the log's entries.
//! - Bad input never halts. A [`Halt`] means that this node cannot go on, and the state must be dropped.

pub mod access;
pub mod api_keys;
mod apply;
pub mod approvals;
pub mod assets;
pub mod attention;
pub mod audit;
pub mod cluster;
pub mod codec;
pub mod command;
pub mod custody;
pub mod deposits;
pub mod directives;
pub mod emergency;
pub mod event;
pub mod events;
pub mod flags;
pub mod gas;
mod halt;
pub mod ids;
pub mod jobs;
pub mod maintenance;
pub mod markets;
pub mod money;
pub mod networks;
pub mod outcome;
pub mod people;
mod planted;
mod rank;
pub mod reconciliation;
pub mod registry;
mod rejection;
pub mod rows;
pub mod scratch;
pub mod secrets;
pub mod settings;
mod state;
pub mod statement;
pub mod sweeps;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
pub mod users;
pub mod withdrawals;
pub mod workers;

pub use apply::{
    ACCOUNTS_AT_ONCE_MAX, AddConsumer, AddWorkers, AdjustDiscrepancy, AdmitNode, AllocateAddress, AmendOrder, Approve,
    ApproveWithdrawal, AssignSuspense, BalanceStep, BookChange, Bootstrap, BulkTransfer, BulkWorkers, CancelAfter,
    CancelDirectives, CancelJobs, CancelOrder, CancelOrders, ChangeAddressBook, CloseSessions, CommitBlocks,
    CommitConsumer, CommitMissed, ConfigureMarket, ConfigureNetwork, ConfigureNetworkAsset, ConfigureQueue,
    ConfirmApprovalKey, CreateAdmin, CreateApiKey, CreateAsset, CreateJoinToken, CreateMarket, CreateUser, CreateUsers,
    CredentialChange, CreditSandbox, DIRECTIVES_AT_ONCE_MAX, DispatchDirectives, DoubtToken, DryRun,
    EVENT_FILLING_BYTES_MAX, EVENTS_AT_ONCE_MAX, EmergencyResume, EmergencyStop, EndMaintenance, EnqueueJobs, Enqueued,
    EnrolApprovalKey, ExplainDiscrepancy, ExplainSweeps, FinishJobs, FirstNode, ForgetBinary, JOBS_AT_ONCE_MAX, JobEnd,
    LEASE_US_MIN, LEASED_JOBS_MAX, LeaseJobs, ListAsset, MakeEvents, NewDirective, NewJob, NoteGas, NotePending,
    NoteSignInFailure, NoteSilence, OpenAccounts, OpenSession, OrderRef, OrderSpec, PayoutDecision, PayoutStep,
    PlaceOrder, PlacePair, PlanSweeps, PostTransfers, Preparation, PreparePayout, Propose, PutScratch, PutSecret,
    RaiseVersion, RateChange, RecordAction, Reform, RegisterBinary, RegisterWallet, RejectProposal, ReleaseDirectives,
    RemoveConsumer, RemoveFlag, RemoveNode, RemoveSecret, RemoveWorkers, RenewJobs, ReplaceOrder, ReportBalances,
    ReportWorkers, RequestDigest, RequestWithdrawal, Rescale, RestartWorkers, ResumeChain, ResumePayments,
    RetireWallet, RetryJobs, RevertSettings, RevertTransfer, ReviewDirective, ReviewPayout, RevokeApiKey,
    RevokeApprovalKey, RevokeProposal, RewindBlocks, RotateAuthority, RotateOperatorToken, ScheduleMaintenance,
    SeenDiscrepancy, SendDirectives, Sent, SessionSwap, SetCredentials, SetFlag, SetMarketPhase, SetNonce, SetPrice,
    SetScale, SetSetting, SetWithdrawalPolicy, SetWorkers, StepDirectives, StepPayout, StepUp, StepWithdrawal,
    StepWorkers, StockAddresses, SweepVerdict, TRANSFERS_AT_ONCE_MAX, TouchSession, Traded, TransferBetweenUsers,
    UndoBulk, UnsetSetting, UpdateAdmin, UpdateNode, UpdateUser, UseBinary, WISHES_AT_ONCE_MAX, Which, Wish,
    WishedSweep, WithdrawalStep, check_reason, coin_owner,
};
pub use command::{Actor, Body, Command};
pub use event::{Best, Event, EventKind, OrderStep, Severity};
/// The ledger, for those who read it through the state.
pub use exchequer_ledger as ledger;
/// Klines and tickers, for those who read them through the state.
pub use exchequer_market_data as market_data;
/// Matching, for those who read books through the state.
pub use exchequer_matching as matching;
pub use halt::Halt;
pub use outcome::{Done, Execution, Outcome, Stepped};
pub use rejection::{Field, Rejection};
pub use rows::{Change, Edit, Family, Row, Rows, RowsUnavailable, Table, Visit};
pub use state::{Applied, At, Input, State};

/// The highest `logic_version` whose rules this program can apply.
pub const LOGIC_VERSION_SUPPORTED: u32 = 1;
