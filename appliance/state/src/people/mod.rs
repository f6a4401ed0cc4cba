//! The room of people: who administers the exchange, and what each may do.

mod roles;

pub use roles::{Permission, Role};
