//! Several endpoints of one network.
//!
//! Invariants:
//! - Reads that nothing hangs on go to one endpoint after the other, in the configured order, past those with the score 0.
//! - What money hangs on is asked of all, and holds when as many as the quorum say the same and fewer say anything else. That a
//!   transaction is nowhere holds only if nobody knows it: one that does is right.
//! - A block's name says little of what a node serves under it: what is found in a block, and that nothing is, counts as what
//!   money hangs on.
//! - No provider has two votes.
//! - Who contradicts what was agreed gets the score 0 until it agrees again. Who is in quarantine has no say.
//! - A transaction is sent to all; each answer is kept.

use std::sync::Arc;

use exchequer_domain::{BlockRef, ChainAddress, TxId};
use futures::future::join_all;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::ballot::tally;
use super::{Asking, Broadcast, ChainNode, Disagreement, Fate, Heads, NodeError, PanelError};
use crate::Coin;
use crate::rpc::{Health, HealthRules, Quarantine, RpcError, Sample};
use crate::scan::{Block, Found, Header};

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

    /// The header of a height, as a quorum has it. Who has another one is marked.
    ///
    /// # Errors
    /// [`PanelError::Disagreement`].
    pub async fn agreed_header(&self, height: u64) -> Result<Header, PanelError> {
        let (answers, errors) = self.all(|node| node.header(height)).await;
        // Who does not have it yet neither agrees nor contradicts.
        let answers: Vec<(usize, Header)> =
            answers.into_iter().filter_map(|(at, header)| Some((at, header?))).collect();
        let agreed = tally(&answers, self.quorum, |a, b| a.block == b.block && a.parent == b.parent, errors.last())?;
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

    /// A block that one endpoint gave and what `look` finds in it, as a quorum has it: further endpoints are asked for the block
    /// until as many as the quorum find the same, be it nothing: an endpoint must not hide what arrived either. Who finds
    /// something else is marked. Only a block that proves itself, and in which nothing is found, is taken as it is.
    ///
    /// # Errors
    /// [`PanelError::Disagreement`]: nobody is believed, and everybody asked is named.
    pub async fn agreed_block(
        &self,
        given: Reply<Block>,
        look: impl Fn(&Block) -> Found,
    ) -> Result<Reply<(Block, Found)>, PanelError> {
        let Reply { endpoint, value: block } = given;
        let found = look(&block);
        let named = block.header().block;
        if self.quorum == 1 || (found == Found::default() && block.proves_itself()) {
            return Ok(Reply { endpoint, value: (block, found) });
        }
        let place = |(node, _): &(Arc<dyn ChainNode>, Mutex<Health>)| node.name() == endpoint;
        let mut told = vec![(self.seats.iter().position(place), endpoint.clone(), block, found)];
        let mut last = "no other endpoint can be used".to_owned();
        for (at, (node, health)) in self.seats.iter().enumerate() {
            let may = {
                let health = health.lock();
                health.identified() && health.quarantine().is_none()
            };
            if node.name() == endpoint || !may {
                continue;
            }
            let block = match node.block(named.height).await {
                // Of another branch it says nothing of this block; branches are agreed on by headers.
                Ok(Some(block)) if block.header().block == named => block,
                Ok(_) => {
                    last = format!("{} does not have the block", node.name());
                    continue;
                }
                Err(error) => {
                    blame(health, &error);
                    last = error.to_string();
                    continue;
                }
            };
            let found = look(&block);
            told.push((Some(at), node.name(), block, found));
            let newest = told.len() - 1;
            let same = told.iter().filter(|(_, _, _, found)| *found == told[newest].3).count();
            if same >= self.quorum {
                for (seat, _, _, found) in &told {
                    if let Some(seat) = seat {
                        self.seats[*seat].1.lock().contradicts(*found != told[newest].3);
                    }
                }
                let (_, endpoint, block, found) = told.swap_remove(newest);
                return Ok(Reply { endpoint, value: (block, found) });
            }
        }
        if told.iter().all(|(_, _, _, found)| *found == told[0].3) {
            return Err(Disagreement::TooFew { answers: told.len(), quorum: self.quorum, last }.into());
        }
        let names: Vec<&str> = told.iter().map(|(_, name, _, _)| name.as_str()).collect();
        Err(Disagreement::Contents { height: named.height, endpoints: names.join(", ") }.into())
    }

    /// What became of a transaction, as a quorum knows. Only endpoints count whose last final block, told with the answer, is at
    /// `reached` or above: that one which is behind does not know a transaction says nothing. [`Fate::Unseen`] is agreed on only
    /// where nobody who was asked, however far behind, knows it, nor has an answer that is not whole: who has half of a
    /// transaction knows it.
    ///
    /// # Errors
    /// [`PanelError::Disagreement`].
    pub async fn agreed_fate(&self, tx: TxId, reached: u64) -> Result<Fate, PanelError> {
        let (answers, errors) = self.all(|node| node.fate_and_final(tx)).await;
        let halves = errors.iter().filter(|error| matches!(error, NodeError::Incomplete(_))).count();
        let unseen = answers.iter().filter(|(_, (fate, _))| *fate == Fate::Unseen).count();
        let total = answers.len() + halves;
        let far = answers.into_iter().filter(|(_, (_, last))| last.is_some_and(|height| height >= reached));
        let counted: Vec<(usize, Fate)> = far.map(|(at, (fate, _))| (at, fate)).collect();
        let agreed = tally(&counted, self.quorum, |a, b| a == b, errors.last())?;
        if agreed == Fate::Unseen && unseen < total {
            return Err(Disagreement::Different { same: unseen, answers: total, quorum: self.quorum }.into());
        }
        Ok(agreed)
    }

    /// The same of several transactions at once, each with the height that counts for it, in the same order.
    pub async fn agreed_fates(&self, txs: &[(TxId, u64)]) -> Vec<Result<Fate, PanelError>> {
        let names: Vec<TxId> = txs.iter().map(|(tx, _)| *tx).collect();
        let asked = self.all(|node| {
            let names = names.clone();
            Box::pin(async move { node.fates_and_final(&names).await })
        });
        let (answers, errors) = asked.await;
        let one = |(place, (_, reached)): (usize, &(TxId, u64))| {
            let told = |fates: &super::Fates| fates.get(place).cloned();
            let mut counted = Vec::new();
            let (mut unseen, mut total, mut last) = (0, 0, errors.last().cloned());
            // A whole answer that is incomplete may hide that its endpoint knows the transaction.
            total += errors.iter().filter(|error| matches!(error, NodeError::Incomplete(_))).count();
            for (at, (fates, height)) in &answers {
                match told(fates) {
                    Some(Ok(fate)) => {
                        total += 1;
                        unseen += usize::from(fate == Fate::Unseen);
                        if height.is_some_and(|height| height >= *reached) {
                            counted.push((*at, fate));
                        }
                    }
                    Some(Err(error)) => {
                        total += usize::from(matches!(error, NodeError::Incomplete(_)));
                        last = Some(error);
                    }
                    None => total += 1,
                }
            }
            let agreed = tally(&counted, self.quorum, |a, b| a == b, last.as_ref())?;
            if agreed == Fate::Unseen && unseen < total {
                return Err(Disagreement::Different { same: unseen, answers: total, quorum: self.quorum }.into());
            }
            Ok(agreed)
        };
        txs.iter().enumerate().map(one).collect()
    }

    /// What addresses have as of a block, in the same order, as a quorum says. Of TRON, and of Bitcoin, as of now: endpoints that
    /// are not at the block have no say.
    ///
    /// # Errors
    /// [`PanelError::Disagreement`].
    pub async fn agreed_balances(&self, of: &[(ChainAddress, Coin)], at: Header) -> Result<Vec<u128>, PanelError> {
        let asked = self.all(|node| {
            let of = of.to_vec();
            Box::pin(async move { node.balances(&of, at).await })
        });
        let (answers, errors) = asked.await;
        let whole: Vec<(usize, Vec<u128>)> = answers.into_iter().filter(|(_, all)| all.len() == of.len()).collect();
        Ok(tally(&whole, self.quorum, |a, b| a == b, errors.last())?)
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
