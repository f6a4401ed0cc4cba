//! Why a node must stop applying. Never caused by bad input; after one, the state in memory is to be dropped.

use exchequer_domain::{Code, Problem};
use exchequer_ledger as ledger;

use crate::codec::DecodeError;
use crate::rows::{RowsUnavailable, Table};

/// Why this node cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Halt {
    /// The rows below the state cannot be read.
    #[error(transparent)]
    Rows(#[from] RowsUnavailable),
    /// The cluster applies rules that this program does not know.
    #[error("the cluster applies logic version {needed}; this program knows up to {supported}")]
    LogicVersion {
        /// The version that the cluster decided on.
        needed: u32,
        /// The highest one of this program.
        supported: u32,
    },
    /// A row was written by a newer program.
    #[error("a row of table {table:?} has format version {found}, newer than this program reads")]
    FormatNewer {
        /// The row's table.
        table: Table,
        /// Its version byte.
        found: u8,
    },
    /// A row does not hold what its table promises.
    #[error("a row of table {table:?} is damaged")]
    RowDamaged {
        /// The row's table.
        table: Table,
    },
    /// A market cannot go on.
    #[error(transparent)]
    Market(#[from] exchequer_matching::Halt),
    /// The ledger cannot go on.
    #[error(transparent)]
    Ledger(ledger::Halt),
    /// A rule that must always hold does not.
    #[error("{0}")]
    Invariant(String),
}

impl Halt {
    /// A row of `table` could not be read because of `error`.
    pub(crate) fn row(table: Table, error: DecodeError) -> Halt {
        match error {
            DecodeError::Newer { found } => Halt::FormatNewer { table, found },
            DecodeError::Empty | DecodeError::Malformed => Halt::RowDamaged { table },
        }
    }

    /// The stable code, the message and what to do.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let code = match self {
            Halt::Rows(_) | Halt::RowDamaged { .. } => Code::FileCorrupt,
            Halt::LogicVersion { .. } => Code::LogicVersion,
            Halt::FormatNewer { .. } => Code::FormatNewer,
            Halt::Ledger(halt) => return halt.problem(),
            Halt::Market(_) | Halt::Invariant(_) => Code::InvariantBroken,
        };
        Problem::new(code, self.to_string())
    }
}

impl From<ledger::Halt> for Halt {
    fn from(halt: ledger::Halt) -> Halt {
        match halt {
            ledger::Halt::History(ledger::HistoryUnavailable(why)) => Halt::Rows(RowsUnavailable(why)),
            other => Halt::Ledger(other),
        }
    }
}
