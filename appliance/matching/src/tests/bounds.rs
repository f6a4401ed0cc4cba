//! What one command may not finish is finished by the next ones, as by the naive market.

use exchequer_domain::Timestamp;

use super::dice::Dice;
use super::naive::Naive;
use super::random::Notes;
use crate::limits::Limits;
use crate::{
    Action, By, Command, DEADLINES_PER_COMMAND, End, FIRED_PER_COMMAND, FOLLOW_STEPS_MAX, Fees, Filters, Life, Lots,
    Market, NewOrder, Owner, Phase, PhaseChange, Rejection, Report, Rounding, STEPS_MAX, SWITCHES_PER_COMMAND,
    SelfTrade, Side, Slots, Ticks, When, Worth,
};

/// The market and the naive one, side by side.
pub(super) struct Both {
    pub(super) market: Market,
    naive: Naive,
    pub(super) now: u64,
}

impl Both {
    fn new() -> Both {
        Both::with(Dice(1).worth())
    }

    pub(super) fn with(worth: Worth) -> Both {
        Both::within(Limits::FULL, worth)
    }

    fn within(limits: Limits, worth: Worth) -> Both {
        let filters = Filters::default();
        Both { market: Market::within(limits, worth, filters), naive: Naive::new(limits, worth, filters), now: 1 }
    }

    pub(super) fn run(&mut self, command: Command) -> Vec<Report> {
        let mut notes = Notes::default();
        self.market.apply(Timestamp(self.now), &command, &mut notes).unwrap();
        self.naive.reports.clear();
        self.naive.apply(Timestamp(self.now), &command);
        assert_eq!(notes.0, self.naive.reports, "{command:?}");
        notes.0
    }

    fn trades(&mut self, command: Command) -> usize {
        self.run(command).iter().filter(|report| matches!(report, Report::Trade(_))).count()
    }
}

pub(super) fn order(owner: u32, side: Side, price: u64, lots: u64) -> NewOrder {
    let life = Life::Rest { until: None, peak: None, post_only: false };
    NewOrder {
        owner: Owner(owner),
        slots: Slots::default(),
        tag: 0,
        side,
        fees: Fees::default(),
        self_trade: SelfTrade::Allow,
        position: Lots(0),
        when: None,
        action: Action::Limit { price: Ticks(price), lots: Lots(lots), life },
    }
}

/// Goal: an auction with more trades than one command may make is finished in steps, while nothing else happens.
#[test]
fn a_large_auction_takes_several_commands() {
    let mut both = Both::new();
    for number in 0..2_600 {
        let side = if number % 2 == 0 { Side::Buy } else { Side::Sell };
        both.run(Command::New(order(number / 500, side, 100, 1)));
    }
    let accepted = both.market.book().resting(Side::Buy).min(both.market.book().resting(Side::Sell)) as usize;
    let steps = STEPS_MAX as usize;
    assert!(accepted > steps, "{accepted}");
    assert_eq!(both.trades(Command::SetPhase(PhaseChange::Trading)), steps);
    assert!(matches!(both.market.phase(), Phase::Uncrossing { .. }));
    assert_eq!(both.trades(Command::Tick), accepted - steps);
    assert_eq!(both.market.phase(), Phase::Trading);
}

/// Goal: the trades of an auction that are not made yet can be called off, what is left of its orders stays in the book,
/// and a later auction trades it. Method: an auction of three commands, stopped with the second.
#[test]
fn a_large_auction_can_be_called_off() {
    let mut both = Both::new();
    for number in 0..4_600 {
        let side = if number % 2 == 0 { Side::Buy } else { Side::Sell };
        both.run(Command::New(order(number / 500, side, 100, 1)));
    }
    let all = both.market.book().resting(Side::Buy).min(both.market.book().resting(Side::Sell)) as usize;
    let steps = STEPS_MAX as usize;
    assert!(all > 2 * steps, "{all}");
    assert_eq!(both.trades(Command::SetPhase(PhaseChange::Trading)), steps);
    assert_eq!(both.trades(Command::SetPhase(PhaseChange::CancelOnly)), steps);
    assert_eq!(both.market.phase(), Phase::CancelOnly { until: None });
    assert_eq!(both.trades(Command::Tick), 0);
    both.run(Command::SetPhase(PhaseChange::Auction { ends: None }));
    assert_eq!(both.trades(Command::SetPhase(PhaseChange::Trading)), all - 2 * steps);
    assert_eq!(both.market.phase(), Phase::Trading);
}

