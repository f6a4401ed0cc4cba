//! A market that is in memory: its record, its book, and its open orders.

use exchequer_domain::Timestamp;
use exchequer_ledger as ledger;
use exchequer_market_data::Tape;
use exchequer_matching::{Command, ImageError, Market, OrderId, Owner, RowKey, Side, Slots};

use super::clerk::{Clerk, Deeds, Parts, paying};
use super::order::OrderRecord;
use super::orders::Orders;
use super::{MarketId, MarketRecord, tape};
use crate::codec;
use crate::event::{Best, Event};
use crate::halt::Halt;
use crate::rows::{Change, Edit, Family, Rows, Table, for_each_under};

/// One market in memory.
#[derive(Debug, Clone)]
pub(crate) struct Live {
    pub(crate) record: MarketRecord,
    pub(crate) market: Market,
    pub(crate) orders: Orders,
    /// Klines and tickers of its trades.
    pub(crate) tape: Tape,
    /// The accounts that fees go to: in base, and in quote.
    pub(crate) fees: Slots,
    /// What its trades ever took as fees.
    pub(crate) earned: Earned,
}

/// Fees that trades took, in minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Earned {
    /// Of base.
    pub(crate) base: u128,
    /// Of quote.
    pub(crate) quote: u128,
    /// Whether there is more than its row has.
    pub(crate) moved: bool,
}

impl PartialEq for Live {
    /// Markets are equal when their bytes are: memory may be arranged in another way.
    fn eq(&self, other: &Live) -> bool {
        let books = self.market.encode() == other.market.encode();
        let records = self.record == other.record && self.orders == other.orders && self.fees == other.fees;
        books && records && self.tape == other.tape && self.earned == other.earned
    }
}

impl Eq for Live {}

/// What an entry gives a market to work with.
pub(crate) struct Bench<'a, 'l> {
    pub(crate) ledger: &'a mut ledger::Entry<'l>,
    pub(crate) changes: &'a mut Vec<Change>,
    pub(crate) events: &'a mut Vec<Event>,
    pub(crate) now: Timestamp,
}

impl Live {
    /// Runs one command of the book. `entering` are the orders that it may accept, in the order of their acceptance.
    pub(crate) fn run(
        &mut self,
        command: &Command,
        entering: impl IntoIterator<Item = OrderRecord>,
        bench: Bench<'_, '_>,
    ) -> Result<Deeds, Halt> {
        let Bench { ledger, changes, events, now } = bench;
        let Live { record, market, orders, tape, fees, earned } = self;
        let parts = Parts { record, orders, tape, fees: *fees, earned };
        let mut clerk = Clerk {
            ledger,
            parts,
            changes,
            events,
            now,
            entering: entering.into_iter().collect(),
            ended: Vec::new(),
            spent: Vec::new(),
            deeds: Deeds::default(),
            halt: None,
        };
        market.apply(now, command, &mut clerk)?;
        clerk.finish()
    }

    /// What is told of the book at the end of an entry.
    pub(crate) fn best(&self) -> Event {
        let best = |side| {
            let level = self.market.book().depth(side).next()?;
            Some(Best { price: level.price, lots: level.lots })
        };
        Event::Book { market: self.record.id, bid: best(Side::Buy), ask: best(Side::Sell) }
    }

    /// The rows that changed since the last call.
    pub(crate) fn drain(&mut self, changes: &mut Vec<Change>) -> Result<(), Halt> {
        let Live { record: MarketRecord { id: market, .. }, market: book, orders, .. } = self;
        let market = *market;
        let mut unknown = false;
        book.drain(|row, image| {
            let (key, edit) = match (row, image) {
                (RowKey::Head, image) => (Table::MarketHead.key(&market.0.to_be_bytes()), image.map(Edit::Put)),
                (RowKey::Switch(owner), image) => (switch_key(market, owner), image.map(Edit::Put)),
                (RowKey::Order(order), None) => (open_key(market, order), None),
                (RowKey::Order(order), Some(image)) => {
                    // Whatever changes a record changes what the book holds of the order as well.
                    let row = orders.get(order).map(|record| Edit::Put(open_row(record, &image)));
                    unknown |= row.is_none();
                    (open_key(market, order), row)
                }
            };
            changes.push(Change { family: Family::Working, key, edit: edit.unwrap_or(Edit::Delete) });
        })?;
        if unknown {
            return Err(Halt::Invariant("an open order has no record".into()));
        }
        if std::mem::take(&mut self.earned.moved) {
            let row = codec::encode(&(self.earned.base, self.earned.quote));
            changes.push(Change { family: Family::Working, key: earned_key(market), edit: Edit::Put(row) });
        }
        Ok(())
    }

