//! A disk that honours syncs and promises nothing else, fed from the trace.
//!
//! A file's content is durable up to the last sync that began after it was written and has ended. A folder's names are
//! durable up to the last such sync of the folder itself. Everything later may be there after a power cut or not: each
//! file and each folder for itself, a file's unsynced writes in any part of 512 bytes, a folder's changes in their
//! order. That is less than any file system in use promises.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fs;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};

use super::dice::Dice;
use super::image::Cut;
use super::trace::{Kind, Record, Trace};

/// What a disk writes whole or not at all.
pub(crate) const SECTOR_BYTES: u64 = 512;

/// Files that say nothing about the node's data: RocksDB's own log, the reserve, the disk probe, and the workers' socket,
/// which holds no bytes and is made anew by each start.
pub(crate) fn is_ignored(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name == "LOG"
        || name.starts_with("LOG.old.")
        || (path.starts_with("incoming/") && name.contains("_LOG"))
        || path == "reserve"
        || path == "probe"
        || path == "workers.sock"
}

#[derive(Debug, Clone)]
pub(crate) enum Change {
    Write { at: u64, data: Range<usize> },
    Length(u64),
    Zero { at: u64, size: u64 },
}

#[derive(Debug, Default)]
pub(crate) struct FileNode {
    pub(crate) durable: Arc<Vec<u8>>,
    pub(crate) live: Arc<Vec<u8>>,
    /// How many changes are durable; those behind it are pending.
    settled: u64,
    pub(crate) pending: VecDeque<Change>,
}

#[derive(Debug, Clone)]
pub(crate) enum NameChange {
    Put(String, usize),
    Take(String),
    Move(String, String),
}

#[derive(Debug, Default)]
pub(crate) struct FolderNode {
    pub(crate) durable: BTreeMap<String, usize>,
    live: BTreeMap<String, usize>,
    settled: u64,
    pub(crate) pending: VecDeque<NameChange>,
}

#[derive(Debug)]
pub(crate) enum Node {
    File(FileNode),
    Folder(FolderNode),
}

/// The disk.
pub(crate) struct Disk {
    pub(crate) nodes: Vec<Node>,
    syncs: HashMap<u64, (usize, u64)>,
}

pub(crate) const ROOT: usize = 0;

pub(crate) fn edit(content: &mut Vec<u8>, change: &Change, bytes: &[u8]) {
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

pub(crate) fn rename(names: &mut BTreeMap<String, usize>, change: &NameChange) {
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
            Kind::Unlinking | Kind::Sent | Kind::Acked | Kind::Mark => Ok(()),
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
