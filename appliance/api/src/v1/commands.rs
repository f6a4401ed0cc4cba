//! `GET /v1/commands/{id}`: what became of a command, for a client that lost the answer.

use axum::extract::State;
use exchequer_domain::{Code, CommandId, Problem};
use exchequer_state::{Done, Execution, Outcome, Rejection, Stepped, Traded, ledger, matching};

use crate::app::App;
use crate::dto::shapes;
use crate::dto::{CommandOutcome, CommandResult, DirectiveSent, Each, Effect, JobEnqueued, LedgerOutcome, OrderEffect};
use crate::extract::{Name, Params};
use crate::openapi::Param;
use crate::problem::Refused;
use crate::read::{Freshness, Seen};
use crate::route::Route;
use crate::words;
use exchequer_state::people::Permission;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/commands/{id}", outcome)
            .needs(Permission::StatusRead)
            .says("What became of a command whose answer was lost")
            .named(Param::text::<shapes::CommandIdText>("id", "The command's id")),
    ]
}

async fn outcome(State(app): State<App>, Name(id): Name, mut params: Params) -> Result<Seen<CommandOutcome>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let id: CommandId = id.parse().map_err(|error| Problem::new(Code::BadRequest, format!("{error}")))?;
    let seen = app.read_rows(freshness, move |state, rows| {
        let outcome = state.outcome_by_id(rows, id).map_err(|halt| halt.problem())?;
        outcome.ok_or_else(|| {
            Problem::new(Code::NotFound, format!("no outcome is known of command {id}"))
                .hint("it never took effect, or more than a day ago; one that is still under way may yet")
        })
    });
    Ok(seen.await?.map(|outcome| CommandOutcome { command_id: id.to_string(), outcome: result(outcome) }))
}

fn result(outcome: Outcome) -> CommandResult {
    match outcome {
        Outcome::Done(done) => CommandResult::Done { effect: effect(done) },
        Outcome::Rejected(rejection) => CommandResult::Rejected { error: rejection.problem() },
    }
}

