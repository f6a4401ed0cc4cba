//! What several answers show: a market with its assets, prices and quantities as text.

use exchequer_domain::format_decimal;
use exchequer_state::State;
use exchequer_state::markets::{MarketId, MarketRecord, Step};
use exchequer_state::matching::{Lots, Ticks};

use super::decimal::of_steps;
use super::error::Error;
use super::params::Params;

/// A market, and what of its assets texts need.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) id: MarketId,
    pub(crate) symbol: String,
    pub(crate) base: String,
    pub(crate) quote: String,
    pub(crate) base_decimals: u8,
    pub(crate) quote_decimals: u8,
    pub(crate) tick: Step,
    pub(crate) lot: Step,
    pub(crate) quote_per_tick: u64,
}

impl View {
    /// A market as a view; nothing where an asset is missing, which the state rules out.
    pub(crate) fn of(state: &State, record: &MarketRecord) -> Option<View> {
        let (base, quote) = (state.assets().get(record.base)?, state.assets().get(record.quote)?);
        Some(View {
            id: record.id,
            symbol: record.symbol.clone(),
            base: base.code.clone(),
            quote: quote.code.clone(),
            base_decimals: base.decimals,
            quote_decimals: quote.decimals,
            tick: record.tick,
            lot: record.lot,
            quote_per_tick: record.quote_per_tick,
        })
    }

    /// The market of this symbol.
    pub(crate) fn named(state: &State, symbol: &str) -> Result<View, Error> {
        let record = state.markets().find(symbol).and_then(|id| state.markets().record(id));
        record.and_then(|record| View::of(state, record)).ok_or_else(Error::symbol)
    }

    /// The market of this number.
    pub(crate) fn numbered(state: &State, id: MarketId) -> Result<View, Error> {
        state.markets().record(id).and_then(|record| View::of(state, record)).ok_or_else(Error::internal)
    }

    pub(crate) fn price(&self, price: Ticks) -> String {
        of_steps(price.0, self.tick)
    }

    pub(crate) fn lots(&self, lots: Lots) -> String {
        of_steps(lots.0, self.lot)
    }

    pub(crate) fn quote(&self, units: u128) -> String {
        format_decimal(units, self.quote_decimals)
    }

    /// Minor units of quote for so many lots at a price.
    pub(crate) fn notional(&self, price: Ticks, lots: Lots) -> u128 {
        // Prices have 48 bits, so that three factors fit.
        u128::from(price.0).saturating_mul(u128::from(lots.0)).saturating_mul(u128::from(self.quote_per_tick))
    }

    pub(crate) fn base(&self, units: u128) -> String {
        format_decimal(units, self.base_decimals)
    }
}

/// The symbol that a request names; letters and digits, or it is none.
pub(crate) fn symbol(params: &mut Params) -> Result<String, Error> {
    let symbol = params.required("symbol")?;
    check_symbol(symbol, "symbol")?;
    Ok(symbol.to_owned())
}

pub(crate) fn check_symbol(symbol: &str, name: &str) -> Result<(), Error> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if symbol.is_empty() || symbol.len() > 20 || !symbol.bytes().all(plain) {
        return Err(Error::illegal(name, "^[\\w\\-._&&[^a-z]]{1,50}$"));
    }
    Ok(())
}

/// The symbols of a request that names one, several, or none, which means all.
pub(crate) fn symbols(params: &mut Params) -> Result<Option<Vec<String>>, Error> {
    let one = params.text("symbol")?.map(str::to_owned);
    let many = params.text("symbols")?.map(str::to_owned);
    match (one, many) {
        (Some(_), Some(_)) => Err(Error::new(-1128, "Combination of optional parameters invalid.")),
        (None, None) => Ok(None),
        (Some(symbol), None) => {
            check_symbol(&symbol, "symbol")?;
            Ok(Some(vec![symbol]))
        }
        (None, Some(text)) => {
            let symbols: Vec<String> = serde_json::from_str(&text).map_err(|_| {
                Error::illegal("symbols", "^\\[(\"[A-Z0-9-_.]{1,20}\"(,\"[A-Z0-9-_.]{1,20}\"){0,}){0,1}\\]$")
            })?;
            symbols.iter().try_for_each(|symbol| check_symbol(symbol, "symbols"))?;
            let mut sorted = symbols.clone();
            sorted.sort_unstable();
            sorted.dedup();
            if sorted.len() != symbols.len() {
                return Err(Error::new(-1151, "Symbol is present multiple times in the list."));
            }
            Ok(Some(symbols))
        }
    }
}
