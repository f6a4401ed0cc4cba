//! `AssignSuspense`: persons decide whose money it is that waits for a decision.

use serde::{Deserialize, Serialize};

use super::deposits::Owed;
use super::{Entry, Stop, check_reason};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::deposits::{Assignee, Deposit, DepositId, DepositState, Refusal, Why};
use crate::outcome::Done;
use crate::rejection::Rejection;
use crate::users::UserStatus;

/// Gives a deposit that waits in suspense to a user, once it is as deep as a withdrawal needs it, or to the exchange itself.
/// Critical: it moves money.
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
            DepositState::Suspense { why } => !matches!(why, Why::Closed | Why::TooLarge | Why::OwnUnknown),
            _ => false,
        };
        let known = id.0 >= 1 && id <= entry.state.deposits.last();
        let Some(deposit) = entry.state.deposits.get(id).filter(waits).cloned() else {
            let unknown = Refusal::DepositUnknown { deposit: id };
            return Err(if known { Refusal::DepositState { deposit: id } } else { unknown }.into());
        };
        let owed = match self.to {
            Assignee::User(user) => match entry.state.users.known(user)?.status {
                UserStatus::Active => Owed::User(user),
                UserStatus::Frozen => return Err(Rejection::UserFrozen { user }.into()),
            },
            Assignee::Exchange => Owed::Exchange,
        };
        // What is given can leave at once.
        let chain = entry.state.deposits.chains.get(deposit.network);
        let final_to = chain.withdrawable_to(entry.state.networks.get(deposit.network));
        let is_final = deposit.height().zip(final_to).is_some_and(|(height, to)| height <= to);
        if matches!(owed, Owed::User(_)) && !is_final {
            return Err(Refusal::NotFinal { deposit: id }.into());
        }
        // What was unlisted when it came may be listed now.
        let listed = entry.state.custody.listed(deposit.network, deposit.coin.as_ref());
        let deposit = Deposit { asset: listed.map(|listing| listing.asset), ..deposit };
        let Some((_, units, _)) = entry.counted(&deposit) else {
            return Err(Refusal::DepositState { deposit: id }.into());
        };

        entry.state.deposits.take(id);
        let deposit = entry.leave_suspense(Deposit { units, ..deposit })?;
        let booked = entry.book_in(&deposit, owed)?;
        let (whose, state) = match (booked, self.to) {
            (true, Assignee::User(user)) => (format!("to user {user}"), DepositState::Assigned { to: self.to }),
            (true, Assignee::Exchange) => ("to the exchange".to_owned(), DepositState::Assigned { to: self.to }),
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
            (true, Assignee::User(_) | Assignee::Exchange) | (false, _) => deposit.user,
        };
        entry.move_deposit(Deposit { booked, user, ..deposit }, state);
        entry.audit(actor, AuditAction::SuspenseAssigned, format!("deposit {id}"), detail, self.reason);
        Ok(Done::SuspenseAssigned)
    }
}
