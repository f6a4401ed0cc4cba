//! Several endpoints of one network.
//!
//! Invariants:
//! - Reads that nothing hangs on go to one endpoint after the other, in the configured order, past those with the score 0.
//! - What money hangs on is asked of all, and holds when as many as the quorum say the same and fewer say anything else. That a
//!   transaction is nowhere holds only if nobody knows it: one that does is right.
//! - Who contradicts what was agreed gets the score 0 until it agrees again. Who is in quarantine has no say.
//! - A transaction is sent to all; each answer is kept.

use std::sync::Arc;

use exchequer_domain::{BlockRef, TxId};
use futures::future::join_all;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::{Asking, Broadcast, ChainNode, Fate, Heads, NodeError};
use crate::rpc::{Health, HealthRules, Quarantine, RpcError, Sample};
use crate::scan::Header;

/// Why endpoints do not agree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Disagreement {
    /// Too few answered.
    #[error("{answers} endpoints answered, {quorum} have to agree; the last error: {last}")]
    TooFew {
        /// How many did.
        answers: usize,
        /// How many have to.
        quorum: usize,
        /// Why the last of the others did not.
        last: String,
    },
    /// They say different things.
    #[error("endpoints contradict each other: {same} of {answers} say the same, {quorum} have to")]
    Different {
        /// The largest number that say the same.
        same: usize,
        /// How many answered.
        answers: usize,
        /// How many have to agree.
        quorum: usize,
    },
}

/// Why several endpoints together came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PanelError {
    /// No endpoint at all, or a quorum that cannot be reached.
    #[error(
        "a quorum of {quorum} out of {endpoints} endpoints cannot be: configure as many endpoints as have to agree"
    )]
    Quorum {
        /// How many have to agree.
        quorum: usize,
        /// How many there are.
        endpoints: usize,
    },
    /// None can be used.
    #[error("no endpoint can be used at present; see each one's score and why it is 0")]
    None,
    /// All that can be used failed; the last one so.
    #[error("no endpoint has an answer; the last one ({endpoint}): {error}")]
    All {
        /// Which was the last.
        endpoint: String,
        /// What became of it.
        error: NodeError,
    },
    /// They do not agree.
    #[error(transparent)]
    Disagreement(#[from] Disagreement),
}

/// An answer and where it is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply<T> {
    /// Which endpoint; nothing secret.
    pub endpoint: String,
    /// What it said.
    pub value: T,
}

/// One endpoint, as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// Which.
    pub endpoint: String,
    /// From 0, not used, to 100.
    pub score: u32,
    /// Its head.
    pub head: Option<u64>,
    /// Its last final block.
    pub finalized: Option<BlockRef>,
    /// Why it stays away until a person releases it.
    pub quarantine: Option<Quarantine>,
}

/// The endpoints of a network, in the order in which they are tried.
pub struct Panel {
    seats: Vec<(Arc<dyn ChainNode>, Mutex<Health>)>,
    quorum: usize,
}

impl Panel {
    /// Endpoints in their order, of which `quorum` have to agree. Nothing is known of them before the first [`Panel::refresh`].
    ///
    /// # Errors
    /// [`PanelError::Quorum`].
    pub fn new(nodes: Vec<Arc<dyn ChainNode>>, rules: HealthRules, quorum: usize) -> Result<Panel, PanelError> {
        if quorum == 0 || quorum > nodes.len() {
            return Err(PanelError::Quorum { quorum, endpoints: nodes.len() });
        }
        let seats = nodes.into_iter().map(|node| (node, Mutex::new(Health::new(rules)))).collect();
        Ok(Panel { seats, quorum })
    }

    /// How many have to agree.
    #[must_use]
    pub fn quorum(&self) -> usize {
        self.quorum
    }

    /// Asks every endpoint who and how far it is. To be done every few seconds.
    pub async fn refresh(&self) {
        join_all(self.seats.iter().map(|(node, health)| Self::sample(node.as_ref(), health))).await;
    }

