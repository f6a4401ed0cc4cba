//! The lab of real machines: node1 to node3 of the Vagrantfile, whatever provider they run on.
//!
//! The machines must be up (`vagrant up`). Clients run on this machine.

use std::fs::{self, File};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use super::{HEALING, Lab, MACHINES, NotPermitted, isolation, lock, node};
use crate::product::{Access, NodePlan, Place, Product};
use crate::stop::Stop;
use crate::{ports, process, repo};

const DATA: &str = "/var/lib/exchequer";
/// Where the Vagrantfile leaves the operator token on node1.
const TOKEN: &str = "/etc/exchequer/operator-token";
const NETWORK: &str = "192.168.56";

/// The lab.
pub(crate) struct Machines {
    nodes: Vec<NodePlan>,
    network: String,
    provider: String,
    folder: TempDir,
    _lock: File,
}

impl Machines {
    /// Finds the machines.
    ///
    /// # Errors
    /// [`NotPermitted`] when vagrant is not there; an error when a machine is not up.
    pub(crate) fn open() -> Result<Machines> {
        if process::find("vagrant").is_none() {
            return Err(NotPermitted("vagrant is not installed".to_owned()).into());
        }
        let network = std::env::var("EXCHEQUER_NET").unwrap_or_else(|_| NETWORK.to_owned());
        let node = |at: usize| {
            let address = format!("{network}.{}", at + 11);
            let (api, peer) = (format!("{address}:{}", ports::API), format!("{address}:{}", ports::API + 1));
            NodePlan { name: machine(at), data: PathBuf::from(DATA), api, peer }
        };
        let nodes = (0..MACHINES).map(node).collect();
        let status = process::output(&mut vagrant(&["status", "--machine-readable"]))?;
        let down = (0..MACHINES).map(machine).find(|name| !status.contains(&format!(",{name},state,running")));
        if let Some(name) = down {
            bail!("{name} is not running: vagrant up");
        }
        let provider = field(&status, &machine(0), "provider-name").context("vagrant status names no provider")?;
        let folder = tempfile::Builder::new().prefix("exchequer-drill-").tempdir()?;
        let lab = Machines { nodes, network, provider, folder, _lock: lock()? };
        lab.refresh()?;
        lab.keep("ca.pem", &lab.run(0, &format!("cat {DATA}/ca.pem"))?)?;
        lab.keep("operator-token", lab.run(0, &format!("cat {TOKEN}"))?.trim())?;
        Ok(lab)
    }

    /// How ssh reaches the machines; it may change when one was down.
    fn refresh(&self) -> Result<()> {
        self.keep("ssh_config", &process::output(&mut vagrant(&["ssh-config"]))?)
    }

    fn keep(&self, name: &str, text: &str) -> Result<()> {
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(self.folder.path().join(name))?;
        std::io::Write::write_all(&mut file, text.as_bytes())?;
        Ok(())
    }

    /// Runs a line of shell as root on a machine.
    fn run(&self, at: usize, script: &str) -> Result<String> {
        let mut command = process::command(["ssh", "-F"]);
        command.arg(self.folder.path().join("ssh_config")).arg(machine(at));
        command.arg(format!("sudo sh -c {}", quoted(script)));
        process::output(&mut command).with_context(|| machine(at))
    }

    fn id(&self, at: usize) -> Result<String> {
        let kept =
            std::env::var_os("VAGRANT_DOTFILE_PATH").map_or_else(|| repo::root().join(".vagrant"), PathBuf::from);
        let file = kept.join("machines").join(machine(at)).join(&self.provider).join("id");
        Ok(fs::read_to_string(&file).with_context(|| file.display().to_string())?.trim().to_owned())
    }
}

impl Lab for Machines {
    fn title(&self) -> String {
        format!("Vagrant machines, provider {}", self.provider)
    }

    fn power_cut_means(&self) -> String {
        match self.provider.as_str() {
            "lxc" => "the container is killed; the host's page cache survives".to_owned(),
            provider => format!("{provider} takes the power from the machine"),
        }
    }

    fn nodes(&self) -> &[NodePlan] {
        &self.nodes
    }

    fn place(&self) -> Place {
        Place::default()
    }

    fn access(&self, at: usize) -> Result<Access> {
        let kept = |name: &str| self.folder.path().join(name);
        let address = node(&self.nodes, at)?.api.clone();
        Ok(Access { address, token_file: kept("operator-token"), ca: kept("ca.pem") })
    }

    fn bring_up(&mut self, stop: &Stop) -> Result<()> {
        self.heal()?;
        for at in 0..MACHINES {
            stop.pause(std::time::Duration::ZERO)?;
            self.start(at)?;
        }
        Ok(())
    }