/// Goal: an order that meets more than it may ends there, a fill-or-kill is refused; the book stays uncrossed.
#[test]
fn a_walk_is_bounded() {
    let mut both = Both::new();
    both.run(Command::SetPhase(PhaseChange::Trading));
    for number in 0..1_500 {
        both.run(Command::New(order(number / 500, Side::Sell, 100 + u64::from(number % 7), 1)));
    }
    let kill = |fill_or_kill| {
        let action = Action::Market { lots: Lots(1_200), quote: 1 << 90, by: By::Lots, fill_or_kill };
        Command::New(NewOrder { action, ..order(9, Side::Buy, 1, 1) })
    };
    assert_eq!(both.trades(kill(true)), 0);
    assert_eq!(both.trades(kill(false)), STEPS_MAX as usize);
}

/// Goal: more triggers and deadlines at once than one command carries out are carried out by the next ones, in order.
#[test]
fn triggers_and_deadlines_are_bounded() {
    let mut both = Both::new();
    both.run(Command::SetPhase(PhaseChange::Trading));
    both.run(Command::SetReference(Ticks(100)));
    for number in 0..100 {
        let when = Some(When::StopLoss(Ticks(105 + number % 3)));
        both.run(Command::New(NewOrder { when, ..order(1, Side::Buy, 90, 2) }));
        let life = Life::Rest { until: Some(Timestamp(50)), peak: None, post_only: false };
        let action = Action::Limit { price: Ticks(80), lots: Lots(2), life };
        both.run(Command::New(NewOrder { action, ..order(2, Side::Buy, 80, 2) }));
    }
    both.run(Command::New(order(3, Side::Sell, 110, 1)));
    both.run(Command::New(order(4, Side::Buy, 110, 1)));
    both.now = 60;
    for _ in 0..10 {
        both.run(Command::Tick);
    }
    assert_eq!(both.market.book().best(Side::Buy), Some(Ticks(90)));
    assert_eq!(both.market.book().prices(Side::Buy), 1);
    assert_eq!(both.market.book().open_orders(), both.market.book().resting(Side::Buy));
}

/// Goal: triggered orders together meet no more resting orders around one command than the bound and one walk more, none
/// of them is cut short by the others, and the rest follows with the next commands. Method: stops of 710 lots each, set
/// off at once over a book of single lots.
#[test]
fn triggered_orders_share_their_steps() {
    let mut both = Both::with(Worth::new(1, 1, Rounding::Up).unwrap());
    both.run(Command::SetPhase(PhaseChange::Trading));
    both.run(Command::SetReference(Ticks(100)));
    for number in 0..3_000 {
        both.run(Command::New(order(10 + number / 500, Side::Buy, 90, 1)));
    }
    for kill in [false, false, false, true] {
        let action = Action::Market { lots: Lots(710), quote: 1 << 90, by: By::Lots, fill_or_kill: kill };
        let when = Some(When::StopLoss(Ticks(95)));
        both.run(Command::New(NewOrder { when, action, ..order(1, Side::Sell, 1, 1) }));
    }
    both.run(Command::New(order(2, Side::Buy, 94, 1)));
    let sets_off = both.run(Command::New(order(3, Side::Sell, 94, 1)));
    let trades = |reports: &[Report]| reports.iter().filter(|report| matches!(report, Report::Trade(_))).count();
    assert_eq!(trades(&sets_off), 1 + 2 * 710);
    assert_eq!(both.market.due(), Some(Timestamp(both.now)));
    // Those before the command and those after it share the bound: the third stop, then the fourth.
    assert_eq!(trades(&both.run(Command::Tick)), 2 * 710);
    assert_eq!(both.market.due(), None);
    assert_eq!(both.market.book().open_orders(), 3_000 - 4 * 710);
}

