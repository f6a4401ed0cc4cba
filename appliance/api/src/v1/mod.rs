//! `/v1`, one file for each group of routes.

mod audit;
mod autopilot;
mod cluster;
mod commands;
mod keyring;
mod peers;
mod scratch;
mod settings;
mod settings_history;
mod snapshot;
mod status;
mod token;
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
        audit::routes(),
        scratch::routes(),
        commands::routes(),
        snapshot::routes(),
        keyring::routes(),
        token::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
