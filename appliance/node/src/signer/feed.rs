//! From the signing log to the stretches of it that a signer is fed.
//!
//! A signer's indexes are places of the log. An epoch is the first place of the log entry that began it; a stretch is fed under
//! the latest epoch of its own entries, and only the last one, which ends at the present, under the present epoch.

use exchequer_chains::SigningInput;
use exchequer_domain::Network;
use exchequer_state::withdrawals::{AttemptDeath, Logged, Place, SigningEntry};
use exchequer_state::{Halt, Rows, State};
use exchequer_vault::record::{Committed, Death, Decided, FEED_SPAN_MAX};
use exchequer_vault::signer::Standing;

use super::{decided, plain};

/// Entries of one stretch.
const ENTRIES_MAX: usize = 128;
/// What the entries of one stretch may come to, in bytes as they are estimated before they are written: half of what a message
/// may have.
const STRETCH_BYTES_MAX: usize = 4 << 20;
/// What a payment with its approvals comes to at most, but for its transaction.
const PAYMENT_BYTES: usize = 8 << 10;

/// An entry as a signer is told it, but for the generation of a decision's keys.
pub(super) struct Piece {
    pub(super) place: u64,
    pub(super) committed: Committed,
    /// Where, and with which keys, what was decided is signed.
    pub(super) keys: Option<(Network, Vec<SigningInput>)>,
}

/// What comes next.
pub(super) struct Stretch {
    pub(super) lineage: u64,
    pub(super) epoch: u64,
    pub(super) after: u64,
    pub(super) to: u64,
    pub(super) pieces: Vec<Piece>,
}

/// What there is to feed.
pub(super) enum Next {
    /// This.
    Stretch(Stretch),
    /// Nothing: the signer knows everything.
    Nothing,
    /// The signer has followed further than this node has applied.
    Ahead,
    /// It has followed another lineage of the log further than this one goes with it.
    Forked(Fork),
}

/// Where the log that a signer followed and that of its node part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fork {
    /// The lineage that was followed.
    pub(crate) followed: u64,
    /// How far, by the index of the log.
    pub(crate) to: u64,
    /// The node's.
    pub(crate) present: u64,
    /// Where that began, by the index of the log.
    pub(crate) began: u64,
}

/// Where a signer is when it knows everything that this node has applied, with the present epoch.
pub(super) fn target(state: &State) -> (u64, u64) {
    let epoch = Place::of(state.epoch().map_or(0, |epoch| epoch.index)).0;
    let (_, last) = state.withdrawals().last_signing_entry();
    (last.0.max(epoch), epoch)
}

/// What comes next for a signer that stands so.
///
/// # Errors
/// The log cannot be read, or has a gap.
pub(super) fn next(state: &State, rows: &dyn Rows, standing: &Standing) -> Result<Next, Halt> {
    let (target, present) = target(state);
    let after = standing.followed;
    let lineage = state.cluster().map_or(0, |cluster| cluster.lineage);
    let began = state.withdrawals().lineage_began();
    if standing.lineage != 0 && standing.lineage != lineage && after > began.0 {
        let (followed, to) = (standing.lineage, Place(after).index());
        return Ok(Next::Forked(Fork { followed, to, present: lineage, began: began.index() }));
    }
    if after > target {
        return Ok(Next::Ahead);
    }
    if after == target && standing.epoch >= present && standing.lineage == lineage {
        return Ok(Next::Nothing);
    }
    let span_end = after.saturating_add(FEED_SPAN_MAX);
    let page = state.signing_entries(rows, Place(after), ENTRIES_MAX)?;
    if page.windows(2).any(|two| two[0].number + 1 != two[1].number) {
        return Err(Halt::Invariant("the signing log has no gaps".into()));
    }
    let (last, _) = state.withdrawals().last_signing_entry();
    let (mut bytes, mut epoch, mut to) = (0_usize, standing.epoch, after);
    let mut whole = page.last().is_none_or(|entry| entry.number == last);
    let mut pieces = Vec::with_capacity(page.len());
    for entry in page {
        let unsigned = match &entry.entry {
            SigningEntry::Decided(record) => state.unsigned_bytes(rows, record.payout, record.attempt)?,
            SigningEntry::Signed { .. } | SigningEntry::Dead { .. } | SigningEntry::Over(_) => None,
        };
        bytes = bytes.saturating_add(estimate(&entry, unsigned.as_deref()));
        if entry.place.0 > span_end || (bytes > STRETCH_BYTES_MAX && !pieces.is_empty()) {
            whole = false;
            break;
        }
        epoch = epoch.max(Place::of(entry.epoch).0);
        to = entry.place.0;
        pieces.extend(piece(state, rows, entry, unsigned));
    }
    if whole && target <= span_end {
        (to, epoch) = (target, epoch.max(present));
    } else if to == after {
        // Nothing of signing is in so long a stretch.
        to = span_end;
    }
    Ok(Next::Stretch(Stretch { lineage, epoch, after, to, pieces }))
}

fn estimate(entry: &Logged, unsigned: Option<&[u8]>) -> usize {
    match &entry.entry {
        SigningEntry::Decided(record) => unsigned.map_or(0, <[u8]>::len) + PAYMENT_BYTES * (1 + record.pays.len()),
        // What it pays and uses up is told as text: 100 payments and 200 coins at most.
        SigningEntry::Signed { record, .. } => record.len() + 4 * PAYMENT_BYTES,
        SigningEntry::Dead { .. } | SigningEntry::Over(_) => PAYMENT_BYTES,
    }
}

/// An entry as a signer is told it; none of a decision that it must not believe.
fn piece(state: &State, rows: &dyn Rows, logged: Logged, unsigned: Option<Vec<u8>>) -> Option<Piece> {
    let Logged { place, at, epoch, entry, .. } = logged;
    let mut keys = None;
    let committed = match entry {
        SigningEntry::Decided(record) => {
            let unsigned = unsigned.unwrap_or_default();
            match decided::told(state, rows, &record, &unsigned) {
                Ok(told) => {
                    keys = Some((record.network, told.inputs));
                    let epoch = Place::of(epoch).0;
                    Committed::Decided(Box::new(Decided { at, epoch, generation: 0, unsigned, intent: told.intent }))
                }
                Err(why) => {
                    let (payout, attempt) = (record.payout, record.attempt);
                    tracing::error!(%payout, attempt, why, "a decided transaction is not what was decided: no signer signs it");
                    return None;
                }
            }
        }
        SigningEntry::Signed { payout: _, attempt: _, digest, decided, record } => {
            let told = Box::new(plain::told(state, rows, (at, digest), decided));
            Committed::SignedAs { record, told }
        }
        SigningEntry::Dead { digest, death, .. } => Committed::Dead { body: digest.0, death: of_death(death) },
        SigningEntry::Over(name) => Committed::Over(decided::payment_id(name)),
    };
    Some(Piece { place: place.0, committed, keys })
}

fn of_death(death: AttemptDeath) -> Death {
    match death {
        AttemptDeath::NeverSigned => Death::NeverSigned,
        AttemptDeath::NonceUsed { next } => Death::NonceUsed { next },
        AttemptDeath::Conflict { coin, confirmations } => Death::Conflict { coin, confirmations },
        AttemptDeath::Expired { time, absent_at } => {
            let endpoints = absent_at.iter().map(|place| format!("endpoint {place}")).collect();
            Death::Expired { solid_ms: time.millis(), endpoints }
        }
    }
}
