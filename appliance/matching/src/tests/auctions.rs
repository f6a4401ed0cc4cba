//! Auctions that take several commands, what waits for their price, and what prices are measured by.

use super::bounds::{Both, order};
use crate::{
    Action, By, Command, Life, Lots, NewOrder, NewPair, Owner, Phase, PhaseChange, Report, Rounding, STEPS_MAX, Side,
    Ticks, When, Worth,
};

fn trading() -> Both {
    let mut both = Both::with(Worth::new(1, 1, Rounding::Up).unwrap());
    both.run(Command::SetPhase(PhaseChange::Trading));
    both.run(Command::SetReference(Ticks(10_000)));
    both
}

/// Goal: what an auction's price sets off waits for the auction's end, so that nothing that the auction counted leaves
/// it meanwhile. Method: an auction of more trades than one command may make, in which a pair's limit order is to trade
/// late while its other leg waits for a price below the auction's.
#[test]
fn triggers_wait_for_the_end_of_an_auction() {
    let mut both = trading();
    let action = Action::Market { lots: Lots(10), quote: 1 << 100, by: By::Lots, fill_or_kill: false };
    let stop = NewOrder { when: Some(When::TakeProfit(Ticks(12_000))), action, ..order(50, Side::Sell, 1, 1) };
    both.run(Command::Pair(NewPair { stop, price: Ticks(11_000) }));
    both.run(Command::SetPhase(PhaseChange::Auction { ends: None }));
    for number in 0..STEPS_MAX + 100 {
        both.run(Command::New(order(number / 500, Side::Sell, 10_500, 1)));
    }
    both.run(Command::New(order(51, Side::Sell, 12_500, 10)));
    both.run(Command::New(order(52, Side::Buy, 12_500, u64::from(STEPS_MAX) + 120)));
    let opened = both.run(Command::SetPhase(PhaseChange::Trading));
    assert!(matches!(both.market.phase(), Phase::Uncrossing { .. }));
    assert!(!opened.iter().any(|report| matches!(report, Report::Triggered { .. })));
    both.run(Command::Tick);
    assert_eq!(both.market.phase(), Phase::Trading);
    assert_eq!(both.market.book().open_orders(), 0);
}

/// Goal: what waits for an auction's price is set off once it is over, by the command that made its last trade.
#[test]
fn an_auction_sets_off_what_waited_for_its_price() {
    let mut both = trading();
    let when = Some(When::StopLoss(Ticks(10_100)));
    both.run(Command::New(NewOrder { when, ..order(1, Side::Buy, 9_000, 2) }));
    both.run(Command::SetPhase(PhaseChange::Auction { ends: None }));
    both.run(Command::New(order(2, Side::Sell, 10_100, 2)));
    both.run(Command::New(order(3, Side::Buy, 10_100, 2)));
    let opened = both.run(Command::SetPhase(PhaseChange::Trading));
    let opens = opened.iter().position(|report| matches!(report, Report::Phase(Phase::Trading)));
    let fires = opened.iter().position(|report| matches!(report, Report::Triggered { .. }));
    assert!(opens.is_some() && opens < fires, "{opened:?}");
    assert_eq!(both.market.book().best(Side::Buy), Some(Ticks(9_000)));
}

/// Goal: an auction makes fewer trades than it has orders, however small the visible parts of icebergs are, and an
/// iceberg keeps its place in it. Method: an iceberg of a hundred parts, before another order, meets two.
#[test]
fn an_iceberg_trades_whole_in_an_auction() {
    let mut both = trading();
    both.run(Command::SetPhase(PhaseChange::Auction { ends: None }));
    let life = Life::Rest { until: None, peak: Some(Lots(2)), post_only: false };
    let action = Action::Limit { price: Ticks(10_000), lots: Lots(200), life };
    both.run(Command::New(NewOrder { action, ..order(1, Side::Sell, 1, 1) }));
    both.run(Command::New(order(2, Side::Sell, 10_000, 200)));
    both.run(Command::New(order(3, Side::Buy, 10_000, 101)));
    both.run(Command::New(order(4, Side::Buy, 10_000, 96)));
    let reports = both.run(Command::SetPhase(PhaseChange::Trading));
    let trade = |report: &Report| match report {
        Report::Trade(trade) => Some((trade.buyer.owner.0, trade.seller.owner.0, trade.lots.0, trade.seller.left.0)),
        _ => None,
    };
    let trades: Vec<_> = reports.iter().filter_map(trade).collect();
    assert_eq!(trades, [(3, 1, 101, 99), (4, 1, 96, 3)]);
    let shown: Vec<_> = both.market.orders_of(Owner(1)).map(|order| (order.open.0, order.hidden.0)).collect();
    assert_eq!(shown, [(2, 1)]);
    // It is still the first of its price.
    let reports = both.run(Command::New(order(5, Side::Buy, 10_000, 2)));
    assert_eq!(reports.iter().filter_map(trade).collect::<Vec<_>>(), [(5, 1, 2, 1)]);
}

/// Goal: prices are measured by the reference until there is a trade, then by the last trade.
#[test]
fn prices_are_measured_by_the_last_trade() {
    let mut both = Both::with(Worth::new(1, 1, Rounding::Up).unwrap());
    assert_eq!(both.market.measure(), None);
    both.run(Command::SetPhase(PhaseChange::Trading));
    both.run(Command::SetReference(Ticks(10_000)));
    assert_eq!(both.market.measure(), Some(Ticks(10_000)));
    both.run(Command::New(order(1, Side::Sell, 9_000, 1)));
    both.run(Command::New(order(2, Side::Buy, 9_000, 1)));
    both.run(Command::SetReference(Ticks(11_000)));
    assert_eq!(both.market.measure(), Some(Ticks(9_000)));
}
