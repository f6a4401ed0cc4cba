//! Money at the doors: amounts, prices and quantities as decimal text, exact both ways. No float is ever made of one.

use exchequer_domain::{Code, CommandId, DecimalError, Problem, format_decimal, parse_amount, parse_decimal};
use exchequer_state::assets::AssetRecord;
use exchequer_state::ledger::{Asset, Done as LedgerDone, TransferId};
use exchequer_state::markets::{MarketId, MarketRecord, STEP_DECIMALS_MAX, Step};
use exchequer_state::matching::{Lots, Ticks};
use exchequer_state::{Rejection, State};

/// A wrong name is echoed up to this length.
const NAME_CHARS_SHOWN_MAX: usize = 64;
/// Digits of an amount of 64 bits, at most; leading zeros count.
const UNITS_DIGITS_MAX: usize = 20;

fn refused(field: &str, error: DecimalError) -> Problem {
    Problem::new(Code::BadRequest, format!("`{field}`: {error}"))
        .hint("give a decimal number with at most as many decimals as the asset has")
}

/// An amount, in minor units; more than zero.
pub(crate) fn amount(field: &str, text: &str, decimals: u8) -> Result<u128, Problem> {
    parse_amount(text, decimals).map_err(|error| refused(field, error))
}

/// A limit on amounts, in minor units; may be zero.
pub(crate) fn limit(field: &str, text: &str, decimals: u8) -> Result<u128, Problem> {
    parse_decimal(text, decimals).map_err(|error| refused(field, error))
}

/// An amount in smallest units that the state keeps in 64 bits, where one is given; more than zero.
pub(crate) fn units(field: &str, text: Option<&str>) -> Result<Option<u64>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let short = if text.len() > UNITS_DIGITS_MAX { Err(DecimalError::TooLarge) } else { parse_amount(text, 0) };
    let units = short.and_then(|units| u64::try_from(units).map_err(|_| DecimalError::TooLarge));
    let refused = |error| {
        let problem = Problem::new(Code::BadRequest, format!("`{field}`: {error}"));
        problem.hint("give a whole number of smallest units as text, such as \"21000000000000\"")
    };
    units.map(Some).map_err(refused)
}

/// A step of prices or quantities.
pub(crate) fn step(field: &str, text: &str) -> Result<Step, Problem> {
    parse_amount(text, STEP_DECIMALS_MAX).map_err(|error| refused(field, error))?;
    let short = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
    let decimals = short.split_once('.').map_or(0, |(_, part)| part.len());
    // Not more than the decimals above.
    let decimals = u8::try_from(decimals).unwrap_or(STEP_DECIMALS_MAX);
    let units = parse_amount(short, decimals).map_err(|error| refused(field, error))?;
    let units = u64::try_from(units).map_err(|_| refused(field, DecimalError::TooLarge))?;
    Ok(Step { units, decimals })
}

/// The text of so many steps.
pub(crate) fn steps_text(steps: u64, step: Step) -> String {
    format_decimal(u128::from(steps) * u128::from(step.units), step.decimals)
}

/// How many steps a price or quantity is.
fn steps(field: &str, text: &str, step: Step) -> Result<u64, Problem> {
    let fine = parse_amount(text, STEP_DECIMALS_MAX).map_err(|error| refused(field, error))?;
    let finer = STEP_DECIMALS_MAX.saturating_sub(step.decimals);
    // At most 2^64 times 10^18: fits.
    let one = u128::from(step.units.max(1)) * 10_u128.pow(finer.into());
    if !fine.is_multiple_of(one) {
        let text = format!("`{field}` is not a multiple of {}", steps_text(1, step));
        return Err(Problem::new(Code::OrderRefused, text));
    }
    u64::try_from(fine / one).map_err(|_| refused(field, DecimalError::TooLarge))
}

/// The asset that a client names by its code.
pub(crate) fn asset<'a>(state: &'a State, code: &str) -> Result<&'a AssetRecord, Problem> {
    state.assets().by_code(code).ok_or_else(|| {
        let code: String = code.chars().take(NAME_CHARS_SHOWN_MAX).collect();
        Problem::new(Code::AssetUnknown, format!("there is no asset `{code}`"))
            .hint("`exchequer asset list` shows them all")
    })
}

