//! Looking again at blocks, as people ask for it.

use std::ops::RangeInclusive;

/// The directive that has blocks looked at again and what was missed committed; its payload is two heights.
pub const RESCAN_APPLY: &str = "rescan-apply";
/// Most blocks that are looked at in one go.
pub const RESCAN_BLOCKS_MAX: u64 = 2_000;

/// `FROM TO`: heights, both of them looked at; none where it is not two heights in their order, or too many blocks.
#[must_use]
pub fn rescan_range(payload: &[u8]) -> Option<RangeInclusive<u64>> {
    let text = std::str::from_utf8(payload).ok()?;
    let heights: Option<Vec<u64>> = text.split_whitespace().map(|word| word.parse().ok()).collect();
    match heights.as_deref() {
        Some([from, to]) if from <= to && to - from < RESCAN_BLOCKS_MAX => Some(*from..=*to),
        Some(_) | None => None,
    }
}
