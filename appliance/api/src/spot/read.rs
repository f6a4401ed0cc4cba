//! Reads with the dialect's refusals.

use std::time::Duration;

use exchequer_domain::Problem;
use exchequer_raft::ReadAt;
use exchequer_state::{Rows, State};

use super::error::Error;
use crate::app::App;
use crate::read::{Freshness, Limit};

/// How fresh a read is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fresh {
    /// Market data: what this node has, up to the setting's age.
    Local,
    /// Money and orders: everything that was acknowledged before.
    Exact,
}

impl App {
    /// Reads state and rows, off the threads that serve requests where rows may be on disk.
    pub(crate) async fn spot_read<T: Send + 'static>(
        &self,
        fresh: Fresh,
        mut read: impl FnMut(&State, &dyn Rows) -> Result<T, Error> + Send + 'static,
    ) -> Result<(T, ReadAt), Error> {
        let freshness = match fresh {
            Fresh::Local => Freshness::Local(Limit::Setting),
            Fresh::Exact => Freshness::Linearizable,
        };
        let seen = self.read_rows(freshness, move |state, rows| Ok(read(state, rows))).await?;
        Ok((seen.value?, seen.at))
    }

    /// Reads what is in memory.
    pub(crate) async fn spot_look<T>(
        &self,
        fresh: Fresh,
        mut read: impl FnMut(&State) -> Result<T, Error>,
    ) -> Result<(T, ReadAt), Error> {
        let freshness = match fresh {
            Fresh::Local => Freshness::Local(Limit::Setting),
            Fresh::Exact => Freshness::Linearizable,
        };
        let seen = self.read(freshness, |state| Ok(read(state))).await?;
        Ok((seen.value?, seen.at))
    }
}

/// How long a change waits for its outcome; less than a request may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A row that could not be read.
pub(crate) fn unreadable(error: impl std::fmt::Display) -> Error {
    Error::from(Problem::new(exchequer_domain::Code::FileCorrupt, error.to_string()))
}
