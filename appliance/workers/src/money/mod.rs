//! The money link: what workers that move money ask of the leading node, besides the conversation that all workers have.
//!
//! `proto` has its messages (`proto/money.proto`), [`words`] turns them into the words of the domain and back, [`client`] speaks
//! them over the socket. A kind knows only [`Link`]: the same code runs in tests, against a state in memory.
//!
//! Invariants: a request has an id of its own, and is sent again under it until something is known of it; nothing is concluded
//! from silence.

pub mod client;
pub mod signer;
pub mod words;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::stream::BoxStream;

use crate::kinds::Doing;

/// Generated from `proto/money.proto`.
#[allow(
    missing_docs,
    unreachable_pub,
    missing_debug_implementations,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "generated code"
)]
pub mod proto {
    tonic::include_proto!("exchequer.worker.money.v1");
}

/// The metadata entry of the ticket.
pub const TICKET_KEY: &str = "exchequer-ticket-bin";
/// Bytes of a ticket.
pub const TICKET_BYTES: usize = 32;
/// The longest request. The largest change has a transaction of 48 KiB, or 400 sightings.
pub const REQUEST_BYTES_MAX: usize = 256 << 10;
/// The longest answer, or message of a stream.
pub const REPLY_BYTES_MAX: usize = 4 << 20;
/// Bytes of a request's id.
pub const REQUEST_ID_BYTES: usize = 16;
/// Changes that are sent at once.
pub const CHANGES_MAX: usize = 64;
/// The most that they have together, in bytes, but for one that is larger alone.
pub const CHANGES_BYTES_MAX: usize = 200 << 10;
/// How often a change is sent again before its sender looks anew at how things stand.
const SENT_MAX: u32 = 5;
/// Before it is sent again.
const PAUSE: Duration = Duration::from_millis(200);

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The node does not let this worker ask that, or does not understand it.
    #[error("the node refuses the call: {0}")]
    Refused(String),
    /// Nobody knows what became of the call.
    #[error("the node did not answer: {0}")]
    Lost(String),
    /// An answer that does not read.
    #[error("the node's answer does not read: {0}")]
    Unreadable(&'static str),
}

/// Something that is asked of the node.
pub type Asking<'a, T> = Doing<'a, Result<T, LinkError>>;
/// Pages that come one after the other.
pub type Pages<T> = BoxStream<'static, Result<T, LinkError>>;

/// The way to the leading node. Each call is that of `proto/money.proto`.
pub trait Link: Send + Sync {
    /// Changes something.
    fn change(&self, request: proto::ChangeRequest) -> Asking<'_, proto::ChangeReply>;
    /// How far the network is scanned, with so many recent blocks.
    fn cursor(&self, blocks: u32) -> Asking<'_, proto::CursorReply>;
    /// How the network is reached.
    fn network(&self) -> Asking<'_, proto::NetworkReply>;
    /// Deposit addresses from an index on.
    fn addresses(&self, from: u32) -> Asking<'_, Pages<proto::AddressPage>>;
    /// The exchange's wallets.
    fn wallets(&self) -> Asking<'_, proto::WalletsReply>;
    /// What the state has of payments in these transactions.
    fn deposits_of(&self, txs: Vec<Vec<u8>>) -> Asking<'_, proto::DepositsOfReply>;
    /// Which of these transactions are the exchange's own.
    fn own_transfers(&self, txs: Vec<Vec<u8>>) -> Asking<'_, proto::OwnTransfersReply>;
    /// The outputs that the exchange's keys can spend.
    fn coins(&self) -> Asking<'_, Pages<proto::CoinPage>>;
    /// Payouts under way, and queued withdrawals.
    fn due(&self, asked: proto::DueRequest) -> Asking<'_, proto::DueReply>;
    /// What is to be compared with the chain next.
    fn balance_work(&self) -> Asking<'_, proto::BalanceWorkReply> {
        Box::pin(async { Err(LinkError::Refused("this link knows nothing of balances".to_owned())) })
    }
    /// The bytes of an attempt.
    fn attempt_bytes(&self, payout: u64, attempt: u32) -> Asking<'_, proto::AttemptBytesReply>;
    /// Has an attempt signed.
    fn sign(&self, payout: u64, attempt: u32) -> Asking<'_, proto::SignReply>;
    /// Gives an attempt up that nobody has signed.
    fn give_up(&self, payout: u64, attempt: u32) -> Asking<'_, proto::SignReply>;
    /// What lies on deposit addresses, the plans to sweep it, and what gas is.
    fn sweeps(&self, asked: proto::SweepsRequest) -> Asking<'_, proto::SweepsReply>;
    /// Several changes at once, in their order.
    fn changes(&self, request: proto::ChangesRequest) -> Asking<'_, proto::ChangesReply>;
}

/// A link that whoever was welcomed with this ticket may use.
pub type Dial = Arc<dyn Fn(Vec<u8>) -> Arc<dyn Link> + Send + Sync>;

