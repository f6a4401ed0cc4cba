//! Coin and tokens on EVM networks.

use exchequer_domain::{Network, Place, TxId};

use super::sighting::Movement;
use super::{EvmBlock, EvmLog, EvmReceipt, EvmTx, Frame, Listener, Passed, Watch};
use crate::rpc::Wide;

/// The topic of an ERC-20 transfer: the hash of `Transfer(address,address,uint256)`.
pub(crate) const TRANSFER: [u8; 32] = [
    0xdd, 0xf2, 0x52, 0xad, 0x1b, 0xe2, 0xc8, 0x9b, 0x69, 0xc2, 0xb0, 0x68, 0xfc, 0x37, 0x8d, 0xaa, 0x95, 0x2b, 0xa7,
    0xf1, 0x63, 0xc4, 0xa1, 0x16, 0x28, 0xf5, 0x5a, 0x4d, 0xf5, 0x23, 0xb3, 0xef,
];
/// The contract in which Polygon keeps its coin. Its log repeats what transactions and calls move already.
const POLYGON_COIN: [u8; 20] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0x10];
/// Polygon's transaction that carries the state over from Ethereum.
const POLYGON_STATE_SYNC: u64 = 0x7f;
/// Arbitrum's transaction that begins a block.
const ARBITRUM_INTERNAL: u64 = 0x6a;
/// The kinds of transactions that people sign.
const SIGNED_KINDS: std::ops::RangeInclusive<u64> = 0..=4;
/// Arbitrum's transactions that come from Ethereum: deposit, unsigned, contract, retry and submission of one.
const ARBITRUM_KINDS: [u64; 5] = [0x64, 0x65, 0x66, 0x68, 0x69];

/// What is to be thought of a kind of transaction.
enum Kind {
    Known,
    System,
    Unknown,
}

fn kind(network: Network, kind: u64) -> Kind {
    match (network, kind) {
        (_, kind) if SIGNED_KINDS.contains(&kind) => Kind::Known,
        (Network::Arbitrum, ARBITRUM_INTERNAL) | (Network::Polygon, POLYGON_STATE_SYNC) => Kind::System,
        (Network::Arbitrum, kind) if ARBITRUM_KINDS.contains(&kind) => Kind::Known,
        (_, _) => Kind::Unknown,
    }
}

pub(super) fn walk(block: &EvmBlock, watch: &Watch<'_>, listener: &mut impl Listener) {
    let network = watch.params.network();
    for (at, (tx, receipt)) in block.txs.iter().zip(&block.receipts).enumerate() {
        if !receipt.ok || receipt.tx != tx.hash {
            listener.passed(tx.hash, Place::Value, || Passed::Failed);
            continue;
        }
        let unknown_kind = match kind(network, tx.kind) {
            Kind::System => {
                listener.passed(tx.hash, Place::Value, || Passed::System);
                continue;
            }
            Kind::Known => None,
            Kind::Unknown => Some(tx.kind),
        };
        value(tx, unknown_kind, watch, listener);
        for (ordinal, log) in (0_u32..).zip(&receipt.logs) {
            let place = Place::Log(ordinal);
            match token(network, watch, log) {
                Err(why) => listener.passed(tx.hash, place, || why.say(watch, log)),
                Ok((from, to, amount)) => {
                    let contract = Some(log.address);
                    watch.tell(Movement { tx: tx.hash, place, contract, from, to, amount, unknown_kind }, listener);
                }
            }
        }
        if let Some(frames) = block.traces.as_ref().and_then(|traces| traces.get(at)) {
            calls(tx.hash, frames, unknown_kind, watch, listener);
        }
    }
}

fn value(tx: &EvmTx, unknown_kind: Option<u64>, watch: &Watch<'_>, listener: &mut impl Listener) {
    let (hash, place) = (tx.hash, Place::Value);
    match tx.to {
        Some(to) => {
            let moved = Movement { tx: hash, place, contract: None, from: tx.from, to, amount: tx.value, unknown_kind };
            watch.tell(moved, listener);
        }
        None => listener.passed(hash, place, || Passed::NotOurs),
    }
}

/// Why an entry of a log moves no listed token.
enum NoToken {
    System,
    Removed,
    NoTransfer,
    NotFungible,
    Misshapen,
    Unlisted,
}

