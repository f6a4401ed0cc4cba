//! The clerk: whatever a market reports is done to balances, order records and rows in the same moment.
//!
//! An order's money is reserved when it is accepted; a trade gives back what it needs and posts what it moves as one
//! transfer of up to four legs: what each side pays, and the fee out of what each side receives. Nothing here can be
//! refused any more: a posting that does not fit means that matching and ledger disagree, and the node stops.

use exchequer_domain::Timestamp;
use exchequer_ledger as ledger;
use exchequer_ledger::{AccountId, Cause, Leg, Reason};
use exchequer_market_data::Tape;
use exchequer_matching::{Desk, Hold, Lots, OrderId, Party, Rejection, Report, Side, Slots, Trade, TradeId};

use super::order::{Ask, Fill, OrderRecord, OrderStatus};
use super::trade::{self, TradeRecord};
use super::{client_key, history_key, tape};
use crate::codec;
use crate::event::{Event, OrderStep};
use crate::halt::Halt;
use crate::rows::{Change, Edit, Family};

/// What one command did to orders.
#[derive(Debug, Default)]
pub(crate) struct Deeds {
    /// The orders that the command entered, in order.
    pub(crate) accepted: Vec<OrderId>,
    /// Orders that are over, as they ended.
    pub(crate) over: Vec<OrderRecord>,
    /// Orders that were amended.
    pub(crate) amended: Vec<OrderId>,
    /// The trades of the orders that the command entered or amended.
    pub(crate) fills: Vec<Fill>,
    /// Why the market refused the command.
    pub(crate) refused: Option<Rejection>,
    /// How much there was to do.
    pub(crate) reports: u32,
}

/// Does what a market reports.
pub(crate) struct Clerk<'a, 'l> {
    pub(crate) ledger: &'a mut ledger::Entry<'l>,
    pub(crate) parts: Parts<'a>,
    pub(crate) changes: &'a mut Vec<Change>,
    pub(crate) events: &'a mut Vec<Event>,
    pub(crate) now: Timestamp,
    /// The orders that the command enters, in the order in which the market will accept them.
    pub(crate) entering: std::collections::VecDeque<OrderRecord>,
    /// Orders that are over and still among the open ones.
    pub(crate) ended: Vec<OrderId>,
    /// Those of them that turned out to be filled only after their last trade.
    pub(crate) spent: Vec<OrderId>,
    pub(crate) deeds: Deeds,
    pub(crate) halt: Option<Halt>,
}

/// What the clerk needs of a live market beside the market itself.
pub(crate) struct Parts<'a> {
    pub(crate) record: &'a super::MarketRecord,
    pub(crate) orders: &'a mut super::orders::Orders,
    pub(crate) tape: &'a mut Tape,
    pub(crate) fees: Slots,
    pub(crate) earned: &'a mut super::live::Earned,
}

const UNKNOWN: &str = "the market reports an order that it never accepted";

fn invariant(text: &str) -> Halt {
    Halt::Invariant(text.to_owned())
}

impl Desk for Clerk<'_, '_> {
    fn hold(&mut self, hold: &Hold) -> bool {
        let account = paying(hold.side, hold.slots);
        match self.ledger.reserve(account, hold.amount) {
            Ok(enough) => enough,
            Err(halt) => {
                self.halt = Some(halt.into());
                false
            }
        }
    }

    fn report(&mut self, report: Report) {
        if self.halt.is_none()
            && let Err(halt) = self.take(report)
        {
            self.halt = Some(halt);
        }
    }
}

/// The account that an order of this side pays from.
pub(crate) const fn paying(side: Side, slots: Slots) -> AccountId {
    match side {
        Side::Buy => AccountId(slots.quote),
        Side::Sell => AccountId(slots.base),
    }
}

