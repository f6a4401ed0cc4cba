//! The room of reconciliation: what must lie on every address, what a worker read there, and where the two differ.
//!
//! What is said of an address is a function of the height: every payment that a block brought or took is a *movement* at its
//! height until no reorganisation reaches it any more, and part of the address's *position* from then on. A worker reads
//! balances at a block that is known here by height and hash, so that both sides speak of the same moment and what came later
//! makes no difference. What only the state can judge, the ledger and its locks, it judges at the end of every run.
//!
//! Invariants:
//! - A reading is compared with what the books expect at the very block at which it was made, or not at all.
//! - Between the beginning and the end of a run no movement above its block is folded into a position.
//! - A movement is in a position once, whatever branch of the chain tells it again; what a reorganisation takes away leaves the
//!   position too, however deep it is, as far down as blocks are known.
//! - What is missing on chain and in no payout of ours stops the withdrawals of that network, whatever the amount, in the
//!   entry that finds it; an asset of which less is there than is owed stops everywhere, and books that contradict themselves
//!   stop everything. Persons let them go on who name what they have seen.
//! - What stops something always finds room; where there is none for the rest, that is a finding too.
//! - A discrepancy ends by a person's word or by an adjustment that two persons made; by itself only where it was of time.
//! - An adjustment is a posting under the discrepancy's number. Nothing here edits a row of the ledger.
//!
//! Three sums of an asset on a network stand in a chain. What is on chain and what the positions say is compared address by
//! address (E4); what the positions say and what the ledger has, at every end of a run (E3), where the difference must be what
//! is known to be under way: deposits that are not credited yet, own transactions of which one side was seen.

mod discrepancy;
mod equation;
mod judge;
mod movement;
mod position;
mod read;
mod refusal;
mod room;
mod run;

pub use discrepancy::{
    Category, Class, Discrepancy, DiscrepancyId, Line, Reach, STORY_BYTES_MAX, STORY_LINES_MAX, Scope, Status,
};
pub use equation::{Equation, Outcome, Sum};
pub(crate) use judge::{Facts, Judgement, judge};
pub(crate) use movement::{Movement, MovementName, Way, movement_key, movement_name};
pub use position::{Checked, Position, Spot};
pub(crate) use position::{over_key, position_key, run_key};
pub use read::{DISCREPANCIES_PAGE_MAX, RUNS_PAGE_MAX};
pub use refusal::Refusal;
pub(crate) use room::{Afoot, Part, Tally, Touch, tally_key};
pub use room::{Doubted, OPEN_DISCREPANCIES_MAX, Overruled, Reconciliation, Stopped, TOUCHED_MAX};
pub use run::{
    Begun, Net, READINGS_AT_ONCE_MAX, ROUND_US_MAX, RUN_US_MAX, Reading, Run, RunId, Sweep, UNENDED_US_MAX,
    UNTOLD_RUNS_MAX, finality_us,
};