    /// The market as its rows hold it. Its open orders reserve their money in `ledger` anew.
    pub(crate) fn load(record: MarketRecord, rows: &dyn Rows, ledger: &mut ledger::Ledger) -> Result<Live, Halt> {
        let prefix = record.id.0.to_be_bytes();
        let head = rows.get(Family::Working, &Table::MarketHead.key(&prefix))?;
        let head = head.ok_or(Halt::RowDamaged { table: Table::MarketHead })?;
        let (mut images, mut records, mut switches) = (Vec::new(), Vec::new(), Vec::new());
        for_each_under(rows, Table::OpenOrder, &prefix, |_, row| {
            let (order, image) = open_parts(row).map_err(|error| Halt::row(Table::OpenOrder, error))?;
            images.push(image.to_vec());
            records.push(order);
            Ok(())
        })?;
        for_each_under(rows, Table::BookSwitch, &prefix, |_, row| {
            switches.push(row.to_vec());
            Ok(())
        })?;
        let market = Market::restore(&head, &images, &switches).map_err(|error| match error {
            ImageError::Newer { found } => Halt::FormatNewer { table: Table::MarketHead, found },
            ImageError::Damaged => Halt::RowDamaged { table: Table::OpenOrder },
            ImageError::Inconsistent(halt) => halt.into(),
        })?;
        drop(images);
        let mut orders = Orders::default();
        for order in records {
            let open = market.order(order.id).ok_or(Halt::RowDamaged { table: Table::OpenOrder })?;
            if !ledger.reserve(paying(open.side, open.slots), open.held)? {
                return Err(Halt::Invariant("an open order has reserved more than there is".into()));
            }
            orders.insert(order);
        }
        if orders.len() != market.book().open_orders() as usize {
            return Err(Halt::RowDamaged { table: Table::OpenOrder });
        }
        let fees = super::fee_accounts(&record, ledger)?;
        let tape = tape::load(record.id, rows)?;
        let row = rows.get(Family::Working, &earned_key(record.id))?;
        let read = |row: Vec<u8>| codec::decode(&row).map_err(|error| Halt::row(Table::MarketHead, error));
        let (base, quote) = row.map(read).transpose()?.unwrap_or_default();
        let earned = Earned { base, quote, moved: false };
        Ok(Live { record, market, orders, tape, fees, earned })
    }
}

/// The row of an open order: its record, then what the book needs of it. They change together, and one row of both costs
/// half as much as two.
fn open_row(record: &OrderRecord, image: &[u8]) -> Vec<u8> {
    let mut row = codec::encode(record);
    row.extend_from_slice(image);
    row
}

/// What [`open_row`] put together.
fn open_parts(row: &[u8]) -> Result<(OrderRecord, &[u8]), codec::DecodeError> {
    codec::take(codec::content(row)?)
}

/// The key of an open order.
fn open_key(market: MarketId, order: OrderId) -> Vec<u8> {
    let mut suffix = [0; 12];
    suffix[..4].copy_from_slice(&market.0.to_be_bytes());
    suffix[4..].copy_from_slice(&order.0.to_be_bytes());
    Table::OpenOrder.key(&suffix)
}

/// The key of what a market's trades took as fees, beside its head.
fn earned_key(market: MarketId) -> Vec<u8> {
    let [a, b, c, d] = market.0.to_be_bytes();
    Table::MarketHead.key(&[a, b, c, d, 1])
}

/// The key of an owner's dead man's switch.
fn switch_key(market: MarketId, owner: Owner) -> Vec<u8> {
    let mut suffix = [0; 8];
    suffix[..4].copy_from_slice(&market.0.to_be_bytes());
    suffix[4..].copy_from_slice(&owner.0.to_be_bytes());
    Table::BookSwitch.key(&suffix)
}
