//! What needs approval, by how many others, and what those must be allowed: this is the one place.
//!
//! A new command must be decided here: there is no default.

use exchequer_domain::{UserId, WorkerKind};
use exchequer_ledger::{AccountKey, Holder, Ledger};

use crate::apply::{CredentialChange, RevertSettings, SetSetting, UnsetSetting, is_by_person};
use crate::audit::Action;
use crate::command::{Actor, Body};
use crate::directives::Decision;
use crate::people::{AdminStatus, People, Permission, Principal};
use crate::state::State;

/// What an operation needs before it is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// How many other persons must approve it.
    pub needed: u8,
    /// What they must be allowed.
    pub permission: Permission,
}

/// Approved by those who approve changes.
const CHANGE: Policy = Policy { needed: 1, permission: Permission::ApproveChange };
/// Approved by those who approve movements of money, and can begin none.
const MONEY: Policy = Policy { needed: 1, permission: Permission::ApproveMoney };
/// Approved by those who may ask for it themselves.
const RESUME: Policy = Policy { needed: 1, permission: Permission::EmergencyResume };

/// What a command of this sender needs; none where it needs nobody else. Whoever shows the operator token is no person who
/// could be told apart from an approver, so that two others must approve where one would do for an admin. The ledger stands
/// apart, because while an entry is applied it is not in the state.
#[must_use]
pub fn policy_of(body: &Body, actor: Actor, state: &State, ledger: &Ledger) -> Option<Policy> {
    let policy = of_body(body, actor, state, ledger)?;
    let needed = policy.needed + u8::from(!matches!(actor, Actor::Admin(_)));
    Some(Policy { needed, ..policy })
}

