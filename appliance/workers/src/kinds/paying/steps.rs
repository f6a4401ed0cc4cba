//! From a decided transaction to one that the network has: it is signed, its bytes go into the log, and then to every endpoint.

use exchequer_chains::node::{Broadcast, Reply};
use exchequer_domain::TxId;

use super::{Desk, Round, Step, cut, doing, in_order};
use crate::money::proto::{self, Payout, answer, step_payout, step_payout::Step as What};
use crate::money::signer::SignError;
use crate::money::words;

/// Answers of one step.
const ANSWERS_MAX: usize = 8;

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
        let (mut steps, mut raws) = (Vec::new(), Vec::new());
        for (payout, came) in signed {
            match came {
                Ok(None) => {}
                Ok(Some((step, bytes))) => {
                    steps.push((payout, step));
                    raws.push(bytes);
                }
                Err(why) => troubles.push(format!("payout {}: {why}", payout.id)),
            }
        }
        let named: Vec<(&Payout, u32)> = steps.iter().map(|(payout, (attempt, _))| (*payout, *attempt)).collect();
        let moved = self.step_all(steps).await;
        let mut ready = Vec::new();
        for (((payout, attempt), bytes), moved) in named.into_iter().zip(raws).zip(moved) {
            match (moved, bytes) {
                // The log has them from here on.
                (Ok(stage), Some((tx, raw))) if stage == "signed" => {
                    ready.push(Ready { payout, attempt, tx, raw });
                }
                (Ok(_), _) => {}
                (Err(why), _) => troubles.push(why),
            }
        }
        self.send_all(round, ready, &mut troubles).await;
        troubles
    }

    /// The latest attempt's signature, or what is to be done instead; nothing where it waits.
    async fn sign(&self, round: &Round, payout: &Payout) -> Result<Option<(Step, Option<(TxId, Vec<u8>)>)>, String> {
        let latest = payout.attempts.last().ok_or("it has no attempt")?;
        if let Some(step) = self.bury_unsigned(round, payout) {
            return Ok(Some(((latest.number, step), None)));
        }
        if !payout.may_send || !(payout.may_pay || latest.noop) {
            return Ok(None);
        }
        // To sign is to act: a leader of before must not have its signer give anything out.
        let signed = self.outside.act(self.signer.sign(payout.id, latest.number)).await;
        let signed = signed.map_err(|error| error.to_string())?;
        let (step, bytes) = match signed {
            Ok(signed) => {
                let (tx, raw) = (signed.tx.0.to_vec(), signed.raw.clone());
                let step = What::Signed(step_payout::Signed { tx, raw, record: signed.record });
                (step, Some((signed.tx, signed.raw)))
            }
            Err(SignError::Refused(why)) => (What::Review(cut(format!("the signer refuses: {why}"))), None),
            Err(error @ SignError::Unknown(_)) => return Err(error.to_string()),
        };
        Ok(Some(((latest.number, step), bytes)))
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
