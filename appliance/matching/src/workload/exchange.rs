//! The whole market under the workload: reservations, fees, filters and the check for self-trades around the book.

use exchequer_domain::Timestamp;

use super::{Ask, Line, Message, TOUCHED_MAX};
use crate::command::{Action, Command, Life, NewOrder};
use crate::fees::{Rounding, Worth};
use crate::filters::Filters;
use crate::halt::Halt;
use crate::market::Market;
use crate::phase::PhaseChange;
use crate::rejection::Rejection;
use crate::reports::{Desk, End, Hold, Report};
use crate::rows::RowKey;
use crate::units::{Fees, Lots, OrderId, Owner, SelfTrade, Side, Slots, Ticks};

/// What every balance starts with, in minor units.
const START: u128 = 1 << 100;

/// A balance: what is free, and what is held.
#[derive(Debug, Clone, Copy)]
struct Balance {
    free: u128,
    held: u128,
}

/// The balances of the workload's users, and the reports of the present message as lines.
#[derive(Debug)]
struct Balances {
    of: Vec<Balance>,
    fees: [u128; 2],
    lines: Vec<(OrderId, Line)>,
    accepted: OrderId,
    short: bool,
}

impl Balances {
    fn change(&mut self, slot: u32, free: u128, from_held: u128) {
        match self.of.get_mut(slot as usize) {
            Some(balance) if balance.held >= from_held => {
                balance.free += free;
                balance.held -= from_held;
            }
            Some(_) | None => self.short = true,
        }
    }

    fn slot(side: Side, slots: Slots) -> u32 {
        match side {
            Side::Buy => slots.quote,
            Side::Sell => slots.base,
        }
    }
}

impl Desk for Balances {
    #[inline]
    fn hold(&mut self, hold: &Hold) -> bool {
        match self.of.get_mut(Balances::slot(hold.side, hold.slots) as usize) {
            Some(balance) if balance.free >= hold.amount => {
                balance.free -= hold.amount;
                balance.held += hold.amount;
                true
            }
            Some(_) | None => false,
        }
    }

    #[inline]
    fn report(&mut self, report: Report) {
        match report {
            Report::Accepted { id, .. } => {
                self.accepted = id;
                self.lines.push((id, Line::Accepted));
            }
            Report::Trade(trade) => {
                let (buyer, seller) = (&trade.buyer, &trade.seller);
                self.change(buyer.slots.quote, buyer.freed, buyer.freed + trade.quote);
                self.change(buyer.slots.base, trade.base - buyer.fee, 0);
                self.change(seller.slots.base, seller.freed, seller.freed + trade.base);
                self.change(seller.slots.quote, trade.quote - seller.fee, 0);
                self.fees[0] += buyer.fee;
                self.fees[1] += seller.fee;
                let maker = if trade.taker == Side::Buy { seller } else { buyer };
                let filled = maker.left.0 == 0;
                let (price, lots) = (trade.price.0, trade.lots.0);
                self.lines.push((maker.id, Line::Trade { price, lots, maker: 0, filled }));
            }
            Report::Ended { id, slots, side, freed, why, .. } => {
                self.change(Balances::slot(side, slots), freed, freed);
                if why != End::Completed {
                    self.lines.push((id, Line::Cancelled { price: 0 }));
                }
            }
            Report::Amended { id, slots, side, freed, .. } => {
                self.change(Balances::slot(side, slots), freed, freed);
                self.lines.push((id, Line::Modified));
            }
            Report::Reduced { slots, side, freed, .. } => {
                self.change(Balances::slot(side, slots), freed, freed);
            }
            Report::Rejected { why: Rejection::UnknownOrder, .. } => {
                self.lines.push((OrderId(0), Line::CancelRejected));
            }
            Report::Rejected { .. } | Report::Triggered { .. } | Report::Phase(_) => self.short = true,
        }
    }
}

/// A market with the balances of its users, and the way from the workload's numbers to its orders.
#[derive(Debug)]
pub struct Exchange {
    market: Market,
    balances: Balances,
    ids: Vec<(OrderId, u64)>,
    /// The workload's number of the order in each place of the market.
    numbers: Vec<u64>,
}

impl Exchange {
    /// A market that is open, with funds for `users` users and room for `orders` ids.
    ///
    /// # Errors
    /// The market is inconsistent.
    pub fn new(users: u64, orders: usize) -> Result<Exchange, Halt> {
        let worth = Worth { base_per_lot: 1_000, quote_per_tick: 10, rounding: Rounding::Up };
        let mut exchange = Exchange {
            market: Market::new(worth, Filters::default()),
            balances: Balances {
                of: vec![Balance { free: START, held: 0 }; 2 * (users as usize + 1)],
                fees: [0; 2],
                lines: Vec::new(),
                accepted: OrderId(0),
                short: false,
            },
            ids: Vec::with_capacity(orders),
            numbers: Vec::new(),
        };
        let open = Command::SetPhase(PhaseChange::Trading);
        exchange.market.apply(Timestamp(0), &open, &mut exchange.balances)?;
        exchange.balances.short = false;
        Ok(exchange)
    }

