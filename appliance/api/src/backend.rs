//! What the doors need from the house behind them.
//!
//! The API sees the state's read side and the proposer; it never holds a handle of the store. The node implements
//! this trait; tests implement it over a state in memory.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use exchequer_domain::{ChainAddress, CommandId, Digest, Family, NodeId, Problem, WorkerId};
use exchequer_raft::{PeerView, ReadAt, Status};
use exchequer_state::{Actor, Body, Command, DryRun, Outcome, Rows, State};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::dto::{JoinReply, JoinRequest};
use crate::events::Ephemeral;
use crate::feed::Ear;
use crate::history::History;
use crate::people::password::Cost;

/// A future that borrows its backend.
pub type Doing<'a, T> = Pin<Box<dyn Future<Output = Result<T, Problem>> + Send + 'a>>;

/// What looks at the state and its rows at one applied index.
pub type Look<'a> = &'a mut dyn FnMut(&State, &dyn Rows, ReadAt) -> Result<(), Problem>;

/// Each node's hash over all its rows; `None` where it did not answer in time.
pub type Hashes = Vec<(NodeId, Option<Digest>)>;

/// Commands with their outcomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitted {
    /// One a command, in order.
    pub outcomes: Vec<Outcome>,
    /// The index of the entry they were applied in.
    pub index: u64,
}

/// A stream of a file's bytes, with the problem that cut it short as its last item.
pub type ByteStream = Pin<Box<dyn futures::Stream<Item = Result<Bytes, Problem>> + Send>>;

/// One of the conditions of readiness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// `leader`, `disk`, `applied`, `recovery`, `clock`.
    pub name: &'static str,
    /// Whether it holds.
    pub good: bool,
    /// What is the case, in a few words.
    pub detail: String,
}

/// A fresh API key's name and secret.
pub struct DrawnKey {
    /// 64 letters and digits.
    pub name: String,
    /// The secret: 64 letters and digits, shown once.
    pub secret: String,
    /// The same, sealed with the cluster's keyring.
    pub sealed: Vec<u8>,
}

/// A fresh join token.
pub struct DrawnToken {
    /// Its text, shown once.
    pub text: String,
    /// Its public part.
    pub token_id: [u8; 8],
    /// The hash of its secret part.
    pub secret_hash: [u8; 32],
}

/// A line of a worker's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Higher than that of every line of the worker before it on this node.
    pub number: u64,
    /// The number of the line before it; zero where there was none. Who follows and has not had that one has a gap.
    pub previous: u64,
    /// The worker's wall clock, in microseconds since 1970; never later than the node's was when the line came.
    pub time_us: u64,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: String,
    /// What it says.
    pub text: String,
    /// What it is about, such as `job-12`; empty where it is about nothing in particular.
    pub trace: String,
    /// Lines that the worker dropped before this one.
    pub dropped: u64,
}

/// Where a look at a worker's log begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogStart {
    /// With the latest lines.
    Latest,
    /// Behind the line of this number.
    After(u64),
    /// So many lines before the first one that was written at a moment or later.
    Moment {
        /// In microseconds since 1970, by the clocks that the lines tell.
        time_us: u64,
        /// Lines before it.
        earlier: usize,
    },
}

/// What a node's supervisor has counted since its process began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Supervised {
    /// The epoch in which this node supervises workers; none where it does not lead.
    pub epoch: Option<u64>,
    /// Processes of workers now.
    pub processes: u64,
    /// Processes that were started.
    pub started: u64,
    /// Commands that workers sent.
    pub commands: u64,
    /// Commands that were refused because their leadership was over.
    pub fenced: u64,
    /// Commands that were refused for other reasons.
    pub refused: u64,
    /// By worker, the commands that were refused because their leadership was over.
    pub fenced_of: Vec<(WorkerId, u64)>,
}

/// The signer beside a node, as the node sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignerView {
    /// `ready`, `behind`, `sealed` or `silent`.
    pub state: &'static str,
    /// The index of the log entry up to which it has followed the signing log; none where it does not say.
    pub followed: Option<u64>,
    /// The epoch under which it signs, by its index.
    pub epoch: Option<u64>,
    /// The version of its own policy.
    pub policy: Option<u64>,
    /// What is wrong; empty where nothing is.
    pub why: String,
}

