//! The exchange's wallets, the pools of deposit addresses, and what assets are on networks and worth.

use axum::extract::State;
use exchequer_domain::{Code, Family, Problem, format_decimal};
use exchequer_state::custody::{self, MAC_BYTES, Terms, WalletId, WalletRole};
use exchequer_state::people::Permission;
use exchequer_state::settings::Danger;
use exchequer_state::withdrawals::PRICE_AGE_MAX;
use exchequer_state::{
    Body as Change, Done, ListAsset, RegisterWallet, RetireWallet, SetPrice, State as Replicated, StockAddresses,
};

use super::networks::parse_network;
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Body, Name, Params, reason};
use crate::money::{amount, asset, asset_of, limit};
use crate::openapi::Param;
use crate::problem::Refused;
use crate::read::{Freshness, Seen};
use crate::route::Route;
use crate::submit::Committed;
use crate::{chain_text, dto, words};

/// Decimals of a price in dollars.
const USD_DECIMALS: u8 = 6;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/wallets", wallets).says("The exchange's wallets").needs(Permission::ConfigurationRead),
        Route::post("/v1/wallets", register)
            .says("Registers a wallet")
            .more("What pays for the exchange, and where deposits are gathered, is decided here.")
            .needs(Permission::NetworksChange)
            .danger(Danger::Level3)
            .approvable(),
        Route::post("/v1/wallets/{wallet}/retire", retire)
            .says("Takes a wallet out of use")
            .more("Its addresses stay the exchange's: what arrives there is still seen.")
            .named(Param::number("wallet", 1, u32::MAX.into(), "The wallet's number"))
            .needs(Permission::NetworksChange)
            .danger(Danger::Level2)
            .approvable(),
        Route::get("/v1/address-pools", pools)
            .says("How many deposit addresses wait for users")
            .needs(Permission::ConfigurationRead),
        Route::post("/v1/address-pools/stock", stock)
            .says("Puts deposit addresses into a pool by hand; the signer must vouch for each")
            .danger(Danger::Level2)
            .approvable(),
        Route::get("/v1/listings", listings)
            .says("Which assets there are on which networks, and on what terms")
            .needs(Permission::ConfigurationRead),
        Route::put("/v1/listings", list)
            .says("Lists an asset on a network, or gives its listing other terms")
            .more("A listing keeps its coin, and its decimals unless the token's contract counts otherwise.")
            .needs(Permission::NetworksChange)
            .danger(Danger::Level2)
            .approvable(),
        Route::get("/v1/prices", prices)
            .says("What assets are worth for limits and policies, and how old that is")
            .needs(Permission::ConfigurationRead),
        Route::put("/v1/prices", set_price)
            .says("Sets the reference price of an asset")
            .more("One that is far from the present one wants another person.")
            .needs(Permission::NetworksChange)
            .danger(Danger::Level1)
            .approvable(),
    ]
}

async fn wallets(State(app): State<App>, mut params: Params) -> Result<Seen<dto::Wallets>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let seen =
        app.read(freshness, |state| Ok(dto::Wallets { wallets: state.custody().wallets().map(wallet).collect() }));
    Ok(seen.await?)
}

fn wallet(wallet: &custody::Wallet) -> dto::Wallet {
    let addresses = wallet.addresses.iter().map(|own| dto::WalletAddress {
        address: own.address.to_string(),
        change: own.change,
        index: own.index,
    });
    dto::Wallet {
        wallet: wallet.id.0,
        name: wallet.name.clone(),
        role: wallet.role.as_str().to_owned(),
        family: chain_text::family_word(wallet.family).to_owned(),
        network: wallet.network.map(|network| network.to_string()),
        xpub: wallet.xpub.clone(),
        addresses: addresses.collect(),
        pinned: wallet.pinned,
        registered_at: wallet.registered_at.to_string(),
        retired_at: wallet.retired_at.map(|at| at.to_string()),
    }
}

fn parse_role(text: &str) -> Result<WalletRole, Problem> {
    let all = [WalletRole::Deposit, WalletRole::Hot, WalletRole::Gas, WalletRole::Cold];
    let found = all.into_iter().find(|role| role.as_str() == text);
    found.ok_or_else(|| Problem::new(Code::BadRequest, "`role` is one of deposit, hot, gas, cold"))
}

