//! Clients of nodes: what is asked of a network, in one form for all families, and each family's way to ask it.
//!
//! Invariants:
//! - `None` and an empty list are what the network has; what a node could not say is an error. A lagging replica that knows a
//!   transaction and not its receipt, or a block and not all of its parts, is [`NodeError::Incomplete`]: ask again.
//! - A block comes whole: its parts were asked for apart and have been compared with each other by names and counts.
//! - Finality is what the network calls so. Only Bitcoin, which has none, is counted by depth.
//! - [`Broadcast::Unknown`] is whatever is not certainly something else. The bytes may be sent again; nothing may be built anew
//!   because of it.

mod ballot;
mod bitcoin;
mod error;
mod evm;
mod facts;
mod panel;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod tron;

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;

use exchequer_domain::{ChainAddress, OutPoint, TxId};

pub use ballot::{Disagreement, PanelError};
pub use bitcoin::{BitcoinNode, BitcoinOptions, classify as classify_bitcoin};
pub use error::NodeError;
pub use evm::{EvmNode, EvmOptions, classify as classify_evm};
pub use facts::{
    Account, Broadcast, Fate, FeeFacts, Heads, Hindrance, OutputFacts, Transfer, Trial, TrialCall, TronAccount,
    WAITING_MAX, Waiting,
};
pub use panel::{Panel, Reply, Seat};
pub use tron::{TronNode, TronOptions, classify as classify_tron};

use crate::Coin;
use crate::scan::{Block, Header};

/// Something that is being asked.
pub type Doing<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
/// Something that is being asked, and may come to nothing.
pub type Asking<'a, T> = Doing<'a, Result<T, NodeError>>;

/// What became of each of several transactions.
pub type Fates = Vec<Result<Fate, NodeError>>;

/// A node of a network, by one endpoint.
pub trait ChainNode: Send + Sync {
    /// Which endpoint; nothing secret.
    fn name(&self) -> String;

    /// Whose endpoint it is: endpoints of one provider have one vote.
    fn provider(&self) -> String {
        self.name()
    }

    /// Whether it is a node of our network, and fit for what we ask of nodes.
    fn identify(&self) -> Asking<'_, bool>;

    /// How far it is.
    fn heads(&self) -> Asking<'_, Heads>;

    /// The header of a height; `None` above its head.
    fn header(&self, height: u64) -> Asking<'_, Option<Header>>;

    /// The block of a height with everything in it; `None` above its head.
    fn block(&self, height: u64) -> Asking<'_, Option<Block>>;

    /// What waits for a block, as this node knows: names, and in full some of those that are not among `known`. `None` where the
    /// network's pool is not asked for. Bitcoin only: elsewhere a payment is in a block before anybody misses it.
    fn waiting<'a>(&'a self, _known: &'a BTreeSet<TxId>) -> Asking<'a, Option<Waiting>> {
        Box::pin(async { Ok(None) })
    }

    /// Sends a signed transaction, whose name is known.
    fn broadcast<'a>(&'a self, tx: TxId, raw: &'a [u8]) -> Doing<'a, Broadcast>;

    /// What became of a transaction.
    fn fate(&self, tx: TxId) -> Asking<'_, Fate>;

    /// What became of a transaction, and the height of the last final block that the node had when it was asked, if any. Asked
    /// in one batch where the interface has batches; otherwise the height first, so that the answer is never of an older state.
    fn fate_and_final(&self, tx: TxId) -> Asking<'_, (Fate, Option<u64>)> {
        Box::pin(async move {
            let heads = self.heads().await?;
            Ok((self.fate(tx).await?, heads.finalized.map(|header| header.block.height)))
        })
    }

    /// The same of several transactions, in the same order; what is not known of one keeps nobody from knowing the others.
    fn fates_and_final<'a>(&'a self, txs: &'a [TxId]) -> Asking<'a, (Fates, Option<u64>)> {
        Box::pin(async move {
            let heads = self.heads().await?;
            let mut fates = Vec::with_capacity(txs.len());
            for tx in txs {
                fates.push(self.fate(*tx).await);
            }
            Ok((fates, heads.finalized.map(|header| header.block.height)))
        })
    }

    /// What fees follow from.
    fn fees(&self) -> Asking<'_, FeeFacts>;

    /// Nonces and resources of an account. Families with accounts only.
    fn account<'a>(&'a self, address: &'a ChainAddress) -> Asking<'a, Account>;

    /// How much of an owner's stake for energy is lent to an address, in sun, as of the last final block. TRON only.
    fn lent<'a>(&'a self, _owner: &'a ChainAddress, _to: &'a ChainAddress) -> Asking<'a, u64> {
        Box::pin(async { Err(NodeError::NoSuchThing("stake that is lent")) })
    }

    /// Which of these outputs are there, unspent, in the same order. Bitcoin only.
    fn outputs<'a>(&'a self, outputs: &'a [OutPoint]) -> Asking<'a, Vec<Option<OutputFacts>>>;

    /// What addresses have, in the same order, as of a block that is named by its header; none of a token whose contract tells no
    /// amount: that is the contract's fault, not the endpoint's, and keeps nobody from knowing the others. Of TRON, and of Bitcoin,
    /// as of now, and an error where the node is not at that block.
    fn balances<'a>(&'a self, of: &'a [(ChainAddress, Coin)], at: Header) -> Asking<'a, Vec<Option<u128>>>;

    /// How many transactions the keys of addresses have made, in the same order, as of a block; none where the network does not
    /// count them.
    fn nonces<'a>(&'a self, of: &'a [ChainAddress], _at: Header) -> Asking<'a, Vec<Option<u64>>> {
        Box::pin(async { Ok(vec![None; of.len()]) })
    }

    /// With how many decimals a token's contract counts; none where it does not tell them, or is not there. Families with contracts
    /// only.
    fn decimals<'a>(&'a self, _token: &'a ChainAddress) -> Asking<'a, Option<u8>> {
        Box::pin(async { Err(NodeError::NoSuchThing("tokens")) })
    }

    /// What a call would come to, without being made. Families with contracts only.
    fn trial<'a>(&'a self, call: &'a TrialCall) -> Asking<'a, Trial>;
}

/// The call of a token for its decimals: the first bytes of the hash of `decimals()`.
const DECIMALS: [u8; 4] = [0x31, 0x3c, 0xe5, 0x67];

/// What a token's contract returned when it was asked for its decimals; none where that is no such number. To tell them is a wish of the
/// standard (ERC-20), no duty.
fn decimals_of(returned: &[u8]) -> Option<u8> {
    let word: &[u8; 32] = returned.try_into().ok()?;
    let [zeros @ .., last] = word;
    zeros.iter().all(|byte| *byte == 0).then_some(*last)
}

/// What a token's contract returned when it was asked for a balance; none where that is no amount that is counted with.
fn amount_of(returned: &[u8]) -> Option<u128> {
    returned.try_into().ok().and_then(|word| crate::rpc::Wide(word).narrow())
}

/// Proofs of transfers in canonical texts.
fn facts_of(params: &crate::NetworkParams, proved: Vec<crate::scan::Proved>) -> Vec<Transfer> {
    let text = |account: &[u8; 20]| crate::scan::account_text(params, account);
    let fact = |proved: crate::scan::Proved| {
        let (contract, from, to) = (text(&proved.contract)?, text(&proved.from)?, text(&proved.to)?);
        Some(Transfer { place: proved.place, contract, from, to, amount: proved.amount.narrow() })
    };
    proved.into_iter().filter_map(fact).collect()
}
