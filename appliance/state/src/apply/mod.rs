//! The commands, one file each, and the entry in which they run.
//!
//! Every command validates everything, then computes, then mutates through the [`Entry`], which keeps the working set
//! and its rows in step. No command may fail after its first mutation, except by a halt. The ledger takes its own refused
//! steps back, so a command may let it decide last; what it refuses may burn the transfer's id.

mod add_consumer;
mod add_workers;
mod admit_node;
mod amend_order;
mod approval_keys;
mod approve;
mod approve_withdrawal;
mod assign_suspense;
mod attention;
mod bootstrap;
mod bulk_transfer;
mod bulk_workers;
mod cancel_after;
mod cancel_directives;
mod cancel_jobs;
mod cancel_order;
mod cancel_orders;
mod carry_out;
mod change_address_book;
mod close_sessions;
mod commit_blocks;
mod commit_consumer;
mod commit_missed;
mod configure_market;
mod configure_network;
mod configure_network_asset;
mod configure_queue;
mod create_admin;
mod create_api_key;
mod create_asset;
mod create_join_token;
mod create_market;
mod create_user;
mod create_users;
mod credit_sandbox;
mod custody;
mod denials;
mod deposits;
mod destinations;
mod directives;
mod discrepancies;
mod dispatch_directives;
mod doubt_token;
mod dry_run;
mod dust;
mod emergency_resume;
mod emergency_stop;
mod end_maintenance;
mod end_proposal;
mod enqueue_jobs;
mod entry;
mod finish_jobs;
mod foreign_use;
mod going_on;
mod holdings;
mod jobs;
mod judge_books;
mod judge_rest;
mod lease_jobs;
mod list_asset;
mod make_events;
mod money;
mod movements;
mod nonces;
mod note_gas;
mod note_sign_in_failure;
mod note_silence;
mod open_accounts;
mod open_session;
mod payout_books;
mod payout_coins;
mod payout_moves;
mod payout_plans;
mod payout_stakes;
mod people;
mod place_order;
mod place_pair;
mod plan_sweeps;
mod post_transfers;
mod prepare_payout;
mod proofs;
mod propose;
mod put_scratch;
mod put_secret;
mod raise_version;
mod reading_facts;
mod record_action;
mod reform;
mod register_binary;
mod register_wallet;
mod release_directives;
mod remove_consumer;
mod remove_flag;
mod remove_node;
mod remove_secret;
mod remove_workers;
mod renew_jobs;
mod replace_order;
mod replace_payout;
mod report_balances;
mod report_workers;
mod request_digest;
mod request_withdrawal;
mod rescale;
mod restart_workers;
mod retention;
mod retry_jobs;
mod revert_settings;
mod revert_transfer;
mod review_directive;
mod review_payout;
mod revoke_api_key;
mod rewind_blocks;
mod ripen;
mod rotate_authority;
mod rotate_operator_token;
mod schedule_maintenance;
mod send_directives;
mod set_credentials;
mod set_flag;
mod set_market_phase;
mod set_scale;
mod set_setting;
mod set_withdrawal_policy;
mod set_workers;
mod settle_discrepancies;
mod sign_ins;
mod signing_log;
mod step_directives;
mod step_payout;
mod step_up;
mod step_withdrawal;
mod step_workers;
mod stock_addresses;
mod touch_session;
mod trading;
mod transfer_between_users;
mod unset_setting;
mod update_admin;
mod update_node;
mod update_user;
mod use_binary;
mod withdrawals;
mod workers;

