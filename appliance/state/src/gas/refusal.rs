//! Why a command about gas is refused.

use exchequer_domain::Code;
use serde::{Deserialize, Serialize};

use super::book::{STATIONS_MAX, TOP_UPS_OF_ADDRESS_MAX};
use super::loan::LOANS_MAX;

/// Why it is refused. Variants are only ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// Only the network's gas worker may ask for this.
    NotTheWorker,
    /// Too many stations at once, one twice, or one that is no address of a gas or hot wallet of the network.
    Stations,
    /// The address got gas as often within 24 hours as it may.
    TooOften,
    /// The day's budget of the network would be passed.
    Budget {
        /// What is left of it, in millionths of a dollar.
        left_usd_micros: u64,
    },
    /// There is no fresh reference price of the network's coin, so that nobody can say what a top-up takes of the budget.
    NoPrice,
    /// More loans than there may be, or stake of an address that is no station which is told of.
    Loans,
}

impl Refusal {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> Code {
        match self {
            Refusal::NotTheWorker => Code::WorkerMayNot,
            Refusal::Stations | Refusal::Loans => Code::GasStations,
            Refusal::TooOften => Code::GasTooOften,
            Refusal::Budget { .. } => Code::GasBudget,
            Refusal::NoPrice => Code::GasNoPrice,
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refusal::NotTheWorker => write!(f, "only the network's gas worker may ask for this"),
            Refusal::Stations => {
                write!(
                    f,
                    "stations are addresses of the network's gas and hot wallets, each once, {STATIONS_MAX} at most"
                )
            }
            Refusal::TooOften => {
                write!(f, "the address got gas {TOP_UPS_OF_ADDRESS_MAX} times within 24 hours, which is the most")
            }
            Refusal::Budget { left_usd_micros } => {
                write!(f, "{left_usd_micros} millionths of a dollar are left of the day's budget for gas")
            }
            Refusal::NoPrice => write!(f, "there is no fresh reference price of the network's coin"),
            Refusal::Loans => {
                write!(f, "{LOANS_MAX} loans are told of at once at most, and the stake of stations that are told of")
            }
        }
    }
}
