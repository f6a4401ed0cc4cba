//! Money in and out on six networks: nodes of all six, the exchange's treasury in a sandbox, and users who deposit, trade and
//! withdraw.
//!
//! The networks' nodes are those of `tests/nodes`, started and driven by this process. The exchange knows of them what it would
//! know of any: addresses of endpoints.

pub(crate) mod bench;
mod books;
pub(crate) mod campaign;
mod chains;
mod journey;
mod places;
mod secrets;
mod table;
mod treasury;
mod victims;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, bail};
use rustix::process::Signal;

pub(crate) use self::books::Compared;
use self::chains::Chains;
pub(crate) use self::chains::Pace;
use self::journey::Guide;
use self::places::{PLACES, Place};
use self::secrets::{Search, Secrets};
use self::table::{Board, Row};
use self::treasury::Treasury;
use crate::crowd::Exchange;
use crate::demo::cluster::Cluster;
use crate::product::{ASK_EVERY, Access, Product};
use crate::stop::{Interrupted, Stop};
use crate::{process, say};

/// Between two steps of people who are watched.
const REST: Duration = Duration::from_secs(6);
/// How often prices are said again: what is older than ten minutes lets nothing out by itself.
const PRICES_EVERY: Duration = Duration::from_secs(180);
/// How often it is asked how books and chains compare, where people watch.
const BOOKS_EVERY: Duration = Duration::from_secs(5);
/// How long it may take until a signer that ended is started again, and is open.
const SIGNER_LIMIT: Duration = Duration::from_secs(60);

/// The kinds of workers that run on every network.
const KINDS: [&str; 5] = ["deposit", "withdrawal", "consolidation", "gas", "balance-sync"];

/// The six networks with an exchange on them.
pub(crate) struct Money {
    product: Product,
    access: Access,
    chains: Chains,
    stop: Stop,
    run: String,
    board: Board,
    /// What was left before is somebody else's.
    begun: SystemTime,
    _prices: Prices,
}

/// Says again what assets are worth, as long as it lives.
struct Prices {
    halt: Stop,
    thread: Option<JoinHandle<()>>,
}

impl Prices {
    fn keep(product: Product, access: Access) -> Result<Prices> {
        let halt = Stop::new();
        let halted = halt.clone();
        let work = move || {
            while halted.pause(PRICES_EVERY).is_ok() {
                // Where no leader could be had, the next time is soon enough.
                let _later = treasury::set_prices(&product, &access);
            }
        };
        let thread = std::thread::Builder::new().name("prices".to_owned()).spawn(work)?;
        Ok(Prices { halt, thread: Some(thread) })
    }
}

impl Drop for Prices {
    fn drop(&mut self) {
        self.halt.now();
        // One that panicked has said so.
        let _ended = self.thread.take().map(JoinHandle::join);
    }
}

impl Money {
    /// Starts the nodes and sets the exchange up.
    ///
    /// # Errors
    /// A node is not installed or did not start, or the product refused something.
    pub(crate) fn begin(cluster: &Cluster, pace: Pace, stop: &Stop) -> Result<Money> {
        let chains = Chains::start(pace).context("the networks' nodes")?;
        let run = format!("{:x}", crate::crowd::draw_seed()?);
        let (product, access) = (cluster.product.clone(), cluster.anyone());
        let prices = Prices::keep(product.clone(), access.clone())?;
        let (stop, board, begun) = (stop.clone(), Board::default(), SystemTime::now());
        let money = Money { product, access, chains, stop, run, board, begun, _prices: prices };
        say::line(format_args!("nodes of {} networks answer", PLACES.len()));
        let treasury = money.treasury();
        treasury.open()?;
        let nodes: Vec<PathBuf> = cluster.nodes.iter().map(|node| node.data.clone()).collect();
        let words = treasury.make_vault(&nodes, &cluster.folder)?;
        say::line(format_args!("a vault is beside every node; the words of its seed are in {}", words.display()));
        treasury.wait_for_addresses()?;
        treasury.start_workers(&KINDS)?;
        treasury.fund()?;
        Ok(money)
    }

