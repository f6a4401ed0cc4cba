//! What a stop does to markets and orders, and how they go on.

use exchequer_domain::Timestamp;
use exchequer_matching::{Breaker, Phase, PhaseChange, Side};

use super::super::world::{HOUR, SECOND, credit as sandbox_credit, freeze, put};
use super::{ALICE, BOB, BTC, MARKET, ONE, USDT, World, credit, exchange, later, limit, name, place};
use crate::api_keys::{ApiKeyId, Credential, Scopes};
use crate::emergency::{Brake, RESUME_AUCTION_US_MIN, brakes, reopening};
use crate::maintenance::{Extent, WindowId};
use crate::markets::MarketId;
use crate::{
    Actor, Body, CancelOrder, Command, ConfigureMarket, CreateApiKey, Done, EmergencyResume, EmergencyStop, Event,
    EventKind, Input, OrderRef, PlaceOrder, Rejection, ScheduleMaintenance, SetMarketPhase, State,
};

fn stop() -> Body {
    Body::EmergencyStop(EmergencyStop { reason: "keys may be out".into() })
}

fn resume() -> Body {
    Body::EmergencyResume(EmergencyResume { reason: "they are not".into() })
}

fn to(world: &mut World, phase: PhaseChange) {
    let change = SetMarketPhase { market: MARKET, phase, reason: "test".into() };
    world.run(Body::SetMarketPhase(change)).unwrap();
}

fn phase(world: &World) -> Phase {
    world.state.markets().market(MARKET).unwrap().phase()
}

fn sell(world: &mut World, order: &str) -> Result<crate::Traded, Rejection> {
    place(world, ALICE, limit(order, Side::Sell, 1_000, 100))
}

/// What one command tells, of that which is numbered.
fn told(world: &mut World, body: Body) -> Vec<EventKind> {
    let command = world.command(body).encode();
    let applied = world.apply(Input::Commands(&[&command])).unwrap();
    let durable = applied.events.into_iter().filter_map(|event| match event {
        Event::Durable { record, .. } => Some(record.kind),
        _ => None,
    });
    durable.collect()
}

/// Goal: a stop takes effect in one entry, in the order that is promised, and a second one changes nothing. Method: the
/// events of the entry, and the state after it and after a reload from its rows.
#[test]
fn a_stop_is_one_entry_in_its_order() {
    let mut world = exchange(2);
    let by = Actor::Operator;
    let mut expected = vec![EventKind::EmergencyStopped { by }];
    let brakes = [Brake::Signing, Brake::Withdrawals, Brake::Sweeps, Brake::Trading, Brake::Changes];
    expected.extend(brakes.map(|brake| EventKind::EmergencyStep { brake }));
    assert_eq!(told(&mut world, stop()), expected);
    let emergency = world.state.emergency().unwrap();
    assert!(brakes.iter().all(|brake| emergency.blocks(*brake)));
    assert_eq!(emergency.phases, [(MARKET, Phase::Trading)]);
    assert_eq!(State::load(&world.rows).unwrap().emergency(), Some(emergency));
    let since = emergency.since;
    later(&mut world, HOUR);
    assert_eq!(world.refused(stop()), Rejection::EmergencyLasts { since });
    assert_eq!(told(&mut world, resume()).last(), Some(&EventKind::EmergencyResumed { by }));
    assert_eq!(State::load(&world.rows).unwrap().emergency(), None);
    assert_eq!(world.refused(resume()), Rejection::NoEmergency);
    let records = world.audit();
    let told: Vec<_> = records[records.len() - 2..].iter().map(|record| record.content.action.as_str()).collect();
    assert_eq!(told, ["stop-exchange", "resume-exchange"]);
}

