//! What somebody could try to make money leave that is not theirs, or not final, or to stop deposits.

use std::time::Duration;

use exchequer_domain::{ChainAddress, Family as ChainFamily, Network, UserId, WorkerId, WorkerKind};
use exchequer_ledger::{AccountKey, Asset, Cause, Holder, Leg, Reason, Transfer, TransferId};

use super::super::withdrawals::catches;
use super::super::world::{World, asset, between, credit, freeze};
use super::rules::{BSC, BTC, FINER, withdrawable};
use super::{FIRST, Till, address, allocate, block, pay, stock};
use crate::api_keys::{ApiKeyId, Credential, Scopes};
use crate::approvals::policy_of;
use crate::codec;
use crate::custody::{ANCHOR_AGE, Terms};
use crate::deposits::{
    Assignee, DUST_SHELVED_FROM, Deposit, DepositId, DepositStage, DepositState, GATHERED_MAX, NothingLeaves,
    OPEN_DEPOSITS_PER_NETWORK_MAX, Refusal, Sighting, Why, Withdrawable,
};
use crate::event::EventKind;
use crate::planted::Bug;
use crate::rows::{Family, Table};
use crate::{
    Actor, AssignSuspense, Body, Command, CreateApiKey, Done, DoubtToken, Input, ListAsset, Outcome, PostTransfers,
    Rejection, SetPrice,
};

fn assign(deposit: u64, to: Assignee) -> Body {
    Body::AssignSuspense(AssignSuspense { deposit: DepositId(deposit), to, reason: "the user called".into() })
}

/// Goal: what a withdrawal holds does not stand in for money that is not final and was traded away behind the hold. Method:
/// as much that is final as is not, the first half held, the second given away; and held alone, which stops nothing.
#[test]
fn a_hold_backs_nothing() {
    let mut till = Till::new();
    till.commit(BTC, 0, vec![vec![pay(BTC, 1, 0, 500)], vec![pay(BTC, 2, 0, 500)], vec![], vec![]]);
    assert_eq!(withdrawable(&till, 1), Withdrawable::Amount(500));
    till.world.run(credit(2, 100, 9)).unwrap();
    let account = |number| {
        let holder = Holder::Customer { customer: number, sub_account: 0 };
        till.world.state.account(&AccountKey { holder, asset: Asset(1) }).unwrap().id
    };
    let hold = Leg::Hold { debit: account(1), credit: account(2), amount: 500, expires: None };
    let cause = Cause { reason: Reason::Internal, actor: exchequer_ledger::Actor::System, reference: [7; 32] };
    let transfers = vec![Transfer { id: TransferId(7), legs: hold.into(), cause, note: None }];
    let done = till.world.run(Body::PostTransfers(PostTransfers { transfers }));
    let held = |all: &[exchequer_ledger::Outcome]| matches!(all, [exchequer_ledger::Outcome::Done(_)]);
    assert!(matches!(&done, Ok(Done::Transfers(all)) if held(all)), "{done:?}");
    assert_eq!(withdrawable(&till, 1), Withdrawable::Amount(0), "a hold alone stops nothing else");
    till.world.run(between(1, 2, 1, 50)).unwrap();
    let traded = Withdrawable::Nothing(NothingLeaves::TradedAway { asset: Asset(1) });
    assert_eq!(withdrawable(&till, 1), traded);
}

