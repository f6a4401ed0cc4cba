//! The checksum of a snapshot file as a whole.
//!
//! The checksums inside protect the content; the headers of the compression have bits that say nothing about it. So the
//! file ends with the BLAKE3 hash of everything before it, in a frame that every zstd program skips.

use std::io::{self, Read, Write};

/// The magic number of a skippable frame and the length of its content, little endian.
const FRAME: [u8; 8] = [0x50, 0x2a, 0x4d, 0x18, 32, 0, 0, 0];
/// The bytes behind the last one that is hashed.
pub(super) const TRAILER_BYTES: usize = FRAME.len() + 32;

/// What becomes of a file's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The hash is that of the file.
    Whole,
    /// There is no hash.
    Missing,
    /// The hash is another one.
    Differs,
}

/// Hashes what is written through it.
pub(super) struct Sealing<W> {
    inner: W,
    hasher: blake3::Hasher,
}

impl<W: Write> Sealing<W> {
    pub(super) fn new(inner: W) -> Sealing<W> {
        Sealing { inner, hasher: blake3::Hasher::new() }
    }

    /// Writes the hash and flushes.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.inner.write_all(&FRAME)?;
        self.inner.write_all(self.hasher.finalize().as_bytes())?;
        self.inner.flush()
    }
}

impl<W: Write> Write for Sealing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.inner.write(bytes)?;
        self.hasher.update(bytes.get(..length).unwrap_or_default());
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Hashes what is read through it, but for the last [`TRAILER_BYTES`], which it keeps.
pub(super) struct Verifying<R> {
    inner: R,
    hasher: blake3::Hasher,
    last: Vec<u8>,
}

impl<R: Read> Verifying<R> {
    pub(super) fn new(inner: R) -> Verifying<R> {
        Verifying { inner, hasher: blake3::Hasher::new(), last: Vec::new() }
    }

    /// Once everything is read: whether the file is what was written.
    pub(super) fn end(&self) -> End {
        match self.last.split_at_checked(FRAME.len()) {
            Some((frame, hash)) if *frame == FRAME => {
                if self.hasher.finalize().as_bytes() == hash {
                    End::Whole
                } else {
                    End::Differs
                }
            }
            Some(_) | None => End::Missing,
        }
    }
}

impl<R: Read> Read for Verifying<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(into)?;
        self.last.extend_from_slice(into.get(..length).unwrap_or_default());
        let surplus = self.last.len().saturating_sub(TRAILER_BYTES);
        self.hasher.update(self.last.get(..surplus).unwrap_or_default());
        self.last.drain(..surplus);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end_of(bytes: &[u8]) -> End {
        let mut verifying = Verifying::new(bytes);
        io::copy(&mut verifying, &mut io::sink()).unwrap();
        verifying.end()
    }

    /// Goal: no change of a file goes unseen. Method: every bit flipped, and every cut, of files of several lengths.
    #[test]
    fn every_bit_counts() {
        for length in [0, 1, 39, 40, 41, 300] {
            let mut file = Vec::new();
            let mut sealing = Sealing::new(&mut file);
            sealing.write_all(&vec![7; length]).unwrap();
            sealing.finish().unwrap();
            assert_eq!((file.len(), end_of(&file)), (length + TRAILER_BYTES, End::Whole));
            for bit in 0..file.len() * 8 {
                let mut flipped = file.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert_ne!(end_of(&flipped), End::Whole, "bit {bit} of a file of {length} bytes");
            }
            for cut in 0..file.len() {
                assert_ne!(end_of(&file[..cut]), End::Whole, "{cut} bytes of a file of {length}");
            }
        }
    }

    /// Goal: the usual tools read the file as if the hash were not there. Method: a frame, sealed, is decompressed.
    #[test]
    fn zstd_skips_it() {
        let mut file = Vec::new();
        let mut sealing = Sealing::new(&mut file);
        sealing.write_all(&zstd::encode_all(&b"books"[..], 3).unwrap()).unwrap();
        sealing.finish().unwrap();
        assert_eq!(zstd::decode_all(file.as_slice()).unwrap(), b"books");
    }
}
