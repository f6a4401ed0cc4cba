//! Orders by hand: what each command does to balances, records and rows.

use exchequer_domain::UserId;
use exchequer_matching::{
    By, End, Life, Lots, OrderId, PhaseChange, Rejection as Refusal, SelfTrade, Side, Ticks, TradeId, When,
};

use super::super::world::{SECOND, freeze};
use super::{
    ALICE, BOB, BTC, MARKET, ONE, USDT, balance, credit, exchange, fees, later, limit, market, name, order, place,
    traded,
};
use crate::markets::{Ask, MarketId, Markets, OrderStatus};
use crate::users::UserStatus;
use crate::{
    AmendOrder, Body, CancelAfter, CancelOrder, CancelOrders, ConfigureMarket, Done, Input, OrderRef, PlaceOrder,
    PlacePair, Rejection, ReplaceOrder, SetMarketPhase, UpdateUser,
};

fn cancel(user: UserId, order: OrderRef) -> Body {
    Body::CancelOrder(CancelOrder { user, market: MARKET, order })
}

const fn refused(why: Refusal) -> Rejection {
    Rejection::Order { why }
}

/// Goal: an order reserves, trades, settles both assets and both fees, and becomes history, each unit accounted for.
/// Method: a resting bid of 1 BTC at 60,000, half of it taken by a sell; every figure by hand.
#[test]
fn a_trade_settles_to_the_unit() {
    let mut world = exchange(2);
    credit(&mut world, ALICE, USDT, 60_000 * ONE);
    credit(&mut world, BOB, BTC, ONE);
    let bid = place(&mut world, ALICE, limit("bid", Side::Buy, 6_000_000, 100_000)).unwrap().orders[0];
    assert_eq!((bid.status, bid.executed), (OrderStatus::Open, Lots(0)));
    assert_eq!(balance(&world, ALICE, USDT), (60_000 * ONE, 0));
    assert_eq!(place(&mut world, ALICE, limit("more", Side::Buy, 1, 1)), Err(refused(Refusal::Funds)));

    let sold = place(&mut world, BOB, limit("ask", Side::Sell, 5_999_999, 50_000)).unwrap();
    assert_eq!(sold.orders[0].status, OrderStatus::Filled);
    // The maker's price; 0.2 % of what the taker received, 0.1 % of what the maker received.
    assert_eq!(
        (sold.fills[0].price, sold.fills[0].lots, sold.fills[0].fee),
        (Ticks(6_000_000), Lots(50_000), 60 * ONE)
    );
    assert_eq!(balance(&world, ALICE, USDT), (30_000 * ONE, 0));
    assert_eq!(balance(&world, ALICE, BTC), (49_950_000, 49_950_000));
    assert_eq!(balance(&world, BOB, BTC), (50_000_000, 50_000_000));
    assert_eq!(balance(&world, BOB, USDT), (29_940 * ONE, 29_940 * ONE));
    assert_eq!((fees(&world, BTC), fees(&world, USDT)), (50_000, 60 * ONE));

    let bid = order(&world, ALICE, bid.id);
    assert_eq!((bid.status, bid.executed, bid.quote), (OrderStatus::PartlyFilled, Lots(50_000), 30_000 * ONE));
    let trades = Markets::trades(&world.rows, MARKET, None, 10).unwrap();
    assert_eq!(
        (trades.len(), trades[0].0, trades[0].1.buyer.user, trades[0].1.taker),
        (1, TradeId(1), ALICE, Side::Sell)
    );
    for (user, side, taker) in [(ALICE, Side::Buy, false), (BOB, Side::Sell, true)] {
        let own = Markets::user_trades(&world.rows, user, MARKET, None, 10).unwrap();
        assert_eq!((own.len(), own[0].side, own[0].taker, own[0].trade), (1, side, taker, trades[0].1));
    }

    let ended = traded(world.run(cancel(ALICE, OrderRef::Name(name("bid"))))).unwrap().orders;
    assert_eq!((ended.len(), ended[0].status), (1, OrderStatus::Ended(End::Cancelled)));
    assert_eq!(balance(&world, ALICE, USDT), (30_000 * ONE, 30_000 * ONE));
    assert_eq!(order(&world, ALICE, bid.id), ended[0], "what is over is still found");
    assert_eq!(world.run(cancel(ALICE, OrderRef::Id(bid.id))), Err(refused(Refusal::UnknownOrder)));
}