impl Clerk<'_, '_> {
    fn take(&mut self, report: Report) -> Result<(), Halt> {
        self.deeds.reports += 1;
        match report {
            Report::Accepted { id, .. } => self.accepted(id),
            Report::Rejected { why, .. } => {
                self.deeds.refused = Some(why);
                Ok(())
            }
            Report::Trade(trade) => self.trade(&trade),
            Report::Ended { id, slots, side, freed, why, .. } => {
                self.free(side, slots, freed)?;
                let now = self.now;
                let order = self.order(id)?;
                let was_open = order.status.is_open();
                order.end(why, now);
                if was_open && order.status == OrderStatus::Filled {
                    self.spent.push(id);
                }
                self.over(id);
                Ok(())
            }
            Report::Reduced { id, slots, side, by, left, freed, .. } => {
                self.free(side, slots, freed)?;
                let now = self.now;
                let order = self.order(id)?;
                order.prevented = Lots(order.prevented.0.saturating_add(by.0));
                order.updated = now;
                if left == Lots(0) {
                    order.end(exchequer_matching::End::SelfTrade, now);
                    self.over(id);
                    return Ok(());
                }
                let record = *order;
                self.tell(record, OrderStep::Reduced);
                Ok(())
            }
            Report::Amended { id, slots, side, price, lots, freed, .. } => {
                self.free(side, slots, freed)?;
                let now = self.now;
                let order = self.order(id)?;
                let whole = lots.0.saturating_add(order.executed.0).saturating_add(order.prevented.0);
                if let Ask::Limit { price: limit, lots, .. } = &mut order.ask {
                    (*limit, *lots) = (price, Lots(whole));
                }
                order.updated = now;
                let record = *order;
                self.deeds.amended.push(id);
                self.tell(record, OrderStep::Amended);
                Ok(())
            }
            Report::Triggered { id, .. } => {
                let now = self.now;
                let order = self.order(id)?;
                (order.status, order.updated) = (OrderStatus::Open, now);
                let record = *order;
                self.tell(record, OrderStep::Triggered);
                Ok(())
            }
            Report::Phase(phase) => {
                self.events.push(Event::Phase { market: self.parts.record.id, phase });
                Ok(())
            }
        }
    }

    fn accepted(&mut self, id: OrderId) -> Result<(), Halt> {
        let mut order = self.entering.pop_front().ok_or_else(|| invariant("the market accepts what nobody entered"))?;
        order.id = id;
        // The first leg of a pair learns the number of the second, and the second that of the first.
        if let Some(first) = self.deeds.accepted.first().copied() {
            order.partner = Some(first);
            self.order(first)?.partner = Some(id);
            // Whoever is told of the first one knows it then as what it is.
            let entered = self.events.iter_mut().rev().find_map(|event| match event {
                Event::Order { record, step: OrderStep::Entered } if record.id == first => Some(record),
                _ => None,
            });
            if let Some(record) = entered {
                record.partner = Some(id);
            }
        }
        let name = codec::encode(&(order.market, id));
        let key = client_key(order.user, order.client_id);
        self.changes.push(Change { family: Family::Ids, key, edit: Edit::Put(name) });
        self.parts.orders.insert(order);
        self.deeds.accepted.push(id);
        self.tell(order, OrderStep::Entered);
        Ok(())
    }

    fn tell(&mut self, record: OrderRecord, step: OrderStep) {
        self.events.push(Event::Order { record: Box::new(record), step });
    }

    /// An order that changes now. One that is over stays known until the command has ended.
    fn order(&mut self, id: OrderId) -> Result<&mut OrderRecord, Halt> {
        self.parts.orders.change(id).ok_or_else(|| invariant(UNKNOWN))
    }

    fn over(&mut self, id: OrderId) {
        self.ended.push(id);
    }

    fn free(&mut self, side: Side, slots: Slots, amount: u128) -> Result<(), Halt> {
        if amount > 0 {
            self.ledger.unreserve(paying(side, slots), amount)?;
        }
        Ok(())
    }

    fn trade(&mut self, trade: &Trade) -> Result<(), Halt> {
        let (buyer, seller) = (&trade.buyer, &trade.seller);
        self.free(Side::Buy, buyer.slots, trade.quote.saturating_add(buyer.freed))?;
        self.free(Side::Sell, seller.slots, trade.base.saturating_add(seller.freed))?;
        self.settle(trade)?;

        let record = TradeRecord::of(trade, self.now);
        let market = self.parts.record.id;
        let row = codec::encode(&record);
        self.changes.push(Change { family: Family::History, key: trade::key(market, trade.id), edit: Edit::Put(row) });
        for (side, party) in [(Side::Buy, buyer), (Side::Sell, seller)] {
            self.traded(trade, side, party)?;
        }
        tape::push(self.parts.tape, market, trade.id, &record, self.changes)?;
        self.events.push(Event::Trade { market, id: trade.id, record: Box::new(record) });
        Ok(())
    }

