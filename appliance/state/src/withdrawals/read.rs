//! What is read of withdrawals: pages, stories, bytes, and what a signer follows. `rows` must show everything that the state
//! has applied.

use exchequer_domain::{Network, UserId};

use super::errand::Errand;
use super::lane::Lane;
use super::payout::{Payer, Payout, PayoutId, PayoutStanding};
use super::refusal::Refusal;
use super::room::{address_lane_key, over_key, trace_key, user_key};
use super::signing::{Logged, Place, RawKind, raw_key, record_key};
use super::stage::Stage;
use super::withdrawal::{Standing, Trace, Withdrawal, WithdrawalId};
use crate::codec;
use crate::custody::WalletRole;
use crate::deposits::NothingLeaves;
use crate::halt::Halt;
use crate::networks::{Operation, Why};
use crate::rows::{Family, Rows, Table};
use crate::state::State;
use crate::users::UserStatus;

/// Rows that one query gives at most.
const PAGE_MAX: usize = 1_000;

/// A withdrawal with its whole story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// The withdrawal.
    pub withdrawal: Withdrawal,
    /// Where it stands.
    pub stage: Stage,
    /// Every edge that it went, in order.
    pub traces: Vec<Trace>,
    /// The payout that pays it or did, with its attempts.
    pub payout: Option<Payout>,
    /// What it waits for, or why nothing goes on, in words.
    pub now: String,
}

impl State {
    /// A withdrawal, open or over.
    ///
    /// # Errors
    /// The rows cannot be read, are damaged, or are of a newer program.
    pub fn withdrawal(&self, rows: &dyn Rows, id: WithdrawalId) -> Result<Option<Withdrawal>, Halt> {
        if let Some(open) = self.withdrawals.get(id) {
            return Ok(Some(open.clone()));
        }
        let row = rows.get(Family::History, &over_key(id))?;
        row.map(|row| codec::decode(&row).map_err(|error| Halt::row(Table::WithdrawalOver, error))).transpose()
    }

    /// A payout, open or over.
    ///
    /// # Errors
    /// As [`State::withdrawal`].
    pub fn payout(&self, rows: &dyn Rows, id: PayoutId) -> Result<Option<Payout>, Halt> {
        if let Some(open) = self.withdrawals.payout(id) {
            return Ok(Some(open.clone()));
        }
        let row = rows.get(Family::History, &Table::PayoutOver.key(&id.0.to_be_bytes()))?;
        row.map(|row| codec::decode(&row).map_err(|error| Halt::row(Table::PayoutOver, error))).transpose()
    }

    /// A user's withdrawals, the newest first, from the one before a number; a thousand at most.
    ///
    /// # Errors
    /// As [`State::withdrawal`].
    pub fn withdrawals_of(
        &self,
        rows: &dyn Rows,
        user: UserId,
        before: Option<WithdrawalId>,
        limit: usize,
    ) -> Result<Vec<Withdrawal>, Halt> {
        let from = user_key(user, WithdrawalId(0));
        let until = user_key(user, before.unwrap_or(WithdrawalId(u64::MAX)));
        let page = rows.scan(Family::History, &from, &until, limit.min(PAGE_MAX), true)?;
        let mut found = Vec::with_capacity(page.len());
        for (key, _) in page {
            let number = key.last_chunk::<8>().map(|number| u64::from_be_bytes(*number));
            let number = number.ok_or(Halt::row(Table::UserWithdrawal, codec::DecodeError::Malformed))?;
            found.extend(self.withdrawal(rows, WithdrawalId(number))?);
        }
        Ok(found)
    }

    /// What is to be done on a network, in order: payouts under way first, then what waits for its turn.
    #[must_use]
    pub fn withdrawals_due(&self, network: Network) -> (Vec<&Payout>, Vec<&Withdrawal>) {
        (self.withdrawals.payouts(network).collect(), self.withdrawals.queue(network).collect())
    }

