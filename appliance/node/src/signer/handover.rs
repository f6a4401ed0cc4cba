//! A leader whose signer is of no use makes room for a node whose signer is.
//!
//! Nodes tell each other how their signers are in what they say at every beacon. Invariants: leadership goes only to a node
//! whose signer has been open for a while, from one whose signer has been of no use for as long; after each try there is a
//! pause that grows; where no signer is open anywhere nobody moves.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use exchequer_raft::Role;
use exchequer_state::Actor;
use exchequer_state::audit::Action;
use tokio::time::Instant;

use super::SignerState;
use crate::house::{House, Operation, Presence, operate};

/// Between two looks.
const ROUND: Duration = Duration::from_millis(500);
/// How long a signer must have been as it is: one that is just being restarted, or fed, moves nobody.
const STEADY: Duration = Duration::from_secs(5);
/// A peer that was not heard of for longer is not counted on.
const HEARD_WITHIN: Duration = Duration::from_secs(2);
/// After a try: at first, and at most.
const PAUSES: [Duration; 2] = [Duration::from_secs(30), Duration::from_secs(900)];

/// What is remembered while this node leads.
#[derive(Debug, Default)]
struct Watch {
    /// Since when the own signer is of no use.
    idle_since: Option<Instant>,
    /// Since when each peer's signer is open.
    open_since: BTreeMap<u64, Instant>,
    /// When there may be another try, and the pause after that.
    next: Option<(Instant, Duration)>,
}

impl Watch {
    /// Who should lead instead, if anybody: of those whose signers have been open for long enough the first that is ready.
    fn judge(&mut self, now: Instant, own: SignerState, peers: &[(u64, SignerState)]) -> Option<u64> {
        self.open_since.retain(|id, _| peers.iter().any(|(peer, state)| peer == id && state.is_open()));
        for (id, _) in peers.iter().filter(|(_, state)| state.is_open()) {
            self.open_since.entry(*id).or_insert(now);
        }
        if own.is_open() {
            self.idle_since = None;
            return None;
        }
        let idle = *self.idle_since.get_or_insert(now);
        let steady = |since: Instant| now.duration_since(since) >= STEADY;
        if !steady(idle) || self.next.is_some_and(|(at, _)| now < at) {
            return None;
        }
        let ripe = |id: &u64| self.open_since.get(id).is_some_and(|since| steady(*since));
        let open = peers.iter().filter(|(id, state)| state.is_open() && ripe(id));
        open.max_by_key(|(id, state)| (*state == SignerState::Ready, std::cmp::Reverse(*id))).map(|(id, _)| *id)
    }

    /// A try was made.
    fn tried(&mut self, now: Instant) {
        let [first, longest] = PAUSES;
        let pause = self.next.map_or(first, |(_, pause)| (pause * 2).min(longest));
        self.next = Some((now + pause, pause));
    }
}

