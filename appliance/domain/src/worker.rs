//! Which workers there are, and how one of them is named.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Network, ParseIdError};

/// What a worker does. Variants are only ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum WorkerKind {
    /// Counts, sleeps, fails, leaks or crashes on command: proves the platform.
    Selftest,
    /// Sees deposits come in.
    Deposit,
    /// Pays withdrawals out.
    Withdrawal,
    /// Gathers deposits in the exchange's own wallets.
    Consolidation,
    /// Gives addresses the coins that their fees take.
    Gas,
    /// Compares the ledger with the chains.
    BalanceSync,
    /// Knows what assets are worth.
    PriceFeed,
    /// Matches orders: part of the state, one instance a market; no process.
    OrderMatching,
    /// Makes candles and statistics: part of the state; no process.
    MarketData,
    /// Judges users and transfers.
    Risk,
    /// Watches who does what.
    SecurityAudit,
    /// Makes the books' reports.
    FinancialReporting,
    /// Watches the system itself.
    SystemHealth,
}

impl WorkerKind {
    /// Every kind, in the order of its number.
    pub const ALL: &'static [WorkerKind] = &[
        WorkerKind::Selftest,
        WorkerKind::Deposit,
        WorkerKind::Withdrawal,
        WorkerKind::Consolidation,
        WorkerKind::Gas,
        WorkerKind::BalanceSync,
        WorkerKind::PriceFeed,
        WorkerKind::OrderMatching,
        WorkerKind::MarketData,
        WorkerKind::Risk,
        WorkerKind::SecurityAudit,
        WorkerKind::FinancialReporting,
        WorkerKind::SystemHealth,
    ];

    /// The name in commands, keys and listings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            WorkerKind::Selftest => "selftest",
            WorkerKind::Deposit => "deposit",
            WorkerKind::Withdrawal => "withdrawal",
            WorkerKind::Consolidation => "consolidation",
            WorkerKind::Gas => "gas",
            WorkerKind::BalanceSync => "balance-sync",
            WorkerKind::PriceFeed => "price-feed",
            WorkerKind::OrderMatching => "order-matching",
            WorkerKind::MarketData => "market-data",
            WorkerKind::Risk => "risk",
            WorkerKind::SecurityAudit => "security-audit",
            WorkerKind::FinancialReporting => "financial-reporting",
            WorkerKind::SystemHealth => "system-health",
        }
    }

    /// Whether each of its instances works on one network.
    #[must_use]
    pub const fn has_network(self) -> bool {
        self.moves_money() || matches!(self, WorkerKind::BalanceSync)
    }

    /// Whether it credits, pays, gathers or spends money: what stands still in an emergency.
    #[must_use]
    pub const fn moves_money(self) -> bool {
        match self {
            WorkerKind::Deposit | WorkerKind::Withdrawal | WorkerKind::Consolidation | WorkerKind::Gas => true,
            WorkerKind::Selftest
            | WorkerKind::BalanceSync
            | WorkerKind::PriceFeed
            | WorkerKind::OrderMatching
            | WorkerKind::MarketData
            | WorkerKind::Risk
            | WorkerKind::SecurityAudit
            | WorkerKind::FinancialReporting
            | WorkerKind::SystemHealth => false,
        }
    }
}

impl fmt::Display for WorkerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for WorkerKind {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<WorkerKind, ParseIdError> {
        let expected = "a kind such as selftest, deposit or balance-sync";
        let found = WorkerKind::ALL.iter().copied().find(|kind| kind.as_str() == text);
        found.ok_or(ParseIdError { kind: "kind of workers", expected })
    }
}

/// One worker: `selftest/1`, or with its network `deposit/bitcoin-1`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WorkerId {
    /// What it does.
    pub kind: WorkerKind,
    /// Where; given exactly where the kind has networks.
    pub network: Option<Network>,
    /// Which of several, from 1.
    pub instance: u16,
}

impl WorkerId {
    /// One number for it: kind, network (zero where there is none) and instance, each in two bytes.
    #[must_use]
    pub const fn number(self) -> u64 {
        let network = match self.network {
            Some(network) => network as u64 + 1,
            None => 0,
        };
        (self.kind as u64) << 32 | network << 16 | self.instance as u64
    }
}

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.network {
            Some(network) => write!(f, "{}/{network}-{}", self.kind, self.instance),
            None => write!(f, "{}/{}", self.kind, self.instance),
        }
    }
}

impl fmt::Debug for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "worker {self}")
    }
}

impl FromStr for WorkerId {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<WorkerId, ParseIdError> {
        let wrong = ParseIdError { kind: "worker", expected: "KIND/N or KIND/NETWORK-N, such as selftest/1" };
        let (kind, which) = text.split_once('/').ok_or_else(|| wrong.clone())?;
        let kind: WorkerKind = kind.parse()?;
        let (network, number) = match which.rsplit_once('-') {
            Some((network, number)) => (Some(network.parse()?), number),
            None => (None, which),
        };
        // Rust would take a plus sign and leading zeros, so that one worker would have several names.
        let plain = number.bytes().all(|byte| byte.is_ascii_digit()) && !number.starts_with('0');
        let instance = number.parse().ok().filter(|_| plain).ok_or_else(|| wrong.clone())?;
        if network.is_some() != kind.has_network() {
            return Err(wrong);
        }
        Ok(WorkerId { kind, network, instance })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a worker has one name, which reads back; a network is named exactly where the kind has one.
    #[test]
    fn names_read_back() {
        for kind in WorkerKind::ALL {
            let networks: Vec<Option<Network>> =
                if kind.has_network() { Network::ALL.iter().copied().map(Some).collect() } else { vec![None] };
            for network in networks {
                let id = WorkerId { kind: *kind, network, instance: 12 };
                assert_eq!(id.to_string().parse(), Ok(id));
            }
        }
        for wrong in [
            "",
            "selftest",
            "selftest/",
            "selftest/0",
            "selftest/01",
            "selftest/+1",
            "selftest/bitcoin-1",
            "deposit/1",
            "deposit/bitcoin",
            "deposit/bitcoin-0",
            "nobody/1",
            "selftest/65536",
        ] {
            assert!(wrong.parse::<WorkerId>().is_err(), "{wrong}");
        }
    }
}
