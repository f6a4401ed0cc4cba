//! The trail by itself: one endpoint's word is all that it hears, and no quorum stands before it.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::super::*;
use super::{DEPTH_MAX, FINAL_BELOW, REORGANISATIONS, REORGANISATIONS_A_WORLD};

type Name = (TxId, Place);

/// The network as it is, and what it was.
struct World {
    random: StdRng,
    /// The canonical branch; the place in the list is the height.
    blocks: Vec<Block>,
    /// Branches that were left, for endpoints that are still there.
    left: Vec<Vec<Block>>,
    drawn: u64,
    last_final: u64,
}

impl World {
    fn new(seed: u64) -> World {
        let mut world =
            World { random: StdRng::seed_from_u64(seed), blocks: vec![], left: vec![], drawn: 0, last_final: 0 };
        world.grow(30, vec![]);
        world
    }

    fn draw(&mut self) -> [u8; 32] {
        self.drawn += 1;
        let mut bytes: [u8; 32] = self.random.random();
        bytes[..8].copy_from_slice(&self.drawn.to_be_bytes());
        bytes
    }

    /// Blocks on top of the branch, with new transactions and with old ones that found another place.
    fn grow(&mut self, count: u64, mut again: Vec<(EvmTx, EvmReceipt)>) {
        for _ in 0..count {
            let height = self.blocks.len() as u64;
            let parent = self.blocks.last().map_or(BlockHash([0; 32]), |block| block.header().block.hash);
            let block = BlockRef { height, hash: BlockHash(self.draw()) };
            let mut parts = Vec::new();
            for _ in 0..self.random.random_range(0..3) {
                parts.push(self.transaction());
            }
            while !again.is_empty() && self.random.random_ratio(2, 3) {
                let at = self.random.random_range(0..again.len());
                let place = self.random.random_range(0..=parts.len());
                parts.insert(place, again.swap_remove(at));
            }
            let (txs, receipts) = parts.into_iter().unzip();
            let header = Header { block, parent, time_ms: height };
            self.blocks.push(Block::Evm(EvmBlock { header, txs, receipts, traces: None }));
        }
        let head = self.blocks.len() as u64 - 1;
        self.last_final = self.last_final.max(head.saturating_sub(FINAL_BELOW));
    }

    fn transaction(&mut self) -> (EvmTx, EvmReceipt) {
        let hash = TxId(self.draw());
        let to = [ALICE, BOB, STRANGER][self.random.random_range(0..3)];
        let logs =
            (0..self.random.random_range(0..4_u128)).map(|n| log([TOKEN, FORGER][n as usize % 2], STRANGER, to, n + 1));
        let logs: Vec<EvmLog> = logs.collect();
        let ok = self.random.random_ratio(4, 5);
        let value = Wide::from(self.random.random_range(0..5_u128));
        (EvmTx { hash, kind: 2, from: STRANGER, to: Some(to), value }, EvmReceipt { tx: hash, ok, logs })
    }

    /// The last blocks are replaced by others; some of their transactions come again, some never.
    fn reorganise(&mut self) {
        let room = self.blocks.len() as u64 - 1 - self.last_final;
        let depth = self.random.random_range(1..=DEPTH_MAX).min(room);
        let keep = self.blocks.len() - depth as usize;
        let before = self.blocks.clone();
        let dropped = self.blocks.split_off(keep);
        let again = dropped.into_iter().flat_map(|block| match block {
            Block::Evm(block) => block.txs.into_iter().zip(block.receipts).collect::<Vec<_>>(),
            Block::Bitcoin(_) | Block::Tron(_) => unreachable!(),
        });
        let again = again.filter(|_| self.random.random_ratio(3, 4)).collect();
        self.left.push(before);
        if self.left.len() > 3 {
            self.left.remove(0);
        }
        // Not always longer: another branch may be heavier with fewer blocks.
        let count = self.random.random_range(depth.saturating_sub(1).max(1)..=depth + 3);
        self.grow(count, again);
    }

