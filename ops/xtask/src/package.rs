//! `cargo xtask package`: one binary package for Debian, made with nothing but `dpkg-deb`.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::{console, process, repo, say};

/// How to make the package.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How to build the binary
    #[arg(long, value_enum, default_value = "release", conflicts_with = "binary")]
    profile: Profile,
    /// A binary that is built already
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Where to put the package [default: target/deb in the repository]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Leave the line tables out: a third of the size, backtraces without lines
    #[arg(long)]
    strip: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Profile {
    /// As the tests use it: no second build of RocksDB
    Dev,
    /// As it is meant to run
    Release,
}

impl Profile {
    fn name(self) -> &'static str {
        match self {
            Profile::Dev => "dev",
            Profile::Release => "release",
        }
    }
}

/// What goes where: the file under `ops/package` (or the root), its place, its mode.
const FILES: &[(&str, &str, u32)] = &[
    ("ops/package/exchequer.service", "usr/lib/systemd/system/exchequer.service", 0o644),
    ("ops/package/exchequer-signer.service", "usr/lib/systemd/system/exchequer-signer.service", 0o644),
    ("ops/package/exchequer.sysusers", "usr/lib/sysusers.d/exchequer.conf", 0o644),
    ("ops/package/exchequer.tmpfiles", "usr/lib/tmpfiles.d/exchequer.conf", 0o644),
    ("ops/package/exchequer.toml", "etc/exchequer/exchequer.toml", 0o644),
    ("ops/package/exchequer.default", "etc/default/exchequer", 0o644),
    ("ops/package/exchequer.toml", "usr/share/doc/exchequer/examples/exchequer.toml", 0o644),
    ("ops/package/README.md", "usr/share/doc/exchequer/README.md", 0o644),
    ("ops/package/copyright", "usr/share/doc/exchequer/copyright", 0o644),
    ("LICENSE-MIT", "usr/share/doc/exchequer/LICENSE-MIT", 0o644),
    ("ops/package/conffiles", "DEBIAN/conffiles", 0o644),
    ("ops/package/preinst", "DEBIAN/preinst", 0o755),
    ("ops/package/postinst", "DEBIAN/postinst", 0o755),
    ("ops/package/prerm", "DEBIAN/prerm", 0o755),
    ("ops/package/postrm", "DEBIAN/postrm", 0o755),
];

/// Shells and where Debian keeps their completions.
const COMPLETIONS: &[(&str, &str)] = &[
    ("bash", "usr/share/bash-completion/completions/exchequer"),
    ("zsh", "usr/share/zsh/vendor-completions/_exchequer"),
    ("fish", "usr/share/fish/vendor_completions.d/exchequer.fish"),
];

/// The GCC whose C++ library first had a symbol version `GLIBCXX_3.4.N`.
const CXX_SINCE: &[(u32, &str)] = &[(30, "12"), (31, "13.1"), (32, "13.2"), (33, "14"), (34, "15")];

/// Builds and packs.
///
/// # Errors
/// The build or `dpkg-deb` failed.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let binary = match &args.binary {
        Some(binary) => binary.clone(),
        None => console::build_binary(args.profile.name())?,
    };
    let out = args.out.clone().unwrap_or_else(|| repo::root().join("target/deb"));
    let package = pack(&binary, &out, args.strip)?;
    say::line(package.display());
    Ok(ExitCode::SUCCESS)
}

fn pack(binary: &Path, out: &Path, strip: bool) -> Result<PathBuf> {
    let staging = tempfile::tempdir()?;
    let tree = staging.path();
    install(binary, &tree.join("usr/bin/exchequer"), 0o755)?;
    if strip {
        process::show(process::command(["strip", "--strip-unneeded"]).arg(tree.join("usr/bin/exchequer")))?;
    }
    for (from, to, mode) in FILES {
        install(&repo::root().join(from), &tree.join(to), *mode)?;
    }
    for (shell, to) in COMPLETIONS {
        let text = process::output(process::command([binary]).args(["completions", shell]))?;
        write(&tree.join(to), text.as_bytes(), 0o644)?;
    }
    let depends = depends(&fs::read(binary)?);
    let size_kib = bytes_below(tree)?.div_ceil(1024);
    let control = fs::read_to_string(repo::root().join("ops/package/control"))?
        .replace("@VERSION@", &debian_version(repo::VERSION))
        .replace("@INSTALLED_SIZE@", &size_kib.to_string())
        .replace("@DEPENDS@", &depends.join(", "));
    write(&tree.join("DEBIAN/control"), control.as_bytes(), 0o644)?;
    write(&tree.join("DEBIAN/md5sums"), md5sums(tree)?.as_bytes(), 0o644)?;
    // Folders follow the umask of whoever packs, and mktemp's is private; unpacked, they must be open to all.
    for folder in folders_below(tree)? {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    }

    fs::create_dir_all(out)?;
    let package = out.join(format!("exchequer_{}_amd64.deb", debian_version(repo::VERSION)));
    let mut command = process::command(["dpkg-deb", "--root-owner-group", "-Zzstd", "--build"]);
    process::output(command.arg(tree).arg(&package))?;
    Ok(package)
}

