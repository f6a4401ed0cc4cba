//! Random trading: whatever is asked, money and records agree, and the same log gives the same rows.

use std::collections::BTreeMap;

use exchequer_domain::{Timestamp, UserId};
use exchequer_ledger::{AccountId, Asset, Holder};
use exchequer_matching::{Breaker, By, Filters, Life, Lots, OrderId, PhaseChange, SelfTrade, Side, Ticks, When};

use super::super::world::{SECOND, World};
use super::{BTC, ONE, USDT, balance, credit, exchange, market, name};
use crate::markets::{Ask, MarketId, Markets, OrderStatus};
use crate::testing::MemoryRows;
use crate::{
    AmendOrder, At, Body, CancelAfter, CancelOrder, CancelOrders, Command, ConfigureMarket, Done, Input, OrderRef,
    OrderSpec, Outcome, PlaceOrder, PlacePair, Rejection, ReplaceOrder, SetMarketPhase, State,
};

const USERS: u32 = 4;
const MARKETS: u32 = 2;
/// Less than everything that is wanted costs.
const BTC_EACH: u128 = ONE / 40;
const USDT_EACH: u128 = 3 * ONE;

/// SplitMix64: small, and the same everywhere.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }

    pub(super) fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

/// Two markets, and users with too little money for everything they want.
fn start() -> World {
    let mut world = exchange(USERS);
    world.run(market("BTCUSDT2")).unwrap();
    let open = SetMarketPhase { market: MarketId(2), phase: PhaseChange::Trading, reason: "open".into() };
    world.run(Body::SetMarketPhase(open)).unwrap();
    for user in 1..=u64::from(USERS) {
        credit(&mut world, UserId(user), BTC, BTC_EACH);
        credit(&mut world, UserId(user), USDT, USDT_EACH);
    }
    world
}

fn side(dice: &mut Dice) -> Side {
    if dice.one_in(2) { Side::Buy } else { Side::Sell }
}

fn price(dice: &mut Dice) -> Ticks {
    Ticks(9_900 + 20 * dice.below(11))
}

fn client(dice: &mut Dice) -> crate::markets::ClientOrderId {
    name(&format!("c{}", dice.below(12)))
}

fn spec(dice: &mut Dice, now: Timestamp) -> OrderSpec {
    let until = dice.one_in(6).then(|| Timestamp(now.0 + dice.below(30) * SECOND));
    let lots = Lots(1 + dice.below(2_000));
    let peak = dice.one_in(6).then(|| Lots(1 + lots.0 / 4));
    let life = match dice.below(8) {
        0 => Life::Immediate,
        1 => Life::FillOrKill,
        other => Life::Rest { until, peak, post_only: other == 2 },
    };
    let ask = match dice.below(8) {
        0 => Ask::Market { by: By::Lots, quantity: lots.0.into() },
        1 => Ask::Market { by: By::Quote, quantity: u128::from(dice.below(3)) * ONE + 7 },
        _ => Ask::Limit { price: price(dice), lots, life },
    };
    let when = dice.one_in(5).then(|| match dice.below(3) {
        0 => When::StopLoss(price(dice)),
        1 => When::TakeProfit(price(dice)),
        _ => When::Trailing(Ticks(1 + dice.below(40))),
    });
    let modes =
        [SelfTrade::Allow, SelfTrade::ExpireTaker, SelfTrade::ExpireMaker, SelfTrade::ExpireBoth, SelfTrade::Decrement];
    let self_trade = modes[dice.below(5) as usize];
    OrderSpec { client_id: client(dice), side: side(dice), ask, when, self_trade }
}