/// What became of a change.
#[derive(Debug, Clone, PartialEq)]
pub enum Changed {
    /// It has taken effect.
    Done(proto::done::Done),
    /// It has none, and never will.
    Refused {
        /// The stable code.
        code: String,
        /// What is wrong.
        message: String,
    },
    /// Nobody knows. Whoever asked must look at how things stand before anything else is done.
    Unknown(String),
}

/// Makes ids of requests that no other process of this machine, and no other moment, makes. A process has one: all that works in
/// it shares the numbers, since under an id of a request that was made before nothing else is done.
#[derive(Debug, Clone)]
pub struct Requests {
    seed: [u8; 32],
    next: Arc<AtomicU64>,
}

impl Requests {
    /// Ids of whoever has this ticket: no other process has it.
    #[must_use]
    pub fn new(ticket: &[u8]) -> Requests {
        Requests { seed: blake3::derive_key("exchequer worker request ids v1", ticket), next: Arc::default() }
    }

    /// The next one.
    pub fn draw(&self) -> [u8; REQUEST_ID_BYTES] {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let hash = blake3::keyed_hash(&self.seed, &number.to_be_bytes());
        let mut id = [0; REQUEST_ID_BYTES];
        id.copy_from_slice(&hash.as_bytes()[..REQUEST_ID_BYTES]);
        id
    }
}

/// What a reply means; an error where nobody knows.
fn came(reply: proto::ChangeReply) -> Result<Changed, String> {
    use proto::change_reply::Answer;
    match reply.answer {
        Some(Answer::Done(proto::Done { done: Some(done) })) => Ok(Changed::Done(done)),
        Some(Answer::Refused(proto::Refused { code, message })) => Ok(Changed::Refused { code, message }),
        Some(Answer::Unknown(proto::Unknown { code, message })) => Err(format!("{code}: {message}")),
        Some(Answer::Done(_)) | None => Err("the answer is none".to_owned()),
    }
}

/// Has one change made, and sends it again under the same id as long as nothing is known of it, a few times.
pub async fn change(link: &dyn Link, requests: &Requests, change: proto::change_request::Change) -> Changed {
    let request = proto::ChangeRequest { request: requests.draw().to_vec(), change: Some(change) };
    let mut last = String::new();
    for sent in 0..SENT_MAX {
        if sent > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        match link.change(request.clone()).await {
            Ok(reply) => match came(reply) {
                Ok(changed) => return changed,
                Err(why) => last = why,
            },
            // The call itself was refused: it never became a command.
            Err(LinkError::Refused(message)) => return Changed::Refused { code: String::new(), message },
            Err(error) => last = error.to_string(),
        }
    }
    Changed::Unknown(last)
}

/// Has changes made in their order, as many at once as are taken at once, and sends those of which nothing is known again
/// under the same ids. What each came to, in the same order.
pub async fn change_all(
    link: &dyn Link,
    requests: &Requests,
    changes: Vec<proto::change_request::Change>,
) -> Vec<Changed> {
    use prost::Message as _;
    let with_id = |change| proto::ChangeRequest { request: requests.draw().to_vec(), change: Some(change) };
    let mut left = changes.into_iter().map(with_id).peekable();
    let mut all = Vec::new();
    while left.peek().is_some() {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while let Some(next) = left.next_if(|next| {
            batch.is_empty() || (batch.len() < CHANGES_MAX && bytes + next.encoded_len() <= CHANGES_BYTES_MAX)
        }) {
            bytes += next.encoded_len();
            batch.push(next);
        }
        all.extend(change_batch(link, batch).await);
    }
    all
}

async fn change_batch(link: &dyn Link, batch: Vec<proto::ChangeRequest>) -> Vec<Changed> {
    let mut results: Vec<Result<Changed, String>> = batch.iter().map(|_| Err(String::new())).collect();
    for sent in 0..SENT_MAX {
        let open: Vec<usize> = (0..batch.len()).filter(|at| results[*at].is_err()).collect();
        if open.is_empty() {
            break;
        }
        if sent > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        let changes = open.iter().map(|at| batch[*at].clone()).collect();
        match link.changes(proto::ChangesRequest { changes }).await {
            Ok(reply) if reply.replies.len() == open.len() => {
                for (at, reply) in open.into_iter().zip(reply.replies) {
                    results[at] = came(reply);
                }
            }
            Ok(_) => open.iter().for_each(|at| results[*at] = Err("the answers are not as many".to_owned())),
            Err(LinkError::Refused(message)) => {
                open.iter().for_each(|at| {
                    results[*at] = Ok(Changed::Refused { code: String::new(), message: message.clone() });
                });
            }
            Err(error) => open.iter().for_each(|at| results[*at] = Err(error.to_string())),
        }
    }
    results.into_iter().map(|result| result.unwrap_or_else(Changed::Unknown)).collect()
}
