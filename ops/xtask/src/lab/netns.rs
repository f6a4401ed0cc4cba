//! The lab of network namespaces: three hosts on one switch, no route to the outside, each node's data on an ext4 of
//! its own so that a cut of the power can lose what was not synced.
//!
//! Every name begins with `exq-`; the addresses are 10.77.0.1 to 3 and, for clients, 10.77.0.254. They exist only inside
//! of the namespaces. All of it is taken down when the lab is dropped, and what a killed run left when one is opened.

use std::fs::{self, File};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Signal, geteuid};
use tempfile::TempDir;

use super::{HEALING, Lab, MACHINES, NotPermitted, isolation, lock, node};
use crate::product::{ASK_EVERY, Access, NodePlan, Place, Product, START_LIMIT};
use crate::stop::Stop;
use crate::{ports, process};

const SWITCH: &str = "exq-sw";
const CLIENT: &str = "10.77.0.254";
const FOLDER_PREFIX: &str = "exchequer-drill-";
/// Sparse: only what is written takes room.
const DISK_SIZE: &str = "4G";
/// How long a server may take to hand over, flush and end.
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// The programs that are needed and the Debian packages that have them.
const PROGRAMS: &[(&str, &str)] = &[
    ("ip", "iproute2"),
    ("nft", "nftables"),
    ("curl", "curl"),
    ("setpriv", "util-linux"),
    ("mount", "mount"),
    ("mkfs.ext4", "e2fsprogs"),
    ("perl", "perl-base"),
];
/// Shuts an ext4 down as a cut of the power does: nothing more is written, not even the journal
/// (EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH).
const SHUTDOWN: &str =
    r#"open(my $f, "<", $ARGV[0]) or die "$!\n"; my $how = pack("I", 2); ioctl($f, 0x8004587d, $how) or die "$!\n""#;

/// The lab.
pub(crate) struct Namespaces {
    product: Product,
    nodes: Vec<NodePlan>,
    disks: Vec<PathBuf>,
    children: Vec<Option<Child>>,
    folder: TempDir,
    _lock: File,
}

impl Namespaces {
    /// Builds hosts, switch and disks.
    ///
    /// # Errors
    /// [`NotPermitted`] where namespaces or loop devices are not to be had.
    pub(crate) fn open(product: Product) -> Result<Namespaces> {
        if !geteuid().is_root() {
            return Err(NotPermitted("network namespaces need root".to_owned()).into());
        }
        let missing = PROGRAMS.iter().filter(|(program, _)| process::find(program).is_none());
        let missing: Vec<&str> = missing.map(|(_, package)| *package).collect();
        if !missing.is_empty() {
            return Err(NotPermitted(format!("missing Debian packages: {}", missing.join(", "))).into());
        }
        let lock = lock()?;
        sweep();
        let folder = tempfile::Builder::new().prefix(FOLDER_PREFIX).tempdir()?;
        let mut lab =
            Namespaces { product, nodes: Vec::new(), disks: Vec::new(), children: Vec::new(), folder, _lock: lock };
        ip(&["netns", "add", SWITCH]).map_err(|error| NotPermitted(format!("network namespaces: {error:#}")))?;
        lab.build()?;
        Ok(lab)
    }

    fn build(&mut self) -> Result<()> {
        ip(&["-n", SWITCH, "link", "set", "lo", "up"])?;
        ip(&["-n", SWITCH, "link", "add", "br0", "type", "bridge"])?;
        ip(&["-n", SWITCH, "address", "add", &format!("{CLIENT}/24"), "dev", "br0"])?;
        ip(&["-n", SWITCH, "link", "set", "br0", "up"])?;
        for at in 0..MACHINES {
            let (host, port, address) = (host(at), format!("p{}", at + 1), address(at));
            ip(&["netns", "add", &host])?;
            ip(&["-n", &host, "link", "set", "lo", "up"])?;
            ip(&["-n", SWITCH, "link", "add", &port, "type", "veth", "peer", "name", "eth0", "netns", &host])?;
            ip(&["-n", SWITCH, "link", "set", &port, "master", "br0", "up"])?;
            ip(&["-n", &host, "address", "add", &format!("{address}/24"), "dev", "eth0"])?;
            ip(&["-n", &host, "link", "set", "eth0", "up"])?;
            let disk = self.folder.path().join(format!("disk{}", at + 1));
            self.make_disk(&disk).map_err(|error| NotPermitted(format!("a disk of its own on loop: {error:#}")))?;
            let name = format!("n{}", at + 1);
            let (api, peer) = (format!("{address}:{}", ports::API), format!("{address}:{}", ports::API + 1));
            self.nodes.push(NodePlan { name, data: disk.join("data"), api, peer });
            self.disks.push(disk);
            self.children.push(None);
        }
        self.heal().map_err(|error| NotPermitted(format!("nftables in a namespace: {error:#}")).into())
    }

