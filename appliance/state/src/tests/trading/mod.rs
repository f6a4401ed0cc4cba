//! Trading through the whole state: orders, balances, records and rows together.

mod candles;
mod emergency;
pub(super) mod golden;
mod keys;
mod orders;
mod random;
mod refused;

use exchequer_domain::{Timestamp, UserId};
use exchequer_ledger as ledger;
use exchequer_ledger::{AccountKey, Asset, Holder, TransferId};
use exchequer_matching::{Fees, Filters, Life, Lots, OrderId, PhaseChange, SelfTrade, Side, Ticks};

use super::world::World;
use crate::markets::{Ask, ClientOrderId, MarketId, OrderRecord, Step};
use crate::{
    Body, CreateAsset, CreateMarket, CreateUsers, CreditSandbox, Done, OrderSpec, PlaceOrder, Rejection,
    SetMarketPhase, Traded,
};

pub(super) const BTC: Asset = Asset(1);
pub(super) const USDT: Asset = Asset(2);
pub(super) const MARKET: MarketId = MarketId(1);
pub(super) const ALICE: UserId = UserId(1);
pub(super) const BOB: UserId = UserId(2);
/// Minor units of USDT in one.
pub(super) const ONE: u128 = 100_000_000;

/// A market BTCUSDT of tick 0.01 and lot 0.00001, two tiers of fees, open for trading; `users` users without money.
pub(super) fn exchange(users: u32) -> World {
    let mut world = World::new();
    for (code, name) in [("BTC", "Bitcoin"), ("USDT", "Tether")] {
        let reason = "test".to_owned();
        let asset = CreateAsset { code: code.into(), decimals: 8, name: name.into(), reason };
        world.run(Body::CreateAsset(asset)).unwrap();
    }
    world.run(Body::CreateUsers(CreateUsers { count: users, kyc_level: 1, fee_tier: 0 })).unwrap();
    assert_eq!(world.run(market("BTCUSDT")), Ok(Done::MarketCreated { market: MARKET }));
    let open = SetMarketPhase { market: MARKET, phase: PhaseChange::Trading, reason: "open".into() };
    world.run(Body::SetMarketPhase(open)).unwrap();
    world
}

pub(super) fn market(symbol: &str) -> Body {
    Body::CreateMarket(Box::new(CreateMarket {
        symbol: symbol.into(),
        base: BTC,
        quote: USDT,
        tick: Step { units: 1, decimals: 2 },
        lot: Step { units: 1, decimals: 5 },
        fees: vec![Fees { maker_ppm: 1_000, taker_ppm: 2_000 }, Fees { maker_ppm: 500, taker_ppm: 1_000 }],
        filters: Filters::default(),
        reason: "test".into(),
    }))
}

/// Gives a user money out of nothing, as a sandbox may.
pub(super) fn credit(world: &mut World, user: UserId, asset: Asset, amount: u128) {
    let id = TransferId(u128::from(world.index) << 32 | user.0 as u128);
    world.run(Body::CreditSandbox(CreditSandbox { user, asset, amount, id })).unwrap();
}

pub(super) fn name(text: &str) -> ClientOrderId {
    ClientOrderId::new(text).unwrap()
}

pub(super) const REST: Life = Life::Rest { until: None, peak: None, post_only: false };

/// A limit order that rests.
pub(super) fn limit(client_id: &str, side: Side, price: u64, lots: u64) -> OrderSpec {
    let ask = Ask::Limit { price: Ticks(price), lots: Lots(lots), life: REST };
    OrderSpec { client_id: name(client_id), side, ask, when: None, self_trade: SelfTrade::Allow }
}

pub(super) fn place(world: &mut World, user: UserId, order: OrderSpec) -> Result<Traded, Rejection> {
    traded(world.run(Body::PlaceOrder(Box::new(PlaceOrder { user, market: MARKET, order }))))
}

pub(super) fn traded(outcome: Result<Done, Rejection>) -> Result<Traded, Rejection> {
    match outcome {
        Ok(Done::Traded(traded)) => Ok(*traded),
        Ok(other) => panic!("{other:?}"),
        Err(rejection) => Err(rejection),
    }
}

/// Total, and what is available of it.
pub(super) fn balance(world: &World, user: UserId, asset: Asset) -> (u128, u128) {
    let key = AccountKey { holder: Holder::Customer { customer: user.0, sub_account: 0 }, asset };
    let ledger = world.state.ledger();
    let account = ledger.find(&key).and_then(|account| ledger.account(account));
    account.map_or((0, 0), |account| (account.sums.balance(ledger::Side::Credit), account.available()))
}

pub(super) fn fees(world: &World, asset: Asset) -> u128 {
    let ledger = world.state.ledger();
    let account = ledger.find(&AccountKey { holder: Holder::FeeIncome, asset }).unwrap();
    ledger.account(account).unwrap().sums.balance(ledger::Side::Credit)
}

/// An order of a user, open or over.
pub(super) fn order(world: &World, user: UserId, id: OrderId) -> OrderRecord {
    world.state.markets().order(&world.rows, user, MARKET, id).unwrap().unwrap()
}

pub(super) fn later(world: &mut World, us: u64) {
    world.now = Timestamp(world.now.0 + us);
}
