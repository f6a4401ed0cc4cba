//! What a change of a setting would come to, before anyone makes it.

use axum::extract::State;
use exchequer_state::people::Permission;
use exchequer_state::settings::{Key, Place, Value};

use super::settings::find;
use crate::app::App;
use crate::dto;
use crate::dto::shapes;
use crate::extract::Params;
use crate::openapi::Param;
use crate::problem::Refused;
use crate::read::{Freshness, Seen};
use crate::route::Route;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/settings/preview", preview)
            .says("What a change of a setting would come to")
            .needs(Permission::ConfigurationRead)
            .asks([
                Param::text::<shapes::SettingKey>("key", "Its key, with a place where the value is for that place")
                    .needed(),
                Param::text::<shapes::SettingValue>("value", "The value; where none is given, it is taken away"),
            ]),
    ]
}

async fn preview(State(app): State<App>, mut params: Params) -> Result<Seen<dto::SettingPreview>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    let key = find(&params.take("key")?.unwrap_or_default())?;
    let value = params.take("value")?.map(|text| Value::parse(&text, &key.setting.kind)).transpose()?;
    params.end()?;
    let seen = app.read(freshness, |state| {
        let (settings, now) = (state.settings(), state.time());
        let text = key.to_string();
        let (from, to) = (settings.value_at(&key), settings.value_after(&key, value.as_ref()));
        Ok(dto::SettingPreview {
            revision: settings.revision_of(&text),
            key: text.clone(),
            changes: from != to,
            from: from.to_string(),
            to: to.to_string(),
            takes_effect: key.setting.effect.as_str().to_owned(),
            danger: key.setting.danger as u8,
            needs_second_person: settings.change_needs_second_person(&text, value.as_ref(), now),
            not_in: settings
                .overrides_of(key.setting)
                .filter(|(own, _)| is_inside(own, &key))
                .map(|(own, _)| own.to_string())
                .collect(),
        })
    });
    Ok(seen.await?)
}

/// Whether a value that stands there goes on to hold where the change does not reach.
fn is_inside(own: &Key, changed: &Key) -> bool {
    let covers = match (changed.place, own.place) {
        (Place::Everywhere, _) => true,
        (place, Place::Worker(worker)) => place.covers(worker),
        (Place::Kind(kind), Place::KindOnNetwork(own, _)) => own == kind,
        (Place::Network(network), Place::KindOnNetwork(_, own)) => own == network,
        (Place::Kind(kind), Place::Network(_)) => kind.has_network(),
        (Place::Asset(asset), Place::AssetOnNetwork(own, _)) => own == asset,
        (Place::Network(network), Place::AssetOnNetwork(_, own)) => own == network,
        (Place::Network(_), Place::Asset(_)) => true,
        (_, _) => false,
    };
    covers && own.place > changed.place
}
