//! The files of workers' logs: two a worker, of which the older one is dropped when the newer one is full. A line of JSON
//! each; one that a crash cut is passed over, and one that is longer than a file is not written.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc as blocking;

use exchequer_api::backend::LogLine;
use exchequer_domain::WorkerId;

/// Of one file.
pub(super) const FILE_BYTES_MAX: u64 = 4 << 20;
/// The part of a file in which a line is looked for, its last one or any: longer than any line, whatever it has to be quoted for.
const END_BYTES: u64 = 64 << 10;
/// Files that are kept open.
const OPEN_FILES_MAX: usize = 64;

/// Where the files are.
#[derive(Debug, Clone)]
pub(super) struct Files {
    folder: PathBuf,
}

impl Files {
    pub(super) fn new(folder: PathBuf) -> Files {
        Files { folder }
    }

    /// The older file of a worker, and the newer one.
    fn paths(&self, worker: WorkerId) -> [PathBuf; 2] {
        let name = worker.to_string().replace('/', "-");
        [self.folder.join(format!("{name}.1.log")), self.folder.join(format!("{name}.log"))]
    }

    /// The number of a worker's last line; zero where there is none.
    pub(super) fn last(&self, worker: WorkerId) -> u64 {
        self.paths(worker).iter().rev().find_map(|path| last_line(path).ok().flatten()).unwrap_or(0)
    }

    /// The first lines of a worker after a number and before another, in order.
    pub(super) fn read(&self, worker: WorkerId, after: u64, before: u64, limit: usize) -> Vec<LogLine> {
        let wanted =
            self.lines(worker, after).filter(|line| line.number > after).take_while(|line| line.number < before);
        wanted.take(limit).collect()
    }

    /// The last ones, in order.
    pub(super) fn read_last(&self, worker: WorkerId, before: u64, limit: usize) -> Vec<LogLine> {
        let mut all: Vec<LogLine> = self.lines(worker, 0).take_while(|line| line.number < before).collect();
        all.split_off(all.len().saturating_sub(limit))
    }

    /// Goes through the lines of a worker before a number, in order, for as long as it is wanted.
    pub(super) fn each(&self, worker: WorkerId, before: u64, mut goes_on: impl FnMut(&LogLine) -> bool) {
        for line in self.lines(worker, 0).take_while(|line| line.number < before) {
            if !goes_on(&line) {
                return;
            }
        }
    }

    /// The lines of a worker, from some that are not after a number on.
    fn lines(&self, worker: WorkerId, after: u64) -> impl Iterator<Item = LogLine> {
        let files = self.paths(worker).into_iter().filter_map(move |path| {
            let mut file = File::open(path).ok()?;
            let start = start_of(&mut file, after).ok()?;
            file.seek(SeekFrom::Start(start)).ok()?;
            Some(file)
        });
        let texts = files.flat_map(|file| BufReader::new(file).lines().map_while(Result::ok));
        texts.filter_map(|text| serde_json::from_str(&text).ok())
    }
}

/// A place in a file at which a line begins that is not after a number, or the file: numbers rise, so halves are enough. Whoever reads
/// a long log page by page goes not through all of it for each.
fn start_of(file: &mut File, after: u64) -> io::Result<u64> {
    let (mut start, mut end) = (0, file.seek(SeekFrom::End(0))?);
    while after > 0 && end - start > END_BYTES {
        let middle = start + (end - start) / 2;
        file.seek(SeekFrom::Start(middle))?;
        let mut part = Vec::new();
        io::Read::by_ref(file).take(END_BYTES).read_to_end(&mut part)?;
        // What is before the first end of a line is the rest of one.
        let Some(rest) = part.iter().position(|byte| *byte == b'\n') else { break };
        let line = part[rest + 1..].split(|byte| *byte == b'\n').next().unwrap_or_default();
        match serde_json::from_slice::<LogLine>(line) {
            Ok(line) if line.number <= after => start = middle + rest as u64 + 1,
            Ok(_) => end = middle,
            // A line that a crash cut: from here it is read as it comes.
            Err(_) => break,
        }
    }
    Ok(start)
}

