//! Events as they arise: server-sent events, and a WebSocket that speaks JSON.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts, State};
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use exchequer_domain::{Code, Problem, Timestamp};
use exchequer_state::people::Permission;
use futures::stream::SplitSink;
use futures::{SinkExt as _, StreamExt as _};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::App;
use crate::dto::{EphemeralEvent, EventGap, Refusal, shapes};
use crate::events::{Item, Opened, Pass, Wish, open, topics};
use crate::extract::Params;
use crate::openapi::{Input, Param, Shape};
use crate::problem::Refused;
use crate::route::Route;

/// Longest message of a client, in bytes.
const MESSAGE_BYTES_MAX: usize = 4 << 10;
/// How long a client that connects may take to say what it wants.
const ASKING: Duration = Duration::from_secs(10);
/// How long a socket that ends is given to take the closing frame.
const CLOSING: Duration = Duration::from_secs(5);
/// The code of the closing frame: the reason is in the last message.
const ENDED: u16 = 1011;
/// The code where the client broke the rules.
const POLICY: u16 = 1008;

fn query() -> [Param; 4] {
    [
        Param::number("from", 1, u64::MAX, "The number of the first one; those from now on where nothing is said"),
        Param::text::<shapes::TopicList>("topics", "Only those of these topics"),
        Param::word("ephemeral", &["true", "false"], "Whether events without a number are wanted too"),
        Param::text::<shapes::ConsumerName>("consumer", "Begin behind this consumer's offset, with its topics"),
    ]
}

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/events/stream", stream)
            .says("Events as they arise, as server-sent events")
            .more(
                "Each has its number as `id`, its topic as `event` and the event as `data`. `Last-Event-ID` goes on behind \
                 that number. `gap` tells events that are not kept any more, `lost` how many ephemeral ones were missed, \
                 `end` why the stream ends.",
            )
            .asks(query())
            .gives(&["text/event-stream"])
            .needs(Permission::EventsRead),
        Route::get("/v1/events/ws", socket)
            .says("The same over a WebSocket, in JSON")
            .more(
                "What is wanted is in the query, or in the first message: `{\"op\":\"subscribe\",\"from\":17,\
                 \"topics\":[\"settings\"],\"ephemeral\":true}`.",
            )
            .asks(query())
            .gives(&["application/json"])
            .needs(Permission::EventsRead),
    ]
}

async fn stream(State(app): State<App>, mut params: Params, pass: Pass) -> Result<Response, Refused> {
    let wish = Wish::of(&mut params)?;
    params.end()?;
    let wish = wish.behind(pass.last_seen.as_deref())?;
    let Opened { items, .. } = open(&app, pass, wish).await?;
    let frames = items.map(move |item| Ok::<Bytes, Infallible>(frame(&app, item)));
    // So that whoever waits knows at once that it is connected.
    let begun = futures::stream::iter([Ok(Bytes::from_static(b": connected\n\n"))]);
    let headers = [(header::CONTENT_TYPE, "text/event-stream")];
    Ok((headers, Body::from_stream(begun.chain(frames))).into_response())
}

fn frame(app: &App, item: Item) -> Bytes {
    let of = |name: &str, data: &Value| Bytes::from(format!("event: {name}\ndata: {data}\n\n"));
    match item {
        Item::Events(page, from, topics) => page.frames(from, topics),
        // Whoever connects again goes on behind the gap.
        Item::Gap(gap) => {
            let data = json!(EventGap { from: gap.from, to: gap.to });
            Bytes::from(format!("id: {}\nevent: gap\ndata: {data}\n\n", gap.to))
        }
        Item::Ephemeral(event) => of("ephemeral", &json!(ephemeral(app, &event))),
        Item::Lost(count) => of("lost", &json!({ "count": count })),
        // Without data no event is told, but the client knows how far it is.
        Item::Position(next) => Bytes::from(format!(": keep-alive\nid: {}\n\n", next - 1)),
        Item::End(problem) => of("end", &json!(Refusal { error: problem })),
    }
}

fn ephemeral(app: &App, event: &crate::events::Passing) -> EphemeralEvent {
    EphemeralEvent {
        topic: event.topic.as_str().to_owned(),
        kind: event.kind.to_owned(),
        key: event.key.clone(),
        time: Timestamp(app.backend.now_ms().saturating_mul(1_000)).to_string(),
        data: serde_json::from_str(&event.data).unwrap_or_default(),
    }
}

/// A request that wants to become a WebSocket, where it can.
struct Upgrade(Option<WebSocketUpgrade>);

impl FromRequestParts<App> for Upgrade {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Upgrade, Infallible> {
        Ok(Upgrade(WebSocketUpgrade::from_request_parts(parts, app).await.ok()))
    }
}

impl Input for Upgrade {
    fn describe(_: &mut Shape) {}
}

