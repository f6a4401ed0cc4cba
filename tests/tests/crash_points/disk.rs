//! A disk that honours syncs and promises nothing else, fed from the trace.
//!
//! A file's content is durable up to the last sync that began after it was written and has ended. A folder's names are
//! durable up to the last such sync of the folder itself. Everything later may be there after a power cut or not: each
//! file and each folder for itself, a file's unsynced writes in any part of 512 bytes, a folder's changes in their
//! order. That is less than any file system in use promises.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fs;
use std::hash::Hasher as _;
use std::io::Write as _;
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};

use super::dice::Dice;
use super::trace::{Kind, Record, Trace};

/// What a disk writes whole or not at all.
pub(crate) const SECTOR_BYTES: u64 = 512;

/// Files that say nothing about the node's data: RocksDB's own log, the reserve, the disk probe.
pub(crate) fn is_ignored(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name == "LOG"
        || name.starts_with("LOG.old.")
        || (path.starts_with("incoming/") && name.contains("_LOG"))
        || path == "reserve"
        || path == "probe"
}

#[derive(Debug, Clone)]
enum Change {
    Write { at: u64, data: Range<usize> },
    Length(u64),
    Zero { at: u64, size: u64 },
}

#[derive(Debug, Default)]
struct FileNode {
    durable: Arc<Vec<u8>>,
    live: Arc<Vec<u8>>,
    /// How many changes are durable; those behind it are pending.
    settled: u64,
    pending: VecDeque<Change>,
}

#[derive(Debug, Clone)]
enum NameChange {
    Put(String, usize),
    Take(String),
    Move(String, String),
}

#[derive(Debug, Default)]
struct FolderNode {
    durable: BTreeMap<String, usize>,
    live: BTreeMap<String, usize>,
    settled: u64,
    pending: VecDeque<NameChange>,
}

#[derive(Debug)]
enum Node {
    File(FileNode),
    Folder(FolderNode),
}

/// What a power cut does to what is not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cut {
    /// It is gone.
    Dropped,
    /// Data is gone, names are there.
    NamesKept,
    /// It is there.
    Kept,
    /// It is there, but the last write of each file is cut at a sector.
    Torn,
    /// For each file and folder something else.
    Mixed,
}

impl Cut {
    pub(crate) const ALL: [Cut; 5] = [Cut::Dropped, Cut::NamesKept, Cut::Kept, Cut::Torn, Cut::Mixed];
}

/// A folder as it could be after a power cut.
#[derive(Debug, Clone, Default)]
pub(crate) struct Image {
    folders: Vec<String>,
    pub(crate) files: BTreeMap<String, Arc<Vec<u8>>>,
}

impl Image {
    /// The same for equal images.
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for (path, bytes) in &self.files {
            hasher.write(path.as_bytes());
            hasher.write_usize(bytes.len());
            hasher.write(bytes);
        }
        for path in &self.folders {
            hasher.write(path.as_bytes());
        }
        hasher.finish()
    }

    /// Makes it real in a folder that does not exist.
    pub(crate) fn write(&self, root: &Path) -> Result<()> {
        let folder = |path: &Path| fs::DirBuilder::new().mode(0o700).create(path);
        folder(root).with_context(|| format!("{} cannot be made", root.display()))?;
        for path in &self.folders {
            folder(&root.join(path))?;
        }
        for (path, bytes) in &self.files {
            let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(root.join(path));
            file.and_then(|mut file| file.write_all(bytes)).with_context(|| format!("{path} cannot be written"))?;
        }
        Ok(())
    }
}

/// The disk.
pub(crate) struct Disk {
    nodes: Vec<Node>,
    syncs: HashMap<u64, (usize, u64)>,
}

const ROOT: usize = 0;

fn edit(content: &mut Vec<u8>, change: &Change, bytes: &[u8]) {
    let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    match change {
        Change::Write { at, data } => {
            let end = size(*at) + data.len();
            if content.len() < end {
                content.resize(end, 0);
            }
            content[size(*at)..end].copy_from_slice(&bytes[data.clone()]);
        }
        Change::Length(length) => content.resize(size(*length), 0),
        Change::Zero { at, size: length } => {
            let (from, end) = (size(*at).min(content.len()), size(at + length).min(content.len()));
            content[from..end].fill(0);
        }
    }
}

fn rename(names: &mut BTreeMap<String, usize>, change: &NameChange) {
    match change {
        NameChange::Put(name, node) => {
            names.insert(name.clone(), *node);
        }
        NameChange::Take(name) => {
            names.remove(name);
        }
        NameChange::Move(from, to) => {
            if let Some(node) = names.remove(from) {
                names.insert(to.clone(), node);
            }
        }
    }
}

impl Disk {
    pub(crate) fn new() -> Disk {
        Disk { nodes: vec![Node::Folder(FolderNode::default())], syncs: HashMap::new() }
    }

