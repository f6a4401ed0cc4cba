//! Reorganisations below what was settled: what positions have of blocks that are gone leaves them, and comes once.

use super::*;
use crate::deposits::RING_MIN;
use crate::planted::Bug;
use crate::reconciliation::Net;
use crate::{ResumeChain, RewindBlocks};

/// The network halts, persons let it go on from a block, and the worker scans what there is now.
pub(super) fn resume_from(bench: &mut Bench, network: Network, common: BlockRef) {
    let tip = bench.world.state.deposits().chains().get(network).tip.unwrap();
    let rewind = Body::RewindBlocks(RewindBlocks { network, from: tip, to: common });
    assert_eq!(bench.send_as(WorkerKind::Deposit, network, rewind), Ok(Done::ChainHalted));
    let resume = ResumeChain { network, to: Some(common), reason: "the branch is known".into() };
    bench.world.run(Body::ResumeChain(resume)).unwrap();
    bench.scan(network);
}

fn net(bench: &Bench, network: Network) -> Net {
    bench.world.state.reconciliation().net(network)
}

/// Money in, and out by a payout, in blocks that are settled and folded; the last block before them.
fn settled(bench: &mut Bench, network: Network) -> BlockRef {
    bench.stock(network);
    assert!(bench.reconcile(network));
    let common = bench.chain(network).tip();
    let amount = if network == ETH { 80 * UNIT + 3 } else { 80 };
    bench.pay(network, &deposit_address(network, 0), None, amount);
    bench.pay(network, &deposit_address(network, 1), coins(network).last().cloned().flatten(), amount);
    let paying = bench.withdraw(network, None, 1_000, if network == ETH { UNIT } else { 9 });
    bench.chain(network).mine(vec![paying.tx.clone()]);
    bench.grow(network, 6);
    bench.finish(&paying);
    bench.grow(network, 1);
    assert!(bench.reconcile(network), "{network}: {:#?}", bench.open());
    assert!(net(bench, network).floor > common.height && !bench.world.state.reconciliation().folded.is_empty());
    common
}

/// Nothing is stopped, nothing is under way, and books made anew from the rows are the same.
fn at_rest(bench: &Bench, network: Network) {
    assert_eq!((bench.stops(), bench.open()), (vec![], vec![]), "{network}");
    assert!(bench.world.state.reconciliation().afoot.is_empty(), "{network}");
    assert_eq!(crate::State::load(&bench.world.rows).unwrap().reconciliation, bench.world.state.reconciliation);
}

/// Goal: what settled blocks moved counts once where the same transactions come again in other blocks after people let the network
/// go on, and not at all where they do not. Method: three networks; deposits large and small, a payout with change; all of
/// them again, then one of them no more.
fn counted_once() {
    for network in [ETH, BTC, TRON] {
        let mut bench = Bench::new();
        let common = settled(&mut bench, network);
        let back = bench.chain(network).vanish_above(common.height);
        bench.chain(network).mine(vec![]);
        for tx in back {
            bench.chain(network).mine(vec![tx]);
        }
        for _ in 0..7 {
            bench.chain(network).mine(vec![]);
        }
        resume_from(&mut bench, network, common);
        assert!(bench.reconcile(network), "{network}: {:#?}", bench.open());
        bench.grow(network, 6);
        assert!(bench.reconcile(network), "{network}: {:#?}", bench.open());
        at_rest(&bench, network);

        // The same once more, and the last deposit is gone for good: a user owes it, and the books know.
        let mut back = bench.chain(network).vanish_above(common.height);
        let gone = back.iter().position(|tx| tx.spends.is_empty() && tx.leaves.is_empty() && !tx.arrives.is_empty());
        back.remove(gone.unwrap());
        for tx in back {
            bench.chain(network).mine(vec![tx]);
        }
        for _ in 0..9 {
            bench.chain(network).mine(vec![]);
        }
        resume_from(&mut bench, network, common);
        assert!(bench.reconcile(network), "{network}: {:#?}", bench.open());
        at_rest(&bench, network);
    }
}

#[test]
fn what_comes_again_counts_once() {
    counted_once();
    withdrawals::catches(Bug::FoldedTwice, counted_once);
}

