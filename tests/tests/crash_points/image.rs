//! What a power cut leaves of a disk.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::hash::Hasher as _;
use std::io::Write as _;
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};

use super::dice::Dice;
use super::disk::{Change, Disk, FileNode, Node, ROOT, SECTOR_BYTES, edit, rename};
use super::trace::Trace;

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
    pub(crate) folders: Vec<String>,
    pub(crate) files: BTreeMap<String, Arc<Vec<u8>>>,
    /// Files of whose unsynced writes some sectors are there and earlier ones are not.
    pub(crate) scattered: BTreeSet<String>,
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

impl Disk {
    /// What a power cut now could leave.
    pub(crate) fn image(&self, cut: Cut, trace: &Trace, dice: &mut Dice) -> Image {
        let mut walk =
            Walk { cut, trace, dice, image: Image::default(), contents: HashMap::new(), scattered: BTreeSet::new() };
        walk.visit(self, ROOT, "");
        walk.image
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
    scattered: BTreeSet<usize>,
}

impl Walk<'_> {
    fn visit(&mut self, disk: &Disk, node: usize, path: &str) {
        match &disk.nodes[node] {
            Node::File(file) => {
                let content = match self.contents.get(&node) {
                    Some(known) => known.clone(),
                    None => {
                        let (content, scattered) = content(file, self.cut, &self.trace.bytes, self.dice);
                        self.contents.insert(node, content.clone());
                        self.scattered.extend(scattered.then_some(node));
                        content
                    }
                };
                if self.scattered.contains(&node) {
                    self.image.scattered.insert(path.to_owned());
                }
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

/// A file's content, and whether its unsynced writes are scattered.
fn content(file: &FileNode, cut: Cut, bytes: &[u8], dice: &mut Dice) -> (Arc<Vec<u8>>, bool) {
    let content = match cut {
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
            _ => return (scattered(file, bytes, dice), true),
        },
    };
    (content, false)
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
