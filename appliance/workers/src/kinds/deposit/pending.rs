//! What waits for a block: shown to users, and credited to nobody.
//!
//! Bitcoin only, where a block can take an hour. One node's pool is believed, since nothing hangs on it; that a payment will never
//! come, because another one took its coins, counts only where a quorum knows nothing of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use exchequer_chains::node::{Fate, Panel};
use exchequer_chains::scan::{Block, Found};
use exchequer_domain::TxId;
use tokio::time::Instant;

use super::commit::{SIGHTINGS_MAX, sightings};
use crate::money::proto;

/// Between two looks at the pool.
const PAUSE: Duration = Duration::from_secs(5);
/// Payments that are asked about in one look because they are in the pool no more.
const GONE_MAX: usize = 50;

/// What is known of the pool.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// Names of what was looked at.
    seen: Arc<BTreeSet<TxId>>,
    /// What the state believes to wait.
    noted: BTreeSet<TxId>,
    next: Option<Instant>,
}

impl Pending {
    /// With what the state believes.
    pub(super) fn of(noted: BTreeSet<TxId>) -> Pending {
        Pending { noted, ..Pending::default() }
    }

    /// What is to be told to the state now, of what `look` finds. An empty answer is none.
    pub(super) async fn look(
        &mut self,
        panel: &Panel,
        look: impl Fn(&Block) -> Found,
    ) -> Result<Vec<proto::NotePending>, String> {
        let now = Instant::now();
        if self.next.is_some_and(|next| now < next) {
            return Ok(Vec::new());
        }
        self.next = Some(now + PAUSE);
        let asked = panel.first(|node| {
            let seen = self.seen.clone();
            Box::pin(async move { node.waiting(&seen).await })
        });
        let Some(waiting) = asked.await.map_err(|error| error.to_string())?.value else { return Ok(Vec::new()) };
        let told = sightings(&look(&waiting.fresh));
        let gone: Vec<TxId> = self.noted.difference(&waiting.names).take(GONE_MAX).copied().collect();
        let mut replaced = Vec::new();
        for tx in gone {
            match panel.agreed_fate(tx, 0).await {
                Ok(Fate::Unseen) => replaced.push(tx),
                // The scan meets it in its block.
                Ok(Fate::Included { .. }) => {
                    self.noted.remove(&tx);
                }
                Ok(Fate::Pending) | Err(_) => {}
            }
        }
        let looked: BTreeSet<TxId> = waiting.fresh.transactions().into_iter().collect();
        let seen = self.seen.union(&looked).filter(|tx| waiting.names.contains(tx)).copied().collect();
        self.seen = Arc::new(seen);
        let mut changes: Vec<proto::NotePending> = told
            .chunks(SIGHTINGS_MAX)
            .map(|some| proto::NotePending { sightings: some.to_vec(), ..proto::NotePending::default() })
            .collect();
        if !replaced.is_empty() {
            let replaced = replaced.iter().map(|tx| tx.0.to_vec()).collect();
            changes.push(proto::NotePending { replaced, ..proto::NotePending::default() });
        }
        Ok(changes)
    }

    /// The state has taken it.
    pub(super) fn taken(&mut self, change: &proto::NotePending) {
        let tx = |bytes: &Vec<u8>| crate::money::words::tx(bytes).ok();
        self.noted.extend(change.sightings.iter().filter_map(|seen| tx(&seen.tx)));
        for gone in change.replaced.iter().filter_map(tx) {
            self.noted.remove(&gone);
        }
    }
}

#[cfg(test)]
mod tests {
    use exchequer_chains::Coin;
    use exchequer_chains::evm::text;
    use exchequer_chains::scan::Sighting;
    use exchequer_domain::Place;

    use super::super::played::{Played, panel};
    use super::*;

    fn tx(number: u8) -> TxId {
        TxId([number; 32])
    }

    /// Every transaction of an odd number pays us.
    fn look(block: &Block) -> Found {
        let seen = |tx: TxId| Sighting {
            tx,
            place: Place::Output(0),
            address: text(&[1; 20]),
            coin: Coin::Native,
            amount: 7,
            from_own: false,
            coinbase: false,
        };
        let ours = block.transactions().into_iter().filter(|tx| tx.0[0] % 2 == 1);
        Found { sightings: ours.map(seen).collect(), ..Found::default() }
    }

    /// What one look tells and the state takes: payments seen, and payments that will never come.
    async fn told(pending: &mut Pending, panel: &Panel) -> (Vec<u8>, Vec<u8>) {
        let (mut seen, mut replaced) = (Vec::new(), Vec::new());
        tokio::time::advance(PAUSE).await;
        for change in pending.look(panel, look).await.unwrap() {
            seen.extend(change.sightings.iter().map(|seen| seen.tx[0]));
            replaced.extend(change.replaced.iter().map(|tx| tx[0]));
            pending.taken(&change);
        }
        (seen, replaced)
    }

    /// Goal: a payment that waits is told once; one in whose place another came is told as replaced, once a quorum knows nothing of
    /// it and not before; one that came into a block is the scan's; what the state believed before a restart counts. Method: pools
    /// that change.
    #[tokio::test(start_paused = true)]
    async fn what_waits_is_told_and_what_was_replaced() {
        let nodes = [std::sync::Arc::new(Played::new("one")), std::sync::Arc::new(Played::new("two"))];
        let panel = panel(&nodes).await;
        let pools = |pool: &[u8]| {
            nodes.iter().for_each(|node| *node.pool.lock() = pool.iter().map(|number| tx(*number)).collect());
        };
        let mut pending = Pending::of(BTreeSet::from([tx(9)]));
        pools(&[1, 2, 3, 5]);
        assert_eq!(told(&mut pending, &panel).await, (vec![1, 3, 5], vec![9]));
        assert_eq!(told(&mut pending, &panel).await, (vec![], vec![]));
        assert_eq!(pending.look(&panel, look).await.unwrap(), [], "not so soon again");
        // 1 is replaced by 7; the second node still has it.
        pools(&[2, 3, 5, 7]);
        nodes[1].pool.lock().insert(tx(1));
        assert_eq!(told(&mut pending, &panel).await, (vec![7], vec![]));
        nodes[1].pool.lock().remove(&tx(1));
        // 3 comes into a block.
        pools(&[2, 5, 7]);
        nodes.iter().for_each(|node| *node.mined.lock() = BTreeSet::from([tx(3)]));
        assert_eq!(told(&mut pending, &panel).await, (vec![], vec![1]));
        assert_eq!(pending.noted, BTreeSet::from([tx(5), tx(7)]));
        // What was replaced comes back.
        pools(&[1, 2, 5]);
        assert_eq!(told(&mut pending, &panel).await, (vec![1], vec![7]));
    }
}
