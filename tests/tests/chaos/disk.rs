//! A host's own disk: an ext4 in a file, so that it can be full and can lose its power.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use rustix::fs::{FallocateFlags, fallocate, statvfs};

use crate::ground::run;

/// The name of the folder on which a disk is mounted.
const FOLDER: &str = "chaos-disk";
/// Small, and sparse: only what is written takes room.
const SIZE: &str = "768M";
/// A full disk has this much left; a node's reserve is larger.
const LEFT_BYTES: u64 = 2 << 20;
/// Shuts an ext4 down as a cut of the power does: nothing more is written, not even the journal
/// (EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH).
const SHUTDOWN: &str =
    r#"open(my $f, "<", $ARGV[0]) or die "$!\n"; my $how = pack("I", 2); ioctl($f, 0x8004587d, $how) or die "$!\n""#;

/// A disk; it is mounted for as long as this lives, but for the time without power.
#[derive(Debug)]
pub(crate) struct Disk {
    image: PathBuf,
    mounted: PathBuf,
}

impl Disk {
    /// Makes a disk called `name` in `folder` and mounts it.
    ///
    /// # Errors
    /// What this machine does not permit.
    pub(crate) fn make(folder: &Path, name: &str) -> Result<Disk> {
        let image = folder.join(format!("{name}.img"));
        let mounted = folder.join(name).join(FOLDER);
        run(Command::new("truncate").args(["-s", SIZE]).arg(&image))?;
        run(Command::new("mkfs.ext4").args(["-q", "-F", "-m0"]).arg(&image))?;
        fs::create_dir_all(&mounted)?;
        let disk = Disk { image, mounted };
        disk.give_power()?;
        Ok(disk)
    }

    /// Where a node's folder lies. Not the disk's own root, which is not empty.
    pub(crate) fn data(&self) -> PathBuf {
        self.mounted.join("data")
    }

    /// Takes the power; no process may use the disk. What was not synced is gone.
    ///
    /// # Errors
    /// When it is refused.
    pub(crate) fn cut_power(&self) -> Result<()> {
        run(Command::new("perl").args(["-e", SHUTDOWN]).arg(&self.mounted)).context("shutting an ext4 down")?;
        run(Command::new("umount").arg(&self.mounted)).map(drop)
    }

    /// Gives it back.
    ///
    /// # Errors
    /// When it is refused.
    pub(crate) fn give_power(&self) -> Result<()> {
        run(Command::new("mount").args(["-o", "loop"]).arg(&self.image).arg(&self.mounted)).map(drop)
    }

    fn ballast(&self) -> PathBuf {
        self.mounted.join("ballast")
    }

    /// Fills it.
    ///
    /// # Errors
    /// When it cannot be done.
    pub(crate) fn fill(&self) -> Result<()> {
        let path = self.ballast();
        let file = File::create(&path).context("ballast")?;
        let stat = statvfs(&path).context("the free space")?;
        let free = stat.f_bavail * stat.f_frsize;
        fallocate(&file, FallocateFlags::empty(), 0, free.saturating_sub(LEFT_BYTES)).context("ballast")
    }

    /// Makes room again.
    ///
    /// # Errors
    /// When it cannot be done.
    pub(crate) fn free(&self) -> Result<()> {
        fs::remove_file(self.ballast()).context("ballast")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        unmount(&self.mounted);
    }
}

/// Whatever still holds it. It may be without power, and then it is not mounted.
fn unmount(disk: &Path) {
    let _ = run(Command::new("umount").arg("--lazy").arg(disk));
}

/// Takes away the disks that a killed run left.
pub(crate) fn sweep() {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    for disk in mounts.lines().filter_map(|line| line.split(' ').nth(1)).filter(|disk| disk.ends_with(FOLDER)) {
        unmount(Path::new(disk));
    }
}
