//! A signature from its order to its record: what a leading node asks its signer for, and what the answer means.

use exchequer_domain::{Network, Problem, TxId, WorkerKind};
use exchequer_state::withdrawals::{Errand, Payout, PayoutId, PayoutStanding, Place, Purpose, SigningEntry};
use exchequer_state::{Rows, State};
use exchequer_vault::policy::SigningRequest;
use exchequer_vault::signer::ClientError;

use super::decided::{self, Told};
use super::line::{LocalSigner, Trouble};
use crate::supervisor::Ground;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Order {
    /// Of whom.
    pub(crate) kind: WorkerKind,
    pub(crate) network: Network,
    /// The leadership under which it is asked, by its index.
    pub(crate) epoch: u64,
    pub(crate) payout: PayoutId,
    pub(crate) attempt: u16,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It is signed.
    Signed { tx: TxId, raw: Vec<u8>, record: Vec<u8> },
    /// It never is as things are: a person has to look.
    Refused { code: String, message: String },
    /// Not now, or nobody knows: the same order again gives the same bytes.
    NotNow { code: String, message: String },
}

impl Answer {
    fn not_now(code: &str, message: impl Into<String>) -> Answer {
        Answer::NotNow { code: code.to_owned(), message: message.into() }
    }

    fn refused(code: &str, message: impl Into<String>) -> Answer {
        Answer::Refused { code: code.to_owned(), message: message.into() }
    }
}

/// What is to be signed, with everything that is told of it.
struct Wanted {
    unsigned: Vec<u8>,
    told: Told,
}

/// Whether the signer's refusal is one of now, not of the transaction.
fn passes(code: &str) -> bool {
    match code {
        "not-caught-up" | "sealed" | "rate" | "feed" | "storage" | "stale-epoch" | "internal" => true,
        // A signer that an earlier process of this node started, and that is about to end.
        "peer" => true,
        // What a wallet may pay comes again with the hour, what comes too late from now with the time.
        "velocity-hour" | "velocity-day" | "expiry-far" => true,
        _ => false,
    }
}

/// Has a decided attempt signed.
///
/// # Errors
/// The state cannot be read.
pub(crate) async fn sign<G: Ground>(ground: &G, signer: &LocalSigner, order: Order) -> Result<Answer, Problem> {
    let Wanted { unsigned, told } = match ground.rows(|state, rows| wanted(state, rows, order))? {
        Ok(wanted) => wanted,
        Err(answer) => return Ok(answer),
    };
    let mut client = match signer.catch_up(ground).await {
        Ok(client) => client,
        Err(trouble) => return Ok(Answer::not_now("signer", trouble.to_string())),
    };
    let Told { intent, description, inputs } = told;
    let generation = match signer.generation(&mut client, order.network, &inputs).await {
        Ok(generation) => generation,
        Err(trouble) => return Ok(Answer::not_now("signer", trouble.to_string())),
    };
    let request = SigningRequest { epoch: Place::of(order.epoch).0, generation, intent, description };
    Ok(match signer.ask(client.sign(unsigned, &request)).await {
        Ok(given) => Answer::Signed { tx: given.signed.tx, raw: given.signed.raw, record: given.record },
        Err(ClientError::Refused { code, reason }) if !passes(&code) => {
            tracing::warn!(payout = %order.payout, attempt = order.attempt, code, reason, "the signer refuses");
            Answer::Refused { code, message: reason }
        }
        Err(error) => {
            // Whatever was believed of where the signer is, it is asked anew.
            signer.forget().await;
            let code = error.code().unwrap_or("unknown").to_owned();
            Answer::NotNow { code, message: Trouble::from(error).to_string() }
        }
    })
}

