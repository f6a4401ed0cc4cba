//! Flags: what is switched on for whom, and changing it.

use axum::extract::State;
use exchequer_domain::{Network, Problem};
use exchequer_state::flags::{Flag, PERMILLE_MAX, Rule};
use exchequer_state::people::Permission;
use exchequer_state::settings::Danger;
use exchequer_state::{Body as Change, Done, Rejection, RemoveFlag, SetFlag};

use super::networks::parse_network;
use crate::app::App;
use crate::auth::Caller;
use crate::dto;
use crate::dto::shapes;
use crate::extract::{Body, Name, Params, reason};
use crate::openapi::Param;
use crate::problem::Refused;
use crate::read::{Freshness, Seen};
use crate::route::Route;
use crate::submit::Committed;
use crate::words::parse_time;

pub(crate) fn routes() -> Vec<Route> {
    let name = || Param::text::<shapes::FlagName>("name", "The flag");
    vec![
        Route::get("/v1/flags", list).says("All flags").needs(Permission::ConfigurationRead),
        Route::get("/v1/flags/{name}", one).says("One flag").named(name()).needs(Permission::ConfigurationRead),
        Route::get("/v1/flags/{name}/check", check)
            .says("Whether a flag is on for a subject, and why")
            .named(name())
            .asks([
                Param::text::<shapes::Subject>("subject", "For whom").needed(),
                Param::text::<shapes::NetworkName>("network", "On which network"),
            ])
            .needs(Permission::ConfigurationRead),
        Route::put("/v1/flags/{name}", set)
            .says("Makes a flag, or gives one another rule")
            .named(name())
            .needs(Permission::ConfigurationChange)
            .danger(Danger::Level1),
        Route::post("/v1/flags/{name}/remove", remove)
            .says("Removes a flag: it is off from then on")
            .named(name())
            .needs(Permission::ConfigurationChange)
            .danger(Danger::Level1),
    ]
}

async fn list(State(app): State<App>, mut params: Params) -> Result<Seen<dto::Flags>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let seen = app.read(freshness, |state| {
        Ok(dto::Flags { flags: state.flags().iter().map(|flag| view(flag, state.time())).collect() })
    });
    Ok(seen.await?)
}

async fn one(State(app): State<App>, Name(name): Name, mut params: Params) -> Result<Seen<dto::Flag>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let seen = app.read(freshness, |state| {
        let flag = state.flags().get(&name).ok_or_else(|| Rejection::FlagUnknown.problem())?;
        Ok(view(flag, state.time()))
    });
    Ok(seen.await?)
}

async fn check(
    State(app): State<App>,
    Name(name): Name,
    mut params: Params,
) -> Result<Seen<dto::FlagChecked>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    let subject = params.take("subject")?.unwrap_or_default();
    let network = params.take("network")?.map(|text| parse_network(&text)).transpose()?;
    params.end()?;
    let seen = app.read(freshness, |state| {
        let verdict = state.flags().judge(&name, &subject, network, state.time());
        let (on, why) = (verdict.is_on, verdict.why.to_string());
        Ok(dto::FlagChecked { name: name.clone(), subject: subject.clone(), on, why })
    });
    Ok(seen.await?)
}

async fn set(
    State(app): State<App>,
    caller: Caller,
    Name(name): Name,
    Body(request): Body<dto::SetFlag>,
) -> Result<Committed<dto::FlagSet>, Refused> {
    let reason = reason(request.reason)?;
    let id = app.command_id(request.command_id.as_deref())?;
    let networks = request.networks.unwrap_or_default();
    let networks = networks.iter().map(|text| parse_network(text)).collect::<Result<Vec<Network>, Problem>>()?;
    let expires_at = request.expires_at.map(|text| parse_time("expires_at", &text)).transpose()?;
    let sorted = |mut subjects: Vec<String>| {
        subjects.sort_unstable();
        subjects.dedup();
        subjects
    };
    let mut rule = Rule {
        on: request.on,
        permille: request.permille.unwrap_or(PERMILLE_MAX),
        allowed: sorted(request.allowed.unwrap_or_default()),
        networks,
        expires_at,
    };
    rule.networks.sort_unstable();
    rule.networks.dedup();
    let summary = rule.summary();
    let (description, if_version) = (request.description, request.if_version);
    let command = SetFlag { name: name.clone(), description, rule, if_version, reason };
    let effect = app.submit_as(caller.0, id, Change::SetFlag(command)).await?;
    let Done::FlagSet { version } = effect.done else { return Err(effect.unexpected()) };
    let (index, command_id) = (effect.index, id.to_string());
    Ok(Committed(id, dto::FlagSet { name, version, summary, index, command_id }))
}

async fn remove(
    State(app): State<App>,
    caller: Caller,
    Name(name): Name,
    Body(request): Body<dto::RemoveNamed>,
) -> Result<Committed<dto::NamedRemoved>, Refused> {
    let reason = reason(request.reason)?;
    let id = app.command_id(request.command_id.as_deref())?;
    let command = RemoveFlag { name: name.clone(), reason };
    let effect = app.submit_as(caller.0, id, Change::RemoveFlag(command)).await?;
    let Done::FlagRemoved = effect.done else { return Err(effect.unexpected()) };
    Ok(Committed(id, dto::NamedRemoved { name, index: effect.index, command_id: id.to_string() }))
}

fn view(flag: &Flag, now: exchequer_domain::Timestamp) -> dto::Flag {
    let rule = &flag.rule;
    let changes = flag.changes.iter().rev().map(|change| dto::FlagChange {
        version: change.version,
        summary: change.summary.clone(),
        changed: dto::Changed {
            by: change.actor.to_string(),
            reason: change.reason.clone(),
            at: change.time.to_string(),
        },
    });
    dto::Flag {
        name: flag.name.clone(),
        description: flag.description.clone(),
        summary: rule.summary(),
        on: rule.on,
        permille: rule.permille,
        allowed: rule.allowed.clone(),
        networks: rule.networks.iter().map(|network| network.to_string()).collect(),
        expires_at: rule.expires_at.map(|at| at.to_string()),
        expired: rule.expires_at.is_some_and(|at| now >= at),
        version: flag.version,
        changes: changes.collect(),
    }
}
