//! The price of an auction.
//!
//! The price at which most is traded; among such prices one that leaves least over; of those that leave buyers over the
//! highest, of those that leave sellers over the lowest; then the one nearest to the reference, and the lower of two.
//! Only limits of orders come into question. Hidden parts of icebergs count.

use crate::book::Book;
use crate::planted::{Bug, has};
use crate::units::{Lots, Ticks};

/// What an auction would do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Indication {
    /// The price of all its trades.
    pub price: Ticks,
    /// How much would trade.
    pub lots: Lots,
    /// How much more is bid than asked at that price; negative where more is asked.
    pub surplus: i128,
}

/// The auction's price; nothing where no bid is at or above an ask. Looks at the prices that cross, twice.
pub(crate) fn indicate(book: &Book, reference: Option<Ticks>) -> Option<Indication> {
    let (bid, ask) = (book.bids.best_price()?, book.asks.best_price()?);
    if bid < ask {
        return None;
    }
    // Ascending walks: bids that cross from the lowest on, asks from the best on.
    let total = |level: &crate::book::levels::Level| u128::from(level.open) + u128::from(level.hidden);
    let crossing = |price: &Ticks| *price >= ask && *price <= bid;
    let mut demand: u128 = book.bids.iter().take_while(|level| book.bids.price_of(level) >= ask).map(total).sum();
    let mut bids = book.bids.iter().rev().map(|level| (book.bids.price_of(level), total(level)));
    let mut bids = std::iter::from_fn(move || bids.find(|(price, _)| crossing(price))).peekable();
    let asks = book.asks.iter().map(|level| (book.asks.price_of(level), total(level)));
    let mut asks = asks.take_while(|(price, _)| crossing(price)).peekable();
    let mut supply = 0_u128;
    let mut best: Option<Indication> = None;
    loop {
        let next = match (bids.peek(), asks.peek()) {
            (Some((bid, _)), Some((ask, _))) => *bid.min(ask),
            (Some((price, _)), None) | (None, Some((price, _))) => *price,
            (None, None) => return best,
        };
        if let Some((_, lots)) = asks.next_if(|(price, _)| *price == next) {
            supply += lots;
        }
        let surplus = demand as i128 - supply as i128;
        let lots = Lots(u64::try_from(demand.min(supply)).unwrap_or(u64::MAX));
        let here = Indication { price: next, lots, surplus };
        if best.as_ref().is_none_or(|best| better(&here, best, reference)) {
            best = Some(here);
        }
        if let Some((_, lots)) = bids.next_if(|(price, _)| *price == next) {
            demand -= lots;
        }
    }
}

/// Whether a higher price is better than the best of the lower ones.
fn better(here: &Indication, best: &Indication, reference: Option<Ticks>) -> bool {
    let left = |indication: &Indication| indication.surplus.unsigned_abs();
    if here.lots != best.lots {
        return here.lots > best.lots;
    }
    if left(here) != left(best) && !has(Bug::AuctionIgnoresSurplus) {
        return left(here) < left(best);
    }
    if here.surplus > 0 && best.surplus > 0 {
        return true;
    }
    if here.surplus < 0 && best.surplus < 0 {
        return false;
    }
    reference.is_some_and(|reference| here.price.0.abs_diff(reference.0) < best.price.0.abs_diff(reference.0))
}