    fn start(&mut self, at: usize) -> Result<()> {
        // A killed service may have used up its starts.
        self.run(at, "systemctl reset-failed exchequer; systemctl start exchequer").map(drop)
    }

    fn stop(&mut self, at: usize) -> Result<()> {
        self.run(at, "systemctl stop exchequer").map(drop)
    }

    fn kill(&mut self, at: usize) -> Result<()> {
        // The stop finds it dead; it keeps the service manager from starting it again before the drill does.
        self.run(at, "systemctl kill --signal=KILL exchequer; systemctl stop exchequer").map(drop)
    }

    fn cut_power(&mut self, at: usize) -> Result<()> {
        let id = self.id(at)?;
        let words: &[&str] = match self.provider.as_str() {
            "libvirt" => &["virsh", "--connect", "qemu:///system", "destroy"],
            "virtualbox" => &["VBoxManage", "controlvm"],
            "lxc" => &["sudo", "lxc-stop", "--kill", "--name"],
            other => return Err(NotPermitted(format!("cutting the power with the provider {other}")).into()),
        };
        let mut command = process::command(words);
        command.arg(&id);
        if self.provider == "virtualbox" {
            command.arg("poweroff");
        }
        process::output(&mut command).map(drop)
    }

    fn restore_power(&mut self, at: usize) -> Result<()> {
        process::output(&mut vagrant(&["up", "--no-provision", &machine(at)]))?;
        self.refresh()?;
        self.start(at)
    }

    fn keep_log(&self, at: usize, file: &Path) -> Result<()> {
        fs::write(file, self.run(at, "journalctl --unit=exchequer --lines=5000 --no-pager")?)?;
        Ok(())
    }

    fn isolate(&mut self, at: usize) -> Result<()> {
        let others = (0..MACHINES).filter(|other| *other != at).map(|other| format!("{}.{}", self.network, other + 11));
        let words = isolation(&others.collect::<Vec<_>>());
        self.run(at, &format!("nft {}", quoted(&words))).map(drop)
    }

    fn heal(&mut self) -> Result<()> {
        (0..MACHINES).try_for_each(|at| self.run(at, &format!("nft {}", quoted(HEALING))).map(drop))
    }

    fn wipe(&mut self, at: usize) -> Result<()> {
        self.kill(at)?;
        self.run(at, &format!("find {DATA} -mindepth 1 -delete")).map(drop)
    }

    fn join(&mut self, at: usize, member: usize, token: &str) -> Result<()> {
        let (plan, member) = (node(&self.nodes, at)?, node(&self.nodes, member)?);
        let words: Vec<String> =
            Product::installed().join(plan, &member.api, token).iter().map(|w| quoted(w)).collect();
        self.run(at, &format!("runuser -u exchequer -- {}", words.join(" "))).map(drop)
    }
}

impl Drop for Machines {
    fn drop(&mut self) {
        // The machines stay, whole: nobody should find a partition left over from a drill.
        let _best_effort = self.heal();
    }
}

fn machine(at: usize) -> String {
    format!("node{}", at + 1)
}

fn vagrant(words: &[&str]) -> Command {
    let mut command = process::command(["vagrant"]);
    command.args(words).current_dir(repo::root());
    command
}

/// A column of `vagrant status --machine-readable`: time, machine, key, value.
fn field(status: &str, machine: &str, key: &str) -> Option<String> {
    let mut rows = status.lines().map(|line| line.split(',').collect::<Vec<_>>());
    rows.find_map(|row| match row.as_slice() {
        [_, name, found, value, ..] if *name == machine && *found == key => Some((*value).to_owned()),
        _ => None,
    })
}

/// One word of shell, whatever is in it.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a script arrives on the machine as it was written. Method: a shell unquotes what was quoted, twice.
    #[test]
    fn quoting_survives_two_shells() {
        let script = r#"printf '%s' "it's $HOME""#;
        let inner = format!("sh -c {}", quoted(script));
        let outer = process::output(process::command(["sh", "-c", &inner]).env("HOME", "h")).unwrap();
        assert_eq!(outer, "it's h");
    }

    /// Goal: the provider is read from what vagrant prints for programs.
    #[test]
    fn the_provider_is_read() {
        let status = "1,node1,metadata,provider,lxc\n1,node1,provider-name,lxc\n1,node1,state,running\n";
        assert_eq!(field(status, "node1", "provider-name").as_deref(), Some("lxc"));
        assert_eq!(field(status, "node2", "provider-name"), None);
    }
}
