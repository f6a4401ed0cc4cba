//! The watch that nodes keep on each other: clocks, progress and state hashes.
//!
//! Twice a second a node asks every other one for its beacon. From the answers it knows how far its own clock is from
//! the voters' median, and whether its state is what theirs is. A node whose hash at an index differs from a
//! majority's has a wrong state and stops; a node whose clock is far off gives up leadership and does not stand for
//! election until it is right again. A node that has just started waits with its election until its clock is judged.
//! Where too few clocks are there to tell which one is wrong somebody must lead all the same; replicated time then
//! follows nobody's wall clock (see [`crate::clock`]). A node whose disk is full gives up leadership as long as the voters
//! with room are a majority without it; where they are not, nothing can be written, and it may lead so that reads go on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use openraft::async_runtime::watch::WatchReceiver;
use tokio::time::Instant;

use super::contact::quorum_age;
use super::silence::{Silence, tell_silence};
use super::standstill::Standstill;
use super::{Inner, Node};
use crate::alarm::Fatal;
use crate::apply::Hashes;
use crate::clock::{Verdict, judge};
use crate::machine::Machine;
use crate::wire::proto;

const ROUND: Duration = Duration::from_millis(500);
const ANSWER_TIMEOUT: Duration = Duration::from_millis(1000);
/// Rounds after which a node whose disk is full stands for election, because too few others could write.
const NEEDED_ROUNDS: u32 = 4;
/// A node that has known of no leader for so long stands whatever its clock and disk are like: those who are better off
/// may lack entries and cannot be elected. It then leads without moving time or taking writes, until somebody can take over.
const LEADERLESS_MAX: Duration = Duration::from_secs(5);
/// Between rounds until this node's clock is judged for the first time, for its election waits for that, and until its
/// state is known to be fresh, for its clients wait for that.
const FIRST_ROUNDS: Duration = Duration::from_millis(50);
/// A state that is not fresh after so long does not become so by asking more often.
const FIRST_ROUNDS_MAX: Duration = Duration::from_secs(10);
/// After so long what was last known of this node's clock no longer counts.
const UNJUDGED_MAX: Duration = Duration::from_secs(5);

/// Stands for the index of the last applied entry where there is none. 0 would be that of the first entry, after which
/// the others have another hash: a new node would take itself for one with a wrong state.
const NOTHING_APPLIED: u64 = u64::MAX;

/// Whether a peer's hash is the same as ours: either it still knows its own at our index, or we know ours at its index.
fn agrees(reply: &proto::BeaconReply, ours: &[u8; 32], hashes: &Hashes) -> Option<bool> {
    if !reply.digest_at_yours.is_empty() {
        return Some(reply.digest_at_yours.as_ref() == ours);
    }
    hashes.at(reply.applied?.index).map(|ours| reply.digest.as_ref() == ours)
}

/// What a node last heard of a peer.
#[derive(Debug, Clone)]
pub struct PeerView {
    /// When it last answered.
    pub heard: Instant,
    /// The peer's clock minus this node's, in microseconds, give or take half of the round trip.
    pub clock_offset_us: i64,
    /// The call's round trip.
    pub round_trip: Duration,
    /// The last entry it had applied.
    pub applied_index: u64,
    /// The last entry in its log.
    pub last_index: u64,
    /// The last entry of its latest snapshot.
    pub snapshot_index: Option<u64>,
    /// The term it was in.
    pub term: u64,
    /// Whether its disk has room.
    pub has_room: bool,
    /// While it leads: the latest moment of which it knew that a majority followed it. What it had applied by then is
    /// everything that had been acknowledged.
    pub led_at: Option<Instant>,
    /// Whether its state hash was the same as this node's at the index compared last.
    pub agrees: Option<bool>,
    /// What its upper layers say about it.
    pub extra: Bytes,
}

