//! A market as rows: its head, one for each open order, one for each dead man's switch that is on.
//!
//! After a batch of commands [`Market::drain`] gives the rows that changed, and only those; [`Market::restore`] makes
//! the market again from all rows. An order's row carries its *rank*: the count of orders that had joined the end of
//! any queue when it did. So a queue follows from single rows, and nothing of its neighbours has to be written when an
//! order leaves it. Ranks are part of the market: a restored one writes the same rows as one that never stopped.

use exchequer_domain::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::book::Book;
use crate::book::orders::{Detail, HAS_DEADLINE, IN_PAIR, Order, Place, TRAILING};
use crate::breaker::{Breaker, Window};
use crate::command::When;
use crate::fees::Worth;
use crate::filters::Filters;
use crate::halt::Halt;
use crate::image::ImageError;
use crate::limits::Limits;
use crate::market::Market;
use crate::owners::NEVER;
use crate::phase::Phase;
use crate::planted::{Bug, has};
use crate::units::{Fees, ORDER_LOTS_MAX, OrderId, Owner, PRICE_TICKS_MAX, SelfTrade, Side, Slots, Ticks};

/// Version of a row's bytes, in front of them.
const VERSION: u8 = 1;
const WRONG: ImageError = ImageError::Inconsistent(Halt("an order that was written is none"));
const UNWRITABLE: Halt = Halt("a row cannot be written");

/// Which row of a market. Rows say themselves whose they are; the key is for the caller's store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowKey {
    /// Everything but orders and switches.
    Head,
    /// An open order.
    Order(OrderId),
    /// A dead man's switch.
    Switch(Owner),
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Head {
    worth: Worth,
    filters: Filters,
    breaker: Breaker,
    window: Vec<(u64, Ticks, Ticks)>,
    phase: Phase,
    reference: Option<Ticks>,
    last: Option<Ticks>,
    sequence: u64,
    trades: u64,
    joined: u64,
    now: Timestamp,
}

/// An open order.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Entry {
    id: OrderId,
    place: Place,
    rank: u64,
    owner: Owner,
    slots: Slots,
    fees: Fees,
    side: Side,
    self_trade: SelfTrade,
    flags: u8,
    price: Ticks,
    open: u64,
    hidden: u64,
    tag: u64,
    peak: u64,
    deadline: Timestamp,
    limit: Ticks,
    when: Option<When>,
    held: u128,
    quote: u128,
    partner: OrderId,
}

/// When a dead man's switch falls.
pub(crate) type Switch = (Owner, Timestamp);

impl Entry {
    pub(crate) fn of(book: &Book, order: &Order) -> Result<Entry, Halt> {
        let Order { id, owner, slots, fees, side, self_trade, flags, price, open, hidden, place, .. } = *order;
        let Detail { tag, peak, deadline, limit, when, held, quote, partner, rank, .. } = *book.detail(id.slot())?;
        // What only those that wait, or only one leg of a pair, still use.
        let waits = !matches!(place, Place::Bids | Place::Asks);
        let (limit, held, quote) = if waits { (limit, held, quote) } else { (Ticks(0), 0, 0) };
        let partner = if flags & IN_PAIR != 0 { partner } else { OrderId::NONE };
        Ok(Entry {
            id,
            place,
            rank,
            owner,
            slots,
            fees,
            side,
            self_trade,
            flags,
            price,
            open,
            hidden,
            tag,
            peak,
            deadline,
            limit,
            when,
            held,
            quote,
            partner,
        })
    }

    fn order(&self) -> (Order, Detail) {
        let Entry { id, owner, slots, fees, side, self_trade, flags, price, open, hidden, .. } = *self;
        let Entry { tag, peak, deadline, limit, when, held, quote, partner, .. } = *self;
        let order = Order { id, owner, slots, fees, side, self_trade, flags, price, open, hidden, ..Order::VACANT };
        (order, Detail { tag, peak, deadline, limit, when, held, quote, partner, ..Detail::NONE })
    }
}

