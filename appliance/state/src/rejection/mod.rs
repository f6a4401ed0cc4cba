//! Refusals: typed, and rendered as problems only where a person or a program reads them.

mod field;
mod message;

use exchequer_domain::{AdminId, Code, Network, NodeId, Problem, Timestamp, UserId, WorkerId, WorkerKind};
use exchequer_ledger as ledger;
use exchequer_ledger::Asset;
use serde::{Deserialize, Serialize};

use crate::approvals::{ApprovalKeyId, ProposalId};
use crate::custody;
use crate::deposits;
use crate::directives;
use crate::gas;
use crate::jobs;
use crate::maintenance::WindowId;
use crate::markets::MarketId;
use crate::people::Permission;
use crate::reconciliation;
use crate::withdrawals;
use crate::workers::{StepName, WorkerState};

pub use field::Field;

/// Why a command was refused. Variants are only ever appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rejection {
    /// The bytes are not a command that this cluster knows.
    BadRequest,
    /// The encoded command is longer than [`command::COMMAND_BYTES_MAX`].
    TooLarge,
    /// The id was used before with another body.
    CommandIdReused,
    /// The sender's leadership is over.
    StaleEpoch {
        /// The epoch that holds now; zero before the first one.
        current: u64,
    },
    /// The cluster was not made yet.
    NotBootstrapped,
    /// The cluster exists.
    AlreadyBootstrapped,
    /// A field breaks its rule.
    Invalid {
        /// Which field.
        field: Field,
    },
    /// The reason is empty or blank.
    ReasonMissing,
    /// The reason is longer than its limit.
    ReasonTooLong,
    /// No such setting.
    SettingUnknown {
        /// As given.
        key: String,
    },
    /// The value is of another kind than the setting.
    SettingWrongUnit {
        /// Of the setting.
        key: String,
    },
    /// The value is outside the setting's range.
    SettingOutOfRange {
        /// Of the setting.
        key: String,
    },
    /// Someone changed it in between.
    StaleRevision {
        /// The revision that holds now.
        present: u64,
    },
    /// That revision was never made.
    RevisionUnknown {
        /// The latest one.
        latest: u64,
    },
    /// That revision is too many changes back to revert to.
    RevisionTooFar {
        /// The oldest one that can be reverted to.
        oldest: u64,
    },
    /// No such join token, or its secret is wrong; which of the two is not told.
    JoinTokenUnknown,
    /// The join token's time is over.
    JoinTokenExpired {
        /// Since when.
        expired_at: Timestamp,
    },
    /// The join token let a node in before.
    JoinTokenUsed {
        /// That node.
        by: NodeId,
    },
    /// A join token with this id exists.
    JoinTokenExists,
    /// As many join tokens as there may be can still be used.
    JoinTokensFull,
    /// Another node of the cluster has this name.
    NameTaken {
        /// That node.
        by: NodeId,
    },
    /// This log entry admitted a node already, and ids are entry indexes.
    ChangeInProgress,
    /// No such node.
    UnknownNode {
        /// As given.
        node: NodeId,
    },
    /// The node was removed and cannot act or change.
    NodeRemoved {
        /// That node.
        node: NodeId,
    },
    /// The node to remove was removed before.
    NodeAlreadyRemoved {
        /// That node.
        node: NodeId,
    },
    /// The node to remove is the only one.
    LastNode,
    /// Scratch values exist in sandbox clusters only.
    SandboxOnly,
    /// The scratch value is at another version than expected.
    VersionMismatch {
        /// The version it is at; zero when there is none.
        present: u64,
    },
    /// The logic version is as high already.
    LogicVersionNotRaised {
        /// The version that holds now.
        current: u32,
    },
    /// A node of the cluster does not know these rules.
    LogicVersionTooNew {
        /// The node that knows least.
        node: NodeId,
        /// The highest version it knows.
        knows: u32,
    },
    /// The node's program is too old for the rules that hold.
    NodeTooOld {
        /// The version that holds now.
        needed: u32,
    },
    /// The lineage is not higher than the present one.
    LineageNotNewer {
        /// The present lineage.
        present: u64,
    },
    /// The join token was not made for a node that takes that one's place.
    ReplacementNotAllowed {
        /// The node that was to be replaced.
        node: NodeId,
    },
    /// The ledger refused it.
    Ledger(ledger::Rejection),
    /// No such asset.
    AssetUnknown {
        /// As given.
        asset: Asset,
    },
    /// An asset has this code.
    AssetExists {
        /// That asset.
        asset: Asset,
    },
    /// As many assets as there may be exist.
    AssetsFull,
    /// No such user.
    UserUnknown {
        /// As given.
        user: UserId,
    },
    /// The user cannot send money.
    UserFrozen {
        /// That user.
        user: UserId,
    },
    /// As many users as there may be exist, or would.
    UsersFull,
    /// No such API key, or it is revoked.
    ApiKeyUnknown,
    /// An API key has this name.
    ApiKeyExists,
    /// The user has as many API keys as allowed.
    ApiKeysFull,
    /// No such market.
    MarketUnknown,
    /// A market has this symbol.
    MarketExists {
        /// That market.
        market: MarketId,
    },
    /// As many markets as there may be exist.
    MarketsFull,
    /// A lot is no whole number of the base asset's minor units, or too many.
    MarketLot,
    /// A lot at a price of one tick is no whole number of the quote asset's minor units, or too many.
    MarketTick,
    /// An open order of this user has this name.
    ClientOrderIdUsed,
    /// The amended order would lose its place in the queue.
    AmendLosesPlace,
    /// The market refuses the order.
    Order {
        /// Why.
        why: exchequer_matching::Rejection,
    },
    /// The books have done as much in this log entry as they may.
    MarketsBusy,
    /// As many orders are open as there may be.
    OpenOrdersFull,
    /// The API key lacks the scope, is another user's, or no key may ask for this.
    ApiKeyScope,
    /// Not so with jobs.
    Jobs(jobs::Refusal),
    /// No such worker.
    WorkerUnknown {
        /// As given.
        worker: WorkerId,
    },
    /// A worker has this name.
    WorkerExists {
        /// That worker.
        worker: WorkerId,
    },
    /// As many workers as there may be exist, or would.
    WorkersFull,
    /// That cannot happen to a worker in this state.
    WorkerStep {
        /// That worker.
        worker: WorkerId,
        /// Its state.
        state: WorkerState,
        /// What was to happen.
        step: StepName,
    },
    /// The worker is to be stopped and cannot be started.
    WorkerNotWanted {
        /// That worker.
        worker: WorkerId,
    },
    /// The worker has crashed and is not started again yet.
    WorkerBackOff {
        /// That worker.
        worker: WorkerId,
        /// It is not started before.
        until: Timestamp,
    },
    /// The worker is to run, or has a process.
    WorkerRuns {
        /// That worker.
        worker: WorkerId,
    },
    /// The worker is to be stopped, so there is nothing to restart.
    WorkerStopped {
        /// That worker.
        worker: WorkerId,
    },
    /// Workers of this kind are part of every node.
    WorkerKindInside {
        /// That kind.
        kind: WorkerKind,
    },
    /// The kind needs a network, or has none.
    WorkerNetwork {
        /// That kind.
        kind: WorkerKind,
    },
    /// No worker may ask for this.
    WorkerMayNot,
    /// Only a leader may ask for this, with its epoch.
    EpochMissing,
    /// Nobody has set bounds for this fleet.
    ScaleUnset,
    /// The size is outside the fleet's bounds.
    ScaleOutOfBounds {
        /// At least.
        min: u16,
        /// At most.
        max: u16,
    },
    /// The change of size is not due, or not any more.
    ScaleNotDue,
    /// No such program of workers.
    WorkerBinaryUnknown,
    /// A program of workers has this name.
    WorkerBinaryExists,
    /// As many programs of workers as there may be are registered.
    WorkerBinariesFull,
    /// Workers of a kind are to run the program.
    WorkerBinaryUsed,
    /// What the sender saw is not what it would come to now.
    BulkChanged,
    /// The selector means no worker.
    BulkEmpty,
    /// No such record of what was done to many workers, or not any more.
    BulkUnknown,
    /// It was taken back before.
    BulkUndone,
    /// It cannot be taken back.
    BulkNotUndoable,
    /// Not so with directives.
    Directives(directives::Refusal),
    /// The exchange is stopped, and this waits until it goes on.
    EmergencyHolds {
        /// Since when it is stopped.
        since: Timestamp,
    },
    /// The exchange is stopped already.
    EmergencyLasts {
        /// Since when.
        since: Timestamp,
    },
    /// The exchange is not stopped.
    NoEmergency,
    /// The exchange is under maintenance.
    UnderMaintenance {
        /// The window.
        window: WindowId,
        /// When it ends by itself.
        until: Option<Timestamp>,
    },
    /// No such maintenance is announced or open.
    MaintenanceUnknown {
        /// As given.
        window: WindowId,
    },
    /// As much maintenance is announced as may be.
    MaintenanceFull,
    /// The setting has no value of its own in that place.
    SettingPlace {
        /// Of the setting, without the place.
        key: String,
    },
    /// The setting has no value of its own there that could be taken away.
    SettingNotSet {
        /// As given.
        key: String,
    },
    /// Settings have values of their own in as many places as there may be.
    OverridesFull,
    /// No such flag.
    FlagUnknown,
    /// As many flags as there may be exist.
    FlagsFull,
    /// No such secret.
    SecretUnknown,
    /// As many secrets as there may be exist.
    SecretsFull,
    /// An endpoint refers to the secret.
    SecretInUse {
        /// Of this network.
        network: Network,
    },
    /// The address of an endpoint holds credentials.
    EndpointCredentials,
    /// As many assets as there may be have switches of their own on networks.
    NetworkAssetsFull,
    /// No such consumer of events.
    ConsumerUnknown,
    /// A consumer has this name.
    ConsumerExists,
    /// As many consumers as there may be exist.
    ConsumersFull,
    /// The consumer committed less than a second ago.
    CommitTooSoon {
        /// When it may again.
        next: Timestamp,
    },
    /// The offset is before the present one, and going back was not said.
    OffsetBack {
        /// The present one.
        present: u64,
    },
    /// There is no event of that number yet.
    OffsetBeyond {
        /// The last one.
        last: u64,
    },
    /// The sender's roles do not allow it, or no role does.
    NotPermitted {
        /// What would allow it, where anything does.
        permission: Option<Permission>,
    },
    /// No such admin.
    AdminUnknown {
        /// As given.
        admin: AdminId,
    },
    /// An admin has this name.
    AdminExists {
        /// That admin.
        admin: AdminId,
    },
    /// As many admins as there may be exist.
    AdminsFull,
    /// Nobody changes what they may do themselves, nor by a second account.
    OwnRoles,
    /// There would be no active owner any more.
    LastOwner,
    /// Nobody can sign in by this name or number.
    PrincipalUnknown,
    /// A user signs in with this name.
    SignInNameTaken,
    /// The credentials have changed since they were looked at.
    CredentialsChanged,
    /// Too many sign-ins failed of late.
    SignInLocked,
    /// The code was used before, or is not theirs.
    FactorUsed,
    /// A second factor is needed.
    FactorMissing,
    /// No such session, or it is over.
    SessionUnknown,
    /// A session has this id.
    SessionExists,
    /// The operation needs the approval of others.
    ApprovalNeeded {
        /// Of how many.
        needed: u8,
        /// What they must be allowed.
        permission: Permission,
    },
    /// The operation needs nobody's approval.
    NothingToApprove,
    /// No such proposal waits.
    ProposalUnknown {
        /// As given.
        proposal: ProposalId,
    },
    /// As many proposals wait as may.
    ProposalsFull,
    /// The sender is no person that could be told apart from others.
    NotAPerson,
    /// The initiator's own proposal, perhaps from another account.
    OwnProposal,
    /// Somebody else's proposal.
    NotOwnProposal,
    /// This person has approved the proposal.
    ApprovedAlready,
    /// The signature is not the key's, or is for something else.
    ApprovalSignature,
    /// No such approval key, or it is another's, not confirmed, or revoked.
    ApprovalKeyUnknown {
        /// As given.
        key: ApprovalKeyId,
    },
    /// The public key was enrolled before.
    ApprovalKeyExists,
    /// As many approval keys were enrolled as may be.
    ApprovalKeysFull,
    /// The approval key is confirmed.
    ApprovalKeyConfirmed,
    /// A person cannot vouch for their own key.
    OwnApprovalKey,
    /// Fewer than two persons could approve anything without this key.
    LastApprovalKeys,
    /// Somebody else gave the password of late.
    CredentialsHeld {
        /// Until when nothing new is handed out.
        until: Timestamp,
    },
    /// The address of an endpoint refers to a secret and is not encrypted.
    EndpointInClear,
    /// Not so with wallets, addresses, listings, prices or coins.
    Custody(custody::Refusal),
    /// Not so with withdrawals and payouts.
    Withdrawals(Box<withdrawals::Refusal>),
    /// Not so with deposits.
    Deposits(deposits::Refusal),
    /// Not so with gas.
    Gas(gas::Refusal),
    /// Not so with reconciliation.
    Reconciliation(reconciliation::Refusal),
}

