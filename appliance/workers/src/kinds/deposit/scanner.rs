//! The scanner: one round after the other, from the state's cursor towards the network's head.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use exchequer_chains::node::{Disagreement, Panel, PanelError};
use exchequer_chains::scan::{Block, Halt, Header, Step, Trail, Wait, Watch, scan};
use exchequer_domain::{BlockHash, BlockRef, Code, Family, Network, TxId};
use tokio::time::Instant;

use super::super::decimals::{Decimals, Looked};
use super::super::nodes::{self, Nodes};
use super::commit::{Heights, Scanned, commands};
use super::pending::Pending;
use super::pulse::Pulse;
use super::unused::Unused;
use super::walk::{Catch, fetch};
use super::{Counts, Watched};
use crate::money::proto::{NetworkReply, change_request, done};
use crate::money::{Changed, Link, Requests, change, proto, words};

/// Blocks that are remembered of the state's.
const TRAIL_BLOCKS: u32 = 20_000;
/// So far below the end of the trail a height is looked for on which endpoints agree.
const AGREED_STEPS: [u64; 9] = [0, 1, 2, 4, 8, 16, 32, 64, 128];

/// So often the state is told that nothing is above what was scanned: it counts how long ago that was.
const AT_HEAD_AGAIN: Duration = Duration::from_secs(30);

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
    pending: Pending,
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
    /// Where the addresses may lie from before.
    file: Option<PathBuf>,
    pulse: Pulse,
    /// When the state was last told that nothing is above what was scanned.
    told_at_head: Option<Instant>,
    decimals: Decimals,
    unused: Unused,
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
        let (place, watched, file, pulse, told_at_head) = (None, None, None, Pulse::new(network), None);
        let (decimals, unused) = (Decimals::default(), Unused::default());
        Scanner { network, link, nodes, requests, counts, place, watched, file, pulse, told_at_head, decimals, unused }
    }

    /// It begins with the addresses in a file, where there is one.
    #[must_use]
    pub fn with_file(mut self, file: PathBuf) -> Scanner {
        self.file = Some(file);
        self
    }

    /// What people should know of the network; empty where there is nothing.
    #[must_use]
    pub fn concern(&self) -> String {
        // A test network has a block when somebody makes one.
        let test = self.place.as_ref().is_none_or(|place| place.config.test);
        let silence = if test { String::new() } else { self.pulse.concern() };
        if silence.is_empty() { self.unused.concern() } else { silence }
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
        let terms = |config: &NetworkReply| (config.version, config.traces, config.roots_off);
        if self.place.as_ref().is_none_or(|place| terms(&place.config) != terms(&config)) {
            let made = (self.nodes)(&params, &config)?;
            let panel = nodes::panel(made, config.test)?;
            self.place =
                Some(Place { config: config.clone(), panel, trail: None, agreed: 0, pending: Pending::default() });
        }
        let Some(place) = &mut self.place else { return Err("it has no nodes".to_owned()) };
        place.config = config;
        place.panel.refresh().await;
        self.unused.look(&place.panel.seats());
        let head = place.panel.best_head();
        Counts::set(&self.counts.head, head);
        self.pulse.beat(head, place.panel.best_final());
        if self.watched.is_none() {
            let read = |file: PathBuf| tokio::task::spawn_blocking(move || Watched::open(params, &file));
            let opened = match self.file.clone() {
                Some(file) => read(file).await.map_err(|error| error.to_string())?,
                None => Watched::new(params),
            };
            self.watched = Some(opened);
        }
        let Some(watched) = &mut self.watched else { return Err("it watches nothing".to_owned()) };
        watched.follow(&*self.link, &place.config).await?;
        let Looked { wrong, uncounted } = self.decimals.look(&place.panel, &place.config).await?;
        watched.uncounted = uncounted;
        // Before any block: the state counts nothing of such a token from then on.
        for doubt in wrong {
            tell_doubt(&*self.link, &self.requests, doubt).await?;
        }
        Counts::set(&self.counts.addresses, watched.len() as u64);
        if place.trail.is_none() {
            let (trail, agreed, pending) = begin(&*self.link, &place.panel).await?;
            (place.trail, place.agreed, place.pending) = (Some(trail), agreed, Pending::of(pending));
        }
        let Some(trail) = &mut place.trail else { return Err("it has no trail".to_owned()) };
        let parent = trail.tip().block;
        Counts::set(&self.counts.cursor, parent.height);

        let mut catch = Catch { params, counts: &self.counts, watched, found: Vec::new() };
        let step = fetch(&place.panel, trail, head, &mut catch).await;
        let (found, tip) = (catch.found, trail.tip().block);
        // Before the blocks, and also where the round came to nothing else: what they hold of the token is uncertain, and whoever begins
        // anew must know.
        self.tell_doubts().await?;
        let step = step?;
        if !found.is_empty() {
            // What leads off the trail is met again in the next round, from the state's own cursor.
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
            Some(Step::Wait(Wait::NoNewer)) | None => {
                self.tell_silence().await?;
                self.tell_pending().await;
                if head <= tip.height {
                    self.tell_at_head().await;
                }
                Ok(Round::Idle)
            }
            Some(Step::Wait(wait)) => Err(wait.to_string()),
            Some(Step::Advance(_)) => Ok(Round::More),
        }
    }

    /// Tells what waits for a block, and what never will be in one. Nothing hangs on it: the scan goes on whatever comes of it.
    async fn tell_pending(&mut self) {
        let (Some(place), Some(watched)) = (&mut self.place, &self.watched) else { return };
        if self.network.family() != Family::Bitcoin {
            return;
        }
        let params = nodes::params(self.network, place.config.test);
        let look = |block: &Block| scan(block, &Watch { params, own: watched, tokens: &watched.tokens });
        let told = match place.pending.look(&place.panel, look).await {
            Ok(told) => told,
            Err(why) => return tracing::warn!("what waits for a block is not known: {why}"),
        };
        for told in told {
            let asked = change_request::Change::NotePending(told.clone());
            match change(&*self.link, &self.requests, asked).await {
                Changed::Done(_) => place.pending.taken(&told),
                Changed::Refused { code, message } => tracing::warn!("what waits was not taken ({code}): {message}"),
                Changed::Unknown(why) => tracing::warn!("whether what waits was taken is not known: {why}"),
            }
        }
    }

    /// Tells now and then that nothing is above what was scanned: between blocks the state cannot know it otherwise.
    async fn tell_at_head(&mut self) {
        if self.told_at_head.is_some_and(|at| at.elapsed() < AT_HEAD_AGAIN) {
            return;
        }
        let asked = change_request::Change::NotePending(proto::NotePending::default());
        match change(&*self.link, &self.requests, asked).await {
            Changed::Done(_) => {}
            Changed::Refused { code, message } => {
                tracing::warn!("how far the scan is was not taken ({code}): {message}")
            }
            Changed::Unknown(why) => tracing::warn!("how far the scan is may not have been taken: {why}"),
        }
        self.told_at_head = Some(Instant::now());
    }

    /// Tells how far the network is, where its blocks are not taken because there are as many deposits as there may be: what becomes
    /// final, or is let in by people, makes room, and the next round finds it.
    async fn tell_heights(&mut self, Heights { head, finalized, agreed }: Heights) {
        // The state wants nothing above the head.
        let head = head.max(agreed);
        let heights = Some(proto::Heights { head, finalized: finalized.map(|height| height.min(head)), agreed });
        let asked =
            change_request::Change::NotePending(proto::NotePending { heights, ..proto::NotePending::default() });
        match change(&*self.link, &self.requests, asked).await {
            Changed::Done(_) => {}
            Changed::Refused { code, message } => {
                tracing::warn!("how far the network is was not taken ({code}): {message}")
            }
            Changed::Unknown(why) => tracing::warn!("how far the network is may not have been taken: {why}"),
        }
    }

    /// Tells which tokens are doubted.
    async fn tell_doubts(&mut self) -> Result<(), String> {
        let Some(watched) = &mut self.watched else { return Ok(()) };
        for (token, untold) in &mut watched.suspects {
            let Some(why) = untold.clone() else { continue };
            let doubt = proto::DoubtToken { token: token.to_string(), why, decimals: None };
            tell_doubt(&*self.link, &self.requests, doubt).await?;
            *untold = None;
        }
        Ok(())
    }

    /// Tells that no block comes any more.
    async fn tell_silence(&mut self) -> Result<(), String> {
        let test = self.place.as_ref().is_none_or(|place| place.config.test);
        let Some(head) = self.pulse.silence().filter(|_| !test) else { return Ok(()) };
        let asked = change_request::Change::NoteSilence(proto::NoteSilence { head });
        match change(&*self.link, &self.requests, asked).await {
            Changed::Done(_) => self.pulse.told(),
            // A block has come meanwhile.
            Changed::Refused { .. } => self.pulse.told(),
            Changed::Unknown(why) => {
                return Err(format!("whether the network's silence was noted is not known: {why}"));
            }
        }
        Ok(())
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
        let heights = Heights { head, finalized, agreed };
        for command in commands(parent, found, heights) {
            let asked = change_request::Change::CommitBlocks(command);
            match change(&*self.link, &self.requests, asked).await {
                Changed::Done(done::Done::Tip(tip)) => Counts::set(&self.counts.cursor, tip.height),
                Changed::Done(other) => return Err(format!("a commit came to something else: {other:?}")),
                Changed::Refused { code, message } => {
                    Counts::add(&self.counts.refused, 1);
                    if code == Code::DepositsFull.as_str() {
                        self.tell_heights(heights).await;
                    }
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

/// The trail that the state's cursor leaves, the height that was agreed on last, and what the state believes to wait. Where nothing was scanned yet, it begins with
/// what is final: nobody had an address before.
async fn begin(link: &dyn Link, panel: &Panel) -> Result<(Trail, u64, BTreeSet<TxId>), String> {
    let cursor = link.cursor(TRAIL_BLOCKS).await.map_err(|error| error.to_string())?;
    if cursor.halted {
        return Err("the network stands still: two persons decide how it goes on".to_owned());
    }
    if cursor.tip.is_none() {
        let first = panel.agreed_final().await.map_err(|error| format!("there is no block to begin with: {error}"))?;
        let trail = Trail::new(vec![first], TRAIL_BLOCKS as usize, Some(first.block));
        return trail
            .map(|trail| (trail, 0, BTreeSet::new()))
            .ok_or_else(|| "there is no block to begin with".to_owned());
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
    let pending = cursor.pending.iter().map(|tx| words::tx(tx)).collect::<Result<_, _>>();
    Ok((trail, cursor.agreed, pending.map_err(|error| error.to_string())?))
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

/// Tells that a token is doubted.
async fn tell_doubt(link: &dyn Link, requests: &Requests, doubt: proto::DoubtToken) -> Result<(), String> {
    let token = doubt.token.clone();
    match change(link, requests, change_request::Change::DoubtToken(doubt)).await {
        Changed::Done(_) => Ok(()),
        Changed::Refused { code, message } => {
            Err(format!("the doubt about token {token} was not taken ({code}): {message}"))
        }
        Changed::Unknown(why) => Err(format!("whether the doubt about token {token} was taken is not known: {why}")),
    }
}

#[cfg(test)]
#[path = "scanner_tests.rs"]
mod tests;
