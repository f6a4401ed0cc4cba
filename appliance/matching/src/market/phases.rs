//! From phase to phase: on command, with time, and by the circuit breaker; and the trades that end an auction.

use exchequer_domain::Timestamp;

use super::{Market, Stop};
use crate::auction::{Indication, indicate};
use crate::book::Left;
use crate::book::orders::IN_PAIR;
use crate::halt::Halt;
use crate::phase::{Phase, PhaseChange};
use crate::rejection::Rejection;
use crate::reports::{Desk, End, Party, Report, Trade};
use crate::units::{Lots, Side, Ticks, TradeId};

/// Most orders of a delisted market that end before one command.
pub const DELISTED_PER_COMMAND: u32 = 256;

impl Market {
    /// What an auction would do now; nothing where no prices cross.
    #[must_use]
    pub fn indication(&self) -> Option<Indication> {
        indicate(&self.book, self.measure())
    }

    fn enter_phase<D: Desk>(&mut self, phase: Phase, desk: &mut D) {
        self.phase = phase;
        desk.report(Report::Phase(phase));
    }

    pub(super) fn set_phase<D: Desk>(&mut self, change: PhaseChange, desk: &mut D) -> Result<(), Stop> {
        // Trades of an auction that are not made yet can be called off, in an emergency; the rest of its orders stay.
        let calls_off = change == PhaseChange::CancelOnly;
        match self.phase {
            Phase::Delisted => return Err(Rejection::Phase.into()),
            Phase::Uncrossing { .. } if !calls_off => return Err(Rejection::Phase.into()),
            _ => {}
        }
        let crossed = self.indication().is_some();
        let phase = match change {
            PhaseChange::Delisted => Phase::Delisted,
            PhaseChange::PreOpen => Phase::PreOpen,
            PhaseChange::Auction { ends } if ends.is_some_and(|ends| ends <= self.now) => {
                return Err(Rejection::Deadline.into());
            }
            PhaseChange::Auction { ends } => Phase::Auction { ends },
            PhaseChange::Trading => return Ok(self.open(desk)?),
            PhaseChange::Halt => Phase::Halt,
            PhaseChange::CancelOnly => Phase::CancelOnly { until: None },
            // Prices that cross would stay so where nothing trades.
            PhaseChange::PostOnly if crossed => return Err(Rejection::Phase.into()),
            PhaseChange::PostOnly => Phase::PostOnly,
        };
        self.enter_phase(phase, desk);
        Ok(())
    }

    /// Opens for trading, through the trades of an auction where prices cross. Waits where orders whose time is over
    /// have not ended yet: an auction must not trade them.
    fn open<D: Desk>(&mut self, desk: &mut D) -> Result<(), Halt> {
        let due = |first: Option<Timestamp>| first.is_some_and(|at| at <= self.now);
        if due(self.timers.first().map(|(at, _)| at)) || due(self.switches.first().map(|(at, _)| *at)) {
            let waiting = Phase::Auction { ends: Some(self.now) };
            if !matches!(self.phase, Phase::Auction { ends: Some(ends) } if ends <= self.now) {
                self.enter_phase(waiting, desk);
            }
            return Ok(());
        }
        match self.indication() {
            Some(Indication { price, lots, .. }) => {
                self.enter_phase(Phase::Uncrossing { price, lots: lots.0 }, desk);
                self.uncross(desk)
            }
            None => {
                self.window.clear();
                self.enter_phase(Phase::Trading, desk);
                Ok(())
            }
        }
    }

