//! The file in which a set of addresses outlives its worker.
//!
//! A magic number, the network, the version, how many keys, the keys as they lie in memory, and a hash of all of it. The file is
//! written beside the old one, synced, and put in its place. It is a copy: whatever is wrong with it, the set is made anew from
//! the state.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use exchequer_domain::Network;

use super::{AddressSet, KEYS_MAX, Key};

/// What a file begins with; its last byte is the version of the format.
const MAGIC: [u8; 8] = *b"EXQADDR\x01";
const NETWORK_BYTES: usize = 16;
const HEAD_BYTES: usize = MAGIC.len() + NETWORK_BYTES + 16;
const HASH_BYTES: usize = 32;

/// Why a file cannot be used. The set can be made anew from the state.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// There is none.
    #[error("there is no file of addresses yet")]
    Missing,
    /// The disk.
    #[error("the file of addresses cannot be read or written: {0}")]
    Io(std::io::Error),
    /// It is not as it was written, or was not written by this program.
    #[error("the file of addresses is damaged: {0}")]
    Damaged(&'static str),
    /// It is another network's.
    #[error("the file holds addresses of another network")]
    OtherNetwork,
}

impl From<std::io::Error> for FileError {
    fn from(error: std::io::Error) -> FileError {
        if error.kind() == std::io::ErrorKind::NotFound { FileError::Missing } else { FileError::Io(error) }
    }
}

fn name_bytes(network: Network) -> [u8; NETWORK_BYTES] {
    let mut bytes = [0; NETWORK_BYTES];
    for (to, from) in bytes.iter_mut().zip(network.as_str().bytes()) {
        *to = from;
    }
    bytes
}

impl AddressSet {
    /// Reads a set. Blocks.
    ///
    /// # Errors
    /// [`FileError`]: anything but a whole file of this network.
    pub fn load(path: &Path, network: Network) -> Result<AddressSet, FileError> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        let mut head = [0; HEAD_BYTES];
        file.read_exact(&mut head).map_err(|_| FileError::Damaged("it is shorter than its head"))?;
        let (magic, rest) = head.split_at(MAGIC.len());
        let (name, numbers) = rest.split_at(NETWORK_BYTES);
        if magic != MAGIC {
            return Err(FileError::Damaged("it does not begin as such a file does"));
        }
        if name != name_bytes(network) {
            return Err(FileError::OtherNetwork);
        }
        let number = |bytes: &[u8]| bytes.try_into().map_or(0, u64::from_le_bytes);
        let (version, count) = (number(&numbers[..8]), number(&numbers[8..]));
        let count =
            usize::try_from(count).ok().filter(|count| *count <= KEYS_MAX).ok_or(FileError::Damaged("its count"))?;
        let size = count * Key::width(network.family());
        if length != (HEAD_BYTES + size + HASH_BYTES) as u64 {
            return Err(FileError::Damaged("its length is not that of its count"));
        }
        let mut keys = vec![0; size];
        let mut hash = [0; HASH_BYTES];
        file.read_exact(&mut keys).and_then(|()| file.read_exact(&mut hash)).map_err(FileError::Io)?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(&head).update(&keys);
        if hasher.finalize() != hash {
            return Err(FileError::Damaged("its hash"));
        }
        AddressSet::of_sorted(network, version, keys).ok_or(FileError::Damaged("its keys are not in order"))
    }

    /// The version of the set in a file, without reading it whole. Blocks.
    ///
    /// # Errors
    /// [`FileError`], as far as the head tells.
    pub fn version_in(path: &Path, network: Network) -> Result<u64, FileError> {
        let mut head = [0; HEAD_BYTES];
        File::open(path)?.read_exact(&mut head).map_err(|_| FileError::Damaged("it is shorter than its head"))?;
        let (magic, rest) = head.split_at(MAGIC.len());
        let (name, numbers) = rest.split_at(NETWORK_BYTES);
        if magic != MAGIC {
            return Err(FileError::Damaged("it does not begin as such a file does"));
        }
        if name != name_bytes(network) {
            return Err(FileError::OtherNetwork);
        }
        Ok(numbers[..8].try_into().map_or(0, u64::from_le_bytes))
    }

    /// Writes the set, so that after a crash either the old or the new file is whole. Merges first. Blocks.
    ///
    /// # Errors
    /// The disk's.
    pub fn save(&mut self, path: &Path) -> Result<(), FileError> {
        let mut head = Vec::with_capacity(HEAD_BYTES);
        head.extend_from_slice(&MAGIC);
        head.extend_from_slice(&name_bytes(self.network()));
        head.extend_from_slice(&self.version().to_le_bytes());
        head.extend_from_slice(&(self.len() as u64).to_le_bytes());
        let keys = self.sorted_keys();
        let mut hasher = blake3::Hasher::new();
        hasher.update(&head).update(keys);
        let beside = path.with_extension("new");
        let mut file = File::create(&beside)?;
        file.write_all(&head)?;
        file.write_all(keys)?;
        file.write_all(hasher.finalize().as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&beside, path)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a set comes back as it was, with its version; a file that lost or changed a byte anywhere is refused, and so is
    /// another network's. Method: every byte of a small file is changed, and the file is cut at every length.
    #[test]
    fn damage_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tron.addresses");
        assert!(matches!(AddressSet::load(&path, Network::Tron), Err(FileError::Missing)));
        let mut set = AddressSet::new(Network::Tron);
        for byte in [9, 3, 200] {
            set.insert(Key::Account([byte; 20]), 1000).unwrap();
        }
        set.insert(Key::Account([3; 20]), 2000).unwrap();
        set.save(&path).unwrap();
        let mut again = AddressSet::load(&path, Network::Tron).unwrap();
        assert_eq!((again.len(), again.version()), (set.len(), 2000));
        assert_eq!(AddressSet::version_in(&path, Network::Tron).unwrap(), 2000);
        assert_eq!(again.sorted_keys(), set.sorted_keys());
        assert!(matches!(AddressSet::load(&path, Network::Bsc), Err(FileError::OtherNetwork)));
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 0x20;
            std::fs::write(&path, changed).unwrap();
            assert!(AddressSet::load(&path, Network::Tron).is_err(), "byte {at} changed");
            std::fs::write(&path, &whole[..at]).unwrap();
            assert!(AddressSet::load(&path, Network::Tron).is_err(), "cut at {at}");
        }
        std::fs::write(&path, [whole.as_slice(), &[0]].concat()).unwrap();
        assert!(AddressSet::load(&path, Network::Tron).is_err(), "longer");
        set.save(&path).unwrap();
        assert!(AddressSet::load(&path, Network::Tron).is_ok());
    }
}
