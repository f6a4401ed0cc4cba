//! The state machine behind bytes: commands from a log, and rows from a disk.

use std::sync::LazyLock;

use exchequer_domain::{ClusterId, CommandId, Timestamp, UserId};
use exchequer_matching::{Fees, Filters, Life, Lots, PhaseChange, SelfTrade, Side, Ticks};
use exchequer_state::cluster::Authority;
use exchequer_state::ledger::{Asset, TransferId};
use exchequer_state::markets::{Ask, ClientOrderId, MarketId, Step};
use exchequer_state::registry::NodeVersion;
use exchequer_state::testing::MemoryRows;
use exchequer_state::{
    Actor, At, Body, Bootstrap, Command, CreateAsset, CreateMarket, CreateUser, CreditSandbox, Family, FirstNode,
    Input, OrderSpec, Outcome, PlaceOrder, SetMarketPhase, State, TransferBetweenUsers,
};

/// A small cluster: two users with money, a market with an order on each side.
pub(crate) struct World {
    pub(crate) state: State,
    pub(crate) rows: MemoryRows,
    index: u64,
    /// The commands that made it.
    pub(crate) log: Vec<Vec<u8>>,
}

pub(crate) static WORLD: LazyLock<World> = LazyLock::new(World::new);

fn time(index: u64) -> Timestamp {
    Timestamp(1_764_000_000_000_000 + index * 1_000)
}

impl World {
    fn new() -> World {
        let mut world = World { state: State::new(), rows: MemoryRows::new(), index: 0, log: Vec::new() };
        for body in bodies() {
            let id = CommandId(u128::from(world.index + 1).to_be_bytes());
            let bytes = Command { id, actor: Actor::Operator, epoch: None, body }.encode();
            let outcome = world.apply(&bytes);
            assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
            world.log.push(bytes);
        }
        world
    }

    fn apply(&mut self, bytes: &[u8]) -> Outcome {
        self.index += 1;
        let at = At { index: self.index, term: 1, time: time(self.index) };
        let applied = self.state.apply(at, Input::Commands(&[bytes]), &self.rows);
        let applied = applied.unwrap_or_else(|halt| panic!("no bytes stop a node: {halt:?}"));
        self.rows.apply_changes(&applied.changes);
        let [outcome] = applied.outcomes.as_slice() else { panic!("one command has one outcome") };
        Outcome::decode(outcome).unwrap_or_else(|error| panic!("an outcome is read back: {error:?}"))
    }
}

fn bodies() -> Vec<Body> {
    let reason = || "fuzz".to_owned();
    let asset = |code: &str| {
        Body::CreateAsset(CreateAsset { code: code.into(), decimals: 8, name: code.into(), reason: reason() })
    };
    let user = |label: &str| Body::CreateUser(CreateUser { label: label.into(), kyc_level: 0, fee_tier: 0 });
    let credit = |user, asset, id| {
        let (user, asset) = (UserId(user), Asset(asset));
        Body::CreditSandbox(CreditSandbox { user, asset, amount: 100_000_000_000, id: TransferId(id) })
    };
    let order = |user, name: &str, side, price| {
        let life = Life::Rest { until: None, peak: None, post_only: false };
        let ask = Ask::Limit { price: Ticks(price), lots: Lots(10), life };
        let Some(client_id) = ClientOrderId::new(name) else { panic!("a plain name is one") };
        let order = OrderSpec { client_id, side, ask, when: None, self_trade: SelfTrade::ExpireTaker };
        Body::PlaceOrder(Box::new(PlaceOrder { user: UserId(user), market: MarketId(1), order }))
    };
    let bootstrap = Bootstrap {
        cluster_id: ClusterId([7; 16]),
        name: "fuzz".into(),
        sandbox: true,
        authority: Authority { certificate_der: vec![1], sealed_key: vec![1] },
        operator_token_hash: [2; 32],
        node: FirstNode {
            name: "n1".into(),
            api_address: "n1.example:8640".into(),
            peer_address: "n1.example:8641".into(),
            version: NodeVersion::of_this_program(),
            key_fingerprint: [1; 32],
        },
    };
    let market = CreateMarket {
        symbol: "BTCUSDT".into(),
        base: Asset(1),
        quote: Asset(2),
        tick: Step { units: 1, decimals: 2 },
        lot: Step { units: 1, decimals: 5 },
        fees: vec![Fees { maker_ppm: 1_000, taker_ppm: 2_000 }],
        filters: Filters::default(),
        reason: reason(),
    };
    let trading = SetMarketPhase { market: MarketId(1), phase: PhaseChange::Trading, reason: reason() };
    let gift = TransferBetweenUsers {
        from: UserId(1),
        to: UserId(2),
        asset: Asset(1),
        amount: 5,
        id: TransferId(900),
        note: Some("gift".into()),
    };
    vec![
        Body::Bootstrap(Box::new(bootstrap)),
        asset("BTC"),
        asset("USDT"),
        user("Ada"),
        user("Bob"),
        credit(1, 1, 100),
        credit(1, 2, 101),
        credit(2, 1, 102),
        credit(2, 2, 103),
        Body::TransferBetweenUsers(gift),
        Body::CreateMarket(Box::new(market)),
        Body::SetMarketPhase(trading),
        order(1, "bid", Side::Buy, 5_000),
        order(2, "ask", Side::Sell, 5_100),
        order(2, "taker", Side::Sell, 5_000),
    ]
}

/// A command out of a log: whatever it is, it has an outcome, the node goes on, and its rows make the same state.
pub(crate) fn command(bytes: &[u8]) {
    if let Ok(command) = Command::decode(bytes) {
        let written = command.encode();
        assert_eq!(Command::decode(&written).as_ref(), Ok(&command), "a command is read back");
    }
    if exchequer_state::command::is_too_large(bytes) {
        return;
    }
    let World { state, rows, index, .. } = &*WORLD;
    let mut world = World { state: state.clone(), rows: rows.clone(), index: *index, log: Vec::new() };
    world.apply(bytes);
    // The next entry finds everything in order.
    let last = WORLD.log.last().map(Vec::as_slice).unwrap_or_default();
    world.apply(last);
}

/// A row on a disk: two bytes say which, the rest is put in its place. It is read, or refused.
pub(crate) fn rows(bytes: &[u8]) {
    let Some((place, value)) = bytes.split_at_checked(2) else { return };
    let mut rows = WORLD.rows.clone();
    let place = usize::from(u16::from_be_bytes([place[0], place[1]]));
    let all: Vec<(Family, Vec<u8>)> = rows.iter().map(|(family, key, _)| (family, key.to_vec())).collect();
    let Some((family, key)) = all.get(place % all.len().max(1)) else { return };
    rows.put(*family, key.clone(), value.to_vec());
    if let Ok(state) = State::load(&rows) {
        let _ = state.trial_balance(Asset(1));
        let _ = state.posting_feed(&rows, 1, 10);
    }
}
