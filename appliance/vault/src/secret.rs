//! Secret bytes: wiped when they are dropped, printed nowhere (there is no `Debug` or `Display` to call by mistake).

use ring::rand::{SecureRandom as _, SystemRandom};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// 32 secret bytes: a key.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct Key32([u8; 32]);

impl Key32 {
    /// A key out of bytes, which are wiped where they were.
    pub(crate) fn take(bytes: &mut [u8; 32]) -> Key32 {
        let key = Key32(*bytes);
        bytes.zeroize();
        key
    }

    /// A key drawn from the system's randomness.
    ///
    /// # Errors
    /// The system has none.
    pub(crate) fn random() -> Result<Key32, NoRandomness> {
        let mut key = Key32([0; 32]);
        random(&mut key.0)?;
        Ok(key)
    }

    /// A key for one purpose, made of this one. Purposes are constants of this crate, never anybody's input.
    pub(crate) fn derive(&self, purpose: &str) -> Key32 {
        Key32(blake3::derive_key(purpose, &self.0))
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The system gives no randomness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random bytes: nothing was made; look at the kernel's log")]
pub struct NoRandomness;

/// Fills `bytes` from the system's randomness.
pub(crate) fn random(bytes: &mut [u8]) -> Result<(), NoRandomness> {
    SystemRandom::new().fill(bytes).map_err(|_| NoRandomness)
}
