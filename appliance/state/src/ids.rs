//! Idempotency: the outcome of every command id is a cold row.
//!
//! Rows are kept by day of replicated time. A look-up reads the current and the previous day's bucket, older buckets
//! are dropped as a whole, so an id is remembered for 24 to 48 h. A row holds a hash of the command's body, which
//! tells a repeated command from a reused id.

use exchequer_domain::{CommandId, Timestamp};

use crate::codec::{self, DecodeError, VERSION};
use crate::rows::{Family, Rows, RowsUnavailable, Table};

/// The span of one bucket, in microseconds: 24 h.
pub const BUCKET_US: u64 = 86_400 * 1_000_000;

/// The part of the body's BLAKE3 hash that a row keeps.
const BODY_HASH_BYTES: usize = 16;

/// A hash of a command's body.
pub(crate) type BodyHash = [u8; BODY_HASH_BYTES];

/// The bucket of a moment.
#[must_use]
pub fn bucket(time: Timestamp) -> u32 {
    u32::try_from(time.0 / BUCKET_US).unwrap_or(u32::MAX)
}

/// The two keys under which an outcome can be found at `now`, the likelier first; both in [`crate::Family::Ids`].
#[must_use]
pub fn keys(now: Timestamp, id: CommandId) -> [Vec<u8>; 2] {
    let current = bucket(now);
    [key(current, id), key(current.saturating_sub(1), id)]
}

/// Whether a command with this id has an outcome at `now`.
///
/// # Errors
/// A row that cannot be read.
pub fn is_known(now: Timestamp, rows: &dyn Rows, id: CommandId) -> Result<bool, RowsUnavailable> {
    for key in keys(now, id) {
        if rows.get(Family::Ids, &key)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The key of an outcome in one bucket.
pub(crate) fn key(bucket: u32, id: CommandId) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + 4 + 16);
    key.push(Table::CommandId as u8);
    key.extend_from_slice(&bucket.to_be_bytes());
    key.extend_from_slice(&id.0);
    key
}

/// The keys before which all of a bucket's rows lie.
pub(crate) fn prefix(bucket: u32) -> Vec<u8> {
    Table::CommandId.key(&bucket.to_be_bytes())
}

pub(crate) fn hash(body: &[u8]) -> BodyHash {
    let mut short = BodyHash::default();
    short.copy_from_slice(&blake3::hash(body).as_bytes()[..BODY_HASH_BYTES]);
    short
}

pub(crate) fn encode(hash: &BodyHash, outcome: &[u8]) -> Vec<u8> {
    let mut row = Vec::with_capacity(1 + hash.len() + outcome.len());
    row.push(VERSION);
    row.extend_from_slice(hash);
    row.extend_from_slice(outcome);
    row
}

/// The body's hash and the outcome's bytes of a row.
pub(crate) fn decode(row: &[u8]) -> Result<(&BodyHash, &[u8]), DecodeError> {
    codec::content(row)?.split_first_chunk().ok_or(DecodeError::Malformed)
}
