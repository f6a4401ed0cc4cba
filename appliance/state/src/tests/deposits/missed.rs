//! What a scan missed, and how it comes into the books when blocks are looked at again.

use exchequer_domain::NodeId;

use super::*;
use crate::attention::Concern;
use crate::deposits::{RESCAN_APPLY, Refusal};
use crate::directives::{DirectiveAction, DirectiveId, Priority, Target};
use crate::event::EventKind;
use crate::planted::{self, Bug};
use crate::reconciliation::Spot;
use crate::workers::Desired;
use crate::{CommitMissed, DispatchDirectives, NewDirective, ResumeChain, SendDirectives};

const BTC: Network = Network::Bitcoin;

/// Somebody has blocks looked at again; its number.
fn asked(till: &mut Till, action: &str, from: u64, to: u64) -> DirectiveId {
    let new = NewDirective {
        key: None,
        priority: Priority::Normal,
        target: Target::Kind { kind: WorkerKind::Deposit, network: Some(BTC) },
        action: DirectiveAction::Custom {
            name: action.to_owned(),
            payload: format!("{from} {to}").into_bytes(),
            idempotent: true,
        },
        not_before: None,
        deadline: None,
        max_attempts: 1,
        needs_approval: false,
    };
    let send = SendDirectives { directives: vec![new], reason: "CASE-7".into() };
    let Ok(Done::DirectivesSent(sent)) = till.world.run(Body::SendDirectives(send)) else { panic!("not sent") };
    let epoch = till.world.state.epoch().map(|epoch| epoch.index);
    let body = Body::DispatchDirectives(DispatchDirectives { max: 9 });
    let command = Command { actor: Actor::Node(NodeId(1)), epoch, ..till.world.command(body) };
    till.world.send(&command).unwrap();
    sent[0].directive
}

fn missed(directive: DirectiveId, block: BlockRef, sightings: Vec<Sighting>) -> Body {
    Body::CommitMissed(Box::new(CommitMissed { network: BTC, directive, block, sightings, absent: vec![] }))
}

fn taken(outcome: Result<Done, Rejection>) -> u32 {
    match outcome {
        Ok(Done::MissedCommitted { taken }) => taken,
        other => panic!("{other:?}"),
    }
}

/// A world in which the deposit worker runs, and a block whose payment 2 was not seen. How many blocks follow.
fn till(after: usize) -> (Till, BlockRef) {
    let mut till = Till::new();
    let worker = WorkerId { kind: WorkerKind::Deposit, network: Some(BTC), instance: 1 };
    let workers = crate::AddWorkers { workers: vec![worker], desired: Desired::Running, reason: "test".into() };
    till.world.run(Body::AddWorkers(workers)).unwrap();
    till.commit(BTC, 0, vec![vec![pay(BTC, 1, 0, 500)]]);
    let block = till.tip(BTC);
    if after > 0 {
        till.grow(BTC, 0, after);
    }
    (till, block)
}

/// Goal: a payment that the scan missed is credited once by the rules of every block, whether the rescan runs twice, the block is
/// scanned again after a rewind, or its block's hash is long forgotten; what the books have stays as it is. Method: a planted
/// miss beside a payment that was seen, and everything again.
#[test]
fn what_was_missed_is_credited_once() {
    for after in [0, 1, 5, 400] {
        let (mut till, block) = till(after);
        let before = till.has(1);
        let seen = || vec![pay(BTC, 1, 0, 500), pay(BTC, 2, 1, 700)];
        let directive = asked(&mut till, RESCAN_APPLY, block.height, block.height);
        assert_eq!(taken(till.scan(BTC, missed(directive, block, seen()))), 1, "{after}");
        let expected = if after == 0 { 0 } else { 700 };
        assert_eq!((till.has(1), till.has(2)), (before, expected), "{after}: as deep as it is");
        assert_eq!(taken(till.scan(BTC, missed(directive, block, seen()))), 0, "{after}: twice");
        assert_eq!((till.has(1), till.has(2)), (before, expected), "{after}");
        if after < 3 {
            let below = super::block(block.height - 1, 0);
            till.rewind(BTC, below).unwrap();
            assert_eq!((till.has(2), till.owes(2)), (0, 0), "{after}");
            till.commit(BTC, 0, vec![seen()]);
        }
        till.grow(BTC, 0, 6);
        assert_eq!((till.has(1), till.has(2)), (500, 700), "{after}: with the block itself");
        assert_eq!(till.world.state.deposits().last(), DepositId(2), "{after}");
        assert_eq!(till.world.state.custody().coins().count() + cold(&till), 2, "{after}: each coin once");
    }
}

