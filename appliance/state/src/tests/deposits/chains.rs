//! What must hold of chains that are reorganised, stall, or are told wrongly.

use exchequer_ledger::Asset;

use super::super::world::between;
use super::rules::{BSC, BTC, FINER, withdrawable};
use super::{FIRST, Till, address, block, pay};
use crate::deposits::{DepositId, DepositStage, DepositState, NothingLeaves, Refusal, Withdrawable};
use crate::event::{EventKind, Severity};
use crate::networks::{Operation, Why};
use crate::{Body, Done, Rejection, ResumeChain};

/// Goal: after a shallow reorganisation each payment counts once, where the chain has it now: in another block, in another
/// order, or not at all.
#[test]
fn shallow_reorganisations() {
    let mut till = Till::new();
    till.commit(BTC, 0, vec![vec![pay(BTC, 1, 0, 500), pay(BTC, 2, 1, 300)], vec![pay(BTC, 3, 0, 200)]]);
    assert_eq!((till.has(1), till.has(2)), (500, 300));
    till.rewind(BTC, block(FIRST, 0)).unwrap();
    assert_eq!((till.has(1), till.has(2), till.custody(BTC)), (0, 0, 0));
    assert_eq!((till.stage(1), till.stage(3)), (DepositStage::Reversed, DepositStage::Orphaned));
    till.commit(BTC, 1, vec![vec![pay(BTC, 3, 0, 200)], vec![pay(BTC, 1, 0, 500)], vec![], vec![]]);
    assert_eq!((till.has(1), till.has(2), till.custody(BTC)), (700, 0, 700));
    assert_eq!(till.deposit(1).block, Some(block(FIRST + 2, 1)));
    assert_eq!(till.stage(2), DepositStage::Reversed);
    assert_eq!(till.world.state.deposits().last(), DepositId(3));
}

/// Goal: a network on which no block comes any more pays nothing out until the next one comes; what comes in is not refused, and
/// nobody but its worker says so. Method: silence told of an old head, of the present one, twice; a block.
#[test]
fn a_silent_network_pays_nothing_out() {
    let mut till = Till::new();
    till.commit(BTC, 0, vec![vec![pay(BTC, 1, 0, 500)], vec![]]);
    let head = till.world.state.deposits().chains().get(BTC).head;
    let silence = |head| Body::NoteSilence(crate::NoteSilence { network: BTC, head });
    let may = |till: &Till| Operation::ALL.iter().map(|one| till.world.state.may_on(BTC, *one)).collect::<Vec<_>>();
    assert!(matches!(till.scan(BTC, silence(head - 1)), Err(Rejection::Deposits(Refusal::CursorMoved { .. }))));
    let refused = till.world.refused(silence(head));
    assert_eq!(refused, Rejection::Deposits(Refusal::NotTheWorker), "an admin does not say so");
    assert_eq!(may(&till), [Ok(()); 3]);
    till.scan(BTC, silence(head)).unwrap();
    let told = EventKind::ChainSilent { network: BTC, head, severity: Severity::P1 };
    assert_eq!(till.world.events().pop(), Some(told));
    till.scan(BTC, silence(head)).unwrap();
    assert_eq!(may(&till), [Ok(()), Err(Why::Silent), Err(Why::Silent)]);
    assert!(may_elsewhere(&till));
    till.commit(BTC, 0, vec![vec![]]);
    assert_eq!(may(&till), [Ok(()); 3]);
}

fn may_elsewhere(till: &Till) -> bool {
    Operation::ALL.iter().all(|one| till.world.state.may_on(BSC, *one).is_ok())
}

/// Goal: a reorganisation below every hash that is known halts the network, and persons can let it go on from the block that the
/// worker named, and from no other that is not known. Method: more blocks than are kept, a rewind to the first one.
#[test]
fn a_halt_below_the_ring_can_be_resumed() {
    let mut till = Till::new();
    till.commit(BTC, 0, vec![vec![pay(BTC, 1, 0, 500)]]);
    for _ in 0..4 {
        till.grow(BTC, 0, 100);
    }
    till.commit(BTC, 0, vec![vec![pay(BTC, 2, 1, 300)], vec![]]);
    let floor = till.world.state.deposits().chains().get(BTC).floor;
    let common = block(floor - 7, 5);
    assert_eq!(till.rewind(BTC, common), Ok(Done::ChainHalted));
    let resume = |to| Body::ResumeChain(ResumeChain { network: BTC, to: Some(to), reason: "looked".into() });
    for other in [block(floor - 8, 5), block(floor - 7, 6), block(floor, 5)] {
        assert_eq!(till.world.refused(resume(other)), Rejection::Deposits(Refusal::NotInRing));
    }
    till.world.run(resume(common)).unwrap();
    let chain = *till.world.state.deposits().chains().get(BTC);
    assert_eq!((chain.tip, chain.floor, chain.halted), (Some(common), common.height, None));
    assert_eq!((till.has(2), till.stage(2)), (0, DepositStage::Reversed));
    assert_eq!(till.world.state.deposits().chains().blocks(BTC).collect::<Vec<_>>(), [common]);
    till.commit(BTC, 5, vec![vec![pay(BTC, 2, 1, 300)], vec![]]);
    assert_eq!(till.has(2), 300);
}

