//! Ways to damage a file.

use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

/// What a sector or a page of a file system loses at once.
const PAGE_BYTES: usize = 4096;

/// Where in a file, as parts of its length in hundredths.
pub(super) type Percent = usize;

/// One way to damage a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Damage {
    /// One bit is another one.
    Flip(Percent),
    /// A page reads as zeros.
    Zero(Percent),
    /// The rest is missing from here on.
    Truncate(Percent),
    /// The last bytes are missing.
    Cut(usize),
    /// The file is gone.
    Delete,
}

impl Damage {
    /// Each way, at a few places.
    pub(super) const ALL: &[Damage] = &[
        Damage::Flip(0),
        Damage::Flip(37),
        Damage::Flip(70),
        Damage::Flip(99),
        Damage::Zero(0),
        Damage::Zero(50),
        Damage::Zero(99),
        Damage::Truncate(0),
        Damage::Truncate(50),
        Damage::Cut(1),
        Damage::Delete,
    ];

    /// Damages the file at `path`. Another name of the same file is spared.
    ///
    /// # Errors
    /// I/O failure, or when the file would not change: then the case would prove nothing.
    pub(super) fn inflict(self, path: &Path) -> Result<()> {
        let sound = fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let mut bytes = sound.clone();
        let at = |percent: Percent| (bytes.len() * percent / 100).min(bytes.len().saturating_sub(1));
        match self {
            Damage::Flip(percent) => {
                let at = at(percent);
                *bytes.get_mut(at).context("an empty file")? ^= 0x10;
            }
            Damage::Zero(percent) => {
                let from = at(percent) / PAGE_BYTES * PAGE_BYTES;
                let until = (from + PAGE_BYTES).min(bytes.len());
                bytes.get_mut(from..until).context("an empty file")?.fill(0);
            }
            Damage::Truncate(percent) => bytes.truncate(at(percent)),
            Damage::Cut(count) => bytes.truncate(bytes.len().saturating_sub(count)),
            Damage::Delete => {}
        }
        fs::remove_file(path)?;
        if self != Damage::Delete {
            ensure!(bytes != sound, "{self} does not change {}", path.display());
            fs::write(path, bytes)?;
        }
        Ok(())
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Damage::Flip(percent) => write!(f, "bit flipped at {percent} %"),
            Damage::Zero(percent) => write!(f, "page zeroed at {percent} %"),
            Damage::Truncate(percent) => write!(f, "truncated at {percent} %"),
            Damage::Cut(count) => write!(f, "last {count} byte(s) cut"),
            Damage::Delete => write!(f, "deleted"),
        }
    }
}
