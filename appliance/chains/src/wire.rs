//! The encoding of what waits for its signature: numbers big-endian and of fixed width, byte strings after their length. There
//! is one way to write anything, so that equal things have equal bytes.

use crate::{KeyPath, KeyPurpose, TxError};

const WHAT: &str = "unsigned transaction";

/// Writes.
#[derive(Default)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn byte(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.0.extend(value.to_be_bytes());
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.0.extend(value.to_be_bytes());
    }

    pub(crate) fn array<const N: usize>(&mut self, value: &[u8; N]) {
        self.0.extend(value);
    }

    /// Longer than `u32` cannot be: what is read back is at most 128 KiB, and longer is refused there.
    pub(crate) fn bytes(&mut self, value: &[u8]) {
        self.u32(u32::try_from(value.len()).unwrap_or(u32::MAX));
        self.0.extend(value);
    }

    pub(crate) fn key(&mut self, key: KeyPath) {
        let purpose = match key.purpose {
            KeyPurpose::Deposit => 0,
            KeyPurpose::Hot => 1,
            KeyPurpose::Gas => 2,
            KeyPurpose::Cold => 3,
        };
        self.byte(purpose);
        self.u32(key.index);
        self.byte(u8::from(key.change));
    }

    pub(crate) fn done(self) -> Vec<u8> {
        self.0
    }
}

/// Reads.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], TxError> {
        let (array, rest) = self.0.split_first_chunk::<N>().ok_or_else(short)?;
        self.0 = rest;
        Ok(*array)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, TxError> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, TxError> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, TxError> {
        self.array().map(u64::from_be_bytes)
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], TxError> {
        let length = self.u32()?;
        let length = usize::try_from(length).map_err(|_| short())?;
        let (bytes, rest) = self.0.split_at_checked(length).ok_or_else(short)?;
        self.0 = rest;
        Ok(bytes)
    }

    pub(crate) fn key(&mut self) -> Result<KeyPath, TxError> {
        let purpose = match self.byte()? {
            0 => KeyPurpose::Deposit,
            1 => KeyPurpose::Hot,
            2 => KeyPurpose::Gas,
            3 => KeyPurpose::Cold,
            other => return Err(TxError::malformed(WHAT, format!("there is no purpose {other} of a key"))),
        };
        let index = self.u32()?;
        let change = match self.byte()? {
            0 => false,
            1 => true,
            other => return Err(TxError::malformed(WHAT, format!("{other} is neither yes nor no"))),
        };
        let key = KeyPath { purpose, index, change };
        key.child_path()?;
        Ok(key)
    }

    pub(crate) fn end(self) -> Result<(), TxError> {
        if self.0.is_empty() { Ok(()) } else { Err(TxError::malformed(WHAT, "there are bytes after its end")) }
    }
}

fn short() -> TxError {
    TxError::malformed(WHAT, "it is cut off")
}
