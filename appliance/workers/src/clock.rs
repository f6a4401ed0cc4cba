//! The clock by which leases run.

use std::sync::Arc;

/// Microseconds since the machine was started. The same for all its processes, and it goes on while the machine sleeps:
/// a lease from before is over afterwards.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// The machine's own.
#[must_use]
pub fn of_machine() -> Clock {
    Arc::new(now_us)
}

/// The machine's own, read once.
#[must_use]
pub fn now_us() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    seconds.saturating_mul(1_000_000) + u64::try_from(now.tv_nsec).unwrap_or(0) / 1_000
}

/// Tokio's, which tests can pause; counted from the call.
#[must_use]
pub fn of_runtime() -> Clock {
    let began = tokio::time::Instant::now();
    // Far from zero, which means no lease.
    Arc::new(move || 1_000_000_000 + u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX))
}
