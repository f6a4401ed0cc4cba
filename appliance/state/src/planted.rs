//! Bugs that tests switch on, to see that the models catch them. In a program nothing of this is left.

/// A bug that a model must catch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    /// A job is finished by whoever names it.
    AnyLeaseFinishes,
    /// A lease goes on after its end.
    LeaseNotRescued,
    /// A lease that ended with its leader counts as a failure.
    OrphanBlamed,
    /// A key is free again as soon as the job is taken.
    KeyFreedByLease,
    /// A paused queue is taken from.
    PauseIgnored,
    /// A rate allows one more each time.
    RateLeaks,
    /// Priorities are looked at, waiting is not.
    JobsDoNotAge,
    /// A job is begun after its deadline.
    DeadlineIgnored,
    /// A job has an attempt too many.
    AttemptTooMany,
    /// A retried job begins with its old failures.
    RetryKeepsFailures,
}

#[cfg(test)]
impl Bug {
    pub(crate) const OF_JOBS: [Bug; 10] = [
        Bug::AnyLeaseFinishes,
        Bug::LeaseNotRescued,
        Bug::OrphanBlamed,
        Bug::KeyFreedByLease,
        Bug::PauseIgnored,
        Bug::RateLeaks,
        Bug::JobsDoNotAge,
        Bug::DeadlineIgnored,
        Bug::AttemptTooMany,
        Bug::RetryKeepsFailures,
    ];
}

#[cfg(test)]
thread_local! {
    static PLANTED: std::cell::Cell<Option<Bug>> = const { std::cell::Cell::new(None) };
}

/// Plants a bug in the states of this thread, or removes it.
#[cfg(test)]
pub(crate) fn plant(bug: Option<Bug>) {
    PLANTED.set(bug);
}

/// Whether this bug is planted.
#[cfg(test)]
pub(crate) fn has(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}

/// Whether this bug is planted: never.
#[cfg(not(test))]
pub(crate) const fn has(_: Bug) -> bool {
    false
}
