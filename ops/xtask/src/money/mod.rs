//! Money in and out on six networks: nodes of all six, the exchange's treasury in a sandbox, and users who deposit, trade and
//! withdraw.
//!
//! The networks' nodes are those of `tests/nodes`, started and driven by this process. The exchange knows of them what it would
//! know of any: addresses of endpoints.

pub(crate) mod campaign;
mod chains;
mod journey;
mod places;
mod table;
mod treasury;
mod victims;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use self::chains::Chains;
pub(crate) use self::chains::Pace;
use self::journey::Guide;
use self::places::PLACES;
use self::table::Row;
use self::treasury::Treasury;
use crate::demo::cluster::Cluster;
use crate::product::{Access, Product};
use crate::say;
use crate::stop::Stop;

/// The kinds of workers that run on every network.
const KINDS: [&str; 2] = ["deposit", "withdrawal"];

/// The six networks with an exchange on them.
pub(crate) struct Money {
    product: Product,
    access: Access,
    chains: Chains,
    stop: Stop,
    run: String,
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
        let money = Money { product, access, chains, stop: stop.clone(), run };
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
        Guide { product, access, chains: &self.chains, stop: &self.stop, run }
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
}

/// What became of journeys, for people.
pub(crate) fn told(rows: &[Row]) -> String {
    table::table(rows)
}
