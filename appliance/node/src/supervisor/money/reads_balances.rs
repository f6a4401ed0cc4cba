//! What balance-sync workers read and tell.

use exchequer_domain::{Network, Timestamp, WorkerKind};
use exchequer_state::reconciliation::{READINGS_AT_ONCE_MAX, Reading, RunId};
use exchequer_state::withdrawals::PayoutId;
use exchequer_state::{BalanceStep, Body, ReportBalances};
use exchequer_workers::money::proto::{self, report_balances};
use exchequer_workers::money::words;
use tonic::Status;

use super::super::ground::Ground;
use super::super::launch::Launcher;
use super::{Caller, Door, only, unreadable};

/// Touched addresses that are told at once; the rest is told once these were compared.
const TOUCHED_MAX: usize = 2_000;

/// The command of what a worker tells.
pub(super) fn report(network: Network, message: proto::ReportBalances) -> Result<Body, Status> {
    use report_balances::Step;
    let missing = || Status::invalid_argument("it tells nothing");
    let step = match message.step.ok_or_else(missing)? {
        Step::Begin(begin) => BalanceStep::Begin { block: words::block(begin.block.as_ref()).map_err(unreadable)? },
        Step::Read(read) => {
            if read.readings.len() > READINGS_AT_ONCE_MAX {
                let words = format!("{} readings at once, and {READINGS_AT_ONCE_MAX} are taken", read.readings.len());
                return Err(Status::invalid_argument(words));
            }
            let at = words::block(read.at.as_ref()).map_err(unreadable)?;
            let readings = read.readings.iter().map(reading).collect::<Result<_, _>>()?;
            let (run, payouts, last) = (RunId(read.run), PayoutId(read.payouts), read.last);
            let time = Timestamp(read.time_us);
            BalanceStep::Read { run, from: at, until: at, payouts, readings, last, time }
        }
        Step::End(end) => {
            BalanceStep::End { run: RunId(end.run), failed: end.failed, swept: end.swept, whole: end.whole }
        }
        Step::Diverged(block) => BalanceStep::Diverged { block: words::block(Some(&block)).map_err(unreadable)? },
    };
    Ok(Body::ReportBalances(Box::new(ReportBalances { network, step })))
}

fn reading(message: &report_balances::Reading) -> Result<Reading, Status> {
    let amount = match message.amount.as_str() {
        "" => None,
        digits => Some(words::amount(digits).map_err(unreadable)?),
    };
    Ok(Reading {
        address: words::address(&message.address).map_err(unreadable)?,
        coin: words::coin(&message.coin).map_err(unreadable)?,
        amount,
        nonce: message.nonce,
    })
}

impl<G: Ground, L: Launcher> Door<G, L> {
    pub(crate) fn read_balance_work(&self, caller: Caller) -> Result<proto::BalanceWorkReply, Status> {
        let network = only(caller, &[WorkerKind::BalanceSync])?;
        self.read(caller, |state, _| {
            let chains = state.deposits().chains();
            let chain = chains.get(network);
            let net = state.reconciliation().net(network);
            let touched = state.reconciliation().touched(network).take(TOUCHED_MAX);
            proto::BalanceWorkReply {
                settled: chains.block(network, chain.settled).map(words::of_block),
                tip: chain.tip.map(words::of_block),
                payouts: state.withdrawals().last_payout().0,
                touched: touched.map(ToString::to_string).collect(),
                sweep_next: net.sweep.next,
                stocked: state.custody().pool(network.family()).stocked,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: what is told arrives as it was said, and what cannot be read is refused. Method: each step, and slips of them.
    #[test]
    fn reports_read() {
        let at = words::of_block(exchequer_domain::BlockRef { height: 7, hash: exchequer_domain::BlockHash([3; 32]) });
        let reading = |amount: &str| report_balances::Reading {
            address: "Abc".into(),
            coin: String::new(),
            amount: amount.into(),
            nonce: Some(4),
        };
        let read = |readings| {
            let at = Some(at.clone());
            let step = report_balances::Step::Read(report_balances::Read {
                run: 2,
                at,
                payouts: 9,
                readings,
                last: true,
                time_us: 7,
            });
            report(Network::Bsc, proto::ReportBalances { step: Some(step) })
        };
        let Ok(Body::ReportBalances(told)) = read(vec![reading("12"), reading("")]) else { panic!("a report") };
        let BalanceStep::Read { run, from, until, payouts, readings, last, time } = told.step else {
            panic!("readings")
        };
        assert_eq!(time, Timestamp(7));
        assert_eq!((run, from, payouts, last, told.network), (RunId(2), until, PayoutId(9), true, Network::Bsc));
        assert_eq!(readings.iter().map(|one| one.amount).collect::<Vec<_>>(), [Some(12), None]);
        assert!(read(vec![reading("1.5")]).is_err());
        assert!(read(vec![reading("1"); READINGS_AT_ONCE_MAX + 1]).is_err());
        assert!(report(Network::Bsc, proto::ReportBalances { step: None }).is_err());
        let begin = report_balances::Step::Begin(report_balances::Begin { block: None });
        assert!(report(Network::Bsc, proto::ReportBalances { step: Some(begin) }).is_err());
    }
}
