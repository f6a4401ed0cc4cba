//! Moves between the exchange's own addresses: what may be moved where, and how the ledger's stores follow.

use exchequer_domain::{Family, Network, TxId, WorkerKind};
use exchequer_ledger as ledger;
use exchequer_ledger::{AccountKey, Asset, HoldId, Holder, Leg, OpenAccount, Reason, Store, Transfer};

use super::prepare_payout::Preparation;
use super::{Entry, Stop};
use crate::command::Actor;
use crate::custody::{self, Listing, WalletRole};
use crate::halt::Halt;
use crate::planted::{self, Bug};
use crate::rejection::Rejection;
use crate::rows::Table;
use crate::withdrawals::{
    Claim, Errand, MOVES_IN_FLIGHT_MAX, Move, MoveFault, Payer, Payout, PayoutId, Refusal, in_flight_max,
};

/// The ledger's account of what a store has on a network. What came by deposits may make it negative after a reorganisation.
const fn store_account(network: Network, store: Store, asset: Asset) -> OpenAccount {
    let key = AccountKey { holder: Holder::Custody { network: network as u32, store }, asset };
    OpenAccount { key, overdraft: true }
}

const fn no(what: MoveFault) -> Refusal {
    Refusal::Move { what }
}

impl Entry<'_> {
    /// The role of a payer's wallet, in use or not.
    pub(super) fn payer_role(&self, payer: Payer) -> Result<WalletRole, Refusal> {
        self.state.custody.wallet(payer.wallet).map(|wallet| wallet.role).ok_or(Refusal::Wallet)
    }

    /// The account of the ledger's that a payer pays out of.
    pub(super) fn payer_account(&self, network: Network, payer: Payer, asset: Asset) -> AccountKey {
        let store = self.payer_role(payer).map_or(Store::Hot, WalletRole::store);
        store_account(network, store, asset).key
    }

    /// Whether a worker does this on this network.
    pub(super) fn check_payout_worker(
        &self,
        actor: Actor,
        network: Network,
        payer: Payer,
        errand: &Errand,
    ) -> Result<(), Refusal> {
        let kind: WorkerKind = errand.worker(self.payer_role(payer)?);
        match actor {
            Actor::Worker(worker) if worker.kind == kind && worker.network == Some(network) => Ok(()),
            _ => Err(Refusal::NotTheWorker),
        }
    }

    /// Whether a payer exists and pays for this, and has not as much under way as it may.
    pub(super) fn check_payer(
        &self,
        network: Network,
        payer: Payer,
        errand: &Errand,
        pays: bool,
    ) -> Result<(), Refusal> {
        let wallet = self.state.custody.wallet(payer.wallet).ok_or(Refusal::Wallet)?;
        let has_address = match (network.family(), wallet.role) {
            (Family::Bitcoin, _) => payer.index == 0,
            (family, WalletRole::Deposit) => payer.index < self.state.custody.pool(family).stocked,
            (_, WalletRole::Hot | WalletRole::Gas | WalletRole::Cold) => {
                wallet.addresses.iter().any(|own| own.index == payer.index && !own.change)
            }
        };
        let role = match errand {
            Errand::Withdrawals if pays => wallet.role == WalletRole::Hot,
            // A gap is where its nonces are.
            Errand::Withdrawals => wallet.role != WalletRole::Cold,
            // A wallet's scattered coins are put together; nothing else is swept but what lies on deposit addresses.
            Errand::Sweep(one) => match wallet.role {
                WalletRole::Deposit => true,
                WalletRole::Hot => {
                    let of_payer = self.state.custody.wallet_at(network.family(), &one.to);
                    network.family() == Family::Bitcoin && of_payer.is_some_and(|to| to.id == payer.wallet)
                }
                WalletRole::Gas | WalletRole::Cold => false,
            },
            Errand::TopUp(_) => match wallet.role {
                WalletRole::Gas => true,
                WalletRole::Hot => self.state.custody.wallets_of(network, WalletRole::Gas).next().is_none(),
                WalletRole::Deposit | WalletRole::Cold => false,
            },
            // What pays withdrawals is never locked up for days.
            Errand::Stake(_) => wallet.role == WalletRole::Gas,
        };
        if !role || !wallet.is_used_on(network) || !has_address {
            return Err(Refusal::Wallet);
        }
        let room = &self.state.withdrawals;
        let open = match wallet.role {
            WalletRole::Deposit => room.in_flight(network, payer),
            WalletRole::Hot | WalletRole::Gas | WalletRole::Cold => room.unmined(network, payer),
        };
        if open >= in_flight_max(wallet.role, network) {
            return Err(Refusal::InFlight);
        }
        if errand.moves().is_some() && room.moves(network).count() >= MOVES_IN_FLIGHT_MAX {
            return Err(no(MoveFault::Full));
        }
        Ok(())
    }

    /// Whether something may be moved to where it is to go.
    pub(super) fn check_destination(&self, network: Network, payer: Payer, errand: &Errand) -> Result<(), Stop> {
        let family = network.family();
        match errand {
            Errand::Withdrawals | Errand::Stake(_) => Ok(()),
            Errand::Sweep(one) => {
                let pinned = self.state.custody.is_sweep_destination(network, &one.to) && one.to_index.is_none();
                if pinned || planted::has(Bug::SweptAnywhere) { Ok(()) } else { Err(no(MoveFault::Destination).into()) }
            }
            Errand::TopUp(one) => {
                let wallet = self.state.custody.wallet_at(family, &one.to);
                let to_hot = wallet.is_some_and(|wallet| {
                    let itself = wallet.addresses.iter().any(|own| {
                        own.address == one.to && (own.change || (wallet.id == payer.wallet && own.index == payer.index))
                    });
                    wallet.role == WalletRole::Hot && wallet.is_used_on(network) && !itself
                });
                let index: Option<u32> = self.row(Table::AddressIndex, &custody::address_key(family, &one.to))?;
                let known = index == one.to_index && (index.is_some() || to_hot);
                // What pays for fees is the network's own coin, and where coins pay for themselves nothing is topped up.
                let allowed = family != Family::Bitcoin && one.coin.is_none() && known;
                if allowed { Ok(()) } else { Err(no(MoveFault::TopUpDestination).into()) }
            }
        }
    }

    /// Whether something can be moved like this.
    pub(super) fn check_move(
        &self,
        network: Network,
        payer: Payer,
        errand: &Errand,
        claim: &Claim,
        fee_max: u64,
    ) -> Result<(), Stop> {
        let Some(one) = errand.moves() else { return Ok(()) };
        let listing = self.state.custody.listing(network, one.asset).filter(|listing| listing.coin == one.coin);
        let listing = listing.ok_or(no(MoveFault::Coin))?;
        // In whole minor units, so that each store has in the books what it has on chain.
        if one.amount == 0 || listing.to_network(one.amount) != Some(one.on_chain) {
            return Err(no(MoveFault::Amount).into());
        }
        self.check_destination(network, payer, errand)?;
        let to_same = |other: &Payout| matches!((&other.errand, errand), (Errand::TopUp(other), Errand::TopUp(one)) if other.to == one.to);
        if self.state.withdrawals.moves(network).any(to_same) {
            return Err(no(MoveFault::UnderWay).into());
        }
        self.check_inputs(network, one, claim, fee_max)?;
        self.check_plan(network, payer, errand)?;
        self.check_free(network, payer, errand, claim, fee_max)?;
        let account = self.payer_account(network, payer, one.asset);
        let fee = if one.coin.is_none() { u128::from(fee_max) } else { 0 };
        if self.available(&account) < one.amount.saturating_add(fee) {
            return Err(no(MoveFault::Short).into());
        }
        Ok(())
    }

    /// The same once more before it is signed. Where gas goes is not looked up again: an address of the pool stays one.
    pub(super) fn check_destination_again(&self, payout: &Payout) -> Result<(), Stop> {
        match &payout.errand {
            Errand::Sweep(_) => self.check_destination(payout.network, payout.payer, &payout.errand),
            Errand::Withdrawals | Errand::TopUp(_) | Errand::Stake(_) => Ok(()),
        }
    }

    /// The same for another attempt: where it goes may not be an address of the exchange's in use any more.
    pub(super) fn check_move_again(&self, payout: &Payout, preparation: &Preparation) -> Result<(), Stop> {
        let Some(one) = payout.errand.moves() else { return Ok(()) };
        self.check_destination_again(payout)?;
        self.check_inputs(payout.network, one, &preparation.claim, preparation.fee_max)
    }

    /// Of coins everything arrives, but for the fee: what came back as change would be in another store than the books say.
    fn check_inputs(&self, network: Network, one: &Move, claim: &Claim, fee_max: u64) -> Result<(), Stop> {
        let Claim::Coins(coins) = claim else { return Ok(()) };
        let unit = self.state.custody.listing(network, one.asset).map_or(1, Listing::unit);
        let mut inputs = 0_u128;
        for outpoint in coins {
            let coin = self.coin(network, outpoint)?.ok_or(Refusal::Coin)?;
            inputs = inputs.saturating_add(coin.amount);
        }
        let fee = u128::from(fee_max).saturating_mul(unit);
        if inputs < one.on_chain || inputs - one.on_chain > fee {
            return Err(no(MoveFault::Amount).into());
        }
        Ok(())
    }

    /// The ledger keeps back what is moved from one store to another; nothing where it stays in the same.
    pub(super) fn hold_move(
        &mut self,
        network: Network,
        payer: Payer,
        payout: PayoutId,
        errand: &Errand,
    ) -> Result<Option<HoldId>, Stop> {
        let Some(one) = errand.moves() else { return Ok(None) };
        let from = self.payer_role(payer)?.store();
        let wallet = self.state.custody.wallet_at(network.family(), &one.to);
        let to = wallet.map_or(Store::Deposit, |wallet| wallet.role.store());
        if from == to {
            return Ok(None);
        }
        let accounts = [to, from].map(|store| store_account(network, store, one.asset));
        let transfer = self.transfer_id(b"move", payout.0);
        let mut reference = [0; 32];
        reference[24..].copy_from_slice(&payout.0.to_be_bytes());
        let (cause, amount) = (self.cause_of(Reason::Sweep, reference), one.amount);
        let outcome = self.ledger.run_opening(&accounts, |[debit, credit]| {
            let legs = Leg::Hold { debit, credit, amount, expires: None }.into();
            Transfer { id: transfer, legs, cause, note: None }
        })?;
        match outcome {
            ledger::Outcome::Done(_) => Ok(Some(HoldId { transfer, leg: 0 })),
            ledger::Outcome::Rejected(ledger::Rejection::Leg {
                fault: ledger::Fault::CreditExceedsBalance, ..
            }) => Err(no(MoveFault::Short).into()),
            ledger::Outcome::Rejected(why) => Err(Rejection::Ledger(why).into()),
        }
    }

    /// The ledger's side of a move that is over: it arrived, or nothing of it will.
    pub(super) fn settle_move(&mut self, payout: &mut Payout, arrived: Option<TxId>) -> Result<(), Halt> {
        let Some(hold) = payout.moving.take() else { return Ok(()) };
        let mut reference = [0; 32];
        reference[24..].copy_from_slice(&payout.id.0.to_be_bytes());
        let leg = match arrived {
            Some(_) => Leg::Capture { hold, amount: None },
            None => Leg::Release { hold, amount: None },
        };
        let reference = arrived.map_or(reference, |tx| tx.0);
        self.post_sure(vec![leg], Reason::Sweep, reference).map(|_| ())
    }
}
