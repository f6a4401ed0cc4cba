//! Blocks on their way into the state: what was scanned, in commands of bounded size.

use exchequer_chains::Coin;
use exchequer_chains::scan::{Doubt, Found, Header, Sighting};
use exchequer_domain::BlockRef;

use crate::money::{proto, words};

/// Blocks of one command.
pub(super) const BLOCKS_MAX: usize = 128;
/// Sightings of one command; half of what the state takes, so that the command's bytes stay far below its limit.
pub(super) const SIGHTINGS_MAX: usize = 200;
/// Spent outputs of one command.
pub(super) const SPENT_MAX: usize = 500;
/// Blocks until an output that a block made by itself can be spent.
const COINBASE_MATURITY: u32 = 100;

/// A block that was scanned.
#[derive(Debug, Clone)]
pub(super) struct Scanned {
    pub(super) header: Header,
    pub(super) sightings: Vec<proto::Sighting>,
    pub(super) spent: Vec<proto::Spent>,
}

/// What is told of what was found; doubts without an address cannot be told, and are counted.
pub(super) fn scanned(header: Header, found: Found) -> (Scanned, Vec<Doubt>) {
    let mut sightings: Vec<proto::Sighting> = found.sightings.iter().map(sighting).collect();
    let mut untold = Vec::new();
    for doubt in found.doubts {
        match doubtful(&doubt) {
            Some(one) => sightings.push(one),
            None => untold.push(doubt),
        }
    }
    let spent = found
        .spent
        .into_iter()
        .map(|(by, coin)| proto::Spent { coin: Some(words::of_outpoint(coin)), by: by.0.to_vec() });
    (Scanned { header, sightings, spent: spent.collect() }, untold)
}

/// What is told of payments that are in no block.
pub(super) fn sightings(found: &Found) -> Vec<proto::Sighting> {
    found.sightings.iter().map(sighting).collect()
}

fn coin(coin: &Coin) -> String {
    match coin {
        Coin::Native => String::new(),
        Coin::Token(contract) => contract.to_string(),
    }
}

fn sighting(seen: &Sighting) -> proto::Sighting {
    proto::Sighting {
        tx: seen.tx.0.to_vec(),
        place: Some(words::of_place(seen.place)),
        to: seen.address.to_string(),
        coin: coin(&seen.coin),
        amount: seen.amount.to_string(),
        from_own: seen.from_own,
        immature: if seen.coinbase { COINBASE_MATURITY } else { 0 },
    }
}

/// What nobody is certain of arrives without an amount: the state keeps it for people.
fn doubtful(doubt: &Doubt) -> Option<proto::Sighting> {
    Some(proto::Sighting {
        tx: doubt.tx.0.to_vec(),
        place: Some(words::of_place(doubt.place)),
        to: doubt.address.as_ref()?.to_string(),
        coin: coin(&doubt.coin),
        amount: String::new(),
        from_own: false,
        immature: 0,
    })
}

/// How far the network is, for a commit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heights {
    pub(super) head: u64,
    pub(super) finalized: Option<u64>,
    pub(super) agreed: u64,
}

/// Cuts scanned blocks into commands. A block with more than fits into one is told in several: each but the last one says
/// that there is more, and the next begins with the same block.
pub(super) fn commands(parent: BlockRef, blocks: &[Scanned], heights: Heights) -> Vec<proto::CommitBlocks> {
    let mut commands = Vec::new();
    let mut cut = Cut { parent, blocks: Vec::new(), sightings: 0, spent: 0, heights };
    for block in blocks {
        let (mut sightings, mut spent) = (block.sightings.as_slice(), block.spent.as_slice());
        if cut.sightings + sightings.len() > SIGHTINGS_MAX
            || cut.spent + spent.len() > SPENT_MAX
            || cut.blocks.len() >= BLOCKS_MAX
        {
            commands.extend(cut.take(false));
        }
        while sightings.len() > SIGHTINGS_MAX || spent.len() > SPENT_MAX {
            let (some, rest) = sightings.split_at(sightings.len().min(SIGHTINGS_MAX));
            let (gone, left) = spent.split_at(spent.len().min(SPENT_MAX));
            cut.push(block.header, some, gone);
            commands.extend(cut.take(true));
            (sightings, spent) = (rest, left);
        }
        cut.push(block.header, sightings, spent);
    }
    commands.extend(cut.take(false));
    commands
}

