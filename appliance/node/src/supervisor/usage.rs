//! What a process takes of processor and memory, as the system counts it.

use tokio::time::Instant;

/// How `/proc` counts time.
fn ticks_per_second() -> u64 {
    rustix::param::clock_ticks_per_second().max(1)
}

/// Reads one process again and again.
#[derive(Debug, Default)]
pub(super) struct Meter {
    before: Option<(Instant, u64)>,
}

/// What was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Usage {
    /// Thousandths of one core since the last time.
    pub(super) cpu_permille: u32,
    /// Memory that is in use.
    pub(super) memory_bytes: u64,
}

impl Meter {
    /// What the process takes; nothing where it is gone.
    pub(super) fn read(&mut self, pid: u32, now: Instant) -> Usage {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
        let ticks = cpu_ticks(&stat).unwrap_or(0);
        let cpu_permille = match self.before.replace((now, ticks)) {
            Some((then, before)) => {
                let elapsed = u64::try_from((now - then).as_micros()).unwrap_or(u64::MAX).max(1);
                let spent_us = ticks.saturating_sub(before).saturating_mul(1_000_000) / ticks_per_second();
                u32::try_from(spent_us.saturating_mul(1_000) / elapsed).unwrap_or(u32::MAX)
            }
            None => 0,
        };
        let pages = statm.split_ascii_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0);
        Usage { cpu_permille, memory_bytes: pages.saturating_mul(rustix::param::page_size() as u64) }
    }
}

/// User's and system's time out of `/proc/PID/stat`. The second field is a name in brackets, with anything in it.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let (user, system) = (fields.next()?.parse::<u64>().ok()?, fields.next()?.parse::<u64>().ok()?);
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the right fields are read, whatever the process calls itself, and this process takes memory.
    #[test]
    fn reads_the_systems_counts() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 200 0 0 0 31 11 0 0 20 0 1 0 100 1000 50 18446744073709551615";
        assert_eq!(cpu_ticks(stat), Some(42));
        assert_eq!(cpu_ticks(""), None);
        let mut meter = Meter::default();
        let usage = meter.read(std::process::id(), Instant::now());
        assert!(usage.memory_bytes > 1 << 20 && usage.cpu_permille == 0, "{usage:?}");
        assert_eq!(Meter::default().read(u32::MAX, Instant::now()), Usage::default());
    }
}
