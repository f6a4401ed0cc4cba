//! `cargo xtask money-campaign`: withdrawals under fire. Each seed is one withdrawal on one network, during which a process
//! dies (SIGKILL): the leader, two leaders in a row, the network's withdrawal worker, the leader's signer, or the network's node;
//! or the node answers nothing for a while. For some the reply to the broadcast is lost, and for some the network is reorganised.
//! Each must be paid exactly once, by itself; at the end books and chains must agree.
//!
//! What happens follows from the seed; when it meets what else is going on does not, since several seeds are under way at once
//! in one cluster. All that was paid is looked up at the networks' nodes, at addresses used once, also at the very end.

use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use exchequer_test_nodes::faults::{Fault, Rule};
use rustix::process::Signal;

use super::Money;
use super::chains::{Chains, Pace};
use super::journey::{Guide, Paid};
use super::places::{Coin, PLACES, Place, amount, units};
use super::victims::{Deaths, Victim, end_child};
use crate::crowd::dice::Dice;
use crate::demo::cluster::Cluster;
use crate::product::{ASK_EVERY, Product};
use crate::stop::Stop;
use crate::{process, say};

/// Seeds that are under way at once.
const LANES: usize = 12;
/// After so many withdrawals it is told how far the campaign is.
const TOLD_EVERY: usize = 50;
/// The process dies within so long after the request: a payment takes about as long.
const MOMENT_MS_MAX: u64 = 9_000;
/// For so long an endpoint that "died" refuses everything.
const OUTAGE_MS_MAX: u64 = 2_500;
/// Of a hundred payments, so many have the reply of their broadcast lost, and so many a reorganisation under them.
const LOST_PERCENT: u64 = 50;
const REORGANISED_PERCENT: u64 = 30;
/// Who dies in turn: of sixty seeds in a row each network meets all of it. Two leaders in a row take longest, and are rarer.
const TURNS: [Victim; 10] = [
    Victim::Leader,
    Victim::Worker,
    Victim::Signer,
    Victim::Endpoint,
    Victim::Leaders,
    Victim::Worker,
    Victim::Leader,
    Victim::Signer,
    Victim::Silence,
    Victim::Endpoint,
];
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

/// What happens to one withdrawal.
#[derive(Debug, Clone)]
struct Plan {
    seed: u64,
    place: &'static Place,
    coin: Coin,
    victim: Victim,
    moment: Duration,
    outage: Duration,
    /// How many replies to broadcasts are lost.
    lost: u32,
    /// How many blocks are given up, and when after the kill.
    reorganised: Option<(u64, Duration)>,
}