/// The asset of an account or a market, which exists.
pub(crate) fn asset_of(state: &State, number: Asset) -> Result<&AssetRecord, Problem> {
    state.assets().get(number).ok_or_else(|| Rejection::AssetUnknown { asset: number }.problem())
}

/// A market with its assets: what its numbers mean.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    pub(crate) record: MarketRecord,
    pub(crate) base: AssetRecord,
    pub(crate) quote: AssetRecord,
}

impl Rules {
    /// Of the market that a client names by its symbol.
    pub(crate) fn find(state: &State, symbol: &str) -> Result<Rules, Problem> {
        let id = state.markets().find(symbol).ok_or_else(|| {
            let symbol: String = symbol.chars().take(NAME_CHARS_SHOWN_MAX).collect();
            Problem::new(Code::MarketUnknown, format!("there is no market `{symbol}`"))
        })?;
        Rules::of(state, id)
    }

    /// Of a market by its number.
    pub(crate) fn of(state: &State, id: MarketId) -> Result<Rules, Problem> {
        let record = state.markets().record(id).ok_or_else(|| Rejection::MarketUnknown.problem())?.clone();
        let (base, quote) = (asset_of(state, record.base)?.clone(), asset_of(state, record.quote)?.clone());
        Ok(Rules { record, base, quote })
    }

    pub(crate) fn price(&self, ticks: Ticks) -> String {
        steps_text(ticks.0, self.record.tick)
    }

    pub(crate) fn quantity(&self, lots: Lots) -> String {
        steps_text(lots.0, self.record.lot)
    }

    pub(crate) fn in_base(&self, units: u128) -> String {
        format_decimal(units, self.base.decimals)
    }

    pub(crate) fn in_quote(&self, units: u128) -> String {
        format_decimal(units, self.quote.decimals)
    }

    pub(crate) fn ticks(&self, field: &str, text: &str) -> Result<Ticks, Problem> {
        steps(field, text, self.record.tick).map(Ticks)
    }

    /// A quantity; more decimals than the base asset has are no quantity at all.
    pub(crate) fn lots(&self, field: &str, text: &str) -> Result<Lots, Problem> {
        amount(field, text, self.base.decimals)?;
        steps(field, text, self.record.lot).map(Lots)
    }

    /// An amount of the quote asset, in minor units.
    pub(crate) fn quote_units(&self, field: &str, text: &str) -> Result<u128, Problem> {
        amount(field, text, self.quote.decimals)
    }
}

/// A transfer that is in the journal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Posted {
    pub(crate) first: u64,
    pub(crate) postings: u8,
    pub(crate) existed: bool,
}

/// Where a transfer is in the journal; none for what is no transfer.
pub(crate) fn posted(done: &LedgerDone) -> Option<Posted> {
    match done {
        LedgerDone::Posted { first, postings } => Some(Posted { first: *first, postings: *postings, existed: false }),
        LedgerDone::Exists { first, postings, .. } => {
            Some(Posted { first: *first, postings: *postings, existed: true })
        }
        LedgerDone::AccountOpened { .. } | LedgerDone::AccountExists { .. } | LedgerDone::Bulk(_) => None,
    }
}

pub(crate) fn transfer_text(id: TransferId) -> String {
    format!("{:032x}", id.0)
}

/// A transfer's id as clients write it: 32 hexadecimal digits, or a UUID.
pub(crate) fn parse_transfer(field: &str, text: &str) -> Result<TransferId, Problem> {
    let digits: String = text.chars().filter(|char| *char != '-').collect();
    let hexadecimal = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let id = u128::from_str_radix(&digits, 16).ok().filter(|_| hexadecimal).map(TransferId);
    id.ok_or_else(|| Problem::new(Code::BadRequest, format!("`{field}` is a transfer's id of 32 hexadecimal digits")))
}

