//! A user's deposit addresses and address book.
//!
//! What makes more possible than before wants the user's second factor with the very request. Whoever changes a book in a
//! user's name cannot show it: the address waits until the user does.

use axum::extract::State;
use exchequer_domain::{Code, Network, Problem, Timestamp, UserId};
use exchequer_state::custody::user_addresses;
use exchequer_state::people::Permission;
use exchequer_state::settings::Danger;
use exchequer_state::withdrawals::book::{self, BookState};
use exchequer_state::{Actor, AllocateAddress, Body as Change, BookChange, ChangeAddressBook, Done, StepUp};
use zeroize::Zeroizing;

use super::ledger::known_user;
use super::networks::parse_network;
use super::users::user_id;
use crate::app::App;
use crate::auth::{Caller, OfSession};
use crate::extract::{Body, Name, Params};
use crate::openapi::Param;
use crate::people::{Shown, check_factor};
use crate::problem::Refused;
use crate::read::{Freshness, Seen};
use crate::route::Route;
use crate::submit::Committed;
use crate::{chain_text, dto};

pub(crate) fn routes() -> Vec<Route> {
    let named = |route: Route| route.named(Param::number("user", 1, u64::MAX, "The user's number"));
    vec![
        named(Route::get("/v1/users/{user}/addresses", addresses))
            .says("A user's deposit addresses")
            .needs_or_own(Permission::UsersRead),
        named(Route::post("/v1/users/{user}/addresses", allocate))
            .says("Gives a user a deposit address, or says which one it has")
            .needs_or_own(Permission::UsersChange),
        named(Route::get("/v1/users/{user}/address-book", show))
            .says("Where a user withdraws to")
            .needs_or_own(Permission::UsersRead),
        named(Route::post("/v1/users/{user}/address-book", change))
            .says("Changes where a user withdraws to")
            .more("A new address counts after it has cooled down, which begins with the user's second factor.")
            .needs_or_own(Permission::UsersChange)
            .danger(Danger::Level1),
    ]
}

/// When a customer showed the second factor that came with a request; none where nobody's came. Each code is taken once.
///
/// # Errors
/// The code is wrong, was used before, or does not come from the user's own session.
pub(super) async fn prove(app: &App, session: &OfSession, otp: Option<String>) -> Result<Option<Timestamp>, Refused> {
    let Some(otp) = otp else { return Ok(None) };
    let Some(signed) = session.customer() else {
        let message = "`otp` is the user's own second factor, and comes with the user's own session";
        return Err(Problem::new(Code::BadRequest, message).into());
    };
    let open = &signed.open;
    let factor = check_factor(app, open, &Shown::Code(Zeroizing::new(otp))).await?;
    let (of, session, revision) = (open.of(), open.id, open.credentials.revision);
    let index = app.submit_own(Change::StepUp(StepUp { of, session, revision, factor })).await?;
    app.applied_here(index).await;
    Ok(Some(app.read(Freshness::Linearizable, |state| Ok(state.time())).await?.value))
}

async fn addresses(
    State(app): State<App>,
    Name(user): Name,
    mut params: Params,
) -> Result<Seen<dto::DepositAddresses>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let user = user_id(&user)?;
    let seen = app.read_rows(freshness, move |state, rows| {
        known_user(state, user)?;
        user_addresses(rows, user).map_err(|halt| halt.problem())
    });
    let seen = seen.await?;
    for (one, found) in &seen.value {
        app.backend.vouch(one.family, one.index, found.address.clone()).await?;
    }
    Ok(seen.map(|given| {
        let addresses = given.into_iter().map(|(one, found)| {
            let of = Network::ALL.iter().filter(|network| network.family() == one.family);
            dto::DepositAddress {
                address: found.address.to_string(),
                networks: of.map(ToString::to_string).collect(),
                pool_index: one.index,
                given_at: Some(one.at.to_string()),
                new: false,
            }
        });
        dto::DepositAddresses { addresses: addresses.collect() }
    }))
}