impl NoToken {
    fn say(self, watch: &Watch<'_>, log: &EvmLog) -> Passed {
        match self {
            NoToken::System => Passed::System,
            NoToken::Removed => Passed::Removed,
            NoToken::NoTransfer => Passed::NoTransfer,
            NoToken::NotFungible => Passed::NotFungible,
            NoToken::Misshapen => Passed::Misshapen,
            NoToken::Unlisted => {
                super::key::account_text(&watch.params, &log.address).map_or(Passed::NoTransfer, Passed::Unlisted)
            }
        }
    }
}

type Moved = ([u8; 20], [u8; 20], Wide);

/// Who paid whom how much, where the entry is a transfer of a listed token.
fn token(network: Network, watch: &Watch<'_>, log: &EvmLog) -> Result<Moved, NoToken> {
    if log.topics.first() != Some(&TRANSFER) {
        return Err(NoToken::NoTransfer);
    }
    if network == Network::Polygon && log.address == POLYGON_COIN {
        return Err(NoToken::System);
    }
    if !watch.tokens.contains(&log.address) {
        return Err(NoToken::Unlisted);
    }
    if log.removed {
        return Err(NoToken::Removed);
    }
    // Four topics are a transfer of one thing, whose number stands where an amount would be expected.
    if log.topics.len() == 4 {
        return Err(NoToken::NotFungible);
    }
    transfer(log).ok_or(NoToken::Misshapen)
}

/// A transfer by its form alone: three topics, whole addresses, one number.
pub(crate) fn transfer(log: &EvmLog) -> Option<Moved> {
    let [TRANSFER, from, to] = log.topics.as_slice() else { return None };
    let amount: [u8; 32] = log.data.as_slice().try_into().ok()?;
    Some((account(from)?, account(to)?, Wide(amount)))
}

fn account(topic: &[u8; 32]) -> Option<[u8; 20]> {
    let (high, low) = topic.split_at(12);
    high.iter().all(|byte| *byte == 0).then(|| low.try_into().ok()).flatten()
}

/// A transfer that an entry of a log says, of whatever contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Proved {
    /// Where in the transaction.
    pub place: Place,
    /// The contract, without the network's prefix.
    pub contract: [u8; 20],
    /// Who paid.
    pub from: [u8; 20],
    /// Who got it.
    pub to: [u8; 20],
    /// How much.
    pub amount: Wide,
}

impl Proved {
    pub(super) fn of(ordinal: u32, log: &EvmLog) -> Option<Proved> {
        let (from, to, amount) = transfer(log)?;
        Some(Proved { place: Place::Log(ordinal), contract: log.address, from, to, amount })
    }
}

/// Every transfer that a receipt's log proves. Nothing of one that failed.
#[must_use]
pub fn transfers(receipt: &EvmReceipt) -> Vec<Proved> {
    let logs = (0_u32..).zip(&receipt.logs).filter(|(_, log)| receipt.ok && !log.removed);
    logs.filter_map(|(at, log)| Proved::of(at, log)).collect()
}

/// The calls of a transaction that did not fail as a whole. Calls are numbered from the first one inside of it.
fn calls(tx: TxId, frames: &[Frame], unknown_kind: Option<u64>, watch: &Watch<'_>, listener: &mut impl Listener) {
    // The outermost call is the transaction's own value. That it failed, and the receipt says otherwise, voids all of them.
    let mut failed_at = frames.first().filter(|outermost| outermost.failed).map(|outermost| outermost.depth);
    for (number, call) in (0_u32..).zip(frames.iter().skip(1)) {
        let place = Place::Call(number);
        if failed_at.is_some_and(|depth| call.depth <= depth) {
            failed_at = None;
        }
        if failed_at.is_none() && call.failed {
            failed_at = Some(call.depth);
        }
        // The others carry their caller's value along without moving it, or make a contract.
        let moves = matches!(call.kind.as_str(), "CALL" | "SELFDESTRUCT");
        match call.to {
            _ if failed_at.is_some() => listener.passed(tx, place, || Passed::FailedCall),
            Some(to) if moves && to != call.from => {
                let moved =
                    Movement { tx, place, contract: None, from: call.from, to, amount: call.value, unknown_kind };
                watch.tell(moved, listener);
            }
            Some(_) | None => listener.passed(tx, place, || Passed::NoTransfer),
        }
    }
}