async fn register(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<dto::RegisterWallet>,
) -> Result<Committed<dto::WalletRegistered>, Refused> {
    let reason = reason(request.reason)?;
    let id = app.command_id(request.command_id.as_deref())?;
    let role = parse_role(&request.role)?;
    let network = request.network.as_deref().map(parse_network).transpose()?;
    let family = match (request.family.as_deref(), network) {
        (Some(word), _) => chain_text::parse_family(word)?,
        (None, Some(network)) => network.family(),
        (None, None) => return Err(Problem::new(Code::BadRequest, "give `network` or `family`").into()),
    };
    let by = network.unwrap_or(chain_text::network_of(family));
    let typed = request.addresses;
    let addresses = app.read(Freshness::Linearizable, |state| {
        let read = |own: &dto::WalletAddress| {
            let address = chain_text::address(state, by, "address", &own.address)?;
            Ok(custody::WalletAddress { address, change: own.change, index: own.index })
        };
        typed.iter().map(read).collect::<Result<Vec<_>, Problem>>()
    });
    let addresses = addresses.await?.value;
    let (name, xpub, pinned) = (request.name, request.xpub.unwrap_or_default(), request.pinned);
    let command = RegisterWallet { name, role, family, network, xpub, addresses, pinned, reason };
    let effect = app.submit_as(caller.0, id, Change::RegisterWallet(Box::new(command))).await?;
    let Done::WalletRegistered { wallet } = effect.done else { return Err(effect.unexpected()) };
    let answer = dto::WalletRegistered { wallet: wallet.0, index: effect.index, command_id: id.to_string() };
    Ok(Committed(id, answer))
}

async fn retire(
    State(app): State<App>,
    caller: Caller,
    Name(number): Name,
    Body(request): Body<dto::Reasoned>,
) -> Result<Committed<dto::MoneyChanged>, Refused> {
    let reason = reason(request.reason.clone())?;
    let number = number.parse().ok().filter(|_| number.bytes().all(|byte| byte.is_ascii_digit()));
    let wallet = number.map(WalletId).ok_or_else(|| Problem::new(Code::BadRequest, "a wallet has a number from 1"))?;
    let id = app.command_id(request.command_id.as_deref())?;
    let effect = app.submit_as(caller.0, id, Change::RetireWallet(RetireWallet { wallet, reason })).await?;
    let Done::WalletRetired = effect.done else { return Err(effect.unexpected()) };
    Ok(Committed(id, dto::MoneyChanged { index: effect.index, command_id: id.to_string() }))
}

async fn pools(State(app): State<App>, mut params: Params) -> Result<Seen<dto::AddressPools>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let seen = app.read(freshness, |state| {
        let pools = [Family::Bitcoin, Family::Evm, Family::Tron].map(|family| {
            let pool = state.custody().pool(family);
            let (family, waiting) = (chain_text::family_word(family).to_owned(), pool.stocked - pool.given);
            dto::AddressPool { family, stocked: pool.stocked, given: pool.given, waiting }
        });
        Ok(dto::AddressPools { pools: pools.into() })
    });
    Ok(seen.await?)
}

async fn stock(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<dto::StockAddresses>,
) -> Result<Committed<dto::AddressesStocked>, Refused> {
    let family = chain_text::parse_family(&request.family)?;
    let id = app.command_id(request.command_id.as_deref())?;
    let (first_index, typed) = (request.first_index, request.addresses);
    let entries = app.read(Freshness::Linearizable, |state| {
        let read = |stocked: &dto::StockedAddress| {
            let address = chain_text::address(state, chain_text::network_of(family), "address", &stocked.address)?;
            let mac = hex::decode(&stocked.mac).ok().and_then(|mac| <[u8; MAC_BYTES]>::try_from(mac).ok());
            let mac = mac.ok_or_else(|| Problem::new(Code::BadRequest, "`mac` is 64 hexadecimal digits"))?;
            Ok((address, mac))
        };
        typed.iter().map(read).collect::<Result<Vec<_>, Problem>>()
    });
    let command = StockAddresses { family, first_index, entries: entries.await?.value };
    let effect = app.submit_as(caller.0, id, Change::StockAddresses(command)).await?;
    let Done::AddressesStocked { next } = effect.done else { return Err(effect.unexpected()) };
    Ok(Committed(id, dto::AddressesStocked { next, index: effect.index, command_id: id.to_string() }))
}

