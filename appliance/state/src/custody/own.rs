//! Transactions of the exchange's own: what they move is never anybody's deposit.

use exchequer_domain::{Network, TxId};
use serde::{Deserialize, Serialize};

use crate::codec;
use crate::halt::Halt;
use crate::networks::number;
use crate::rows::{Family, Rows, Table};

/// What an own transaction is for. Variants are only ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OwnPurpose {
    /// Pays withdrawals.
    Withdrawal,
    /// Gathers deposits in a wallet.
    Sweep,
    /// Brings what moving something costs to where it is.
    TopUp,
    /// Takes the place of another one and moves nothing.
    Noop,
    /// Between wallets.
    Move,
    /// Freezes coin, or lends what that gives.
    Stake,
}

impl OwnPurpose {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            OwnPurpose::Withdrawal => "withdrawal",
            OwnPurpose::Sweep => "sweep",
            OwnPurpose::TopUp => "top-up",
            OwnPurpose::Noop => "no-op",
            OwnPurpose::Move => "move",
            OwnPurpose::Stake => "stake",
        }
    }
}

/// A transaction that the exchange signed; it is put down before it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnTransfer {
    /// What for.
    pub purpose: OwnPurpose,
    /// The number of the withdrawal, sweep or top-up that it is of.
    pub of: u64,
}

pub(crate) fn own_transfer_key(network: Network, tx: &TxId) -> Vec<u8> {
    Table::OwnTransfer.key(&[number(network).as_slice(), &tx.0].concat())
}

/// Whether the exchange signed this transaction, and what for.
///
/// # Errors
/// The rows cannot be read, are damaged, or are of a newer program.
pub fn own_transfer(rows: &dyn Rows, network: Network, tx: &TxId) -> Result<Option<OwnTransfer>, Halt> {
    let row = rows.get(Family::Ids, &own_transfer_key(network, tx))?;
    row.map(|row| codec::decode(&row).map_err(|error| Halt::row(Table::OwnTransfer, error))).transpose()
}
