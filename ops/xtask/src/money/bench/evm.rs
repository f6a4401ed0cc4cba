//! Withdrawals on Ethereum.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use exchequer_test_nodes::Bare;
use exchequer_test_nodes::bare::{Accepted, Options};
use exchequer_test_nodes::shim::{Finality, Profile};
use tokio::runtime::Runtime;

use super::super::places::units;
use super::asking::{Asked, ask, stranger};
use super::house::{House, Terms};
use super::report::{Report, rate};
use super::{Args, checks, costs};
use crate::demo::cluster::Cluster;
use crate::say;
use crate::stop::Stop;

/// Withdrawals before those that are timed.
const WARM_UP: usize = 200;
/// For so long nothing may happen.
const SILENCE: Duration = Duration::from_secs(60);
/// How long the last ones may take until they are final and in the books.
const END_LIMIT: Duration = Duration::from_secs(180);
/// How long until what waits is paid.
const DRAIN_LIMIT: Duration = Duration::from_secs(900);
/// What each hot wallet begins with, in wei.
const FLOAT_WEI: u128 = 1_000_000_000_000_000_000_000;
/// Between two looks at how many were accepted.
const LOOK_EVERY: Duration = Duration::from_millis(20);

const TERMS: Terms = Terms {
    network: "ethereum",
    amount: "0.001",
    fee: "0.0001",
    least: "0.0005",
    confirmations: ["2", "4"],
    purse: 20,
    of_one_user: 1_000,
};

/// A network in memory, and an exchange on it.
struct Scene {
    house: House,
    bare: Bare,
    _runtime: Runtime,
}

fn open(cluster: &Cluster, args: &Args, count: usize, stop: &Stop) -> Result<Scene> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let finality = Finality::Behind { safe: 3, finalized: 6 };
    let options = Options { chain_id: Profile::Ethereum.chain_id(), block_ms: args.block_ms, finality };
    let bare = runtime.block_on(Bare::start(options))?;
    let house = House::open(cluster, TERMS, &bare.url(), count, stop)?;
    let txs: Vec<String> = house.hot.iter().map(|address| bare.give(address, FLOAT_WEI)).collect::<Result<_>>()?;
    house.take(&txs)?;
    Ok(Scene { house, bare, _runtime: runtime })
}

fn addresses(count: usize) -> Vec<String> {
    (0..count).map(|at| format!("0x{}", hex::encode(stranger(at)))).collect()
}

/// Times each withdrawal from its request to its first accepted broadcast.
///
/// # Errors
/// One is refused, not sent, or not paid exactly once.
pub(super) fn latency(cluster: &mut Cluster, args: &Args, stop: &Stop, report: &mut Report) -> Result<()> {
    let count = args.count();
    let scene = open(cluster, args, count + WARM_UP, stop)?;
    scene.house.start_paying()?;
    scene.house.wait_for_worker()?;
    let to = addresses(count + WARM_UP);
    let pace = Duration::from_secs(1) / args.pace;
    say::line(format_args!("{WARM_UP} withdrawals to warm up, then {count}, {} a second", args.pace));
    ask(&scene.house, 0, to.get(..WARM_UP).unwrap_or_default(), Some(pace))?;
    wait_until_sent(&scene, WARM_UP)?;
    let (busy, begun) = (costs::busy()?, Instant::now());
    let asked = ask(&scene.house, WARM_UP, to.get(WARM_UP..).unwrap_or_default(), Some(pace))?;
    wait_until_sent(&scene, to.len())?;
    let took = begun.elapsed();
    let spent = costs::between(&busy, &costs::busy()?);
    checks::wait_for_end(&scene.house, END_LIMIT)?;
    let accepted = scene.bare.accepted();
    let times = times(&asked, &accepted)?;
    report.say("withdrawals timed", times.len());
    report.say("requests a second", args.pace as usize);
    report.say_times("request to first accepted broadcast", &times);
    report.say_times("request to answer", &asked.iter().map(|one| one.answered).collect::<Vec<_>>());
    tell(&scene, report, &accepted, &to, took, spent)?;
    anchor(args, report, &accepted)
}

