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

use crate::owners::OWNERS_MAX;
use crate::units::{PRICE_TICKS_MAX, Side};

/// Messages after the prefill in the published workload.
pub const TIMED_MESSAGES: u32 = 3_000_000;

/// As many orders change until the list of them is emptied, as rows are written after each log entry.
const TOUCHED_MAX: usize = 1_024;

const MAGIC: u64 = 0x4D45_4257_5F30_3031;
const VERSION: u32 = 1;
const HEADER_BYTES: usize = 16;
const MESSAGE_BYTES: usize = 40;

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
    let mut bytes = Vec::with_capacity(HEADER_BYTES + messages.len() * MESSAGE_BYTES);
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

/// Why bytes are no workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// The header is another one.
    #[error("this is no file of orders, or one of another version")]
    Header,
    /// There are more or fewer messages than the header says.
    #[error("the file does not have the length that its header says")]
    Length,
    /// A message is out of the bounds of a market, or its order's number is above the count of messages.
    #[error("message {0} is no message")]
    Message(u32),
}

/// Reads a file of the published format.
///
/// # Errors
/// It is of another format, cut, or a message cannot be one.
pub fn decode(bytes: &[u8]) -> Result<Vec<Message>, FileError> {
    let (header, rest) = bytes.split_at_checked(HEADER_BYTES).ok_or(FileError::Header)?;
    if !header.starts_with(&MAGIC.to_le_bytes()) || number(header, 8, 4) != u64::from(VERSION) {
        return Err(FileError::Header);
    }
    let count = number(header, 12, 4);
    if Some(rest.len() as u64) != count.checked_mul(MESSAGE_BYTES as u64) {
        return Err(FileError::Length);
    }
    let messages = rest.chunks_exact(MESSAGE_BYTES).enumerate();
    messages.map(|(at, bytes)| message(bytes, count).ok_or(FileError::Message(at as u32))).collect()
}

/// The little-endian number in some bytes.
fn number(bytes: &[u8], at: usize, length: usize) -> u64 {
    bytes.iter().skip(at).take(length).rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn message(bytes: &[u8], count: u64) -> Option<Message> {
    let ask = match (number(bytes, 0, 1), number(bytes, 2, 1)) {
        (0, immediate @ 0..=1) => Ask::New { immediate: immediate == 1 },
        (1, _) => Ask::Cancel,
        (2, _) => Ask::Modify,
        _ => return None,
    };
    let side = match number(bytes, 1, 1) {
        0 => Side::Buy,
        1 => Side::Sell,
        _ => return None,
    };
    let (lots, order, price, user) =
        (number(bytes, 4, 4) as u32, number(bytes, 16, 8), number(bytes, 24, 8), number(bytes, 32, 8));
    let traded = ask == Ask::Cancel || (lots > 0 && (1..=PRICE_TICKS_MAX).contains(&price));
    let fits = (1..=count).contains(&order) && user < u64::from(OWNERS_MAX) && traded;
    fits.then_some(Message { ask, side, lots, order, price, user })
}
