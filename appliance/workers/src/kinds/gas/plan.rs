//! How much gas is brought where, and why not. Pure, in whole units of the network's own coin.
//!
//! Invariants:
//! - What is brought is exactly what the planned transaction lacks, with room for a quarter more; nothing lies idle.
//! - Nothing is brought for what is worth less than four times all that it costs.
//! - An address gets gas three times a day at most, and a network has a budget for a day: a sweep that fails again and again
//!   costs no more than that.

use std::fmt;

use crate::kinds::consolidation::economics::{GAS_FACTOR, UsdMicros};

/// Top-ups of one address within 24 hours.
pub const TOP_UPS_OF_ADDRESS_MAX: u32 = 3;
/// What is brought, in percent of what the transaction takes at the prices now.
pub const ROOM_PERCENT: u128 = 125;
/// From so much of the day's budget on people are told, in percent.
pub const BUDGET_TOLD_PERCENT: u128 = 80;
/// After a sweep that failed the next gas comes so much later, in microseconds; doubled by each further one.
pub const AFTER_FAILURE_US: u64 = 3_600_000_000;
/// So often it is doubled at most: 64 hours.
const DOUBLINGS_MAX: u32 = 6;

/// What a planned transaction takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// Units: of gas its limit, on TRON 1 where `price` is all that is burnt.
    pub units: u128,
    /// The most for a unit.
    pub price: u128,
    /// What the address has.
    pub balance: u128,
}

/// What is known about an address for which gas is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    /// What the transaction takes.
    pub need: Need,
    /// What would be swept; none where no fresh price is known.
    pub worth: Option<UsdMicros>,
    /// What the sweep and the top-up cost together; none where no fresh price is known.
    pub cost: Option<UsdMicros>,
    /// Top-ups that it got within 24 hours.
    pub top_ups: u32,
    /// Sweeps of it that failed one after the other.
    pub failures: u32,
    /// Since the last of them, in microseconds.
    pub failed_us_ago: u64,
}

/// What may be spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purse {
    /// What the day's top-ups have taken, fees included.
    pub spent: u128,
    /// What they may take.
    pub budget: u128,
    /// What the gas wallet has.
    pub station: u128,
    /// The most that one top-up costs itself.
    pub fee_max: u128,
}

/// What is done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// So much is brought.
    TopUp {
        /// How much.
        amount: u128,
        /// What the transaction takes.
        need: Need,
    },
    /// It has enough.
    Enough,
    /// It is not worth it.
    NotWorth {
        /// What would be swept.
        worth: UsdMicros,
        /// What it costs.
        cost: UsdMicros,
    },
    /// No fresh price is known.
    NoPrice,
    /// It got gas often enough.
    TooOften {
        /// So often within 24 hours.
        top_ups: u32,
    },
    /// A sweep of it failed, and it waits.
    AfterFailure {
        /// How many failed.
        failures: u32,
        /// How long it still waits, in microseconds.
        left_us: u64,
    },
    /// The day's budget is used up.
    Budget {
        /// What it would take.
        amount: u128,
        /// What is left.
        left: u128,
    },
    /// The gas wallet has too little.
    Station {
        /// What it would take.
        amount: u128,
        /// What it has.
        has: u128,
    },
    /// It is beyond all bounds.
    Beyond,
}

/// Decides about gas for one planned transaction.
#[must_use]
pub fn decide(case: &Case, purse: &Purse) -> Decision {
    let Some(missing) = missing(&case.need) else { return Decision::Beyond };
    if missing == 0 {
        return Decision::Enough;
    }
    let (Some(worth), Some(cost)) = (case.worth, case.cost) else { return Decision::NoPrice };
    if worth < cost.saturating_mul(GAS_FACTOR) {
        return Decision::NotWorth { worth, cost };
    }
    if let Some(left_us) = rests(case.failures, case.failed_us_ago) {
        return Decision::AfterFailure { failures: case.failures, left_us };
    }
    if case.top_ups >= TOP_UPS_OF_ADDRESS_MAX {
        return Decision::TooOften { top_ups: case.top_ups };
    }
    let Some(amount) = missing.checked_add(purse.fee_max) else { return Decision::Beyond };
    let left = purse.budget.saturating_sub(purse.spent);
    if amount > left {
        return Decision::Budget { amount, left };
    }
    if amount > purse.station {
        return Decision::Station { amount, has: purse.station };
    }
    Decision::TopUp { amount: missing, need: case.need }
}