fn of_body(body: &Body, actor: Actor, state: &State, ledger: &Ledger) -> Option<Policy> {
    match body {
        // What is critical, and what moves further than one person may move it in a day; for a part of the exchange as for all.
        Body::SetSetting(SetSetting { key, value, .. }) => {
            state.settings().change_needs_second_person(key, Some(value), state.time()).then_some(CHANGE)
        }
        Body::UnsetSetting(UnsetSetting { key, .. }) => {
            state.settings().change_needs_second_person(key, None, state.time()).then_some(CHANGE)
        }
        Body::RevertSettings(RevertSettings { to_revision, .. }) => {
            state.settings().revert_needs_second_person(*to_revision).then_some(CHANGE)
        }
        Body::RevertTransfer(_) | Body::TransferBetweenUsers(_) => Some(MONEY),
        Body::CreateAdmin(_) => Some(CHANGE),
        // Taking somebody's access away is urgent and gives nobody any.
        Body::UpdateAdmin(command) => {
            let only_disables =
                command.status == Some(AdminStatus::Disabled) && command.roles.is_none() && command.ranges.is_none();
            (!only_disables).then_some(CHANGE)
        }
        // Whoever can reset somebody's password can sign in as two persons.
        Body::SetCredentials(command) => match (command.of, actor) {
            (Principal::Admin(of), Actor::Admin(by)) if of == by => None,
            (Principal::Admin(_), _) => Some(CHANGE),
            // Whoever takes over a customer's account has what is in it. The first password of one takes nothing from anybody.
            (Principal::User(user), _) => match command.change {
                CredentialChange::Reset { .. } => Some(CHANGE),
                CredentialChange::Begin { .. } => {
                    (command.revision > 0 || has_something(user, state, ledger)).then_some(CHANGE)
                }
                CredentialChange::Password { .. }
                | CredentialChange::Factor { .. }
                | CredentialChange::Recovery { .. } => None,
            },
        },
        // Whoever has a key of a customer's trades with what the customer has.
        Body::CreateApiKey(command) => (actor != Actor::User(command.user)).then_some(CHANGE),
        // So does whoever enters orders in a customer's name: by an order that another one meets, money changes its owner. In a
        // sandbox there is none to lose.
        Body::PlaceOrder(_) | Body::PlacePair(_) | Body::AmendOrder(_) | Body::ReplaceOrder(_) => {
            let for_another = matches!(actor, Actor::Operator | Actor::Admin(_));
            (for_another && !state.cluster().is_some_and(|cluster| cluster.sandbox)).then_some(MONEY)
        }
        // A node that joins gets the keyring, and with it everything.
        Body::CreateJoinToken(_) => Some(CHANGE),
        Body::RecordAction(command) => (command.action == Action::KeyringExport).then_some(CHANGE),
        // What makes workers move money is no less than moving it.
        Body::EnqueueJobs(command) => {
            let by_person = matches!(actor, Actor::Operator | Actor::Admin(_));
            let moves = command.jobs.iter().any(|job| moves_money(job.queue.as_str()));
            (by_person && moves).then_some(MONEY)
        }
        Body::ReviewDirective(command) => {
            let again = matches!(command.decision, Decision::Retry);
            let target = state.directives().get(command.directive).map(|directive| directive.target);
            (again && target.is_some_and(|target| target.moves_money())).then_some(CHANGE)
        }
        // When a deposit counts, what a transaction may cost, and whom the exchange believes. Switching is one person's.
        Body::ConfigureNetwork(command) => {
            let counts = command.tradable.is_some() || command.withdrawable.is_some();
            let costs = command.fee_rate_max.is_some() || command.fee_max.is_some();
            (counts || costs || command.endpoints.is_some()).then_some(CHANGE)
        }
        // That a token counts as it is listed although its contract says otherwise.
        Body::ConfigureNetworkAsset(command) => {
            let counts_otherwise = state.counts_otherwise(command.network, command.asset).is_some();
            (counts_otherwise && command.deposits == Some(true)).then_some(CHANGE)
        }
        // Whose the exchange's wallets are, and what counts as money that came in.
        Body::RegisterWallet(_) | Body::RetireWallet(_) | Body::ListAsset(_) => Some(CHANGE),
        // A person could put an address of their own among those that users pay to.
        Body::StockAddresses(_) => is_by_person(actor).then_some(CHANGE),
        Body::AssignSuspense(_) | Body::AdjustDiscrepancy(_) => Some(MONEY),
        // Something is missing, and money is to leave all the same.
        Body::ResumePayments(_) => Some(MONEY),
        // A nonce that is given once more can pay in the place of another payment.
        Body::SetNonce(_) => Some(MONEY),
        Body::ReportBalances(_) | Body::ExplainDiscrepancy(_) => None,
        Body::ResumeChain(_) => Some(CHANGE),
        Body::NoteSilence(_) | Body::DoubtToken(_) => None,
        // What was missed becomes money of users.
        Body::SendDirectives(command) => command.commits_missed().then_some(MONEY),
        Body::CommitBlocks(_) | Body::CommitMissed(_) | Body::NotePending(_) => None,
        Body::RewindBlocks(_) | Body::NoteGas(_) => None,
        Body::PlanSweeps(_) | Body::ExplainSweeps(_) => None,
        Body::SetPrice(command) => command.goes_far(state.custody(), actor, state.time()).then_some(CHANGE),
        // Who must agree to withdrawals, and how much may leave.
        Body::SetWithdrawalPolicy(_) => Some(CHANGE),
        // Money of a customer's that leaves on somebody else's word. In a sandbox there is none to lose.
        Body::RequestWithdrawal(_) => {
            let for_another = matches!(actor, Actor::Operator | Actor::Admin(_));
            (for_another && !state.cluster().is_some_and(|cluster| cluster.sandbox)).then_some(MONEY)
        }
        // Where money is that nobody found by itself.
        Body::ReviewPayout(command) => command.decision.moves_money().then_some(MONEY),
        // What the exchange signs and pays with.
        Body::PutSecret(_) | Body::RemoveSecret(_) => Some(CHANGE),
        // What workers can be told to run. To choose among what is registered is one person's: the way back is quick.
        Body::RegisterBinary(_) => Some(CHANGE),
        // Whoever sent them wanted somebody else to agree.
        Body::ReleaseDirectives(_) => Some(CHANGE),
        Body::EmergencyResume(_) => Some(RESUME),
        // What is about proposals, keys and emergencies has rules of its own.
        Body::Propose(_)
        | Body::Approve(_)
        | Body::RejectProposal(_)
        | Body::RevokeProposal(_)
        | Body::EnrolApprovalKey(_)
        | Body::ConfirmApprovalKey(_)
        | Body::RevokeApprovalKey(_)
        | Body::EmergencyStop(_) => None,
        // Money out of nothing exists in sandboxes only.
        Body::OpenAccounts(_) | Body::PostTransfers(_) | Body::BulkTransfer(_) | Body::CreditSandbox(_) => None,
        Body::Bootstrap(_)
        | Body::Reform(_)
        | Body::AdmitNode(_)
        | Body::UpdateNode(_)
        | Body::RemoveNode(_)
        | Body::RotateAuthority(_)
        | Body::RotateOperatorToken(_)
        | Body::PutScratch(_)
        | Body::Digest(_)
        | Body::RaiseVersion(_)
        | Body::CreateAsset(_)
        | Body::CreateUser(_)
        | Body::CreateUsers(_)
        | Body::UpdateUser(_)
        | Body::RevokeApiKey(_)
        | Body::CreateMarket(_)
        | Body::ConfigureMarket(_)
        | Body::SetMarketPhase(_)
        | Body::CancelOrder(_)
        | Body::CancelOrders(_)
        | Body::CancelAfter(_)
        | Body::ScheduleMaintenance(_)
        | Body::EndMaintenance(_)
        | Body::LeaseJobs(_)
        | Body::RenewJobs(_)
        | Body::FinishJobs(_)
        | Body::CancelJobs(_)
        | Body::RetryJobs(_)
        | Body::ConfigureQueue(_)
        | Body::OpenSession(_)
        | Body::TouchSession(_)
        | Body::StepUp(_)
        | Body::NoteSignInFailure(_)
        | Body::CloseSessions(_)
        | Body::AddWorkers(_)
        | Body::SetWorkers(_)
        | Body::RestartWorkers(_)
        | Body::RemoveWorkers(_)
        | Body::StepWorkers(_)
        | Body::ReportWorkers(_)
        | Body::SetScale(_)
        | Body::Rescale(_)
        | Body::ForgetBinary(_)
        | Body::UseBinary(_)
        | Body::BulkWorkers(_)
        | Body::UndoBulk(_)
        | Body::DispatchDirectives(_)
        | Body::StepDirectives(_)
        | Body::CancelDirectives(_)
        | Body::SetFlag(_)
        | Body::RemoveFlag(_)
        | Body::AddConsumer(_)
        | Body::CommitConsumer(_)
        | Body::RemoveConsumer(_)
        | Body::MakeEvents(_)
        | Body::AllocateAddress(_) => None,
        // Of these the room of withdrawals has rules of its own.
        Body::StepWithdrawal(_)
        | Body::ApproveWithdrawal(_)
        | Body::PreparePayout(_)
        | Body::StepPayout(_)
        | Body::ChangeAddressBook(_) => None,
    }
}

/// Whether a customer could lose something to whoever gets into the account.
fn has_something(user: UserId, state: &State, ledger: &Ledger) -> bool {
    let holder = Holder::Customer { customer: user.0, sub_account: 0 };
    let mut accounts = state.assets().iter().map(|asset| AccountKey { holder, asset: asset.number });
    let keys = state.api_keys().of_user(user).any(|key| key.revoked_at.is_none());
    keys || accounts.any(|account| ledger.find(&account).is_some())
}

/// Whether the workers of a kind that moves money take jobs from this queue.
fn moves_money(queue: &str) -> bool {
    let kind = queue.split('.').next().unwrap_or(queue).parse::<WorkerKind>();
    kind.is_ok_and(WorkerKind::moves_money)
}

/// The person whose power an operation changes: their own consent to it is worth nothing.
pub(crate) fn about(body: &Body, people: &People) -> Option<String> {
    match body {
        Body::CreateAdmin(command) => Some(command.person.clone()),
        Body::UpdateAdmin(command) => Some(people.person_of(command.admin).to_owned()),
        Body::SetCredentials(command) => match command.of {
            Principal::Admin(admin) => Some(people.person_of(admin).to_owned()),
            Principal::User(_) => None,
        },
        _ => None,
    }
}
