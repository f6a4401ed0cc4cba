//! Interleaved rounds: the same load on one store and then on the other, again and again, and the medians.

use std::time::Duration;

use anyhow::Result;
use exchequer_tests::cluster::Cluster;
use exchequer_tests::load::{Load, Measured, Running};
use serde::Serialize;

use super::etcd::{self, Etcd};
use super::ours::{self, Bench};
use super::report::{Figure, load_average, median};

/// Connections of a client of single requests; the same as `exchequer bench raft` makes.
const CONNECTIONS_MAX: usize = 4;
/// Different keys that are written.
const KEYS: u64 = 100_000;
const VALUE_BYTES: usize = 256;
const WARM_UP: Duration = Duration::from_secs(1);

/// One load.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Shape {
    pub(crate) name: String,
    pub(crate) clients: usize,
    /// Writes in a message or transaction; none for single writes.
    pub(crate) batch: Option<usize>,
    /// Messages or transactions that each client has under way.
    pub(crate) in_flight: usize,
    /// The ratio that is aimed at.
    pub(crate) target: f64,
}

/// The loads that issue and specification name.
pub(crate) fn shapes() -> Vec<Shape> {
    let unary =
        |clients: usize, target| Shape { name: format!("{clients} unary"), clients, batch: None, in_flight: 1, target };
    let batches = Shape {
        name: format!("streamed, {} a batch", etcd::BATCH_MAX),
        clients: 8,
        batch: Some(etcd::BATCH_MAX),
        in_flight: 8,
        target: 10.0,
    };
    vec![unary(1, 2.0), unary(64, 5.0), unary(256, 5.0), batches]
}

/// What came of one shape.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Compared {
    pub(crate) shape: Shape,
    pub(crate) ours: Figure,
    pub(crate) etcd: Figure,
    /// The median of the rounds' ratios: each is of two runs that followed each other.
    pub(crate) ratio: f64,
    pub(crate) ratios: Vec<f64>,
    pub(crate) load_average: Vec<f64>,
    pub(crate) ours_rounds: Vec<Measured>,
    pub(crate) etcd_rounds: Vec<Measured>,
}

/// Runs every shape so many times on both stores in turn.
pub(crate) async fn run(
    cluster: &mut Cluster,
    etcd: &Etcd,
    shapes: &[Shape],
    rounds: usize,
    seconds: f64,
    say: &mut dyn FnMut(&str),
) -> Result<Vec<Compared>> {
    let mut measured: Vec<(Vec<Measured>, Vec<Measured>, Vec<f64>)> = vec![Default::default(); shapes.len()];
    let pids = ours::pids(cluster);
    for round in 0..rounds {
        for (shape, (ours, theirs, loads)) in shapes.iter().zip(&mut measured) {
            let bench = Bench {
                clients: shape.clients,
                batch: shape.batch,
                in_flight: shape.in_flight,
                seconds,
                keys: KEYS,
                fill: false,
            };
            // Whoever goes second finds the disk as the first one left it: they take turns.
            let (mine, other) = if round % 2 == 0 {
                let mine = bench.run(cluster, &pids).await?;
                (mine, on_etcd(etcd, shape, seconds).await?)
            } else {
                let other = on_etcd(etcd, shape, seconds).await?;
                (bench.run(cluster, &pids).await?, other)
            };
            say(&format!(
                "round {} {:<24} exchequer {:>8.0}/s  etcd {:>8.0}/s  {:.1}x",
                round + 1,
                shape.name,
                mine.writes_per_second(),
                other.writes_per_second(),
                mine.writes_per_second() / other.writes_per_second().max(1.0)
            ));
            ours.push(mine);
            theirs.push(other);
            loads.push(load_average());
        }
    }
    Ok(shapes.iter().zip(measured).map(|(shape, rounds)| compare(shape, rounds)).collect())
}

fn compare(shape: &Shape, (ours, theirs, load_average): (Vec<Measured>, Vec<Measured>, Vec<f64>)) -> Compared {
    let pairs = ours.iter().zip(&theirs);
    let ratios: Vec<f64> =
        pairs.map(|(mine, other)| mine.writes_per_second() / other.writes_per_second().max(1.0)).collect();
    Compared {
        shape: shape.clone(),
        ours: Figure::of(&ours),
        etcd: Figure::of(&theirs),
        ratio: median(ratios.iter().copied()),
        ratios,
        load_average,
        ours_rounds: ours,
        etcd_rounds: theirs,
    }
}

async fn on_etcd(etcd: &Etcd, shape: &Shape, seconds: f64) -> Result<Measured> {
    let doors = match shape.batch {
        None => etcd.doors(shape.clients.min(CONNECTIONS_MAX), etcd::ANSWER_TIMEOUT).await?,
        Some(_) => etcd.doors(shape.clients, etcd::ANSWER_TIMEOUT).await?,
    };
    let load = Load {
        writers: shape.clients * shape.in_flight,
        batch: shape.batch.unwrap_or(1),
        value_bytes: VALUE_BYTES,
        keys: KEYS,
        fill: false,
    };
    let running = Running::start(&doors, &load);
    tokio::time::sleep(WARM_UP).await;
    let measured = running.measure(Duration::from_secs_f64(seconds), &etcd.pids()).await;
    running.stop().await;
    Ok(measured)
}
