//! Workers through the whole state.

pub(super) mod generate;
pub(super) mod golden;
mod random;
