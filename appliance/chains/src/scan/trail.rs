//! The trail of blocks that were scanned, and what to do about the next header. Pure.
//!
//! A block is taken when its parent is the last one that was. Where it is not, headers are asked for downwards until one is met
//! that the trail has: everything above it is dropped and scanned anew. Nothing is ever patched.
//!
//! Invariants:
//! - The headers of the trail are of consecutive heights, each the parent of the next.
//! - Nothing at or below the last final block is dropped: a network that asks for it is halted, for people to look at.
//! - One header changes the trail by one block at most at its end, or only shortens it: an endpoint that lies makes us scan twice.

use std::collections::VecDeque;

use exchequer_domain::BlockRef;

use super::Header;

/// Most headers that are kept. Twice the finality of the slowest network (Arbitrum: some 5,000 blocks) fits.
pub const HEADERS_MAX: usize = 20_000;

/// What a header leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The block is the next one: scan it.
    Advance(Header),
    /// The trail is of a branch that was left: forget what was found in the dropped blocks, and go on behind `to`.
    Rewind {
        /// The last block that both have.
        to: BlockRef,
        /// What is no part of the network any more, the lowest first.
        dropped: Vec<BlockRef>,
    },
    /// The trail is of another branch here too: ask for what is wanted next.
    Deeper,
    /// Nothing to do now.
    Wait(Wait),
    /// Nothing may be done until a person has looked.
    Halt(Halt),
}

/// Why there is nothing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Wait {
    /// The endpoint has nothing newer.
    #[error("there is no newer block")]
    NoNewer,
    /// The endpoint does not have the block that its head promises.
    #[error("the endpoint does not have a block that it should have")]
    Missing,
    /// The header is of another height than was asked for.
    #[error("the endpoint answered with a block of another height")]
    OtherHeight,
    /// The endpoint contradicts itself: a block and its parent do not fit.
    #[error("the endpoint's blocks do not fit each other")]
    Inconsistent,
}

/// Why a network is halted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Halt {
    /// The branch leaves at or below the last final block.
    #[error("the network asks to undo block {0}, which was final")]
    BelowFinal(u64),
    /// The branch leaves below everything that is remembered.
    #[error("the network's branch leaves below block {0}, the oldest that is remembered")]
    Forgotten(u64),
}

/// The blocks that were scanned last.
#[derive(Debug, Clone)]
pub struct Trail {
    headers: VecDeque<Header>,
    keep: usize,
    last_final: Option<BlockRef>,
    /// The height that is compared next while a common block is looked for.
    seek: Option<u64>,
}

impl Trail {
    /// A trail that ends with headers that were kept, oldest first. `None` where there are none, or one is not the parent of the
    /// next. `keep`: how many to remember, at most [`HEADERS_MAX`].
    #[must_use]
    pub fn new(headers: Vec<Header>, keep: usize, last_final: Option<BlockRef>) -> Option<Trail> {
        let linked = headers.windows(2).all(|two| follows(&two[0], &two[1]));
        if headers.is_empty() || !linked {
            return None;
        }
        let mut trail = Trail { headers: headers.into(), keep: keep.clamp(2, HEADERS_MAX), last_final, seek: None };
        trail.trim();
        Some(trail)
    }

    /// The last block that was taken.
    #[must_use]
    pub fn tip(&self) -> Header {
        // There is always one: none is dropped at or below what the trail goes back to.
        self.headers.back().copied().unwrap_or(Header {
            block: BlockRef { height: 0, hash: exchequer_domain::BlockHash([0; 32]) },
            parent: exchequer_domain::BlockHash([0; 32]),
            time_ms: 0,
        })
    }

    /// The headers that are remembered, oldest first.
    pub fn headers(&self) -> impl Iterator<Item = &Header> {
        self.headers.iter()
    }

    /// The last final block among those that were taken.
    #[must_use]
    pub fn last_final(&self) -> Option<BlockRef> {
        self.last_final
    }

