//! The room of withdrawals: money that leaves, each payment exactly once.
//!
//! A *withdrawal* is what a user asked for; a *payout* is the transaction that pays one or many of them; its *attempts* are
//! the transactions that were decided for it, one after the other. Everything outside follows the log: an attempt is decided
//! here, then signed, its signed bytes are a row before anybody sends them, and what became of it is told here again.
//!
//! Invariants:
//! - A stage follows another only as [`Stage::may_become`] says; every command names the stage that it found.
//! - The money of an open withdrawal is held: against clearing until a wallet pays, then against that; it is captured when the
//!   payment is final, and free again only where the payment was never decided, or [`Death`] is proved.
//! - Two attempts of a payout exclude each other on chain, or the earlier one was proved dead; so at most one is ever mined.
//! - A nonce belongs to one payout for ever; a coin to one payout until that is over.
//! - Who says that a payment was signed, or never was, is the leading node; who says that one ended without paying is no single
//!   worker: see [`Denial`].
//! - A client's name for a withdrawal is a user's for ever.
//! - The signing log is numbered from 1 without gaps: a signer that follows it knows whatever may be signed, and was.

pub mod book;
mod denial;
mod errand;
mod evidence;
mod judge;
mod lane;
mod looks;
mod payout;
mod policy;
mod policy_check;
mod read;
mod refusal;
mod room;
mod signing;
mod spending;
mod stage;
mod stake;
mod withdrawal;

pub(crate) use denial::Seen;
pub use denial::{DENIAL_WAITS_MAX, Denial, Unpaid};
pub use errand::{Errand, MOVES_IN_FLIGHT_MAX, Move, MoveFault, in_flight_max, move_payment_id};
pub use evidence::{ABSENT_ENDPOINTS_MIN, CONFLICT_CONFIRMATIONS_MIN, Conflict, Death, EXPIRY_MARGIN_US};
pub use judge::PRICE_AGE_MAX;
#[cfg(test)]
pub(crate) use lane::GAPS_MAX;
pub use lane::{Lane, NONCE_END};
pub(crate) use looks::{ALIKE_MAX, look_key, stranger_among};
pub use payout::{
    ANSWERS_AT_ONCE_MAX, ANSWERS_KEPT, ATTEMPTS_MAX, Answer, Attempt, Claim, GasHeld, IN_FLIGHT_MAX, INPUTS_MAX,
    PAYOUT_WITHDRAWALS_MAX, Payer, Payout, PayoutId, PayoutStanding, Purpose, RAW_BYTES_MAX, Reply, WHY_BYTES_MAX,
};
pub use policy::{
    APPROVALS_MAX, Accumulated, DAY_US, DELAY_US_MAX, Destination, EVERYBODY, GROUPS_MAX, Group, Limit, MEMBERS_MAX,
    Match, NAME_BYTES_MAX, NAMED_MAX, Need, RULES_MAX, Rule, Subject, Verdict, WINDOW_US_MAX, WithdrawalPolicy,
};
pub use policy_check::PolicyFault;
pub use read::Explained;
pub use refusal::{Differs, Refusal, Shut};
pub use room::{OPEN_OF_USER_MAX, OPEN_WITHDRAWALS_MAX, Withdrawals};
pub use signing::{AttemptDeath, Logged, PaymentName, Place, RECORD_BYTES_MAX, SignedFor, SigningEntry, SigningRecord};
pub use spending::SPENT_OF_USER_MAX;
pub use stage::Stage;
pub use stake::{Lent, STAKE_SUN_MIN, Stake};
pub use withdrawal::{
    ASKED_AGAIN_BEFORE_US, CLIENT_ID_BYTES_MAX, Consent, Ending, FeeMode, Held, MEMO_BYTES_MAX, Order, Proof, Standing,
    Trace, Waiting, Withdrawal, WithdrawalId, consent_bytes, payment_hash,
};

pub(crate) use room::{Head, POLICY_KEY, address_lane_key, client_key, lane_key, over_key, trace_key, user_key};
pub(crate) use signing::{RawKind, raw_key, record_key};
pub(crate) use spending::{Spent, prune};
