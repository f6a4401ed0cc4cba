//! Why a node must stop applying. Never caused by bad input; after one, the ledger in memory is to be dropped.

use exchequer_domain::{Code, Problem};

use crate::codec::DecodeError;
use crate::rows::{HistoryUnavailable, Table};

/// Why this node cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Halt {
    /// The rows below the ledger cannot be read.
    #[error(transparent)]
    History(#[from] HistoryUnavailable),
    /// A row was written by a newer program.
    #[error("a row of the ledger's table {table:?} has format version {found}, newer than this program reads")]
    FormatNewer {
        /// The row's table.
        table: Table,
        /// Its version byte.
        found: u8,
    },
    /// A row does not hold what its table promises, or is missing.
    #[error("a row of the ledger's table {table:?} is damaged")]
    RowDamaged {
        /// The row's table.
        table: Table,
    },
    /// A rule that must always hold does not: going on could lose money.
    #[error("the ledger's rule is broken: {0}")]
    Invariant(&'static str),
}

impl Halt {
    pub(crate) fn row(table: Table, error: DecodeError) -> Halt {
        match error {
            DecodeError::Newer { found } => Halt::FormatNewer { table, found },
            DecodeError::Malformed => Halt::RowDamaged { table },
        }
    }

    /// The stable code, the message and what to do.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let code = match self {
            Halt::History(_) | Halt::RowDamaged { .. } => Code::FileCorrupt,
            Halt::FormatNewer { .. } => Code::FormatNewer,
            Halt::Invariant(_) => Code::InvariantBroken,
        };
        Problem::new(code, self.to_string())
    }
}
