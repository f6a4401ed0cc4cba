//! Denials: that a payment came to nothing is one worker's word, and frees nothing before a balance agrees.

use super::*;
use crate::planted::Bug;
use crate::withdrawals::{DENIAL_WAITS_MAX, Death, Refusal};
use crate::workers::Desired;
use crate::{AddWorkers, PayoutDecision, ReviewPayout};

const SECOND: u64 = 1_000_000;

/// A network with money, and a worker that compares its balances, if one is wanted.
fn bench(network: Network, compared: bool) -> Bench {
    let mut bench = Bench::new();
    bench.stock(network);
    if compared {
        let workers = vec![WorkerId { kind: WorkerKind::BalanceSync, network: Some(network), instance: 1 }];
        bench
            .world
            .run(Body::AddWorkers(AddWorkers { workers, desired: Desired::Running, reason: "test".into() }))
            .unwrap();
    }
    assert!(bench.reconcile(network));
    bench
}

impl Bench {
    /// The transaction is mined, and pays or does nothing but cost its fee; until that is final.
    fn mined(&mut self, paying: &Paying, pays: bool) -> BlockRef {
        let mut tx = paying.tx.clone();
        if !pays {
            let fee = tx.leaves.pop().unwrap();
            tx.leaves = vec![fee];
        }
        let block = self.chain(paying.network).mine(vec![tx]);
        self.grow(paying.network, 6);
        block
    }

    fn say(&mut self, paying: &Paying, step: PayoutStep) -> Result<Stage, Rejection> {
        withdrawals::step(&mut self.world, paying.payout, step)
    }

    fn held(&self) -> u128 {
        withdrawals::money(&self.world, UserId(1), Asset(2)).1
    }

    fn is_open(&self, paying: &Paying) -> bool {
        self.world.state.withdrawals().payout(paying.payout).is_some()
    }

    fn confirm(&mut self, paying: &Paying) -> Result<Done, Rejection> {
        let from = self.world.state.withdrawals().payout(paying.payout).unwrap().stage();
        let (payout, decision, reason) = (paying.payout, PayoutDecision::Confirm, "looked".to_owned());
        self.world.run(Body::ReviewPayout(Box::new(ReviewPayout { payout, from, decision, reason })))
    }

    fn wait(&mut self, us: u64) {
        self.world.now = Timestamp(self.world.now.0 + us);
    }
}

const fn reverted(block: BlockRef, fee: u128) -> PayoutStep {
    PayoutStep::Reverted { block, fee }
}

fn expired(world: &World, at: BlockRef, paying: &Paying) -> PayoutStep {
    let proof = Death::Expired { at, time: world.now, absent_at: vec![0, 1], absent: vec![paying.tx.id] };
    PayoutStep::Dead { proof, requeue: true }
}

/// Goal: what did nothing has its money given free by the balance that agrees, without anybody's hand; on TRON not before its span
/// of time is over; the fee is in the books, and nothing is found amiss. Method: a token's payment that fails, on both families.
fn a_balance_that_agrees_frees() {
    for network in [ETH, TRON] {
        let mut bench = bench(network, true);
        let paying = bench.withdraw(network, token(), 1_000, 500);
        let held = bench.held();
        assert!(held > 0);
        let block = bench.mined(&paying, false);
        let stage = bench.say(&paying, reverted(block, paying.fee));
        assert_eq!((stage, bench.held()), (Ok(Stage::Signed), held), "{network}: it waits");
        if network == TRON {
            assert!(bench.reconcile(network));
            assert_eq!(bench.held(), held, "it could still be mined");
            bench.wait(61 * SECOND);
        }
        assert!(bench.reconcile(network), "{network}: {:?}", bench.open());
        assert_eq!((bench.held(), bench.is_open(&paying)), (0, false), "{network}");
        let mut last = withdrawals::withdrawal(&bench.world, crate::withdrawals::WithdrawalId(1));
        last.held = None;
        assert_eq!(
            last.standing,
            crate::withdrawals::Standing::Over(crate::withdrawals::Ending::Reverted {
                payout: paying.payout,
                tx: paying.tx.id,
            })
        );
        assert!(bench.reconcile(network) && bench.open().is_empty(), "{network}: {:?}", bench.open());
    }
}

/// Goal: a payment that was made is not given back, nor made again, whatever its worker says: the balance shows it, the network's
/// withdrawals stop, and the truth can still be told. Method: each lie about a payment that is in a final block.
fn a_lie_frees_nothing() {
    for (network, coin) in [(ETH, token()), (ETH, None), (TRON, token()), (TRON, None)] {
        let mut bench = bench(network, true);
        let paying = bench.withdraw(network, coin, 100_000, 500);
        let block = bench.mined(&paying, true);
        bench.wait(200 * SECOND);
        let lie = match network {
            TRON => expired(&bench.world, block, &paying),
            _ => reverted(block, paying.fee),
        };
        assert!(bench.say(&paying, lie).is_ok());
        assert!(!bench.reconcile(network));
        assert!(bench.is_open(&paying) && bench.is_stopped(network), "{network}");
        assert!(bench.open().iter().any(|one| one.class == Class::UnknownOutflow), "{network}");
        bench.reconcile(network);
        assert!(bench.is_open(&paying), "{network}: nor later");
        let step = PayoutStep::Final { block, fee: paying.fee };
        assert_eq!(bench.say(&paying, step), Ok(Stage::Completed), "{network}");
    }
}

