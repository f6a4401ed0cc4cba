//! `exchequer signer`: the signer's process. A node starts it beside itself; a unit of the system may instead, as a user of its own.
//!
//! It is no verb for people, who use those below `exchequer vault`. What it says goes to standard error, a line each.

use std::path::{Path, PathBuf};

use clap::Args;
use exchequer_domain::{Code, Problem};
use exchequer_vault::signer::{Options, isolate, run};
use rustix::process::{Signal, getppid, set_parent_process_death_signal};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use super::args::OutputArgs;
use super::exit::{Exit, Stop};
use super::vault::{DATA_DIR, folder_in, socket_in};
use super::vault_open::of_signer;

/// Threads that wait for its disk, or try a passphrase. Each locks its stack.
pub(super) const BLOCKING_THREADS: usize = 4;
const PASSWD: &str = "/etc/passwd";

/// `exchequer signer`.
#[derive(Debug, Clone, Args)]
pub struct SignerArgs {
    /// The folder in which `vault` is
    #[arg(long = "data", visible_alias = "data-dir", value_name = "FOLDER", default_value = DATA_DIR)]
    pub data: PathBuf,
    /// Where it listens [default: `vault/signer.sock` in the data folder]
    #[arg(long, value_name = "FILE")]
    pub socket: Option<PathBuf>,
    /// A user of the system, by name or number, whose processes may ask too; again for more
    #[arg(long = "user", value_name = "USER")]
    pub users: Vec<String>,
    /// The process with which it ends
    #[arg(long, value_name = "PID")]
    pub parent: Option<i32>,
    /// How it is answered.
    #[command(flatten)]
    pub form: OutputArgs,
}

pub(super) async fn serve(args: &SignerArgs) -> Result<Exit, Stop> {
    let internal = |what: &str, error: &dyn std::fmt::Display| Problem::new(Code::Internal, format!("{what}: {error}"));
    if let Some(parent) = args.parent {
        set_parent_process_death_signal(Some(Signal::KILL)).map_err(|error| internal("the system refuses", &error))?;
        // The parent may have ended before the system knew.
        if getppid().map(|parent| parent.as_raw_nonzero().get()) != Some(parent) {
            return Err(Problem::new(Code::Internal, "the node that started this signer is gone").into());
        }
    }
    // The transport's words are about connections, and could quote what is sent over them.
    let filter = EnvFilter::new("info,h2=off,hyper=off,tonic=off,tower=off");
    let told = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false);
    // Only the first subscriber of a process counts; a test may have set one.
    let _ = told.without_time().with_target(false).try_init();
    let users = args.users.iter().map(|user| number_of(user)).collect::<Result<Vec<u32>, Problem>>()?;
    // Before there is a second thread. systemd's credentials are root's.
    let one_user = users.is_empty() && std::env::var_os("CREDENTIALS_DIRECTORY").is_none();
    let refused = isolate(one_user).err().into_iter().collect();
    let socket = args.socket.clone().unwrap_or_else(|| socket_in(&args.data));
    let mut terminate =
        signal(SignalKind::terminate()).map_err(|error| internal("signals cannot be received", &error))?;
    let stop = async move {
        terminate.recv().await;
    };
    let folder = folder_in(&args.data);
    let usual = socket_in(&args.data);
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    if absolute(&usual) != absolute(&socket) {
        // The verbs below `exchequer vault` look for it beside the vault.
        if let Err(error) = link(&socket, &usual) {
            tracing::warn!(%error, "there is no link to the socket beside the vault");
        }
    }
    run(&socket, &folder, Options { users, node: args.parent, refused }, stop).await.map_err(of_signer)?;
    Ok(Exit::Good)
}

/// Puts a link in place of whatever link or socket is there.
fn link(to: &Path, at: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(at) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    std::os::unix::fs::symlink(to, at)
}

fn number_of(user: &str) -> Result<u32, Problem> {
    if let Ok(number) = user.parse() {
        return Ok(number);
    }
    let unknown = || Problem::new(Code::NotFound, format!("the system has no user `{}`", user.escape_debug()));
    let known = std::fs::read_to_string(PASSWD).map_err(|_| unknown())?;
    found(user, &known).ok_or_else(unknown)
}

/// A user's number in what the system's file of users says.
fn found(user: &str, passwd: &str) -> Option<u32> {
    passwd.lines().find_map(|line| {
        let mut parts = line.split(':');
        if parts.next() != Some(user) {
            return None;
        }
        parts.nth(1)?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: users are found by whole names, and none is taken for another. Method: a file of users with names alike.
    #[test]
    fn users_have_numbers() {
        let passwd =
            "root:x:0:0:root:/root:/bin/sh\nexchequer-signer:x:998:998::/:/sbin/nologin\nexchequer:x:997:997::/:\n";
        assert_eq!(found("exchequer", passwd), Some(997));
        assert_eq!(found("exchequer-signer", passwd), Some(998));
        assert_eq!(found("exch", passwd), None);
        assert_eq!(number_of("12"), Ok(12));
        assert!(number_of("no such user").is_err());
    }
}
