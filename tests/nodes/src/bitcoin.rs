//! A real Bitcoin node on a chain of its own (regtest), which makes blocks when it is asked.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::ports::free_port;
use crate::process::Process;
use crate::rpc::Rpc;
use crate::shim::Shim;
use crate::{installed, wait};

const START: Duration = Duration::from_secs(60);
/// The node listens on the loopback only, in tests only.
const USER: &str = "test";
const PASSWORD: &str = "test";
/// What is mined can be spent a hundred blocks later.
const MATURE: u64 = 101;

/// A running node with an endpoint that adds faults. Dropping it ends both.
#[derive(Debug)]
pub struct Bitcoin {
    shim: Shim,
    direct: Rpc,
    /// The node goes through its coins for one asker at a time.
    turn: Arc<Mutex<()>>,
    words: Vec<String>,
    took: Duration,
    process: Process,
    home: TempDir,
}

impl Bitcoin {
    /// Starts one and waits until it answers. Its endpoint is on a free port.
    ///
    /// # Errors
    /// [`crate::Missing`] when it is not installed; otherwise why it did not start.
    pub async fn start() -> Result<Bitcoin> {
        Bitcoin::start_at(0).await
    }

    /// The same with the endpoint on `port`.
    ///
    /// # Errors
    /// As [`Bitcoin::start`].
    pub async fn start_at(port: u16) -> Result<Bitcoin> {
        let begun = Instant::now();
        let mut words = installed::bitcoin()?;
        let home = TempDir::with_prefix("exchequer-bitcoin-").context("no temporary folder")?;
        let own = free_port()?;
        // As the reference node decides what it relays: the package's own defaults are stricter.
        for flag in ["-regtest", "-corepolicy=1", "-txindex=1", "-listen=0", "-dnsseed=0", "-fallbackfee=0.00001"] {
            words.push(flag.to_owned());
        }
        for flag in ["-printtoconsole=1", "-rpcbind=127.0.0.1", "-rpcallowip=127.0.0.1", "-server=1", "-dbcache=16"] {
            words.push(flag.to_owned());
        }
        words.push(format!("-datadir={}", home.path().display()));
        words.extend([format!("-rpcport={own}"), format!("-rpcuser={USER}"), format!("-rpcpassword={PASSWORD}")]);
        let url = format!("http://127.0.0.1:{own}");
        let direct = Rpc::new(&url)?.login(USER, PASSWORD);
        let process = run(&words, &home, &direct).await?;
        let turn = Arc::new(Mutex::new(()));
        let shim = Shim::plain(direct.clone(), port, turn.clone()).await?;
        let node = Bitcoin { shim, direct, turn, words, took: begun.elapsed(), process, home };
        node.direct.call("createwallet", json!(["miner"])).await?;
        Ok(node)
    }

    /// Another endpoint, with faults of its own.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn endpoint(&self) -> Result<Shim> {
        Shim::plain(self.direct.clone(), 0, self.turn.clone()).await
    }

    /// What lies on an address, nobody's of the node's own wallet: the node goes through all coins that there are.
    ///
    /// # Errors
    /// When the node does not.
    pub async fn coins(&self, address: &str) -> Result<Value> {
        let _turn = self.turn.lock().await;
        self.direct.call("scantxoutset", json!(["start", [format!("addr({address})")]])).await
    }

    /// The endpoint that a client is to use. It asks for no password.
    #[must_use]
    pub fn shim(&self) -> &Shim {
        &self.shim
    }

    /// Where the endpoint is.
    #[must_use]
    pub fn url(&self) -> String {
        self.shim.url()
    }

    /// The node itself, past the endpoint. It has one wallet, `miner`, which is the default.
    #[must_use]
    pub fn direct(&self) -> &Rpc {
        &self.direct
    }

    /// How long it took until it answered.
    #[must_use]
    pub fn took(&self) -> Duration {
        self.took
    }

    /// Makes so many blocks, paid to the node's own wallet.
    ///
    /// # Errors
    /// When the node does not.
    pub async fn mine(&self, blocks: u64) -> Result<Vec<String>> {
        let to = self.direct.call("getnewaddress", json!([])).await?;
        let made = self.direct.call("generatetoaddress", json!([blocks, to])).await?;
        Ok(serde_json::from_value(made)?)
    }

    /// Makes blocks until the node's wallet has money to give.
    ///
    /// # Errors
    /// When the node does not.
    pub async fn fund(&self) -> Result<()> {
        self.mine(MATURE).await.map(drop)
    }

    /// Pays from the node's wallet; the transaction's id. It is in no block yet. `amount` in bitcoin, as text, so that no
    /// fraction is lost.
    ///
    /// # Errors
    /// When the wallet has not so much, or the address is none.
    pub async fn pay(&self, address: &str, amount: &str) -> Result<String> {
        let id = self.direct.call("sendtoaddress", json!([address, amount])).await?;
        id.as_str().map(str::to_owned).context("no transaction id")
    }

    /// Gives up the last `depth` blocks and makes one more than that in their place. What was in them waits again; with
    /// `empty` it stays out of the new ones.
    ///
    /// # Errors
    /// When the node does not.
    pub async fn reorganise(&self, depth: u64, empty: bool) -> Result<()> {
        let head = self.direct.call("getblockcount", json!([])).await?.as_u64().context("no height")?;
        let first = head.checked_sub(depth).context("the chain is not so long")? + 1;
        let hash = self.direct.call("getblockhash", json!([first])).await?;
        self.direct.call("invalidateblock", json!([hash])).await?;
        // An address of its own: a block like the one that was given up would be that one.
        let to = self.direct.call("getnewaddress", json!([])).await?;
        for _ in 0..=depth {
            if empty {
                self.direct.call("generateblock", json!([to, []])).await?;
            } else {
                self.direct.call("generatetoaddress", json!([1, to])).await?;
            }
        }
        Ok(())
    }

    /// Kills the node and starts it again with the same data, on the same ports. Its blocks are there again, as they would
    /// be from its neighbours; what waited in its memory is not.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn restart(&mut self) -> Result<()> {
        // It has no neighbours that could give it the last blocks again: this question makes it write them down.
        self.direct.call("gettxoutsetinfo", json!(["none"])).await?;
        self.process.kill();
        self.process = run(&self.words, &self.home, &self.direct).await?;
        let loaded = self.direct.call("listwallets", json!([])).await?;
        if loaded.as_array().is_some_and(Vec::is_empty) {
            self.direct.call("loadwallet", json!(["miner"])).await?;
        }
        Ok(())
    }

    /// The last lines that the node printed.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.tail()
    }
}

async fn run(words: &[String], home: &TempDir, rpc: &Rpc) -> Result<Process> {
    let mut process = Process::start(words, &home.path().join("log"))?;
    let ready = wait::until("the Bitcoin node answers", START, async || {
        process.alive()?;
        // The index of transactions follows the chain a little later.
        let index = rpc.call("getindexinfo", json!(["txindex"])).await?;
        anyhow::ensure!(index.pointer("/txindex/synced") == Some(&Value::Bool(true)), "the index is not there yet");
        Ok(())
    });
    ready.await.with_context(|| process.tail())?;
    Ok(process)
}
