//! `exchequer event tail|consumers|add-consumer|commit|remove-consumer`: what happened, and who follows it.

use std::time::Duration;

use clap::{Args, Subcommand};
use exchequer_api::dto::{
    AddConsumer, CommitConsumer, ConsumerChanged, Consumers, EphemeralEvent, Event, EventGap, EventPage, Refusal,
    RemoveConsumer,
};
use exchequer_domain::{Code, Problem};
use reqwest::Method;

use super::args::{ClientArgs, ReasonArgs, StaleArgs};
use super::client::{Client, consistency};
use super::command::{CommandArgs, send};
use super::exit::{Exit, Stop};
use super::output::{NOTHING, Printer, columns, problem_text, text_or_nothing};

/// After this a stream that broke is opened again.
const AGAIN: Duration = Duration::from_secs(1);
/// How long a stream may take to begin.
const BEGINNING: Duration = Duration::from_secs(30);
/// What `--follow` waits out.
const PASSING: [Code; 7] = [
    Code::Unreachable,
    Code::NoLeader,
    Code::NoQuorum,
    Code::ReadTooStale,
    Code::SubscriberTooSlow,
    Code::StreamsFull,
    Code::Internal,
];
/// One event of a stream is never longer.
const EVENT_BYTES_MAX: usize = 4 << 20;

/// `exchequer event`.
#[derive(Debug, Clone, Subcommand)]
pub enum EventVerb {
    /// Show the newest events, the oldest of them first
    ///
    /// With --output json each event is one line. --follow goes on through elections and restarts, without a gap and
    /// without a repeat.
    #[command(after_help = "Example:\n  exchequer event tail -n 50\n  \
                      exchequer event tail --follow --topics settings,workers --output json\n  \
                      exchequer event tail --from 1201 -n 1000 --output json")]
    Tail(TailArgs),
    /// List the consumers of events, and how far each has come
    #[command(after_help = "Example:\n  exchequer event consumers")]
    Consumers(ConsumersArgs),
    /// Make a consumer, whose offset the cluster keeps
    #[command(
        after_help = "Example:\n  exchequer event add-consumer reports --topics money,users --reason 'OPS-430'\n  \
                      exchequer event add-consumer archive --offset 0 --reason 'OPS-431'"
    )]
    AddConsumer(AddConsumerArgs),
    /// Move a consumer's offset: the number of the last event that it is done with
    ///
    /// An offset goes forward, at most once a second. Back only with --rewind, which asks for a reason.
    #[command(after_help = "Example:\n  exchequer event commit reports 1200\n  \
                      exchequer event commit reports 900 --rewind --reason 'OPS-432: read again'")]
    Commit(CommitArgs),
    /// Remove a consumer; events stay
    #[command(after_help = "Example:\n  exchequer event remove-consumer reports --reason 'OPS-433: retired'")]
    RemoveConsumer(RemoveConsumerArgs),
}

