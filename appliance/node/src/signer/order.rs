//! A signature from its order to the log: what a leading node asks its signer for, what the answer means, and how it is committed.
//!
//! Invariants:
//! - Signed bytes are given to nobody but as the log has them ([`committed`] is the only place that makes such an answer). What a
//!   signer gave and the log did not take stays in this process, and ends with it.
//! - That an attempt was never signed is said after this node's own signer, which has followed the log to its end, denied it; the
//!   state takes it from the leading node alone, and no signature of the attempt after it.
//!
//! Why nothing of a given up attempt was ever sent, also where the signer of a former leader signed it: its node asked for the
//! commit before it gave the bytes to anybody, the log has no such commit before the entry that gives up, and refuses it after that.
//! The other signer remembers what it signed and lets nothing else be paid in its place while it leads; people are told then.

use exchequer_domain::{Digest, Network, NodeId, Problem, TxId, WorkerKind};
use exchequer_state::withdrawals::{
    Death, Payout, PayoutId, PayoutStanding, Place, Purpose, Refusal, SigningEntry, Stage,
};
use exchequer_state::{Actor, Body, Command, PayoutStep, Rejection, Rows, State, StepPayout};
use exchequer_vault::policy::SigningRequest;
use exchequer_vault::signer::{ClientError, Given};

use super::decided::{self, Told};
use super::line::{LocalSigner, Trouble};
use crate::supervisor::{Ground, Refused, Until, ask};

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
    /// It is signed: the log has these bytes.
    Signed { tx: TxId, raw: Vec<u8> },
    /// It never is: the log says so.
    GivenUp,
    /// It never is as things are: a person has to look.
    Refused { code: String, message: String },
    /// Not now, or nobody knows: the same order again gives the same bytes.
    NotNow { code: String, message: String },
    /// It pays several at once, and is more than its wallet may pay now. It is signed by nobody, and what it pays may be decided anew, in
    /// smaller parts: this much would be signed, its fee included, in the smallest unit of its coin.
    TooMuch { code: String, message: String, room: u128 },
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
    /// Whether fewer can be paid by another transaction in its place.
    may_be_cut: bool,
}

/// Whether the signer's refusal is one of now, not of the transaction.
fn passes(code: &str) -> bool {
    match code {
        "not-caught-up" | "sealed" | "rate" | "feed" | "storage" | "stale-epoch" | "internal" => true,
        // A signer that an earlier process of this node started, and that is about to end.
        "peer" => true,
        // What a wallet may pay comes again with the hour, what comes too late from now with the time.
        "velocity-hour" | "velocity-day" | "expiry-far" => true,
        // The signer's clock, which is set right.
        "clock" => true,
        _ => false,
    }
}

/// Whether a refusal is one of the transaction: it passes no more, or something can be done about it at once.
fn is_verdict(code: &str, room: Option<u128>, may_be_cut: bool) -> bool {
    !passes(code) || (room.is_some() && may_be_cut)
}

/// What such a refusal means.
fn verdict(code: String, message: String, room: Option<u128>, may_be_cut: bool) -> Answer {
    match room.filter(|_| may_be_cut) {
        Some(room) => Answer::TooMuch { code, message, room },
        None => Answer::Refused { code, message },
    }
}

/// Has a decided attempt signed, and commits the signature; whoever asks again gets what was committed.
///
/// # Errors
/// The state cannot be read.
pub(crate) async fn sign<G: Ground>(ground: &G, signer: &LocalSigner, order: Order) -> Result<Answer, Problem> {
    if let Some(answer) = committed(ground, order)? {
        return Ok(answer);
    }
    match signature(ground, signer, order).await? {
        Ok(given) => commit(ground, order, given).await,
        Err(answer) => Ok(answer),
    }
}

/// Gives up an attempt that shall not be signed any more. Where this node's signer has signed it all the same, as it may have done
/// for a leadership that ended before its commit, that signature is committed instead.
///
/// # Errors
/// The state cannot be read.
pub(crate) async fn give_up<G: Ground>(ground: &G, signer: &LocalSigner, order: Order) -> Result<Answer, Problem> {
    if let Some(answer) = committed(ground, order)? {
        return Ok(answer);
    }
    let waiting = ground.state(|state| {
        let payout = awaiting(state, order)?;
        if payout.was_signed() {
            return Err(Answer::not_now("moved", "an attempt of it is signed"));
        }
        Ok((payout.stage(), payout.attempts.iter().map(|attempt| attempt.digest).collect::<Vec<Digest>>()))
    })?;
    let (from, bodies) = match waiting {
        Ok(waiting) => waiting,
        Err(answer) => return Ok(answer),
    };
    let mut client = match signer.catch_up(ground).await {
        Ok(client) => client,
        Err(trouble) => return Ok(Answer::not_now("signer", trouble.to_string())),
    };
    for body in bodies {
        match signer.ask(client.was_signed(body.0)).await {
            Ok(false) => {}
            Ok(true) => {
                tracing::warn!(payout = %order.payout, "what is to be given up was signed, and is not in the log");
                return signed_meanwhile(ground, signer, order).await;
            }
            Err(error) => {
                signer.forget().await;
                return Ok(Answer::not_now("signer", Trouble::from(error).to_string()));
            }
        }
    }
    let step = PayoutStep::Dead { proof: Death::NeverSigned, requeue: true };
    Ok(match say(ground, order, from, step).await? {
        Ok(_) => Answer::GivenUp,
        Err(answer) => answer,
    })
}

