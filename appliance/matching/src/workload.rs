//! The measured workload: a stream of orders with the mix of a crypto market, made from integers only, and the text in
//! which every engine's answer to it can be compared.
//!
//! Most messages move an order towards the price; a few place, cancel or take. About `target` orders rest.

mod canonical;
mod exchange;
mod generator;
mod plain;

pub use canonical::Canonical;
pub use exchange::Exchange;
pub use generator::generate;
pub use plain::{Line, Plain};

use crate::units::Side;

/// Messages after the prefill in the published workload.
pub const TIMED_MESSAGES: u32 = 3_000_000;

/// As many orders change until the list of them is emptied, as rows are written after each log entry.
const TOUCHED_MAX: usize = 1_024;

const MAGIC: u64 = 0x4D45_4257_5F30_3031;
const VERSION: u32 = 1;

/// What a message asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// A new order; what an immediate one cannot fill ends.
    New {
        /// It never rests.
        immediate: bool,
    },
    /// An order is to end.
    Cancel,
    /// An order gets another price and quantity, and goes to the end of the queue.
    Modify,
}

/// One message of the workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message {
    /// What is asked.
    pub ask: Ask,
    /// The side of the order.
    pub side: Side,
    /// In lots.
    pub lots: u32,
    /// The number of the order, dense from 1.
    pub order: u64,
    /// In ticks.
    pub price: u64,
    /// The number of the user, from 1.
    pub user: u64,
}

/// The bytes of the published file format: a header of 16 bytes and 40 bytes a message, little endian.
#[must_use]
pub fn encode(messages: &[Message]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(16 + messages.len() * 40);
    bytes.extend(MAGIC.to_le_bytes());
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend((messages.len() as u32).to_le_bytes());
    for (sequence, message) in messages.iter().enumerate() {
        let (kind, immediate) = match message.ask {
            Ask::New { immediate } => (0, immediate),
            Ask::Cancel => (1, false),
            Ask::Modify => (2, false),
        };
        bytes.extend([kind, message.side as u8, u8::from(immediate), 0]);
        bytes.extend(message.lots.to_le_bytes());
        bytes.extend((sequence as u64).to_le_bytes());
        bytes.extend(message.order.to_le_bytes());
        bytes.extend(message.price.to_le_bytes());
        bytes.extend(message.user.to_le_bytes());
    }
    bytes
}
