//! TRON: how much of a stake gives what, and what is done with it next, by what endpoints say of it.
//!
//! Invariants:
//! - No endpoint decides alone. What is frozen goes by the largest stake that any of them tells, what is lent or freed by the
//!   smallest; whether the network has a loan, and what is staked, a quorum says.
//! - Half of what a wallet has stays free of its stake, however often it is asked.

use exchequer_chains::node::TronAccount;

use crate::money::proto::stake::Deed;
use crate::money::proto::{Loan, Payer};

/// Sun of a TRX: what is staked is whole TRX.
const TRX: u64 = 1_000_000;
/// What is lent beyond what the sweep takes, in parts of a hundred: the share that a stake gives moves.
const ROOM_PERCENT: u64 = 2;
/// Parts of a stake that may end at once; the network takes 32.
const ENDING_MAX: u64 = 30;
/// What is frozen at once, in sun: what signers allow in an hour bounds each step by itself.
pub const FREEZE_SUN_MAX: u64 = 10_000 * TRX;
/// What is lent by one transaction, in sun: signers sign no more.
pub const LENT_SUN_MAX: u64 = 100_000 * TRX;

/// What the energy comes to that so much of a stake gives in a day, in units.
#[must_use]
pub fn energy_of(sun: u64, told: &TronAccount) -> u64 {
    let energy = u128::from(sun / TRX) * u128::from(told.energy_of_all);
    energy.checked_div(told.stake_of_all.into()).and_then(|energy| u64::try_from(energy).ok()).unwrap_or(0)
}

/// How much of a stake gives so many units of energy in a day whichever endpoint is right, in sun, rounded up to whole TRX; none
/// where no stake does.
#[must_use]
pub fn stake_for(energy: u64, told: &[TronAccount]) -> Option<u64> {
    let mut most = None;
    for one in told {
        if one.energy_of_all == 0 || one.stake_of_all == 0 {
            return None;
        }
        let wanted = u128::from(energy) * u128::from(100 + ROOM_PERCENT);
        let shares = wanted.checked_mul(one.stake_of_all.into())?;
        let trx = shares.div_ceil(u128::from(one.energy_of_all) * 100);
        most = most.max(Some(u64::try_from(trx.max(1)).ok()?.checked_mul(TRX)?));
    }
    most
}

/// What of a stake is neither lent, nor about to be (`decided`), nor used up today, in sun, rounded down to whole TRX: the least that
/// is told.
#[must_use]
pub fn lendable(told: &[TronAccount], decided: u64) -> u64 {
    let free = |one: &TronAccount| {
        let used = u128::from(one.energy_used) * u128::from(one.stake_of_all);
        let used = if one.energy_of_all == 0 { return 0 } else { used.div_ceil(u128::from(one.energy_of_all)) };
        let used = u64::try_from(used).unwrap_or(u64::MAX).saturating_mul(TRX);
        one.energy_stake.saturating_sub(used).saturating_sub(decided) / TRX * TRX
    };
    told.iter().map(free).min().unwrap_or(0)
}

/// The amount on which a quorum agrees; none where none does.
#[must_use]
pub fn agreed(said: &[u64], quorum: usize) -> Option<u64> {
    said.iter().copied().find(|one| said.iter().filter(|other| *other == one).count() >= quorum.max(1))
}

/// Whether the network has what the book says, by what endpoints say that it has lent, in sun; none where no quorum says either.
#[must_use]
pub fn there(said: &[u64], sun: u64, quorum: usize) -> Option<bool> {
    let have = said.iter().filter(|lent| **lent >= sun).count();
    match (have >= quorum.max(1), said.len() - have >= quorum.max(1)) {
        (true, _) => Some(true),
        (false, true) => Some(false),
        (false, false) => None,
    }
}

/// What of a stake the network has lent of which the book has nothing, where a quorum says that it is at least as much, in sun.
#[must_use]
pub fn stray(lent: &[u64], booked: u64, quorum: usize) -> u64 {
    let mut lent = lent.to_vec();
    lent.sort_unstable_by(|one, other| other.cmp(one));
    lent.get(quorum.max(1) - 1).map_or(0, |lent| lent.saturating_sub(booked))
}