    fn treasury(&self) -> Treasury<'_> {
        Treasury { product: &self.product, access: &self.access, chains: &self.chains, stop: &self.stop }
    }

    fn guide(&self) -> Guide<'_> {
        let (product, access, run) = (&self.product, &self.access, self.run.clone());
        Guide { product, access, chains: &self.chains, stop: &self.stop, run, rest: None, board: &self.board }
    }

    /// The journey on every network at once. `meanwhile` is called again and again until all have arrived.
    ///
    /// # Errors
    /// A journey that did not come out; all are waited for.
    pub(crate) fn travel(&self, mut meanwhile: impl FnMut() -> Result<()>) -> Result<Vec<Row>> {
        let guide = self.guide();
        std::thread::scope(|scope| {
            let journeys: Vec<_> = PLACES.iter().map(|place| (place, scope.spawn(|| guide.travel(place)))).collect();
            let mut troubled = None;
            while troubled.is_none() && !journeys.iter().all(|(_, journey)| journey.is_finished()) {
                troubled = meanwhile().err();
            }
            if troubled.is_some() {
                self.stop.now();
            }
            let (mut rows, mut failed) = (Vec::new(), Vec::new());
            for (place, journey) in journeys {
                match journey.join() {
                    Ok(Ok(done)) => rows.extend(done),
                    Ok(Err(error)) => failed.push(format!("{}: {error:#}", place.network)),
                    Err(_) => failed.push(format!("{}: a journey's thread panicked", place.network)),
                }
            }
            match (troubled, failed.as_slice()) {
                (Some(error), _) => Err(error),
                (None, []) => Ok(rows),
                (None, [..]) => bail!("{}\n{}", table::table(&rows), failed.join("\n")),
            }
        })
    }

    /// Ends the leader's signer and a worker in the way that leaves a core where one may be left, and waits until a signer is there
    /// again: what they leave is looked at by [`Money::check_secrets`].
    ///
    /// # Errors
    /// There is no such process, or no signer came back.
    pub(crate) fn abort_signer(&self, cluster: &Cluster) -> Result<()> {
        let (name, pid) = (cluster.leader_name()?, cluster.leader_pid()?);
        let leader = cluster.nodes.iter().find(|node| node.name == name).context("an unknown leader")?;
        for word in ["exchequer-signer", "withdrawal/tron-1"] {
            if victims::end_child(pid, word, Signal::ABORT)? == 0 {
                bail!("{name} runs no {word}");
            }
        }
        let again = || self.product.signer_is_open(&leader.data);
        process::until("a signer in place of one that was ended", SIGNER_LIMIT, ASK_EVERY, &self.stop, again)
    }

    /// That no word of the seed and no key is in anything that the cluster wrote or tells, its errors too; how many bytes were
    /// looked at.
    ///
    /// # Errors
    /// One is: what, and where. Or something cannot be looked at.
    pub(crate) fn check_secrets(&self, cluster: &Cluster) -> Result<u64> {
        let words_file = secrets::words_file(&cluster.folder);
        let first = cluster.nodes.first().context("a cluster of no nodes")?;
        let paths = self.product.account_paths(&first.data)?;
        let secrets = Secrets::of(&std::fs::read_to_string(&words_file)?, &paths)?;
        let Search { mut found, mut looked, unseen } = secrets.search(&cluster.folder, &words_file, self.begun)?;
        if let Some(program) = unseen {
            say::line(format_args!("not looked at: the cores that the kernel gives to {program}"));
        }
        let addresses: Vec<String> = cluster.nodes.iter().map(|node| node.api.clone()).collect();
        let metrics = Exchange::new(&self.access.ca, &addresses)?.ask_each("/metrics")?;
        let told = self.product.told_of_late(&self.access, &first.data)?.into_iter();
        let refused = self.product.refusals(&self.access, &std::fs::read_to_string(&words_file)?)?;
        let told = told.chain(refused.into_iter().map(|text| ("an error", text)));
        let told = told.map(|(what, text)| (what, text.into_bytes()));
        for (what, bytes) in told.chain(metrics.into_iter().map(|bytes| ("metrics", bytes))) {
            looked += bytes.len() as u64;
            found.extend(secrets.find_in(&bytes).map(|secret| format!("{secret} is in {what}")));
        }
        if found.is_empty() { Ok(looked) } else { bail!("{}", found.join("\n")) }
    }

    /// Has users come and go on every network at a human pace, until it is stopped.
    ///
    /// # Errors
    /// A thread cannot be had.
    pub(crate) fn live(self) -> Result<Live> {
        let money = Arc::new(self);
        let halt = Stop::new();
        let mut threads = Vec::new();
        for place in &PLACES {
            let (money, halt) = (money.clone(), halt.clone());
            let thread = std::thread::Builder::new().name(format!("users-{}", place.network));
            threads.push(thread.spawn(move || money.come_and_go(place, &halt))?);
        }
        Ok(Live { money, halt, threads, books: Mutex::default() })
    }

    fn come_and_go(&self, place: &'static Place, halt: &Stop) {
        for time in 1_u32.. {
            let guide = Guide { run: format!("{}-{time}", self.run), rest: Some(REST), stop: halt, ..self.guide() };
            match guide.travel(place) {
                Ok(rows) => self.board.arrived(rows),
                Err(error) if error.is::<Interrupted>() => return,
                Err(error) => {
                    let words = format!("{error:#}");
                    self.board.doing(place.network, words.lines().last().unwrap_or_default());
                }
            }
            if halt.pause(REST).is_err() {
                return;
            }
        }
    }

    /// Where the networks' nodes are, each with the addresses that the exchange has of it.
    ///
    /// # Errors
    /// There is no such network.
    pub(crate) fn endpoints(&self) -> Result<Vec<(&'static str, String)>> {
        PLACES.iter().map(|place| Ok((place.network, self.chains.urls(place.network)?.join("  ")))).collect()
    }
}

/// Users who come and go. Dropped, they are sent home.
pub(crate) struct Live {
    money: Arc<Money>,
    halt: Stop,
    threads: Vec<JoinHandle<()>>,
    /// How books and chains compared, and when that was asked.
    books: Mutex<Option<(Instant, String)>>,
}

impl Live {
    /// What is going on.
    pub(crate) fn picture(&self) -> String {
        let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        if books.as_ref().is_none_or(|(asked, _)| asked.elapsed() >= BOOKS_EVERY)
            && let Ok(all) = self.money.product.reconciled(&self.money.access)
        {
            *books = Some((Instant::now(), books::told(&all)));
        }
        let told = books.as_ref().map_or("books and chains: not known yet", |(_, told)| told.as_str());
        format!("{}\n{told}", self.money.board.picture())
    }

    /// Where the networks' nodes are.
    ///
    /// # Errors
    /// There is no such network.
    pub(crate) fn endpoints(&self) -> Result<Vec<(&'static str, String)>> {
        self.money.endpoints()
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.halt.now();
        for thread in self.threads.drain(..) {
            // One that panicked has said so.
            let _ended = thread.join();
        }
    }
}

/// What became of journeys, for people.
pub(crate) fn told(rows: &[Row]) -> String {
    table::table(rows)
}