    fn make_disk(&self, disk: &Path) -> Result<()> {
        let image = image(disk);
        process::output(process::command(["truncate", "-s", DISK_SIZE]).arg(&image))?;
        process::output(process::command(["mkfs.ext4", "-q", "-F", "-m0"]).arg(&image))?;
        fs::create_dir(disk)?;
        mount(disk)?;
        // Not the mount's own root: mkfs leaves `lost+found` there, and a node's folder must be empty.
        make_private(&disk.join("data"))
    }

    fn disk(&self, at: usize) -> Result<&Path> {
        self.disks.get(at).map(PathBuf::as_path).context("no such machine")
    }

    fn log(&self, at: usize) -> Result<PathBuf> {
        Ok(self.folder.path().join(format!("{}.log", node(&self.nodes, at)?.name)))
    }

    fn token_file(&self) -> PathBuf {
        self.folder.path().join("operator-token")
    }

    fn end(&mut self, at: usize, signal: Signal, limit: Duration) -> Result<()> {
        let Some(mut child) = self.children.get_mut(at).and_then(Option::take) else { return Ok(()) };
        if child.try_wait()?.is_none() {
            process::signal(child.id(), signal)?;
        }
        if process::wait(&mut child, limit)?.is_none() {
            child.kill()?;
            child.wait()?;
            bail!("n{} did not end within {} s of {signal:?}", at + 1, limit.as_secs());
        }
        Ok(())
    }
}

impl Lab for Namespaces {
    fn title(&self) -> String {
        format!("network namespaces, {MACHINES} hosts on one switch; {}", self.product.binary().display())
    }

    fn power_cut_means(&self) -> String {
        "SIGKILL, then the node's ext4 is shut down without its journal: what was not synced is gone".to_owned()
    }

    fn nodes(&self) -> &[NodePlan] {
        &self.nodes
    }

    fn place(&self) -> Place {
        Place::within(&["ip", "netns", "exec", SWITCH])
    }

    fn access(&self, at: usize) -> Result<Access> {
        let address = node(&self.nodes, at)?.api.clone();
        // A copy, because a node's own may be on a disk without power.
        Ok(Access { address, token_file: self.token_file(), ca: self.folder.path().join("ca.pem") })
    }

    fn bring_up(&mut self, stop: &Stop) -> Result<()> {
        let first = node(&self.nodes, 0)?.clone();
        let founded = self.product.init(&first)?;
        let mut options = fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(self.token_file())?;
        std::io::Write::write_all(&mut file, founded.operator_token.as_bytes())?;
        fs::copy(first.ca(), self.folder.path().join("ca.pem")).context("the cluster's authority")?;
        self.start(0)?;
        let (place, access) = (self.place(), self.access(0)?);
        let product = self.product.clone();
        process::until("n1 answers", START_LIMIT, ASK_EVERY, stop, || product.answers(&place, &access))?;
        for at in 1..MACHINES {
            let token = process::until("a join token", START_LIMIT, ASK_EVERY, stop, || {
                product.join_token(&place, &access, "drill: a further node").map(Some)
            })?;
            self.join(at, 0, &token)?;
            self.start(at)?;
        }
        Ok(())
    }

    fn start(&mut self, at: usize) -> Result<()> {
        let plan = node(&self.nodes, at)?;
        let log = fs::OpenOptions::new().create(true).append(true).open(self.log(at)?)?;
        // Not `ip netns exec`, which gives a process mounts of its own: those would keep another machine's disk in use
        // after its power was cut, and what is in use cannot be mounted afresh.
        let network = format!("--net=/run/netns/{}", host(at));
        let mut command = Place::within(&["nsenter", &network]).command(self.product.server(plan));
        let child = command.process_group(0).stdout(log.try_clone()?).stderr(log).spawn()?;
        *self.children.get_mut(at).context("no such machine")? = Some(child);
        Ok(())
    }