/// What an order wants, as the state has it; or why there is nothing to be signed.
fn wanted(state: &State, rows: &dyn Rows, order: Order) -> Result<Wanted, Answer> {
    let moved = |why: &str| Answer::not_now("moved", why);
    if state.epoch().is_none_or(|epoch| epoch.index != order.epoch) {
        return Err(moved("this leadership is over"));
    }
    let payout = state.withdrawals().payout(order.payout).filter(|payout| payout.network == order.network);
    let payout = payout.ok_or_else(|| moved("there is no such payout under way"))?;
    let role = state.custody().wallet(payout.payer.wallet).map(|wallet| wallet.role);
    if role.map(|role| payout.errand.worker(role)) != Some(order.kind) {
        return Err(Answer::refused("worker", "this is another worker's to have signed"));
    }
    if !awaits_signature(payout) {
        return Err(moved("it does not wait for a signature"));
    }
    let attempt = payout.latest().filter(|latest| latest.number == order.attempt && !latest.dead);
    let attempt = attempt.ok_or_else(|| moved("another attempt is the latest"))?;
    // Whatever holds money back holds back its signature.
    state.may_send(payout).map_err(|why| Answer::not_now("closed", why.to_string()))?;
    if attempt.purpose == Purpose::Payment {
        may_pay(state, payout)?;
    }
    let logged = state.signing_entry(rows, attempt.decided);
    let unsigned = state.unsigned_bytes(rows, payout.id, attempt.number);
    let (logged, unsigned) = match (logged, unsigned) {
        (Ok(Some(logged)), Ok(Some(unsigned))) => (logged, unsigned),
        (Err(halt), _) | (_, Err(halt)) => return Err(Answer::not_now("rows", halt.to_string())),
        (Ok(None), _) | (_, Ok(None)) => return Err(Answer::refused("rows", "the log has no decision of it")),
    };
    let SigningEntry::Decided(record) = logged.entry else {
        return Err(Answer::refused("rows", "the log has no decision of it"));
    };
    if (record.payout, record.attempt) != (payout.id, attempt.number) {
        return Err(Answer::refused("rows", "the log's decision is of another attempt"));
    }
    let told = decided::told(state, rows, &record, &unsigned);
    let told = told.map_err(|why| Answer::refused("other-than-decided", why))?;
    Ok(Wanted { unsigned, told })
}

/// Whether whom a payout pays may be paid now. The log refuses the signature of one that may not, but only when there is one.
fn may_pay(state: &State, payout: &Payout) -> Result<(), Answer> {
    for id in &payout.withdrawals {
        let one = state.withdrawals().get(*id);
        let one = one.ok_or_else(|| Answer::not_now("moved", "a withdrawal of it is not under way"))?;
        let may = state.may_send_money(one.order.user);
        may.map_err(|why| Answer::not_now("closed", format!("withdrawal {id}: {why:?}")))?;
    }
    match &payout.errand {
        Errand::Sweep(one) if !state.custody().is_sweep_destination(payout.network, &one.to) => {
            let why = "where the sweep goes is no address of a pinned wallet any more";
            Err(Answer::refused("destination", why))
        }
        Errand::Sweep(_) | Errand::Withdrawals | Errand::TopUp(_) => Ok(()),
    }
}

fn awaits_signature(payout: &Payout) -> bool {
    match payout.standing {
        PayoutStanding::Preparing | PayoutStanding::Replacing => true,
        PayoutStanding::Signed
        | PayoutStanding::Broadcast
        | PayoutStanding::Mined { .. }
        | PayoutStanding::Stuck
        | PayoutStanding::Unknown { .. }
        | PayoutStanding::Review { .. }
        | PayoutStanding::Over { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: what time alone cures waits; what a person has to look at does not.
    #[test]
    fn some_refusals_pass() {
        for code in ["velocity-hour", "velocity-day", "expiry-far", "sealed", "peer"] {
            assert!(passes(code), "{code}");
        }
        for code in ["fee", "destination", "not-decided", "nonce-taken", "no-rule", ""] {
            assert!(!passes(code), "{code}");
        }
    }
}
