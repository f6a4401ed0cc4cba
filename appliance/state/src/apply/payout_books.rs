//! The ledger's side of what networks take for payouts: kept back before anything is signed, booked when a payment is final.

use exchequer_domain::{Network, TxId};
use exchequer_ledger as ledger;
use exchequer_ledger::{Asset, HoldId, Leg, OpenAccount, Reason, Transfer};

use super::withdrawals::gas_account;
use super::{Entry, Stop};
use crate::halt::Halt;
use crate::planted::{self, Bug};
use crate::rejection::Rejection;
use crate::withdrawals::{GasHeld, Payer, Payout, PayoutId, Refusal};

impl Entry<'_> {
    /// The asset that a network's fees are paid in.
    pub(super) fn coin_of(&self, network: Network) -> Result<Asset, Refusal> {
        self.state.custody.listed(network, None).map(|listing| listing.asset).ok_or(Refusal::NotListed)
    }

    /// Keeps back what a transaction can cost; `before` is what was kept back for the payout so far, which is given free.
    pub(super) fn hold_gas(
        &mut self,
        network: Network,
        payer: Payer,
        payout: PayoutId,
        fee_max: u64,
        before: Option<GasHeld>,
    ) -> Result<Option<GasHeld>, Stop> {
        let amount = u128::from(fee_max);
        if amount == 0 || before.is_some_and(|before| before.amount >= amount) {
            return Ok(before);
        }
        let coin = self.coin_of(network)?;
        // Some accounts may be overdrawn, and are not for this.
        let free = self.available(&self.payer_account(network, payer, coin));
        if free.saturating_add(before.map_or(0, |before| before.amount)) < amount {
            return Err(Refusal::HotShort { gas: true }.into());
        }
        let account = |key| OpenAccount { key, overdraft: false };
        let accounts = [account(gas_account(network, coin)), account(self.payer_account(network, payer, coin))];
        let transfer = self.transfer_id(b"gas", payout.0);
        let mut reference = [0; 32];
        reference[24..].copy_from_slice(&payout.0.to_be_bytes());
        let cause = self.cause_of(Reason::Gas, reference);
        let mut leg = 0;
        let outcome = self.ledger.run_opening(&accounts, |[debit, credit]| {
            let mut legs = Vec::new();
            if let Some(before) = before {
                legs.push(Leg::Release { hold: before.hold, amount: None });
                leg = 1;
            }
            legs.push(Leg::Hold { debit, credit, amount, expires: None });
            Transfer { id: transfer, legs: legs.into(), cause, note: None }
        })?;
        match outcome {
            ledger::Outcome::Done(_) => Ok(Some(GasHeld { coin, amount, hold: HoldId { transfer, leg } })),
            ledger::Outcome::Rejected(ledger::Rejection::Leg {
                fault: ledger::Fault::CreditExceedsBalance, ..
            }) => Err(Refusal::HotShort { gas: true }.into()),
            ledger::Outcome::Rejected(why) => Err(Rejection::Ledger(why).into()),
        }
    }

    /// Books what the network took, and gives the rest of what was kept back for it free. What it took beyond that is booked
    /// where the wallet has it in the books; the answer is what is not.
    pub(super) fn settle_gas(&mut self, payout: &mut Payout, fee: u128, tx: TxId) -> Result<u128, Halt> {
        let (coin, held, booked) = match payout.gas.take() {
            Some(gas) => {
                let booked = fee.min(gas.amount);
                let mut legs = Vec::new();
                if booked > 0 {
                    legs.push(Leg::Capture { hold: gas.hold, amount: Some(booked) });
                }
                if booked < gas.amount {
                    legs.push(Leg::Release { hold: gas.hold, amount: None });
                }
                self.post_sure(legs, Reason::Gas, tx.0)?;
                (gas.coin, gas.amount, booked)
            }
            // Of who was lent energy nothing is kept back where there was nothing: what the network took all the same is booked alike.
            None if planted::has(Bug::FeeUnheld) => return Ok(fee),
            None => match self.coin_of(payout.network) {
                Ok(coin) => (coin, 0, 0),
                Err(_) => return Ok(fee),
            },
        };
        let hot = self.payer_account(payout.network, payout.payer, coin);
        // A fee is what a worker says. More than the attempt could cost once more is not believed, and the wallet is never
        // overdrawn for it, also where its account could be.
        let attempt = payout.attempts.iter().find(|attempt| attempt.tx == Some(tx));
        let believed = attempt.map_or(held, |attempt| u128::from(attempt.fee_max));
        let unbooked = fee - booked;
        let beyond = match planted::has(Bug::FeeUnbounded) {
            true => unbooked,
            false => unbooked.min(believed).min(self.available(&hot)),
        };
        if beyond == 0 {
            return Ok(unbooked);
        }
        let ledger = self.ledger.ledger();
        let accounts = [gas_account(payout.network, coin), hot];
        let [Some(debit), Some(credit)] = accounts.map(|key| ledger.find(&key)) else { return Ok(unbooked) };
        let id = self.transfer_id(b"gas beyond", payout.id.0);
        let legs = Leg::Post { debit, credit, amount: beyond }.into();
        let transfer = Transfer { id, legs, cause: self.cause_of(Reason::Gas, tx.0), note: None };
        match self.ledger.run_transfer(&transfer)? {
            ledger::Outcome::Done(_) => Ok(unbooked - beyond),
            ledger::Outcome::Rejected(_) => Ok(unbooked),
        }
    }

    /// Gives free what was kept back for a fee that nobody took.
    pub(super) fn release_gas(&mut self, payout: &mut Payout) -> Result<(), Halt> {
        self.release_gas_of(payout.gas.take(), payout.id)
    }

    /// The same of what is no payout's yet.
    pub(super) fn release_gas_of(&mut self, gas: Option<GasHeld>, payout: PayoutId) -> Result<(), Halt> {
        let Some(gas) = gas else { return Ok(()) };
        let mut reference = [0; 32];
        reference[24..].copy_from_slice(&payout.0.to_be_bytes());
        self.post_sure(vec![Leg::Release { hold: gas.hold, amount: None }], Reason::Gas, reference).map(|_| ())
    }
}
