//! The settings: what holds, and changing it.

use axum::extract::State;
use exchequer_domain::{Code, Problem};
use exchequer_state::people::Permission;
use exchequer_state::settings::{
    Danger, Key, KeyError, Kind, Place, Scope, SettingChange, Settings, Value, history_key, schema,
};
use exchequer_state::{
    Body as Change, Done, Family, Rejection, RevertSettings, Rows, SetSetting, State as Replicated, UnsetSetting,
};

use crate::app::App;
use crate::auth::{Caller, Stepped};
use crate::dto;
use crate::dto::shapes;
use crate::extract::{Body, Name, Params, reason};
use crate::openapi::Param;
use crate::problem::Refused;
use crate::read::{Freshness, Limit, Seen, unreadable};
use crate::route::Route;
use crate::submit::Committed;

/// When a setting asks for a second factor.
const FRESH: &str = "A setting of danger level 3 wants a second factor that was shown just now; one of `people.` also the \
                     permission people.change.";

pub(crate) fn routes() -> Vec<Route> {
    let key = || Param::text::<shapes::SettingKey>("key", "Its key, with a place where the value is for that place");
    vec![
        Route::get("/v1/settings", list).needs(Permission::ConfigurationRead).says("All settings"),
        Route::get("/v1/settings/{key}", one)
            .needs(Permission::ConfigurationRead)
            .says("One setting, or what holds in a place")
            .named(key()),
        Route::put("/v1/settings/{key}", set)
            .approvable()
            .needs(Permission::ConfigurationChange)
            .danger(Danger::Level1)
            .fresh_sometimes()
            .says("Changes a setting")
            .more(FRESH)
            .named(key()),
        Route::post("/v1/settings/{key}/unset", unset)
            .approvable()
            .needs(Permission::ConfigurationChange)
            .danger(Danger::Level1)
            .fresh_sometimes()
            .says("Takes a setting's value away: the less specific one holds again, or the default")
            .more(FRESH)
            .named(key()),
        Route::post("/v1/settings/revert", revert)
            .approvable()
            .needs(Permission::ConfigurationChange)
            .danger(Danger::Level2)
            .fresh_sometimes()
            .says("Gives all settings the values of a revision")
            .more(FRESH),
    ]
}

async fn list(State(app): State<App>, mut params: Params) -> Result<Seen<dto::Settings>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let seen = app.read_rows(freshness, |state, rows| {
        let settings = state.settings();
        let view = |setting| view(&Key { setting, place: Place::Everywhere }, settings, rows);
        let all = schema::ALL.iter().map(view).collect::<Result<Vec<_>, Problem>>()?;
        Ok(dto::Settings { revision: settings.revision(), settings: all })
    });
    Ok(seen.await?)
}

async fn one(State(app): State<App>, Name(key): Name, mut params: Params) -> Result<Seen<dto::Setting>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let key = find(&key)?;
    let seen = app.read_rows(freshness, move |state, rows| view(&key, state.settings(), rows));
    Ok(seen.await?)
}

/// Asks for what the most dangerous of the settings that a request touches asks for.
fn check_fresh(stepped: &Stepped, danger: Danger) -> Result<(), Problem> {
    if danger >= Danger::Level3 { stepped.check() } else { Ok(()) }
}

async fn set(
    State(app): State<App>,
    caller: Caller,
    stepped: Stepped,
    Name(key): Name,
    Body(request): Body<dto::SetSetting>,
) -> Result<Committed<dto::SettingSet>, Refused> {
    let known = find(&key)?;
    check_fresh(&stepped, known.setting.danger)?;
    let value = Value::parse(&request.value, &known.setting.kind)?;
    let reason = reason(request.reason)?;
    let id = app.command_id(request.command_id.as_deref())?;
    let text = value.to_string();
    let command = SetSetting { key, value, if_revision: request.if_revision, reason };
    let effect = app.submit_as(caller.0, id, Change::SetSetting(command)).await?;
    let Done::SettingChanged { revision } = effect.done else { return Err(effect.unexpected()) };
    let (key, command_id) = (known.to_string(), id.to_string());
    Ok(Committed(id, dto::SettingSet { key, value: text, revision, index: effect.index, command_id }))
}

async fn unset(
    State(app): State<App>,
    caller: Caller,
    stepped: Stepped,
    Name(key): Name,
    Body(request): Body<dto::UnsetSetting>,
) -> Result<Committed<dto::SettingUnset>, Refused> {
    let known = find(&key)?;
    check_fresh(&stepped, known.setting.danger)?;
    let reason = reason(request.reason)?;
    let id = app.command_id(request.command_id.as_deref())?;
    let command = UnsetSetting { key, if_revision: request.if_revision, reason };
    let effect = app.submit_as(caller.0, id, Change::UnsetSetting(command)).await?;
    let Done::SettingChanged { revision } = effect.done else { return Err(effect.unexpected()) };
    let (key, command_id) = (known.to_string(), id.to_string());
    Ok(Committed(id, dto::SettingUnset { key, revision, index: effect.index, command_id }))
}

