//! Leaders follow each other: signers that were fed by the log alone know what the ones before them signed.

use exchequer_state::withdrawals::{Death, Place};
use exchequer_vault::policy::{Intent, SigningRequest};
use exchequer_vault::record::FEED_SPAN_MAX;
use exchequer_workers::money::proto::SignRequest;

use super::*;

/// A second node of the same cluster.
async fn second(vaults: &Vaults) -> (tempfile::TempDir, Process, LocalSigner) {
    let folder = tempfile::tempdir().unwrap();
    let process = started(vaults, folder.path()).await;
    let signer = LocalSigner::new(folder.path().to_owned());
    (folder, process, signer)
}

/// The request for a withdrawal that nobody had to approve, as whoever has a signer's socket could make it.
fn request_for(world: &World, withdrawal: WithdrawalId, unsigned: &Unsigned) -> Vec<u8> {
    let description = unsigned.effects(&params()).unwrap();
    let instruction = exchequer_vault::policy::Instruction {
        withdrawal: withdrawal.0,
        initiator: "user 1".into(),
        memo: None,
        fee_cap: 1_000_000,
        until: Timestamp(0),
        approvals: vec![],
    };
    let intent = Intent::Withdrawal(vec![instruction]);
    let request = SigningRequest { epoch: Place::of(world.epoch).0, generation: 0, intent, description };
    serde_json::to_vec(&request).unwrap()
}

fn code_of(verdict: Result<impl std::fmt::Debug, exchequer_vault::policy::Verdict>) -> &'static str {
    verdict.unwrap_err().code.as_str()
}

/// Goal: after a leader's death the next one's signer gives the same bytes for what was decided, and remembers what the first one
/// signed: sums and nonces. Method: two signers of one vault, the second fed by the log alone; a signature that was committed,
/// one that was not, and one that the hour has no room for.
#[tokio::test]
async fn signers_of_one_vault_remember_alike() {
    let (vaults, mut world, first, one) = world(false).await;
    let (_folder, other, two) = second(&vaults).await;
    let paid = world.prepared(ALONE_MAX * 100 - 1).await;
    let given = world.signed(&one, paid).await;
    world.commit(paid, &given).await;
    let committed = given.record;
    let lost = world.prepared(ALONE_MAX * 100 - 1).await;
    let unheard = world.signed(&one, lost).await;
    first.end().await;
    world.change_leader().await;
    let given = world.signed(&two, lost).await;
    assert_eq!((given.tx, &given.raw), (unheard.tx, &unheard.raw));
    world.commit(lost, &given).await;
    let payout = world.prepared(50).await;
    world.sign(&two, payout).await.is_not_now("velocity-hour");

    // What the first one signed and gave a record of, the second one knows as signed, with the same record.
    let unsigned = world.unsigned(0, STRANGER, (ALONE_MAX * 100 - 1) * ETHER / 100);
    let request = request_for(&world, WithdrawalId(1), &unsigned);
    let (verdict, again) = other.core.sign(&unsigned.encode(), &request, None).unwrap();
    assert_eq!((verdict.code.as_str(), again.record), ("signed-again", committed));

    // Another transaction with a nonce that the first one signed, asked of the second by whoever has its socket.
    let unsigned = world.unsigned(0, OTHER, 1);
    let description = unsigned.effects(&params()).unwrap();
    let intent = Intent::Sweep { id: exchequer_vault::record::PaymentId([9; 16]) };
    let request = SigningRequest { epoch: Place::of(world.epoch).0, generation: 0, intent, description };
    let asked = other.core.sign(&unsigned.encode(), &serde_json::to_vec(&request).unwrap(), None);
    assert_eq!(code_of(asked), "nonce-taken");
    other.end().await;
}

/// Goal: a leadership that is over has nothing signed, by its own node or by any other signer. Method: the worker of before asks
/// after the change; a request under the old epoch at each signer that has heard of the new one.
#[tokio::test]
async fn an_epoch_that_is_over_signs_nothing() {
    let (vaults, mut world, first, one) = world(true).await;
    let (_folder, other, two) = second(&vaults).await;
    let payout = world.prepared(100).await;
    let before = world.caller();
    world.change_leader().await;
    let asked = SignRequest { payout: payout.0, attempt: 1 };
    let door = Door::new(world.stage.shared.clone());
    assert!(door.have_signed(before, asked).await.is_err(), "this node does not lead in that epoch");
    let order = order::Order { kind: worker().kind, network: NETWORK, epoch: before.epoch, payout, attempt: 1 };
    let answer = order::sign(world.ground(), &one, order).await.unwrap();
    assert!(matches!(&answer, Answer::NotNow { code, .. } if code == "moved"), "{answer:?}");
    for (process, signer) in [(&first, &*one), (&other, &two)] {
        signer.catch_up(world.ground()).await.unwrap();
        let unsigned = world.unsigned(0, STRANGER, ETHER);
        let description = unsigned.effects(&params()).unwrap();
        let epoch = Place::of(before.epoch).0;
        let request = SigningRequest { epoch, generation: 0, intent: Intent::Noop, description };
        let asked = process.core.sign(&unsigned.encode(), &serde_json::to_vec(&request).unwrap(), None);
        assert_eq!(code_of(asked), "stale-epoch");
    }
    world.signed(&one, payout).await;
    first.end().await;
    other.end().await;
}

