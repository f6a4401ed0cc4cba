//! People say that nothing of a payout was ever signed.

use exchequer_domain::{AdminId, BlockHash, BlockRef, Code};
use exchequer_state::approvals::{ApprovalKeyId, Signature, operation_of};
use exchequer_state::withdrawals::Death;
use exchequer_state::{Approve, PayoutDecision, Propose, ReviewPayout};

use super::*;
use crate::signer::never;

fn review(payout: PayoutId, decision: PayoutDecision) -> Body {
    Body::ReviewPayout(Box::new(ReviewPayout { payout, from: Standing::Review, decision, reason: "test".into() }))
}

fn refund(payout: PayoutId) -> Body {
    review(payout, PayoutDecision::Refund { proof: Death::NeverSigned })
}

fn external(payout: PayoutId) -> Body {
    let block = BlockRef { height: 9, hash: BlockHash([9; 32]) };
    review(payout, PayoutDecision::MarkExternal { tx: TxId([9; 32]), block, fee: 0, proof: Death::NeverSigned })
}

/// What a node makes of a command of people.
async fn asked(world: &World, signer: &LocalSigner, body: Body) -> Result<(), Code> {
    let (id, actor) = (world.ground().command_id(), Actor::Operator);
    let command = Command { id, actor, epoch: None, body };
    never::check(world.ground(), signer, &[command]).await.map_err(|problem| problem.code)
}

/// The approval of what somebody proposed.
fn approval(world: &World, body: &Body) -> Body {
    let propose = Propose { operation: operation_of(body), ttl_us: None, reason: "test".into() };
    let proposal = match world.ground().run(Body::Propose(propose)) {
        Done::Proposed { proposal, .. } => proposal,
        other => panic!("{other:?}"),
    };
    let signature = Signature::new(&[1; 64]).unwrap();
    Body::Approve(Approve { proposal, admin: AdminId(1), key: ApprovalKeyId(1), signature })
}

/// Goal: that nothing of a payout was signed is believed of nobody before this node's signer has denied it, whether money is to be free
/// or was paid by other means, at once or by an approval; a signature that the log does not have stops it, and so does a signer that
/// cannot be asked, and a node that does not lead; nothing else is asked about. Method: a payout that was signed for a commit that never
/// came, and one that was not.
#[tokio::test(start_paused = true)]
async fn the_signer_is_asked_before_people_are_believed() {
    let (_vaults, mut world, process, signer) = world(true).await;
    let signed = world.prepared(100).await;
    world.signed(&signer, signed).await;
    let never = world.prepared(100).await;
    for payout in [signed, never] {
        let stage = world.step(payout, Standing::Preparing, PayoutStep::Review { why: "look".into() }).await;
        assert_eq!(stage, Standing::Review);
    }
    for body in [refund(signed), external(signed), approval(&world, &refund(signed))] {
        assert_eq!(asked(&world, &signer, body).await, Err(Code::SignerRefused));
    }
    for body in [refund(never), external(never), approval(&world, &refund(never))] {
        assert_eq!(asked(&world, &signer, body).await, Ok(()));
    }
    assert_eq!(asked(&world, &signer, review(signed, PayoutDecision::Resend)).await, Ok(()));
    process.end().await;
    let nobody = asked(&world, &signer, approval(&world, &refund(never))).await;
    assert_eq!(nobody, Err(Code::SignerSilent), "it is gone");
    assert_eq!(asked(&world, &signer, review(never, PayoutDecision::Resend)).await, Ok(()));
}
