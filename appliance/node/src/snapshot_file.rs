//! A snapshot as one file for operators: tar in zstd.
//!
//! First in the archive is `manifest.json` with where it comes from and every file's size and BLAKE3 hash; then the
//! files of the checkpoint; last `end`, so that a file cut short between two members is noticed. The zstd frame
//! carries a checksum of its own, and behind it stands the hash of the file as a whole (`whole`).

mod whole;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use exchequer_domain::{Code, Problem};
use exchequer_storage::{Disk, FileEntry, Manifest, is_plain_name};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::Sender;

use self::whole::{End, Sealing, Verifying};
use crate::machine::storage_problem;

const FORMAT: u32 = 1;
const MANIFEST_NAME: &str = "manifest.json";
const END_NAME: &str = "end";
const PIECE_BYTES: usize = 1 << 20;
const ZSTD_LEVEL: i32 = 3;
/// A manifest is a list of files; more than this is no manifest.
const MANIFEST_BYTES_MAX: u64 = 16 << 20;

/// Where a snapshot comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The cluster, hexadecimal.
    pub cluster_id: String,
    /// Its lineage when the snapshot was taken.
    pub lineage: u64,
    /// The node that took it.
    pub node_id: u64,
    /// The last applied entry.
    pub index: u64,
    /// Its term.
    pub term: u64,
    /// Replicated time then.
    pub time: String,
    /// The members then, as `id name address`.
    pub members: Vec<String>,
}

/// `manifest.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Header {
    format: u32,
    release: String,
    #[serde(flatten)]
    origin: Origin,
    name: String,
    note: String,
    files: Vec<HeaderFile>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct HeaderFile {
    name: String,
    size: u64,
    blake3: String,
}

/// Sends what is written to a channel, in pieces.
struct Pipe<'a> {
    sender: &'a Sender<Result<Bytes, Problem>>,
    buffer: Vec<u8>,
}

impl Write for Pipe<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PIECE_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let piece = Bytes::from(std::mem::take(&mut self.buffer));
        self.sender.blocking_send(Ok(piece)).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}

/// Writes the snapshot `name` of `disk` into the channel; a failure is its last item.
pub(crate) fn write(disk: &dyn Disk, name: &str, origin: &Origin, sender: &Sender<Result<Bytes, Problem>>) {
    if let Err(problem) = write_all(disk, name, origin, sender) {
        // The client may be gone; then nobody needs to know.
        let _ = sender.blocking_send(Err(problem));
    }
}

fn internal(error: impl std::fmt::Display) -> Problem {
    Problem::new(Code::Internal, format!("the snapshot could not be written: {error}"))
}

fn write_all(
    disk: &dyn Disk,
    name: &str,
    origin: &Origin,
    sender: &Sender<Result<Bytes, Problem>>,
) -> Result<(), Problem> {
    let manifest = disk.manifest(name).map_err(|error| storage_problem(&error))?;
    let header = Header {
        format: FORMAT,
        release: env!("CARGO_PKG_VERSION").to_owned(),
        origin: origin.clone(),
        name: manifest.name.clone(),
        note: hex::encode(&manifest.note),
        files: manifest
            .files
            .iter()
            .map(|file| HeaderFile { name: file.name.clone(), size: file.size, blake3: hex::encode(file.hash) })
            .collect(),
    };
    let pipe = Pipe { sender, buffer: Vec::with_capacity(PIECE_BYTES) };
    let mut zstd = zstd::Encoder::new(Sealing::new(pipe), ZSTD_LEVEL).map_err(internal)?;
    zstd.include_checksum(true).map_err(internal)?;
    let mut archive = tar::Builder::new(zstd);
    let text = serde_json::to_vec_pretty(&header).map_err(internal)?;
    append(&mut archive, MANIFEST_NAME, text.len() as u64, text.as_slice())?;
    for (number, file) in manifest.files.iter().enumerate() {
        let reader = PieceReader { disk, manifest: &manifest, file: number, offset: 0, piece: Bytes::new() };
        append(&mut archive, &file.name, file.size, reader)?;
    }
    append(&mut archive, END_NAME, 0, io::empty())?;
    let zstd = archive.into_inner().map_err(internal)?;
    zstd.finish().and_then(Sealing::finish).map_err(internal)
}

fn append(archive: &mut tar::Builder<impl Write>, name: &str, size: u64, data: impl Read) -> Result<(), Problem> {
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o600);
    header.set_cksum();
    archive.append_data(&mut header, name, data).map_err(internal)
}

/// Reads a snapshot's file piece by piece.
struct PieceReader<'a> {
    disk: &'a dyn Disk,
    manifest: &'a Manifest,
    file: usize,
    offset: u64,
    piece: Bytes,
}

