//! Pages of klines for all doors that show them: stored ones, the one that is open, and what fills the gaps.

use exchequer_domain::{Code, Problem, Timestamp};
use exchequer_state::market_data::kline::{Page, PageError, Query};
use exchequer_state::market_data::{Interval, Kline, Tape};
use exchequer_state::markets::{MarketId, Markets, StoredKlines};
use exchequer_state::matching::TradeId;
use exchequer_state::{Halt, Rows, State};

/// Why there is no page.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The query makes no page.
    Query(PageError),
    /// A row cannot be read.
    Unreadable(Problem),
}

impl From<Halt> for Fault {
    fn from(halt: Halt) -> Fault {
        Fault::Unreadable(halt.problem())
    }
}

/// The present, as far as windows of time go: a quiet cluster's replicated time stands still, a node's clock does not.
pub(crate) fn present(state: &State, now_ms: u64) -> Timestamp {
    state.time().max(Timestamp(now_ms.saturating_mul(1_000)))
}

/// A market's tape.
pub(crate) fn tape(state: &State, market: MarketId) -> Result<&Tape, Problem> {
    let missing = || Problem::new(Code::Internal, format!("market {} has no tape", market.0));
    state.markets().tape(market).ok_or_else(missing)
}

/// The klines of a query, in order. None before the market's first trade.
pub(crate) fn page(
    state: &State,
    rows: &dyn Rows,
    market: MarketId,
    interval: Interval,
    query: &Query,
    now_ms: u64,
) -> Result<Vec<Kline>, Fault> {
    let first = Markets::trade(rows, market, TradeId(1))?;
    // Planned all the same, so that a wrong query is refused.
    let listed_ms = first.map_or(u64::MAX, |record| record.time.millis());
    let now_ms = present(state, now_ms).millis();
    let page = Page::plan(interval, query, listed_ms, now_ms).map_err(Fault::Query)?;
    let Some(page) = page else { return Ok(Vec::new()) };
    let tape = tape(state, market).map_err(Fault::Unreadable)?;
    Ok(tape.page(&page, &StoredKlines::new(rows, market))?)
}
