//! What the crowd trades: the assets and markets of the demo, and the units of their numbers.
//!
//! Everything is counted in whole ticks and lots; text with a point is made only where a number leaves the program.

/// An asset of the demo.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asset {
    pub(crate) code: &'static str,
    pub(crate) name: &'static str,
    pub(crate) decimals: u32,
    /// What each trader is given at first, in whole units.
    pub(crate) purse: u32,
}

/// A market of the demo. Ticks and lots are powers of ten.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Market {
    pub(crate) symbol: &'static str,
    pub(crate) base: &'static str,
    pub(crate) quote: &'static str,
    /// Decimals of a price: the tick is one unit of the last.
    pub(crate) price_decimals: u32,
    /// Decimals of a quantity: the lot is one unit of the last.
    pub(crate) lot_decimals: u32,
    /// Around which price the crowd trades, in ticks.
    pub(crate) anchor_ticks: u64,
    /// An ordinary order, in lots: a bit more than a thousand of the quote asset at the anchor.
    pub(crate) size_lots: u64,
}

/// The assets, with the decimals that they have on their own chains.
pub(crate) const ASSETS: [Asset; 4] = [
    Asset { code: "BTC", name: "Bitcoin", decimals: 8, purse: 20 },
    Asset { code: "ETH", name: "Ether", decimals: 18, purse: 400 },
    Asset { code: "TRX", name: "Tronix", decimals: 6, purse: 4_000_000 },
    Asset { code: "USDT", name: "Tether", decimals: 6, purse: 3_000_000 },
];

/// The markets. A tick times a lot is the smallest unit of USDT in each of them.
pub(crate) const MARKETS: [Market; 3] = [
    Market {
        symbol: "BTCUSDT",
        base: "BTC",
        quote: "USDT",
        price_decimals: 1,
        lot_decimals: 5,
        anchor_ticks: 640_000,
        size_lots: 2_000,
    },
    Market {
        symbol: "ETHUSDT",
        base: "ETH",
        quote: "USDT",
        price_decimals: 2,
        lot_decimals: 4,
        anchor_ticks: 320_000,
        size_lots: 4_000,
    },
    Market {
        symbol: "TRXUSDT",
        base: "TRX",
        quote: "USDT",
        price_decimals: 5,
        lot_decimals: 1,
        anchor_ticks: 27_000,
        size_lots: 40_000,
    },
];

impl Market {
    /// A price as text.
    pub(crate) fn price(&self, ticks: u64) -> String {
        decimal(ticks, self.price_decimals)
    }

    /// A quantity as text.
    pub(crate) fn quantity(&self, lots: u64) -> String {
        decimal(lots, self.lot_decimals)
    }

    /// The ticks of a price that the exchange shows; none where it is not one of this market.
    pub(crate) fn ticks(&self, price: &str) -> Option<u64> {
        let (whole, part) = price.split_once('.')?;
        if part.len() != self.price_decimals as usize {
            return None;
        }
        format!("{whole}{part}").parse().ok()
    }
}

/// A count of the last decimal's units as text.
pub(crate) fn decimal(units: u64, decimals: u32) -> String {
    let scale = 10_u64.pow(decimals);
    match decimals {
        0 => units.to_string(),
        _ => format!("{}.{:0width$}", units / scale, units % scale, width = decimals as usize),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a price that is sent is the price that is read back, to the tick. Method: prices with and without zeros in
    /// each market, and texts that are no price of it.
    #[test]
    fn prices_go_there_and_back() {
        let texts: Vec<String> = MARKETS.iter().map(|market| market.price(market.anchor_ticks)).collect();
        assert_eq!(texts, ["64000.0", "3200.00", "0.27000"]);
        for market in &MARKETS {
            for ticks in [1, 9, 10, 99_999, 100_000, market.anchor_ticks] {
                assert_eq!(market.ticks(&market.price(ticks)), Some(ticks));
            }
            for text in ["", "64000", "1.234567", "x.0", "-1.0"] {
                assert_eq!(market.ticks(text), None, "{text}");
            }
        }
    }

    /// Goal: the exchange takes these markets: a tick times a lot is a whole number of the quote asset's units, and a
    /// lot of the base asset's. Method: the decimals of both.
    #[test]
    fn steps_are_whole_units() {
        let decimals = |code| ASSETS.iter().find(|asset| asset.code == code).unwrap().decimals;
        for market in &MARKETS {
            assert!(market.price_decimals + market.lot_decimals <= decimals(market.quote), "{}", market.symbol);
            assert!(market.lot_decimals <= decimals(market.base), "{}", market.symbol);
        }
    }
}
