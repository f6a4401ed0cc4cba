//! The way along a network from the trail's end, and what is caught on it.

use exchequer_chains::node::{NodeError, Panel, PanelError};
use exchequer_chains::scan::{Block, Found, Header, Step, Trail, Watch, scan};
use exchequer_chains::{Coin, NetworkParams};
use exchequer_domain::{Family, Network, OutPoint};
use futures::future::join_all;

use super::commit::{BLOCKS_MAX, Scanned, scanned};
use super::proof::prove;
use super::{Counts, Watched};
use crate::money::words;

/// Blocks that are asked for at a time while it catches up.
const AHEAD_MAX: u64 = 16;

/// What a round finds.
pub(super) struct Catch<'a> {
    pub(super) params: NetworkParams,
    pub(super) counts: &'a Counts,
    pub(super) watched: &'a mut Watched,
    pub(super) found: Vec<Scanned>,
}

impl Catch<'_> {
    /// Blocks that are asked for at a time. What a block of Bitcoin spends may have arrived in the block before it: that is to
    /// be known first.
    fn ahead(&self) -> u64 {
        match self.params.network().family() {
            Family::Bitcoin => 1,
            Family::Evm | Family::Tron => AHEAD_MAX,
        }
    }

    fn look(&self, block: &Block) -> Found {
        scan(block, &Watch { params: self.params, own: &*self.watched, tokens: &self.watched.tokens })
    }

    /// Why a block waits: it holds some of a token of which it is not known with how many decimals it counts.
    fn waits(&self, header: Header, found: &Found) -> Option<String> {
        found.sightings.iter().find_map(|seen| {
            let Coin::Token(token) = &seen.coin else { return None };
            let why = self.watched.uncounted.get(token)?;
            Some(format!("block {} waits, as some of token {token} arrives in it: {why}", header.block.height))
        })
    }

    /// Takes what the next block holds. Whether there is room for another one.
    fn take(&mut self, header: Header, found: Found) -> Result<bool, String> {
        let (one, untold) = scanned(header, found);
        for doubt in &untold {
            tracing::error!("something may have arrived and has no address: {doubt:?}");
        }
        Counts::add(&self.counts.doubts, untold.len());
        if self.params.network() == Network::Bitcoin {
            remember_coins(self.watched, &one)?;
        }
        self.found.push(one);
        Ok(self.found.len() < BLOCKS_MAX)
    }
}

/// Goes along the network from the trail's end, as far as one round may, and catches what is in the blocks that follow. What is
/// found in a block, be it nothing, counts only as a quorum of endpoints has it; the round ends before one that does not. What the
/// first header led to that is no such block; none where the round was full.
pub(super) async fn fetch(
    panel: &Panel,
    trail: &mut Trail,
    head: u64,
    catch: &mut Catch<'_>,
) -> Result<Option<Step>, String> {
    let text = |error: PanelError| error.to_string();
    loop {
        let wanted = trail.wanted(head);
        if wanted <= trail.tip().block.height {
            let asked = panel.first(|node| Box::pin(async move { found(node.header(wanted).await?) }));
            let header = asked.await.map_err(text)?.value;
            match trail.take(head, Some(header)) {
                // The next header to compare is asked for at once: a branch is short, and the trail bounds it.
                Step::Deeper => continue,
                step => return Ok(Some(step)),
            }
        }
        let until = head.min(wanted.saturating_add(catch.ahead() - 1));
        let looking = &*catch;
        let asked = (wanted..=until).map(|height| async move {
            let given = panel.first(move |node| Box::pin(async move { found(node.block(height).await?) })).await?;
            let told = (given.endpoint.clone(), given.value.header());
            Ok((told, panel.agreed_block(given, |block| looking.look(block)).await))
        });
        for answer in join_all(asked).await {
            let ((endpoint, told), agreed) = answer.map_err(text)?;
            // Before the trail takes it: what is not agreed on is met again in the next round. Of a block that does not follow
            // nothing counts; and what an agreed one follows is what the quorum says, not who was asked first.
            if agreed.is_err() {
                panel.find_out(&endpoint, told).await;
            }
            let (header, mut given) = match agreed {
                Ok(agreed) => (agreed.value.0.header(), Some(agreed.value)),
                Err(_) if !follows(trail, told) => (told, None),
                // What was caught before is kept.
                Err(_) if !catch.found.is_empty() => return Ok(None),
                Err(error) => return Err(error.to_string()),
            };
            let waits = given.as_ref().and_then(|(_, seen)| catch.waits(header, seen));
            match waits.filter(|_| follows(trail, header)) {
                Some(_) if !catch.found.is_empty() => return Ok(None),
                Some(why) => return Err(why),
                None => {}
            }
            if follows(trail, header)
                && let Some((Block::Evm(block), seen)) = &mut given
                && let Err(why) =
                    prove(panel, block, seen, (&mut catch.watched.suspects, &mut catch.watched.untold)).await
            {
                return if catch.found.is_empty() { Err(why) } else { Ok(None) };
            }
            match trail.take(head, Some(header)) {
                Step::Advance(_) => {
                    let Some((_, seen)) = given else { return Err("a block was taken unseen".to_owned()) };
                    if !catch.take(header, seen)? {
                        return Ok(None);
                    }
                }
                Step::Deeper => break,
                step => return Ok(Some(step)),
            }
        }
        if trail.wanted(head) == trail.tip().block.height && trail.tip().block.height == head {
            return Ok(None);
        }
    }
}