/// `exchequer event tail`.
#[derive(Debug, Clone, Args)]
pub struct TailArgs {
    /// How many events
    #[arg(long, short = 'n', value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub lines: u64,
    /// The events from this number on instead of the newest ones
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    pub from: Option<u64>,
    /// Only those of these topics; several with commas between [default: all]
    #[arg(long, value_name = "TOPICS")]
    pub topics: Option<String>,
    /// Go on with the events that arise meanwhile, until Ctrl-C
    #[arg(long, short = 'f')]
    pub follow: bool,
    /// With --follow: also those that have no number, such as heartbeats, of the node that is asked
    #[arg(long, requires = "follow")]
    pub ephemeral: bool,
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer event consumers`.
#[derive(Debug, Clone, Args)]
pub struct ConsumersArgs {
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer event add-consumer`.
#[derive(Debug, Clone, Args)]
pub struct AddConsumerArgs {
    /// Its name: 1 to 64 characters of a-z, 0-9, `-`, `_` and `.`
    #[arg(value_name = "NAME")]
    pub name: String,
    /// What it reads; several with commas between [default: all]
    #[arg(long, value_name = "TOPICS", value_delimiter = ',')]
    pub topics: Vec<String>,
    /// The number of the last event that it need not see; 0 for all that are kept [default: the last there is]
    #[arg(long, value_name = "NUMBER")]
    pub offset: Option<u64>,
    /// Why.
    #[command(flatten)]
    pub reason: ReasonArgs,
    /// Which command it is.
    #[command(flatten)]
    pub command: CommandArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer event commit`.
#[derive(Debug, Clone, Args)]
pub struct CommitArgs {
    /// The consumer's name
    #[arg(value_name = "NAME")]
    pub name: String,
    /// The number of the last event that it is done with
    #[arg(value_name = "OFFSET")]
    pub offset: u64,
    /// Go back where the offset is behind the present one
    #[arg(long, requires = "reason")]
    pub rewind: bool,
    /// Why the offset goes back; it is kept in the audit
    #[arg(long, value_name = "TEXT", requires = "rewind")]
    pub reason: Option<String>,
    /// Which command it is.
    #[command(flatten)]
    pub command: CommandArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer event remove-consumer`.
#[derive(Debug, Clone, Args)]
pub struct RemoveConsumerArgs {
    /// The consumer's name
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Why.
    #[command(flatten)]
    pub reason: ReasonArgs,
    /// Which command it is.
    #[command(flatten)]
    pub command: CommandArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

impl EventVerb {
    pub(super) fn client(&self) -> &ClientArgs {
        match self {
            EventVerb::Tail(args) => &args.client,
            EventVerb::Consumers(args) => &args.client,
            EventVerb::AddConsumer(args) => &args.client,
            EventVerb::Commit(args) => &args.client,
            EventVerb::RemoveConsumer(args) => &args.client,
        }
    }
}

pub(super) async fn run(verb: &EventVerb, printer: &mut Printer) -> Result<Exit, Stop> {
    let client = Client::open(verb.client())?;
    match verb {
        EventVerb::Tail(args) => tail(&client, args, printer).await?,
        EventVerb::Consumers(args) => {
            let consumers: Consumers = client.get(&["events", "consumers"], &consistency(args.stale)).await?;
            printer.answer(&consumers, consumers_text)?;
        }
        EventVerb::AddConsumer(args) => {
            let id = args.command.id()?;
            let body = AddConsumer {
                name: args.name.clone(),
                topics: (!args.topics.is_empty()).then(|| args.topics.clone()),
                offset: args.offset,
                reason: args.reason.reason.clone(),
                command_id: Some(id.to_string()),
            };
            let added: ConsumerChanged = send(&client, Method::POST, &["events", "consumers"], &body, id).await?;
            printer.answer(&added, changed_text)?;
        }
        EventVerb::Commit(args) => {
            let id = args.command.id()?;
            let (offset, rewind) = (args.offset, args.reason.clone());
            let body = CommitConsumer { offset, rewind, command_id: Some(id.to_string()) };
            let path = ["events", "consumers", &args.name, "commit"];
            let committed: ConsumerChanged = send(&client, Method::POST, &path, &body, id).await?;
            printer.answer(&committed, changed_text)?;
        }
        EventVerb::RemoveConsumer(args) => {
            let id = args.command.id()?;
            let body = RemoveConsumer { reason: args.reason.reason.clone(), command_id: Some(id.to_string()) };
            let path = ["events", "consumers", &args.name, "remove"];
            let removed: ConsumerChanged = send(&client, Method::POST, &path, &body, id).await?;
            printer.answer(&removed, changed_text)?;
        }
    }
    Ok(Exit::Good)
}

async fn tail(client: &Client, args: &TailArgs, printer: &mut Printer) -> Result<(), Stop> {
    let mut query = consistency(args.stale);
    query.push(("limit", args.lines.to_string()));
    query.extend(args.from.map(|from| ("from", from.to_string())));
    query.extend(args.topics.iter().map(|topics| ("topics", topics.clone())));
    let page: EventPage = client.get(&["events"], &query).await?;
    page.events.iter().try_for_each(|event| print(event, printer))?;
    if !args.follow {
        return Ok(());
    }
    let (mut next, mut was_told) = (page.next, false);
    loop {
        let began = next;
        match follow(client, args, &mut next, printer).await {
            // Whoever follows events does so through elections and restarts, too.
            Err(Stop::Problem(problem)) if PASSING.contains(&problem.code) => {
                if !was_told || next > began {
                    printer.note(&problem_text(&problem))?;
                }
                was_told = true;
            }
            Err(stop) => return Err(stop),
            Ok(()) => was_told = false,
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Follows one stream to its end; `next` is the number to go on from.
async fn follow(client: &Client, args: &TailArgs, next: &mut u64, printer: &mut Printer) -> Result<(), Stop> {
    let mut query = vec![("from", next.to_string()), ("ephemeral", args.ephemeral.to_string())];
    query.extend(args.topics.iter().map(|topics| ("topics", topics.clone())));
    let mut response = client.fetch(&["events", "stream"], &query, BEGINNING).await?;
    let mut frames = Frames::default();
    while let Some(chunk) = client.chunk(&mut response).await? {
        for frame in frames.take(chunk.as_ref())? {
            if let Some(id) = frame.id {
                *next = id + 1;
            }
            match (frame.event.as_str(), frame.data.as_str()) {
                (_, "") => {}
                ("gap", data) => {
                    let gap: EventGap = read(data)?;
                    printer.line(&serde_json::json!({ "gap": gap }), |_| {
                        format!("Events {} to {} are not kept any more", gap.from, gap.to)
                    })?;
                }
                ("ephemeral", data) => {
                    let event: EphemeralEvent = read(data)?;
                    printer.line(&serde_json::json!({ "ephemeral": event }), |_| {
                        [NOTHING, &event.time, &event.topic, &event.kind, &event.key, &event.data.to_string()]
                            .join("  ")
                    })?;
                }
                ("lost", data) => {
                    let lost: serde_json::Value = read(data)?;
                    printer.line(&serde_json::json!({ "lost": lost["count"] }), |_| {
                        format!("{} events without a number were missed", lost["count"])
                    })?;
                }
                ("end", data) => return Err(read::<Refusal>(data)?.error.into()),
                (_, data) => print(&read::<Event>(data)?, printer)?,
            }
        }
    }
    Err(Problem::new(Code::Unreachable, "the stream ended").into())
}

fn read<T: serde::de::DeserializeOwned>(data: &str) -> Result<T, Problem> {
    serde_json::from_str(data).map_err(|error| {
        Problem::new(Code::BadRequest, format!("an event cannot be read: {error}"))
            .hint("the server may be of another version: see `exchequer status`")
    })
}

/// One frame of a stream of server-sent events.
#[derive(Debug, Default, PartialEq, Eq)]
struct Frame {
    id: Option<u64>,
    event: String,
    data: String,
}

/// Bytes of a stream that are no whole frame yet.
#[derive(Debug, Default)]
struct Frames(Vec<u8>);

impl Frames {
    /// The frames that are whole now.
    fn take(&mut self, bytes: &[u8]) -> Result<Vec<Frame>, Problem> {
        self.0.extend_from_slice(bytes);
        let Some(end) = self.0.windows(2).rposition(|pair| pair == b"\n\n") else {
            if self.0.len() > EVENT_BYTES_MAX {
                return Err(Problem::new(Code::TooLarge, "an event of the stream is too long"));
            }
            return Ok(Vec::new());
        };
        let rest = self.0.split_off(end + 2);
        let whole = std::mem::replace(&mut self.0, rest);
        Ok(String::from_utf8_lossy(&whole).split_terminator("\n\n").map(frame).collect())
    }
}

fn frame(text: &str) -> Frame {
    let mut frame = Frame::default();
    for line in text.lines() {
        match line.split_once(": ") {
            Some(("id", id)) => frame.id = id.parse().ok(),
            Some(("event", event)) => event.clone_into(&mut frame.event),
            Some(("data", data)) => data.clone_into(&mut frame.data),
            // Comments, and what a later server may say.
            Some(_) | None => {}
        }
    }
    frame
}

fn print(event: &Event, printer: &mut Printer) -> Result<(), Stop> {
    printer.line(event, |event| {
        let (number, data) = (event.number.to_string(), event.data.to_string());
        let actor = event.actor.as_deref().unwrap_or(NOTHING);
        let key = text_or_nothing(&event.key);
        [&number, &event.time, &event.topic, &event.kind, &key, actor, &data].join("  ")
    })
}

fn consumers_text(consumers: &Consumers) -> String {
    let row = |it: &exchequer_api::dto::Consumer| {
        [
            it.name.clone(),
            it.topics.clone(),
            it.offset.to_string(),
            it.behind.to_string(),
            if it.is_gapped { "yes" } else { "no" }.to_owned(),
            it.committed_at.clone().unwrap_or_else(|| NOTHING.to_owned()),
        ]
    };
    columns(["NAME", "TOPICS", "OFFSET", "BEHIND", "GAP", "COMMITTED"], consumers.consumers.iter().map(row))
}

fn changed_text(changed: &ConsumerChanged) -> String {
    match changed.offset {
        Some(offset) => format!("Consumer {} is at offset {offset}", changed.name),
        None => format!("Consumer {} is removed", changed.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: frames are read however the network cuts them, comments and positions included. Method: a stream cut at every
    /// byte.
    #[test]
    fn frames_are_read_however_they_are_cut() {
        let stream = b": connected\n\nid: 7\nevent: settings\ndata: {\"a\":1}\n\n: keep-alive\nid: 9\n\nevent: end\ndata: {}\n\n";
        let frame = |id, event: &str, data: &str| Frame { id, event: event.into(), data: data.into() };
        let expected = [
            frame(None, "", ""),
            frame(Some(7), "settings", "{\"a\":1}"),
            frame(Some(9), "", ""),
            frame(None, "end", "{}"),
        ];
        for cut in 0..stream.len() {
            let (left, right) = stream.split_at(cut);
            let mut frames = Frames::default();
            let mut read = frames.take(left).unwrap();
            read.extend(frames.take(right).unwrap());
            assert_eq!(read, expected, "cut at {cut}");
            assert!(frames.0.is_empty());
        }
        assert!(Frames::default().take(&vec![b'x'; EVENT_BYTES_MAX + 1]).is_err());
    }
}