/// Goal: one person moves a price by a fifth of what it was a day before, in however many steps; two persons, or a source,
/// move it anew. Method: small steps one way, the other way, and after a day; the first price; a source's between.
#[test]
fn a_price_is_not_walked_away() {
    let mut world = World::new();
    world.run(asset("BTC")).unwrap();
    world.lead();
    let feed = Actor::Worker("price-feed/1".parse().unwrap());
    let at = |world: &mut World, usd_micros| {
        world.now = world.now.plus(Duration::from_secs(1));
        Body::SetPrice(SetPrice { asset: Asset(1), usd_micros, source: "desk".into(), at: world.now })
    };
    let needs = |world: &World, actor, usd_micros| {
        let set = SetPrice { asset: Asset(1), usd_micros, source: "desk".into(), at: world.now };
        policy_of(&Body::SetPrice(set), actor, &world.state, world.state.ledger()).is_some()
    };
    assert!(needs(&world, Actor::Operator, 1_000), "the first price");
    assert!(!needs(&world, feed, 1_000), "a source's first price");
    for usd in [1_000, 900, 801] {
        let set = at(&mut world, usd);
        world.run(set).unwrap();
    }
    let far = |world: &World| [799, 800, 1_200, 1_201].map(|usd| needs(world, Actor::Operator, usd));
    assert_eq!(far(&world), [true, false, false, true]);
    // A day after the last step, not after the first one.
    let tick = |world: &mut World, by| {
        world.now = world.now.plus(by);
        world.run(super::super::world::user("Eve")).unwrap();
    };
    tick(&mut world, ANCHOR_AGE - Duration::from_micros(1));
    assert_eq!(far(&world), [true, false, false, true]);
    tick(&mut world, Duration::from_micros(1));
    assert_eq!([640, 641, 961, 962].map(|usd| needs(&world, Actor::Operator, usd)), [true, false, false, true]);
    // Far, and with nobody's consent asked for here: measured from there on.
    for usd in [400, 390] {
        let set = at(&mut world, usd);
        world.run(set).unwrap();
    }
    assert_eq!([319, 320, 480, 481].map(|usd| needs(&world, Actor::Operator, usd)), [true, false, false, true]);
    let send = |world: &mut World, actor, usd| {
        let epoch = world.state.epoch().map(|epoch| epoch.index);
        let body = at(world, usd);
        let command = Command { actor, epoch, ..world.command(body) };
        world.send(&command)
    };
    assert_eq!(send(&mut world, feed, 330), Ok(Done::PriceSet));
    assert_eq!([263, 264, 396, 397].map(|usd| needs(&world, Actor::Operator, usd)), [true, false, false, true]);
    let other = Actor::Worker("deposit/tron-1".parse().unwrap());
    assert_eq!(send(&mut world, other, 330), Err(Rejection::WorkerMayNot));
}

/// Goal: no worker puts addresses among those that users pay to. Method: the deposit worker, and a price source.
#[test]
fn workers_stock_no_addresses() {
    let mut till = Till::new();
    let body = stock(ChainFamily::Bitcoin, 4, 1);
    assert_eq!(till.scan(BTC, body.clone()), Err(Rejection::WorkerMayNot));
    let epoch = till.world.state.epoch().map(|epoch| epoch.index);
    let feed = Actor::Worker("price-feed/1".parse().unwrap());
    let command = Command { actor: feed, epoch, ..till.world.command(body) };
    assert_eq!(till.world.send(&command), Err(Rejection::WorkerMayNot));
}

/// Goal: money that waited for a decision is given to a user no earlier than it could leave. Method: at each depth, on a
/// network that counts and on one that tells what is final.
#[test]
fn nothing_is_given_before_it_is_final() {
    let mut till = Till::new();
    till.commit(BTC, 0, vec![vec![pay(BTC, 1, 3, 500)], vec![], vec![]]);
    let give = || assign(1, Assignee::User(UserId(1)));
    let early = Rejection::Deposits(Refusal::NotFinal { deposit: DepositId(1) });
    assert_eq!(till.world.refused(give()), early);
    till.grow(BTC, 0, 1);
    till.world.run(give()).unwrap();
    assert_eq!(withdrawable(&till, 1), Withdrawable::Amount(500));
    let lagging = till.blocks(BSC, 0, vec![vec![pay(BSC, 2, 3, 500 * FINER)], vec![], vec![], vec![], vec![]], 5);
    till.scan(BSC, Body::CommitBlocks(Box::new(lagging))).unwrap();
    // What is not final waits for nobody's decision yet.
    let waits = Rejection::Deposits(Refusal::DepositState { deposit: DepositId(2) });
    assert_eq!(till.world.refused(assign(2, Assignee::User(UserId(2)))), waits);
    till.commit(BSC, 0, vec![vec![pay(BSC, 3, 3, 500 * FINER)], vec![], vec![]]);
    till.world.run(assign(2, Assignee::User(UserId(2)))).unwrap();
    let early = Rejection::Deposits(Refusal::NotFinal { deposit: DepositId(3) });
    assert_eq!(till.world.refused(assign(3, Assignee::User(UserId(2)))), early);
    till.world.run(assign(3, Assignee::Exchange)).unwrap();
}

