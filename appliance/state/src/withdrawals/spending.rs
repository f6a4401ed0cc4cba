//! What users withdrew in the last 30 days, for limits and for rules that add up.
//!
//! What was refused, taken back, or proved never to be paid does not count; everything else does from the moment it was asked.

use exchequer_domain::Timestamp;
use serde::{Deserialize, Serialize};

use super::policy::WINDOW_US_MAX;
use super::withdrawal::WithdrawalId;

/// Withdrawals of one user in 30 days.
pub const SPENT_OF_USER_MAX: usize = 2_000;

/// One withdrawal that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Spent {
    pub(crate) withdrawal: WithdrawalId,
    pub(crate) at: Timestamp,
    /// In millionths of a dollar; none where nobody could say.
    pub(crate) usd: Option<u64>,
}

/// Whether it is within the window that ends now. A window rolls: what was asked exactly its length ago is out.
fn is_within(spent: &Spent, now: Timestamp, window_us: u64) -> bool {
    now.0.saturating_sub(spent.at.0) < window_us
}

/// The sum of a window that ends now; none where the value of one of them is unknown.
pub(crate) fn sum(spent: &[Spent], now: Timestamp, window_us: u64) -> Option<u64> {
    let within = spent.iter().filter(|spent| is_within(spent, now, window_us));
    within.map(|spent| spent.usd).try_fold(0_u64, |sum, usd| usd.map(|usd| sum.saturating_add(usd)))
}

/// The same with what is unknown as nothing: what certainly was spent.
pub(crate) fn least(spent: &[Spent], now: Timestamp, window_us: u64) -> u64 {
    let within = spent.iter().filter(|spent| is_within(spent, now, window_us));
    within.filter_map(|spent| spent.usd).fold(0, u64::saturating_add)
}

/// Forgets what is older than every window.
pub(crate) fn prune(spent: &mut Vec<Spent>, now: Timestamp) {
    spent.retain(|spent| is_within(spent, now, WINDOW_US_MAX));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a window rolls by the microsecond, what is unknown makes its sum unknown, and old things are forgotten.
    #[test]
    fn windows_roll() {
        let spent = |at, usd| Spent { withdrawal: WithdrawalId(1), at: Timestamp(at), usd };
        let some = [spent(0, Some(5)), spent(10, Some(7))];
        assert_eq!(sum(&some, Timestamp(99), 100), Some(12));
        assert_eq!(sum(&some, Timestamp(100), 100), Some(7));
        assert_eq!(sum(&some, Timestamp(110), 100), Some(0));
        let unknown = [spent(0, None), spent(10, Some(7))];
        assert_eq!((sum(&unknown, Timestamp(99), 100), least(&unknown, Timestamp(99), 100)), (None, 7));
        assert_eq!(sum(&unknown, Timestamp(100), 100), Some(7));
        let mut all = some.to_vec();
        prune(&mut all, Timestamp(WINDOW_US_MAX));
        assert_eq!(all, some[1..]);
    }
}