/// Goal: below what was settled nothing is taken back by a worker: the network stands still, deposits and withdrawals with it,
/// until persons let it go on; what users have spent then becomes their debt, nothing of theirs leaves, and the debt is paid
/// by the same deposit when it comes again.
#[test]
fn deep_reorganisations_halt() {
    let mut till = Till::new();
    till.commit(BSC, 0, vec![vec![pay(BSC, 1, 0, 500 * FINER)], vec![], vec![], vec![]]);
    assert_eq!(till.stage(1), DepositStage::Unlocked);
    till.world.run(between(1, 2, 400, 77)).unwrap();
    assert_eq!(till.rewind(BSC, block(FIRST, 0)), Ok(Done::ChainHalted));
    assert_eq!((till.has(1), till.stage(1)), (100, DepositStage::Unlocked), "nothing is taken back");
    let common = block(FIRST, 0);
    let told = EventKind::ChainHalted { network: BSC, common, severity: Severity::P0 };
    assert_eq!(till.world.events().pop(), Some(told));
    for operation in crate::networks::Operation::ALL {
        assert_eq!(till.world.state.may_on(BSC, *operation), Err(crate::networks::Why::Halted));
    }
    let halted = Rejection::Deposits(Refusal::Halted { network: BSC });
    let next = Body::CommitBlocks(Box::new(till.blocks(BSC, 0, vec![vec![]], 0)));
    assert_eq!(till.scan(BSC, next), Err(halted));

    let resume = |to| Body::ResumeChain(ResumeChain { network: BSC, to, reason: "looked".into() });
    let unknown = Rejection::Deposits(Refusal::NotInRing);
    assert_eq!(till.world.refused(resume(Some(block(FIRST, 9)))), unknown);
    till.world.run(resume(Some(common))).unwrap();
    assert_eq!((till.has(1), till.owes(1), till.custody(BSC)), (0, 400, 0));
    assert_eq!(till.deposit(1).state, DepositState::Reversed { debt: 400 });
    let owes = NothingLeaves::Debt { asset: Asset(1), amount: 400 };
    assert_eq!(withdrawable(&till, 1), Withdrawable::Nothing(owes));
    till.commit(BSC, 1, vec![vec![pay(BSC, 1, 0, 500 * FINER)], vec![], vec![], vec![]]);
    assert_eq!((till.has(1), till.owes(1), till.custody(BSC)), (100, 0, 500));
    assert_eq!(withdrawable(&till, 1), Withdrawable::Amount(100));
    let worker = Rejection::Deposits(Refusal::NotTheWorker);
    assert_eq!(
        till.scan(BTC, Body::RewindBlocks(crate::RewindBlocks { network: BSC, from: common, to: common })),
        Err(worker)
    );
}

/// Goal: a false alarm costs nothing: the network goes on from where it stood.
#[test]
fn a_false_alarm_costs_nothing() {
    let mut till = Till::new();
    till.commit(BSC, 0, vec![vec![pay(BSC, 1, 0, 500 * FINER)], vec![], vec![], vec![]]);
    till.rewind(BSC, block(FIRST + 1, 5)).unwrap();
    till.world
        .run(Body::ResumeChain(ResumeChain { network: BSC, to: None, reason: "the node was wrong".into() }))
        .unwrap();
    till.grow(BSC, 0, 1);
    assert_eq!((till.has(1), till.owes(1)), (500, 0));
}

/// Goal: while finality stands still, or where a node tells less than before, nothing more is credited or becomes free to leave,
/// however many blocks follow; once it goes on both happen by themselves.
#[test]
fn finality_that_stalls_frees_nothing() {
    let mut till = Till::new();
    till.commit(BSC, 0, vec![vec![pay(BSC, 1, 0, 500 * FINER)], vec![], vec![]]);
    let mut stalled = till.blocks(BSC, 0, vec![vec![]; 20], 0);
    stalled.finalized = None;
    till.scan(BSC, Body::CommitBlocks(Box::new(stalled))).unwrap();
    let mut back = till.blocks(BSC, 0, vec![vec![pay(BSC, 2, 0, 300 * FINER)], vec![], vec![], vec![], vec![]], 0);
    back.finalized = Some(FIRST);
    till.scan(BSC, Body::CommitBlocks(Box::new(back))).unwrap();
    assert_eq!((till.has(1), till.stage(1), till.stage(2)), (500, DepositStage::Unlocked, DepositStage::Confirming));
    assert_eq!(till.world.state.deposits().chains().get(BSC).finalized, Some(FIRST + 3), "what was final stays so");
    assert_eq!(withdrawable(&till, 1), Withdrawable::Amount(500));
    till.grow(BSC, 0, 1);
    assert_eq!((till.has(1), till.stage(2)), (800, DepositStage::Unlocked));
}

