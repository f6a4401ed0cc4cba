//! Clients against answers made by hand, and panels of endpoints that misbehave.

mod bitcoin;
mod evm;
mod panel;
mod tron;
