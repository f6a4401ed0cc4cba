//! The audit: reading it, looking for records in it, and checking its chain from the first record on.

use axum::extract::State;
use exchequer_domain::{Code, Problem, Timestamp};
use exchequer_state::audit::{self, AuditContent, AuditHead, AuditRecord};
use exchequer_state::{Family, Rows, Table};

use crate::app::App;
use crate::dto::{AuditEntry, AuditPage, AuditVerified, shapes};
use crate::extract::Params;
use crate::openapi::Param;
use crate::problem::Refused;
use crate::read::{Freshness, Seen, unreadable};
use crate::route::Route;
use crate::words;
use exchequer_state::people::Permission;

/// Records in one answer, at most.
const LIMIT_MAX: u64 = 1_000;
/// Records in one answer where the client does not say.
const LIMIT: u64 = 100;
/// Rows of one read, during which nothing is applied.
const PAGE_ROWS: u64 = 256;
/// Records that one answer looks through for those that are wanted, at most.
const LOOKED_THROUGH_MAX: u64 = 10_000;
/// Characters of a filter, at most.
const FILTER_CHARS_MAX: usize = 200;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/audit", page)
            .needs(Permission::AuditRead)
            .says("Records of the audit")
            .more(
                "With a filter an answer may hold fewer records than its limit and still not be the end: 10,000 are looked \
                 through at most. Go on from `next_before`, or with `after` from `next_after`, as long as there is one. \
                 Times and `index` are found without looking through anything.",
            )
            .asks([
                Param::number("after", 0, u64::MAX, "Forward from behind this number; not together with `before`"),
                Param::number("before", 1, u64::MAX, "Back from before this number; else from the newest"),
                Param::number("limit", 1, LIMIT_MAX, "Records in the answer, at most"),
                Param::text::<shapes::AuditFilter>("target", "Only what was done to this; `tron*` for all that begins so"),
                Param::text::<shapes::AuditFilter>("actor", "Only what was done on behalf of this one: `admin 2`, or `admin*`"),
                Param::text::<shapes::AuditFilter>("action", "Only this, such as `set-setting`; or `set-*`"),
                Param::text::<shapes::Moment>("from", "Only from this moment on, its millisecond included"),
                Param::text::<shapes::Moment>("to", "Only up to this moment, its millisecond included"),
                Param::number("index", 1, u64::MAX, "Only what this entry of the log did, as answers of changes give it"),
            ]),
        Route::get("/v1/audit/verify", verify)
            .needs(Permission::AuditRead)
            .slow()
            .says("Checks the audit's chain from the first record on"),
    ]
}

/// Which way an answer looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Forward,
    Back,
}

/// What a text has to be.
#[derive(Debug)]
enum Wanted {
    Exactly(String),
    Beginning(String),
}

impl Wanted {
    /// What the query asks for under `name`; an asterisk at the end stands for any end.
    fn of(params: &mut Params, name: &str) -> Result<Option<Wanted>, Problem> {
        let Some(text) = params.take(name)? else { return Ok(None) };
        if text.is_empty() || text.chars().count() > FILTER_CHARS_MAX || text.chars().any(char::is_control) {
            let message = format!("`{name}` is 1 to {FILTER_CHARS_MAX} characters, none of them a control character");
            return Err(Problem::new(Code::BadRequest, message));
        }
        Ok(Some(match text.strip_suffix('*') {
            Some(start) => Wanted::Beginning(start.to_owned()),
            None => Wanted::Exactly(text),
        }))
    }

    fn is(&self, text: &str) -> bool {
        match self {
            Wanted::Exactly(wanted) => text == wanted,
            Wanted::Beginning(start) => text.starts_with(start.as_str()),
        }
    }
}

/// What of a record is looked at one by one.
#[derive(Debug)]
struct Filter {
    target: Option<Wanted>,
    actor: Option<Wanted>,
    action: Option<Wanted>,
}

impl Filter {
    fn of(params: &mut Params) -> Result<Filter, Problem> {
        let mut wanted = |name| Wanted::of(params, name);
        Ok(Filter { target: wanted("target")?, actor: wanted("actor")?, action: wanted("action")? })
    }

    fn takes_all(&self) -> bool {
        self.target.is_none() && self.actor.is_none() && self.action.is_none()
    }

    fn takes(&self, content: &AuditContent) -> bool {
        let is = |wanted: &Option<Wanted>, text: &str| wanted.as_ref().is_none_or(|wanted| wanted.is(text));
        is(&self.target, &content.target)
            && is(&self.actor, &content.actor.to_string())
            && is(&self.action, content.action.as_str())
    }
}

/// Between which records the answer lies. Time and index never go back from one record to the next. Times are compared as they are
/// shown, in whole milliseconds, so that a record is inside of a span that ends with the time shown of it.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    index: Option<u64>,
}

impl Span {
    fn of(params: &mut Params) -> Result<Span, Problem> {
        let mut time = |name| params.take(name)?.map(|text| words::parse_time(name, &text)).transpose();
        let (from, to) = (time("from")?, time("to")?);
        Ok(Span { from, to, index: params.number("index", 1..=u64::MAX)? })
    }