    /// Posts what a trade moves.
    fn settle(&mut self, trade: &Trade) -> Result<(), Halt> {
        let (buyer, seller, fees) = (&trade.buyer, &trade.seller, self.parts.fees);
        let less = || invariant("a fee is less than what it is taken from");
        let to_seller = trade.quote.checked_sub(seller.fee).ok_or_else(less)?;
        let to_buyer = trade.base.checked_sub(buyer.fee).ok_or_else(less)?;
        let legs = [
            (buyer.slots.quote, seller.slots.quote, to_seller),
            (buyer.slots.quote, fees.quote, seller.fee),
            (seller.slots.base, buyer.slots.base, to_buyer),
            (seller.slots.base, fees.base, buyer.fee),
        ];
        // Where an owner trades with itself, only the fees move.
        let moving = legs.into_iter().filter(|(debit, credit, amount)| *amount > 0 && debit != credit);
        let legs: Vec<Leg> = moving
            .map(|(debit, credit, amount)| Leg::Post { debit: AccountId(debit), credit: AccountId(credit), amount })
            .collect();
        if legs.is_empty() {
            return Ok(());
        }
        let cause = Cause { reason: Reason::Trade, actor: ledger::Actor::System, reference: self.reference(trade.id) };
        self.ledger.post_own(legs.into(), cause)?;
        if buyer.fee > 0 || seller.fee > 0 {
            let earned = &mut *self.parts.earned;
            earned.base = earned.base.saturating_add(buyer.fee);
            earned.quote = earned.quote.saturating_add(seller.fee);
            earned.moved = true;
        }
        Ok(())
    }

    /// Names the trade in its postings: the market's number, then the trade's.
    fn reference(&self, trade: TradeId) -> [u8; 32] {
        let mut reference = [0; 32];
        reference[20..24].copy_from_slice(&self.parts.record.id.0.to_be_bytes());
        reference[24..].copy_from_slice(&trade.0.to_be_bytes());
        reference
    }

    /// One side of a trade: its order, and the way from its owner to the trade.
    fn traded(&mut self, trade: &Trade, side: Side, party: &Party) -> Result<(), Halt> {
        let now = self.now;
        let order = self.order(party.id)?;
        order.traded(trade.lots, trade.quote, party.left, now);
        let (user, record) = (order.user, *order);
        if party.left == Lots(0) {
            self.over(party.id);
        }
        let key = trade::user_key(user, self.parts.record.id, trade.id, side);
        let taker = trade.taker == side;
        let row = codec::encode(&(party.id, side, taker));
        self.changes.push(Change { family: Family::History, key, edit: Edit::Put(row) });
        let fill = Fill { trade: trade.id, price: trade.price, lots: trade.lots, fee: party.fee };
        if taker && (self.deeds.accepted.contains(&party.id) || self.deeds.amended.contains(&party.id)) {
            self.deeds.fills.push(fill);
        }
        self.tell(record, OrderStep::Traded { fill, taker });
        Ok(())
    }

    /// Ends the command: orders that are over become history.
    pub(crate) fn finish(mut self) -> Result<Deeds, Halt> {
        if let Some(halt) = self.halt {
            return Err(halt);
        }
        for id in std::mem::take(&mut self.ended) {
            // One that was filled is told to be over once more where something that was kept back is free again.
            let Some(record) = self.parts.orders.remove(id) else { continue };
            let (key, row) = (history_key(record.user, record.market, id), codec::encode(&record));
            self.changes.push(Change { family: Family::History, key, edit: Edit::Put(row) });
            if record.status != OrderStatus::Filled || self.spent.contains(&id) {
                self.tell(record, OrderStep::Ended);
            }
            self.deeds.over.push(record);
        }
        Ok(self.deeds)
    }
}
