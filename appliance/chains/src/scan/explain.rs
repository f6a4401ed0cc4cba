//! Why a transaction was or was not counted, step by step.

use std::fmt;

use exchequer_domain::{OutPoint, Place, TxId};

use super::{Block, Doubt, Listener, Passed, Sighting, Unsure, Watch, walk};

/// One step of an explanation.
#[derive(Debug, Clone, PartialEq)]
pub enum Finding {
    /// Something arrived.
    Seen(Sighting),
    /// A person has to look.
    Doubt(Doubt),
    /// A coin of ours is spent.
    Spent(OutPoint),
    /// Nothing arrived there.
    Passed(Place, Passed),
}

struct Notes {
    of: TxId,
    findings: Vec<Finding>,
}

impl Listener for Notes {
    fn seen(&mut self, sighting: Sighting) {
        if sighting.tx == self.of {
            self.findings.push(Finding::Seen(sighting));
        }
    }
    fn doubt(&mut self, doubt: Doubt) {
        if doubt.tx == self.of {
            self.findings.push(Finding::Doubt(doubt));
        }
    }
    fn spent(&mut self, tx: TxId, coin: OutPoint) {
        if tx == self.of {
            self.findings.push(Finding::Spent(coin));
        }
    }
    fn passed(&mut self, tx: TxId, place: Place, why: impl FnOnce() -> Passed) {
        if tx == self.of {
            self.findings.push(Finding::Passed(place, why()));
        }
    }
    fn wants(&self, tx: impl FnOnce() -> TxId) -> bool {
        tx() == self.of
    }
}

/// What the scan of its block comes by in a transaction, in its order. `None` where the block does not have it.
#[must_use]
pub fn explain(block: &Block, tx: TxId, watch: &Watch<'_>) -> Option<Vec<Finding>> {
    if !block.transactions().contains(&tx) {
        return None;
    }
    let mut notes = Notes { of: tx, findings: Vec::new() };
    walk(block, watch, &mut notes);
    Some(notes.findings)
}

impl fmt::Display for Passed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Passed::Failed => f.write_str("the transaction failed, so nothing in it moved anything"),
            Passed::NoSuccess(says) if says.is_empty() => {
                f.write_str("the receipt does not say that the call succeeded")
            }
            Passed::NoSuccess(says) => write!(f, "the receipt says {says}"),
            Passed::Nothing => f.write_str("it carries nothing"),
            Passed::NotOurs => f.write_str("it goes to none of our addresses"),
            Passed::NoTransfer => f.write_str("it is no transfer"),
            Passed::NotFungible => f.write_str("it moves a thing, not an amount (four topics)"),
            Passed::Misshapen => f.write_str("it looks like a transfer, but its form is not that of one"),
            Passed::Unlisted(contract) => {
                write!(f, "the contract {contract} is not listed: anybody can write such an entry")
            }
            Passed::Removed => f.write_str("the node takes the entry back"),
            Passed::System => f.write_str("it is the network's own bookkeeping"),
            Passed::FailedCall => f.write_str("the call, or one that it is inside of, failed"),
            Passed::Trc10 => f.write_str("it is a token of the kind TRC-10, which is not taken"),
        }
    }
}

impl fmt::Display for Unsure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unsure::Amount(amount) => write!(f, "the amount {amount:?} is more than is counted with"),
            Unsure::Kind(kind) => write!(f, "the transaction is of the unknown kind {kind:#x}"),
            Unsure::Balance => f.write_str("the token's balances do not follow its log"),
            Unsure::NoText => f.write_str("the address is ours, but cannot be written"),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::Seen(seen) => {
                let from = if seen.from_own { ", from an address of ours: no deposit" } else { "" };
                write!(f, "{}: {} arrived at {}{from}", seen.place, seen.amount, seen.address)
            }
            Finding::Doubt(doubt) => write!(f, "{}: for a person to look at: {}", doubt.place, doubt.why),
            Finding::Spent(coin) => write!(f, "it spends {coin}, which is ours"),
            Finding::Passed(place, why) => write!(f, "{place}: {why}"),
        }
    }
}
