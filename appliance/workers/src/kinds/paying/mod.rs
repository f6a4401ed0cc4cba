//! The engine of every transaction that the exchange's keys sign: payments to users, sweeps and top-ups alike.
//!
//! The state decides; a worker proposes each step from the stage in which it found the payout, and keeps nothing. It may die
//! between any two of them.
//!
//! Invariants:
//! - Intent, commit, act, record: a transaction is decided in the log before it is signed, and its signed bytes are in the log
//!   before a worker has them.
//! - Nothing is signed or sent without a lease, and nothing but bytes that the log holds. They may be sent again at any time.
//! - No answer of an endpoint, and no lack of one, ends a payout: only what a quorum says of final blocks does.
//! - Nobody's money is free, and nobody is paid once more, because one worker says that a payment came to nothing: somebody else has
//!   to see it in the balance.
//! - A replacement takes the place of the attempts before it by the network's rules: by their nonce, by a coin that each of them
//!   spends, or, on TRON, after the proof that they are over.
//!
//! # How a kind uses it
//!
//! A kind decides transactions and nothing else. It implements [`Errands::decide`]: it looks at [`Round::due`] and the chain,
//! builds unsigned transactions with [`evm::draft`], [`tron::draft`] or [`bitcoin::draft`], and has them decided by
//! [`Desk::prepare_all`], in their order. What was decided is signed, sent, watched, replaced and buried by the engine: the node
//! gives each kind only payouts of its own errands. [`run`] is the whole of [`super::Kind::work`]:
//!
//! ```ignore
//! fn work<'a>(&'a self, bench: &'a Bench) -> Doing<'a, ()> {
//!     Box::pin(paying::run(bench, self.nodes.clone(), &self.counts, &Sweeps::default()))
//! }
//! ```
//!
//! Tests call [`Desk::round`], which does once what [`run`] does again and again.

pub mod bitcoin;
mod death;
mod decision;
pub mod evm;
mod room;
mod run;
mod steps;
pub mod tron;
mod watch;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use exchequer_chains::node::Panel;
use exchequer_chains::{KeyPurpose, NetworkParams};
use exchequer_domain::{BlockRef, Network};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::Doing;
use super::nodes::{self, Nodes};
use crate::host::Outside;
use crate::money::proto::{self, DueReply, DueRequest, NetworkReply, change_request, done};
use crate::money::signer::Signer;
use crate::money::{Changed, Link, Requests, change, change_all};

pub use decision::{Draft, Prepared};
pub use room::{Room, waits_for_signature};
pub use run::{Counts, run};

/// How old what is known of the network's configuration may be for what is decided, signed and sent.
const CONFIG_AGE_MAX: Duration = Duration::from_secs(1);
/// Calls that are made at once.
const AT_ONCE: usize = 32;
/// The longest remark that the state takes, in bytes.
const WHY_BYTES_MAX: usize = 300;

/// What a kind of worker is for: it decides transactions.
pub trait Errands: Send + Sync {
    /// How many queued withdrawals it wants to see in a round.
    fn queued(&self) -> u32 {
        0
    }

    /// Decides what can be decided now; whether it has decided anything.
    ///
    /// # Errors
    /// What did not go as it should, for people; it is tried again in the next round.
    fn decide<'a>(&'a self, desk: &'a Desk, round: &'a Round) -> Doing<'a, Result<bool, String>>;
}

/// What is known of the network.
#[derive(Clone)]
struct Known {
    params: NetworkParams,
    config: Arc<NetworkReply>,
    panel: Arc<Panel>,
    read: Instant,
}

/// What is known in one round.
pub struct Round {
    /// The network.
    pub params: NetworkParams,
    /// How it is configured.
    pub config: Arc<NetworkReply>,
    /// Its nodes.
    pub panel: Arc<Panel>,
    /// What is under way, and what is to be done.
    pub due: DueReply,
}

