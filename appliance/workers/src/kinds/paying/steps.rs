//! From a decided transaction to one that the network has: the node has it signed and puts it into the log, and then its bytes go
//! to every endpoint.

use exchequer_chains::node::{Broadcast, Reply};
use exchequer_domain::TxId;

use super::room::may_be_cut;
use super::{Desk, Round, Step, cut, doing, in_order};
use crate::money::proto::{self, Payout, answer, claim, step_payout, step_payout::Step as What};
use crate::money::signer::{SignError, Signature};
use crate::money::words;

/// Answers of one step.
const ANSWERS_MAX: usize = 8;

/// What came of a payout that waits for its signature.
enum Came {
    /// It waits.
    Nothing,
    /// It is signed, and the log has it.
    Signed(Signature),
    /// It is given up: decided anew, or over.
    GivenUp,
    /// Something else is to be done about it.
    Step(Step),
}

/// Bytes that the log holds, on their way to the network.
struct Ready<'a> {
    payout: &'a Payout,
    attempt: u32,
    tx: TxId,
    raw: Vec<u8>,
}

impl Desk {
    /// Has everything that is decided signed, and sends everything that is signed; what went wrong.
    pub(super) async fn sign_and_send(&self, round: &Round) -> Vec<String> {
        let mut troubles = Vec::new();
        let fresh =
            round.due.payouts.iter().filter(|payout| matches!(payout.stage.as_str(), "preparing" | "replacing"));
        let signing = fresh.map(|payout| doing(async move { (payout, self.sign(round, payout).await) }));
        // In their order: nonces that follow each other reach the nodes as they follow.
        let signed = in_order(signing.collect()).await;
        let (mut steps, mut ready) = (Vec::new(), Vec::new());
        for (payout, came) in signed {
            let attempt = payout.attempts.last().map_or(0, |attempt| attempt.number);
            match came {
                Ok(Came::Nothing | Came::GivenUp) => {}
                Ok(Came::Step(step)) => steps.push((payout, step)),
                Ok(Came::Signed(Signature { tx, raw })) => ready.push(Ready { payout, attempt, tx, raw }),
                Err(why) => troubles.push(format!("payout {}: {why}", payout.id)),
            }
        }
        self.send_all(round, ready, &mut troubles).await;
        troubles.extend(self.step_all(steps).await.into_iter().filter_map(Result::err));
        troubles
    }

    /// The latest attempt's signature, or what is to be done instead.
    async fn sign(&self, round: &Round, payout: &Payout) -> Result<Came, String> {
        let latest = payout.attempts.last().ok_or("it has no attempt")?;
        let review = |why: String| Ok(Came::Step((latest.number, What::Review(cut(why)))));
        let given_up = self.must_be_given_up(round, payout);
        let may = payout.may_send && (payout.may_pay || latest.noop);
        if !given_up && !may {
            // Nobody waits for what only moves: where it goes to is no place of ours any more.
            let lost = payout.stage == "replacing" && payout.withdrawals.is_empty() && !payout.may_pay && !latest.noop;
            return if lost { review("what it moves may not go there any more".to_owned()) } else { Ok(Came::Nothing) };
        }
        // To sign is to act: a leader of before must not have its signer give anything out.
        let asked = async {
            match given_up {
                true => self.signer.give_up(payout.id, latest.number).await,
                false => self.signer.sign(payout.id, latest.number).await.map(Some),
            }
        };
        match self.outside.act(asked).await.map_err(|error| error.to_string())? {
            Ok(Some(signed)) => Ok(Came::Signed(signed)),
            Ok(None) => Ok(Came::GivenUp),
            Err(SignError::Refused(why)) => review(format!("the signer refuses: {why}")),
            Err(SignError::TooMuch { room, .. }) if may_be_cut(payout) => self.cut(payout, latest.number, room).await,
            Err(error @ (SignError::TooMuch { .. } | SignError::Unknown(_))) => Err(error.to_string()),
        }
    }

    /// Gives up what pays several at once and is more than its wallet may pay now, so that a part of it is paid.
    async fn cut(&self, payout: &Payout, attempt: u32, room: u128) -> Result<Came, String> {
        let given_up = self.outside.act(self.signer.give_up(payout.id, attempt)).await;
        match given_up.map_err(|error| error.to_string())? {
            Ok(Some(signed)) => Ok(Came::Signed(signed)),
            Ok(None) => {
                self.note_room(payout, room);
                Ok(Came::GivenUp)
            }
            Err(SignError::Refused(why)) => {
                Ok(Came::Step((attempt, What::Review(cut(format!("the signer refuses: {why}"))))))
            }
            Err(error @ (SignError::TooMuch { .. } | SignError::Unknown(_))) => Err(error.to_string()),
        }
    }

