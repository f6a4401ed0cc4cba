//! Snapshots on the simulated disk: a file for each family.

use std::path::Path;

use bytes::Bytes;

use super::Dice;
use super::engine::{Rows, Store};
use super::medium::Medium;
use crate::{Error, FileEntry, Manifest, Result};

/// A complete snapshot.
pub(super) struct Folder {
    manifest: Manifest,
    files: Vec<Bytes>,
}

/// A snapshot that is being received.
pub(super) struct Incoming {
    manifest: Manifest,
    files: Vec<Vec<u8>>,
}

impl Incoming {
    /// What was received is not synced: any part of each file's end may be gone.
    pub(super) fn crash(&mut self, dice: Dice<'_>) {
        for file in &mut self.files {
            let kept = dice(file.len() as u64 + 1);
            file.truncate(usize::try_from(kept).unwrap_or(0));
        }
    }
}

fn encode(rows: &Rows) -> Bytes {
    // Byte strings always encode.
    postcard::to_stdvec(rows).unwrap_or_default().into()
}

fn missing(name: &str) -> Error {
    Error::corrupt(Path::new(name), "there is no such snapshot")
}

impl Medium {
    pub(super) fn describe(&mut self, working: &str, name: &str, note: Vec<u8>) -> Result<Manifest> {
        let rows = self.working.get(working).ok_or_else(|| missing(working))?;
        let files: Vec<Bytes> = rows.iter().map(encode).collect();
        let entries = files.iter().enumerate().map(|(number, bytes)| FileEntry {
            name: format!("family-{number}"),
            size: bytes.len() as u64,
            hash: *blake3::hash(bytes).as_bytes(),
        });
        let manifest = Manifest { name: name.to_owned(), files: entries.collect(), note };
        self.described.insert(working.to_owned(), Folder { manifest: manifest.clone(), files });
        Ok(manifest)
    }

    pub(super) fn seal(&mut self, working: &str, name: &str) -> Result<()> {
        let folder = self.described.remove(working).ok_or_else(|| missing(working))?;
        self.working.remove(working);
        self.snapshots.insert(name.to_owned(), folder);
        Ok(())
    }

    pub(super) fn manifest(&self, name: &str) -> Result<Manifest> {
        self.snapshots.get(name).map(|folder| folder.manifest.clone()).ok_or_else(|| missing(name))
    }

    pub(super) fn open_snapshot(&self, name: &str, families: usize) -> Result<Store> {
        let rows = match (self.working.get(name), self.snapshots.get(name)) {
            (Some(rows), _) => rows.clone(),
            (None, Some(folder)) => folder
                .files
                .iter()
                .map(|bytes| postcard::from_bytes(bytes).map_err(|_| Error::corrupt(name, "a file does not decode")))
                .collect::<Result<Vec<Rows>>>()?,
            (None, None) => return Err(missing(name)),
        };
        let mut store = Store::of(rows);
        store.widen(families);
        Ok(store)
    }

    pub(super) fn read_piece(&self, name: &str, file: usize, offset: u64, length: usize) -> Result<Bytes> {
        let folder = self.snapshots.get(name).ok_or_else(|| missing(name))?;
        let bytes = folder.files.get(file).ok_or_else(|| missing(name))?;
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let end = start.saturating_add(length).min(bytes.len());
        Ok(bytes.slice(start..end))
    }

    pub(super) fn begin_receive(&mut self, manifest: &Manifest) -> Vec<u64> {
        match &self.incoming {
            Some(incoming) if incoming.manifest == *manifest => {}
            Some(_) | None => {
                let files = vec![Vec::new(); manifest.files.len()];
                self.incoming = Some(Incoming { manifest: manifest.clone(), files });
            }
        }
        let files = self.incoming.iter().flat_map(|incoming| &incoming.files);
        files.map(|bytes| bytes.len() as u64).collect()
    }

    pub(super) fn write_piece(&mut self, manifest: &Manifest, file: usize, offset: u64, bytes: &[u8]) -> Result<()> {
        let incoming = self.incoming.as_mut().filter(|incoming| incoming.manifest == *manifest);
        let here = incoming.and_then(|incoming| incoming.files.get_mut(file)).ok_or_else(|| missing(&manifest.name))?;
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        if start > here.len() {
            let detail = format!("a piece at {offset} does not follow the {} bytes here", here.len());
            return Err(Error::corrupt(&manifest.name, detail));
        }
        here.truncate(start);
        here.extend_from_slice(bytes);
        Ok(())
    }

    pub(super) fn finish_receive(&mut self, manifest: &Manifest) -> Result<()> {
        let incoming = self.incoming.as_mut().filter(|incoming| incoming.manifest == *manifest);
        let incoming = incoming.ok_or_else(|| missing(&manifest.name))?;
        for (entry, bytes) in manifest.files.iter().zip(&mut incoming.files) {
            if bytes.len() as u64 != entry.size || *blake3::hash(bytes).as_bytes() != entry.hash {
                bytes.clear();
                return Err(Error::corrupt(&entry.name, "the received file's checksum differs from its manifest's"));
            }
        }
        if let Some(Incoming { manifest, files }) = self.incoming.take() {
            let files = files.into_iter().map(Bytes::from).collect();
            self.snapshots.insert(manifest.name.clone(), Folder { manifest, files });
        }
        Ok(())
    }

    pub(super) fn install(&mut self, name: &str, families: usize) -> Result<std::sync::Arc<parking_lot::Mutex<Store>>> {
        let store = self.open_snapshot(name, families)?;
        let store = std::sync::Arc::new(parking_lot::Mutex::new(store));
        self.state = Some(store.clone());
        Ok(store)
    }
}
