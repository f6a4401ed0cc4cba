//! What must hold of deposits, one named failure after the other.

use std::time::Duration;

use exchequer_domain::{ChainAddress, Network, Place, UserId};
use exchequer_ledger::Asset;

use super::super::world::{between, freeze};
use super::{FIRST, Till, address, block, pay, tx, wallet};
use crate::custody::WalletRole;
use crate::deposits::{Assignee, DepositId, DepositStage, DepositState, NothingLeaves, Refusal, Why, Withdrawable};
use crate::event::{EventKind, Severity};
use crate::{Actor, AssignSuspense, Body, ConfigureNetworkAsset, Done, NotePending, Rejection};

pub(super) const BTC: Network = Network::Bitcoin;
pub(super) const BSC: Network = Network::Bsc;
/// A minor unit of the ledger in BSC's smallest units.
pub(super) const FINER: u128 = 10_000_000_000;

pub(super) fn withdrawable(till: &Till, user: u64) -> Withdrawable {
    let state = &till.world.state;
    state.deposits().withdrawable(state.ledger(), UserId(user), Asset(1))
}

/// Goal: a deposit is credited at exactly the second confirmation, and leaves at exactly the fourth; in between it is
/// unripe. Method: block by block.
#[test]
fn credit_comes_with_depth_and_not_before() {
    let mut till = Till::new();
    till.commit(BTC, 0, vec![vec![pay(BTC, 1, 0, 500)]]);
    assert_eq!((till.stage(1), till.has(1)), (DepositStage::Confirming, 0));
    till.grow(BTC, 0, 1);
    assert_eq!(
        (till.stage(1), till.has(1), withdrawable(&till, 1)),
        (DepositStage::Credited, 500, Withdrawable::Amount(0))
    );
    till.grow(BTC, 0, 1);
    assert_eq!((till.stage(1), withdrawable(&till, 1)), (DepositStage::Credited, Withdrawable::Amount(0)));
    till.grow(BTC, 0, 1);
    assert_eq!((till.stage(1), withdrawable(&till, 1)), (DepositStage::Unlocked, Withdrawable::Amount(500)));
    assert_eq!((till.custody(BTC), till.world.state.deposits().unripe(UserId(1), Asset(1))), (500, 0));
}

/// Goal: the same blocks again, after a restart or by a second worker, credit nothing twice. Method: each command is sent
/// thrice; the world loads its state from its rows after each.
#[test]
fn rescanned_blocks_credit_once() {
    let mut till = Till::new();
    for payments in [vec![vec![pay(BTC, 1, 0, 500)]], vec![vec![]], vec![vec![]]] {
        let command = Body::CommitBlocks(Box::new(till.blocks(BTC, 0, payments, 0)));
        till.scan(BTC, command.clone()).unwrap();
        for _ in 0..2 {
            let tip = Some(till.tip(BTC));
            let moved = Rejection::Deposits(Refusal::CursorMoved { tip });
            assert_eq!(till.scan(BTC, command.clone()), Err(moved));
        }
    }
    assert_eq!((till.has(1), till.world.state.deposits().last()), (500, DepositId(1)));
}

/// Goal: each of 300 outputs of one transaction is a deposit of its own.
#[test]
fn every_output_is_credited() {
    let mut till = Till::new();
    let output = |vout| crate::deposits::Sighting { place: Place::Output(vout), ..pay(BTC, 1, vout % 2, 100) };
    till.commit(BTC, 0, vec![(0..300).map(output).collect(), vec![]]);
    assert_eq!((till.has(1), till.has(2)), (15_000, 15_000));
    assert_eq!(till.world.state.custody().coins().count(), 300);
}

/// Goal: a coin that is not listed is never credited, whatever it is called, and waits for a decision; once it is listed it
/// can be given to its user, at the decimals of its contract.
#[test]
fn foreign_coins_are_not_credited() {
    let mut till = Till::new();
    let contract = ChainAddress::canonical("0xForged").unwrap();
    let forged = crate::deposits::Sighting { coin: Some(contract), place: Place::Log(3), ..pay(BSC, 1, 0, 5 * FINER) };
    till.commit(BSC, 0, vec![vec![forged], vec![], vec![], vec![]]);
    assert_eq!(till.deposit(1).state, DepositState::Suspense { why: Why::Unlisted });
    assert_eq!((till.has(1), till.custody(BSC), till.suspense()), (0, 0, 0));
    let assign = assign(1, Assignee::User(UserId(1)));
    let state = Rejection::Deposits(Refusal::DepositState { deposit: DepositId(1) });
    assert_eq!(till.world.refused(assign), state);
}

