//! What commands about deposits share: deposits in and out of memory, and how the ledger follows them.

use exchequer_domain::{Network, TxId, UserId, WorkerKind};
use exchequer_ledger as ledger;
use exchequer_ledger::{AccountId, AccountKey, Asset, Cause, Holder, Leg, OpenAccount, Reason, Side, Store};

use super::{Entry, Stop};
use crate::codec;
use crate::command::Actor;
use crate::custody::Listing;
use crate::deposits::{
    self, Chain, DEBT_SUB_ACCOUNT, Deposit, DepositId, DepositState, Deposits, OPEN_DEPOSITS_PER_NETWORK_MAX, Refusal,
};
use crate::event::{EventKind, Severity};
use crate::halt::Halt;
use crate::networks::number;
use crate::planted::{self, Bug};
use crate::rejection::Rejection;
use crate::rows::{Edit, Table};

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Rejection {
        Rejection::Deposits(refusal)
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Stop {
        Stop::Rejected(refusal.into())
    }
}

/// Whether this comes from the worker that scans a network, through the leader.
pub(super) fn check_scanner(actor: Actor, network: Network) -> Result<(), Refusal> {
    match actor {
        Actor::Worker(worker) if worker.kind == WorkerKind::Deposit && worker.network == Some(network) => Ok(()),
        _ => Err(Refusal::NotTheWorker),
    }
}

fn user_account(user: UserId, sub_account: u16, asset: Asset) -> OpenAccount {
    let holder = Holder::Customer { customer: user.0, sub_account };
    OpenAccount { key: AccountKey { holder, asset }, overdraft: sub_account == DEBT_SUB_ACCOUNT }
}

/// An account of the exchange's own. They may be overdrawn: after a reorganisation what left can be undone later than what
/// came, and the ledger must be able to say so.
const fn own_account(holder: Holder, asset: Asset) -> OpenAccount {
    OpenAccount { key: AccountKey { holder, asset }, overdraft: true }
}

/// Where a deposit's coins are, in the ledger.
fn custody_of(deposit: &Deposit, asset: Asset) -> OpenAccount {
    own_account(Holder::Custody { network: deposit.network as u32, store: deposit.store }, asset)
}

/// Whose money it is that the ledger has of a deposit.
#[derive(Debug, Clone, Copy)]
pub(super) enum Owed {
    /// A user's; what it has no more becomes its debt when it is taken back.
    User(UserId),
    /// Nobody knows.
    Suspense,
    /// The exchange's own.
    Exchange,
}

impl Owed {
    fn account(self, asset: Asset) -> OpenAccount {
        match self {
            Owed::User(user) => user_account(user, 0, asset),
            Owed::Suspense => own_account(Holder::Suspense, asset),
            Owed::Exchange => own_account(Holder::Equity, asset),
        }
    }
}