impl Plan {
    fn of(seed: u64) -> Plan {
        let mut dice = Dice::new(seed, 1);
        let networks = PLACES.len() as u64;
        let place = &PLACES[(seed % networks) as usize];
        let victim = TURNS[(seed / networks % TURNS.len() as u64) as usize];
        let coin = if dice.chance(50) { place.token.unwrap_or(place.coin) } else { place.coin };
        let moment = Duration::from_millis(dice.below(MOMENT_MS_MAX));
        let outage = Duration::from_millis(dice.between(200, OUTAGE_MS_MAX));
        let lost = if dice.chance(LOST_PERCENT) { 1 + u32::from(dice.chance(30)) } else { 0 };
        // What is settled is never given up: on these two that is a block with one upon it.
        let depth = if matches!(place.network, "bsc" | "bitcoin") { 1 } else { dice.between(1, 2) };
        let after = Duration::from_millis(dice.below(MOMENT_MS_MAX / 2));
        let reorganised = dice.chance(REORGANISED_PERCENT).then_some((depth, after));
        Plan { seed, place, coin, victim, moment, outage, lost, reorganised }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (network, asset, victim) = (self.place.network, self.coin.asset, self.victim.as_str());
        write!(f, "seed {}: {asset} on {network}, {victim} after {} ms", self.seed, self.moment.as_millis())?;
        if self.lost > 0 {
            write!(f, ", {} replies of broadcasts lost", self.lost)?;
        }
        match self.reorganised {
            Some((depth, _)) => write!(f, ", {depth} blocks given up"),
            None => Ok(()),
        }
    }
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
    let purses = purses(&money.guide(), seeds)?;
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
    let dropped: u64 =
        PLACES.iter().filter_map(|place| money.chains.faults(place.network).ok()?.fired().remove("drop_reply")).sum();
    say::line(format_args!("{dropped} replies to broadcasts were lost in all"));
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

/// How many payments met what, on which network, as a table.
fn met(plans: &[&Plan]) -> String {
    let mut text = format!("{:10}", "");
    for victim in Victim::ALL {
        text += &format!("{:>13}", victim.as_str());
    }
    text += &format!("{:>13}{:>13}", "lost-reply", "reorganised");
    for place in &PLACES {
        let here = || plans.iter().filter(|plan| plan.place.network == place.network);
        text += &format!("\n{:10}", place.network);
        for victim in Victim::ALL {
            text += &format!("{:>13}", here().filter(|plan| plan.victim == victim).count());
        }
        let (lost, undone) = (here().filter(|plan| plan.lost > 0), here().filter(|plan| plan.reorganised.is_some()));
        text += &format!("{:>13}{:>13}", lost.count(), undone.count());
    }
    text
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
    let faults = guide.chains.faults(place.network)?;
    if plan.lost > 0 {
        faults.add(Rule::from(Fault::DropReply).at(Chains::broadcast_method(place.network)).times(plan.lost));
    }
    let how_much = amount(size(coin)?, coin.decimals);
    let (asked, withdrawal, to) = guide.request(*user, place, coin, &how_much, &format!("seed-{}", plan.seed))?;
    guide.stop.pause(plan.moment)?;
    let away = |fault: Fault| {
        faults.add(fault.clone());
        let waited = guide.stop.pause(plan.outage);
        faults.lift(&fault);
        waited
    };
    match plan.victim {
        Victim::Silence => away(Fault::Hang)?,
        Victim::Endpoint => {
            if !guide.chains.restart(place.network)? {
                away(Fault::Refuse)?;
            }
        }
        Victim::Leader | Victim::Leaders | Victim::Worker | Victim::Signer => {
            let (done, told) = mpsc::channel();
            orders.send((plan.victim, place.network, done)).map_err(|_| anyhow!("nobody kills any more"))?;
            told.recv().context("nobody kills any more")??;
        }
    }
    if let Some((depth, after)) = plan.reorganised {
        guide.stop.pause(after)?;
        guide.chains.reorganise(place.network, depth)?;
    }
    let done = guide.await_end(withdrawal, place.network)?;
    let paid = Paid { took: asked.elapsed(), to, ..done };
    guide.check(place, coin, &paid)?;
    Ok(paid)
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
            Victim::Endpoint | Victim::Silence => Ok(()),
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
    use super::*;

    /// Goal: sixty seeds in a row, wherever they begin, let every victim die on every network; a thousand meet lost replies and
    /// reorganisations with all of it; and what they do follows from the seed alone. Method: counted plans, made twice.
    #[test]
    fn seeds_meet_everything() {
        let plans: Vec<Plan> = (0..1_000).map(Plan::of).collect();
        for place in &PLACES {
            for victim in Victim::ALL {
                let met = |plan: &&Plan| plan.victim == victim && plan.place.network == place.network;
                for first in [0, 17, 940] {
                    assert!(plans[first..first + 60].iter().any(|plan| met(&plan)), "{}", place.network);
                }
                assert!(plans.iter().filter(met).count() >= 16, "{} {}", place.network, victim.as_str());
            }
        }
        assert!(plans.iter().filter(|plan| plan.lost > 0 && plan.reorganised.is_some()).count() > 80);
        assert!(plans.iter().filter(|plan| plan.coin.is_token).count() > 300);
        let again = (0..1_000).map(|seed| Plan::of(seed).to_string());
        assert!(plans.iter().map(Plan::to_string).eq(again));
    }

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