fn body(dice: &mut Dice, world: &World) -> Body {
    // One beyond the last, so that unknown users and markets are asked for as well.
    let beyond = u64::from(dice.one_in(40));
    let user = UserId(1 + dice.below(u64::from(USERS) + beyond));
    let market = MarketId(1 + dice.below(u64::from(MARKETS) + beyond) as u32);
    let open: Vec<OrderId> = world.state.markets().open_orders(user, market).map(|order| order.id).collect();
    let order = match open.is_empty() || dice.one_in(4) {
        true => OrderRef::Name(client(dice)),
        false => OrderRef::Id(open[dice.below(open.len() as u64) as usize]),
    };
    let reason = || "test".to_owned();
    match dice.below(40) {
        0..24 => Body::PlaceOrder(Box::new(PlaceOrder { user, market, order: spec(dice, world.now) })),
        24..29 => Body::CancelOrder(CancelOrder { user, market, order }),
        29..32 => {
            let (price, lots) = (dice.one_in(2).then(|| price(dice)), Lots(dice.below(2_000)));
            Body::AmendOrder(AmendOrder { user, market, order, price, lots, keep_place: dice.one_in(4) })
        }
        32..34 => Body::ReplaceOrder(Box::new(ReplaceOrder { user, market, old: order, new: spec(dice, world.now) })),
        34..36 => {
            let stop = spec(dice, world.now);
            let pair = PlacePair { user, market, stop, limit_name: client(dice), price: price(dice) };
            Body::PlacePair(Box::new(pair))
        }
        36 => {
            let side = dice.one_in(2).then(|| side(dice));
            Body::CancelOrders(CancelOrders { user, market, side })
        }
        37 => {
            let at = dice.one_in(2).then(|| Timestamp(world.now.0 + dice.below(20) * SECOND));
            Body::CancelAfter(CancelAfter { user, market, at })
        }
        38 if dice.one_in(3) => {
            let ends = Some(Timestamp(world.now.0 + 5 * SECOND));
            let phases = [
                PhaseChange::PreOpen,
                PhaseChange::Auction { ends },
                PhaseChange::PostOnly,
                PhaseChange::CancelOnly,
                PhaseChange::Halt,
            ];
            let phase = phases[dice.below(5) as usize];
            Body::SetMarketPhase(SetMarketPhase { market, phase, reason: reason() })
        }
        38 => Body::SetMarketPhase(SetMarketPhase { market, phase: PhaseChange::Trading, reason: reason() }),
        _ => {
            let breaker = Breaker { band_ppm: 8_000, pause_us: 3 * SECOND, auction_us: 3 * SECOND };
            let filters = Filters { orders_max: 4, ..Filters::default() };
            Body::ConfigureMarket(Box::new(ConfigureMarket {
                market,
                filters: dice.one_in(2).then_some(filters),
                breaker: dice.one_in(2).then_some(breaker),
                reference: dice.one_in(3).then(|| price(dice)),
                reason: reason(),
            }))
        }
    }
}

/// Per account, what open orders hold is what is reserved; they are as many as are counted; and what is left of each is what its record says.
fn check_reservations(world: &World) {
    let (ledger, markets) = (world.state.ledger(), world.state.markets());
    let mut held: BTreeMap<u32, u128> = BTreeMap::new();
    let mut open = 0;
    for market in 1..=MARKETS {
        let market = MarketId(market);
        for user in 1..=USERS {
            let book = markets.market(market).unwrap();
            for view in book.orders_of(exchequer_matching::Owner(user)) {
                let account = if view.side == Side::Buy { view.slots.quote } else { view.slots.base };
                *held.entry(account).or_default() += view.held;
                open += 1;
                let record = markets.open_order(market, view.id).unwrap();
                let record_left = |asked: u64| asked - record.executed.0 - record.prevented.0;
                if let Ask::Limit { lots, .. } = record.ask {
                    assert_eq!(record_left(lots.0), view.open.0 + view.hidden.0, "{record:?}");
                }
                assert!(record.status.is_open(), "{record:?}");
            }
        }
    }
    assert_eq!(markets.open_count(), open, "open orders");
    for account in 0..ledger.accounts() {
        let reserved = ledger.account(AccountId(account)).unwrap().reserved;
        assert_eq!(reserved, held.get(&account).copied().unwrap_or_default(), "account {account}");
    }
    ledger.check().unwrap();
}

/// What users have and what fees took is what was put in.
fn check_conservation(world: &World) {
    let ledger = world.state.ledger();
    for (asset, put_in) in [(BTC, BTC_EACH), (USDT, USDT_EACH)] {
        let accounts = (0..ledger.accounts()).filter_map(|id| ledger.account(AccountId(id)));
        let owed = accounts.filter(|account| account.key.asset == asset && account.key.holder != Holder::Equity);
        let sum: u128 = owed.map(|account| account.sums.balance(exchequer_ledger::Side::Credit)).sum();
        assert_eq!(sum, put_in * u128::from(USERS), "{asset:?}");
    }
}

/// Every order's record is the sum of its trades, and so is what every user has.
fn check_history(world: &World) -> u64 {
    let markets = world.state.markets();
    let mut orders_seen = 0;
    let mut flows: BTreeMap<(UserId, Asset), i128> = BTreeMap::new();
    for (user, market) in (1..=USERS).flat_map(|user| (1..=MARKETS).map(move |market| (user, market))) {
        let (user, market) = (UserId(user.into()), MarketId(market));
        let mut sums: BTreeMap<OrderId, (u64, u128)> = BTreeMap::new();
        let mut from = exchequer_matching::TradeId(0);
        loop {
            let page = Markets::user_trades(&world.rows, user, market, Some(from), 7).unwrap();
            for own in &page {
                let (base, quote) = (own.trade.base as i128, own.trade.quote as i128);
                let (base, quote) = match own.side {
                    Side::Buy => (base - own.trade.buyer.fee as i128, -quote),
                    Side::Sell => (-base, quote - own.trade.seller.fee as i128),
                };
                *flows.entry((user, BTC)).or_default() += base;
                *flows.entry((user, USDT)).or_default() += quote;
                let sum = sums.entry(own.order).or_default();
                (sum.0, sum.1) = (sum.0 + own.trade.lots.0, sum.1 + own.trade.quote);
            }
            let Some(last) = page.last() else { break };
            from = exchequer_matching::TradeId(last.id.0 + 1);
        }
        let mut from = OrderId(0);
        loop {
            let page = markets.orders(&world.rows, user, market, Some(from), 100).unwrap();
            let Some(last) = page.last() else { break };
            from = OrderId(last.id.0 + 1);
            for order in page {
                let sum = sums.remove(&order.id).unwrap_or_default();
                assert_eq!((order.executed.0, order.quote), sum, "{order:?}");
                if order.status == OrderStatus::Filled
                    && let Ask::Limit { lots, .. } = order.ask
                {
                    assert_eq!(order.executed.0 + order.prevented.0, lots.0, "{order:?}");
                }
                orders_seen += 1;
            }
        }
        assert!(sums.is_empty(), "trades of orders that are not there: {sums:?}");
    }
    for user in (1..=u64::from(USERS)).map(UserId) {
        for (asset, put_in) in [(BTC, BTC_EACH), (USDT, USDT_EACH)] {
            let flow = flows.get(&(user, asset)).copied().unwrap_or_default();
            assert_eq!(balance(world, user, asset).0 as i128, put_in as i128 + flow, "{user:?} {asset:?}");
        }
    }
    orders_seen
}