/// Goal: what a user may not do is refused, and reserves nothing. Method: each refusal that is the state's own.
#[test]
fn refusals() {
    let mut world = exchange(2);
    credit(&mut world, ALICE, USDT, 1_000 * ONE);
    let buy = |market, user, order| Body::PlaceOrder(Box::new(PlaceOrder { user, market, order }));
    let order = limit("a", Side::Buy, 1_000, 1_000);
    assert_eq!(world.refused(buy(MarketId(2), ALICE, order)), Rejection::MarketUnknown);
    assert_eq!(world.refused(buy(MARKET, UserId(3), order)), Rejection::UserUnknown { user: UserId(3) });
    assert_eq!(world.refused(buy(MARKET, BOB, order)), refused(Refusal::Funds), "who never had money");
    let open = place(&mut world, ALICE, order).unwrap().orders[0];
    assert_eq!(world.refused(buy(MARKET, ALICE, order)), Rejection::ClientOrderIdUsed);
    assert_eq!(world.refused(cancel(BOB, OrderRef::Id(open.id))), refused(Refusal::UnknownOrder), "another's order");
    assert_eq!(world.refused(cancel(ALICE, OrderRef::Id(OrderId(1)))), refused(Refusal::UnknownOrder));
    let amend = AmendOrder {
        user: ALICE,
        market: MARKET,
        order: OrderRef::Id(open.id),
        price: None,
        lots: Lots(1_000),
        keep_place: true,
    };
    assert_eq!(world.refused(Body::AmendOrder(amend)), Rejection::AmendLosesPlace);
    let frozen = UpdateUser {
        user: BOB,
        label: None,
        kyc_level: None,
        fee_tier: None,
        status: Some(UserStatus::Frozen),
        reason: "test".into(),
    };
    world.run(Body::UpdateUser(frozen)).unwrap();
    assert_eq!(world.refused(buy(MARKET, BOB, order)), Rejection::UserFrozen { user: BOB });
    assert_eq!(world.refused(market("BTCUSDT")), Rejection::MarketExists { market: MARKET });
}

/// Goal: amending keeps the name and the number, moves the reservation by the difference, and may trade. Method: smaller,
/// then dearer, then into the book.
#[test]
fn amending_moves_the_reservation() {
    let mut world = exchange(2);
    credit(&mut world, ALICE, USDT, 1_000 * ONE);
    credit(&mut world, BOB, BTC, ONE);
    let placed = place(&mut world, ALICE, limit("a", Side::Buy, 1_000, 100_000)).unwrap().orders[0];
    assert_eq!(balance(&world, ALICE, USDT), (1_000 * ONE, 990 * ONE));
    let amend = |price, lots| {
        let (order, price) = (OrderRef::Name(name("a")), Some(Ticks(price)));
        Body::AmendOrder(AmendOrder { user: ALICE, market: MARKET, order, price, lots: Lots(lots), keep_place: false })
    };
    let smaller = traded(world.run(amend(1_000, 60_000))).unwrap().orders[0];
    assert_eq!((smaller.id, balance(&world, ALICE, USDT).1), (placed.id, 994 * ONE));
    let dearer = traded(world.run(amend(2_000, 60_000))).unwrap().orders[0];
    assert_eq!((dearer.id, balance(&world, ALICE, USDT).1), (placed.id, 988 * ONE));
    place(&mut world, BOB, limit("b", Side::Sell, 2_500, 20_000)).unwrap();
    let crossing = traded(world.run(amend(3_000, 60_000))).unwrap();
    assert_eq!((crossing.orders[0].status, crossing.fills.len()), (OrderStatus::PartlyFilled, 1));
    assert_eq!(crossing.fills[0].price, Ticks(2_500), "at the price of the order that was there");
    // 20,000 lots at 25, 40,000 lots reserved at 30.
    assert_eq!(balance(&world, ALICE, USDT), (995 * ONE, 983 * ONE));
    let executed = traded(world.run(amend(3_000, 20_000)));
    assert_eq!(executed, Err(refused(Refusal::Quantity)), "not less than what has traded");
}

