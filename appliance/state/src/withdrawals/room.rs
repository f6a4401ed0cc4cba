//! Open withdrawals and payouts in memory, and the sorted sets by which the next one is found.
//!
//! Invariant: a withdrawal enters through [`Withdrawals::put`] and leaves through [`Withdrawals::take`], which keep every
//! index; nothing else touches one.

use std::collections::{BTreeMap, BTreeSet};

use exchequer_domain::{Network, Timestamp, UserId};
use exchequer_ledger::Asset;
use serde::{Deserialize, Serialize};

use super::errand::Errand;
use super::lane::Lane;
use super::payout::{Payer, Payout, PayoutId};
use super::policy::WithdrawalPolicy;
use super::signing::Place;
use super::spending::Spent;
use super::stage::Stage;
use super::withdrawal::{Standing, Waiting, Withdrawal, WithdrawalId};
use crate::codec::{self, DecodeError};
use crate::custody::WalletId;
use crate::gas::{Loan, LoanStage};
use crate::halt::Halt;
use crate::planted::{self, Bug};
use crate::rows::{Rows, Table, for_each_of_table};

/// Withdrawals that may be open.
pub const OPEN_WITHDRAWALS_MAX: usize = 200_000;
/// Open withdrawals of one user.
pub const OPEN_OF_USER_MAX: u32 = 1_500;

/// The suffix of the policy's row.
pub(crate) const POLICY_KEY: &[u8] = &[1];
/// Where the payer begins in the key of its lane.
const LANES_KEY: usize = 2;

/// What the room counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    /// The number of the last withdrawal.
    pub(crate) withdrawals: u64,
    /// The number of the last payout.
    pub(crate) payouts: u64,
    /// The number of the last entry of the signing log.
    pub(crate) records: u64,
    /// Where that is.
    pub(crate) signing_place: Place,
    /// Where the present lineage of the log began; zero for the first one.
    pub(crate) lineage_began: Place,
}

/// What is open, who waits for what, and by which rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Withdrawals {
    pub(crate) head: Head,
    pub(crate) policy: WithdrawalPolicy,
    open: BTreeMap<WithdrawalId, Withdrawal>,
    payouts: BTreeMap<PayoutId, Payout>,
    pub(crate) lanes: BTreeMap<(Network, Payer), Lane>,
    pub(crate) spent: BTreeMap<UserId, Vec<Spent>>,
    queue: BTreeSet<(Network, Asset, Timestamp, WithdrawalId)>,
    due: BTreeSet<(Timestamp, WithdrawalId)>,
    of_user: BTreeMap<UserId, BTreeSet<WithdrawalId>>,
    /// By payer, how many payouts are open, and of those how many are in no block.
    under_way: BTreeMap<(Network, Payer), (usize, usize)>,
    /// Those that wait for people before anything is made of them.
    before_people: BTreeSet<WithdrawalId>,
    /// How many are in payouts that wait for people.
    paid_by_people: usize,
}

impl Withdrawals {
    pub(crate) fn load(rows: &dyn Rows) -> Result<Withdrawals, Halt> {
        let mut room = Withdrawals::default();
        let malformed = |table| Halt::row(table, DecodeError::Malformed);
        for_each_of_table(rows, Table::WithdrawalsHead, |suffix, row| {
            let damaged = |error| Halt::row(Table::WithdrawalsHead, error);
            match suffix {
                [] => room.head = codec::decode(row).map_err(damaged)?,
                POLICY_KEY => room.policy = codec::decode(row).map_err(damaged)?,
                _ => return Err(malformed(Table::WithdrawalsHead)),
            }
            Ok(())
        })?;
        for_each_of_table(rows, Table::Withdrawal, |suffix, row| {
            let one: Withdrawal = codec::decode(row).map_err(|error| Halt::row(Table::Withdrawal, error))?;
            if suffix != one.id.0.to_be_bytes() || one.id.0 > room.head.withdrawals {
                return Err(malformed(Table::Withdrawal));
            }
            room.put(one);
            Ok(())
        })?;
        for_each_of_table(rows, Table::Payout, |suffix, row| {
            let one: Payout = codec::decode(row).map_err(|error| Halt::row(Table::Payout, error))?;
            if suffix != one.id.0.to_be_bytes() || one.id.0 > room.head.payouts {
                return Err(malformed(Table::Payout));
            }
            room.put_payout(one);
            Ok(())
        })?;
        for_each_of_table(rows, Table::WalletLane, |suffix, row| {
            let lane = codec::decode(row).map_err(|error| Halt::row(Table::WalletLane, error))?;
            let parts = suffix.split_first_chunk::<LANES_KEY>();
            let found = parts.and_then(|(network, payer)| {
                let number = u16::from_be_bytes(*network);
                let network = Network::ALL.iter().copied().find(|known| *known as u16 == number)?;
                let (wallet, index) = payer.split_first_chunk::<4>()?;
                let index = u32::from_be_bytes(index.try_into().ok()?);
                Some((network, Payer { wallet: WalletId(u32::from_be_bytes(*wallet)), index }))
            });
            room.lanes.insert(found.ok_or_else(|| malformed(Table::WalletLane))?, lane);
            Ok(())
        })?;
        for_each_of_table(rows, Table::WithdrawalsOfUser, |suffix, row| {
            let spent = codec::decode(row).map_err(|error| Halt::row(Table::WithdrawalsOfUser, error))?;
            let user = suffix.try_into().map_err(|_| malformed(Table::WithdrawalsOfUser))?;
            room.spent.insert(UserId(u64::from_be_bytes(user)), spent);
            Ok(())
        })?;
        Ok(room)
    }

