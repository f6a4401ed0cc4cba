//! Durable events page by page, and the consumers whose offsets are kept.

use axum::extract::State;
use exchequer_domain::{Code, Problem};
use exchequer_state::events::{self, Consumer, Topic, Topics};
use exchequer_state::people::Permission;
use exchequer_state::settings::Danger;
use exchequer_state::{AddConsumer, Body as Change, CommitConsumer, Done, RemoveConsumer, State as Machine};

use crate::app::App;
use crate::auth::Caller;
use crate::dto::{self, ConsumerChanged, Consumers, EventPage, shapes};
use crate::events::{PAGE_EVENTS, topics};
use crate::extract::{Body, Name, Params, reason};
use crate::openapi::Param;
use crate::problem::Refused;
use crate::read::{Freshness, Seen, unreadable};
use crate::route::Route;
use crate::submit::Committed;

/// Events in one answer, at most.
const LIMIT_MAX: u64 = 1_000;
/// Events in one answer where the client does not say.
const LIMIT: u64 = 100;
/// Events that one answer looks through for its topics, at most.
const LOOKED_THROUGH_MAX: u64 = 20_000;

pub(crate) fn routes() -> Vec<Route> {
    let consumer = || Param::text::<shapes::ConsumerName>("consumer", "The consumer's name");
    vec![
        Route::get("/v1/events", page)
            .says("Durable events in order")
            .more(
                "Events that are not kept any more are never skipped: the answer is the refusal EXQ-1201. An answer with \
                 `topics` may hold fewer events than its limit and still not be the end; go on from `next`.",
            )
            .asks([
                Param::number("from", 1, u64::MAX, "The number of the first one; the newest where nothing is said"),
                Param::text::<shapes::TopicList>("topics", "Only those of these topics"),
                Param::number("limit", 1, LIMIT_MAX, "Events in the answer, at most"),
            ])
            .needs(Permission::EventsRead),
        Route::get("/v1/events/consumers", list)
            .says("The consumers of events, with their offsets")
            .needs(Permission::EventsRead),
        Route::post("/v1/events/consumers", add)
            .says("Makes a consumer, whose offset is kept")
            .needs(Permission::EventsConsume),
        Route::post("/v1/events/consumers/{consumer}/commit", commit)
            .says("Moves a consumer's offset")
            .more("Forward, at most once a second of replicated time. Back only with `rewind`, which says why.")
            .named(consumer())
            .needs(Permission::EventsConsume),
        Route::post("/v1/events/consumers/{consumer}/remove", remove)
            .says("Removes a consumer; events stay")
            .named(consumer())
            .danger(Danger::Level1)
            .needs(Permission::EventsConsume),
    ]
}

async fn page(State(app): State<App>, mut params: Params) -> Result<Seen<EventPage>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    let from = params.number("from", 1..=u64::MAX)?;
    let wanted = params.take("topics")?.map(|text| topics(&text)).transpose()?.unwrap_or(Topics::ALL);
    let limit = params.number("limit", 1..=LIMIT_MAX)?.unwrap_or(LIMIT);
    params.end()?;

    let seen = app.read_rows(freshness, move |state, _| {
        let (first, last) = (state.events().first(), state.event_sequence());
        let newest = || (last + 1).saturating_sub(limit).max(first);
        Ok((first, last, from.unwrap_or_else(newest)))
    });
    let Seen { value: (first, last, from), at } = seen.await?;
    if from < first {
        return Err(gone(from, first).into());
    }
    let (mut found, mut next) = (Vec::new(), from);
    while next <= last && (found.len() as u64) < limit && next - from < LOOKED_THROUGH_MAX {
        let rows = app.page(freshness, move |state, rows| match state.events().gap(next) {
            Some(gap) => Err(gone(gap.from, gap.to + 1)),
            None => events::raw(rows, next, last, PAGE_EVENTS).map_err(unreadable),
        });
        let page = crate::events::decode(next, &rows.await?.value)?;
        if page.end() == next {
            return Err(Problem::new(Code::FileCorrupt, format!("event {next} is missing")).into());
        }
        let room = usize::try_from(limit).unwrap_or(usize::MAX) - found.len();
        let before = found.len();
        found.extend(page.events(next, wanted).take(room).cloned());
        next = match found.last() {
            // It was cut, or just full: the next look begins behind the last one that was taken.
            Some(last) if found.len() - before == room => last.number + 1,
            Some(_) | None => page.end(),
        };
    }
    Ok(Seen { value: EventPage { events: found, first, last, next }, at })
}

