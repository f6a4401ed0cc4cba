//! Limits on processor and memory of a worker's process, where the system permits them: control groups, version 2, or
//! version 1 where that is what there is.
//!
//! Version 2 lets a group hand limits down only where it holds no process itself. So the node moves into a group of its own,
//! beside those of its workers, before the first of them is made.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use exchequer_domain::WorkerId;

/// Where control groups are.
const ROOT: &str = "/sys/fs/cgroup";
/// The group of the node itself.
const NODE: &str = "node";
/// The group of all workers' groups.
const WORKERS: &str = "exchequer-workers";
/// How long a quota of processor time is counted.
const PERIOD_US: u64 = 100_000;

/// What a process may take. Zero is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Thousandths of one core.
    pub(crate) cpu_permille: u64,
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
        let found = || {
            let table = fs::read_to_string("/proc/self/cgroup")?;
            find(Path::new(ROOT), &table, std::process::id())
        };
        let groups = self.groups.get_or_init(|| match found() {
            Ok(groups) => Some(groups),
            Err(error) => {
                tracing::warn!(%error, "workers run without limits: this machine permits no control groups");
                None
            }
        });
        let Some(groups) = groups else { return };
        if let Err(error) = confine(groups, &name_of(worker), pid, limits) {
            tracing::warn!(%worker, %error, "the worker runs without its limits");
        }
    }

    /// Ends everything that a worker has started, also what has left its process group, where the system can.
    pub(super) fn end(&self, worker: WorkerId) {
        if let Some(Some(groups)) = self.groups.get() {
            end(groups, &name_of(worker));
        }
    }

    /// Takes away the group of a worker that is gone. False where something in it is still ending.
    pub(super) fn release(&self, worker: WorkerId) -> bool {
        self.groups.get().is_none_or(|groups| groups.as_ref().is_none_or(|groups| release(groups, &name_of(worker))))
    }
}

fn name_of(worker: WorkerId) -> String {
    worker.to_string().replace('/', "-")
}

impl Groups {
    /// The folders of one worker.
    fn of(&self, name: &str) -> Vec<PathBuf> {
        match self {
            Groups::V2(parent) => vec![parent.join(name)],
            Groups::V1 { cpu, memory } => vec![cpu.join(name), memory.join(name)],
        }
    }
}

fn end(groups: &Groups, name: &str) {
    for folder in groups.of(name) {
        // A system that does not know it has the signal to the process group alone.
        let _ = fs::OpenOptions::new()
            .write(true)
            .open(folder.join("cgroup.kill"))
            .and_then(|mut file| file.write_all(b"1"));
    }
}

fn release(groups: &Groups, name: &str) -> bool {
    groups.of(name).into_iter().all(|folder| match fs::remove_dir(folder) {
        Ok(()) => true,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    })
}

/// The group of this process out of `/proc/self/cgroup`, for one of version 1's controllers or for version 2.
fn own_group<'a>(table: &'a str, controller: &str) -> Option<&'a str> {
    table.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        controllers.split(',').any(|one| one == controller).then_some(path)
    })
}

/// Finds, or makes, the groups below which those of workers go. `table` is the node's own `/proc/self/cgroup`, and `pid` its
/// process.
fn find(root: &Path, table: &str, pid: u32) -> io::Result<Groups> {
    let missing = || io::Error::new(io::ErrorKind::NotFound, "no control group of this process is known");
    let group =
        |controller: &str| own_group(table, controller).map(|group| group.trim_start_matches('/')).ok_or_else(missing);
    if root.join("cgroup.controllers").exists() {
        let own = root.join(group("")?);
        // The node may have been put there by whoever started it, or by itself.
        let above = match own.parent().filter(|_| own.file_name().is_some_and(|name| name == NODE)) {
            Some(above) => above.to_owned(),
            None => {
                fs::create_dir_all(own.join(NODE))?;
                fs::write(own.join(NODE).join("cgroup.procs"), pid.to_string())?;
                own
            }
        };
        let parent = above.join(WORKERS);
        fs::create_dir_all(&parent)?;
        // What the parent hands down, its children can limit.
        fs::write(above.join("cgroup.subtree_control"), "+cpu +memory")?;
        fs::write(parent.join("cgroup.subtree_control"), "+cpu +memory")?;
        tidy(&parent);
        return Ok(Groups::V2(parent));
    }
    let tree = |name: &str| {
        let parent = root.join(name).join(group(name)?).join(WORKERS);
        fs::create_dir_all(&parent)?;
        tidy(&parent);
        Ok::<_, io::Error>(parent)
    };
    Ok(Groups::V1 { cpu: tree("cpu")?, memory: tree("memory")? })
}

