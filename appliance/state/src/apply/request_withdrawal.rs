//! `RequestWithdrawal`: a user asks for money to leave.

use std::time::Duration;

use exchequer_domain::{Timestamp, UserId};
use exchequer_ledger as ledger;
use exchequer_ledger::{AccountKey, HoldId, Holder, Leg, OpenAccount, Reason, Transfer};
use serde::{Deserialize, Serialize};

use super::withdrawals::reference;
use super::{Entry, Stop, money};
use crate::codec;
use crate::command::Actor;
use crate::deposits::Withdrawable;
use crate::halt::Halt;
use crate::outcome::Done;
use crate::rejection::Rejection;
use crate::rows::{Edit, Family, Table};
use crate::users::UserStatus;
use crate::withdrawals::book::{self, Book, BookEntry, BookState};
use crate::withdrawals::{
    CLIENT_ID_BYTES_MAX, Destination, Differs, FeeMode, Held, MEMO_BYTES_MAX, Order, Proof, Refusal, SPENT_OF_USER_MAX,
    Spent, Stage, Standing, Withdrawal, WithdrawalId, client_key, payment_hash, prune, user_key,
};

/// How long a withdrawal waits for its user's second factor.
const CONFIRM: Duration = Duration::from_secs(30 * 60);
/// How long a second factor holds that was shown for a request.
const PROOF_AGE_MAX: Duration = Duration::from_secs(5 * 60);

/// Asks for a withdrawal. The same name with the same content is the same withdrawal, for ever; with other content it is
/// refused with the first difference. Where the address is another user's, the money goes to that user at once, without a fee
/// and without a chain.
///
/// A user's own request needs [`Proof`]; without one it waits for it. An API key that may withdraw is proof itself, and pays
/// to addresses of the book alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestWithdrawal {
    /// What.
    pub order: Order,
    /// That its user showed a second factor for it.
    pub proof: Option<Proof>,
}

/// What a withdrawal comes to.
struct Sums {
    fee: u128,
    paid: u128,
    on_chain: u128,
}

impl RequestWithdrawal {
    /// The row keys of [`Family::Ids`] that it looks up, in order.
    pub(super) fn lookups(&self) -> Vec<Vec<u8>> {
        let Order { user, client_id, network, to, memo, .. } = &self.order;
        vec![
            client_key(*user, client_id),
            crate::custody::address_key(network.family(), to),
            book::book_key(*user),
            book::entry_key(*user, *network, to, memo.as_deref()),
        ]
    }

    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let RequestWithdrawal { order, proof } = self;
        check_texts(&order)?;
        let user = entry.state.users.known(order.user)?.status;
        if let Some(found) = entry.row(Table::ClientWithdrawal, &client_key(order.user, &order.client_id))? {
            return entry.withdrawal_again(found, &order);
        }
        entry.may_withdraw(order.network, order.asset)?;
        if user == UserStatus::Frozen {
            return Err(Refusal::Frozen.into());
        }
        let confirmed = check_proof(&order, proof, actor, entry.now)?;
        let receiver = entry.receiver_of(&order)?;
        let destination = entry.destination_of(&order, receiver, actor)?;
        let sums = entry.sums_of(&order, receiver)?;
        let fee_cap = match receiver {
            Some(_) => 0,
            None => entry.state.networks.get(order.network).fee_max.ok_or(Refusal::FeeCapUnset)?,
        };
        let total = sums.paid.checked_add(sums.fee).ok_or(Rejection::BadRequest)?;
        let usd = entry.state.withdrawal_worth(order.asset, total);
        entry.state.check_withdrawal_limits(order.user, usd)?;
        let mut spent = entry.state.withdrawals.spent.get(&order.user).cloned().unwrap_or_default();
        prune(&mut spent, entry.now);
        if !entry.state.withdrawals.has_room(order.user) || spent.len() >= SPENT_OF_USER_MAX {
            return Err(Refusal::Full.into());
        }
        entry.check_ripe(&order, total)?;
        let id = WithdrawalId(entry.state.withdrawals.head.withdrawals + 1);
        let held = entry.hold_money(id, &order, receiver, &sums)?;

