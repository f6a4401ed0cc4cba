//! What a quorum of a panel's endpoints says.

use std::sync::Arc;

use exchequer_domain::{ChainAddress, TxId};
use parking_lot::Mutex;

use super::{Panel, Reply, blame};
use crate::Coin;
use crate::node::ballot::tally;
use crate::node::{Account, ChainNode, Disagreement, Fate, Fates, NodeError, PanelError};
use crate::rpc::{Health, RpcError};
use crate::scan::{Block, Found, Header};

impl Panel {
    /// The header of a height, as a quorum has it, its time included: not every network's names can be computed from what nodes
    /// give, and a time decides when a payment is over. Who has another one is marked.
    ///
    /// # Errors
    /// [`PanelError::Disagreement`].
    pub async fn agreed_header(&self, height: u64) -> Result<Header, PanelError> {
        let (answers, agreed) = self.headers(height).await;
        let agreed = agreed?;
        for (at, header) in &answers {
            self.seats[*at].1.lock().contradicts(height, *header != agreed);
        }
        Ok(agreed)
    }

    /// What each endpoint that has a header of a height says it is, by its place, and what a quorum says.
    async fn headers(&self, height: u64) -> (Vec<(usize, Header)>, Result<Header, Disagreement>) {
        let (answers, errors) = self.all(|node| node.header(height)).await;
        // Who does not have it yet neither agrees nor contradicts.
        let answers: Vec<(usize, Header)> =
            answers.into_iter().filter_map(|(at, header)| Some((at, header?))).collect();
        let agreed = tally(&answers, self.quorum, |a, b| a == b, errors.last());
        (answers, agreed)
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
    /// until as many as the quorum have the same header, its parent included, and find the same, be it nothing: an endpoint must
    /// neither hide what arrived nor say alone what a block follows. Who has something else is marked. Only a block that proves
    /// itself, and in which nothing is found, is taken as it is. What was given may be another one than what is agreed on.
    ///
    /// # Errors
    /// [`PanelError::Disagreement`]: nobody is believed, and everybody asked is named. [`Panel::find_out`] says who is not asked first
    /// the next time.
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
        let alike = |a: &(Block, Found), b: &(Block, Found)| a.0.header() == b.0.header() && a.1 == b.1;
        let place = |(node, _): &(Arc<dyn ChainNode>, Mutex<Health>)| node.name() == endpoint;
        let mut told = vec![(self.seats.iter().position(place), endpoint.clone(), (block, found))];
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
            told.push((Some(at), node.name(), (block, found)));
            let newest = told.len() - 1;
            let same = told.iter().filter(|(_, _, one)| alike(one, &told[newest].2)).count();
            if same >= self.quorum {
                for (seat, _, one) in &told {
                    if let Some(seat) = seat {
                        self.seats[*seat].1.lock().contradicts(named.height, !alike(one, &told[newest].2));
                    }
                }
                let (_, endpoint, value) = told.swap_remove(newest);
                return Ok(Reply { endpoint, value });
            }
        }
        if told.iter().all(|(_, _, one)| alike(one, &told[0].2)) {
            return Err(Disagreement::TooFew { answers: told.len(), quorum: self.quorum, last }.into());
        }
        let names: Vec<&str> = told.iter().map(|(_, name, _)| name.as_str()).collect();
        Err(Disagreement::Contents { height: named.height, endpoints: names.join(", ") }.into())
    }

    /// Has whoever gave a block on which the others did not agree passed over from now on, where a quorum has another one at its height,
    /// whatever header it tells itself: it would be asked first again and again. Nobody is let off by it: of two that do the same each
    /// would let the other one off.
    pub async fn find_out(&self, endpoint: &str, told: Header) {
        let height = told.block.height;
        match self.headers(height).await.1 {
            Ok(right) if right != told => {
                for (_, health) in self.seats.iter().filter(|(node, _)| node.name() == endpoint) {
                    health.lock().contradicts(height, true);
                }
            }
            Ok(_) => {}
            Err(why) => tracing::debug!("who is right about block {height} is not known: {why}"),
        }
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
            let told = |fates: &Fates| fates.get(place).cloned();
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

    /// The next nonce of an account at the head of the chain, and at its last final block: each is the highest that as many as the
    /// quorum have reached, so that whoever claims more than the others raises neither, and whoever is behind lowers neither. The
    /// second is 0 where fewer know of a final block.
    ///
    /// # Errors
    /// [`PanelError::Disagreement`]: too few, where fewer than the quorum answer.
    pub async fn reached_nonces(&self, of: &ChainAddress) -> Result<(u64, u64), PanelError> {
        let (answers, errors) = self
            .all(|node| {
                let of = of.clone();
                Box::pin(async move { node.account(&of).await })
            })
            .await;
        let (mut heads, mut finals): (Vec<u64>, Vec<u64>) = (Vec::new(), Vec::new());
        for (_, account) in answers {
            match account {
                Account::Evm { latest, finalized, .. } => {
                    heads.push(latest);
                    finals.extend(finalized);
                }
                Account::Tron(_) => return Err(PanelError::None),
            }
        }
        let reached = |mut all: Vec<u64>| {
            all.sort_unstable_by_key(|nonce| std::cmp::Reverse(*nonce));
            all.get(self.quorum - 1).copied()
        };
        let (answers, quorum) = (heads.len(), self.quorum);
        let last = errors.last().map_or_else(|| "too few can be used".to_owned(), ToString::to_string);
        let head = reached(heads).ok_or(Disagreement::TooFew { answers, quorum, last })?;
        Ok((head, reached(finals).unwrap_or(0)))
    }

    /// What addresses have as of a block, in the same order, as a quorum says; none of a token whose contract tells no amount. Of
    /// TRON, and of Bitcoin, as of now: endpoints that are not at the block have no say.
    ///
    /// # Errors
    /// [`PanelError::Disagreement`]; [`PanelError::Forgotten`] where those that may still know it are fewer than a quorum,
    /// [`PanelError::Refused`] where those that may still say it are.
    pub async fn agreed_balances(
        &self,
        of: &[(ChainAddress, Coin)],
        at: Header,
    ) -> Result<Vec<Option<u128>>, PanelError> {
        let asked = self.all(|node| {
            let of = of.to_vec();
            Box::pin(async move { node.balances(&of, at).await })
        });
        let (answers, errors) = asked.await;
        let whole: Vec<(usize, Vec<Option<u128>>)> =
            answers.into_iter().filter(|(_, all)| all.len() == of.len()).collect();
        let forgotten = errors.iter().filter(|error| **error == NodeError::Pruned).count();
        if self.seats.len() < self.quorum + forgotten {
            return Err(PanelError::Forgotten);
        }
        // Who is away, or too busy, refuses nothing.
        let refuses =
            |error: &&NodeError| matches!(error, NodeError::Pruned | NodeError::Rpc(RpcError::Refused { .. }));
        if self.seats.len() < self.quorum + errors.iter().filter(refuses).count() {
            let last = errors.iter().rfind(refuses).map_or_else(String::new, ToString::to_string);
            return Err(PanelError::Refused(last));
        }
        Ok(tally(&whole, self.quorum, |a, b| a == b, errors.last())?)
    }

    /// With how many decimals a token's contract counts, as a quorum says it now; none where it does not tell, or is not there. Who
    /// says another number is marked.
    ///
    /// # Errors
    /// [`PanelError::Disagreement`].
    pub async fn agreed_decimals(&self, token: &ChainAddress) -> Result<Option<u8>, PanelError> {
        let asked = self.all(|node| {
            let token = token.clone();
            Box::pin(async move { node.decimals(&token).await })
        });
        let (answers, errors) = asked.await;
        let agreed = tally(&answers, self.quorum, |a, b| a == b, errors.last())?;
        // Who agrees on this may contradict the others about a block.
        for (at, _) in answers.iter().filter(|(_, told)| agreed.is_some() && told.is_some() && *told != agreed) {
            self.seats[*at].1.lock().contradicts(0, true);
        }
        Ok(agreed)
    }
}
