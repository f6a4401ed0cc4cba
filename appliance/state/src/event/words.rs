//! What an event is about: coarsely, by its topic; whose it is; and exactly, by the name of its subject.

use exchequer_domain::UserId;

use super::EventKind;
use crate::events::Topic;

impl EventKind {
    /// What it is about, coarsely.
    #[must_use]
    pub const fn topic(&self) -> Topic {
        match self {
            EventKind::ClusterBootstrapped
            | EventKind::LeaderActivated(_)
            | EventKind::JoinTokenCreated { .. }
            | EventKind::NodeAdmitted { .. }
            | EventKind::NodeUpdated { .. }
            | EventKind::NodeRemoved { .. }
            | EventKind::AuthorityRotated
            | EventKind::OperatorTokenRotated
            | EventKind::ActionRecorded { .. }
            | EventKind::VersionRaised { .. } => Topic::Cluster,
            EventKind::SettingChanged { .. } | EventKind::FlagChanged { .. } | EventKind::SecretChanged { .. } => {
                Topic::Settings
            }
            EventKind::WorkerAdded { .. }
            | EventKind::WorkerRemoved { .. }
            | EventKind::WorkerDesired { .. }
            | EventKind::WorkerRestarted { .. }
            | EventKind::WorkerMoved { .. }
            | EventKind::WorkerFailed { .. }
            | EventKind::WorkersScaled { .. }
            | EventKind::WorkerBinaryRegistered { .. }
            | EventKind::WorkerBinaryUsed { .. } => Topic::Workers,
            EventKind::DirectiveOver { .. } | EventKind::DirectiveNeedsReview { .. } => Topic::Directives,
            EventKind::EmergencyStopped { .. }
            | EventKind::EmergencyStep { .. }
            | EventKind::EmergencyResumed { .. }
            | EventKind::MaintenanceAnnounced { .. }
            | EventKind::MaintenanceStarted { .. }
            | EventKind::MaintenanceEnded { .. } => Topic::Emergency,
            EventKind::ProposalMade { .. }
            | EventKind::ProposalApproved { .. }
            | EventKind::ProposalEnded { .. }
            | EventKind::ApprovalKeyEnrolled { .. }
            | EventKind::ApprovalKeyConfirmed { .. }
            | EventKind::ApprovalKeyRevoked { .. }
            | EventKind::TwoPersonRuleInForce => Topic::Approvals,
            EventKind::NetworkChanged { .. }
            | EventKind::ChainHalted { .. }
            | EventKind::ChainSilent { .. }
            | EventKind::ChainResumed { .. } => Topic::Networks,
            EventKind::AdminCreated { .. }
            | EventKind::AdminUpdated { .. }
            | EventKind::CredentialsSet { .. }
            | EventKind::SessionOpened { .. }
            | EventKind::SessionsClosed { .. }
            | EventKind::SignInsLocked { .. } => Topic::People,
            EventKind::AssetCreated { .. }
            | EventKind::WalletChanged { .. }
            | EventKind::AddressAllocated { .. }
            | EventKind::ListingChanged { .. }
            | EventKind::PriceSet { .. }
            | EventKind::DepositMoved { .. }
            | EventKind::DepositUnbooked { .. }
            | EventKind::OwnUnknown { .. } => Topic::Money,
            EventKind::WithdrawalMoved { .. }
            | EventKind::WithdrawalHindered { .. }
            | EventKind::FeesTooHigh { .. }
            | EventKind::PayoutNeedsReview { .. }
            | EventKind::HotWalletShort { .. }
            | EventKind::ForeignNonce { .. }
            | EventKind::KeyUsedElsewhere { .. }
            | EventKind::AttentionNeeded { .. }
            | EventKind::AttentionEnded { .. }
            | EventKind::DepositsFound { .. }
            | EventKind::FeeUnbooked { .. }
            | EventKind::WithdrawalPolicySet { .. }
            | EventKind::AddressBookChanged { .. }
            | EventKind::GasLevel { .. }
            | EventKind::LoanDoubted { .. }
            | EventKind::StakeStrays { .. }
            | EventKind::SweepMoved { .. }
            | EventKind::DiscrepancyMoved { .. }
            | EventKind::OutflowStopped { .. }
            | EventKind::OutflowResumed { .. }
            | EventKind::BooksStopped { .. }
            | EventKind::BooksResumed { .. }
            | EventKind::TokenDoubted { .. }
            | EventKind::NetworkReconciled { .. } => Topic::Money,
            EventKind::UserUpdated { .. } => Topic::Users,
            EventKind::JobDiscarded { .. } | EventKind::QueueConfigured { .. } => Topic::Jobs,
            EventKind::Made { .. } => Topic::Sandbox,
        }
    }

    /// The customer whose own stream tells it; none where it is not for customers.
    #[must_use]
    pub const fn of_user(&self) -> Option<UserId> {
        match self {
            EventKind::DepositMoved { user, .. } => *user,
            EventKind::AddressAllocated { user, .. } => Some(*user),
            _ => None,
        }
    }