/// Goal: who is frozen buys no more by amending, and can still take an order back.
#[test]
fn the_frozen_only_take_back() {
    let mut world = exchange(1);
    credit(&mut world, ALICE, USDT, 100 * ONE);
    let bid = place(&mut world, ALICE, limit("a", Side::Buy, 1_000, 1_000)).unwrap().orders[0];
    world.run(freeze(1)).unwrap();
    let amend = |price, lots| {
        let order = OrderRef::Id(bid.id);
        Body::AmendOrder(AmendOrder { user: ALICE, market: MARKET, order, price, lots: Lots(lots), keep_place: false })
    };
    let frozen = Rejection::UserFrozen { user: ALICE };
    assert_eq!(world.refused(amend(Some(Ticks(2_000)), 1_000)), frozen);
    assert_eq!(world.refused(amend(None, 2_000)), frozen);
    assert!(world.run(amend(None, 400)).is_ok());
    assert!(world.run(cancel(ALICE, OrderRef::Id(bid.id))).is_ok());
}

/// Goal: an asset whose turnover nears 128 bits refuses orders; it does not stop the node in the middle of a trade.
#[test]
fn turnover_at_its_end_refuses_orders() {
    let mut world = exchange(2);
    credit(&mut world, ALICE, USDT, u128::MAX - 100);
    credit(&mut world, BOB, BTC, ONE);
    place(&mut world, BOB, limit("b", Side::Sell, 10_000, 1)).unwrap();
    assert_eq!(place(&mut world, ALICE, limit("a", Side::Buy, 10_000, 1)), Err(refused(Refusal::Funds)));
    assert_eq!(world.state.markets().open_count(), 1);
}

/// Goal: one entry cannot be made to do more than fits: what comes after is refused, changes nothing, and works in the next
/// entry. Method: orders that each trade fifty times with what their predecessor left, in one entry.
#[test]
fn an_entry_has_an_end() {
    let mut world = exchange(2);
    credit(&mut world, ALICE, USDT, 1_000_000 * ONE);
    credit(&mut world, BOB, BTC, 1_000 * ONE);
    let mut commands = Vec::new();
    for round in 0..40 {
        for number in 0..50 {
            let order = limit(&format!("b{round}-{number}"), Side::Sell, 1_000, 1);
            commands.push(world.command(Body::PlaceOrder(Box::new(PlaceOrder { user: BOB, market: MARKET, order }))));
        }
        let order = limit(&format!("a{round}"), Side::Buy, 1_000, 50);
        commands.push(world.command(Body::PlaceOrder(Box::new(PlaceOrder { user: ALICE, market: MARKET, order }))));
    }
    let outcomes = world.entry(&commands);
    let busy = crate::Outcome::Rejected(Rejection::MarketsBusy);
    let first = outcomes.iter().position(|outcome| *outcome == busy).unwrap();
    assert!(first > 500 && outcomes[first..].iter().all(|outcome| *outcome == busy), "from {first} on");
    place(&mut world, BOB, limit("later", Side::Sell, 1_000, 1)).unwrap();
}