    fn stop(&mut self, at: usize) -> Result<()> {
        self.end(at, Signal::TERM, STOP_LIMIT)
    }

    fn kill(&mut self, at: usize) -> Result<()> {
        self.end(at, Signal::KILL, STOP_LIMIT)
    }

    fn cut_power(&mut self, at: usize) -> Result<()> {
        self.kill(at)?;
        let disk = self.disk(at)?;
        process::output(process::command(["perl", "-e", SHUTDOWN]).arg(disk))
            .map_err(|error| NotPermitted(format!("shutting an ext4 down: {error:#}")))?;
        unmount(disk)
    }

    fn restore_power(&mut self, at: usize) -> Result<()> {
        mount(self.disk(at)?)?;
        self.start(at)
    }

    fn keep_log(&self, at: usize, file: &Path) -> Result<()> {
        fs::copy(self.log(at)?, file)?;
        Ok(())
    }

    fn isolate(&mut self, at: usize) -> Result<()> {
        let others: Vec<String> = (0..MACHINES).filter(|other| *other != at).map(address).collect();
        nft(&host(at), &isolation(&others))
    }

    fn heal(&mut self) -> Result<()> {
        (0..MACHINES).try_for_each(|at| nft(&host(at), HEALING))
    }

    fn wipe(&mut self, at: usize) -> Result<()> {
        self.kill(at)?;
        let data = &node(&self.nodes, at)?.data;
        fs::remove_dir_all(data)?;
        make_private(data)
    }

    fn join(&mut self, at: usize, member: usize, token: &str) -> Result<()> {
        let (plan, member) = (node(&self.nodes, at)?, node(&self.nodes, member)?);
        let host = host(at);
        let place = Place::within(&["ip", "netns", "exec", &host]);
        process::output(&mut place.command(self.product.join(plan, &member.api, token))).map(drop)
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for child in self.children.iter_mut().flatten() {
            let _gone_already = child.kill().and_then(|()| child.wait());
        }
        sweep();
    }
}

fn host(at: usize) -> String {
    format!("exq-n{}", at + 1)
}

fn address(at: usize) -> String {
    format!("10.77.0.{}", at + 1)
}

fn image(disk: &Path) -> PathBuf {
    disk.with_extension("img")
}

fn mount(disk: &Path) -> Result<()> {
    process::output(process::command(["mount", "-o", "loop"]).arg(image(disk)).arg(disk)).map(drop)
}

fn unmount(disk: &Path) -> Result<()> {
    process::output(process::command(["umount"]).arg(disk)).map(drop)
}

fn ip(words: &[&str]) -> Result<()> {
    process::output(process::command(["ip"]).args(words)).map(drop)
}

fn nft(host: &str, words: &str) -> Result<()> {
    process::output(&mut process::command(["ip", "netns", "exec", host, "nft", words])).map(drop)
}

fn make_private(folder: &Path) -> Result<()> {
    fs::create_dir(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    Ok(())
}

/// Takes down everything that has a lab's name, ours or left by a run that was killed. The lock is held.
fn sweep() {
    let there = process::output(&mut process::command(["ip", "netns", "list"])).unwrap_or_default();
    for name in there.lines().filter_map(|line| line.split_whitespace().next()) {
        if name == SWITCH || (0..MACHINES).any(|at| name == host(at)) {
            let pids = process::output(&mut process::command(["ip", "netns", "pids", name])).unwrap_or_default();
            for pid in pids.lines().filter_map(|pid| pid.trim().parse().ok()) {
                let _gone_already = process::signal(pid, Signal::KILL);
            }
            let _gone_already = ip(&["netns", "delete", name]);
        }
    }
    let prefix = std::env::temp_dir().join(FOLDER_PREFIX).display().to_string();
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    for disk in mounts.lines().filter_map(|line| line.split(' ').nth(1)).filter(|disk| disk.starts_with(&prefix)) {
        // A process that was killed a moment ago may still hold it: lazily, then.
        let _gone_already = process::output(&mut process::command(["umount", "--lazy", disk]));
        if let Some(folder) = Path::new(disk).parent() {
            let _gone_already = fs::remove_dir_all(folder);
        }
    }
}
