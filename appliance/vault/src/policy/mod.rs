//! What may be signed.
//!
//! Invariants:
//! - Judged is what the transaction's bytes do ([`exchequer_chains::Effects`]), never what is said of it; what is said must be
//!   the same, field by field.
//! - What no rule allows is refused. There is no way around: no mode, no flag, no trusted caller.
//! - Every decision is a [`Verdict`] and a line of the decision log.

mod approval;
mod consistency;
mod decisions;
mod judge;
mod limits;
mod request;
mod settings;
mod stakes;
mod verdict;

pub use approval::{Approval, Instruction, PAYMENT_APPROVALS_MAX, approval_bytes, payment_hash};
pub use consistency::Contradiction;
pub use decisions::{Decision, DecisionLog, DecisionLogError, last_decisions, verify_decisions};
pub(crate) use judge::{judge, recorded};
pub use limits::{EXPIRY_AHEAD_MS_MAX, NONCE_WINDOW};
pub(crate) use request::Asked;
pub use request::{Intent, SigningRequest};
pub use settings::{
    APPROVALS_MAX, APPROVERS_MAX, Approver, CoinPolicy, NetworkPolicy, POLICY_BYTES_MAX, Policy, PolicyError,
    RULES_MAX, Rule, Units, install, load, peek,
};
pub(crate) use settings::{FILE_NAME, peek_bytes, read_tagged};
pub use verdict::{Code, Verdict};