struct Cut {
    parent: BlockRef,
    blocks: Vec<(Header, proto::ScannedBlock)>,
    sightings: usize,
    spent: usize,
    heights: Heights,
}

impl Cut {
    fn push(&mut self, header: Header, sightings: &[proto::Sighting], spent: &[proto::Spent]) {
        self.sightings += sightings.len();
        self.spent += spent.len();
        let block = proto::ScannedBlock {
            block: Some(words::of_block(header.block)),
            parent: header.parent.0.to_vec(),
            sightings: sightings.to_vec(),
            spent: spent.to_vec(),
        };
        self.blocks.push((header, block));
    }

    fn take(&mut self, more: bool) -> Option<proto::CommitBlocks> {
        let last = self.blocks.last()?.0;
        let Heights { head, finalized, agreed } = self.heights;
        // The state wants nothing above the head.
        let head = head.max(last.block.height);
        let command = proto::CommitBlocks {
            parent: Some(words::of_block(self.parent)),
            blocks: self.blocks.drain(..).map(|(_, block)| block).collect(),
            more,
            head,
            finalized: finalized.map(|height| height.min(head)),
            agreed: agreed.min(head),
        };
        // A block of which there is more is not the last one yet.
        if !more {
            self.parent = last.block;
        } else if command.blocks.len() > 1 {
            let before = &command.blocks[command.blocks.len() - 2];
            if let Ok(block) = words::block(before.block.as_ref()) {
                self.parent = block;
            }
        }
        (self.sightings, self.spent) = (0, 0);
        Some(command)
    }
}

#[cfg(test)]
mod tests {
    use exchequer_domain::BlockHash;

    use super::*;

    fn block(height: u64, sightings: usize, spent: usize) -> Scanned {
        let at = |height: u64| BlockHash([u8::try_from(height).unwrap(); 32]);
        let header = Header { block: BlockRef { height, hash: at(height) }, parent: at(height - 1), time_ms: 0 };
        let one =
            |number: usize| proto::Sighting { tx: vec![1; 32], to: number.to_string(), ..proto::Sighting::default() };
        let sightings = (0..sightings).map(one).collect();
        Scanned { header, sightings, spent: vec![proto::Spent::default(); spent] }
    }

    /// Goal: whatever blocks hold, all of it is told once and in order, in commands of bounded size, each upon what the one
    /// before it has made the last block. Method: counts around every limit; the commands are followed as the state does.
    #[test]
    fn commands_are_bounded_and_whole() {
        let heights = Heights { head: 5, finalized: Some(99), agreed: 99 };
        for counts in [
            vec![(0, 0), (3, 0), (0, 7)],
            vec![(SIGHTINGS_MAX, 0), (1, 0)],
            vec![(1, 0), (SIGHTINGS_MAX * 2 + 1, 3), (2, 0)],
            vec![(0, 0), (0, SPENT_MAX * 3), (SIGHTINGS_MAX + 1, SPENT_MAX + 1), (0, 0)],
            vec![(0, 0); BLOCKS_MAX * 2 - 7],
        ] {
            let blocks: Vec<Scanned> = (1..).zip(&counts).map(|(at, (seen, gone))| block(at, *seen, *gone)).collect();
            let parent = BlockRef { height: 0, hash: BlockHash([0; 32]) };
            let (mut tip, mut seen, mut gone) = (parent, 0, 0);
            for command in commands(parent, &blocks, heights) {
                assert_eq!(words::block(command.parent.as_ref()), Ok(tip));
                let sightings: usize = command.blocks.iter().map(|block| block.sightings.len()).sum();
                let spent: usize = command.blocks.iter().map(|block| block.spent.len()).sum();
                assert!(sightings <= SIGHTINGS_MAX && spent <= SPENT_MAX && command.blocks.len() <= BLOCKS_MAX);
                assert!(command.agreed <= command.head && command.finalized.unwrap() <= command.head);
                (seen, gone) = (seen + sightings, gone + spent);
                let whole = command.blocks.len() - usize::from(command.more);
                for block in &command.blocks[..whole] {
                    let next = words::block(block.block.as_ref()).unwrap();
                    assert_eq!((next.height, block.parent.as_slice()), (tip.height + 1, tip.hash.0.as_slice()));
                    tip = next;
                }
            }
            let sum = |of: fn(&(usize, usize)) -> usize| counts.iter().map(of).sum::<usize>();
            assert_eq!((seen, gone), (sum(|count| count.0), sum(|count| count.1)));
            assert_eq!(tip.height, blocks.len() as u64);
        }
    }
}
