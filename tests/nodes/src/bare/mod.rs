//! A network of Ethereum's kind on which coin is transferred and nothing else, in memory: for measurements, in which the node that
//! is asked must not be what takes the time.
//!
//! Every transaction is read, its signer found, and its number, fees and funds judged, as a node does. Who was sent what when is kept.
//! There are no contracts and no reorganisations; for those there is [`crate::Anvil`].

mod answer;
mod chain;
mod seal;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use parking_lot::Mutex;
use tokio::task::JoinHandle;

use self::chain::Chain;
use crate::faults::Faults;
use crate::http::{Server, runtime};
use crate::shim::Finality;
use crate::shim::door::Door;

/// How it is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The chain's id.
    pub chain_id: u64,
    /// A block every so many milliseconds.
    pub block_ms: u64,
    /// What is final.
    pub finality: Finality,
}

/// A transaction that was accepted.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// When, for the first time.
    pub at: Instant,
    /// Whom it pays.
    pub to: [u8; 20],
    /// How much, in wei.
    pub value: u128,
    /// Its bytes.
    pub raw: Vec<u8>,
}

/// What the server and its owner have in common.
#[derive(Debug)]
struct Shared {
    options: Options,
    chain: Mutex<Chain>,
    accepted: Mutex<Vec<Accepted>>,
    refused: Mutex<Vec<String>>,
}

/// A running network. Dropping it ends it.
#[derive(Debug)]
pub struct Bare {
    server: Server,
    shared: Arc<Shared>,
    miner: JoinHandle<()>,
}

impl Drop for Bare {
    fn drop(&mut self) {
        self.miner.abort();
    }
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

impl Bare {
    /// Starts one.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn start(options: Options) -> Result<Bare> {
        let chain = Mutex::new(Chain::new(now_s()));
        let shared = Arc::new(Shared { options, chain, accepted: Mutex::default(), refused: Mutex::default() });
        let door = Door { backend: answer::Backend(shared.clone()), faults: Faults::default() };
        let server = Server::start(0, Arc::new(door)).await?;
        let mining = shared.clone();
        let miner = runtime()?.spawn(async move {
            let mut every = tokio::time::interval(Duration::from_millis(options.block_ms.max(1)));
            loop {
                every.tick().await;
                mining.chain.lock().mine(now_s());
            }
        });
        Ok(Bare { server, shared, miner })
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Pays an address coin out of nothing; the transaction's name.
    ///
    /// # Errors
    /// It is no address.
    pub fn give(&self, address: &str, wei: u128) -> Result<String> {
        let account = answer::account(address).context("no address")?;
        Ok(hex::encode(self.shared.chain.lock().give(account, wei)))
    }

    /// What an address has, in wei.
    ///
    /// # Errors
    /// It is no address.
    pub fn balance(&self, address: &str) -> Result<u128> {
        let account = answer::account(address).context("no address")?;
        let chain = self.shared.chain.lock();
        Ok(chain.standing(&account, chain.head()).balance)
    }

    /// Everything that was accepted so far, in its order.
    #[must_use]
    pub fn accepted(&self) -> Vec<Accepted> {
        self.shared.accepted.lock().clone()
    }

    /// How many transactions were accepted so far.
    #[must_use]
    pub fn accepted_count(&self) -> usize {
        self.shared.accepted.lock().len()
    }

    /// Why transactions were refused, each time.
    #[must_use]
    pub fn refused(&self) -> Vec<String> {
        self.shared.refused.lock().clone()
    }

    /// How many transactions each block has, from the first block on.
    #[must_use]
    pub fn per_block(&self) -> Vec<usize> {
        self.shared.chain.lock().blocks.iter().map(|block| block.txs.len()).collect()
    }
}
