//! The journal: its entries in order, of one account or of all, and its verification.

use axum::extract::State;
use exchequer_domain::{Code, Problem, UserId, format_decimal};
use exchequer_state::ledger::query::Posted;
use exchequer_state::ledger::{AccountId, Verification};
use exchequer_state::statement::Page;
use exchequer_state::{Rows, State as Exchange};

use super::ledger::{balance_text, known_user};
use crate::app::App;
use crate::dto::shapes;
use crate::extract::Params;
use crate::money::{asset, asset_of, transfer_text};
use crate::openapi::Param;
use crate::problem::Refused;
use crate::read::{Freshness, Seen};
use crate::route::Route;
use crate::{dto, words};
use exchequer_state::people::Permission;

/// Entries in one answer, at most.
const LIMIT_MAX: usize = 1_000;
/// Entries in one answer where the client does not say.
const LIMIT: usize = 100;
/// Entries of one read, during which nothing is applied: each may be in a row of its own.
pub(super) const PAGE_ENTRIES: usize = 64;
/// Blocks of the journal, of 128 entries each, that are verified in one read.
const BLOCKS_AT_ONCE: usize = 8;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/ledger/entries", list)
            .needs(Permission::LedgerRead)
            .says("Entries of the journal, of one account or of all")
            .asks([
                Param::number("account", 0, u32::MAX.into(), "Of this account"),
                Param::number("user", 1, u64::MAX, "The user's number"),
                Param::text::<shapes::AssetCode>("asset", "With `user`: of this asset"),
                Param::number("from", 1, u64::MAX, "The number of the first one"),
                Param::number("limit", 1, LIMIT_MAX as u64, "Entries in the answer, at most"),
                Param::word("order", &["newest", "oldest"], "Which come first"),
            ]),
        Route::get("/v1/ledger/verify", verify)
            .needs(Permission::LedgerRead)
            .slow()
            .says("Reads the whole journal and compares it with the balances"),
    ]
}