/// Runs for as long as the node does; acts only while it leads.
pub(crate) async fn run(house: Arc<House>) {
    let mut watch = Watch::default();
    loop {
        tokio::time::sleep(ROUND).await;
        let status = house.node.status();
        if status.role != Role::Leader || status.epoch.is_none() {
            // The pause after a try stays: leadership that comes back at once is not given away at once.
            watch = Watch { next: watch.next, ..Watch::default() };
            continue;
        }
        let voters = status.members.iter().filter(|(_, member)| member.voter);
        let heard = house.node.peers();
        let peers: Vec<(u64, SignerState)> = voters
            .filter_map(|(id, _)| {
                let view = heard.get(id).filter(|view| view.heard.elapsed() < HEARD_WITHIN)?;
                Some((*id, Presence::decode(&view.extra)?.signer))
            })
            .collect();
        let own = house.signer.seen().state;
        let Some(next) = watch.judge(Instant::now(), own, &peers) else { continue };
        watch.tried(Instant::now());
        let own = own.as_str();
        tracing::warn!(signer = own, to = next, "leadership goes to a node whose signer is open");
        let reason = format!("the signer of this node is {own}");
        let operation = Operation::Transfer { to: Some(next) };
        let done = operate(&house, Actor::Node(house.id()), operation, Action::TransferLeader, reason).await;
        if let Err(problem) = done {
            tracing::warn!(%problem, "leadership could not be handed to a node whose signer is open");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::{LocalSigner, Trouble};
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Goal: leadership goes from a node whose signer is of no use to one whose is open, after both were so for a while, and
    /// not again at once. Method: what is seen over time, by hand, with each thing that must keep it where it is.
    #[test]
    fn leadership_goes_where_a_signer_is_open() {
        use SignerState::{Absent, Behind, Ready, Sealed, Silent};
        let began = Instant::now();
        let at = |seconds: u32| began + SECOND * seconds;
        let mut watch = Watch::default();
        // The own signer is open, or nobody's is: nobody moves, however long that lasts.
        for seconds in 0..100 {
            assert_eq!(watch.judge(at(seconds), Ready, &[(2, Ready)]), None);
            assert_eq!(watch.judge(at(seconds), Behind, &[(2, Ready)]), None, "it is being fed");
        }
        for seconds in 100..200 {
            assert_eq!(watch.judge(at(seconds), Sealed, &[(2, Sealed), (3, Absent), (4, Silent)]), None);
        }
        // One is unsealed: after it has been so for a while.
        for seconds in 200..205 {
            assert_eq!(watch.judge(at(seconds), Sealed, &[(2, Sealed), (3, Ready)]), None);
        }
        assert_eq!(watch.judge(at(205), Sealed, &[(2, Sealed), (3, Ready)]), Some(3));
        watch.tried(at(205));
        // A signer that flaps moves nobody, and neither does one that was just tried.
        for seconds in 206..235 {
            assert_eq!(watch.judge(at(seconds), Sealed, &[(3, Ready)]), None);
        }
        for seconds in 236..300 {
            let state = if seconds % 4 == 0 { Silent } else { Ready };
            assert_eq!(watch.judge(at(seconds), Sealed, &[(3, state)]), None, "at {seconds}");
        }
        // An own one that comes back now and then, as well.
        for seconds in 300..400 {
            let own = if seconds % 4 == 0 { Ready } else { Silent };
            assert_eq!(watch.judge(at(seconds), own, &[(3, Ready)]), None, "at {seconds}");
        }
        // One that is ready goes before one that is being fed.
        for seconds in 400..406 {
            watch.judge(at(seconds), Absent, &[(2, Behind), (3, Ready)]);
        }
        assert_eq!(watch.judge(at(406), Absent, &[(2, Behind), (3, Ready)]), Some(3));
    }

    /// Goal: pauses between tries grow up to their limit.
    #[test]
    fn pauses_grow() {
        let mut watch = Watch::default();
        let mut now = Instant::now();
        let mut pauses = Vec::new();
        for _ in 0..8 {
            watch.tried(now);
            let (next, _) = watch.next.unwrap();
            pauses.push(next.duration_since(now).as_secs());
            now = next;
        }
        assert_eq!(pauses, [30, 60, 120, 240, 480, 900, 900, 900]);
    }

    /// Goal: a signer that is ahead counts as open nowhere, so that leadership goes to one that signs, and says why it is of no use.
    /// Method: the line is told; the watch judges what is known then.
    #[test]
    fn a_signer_that_is_ahead_keeps_no_leadership() {
        let signer = LocalSigner::new("/nowhere".into());
        signer.note(&Trouble::Ahead);
        let seen = signer.seen();
        assert!(seen.state != SignerState::Absent && seen.why.contains("after a restore"), "{}", seen.why);
        let (mut watch, now) = (Watch::default(), Instant::now());
        let peers = [(2, SignerState::Ready)];
        assert_eq!(watch.judge(now, seen.state, &peers), None);
        assert_eq!(watch.judge(now + STEADY, seen.state, &peers), Some(2));
        assert!(!seen.state.is_open());
    }
}