/// Goal: what somebody pays on in a transaction of the exchange's own is not dropped. Method: the exchange pays a contract,
/// which pays an address of the pool in the same transaction; beside it a payment of the exchange's own, which is dropped.
#[test]
fn paid_on_in_an_own_transaction_is_kept() {
    let mut till = Till::new();
    till.sign(BSC, 1);
    let from = |text: &str| vec![ChainAddress::canonical(text).unwrap()];
    let forwarded = Sighting { from: from("0xForwarder"), ..pay(BSC, 1, 0, 500 * FINER) };
    let own = Sighting { from: vec![address(ChainFamily::Evm, 3)], ..pay(BSC, 1, 1, 700 * FINER) };
    till.commit(BSC, 0, vec![vec![forwarded, own], vec![], vec![], vec![]]);
    assert_eq!(till.deposit(1).state, DepositState::Suspense { why: Why::ThroughOwn });
    assert_eq!((till.suspense(), till.custody(BSC), till.world.state.deposits().last()), (500, 500, DepositId(1)));
    assert!(!till.world.events().iter().any(|kind| matches!(kind, EventKind::OwnUnknown { .. })));
    till.world.run(assign(1, Assignee::User(UserId(1)))).unwrap();
    assert_eq!((till.has(1), till.suspense()), (500, 0));
}

/// Goal: what moves between the exchange's own addresses by a transaction that nobody knows of adds nothing to what the
/// exchange has. Method: the books after such a payment is deep; it is given to nobody; and it vanishes with its block.
#[test]
fn unknown_own_moves_are_not_booked() {
    let mut till = Till::new();
    let strange = Sighting { from: vec![address(ChainFamily::Bitcoin, 1)], ..pay(BTC, 1, 0, 500) };
    till.commit(BTC, 0, vec![vec![strange], vec![], vec![], vec![]]);
    assert_eq!(till.deposit(1).state, DepositState::Suspense { why: Why::OwnUnknown });
    assert_eq!((till.suspense(), till.custody(BTC)), (0, 0));
    for to in [Assignee::User(UserId(1)), Assignee::Exchange] {
        let state = Rejection::Deposits(Refusal::DepositState { deposit: DepositId(1) });
        assert_eq!(till.world.refused(assign(1, to)), state);
    }
    assert_eq!(till.rewind(BTC, block(FIRST, 0)), Ok(Done::ChainHalted));
}

/// Goal: a key that only reads gives its user no address, one that trades or withdraws does, and none of a frozen user.
#[test]
fn keys_that_read_allocate_nothing() {
    let mut world = World::new();
    world.entry_of([super::super::world::user("Ada"), stock(ChainFamily::Evm, 0, 9)]);
    let mut made = Vec::new();
    for (letter, trade, withdraw) in [('r', false, false), ('t', true, false), ('w', false, true)] {
        let done = world.run(Body::CreateApiKey(Box::new(CreateApiKey {
            user: UserId(1),
            key: letter.to_string().repeat(64),
            label: String::new(),
            credential: Credential::Ed25519 { public: [letter as u8; 32] },
            scopes: Scopes { read: true, trade, withdraw },
            ranges: vec![crate::api_keys::Range::new("10.0.0.1".parse().unwrap(), 32).unwrap()],
            reason: "test".into(),
        })));
        let Ok(Done::ApiKeyCreated { id }) = done else { panic!("{done:?}") };
        made.push(id);
    }
    let ask = |world: &mut World, key: ApiKeyId| {
        let body = allocate(1, Network::Bsc, true);
        let command = Command { actor: Actor::ApiKey(key), ..world.command(body) };
        world.send(&command)
    };
    assert_eq!(ask(&mut world, made[0]), Err(Rejection::ApiKeyScope));
    assert!(ask(&mut world, made[1]).is_ok() && ask(&mut world, made[2]).is_ok());
    world.run(freeze(1)).unwrap();
    assert_eq!(ask(&mut world, made[1]), Err(Rejection::UserFrozen { user: UserId(1) }));
}

