//! Limits on processor and memory of a worker's process, where the system permits them: control groups, version 2, or
//! version 1 where that is what there is.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use exchequer_domain::WorkerId;

/// Where control groups are.
const ROOT: &str = "/sys/fs/cgroup";
/// How long a quota of processor time is counted.
const PERIOD_US: u64 = 100_000;

/// What a process may take. Zero is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Hundredths of one core.
    pub(crate) cpu_percent: u64,
    /// Memory.
    pub(crate) memory_bytes: u64,
}

/// What this machine offers.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Groups {
    /// One tree; the folder below which the workers' groups go.
    V2(PathBuf),
    /// A tree for processor time, and one for memory.
    V1 { cpu: PathBuf, memory: PathBuf },
}

/// Puts processes under their limits.
#[derive(Debug, Default)]
pub(super) struct Warden {
    groups: OnceLock<Option<Groups>>,
}

impl Warden {
    /// Confines a process. Where that cannot be done it runs without limits, and the log says so once.
    pub(super) fn confine(&self, worker: WorkerId, pid: u32, limits: Limits) {
        if limits == Limits::default() {
            return;
        }
        let groups = self.groups.get_or_init(|| match find(Path::new(ROOT)) {
            Ok(groups) => Some(groups),
            Err(error) => {
                tracing::warn!(%error, "workers run without limits: this machine permits no control groups");
                None
            }
        });
        let Some(groups) = groups else { return };
        let name = worker.to_string().replace('/', "-");
        if let Err(error) = confine(groups, &name, pid, limits) {
            tracing::warn!(%worker, %error, "the worker runs without its limits");
        }
    }
}

/// The group of this process out of `/proc/self/cgroup`, for one of version 1's controllers or for version 2.
fn own_group<'a>(table: &'a str, controller: &str) -> Option<&'a str> {
    table.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        controllers.split(',').any(|one| one == controller).then_some(path)
    })
}

fn find(root: &Path) -> io::Result<Groups> {
    let table = fs::read_to_string("/proc/self/cgroup")?;
    let missing = || io::Error::new(io::ErrorKind::NotFound, "no control group of this process is known");
    let below = |base: PathBuf, group: &str| base.join(group.trim_start_matches('/')).join("exchequer-workers");
    if root.join("cgroup.controllers").exists() {
        let parent = below(root.to_owned(), own_group(&table, "").ok_or_else(missing)?);
        fs::create_dir_all(&parent)?;
        // What the parent hands down, its children can limit.
        if let Some(above) = parent.parent() {
            fs::write(above.join("cgroup.subtree_control"), "+cpu +memory")?;
        }
        fs::write(parent.join("cgroup.subtree_control"), "+cpu +memory")?;
        return Ok(Groups::V2(parent));
    }
    let tree = |name: &str| {
        let parent = below(root.join(name), own_group(&table, name).ok_or_else(missing)?);
        fs::create_dir_all(&parent)?;
        Ok::<_, io::Error>(parent)
    };
    Ok(Groups::V1 { cpu: tree("cpu")?, memory: tree("memory")? })
}

fn confine(groups: &Groups, name: &str, pid: u32, limits: Limits) -> io::Result<()> {
    let quota_us = limits.cpu_percent.saturating_mul(PERIOD_US / 100);
    let enter = |folder: &Path| fs::write(folder.join("cgroup.procs"), pid.to_string());
    match groups {
        Groups::V2(parent) => {
            let folder = parent.join(name);
            fs::create_dir_all(&folder)?;
            let quota = if quota_us == 0 { "max".to_owned() } else { quota_us.to_string() };
            let memory = if limits.memory_bytes == 0 { "max".to_owned() } else { limits.memory_bytes.to_string() };
            fs::write(folder.join("cpu.max"), format!("{quota} {PERIOD_US}"))?;
            fs::write(folder.join("memory.max"), memory)?;
            enter(&folder)
        }
        Groups::V1 { cpu, memory } => {
            if quota_us > 0 {
                let folder = cpu.join(name);
                fs::create_dir_all(&folder)?;
                fs::write(folder.join("cpu.cfs_period_us"), PERIOD_US.to_string())?;
                fs::write(folder.join("cpu.cfs_quota_us"), quota_us.to_string())?;
                enter(&folder)?;
            }
            if limits.memory_bytes > 0 {
                let folder = memory.join(name);
                fs::create_dir_all(&folder)?;
                fs::write(folder.join("memory.limit_in_bytes"), limits.memory_bytes.to_string())?;
                enter(&folder)?;
            }
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the group of a process is found in tables of both versions, and limits are written as each version wants them.
    /// Method: tables as systems have them, and folders that stand for groups.
    #[test]
    fn both_versions() {
        assert_eq!(own_group("0::/system.slice/exchequer.service\n", ""), Some("/system.slice/exchequer.service"));
        let old = "5:cpu,cpuacct:/a\n4:memory:/b\n1:name=systemd:/c\n";
        assert_eq!(
            (own_group(old, "cpu"), own_group(old, "memory"), own_group(old, "")),
            (Some("/a"), Some("/b"), None)
        );
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits { cpu_percent: 150, memory_bytes: 64 << 20 };
        let read = |path: &str| fs::read_to_string(folder.path().join(path)).unwrap();
        confine(&Groups::V2(folder.path().join("two")), "selftest-1", 7, limits).unwrap();
        assert_eq!(read("two/selftest-1/cpu.max"), "150000 100000");
        assert_eq!(
            (read("two/selftest-1/memory.max"), read("two/selftest-1/cgroup.procs")),
            ("67108864".into(), "7".into())
        );
        let one = Groups::V1 { cpu: folder.path().join("cpu"), memory: folder.path().join("memory") };
        confine(&one, "selftest-1", 7, Limits { cpu_percent: 50, memory_bytes: 0 }).unwrap();
        assert_eq!(read("cpu/selftest-1/cpu.cfs_quota_us"), "50000");
        assert!(!folder.path().join("memory").exists(), "no limit, no group");
    }
}