async fn revert(
    State(app): State<App>,
    caller: Caller,
    stepped: Stepped,
    Body(request): Body<dto::RevertSettings>,
) -> Result<Committed<dto::SettingsReverted>, Refused> {
    let reason = reason(request.reason)?;
    // A session comes through a node that is in touch; what changes this very moment is still the log's to refuse.
    let touched = |state: &Replicated| Ok(state.settings().danger_of_revert(request.to_revision));
    check_fresh(&stepped, app.read(Freshness::Local(Limit::None), touched).await?.value)?;
    let id = app.command_id(request.command_id.as_deref())?;
    let command = RevertSettings { to_revision: request.to_revision, if_revision: request.if_revision, reason };
    let effect = app.submit_as(caller.0, id, Change::RevertSettings(command)).await?;
    let Done::SettingsReverted { revision, changed } = effect.done else { return Err(effect.unexpected()) };
    let command_id = id.to_string();
    Ok(Committed(id, dto::SettingsReverted { revision, changed, index: effect.index, command_id }))
}

/// The setting and the place of this key.
pub(super) fn find(key: &str) -> Result<Key, Problem> {
    Key::parse(key).map_err(|error| match error {
        KeyError::Unknown => {
            Rejection::SettingUnknown { key: key.chars().take(KEY_CHARS_SHOWN_MAX).collect() }.problem()
        }
        KeyError::Place(setting) => Rejection::SettingPlace { key: setting.key.to_owned() }.problem(),
    })
}

/// A wrong key is echoed up to this length.
const KEY_CHARS_SHOWN_MAX: usize = 64;

pub(super) fn view(key: &Key, settings: &Settings, rows: &dyn Rows) -> Result<dto::Setting, Problem> {
    let setting = key.setting;
    let (kind, min, max, choices) = kind(&setting.kind);
    let (value, from) = settings.value_for(setting, Scope::of(key.place));
    let set = settings.state(&key.to_string());
    let overrides = settings.overrides_of(setting).filter(|_| key.place == Place::Everywhere);
    let overrides = overrides.filter_map(|(key, state)| {
        Some(dto::SettingOverride {
            key: key.to_string(),
            value: state.value.as_ref()?.to_string(),
            revision: state.revision,
        })
    });
    Ok(dto::Setting {
        key: key.to_string(),
        value: value.to_string(),
        default: setting.default.value().to_string(),
        is_default: from.is_none(),
        kind: kind.to_owned(),
        min: min.map(|value| value.to_string()),
        max: max.map(|value| value.to_string()),
        choices,
        takes: setting.kind.to_string(),
        danger: setting.danger as u8,
        description: setting.description.to_owned(),
        revision: set.map_or(0, |set| set.revision),
        changed: set.map(|set| changed(set.revision, rows)).transpose()?,
        places: setting.scoping.as_str().to_owned(),
        from: from.map(|place| Key { setting, place }.to_string()),
        overrides: overrides.collect(),
        guard_percent: setting.guard_percent,
        takes_effect: setting.effect.as_str().to_owned(),
    })
}

fn kind(kind: &Kind) -> (&'static str, Option<Value>, Option<Value>, Vec<String>) {
    match kind {
        Kind::Bool => ("bool", None, None, Vec::new()),
        Kind::Integer { min, max } => ("integer", Some(Value::Integer(*min)), Some(Value::Integer(*max)), Vec::new()),
        Kind::Duration { min, max } => {
            ("duration", Some(Value::DurationUs(*min)), Some(Value::DurationUs(*max)), Vec::new())
        }
        Kind::Bytes { min, max } => ("bytes", Some(Value::Bytes(*min)), Some(Value::Bytes(*max)), Vec::new()),
        Kind::Choice(words) => ("choice", None, None, words.iter().map(|word| (*word).to_owned()).collect()),
    }
}

fn changed(revision: u64, rows: &dyn Rows) -> Result<dto::Changed, Problem> {
    let row = rows.get(Family::History, &history_key(revision)).map_err(unreadable)?;
    let missing = || Problem::new(Code::InvariantBroken, format!("revision {revision} of the settings has no history"));
    let change = SettingChange::decode(&row.ok_or_else(missing)?).map_err(unreadable)?;
    Ok(who(&change))
}

/// Who made a change, why and when.
pub(super) fn who(change: &SettingChange) -> dto::Changed {
    dto::Changed { by: change.actor.to_string(), reason: change.reason.clone(), at: change.time.to_string() }
}
