//! Endpoints, each with a fault of the moment.

use std::sync::Arc;

use exchequer_domain::{ChainAddress, OutPoint, TxId};
use parking_lot::Mutex;
use rand::RngExt;

use super::super::*;
use super::SEATS;
use super::family::{Family, Sealed};
use super::faults::Fault;
use super::world::{Branch, World};
use crate::Coin;
use crate::node::*;
use crate::rpc::{Lost, RpcError};

/// What an endpoint that does not lie may have.
const HONEST: [Fault; 5] = [Fault::Behind, Fault::Left, Fault::Missing, Fault::Silent, Fault::MixedOutcomes];
/// Furthest that one lags on the canonical branch.
const BEHIND_MAX: u64 = 8;

/// What goes out, and with which fault; none where the endpoint has no such block.
type Sent<F> = Option<(<F as Family>::Reply, Option<Fault>)>;

/// What an endpoint is like in one round.
struct Mood<F: Family> {
    view: Branch<F>,
    fault: Option<Fault>,
}

/// The network, and what its endpoints are like.
pub(super) struct State<F: Family> {
    pub(super) world: World<F>,
    /// The end of the worker's trail: whoever lies may guess it.
    pub(super) tip: Header,
    pub(super) liar: usize,
    moods: Vec<Mood<F>>,
    /// The highest block that each has called final: a sound node does not go back.
    finals: [u64; SEATS],
}

impl<F: Family> State<F> {
    pub(super) fn new(world: World<F>, liar: usize) -> State<F> {
        let tip = world.blocks[0].header;
        let mut state = State { world, tip, liar, moods: Vec::new(), finals: [0; SEATS] };
        state.turn(true);
        state
    }

    /// What everybody is like next. `sound`: all but the liar are as they should be.
    pub(super) fn turn(&mut self, sound: bool) {
        if !sound {
            let blocks = self.world.random.random_range(0..3);
            self.world.grow(blocks, vec![]);
        }
        self.moods = (0..SEATS).map(|seat| self.mood(seat, sound)).collect();
    }

    fn mood(&mut self, seat: usize, sound: bool) -> Mood<F> {
        let world = &mut self.world;
        let fault = match seat == self.liar {
            true if world.random.random_ratio(4, 5) => F::FAULTS[world.random.random_range(0..F::FAULTS.len())],
            false if !sound && world.random.random_ratio(1, 3) => HONEST[world.random.random_range(0..HONEST.len())],
            true | false => return Mood { view: world.blocks.clone(), fault: None },
        };
        let mut view = world.blocks.clone();
        match fault {
            Fault::Behind => {
                let room = world.head() - world.last_final;
                view.truncate(view.len() - world.random.random_range(1..=BEHIND_MAX.min(room)) as usize);
                world.tally.count(fault);
            }
            Fault::Left if !world.left.is_empty() => {
                view = world.left[world.random.random_range(0..world.left.len())].clone();
                world.tally.count(fault);
            }
            _ => {}
        }
        Mood { view, fault: Some(fault) }
    }

    fn heads(&mut self, seat: usize) -> Heads {
        let Mood { view, fault } = &self.moods[seat];
        let head = view[view.len() - 1].header;
        if *fault == Some(Fault::Finality) {
            self.world.tally.count(Fault::Finality);
            return Heads { head, safe: None, finalized: Some(head) };
        }
        let last = self.world.last_final.min(head.block.height);
        self.finals[seat] = self.finals[seat].max(last);
        Heads { head, safe: None, finalized: Some(self.world.blocks[self.finals[seat] as usize].header) }
    }

    /// What goes out for a height.
    fn answer(&mut self, seat: usize, height: u64, whole: bool) -> Result<Sent<F>, NodeError> {
        let (honest, before, after) = {
            let at = |height: u64| self.moods[seat].view.get(usize::try_from(height).ok()?).cloned();
            (at(height), height.checked_sub(1).and_then(at), at(height + 1))
        };
        let world = &mut self.world;
        let mut fault = self.moods[seat].fault.filter(|_| world.random.random_ratio(3, 4));
        let next = height == self.tip.block.height + 1;
        let left = next && honest.as_ref().is_some_and(|block| block.header.parent != self.tip.block.hash);
        if left && seat == self.liar && F::FAULTS.contains(&Fault::Parent) && world.random.random() {
            // Where the worker is on a branch that was left, a false parent would keep it there.
            fault = Some(Fault::Parent);
        }
        let sound = |block: Arc<Sealed<F>>| (block.reply.clone(), None);
        let forged = match (fault, &honest) {
            (Some(Fault::Silent), _) => {
                world.tally.count(Fault::Silent);
                return Err(RpcError::Lost(Lost::Deadline).into());
            }
            (Some(Fault::Missing), Some(_)) => {
                world.tally.count(Fault::Missing);
                return Ok(None);
            }
            (Some(Fault::Repeated), _) => before.map(|block| block.reply.clone()),
            (Some(Fault::Swapped), _) => after.map(|block| block.reply.clone()),
            (Some(Fault::MadeUp), _) if next => {
                let (name, salt) = (world.draw(), world.draw());
                let mut txs: Vec<F::Tx> = F::first(&mut world.random, name).into_iter().collect();
                if world.random.random() {
                    let name = world.draw();
                    txs.push(F::payment(&mut world.random, name));
                }
                Some(world.family.seal(height, self.tip.block.hash, salt, txs).reply)
            }
            (Some(Fault::Parent), Some(truth)) if left => world.family.misdate(truth, self.tip.block.hash, false),
            (Some(Fault::Time), Some(truth)) => world.family.misdate(truth, truth.header.parent, true),
            (Some(fault), Some(truth)) if whole => altered(world, truth, fault),
            (_, _) => None,
        };
        match (forged, fault) {
            (Some(reply), Some(fault)) => {
                world.tally.count(fault);
                Ok(Some((reply, Some(fault))))
            }
            (_, _) => Ok(honest.map(sound)),
        }
    }

