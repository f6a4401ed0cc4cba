//! What the commands of trading share: who may trade, with which accounts, and how the book runs.

use exchequer_domain::{Timestamp, UserId};
use exchequer_ledger as ledger;
use exchequer_ledger::{AccountId, Asset, OpenAccount};
use exchequer_matching::{
    Action, By, Command, End, Lots, NewOrder, ORDER_LOTS_MAX, OrderId, Owner, SelfTrade, Side, Slots, Ticks, When,
};
use serde::{Deserialize, Serialize};

use super::money::account_of;
use super::{Entry, Stop};
use crate::markets::{Ask, Bench, ClientOrderId, Deeds, Fill, MarketId, MarketRecord, OrderRecord, OrderStatus};
use crate::rejection::Rejection;
use crate::users::UserStatus;

/// How much the markets may do in one entry, in reports of their books: an order that trades a thousand times makes a
/// thousand. With more, commands are refused until the next entry: what an entry does has to fit into memory, and nothing
/// else is applied meanwhile. Time may take half of it.
pub(crate) const REPORTS_PER_ENTRY: u32 = if cfg!(test) { 2_000 } else { 40_000 };

/// How many orders may be open in all markets together; one takes about 550 bytes of memory on every node.
pub(crate) const OPEN_ORDERS_MAX: usize = if cfg!(test) { 100 } else { 2_000_000 };

/// What a market order that waits may pay beyond its trigger price, in percent.
const SLIPPAGE_PERCENT: u128 = 5;

/// What a user wants of one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderSpec {
    /// Its name; free among the user's open orders of the market.
    pub client_id: ClientOrderId,
    /// Buy or sell.
    pub side: Side,
    /// What it does in the book.
    pub ask: Ask,
    /// What it waits for before.
    pub when: Option<When>,
    /// What happens where it would trade with its owner.
    pub self_trade: SelfTrade,
}

/// Which order of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderRef {
    /// The one with this number.
    Id(OrderId),
    /// The open one with this name.
    Name(ClientOrderId),
}

/// What a command did to the orders that it was about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traded {
    /// Those orders, as they are after it.
    pub orders: Vec<OrderRecord>,
    /// Their trades, of those where they came second.
    pub fills: Vec<Fill>,
}