/// Goal: what is on its way and in no block is not given back because a balance agrees: it may be mined after that. Method: a worker
/// denies, at a block that is settled, what no block has: its nonce is not used, its time not over.
fn what_may_come_is_not_freed() {
    for network in [ETH, TRON] {
        let mut bench = bench(network, true);
        let paying = bench.withdraw(network, token(), 1_000, 500);
        bench.grow(network, 6);
        let block = bench.settled(network);
        assert!(bench.say(&paying, reverted(block, paying.fee)).is_ok());
        let _ = bench.reconcile(network);
        assert!(bench.is_open(&paying) && bench.held() > 0, "{network}");
    }
}

/// Goal: a payment whose time is over and that no block has is made by another payout once the balance agrees, and not before.
fn what_expired_is_decided_anew() {
    let mut bench = bench(TRON, true);
    let paying = bench.withdraw(TRON, token(), 1_000, 500);
    bench.wait(125 * SECOND);
    bench.grow(TRON, 6);
    let at = bench.settled(TRON);
    let step = expired(&bench.world, at, &paying);
    assert_eq!(bench.say(&paying, step), Ok(Stage::Signed));
    assert!(bench.reconcile(TRON), "{:?}", bench.open());
    assert!(!bench.is_open(&paying));
    let one = crate::withdrawals::WithdrawalId(1);
    assert_eq!(withdrawals::stage(&bench.world, one), Stage::Queued);
}

/// Goal: so little of the network's coin that fees could hide it is not given free by a balance that agrees.
fn fees_hide_nothing() {
    let mut bench = bench(TRON, true);
    let paying = bench.withdraw(TRON, None, 200, 500);
    let block = bench.mined(&paying, true);
    bench.wait(61 * SECOND);
    // It was paid, and what it paid is told as if it had been a part of the fee.
    assert!(bench.say(&paying, reverted(block, paying.fee + 200)).is_ok());
    let _ = bench.reconcile(TRON);
    assert!(bench.is_open(&paying));
}

/// Goal: where nobody compares balances, and where none agrees within an hour, two persons decide; they can confirm what is told,
/// and nothing else. Method: both; a confirmation of what nobody says.
fn people_decide_where_nobody_reads() {
    let mut alone = bench(ETH, false);
    let paying = alone.withdraw(ETH, token(), 1_000, 500);
    let block = alone.mined(&paying, false);
    assert_eq!(alone.say(&paying, reverted(block, paying.fee)), Ok(Stage::Review));
    assert!(alone.held() > 0);
    assert_eq!(alone.confirm(&paying), Ok(Done::PayoutMoved { stage: Stage::Reverted }));
    assert_eq!(alone.held(), 0);

    let mut late = bench(ETH, true);
    let paying = late.withdraw(ETH, token(), 1_000, 500);
    let block = late.mined(&paying, false);
    assert_eq!(late.say(&paying, reverted(block, paying.fee)), Ok(Stage::Signed));
    late.wait(u64::try_from(DENIAL_WAITS_MAX.as_micros()).unwrap());
    assert_eq!(late.say(&paying, reverted(block, paying.fee)), Ok(Stage::Review));
    assert!(late.reconcile(ETH));
    assert!(!late.is_open(&paying), "a balance that agrees at last is enough");

    late.price();
    let other = late.withdraw(ETH, token(), 1_000, 500);
    late.say(&other, PayoutStep::Review { why: "look".into() }).unwrap();
    let payout = other.payout;
    let nothing = Rejection::Withdrawals(Box::new(Refusal::NotDenied { payout }));
    assert_eq!(late.confirm(&other), Err(nothing));
}

/// Goal: whoever finds it in a block after all takes the denial back.
#[test]
fn what_goes_on_is_not_denied() {
    let mut bench = bench(ETH, true);
    let paying = bench.withdraw(ETH, token(), 1_000, 500);
    let block = bench.mined(&paying, false);
    bench.say(&paying, reverted(block, paying.fee)).unwrap();
    bench.say(&paying, PayoutStep::Seen { block }).unwrap();
    assert_eq!(bench.world.state.withdrawals().payout(paying.payout).unwrap().denied, None);
    let _ = bench.reconcile(ETH);
    assert!(bench.is_open(&paying));
}

#[test]
fn denials_wait_for_balances() {
    a_balance_that_agrees_frees();
    what_expired_is_decided_anew();
    people_decide_where_nobody_reads();
}

#[test]
fn denials_that_are_lies_free_nothing() {
    a_lie_frees_nothing();
    what_may_come_is_not_freed();
    fees_hide_nothing();
}

/// Goal: the guards are what refuses. Method: each is taken away, and the test that names it fails.
#[test]
fn planted_bugs_of_denials_are_caught() {
    for (bug, test) in [
        (Bug::DenialBelieved, a_lie_frees_nothing as fn()),
        (Bug::DenialBelieved, what_may_come_is_not_freed),
        (Bug::DenialOfPending, what_may_come_is_not_freed),
        (Bug::DenialOfPending, fees_hide_nothing),
    ] {
        withdrawals::catches(bug, test);
    }
}
