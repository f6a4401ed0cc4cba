//! Payouts: their preparation and their steps, from messages to commands.

use exchequer_domain::{Network, Timestamp, TxId};
use exchequer_state::custody::WalletId;
use exchequer_state::withdrawals::{
    ATTEMPTS_MAX, Answer, Claim, Conflict, Death, INPUTS_MAX, PAYOUT_WITHDRAWALS_MAX, Payer, PayoutId, Purpose,
    RAW_BYTES_MAX, RECORD_BYTES_MAX, Reply, Stage, WithdrawalId,
};
use exchequer_state::{Body, PayoutStep, Preparation, PreparePayout, StepPayout};
use exchequer_workers::money::{proto, words};
use tonic::Status;

use super::{reads_sweeps, unreadable};

fn missing(what: &str) -> Status {
    Status::invalid_argument(format!("{what} is missing, or not as it must be"))
}

pub(super) fn prepare(network: Network, message: proto::PreparePayout) -> Result<Body, Status> {
    let payer = message.payer.ok_or_else(|| missing("the payer"))?;
    if message.withdrawals.len() > PAYOUT_WITHDRAWALS_MAX {
        return Err(missing("the list of withdrawals"));
    }
    Ok(Body::PreparePayout(Box::new(PreparePayout {
        network,
        payer: Payer { wallet: WalletId(payer.wallet), index: payer.index },
        errand: reads_sweeps::errand(message.errand)?,
        withdrawals: message.withdrawals.into_iter().map(WithdrawalId).collect(),
        preparation: preparation(message.preparation)?,
        chain_nonce: message.chain_nonce,
        settled_nonce: message.settled_nonce,
    })))
}

fn preparation(message: Option<proto::Preparation>) -> Result<Preparation, Status> {
    let message = message.ok_or_else(|| missing("the preparation"))?;
    if message.unsigned.len() > RAW_BYTES_MAX {
        return Err(missing("the transaction, which is too long,"));
    }
    Ok(Preparation {
        purpose: if message.noop { Purpose::Noop } else { Purpose::Payment },
        claim: claim(message.claim)?,
        unsigned: message.unsigned,
        fee_max: message.fee_max,
    })
}

fn claim(message: Option<proto::Claim>) -> Result<Claim, Status> {
    use proto::claim::Claim as Message;
    match message.and_then(|message| message.claim) {
        Some(Message::Nonce(nonce)) => Ok(Claim::Nonce(nonce)),
        Some(Message::Coins(coins)) if coins.coins.len() <= INPUTS_MAX => {
            let coins = coins.coins.iter().map(|coin| words::outpoint(Some(coin)).map_err(unreadable));
            Ok(Claim::Coins(coins.collect::<Result<_, _>>()?))
        }
        Some(Message::Window(window)) => Ok(Claim::Window {
            reference: words::block(window.reference.as_ref()).map_err(unreadable)?,
            expires: Timestamp(window.expires_us),
        }),
        Some(Message::Coins(_)) | None => Err(missing("the claim")),
    }
}

pub(super) fn step(network: Network, message: proto::StepPayout) -> Result<Body, Status> {
    let from = Stage::ALL.iter().copied().find(|stage| stage.as_str() == message.from);
    let step = message.step.ok_or_else(|| missing("the step"))?;
    Ok(Body::StepPayout(Box::new(StepPayout {
        network,
        payout: PayoutId(message.payout),
        from: from.ok_or_else(|| missing("the stage"))?,
        attempt: u16::try_from(message.attempt).map_err(|_| missing("the attempt"))?,
        step: payout_step(step)?,
    })))
}

