//! Who signs, for every worker that makes transactions: the leading node's signer, asked over the link.
//!
//! Invariants: a worker names a decided attempt and nothing else. What is signed, for whom and with whose approval the node takes
//! from the log; and what a worker is given is in the log by then.

use std::sync::Arc;

use exchequer_domain::TxId;

use super::{Link, LinkError, proto, words};
use crate::kinds::Doing;

/// A signed transaction, as the log has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Its name on chain.
    pub tx: TxId,
    /// What is broadcast.
    pub raw: Vec<u8>,
}

/// Why there is no signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// It is refused for good: a person has to look.
    #[error("the signer refuses: {0}")]
    Refused(String),
    /// It is more than its wallet may pay now; so much would be signed, in smallest units, its fee included.
    #[error("the signer has room for {room}: {why}")]
    TooMuch {
        /// What the signer says.
        why: String,
        /// What would be signed.
        room: u128,
    },
    /// Nobody knows: the same attempt again gives the same bytes.
    #[error("the signer did not answer: {0}")]
    Unknown(String),
}

/// Who signs.
pub trait Signer: Send + Sync {
    /// Signs an attempt of a payout, or refuses. The same attempt gives the same bytes.
    fn sign(&self, payout: u64, attempt: u32) -> Doing<'_, Result<Signature, SignError>>;

    /// Gives up an attempt that shall not be signed any more. Where it was signed all the same, this is the signature, which the log
    /// has now.
    fn give_up(&self, payout: u64, attempt: u32) -> Doing<'_, Result<Option<Signature>, SignError>>;
}

/// The signer beside the leading node.
pub struct LinkSigner {
    link: Arc<dyn Link>,
}

impl LinkSigner {
    /// Asks over this link.
    #[must_use]
    pub fn new(link: Arc<dyn Link>) -> LinkSigner {
        LinkSigner { link }
    }
}

fn unreadable(error: LinkError) -> SignError {
    SignError::Unknown(error.to_string())
}

/// What an answer says: a signature, or that there never is one.
fn heard(reply: proto::SignReply) -> Result<Option<Signature>, SignError> {
    use proto::sign_reply::Answer;
    match reply.answer {
        Some(Answer::Signed(proto::Signature { tx, raw })) => {
            Ok(Some(Signature { tx: words::tx(&tx).map_err(unreadable)?, raw }))
        }
        Some(Answer::GivenUp(true)) => Ok(None),
        Some(Answer::Refused(proto::Refused { code, message })) => {
            Err(SignError::Refused(format!("{message} ({code})")))
        }
        Some(Answer::Unknown(proto::Unknown { code, message })) => {
            Err(SignError::Unknown(format!("{message} ({code})")))
        }
        Some(Answer::TooMuch(proto::TooMuch { code, message, room })) => {
            let room = words::amount(&room).map_err(unreadable)?;
            Err(SignError::TooMuch { why: format!("{message} ({code})"), room })
        }
        Some(Answer::GivenUp(false)) | None => Err(SignError::Unknown("the answer is none".to_owned())),
    }
}

impl Signer for LinkSigner {
    fn sign(&self, payout: u64, attempt: u32) -> Doing<'_, Result<Signature, SignError>> {
        Box::pin(async move {
            // Also a call that the node does not take is no verdict on the transaction: no person is asked for it.
            let reply = self.link.sign(payout, attempt).await.map_err(unreadable)?;
            heard(reply)?.ok_or_else(|| SignError::Unknown("it is given up".to_owned()))
        })
    }

    fn give_up(&self, payout: u64, attempt: u32) -> Doing<'_, Result<Option<Signature>, SignError>> {
        Box::pin(async move { heard(self.link.give_up(payout, attempt).await.map_err(unreadable)?) })
    }
}
