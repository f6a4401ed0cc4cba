//! What nodes say.

use std::collections::BTreeSet;

use exchequer_domain::{BlockRef, ChainAddress, Place, TxId};

use crate::scan::{Block, Header};

/// How far a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heads {
    /// The end of its branch.
    pub head: Header,
    /// The last block that it will hardly leave, where the network has such a thing.
    pub safe: Option<Header>,
    /// The last final block; `None` where there is none yet, or the node does not know. Never made up by counting, but on Bitcoin.
    pub finalized: Option<Header>,
}

/// Why a transaction that may still become valid was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hindrance {
    /// It pays less than the node asks at present.
    FeeTooLow,
    /// Another transaction has its place in the pool (same nonce, same input), and it does not pay enough more.
    ReplacementUnderpriced,
    /// Its nonce is used: look for what used it, of this withdrawal's attempts, before anything else.
    NonceTooLow,
    /// Transactions before it are missing.
    NonceTooHigh,
    /// The sender has too little, as far as this node knows.
    Funds,
    /// An input is spent or unknown.
    InputsGone,
    /// It is not valid before a later block or time.
    NotYet,
    /// The block that it refers to is unknown to this node.
    StaleReference,
    /// The contract's or the account's state forbids it, as this node sees it.
    Validation,
    /// The node takes nothing now.
    NodeBusy,
}

/// What one node said to a transaction that was sent to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broadcast {
    /// It took it.
    Accepted,
    /// It has it, or says so: look it up.
    AlreadyKnown,
    /// These bytes are invalid for ever.
    RefusedForGood(String),
    /// It did not take it, and might take the same bytes at another time.
    NotNow(Hindrance, String),
    /// Nobody knows. Never the same as failed.
    Unknown(String),
}

impl Broadcast {
    /// Whether the network may have the transaction now, as far as this answer says.
    #[must_use]
    pub const fn may_be_out(&self) -> bool {
        match self {
            Broadcast::Accepted | Broadcast::AlreadyKnown | Broadcast::Unknown(_) => true,
            // It may be ours, sent before, that used the nonce or spent the inputs.
            Broadcast::NotNow(Hindrance::NonceTooLow | Hindrance::InputsGone, _) => true,
            // One node's word about bytes that another may have taken: only the network's fate settles it.
            Broadcast::RefusedForGood(_) => true,
            Broadcast::NotNow(_, _) => false,
        }
    }
}

/// A movement of tokens that a log proves.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Transfer {
    /// Where in the transaction.
    pub place: Place,
    /// The token's contract.
    pub contract: ChainAddress,
    /// Who paid.
    pub from: ChainAddress,
    /// Who got it.
    pub to: ChainAddress,
    /// How much; `None` where it is more than is counted with.
    pub amount: Option<u128>,
}

/// What became of a transaction, as one node knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// The node does not know it.
    Unseen,
    /// It waits.
    Pending,
    /// It is in a block of the node's branch.
    Included {
        /// Which.
        block: BlockRef,
        /// Whether it did what it says.
        ok: bool,
        /// Movements of tokens that it made, of whatever contract.
        transfers: Vec<Transfer>,
        /// What it cost its sender, in the network's smallest unit, where the node says so.
        fee: Option<u128>,
    },
}

/// What fees follow from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeeFacts {
    /// Of Bitcoin, in satoshis for 1,000 virtual bytes.
    Bitcoin {
        /// Rates for inclusion within so many blocks; `None` where the node has too little to go by.
        targets: Vec<(u16, Option<u64>)>,
        /// Below it nothing is relayed.
        relay_min: u64,
        /// Below it nothing fits into the node's pool at present.
        pool_min: u64,
        /// What a replacement has to pay more.
        increment: u64,
    },
    /// Of EVM networks, in wei for a unit of gas.
    Evm {
        /// Of the next block; `None` on a network without one.
        base_fee: Option<u128>,
        /// Tips of recent blocks at the percentiles 25, 50 and 90; each the median over those blocks that were not empty.
        tips: Option<[u128; 3]>,
        /// What the node suggests in all.
        gas_price: u128,
        /// What it suggests as a tip, where it does.
        tip: Option<u128>,
    },
    /// Of TRON, in sun.
    Tron {
        /// For a unit of energy.
        energy: u64,
        /// For a byte.
        bandwidth: u64,
        /// For making an account, as bandwidth.
        create_account: u64,
        /// For making an account, always.
        create_account_system: u64,
        /// For a memo.
        memo: u64,
        /// The highest `fee_limit`.
        limit_max: u64,
    },
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Account {
    /// Of an EVM network.
    Evm {
        /// Transactions in the node's branch.
        latest: u64,
        /// With those that wait, as far as they are without a gap.
        pending: u64,
        /// Transactions that are final; `None` where the node cannot say.
        finalized: Option<u64>,
        /// The coin it has at the node's head, in wei.
        balance: u128,
    },
    /// Of TRON.
    Tron(TronAccount),
}

