//! Several endpoints of one network.
//!
//! Invariants:
//! - Reads that nothing hangs on go to one endpoint after the other, in the configured order, past those with the score 0.
//! - What money hangs on is asked of all, and holds when as many as the quorum say the same and fewer say anything else. That a
//!   transaction is nowhere holds only if nobody knows it: one that does is right.
//! - A block's name says little of what a node serves under it: what is found in a block, that nothing is, and what the block
//!   follows count as what money hangs on.
//! - No provider has two votes.
//! - Who contradicts what was agreed gets the score 0 until it agrees again, or nobody else is left. Who is in quarantine has no say.
//! - A transaction is sent to all; each answer is kept.

mod agree;

use std::sync::Arc;

use exchequer_domain::{BlockRef, TxId};
use futures::future::join_all;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::{Asking, Broadcast, ChainNode, Heads, NodeError, PanelError};
use crate::rpc::{Health, HealthRules, Quarantine, RpcError, Sample};

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
    /// [`PanelError::Quorum`]; [`PanelError::OneProvider`].
    pub fn new(nodes: Vec<Arc<dyn ChainNode>>, rules: HealthRules, quorum: usize) -> Result<Panel, PanelError> {
        if quorum == 0 || quorum > nodes.len() {
            return Err(PanelError::Quorum { quorum, endpoints: nodes.len() });
        }
        for (at, node) in nodes.iter().enumerate() {
            if let Some(twin) = nodes[..at].iter().find(|twin| twin.provider() == node.provider()) {
                return Err(PanelError::OneProvider { first: twin.name(), second: node.name() });
            }
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
        // Where nobody else is left, those that contradicted what was agreed on, one after the other, are asked again: nobody could ever
        // agree otherwise. What money hangs on is a quorum's whoever is asked first.
        let (now, best) = (Instant::now(), self.best_head());
        if self.seats.iter().all(|(_, health)| health.lock().score(now, best) == 0) {
            self.seats.iter().for_each(|(_, health)| health.lock().forgive());
        }
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

    /// The highest head that a quorum of those that can be believed have reached: one that claims more than the others makes
    /// none of them lag. Where they are fewer than the quorum, the lowest head; 0 of none.
    #[must_use]
    pub fn best_head(&self) -> u64 {
        let heads = self.seats.iter().filter_map(|(_, health)| {
            let health = health.lock();
            health.head().filter(|_| health.credible())
        });
        let mut heads: Vec<u64> = heads.collect();
        heads.sort_unstable_by_key(|head| std::cmp::Reverse(*head));
        heads.get(self.quorum - 1).or(heads.last()).copied().unwrap_or(0)
    }

    /// The highest height that a quorum of those that can be believed call final; none where fewer know of one.
    #[must_use]
    pub fn best_final(&self) -> Option<u64> {
        let known = self.seats.iter().filter_map(|(_, health)| {
            let health = health.lock();
            health.finalized().filter(|_| health.credible())
        });
        let mut heights: Vec<u64> = known.map(|block| block.height).collect();
        heights.sort_unstable_by_key(|height| std::cmp::Reverse(*height));
        heights.get(self.quorum - 1).copied()
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

    /// What each endpoint that has a say answers, by its place, and why the others of them do not.
    pub async fn all<T>(
        &self,
        ask: impl for<'a> Fn(&'a dyn ChainNode) -> Asking<'a, T>,
    ) -> (Vec<(usize, T)>, Vec<NodeError>) {
        let asked = self.seats.iter().enumerate().filter(|(_, (_, health))| {
            let health = health.lock();
            health.identified() && health.quarantine().is_none()
        });
        let answers = asked.map(|(at, (node, _))| {
            let asking = ask(node.as_ref());
            async move { (at, asking.await) }
        });
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        for (at, answer) in join_all(answers).await {
            match answer {
                Ok(value) => good.push((at, value)),
                Err(error) => {
                    blame(&self.seats[at].1, &error);
                    bad.push(error);
                }
            }
        }
        (good, bad)
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

/// What an error means for the endpoint's health.
fn blame(health: &Mutex<Health>, error: &NodeError) {
    match error {
        NodeError::Rpc(RpcError::Busy { after }) => health.lock().busy(Instant::now(), *after),
        error if error.blames_endpoint() => health.lock().failed(),
        _ => {}
    }
}
