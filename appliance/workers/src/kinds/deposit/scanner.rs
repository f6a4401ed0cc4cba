//! The scanner: one round after the other, from the state's cursor towards the network's head.

use std::sync::Arc;

use exchequer_chains::NetworkParams;
use exchequer_chains::node::{Disagreement, NodeError, Panel, PanelError};
use exchequer_chains::scan::{Block, Found, Halt, Header, Step, Trail, Wait, Watch, scan};
use exchequer_domain::{BlockHash, BlockRef, Family, Network, OutPoint};
use futures::future::join_all;

use super::super::nodes::{self, Nodes};
use super::commit::{BLOCKS_MAX, Heights, Scanned, commands, scanned};
use super::{Counts, Watched};
use crate::money::proto::{NetworkReply, change_request, done};
use crate::money::{Changed, Link, Requests, change, proto, words};

/// Blocks that are asked for at a time while it catches up.
const AHEAD_MAX: u64 = 16;
/// Blocks that are remembered of the state's.
const TRAIL_BLOCKS: u32 = 20_000;
/// So far below the end of the trail a height is looked for on which endpoints agree.
const AGREED_STEPS: [u64; 9] = [0, 1, 2, 4, 8, 16, 32, 64, 128];

/// What a round came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Round {
    /// There is more to do at once.
    More,
    /// Nothing is new.
    Idle,
}

/// How a network stands, as the state has it: made anew whenever that is in doubt.
struct Place {
    config: NetworkReply,
    panel: Panel,
    trail: Option<Trail>,
    agreed: u64,
}

/// The scanner of one network.
pub struct Scanner {
    network: Network,
    link: Arc<dyn Link>,
    nodes: Nodes,
    requests: Requests,
    counts: Arc<Counts>,
    place: Option<Place>,
    watched: Option<Watched>,
}

impl Scanner {
    /// One that knows nothing yet.
    #[must_use]
    pub fn new(
        network: Network,
        link: Arc<dyn Link>,
        nodes: Nodes,
        requests: Requests,
        counts: Arc<Counts>,
    ) -> Scanner {
        Scanner { network, link, nodes, requests, counts, place: None, watched: None }
    }

    /// The state's cursor is to be read anew. Addresses stay: what was an address of the exchange's remains one.
    pub fn forget(&mut self) {
        if let Some(place) = &mut self.place {
            place.trail = None;
        }
        if let Some(watched) = &mut self.watched {
            watched.forget_coins();
        }
    }

    /// Does what can be done now.
    ///
    /// # Errors
    /// Why not, for people; after [`Scanner::forget`] it can be tried again.
    pub async fn round(&mut self) -> Result<Round, String> {
        let config = self.link.network().await.map_err(|error| error.to_string())?;
        let params = nodes::params(self.network, config.test);
        if self.place.as_ref().is_none_or(|place| place.config.version != config.version) {
            let made = (self.nodes)(&params, &config)?;
            let panel = nodes::panel(made, config.test)?;
            self.place = Some(Place { config: config.clone(), panel, trail: None, agreed: 0 });
        }
        let Some(place) = &mut self.place else { return Err("it has no nodes".to_owned()) };
        place.config = config;
        place.panel.refresh().await;
        let head = place.panel.best_head();
        Counts::set(&self.counts.head, head);
        let watched = self.watched.get_or_insert_with(|| Watched::new(params));
        watched.follow(&*self.link, &place.config).await?;
        Counts::set(&self.counts.addresses, watched.len() as u64);
        if place.trail.is_none() {
            let (trail, agreed) = begin(&*self.link, &place.panel).await?;
            (place.trail, place.agreed) = (Some(trail), agreed);
        }
        let Some(trail) = &mut place.trail else { return Err("it has no trail".to_owned()) };
        let parent = trail.tip().block;
        Counts::set(&self.counts.cursor, parent.height);

        let mut catch = Catch { params, counts: &self.counts, watched, found: Vec::new() };
        let step = fetch(&place.panel, trail, head, &mut catch).await?;
        let found = catch.found;
        if !found.is_empty() {
            // What leads off the trail is met again in the next round, from the state's own cursor.
            let tip = trail.tip().block;
            self.commit(parent, head, &found).await?;
            if found.last().is_some_and(|last| last.header.block != tip) {
                self.forget();
            }
            return Ok(Round::More);
        }
        match step {
            Some(Step::Rewind { to, dropped }) => self.rewind(to, dropped.first().copied(), parent).await,
            Some(Step::Halt(halt)) => self.halt(halt, parent).await,
            Some(Step::Deeper) => Ok(Round::More),
            Some(Step::Wait(Wait::NoNewer)) | None => Ok(Round::Idle),
            Some(Step::Wait(wait)) => Err(wait.to_string()),
            Some(Step::Advance(_)) => Ok(Round::More),
        }
    }

