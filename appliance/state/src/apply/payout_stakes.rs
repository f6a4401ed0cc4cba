//! Stake: what may be frozen, lent and taken back, and the loans that follow from it.
//!
//! Invariant: to each loan that the network has a row of the book stands, and taking it back is refused to nobody who would end one
//! that is over its sweep: no budget, price or plan is asked for that.

use exchequer_domain::{Family, Network};

use super::{Entry, Stop};
use crate::custody::{self, WalletRole};
use crate::gas::{LOANS_MAX, Loan, LoanStage};
use crate::planted::{self, Bug};
use crate::rejection::Rejection;
use crate::rows::Table;
use crate::settings::{Scope, schema};
use crate::sweeps::{SweepPlan, SweepStatus};
use crate::withdrawals::{Errand, GasHeld, Lent, MoveFault, Payer, Payout, PayoutId, Refusal, STAKE_SUN_MIN, Stake};

const fn no(what: MoveFault) -> Refusal {
    Refusal::Move { what }
}

impl Entry<'_> {
    /// Whether this can be done with stake now.
    pub(super) fn check_stake(&self, network: Network, payer: Payer, errand: &Errand) -> Result<(), Stop> {
        let Errand::Stake(stake) = errand else { return Ok(()) };
        let too_little = stake.sun().is_some_and(|sun| sun < STAKE_SUN_MIN);
        if network.family() != Family::Tron || too_little {
            return Err(no(MoveFault::Amount).into());
        }
        if !self.wants_stake(network, stake) && !planted::has(Bug::LentUnasked) {
            return Err(no(MoveFault::Off).into());
        }
        match stake {
            Stake::Freeze { .. } | Stake::Unfreeze { .. } | Stake::Collect => {
                // How much is staked is read anew before it is changed once more. What people look at keeps up its like alone.
                let like = |other: &Stake| std::mem::discriminant(other) == std::mem::discriminant(stake);
                let stopped = self.state.withdrawals.payouts(network).any(|other| match &other.errand {
                    Errand::Stake(of) => of.loan().is_none() && like(of),
                    Errand::Withdrawals | Errand::Sweep(_) | Errand::TopUp(_) => false,
                });
                if stopped || self.state.withdrawals.is_staking(network) {
                    return Err(no(MoveFault::UnderWay).into());
                }
                Ok(())
            }
            Stake::Lend(lent) => self.check_lend(network, payer, lent),
            Stake::TakeBack(lent) => Ok(self.check_take_back(network, payer, lent)?),
        }
    }

    /// Whether settings want it: what comes back they never forbid.
    fn wants_stake(&self, network: Network, stake: &Stake) -> bool {
        let scope = Scope::network(network);
        match stake {
            Stake::Freeze { sun } => {
                let most = u64::try_from(self.state.settings.get_for(&schema::GAS_STAKE_TRX, &scope)).unwrap_or(0);
                let book = self.state.gas.book(network).filter(|_| !planted::has(Bug::FrozenForgotten));
                book.map_or(0, |book| book.frozen()).saturating_add(*sun) <= most.saturating_mul(STAKE_SUN_MIN)
            }
            Stake::Lend(_) => self.state.settings.get_for(&schema::GAS_LEND, &scope),
            Stake::Unfreeze { .. } | Stake::Collect | Stake::TakeBack(_) => true,
        }
    }

    fn check_lend(&self, network: Network, payer: Payer, lent: &Lent) -> Result<(), Stop> {
        let known: Option<u32> = self.row(Table::AddressIndex, &custody::address_key(network.family(), &lent.to))?;
        if known != Some(lent.to_index) {
            return Err(no(MoveFault::TopUpDestination).into());
        }
        let loans = self.state.gas.book(network).map_or(&[][..], |book| book.loans());
        let topped_up = |other: &Payout| matches!(&other.errand, Errand::TopUp(one) if one.to == lent.to);
        let lent_already = loans.iter().any(|loan| loan.to == lent.to) && !planted::has(Bug::LoanForgotten);
        if lent_already || self.state.withdrawals.moves(network).any(topped_up) {
            return Err(no(MoveFault::UnderWay).into());
        }
        // Whatever signers refuse of one they refuse of the next: they are not piled up, and TRX is brought.
        let stopped = |loan: &Loan| loan.payer == payer && self.state.withdrawals.is_stopped(loan);
        if loans.iter().any(stopped) && !planted::has(Bug::LentInReview) {
            return Err(no(MoveFault::UnderWay).into());
        }
        if loans.len() >= LOANS_MAX {
            return Err(no(MoveFault::Full).into());
        }
        let plan = lent.plan.and_then(|id| self.state.sweeps.get(id)).ok_or(no(MoveFault::Plan))?;
        let waits = matches!(plan.status, SweepStatus::NeedsGas { .. });
        let fits = waits && plan.of.network == network && plan.of.index == Some(lent.to_index);
        if fits { Ok(()) } else { Err(no(MoveFault::Plan).into()) }
    }

    fn check_take_back(&self, network: Network, payer: Payer, lent: &Lent) -> Result<(), Refusal> {
        let loan = self.state.gas.book(network).and_then(|book| book.loan(&lent.to));
        let same = loan.is_some_and(|loan| {
            loan.stage == LoanStage::Lent && (loan.payer, loan.to_index, loan.sun) == (payer, lent.to_index, lent.sun)
        });
        if !same {
            return Err(no(MoveFault::Loan));
        }
        // What is on its way was decided with the energy that is lent.
        let uses = |other: &Payout| {
            other.payer.index == lent.to_index && self.payer_role(other.payer) == Ok(WalletRole::Deposit)
        };
        if self.state.withdrawals.payouts(network).any(uses) && !planted::has(Bug::TakenBackEarly) {
            return Err(no(MoveFault::UnderWay));
        }
        Ok(())
    }

    /// What is decided with stake counts from now on, whatever becomes of it.
    pub(super) fn begin_stake(&mut self, payout: &Payout) {
        let Errand::Stake(stake) = &payout.errand else { return };
        let (network, now, id) = (payout.network, self.now, payout.id);
        let mut book = self.gas_book(network);
        match stake {
            Stake::Unfreeze { .. } | Stake::Collect => return,
            Stake::Freeze { sun } => book.freeze(payout.payer, *sun),
            Stake::Lend(Lent { to, to_index, sun, plan }) => {
                let (payer, to, stage) = (payout.payer, to.clone(), LoanStage::Lending { payout: id });
                book.loans.push(Loan { payer, to, to_index: *to_index, sun: *sun, stage, since: now, missed: 0 });
                if let Some(mut plan) = plan.and_then(|plan| self.state.sweeps.get(plan)).cloned() {
                    plan.status = SweepStatus::GasPending { payout: id };
                    plan.note_top_up(id);
                    self.put_plan(plan);
                }
            }
            Stake::TakeBack(lent) => book.move_loan(&lent.to, LoanStage::Returning { payout: id }, now),
        }
        self.put_gas_book(network, book);
    }

    /// Something that was done with stake is over: it is done, or never will be.
    pub(super) fn end_stake(&mut self, payout: &Payout, done: bool) {
        let Errand::Stake(stake) = &payout.errand else { return };
        let (network, now) = (payout.network, self.now);
        let mut book = self.gas_book(network);
        match (stake, done) {
            (Stake::Freeze { .. }, true) | (Stake::Unfreeze { .. }, false) | (Stake::Collect, _) => return,
            (Stake::Freeze { sun }, false) | (Stake::Unfreeze { sun }, true) => book.thaw(payout.payer, *sun),
            (Stake::Lend(lent), true) => book.move_loan(&lent.to, LoanStage::Lent, now),
            // What was signed may have been sent: whether it is lent all the same the network is asked.
            (Stake::Lend(lent), false) if payout.was_signed() && !planted::has(Bug::LoanNotAsked) => {
                book.move_loan(&lent.to, LoanStage::Doubted, now);
            }
            (Stake::Lend(lent), false) => book.end_loan(&lent.to),
            (Stake::TakeBack(lent), true) => book.end_loan(&lent.to),
            (Stake::TakeBack(lent), false) if planted::has(Bug::LoanForgotten) => book.end_loan(&lent.to),
            // It is lent as before, and is taken back by another payout.
            (Stake::TakeBack(lent), false) => book.move_loan(&lent.to, LoanStage::Lent, now),
        }
        self.put_gas_book(network, book);
        let Stake::Lend(lent) = stake else { return };
        let Some(plan) = lent.plan.and_then(|id| self.state.sweeps.get(id)).cloned() else { return };
        if plan.status == (SweepStatus::GasPending { payout: payout.id }) {
            // Whether it is enough the worker reads anew; where nothing was lent it says anew what it takes.
            self.put_plan(SweepPlan { status: SweepStatus::Ready, ..plan });
        }
    }

    /// Whether an address may send now: not while what was lent to it is on its way back, for which nothing of it may be open.
    pub(super) fn check_no_return(&self, network: Network, payer: Payer) -> Result<(), Refusal> {
        let returning = |loan: &Loan| loan.to_index == payer.index && matches!(loan.stage, LoanStage::Returning { .. });
        let of_pool = self.payer_role(payer)? == WalletRole::Deposit;
        let book = self.state.gas.book(network).filter(|_| of_pool && !planted::has(Bug::SweptWhileReturning));
        if book.is_some_and(|book| book.loans().iter().any(returning)) {
            return Err(no(MoveFault::UnderWay));
        }
        Ok(())
    }

    /// Whether an address of the pool was lent energy, finally, and has it still.
    pub(super) fn is_lent_to(&self, network: Network, payer: Payer) -> bool {
        let lent = |loan: &Loan| loan.to_index == payer.index && loan.stage == LoanStage::Lent;
        self.payer_role(payer) == Ok(WalletRole::Deposit)
            && self.state.gas.book(network).is_some_and(|book| book.loans().iter().any(lent))
    }

    /// Keeps back what a transaction may cost at most. Who was lent energy need not have it: where the books have less nothing is
    /// kept back, and what the network takes all the same is booked as it comes.
    pub(super) fn hold_gas_or_lent(
        &mut self,
        network: Network,
        payer: Payer,
        payout: PayoutId,
        fee_max: u64,
        before: Option<GasHeld>,
    ) -> Result<Option<GasHeld>, Stop> {
        let is_lent = self.is_lent_to(network, payer);
        match self.hold_gas(network, payer, payout, fee_max, before) {
            Err(Stop::Rejected(Rejection::Withdrawals(why))) if is_lent && *why == Refusal::HotShort { gas: true } => {
                Ok(before)
            }
            held => held,
        }
    }
}
