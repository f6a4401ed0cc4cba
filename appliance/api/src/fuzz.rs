//! The parsers that only this crate sees, for fuzzers. Each takes any bytes and panics where something does not hold.

use exchequer_state::markets::Step;

use crate::spot::{decimal, params};

/// A query of the spot dialect: no byte of it is lost, and every question has an answer.
pub fn spot_query(bytes: &[u8]) {
    let at = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (query, form) = bytes.split_at(at);
    let Ok(mut params) = params::Params::new(query, form.get(1..).unwrap_or_default()) else { return };
    for name in ["symbol", "quantity", "price", "limit", "timestamp", "newClientOrderId", "a"] {
        let has = params.has(name);
        assert_eq!(params.raw(name).is_some(), has, "what was sent is found");
        assert!(has || params.required(name).is_err(), "what was not sent is missing");
        let _ = (params.number(name), params.flag(name), params.text(name).map(drop));
    }
    let _ = (params.limit(5, 10), params.end());
}

/// A price or quantity of the spot dialect: a multiple of a step is printed as one, and read as the same.
pub fn spot_number(bytes: &[u8]) {
    let Some(([units, decimals], text)) = bytes.split_first_chunk::<2>() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let step = Step { units: u64::from(*units).max(1), decimals: decimals % 19 };
    let Ok(steps) = decimal::steps("price", text, step, 18) else { return };
    let printed = crate::money::steps_text(steps, step);
    assert_eq!(decimal::steps("price", &printed, step, 18).ok(), Some(steps), "{text} is {printed}");
}