fn assign(deposit: u64, to: Assignee) -> Body {
    Body::AssignSuspense(AssignSuspense { deposit: DepositId(deposit), to, reason: "the user called".into() })
}

/// Goal: amounts count by the decimals of the network, down to the ledger's unit, and the rest is kept.
#[test]
fn decimals_are_the_networks() {
    let mut till = Till::new();
    till.commit(BSC, 0, vec![vec![pay(BSC, 1, 0, 700 * FINER + FINER / 2)], vec![]]);
    assert_eq!((till.has(1), till.custody(BSC)), (700, 700));
    till.commit(BSC, 0, vec![vec![pay(BSC, 2, 1, 100 * FINER + FINER / 2)], vec![]]);
    assert_eq!((till.has(2), till.custody(BSC), till.rounding()), (100, 801, 1));
    assert_eq!(till.world.state.custody().listing(BSC, Asset(1)).unwrap().dust, 0);
    let large = crate::deposits::Sighting { amount: None, ..pay(BSC, 3, 0, 1) };
    till.commit(BSC, 0, vec![vec![large], vec![]]);
    assert_eq!((till.deposit(3).state, till.has(1)), (DepositState::Suspense { why: Why::TooLarge }, 700));
}

/// Goal: payments of nothing leave no trace, small ones are kept on their address until they are enough, and none is lost
/// when a reorganisation takes one of them away.
#[test]
fn small_payments_accumulate() {
    let mut till = Till::new();
    till.commit(BTC, 0, vec![vec![pay(BTC, 1, 0, 0), pay(BTC, 2, 0, 40), pay(BTC, 3, 1, 60)], vec![]]);
    assert_eq!((till.stage(1), till.stage(2)), (DepositStage::BelowMinimum, DepositStage::BelowMinimum));
    assert_eq!((till.has(1), till.has(2), till.world.state.deposits().last()), (0, 0, DepositId(2)));
    till.commit(BTC, 0, vec![vec![pay(BTC, 4, 0, 30)], vec![]]);
    let back = block(FIRST + 2, 0);
    till.rewind(BTC, back).unwrap();
    assert_eq!(till.stage(3), DepositStage::Orphaned);
    till.commit(BTC, 1, vec![vec![pay(BTC, 5, 0, 59)], vec![]]);
    assert_eq!((till.has(1), till.stage(1)), (0, DepositStage::BelowMinimum), "99 are not enough");
    till.commit(BTC, 1, vec![vec![pay(BTC, 6, 0, 1)], vec![]]);
    assert_eq!((till.has(1), till.custody(BTC)), (100, 100));
    assert_eq!(till.stage(1), DepositStage::Unlocked, "its block was deep enough");
    assert_eq!((till.stage(4), till.stage(5)), (DepositStage::Unlocked, DepositStage::Credited));
}

/// Goal: what waits for a block is never credited, and what was replaced neither; if its transaction comes after all, it is
/// the same deposit.
#[test]
fn replaced_is_never_credited() {
    let mut till = Till::new();
    let note = |sightings, replaced| {
        Body::NotePending(Box::new(NotePending { network: BTC, sightings, replaced, heights: None }))
    };
    till.scan(BTC, note(vec![pay(BTC, 1, 0, 500)], vec![])).unwrap();
    till.grow(BTC, 0, 6);
    assert_eq!((till.stage(1), till.has(1)), (DepositStage::Pending, 0));
    till.scan(BTC, note(vec![], vec![tx(1)])).unwrap();
    till.grow(BTC, 0, 6);
    assert_eq!((till.stage(1), till.has(1)), (DepositStage::Replaced, 0));
    till.commit(BTC, 0, vec![vec![pay(BTC, 1, 0, 500)], vec![]]);
    assert_eq!(
        (till.stage(1), till.has(1), till.world.state.deposits().last()),
        (DepositStage::Credited, 500, DepositId(1))
    );
}

