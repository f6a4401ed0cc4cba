//! `GET /v1/ledger/feed`: the journal as it grows, for a system that follows it. Entries come in the order of their
//! numbers, each once and none left out; whoever is at the end may wait for the next one.

use std::time::Duration;

use axum::extract::State;
use exchequer_domain::{Code, Problem};
use tokio::time::Instant;

use super::ledger_entries::{PAGE_ENTRIES, entry};
use crate::app::App;
use crate::dto;
use crate::extract::Params;
use crate::openapi::Param;
use crate::problem::Refused;
use crate::read::{Freshness, Limit, Seen};
use crate::route::Route;
use exchequer_state::people::Permission;

/// Entries in one answer, at most.
const LIMIT_MAX: usize = 1_000;
/// Entries in one answer where the client does not say.
const LIMIT: usize = 100;
/// How long an answer without entries may be held back, in milliseconds; an answer has to begin in less than 30 s.
const WAIT_MS_MAX: u64 = 20_000;
/// How often one who waits looks, at most.
const PAUSE: Duration = Duration::from_millis(10);

pub(crate) fn routes() -> Vec<Route> {
    let route = Route::get("/v1/ledger/feed", feed)
        .needs(Permission::LedgerRead)
        .says("The journal's entries in order, for a system that follows it");
    vec![route.asks([
        Param::number("from", 1, u64::MAX, "The number of the first one; what the answer before gave as `next_from`"),
        Param::number("limit", 1, LIMIT_MAX as u64, "Entries in the answer, at most"),
        Param::number("wait_ms", 0, WAIT_MS_MAX, "How long to wait for an entry where there is none yet"),
    ])]
}

async fn feed(State(app): State<App>, mut params: Params) -> Result<Seen<dto::LedgerFeed>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    let from = params.number("from", 1..=u64::MAX)?.unwrap_or(1);
    let limit = params.number("limit", 1..=LIMIT_MAX)?.unwrap_or(LIMIT);
    let wait = Duration::from_millis(params.number("wait_ms", 0..=WAIT_MS_MAX)?.unwrap_or(0));
    params.end()?;
    let deadline = Instant::now() + wait;
    let mut seen = app.read(freshness, |state| Ok(state.ledger().last_posting())).await?;
    // A cluster that was put back in time has fewer entries than its follower: that is never to be waited for.
    if freshness == Freshness::Linearizable && from > seen.value.saturating_add(1) {
        let message = format!("the journal ends with entry {}", seen.value);
        let hint = "begin where it ends; a follower that has more has followed another journal";
        return Err(Problem::new(Code::NotFound, message).hint(hint).into());
    }
    while seen.value < from {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        app.backend.applied_beyond(seen.at.index, left).await?;
        // Most entries of a busy log post nothing: many followers must not look after each of them.
        tokio::time::sleep(PAUSE.min(left)).await;
        // What is applied is committed: whatever comes now may be told.
        seen = app.read(Freshness::Local(Limit::None), |state| Ok(state.ledger().last_posting())).await?;
    }
    let Seen { value: head, at } = seen;
    let mut entries: Vec<dto::LedgerEntry> = Vec::new();
    let mut next = from;
    while next <= head && entries.len() < limit {
        let before = next;
        let count = (limit - entries.len()).min(PAGE_ENTRIES);
        let page = app.page(freshness, move |state, rows| {
            let found = state.posting_feed(rows, next, count).map_err(|halt| halt.problem())?;
            found.iter().map(|posted| entry(state, posted, None)).collect::<Result<Vec<_>, Problem>>()
        });
        for entry in page.await?.value.into_iter().filter(|entry| entry.number <= head) {
            if entry.number != next {
                break;
            }
            next += 1;
            entries.push(entry);
        }
        if next == before {
            return Err(Problem::new(Code::InvariantBroken, format!("entry {next} of the journal is missing")).into());
        }
    }
    Ok(Seen { value: dto::LedgerFeed { entries, next_from: next, head }, at })
}