/// Goal: a command of several steps is done whole or refused whole, also where the entry's bound is met in the middle of it.
/// Method: entries that end just below the bound, one report later each time, with stops that the command's first step
/// sets off; filters and reference change together or not at all, and both cases are seen.
#[test]
fn a_configuration_is_never_halved() {
    let mut world = exchange(2);
    credit(&mut world, ALICE, USDT, 1_000_000 * ONE);
    credit(&mut world, BOB, BTC, 1_000 * ONE);
    place(&mut world, BOB, limit("first", Side::Sell, 1_000, 1)).unwrap();
    place(&mut world, ALICE, limit("taker", Side::Buy, 1_000, 1)).unwrap();
    for number in 0..40 {
        let when = Some(When::StopLoss(Ticks(1_100)));
        place(&mut world, ALICE, crate::OrderSpec { when, ..limit(&format!("s{number}"), Side::Buy, 1_100, 1) })
            .unwrap();
    }
    let bound = crate::apply::REPORTS_PER_ENTRY as usize;
    let (mut done, mut refused) = (0, 0);
    for fillers in bound - 120..bound {
        let mut world = world.clone();
        let order = |name: &str, side, price, lots| {
            let order = limit(name, side, price, lots);
            Body::PlaceOrder(Box::new(PlaceOrder {
                user: if side == Side::Buy { ALICE } else { BOB },
                market: MARKET,
                order,
            }))
        };
        let mut commands = Vec::new();
        for number in 0..fillers / 2 {
            // Two reports: entered and cancelled.
            let name_of = format!("f{number}");
            commands.push(world.command(order(&name_of, Side::Sell, 5_000, 1)));
            commands.push(world.command(cancel(BOB, OrderRef::Name(name(&name_of)))));
        }
        commands.push(world.command(order("ask", Side::Sell, 1_100, 100)));
        commands.push(world.command(order("bid", Side::Buy, 1_100, 1)));
        let filters = exchequer_matching::Filters { orders_max: 77, ..Default::default() };
        let (filters, breaker, reference) = (Some(filters), None, Some(Ticks(1_234)));
        let configure = ConfigureMarket { market: MARKET, filters, breaker, reference, reason: "test".into() };
        commands.push(world.command(Body::ConfigureMarket(Box::new(configure))));
        let outcome = world.entry(&commands).pop().unwrap();
        let book = world.state.markets().market(MARKET).unwrap();
        let changed = (book.filters().orders_max == 77, book.reference() == Some(Ticks(1_234)));
        match outcome {
            crate::Outcome::Done(Done::MarketConfigured) => done += 1,
            crate::Outcome::Rejected(Rejection::MarketsBusy) => refused += 1,
            other => panic!("{other:?}"),
        }
        assert!(changed == (true, true) || changed == (false, false), "halved after {fillers}: {changed:?}");
    }
    assert!(done > 0 && refused > 0, "{done} done, {refused} refused");
}

/// Goal: the memory that open orders take has a bound over all markets. Method: the bound of tests, one order more, and one
/// again when another is gone.
#[test]
fn open_orders_have_a_limit() {
    let mut world = exchange(1);
    credit(&mut world, ALICE, USDT, 1_000 * ONE);
    let buy = |number: usize| limit(&format!("o{number}"), Side::Buy, 1_000, 10);
    let placed: Vec<OrderId> = (0..crate::apply::OPEN_ORDERS_MAX)
        .map(|number| place(&mut world, ALICE, buy(number)).unwrap().orders[0].id)
        .collect();
    assert_eq!(place(&mut world, ALICE, buy(placed.len())), Err(Rejection::OpenOrdersFull));
    world.run(cancel(ALICE, OrderRef::Id(placed[7]))).unwrap();
    place(&mut world, ALICE, buy(placed.len())).unwrap();
}

/// Goal: what open orders keep back is shown as held. An order that was taken away by its owner's other one is not filled.
#[test]
fn what_is_kept_back_is_shown() {
    let mut world = exchange(1);
    credit(&mut world, ALICE, BTC, ONE);
    credit(&mut world, ALICE, USDT, 1_000 * ONE);
    place(&mut world, ALICE, limit("s", Side::Sell, 10_000, 10)).unwrap();
    let shown = crate::statement::Balance::of(&world.state.account_of(ALICE, BTC).unwrap());
    assert_eq!((shown.posted, shown.held, shown.available), (ONE, 10_000, ONE - 10_000));
    let ask = Ask::Market { by: By::Lots, quantity: 10 };
    let buy = crate::OrderSpec { ask, self_trade: SelfTrade::Decrement, ..limit("b", Side::Buy, 1, 1) };
    let prevented = place(&mut world, ALICE, buy).unwrap().orders[0];
    assert_eq!((prevented.status, prevented.executed), (OrderStatus::Ended(End::SelfTrade), Lots(0)));
    assert_eq!(prevented.prevented, Lots(10));
}

