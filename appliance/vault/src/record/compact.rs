//! The memory's file without what it says more than once. A signature stands there up to three times: as it was decided, as it was
//! given, and as it came back with the log; and each feed leaves where it ended.
//!
//! Invariant: nothing is forgotten. Whoever opens the new file knows what whoever read the old one knew.

use super::{BodyHash, Committed, Death, Frame, Known, MemoryError, SigningRecord};
use crate::secret::Key32;
use exchequer_domain::Timestamp;

/// Shorter files are left as they are, in bytes.
pub(super) const COMPACT_BYTES_MIN: u64 = 16 << 20;

/// Frames that say everything that is known, in the order in which they are taken.
pub(super) fn frames(known: &Known, begun: ([u8; 16], Timestamp), key: &Key32) -> Result<Vec<Frame>, MemoryError> {
    let (vault, at) = begun;
    let mut frames = vec![Frame::Begun { vault, at }];
    if known.policy > 0 {
        frames.push(Frame::Policy { version: known.policy });
    }
    // Before the attempts: what was decided only later bars no less.
    frames.extend(known.barred.values().map(|told| Frame::Told(Box::new(told.clone()))));
    // In the order in which they were heard of: it says which of the decided ones counts for which.
    let mut records: Vec<&SigningRecord> = known.attempts.values().collect();
    records.sort_unstable_by_key(|record| (known.order.get(&record.body), record.body));
    for record in records {
        frames.push(if known.is_vouched(&record.body) {
            Frame::Given(record.seal(key)?)
        } else {
            Frame::Kept(Box::new(record.clone()))
        });
    }
    frames.extend(known.unread.iter().map(|body| Frame::Unread(*body)));
    let given_up = |body: &BodyHash| Frame::Fed(Committed::Dead { body: *body, death: Death::NeverSigned });
    frames.extend(known.given_up.iter().map(given_up));
    frames.extend(known.dead.iter().map(|body| Frame::Buried(*body)));
    frames.extend(known.over.iter().map(|payment| Frame::Fed(Committed::Over(*payment))));
    // A record that another one took the place of may have been later than every one that is left.
    frames.push(Frame::Latest(known.no_earlier(Timestamp(0))));
    frames.push(Frame::Lineage(known.lineage));
    frames.push(Frame::Epoch(known.epoch));
    frames.push(Frame::Followed { to: known.followed });
    Ok(frames)
}
