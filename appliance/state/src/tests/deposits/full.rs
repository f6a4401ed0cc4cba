//! A network with as many open deposits as there may be, and how it goes on.

use exchequer_domain::{Timestamp, UserId};

use super::super::withdrawals::catches;
use super::super::world::configure;
use super::rules::BSC;
use super::*;
use crate::codec;
use crate::deposits::{Assignee, DepositState, Heights, OPEN_DEPOSITS_PER_NETWORK_MAX, Refusal, Why};
use crate::planted::Bug;
use crate::rows::{Family as Rows, Table};
use crate::{AssignSuspense, ConfigureNetworkAsset, NotePending};

/// So many deposits as this one that no other fits; put there directly.
fn fill(till: &mut Till, like: &Deposit) {
    for number in till.world.state.deposits().open_count_of(BSC)..OPEN_DEPOSITS_PER_NETWORK_MAX {
        let deposit = Deposit { id: DepositId(1_000_000 * like.id.0 + number as u64), ..like.clone() };
        till.world.rows.put(Rows::Working, Table::Deposit.key(&deposit.id.0.to_be_bytes()), codec::encode(&deposit));
        till.world.state.deposits.put(deposit);
    }
}

/// A network full of payments to an address that is nobody's; the first one is deposit 1.
fn crowd() -> Till {
    let mut till = Till::new();
    till.commit(BSC, 0, vec![vec![pay(BSC, 1, 3, 700 * FINE)]]);
    till.grow(BSC, 0, 9);
    let waits = till.deposit(1);
    assert_eq!(waits.state, DepositState::Suspense { why: Why::NotGiven });
    fill(&mut till, &waits);
    till
}

/// A payment comes in the next block: whether it is taken.
fn is_taken(till: &mut Till) -> bool {
    let command = till.blocks(BSC, 0, vec![vec![pay(BSC, 2, 1, 500 * FINE)]], 0);
    match till.scan(BSC, Body::CommitBlocks(Box::new(command))) {
        Ok(_) => true,
        Err(Rejection::Deposits(Refusal::Full)) => false,
        other => panic!("{other:?}"),
    }
}

/// The worker says how far the network is: everything that was scanned is final.
fn tell_heights(till: &mut Till) {
    let tip = till.tip(BSC).height;
    let heights = Some(Heights { head: tip + 900, finalized: Some(tip), agreed: tip });
    let word = NotePending { network: BSC, sightings: vec![], replaced: vec![], heights };
    till.scan(BSC, Body::NotePending(Box::new(word))).unwrap();
}

fn switch(till: &mut Till, on: bool) {
    let (deposits, withdrawals, sweeps, reason) = (Some(on), None, None, "test".to_owned());
    let body = ConfigureNetworkAsset { network: BSC, asset: Asset(1), deposits, withdrawals, sweeps, reason };
    till.world.run(Body::ConfigureNetworkAsset(body)).unwrap();
}

/// One minor unit of the ledger on that network.
const FINE: u128 = 10_000_000_000;

/// Goal: what people or the network can mend is mended: no scan stands still for ever because there are as many deposits as there may be.
/// Method: a network full of payments of an asset whose deposits are off, of such as are not final, and of such as are right below the
/// last block; each is taken no further, and goes on once deposits are on, there is finality, or fewer confirmations are wanted.
#[test]
fn a_full_network_goes_on() {
    type Step = fn(&mut Till);
    let nothing: Step = |_| ();
    let cases: [(&str, usize, u64, Step, Step); 3] = [
        ("closed", 9, 0, |till| switch(till, false), |till| switch(till, true)),
        ("not final", 9, 10, nothing, nothing),
        ("right below the tip", 0, 0, nothing, |till| {
            till.world
                .run(configure(BSC, |change| (change.tradable, change.withdrawable) = (Some(1), Some(1))))
                .unwrap();
        }),
    ];
    for (what, after, lag, before, mend) in cases {
        let mut till = Till::new();
        before(&mut till);
        let mut payments = vec![vec![pay(BSC, 1, 0, 700 * FINE)]];
        payments.resize(1 + after, vec![]);
        let command = till.blocks(BSC, 0, payments, lag);
        till.scan(BSC, Body::CommitBlocks(Box::new(command))).unwrap();
        let one = till.deposit(1);
        fill(&mut till, &one);
        assert!(!is_taken(&mut till), "{what}: there is no room");
        if what != "not final" {
            tell_heights(&mut till);
            assert!(!is_taken(&mut till), "{what}: nothing has changed");
        }
        let tip = till.tip(BSC);
        mend(&mut till);
        till.world.now = Timestamp(till.world.now.0 + 1);
        tell_heights(&mut till);
        assert_eq!(till.tip(BSC), tip, "{what}: no block was taken by that");
        assert!(till.world.state.deposits().chains().get(BSC).at_head.is_none_or(|at| at < till.world.now), "{what}");
        assert!(is_taken(&mut till), "{what}");
        assert_eq!(till.stage(1), DepositStage::Unlocked, "{what}");
        assert!(till.has(1) >= 700, "{what}");
    }
}

