//! `GET /v1/cluster/autopilot`: the health of every member, in the shape that operators of Vault and Nomad know.

use std::collections::BTreeMap;

use axum::extract::State;
use exchequer_state::settings::schema;

use super::view::{Member, View};
use crate::app::App;
use crate::dto::{Autopilot, AutopilotServer};
use crate::extract::Params;
use crate::problem::Refused;
use crate::read::{Freshness, Limit, Seen};
use crate::route::Route;
use exchequer_state::people::Permission;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/cluster/autopilot", autopilot)
            .needs(Permission::StatusRead)
            .says("The health of every member, and the settings of the autopilot"),
    ]
}

async fn autopilot(State(app): State<App>, mut params: Params) -> Result<Seen<Autopilot>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Local(Limit::None))?;
    params.end()?;
    let seen = View::look(&app, freshness, |state| {
        let ours = schema::ALL.iter().filter(|setting| setting.key.starts_with("autopilot."));
        let values = ours.map(|setting| (setting.key.to_owned(), state.settings().value(setting).to_string()));
        Ok(values.collect::<BTreeMap<_, _>>())
    });
    Ok(seen.await?.map(|(view, settings)| Autopilot {
        healthy: view.leader().is_some() && view.members.iter().all(|member| view.healthy(member)),
        failure_tolerance: view.failure_tolerance(),
        leader: view.status.leader.as_ref().map(|(id, _)| *id),
        voters: view.voters().map(|voter| voter.id).collect(),
        servers: view.members.iter().map(|member| server(&view, member)).collect(),
        settings,
    }))
}

fn server(view: &View, member: &Member) -> AutopilotServer {
    let alive = member.heard_within(view.limits.last_contact_max);
    AutopilotServer {
        id: member.id,
        name: member.name.clone(),
        address: member.address.clone(),
        node_status: if alive { "alive" } else { "failed" }.to_owned(),
        version: member.release.clone(),
        leader: member.leader,
        voter: member.voter,
        healthy: view.healthy(member),
        last_contact_ms: member.silence_ms(),
        last_term: member.term,
        last_index: member.last_index,
        stable_since: member.stable_since.map(|since| since.to_string()),
    }
}