    /// Whether the bytes of a payout's latest attempt may be given to endpoints now. What was never sent stays while the
    /// exchange is stopped or the network closed; what may be on its way already is only watched then.
    ///
    /// # Errors
    /// Why not.
    pub fn may_send(&self, payout: &Payout) -> Result<(), Why> {
        let role = self.custody.wallet(payout.payer.wallet).map_or(WalletRole::Hot, |wallet| wallet.role);
        let operation = payout.errand.operation(role);
        if let Some(one) = payout.errand.moves() {
            self.may(payout.network, one.asset, operation)?;
        }
        for id in &payout.withdrawals {
            if let Some(one) = self.withdrawals.get(*id) {
                self.may(payout.network, one.order.asset, Operation::Withdrawal)?;
            }
        }
        self.may_on(payout.network, operation)
    }

    /// Whether what a payout moves may still go where it was decided to: a wallet may have ended meanwhile.
    #[must_use]
    pub fn may_go_there(&self, payout: &Payout) -> bool {
        match &payout.errand {
            Errand::Sweep(one) => self.custody.is_sweep_destination(payout.network, &one.to),
            Errand::Withdrawals | Errand::TopUp(_) | Errand::Stake(_) => true,
        }
    }

    /// A payer's nonces; none where it never had one.
    ///
    /// # Errors
    /// As [`State::withdrawal`].
    pub fn lane(&self, rows: &dyn Rows, network: Network, payer: Payer) -> Result<Option<Lane>, Halt> {
        if let Some(lane) = self.withdrawals.lane(network, payer) {
            return Ok(Some(lane.clone()));
        }
        let row = rows.get(Family::History, &address_lane_key(network, payer))?;
        row.map(|row| codec::decode(&row).map_err(|error| Halt::row(Table::AddressLane, error))).transpose()
    }

    /// Whether anything of a user's may be sent now: whoever is frozen or owes something waits, and is passed by others.
    ///
    /// # Errors
    /// `Frozen`, `Owes`.
    pub fn may_send_money(&self, user: UserId) -> Result<(), Refusal> {
        if self.users.get(user).is_none_or(|user| user.status == UserStatus::Frozen) {
            return Err(Refusal::Frozen);
        }
        match self.deposits.nothing_leaves(self.ledger(), user) {
            Some(NothingLeaves::Debt { .. }) => Err(Refusal::Owes),
            Some(NothingLeaves::TradedAway { .. }) | None => Ok(()),
        }
    }

    /// The entries of the signing log after a place, in order; a thousand at most.
    ///
    /// # Errors
    /// As [`State::withdrawal`].
    pub fn signing_entries(&self, rows: &dyn Rows, after: Place, limit: usize) -> Result<Vec<Logged>, Halt> {
        let (from, until) = (record_key(Place(after.0.saturating_add(1))), record_key(Place(u64::MAX)));
        let page = rows.scan(Family::History, &from, &until, limit.min(PAGE_MAX), false)?;
        let entries: Result<Vec<_>, _> = page.iter().map(|(_, row)| Logged::decode(row)).collect();
        entries.map_err(|error| Halt::row(Table::SigningRecord, error))
    }

    /// The entry of the signing log at a place.
    ///
    /// # Errors
    /// As [`State::withdrawal`].
    pub fn signing_entry(&self, rows: &dyn Rows, place: Place) -> Result<Option<Logged>, Halt> {
        let row = rows.get(Family::History, &record_key(place))?;
        row.map(|row| Logged::decode(&row).map_err(|error| Halt::row(Table::SigningRecord, error))).transpose()
    }

    /// The unsigned bytes of an attempt.
    ///
    /// # Errors
    /// As [`State::withdrawal`].
    pub fn unsigned_bytes(&self, rows: &dyn Rows, payout: PayoutId, attempt: u16) -> Result<Option<Vec<u8>>, Halt> {
        Ok(rows.get(Family::History, &raw_key(payout, attempt, RawKind::Unsigned))?)
    }