    /// The market.
    #[must_use]
    pub fn market(&self) -> &Market {
        &self.market
    }

    /// Gives the rows that changed since the last call, as [`Market::drain`].
    ///
    /// # Errors
    /// The market is inconsistent.
    pub fn drain(&mut self, take: impl FnMut(RowKey, Option<Vec<u8>>)) -> Result<(), Halt> {
        self.market.drain(take)
    }

    /// Whether no unit of either asset came or went, and nothing that a balance does not have was ever moved.
    #[must_use]
    pub fn balanced(&self) -> bool {
        let sum = |odd: usize| -> u128 {
            self.balances.of.iter().skip(odd).step_by(2).map(|balance| balance.free + balance.held).sum()
        };
        let whole = self.balances.of.len() as u128 / 2 * START;
        !self.balances.short && [0, 1].into_iter().all(|asset| sum(asset) + self.balances.fees[asset] == whole)
    }

    /// Whether a modification would leave an order its place, which the workload never does: it goes to the end. And
    /// what is left of the order.
    fn stands(&self, id: OrderId, message: &Message) -> (bool, u64) {
        let book = &self.market.book;
        let order = book.find(id).filter(|_| message.ask == Ask::Modify).and_then(|slot| book.order(slot).ok());
        let left = order.map_or(0, |order| order.open);
        (order.is_some_and(|order| order.price.0 == message.price && u64::from(message.lots) <= left), left)
    }

    /// Applies one message and tells what came of it.
    ///
    /// # Errors
    /// The market is inconsistent.
    #[inline]
    pub fn apply(&mut self, now: Timestamp, message: &Message, tell: &mut impl FnMut(Line)) -> Result<(), Halt> {
        let owner = Owner(message.user as u32);
        let (id, resting_price) = self.ids.get(message.order as usize).copied().unwrap_or((OrderId(0), message.price));
        let (stands, left) = self.stands(id, message);
        let command = match message.ask {
            Ask::New { immediate } => Command::New(order(message, immediate)),
            Ask::Cancel => Command::Cancel { owner, id },
            Ask::Modify if stands => Command::Replace { id, new: order(message, false) },
            Ask::Modify => {
                let (price, lots) = (Ticks(message.price), Lots(u64::from(message.lots)));
                Command::Amend { owner, id, price, lots, seen: Lots(left) }
            }
        };
        self.balances.lines.clear();
        if self.market.book.touched().len() >= TOUCHED_MAX {
            self.market.settled()?;
        }
        self.market.apply(now, &command, &mut self.balances)?;
        let at = message.order as usize;
        if matches!(message.ask, Ask::New { .. }) {
            if at >= self.ids.len() {
                self.ids.resize(at + 1, (OrderId(0), 0));
            }
            let id = self.balances.accepted;
            let place = id.slot() as usize;
            if place >= self.numbers.len() {
                self.numbers.resize(place + 1, 0);
            }
        }
        for (id, line) in &self.balances.lines {
            tell(match *line {
                Line::Trade { price, lots, filled, .. } => {
                    let maker = self.numbers.get(id.slot() as usize).copied().unwrap_or(0);
                    Line::Trade { price, lots, maker, filled }
                }
                Line::CancelRejected if message.ask == Ask::Modify => Line::ModifyRejected,
                Line::Cancelled { .. } if stands => continue,
                Line::Accepted if stands => Line::Modified,
                Line::Cancelled { .. } if message.ask == Ask::Cancel => Line::Cancelled { price: resting_price },
                Line::Cancelled { .. } => Line::Cancelled { price: message.price },
                other => other,
            });
        }
        if message.ask != Ask::Cancel {
            let id = if message.ask == Ask::Modify && !stands { id } else { self.balances.accepted };
            if let Some(entry) = self.ids.get_mut(at) {
                *entry = (id, message.price);
            }
            if self.market.book().find(id).is_some()
                && let Some(number) = self.numbers.get_mut(id.slot() as usize)
            {
                *number = message.order;
            }
        }
        Ok(())
    }
}

fn order(message: &Message, immediate: bool) -> NewOrder {
    let owner = Owner(message.user as u32);
    let rest = Life::Rest { until: None, peak: None, post_only: false };
    NewOrder {
        owner,
        slots: Slots { base: 2 * owner.0, quote: 2 * owner.0 + 1 },
        tag: message.order,
        side: message.side,
        fees: Fees { maker_ppm: 1_000, taker_ppm: 2_000 },
        self_trade: SelfTrade::Allow,
        position: Lots(0),
        when: None,
        action: Action::Limit {
            price: Ticks(message.price),
            lots: Lots(u64::from(message.lots)),
            life: if immediate { Life::Immediate } else { rest },
        },
    }
}
