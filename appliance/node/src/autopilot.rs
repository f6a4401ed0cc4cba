//! The autopilot: what a careful operator would do with the membership, done by the leader.
//!
//! Admitted nodes become learners. Learners that have kept up for a while get their votes, in one change and only so
//! many that the number of voters becomes odd: an even number tolerates no more failures than one less. A node whose
//! place another one takes is removed when that one votes. Nodes that were removed from the registry leave the
//! membership, and a voter that has been dead for very long does so too, as long as enough others are alive. A node
//! that moved gets its new address in the membership.
//!
//! What cannot be done now does not keep the rest from being done, and is tried again in the next round. What it does
//! is on the audit record as done by the leading node.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use exchequer_domain::{Code, NodeId, Problem};
use exchequer_raft::{Address, Role, Status};
use exchequer_state::Actor;
use exchequer_state::audit::Action;
use exchequer_state::registry::{NodeRecord, NodeState};
use exchequer_state::settings::schema;
use tokio::time::Instant;

use crate::house::{House, Operation, on_leader, operate, remove};

const ROUND: Duration = Duration::from_millis(500);
/// A voter that was heard of within this time is alive.
const HEARD_WITHIN: Duration = Duration::from_secs(3);
/// What the audit gives as the reason.
const REASON: &str = "autopilot";

/// The settings it goes by.
#[derive(Debug, Clone, Copy)]
struct Rules {
    promote: bool,
    stabilization_time: Duration,
    trailing_max: u64,
    contact_max: Duration,
    cleanup: bool,
    dead_after: Duration,
    min_quorum: usize,
}

/// What it remembers while it leads.
struct Watch {
    led_since: Instant,
    /// Since when each learner has kept up.
    keeping_up: BTreeMap<u64, Instant>,
    /// What could not be done for a node, so that it is told once.
    told: BTreeMap<NodeId, Problem>,
}

/// Runs for as long as the node does; acts only while it leads.
pub(crate) async fn run(house: Arc<House>) {
    let mut watch: Option<Watch> = None;
    loop {
        tokio::time::sleep(ROUND).await;
        let status = house.node.status();
        if status.role != Role::Leader || status.epoch.is_none() {
            watch = None;
            continue;
        }
        let watch = watch.get_or_insert_with(|| Watch {
            led_since: Instant::now(),
            keeping_up: BTreeMap::new(),
            told: BTreeMap::new(),
        });
        if let Err(problem) = round(&house, &status, watch).await {
            tracing::debug!(%problem, "the autopilot could not finish its round");
        }
    }
}

fn rules(house: &House) -> Result<Rules, Problem> {
    house.state(|state| {
        let settings = state.settings();
        Rules {
            promote: settings.get(&schema::AUTOPILOT_PROMOTE),
            stabilization_time: settings.get(&schema::AUTOPILOT_STABILIZATION_TIME),
            trailing_max: u64::try_from(settings.get(&schema::AUTOPILOT_MAX_TRAILING_ENTRIES)).unwrap_or(0),
            contact_max: settings.get(&schema::AUTOPILOT_LAST_CONTACT_MAX),
            cleanup: settings.get(&schema::AUTOPILOT_CLEANUP_DEAD_SERVERS),
            dead_after: settings.get(&schema::AUTOPILOT_DEAD_SERVER_AFTER),
            min_quorum: usize::try_from(settings.get(&schema::AUTOPILOT_MIN_QUORUM)).unwrap_or(3),
        }
    })
}

fn own(house: &House) -> Actor {
    Actor::Node(house.id())
}