/// An entry, with the balance of `account` behind it where one is asked for.
pub(super) fn entry(
    state: &Exchange,
    posted: &Posted,
    account: Option<AccountId>,
) -> Result<dto::LedgerEntry, Problem> {
    let posting = &posted.posting;
    let find = |id: AccountId| {
        let missing = || Problem::new(Code::InvariantBroken, format!("account {} of an entry does not exist", id.0));
        state.ledger().account(id).ok_or_else(missing)
    };
    let (debit, credit) = (find(posting.debit)?, find(posting.credit)?);
    let asset = asset_of(state, debit.key.asset)?;
    let balance = account.and_then(|id| {
        let (sums, _) = posting.side(id)?;
        let holder = if id == debit.id { debit.key.holder } else { credit.key.holder };
        Some(balance_text(&sums, holder.normal_side(), asset.decimals))
    });
    Ok(dto::LedgerEntry {
        number: posted.number,
        index: posted.index,
        time: posted.time.to_string(),
        kind: words::kind(posting.kind).to_owned(),
        reason: words::reason(posting.cause.reason).to_owned(),
        actor: words::actor(posting.cause.actor),
        reference: hexadecimal(&posting.cause.reference),
        transfer: transfer_text(posting.transfer),
        leg: posting.leg,
        debit: debit.id.0,
        debit_holder: words::holder(debit.key.holder),
        credit: credit.id.0,
        credit_holder: words::holder(credit.key.holder),
        asset: asset.code.clone(),
        amount: format_decimal(posting.amount, asset.decimals),
        balance,
    })
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Which entries, and where the next read begins.
#[derive(Debug, Clone, Copy)]
struct Walk {
    account: Option<AccountId>,
    newest_first: bool,
    from: Option<u64>,
}

impl Walk {
    fn take(self, state: &Exchange, rows: &dyn Rows, limit: usize) -> Result<Vec<dto::LedgerEntry>, Problem> {
        let found = match (self.account, self.newest_first) {
            (Some(account), true) => {
                let before = self.from.map(|from| from.saturating_add(1));
                state.postings(rows, account, Page::Newest { before }, limit)
            }
            (Some(account), false) => {
                state.postings(rows, account, Page::Oldest { from: self.from.unwrap_or(1) }, limit)
            }
            (None, true) => {
                let last = state.ledger().last_posting();
                let last = self.from.map_or(last, |from| from.min(last));
                let first = (last + 1).saturating_sub(limit as u64).max(1);
                let count = usize::try_from((last + 1).saturating_sub(first)).unwrap_or(limit);
                state.posting_feed(rows, first, count).map(|mut feed| {
                    feed.reverse();
                    feed
                })
            }
            (None, false) => state.posting_feed(rows, self.from.unwrap_or(1), limit),
        };
        let found = found.map_err(|halt| halt.problem())?;
        found.iter().map(|posted| entry(state, posted, self.account)).collect()
    }
}

async fn list(State(app): State<App>, mut params: Params) -> Result<Seen<dto::LedgerEntries>, Refused> {
    let bad = |message: &str| Problem::new(Code::BadRequest, message);
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    let account = params.number("account", 0..=u32::MAX)?.map(AccountId);
    let user = params.number("user", 1..=u64::MAX)?.map(UserId);
    let code = params.take("asset")?;
    let from = params.number("from", 1..=u64::MAX)?;
    let limit = params.number("limit", 1..=LIMIT_MAX)?.unwrap_or(LIMIT);
    let newest_first = match params.take("order")?.as_deref() {
        None | Some("newest") => true,
        Some("oldest") => false,
        Some(_) => return Err(bad("`order` is `newest` or `oldest`").into()),
    };
    params.end()?;
    let of_user = match (user, code) {
        (Some(user), Some(code)) if account.is_none() => Some((user, code)),
        (None, None) => None,
        _ => return Err(bad("the entries are those of an `account`, of `user` and `asset`, or all").into()),
    };
    let first = app.read(freshness, |state| match (&of_user, account) {
        (Some((user, code)), _) => {
            known_user(state, *user)?;
            let found = state.account_of(*user, asset(state, code)?.number);
            Ok(found.map(|account| Some(account.id)))
        }
        (None, Some(id)) => {
            let unknown = || Problem::new(Code::AccountUnknown, format!("there is no account {}", id.0));
            state.ledger().account(id).map(|_| Some(Some(id))).ok_or_else(unknown)
        }
        (None, None) => Ok(Some(None)),
    });
    let Seen { value: account, at } = first.await?;
    let Some(account) = account else {
        // The user has no account for the asset yet.
        return Ok(Seen { value: dto::LedgerEntries { entries: Vec::new(), next_from: None }, at });
    };
    let mut walk = Walk { account, newest_first, from };
    // One more tells whether there is a next page.
    let (wanted, mut entries) = (limit + 1, Vec::new());
    while entries.len() < wanted {
        let count = (wanted - entries.len()).min(PAGE_ENTRIES);
        let found = app.page(freshness, move |state, rows| walk.take(state, rows, count)).await?.value;
        let is_last = found.len() < count;
        entries.extend(found);
        let next = entries.last().map(|entry: &dto::LedgerEntry| match newest_first {
            true => entry.number - 1,
            false => entry.number + 1,
        });
        walk.from = next.or(walk.from);
        if is_last || next == Some(0) {
            break;
        }
    }
    let next_from = if entries.len() > limit { entries.pop().map(|entry| entry.number) } else { None };
    Ok(Seen { value: dto::LedgerEntries { entries, next_from }, at })
}

async fn verify(State(app): State<App>, mut params: Params) -> Result<Seen<dto::LedgerVerified>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    app.read(freshness, |_| Ok(())).await?;
    let mut verification = Verification::new();
    loop {
        let mut mine = Some(verification);
        let step = app.page(freshness, move |state, rows| {
            let mut mine = mine.take().ok_or_else(|| Problem::new(Code::Internal, "one read takes one step"))?;
            let is_end = state.verify(rows, &mut mine, BLOCKS_AT_ONCE).map_err(|halt| halt.problem())?;
            let ledger = state.ledger();
            let whole = dto::LedgerVerified { entries: ledger.last_posting(), hash: hexadecimal(&ledger.chain().0) };
            Ok((mine, is_end.then_some(whole)))
        });
        let Seen { value: (next, whole), at } = step.await?;
        match whole {
            Some(value) => return Ok(Seen { value, at }),
            None => verification = next,
        }
    }
}
