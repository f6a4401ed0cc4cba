//! `cargo xtask demo`: three nodes on this machine with an exchange in a sandbox, shown live, stopped cleanly.

pub(crate) mod cluster;
mod networks;
mod screen;
mod trading;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

use self::cluster::Cluster;
use self::trading::Trading;
use crate::money::{Money, Pace};
use crate::product::Product;
use crate::stop::{Interrupted, Stop};
use crate::{process, say};

/// How to run the demo.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of the cluster, kept and used again [default: a temporary one, removed at the end]
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
    /// Reach health, write a value, read it back from a follower, let users deposit, trade and withdraw on every network,
    /// trade in every market, verify the ledger, stop
    #[arg(long)]
    once: bool,
    /// The binary to run [default: the one that cargo last built]
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// What the simulated traders' chance follows from [default: drawn, and told]
    #[arg(long, value_name = "NUMBER", conflicts_with = "no_traders")]
    seed: Option<u64>,
    /// Leave the simulated traders and their markets out
    #[arg(long)]
    no_traders: bool,
    /// Leave the six blockchain networks out, and who deposits and withdraws there
    #[arg(long)]
    no_networks: bool,
    /// With --once: kill the leader so often while users are on their way
    #[arg(long, value_name = "NUMBER", default_value_t = 0, requires = "once", conflicts_with = "no_networks")]
    kill_leader: u32,
}

/// Runs the demo until Ctrl-C, or once.
///
/// # Errors
/// The cluster did not become healthy, nobody traded, the ledger did not add up, or a node did not stop in time.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let product = Product::find(args.binary.as_deref())?;
    let stop = Stop::on_signals()?;
    let (folder, temporary) = match &args.dir {
        Some(named) => (std::path::absolute(named)?, None),
        None => {
            let folder = tempfile::Builder::new().prefix("exchequer-demo-").tempdir()?;
            (folder.path().to_owned(), Some(folder))
        }
    };
    if args.once && !args.no_networks {
        process::allow_cores()?;
    }
    let mut cluster = Cluster::open(product, folder)?;
    let outcome = work(&mut cluster, args, &stop);
    let stopped = cluster.stop();
    match outcome {
        Err(error) if error.is::<Interrupted>() => {}
        Err(error) => {
            // The folder goes; what the nodes said goes with it unless it is told now.
            if temporary.is_some() {
                say::line(cluster.last_words());
            }
            return Err(error);
        }
        Ok(()) => {}
    }
    stopped?;
    say::line("stopped");
    Ok(ExitCode::SUCCESS)
}

fn work(cluster: &mut Cluster, args: &Args, stop: &Stop) -> Result<()> {
    cluster.bring_up(stop)?;
    if args.once {
        cluster.try_once()?;
    }
    let fresh = cluster.is_fresh();
    if !fresh && !args.no_networks {
        say::line("the networks' nodes keep nothing, so a cluster that is started again is without them");
    }
    let money = if fresh && !args.no_networks {
        let pace = if args.once { Pace::QUICK } else { Pace::HUMAN };
        Some(Money::begin(cluster, pace, stop)?)
    } else {
        None
    };
    if args.once
        && let Some(money) = &money
    {
        networks::try_once(cluster, money, args.kill_leader, stop)?;
    }
    let trading = if args.no_traders { None } else { Some(Trading::begin(cluster, args.seed, stop)?) };
    match (args.once, trading) {
        (true, Some(trading)) => trading.try_once(cluster, stop),
        (true, None) => Ok(()),
        (false, trading) => {
            let live = money.map(Money::live).transpose()?;
            say::line(screen::how_to_reach(cluster, trading.as_ref(), live.as_ref())?);
            screen::show(cluster, trading, live.as_ref(), stop)
        }
    }
}
