//! A node of Ethereum's kind on a chain of its own: anvil, and an endpoint that shows one network's behaviour.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use crate::http::runtime;
use crate::ports::free_port;
use crate::process::Process;
use crate::rpc::Rpc;
use crate::shim::{Profile, Shim};
use crate::{installed, wait};

const START: Duration = Duration::from_secs(60);

/// How it is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Whose behaviour is shown.
    pub profile: Profile,
    /// The chain's id.
    pub chain_id: u64,
    /// A block every so many milliseconds; a block for every transaction where it is none.
    pub block_ms: Option<u64>,
    /// The port of the endpoint; a free one where it is 0.
    pub port: u16,
}

impl From<Profile> for Options {
    fn from(profile: Profile) -> Options {
        Options { profile, chain_id: profile.chain_id(), block_ms: None, port: 0 }
    }
}

/// A running node with its endpoint. Dropping it ends both.
#[derive(Debug)]
pub struct Anvil {
    shim: Shim,
    direct: Rpc,
    direct_url: String,
    profile: Profile,
    took: Duration,
    /// Held while blocks are made or replaced. Anvil loses a block that it makes while it replaces others: its number then has none.
    making: Arc<Mutex<()>>,
    miner: Option<JoinHandle<()>>,
    process: Process,
    _home: TempDir,
}

impl Drop for Anvil {
    fn drop(&mut self) {
        if let Some(miner) = &self.miner {
            miner.abort();
        }
    }
}

impl Anvil {
    /// Starts one and waits until it answers.
    ///
    /// # Errors
    /// [`crate::Missing`] when it is not installed; otherwise why it did not start.
    pub async fn start(options: impl Into<Options>) -> Result<Anvil> {
        let (options, begun) = (options.into(), Instant::now());
        let program = installed::anvil()?;
        let home = TempDir::with_prefix("exchequer-anvil-").context("no temporary folder")?;
        let port = free_port()?;
        let mut words = vec![program.display().to_string(), "--host".to_owned(), "127.0.0.1".to_owned()];
        let mut add = |name: &str, value: String| words.extend([name.to_owned(), value]);
        add("--port", port.to_string());
        add("--chain-id", options.chain_id.to_string());
        add("--cache-path", home.path().join("cache").display().to_string());
        if options.profile == Profile::Bsc {
            add("--base-fee", "0".to_owned());
        }
        if options.block_ms.is_some() {
            words.push("--no-mining".to_owned());
        }
        let mut process = Process::start(&words, &home.path().join("log"))?;
        let direct_url = format!("http://127.0.0.1:{port}");
        let direct = Rpc::new(&direct_url)?;
        let ready = wait::until("anvil answers", START, async || {
            process.alive()?;
            direct.call("eth_chainId", json!([])).await
        });
        ready.await.with_context(|| process.tail())?;
        let shim = Shim::evm(options.profile, &direct_url, options.port).await?;
        let making = Arc::new(Mutex::new(()));
        let miner = match options.block_ms {
            Some(ms) => {
                let every = Duration::from_millis(ms.max(1));
                Some(runtime()?.spawn(mine_at(Rpc::new(&direct_url)?, making.clone(), every)))
            }
            None => None,
        };
        let (profile, took) = (options.profile, begun.elapsed());
        Ok(Anvil { shim, direct, direct_url, profile, took, making, miner, process, _home: home })
    }

