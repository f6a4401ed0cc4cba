//! Who asked for a withdrawal, as the signer is told it: the persons of the exchange ask in users' names too.

use exchequer_domain::AdminId;
use exchequer_state::CreateAdmin;
use exchequer_state::people::Role;
use exchequer_state::withdrawals::{Place, SigningEntry};
use exchequer_vault::policy::Intent;

use super::*;
use crate::signer::decided;

/// What the signer is told of who asked for what was decided last.
fn initiator(world: &World) -> String {
    let told = world.ground().rows(|state, rows| {
        let log = state.signing_entries(rows, Place(0), 100).unwrap();
        let SigningEntry::Decided(record) = &log.last().unwrap().entry else { panic!("{log:?}") };
        let unsigned = state.unsigned_bytes(rows, record.payout, record.attempt).unwrap().unwrap();
        decided::told(state, rows, record, &unsigned).unwrap()
    });
    match told.unwrap().intent {
        Intent::Withdrawal(instructions) => instructions[0].initiator.clone(),
        other => panic!("{other:?}"),
    }
}

/// Goal: a signer knows the person who asked for a withdrawal, and can refuse their own approval of it whatever the state made of it.
/// Method: one that a user asked for, one that an admin did in that user's name, one by the operator token.
#[tokio::test]
async fn the_signer_is_told_who_asked() {
    let (_vaults, mut world, process, signer) = world(true).await;
    world.ground().run(Body::CreateAdmin(Box::new(CreateAdmin {
        name: "ada".into(),
        person: "Ada Lovelace".into(),
        roles: vec![Role::TreasuryOperator],
        ranges: vec![],
        password: vec![1; 8],
        must_change: false,
        totp: Some(vec![2; 8]),
        recovery: vec![],
        reason: "test".into(),
    })));
    let asked =
        [(Actor::User(UserId(1)), "user 1"), (Actor::Admin(AdminId(1)), "Ada Lovelace"), (Actor::Operator, "operator")];
    for (number, (actor, wanted)) in asked.into_iter().enumerate() {
        let order = Order {
            user: UserId(1),
            client_id: format!("by-{number}"),
            asset: Asset(1),
            network: NETWORK,
            to: parsed(STRANGER),
            memo: None,
            amount: COIN / 100,
            mode: FeeMode::OnTop,
        };
        let proof = Some(Proof { order: order.hash(), at: world.ground().now() });
        let body = Body::RequestWithdrawal(Box::new(RequestWithdrawal { order, proof }));
        let Done::WithdrawalRequested { withdrawal, .. } = world.ground().run_as(actor, body) else { panic!("other") };
        let unsigned = world.unsigned(world.nonce, STRANGER, ETHER / 100);
        let payout = world.decide(withdrawal, &unsigned).await;
        assert_eq!(initiator(&world), wanted);
        world.signed(&signer, payout).await;
    }
    process.end().await;
}