impl Entry<'_> {
    /// Runs one command of a market's book. What time has done meanwhile stays done where the book refuses.
    pub(super) fn book(
        &mut self,
        market: MarketId,
        command: &Command,
        entering: impl IntoIterator<Item = OrderRecord>,
    ) -> Result<Deeds, Stop> {
        let deeds = self.book_leniently(market, command, entering)?;
        match deeds.refused {
            Some(why) => Err(Rejection::Order { why }.into()),
            None => Ok(deeds),
        }
    }

    /// As [`Entry::book`], but a refusal is one of the deeds.
    pub(super) fn book_leniently(
        &mut self,
        market: MarketId,
        command: &Command,
        entering: impl IntoIterator<Item = OrderRecord>,
    ) -> Result<Deeds, Stop> {
        self.check_busy()?;
        self.book_in_any_case(market, command, entering)
    }

    /// Whether this entry may still ask anything of the books.
    pub(super) fn check_busy(&self) -> Result<(), Rejection> {
        if self.reports >= REPORTS_PER_ENTRY { Err(Rejection::MarketsBusy) } else { Ok(()) }
    }

    /// As [`Entry::book_leniently`], for the later steps of a command that must not end half-way.
    pub(super) fn book_in_any_case(
        &mut self,
        market: MarketId,
        command: &Command,
        entering: impl IntoIterator<Item = OrderRecord>,
    ) -> Result<Deeds, Stop> {
        let bench =
            Bench { ledger: &mut self.ledger, changes: &mut self.changes, events: &mut self.events, now: self.now };
        let deeds = self.state.markets.run(market, command, entering, bench)?;
        self.reports = self.reports.saturating_add(deeds.reports);
        Ok(deeds)
    }

    /// Lets time do its work in the markets: deadlines, switches, auctions that end, and what a command left.
    pub(crate) fn pass_time_in_markets(&mut self) -> Result<(), Stop> {
        for market in self.state.markets.due(self.now) {
            // What is left is still due in the next entry.
            if self.reports >= REPORTS_PER_ENTRY / 2 {
                break;
            }
            self.book(market, &Command::Tick, [])?;
        }
        Ok(())
    }

    /// The fee tier of a user who may trade.
    pub(super) fn trader(&self, user: UserId) -> Result<u8, Rejection> {
        let known = self.state.users.known(user)?;
        match known.status {
            UserStatus::Active => Ok(known.fee_tier),
            UserStatus::Frozen => Err(Rejection::UserFrozen { user }),
        }
    }

    /// A market's record.
    pub(super) fn market(&self, id: MarketId) -> Result<&MarketRecord, Rejection> {
        self.state.markets.record(id).ok_or(Rejection::MarketUnknown)
    }

    /// The number of a user's open order.
    pub(super) fn open_order(&self, user: UserId, market: MarketId, order: OrderRef) -> Result<OrderId, Rejection> {
        self.market(market)?;
        let markets = &self.state.markets;
        let found = match order {
            OrderRef::Id(id) => markets.open_order(market, id),
            OrderRef::Name(name) => markets.open_order_named(user, market, name),
        };
        let found = found.filter(|order| order.user == user);
        found.map(|order| order.id).ok_or(Rejection::Order { why: exchequer_matching::Rejection::UnknownOrder })
    }

    /// The order as the book is asked for it, and its record.
    pub(super) fn new_order(
        &mut self,
        user: UserId,
        market: MarketId,
        spec: &OrderSpec,
    ) -> Result<(NewOrder, OrderRecord), Stop> {
        let tier = self.trader(user)?;
        let record = self.market(market)?;
        let (base, quote, fees, per_lot) = (record.base, record.quote, record.fees(tier), record.base_per_lot);
        if self.state.markets.open_order_named(user, market, spec.client_id).is_some() {
            return Err(Rejection::ClientOrderIdUsed.into());
        }
        if self.state.markets.open_count() >= OPEN_ORDERS_MAX {
            return Err(Rejection::OpenOrdersFull.into());
        }
        let owner =
            u32::try_from(user.0).map_err(|_| Rejection::Order { why: exchequer_matching::Rejection::Owner })?;
        let slots = self.slots(user, base, quote, spec.side)?;
        let action = self.action(market, spec, slots)?;
        let has = self.account(slots.base)?.sums.balance(ledger::Side::Credit) / u128::from(per_lot);
        let new = NewOrder {
            owner: Owner(owner),
            slots,
            tag: 0,
            side: spec.side,
            fees,
            self_trade: spec.self_trade,
            position: Lots(u64::try_from(has).unwrap_or(u64::MAX)),
            when: spec.when,
            action,
        };
        Ok((new, record_of(user, market, spec, self.now)))
    }

    /// The accounts that an order moves. The one that it pays from must exist; the other one is opened.
    fn slots(&mut self, user: UserId, base: Asset, quote: Asset, side: Side) -> Result<Slots, Stop> {
        let (pays, receives) = match side {
            Side::Buy => (quote, base),
            Side::Sell => (base, quote),
        };
        let pays = self.ledger.ledger().find(&account_of(user, pays).key).ok_or(FUNDS)?;
        let receives = self.open_account(account_of(user, receives))?;
        Ok(match side {
            Side::Buy => Slots { base: receives.0, quote: pays.0 },
            Side::Sell => Slots { base: pays.0, quote: receives.0 },
        })
    }

    /// Opens an account, or finds it.
    pub(super) fn open_account(&mut self, account: OpenAccount) -> Result<AccountId, Stop> {
        if let Some(account) = self.ledger.ledger().find(&account.key) {
            return Ok(account);
        }
        match self.ledger.run_open(&account)? {
            ledger::Outcome::Done(
                ledger::Done::AccountOpened { account } | ledger::Done::AccountExists { account },
            ) => Ok(account),
            ledger::Outcome::Rejected(why) => Err(Rejection::Ledger(why).into()),
            ledger::Outcome::Done(_) => Err(crate::Halt::Invariant("an account opens as an account".into()).into()),
        }
    }

    fn account(&self, account: u32) -> Result<ledger::Account, Stop> {
        let account = self.ledger.ledger().account(AccountId(account));
        account.ok_or_else(|| crate::Halt::Invariant("an account that was found exists".into()).into())
    }

    /// What the order does in the book; a market order is bounded by what its owner has.
    fn action(&self, market: MarketId, spec: &OrderSpec, slots: Slots) -> Result<Action, Stop> {
        let record = self.market(market)?;
        let action = |lots, quote, by| Action::Market { lots: Lots(lots), quote, by, fill_or_kill: false };
        let (by, quantity) = match spec.ask {
            Ask::Limit { price, lots, life } => return Ok(Action::Limit { price, lots, life }),
            Ask::Market { by, quantity } => (by, quantity),
        };
        let lots = u64::try_from(quantity).unwrap_or(u64::MAX);
        Ok(match (by, spec.side) {
            (By::Lots, Side::Sell) => action(lots, u128::MAX, by),
            (By::Lots, Side::Buy) => {
                let most = match spec.when {
                    None => self.account(slots.quote)?.available(),
                    Some(when) => {
                        let trigger = self.trigger(market, when);
                        // At most 2^120 times 105: fits.
                        record.notional(trigger.0, lots.min(ORDER_LOTS_MAX)) * (100 + SLIPPAGE_PERCENT) / 100
                    }
                };
                if most == 0 {
                    return Err(FUNDS.into());
                }
                action(lots, most, by)
            }
            (By::Quote, Side::Buy) => action(ORDER_LOTS_MAX, quantity, by),
            (By::Quote, Side::Sell) => {
                let has = self.account(slots.base)?.available() / u128::from(record.base_per_lot);
                if has == 0 {
                    return Err(FUNDS.into());
                }
                // One that waits keeps back no more than it is expected to sell.
                let most = spec.when.map_or(u128::MAX, |when| {
                    let lot = record.notional(self.trigger(market, when).0, 1).max(1);
                    (quantity / lot).saturating_mul(100 + SLIPPAGE_PERCENT) / 100 + 1
                });
                let has = has.min(most);
                action(u64::try_from(has).unwrap_or(u64::MAX).min(ORDER_LOTS_MAX), quantity, by)
            }
        })
    }

    /// The price at which an order that waits is expected to begin.
    fn trigger(&self, market: MarketId, when: When) -> Ticks {
        let last = self.state.markets.market(market).and_then(exchequer_matching::Market::measure).unwrap_or_default();
        match when {
            When::StopLoss(at) | When::TakeProfit(at) => at,
            When::Trailing(offset) => Ticks(last.0.saturating_add(offset.0)),
        }
    }

    /// The orders that a command entered or ended, as they are now.
    pub(super) fn traded(&self, market: MarketId, deeds: Deeds) -> Traded {
        let Deeds { accepted, amended, over, fills, .. } = deeds;
        let mut orders: Vec<OrderRecord> = Vec::new();
        for id in accepted.into_iter().chain(amended) {
            let ended = over.iter().find(|order| order.id == id);
            let now = ended.or_else(|| self.state.markets.open_order(market, id));
            orders.extend(now.filter(|now| orders.iter().all(|order| order.id != now.id)).copied());
        }
        Traded { orders, fills }
    }
}