    /// What an endpoint of the moment says: its head, and the block that is wanted of it.
    fn endpoint(&mut self, trail: &Trail) -> (u64, Option<Block>) {
        let kind = self.random.random_range(0..12);
        let view: Vec<Block> = match kind {
            // Lags, on the canonical branch or on one that was left.
            0 => self.blocks[..self.blocks.len() - self.random.random_range(0..5)].to_vec(),
            1 | 2 if !self.left.is_empty() => {
                let at = self.random.random_range(0..self.left.len());
                self.left[at].clone()
            }
            _ => self.blocks.clone(),
        };
        let head = view.len() as u64 - 1;
        let wanted = trail.wanted(head);
        let honest = usize::try_from(wanted).ok().and_then(|at| view.get(at)).cloned();
        let answer = match kind {
            // Does not have what it promises; has another height; makes something up that fits, or does not.
            3 => None,
            4 => view.get(self.random.random_range(0..view.len())).cloned(),
            5 | 6 => {
                let fits = self.random.random();
                let (tx, mut receipt) = self.transaction();
                receipt.ok = true;
                let parent = if fits { trail.tip().block.hash } else { BlockHash(self.draw()) };
                let block = BlockRef { height: wanted, hash: BlockHash(self.draw()) };
                let header = Header { block, parent, time_ms: 0 };
                Some(Block::Evm(EvmBlock { header, txs: vec![tx], receipts: vec![receipt], traces: None }))
            }
            _ => honest,
        };
        (head, answer)
    }
}

/// What a worker would keep: what it saw, by block, and what it credited.
struct Worker {
    trail: Trail,
    pending: BTreeMap<u64, Vec<Sighting>>,
    credited: BTreeMap<Name, Sighting>,
    rewinds: usize,
}

impl Worker {
    fn step(&mut self, head: u64, block: Option<&Block>, lied: bool) {
        match self.trail.take(head, block.map(Block::header)) {
            Step::Advance(header) => {
                let sightings = found(Network::Ethereum, block.unwrap(), &ours()).sightings;
                assert!(self.pending.insert(header.block.height, sightings).is_none(), "every height once");
            }
            Step::Rewind { to, dropped } => {
                self.rewinds += 1;
                assert!(!dropped.is_empty());
                for (height, block) in (to.height + 1..).zip(&dropped) {
                    assert_eq!(block.height, height);
                    assert!(self.pending.remove(&height).is_some(), "only what was scanned is dropped");
                }
            }
            // An endpoint alone may say so; a person is called when a quorum does, which it never does here.
            Step::Halt(halt) => assert!(lied, "{halt}"),
            Step::Deeper | Step::Wait(_) => {}
        }
    }

    /// What is final as the quorum agrees, which lies less than its members.
    fn finalise(&mut self, world: &World) {
        let block = world.blocks[usize::try_from(world.last_final).unwrap()].header().block;
        if !self.trail.finalise(block) {
            return;
        }
        let Some(last) = self.trail.last_final() else { return };
        let above = self.pending.split_off(&(last.height + 1));
        for sighting in std::mem::replace(&mut self.pending, above).into_values().flatten() {
            let twice = self.credited.insert((sighting.tx, sighting.place), sighting);
            assert_eq!(twice, None, "credited once");
        }
    }
}

/// Goal: whatever reorganisations come and whatever branches single endpoints tell of, a trail that believes each of them scans twice
/// at worst, and ends on the canonical branch. Method: 500 random reorganisations of depth 1 to 20 under random endpoints, against
/// the branch itself; what is final comes from outside, and blocks hold under their names what the network has in them.
#[test]
fn a_trail_ends_on_the_canonical_branch() {
    let seed: u64 = std::env::var("SEED").ok().map_or_else(rand::random, |seed| seed.parse().unwrap());
    println!("SEED={seed}");
    let mut rewinds = 0;
    for number in 0..REORGANISATIONS / REORGANISATIONS_A_WORLD {
        let mut world = World::new(seed.wrapping_add(number as u64));
        let start = world.blocks[0].header();
        let trail = Trail::new(vec![start], 64, None).unwrap();
        let mut worker = Worker { trail, pending: BTreeMap::new(), credited: BTreeMap::new(), rewinds: 0 };
        for _ in 0..REORGANISATIONS_A_WORLD {
            for _ in 0..world.random.random_range(20..60) {
                let (head, block) = world.endpoint(&worker.trail);
                worker.step(head, block.as_ref(), true);
                if world.random.random_ratio(1, 4) {
                    worker.finalise(&world);
                }
            }
            world.reorganise();
        }
        // In the end the liars fall silent, and nothing may be left in the way.
        world.grow(FINAL_BELOW + 1, vec![]);
        let head = world.blocks.len() as u64 - 1;
        worker.trail.reset();
        while worker.trail.tip().block != world.blocks[head as usize].header().block {
            let wanted = worker.trail.wanted(head) as usize;
            worker.step(head, world.blocks.get(wanted), false);
        }
        world.last_final = head;
        worker.finalise(&world);
        let all = world.blocks[1..].iter().flat_map(|block| found(Network::Ethereum, block, &ours()).sightings);
        let expected: BTreeMap<Name, Sighting> =
            all.map(|sighting| ((sighting.tx, sighting.place), sighting)).collect();
        assert_eq!(worker.credited, expected, "world {number}");
        rewinds += worker.rewinds;
    }
    assert!(rewinds > REORGANISATIONS / 4, "{rewinds} rewinds: the worlds are too quiet");
}

