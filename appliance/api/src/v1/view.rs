//! The cluster as this node sees it: membership, registry and what was last heard of each member, put together.

use std::collections::BTreeMap;
use std::time::Duration;

use exchequer_domain::{NodeId, Problem, Timestamp};
use exchequer_raft::{PeerView, ReadAt, Role, Status};
use exchequer_state::registry::NodeRecord;
use exchequer_state::settings::schema;

use crate::app::App;
use crate::health;
use crate::read::{Freshness, Seen};

/// A member that has been silent for longer counts as unreachable. Nodes ask each other twice a second.
pub(crate) const HEARD_WITHIN: Duration = Duration::from_secs(3);

/// One member.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) api_address: String,
    pub(crate) release: String,
    pub(crate) voter: bool,
    pub(crate) leader: bool,
    pub(crate) us: bool,
    /// How long ago it was heard of; none for this node and for one that was never heard of.
    pub(crate) silence: Option<Duration>,
    pub(crate) term: u64,
    pub(crate) last_index: u64,
    pub(crate) applied: u64,
    pub(crate) snapshot_index: Option<u64>,
    pub(crate) stable_since: Option<Timestamp>,
    pub(crate) agrees: Option<bool>,
}

impl Member {
    /// Whether it was heard of within `limit`.
    pub(crate) fn heard_within(&self, limit: Duration) -> bool {
        self.us || self.silence.is_some_and(|silence| silence <= limit)
    }

    pub(crate) fn reachable(&self) -> bool {
        self.heard_within(HEARD_WITHIN)
    }

    pub(crate) fn silence_ms(&self) -> Option<u64> {
        self.silence.and_then(|silence| u64::try_from(silence.as_millis()).ok())
    }
}

/// What autopilot's settings say about health.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) last_contact_max: Duration,
    pub(crate) trailing_entries_max: u64,
    pub(crate) clock_offset_max: Duration,
}

/// The cluster as this node sees it.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) status: Status,
    /// By id.
    pub(crate) members: Vec<Member>,
    pub(crate) limits: Limits,
}

impl View {
    /// Looks at the cluster from here. The read's own answer comes with it.
    pub(crate) async fn look<T>(
        app: &App,
        freshness: Freshness,
        mut also: impl FnMut(&exchequer_state::State) -> Result<T, Problem>,
    ) -> Result<Seen<(View, T)>, Problem> {
        let seen = app.read(freshness, |state| {
            let settings = state.settings();
            let limits = Limits {
                last_contact_max: settings.get(&schema::AUTOPILOT_LAST_CONTACT_MAX),
                trailing_entries_max: settings
                    .get(&schema::AUTOPILOT_MAX_TRAILING_ENTRIES)
                    .try_into()
                    .unwrap_or(u64::MAX),
                clock_offset_max: settings.get(&schema::CLOCK_OFFSET_MAX),
            };
            let records: Vec<NodeRecord> = state.registry().admitted().cloned().collect();
            Ok((limits, records, also(state)?))
        });
        let Seen { value: (limits, records, more), at } = seen.await?;
        let status = app.backend.status();
        let peers = app.backend.peers().into_iter().collect();
        let stable = app.backend.stable_since().into_iter().collect();
        let members = members(&status, &peers, &records, &stable);
        Ok(Seen { value: (View { status, members, limits }, more), at })
    }

    pub(crate) fn leader(&self) -> Option<&Member> {
        self.members.iter().find(|member| member.leader)
    }