/// What a worker of one network works with. It remembers nothing on which money hangs.
pub struct Desk {
    network: Network,
    link: Arc<dyn Link>,
    nodes: Nodes,
    signer: Arc<dyn Signer>,
    outside: Outside,
    requests: Requests,
    known: Mutex<Option<Known>>,
    /// After which payout the next page of those in blocks begins.
    page: AtomicU64,
    /// The same of those that are to be signed or sent, and of those that may be on their way.
    to_do: AtomicU64,
    waiting: AtomicU64,
    /// Blocks that a quorum had in its chain lately, and when.
    confirmed: Mutex<BTreeMap<BlockRef, Instant>>,
    /// Payouts whose nonce somebody used, and the final block at which that was first seen.
    used: Mutex<BTreeMap<u64, BlockRef>>,
    /// When TRON transactions were made.
    made: tron::Moments,
    /// When endpoints were last asked how far they are.
    refreshed: Mutex<Option<Instant>>,
    /// When a payout's bytes were last sent again.
    sent: Mutex<BTreeMap<u64, Instant>>,
    /// By wallet, what its next transaction may be, and when that was said.
    rooms: Mutex<BTreeMap<u32, (Room, Instant)>>,
}

/// What came of a payout's turn: the attempt that a step is about, and the step.
type Step = (u32, proto::step_payout::Step);

impl Desk {
    /// A worker's desk.
    #[must_use]
    pub fn new(
        network: Network,
        link: Arc<dyn Link>,
        nodes: Nodes,
        signer: Arc<dyn Signer>,
        outside: Outside,
        requests: Requests,
    ) -> Desk {
        Desk {
            network,
            link,
            nodes,
            signer,
            outside,
            requests,
            known: Mutex::default(),
            page: AtomicU64::new(0),
            to_do: AtomicU64::new(0),
            waiting: AtomicU64::new(0),
            confirmed: Mutex::default(),
            used: Mutex::default(),
            made: tron::Moments::default(),
            refreshed: Mutex::default(),
            sent: Mutex::default(),
            rooms: Mutex::default(),
        }
    }

    /// Which network.
    #[must_use]
    pub const fn network(&self) -> Network {
        self.network
    }

    /// Spans of time for TRON transactions that are made now, one for each number: that of what is paid, or of what is moved. No two
    /// of unlike numbers are made at the same moment, whichever worker makes them, so that like payments have unlike names.
    ///
    /// # Errors
    /// Endpoints do not agree on a final block, or it is too old.
    pub async fn windows(&self, round: &Round, numbers: &[u64]) -> Result<Vec<tron::Window>, String> {
        Ok(self.made.windows(tron::window(round).await?, numbers))
    }

    /// A span of time for a TRON transaction that has no number before it is decided: by the time that the log has now.
    ///
    /// # Errors
    /// As [`Desk::windows`].
    pub async fn window_now(&self, round: &Round) -> Result<tron::Window, String> {
        let windows = self.windows(round, &[round.due.now_us / 1_000]).await?;
        windows.first().copied().ok_or_else(|| "there is no span of time".to_owned())
    }

    /// The way to the leading node.
    #[must_use]
    pub fn link(&self) -> &dyn Link {
        &*self.link
    }

    /// Does for every payout, and for whatever is due, what can be done now. What one of them cannot have does not keep the
    /// others waiting.
    ///
    /// # Errors
    /// What did not go as it should, for people; it is tried again in the next round.
    pub async fn round(&self, errands: &dyn Errands) -> Result<(), String> {
        let watched = self.watch().await;
        self.pay(errands).await?;
        watched
    }