/// What a client says first, where its address says nothing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", tag = "op")]
enum Asked {
    Subscribe {
        from: Option<u64>,
        topics: Option<Vec<String>>,
        #[serde(default)]
        ephemeral: bool,
        consumer: Option<String>,
    },
}

fn asked(text: &str) -> Result<Wish, Problem> {
    let wrong = |error| Problem::new(Code::BadRequest, format!("the message cannot be read: {error}"));
    let Asked::Subscribe { from, topics: words, ephemeral, consumer } = serde_json::from_str(text).map_err(wrong)?;
    let topics = words.map(|words| topics(&words.join(","))).transpose()?;
    Ok(Wish { from: from.filter(|from| *from > 0), topics, ephemeral, consumer })
}

async fn socket(
    State(app): State<App>,
    mut params: Params,
    pass: Pass,
    Upgrade(upgrade): Upgrade,
) -> Result<Response, Refused> {
    let wish = Wish::of(&mut params)?;
    params.end()?;
    let upgrade = upgrade
        .ok_or_else(|| Problem::new(Code::BadRequest, "this address speaks WebSocket and nothing else"))?
        .max_message_size(MESSAGE_BYTES_MAX)
        .max_frame_size(MESSAGE_BYTES_MAX);
    // What can be refused is refused before there is a socket.
    let opened = if wish == Wish::default() { None } else { Some(open(&app, pass.clone(), wish).await?) };
    // A socket that has not asked yet has a place, too.
    let place = if opened.is_none() { Some(app.bus().place(pass.address)?) } else { None };
    Ok(upgrade.on_upgrade(async move |mut socket| {
        let opened = match opened {
            Some(opened) => Ok(opened),
            None => {
                let wish = match tokio::time::timeout(ASKING, first_text(&mut socket)).await {
                    Ok(Some(text)) => asked(&text),
                    Ok(None) => return,
                    Err(_late) => Err(Problem::new(Code::BadRequest, "nothing was asked for within 10 s")),
                };
                drop(place);
                match wish {
                    Ok(wish) => open(&app, pass, wish).await,
                    Err(problem) => Err(problem),
                }
            }
        };
        match opened {
            Ok(opened) => serve(&app, socket, opened).await,
            Err(problem) => {
                let (sink, _) = socket.split();
                bye(sink, &problem, POLICY).await;
            }
        }
    }))
}

async fn first_text(socket: &mut WebSocket) -> Option<Utf8Bytes> {
    while let Some(Ok(message)) = socket.recv().await {
        match message {
            Message::Text(text) => return Some(text),
            Message::Binary(_) | Message::Close(_) => return None,
            Message::Ping(_) | Message::Pong(_) => {}
        }
    }
    None
}

/// Tells everything; ends with the stream, or with the client.
async fn serve(app: &App, socket: WebSocket, Opened { mut items, over }: Opened) {
    let (mut sink, mut heard) = socket.split();
    let gone = async {
        while let Some(Ok(message)) = heard.next().await {
            if matches!(message, Message::Close(_)) {
                return;
            }
        }
    };
    let tell = async move {
        while let Some(item) = items.next().await {
            let text = match item {
                Item::Events(page, from, topics) => {
                    for text in page.messages(from, topics) {
                        // It was made of text.
                        let text = Utf8Bytes::try_from(text).unwrap_or_default();
                        if sink.feed(Message::Text(text)).await.is_err() {
                            return None;
                        }
                    }
                    if sink.flush().await.is_err() {
                        return None;
                    }
                    continue;
                }
                Item::Gap(gap) => json!({ "gap": EventGap { from: gap.from, to: gap.to } }),
                Item::Ephemeral(event) => json!({ "ephemeral": ephemeral(app, &event) }),
                Item::Lost(count) => json!({ "lost": count }),
                Item::Position(next) => json!({ "position": next - 1 }),
                Item::End(problem) => return Some((sink, problem)),
            };
            if sink.send(Message::Text(text.to_string().into())).await.is_err() {
                return None;
            }
        }
        None
    };
    let stuck = async {
        // It ends by being dropped.
        let _ = over.await;
        tokio::time::sleep(CLOSING).await;
    };
    tokio::select! {
        () = gone => {}
        // A client that takes nothing does not take the reason either.
        () = stuck => {}
        ended = tell => if let Some((sink, problem)) = ended {
            bye(sink, &problem, ENDED).await;
        },
    }
}

/// Says why, and closes.
async fn bye(mut sink: SplitSink<WebSocket, Message>, problem: &Problem, code: u16) {
    let text = json!({ "end": problem }).to_string();
    let reason: String = problem.code.to_string();
    let close = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
    let closing = async {
        if sink.send(Message::Text(text.into())).await.is_ok() {
            // Whoever does not take it is gone already.
            let _ = sink.send(close).await;
        }
    };
    let _ = tokio::time::timeout(CLOSING, closing).await;
}
