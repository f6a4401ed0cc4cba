//! Amounts as text: decimal numbers with the decimals of their asset, exact both ways. Inside there are only whole minor
//! units.
//!
//! The accepted form is digits, and where wanted a point with digits on both sides: `12`, `0.5`, `007.10`. No sign, no
//! exponent, no separators, no blanks: what could be read in two ways is refused.

/// Why a text is no amount. No text of the client's is repeated here; the one who asks knows the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// Not of the accepted form: empty, an exponent, NaN, a separator, a point without digits on both sides.
    #[error("it is not a plain decimal number such as 12 or 0.5")]
    Malformed,
    /// A minus sign in front of what would be a number.
    #[error("it is negative")]
    Negative,
    /// More digits behind the point than there are decimals, be they zero or not.
    #[error("it has more than {decimals} decimals")]
    TooPrecise {
        /// The decimals that there are.
        decimals: u8,
    },
    /// More minor units than 128 bits hold.
    #[error("it is too large")]
    TooLarge,
    /// Nothing, where something is needed.
    #[error("it is zero")]
    Zero,
}

/// The minor units of a decimal number, at `decimals` digits behind the point. Zero is accepted.
///
/// # Errors
/// See [`DecimalError`]; of several reasons the first that applies of malformed, negative, too precise, too large.
pub fn parse_decimal(text: &str, decimals: u8) -> Result<u128, DecimalError> {
    let (unsigned, negative) = match text.strip_prefix('-') {
        Some(unsigned) => (unsigned, true),
        None => (text, false),
    };
    let (whole, part) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) {
        return Err(DecimalError::Malformed);
    }
    if negative {
        return Err(DecimalError::Negative);
    }
    // Without a point there is no digit behind it.
    let part = if unsigned.contains('.') { part } else { "" };
    let missing = usize::from(decimals).checked_sub(part.len()).ok_or(DecimalError::TooPrecise { decimals })?;
    let zeros = std::iter::repeat_n(b'0', missing);
    whole.bytes().chain(part.bytes()).chain(zeros).try_fold(0_u128, |units, digit| {
        let units = units.checked_mul(10).and_then(|units| units.checked_add(u128::from(digit - b'0')));
        units.ok_or(DecimalError::TooLarge)
    })
}

/// The same where zero makes no sense: what is paid, ordered or credited.
///
/// # Errors
/// Those of [`parse_decimal`], and [`DecimalError::Zero`].
pub fn parse_amount(text: &str, decimals: u8) -> Result<u128, DecimalError> {
    match parse_decimal(text, decimals)? {
        0 => Err(DecimalError::Zero),
        units => Ok(units),
    }
}