    /// The policy.
    #[must_use]
    pub fn policy(&self) -> &WithdrawalPolicy {
        &self.policy
    }

    /// An open withdrawal.
    #[must_use]
    pub fn get(&self, id: WithdrawalId) -> Option<&Withdrawal> {
        self.open.get(&id)
    }

    /// An open payout.
    #[must_use]
    pub fn payout(&self, id: PayoutId) -> Option<&Payout> {
        self.payouts.get(&id)
    }

    /// Open withdrawals, in the order of their numbers.
    pub fn open(&self) -> impl Iterator<Item = &Withdrawal> {
        self.open.values()
    }

    /// Open payouts of a network, in the order of their numbers.
    pub fn payouts(&self, network: Network) -> impl Iterator<Item = &Payout> {
        self.payouts.values().filter(move |payout| payout.network == network)
    }

    /// Open payouts of a network that move something between own addresses.
    pub fn moves(&self, network: Network) -> impl Iterator<Item = &Payout> {
        self.payouts(network).filter(|payout| payout.errand.moves().is_some())
    }

    /// How many are open.
    #[must_use]
    pub fn open_count(&self) -> usize {
        self.open.len()
    }

    /// How many of the open ones wait for people: for approval, set aside, or in a payout that is unknown, in review or stuck.
    #[must_use]
    pub fn before_people(&self) -> usize {
        self.before_people.len() + self.paid_by_people
    }

    /// Whether how much is staked is being changed (TRON); what people look at does not count.
    #[must_use]
    pub fn is_staking(&self, network: Network) -> bool {
        let changes = |payout: &Payout| matches!(&payout.errand, Errand::Stake(stake) if stake.loan().is_none());
        self.payouts(network).any(|payout| changes(payout) && payout.stage() != Stage::Review)
    }