/// Brings the membership in step with one record of the registry; whether anything was changed.
async fn tend(house: &House, status: &Status, record: &NodeRecord) -> Result<bool, Problem> {
    let id = record.id.0;
    match (record.state, status.members.get(&id)) {
        (NodeState::Admitted, None) => {
            tracing::info!(node = id, "the autopilot adds an admitted node as a learner");
            let operation = Operation::AddLearner { node: id };
            operate(house, own(house), operation, Action::AddLearner, REASON.to_owned()).await?;
            Ok(true)
        }
        (NodeState::Removed { .. }, Some(_)) => {
            tracing::info!(node = id, "the autopilot takes a removed node out of the membership");
            on_leader(house, &Operation::Remove { node: id }).await?;
            Ok(true)
        }
        (NodeState::Admitted, Some(member)) => {
            if member.address.peer != record.peer_address {
                tracing::info!(node = id, address = record.peer_address, "the autopilot notes a node's new address");
                let address = Address { name: record.name.clone(), peer: record.peer_address.clone() };
                let set = house.node.set_address(id, address).await;
                set.map_err(|error| Problem::new(Code::ChangeInProgress, error.to_string()))?;
                return Ok(true);
            }
            let Some(old) = record.replaces.filter(|_| member.voter) else { return Ok(false) };
            let removed = |old| house.state(|state| state.registry().node(old).map(|record| record.state));
            if removed(old)? != Some(NodeState::Admitted) {
                return Ok(false);
            }
            tracing::info!(node = %old, by = id, "the autopilot removes a node whose place another one has taken");
            remove(house, own(house), old, format!("{REASON}: replaced by node {id}")).await?;
            Ok(true)
        }
        (NodeState::Removed { .. }, None) => Ok(false),
    }
}

async fn round(house: &House, status: &Status, watch: &mut Watch) -> Result<(), Problem> {
    let rules = rules(house)?;
    let registry: Vec<NodeRecord> = house.state(|state| state.registry().nodes().cloned().collect())?;
    for record in &registry {
        match tend(house, status, record).await {
            Ok(false) => drop(watch.told.remove(&record.id)),
            // The membership is another one now: what else is to be done is for the next round to see.
            Ok(true) => return Ok(()),
            Err(problem) if watch.told.get(&record.id) == Some(&problem) => {}
            Err(problem) => {
                tracing::warn!(node = %record.id, %problem, "the autopilot cannot do yet what is due");
                watch.told.insert(record.id, problem);
            }
        }
    }

    let peers = house.node.peers();
    let keeping_up = &mut watch.keeping_up;
    let silent = |id: &u64| peers.get(id).map_or(watch.led_since.elapsed(), |view| view.heard.elapsed());
    for (id, member) in &status.members {
        let lag = member.matched_index.map(|matched| status.last_index.saturating_sub(matched));
        let good = lag.is_some_and(|lag| lag <= rules.trailing_max) && silent(id) <= rules.contact_max;
        if good {
            keeping_up.entry(*id).or_insert_with(Instant::now);
        } else {
            keeping_up.remove(id);
        }
    }
    keeping_up.retain(|id, _| status.members.contains_key(id));

    if rules.promote {
        let promoted = promotable(status, &registry, keeping_up, rules.stabilization_time);
        if !promoted.is_empty() {
            tracing::info!(nodes = ?promoted, "the autopilot gives votes");
            house
                .node
                .promote(promoted.clone())
                .await
                .map_err(|error| Problem::new(Code::ChangeInProgress, error.to_string()))?;
            for node in promoted {
                house.record_own(Action::Promote, format!("node {node}"), REASON.to_owned()).await?;
            }
            return Ok(());
        }
    }

    if rules.cleanup {
        let voters: Vec<u64> = status.members.iter().filter(|(_, member)| member.voter).map(|(id, _)| *id).collect();
        let alive = voters.iter().filter(|id| **id == status.node || silent(id) < HEARD_WITHIN).count();
        let dead = voters.iter().find(|id| **id != status.node && silent(id) >= rules.dead_after);
        if let Some(dead) = dead
            && voters.len() > rules.min_quorum
            && alive > (voters.len() - 1) / 2
        {
            tracing::warn!(node = dead, "the autopilot removes a node that has been dead for long");
            remove(house, own(house), NodeId(*dead), format!("{REASON}: dead for long")).await?;
        }
    }
    Ok(())
}