impl<M: Machine> Inner<M> {
    /// This node's answer to a peer's watch.
    pub(crate) fn beacon(&self, from: u64, request: &proto::BeaconRequest) -> proto::BeaconReply {
        let applied = self.state.applied.lock().clone();
        let last = self.log.extent().last.map(|(term, index)| proto::LogId { term, index });
        // Before its activation is applied a leader may lack what the one before it acknowledged.
        let epoch = *self.epoch.borrow();
        let (snapshot, term, quorum_age) = {
            let metrics = self.raft.metrics();
            let metrics = metrics.borrow_watched();
            let leads = metrics.state.is_leader() && epoch.is_some_and(|epoch| epoch.term == metrics.current_term);
            let age = quorum_age(self.us.node, &metrics).filter(|_| leads);
            let age = age.map(|age| u64::try_from(age.as_micros()).unwrap_or(u64::MAX));
            (metrics.snapshot.map(crate::wire::id_out), metrics.current_term, age)
        };
        let at_yours = self.state.hashes.lock().at(request.applied);
        proto::BeaconReply {
            wall_us: (self.wall)(),
            applied: applied.last.map(|last| proto::LogId { term: last.term, index: last.index }),
            digest: Bytes::copy_from_slice(&applied.digest),
            digest_at_yours: at_yours.map_or(Bytes::new(), |digest| Bytes::copy_from_slice(&digest)),
            last,
            snapshot,
            term,
            extra: self.hooks.beacon(),
            read_only: !self.disk_is_well(),
            kept: Some(self.log.standing().kept.into()),
            yours: self.network.memory.of(from).map(Into::into),
            quorum_age_us: quorum_age,
        }
    }

    /// Notes why there is no contact with a peer that is there: this node was removed or is of an older lineage, or it is
    /// somebody else who answers. It is told when it begins, not at every call.
    fn note_refusal(&self, peer: u64, message: Option<&str>) {
        let refusal = message.filter(|message| message.starts_with("EXQ-")).map(str::to_owned);
        let mut refusals = self.refusals.lock();
        let before = refusals.remove(&peer);
        if let Some(refusal) = refusal {
            if before.as_ref() != Some(&refusal) {
                tracing::error!(peer, "no contact with a member: {refusal}");
            }
            refusals.insert(peer, refusal);
        }
    }

    /// Asks one peer and notes what it says.
    pub(super) async fn look_at(self: Arc<Self>, node: u64, address: String) -> Option<(u64, PeerView)> {
        let (index, digest) = {
            let applied = self.state.applied.lock();
            (applied.last.map_or(NOTHING_APPLIED, |last| last.index), applied.digest)
        };
        let mut client = self.client_to(node, &address);
        let started = Instant::now();
        let before = (self.wall)();
        let request = proto::BeaconRequest { applied: index, digest: Bytes::copy_from_slice(&digest) };
        let answered = tokio::time::timeout(ANSWER_TIMEOUT, client.beacon(request)).await.ok()?;
        self.note_refusal(node, answered.as_ref().err().map(tonic::Status::message));
        let reply = answered.ok()?.into_inner();
        if let Some(remembered) = reply.yours {
            self.recall(node, remembered.into());
        }
        if let Some(kept) = reply.kept {
            self.network.memory.note(node, kept.into());
        }
        let round_trip = started.elapsed();
        let middle = before + u64::try_from(round_trip.as_micros()).unwrap_or(0) / 2;
        let applied_index = reply.applied.map_or(0, |id| id.index);
        let agrees = agrees(&reply, &digest, &self.state.hashes.lock());
        let view = PeerView {
            heard: Instant::now(),
            clock_offset_us: i64::try_from(i128::from(reply.wall_us) - i128::from(middle)).unwrap_or(i64::MAX),
            round_trip,
            applied_index,
            last_index: reply.last.map_or(0, |id| id.index),
            snapshot_index: reply.snapshot.map(|id| id.index),
            term: reply.term,
            has_room: !reply.read_only,
            // The answer was given after it was asked for: from then it is at least so old.
            led_at: reply.quorum_age_us.and_then(|age| started.checked_sub(Duration::from_micros(age))),
            agrees,
            extra: reply.extra,
        };
        // At once, for another peer that does not answer may hold up the round.
        self.peers.lock().insert(node, view.clone());
        Some((node, view))
    }
}

/// Keeps watch for as long as the node runs.
pub(super) async fn run<M: Machine>(node: Node<M>) {
    let inner = node.inner.clone();
    let began = Instant::now();
    let mut judged = Judged { at: Instant::now(), once: false, disputed: false };
    let mut needed = 0;
    let mut silent: BTreeMap<u64, Silence> = BTreeMap::new();
    let mut standstill = Standstill::default();
    loop {
        let stale = inner.fresh_at.lock().is_none() && began.elapsed() < FIRST_ROUNDS_MAX;
        tokio::time::sleep(if judged.once && !stale { ROUND } else { FIRST_ROUNDS }).await;
        let read = (Instant::now(), (inner.wall)());
        let (others, voters) = {
            let metrics = inner.raft.metrics();
            let metrics = metrics.borrow_watched();
            let membership = &metrics.membership_config;
            let me = inner.us.node;
            let others: Vec<(u64, String)> =
                membership.nodes().filter(|(id, _)| **id != me).map(|(id, node)| (*id, node.peer.clone())).collect();
            (others, membership.voter_ids().collect::<Vec<u64>>())
        };
        inner.network.addresses.lock().clone_from(&others.iter().cloned().collect());
        let heard = join_all(others.iter().map(|(id, peer)| inner.clone().look_at(*id, peer.clone()))).await;
        let heard: BTreeMap<u64, PeerView> = heard.into_iter().flatten().collect();
        judge_state(&node, &heard, &voters);
        judge_clock(&node, &heard, &voters, read, &mut judged);
        judge_room(&node, &heard, &voters, &mut needed);
        standstill.judge(&inner);
        stand_or_hand_over(&node, needed, began).await;
        tell_silence(&mut silent, &others, &heard);
        inner.peers.lock().retain(|id, _| others.iter().any(|(other, _)| other == id));
    }
}

