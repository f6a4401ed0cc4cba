//! What can be done to a host.

use std::fs;
use std::sync::atomic::Ordering;

use anyhow::{Context as _, Result};

use super::Lab;
use crate::ground::{self, Cut};

impl Lab {
    fn next_run(&self, host: usize) {
        self.shared.runs[host].fetch_add(1, Ordering::SeqCst);
    }

    /// SIGKILL.
    ///
    /// # Errors
    /// When it does not run.
    pub(crate) fn kill(&mut self, host: usize) -> Result<()> {
        self.next_run(host);
        self.hosts[host].up = false;
        let place = self.place(host);
        self.cluster.nodes[place].kill()?;
        self.next_run(host);
        Ok(())
    }

    /// SIGTERM, and waits for the end. What was wrong with it, if anything was.
    ///
    /// # Errors
    /// When it does not run.
    pub(crate) async fn stop(&mut self, host: usize) -> Result<Option<String>> {
        self.next_run(host);
        self.hosts[host].up = false;
        let place = self.place(host);
        let node = &mut self.cluster.nodes[place];
        let wrong = node.stop().await.err().map(|error| format!("SIGTERM: {error:#}"));
        if node.is_started() {
            node.kill()?;
        }
        self.next_run(host);
        Ok(wrong)
    }

    /// Starts the server.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start(&mut self, host: usize) -> Result<()> {
        let place = self.place(host);
        self.cluster.nodes[place].start()?;
        self.hosts[host].up = true;
        Ok(())
    }

    /// SIGSTOP.
    ///
    /// # Errors
    /// When it does not run.
    pub(crate) fn pause(&mut self, host: usize) -> Result<()> {
        let place = self.place(host);
        self.cluster.nodes[place].pause()
    }

    /// SIGCONT.
    ///
    /// # Errors
    /// When it does not run.
    pub(crate) fn resume(&mut self, host: usize) -> Result<()> {
        let place = self.place(host);
        self.cluster.nodes[place].resume()
    }

    /// Cuts a host off from others.
    ///
    /// # Errors
    /// When the rules are refused.
    pub(crate) fn cut(&self, host: usize, cut: &Cut) -> Result<()> {
        ground::cut(host, cut)
    }

    /// SIGKILL, and the disk loses what was not synced.
    ///
    /// # Errors
    /// When it cannot be done.
    pub(crate) fn cut_power(&mut self, host: usize) -> Result<()> {
        self.kill(host)?;
        self.disk(host)?.cut_power()
    }

    /// Gives the power back and starts the server.
    ///
    /// # Errors
    /// When it cannot be done.
    pub(crate) fn restore_power(&mut self, host: usize) -> Result<()> {
        self.disk(host)?.give_power()?;
        self.start(host)
    }

    /// Takes everything from a host that does not run, and makes a new node there under the same name.
    ///
    /// # Errors
    /// When it cannot be done.
    pub(crate) fn wipe(&mut self, host: usize) -> Result<()> {
        let old = self.place(host);
        let (data, name) = (self.cluster.nodes[old].data.clone(), self.cluster.nodes[old].name.clone());
        fs::remove_dir_all(&data).with_context(|| data.display().to_string())?;
        self.hosts[host].place = self.node(host, &name)?;
        let new = self.place(host);
        self.cluster.nodes[new].data = data;
        Ok(())
    }

    /// Joins the new node of a host and starts it.
    ///
    /// # Errors
    /// When it is refused.
    pub(crate) async fn join(&mut self, host: usize, flags: &[&str]) -> Result<()> {
        let place = self.place(host);
        self.cluster.join_with(place, flags).await?;
        self.hosts[host].up = true;
        Ok(())
    }
}