    /// Decides what is due, and has what is decided signed and sent; whether there may be more to do at once.
    ///
    /// # Errors
    /// As [`Desk::round`].
    pub async fn pay(&self, errands: &dyn Errands) -> Result<bool, String> {
        let known = self.know(CONFIG_AGE_MAX).await?;
        let to_do_after = self.to_do.load(Ordering::Relaxed);
        let asked = DueRequest { withdrawals: errands.queued(), to_do_after, ..DueRequest::default() };
        let round = self.read(known, asked).await?;
        turn(&self.to_do, round.due.more_to_do, &round.due.payouts, is_to_do);
        let mut troubles = self.sign_and_send(&round).await;
        let decided = match errands.decide(self, &round).await {
            Ok(decided) => decided,
            Err(why) => {
                troubles.push(why);
                false
            }
        };
        told(troubles)?;
        Ok(decided)
    }

    /// What is known of the network, read again where that is older than `age`.
    async fn know(&self, age: Duration) -> Result<Known, String> {
        let before = self.known.lock().clone();
        if let Some(known) = before.as_ref().filter(|known| known.read.elapsed() < age) {
            return Ok(known.clone());
        }
        let config = self.link.network().await.map_err(|error| error.to_string())?;
        let params = nodes::params(self.network, config.test);
        let panel = match before.filter(|known| known.config.version == config.version) {
            Some(known) => known.panel,
            None => {
                let panel = Arc::new(nodes::panel((self.nodes)(&params, &config)?, config.test)?);
                panel.refresh().await;
                panel
            }
        };
        let known = Known { params, config: Arc::new(config), panel, read: Instant::now() };
        *self.known.lock() = Some(known.clone());
        Ok(known)
    }

    async fn read(&self, known: Known, asked: DueRequest) -> Result<Round, String> {
        let due = self.link.due(asked).await.map_err(|error| error.to_string())?;
        let Known { params, config, panel, .. } = known;
        Ok(Round { params, config, panel, due })
    }

    /// Has transactions decided, in their order; what became of each. One that is not taken may keep those behind it from being
    /// taken: they are tried again in the next round.
    pub async fn prepare_all(&self, asked: Vec<proto::PreparePayout>) -> Vec<Prepared> {
        let changes = asked.into_iter().map(change_request::Change::PreparePayout).collect();
        let changed = change_all(&*self.link, &self.requests, changes).await;
        let prepared = changed.into_iter().map(|changed| match changed {
            Changed::Done(done::Done::PayoutPrepared(prepared)) => Prepared::Decided(prepared.payout),
            Changed::Done(done::Done::PayoutWaits(_)) => Prepared::Waits,
            Changed::Done(other) => Prepared::Unknown(format!("its preparation came to something else: {other:?}")),
            Changed::Refused { code, message } => Prepared::Refused { code, message },
            Changed::Unknown(why) => Prepared::Unknown(format!("whether it was prepared is not known: {why}")),
        });
        prepared.collect()
    }

    /// Tells the state something of which nothing depends on whether it is taken: how things stand is read again anyhow.
    ///
    /// # Errors
    /// Nobody knows whether it was taken.
    pub async fn tell(&self, asked: change_request::Change) -> Result<(), String> {
        match change(&*self.link, &self.requests, asked).await {
            Changed::Done(_) | Changed::Refused { .. } => Ok(()),
            Changed::Unknown(why) => Err(why),
        }
    }

    /// Moves payouts from the stages in which they were found; the stage of each afterwards.
    async fn step_all(&self, steps: Vec<(&proto::Payout, Step)>) -> Vec<Result<String, String>> {
        let named: Vec<u64> = steps.iter().map(|(payout, _)| payout.id).collect();
        let change = |(payout, (attempt, step)): (&proto::Payout, Step)| {
            let from = payout.stage.clone();
            change_request::Change::StepPayout(proto::StepPayout { payout: payout.id, from, attempt, step: Some(step) })
        };
        let changed = change_all(&*self.link, &self.requests, steps.into_iter().map(change).collect()).await;
        let stage = |(payout, changed): (u64, Changed)| match changed {
            Changed::Done(done::Done::Stage(stage)) => Ok(stage),
            Changed::Done(other) => Err(format!("payout {payout}: a step came to something else: {other:?}")),
            Changed::Refused { code, message } => {
                Err(format!("payout {payout}: a step was not taken ({code}): {message}"))
            }
            Changed::Unknown(why) => Err(format!("payout {payout}: whether a step was taken is not known: {why}")),
        };
        named.into_iter().zip(changed).map(stage).collect()
    }
}