/// Stops the node if a majority of the voters has another state.
fn judge_state<M: Machine>(node: &Node<M>, heard: &BTreeMap<u64, PeerView>, voters: &[u64]) {
    let differing = voters.iter().filter(|id| heard.get(id).is_some_and(|view| view.agrees == Some(false))).count();
    if differing == 0 {
        return;
    }
    metrics::counter!("exchequer_state_disagreements_total").increment(1);
    tracing::error!(differing, "the state hash differs from that of other nodes");
    let quorum = voters.len() / 2 + 1;
    if differing >= quorum {
        node.raise(Fatal::Diverged { index: node.applied_index() });
    }
}

/// What is known of this node's own clock.
struct Judged {
    /// When enough clocks were last heard.
    at: Instant,
    /// Whether they ever were, or were waited for long enough.
    once: bool,
    /// Whether it was told that nobody can tell which clock is wrong.
    disputed: bool,
}

/// Keeps a node with a wrong clock from leading, and replicated time from following a clock that nobody vouches for.
/// `read` is a reading of the own clock from before the others were asked.
fn judge_clock<M: Machine>(
    node: &Node<M>,
    heard: &BTreeMap<u64, PeerView>,
    voters: &[u64],
    read: (Instant, u64),
    judged: &mut Judged,
) {
    let inner = &node.inner;
    let limit = inner.hooks.clock_offset_max();
    let offsets: Vec<i64> = voters.iter().filter_map(|id| heard.get(id)).map(|view| view.clock_offset_us).collect();
    let judgement = judge(&offsets, voters.contains(&inner.us.node), voters.len(), limit);
    let believed = {
        let mut clock = inner.clock.lock();
        clock.observe(inner.state.applied.lock().time_us);
        clock.judged(judgement.verdict, read.0, read.1, limit);
        clock.is_believed()
    };
    let disputed = match judgement.verdict {
        Verdict::Disputed => true,
        Verdict::Alone => !believed,
        Verdict::Unknown | Verdict::Agreed | Verdict::Off => false,
    };
    inner.clock_disputed.store(disputed, Ordering::Relaxed);
    if disputed && !judged.disputed {
        let text = "nobody can tell which clock is right: replicated time goes on without the wall clock";
        tracing::error!(code = "EXQ-0701", heard = ?offsets, "{text}");
    }
    judged.disputed = disputed;
    let off = !inner.clock_good.load(Ordering::Relaxed) && judged.once;
    match judgement.verdict {
        // An old judgement must not keep the nodes that are left from electing one of them for ever; but for a while it
        // is known which of two clocks is wrong.
        Verdict::Unknown => unjudged(inner, judged),
        Verdict::Disputed if off && judgement.offset_us.is_none() => unjudged(inner, judged),
        Verdict::Alone | Verdict::Agreed | Verdict::Disputed | Verdict::Off => {
            let first = !std::mem::replace(&mut judged.once, true);
            judged.at = Instant::now();
            *inner.clock_offset_us.lock() = judgement.offset_us;
            let good = judgement.verdict != Verdict::Off;
            note_clock(inner, judgement.offset_us.filter(|_| !good), first);
        }
    }
}

fn unjudged<M: Machine>(inner: &Inner<M>, judged: &mut Judged) {
    if judged.at.elapsed() >= UNJUDGED_MAX {
        judged.once = true;
        *inner.clock_offset_us.lock() = None;
        note_clock(inner, None, false);
    }
}

/// Counts the rounds in which the voters with room were no majority without this node.
fn judge_room<M: Machine>(node: &Node<M>, heard: &BTreeMap<u64, PeerView>, voters: &[u64], needed: &mut u32) {
    let me = node.inner.us.node;
    *needed = match room_elsewhere(me, voters, |id| heard.get(&id).is_some_and(|view| view.has_room)) {
        Elsewhere::Enough => 0,
        Elsewhere::TooLittle => needed.saturating_add(1),
        Elsewhere::Nobody => NEEDED_ROUNDS,
    };
}

