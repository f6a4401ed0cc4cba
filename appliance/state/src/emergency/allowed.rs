//! Of every command whether it is carried out during an emergency.
//!
//! What takes risk away, what keeps the cluster together, and what ends the emergency goes on; everything else waits. A
//! new command must be decided here: there is no default.

use exchequer_matching::PhaseChange;

use super::Emergency;
use crate::command::Body;

impl Emergency {
    /// Whether a command is refused as long as this emergency lasts.
    #[must_use]
    pub fn refuses(&self, body: &Body) -> bool {
        !allowed(body)
    }
}

fn allowed(body: &Body) -> bool {
    match body {
        // The emergency itself.
        Body::EmergencyStop(_) | Body::EmergencyResume(_) => true,
        // Announcing to customers what is going on.
        Body::ScheduleMaintenance(_) | Body::EndMaintenance(_) => true,
        // Consent and refusal.
        Body::Propose(_)
        | Body::Approve(_)
        | Body::RejectProposal(_)
        | Body::RevokeProposal(_)
        | Body::EnrolApprovalKey(_)
        | Body::ConfirmApprovalKey(_)
        | Body::RevokeApprovalKey(_) => true,
        // The cluster and its keys: whoever stops the exchange may have to lock somebody out.
        Body::Bootstrap(_)
        | Body::Reform(_)
        | Body::CreateJoinToken(_)
        | Body::AdmitNode(_)
        | Body::UpdateNode(_)
        | Body::RemoveNode(_)
        | Body::RotateAuthority(_)
        | Body::RotateOperatorToken(_)
        | Body::RecordAction(_)
        | Body::Digest(_)
        | Body::RevokeApiKey(_)
        | Body::PutSecret(_)
        | Body::RemoveSecret(_)
        | Body::UpdateAdmin(_)
        | Body::SetCredentials(_)
        | Body::OpenSession(_)
        | Body::TouchSession(_)
        | Body::StepUp(_)
        | Body::CloseSessions(_)
        | Body::NoteSignInFailure(_) => true,
        // What workers have begun ends, and what waits can be stopped.
        Body::LeaseJobs(_)
        | Body::RenewJobs(_)
        | Body::FinishJobs(_)
        | Body::CancelJobs(_)
        | Body::ConfigureQueue(_)
        | Body::StepWorkers(_)
        | Body::ReportWorkers(_)
        | Body::Rescale(_)
        | Body::DispatchDirectives(_)
        | Body::StepDirectives(_)
        | Body::CancelDirectives(_)
        | Body::SendDirectives(_)
        | Body::ReviewDirective(_) => true,
        // What was held back stays back until the exchange goes on.
        Body::ReleaseDirectives(_) => false,
        // What is wanted of workers may be changed: whoever looks for the reason stops and starts them.
        Body::SetWorkers(_) | Body::RestartWorkers(_) | Body::BulkWorkers(_) | Body::UndoBulk(_) => true,
        // Who follows the events goes on following them.
        Body::CommitConsumer(_) => true,
        // Orders can be taken away.
        Body::CancelOrder(_) | Body::CancelOrders(_) | Body::CancelAfter(_) => true,
        Body::SetMarketPhase(command) => match command.phase {
            PhaseChange::CancelOnly | PhaseChange::Halt => true,
            PhaseChange::PreOpen
            | PhaseChange::Auction { .. }
            | PhaseChange::Trading
            | PhaseChange::PostOnly
            | PhaseChange::Delisted => false,
        },
        // Everything else changes what is to be looked at in peace.
        Body::SetSetting(_)
        | Body::RevertSettings(_)
        | Body::PutScratch(_)
        | Body::RaiseVersion(_)
        | Body::CreateAsset(_)
        | Body::CreateUser(_)
        | Body::CreateUsers(_)
        | Body::UpdateUser(_)
        | Body::OpenAccounts(_)
        | Body::PostTransfers(_)
        | Body::BulkTransfer(_)
        | Body::RevertTransfer(_)
        | Body::CreditSandbox(_)
        | Body::TransferBetweenUsers(_)
        | Body::CreateApiKey(_)
        | Body::CreateMarket(_)
        | Body::ConfigureMarket(_)
        | Body::PlaceOrder(_)
        | Body::PlacePair(_)
        | Body::AmendOrder(_)
        | Body::ReplaceOrder(_)
        | Body::EnqueueJobs(_)
        | Body::RetryJobs(_)
        | Body::AddWorkers(_)
        | Body::RemoveWorkers(_)
        | Body::SetScale(_)
        | Body::RegisterBinary(_)
        | Body::ForgetBinary(_)
        | Body::UseBinary(_)
        | Body::UnsetSetting(_)
        | Body::SetFlag(_)
        | Body::RemoveFlag(_)
        | Body::ConfigureNetwork(_)
        | Body::ConfigureNetworkAsset(_)
        | Body::AddConsumer(_)
        | Body::RemoveConsumer(_)
        | Body::MakeEvents(_)
        | Body::CreateAdmin(_) => false,
    }
}