/// Coins that are in no memory.
fn cold(till: &Till) -> usize {
    till.world.state.cold_coins(&till.world.rows, BTC, None, 99).unwrap().len()
}

/// Goal: what nobody was certain of when its block was taken is credited once somebody is, by a rescan that two persons wanted, also where
/// it is history by then; with its amount, once, as deep as it is; and it is in the position that is compared with the chain. Method:
/// payments without an amount, to a user and to nobody; the rescan with amounts, again, of another block, and after a rewind.
#[test]
fn what_was_not_certain_is_credited_once_it_is() {
    for after in [1, 5, 400] {
        let (mut till, _) = till(0);
        let uncertain = |number, index| Sighting { amount: None, ..pay(BTC, number, index, 1) };
        till.commit(BTC, 0, vec![vec![uncertain(2, 1), uncertain(3, 3)]]);
        let block = till.tip(BTC);
        till.grow(BTC, 0, after);
        let certain = || vec![pay(BTC, 2, 1, 700), pay(BTC, 3, 3, 900)];
        assert_eq!((till.has(2), till.suspense()), (0, 0), "{after}");
        let last = block.height + after as u64;
        let directive = asked(&mut till, RESCAN_APPLY, block.height, last);
        if let Some(other) = till.world.state.deposits().chains().block(BTC, last) {
            assert_eq!(taken(till.scan(BTC, missed(directive, other, certain()))), 0, "{after}: of another block");
        }
        let none = vec![uncertain(2, 1)];
        assert_eq!(taken(till.scan(BTC, missed(directive, block, none))), 0, "{after}: still not certain");
        assert_eq!(taken(till.scan(BTC, missed(directive, block, certain()))), 2, "{after}");
        assert_eq!(taken(till.scan(BTC, missed(directive, block, certain()))), 0, "{after}: twice");
        till.grow(BTC, 0, 6);
        assert_eq!((till.has(2), till.suspense()), (700, 900), "{after}");
        assert_eq!(till.world.state.custody().coins().count() + cold(&till), 3, "{after}: each coin once");
        assert_eq!((received(&till, 1), received(&till, 3)), (700, 900), "{after}: each movement once");
    }
}

/// Goal: what nobody was certain of is in its position once where people let the scan go on from before it, all hashes around it being
/// forgotten, and it comes with its amount: it was in none before. Method: a payment without an amount in a block as deep as that.
#[test]
fn what_had_no_amount_counts_where_it_comes_again() {
    let mut till = Till::new();
    till.commit(BTC, 0, vec![vec![Sighting { amount: None, ..pay(BTC, 2, 1, 1) }]]);
    (0..4).for_each(|_| till.grow(BTC, 0, 100));
    let common = block(FIRST, 5);
    assert_eq!(till.rewind(BTC, common), Ok(Done::ChainHalted));
    let resume = ResumeChain { network: BTC, to: Some(common), reason: "looked".into() };
    till.world.run(Body::ResumeChain(resume)).unwrap();
    assert!(till.world.state.reconciliation().net(BTC).history > FIRST, "what was known there is history");
    till.commit(BTC, 5, vec![vec![pay(BTC, 2, 1, 700)]]);
    till.grow(BTC, 5, 6);
    assert_eq!((till.has(2), received(&till, 1)), (700, 700));
}

/// What an address has received by what is compared with the chain.
fn received(till: &Till, index: u32) -> u128 {
    let spot = Spot { network: BTC, address: address(Family::Bitcoin, index), coin: None };
    let reconciliation = till.world.state.reconciliation();
    let position = till.world.state.position(&till.world.rows, &spot).unwrap().unwrap_or_default();
    let later = reconciliation.movements_from(BTC, 0).filter(|(_, _, movement)| movement.spot == spot);
    position.received + later.map(|(_, _, movement)| movement.amount).sum::<u128>()
}

