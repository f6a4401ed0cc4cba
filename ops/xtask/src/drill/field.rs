//! What every drill needs: the cluster in its lab, who leads, the load, and the ending that judges it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tempfile::TempDir;

use super::load::{Client, Load};
use super::report::Report;
use crate::lab::{Lab, MACHINES};
use crate::product::{ASK_EVERY, Access, HEALTHY_LIMIT, Peer, Product};
use crate::stop::Stop;
use crate::{process, say};

/// Writes that must be acknowledged before and after the fault for a drill to say anything.
const WRITES_BETWEEN: usize = 20;
/// How long that may take.
const WRITES_LIMIT: Duration = Duration::from_secs(60);
/// How long without an acknowledged write when a node fails without warning: lease, election, and clients finding it.
pub(crate) const GAP_UNPLANNED: Duration = Duration::from_secs(5);
/// How long when a node is stopped in order: its clients need a second connection, no more.
pub(crate) const GAP_PLANNED: Duration = Duration::from_secs(3);
/// How long until equal state hashes once all are healthy.
const EQUAL_LIMIT: Duration = Duration::from_secs(10);

/// A cluster in its lab.
pub(crate) struct Field<'a> {
    product: &'a Product,
    /// The machines.
    pub(crate) lab: &'a mut dyn Lab,
    stop: &'a Stop,
    folder: TempDir,
    begun: Instant,
}

