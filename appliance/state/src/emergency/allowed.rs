//! Of every command whether it is carried out during an emergency.
//!
//! What takes risk away, what keeps the cluster together, and what ends the emergency goes on; everything else waits. A
//! new command must be decided here: there is no default.

use exchequer_matching::PhaseChange;

use super::Emergency;
use crate::apply::{ConfigureNetwork, UpdateUser, WithdrawalStep};
use crate::command::Body;
use crate::networks::NetworkState;
use crate::users::UserStatus;

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
        // Whoever moves money begins nothing. What is begun ends, and what waits can be stopped.
        Body::LeaseJobs(command) => !command.worker.kind.moves_money(),
        Body::RenewJobs(_)
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
        // No payment is asked for, decided or signed. What may be on its way is watched, and what is not can be taken back.
        Body::RequestWithdrawal(_) | Body::PreparePayout(_) | Body::ReviewPayout(_) | Body::SetWithdrawalPolicy(_) => {
            false
        }
        Body::StepPayout(command) => !command.step.signs(),
        Body::StepWithdrawal(command) => !matches!(command.step, WithdrawalStep::Confirm(_)),
        Body::ApproveWithdrawal(_) => true,
        Body::ChangeAddressBook(command) => command.change.only_restricts(),
        // What was held back stays back until the exchange goes on.
        Body::ReleaseDirectives(_) => false,
        // What is wanted of workers may be changed: whoever looks for the reason stops and starts them.
        Body::SetWorkers(_) | Body::RestartWorkers(_) | Body::BulkWorkers(_) | Body::UndoBulk(_) => true,
        // What gas is and what there is of it is worth knowing at all times.
        Body::NoteGas(_) => true,
        // What is there is compared with the books all the more, and what is found out is said.
        Body::ReportBalances(_) | Body::ExplainDiscrepancy(_) => true,
        // No sweep is planned; why none is may be told.
        Body::PlanSweeps(_) => false,
        Body::ExplainSweeps(_) => true,
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
        // Locking a customer out, or closing a network, takes risk away; its opposite waits.
        Body::UpdateUser(command) => {
            let UpdateUser { user: _, kyc_level, fee_tier, status, label, reason: _ } = command;
            *status == Some(UserStatus::Frozen) && kyc_level.is_none() && fee_tier.is_none() && label.is_none()
        }
        Body::ConfigureNetwork(command) => only_closes(command),
        // A wallet that is not trusted any more is taken out of use.
        Body::RetireWallet(_) => true,
        // Everything else changes what is to be looked at in peace.
        Body::SetSetting(_)
        | Body::RevertSettings(_)
        | Body::PutScratch(_)
        | Body::RaiseVersion(_)
        | Body::CreateAsset(_)
        | Body::CreateUser(_)
        | Body::CreateUsers(_)
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
        | Body::ConfigureNetworkAsset(_)
        | Body::AddConsumer(_)
        | Body::RemoveConsumer(_)
        | Body::MakeEvents(_)
        | Body::CreateAdmin(_)
        | Body::RegisterWallet(_)
        | Body::StockAddresses(_)
        | Body::AllocateAddress(_)
        | Body::ListAsset(_)
        | Body::CommitBlocks(_)
        | Body::CommitMissed(_)
        | Body::NotePending(_)
        | Body::RewindBlocks(_)
        | Body::NoteSilence(_)
        | Body::DoubtToken(_)
        | Body::ResumeChain(_)
        | Body::AssignSuspense(_)
        | Body::AdjustDiscrepancy(_)
        | Body::ResumePayments(_)
        | Body::SetNonce(_)
        | Body::SetPrice(_) => false,
    }
}

/// Whether a change of a network does nothing but suspend it or switch things off on it.
fn only_closes(command: &ConfigureNetwork) -> bool {
    let ConfigureNetwork {
        network: _,
        state,
        deposits,
        withdrawals,
        sweeps,
        tradable,
        withdrawable,
        fee_rate_max,
        fee_max,
        endpoints,
        if_version: _,
        reason: _,
    } = command;
    let judged = [tradable.is_some(), withdrawable.is_some(), fee_rate_max.is_some(), fee_max.is_some()];
    let suspends = state.is_none_or(|state| state == NetworkState::Suspended);
    let switched = [deposits, withdrawals, sweeps];
    suspends && switched.iter().all(|switch| **switch != Some(true)) && !judged.contains(&true) && endpoints.is_none()
}