    /// The words of the changes of a stake at which people look (TRON).
    pub fn halted_stakes(&self, network: Network) -> impl Iterator<Item = &'static str> {
        self.payouts(network).filter(|payout| payout.stage() == Stage::Review).filter_map(|payout| {
            match &payout.errand {
                Errand::Stake(stake) if stake.loan().is_none() => Some(stake.as_str()),
                Errand::Withdrawals | Errand::Sweep(_) | Errand::TopUp(_) | Errand::Stake(_) => None,
            }
        })
    }

    /// Whether people look at the payout that lends this, or takes it back.
    #[must_use]
    pub fn is_stopped(&self, loan: &Loan) -> bool {
        match loan.stage {
            LoanStage::Lending { payout } | LoanStage::Returning { payout } => {
                self.payout(payout).is_some_and(|payout| payout.stage() == Stage::Review)
            }
            LoanStage::Lent | LoanStage::Doubted => false,
        }
    }

    /// How many withdrawals there ever were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.head.withdrawals
    }

    /// The number of the last payout.
    #[must_use]
    pub fn last_payout(&self) -> PayoutId {
        PayoutId(self.head.payouts)
    }

    /// The number and the place of the signing log's last entry; zeros before the first one.
    #[must_use]
    pub fn last_signing_entry(&self) -> (u64, Place) {
        (self.head.records, self.head.signing_place)
    }

    /// Where the present lineage of the log began; zero for the first one. What a signer followed of an earlier lineage behind that
    /// is in no log any more.
    #[must_use]
    pub fn lineage_began(&self) -> Place {
        self.head.lineage_began
    }

    /// Whether anything is queued or under way.
    pub(crate) fn has_open(&self) -> bool {
        !self.queue.is_empty() || !self.payouts.is_empty()
    }

    /// What waits for its turn on a network, in the order in which it is paid, asset by asset.
    pub fn queue(&self, network: Network) -> impl Iterator<Item = &Withdrawal> {
        let of = self.queue.range(
            (network, Asset(0), Timestamp(0), WithdrawalId(0))
                ..=(network, Asset(u32::MAX), Timestamp(u64::MAX), WithdrawalId(u64::MAX)),
        );
        of.filter_map(|(.., id)| self.open.get(id))
    }

    /// What waits of an asset on a network, in the order in which it came.
    pub fn line(&self, network: Network, asset: Asset) -> impl Iterator<Item = &Withdrawal> {
        let first = (network, asset, Timestamp(0), WithdrawalId(0));
        let of = self.queue.range(first..=(network, asset, Timestamp(u64::MAX), WithdrawalId(u64::MAX)));
        of.filter_map(|(.., id)| self.open.get(id))
    }

    /// What may be paid next of an asset on a network, in order: first come, first served. What a worker set aside is passed;
    /// what the hot wallet is too short for only where the policy says so.
    pub fn next(&self, network: Network, asset: Asset) -> impl Iterator<Item = &Withdrawal> {
        self.line(network, asset).filter(|one| !self.may_be_passed(one))
    }

    /// Whether others may be paid before this one, which waits.
    #[must_use]
    pub fn may_be_passed(&self, one: &Withdrawal) -> bool {
        match &one.standing {
            Standing::Queued { reason: Waiting::InsufficientHot, .. } => self.policy.small_may_pass,
            Standing::Queued { reason, .. } => reason.is_set_aside() && !planted::has(Bug::NobodyIsPassed),
            _ => false,
        }
    }

    /// A payer's nonces; none where it never had one.
    #[must_use]
    pub fn lane(&self, network: Network, payer: Payer) -> Option<&Lane> {
        self.lanes.get(&(network, payer))
    }

    /// How many payouts are under way from a payer.
    #[must_use]
    pub fn in_flight(&self, network: Network, payer: Payer) -> usize {
        self.under_way.get(&(network, payer)).map_or(0, |(open, _)| *open)
    }

    /// How many of them are in no block yet: those that wait in nodes' pools, or will. What is in a block only waits for it to
    /// become final, which takes a quarter of an hour on some networks, and holds nobody up.
    #[must_use]
    pub fn unmined(&self, network: Network, payer: Payer) -> usize {
        self.under_way.get(&(network, payer)).map_or(0, |(_, unmined)| *unmined)
    }

    /// Of these payers the one that pays next: with the least under way, and the first of those.
    #[must_use]
    pub fn next_payer(&self, network: Network, payers: &[Payer]) -> Option<Payer> {
        payers.iter().copied().min_by_key(|payer| (self.in_flight(network, *payer), *payer))
    }

    /// The open withdrawals of a user.
    pub fn of_user(&self, user: UserId) -> impl Iterator<Item = &Withdrawal> {
        self.of_user.get(&user).into_iter().flatten().filter_map(|id| self.open.get(id))
    }

    /// The stage of an open withdrawal.
    #[must_use]
    pub fn stage(&self, one: &Withdrawal) -> Stage {
        match &one.standing {
            Standing::Confirming { .. } => Stage::Confirming,
            Standing::AwaitingApproval { .. } => Stage::AwaitingApproval,
            Standing::Approved { .. } => Stage::Approved,
            Standing::Queued { .. } => Stage::Queued,
            Standing::Paying { payout, .. } => self.payouts.get(payout).map_or(Stage::Review, Payout::stage),
            Standing::Over(ending) => ending.stage(),
        }
    }

    /// When time does something next.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    pub(crate) fn due(&self, now: Timestamp) -> Option<WithdrawalId> {
        self.due.first().filter(|(at, _)| *at <= now).map(|(_, id)| *id)
    }

    pub(crate) fn has_room(&self, user: UserId) -> bool {
        let of_user = self.of_user.get(&user).map_or(0, BTreeSet::len);
        self.open.len() < OPEN_WITHDRAWALS_MAX && of_user < OPEN_OF_USER_MAX as usize
    }

    pub(crate) fn put(&mut self, one: Withdrawal) {
        if let Some(due) = one.due() {
            self.due.insert((due, one.id));
        }
        if let Standing::Queued { since, .. } = one.standing {
            self.queue.insert((one.order.network, one.order.asset, since, one.id));
        }
        if waits_for_people(&one) {
            self.before_people.insert(one.id);
        }
        self.of_user.entry(one.order.user).or_default().insert(one.id);
        self.open.insert(one.id, one);
    }

    pub(crate) fn take(&mut self, id: WithdrawalId) -> Option<Withdrawal> {
        let one = self.open.remove(&id)?;
        if let Some(due) = one.due() {
            self.due.remove(&(due, id));
        }
        if let Standing::Queued { since, .. } = one.standing {
            self.queue.remove(&(one.order.network, one.order.asset, since, id));
        }
        self.before_people.remove(&id);
        if let Some(of_user) = self.of_user.get_mut(&one.order.user) {
            of_user.remove(&id);
            if of_user.is_empty() {
                self.of_user.remove(&one.order.user);
            }
        }
        Some(one)
    }

    pub(crate) fn put_payout(&mut self, payout: Payout) {
        self.take_payout(payout.id);
        let (open, unmined) = self.under_way.entry((payout.network, payout.payer)).or_default();
        *open += 1;
        *unmined += usize::from(payout.stage() != Stage::Mined);
        self.paid_by_people += for_people(&payout);
        self.payouts.insert(payout.id, payout);
    }

    pub(crate) fn take_payout(&mut self, id: PayoutId) -> Option<Payout> {
        let payout = self.payouts.remove(&id)?;
        self.paid_by_people -= for_people(&payout);
        let key = (payout.network, payout.payer);
        if let Some((open, unmined)) = self.under_way.get_mut(&key) {
            *open -= 1;
            *unmined -= usize::from(payout.stage() != Stage::Mined);
            if *open == 0 {
                self.under_way.remove(&key);
            }
        }
        Some(payout)
    }
}