pub use add_consumer::AddConsumer;
pub use add_workers::AddWorkers;
pub use admit_node::AdmitNode;
pub use amend_order::AmendOrder;
pub use approval_keys::{ConfirmApprovalKey, EnrolApprovalKey, RevokeApprovalKey};
pub use approve::Approve;
pub use approve_withdrawal::ApproveWithdrawal;
pub use assign_suspense::AssignSuspense;
pub use bootstrap::{Bootstrap, FirstNode};
pub use bulk_transfer::BulkTransfer;
pub use bulk_workers::{BulkWorkers, UndoBulk};
pub use cancel_after::CancelAfter;
pub use cancel_directives::CancelDirectives;
pub use cancel_jobs::CancelJobs;
pub use cancel_order::CancelOrder;
pub use cancel_orders::CancelOrders;
pub use change_address_book::{BookChange, ChangeAddressBook};
pub use close_sessions::{CloseSessions, Which};
pub use commit_blocks::{CommitBlocks, NotePending};
pub use commit_consumer::CommitConsumer;
pub use commit_missed::CommitMissed;
pub use configure_market::ConfigureMarket;
pub use configure_network::ConfigureNetwork;
pub use configure_network_asset::ConfigureNetworkAsset;
pub use configure_queue::{ConfigureQueue, RateChange};
pub use create_admin::CreateAdmin;
pub use create_api_key::CreateApiKey;
pub use create_asset::CreateAsset;
pub use create_join_token::CreateJoinToken;
pub use create_market::CreateMarket;
pub use create_user::CreateUser;
pub use create_users::CreateUsers;
pub use credit_sandbox::CreditSandbox;
pub use directives::DIRECTIVES_AT_ONCE_MAX;
#[cfg(test)]
pub(crate) use directives::SUPERSEDED_PER_ENTRY;
pub use dispatch_directives::DispatchDirectives;
pub use doubt_token::DoubtToken;
pub use dry_run::DryRun;
pub use emergency_resume::EmergencyResume;
pub use emergency_stop::EmergencyStop;
pub use end_maintenance::EndMaintenance;
pub use end_proposal::{RejectProposal, RevokeProposal};
pub use enqueue_jobs::{EnqueueJobs, Enqueued, NewJob};
pub(crate) use entry::Entry;
pub use finish_jobs::{FinishJobs, JobEnd};
#[cfg(test)]
pub(crate) use going_on::LOOKED_AT_AGAIN_US;
pub(crate) use jobs::{JOB_ATTEMPTS_MAX, LEASE_US_MAX, LEASED_QUEUES_MAX};
pub use jobs::{JOBS_AT_ONCE_MAX, LEASE_US_MIN};
pub use lease_jobs::{LEASED_JOBS_MAX, LeaseJobs};
pub use list_asset::{ListAsset, SetPrice};
pub use make_events::{EVENT_FILLING_BYTES_MAX, EVENTS_AT_ONCE_MAX, MakeEvents};
pub use nonces::SetNonce;
pub use note_gas::NoteGas;
pub use note_sign_in_failure::NoteSignInFailure;
pub use note_silence::NoteSilence;
pub use open_accounts::{ACCOUNTS_AT_ONCE_MAX, OpenAccounts};
pub use open_session::OpenSession;
pub use place_order::PlaceOrder;
pub use place_pair::PlacePair;
pub use plan_sweeps::{ExplainSweeps, PlanSweeps, SweepVerdict, WISHES_AT_ONCE_MAX, Wish, WishedSweep};
pub use post_transfers::{PostTransfers, TRANSFERS_AT_ONCE_MAX};
pub use prepare_payout::{Preparation, PreparePayout, coin_owner};
pub use propose::Propose;
pub use put_scratch::PutScratch;
pub use put_secret::PutSecret;
pub use raise_version::RaiseVersion;
pub use record_action::RecordAction;
pub(crate) use record_action::TARGET_BYTES_MAX;
pub use reform::Reform;
pub use register_binary::{ForgetBinary, RegisterBinary};
pub use register_wallet::{RegisterWallet, RetireWallet};
pub use release_directives::ReleaseDirectives;
pub use remove_consumer::RemoveConsumer;
pub use remove_flag::RemoveFlag;
pub use remove_node::RemoveNode;
pub use remove_secret::RemoveSecret;
pub use remove_workers::RemoveWorkers;
pub use renew_jobs::RenewJobs;
pub use replace_order::ReplaceOrder;
pub use report_balances::{BalanceStep, ReportBalances};
pub use report_workers::ReportWorkers;
pub use request_digest::RequestDigest;
pub use request_withdrawal::RequestWithdrawal;
pub use rescale::Rescale;
pub use restart_workers::RestartWorkers;
pub(crate) use retention::{DIRECTIVES_KEPT, JOBS_KEPT};
pub use retry_jobs::RetryJobs;
pub use revert_settings::RevertSettings;
pub use revert_transfer::RevertTransfer;
pub use review_directive::ReviewDirective;
pub use review_payout::{PayoutDecision, ReviewPayout};
pub use revoke_api_key::RevokeApiKey;
pub use rewind_blocks::{ResumeChain, RewindBlocks};
pub use rotate_authority::RotateAuthority;
pub use rotate_operator_token::RotateOperatorToken;
pub use schedule_maintenance::ScheduleMaintenance;
pub use send_directives::{NewDirective, SendDirectives, Sent};
pub use set_credentials::{CredentialChange, SessionSwap, SetCredentials};
pub use set_flag::SetFlag;
pub use set_market_phase::SetMarketPhase;
pub use set_scale::SetScale;
pub use set_setting::SetSetting;
pub use set_withdrawal_policy::SetWithdrawalPolicy;
pub use set_workers::SetWorkers;
pub use settle_discrepancies::{AdjustDiscrepancy, ExplainDiscrepancy, ResumePayments, SeenDiscrepancy};
pub use step_directives::StepDirectives;
pub use step_payout::{PayoutStep, StepPayout};
pub use step_up::StepUp;
pub use step_withdrawal::{StepWithdrawal, WithdrawalStep};
pub use step_workers::StepWorkers;
pub(crate) use stock_addresses::is_by_person;
pub use stock_addresses::{AllocateAddress, StockAddresses};
pub use touch_session::TouchSession;
pub(crate) use trading::OPEN_ORDERS_MAX;
#[cfg(test)]
pub(crate) use trading::REPORTS_PER_ENTRY;
pub use trading::{OrderRef, OrderSpec, Traded};
pub use transfer_between_users::TransferBetweenUsers;
pub use unset_setting::UnsetSetting;
pub use update_admin::UpdateAdmin;
pub use update_node::UpdateNode;
pub use update_user::UpdateUser;
pub use use_binary::UseBinary;

