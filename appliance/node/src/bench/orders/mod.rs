//! `exchequer bench orders`: replicated orders a second, how long each takes, and where the time goes.
//!
//! Traders of their own, with money out of nothing, trade in markets of their own. Each sends one message at a time and
//! waits for its answer, as [`trader`] says; afterwards [`proof`] reads everything back.

mod floor;
mod proof;
mod trader;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use exchequer_domain::{Code, Problem};
use exchequer_state::matching::Rejection as BookRejection;
use exchequer_state::{Done, Outcome, Rejection, Traded};
use parking_lot::Mutex;

use self::trader::{Fate, Message, Trader};
use super::load::{Door, Failure, Load, Measured, Put, Running};
use super::meters::{Meters, written_by};
use super::way::Way;
use super::{cluster, mode_text};
use crate::cli::{BenchMode, OrdersBenchArgs, OrdersBenchReport};

/// Streams that traders share where nothing is said.
const STREAMS: u32 = 4;

/// What traders did, all together.
#[derive(Debug, Default)]
struct Tally {
    orders: AtomicU64,
    cancels: AtomicU64,
    late_cancels: AtomicU64,
    trades: AtomicU64,
}

/// A tally at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counted {
    orders: u64,
    cancels: u64,
    late_cancels: u64,
    trades: u64,
}

impl Tally {
    fn now(&self) -> Counted {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counted {
            orders: of(&self.orders),
            cancels: of(&self.cancels),
            late_cancels: of(&self.late_cancels),
            trades: of(&self.trades),
        }
    }
}

impl Counted {
    fn since(self, before: Counted) -> Counted {
        Counted {
            orders: self.orders - before.orders,
            cancels: self.cancels - before.cancels,
            late_cancels: self.late_cancels - before.late_cancels,
            trades: self.trades - before.trades,
        }
    }
}

/// A trader at one of the cluster's doors, which traders may share.
struct Seat {
    way: Arc<Way>,
    trader: Mutex<Trader>,
    tally: Arc<Tally>,
}

impl Door for Seat {
    /// Sends the trader's next message; `puts` are not looked at.
    async fn write(&self, _: Vec<Put>) -> Result<(), Failure> {
        let next = self.trader.lock().next();
        let Message { number, cancels, body } =
            next.ok_or_else(|| Failure::Refused("names have run out".to_owned()))?;
        let answered = self.way.submit(body).await;
        let outcome = match answered.map(|outcomes| outcomes.first().map(|bytes| Outcome::decode(bytes))) {
            Ok(Some(Ok(outcome))) => outcome,
            Ok(other) => return Err(Failure::Unknown(format!("the message has no outcome: {other:?}"))),
            Err(Failure::Refused(why)) => {
                // Nobody took it, so a cancelled order still rests.
                if !cancels {
                    self.trader.lock().heard(number, Fate::Refused, false);
                }
                return Err(Failure::Refused(why));
            }
            Err(unknown) => return Err(unknown),
        };
        if cancels { self.cancelled(&outcome) } else { self.placed(number, &outcome) }
    }
}

