//! `GET /v1/status`: one node and its cluster at a glance.

use axum::extract::State;
use exchequer_domain::{Code, Digest, Problem, Timestamp};
use exchequer_raft::Role;
use exchequer_state::registry::NodeVersion;

use super::maintenance::windows;
use super::view::View;
use crate::app::App;
use crate::backend::SignerView;
use crate::dto::{NodeStatus, SignerStatus};
use crate::extract::Params;
use crate::problem::Refused;
use crate::read::{Freshness, Limit, Seen};
use crate::route::Route;
use exchequer_state::people::Permission;

pub(crate) fn routes() -> Vec<Route> {
    vec![Route::get("/v1/status", status).needs(Permission::StatusRead).says("The node and its cluster at a glance")]
}

async fn status(State(app): State<App>, mut params: Params) -> Result<Seen<NodeStatus>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Local(Limit::None))?;
    params.end()?;
    let seen = View::look(&app, freshness, |state| {
        let cluster =
            state.cluster().ok_or_else(|| Problem::new(Code::FolderNotInitialised, "the cluster is not made yet"))?;
        let stopped = state.emergency().map(|emergency| emergency.since.to_string());
        let epoch = state.epoch().map(|epoch| epoch.index);
        Ok((cluster.id, cluster.sandbox, epoch, stopped, windows(state)))
    });
    let seen = seen.await?;
    let at = seen.at;
    let waits = app.backend.authority_waits();
    let signer = app.backend.signer().map(|seen| {
        let SignerView { state, followed, epoch, policy, why } = seen;
        SignerStatus { state: state.to_owned(), followed, epoch, policy, why }
    });
    Ok(seen.map(|(view, (cluster_id, sandbox, epoch, stopped_since, maintenance))| {
        let (no_quorum, problems) = view.diagnosis(at);
        let health = match (no_quorum, problems.is_empty()) {
            (true, _) => "no-quorum",
            (false, false) => "degraded",
            (false, true) => "healthy",
        };
        let us = view.members.iter().find(|member| member.us);
        let leader = view.leader();
        let status = &view.status;
        NodeStatus {
            node: us.map_or_else(String::new, |us| us.name.clone()),
            id: status.node,
            cluster_id: cluster_id.to_string(),
            sandbox,
            role: role(status.role).to_owned(),
            health: health.to_owned(),
            failure_tolerance: view.failure_tolerance(),
            problems,
            leader: leader.map(|leader| leader.name.clone()),
            leader_id: status.leader.as_ref().map(|(id, _)| *id),
            term: status.term,
            epoch,
            last_index: status.last_index,
            committed: status.committed_index,
            applied: status.applied_index,
            flushed: status.flushed_index,
            snap_index: status.snapshot_index,
            state_hash: Digest(status.digest).to_string(),
            time: Timestamp(status.time_us).to_string(),
            version: NodeVersion::of_this_program().release,
            voters: view.voters().count() as u64,
            learners: view.members.iter().filter(|member| !member.voter).count() as u64,
            authority_waits: waits.as_ref().map(|ids| ids.iter().map(|id| name_of(&view, id.0)).collect()),
            stopped_since,
            maintenance,
            signer,
        }
    }))
}

fn name_of(view: &View, id: u64) -> String {
    view.members
        .iter()
        .find(|member| member.id == id)
        .map_or_else(|| format!("node {id}"), |member| member.name.clone())
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Leader => "leader",
        Role::Follower => "follower",
        Role::Candidate => "candidate",
        Role::Learner => "learner",
        Role::Stopped => "stopped",
    }
}