/// Goal: a branch that leaves at or below the last final block, or below all that is remembered, halts, changes nothing, and
/// is taken up again where another endpoint has the trail's branch.
#[test]
fn final_blocks_are_never_undone() {
    let chain = |from: u8, base: u8| {
        (from..from + 6).map(move |n| {
            let hash = BlockHash([base + n; 32]);
            let parent = if n == from && base > 0 {
                BlockHash([n - 1; 32])
            } else {
                BlockHash([(base + n).wrapping_sub(1); 32])
            };
            Header { block: BlockRef { height: u64::from(n), hash }, parent, time_ms: 0 }
        })
    };
    let ours: Vec<Header> = chain(1, 0).collect();
    let theirs: Vec<Header> = ours[..2].iter().copied().chain(chain(3, 100)).collect();
    let walk = |trail: &mut Trail| {
        for _ in 0..10 {
            let wanted = trail.wanted(8) as usize;
            match trail.take(8, Some(theirs[wanted - 1])) {
                Step::Deeper => {}
                step => return step,
            }
        }
        panic!("no end")
    };
    let trail = |last: Option<usize>, keep| {
        let mut trail = Trail::new(ours.clone(), keep, None).unwrap();
        assert!(last.is_none_or(|last| trail.finalise(ours[last - 1].block)));
        trail
    };
    let met = Step::Rewind { to: ours[1].block, dropped: ours[2..].iter().map(|header| header.block).collect() };
    assert_eq!(walk(&mut trail(None, 10)), met);
    assert_eq!(walk(&mut trail(Some(2), 10)), met);
    let mut halted = trail(Some(3), 10);
    assert_eq!(walk(&mut halted), Step::Halt(Halt::BelowFinal(3)));
    assert_eq!((halted.tip(), halted.wanted(6)), (ours[5], 6), "nothing changed");
    assert_eq!(halted.take(6, Some(ours[5])), Step::Wait(Wait::NoNewer));
    assert_eq!(walk(&mut trail(None, 4)), Step::Halt(Halt::Forgotten(3)));
    // At the final block the walk ends: what is below it is not asked for.
    let mut early = trail(Some(3), 10);
    for height in [7, 6, 5, 4] {
        assert_eq!((early.wanted(8), early.take(8, Some(theirs[height - 1]))), (height as u64, Step::Deeper));
    }
    assert_eq!((early.wanted(8), early.take(8, Some(theirs[2]))), (3, Step::Halt(Halt::BelowFinal(3))));
    // What was looked for below is settled by what is final above.
    let mut settled = trail(None, 10);
    for height in [7, 6, 5] {
        assert_eq!(settled.take(8, Some(theirs[height - 1])), Step::Deeper);
    }
    assert!(settled.finalise(ours[4].block));
    assert_eq!((settled.wanted(8), settled.last_final()), (7, Some(ours[4].block)));
    let mut other = trail(None, 10);
    assert!(!other.finalise(theirs[3].block), "final is what the trail does not have");
    assert_eq!((other.wanted(8), other.last_final()), (4, None));
    assert_eq!(Trail::new(vec![ours[0], ours[2]], 10, None).map(|_| ()), None);
    assert_eq!(Trail::new(vec![], 10, None).map(|_| ()), None);
}
