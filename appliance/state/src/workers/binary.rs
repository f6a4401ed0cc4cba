//! Registered programs: what workers can run instead of the node's own program.
//!
//! Invariant: what a name stands for never changes; a program that is used stays.

use exchequer_domain::{Digest, Timestamp};
use serde::{Deserialize, Serialize};

use super::{BINARY_NAME_BYTES_MAX, BINARY_PATH_BYTES_MAX, VERSION_BYTES_MAX};
use crate::command::Actor;
use crate::registry;
use crate::rejection::{Field, Rejection};

/// A registered program. Every node that may lead holds it under this path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerBinary {
    /// Its name.
    pub name: String,
    /// Its version, for people; what a process reports is in its worker's record.
    pub version: String,
    /// BLAKE3 of the file; a file that differs is not started.
    pub hash: Digest,
    /// Where the file is, on every node.
    pub path: String,
    /// Replicated time of its registration.
    pub registered_at: Timestamp,
    /// On whose behalf.
    pub registered_by: Actor,
}

impl WorkerBinary {
    pub(crate) fn check(&self) -> Result<(), Rejection> {
        registry::check_name(&self.name, Field::WorkerBinaryName)?;
        if self.name.len() > BINARY_NAME_BYTES_MAX {
            return Err(Rejection::Invalid { field: Field::WorkerBinaryName });
        }
        let visible = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        if !(1..=VERSION_BYTES_MAX).contains(&self.version.len()) || !visible(&self.version) {
            return Err(Rejection::Invalid { field: Field::WorkerVersion });
        }
        let steps = self.path.strip_prefix('/').into_iter().flat_map(|path| path.split('/'));
        let plain = steps.clone().count() > 0 && steps.into_iter().all(|step| !["", ".", ".."].contains(&step));
        if !plain || self.path.len() > BINARY_PATH_BYTES_MAX || !visible(&self.path) {
            return Err(Rejection::Invalid { field: Field::WorkerBinaryPath });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: only whole, plain paths are taken, and names and versions that fit a table. Method: good and bad ones.
    #[test]
    fn forms() {
        let good = WorkerBinary {
            name: "next-1".into(),
            version: "0.2.0+x".into(),
            hash: Digest([1; 32]),
            path: "/opt/exchequer/next".into(),
            registered_at: Timestamp(1),
            registered_by: Actor::Operator,
        };
        assert_eq!(good.check(), Ok(()));
        for path in ["", "/", "bin", "/a//b", "/a/../b", "/a/", "/a b", "/./a", &format!("/{}", "p".repeat(256))] {
            let bad = WorkerBinary { path: path.into(), ..good.clone() };
            assert_eq!(bad.check(), Err(Rejection::Invalid { field: Field::WorkerBinaryPath }), "{path}");
        }
        let long = "v".repeat(VERSION_BYTES_MAX + 1);
        for version in ["", "1 2", &long] {
            let bad = WorkerBinary { version: version.into(), ..good.clone() };
            assert_eq!(bad.check(), Err(Rejection::Invalid { field: Field::WorkerVersion }), "{version}");
        }
        for name in ["", "Next", &"n".repeat(BINARY_NAME_BYTES_MAX + 1)] {
            let bad = WorkerBinary { name: name.into(), ..good.clone() };
            assert_eq!(bad.check(), Err(Rejection::Invalid { field: Field::WorkerBinaryName }), "{name}");
        }
    }
}