    /// Another endpoint of the same network, with faults of its own.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn endpoint(&self) -> Result<Shim> {
        Shim::evm(self.profile, &self.direct_url, 0).await
    }

    /// The endpoint that a client is to use.
    #[must_use]
    pub fn shim(&self) -> &Shim {
        &self.shim
    }

    /// Where the endpoint is.
    #[must_use]
    pub fn url(&self) -> String {
        self.shim.url()
    }

    /// Where anvil itself is, past the endpoint.
    #[must_use]
    pub fn direct_url(&self) -> &str {
        &self.direct_url
    }

    /// Anvil itself, past the endpoint: for what tests do to a chain.
    #[must_use]
    pub fn direct(&self) -> &Rpc {
        &self.direct
    }

    /// How long it took until it answered.
    #[must_use]
    pub fn took(&self) -> Duration {
        self.took
    }

    /// Makes so many blocks.
    ///
    /// # Errors
    /// When anvil does not.
    pub async fn mine(&self, blocks: u64) -> Result<()> {
        let _making = self.making.lock().await;
        self.direct.call("anvil_mine", json!([blocks])).await.map(drop)
    }

    /// Replaces the last `depth` blocks by others, without what was in them; `raw` are transactions for the new ones,
    /// each with its place counted from the first of them.
    ///
    /// # Errors
    /// When anvil does not.
    pub async fn reorganise(&self, depth: u64, raw: &[(String, u64)]) -> Result<()> {
        let _making = self.making.lock().await;
        self.replace(depth, raw).await
    }

    /// Replaces the last `depth` blocks by others with the same transactions.
    ///
    /// # Errors
    /// When anvil does not.
    pub async fn reorganise_alike(&self, depth: u64) -> Result<()> {
        let _making = self.making.lock().await;
        let raw = self.transactions(depth).await?;
        self.replace(depth, &raw).await
    }

    async fn replace(&self, depth: u64, raw: &[(String, u64)]) -> Result<()> {
        let again: Vec<Value> = raw.iter().map(|(raw, place)| json!([raw, place])).collect();
        self.direct.call("anvil_reorg", json!([depth, again])).await?;
        let head = self.head().await?;
        for height in head.saturating_sub(depth)..=head {
            anyhow::ensure!(!self.block(height).await?.is_null(), "anvil has lost block {height} of {head}");
        }
        Ok(())
    }

    async fn head(&self) -> Result<u64> {
        let head = self.direct.call("eth_blockNumber", json!([])).await?;
        Ok(u64::from_str_radix(head.as_str().context("no height")?.trim_start_matches("0x"), 16)?)
    }

    async fn block(&self, height: u64) -> Result<Value> {
        self.direct.call("eth_getBlockByNumber", json!([format!("0x{height:x}"), false])).await
    }

    /// The bytes of the transactions in the last `depth` blocks, each with its block's place.
    async fn transactions(&self, depth: u64) -> Result<Vec<(String, u64)>> {
        let head = self.head().await?;
        let mut found = Vec::new();
        for place in 0..depth {
            let block = self.block((head + place + 1).saturating_sub(depth)).await?;
            for hash in block.get("transactions").and_then(Value::as_array).into_iter().flatten() {
                let raw = self.direct.call("eth_getRawTransactionByHash", json!([hash])).await?;
                found.extend(raw.as_str().map(|raw| (raw.to_owned(), place)));
            }
        }
        Ok(found)
    }

    /// Gives an account so much native money, in wei.
    ///
    /// # Errors
    /// When anvil does not.
    pub async fn fund(&self, address: &str, wei: u128) -> Result<()> {
        self.direct.call("anvil_setBalance", json!([address, format!("0x{wei:x}")])).await.map(drop)
    }

    /// Sends a call or creation from an account without its key, waits until it is in a block, and gives the receipt.
    ///
    /// # Errors
    /// When anvil refuses, or the transaction fails.
    pub async fn send_as(&self, from: &str, to: Option<&str>, data: &[u8], wei: u128) -> Result<Value> {
        self.direct.call("anvil_impersonateAccount", json!([from])).await?;
        let mut call = json!({"from": from, "data": format!("0x{}", hex::encode(data)), "value": format!("0x{wei:x}")});
        if let (Some(to), Some(fields)) = (to, call.as_object_mut()) {
            fields.insert("to".to_owned(), json!(to));
        }
        let hash = self.direct.call("eth_sendTransaction", json!([call])).await?;
        let receipt = wait::until("the transaction is in a block", START, async || {
            let receipt = self.direct.call("eth_getTransactionReceipt", json!([hash])).await?;
            anyhow::ensure!(!receipt.is_null(), "not yet");
            Ok(receipt)
        });
        let receipt = receipt.await?;
        anyhow::ensure!(receipt.get("status") == Some(&json!("0x1")), "the transaction failed: {receipt}");
        Ok(receipt)
    }

    /// The last lines that anvil printed.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.tail()
    }
}

/// Makes a block every so often, until it is ended.
async fn mine_at(direct: Rpc, making: Arc<Mutex<()>>, every: Duration) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let _making = making.lock().await;
        // Where anvil is gone whoever uses it is told so.
        let _ = direct.call("evm_mine", json!([])).await;
    }
}
