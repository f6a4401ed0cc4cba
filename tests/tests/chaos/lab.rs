//! Three hosts with one node each.

mod deeds;

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use exchequer_tests::cluster::{Cluster, Deadline, Http, until};

use crate::disk::Disk;
use crate::ground;
use crate::load::Shared;
use crate::say::say;

/// How many hosts there are.
pub(crate) const HOSTS: usize = 3;
/// What a healthy cluster does, it does within this time on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(60);
/// After healing, the nodes have the same state within this time.
pub(crate) const HEALED: Duration = Duration::from_secs(10);
/// The reserve is more than a full disk has left, and little of the whole disk.
const CONFIG: &str = "[storage]\nreserve = \"32MiB\"\n";

/// A host.
#[derive(Debug)]
struct Host {
    /// Where its present node is in the cluster's list.
    place: usize,
    disk: Option<Disk>,
    /// Whether its server is meant to run.
    up: bool,
}

/// The hosts and their cluster.
pub(crate) struct Lab {
    // First, so that no server uses a disk when that is taken away.
    pub(crate) cluster: Cluster,
    hosts: Vec<Host>,
    shared: Arc<Shared>,
    has_network: bool,
}

impl Lab {
    /// Makes a healthy cluster of three.
    ///
    /// # Errors
    /// When it does not come about.
    pub(crate) async fn open(shared: &Arc<Shared>) -> Result<Lab> {
        let has_network = ground::is_inside();
        let cluster = Cluster::empty()?;
        let mut lab = Lab { cluster, hosts: Vec::new(), shared: shared.clone(), has_network };
        for host in 0..HOSTS {
            let disk = if has_network { lab.make_disk(host) } else { None };
            lab.hosts.push(Host { place: 0, disk, up: true });
            lab.hosts[host].place = lab.node(host, &format!("n{}", host + 1))?;
        }
        lab.cluster.found(0).await?;
        // Where nothing lies of its own disk, a client needs a copy.
        fs::copy(lab.cluster.ca_path(), lab.cluster.home().join("ca.pem")).context("the authority")?;
        for place in 1..HOSTS {
            lab.cluster.join(place).await?;
        }
        lab.cluster.voters(HOSTS).await?;
        Ok(lab)
    }

    fn make_disk(&self, host: usize) -> Option<Disk> {
        match Disk::make(self.cluster.home(), &format!("host{}", host + 1)) {
            Ok(disk) => Some(disk),
            Err(error) => {
                say(format_args!("a disk of its own on a loop device is not permitted here: {error:#}"));
                None
            }
        }
    }

    /// A node without data on a host; its place.
    fn node(&mut self, host: usize, name: &str) -> Result<usize> {
        let place = if self.has_network {
            let address = ground::address(host);
            self.cluster.add_at(name, format!("{address}:8640"), format!("{address}:8641"))?
        } else if let Some(old) = self.cluster.nodes.get(self.hosts[host].place).filter(|old| old.name == name) {
            let (api, peer) = (old.api.clone(), old.peer.clone());
            self.cluster.add_at(name, api, peer)?
        } else {
            self.cluster.add(name)?
        };
        let node = &mut self.cluster.nodes[place];
        let wrap = if self.has_network { ground::wrap(host) } else { ground::bound() };
        node.launch.wrap = wrap.into_iter().map(Into::into).collect();
        node.config = CONFIG.to_owned();
        if let Some(disk) = &self.hosts[host].disk {
            node.data = disk.data();
        }
        Ok(place)
    }

    /// Whether hosts can be cut off from each other.
    pub(crate) fn has_network(&self) -> bool {
        self.has_network
    }

    /// Whether every host has a disk of its own.
    pub(crate) fn has_disks(&self) -> bool {
        self.hosts.iter().all(|host| host.disk.is_some())
    }

