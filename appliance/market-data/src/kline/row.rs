//! How a kline is stored: an ordered key, a versioned value.
//!
//! The key is market, interval and open time, big-endian, so that a market's klines of one interval are one range in
//! order of time. The caller puts the byte of its table in front. The value is a version byte and postcard; prices are
//! written as differences to the lowest one, which makes most of them one or two bytes.

use serde::{Deserialize, Serialize};

use super::Kline;
use crate::interval::Interval;

/// The version that this program writes.
const VERSION: u8 = 1;

/// What a stored kline is found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The market's number.
    pub market: u32,
    /// The kline's length.
    pub interval: Interval,
    /// When the period began, in milliseconds.
    pub open_time: u64,
}

/// Bytes of a [`Key`].
pub const KEY_BYTES: usize = 4 + 1 + 8;

/// Why bytes could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Written by a newer program.
    #[error("format version {found} is newer than {VERSION}, the newest this program reads")]
    Newer {
        /// The version byte that was found.
        found: u8,
    },
    /// The bytes are not what their version byte promises.
    #[error("the bytes do not hold a kline")]
    Malformed,
}

impl Key {
    /// Its bytes; byte order is the order of markets, intervals and times.
    #[must_use]
    pub fn to_bytes(self) -> [u8; KEY_BYTES] {
        let mut bytes = [0; KEY_BYTES];
        let (market, rest) = bytes.split_at_mut(4);
        market.copy_from_slice(&self.market.to_be_bytes());
        if let Some((interval, time)) = rest.split_first_mut() {
            *interval = self.interval as u8;
            time.copy_from_slice(&self.open_time.to_be_bytes());
        }
        bytes
    }

    /// The key in these bytes.
    ///
    /// # Errors
    /// Another length, or no such interval.
    pub fn from_bytes(bytes: &[u8]) -> Result<Key, DecodeError> {
        let (market, rest) = bytes.split_first_chunk().ok_or(DecodeError::Malformed)?;
        let (interval, time) = rest.split_first().ok_or(DecodeError::Malformed)?;
        let interval = Interval::of_number(*interval).ok_or(DecodeError::Malformed)?;
        let time = time.try_into().map_err(|_| DecodeError::Malformed)?;
        Ok(Key { market: u32::from_be_bytes(*market), interval, open_time: u64::from_be_bytes(time) })
    }
}

/// What is in a value; the open time is in the key.
#[derive(Debug, Serialize, Deserialize)]
struct Row1 {
    low: u64,
    open_above_low: u64,
    high_above_low: u64,
    close_above_low: u64,
    base: u128,
    quote: u128,
    taker_base: u128,
    taker_quote: u128,
    trades: u64,
    first_trade: u64,
    last_above_first: u64,
}

/// The value of a kline that has trades.
#[must_use]
#[expect(clippy::expect_used, reason = "postcard fails only on sequences of unknown length and on full fixed buffers")]
pub fn encode(kline: &Kline) -> Vec<u8> {
    let row = Row1 {
        low: kline.low,
        open_above_low: kline.open.saturating_sub(kline.low),
        high_above_low: kline.high.saturating_sub(kline.low),
        close_above_low: kline.close.saturating_sub(kline.low),
        base: kline.base,
        quote: kline.quote,
        taker_base: kline.taker_base,
        taker_quote: kline.taker_quote,
        trades: kline.trades,
        first_trade: kline.first_trade,
        last_above_first: kline.last_trade.saturating_sub(kline.first_trade),
    };
    postcard::to_extend(&row, vec![VERSION]).expect("invariant: our types have known lengths and a Vec grows")
}

