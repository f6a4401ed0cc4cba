//! `exchequer bench events`: events made as fast as the cluster takes them, or at a rate, with nobody following and then
//! with many.
//!
//! A command of the sandbox makes so many durable events in one step, so that the rate is that of events and not of
//! commands. Consumers are streams of the door for programs; each checks that numbers follow each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use exchequer_api::events::proto::events_client::EventsClient;
use exchequer_api::events::proto::{SubscribeRequest, Told};
use exchequer_domain::{Code, Problem};
use exchequer_state::{Body, Done, MakeEvents, Outcome};
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tonic::Request;
use tonic::transport::Channel;

use super::gateway::Target;
use super::measure::Durations;
use super::way::Way;
use super::{cluster, cpu};
use crate::cli::{BenchMode, EventsBenchArgs, EventsBenchReport, MadePart};

/// Streams that share a connection.
const STREAMS_A_CONNECTION: usize = 50;
/// How long consumers may take to get the last event, after the makers have stopped.
const CATCHING_UP: Duration = Duration::from_secs(60);
const MESSAGE_BYTES_MAX: usize = 16 << 20;

/// What makers and consumers share.
#[derive(Default)]
struct Board {
    stopped: AtomicBool,
    measuring: AtomicBool,
    made: AtomicU64,
    /// The last event that was acknowledged.
    last: AtomicU64,
    latencies: Mutex<Durations>,
    failed: AtomicU64,
    first_failure: Mutex<Option<String>>,
    wrong: AtomicU64,
    ended: AtomicU32,
    first_end: Mutex<Option<String>>,
}

/// How far one consumer is, and how many events it got.
#[derive(Default)]
struct Place {
    last: AtomicU64,
    got: AtomicU64,
}

