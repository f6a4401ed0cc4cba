//! What a market knows of each owner: how many orders, how much is being bought, which orders, and until when.

use exchequer_domain::Timestamp;

use crate::book::Book;
use crate::book::orders::{NONE, Place};
use crate::halt::Halt;
use crate::units::{Owner, Side};

/// Owners are numbered below this: 2^22.
pub const OWNERS_MAX: u32 = 1 << 22;

const PAGE: usize = 256;
const UNKNOWN: Halt = Halt("an order's owner is not known");
const COUNTS: Halt = Halt("the counts of an owner are not those of its orders");

/// One owner.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OwnerState {
    /// Open orders.
    pub(crate) orders: u32,
    /// Those of them that wait for a trigger.
    pub(crate) stops: u32,
    /// Lots of open buys.
    pub(crate) buying: u64,
    /// The latest of its orders.
    pub(crate) head: u32,
    /// When its dead man's switch falls; the end of time when it is off.
    pub(crate) cancel_after: Timestamp,
    /// The switch was changed since its row was written.
    pub(crate) touched: bool,
}

pub(crate) const NEVER: Timestamp = Timestamp(u64::MAX);

const NOBODY: OwnerState =
    OwnerState { orders: 0, stops: 0, buying: 0, head: NONE, cancel_after: NEVER, touched: false };

/// The owners, in pages that are made when first touched.
#[derive(Debug, Clone, Default)]
pub(crate) struct Owners {
    pages: Vec<Vec<OwnerState>>,
}

impl Owners {
    #[inline]
    pub(crate) fn get(&self, owner: Owner) -> OwnerState {
        let page = self.pages.get(owner.0 as usize / PAGE);
        page.and_then(|page| page.get(owner.0 as usize % PAGE)).copied().unwrap_or(NOBODY)
    }

    /// The record of an owner, made where there is none.
    pub(crate) fn make(&mut self, owner: Owner) -> Result<&mut OwnerState, Halt> {
        let at = owner.0 as usize / PAGE;
        if owner.0 >= OWNERS_MAX {
            return Err(UNKNOWN);
        }
        if at >= self.pages.len() {
            self.pages.resize(at + 1, Vec::new());
        }
        let page = self.pages.get_mut(at).ok_or(UNKNOWN)?;
        if page.is_empty() {
            page.resize(PAGE, NOBODY);
        }
        page.get_mut(owner.0 as usize % PAGE).ok_or(UNKNOWN)
    }

    #[inline]
    fn known(&mut self, owner: Owner) -> Result<&mut OwnerState, Halt> {
        let page = self.pages.get_mut(owner.0 as usize / PAGE).ok_or(UNKNOWN)?;
        page.get_mut(owner.0 as usize % PAGE).ok_or(UNKNOWN)
    }

    /// Enters a kept order, with its quantity and place, into its owner's record.
    pub(crate) fn attach(&mut self, book: &mut Book, slot: u32) -> Result<(), Halt> {
        let order = *book.order(slot)?;
        let owner = self.make(order.owner)?;
        owner.orders += 1;
        let next = std::mem::replace(&mut owner.head, slot);
        let detail = book.detail_mut(slot)?;
        (detail.owner_prev, detail.owner_next) = (NONE, next);
        if next != NONE {
            book.detail_mut(next)?.owner_prev = slot;
        }
        Ok(())
    }

    /// Takes an order out of its owner's record.
    pub(crate) fn detach(&mut self, book: &mut Book, slot: u32) -> Result<(), Halt> {
        let order = *book.order(slot)?;
        let detail = *book.detail(slot)?;
        let owner = self.known(order.owner)?;
        owner.orders = owner.orders.checked_sub(1).ok_or(COUNTS)?;
        if detail.owner_prev == NONE {
            owner.head = detail.owner_next;
        } else {
            book.detail_mut(detail.owner_prev)?.owner_next = detail.owner_next;
        }
        if detail.owner_next != NONE {
            book.detail_mut(detail.owner_next)?.owner_prev = detail.owner_prev;
        }
        Ok(())
    }

    /// Counts an order that begins to rest or to wait.
    pub(crate) fn count(&mut self, owner: Owner, side: Side, place: Place, lots: u64) -> Result<(), Halt> {
        let owner = self.known(owner)?;
        if side == Side::Buy {
            owner.buying += lots;
        }
        owner.stops += u32::from(waits(place));
        Ok(())
    }

    /// Takes back what [`Owners::count`] counted.
    pub(crate) fn discount(&mut self, owner: Owner, side: Side, place: Place, lots: u64) -> Result<(), Halt> {
        let owner = self.known(owner)?;
        if side == Side::Buy {
            owner.buying = owner.buying.checked_sub(lots).ok_or(COUNTS)?;
        }
        owner.stops = owner.stops.checked_sub(u32::from(waits(place))).ok_or(COUNTS)?;
        Ok(())
    }

    /// Counts lots less of a resting buy.
    #[inline]
    pub(crate) fn bought(&mut self, owner: Owner, lots: u64) -> Result<(), Halt> {
        let owner = self.known(owner)?;
        owner.buying = owner.buying.checked_sub(lots).ok_or(COUNTS)?;
        Ok(())
    }
}

fn waits(place: Place) -> bool {
    matches!(place, Place::Rising | Place::Falling | Place::Fired)
}
