//! What refusals say to people.

use super::Rejection;
use crate::approvals;
use crate::maintenance;
use crate::markets;
use crate::people;
use crate::settings::{self, schema};
use crate::workers;
use crate::{access, api_keys, apply, assets, command, events, flags, networks, secrets, users};

impl Rejection {
    /// What happened in this case, in words.
    pub(super) fn message(&self) -> String {
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
            Rejection::Custody(refusal) => refusal.message(),
            Rejection::Deposits(refusal) => refusal.message(),
            Rejection::Gas(refusal) => refusal.to_string(),
            Rejection::Reconciliation(refusal) => refusal.message(),
            Rejection::Withdrawals(refusal) => refusal.message(),
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
            Rejection::ApprovalNeeded { needed, permission } => {
                format!("this needs the approval of {needed} other person(s) with the permission {permission}")
            }
            Rejection::NothingToApprove => "this needs nobody's approval".into(),
            Rejection::ProposalUnknown { proposal } => format!("no proposal {} waits", proposal.0),
            Rejection::ProposalsFull => format!("{} proposals wait", approvals::PROPOSALS_MAX),
            Rejection::NotAPerson => "only an admin who is signed in can do this: a person with a name".into(),
            Rejection::OwnProposal => "nobody approves what they proposed themselves, from whatever account".into(),
            Rejection::NotOwnProposal => "only its initiator takes a proposal back; others reject it".into(),
            Rejection::ApprovedAlready => "this person has approved the proposal".into(),
            Rejection::ApprovalSignature => "the signature is not this key's over exactly this".into(),
            Rejection::ApprovalKeyUnknown { key } => {
                format!(
                    "approval key {} is none that counts here: not there, another's, not confirmed, or revoked",
                    key.0
                )
            }
            Rejection::ApprovalKeyExists => "this public key was enrolled before".into(),
            Rejection::ApprovalKeysFull => format!("{} approval keys were enrolled", approvals::APPROVAL_KEYS_MAX),
            Rejection::ApprovalKeyConfirmed => "the approval key is confirmed".into(),
            Rejection::OwnApprovalKey => "nobody vouches for their own key, from whatever account".into(),
            Rejection::LastApprovalKeys => "fewer than two persons could approve anything without this key".into(),
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
            Rejection::EndpointInClear => "the secret would travel unencrypted over http:// or ws://".into(),
            Rejection::CredentialsHeld { until } => {
                format!("the password was given by somebody else; nothing new is handed out until {until}")
            }
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
                let has = people::Role::ALL.iter().filter(|role| role.permissions().contains(permission));
                let roles: Vec<&str> = has.map(|role| role.as_str()).collect();
                format!("this needs the permission {permission}, of the roles {}", roles.join(", "))
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