impl Seat {
    fn placed(&self, number: usize, outcome: &Outcome) -> Result<(), Failure> {
        let Outcome::Done(Done::Traded(traded)) = outcome else {
            self.trader.lock().heard(number, Fate::Refused, false);
            return Err(Failure::Refused(format!("an order was refused: {outcome:?}")));
        };
        let Traded { orders, fills } = traded.as_ref();
        let rests = orders.first().is_some_and(|order| order.status.is_open());
        self.trader.lock().heard(number, Fate::Acknowledged, rests);
        self.tally.orders.fetch_add(1, Ordering::Relaxed);
        self.tally.trades.fetch_add(fills.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    fn cancelled(&self, outcome: &Outcome) -> Result<(), Failure> {
        self.tally.cancels.fetch_add(1, Ordering::Relaxed);
        match outcome {
            Outcome::Done(Done::Traded(_)) => Ok(()),
            // It has traded meanwhile.
            Outcome::Rejected(Rejection::Order { why: BookRejection::UnknownOrder }) => {
                self.tally.late_cancels.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            other => Err(Failure::Refused(format!("an order was not cancelled: {other:?}"))),
        }
    }
}

/// Loads a running sandbox cluster with orders, and reads back what became of them.
///
/// # Errors
/// The cluster cannot be reached, or acknowledged nothing at all.
pub async fn orders(args: &OrdersBenchArgs) -> Result<OrdersBenchReport, Problem> {
    let target = cluster::find(&args.client).await?;
    let maker = Way::new(BenchMode::Unary, &target, 0)?;
    let (floor, traders) = floor::build(&maker, args.traders, args.markets, args.seed).await?;
    let connections = connections(args);
    let ways: Vec<Arc<Way>> = (0..connections as usize)
        .map(|number| Way::new(args.mode, &target, number).map(Arc::new))
        .collect::<Result<_, _>>()?;
    let tally = Arc::new(Tally::default());
    let places = traders.into_iter().zip(ways.iter().cycle());
    let seats: Vec<Arc<Seat>> = places
        .map(|(trader, way)| Seat { way: way.clone(), trader: Mutex::new(trader), tally: tally.clone() })
        .map(Arc::new)
        .collect();

    let meters = Meters::new(&target)?;
    let load = Load { writers: seats.len(), batch: 1, value_bytes: 1, keys: u64::MAX, fill: false };
    let running = Running::start(&seats, &load);
    tokio::time::sleep(args.warm_up).await;
    let written = || written_by(&args.server_pids);
    let (before, bytes, counted) = (meters.read().await, written(), tally.now());
    let measured = running.measure(args.duration, &args.server_pids).await;
    let counted = tally.now().since(counted);
    let (bytes, after) = (written().saturating_sub(bytes), meters.read().await);
    running.stop().await;
    if measured.writes == 0 {
        let why = measured.first_failure.unwrap_or_else(|| "nothing failed either".to_owned());
        return Err(Problem::new(Code::Unreachable, format!("not one order was acknowledged: {why}")));
    }
    let stages = after.stages(&before, measured.latency.mean_us as f64);
    let syncs = after.syncs(&before);
    let proof = proof::read_back(&args.client, &floor, &seats).await?;
    let seconds = measured.measured_us.max(1) as f64 / 1e6;
    let messages = measured.writes.max(1) as f64;
    let Measured { latency, client_cpu, server_cpu, .. } = &measured;
    let servers: f64 = server_cpu.iter().map(|cpu| cpu.total_s()).sum();
    Ok(OrdersBenchReport {
        mode: mode_text(args.mode),
        traders: args.traders,
        connections,
        markets: args.markets,
        seed: args.seed,
        measured_us: measured.measured_us,
        orders: counted.orders,
        cancels: counted.cancels,
        late_cancels: counted.late_cancels,
        trades: counted.trades,
        failed: measured.refused,
        unknown: measured.unknown,
        first_failure: measured.first_failure.clone(),
        orders_per_second: counted.orders as f64 / seconds,
        messages_per_second: measured.writes_per_second(),
        latency: (*latency).into(),
        stages,
        client_cpu: client_cpu.total_s() / seconds,
        server_cpu: server_cpu.iter().map(|cpu| cpu.total_s() / seconds).collect(),
        server_us_per_message: servers * 1e6 / messages,
        server_bytes_per_message: bytes as f64 / messages,
        syncs_per_message: syncs / messages,
        proof,
    })
}

/// How many connections there are: as asked, otherwise one a trader, or a few streams.
fn connections(args: &OrdersBenchArgs) -> u32 {
    let usual = match args.mode {
        BenchMode::Unary => args.traders,
        BenchMode::Stream => STREAMS,
    };
    args.connections.unwrap_or(usual).min(args.traders)
}