impl Rejection {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Rejection::BadRequest
            | Rejection::LogicVersionNotRaised { .. }
            | Rejection::Invalid { .. }
            | Rejection::ReplacementNotAllowed { .. } => Code::BadRequest,
            Rejection::TooLarge | Rejection::ReasonTooLong => Code::TooLarge,
            Rejection::CommandIdReused => Code::CommandIdReused,
            Rejection::StaleEpoch { .. } => Code::StaleEpoch,
            Rejection::NotBootstrapped => Code::FolderNotInitialised,
            Rejection::AlreadyBootstrapped
            | Rejection::JoinTokenExists
            | Rejection::NameTaken { .. }
            | Rejection::NodeAlreadyRemoved { .. } => Code::AlreadyDone,
            Rejection::LineageNotNewer { .. } => Code::LineageMismatch,
            Rejection::ReasonMissing => Code::ReasonMissing,
            Rejection::SettingUnknown { .. } => Code::SettingUnknown,
            Rejection::SettingWrongUnit { .. } => Code::SettingWrongUnit,
            Rejection::SettingOutOfRange { .. } => Code::SettingOutOfRange,
            Rejection::StaleRevision { .. } => Code::StaleRevision,
            Rejection::RevisionUnknown { .. } | Rejection::RevisionTooFar { .. } => Code::RevisionUnknown,
            Rejection::JoinTokenUnknown => Code::JoinTokenUnknown,
            Rejection::JoinTokenExpired { .. } => Code::JoinTokenExpired,
            Rejection::JoinTokenUsed { .. } => Code::JoinTokenUsed,
            Rejection::JoinTokensFull => Code::Overloaded,
            Rejection::ChangeInProgress => Code::ChangeInProgress,
            Rejection::UnknownNode { .. } => Code::UnknownNode,
            Rejection::NodeRemoved { .. } => Code::NodeRemoved,
            Rejection::LastNode => Code::WouldLoseQuorum,
            Rejection::SandboxOnly => Code::SandboxOnly,
            Rejection::VersionMismatch { .. } => Code::VersionMismatch,
            Rejection::LogicVersionTooNew { .. } | Rejection::NodeTooOld { .. } => Code::LogicVersion,
            Rejection::Ledger(rejection) => rejection.code(),
            Rejection::AssetUnknown { .. } => Code::AssetUnknown,
            Rejection::AssetExists { .. } => Code::AssetExists,
            Rejection::UserUnknown { .. } => Code::UserUnknown,
            Rejection::UserFrozen { .. } => Code::UserFrozen,
            Rejection::AssetsFull | Rejection::UsersFull => Code::LedgerFull,
            Rejection::ApiKeyUnknown => Code::ApiKeyUnknown,
            Rejection::ApiKeyScope => Code::ApiKeyScope,
            Rejection::Jobs(refusal) => refusal.code(),
            Rejection::Directives(refusal) => refusal.code(),
            Rejection::Custody(refusal) => refusal.code(),
            Rejection::Deposits(refusal) => refusal.code(),
            Rejection::Gas(refusal) => refusal.code(),
            Rejection::Reconciliation(refusal) => refusal.code(),
            Rejection::Withdrawals(refusal) => refusal.code(),
            Rejection::ApiKeyExists => Code::AlreadyDone,
            Rejection::ApiKeysFull | Rejection::MarketsBusy | Rejection::OpenOrdersFull => Code::Overloaded,
            Rejection::MarketUnknown => Code::MarketUnknown,
            Rejection::MarketExists { .. } => Code::MarketExists,
            Rejection::MarketsFull => Code::MarketsFull,
            Rejection::MarketLot | Rejection::MarketTick => Code::MarketSteps,
            Rejection::ClientOrderIdUsed => Code::ClientOrderIdUsed,
            Rejection::Order { why: exchequer_matching::Rejection::UnknownOrder } => Code::OrderUnknown,
            Rejection::AmendLosesPlace | Rejection::Order { .. } => Code::OrderRefused,
            Rejection::WorkerUnknown { .. } => Code::WorkerUnknown,
            Rejection::WorkerExists { .. } => Code::WorkerExists,
            Rejection::WorkersFull | Rejection::WorkerBinariesFull => Code::WorkersFull,
            Rejection::WorkerStep { .. }
            | Rejection::WorkerNotWanted { .. }
            | Rejection::WorkerBackOff { .. }
            | Rejection::WorkerRuns { .. }
            | Rejection::WorkerStopped { .. } => Code::WorkerStateRefused,
            Rejection::WorkerKindInside { .. } | Rejection::WorkerNetwork { .. } => Code::WorkerKindRefused,
            Rejection::WorkerMayNot => Code::WorkerMayNot,
            Rejection::EpochMissing => Code::BadRequest,
            Rejection::ScaleUnset | Rejection::ScaleOutOfBounds { .. } | Rejection::ScaleNotDue => Code::ScaleRefused,
            Rejection::WorkerBinaryUnknown => Code::WorkerBinaryUnknown,
            Rejection::WorkerBinaryExists | Rejection::WorkerBinaryUsed => Code::WorkerBinaryRefused,
            Rejection::BulkChanged => Code::BulkChanged,
            Rejection::BulkEmpty | Rejection::BulkUnknown | Rejection::BulkUndone | Rejection::BulkNotUndoable => {
                Code::BulkRefused
            }
            Rejection::EmergencyHolds { .. } => Code::EmergencyHolds,
            Rejection::EmergencyLasts { .. } => Code::AlreadyDone,
            Rejection::NoEmergency => Code::NoEmergency,
            Rejection::UnderMaintenance { .. } => Code::UnderMaintenance,
            Rejection::MaintenanceUnknown { .. } => Code::MaintenanceUnknown,
            Rejection::MaintenanceFull | Rejection::ProposalsFull | Rejection::ApprovalKeysFull => Code::Overloaded,
            Rejection::ApprovalNeeded { .. } => Code::ApprovalNeeded,
            Rejection::NothingToApprove => Code::NothingToApprove,
            Rejection::ProposalUnknown { .. } => Code::ProposalUnknown,
            Rejection::NotAPerson | Rejection::OwnProposal | Rejection::NotOwnProposal | Rejection::OwnApprovalKey => {
                Code::ApprovalForbidden
            }
            Rejection::ApprovedAlready | Rejection::ApprovalKeyExists | Rejection::ApprovalKeyConfirmed => {
                Code::AlreadyDone
            }
            Rejection::ApprovalSignature => Code::ApprovalSignature,
            Rejection::ApprovalKeyUnknown { .. } => Code::ApprovalKeyUnknown,
            Rejection::LastApprovalKeys => Code::LastApprovalKeys,
            Rejection::SettingPlace { .. } => Code::SettingPlace,
            Rejection::SettingNotSet { .. } => Code::AlreadyDone,
            Rejection::OverridesFull | Rejection::FlagsFull | Rejection::SecretsFull | Rejection::NetworkAssetsFull => {
                Code::ConfigurationFull
            }
            Rejection::FlagUnknown => Code::FlagUnknown,
            Rejection::SecretUnknown => Code::SecretUnknown,
            Rejection::SecretInUse { .. } => Code::SecretInUse,
            Rejection::EndpointCredentials | Rejection::EndpointInClear => Code::EndpointCredentials,
            Rejection::CredentialsHeld { .. } => Code::CredentialsHeld,
            Rejection::ConsumerUnknown => Code::ConsumerUnknown,
            Rejection::ConsumerExists => Code::ConsumerExists,
            Rejection::ConsumersFull => Code::ConsumersFull,
            Rejection::CommitTooSoon { .. } => Code::CommitTooSoon,
            Rejection::OffsetBack { .. } | Rejection::OffsetBeyond { .. } => Code::OffsetRefused,
            Rejection::NotPermitted { .. } => Code::NotPermitted,
            Rejection::AdminUnknown { .. } => Code::AdminUnknown,
            Rejection::AdminExists { .. } | Rejection::SignInNameTaken => Code::SignInNameTaken,
            Rejection::AdminsFull => Code::Overloaded,
            Rejection::OwnRoles => Code::OwnRoles,
            Rejection::LastOwner => Code::LastOwner,
            Rejection::PrincipalUnknown | Rejection::SignInLocked => Code::SignInRefused,
            Rejection::CredentialsChanged => Code::StaleRevision,
            Rejection::FactorUsed => Code::FactorWrong,
            Rejection::FactorMissing => Code::FactorMissing,
            Rejection::SessionUnknown => Code::SessionUnknown,
            Rejection::SessionExists => Code::AlreadyDone,
        }
    }

    /// The code, what happened in this case, and what to do about it.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let problem = Problem::new(self.code(), self.message());
        match self.own_hint() {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    }

    /// Where the general hint of the code does not fit.
    fn own_hint(&self) -> Option<&'static str> {
        let hint = match self {
            Rejection::Invalid { .. } => "correct the value and send it under a new command id",
            Rejection::NameTaken { .. } => {
                "choose another name, or make the token with `--replace` to take that node's place"
            }
            Rejection::ReplacementNotAllowed { .. } => {
                "make the token with `exchequer cluster token create --replace NODE`, or join without --replace"
            }
            Rejection::JoinTokenExists => "draw a new token",
            Rejection::JoinTokensFull => "wait until some have expired",
            Rejection::ApiKeyExists => "draw a new name",
            Rejection::AdminsFull => "enable one that is there instead",
            Rejection::SessionExists => "draw a new token",
            Rejection::ApiKeysFull => "revoke keys that are not used any more",
            Rejection::MarketsBusy => "send it again under a new command id",
            Rejection::OpenOrdersFull => "cancel orders that are not needed",
            Rejection::ReasonTooLong => "say it shorter",
            Rejection::LogicVersionTooNew { .. } => "upgrade that node's program first",
            Rejection::LogicVersionNotRaised { .. } => "nothing to do",
            Rejection::WorkerNotWanted { .. } => "start the worker first",
            Rejection::WorkerBackOff { .. } => "wait, or start it at once with `exchequer worker restart`",
            Rejection::WorkerRuns { .. } => "stop the worker and wait until it is",
            Rejection::WorkerStopped { .. } => "start it with `exchequer worker start`",
            Rejection::EpochMissing => "this is what the leader does by itself",
            Rejection::ScaleUnset => "set them with `exchequer worker scale`",
            Rejection::WorkerBinariesFull => "forget programs that nothing runs",
            Rejection::WorkerBinaryUsed => "let the workers run another program first",
            Rejection::MaintenanceFull => "end maintenance that is not needed any more",
            Rejection::ProposalsFull => "end proposals that nobody approves",
            Rejection::EndpointInClear => "reach it over https:// or wss://",
            Rejection::Withdrawals(why) if matches!(**why, withdrawals::Refusal::NothingReplaces { .. }) => {
                "`exchequer payout retry` has it signed, or given up and decided anew once its time is over; what its signer \
                 refuses for good two persons refund as never signed"
            }
            Rejection::ApprovalKeyExists => "make a new key: a public key is enrolled once",
            Rejection::BadRequest
            | Rejection::TooLarge
            | Rejection::CommandIdReused
            | Rejection::StaleEpoch { .. }
            | Rejection::NotBootstrapped
            | Rejection::AlreadyBootstrapped
            | Rejection::LineageNotNewer { .. }
            | Rejection::ReasonMissing
            | Rejection::SettingUnknown { .. }
            | Rejection::SettingWrongUnit { .. }
            | Rejection::SettingOutOfRange { .. }
            | Rejection::StaleRevision { .. }
            | Rejection::RevisionUnknown { .. }
            | Rejection::RevisionTooFar { .. }
            | Rejection::JoinTokenUnknown
            | Rejection::JoinTokenExpired { .. }
            | Rejection::JoinTokenUsed { .. }
            | Rejection::ChangeInProgress
            | Rejection::UnknownNode { .. }
            | Rejection::NodeRemoved { .. }
            | Rejection::NodeAlreadyRemoved { .. }
            | Rejection::LastNode
            | Rejection::SandboxOnly
            | Rejection::VersionMismatch { .. }
            | Rejection::NodeTooOld { .. }
            | Rejection::Ledger(_)
            | Rejection::AssetUnknown { .. }
            | Rejection::AssetExists { .. }
            | Rejection::AssetsFull
            | Rejection::UserUnknown { .. }
            | Rejection::UserFrozen { .. }
            | Rejection::UsersFull
            | Rejection::NotPermitted { .. }
            | Rejection::AdminUnknown { .. }
            | Rejection::AdminExists { .. }
            | Rejection::OwnRoles
            | Rejection::LastOwner
            | Rejection::CredentialsHeld { .. }
            | Rejection::PrincipalUnknown
            | Rejection::SignInNameTaken
            | Rejection::CredentialsChanged
            | Rejection::SignInLocked
            | Rejection::FactorUsed
            | Rejection::FactorMissing
            | Rejection::SessionUnknown => return None,
            Rejection::ApiKeyUnknown
            | Rejection::ApiKeyScope
            | Rejection::Jobs(_)
            | Rejection::Directives(_)
            | Rejection::MarketUnknown
            | Rejection::MarketExists { .. }
            | Rejection::MarketsFull
            | Rejection::MarketLot
            | Rejection::MarketTick
            | Rejection::ClientOrderIdUsed
            | Rejection::AmendLosesPlace
            | Rejection::Order { .. }
            | Rejection::WorkerUnknown { .. }
            | Rejection::WorkerExists { .. }
            | Rejection::WorkersFull
            | Rejection::WorkerStep { .. }
            | Rejection::WorkerKindInside { .. }
            | Rejection::WorkerNetwork { .. }
            | Rejection::WorkerMayNot
            | Rejection::ScaleOutOfBounds { .. }
            | Rejection::ScaleNotDue
            | Rejection::WorkerBinaryUnknown
            | Rejection::WorkerBinaryExists
            | Rejection::BulkChanged
            | Rejection::BulkEmpty
            | Rejection::BulkUnknown
            | Rejection::BulkUndone
            | Rejection::BulkNotUndoable => return None,
            Rejection::EmergencyHolds { .. }
            | Rejection::EmergencyLasts { .. }
            | Rejection::NoEmergency
            | Rejection::UnderMaintenance { .. }
            | Rejection::ApprovalNeeded { .. }
            | Rejection::NothingToApprove
            | Rejection::ProposalUnknown { .. }
            | Rejection::NotAPerson
            | Rejection::OwnProposal
            | Rejection::NotOwnProposal
            | Rejection::ApprovedAlready
            | Rejection::ApprovalSignature
            | Rejection::ApprovalKeyUnknown { .. }
            | Rejection::ApprovalKeysFull
            | Rejection::ApprovalKeyConfirmed
            | Rejection::OwnApprovalKey
            | Rejection::LastApprovalKeys
            | Rejection::MaintenanceUnknown { .. } => return None,
            Rejection::SettingPlace { .. }
            | Rejection::SettingNotSet { .. }
            | Rejection::OverridesFull
            | Rejection::FlagUnknown
            | Rejection::FlagsFull
            | Rejection::SecretUnknown
            | Rejection::SecretsFull
            | Rejection::SecretInUse { .. }
            | Rejection::EndpointCredentials
            | Rejection::NetworkAssetsFull => return None,
            Rejection::Custody(_) | Rejection::Deposits(_) | Rejection::Withdrawals(_) | Rejection::Gas(_) => {
                return None;
            }
            Rejection::Reconciliation(_) => return None,
            Rejection::ConsumerUnknown
            | Rejection::ConsumerExists
            | Rejection::ConsumersFull
            | Rejection::CommitTooSoon { .. }
            | Rejection::OffsetBack { .. }
            | Rejection::OffsetBeyond { .. } => return None,
        };
        Some(hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: where the hint of a code would mislead, the refusal has its own.
    #[test]
    fn hints_fit_the_case() {
        let taken = Rejection::NameTaken { by: NodeId(3) }.problem();
        assert_eq!(
            taken.to_string(),
            "EXQ-0309: node 3 has this name (choose another name, or make the token with `--replace` to take that node's place)"
        );
        let stale = Rejection::StaleRevision { present: 7 }.problem();
        assert_eq!(
            (stale.message.as_str(), stale.hint.as_str()),
            ("the present revision is 7", Code::StaleRevision.hint())
        );
    }
}
