//! When what lies on a deposit address is swept, and why not yet. Pure: no clock, no network, whole numbers alone.
//!
//! Values are millionths of a US dollar by the reference prices: what is gained is rounded down, what it costs is rounded up,
//! so that rounding never makes a sweep look better than it is.
//!
//! Invariants:
//! - What is held, or of a value that nobody knows, is not swept.
//! - No sweep costs more than half of what it moves, and one that needs gas first no more than a quarter.
//! - What is moved and the fee together are never more than what is there.

use std::fmt;

/// Millionths of a US dollar.
pub type UsdMicros = u128;

/// What is swept is worth so many times what sweeping it costs: at most a twentieth is lost.
pub const WORTH_FACTOR: u128 = 20;
/// The same of what has lain for [`AGED_US`].
pub const AGED_FACTOR: u128 = 4;
/// The same where the hot wallet has too little.
pub const URGENT_FACTOR: u128 = 2;
/// The same of whatever needs gas first, however urgent.
pub const GAS_FACTOR: u128 = 4;
/// So old it goes for a smaller gain, in microseconds: 7 days.
pub const AGED_US: u64 = 7 * DAY_US;
/// So old it does not wait for low fees any more, in microseconds: 24 hours.
pub const UNGATED_US: u64 = DAY_US;

const DAY_US: u64 = 86_400_000_000;

/// What so many of a coin's smallest units are worth, rounded down; none where that does not fit.
#[must_use]
pub fn worth(smallest: u128, decimals: u32, usd_micros: u64) -> Option<UsdMicros> {
    valued(smallest, decimals, usd_micros, |product, unit| product / unit)
}

/// What so many of a coin's smallest units cost, rounded up; none where that does not fit.
#[must_use]
pub fn cost(smallest: u128, decimals: u32, usd_micros: u64) -> Option<UsdMicros> {
    valued(smallest, decimals, usd_micros, u128::div_ceil)
}

fn valued(smallest: u128, decimals: u32, usd_micros: u64, divide: fn(u128, u128) -> u128) -> Option<UsdMicros> {
    let unit = 10_u128.checked_pow(decimals)?;
    let micros = u128::from(usd_micros);
    // Whole units first, so that the product fits wherever the result does.
    let of_whole = (smallest / unit).checked_mul(micros)?;
    let rest = smallest % unit;
    let of_rest = rest.checked_mul(micros)?;
    of_whole.checked_add(divide(of_rest, unit))
}

/// Something on one address, as it is known when it is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Whether a deposit that it comes of is held, or its user is.
    pub held: bool,
    /// What would arrive; none where no fresh price is known.
    pub worth: Option<UsdMicros>,
    /// What the sweep costs, with the gas that has to be brought first; none where no fresh price is known.
    pub cost: Option<UsdMicros>,
    /// Whether gas has to be brought first.
    pub needs_gas: bool,
    /// How long the oldest of it has been there, in microseconds.
    pub age_us: u64,
}

/// How things are on the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Climate {
    /// The least that is swept without need.
    pub min: UsdMicros,
    /// Whether the hot wallet has less of the asset than its low mark.
    pub hot_low: bool,
    /// The network's fee now, in whatever unit.
    pub fee: u128,
    /// The fee up to which one that can wait goes, in the same unit; none as long as too little is known.
    pub gate: Option<u128>,
}

/// Why it is swept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It is worth it.
    Worth,
    /// It has lain for long.
    Aged,
    /// The hot wallet has too little.
    HotLow,
}

/// Whether it is swept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    Sweep {
        /// Why.
        reason: Reason,
        /// What would arrive.
        worth: UsdMicros,
        /// What it costs.
        cost: UsdMicros,
    },
    /// A deposit is held.
    Held,
    /// No fresh price is known.
    NoPrice,
    /// The fee would be more than what is there.
    BelowFee,
    /// It is worth less than it has to be.
    TooLittle {
        /// What would arrive.
        worth: UsdMicros,
        /// What it would have to be.
        needed: UsdMicros,
        /// What it costs.
        cost: UsdMicros,
    },
    /// It waits for lower fees.
    Fees {
        /// The fee now.
        fee: u128,
        /// The fee at which it goes.
        gate: u128,
    },
}

