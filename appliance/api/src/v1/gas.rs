//! Gas: what fees are, what stations have and for how long, and what was spent on what.

use axum::extract::State;
use exchequer_domain::{Network, Problem, Timestamp, format_decimal};
use exchequer_state::State as Replicated;
use exchequer_state::custody::WalletRole;
use exchequer_state::gas::{GasBook, GasLevel, Runway};
use exchequer_state::people::Permission;
use exchequer_state::withdrawals::Payer;

use super::withdrawals::USD_DECIMALS;
use crate::app::App;
use crate::dto;
use crate::extract::Params;
use crate::money::asset_of;
use crate::problem::Refused;
use crate::read::{Freshness, Seen};
use crate::route::Route;

/// Decimals of a TRX in sun.
pub(super) const SUN_DECIMALS: u8 = 6;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/gas", gas)
            .says("What fees are on each network, what stations of gas have and how long it lasts, what was spent on what")
            .needs(Permission::ConfigurationRead),
    ]
}

async fn gas(State(app): State<App>, mut params: Params) -> Result<Seen<dto::Gas>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let seen = app.read(freshness, |state| {
        let now = state.time();
        let known = Network::ALL.iter().filter_map(|network| Some((*network, state.gas().book(*network)?)));
        let networks = known.filter_map(|(network, book)| of_network(state, network, book, now).transpose());
        Ok(dto::Gas { networks: networks.collect::<Result<_, Problem>>()? })
    });
    Ok(seen.await?)
}

/// None where the network's coin is not listed any more.
fn of_network(
    state: &Replicated,
    network: Network,
    book: &GasBook,
    now: Timestamp,
) -> Result<Option<dto::NetworkGas>, Problem> {
    let Some(listing) = state.custody().listed(network, None) else { return Ok(None) };
    let coin = asset_of(state, listing.asset)?;
    let amount = |minor: u128| format_decimal(minor, coin.decimals);
    let Some(budget) = state.gas_budget(network, now) else { return Ok(None) };
    let role_of = |wallet| state.custody().wallet(wallet).map(|wallet| wallet.role);
    let stations = book.stations().iter().map(|station| {
        let wallet = state.custody().wallet(station.wallet);
        let own =
            wallet.and_then(|wallet| wallet.addresses.iter().find(|own| own.index == station.index && !own.change));
        dto::GasStation {
            wallet: station.wallet.0,
            role: role_of(station.wallet).map_or("gone", WalletRole::as_str).to_owned(),
            index: station.index,
            address: own.map(|own| own.address.to_string()),
            balance: amount(station.balance),
            at: station.at.to_string(),
            stray: Some(book.stray(Payer { wallet: station.wallet, index: station.index }))
                .filter(|sun| *sun > 0)
                .map(|sun| format_decimal(sun.into(), SUN_DECIMALS)),
        }
    });
    let runway = |role: WalletRole| {
        let of = book.stations().iter().filter(|station| role_of(station.wallet) == Some(role));
        let balances: Vec<u128> = of.map(|station| station.balance).collect();
        let profile = book.profile(role).filter(|_| !balances.is_empty())?;
        let sum = balances.iter().fold(0_u128, |sum, one| sum.saturating_add(*one));
        let runway = profile.runway(now, sum);
        let hours = match runway {
            Runway::Hours(hours) => Some(hours),
            Runway::Beyond | Runway::Unknown => None,
        };
        Some(dto::GasRunway {
            role: role.as_str().to_owned(),
            balance: amount(sum),
            hourly: profile.average().map(amount),
            hours,
            level: GasLevel::of(runway).as_str().to_owned(),
        })
    };
    let spent = book.spent().map(|(of, spent)| dto::GasSpent {
        purpose: of.as_str().to_owned(),
        count: spent.count,
        fees: amount(spent.fees),
        each: amount(spent.fees.checked_div(spent.count.into()).unwrap_or(0)),
    });
    let loans = book.loans().iter().map(|loan| dto::GasLoan {
        wallet: loan.payer.wallet.0,
        index: loan.payer.index,
        to: loan.to.to_string(),
        stake: format_decimal(loan.sun.into(), SUN_DECIMALS),
        state: loan.stage.as_str().to_owned(),
        since: loan.since.to_string(),
    });
    Ok(Some(dto::NetworkGas {
        network: network.to_string(),
        asset: coin.code.clone(),
        fee: book.fee().map(|fee| fee.to_string()),
        fee_gate: book.gate().map(|gate| gate.to_string()),
        fee_hours: u32::try_from(book.fee_hours()).unwrap_or(u32::MAX),
        budget_usd: budget.whole_usd,
        topped_today: amount(budget.today),
        topped_today_usd: budget.today_usd_micros.map(|micros| format_decimal(micros, USD_DECIMALS)),
        budget_nearly_used: budget.is_nearly_used(),
        stations: stations.collect(),
        runways: [WalletRole::Gas, WalletRole::Hot].into_iter().filter_map(runway).collect(),
        spent: spent.collect(),
        loans: loans.collect(),
    }))
}