/// Has withdrawals wait, and then their worker run.
///
/// # Errors
/// As [`latency`].
pub(super) fn drain(cluster: &mut Cluster, args: &Args, stop: &Stop, report: &mut Report) -> Result<()> {
    let count = args.count();
    let scene = open(cluster, args, count, stop)?;
    let to = addresses(count);
    let begun = Instant::now();
    let asked = ask(&scene.house, 0, &to, None)?;
    report.say("withdrawals that waited", asked.len());
    report.say("hot wallets", scene.house.hot.len());
    report.say("requests taken", rate(asked.len(), begun.elapsed()));
    say::line(format_args!("{} withdrawals wait", asked.len()));
    let (busy, begun) = (costs::busy()?, Instant::now());
    scene.house.start_paying()?;
    wait_until_sent(&scene, count)?;
    let took = begun.elapsed();
    let spent = costs::between(&busy, &costs::busy()?);
    checks::wait_for_end(&scene.house, DRAIN_LIMIT)?;
    let ended = begun.elapsed();
    let accepted = scene.bare.accepted();
    let first = accepted.iter().map(|one| one.at).min().context("nothing was sent")?;
    report.say("from the worker's start to the first broadcast", first - begun);
    report.say("from the worker's start to the last broadcast", took);
    report.say("from the worker's start until all are completed", ended);
    report.say("broadcast, from the worker's start", rate(count, took));
    report.say("completed, from the worker's start", rate(count, ended));
    tell(&scene, report, &accepted, &to, took, spent)?;
    anchor(args, report, &accepted)
}

/// Waits until so many were accepted.
fn wait_until_sent(scene: &Scene, count: usize) -> Result<()> {
    let (mut last, mut moved) = (0, Instant::now());
    loop {
        let now = scene.bare.accepted_count();
        if now >= count {
            return Ok(());
        }
        if now > last {
            (last, moved) = (now, Instant::now());
        }
        if moved.elapsed() > SILENCE {
            bail!("{now} of {count} were sent, and nothing more for {} s", SILENCE.as_secs());
        }
        scene.house.stop.pause(LOOK_EVERY)?;
    }
}

/// From each request to the first accepted transaction that pays it.
fn times(asked: &[Asked], accepted: &[Accepted]) -> Result<Vec<Duration>> {
    let mut first: BTreeMap<[u8; 20], Instant> = BTreeMap::new();
    for one in accepted {
        first.entry(one.to).and_modify(|at| *at = (*at).min(one.at)).or_insert(one.at);
    }
    let time = |one: &Asked| {
        let at = first.get(&stranger(one.at)).with_context(|| format!("withdrawal {} was never sent", one.at))?;
        Ok(at.saturating_duration_since(one.due))
    };
    asked.iter().map(time).collect()
}

/// That everybody was paid once, and what the run was like.
fn tell(
    scene: &Scene,
    report: &mut Report,
    accepted: &[Accepted],
    to: &[String],
    took: Duration,
    spent: Vec<(String, Duration)>,
) -> Result<()> {
    let pays = |text| units(text, scene.house.place.coin.decimals).context("an amount that is none");
    let due = pays(TERMS.amount)? - pays(TERMS.fee)?;
    for address in to {
        let has = scene.bare.balance(address)?;
        if has != due {
            bail!("{address} was to have {due} and has {has}");
        }
    }
    let txs = checks::check(&scene.house, to.len(), report)?;
    report.say("paid exactly once, by the chain", to.len());
    report.say("transactions that paid", txs.len());
    report.say("transactions accepted", accepted.len());
    report.say("transactions refused", scene.bare.refused().len());
    let fullest = scene.bare.per_block().into_iter().max().unwrap_or(0);
    report.say("transactions in the fullest block", fullest);
    for (name, time) in spent {
        let share = time.as_micros() * 1_000 / took.as_micros().max(1);
        report.say(format!("processor time of {name}"), format!("{}.{:03} of one", share / 1_000, share % 1_000));
    }
    Ok(())
}

fn anchor(args: &Args, report: &mut Report, accepted: &[Accepted]) -> Result<()> {
    if args.no_anvil {
        return Ok(());
    }
    match costs::anvil(accepted, args.block_ms) {
        Ok((taken, time)) => {
            report.say("the same transactions to anvil alone", taken);
            report.say("anvil takes", rate(taken, time));
        }
        Err(error) => report.say("anvil was not measured", format!("{error:#}")),
    }
    Ok(())
}
