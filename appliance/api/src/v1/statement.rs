//! A user's statement for a span of time: account by account what there was, each entry with the balance behind it, and
//! what there was at the end. Streamed, a page of entries at a time.

use std::collections::VecDeque;

use axum::body::Body as Stream;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use exchequer_domain::{Code, Problem, Timestamp, UserId};
use exchequer_state::ledger::query::Posted;
use exchequer_state::ledger::{AccountId, Side, Sums};
use exchequer_state::statement::Page;
use serde::Serialize;

use super::ledger::{balance_text, known_user};
use super::ledger_entries::{PAGE_ENTRIES, entry};
use crate::app::App;
use crate::dto::shapes;
use crate::extract::Params;
use crate::money::asset_of;
use crate::openapi::Param;
use crate::problem::Refused;
use crate::read::Freshness;
use crate::route::Route;
use crate::{dto, words};
use exchequer_state::people::Permission;

const HEADINGS: &str =
    "account,asset,line,number,time,kind,reason,direction,amount,balance,counterparty,transfer,reference\n";

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/ledger/statement", statement)
            .needs(Permission::LedgerRead)
            .says("A user's statement, streamed")
            .more("It is whole when every account that has an opening line has a closing one.")
            .asks([
                Param::number("user", 1, u64::MAX, "The user's number").needed(),
                Param::text::<shapes::Moment>("from", "Entries from here on; from the beginning where nothing is said"),
                Param::text::<shapes::Moment>("until", "Entries up to here; now where nothing is said"),
                Param::word("format", &["csv", "json-lines"], "The form of the lines"),
            ])
            .asks(Freshness::params())
            .gives(&["text/csv", "application/jsonl"]),
    ]
}

/// One line. A statement is whole when every account that was opened is closed.
#[derive(Debug, Default, Serialize)]
struct Line {
    account: u32,
    asset: String,
    /// `opening`, `entry` or `closing`.
    line: &'static str,
    number: Option<u64>,
    time: String,
    kind: Option<String>,
    reason: Option<String>,
    /// `debit` takes away, `credit` gives.
    direction: Option<&'static str>,
    amount: Option<String>,
    balance: String,
    counterparty: Option<String>,
    transfer: Option<String>,
    reference: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Csv,
    JsonLines,
}

impl Line {
    fn text(&self, form: Form) -> Result<String, Problem> {
        match form {
            Form::JsonLines => {
                let line = serde_json::to_string(self);
                line.map(|line| line + "\n").map_err(|error| Problem::new(Code::Internal, error.to_string()))
            }
            // No field can hold a comma, a quote or a line end.
            Form::Csv => Ok(format!(
                "{},{},{},{},{},{},{},{},{},{},{},{},{}\n",
                self.account,
                self.asset,
                self.line,
                self.number.map_or_else(String::new, |number| number.to_string()),
                self.time,
                self.kind.as_deref().unwrap_or_default(),
                self.reason.as_deref().unwrap_or_default(),
                self.direction.unwrap_or_default(),
                self.amount.as_deref().unwrap_or_default(),
                self.balance,
                self.counterparty.as_deref().unwrap_or_default(),
                self.transfer.as_deref().unwrap_or_default(),
                self.reference.as_deref().unwrap_or_default(),
            )),
        }
    }
}

/// A statement under way.
struct Walk {
    app: App,
    freshness: Freshness,
    form: Form,
    from: Timestamp,
    until: Timestamp,
    /// Accounts that are still to come.
    accounts: VecDeque<AccountId>,
    /// The account that is under way: the number of its next entry, and the balance before it.
    open: Option<(AccountId, u64, Sums)>,
    begun: bool,
}

