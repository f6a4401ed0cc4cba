//! Auctions that take several commands, and what waits for their price.

use super::bounds::{Both, order};
use crate::{
    Action, By, Command, Lots, NewOrder, NewPair, Phase, PhaseChange, Report, Rounding, STEPS_MAX, Side, Ticks, When,
    Worth,
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
