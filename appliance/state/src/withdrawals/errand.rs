//! What a payout is for: to pay withdrawals, or to move money between addresses of the exchange's own.
//!
//! Invariant: a move goes from an address of the exchange's to an address of the exchange's, and is a whole number of the
//! ledger's minor units, so that each of the ledger's stores has exactly what it has on chain.

use exchequer_domain::{ChainAddress, Network, WorkerKind};
use exchequer_ledger::Asset;
use serde::{Deserialize, Serialize};

use super::payout::PayoutId;
use super::stake::Stake;
use crate::custody::WalletRole;
use crate::networks::Operation;
use crate::sweeps::SweepId;

/// What is moved between addresses of the exchange's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// Of what.
    pub asset: Asset,
    /// The token's contract; none for the network's own coin.
    pub coin: Option<ChainAddress>,
    /// Where to, in the network's canonical form.
    pub to: ChainAddress,
    /// The index of that address in the pool; none of a wallet's.
    pub to_index: Option<u32>,
    /// How much, in the asset's smallest unit on its network.
    pub on_chain: u128,
    /// The same in minor units of the ledger.
    pub amount: u128,
    /// The plan that it carries out; none of what no plan asked for, such as coins of a wallet that are put together.
    pub plan: Option<SweepId>,
}

/// What a payout is for. Variants are only ever appended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Errand {
    /// Pays its withdrawals; where it has none it fills a gap among nonces.
    #[default]
    Withdrawals,
    /// Brings deposits, or coins that lie scattered, to a wallet.
    Sweep(Move),
    /// Brings the network's coin to an address that will need it for fees.
    TopUp(Move),
    /// Freezes coin, or lends what that gives (TRON).
    Stake(Stake),
}

impl Errand {
    /// What is moved between own addresses, if anything.
    #[must_use]
    pub const fn moves(&self) -> Option<&Move> {
        match self {
            Errand::Withdrawals | Errand::Stake(_) => None,
            Errand::Sweep(one) | Errand::TopUp(one) => Some(one),
        }
    }

    /// Whether it is the exchange's own: not for withdrawals, and no gap among nonces.
    #[must_use]
    pub const fn is_own(&self) -> bool {
        match self {
            Errand::Withdrawals => false,
            Errand::Sweep(_) | Errand::TopUp(_) | Errand::Stake(_) => true,
        }
    }

    /// Which kind of worker does it from a wallet of this role. Gaps are filled by those who pay from there.
    #[must_use]
    pub const fn worker(&self, payer: WalletRole) -> WorkerKind {
        match (self, payer) {
            (Errand::Sweep(_), _) | (Errand::Withdrawals, WalletRole::Deposit) => WorkerKind::Consolidation,
            (Errand::TopUp(_) | Errand::Stake(_), _) | (Errand::Withdrawals, WalletRole::Gas) => WorkerKind::Gas,
            (Errand::Withdrawals, WalletRole::Hot | WalletRole::Cold) => WorkerKind::Withdrawal,
        }
    }

    /// What a network must allow for it. Who tops up serves those who sweep.
    #[must_use]
    pub const fn operation(&self, payer: WalletRole) -> Operation {
        match self.worker(payer) {
            WorkerKind::Withdrawal => Operation::Withdrawal,
            _ => Operation::Sweep,
        }
    }

    /// The word for it.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Errand::Withdrawals => "withdrawals",
            Errand::Sweep(_) => "sweep",
            Errand::TopUp(_) => "top-up",
            Errand::Stake(_) => "stake",
        }
    }
}

/// Why something is not moved like this. Variants are only ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MoveFault {
    /// The asset is not listed on the network, or not as this coin.
    Coin,
    /// The amount is nothing, no whole number of minor units, or not what the inputs leave.
    Amount,
    /// Deposits are not swept there: it is no pinned wallet of the network's that is in use.
    Destination,
    /// Nothing is topped up there: it is no address of the pool and none of a hot wallet's.
    TopUpDestination,
    /// The books, or what is free on the address, do not have so much.
    Short,
    /// There is one under way to that address already.
    UnderWay,
    /// As many moves of the network are under way as there may be.
    Full,
    /// The plan is none of this, or waits for something else.
    Plan,
    /// The address is nobody's, or its user is frozen.
    Held,
    /// Nothing is told, or too much at once.
    Count,
    /// Nothing like this is lent, or it is being taken back.
    Loan,
    /// Settings do not want it.
    Off,
}

impl MoveFault {
    /// In words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            MoveFault::Coin => "the asset is not listed on the network as this coin",
            MoveFault::Amount => "the amount is no whole number of minor units, or not what the inputs leave",
            MoveFault::Destination => "deposits are swept to pinned wallets of the network that are in use only",
            MoveFault::TopUpDestination => {
                "the network's coin is brought to addresses of the pool and of hot wallets only"
            }
            MoveFault::Short => "there is not so much that may be moved",
            MoveFault::UnderWay => "there is one under way to that address already",
            MoveFault::Full => "as many moves of the network are under way as there may be",
            MoveFault::Plan => "there is no such plan, or it waits for something else",
            MoveFault::Held => "the address is nobody's, or its user is frozen",
            MoveFault::Count => "1 to 250 sweeps are told of at once",
            MoveFault::Loan => "nothing like this is lent, or it is being taken back",
            MoveFault::Off => "gas.lend is off, or more would be staked than gas.stake_trx says",
        }
    }
}

/// The name under which a signer remembers what a payout moves: the same in all its attempts, and no withdrawal's.
#[must_use]
pub fn move_payment_id(payout: PayoutId) -> [u8; 16] {
    let mut name = *b"own-move\0\0\0\0\0\0\0\0";
    name[8..].copy_from_slice(&payout.0.to_be_bytes());
    name
}

/// Moves of a network that are under way at once, whoever pays.
pub const MOVES_IN_FLIGHT_MAX: usize = 1_000;

/// Payouts that may be under way from one payer at once: of a hot or gas wallet those that are in no block. A deposit address has
/// one at a time until that is final: what it has is read anew before the next.
#[must_use]
pub const fn in_flight_max(payer: WalletRole, network: Network) -> usize {
    match (payer, network.family()) {
        (WalletRole::Deposit, exchequer_domain::Family::Evm | exchequer_domain::Family::Tron) => 1,
        (WalletRole::Deposit, exchequer_domain::Family::Bitcoin)
        | (WalletRole::Hot | WalletRole::Gas | WalletRole::Cold, _) => super::payout::IN_FLIGHT_MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the name of a move is none of a withdrawal's, and another one for each payout.
    #[test]
    fn names_of_moves() {
        let [one, two] = [1, 2].map(|number| move_payment_id(PayoutId(number)));
        assert!(one != two && !one.starts_with(b"withdraw") && !two.starts_with(b"withdraw"));
    }
}