/// Whether a block is the next one of the trail.
fn follows(trail: &Trail, header: Header) -> bool {
    let tip = trail.tip().block;
    header.parent == tip.hash && header.block.height == tip.height + 1
}

/// What an endpoint has. One that lags behind the others is passed over for the next one.
pub(super) fn found<T>(answer: Option<T>) -> Result<T, NodeError> {
    answer.ok_or_else(|| NodeError::Incomplete("it does not have a block that another endpoint has".to_owned()))
}

fn remember_coins(watched: &mut Watched, block: &Scanned) -> Result<(), String> {
    for seen in &block.sightings {
        if let Ok(exchequer_domain::Place::Output(vout)) = words::place(seen.place.as_ref()) {
            let tx = words::tx(&seen.tx).map_err(|error| error.to_string())?;
            watched.coin(OutPoint { tx, vout });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use exchequer_domain::{BlockHash, BlockRef};

    use super::super::played::{Played, header, panel};
    use super::super::proof::tests as proof;
    use super::*;

    /// Goal: nobody says alone what a block follows: a worker on a branch that was left would stay there, and credit what it saw there.
    /// Method: three nodes give one block; each of them in its turn, whether it is asked first or not, names the left block as its parent.
    #[tokio::test(start_paused = true)]
    async fn a_parent_is_what_a_quorum_says() {
        let nodes = ["one", "two", "three"].map(|name| Arc::new(Played::new(name)));
        let panel = panel(&nodes).await;
        let params = NetworkParams::mainnet(Network::Ethereum);
        let left = Header { block: BlockRef { height: 7, hash: BlockHash([0x77; 32]) }, ..header(7) };
        for (tip, liar) in [(left, Some(0)), (left, Some(1)), (left, Some(2)), (header(7), None)] {
            for (at, node) in nodes.iter().enumerate() {
                let parent = if liar == Some(at) { left.block.hash } else { header(8).parent };
                *node.block.lock() = Some(Header { parent, ..header(8) });
            }
            let mut trail = Trail::new(vec![tip], 8, None).unwrap();
            let (mut watched, counts) = (Watched::new(params), Counts::default());
            let mut catch = Catch { params, counts: &counts, watched: &mut watched, found: Vec::new() };
            // Where the block does not follow, they have no header that the trail could go back by.
            assert_eq!(fetch(&panel, &mut trail, 8, &mut catch).await.is_err(), liar.is_some(), "{liar:?}");
            let found: Vec<Header> = catch.found.iter().map(|one| one.header).collect();
            let expected = if liar.is_some() { vec![] } else { vec![header(8)] };
            assert_eq!((found, trail.tip()), (expected.clone(), *expected.last().unwrap_or(&tip)), "{liar:?}");
        }
    }

    /// Goal: a block of which no quorum tells a token's balances is not taken, with nothing behind it: what was found before it counts, and it
    /// is met again. Method: nodes that agree on a block with a token in it, and on the balances around it or not.
    #[tokio::test(start_paused = true)]
    async fn a_block_waits_for_its_balances() {
        let nodes = ["one", "two"].map(|name| Arc::new(Played::new(name)));
        let panel = panel(&nodes).await;
        let params = NetworkParams::mainnet(Network::Ethereum);
        let (block, expected) = proof::block();
        for node in &nodes {
            *node.block.lock() = Some(block.header);
            *node.inside.lock() = (block.txs.clone(), block.receipts.clone());
        }
        let mut before = Vec::new();
        for (after, found_before) in [(130, false), (129, true), (130, true), (129, false)] {
            *nodes[0].balances.lock() = Some([Some(100), Some(130)]);
            *nodes[1].balances.lock() = Some([Some(100), Some(after)]);
            let mut trail = Trail::new(vec![header(7)], 8, None).unwrap();
            let (mut watched, counts) = (Watched::new(params), Counts::default());
            watched.watch(proof::OURS, proof::TOKEN);
            let found = if found_before { std::mem::take(&mut before) } else { Vec::new() };
            let mut catch = Catch { params, counts: &counts, watched: &mut watched, found };
            let came = fetch(&panel, &mut trail, 8, &mut catch).await;
            let taken = catch.found.last().map(|one| one.sightings.len());
            let told = after == 130;
            assert_eq!(came.is_err(), !told && !found_before, "{came:?}");
            assert_eq!(trail.tip(), if told { header(8) } else { header(7) });
            assert_eq!(catch.found.len(), usize::from(told) + usize::from(found_before));
            assert_eq!(taken.is_some(), told || found_before);
            assert!(taken.is_none_or(|count| count == expected.sightings.len()));
            before = catch.found;
        }
    }
}
