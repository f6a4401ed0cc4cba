//! What stands in front of a node that speaks JSON-RPC: it shows the behaviour of one network, and faults.
//!
//! Several shims in front of one node are several endpoints of one network, each with faults of its own.

pub(crate) mod admit;
pub(crate) mod door;
mod dress;
mod evm;
mod plain;
mod profile;
mod rlp;
mod system;

use std::sync::Arc;

use anyhow::Result;
use parking_lot::Mutex;

use crate::endpoint::Endpoint;
use crate::faults::Faults;
use crate::rpc::Rpc;
use door::Door;
use evm::Evm;
use plain::Plain;
pub use profile::{Finality, Profile};
pub use rlp::{Sent, address, keccak, read};
pub(crate) use rlp::{listed, written};

/// One endpoint. Dropping it closes it.
#[derive(Debug)]
pub struct Shim {
    endpoint: Endpoint,
    finality: Arc<Mutex<Finality>>,
}

impl Shim {
    /// An endpoint of `profile` in front of the anvil at `upstream`, on a free port, or on `port` where it is not 0.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn evm(profile: Profile, upstream: &str, port: u16) -> Result<Shim> {
        let (faults, finality) = (Faults::default(), Arc::new(Mutex::new(profile.finality())));
        let backend = Evm::new(profile, Rpc::new(upstream)?, faults.clone(), finality.clone());
        let door = Arc::new(Door { backend, faults: faults.clone() });
        Ok(Shim { endpoint: Endpoint::start(port, door, faults).await?, finality })
    }

    /// An endpoint in front of any node, which adds faults and nothing else. Endpoints of one node share `turn`: what it does for one
    /// asker at a time waits for its turn.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn plain(upstream: Rpc, port: u16, turn: Arc<tokio::sync::Mutex<()>>) -> Result<Shim> {
        let faults = Faults::default();
        let door = Arc::new(Door { backend: Plain::new(upstream, turn), faults: faults.clone() });
        let endpoint = Endpoint::start(port, door, faults).await?;
        Ok(Shim { endpoint, finality: Arc::new(Mutex::new(Finality::Unsupported)) })
    }

    /// Where it listens: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        self.endpoint.url()
    }

    /// What goes wrong at it.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        self.endpoint.faults()
    }

    /// What can be closed of it, and opened again.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// From now on the tags `safe` and `finalized` mean this.
    pub fn finality(&self, finality: Finality) {
        *self.finality.lock() = finality;
    }

    /// A client of it.
    ///
    /// # Errors
    /// When the system has no room for one.
    pub fn rpc(&self) -> Result<Rpc> {
        Rpc::new(&self.url())
    }
}