/// Goal: nothing is credited above the height on which two endpoints agree.
#[test]
fn two_endpoints_must_agree() {
    let mut till = Till::new();
    let mut alone = till.blocks(BTC, 0, vec![vec![pay(BTC, 1, 0, 500)], vec![], vec![], vec![], vec![]], 0);
    alone.agreed = FIRST;
    till.scan(BTC, Body::CommitBlocks(Box::new(alone))).unwrap();
    assert_eq!((till.has(1), till.stage(1)), (0, DepositStage::Confirming));
    till.grow(BTC, 0, 1);
    assert_eq!((till.has(1), till.stage(1)), (500, DepositStage::Unlocked));
}

/// Goal: a block with more payments than a command holds is told in parts; a part of a block that turns out to be of another
/// chain is taken back.
#[test]
fn blocks_in_parts() {
    let mut till = Till::new();
    let part = |till: &Till, fork, number, more| {
        let command = till.blocks(BTC, fork, vec![vec![pay(BTC, number, 0, 500)]], 0);
        Body::CommitBlocks(Box::new(crate::CommitBlocks { more, ..command }))
    };
    let first = part(&till, 0, 1, true);
    till.scan(BTC, first).unwrap();
    assert_eq!(till.tip(BTC), block(FIRST, 0));
    let rest = part(&till, 0, 2, false);
    till.scan(BTC, rest).unwrap();
    till.grow(BTC, 0, 1);
    assert_eq!(till.has(1), 1_000);
    let first = part(&till, 0, 3, true);
    till.scan(BTC, first).unwrap();
    let other = part(&till, 1, 4, false);
    till.scan(BTC, other).unwrap();
    till.grow(BTC, 1, 1);
    assert_eq!((till.has(1), till.stage(3), till.stage(4)), (1_500, DepositStage::Orphaned, DepositStage::Credited));
}

/// Goal: what is wrong with blocks is refused as a whole, without a trace.
#[test]
fn wrong_blocks_are_refused() {
    let mut till = Till::new();
    till.grow(BTC, 0, 1);
    let good = till.blocks(BTC, 0, vec![vec![pay(BTC, 1, 0, 500)], vec![]], 0);
    let refused = |till: &mut Till, change: &dyn Fn(&mut crate::CommitBlocks)| {
        let mut command = good.clone();
        change(&mut command);
        let before = till.world.state.deposits().clone();
        let refusal = till.scan(BTC, Body::CommitBlocks(Box::new(command))).unwrap_err();
        assert_eq!(till.world.state.deposits(), &before);
        match refusal {
            Rejection::Deposits(refusal) => refusal,
            other => panic!("{other:?}"),
        }
    };
    let height = FIRST + 3;
    assert_eq!(
        refused(&mut till, &|wrong| wrong.blocks[1].block.height += 1),
        Refusal::BlockOrder { height: height + 1 }
    );
    assert_eq!(refused(&mut till, &|wrong| wrong.blocks[1].parent.0[9] ^= 1), Refusal::BlockOrder { height });
    assert_eq!(refused(&mut till, &|wrong| wrong.blocks.clear()), Refusal::BlockCount);
    assert_eq!(refused(&mut till, &|wrong| wrong.head -= 1), Refusal::Heights);
    assert_eq!(refused(&mut till, &|wrong| wrong.agreed = height + 1), Refusal::Heights);
    assert_eq!(refused(&mut till, &|wrong| wrong.finalized = Some(height + 1)), Refusal::Heights);
    assert_eq!(refused(&mut till, &|wrong| wrong.head = u64::MAX), Refusal::Heights);
    let twice = |wrong: &mut crate::CommitBlocks| wrong.blocks[1].sightings = wrong.blocks[0].sightings.clone();
    assert_eq!(refused(&mut till, &twice), Refusal::Sighting);
    let stranger = address(BTC.family(), 99);
    let to = stranger.clone();
    let foreign = move |wrong: &mut crate::CommitBlocks| wrong.blocks[0].sightings[0].to = to.clone();
    assert_eq!(refused(&mut till, &foreign), Refusal::NotOurs { address: stranger });
    let command = Body::CommitBlocks(Box::new(good.clone()));
    assert_eq!(till.scan(BSC, command.clone()), Err(Rejection::Deposits(Refusal::NotTheWorker)));
    assert_eq!(till.world.run(command), Err(Rejection::Deposits(Refusal::NotTheWorker)));
}

/// Goal: what was mined counts from its maturity on.
#[test]
fn mined_coins_mature() {
    let mut till = Till::new();
    let mined = crate::deposits::Sighting { immature: 3, ..pay(BTC, 1, 0, 500) };
    till.commit(BTC, 0, vec![vec![mined], vec![], vec![], vec![]]);
    assert_eq!(till.has(1), 0);
    till.grow(BTC, 0, 1);
    assert_eq!(till.has(1), 500);
}
