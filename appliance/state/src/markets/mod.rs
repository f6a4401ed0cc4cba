//! The room of markets: what is traded, the books, and the orders and trades that they made.
//!
//! An order's life is one record: among the open ones in memory and as a row of [`Table::OpenOrder`], and when it is
//! over as a row of [`Table::Order`], sorted by user, market and number. What the book needs of an open order is a row of
//! its own that only matching reads. Trades are rows for ever, and lead from their users by [`Table::UserTrade`].
//!
//! Invariants:
//! - What is reserved on an account is what the open orders of its owner hold, to the unit.
//! - A command of a market takes effect in the ledger, the records and the rows in one step, or not at all.

mod clerk;
mod client_id;
mod history;
mod live;
mod order;
mod orders;
mod reason;
mod record;
mod tape;
mod trade;

use std::collections::{BTreeMap, BTreeSet};

use exchequer_domain::{Timestamp, UserId};
use exchequer_ledger as ledger;
use exchequer_ledger::{AccountKey, Holder};
use exchequer_matching::{Command, OrderId, Slots};
use serde::{Deserialize, Serialize};

pub(crate) use clerk::Deeds;
pub use client_id::{CLIENT_ID_BYTES_MAX, ClientOrderId};
pub use history::{HISTORY_PAGE_MAX, UserTrade};
pub(crate) use live::{Bench, Earned, Live};
pub use order::{Ask, Fill, OrderRecord, OrderStatus};
pub(crate) use orders::Orders;
pub use reason::reason;
pub(crate) use record::StepFault;
pub use record::{MarketRecord, STEP_DECIMALS_MAX, SYMBOL_BYTES_MAX, Step, TIERS_MAX};
pub use tape::{StoredKlines, trade_of};
pub use trade::{TradeRecord, TradeSide};

use crate::apply::Stop;
use crate::codec;
use crate::event::Event;
use crate::halt::Halt;
use crate::rejection::Rejection;
use crate::rows::{Change, Rows, Table, for_each_of_table};

/// Most markets.
pub const MARKETS_MAX: usize = 1_000;

/// The number of a market, from 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MarketId(pub u32);

/// All markets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Markets {
    /// By number, from 1.
    live: Vec<Live>,
    symbols: BTreeMap<String, MarketId>,
    /// Orders that are open in all of them: asked for at every order.
    open: usize,
    /// Those with changes that are no rows yet; empty between entries.
    touched: BTreeSet<MarketId>,
}

impl Markets {
    /// The markets as their rows hold them; their open orders reserve their money in `ledger` anew.
    pub(crate) fn load(rows: &dyn Rows, ledger: &mut ledger::Ledger) -> Result<Markets, Halt> {
        let mut records = Vec::new();
        for_each_of_table(rows, Table::Market, |_, row| {
            let record: MarketRecord = codec::decode(row).map_err(|error| Halt::row(Table::Market, error))?;
            records.push(record);
            Ok(())
        })?;
        let mut markets = Markets::default();
        for record in records {
            markets.add(Live::load(record, rows, ledger)?);
        }
        markets.touched.clear();
        Ok(markets)
    }

    /// Adds a market; its number is the next one.
    pub(crate) fn add(&mut self, live: Live) {
        self.symbols.insert(live.record.symbol.clone(), live.record.id);
        self.touched.insert(live.record.id);
        self.open += live.orders.len();
        self.live.push(live);
    }

    /// The number that the next market gets.
    pub(crate) fn next(&self) -> Result<MarketId, Rejection> {
        if self.live.len() >= MARKETS_MAX {
            return Err(Rejection::MarketsFull);
        }
        Ok(MarketId(self.live.len() as u32 + 1))
    }

    fn live(&self, id: MarketId) -> Option<&Live> {
        self.live.get((id.0 as usize).checked_sub(1)?)
    }

    /// A market that is about to change.
    pub(crate) fn change(&mut self, id: MarketId) -> Result<&mut Live, Rejection> {
        let live = (id.0 as usize).checked_sub(1).and_then(|place| self.live.get_mut(place));
        let live = live.ok_or(Rejection::MarketUnknown)?;
        self.touched.insert(id);
        Ok(live)
    }

    /// Runs one command of a market's book, as [`Live::run`] does; the only way in which orders come and go.
    pub(crate) fn run(
        &mut self,
        id: MarketId,
        command: &Command,
        entering: impl IntoIterator<Item = OrderRecord>,
        bench: Bench<'_, '_>,
    ) -> Result<Deeds, Stop> {
        let live = self.change(id)?;
        let before = live.orders.len();
        let deeds = live.run(command, entering, bench)?;
        let after = live.orders.len();
        self.open = (self.open + after).saturating_sub(before);
        Ok(deeds)
    }

    /// Markets in which time has something to do.
    pub(crate) fn due(&self, now: Timestamp) -> Vec<MarketId> {
        let due = |live: &&Live| live.market.due().is_some_and(|due| due <= now);
        self.live.iter().filter(due).map(|live| live.record.id).collect()
    }

