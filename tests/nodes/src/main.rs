//! `test-nodes`: one node of a network, until it is ended. For tests in other languages, and to look at by hand.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use exchequer_test_nodes::anvil::Options;
use exchequer_test_nodes::shim::Profile;
use exchequer_test_nodes::tron::Options as TronOptions;
use exchequer_test_nodes::{Anvil, Bitcoin, Missing, Tron};
use tokio::io::AsyncReadExt as _;

/// As `ops/nodes` ends where something cannot be had.
const CANNOT_BE_HAD: u8 = 77;

/// Starts one node on 127.0.0.1, prints where it listens as one line of JSON, and runs until its standard input ends.
#[derive(Debug, Parser)]
#[command(name = "test-nodes")]
struct Given {
    #[command(subcommand)]
    node: Node,
    /// The port of the endpoint; a free one where it is 0
    #[arg(long, global = true, default_value_t = 0)]
    port: u16,
    /// Milliseconds between blocks; without it blocks are made when they are asked for
    #[arg(long, global = true)]
    block_ms: Option<u64>,
}

#[derive(Debug, Subcommand)]
enum Node {
    /// anvil behind an endpoint that behaves as a network's nodes do
    Anvil {
        /// ethereum, polygon, bsc or arbitrum
        #[arg(long, default_value = "ethereum")]
        profile: Profile,
        /// The chain's id; that of the network's public test chain where it is not given
        #[arg(long)]
        chain_id: Option<u64>,
    },
    /// A Bitcoin node on a chain of its own
    Bitcoin,
    /// The simulator of TRON
    Tron {
        /// The node says how much energy a call takes
        #[arg(long)]
        estimates: bool,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Given::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where it cannot be said, the exit code says it.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            if error.is::<Missing>() { ExitCode::from(CANNOT_BE_HAD) } else { ExitCode::FAILURE }
        }
    }
}

async fn run(given: Given) -> Result<()> {
    let (port, block_ms) = (given.port, given.block_ms);
    match given.node {
        Node::Anvil { profile, chain_id } => {
            let chain_id = chain_id.unwrap_or_else(|| profile.chain_id());
            let node = Anvil::start(Options { profile, chain_id, block_ms, port }).await?;
            until_end(&node.url(), Some(node.direct_url()), node.took()).await
        }
        Node::Bitcoin => {
            let node = Bitcoin::start_at(port).await?;
            node.fund().await?;
            until_end(&node.url(), None, node.took()).await
        }
        Node::Tron { estimates } => {
            let node = Tron::start_with(TronOptions { block_ms, port, estimates }).await?;
            until_end(&node.url(), None, node.took()).await
        }
    }
}

/// Says where, and waits until nobody is at the other end of standard input.
async fn until_end(url: &str, direct: Option<&str>, took: std::time::Duration) -> Result<()> {
    let line = serde_json::json!({"url": url, "direct": direct, "ms": took.as_millis().to_string()});
    writeln!(std::io::stdout(), "{line}")?;
    let mut ignored = Vec::new();
    tokio::io::stdin().read_to_end(&mut ignored).await?;
    Ok(())
}
