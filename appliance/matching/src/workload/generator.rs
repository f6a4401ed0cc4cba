//! The generator of the workload. It runs the book itself, because each message depends on what rests.

use super::plain::{Line, Plain};
use super::{Ask, Message};
use crate::halt::Halt;
use crate::units::Side;

const START_TICKS: u64 = 50_000;
const DEVIATION_TICKS: u64 = 2_500;
const LOWEST_TICKS: u64 = 37_500;
const HIGHEST_TICKS: u64 = 62_500;
const NOWHERE: u32 = u32::MAX;

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }

    fn side(&mut self) -> Side {
        if self.below(4) >= 2 { Side::Buy } else { Side::Sell }
    }

    fn lots(&mut self) -> u32 {
        1 + (self.below(6) * self.below(6) * self.below(6)) as u32
    }
}

/// An order that rests, or has rested.
#[derive(Clone, Copy)]
struct Known {
    user: u64,
    live: u32,
}

struct Market {
    random: Random,
    book: Plain,
    users: u64,
    half: i64,
    fast: i64,
    last: u64,
    filled: bool,
    resting: [i64; 2],
    live: Vec<u64>,
    known: Vec<Known>,
}

/// The workload with about `target` resting orders: `target` messages that fill the book, then `timed` ones.
///
/// # Errors
/// The book is inconsistent: an error of this crate.
pub fn generate(seed: u64, target: u32, timed: u32, users: u64) -> Result<Vec<Message>, Halt> {
    let half = i64::from(target / 2);
    let mut market = Market {
        random: Random(seed),
        book: Plain::default(),
        users,
        half,
        fast: (half * 3 / 4).min(512),
        last: START_TICKS,
        filled: false,
        resting: [0, 0],
        live: Vec::new(),
        known: vec![Known { user: 0, live: NOWHERE }],
    };
    let count = target as usize + timed as usize;
    let mut messages = Vec::with_capacity(count);
    let interval = (target as usize + 1).min(512);
    let mut next_check = interval;
    for at in 0..count {
        let message = if at < target as usize { market.resting_order() } else { market.any() };
        let partly = market.apply(&message)?;
        if partly || at >= next_check {
            market.resting = [Side::Buy, Side::Sell].map(|side| i64::from(market.book.book().resting(side)));
        }
        if at >= next_check {
            next_check += interval;
        }
        messages.push(message);
    }
    Ok(messages)
}

impl Market {
    fn any(&mut self) -> Message {
        let side = self.random.side();
        let lack = self.half - self.resting[side as usize];
        let fast = !self.filled || lack > self.fast;
        let grow = lack > 0;
        if !self.filled && !grow {
            self.filled = true;
        }
        let choice = self.random.below(match (grow, fast) {
            (true, true) => 2,
            (true, false) => 10,
            (false, _) => 40,
        });
        if choice < 2 || self.live.is_empty() {
            return if grow { self.resting_order() } else { self.immediate_order() };
        }
        let order = self.live[self.random.below(self.live.len() as u64) as usize];
        let user = self.known[order as usize].user;
        let (side, price, lots) = match self.book.resting(order) {
            Some((side, price, lots)) => (side, price.0, lots as u32),
            None => (side, self.last, 1),
        };
        if choice == 2 {
            return Message { ask: Ask::Cancel, side, lots, order, price, user };
        }
        let price = self.moved(price);
        Message { ask: Ask::Modify, side, lots, order, price, user }
    }

    /// One hundredth of the way towards the last price.
    fn moved(&mut self, price: u64) -> u64 {
        let price = if price > self.last {
            price - (price - self.last).div_ceil(100)
        } else if price < self.last {
            price + (self.last - price).div_ceil(100)
        } else if self.random.below(2) == 0 {
            price - 1
        } else {
            price + 1
        };
        price.min(HIGHEST_TICKS)
    }

    fn number(&mut self, user: u64) -> u64 {
        self.known.push(Known { user, live: NOWHERE });
        self.known.len() as u64 - 1
    }

    fn user(&mut self) -> u64 {
        1 + self.random.below(self.users)
    }

    fn resting_order(&mut self) -> Message {
        let side = self.random.side();
        let user = self.user();
        let u = self.random.below(1 << 20);
        let deviation = 1 + ((((u * u) >> 20) * DEVIATION_TICKS) >> 20);
        let sum: u64 = (0..4).map(|_| self.random.below(deviation)).sum();
        let away = (sum / 4 * 2) as i64 - deviation as i64;
        let away = match side {
            Side::Buy => -away.abs(),
            Side::Sell => away.abs(),
        };
        let price = self.last.wrapping_add_signed(away);
        let lots = self.random.lots();
        Message { ask: Ask::New { immediate: false }, side, lots, order: self.number(user), price, user }
    }

    fn immediate_order(&mut self) -> Message {
        let side = self.random.side();
        let user = self.user();
        let price = if side == Side::Buy { HIGHEST_TICKS } else { LOWEST_TICKS };
        let lots = self.random.lots();
        Message { ask: Ask::New { immediate: true }, side, lots, order: self.number(user), price, user }
    }

    /// Applies a message and follows what rests; tells whether an immediate order was not filled.
    fn apply(&mut self, message: &Message) -> Result<bool, Halt> {
        let Market { book, last, live, known, .. } = self;
        let mut ended = false;
        book.apply(message, &mut |line| match line {
            Line::Trade { price, maker, filled, .. } => {
                *last = price.clamp(LOWEST_TICKS, HIGHEST_TICKS);
                if filled {
                    forget(live, known, maker);
                }
            }
            Line::Cancelled { .. } => ended = true,
            Line::Accepted | Line::Modified | Line::CancelRejected | Line::ModifyRejected => {}
        })?;
        let immediate = message.ask == (Ask::New { immediate: true });
        let entry = &mut known[message.order as usize];
        if book.resting(message.order).is_none() {
            forget(live, known, message.order);
        } else if entry.live == NOWHERE {
            entry.live = live.len() as u32;
            live.push(message.order);
        }
        Ok(immediate && ended)
    }
}

fn forget(live: &mut Vec<u64>, known: &mut [Known], order: u64) {
    let at = std::mem::replace(&mut known[order as usize].live, NOWHERE);
    if at == NOWHERE {
        return;
    }
    live.swap_remove(at as usize);
    if let Some(moved) = live.get(at as usize) {
        known[*moved as usize].live = at;
    }
}