/// Goal: what a fill-or-kill counts beforehand is part of the shared steps, the meeting at which its quote ends included.
/// Method: one that comes just to the bound, or to two steps less, counted and walked, and an order that follows.
#[test]
fn a_triggered_fill_or_kill_counts_what_it_only_rehearses() {
    for (lots, follows) in [(498, false), (497, true)] {
        let mut both = Both::with(Worth::new(1, 1, Rounding::Up).unwrap());
        both.run(Command::SetPhase(PhaseChange::Trading));
        both.run(Command::SetReference(Ticks(100)));
        for number in 0..600 {
            let shown = if u64::from(number) == lots { 2 } else { 1 };
            both.run(Command::New(order(10 + number / 500, Side::Sell, 110, shown)));
        }
        // Its quote pays this many lots and not one more, of an order that has two.
        for (quote, by) in [(110 * u128::from(lots + 1) + 3, By::Quote), (110, By::Lots)] {
            let (kill, most) = if by == By::Quote { (true, 1_000) } else { (false, 1) };
            let action = Action::Market { lots: Lots(most), quote, by, fill_or_kill: kill };
            let when = Some(When::StopLoss(Ticks(105)));
            assert_eq!(both.run(Command::New(NewOrder { when, action, ..order(1, Side::Buy, 1, 1) })).len(), 1);
        }
        both.run(Command::New(order(2, Side::Sell, 107, 1)));
        both.run(Command::New(order(3, Side::Buy, 107, 1)));
        assert_eq!(both.market.due().is_none(), follows, "{lots}");
    }
}

/// Goal: an amendment does not give back what the order has traded since its owner looked, though it traded only just
/// before the amendment. Method: a triggered order that a command leaves over trades with it first.
#[test]
fn an_amendment_gives_back_nothing_that_was_traded() {
    let mut both = Both::with(Worth::new(1, 1, Rounding::Up).unwrap());
    both.run(Command::SetPhase(PhaseChange::Trading));
    both.run(Command::SetReference(Ticks(100)));
    for number in 0..FOLLOW_STEPS_MAX {
        both.run(Command::New(order(10 + number / 500, Side::Buy, 90, 1)));
    }
    both.run(Command::New(order(20, Side::Buy, 89, 10)));
    for lots in [u64::from(FOLLOW_STEPS_MAX), 4] {
        let action = Action::Market { lots: Lots(lots), quote: 1 << 90, by: By::Lots, fill_or_kill: false };
        let when = Some(When::StopLoss(Ticks(95)));
        both.run(Command::New(NewOrder { when, action, ..order(1, Side::Sell, 1, 1) }));
    }
    both.run(Command::New(order(2, Side::Buy, 94, 1)));
    both.run(Command::New(order(3, Side::Sell, 94, 1)));
    let found = both.market.orders_of(Owner(20)).next().unwrap();
    assert_eq!((found.open, both.market.due()), (Lots(10), Some(Timestamp(both.now))));
    let (owner, id, price) = (found.owner, found.id, Ticks(89));
    let reports = both.run(Command::Amend { owner, id, price, lots: Lots(12), seen: Lots(10) });
    assert!(matches!(reports[0], Report::Trade(trade) if trade.buyer.id == id && trade.lots == Lots(4)));
    assert!(matches!(reports[1], Report::Amended { lots: Lots(8), .. }), "{reports:?}");
}

fn ends(reports: &[Report], end: End) -> usize {
    reports.iter().filter(|report| matches!(report, Report::Ended { why, .. } if *why == end)).count()
}

/// Goal: no order trades once its owner's switch is over, though more switches are over than one command carries out;
/// a fill-or-kill does not count on it either. Method: three times as many, each with one order.
#[test]
fn no_order_trades_after_its_owners_switch() {
    let mut both = Both::with(Worth::new(1, 1, Rounding::Up).unwrap());
    both.run(Command::SetPhase(PhaseChange::Trading));
    let some = SWITCHES_PER_COMMAND;
    for owner in 1..=3 * some {
        both.run(Command::New(order(owner, Side::Sell, 100, 1)));
        both.run(Command::CancelAfter { owner: Owner(owner), at: Some(Timestamp(50)) });
    }
    both.now = 50;
    let action = Action::Limit { price: Ticks(100), lots: Lots(1), life: Life::FillOrKill };
    let refused = both.run(Command::New(NewOrder { action, ..order(100, Side::Buy, 100, 1) }));
    assert_eq!((ends(&refused, End::CancelAfter), refused.len()), (some as usize, some as usize + 1));
    assert!(matches!(refused.last(), Some(Report::Rejected { why: Rejection::CannotFill, .. })), "{refused:?}");
    let rests = both.run(Command::New(order(100, Side::Buy, 100, 1)));
    assert_eq!((ends(&rests, End::CancelAfter), rests.len()), (2 * some as usize, 2 * some as usize + 1));
    assert_eq!(both.market.book().resting(Side::Buy), 1);
}

