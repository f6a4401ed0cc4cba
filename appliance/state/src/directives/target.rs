//! Whom a directive is for.

use std::fmt;
use std::str::FromStr;

use exchequer_domain::{Network, ParseIdError, WorkerId, WorkerKind};
use serde::{Deserialize, Serialize};

use crate::workers::{WorkerRecord, Workers};

/// Whom it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Target {
    /// One worker.
    Worker(WorkerId),
    /// Every worker of a kind, on one network or all.
    Kind {
        /// The kind.
        kind: WorkerKind,
        /// The network; all of them, or none where the kind has none.
        network: Option<Network>,
    },
    /// Every worker.
    System,
}

impl Target {
    /// Whether a worker is meant.
    #[must_use]
    pub fn takes(&self, worker: WorkerId) -> bool {
        match self {
            Target::Worker(id) => *id == worker,
            Target::Kind { kind, network } => *kind == worker.kind && (network.is_none() || *network == worker.network),
            Target::System => true,
        }
    }

    /// Whether everyone whom the other means is meant.
    #[must_use]
    pub fn covers(&self, other: &Target) -> bool {
        match (self, other) {
            (Target::System, _) => true,
            (_, Target::Worker(worker)) => self.takes(*worker),
            (Target::Kind { kind, network }, Target::Kind { kind: of, network: on }) => {
                kind == of && (network.is_none() || network == on)
            }
            (Target::Kind { .. } | Target::Worker(_), Target::System) | (Target::Worker(_), Target::Kind { .. }) => {
                false
            }
        }
    }

    /// Whether somebody is meant by both. Targets are nested, so that one of the two has all of it.
    #[must_use]
    pub fn overlaps(&self, other: &Target) -> bool {
        self.covers(other) || other.covers(self)
    }

    /// Whether there is a worker that can be asked now, or soon: one that is to run and was not given up.
    pub(crate) fn stands(&self, workers: &Workers) -> bool {
        match self {
            Target::Worker(worker) => workers.get(*worker).is_some_and(WorkerRecord::is_expected),
            Target::Kind { .. } | Target::System => {
                workers.iter().any(|record| self.takes(record.id) && record.is_expected())
            }
        }
    }

    /// Whether somebody is meant who moves money.
    pub(crate) const fn moves_money(&self) -> bool {
        match self {
            Target::Worker(worker) => worker.kind.moves_money(),
            Target::Kind { kind, .. } => kind.moves_money(),
            Target::System => true,
        }
    }

    /// Whether it names a network exactly where it may.
    pub(crate) const fn is_sound(&self) -> bool {
        match self {
            Target::Worker(worker) => worker.network.is_some() == worker.kind.has_network(),
            Target::Kind { kind, network } => network.is_none() || kind.has_network(),
            Target::System => true,
        }
    }
}

impl fmt::Display for Target {
    /// `deposit/bitcoin-1`, `deposit.bitcoin`, `deposit` or `system`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Worker(worker) => worker.fmt(f),
            Target::Kind { kind, network: None } => kind.fmt(f),
            Target::Kind { kind, network: Some(network) } => write!(f, "{kind}.{network}"),
            Target::System => f.write_str("system"),
        }
    }
}

impl FromStr for Target {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<Target, ParseIdError> {
        if text == "system" {
            return Ok(Target::System);
        }
        if text.contains('/') {
            return text.parse().map(Target::Worker);
        }
        let target = match text.split_once('.') {
            Some((kind, network)) => Target::Kind { kind: kind.parse()?, network: Some(network.parse()?) },
            None => Target::Kind { kind: text.parse()?, network: None },
        };
        let expected = "a worker, a kind, KIND.NETWORK or system, such as deposit.bitcoin";
        if target.is_sound() { Ok(target) } else { Err(ParseIdError { kind: "target", expected }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a target reads back as it is printed, and what is none is refused.
    #[test]
    fn names_read_back() {
        for text in ["system", "selftest", "deposit", "deposit.bitcoin", "deposit/bitcoin-1", "selftest/7"] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
        }
        for text in ["", "all", "selftest.bitcoin", "deposit.", "deposit/1", "system/1", "deposit.bitcoin-1"] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
    }

    /// Goal: who covers whom. Method: every pair out of a list, against what it says of each worker.
    #[test]
    fn targets_are_nested() {
        let targets: Vec<Target> = [
            "system",
            "deposit",
            "deposit.bitcoin",
            "deposit.tron",
            "deposit/bitcoin-1",
            "deposit/tron-2",
            "selftest",
            "selftest/1",
        ]
        .map(|text| text.parse().unwrap())
        .to_vec();
        let workers: Vec<WorkerId> = [
            "deposit/bitcoin-1",
            "deposit/bitcoin-2",
            "deposit/tron-2",
            "deposit/tron-3",
            "deposit/bsc-1",
            "selftest/1",
            "selftest/2",
            "risk/1",
        ]
        .map(|text| text.parse().unwrap())
        .to_vec();
        for one in &targets {
            for other in &targets {
                let all = workers.iter().all(|worker| !other.takes(*worker) || one.takes(*worker));
                let some = workers.iter().any(|worker| other.takes(*worker) && one.takes(*worker));
                assert_eq!((one.covers(other), one.overlaps(other)), (all, some), "{one} and {other}");
            }
        }
    }
}
