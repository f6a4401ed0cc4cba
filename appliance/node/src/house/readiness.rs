//! Whether this node is ready, what its gauges show, and whether all nodes hold the same rows.

use std::time::Duration;

use exchequer_api::backend::Check;
use exchequer_domain::{Code, Digest, NodeId, Problem};
use exchequer_raft::Role;
use exchequer_state::{Body, Done, RequestDigest};
use tokio::time::Instant;

use super::{House, members, submit};

/// A follower that was not in touch with its leader for longer is not ready.
pub(super) const CONTACT_MAX: Duration = Duration::from_secs(3);
/// A node whose state is further behind than this is not ready.
const LAG_MAX: u64 = 100_000;

/// The conditions of readiness, each with what is the case.
pub(super) fn checks(house: &House, for_write: bool) -> Vec<Check> {
    let status = house.node.status();
    let bootstrapped = house.state(|state| state.cluster().is_some()).unwrap_or(false);
    let silence = house.node.contact();
    let lag = status.committed_index.saturating_sub(status.applied_index);
    let leader = match &status.leader {
        Some((id, _)) if *id == status.node => "this node leads".to_owned(),
        Some((id, _)) => format!("node {id} leads"),
        None => "no leader is known".to_owned(),
    };
    let age = house.node.age();
    let as_of = if age == Duration::MAX { "no known moment".to_owned() } else { format!("{} ms ago", age.as_millis()) };
    let contact = if silence == Duration::MAX { "never".to_owned() } else { format!("{} ms ago", silence.as_millis()) };
    let mut checks = vec![
        Check { name: "node", good: status.role != Role::Stopped, detail: "the process runs".to_owned() },
        Check { name: "recovery", good: bootstrapped, detail: format!("applied up to {}", status.applied_index) },
        Check { name: "leader", good: status.leader.is_some(), detail: leader },
        Check {
            name: "contact",
            good: silence < CONTACT_MAX,
            detail: format!("last in touch with a majority {contact}"),
        },
        Check { name: "applied", good: lag <= LAG_MAX, detail: format!("{lag} committed entries are not applied yet") },
        // A node that still gets the log knows of little that is committed: only the leader's word tells how far it is.
        Check { name: "fresh", good: age < CONTACT_MAX, detail: format!("the state is as of {as_of}") },
    ];
    // A node that is turned away can only join again; without that it would look like one that waits for its peers.
    let excluded =
        |text: &str| [Code::NodeRemoved, Code::LineageMismatch].iter().any(|code| text.starts_with(code.as_str()));
    if let Some((peer, refusal)) = house.node.refusals().into_iter().find(|(_, text)| excluded(text)) {
        checks.push(Check { name: "membership", good: false, detail: format!("node {peer} answers {refusal}") });
    }
    if for_write {
        let disk = match (status.has_room, status.disk_hangs) {
            (false, _) => "the disk is full: read-only",
            (true, true) => "nothing arrives on the disk",
            (true, false) => "there is room",
        };
        checks.push(Check { name: "disk", good: status.has_room && !status.disk_hangs, detail: disk.to_owned() });
        let gone = submit::quorum_is_gone(house, &status);
        let quorum = if gone { "too few voters are heard" } else { "a majority of the voters is heard" };
        checks.push(Check { name: "quorum", good: !gone, detail: quorum.to_owned() });
    }
    checks
}

/// Sets the gauges to what is the case now. Names follow etcd's where etcd has one.
pub(super) fn refresh_gauges(house: &House) {
    let status = house.node.status();
    let gauge = |name: &'static str, value: f64| metrics::gauge!(name).set(value);
    let flag = |holds: bool| if holds { 1.0 } else { 0.0 };
    let is_learner = status.members.get(&status.node).is_some_and(|member| !member.voter);
    gauge("exchequer_raft_has_leader", flag(status.leader.is_some()));
    gauge("exchequer_raft_is_leader", flag(status.role == Role::Leader));
    gauge("exchequer_raft_is_learner", flag(is_learner));
    gauge("exchequer_raft_term", status.term as f64);
    gauge("exchequer_raft_last_index", status.last_index as f64);
    gauge("exchequer_raft_committed_index", status.committed_index as f64);
    gauge("exchequer_raft_applied_index", status.applied_index as f64);
    gauge("exchequer_raft_flushed_index", status.flushed_index as f64);
    gauge("exchequer_raft_snapshot_index", status.snapshot_index.unwrap_or(0) as f64);
    gauge("exchequer_raft_voters", status.members.values().filter(|member| member.voter).count() as f64);
    gauge("exchequer_disk_has_room", flag(status.has_room));
    gauge("exchequer_clock_disputed", flag(status.clock_disputed));
    gauge("exchequer_raft_is_joint", flag(status.is_joint));
    if let Some(age) = Some(house.node.age()).filter(|age| *age != Duration::MAX) {
        gauge("exchequer_state_age_seconds", age.as_secs_f64());
    }
    if let Some(offset) = status.clock_offset_us {
        gauge("exchequer_clock_offset_seconds", offset as f64 / 1e6);
    }
    if let Some(resident) = resident_bytes() {
        gauge("process_resident_memory_bytes", resident as f64);
    }
}

/// Resident memory as the kernel counts it.
pub(crate) fn resident_bytes() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// Has every node hash all its rows as of one index, and collects what they find.
pub(super) async fn verify(house: &House, patience: Duration) -> Result<(u64, Vec<(NodeId, Option<Digest>)>), Problem> {
    let index = match house.submit_own(Body::Digest(RequestDigest {})).await? {
        Done::DigestRequested { index } => index,
        other => return Err(Problem::new(Code::Internal, format!("an unexpected outcome: {other:?}"))),
    };
    let deadline = Instant::now() + patience;
    let ids: Vec<u64> = house.node.status().members.keys().copied().collect();
    let mut found: Vec<(NodeId, Option<Digest>)> = ids.iter().map(|id| (NodeId(*id), None)).collect();
    while found.iter().any(|(_, digest)| digest.is_none()) && Instant::now() < deadline {
        for (id, digest) in found.iter_mut().filter(|(_, digest)| digest.is_none()) {
            *digest = members::ask_digest(house, id.0, index).await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok((index, found))
}