#[cfg(test)]
mod tests {
    use exchequer_domain::{Network, Timestamp, UserId};

    use super::*;
    use crate::Actor;
    use crate::apply::LeaseJobs;

    fn refused(body: &Body) -> bool {
        let (since, by) = (Timestamp(1), Actor::Operator);
        Emergency { since, index: 1, by, reason: String::new(), phases: Vec::new() }.refuses(body)
    }

    /// Goal: no job that moves money is begun, and others are. Method: a lease for a worker of every kind.
    #[test]
    fn who_moves_money_begins_nothing() {
        for (worker, waits) in [
            ("withdrawal/tron-1", true),
            ("deposit/bitcoin-1", true),
            ("consolidation/bsc-1", true),
            ("gas/ethereum-1", true),
            ("selftest/1", false),
            ("risk/1", false),
            ("system-health/1", false),
        ] {
            let worker = worker.parse().unwrap();
            let body = Body::LeaseJobs(LeaseJobs { worker, queues: Vec::new(), max: 1, lease_us: 1 });
            assert_eq!(refused(&body), waits, "{worker}");
        }
    }

    /// Goal: a customer is locked out and a network closed also in an emergency, and neither is opened nor changed otherwise.
    /// Method: each field of both commands, in both directions.
    #[test]
    fn only_what_takes_risk_away() {
        let user = UpdateUser {
            user: UserId(1),
            kyc_level: None,
            fee_tier: None,
            status: Some(UserStatus::Frozen),
            label: None,
            reason: String::new(),
        };
        assert!(!refused(&Body::UpdateUser(user.clone())));
        for other in [
            UpdateUser { status: Some(UserStatus::Active), ..user.clone() },
            UpdateUser { status: None, ..user.clone() },
            UpdateUser { kyc_level: Some(3), ..user.clone() },
            UpdateUser { fee_tier: Some(1), ..user.clone() },
            UpdateUser { label: Some("x".into()), ..user },
        ] {
            assert!(refused(&Body::UpdateUser(other.clone())), "{other:?}");
        }
        let network = ConfigureNetwork {
            network: Network::Tron,
            state: None,
            deposits: None,
            withdrawals: Some(false),
            sweeps: None,
            tradable: None,
            withdrawable: None,
            fee_rate_max: None,
            fee_max: None,
            endpoints: None,
            if_version: None,
            reason: String::new(),
        };
        for closes in [
            network.clone(),
            ConfigureNetwork { state: Some(NetworkState::Suspended), ..network.clone() },
            ConfigureNetwork { deposits: Some(false), sweeps: Some(false), ..network.clone() },
        ] {
            assert!(!refused(&Body::ConfigureNetwork(Box::new(closes.clone()))), "{closes:?}");
        }
        for other in [
            ConfigureNetwork { withdrawals: Some(true), ..network.clone() },
            ConfigureNetwork { deposits: Some(true), ..network.clone() },
            ConfigureNetwork { sweeps: Some(true), ..network.clone() },
            ConfigureNetwork { state: Some(NetworkState::Enabled), ..network.clone() },
            ConfigureNetwork { state: Some(NetworkState::DepositsOnly), ..network.clone() },
            ConfigureNetwork { tradable: Some(1), ..network.clone() },
            ConfigureNetwork { withdrawable: Some(1), ..network.clone() },
            ConfigureNetwork { fee_rate_max: Some(1), ..network.clone() },
            ConfigureNetwork { fee_max: Some(1), ..network.clone() },
            ConfigureNetwork { endpoints: Some(Vec::new()), ..network },
        ] {
            assert!(refused(&Body::ConfigureNetwork(Box::new(other.clone()))), "{other:?}");
        }
    }
}
