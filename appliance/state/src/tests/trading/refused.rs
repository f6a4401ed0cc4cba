//! What a refused command leaves behind: nothing.

use exchequer_ledger::Asset;
use exchequer_matching::{Filters, Side, Ticks};

use super::{ALICE, BOB, BTC, MARKET, ONE, USDT, balance, credit, exchange, limit, market};
use crate::rejection::Field;
use crate::{Body, ConfigureMarket, PlaceOrder, Rejection};

/// Goal: an order that is refused leaves no trace, not even an empty account for what it would have received; one that is
/// taken opens it. Method: a user who has only quote asks for base, first for more than the money is worth; every refusal
/// is compared with the state and the rows before it.
#[test]
fn a_refused_order_opens_no_account() {
    let mut world = exchange(2);
    credit(&mut world, BOB, USDT, ONE);
    let accounts = |world: &super::World| world.state.ledger().accounts();
    let before = accounts(&world);
    let order = |lots| {
        let order = limit("a", Side::Buy, 1_000, lots);
        Body::PlaceOrder(Box::new(PlaceOrder { user: BOB, market: MARKET, order }))
    };
    let refused = world.refused(order(1_000_000));
    assert_eq!(refused, Rejection::Order { why: exchequer_matching::Rejection::Funds });
    assert_eq!(accounts(&world), before);
    world.run(order(100)).unwrap();
    assert_eq!(accounts(&world), before + 1);
    assert_eq!(balance(&world, BOB, BTC), (0, 0));
    // Once there, it stays.
    world.refused(order(1_000_000));
    assert_eq!(accounts(&world), before + 1);
    assert_eq!(balance(&world, ALICE, Asset(1)), (0, 0));
}

/// Goal: filters under which no order could be entered are refused, for a new market and for one that is there, and change
/// nothing. Method: a lowest price above the highest.
#[test]
fn filters_without_room_are_refused() {
    let mut world = exchange(1);
    let filters = Filters { price_min: Ticks(11), price_max: Ticks(10), ..Filters::default() };
    let mut other = market("OTHER");
    if let Body::CreateMarket(market) = &mut other {
        market.filters = filters;
    }
    let reference = Some(Ticks(7));
    let configure =
        ConfigureMarket { market: MARKET, filters: Some(filters), breaker: None, reference, reason: "test".into() };
    for body in [other, Body::ConfigureMarket(Box::new(configure))] {
        assert_eq!(world.refused(body), Rejection::Invalid { field: Field::MarketFilters });
    }
}
