//! A market as bytes: what a snapshot holds, and what the state hash is taken of.
//!
//! Orders stand in the order in which they would trade or be triggered; memory, lists of owners and heaps of deadlines
//! follow from them. Two markets with the same future have the same bytes, however they came about.

use blake3::Hasher;
use exchequer_domain::{Digest, Timestamp};
use serde::{Deserialize, Serialize};

use crate::book::Book;
use crate::book::levels::Ladder;
use crate::book::orders::{Detail, HAS_DEADLINE, IN_PAIR, Order, Place, TRAILING};
use crate::breaker::{Breaker, Window};
use crate::fees::Worth;
use crate::filters::Filters;
use crate::halt::Halt;
use crate::market::Market;
use crate::phase::Phase;
use crate::units::{Fees, OrderId, Owner, SelfTrade, Side, Slots, Ticks};

/// Version of the bytes, in front of them.
const VERSION: u8 = 1;

/// Why bytes are no market.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// They were written by a newer program.
    #[error("the market was written in format {found}, newer than this program reads")]
    Newer {
        /// The version in front of the bytes.
        found: u8,
    },
    /// They are not what was written.
    #[error("the bytes of the market are damaged")]
    Damaged,
    /// They contradict themselves.
    #[error(transparent)]
    Inconsistent(#[from] Halt),
}

#[derive(Debug, Serialize, Deserialize)]
struct Image {
    worth: Worth,
    filters: Filters,
    breaker: Breaker,
    window: Vec<(u64, Ticks, Ticks)>,
    phase: Phase,
    reference: Option<Ticks>,
    last: Option<Ticks>,
    sequence: u64,
    trades: u64,
    now: Timestamp,
    switches: Vec<(Timestamp, Owner)>,
    bids: Vec<Entry>,
    asks: Vec<Entry>,
    rising: Vec<Entry>,
    falling: Vec<Entry>,
    fired: Vec<Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    id: OrderId,
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
    offset: Ticks,
    held: u128,
    quote: u128,
    partner: OrderId,
}

impl Entry {
    fn of(book: &Book, order: &Order) -> Result<Entry, Halt> {
        let Order { id, owner, slots, fees, side, self_trade, flags, price, open, hidden, place, .. } = *order;
        let Detail { tag, peak, deadline, limit, offset, held, quote, partner, .. } = *book.detail(id.slot())?;
        // What only those that wait, or only one leg of a pair, still use.
        let waits = !matches!(place, Place::Bids | Place::Asks);
        let (limit, held, quote) = if waits { (limit, held, quote) } else { (Ticks(0), 0, 0) };
        let offset = if flags & TRAILING != 0 { offset } else { Ticks(0) };
        let partner = if flags & IN_PAIR != 0 { partner } else { OrderId::NONE };
        Ok(Entry {
            id,
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
            offset,
            held,
            quote,
            partner,
        })
    }

    fn order(&self) -> (Order, Detail) {
        let Entry { id, owner, slots, fees, side, self_trade, flags, price, open, hidden, .. } = *self;
        let Entry { tag, peak, deadline, limit, offset, held, quote, partner, .. } = *self;
        let order = Order { id, owner, slots, fees, side, self_trade, flags, price, open, hidden, ..Order::VACANT };
        (order, Detail { tag, peak, deadline, limit, offset, held, quote, partner, ..Detail::NONE })
    }
}

fn ladder(book: &Book, ladder: &Ladder) -> Result<Vec<Entry>, Halt> {
    let mut entries = Vec::with_capacity(ladder.orders() as usize);
    for level in ladder.iter() {
        for order in book.queue(level.head) {
            entries.push(Entry::of(book, order)?);
        }
    }
    Ok(entries)
}

