//! A simulator of a TRON node and of the chain behind it.
//!
//! Several endpoints in front of one chain are several nodes, each with faults of its own. Time is the chain's: it stands
//! still until blocks are made, by [`Tron::mine`] or at an interval.
//!
//! What is not simulated: voting, permissions of several keys, creating contracts, taking stake back, TRC-10, inner
//! transactions, and the virtual machine: tokens are a table of balances with the energy that the public network's largest
//! one takes. The makers' signatures under blocks are filler.

mod address;
mod api;
mod calls;
mod chain;
mod control;
mod execute;
mod json;
mod payer;
mod proto;
mod refusal;
mod token;
mod world;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, anyhow};
use parking_lot::Mutex;
use tokio::task::JoinHandle;

use crate::endpoint::Endpoint;
use crate::faults::Faults;
use crate::http::runtime;
use crate::shim::keccak;
pub use address::{Address, signer};
use api::Node;
pub use chain::{Again, BLOCK_MS, Block, Chain, MAKERS, Mined};
pub use execute::{Info, Read, Ret};
pub use payer::Payer;
pub use proto::{AnyMessage, Contract, Fields, Held, Kind, Raw, Transaction, sha256};
pub use refusal::{Code, Refusal};
pub use token::{Behaviour, ENERGY_FRESH, ENERGY_KNOWN, Log, Token, transfer_data};
pub use world::{Account, Parameters, Resource, TRX, World};

/// The chain begins so long ago: clients whose expiry follows their own clock find it neither over nor too far off, also
/// when many blocks are made at once.
const BEGUN_AGO: Duration = Duration::from_secs(3_600);

/// How it is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// A block every so many milliseconds; only when asked where it is none.
    pub block_ms: Option<u64>,
    /// The port of the endpoint; a free one where it is 0.
    pub port: u16,
    /// Whether the node says how much energy a call takes (off by default, as at most nodes).
    pub estimates: bool,
}

/// The chain with one node in front of it. Dropping it ends both.
#[derive(Debug)]
pub struct Tron {
    chain: Arc<Mutex<Chain>>,
    endpoint: Endpoint,
    estimates: bool,
    took: Duration,
    miner: Option<JoinHandle<()>>,
}

impl Drop for Tron {
    fn drop(&mut self) {
        if let Some(miner) = &self.miner {
            miner.abort();
        }
    }
}

impl Tron {
    /// Starts one that makes blocks only when it is asked.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn start() -> Result<Tron> {
        Tron::start_with(Options::default()).await
    }

    /// Starts one.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn start_with(options: Options) -> Result<Tron> {
        let begun = Instant::now();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
        let first_ms = i64::try_from(now.saturating_sub(BEGUN_AGO).as_millis()).context("the clock is too late")?;
        let chain = Arc::new(Mutex::new(Chain::new(first_ms)));
        let endpoint = open(chain.clone(), options.port, options.estimates).await?;
        let miner = match options.block_ms {
            Some(ms) => Some(runtime()?.spawn(mine_at(chain.clone(), Duration::from_millis(ms.max(1))))),
            None => None,
        };
        Ok(Tron { chain, endpoint, estimates: options.estimates, took: begun.elapsed(), miner })
    }

    /// The node in front of the chain.
    #[must_use]
    pub fn first(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Another node in front of the same chain.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn endpoint(&self) -> Result<Endpoint> {
        open(self.chain.clone(), 0, self.estimates).await
    }

    /// Where the node is.
    #[must_use]
    pub fn url(&self) -> String {
        self.endpoint.url()
    }

    /// What goes wrong at it.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        self.endpoint.faults()
    }

    /// How long it took until it answered.
    #[must_use]
    pub fn took(&self) -> Duration {
        self.took
    }

    /// Does something with the chain while no request sees it.
    pub fn chain<T>(&self, how: impl FnOnce(&mut Chain) -> T) -> T {
        how(&mut self.chain.lock())
    }

    /// Makes so many blocks.
    pub fn mine(&self, blocks: u64) {
        self.chain.lock().mine(blocks);
    }

    /// Makes blocks until the present head is solid.
    pub fn mine_solid(&self) {
        let mut chain = self.chain.lock();
        let wanted = chain.head();
        // With too many silent makers nothing becomes solid, however long.
        for _ in 0..10 * MAKERS {
            if chain.solid() >= wanted {
                break;
            }
            chain.mine(1);
        }
    }

    /// Gives an account so much, and activates it.
    pub fn fund(&self, to: Address, sun: i64) {
        self.chain.lock().fund(to, sun);
    }

    /// Makes a token; its address follows from its symbol.
    pub fn token(&self, behaviour: Behaviour, symbol: &str, decimals: u8) -> Address {
        new_token(&mut self.chain.lock(), behaviour, symbol, decimals)
    }

    /// Gives an account more of a token.
    ///
    /// # Errors
    /// When there is no such token.
    pub fn issue(&self, token: Address, to: Address, amount: u128) -> Result<()> {
        issue(&mut self.chain.lock(), token, to, amount).map_err(|error| anyhow!(error))
    }

    /// Gives up the last `depth` blocks, none of them solid, and makes one more than that in their place.
    ///
    /// # Errors
    /// When one of them is solid.
    pub fn fork(&self, depth: u64, again: &Again) -> Result<()> {
        self.chain.lock().fork(depth, again, false).map_err(|error| anyhow!(error))
    }
}

fn new_token(chain: &mut Chain, behaviour: Behaviour, symbol: &str, decimals: u8) -> Address {
    let mut own = Address([0; 20]);
    own.0.copy_from_slice(&keccak(format!("token {symbol}").as_bytes())[12..]);
    let token = Token::new(behaviour, own, symbol, decimals);
    chain.change(|world| {
        world.tokens.entry(own).or_insert_with(|| token.clone());
    });
    own
}

fn issue(chain: &mut Chain, token: Address, to: Address, amount: u128) -> Result<(), String> {
    let mut known = false;
    chain.change(|world| {
        if let Some(token) = world.tokens.get_mut(&token) {
            known = true;
            token.issue(to, amount);
        }
    });
    if known { Ok(()) } else { Err(format!("{token} is no token")) }
}

async fn open(chain: Arc<Mutex<Chain>>, port: u16, estimates: bool) -> Result<Endpoint> {
    let faults = Faults::default();
    let node = Arc::new(Node { chain, faults: faults.clone(), estimates });
    Endpoint::start(port, node, faults).await
}

async fn mine_at(chain: Arc<Mutex<Chain>>, every: Duration) {
    let mut ticks = tokio::time::interval(every);
    loop {
        ticks.tick().await;
        chain.lock().mine(1);
    }
}
