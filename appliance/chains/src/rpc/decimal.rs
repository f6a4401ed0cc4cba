//! Amounts that Bitcoin nodes write as decimal fractions: text to integers, never through a binary fraction.

/// All coins that there can be, in satoshis: no amount is larger.
pub const BITCOIN_SATS_MAX: u64 = 21_000_000 * 100_000_000;
/// Decimals of a coin.
const DECIMALS: i32 = 8;
/// Longest text of an amount, in bytes.
const TEXT_BYTES_MAX: usize = 40;

/// Satoshis of an amount as it stands in JSON (`0.00001`, `1e-05`, `21`). `None` unless it is a whole number of satoshis
/// from 0 to [`BITCOIN_SATS_MAX`].
#[must_use]
pub fn satoshis(text: &str) -> Option<u64> {
    let text = text.trim();
    if text.is_empty() || text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok().filter(|e| e.abs() <= 40)?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !plain(whole) || !plain(fraction) || (mantissa.contains('.') && fraction.is_empty()) {
        return None;
    }
    let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
    let shift = DECIMALS + exponent - i32::try_from(fraction.len()).ok()?;
    let power = 10_u128.checked_pow(shift.unsigned_abs());
    let sats = match (digits, shift >= 0, power) {
        (0, _, _) => 0,
        (_, true, power) => digits.checked_mul(power?)?,
        (_, false, power) => power.filter(|power| digits.is_multiple_of(*power)).map(|power| digits / power)?,
    };
    u64::try_from(sats).ok().filter(|sats| *sats <= BITCOIN_SATS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: every amount reads to the satoshi, also those a binary fraction misses; what is none is refused. Method: a table.
    #[test]
    fn amounts_are_exact() {
        let good = [
            ("0", 0),
            ("0.00000000", 0),
            ("0e-8", 0),
            ("0.00000001", 1),
            ("1e-08", 1),
            ("1E-8", 1),
            ("0.1", 10_000_000),
            ("0.29", 29_000_000),
            ("2.5e1", 2_500_000_000),
            ("20071992.54740993", 2_007_199_254_740_993),
            ("20999999.99999999", BITCOIN_SATS_MAX - 1),
            ("21000000.00000000", BITCOIN_SATS_MAX),
            ("0.000000010000", 1),
        ];
        for (text, sats) in good {
            assert_eq!(satoshis(text), Some(sats), "{text}");
        }
        let bad = [
            "",
            "-1",
            "+1",
            ".5",
            "5.",
            "0.000000001",
            "1e-9",
            "21000000.00000001",
            "1e400",
            "1e",
            "0x1",
            "NaN",
            "1,0",
            "\"1\"",
            "1e39",
            "99999999999999999999999999999999999999999999",
        ];
        for text in bad {
            assert_eq!(satoshis(text), None, "{text}");
        }
    }
}