/// Whether the voters can do without this node's disk.
#[derive(Debug, PartialEq, Eq)]
enum Elsewhere {
    /// A majority of the voters has room without this node.
    Enough,
    /// No entry could be committed without this node.
    TooLittle,
    /// There is no other voter.
    Nobody,
}

fn room_elsewhere(me: u64, voters: &[u64], has_room: impl Fn(u64) -> bool) -> Elsewhere {
    let others = || voters.iter().copied().filter(|id| *id != me);
    if others().next().is_none() {
        Elsewhere::Nobody
    } else if others().filter(|id| has_room(*id)).count() > voters.len() / 2 {
        Elsewhere::Enough
    } else {
        Elsewhere::TooLittle
    }
}

/// Lets the node stand for election if its clock and its disk are well, and hands leadership over if they are not.
async fn stand_or_hand_over<M: Machine>(node: &Node<M>, needed: u32, began: Instant) {
    let inner = &node.inner;
    let leaderless = inner.leader_seen.lock().unwrap_or(began).elapsed() > LEADERLESS_MAX;
    let (clock_good, disk_well) = (inner.clock_good.load(Ordering::Relaxed), inner.disk_is_well());
    allow_election(inner, leaderless || (clock_good && (disk_well || needed >= NEEDED_ROUNDS)));
    let better_led = !clock_good || (!disk_well && needed == 0);
    if better_led && inner.raft.is_leader() {
        node.transfer_leader(None, Duration::from_secs(2)).await;
    }
}

/// Notes whether this node's clock is off, and by how much, and tells when that changes, and at first.
fn note_clock<M: Machine>(inner: &Inner<M>, off_us: Option<i64>, first: bool) {
    if inner.clock_good.swap(off_us.is_none(), Ordering::Relaxed) == off_us.is_none() && !first {
        return;
    }
    match off_us {
        None => tracing::info!("this node's clock does not keep it from leading"),
        Some(offset_us) => {
            tracing::error!(code = "EXQ-0701", offset_us, "this node's clock is off: it will not lead");
        }
    }
}

/// Lets the node stand for election, or not.
pub(super) fn allow_election<M: Machine>(inner: &Inner<M>, allowed: bool) {
    inner.may_stand.store(allowed, Ordering::Relaxed);
    // Also where nothing changed: two may do this at once, and the next round then puts it right.
    inner.raft.runtime_config().elect(allowed);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a node whose disk is full leaves leading to the others where they can write without it, and only there: with
    /// too few of them nothing is written whoever leads, and reads need a leader. Method: clusters of one to five.
    #[test]
    fn a_full_disk_matters_while_others_have_room() {
        let judged = |voters: &[u64], with_room: &[u64]| room_elsewhere(1, voters, |id| with_room.contains(&id));
        for (voters, with_room, expected) in [
            (&[1, 2, 3][..], &[2, 3][..], Elsewhere::Enough),
            (&[1, 2, 3], &[2], Elsewhere::TooLittle),
            (&[1, 2, 3], &[1, 2], Elsewhere::TooLittle),
            (&[1, 2], &[2], Elsewhere::TooLittle),
            (&[1], &[], Elsewhere::Nobody),
            (&[1, 2, 3, 4, 5], &[2, 4, 5], Elsewhere::Enough),
            (&[1, 2, 3, 4, 5], &[4, 5], Elsewhere::TooLittle),
        ] {
            assert_eq!(judged(voters, with_room), expected, "{voters:?} {with_room:?}");
        }
    }

    /// Goal: a node to which nothing was applied is nobody's contradiction. Method: both sides of the comparison, with a
    /// peer that knows the hash after the first entry.
    #[test]
    fn nothing_applied_is_not_compared() {
        let mut hashes = Hashes::default();
        hashes.push(0, [1; 32]);
        assert_eq!(hashes.at(NOTHING_APPLIED), None);
        let mut reply = proto::BeaconReply { digest: Bytes::from_static(&[0; 32]), ..Default::default() };
        assert_eq!(agrees(&reply, &[1; 32], &hashes), None);
        reply.applied = Some(proto::LogId { term: 0, index: 0 });
        assert_eq!(agrees(&reply, &[1; 32], &hashes), Some(false));
        reply.digest = Bytes::from_static(&[1; 32]);
        assert_eq!(agrees(&reply, &[1; 32], &hashes), Some(true));
    }
}