fn seen(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Rejected(Rejection::Order { why }) => format!("refused {why:?}"),
        Outcome::Rejected(other) => format!("{other:?}").split([' ', '{']).next().unwrap_or_default().to_owned(),
        Outcome::Done(Done::Traded(traded)) if !traded.fills.is_empty() => "traded".into(),
        Outcome::Done(Done::Replaced { refused, .. }) => format!("replaced, then refused: {}", refused.is_some()),
        Outcome::Done(other) => format!("{other:?}").split([' ', '(', '{']).next().unwrap_or_default().to_owned(),
    }
}

type Log = Vec<(At, Vec<Vec<u8>>)>;

/// One random life of an exchange; every entry is checked, and the log is kept.
fn run(seed: u64, counts: &mut BTreeMap<String, u64>) -> (World, Log) {
    let mut dice = Dice(seed);
    let mut world = start();
    let mut log = Log::new();
    for _ in 0..60 {
        world.now = Timestamp(world.now.0 + dice.below(3) * SECOND);
        let bodies: Vec<Body> = (0..dice.below(8)).map(|_| body(&mut dice, &world)).collect();
        let commands: Vec<Command> = bodies.into_iter().map(|body| world.command(body)).collect();
        for outcome in world.entry(&commands) {
            *counts.entry(seen(&outcome)).or_default() += 1;
        }
        log.push((At { index: world.index, ..world.at() }, commands.iter().map(Command::encode).collect()));
        check_reservations(&world);
    }
    check_conservation(&world);
    (world, log)
}

/// Goal: money and records agree after every entry, whatever is asked. Method: random lives; after each entry the state
/// is loaded from its rows and compared, and reservations are summed anew; at the end conservation and every order's
/// history. The table of outcomes is printed, and a rare one fails.
#[test]
fn money_and_records_agree() {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let mut orders = 0;
    for seed in 0..250 {
        let life = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut counts = BTreeMap::new();
            let (world, _) = run(seed, &mut counts);
            (check_history(&world), counts)
        }));
        let Ok((seen, of_life)) = life else { panic!("seed {seed}") };
        orders += seen;
        for (outcome, count) in of_life {
            *counts.entry(outcome).or_default() += count;
        }
    }
    for (outcome, count) in &counts {
        println!("{count:>8} {outcome}");
    }
    assert!(orders > 10_000, "{orders} orders");
    let expected = [
        "traded",
        "Traded",
        "SwitchSet",
        "MarketPhase",
        "MarketConfigured",
        "ClientOrderIdUsed",
        "AmendLosesPlace",
        "MarketUnknown",
        "UserUnknown",
        "refused Funds",
        "refused UnknownOrder",
        "refused Phase",
        "refused WouldTake",
        "refused CannotFill",
        "refused WouldTrigger",
        "refused Quantity",
        "replaced, then refused: true",
        "replaced, then refused: false",
    ];
    for outcome in expected {
        assert!(counts.get(outcome).is_some_and(|count| *count >= 50), "{outcome}: {:?}", counts.get(outcome));
    }
}

/// Goal: a restart changes nothing, not even which rows are written when. Method: the same logs applied with the state
/// loaded anew from its rows before random entries.
#[test]
fn restarts_change_nothing() {
    for seed in 1_000..1_060 {
        let (world, log) = run(seed, &mut BTreeMap::new());
        let mut dice = Dice(!seed);
        let World { mut state, mut rows, .. } = start();
        for (at, commands) in &log {
            if dice.one_in(3) {
                state = State::load(&rows).unwrap();
            }
            apply(&mut state, &mut rows, *at, commands);
        }
        assert!(state == world.state, "seed {seed}");
        assert!(rows == world.rows, "seed {seed}");
    }
}

fn apply(state: &mut State, rows: &mut MemoryRows, at: At, commands: &[Vec<u8>]) {
    let bytes: Vec<&[u8]> = commands.iter().map(Vec::as_slice).collect();
    let applied = state.apply(at, Input::Commands(&bytes), rows).unwrap();
    rows.apply_changes(&applied.changes);
}