/// Goal: a market order in quote spends no more than asked and gives back what buys no lot more; one in base is bounded by
/// what there is.
#[test]
fn market_orders_are_bounded() {
    let mut world = exchange(2);
    credit(&mut world, ALICE, USDT, 100 * ONE);
    credit(&mut world, BOB, BTC, ONE);
    place(&mut world, BOB, limit("b", Side::Sell, 30_000, 100_000)).unwrap();
    let ask = |by, quantity| Ask::Market { by, quantity };
    let quote = crate::OrderSpec { ask: ask(By::Quote, 50 * ONE), ..limit("q", Side::Buy, 1, 1) };
    let bought = place(&mut world, ALICE, quote).unwrap();
    assert_eq!((bought.orders[0].status, bought.orders[0].executed), (OrderStatus::Filled, Lots(16_666)));
    let spent = 16_666 * 300_000;
    assert_eq!(bought.orders[0].quote, spent);
    assert_eq!(balance(&world, ALICE, USDT), (100 * ONE - spent, 100 * ONE - spent));
    let base = crate::OrderSpec { ask: ask(By::Lots, 50_000), ..limit("l", Side::Buy, 1, 1) };
    let rest = place(&mut world, ALICE, base).unwrap().orders[0];
    assert_eq!(rest.status, OrderStatus::Ended(End::Quote), "the money was gone before the quantity");
    let (total, available) = balance(&world, ALICE, USDT);
    assert!(total == available && total < 300_000, "{total} is less than a lot costs");
    let none = crate::OrderSpec { ask: ask(By::Quote, ONE), ..limit("n", Side::Buy, 1, 1) };
    assert_eq!(place(&mut world, ALICE, none), Err(refused(Refusal::Funds)));
}

/// Goal: a market order that waits keeps back what it is expected to move, five in a hundred more, and not all there is.
#[test]
fn waiting_market_orders_keep_back_little() {
    let mut world = exchange(1);
    credit(&mut world, ALICE, BTC, ONE);
    credit(&mut world, ALICE, USDT, 1_000 * ONE);
    let reference = Some(Ticks(10_000));
    let (filters, breaker, reason) = (None, None, "test".into());
    let configure = ConfigureMarket { market: MARKET, filters, breaker, reference, reason };
    world.run(Body::ConfigureMarket(Box::new(configure))).unwrap();
    let stop = |client_id, side, at, by, quantity| crate::OrderSpec {
        when: Some(When::StopLoss(Ticks(at))),
        ask: Ask::Market { by, quantity },
        ..limit(client_id, side, 1, 1)
    };
    place(&mut world, ALICE, stop("buy", Side::Buy, 11_000, By::Lots, 1)).unwrap();
    assert_eq!(balance(&world, ALICE, USDT).1, 1_000 * ONE - 110_000 * 105 / 100);
    // 9,000,000 minor units at 90 a coin are 100 lots.
    place(&mut world, ALICE, stop("sell", Side::Sell, 9_000, By::Quote, 9_000_000)).unwrap();
    assert_eq!(balance(&world, ALICE, BTC).1, ONE - 106 * 1_000);
}

