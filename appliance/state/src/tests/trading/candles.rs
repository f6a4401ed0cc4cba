//! Klines as rows: what the trade log says, whatever happened in between.

use std::collections::BTreeMap;

use exchequer_domain::Timestamp;
use exchequer_ledger::Asset;
use exchequer_market_data::kline::{Key, row};
use exchequer_market_data::{Interval, Kline};
use exchequer_matching::{Side, TradeId};

use super::random::Dice;
use super::{ALICE, BOB, BTC, MARKET, ONE, USDT, credit, exchange, limit, place};
use crate::event::{Best, Event, OrderStep};
use crate::markets::{Markets, trade_of};
use crate::{Body, Family, Input, PlaceOrder, Table};

/// What the trades of one period come to, for every interval, added up one by one.
fn folded(trades: &[(TradeId, crate::markets::TradeRecord)]) -> BTreeMap<(u8, u64), Kline> {
    let mut klines: BTreeMap<(u8, u64), Kline> = BTreeMap::new();
    for (id, record) in trades {
        let trade = trade_of(*id, record);
        for interval in Interval::ALL {
            let open_time = interval.open(trade.time.millis());
            let kline = klines.entry((interval as u8, open_time));
            kline.and_modify(|kline| kline.add(&trade)).or_insert_with(|| Kline::of(&trade, open_time));
        }
    }
    klines
}

/// Goal: the rows of klines are those of the trade log, to the byte, one a period that is over, and a restart at any entry
/// finds what was in memory. Method: trades apart from each other by milliseconds up to a month; the world loads the state
/// from its rows after every entry and compares; at the end every row against a fold of all trades of its period.
#[test]
fn klines_are_those_of_the_trade_log() {
    let seed = 0x5eed_0030;
    println!("seed {seed:#x}");
    let mut dice = Dice(seed);
    let mut world = exchange(2);
    credit(&mut world, ALICE, BTC, 1_000 * ONE);
    credit(&mut world, BOB, USDT, 1_000_000 * ONE);
    for number in 0..400 {
        let longest = [1_000, 100_000, 5_000_000, 400_000_000, 20_000_000_000, 3_000_000_000_000];
        let longest = longest[dice.below(longest.len() as u64) as usize];
        world.now = Timestamp(world.now.0 + dice.below(longest));
        let (price, lots) = (1_000 + dice.below(50), 1 + dice.below(1_000));
        let (first, second) = if dice.one_in(2) { (Side::Buy, Side::Sell) } else { (Side::Sell, Side::Buy) };
        for (side, leg) in [(first, "first"), (second, "second")] {
            let user = if side == Side::Buy { BOB } else { ALICE };
            place(&mut world, user, limit(&format!("{leg}{number}"), side, price, lots)).unwrap();
        }
    }
    let trades = Markets::trades(&world.rows, MARKET, Some(TradeId(1)), 1_000).unwrap();
    assert_eq!(trades.len(), 400);
    let tape = world.state.markets().tape(MARKET).unwrap();
    let mut expected = folded(&trades);
    for interval in Interval::ALL {
        let open = tape.klines().current(interval).unwrap();
        assert_eq!(expected.remove(&(interval as u8, open.open_time)), Some(open), "{interval} in memory");
    }
    let mut stored = 0;
    for (family, key, value) in world.rows.iter().filter(|(_, key, _)| key[0] == Table::Kline as u8) {
        assert_eq!(family, Family::History);
        let Key { market, interval, open_time } = Key::from_bytes(&key[1..]).unwrap();
        assert_eq!(market, MARKET.0);
        let kline = expected.remove(&(interval as u8, open_time)).expect("a period with trades");
        assert_eq!(value, row::encode(&kline), "{interval} at {open_time}");
        stored += 1;
    }
    assert!(expected.is_empty(), "periods without a row: {expected:?}");
    assert!(stored > 1_000, "{stored} rows");
}

/// What an entry with this order tells.
fn told(world: &mut super::World, user: exchequer_domain::UserId, order: crate::OrderSpec) -> Vec<Event> {
    let command = world.command(Body::PlaceOrder(Box::new(PlaceOrder { user, market: MARKET, order })));
    world.apply(Input::Commands(&[&command.encode()])).unwrap().events
}

/// Goal: those who watch are told of an order's life in its order, and of the best prices once, at the end. Method: an
/// order that rests, one that takes a part of it, and one of which nothing rests.
#[test]
fn events_tell_an_order_s_life() {
    let mut world = exchange(2);
    let give: [(_, Asset); 2] = [(ALICE, BTC), (BOB, USDT)];
    for (user, asset) in give {
        credit(&mut world, user, asset, 1_000 * ONE);
    }
    let steps = |events: &[Event]| -> Vec<(u64, &'static str)> {
        let name = |event: &Event| match event {
            Event::Order { record, step } => {
                let step = match step {
                    OrderStep::Entered => "entered",
                    OrderStep::Triggered => "triggered",
                    OrderStep::Traded { taker: false, .. } => "made",
                    OrderStep::Traded { taker: true, .. } => "took",
                    OrderStep::Amended => "amended",
                    OrderStep::Reduced => "reduced",
                    OrderStep::Ended => "ended",
                };
                (record.user.0, step)
            }
            Event::Trade { .. } => (0, "trade"),
            Event::Book { .. } => (0, "book"),
            Event::Durable { .. } | Event::DigestRequested { .. } | Event::Phase { .. } => (0, "other"),
        };
        events.iter().map(name).collect()
    };
    let events = told(&mut world, ALICE, limit("a", Side::Sell, 1_000, 500));
    assert_eq!(steps(&events), [(1, "entered"), (0, "book")]);
    let ask = |lots| Some(Best { price: exchequer_matching::Ticks(1_000), lots: exchequer_matching::Lots(lots) });
    assert_eq!(events.last(), Some(&Event::Book { market: MARKET, bid: None, ask: ask(500) }));
    let events = told(&mut world, BOB, limit("b", Side::Buy, 1_000, 200));
    assert_eq!(steps(&events), [(2, "entered"), (2, "took"), (1, "made"), (0, "trade"), (0, "book")]);
    assert_eq!(events.last(), Some(&Event::Book { market: MARKET, bid: None, ask: ask(300) }));
    let now = crate::markets::Ask::Limit {
        price: exchequer_matching::Ticks(1_000),
        lots: exchequer_matching::Lots(400),
        life: exchequer_matching::Life::Immediate,
    };
    let events = told(&mut world, BOB, crate::OrderSpec { ask: now, ..limit("c", Side::Buy, 1, 1) });
    assert_eq!(steps(&events), [(2, "entered"), (2, "took"), (1, "made"), (0, "trade"), (2, "ended"), (0, "book")]);
}
