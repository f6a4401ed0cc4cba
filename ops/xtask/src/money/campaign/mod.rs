//! `cargo xtask money-campaign`: withdrawals under fire. The exchange reaches every network by two endpoints, two doors before its
//! node. Each seed is one withdrawal on one network, during which a process dies (SIGKILL): the leader, two leaders in a row, the
//! network's withdrawal worker, the leader's signer, or Bitcoin's node; or one of the doors or both are closed, or answer nothing for
//! a while. For some the reply to the broadcast is lost at one door or both, for some one door lies, and for some the network is
//! reorganised. Each must be paid exactly once, by itself; at the end books and chains must agree.
//!
//! What happens follows from the seed; when it meets what else is going on does not, since several seeds are under way at once
//! in one cluster. All that was paid is looked up at the networks' nodes, at addresses used once, also at the very end.

mod expiry;
mod plan;
mod quorum;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use exchequer_test_nodes::faults::{Fault, Faults, Rule};
use rustix::process::Signal;

use self::plan::{Plan, met};
use super::Money;
use super::chains::{Chains, Pace};
use super::journey::{Guide, Paid};
use super::places::{Coin, PLACES, amount, units};
use super::victims::{Deaths, Victim, end_child};
use crate::demo::cluster::Cluster;
use crate::product::{ASK_EVERY, Product};
use crate::stop::Stop;
use crate::{process, say};

/// Seeds that are under way at once.
const LANES: usize = 12;
/// After so many withdrawals it is told how far the campaign is.
const TOLD_EVERY: usize = 50;
/// What one user may take out in a day without anybody's consent bounds how many payments it is for, and their size.
const SHARE: u128 = 25;

/// How to run the campaign.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many withdrawals
    #[arg(long, value_name = "NUMBER", default_value_t = 60)]
    seeds: u64,
    /// The first seed; the others follow it [default: drawn, and told]
    #[arg(long, value_name = "NUMBER")]
    first: Option<u64>,
    /// The binary to run [default: the one that cargo last built]
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Folder of the cluster, kept [default: a temporary one, removed at the end]
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

/// Who is asked to die, where, and whom to tell when it is done.
type Order = (Victim, &'static str, mpsc::Sender<Result<()>>);

/// Runs the campaign.
///
/// # Errors
/// A withdrawal that was not paid exactly once, or the books do not add up: with the seeds that did it.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let (product, stop) = (Product::find(args.binary.as_deref())?, Stop::on_signals()?);
    let first = args.first.map_or_else(crate::crowd::draw_seed, Ok)?;
    say::line(format_args!("seeds {first} to {}", first + args.seeds.saturating_sub(1)));
    let temporary = tempfile::Builder::new().prefix("exchequer-campaign-").tempdir()?;
    let folder = args.dir.as_ref().map_or_else(|| Ok(temporary.path().to_owned()), std::path::absolute)?;
    let mut cluster = Cluster::open(product, folder)?;
    let outcome = campaign(&mut cluster, first, args.seeds, &stop);
    let last_words = outcome.is_err().then(|| cluster.last_words());
    let stopped = cluster.stop();
    if let (Some(words), None) = (last_words, &args.dir) {
        say::line(words);
    }
    outcome?;
    stopped?;
    Ok(ExitCode::SUCCESS)
}

