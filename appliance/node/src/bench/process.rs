//! What the kernel says of a process, and how much a folder takes on its disk.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Bytes that a process had written to storage; zero where there is no such process.
pub(super) fn written_bytes(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
    field(&text, "write_bytes:").unwrap_or(0)
}

/// Resident memory of a process, in bytes; zero where there is no such process.
pub(super) fn resident_bytes(pid: u32) -> u64 {
    status(pid, "VmRSS:")
}

/// The most that was resident of a process since it started, in bytes; zero where there is no such process.
pub(super) fn resident_peak_bytes(pid: u32) -> u64 {
    status(pid, "VmHWM:")
}

fn status(pid: u32, name: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    field(&text, name).map_or(0, |kib| kib << 10)
}

/// The number behind a name at the beginning of a line.
fn field(text: &str, name: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

/// Bytes that the files below a folder take on the disk, each counted once however many names it has. What goes away
/// meanwhile does not count.
pub(super) fn disk_bytes(folder: &Path) -> u64 {
    fn add(folder: &Path, seen: &mut BTreeSet<(u64, u64)>) -> u64 {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let sizes = entries.map(|entry| match entry.metadata() {
            Ok(data) if data.is_dir() => add(&entry.path(), seen),
            Ok(data) if data.is_file() && seen.insert((data.dev(), data.ino())) => data.blocks() * 512,
            Ok(_) | Err(_) => 0,
        });
        sizes.sum()
    }
    add(folder, &mut BTreeSet::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: this process is found, its peak is no smaller than what it has, and nobody has the number 0.
    #[test]
    fn own_memory_is_told() {
        let own = std::process::id();
        assert!(resident_bytes(own) > 1 << 20);
        assert!(resident_peak_bytes(own) >= resident_bytes(own) / 2);
        assert_eq!((resident_bytes(0), resident_peak_bytes(0), written_bytes(0)), (0, 0, 0));
        assert_eq!(field("VmHWM:\t  12 kB\nVmRSS:\t   7 kB\n", "VmRSS:"), Some(7));
    }

    /// Goal: a file with two names counts once. Method: a file of a mebibyte, linked into a folder beside it.
    #[test]
    fn links_count_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        std::fs::write(&file, vec![7; 1 << 20]).unwrap();
        std::fs::File::open(&file).unwrap().sync_all().unwrap();
        std::fs::create_dir(folder.path().join("b")).unwrap();
        let before = disk_bytes(folder.path());
        std::fs::hard_link(&file, folder.path().join("b").join("c")).unwrap();
        assert!(before >= 1 << 20);
        assert_eq!(disk_bytes(folder.path()), before);
        assert_eq!(disk_bytes(&folder.path().join("none")), 0);
    }
}