    /// Gives what is ready, and what was found signed, to the network, and puts down what it said.
    async fn send_all<'a>(&self, round: &'a Round, ready: Vec<Ready<'a>>, troubles: &mut Vec<String>) {
        let found = round.due.payouts.iter().filter(|payout| payout.stage == "signed" && payout.may_send);
        let found = found.map(|payout| {
            doing(async move {
                let attempt = payout.attempts.last().map_or(0, |attempt| attempt.number);
                (payout, self.bytes_of(payout, attempt).await)
            })
        });
        let mut all = ready;
        for (payout, ready) in in_order(found.collect()).await {
            match ready {
                Ok(ready) => all.push(ready),
                Err(why) => troubles.push(format!("payout {}: {why}", payout.id)),
            }
        }
        let sending = all.iter();
        let sending =
            sending.map(|ready| doing(async move { (ready.payout, ready.attempt, self.send(round, ready).await) }));
        let sent = in_order(sending.collect()).await;
        let mut steps: Vec<(Payout, Step)> = Vec::new();
        for (payout, attempt, sent) in sent {
            match sent {
                Ok(answers) => {
                    let step = What::Broadcast(step_payout::Broadcast { answers });
                    steps.push((Payout { stage: "signed".to_owned(), ..payout.clone() }, (attempt, step)));
                }
                Err(why) => troubles.push(format!("payout {}: {why}", payout.id)),
            }
        }
        let steps = steps.iter().map(|(payout, step)| (payout, step.clone())).collect();
        troubles.extend(self.step_all(steps).await.into_iter().filter_map(Result::err));
    }

    /// The bytes that the log holds of an attempt.
    async fn bytes_of<'a>(&self, payout: &'a Payout, number: u32) -> Result<Ready<'a>, String> {
        let attempt = payout.attempts.iter().find(|attempt| attempt.number == number);
        let attempt = attempt.ok_or("there is no such attempt")?;
        let tx: TxId = words::tx(&attempt.tx).map_err(|error| error.to_string())?;
        let bytes = self.link.attempt_bytes(payout.id, number).await.map_err(|error| error.to_string())?;
        if bytes.signed.is_empty() {
            return Err("the log has no signed bytes of it".to_owned());
        }
        Ok(Ready { payout, attempt: number, tx, raw: bytes.signed })
    }

    /// Sends bytes, under the lease, to every endpoint.
    async fn send(&self, round: &Round, ready: &Ready<'_>) -> Result<Vec<proto::Answer>, String> {
        let sent = self.outside.act(round.panel.broadcast(ready.tx, &ready.raw)).await;
        let replies = sent.map_err(|error| error.to_string())?;
        let seats = round.panel.seats();
        let place = |name: &str| seats.iter().position(|seat| seat.endpoint == name).unwrap_or(0);
        let answers = replies.iter().take(ANSWERS_MAX);
        Ok(answers.map(|reply| said(place(&reply.endpoint), reply)).collect())
    }

    /// Sends the bytes of every attempt that may be mined once more: any may be the one that gets through.
    pub(super) async fn send_again(&self, round: &Round, payout: &Payout) -> Result<(), String> {
        for attempt in payout.attempts.iter().filter(|attempt| !attempt.tx.is_empty() && !attempt.dead) {
            let ready = self.bytes_of(payout, attempt.number).await?;
            self.send(round, &ready).await?;
        }
        Ok(())
    }
}

fn said(place: usize, reply: &Reply<Broadcast>) -> proto::Answer {
    let said = match &reply.value {
        Broadcast::Accepted => answer::Reply::Accepted(true),
        Broadcast::AlreadyKnown => answer::Reply::Known(true),
        Broadcast::Unknown(_) => answer::Reply::Silent(true),
        Broadcast::RefusedForGood(why) => answer::Reply::Refused(cut(why.clone())),
        Broadcast::NotNow(hindrance, why) => answer::Reply::Refused(cut(format!("{hindrance:?}: {why}"))),
    };
    proto::Answer { endpoint: u32::try_from(place).unwrap_or(0), reply: Some(said) }
}

/// The nonce of a payout, where its network has nonces.
fn nonce_of(payout: &Payout) -> Option<u64> {
    match payout.attempts.first()?.claim.as_ref()?.claim {
        Some(claim::Claim::Nonce(nonce)) => Some(nonce),
        Some(claim::Claim::Coins(_) | claim::Claim::Window(_)) | None => None,
    }
}

/// Whether a lower nonce of the same payer is missing, or signed by nobody: to pay more helps nothing before that is on its way. The
/// state refuses it as well, and knows also what is on no page.
pub(super) fn is_behind(round: &Round, payout: &Payout) -> bool {
    let Some(nonce) = nonce_of(payout) else { return false };
    let own = round.due.payouts.iter().filter(|other| other.payer == payout.payer);
    let mut unsigned = own.filter(|other| other.attempts.iter().all(|attempt| attempt.tx.is_empty()));
    let mut lanes = round.due.lanes.iter().filter(|lane| lane.payer == payout.payer);
    unsigned.any(|other| nonce_of(other).is_some_and(|first| first < nonce))
        || lanes.any(|lane| lane.gaps.iter().any(|gap| *gap < nonce))
}
