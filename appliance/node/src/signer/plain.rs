//! What the log says of a signature in the clear, for a signer that cannot open its record.
//!
//! Invariant: it is made of committed facts alone, the signature's entry and its decision. Whatever of it cannot be found is left out
//! and told in the log: the signer then bars less by it, and still knows that this very transaction was signed.

use exchequer_chains::{Exclusion, Unsigned};
use exchequer_domain::{Digest, Network, Timestamp};
use exchequer_state::withdrawals::{Claim, Errand, Place, Purpose, SigningEntry, SigningRecord};
use exchequer_state::{Rows, State};
use exchequer_vault::record::{Claimed, PaymentId, Told};

use super::decided;

/// What is told of the signature with this digest that was committed then; its decision is at `decided`.
pub(super) fn told(state: &State, rows: &dyn Rows, (at, digest): (Timestamp, Digest), decided: Place) -> Told {
    let decision = match state.signing_entry(rows, decided) {
        Ok(Some(logged)) => match logged.entry {
            SigningEntry::Decided(record) if record.digest == digest => Some(record),
            SigningEntry::Decided(_)
            | SigningEntry::Signed { .. }
            | SigningEntry::Dead { .. }
            | SigningEntry::Over(_) => None,
        },
        Ok(None) | Err(_) => None,
    };
    let Some(decision) = decision else {
        tracing::error!(digest = hex::encode(digest.0), "a signature's decision is not where the log says");
        return Told { at, network: Network::Bitcoin, body: digest.0, claims: vec![], payments: vec![] };
    };
    let claims = claims(state, rows, &decision);
    Told { at, network: decision.network, body: digest.0, claims, payments: payments(&decision) }
}

fn payments(decision: &SigningRecord) -> Vec<PaymentId> {
    match (decision.purpose, &decision.errand) {
        (Purpose::Noop, _) => Vec::new(),
        (Purpose::Payment, Errand::Withdrawals) => {
            decision.pays.iter().map(|pay| PaymentId::of_withdrawal(pay.withdrawal.0)).collect()
        }
        (Purpose::Payment, Errand::Sweep(_) | Errand::TopUp(_) | Errand::Stake(_)) => {
            vec![decided::of_move(decision.payout)]
        }
    }
}

/// What it uses up, by its bytes; where they are not there any more, by what was claimed.
fn claims(state: &State, rows: &dyn Rows, decision: &SigningRecord) -> Vec<Claimed> {
    let params = decided::params(state, decision.network);
    let bytes = state.unsigned_bytes(rows, decision.payout, decision.attempt).ok().flatten();
    let bytes = bytes.filter(|bytes| *blake3::hash(bytes).as_bytes() == decision.digest.0);
    let effects = bytes.and_then(|bytes| Unsigned::decode(&bytes).ok()?.effects(&params).ok());
    match (effects.map(|effects| effects.exclusion), &decision.claim) {
        (Some(Exclusion::Nonce { chain_id, account, nonce }), _) => {
            vec![Claimed::Nonce { chain_id, account: account.as_str().to_owned(), nonce }]
        }
        (Some(Exclusion::Inputs(inputs)), _) => inputs.iter().map(|input| Claimed::Coin(input.outpoint)).collect(),
        (Some(Exclusion::Expiry { .. }), _) | (None, Claim::Window { .. }) => Vec::new(),
        (None, Claim::Coins(coins)) => coins.iter().copied().map(Claimed::Coin).collect(),
        (None, Claim::Nonce(nonce)) => {
            let account = decided::address_of(state, rows, decision.network, decision.payer).ok().flatten();
            match (account, params.chain_id()) {
                (Some(account), Ok(chain_id)) => {
                    vec![Claimed::Nonce { chain_id, account: account.as_str().to_owned(), nonce: *nonce }]
                }
                (account, _) => {
                    let (payout, attempt) = (decision.payout, decision.attempt);
                    tracing::error!(%payout, attempt, ?account, "whose nonce was signed is not known");
                    Vec::new()
                }
            }
        }
    }
}