fn campaign(cluster: &mut Cluster, first: u64, seeds: u64, stop: &Stop) -> Result<()> {
    cluster.bring_up(stop)?;
    let money = Money::begin(cluster, Pace::HASTY, stop)?;
    let begun = Instant::now();
    quorum::needed(&money.guide())?;
    let purses = std::thread::scope(|scope| {
        let proved = scope.spawn(|| expiry::proved(&money.guide()));
        let purses = purses(&money.guide(), seeds);
        proved.join().map_err(|_| anyhow!("a thread panicked"))?.and(purses)
    })?;
    let left = Mutex::new((first..first + seeds).map(Plan::of));
    let (paid, failed, deaths) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()), Deaths::default());
    let (orders, ordered) = mpsc::channel::<Order>();
    std::thread::scope(|scope| {
        for _ in 0..LANES {
            let (orders, money, left, purses) = (orders.clone(), &money, &left, &purses);
            let (paid, failed, deaths) = (&paid, &failed, &deaths);
            scope.spawn(move || {
                let next = || lock(left).next();
                while let Some(mut plan) = next() {
                    plan.victim = deaths.instead(plan.victim, plan.place.network, Instant::now());
                    match under_fire(&money.guide(), &plan, purses, &orders) {
                        Ok(done) => lock(paid).push((plan, done)),
                        Err(error) => lock(failed).push(format!("{plan}: {error:#}")),
                    }
                    tell(lock(paid).len(), lock(failed).len(), seeds, begun);
                }
            });
        }
        drop(orders);
        // Here, since nodes end with the thread that started them. What waits for a dead cluster waits in vain.
        carry_out(cluster, &ordered, stop).inspect_err(|_| stop.now())
    })?;
    let (paid, mut failed) = (into(paid), into(failed));
    for (plan, done) in &paid {
        if let Err(error) = money.guide().check(plan.place, &plan.coin, done) {
            failed.push(format!("{plan}: at the end, {error:#}"));
        }
    }
    let slowest = paid.iter().map(|(_, done)| done.took).max().unwrap_or_default();
    let (seconds, slowest) = (begun.elapsed().as_secs(), slowest.as_secs());
    say::line(format_args!(
        "{} of {seeds} withdrawals were paid exactly once, in {seconds} s, the slowest in {slowest} s",
        paid.len()
    ));
    say::line(met(&paid.iter().map(|(plan, _)| plan).collect::<Vec<_>>()));
    say::line(gone_wrong(&money.chains)?);
    if !failed.is_empty() {
        bail!("{}\nrun one again with --seeds 1 --first SEED", failed.join("\n"));
    }
    say::line(money.check_books()?);
    let entries = cluster.product.verify_ledger(&cluster.anyone())?;
    let balance = cluster.product.balanced(&cluster.anyone())?;
    if let Some(asset) = balance.wrong {
        bail!("what users and the exchange have of {asset} does not add up");
    }
    say::line(format_args!("the ledger verifies: {entries} entries, {} assets that add up", balance.assets));
    Ok(())
}

/// How often each thing went wrong at the doors.
fn gone_wrong(chains: &Chains) -> Result<String> {
    let mut all: BTreeMap<String, u64> = BTreeMap::new();
    for place in &PLACES {
        for (name, times) in chains.faults(place.network)?.into_iter().flat_map(Faults::fired) {
            *all.entry(name).or_default() += times;
        }
    }
    let told: Vec<String> = all.iter().map(|(name, times)| format!("{times} {name}")).collect();
    Ok(format!("answers that went wrong at the doors: {}", told.join(", ")))
}