async fn statement(State(app): State<App>, mut params: Params) -> Result<Response, Refused> {
    let bad = |message: &str| Problem::new(Code::BadRequest, message);
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    let user = params.number("user", 1..=u64::MAX)?.map(UserId).ok_or_else(|| bad("the query must name `user`"))?;
    let from = params.take("from")?.map(|text| words::parse_time("from", &text)).transpose()?.unwrap_or_default();
    let until = params.take("until")?.map(|text| words::parse_time("until", &text)).transpose()?;
    let (form, kind) = match params.take("format")?.as_deref() {
        None | Some("csv") => (Form::Csv, "text/csv; charset=utf-8"),
        Some("json-lines") => (Form::JsonLines, "application/jsonl"),
        Some(_) => return Err(bad("`format` is `csv` or `json-lines`").into()),
    };
    params.end()?;
    let begin = app.read(freshness, |state| {
        known_user(state, user)?;
        let accounts: VecDeque<AccountId> = state.accounts_of(user, 0).map(|account| account.id).collect();
        // What is posted from now on is not part of it, so that it has an end.
        Ok((accounts, until.unwrap_or(state.time()).min(state.time())))
    });
    let (accounts, until) = begin.await?.value;
    if from > until {
        return Err(bad("`from` is after `until`, or in the future").into());
    }
    let walk = Walk { app, freshness, form, from, until, accounts, open: None, begun: false };
    let lines = futures::stream::try_unfold(walk, |mut walk| async move {
        let lines = walk.next().await;
        // The client sees an answer that is cut off; the reason is for the log.
        let lines =
            lines.inspect_err(|problem| tracing::warn!(code = %problem.code, "a statement broke off: {problem}"));
        lines.map(|lines| lines.map(|lines| (Bytes::from(lines), walk)))
    });
    Ok(([(header::CONTENT_TYPE, kind)], Stream::from_stream(lines)).into_response())
}

impl Walk {
    /// The next lines; none at the end.
    async fn next(&mut self) -> Result<Option<String>, Problem> {
        if !self.begun {
            self.begun = true;
            if self.form == Form::Csv {
                return Ok(Some(HEADINGS.to_owned()));
            }
        }
        let form = self.form;
        if let Some((account, next, before)) = self.open.take() {
            let until = self.until;
            let page = self.app.page(self.freshness, move |state, rows| {
                let found = state.postings(rows, account, Page::Oldest { from: next }, PAGE_ENTRIES);
                let mut found = found.map_err(|halt| halt.problem())?;
                let mut is_last = found.len() < PAGE_ENTRIES;
                if let Some(late) = found.iter().position(|posted| posted.time > until) {
                    found.truncate(late);
                    is_last = true;
                }
                let mut sums = before;
                let mut text = String::new();
                for posted in &found {
                    sums = posted.posting.side(account).map_or(sums, |(sums, _)| sums);
                    text.push_str(&line(&entry(state, posted, Some(account))?, posted, account).text(form)?);
                }
                let next = found.last().map_or(next, |posted| posted.number + 1);
                if is_last {
                    text.push_str(&edge(state, account, "closing", until, sums)?.text(form)?);
                }
                Ok((text, (!is_last).then_some((account, next, sums))))
            });
            let (text, open) = page.await?.value;
            self.open = open;
            return Ok(Some(text));
        }
        let Some(account) = self.accounts.pop_front() else { return Ok(None) };
        let from = self.from;
        let opening = self.app.page(self.freshness, move |state, rows| {
            let before = match from.0.checked_sub(1) {
                Some(before) => state.balance_at(rows, account, Timestamp(before)).map_err(|halt| halt.problem())?,
                None => None,
            };
            let (sums, last) = before.map_or((Sums::default(), 0), |before| (before.sums, before.last_posting));
            Ok((edge(state, account, "opening", from, sums)?.text(form)?, last + 1, sums))
        });
        let (text, next, sums) = opening.await?.value;
        self.open = Some((account, next, sums));
        Ok(Some(text))
    }
}

/// What there was at the beginning or the end.
fn edge(
    state: &exchequer_state::State,
    account: AccountId,
    what: &'static str,
    at: Timestamp,
    sums: Sums,
) -> Result<Line, Problem> {
    let missing = || Problem::new(Code::AccountUnknown, format!("there is no account {}", account.0));
    let asset = asset_of(state, state.ledger().account(account).ok_or_else(missing)?.key.asset)?;
    Ok(Line {
        account: account.0,
        asset: asset.code.clone(),
        line: what,
        time: at.to_string(),
        balance: balance_text(&sums, Side::Credit, asset.decimals),
        ..Line::default()
    })
}

fn line(view: &dto::LedgerEntry, posted: &Posted, account: AccountId) -> Line {
    let is_debit = posted.posting.debit == account;
    let (direction, counterparty) =
        if is_debit { ("debit", &view.credit_holder) } else { ("credit", &view.debit_holder) };
    Line {
        account: account.0,
        asset: view.asset.clone(),
        line: "entry",
        number: Some(view.number),
        time: view.time.clone(),
        kind: Some(view.kind.clone()),
        reason: Some(view.reason.clone()),
        direction: Some(direction),
        amount: Some(view.amount.clone()),
        balance: view.balance.clone().unwrap_or_default(),
        counterparty: Some(counterparty.clone()),
        transfer: Some(view.transfer.clone()),
        reference: Some(view.reference.clone()),
    }
}