fn effect(done: Done) -> Effect {
    match done {
        Done::Bootstrapped { node } => Effect::Bootstrapped { node: node.0 },
        Done::SettingChanged { revision } => Effect::SettingChanged { revision },
        Done::SettingsReverted { revision, changed } => Effect::SettingsReverted { revision, changed },
        Done::JoinTokenCreated { expires_at } => Effect::JoinTokenCreated { expires_at: expires_at.to_string() },
        Done::NodeAdmitted { node } => Effect::NodeAdmitted { node: node.0 },
        Done::NodeUpdated { changed } => Effect::NodeUpdated { changed },
        Done::NodeRemoved => Effect::NodeRemoved,
        Done::AuthorityRotated => Effect::AuthorityRotated,
        Done::OperatorTokenRotated => Effect::OperatorTokenRotated,
        Done::ActionRecorded { sequence } => Effect::ActionRecorded { sequence },
        Done::ScratchPut { version } => Effect::ScratchPut { version },
        Done::DigestRequested { index } => Effect::DigestRequested { index },
        Done::VersionRaised { logic_version } => Effect::VersionRaised { logic_version },
        Done::Reformed { removed } => Effect::Reformed { removed },
        Done::AssetCreated { asset } => Effect::AssetCreated { asset: asset.0 },
        Done::UserCreated { user } => Effect::UserCreated { user: user.0 },
        Done::UsersCreated { first, count } => Effect::UsersCreated { first: first.0, count },
        Done::UserUpdated { changed } => Effect::UserUpdated { changed },
        Done::Accounts(outcomes) => Effect::Accounts { outcomes: outcomes.into_iter().map(of_ledger).collect() },
        Done::Transfers(outcomes) => Effect::Transfers { outcomes: outcomes.into_iter().map(of_ledger).collect() },
        Done::Bulk(done) => Effect::Transfers { outcomes: done.into_iter().map(done_by_ledger).collect() },
        Done::Transfer(done) => Effect::Transfer { outcome: done_by_ledger(done) },
        Done::ApiKeyCreated { id } => Effect::ApiKeyCreated { id: id.0 },
        Done::ApiKeyRevoked => Effect::ApiKeyRevoked,
        Done::MarketCreated { market } => Effect::MarketCreated { market: market.0 },
        Done::MarketConfigured => Effect::MarketConfigured,
        Done::MarketPhase { phase } => Effect::MarketPhase { phase: words::phase(phase).to_owned() },
        Done::Traded(traded) => orders(&traded, None),
        Done::Replaced { traded, refused } => orders(&traded, refused),
        Done::SwitchSet { at } => Effect::SwitchSet { at: at.map(|at| at.to_string()) },
        Done::JobsEnqueued(jobs) => {
            let jobs = jobs.iter().map(|entered| JobEnqueued { job: entered.job.0, new: entered.new });
            Effect::JobsEnqueued { jobs: jobs.collect() }
        }
        Done::JobsLeased(jobs) => Effect::JobsLeased { jobs: jobs.iter().map(|job| job.id.0).collect() },
        Done::Jobs(results) => {
            let outcomes = results.into_iter().map(|result| Each { error: result.err().map(|why| why.problem()) });
            Effect::Jobs { outcomes: outcomes.collect() }
        }
        Done::QueueConfigured => Effect::QueueConfigured,
        Done::AdminCreated { admin } => Effect::AdminCreated { admin: admin.0 },
        Done::AdminUpdated { changed } => Effect::AdminUpdated { changed },
        Done::CredentialsSet { .. } => Effect::CredentialsSet,
        Done::SessionOpened => Effect::SessionOpened,
        Done::SessionTouched | Done::SignInFailureNoted => Effect::PutDown,
        Done::SteppedUp => Effect::SteppedUp,
        Done::SessionsClosed { count } => Effect::SessionsClosed { count },
        Done::WorkersChanged { changed } => Effect::WorkersChanged { changed },
        Done::WorkersStepped(steps) => {
            let taken = steps.iter().filter(|step| **step == Stepped::Taken).count();
            Effect::WorkersStepped { taken, refused: steps.len() - taken }
        }
        Done::WorkersReported { passed_over } => {
            Effect::WorkersReported { passed_over: passed_over.iter().map(ToString::to_string).collect() }
        }
        Done::WorkersScaled { from, to } => Effect::WorkersScaled { from, to },
        Done::WorkerBinaryRegistered => Effect::WorkerBinaryRegistered,
        Done::WorkerBinaryForgotten => Effect::WorkerBinaryForgotten,
        Done::WorkerBinaryUsed { changed } => Effect::WorkerBinaryUsed { changed },
        Done::WorkersBulk { bulk, changed } => Effect::WorkersBulk { bulk, changed },
        Done::DirectivesSent(sent) => {
            let sent = sent.iter().map(|sent| DirectiveSent { directive: sent.directive.0, new: sent.new });
            Effect::DirectivesSent { directives: sent.collect() }
        }
        Done::DirectivesDispatched(dispatched) => {
            Effect::DirectivesDispatched { directives: dispatched.iter().map(|one| one.id.0).collect() }
        }
        Done::Directives(results) => {
            let outcomes = results.into_iter().map(|result| Each { error: result.err().map(|why| why.problem()) });
            Effect::Directives { outcomes: outcomes.collect() }
        }
        Done::DirectiveReviewed => Effect::DirectiveReviewed,
        Done::EmergencyStopped { since, markets } => Effect::EmergencyStopped { since: since.to_string(), markets },
        Done::EmergencyResumed { markets } => Effect::EmergencyResumed { markets },
        Done::MaintenanceScheduled { window } => Effect::MaintenanceScheduled { number: window.0 },
        Done::MaintenanceEnded => Effect::MaintenanceEnded,
        Done::Proposed { proposal, needed, expires } => {
            Effect::Proposed { proposal: proposal.0, needed, expires_at: expires.to_string() }
        }
        Done::Approved { proposal, approvals, needed, execution } => {
            let error = match &execution {
                Execution::Waits | Execution::Done(_) => None,
                Execution::Refused(why) => Some(why.problem()),
            };
            let executed = matches!(execution, Execution::Done(_));
            Effect::Approved { proposal: proposal.0, approvals, needed, executed, error }
        }
        Done::ProposalEnded => Effect::ProposalEnded,
        Done::ApprovalKeyEnrolled { key } => Effect::ApprovalKeyEnrolled { key: key.0 },
        Done::ApprovalKeyConfirmed { in_force } => Effect::ApprovalKeyConfirmed { in_force },
        Done::ApprovalKeyRevoked => Effect::ApprovalKeyRevoked,
        Done::FlagSet { version } => Effect::FlagSet { version },
        Done::FlagRemoved => Effect::FlagRemoved,
        Done::SecretPut { version } => Effect::SecretPut { version },
        Done::SecretRemoved => Effect::SecretRemoved,
        Done::NetworkConfigured { version } => Effect::NetworkConfigured { version },
        Done::NetworkAssetConfigured => Effect::NetworkAssetConfigured,
        Done::ConsumerAdded { offset } => Effect::ConsumerAdded { offset },
        Done::ConsumerCommitted { offset } => Effect::ConsumerCommitted { offset },
        Done::ConsumerRemoved => Effect::ConsumerRemoved,
        Done::EventsMade { last } => Effect::EventsMade { last },
        Done::WalletRegistered { wallet } => Effect::WalletRegistered { wallet: wallet.0 },
        Done::WalletRetired => Effect::WalletRetired,
        Done::AddressesStocked { next } => Effect::AddressesStocked { next },
        Done::AddressAllocated { address, index, new } => {
            Effect::AddressAllocated { address: address.to_string(), index, new }
        }
        Done::AssetListed { version } => Effect::AssetListed { version },
        Done::PriceSet => Effect::PriceSet,
        Done::BlocksCommitted { tip } => Effect::BlocksCommitted { height: tip.height },
        Done::MissedCommitted { taken } => Effect::MissedCommitted { taken },
        Done::BlocksRewound { tip } => Effect::BlocksRewound { height: tip.height },
        Done::ChainHalted => Effect::ChainHalted,
        Done::ChainResumed => Effect::ChainResumed,
        Done::PendingNoted => Effect::PendingNoted,
        Done::GasNoted => Effect::GasNoted,
        Done::BalancesBegun { run } => Effect::BalancesBegun { run: run.0 },
        Done::BalancesJudged { .. } => Effect::BalancesJudged,
        Done::BalancesReconciled { holds } => Effect::BalancesReconciled { holds },
        Done::DiscrepancyMoved => Effect::DiscrepancyMoved,
        Done::PaymentsResumed => Effect::PaymentsResumed,
        Done::SweepsPlanned { .. } => Effect::SweepsPlanned,
        Done::SweepsExplained => Effect::SweepsExplained,
        Done::SuspenseAssigned => Effect::SuspenseAssigned,
        Done::WithdrawalRequested { withdrawal, stage, first } => {
            Effect::WithdrawalRequested { withdrawal: withdrawal.0, stage: stage.as_str().to_owned(), first }
        }
        Done::WithdrawalMoved { stage } => Effect::WithdrawalMoved { stage: stage.as_str().to_owned() },
        Done::PayoutPrepared { payout, attempt } => Effect::PayoutPrepared { payout: payout.0, attempt },
        Done::PayoutWaits { gas } => Effect::PayoutWaits { gas },
        Done::NoncePassed { next, chain } => Effect::NoncePassed { next, chain },
        Done::NonceSet { next } => Effect::NonceSet { next },
        Done::PayoutMoved { stage } => Effect::PayoutMoved { stage: stage.as_str().to_owned() },
        Done::WithdrawalPolicySet { version } => Effect::WithdrawalPolicySet { version },
        Done::AddressBookChanged => Effect::AddressBookChanged,
    }
}

