//! Three machines that can be broken on purpose, on one of two back ends.

mod netns;
mod vagrant;

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result};

use crate::product::{Access, NodePlan, Place, Product};
use crate::stop::Stop;

pub(crate) use netns::Namespaces;
pub(crate) use vagrant::Machines;

/// How many machines a lab has.
pub(crate) const MACHINES: usize = 3;

/// Something that this machine or its rights do not allow. It is told by name and is neither a pass nor a failure.
#[derive(Debug)]
pub(crate) struct NotPermitted(pub(crate) String);

impl std::fmt::Display for NotPermitted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "not permitted here: {}", self.0)
    }
}

impl std::error::Error for NotPermitted {}

/// Three machines with one node each, numbered from 0. Whatever was broken is mended when the lab is dropped.
pub(crate) trait Lab {
    /// What it is, for the transcript.
    fn title(&self) -> String;
    /// What a cut of the power is here, for the transcript.
    fn power_cut_means(&self) -> String;
    /// The nodes' names and addresses.
    fn nodes(&self) -> &[NodePlan];
    /// Where clients run.
    fn place(&self) -> Place;
    /// How a client reaches a node.
    fn access(&self, node: usize) -> Result<Access>;
    /// Founds the cluster, or finds it: three nodes run afterwards, healthy or not yet.
    fn bring_up(&mut self, stop: &Stop) -> Result<()>;
    /// Starts the node's server.
    fn start(&mut self, node: usize) -> Result<()>;
    /// Stops the node's server cleanly and waits for its end.
    fn stop(&mut self, node: usize) -> Result<()>;
    /// SIGKILL.
    fn kill(&mut self, node: usize) -> Result<()>;
    /// Takes the power from the machine.
    fn cut_power(&mut self, node: usize) -> Result<()>;
    /// Gives it back and starts the server.
    fn restore_power(&mut self, node: usize) -> Result<()>;
    /// Writes what the node's server has logged into a file.
    fn keep_log(&self, node: usize, file: &Path) -> Result<()>;
    /// Cuts the node off from the other nodes, both ways. Clients still reach it.
    fn isolate(&mut self, node: usize) -> Result<()>;
    /// Undoes [`Lab::isolate`].
    fn heal(&mut self) -> Result<()>;
    /// Stops the server and removes everything the node has kept.
    fn wipe(&mut self, node: usize) -> Result<()>;
    /// Makes a new node on the machine by way of a member.
    fn join(&mut self, node: usize, member: usize, token: &str) -> Result<()>;
}

/// The node at `at`.
pub(crate) fn node(nodes: &[NodePlan], at: usize) -> Result<&NodePlan> {
    nodes.get(at).context("no such machine")
}

/// The words that drop everything between this machine and the addresses. Client traffic passes.
fn isolation(others: &[String]) -> String {
    let others = others.join(", ");
    format!(
        "table inet exq_drill {{\n\
         chain in {{ type filter hook input priority -10; ip saddr {{ {others} }} drop; }}\n\
         chain out {{ type filter hook output priority -10; ip daddr {{ {others} }} drop; }}\n\
         }}"
    )
}

/// The words that undo [`isolation`], whether it was there or not.
const HEALING: &str = "add table inet exq_drill; delete table inet exq_drill";

/// One lab at a time on a machine: names and addresses of labs are fixed.
fn lock() -> Result<File> {
    let path = std::env::temp_dir().join("exchequer-drill.lock");
    let file = File::create(&path).with_context(|| path.display().to_string())?;
    file.try_lock().context("another drill is running")?;
    Ok(file)
}

/// The lab that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// Network namespaces on this machine
    Netns,
    /// The machines of the Vagrantfile
    Vagrant,
}

impl Kind {
    /// Opens the lab.
    ///
    /// # Errors
    /// [`NotPermitted`], or it cannot be built.
    pub(crate) fn open(self, product: &Product) -> Result<Box<dyn Lab>> {
        Ok(match self {
            Kind::Netns => Box::new(Namespaces::open(product.clone())?),
            Kind::Vagrant => Box::new(Machines::open()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a cut-off node hears and reaches no other node, and nothing else is dropped.
    #[test]
    fn isolation_names_both_directions() {
        let words = isolation(&["10.77.0.2".to_owned(), "10.77.0.3".to_owned()]);
        assert!(words.contains("hook input") && words.contains("ip saddr { 10.77.0.2, 10.77.0.3 } drop"), "{words}");
        assert!(words.contains("hook output") && words.contains("ip daddr { 10.77.0.2, 10.77.0.3 } drop"), "{words}");
    }
}