use exchequer_ledger::{self as ledger, Ledger};

use crate::command::{Actor, Body};
use crate::custody::{address_key, user_addresses_key};
use crate::directives::key_row;
use crate::halt::Halt;
use crate::outcome::Done;
use crate::people::Principal;
use crate::people::customers::{credentials_key, name_key, session_key, sessions_key};
use crate::rejection::Rejection;
use crate::rows::RowsUnavailable;
use crate::scratch;
use crate::users::UserStatus;

/// Longest reason.
pub(crate) const REASON_BYTES_MAX: usize = 500;

/// Why a command did not take effect.
#[derive(Debug)]
pub(crate) enum Stop {
    Rejected(Rejection),
    Halt(Halt),
}

impl From<Rejection> for Stop {
    fn from(rejection: Rejection) -> Stop {
        Stop::Rejected(rejection)
    }
}

impl From<Halt> for Stop {
    fn from(halt: Halt) -> Stop {
        Stop::Halt(halt)
    }
}

impl From<ledger::Halt> for Stop {
    fn from(halt: ledger::Halt) -> Stop {
        Stop::Halt(halt.into())
    }
}

impl From<exchequer_matching::Halt> for Stop {
    fn from(halt: exchequer_matching::Halt) -> Stop {
        Stop::Halt(halt.into())
    }
}

impl From<RowsUnavailable> for Stop {
    fn from(error: RowsUnavailable) -> Stop {
        Stop::Halt(error.into())
    }
}

