//! A log that was restored or recovered, and signers that followed the one before.

use exchequer_domain::NodeId;
use exchequer_state::registry::NodeVersion;
use exchequer_state::{FirstNode, Reform};

use super::*;
use crate::signer::SignerState;

/// A restore or a recovery: the log goes on from what is there under another lineage.
fn reform(world: &World) {
    let node = FirstNode {
        name: "n1".into(),
        api_address: "n1.example:8640".into(),
        peer_address: "n1.example:8641".into(),
        version: NodeVersion::of_this_program(),
        key_fingerprint: [1; 32],
    };
    let reform = Reform { lineage: 2, id: NodeId(1), node, restored: false, reason: "test".into() };
    world.ground().run_as(Actor::Node(NodeId(1)), Body::Reform(Box::new(reform)));
}

/// Goal: a signer that followed a log further than its successor goes with it signs nothing for the successor, however long that
/// grows, and says which lineages they are. Method: a signer that saw three payments; a cluster that was put back to before them, and
/// grows beyond.
#[tokio::test]
async fn a_log_that_was_put_back_is_told() {
    let (_vaults, mut world, process, signer) = world(true).await;
    for _ in 0..3 {
        let payout = world.prepared(100).await;
        let given = world.signed(&signer, payout).await;
        world.commit(payout, &given).await;
    }
    signer.catch_up(world.ground()).await.unwrap();
    let followed = process.core.standing().unwrap().followed;
    assert_eq!(process.core.standing().unwrap().lineage, 1);

    let mut back = World::new(process.address(HOT)).await;
    reform(&back);
    back.change_leader().await;
    for grown in [false, true] {
        while grown && back.ground().state(|state| state.withdrawals().last_signing_entry().1.0).unwrap() <= followed {
            back.prepared(1).await;
        }
        let told = signer.catch_up(back.ground()).await.unwrap_err().to_string();
        assert!(told.contains("followed lineage 1 of the log") && told.contains("this is lineage 2"), "{told}");
        assert_eq!(signer.seen().state, SignerState::Silent);
    }
    process.end().await;
}

/// Goal: a signer of a log that lost nothing goes on by itself in the new lineage.
#[tokio::test]
async fn a_log_that_lost_nothing_is_followed_on() {
    let (_vaults, mut world, process, signer) = world(true).await;
    let payout = world.prepared(100).await;
    let given = world.signed(&signer, payout).await;
    world.commit(payout, &given).await;
    signer.catch_up(world.ground()).await.unwrap();
    reform(&world);
    world.change_leader().await;
    let payout = world.prepared(100).await;
    world.signed(&signer, payout).await;
    assert_eq!(process.core.standing().unwrap().lineage, 2);
    process.end().await;
}
