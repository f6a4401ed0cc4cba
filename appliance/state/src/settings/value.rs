//! Values of settings and their kinds: what an operator types, what is stored, and what is printed.

use std::fmt;
use std::time::Duration;

use exchequer_domain::{Code, Problem, UnitError, format_bytes, format_duration, parse_bytes, parse_duration};
use serde::{Deserialize, Serialize};

/// A value of one of the kinds. Variants are only ever appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Value {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A span of time in microseconds.
    DurationUs(u64),
    /// A size in bytes.
    Bytes(u64),
    /// One of a setting's words.
    Choice(String),
}

/// Which values a setting takes; limits are inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Integer {
        /// Smallest.
        min: i64,
        /// Largest.
        max: i64,
    },
    /// A span of time in microseconds.
    Duration {
        /// Shortest.
        min: u64,
        /// Longest.
        max: u64,
    },
    /// A size in bytes.
    Bytes {
        /// Smallest.
        min: u64,
        /// Largest.
        max: u64,
    },
    /// One of these words.
    Choice(&'static [&'static str]),
}

/// Why a value does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueError {
    /// It is of another kind.
    WrongUnit,
    /// It is of the right kind, outside the range.
    OutOfRange,
}

impl Kind {
    /// Whether a value fits.
    ///
    /// # Errors
    /// It is of another kind, or outside the range.
    pub fn check(&self, value: &Value) -> Result<(), ValueError> {
        let inside = match (self, value) {
            (Kind::Bool, Value::Bool(_)) => true,
            (Kind::Integer { min, max }, Value::Integer(number)) => (min..=max).contains(&number),
            (Kind::Duration { min, max }, Value::DurationUs(us)) => (min..=max).contains(&us),
            (Kind::Bytes { min, max }, Value::Bytes(bytes)) => (min..=max).contains(&bytes),
            (Kind::Choice(words), Value::Choice(word)) => words.contains(&word.as_str()),
            (
                Kind::Bool | Kind::Integer { .. } | Kind::Duration { .. } | Kind::Bytes { .. } | Kind::Choice(_),
                Value::Bool(_) | Value::Integer(_) | Value::DurationUs(_) | Value::Bytes(_) | Value::Choice(_),
            ) => return Err(ValueError::WrongUnit),
        };
        if inside { Ok(()) } else { Err(ValueError::OutOfRange) }
    }
}

impl fmt::Display for Kind {
    /// What the setting takes, to follow the word "takes".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Bool => f.write_str("`true` or `false`"),
            Kind::Integer { min, max } => write!(f, "a whole number from {min} to {max}"),
            Kind::Duration { min, max } => {
                write!(f, "a duration from {} to {}", Value::DurationUs(*min), Value::DurationUs(*max))
            }
            Kind::Bytes { min, max } => write!(f, "a size from {} to {}", Value::Bytes(*min), Value::Bytes(*max)),
            Kind::Choice(words) => write!(f, "one of `{}`", words.join("`, `")),
        }
    }
}

impl Value {
    /// Reads what an operator typed for a setting of this kind.
    ///
    /// # Errors
    /// `SettingWrongUnit` or `SettingOutOfRange`, with what the kind takes.
    pub fn parse(text: &str, kind: &Kind) -> Result<Value, Problem> {
        let text = text.trim();
        let problem = |code| Problem::new(code, format!("`{text}` does not fit: the setting takes {kind}"));
        let of_unit = |error| match error {
            // Digits and unit are there, the product is not: that is a matter of range.
            UnitError::Number { text } if text.starts_with(|c: char| c.is_ascii_digit()) => {
                problem(Code::SettingOutOfRange)
            }
            UnitError::Number { .. } | UnitError::Unit { .. } => problem(Code::SettingWrongUnit),
        };
        let value = match kind {
            Kind::Bool => Value::Bool(text.parse().map_err(|_| problem(Code::SettingWrongUnit))?),
            Kind::Integer { .. } => Value::Integer(parse_integer(text).map_err(problem)?),
            Kind::Duration { .. } => {
                let span = parse_duration(text).map_err(of_unit)?;
                Value::DurationUs(u64::try_from(span.as_micros()).map_err(|_| problem(Code::SettingOutOfRange))?)
            }
            Kind::Bytes { .. } => Value::Bytes(parse_bytes(text).map_err(of_unit)?),
            Kind::Choice(_) => Value::Choice(text.to_owned()),
        };
        match kind.check(&value) {
            Ok(()) => Ok(value),
            Err(ValueError::WrongUnit) => Err(problem(Code::SettingWrongUnit)),
            Err(ValueError::OutOfRange) => Err(problem(Code::SettingOutOfRange)),
        }
    }
}

