//! When a transaction of TRON can get into a block, and when it certainly cannot any more.
//!
//! Nothing orders TRON's transactions and nothing replaces them: two for the same payment are two payments. The only end of one
//! that was sent is that it is too late, on blocks that no fork takes back, and that it is on none of them.

use crate::TxError;

/// How long a transaction is valid that is built here, in milliseconds after a block that is about a minute old: how long one waits
/// before it can be built anew.
pub const LIFE_MS: u64 = 5 * 60 * 1_000;

/// How long the network lets a transaction be valid, in milliseconds after its newest block.
pub const LIFE_MS_MAX: u64 = 24 * 60 * 60 * 1_000;

/// How many blocks back a transaction may build on.
pub const REF_BLOCKS_MAX: u64 = 65_536;

/// Blocks that the reference is away from that bound at least: a transaction is still to be taken when it ends.
const REF_BLOCKS_SPARE: u64 = 1_000;

/// Nodes that have to agree that a transaction is not there.
pub const WITNESSES_MIN: usize = 2;

/// A solid block, as far as expiry needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Solid {
    /// Its number.
    pub height: u64,
    /// When it was made, in milliseconds since 1970.
    pub time_ms: u64,
}

/// The last moment of a transaction that is built now on a solid block, by the network's time: that block's, which a clock of ours
/// may differ from. The head's would be nearer, and is one node's word: a block that may still be given up has no quorum.
///
/// # Errors
/// The block is newer than the head, or so old that the network may have forgotten it before the transaction ends.
pub fn expiry(solid: Solid, head_height: u64) -> Result<u64, TxError> {
    match head_height.checked_sub(solid.height) {
        Some(behind) if behind < REF_BLOCKS_MAX - REF_BLOCKS_SPARE => Ok(solid.time_ms.saturating_add(LIFE_MS)),
        Some(behind) => Err(TxError::Limit {
            what: "blocks between the head and the block that is built on",
            found: behind.into(),
            max: (REF_BLOCKS_MAX - REF_BLOCKS_SPARE).into(),
        }),
        None => Err(TxError::NotUnderstood("the block that is built on is newer than the head".into())),
    }
}

/// What one node says of a transaction. Each is asked of its own solid blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Testimony<'a> {
    /// Which node: two answers of one node are one.
    pub node: &'a str,
    /// The time of its newest solid block, in milliseconds since 1970.
    pub solid_ms: u64,
    /// Whether it knows the transaction, on a solid block or at all.
    pub knows: bool,
}

/// Whether a transaction that was sent can never take effect any more, so that its payment may be built anew: at least
/// [`WITNESSES_MIN`] nodes have solid blocks that are later than its end and do not know it, and no node at all knows it.
#[must_use]
pub fn is_void(expires_ms: u64, testimonies: &[Testimony<'_>]) -> bool {
    if testimonies.iter().any(|testimony| testimony.knows) {
        return false;
    }
    let mut nodes: Vec<&str> = testimonies
        .iter()
        .filter(|testimony| testimony.solid_ms > expires_ms)
        .map(|testimony| testimony.node)
        .collect();
    nodes.sort_unstable();
    nodes.dedup();
    nodes.len() >= WITNESSES_MIN
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a payment is built anew only when the former transaction is certainly over. Method: one doubt at a time.
    #[test]
    fn only_proof_ends_a_transaction() {
        let says = |node, solid_ms, knows| Testimony { node, solid_ms, knows };
        let (end, late) = (1_000, 1_001);
        assert!(is_void(end, &[says("a", late, false), says("b", late, false)]));
        assert!(!is_void(end, &[]), "nobody was asked");
        assert!(!is_void(end, &[says("a", late, false)]), "one node may lag or lie");
        assert!(!is_void(end, &[says("a", late, false), says("a", late + 5, false)]), "twice the same node");
        assert!(
            !is_void(end, &[says("a", late, false), says("b", end, false)]),
            "a block of that very moment may have it"
        );
        let knows = [says("a", late, false), says("b", late, false), says("c", 0, true)];
        assert!(!is_void(end, &knows), "one knows it");
    }

    /// Goal: the end follows from the network's time, and the block that is built on outlives the transaction. Method: edges.
    #[test]
    fn the_end_is_in_the_networks_time() {
        let solid = |height| Solid { height, time_ms: 5_000_000 };
        assert_eq!(expiry(solid(99_980), 100_000), Ok(5_300_000));
        assert_eq!(expiry(solid(100_000 - 64_535), 100_000), Ok(5_300_000));
        assert!(matches!(expiry(solid(100_000 - 64_536), 100_000), Err(TxError::Limit { .. })));
        assert!(expiry(solid(100_001), 100_000).is_err());
    }
}