/// Goal: of a pair one order takes effect, what both hold is held once, and each knows the other.
#[test]
fn pairs_hold_once() {
    let mut world = exchange(2);
    credit(&mut world, ALICE, BTC, ONE);
    credit(&mut world, BOB, USDT, 10_000 * ONE);
    let reference = ConfigureMarket {
        market: MARKET,
        filters: None,
        breaker: None,
        reference: Some(Ticks(10_000)),
        reason: "test".into(),
    };
    world.run(Body::ConfigureMarket(Box::new(reference))).unwrap();
    let stop =
        crate::OrderSpec { when: Some(When::StopLoss(Ticks(9_000))), ..limit("stop", Side::Sell, 8_900, 100_000) };
    let pair = PlacePair { user: ALICE, market: MARKET, stop, limit_name: name("profit"), price: Ticks(11_000) };
    let both = traded(world.run(Body::PlacePair(Box::new(pair)))).unwrap().orders;
    assert_eq!(both.len(), 2);
    assert_eq!((both[0].partner, both[1].partner), (Some(both[1].id), Some(both[0].id)));
    assert_eq!(balance(&world, ALICE, BTC), (ONE, 0), "1 BTC for both");
    place(&mut world, BOB, limit("b", Side::Buy, 11_000, 40_000)).unwrap();
    assert_eq!(order(&world, ALICE, both[0].id).status, OrderStatus::PartlyFilled);
    assert_eq!(order(&world, ALICE, both[1].id).status, OrderStatus::Ended(End::Pair));
    assert_eq!(balance(&world, ALICE, BTC), (60_000_000, 0));
}

/// Goal: a replacement that is refused has still ended the old order, and says so; one without an old order does nothing.
#[test]
fn replacing() {
    let mut world = exchange(1);
    credit(&mut world, ALICE, USDT, 10 * ONE);
    let placed = place(&mut world, ALICE, limit("a", Side::Buy, 1_000, 100_000)).unwrap().orders[0];
    let replace = |old, new| Body::ReplaceOrder(Box::new(ReplaceOrder { user: ALICE, market: MARKET, old, new }));
    let dearer = limit("b", Side::Buy, 500, 200_000);
    let Ok(Done::Replaced { traded, refused: None }) = world.run(replace(OrderRef::Name(name("a")), dearer)) else {
        panic!("the money of the old order is there for the new one")
    };
    assert_eq!((traded.orders[0].id, traded.orders[1].client_id), (placed.id, name("b")));
    assert_eq!(traded.orders[0].status, OrderStatus::Ended(End::Replaced));
    let Ok(Done::Replaced { traded, refused: why }) =
        world.run(replace(OrderRef::Name(name("b")), limit("c", Side::Buy, 5_000, 200_000)))
    else {
        panic!("the old order ends")
    };
    assert_eq!((why, traded.orders.len()), (Some(Refusal::Funds), 1));
    assert_eq!(balance(&world, ALICE, USDT), (10 * ONE, 10 * ONE));
    let gone = world.refused(replace(OrderRef::Name(name("b")), limit("d", Side::Buy, 1, 1)));
    assert_eq!(gone, refused(Refusal::UnknownOrder));
}

