//! What a trader does next, and what it knows of what it did.
//!
//! Every trader has its own seeded stream of messages. Where it has fewer than [`RESTING_MAX`] orders that rest, one in
//! [`CROSSING_ONE_IN`] of its orders crosses the spread and ends at once with what it got, and the others rest one to
//! [`DEPTH_TICKS`] ticks away from the mid on either side; where it has as many, it cancels the oldest. It does not hear of
//! trades with its resting orders, so that some of its cancels come too late, as in life. The mid is the same for all
//! traders and moves by one tick every [`MID_LASTS`] messages, so that some of what rests is crossed by what comes to
//! rest later.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use exchequer_domain::UserId;
use exchequer_state::markets::{Ask, ClientOrderId, MarketId};
use exchequer_state::matching::{Life, Lots, SelfTrade, Side, Ticks};
use exchequer_state::{Body, CancelOrder, OrderRef, OrderSpec, PlaceOrder};
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

/// A trader with as many orders that rest cancels one.
const RESTING_MAX: usize = 20;
/// One order in so many crosses the spread.
const CROSSING_ONE_IN: u32 = 5;
/// How far from the mid orders rest, at most.
const DEPTH_TICKS: u64 = 20;
/// How far beyond the mid an order that crosses may trade.
const REACH_TICKS: u64 = 5;
/// The largest quantity; the smallest is one lot.
const LOTS_MAX: u64 = 20;
/// Messages of all traders of a market between two moves of the mid.
const MID_LASTS: u64 = 64;
/// Where the mid begins, and what it keeps above.
const MID_START: u64 = 50_000;
const MID_LEAST: u64 = 40_000;
const MID_STEPS: usize = 65_536;

/// Where the middle of a market is, for all its traders alike.
pub(super) struct Mid {
    messages: AtomicU64,
    path: Vec<u64>,
}

impl Mid {
    /// A walk of ticks, up or down at random.
    pub(super) fn new(seed: u64) -> Mid {
        let mut random = SmallRng::seed_from_u64(seed);
        let mut at = MID_START;
        let path = (0..MID_STEPS).map(|_| {
            at = if at <= MID_LEAST || random.random_range(0..2) == 0 { at + 1 } else { at - 1 };
            at
        });
        Mid { messages: AtomicU64::new(0), path: path.collect() }
    }

    fn next(&self) -> u64 {
        let step = self.messages.fetch_add(1, Ordering::Relaxed) / MID_LASTS;
        self.path.get(step as usize % MID_STEPS).copied().unwrap_or(MID_START)
    }
}

/// What is known of an order that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// No answer came, or not yet.
    Unknown,
    /// It was acknowledged.
    Acknowledged,
    /// It was refused, and must not be there.
    Refused,
}

/// A message of a trader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// The order that it is about.
    pub(super) number: usize,
    /// Whether it ends the order; otherwise it enters it.
    pub(super) cancels: bool,
    /// The command that says it.
    pub(super) body: Body,
}

/// One trader.
pub(super) struct Trader {
    pub(super) user: UserId,
    pub(super) market: MarketId,
    mid: Arc<Mid>,
    random: SmallRng,
    /// Begins the names of all its orders.
    prefix: String,
    /// By the order's number.
    pub(super) fates: Vec<Fate>,
    /// Orders that rested when they were last heard of, oldest first.
    resting: VecDeque<usize>,
}

impl Trader {
    pub(super) fn new(user: UserId, market: MarketId, mid: Arc<Mid>, seed: u64, prefix: &str) -> Trader {
        // Neighbouring seeds would give neighbouring streams with some generators; this one mixes them.
        let random = SmallRng::seed_from_u64(seed ^ user.0 << 32);
        Trader { user, market, mid, random, prefix: prefix.to_owned(), fates: Vec::new(), resting: VecDeque::new() }
    }

