//! `PutScratch`: a scratch value for benches, drills and tests. The cheapest command there is; keep it so.

use serde::{Deserialize, Serialize};

use super::{Entry, Stop};
use crate::codec::block;
use crate::outcome::Done;
use crate::rejection::{Field, Rejection};
use crate::scratch::{KEY_BYTES_MAX, VALUE_BYTES_MAX};

/// Writes a scratch value. Only in a sandbox cluster; not audited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutScratch {
    /// 1 to 256 bytes. Stays the first field: look-ups read it without decoding the rest.
    #[serde(with = "block")]
    pub key: Vec<u8>,
    /// At most 64 KiB.
    #[serde(with = "block")]
    pub value: Vec<u8>,
    /// Refused unless the value is at this version; zero for one that must not exist.
    pub expect: Option<u64>,
}

impl PutScratch {
    pub(super) fn apply(self, entry: &mut Entry<'_>) -> Result<Done, Stop> {
        if !entry.cluster()?.sandbox {
            return Err(Rejection::SandboxOnly.into());
        }
        if !(1..=KEY_BYTES_MAX).contains(&self.key.len()) {
            return Err(Rejection::Invalid { field: Field::ScratchKey }.into());
        }
        if self.value.len() > VALUE_BYTES_MAX {
            return Err(Rejection::Invalid { field: Field::ScratchValue }.into());
        }
        let present = entry.scratch_version(&self.key)?;
        if self.expect.is_some_and(|expected| expected != present) {
            return Err(Rejection::VersionMismatch { present }.into());
        }

        let version = present + 1;

        entry.put_scratch(self.key, version, &self.value);
        Ok(Done::ScratchPut { version })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::{Family, Rows};
    use crate::tests::world::{World, bootstrap, put};
    use crate::{Body, Bootstrap, Outcome, scratch};

    /// Goal: versions count from 1 within and across entries, and an expectation that fails tells the present one.
    #[test]
    fn versions_and_expectations() {
        let mut world = World::new();
        let bodies =
            [put(b"k", b"a", Some(0)), put(b"k", b"b", Some(1)), put(b"k", b"c", Some(1)), put(b"l", b"", None)];
        let commands = bodies.map(|body| world.command(body));
        let outcomes = world.entry(&commands);
        let done = |version| Outcome::Done(Done::ScratchPut { version });
        let mismatch = Outcome::Rejected(Rejection::VersionMismatch { present: 2 });
        assert_eq!(outcomes, [done(1), done(2), mismatch, done(1)]);
        assert_eq!(world.run(put(b"k", b"d", Some(2))), Ok(Done::ScratchPut { version: 3 }));
        let row = world.rows.get(Family::Ids, &scratch::key(b"k")).unwrap().unwrap();
        assert_eq!(scratch::decode(&row), Ok((3, b"d".as_slice())));
        assert_eq!(world.audit().len(), 1, "only the bootstrap is on record");
    }

    /// Goal: keys and values have limits, and only a sandbox takes any.
    #[test]
    fn limits() {
        let mut world = World::new();
        let key = Rejection::Invalid { field: Field::ScratchKey };
        assert_eq!(world.refused(put(b"", b"v", None)), key);
        assert_eq!(world.refused(put(&[0; KEY_BYTES_MAX + 1], b"v", None)), key);
        let value = Rejection::Invalid { field: Field::ScratchValue };
        assert_eq!(world.refused(put(b"k", &[0; VALUE_BYTES_MAX + 1], None)), value);
        assert!(world.run(put(&[0; KEY_BYTES_MAX], &[0; VALUE_BYTES_MAX], None)).is_ok());
        let mut world = World::empty();
        let Body::Bootstrap(command) = bootstrap() else { panic!("not a bootstrap") };
        world.run(Body::Bootstrap(Box::new(Bootstrap { sandbox: false, ..*command }))).unwrap();
        assert_eq!(world.refused(put(b"k", b"v", None)), Rejection::SandboxOnly);
    }
}