fn row<T: Serialize>(value: &T) -> Result<Vec<u8>, Halt> {
    postcard::to_extend(value, vec![VERSION]).map_err(|_| UNWRITABLE)
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ImageError> {
    let (version, rest) = bytes.split_first().ok_or(ImageError::Damaged)?;
    if *version != VERSION {
        return Err(ImageError::Newer { found: *version });
    }
    match postcard::take_from_bytes(rest) {
        Ok((value, [])) => Ok(value),
        Ok(_) | Err(_) => Err(ImageError::Damaged),
    }
}

impl Market {
    /// The row of the head: at most 2 KiB, most of it the breaker's window of a minute.
    ///
    /// # Errors
    /// It cannot be written: an error of this crate.
    pub fn head_row(&self) -> Result<Vec<u8>, Halt> {
        row(&self.head())
    }

    /// The row of an order; nothing where it is not open.
    ///
    /// # Errors
    /// The market is inconsistent.
    pub fn order_row(&self, id: OrderId) -> Result<Option<Vec<u8>>, Halt> {
        let Some(slot) = self.book.find(id) else { return Ok(None) };
        row(&Entry::of(&self.book, self.book.order(slot)?)?).map(Some)
    }

    /// The row of an owner's dead man's switch; nothing where it is off.
    ///
    /// # Errors
    /// It cannot be written: an error of this crate.
    pub fn switch_row(&self, owner: Owner) -> Result<Option<Vec<u8>>, Halt> {
        let Some(at) = self.cancels_after(owner) else { return Ok(None) };
        let switch: Switch = (owner, at);
        row(&switch).map(Some)
    }

    /// Gives every row that changed since the last call, once: the head, then orders, then switches, each kind in the
    /// order of the first change. No bytes stand for a row that is to be deleted; an order that came and ended meanwhile
    /// never had one and is left out.
    ///
    /// # Errors
    /// The market is inconsistent.
    pub fn drain(&mut self, mut take: impl FnMut(RowKey, Option<Vec<u8>>)) -> Result<(), Halt> {
        if self.changed {
            take(RowKey::Head, Some(self.head_row()?));
        }
        for id in self.book.touched() {
            match self.order_row(*id)? {
                None if id.sequence() > self.written => {}
                row => take(RowKey::Order(*id), row),
            }
        }
        for owner in &self.switched {
            match self.switch_row(*owner)? {
                None if has(Bug::SwitchRowStays) => {}
                row => take(RowKey::Switch(*owner), row),
            }
        }
        self.settled()
    }

    /// Every row is written.
    pub(crate) fn settled(&mut self) -> Result<(), Halt> {
        self.changed = false;
        self.written = self.sequence;
        self.book.forget_touched();
        for owner in &self.switched {
            self.owners.make(*owner)?.touched = false;
        }
        self.switched.clear();
        Ok(())
    }

    /// The market of which these are all rows; those of orders and of switches may come in any order.
    ///
    /// # Errors
    /// A row is of a newer program, or damaged, or the rows contradict each other.
    pub fn restore<O: AsRef<[u8]>, S: AsRef<[u8]>>(
        head: &[u8],
        orders: impl IntoIterator<Item = O>,
        switches: impl IntoIterator<Item = S>,
    ) -> Result<Market, ImageError> {
        Market::restore_within(Limits::FULL, head, orders, switches)
    }

    /// The same with other limits.
    pub(crate) fn restore_within<O: AsRef<[u8]>, S: AsRef<[u8]>>(
        limits: Limits,
        head: &[u8],
        orders: impl IntoIterator<Item = O>,
        switches: impl IntoIterator<Item = S>,
    ) -> Result<Market, ImageError> {
        let orders = orders.into_iter().map(|bytes| read::<Entry>(bytes.as_ref()));
        let switches = switches.into_iter().map(|bytes| read::<Switch>(bytes.as_ref()));
        let (orders, switches) = (orders.collect::<Result<_, _>>()?, switches.collect::<Result<_, _>>()?);
        Market::of_parts(limits, read(head)?, orders, switches)
    }

    pub(crate) fn head(&self) -> Head {
        Head {
            worth: self.worth,
            filters: self.filters,
            breaker: self.breaker,
            window: self.window.parts(self.now),
            phase: self.phase,
            reference: self.reference,
            last: self.last,
            sequence: self.sequence,
            trades: self.trades,
            joined: self.book.joined,
            now: self.now,
        }
    }

    pub(crate) fn of_parts(
        limits: Limits,
        head: Head,
        mut orders: Vec<Entry>,
        switches: Vec<Switch>,
    ) -> Result<Market, ImageError> {
        let Worth { base_per_lot, quote_per_tick, rounding } = head.worth;
        let worth = Worth::new(base_per_lot, quote_per_tick, rounding).ok_or(ImageError::Damaged)?;
        let mut market = Market::within(limits, worth, head.filters);
        market.breaker = head.breaker;
        market.window = Window::of_parts(&head.window);
        (market.phase, market.reference, market.last) = (head.phase, head.reference, head.last);
        (market.sequence, market.trades, market.now) = (head.sequence, head.trades, head.now);
        orders.sort_unstable_by_key(|entry| entry.rank);
        let mut rank = 0;
        for entry in &orders {
            if entry.rank <= rank || entry.rank > head.joined {
                return Err(WRONG);
            }
            rank = entry.rank;
            market.put_back(entry)?;
        }
        market.book.joined = head.joined;
        // An owner's orders are listed in order of entry.
        orders.sort_unstable_by_key(|entry| entry.id);
        for entry in &orders {
            market.list(entry.id)?;
        }
        for (owner, at) in switches {
            if market.cancels_after(owner).is_some() || at == NEVER {
                return Err(ImageError::Inconsistent(Halt("a switch is none, or an owner has two")));
            }
            market.switch(owner, Some(at))?;
        }
        market.settled()?;
        Ok(market)
    }

    fn put_back(&mut self, entry: &Entry) -> Result<(), ImageError> {
        let (order, detail) = entry.order();
        let placed = match entry.place {
            Place::Nowhere => false,
            Place::Bids | Place::Asks => entry.place == Place::of(order.side),
            Place::Rising | Place::Falling | Place::Fired => true,
        };
        let numbered = order.id.sequence() > 0 && order.id.sequence() <= self.sequence;
        let lots = order.open.checked_add(order.hidden).is_some_and(|lots| lots <= ORDER_LOTS_MAX) && order.open > 0;
        let priced = order.price.0 > 0 && order.price.0.max(detail.limit.0) <= PRICE_TICKS_MAX;
        if !(placed && numbered && lots && priced) {
            return Err(WRONG);
        }
        let slot = self.book.keep(order, detail)?;
        if !self.book.enqueue(slot, entry.place)? {
            return Err(WRONG);
        }
        self.book.detail_mut(slot)?.rank = entry.rank;
        Ok(())
    }

    /// Enters an order that was put back into its owner's record and the lists of those with deadlines and distances.
    fn list(&mut self, id: OrderId) -> Result<(), ImageError> {
        let slot = id.slot();
        self.owners.attach(&mut self.book, slot)?;
        let order = *self.book.order(slot)?;
        let detail = *self.book.detail(slot)?;
        self.owners.count(order.owner, order.side, order.place, order.lots())?;
        if order.has(HAS_DEADLINE) {
            self.timers.add(&mut self.book, detail.deadline, id)?;
        }
        if order.has(TRAILING) {
            let waits = matches!(order.place, Place::Rising | Place::Falling);
            if !waits || !matches!(detail.when, Some(When::Trailing(_))) {
                return Err(WRONG);
            }
            self.trailing.push(id);
        }
        if order.has(IN_PAIR) {
            let other = self.book.find(detail.partner).ok_or(WRONG)?;
            if !self.book.order(other)?.has(IN_PAIR) || self.book.detail(other)?.partner != id {
                return Err(WRONG);
            }
        }
        Ok(())
    }
}
