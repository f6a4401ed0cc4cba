//! Refusals: typed, and rendered as problems only where a person or a program reads them.

mod field;

use exchequer_domain::{AdminId, Code, Network, NodeId, Problem, Timestamp, UserId, WorkerId, WorkerKind};
use exchequer_ledger as ledger;
use exchequer_ledger::Asset;
use serde::{Deserialize, Serialize};

use crate::directives;
use crate::jobs;
use crate::maintenance::{self, WindowId};
use crate::markets::{self, MarketId};
use crate::people::{self, Permission};
use crate::settings::{self, schema};
use crate::workers::{self, StepName, WorkerState};
use crate::{access, api_keys, apply, assets, command, events, flags, networks, secrets, users};

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
            Rejection::MaintenanceFull => Code::Overloaded,
            Rejection::SettingPlace { .. } => Code::SettingPlace,
            Rejection::SettingNotSet { .. } => Code::AlreadyDone,
            Rejection::OverridesFull | Rejection::FlagsFull | Rejection::SecretsFull | Rejection::NetworkAssetsFull => {
                Code::ConfigurationFull
            }
            Rejection::FlagUnknown => Code::FlagUnknown,
            Rejection::SecretUnknown => Code::SecretUnknown,
            Rejection::SecretInUse { .. } => Code::SecretInUse,
            Rejection::EndpointCredentials => Code::EndpointCredentials,
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
    const fn own_hint(&self) -> Option<&'static str> {
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
            Rejection::ConsumerUnknown
            | Rejection::ConsumerExists
            | Rejection::ConsumersFull
            | Rejection::CommitTooSoon { .. }
            | Rejection::OffsetBack { .. }
            | Rejection::OffsetBeyond { .. } => return None,
        };
        Some(hint)
    }

    fn message(&self) -> String {
        match self {
            Rejection::BadRequest => "the command could not be decoded".into(),
            Rejection::TooLarge => format!(
                "a command is at most {} bytes, one of many transfers {}",
                command::COMMAND_BYTES_MAX,
                command::TRANSFERS_BYTES_MAX
            ),
            Rejection::CommandIdReused => "this command id was used before with another body".into(),
            Rejection::StaleEpoch { current } => format!("the current leadership began at index {current}"),
            Rejection::NotBootstrapped => "the cluster is not made yet".into(),
            Rejection::AlreadyBootstrapped => "the cluster exists already".into(),
            Rejection::Invalid { field } => field.rule(),
            Rejection::LineageNotNewer { present } => format!("the present lineage is {present} already"),
            Rejection::ReasonMissing => "no reason was given".into(),
            Rejection::ReasonTooLong => format!("a reason is at most {} bytes", apply::REASON_BYTES_MAX),
            Rejection::SettingUnknown { key } => format!("there is no setting `{key}`"),
            Rejection::SettingWrongUnit { key } | Rejection::SettingOutOfRange { key } => match schema::find(key) {
                Some(setting) => format!("`{key}` takes {}", setting.kind),
                None => format!("`{key}` does not take this value"),
            },
            Rejection::StaleRevision { present } => format!("the present revision is {present}"),
            Rejection::RevisionUnknown { latest } => format!("the latest revision is {latest}"),
            Rejection::RevisionTooFar { oldest } => {
                format!("the oldest revision that can be reverted to is {oldest}; set older values one by one")
            }
            Rejection::JoinTokenUnknown => "the join token is not one of this cluster's".into(),
            Rejection::JoinTokenExpired { expired_at } => format!("the join token expired at {expired_at}"),
            Rejection::JoinTokenUsed { by } => format!("node {by} has joined with this token"),
            Rejection::ReplacementNotAllowed { node } => {
                format!("the join token was not made to take the place of node {node}")
            }
            Rejection::JoinTokenExists => "a join token with this id exists".into(),
            Rejection::JoinTokensFull => format!("{} join tokens can still be used", access::TOKENS_MAX),
            Rejection::NameTaken { by } => format!("node {by} has this name"),
            Rejection::ChangeInProgress => "another node is being admitted at this moment".into(),
            Rejection::UnknownNode { node } => format!("there is no node {node}"),
            Rejection::NodeRemoved { node } => format!("node {node} was removed from the cluster"),
            Rejection::NodeAlreadyRemoved { node } => format!("node {node} is removed already"),
            Rejection::LastNode => "the node is the only one of the cluster".into(),
            Rejection::SandboxOnly => "this exists only in a sandbox cluster".into(),
            Rejection::VersionMismatch { present } => format!("the value is at version {present}"),
            Rejection::LogicVersionNotRaised { current } => {
                format!("the logic version is {current} and can only be raised")
            }
            Rejection::LogicVersionTooNew { node, knows } => {
                format!("node {node} knows logic versions up to {knows}")
            }
            Rejection::NodeTooOld { needed } => {
                format!("the cluster applies logic version {needed}, which the node's program does not know")
            }
            Rejection::Ledger(rejection) => rejection.message(),
            Rejection::AssetUnknown { asset } => format!("there is no asset {}", asset.0),
            Rejection::AssetExists { asset } => format!("asset {} has this code", asset.0),
            Rejection::AssetsFull => format!("there are {} assets", assets::ASSETS_MAX),
            Rejection::UserUnknown { user } => format!("there is no user {user}"),
            Rejection::UserFrozen { user } => format!("user {user} is frozen"),
            Rejection::UsersFull => format!("there are at most {} users", users::USERS_MAX),
            Rejection::ApiKeyUnknown => "there is no such API key, or it is revoked".into(),
            Rejection::ApiKeyScope => "the API key may not do this, or not as this user".into(),
            Rejection::ApiKeyExists => "an API key has this name".into(),
            Rejection::Jobs(refusal) => refusal.message(),
            Rejection::Directives(refusal) => refusal.message(),
            Rejection::ApiKeysFull => format!("the user has {} API keys", api_keys::KEYS_OF_USER_MAX),
            Rejection::MarketsBusy => "the markets have as much to do as one log entry may hold".into(),
            Rejection::OpenOrdersFull => format!("{} orders are open", apply::OPEN_ORDERS_MAX),
            Rejection::MarketUnknown => "there is no such market".into(),
            Rejection::MarketExists { market } => format!("market {} has this symbol", market.0),
            Rejection::MarketsFull => format!("there are {} markets", markets::MARKETS_MAX),
            Rejection::MarketLot => "a lot must be a whole number of the base asset's minor units".into(),
            Rejection::MarketTick => {
                "one tick times one lot must be a whole number of the quote asset's minor units".into()
            }
            Rejection::ClientOrderIdUsed => "an open order of this user has this client order id".into(),
            Rejection::AmendLosesPlace => "the order keeps its place only with the same price and less quantity".into(),
            Rejection::Order { why } => markets::reason(*why).into(),
            Rejection::WorkerUnknown { worker } => format!("there is no worker {worker}"),
            Rejection::WorkerExists { worker } => format!("there is a worker {worker}"),
            Rejection::WorkersFull => format!("there are at most {} workers", workers::WORKERS_MAX),
            Rejection::WorkerStep { worker, state, step } => {
                format!("worker {worker} is {state}: `{step}` cannot happen")
            }
            Rejection::WorkerNotWanted { worker } => format!("worker {worker} is to be stopped"),
            Rejection::WorkerBackOff { worker, until } => {
                format!("worker {worker} crashed and is not started before {until}")
            }
            Rejection::WorkerRuns { worker } => format!("worker {worker} is to run, or has a process"),
            Rejection::WorkerStopped { worker } => format!("worker {worker} is to be stopped"),
            Rejection::WorkerKindInside { kind } => format!("workers of kind {kind} are part of every node"),
            Rejection::WorkerNetwork { kind } => match kind.has_network() {
                true => format!("workers of kind {kind} work on one network each"),
                false => format!("workers of kind {kind} have no network"),
            },
            Rejection::WorkerMayNot => "a worker may not ask for this".into(),
            Rejection::EpochMissing => "only a leader may ask for this, with its epoch".into(),
            Rejection::ScaleUnset => "these workers have no bounds".into(),
            Rejection::ScaleOutOfBounds { min, max } => format!("the bounds are {min} to {max}"),
            Rejection::ScaleNotDue => "the change is not due".into(),
            Rejection::WorkerBinaryUnknown => "there is no such registered program".into(),
            Rejection::WorkerBinaryExists => "a registered program has this name".into(),
            Rejection::WorkerBinariesFull => format!("there are at most {} registered programs", workers::BINARIES_MAX),
            Rejection::WorkerBinaryUsed => "workers are to run this program".into(),
            Rejection::BulkChanged => "the workers have changed since the preview".into(),
            Rejection::BulkEmpty => "no worker is meant".into(),
            Rejection::BulkUnknown => format!("there is no such record; the latest {} are kept", workers::BULKS_KEPT),
            Rejection::BulkUndone => "it was taken back already".into(),
            Rejection::BulkNotUndoable => "a restart cannot be taken back".into(),
            Rejection::EmergencyHolds { since } => format!("the exchange is stopped since {since}"),
            Rejection::EmergencyLasts { since } => format!("the exchange is stopped since {since} already"),
            Rejection::NoEmergency => "the exchange is not stopped".into(),
            Rejection::UnderMaintenance { until: Some(until), .. } => {
                format!("the exchange is under maintenance until {until}")
            }
            Rejection::UnderMaintenance { until: None, .. } => "the exchange is under maintenance".into(),
            Rejection::MaintenanceUnknown { window } => format!("no maintenance {} is announced or open", window.0),
            Rejection::MaintenanceFull => format!("{} windows of maintenance are announced", maintenance::WINDOWS_MAX),
            Rejection::SettingPlace { key } => match schema::find(key) {
                Some(setting) => format!("`{key}` {}", setting.scoping.rule()),
                None => format!("`{key}` has no value of its own there"),
            },
            Rejection::SettingNotSet { key } => format!("`{key}` has no value of its own"),
            Rejection::OverridesFull => {
                format!("settings have, or had, values of their own in {} places", settings::OVERRIDES_MAX)
            }
            Rejection::FlagUnknown => "there is no such flag".into(),
            Rejection::FlagsFull => format!("there are {} flags", flags::FLAGS_MAX),
            Rejection::SecretUnknown => "there is no such secret".into(),
            Rejection::SecretsFull => format!("there are {} secrets", secrets::SECRETS_MAX),
            Rejection::SecretInUse { network } => format!("an endpoint of {network} refers to the secret"),
            Rejection::EndpointCredentials => "the address of an endpoint holds a user, a password or a key".into(),
            Rejection::NetworkAssetsFull => {
                format!("{} assets have switches of their own on networks", networks::NETWORK_ASSETS_MAX)
            }
            Rejection::ConsumerUnknown => "there is no such consumer of events".into(),
            Rejection::ConsumerExists => "a consumer of events has this name".into(),
            Rejection::ConsumersFull => format!("there are {} consumers of events", events::CONSUMERS_MAX),
            Rejection::CommitTooSoon { next } => format!("the consumer may commit again at {next}"),
            Rejection::OffsetBack { present } => format!("the consumer's offset is {present} already"),
            Rejection::OffsetBeyond { last } => format!("the last event is number {last}"),
            Rejection::NotPermitted { permission: Some(permission) } => {
                format!("this needs the permission {permission}")
            }
            Rejection::NotPermitted { permission: None } => "no role allows the sender to do this".into(),
            Rejection::AdminUnknown { admin } => format!("there is no admin {admin}"),
            Rejection::AdminExists { admin } => format!("admin {admin} has this name"),
            Rejection::AdminsFull => format!("there are {} admins", people::ADMINS_MAX),
            Rejection::OwnRoles => "the account is the sender's own, or of the same person".into(),
            Rejection::LastOwner => "the admin is the only active owner".into(),
            Rejection::PrincipalUnknown => "nobody signs in by this name".into(),
            Rejection::SignInNameTaken => "another user signs in with this name".into(),
            Rejection::CredentialsChanged => "the credentials have changed meanwhile".into(),
            Rejection::SignInLocked => "too many sign-ins failed of late".into(),
            Rejection::FactorUsed => "the code was used before, or is not theirs".into(),
            Rejection::FactorMissing => "a second factor is needed".into(),
            Rejection::SessionUnknown => "there is no such session, or it is over".into(),
            Rejection::SessionExists => "a session has this id".into(),
        }
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
