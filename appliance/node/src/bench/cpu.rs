//! Processor time: whose it was says more than a rate, where clients and servers share a machine.

use serde::{Deserialize, Serialize};

/// Processor time, in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct CpuTime {
    /// In the program.
    pub user_s: f64,
    /// In the kernel on its behalf.
    pub system_s: f64,
}

impl CpuTime {
    /// What was used since `before`.
    #[must_use]
    pub fn since(self, before: CpuTime) -> CpuTime {
        CpuTime { user_s: self.user_s - before.user_s, system_s: self.system_s - before.system_s }
    }

    /// Both together.
    #[must_use]
    pub fn total_s(self) -> f64 {
        self.user_s + self.system_s
    }
}

/// This process's.
pub(super) fn own() -> CpuTime {
    of(std::process::id())
}

/// A process's; nothing where there is no such process any more.
pub(super) fn of(pid: u32) -> CpuTime {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    parse(&text, rustix::param::clock_ticks_per_second()).unwrap_or_default()
}

/// The line of `/proc/PID/stat`: after the name in parentheses, user and kernel ticks are the 12th and 13th word.
fn parse(line: &str, ticks_per_second: u64) -> Option<CpuTime> {
    let (_, rest) = line.rsplit_once(')')?;
    let mut words = rest.split_whitespace().skip(11);
    let mut seconds = || Some(words.next()?.parse::<u64>().ok()? as f64 / ticks_per_second as f64);
    Some(CpuTime { user_s: seconds()?, system_s: seconds()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the right words are read whatever a process is called. Method: a line whose name looks like its end.
    #[test]
    fn the_name_does_not_shift_the_words() {
        let line = "42 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 250 130 11 12 20 0 4";
        assert_eq!(parse(line, 100), Some(CpuTime { user_s: 2.5, system_s: 1.3 }));
        assert_eq!(parse("", 100), None);
    }

    /// Goal: this process is found. Method: it works until its own time has grown.
    #[test]
    fn own_time_grows() {
        let before = own();
        let mut work = 0_u64;
        while own().since(before).total_s() <= 0.0 {
            work = std::hint::black_box(work.wrapping_mul(31) + 1);
        }
        assert!(own().total_s() > before.total_s(), "{work}");
    }
}