/// The kline in a value, which was stored under `open_time`.
///
/// # Errors
/// The bytes were not written by [`encode`], or by a newer program.
pub fn decode(open_time: u64, bytes: &[u8]) -> Result<Kline, DecodeError> {
    let content = match bytes.split_first() {
        Some((&VERSION, rest)) => rest,
        Some((&found, _)) if found > VERSION => return Err(DecodeError::Newer { found }),
        Some(_) | None => return Err(DecodeError::Malformed),
    };
    let Ok((row, [])) = postcard::take_from_bytes::<Row1>(content) else { return Err(DecodeError::Malformed) };
    let above = |more: u64| row.low.checked_add(more).ok_or(DecodeError::Malformed);
    Ok(Kline {
        open_time,
        open: above(row.open_above_low)?,
        high: above(row.high_above_low)?,
        low: row.low,
        close: above(row.close_above_low)?,
        base: row.base,
        quote: row.quote,
        taker_base: row.taker_base,
        taker_quote: row.taker_quote,
        trades: row.trades,
        first_trade: row.first_trade,
        last_trade: row.first_trade.checked_add(row.last_above_first).ok_or(DecodeError::Malformed)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kline() -> Kline {
        Kline {
            open_time: 1_700_000_040_000,
            open: 3_650_012,
            high: 3_650_100,
            low: 3_649_900,
            close: 3_650_000,
            base: 12_345_678,
            quote: 450_617_300_000_000_000_000_000,
            taker_base: 2_345_678,
            taker_quote: 85_617_247,
            trades: 17,
            first_trade: 1_000_001,
            last_trade: 1_000_017,
        }
    }

    /// Goal: no released byte changes by accident. Method: the bytes of one kline and of its key, written out.
    #[test]
    fn golden_bytes() {
        let value: String = encode(&kline()).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(value, "01ece2de0170c80164cec2f105808088ef8da7e7a283d8fd02ce958f01dfd4e92811c1843d10");
        let key = Key { market: 7, interval: Interval::M1, open_time: kline().open_time };
        let key: String = key.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(key, "00000007010000018bcfe60440");
    }

    /// Goal: rows come back as they were, and damage is told, not guessed at. Method: every cut and every flipped version.
    #[test]
    fn rows_come_back() {
        let bytes = encode(&kline());
        assert_eq!(decode(kline().open_time, &bytes), Ok(kline()));
        for cut in 0..bytes.len() {
            assert_eq!(decode(0, &bytes[..cut]), Err(DecodeError::Malformed), "cut at {cut}");
        }
        let longer: Vec<u8> = bytes.iter().copied().chain([0]).collect();
        assert_eq!(decode(0, &longer), Err(DecodeError::Malformed));
        let newer: Vec<u8> = [VERSION + 1].into_iter().chain(bytes[1..].iter().copied()).collect();
        assert_eq!(decode(0, &newer), Err(DecodeError::Newer { found: VERSION + 1 }));
        let highest = Kline { high: u64::MAX, base: u128::MAX, last_trade: u64::MAX, ..kline() };
        assert_eq!(decode(kline().open_time, &encode(&highest)), Ok(highest));
    }

    /// Goal: byte order is the order of market, interval and time. Method: sorted keys against sorted bytes.
    #[test]
    fn keys_are_ordered() {
        let mut keys = Vec::new();
        for market in [0, 1, 255, 256, u32::MAX] {
            for interval in Interval::ALL {
                for open_time in [0, 1_000, 255_000, 1 << 40, u64::MAX] {
                    keys.push(Key { market, interval, open_time });
                }
            }
        }
        keys.sort_unstable();
        let bytes: Vec<_> = keys.iter().map(|key| key.to_bytes()).collect();
        assert!(bytes.is_sorted());
        for (key, bytes) in keys.iter().zip(&bytes) {
            assert_eq!(Key::from_bytes(bytes), Ok(*key));
        }
        assert_eq!(Key::from_bytes(&bytes[0][1..]), Err(DecodeError::Malformed));
        assert_eq!(Key::from_bytes(&[0, 0, 0, 1, 16, 0, 0, 0, 0, 0, 0, 0, 0]), Err(DecodeError::Malformed));
    }
}
