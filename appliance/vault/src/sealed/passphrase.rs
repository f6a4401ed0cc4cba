//! Passphrases, and the key that Argon2id makes of one.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use serde::{Deserialize, Serialize};
use zeroize::Zeroize as _;

use crate::sealed::SealedError;
use crate::secret::Key32;

/// The shortest passphrase, in characters.
pub const PASSPHRASE_CHARS_MIN: usize = 12;
/// The longest passphrase, in bytes.
pub const PASSPHRASE_BYTES_MAX: usize = 1024;
/// Characters of a passphrase that must differ from each other.
pub const PASSPHRASE_DISTINCT_MIN: usize = 5;

/// Memory of a new vault's Argon2id, in KiB.
pub const ARGON_MEMORY_KIB: u32 = 64 << 10;
/// Passes of a new vault's Argon2id.
pub const ARGON_PASSES: u32 = 3;
/// The most memory that a file may ask for, in KiB: a file of somebody else's must not exhaust the machine.
pub(crate) const ARGON_MEMORY_KIB_MAX: u32 = 2 << 20;
/// The most passes that a file may ask for.
pub(crate) const ARGON_PASSES_MAX: u32 = 32;
/// The most lanes that a file may ask for.
pub(crate) const ARGON_LANES_MAX: u32 = 16;

/// What Argon2id costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Memory, in KiB; never below [`ARGON_MEMORY_KIB`].
    pub memory_kib: u32,
    /// Passes; never below [`ARGON_PASSES`].
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Default for Cost {
    fn default() -> Cost {
        Cost { memory_kib: ARGON_MEMORY_KIB, passes: ARGON_PASSES, lanes: 1 }
    }
}

impl Cost {
    /// Whether it is neither too cheap to protect anything nor too dear to be tried.
    pub(crate) fn check(self) -> Result<(), SealedError> {
        let sound = (ARGON_MEMORY_KIB..=ARGON_MEMORY_KIB_MAX).contains(&self.memory_kib)
            && (ARGON_PASSES..=ARGON_PASSES_MAX).contains(&self.passes)
            && (1..=ARGON_LANES_MAX).contains(&self.lanes);
        if sound { Ok(()) } else { Err(SealedError::Cost { cost: self }) }
    }
}

/// Whether a new passphrase is good enough.
///
/// # Errors
/// Which rule it breaks. It is never said what it was.
pub fn check_passphrase(passphrase: &str) -> Result<(), SealedError> {
    let weak = |rule| Err(SealedError::WeakPassphrase { rule });
    if passphrase.len() > PASSPHRASE_BYTES_MAX {
        return weak("1,024 bytes at most");
    }
    if passphrase.trim() != passphrase || passphrase.chars().any(char::is_control) {
        return weak("no blank at either end and no control characters: they get lost when it is typed");
    }
    if passphrase.chars().count() < PASSPHRASE_CHARS_MIN {
        return weak("12 characters at least");
    }
    let mut distinct: Vec<char> = Vec::with_capacity(PASSPHRASE_DISTINCT_MIN);
    for letter in passphrase.chars() {
        if distinct.len() < PASSPHRASE_DISTINCT_MIN && !distinct.contains(&letter) {
            distinct.push(letter);
        }
    }
    let enough = distinct.len() >= PASSPHRASE_DISTINCT_MIN;
    distinct.iter_mut().for_each(|letter| *letter = '\0');
    if enough { Ok(()) } else { weak("5 different characters at least") }
}

/// The key that a passphrase makes with a salt.
pub(crate) fn stretch(passphrase: &str, salt: &[u8; 16], cost: Cost) -> Result<Key32, SealedError> {
    cost.check()?;
    if passphrase.len() > PASSPHRASE_BYTES_MAX {
        return Err(SealedError::WrongKey);
    }
    let impossible = |_| SealedError::Cost { cost };
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32)).map_err(impossible)?;
    let mut blocks = vec![Block::new(); params.block_count()];
    let mut key = [0; 32];
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let made = argon.hash_password_into_with_memory(passphrase.as_bytes(), salt, &mut key, &mut blocks);
    blocks.iter_mut().for_each(zeroize::Zeroize::zeroize);
    let taken = Key32::take(&mut key);
    key.zeroize();
    made.map_err(impossible)?;
    Ok(taken)
}