fn payout_step(step: proto::step_payout::Step) -> Result<PayoutStep, Status> {
    use proto::step_payout::Step as Message;
    let ended = |message: &proto::step_payout::Final| {
        let block = words::block(message.block.as_ref()).map_err(unreadable)?;
        Ok::<_, Status>((block, words::amount(&message.fee).map_err(unreadable)?))
    };
    Ok(match step {
        Message::Signed(signed) => {
            if signed.raw.len() > RAW_BYTES_MAX || signed.record.len() > RECORD_BYTES_MAX {
                return Err(missing("the transaction, or the signer's record, which is too long,"));
            }
            let proto::step_payout::Signed { tx, raw, record } = signed;
            PayoutStep::Signed { tx: words::tx(&tx).map_err(unreadable)?, raw, record }
        }
        Message::Broadcast(broadcast) => {
            let answers = broadcast.answers.into_iter().map(answer).collect::<Result<_, _>>()?;
            PayoutStep::Broadcast { answers }
        }
        Message::Seen(block) => PayoutStep::Seen { block: words::block(Some(&block)).map_err(unreadable)? },
        Message::Unseen(true) => PayoutStep::Unseen,
        Message::Final(message) => ended(&message).map(|(block, fee)| PayoutStep::Final { block, fee })?,
        Message::Reverted(message) => ended(&message).map(|(block, fee)| PayoutStep::Reverted { block, fee })?,
        Message::Stuck(true) => PayoutStep::Stuck,
        Message::Replace(replace) => {
            let preparation = Box::new(preparation(replace.preparation)?);
            let proof = replace.proof.map(proof).transpose()?;
            PayoutStep::Replace { preparation, proof }
        }
        Message::Dead(dead) => PayoutStep::Dead { proof: death(dead.proof)?, requeue: dead.requeue },
        Message::Unknown(why) => PayoutStep::Unknown { why },
        Message::Review(why) => PayoutStep::Review { why },
        Message::Unseen(false) | Message::Stuck(false) => return Err(missing("the step")),
    })
}

fn death(proof: Option<proto::step_payout::dead::Proof>) -> Result<Death, Status> {
    use proto::step_payout::dead::Proof;
    match proof {
        Some(Proof::NeverSigned(true)) => Ok(Death::NeverSigned),
        Some(Proof::NonceUsed(used)) => nonce_used(&used),
        Some(Proof::Conflicts(found)) => conflicts(&found),
        Some(Proof::Expired(expired)) => self::expired(&expired),
        Some(Proof::NeverSigned(false)) | None => Err(missing("the proof")),
    }
}

/// Why attempts that were signed cannot be mined.
fn proof(message: proto::step_payout::Proof) -> Result<Death, Status> {
    use proto::step_payout::proof::Proof;
    match message.proof {
        Some(Proof::NonceUsed(used)) => nonce_used(&used),
        Some(Proof::Conflicts(found)) => conflicts(&found),
        Some(Proof::Expired(expired)) => self::expired(&expired),
        None => Err(missing("the proof")),
    }
}

/// Names of attempts.
fn names(txs: &[Vec<u8>]) -> Result<Vec<TxId>, Status> {
    if txs.len() > ATTEMPTS_MAX {
        return Err(missing("the list of attempts"));
    }
    txs.iter().map(|tx| words::tx(tx).map_err(unreadable)).collect()
}

fn nonce_used(used: &proto::step_payout::NonceUsed) -> Result<Death, Status> {
    let at = words::block(used.at.as_ref()).map_err(unreadable)?;
    Ok(Death::NonceUsed { at, next: used.next, absent: names(&used.absent)? })
}

fn conflicts(message: &proto::step_payout::Conflicts) -> Result<Death, Status> {
    if message.conflicts.len() > INPUTS_MAX {
        return Err(missing("the list of coins"));
    }
    let conflict = |one: &proto::step_payout::Conflict| {
        let coin = words::outpoint(one.coin.as_ref()).map_err(unreadable)?;
        let by = words::tx(&one.by).map_err(unreadable)?;
        Ok::<_, Status>(Conflict { coin, by, confirmations: one.confirmations })
    };
    message.conflicts.iter().map(conflict).collect::<Result<_, _>>().map(Death::Conflicts)
}

fn expired(message: &proto::step_payout::Expired) -> Result<Death, Status> {
    let at = words::block(message.at.as_ref()).map_err(unreadable)?;
    // As many as have a place in a configuration.
    if message.absent_at.len() > usize::from(u8::MAX) {
        return Err(missing("the list of endpoints"));
    }
    let places = message.absent_at.iter().map(|place| u8::try_from(*place).map_err(|_| missing("an endpoint")));
    let absent_at = places.collect::<Result<_, _>>()?;
    Ok(Death::Expired { at, time: Timestamp(message.time_us), absent_at, absent: names(&message.absent)? })
}

fn answer(message: proto::Answer) -> Result<Answer, Status> {
    use proto::answer::Reply as Message;
    let reply = match message.reply {
        Some(Message::Accepted(true)) => Reply::Accepted,
        Some(Message::Known(true)) => Reply::Known,
        Some(Message::Silent(true)) => Reply::Silent,
        Some(Message::Refused(why)) => Reply::Refused { why },
        Some(Message::Accepted(false) | Message::Known(false) | Message::Silent(false)) | None => {
            return Err(missing("what an endpoint said"));
        }
    };
    Ok(Answer { endpoint: u8::try_from(message.endpoint).map_err(|_| missing("the endpoint"))?, reply })
}