/// The id that a client chose for its transfer, or the one that its command's id makes: a UUID of version 8, whose time
/// the ledger does not look at. The same command again is the same transfer.
pub(crate) fn transfer_id(given: Option<&str>, command: CommandId) -> Result<TransferId, Problem> {
    match given {
        Some(text) => parse_transfer("id", text),
        None => {
            let id = u128::from_be_bytes(command.0);
            Ok(TransferId(id & !(0xf << 76 | 3 << 62) | 8 << 76 | 2 << 62))
        }
    }
}

#[cfg(test)]
mod tests {
    use exchequer_domain::Timestamp;

    use super::*;

    fn rules(tick: &str, lot: &str) -> Rules {
        let asset = |number, code: &str, decimals| AssetRecord {
            number: Asset(number),
            code: code.into(),
            decimals,
            name: code.into(),
            created_at: Timestamp(0),
        };
        let record = MarketRecord {
            id: MarketId(1),
            symbol: "BTCUSDT".into(),
            base: Asset(1),
            quote: Asset(2),
            tick: step("tick", tick).unwrap(),
            lot: step("lot", lot).unwrap(),
            base_per_lot: 1,
            quote_per_tick: 1,
            fees: Vec::new(),
        };
        Rules { record, base: asset(1, "BTC", 8), quote: asset(2, "USDT", 6) }
    }

    /// Goal: steps are read in their shortest form, and what is none is refused.
    #[test]
    fn steps_are_read() {
        for (text, units, decimals) in
            [("0.01", 1, 2), ("0.0500", 5, 2), ("1.00", 1, 0), ("250", 250, 0), ("0.000000000000000001", 1, 18)]
        {
            assert_eq!(step("tick", text), Ok(Step { units, decimals }), "{text}");
        }
        for text in ["0", "0.00", "1.0.", ".", "", "1e-2", "-0.01", "0.0000000000000000001", "18446744073709551616"] {
            assert_eq!(step("tick", text).unwrap_err().code, Code::BadRequest, "{text}");
        }
    }

    /// Goal: prices and quantities are whole steps, to the last digit. Method: values on and off the steps, both ways.
    #[test]
    fn prices_and_quantities_are_whole_steps() {
        let rules = rules("0.05", "0.00001");
        assert_eq!(rules.ticks("price", "64000.15"), Ok(Ticks(1_280_003)));
        assert_eq!(rules.price(Ticks(1_280_003)), "64000.15");
        assert_eq!(rules.lots("quantity", "1.50000"), Ok(Lots(150_000)));
        assert_eq!(rules.quantity(Lots(150_000)), "1.50000");
        let code = |result: Result<u64, Problem>| result.unwrap_err().code;
        for text in ["64000.16", "0.01", "0.0500001"] {
            assert_eq!(code(rules.ticks("price", text).map(|ticks| ticks.0)), Code::OrderRefused, "{text}");
        }
        for text in ["1e9", "NaN", "-1", "0", "", "340282366920938463463"] {
            assert_eq!(code(rules.ticks("price", text).map(|ticks| ticks.0)), Code::BadRequest, "{text}");
            assert_eq!(code(rules.lots("quantity", text).map(|lots| lots.0)), Code::BadRequest, "{text}");
        }
        assert_eq!(code(rules.lots("quantity", "0.000001").map(|lots| lots.0)), Code::OrderRefused);
        assert_eq!(code(rules.lots("quantity", "0.000000001").map(|lots| lots.0)), Code::BadRequest);
    }

    /// Goal: the id that a command makes for its transfer never looks like one with a time in it, and differs where the
    /// command does.
    #[test]
    fn ids_of_transfers() {
        let of = |byte| transfer_id(None, CommandId([byte; 16])).unwrap();
        for byte in [0x00, 0x77, 0xff] {
            assert_eq!((of(byte).0 >> 76) & 0xf, 8);
        }
        assert_ne!(of(1), of(2));
        let text = "018f3a5e-0000-7000-8000-000000000001";
        let id = transfer_id(Some(text), CommandId([0; 16])).unwrap();
        assert_eq!(transfer_text(id), text.replace('-', ""));
        for text in ["", "1", "+18f3a5e000070008000000000000001", &"g".repeat(32), &"1".repeat(33)] {
            assert_eq!(parse_transfer("id", text).unwrap_err().code, Code::BadRequest, "{text}");
        }
    }
}
