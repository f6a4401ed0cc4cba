//! The room of directives: what a person or a rule asks of workers, in the order of its urgency; the admin's command queue.
//!
//! A directive waits, is dispatched to its target by the leader, and ends. To start, stop or restart workers takes effect in
//! the registry in the moment of the dispatch, within one entry of the log. Anything else is for the worker: it is told, says
//! that it has heard, that it has begun, and what came out.
//!
//! Invariants:
//! - One directive is in flight at a target at a time, and one for a kind or for the system excludes those of its members;
//!   beside it, one emergency may be: an emergency waits for emergencies only.
//! - The first of what waits is dispatched first, by level and waiting time ([`crate::rank`]); what waits for a busy target
//!   keeps its place, and what overlaps with it and came later waits behind it. What is for a worker waits until there is one
//!   that is to run, and holds up nothing meanwhile.
//! - A directive takes effect once: its steps are taken from the leadership that dispatched it, and what was in flight when
//!   that ended is dispatched again only where doing it twice does no harm. The rest is for a person to look at.
//! - A key leads to one directive for ever.

mod directive;
mod refusal;
mod room;
mod target;
mod view;

pub use directive::{
    ATTEMPTS_MAX, Decision, Directive, DirectiveAction, DirectiveId, DirectiveState, DirectiveStep, Dispatched,
    ERROR_BYTES_MAX, KEY_BYTES_MAX, NAME_BYTES_MAX, PAYLOAD_BYTES_MAX, Priority, RESULT_BYTES_MAX, Stage,
};
pub(crate) use directive::{RETURNED_US, backoff_us, key_row};
pub use refusal::Refusal;
pub use room::{Directives, OPEN_BYTES_MAX, OPEN_DIRECTIVES_MAX};
pub use target::Target;
pub use view::{DIRECTIVES_PAGE_MAX, Load};