    /// When a market needs time to pass next; none when nothing waits for it.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.live.iter().filter_map(|live| live.market.due()).min()
    }

    /// The rows of the markets that changed since the last call, and what is told of their books.
    pub(crate) fn drain(&mut self, changes: &mut Vec<Change>, events: &mut Vec<Event>) -> Result<(), Halt> {
        for id in std::mem::take(&mut self.touched) {
            if let Ok(live) = self.change(id) {
                live.drain(changes)?;
                events.push(live.best());
            }
        }
        self.touched.clear();
        Ok(())
    }

    /// How many markets there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    /// The number of the market with this symbol.
    #[must_use]
    pub fn find(&self, symbol: &str) -> Option<MarketId> {
        self.symbols.get(symbol).copied()
    }

    /// What a market is.
    #[must_use]
    pub fn record(&self, id: MarketId) -> Option<&MarketRecord> {
        self.live(id).map(|live| &live.record)
    }

    /// Every market, by number.
    pub fn records(&self) -> impl Iterator<Item = &MarketRecord> {
        self.live.iter().map(|live| &live.record)
    }

    /// A market's book and rules.
    #[must_use]
    pub fn market(&self, id: MarketId) -> Option<&exchequer_matching::Market> {
        self.live(id).map(|live| &live.market)
    }

    /// A market's klines and tickers.
    #[must_use]
    pub fn tape(&self, id: MarketId) -> Option<&exchequer_market_data::Tape> {
        self.live(id).map(|live| &live.tape)
    }

    /// An open order.
    #[must_use]
    pub fn open_order(&self, market: MarketId, id: OrderId) -> Option<&OrderRecord> {
        self.live(market)?.orders.get(id)
    }

    /// The open order of a user that has this name.
    #[must_use]
    pub fn open_order_named(&self, user: UserId, market: MarketId, client_id: ClientOrderId) -> Option<&OrderRecord> {
        let live = self.live(market)?;
        live.orders.get(live.orders.find(user, client_id)?)
    }

    /// The open orders of a user in a market, the latest first.
    pub fn open_orders(&self, user: UserId, market: MarketId) -> impl Iterator<Item = &OrderRecord> {
        let live = self.live(market);
        let owner = u32::try_from(user.0).ok().map(exchequer_matching::Owner);
        let orders =
            live.zip(owner).map(|(live, owner)| live.market.orders_of(owner).map(move |order| (live, order.id)));
        orders.into_iter().flatten().filter_map(|(live, id)| live.orders.get(id))
    }

    /// The fees that trades ever took, in minor units of the asset that they were taken in; an asset comes once a market.
    pub(crate) fn earned(&self) -> impl Iterator<Item = (exchequer_ledger::Asset, u128)> {
        let of = |live: &Live| [(live.record.base, live.earned.base), (live.record.quote, live.earned.quote)];
        self.live.iter().flat_map(of).filter(|(_, fees)| *fees > 0)
    }

    /// What open orders lock, in minor units; an asset comes once an order.
    pub(crate) fn locked(&self) -> impl Iterator<Item = (exchequer_ledger::Asset, u128)> {
        self.live.iter().flat_map(|live| {
            let asset = |side| match side {
                exchequer_matching::Side::Buy => live.record.quote,
                exchequer_matching::Side::Sell => live.record.base,
            };
            live.market.orders().map(move |order| (asset(order.side), order.held))
        })
    }

    /// How many orders are open in all markets.
    #[must_use]
    pub fn open_count(&self) -> usize {
        self.open
    }
}

/// The accounts that a market's fees go to; they were opened with it.
pub(crate) fn fee_accounts(record: &MarketRecord, ledger: &ledger::Ledger) -> Result<Slots, Halt> {
    let account = |asset| ledger.find(&AccountKey { holder: Holder::FeeIncome, asset }).map(|account| account.0);
    match (account(record.base), account(record.quote)) {
        (Some(base), Some(quote)) => Ok(Slots { base, quote }),
        _ => Err(Halt::Invariant("a market has no accounts for its fees".into())),
    }
}

/// The key of an order that is over.
pub(crate) fn history_key(user: UserId, market: MarketId, order: OrderId) -> Vec<u8> {
    let mut suffix = [0; 20];
    suffix[..8].copy_from_slice(&user.0.to_be_bytes());
    suffix[8..12].copy_from_slice(&market.0.to_be_bytes());
    suffix[12..].copy_from_slice(&order.0.to_be_bytes());
    Table::Order.key(&suffix)
}

/// The key under which the latest order of this name is found.
pub(crate) fn client_key(user: UserId, client_id: ClientOrderId) -> Vec<u8> {
    let mut suffix = user.0.to_be_bytes().to_vec();
    suffix.extend_from_slice(client_id.as_str().as_bytes());
    Table::ClientOrder.key(&suffix)
}