/// What becomes of a signature that the log does not have and nobody wants any more: it is committed where it may be. Where it may
/// not, since whom it pays must not be paid, a person has its place taken by what pays nobody.
async fn signed_meanwhile<G: Ground>(ground: &G, signer: &LocalSigner, order: Order) -> Result<Answer, Problem> {
    let answer = sign(ground, signer, order).await?;
    let may_pay = ground.state(|state| awaiting(state, order).map_or(Ok(()), |payout| may_pay(state, payout)))?;
    Ok(match (answer, may_pay) {
        (Answer::NotNow { .. }, Err(why)) => {
            let why = match why {
                Answer::NotNow { message, .. } | Answer::Refused { message, .. } | Answer::TooMuch { message, .. } => {
                    message
                }
                Answer::Signed { .. } | Answer::GivenUp => String::new(),
            };
            let what = "the signer has signed it and it must not be sent: have its place taken by what pays nobody";
            Answer::refused("signed", format!("{what} ({why})"))
        }
        (answer, _) => answer,
    })
}

/// What the log has of an attempt that is signed; none where it has nothing.
fn committed<G: Ground>(ground: &G, order: Order) -> Result<Option<Answer>, Problem> {
    ground.rows(|state, rows| {
        let payout = of_order(state, order).ok()?;
        let attempt = payout.latest().filter(|latest| latest.number == order.attempt && !latest.dead)?;
        let tx = attempt.tx?;
        Some(match state.signed_bytes(rows, payout.id, attempt.number) {
            Ok(Some(raw)) => Answer::Signed { tx, raw },
            Ok(None) => Answer::refused("rows", "the log has no bytes of what is signed"),
            Err(halt) => Answer::not_now("rows", halt.to_string()),
        })
    })
}

/// Puts a signature into the log; what the log has then.
async fn commit<G: Ground>(ground: &G, order: Order, given: Given) -> Result<Answer, Problem> {
    let from = match ground.state(|state| awaiting(state, order).map(Payout::stage))? {
        Ok(from) => from,
        // Somebody else may have been faster with the same bytes.
        Err(answer) => return Ok(committed(ground, order)?.unwrap_or(answer)),
    };
    let Given { signed, record } = given;
    let said = say(ground, order, from, PayoutStep::Signed { tx: signed.tx, raw: signed.raw, record }).await?;
    // Whatever was answered: bytes leave as the log has them, or not at all.
    let found = committed(ground, order)?;
    Ok(found.unwrap_or_else(|| said.err().unwrap_or_else(|| Answer::not_now("moved", "it has moved on"))))
}

/// Has the state take a step that the leading node alone says.
async fn say<G: Ground>(
    ground: &G,
    order: Order,
    from: Stage,
    step: PayoutStep,
) -> Result<Result<Stage, Answer>, Problem> {
    let leader: Option<NodeId> = ground.state(|state| {
        let epoch = state.epoch().filter(|epoch| epoch.index == order.epoch);
        epoch.map(|epoch| epoch.node)
    })?;
    let Some(node) = leader else { return Ok(Err(Answer::not_now("moved", "this leadership is over"))) };
    let Order { network, payout, attempt, epoch, .. } = order;
    let body = Body::StepPayout(Box::new(StepPayout { network, payout, from, attempt, step }));
    let (id, actor, epoch) = (ground.command_id(), Actor::Node(node), Some(epoch));
    Ok(match ask(ground, Command { id, actor, epoch, body }, Until::Asked).await {
        Ok(exchequer_state::Done::PayoutMoved { stage }) => Ok(stage),
        Ok(_) => Err(Answer::not_now("internal", "the command came to something else")),
        Err(Refused::Rejected(rejection)) => Err(of_rejection(&rejection)),
        Err(Refused::Failed(problem)) => Err(Answer::not_now("unknown", problem.message)),
    })
}

/// What it means that the log does not take a signature: most of what it refuses passes.
fn of_rejection(rejection: &Rejection) -> Answer {
    let message = rejection.problem().message;
    match rejection {
        Rejection::Withdrawals(why) if matches!(**why, Refusal::Raw | Refusal::Attempt) => {
            Answer::refused("log", message)
        }
        _ => Answer::not_now("log", message),
    }
}

