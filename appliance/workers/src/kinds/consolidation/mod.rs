//! Consolidation: deposits are gathered in the exchange's wallets where that is worth what it costs.

pub mod coins;
pub mod economics;