    fn find(&self, path: &str) -> Option<usize> {
        let mut at = ROOT;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            let Node::Folder(folder) = &self.nodes[at] else { return None };
            at = *folder.live.get(name)?;
        }
        Some(at)
    }

    fn expect(&self, path: &str) -> Result<usize> {
        self.find(path).with_context(|| format!("the trace speaks of `{path}`, which was never made"))
    }

    fn split(&self, path: &str) -> Result<(usize, String)> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        Ok((self.expect(parent)?, name.to_owned()))
    }

    fn name(&mut self, folder: usize, change: NameChange) -> Result<()> {
        let Node::Folder(folder) = &mut self.nodes[folder] else { bail!("{change:?} in a file") };
        rename(&mut folder.live, &change);
        folder.pending.push_back(change);
        Ok(())
    }

    fn content(&mut self, path: &str, change: Change, bytes: &[u8]) -> Result<()> {
        let node = self.expect(path)?;
        let Node::File(file) = &mut self.nodes[node] else { bail!("{path} is a folder") };
        edit(Arc::make_mut(&mut file.live), &change, bytes);
        file.pending.push_back(change);
        Ok(())
    }

    fn make(&mut self, path: &str, node: Node) -> Result<()> {
        let (folder, name) = self.split(path)?;
        self.nodes.push(node);
        self.name(folder, NameChange::Put(name, self.nodes.len() - 1))
    }

    /// Does what a record says.
    pub(crate) fn apply(&mut self, record: &Record, trace: &Trace) -> Result<()> {
        if is_ignored(&record.path) {
            return Ok(());
        }
        let path = record.path.as_str();
        match record.kind {
            Kind::Create => self.make(path, Node::File(FileNode::default())),
            Kind::MakeFolder if path.is_empty() => Ok(()),
            Kind::MakeFolder => self.make(path, Node::Folder(FolderNode::default())),
            Kind::Length => self.content(path, Change::Length(record.offset), &trace.bytes),
            Kind::Write => {
                let change = Change::Write { at: record.offset, data: record.data.clone() };
                self.content(path, change, &trace.bytes)
            }
            Kind::Zero => {
                let change = Change::Zero { at: record.offset, size: record.size };
                self.content(path, change, &trace.bytes)
            }
            Kind::SyncBegin => {
                let node = self.expect(path)?;
                let upto = match &self.nodes[node] {
                    Node::File(file) => file.settled + file.pending.len() as u64,
                    Node::Folder(folder) => folder.settled + folder.pending.len() as u64,
                };
                self.syncs.insert(record.offset, (node, upto));
                Ok(())
            }
            Kind::SyncEnd => {
                let (node, upto) = self.syncs.remove(&record.offset).context("a sync ended that did not begin")?;
                self.settle(node, upto, &trace.bytes);
                Ok(())
            }
            Kind::Rename => {
                let (from, to) = (self.split(path)?, self.split(&record.other)?);
                if from.0 == to.0 {
                    return self.name(from.0, NameChange::Move(from.1, to.1));
                }
                let node = self.expect(path)?;
                self.name(to.0, NameChange::Put(to.1, node))?;
                self.name(from.0, NameChange::Take(from.1))
            }
            Kind::Unlink | Kind::RemoveFolder => {
                self.expect(path)?;
                let (folder, name) = self.split(path)?;
                self.name(folder, NameChange::Take(name))
            }
            Kind::Link => {
                let node = self.expect(path)?;
                let (folder, name) = self.split(&record.other)?;
                self.name(folder, NameChange::Put(name, node))
            }
            Kind::Unseen => bail!("the recorder cannot follow {} on `{path}`", record.other),
            Kind::Sent | Kind::Acked | Kind::Mark => Ok(()),
        }
    }

    fn settle(&mut self, node: usize, upto: u64, bytes: &[u8]) {
        match &mut self.nodes[node] {
            Node::File(file) => {
                while file.settled < upto {
                    let Some(change) = file.pending.pop_front() else { break };
                    edit(Arc::make_mut(&mut file.durable), &change, bytes);
                    file.settled += 1;
                }
                if file.pending.is_empty() {
                    file.durable = file.live.clone();
                }
            }
            Node::Folder(folder) => {
                while folder.settled < upto {
                    let Some(change) = folder.pending.pop_front() else { break };
                    rename(&mut folder.durable, &change);
                    folder.settled += 1;
                }
            }
        }
    }

    /// What a power cut now could leave.
    pub(crate) fn image(&self, cut: Cut, trace: &Trace, dice: &mut Dice) -> Image {
        let mut walk = Walk { cut, trace, dice, image: Image::default(), contents: HashMap::new() };
        walk.visit(self, ROOT, "");
        walk.image
    }

    /// Compares what the trace adds up to with the real folder: the proof that the recorder missed nothing.
    pub(crate) fn compare(&self, trace: &Trace, real: &Path) -> Result<()> {
        let image = self.image(Cut::Kept, trace, &mut Dice::new(0));
        let mut found = Vec::new();
        let mut folders = vec![String::new()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(real.join(&folder))? {
                let entry = entry?;
                let name = entry.file_name().to_string_lossy().into_owned();
                let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
                if entry.file_type()?.is_dir() {
                    ensure!(image.folders.contains(&path), "the trace has no folder {path}");
                    folders.push(path);
                } else if !is_ignored(&path) {
                    found.push(path);
                }
            }
        }
        for path in &found {
            let content = image.files.get(path).with_context(|| format!("the trace has no file {path}"))?;
            let bytes = fs::read(real.join(path))?;
            ensure!(bytes == **content, "{path} has {} bytes, {} in the trace", bytes.len(), content.len());
        }
        let gone: Vec<&String> = image.files.keys().filter(|path| !found.contains(path)).collect();
        ensure!(gone.is_empty(), "the trace has files that do not exist: {gone:?}");
        Ok(())
    }
}

