//! The door of events for programs: streams of them, and offsets.

use axum::http::StatusCode;
use exchequer_domain::{Code, Problem};
use exchequer_state::events::{Topic, Topics};
use exchequer_state::{Actor, Body, CommitConsumer, Done, Rejection};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use tonic::service::interceptor::InterceptedService;
use tonic::{Request, Response, Status};

use crate::app::App;
use crate::auth;
use crate::events::proto::events_server::{Events, EventsServer};
use crate::events::proto::{self, CommitReply, CommitRequest, SubscribeRequest, Told};
use crate::events::{Item, Pass, Wish, open};
use crate::problem::status_of;
use crate::route::ClientAddress;
use crate::submit::SUBMIT_PATIENCE;

/// A larger message ends the call.
const MESSAGE_BYTES_MAX: usize = 64 << 10;
/// Topics that a request may name.
const TOPICS_MAX: usize = 64;

/// In front of the service stands the check of the token.
#[allow(clippy::type_complexity, reason = "the closure has no name of its own")]
pub(crate) fn service(
    app: &App,
) -> InterceptedService<EventsServer<Door>, impl Fn(Request<()>) -> Result<Request<()>, Status> + Clone + use<>> {
    let service = EventsServer::new(Door { app: app.clone() }).max_decoding_message_size(MESSAGE_BYTES_MAX);
    let app = app.clone();
    InterceptedService::new(service, move |mut request: Request<()>| {
        let client = request.extensions().get::<ClientAddress>().copied();
        let pass = Pass::of_program(&app, request.metadata().as_ref(), client);
        auth::note_refusal(&pass);
        let pass = pass.map_err(refused)?;
        request.extensions_mut().insert(pass);
        Ok(request)
    })
}

/// The status of a call that was not let in.
fn refused(problem: Problem) -> Status {
    match status_of(problem.code) {
        StatusCode::UNAUTHORIZED => Status::unauthenticated(problem.to_string()),
        StatusCode::FORBIDDEN => Status::permission_denied(problem.to_string()),
        _ => Status::unavailable(problem.to_string()),
    }
}

/// The service.
#[derive(Clone)]
pub(crate) struct Door {
    app: App,
}

fn pass_of<T>(request: &Request<T>) -> Result<Pass, Status> {
    request.extensions().get::<Pass>().cloned().ok_or_else(|| Status::unauthenticated("the call was not checked"))
}

#[tonic::async_trait]
impl Events for Door {
    type SubscribeStream = BoxStream<'static, Result<Told, Status>>;

    async fn subscribe(&self, request: Request<SubscribeRequest>) -> Result<Response<Self::SubscribeStream>, Status> {
        let pass = pass_of(&request)?;
        let opened = match wish(request.into_inner()) {
            Ok(wish) => open(&self.app, pass, wish).await,
            Err(problem) => Err(problem),
        };
        let app = self.app.clone();
        let stream = match opened {
            Ok(opened) => opened.items,
            // As in streams that ended later: with its code.
            Err(problem) => futures::stream::iter([Item::End(problem)]).boxed(),
        };
        Ok(Response::new(stream.map(move |item| Ok(told(&app, item))).boxed()))
    }

    async fn commit(&self, request: Request<CommitRequest>) -> Result<Response<CommitReply>, Status> {
        let actor = pass_of(&request)?.acts().map_err(refused)?;
        let CommitRequest { consumer: name, offset, rewind } = request.into_inner();
        let rewind = (!rewind.is_empty()).then_some(rewind);
        let body = Body::CommitConsumer(CommitConsumer { name, offset, rewind });
        Ok(Response::new(match commit(&self.app, actor, body).await {
            Ok(offset) => CommitReply { offset, problem: None },
            Err(problem) => CommitReply { offset: 0, problem: Some(wire(problem)) },
        }))
    }
}

async fn commit(app: &App, actor: Actor, body: Body) -> Result<u64, Problem> {
    let command = exchequer_state::Command { id: app.backend.new_id(), actor, epoch: None, body };
    let submitted = app.backend.submit(vec![command], SUBMIT_PATIENCE).await?;
    match submitted.outcomes.into_iter().next() {
        Some(exchequer_state::Outcome::Done(Done::ConsumerCommitted { offset })) => Ok(offset),
        Some(exchequer_state::Outcome::Rejected(rejection)) => Err(Rejection::problem(&rejection)),
        Some(exchequer_state::Outcome::Done(_)) | None => {
            Err(Problem::new(Code::Internal, "the command had another effect than expected"))
        }
    }
}

fn wish(request: SubscribeRequest) -> Result<Wish, Problem> {
    let SubscribeRequest { from, topics, ephemeral, consumer } = request;
    if topics.len() > TOPICS_MAX {
        return Err(Problem::new(Code::TooLarge, format!("a stream names at most {TOPICS_MAX} topics")));
    }
    let known = topics.iter().map(|word| word.parse::<Topic>()).collect::<Result<Topics, _>>();
    let known = known.map_err(|error| Problem::new(Code::BadRequest, format!("`topics`: {error}")))?;
    Ok(Wish {
        from: (from > 0).then_some(from),
        topics: (!known.is_empty()).then_some(known),
        ephemeral,
        consumer: (!consumer.is_empty()).then_some(consumer),
    })
}

fn wire(Problem { code, message, hint }: Problem) -> proto::Problem {
    proto::Problem { code: code.to_string(), message, hint }
}

fn told(app: &App, item: Item) -> Told {
    match item {
        Item::Events(page, from, topics) => Told { events: page.wires(from, topics), ..Told::default() },
        Item::Gap(gap) => Told { gap: Some(proto::Gap { from: gap.from, to: gap.to }), ..Told::default() },
        Item::Ephemeral(event) => {
            let event = proto::Ephemeral {
                topic: event.topic.as_str().to_owned(),
                r#type: event.kind.to_owned(),
                key: event.key.clone(),
                time_ms: app.backend.now_ms(),
                data: event.data.clone(),
            };
            Told { ephemeral: Some(event), ..Told::default() }
        }
        Item::Lost(lost) => Told { lost, ..Told::default() },
        Item::Position(position) => Told { position, ..Told::default() },
        Item::End(problem) => Told { end: Some(wire(problem)), ..Told::default() },
    }
}