/// The number of an order that was not accepted yet; no order has it.
const NOT_YET: OrderId = OrderId(0);

const FUNDS: Rejection = Rejection::Order { why: exchequer_matching::Rejection::Funds };

/// The orders that a user ended by asking for it; time may have ended others in the same step.
pub(super) fn cancelled(deeds: Deeds, user: UserId) -> Traded {
    let asked = |order: &OrderRecord| {
        let why = [End::Cancelled, End::CancelledAll, End::Pair].map(OrderStatus::Ended);
        order.user == user && why.contains(&order.status)
    };
    Traded { orders: deeds.over.into_iter().filter(asked).collect(), fills: Vec::new() }
}

/// A record for an order that was not accepted yet.
fn record_of(user: UserId, market: MarketId, spec: &OrderSpec, now: Timestamp) -> OrderRecord {
    OrderRecord {
        market,
        id: NOT_YET,
        user,
        client_id: spec.client_id,
        partner: None,
        side: spec.side,
        ask: spec.ask,
        when: spec.when,
        self_trade: spec.self_trade,
        executed: Lots(0),
        prevented: Lots(0),
        quote: 0,
        status: if spec.when.is_some() { OrderStatus::Waiting } else { OrderStatus::Open },
        created: now,
        updated: now,
    }
}