/// The making of an image.
struct Walk<'a> {
    cut: Cut,
    trace: &'a Trace,
    dice: &'a mut Dice,
    image: Image,
    /// A file with two names has one content.
    contents: HashMap<usize, Arc<Vec<u8>>>,
}

impl Walk<'_> {
    fn visit(&mut self, disk: &Disk, node: usize, path: &str) {
        match &disk.nodes[node] {
            Node::File(file) => {
                let known = self.contents.get(&node).cloned();
                let content = known.unwrap_or_else(|| content(file, self.cut, &self.trace.bytes, self.dice));
                self.contents.insert(node, content.clone());
                self.image.files.insert(path.to_owned(), content);
            }
            Node::Folder(folder) => {
                if !path.is_empty() {
                    self.image.folders.push(path.to_owned());
                }
                let kept = match self.cut {
                    Cut::Dropped => 0,
                    Cut::NamesKept | Cut::Kept | Cut::Torn => folder.pending.len(),
                    Cut::Mixed => self.dice.below(folder.pending.len() as u64 + 1) as usize,
                };
                let mut names = folder.durable.clone();
                for change in folder.pending.iter().take(kept) {
                    rename(&mut names, change);
                }
                for (name, child) in names {
                    let path = if path.is_empty() { name } else { format!("{path}/{name}") };
                    self.visit(disk, child, &path);
                }
            }
        }
    }
}

fn content(file: &FileNode, cut: Cut, bytes: &[u8], dice: &mut Dice) -> Arc<Vec<u8>> {
    match cut {
        Cut::Dropped | Cut::NamesKept => file.durable.clone(),
        Cut::Kept => file.live.clone(),
        Cut::Torn => {
            let last = file.pending.iter().rposition(|change| matches!(change, Change::Write { .. }));
            last.map_or_else(|| file.live.clone(), |last| prefix(file, last, bytes, dice))
        }
        Cut::Mixed => match dice.below(4) {
            _ if file.pending.is_empty() => file.live.clone(),
            0 => file.durable.clone(),
            1 => file.live.clone(),
            2 => prefix(file, dice.below(file.pending.len() as u64) as usize, bytes, dice),
            _ => scattered(file, bytes, dice),
        },
    }
}

/// The pending changes up to number `last`, of which only the sectors up to one in its middle.
fn prefix(file: &FileNode, last: usize, bytes: &[u8], dice: &mut Dice) -> Arc<Vec<u8>> {
    let mut content = (*file.durable).clone();
    for change in file.pending.iter().take(last) {
        edit(&mut content, change, bytes);
    }
    if let Some(Change::Write { at, data }) = file.pending.get(last) {
        let sectors = sectors(*at, data);
        let kept = dice.below(sectors.len() as u64) as usize;
        for sector in sectors.iter().take(kept) {
            edit(&mut content, sector, bytes);
        }
    }
    Arc::new(content)
}

/// Each sector of each pending write by the toss of a coin.
fn scattered(file: &FileNode, bytes: &[u8], dice: &mut Dice) -> Arc<Vec<u8>> {
    let mut content = (*file.durable).clone();
    for change in &file.pending {
        match change {
            Change::Write { at, data } => {
                for sector in sectors(*at, data) {
                    if dice.below(2) == 0 {
                        edit(&mut content, &sector, bytes);
                    }
                }
            }
            Change::Length(_) | Change::Zero { .. } => {
                if dice.below(2) == 0 {
                    edit(&mut content, change, bytes);
                }
            }
        }
    }
    Arc::new(content)
}

/// A write as the writes of its sectors.
fn sectors(at: u64, data: &Range<usize>) -> Vec<Change> {
    let mut parts = Vec::new();
    let (mut at, mut from) = (at, data.start);
    while from < data.end {
        let step = ((at / SECTOR_BYTES + 1) * SECTOR_BYTES - at) as usize;
        let end = (from + step).min(data.end);
        parts.push(Change::Write { at, data: from..end });
        at += (end - from) as u64;
        from = end;
    }
    parts
}
