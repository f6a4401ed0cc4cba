//! One PostgreSQL with Debian's defaults on a fresh folder, every commit synced, and `pgbench` to load it.
//!
//! It does not run as root: where this program does, it is started as the user `postgres`, whom Debian's package makes.

mod usage;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use exchequer_tests::cluster::{free_port, until};

pub(crate) use usage::Usage;

const PROMPT: Duration = Duration::from_secs(60);
const USER: &str = "postgres";
const SCHEMA: &str = include_str!("ledger.sql");
const SCRIPT: &str = include_str!("transfer.pgbench");
/// Names of one run of `pgbench` do not reach those of the next.
const NAMES_PER_RUN: u64 = 1_000_000_000;

/// A server.
pub(crate) struct Postgres {
    programs: PathBuf,
    folder: PathBuf,
    port: u16,
    /// Whom it runs as, where that is not this program's own user.
    owner: Option<(u32, u32)>,
    process: Child,
    runs: u64,
}

/// What a run of `pgbench` says.
pub(crate) struct Ran {
    pub(crate) transfers: u64,
    /// Once all its connections are made.
    pub(crate) per_second: f64,
    pub(crate) mean_ms: f64,
    pub(crate) failed: u64,
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGTERM would wait for its clients; nobody reads the folder any more.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The folder with PostgreSQL's programs: `PG_BIN`, or the newest of Debian's.
fn programs() -> Result<PathBuf> {
    if let Some(folder) = std::env::var_os("PG_BIN") {
        return Ok(folder.into());
    }
    let root = Path::new("/usr/lib/postgresql");
    let versions = fs::read_dir(root).into_iter().flatten().flatten().filter_map(|entry| {
        let version: u32 = entry.file_name().to_str()?.parse().ok()?;
        Some((version, entry.path().join("bin")))
    });
    let newest = versions.filter(|(_, bin)| bin.join("pgbench").exists()).max();
    Ok(newest
        .context("there is no PostgreSQL: install Debian's `postgresql`, or name its programs' folder in PG_BIN")?
        .1)
}

/// User and group of `postgres`, where this program is root.
fn owner() -> Result<Option<(u32, u32)>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").context("no list of users")?;
    let line = users.lines().find_map(|line| line.strip_prefix("postgres:"));
    let mut words = line.context("there is no user `postgres`")?.split(':').skip(1);
    let mut number = || words.next().and_then(|word| word.parse().ok()).context("the user `postgres` has no number");
    Ok(Some((number()?, number()?)))
}

