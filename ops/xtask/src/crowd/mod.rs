//! The crowd: simulated traders who make the demo's books, candles and balances move.
//!
//! They are users like others, with labels that say what they are, and trade like any program: with API keys, signed
//! requests of the spot dialect, at every node, and no other way in. Only their users, money and keys are made by the
//! operator ([`enlist`]). What they do follows from a seed; when it happens, and so who meets whom, does not.
//!
//! They live here and not in the product: the program of an exchange has nothing in it that trades with itself.

pub(crate) mod dice;
mod door;
mod enlist;
pub(crate) mod https;
mod maker;
mod places;
mod taker;
mod trader;
mod watch;

use std::fs::File;
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};

use self::dice::{Dice, Walk};
use self::door::{Door, Key, Tally};
pub(crate) use self::enlist::{Enlisted, enlist, open_markets};
use self::https::{Connection, Trust};
use self::maker::Maker;
use self::places::MARKETS;
pub(crate) use self::places::{ASSETS as TRADED_ASSETS, Asset, MARKETS as TRADED_MARKETS, Market};
use self::taker::{Kind, Taker};
use self::trader::{Desk, Habit};
pub(crate) use self::watch::Watch;
use crate::stop::Stop;

/// What a trader is there for.
#[derive(Debug, Clone, Copy)]
enum Role {
    /// Makes the market of this number.
    Maker(usize),
    /// Comes and goes in all of them.
    Taker(Kind),
}

/// Who belongs to the crowd. Two makers a market, so that a quote of one can be compared with another's.
const ROLES: [Role; 16] = [
    Role::Maker(0),
    Role::Maker(1),
    Role::Maker(2),
    Role::Maker(0),
    Role::Maker(1),
    Role::Maker(2),
    Role::Taker(Kind::Patient),
    Role::Taker(Kind::Careful),
    Role::Taker(Kind::Hasty),
    Role::Taker(Kind::Hasty),
    Role::Taker(Kind::Hasty),
    Role::Taker(Kind::Hasty),
    Role::Taker(Kind::Hasty),
    Role::Taker(Kind::Hasty),
    Role::Taker(Kind::Hasty),
    Role::Taker(Kind::Hasty),
];

/// How many traders there are.
pub(crate) const TRADERS: usize = ROLES.len();

/// Streams of chance: those of the walks, then those of the traders.
const FIRST_TRADER: u64 = 100;

/// Whoever looks at the markets, and the first trader, ask from here on. Every address of this network is this machine's
/// own, and the nodes limit what one address asks for: this leaves the visitor's whole share to the visitor.
const WATCH_FROM: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 100);

/// Where the exchange is.
#[derive(Clone)]
pub(crate) struct Exchange {
    trust: Trust,
    nodes: Vec<SocketAddrV4>,
}

impl Exchange {
    /// The one of these nodes.
    ///
    /// # Errors
    /// The authority's file cannot be read, or an address is none.
    pub(crate) fn new(ca: &Path, nodes: &[String]) -> Result<Exchange> {
        let nodes = nodes.iter().map(|node| node.parse().with_context(|| node.clone()));
        Ok(Exchange { trust: Trust::of(ca)?, nodes: nodes.collect::<Result<_>>()? })
    }

    /// What each node says of itself to anybody, such as its metrics.
    ///
    /// # Errors
    /// A node does not answer, or refuses.
    pub(crate) fn ask_each(&self, target: &str) -> Result<Vec<Vec<u8>>> {
        let mut opener = Connection::opener(&self.trust, WATCH_FROM);
        let mut ask = |node: &SocketAddrV4| {
            let reply = opener(*node)?.send("GET", target, &[])?;
            if reply.status == 200 { Ok(reply.body) } else { bail!("{node} answers {target} with {}", reply.status) }
        };
        self.nodes.iter().map(&mut ask).collect()
    }

    /// Somebody who looks at its markets.
    pub(crate) fn watch(&self) -> Watch {
        let opener = Connection::opener(&self.trust, WATCH_FROM);
        Watch::new(Door::new(opener, &self.nodes, 0, None, &Arc::default()))
    }
}

/// A seed where none was given.
///
/// # Errors
/// The system has no random numbers.
pub(crate) fn draw_seed() -> Result<u64> {
    let mut bytes = [0; 4];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    // Short enough to be typed again.
    Ok(u32::from_be_bytes(bytes).into())
}

/// The traders at work.
pub(crate) struct Crowd {
    halt: Stop,
    seed: u64,
    begun: Instant,
    tally: Arc<Tally>,
    threads: Vec<JoinHandle<Result<()>>>,
}

impl Crowd {
    /// Sets everybody to work. `lasts` are the last prices of the markets, where there are any.
    ///
    /// # Errors
    /// A thread cannot be had.
    pub(crate) fn start(exchange: &Exchange, enlisted: &Enlisted, lasts: &[Option<u64>], seed: u64) -> Result<Crowd> {
        let (halt, tally, begun) = (Stop::new(), Arc::new(Tally::default()), Instant::now());
        let run = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let walk = |(at, market): (usize, &places::Market)| {
            let start = lasts.get(at).copied().flatten().unwrap_or(market.anchor_ticks);
            Walk::new(Dice::new(seed, at as u64), market.anchor_ticks, start)
        };
        let walks: Vec<Walk> = MARKETS.iter().enumerate().map(walk).collect();
        let mut threads = Vec::new();
        for (at, (role, trader)) in ROLES.iter().zip(&enlisted.traders).enumerate() {
            let from = Ipv4Addr::from_bits(WATCH_FROM.to_bits() + 1 + at as u32);
            let key = Key::new(&trader.key, &trader.secret);
            let opener = Connection::opener(&exchange.trust, from);
            let door = Door::new(opener, &exchange.nodes, at % exchange.nodes.len(), Some(key), &tally);
            let dice = Dice::new(seed, FIRST_TRADER + at as u64);
            let desk = Desk::new(dice, walks.clone(), begun, door, halt.clone(), format!("sim{}-{run:x}", at + 1));
            let habit: Box<dyn Habit + Send> = match role {
                Role::Maker(market) => Box::new(Maker::new(*market)),
                Role::Taker(kind) => Box::new(Taker::new(*kind)),
            };
            let thread = std::thread::Builder::new().name(format!("trader-{}", at + 1));
            threads.push(thread.spawn(move || desk.trade(habit))?);
        }
        Ok(Crowd { halt, seed, begun, tally, threads })
    }

    /// What the crowd has done, in one line.
    pub(crate) fn told(&self) -> String {
        let of = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        let tally = &self.tally;
        let (entered, seconds) = (of(&tally.entered), self.begun.elapsed().as_secs().max(1));
        let mut text = format!(
            "{} simulated traders, seed {}: {entered} orders entered, {} a second, {} cancelled, {} refused",
            self.threads.len(),
            self.seed,
            entered / seconds,
            of(&tally.cancelled),
            of(&tally.refused),
        );
        if of(&tally.lost) > 0 {
            text +=
                &format!("; {} answers lost, {} orders asked for by name since", of(&tally.lost), of(&tally.settled));
        }
        text
    }

    /// Stops everybody.
    ///
    /// # Errors
    /// A trader has given up before.
    pub(crate) fn finish(mut self) -> Result<()> {
        self.halt.now();
        for thread in self.threads.drain(..) {
            match thread.join() {
                Ok(outcome) => outcome?,
                Err(_) => bail!("a simulated trader panicked"),
            }
        }
        Ok(())
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        // Also where the demo fails half-way.
        self.halt.now();
    }
}