/// Goal: whatever phase a market is in, nothing trades after a stop, and it goes on as promised: never by trading at once.
/// Method: a market in each phase that a command can bring it to, and one that its breaker stopped.
#[test]
fn every_phase_stops_and_reopens() {
    type Case = (fn(&mut World, Timestamp), fn(Timestamp, Timestamp) -> Phase, bool);
    let cases: [Case; 7] = [
        (|world, _| to(world, PhaseChange::Trading), |opens, _| Phase::Auction { ends: Some(opens) }, true),
        (|world, _| to(world, PhaseChange::PreOpen), |_, _| Phase::PreOpen, true),
        (|world, _| to(world, PhaseChange::PostOnly), |_, _| Phase::PostOnly, true),
        (|world, _| to(world, PhaseChange::Auction { ends: None }), |_, _| Phase::Auction { ends: None }, true),
        (
            |world, far| to(world, PhaseChange::Auction { ends: Some(far) }),
            |_, far| Phase::Auction { ends: Some(far) },
            true,
        ),
        (|world, _| to(world, PhaseChange::CancelOnly), |_, _| Phase::CancelOnly { until: None }, true),
        (|world, _| to(world, PhaseChange::Halt), |_, _| Phase::Halt, false),
    ];
    for (number, (bring, back, cancels)) in cases.into_iter().enumerate() {
        let mut world = exchange(2);
        credit(&mut world, ALICE, BTC, ONE);
        sell(&mut world, "before").unwrap();
        let far = Timestamp(world.now.0 + HOUR);
        bring(&mut world, far);
        let former = phase(&world);
        world.run(stop()).unwrap();
        let stopped = if brakes(former) { Phase::CancelOnly { until: None } } else { former };
        assert_eq!(phase(&world), stopped, "case {number}");
        let since = world.now;
        assert_eq!(sell(&mut world, "during"), Err(Rejection::EmergencyHolds { since }), "case {number}");
        later(&mut world, SECOND);
        world.run(resume()).unwrap();
        let opens = Timestamp(world.now.0 + RESUME_AUCTION_US_MIN);
        assert_eq!(phase(&world), back(opens, far), "case {number}");
        if cancels {
            let order = OrderRef::Name(name("before"));
            world.run(Body::CancelOrder(CancelOrder { user: ALICE, market: MARKET, order })).unwrap();
        }
    }
}

/// Goal: a market that its circuit breaker interrupted, one whose auction's trades were being made, and one that is closed
/// for ever are treated as what they are. Method: the rules, phase by phase.
#[test]
fn interrupted_markets_open_with_an_auction() {
    let (now, ends) = (Timestamp(1_000), Some(Timestamp(1_000 + 90 * SECOND)));
    let interrupted = [
        Phase::Trading,
        Phase::CancelOnly { until: Some(Timestamp(5)) },
        Phase::Uncrossing { price: exchequer_matching::Ticks(1), lots: 1 },
        Phase::Auction { ends: Some(Timestamp(1_001)) },
    ];
    for former in interrupted {
        assert!(brakes(former));
        assert_eq!(reopening(former, now, 90 * SECOND), Some(PhaseChange::Auction { ends }), "{former:?}");
    }
    for stays in [Phase::CancelOnly { until: None }, Phase::Halt, Phase::Delisted] {
        assert!(!brakes(stays));
        assert_eq!(reopening(stays, now, 90 * SECOND), None, "{stays:?}");
    }
}

/// Goal: after the resume's auction a market trades by itself, at one price for what was in its book.
#[test]
fn trading_comes_back_by_itself() {
    let mut world = exchange(2);
    credit(&mut world, ALICE, BTC, ONE);
    credit(&mut world, BOB, USDT, ONE);
    sell(&mut world, "before").unwrap();
    world.run(stop()).unwrap();
    world.run(resume()).unwrap();
    place(&mut world, BOB, limit("after", Side::Buy, 1_000, 100)).unwrap();
    assert_eq!(world.state.markets().market(MARKET).unwrap().last(), None);
    later(&mut world, RESUME_AUCTION_US_MIN);
    world.apply(Input::Noop).unwrap();
    assert_eq!(phase(&world), Phase::Trading);
    assert_eq!(world.state.markets().market(MARKET).unwrap().last(), Some(exchequer_matching::Ticks(1_000)));
}

/// Goal: a market that somebody halts during an emergency stays halted, one that has no breaker of its own gets the
/// shortest auction, and phases that would open a market wait.
#[test]
fn decisions_during_an_emergency_stand() {
    let mut world = exchange(2);
    world.run(super::market("BTCUSDT2")).unwrap();
    let breaker = Some(Breaker { auction_us: 5 * 60 * SECOND, ..Breaker::default() });
    let (market, filters, reference, reason) = (MarketId(2), None, None, "test".to_owned());
    world
        .run(Body::ConfigureMarket(Box::new(ConfigureMarket { market, filters, breaker, reference, reason })))
        .unwrap();
    let open = SetMarketPhase { market, phase: PhaseChange::Trading, reason: "open".into() };
    world.run(Body::SetMarketPhase(open.clone())).unwrap();
    world.run(stop()).unwrap();
    let since = world.now;
    assert_eq!(world.refused(Body::SetMarketPhase(open)), Rejection::EmergencyHolds { since });
    to(&mut world, PhaseChange::Halt);
    assert_eq!(world.run(resume()), Ok(Done::EmergencyResumed { markets: 1 }));
    assert_eq!(phase(&world), Phase::Halt);
    let second = world.state.markets().market(market).unwrap().phase();
    assert_eq!(second, Phase::Auction { ends: Some(Timestamp(world.now.0 + 5 * 60 * SECOND)) });
}