fn last_line(path: &PathBuf) -> io::Result<Option<u64>> {
    let mut file = File::open(path)?;
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(length.saturating_sub(END_BYTES)))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    let mut lines = end.split(|byte| *byte == b'\n').rev();
    Ok(lines.find_map(|line| serde_json::from_slice::<LogLine>(line).ok()).map(|line| line.number))
}

/// Writes the files.
pub(super) struct Disk {
    files: Files,
    open: BTreeMap<WorkerId, (BufWriter<File>, u64)>,
    told: bool,
    /// Bytes of the lines that wait.
    waiting: Arc<AtomicUsize>,
}

impl Disk {
    pub(super) fn new(files: Files, waiting: Arc<AtomicUsize>) -> Disk {
        Disk { files, open: BTreeMap::new(), told: false, waiting }
    }

    /// Writes lines as they come, until nobody sends any more. Whatever waits is written together.
    pub(super) fn run(mut self, lines: &blocking::Receiver<(WorkerId, LogLine)>) {
        while let Ok(first) = lines.recv() {
            let mut next = Some(first);
            while let Some((worker, line)) = next.take() {
                self.waiting.fetch_sub(super::bytes_of(&line), Ordering::Relaxed);
                let written = self.write(worker, &line);
                self.tell(written);
                next = lines.try_recv().ok();
            }
            for (file, _) in self.open.values_mut() {
                // Told with the next line.
                let _ = file.flush();
            }
        }
    }

    /// A log that cannot be written is told once; the lines stay in memory.
    fn tell(&mut self, written: io::Result<()>) {
        match written {
            Ok(()) => self.told = false,
            Err(error) if !self.told => {
                tracing::warn!(%error, "a worker's log cannot be written");
                (self.told, self.open) = (true, BTreeMap::new());
            }
            Err(_) => self.open.clear(),
        }
    }

    fn write(&mut self, worker: WorkerId, line: &LogLine) -> io::Result<()> {
        let mut text = serde_json::to_vec(line).map_err(io::Error::other)?;
        text.push(b'\n');
        let bytes = text.len() as u64;
        if bytes > FILE_BYTES_MAX {
            return Ok(());
        }
        let [older, newer] = self.files.paths(worker);
        self.open(worker, &newer)?;
        if self.open.get(&worker).is_some_and(|(_, length)| *length + bytes > FILE_BYTES_MAX) {
            if let Some((mut file, _)) = self.open.remove(&worker) {
                file.flush()?;
            }
            fs::rename(&newer, &older)?;
            self.open(worker, &newer)?;
        }
        if let Some((file, length)) = self.open.get_mut(&worker) {
            file.write_all(&text)?;
            *length += bytes;
        }
        Ok(())
    }

    /// Opens a worker's newer file, where it is not open.
    fn open(&mut self, worker: WorkerId, newer: &PathBuf) -> io::Result<()> {
        if self.open.contains_key(&worker) {
            return Ok(());
        }
        if self.open.len() >= OPEN_FILES_MAX {
            self.open.clear();
        }
        fs::create_dir_all(&self.files.folder)?;
        let mut file = File::options().create(true).append(true).open(newer)?;
        let mut length = file.seek(SeekFrom::End(0))?;
        if length > 0 {
            // A crash may have cut the last line.
            file.write_all(b"\n")?;
            length += 1;
        }
        self.open.insert(worker, (BufWriter::new(file), length));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a line that no file can take is passed over, and those around it are written. Method: one longer than a file
    /// between two that are not.
    #[test]
    fn a_line_longer_than_a_file_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::new(folder.path().to_owned());
        let mut disk = Disk::new(files.clone(), Arc::default());
        let worker: WorkerId = "selftest/1".parse().unwrap();
        let line = |number, trace: &str| LogLine {
            number,
            previous: number - 1,
            time_us: 7,
            level: "info".into(),
            text: "text".into(),
            trace: trace.into(),
            dropped: 0,
        };
        disk.write(worker, &line(1, "")).unwrap();
        disk.write(worker, &line(2, &"x".repeat(5 << 20))).unwrap();
        disk.write(worker, &line(3, "")).unwrap();
        drop(disk);
        let numbers: Vec<u64> = files.read(worker, 0, u64::MAX, 9).iter().map(|line| line.number).collect();
        assert_eq!(numbers, [1, 3]);
    }
}
