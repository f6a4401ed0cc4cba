//! What is seen of the markets from outside: prices, best orders, trades, and a line that shows how the price went.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::Value;

use super::door::{Answer, Door, Params};
use super::places::MARKETS;
use crate::stop::Stop;

/// How many prices a line shows.
const LINE_PRICES: usize = 48;
/// Time between two prices of a line.
const LINE_EVERY: Duration = Duration::from_secs(2);
/// From the lowest price of a line to the highest.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// One market as it was last seen.
#[derive(Debug, Default, Clone)]
struct Seen {
    last: Option<String>,
    bid: Option<String>,
    ask: Option<String>,
    trades: u64,
    /// Ticks, the latest at the end.
    line: VecDeque<u64>,
}

/// Somebody who looks at the markets.
pub(crate) struct Watch {
    door: Door,
    seen: Vec<Seen>,
    drawn: Option<Instant>,
}

impl Watch {
    /// Looks through a door, which needs no key.
    pub(crate) fn new(door: Door) -> Watch {
        Watch { door, seen: vec![Seen::default(); MARKETS.len()], drawn: None }
    }

    fn get(&mut self, stop: &Stop, path: &str, params: &Params) -> Result<Option<Value>> {
        match self.door.call(stop, "GET", path, params)? {
            Answer::Done(body) => Ok(Some(body)),
            Answer::Refused(..) | Answer::Unknown | Answer::Nobody => Ok(None),
        }
    }

    /// Looks at every market. What cannot be had now stays as it was.
    ///
    /// # Errors
    /// Stopped.
    pub(crate) fn look(&mut self, stop: &Stop) -> Result<()> {
        let point = self.drawn.is_none_or(|drawn| drawn.elapsed() >= LINE_EVERY);
        if point {
            self.drawn = Some(Instant::now());
        }
        for (at, market) in MARKETS.iter().enumerate() {
            let of = || ("symbol", market.symbol.to_owned());
            let best = self.get(stop, "/api/v3/ticker/bookTicker", &vec![of()])?;
            // The number of the last trade is how many there were.
            let trades = self.get(stop, "/api/v3/aggTrades", &vec![of(), ("limit", "1".to_owned())])?;
            let Some(seen) = self.seen.get_mut(at) else { continue };
            let text = |body: &Value, key: &str| body.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            if let Some(best) = best {
                // A side without orders has the price zero.
                let price = |key| Some(text(&best, key)).filter(|price| market.ticks(price) != Some(0));
                (seen.bid, seen.ask) = (price("bidPrice"), price("askPrice"));
            }
            if let Some(trade) = trades.as_ref().and_then(|trades| trades.get(0)) {
                seen.trades = trade.get("a").and_then(Value::as_u64).unwrap_or(seen.trades);
                seen.last = Some(text(trade, "p"));
            }
            if let Some(ticks) = seen.last.as_deref().and_then(|last| market.ticks(last)).filter(|_| point) {
                seen.line.push_back(ticks);
                if seen.line.len() > LINE_PRICES {
                    seen.line.pop_front();
                }
            }
        }
        Ok(())
    }

    /// How many trades each market has had.
    pub(crate) fn trades(&self) -> Vec<(&'static str, u64)> {
        MARKETS.iter().zip(&self.seen).map(|(market, seen)| (market.symbol, seen.trades)).collect()
    }

    /// The last price of each market in ticks, where there is one.
    pub(crate) fn lasts(&self) -> Vec<Option<u64>> {
        let last = |(market, seen): (&super::places::Market, &Seen)| market.ticks(seen.last.as_deref()?);
        MARKETS.iter().zip(&self.seen).map(last).collect()
    }

    /// The markets as a table.
    pub(crate) fn table(&self) -> String {
        let mut text = format!("{:8} {:>10} {:>10} {:>10} {:>9}  ", "MARKET", "LAST", "BID", "ASK", "TRADES");
        let seconds = LINE_PRICES as u64 * LINE_EVERY.as_secs();
        text += &format!("LAST PRICE OVER {seconds} s\n");
        for (market, seen) in MARKETS.iter().zip(&self.seen) {
            let _in_memory = writeln!(
                text,
                "{:8} {:>10} {:>10} {:>10} {:>9}  {}  {}",
                market.symbol,
                seen.last.as_deref().unwrap_or("-"),
                seen.bid.as_deref().unwrap_or("-"),
                seen.ask.as_deref().unwrap_or("-"),
                seen.trades,
                line(seen.line.iter().copied()),
                moved(seen.line.front().copied(), seen.line.back().copied()),
            );
        }
        text
    }
}

/// Prices as bars of different height.
fn line(prices: impl Iterator<Item = u64> + Clone) -> String {
    let (Some(low), Some(high)) = (prices.clone().min(), prices.clone().max()) else { return String::new() };
    let steps = BARS.len() as u64 - 1;
    // A price that stood still is a line in the middle.
    let bar =
        |price: u64| ((price - low) * steps * 2 + (high - low)).checked_div((high - low) * 2).unwrap_or(steps / 2);
    prices.map(|price| BARS.get(bar(price) as usize).copied().unwrap_or(' ')).collect()
}

/// By how much a price moved, in percent.
fn moved(first: Option<u64>, last: Option<u64>) -> String {
    let (Some(first), Some(last)) = (first.filter(|first| *first > 0), last) else { return String::new() };
    let hundredths = last.abs_diff(first) * 10_000 / first;
    let sign = if last < first && hundredths > 0 { '-' } else { '+' };
    format!("{sign}{}.{:02} %", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the lowest price is the lowest bar, the highest the highest, and lines of no or of one price are drawn too.
    #[test]
    fn lines_are_drawn() {
        let draw = |prices: &[u64]| line(prices.iter().copied());
        assert_eq!(draw(&[10, 17, 13]), "▁█▄");
        assert_eq!(draw(&[640_000, 640_001]), "▁█");
        assert_eq!(draw(&[5, 5]), "▄▄");
        assert_eq!(draw(&[]), "");
        assert_eq!(moved(Some(640_000), Some(639_000)), "-0.15 %");
        assert_eq!(moved(Some(100), Some(112)), "+12.00 %");
        assert_eq!(moved(Some(640_000), Some(639_999)), "+0.00 %");
        assert_eq!(moved(Some(0), Some(1)), "");
    }
}
