//! The trace: what the recorder and the test wrote into one file, in the order in which it happened.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::ops::Range;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};

const MAGIC: u32 = 0x4853_5243;
const HEAD_BYTES: usize = 40;

/// What a record says. The numbers below 100 are the recorder's, in tests/crash/recorder.c.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A new, empty file.
    Create,
    /// A file was cut or extended to `offset`.
    Length,
    /// `data` was written at `offset`.
    Write,
    /// A sync began; `offset` is its number.
    SyncBegin,
    /// The sync of that number ended well.
    SyncEnd,
    /// `path` became `other`.
    Rename,
    /// A name was removed.
    Unlink,
    /// `other` became a second name of `path`.
    Link,
    /// A folder was made.
    MakeFolder,
    /// An empty folder was removed.
    RemoveFolder,
    /// `size` bytes at `offset` became zeros.
    Zero,
    /// Something the recorder cannot follow; `other` says what.
    Unseen,
    /// A name is about to be removed.
    Unlinking,
    /// Write number `offset` of the key `path` is about to be sent.
    Sent,
    /// It was acknowledged, as entry `size`.
    Acked,
    /// The test says that something is done.
    Mark,
}

impl Kind {
    const ALL: [(Kind, u32); 16] = [
        (Kind::Create, 1),
        (Kind::Length, 2),
        (Kind::Write, 3),
        (Kind::SyncBegin, 4),
        (Kind::SyncEnd, 5),
        (Kind::Rename, 6),
        (Kind::Unlink, 7),
        (Kind::Link, 8),
        (Kind::MakeFolder, 9),
        (Kind::RemoveFolder, 10),
        (Kind::Zero, 11),
        (Kind::Unseen, 12),
        (Kind::Unlinking, 13),
        (Kind::Sent, 101),
        (Kind::Acked, 102),
        (Kind::Mark, 103),
    ];

    fn number(self) -> u32 {
        Kind::ALL.iter().find(|(kind, _)| *kind == self).map_or(0, |(_, number)| *number)
    }
}

/// One record. Texts and data lie in the trace's bytes.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) kind: Kind,
    pub(crate) offset: u64,
    pub(crate) size: u64,
    pub(crate) path: String,
    pub(crate) other: String,
    pub(crate) data: Range<usize>,
}

/// All records, with the bytes that their data lies in.
pub(crate) struct Trace {
    pub(crate) bytes: Vec<u8>,
    pub(crate) records: Vec<Record>,
}

impl Trace {
    pub(crate) fn read(path: &Path) -> Result<Trace> {
        let bytes = std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let mut records = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let head = bytes.get(at..at + HEAD_BYTES).context("the trace ends within a record")?;
            let u32_at = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().unwrap());
            let u64_at = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().unwrap());
            ensure!(u32_at(0) == MAGIC, "no record begins at byte {at} of the trace");
            let number = u32_at(4);
            let Some((kind, _)) = Kind::ALL.iter().find(|(_, known)| *known == number) else {
                bail!("the trace has a record of kind {number}");
            };
            let path = at + HEAD_BYTES..at + HEAD_BYTES + u32_at(24) as usize;
            let other = path.end..path.end + u32_at(28) as usize;
            let data = other.end..other.end + u32_at(32) as usize;
            ensure!(data.end <= bytes.len(), "the trace ends within a record");
            let text = |range: &Range<usize>| String::from_utf8_lossy(&bytes[range.clone()]).into_owned();
            let (path, other) = (text(&path), text(&other));
            at = data.end;
            records.push(Record { kind: *kind, offset: u64_at(8), size: u64_at(16), path, other, data });
        }
        Ok(Trace { bytes, records })
    }

    /// The name that the recorder's last word was about to be removed: a killed process cannot say whether it was.
    pub(crate) fn unlinking(&self) -> Option<&str> {
        let told = |record: &&Record| matches!(record.kind, Kind::Sent | Kind::Acked | Kind::Mark);
        let last = self.records.iter().rev().find(|record| !told(record))?;
        (last.kind == Kind::Unlinking).then_some(last.path.as_str())
    }
}

/// Appends the test's own records.
pub(crate) struct Marks(File);

impl Marks {
    pub(crate) fn open(path: &Path) -> Result<Marks> {
        let file = OpenOptions::new().append(true).create(true).open(path).context("the trace cannot be made")?;
        Ok(Marks(file))
    }

    /// One write, so that it is whole and in its place whatever else is being recorded.
    pub(crate) fn put(&self, kind: Kind, path: &str, offset: u64, size: u64) -> Result<()> {
        let mut bytes = Vec::with_capacity(HEAD_BYTES + path.len());
        bytes.extend_from_slice(&MAGIC.to_le_bytes());
        bytes.extend_from_slice(&kind.number().to_le_bytes());
        bytes.extend_from_slice(&offset.to_le_bytes());
        bytes.extend_from_slice(&size.to_le_bytes());
        bytes.extend_from_slice(&u32::try_from(path.len())?.to_le_bytes());
        bytes.extend_from_slice(&[0; 12]);
        bytes.extend_from_slice(path.as_bytes());
        let written = (&self.0).write(&bytes).context("the trace cannot be written")?;
        ensure!(written == bytes.len(), "a mark was written in part");
        Ok(())
    }
}