    /// The one thing that it is about: events of the same topic and key happened to the same thing, in their order. Empty
    /// where there is only one such thing.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            EventKind::ClusterBootstrapped
            | EventKind::AuthorityRotated
            | EventKind::OperatorTokenRotated
            | EventKind::VersionRaised { .. }
            | EventKind::EmergencyStopped { .. }
            | EventKind::EmergencyStep { .. }
            | EventKind::EmergencyResumed { .. }
            | EventKind::TwoPersonRuleInForce => String::new(),
            EventKind::ProposalMade { proposal }
            | EventKind::ProposalApproved { proposal, .. }
            | EventKind::ProposalEnded { proposal, .. } => proposal.0.to_string(),
            EventKind::ApprovalKeyEnrolled { key }
            | EventKind::ApprovalKeyConfirmed { key }
            | EventKind::ApprovalKeyRevoked { key } => format!("key {}", key.0),
            EventKind::WorkerAdded { worker }
            | EventKind::WorkerRemoved { worker }
            | EventKind::WorkerDesired { worker, .. }
            | EventKind::WorkerRestarted { worker, .. }
            | EventKind::WorkerMoved { worker, .. }
            | EventKind::WorkerFailed { worker, .. } => worker.to_string(),
            EventKind::WorkersScaled { kind, .. } | EventKind::WorkerBinaryUsed { kind, .. } => kind.to_string(),
            EventKind::WorkerBinaryRegistered { name }
            | EventKind::FlagChanged { name }
            | EventKind::SecretChanged { name } => name.clone(),
            EventKind::DirectiveOver { directive, .. } | EventKind::DirectiveNeedsReview { directive } => {
                directive.0.to_string()
            }
            EventKind::MaintenanceAnnounced { window, .. }
            | EventKind::MaintenanceStarted { window, .. }
            | EventKind::MaintenanceEnded { window, .. } => window.0.to_string(),
            EventKind::NetworkChanged { network }
            | EventKind::ChainHalted { network, .. }
            | EventKind::ChainSilent { network, .. }
            | EventKind::ChainResumed { network } => network.to_string(),
            EventKind::DepositMoved { deposit, .. } | EventKind::DepositUnbooked { deposit, .. } => {
                format!("deposit {deposit}")
            }
            EventKind::OwnUnknown { tx, .. } => tx.to_string(),
            EventKind::AdminCreated { admin }
            | EventKind::AdminUpdated { admin }
            | EventKind::SessionOpened { admin } => format!("admin {admin}"),
            EventKind::CredentialsSet { of }
            | EventKind::SessionsClosed { of }
            | EventKind::SignInsLocked { of, .. } => of.to_string(),
            EventKind::LeaderActivated(epoch) => epoch.node.to_string(),
            EventKind::JoinTokenCreated { id, .. } => id.iter().map(|byte| format!("{byte:02x}")).collect(),
            EventKind::NodeAdmitted { node } | EventKind::NodeUpdated { node } | EventKind::NodeRemoved { node } => {
                node.to_string()
            }
            EventKind::ActionRecorded { sequence } => sequence.to_string(),
            EventKind::SettingChanged { key, .. } => key.clone(),
            EventKind::AssetCreated { asset } => asset.0.to_string(),
            EventKind::WithdrawalMoved { withdrawal, .. } | EventKind::WithdrawalHindered { withdrawal, .. } => {
                format!("withdrawal {withdrawal}")
            }
            EventKind::FeesTooHigh { network, .. } => format!("fees of {network}"),
            EventKind::PayoutNeedsReview { payout, .. } | EventKind::FeeUnbooked { payout, .. } => {
                format!("payout {payout}")
            }
            EventKind::HotWalletShort { network, .. } | EventKind::ForeignNonce { network, .. } => {
                format!("hot wallet of {network}")
            }
            EventKind::AttentionNeeded { network, subject, .. }
            | EventKind::AttentionEnded { network, subject, .. } => {
                format!("{subject} on {network}")
            }
            EventKind::DepositsFound { network, height, .. } => format!("block {height} of {network}"),
            EventKind::KeyUsedElsewhere { network, .. } => format!("keys of {network}"),
            EventKind::SweepMoved { sweep, .. } => format!("sweep {sweep}"),
            EventKind::GasLevel { network, .. } => format!("gas of {network}"),
            EventKind::LoanDoubted { to, .. } => format!("loan to {to}"),
            EventKind::StakeStrays { network, .. } => format!("stake of {network}"),
            EventKind::DiscrepancyMoved { discrepancy, .. } => format!("discrepancy {discrepancy}"),
            EventKind::OutflowStopped { network, .. }
            | EventKind::OutflowResumed { network }
            | EventKind::NetworkReconciled { network, .. } => format!("reconciliation of {network}"),
            EventKind::BooksStopped { asset: Some(asset), .. } | EventKind::BooksResumed { asset: Some(asset) } => {
                format!("solvency of {}", asset.0)
            }
            EventKind::BooksStopped { asset: None, .. } | EventKind::BooksResumed { asset: None } => "books".into(),
            EventKind::TokenDoubted { network, asset, .. } => format!("{} on {network}", asset.0),
            EventKind::WithdrawalPolicySet { .. } => "withdrawal policy".into(),
            EventKind::AddressBookChanged { user } => format!("user {user}"),
            EventKind::WalletChanged { wallet } => format!("wallet {}", wallet.0),
            EventKind::AddressAllocated { user, .. } => format!("user {user}"),
            EventKind::ListingChanged { network, asset } => format!("{} on {network}", asset.0),
            EventKind::PriceSet { asset } => format!("price of {}", asset.0),
            EventKind::UserUpdated { user } => user.to_string(),
            EventKind::JobDiscarded { job, .. } => job.0.to_string(),
            EventKind::QueueConfigured { queue } => queue.to_string(),
            EventKind::Made { number, .. } => number.to_string(),
        }
    }
}