fn parse_integer(text: &str) -> Result<i64, Code> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Code::SettingWrongUnit);
    }
    text.parse().map_err(|_| Code::SettingOutOfRange)
}

impl fmt::Display for Value {
    /// The text that [`Value::parse`] reads back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Bool(flag) => flag.fmt(f),
            Value::Integer(number) => number.fmt(f),
            Value::DurationUs(us) => f.write_str(&format_duration(Duration::from_micros(*us))),
            Value::Bytes(bytes) => f.write_str(&format_bytes(*bytes)),
            Value::Choice(word) => f.write_str(word),
        }
    }
}

/// Types in which a setting's value can be read.
pub trait FromValue: Copy {
    /// The value, when it is of this type's kind.
    fn from_value(value: &Value) -> Option<Self>;
}

macro_rules! from_value {
    ($($type:ty, $variant:pat => $expr:expr;)*) => {
        $(impl FromValue for $type {
            fn from_value(value: &Value) -> Option<Self> {
                if let $variant = value { Some($expr) } else { None }
            }
        })*
    };
}

from_value! {
    bool, Value::Bool(flag) => *flag;
    i64, Value::Integer(number) => *number;
    Duration, Value::DurationUs(us) => Duration::from_micros(*us);
    u64, Value::Bytes(bytes) => *bytes;
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000_000;
    const DURATION: Kind = Kind::Duration { min: 1_000_000, max: 60 * MINUTE };
    const SIZE: Kind = Kind::Bytes { min: 1, max: 1 << 20 };
    const INTEGER: Kind = Kind::Integer { min: -2, max: 100 };
    const CHOICE: Kind = Kind::Choice(&["slow", "fast"]);

    /// Goal: what is printed reads back as the same value. Method: one value at each limit of each kind.
    #[test]
    fn printed_values_read_back() {
        for (kind, value) in [
            (Kind::Bool, Value::Bool(true)),
            (INTEGER, Value::Integer(-2)),
            (INTEGER, Value::Integer(100)),
            (DURATION, Value::DurationUs(1_000_000)),
            (DURATION, Value::DurationUs(90 * 1_000_001)),
            (SIZE, Value::Bytes(1 << 20)),
            (CHOICE, Value::Choice("fast".into())),
        ] {
            assert_eq!(Value::parse(&value.to_string(), &kind), Ok(value.clone()), "{value}");
        }
    }

    /// Goal: each mistake gets the code that names it. Method: a wrong kind, a missing unit, and a value just outside.
    #[test]
    fn mistakes_get_their_code() {
        for (kind, text, code) in [
            (Kind::Bool, "yes", Code::SettingWrongUnit),
            (INTEGER, "5s", Code::SettingWrongUnit),
            (INTEGER, "", Code::SettingWrongUnit),
            (INTEGER, "101", Code::SettingOutOfRange),
            (INTEGER, "99999999999999999999", Code::SettingOutOfRange),
            (DURATION, "10", Code::SettingWrongUnit),
            (DURATION, "10MiB", Code::SettingWrongUnit),
            (DURATION, "999ms", Code::SettingOutOfRange),
            (DURATION, "99999999999999999d", Code::SettingOutOfRange),
            (SIZE, "2MiB", Code::SettingOutOfRange),
            (SIZE, "-1B", Code::SettingWrongUnit),
            (CHOICE, "medium", Code::SettingOutOfRange),
        ] {
            let problem = Value::parse(text, &kind).unwrap_err();
            assert_eq!(problem.code, code, "{text}");
            assert!(problem.message.contains(&kind.to_string()), "{problem}");
        }
    }

    /// Goal: a decoded command cannot put a value of one kind into a setting of another.
    #[test]
    fn kinds_do_not_mix() {
        assert_eq!(DURATION.check(&Value::Bytes(2_000_000)), Err(ValueError::WrongUnit));
        assert_eq!(SIZE.check(&Value::Integer(5)), Err(ValueError::WrongUnit));
        assert_eq!(CHOICE.check(&Value::Choice("medium".into())), Err(ValueError::OutOfRange));
    }
}
