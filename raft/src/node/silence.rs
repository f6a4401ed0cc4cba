//! Peers that do not answer, told once when it begins and once when it ends.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::watch::PeerView;

/// A peer that has not answered for so long is told about.
const SILENCE: Duration = Duration::from_secs(2);

/// Since when a peer has been silent, and whether that was told.
pub(super) struct Silence {
    since: Instant,
    told: bool,
}

/// Tells when a peer has fallen silent and when it is heard again, each once.
pub(super) fn tell_silence(
    silent: &mut BTreeMap<u64, Silence>,
    others: &[(u64, String)],
    heard: &BTreeMap<u64, PeerView>,
) {
    silent.retain(|id, _| others.iter().any(|(other, _)| other == id));
    for (peer, address) in others {
        if heard.contains_key(peer) {
            if silent.remove(peer).is_some_and(|silence| silence.told) {
                tracing::info!(peer, "a member is heard again");
            }
            continue;
        }
        let silence = silent.entry(*peer).or_insert_with(|| Silence { since: Instant::now(), told: false });
        if !silence.told && silence.since.elapsed() >= SILENCE {
            silence.told = true;
            tracing::warn!(peer, address, "a member is silent");
        }
    }
}