/// Has a decided attempt signed; nobody has the signature yet but this process.
///
/// # Errors
/// The state cannot be read.
pub(crate) async fn signature<G: Ground>(
    ground: &G,
    signer: &LocalSigner,
    order: Order,
) -> Result<Result<Given, Answer>, Problem> {
    let Wanted { unsigned, told, may_be_cut } = match ground.rows(|state, rows| wanted(state, rows, order))? {
        Ok(wanted) => wanted,
        Err(answer) => return Ok(Err(answer)),
    };
    let mut client = match signer.catch_up(ground).await {
        Ok(client) => client,
        Err(trouble) => return Ok(Err(Answer::not_now("signer", trouble.to_string()))),
    };
    let Told { intent, description, inputs } = told;
    let generation = match signer.generation(&mut client, order.network, &inputs).await {
        Ok(generation) => generation,
        Err(trouble) => return Ok(Err(Answer::not_now("signer", trouble.to_string()))),
    };
    let request = SigningRequest { epoch: Place::of(order.epoch).0, generation, intent, description };
    Ok(match signer.ask(client.sign(unsigned, &request, ground.log_time())).await {
        Ok(given) => Ok(given),
        Err(ClientError::Refused { code, reason, room }) if is_verdict(&code, room, may_be_cut) => {
            tracing::warn!(payout = %order.payout, attempt = order.attempt, code, reason, room, "the signer refuses");
            Err(verdict(code, reason, room, may_be_cut))
        }
        Err(error) => {
            // Whatever was believed of where the signer is, it is asked anew.
            signer.forget().await;
            let code = error.code().unwrap_or("unknown").to_owned();
            Err(Answer::NotNow { code, message: Trouble::from(error).to_string() })
        }
    })
}

/// The payout of an order of the present leadership's, by the worker whose it is.
fn of_order(state: &State, order: Order) -> Result<&Payout, Answer> {
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
    Ok(payout)
}

/// The same, where its latest attempt waits for its signature.
fn awaiting(state: &State, order: Order) -> Result<&Payout, Answer> {
    let moved = |why: &str| Answer::not_now("moved", why);
    let payout = of_order(state, order)?;
    if !awaits_signature(payout) {
        return Err(moved("it does not wait for a signature"));
    }
    let latest = payout.latest().filter(|latest| latest.number == order.attempt && !latest.dead);
    latest.map(|_| payout).ok_or_else(|| moved("another attempt is the latest"))
}

/// What an order wants, as the state has it; or why there is nothing to be signed.
fn wanted(state: &State, rows: &dyn Rows, order: Order) -> Result<Wanted, Answer> {
    let payout = awaiting(state, order)?;
    let attempt = payout.latest().ok_or_else(|| Answer::not_now("moved", "it has no attempt"))?;
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
    let may_be_cut = payout.withdrawals.len() > 1 && !payout.was_signed();
    Ok(Wanted { unsigned, told, may_be_cut })
}

/// Whether whom a payout pays may be paid now. The log refuses the signature of one that may not, but only when there is one.
fn may_pay(state: &State, payout: &Payout) -> Result<(), Answer> {
    for id in &payout.withdrawals {
        let one = state.withdrawals().get(*id);
        let one = one.ok_or_else(|| Answer::not_now("moved", "a withdrawal of it is not under way"))?;
        let may = state.may_send_money(one.order.user);
        may.map_err(|why| Answer::not_now("closed", format!("withdrawal {id}: {why:?}")))?;
    }
    // Its worker gives it up as soon as it looks again.
    if state.may_go_there(payout) {
        Ok(())
    } else {
        Err(Answer::not_now("closed", "where the sweep goes is no address of a pinned wallet any more"))
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
        for code in ["velocity-hour", "velocity-day", "expiry-far", "clock", "sealed", "peer"] {
            assert!(passes(code), "{code}");
        }
        for code in ["fee", "over-velocity", "destination", "not-decided", "nonce-taken", "no-rule", ""] {
            assert!(!passes(code), "{code}");
        }
    }
    /// Goal: what is too much for an hour or a day is cut where it pays several; one payment waits for the hour, and what no hour allows
    /// is looked at by a person. Method: each code, with and without what there is room for, of one payment and of several.
    #[test]
    fn too_much_is_cut_where_it_can_be() {
        let came = |code: &str, room, may_be_cut| {
            let is_one = is_verdict(code, room, may_be_cut);
            is_one.then(|| match verdict(code.to_owned(), String::new(), room, may_be_cut) {
                Answer::TooMuch { room, .. } => Some(room),
                Answer::Refused { .. } => None,
                other => panic!("{other:?}"),
            })
        };
        for code in ["velocity-hour", "velocity-day", "over-velocity"] {
            assert_eq!(came(code, Some(7), true), Some(Some(7)), "{code}: cut");
        }
        assert_eq!(came("velocity-hour", Some(7), false), None, "one payment waits");
        assert_eq!(came("velocity-day", None, true), None, "of a signer that does not say how much");
        assert_eq!(came("over-velocity", Some(7), false), Some(None), "no time cures that");
        assert_eq!(came("fee", None, true), Some(None));
        assert_eq!(came("sealed", None, true), None);
    }
}