/// The learners to promote now: the most that make the number of voters odd. A voter whose place one of them takes is
/// about to go and does not count.
fn promotable(
    status: &Status,
    registry: &[NodeRecord],
    keeping_up: &BTreeMap<u64, Instant>,
    stable: Duration,
) -> BTreeSet<u64> {
    let mut ready: Vec<u64> = status
        .members
        .iter()
        .filter(|(_, member)| !member.voter)
        .filter(|(id, _)| keeping_up.get(id).is_some_and(|since| since.elapsed() >= stable))
        .map(|(id, _)| *id)
        .collect();
    ready.sort_unstable();
    let votes = |id: u64| status.members.get(&id).is_some_and(|member| member.voter);
    let replaced_by = |id: u64| {
        let record = registry.iter().find(|record| record.id.0 == id);
        record.and_then(|record| record.replaces).map(|old| old.0).filter(|old| votes(*old))
    };
    let voters: Vec<u64> = status.members.keys().copied().filter(|id| votes(*id)).collect();
    // Each place is taken once; a second node that was meant for it is one more.
    let mut leaving: BTreeSet<u64> = voters.iter().filter_map(|id| replaced_by(*id)).collect();
    let (taking, mut further): (Vec<u64>, Vec<u64>) =
        ready.into_iter().partition(|id| replaced_by(*id).is_some_and(|old| leaving.insert(old)));
    if (voters.len() + taking.len() + further.len() - leaving.len()).is_multiple_of(2) {
        further.pop();
    }
    taking.into_iter().chain(further).collect()
}

#[cfg(test)]
mod tests {
    use exchequer_domain::Timestamp;
    use exchequer_raft::MemberState;
    use exchequer_state::registry::NodeVersion;

    use super::*;

    fn status(voters: &[u64], learners: &[u64]) -> Status {
        let member = |id: &u64, voter| {
            let address = Address { name: format!("n{id}"), peer: format!("h{id}:1") };
            (*id, MemberState { address, voter, matched_index: Some(9), heard: None })
        };
        let voters = voters.iter().map(|id| member(id, true));
        Status {
            contact: None,
            is_joint: false,
            clock_disputed: false,
            node: 1,
            role: Role::Leader,
            term: 1,
            leader: None,
            last_index: 9,
            committed_index: 9,
            applied_index: 9,
            applied_term: 1,
            snapshot_index: None,
            purged_index: None,
            flushed_index: 9,
            digest: [0; 32],
            time_us: 0,
            quorum_age: None,
            members: voters.chain(learners.iter().map(|id| member(id, false))).collect(),
            has_room: true,
            disk_hangs: false,
            clock_offset_us: None,
            epoch: None,
        }
    }

    fn record(id: u64, replaces: Option<u64>) -> NodeRecord {
        NodeRecord {
            id: NodeId(id),
            name: format!("n{id}"),
            api_address: "h:1".into(),
            peer_address: "h:2".into(),
            version: NodeVersion::of_this_program(),
            key_fingerprint: [0; 32],
            retired_keys: Vec::new(),
            replaces: replaces.map(NodeId),
            admitted_at: Timestamp(0),
            state: NodeState::Admitted,
        }
    }

    /// Goal: votes are given so that their number becomes odd, and a node that takes another one's place gets its vote
    /// whatever that number is: the other one leaves at once afterwards. Method: voters, learners that keep up, who
    /// takes whose place, and who is promoted.
    #[test]
    fn votes_become_odd_in_number() {
        type Case<'a> = (&'a [u64], &'a [u64], &'a [(u64, u64)], &'a [u64]);
        let cases: [Case<'_>; 9] = [
            (&[1], &[2], &[], &[]),
            (&[1], &[2, 3], &[], &[2, 3]),
            (&[1, 2, 3], &[4], &[], &[]),
            (&[1, 2, 3], &[4], &[(4, 3)], &[4]),
            (&[1, 2], &[4], &[(4, 2)], &[4]),
            (&[1], &[4], &[(4, 1)], &[4]),
            (&[1, 2, 3], &[4, 5], &[(5, 3)], &[5]),
            (&[1, 2, 3], &[4, 5], &[(4, 3), (5, 3)], &[4]),
            (&[1, 2, 3, 4], &[5], &[(4, 3)], &[]),
        ];
        for (voters, learners, replacing, promoted) in cases {
            let registry: Vec<NodeRecord> = voters
                .iter()
                .chain(learners)
                .map(|id| record(*id, replacing.iter().find(|(by, _)| by == id).map(|(_, old)| *old)))
                .collect();
            let keeping_up = learners.iter().map(|id| (*id, Instant::now())).collect();
            let found = promotable(&status(voters, learners), &registry, &keeping_up, Duration::ZERO);
            assert_eq!(found, promoted.iter().copied().collect(), "{voters:?} {learners:?} {replacing:?}");
        }
    }
}