    /// What it is, for the report.
    pub(crate) fn title(&self) -> &'static str {
        match (self.has_network, self.has_disks()) {
            (true, true) => "three network namespaces on one switch, a disk of its own each",
            (true, false) => "three network namespaces on one switch, one common disk",
            (false, _) => "loopback: no partitions, no full disks, no power cuts",
        }
    }

    /// A host's own disk.
    ///
    /// # Errors
    /// When it has none.
    pub(crate) fn disk(&self, host: usize) -> Result<&Disk> {
        self.hosts[host].disk.as_ref().context("no disk of its own")
    }

    fn place(&self, host: usize) -> usize {
        self.hosts[host].place
    }

    /// A host's node by name.
    pub(crate) fn name(&self, host: usize) -> &str {
        &self.cluster.nodes[self.place(host)].name
    }

    /// A host's node by id.
    pub(crate) fn id(&self, host: usize) -> u64 {
        self.cluster.nodes[self.place(host)].id
    }

    /// What the present run of a host's server has logged.
    pub(crate) fn log(&self, host: usize) -> String {
        self.cluster.nodes[self.place(host)].log()
    }

    /// Connections to all hosts.
    ///
    /// # Errors
    /// When the client cannot be made.
    pub(crate) fn doors(&self) -> Result<Vec<Http>> {
        (0..HOSTS).map(|host| self.door(host)).collect()
    }

    /// A connection to a host.
    ///
    /// # Errors
    /// When the client cannot be made.
    pub(crate) fn door(&self, host: usize) -> Result<Http> {
        let ca = fs::read(self.cluster.home().join("ca.pem")).context("the authority")?;
        Http::new(&self.cluster.nodes[self.place(host)].api, &ca, Some(self.cluster.token.clone()))
    }

    /// The host that leads with a majority behind it, other than `not`; none if there is none now.
    ///
    /// # Errors
    /// When the clients cannot be made.
    pub(crate) async fn leads_now(&self, not: &[usize]) -> Result<Option<usize>> {
        for host in (0..HOSTS).filter(|host| self.hosts[*host].up && !not.contains(host)) {
            let door = self.door(host)?.timeout(Duration::from_secs(1));
            if door.call(reqwest::Method::GET, "/leader", None).await.is_ok_and(|answer| answer.status == 200) {
                return Ok(Some(host));
            }
        }
        Ok(None)
    }

    /// Waits for a leader other than `not`.
    ///
    /// # Errors
    /// When there is none in time.
    pub(crate) async fn leader(&self, not: &[usize], within: Duration) -> Result<usize> {
        until("a leader", within, async || self.leads_now(not).await?.context("nobody leads")).await
    }

    /// Waits until all three vote and are healthy.
    ///
    /// # Errors
    /// When they are not in time.
    pub(crate) async fn healthy(&self) -> Result<()> {
        until("three healthy voters", SOON, async || {
            for host in 0..HOSTS {
                let status = self.door(host)?.timeout(Duration::from_secs(3)).status().await?;
                let good = status["voters"].as_u64() == Some(3) && status["health"] == "healthy";
                ensure!(good && status["learners"].as_u64() == Some(0), "{status}");
            }
            Ok(())
        })
        .await
    }

    /// Waits for the same hash at the same index everywhere; there must be no load. How long it took.
    ///
    /// # Errors
    /// When they differ, or some node does not come so far in time.
    pub(crate) async fn agree(&self) -> Result<Duration> {
        let deadline = Deadline::within(HEALED);
        let places: Vec<usize> = (0..HOSTS).map(|host| self.place(host)).collect();
        self.cluster.agree(&places, HEALED).await?;
        Ok(deadline.elapsed())
    }

    /// Waits until every node has applied what any of them knows to be committed now. How long it took.
    ///
    /// # Errors
    /// When one does not in time.
    pub(crate) async fn catch_up(&self) -> Result<Duration> {
        let deadline = Deadline::within(HEALED);
        let doors = self.doors()?;
        let ask = async |field: &str| {
            let mut numbers = Vec::new();
            for door in &doors {
                let status = door.clone().timeout(Duration::from_secs(2)).status().await?;
                numbers.push(status[field].as_u64().with_context(|| format!("no `{field}`: {status}"))?);
            }
            anyhow::Ok(numbers)
        };
        let committed = until("three nodes that answer", HEALED, async || ask("committed").await).await?;
        let target = committed.into_iter().max().unwrap_or_default();
        until("three nodes that caught up", deadline.left(), async || {
            let applied = ask("applied").await?;
            ensure!(applied.iter().all(|index| *index >= target), "applied {applied:?} of {target}");
            Ok(deadline.elapsed())
        })
        .await
    }

    /// Insists that every server that is meant to run does.
    ///
    /// # Errors
    /// The end of the log of one that ended by itself.
    pub(crate) fn stand(&mut self) -> Result<()> {
        for host in (0..HOSTS).filter(|host| self.hosts[*host].up).collect::<Vec<_>>() {
            let place = self.place(host);
            let node = &mut self.cluster.nodes[place];
            if let Some(ended) = node.server()?.ended()? {
                let lines: Vec<&str> = ended.log.lines().collect();
                let tail = lines.get(lines.len().saturating_sub(15)..).unwrap_or_default().join("\n");
                bail!("{} ended by itself ({:?}, signal {:?}):\n{tail}", node.name, ended.exit, ended.signal);
            }
        }
        Ok(())
    }

    /// What every node says of itself and the end of its log, for whoever looks into a failure.
    pub(crate) async fn scene(&self) -> String {
        let mut text = String::new();
        for host in 0..HOSTS {
            let status = match self.door(host) {
                Ok(door) => door.timeout(Duration::from_secs(2)).status().await,
                Err(error) => Err(error),
            };
            let status = status.map_or_else(|error| format!("{error:#}"), |status| status.to_string());
            let log = self.log(host);
            let lines: Vec<&str> = log.lines().collect();
            let tail = lines.get(lines.len().saturating_sub(8)..).unwrap_or_default().join("\n    ");
            text.push_str(&format!("{} (up: {}): {status}\n    {tail}\n", self.name(host), self.hosts[host].up));
        }
        text
    }

    /// Lets time pass, while every server that is meant to run does.
    ///
    /// # Errors
    /// Those of [`Lab::stand`].
    pub(crate) async fn pass(&mut self, time: Duration) -> Result<()> {
        let deadline = Deadline::within(time);
        loop {
            self.stand()?;
            if deadline.passed() {
                return Ok(());
            }
            deadline.pause().await;
        }
    }

    /// Ends a good run: no server ever panicked, and everything is removed.
    ///
    /// # Errors
    /// When one did.
    pub(crate) fn finish(self) -> Result<()> {
        let Lab { mut cluster, hosts, shared: _, has_network: _ } = self;
        for node in cluster.nodes.iter_mut().filter(|node| node.is_started()) {
            node.kill()?;
        }
        // Before the folder around them goes.
        drop(hosts);
        cluster.finish()
    }
}
