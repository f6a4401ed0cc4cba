//! The room of gas: what fees are on each network, what its stations have and for how long, what was spent on what, and what
//! may be brought to addresses.
//!
//! Invariants:
//! - An address gets gas three times within 24 hours at most, and a network's top-ups of a day keep within its budget. Both are
//!   held here, whatever a worker believes: a sweep that fails again and again costs no more.
//! - Everything is in minor units of the network's coin, as the ledger has it, but the network's fee for a unit.

mod book;
mod budget;
mod forecast;
mod loan;
mod refusal;

use std::collections::BTreeMap;

use exchequer_domain::{ChainAddress, Network, Timestamp};

pub use book::{
    FEE_HOURS_MAX, FEE_HOURS_MIN, FEE_PERCENTILE, GasBook, GasLevel, GasUse, STATIONS_MAX, Spent, Station,
    TOP_UPS_OF_ADDRESS_MAX,
};
pub(crate) use book::{Topped, topped_key};
pub use budget::{GasBudget, NEARLY_PERCENT};
pub use forecast::{HOURS_OF_WEEK, Profile, RUNWAY_HOURS_MAX, Runway};
pub use loan::{DOUBTED_MAX, LOANS_MAX, Loan, LoanStage, MISSED_MIN, UNSEEN_MAX};
pub use refusal::Refusal;

use crate::codec::{self, DecodeError};
use crate::halt::Halt;
use crate::rows::{self, Rows, Table};

/// The books of all networks, and when addresses got gas.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gas {
    pub(crate) books: BTreeMap<Network, GasBook>,
    pub(crate) topped: BTreeMap<(Network, ChainAddress), Topped>,
}

impl Gas {
    pub(crate) fn load(rows: &dyn Rows) -> Result<Gas, Halt> {
        let mut room = Gas::default();
        rows::for_each_of_table(rows, Table::Gas, |suffix, row| {
            let damaged = |error| Halt::row(Table::Gas, error);
            let malformed = || damaged(DecodeError::Malformed);
            let (number, address) = suffix.split_first_chunk::<2>().ok_or_else(malformed)?;
            let number = u16::from_be_bytes(*number);
            let network = Network::ALL.iter().copied().find(|known| *known as u16 == number).ok_or_else(malformed)?;
            if address.is_empty() {
                room.books.insert(network, codec::decode(row).map_err(damaged)?);
            } else {
                let text = std::str::from_utf8(address).map_err(|_| malformed())?;
                let address = ChainAddress::canonical(text).map_err(|_| malformed())?;
                room.topped.insert((network, address), codec::decode(row).map_err(damaged)?);
            }
            Ok(())
        })?;
        Ok(room)
    }

    /// The book of a network; none where nothing is known yet.
    #[must_use]
    pub fn book(&self, network: Network) -> Option<&GasBook> {
        self.books.get(&network)
    }

    /// How often an address got gas within the last 24 hours.
    #[must_use]
    pub fn top_ups(&self, network: Network, address: &ChainAddress, now: Timestamp) -> usize {
        let mut of = self.topped.get(&(network, address.clone())).cloned().unwrap_or_default();
        of.prune(now);
        of.0.len()
    }

    /// Addresses of a network that got gas longer ago than 24 hours.
    pub(crate) fn outdated(&self, network: Network, now: Timestamp, most: usize) -> Vec<ChainAddress> {
        let of = self.topped.iter().filter(|((on, _), topped)| {
            let mut topped = (*topped).clone();
            topped.prune(now);
            *on == network && topped.0.is_empty()
        });
        of.take(most).map(|((_, address), _)| address.clone()).collect()
    }
}
