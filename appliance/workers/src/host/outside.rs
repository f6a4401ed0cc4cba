//! The guard of everything a worker does outside: sending, signing, paying.
//!
//! Whoever supervises renews the lease as long as it knows that it leads. Whoever takes over waits until every lease of
//! the one before is over. So of two workers of one name at most one may act, also while one leader stands still.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::Clock;
use crate::protocol::LEASE;

/// There is no lease, or it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the lease is over: the worker must not act outside")]
pub struct LeaseOver;

/// Says whether the worker may act outside.
#[derive(Clone)]
pub struct Outside {
    until_us: Arc<AtomicU64>,
    refused: Arc<AtomicU64>,
    clock: Clock,
}

impl std::fmt::Debug for Outside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outside").field("left", &self.left()).finish()
    }
}

impl Outside {
    /// Without a lease.
    #[must_use]
    pub fn new(clock: Clock) -> Outside {
        Outside { until_us: Arc::default(), refused: Arc::default(), clock }
    }

    /// Takes a renewal. One that reaches further than a lease may is cut: a wrong clock must not free the worker.
    pub fn renew(&self, until_us: u64) {
        let longest = (self.clock)() + u64::try_from(LEASE.as_micros()).unwrap_or(0);
        self.until_us.fetch_max(until_us.min(longest), Ordering::AcqRel);
    }

    /// How long the worker may still act; zero where it may not.
    #[must_use]
    pub fn left(&self) -> Duration {
        Duration::from_micros(self.until_us.load(Ordering::Acquire).saturating_sub((self.clock)()))
    }

    /// Allows one deed that is done at once.
    ///
    /// # Errors
    /// [`LeaseOver`].
    pub fn permit(&self) -> Result<(), LeaseOver> {
        if self.left().is_zero() {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(LeaseOver);
        }
        Ok(())
    }

    /// Carries out `deed` as long as there is a lease, renewals included; it is dropped where the lease ends before it.
    ///
    /// # Errors
    /// [`LeaseOver`]: the deed was not begun, or it was cut off.
    pub async fn act<T>(&self, deed: impl Future<Output = T>) -> Result<T, LeaseOver> {
        self.permit()?;
        let over = async {
            loop {
                let left = self.left();
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left).await;
            }
        };
        tokio::select! {
            biased;
            () = over => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                Err(LeaseOver)
            }
            done = deed => Ok(done),
        }
    }

    /// How often it has refused.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    const STEP: Duration = Duration::from_millis(250);

    fn ahead(clock: &Clock, span: Duration) -> u64 {
        clock() + u64::try_from(span.as_micros()).unwrap()
    }

    /// Goal: without a lease nothing is done, with one it is, and a second after the last renewal it is over, to the
    /// microsecond. Method: paused time; renewals, one that reaches too far, one that comes too late.
    #[tokio::test(start_paused = true)]
    async fn a_lease_ends_by_itself() {
        let clock = clock::of_runtime();
        let outside = Outside::new(clock.clone());
        assert_eq!(outside.permit(), Err(LeaseOver));
        outside.renew(ahead(&clock, LEASE));
        for _ in 0..8 {
            tokio::time::advance(STEP).await;
            assert_eq!(outside.permit(), Ok(()));
            outside.renew(ahead(&clock, LEASE * 100));
        }
        let stale = ahead(&clock, Duration::ZERO);
        tokio::time::advance(LEASE - Duration::from_micros(1)).await;
        assert_eq!(outside.permit(), Ok(()));
        tokio::time::advance(Duration::from_micros(1)).await;
        assert_eq!(outside.permit(), Err(LeaseOver));
        outside.renew(stale);
        assert_eq!((outside.permit(), outside.refused()), (Err(LeaseOver), 3), "a renewal that was long under way");
    }

    /// Goal: a deed is cut off when the lease ends before it, and not while the lease is renewed. Method: paused time, a deed
    /// of three leases with and without renewals.
    #[tokio::test(start_paused = true)]
    async fn a_deed_ends_with_its_lease() {
        let clock = clock::of_runtime();
        let outside = Outside::new(clock.clone());
        outside.renew(ahead(&clock, LEASE));
        let began = tokio::time::Instant::now();
        assert_eq!(outside.act(tokio::time::sleep(LEASE * 3)).await, Err(LeaseOver));
        assert_eq!(began.elapsed(), LEASE);
        outside.renew(ahead(&clock, LEASE));
        let renewing = async {
            loop {
                tokio::time::sleep(STEP).await;
                outside.renew(ahead(&clock, LEASE));
            }
        };
        let deed = outside.act(tokio::time::sleep(LEASE * 3));
        tokio::select! {
            done = deed => assert_eq!(done, Ok(())),
            () = renewing => {}
        }
    }
}
