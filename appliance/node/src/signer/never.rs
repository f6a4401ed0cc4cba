//! That nothing of a payout was ever signed, as people say it: this node's signer is asked before it is believed.
//!
//! Such a word gives money free, or says that it was paid by other means, and the log alone does not show it: a signature may be in a
//! signer's memory whose commit was lost with its leadership.
//!
//! Invariant: no decision of people that rests on it gets into the log by way of this node, alone or by the approval that carries it
//! out, unless this node leads and its signer, which has followed the log to its end, denied every attempt.

use exchequer_domain::{Code, Digest, Problem};
use exchequer_state::approvals::operation_body;
use exchequer_state::withdrawals::PayoutId;
use exchequer_state::{Body, Command, State};

use super::line::{LocalSigner, Trouble};
use crate::supervisor::Ground;

/// Asks the signer about every payout of which these commands say it.
///
/// # Errors
/// `SignerRefused`: it has signed one. `SignerSilent`: nobody could ask it here. None of the commands may go on then.
pub(crate) async fn check<G: Ground>(ground: &G, signer: &LocalSigner, commands: &[Command]) -> Result<(), Problem> {
    // Of the commands of customers and workers none is looked at any further.
    let few = || commands.iter().filter(|command| matches!(command.body, Body::ReviewPayout(_) | Body::Approve(_)));
    if few().next().is_none() {
        return Ok(());
    }
    let said: Vec<PayoutId> =
        ground.state(|state| few().filter_map(|command| said_of(state, &command.body)).collect())?;
    for payout in said {
        check_one(ground, signer, payout).await?;
    }
    Ok(())
}

/// The payout of which a command says it, or has it said.
fn said_of(state: &State, body: &Body) -> Option<PayoutId> {
    let of = |body: &Body| match body {
        Body::ReviewPayout(review) if review.decision.says_never_signed() => Some(review.payout),
        _ => None,
    };
    match body {
        Body::Approve(approve) => {
            let proposal = state.approvals().get(approve.proposal)?;
            of(&operation_body(&proposal.operation).ok()?)
        }
        body => of(body),
    }
}

async fn check_one<G: Ground>(ground: &G, signer: &LocalSigner, payout: PayoutId) -> Result<(), Problem> {
    let silent = |why: String| {
        let text = format!("whether anything of payout {payout} was signed is not known: {why}");
        Problem::new(Code::SignerSilent, text)
    };
    let epoch = ground.state(|state| state.epoch().map(|epoch| epoch.index))?;
    if epoch.and_then(|epoch| ground.majority_age(epoch)).is_none() {
        return Err(
            silent("this node does not lead".to_owned()).hint("send it to the leading node, whose signer is asked")
        );
    }
    // What the state refuses anyway it refuses with its own reason.
    let bodies: Vec<Digest> = ground.state(|state| {
        let payout = state.withdrawals().payout(payout).filter(|payout| !payout.was_signed());
        payout.map(|payout| payout.attempts.iter().map(|attempt| attempt.digest).collect()).unwrap_or_default()
    })?;
    if bodies.is_empty() {
        return Ok(());
    }
    let mut client = signer.catch_up(ground).await.map_err(|trouble| silent(trouble.to_string()))?;
    for body in bodies {
        match signer.ask(client.was_signed(body.0)).await {
            Ok(false) => {}
            Ok(true) => {
                let text = format!("the signer has signed an attempt of payout {payout}, and the log does not have it");
                return Err(Problem::new(Code::SignerRefused, text).hint(format!(
                    "`exchequer payout retry {payout}` has the signature put into the log; after that its end is proved otherwise"
                )));
            }
            Err(error) => {
                signer.forget().await;
                return Err(silent(Trouble::from(error).to_string()));
            }
        }
    }
    Ok(())
}