impl Read for PieceReader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.piece.is_empty() {
            self.piece = self.disk.read_piece(self.manifest, self.file, self.offset, PIECE_BYTES)?;
            self.offset += self.piece.len() as u64;
        }
        let length = into.len().min(self.piece.len());
        let head = self.piece.split_to(length);
        if let Some(target) = into.get_mut(..length) {
            target.copy_from_slice(&head);
        }
        Ok(length)
    }
}

/// What a snapshot file holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// The file.
    pub file: PathBuf,
    /// Its size in bytes.
    pub file_bytes: u64,
    /// The format.
    pub format: u32,
    /// The release that wrote it.
    pub release: String,
    /// Where it comes from.
    #[serde(flatten)]
    pub origin: Origin,
    /// The snapshot's name.
    pub name: String,
    /// Each kind of file: how many, and their bytes.
    pub contents: Vec<Content>,
    /// The bytes of all files.
    pub total_bytes: u64,
}

/// One kind of file in a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Content {
    /// `table`, `manifest` or `options`.
    pub kind: String,
    /// How many.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Reads a snapshot file to its end and verifies every checksum.
///
/// # Errors
/// `SnapshotTruncated`, `SnapshotCorrupt`, `FormatNewer`, and `NotFound` where there is no such file.
pub fn inspect(file: &Path) -> Result<Inspection, Problem> {
    read(file, &mut |_, data| io::copy(data, &mut io::sink()).map(drop)).map(|(header, _)| {
        let mut kinds: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for entry in &header.files {
            let kind = if entry.name.ends_with(".sst") {
                "table"
            } else if entry.name.starts_with("OPTIONS") {
                "options"
            } else {
                "manifest"
            };
            let sum = kinds.entry(kind).or_default();
            sum.0 += 1;
            sum.1 += entry.size;
        }
        Inspection {
            file: file.to_path_buf(),
            file_bytes: std::fs::metadata(file).map_or(0, |meta| meta.len()),
            format: header.format,
            release: header.release,
            origin: header.origin,
            name: header.name,
            total_bytes: header.files.iter().map(|file| file.size).sum(),
            contents: kinds
                .into_iter()
                .map(|(kind, (count, bytes))| Content { kind: kind.to_owned(), count, bytes })
                .collect(),
        }
    })
}

/// Unpacks a verified snapshot into `folder`, which must be empty, and answers its manifest.
///
/// # Errors
/// As [`inspect`], and I/O failures.
pub(crate) fn unpack(file: &Path, folder: &Path) -> Result<(Origin, Manifest), Problem> {
    let (header, hashes) = read(file, &mut |name, data| {
        let mut target = File::options().write(true).create_new(true).open(folder.join(name))?;
        io::copy(data, &mut target)?;
        target.sync_all()
    })?;
    let note = hex::decode(&header.note).map_err(|_| corrupt(file, "its note is not hexadecimal"))?;
    let files = header
        .files
        .iter()
        .zip(hashes)
        .map(|(entry, hash)| FileEntry { name: entry.name.clone(), size: entry.size, hash })
        .collect();
    Ok((header.origin, Manifest { name: header.name, files, note }))
}

fn corrupt(file: &Path, detail: impl std::fmt::Display) -> Problem {
    Problem::new(Code::SnapshotCorrupt, format!("{}: {detail}", file.display()))
}

fn failed(file: &Path, error: &io::Error) -> Problem {
    let cut = error.kind() == io::ErrorKind::UnexpectedEof || error.to_string().contains("incomplete frame");
    if cut {
        Problem::new(Code::SnapshotTruncated, format!("{} ends in the middle of its data", file.display()))
    } else {
        corrupt(file, error)
    }
}

type Take<'a> = dyn FnMut(&str, &mut dyn Read) -> io::Result<()> + 'a;

/// Hashes what passes through it.
struct Hashing<R> {
    inner: R,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(into)?;
        self.hasher.update(into.get(..length).unwrap_or_default());
        self.bytes += length as u64;
        Ok(length)
    }
}

