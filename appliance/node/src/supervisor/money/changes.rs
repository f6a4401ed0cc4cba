//! Changes: from messages to commands, and from what they came to back.

use exchequer_domain::{BlockHash, Network, WorkerKind};
use exchequer_state::deposits::{
    BLOCKS_AT_ONCE_MAX, DepositId, Heights, SENDERS_MAX, SIGHTINGS_AT_ONCE_MAX, SPENT_AT_ONCE_MAX, ScannedBlock,
    Sighting,
};
use exchequer_state::directives::DirectiveId;
use exchequer_state::withdrawals::{Stage, Waiting, WithdrawalId};
use exchequer_state::{
    Body, CommitBlocks, CommitMissed, Done, DoubtToken, NotePending, NoteSilence, RewindBlocks, StepWithdrawal,
    WithdrawalStep,
};
use exchequer_workers::money::proto::{self, change_request::Change, done::Done as Came};
use exchequer_workers::money::words;
use tonic::Status;

use super::{Caller, PAYERS, only, payouts, reads_balances, reads_sweeps, unreadable};

/// The command of a change, where this worker may make it.
pub(super) fn body(caller: Caller, change: Change) -> Result<Body, Status> {
    match change {
        Change::CommitBlocks(message) => {
            let commit = commit(only(caller, &[WorkerKind::Deposit])?, message)?;
            Ok(Body::CommitBlocks(Box::new(commit)))
        }
        Change::CommitMissed(message) => {
            let network = only(caller, &[WorkerKind::Deposit])?;
            bounded(message.sightings.len(), SIGHTINGS_AT_ONCE_MAX)?;
            bounded(message.absent.len(), SIGHTINGS_AT_ONCE_MAX)?;
            Ok(Body::CommitMissed(Box::new(CommitMissed {
                network,
                directive: DirectiveId(message.directive),
                block: words::block(message.block.as_ref()).map_err(unreadable)?,
                sightings: message.sightings.into_iter().map(sighting).collect::<Result<_, _>>()?,
                absent: message.absent.into_iter().map(DepositId).collect(),
            })))
        }
        Change::RewindBlocks(message) => {
            let network = only(caller, &[WorkerKind::Deposit])?;
            let from = words::block(message.from.as_ref()).map_err(unreadable)?;
            let to = words::block(message.to.as_ref()).map_err(unreadable)?;
            Ok(Body::RewindBlocks(RewindBlocks { network, from, to }))
        }
        Change::NoteSilence(message) => {
            let network = only(caller, &[WorkerKind::Deposit])?;
            Ok(Body::NoteSilence(NoteSilence { network, head: message.head }))
        }
        Change::DoubtToken(message) => {
            let network = only(caller, &[WorkerKind::Deposit])?;
            let (token, why) = (words::address(&message.token).map_err(unreadable)?, message.why);
            let decimals = message.decimals.map(u8::try_from).transpose();
            let decimals = decimals.map_err(|_| Status::invalid_argument("decimals are a number of at most 255"))?;
            Ok(Body::DoubtToken(Box::new(DoubtToken { network, token, why, decimals })))
        }
        Change::NotePending(message) => {
            let network = only(caller, &[WorkerKind::Deposit])?;
            bounded(message.sightings.len(), SIGHTINGS_AT_ONCE_MAX)?;
            bounded(message.replaced.len(), SIGHTINGS_AT_ONCE_MAX)?;
            let sightings = message.sightings.into_iter().map(sighting).collect::<Result<_, _>>()?;
            let replaced = message.replaced.iter().map(|tx| words::tx(tx).map_err(unreadable));
            let replaced = replaced.collect::<Result<_, _>>()?;
            let heights =
                message.heights.map(|told| Heights { head: told.head, finalized: told.finalized, agreed: told.agreed });
            Ok(Body::NotePending(Box::new(NotePending { network, sightings, replaced, heights })))
        }
        Change::PreparePayout(message) => payouts::prepare(only(caller, &PAYERS)?, message),
        Change::StepPayout(message) => payouts::step(only(caller, &PAYERS)?, message),
        Change::PlanSweeps(message) => reads_sweeps::plan(only(caller, &[WorkerKind::Consolidation])?, message),
        Change::ExplainSweeps(message) => reads_sweeps::explain(only(caller, &[WorkerKind::Consolidation])?, message),
        Change::ReportBalances(message) => reads_balances::report(only(caller, &[WorkerKind::BalanceSync])?, message),
        Change::NoteGas(message) => reads_sweeps::note_gas(only(caller, &[WorkerKind::Gas])?, &message),
        Change::Wait(message) => {
            only(caller, &[WorkerKind::Withdrawal])?;
            wait(message)
        }
    }
}

