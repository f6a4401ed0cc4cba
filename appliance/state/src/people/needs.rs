//! What an admin must be allowed for each command. The doors ask the same of a route before anything is proposed; this is
//! asked again in the log, where it cannot be out of date.

use super::{Permission, Principal};
use crate::command::Body;
use crate::settings;

/// What an admin must be allowed for a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// This.
    Permission(Permission),
    /// Each of these.
    Both(Permission, Permission),
    /// No role allows it: the cluster itself sends it, or a holder of the operator token.
    Never,
}

impl Body {
    /// What an admin must be allowed to send this.
    #[must_use]
    pub fn needs(&self) -> Needs {
        use Permission as P;
        let permission = match self {
            Body::Bootstrap(_) | Body::Reform(_) | Body::AdmitNode(_) | Body::UpdateNode(_) => return Needs::Never,
            // Whoever knows the token may do everything.
            Body::RotateOperatorToken(_) => return Needs::Never,
            // Nobody trades as somebody else.
            Body::PlaceOrder(_)
            | Body::PlacePair(_)
            | Body::AmendOrder(_)
            | Body::ReplaceOrder(_)
            | Body::CancelAfter(_) => return Needs::Never,
            // A node sends these after it has checked what was shown.
            Body::OpenSession(_) | Body::TouchSession(_) | Body::StepUp(_) | Body::NoteSignInFailure(_) => {
                return Needs::Never;
            }
            // A worker's own come through the node that supervises it.
            Body::LeaseJobs(_) | Body::RenewJobs(_) | Body::FinishJobs(_) => return Needs::Never,
            // The leader's own: what it saw of workers, and what it hands to them.
            Body::StepWorkers(_)
            | Body::ReportWorkers(_)
            | Body::Rescale(_)
            | Body::DispatchDirectives(_)
            | Body::StepDirectives(_) => return Needs::Never,
            Body::SendDirectives(command) if command.commits_missed() => {
                return Needs::Both(P::WorkersControl, P::MoneyMove);
            }
            Body::EnqueueJobs(_)
            | Body::CancelJobs(_)
            | Body::RetryJobs(_)
            | Body::ConfigureQueue(_)
            | Body::AddWorkers(_)
            | Body::SetWorkers(_)
            | Body::RestartWorkers(_)
            | Body::RemoveWorkers(_)
            | Body::SetScale(_)
            | Body::RegisterBinary(_)
            | Body::ForgetBinary(_)
            | Body::UseBinary(_)
            | Body::BulkWorkers(_)
            | Body::UndoBulk(_)
            | Body::SendDirectives(_)
            | Body::CancelDirectives(_)
            | Body::ReviewDirective(_)
            | Body::ReleaseDirectives(_) => P::WorkersControl,
            // How people sign in is no matter of running the house. A revert looks at what it touches.
            Body::SetSetting(crate::SetSetting { key, .. }) | Body::UnsetSetting(crate::UnsetSetting { key, .. })
                if settings::is_of_people(key) =>
            {
                return Needs::Both(P::ConfigurationChange, P::PeopleChange);
            }
            Body::SetSetting(_)
            | Body::RevertSettings(_)
            | Body::UnsetSetting(_)
            | Body::SetFlag(_)
            | Body::RemoveFlag(_) => P::ConfigurationChange,
            Body::PutSecret(_) | Body::RemoveSecret(_) => P::SecretsChange,
            Body::ConfigureNetwork(_) | Body::ConfigureNetworkAsset(_) => P::NetworksChange,
            Body::RegisterWallet(_) | Body::RetireWallet(_) | Body::ListAsset(_) | Body::SetPrice(_) => {
                P::NetworksChange
            }
            // The withdrawal worker's.
            Body::PreparePayout(_) | Body::StepPayout(_) => return Needs::Never,
            Body::StepWithdrawal(command) => match command.step {
                crate::WithdrawalStep::Wait(_) => return Needs::Never,
                crate::WithdrawalStep::Reject { .. } => P::ApproveMoney,
                crate::WithdrawalStep::Confirm(_) | crate::WithdrawalStep::Cancel => P::MoneyMove,
            },
            Body::RequestWithdrawal(_) | Body::ReviewPayout(_) => P::MoneyMove,
            Body::ApproveWithdrawal(_) => P::ApproveMoney,
            Body::SetWithdrawalPolicy(_) => P::ConfigurationChange,
            Body::ChangeAddressBook(_) => P::UsersChange,
            // A node derives them and the signer vouches for them. No kind of worker does.
            Body::StockAddresses(_) => return Needs::Never,
            // Workers of the network say what its blocks hold, and what gas is.
            Body::NoteGas(_) | Body::PlanSweeps(_) | Body::ExplainSweeps(_) => return Needs::Never,
            Body::CommitBlocks(_)
            | Body::CommitMissed(_)
            | Body::NotePending(_)
            | Body::RewindBlocks(_)
            | Body::NoteSilence(_)
            | Body::DoubtToken(_) => return Needs::Never,
            Body::ResumeChain(_) => P::NetworksChange,
            Body::AssignSuspense(_) => P::MoneyMove,
            Body::ReportBalances(_) => return Needs::Never,
            Body::ExplainDiscrepancy(_) | Body::AdjustDiscrepancy(_) | Body::ResumePayments(_) => P::MoneyMove,
            Body::SetNonce(_) => P::MoneyMove,
            Body::EmergencyStop(_) => P::EmergencyStop,
            Body::EmergencyResume(_) => P::EmergencyResume,
            Body::ScheduleMaintenance(_) | Body::EndMaintenance(_) => P::MaintenanceChange,
            // Each of these asks further: of the proposal, or of whose key it is.
            Body::Propose(_)
            | Body::Approve(_)
            | Body::RejectProposal(_)
            | Body::RevokeProposal(_)
            | Body::EnrolApprovalKey(_)
            | Body::ConfirmApprovalKey(_)
            | Body::RevokeApprovalKey(_) => P::ApprovalsRead,
            Body::AddConsumer(_) | Body::CommitConsumer(_) | Body::RemoveConsumer(_) => P::EventsConsume,
            // A node that joins gets the keyring.
            Body::CreateJoinToken(_) => P::ClusterAdmit,
            Body::RemoveNode(_) | Body::RotateAuthority(_) | Body::RaiseVersion(_) => P::ClusterChange,
            Body::RecordAction(command) => match command.action {
                crate::audit::Action::KeyringExport => P::KeyringExport,
                crate::audit::Action::SnapshotSave => P::SnapshotSave,
                _ => P::ClusterChange,
            },
            Body::Digest(_) => P::StatusRead,
            Body::PutScratch(_)
            | Body::CreateUsers(_)
            | Body::OpenAccounts(_)
            | Body::PostTransfers(_)
            | Body::BulkTransfer(_)
            | Body::CreditSandbox(_)
            | Body::MakeEvents(_) => P::SandboxPlay,
            Body::CreateUser(_) | Body::UpdateUser(_) | Body::CreateApiKey(_) | Body::RevokeApiKey(_) => P::UsersChange,
            Body::AllocateAddress(_) => P::UsersChange,
            Body::RevertTransfer(_) | Body::TransferBetweenUsers(_) => P::MoneyMove,
            Body::CreateAsset(_)
            | Body::CreateMarket(_)
            | Body::ConfigureMarket(_)
            | Body::SetMarketPhase(_)
            | Body::CancelOrder(_)
            | Body::CancelOrders(_) => P::MarketsChange,
            Body::CreateAdmin(_) | Body::UpdateAdmin(_) => P::PeopleChange,
            Body::SetCredentials(command) => match command.of {
                Principal::Admin(_) => P::PeopleChange,
                Principal::User(_) => P::UsersChange,
            },
            Body::CloseSessions(command) => match command.of {
                Principal::Admin(_) => P::SessionsChange,
                Principal::User(_) => P::UsersChange,
            },
        };
        Needs::Permission(permission)
    }

    /// Whose own this is: what it changes is the sender's, who then needs no permission.
    #[must_use]
    pub fn own(&self) -> Option<Principal> {
        match self {
            Body::SetCredentials(command) => Some(command.of),
            Body::CloseSessions(command) => Some(command.of),
            _ => None,
        }
    }
}
