//! The audit: reading it, and checking its chain from the first record on.

use axum::extract::State;
use exchequer_domain::{Code, Problem};
use exchequer_state::audit::{AuditHead, AuditRecord};
use exchequer_state::{Family, Rows, Table};

use crate::app::App;
use crate::dto::{AuditEntry, AuditPage, AuditVerified};
use crate::extract::Params;
use crate::openapi::Param;
use crate::problem::Refused;
use crate::read::{Freshness, Seen, unreadable};
use crate::route::Route;
use exchequer_state::people::Permission;

/// Records in one answer, at most.
const LIMIT_MAX: u64 = 1_000;
/// Records in one answer where the client does not say.
const LIMIT: u64 = 100;
/// Rows of one read, during which nothing is applied.
const PAGE_ROWS: usize = 256;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/audit", page).needs(Permission::AuditRead).says("Records of the audit").asks([
            Param::number(
                "after",
                0,
                u64::MAX,
                "The number before the first one; the newest records where nothing is said",
            ),
            Param::number("limit", 1, LIMIT_MAX, "Records in the answer, at most"),
        ]),
        Route::get("/v1/audit/verify", verify)
            .needs(Permission::AuditRead)
            .slow()
            .says("Checks the audit's chain from the first record on"),
    ]
}

async fn page(State(app): State<App>, mut params: Params) -> Result<Seen<AuditPage>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    let after = params.number("after", 0..=u64::MAX)?;
    let limit = params.number("limit", 1..=LIMIT_MAX)?.unwrap_or(LIMIT);
    params.end()?;

    let first = app.read_rows(freshness, move |state, rows| {
        let head = state.audit().sequence;
        let after = after.unwrap_or_else(|| head.saturating_sub(limit));
        let last = after.saturating_add(limit).min(head);
        Ok((head, after, last, records(rows, after, last)?))
    });
    let Seen { value: (head, mut after, last, mut found), at } = first.await?;
    let mut entries = Vec::new();
    loop {
        match found.last() {
            Some(record) => after = record.content.sequence,
            None if after < last => return Err(lacking(after + 1).into()),
            None => break,
        }
        entries.extend(found.iter().map(entry));
        if after == last {
            break;
        }
        found = app.page(freshness, move |_, rows| records(rows, after, last)).await?.value;
    }
    let next_after = (after < head).then_some(after);
    Ok(Seen { value: AuditPage { entries, head, next_after }, at })
}

async fn verify(State(app): State<App>, mut params: Params) -> Result<Seen<AuditVerified>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;

    let start = app.read(freshness, |state| Ok(*state.audit())).await?;
    let (end, at) = (start.value, start.at);
    let mut head = AuditHead::EMPTY;
    while head.sequence < end.sequence {
        let after = head.sequence;
        // Hashing happens outside of the read.
        let found = app.page(freshness, move |_, rows| records(rows, after, end.sequence)).await?.value;
        if found.is_empty() {
            return Err(lacking(after + 1).into());
        }
        for record in &found {
            head = head.follow(record).map_err(|broken| Problem::new(Code::AuditBroken, broken.to_string()))?;
        }
    }
    if head != end {
        let message = format!("audit record {}: it is not the one that the state ends with", head.sequence);
        return Err(Problem::new(Code::AuditBroken, message).into());
    }
    Ok(Seen { value: AuditVerified { records: head.sequence, hash: head.hash.to_string() }, at })
}

fn lacking(sequence: u64) -> Problem {
    Problem::new(Code::AuditBroken, format!("audit record {sequence}: it is missing"))
}

/// A page of the records after `after`, up to `last`.
fn records(rows: &dyn Rows, after: u64, last: u64) -> Result<Vec<AuditRecord>, Problem> {
    if after >= last {
        return Ok(Vec::new());
    }
    let (from, until) = Table::Audit.range(after + 1, last);
    let page = rows.scan(Family::History, &from, &until, PAGE_ROWS, false).map_err(unreadable)?;
    page.iter().map(|(_, row)| AuditRecord::decode(row).map_err(unreadable)).collect()
}

fn entry(record: &AuditRecord) -> AuditEntry {
    let content = &record.content;
    AuditEntry {
        sequence: content.sequence,
        time: content.time.to_string(),
        index: content.index,
        actor: content.actor.to_string(),
        action: content.action.as_str().to_owned(),
        target: content.target.clone(),
        detail: content.detail.clone(),
        reason: content.reason.clone(),
        previous: record.previous.to_string(),
        hash: record.hash.to_string(),
    }
}
