//! What a worker does, and what it would keep. The steps are those of the deposit worker: what leads nowhere is forgotten, and the
//! next round begins with what was kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use exchequer_domain::BlockRef;
use parking_lot::Mutex;
use rand::RngExt;

use super::super::*;
use super::endpoint::State;
use super::family::Family;
use super::world::Name;
use crate::node::{NodeError, Panel};

/// Blocks of one round.
const BLOCKS_MAX: usize = 16;
/// Headers that are remembered.
const HEADERS: usize = 64;

/// What it saw, by block, and what it credited.
pub(super) struct Worker<F: Family> {
    state: Arc<Mutex<State<F>>>,
    own: Ours,
    trail: Trail,
    pending: BTreeMap<u64, Vec<Sighting>>,
    pub(super) credited: BTreeMap<Name, Sighting>,
}

fn there<T>(answer: Option<T>) -> Result<T, NodeError> {
    answer.ok_or_else(|| NodeError::Incomplete("not there".to_owned()))
}

impl<F: Family> Worker<F> {
    pub(super) fn new(start: Header, state: Arc<Mutex<State<F>>>) -> Worker<F> {
        let trail = Trail::new(vec![start], HEADERS, None).unwrap();
        Worker { state, own: F::own(), trail, pending: BTreeMap::new(), credited: BTreeMap::new() }
    }

    pub(super) fn last_final(&self) -> u64 {
        self.trail.last_final().map_or(0, |block| block.height)
    }

    /// Goes on as far as the endpoints of the moment let it.
    pub(super) async fn round(&mut self, panel: &Panel) {
        self.look_after(panel);
        panel.refresh().await;
        let head = panel.best_head();
        let (mut trail, mut found) = (self.trail.clone(), Vec::new());
        let step = self.fetch(panel, &mut trail, head, &mut found).await;
        match step {
            _ if !found.is_empty() => self.keep(panel, head, found).await,
            Some(Step::Rewind { to, dropped }) => self.rewind(panel, trail, to, dropped).await,
            Some(Step::Halt(Halt::BelowFinal(height) | Halt::Forgotten(height))) => {
                let agreed = panel.agreed_header(height).await;
                let ours = self.trail.headers().find(|header| header.block.height == height);
                let says = agreed.ok().zip(ours).is_some_and(|(agreed, ours)| agreed.block != ours.block);
                assert!(!says, "a quorum undoes block {height}");
            }
            Some(Step::Advance(_) | Step::Deeper | Step::Wait(_)) | None => {}
        }
        self.finalise(panel).await;
        self.state.lock().tip = self.trail.tip();
    }

    /// A person looks after who was set aside. Nobody is but who lied.
    fn look_after(&self, panel: &Panel) {
        let mut state = self.state.lock();
        for (number, seat) in panel.seats().iter().enumerate() {
            if let Some(why) = seat.quarantine {
                assert_eq!(number, state.liar, "{why}");
                if state.world.random.random() {
                    panel.release(&seat.endpoint);
                }
            }
        }
    }

    /// The way along the network from the trail's end. A block counts as the quorum has it.
    async fn fetch(
        &self,
        panel: &Panel,
        trail: &mut Trail,
        head: u64,
        found: &mut Vec<(Header, Found)>,
    ) -> Option<Step> {
        while found.len() < BLOCKS_MAX {
            let wanted = trail.wanted(head);
            if wanted <= trail.tip().block.height {
                let asked = panel.first(|node| Box::pin(async move { there(node.header(wanted).await?) }));
                match trail.take(head, Some(asked.await.ok()?.value)) {
                    Step::Deeper => continue,
                    step => return Some(step),
                }
            }
            let asked = panel.first(|node| Box::pin(async move { there(node.block(wanted).await?) }));
            let given = asked.await.ok()?;
            let told = given.value.header();
            let agreed = panel.agreed_block(given, |block| super::super::found(F::NETWORK, block, &self.own)).await;
            let (header, seen) = match agreed {
                Ok(agreed) => (agreed.value.0.header(), Some(agreed.value.1)),
                Err(_) => {
                    self.state.lock().world.tally.torn += 1;
                    if told.parent == trail.tip().block.hash {
                        return None;
                    }
                    (told, None)
                }
            };
            match trail.take(head, Some(header)) {
                Step::Advance(header) => {
                    found.push((header, seen.expect("only what was agreed on follows")));
                    self.state.lock().tip = header;
                }
                Step::Deeper => {}
                step => return Some(step),
            }
        }
        None
    }

    /// Keeps what was found, unless the quorum has another block at its end.
    async fn keep(&mut self, panel: &Panel, head: u64, found: Vec<(Header, Found)>) {
        let Some(end) = found.last().map(|(header, _)| header.block) else { return };
        if panel.agreed_header(end.height).await.is_ok_and(|agreed| agreed.block != end) {
            return;
        }
        self.trail.reset();
        for (header, found) in found {
            assert_eq!(found.doubts, []);
            assert_eq!(self.trail.take(head.max(header.block.height), Some(header)), Step::Advance(header));
            assert!(self.pending.insert(header.block.height, found.sightings).is_none(), "every height once");
        }
    }

    /// One endpoint has left the branch: that counts where a quorum has as well.
    async fn rewind(&mut self, panel: &Panel, trail: Trail, to: BlockRef, dropped: Vec<BlockRef>) {
        let Ok(above) = panel.agreed_header(to.height + 1).await else { return };
        if Some(&above.block) == dropped.first() || above.parent != to.hash {
            return;
        }
        self.trail = trail;
        for (height, block) in (to.height + 1..).zip(&dropped) {
            assert_eq!(block.height, height);
            assert!(self.pending.remove(&height).is_some(), "only what was scanned is dropped");
        }
        let tally = &mut self.state.lock().world.tally;
        tally.rewinds += 1;
        tally.deepest = tally.deepest.max(dropped.len());
    }

    /// Credits what is final as the quorum agrees, and only what the trail has as the quorum has it.
    async fn finalise(&mut self, panel: &Panel) {
        let Ok(agreed) = panel.agreed_final().await else { return };
        let canonical = self.state.lock().world.blocks[agreed.block.height as usize].header;
        assert_eq!(agreed, canonical, "what a quorum calls final is the network's");
        if !self.trail.finalise(agreed.block) {
            return;
        }
        let above = self.pending.split_off(&(self.last_final() + 1));
        for sighting in std::mem::replace(&mut self.pending, above).into_values().flatten() {
            let twice = self.credited.insert((sighting.tx, sighting.place), sighting);
            assert_eq!(twice, None, "credited once");
        }
    }
}