    /// The next message; an order of it counts as unknown until its answer is heard. None where names have run out.
    pub(super) fn next(&mut self) -> Option<Message> {
        let (user, market, mid) = (self.user, self.market, self.mid.next());
        if self.resting.len() >= RESTING_MAX
            && let Some(oldest) = self.resting.pop_front()
        {
            let order = OrderRef::Name(self.name(oldest)?);
            let body = Body::CancelOrder(CancelOrder { user, market, order });
            return Some(Message { number: oldest, cancels: true, body });
        }
        let number = self.fates.len();
        let buys = self.random.random_range(0..2) == 0;
        let crosses = self.random.random_range(0..CROSSING_ONE_IN) == 0;
        let (away, life) = if crosses {
            (REACH_TICKS, Life::Immediate)
        } else {
            let away = self.random.random_range(1..=DEPTH_TICKS);
            (away, Life::Rest { until: None, peak: None, post_only: false })
        };
        let price = Ticks(if buys == crosses { mid + away } else { mid - away });
        let lots = Lots(self.random.random_range(1..=LOTS_MAX));
        let order = OrderSpec {
            client_id: self.name(number)?,
            side: if buys { Side::Buy } else { Side::Sell },
            ask: Ask::Limit { price, lots, life },
            when: None,
            self_trade: SelfTrade::ExpireTaker,
        };
        self.fates.push(Fate::Unknown);
        let body = Body::PlaceOrder(Box::new(PlaceOrder { user, market, order }));
        Some(Message { number, cancels: false, body })
    }

    /// What became of an order; `rests` where it was open after its command.
    pub(super) fn heard(&mut self, number: usize, fate: Fate, rests: bool) {
        if let Some(known) = self.fates.get_mut(number) {
            *known = fate;
        }
        if rests {
            self.resting.push_back(number);
        }
    }

    fn name(&self, number: usize) -> Option<ClientOrderId> {
        ClientOrderId::new(&format!("{}{number}", self.prefix))
    }

    /// What its orders' names begin with; the number follows.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trader(seed: u64) -> Trader {
        Trader::new(UserId(7), MarketId(1), Arc::new(Mid::new(seed)), seed, "b-")
    }

    /// Goal: the same seed gives the same messages, another one others. Method: a thousand of each, every order that may
    /// rest said to rest.
    #[test]
    fn messages_follow_from_the_seed() {
        let messages = |seed| {
            let mut trader = trader(seed);
            let next = |_| {
                let message = trader.next().unwrap();
                if !message.cancels {
                    trader.heard(message.number, Fate::Acknowledged, rests(&message));
                }
                message
            };
            (0..1_000).map(next).collect::<Vec<_>>()
        };
        assert_eq!(messages(3), messages(3));
        assert!(messages(3) != messages(4));
        let found = messages(3);
        let (cancels, placed): (Vec<_>, Vec<_>) = found.iter().partition(|message| message.cancels);
        let crossing = placed.iter().filter(|message| !rests(message)).count();
        assert!((300..500).contains(&cancels.len()), "{} cancels", cancels.len());
        assert!((80..160).contains(&crossing), "{crossing} of {} cross", placed.len());
    }

    fn rests(message: &Message) -> bool {
        let Body::PlaceOrder(place) = &message.body else { return false };
        matches!(place.order.ask, Ask::Limit { life: Life::Rest { .. }, .. })
    }

    /// Goal: a trader keeps a bounded number of orders, and cancels the oldest first. Method: all orders rest.
    #[test]
    fn the_oldest_is_cancelled_first() {
        let mut trader = trader(1);
        let mut cancelled = Vec::new();
        for _ in 0..200 {
            let message = trader.next().unwrap();
            if message.cancels {
                cancelled.push(message.number);
            } else {
                trader.heard(message.number, Fate::Acknowledged, true);
            }
            assert!(trader.resting.len() <= RESTING_MAX);
        }
        assert_eq!(cancelled, (0..cancelled.len()).collect::<Vec<_>>());
        assert!(cancelled.len() > 50);
    }
}