/// Goal: however much dust comes to an address, what no reorganisation reaches bounds nothing and takes no memory; the sum is
/// credited to the last unit. Method: as much as may be gathered, more than that at once, and more once the first is old.
#[test]
fn old_dust_is_a_sum() {
    let mut till = Till::new();
    let max = GATHERED_MAX as u64;
    till.world.run(super::list(BTC, 8, 2 * u128::from(max))).unwrap();
    let dust = |from: u64, count: u64| (from..from + count).map(|number| pay(BTC, number, 0, 1)).collect::<Vec<_>>();
    till.commit(BTC, 0, vec![dust(1, max), vec![]]);
    till.commit(BTC, 0, vec![dust(1_000, 1), vec![]]);
    let last = max + 1;
    assert_eq!(till.deposit(last).state, DepositState::Suspense { why: Why::Dust });
    till.grow(BTC, 0, 200);
    assert_eq!(till.world.state.deposits().open_count_of(BTC), 0, "nobody is asked about dust");
    let assign = AssignSuspense { deposit: DepositId(last), to: Assignee::Exchange, reason: "test".into() };
    assert_eq!(
        till.world.run(Body::AssignSuspense(assign.clone())),
        Ok(Done::SuspenseAssigned),
        "though it is history"
    );
    let again = Rejection::Deposits(Refusal::DepositState { deposit: DepositId(last) });
    assert_eq!(till.world.run(Body::AssignSuspense(assign)), Err(again));
    till.commit(BTC, 0, vec![dust(2_000, max - 1), vec![]]);
    assert_eq!(till.stage(last + 1), DepositStage::BelowMinimum);
    assert_eq!(till.has(1), 0);
    let back = till.tip(BTC).height - 2;
    till.rewind(BTC, block(back, 0)).unwrap();
    till.commit(BTC, 1, vec![dust(2_000, max), vec![]]);
    assert_eq!((till.has(1), till.custody(BTC)), (2 * u128::from(max), 2 * u128::from(max) + 1));
}

/// Goal: however much dust is sent, a network is scanned on, what pays more still counts, and dust takes no room; it can be told of,
/// and comes a second time in no other way. Method: a network with as many open deposits as there may be, put there directly; dust
/// to an address that is nobody's in a block, which is given up; the same in another.
#[test]
fn dust_stops_no_network() {
    let mut till = Till::new();
    till.world.run(super::list(BTC, 8, 1_000)).unwrap();
    till.commit(BTC, 0, vec![vec![pay(BTC, 1, 3, 5_000)], vec![]]);
    let one = till.deposit(1);
    for number in 1..OPEN_DEPOSITS_PER_NETWORK_MAX as u64 {
        let deposit = Deposit { id: DepositId(1_000_000 + number), ..one.clone() };
        let key = Table::Deposit.key(&deposit.id.0.to_be_bytes());
        till.world.rows.put(Family::Working, key, codec::encode(&deposit));
        till.world.state.deposits.put(deposit);
    }
    let shelved = |till: &Till| {
        assert!(till.world.state.deposits().open_count_of(BTC) <= OPEN_DEPOSITS_PER_NETWORK_MAX);
        assert!(till.world.state.deposits().get(DepositId(2)).is_none());
        let dust = till.world.state.deposits().find(&till.world.rows, DepositId(2)).unwrap().unwrap();
        assert_eq!(
            (dust.state, dust.booked, dust.amount),
            (DepositState::Suspense { why: Why::Dust }, false, Some(999))
        );
    };
    till.commit(BTC, 0, vec![vec![pay(BTC, 2, 3, 999)], vec![]]);
    shelved(&till);
    let back = till.tip(BTC).height - 2;
    till.rewind(BTC, block(back, 0)).unwrap();
    till.commit(BTC, 1, vec![vec![pay(BTC, 2, 3, 999)], vec![]]);
    shelved(&till);
    assert_eq!(till.world.state.deposits().last(), DepositId(2));
}

