//! Orders: what is signed, what is refused, and what only has to wait.

use exchequer_state::UpdateUser;
use exchequer_state::users::UserStatus;
use exchequer_state::withdrawals::{Place, SigningEntry};
use exchequer_workers::money::signer::{LinkSigner, Signer as _};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::super::Dice;
use super::super::link::{Faults, Inline};
use super::*;
use crate::signer::SignerState;

/// Goal: a decided attempt is signed over the link, and again with the same bytes; the log has decision and signature, in this
/// order. Method: the worker's signer, the node's door, the signer behind its socket; a policy that signs only what was decided.
#[tokio::test]
async fn what_was_decided_is_signed() {
    let (_vaults, mut world, process, signer) = world(true).await;
    let payout = world.prepared(100).await;
    let faults = Arc::new(Mutex::new(Faults { dice: Dice::new(1), lost: 0, deadly: 0, full: None }));
    let link = Inline {
        door: Door::new(world.stage.shared.clone()),
        caller: world.caller(),
        faults,
        died: Arc::new(Notify::new()),
    };
    let link = LinkSigner::new(Arc::new(link));
    let signed = link.sign(payout.0, 1).await.unwrap();
    assert_eq!(link.sign(payout.0, 1).await.unwrap(), signed, "the same order, the same bytes");
    let log = world.ground().rows(|state, rows| state.signing_entries(rows, Place(0), 10).unwrap()).unwrap();
    let SigningEntry::Decided(decision) = &log[0].entry else { unreachable!("{log:?}") };
    assert_eq!((decision.payout, decision.attempt), (payout, 1));
    let SigningEntry::Signed { payout: of, attempt: 1, digest, decided, .. } = &log[1].entry else { panic!("{log:?}") };
    assert_eq!((log.len(), *of, *digest, *decided), (2, payout, decision.digest, log[0].place));
    // What was signed is given up by nobody.
    assert_eq!(link.give_up(payout.0, 1).await, Ok(Some(signed)));
    assert_eq!(signer.seen().state, SignerState::Ready);
    process.end().await;
}

/// Goal: what the signer's policy refuses is refused for good, with its reason. Method: a payment that people must approve; more
/// within an hour than a wallet may pay.
#[tokio::test]
async fn the_signers_policy_decides() {
    let (_vaults, mut world, process, signer) = world(true).await;
    for _ in 0..2 {
        let payout = world.prepared(ALONE_MAX * 100 - 1).await;
        let given = world.signed(&signer, payout).await;
        world.commit(payout, &given).await;
    }
    let payout = world.prepared(50).await;
    world.sign(&signer, payout).await.is_not_now("velocity-hour");
    let payout = world.prepared((ALONE_MAX + 1) * 100).await;
    world.sign(&signer, payout).await.is_refused("approval-missing");
    process.end().await;
}

fn set_status(world: &World, status: UserStatus) {
    let (user, status, reason) = (UserId(1), Some(status), "test".into());
    world.ground().run(Body::UpdateUser(UpdateUser {
        user,
        label: None,
        kyc_level: None,
        fee_tier: None,
        status,
        reason,
    }));
}

/// Goal: nobody's money is signed away after they were frozen, though it was decided before; it waits. Method: a decided attempt, its
/// user frozen, asked for, free again, asked for.
#[tokio::test]
async fn whoever_is_frozen_is_not_paid() {
    let (_vaults, mut world, process, signer) = world(true).await;
    let payout = world.prepared(100).await;
    set_status(&world, UserStatus::Frozen);
    world.sign(&signer, payout).await.is_not_now("closed: withdrawal");
    set_status(&world, UserStatus::Active);
    world.signed(&signer, payout).await;
    process.end().await;
}

/// Goal: a worker cannot have signed what was not decided: a transaction that pays another address, another amount, from another
/// nonce, or at a higher cost than its decision says is refused by the node, and no signer is told of it. Method: a policy that
/// would sign also what was not decided.
#[tokio::test]
async fn bytes_are_compared_with_the_decision() {
    let (_vaults, mut world, process, signer) = world(false).await;
    let ether = ETHER / 100;
    let lies: [fn(&World, u128) -> Unsigned; 4] = [
        |world, wei| world.unsigned(world.nonce, OTHER, wei),
        |world, wei| world.unsigned(world.nonce, STRANGER, wei + 1),
        |world, wei| world.unsigned(world.nonce + 1, STRANGER, wei),
        |world, wei| {
            let from = account_of_text(world.hot.as_str()).unwrap();
            let action = EvmAction::Transfer { to: account_of_text(STRANGER).unwrap(), amount: wei };
            let fees = EvmFees::Dynamic { max_fee: 1_000_100_000, tip: 1 };
            let chain_id = params().chain_id().unwrap();
            let tx = EvmTx { chain_id, nonce: world.nonce, fees, gas: 100_000, action };
            Unsigned::Evm(UnsignedEvm::new(&params(), HOT, from, tx).unwrap())
        },
    ];
    for (number, lie) in lies.into_iter().enumerate() {
        let withdrawal = world.ask(1);
        let unsigned = lie(&world, ether);
        let payout = world.decide(withdrawal, &unsigned).await;
        world.sign(&signer, payout).await.is_refused("other-than-decided");
        assert!(
            world.sign(&signer, PayoutId(99)).await
                == Signed::NotNow("moved: there is no such payout under way".into())
        );
        // The signer was fed everything else, and has no decision of it.
        signer.catch_up(world.ground()).await.unwrap();
        let target = world.ground().state(|state| state.withdrawals().last_signing_entry().1.0).unwrap();
        let standing = process.core.standing().unwrap();
        assert!(standing.followed >= target, "lie {number}: {standing:?}");
    }
    let honest = world.prepared(1).await;
    world.signed(&signer, honest).await;
    process.end().await;
}

/// Goal: a node without a vault, one whose signer does not answer, and one whose vault is sealed say so, sign nothing, and sign as
/// soon as they can. Method: each in turn, with one payout.
#[tokio::test]
async fn a_signer_of_no_use_is_waited_for() {
    let (vaults, mut world, process, signer) = world(true).await;
    let payout = world.prepared(100).await;
    process.end().await;
    world.sign(&signer, payout).await.is_not_now("signer");
    assert_eq!(signer.seen().state, SignerState::Silent);
    let folder = vault_folder(world.data());
    let away = world.data().join("away");
    std::fs::rename(&folder, &away).unwrap();
    world.sign(&signer, payout).await.is_not_now("signer: this node has no vault");
    assert_eq!(signer.seen().state, SignerState::Absent);
    std::fs::rename(&away, &folder).unwrap();

    let process = Process::start(world.data(), None).await;
    world.sign(&signer, payout).await.is_not_now("signer: the vault is sealed");
    let seen = signer.seen();
    assert!(seen.state == SignerState::Sealed && seen.status.is_some_and(|status| status.standing.sealed));
    let verdict = process.core.unseal(Some(&Opener::KeyFile(&vaults.opener())));
    assert_eq!(verdict.code.as_str(), "done");
    let given = world.signed(&signer, payout).await;
    let seen = signer.seen();
    assert!(seen.state == SignerState::Ready && seen.why.is_empty());
    let standing = seen.status.unwrap().standing;
    assert_eq!((standing.epoch, standing.policy), (Place::of(world.epoch).0, 1));

    // It is killed and begins again: nothing is forgotten, and the node finds it.
    process.end().await;
    let process = Process::start(world.data(), Some(&vaults.opener())).await;
    assert_eq!(world.signed(&signer, payout).await, given);
    process.end().await;
}