impl Body {
    /// Runs the command; `actor` is already known to be allowed to act.
    fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        match self {
            Body::Bootstrap(command) => command.apply(entry, actor),
            Body::Reform(command) => command.apply(entry, actor),
            Body::SetSetting(command) => command.apply(entry, actor),
            Body::RevertSettings(command) => command.apply(entry, actor),
            Body::CreateJoinToken(command) => command.apply(entry, actor),
            Body::AdmitNode(command) => command.apply(entry, actor),
            Body::UpdateNode(command) => command.apply(entry, actor),
            Body::RemoveNode(command) => command.apply(entry, actor),
            Body::RotateAuthority(command) => command.apply(entry, actor),
            Body::RotateOperatorToken(command) => command.apply(entry, actor),
            Body::RecordAction(command) => command.apply(entry, actor),
            Body::PutScratch(command) => command.apply(entry),
            Body::Digest(command) => Ok(command.apply(entry)),
            Body::RaiseVersion(command) => command.apply(entry, actor),
            Body::CreateAsset(command) => command.apply(entry, actor),
            Body::CreateUser(command) => command.apply(entry),
            Body::CreateUsers(command) => command.apply(entry),
            Body::UpdateUser(command) => command.apply(entry, actor),
            Body::OpenAccounts(command) => command.apply(entry),
            Body::PostTransfers(command) => command.apply(entry),
            Body::BulkTransfer(command) => command.apply(entry),
            Body::RevertTransfer(command) => command.apply(entry, actor),
            Body::CreditSandbox(command) => command.apply(entry, actor),
            Body::TransferBetweenUsers(command) => command.apply(entry, actor),
            Body::CreateApiKey(command) => command.apply(entry, actor),
            Body::RevokeApiKey(command) => command.apply(entry, actor),
            Body::CreateMarket(command) => command.apply(entry, actor),
            Body::ConfigureMarket(command) => command.apply(entry, actor),
            Body::SetMarketPhase(command) => command.apply(entry, actor),
            Body::PlaceOrder(command) => command.apply(entry),
            Body::PlacePair(command) => command.apply(entry),
            Body::CancelOrder(command) => command.apply(entry),
            Body::CancelOrders(command) => command.apply(entry),
            Body::AmendOrder(command) => command.apply(entry),
            Body::ReplaceOrder(command) => command.apply(entry),
            Body::CancelAfter(command) => command.apply(entry),
            Body::EnqueueJobs(command) => command.apply(entry, actor),
            Body::LeaseJobs(command) => command.apply(entry, actor),
            Body::RenewJobs(command) => command.apply(entry, actor),
            Body::FinishJobs(command) => command.apply(entry, actor),
            Body::CancelJobs(command) => command.apply(entry, actor),
            Body::RetryJobs(command) => command.apply(entry, actor),
            Body::ConfigureQueue(command) => command.apply(entry, actor),
            Body::AddWorkers(command) => command.apply(entry, actor),
            Body::SetWorkers(command) => command.apply(entry, actor),
            Body::RestartWorkers(command) => command.apply(entry, actor),
            Body::RemoveWorkers(command) => command.apply(entry, actor),
            Body::StepWorkers(command) => command.apply(entry),
            Body::ReportWorkers(command) => command.apply(entry),
            Body::SetScale(command) => command.apply(entry, actor),
            Body::Rescale(command) => command.apply(entry, actor),
            Body::RegisterBinary(command) => command.apply(entry, actor),
            Body::ForgetBinary(command) => command.apply(entry, actor),
            Body::UseBinary(command) => command.apply(entry, actor),
            Body::BulkWorkers(command) => command.apply(entry, actor),
            Body::UndoBulk(command) => command.apply(entry, actor),
            Body::SendDirectives(command) => command.apply(entry, actor),
            Body::DispatchDirectives(command) => command.apply(entry, actor),
            Body::StepDirectives(command) => command.apply(entry, actor),
            Body::CancelDirectives(command) => command.apply(entry, actor),
            Body::ReviewDirective(command) => command.apply(entry, actor),
            Body::EmergencyStop(command) => command.apply(entry, actor),
            Body::EmergencyResume(command) => command.apply(entry, actor),
            Body::ScheduleMaintenance(command) => command.apply(entry, actor),
            Body::EndMaintenance(command) => command.apply(entry, actor),
            Body::Propose(command) => command.apply(entry, actor),
            Body::Approve(command) => command.apply(entry, actor),
            Body::RejectProposal(command) => command.apply(entry, actor),
            Body::RevokeProposal(command) => command.apply(entry, actor),
            Body::EnrolApprovalKey(command) => command.apply(entry, actor),
            Body::ConfirmApprovalKey(command) => command.apply(entry, actor),
            Body::RevokeApprovalKey(command) => command.apply(entry, actor),
            Body::ReleaseDirectives(command) => command.apply(entry, actor),
            Body::UnsetSetting(command) => command.apply(entry, actor),
            Body::SetFlag(command) => command.apply(entry, actor),
            Body::RemoveFlag(command) => command.apply(entry, actor),
            Body::PutSecret(command) => command.apply(entry, actor),
            Body::RemoveSecret(command) => command.apply(entry, actor),
            Body::ConfigureNetwork(command) => command.apply(entry, actor),
            Body::ConfigureNetworkAsset(command) => command.apply(entry, actor),
            Body::AddConsumer(command) => command.apply(entry, actor),
            Body::CommitConsumer(command) => command.apply(entry, actor),
            Body::RemoveConsumer(command) => command.apply(entry, actor),
            Body::MakeEvents(command) => command.apply(entry),
            Body::CreateAdmin(command) => command.apply(entry, actor),
            Body::UpdateAdmin(command) => command.apply(entry, actor),
            Body::SetCredentials(command) => command.apply(entry, actor),
            Body::OpenSession(command) => command.apply(entry, actor),
            Body::TouchSession(command) => command.apply(entry, actor),
            Body::StepUp(command) => command.apply(entry, actor),
            Body::CloseSessions(command) => command.apply(entry, actor),
            Body::NoteSignInFailure(command) => command.apply(entry, actor),
            Body::RequestWithdrawal(command) => command.apply(entry, actor),
            Body::StepWithdrawal(command) => command.apply(entry, actor),
            Body::ApproveWithdrawal(command) => command.apply(entry, actor),
            Body::PreparePayout(command) => command.apply(entry, actor),
            Body::StepPayout(command) => command.apply(entry, actor),
            Body::ReviewPayout(command) => command.apply(entry, actor),
            Body::SetWithdrawalPolicy(command) => command.apply(entry, actor),
            Body::ChangeAddressBook(command) => command.apply(entry, actor),
            Body::RegisterWallet(command) => command.apply(entry, actor),
            Body::RetireWallet(command) => command.apply(entry, actor),
            Body::StockAddresses(command) => command.apply(entry),
            Body::AllocateAddress(command) => command.apply(entry),
            Body::ListAsset(command) => command.apply(entry, actor),
            Body::SetPrice(command) => command.apply(entry, actor),
            Body::CommitBlocks(command) => command.apply(entry, actor),
            Body::CommitMissed(command) => command.apply(entry, actor),
            Body::NotePending(command) => command.apply(entry, actor),
            Body::RewindBlocks(command) => command.apply(entry, actor),
            Body::NoteSilence(command) => command.apply(entry, actor),
            Body::DoubtToken(command) => command.apply(entry, actor),
            Body::ResumeChain(command) => command.apply(entry, actor),
            Body::AssignSuspense(command) => command.apply(entry, actor),
            Body::ReportBalances(command) => command.apply(entry, actor),
            Body::ExplainDiscrepancy(command) => command.apply(entry, actor),
            Body::AdjustDiscrepancy(command) => command.apply(entry, actor),
            Body::ResumePayments(command) => command.apply(entry, actor),
            Body::PlanSweeps(command) => command.apply(entry, actor),
            Body::ExplainSweeps(command) => command.apply(entry, actor),
            Body::NoteGas(command) => command.apply(entry, actor),
            Body::SetNonce(command) => command.apply(entry, actor),
        }
    }

    /// The keys of the rows of [`crate::Family::Ids`] that this command may look up beside its own id, in the order in
    /// which it asks for them.
    pub(crate) fn lookups(&self, ledger: &Ledger) -> Vec<Vec<u8>> {
        let mut keys = Vec::new();
        match self {
            Body::PutScratch(PutScratch { key, .. }) => keys.push(scratch::key(key)),
            Body::PostTransfers(PostTransfers { transfers }) | Body::BulkTransfer(BulkTransfer { transfers }) => {
                transfers.iter().for_each(|transfer| ledger.transfer_lookups(transfer, &mut keys));
            }
            Body::RevertTransfer(command) => ledger.revert_lookups(&command.revert(Actor::Operator), &mut keys),
            Body::CreditSandbox(CreditSandbox { id, .. })
            | Body::TransferBetweenUsers(TransferBetweenUsers { id, .. }) => {
                keys.extend(ledger.id_lookup(*id));
            }
            Body::SendDirectives(SendDirectives { directives: sent, .. }) => {
                keys.extend(sent.iter().filter_map(|new| new.key.as_deref()).map(key_row));
            }
            Body::SetCredentials(command) => {
                keys.extend(command.of.lookups());
                if let CredentialChange::Begin { name, .. } = &command.change {
                    keys.insert(1.min(keys.len()), name_key(name));
                }
            }
            Body::OpenSession(command) => {
                keys.extend(command.of.lookups());
                if let Principal::User(_) = command.of {
                    keys.push(session_key(&command.session));
                }
            }
            Body::TouchSession(TouchSession { of, .. })
            | Body::StepUp(StepUp { of, .. })
            | Body::CloseSessions(CloseSessions { of, .. })
            | Body::NoteSignInFailure(NoteSignInFailure { of: Some(of), .. }) => keys.extend(of.lookups()),
            Body::UpdateUser(UpdateUser { user, status: Some(UserStatus::Frozen), .. }) => {
                keys.push(sessions_key(*user))
            }
            Body::CreateApiKey(command) => keys.push(credentials_key(command.user)),
            Body::RegisterWallet(command) => {
                keys.extend(command.addresses.iter().map(|own| address_key(command.family, &own.address)));
            }
            Body::StockAddresses(command) => keys.extend(command.lookups()),
            Body::AllocateAddress(command) => keys.push(user_addresses_key(command.user)),
            Body::CommitBlocks(command) => keys.extend(command.lookups()),
            Body::CommitMissed(command) => keys.extend(command.lookups()),
            Body::NotePending(command) => keys.extend(command.lookups()),
            Body::ReportBalances(command) => keys.extend(command.lookups()),
            Body::RequestWithdrawal(command) => keys.extend(command.lookups()),
            Body::PreparePayout(command) => keys.extend(command.lookups()),
            Body::StepPayout(command) => keys.extend(command.lookups()),
            Body::ReviewPayout(command) => keys.extend(command.lookups()),
            Body::ChangeAddressBook(command) => keys.extend(command.lookups()),
            // No other command looks anything up.
            _ => {}
        }
        keys
    }
}

/// Whether a reason may stand in the audit.
///
/// # Errors
/// `ReasonMissing`, `ReasonTooLong`.
pub fn check_reason(reason: &str) -> Result<(), Rejection> {
    if reason.trim().is_empty() {
        return Err(Rejection::ReasonMissing);
    }
    check_reason_length(reason)
}

/// The same for a reason that need not be given.
fn check_reason_length(reason: &str) -> Result<(), Rejection> {
    if reason.len() > REASON_BYTES_MAX {
        return Err(Rejection::ReasonTooLong);
    }
    Ok(())
}
