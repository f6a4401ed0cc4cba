//! The signer's decision log: every decision, one JSON line each, chained by hash, only ever appended (`decisions.log`).
//!
//! Each line's `hash` is BLAKE3 of the former line's hash and the line without its own. A line that was changed or taken out
//! breaks the chain; lines cut off at the end do not, therefore the number of the last one is told in the status.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use exchequer_domain::Timestamp;
use serde::{Deserialize, Serialize};

use super::verdict::Verdict;
use crate::files::{self, FileError, Readers};

/// The file in the vault's folder.
pub(crate) const FILE_NAME: &str = "decisions.log";
/// A file of this size is put aside and a new one goes on with its last hash.
const FILE_BYTES_MAX: u64 = 256 << 20;
/// The longest text in a line.
const TEXT_CHARS_MAX: usize = 1_000;

/// Why the decision log does not go on.
#[derive(Debug, thiserror::Error)]
pub enum DecisionLogError {
    /// The file system.
    #[error(transparent)]
    File(#[from] FileError),
    /// A line was changed or is missing.
    #[error(
        "line {line} of the signer's decision log does not follow from the one before: it was changed, or one was taken out"
    )]
    Broken {
        /// From 1 within the file.
        line: u64,
    },
    /// A write has failed.
    #[error("the signer's decision log could not be written: nothing is signed any more; look at the disk and restart")]
    Unwritten,
}

/// One decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// From 1.
    pub number: u64,
    /// When, by the signer's clock.
    pub at: String,
    /// What was asked for.
    pub what: String,
    /// Under which epoch.
    pub epoch: u64,
    /// The hash of the unsigned transaction, where there was one that reads.
    pub body: Option<String>,
    /// The decision's code.
    pub verdict: String,
    /// Its reason.
    pub reason: String,
    /// The hash of the line before; 64 zeros before the first.
    pub before: String,
    /// The hash of this one.
    pub hash: String,
}

impl Decision {
    fn hashed(&self) -> String {
        let bare = Decision { hash: String::new(), ..self.clone() };
        let bytes = serde_json::to_vec(&bare).unwrap_or_default();
        blake3::hash(&bytes).to_hex().to_string()
    }
}

/// The open log.
pub struct DecisionLog {
    file: File,
    path: PathBuf,
    bytes: u64,
    last: u64,
    hash: String,
    broken: bool,
}

/// Reads a decision log to its end and returns its last line, if it has one.
///
/// # Errors
/// A line does not follow from the one before.
pub fn verify_decisions(path: &Path) -> Result<Option<Decision>, DecisionLogError> {
    Ok(scan(path)?.0)
}

/// The last decisions of the log in a vault's folder that are wanted, oldest first, after the whole chain of the present file
/// was followed; with the file, and the number of its last line. Those in files that were put aside are not looked at.
///
/// # Errors
/// As [`verify_decisions`].
pub fn last_decisions(
    folder: &Path,
    limit: usize,
    wanted: impl Fn(&Decision) -> bool,
) -> Result<(PathBuf, u64, Vec<Decision>), DecisionLogError> {
    let path = folder.join(FILE_NAME);
    let mut kept = std::collections::VecDeque::new();
    let (last, _) = scan_each(&path, |line| {
        if wanted(line) {
            if kept.len() == limit {
                kept.pop_front();
            }
            kept.push_back(line.clone());
        }
    })?;
    Ok((path, last.map_or(0, |line| line.number), kept.into()))
}

/// The last whole line, and where it ends.
fn scan(path: &Path) -> Result<(Option<Decision>, u64), DecisionLogError> {
    scan_each(path, |_| {})
}

