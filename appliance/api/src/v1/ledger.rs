//! The ledger, as it is: accounts, balances, transfers by id, the trial balance.

use axum::extract::State;
use exchequer_domain::{Code, Problem, UserId, format_decimal};
use exchequer_state::ledger::query::TransferState;
use exchequer_state::ledger::{Account, Asset, Side, Sums};
use exchequer_state::statement::Balance;
use exchequer_state::{Rejection, State as Exchange};

use super::ledger_entries::entry;
use crate::app::App;
use crate::dto::shapes;
use crate::extract::{Name, Params};
use crate::money::{asset, asset_of, parse_transfer, transfer_text};
use crate::openapi::Param;
use crate::problem::Refused;
use crate::read::{Freshness, Seen};
use crate::route::Route;
use crate::{dto, words};
use exchequer_state::people::Permission;

/// Assets whose trial balance is made in one read.
const ASSETS_AT_ONCE: usize = 8;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/ledger/accounts", accounts)
            .needs(Permission::LedgerRead)
            .says("The accounts of a user, or those that are nobody's")
            .asks([Param::number("user", 1, u64::MAX, "The user's number")]),
        Route::get("/v1/ledger/balance", balance)
            .needs(Permission::LedgerRead)
            .says("What a user had of an asset at a time")
            .asks([
                Param::number("user", 1, u64::MAX, "The user's number").needed(),
                Param::text::<shapes::AssetCode>("asset", "The asset").needed(),
                Param::text::<shapes::Moment>("at", "When; now where nothing is said"),
            ]),
        Route::get("/v1/ledger/transfers/{id}", transfer)
            .needs(Permission::LedgerRead)
            .says("One transfer")
            .named(Param::text::<shapes::TransferIdText>("id", "The transfer's id")),
        Route::get("/v1/ledger/trial-balance", trial_balance)
            .needs(Permission::LedgerRead)
            .says("What there is of each asset, and where")
            .asks([Param::text::<shapes::AssetCode>("asset", "Of this asset only")]),
    ]
}

/// A balance on an account's normal side; negative where the other side is larger.
pub(super) fn balance_text(sums: &Sums, side: Side, decimals: u8) -> String {
    let other = match side {
        Side::Debit => Side::Credit,
        Side::Credit => Side::Debit,
    };
    match sums.balance(other) {
        0 => format_decimal(sums.balance(side), decimals),
        overdrawn => format!("-{}", format_decimal(overdrawn, decimals)),
    }
}

pub(super) fn account_view(state: &Exchange, account: &Account) -> Result<dto::Account, Problem> {
    let asset = asset_of(state, account.key.asset)?;
    let amount = |units| format_decimal(units, asset.decimals);
    let balance = Balance::of(account);
    Ok(dto::Account {
        account: account.id.0,
        holder: words::holder(account.key.holder),
        asset: asset.code.clone(),
        posted: balance_text(&account.sums, account.key.holder.normal_side(), asset.decimals),
        held: amount(balance.held),
        reserved: amount(account.reserved),
        available: amount(account.available()),
        entries: account.postings,
        last_entry: account.last_posting,
    })
}

/// The user of a query, who must exist.
pub(super) fn known_user(state: &Exchange, user: UserId) -> Result<(), Problem> {
    let known = state.users().get(user);
    known.map(drop).ok_or_else(|| Rejection::UserUnknown { user }.problem())
}

async fn accounts(State(app): State<App>, mut params: Params) -> Result<Seen<dto::Accounts>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    let user = params.number("user", 1..=u64::MAX)?.map(UserId);
    params.end()?;
    let seen = app.read(freshness, |state| {
        let accounts: Result<Vec<dto::Account>, Problem> = match user {
            Some(user) => {
                known_user(state, user)?;
                state.accounts_of(user, 0).map(|account| account_view(state, &account)).collect()
            }
            None => state.ledger().system_accounts().map(|account| account_view(state, &account)).collect(),
        };
        accounts.map(|accounts| dto::Accounts { accounts })
    });
    Ok(seen.await?)
}