fn orders(traded: &Traded, refused: Option<matching::Rejection>) -> Effect {
    let orders = traded.orders.iter().map(|order| OrderEffect {
        market: order.market.0,
        order: order.id.0,
        client_order_id: order.client_id.as_str().to_owned(),
        open: order.status.is_open(),
        executed_lots: order.executed.0.to_string(),
    });
    let error = refused.map(|why| Rejection::Order { why }.problem());
    Effect::Orders { orders: orders.collect(), trades: traded.fills.len(), error }
}

fn of_ledger(outcome: ledger::Outcome) -> LedgerOutcome {
    match outcome {
        ledger::Outcome::Done(done) => done_by_ledger(done),
        ledger::Outcome::Rejected(rejection) => LedgerOutcome::Rejected { error: rejection.problem() },
    }
}

fn done_by_ledger(done: ledger::Done) -> LedgerOutcome {
    match done {
        ledger::Done::AccountOpened { account } => LedgerOutcome::AccountOpened { account: account.0 },
        ledger::Done::AccountExists { account } => LedgerOutcome::AccountExists { account: account.0 },
        ledger::Done::Posted { first, postings } => LedgerOutcome::Posted { first, postings },
        ledger::Done::Exists { first, postings, time } => {
            LedgerOutcome::Exists { first, postings, time: time.to_string() }
        }
        ledger::Done::Bulk(done) => LedgerOutcome::Bulk { outcomes: done.into_iter().map(done_by_ledger).collect() },
    }
}
