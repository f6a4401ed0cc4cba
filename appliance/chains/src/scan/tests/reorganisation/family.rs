//! What families of networks have in common here.

use exchequer_domain::{BlockHash, Network};
use rand::rngs::StdRng;

use super::super::*;
use super::faults::Fault;
use crate::node::NodeError;

/// A family of networks: how its transactions come about, what its nodes send, and how that is read.
pub(super) trait Family: Sized + Send + Sync + 'static {
    /// One network of it.
    const NETWORK: Network;
    /// What can be wrong with an endpoint of it; each must be met.
    const FAULTS: &'static [Fault];
    /// A transaction, with what became of it.
    type Tx: Clone + Send + Sync;
    /// A block as a node sends it.
    type Reply: Clone + Send + Sync;

    /// As one world has it.
    fn of_world(random: &mut StdRng) -> Self;
    /// Whose addresses are ours.
    fn own() -> Ours;
    /// What begins a block; its own, and in no other one. `name` is of no other transaction.
    fn first(random: &mut StdRng, name: [u8; 32]) -> Option<Self::Tx>;
    /// A transaction, of whatever becomes of it.
    fn transaction(random: &mut StdRng, name: [u8; 32]) -> Self::Tx;
    /// A transaction that pays us.
    fn payment(random: &mut StdRng, name: [u8; 32]) -> Self::Tx;
    /// The same in a block of another branch; none where it cannot be in one.
    fn again(random: &mut StdRng, tx: &Self::Tx) -> Option<Self::Tx>;
    /// What arrives by it, as whoever made it knows.
    fn arrivals(tx: &Self::Tx) -> Vec<Sighting>;
    /// Makes a block on a parent. `salt` is of no other block.
    fn seal(&self, height: u64, parent: BlockHash, salt: [u8; 32], txs: Vec<Self::Tx>) -> Sealed<Self>;
    /// Does to a transaction what a liar says of it. Whether anything is changed.
    fn change(random: &mut StdRng, tx: &mut Self::Tx, fault: Fault) -> bool;
    /// The block under its own name with other contents, as whoever wants to be believed sends it.
    fn forge(&self, random: &mut StdRng, truth: &Sealed<Self>, txs: Vec<Self::Tx>) -> Self::Reply;
    /// The block under its own name with another parent or time; none where a name is its header's hash and nothing else can be said.
    fn misdate(&self, truth: &Sealed<Self>, parent: BlockHash, later: bool) -> Option<Self::Reply>;
    /// Doubles or mixes up what became of transactions. Whether anything is changed.
    fn outcomes(random: &mut StdRng, reply: &mut Self::Reply, fault: Fault) -> bool;
    /// Whether the clients must refuse a block with this fault, by itself.
    fn refuses(&self, fault: Fault) -> bool;
    /// Reads a block that was asked for by its height, as the family's client does.
    fn read(&self, height: u64, reply: &Self::Reply) -> Result<Block, NodeError>;
    /// The same of its header alone.
    fn read_header(&self, height: u64, reply: &Self::Reply) -> Result<Header, NodeError>;
}

/// A block of the network, and how a sound node sends it.
#[derive(Clone)]
pub(super) struct Sealed<F: Family> {
    pub(super) header: Header,
    pub(super) txs: Vec<F::Tx>,
    pub(super) reply: F::Reply,
}