/// Judges what is on an address.
#[must_use]
pub fn judge(candidate: &Candidate, climate: &Climate) -> Verdict {
    if candidate.held {
        return Verdict::Held;
    }
    let (Some(worth), Some(cost)) = (candidate.worth, candidate.cost) else { return Verdict::NoPrice };
    if worth == 0 {
        return Verdict::BelowFee;
    }
    let times = |factor: u128| {
        let least = if candidate.needs_gas { factor.max(GAS_FACTOR) } else { factor };
        cost.saturating_mul(least)
    };
    let wanted = climate.min.max(times(WORTH_FACTOR));
    let reason = if climate.hot_low && worth >= times(URGENT_FACTOR) {
        Reason::HotLow
    } else if candidate.age_us > AGED_US && worth >= times(AGED_FACTOR) {
        Reason::Aged
    } else if worth >= wanted {
        Reason::Worth
    } else {
        let needed = if climate.hot_low {
            times(URGENT_FACTOR)
        } else if candidate.age_us > AGED_US {
            times(AGED_FACTOR)
        } else {
            wanted
        };
        return Verdict::TooLittle { worth, needed, cost };
    };
    let waits = match reason {
        Reason::HotLow => false,
        Reason::Worth | Reason::Aged => candidate.age_us <= UNGATED_US,
    };
    match climate.gate {
        Some(gate) if waits && climate.fee > gate => Verdict::Fees { fee: climate.fee, gate },
        Some(_) | None => Verdict::Sweep { reason, worth, cost },
    }
}

/// What of the network's own coin leaves an address: what is there without the most that the fee can be. None where nothing
/// would.
#[must_use]
pub fn native(balance: u128, fee_max: u128) -> Option<u128> {
    balance.checked_sub(fee_max).filter(|left| *left > 0)
}

/// How an amount is parted: to the hot wallet up to its target, the rest to the cold one. What would not be worth `part_min` by
/// itself goes with the larger part, because each part is a transfer that pays for itself. The two are the amount, to the unit.
#[must_use]
pub fn part(amount: u128, hot_has: u128, hot_target: u128, part_min: u128) -> (u128, u128) {
    let hot = amount.min(hot_target.saturating_sub(hot_has));
    let cold = amount - hot;
    if hot > 0 && cold > 0 && hot.min(cold) < part_min {
        return if hot > cold { (amount, 0) } else { (0, amount) };
    }
    (hot, cold)
}

/// Dollars and cents of a value, for people.
struct Dollars(UsdMicros);

impl fmt::Display for Dollars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Small sums in full: a fee of a cent's hundredth is not nothing.
        let (whole, micros) = (self.0 / 1_000_000, self.0 % 1_000_000);
        if micros % 10_000 == 0 {
            write!(f, "${whole}.{:02}", micros / 10_000)
        } else {
            write!(f, "${whole}.{micros:06}")
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Sweep { reason, worth, cost } => {
                let why = match reason {
                    Reason::Worth => "it is worth it",
                    Reason::Aged => "it has lain for more than 7 days",
                    Reason::HotLow => "the hot wallet has less than its low mark",
                };
                write!(f, "swept: {why}; {} for {}", Dollars(*worth), Dollars(*cost))
            }
            Verdict::Held => write!(f, "not swept: a deposit that it comes of is held"),
            Verdict::NoPrice => {
                write!(f, "not swept: there is no fresh reference price of the asset or of the network's coin")
            }
            Verdict::BelowFee => write!(f, "not swept: nothing would be left once the fee is paid"),
            Verdict::TooLittle { worth, needed, cost } => write!(
                f,
                "not swept: {} would arrive for {}, and it takes {}",
                Dollars(*worth),
                Dollars(*cost),
                Dollars(*needed)
            ),
            Verdict::Fees { fee, gate } => write!(
                f,
                "not swept: it waits for lower fees, {fee} now and {gate} at most, for 24 hours at the longest"
            ),
        }
    }
}

#[cfg(test)]
#[path = "economics_tests.rs"]
mod tests;
