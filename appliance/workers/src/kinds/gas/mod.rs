//! Gas top-up: what moving deposits and paying withdrawals costs is brought to where it is needed, and no more than that.

pub mod plan;
