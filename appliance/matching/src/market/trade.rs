//! The walk through the resting orders, and what each meeting moves.

use super::{Market, ended};
use crate::book::Left;
use crate::book::orders::{IN_PAIR, Order, Place};
use crate::book::walk::{Meeting, Taker, meet};
use crate::halt::Halt;
use crate::planted::{Bug, has};
use crate::reports::{Desk, End, Party, Report, Trade};
use crate::units::{Lots, Side, Ticks, TradeId};

impl Market {
    /// Lets an order trade with what rests. Returns why it may not go on; nothing where it is filled or meets nobody.
    pub(super) fn take<D: Desk>(&mut self, taker: &mut Taker, desk: &mut D) -> Result<Option<End>, Halt> {
        self.walk(taker, &mut 0, desk)
    }

    /// The same, and how many orders it met.
    #[inline]
    pub(super) fn walk<D: Desk>(
        &mut self,
        taker: &mut Taker,
        steps: &mut u32,
        desk: &mut D,
    ) -> Result<Option<End>, Halt> {
        let other = taker.side.opposite();
        let terms = self.terms();
        while taker.left > 0
            && let Some(best) = self.book.best(other)
            && (taker.side.accepts(taker.limit, best) || has(Bug::LimitIgnored))
            && let Some(slot) = self.book.front(other)
        {
            if *steps == self.book.limits.steps {
                return Ok(Some(End::StepsMax));
            }
            *steps += 1;
            let maker = *self.book.order(slot)?;
            match meet(taker, &terms, (&self.book, &self.owners), &maker, maker.open)? {
                Meeting::Trade(lots) => {
                    taker.reduce(&terms, maker.price, lots)?;
                    self.trade(taker, &maker, lots, desk)?;
                }
                Meeting::MakerEnds(End::SelfTrade) if has(Bug::SelfTradeOutOfOrder) => {
                    self.end(self.owners.get(taker.owner).head, End::SelfTrade, desk)?;
                }
                Meeting::MakerEnds(why) => self.end(slot, why, desk)?,
                Meeting::WalkEnds(why) => {
                    self.tripped |= why == End::PriceBand;
                    return Ok(Some(why));
                }
                Meeting::BothEnd => {
                    self.end(slot, End::SelfTrade, desk)?;
                    return Ok(Some(End::SelfTrade));
                }
                Meeting::Decrement(lots) => {
                    let before = self.held_by(taker);
                    taker.reduce(&terms, maker.price, lots)?;
                    let freed = before - self.held_by(taker);
                    self.decrement(taker, &maker, lots, freed, desk)?;
                }
            }
        }
        Ok(None)
    }

    /// One trade at the resting order's price; the taker is reduced already.
    #[inline]
    fn trade<D: Desk>(&mut self, taker: &Taker, maker: &Order, lots: u64, desk: &mut D) -> Result<(), Halt> {
        let price = if has(Bug::TakersPrice) { taker.limit } else { maker.price };
        let (base, quote) = (self.worth.base(lots), self.worth.quote(price, lots));
        let (taker_gets, maker_gets) = match taker.side {
            Side::Buy => (base, quote),
            Side::Sell => (quote, base),
        };
        let freed = match (taker.side, taker.quote) {
            (Side::Buy, None) if has(Bug::ExcessKept) => 0,
            (Side::Buy, None) => self.worth.quote(Ticks(taker.limit.0 - price.0), lots),
            (Side::Buy, Some(_)) | (Side::Sell, _) => 0,
        };
        let second = Party {
            id: taker.id,
            owner: taker.owner,
            slots: taker.slots,
            fee: self.worth.fee(taker_gets, taker.fees.taker_ppm),
            freed,
            left: Lots(taker.left),
        };
        let first = Party {
            id: maker.id,
            owner: maker.owner,
            slots: maker.slots,
            fee: self.worth.fee(maker_gets, maker.fees.maker_ppm),
            freed: 0,
            left: Lots(maker.lots() - lots),
        };
        let (buyer, seller) = match taker.side {
            Side::Buy => (second, first),
            Side::Sell => (first, second),
        };
        self.trades += 1;
        self.last = Some(price);
        if self.breaker.band_ppm > 0 {
            self.window.traded(price, self.now);
        }
        self.seen = Some((self.seen.map_or(price, |(first, _)| first), price));
        let id = TradeId(self.trades);
        desk.report(Report::Trade(Trade {
            id,
            price,
            lots: Lots(lots),
            base,
            quote,
            taker: taker.side,
            buyer,
            seller,
        }));
        self.consume(maker, lots, desk)
    }

    /// Takes lots off a resting order, and forgets it with the last. The other leg of a pair ends with the first.
    fn consume<D: Desk>(&mut self, maker: &Order, lots: u64, desk: &mut D) -> Result<(), Halt> {
        let other = if maker.has(IN_PAIR) { self.part(maker.id.slot())? } else { None };
        let left = self.book.consume(maker.id.slot(), lots)?;
        if maker.side == Side::Buy {
            self.owners.bought(maker.owner, lots)?;
        }
        if left == Left::Nothing {
            self.drop(maker)?;
        }
        match other {
            Some(other) => self.end(other, End::Pair, desk),
            None => Ok(()),
        }
    }

    /// Both lose the same quantity without a trade.
    fn decrement<D: Desk>(
        &mut self,
        taker: &Taker,
        maker: &Order,
        lots: u64,
        freed: u128,
        desk: &mut D,
    ) -> Result<(), Halt> {
        let by = Lots(lots);
        desk.report(Report::Reduced {
            id: maker.id,
            owner: maker.owner,
            slots: maker.slots,
            side: maker.side,
            by,
            left: Lots(maker.lots() - lots),
            freed: self.held(maker.side, maker.price, lots),
        });
        let Taker { id, owner, slots, side, left, .. } = *taker;
        desk.report(Report::Reduced { id, owner, slots, side, by, left: Lots(left), freed });
        self.consume(maker, lots, desk)
    }

    /// Lets an amended order, which is kept but in no queue, rest again or end.
    pub(super) fn rest_again<D: Desk>(
        &mut self,
        taker: &Taker,
        end: Option<End>,
        peak: u64,
        desk: &mut D,
    ) -> Result<(), Halt> {
        let slot = taker.id.slot();
        let order = self.book.order_mut(slot)?;
        order.price = taker.limit;
        order.open = if peak == 0 { taker.left } else { taker.left.min(peak) };
        order.hidden = taker.left - order.open;
        let order = *order;
        let why = match end {
            _ if taker.left == 0 => return self.drop(&order),
            None if self.book.enqueue(slot, Place::of(order.side))? => {
                let place = Place::of(order.side);
                return self.owners.count(order.owner, order.side, place, order.lots());
            }
            None => End::Full,
            Some(why) => why,
        };
        self.drop(&order)?;
        desk.report(ended(&order, taker.left, self.held_by(taker), why));
        Ok(())
    }
}