/// Goal: a signer that comes late follows the whole log in stretches, to its end, and one that is a stretch behind signs nothing
/// under an epoch before that. Method: more entries than a stretch has, from withdrawals that their user takes back.
#[tokio::test]
async fn the_log_is_fed_in_stretches() {
    use exchequer_state::{StepWithdrawal, WithdrawalStep};
    let (vaults, mut world, first, one) = world(true).await;
    let payout = world.prepared(10).await;
    let given = world.signed(&one, payout).await;
    world.commit(payout, &given).await;
    for _ in 0..1_200 {
        let withdrawal = world.ask(1);
        let step = StepWithdrawal { withdrawal, from: Standing::Queued, step: WithdrawalStep::Cancel };
        world.ground().run_as(Actor::User(UserId(1)), Body::StepWithdrawal(step));
    }
    let late = world.prepared(10).await;
    world.change_leader().await;
    let (number, last) = world.ground().state(|state| state.withdrawals().last_signing_entry()).unwrap();
    assert_eq!(number, 1_203);
    let (_folder, other, two) = second(&vaults).await;
    two.catch_up(world.ground()).await.unwrap();
    let standing = other.core.standing().unwrap();
    assert!(last < Place::of(world.epoch));
    assert_eq!((standing.followed, standing.epoch), (Place::of(world.epoch).0, Place::of(world.epoch).0));
    // It signs only what was decided: nothing of the last stretch was passed over.
    world.signed(&two, late).await;
    assert!(Place::of(world.epoch).0 < FEED_SPAN_MAX, "else stretches would be shorter than entries make them");
    first.end().await;
    other.end().await;
}

/// Goal: what was given up unsigned is told to every signer, and its withdrawal is paid by another transaction, by any of them.
/// Method: a payout that is buried and comes again under the next nonce.
#[tokio::test]
async fn what_was_given_up_is_paid_anew() {
    let (vaults, mut world, first, one) = world(true).await;
    let (_folder, other, two) = second(&vaults).await;
    let withdrawal = world.ask(100);
    let unsigned = world.unsigned(0, STRANGER, ETHER);
    let dead = world.decide(withdrawal, &unsigned).await;
    let step = PayoutStep::Dead { proof: Death::NeverSigned, requeue: true };
    assert_eq!(world.step(dead, Standing::Preparing, step).await, Standing::Queued);
    let unsigned = world.unsigned(1, STRANGER, ETHER);
    let again = world.decide(withdrawal, &unsigned).await;
    let given = world.signed(&one, again).await;
    world.change_leader().await;
    let same = world.signed(&two, again).await;
    assert_eq!((same.tx, same.raw), (given.tx, given.raw));
    first.end().await;
    other.end().await;
}

/// Goal: for a payment that is made for good nothing more is signed, by any signer of the vault, whoever asks. Method: a payout
/// brought to its end; another transaction for the same withdrawal, asked of a signer that only followed the log, and that would
/// sign also what was not decided.
#[tokio::test]
async fn what_is_over_is_signed_by_nobody() {
    use exchequer_domain::{BlockHash, BlockRef};
    let (vaults, mut world, first, one) = world(false).await;
    let (_folder, other, two) = second(&vaults).await;
    let withdrawal = world.ask(100);
    let unsigned = world.unsigned(0, STRANGER, ETHER);
    let payout = world.decide(withdrawal, &unsigned).await;
    let given = world.signed(&one, payout).await;
    world.commit(payout, &given).await;
    let ask = |nonce| {
        let unsigned = world.unsigned(nonce, STRANGER, ETHER);
        other.core.sign(&unsigned.encode(), &request_for(&world, withdrawal, &unsigned), None)
    };
    two.catch_up(world.ground()).await.unwrap();
    assert_eq!(code_of(ask(1)), "not-exclusive", "the first one may still come");
    let broadcast = PayoutStep::Broadcast { answers: vec![] };
    assert_eq!(world.step(payout, Standing::Signed, broadcast).await, Standing::Broadcast);
    let last = BlockRef { height: 9, hash: BlockHash([9; 32]) };
    world.scan(last).await;
    let done = PayoutStep::Final { block: last, fee: 5_000 };
    assert_eq!(world.step(payout, Standing::Broadcast, done).await, Standing::Completed);
    two.catch_up(world.ground()).await.unwrap();
    assert_eq!(code_of(ask(1)), "payment-over");
    first.end().await;
    other.end().await;
}