    fn is_before(&self, content: &AuditContent) -> bool {
        self.from.is_some_and(|from| content.time.millis() < from.millis())
            || self.index.is_some_and(|index| content.index < index)
    }

    fn is_behind(&self, content: &AuditContent) -> bool {
        self.to.is_some_and(|to| content.time.millis() > to.millis())
            || self.index.is_some_and(|index| content.index > index)
    }

    /// The numbers of the first record of it and of the last one; the first is higher where there is none.
    fn bounds(&self, rows: &dyn Rows, head: u64) -> Result<(u64, u64), Problem> {
        let (mut first, mut last) = (1, head);
        if self.from.is_some() || self.index.is_some() {
            first += leading(rows, head, |content| self.is_before(content))?;
        }
        if self.to.is_some() || self.index.is_some() {
            last = leading(rows, head, |content| !self.is_behind(content))?;
        }
        Ok((first, last))
    }
}

/// How many records from the first one on `holds` for; for those behind them it holds for none. At most 64 are read.
fn leading(rows: &dyn Rows, head: u64, holds: impl Fn(&AuditContent) -> bool) -> Result<u64, Problem> {
    let (mut known, mut beyond) = (0, head.saturating_add(1));
    while beyond - known > 1 {
        let middle = known + (beyond - known) / 2;
        let row = rows.get(Family::History, &audit::key(middle)).map_err(unreadable)?;
        let record = AuditRecord::decode(&row.ok_or_else(|| lacking(middle))?).map_err(unreadable)?;
        if holds(&record.content) { known = middle } else { beyond = middle }
    }
    Ok(known)
}

async fn page(State(app): State<App>, mut params: Params) -> Result<Seen<AuditPage>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    let after = params.number("after", 0..=u64::MAX)?;
    let before = params.number("before", 1..=u64::MAX)?;
    let limit = params.number("limit", 1..=LIMIT_MAX)?.unwrap_or(LIMIT);
    let (filter, span) = (Filter::of(&mut params)?, Span::of(&mut params)?);
    params.end()?;
    if after.is_some() && before.is_some() {
        return Err(Problem::new(Code::BadRequest, "give `after` or `before`, not both").into());
    }
    let way = if after.is_some() { Way::Forward } else { Way::Back };

    let begin = app.read_rows(freshness, move |state, rows| {
        let head = state.audit().sequence;
        Ok((head, span.bounds(rows, head)?))
    });
    let Seen { value: (head, (mut first, mut last)), at } = begin.await?;
    first = first.max(after.map_or(1, |after| after.saturating_add(1)));
    last = last.min(before.map_or(head, |before| before - 1));
    let (mut entries, mut looked_through) = (Vec::new(), 0);
    while first <= last && (entries.len() as u64) < limit && looked_through < LOOKED_THROUGH_MAX {
        let room = limit - entries.len() as u64;
        let count = PAGE_ROWS.min(last - first + 1).min(LOOKED_THROUGH_MAX - looked_through);
        let count = if filter.takes_all() { count.min(room) } else { count };
        let (low, high) = match way {
            Way::Forward => (first, first + count - 1),
            Way::Back => (last - (count - 1), last),
        };
        let mut found = app.page(freshness, move |_, rows| records(rows, low, high)).await?.value;
        if way == Way::Back {
            found.reverse();
        }
        for (number, record) in &found {
            if entries.len() as u64 == limit {
                break;
            }
            looked_through += 1;
            match way {
                Way::Forward => first = number + 1,
                Way::Back => last = number - 1,
            }
            if filter.takes(&record.content) {
                entries.push(entry(record));
            }
        }
    }
    let more = first <= last;
    let (next_after, next_before) = match way {
        Way::Forward => (more.then(|| first - 1), None),
        Way::Back => (None, more.then(|| last + 1)),
    };
    if way == Way::Back {
        entries.reverse();
    }
    Ok(Seen { value: AuditPage { entries, head, next_after, next_before, looked_through }, at })
}

async fn verify(State(app): State<App>, mut params: Params) -> Result<Seen<AuditVerified>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;

    let start = app.read(freshness, |state| Ok(*state.audit())).await?;
    let (end, at) = (start.value, start.at);
    let mut head = AuditHead::EMPTY;
    while head.sequence < end.sequence {
        let low = head.sequence + 1;
        let high = end.sequence.min(head.sequence + PAGE_ROWS);
        // Hashing happens outside of the read.
        let found = app.page(freshness, move |_, rows| records(rows, low, high)).await?.value;
        for (_, record) in &found {
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

/// The records from `low` to `high`, which exist, with the numbers under which they are kept; at most a page of them.
fn records(rows: &dyn Rows, low: u64, high: u64) -> Result<Vec<(u64, AuditRecord)>, Problem> {
    let (from, until) = Table::Audit.range(low, high);
    let page = rows.scan(Family::History, &from, &until, PAGE_ROWS as usize, false).map_err(unreadable)?;
    let mut found = Vec::with_capacity(page.len());
    for number in low..=high {
        let row = page.get(found.len()).filter(|(key, _)| *key == audit::key(number));
        let (_, row) = row.ok_or_else(|| lacking(number))?;
        found.push((number, AuditRecord::decode(row).map_err(unreadable)?));
    }
    Ok(found)
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
