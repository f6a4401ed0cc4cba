//! `/v1`, one file for each group of routes.

mod admins;
mod api_keys;
mod assets;
mod audit;
mod autopilot;
mod cluster;
mod commands;
mod credentials;
mod flags;
mod keyring;
mod ledger;
mod ledger_changes;
mod ledger_dry_run;
mod ledger_entries;
mod ledger_feed;
mod market_changes;
mod market_data;
mod markets;
mod networks;
mod orders;
mod peers;
mod scratch;
mod secrets;
mod session;
mod settings;
mod settings_history;
mod settings_preview;
mod snapshot;
mod statement;
mod status;
mod token;
mod users;
mod view;

use crate::route::Route;

pub(crate) fn routes() -> Vec<Route> {
    [
        status::routes(),
        peers::routes(),
        autopilot::routes(),
        cluster::routes(),
        settings::routes(),
        settings_history::routes(),
        settings_preview::routes(),
        flags::routes(),
        secrets::routes(),
        networks::routes(),
        audit::routes(),
        scratch::routes(),
        commands::routes(),
        snapshot::routes(),
        keyring::routes(),
        token::routes(),
        assets::routes(),
        session::routes(),
        credentials::routes(),
        admins::routes(),
        users::routes(),
        api_keys::routes(),
        markets::routes(),
        market_changes::routes(),
        market_data::routes(),
        orders::routes(),
        ledger::routes(),
        ledger_entries::routes(),
        ledger_changes::routes(),
        ledger_dry_run::routes(),
        ledger_feed::routes(),
        statement::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
