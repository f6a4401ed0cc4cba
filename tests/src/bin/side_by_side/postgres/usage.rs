//! What a server of many processes has used: its own, its children's that are gone, and its children's that run.

use std::fs;

/// Processor time in seconds, bytes written to storage, and syncs of the write-ahead log.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Usage {
    pub(crate) cpu_s: f64,
    pub(crate) bytes: u64,
    pub(crate) syncs: u64,
}

impl Usage {
    /// Of a process and those that it started; syncs are for its statistics to tell.
    pub(crate) fn of(parent: u32) -> Usage {
        let mut all = Usage { cpu_s: ticks(parent, true), bytes: written(parent), syncs: 0 };
        let numbers = fs::read_dir("/proc").into_iter().flatten().flatten();
        for pid in numbers.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()) {
            if words(pid).get(1).is_some_and(|word| *word == parent.to_string()) {
                all.cpu_s += ticks(pid, false);
                all.bytes += written(pid);
            }
        }
        all
    }

    /// What was used since `before`.
    pub(crate) fn since(self, before: Usage) -> Usage {
        Usage {
            cpu_s: self.cpu_s - before.cpu_s,
            bytes: self.bytes.saturating_sub(before.bytes),
            syncs: self.syncs.saturating_sub(before.syncs),
        }
    }
}

/// The words of `/proc/PID/stat` after the name: state, parent, and so on.
fn words(pid: u32) -> Vec<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let rest = text.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
    rest.split_whitespace().map(str::to_owned).collect()
}

/// Processor time in seconds, with that of children that were waited for or without.
fn ticks(pid: u32, with_gone: bool) -> f64 {
    let words = words(pid);
    let count = if with_gone { 4 } else { 2 };
    let ticks: u64 = words.iter().skip(11).take(count).filter_map(|word| word.parse::<u64>().ok()).sum();
    ticks as f64 / rustix::param::clock_ticks_per_second() as f64
}

/// The kernel adds what children wrote to their parent's when it waits for them.
fn written(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
    let bytes = text.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    bytes.and_then(|bytes| bytes.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Goal: what children use is counted, while they run and after. Method: a child that works until it is seen to, and
    /// is then waited for.
    #[test]
    fn children_count() {
        let me = std::process::id();
        let before = Usage::of(me);
        let mut child = Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap();
        let mut own = words(child.id());
        while ticks(child.id(), false) < 0.05 {
            own = words(child.id());
        }
        assert_eq!(own.get(1), Some(&me.to_string()));
        let running = Usage::of(me).since(before);
        assert!(running.cpu_s >= 0.05, "{running:?}");
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(Usage::of(me).since(before).cpu_s >= 0.05);
    }
}