/// An address of a gas wallet, as endpoints tell of it.
#[derive(Debug, Clone)]
pub struct Staker {
    /// What each endpoint that has a say tells; a quorum at least.
    pub told: Vec<TronAccount>,
    /// What of its stake is about to be lent, in sun.
    pub decided: u64,
    /// Whether something can be decided for it now.
    pub usable: bool,
}

impl Staker {
    fn stakes(&self) -> impl Iterator<Item = u64> {
        self.told.iter().map(|one| one.energy_stake.saturating_add(one.energy_lent))
    }

    /// Whether something that has ended is free, as a quorum says.
    fn has_ended(&self, now_ms: u64, quorum: usize) -> bool {
        self.told.iter().filter(|one| one.free_ms > 0 && one.free_ms < now_ms).count() >= quorum.max(1)
    }

    /// What can still be frozen so that half of what it has stays free, in sun.
    fn freezable(&self) -> u64 {
        let of = |one: &TronAccount| (one.balance.saturating_add(one.staked) / 2).saturating_sub(one.staked);
        self.told.iter().map(of).min().unwrap_or(0)
    }
}

/// Whether people look at what a stake was to lend, or to take back: no further loans are asked for meanwhile, and TRX is brought.
#[must_use]
pub fn is_stopped(loans: &[Loan], payer: Payer) -> bool {
    loans.iter().any(|loan| loan.stopped && loan.payer == Some(payer))
}

/// Which of these can lend so many units of energy, and how much of its stake that takes, in sun; none where none can, or where it
/// would be more than signers sign.
#[must_use]
pub fn lender(own: &[Staker], energy: u64) -> Option<(usize, u64)> {
    own.iter().enumerate().filter(|(_, one)| one.usable).find_map(|(at, one)| {
        let most = lendable(&one.told, one.decided).min(LENT_SUN_MAX);
        stake_for(energy, &one.told).filter(|sun| *sun <= most).map(|sun| (at, sun))
    })
}

/// What is done next so that a gas wallet stakes what it shall, in sun, and at which of its addresses: it stakes at the first. `frozen`
/// is what the book says that it has frozen, beyond which nothing is.
#[must_use]
pub fn towards(
    own: &[Staker],
    wanted: u64,
    frozen: u64,
    now_ms: u64,
    quorum: usize,
    halted: &[String],
) -> Option<(usize, Deed)> {
    let may = |word: &str| !halted.iter().any(|halted| halted == word);
    let usable = || own.iter().enumerate().filter(|(_, one)| one.usable);
    if let Some((at, _)) = usable().find(|(_, one)| one.has_ended(now_ms, quorum) && may("collect")) {
        return Some((at, Deed::Collect(true)));
    }
    let sum = |of: fn(&Staker) -> Option<u64>| own.iter().filter_map(of).fold(0, u64::saturating_add);
    let whole = |sun: u64| Some(sun / TRX * TRX).filter(|sun| *sun > 0);
    let most = sum(|one| one.stakes().max());
    if most < wanted {
        let first = own.first().filter(|one| one.usable)?;
        let step = (wanted - most).min(wanted.saturating_sub(frozen)).min(FREEZE_SUN_MAX).min(first.freezable());
        return whole(step).filter(|_| may("freeze")).map(|sun| (0, Deed::Freeze(sun)));
    }
    let beyond = sum(|one| one.stakes().min()).saturating_sub(wanted);
    usable().find_map(|(at, one)| {
        let full = one.told.iter().any(|told| told.ending >= ENDING_MAX);
        let sun = beyond.min(lendable(&one.told, one.decided));
        whole(sun).filter(|_| !full && may("unfreeze")).map(|sun| (at, Deed::Unfreeze(sun)))
    })
}

#[cfg(test)]
#[path = "lending_tests.rs"]
mod tests;