impl<'a> Field<'a> {
    pub(crate) fn new(product: &'a Product, lab: &'a mut dyn Lab, stop: &'a Stop) -> Result<Field<'a>> {
        Ok(Field { product, lab, stop, folder: tempfile::tempdir()?, begun: Instant::now() })
    }

    /// A line of the transcript.
    pub(crate) fn tell(&self, text: impl std::fmt::Display) {
        say::line(format_args!("[{:6.1} s] {text}", self.begun.elapsed().as_secs_f64()));
    }

    /// Founds or finds the cluster and waits until it is healthy.
    pub(crate) fn bring_up(&mut self) -> Result<()> {
        self.lab.bring_up(self.stop)?;
        let members = self.wait_healthy()?;
        self.tell(format_args!("cluster up: {}", told(&members)));
        Ok(())
    }

    /// Waits for three healthy voters that all know one leader.
    pub(crate) fn wait_healthy(&self) -> Result<Vec<Peer>> {
        let nodes: Vec<Access> = (0..MACHINES).map(|at| self.lab.access(at)).collect::<Result<_>>()?;
        self.product.wait_healthy(&self.lab.place(), &nodes, MACHINES, self.stop, || Ok(()))
    }

    /// The members as one node knows them.
    pub(crate) fn peers(&self, node: usize) -> Result<Vec<Peer>> {
        self.product.peers(&self.lab.place(), &self.lab.access(node)?)
    }

    /// The number of the node with this name.
    pub(crate) fn number(&self, name: &str) -> Result<usize> {
        self.lab.nodes().iter().position(|node| node.name == name).with_context(|| format!("an unknown node: {name}"))
    }

    /// The name of a node.
    pub(crate) fn name(&self, node: usize) -> String {
        self.lab.nodes().get(node).map(|node| node.name.clone()).unwrap_or_default()
    }

    /// Who leads the healthy cluster.
    pub(crate) fn leader(&self) -> Result<usize> {
        let members = self.wait_healthy()?;
        let leader = members.iter().find(|peer| peer.is_leader()).context("no leader")?;
        self.number(&leader.name)
    }

    /// The first node that is not `other`.
    pub(crate) fn another(&self, other: usize) -> usize {
        usize::from(other == 0)
    }

    /// Waits until the nodes other than `out` agree on a leader that is not `out`; who it is and after what time.
    pub(crate) fn new_leader(&self, out: usize) -> Result<(usize, Duration)> {
        let begun = Instant::now();
        let others: Vec<usize> = (0..MACHINES).filter(|at| *at != out).collect();
        let leader = process::until("a new leader", HEALTHY_LIMIT, ASK_EVERY / 5, self.stop, || {
            let mut named = Vec::new();
            for at in &others {
                let members = self.peers(*at)?;
                named.push(members.into_iter().find(Peer::is_leader).context("no leader known")?.name);
            }
            named.dedup();
            let [name] = named.as_slice() else { return Ok(None) };
            Ok(Some(self.number(name)?).filter(|leader| *leader != out))
        })?;
        Ok((leader, begun.elapsed()))
    }

    /// A client of all nodes.
    pub(crate) fn client(&self) -> Result<Client> {
        let nodes = (0..MACHINES).map(|at| self.lab.access(at)).collect::<Result<_>>()?;
        Client::new(self.lab.place(), nodes, &self.folder)
    }

    /// Waits until the load got further, so that what is judged happened under load.
    pub(crate) fn let_it_write(&self, load: &Load) -> Result<()> {
        let target = load.count() + WRITES_BETWEEN;
        process::until("acknowledged writes", WRITES_LIMIT, ASK_EVERY, self.stop, || {
            Ok((load.count() >= target).then_some(()))
        })
    }

    /// A token that admits one node, from a member.
    pub(crate) fn join_token(&self, member: usize) -> Result<String> {
        self.product.join_token(&self.lab.place(), &self.lab.access(member)?, "drill: a node joins anew")
    }

    /// Removes a member for good.
    pub(crate) fn remove(&self, by: usize, id: u64) -> Result<()> {
        self.product.remove(&self.lab.place(), &self.lab.access(by)?, id, "drill: its data is gone")
    }

    /// The end of every drill: health, equal hashes, the gap, and every acknowledged write read back.
    pub(crate) fn close(&mut self, client: &Client, load: Load, gap_max: Duration, report: &mut Report) -> Result<()> {
        self.let_it_write(&load)?;
        let tally = load.finish()?;
        let healthy = self.wait_healthy();
        let shown = healthy.as_deref().map_or_else(|error| format!("{error:#}"), told);
        report.fact("all healthy at the end", shown, healthy.is_ok());

        let begun = Instant::now();
        let (place, access) = (self.lab.place(), self.lab.access(0)?);
        let equal = process::until("equal state hashes", EQUAL_LIMIT, ASK_EVERY, self.stop, || {
            self.product.verify(&place, &access).map(Some)
        });
        let after = format!("after {:.1} s", begun.elapsed().as_secs_f64());
        report.fact(
            "state hashes equal",
            equal.as_ref().map_or_else(|error| format!("{error:#}"), |()| after),
            equal.is_ok(),
        );

        let gap = tally.longest_gap();
        let limit = format!("{:.2} s (limit {} s)", gap.as_secs_f64(), gap_max.as_secs());
        report.fact("longest time without an acknowledged write", limit, gap <= gap_max);
        let count = tally.acknowledged.len();
        let rate = format!("{count} ({:.0} a second)", tally.rate());
        report.fact("writes acknowledged", rate, count >= 2 * WRITES_BETWEEN);
        report.fact("writes without an outcome at the end", tally.unknown, true);
        for at in 0..MACHINES {
            let missing = client.missing(at, &tally.acknowledged, self.folder.path())?;
            let first = missing.first().map(|sequence| format!(", the first is {sequence}")).unwrap_or_default();
            let what = format!("acknowledged writes not found at {}", self.name(at));
            report.fact(what, format!("{} of {count}{first}", missing.len()), missing.is_empty());
        }
        Ok(())
    }
}

fn told(members: &[Peer]) -> String {
    let tell = |peer: &Peer| {
        format!("{} (id {}) {}{}", peer.name, peer.id, peer.state, if peer.is_voter { "" } else { ", no voter" })
    };
    members.iter().map(tell).collect::<Vec<_>>().join(", ")
}