/// Goal: nothing is committed but what people asked for, by the worker of the network, of the chain that is known. Method: each of
/// these otherwise.
#[test]
fn a_rescan_commits_only_what_was_asked_for() {
    let (mut till, block) = till(3);
    let again = || vec![pay(BTC, 2, 1, 700)];
    let refused = |till: &mut Till, body| match till.scan(BTC, body) {
        Err(Rejection::Deposits(refusal)) => refusal,
        other => panic!("{other:?}"),
    };
    let nobody = DirectiveId(77);
    assert_eq!(refused(&mut till, missed(nobody, block, again())), Refusal::NotWanted { directive: 77 });
    let looked = asked(&mut till, "rescan", block.height, block.height);
    let not_wanted = Refusal::NotWanted { directive: looked.0 };
    assert_eq!(refused(&mut till, missed(looked, block, again())), not_wanted, "a look commits nothing");
    let (mut till, block) = self::till(3);
    let directive = asked(&mut till, RESCAN_APPLY, block.height, block.height);
    let next = super::block(block.height + 1, 0);
    let not_wanted = Refusal::NotWanted { directive: directive.0 };
    assert_eq!(refused(&mut till, missed(directive, next, again())), not_wanted, "another height");
    let other = super::block(block.height, 9);
    assert_eq!(refused(&mut till, missed(directive, other, again())), Refusal::NotInRing, "another block");
    let body = missed(directive, block, again());
    assert!(matches!(till.world.refused(body), Rejection::EpochMissing | Rejection::Deposits(Refusal::NotTheWorker)));
    assert_eq!((till.has(2), till.world.state.deposits().last()), (0, DepositId(1)));
    assert_eq!(taken(till.scan(BTC, missed(directive, block, again()))), 1);
}

/// Goal: what the books have and the block has not is told and stays. Method: a deposit that the quorum does not find.
#[test]
fn what_is_not_on_chain_is_told_and_stays() {
    let (mut till, block) = till(5);
    let directive = asked(&mut till, RESCAN_APPLY, block.height, block.height);
    let body =
        CommitMissed { network: BTC, directive, block, sightings: vec![], absent: vec![DepositId(1), DepositId(9)] };
    assert_eq!(taken(till.scan(BTC, Body::CommitMissed(Box::new(body)))), 0);
    let told = till.world.events().into_iter().filter_map(|kind| match kind {
        EventKind::AttentionNeeded { concern: Concern::DepositNotOnChain, subject, .. } => Some(subject),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), ["deposit 1"]);
    assert_eq!((till.has(1), till.stage(1)), (500, DepositStage::Unlocked));
}

/// Goal: it takes two persons where the rule is in force, and the right to move money. Method: what the policy says of it.
#[test]
fn a_rescan_that_commits_is_critical() {
    let (till, _) = till(1);
    let of = |name: &str| {
        let action = DirectiveAction::Custom { name: name.into(), payload: vec![], idempotent: true };
        let target = Target::Kind { kind: WorkerKind::Deposit, network: Some(BTC) };
        let new = NewDirective {
            key: None,
            priority: Priority::Normal,
            target,
            action,
            not_before: None,
            deadline: None,
            max_attempts: 1,
            needs_approval: false,
        };
        let body = Body::SendDirectives(SendDirectives { directives: vec![new], reason: "test".into() });
        let state = &till.world.state;
        let admin = Actor::Admin(exchequer_domain::AdminId(1));
        crate::approvals::policy_of(&body, admin, state, state.ledger()).map(|policy| policy.permission)
    };
    assert_eq!(of("rescan"), None);
    assert_eq!(of(RESCAN_APPLY), Some(crate::people::Permission::ApproveMoney));
}

/// Goal: the guards are what refuses. Method: each is taken away, and the test that names it fails.
#[test]
fn planted_bugs_of_rescans_are_caught() {
    let caught = |bug, test: fn()| {
        planted::plant(Some(bug));
        let caught = std::panic::catch_unwind(test).is_err();
        planted::plant(None);
        assert!(caught, "{bug:?}");
    };
    caught(Bug::RescanUnasked, a_rescan_commits_only_what_was_asked_for);
    caught(Bug::RescanAnyBlock, a_rescan_commits_only_what_was_asked_for);
    caught(Bug::RescanTwice, what_was_missed_is_credited_once);
}