    /// What time, or work not yet done, brings about in the present phase.
    pub(super) fn pass_phase<D: Desk>(&mut self, desk: &mut D) -> Result<(), Halt> {
        match self.phase {
            Phase::CancelOnly { until: Some(until) } if until <= self.now => {
                let ends = Some(Timestamp(self.now.0.saturating_add(self.breaker.auction_us)));
                self.enter_phase(Phase::Auction { ends }, desk);
                Ok(())
            }
            Phase::Auction { ends: Some(ends) } if ends <= self.now => self.open(desk),
            Phase::Uncrossing { .. } => self.uncross(desk),
            Phase::Delisted => {
                for _ in 0..self.book.limits.delisted {
                    let Some(slot) = self.book.lowest_open() else { break };
                    self.end(slot, End::Delisted, desk)?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Stops trading where the breaker tripped.
    pub(super) fn trip<D: Desk>(&mut self, desk: &mut D) {
        if std::mem::take(&mut self.tripped) {
            let until = Timestamp(self.now.0.saturating_add(self.breaker.pause_us));
            self.enter_phase(Phase::CancelOnly { until: Some(until) }, desk);
        }
    }

    /// Makes the auction's trades, as many as one command may: best price first, first come first, all at one price.
    /// Hidden parts trade with the visible ones, so that each trade fills an order and there are fewer trades than
    /// orders. Both sides pay as makers, and owners may trade with themselves.
    fn uncross<D: Desk>(&mut self, desk: &mut D) -> Result<(), Halt> {
        const GONE: Halt = Halt("an auction has less to trade than it said");
        let Phase::Uncrossing { price, mut lots } = self.phase else { return Ok(()) };
        for _ in 0..self.book.limits.steps {
            if lots == 0 {
                break;
            }
            let bid = self.book.front(Side::Buy).ok_or(GONE)?;
            let ask = self.book.front(Side::Sell).ok_or(GONE)?;
            let traded = lots.min(self.book.order(bid)?.lots()).min(self.book.order(ask)?.lots());
            lots -= traded;
            self.auction_trade(bid, ask, price, traded, desk)?;
        }
        self.phase = Phase::Uncrossing { price, lots };
        if lots == 0 {
            self.window.clear();
            self.window.traded(price, self.now);
            // Only now: what a trigger sets off may end orders that the auction counted.
            self.seen = Some((price, price));
            self.enter_phase(Phase::Trading, desk);
        }
        Ok(())
    }

    fn auction_trade<D: Desk>(
        &mut self,
        bid: u32,
        ask: u32,
        price: Ticks,
        lots: u64,
        desk: &mut D,
    ) -> Result<(), Halt> {
        let (buy, sell) = (*self.book.order(bid)?, *self.book.order(ask)?);
        if buy.price < price || sell.price > price {
            return Err(Halt("an auction would trade beyond a limit"));
        }
        let (base, quote) = (self.worth.base(lots), self.worth.quote(price, lots));
        let buyer = Party {
            id: buy.id,
            owner: buy.owner,
            slots: buy.slots,
            fee: self.worth.fee(base, buy.fees.maker_ppm),
            freed: self.worth.quote(Ticks(buy.price.0 - price.0), lots),
            left: Lots(buy.lots() - lots),
        };
        let seller = Party {
            id: sell.id,
            owner: sell.owner,
            slots: sell.slots,
            fee: self.worth.fee(quote, sell.fees.maker_ppm),
            freed: 0,
            left: Lots(sell.lots() - lots),
        };
        self.trades += 1;
        self.last = Some(price);
        let taker = if buy.id > sell.id { Side::Buy } else { Side::Sell };
        let id = TradeId(self.trades);
        desk.report(Report::Trade(Trade { id, price, lots: Lots(lots), base, quote, taker, buyer, seller }));
        for order in [buy, sell] {
            let other = if order.has(IN_PAIR) { self.part(order.id.slot())? } else { None };
            let left = self.book.consume_whole(order.id.slot(), lots)?;
            if order.side == Side::Buy {
                self.owners.bought(order.owner, lots)?;
            }
            if left == Left::Nothing {
                self.drop(&order)?;
            }
            if let Some(other) = other {
                self.end(other, End::Pair, desk)?;
            }
        }
        Ok(())
    }
}