/// Walks the archive; each data file is given to `take` and then compared with the manifest.
fn read(file: &Path, take: &mut Take<'_>) -> Result<(Header, Vec<[u8; 32]>), Problem> {
    let opened = File::open(file)
        .map_err(|error| Problem::new(Code::NotFound, format!("{} cannot be opened: {error}", file.display())))?;
    let zstd = zstd::Decoder::new(Verifying::new(opened)).map_err(|error| failed(file, &error))?;
    let mut archive = tar::Archive::new(zstd);
    let mut members = archive.entries().map_err(|error| failed(file, &error))?;
    let mut next = |what: &str| match members.next() {
        Some(Ok(member)) => Ok(member),
        Some(Err(error)) => Err(failed(file, &error)),
        None => {
            let text = format!("{} ends before its {what}", file.display());
            Err(Problem::new(Code::SnapshotTruncated, text))
        }
    };
    let mut header_text = Vec::new();
    let first = next("manifest")?;
    first.take(MANIFEST_BYTES_MAX).read_to_end(&mut header_text).map_err(|error| failed(file, &error))?;
    let header: Header = serde_json::from_slice(&header_text)
        .map_err(|error| corrupt(file, format_args!("its manifest cannot be read: {error}")))?;
    if header.format > FORMAT {
        let text = format!("{} has format {}, this program knows up to {FORMAT}", file.display(), header.format);
        return Err(Problem::new(Code::FormatNewer, text));
    }
    // It becomes the name of a folder.
    if !is_plain_name(&header.name) {
        return Err(corrupt(file, format_args!("`{}` is not a plain name", header.name.escape_debug())));
    }
    let mut hashes = Vec::with_capacity(header.files.len());
    for expected in &header.files {
        if !is_plain_name(&expected.name) {
            return Err(corrupt(file, format_args!("`{}` is not a plain file name", expected.name)));
        }
        let member = next(&expected.name)?;
        if member.path().ok().and_then(|path| path.to_str().map(str::to_owned)).as_deref() != Some(&expected.name) {
            return Err(corrupt(file, format_args!("`{}` is not where the manifest says", expected.name)));
        }
        let mut hashing = Hashing { inner: member, hasher: blake3::Hasher::new(), bytes: 0 };
        take(&expected.name, &mut hashing).map_err(|error| failed(file, &error))?;
        let hash = *hashing.hasher.finalize().as_bytes();
        if hashing.bytes != expected.size || hex::encode(hash) != expected.blake3 {
            return Err(corrupt(file, format_args!("the checksum of `{}` does not hold", expected.name)));
        }
        hashes.push(hash);
    }
    let end = next("end")?;
    if end.path().ok().as_deref() != Some(Path::new(END_NAME)) {
        return Err(corrupt(file, "it holds more than its manifest says"));
    }
    // The frame's own checksum is verified only when it is read to its end, and the file's only then as well.
    drop(end);
    let mut rest = archive.into_inner();
    io::copy(&mut rest, &mut io::sink()).map_err(|error| failed(file, &error))?;
    match rest.finish().get_ref().end() {
        End::Whole => Ok((header, hashes)),
        End::Differs => Err(corrupt(file, "the checksum of the whole file does not hold")),
        End::Missing => {
            let text = format!("{} ends before the checksum of the whole file", file.display());
            Err(Problem::new(Code::SnapshotTruncated, text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a forged snapshot cannot make a restore write outside its folder. Method: files whose manifest has a name,
    /// of the snapshot or of a file in it, that is a path.
    #[test]
    fn names_that_are_paths_are_refused() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("forged");
        let origin = Origin {
            cluster_id: "00".repeat(16),
            lineage: 1,
            node_id: 1,
            index: 1,
            term: 1,
            time: String::new(),
            members: Vec::new(),
        };
        let blake3 = blake3::hash(b"").to_string();
        for (name, inner) in [
            ("../up", "a"),
            ("/etc", "a"),
            ("..", "a"),
            (".", "a"),
            ("", "a"),
            ("a\0b", "a"),
            ("s", "../a"),
            ("s", "."),
        ] {
            let header = Header {
                format: FORMAT,
                release: "0".to_owned(),
                origin: origin.clone(),
                name: name.to_owned(),
                note: String::new(),
                files: vec![HeaderFile { name: inner.to_owned(), size: 0, blake3: blake3.clone() }],
            };
            let mut archive = tar::Builder::new(zstd::Encoder::new(File::create(&file).unwrap(), ZSTD_LEVEL).unwrap());
            let text = serde_json::to_vec(&header).unwrap();
            append(&mut archive, MANIFEST_NAME, text.len() as u64, text.as_slice()).unwrap();
            append(&mut archive, "a", 0, io::empty()).unwrap();
            append(&mut archive, END_NAME, 0, io::empty()).unwrap();
            archive.into_inner().unwrap().finish().unwrap();
            let refused = inspect(&file).unwrap_err();
            assert_eq!(refused.code, Code::SnapshotCorrupt, "{name:?} {inner:?}: {refused}");
            assert!(refused.message.contains("plain"), "{name:?} {inner:?}: {refused}");
        }
    }
}
