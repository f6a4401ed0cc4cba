//! Prices and quantities as decimal text, exactly: ticks and lots are whole multiples of a market's steps.

use exchequer_domain::{DecimalError, format_decimal, parse_decimal};
use exchequer_state::markets::Step;

use super::error::Error;

/// Why a text is no multiple of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The text is no number of the form that the dialect takes, or too precise for the asset.
    Text(Error),
    /// It is a number, but off the step.
    Step,
}

/// Minor units of an asset, from the text of a parameter. Zeros at the end of the fraction mean nothing.
pub(crate) fn amount(name: &str, text: &str, decimals: u8) -> Result<u128, Error> {
    if text.len() > 64 {
        return Err(illegal(name));
    }
    parse_decimal(plain(text), decimals).map_err(|error| match error {
        DecimalError::Malformed | DecimalError::Negative | DecimalError::Zero => illegal(name),
        DecimalError::TooPrecise { .. } => Error::new(-1111, format!("Parameter '{name}' has too much precision.")),
        DecimalError::TooLarge => Error::new(-1108, format!("Parameter '{name}' overflowed.")),
    })
}

fn illegal(name: &str) -> Error {
    Error::illegal(name, "^([0-9]{1,20})(\\.[0-9]{1,20})?$")
}

/// Without zeros at the end of the fraction; a text without a fraction as it is.
fn plain(text: &str) -> &str {
    match text.split_once('.') {
        Some((whole, part))
            if !whole.is_empty() && !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            let kept = part.trim_end_matches('0').len();
            let length = if kept == 0 { whole.len() } else { whole.len() + 1 + kept };
            text.get(..length).unwrap_or(text)
        }
        Some(_) | None => text,
    }
}

/// A number as a multiple of a step. `precision` is how many decimals such a number may have at all; what has more is
/// refused as text, what has fewer but is off the step as such.
pub(crate) fn steps(name: &str, text: &str, step: Step, precision: u8) -> Result<u64, Fault> {
    let precision = precision.max(step.decimals);
    let units = amount(name, text, precision).map_err(Fault::Text)?;
    let scale = 10_u128.checked_pow((precision - step.decimals).into()).ok_or(Fault::Step)?;
    let one = scale.checked_mul(u128::from(step.units)).filter(|one| *one > 0).ok_or(Fault::Step)?;
    if !units.is_multiple_of(one) {
        return Err(Fault::Step);
    }
    u64::try_from(units / one).map_err(|_| Fault::Step)
}

/// A multiple of a step as text, with the decimals of the step.
pub(crate) fn of_steps(count: u64, step: Step) -> String {
    // Both factors have 64 bits.
    format_decimal(u128::from(count) * u128::from(step.units), step.decimals)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CENT: Step = Step { units: 1, decimals: 2 };
    const FIVE: Step = Step { units: 5, decimals: 1 };

    fn code(fault: Result<u64, Fault>) -> i32 {
        match fault {
            Err(Fault::Text(error)) => error.code,
            Err(Fault::Step) => -1013,
            Ok(_) => 0,
        }
    }

    /// Goal: a number is exactly its multiple of the step or refused for the right reason. Method: a table around the
    /// edges.
    #[test]
    fn steps_are_exact() {
        for (text, step, count) in [
            ("50000", CENT, 5_000_000),
            ("50000.10", CENT, 5_000_010),
            ("1.00000000000", CENT, 100),
            ("0", CENT, 0),
            ("2.5", FIVE, 5),
            ("180143985094819.83", CENT, 18_014_398_509_481_983),
        ] {
            assert_eq!(steps("price", text, step, 8), Ok(count), "{text}");
        }
        for (text, step, expected) in [
            ("0.001", CENT, -1013),
            ("2.6", FIVE, -1013),
            ("0.000000001", CENT, -1111),
            ("1e9", CENT, -1100),
            ("NaN", CENT, -1100),
            ("-1", CENT, -1100),
            ("+1", CENT, -1100),
            ("", CENT, -1100),
            ("1.", CENT, -1100),
            (".5", CENT, -1100),
            ("1.2.0", CENT, -1100),
            ("1,0", CENT, -1100),
            ("999999999999999999999999999999999999999999", CENT, -1108),
            ("999999999999999999999", CENT, -1013),
        ] {
            assert_eq!(code(steps("price", text, step, 8)), expected, "{text}");
        }
        assert_eq!((of_steps(5_000_010, CENT), of_steps(5, FIVE)), ("50000.10".into(), "2.5".into()));
        assert_eq!(of_steps(7, Step { units: 10, decimals: 0 }), "70");
    }

    /// Goal: no text makes it panic, and every multiple of every step reads back. Method: random counts and steps, and
    /// random texts of the characters around numbers.
    #[test]
    fn survives_any_text_and_reads_back() {
        let seed = 0x5eed_0008_u64;
        println!("seed {seed:#x}");
        let mut state = seed;
        let mut draw = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let alphabet: Vec<char> = "0123456789.-+eE, ä".chars().collect();
        for _ in 0..50_000 {
            let step = Step { units: draw() >> (draw() % 60), decimals: u8::try_from(draw() % 19).unwrap() };
            let count = draw() >> (draw() % 64);
            if step.units > 0 {
                assert_eq!(steps("x", &of_steps(count, step), step, 0), Ok(count), "{count} of {step:?}");
            }
            let text: String = (0..draw() % 12).map(|_| alphabet[draw() as usize % alphabet.len()]).collect();
            drop(steps("x", &text, step, 8));
        }
    }
}