fn bounded(found: usize, most: usize) -> Result<(), Status> {
    if found <= most { Ok(()) } else { Err(Status::invalid_argument(format!("{found} at once, and {most} are taken"))) }
}

fn commit(network: Network, message: proto::CommitBlocks) -> Result<CommitBlocks, Status> {
    bounded(message.blocks.len(), BLOCKS_AT_ONCE_MAX)?;
    bounded(message.blocks.iter().map(|block| block.sightings.len()).sum(), SIGHTINGS_AT_ONCE_MAX)?;
    bounded(message.blocks.iter().map(|block| block.spent.len()).sum(), SPENT_AT_ONCE_MAX)?;
    let block = |message: proto::ScannedBlock| {
        let spent = message.spent.iter().map(|spent| {
            let coin = words::outpoint(spent.coin.as_ref()).map_err(unreadable)?;
            Ok::<_, Status>((coin, words::tx(&spent.by).map_err(unreadable)?))
        });
        Ok::<_, Status>(ScannedBlock {
            block: words::block(message.block.as_ref()).map_err(unreadable)?,
            parent: BlockHash(words::hash(&message.parent).map_err(unreadable)?),
            spent: spent.collect::<Result<_, _>>()?,
            sightings: message.sightings.into_iter().map(sighting).collect::<Result<_, _>>()?,
        })
    };
    Ok(CommitBlocks {
        network,
        parent: words::block(message.parent.as_ref()).map_err(unreadable)?,
        blocks: message.blocks.into_iter().map(block).collect::<Result<_, _>>()?,
        more: message.more,
        head: message.head,
        finalized: message.finalized,
        agreed: message.agreed,
    })
}

fn sighting(message: proto::Sighting) -> Result<Sighting, Status> {
    let to = words::address(&message.to).map_err(unreadable)?;
    let amount = match message.amount.as_str() {
        "" => None,
        digits => Some(words::amount(digits).map_err(unreadable)?),
    };
    // The state asks whether a sender is one of the exchange's; which one makes no difference, and the receiver is one.
    let from = if message.from_own { vec![to.clone()] } else { Vec::new() };
    debug_assert!(from.len() <= SENDERS_MAX, "one at most");
    Ok(Sighting {
        tx: words::tx(&message.tx).map_err(unreadable)?,
        place: words::place(message.place.as_ref()).map_err(unreadable)?,
        coin: words::coin(&message.coin).map_err(unreadable)?,
        to,
        amount,
        from,
        immature: message.immature,
    })
}

fn wait(message: proto::Wait) -> Result<Body, Status> {
    use proto::wait::Why;
    let reason = match message.why {
        Some(Why::InsufficientHot(true)) => Waiting::InsufficientHot,
        Some(Why::InsufficientGas(true)) => Waiting::InsufficientGas,
        Some(Why::FeeTooHigh(true)) => Waiting::FeeTooHigh,
        Some(Why::SetAside(why)) => Waiting::SetAside { why },
        Some(Why::FeeCapTooLow(needed)) => Waiting::FeeCapTooLow { needed },
        Some(Why::InsufficientHot(false) | Why::InsufficientGas(false) | Why::FeeTooHigh(false)) | None => {
            return Err(Status::invalid_argument("it does not say what is waited for"));
        }
    };
    let step = WithdrawalStep::Wait(reason);
    Ok(Body::StepWithdrawal(StepWithdrawal { withdrawal: WithdrawalId(message.withdrawal), from: Stage::Queued, step }))
}

/// What a change came to, where it is one of these.
pub(super) fn done(done: Done) -> Option<Came> {
    Some(match done {
        Done::BlocksCommitted { tip } | Done::BlocksRewound { tip } => Came::Tip(words::of_block(tip)),
        Done::ChainHalted => Came::Halted(true),
        Done::PendingNoted | Done::SweepsPlanned { .. } | Done::SweepsExplained | Done::GasNoted => Came::Noted(true),
        Done::PayoutPrepared { payout, attempt } => {
            Came::PayoutPrepared(proto::PayoutPrepared { payout: payout.0, attempt: u32::from(attempt) })
        }
        Done::PayoutWaits { gas } => Came::PayoutWaits(proto::PayoutWaits { gas }),
        Done::BalancesBegun { run } => Came::Run(run.0),
        Done::BalancesJudged { waits } => {
            Came::BalancesJudged(proto::BalancesJudged { waits: waits.into_iter().map(u32::from).collect() })
        }
        Done::BalancesReconciled { holds } => Came::Reconciled(holds),
        Done::MissedCommitted { taken } => Came::Taken(taken),
        Done::PayoutMoved { stage } | Done::WithdrawalMoved { stage } => Came::Stage(stage.as_str().to_owned()),
        _ => return None,
    })
}