/// An account of TRON, at the node's last final block but for its resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TronAccount {
    /// Whether the network knows it; tokens can arrive without.
    pub activated: bool,
    /// In sun.
    pub balance: u64,
    /// Units of energy that it may use today.
    pub energy: u64,
    /// Bytes that it may send today by stake.
    pub bandwidth_staked: u64,
    /// Bytes that it may send today for free.
    pub bandwidth_free: u64,
    /// What it owns beside its balance, in sun: what it has staked, what of that is lent, and what ends.
    pub staked: u64,
    /// Of that what is staked for energy and not lent.
    pub energy_stake: u64,
    /// And what is staked for energy and lent.
    pub energy_lent: u64,
    /// Units of energy that it has used and that have not come back.
    pub energy_used: u64,
    /// Units of energy that all stakes of the network give in a day.
    pub energy_of_all: u64,
    /// What all have staked for energy, in TRX.
    pub stake_of_all: u64,
    /// Parts of the stake that end.
    pub ending: u64,
    /// When the first of them is free, in milliseconds since 1970; 0 where none ends.
    pub free_ms: u64,
}

/// An output that is there and not spent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputFacts {
    /// In satoshis.
    pub sats: u64,
    /// Its script.
    pub script: Vec<u8>,
    /// Blocks on top of it and its own; 0 where it waits.
    pub confirmations: u32,
    /// Whether a block made it: not to be spent before 100 confirmations.
    pub coinbase: bool,
}

/// A call that is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrialCall {
    /// Who would call.
    pub from: ChainAddress,
    /// Whom.
    pub to: ChainAddress,
    /// Coin that would go along, in the network's smallest unit.
    pub value: u128,
    /// The call.
    pub data: Vec<u8>,
}

/// What a call would come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trial {
    /// It would succeed.
    Done {
        /// What it returns.
        returned: Vec<u8>,
        /// What it would use: gas, on TRON energy with penalties. Without reserve.
        units: u64,
    },
    /// It would fail.
    Reverted {
        /// As the node says, cleaned.
        reason: String,
    },
}

impl Trial {
    /// The same of a call by which a token is to be moved. Where its contract says anything but yes it would move nothing, whatever
    /// becomes of the transaction. One that says nothing at all moves, or fails; whether it moved is seen in its log. Not for TRON,
    /// whose most used token returns no from transfers that have moved.
    #[must_use]
    pub fn of_transfer(self) -> Trial {
        match self {
            Trial::Done { returned, .. } if !returned.is_empty() && !is_yes(&returned) => {
                Trial::Reverted { reason: "the token's contract says no".to_owned() }
            }
            other => other,
        }
    }
}

/// Whether a contract's answer is the word for yes.
fn is_yes(returned: &[u8]) -> bool {
    matches!(returned.split_at_checked(31), Some((zeros, [1])) if zeros.iter().all(|byte| *byte == 0))
}

/// Transactions that are given in full at a time.
pub const WAITING_MAX: usize = 500;

/// What waits for a block, as one node knows. Nothing of it is certain, and nothing is credited by it.
#[derive(Debug, Clone, PartialEq)]
pub struct Waiting {
    /// The names of all that waits.
    pub names: BTreeSet<TxId>,
    /// Those that were not known before, [`WAITING_MAX`] at most, as if they were in a block of their own.
    pub fresh: Block,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a token that says no without failing is found before anything is sent to it; failure modes 4 and 35. Method: answers of
    /// no bytes, of yes, of no, of another number, and of other lengths.
    #[test]
    fn a_token_that_says_no_fails_on_trial() {
        let word = |last: u8| [[0; 31].as_slice(), &[last]].concat();
        let said = |returned: Vec<u8>| Trial::Done { returned, units: 7 }.of_transfer();
        for good in [Vec::new(), word(1)] {
            assert_eq!(said(good.clone()), Trial::Done { returned: good, units: 7 });
        }
        let high = [[1].as_slice(), &[0; 30], &[1]].concat();
        for bad in [word(0), word(2), high, vec![1], [word(1), vec![0]].concat(), vec![0; 64]] {
            assert!(matches!(said(bad.clone()), Trial::Reverted { .. }), "{bad:?}");
        }
        let failed = Trial::Reverted { reason: "paused".to_owned() };
        assert_eq!(failed.clone().of_transfer(), failed);
    }
}