impl Market {
    /// The bytes of the market. Looks at every order.
    ///
    /// # Errors
    /// The market is inconsistent.
    pub fn encode(&self) -> Result<Vec<u8>, Halt> {
        let book = &self.book;
        let fired = book.next_fired().into_iter().flat_map(|head| book.queue(head));
        let image = Image {
            worth: self.worth,
            filters: self.filters,
            breaker: self.breaker,
            window: self.window.parts(),
            phase: self.phase,
            reference: self.reference,
            last: self.last,
            sequence: self.sequence,
            trades: self.trades,
            now: self.now,
            switches: self.switches.iter().copied().collect(),
            bids: ladder(book, &book.bids)?,
            asks: ladder(book, &book.asks)?,
            rising: ladder(book, &book.rising)?,
            falling: ladder(book, &book.falling)?,
            fired: fired.map(|order| Entry::of(book, order)).collect::<Result<_, _>>()?,
        };
        postcard::to_extend(&image, vec![VERSION]).map_err(|_| Halt("a market cannot be written"))
    }

    /// The state hash: BLAKE3 of the bytes.
    ///
    /// # Errors
    /// The market is inconsistent.
    pub fn digest(&self) -> Result<Digest, Halt> {
        let mut hasher = Hasher::new();
        hasher.update(&self.encode()?);
        Ok(Digest(*hasher.finalize().as_bytes()))
    }

    /// Reads what [`Market::encode`] wrote. What is read is as it was written only if its digest is.
    ///
    /// # Errors
    /// The bytes are of a newer program, damaged, or contradict themselves.
    pub fn decode(bytes: &[u8]) -> Result<Market, ImageError> {
        let (version, rest) = bytes.split_first().ok_or(ImageError::Damaged)?;
        if *version != VERSION {
            return Err(ImageError::Newer { found: *version });
        }
        let (image, rest) = postcard::take_from_bytes::<Image>(rest).map_err(|_| ImageError::Damaged)?;
        if !rest.is_empty() {
            return Err(ImageError::Damaged);
        }
        let Worth { base_per_lot, quote_per_tick, rounding } = image.worth;
        let worth = Worth::new(base_per_lot, quote_per_tick, rounding).ok_or(ImageError::Damaged)?;
        let mut market = Market::new(worth, image.filters);
        market.breaker = image.breaker;
        market.window = Window::of_parts(&image.window);
        (market.phase, market.reference, market.last) = (image.phase, image.reference, image.last);
        (market.sequence, market.trades, market.now) = (image.sequence, image.trades, image.now);
        let mut kept = Vec::new();
        for (place, entries) in [
            (Place::Bids, image.bids),
            (Place::Asks, image.asks),
            (Place::Rising, image.rising),
            (Place::Falling, image.falling),
            (Place::Fired, image.fired),
        ] {
            for entry in entries {
                market.put_back(&entry, place)?;
                kept.push(entry.id);
            }
        }
        // An owner's orders are listed in order of entry.
        kept.sort_unstable();
        for id in kept {
            market.list(id)?;
        }
        for (at, owner) in image.switches {
            market.owners.make(owner)?.cancel_after = at;
            market.switches.insert((at, owner));
        }
        Ok(market)
    }

    fn put_back(&mut self, entry: &Entry, place: Place) -> Result<(), ImageError> {
        const WRONG: ImageError = ImageError::Inconsistent(Halt("an order of a snapshot is none"));
        let (order, detail) = entry.order();
        let sided = !matches!(place, Place::Bids | Place::Asks) || place == Place::of(order.side);
        if order.id.sequence() == 0 || order.id.sequence() > self.sequence || order.open == 0 || !sided {
            return Err(WRONG);
        }
        let slot = self.book.keep(order, detail)?;
        if !self.book.enqueue(slot, place)? {
            return Err(WRONG);
        }
        Ok(())
    }

    fn list(&mut self, id: OrderId) -> Result<(), Halt> {
        let slot = id.slot();
        self.owners.attach(&mut self.book, slot)?;
        let order = *self.book.order(slot)?;
        self.owners.count(order.owner, order.side, order.place, order.lots())?;
        if order.has(HAS_DEADLINE) {
            let deadline = self.book.detail(slot)?.deadline;
            self.timers.add(&mut self.book, deadline, id)?;
        }
        if order.has(TRAILING) {
            self.trailing.push(id);
        }
        Ok(())
    }
}
