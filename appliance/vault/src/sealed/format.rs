//! The bytes of a sealed vault.
//!
//! ```text
//! "EXQVAULT" | version, 2 bytes, big-endian | body, postcard | BLAKE3 of all before, 32 bytes
//! body = head, revision, locks, nonce, sealed contents, mac
//! ```
//!
//! - `head` never changes; contents and each lock are sealed with it as associated data, so that none can be moved into the
//!   file of another vault.
//! - `mac`, under a key made of the vault's, covers version, head, revision, locks and contents: a lock that was added, taken
//!   away or put back by someone without the vault's key is noticed once it is open.
//! - The last hash has no key. It tells damage from a wrong passphrase; it protects from nobody.

use chacha20poly1305::aead::{AeadInPlace as _, Tag};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::sealed::lock::Lock;
use crate::sealed::{GENERATIONS_MAX, LOCKS_MAX, SealedError};
use crate::secret::{Key32, random};

const MAGIC: &[u8; 8] = b"EXQVAULT";
/// The version that this program writes, and the only one that it reads.
pub const FORMAT_VERSION: u16 = 1;
/// The largest file that is read.
pub(crate) const FILE_BYTES_MAX: u64 = 64 << 10;
/// Room for the contents while they are encoded: all of [`GENERATIONS_MAX`] fit.
const CONTENTS_BYTES_MAX: usize = GENERATIONS_MAX * 64 + 64;
const HASH_BYTES: usize = 32;
const TAG_BYTES: usize = 16;

/// What never changes in a vault's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    pub(crate) vault: [u8; 16],
    pub(crate) created_us: u64,
}

/// A seed's entropy, as it is sealed.
#[derive(Clone, Serialize, Deserialize, zeroize::Zeroize, zeroize::ZeroizeOnDrop)]
pub(crate) struct SealedSeed {
    pub(crate) created_us: u64,
    pub(crate) entropy: Vec<u8>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Body {
    pub(crate) head: Head,
    pub(crate) revision: u64,
    pub(crate) locks: Vec<Lock>,
    nonce: [u8; 24],
    sealed: Vec<u8>,
    mac: [u8; 32],
}

/// The head as bytes, with the version before it: what contents and locks are bound to.
pub(crate) fn bound(head: &Head) -> Result<Vec<u8>, SealedError> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&FORMAT_VERSION.to_be_bytes());
    postcard::to_extend(head, bytes).map_err(|_| SealedError::Internal("encode"))
}

fn contents_key(key: &Key32) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.derive("exchequer vault contents v1").bytes().into())
}

impl Body {
    /// A file's body around seeds, without locks and without its mac.
    pub(crate) fn seal(head: Head, seeds: &[SealedSeed], key: &Key32) -> Result<Body, SealedError> {
        let mut body = Body { head, revision: 0, locks: Vec::new(), nonce: [0; 24], sealed: Vec::new(), mac: [0; 32] };
        body.put(seeds, key)?;
        Ok(body)
    }

    /// Puts seeds in the place of the present ones.
    pub(crate) fn put(&mut self, seeds: &[SealedSeed], key: &Key32) -> Result<(), SealedError> {
        if seeds.is_empty() || seeds.len() > GENERATIONS_MAX {
            return Err(SealedError::Generations);
        }
        random(&mut self.nonce)?;
        // In place, in memory that is wiped and does not grow.
        let mut room = Zeroizing::new(vec![0; CONTENTS_BYTES_MAX]);
        let used = postcard::to_slice(seeds, &mut room).map_err(|_| SealedError::Internal("encode"))?.len();
        let aad = bound(&self.head)?;
        let nonce = XNonce::from_slice(&self.nonce);
        let tag = contents_key(key).encrypt_in_place_detached(nonce, &aad, &mut room[..used]);
        let tag = tag.map_err(|_| SealedError::Internal("encrypt"))?;
        self.sealed = [&room[..used], tag.as_slice()].concat();
        Ok(())
    }

    /// The seeds, after the mac over the whole file is found right.
    pub(crate) fn seeds(&self, key: &Key32) -> Result<Vec<SealedSeed>, SealedError> {
        if blake3::Hash::from_bytes(self.mac) != blake3::Hash::from_bytes(self.mac_under(key)?) {
            return Err(SealedError::Tampered { what: "its list of locks or its revision" });
        }
        let tampered = SealedError::Tampered { what: "its contents" };
        let Some(length) = self.sealed.len().checked_sub(TAG_BYTES) else { return Err(tampered) };
        let (text, tag) = self.sealed.split_at(length);
        let mut room = Zeroizing::new(text.to_vec());
        let aad = bound(&self.head)?;
        let nonce = XNonce::from_slice(&self.nonce);
        let tag = Tag::<XChaCha20Poly1305>::from_slice(tag);
        if contents_key(key).decrypt_in_place_detached(nonce, &aad, &mut room, tag).is_err() {
            return Err(tampered);
        }
        let seeds: Vec<SealedSeed> = postcard::from_bytes(&room).map_err(|_| SealedError::Internal("decode"))?;
        if seeds.is_empty() || seeds.len() > GENERATIONS_MAX {
            return Err(SealedError::Generations);
        }
        Ok(seeds)
    }

    fn mac_under(&self, key: &Key32) -> Result<[u8; 32], SealedError> {
        let mut bytes = bound(&self.head)?;
        let covered = (self.revision, &self.locks, self.nonce, &self.sealed);
        bytes = postcard::to_extend(&covered, bytes).map_err(|_| SealedError::Internal("encode"))?;
        Ok(*blake3::keyed_hash(key.derive("exchequer vault file v1").bytes(), &bytes).as_bytes())
    }

    /// The file, with its revision one higher than before.
    pub(crate) fn write(&mut self, key: &Key32) -> Result<Vec<u8>, SealedError> {
        if self.locks.is_empty() || self.locks.len() > LOCKS_MAX {
            return Err(SealedError::Locks);
        }
        self.revision += 1;
        self.mac = self.mac_under(key)?;
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&FORMAT_VERSION.to_be_bytes());
        let mut bytes = postcard::to_extend(self, bytes).map_err(|_| SealedError::Internal("encode"))?;
        let hash = blake3::hash(&bytes);
        bytes.extend_from_slice(hash.as_bytes());
        Ok(bytes)
    }

    /// Reads a file. What is said of it is not to be trusted before [`Body::seeds`] was asked.
    pub(crate) fn read(bytes: &[u8]) -> Result<Body, SealedError> {
        let damaged = |what| SealedError::Damaged { what };
        let rest = bytes.strip_prefix(MAGIC.as_slice()).ok_or(SealedError::NoVault)?;
        let (version, rest) = rest.split_first_chunk::<2>().ok_or(damaged("its end is missing"))?;
        let version = u16::from_be_bytes(*version);
        if version != FORMAT_VERSION {
            return Err(SealedError::Version { version });
        }
        let length = rest.len().checked_sub(HASH_BYTES).ok_or(damaged("its end is missing"))?;
        let (body, hash) = rest.split_at(length);
        let whole = &bytes[..bytes.len() - HASH_BYTES];
        if blake3::hash(whole).as_bytes() != hash {
            return Err(damaged("its checksum is wrong"));
        }
        let (body, left): (Body, &[u8]) =
            postcard::take_from_bytes(body).map_err(|_| damaged("its fields cannot be read"))?;
        if !left.is_empty() || body.locks.is_empty() || body.locks.len() > LOCKS_MAX {
            return Err(damaged("its fields cannot be read"));
        }
        Ok(body)
    }
}