    async fn sample(node: &dyn ChainNode, health: &Mutex<Health>) {
        let identified = health.lock().identified();
        if !identified {
            match node.identify().await {
                Ok(ours) => health.lock().identify(ours),
                Err(error) => return blame(health, &error),
            }
        }
        let asked = Instant::now();
        match node.heads().await {
            Ok(Heads { head, finalized, .. }) => {
                let finalized = finalized.map(|header| header.block);
                let sample = Sample { head: head.block.height, finalized, latency: asked.elapsed() };
                health.lock().sampled(Instant::now(), sample);
            }
            Err(error) => blame(health, &error),
        }
    }

    /// The highest head of those that can be believed.
    #[must_use]
    pub fn best_head(&self) -> u64 {
        let heads = self.seats.iter().filter_map(|(_, health)| {
            let health = health.lock();
            health.head().filter(|_| health.credible())
        });
        heads.max().unwrap_or(0)
    }

    /// Every endpoint, in their order.
    #[must_use]
    pub fn seats(&self) -> Vec<Seat> {
        let (now, best) = (Instant::now(), self.best_head());
        let seat = |(node, health): &(Arc<dyn ChainNode>, Mutex<Health>)| {
            let health = health.lock();
            Seat {
                endpoint: node.name(),
                score: health.score(now, best),
                head: health.head(),
                finalized: health.finalized(),
                quarantine: health.quarantine(),
            }
        };
        self.seats.iter().map(seat).collect()
    }

    /// A person says that an endpoint may be used again. Whether there is one of this name.
    pub fn release(&self, endpoint: &str) -> bool {
        let mut found = false;
        for (_, health) in self.seats.iter().filter(|(node, _)| node.name() == endpoint) {
            health.lock().release();
            found = true;
        }
        found
    }