async fn make(way: Way, args: EventsBenchArgs, board: Arc<Board>) {
    let pause = args.rate.map(|rate| Duration::from_secs_f64(f64::from(args.batch * args.makers) / f64::from(rate)));
    let mut due = Instant::now();
    while !board.stopped.load(Ordering::Relaxed) {
        if let Some(pause) = pause {
            tokio::time::sleep_until(due.into()).await;
            due += pause;
        }
        let begun = Instant::now();
        let body = Body::MakeEvents(MakeEvents { count: args.batch, filling_bytes: args.filling_bytes });
        let failure = match way.submit(body).await {
            Ok(outcomes) => match outcomes.first().map(|bytes| Outcome::decode(bytes)) {
                Some(Ok(Outcome::Done(Done::EventsMade { last }))) => {
                    board.last.fetch_max(last, Ordering::Relaxed);
                    if board.measuring.load(Ordering::Relaxed) {
                        board.made.fetch_add(args.batch.into(), Ordering::Relaxed);
                        board.latencies.lock().record(begun.elapsed());
                    }
                    continue;
                }
                other => format!("{other:?}"),
            },
            Err(failure) => format!("{failure:?}"),
        };
        board.failed.fetch_add(1, Ordering::Relaxed);
        board.first_failure.lock().get_or_insert(failure);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn consume(
    mut client: EventsClient<Channel>,
    request: Request<SubscribeRequest>,
    place: Arc<Place>,
    board: Arc<Board>,
) {
    let end = match client.subscribe(request).await {
        Ok(stream) => {
            let mut stream = stream.into_inner();
            loop {
                match stream.message().await {
                    Ok(Some(Told { end: Some(end), .. })) => break format!("{}: {}", end.code, end.message),
                    Ok(Some(told)) => take(&told, &place, &board),
                    Ok(None) => break "the stream ended".to_owned(),
                    Err(status) => break status.to_string(),
                }
            }
        }
        Err(status) => status.to_string(),
    };
    board.ended.fetch_add(1, Ordering::Relaxed);
    board.first_end.lock().get_or_insert(end);
}

/// Ends and count of a message tell whether anything in it is wrong; all of it is read for that only where they do.
fn take(told: &Told, place: &Place, board: &Board) {
    let number = |at: usize| told.event(at).map(|event| event.number);
    let (Some(first), Some(last)) = (number(0), told.events.len().checked_sub(1).and_then(number)) else {
        if let Some(gap) = &told.gap {
            board.wrong.fetch_add(gap.to + 1 - gap.from, Ordering::Relaxed);
            place.last.store(gap.to, Ordering::Relaxed);
        }
        return;
    };
    let count = told.events.len() as u64;
    let before = place.last.swap(last, Ordering::Relaxed);
    if before > 0 && first != before + 1 {
        board.wrong.fetch_add(first.abs_diff(before + 1), Ordering::Relaxed);
    }
    board.wrong.fetch_add((last + 1 - first).abs_diff(count), Ordering::Relaxed);
    place.got.fetch_add(count, Ordering::Relaxed);
}

/// One part: makers run, and what they came to is measured.
async fn part(
    target: &Target,
    args: &EventsBenchArgs,
    board: &Arc<Board>,
    places: &[Arc<Place>],
) -> Result<(MadePart, Vec<u64>), Problem> {
    board.stopped.store(false, Ordering::Relaxed);
    let mut makers = JoinSet::new();
    for number in 0..args.makers {
        let way = Way::new(BenchMode::Stream, target, number as usize)?;
        makers.spawn(make(way, args.clone(), board.clone()));
    }
    tokio::time::sleep(args.warm_up).await;
    let cpu_of = |pids: &[u32]| pids.iter().map(|pid| cpu::of(*pid)).collect::<Vec<_>>();
    let got = || places.iter().map(|place| place.got.load(Ordering::Relaxed)).collect::<Vec<_>>();
    let (own, servers, before, begun) = (cpu::own(), cpu_of(&args.server_pids), got(), Instant::now());
    *board.latencies.lock() = Durations::new();
    board.made.store(0, Ordering::Relaxed);
    board.measuring.store(true, Ordering::Relaxed);
    tokio::time::sleep(args.duration).await;
    board.measuring.store(false, Ordering::Relaxed);
    let (seconds, after) = (begun.elapsed().as_secs_f64().max(1e-6), got());
    let client_cpu = cpu::own().since(own).total_s() / seconds;
    let server_cpu =
        cpu_of(&args.server_pids).into_iter().zip(servers).map(|(now, then)| now.since(then).total_s() / seconds);
    let events = board.made.load(Ordering::Relaxed);
    let part = MadePart {
        measured_us: (seconds * 1e6) as u64,
        events,
        events_per_second: events as f64 / seconds,
        latency: board.latencies.lock().distribution().into(),
        client_cpu,
        server_cpu: server_cpu.collect(),
    };
    board.stopped.store(true, Ordering::Relaxed);
    while makers.join_next().await.is_some() {}
    Ok((part, after.into_iter().zip(before).map(|(after, before)| after - before).collect()))
}

/// Makes events in a running sandbox cluster, and follows them.
///
/// # Errors
/// The cluster cannot be reached, or acknowledged nothing at all.
pub async fn events(args: &EventsBenchArgs) -> Result<EventsBenchReport, Problem> {
    let target = cluster::find(&args.client).await?;
    let board = Arc::new(Board::default());
    let (alone, _) = part(&target, args, &board, &[]).await?;
    if alone.events == 0 {
        let why = board.first_failure.lock().clone().unwrap_or_else(|| "nothing failed either".to_owned());
        return Err(Problem::new(Code::Unreachable, format!("not one event was acknowledged: {why}")));
    }

    let places: Vec<Arc<Place>> = (0..args.consumers).map(|_| Arc::default()).collect();
    let begin = board.last.load(Ordering::Relaxed);
    let mut consumers = JoinSet::new();
    let mut channels: Vec<Channel> = Vec::new();
    for (number, place) in places.iter().enumerate() {
        place.last.store(begin, Ordering::Relaxed);
        // Nodes in turn; a new connection to one of them when its last one is full.
        let nodes = target.addresses.len().max(1);
        if number < nodes || number.is_multiple_of(STREAMS_A_CONNECTION) {
            channels.push(target.channel(channels.len())?);
        }
        let Some(channel) = channels.get(number % channels.len()).cloned() else { continue };
        let client = EventsClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
        let mut request = Request::new(SubscribeRequest { from: begin + 1, ..SubscribeRequest::default() });
        request.metadata_mut().insert("authorization", target.bearer()?);
        consumers.spawn(consume(client, request, place.clone(), board.clone()));
    }
    let (followed, got) = part(&target, args, &board, &places).await?;
    let behind =
        |place: &Arc<Place>| board.last.load(Ordering::Relaxed).saturating_sub(place.last.load(Ordering::Relaxed));
    let behind_max = places.iter().map(behind).max().unwrap_or(0);
    let ended = board.ended.load(Ordering::Relaxed);
    let waited = Instant::now();
    while places.iter().any(|place| behind(place) > 0) && waited.elapsed() < CATCHING_UP {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let missing: u64 = places.iter().map(behind).sum();
    consumers.shutdown().await;

    let seconds = followed.measured_us.max(1) as f64 / 1e6;
    let first_end = board.first_end.lock().clone().filter(|_| ended > 0);
    let first_failure = board.first_failure.lock().clone();
    Ok(EventsBenchReport {
        consumers: args.consumers,
        batch: args.batch,
        filling_bytes: args.filling_bytes,
        failed: board.failed.load(Ordering::Relaxed),
        first_failure,
        ratio: followed.events_per_second / alone.events_per_second,
        slowest_per_second: got.iter().min().copied().unwrap_or(0) as f64 / seconds,
        delivered_per_second: got.iter().sum::<u64>() as f64 / seconds,
        behind_max,
        wrong: board.wrong.load(Ordering::Relaxed) + missing,
        ended,
        first_end,
        alone,
        followed,
    })
}