/// The node as the API sees it.
pub trait Backend: Send + Sync + 'static {
    /// Has commands committed and applied, here or through the leader.
    fn submit(&self, commands: Vec<Command>, patience: Duration) -> Doing<'_, Submitted>;

    /// The same for commands that are already encoded, and that the door has checked; outcomes stay encoded.
    fn submit_encoded(&self, commands: Vec<Bytes>, patience: Duration) -> Doing<'_, (Vec<Bytes>, u64)>;

    /// Waits until this node has applied everything acknowledged before now.
    fn linearize(&self, patience: Duration) -> Doing<'_, u64>;

    /// Reads the state and its rows at one applied index. Nothing is applied meanwhile: keep it under a millisecond.
    ///
    /// # Errors
    /// Those of `read`.
    fn read(&self, read: Look<'_>) -> Result<(), Problem>;

    /// Tells `ear` of every entry that is applied from now on; only the first ear is told.
    fn tell(&self, ear: Ear);

    /// Where events without a number are published at this node, by whoever has any.
    fn ephemeral(&self) -> Ephemeral;

    /// What a command that moves money would do now, and as of which entry. Nothing changes, but everything waits for it.
    ///
    /// # Errors
    /// Rows that cannot be read; the node stops then.
    fn dry_run(&self, body: Body) -> Result<(DryRun, ReadAt), Problem>;

    /// Waits until this node has applied entries after `index`, or `patience` is over; answers how far it has come.
    fn applied_beyond(&self, index: u64, patience: Duration) -> Doing<'_, u64>;

    /// Comes back when this node begins to stop as planned.
    fn stopping(&self) -> Pin<Box<dyn Future<Output = ()> + Send>>;

    /// This node at a glance.
    fn status(&self) -> Status;

    /// What this node last heard of its peers.
    fn peers(&self) -> Vec<(NodeId, PeerView)>;

    /// The conditions of readiness; `for_write` adds those of a node that can serve a write.
    fn readiness(&self, for_write: bool) -> Vec<Check>;

    /// Metrics in Prometheus's text format.
    fn metrics(&self) -> String;

    /// Since when each member has been healthy as this node saw it, in microseconds since 1970; without those that are
    /// not healthy or not known to be.
    fn stable_since(&self) -> Vec<(NodeId, u64)>;

    /// Whether `token` is the operator token's text. Takes the same time whatever the answer.
    ///
    /// # Errors
    /// `TokenWrong` where the text has not the form of a token; `FolderNotInitialised` before the cluster is made.
    fn token_matches(&self, token: &str) -> Result<bool, Problem>;

    /// This node's wall clock, in milliseconds since 1970.
    fn now_ms(&self) -> u64;

    /// Unseals the secret of an API key with the cluster's keyring.
    ///
    /// # Errors
    /// `KeyringWrong` where the keyring does not open it.
    fn open_secret(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Problem>;

    /// Seals a secret with the cluster's keyring, for one purpose.
    ///
    /// # Errors
    /// `Internal` where the system has no randomness.
    fn seal(&self, purpose: &str, secret: &[u8]) -> Result<Vec<u8>, Problem>;

    /// Opens what was sealed for this purpose.
    ///
    /// # Errors
    /// `KeyringWrong` where the keyring does not open it.
    fn unseal(&self, purpose: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Problem>;

    /// Whether a deposit address, under its index in the pool, is the exchange's own: asked before it is shown.
    ///
    /// A backend without keys has nothing to add to the pool's word.
    fn vouch(&self, family: Family, index: u32, address: ChainAddress) -> Doing<'_, ()> {
        let _ = (family, index, address);
        Box::pin(async { Ok(()) })
    }

    /// The figures of the last day, as this node sampled them.
    fn history(&self) -> &History;

    /// How the signer beside this node is; none where the node has no vault.
    fn signer(&self) -> Option<SignerView> {
        None
    }

    /// What hashing a password costs.
    fn hash_cost(&self) -> Cost {
        Cost::FULL
    }
    /// The lines of a worker's log on this node from a start on, in order, at most so many.
    fn worker_log(&self, worker: WorkerId, start: LogStart, limit: usize) -> Doing<'_, Vec<LogLine>>;

    /// Comes back when workers of this node have logged anything since the call, or `patience` is over.
    fn worker_logged(&self, patience: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>>;

    /// What this node's supervisor has counted.
    fn supervised(&self) -> Supervised;

    /// A fresh command id, drawn outside the state.
    fn new_id(&self) -> CommandId;

    /// Draws a join token, outside the state.
    ///
    /// # Errors
    /// `Internal` where the system has no randomness.
    fn draw_join_token(&self) -> Result<DrawnToken, Problem>;

    /// Draws the name and the secret of an API key, outside the state.
    ///
    /// # Errors
    /// `Internal` where the system has no randomness.
    fn draw_api_key(&self) -> Result<DrawnKey, Problem>;

    /// Admits a node that shows a join token: id, certificate, keyring.
    fn join(&self, request: JoinRequest) -> Doing<'_, JoinReply>;

    /// Gives a learner its vote; `force` skips the check that it is caught up.
    fn promote(&self, actor: Actor, node: NodeId, force: bool, reason: String) -> Doing<'_, ()>;

    /// Adds a node that was admitted, but is not a member, as a learner.
    fn add_learner(&self, actor: Actor, node: NodeId, reason: String) -> Doing<'_, ()>;

    /// Removes a node for good.
    fn remove(&self, actor: Actor, node: NodeId, reason: String) -> Doing<'_, ()>;

    /// Makes another node, or the one furthest ahead, the leader; answers who leads then.
    fn transfer_leader(&self, actor: Actor, to: Option<NodeId>, reason: String) -> Doing<'_, NodeId>;

    /// Has every node hash all its rows as of one index; answers the index and each node's hash.
    fn verify(&self, patience: Duration) -> Doing<'_, (u64, Hashes)>;

    /// Renews a node's certificate, or with `authority` makes a new authority and renews all.
    fn rotate_certificates(&self, actor: Actor, node: Option<NodeId>, authority: bool, reason: String)
    -> Doing<'_, ()>;

    /// While the cluster takes up a new certificate authority: the members that this node waits for, none of them where
    /// it is its own turn.
    fn authority_waits(&self) -> Option<Vec<NodeId>>;

    /// Takes a snapshot and streams it as one file.
    fn save_snapshot(&self, actor: Actor, reason: String) -> Doing<'_, ByteStream>;

    /// The keyring in its export form. Recorded in the audit.
    fn export_keyring(&self, actor: Actor, reason: String) -> Doing<'_, String>;
}
