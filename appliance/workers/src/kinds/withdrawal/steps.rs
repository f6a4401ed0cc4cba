//! What is done about one payout, by the stage that it is in.

use exchequer_chains::node::{Broadcast, Reply};
use exchequer_domain::TxId;

use super::{Desk, Round, SignError, SigningOrder};
use crate::money::proto::{self, Payout, answer, change_request, done, step_payout::Step};
use crate::money::{Changed, change, words};
use crate::protocol::cut_to;

/// The longest remark.
const WHY_BYTES_MAX: usize = 300;
/// Answers of one step.
const ANSWERS_MAX: usize = 8;

impl Desk {
    /// Does the next thing about a payout.
    pub(super) async fn advance(&self, round: &Round, payout: &Payout) -> Result<(), String> {
        match payout.stage.as_str() {
            "preparing" | "replacing" => self.sign(payout).await,
            "signed" => self.send(round, payout).await,
            "broadcast" | "stuck" | "unknown" => self.watch(round, payout).await,
            "mined" => self.watch_mined(round, payout).await,
            // A person decides.
            "review" => Ok(()),
            other => Err(format!("it is in the stage {other}, which this program does not know")),
        }
    }

    /// Moves a payout from the stage in which it was found.
    pub(super) async fn step(&self, payout: &Payout, attempt: u32, step: Step) -> Result<String, String> {
        let asked = proto::StepPayout { payout: payout.id, from: payout.stage.clone(), attempt, step: Some(step) };
        match change(&*self.link, &self.requests, change_request::Change::StepPayout(asked)).await {
            Changed::Done(done::Done::Stage(stage)) => Ok(stage),
            Changed::Done(other) => Err(format!("a step came to something else: {other:?}")),
            Changed::Refused { code, message } => Err(format!("a step was not taken ({code}): {message}")),
            Changed::Unknown(why) => Err(format!("whether a step was taken is not known: {why}")),
        }
    }

    /// Has the latest attempt signed, and puts the signed bytes into the log.
    async fn sign(&self, payout: &Payout) -> Result<(), String> {
        let latest = payout.attempts.last().ok_or("it has no attempt")?;
        if !payout.may_send {
            return Ok(());
        }
        let bytes = self.link.attempt_bytes(payout.id, latest.number).await.map_err(|error| error.to_string())?;
        let order = SigningOrder {
            epoch: self.epoch,
            payout: payout.id,
            attempt: latest.number,
            unsigned: bytes.unsigned,
            pays: if latest.noop { Vec::new() } else { payout.withdrawals.clone() },
        };
        // To sign is to act: a leader of before must not have its signer give anything out.
        let signed = self.outside.act(self.signer.sign(&order)).await.map_err(|error| error.to_string())?;
        let step = match signed {
            Ok(signed) => Step::Signed(proto::step_payout::Signed { tx: signed.tx.0.to_vec(), raw: signed.raw }),
            Err(SignError::Refused(why)) => Step::Review(cut_to(format!("the signer refuses: {why}"), WHY_BYTES_MAX)),
            Err(error @ SignError::Unknown(_)) => return Err(error.to_string()),
        };
        self.step(payout, latest.number, step).await.map(drop)
    }

    /// Gives the latest attempt to the network, and puts down what it said.
    async fn send(&self, round: &Round, payout: &Payout) -> Result<(), String> {
        let latest = payout.attempts.last().ok_or("it has no attempt")?;
        if !payout.may_send {
            return Ok(());
        }
        let answers = self.send_attempt(round, payout, latest.number).await?;
        let step = Step::Broadcast(proto::step_payout::Broadcast { answers });
        self.step(payout, latest.number, step).await.map(drop)
    }

    /// Sends the bytes that the log holds of an attempt, under the lease, to every endpoint.
    pub(super) async fn send_attempt(
        &self,
        round: &Round,
        payout: &Payout,
        number: u32,
    ) -> Result<Vec<proto::Answer>, String> {
        let attempt =
            payout.attempts.iter().find(|attempt| attempt.number == number).ok_or("there is no such attempt")?;
        let tx: TxId = words::tx(&attempt.tx).map_err(|error| error.to_string())?;
        let bytes = self.link.attempt_bytes(payout.id, number).await.map_err(|error| error.to_string())?;
        if bytes.signed.is_empty() {
            return Err("the log has no signed bytes of it".to_owned());
        }
        let sent = self.outside.act(round.panel.broadcast(tx, &bytes.signed)).await;
        let replies = sent.map_err(|error| error.to_string())?;
        let place = |name: &str| round.panel.seats().iter().position(|seat| seat.endpoint == name).unwrap_or(0);
        let answers = replies.iter().take(ANSWERS_MAX);
        Ok(answers.map(|reply| said(place(&reply.endpoint), reply)).collect())
    }
}

fn said(place: usize, reply: &Reply<Broadcast>) -> proto::Answer {
    let cut = |text: &str| cut_to(text.to_owned(), WHY_BYTES_MAX);
    let said = match &reply.value {
        Broadcast::Accepted => answer::Reply::Accepted(true),
        Broadcast::AlreadyKnown => answer::Reply::Known(true),
        Broadcast::Unknown(_) => answer::Reply::Silent(true),
        Broadcast::RefusedForGood(why) => answer::Reply::Refused(cut(why)),
        Broadcast::NotNow(hindrance, why) => answer::Reply::Refused(cut(&format!("{hindrance:?}: {why}"))),
    };
    proto::Answer { endpoint: u32::try_from(place).unwrap_or(0), reply: Some(said) }
}