/// What the keys of a wallet are for, by the word for its role; none of one that no signer of ours has.
#[must_use]
pub fn purpose_of(role: &str) -> Option<KeyPurpose> {
    match role {
        "deposit" => Some(KeyPurpose::Deposit),
        "hot" => Some(KeyPurpose::Hot),
        "gas" => Some(KeyPurpose::Gas),
        _ => None,
    }
}

/// Smallest units of the network's coin in its minor units, rounded up; none where the coin is not listed.
#[must_use]
pub fn in_minor_units(config: &NetworkReply, smallest: u128) -> Option<u128> {
    let coin = config.listings.iter().find(|listing| listing.coin.is_empty())?;
    let unit = 10_u128.checked_pow(coin.decimals.saturating_sub(coin.ledger_decimals))?;
    let finer = 10_u128.checked_pow(coin.ledger_decimals.saturating_sub(coin.decimals))?;
    smallest.div_ceil(unit).checked_mul(finer)
}

/// Minor units of the network's coin in its smallest units, rounded down; none where the coin is not listed.
#[must_use]
pub fn in_smallest_units(config: &NetworkReply, minor: u64) -> Option<u128> {
    let coin = config.listings.iter().find(|listing| listing.coin.is_empty())?;
    let unit = 10_u128.checked_pow(coin.decimals.saturating_sub(coin.ledger_decimals))?;
    let finer = 10_u128.checked_pow(coin.ledger_decimals.saturating_sub(coin.decimals))?;
    u128::from(minor).checked_mul(unit).map(|smallest| smallest / finer)
}

/// The most that a transaction may cost, in minor units of the network's coin: what the network's configuration says, and each
/// of those whom it pays.
#[must_use]
pub fn fee_cap(config: &NetworkReply, pays: &[proto::Withdrawal]) -> u64 {
    pays.iter().map(|one| one.fee_cap).fold(config.fee_max.unwrap_or(0), u64::min)
}

/// The most that what takes the place of a payout's attempts may cost: what pays nobody is bound by the network's bound alone.
pub(super) fn replacement_cap(config: &NetworkReply, payout: &proto::Payout) -> u64 {
    fee_cap(config, if payout.wants_noop { &[] } else { &payout.withdrawals })
}

/// Something of several that are done.
pub(super) fn doing<'a, T>(one: impl Future<Output = T> + Send + 'a) -> Doing<'a, T> {
    Box::pin(one)
}

/// Does several things, some at once; what each came to, in their order.
pub(super) async fn in_order<T>(doing: Vec<Doing<'_, T>>) -> Vec<T> {
    use futures::StreamExt as _;
    futures::stream::iter(doing).buffered(AT_ONCE).collect().await
}

fn cut(text: String) -> String {
    crate::protocol::cut_to(text, WHY_BYTES_MAX)
}

/// Whether a payout is to be signed or sent, by the word for its stage.
fn is_to_do(stage: &str) -> bool {
    matches!(stage, "preparing" | "signed" | "replacing")
}

/// Where the next page of payouts of a class begins: behind the last one that was told, as long as there are more.
fn turn(page: &AtomicU64, more: bool, payouts: &[proto::Payout], of_class: impl Fn(&str) -> bool) {
    let last = payouts.iter().filter(|payout| of_class(&payout.stage)).map(|payout| payout.id).max();
    page.store(last.filter(|_| more).unwrap_or(0), Ordering::Relaxed);
}

/// The first of what went wrong, and how many more there are.
fn told(troubles: Vec<String>) -> Result<(), String> {
    match troubles.as_slice() {
        [] => Ok(()),
        [one] => Err(one.clone()),
        [first, more @ ..] => Err(format!("{first}; and {} more", more.len())),
    }
}