/// Goal: during an emergency what takes risk away, keeps the cluster together or ends the emergency goes on, and nothing
/// else. Method: an example of each, and the same again after the resume.
#[test]
fn only_what_the_emergency_needs_goes_on() {
    let mut world = exchange(2);
    credit(&mut world, ALICE, BTC, ONE);
    sell(&mut world, "before").unwrap();
    world.run(stop()).unwrap();
    let since = world.now;
    let waits = [
        super::super::world::set("autopilot.promote", crate::settings::Value::Bool(false), None),
        super::super::world::asset("ETH"),
        super::super::world::user("Eve"),
        put(b"k", b"v", None),
        sandbox_credit(1, 5, 77),
    ];
    for body in waits.clone() {
        assert_eq!(world.refused(body.clone()), Rejection::EmergencyHolds { since }, "{body:?}");
    }
    for body in [
        super::super::world::token(9, None),
        freeze(2),
        Body::Digest(crate::RequestDigest {}),
        Body::CancelOrders(crate::CancelOrders { user: ALICE, market: MARKET, side: None }),
        Body::CancelAfter(crate::CancelAfter { user: ALICE, market: MARKET, at: None }),
    ] {
        assert!(world.run(body.clone()).is_ok(), "{body:?}");
    }
    world.run(resume()).unwrap();
    for body in waits {
        assert!(world.run(body.clone()).is_ok(), "{body:?}");
    }
}

/// Goal: a stop is not refused where the books have had much to do in its entry, and survives a change of leaders.
#[test]
fn a_stop_waits_for_nobody() {
    let mut world = exchange(2);
    world.run(stop()).unwrap();
    let before = world.state.emergency().cloned();
    world.apply(Input::Activate { node: exchequer_domain::NodeId(1), boot: [9; 16] }).unwrap();
    assert_eq!(world.state.emergency().cloned(), before);
    assert_eq!(phase(&world), Phase::CancelOnly { until: None });
}

/// Goal: while the system is under maintenance a customer's key changes nothing, also through a node that has not heard
/// of it; what operators do goes on, and so do customers where only a network is concerned. Method: a key's orders before,
/// during and after.
#[test]
fn customers_wait_during_maintenance() {
    let mut world = exchange(2);
    credit(&mut world, ALICE, BTC, ONE);
    let made = world.run(Body::CreateApiKey(Box::new(CreateApiKey {
        user: ALICE,
        key: "t".repeat(64),
        label: String::new(),
        credential: Credential::Ed25519 { public: [7; 32] },
        scopes: Scopes { read: true, trade: true, withdraw: false },
        ranges: Vec::new(),
        reason: "test".into(),
    })));
    assert_eq!(made, Ok(Done::ApiKeyCreated { id: ApiKeyId(1) }));
    let order = |name: &str| {
        let order = limit(name, Side::Sell, 1_000, 100);
        Body::PlaceOrder(Box::new(PlaceOrder { user: ALICE, market: MARKET, order }))
    };
    let send = |world: &mut World, name: &str| {
        let command = Command { actor: Actor::ApiKey(ApiKeyId(1)), ..world.command(order(name)) };
        world.send(&command)
    };
    let window = |extent, ends| {
        let banner = "Back soon.".to_owned();
        Body::ScheduleMaintenance(ScheduleMaintenance { extent, starts: None, ends, banner, reason: "test".into() })
    };
    assert!(send(&mut world, "a").is_ok());
    world.run(window(Extent::Network(exchequer_domain::Network::Bsc), None)).unwrap();
    assert!(send(&mut world, "b").is_ok(), "one network is not all");
    let ends = Timestamp(world.now.0 + HOUR);
    world.run(window(Extent::System, Some(ends))).unwrap();
    assert_eq!(send(&mut world, "c"), Err(Rejection::UnderMaintenance { window: WindowId(2), until: Some(ends) }));
    assert!(world.run(order("d")).is_ok(), "the operator may");
    world.now = ends;
    assert!(send(&mut world, "e").is_ok());
}
