//! Sizes and fees of Bitcoin's transactions, in whole satoshi.

use crate::{Scheme, TxError};

/// Weight of a virtual byte.
const WEIGHT_PER_VBYTE: u64 = 4;

/// Weight of an input without its witness: outpoint, length of an empty script, sequence.
const INPUT_WEIGHT: u64 = 41 * WEIGHT_PER_VBYTE;

/// Weight of what every transaction has: version and locktime, and that there are witnesses.
const FRAME_WEIGHT: u64 = 8 * WEIGHT_PER_VBYTE + 2;

/// Highest rate that the arithmetic takes, in satoshi for 1,000 virtual bytes: 100,000 satoshi a byte. Beyond any sane ceiling.
pub const RATE_SAT_PER_KVB_MAX: u64 = 100_000_000;

/// What virtual bytes cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeeRate(u64);

impl FeeRate {
    /// So many satoshi for 1,000 virtual bytes.
    ///
    /// # Errors
    /// More than [`RATE_SAT_PER_KVB_MAX`].
    pub fn of_kvb(sat: u64) -> Result<FeeRate, TxError> {
        if sat > RATE_SAT_PER_KVB_MAX {
            let (found, max) = (sat.into(), RATE_SAT_PER_KVB_MAX.into());
            return Err(TxError::Limit { what: "satoshi for 1,000 virtual bytes", found, max });
        }
        Ok(FeeRate(sat))
    }

    /// Satoshi for 1,000 virtual bytes.
    #[must_use]
    pub const fn sat_per_kvb(self) -> u64 {
        self.0
    }

    /// The fee of so many virtual bytes, rounded up.
    #[must_use]
    pub const fn fee(self, vbytes: u64) -> u64 {
        self.0.saturating_mul(vbytes).div_ceil(1_000)
    }
}

/// The rate that is paid: what is estimated, but no less than what nodes take and than `floor`, and no more than `ceiling`.
///
/// # Errors
/// What nodes take at least is above the ceiling: waiting is what is left.
pub fn clamp(
    estimate: Option<FeeRate>,
    relay_min: FeeRate,
    pool_min: FeeRate,
    floor: FeeRate,
    ceiling: FeeRate,
) -> Result<FeeRate, TxError> {
    let least = relay_min.max(pool_min);
    if least > ceiling {
        let (found, max) = (least.0.into(), ceiling.0.into());
        return Err(TxError::Limit { what: "satoshi for 1,000 virtual bytes", found, max });
    }
    // Without an estimate the floor is what is left. The ceiling is the operator's last word.
    Ok(estimate.unwrap_or(floor).max(floor).max(least).min(ceiling))
}

/// Weight of an input with its witness: at most, since an ECDSA signature has one or two bytes fewer now and then.
#[must_use]
pub const fn input_weight(scheme: Scheme) -> u64 {
    INPUT_WEIGHT
        + match scheme {
            // Count, length and signature of 72, length and key of 33.
            Scheme::Segwit | Scheme::Keccak => 1 + 1 + 72 + 1 + 33,
            // Count, length and signature of 64.
            Scheme::Taproot => 1 + 1 + 64,
        }
}

/// Weight of an output: amount, length of its script (below 253 bytes), script.
#[must_use]
pub const fn output_weight(script_bytes: usize) -> u64 {
    (8 + 1 + script_bytes as u64) * WEIGHT_PER_VBYTE
}

/// Virtual bytes of a transaction, of the weights of its inputs and outputs and their counts.
#[must_use]
pub const fn vbytes(inputs: (usize, u64), outputs: (usize, u64)) -> u64 {
    let counts = (count_bytes(inputs.0) + count_bytes(outputs.0)) * WEIGHT_PER_VBYTE;
    (FRAME_WEIGHT + counts + inputs.1 + outputs.1).div_ceil(WEIGHT_PER_VBYTE)
}

/// Bytes of a count, which is never above 65,535 here.
const fn count_bytes(count: usize) -> u64 {
    if count < 0xfd { 1 } else { 3 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the rate is between what nodes take and the operator's ceiling. Method: estimates on either side of each bound.
    #[test]
    fn rates_stay_within_their_bounds() {
        let rate = |sat| FeeRate::of_kvb(sat).unwrap();
        let paid = |estimate: Option<u64>, pool| {
            clamp(estimate.map(rate), rate(100), rate(pool), rate(1_000), rate(200_000)).map(FeeRate::sat_per_kvb)
        };
        assert_eq!(paid(Some(20_000), 100), Ok(20_000));
        assert_eq!(paid(Some(3), 100), Ok(1_000));
        assert_eq!(paid(None, 100), Ok(1_000));
        assert_eq!(paid(Some(1_500), 4_000), Ok(4_000));
        assert_eq!(paid(Some(900_000), 100), Ok(200_000));
        assert!(matches!(paid(Some(1), 200_001), Err(TxError::Limit { .. })));
        assert!(FeeRate::of_kvb(RATE_SAT_PER_KVB_MAX + 1).is_err());
        assert_eq!(rate(1_001).fee(1), 2);
        assert_eq!(rate(1_000).fee(141), 141);
    }
}
