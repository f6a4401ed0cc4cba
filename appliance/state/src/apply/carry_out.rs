//! What a directive does to the registry of workers.

use exchequer_domain::WorkerId;

use super::Entry;
use crate::audit::AuditAction;
use crate::directives::{Directive, DirectiveAction, Target};
use crate::rejection::Rejection;
use crate::workers::Desired;

impl Entry<'_> {
    /// Whether there is such a worker.
    pub(super) fn check_worker_known(&self, worker: WorkerId) -> Result<(), Rejection> {
        self.state.workers.known(worker).map(|_| ())
    }

    /// Starts, stops or restarts whom the directive is for, in the name of who asked. Of several workers those are passed
    /// over that are so already, or that a restart finds stopped.
    ///
    /// # Errors
    /// The one worker does not exist, or is to be stopped and cannot be restarted. Nothing was changed.
    pub(super) fn carry_out(&mut self, directive: &Directive) -> Result<(), Rejection> {
        let workers: Vec<WorkerId> = match directive.target {
            Target::Worker(worker) => {
                let known = self.state.workers.known(worker)?;
                if directive.action == DirectiveAction::Restart && known.desired == Desired::Stopped {
                    return Err(Rejection::WorkerStopped { worker });
                }
                vec![worker]
            }
            Target::Kind { .. } | Target::System => {
                let all = self.state.workers.iter().map(|worker| worker.id);
                all.filter(|worker| directive.target.takes(*worker)).collect()
            }
        };
        for worker in workers {
            let done = match directive.action {
                DirectiveAction::Start => {
                    self.desire_worker(worker, Desired::Running)?.then_some((AuditAction::SetWorker, "desired running"))
                }
                DirectiveAction::Stop => {
                    self.desire_worker(worker, Desired::Stopped)?.then_some((AuditAction::SetWorker, "desired stopped"))
                }
                DirectiveAction::Restart if self.state.workers.known(worker)?.desired == Desired::Running => {
                    self.restart_worker(worker)?;
                    Some((AuditAction::RestartWorker, "restarted"))
                }
                // One of several that is stopped; and what is for the worker itself does nothing here.
                DirectiveAction::Restart | DirectiveAction::Custom { .. } => None,
            };
            if let Some((action, what)) = done {
                let detail = format!("{what} by directive {}", directive.id);
                self.audit(directive.issued_by, action, worker.to_string(), detail, directive.reason.clone());
            }
        }
        Ok(())
    }
}