/// Goal: what arrived at an address that nobody has, at a wallet, or for a frozen user waits, with its money in suspense, and
/// is given by decision, once.
#[test]
fn suspense_waits_for_persons() {
    let mut till = Till::new();
    till.world.run(wallet("hot", WalletRole::Hot, BTC, "bc1hot")).unwrap();
    till.world.run(freeze(2)).unwrap();
    let to_hot = crate::deposits::Sighting { to: ChainAddress::canonical("bc1hot").unwrap(), ..pay(BTC, 3, 0, 300) };
    till.commit(BTC, 0, vec![vec![pay(BTC, 1, 3, 100), pay(BTC, 2, 1, 200), to_hot], vec![]]);
    let why = [Why::NotGiven, Why::Frozen, Why::ToWallet];
    for (id, why) in (1..).zip(why) {
        assert_eq!(till.deposit(id).state, DepositState::Suspense { why }, "{id}");
    }
    assert_eq!((till.suspense(), till.has(2)), (600, 0));
    let frozen = till.world.refused(assign(1, Assignee::User(UserId(2))));
    assert_eq!(frozen, Rejection::UserFrozen { user: UserId(2) });
    till.grow(BTC, 0, 2);
    till.world.run(assign(1, Assignee::User(UserId(1)))).unwrap();
    till.world.run(assign(3, Assignee::Exchange)).unwrap();
    assert_eq!((till.has(1), till.suspense(), till.rounding()), (100, 200, 300));
    let state = Rejection::Deposits(Refusal::DepositState { deposit: DepositId(1) });
    assert_eq!(till.world.refused(assign(1, Assignee::User(UserId(1)))), state);
    let unknown = Rejection::Deposits(Refusal::DepositUnknown { deposit: DepositId(9) });
    assert_eq!(till.world.refused(assign(9, Assignee::Exchange)), unknown);
    // What two persons gave they can take back: the network halts first.
    assert_eq!(till.rewind(BTC, block(FIRST, 0)), Ok(Done::ChainHalted));
    let resume = crate::ResumeChain { network: BTC, to: Some(block(FIRST, 0)), reason: "forked".into() };
    till.world.run(Body::ResumeChain(resume)).unwrap();
    assert_eq!((till.has(1), till.suspense(), till.rounding()), (0, 0, 0));
}

/// Goal: a deposit of an asset whose deposits are off waits in suspense, and is credited by itself once they are on.
#[test]
fn closed_assets_are_credited_when_open() {
    let mut till = Till::new();
    let switch = |on| {
        let (asset, withdrawals, sweeps, reason) = (Asset(1), None, None, "test".to_owned());
        let deposits = Some(on);
        Body::ConfigureNetworkAsset(ConfigureNetworkAsset {
            network: BTC,
            asset,
            deposits,
            withdrawals,
            sweeps,
            reason,
        })
    };
    till.world.run(switch(false)).unwrap();
    till.commit(BTC, 0, vec![vec![pay(BTC, 1, 0, 500)], vec![]]);
    assert_eq!((till.deposit(1).state, till.suspense()), (DepositState::Suspense { why: Why::Closed }, 500));
    till.grow(BTC, 0, 1);
    till.world.run(switch(true)).unwrap();
    till.grow(BTC, 0, 1);
    assert_eq!((till.has(1), till.suspense(), till.stage(1)), (500, 0, DepositStage::Unlocked));
}

/// Goal: what the exchange moves itself is nobody's deposit; what comes from its addresses by a transaction that it does not
/// know is never credited, and alarms.
#[test]
fn own_transfers_are_no_deposits() {
    let mut till = Till::new();
    till.sign(BSC, 1);
    let own = crate::deposits::Sighting { from: vec![address(BSC.family(), 1)], ..pay(BSC, 1, 0, 500 * FINER) };
    till.commit(BSC, 0, vec![vec![own], vec![], vec![], vec![]]);
    assert_eq!((till.has(1), till.world.state.deposits().last()), (0, DepositId(0)));
    let from = vec![address(BSC.family(), 1)];
    let strange = crate::deposits::Sighting { from, ..pay(BSC, 2, 0, 500 * FINER) };
    till.commit(BSC, 0, vec![vec![strange]]);
    let alarm = EventKind::OwnUnknown { network: BSC, tx: tx(2), severity: Severity::P0 };
    assert!(till.world.events().contains(&alarm));
    till.grow(BSC, 0, 5);
    assert_eq!((till.has(1), till.deposit(1).state), (0, DepositState::Suspense { why: Why::OwnUnknown }));
}

/// Goal: while a user has less of an asset than is not final of it, nothing leaves, of no asset.
#[test]
fn traded_away_holds_everything() {
    let mut till = Till::new();
    till.commit(BTC, 0, vec![vec![pay(BTC, 1, 0, 500)], vec![]]);
    till.world.run(between(1, 2, 1, 50)).unwrap();
    let traded = Withdrawable::Nothing(NothingLeaves::TradedAway { asset: Asset(1) });
    assert_eq!(withdrawable(&till, 1), traded);
    let state = &till.world.state;
    assert_eq!(state.deposits().withdrawable(state.ledger(), UserId(1), Asset(2)), traded);
    till.grow(BTC, 0, 2);
    assert_eq!(withdrawable(&till, 1), Withdrawable::Amount(499));
}