/// Goal: a triggered order whose time, or whose owner's switch, is over when its turn comes ends instead. Method: more of
/// them than one command carries out, behind more deadlines and switches than one command meets.
#[test]
fn no_triggered_order_is_carried_out_after_its_time() {
    for by_switch in [false, true] {
        let mut both = Both::with(Worth::new(1, 1, Rounding::Up).unwrap());
        both.run(Command::SetPhase(PhaseChange::Trading));
        both.run(Command::SetReference(Ticks(100)));
        let resting = |until: Option<u64>| {
            let life = Life::Rest { until: until.map(Timestamp), peak: None, post_only: false };
            Action::Limit { price: Ticks(90), lots: Lots(2), life }
        };
        for number in 0..DEADLINES_PER_COMMAND {
            both.run(Command::New(NewOrder { action: resting(Some(50)), ..order(number % 2, Side::Buy, 90, 2) }));
        }
        for owner in 0..SWITCHES_PER_COMMAND {
            both.run(Command::CancelAfter { owner: Owner(10 + owner), at: Some(Timestamp(50)) });
        }
        let fired = 2 * FIRED_PER_COMMAND;
        for _ in 0..fired {
            let (when, action) = (Some(When::StopLoss(Ticks(105))), resting(if by_switch { None } else { Some(51) }));
            both.run(Command::New(NewOrder { when, action, ..order(30, Side::Buy, 90, 2) }));
        }
        if by_switch {
            both.run(Command::CancelAfter { owner: Owner(30), at: Some(Timestamp(51)) });
        }
        both.run(Command::New(order(3, Side::Sell, 110, 1)));
        both.run(Command::New(order(4, Side::Buy, 110, 1)));
        assert_eq!(both.market.book().resting(Side::Buy), DEADLINES_PER_COMMAND + FIRED_PER_COMMAND);
        both.now = 60;
        let (late, left) = (both.run(Command::Tick), (fired - FIRED_PER_COMMAND) as usize);
        let expected =
            if by_switch { (DEADLINES_PER_COMMAND as usize, left) } else { (DEADLINES_PER_COMMAND as usize + left, 0) };
        assert_eq!((ends(&late, End::Deadline), ends(&late, End::CancelAfter)), expected);
        assert_eq!(both.market.book().open_orders(), FIRED_PER_COMMAND);
        both.run(Command::Tick);
        assert_eq!(both.market.book().open_orders(), 0);
    }
}

/// Goal: nobody keeps the others out of a market by taking all prices or all places for orders that wait: whoever comes
/// finds room, also after forty who have taken what they may. Method: owners one after the other who enter and amend until
/// they are refused, in a market with few places.
#[test]
fn an_owner_takes_a_share() {
    let limits = Limits { waiting: 640, trailing: 640, levels: 640, share: 16, ..Limits::FULL };
    let mut both = Both::within(limits, Worth::new(1, 1, Rounding::Up).unwrap());
    both.run(Command::SetPhase(PhaseChange::Trading));
    both.run(Command::SetReference(Ticks(1_000_000)));
    let refused = |reports: &[Report]| match reports.last() {
        Some(Report::Rejected { why, .. }) => Some(*why),
        _ => None,
    };
    let mut prices = 1..;
    let mut shares = Vec::new();
    for owner in 1..=40 {
        let (mut stops, mut trails, mut levels) = (0, 0, 0);
        let action = Action::Market { lots: Lots(1), quote: 1 << 90, by: By::Lots, fill_or_kill: false };
        for (count, when) in
            [(&mut trails, When::Trailing(Ticks(500_000))), (&mut stops, When::StopLoss(Ticks(2_000_000)))]
        {
            let stop = NewOrder { when: Some(when), action, ..order(owner, Side::Buy, 1, 1) };
            while refused(&both.run(Command::New(stop))).is_none() {
                *count += 1;
            }
            assert_eq!(refused(&both.run(Command::New(stop))), Some(Rejection::StopsMax));
        }
        // All at one price, and then each at its own.
        let mut last = None;
        while let [Report::Accepted { id, .. }] = both.run(Command::New(order(100 + owner, Side::Buy, 900_000, 1)))[..]
        {
            let (price, lots) = (Ticks(prices.next().unwrap()), Lots(1));
            let amend = Command::Amend { owner: Owner(100 + owner), id, price, lots, seen: lots };
            levels += u32::from(refused(&both.run(amend)).is_none());
            last = Some(id);
        }
        assert!(last.is_some());
        shares.push((stops + trails, levels));
    }
    assert_eq!((shares[0], shares[39]), ((37, 37), (4, 4)), "{shares:?}");
}