    fn block(&mut self, seat: usize, height: u64) -> Result<Option<Block>, NodeError> {
        let Some((reply, fault)) = self.answer(seat, height, true)? else { return Ok(None) };
        let read = self.world.family.read(height, &reply);
        match fault {
            None => assert!(read.is_ok(), "a sound answer is read: {read:?}"),
            Some(fault) if self.world.family.refuses(fault) => assert!(read.is_err(), "{fault:?} is refused: {read:?}"),
            Some(_) => {}
        }
        self.world.tally.refused += usize::from(read.is_err());
        read.map(Some)
    }

    fn header(&mut self, seat: usize, height: u64) -> Result<Option<Header>, NodeError> {
        let Some((reply, _)) = self.answer(seat, height, false)? else { return Ok(None) };
        self.world.family.read_header(height, &reply).map(Some)
    }
}

/// A block with contents that it does not have; none where the fault finds nothing to be done to.
fn altered<F: Family>(world: &mut World<F>, truth: &Sealed<F>, fault: Fault) -> Option<F::Reply> {
    let mut txs = truth.txs.clone();
    let (name, count) = (world.draw(), txs.len());
    let random = &mut world.random;
    let any = if count > 0 { random.random_range(0..count) } else { 0 };
    match fault {
        Fault::DoubledOutcome | Fault::MixedOutcomes => {
            let mut reply = truth.reply.clone();
            return F::outcomes(random, &mut reply, fault).then_some(reply);
        }
        // Where they are odd in number, the last one twice is what Bitcoin's tree of names cannot tell from once.
        Fault::DoubledTx if count > 0 => {
            let at = if random.random() { count - 1 } else { any };
            txs.insert(at + 1, txs[at].clone());
        }
        Fault::MixedTxs if count > 1 => txs.swap(any, (any + 1) % count),
        Fault::Hidden => {
            let paying = txs.iter().position(|tx| !F::arrivals(tx).is_empty())?;
            txs.remove(paying);
        }
        Fault::Invented => txs.push(F::payment(random, name)),
        _ => {
            let at = (any..count).chain(0..any).find(|at| F::change(random, &mut txs[*at], fault))?;
            debug_assert!(at < count);
        }
    }
    Some(world.family.forge(&mut world.random, truth, txs))
}

/// One endpoint.
pub(super) struct Endpoint<F: Family> {
    pub(super) name: &'static str,
    pub(super) seat: usize,
    pub(super) state: Arc<Mutex<State<F>>>,
}

fn nothing<'a, T: Send + 'a>() -> Asking<'a, T> {
    Box::pin(async { Err(NodeError::NoSuchThing("this")) })
}

impl<F: Family> ChainNode for Endpoint<F> {
    fn name(&self) -> String {
        self.name.to_owned()
    }
    fn identify(&self) -> Asking<'_, bool> {
        Box::pin(async { Ok(true) })
    }
    fn heads(&self) -> Asking<'_, Heads> {
        let heads = self.state.lock().heads(self.seat);
        Box::pin(async move { Ok(heads) })
    }
    fn header(&self, height: u64) -> Asking<'_, Option<Header>> {
        let header = self.state.lock().header(self.seat, height);
        Box::pin(async move { header })
    }
    fn block(&self, height: u64) -> Asking<'_, Option<Block>> {
        let block = self.state.lock().block(self.seat, height);
        Box::pin(async move { block })
    }
    fn broadcast<'a>(&'a self, _: TxId, _: &'a [u8]) -> Doing<'a, Broadcast> {
        Box::pin(async { Broadcast::Unknown(String::new()) })
    }
    fn fate(&self, _: TxId) -> Asking<'_, Fate> {
        nothing()
    }
    fn fees(&self) -> Asking<'_, FeeFacts> {
        nothing()
    }
    fn account<'a>(&'a self, _: &'a ChainAddress) -> Asking<'a, Account> {
        nothing()
    }
    fn outputs<'a>(&'a self, _: &'a [OutPoint]) -> Asking<'a, Vec<Option<OutputFacts>>> {
        nothing()
    }
    fn balances<'a>(&'a self, _: &'a [(ChainAddress, Coin)], _: Header) -> Asking<'a, Vec<Option<u128>>> {
        nothing()
    }
    fn trial<'a>(&'a self, _: &'a TrialCall) -> Asking<'a, Trial> {
        nothing()
    }
}