/// Goal: below all known hashes it is history: what is known there is not taken in again, and what is new there is. Method: a
/// chain that is longer than the ring, rewound to before it; the same payments again, and one more.
fn history() {
    for network in [ETH, TRON] {
        let mut bench = Bench::new();
        let common = settled(&mut bench, network);
        bench.grow(network, RING_MIN as usize + 20);
        assert!(bench.world.state.deposits().chains().get(network).floor > common.height + 30);
        assert!(bench.world.state.reconciliation().folded.is_empty(), "nothing is remembered below the ring");
        assert!(bench.reconcile(network));
        let back = bench.chain(network).vanish_above(common.height);
        for tx in back {
            bench.chain(network).mine(vec![tx]);
        }
        let more = if network == ETH { 90 * UNIT } else { 90 };
        let payment = bench.chain(network).payment(&deposit_address(network, 1), None, more);
        bench.chain(network).mine(vec![payment]);
        for _ in 0..9 {
            bench.chain(network).mine(vec![]);
        }
        resume_from(&mut bench, network, common);
        bench.grow(network, RING_MIN as usize + 20);
        assert!(bench.reconcile(network), "{network}: {:#?}", bench.open());
        at_rest(&bench, network);
    }
}

#[test]
fn history_is_not_told_twice() {
    history();
    withdrawals::catches(Bug::FoldedTwice, history);
}

/// Goal: what was read of a block that is gone is held against nobody. Method: a surplus that is there before a deep
/// reorganisation, and is not after it.
#[test]
fn readings_of_a_branch_that_is_gone() {
    let mut bench = Bench::new();
    bench.stock(TRON);
    let common = bench.chain(TRON).tip();
    let mut hidden = bench.chain(TRON).payment(&hot(TRON), None, 500);
    hidden.hidden = true;
    bench.chain(TRON).mine(vec![hidden]);
    bench.grow(TRON, 8);
    assert!(!bench.reconcile(TRON));
    seen(&bench.only(), Class::MissedDeposit, 500);
    bench.chain(TRON).vanish_above(common.height);
    for _ in 0..12 {
        bench.chain(TRON).mine(vec![]);
    }
    resume_from(&mut bench, TRON, common);
    assert!(bench.reconcile(TRON), "{:#?}", bench.open());
    assert!(bench.only().gone.is_some() && bench.stops().is_empty());
}

/// Goal: runs that begin at the same block again and again keep nothing from being folded for longer than one run may last. Method:
/// a worker that begins anew each hour and reads nothing.
fn pinned_for_ever() {
    let mut bench = Bench::new();
    bench.stock(ETH);
    let (_, block) = bench.begin(ETH);
    let mut hours = 0;
    loop {
        bench.pay(ETH, &deposit_address(ETH, 0), None, 70 * UNIT);
        if bench.report(ETH, BalanceStep::Begin { block }).is_err() {
            break;
        }
        hours += 1;
        assert!(hours < 6, "{} movements are kept", bench.world.state.reconciliation().movements_from(ETH, 0).count());
        bench.world.now = Timestamp(bench.world.now.0 + 3_600_000_000);
    }
    assert!(hours >= 3);
    bench.grow(ETH, 6);
    assert_eq!(bench.world.state.reconciliation().movements_from(ETH, 0).count(), 0);
    bench.price();
    assert!(bench.reconcile(ETH), "{:#?}", bench.open());
}

#[test]
fn nobody_pins_for_ever() {
    pinned_for_ever();
    withdrawals::catches(Bug::PinnedForEver, pinned_for_ever);
}

/// Goal: payouts that were final on a branch that is gone are in the books before the chain has them again: what is more on their
/// payers meanwhile stops nothing when it goes. Method: a comparison while the new branch is being scanned.
#[test]
fn payouts_of_a_branch_that_is_gone() {
    for network in [ETH, TRON] {
        let mut bench = Bench::new();
        let common = settled(&mut bench, network);
        let back = bench.chain(network).vanish_above(common.height);
        for _ in 0..7 {
            bench.chain(network).mine(vec![]);
        }
        resume_from(&mut bench, network, common);
        assert!(!bench.reconcile(network), "the payout is not there yet");
        assert!(bench.open().iter().all(|one| one.class == Class::MissedDeposit), "{:#?}", bench.open());
        for tx in back {
            bench.chain(network).mine(vec![tx]);
        }
        bench.grow(network, 6);
        bench.reconcile(network);
        assert!(bench.open().iter().all(|one| one.gone.is_some()), "{:#?}", bench.open());
        assert_eq!(bench.stops(), []);
    }
}
