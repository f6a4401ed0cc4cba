//! Which coins of Bitcoin's deposit addresses are gathered in one transaction, and why not. Pure, in whole satoshi.
//!
//! Invariants:
//! - A coin that costs a third of itself to spend, or more, is left where it is.
//! - Coins of held deposits are in no transaction: gathered with others they would all be of the same origin.
//! - The fee is a twentieth of what is gathered at most.

use exchequer_domain::OutPoint;

/// Coins that one transaction gathers.
pub const INPUTS_MAX: usize = 200;
/// Fewer are not gathered without need: each of them can pay a withdrawal as it is.
pub const INPUTS_MIN: usize = 10;
/// A coin is worth more than so many times what spending it costs.
pub const INPUT_FACTOR: u64 = 3;
/// The most that is paid, in percent of what is gathered.
pub const FEE_PERCENT_MAX: u64 = 5;

/// A coin on a deposit address, in a block that is final.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gatherable {
    /// Which.
    pub outpoint: OutPoint,
    /// The address's index in the pool.
    pub index: u32,
    /// How much, in satoshi.
    pub sats: u64,
    /// Whether the deposit that it is of is held.
    pub held: bool,
}

/// What the network takes, in satoshi.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// For one input.
    pub input: u64,
    /// For all that a transaction has besides its inputs.
    pub rest: u64,
}

/// What is done about the coins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gathering {
    /// These are gathered, for about this fee.
    Gather {
        /// The coins.
        coins: Vec<Gatherable>,
        /// About, in satoshi.
        fee: u64,
    },
    /// Nothing yet.
    Not {
        /// Why, for people.
        why: String,
    },
}

/// Chooses what is gathered: the largest coins first, because a hot wallet that is refilled wants money before tidiness.
/// `urgent`: the hot wallet has too little, so that few coins are worth a transaction.
#[must_use]
pub fn gather(coins: &[Gatherable], sizes: Sizes, urgent: bool) -> Gathering {
    let mut chosen: Vec<Gatherable> = coins.iter().copied().filter(|coin| why_left(coin, sizes).is_none()).collect();
    chosen.sort_by_key(|coin| (std::cmp::Reverse(coin.sats), coin.outpoint));
    chosen.truncate(INPUTS_MAX);
    let not = |why| Gathering::Not { why };
    if chosen.is_empty() {
        return not(format!("not swept: none of {} coins is worth spending and free", coins.len()));
    }
    if chosen.len() < INPUTS_MIN && !urgent {
        return not(format!("not swept: {} coins can be gathered, and it takes {INPUTS_MIN}", chosen.len()));
    }
    let sum = chosen.iter().map(|coin| u128::from(coin.sats)).sum::<u128>();
    let fee = sizes.rest.saturating_add(sizes.input.saturating_mul(chosen.len() as u64));
    if u128::from(fee) * 100 > sum * u128::from(FEE_PERCENT_MAX) {
        return not(format!("not swept: the fee of {fee} satoshi is more than {FEE_PERCENT_MAX} % of {sum}"));
    }
    Gathering::Gather { coins: chosen, fee }
}

/// Why a coin is in no transaction, where that is its own doing.
#[must_use]
pub fn why_left(coin: &Gatherable, sizes: Sizes) -> Option<String> {
    if coin.held {
        return Some("not swept: the deposit that it is of is held".to_owned());
    }
    let least = sizes.input.saturating_mul(INPUT_FACTOR);
    (coin.sats <= least).then(|| {
        format!("not swept: {} satoshi, and spending them costs {}; it takes more than {least}", coin.sats, sizes.input)
    })
}

#[cfg(test)]
mod tests {
    use exchequer_domain::TxId;

    use super::*;

    const SIZES: Sizes = Sizes { input: 680, rest: 420 };

    fn coin(number: u32, sats: u64) -> Gatherable {
        Gatherable { outpoint: OutPoint { tx: TxId([7; 32]), vout: number }, index: number, sats, held: false }
    }

    fn of(counted: u32, sats: u64) -> Vec<Gatherable> {
        (0..counted).map(|number| coin(number, sats)).collect()
    }

    /// Goal: a coin has to be worth more than three times its own cost, to the satoshi. Method: the bound, and one more.
    #[test]
    fn a_coin_pays_for_itself_three_times() {
        assert!(why_left(&coin(0, 3 * 680), SIZES).is_some());
        assert_eq!(why_left(&coin(0, 3 * 680 + 1), SIZES), None);
        let free = Sizes { input: 0, rest: 0 };
        assert!(why_left(&coin(0, 0), free).is_some());
    }

    /// Goal: at most 200 coins, the largest, at least ten without need, and never for more than a twentieth.
    /// Method: counts and values around each bound.
    #[test]
    fn gatherings_are_bounded() {
        let Gathering::Gather { coins, fee } = gather(&of(300, 100_000), SIZES, false) else { panic!("worth it") };
        assert_eq!((coins.len(), fee), (200, 420 + 200 * 680));
        let mut mixed = of(250, 50_000);
        mixed.push(coin(999, 60_000));
        let Gathering::Gather { coins, .. } = gather(&mixed, SIZES, false) else { panic!("worth it") };
        assert_eq!((coins[0].index, coins.len()), (999, 200));
        assert!(matches!(gather(&of(9, 1_000_000), SIZES, false), Gathering::Not { .. }));
        assert!(matches!(gather(&of(10, 1_000_000), SIZES, false), Gathering::Gather { .. }));
        assert!(matches!(gather(&of(1, 1_000_000), SIZES, true), Gathering::Gather { .. }));
        // Ten coins cost 7,220: a twentieth of 144,400.
        assert!(matches!(gather(&of(10, 14_440), SIZES, false), Gathering::Gather { .. }));
        assert!(matches!(gather(&of(10, 14_439), SIZES, false), Gathering::Not { .. }));
        assert!(matches!(gather(&[], SIZES, true), Gathering::Not { .. }));
    }

    /// Goal: a coin of a held deposit is gathered with nothing. Method: it is the largest, and the only one.
    #[test]
    fn held_coins_stay_apart() {
        let held = Gatherable { held: true, ..coin(77, 10_000_000) };
        let mut coins = of(20, 100_000);
        coins.push(held);
        let Gathering::Gather { coins, .. } = gather(&coins, SIZES, false) else { panic!("worth it") };
        assert!(coins.len() == 20 && coins.iter().all(|coin| !coin.held));
        assert!(matches!(gather(&[held], SIZES, true), Gathering::Not { .. }));
    }
}