/// The text of an amount with all its decimals, which [`parse_decimal`] reads back: 150 at 2 decimals is `1.50`.
#[must_use]
pub fn format_decimal(units: u128, decimals: u8) -> String {
    let decimals = usize::from(decimals);
    let mut text = format!("{units:0>width$}", width = decimals + 1);
    if decimals > 0 {
        text.insert(text.len() - decimals, '.');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: each way to write no amount is refused for its own reason. Method: a table, at two decimals.
    #[test]
    fn refuses_what_is_no_amount() {
        use DecimalError::{Malformed, Negative, TooLarge, TooPrecise, Zero};
        let malformed = [
            "", " ", ".", "1.", ".5", "1..2", "1.2.3", "+1", "--1", "-", "1e9", "1E9", "0x10", "1,5", "1_000", "NaN",
            "nan", "inf", "-inf", "Infinity", "1 ", " 1", "1\n", "१", "１", "1.5f", "\0", "-1e9", "½",
        ];
        for text in malformed {
            assert_eq!(parse_decimal(text, 2), Err(Malformed), "{text:?}");
        }
        for text in ["-1", "-0", "-0.00", "-99999999999999999999999999999999999999999999"] {
            assert_eq!(parse_decimal(text, 2), Err(Negative), "{text:?}");
        }
        for text in ["0.001", "1.000", "99999999999999999999999999999999999999999999.123"] {
            assert_eq!(parse_decimal(text, 2), Err(TooPrecise { decimals: 2 }), "{text:?}");
        }
        assert_eq!(parse_decimal("1.0", 0), Err(TooPrecise { decimals: 0 }));
        for text in ["3402823669209384634633746074317682114.56", "99999999999999999999999999999999999999999999"] {
            assert_eq!(parse_decimal(text, 2), Err(TooLarge), "{text:?}");
        }
        assert_eq!(parse_decimal("340282366920938463463374607431768211456", 0), Err(TooLarge));
        assert_eq!(parse_decimal("1", 39), Err(TooLarge));
        for text in ["0", "0.0", "000.00"] {
            assert_eq!((parse_decimal(text, 2), parse_amount(text, 2)), (Ok(0), Err(Zero)), "{text:?}");
        }
        assert_eq!(parse_amount("-1", 2), Err(Negative));
        assert_eq!(parse_amount("0.01", 2), Ok(1));
    }

    /// Goal: what is accepted means what it says. Method: a table of texts, decimals and units, up to the largest.
    #[test]
    fn reads_and_prints_exactly() {
        let cases = [
            ("12", 2, 1_200, "12.00"),
            ("0.5", 2, 50, "0.50"),
            ("007.10", 2, 710, "7.10"),
            ("21000000", 8, 2_100_000_000_000_000, "21000000.00000000"),
            ("0.00000001", 8, 1, "0.00000001"),
            ("9007199254740993", 0, 9_007_199_254_740_993, "9007199254740993"),
            ("0.1", 18, 100_000_000_000_000_000, "0.100000000000000000"),
            ("3402823669209384634633746074317682114.55", 2, u128::MAX, "3402823669209384634633746074317682114.55"),
        ];
        for (text, decimals, units, printed) in cases {
            assert_eq!(parse_decimal(text, decimals), Ok(units), "{text}");
            assert_eq!(format_decimal(units, decimals), printed, "{text}");
        }
        assert_eq!(format_decimal(0, 0), "0");
        assert_eq!(format_decimal(u128::MAX, u8::MAX).len(), 257);
    }

    /// Goal: no digit is lost or made up, at any number of decimals. Method: 200,000 units and decimals drawn by a small
    /// generator of its own, of all magnitudes, printed and read back; then with a digit more, which must be refused, and
    /// with zeros dropped from the end, which must mean the same.
    #[test]
    fn round_trips() {
        let seed = 0x9e37_79b9_7f4a_7c15_u64;
        let mut state = seed;
        let mut draw = move || {
            // xorshift64*
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            state.wrapping_mul(0x2545_f491_4f6c_dd1d)
        };
        for _ in 0..200_000 {
            let wide = (u128::from(draw()) << 64) | u128::from(draw());
            let units = wide >> (draw() % 128);
            let decimals = u8::try_from(draw() % 40).unwrap();
            let text = format_decimal(units, decimals);
            assert_eq!(parse_decimal(&text, decimals), Ok(units), "seed {seed:#x}: {text} at {decimals}");
            if decimals > 0 {
                assert_eq!(parse_decimal(&format!("{text}0"), decimals), Err(DecimalError::TooPrecise { decimals }));
                let short = text.trim_end_matches('0').trim_end_matches('.');
                assert_eq!(parse_decimal(short, decimals), Ok(units), "seed {seed:#x}: {short} at {decimals}");
            }
        }
    }

    /// Goal: no text makes the parser panic, and what it accepts it prints as the same number. Method: 200,000 short texts
    /// of the characters around numbers.
    #[test]
    fn survives_any_text() {
        let seed = 0xd1b5_4a32_d192_ed03_u64;
        let alphabet: Vec<char> = "0123456789.-+eE, ¤１".chars().collect();
        let mut state = seed;
        let mut draw = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state >> 40).unwrap()
        };
        let mut accepted = 0;
        for _ in 0..200_000 {
            let length = draw() % 8;
            let text: String = (0..length).map(|_| alphabet[draw() % alphabet.len()]).collect();
            if let Ok(units) = parse_decimal(&text, 3) {
                accepted += 1;
                assert_eq!(parse_decimal(&format_decimal(units, 3), 3), Ok(units), "seed {seed:#x}: {text:?}");
            }
        }
        assert!(accepted > 1_000, "{accepted}");
    }
}
