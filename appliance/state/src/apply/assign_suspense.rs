//! `AssignSuspense`: persons decide whose money it is that waits for a decision.

use serde::{Deserialize, Serialize};

use exchequer_ledger::Store;

use super::deposits::Owed;
use super::holdings::has_coins;
use super::{Entry, Stop, check_reason};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::deposits::{Assignee, Deposit, DepositId, DepositState, Refusal, Why, over_key};
use crate::halt::Halt;
use crate::outcome::Done;
use crate::planted::{self, Bug};
use crate::rejection::Rejection;
use crate::rows::Table;
use crate::sweeps::HoldingKey;
use crate::users::UserStatus;

/// Gives a deposit that waits in suspense to a user, once it is as deep as a withdrawal needs it, or to the exchange itself;
/// or says of what came from the exchange itself where it had it before. Critical: it moves money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignSuspense {
    /// Which deposit.
    pub deposit: DepositId,
    /// Whose it is.
    pub to: Assignee,
    /// Why.
    pub reason: String,
}

impl AssignSuspense {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_reason(&self.reason)?;
        let id = self.deposit;
        let waits = |deposit: &&Deposit| match deposit.state {
            // By itself once deposits are on; and what cannot be counted cannot be given.
            // Of what moved between the exchange's own addresses nobody has more than before.
            DepositState::Suspense { why: Why::OwnUnknown } => matches!(self.to, Assignee::Moved { .. }),
            DepositState::Suspense { why: Why::Closed | Why::TooLarge } => false,
            DepositState::Suspense { .. } => !matches!(self.to, Assignee::Moved { .. }),
            _ => false,
        };
        let known = id.0 >= 1 && id <= entry.state.deposits.last();
        // Old dust is history, and in the ledger; so is what waits on a network that was nearly full. Dust that was never booked is not given.
        let is_booked =
            |deposit: &Deposit| deposit.booked || deposit.state != DepositState::Suspense { why: Why::Dust };
        let found = match entry.state.deposits.get(id) {
            Some(deposit) => Some(deposit.clone()),
            None => entry.row::<Deposit>(Table::DepositOver, &over_key(id))?.filter(is_booked),
        };
        let Some(deposit) = found.as_ref().filter(waits).cloned() else {
            let unknown = Refusal::DepositUnknown { deposit: id };
            return Err(if known { Refusal::DepositState { deposit: id } } else { unknown }.into());
        };
        let owed = match self.to {
            Assignee::User(user) => match entry.state.users.known(user)?.status {
                UserStatus::Active => Some(Owed::User(user)),
                UserStatus::Frozen => return Err(Rejection::UserFrozen { user }.into()),
            },
            Assignee::Exchange => Some(Owed::Exchange),
            Assignee::Moved { from, index, .. } => {
                entry.check_source(&deposit, from, index)?;
                None
            }
        };
        // What is given can leave at once.
        let chain = entry.state.deposits.chains.get(deposit.network);
        let final_to = chain.withdrawable_to(entry.state.networks.get(deposit.network));
        let is_final = deposit.height().zip(final_to).is_some_and(|(height, to)| height <= to);
        // What was history early was taken back by no rewinding: where its block is another one now, it is gone.
        let is_there = deposit.block.is_none_or(|block| {
            let known = entry.state.deposits.chains.block(deposit.network, block.height);
            known == Some(block) || (known.is_none() && block.height < chain.floor) || planted::has(Bug::GoneIsGiven)
        });
        if !is_there || (!matches!(owed, Some(Owed::Exchange)) && !is_final) {
            return Err(Refusal::NotFinal { deposit: id }.into());
        }
        // What was unlisted when it came may be listed now.
        let listed = entry.state.custody.listed(deposit.network, deposit.coin.as_ref());
        let deposit = Deposit { asset: listed.map(|listing| listing.asset), ..deposit };
        let counted = entry.counted(&deposit).filter(|_| !entry.is_miscounted(&deposit));
        let Some((_, units, _)) = counted else {
            return Err(Refusal::DepositState { deposit: id }.into());
        };

        entry.take_deposit(id)?;
        let deposit = entry.leave_suspense(Deposit { units, ..deposit })?;
        let booked = match (owed, self.to) {
            (Some(owed), _) => entry.book_in(&deposit, owed)?,
            (None, Assignee::Moved { from, index, fee }) => {
                entry.move_by_hand(&deposit, (from, index), fee, false)?;
                true
            }
            (None, Assignee::User(_) | Assignee::Exchange) => false,
        };
        let (whose, state) = match (booked, self.to) {
            (true, Assignee::User(user)) => (format!("to user {user}"), DepositState::Assigned { to: self.to }),
            (true, Assignee::Exchange) => ("to the exchange".to_owned(), DepositState::Assigned { to: self.to }),
            (true, Assignee::Moved { from, fee, .. }) => (
                format!("moved by the exchange itself out of {from:?}, for a fee of {fee}"),
                DepositState::Assigned { to: self.to },
            ),
            // As good as never: the ledger took it in before.
            (false, _) => ("the ledger could not take it in".to_owned(), deposit.state),
        };
        let detail = format!("{units} minor units of transaction {} on {} {whose}", deposit.tx, deposit.network);
        // Whose it is finds it among their own.
        let user = match (booked, self.to) {
            (true, Assignee::User(user)) if deposit.user != Some(user) => {
                entry.note_deposit_of(user, deposit.network, id);
                Some(user)
            }
            (true, Assignee::User(_) | Assignee::Exchange | Assignee::Moved { .. }) | (false, _) => deposit.user,
        };
        let deposit = Deposit { booked, user, state, ..deposit };
        entry.move_deposit(deposit.clone(), state);
        if is_final && booked {
            entry.hold_deposit(&deposit)?;
        }
        entry.audit(actor, AuditAction::SuspenseAssigned, format!("deposit {id}"), detail, self.reason);
        Ok(Done::SuspenseAssigned)
    }
}

impl Entry<'_> {
    /// Whether what the exchange moved by hand can have come from there: a deposit address is named by its index, where each
    /// has a balance of its own.
    fn check_source(&self, deposit: &Deposit, from: Store, index: Option<u32>) -> Result<(), Refusal> {
        let stocked = self.state.custody.pool(deposit.network.family()).stocked;
        let of_pool = from == Store::Deposit && !has_coins(deposit.network);
        let named = match index {
            Some(index) => of_pool && index < stocked && deposit.index != Some(index),
            None => !of_pool,
        };
        if named { Ok(()) } else { Err(Refusal::DepositState { deposit: deposit.id }) }
    }

    /// The books and what lies on addresses follow what the exchange moved by hand, or that it is undone.
    pub(super) fn move_by_hand(
        &mut self,
        deposit: &Deposit,
        (from, index): (Store, Option<u32>),
        fee: u128,
        undone: bool,
    ) -> Result<(), Halt> {
        self.book_moved(deposit, from, fee, undone)?;
        if !undone {
            self.note_moved_by_hand(deposit, from, index, fee)?;
        }
        let network = deposit.network;
        let key = |asset| HoldingKey { network, index, asset };
        let (Some(_), Some(asset), Some(amount)) = (index, deposit.asset, deposit.amount) else { return Ok(()) };
        let coin = self.state.custody.listed(network, None);
        let fee = coin.map(|coin| (coin.asset, fee.saturating_mul(coin.unit())));
        for (asset, amount) in [Some((asset, amount)), fee].into_iter().flatten() {
            if undone {
                self.gain_holding(key(asset), amount)?;
            } else {
                self.lose_holding(key(asset), amount)?;
            }
        }
        Ok(())
    }
}