/// Goal: deposits that are over leave memory and are found all the same: by user, by transaction, and when they come again.
#[test]
fn old_deposits_are_history() {
    let mut till = Till::new();
    till.commit(BTC, 0, vec![vec![pay(BTC, 1, 0, 500), pay(BTC, 2, 0, 30)]]);
    till.grow(BTC, 0, 200);
    let deposits = till.world.state.deposits();
    assert_eq!(deposits.open_count(), 0);
    let rows = &till.world.rows;
    let page = deposits.of_user(rows, UserId(1), BTC, DepositId(u64::MAX), 10).unwrap();
    assert_eq!(page.iter().map(|deposit| deposit.id.0).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(deposits.of_user(rows, UserId(1), BTC, DepositId(2), 10).unwrap().len(), 1);
    assert!(deposits.of_user(rows, UserId(2), BTC, DepositId(9), 10).unwrap().is_empty());
    assert_eq!(deposits.of_tx(rows, BTC, &tx(1)).unwrap(), [till.deposit(1)]);
    assert!(deposits.chains().blocks(BTC).count() <= 130, "the ring is bounded");
    till.commit(BTC, 0, vec![vec![pay(BTC, 3, 0, 70)], vec![], vec![], vec![]]);
    assert_eq!((till.has(1), till.stage(2), till.stage(3)), (600, DepositStage::Unlocked, DepositStage::Unlocked));
}

/// Goal: the explanation names what holds a deposit back, and what was decided. Method: its words at each stage.
#[test]
fn explanations_say_why() {
    let mut till = Till::new();
    let words = |till: &Till, number| {
        let explained = till.world.state.explain_deposit(&till.world.rows, BTC, &tx(number)).unwrap();
        let of = explained.deposits.into_iter().flat_map(|(_, steps)| steps);
        explained.findings.into_iter().chain(of).map(|step| step.text).collect::<Vec<_>>().join("; ")
    };
    assert!(words(&till, 1).contains("no block of the network was scanned"));
    till.commit(BTC, 0, vec![vec![pay(BTC, 1, 0, 500), pay(BTC, 2, 0, 5)]]);
    assert!(words(&till, 1).contains("1 confirmations; 2 are needed"));
    till.grow(BTC, 0, 1);
    assert!(words(&till, 1).contains("credited: it can be traded with"));
    assert!(words(&till, 2).contains("a deposit is 100 minor units at least"));
    assert!(words(&till, 9).contains("no payment of it"));
    till.sign(BTC, 8);
    assert!(words(&till, 8).contains("the exchange sent it itself, as top-up 8"));
}

/// Goal: an emergency and maintenance hold credits, and lose none.
#[test]
fn maintenance_holds_credits() {
    let mut till = Till::new();
    till.commit(BTC, 0, vec![vec![pay(BTC, 1, 0, 500)]]);
    let ends = Some(till.world.now.plus(Duration::from_secs(600)));
    let extent = crate::maintenance::Extent::Network(BTC);
    let (banner, reason) = ("Back soon.".to_owned(), "test".to_owned());
    let schedule = crate::ScheduleMaintenance { extent, starts: None, ends, banner, reason };
    till.world.run(Body::ScheduleMaintenance(schedule)).unwrap();
    till.grow(BTC, 0, 3);
    assert_eq!((till.stage(1), till.has(1)), (DepositStage::Confirming, 0));
    till.world.now = till.world.now.plus(Duration::from_secs(601));
    till.grow(BTC, 0, 1);
    assert_eq!((till.stage(1), till.has(1)), (DepositStage::Unlocked, 500));
}

/// Goal: a user's stream is told of every step of its deposits, in order.
#[test]
fn every_step_is_told() {
    let mut till = Till::new();
    till.commit(BTC, 0, vec![vec![pay(BTC, 1, 0, 500)], vec![]]);
    till.rewind(BTC, block(FIRST, 0)).unwrap();
    let stages: Vec<DepositStage> = till
        .world
        .events()
        .iter()
        .filter(|kind| kind.of_user() == Some(UserId(1)))
        .filter_map(|kind| match kind {
            EventKind::DepositMoved { stage, .. } => Some(*stage),
            _ => None,
        })
        .collect();
    assert_eq!(stages, [DepositStage::Confirming, DepositStage::Credited, DepositStage::Reversed]);
}

/// Goal: a worker of an earlier leadership commits nothing.
#[test]
fn stale_workers_commit_nothing() {
    let mut till = Till::new();
    let command = Body::CommitBlocks(Box::new(till.blocks(BTC, 0, vec![vec![pay(BTC, 1, 0, 500)]], 0)));
    let epoch = till.world.state.epoch().map(|epoch| epoch.index);
    till.world.lead();
    let worker = "deposit/bitcoin-1".parse().unwrap();
    let command = crate::Command { actor: Actor::Worker(worker), epoch, ..till.world.command(command) };
    assert!(matches!(till.world.send(&command), Err(Rejection::StaleEpoch { .. })));
}