/// Takes away groups that an earlier process of the node has left; what is not empty stays.
fn tidy(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let _ = fs::remove_dir(entry.path());
    }
}

fn confine(groups: &Groups, name: &str, pid: u32, limits: Limits) -> io::Result<()> {
    let quota_us = limits.cpu_permille.saturating_mul(PERIOD_US / 1_000);
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
        let limits = Limits { cpu_permille: 1_500, memory_bytes: 64 << 20 };
        let read = |path: &str| fs::read_to_string(folder.path().join(path)).unwrap();
        confine(&Groups::V2(folder.path().join("two")), "selftest-1", 7, limits).unwrap();
        assert_eq!(read("two/selftest-1/cpu.max"), "150000 100000");
        assert_eq!(
            (read("two/selftest-1/memory.max"), read("two/selftest-1/cgroup.procs")),
            ("67108864".into(), "7".into())
        );
        let one = Groups::V1 { cpu: folder.path().join("cpu"), memory: folder.path().join("memory") };
        confine(&one, "selftest-1", 7, Limits { cpu_permille: 500, memory_bytes: 0 }).unwrap();
        assert_eq!(read("cpu/selftest-1/cpu.cfs_quota_us"), "50000");
        assert!(!folder.path().join("memory").exists(), "no limit, no group");
    }

    /// Goal: the node leaves the group that hands down limits before it does so, wherever it was put by whoever started it; and
    /// what an earlier process left is gone. Method: folders that stand for groups, with the node in its service's group and
    /// in one below.
    #[test]
    fn the_node_makes_room() {
        for table in ["0::/exchequer.service\n", "0::/exchequer.service/node\n"] {
            let root = tempfile::tempdir().unwrap();
            let service = root.path().join("exchequer.service");
            fs::create_dir_all(service.join(WORKERS).join("selftest-9")).unwrap();
            fs::create_dir_all(service.join(NODE)).unwrap();
            fs::write(root.path().join("cgroup.controllers"), "cpu memory").unwrap();
            assert_eq!(find(root.path(), table, 42).unwrap(), Groups::V2(service.join(WORKERS)));
            let moved = fs::read_to_string(service.join(NODE).join("cgroup.procs")).unwrap_or_default();
            assert_eq!(moved, if table.contains(NODE) { "" } else { "42" });
            for group in [service.clone(), service.join(WORKERS)] {
                assert_eq!(fs::read_to_string(group.join("cgroup.subtree_control")).unwrap(), "+cpu +memory");
            }
            assert!(!service.join(WORKERS).join("selftest-9").exists());
        }
    }

    /// Goal: a worker's group goes with it, as soon as nothing is in it, and all that is in it can be ended at once. Method:
    /// folders that stand for groups; a file stands for what is still in one.
    #[test]
    fn groups_go_with_their_workers() {
        let folder = tempfile::tempdir().unwrap();
        let groups = Groups::V2(folder.path().to_owned());
        let own = folder.path().join("selftest-1");
        fs::create_dir(&own).unwrap();
        fs::write(own.join("cgroup.kill"), "").unwrap();
        end(&groups, "selftest-1");
        assert_eq!(fs::read_to_string(own.join("cgroup.kill")).unwrap(), "1");
        assert!(!release(&groups, "selftest-1"), "it is not empty");
        fs::remove_file(own.join("cgroup.kill")).unwrap();
        end(&groups, "selftest-1");
        assert!(release(&groups, "selftest-1") && !own.exists());
        assert!(release(&groups, "selftest-1"), "there is none");
    }
}