fn gone(from: u64, first: u64) -> Problem {
    Problem::new(Code::EventsGone, format!("events from {from} on were asked for, and {first} is the oldest one kept"))
}

async fn list(State(app): State<App>, mut params: Params) -> Result<Seen<Consumers>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let seen = app.read(freshness, |state| {
        let consumers = state.events().consumers().map(|consumer| view(state, consumer)).collect();
        Ok(Consumers { consumers, first: state.events().first(), last: state.event_sequence() })
    });
    Ok(seen.await?)
}

fn view(state: &Machine, consumer: &Consumer) -> dto::Consumer {
    dto::Consumer {
        name: consumer.name.clone(),
        topics: consumer.topics.to_string(),
        offset: consumer.offset,
        behind: state.event_sequence() - consumer.offset,
        is_gapped: state.events().gap(consumer.offset + 1).is_some(),
        committed_at: consumer.committed_at.map(|at| at.to_string()),
        created_at: consumer.created_at.to_string(),
    }
}

async fn add(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<dto::AddConsumer>,
) -> Result<Committed<ConsumerChanged>, Refused> {
    let reason = reason(request.reason)?;
    let words = request.topics.map(|words| words.iter().map(|word| word.parse::<Topic>()).collect());
    let wanted: Result<Topics, _> = words.unwrap_or(Ok(Topics::ALL));
    let topics = wanted.map_err(|error| Problem::new(Code::BadRequest, format!("`topics`: {error}")))?;
    let id = app.command_id(request.command_id.as_deref())?;
    let name = request.name;
    let command = AddConsumer { name: name.clone(), topics, offset: request.offset, reason };
    let effect = app.submit_as(caller.0, id, Change::AddConsumer(command)).await?;
    let Done::ConsumerAdded { offset } = effect.done else { return Err(effect.unexpected()) };
    let (index, command_id) = (effect.index, id.to_string());
    Ok(Committed(id, ConsumerChanged { name, offset: Some(offset), index, command_id }))
}

async fn commit(
    State(app): State<App>,
    caller: Caller,
    Name(name): Name,
    Body(request): Body<dto::CommitConsumer>,
) -> Result<Committed<ConsumerChanged>, Refused> {
    let id = app.command_id(request.command_id.as_deref())?;
    let command = CommitConsumer { name: name.clone(), offset: request.offset, rewind: request.rewind };
    let effect = app.submit_as(caller.0, id, Change::CommitConsumer(command)).await?;
    let Done::ConsumerCommitted { offset } = effect.done else { return Err(effect.unexpected()) };
    let (index, command_id) = (effect.index, id.to_string());
    Ok(Committed(id, ConsumerChanged { name, offset: Some(offset), index, command_id }))
}

async fn remove(
    State(app): State<App>,
    caller: Caller,
    Name(name): Name,
    Body(request): Body<dto::RemoveConsumer>,
) -> Result<Committed<ConsumerChanged>, Refused> {
    let reason = reason(request.reason)?;
    let id = app.command_id(request.command_id.as_deref())?;
    let command = RemoveConsumer { name: name.clone(), reason };
    let effect = app.submit_as(caller.0, id, Change::RemoveConsumer(command)).await?;
    let Done::ConsumerRemoved = effect.done else { return Err(effect.unexpected()) };
    let (index, command_id) = (effect.index, id.to_string());
    Ok(Committed(id, ConsumerChanged { name, offset: None, index, command_id }))
}