/// The same, with each line handed on.
fn scan_each(path: &Path, mut each: impl FnMut(&Decision)) -> Result<(Option<Decision>, u64), DecisionLogError> {
    let file = files::open_private(path, Readers::Owner, u64::MAX)?;
    let mut reader = BufReader::new(file);
    let (mut last, mut end, mut number): (Option<Decision>, u64, u64) = (None, 0, 0);
    let mut text = Vec::new();
    loop {
        text.clear();
        let read = reader.read_until(b'\n', &mut text).map_err(FileError::io(path, "read"))?;
        // A line without its end was cut short by a crash: its decision was not answered.
        if read == 0 || text.last() != Some(&b'\n') {
            return Ok((last, end));
        }
        number += 1;
        let line: Decision = serde_json::from_slice(&text).map_err(|_| DecisionLogError::Broken { line: number })?;
        let follows = match &last {
            Some(last) => line.before == last.hash && line.number == last.number + 1,
            None => true,
        };
        if !follows || line.hash != line.hashed() {
            return Err(DecisionLogError::Broken { line: number });
        }
        end += read as u64;
        each(&line);
        last = Some(line);
    }
}

/// The last line of the newest file that was put aside.
fn newest_aside(folder: &Path) -> Result<Option<Decision>, DecisionLogError> {
    let entries = fs::read_dir(folder).map_err(FileError::io(folder, "list"))?;
    let number = |name: &str| name.strip_prefix("decisions-")?.strip_suffix(".log")?.parse::<u64>().ok();
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let newest = names.filter_map(|name| number(&name)).max();
    newest.map_or(Ok(None), |newest| verify_decisions(&folder.join(format!("decisions-{newest}.log"))))
}

impl DecisionLog {
    /// Opens the log, or begins it, after its chain was found whole.
    ///
    /// # Errors
    /// It is not whole, or the file system refuses.
    pub fn open(folder: &Path) -> Result<DecisionLog, DecisionLogError> {
        let path = folder.join(FILE_NAME);
        let options = || OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
        let file = options().map_err(FileError::io(&path, "open"))?;
        files::sync_folder(folder)?;
        let (last, bytes) = scan(&path)?;
        file.set_len(bytes).map_err(FileError::io(&path, "cut"))?;
        let last = match last {
            Some(last) => Some(last),
            None => newest_aside(folder)?,
        };
        let (last, hash) = last.map_or_else(|| (0, "0".repeat(64)), |line| (line.number, line.hash));
        Ok(DecisionLog { file, path, bytes, last, hash, broken: false })
    }

    /// The number of the last line.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Writes a decision down; it is on stable storage when this returns.
    pub(crate) fn write(
        &mut self,
        at: Timestamp,
        what: &str,
        epoch: u64,
        body: Option<&[u8; 32]>,
        verdict: &Verdict,
    ) -> Result<(), DecisionLogError> {
        if self.broken {
            return Err(DecisionLogError::Unwritten);
        }
        self.broken = true;
        let cut = |text: &str| text.chars().take(TEXT_CHARS_MAX).collect::<String>();
        let mut line = Decision {
            number: self.last + 1,
            at: at.to_string(),
            what: cut(what),
            epoch,
            body: body.map(hex::encode),
            verdict: verdict.code.as_str().to_owned(),
            reason: cut(&verdict.reason),
            before: self.hash.clone(),
            hash: String::new(),
        };
        line.hash = line.hashed();
        let mut text = serde_json::to_vec(&line).map_err(|_| DecisionLogError::Unwritten)?;
        text.push(b'\n');
        self.file.write_all(&text).map_err(FileError::io(&self.path, "write"))?;
        self.file.sync_data().map_err(FileError::io(&self.path, "sync"))?;
        self.bytes += text.len() as u64;
        self.last = line.number;
        self.hash = line.hash;
        if self.bytes > FILE_BYTES_MAX {
            self.put_aside()?;
        }
        self.broken = false;
        Ok(())
    }

    fn put_aside(&mut self) -> Result<(), DecisionLogError> {
        let aside = self.path.with_file_name(format!("decisions-{}.log", self.last));
        fs::rename(&self.path, &aside).map_err(FileError::io(&self.path, "put aside"))?;
        let options = OpenOptions::new().create_new(true).append(true).mode(0o600).open(&self.path);
        self.file = options.map_err(FileError::io(&self.path, "create"))?;
        self.bytes = 0;
        files::sync_folder(self.path.parent().unwrap_or(Path::new(".")))?;
        Ok(())
    }
}