async fn listings(State(app): State<App>, mut params: Params) -> Result<Seen<dto::Listings>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let seen = app.read(freshness, |state| {
        let listings = state.custody().listings().map(|listing| view(state, listing));
        Ok(dto::Listings { listings: listings.collect::<Result<_, _>>()? })
    });
    Ok(seen.await?)
}

fn view(state: &Replicated, listing: &custody::Listing) -> Result<dto::Listing, Problem> {
    let asset = asset_of(state, listing.asset)?;
    let amount = |units| format_decimal(units, asset.decimals);
    let terms = &listing.terms;
    Ok(dto::Listing {
        network: listing.network.to_string(),
        asset: asset.code.clone(),
        contract: listing.coin.as_ref().map(ToString::to_string),
        decimals: listing.decimals,
        deposit_min: amount(terms.deposit_min),
        withdrawal_min: amount(terms.withdrawal_min),
        withdrawal_max: amount(terms.withdrawal_max),
        withdrawal_step: amount(terms.withdrawal_step),
        withdrawal_fee: amount(terms.withdrawal_fee),
        dust: listing.dust.to_string(),
        version: listing.version,
        changed_at: listing.changed_at.to_string(),
    })
}

async fn list(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<dto::PutListing>,
) -> Result<Committed<dto::ListingPut>, Refused> {
    let network = parse_network(&request.network)?;
    let reason = reason(request.reason.clone())?;
    let id = app.command_id(request.command_id.as_deref())?;
    let read = app.read(Freshness::Linearizable, |state| {
        let asset = asset(state, &request.asset)?;
        let contract = request.contract.as_deref();
        let coin = contract.map(|text| chain_text::address(state, network, "contract", text)).transpose()?;
        let terms = Terms {
            deposit_min: limit("deposit_min", &request.deposit_min, asset.decimals)?,
            withdrawal_min: limit("withdrawal_min", &request.withdrawal_min, asset.decimals)?,
            withdrawal_max: amount("withdrawal_max", &request.withdrawal_max, asset.decimals)?,
            withdrawal_step: amount("withdrawal_step", &request.withdrawal_step, asset.decimals)?,
            withdrawal_fee: limit("withdrawal_fee", &request.withdrawal_fee, asset.decimals)?,
        };
        Ok((asset.number, coin, terms))
    });
    let (asset, coin, terms) = read.await?.value;
    let command = ListAsset { network, asset, coin, decimals: request.decimals, terms, reason };
    let effect = app.submit_as(caller.0, id, Change::ListAsset(Box::new(command))).await?;
    let Done::AssetListed { version } = effect.done else { return Err(effect.unexpected()) };
    Ok(Committed(id, dto::ListingPut { version, index: effect.index, command_id: id.to_string() }))
}

async fn prices(State(app): State<App>, mut params: Params) -> Result<Seen<dto::ReferencePrices>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let seen = app.read(freshness, |state| {
        let prices = state.assets().iter().filter_map(|asset| {
            let price = state.custody().price(asset.number)?;
            let age = state.time().since(price.at);
            Some(dto::ReferencePrice {
                asset: asset.code.clone(),
                usd: format_decimal(price.usd_micros.into(), USD_DECIMALS),
                source: price.source.clone(),
                at: price.at.to_string(),
                age_s: age.as_secs(),
                fresh: age <= PRICE_AGE_MAX,
            })
        });
        Ok(dto::ReferencePrices { prices: prices.collect() })
    });
    Ok(seen.await?)
}

async fn set_price(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<dto::SetPrice>,
) -> Result<Committed<dto::MoneyChanged>, Refused> {
    let id = app.command_id(request.command_id.as_deref())?;
    let usd = amount("usd", &request.usd, USD_DECIMALS)?;
    let usd_micros = u64::try_from(usd).map_err(|_| Problem::new(Code::BadRequest, "`usd` is too large"))?;
    let at = request.at.as_deref().map(|text| words::parse_time("at", text)).transpose()?;
    let code = request.asset;
    let read = app.read(Freshness::Linearizable, |state| Ok((asset(state, &code)?.number, state.time())));
    let (asset, now) = read.await?.value;
    let command = SetPrice { asset, usd_micros, source: request.source, at: at.unwrap_or(now) };
    let effect = app.submit_as(caller.0, id, Change::SetPrice(command)).await?;
    let Done::PriceSet = effect.done else { return Err(effect.unexpected()) };
    Ok(Committed(id, dto::MoneyChanged { index: effect.index, command_id: id.to_string() }))
}