        let head = crate::withdrawals::Head { withdrawals: id.0, ..entry.state.withdrawals.head };
        entry.put_withdrawals_head(head);
        spent.push(Spent { withdrawal: id, at: entry.now, usd });
        entry.put_spent(order.user, spent);
        entry.put_row(Table::ClientWithdrawal, client_key(order.user, &order.client_id), &id);
        entry.change(Family::History, user_key(order.user, id), Edit::Put(vec![codec::VERSION]));
        let until = entry.now.plus(CONFIRM);
        let mut one = Withdrawal {
            id,
            initiator: actor,
            fee: sums.fee,
            paid: sums.paid,
            on_chain: sums.on_chain,
            fee_cap,
            usd,
            destination,
            receiver,
            judged_by: (0, String::new()),
            hash: payment_hash(&order, sums.on_chain, fee_cap),
            consents: Vec::new(),
            approval_until: Timestamp(0),
            held: Some(held),
            requested: entry.now,
            moved: entry.now,
            traces: 0,
            standing: Standing::Confirming { until },
            order,
        };
        let first = if confirmed { Stage::Screening } else { Stage::Confirming };
        let what = format!("asked for {} to a {} address", one.paid, destination.as_str());
        entry.trace(&mut one, None, first, what);
        if confirmed {
            entry.screen(one, Stage::Screening)?;
        } else {
            entry.put_withdrawal(one);
        }
        let stage = entry.stage_now(id)?;
        Ok(Done::WithdrawalRequested { withdrawal: id, stage, first: true })
    }
}

fn check_texts(order: &Order) -> Result<(), Refusal> {
    let client_id = order.client_id.as_bytes();
    if client_id.is_empty() || client_id.len() > CLIENT_ID_BYTES_MAX || !client_id.iter().all(u8::is_ascii_graphic) {
        return Err(Refusal::ClientId);
    }
    let good = |memo: &str| (1..=MEMO_BYTES_MAX).contains(&memo.len()) && !memo.contains(char::is_control);
    if order.memo.as_deref().is_some_and(|memo| !good(memo)) { Err(Refusal::Memo) } else { Ok(()) }
}

/// Whether the request needs no more confirmation.
fn check_proof(order: &Order, proof: Option<Proof>, actor: Actor, now: Timestamp) -> Result<bool, Refusal> {
    match (proof, actor) {
        (Some(proof), _) => {
            check_fresh(order, proof, now)?;
            Ok(true)
        }
        // What an admin asks for in a user's name, others approve.
        (None, Actor::ApiKey(_) | Actor::Admin(_) | Actor::Operator) => Ok(true),
        (None, Actor::User(_) | Actor::Node(_) | Actor::Worker(_)) => Ok(false),
    }
}

/// Whether a second factor was shown for this request, and not long ago.
pub(super) fn check_fresh(order: &Order, proof: Proof, now: Timestamp) -> Result<(), Refusal> {
    let fresh = proof.at <= now && now.since(proof.at) <= PROOF_AGE_MAX;
    let of_this = proof.order == order.hash() || crate::planted::has(crate::planted::Bug::ProofNotBound);
    if fresh && of_this { Ok(()) } else { Err(Refusal::Proof) }
}

