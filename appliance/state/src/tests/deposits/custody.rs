//! What must hold of wallets, addresses, listings, prices and coins.

use std::time::Duration;

use exchequer_domain::{Family, Network, OutPoint, UserId};
use exchequer_ledger::Asset;

use super::super::world::{World, asset, freeze, user};
use super::{FIRST, Till, address, allocate, block, list, pay, stock, tx, wallet};
use crate::apply::is_by_person;
use crate::custody::{
    self, CoinState, GIVEN_PER_HOUR_MAX, OwnPurpose, OwnTransfer, Pool, Refusal, WalletId, WalletRole,
};
use crate::deposits::ScannedBlock;
use crate::event::{EventKind, Severity};
use crate::{Actor, Body, Command, Done, ListAsset, Rejection, RetireWallet, SetPrice};

/// Breaks one rule of a wallet.
type Wrong<'a> = &'a dyn Fn(&mut crate::RegisterWallet);

fn refused(world: &mut World, body: Body) -> Refusal {
    match world.refused(body) {
        Rejection::Custody(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

/// Goal: the pool fills without gaps, by one sender at a time, and never with an address that is the exchange's already.
#[test]
fn the_pool_is_dense() {
    let mut world = World::new();
    assert_eq!(world.run(stock(Family::Tron, 0, 3)), Ok(Done::AddressesStocked { next: 3 }));
    let others = vec![(address(Family::Tron, 1), [0; 32]), (address(Family::Tron, 0), [0; 32])];
    let others = crate::StockAddresses { family: Family::Tron, first_index: 0, entries: others };
    assert_eq!(refused(&mut world, Body::StockAddresses(others)), Refusal::StockIndex { next: 3 });
    assert_eq!(refused(&mut world, stock(Family::Tron, 4, 1)), Refusal::StockIndex { next: 3 });
    assert_eq!(refused(&mut world, stock(Family::Tron, 3, 0)), Refusal::StockCount);
    assert_eq!(refused(&mut world, stock(Family::Tron, 3, 501)), Refusal::StockCount);
    let twice = |first_index, index| {
        let entries = vec![(address(Family::Tron, index), [0; 32])];
        Body::StockAddresses(crate::StockAddresses { family: Family::Tron, first_index, entries })
    };
    assert_eq!(refused(&mut world, twice(3, 1)), Refusal::AddressKnown { address: address(Family::Tron, 1) });
    world.run(wallet("hot", WalletRole::Hot, Network::Tron, "Tron9")).unwrap();
    assert_eq!(refused(&mut world, twice(3, 9)), Refusal::AddressKnown { address: address(Family::Tron, 9) });
    let of_pool = wallet("other", WalletRole::Hot, Network::Tron, "Tron2");
    assert_eq!(refused(&mut world, of_pool), Refusal::AddressKnown { address: address(Family::Tron, 2) });
    assert_eq!(world.state.custody().pool(Family::Tron), Pool { stocked: 3, given: 0 });
    let page = custody::given_addresses(&world.rows, Family::Tron, 1, 10).unwrap();
    assert_eq!(page.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [1, 2]);
    assert!(is_by_person(Actor::Operator) && !is_by_person(Actor::Worker("deposit/tron-1".parse().unwrap())));
}

/// Goal: what is in the pool is vouched for anew by other tags, under its own index alone; whose it is stays. Method: a given and a
/// waiting address; then with one that is another's, and beyond the pool's end.
#[test]
fn addresses_of_the_pool_are_tagged_anew() {
    let mut world = World::new();
    world.entry_of([user("Ada"), stock(Family::Evm, 0, 3), allocate(1, Network::Ethereum, false)]);
    let tagged = |first_index: u32, indexes: &[u32], tag: u8| {
        let entries = indexes.iter().map(|index| (address(Family::Evm, *index), [tag; 32])).collect();
        Body::StockAddresses(crate::StockAddresses { family: Family::Evm, first_index, entries })
    };
    let before = custody::given_addresses(&world.rows, Family::Evm, 0, 10).unwrap();
    for wrong in [tagged(0, &[0, 2], 8), tagged(1, &[2], 8), tagged(1, &[1, 2, 3], 8), tagged(1, &[0], 8)] {
        assert_eq!(refused(&mut world, wrong), Refusal::StockIndex { next: 3 });
    }
    assert_eq!(custody::given_addresses(&world.rows, Family::Evm, 0, 10).unwrap(), before);
    assert_eq!(world.run(tagged(0, &[0, 1], 9)), Ok(Done::AddressesStocked { next: 3 }));
    let mut wanted = before;
    wanted.iter_mut().take(2).for_each(|(_, row)| row.mac = [9; 32]);
    assert_eq!(custody::given_addresses(&world.rows, Family::Evm, 0, 10).unwrap(), wanted);
    assert_eq!(world.state.custody().pool(Family::Evm), Pool { stocked: 3, given: 1 });
}

/// Goal: a user has one address for all networks of a family, gets new ones at a bounded rate, and keeps the old ones; who has
/// which is found both ways. Method: up to the limit and over it, in one entry and in several, and an hour later.
#[test]
fn addresses_are_given_for_ever() {
    let mut world = World::new();
    world.entry_of([user("Ada"), user("Bob"), stock(Family::Evm, 0, 20)]);
    let given = |index, new| Ok(Done::AddressAllocated { address: address(Family::Evm, index), index, new });
    assert_eq!(world.run(allocate(1, Network::Ethereum, false)), given(0, true));
    assert_eq!(world.run(allocate(1, Network::Bsc, false)), given(0, false));
    assert_eq!(world.run(allocate(2, Network::Polygon, false)), given(1, true));
    world.entry_of([allocate(1, Network::Bsc, true), allocate(1, Network::Bsc, true)]);
    assert_eq!(world.run(allocate(1, Network::Arbitrum, false)), given(3, false));
    for _ in 3..GIVEN_PER_HOUR_MAX {
        world.run(allocate(1, Network::Bsc, true)).unwrap();
    }
    let next = world.now.plus(Duration::from_secs(3_600));
    assert_eq!(refused(&mut world, allocate(1, Network::Bsc, true)), Refusal::AddressesTooFast { next });
    world.now = next;
    world.run(allocate(1, Network::Bsc, true)).unwrap();
    let own = custody::user_addresses(&world.rows, UserId(1)).unwrap();
    assert_eq!(own.len(), GIVEN_PER_HOUR_MAX + 1);
    for (one, found) in own {
        let owner = custody::owner_of(&world.rows, Network::Polygon, &found.address).unwrap().unwrap();
        assert_eq!((owner.user, found.address), (UserId(1), address(Family::Evm, one.index)));
    }
    assert_eq!(custody::owner_of(&world.rows, Network::Bsc, &address(Family::Evm, 19)).unwrap(), None);
    assert_eq!(refused(&mut world, allocate(1, Network::Tron, false)), Refusal::PoolEmpty);
    world.run(freeze(2)).unwrap();
    assert_eq!(world.refused(allocate(2, Network::Bsc, false)), Rejection::UserFrozen { user: UserId(2) });
    // A customer asks for its own, and for nobody else's.
    let as_user = |number, of| {
        let actor = Actor::User(UserId(number));
        move |world: &mut World| {
            let command = Command { actor, ..world.command(allocate(of, Network::Bsc, false)) };
            world.send(&command)
        }
    };
    assert!(as_user(1, 1)(&mut world).is_ok());
    assert_eq!(as_user(1, 2)(&mut world), Err(Rejection::NotPermitted { permission: None }));
}

/// Goal: wallets are registered once, retired for good, and what arrives at a retired one is still the exchange's.
#[test]
fn wallets_come_and_go() {
    let mut world = World::new();
    let hot = || wallet("hot", WalletRole::Hot, Network::Bsc, "0xHot");
    assert_eq!(world.run(hot()), Ok(Done::WalletRegistered { wallet: WalletId(1) }));
    assert_eq!(refused(&mut world, hot()), Refusal::WalletExists { wallet: WalletId(1) });
    let at = exchequer_domain::ChainAddress::canonical("0xHot").unwrap();
    assert!(world.state.custody().is_sweep_destination(Network::Bsc, &at));
    assert!(!world.state.custody().is_sweep_destination(Network::Ethereum, &at));
    let retire = |number| Body::RetireWallet(RetireWallet { wallet: WalletId(number), reason: "old".into() });
    assert_eq!(refused(&mut world, retire(2)), Refusal::WalletUnknown { wallet: WalletId(2) });
    world.run(retire(1)).unwrap();
    assert_eq!(refused(&mut world, retire(1)), Refusal::WalletUnknown { wallet: WalletId(1) });
    let custody = world.state.custody();
    assert!(!custody.is_sweep_destination(Network::Bsc, &at) && custody.wallet_at(Family::Evm, &at).is_some());
    assert_eq!(custody.wallets_of(Network::Bsc, WalletRole::Hot).count(), 0);
    let change = |change: Wrong<'_>| match wallet("w2", WalletRole::Hot, Network::Bsc, "0xW") {
        Body::RegisterWallet(mut command) => {
            change(&mut command);
            Body::RegisterWallet(command)
        }
        other => other,
    };
    let wrong: [(Wrong<'_>, Refusal); 6] = [
        (&|wrong| wrong.name = "Two words".into(), Refusal::WalletName),
        (&|wrong| wrong.xpub.clear(), Refusal::Xpub),
        (&|wrong| wrong.network = Some(Network::Tron), Refusal::WalletNetwork),
        (&|wrong| wrong.addresses.clear(), Refusal::WalletAddresses),
        (&|wrong| wrong.addresses.push(wrong.addresses[0].clone()), Refusal::WalletAddresses),
        (&|wrong| (wrong.role, wrong.network) = (WalletRole::Deposit, None), Refusal::WalletAddresses),
    ];
    for (how, refusal) in wrong {
        assert_eq!(refused(&mut world, change(how)), refusal);
    }
}

/// Goal: a listing's coin and decimals are pinned, two assets never share a coin, and terms that could not be kept are refused.
#[test]
fn listings_are_pinned() {
    let mut world = World::new();
    world.entry_of([asset("BTC"), asset("ETH")]);
    world.run(list(Network::Bsc, 18, 1)).unwrap();
    assert_eq!(world.run(list(Network::Bsc, 18, 2)), Ok(Done::AssetListed { version: 2 }));
    assert_eq!(refused(&mut world, list(Network::Bsc, 6, 1)), Refusal::ListingPinned);
    assert_eq!(refused(&mut world, list(Network::Tron, 37, 1)), Refusal::Decimals);
    let change = |change: &dyn Fn(&mut ListAsset)| match list(Network::Bsc, 18, 1) {
        Body::ListAsset(mut command) => {
            change(&mut command);
            Body::ListAsset(command)
        }
        other => other,
    };
    let taken = change(&|other| other.asset = Asset(2));
    assert_eq!(refused(&mut world, taken), Refusal::CoinListed { asset: Asset(1) });
    for wrong in [
        change(&|wrong| wrong.terms.withdrawal_step = 0),
        change(&|wrong| wrong.terms.withdrawal_min = 5),
        change(&|wrong| wrong.terms.withdrawal_max = 0),
        change(&|wrong| wrong.terms.withdrawal_fee = 1),
        change(&|wrong| wrong.terms.withdrawal_max = u128::MAX / 20 * 10),
    ] {
        assert_eq!(refused(&mut world, wrong), Refusal::Terms);
    }
    // A network coarser than the ledger cannot pay every step of it.
    assert_eq!(refused(&mut world, list(Network::Tron, 6, 1)), Refusal::Terms);
}

/// Goal: prices go forward in time, are more than nothing, and one person moves them a fifth at most once two are needed.
#[test]
fn prices_go_forward() {
    let mut world = World::new();
    world.run(asset("BTC")).unwrap();
    let now = world.now;
    let price = |usd_micros, source: &str, at| SetPrice { asset: Asset(1), usd_micros, source: source.into(), at };
    world.run(Body::SetPrice(price(100, "desk", now))).unwrap();
    let later = now.plus(Duration::from_secs(61));
    for (wrong, refusal) in [
        (price(0, "desk", now), Refusal::Price),
        (price(1, "", now), Refusal::PriceSource),
        (price(1, "desk", later), Refusal::PriceTime),
        (price(1, "desk", exchequer_domain::Timestamp(now.0 - 1)), Refusal::PriceTime),
        (price(1, "desk", now), Refusal::PriceTime),
    ] {
        assert_eq!(refused(&mut world, Body::SetPrice(wrong)), refusal);
    }
    let custody = world.state.custody();
    for (usd, far) in [(100, false), (80, false), (79, true), (120, false), (121, true)] {
        assert_eq!(price(usd, "desk", now).goes_far(custody, Actor::Operator, now), far, "{usd}");
    }
}

/// Goal: a coin has one owner at a time, is spent by what blocks say, goes back to its owner when they are gone, and is
/// forgotten once its end is settled; one that is spent by an unknown transaction alarms.
#[test]
fn coins_are_spent_once() {
    const BTC: Network = Network::Bitcoin;
    let mut till = Till::new();
    till.commit(BTC, 0, vec![vec![pay(BTC, 1, 0, 500)], vec![pay(BTC, 2, 1, 600)]]);
    let coin = |number| OutPoint { tx: tx(number), vout: 0 };
    let state = |till: &Till, number| till.world.state.custody().coins().get(BTC, &coin(number)).map(|coin| coin.state);
    assert_eq!((state(&till, 1), state(&till, 2)), (Some(CoinState::Free), Some(CoinState::Free)));
    let spendable =
        |till: &Till, settled| till.world.state.custody().coins().spendable(BTC, FIRST + 9, settled).count();
    assert_eq!((spendable(&till, FIRST), spendable(&till, FIRST + 1), spendable(&till, FIRST + 2)), (0, 1, 2));
    let own = OwnTransfer { purpose: OwnPurpose::Withdrawal, of: 3 };
    let key = custody::own_transfer_key(BTC, &tx(3));
    till.world.rows.put(crate::Family::Ids, key, crate::codec::encode(&own));
    let spend = |till: &Till, fork, number, by| {
        let mut command = till.blocks(BTC, fork, vec![vec![]], 0);
        command.blocks = command
            .blocks
            .into_iter()
            .map(|block| ScannedBlock { spent: vec![(coin(number), tx(by))], ..block })
            .collect();
        Body::CommitBlocks(Box::new(command))
    };
    let body = spend(&till, 0, 1, 3);
    till.scan(BTC, body).unwrap();
    let spent = |height, by| Some(CoinState::Spent { by: tx(by), height, owner: None });
    assert_eq!(state(&till, 1), spent(FIRST + 3, 3));
    let alarms =
        |till: &Till| till.world.events().iter().filter(|kind| matches!(kind, EventKind::OwnUnknown { .. })).count();
    assert_eq!(alarms(&till), 0);
    till.rewind(BTC, block(FIRST + 2, 0)).unwrap();
    assert_eq!(state(&till, 1), Some(CoinState::Free));
    let body = spend(&till, 1, 1, 4);
    till.scan(BTC, body).unwrap();
    let alarm = EventKind::OwnUnknown { network: BTC, tx: tx(4), severity: Severity::P0 };
    assert!(till.world.events().contains(&alarm));
    let stopped = till.world.state.may_on(BTC, crate::networks::Operation::Withdrawal);
    assert_eq!(stopped, Err(crate::networks::Why::Outflow), "whoever has one key may have them all");
    till.grow(BTC, 1, 4);
    // What lies still in a settled block is a row, and in no memory.
    assert_eq!((state(&till, 1), state(&till, 2)), (None, None));
    let cold = till.world.state.cold_coins(&till.world.rows, BTC, None, 9).unwrap();
    assert_eq!(cold.iter().map(|cold| cold.outpoint).collect::<Vec<_>>(), [coin(2)]);
    assert_eq!(till.rewind(BTC, block(FIRST, 0)), Ok(Done::ChainHalted));
}

/// Goal: a million users' addresses cost no memory, and how many bytes of rows each costs is known. Method: the rows of a
/// thousand addresses that were given, counted; the state's own size does not change.
#[test]
fn addresses_cost_rows_alone() {
    let mut world = World::new();
    let bytes = |world: &World| world.rows.iter().map(|(_, key, value)| key.len() + value.len()).sum::<usize>();
    let of_ids = |world: &World| {
        let passing = world
            .rows
            .iter()
            .filter(|(_, key, _)| key[0] == crate::Table::CommandId as u8 || key[0] == crate::Table::Event as u8);
        passing.map(|(_, key, value)| key.len() + value.len()).sum::<usize>()
    };
    let users = Body::CreateUsers(crate::CreateUsers { count: 400, kyc_level: 1, fee_tier: 1 });
    world.run(users).unwrap();
    let before = bytes(&world) - of_ids(&world);
    world.run(stock(Family::Evm, 0, 400)).unwrap();
    for number in 1..=400 {
        world.run(allocate(number, Network::Bsc, false)).unwrap();
    }
    let each = (bytes(&world) - of_ids(&world) - before) / 400;
    println!("{each} bytes of rows for each address with its user");
    assert!((50..200).contains(&each), "{each}");
    assert_eq!(world.state.custody().pool(Family::Evm), Pool { stocked: 400, given: 400 });
}

/// Goal: what decides where money goes, whose it is, or what counts as money needs a second person; what workers and users do
/// all day does not. Method: the policy of each command.
#[test]
fn what_needs_two() {
    use crate::approvals::policy_of;
    use crate::deposits::{Assignee, DepositId};
    let world = World::new();
    let (operator, node) = (Actor::Operator, Actor::Node(exchequer_domain::NodeId(1)));
    let reason = || "why".to_owned();
    let assign = crate::AssignSuspense { deposit: DepositId(1), to: Assignee::Exchange, reason: reason() };
    let resume = crate::ResumeChain { network: Network::Bsc, to: None, reason: reason() };
    for (actor, body, needs) in [
        (operator, wallet("hot", WalletRole::Hot, Network::Bsc, "0xHot"), true),
        (operator, Body::RetireWallet(RetireWallet { wallet: WalletId(1), reason: reason() }), true),
        (operator, list(Network::Bsc, 18, 1), true),
        (operator, Body::AssignSuspense(assign), true),
        (operator, Body::ResumeChain(resume), true),
        (operator, stock(Family::Tron, 0, 1), true),
        (node, stock(Family::Tron, 0, 1), false),
        (operator, allocate(1, Network::Bsc, true), false),
    ] {
        let policy = policy_of(&body, actor, &world.state, world.state.ledger());
        assert_eq!(policy.is_some(), needs, "{body:?}");
    }
}
