//! Klines and tickers of a market, as its trades make them: in memory what is open, as rows what is over.
//!
//! A kline's row is written by the trade that comes after its period, in the same entry as that trade's own row. So what
//! is in memory follows from the rows: the klines that are over, and the trades since.

use exchequer_market_data::kline::{DecodeError, Key, Newest, Rows as Stored, row};
use exchequer_market_data::{Interval, Kline, Side, Tape, Trade};
use exchequer_matching::TradeId;

use super::history::HISTORY_PAGE_MAX;
use super::{MarketId, Markets, TradeRecord};
use crate::halt::Halt;
use crate::rows::{Change, Edit, Family, Rows, Table};

/// The klines of one market that are over, read from rows.
#[derive(Clone, Copy)]
pub struct StoredKlines<'a> {
    rows: &'a dyn Rows,
    market: MarketId,
}

impl<'a> StoredKlines<'a> {
    /// Those of `market` in `rows`.
    #[must_use]
    pub fn new(rows: &'a dyn Rows, market: MarketId) -> StoredKlines<'a> {
        StoredKlines { rows, market }
    }

    fn read(&self, interval: Interval, span: (u64, u64), limit: usize, reverse: bool) -> Result<Vec<Kline>, Halt> {
        let key = |open_time| key(self.market, interval, open_time);
        let page = self.rows.scan(Family::History, &key(span.0), &key(span.1), limit, reverse)?;
        page.iter().map(|(key, value)| decoded(key, value)).collect()
    }
}

impl std::fmt::Debug for StoredKlines<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StoredKlines({})", self.market.0)
    }
}

impl Stored for StoredKlines<'_> {
    type Error = Halt;

    fn range(&self, interval: Interval, from: u64, until: u64) -> Result<Vec<Kline>, Halt> {
        self.read(interval, (from, until), usize::MAX, false)
    }

    fn last(&self, interval: Interval, at: u64) -> Result<Option<Kline>, Halt> {
        Ok(self.read(interval, (0, at.saturating_add(1)), 1, true)?.pop())
    }
}

fn key(market: MarketId, interval: Interval, open_time: u64) -> Vec<u8> {
    Table::Kline.key(&Key { market: market.0, interval, open_time }.to_bytes())
}

fn decoded(key: &[u8], value: &[u8]) -> Result<Kline, Halt> {
    let fault = |error: DecodeError| match error {
        DecodeError::Newer { found } => Halt::FormatNewer { table: Table::Kline, found },
        DecodeError::Malformed => Halt::RowDamaged { table: Table::Kline },
    };
    let key = Key::from_bytes(key.get(1..).unwrap_or_default()).map_err(fault)?;
    row::decode(key.open_time, value).map_err(fault)
}

/// A trade as market data takes it.
#[must_use]
pub fn trade_of(id: TradeId, record: &TradeRecord) -> Trade {
    Trade {
        id: id.0,
        time: record.time,
        price: record.price.0,
        base: record.base,
        quote: record.quote,
        taker: match record.taker {
            exchequer_matching::Side::Buy => Side::Buy,
            exchequer_matching::Side::Sell => Side::Sell,
        },
    }
}

/// Adds a trade, and the rows of what is over before it.
pub(super) fn push(
    tape: &mut Tape,
    market: MarketId,
    id: TradeId,
    record: &TradeRecord,
    changes: &mut Vec<Change>,
) -> Result<(), Halt> {
    let mut closed = Vec::new();
    let taken = tape.push(&trade_of(id, record), &mut closed);
    taken.map_err(|fault| Halt::Invariant(format!("market {}: {fault}", market.0)))?;
    changes.extend(closed.iter().map(|closed| Change {
        family: Family::History,
        key: key(market, closed.interval, closed.kline.open_time),
        edit: Edit::Put(row::encode(&closed.kline)),
    }));
    Ok(())
}

/// The tape as the rows of klines and trades make it.
pub(super) fn load(market: MarketId, rows: &dyn Rows) -> Result<Tape, Halt> {
    let stored = StoredKlines::new(rows, market);
    let newest = match stored.last(Interval::S1, u64::MAX - 1)? {
        None => None,
        Some(second) => {
            let record = Markets::trade(rows, market, TradeId(second.last_trade))?;
            let record = record.ok_or(Halt::RowDamaged { table: Table::Trade })?;
            Some(Newest { second, last_time: record.time })
        }
    };
    let mut tape = Tape::restore(newest.as_ref(), &stored)?;
    loop {
        let from = TradeId(tape.klines().last_trade() + 1);
        let page = Markets::trades(rows, market, Some(from), HISTORY_PAGE_MAX)?;
        let mut closed = Vec::new();
        for (id, record) in &page {
            let taken = tape.push(&trade_of(*id, record), &mut closed);
            taken.map_err(|_| Halt::RowDamaged { table: Table::Trade })?;
        }
        if !closed.is_empty() {
            // What is over was written with the trade after it.
            return Err(Halt::RowDamaged { table: Table::Kline });
        }
        if page.len() < HISTORY_PAGE_MAX {
            return Ok(tape);
        }
    }
}
