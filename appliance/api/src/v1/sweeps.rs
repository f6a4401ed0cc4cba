//! Sweeps: the plans, what lies on deposit addresses, and why it is not swept.

use axum::extract::State;
use exchequer_domain::{Code, Network, Problem, Timestamp, format_decimal};
use exchequer_state::custody;
use exchequer_state::people::Permission;
use exchequer_state::sweeps::{HoldingKey, SweepId, SweepPlan, SweepStatus};
use exchequer_state::{Rows, State as Replicated};

use super::networks::parse_network;
use super::withdrawals::number;
use crate::app::App;
use crate::chain_text;
use crate::dto::{self, shapes};
use crate::extract::{Name, Params};
use crate::money::asset_of;
use crate::openapi::Param;
use crate::problem::Refused;
use crate::read::{Freshness, Seen};
use crate::route::Route;

/// Sweeps, or holdings, of one answer.
const LIMIT_MAX: u64 = 500;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/sweeps", list)
            .says("Plans to sweep deposits, the newest first")
            .more("Open ones and those that are over.")
            .needs(Permission::UsersRead)
            .asks([
                Param::text::<shapes::NetworkName>("network", "On this network only"),
                Param::number("before", 1, u64::MAX, "Those before this number"),
                Param::number("limit", 1, LIMIT_MAX, "Sweeps in the answer, at most"),
            ]),
        Route::get("/v1/sweeps/{sweep}", one)
            .says("One sweep, open or over")
            .named(Param::number("sweep", 1, u64::MAX, "The sweep's number"))
            .needs(Permission::UsersRead),
        Route::get("/v1/holdings", holdings)
            .says("What lies on deposit addresses of a network, and why it is not swept")
            .more("Of one address, or of all from an index on; addresses on which nothing lies are left out.")
            .needs(Permission::UsersRead)
            .asks([
                Param::text::<shapes::NetworkName>("network", "On this network").needed(),
                Param::text::<shapes::ChainAddressText>("address", "On this address only"),
                Param::number("from", 0, u32::MAX.into(), "From this index of the pool on"),
                Param::number("limit", 1, LIMIT_MAX, "Holdings in the answer, at most"),
            ]),
    ]
}

fn view(state: &Replicated, plan: &SweepPlan) -> Result<dto::Sweep, Problem> {
    let (mut gas, mut payout, mut why) = (None, None, plan.why.clone());
    match &plan.status {
        SweepStatus::NeedsGas { amount } => {
            let coin = state.custody().listed(plan.of.network, None);
            let coin = coin.map(|listing| asset_of(state, listing.asset)).transpose()?;
            gas = coin.map(|coin| format_decimal(*amount, coin.decimals));
        }
        SweepStatus::GasPending { payout: by }
        | SweepStatus::Sweeping { payout: by }
        | SweepStatus::Done { payout: by } => {
            payout = Some(by.0);
        }
        SweepStatus::Failed { why: failed } => why = failed.clone(),
        SweepStatus::Ready => {}
    }
    Ok(dto::Sweep {
        sweep: plan.id.0,
        network: plan.of.network.to_string(),
        asset: asset_of(state, plan.of.asset)?.code.clone(),
        index: plan.of.index,
        state: plan.status.stage().as_str().to_owned(),
        gas,
        payout,
        why,
        top_ups: plan.top_ups.iter().map(|payout| payout.0).collect(),
        made_at: plan.made.to_string(),
        moved_at: plan.moved.to_string(),
    })
}

async fn list(State(app): State<App>, mut params: Params) -> Result<Seen<dto::Sweeps>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    let network = params.take("network")?.map(|text| parse_network(&text)).transpose()?;
    let before = params.number("before", 1..=u64::MAX)?.map_or(SweepId(u64::MAX), SweepId);
    let limit = params.number("limit", 1..=LIMIT_MAX)?.unwrap_or(LIMIT_MAX);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    params.end()?;
    let seen = app.read_rows(freshness, move |state, rows| {
        let fits = |plan: &SweepPlan| plan.id < before && network.is_none_or(|network| network == plan.of.network);
        let all = Network::ALL.iter().flat_map(|network| state.sweeps().plans(*network));
        let mut found: Vec<SweepPlan> = all.filter(|plan| fits(plan)).cloned().collect();
        let over = state.sweeps_over(rows, before, limit).map_err(|halt| halt.problem())?;
        found.extend(over.into_iter().filter(|plan| fits(plan)));
        found.sort_unstable_by_key(|plan| std::cmp::Reverse(plan.id));
        found.truncate(limit);
        let sweeps = found.iter().map(|plan| view(state, plan)).collect::<Result<_, _>>()?;
        Ok(dto::Sweeps { sweeps })
    });
    Ok(seen.await?)
}

