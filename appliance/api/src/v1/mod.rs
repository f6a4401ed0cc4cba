//! `/v1`, one file for each group of routes.

mod addresses;
mod admins;
mod api_keys;
mod approvals;
mod assets;
mod attention;
mod audit;
mod autopilot;
mod cluster;
mod commands;
mod credentials;
mod custody;
mod deposits;
mod directives;
mod emergency;
mod event_streams;
mod events;
mod flags;
mod gas;
mod history;
mod jobs;
mod keyring;
mod ledger;
mod ledger_changes;
mod ledger_dry_run;
mod ledger_entries;
mod ledger_feed;
mod maintenance;
mod market_changes;
mod market_data;
mod markets;
mod networks;
mod orders;
mod payouts;
mod peers;
mod queues;
mod reconciliation;
mod rescans;
mod scratch;
mod secrets;
mod session;
mod settings;
mod settings_history;
mod settings_preview;
mod sign_ins;
mod snapshot;
mod statement;
mod status;
mod sweeps;
mod token;
mod users;
mod view;
mod withdrawal_policy;
mod withdrawals;
mod withdrawals_of_user;
mod worker_bulk;
mod worker_diagnosis;
mod worker_fleets;
mod worker_logs;
mod workers;

pub(crate) use self::view::HEARD_WITHIN;
use crate::route::Route;

pub(crate) fn routes() -> Vec<Route> {
    [
        status::routes(),
        history::routes(),
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
        events::routes(),
        event_streams::routes(),
        commands::routes(),
        snapshot::routes(),
        keyring::routes(),
        token::routes(),
        assets::routes(),
        session::routes(),
        sign_ins::routes(),
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
        workers::routes(),
        worker_fleets::routes(),
        worker_logs::routes(),
        worker_bulk::routes(),
        jobs::routes(),
        queues::routes(),
        directives::routes(),
        emergency::routes(),
        maintenance::routes(),
        approvals::routes(),
        custody::routes(),
        addresses::routes(),
        deposits::routes(),
        withdrawals_of_user::routes(),
        withdrawals::routes(),
        payouts::routes(),
        sweeps::routes(),
        gas::routes(),
        attention::routes(),
        rescans::routes(),
        withdrawal_policy::routes(),
        reconciliation::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