    /// The signed bytes of an attempt; they are there before anybody sends them.
    ///
    /// # Errors
    /// As [`State::withdrawal`].
    pub fn signed_bytes(&self, rows: &dyn Rows, payout: PayoutId, attempt: u16) -> Result<Option<Vec<u8>>, Halt> {
        Ok(rows.get(Family::History, &raw_key(payout, attempt, RawKind::Signed))?)
    }

    /// A withdrawal with its whole story.
    ///
    /// # Errors
    /// As [`State::withdrawal`].
    pub fn explain_withdrawal(&self, rows: &dyn Rows, id: WithdrawalId) -> Result<Option<Explained>, Halt> {
        let Some(withdrawal) = self.withdrawal(rows, id)? else { return Ok(None) };
        let page = rows.scan(Family::History, &trace_key(id, 0), &trace_key(id, u32::MAX), PAGE_MAX, false)?;
        let traces: Result<Vec<Trace>, _> = page.iter().map(|(_, row)| codec::decode(row)).collect();
        let traces = traces.map_err(|error| Halt::row(Table::WithdrawalTrace, error))?;
        let stage = self.withdrawals.stage(&withdrawal);
        let payout = match withdrawal.standing {
            Standing::Paying { payout, .. } => Some(payout),
            Standing::Over(ref ending) => ending.payout(),
            Standing::Confirming { .. }
            | Standing::AwaitingApproval { .. }
            | Standing::Approved { .. }
            | Standing::Queued { .. } => None,
        };
        let payout = payout.map(|payout| self.payout(rows, payout)).transpose()?.flatten();
        let now = self.what_next(&withdrawal, payout.as_ref());
        Ok(Some(Explained { withdrawal, stage, traces, payout, now }))
    }

    fn what_next(&self, withdrawal: &Withdrawal, payout: Option<&Payout>) -> String {
        let order = &withdrawal.order;
        let shut = self.may(order.network, order.asset, Operation::Withdrawal).err();
        match &withdrawal.standing {
            Standing::Confirming { until } => format!("waits for the user's second factor until {until}"),
            Standing::AwaitingApproval { needs, until, consents, .. } => {
                let needs: Vec<String> = needs.iter().map(|need| format!("{} of {}", need.count, need.group)).collect();
                format!("waits for approval by {} until {until}; {} agreed so far", needs.join(" and "), consents.len())
            }
            Standing::Approved { until } => format!("approved; goes on at {until}"),
            Standing::Queued { reason, .. } => match shut {
                Some(why) => format!("waits: {why}"),
                None => match self.may_send_money(order.user) {
                    Err(why) => format!("waits: {}", why.message()),
                    Ok(()) => format!("waits: {}", reason.describe()),
                },
            },
            Standing::Paying { .. } => match payout.map(|payout| &payout.standing) {
                Some(PayoutStanding::Preparing | PayoutStanding::Replacing) => "its transaction is being signed".into(),
                Some(PayoutStanding::Signed) => match shut {
                    Some(why) => format!("its transaction is signed and not sent: {why}"),
                    None => "its transaction is signed".into(),
                },
                Some(PayoutStanding::Broadcast) => "its transaction was given to nodes and is in no block yet".into(),
                Some(PayoutStanding::Mined { block, .. }) => {
                    format!("its transaction is in block {}, which is not final", block.height)
                }
                Some(PayoutStanding::Stuck) => "its transaction gets into no block; it will be replaced".into(),
                Some(PayoutStanding::Unknown { why }) => format!("nobody knows what became of its transaction: {why}"),
                Some(PayoutStanding::Review { why }) => format!("a person must decide: {why}"),
                Some(PayoutStanding::Over { .. }) | None => "it is over".into(),
            },
            Standing::Over(ending) => format!("it is {}", ending.stage()),
        }
    }
}