/// Goal: what waits for persons stops nobody's deposits, and is still given when they have looked. Method: a network full of payments to an
/// address that is nobody's; one of them is given to a user, twice.
#[test]
fn what_waits_for_persons_stops_nobody() {
    let mut till = crowd();
    assert!(!is_taken(&mut till));
    tell_heights(&mut till);
    assert!(is_taken(&mut till));
    assert!(till.world.state.deposits().get(DepositId(1)).is_none(), "it waits in history");
    assert_eq!(till.deposit(1).state, DepositState::Suspense { why: Why::NotGiven });
    let (before, suspense) = (till.has(2), till.suspense());
    till.world.run(give()).unwrap();
    assert_eq!((till.has(2), till.suspense()), (before + 700, suspense - 700));
    assert_eq!(till.world.run(give()), Err(Rejection::Deposits(Refusal::DepositState { deposit: DepositId(1) })));
}

/// Goal: what comes back from history over the brim stops nothing: room is made all the same. Method: a payment that waits in history is
/// given to a user where the network is full of payments of an asset whose deposits are off; they are switched on.
#[test]
fn more_than_there_may_be_become_fewer() {
    let mut till = crowd();
    tell_heights(&mut till);
    assert!(till.world.state.deposits().get(DepositId(1)).is_none(), "it waits in history");
    switch(&mut till, false);
    till.commit(BSC, 0, vec![vec![pay(BSC, 3, 0, 700 * FINE)]]);
    till.grow(BSC, 0, 9);
    let closed = till.deposit(2);
    assert_eq!(closed.state, DepositState::Suspense { why: Why::Closed });
    fill(&mut till, &closed);
    till.world.run(give()).unwrap();
    assert!(till.world.state.deposits().open_count_of(BSC) > OPEN_DEPOSITS_PER_NETWORK_MAX);
    switch(&mut till, true);
    tell_heights(&mut till);
    assert!(is_taken(&mut till));
}

/// Goal: what is on addresses and in no account is not history early, or the books would seem to have too little. Method: a payment that
/// the exchange made and knows nothing of, beside others that fill the network.
#[test]
fn what_is_in_no_account_stays() {
    let mut till = Till::new();
    let from = vec![address(BSC.family(), 1)];
    till.commit(BSC, 0, vec![vec![pay(BSC, 1, 3, 700 * FINE), Sighting { from, ..pay(BSC, 3, 0, 500 * FINE) }]]);
    till.grow(BSC, 0, 9);
    let (waits, own) = (till.deposit(1), till.deposit(2));
    assert_eq!((own.state, own.booked), (DepositState::Suspense { why: Why::OwnUnknown }, false));
    fill(&mut till, &waits);
    tell_heights(&mut till);
    let there = |till: &Till, id| till.world.state.deposits().get(DepositId(id)).is_some();
    assert_eq!((there(&till, 1), there(&till, 2)), (false, true));
}

/// Goal: what waits in history and is in no block any more is given to nobody. Method: a network halts, and persons let it go on from below
/// the payment's block; the new branch grows past it.
#[test]
fn what_is_gone_is_not_given() {
    let mut till = Till::new();
    till.grow(BSC, 0, 1);
    let below = till.tip(BSC);
    till.commit(BSC, 0, vec![vec![pay(BSC, 1, 3, 700 * FINE)]]);
    till.grow(BSC, 0, 9);
    let waits = till.deposit(1);
    fill(&mut till, &waits);
    tell_heights(&mut till);
    assert_eq!(till.rewind(BSC, below), Ok(Done::ChainHalted));
    let resume = crate::ResumeChain { network: BSC, to: Some(below), reason: "looked".into() };
    till.world.run(Body::ResumeChain(resume)).unwrap();
    till.grow(BSC, 1, 20);
    let gone = Rejection::Deposits(Refusal::NotFinal { deposit: DepositId(1) });
    assert_eq!(till.world.run(give()), Err(gone));
}

fn give() -> Body {
    let (deposit, to, reason) = (DepositId(1), Assignee::User(UserId(2)), "hers".to_owned());
    Body::AssignSuspense(AssignSuspense { deposit, to, reason })
}

/// Goal: each guard is what lets a full network go on. Method: it is taken away, and the test that names it fails.
#[test]
fn planted_bugs_of_full_networks_are_caught() {
    catches(Bug::WaitingFills, what_waits_for_persons_stops_nobody);
    catches(Bug::FullStaysFull, a_full_network_goes_on);
    catches(Bug::BrimIsEnd, more_than_there_may_be_become_fewer);
    catches(Bug::UnbookedRetires, what_is_in_no_account_stays);
    catches(Bug::GoneIsGiven, what_is_gone_is_not_given);
}
