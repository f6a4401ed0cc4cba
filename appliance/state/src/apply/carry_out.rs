//! What a directive does to the registry of workers.

use exchequer_domain::WorkerId;

use super::Entry;
use crate::directives::Directive;
use crate::rejection::Rejection;

impl Entry<'_> {
    /// Whether there is such a worker.
    pub(super) fn check_worker_known(&self, worker: WorkerId) -> Result<(), Rejection> {
        let _ = worker;
        Ok(())
    }

    /// Starts, stops or restarts whom the directive is for.
    pub(super) fn carry_out(&mut self, directive: &Directive) -> Result<(), Rejection> {
        let _ = directive;
        Ok(())
    }
}
