//! Who is asked to wait while the whole exchange is under maintenance.
//!
//! The state refuses what a customer's key would change in any case; here they are told before anything else is done, with
//! the announced text and the seconds to wait.

use exchequer_domain::Problem;
use exchequer_state::State;

use crate::app::App;

/// What a customer is told where no end is planned.
const RETRY_AFTER_S: u64 = 60;

/// The maintenance of the whole exchange that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Closed {
    /// The announced text.
    pub(crate) banner: String,
    /// In how many seconds it makes sense to try again.
    pub(crate) retry_after_s: u64,
}

impl App {
    /// Whether customers may change what is theirs, as far as this node knows.
    ///
    /// # Errors
    /// The state cannot be read.
    pub(crate) fn closed(&self) -> Result<Option<Closed>, Problem> {
        let mut found = None;
        self.backend.read(&mut |state, _, _| {
            found = closed(state);
            Ok(())
        })?;
        Ok(found)
    }
}

/// The maintenance that is open.
pub(crate) fn closed(state: &State) -> Option<Closed> {
    let window = state.maintenance().system()?;
    let left_us = window.ends.map(|ends| ends.0.saturating_sub(state.time().0));
    Some(Closed {
        banner: window.banner.clone(),
        retry_after_s: left_us.map_or(RETRY_AFTER_S, |us| us.div_ceil(1_000_000).max(1)),
    })
}