/// How long an address still rests after so many sweeps of it failed one after the other, in microseconds; none where it does
/// not.
#[must_use]
pub fn rests(failures: u32, failed_us_ago: u64) -> Option<u64> {
    let doublings = failures.checked_sub(1)?.min(DOUBLINGS_MAX);
    (AFTER_FAILURE_US << doublings).checked_sub(failed_us_ago).filter(|left| *left > 0)
}

/// What the address lacks of what the transaction takes and a quarter more; zero where it has what the transaction takes now.
/// None where that does not fit.
#[must_use]
pub fn missing(need: &Need) -> Option<u128> {
    let takes = need.units.checked_mul(need.price)?;
    if need.balance >= takes {
        return Some(0);
    }
    let wanted = takes.checked_mul(ROOM_PERCENT)?.div_ceil(100);
    Some(wanted - need.balance)
}

/// What fills an address of a hot wallet: nothing down to its threshold, and below it as much as it takes to its cap. Between
/// the two nothing is done, so that it is not filled again and again.
#[must_use]
pub fn refill(balance: u128, threshold: u128, cap: u128) -> Option<u128> {
    if balance >= threshold { None } else { cap.checked_sub(balance).filter(|amount| *amount > 0) }
}

/// Whether people are told that the day's budget is nearly used up.
#[must_use]
pub fn is_budget_told(spent: u128, budget: u128) -> bool {
    spent.saturating_mul(100) >= budget.saturating_mul(BUDGET_TOLD_PERCENT)
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Decision::TopUp { amount, need } => write!(
                f,
                "{amount} for a sweep that takes {} units at {} at most, with a quarter more, to an address that has {}",
                need.units, need.price, need.balance
            ),
            Decision::Enough => write!(f, "no gas: it has enough"),
            Decision::NotWorth { worth, cost } => write!(
                f,
                "no gas: what would be swept is worth {worth} millionths of a dollar, less than {GAS_FACTOR} times the \
                 cost of {cost}"
            ),
            Decision::NoPrice => write!(f, "no gas: there is no fresh reference price"),
            Decision::TooOften { top_ups } => {
                write!(
                    f,
                    "no gas: it got some {top_ups} times within 24 hours, and {TOP_UPS_OF_ADDRESS_MAX} is the most"
                )
            }
            Decision::AfterFailure { failures, left_us } => write!(
                f,
                "no gas: {failures} sweeps of it failed; the next try is in {} minutes",
                left_us.div_ceil(60_000_000)
            ),
            Decision::Budget { amount, left } => {
                write!(f, "no gas: it takes {amount}, and {left} are left of the day's budget")
            }
            Decision::Station { amount, has } => write!(f, "no gas: it takes {amount}, and the gas wallet has {has}"),
            Decision::Beyond => write!(f, "no gas: what it takes is beyond all bounds"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GWEI: u128 = 1_000_000_000;

    fn case(balance: u128) -> Case {
        Case {
            need: Need { units: 78_000, price: 60 * GWEI, balance },
            worth: Some(400_000_000),
            cost: Some(20_000_000),
            top_ups: 0,
            failures: 0,
            failed_us_ago: 0,
        }
    }

    const PURSE: Purse =
        Purse { spent: 0, budget: 1_000_000 * GWEI * GWEI, station: 10 * GWEI * GWEI, fee_max: 21_000 * GWEI };

    /// Goal: what is brought is enough where fees have risen by a quarter when it arrives, to the unit, and not a unit more.
    /// Method: random needs; what the address then has is compared with what the transaction takes at the risen price.
    #[test]
    fn just_in_time_is_enough_after_a_quarter_more() {
        let mut seed = 0x5eed_u64;
        println!("seed {seed:#x}");
        let mut draw = |most: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            u128::from((seed >> 33) % most)
        };
        for _ in 0..2_000 {
            let need = Need { units: 21_000 + draw(300_000), price: 1 + draw(500_000), balance: draw(1_000_000_000) };
            let takes = need.units * need.price;
            match decide(&Case { need, ..case(0) }, &PURSE) {
                Decision::Enough => assert!(need.balance >= takes),
                Decision::TopUp { amount, .. } => {
                    let has = need.balance + amount;
                    assert!(has * 100 >= takes * 125, "{need:?}");
                    assert!((has - 1) * 100 < takes * 125, "a unit too many for {need:?}");
                }
                other => panic!("{other:?}"),
            }
        }
    }

    /// Goal: what is not worth it, unknown, too often, just failed, over the budget or more than there is gets nothing.
    /// Method: a case that gets gas, changed in one respect at a time, at its bound and one beyond.
    #[test]
    fn each_refusal_has_its_bound() {
        let gets = |case: &Case, purse: &Purse| matches!(decide(case, purse), Decision::TopUp { .. });
        let base = case(0);
        assert!(gets(&base, &PURSE));
        assert!(gets(&Case { worth: Some(80_000_000), ..base }, &PURSE));
        assert!(matches!(decide(&Case { worth: Some(79_999_999), ..base }, &PURSE), Decision::NotWorth { .. }));
        assert_eq!(decide(&Case { worth: None, ..base }, &PURSE), Decision::NoPrice);
        assert!(gets(&Case { top_ups: 2, ..base }, &PURSE));
        assert_eq!(decide(&Case { top_ups: 3, ..base }, &PURSE), Decision::TooOften { top_ups: 3 });
        let amount = 78_000 * 60 * GWEI * 125 / 100 + PURSE.fee_max;
        assert!(gets(&base, &Purse { budget: amount, ..PURSE }));
        assert_eq!(
            decide(&base, &Purse { budget: amount + 9, spent: 10, ..PURSE }),
            Decision::Budget { amount, left: amount - 1 }
        );
        assert!(gets(&base, &Purse { station: amount, ..PURSE }));
        assert_eq!(
            decide(&base, &Purse { station: amount - 1, ..PURSE }),
            Decision::Station { amount, has: amount - 1 }
        );
        assert_eq!(decide(&case(78_000 * 60 * GWEI), &PURSE), Decision::Enough);
        let beyond = Need { units: u128::MAX, price: 2, balance: 0 };
        assert_eq!(decide(&Case { need: beyond, ..base }, &PURSE), Decision::Beyond);
    }

    /// Goal: a sweep that fails again and again makes no loop of top-ups: each try waits twice as long. Method: failures from
    /// one to many, just before and at the end of each pause.
    #[test]
    fn failures_make_no_loop() {
        for (failures, hours) in [(1, 1), (2, 2), (3, 4), (7, 64), (8, 64), (u32::MAX, 64)] {
            let at = |us| decide(&Case { failures, failed_us_ago: us, ..case(0) }, &PURSE);
            let pause = hours * 3_600_000_000;
            assert_eq!(at(pause - 1), Decision::AfterFailure { failures, left_us: 1 });
            assert!(matches!(at(pause), Decision::TopUp { .. }), "{failures}");
        }
    }

    /// Goal: a hot wallet's address is filled to its cap once it is below its threshold, and left alone between the two.
    #[test]
    fn hot_addresses_are_kept_between_two_marks() {
        for (balance, amount) in [(0, Some(100)), (39, Some(61)), (40, None), (99, None), (100, None), (200, None)] {
            assert_eq!(refill(balance, 40, 100), amount, "{balance}");
        }
        assert_eq!(refill(5, 10, 3), None, "a cap below what is there");
        assert_eq!(refill(0, 10, 0), None);
    }

    /// Goal: people are told from four fifths of the budget on. Method: around the bound, and of no budget at all.
    #[test]
    fn the_budget_is_told_before_it_ends() {
        assert!(!is_budget_told(79, 100) && is_budget_told(80, 100) && is_budget_told(0, 0));
        assert!(!is_budget_told(0, 1));
    }

    /// Goal: each decision says what it is about.
    #[test]
    fn decisions_explain_themselves() {
        let said = decide(&case(7), &PURSE).to_string();
        assert_eq!(
            said,
            "5849999999999993 for a sweep that takes 78000 units at 60000000000 at most, with a quarter more, to an \
             address that has 7"
        );
        let waits = Case { failures: 1, failed_us_ago: 0, ..case(0) };
        assert_eq!(decide(&waits, &PURSE).to_string(), "no gas: 1 sweeps of it failed; the next try is in 60 minutes");
    }
}