fn install(from: &Path, to: &Path, mode: u32) -> Result<()> {
    let bytes = fs::read(from).with_context(|| from.display().to_string())?;
    write(to, &bytes, mode)
}

fn write(to: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(to, bytes)?;
    fs::set_permissions(to, fs::Permissions::from_mode(mode))?;
    Ok(())
}

/// `1.2.0-rc.1` is after `1.2.0` to dpkg unless the dash becomes a tilde.
fn debian_version(version: &str) -> String {
    version.replacen('-', "~", 1)
}

/// The libraries that the binary needs, by the newest symbol versions that it names. The oldest Debian on which it runs
/// is the one on which it was built.
fn depends(binary: &[u8]) -> Vec<String> {
    let newest = |prefix: &str| versions(binary, prefix).into_iter().next_back();
    let mut depends = Vec::new();
    if let Some((major, minor)) = newest("GLIBC_") {
        depends.push(format!("libc6 (>= {major}.{minor})"));
    }
    // The name has three numbers (GLIBCXX_3.4.30); the first two never change.
    if let Some((_, version)) = newest("GLIBCXX_3.") {
        let since = CXX_SINCE.iter().find(|(symbols, _)| *symbols >= version).or(CXX_SINCE.last());
        depends.push(format!("libstdc++6 (>= {})", since.map_or("12", |(_, gcc)| gcc)));
    }
    if !versions(binary, "GCC_").is_empty() {
        depends.push("libgcc-s1 (>= 4.2)".to_owned());
    }
    if depends.is_empty() { vec!["libc6".to_owned()] } else { depends }
}

/// Every `PREFIXa.b` in the bytes as `(a, b)`, in order.
fn versions(bytes: &[u8], prefix: &str) -> BTreeSet<(u32, u32)> {
    let starts = bytes.windows(prefix.len()).enumerate().filter(|(_, window)| *window == prefix.as_bytes());
    let read = |(at, _): (usize, &[u8])| {
        let rest = bytes.get(at + prefix.len()..)?;
        let end = rest.iter().position(|byte| !byte.is_ascii_digit() && *byte != b'.')?;
        let mut numbers = std::str::from_utf8(rest.get(..end)?).ok()?.split('.');
        Some((numbers.next()?.parse().ok()?, numbers.next().unwrap_or("0").parse().ok()?))
    };
    starts.filter_map(read).collect()
}

/// `folder` and every folder in it.
fn folders_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut folders = vec![folder.to_owned()];
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.extend(folders_below(&entry.path())?);
        }
    }
    Ok(folders)
}