async fn one(State(app): State<App>, Name(text): Name, mut params: Params) -> Result<Seen<dto::Sweep>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let id = SweepId(number(&text, "sweep")?);
    let seen = app.read_rows(freshness, move |state, rows| {
        let found = state.sweep_plan(rows, id).map_err(|halt| halt.problem())?;
        let unknown = || Problem::new(Code::NotFound, format!("there is no sweep {id}"));
        view(state, &found.ok_or_else(unknown)?)
    });
    Ok(seen.await?)
}

/// What a plan waits for, in words.
fn waits_for(state: &Replicated, plan: &SweepPlan, top_ups: usize) -> String {
    let often = exchequer_state::gas::TOP_UPS_OF_ADDRESS_MAX;
    match &plan.status {
        SweepStatus::NeedsGas { .. } if top_ups >= often => {
            format!("it waits for gas: the address got some {often} times within 24 hours, which is the most")
        }
        SweepStatus::NeedsGas { .. } => {
            let known = state.gas().book(plan.of.network).is_some();
            let more = if known {
                "see `exchequer gas status` where that takes long"
            } else {
                "no gas worker has told anything yet"
            };
            format!("it waits for gas: {more}")
        }
        SweepStatus::GasPending { payout } => format!("gas is brought to it by payout {payout}, which is not final"),
        SweepStatus::Ready => "its transfer is decided next".to_owned(),
        SweepStatus::Sweeping { payout } => format!("it is on its way as payout {payout}"),
        SweepStatus::Done { .. } | SweepStatus::Failed { .. } => plan.why.clone(),
    }
}

fn holding(
    state: &Replicated,
    rows: &dyn Rows,
    one: &exchequer_state::sweeps::Holding,
    now: Timestamp,
) -> Result<dto::Holding, Problem> {
    let HoldingKey { network, index, asset } = one.key;
    let (mut address, mut held, mut top_ups) = (None, false, 0);
    if let Some(index) = index {
        let pooled = custody::given_addresses(rows, network.family(), index, 1).map_err(|halt| halt.problem())?;
        address = pooled.first().filter(|(found, _)| *found == index).map(|(_, pooled)| pooled.address.clone());
        held = state.is_address_held(rows, network, index).map_err(|halt| halt.problem())?;
        top_ups = address.as_ref().map_or(0, |address| state.gas().top_ups(network, address, now));
    }
    let plan = state.sweeps().of(one.key);
    let said = one.told.as_ref();
    let nothing = || "nothing was said yet: see whether the consolidation worker of the network runs".to_owned();
    let why = match plan {
        Some(plan) => waits_for(state, plan, top_ups),
        None => said.map_or_else(nothing, |told| told.why.clone()),
    };
    Ok(dto::Holding {
        index,
        address: address.map(|address| address.to_string()),
        asset: asset_of(state, asset)?.code.clone(),
        free: one.free.to_string(),
        on_its_way: one.reserved.to_string(),
        since: one.since.to_string(),
        waiting: one.waiting(),
        held,
        why,
        said_at: said.filter(|_| plan.is_none()).map(|told| told.at.to_string()),
        sweep: plan.map(|plan| view(state, plan)).transpose()?,
        top_ups: u32::try_from(top_ups).unwrap_or(u32::MAX),
    })
}

async fn holdings(State(app): State<App>, mut params: Params) -> Result<Seen<dto::Holdings>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    let network = params.take("network")?.map(|text| parse_network(&text)).transpose()?;
    let network = network.ok_or_else(|| Problem::new(Code::BadRequest, "give `network`"))?;
    let address = params.take("address")?;
    let from: u32 = params.number("from", 0..=u32::MAX)?.unwrap_or(0);
    let limit = params.number("limit", 1..=LIMIT_MAX)?.unwrap_or(LIMIT_MAX);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    params.end()?;
    let seen = app.read_rows(freshness, move |state, rows| {
        let wanted = match &address {
            Some(text) => {
                let address = chain_text::address(state, network, "address", text)?;
                let index = custody::index_of(rows, network, &address).map_err(|halt| halt.problem())?;
                let unknown =
                    || Problem::new(Code::NotFound, format!("{address} is no deposit address of the exchange"));
                Some(index.ok_or_else(unknown)?)
            }
            None => None,
        };
        let first = wanted.unwrap_or(from);
        // Behind the last asset of the index before it.
        let after = first.checked_sub(1).map(|index| HoldingKey {
            network,
            index: Some(index),
            asset: exchequer_state::ledger::Asset(u32::MAX),
        });
        let page = state.holdings(rows, network, after, limit).map_err(|halt| halt.problem())?;
        let fits = |one: &&exchequer_state::sweeps::Holding| wanted.is_none_or(|index| one.key.index == Some(index));
        let now = state.time();
        let holdings = page.iter().filter(fits).map(|one| holding(state, rows, one, now)).collect::<Result<_, _>>()?;
        Ok(dto::Holdings { network: network.to_string(), holdings })
    });
    Ok(seen.await?)
}
