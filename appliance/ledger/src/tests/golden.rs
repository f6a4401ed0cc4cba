//! Bytes that must not change by accident: a released row or command is read by every later program.

use super::replay::log;
use crate::limits::Sizes;
use crate::testing::MemoryRows;
use crate::{Ledger, codec};

/// The BLAKE3 hash of three random logs: their commands, outcomes and rows. Between releases it may be replaced by what
/// the test prints; afterwards a change of it needs a new version of the type that changed.
const GOLDEN: &str = "f57a7f33fe6133b4f4c152462f3edde44b3caaeb4e360ba628bd6bedcd87fc9a";

/// Goal: commands, outcomes and rows keep their bytes, and the rules keep their results. Method: three fixed logs.
#[test]
fn bytes_are_those_of_the_release() {
    let mut hasher = blake3::Hasher::new();
    for seed in 1..4 {
        let (mut ledger, mut rows) = (Ledger::with_sizes(Sizes::SMALL), MemoryRows::new());
        for (at, commands) in log(seed) {
            let applied = ledger.apply(at, &commands, &rows).unwrap();
            hasher.update(&codec::encode(&commands)).update(&codec::encode(&applied.outcomes));
            rows.apply_changes(applied.changes);
        }
        for (key, value) in rows.iter() {
            hasher.update(&(key.len() as u64).to_be_bytes()).update(key);
            hasher.update(&(value.len() as u64).to_be_bytes()).update(value);
        }
    }
    let hash = hasher.finalize().to_hex();
    println!("golden hash: {hash}");
    assert_eq!(hash.as_str(), GOLDEN);
}