fn files_below(tree: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for folder in folders_below(tree)? {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_file() {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn bytes_below(tree: &Path) -> Result<u64> {
    files_below(tree)?.iter().map(|file| Ok(fs::metadata(file)?.len())).sum()
}

fn md5sums(tree: &Path) -> Result<String> {
    let mut command = process::command(["md5sum", "--"]);
    command.current_dir(tree);
    for file in files_below(tree)? {
        let name = file.strip_prefix(tree)?.to_owned();
        if !name.starts_with("DEBIAN") {
            command.arg(name);
        }
    }
    let sums = process::output(&mut command)?;
    if sums.is_empty() { bail!("an empty package") } else { Ok(sums) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stub;

    /// Goal: the package holds what a node needs, with the right owners and modes, and says what it depends on.
    /// Method: pack the stand-in binary and read the package back with dpkg-deb.
    #[test]
    fn the_package_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let package = pack(&stub::binary(folder.path()), folder.path(), false).unwrap();
        let read = |flag: &str| process::output(process::command(["dpkg-deb", flag]).arg(&package)).unwrap();
        let contents = read("--contents");
        for (_, to, mode) in FILES.iter().filter(|(_, to, _)| !to.starts_with("DEBIAN")) {
            let line =
                contents.lines().find(|line| line.ends_with(&format!("./{to}"))).unwrap_or_else(|| panic!("{to}"));
            assert!(
                line.starts_with(if *mode == 0o644 { "-rw-r--r-- root/root" } else { "-rwxr-xr-x root/root" }),
                "{line}"
            );
        }
        assert!(
            contents.lines().filter(|line| line.starts_with('d')).all(|line| line.starts_with("drwxr-xr-x root/root"))
        );
        assert!(contents.contains("./usr/bin/exchequer\n"));
        assert!(contents.contains("completions/exchequer\n") && contents.contains("/_exchequer\n"));
        let info = read("--info");
        assert!(info.contains(&format!("Version: {}", debian_version(repo::VERSION))), "{info}");
        assert!(!info.contains('@') || info.matches('@').count() == info.matches("maintainers@").count(), "{info}");
    }

    /// Goal: systemd understands every line of both units, and finds what they leave open small. Method: its own verdict, with a
    /// program that is there in place of the installed one; without systemd nothing can be said.
    #[test]
    fn units_are_understood_and_tight() {
        if process::find("systemd-analyze").is_none() {
            println!("SKIPPED units_are_understood_and_tight: systemd-analyze is not installed");
            return;
        }
        for unit in ["exchequer.service", "exchequer-signer.service"] {
            let folder = tempfile::tempdir().unwrap();
            let program = stub::binary(folder.path()).display().to_string();
            let text = fs::read_to_string(repo::root().join("ops/package").join(unit)).unwrap();
            let file = folder.path().join(unit);
            fs::write(&file, text.replace("/usr/bin/exchequer", &program)).unwrap();
            let file = file.display().to_string();
            let verified =
                process::attempt(&mut process::command(["systemd-analyze", "verify", "--man=no", &file])).unwrap();
            let told = String::from_utf8_lossy(&[verified.stdout, verified.stderr].concat()).into_owned();
            // Known from systemd 254 on; what is done without it is written beside it.
            let about = |line: &&str| line.contains(unit) && !line.contains("DelegateSubgroup");
            let amiss: Vec<&str> = told.lines().filter(about).collect();
            assert!(verified.status.success() && amiss.is_empty(), "{told}");
            // In tenths of what it calls exposure: 2.0 of 10.
            let looked = ["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=20", &file];
            process::output(&mut process::command(looked)).unwrap();
        }
    }

    /// Goal: a binary built against a newer library is not installed where it cannot run. Method: symbol names as a
    /// linker leaves them.
    #[test]
    fn dependencies_follow_the_symbols() {
        let bytes = b"\0GLIBC_2.4\0GLIBC_2.34\0GLIBC_2.9\0GLIBCXX_3.4.9\0GLIBCXX_3.4.30\0GCC_3.0\0GLIBC_PRIVATE\0";
        assert_eq!(versions(bytes, "GLIBCXX_3.").into_iter().next_back(), Some((4, 30)));
        assert_eq!(depends(bytes), ["libc6 (>= 2.34)", "libstdc++6 (>= 12)", "libgcc-s1 (>= 4.2)"]);
        assert_eq!(depends(b""), ["libc6"]);
    }

    /// Goal: a pre-release sorts before its release.
    #[test]
    fn pre_releases_sort_first() {
        assert_eq!(debian_version("1.2.0-rc.1"), "1.2.0~rc.1");
        assert_eq!(debian_version("1.2.0"), "1.2.0");
    }

    /// Goal: the configuration file that is shipped is read by the tool that reads it, and names only known sections.
    #[test]
    fn the_shipped_configuration_is_toml() {
        let text = fs::read_to_string(repo::root().join("ops/package/exchequer.toml")).unwrap();
        let uncommented: String = text
            .lines()
            .map(|line| if line.starts_with('#') && line.contains(" = ") { &line[1..] } else { line })
            .filter(|line| !line.starts_with("# "))
            .map(|line| format!("{line}\n"))
            .collect();
        let table: toml::Table = toml::from_str(&uncommented).unwrap();
        let keys: Vec<&str> = table.keys().map(String::as_str).collect();
        assert_eq!(keys, ["api", "data_dir", "log", "name", "peer", "raft", "signer", "storage"]);
    }
}
