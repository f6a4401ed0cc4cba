//! Text forms of quantities with a unit: durations (`10s`, `1h30m`) and sizes (`64MiB`).
//!
//! A bare number is refused: what unit it was meant in is exactly what an operator gets wrong.

use std::time::Duration;

/// Why a quantity could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// No unit, or one that this kind of quantity does not have.
    #[error("`{text}` needs a unit: one of {expected}")]
    Unit {
        /// What was given.
        text: String,
        /// The units that are understood.
        expected: &'static str,
    },
    /// The number in front of the unit is missing, malformed or too large.
    #[error("`{text}` is not a number that fits")]
    Number {
        /// What was given.
        text: String,
    },
}

const DURATION_UNITS: &[(&str, u64)] =
    &[("us", 1), ("ms", 1_000), ("s", 1_000_000), ("m", 60_000_000), ("h", 3_600_000_000), ("d", 86_400_000_000)];
const SIZE_UNITS: &[(&str, u64)] = &[("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];

/// Reads a duration such as `250ms`, `10s` or `1h30m`. Units: us, ms, s, m, h, d.
///
/// # Errors
/// A bare number, an unknown unit, or more than a `u64` of microseconds.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    parse(text, DURATION_UNITS, "us, ms, s, m, h, d (for example 10s)").map(Duration::from_micros)
}

/// Reads a size in bytes such as `512KiB` or `64MiB`. Units: B, KiB, MiB, GiB, TiB.
///
/// # Errors
/// A bare number, an unknown unit, or more than a `u64` of bytes.
pub fn parse_bytes(text: &str) -> Result<u64, UnitError> {
    parse(text, SIZE_UNITS, "B, KiB, MiB, GiB, TiB (for example 64MiB)")
}

fn parse(text: &str, units: &[(&str, u64)], expected: &'static str) -> Result<u64, UnitError> {
    let number_error = || UnitError::Number { text: text.to_owned() };
    let mut rest = text.trim();
    let mut total: u64 = 0;
    if rest.is_empty() {
        return Err(number_error());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let unit_len = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, next) = tail.split_at(unit_len);
        let number: u64 = number.parse().map_err(|_| number_error())?;
        let scale = units
            .iter()
            .find(|(name, _)| *name == unit)
            .map(|(_, scale)| *scale)
            .ok_or_else(|| UnitError::Unit { text: text.to_owned(), expected })?;
        total = number.checked_mul(scale).and_then(|part| total.checked_add(part)).ok_or_else(number_error)?;
        rest = next;
    }
    Ok(total)
}

/// The shortest exact text of a duration that [`parse_duration`] reads back: `90s` prints as `1m30s`.
#[must_use]
pub fn format_duration(span: Duration) -> String {
    format(u64::try_from(span.as_micros()).unwrap_or(u64::MAX), DURATION_UNITS, "0s")
}

/// The exact text of a size that [`parse_bytes`] reads back.
#[must_use]
pub fn format_bytes(bytes: u64) -> String {
    format(bytes, SIZE_UNITS, "0B")
}

fn format(mut rest: u64, units: &[(&str, u64)], zero: &str) -> String {
    if rest == 0 {
        return zero.to_owned();
    }
    let mut text = String::new();
    for (name, scale) in units.iter().rev() {
        if rest >= *scale {
            text.push_str(&format!("{}{name}", rest / scale));
            rest %= scale;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: what is printed reads back as the same quantity. Method: values around every unit's edge.
    #[test]
    fn printed_quantities_read_back() {
        for us in [1, 999, 1_000, 1_001, 90_000_000, 3_599_999_999, 86_400_000_000, 86_400_000_001] {
            let span = Duration::from_micros(us);
            assert_eq!(parse_duration(&format_duration(span)), Ok(span));
        }
        for bytes in [0, 1, 1023, 1024, 1025, 64 << 20, (1 << 40) + 1] {
            assert_eq!(parse_bytes(&format_bytes(bytes)), Ok(bytes));
        }
    }

    /// Goal: the mistakes operators make are refused with the reason that helps.
    #[test]
    fn refuses_bare_numbers_and_foreign_units() {
        assert!(matches!(parse_duration("10"), Err(UnitError::Unit { .. })));
        assert!(matches!(parse_duration("10MiB"), Err(UnitError::Unit { .. })));
        assert!(matches!(parse_duration("s"), Err(UnitError::Number { .. })));
        assert!(matches!(parse_duration(""), Err(UnitError::Number { .. })));
        assert!(matches!(parse_bytes("1MB"), Err(UnitError::Unit { .. })));
        assert!(matches!(parse_bytes("18446744073709551615KiB"), Err(UnitError::Number { .. })));
        assert!(matches!(parse_duration("-5s"), Err(UnitError::Number { .. })));
    }
}