    async fn commit(&mut self, parent: BlockRef, head: u64, found: &[Scanned]) -> Result<(), String> {
        let Some(place) = &mut self.place else { return Err("it has no nodes".to_owned()) };
        let Some(trail) = &mut place.trail else { return Err("it has no trail".to_owned()) };
        let agreed = agreed(&place.panel, trail, place.agreed).await?;
        let finalized = match place.panel.agreed_final().await {
            // One on another branch says nothing of ours.
            Ok(header) => trail.finalise(header.block).then_some(header.block.height),
            Err(_) => None,
        };
        for command in commands(parent, found, Heights { head, finalized, agreed }) {
            let asked = change_request::Change::CommitBlocks(command);
            match change(&*self.link, &self.requests, asked).await {
                Changed::Done(done::Done::Tip(tip)) => Counts::set(&self.counts.cursor, tip.height),
                Changed::Done(other) => return Err(format!("a commit came to something else: {other:?}")),
                Changed::Refused { code, message } => {
                    Counts::add(&self.counts.refused, 1);
                    return Err(format!("blocks were not taken ({code}): {message}"));
                }
                Changed::Unknown(why) => return Err(format!("whether blocks were taken is not known: {why}")),
            }
        }
        place.agreed = agreed;
        Counts::set(&self.counts.agreed, agreed);
        Counts::add(&self.counts.blocks, found.len());
        Counts::add(&self.counts.sightings, found.iter().map(|block| block.sightings.len()).sum());
        Ok(())
    }

    /// One endpoint has left our branch. Only where a quorum has as well, the state is told.
    async fn rewind(&mut self, to: BlockRef, ours: Option<BlockRef>, from: BlockRef) -> Result<Round, String> {
        let Some(place) = &self.place else { return Err("it has no nodes".to_owned()) };
        let above = place.panel.agreed_header(to.height + 1).await;
        let above = above.map_err(|error| format!("the branch was left above block {}, and {error}", to.height))?;
        if Some(above.block) == ours || above.parent != to.hash {
            // The one that left it is marked by now, and is not asked first any more.
            return Err(format!("an endpoint left the branch above block {}, and the others did not", to.height));
        }
        self.tell_rewind(from, to).await
    }

    /// The branch is left where the state takes nothing back: it is told all the same, and halts. A quorum says so.
    async fn halt(&mut self, halt: Halt, from: BlockRef) -> Result<Round, String> {
        let Some(place) = &self.place else { return Err("it has no nodes".to_owned()) };
        let height = match halt {
            Halt::BelowFinal(height) | Halt::Forgotten(height) => height,
        };
        let cursor = self.link.cursor(TRAIL_BLOCKS).await.map_err(|error| error.to_string())?;
        let ours = cursor.blocks.iter().find(|block| block.height == height);
        let ours = words::block(ours).map_err(|_| halt.to_string())?;
        let agreed = place.panel.agreed_header(height).await.map_err(|error| format!("{halt}, and {error}"))?;
        if agreed.block == ours {
            return Err(format!("an endpoint says that {halt}; the others do not"));
        }
        let hash = agreed.parent;
        self.tell_rewind(from, BlockRef { height: height.saturating_sub(1), hash }).await
    }

    async fn tell_rewind(&mut self, from: BlockRef, to: BlockRef) -> Result<Round, String> {
        let (from, to) = (Some(words::of_block(from)), Some(words::of_block(to)));
        let asked = change_request::Change::RewindBlocks(proto::RewindBlocks { from, to });
        let changed = change(&*self.link, &self.requests, asked).await;
        self.forget();
        match changed {
            Changed::Done(done::Done::Tip(_)) => {
                Counts::add(&self.counts.rewinds, 1);
                Ok(Round::More)
            }
            Changed::Done(_) => Err("the network stands still: two persons decide how it goes on".to_owned()),
            Changed::Refused { code, message } => Err(format!("a rewind was not taken ({code}): {message}")),
            Changed::Unknown(why) => Err(format!("whether a rewind was taken is not known: {why}")),
        }
    }
}