impl Entry<'_> {
    pub(super) fn put_chain(&mut self, chain: Chain) {
        self.put(Table::Chain, &number(chain.network), &chain);
        self.state.deposits.chains.put(chain);
    }

    /// Whether so many more deposits of a network fit into memory. None always do: what comes back from history can have filled it over
    /// its brim, and what makes room must go on then.
    pub(super) fn check_room_for_deposits(&self, network: Network, more: usize) -> Result<(), Refusal> {
        let open = self.state.deposits.open_count_of(network);
        let fits = open + more <= OPEN_DEPOSITS_PER_NETWORK_MAX || (more == 0 && !planted::has(Bug::BrimIsEnd));
        if fits { Ok(()) } else { Err(Refusal::Full) }
    }

    /// A deposit, wherever it is. One of the history comes into memory again.
    pub(super) fn take_deposit(&mut self, id: DepositId) -> Result<Option<Deposit>, Halt> {
        if let Some(deposit) = self.state.deposits.take(id) {
            return Ok(Some(deposit));
        }
        let key = deposits::over_key(id);
        let found = self.row(Table::DepositOver, &key)?;
        if found.is_some() {
            self.delete_row(Table::DepositOver, key);
        }
        Ok(found)
    }

    /// Puts a deposit back as it is.
    pub(super) fn put_deposit(&mut self, deposit: Deposit) {
        self.put(Table::Deposit, &deposit.id.0.to_be_bytes(), &deposit);
        self.state.deposits.put(deposit);
    }

    /// Puts a deposit back in another state, and tells it.
    pub(super) fn move_deposit(&mut self, deposit: Deposit, state: DepositState) {
        let (deposit_id, network, user, stage) = (deposit.id, deposit.network, deposit.user, state.stage());
        let severity = match state {
            DepositState::Reversed { debt: 0 } => Some(Severity::P1),
            DepositState::Reversed { .. } => Some(Severity::P0),
            _ => None,
        };
        self.put_deposit(Deposit { state, since: self.now, ..deposit });
        self.event(EventKind::DepositMoved { deposit: deposit_id, network, user, stage, severity });
    }

    /// Moves a deposit from memory to the history.
    pub(super) fn retire_deposit(&mut self, id: DepositId) {
        if let Some(deposit) = self.state.deposits.take(id) {
            self.change(Table::Deposit.family(), Table::Deposit.key(&id.0.to_be_bytes()), Edit::Delete);
            self.put_row(Table::DepositOver, deposits::over_key(id), &deposit);
        }
    }

    /// The number of a new deposit, whose rows lead to it for ever.
    pub(super) fn number_deposit(&mut self, network: Network, tx: &TxId, user: Option<UserId>) -> DepositId {
        let id = self.state.deposits.number();
        self.put(Table::Deposit, &[], &id.0);
        let family = Table::DepositTx.family();
        self.change(family, deposits::tx_key(network, tx, id), Edit::Put(vec![codec::VERSION]));
        if let Some(user) = user {
            self.note_deposit_of(user, network, id);
        }
        id
    }

    /// A user finds a deposit among its own from now on.
    pub(super) fn note_deposit_of(&mut self, user: UserId, network: Network, id: DepositId) {
        let key = deposits::of_key(user, network, id);
        self.change(Table::DepositOf.family(), key, Edit::Put(vec![codec::VERSION]));
    }

    /// Whether a deposit's token counts with other decimals than it is listed with: what it comes to nobody can say then.
    pub(super) fn is_miscounted(&self, deposit: &Deposit) -> bool {
        let listed = self.state.custody.listed(deposit.network, deposit.coin.as_ref());
        let told = listed.and_then(|listing| self.state.counts_otherwise(deposit.network, listing.asset));
        told.is_some() && !planted::has(Bug::Miscounted)
    }

    /// The listing of a deposit's coin, and what of its amount the ledger counts.
    pub(super) fn counted(&self, deposit: &Deposit) -> Option<(Listing, u128, u128)> {
        let listing = self.state.custody.listing(deposit.network, deposit.asset?)?;
        let (units, rest) = listing.to_ledger(deposit.amount?)?;
        Some((listing.clone(), units, rest))
    }

    /// The ledger takes a deposit in, to whoever it is owed. False where it cannot; nothing is changed then.
    pub(super) fn book_in(&mut self, deposit: &Deposit, owed: Owed) -> Result<bool, Halt> {
        // What was booked before anybody knew goes out as it came in.
        if self.is_miscounted(deposit) {
            return Ok(false);
        }
        let Some((listing, units, rest)) = self.counted(deposit) else { return Ok(false) };
        self.take_in(deposit, listing, units, rest, owed)
    }

    /// The same for amounts that were counted together.
    pub(super) fn take_in(
        &mut self,
        deposit: &Deposit,
        mut listing: Listing,
        units: u128,
        rest: u128,
        owed: Owed,
    ) -> Result<bool, Halt> {
        let (asset, tx) = (listing.asset, deposit.tx);
        let (custody, equity) = (custody_of(deposit, asset), own_account(Holder::Equity, asset));
        let made_whole = if planted::has(Bug::DustForgotten) { 0 } else { listing.keep_dust(rest) };
        // Both legs together, so that the second one cannot fail after the first.
        let Some(both) = units.checked_add(made_whole) else { return Ok(false) };
        if !self.has_turnover(asset, both) || !self.post(custody, owed.account(asset), units, &tx)? {
            return Ok(false);
        }
        let kept = self.post(custody, equity, made_whole, &tx)?;
        self.tell_unbooked(deposit, kept);
        self.put_listing(listing);
        if let Owed::User(user) = owed {
            self.pay_debt(user, asset, &tx)?;
        }
        Ok(true)
    }

    /// The ledger gives a deposit back, by whom it was owed; answers what a user had no more of it and owes now.
    pub(super) fn book_out(&mut self, deposit: &Deposit, owed: Owed) -> Result<u128, Halt> {
        let Some((mut listing, counted, rest)) = self.counted(deposit) else { return Ok(0) };
        let (asset, tx) = (listing.asset, deposit.tx);
        let custody = custody_of(deposit, asset);
        // What was counted together with others can have come to more than it does by itself: the owners have that from rests.
        let units = if planted::has(Bug::RestsAreKept) { counted } else { counted.max(deposit.units) };
        let (from, debt) = match owed {
            Owed::User(user) => {
                let account = self.ledger.ledger().find(&owed.account(asset).key);
                let account = account.and_then(|id| self.ledger.ledger().account(id));
                let covered = account.map_or(0, |account| account.available()).min(units);
                let owes = units - covered;
                let booked = self.post(user_account(user, DEBT_SUB_ACCOUNT, asset), custody, owes, &tx)?;
                self.tell_unbooked(deposit, booked);
                (covered, owes)
            }
            Owed::Suspense | Owed::Exchange => (units, 0),
        };
        let booked = self.post(owed.account(asset), custody, from, &tx)?;
        self.tell_unbooked(deposit, booked);
        let together = self.post(custody, own_account(Holder::Equity, asset), units - counted, &tx)?;
        self.tell_unbooked(deposit, together);
        let broken = listing.give_dust(rest);
        let booked = self.post(own_account(Holder::Equity, asset), custody, broken, &tx)?;
        self.tell_unbooked(deposit, booked);
        self.put_listing(listing);
        Ok(debt)
    }

    /// What a user owes is paid first, out of what it has.
    pub(super) fn pay_debt(&mut self, user: UserId, asset: Asset, tx: &TxId) -> Result<(), Halt> {
        let owes = Deposits::debt(self.ledger.ledger(), user, asset);
        let main = user_account(user, 0, asset);
        let has = self.ledger.ledger().find(&main.key).and_then(|id| self.ledger.ledger().account(id));
        let pays = owes.min(has.map_or(0, |account| account.available()));
        if pays > 0 {
            self.post(main, user_account(user, DEBT_SUB_ACCOUNT, asset), pays, tx)?;
        }
        Ok(())
    }

    /// That the ledger could not follow the chain: only where accounts were opened otherwise than the rules open them.
    fn tell_unbooked(&mut self, deposit: &Deposit, booked: bool) {
        if !booked {
            self.event(EventKind::DepositUnbooked { deposit: deposit.id, severity: Severity::P0 });
        }
    }

    /// What the exchange moved between its own addresses by hand is in another store, and the network took its fee; or, where
    /// the block is gone, it is not.
    pub(super) fn book_moved(&mut self, deposit: &Deposit, from: Store, fee: u128, undone: bool) -> Result<(), Halt> {
        let Some((listing, units, _)) = self.counted(deposit) else { return Ok(()) };
        let network = deposit.network as u32;
        let store = |store, asset| own_account(Holder::Custody { network, store }, asset);
        let mut legs = Vec::new();
        if deposit.store != from {
            legs.push((store(deposit.store, listing.asset), store(from, listing.asset), units));
        }
        if let Some(coin) = self.state.custody.listed(deposit.network, None).map(|listing| listing.asset) {
            legs.push((own_account(Holder::GasExpense { network }, coin), store(from, coin), fee));
        }
        for (debit, credit, amount) in legs {
            let (debit, credit) = if undone { (credit, debit) } else { (debit, credit) };
            let booked = self.post_for(Reason::Sweep, debit, credit, amount, &deposit.tx)?;
            self.tell_unbooked(deposit, booked);
        }
        Ok(())
    }

    fn post(&mut self, debit: OpenAccount, credit: OpenAccount, amount: u128, tx: &TxId) -> Result<bool, Halt> {
        self.post_for(Reason::Deposit, debit, credit, amount, tx)
    }

    /// Moves money under the name of a transaction; nothing is moved, and false answered, where it does not fit.
    fn post_for(
        &mut self,
        reason: Reason,
        debit: OpenAccount,
        credit: OpenAccount,
        amount: u128,
        tx: &TxId,
    ) -> Result<bool, Halt> {
        if amount == 0 {
            return Ok(true);
        }
        if !self.has_turnover(debit.key.asset, amount) {
            return Ok(false);
        }
        let (Some(debit), Some(credit)) = (self.opened(&debit)?, self.opened(&credit)?) else { return Ok(false) };
        if !self.has_room(debit, Side::Credit, amount) || !self.has_room(credit, Side::Debit, amount) {
            return Ok(false);
        }
        let cause = Cause { reason, actor: ledger::Actor::System, reference: tx.0 };
        self.ledger.post_own(Leg::Post { debit, credit, amount }.into(), cause)?;
        Ok(true)
    }

    /// An account of this key, opened where there is none; none where there are as many as there may be.
    fn opened(&mut self, account: &OpenAccount) -> Result<Option<AccountId>, Halt> {
        if let Some(found) = self.ledger.ledger().find(&account.key) {
            return Ok(Some(found));
        }
        match self.ledger.run(&ledger::Command::Open(*account))? {
            ledger::Outcome::Done(
                ledger::Done::AccountOpened { account } | ledger::Done::AccountExists { account },
            ) => Ok(Some(account)),
            ledger::Outcome::Done(_) | ledger::Outcome::Rejected(_) => Ok(None),
        }
    }

    /// Whether an account may lose so much on its normal side, if that is this one.
    fn has_room(&self, account: AccountId, normal: Side, amount: u128) -> bool {
        let Some(account) = self.ledger.ledger().account(account) else { return false };
        account.overdraft || account.key.holder.normal_side() != normal || account.available() >= amount
    }

    /// Whether an asset's turnover can take so much more and stay far from its end.
    fn has_turnover(&self, asset: Asset, amount: u128) -> bool {
        const TURNOVER_MAX: u128 = u128::MAX / 4;
        let total = self.ledger.ledger().totals().find(|(of, _)| *of == asset);
        let sums = total.map_or([0; 3], |(_, total)| [total.posted, total.pending, total.reserved]);
        let sum = sums.into_iter().try_fold(amount, u128::checked_add);
        sum.is_some_and(|sum| sum <= TURNOVER_MAX)
    }
}