/// Goal: time ends orders by itself, in entries without any command: a deadline, a dead man's switch, an auction.
#[test]
fn time_does_its_work() {
    let mut world = exchange(2);
    credit(&mut world, ALICE, USDT, 100 * ONE);
    credit(&mut world, BOB, BTC, ONE);
    let until = Some(exchequer_domain::Timestamp(world.now.0 + 10 * SECOND));
    let ask =
        Ask::Limit { price: Ticks(1_000), lots: Lots(1_000), life: Life::Rest { until, peak: None, post_only: false } };
    let short = place(&mut world, ALICE, crate::OrderSpec { ask, ..limit("a", Side::Buy, 1, 1) }).unwrap().orders[0];
    let lasting = place(&mut world, ALICE, limit("b", Side::Buy, 1_000, 1_000)).unwrap().orders[0];
    let at = Some(exchequer_domain::Timestamp(world.now.0 + 20 * SECOND));
    world.run(Body::CancelAfter(CancelAfter { user: ALICE, market: MARKET, at })).unwrap();
    assert_eq!(world.state.markets().next_due(), until);
    later(&mut world, 10 * SECOND);
    world.apply(Input::Noop).unwrap();
    assert_eq!(order(&world, ALICE, short.id).status, OrderStatus::Ended(End::Deadline));
    assert_eq!(order(&world, ALICE, lasting.id).status, OrderStatus::Open);
    later(&mut world, 10 * SECOND);
    world.apply(Input::Noop).unwrap();
    assert_eq!(order(&world, ALICE, lasting.id).status, OrderStatus::Ended(End::CancelAfter));
    assert_eq!(balance(&world, ALICE, USDT), (100 * ONE, 100 * ONE));

    let ends = Some(exchequer_domain::Timestamp(world.now.0 + 10 * SECOND));
    let auction = SetMarketPhase { market: MARKET, phase: PhaseChange::Auction { ends }, reason: "test".into() };
    world.run(Body::SetMarketPhase(auction)).unwrap();
    let bid = place(&mut world, ALICE, limit("c", Side::Buy, 1_100, 1_000)).unwrap().orders[0];
    let ask = place(&mut world, BOB, limit("d", Side::Sell, 900, 1_000)).unwrap().orders[0];
    assert_eq!(order(&world, ALICE, bid.id).status, OrderStatus::Open, "nothing trades before the auction ends");
    later(&mut world, 10 * SECOND);
    world.apply(Input::Noop).unwrap();
    for (user, id) in [(ALICE, bid.id), (BOB, ask.id)] {
        assert_eq!(order(&world, user, id).status, OrderStatus::Filled);
    }
}

/// Goal: a mass cancel ends the orders of one user and side, and tells which.
#[test]
fn mass_cancel() {
    let mut world = exchange(2);
    for user in [ALICE, BOB] {
        credit(&mut world, user, USDT, 100 * ONE);
        credit(&mut world, user, BTC, ONE);
        place(&mut world, user, limit("buy", Side::Buy, 1_000, 1_000)).unwrap();
        place(&mut world, user, limit("sell", Side::Sell, 2_000, 1_000)).unwrap();
    }
    let cancel = |side| Body::CancelOrders(CancelOrders { user: ALICE, market: MARKET, side });
    let sides = |side| traded(world.clone().run(cancel(side))).unwrap().orders.len();
    assert_eq!((sides(None), sides(Some(Side::Sell))), (2, 1));
    let ended = traded(world.run(cancel(None))).unwrap().orders;
    assert!(ended.iter().all(|order| order.user == ALICE && order.status == OrderStatus::Ended(End::CancelledAll)));
    assert_eq!(world.state.markets().open_count(), 2);
    assert_eq!(world.refused(cancel(None)), refused(Refusal::UnknownOrder));
}

/// Goal: history comes in pages, open and ended orders in one order of numbers. Method: twelve orders, every third one
/// still open, read in pages of five forwards, and the latest five.
#[test]
fn history_in_pages() {
    let mut world = exchange(1);
    credit(&mut world, ALICE, USDT, 100 * ONE);
    let mut ids = Vec::new();
    for number in 0..12 {
        let placed = place(&mut world, ALICE, limit(&format!("o{number}"), Side::Buy, 1_000, 1_000)).unwrap().orders[0];
        ids.push(placed.id);
        if number % 3 > 0 {
            world.run(cancel(ALICE, OrderRef::Id(placed.id))).unwrap();
        }
    }
    let markets = world.state.markets();
    let page = |from, limit| -> Vec<OrderId> {
        let orders = markets.orders(&world.rows, ALICE, MARKET, from, limit).unwrap();
        orders.iter().map(|order| order.id).collect()
    };
    assert_eq!(page(None, 100), ids);
    assert_eq!(page(None, 5), ids[7..]);
    let (mut found, mut from) = (Vec::new(), OrderId(0));
    loop {
        let next = page(Some(from), 5);
        let Some(last) = next.last() else { break };
        from = OrderId(last.0 + 1);
        found.extend(next);
    }
    assert_eq!(found, ids);
    assert_eq!(markets.order_named(&world.rows, ALICE, name("o4")).unwrap().unwrap().id, ids[4]);
}