    pub(crate) fn voters(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.voter)
    }

    /// How many voters must agree.
    pub(crate) fn quorum(&self) -> usize {
        self.voters().count() / 2 + 1
    }

    pub(crate) fn voters_reachable(&self) -> usize {
        self.voters().filter(|voter| voter.reachable()).count()
    }

    /// How many of the voters that can be reached may fail before the cluster stops.
    pub(crate) fn failure_tolerance(&self) -> u64 {
        self.voters_reachable().saturating_sub(self.quorum()) as u64
    }

    /// How many entries a member is behind the leader; none where that is not known, and for the leader.
    pub(crate) fn trails(&self, member: &Member) -> Option<u64> {
        let leader = self.leader().filter(|leader| leader.reachable() && leader.id != member.id)?;
        Some(leader.last_index.saturating_sub(member.last_index))
    }

    pub(crate) fn healthy(&self, member: &Member) -> bool {
        let close = self.trails(member).is_none_or(|entries| entries <= self.limits.trailing_entries_max);
        close && member.heard_within(self.limits.last_contact_max) && member.agrees != Some(false)
    }

    /// Whether nothing can be written now, and what is wrong, in sentences.
    pub(crate) fn diagnosis(&self, at: ReadAt) -> (bool, Vec<String>) {
        let mut stopped = Vec::new();
        let (voters, reachable, quorum) = (self.voters().count(), self.voters_reachable(), self.quorum());
        if reachable < quorum {
            stopped.push(format!("{reachable} of {voters} voters can be reached from here; {quorum} are needed."));
        }
        match &self.status.leader {
            None => stopped.push("No leader is known.".to_owned()),
            Some((id, _)) if *id == self.status.node => {
                if !health::has_majority(&self.status) {
                    stopped.push("This node was elected, but no majority answers it.".to_owned());
                }
            }
            Some(_) if self.status.contact.is_none_or(|contact| contact > HEARD_WITHIN) => {
                stopped.push("This node has not been in touch with the leader for a while.".to_owned());
            }
            Some(_) => {}
        }
        let no_quorum = !stopped.is_empty();
        if !no_quorum && at.age > HEARD_WITHIN && at.age != Duration::MAX {
            stopped.push(format!("This node's state is {} s old: it does not keep up.", at.age.as_secs()));
        }
        let mut problems = stopped;
        problems.extend(self.of_this_node());
        problems.extend(self.members.iter().filter_map(|member| self.of_member(member)));
        if self.status.is_joint {
            let text = "A change of voters is half done (joint membership): until the leader finishes it the former voters \
                        and the new ones must each agree.";
            problems.push(text.to_owned());
        }
        if voters > 1 && voters % 2 == 0 {
            problems.push(format!("The number of voters, {voters}, is even: one fewer would bear as many failures."));
        }
        if voters > 1 && !no_quorum && self.failure_tolerance() == 0 {
            problems.push("The next failure of a voter stops the cluster.".to_owned());
        }
        (no_quorum, problems)
    }

    fn of_this_node(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.status.role == Role::Stopped {
            problems.push("This node is stopping.".to_owned());
        }
        if !self.status.members.contains_key(&self.status.node) {
            problems.push("This node is not a member of the cluster.".to_owned());
        }
        if !self.status.has_room {
            problems.push("This node's disk is full: it is read-only.".to_owned());
        }
        if self.status.clock_disputed {
            let text = "The clocks differ and nobody can tell which one is right (EXQ-0701): replicated time goes on \
                        without this node's.";
            problems.push(text.to_owned());
        }
        if let Some(us) = self.status.clock_offset_us {
            let offset = Duration::from_micros(us.unsigned_abs());
            if offset > self.limits.clock_offset_max {
                problems.push(format!("This node's clock is {} ms from the voters' median.", offset.as_millis()));
            }
        }
        problems
    }

    fn of_member(&self, member: &Member) -> Option<String> {
        let who = format!("{} (node {})", member.name, member.id);
        if !member.reachable() {
            return Some(match member.silence {
                Some(silence) => format!("{who} has been silent for {} s.", silence.as_secs()),
                None => format!("{who} has not been heard of."),
            });
        }
        if member.agrees == Some(false) {
            return Some(format!("{who} has another state than this node."));
        }
        let entries = self.trails(member).filter(|entries| *entries > self.limits.trailing_entries_max)?;
        Some(format!("{who} is {entries} entries behind the leader."))
    }
}

fn members(
    status: &Status,
    peers: &BTreeMap<NodeId, PeerView>,
    records: &[NodeRecord],
    stable: &BTreeMap<NodeId, u64>,
) -> Vec<Member> {
    let leader = status.leader.as_ref().map(|(id, _)| *id);
    let member = |(id, member): (&u64, &exchequer_raft::MemberState)| {
        let us = *id == status.node;
        let peer = peers.get(&NodeId(*id)).filter(|_| !us);
        let record = records.iter().find(|record| record.id.0 == *id);
        let silence = [peer.map(|peer| peer.heard.elapsed()), member.heard.filter(|_| !us)].into_iter().flatten().min();
        Member {
            id: *id,
            name: record.map_or_else(|| member.address.name.clone(), |record| record.name.clone()),
            address: member.address.peer.clone(),
            api_address: record.map_or_else(String::new, |record| record.api_address.clone()),
            release: record.map_or_else(String::new, |record| record.version.release.clone()),
            voter: member.voter,
            leader: leader == Some(*id),
            us,
            silence,
            term: if us { status.term } else { peer.map_or(0, |peer| peer.term) },
            last_index: if us { status.last_index } else { known_index(member.matched_index, peer) },
            applied: if us { status.applied_index } else { peer.map_or(0, |peer| peer.applied_index) },
            snapshot_index: if us { status.snapshot_index } else { peer.and_then(|peer| peer.snapshot_index) },
            stable_since: stable.get(&NodeId(*id)).copied().map(Timestamp),
            agrees: peer.and_then(|peer| peer.agrees),
        }
    };
    status.members.iter().map(member).collect()
}

/// What the leader's replication knows and what the watch heard may each be the fresher.
fn known_index(matched: Option<u64>, peer: Option<&PeerView>) -> u64 {
    matched.unwrap_or(0).max(peer.map_or(0, |peer| peer.last_index))
}
