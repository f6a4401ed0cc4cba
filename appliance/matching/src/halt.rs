//! Why matching must stop. Never caused by bad input; after one, the market in memory is to be dropped.

/// A rule of the book that must always hold does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the order book is inconsistent: {0}")]
pub struct Halt(pub &'static str);