impl Postgres {
    /// Makes a fresh server below `root`, with the ledger's tables and 10,000 accounts.
    pub(crate) async fn start(root: &Path) -> Result<Postgres> {
        let (programs, owner, port) = (programs()?, owner()?, free_port()?);
        let folder = root.join("postgres");
        fs::create_dir_all(&folder).context("no folder for PostgreSQL")?;
        if let Some((user, group)) = owner {
            // Its user has to get there.
            fs::set_permissions(root, fs::Permissions::from_mode(0o755)).context("the folder cannot be opened up")?;
            chown(&folder, Some(user), Some(group)).context("the folder cannot be given away")?;
        }
        let data = folder.join("data");
        let mut made = Postgres::command(&programs, "initdb", owner);
        made.args(["--username", USER, "--auth", "trust", "--encoding", "UTF8", "--no-locale", "--pgdata"]).arg(&data);
        done("initdb", &made.current_dir(&folder).output().context("initdb cannot be started")?)?;
        let log = fs::File::create(folder.join("log")).context("no log")?;
        let process = Postgres::command(&programs, "postgres", owner)
            .arg("-D")
            .arg(&data)
            .args(["-c", "listen_addresses=127.0.0.1", "-c", &format!("port={port}")])
            .args(["-c", &format!("unix_socket_directories={}", folder.display())])
            // Its defaults, said aloud: a commit is answered when its record is on the disk.
            .args(["-c", "fsync=on", "-c", "synchronous_commit=on", "-c", "full_page_writes=on"])
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("no log")?)
            .stderr(log)
            .spawn()
            .context("postgres cannot be started")?;
        let server = Postgres { programs, folder, port, owner, process, runs: 0 };
        until("PostgreSQL answers", PROMPT, async || server.ask("SELECT 1").map(drop)).await?;
        server.ask(SCHEMA)?;
        Ok(server)
    }

    fn command(programs: &Path, name: &str, owner: Option<(u32, u32)>) -> Command {
        let mut command = Command::new(programs.join(name));
        if let Some((user, group)) = owner {
            command.uid(user).gid(group);
        }
        command
    }

    fn client(&self, name: &str) -> Command {
        let mut command = Postgres::command(&self.programs, name, self.owner);
        command.args(["--host", "127.0.0.1", "--port", &self.port.to_string(), "--username", USER]);
        command.current_dir(&self.folder);
        command
    }

    /// What `psql` answers, without decoration.
    pub(crate) fn ask(&self, sql: &str) -> Result<String> {
        let mut psql = self.client("psql");
        psql.args([
            "--no-psqlrc",
            "--quiet",
            "--tuples-only",
            "--no-align",
            "--set",
            "ON_ERROR_STOP=1",
            "--dbname",
            USER,
        ]);
        // One statement after the other: VACUUM may not be part of several.
        let statements = self.folder.join("ask.sql");
        fs::write(&statements, sql).context("the statements cannot be written")?;
        let asked = psql.arg("--file").arg(&statements).output().context("psql cannot be started")?;
        Ok(done("psql", &asked)?.trim().to_owned())
    }

    /// The version of the server.
    pub(crate) fn version(&self) -> Result<String> {
        let text = self.ask("SHOW server_version")?;
        // What is behind it is the package.
        Ok(text.split(' ').next().unwrap_or_default().to_owned())
    }

    /// Loads it with transfers from so many connections.
    pub(crate) async fn load(&mut self, callers: usize, seconds: u64) -> Result<Ran> {
        self.runs += 1;
        let script = self.folder.join("transfer.pgbench");
        fs::write(&script, SCRIPT).context("the script cannot be written")?;
        let first = (self.runs * NAMES_PER_RUN).to_string();
        let mut pgbench = self.client("pgbench");
        pgbench
            .args(["--no-vacuum", "--protocol", "prepared", "--jobs", "1"])
            .args(["--client", &callers.to_string(), "--time", &seconds.to_string()])
            .args(["--define", &format!("first={first}"), "--define", &format!("last={first}")])
            .arg("--file")
            .arg(&script)
            .arg(USER);
        let ended =
            tokio::task::spawn_blocking(move || pgbench.output()).await.context("pgbench was not waited for")?;
        ran(&done("pgbench", &ended.context("pgbench cannot be started")?)?)
    }

    /// What it has used so far.
    pub(crate) fn usage(&self) -> Result<Usage> {
        // What sessions count arrives a little after their end.
        let syncs = self.ask("SELECT wal_sync FROM pg_stat_wal")?.parse().context("no count of syncs")?;
        Ok(Usage { syncs, ..Usage::of(self.process.id()) })
    }

    /// Whether debits, credits and transfers come to the same, with a row of history for each transfer. The transfers.
    pub(crate) fn proven(&self) -> Result<u64> {
        let sums = self.ask(
            "SELECT (SELECT sum(debits) FROM accounts), (SELECT sum(credits) FROM accounts), \
             (SELECT sum(amount) FROM transfers), (SELECT count(*) FROM transfers), (SELECT count(*) FROM history)",
        )?;
        let found: Vec<u64> = sums.split('|').filter_map(|word| word.parse().ok()).collect();
        let [debits, credits, amounts, transfers, rows] = found[..] else { anyhow::bail!("odd sums: {sums}") };
        ensure!(debits == credits && credits == amounts && transfers == rows, "PostgreSQL's ledger differs: {sums}");
        Ok(transfers)
    }
}

/// The output of a program that ended well.
fn done(name: &str, output: &Output) -> Result<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    ensure!(output.status.success(), "{name}: {}\n{}", output.status, text(&output.stderr));
    Ok(text(&output.stdout))
}

fn ran(text: &str) -> Result<Ran> {
    let word = |before: &str| -> Result<f64> {
        let rest = text.lines().find_map(|line| line.strip_prefix(before));
        let word = rest.and_then(|rest| rest.split_whitespace().next());
        word.and_then(|word| word.parse().ok()).with_context(|| format!("no `{before}` in {text}"))
    };
    let transfers = word("number of transactions actually processed: ")? as u64;
    let failed = word("number of failed transactions: ")? as u64;
    Ok(Ran { transfers, per_second: word("tps = ")?, mean_ms: word("latency average = ")?, failed })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: figures are found in what `pgbench` prints, and missing ones are told. Method: an output of version 15.
    #[test]
    fn figures_of_pgbench() {
        let text = "transaction type: x\nnumber of clients: 64\n\
                    number of transactions actually processed: 20737\nnumber of failed transactions: 2 (0.000%)\n\
                    latency average = 12.345 ms\ninitial connection time = 90.1 ms\n\
                    tps = 5184.25 (without initial connection time)\n";
        let found = ran(text).unwrap();
        assert_eq!((found.per_second, found.mean_ms), (5_184.25, 12.345));
        assert_eq!((found.transfers, found.failed), (20_737, 2));
        assert!(ran("tps = 1").is_err());
    }
}