    /// Asks one endpoint after the other until one has an answer.
    ///
    /// # Errors
    /// [`PanelError::None`] and [`PanelError::All`].
    pub async fn first<T>(
        &self,
        ask: impl for<'a> Fn(&'a dyn ChainNode) -> Asking<'a, T>,
    ) -> Result<Reply<T>, PanelError> {
        let mut last = None;
        for (node, health) in &self.seats {
            let (now, best) = (Instant::now(), self.best_head());
            if health.lock().score(now, best) == 0 {
                continue;
            }
            match ask(node.as_ref()).await {
                Ok(value) => return Ok(Reply { endpoint: node.name(), value }),
                Err(error) => {
                    blame(health, &error);
                    last = Some(PanelError::All { endpoint: node.name(), error });
                }
            }
        }
        Err(last.unwrap_or(PanelError::None))
    }

    /// What each endpoint that has a say answers, by its place.
    async fn all<T>(
        &self,
        may: impl Fn(&Health) -> bool,
        ask: impl for<'a> Fn(&'a dyn ChainNode) -> Asking<'a, T>,
    ) -> (Vec<(usize, T)>, Option<NodeError>) {
        let asked = self.seats.iter().enumerate().filter(|(_, (_, health))| {
            let health = health.lock();
            health.identified() && health.quarantine().is_none() && may(&health)
        });
        let answers = asked.map(|(at, (node, _))| {
            let asking = ask(node.as_ref());
            async move { (at, asking.await) }
        });
        let (mut good, mut last) = (Vec::new(), None);
        for (at, answer) in join_all(answers).await {
            match answer {
                Ok(value) => good.push((at, value)),
                Err(error) => {
                    blame(&self.seats[at].1, &error);
                    last = Some(error);
                }
            }
        }
        (good, last)
    }

    /// The header of a height, as a quorum has it. Who has another one is marked.
    ///
    /// # Errors
    /// [`PanelError::Disagreement`].
    pub async fn agreed_header(&self, height: u64) -> Result<Header, PanelError> {
        let (answers, last) = self.all(|_| true, |node| node.header(height)).await;
        // Who does not have it yet neither agrees nor contradicts.
        let answers: Vec<(usize, Header)> =
            answers.into_iter().filter_map(|(at, header)| Some((at, header?))).collect();
        let agreed = tally(&answers, self.quorum, |a, b| a.block == b.block && a.parent == b.parent, last.as_ref())?;
        for (at, header) in &answers {
            self.seats[*at].1.lock().contradicts(header.block != agreed.block);
        }
        Ok(agreed)
    }

    /// The highest block that a quorum calls final, under the name on which a quorum agrees.
    ///
    /// # Errors
    /// [`PanelError::Disagreement`]; too few where fewer than the quorum know of a final block.
    pub async fn agreed_final(&self) -> Result<Header, PanelError> {
        let known = self.seats.iter().filter_map(|(_, health)| {
            let health = health.lock();
            health.finalized().filter(|_| health.credible())
        });
        let mut heights: Vec<u64> = known.map(|block| block.height).collect();
        heights.sort_unstable_by_key(|height| std::cmp::Reverse(*height));
        match heights.get(self.quorum - 1) {
            Some(height) => self.agreed_header(*height).await,
            None => {
                let last = "they know of no final block".to_owned();
                Err(Disagreement::TooFew { answers: heights.len(), quorum: self.quorum, last }.into())
            }
        }
    }

    /// What became of a transaction, as a quorum knows. Only endpoints count whose last final block is at `reached` or above: that
    /// one which is behind does not know a transaction says nothing. [`Fate::Unseen`] is agreed on only where nobody who was
    /// asked, however far behind, knows it.
    ///
    /// # Errors
    /// [`PanelError::Disagreement`].
    pub async fn agreed_fate(&self, tx: TxId, reached: u64) -> Result<Fate, PanelError> {
        let far = |at: usize| self.seats[at].1.lock().finalized().is_some_and(|block| block.height >= reached);
        let (answers, last) = self.all(|_| true, |node| node.fate(tx)).await;
        let known = answers.iter().filter(|(_, fate)| *fate != Fate::Unseen).count();
        let total = answers.len();
        let counted: Vec<(usize, Fate)> = answers.into_iter().filter(|(at, _)| far(*at)).collect();
        let agreed = tally(&counted, self.quorum, |a, b| a == b, last.as_ref())?;
        if agreed == Fate::Unseen && known > 0 {
            let same = total - known;
            return Err(Disagreement::Different { same, answers: total, quorum: self.quorum }.into());
        }
        Ok(agreed)
    }

    /// Sends a signed transaction to every endpoint of our network and tells what each said.
    pub async fn broadcast(&self, tx: TxId, raw: &[u8]) -> Vec<Reply<Broadcast>> {
        let ours = self.seats.iter().filter(|(_, health)| {
            let health = health.lock();
            health.identified() && health.quarantine().is_none()
        });
        let sending = ours.map(|(node, _)| async move {
            let value = node.broadcast(tx, raw).await;
            Reply { endpoint: node.name(), value }
        });
        join_all(sending).await
    }
}

/// The answer of a quorum, if more say it than anything else.
fn tally<T: Clone>(
    answers: &[(usize, T)],
    quorum: usize,
    same: impl Fn(&T, &T) -> bool,
    last: Option<&NodeError>,
) -> Result<T, Disagreement> {
    let mut groups: Vec<(&T, usize)> = Vec::new();
    for (_, answer) in answers {
        match groups.iter_mut().find(|(known, _)| same(known, answer)) {
            Some((_, count)) => *count += 1,
            None => groups.push((answer, 1)),
        }
    }
    groups.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let tie = groups.len() > 1 && groups[0].1 == groups[1].1;
    match groups.first() {
        Some((answer, count)) if *count >= quorum && !tie => Ok((*answer).clone()),
        Some((_, count)) if answers.len() >= quorum => {
            Err(Disagreement::Different { same: *count, answers: answers.len(), quorum })
        }
        Some(_) | None => {
            let last = last.map_or_else(|| "they do not have it yet".to_owned(), NodeError::to_string);
            Err(Disagreement::TooFew { answers: answers.len(), quorum, last })
        }
    }
}

/// What an error means for the endpoint's health.
fn blame(health: &Mutex<Health>, error: &NodeError) {
    match error {
        NodeError::Rpc(RpcError::Busy { after }) => health.lock().busy(Instant::now(), *after),
        error if error.blames_endpoint() => health.lock().failed(),
        _ => {}
    }
}
