//! `GET /v1/cluster/peers`: the members. Every node answers, however old what it knows is.

use axum::extract::State;

use super::view::{Member, View};
use crate::app::App;
use crate::dto::{Peer, Peers};
use crate::extract::Params;
use crate::problem::Refused;
use crate::read::{Freshness, Limit, Seen};
use crate::route::Route;
use exchequer_state::people::Permission;

pub(crate) fn routes() -> Vec<Route> {
    vec![Route::get("/v1/cluster/peers", peers).needs(Permission::StatusRead).says("The members")]
}

async fn peers(State(app): State<App>, mut params: Params) -> Result<Seen<Peers>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Local(Limit::None))?;
    params.end()?;
    let seen = View::look(&app, freshness, |_| Ok(())).await?;
    Ok(seen.map(|(view, ())| Peers {
        from: view.status.node,
        peers: view.members.iter().map(|member| peer(&view, member)).collect(),
    }))
}

fn peer(view: &View, member: &Member) -> Peer {
    let state = match (member.reachable(), member.leader, member.voter) {
        (false, _, _) => "unreachable",
        (true, true, _) => "leader",
        (true, false, true) => "follower",
        (true, false, false) => "learner",
    };
    Peer {
        node: member.name.clone(),
        id: member.id,
        address: member.address.clone(),
        api_address: member.api_address.clone(),
        state: state.to_owned(),
        voter: member.voter,
        term: member.term,
        last_index: member.last_index,
        applied: member.applied,
        trails_leader_by: view.trails(member),
        last_contact_ms: member.silence_ms(),
        snap_index: member.snapshot_index,
        version: member.release.clone(),
        stable_since: member.stable_since.map(|since| since.to_string()),
    }
}