/// Whether a withdrawal of which nothing is made yet waits for a person.
fn waits_for_people(one: &Withdrawal) -> bool {
    match &one.standing {
        Standing::AwaitingApproval { .. } => true,
        Standing::Queued { reason, .. } => reason.is_set_aside(),
        Standing::Confirming { .. } | Standing::Approved { .. } | Standing::Paying { .. } | Standing::Over(_) => false,
    }
}

/// How many withdrawals wait for a person because their payout does.
fn for_people(payout: &Payout) -> usize {
    match payout.stage() {
        Stage::Unknown | Stage::Review | Stage::Stuck => payout.withdrawals.len(),
        _ => 0,
    }
}

/// The key of the number of a user's withdrawal of this name.
pub(crate) fn client_key(user: UserId, client_id: &str) -> Vec<u8> {
    Table::ClientWithdrawal.key(&[user.0.to_be_bytes().as_slice(), client_id.as_bytes()].concat())
}

/// The key of a withdrawal that is over.
pub(crate) fn over_key(id: WithdrawalId) -> Vec<u8> {
    Table::WithdrawalOver.key(&id.0.to_be_bytes())
}

/// The key of a trace.
pub(crate) fn trace_key(id: WithdrawalId, number: u32) -> Vec<u8> {
    Table::WithdrawalTrace.key(&[id.0.to_be_bytes().as_slice(), &number.to_be_bytes()].concat())
}

/// The key by which a user's withdrawals are paged.
pub(crate) fn user_key(user: UserId, id: WithdrawalId) -> Vec<u8> {
    Table::UserWithdrawal.key(&[user.0.to_be_bytes(), id.0.to_be_bytes()].concat())
}

/// The row key of the lane of a deposit address.
pub(crate) fn address_lane_key(network: Network, payer: Payer) -> Vec<u8> {
    Table::AddressLane.key(&lane_key(network, payer))
}

/// The key of a payer's lane, without the table.
pub(crate) fn lane_key(network: Network, payer: Payer) -> Vec<u8> {
    let number = (network as u16).to_be_bytes();
    [number.as_slice(), &payer.wallet.0.to_be_bytes(), &payer.index.to_be_bytes()].concat()
}