async fn balance(State(app): State<App>, mut params: Params) -> Result<Seen<dto::LedgerBalance>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    let needed = |name: &str| Problem::new(Code::BadRequest, format!("the query must name `{name}`"));
    let user = params.number("user", 1..=u64::MAX)?.map(UserId).ok_or_else(|| needed("user"))?;
    let code = params.take("asset")?.ok_or_else(|| needed("asset"))?;
    let at = params.take("at")?.map(|text| words::parse_time("at", &text)).transpose()?;
    params.end()?;
    let seen = app.read_rows(freshness, move |state, rows| {
        known_user(state, user)?;
        let asset = asset(state, &code)?;
        let account = state.account_of(user, asset.number);
        let at = at.unwrap_or(state.time());
        let found = match &account {
            Some(account) => state.balance_at(rows, account.id, at).map_err(|halt| halt.problem())?,
            None => None,
        };
        let sums = found.map(|found| found.sums).unwrap_or_default();
        Ok(dto::LedgerBalance {
            account: account.map(|account| account.id.0),
            user: user.0,
            asset: asset.code.clone(),
            at: at.to_string(),
            posted: balance_text(&sums, Side::Credit, asset.decimals),
            held: format_decimal(sums.debits_pending, asset.decimals),
            last_entry: found.map_or(0, |found| found.last_posting),
            is_final: at < state.time(),
        })
    });
    Ok(seen.await?)
}

async fn transfer(
    State(app): State<App>,
    Name(id): Name,
    mut params: Params,
) -> Result<Seen<dto::LedgerTransfer>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let id = parse_transfer("id", &id)?;
    let seen = app.read_rows(freshness, move |state, rows| {
        let text = transfer_text(id);
        let found = state.transfer(rows, id).map_err(|halt| halt.problem())?;
        match found {
            None => Err(Problem::new(Code::NotFound, format!("no transfer has the id {text}"))
                .hint("it was never posted; its id can be used")),
            Some(TransferState::Posted { postings, note, reverted_by }) => Ok(dto::LedgerTransfer {
                id: text,
                status: "posted".to_owned(),
                entries: postings.iter().map(|posted| entry(state, posted, None)).collect::<Result<_, _>>()?,
                note,
                reverted_by: reverted_by.map(transfer_text),
                error: None,
            }),
            Some(TransferState::Burnt { because }) => Ok(dto::LedgerTransfer {
                id: text,
                status: "burnt".to_owned(),
                entries: Vec::new(),
                note: None,
                reverted_by: None,
                error: Some(Rejection::Ledger(because).problem()),
            }),
        }
    });
    Ok(seen.await?)
}

async fn trial_balance(State(app): State<App>, mut params: Params) -> Result<Seen<dto::TrialBalance>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    let code = params.take("asset")?;
    params.end()?;
    let first = app.read(freshness, |state| {
        let all = || state.assets().iter().map(|asset| asset.number).collect::<Vec<Asset>>();
        code.as_deref().map_or_else(|| Ok(all()), |code| Ok(vec![asset(state, code)?.number]))
    });
    let Seen { value: numbers, at } = first.await?;
    let mut assets = Vec::new();
    for some in numbers.chunks(ASSETS_AT_ONCE) {
        let some = some.to_vec();
        let made = app.page(freshness, move |state, _| {
            let made = some.iter().filter_map(|asset| asset_balance(state, *asset).transpose());
            made.collect::<Result<Vec<_>, Problem>>()
        });
        assets.extend(made.await?.value);
    }
    Ok(Seen { value: dto::TrialBalance { assets }, at })
}

fn asset_balance(state: &Exchange, number: Asset) -> Result<Option<dto::AssetBalance>, Problem> {
    let Some(balance) = state.trial_balance(number) else { return Ok(None) };
    let asset = asset_of(state, number)?;
    let system = balance.system.iter().map(|account| account_view(state, account)).collect::<Result<_, _>>()?;
    Ok(Some(dto::AssetBalance {
        asset: asset.code.clone(),
        turnover: format_decimal(balance.total.posted, asset.decimals),
        users: balance_text(&balance.customers, Side::Credit, asset.decimals),
        users_held: format_decimal(balance.customers.debits_pending, asset.decimals),
        system,
    }))
}