    /// The height whose header is wanted, where the endpoint's head is at `head`. Not above the trail's end by more than one; with
    /// nothing newer it is the head itself, to see whether it is still on the trail.
    #[must_use]
    pub fn wanted(&self, head: u64) -> u64 {
        let tip = self.tip().block.height;
        match self.seek {
            Some(seek) => seek,
            None if head > tip => tip.saturating_add(1),
            None => head.max(self.lowest()),
        }
    }

    fn lowest(&self) -> u64 {
        self.headers.front().map_or(0, |header| header.block.height)
    }

    fn at(&self, height: u64) -> Option<&Header> {
        let offset = height.checked_sub(self.lowest())?;
        self.headers.get(usize::try_from(offset).ok()?)
    }

    /// Takes what the endpoint said of the height that was [wanted](Trail::wanted) with this head.
    pub fn take(&mut self, head: u64, header: Option<Header>) -> Step {
        let (wanted, tip) = (self.wanted(head), self.tip());
        let Some(header) = header else { return Step::Wait(Wait::Missing) };
        if header.block.height != wanted {
            return Step::Wait(Wait::OtherHeight);
        }
        if wanted > tip.block.height {
            if follows(&tip, &header) {
                self.headers.push_back(header);
                self.trim();
                return Step::Advance(header);
            }
            return self.deeper(tip.block.height);
        }
        match self.at(wanted) {
            Some(ours) if ours.block == header.block => self.meet(ours.block),
            Some(_) | None => match wanted.checked_sub(1) {
                Some(below) => self.deeper_from(wanted, below),
                None => Step::Halt(Halt::Forgotten(0)),
            },
        }
    }

    /// The branch has not been met at `differs`; the next one to compare is below.
    fn deeper_from(&mut self, differs: u64, below: u64) -> Step {
        if self.last_final.is_some_and(|last| differs <= last.height) {
            self.seek = None;
            return Step::Halt(Halt::BelowFinal(differs));
        }
        self.deeper(below)
    }

    fn deeper(&mut self, seek: u64) -> Step {
        if seek < self.lowest() {
            self.seek = None;
            return Step::Halt(Halt::Forgotten(self.lowest()));
        }
        self.seek = Some(seek);
        Step::Deeper
    }

    /// The branches have this block in common.
    fn meet(&mut self, common: BlockRef) -> Step {
        let sought = self.seek.take().is_some();
        if common == self.tip().block || !sought {
            // Where one was sought, the block above did not name this one as its parent a moment ago.
            return Step::Wait(if sought { Wait::Inconsistent } else { Wait::NoNewer });
        }
        if let Some(last) = self.last_final.filter(|last| common.height < last.height) {
            return Step::Halt(Halt::BelowFinal(last.height));
        }
        let keep = self.headers.iter().position(|header| header.block == common).map_or(0, |at| at + 1);
        let dropped = self.headers.drain(keep..).map(|header| header.block).collect();
        Step::Rewind { to: common, dropped }
    }

    /// Takes what is final as the endpoints agree. `false`, and a common block is looked for next, where the trail has another
    /// block at that height. What is not on the trail yet, or is below what was final before, changes nothing.
    pub fn finalise(&mut self, block: BlockRef) -> bool {
        if self.last_final.is_some_and(|last| last.height >= block.height) {
            return true;
        }
        match self.at(block.height) {
            Some(ours) if ours.block == block => {
                self.last_final = Some(block);
                // What was looked for below is settled: it is final.
                self.seek = self.seek.filter(|seek| *seek > block.height);
                true
            }
            Some(_) => {
                self.seek = Some(block.height);
                false
            }
            None => true,
        }
    }

    /// Gives up looking for a common block, for example because the endpoint is another one now.
    pub fn reset(&mut self) {
        self.seek = None;
    }

    fn trim(&mut self) {
        while self.headers.len() > self.keep {
            self.headers.pop_front();
        }
    }
}

fn follows(parent: &Header, child: &Header) -> bool {
    child.parent == parent.block.hash && parent.block.height.checked_add(1) == Some(child.block.height)
}
