//! `exchequer worker KIND/INSTANCE`: a worker's process, as the supervisor starts it. Not for people, who use the verbs
//! below `exchequer worker`: what stands there with a stroke in it is a worker's name.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use exchequer_domain::WorkerId;
use exchequer_workers::host::{self, Ending, Fault, Setup, connect};
use exchequer_workers::{clock, kinds, money};
use rustix::process::{Signal, getppid, set_parent_process_death_signal};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

/// Threads of a worker: one listens while another computes.
const THREADS: usize = 2;
/// It ended before its time, and the reason is on standard error.
const FAILED: u8 = 1;

/// A worker's process.
#[derive(Debug, Parser)]
#[command(name = "exchequer worker")]
struct WorkerArgs {
    /// Which worker it is.
    worker: WorkerId,
    /// The supervisor's socket.
    #[arg(long)]
    socket: PathBuf,
    /// The supervisor's process: the worker ends with it.
    #[arg(long)]
    parent: i32,
}

/// Whether these words start a worker's process.
pub(super) fn is_meant(words: &[OsString]) -> bool {
    let word = |place: usize| words.get(place).and_then(|word| word.to_str()).unwrap_or_default();
    word(1) == "worker" && word(2).parse::<WorkerId>().is_ok() && words.iter().any(|word| word == "--socket")
}

/// Works until the supervisor parts or wants it to end.
pub(super) fn main(words: &[OsString]) -> ExitCode {
    match WorkerArgs::try_parse_from(words.iter().skip(1))
        .map_err(|error| error.to_string())
        .and_then(|args| run(&args))
    {
        Ok(code) => code,
        Err(error) => {
            // The supervisor reads it into the worker's log.
            let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{error}\n").as_bytes());
            ExitCode::from(FAILED)
        }
    }
}

fn run(args: &WorkerArgs) -> Result<ExitCode, String> {
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(|error| format!("the system refuses: {error}"))?;
    // The parent may have ended before the system knew.
    if getppid().map(|parent| parent.as_raw_nonzero().get()) != Some(args.parent) {
        return Err("the supervisor is gone".to_owned());
    }
    let kind = kinds::of(args.worker.kind).ok_or_else(|| format!("there are no {} workers yet", args.worker.kind))?;
    let (forward, lines) = host::log::forward();
    // What the transport says goes over the transport.
    let filter = EnvFilter::new("info,h2=off,hyper=off,tonic=off,tower=off");
    tracing_subscriber::registry().with(forward.with_filter(filter)).try_init().map_err(|error| error.to_string())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let mut setup = Setup {
        worker: args.worker,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        folder: std::env::current_dir().map_err(|error| error.to_string())?,
        clock: clock::of_machine(),
        money: None,
    };
    let ending = runtime.block_on(async {
        let said = |status: tonic::Status| status.message().to_owned();
        let channel = connect::dial(&args.socket).await.map_err(said)?;
        setup.money = Some(money::client::dial(channel.clone()));
        let link = connect::begin(channel).await.map_err(said)?;
        let ending = host::run(setup, kind, link, Some(lines)).await;
        // The last word is to be on its way before the process ends.
        tokio::task::yield_now().await;
        Ok::<_, String>(ending)
    })?;
    // Whatever still computes is not waited for.
    runtime.shutdown_background();
    match ending {
        Ending::Drained => Ok(ExitCode::SUCCESS),
        Ending::DrainedLate => Err("what was in hand was not finished in time".to_owned()),
        Ending::Parted => Err("the supervisor has parted".to_owned()),
        Ending::Refused(why) => Err(format!("the supervisor refuses this worker: {why}")),
        Ending::Failed(Fault::Abort) => std::process::abort(),
        Ending::Failed(Fault::Exit(code)) => std::process::exit(code),
        Ending::Failed(Fault::Hang) => Err("it hung, and came back".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a worker's process is told from the verbs for people. Method: words of both.
    #[test]
    fn told_from_verbs() {
        let meant = |text: &str| is_meant(&text.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert!(meant("exchequer worker selftest/1 --socket /s --parent 7"));
        assert!(meant("exchequer worker deposit/bitcoin-2 --socket /s --parent 7"));
        for other in
            ["exchequer worker list", "exchequer worker show selftest/1", "exchequer worker selftest/1", "exchequer"]
        {
            assert!(!meant(other), "{other}");
        }
    }
}