/// What a round finds.
struct Catch<'a> {
    params: NetworkParams,
    counts: &'a Counts,
    watched: &'a mut Watched,
    found: Vec<Scanned>,
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
async fn fetch(panel: &Panel, trail: &mut Trail, head: u64, catch: &mut Catch<'_>) -> Result<Option<Step>, String> {
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
            let header = given.value.header();
            Ok((header, panel.agreed_block(given, |block| looking.look(block)).await))
        });
        for answer in join_all(asked).await {
            let (header, agreed) = answer.map_err(text)?;
            // Before the trail takes it: what is not agreed on is met again in the next round. Of a block that does not follow
            // nothing counts.
            let given = match agreed {
                Ok(agreed) => Some(agreed.value.1),
                Err(_) if !follows(trail, header) => None,
                // What was caught before is kept.
                Err(_) if !catch.found.is_empty() => return Ok(None),
                Err(error) => return Err(error.to_string()),
            };
            match trail.take(head, Some(header)) {
                Step::Advance(_) => {
                    let Some(seen) = given else { return Err("a block was taken unseen".to_owned()) };
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
fn found<T>(answer: Option<T>) -> Result<T, NodeError> {
    answer.ok_or_else(|| NodeError::Incomplete("it does not have a block that another endpoint has".to_owned()))
}

/// The trail that the state's cursor leaves, and the height that was agreed on last. Where nothing was scanned yet, it begins with
/// what is final: nobody had an address before.
async fn begin(link: &dyn Link, panel: &Panel) -> Result<(Trail, u64), String> {
    let cursor = link.cursor(TRAIL_BLOCKS).await.map_err(|error| error.to_string())?;
    if cursor.halted {
        return Err("the network stands still: two persons decide how it goes on".to_owned());
    }
    if cursor.tip.is_none() {
        let first = panel.agreed_final().await.map_err(|error| format!("there is no block to begin with: {error}"))?;
        let trail = Trail::new(vec![first], TRAIL_BLOCKS as usize, Some(first.block));
        return trail.map(|trail| (trail, 0)).ok_or_else(|| "there is no block to begin with".to_owned());
    }
    let mut headers: Vec<Header> = Vec::with_capacity(cursor.blocks.len());
    for known in cursor.blocks.iter().rev() {
        let block = words::block(Some(known)).map_err(|error| error.to_string())?;
        // Of the first one the parent is not known, and is never compared.
        let parent = headers.last().map_or(BlockHash([0; 32]), |before| before.block.hash);
        headers.push(Header { block, parent, time_ms: 0 });
    }
    let settled = headers.iter().rev().find(|header| header.block.height <= cursor.settled).map(|header| header.block);
    let trail = Trail::new(headers, TRAIL_BLOCKS as usize, settled);
    let trail = trail.ok_or_else(|| "the node's cursor has gaps".to_owned())?;
    Ok((trail, cursor.agreed))
}

/// The highest height on which a quorum has the same blocks as the trail. A block names its parent: who agrees on one agrees
/// on all below it.
async fn agreed(panel: &Panel, trail: &Trail, before: u64) -> Result<u64, String> {
    let tip = trail.tip().block.height;
    let mut last: Option<PanelError> = None;
    for step in AGREED_STEPS {
        let Some(height) = tip.checked_sub(step).filter(|height| *height > before || step == 0) else { break };
        let Some(ours) = trail.headers().find(|header| header.block.height == height) else { break };
        match panel.agreed_header(height).await {
            Ok(agreed) if agreed.block == ours.block => return Ok(height),
            Ok(_) => return Err(format!("endpoints agree on another block {height} than was scanned")),
            Err(error) => last = Some(error),
        }
    }
    match last {
        // Those that lag have no say yet; what was agreed on stays so.
        Some(PanelError::Disagreement(Disagreement::TooFew { .. })) | None => Ok(before.min(tip)),
        Some(error) => Err(error.to_string()),
    }
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
