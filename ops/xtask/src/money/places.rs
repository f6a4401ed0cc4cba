//! The six networks of the demo: their coins, on what terms they come and go, and the markets of those coins.
//!
//! Every network has its coin and, Bitcoin apart, the same dollar token under a contract of its own. Users trade one for the
//! other, so that what is withdrawn on a network is not what its receiver brought there.

use crate::crowd::{Asset, Market};

/// The token's asset.
pub(super) const DOLLAR: &str = "USDT";

/// A coin or token on a network.
#[derive(Debug, Clone, Copy)]
pub(super) struct Coin {
    pub(super) asset: &'static str,
    pub(super) is_token: bool,
    /// Decimals of a unit on the network.
    pub(super) decimals: u32,
    /// What one user of the journey brings.
    pub(super) deposit: &'static str,
    /// What one takes out, fee included.
    pub(super) withdrawal: &'static str,
    /// What the hot wallet begins with.
    pub(super) float: &'static str,
    /// Least and most of a withdrawal, its step and its fee.
    pub(super) terms: [&'static str; 4],
}

/// A network.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) network: &'static str,
    pub(super) family: &'static str,
    /// Its own coin.
    pub(super) coin: Coin,
    /// In so many payments somebody brings the coin: where coins are gathered many at a time, enough for once.
    pub(super) payments: u32,
    /// The dollar token there.
    pub(super) token: Option<Coin>,
    /// The market of its coin.
    pub(super) symbol: &'static str,
    /// Confirmations until a deposit can be traded with, and withdrawn.
    pub(super) confirmations: [&'static str; 2],
    /// The most that is offered for a unit of the network's work, and that one transaction may cost, in minor units of the coin.
    pub(super) fees_max: [&'static str; 2],
}

impl Place {
    /// Its coin and its token.
    pub(super) fn coins(&self) -> impl Iterator<Item = &Coin> {
        std::iter::once(&self.coin).chain(&self.token)
    }
}

const fn token(decimals: u32) -> Option<Coin> {
    Some(Coin {
        asset: DOLLAR,
        is_token: true,
        decimals,
        deposit: "2500",
        withdrawal: "600",
        float: "100000",
        terms: ["1", "100000", "0.000001", "1"],
    })
}

const fn ether(asset: &'static str, deposit: &'static str, withdrawal: &'static str, float: &'static str) -> Coin {
    let terms = ["0.001", "100000", "0.00000001", "0.001"];
    Coin { asset, is_token: false, decimals: 18, deposit, withdrawal, float, terms }
}

const fn evm(
    network: &'static str,
    coin: Coin,
    token_decimals: u32,
    symbol: &'static str,
    withdrawable: &'static str,
) -> Place {
    Place {
        network,
        family: "evm",
        coin,
        payments: 1,
        token: token(token_decimals),
        symbol,
        confirmations: ["2", withdrawable],
        fees_max: ["500000000000", "100000000000000000"],
    }
}

/// The networks, in the order in which they are told.
pub(super) const PLACES: [Place; 6] = [
    Place {
        network: "bitcoin",
        family: "bitcoin",
        coin: Coin {
            asset: "BTC",
            is_token: false,
            decimals: 8,
            deposit: "0.05",
            withdrawal: "0.01",
            float: "2",
            terms: ["0.0001", "100", "0.00000001", "0.00005"],
        },
        payments: 10,
        token: None,
        symbol: "BTCUSDT",
        confirmations: ["1", "2"],
        fees_max: ["200", "200000"],
    },
    evm("ethereum", ether("ETH", "1", "0.2", "100"), 6, "ETHUSDT", "4"),
    evm("polygon", ether("POL", "6000", "1000", "100000"), 6, "POLUSDT", "4"),
    // The public network's token has eighteen decimals there.
    evm("bsc", ether("BNB", "4", "1", "400"), 18, "BNBUSDT", "3"),
    evm("arbitrum", ether("ETH", "1", "0.2", "100"), 6, "ETHUSDT", "4"),
    Place {
        network: "tron",
        family: "tron",
        coin: Coin {
            asset: "TRX",
            is_token: false,
            decimals: 6,
            deposit: "9000",
            withdrawal: "1500",
            float: "500000",
            terms: ["1", "1000000", "0.000001", "1"],
        },
        payments: 1,
        token: token(6),
        symbol: "TRXUSDT",
        confirmations: ["2", "19"],
        fees_max: ["1000", "200000000"],
    },
];

/// The families, each with a deposit account of its own.
pub(super) const FAMILIES: [&str; 3] = ["bitcoin", "evm", "tron"];

/// The assets that the simulated traders do not trade.
pub(super) const ASSETS: [Asset; 2] = [
    Asset { code: "POL", name: "Polygon", decimals: 18, purse: 0 },
    Asset { code: "BNB", name: "BNB", decimals: 18, purse: 0 },
];

/// Their markets.
pub(super) const MARKETS: [Market; 2] = [
    Market {
        symbol: "POLUSDT",
        base: "POL",
        quote: DOLLAR,
        price_decimals: 4,
        lot_decimals: 2,
        anchor_ticks: 4_500,
        size_lots: 240_000,
    },
    Market {
        symbol: "BNBUSDT",
        base: "BNB",
        quote: DOLLAR,
        price_decimals: 2,
        lot_decimals: 4,
        anchor_ticks: 60_000,
        size_lots: 18_000,
    },
];

/// An amount of a coin in its smallest units; none where the text is no amount of it.
pub(super) fn units(text: &str, decimals: u32) -> Option<u128> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let part = part.trim_end_matches('0');
    let missing = usize::try_from(decimals).ok()?.checked_sub(part.len())?;
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(part) {
        return None;
    }
    format!("{whole}{part}{}", "0".repeat(missing)).parse().ok()
}

/// Smallest units of a coin as an amount.
pub(super) fn amount(units: u128, decimals: u32) -> String {
    let digits = format!("{units:0>width$}", width = decimals as usize + 1);
    let (whole, part) = digits.split_at(digits.len() - decimals as usize);
    // A network may know more decimals of a token than the exchange counts.
    let part = part.trim_end_matches('0');
    if part.is_empty() { whole.to_owned() } else { format!("{whole}.{part}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: an amount is counted to the smallest unit, and what a coin cannot express is none. Method: texts there and back.
    #[test]
    fn amounts_are_exact() {
        for (text, decimals, expected) in
            [("0.05", 8, 5_000_000), ("2500", 18, 2_500 * 10_u128.pow(18)), ("1.5", 6, 1_500_000), ("7", 0, 7)]
        {
            assert_eq!(units(text, decimals), Some(expected), "{text}");
            assert_eq!(units(&amount(expected, decimals), decimals), Some(expected), "{text}");
        }
        for text in ["", ".5", "0.000000001", "-1", "1e3", "1.2.3"] {
            assert_eq!(units(text, 8), None, "{text}");
        }
        assert_eq!((amount(5, 8).as_str(), amount(12, 0).as_str()), ("0.00000005", "12"));
    }

    /// Goal: the journey's own numbers are possible: nobody withdraws more than was brought, and every amount, and each payment
    /// of it, can be said on its network. Method: all coins.
    #[test]
    fn every_amount_can_be_said() {
        for coin in PLACES.iter().flat_map(Place::coins) {
            let of = |text| units(text, coin.decimals).unwrap();
            assert!(of(coin.withdrawal) < of(coin.deposit) && of(coin.deposit) < of(coin.float), "{}", coin.asset);
            coin.terms.iter().for_each(|term| assert!(of(term) > 0));
        }
        for place in &PLACES {
            let brought = units(place.coin.deposit, place.coin.decimals).unwrap();
            assert!(brought.is_multiple_of(place.payments.into()), "{}", place.network);
        }
    }
}
