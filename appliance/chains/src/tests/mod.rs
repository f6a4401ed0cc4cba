//! Tests over all three families: golden vectors, what is built is what is read, and what was changed is never taken for it.

mod addresses;
mod bitcoin_drafts;
mod bytes;
mod evm_alloy;
mod foreign;
mod golden;
mod keys;
mod random;
mod tron_vectors;
