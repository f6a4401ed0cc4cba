//! Networks: what they are used for, what is switched on, and how they are reached.

use axum::extract::State;
use exchequer_domain::{Code, Network, Problem};
use exchequer_state::networks::{NetworkConfig, NetworkState, Operation};
use exchequer_state::people::Permission;
use exchequer_state::settings::Danger;
use exchequer_state::{Body as Change, ConfigureNetwork, ConfigureNetworkAsset, Done, State as Replicated};

use crate::app::App;
use crate::auth::{Caller, Stepped};
use crate::dto;
use crate::dto::shapes;
use crate::extract::{Body, Name, Params, reason};
use crate::money::units;
use crate::openapi::Param;
use crate::problem::Refused;
use crate::read::{Freshness, Seen};
use crate::route::Route;
use crate::submit::Committed;

pub(crate) fn routes() -> Vec<Route> {
    let network = || Param::text::<shapes::NetworkName>("network", "The network");
    vec![
        Route::get("/v1/networks", list).says("All networks").needs(Permission::ConfigurationRead),
        Route::get("/v1/networks/{network}", one)
            .says("One network")
            .named(network())
            .needs(Permission::ConfigurationRead),
        Route::put("/v1/networks/{network}", configure)
            .approvable()
            .says("Changes a network: its state, switches, confirmations, fee caps or endpoints")
            .more("All but its state and switches wants a second factor that was shown just now.")
            .named(network())
            .needs(Permission::NetworksChange)
            .danger(Danger::Level2)
            .fresh_sometimes(),
        Route::post("/v1/networks/{network}/assets", configure_asset)
            .says("Switches deposits, withdrawals and sweeps of an asset on a network")
            .named(network())
            .needs(Permission::NetworksChange)
            .danger(Danger::Level2),
    ]
}

async fn list(State(app): State<App>, mut params: Params) -> Result<Seen<dto::Networks>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let seen = app.read(freshness, |state| {
        Ok(dto::Networks { networks: state.networks().iter().map(|config| view(state, config)).collect() })
    });
    Ok(seen.await?)
}

async fn one(State(app): State<App>, Name(name): Name, mut params: Params) -> Result<Seen<dto::Network>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let network = known(&name)?;
    Ok(app.read(freshness, |state| Ok(view(state, state.networks().get(network)))).await?)
}

async fn configure(
    State(app): State<App>,
    caller: Caller,
    stepped: Stepped,
    Name(name): Name,
    Body(request): Body<dto::ConfigureNetwork>,
) -> Result<Committed<dto::NetworkConfigured>, Refused> {
    let network = known(&name)?;
    let counts = request.tradable.is_some() || request.withdrawable.is_some();
    let costs = request.fee_rate_max.is_some() || request.fee_max.is_some();
    // Switching is what is done in a hurry.
    if counts || costs || request.endpoints.is_some() {
        stepped.check()?;
    }
    let reason = reason(request.reason)?;
    let id = app.command_id(request.command_id.as_deref())?;
    let command = ConfigureNetwork {
        network,
        state: request.state.map(|text| parse_state(&text)).transpose()?,
        deposits: request.deposits,
        withdrawals: request.withdrawals,
        sweeps: request.sweeps,
        tradable: request.tradable,
        withdrawable: request.withdrawable,
        fee_rate_max: units("fee_rate_max", request.fee_rate_max.as_deref())?,
        fee_max: units("fee_max", request.fee_max.as_deref())?,
        endpoints: request.endpoints,
        if_version: request.if_version,
        reason,
    };
    let effect = app.submit_as(caller.0, id, Change::ConfigureNetwork(Box::new(command))).await?;
    let Done::NetworkConfigured { version } = effect.done else { return Err(effect.unexpected()) };
    let (network, version, command_id) = (name, Some(version), id.to_string());
    Ok(Committed(id, dto::NetworkConfigured { network, version, index: effect.index, command_id }))
}

async fn configure_asset(
    State(app): State<App>,
    caller: Caller,
    Name(name): Name,
    Body(request): Body<dto::ConfigureNetworkAsset>,
) -> Result<Committed<dto::NetworkConfigured>, Refused> {
    let network = known(&name)?;
    let reason = reason(request.reason)?;
    let id = app.command_id(request.command_id.as_deref())?;
    let code = request.asset;
    let asset = app.read(Freshness::Linearizable, |state| {
        let asset = state.assets().by_code(&code).map(|asset| asset.number);
        asset.ok_or_else(|| Problem::new(Code::AssetUnknown, "no asset has this code"))
    });
    let asset = asset.await?.value;
    let (deposits, withdrawals, sweeps) = (request.deposits, request.withdrawals, request.sweeps);
    let command = ConfigureNetworkAsset { network, asset, deposits, withdrawals, sweeps, reason };
    let effect = app.submit_as(caller.0, id, Change::ConfigureNetworkAsset(command)).await?;
    let Done::NetworkAssetConfigured = effect.done else { return Err(effect.unexpected()) };
    let (network, version, command_id) = (name, None, id.to_string());
    Ok(Committed(id, dto::NetworkConfigured { network, version, index: effect.index, command_id }))
}

/// A network in a path.
fn known(name: &str) -> Result<Network, Problem> {
    let unknown = || Problem::new(Code::NotFound, "there is no such network").hint("see `exchequer network list`");
    name.parse().map_err(|_| unknown())
}

/// A network in a query or a body.
pub(super) fn parse_network(text: &str) -> Result<Network, Problem> {
    text.parse().map_err(|error| Problem::new(Code::BadRequest, format!("{error}")))
}

fn parse_state(text: &str) -> Result<NetworkState, Problem> {
    let found = NetworkState::ALL.iter().copied().find(|state| state.as_str() == text);
    let words = || NetworkState::ALL.iter().map(|state| state.as_str()).collect::<Vec<_>>().join(", ");
    found.ok_or_else(|| Problem::new(Code::BadRequest, format!("`state` is one of {}", words())))
}

fn view(state: &Replicated, config: &NetworkConfig) -> dto::Network {
    let switch = |on, operation| dto::Switch {
        on,
        refused: state.may_on(config.network, operation).err().map(|why| why.to_string()),
    };
    let assets = state.networks().assets(config.network).filter_map(|(asset, switches)| {
        Some(dto::NetworkAsset {
            asset: state.assets().get(asset)?.code.clone(),
            deposits: switches.deposits,
            withdrawals: switches.withdrawals,
            sweeps: switches.sweeps,
        })
    });
    dto::Network {
        network: config.network.to_string(),
        state: config.state.as_str().to_owned(),
        deposits: switch(config.switches.deposits, Operation::Deposit),
        withdrawals: switch(config.switches.withdrawals, Operation::Withdrawal),
        sweeps: switch(config.switches.sweeps, Operation::Sweep),
        tradable: config.tradable,
        withdrawable: config.withdrawable,
        fee_rate_max: config.fee_rate_max.map(|units| units.to_string()),
        fee_max: config.fee_max.map(|units| units.to_string()),
        endpoints: config.endpoints.clone(),
        assets: assets.collect(),
        version: config.version,
        changed_at: (config.version > 0).then(|| config.changed_at.to_string()),
    }
}
