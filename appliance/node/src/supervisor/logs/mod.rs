//! Workers' logs: the latest lines of each in memory, more of them in files of limited size in the data folder.
//!
//! Invariants: nothing ever waits for a disk; a line's number is higher than that of every line of its worker before it,
//! also of an earlier process of the node; each line says which one came before it, so that whoever follows sees a gap; what
//! a worker makes the node keep has an end, in lines and in bytes.

mod disk;

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc as blocking;
use std::time::{SystemTime, UNIX_EPOCH};

use exchequer_api::backend::LogLine;
use exchequer_domain::WorkerId;
use exchequer_workers::proto;
use parking_lot::Mutex;
use tokio::sync::watch;

use disk::{Disk, Files};

/// Lines of one worker in memory.
const LINES_MAX: usize = 1_000;
/// Their texts.
const LINES_BYTES_MAX: usize = 256 << 10;
/// After a start of the node numbers go on so much higher than the last one on disk: lines that had not got there yet have
/// been seen by somebody.
const RESTART_STEP: u64 = 10_000;
/// Lines that may wait for the disk; further ones are in memory alone.
const DISK_WAITING_MAX: usize = 4_096;
/// What these lines may take.
const DISK_WAITING_BYTES_MAX: usize = 8 << 20;
/// Lines that one look gives at most.
pub(crate) const PAGE_LINES_MAX: usize = 1_000;

/// The logs of the workers that run, or ran, on this node.
#[derive(Debug)]
pub(crate) struct Logs {
    rings: Mutex<BTreeMap<WorkerId, Ring>>,
    files: Files,
    to_disk: blocking::SyncSender<(WorkerId, LogLine)>,
    /// Bytes of the lines that wait for the disk.
    waiting: Arc<AtomicUsize>,
    /// Counts lines of all workers.
    changed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Ring {
    lines: VecDeque<LogLine>,
    bytes: usize,
    last: u64,
}

impl Logs {
    /// Opens the logs below `folder`. Their files are written by a thread of their own.
    pub(crate) fn open(folder: PathBuf) -> std::io::Result<Logs> {
        let files = Files::new(folder);
        let (to_disk, lines) = blocking::sync_channel(DISK_WAITING_MAX);
        let waiting = Arc::<AtomicUsize>::default();
        let disk = Disk::new(files.clone(), waiting.clone());
        std::thread::Builder::new().name("worker-logs".to_owned()).spawn(move || disk.run(&lines))?;
        Ok(Logs { rings: Mutex::default(), files, to_disk, waiting, changed: watch::Sender::new(0) })
    }

    /// Takes a line that a worker sent.
    pub(crate) fn line(&self, worker: WorkerId, line: proto::Log) {
        let level = match line.level() {
            proto::Level::Error => "error",
            proto::Level::Warn => "warn",
            proto::Level::Info | proto::Level::Unspecified => "info",
            proto::Level::Debug => "debug",
            proto::Level::Trace => "trace",
        };
        let proto::Log { text, trace, dropped, time_us, .. } = super::bounds::line(line);
        // A line of the future would be the first one of every moment until then.
        self.keep(worker, time_us.min(now_us()), level, text, trace, dropped);
    }

    /// Takes what a worker wrote to its standard error.
    pub(crate) fn raw(&self, worker: WorkerId, text: String) {
        self.keep(worker, now_us(), "error", exchequer_workers::protocol::cut(text), String::new(), 0);
    }

    fn keep(&self, worker: WorkerId, time_us: u64, level: &str, text: String, trace: String, dropped: u64) {
        let line = {
            let mut rings = self.rings.lock();
            let ring = rings.entry(worker).or_insert_with(|| {
                let last = self.files.last(worker);
                Ring { last, ..Ring::default() }
            });
            let previous = ring.last;
            let number = if ring.lines.is_empty() && previous > 0 { previous + RESTART_STEP } else { previous + 1 };
            let line = LogLine { number, previous, time_us, level: level.to_owned(), text, trace, dropped };
            ring.push(line.clone());
            line
        };
        // A full queue means a disk that cannot follow: its files then have a gap.
        let bytes = bytes_of(&line);
        let waiting = self.waiting.fetch_add(bytes, Ordering::Relaxed);
        if waiting + bytes > DISK_WAITING_BYTES_MAX || self.to_disk.try_send((worker, line)).is_err() {
            self.waiting.fetch_sub(bytes, Ordering::Relaxed);
        }
        self.changed.send_modify(|count| *count += 1);
    }