impl Entry<'_> {
    /// The stage of a withdrawal that this entry moved.
    pub(super) fn stage_now(&self, id: WithdrawalId) -> Result<Stage, Halt> {
        let room = &self.state.withdrawals;
        if let Some(one) = room.get(id) {
            return Ok(room.stage(one));
        }
        Ok(room.stage(&self.withdrawal_over(id)?))
    }

    fn withdrawal_over(&self, id: WithdrawalId) -> Result<Withdrawal, Halt> {
        let over = self.row(Table::WithdrawalOver, &crate::withdrawals::over_key(id))?;
        over.ok_or_else(|| Halt::Invariant("a withdrawal is open or in history".into()))
    }

    /// A request under a name that was used: the same withdrawal, or a refusal with the first difference.
    fn withdrawal_again(&self, id: WithdrawalId, order: &Order) -> Result<Done, Stop> {
        let known = match self.state.withdrawals.get(id) {
            Some(open) => open.order.clone(),
            None => self.withdrawal_over(id)?.order,
        };
        let differs = [
            (known.asset != order.asset, Differs::Asset),
            (known.network != order.network, Differs::Network),
            (known.to != order.to, Differs::Address),
            (known.memo != order.memo, Differs::Memo),
            (known.amount != order.amount, Differs::Amount),
            (known.mode != order.mode, Differs::FeeMode),
        ];
        if let Some((_, differs)) = differs.into_iter().find(|(differs, _)| *differs) {
            return Err(Refusal::ExistsDifferent { withdrawal: id, differs }.into());
        }
        Ok(Done::WithdrawalRequested { withdrawal: id, stage: self.stage_now(id)?, first: false })
    }

    /// The other user whose address it is; none where it is nobody's here.
    fn receiver_of(&self, order: &Order) -> Result<Option<UserId>, Stop> {
        let family = order.network.family();
        if self.state.custody.wallet_at(family, &order.to).is_some() {
            return Err(Refusal::OwnAddress.into());
        }
        match self.pool_address(family, &order.to)?.map(|(_, address)| address.given) {
            None => Ok(None),
            Some(Some(given)) if given.user != order.user => Ok(Some(given.user)),
            // Of nobody yet, or the user's own.
            Some(_) => Err(Refusal::OwnAddress.into()),
        }
    }

    /// What kind of place it goes to, as the user's address book knows it.
    fn destination_of(&self, order: &Order, receiver: Option<UserId>, actor: Actor) -> Result<Destination, Stop> {
        let now = self.now;
        let book: Book = self.row(Table::AddressBook, &book::book_key(order.user))?.unwrap_or_default();
        let key = book::entry_key(order.user, order.network, &order.to, order.memo.as_deref());
        let listed: Option<BookEntry> = self.row(Table::AddressBookEntry, &key)?;
        let is_active = listed.as_ref().is_some_and(|entry| entry.is_active(now));
        let only_listed = book.is_listed_only(now) || matches!(actor, Actor::ApiKey(_));
        if only_listed && !is_active && !crate::planted::has(crate::planted::Bug::BookIgnored) {
            return match listed.map(|entry| entry.state) {
                Some(BookState::From(until)) => Err(Refusal::AddressCooling { until }.into()),
                Some(BookState::Pending | BookState::Archived) | None => Err(Refusal::AddressNotListed.into()),
            };
        }
        Ok(match (receiver, is_active) {
            (Some(_), _) => Destination::Internal,
            (None, true) => Destination::Listed,
            (None, false) if self.only_looks_known(order.user, order.network, &order.to)? => Destination::Lookalike,
            (None, false) => Destination::New,
        })
    }

    /// What it costs and what arrives, by the asset's terms on the network.
    fn sums_of(&self, order: &Order, receiver: Option<UserId>) -> Result<Sums, Refusal> {
        let listing = self.state.custody.listing(order.network, order.asset).ok_or(Refusal::NotListed)?;
        let terms = &listing.terms;
        let (min, max, step) = (terms.withdrawal_min, terms.withdrawal_max, terms.withdrawal_step.max(1));
        let wrong = Refusal::Amount { min, max, step };
        if !(min.max(1)..=max).contains(&order.amount) || !order.amount.is_multiple_of(step) {
            return Err(wrong);
        }
        let fee = if receiver.is_some() { 0 } else { terms.withdrawal_fee };
        let paid = match order.mode {
            FeeMode::OnTop => Some(order.amount),
            FeeMode::Deduct => order.amount.checked_sub(fee).filter(|paid| *paid > 0),
        };
        let paid = paid.ok_or(wrong.clone())?;
        // What the network cannot express exactly is never rounded.
        let on_chain = listing.to_network(paid).ok_or(wrong)?;
        Ok(Sums { fee, paid, on_chain })
    }

    /// Whether so much can leave: what was deposited too lately is traded with and stays.
    fn check_ripe(&self, order: &Order, total: u128) -> Result<(), Refusal> {
        let available = self.available(&money::account_of(order.user, order.asset).key);
        let ripe = match self.state.deposits.withdrawable(self.ledger.ledger(), order.user, order.asset) {
            Withdrawable::Amount(amount) => amount,
            // The user owes something, or has traded away what is not final yet.
            Withdrawable::Nothing(_) => 0,
        };
        // What the account has not at all, the ledger refuses.
        if total > ripe && total <= available { Err(Refusal::Unripe { ripe }) } else { Ok(()) }
    }

    /// Holds what will be paid, and the fee. A receiver inside has an account from now on.
    fn hold_money(
        &mut self,
        id: WithdrawalId,
        order: &Order,
        receiver: Option<UserId>,
        sums: &Sums,
    ) -> Result<Held, Stop> {
        let account = |holder| OpenAccount { key: AccountKey { holder, asset: order.asset }, overdraft: false };
        let credit = match receiver {
            Some(user) => money::account_of(user, order.asset),
            None => account(Holder::Clearing),
        };
        let accounts = [money::account_of(order.user, order.asset), credit, account(Holder::FeeIncome)];
        let transfer = self.transfer_id(b"withdrawal", id.0);
        let cause = self.cause_of(Reason::Withdrawal, reference(id));
        let (paid, fee) = (sums.paid, sums.fee);
        let outcome = self.ledger.run_opening(&accounts, |[debit, credit, income]| {
            let hold = |credit, amount| Leg::Hold { debit, credit, amount, expires: None };
            let mut legs = vec![hold(credit, paid)];
            if fee > 0 {
                legs.push(hold(income, fee));
            }
            Transfer { id: transfer, legs: legs.into(), cause, note: None }
        })?;
        match outcome {
            ledger::Outcome::Done(_) => {
                let fee = (fee > 0).then_some(HoldId { transfer, leg: 1 });
                Ok(Held { paid: HoldId { transfer, leg: 0 }, fee })
            }
            ledger::Outcome::Rejected(why) => Err(Rejection::Ledger(why).into()),
        }
    }
}