/// Tells now and then how far the campaign is.
fn tell(paid: usize, failed: usize, seeds: u64, begun: Instant) {
    if (paid + failed).is_multiple_of(TOLD_EVERY) {
        let seconds = begun.elapsed().as_secs();
        say::line(format_args!(
            "{} of {seeds} withdrawals are over, {failed} of them failed, after {seconds} s",
            paid + failed
        ));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn into<T>(mutex: Mutex<T>) -> T {
    mutex.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A user for each coin of each network, with enough for every seed that might be there.
type Purses = Vec<(&'static str, &'static str, u64)>;

fn size(coin: &Coin) -> Result<u128> {
    let fee = units(coin.terms[3], coin.decimals).context("a fee that is none")?;
    let usual = units(coin.withdrawal, coin.decimals).context("an amount that is none")?;
    // A whole number of steps.
    let step = units(coin.terms[2], coin.decimals).context("a step that is none")?;
    let wanted = (usual / SHARE).max(fee * 3);
    Ok(wanted - wanted % step)
}

fn purses(guide: &Guide<'_>, seeds: u64) -> Result<Purses> {
    std::thread::scope(|scope| {
        let all = PLACES.iter().flat_map(|place| place.coins().map(move |coin| (place, coin)));
        let filled = all.map(|(place, coin)| {
            scope.spawn(move || {
                let user = guide.user(&format!("{} {} under fire", place.network, coin.asset))?;
                let enough = size(coin)? * (u128::from(seeds) + 1);
                guide.bring(user, place, coin, (&amount(enough, coin.decimals), 1))?;
                anyhow::Ok((place.network, coin.asset, user))
            })
        });
        let filled: Vec<_> = filled.collect();
        filled.into_iter().map(|one| one.join().map_err(|_| anyhow!("a thread panicked"))?).collect()
    })
}

/// One withdrawal, from its request to its end.
fn under_fire(guide: &Guide<'_>, plan: &Plan, purses: &Purses, orders: &mpsc::Sender<Order>) -> Result<Paid> {
    let (place, coin) = (plan.place, &plan.coin);
    let purse = purses.iter().find(|(network, asset, _)| (*network, *asset) == (place.network, coin.asset));
    let (_, _, user) = purse.context("nobody has such a coin")?;
    let sending = Chains::broadcast_method(place.network);
    for (faults, lost) in guide.chains.faults(place.network)?.into_iter().zip(plan.lost).filter(|(_, lost)| *lost > 0) {
        faults.add(Rule::from(Fault::DropReply).at(sending).times(lost));
    }
    let how_much = amount(size(coin)?, coin.decimals);
    let (asked, withdrawal, to) = guide.request(*user, place, coin, &how_much, &format!("seed-{}", plan.seed))?;
    let (done, lied) = std::thread::scope(|scope| {
        let lying = plan.lie.as_ref().map(|lie| scope.spawn(|| lie.tell(guide, place.network)));
        let done = strike(guide, plan, orders).and_then(|()| guide.await_end(withdrawal, place.network));
        let done = done.map(|done| Paid { took: asked.elapsed(), to, ..done });
        (done, lying.map_or(Ok(()), |lying| lying.join().map_err(|_| anyhow!("a thread panicked"))?))
    });
    let paid = done?;
    lied?;
    guide.check(place, coin, &paid)?;
    Ok(paid)
}

/// What happens under a payment: somebody dies, and the network may be reorganised.
fn strike(guide: &Guide<'_>, plan: &Plan, orders: &mpsc::Sender<Order>) -> Result<()> {
    let (network, chains) = (plan.place.network, guide.chains);
    guide.stop.pause(plan.moment)?;
    match plan.victim {
        Victim::Silence => chains.silent(network, plan.doors, plan.outage, guide.stop)?,
        Victim::Door | Victim::Doors => chains.closed(network, plan.doors, || guide.stop.pause(plan.outage))?,
        Victim::Node => chains.restart_bitcoin()?,
        Victim::Leader | Victim::Leaders | Victim::Worker | Victim::Signer => {
            let (done, told) = mpsc::channel();
            orders.send((plan.victim, network, done)).map_err(|_| anyhow!("nobody kills any more"))?;
            told.recv().context("nobody kills any more")??;
        }
    }
    if let Some((depth, after)) = plan.reorganised {
        guide.stop.pause(after)?;
        chains.reorganise(network, depth)?;
    }
    Ok(())
}

/// Kills what is ordered until nobody orders any more.
fn carry_out(cluster: &mut Cluster, ordered: &mpsc::Receiver<Order>, stop: &Stop) -> Result<()> {
    loop {
        let (victim, network, done) = match ordered.recv_timeout(ASK_EVERY) {
            Ok(order) => order,
            Err(RecvTimeoutError::Timeout) => {
                cluster.alive()?;
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        };
        let outcome = match victim {
            Victim::Leader => cluster.kill_leaders(1, stop).map(drop),
            Victim::Leaders => cluster.kill_leaders(2, stop).map(drop),
            Victim::Worker => kill(cluster, stop, &format!("withdrawal/{network}-1")),
            Victim::Signer => kill(cluster, stop, "exchequer-signer"),
            // Whoever pays sees to these.
            Victim::Door | Victim::Doors | Victim::Node | Victim::Silence => Ok(()),
        };
        // Who ordered it may have given up.
        let _given_up = done.send(outcome);
    }
}

/// Kills what the leading node runs. Where it is just being started, it is waited for.
fn kill(cluster: &mut Cluster, stop: &Stop, word: &str) -> Result<()> {
    let limit = Duration::from_secs(60);
    process::until(&format!("a running {word}"), limit, ASK_EVERY, stop, || {
        let leader = cluster.leader_pid()?;
        Ok((end_child(leader, word, Signal::KILL)? > 0).then_some(()))
    })
}

#[cfg(test)]
mod tests {
    use super::super::places::Place;
    use super::*;

    /// Goal: every withdrawal of the campaign is one that the listing lets through. Method: the terms of all coins.
    #[test]
    fn sizes_are_within_the_terms() {
        for coin in PLACES.iter().flat_map(Place::coins) {
            let size = size(coin).unwrap();
            let [min, max, step, fee] = coin.terms.map(|text| units(text, coin.decimals).unwrap());
            assert!(size - fee >= min && size <= max && size.is_multiple_of(step), "{}", coin.asset);
        }
    }
}