/// Of a token whose contract counts otherwise than its listing, what either counts as much is kept among open deposits however many
/// there are: who is right is not known before people have looked. What is next to nothing by both is none of them.
fn dust_is_so_by_both() {
    let crowded = DUST_SHELVED_FROM as u64;
    for (open, listed, told, amount, is_kept) in [
        (crowded, 18, 6, 1_000_000, true),
        (crowded, 6, 18, 1_000_000, true),
        (crowded, 18, 6, 1, false),
        (crowded, 18, 57, 1_000_000, false),
        (crowded, 18, 255, 1_000_000, false),
        (crowded, 18, 255, u128::MAX, true),
        (crowded * 3 / 2, 6, 18, 1_000_000, false),
        (crowded * 3 / 2, 18, 6, u128::from(u64::MAX), true),
    ] {
        let mut till = Till::new();
        let token = ChainAddress::canonical("0xdAC17F958D2ee523a2206206994597C13D831ec7").unwrap();
        till.world.run(asset("USDT")).unwrap();
        let Body::ListAsset(list) = super::list(BSC, listed, 1_000) else { unreachable!() };
        let terms = Terms { withdrawal_min: 100, withdrawal_step: 100, withdrawal_fee: 100, ..list.terms };
        let list = ListAsset { asset: Asset(2), coin: Some(token.clone()), terms, ..*list };
        till.world.run(Body::ListAsset(Box::new(list))).unwrap();
        let sight = |number, amount| Sighting { coin: Some(token.clone()), ..pay(BSC, number, 0, amount) };
        till.commit(BSC, 0, vec![vec![sight(1, 1_000_000)]]);
        let one = till.deposit(1);
        for number in 1..=open {
            let deposit = Deposit { id: DepositId(1_000_000 + number), ..one.clone() };
            let key = Table::Deposit.key(&deposit.id.0.to_be_bytes());
            till.world.rows.put(Family::Working, key, codec::encode(&deposit));
            till.world.state.deposits.put(deposit);
        }
        let (why, decimals) = ("others".to_owned(), Some(told));
        let doubt = DoubtToken { network: BSC, token: token.clone(), why, decimals };
        till.scan(BSC, Body::DoubtToken(Box::new(doubt))).unwrap();
        till.commit(BSC, 0, vec![vec![sight(2, amount)]]);
        let there = till.world.state.deposits().get(DepositId(2)).is_some();
        assert_eq!(there, is_kept, "{amount}, listed {listed}, told {told}");
    }
}

/// Goal: as [`dust_is_so_by_both`] says, with whatever number a contract tells. Method: payments of such tokens on a crowded network;
/// then judged by the listing alone.
#[test]
fn dust_is_not_judged_by_a_listing_that_may_be_wrong() {
    dust_is_so_by_both();
    catches(Bug::DustByListing, dust_is_so_by_both);
}

/// Goal: dust on one network stops no other one. Method: a network with as many open deposits as there may be, put there
/// directly; the other one goes on.
#[test]
fn a_full_network_stops_no_other() {
    let mut till = Till::new();
    till.commit(BTC, 0, vec![vec![pay(BTC, 1, 3, 500)], vec![]]);
    let one = till.deposit(1);
    let mut full = till.world.state.clone();
    for number in 2..=OPEN_DEPOSITS_PER_NETWORK_MAX as u64 {
        full.deposits.put(Deposit { id: DepositId(number), ..one.clone() });
    }
    for (network, fits) in [(BTC, false), (BSC, true)] {
        let (mut state, epoch) = (full.clone(), full.epoch().map(|epoch| epoch.index));
        let body = Body::CommitBlocks(Box::new(till.blocks(network, 0, vec![vec![pay(network, 2, 0, 500)]], 0)));
        let worker = WorkerId { kind: WorkerKind::Deposit, network: Some(network), instance: 1 };
        let command = Command { actor: Actor::Worker(worker), epoch, ..till.world.command(body) }.encode();
        let at = crate::At { index: till.world.index + 1, ..till.world.at() };
        let applied = state.apply(at, Input::Commands(&[&command]), &till.world.rows).unwrap();
        let outcome = Outcome::decode(&applied.outcomes[0]).unwrap();
        let refused = Outcome::Rejected(Rejection::Deposits(Refusal::Full));
        assert_eq!(outcome != refused, fits, "{network}: {outcome:?}");
        assert_eq!(matches!(outcome, Outcome::Done(_)), fits, "{network}: {outcome:?}");
    }
    full.deposits.take(DepositId(2)).unwrap();
    assert_eq!(full.deposits.open_count_of(BTC), OPEN_DEPOSITS_PER_NETWORK_MAX - 1);
}

/// Goal: the guards against dust are what keeps it out of the way. Method: they are taken away, and the tests that name them fail.
#[test]
fn planted_bugs_of_dust_are_caught() {
    catches(Bug::DustIsKept, old_dust_is_a_sum);
    catches(Bug::DustIsKept, dust_stops_no_network);
}