    /// Lines of a worker after a number, at most so many, the oldest first. May read files.
    pub(crate) fn after(&self, worker: WorkerId, number: u64, limit: usize) -> Vec<LogLine> {
        let limit = limit.min(PAGE_LINES_MAX);
        let in_memory: Vec<LogLine> = {
            let rings = self.rings.lock();
            let lines = rings.get(&worker).map(|ring| &ring.lines);
            let after = lines.into_iter().flatten().filter(|line| line.number > number);
            after.take(limit).cloned().collect()
        };
        // What comes next in memory is what came next.
        if in_memory.first().is_some_and(|first| first.previous <= number) {
            return in_memory;
        }
        let until = in_memory.first().map_or(u64::MAX, |first| first.number);
        let mut lines = self.files.read(worker, number, until, limit);
        lines.extend(in_memory);
        lines.truncate(limit);
        lines
    }

    /// Lines of a worker from so many before the first one that was written at a moment or later; the latest ones, where none was.
    /// At most `limit`, the oldest first. Reads files.
    pub(crate) fn around(&self, worker: WorkerId, time_us: u64, earlier: usize, limit: usize) -> Vec<LogLine> {
        let mut before: VecDeque<u64> = VecDeque::new();
        // One more than is shown: what comes after that one is.
        let kept = earlier.min(PAGE_LINES_MAX) + 1;
        // Clocks are set: the first such line counts, whatever later ones say.
        let mut goes_on = |line: &LogLine| {
            if line.time_us >= time_us {
                return false;
            }
            before.push_back(line.number);
            if before.len() > kept {
                before.pop_front();
            }
            true
        };
        let in_memory: Vec<LogLine> =
            self.rings.lock().get(&worker).map_or(Vec::new(), |ring| ring.lines.iter().cloned().collect());
        let until = in_memory.first().map_or(u64::MAX, |first| first.number);
        let mut is_found = false;
        self.files.each(worker, until, |line| {
            is_found = !goes_on(line);
            !is_found
        });
        if !is_found {
            let _ = in_memory.iter().all(goes_on);
        }
        let after = if before.len() == kept { before[0] } else { 0 };
        self.after(worker, after, limit)
    }

    /// The latest lines of a worker, the oldest of them first. May read files.
    pub(crate) fn tail(&self, worker: WorkerId, lines: usize) -> Vec<LogLine> {
        let lines = lines.min(PAGE_LINES_MAX);
        let in_memory: Vec<LogLine> = {
            let rings = self.rings.lock();
            let ring = rings.get(&worker);
            let skip = ring.map_or(0, |ring| ring.lines.len().saturating_sub(lines));
            ring.into_iter().flat_map(|ring| ring.lines.iter().skip(skip)).cloned().collect()
        };
        let missing = lines - in_memory.len();
        if missing == 0 {
            return in_memory;
        }
        let until = in_memory.first().map_or(u64::MAX, |first| first.number);
        let mut all = self.files.read_last(worker, until, missing);
        all.extend(in_memory);
        all
    }

    /// Follows that there are new lines, of whichever worker.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}

fn now_us() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_micros()).unwrap_or(u64::MAX)
}

/// What a line takes, as far as it differs from others.
fn bytes_of(line: &LogLine) -> usize {
    line.text.len() + line.trace.len()
}

