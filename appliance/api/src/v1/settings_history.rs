//! The settings: what held before, and what differs between two revisions.

use axum::extract::State;
use exchequer_domain::{Code, Problem};
use exchequer_state::people::Permission;
use exchequer_state::settings::{SettingChange, Value, diff, history_range};
use exchequer_state::{Family, Rejection, Rows, Table};

use super::settings::{find, who};
use crate::app::App;
use crate::dto::shapes;
use crate::dto::{self, SettingDifference, SettingHistory, SettingsDiff};
use crate::extract::Params;
use crate::openapi::Param;
use crate::problem::Refused;
use crate::read::{Freshness, Seen, unreadable};
use crate::route::Route;

/// Revisions in one answer, at most.
const LIMIT_MAX: usize = 1_000;
/// Revisions in one answer where the client does not say.
const LIMIT: usize = 100;
/// Rows of one read, during which nothing is applied.
const PAGE_ROWS: usize = 256;
/// Revisions that one request looks through for those of one setting; the answer says where to go on.
const SEARCH_ROWS_MAX: usize = 10_000;
/// Revisions between the two that are compared.
const DIFF_REVISIONS_MAX: u64 = 10_000;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/settings/history", history)
            .needs(Permission::ConfigurationRead)
            .says("Who changed which setting, why and when")
            .asks([
                Param::text::<shapes::SettingKey>("key", "Of this setting only"),
                Param::number("limit", 1, LIMIT_MAX as u64, "Revisions in the answer, at most"),
                Param::number("before", 1, u64::MAX, "The revision after the first one; the newest come first"),
            ]),
        Route::get("/v1/settings/diff", difference)
            .needs(Permission::ConfigurationRead)
            .says("What differs between two revisions of the settings")
            .asks([
                Param::number("from", 0, u64::MAX, "The first revision; zero for the defaults").needed(),
                Param::number("to", 0, u64::MAX, "The second one; the latest where nothing is said"),
            ]),
    ]
}

async fn history(State(app): State<App>, mut params: Params) -> Result<Seen<SettingHistory>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    let key = params.take("key")?.map(|key| find(&key).map(|_| key)).transpose()?;
    let limit = params.number("limit", 1..=LIMIT_MAX)?.unwrap_or(LIMIT);
    let before = params.number("before", 1..=u64::MAX)?;
    params.end()?;

    let first = app.read_rows(freshness, move |state, rows| {
        let latest = state.settings().revision();
        let until = before.unwrap_or(u64::MAX).min(latest.saturating_add(1));
        Ok((latest, until, newest_before(rows, until)?))
    });
    let Seen { value: (revision, mut until, mut page), at } = first.await?;
    let mut changes = Vec::new();
    let mut searched = 0;
    loop {
        searched += page.len();
        for change in page {
            if changes.len() == limit {
                break;
            }
            until = change.revision;
            if key.as_ref().is_none_or(|key| change.key == *key) {
                changes.push(shown(&change));
            }
        }
        if until <= 1 || changes.len() == limit || searched >= SEARCH_ROWS_MAX {
            break;
        }
        page = app.page(freshness, move |_, rows| newest_before(rows, until)).await?.value;
        if page.is_empty() {
            let problem = Problem::new(Code::InvariantBroken, format!("the history ends before revision {until}"));
            return Err(problem.into());
        }
    }
    let next_before = (until > 1).then_some(until);
    Ok(Seen { value: SettingHistory { revision, changes, next_before }, at })
}

/// A page of the revisions before `until`, newest first.
fn newest_before(rows: &dyn Rows, until: u64) -> Result<Vec<SettingChange>, Problem> {
    let (from, until) = Table::SettingHistory.range(1, until.saturating_sub(1));
    decoded(rows.scan(Family::History, &from, &until, PAGE_ROWS, true))
}

fn decoded(
    page: Result<Vec<exchequer_state::Row>, exchequer_state::RowsUnavailable>,
) -> Result<Vec<SettingChange>, Problem> {
    let page = page.map_err(unreadable)?;
    page.iter().map(|(_, row)| SettingChange::decode(row).map_err(unreadable)).collect()
}

fn shown(change: &SettingChange) -> dto::SettingChange {
    let text = |value: &Option<Value>| value.as_ref().map(Value::to_string);
    dto::SettingChange {
        revision: change.revision,
        key: change.key.clone(),
        from: text(&change.old),
        to: text(&change.new),
        changed: who(change),
        index: change.index,
    }
}

async fn difference(State(app): State<App>, mut params: Params) -> Result<Seen<SettingsDiff>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    let from = params.number("from", 0..=u64::MAX)?;
    let from = from.ok_or_else(|| Problem::new(Code::BadRequest, "the query must say `from` which revision"))?;
    let to = params.number("to", 0..=u64::MAX)?;
    params.end()?;

    let first = app.read_rows(freshness, move |state, _| {
        let latest = state.settings().revision();
        let to = to.unwrap_or(latest);
        match from.max(to) <= latest {
            true => Ok(to),
            false => Err(Rejection::RevisionUnknown { latest }.problem()),
        }
    });
    let Seen { value: to, at } = first.await?;
    if from.abs_diff(to) > DIFF_REVISIONS_MAX {
        let message = format!("revisions that are compared are at most {DIFF_REVISIONS_MAX} apart");
        return Err(Problem::new(Code::TooLarge, message).into());
    }
    let mut changes: Vec<SettingChange> = Vec::new();
    let (mut low, high) = (from.min(to), from.max(to));
    while low < high {
        let page = app.page(freshness, move |_, rows| {
            let (from, until) = history_range(low, high);
            decoded(rows.scan(Family::History, &from, &until, PAGE_ROWS, false))
        });
        let page = page.await?.value;
        match page.last() {
            Some(last) => low = last.revision,
            None => {
                let problem = Problem::new(Code::InvariantBroken, format!("the history lacks revision {}", low + 1));
                return Err(problem.into());
            }
        }
        changes.extend(page);
    }
    let text = |value: Option<Value>| value.map(|value| value.to_string());
    let differences = diff(changes, from, to)
        .into_iter()
        .map(|difference| SettingDifference {
            key: difference.key,
            from: text(difference.from),
            to: text(difference.to),
        })
        .collect();
    Ok(Seen { value: SettingsDiff { from, to, differences }, at })
}