async fn allocate(
    State(app): State<App>,
    caller: Caller,
    Name(user): Name,
    Body(request): Body<dto::AllocateAddress>,
) -> Result<Committed<dto::DepositAddress>, Refused> {
    let (user, network) = (user_id(&user)?, parse_network(&request.network)?);
    let id = app.command_id(request.command_id.as_deref())?;
    let command = AllocateAddress { user, network, fresh: request.fresh };
    let effect = app.submit_as(caller.0, id, Change::AllocateAddress(command)).await?;
    let Done::AddressAllocated { address, index, new } = effect.done else { return Err(effect.unexpected()) };
    app.backend.vouch(network.family(), index, address.clone()).await?;
    let of = Network::ALL.iter().filter(|known| known.family() == network.family());
    let networks = of.map(ToString::to_string).collect();
    let answer = dto::DepositAddress { address: address.to_string(), networks, pool_index: index, given_at: None, new };
    Ok(Committed(id, answer))
}

async fn show(State(app): State<App>, Name(user): Name, mut params: Params) -> Result<Seen<dto::AddressBook>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let user = user_id(&user)?;
    let seen = app.read_rows(freshness, move |state, rows| {
        known_user(state, user)?;
        let now = state.time();
        let whole = book::book(rows, user).map_err(|halt| halt.problem())?;
        let entries = book::entries(rows, user).map_err(|halt| halt.problem())?;
        let entries = entries.into_iter().map(|entry| dto::AddressBookEntry {
            network: entry.network.to_string(),
            address: entry.address.to_string(),
            state: entry.word(now).to_owned(),
            active_at: match entry.state {
                BookState::From(from) => Some(from.to_string()),
                BookState::Pending | BookState::Archived => None,
            },
            added_at: entry.added.to_string(),
            memo: entry.memo,
            label: entry.label,
        });
        Ok(dto::AddressBook {
            listed_only: whole.is_listed_only(now),
            listed_only_ends_at: whole.listed_only_ends.map(|at| at.to_string()),
            entries: entries.collect(),
        })
    });
    Ok(seen.await?)
}

async fn change(
    State(app): State<App>,
    caller: Caller,
    session: OfSession,
    Name(user): Name,
    Body(request): Body<dto::ChangeAddressBook>,
) -> Result<Committed<dto::MoneyChanged>, Refused> {
    let user = user_id(&user)?;
    let (change, otp) = read(&app, request).await?;
    let proved = prove(&app, &session, otp).await?;
    submit(&app, caller.0, user, change, proved).await
}

/// What is to change, and the second factor that came with it.
async fn read(app: &App, request: dto::ChangeAddressBook) -> Result<(BookChange, Option<String>), Refused> {
    type Place = (Network, exchequer_domain::ChainAddress);
    async fn place(app: &App, network: &str, text: &str, is_new: bool) -> Result<Place, Refused> {
        let network = parse_network(network)?;
        let address = app.read(Freshness::Linearizable, |state| match is_new {
            true => chain_text::destination(state, network, None, "address", text),
            false => chain_text::address(state, network, "address", text),
        });
        Ok((network, address.await?.value))
    }
    Ok(match request {
        dto::ChangeAddressBook::Add { network, address, memo, label, otp } => {
            let (network, address) = place(app, &network, &address, true).await?;
            (BookChange::Add { network, address, memo, label }, otp)
        }
        dto::ChangeAddressBook::Confirm { network, address, memo, otp } => {
            let (network, address) = place(app, &network, &address, false).await?;
            (BookChange::Confirm { network, address, memo }, Some(otp))
        }
        dto::ChangeAddressBook::Archive { network, address, memo } => {
            let (network, address) = place(app, &network, &address, false).await?;
            (BookChange::Archive { network, address, memo }, None)
        }
        dto::ChangeAddressBook::ListedOnly { on, otp } => (BookChange::ListedOnly(on), otp),
    })
}

async fn submit(
    app: &App,
    actor: Actor,
    user: UserId,
    change: BookChange,
    proved: Option<Timestamp>,
) -> Result<Committed<dto::MoneyChanged>, Refused> {
    let id = app.command_id(None)?;
    let command = ChangeAddressBook { user, change, proved };
    let effect = app.submit_as(actor, id, Change::ChangeAddressBook(command)).await?;
    let Done::AddressBookChanged = effect.done else { return Err(effect.unexpected()) };
    Ok(Committed(id, dto::MoneyChanged { index: effect.index, command_id: id.to_string() }))
}