impl Ring {
    fn push(&mut self, line: LogLine) {
        self.last = line.number;
        self.bytes += bytes_of(&line);
        self.lines.push_back(line);
        while self.lines.len() > LINES_MAX || (self.bytes > LINES_BYTES_MAX && self.lines.len() > 1) {
            let Some(oldest) = self.lines.pop_front() else { break };
            self.bytes -= bytes_of(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn worker(instance: u16) -> WorkerId {
        format!("selftest/{instance}").parse().unwrap()
    }

    fn say(logs: &Logs, text: &str) {
        logs.line(worker(1), proto::Log { text: text.to_owned(), time_us: 7, ..proto::Log::default() });
    }

    fn texts(lines: &[LogLine]) -> Vec<&str> {
        lines.iter().map(|line| line.text.as_str()).collect()
    }

    /// Waits until the disk has the line of a number, whatever it has let go of before it.
    fn written(logs: &Logs, number: u64) {
        let began = std::time::Instant::now();
        while logs.files.last(worker(1)) < number {
            assert!(began.elapsed() < std::time::Duration::from_secs(30), "line {number} does not get to the disk");
            std::thread::yield_now();
        }
    }

    fn open(folder: &Path) -> Logs {
        Logs::open(folder.to_owned()).unwrap()
    }

    /// Goal: whoever follows gets every line once and in order, whether memory still has it or the disk alone, also across a
    /// restart of the node; and each line tells which came before it. Method: more lines than memory keeps, read in pages
    /// from every side.
    #[test]
    fn lines_are_followed_through_memory_and_disk() {
        let folder = tempfile::tempdir().unwrap();
        let logs = open(folder.path());
        let count = LINES_MAX + 500;
        for number in 0..count {
            say(&logs, &format!("line {number}"));
            // The queue to the disk is bounded.
            if number % 1_000 == 999 {
                written(&logs, number as u64 + 1);
            }
        }
        written(&logs, count as u64);
        let mut seen: Vec<LogLine> = Vec::new();
        loop {
            let page = logs.after(worker(1), seen.last().map_or(0, |line| line.number), 333);
            if page.is_empty() {
                break;
            }
            seen.extend(page);
        }
        assert_eq!(seen.len(), count);
        assert!(seen.windows(2).all(|pair| pair[1].previous == pair[0].number), "no gap");
        assert_eq!(texts(&logs.tail(worker(1), 2)), [format!("line {}", count - 2), format!("line {}", count - 1)]);
        assert_eq!(logs.tail(worker(1), PAGE_LINES_MAX).len(), PAGE_LINES_MAX);
        assert_eq!(logs.tail(worker(2), 5), []);
        drop(logs);

        let again = open(folder.path());
        assert_eq!(texts(&again.tail(worker(1), 1)), [format!("line {}", count - 1)]);
        let last = seen.last().unwrap().number;
        say(&again, "after the restart");
        let next = again.after(worker(1), last, 5);
        assert_eq!((texts(&next), next[0].previous), (vec!["after the restart"], last));
        // Somebody saw lines that did not get to the disk: the next one is still higher.
        assert_eq!(texts(&again.after(worker(1), last + 50, 5)), ["after the restart"]);
    }

    /// Goal: lines of a moment are found with those before them, on disk, in memory and across both; a moment before all of them is
    /// the beginning, one after all of them the end; a clock that was set back hides nothing. Method: more lines than memory keeps,
    /// two of each moment, the last of them of an earlier one.
    #[test]
    fn lines_of_a_moment_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let logs = open(folder.path());
        let count = LINES_MAX as u64 + 500;
        let moment = |number: u64| if number == count { 100 } else { 1_000 + number / 2 * 10 };
        for number in 1..=count {
            logs.keep(worker(1), moment(number), "info", String::new(), String::new(), 0);
            if number % 1_000 == 0 || number == count {
                written(&logs, number);
            }
        }
        let around = |time_us: u64, earlier: usize, limit: usize| -> Vec<u64> {
            logs.around(worker(1), time_us, earlier, limit).iter().map(|line| line.number).collect()
        };
        for number in [2, 400, 500, 501, 502, 1_400] {
            let first = number / 2 * 2;
            assert_eq!(around(moment(number), 0, 3), [first, first + 1, first + 2]);
            let before = around(moment(number) - 9, 1, 2);
            assert_eq!(before, [first - 1, first]);
        }
        assert_eq!(around(0, 5, 2), [1, 2]);
        assert_eq!(around(u64::MAX, 0, 5), [0_u64; 0]);
        assert_eq!(around(u64::MAX, 2, 5), [count - 1, count]);
        assert_eq!(around(moment(count - 1), 1, 5), [count - 3, count - 2, count - 1, count]);
        assert_eq!(logs.around(worker(2), 0, 5, 5), []);
        logs.line(worker(1), proto::Log { time_us: u64::MAX, ..proto::Log::default() });
        assert!(logs.tail(worker(1), 1)[0].time_us <= now_us(), "no line is of the future");
    }

    /// Goal: a page of a long log begins where it begins, whatever was cut before it. Method: lines of many lengths, two files full of them;
    /// pages after numbers near and far, before and after one line in the middle was damaged.
    #[test]
    fn pages_of_a_long_log_begin_where_they_begin() {
        let folder = tempfile::tempdir().unwrap();
        let logs = open(folder.path());
        let count = 6_000_u64;
        for number in 1..=count {
            say(&logs, &"x".repeat((number * 7_919 % 1_900) as usize));
            if number % 500 == 0 {
                written(&logs, number);
            }
        }
        let pages = |damaged: Option<u64>| {
            let near = damaged.unwrap_or(count / 3);
            for after in (0..count - LINES_MAX as u64).step_by(97).chain([1, 2, near - 1, near]) {
                let read = logs.files.read(worker(1), after, u64::MAX, 3);
                let numbers: Vec<u64> = read.iter().map(|line| line.number).collect();
                let expected: Vec<u64> = (after + 1..).filter(|number| Some(*number) != damaged).take(3).collect();
                assert_eq!(numbers, expected, "after {after}");
            }
        };
        pages(None);
        let path = folder.path().join("selftest-1.log");
        let mut text = std::fs::read(&path).unwrap();
        let middle = text.len() / 2;
        let start = middle + text[middle..].iter().position(|byte| *byte == b'\n').unwrap() + 1;
        let line: LogLine = serde_json::from_slice(text[start..].split(|byte| *byte == b'\n').next().unwrap()).unwrap();
        text[start] = b'?';
        std::fs::write(&path, text).unwrap();
        pages(Some(line.number));
    }

    /// Goal: nothing that a worker sends is kept at any length, in memory or on its way to the disk. Method: lines as long as
    /// the transport lets through, with more of them than there is room for.
    #[test]
    fn long_lines_are_cut() {
        let folder = tempfile::tempdir().unwrap();
        let logs = open(folder.path());
        let long = "é".repeat(2 << 20);
        let line = proto::Log { text: long.clone(), trace: long.clone(), ..proto::Log::default() };
        logs.line(worker(1), line);
        logs.raw(worker(1), long);
        let kept = logs.tail(worker(1), 2);
        assert_eq!((kept[0].text.len(), kept[0].trace.len(), kept[1].text.len()), (4_096, 64, 4_096));
        for number in 0..DISK_WAITING_MAX as u64 {
            let full = "x".repeat(4_096);
            logs.keep(worker(1), number, "info", full, String::new(), 0);
            assert!(logs.waiting.load(Ordering::Relaxed) <= DISK_WAITING_BYTES_MAX);
        }
    }

    /// Goal: the files of a worker do not grow over their limit, and what is gone is seen as a gap. Method: more than both
    /// files take.
    #[test]
    fn files_are_limited() {
        let folder = tempfile::tempdir().unwrap();
        let logs = open(folder.path());
        let text = "x".repeat(4_000);
        let total = 2 * disk::FILE_BYTES_MAX / 4_000 + 1_000;
        for number in 0..total {
            say(&logs, &text);
            if number % 500 == 499 {
                written(&logs, number + 1);
            }
        }
        let size: u64 =
            std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
        assert!(size <= 2 * (disk::FILE_BYTES_MAX + 8_192), "{size}");
        let oldest = logs.after(worker(1), 0, 1);
        assert!(oldest[0].previous > 0, "what came before is gone, and the line says so");
    }
}
