//! The log store alone: what the disk and the group commit allow, without a network and without consensus.

use std::sync::Arc;

use exchequer_domain::{Code, Problem};
use exchequer_raft::bench::{LogLoad, LogRun};
use exchequer_storage::FolderDisk;

use super::measure::{Distribution, Durations};
use crate::cli::{LogBenchArgs, LogBenchReport};
use crate::machine::{problem_of, storage_problem};

/// Appends entries to a log of its own in an empty folder.
///
/// # Errors
/// The folder is not empty, or the disk refused.
pub async fn log(args: &LogBenchArgs) -> Result<LogBenchReport, Problem> {
    let folder = &args.data_dir;
    exchequer_storage::create_folder(folder).map_err(|error| storage_problem(&error))?;
    let mut found = std::fs::read_dir(folder)
        .map_err(|error| Problem::new(Code::BadRequest, format!("{} cannot be read: {error}", folder.display())))?;
    if found.next().is_some() {
        let text = format!("{} is not empty: a bench needs a folder of its own", folder.display());
        return Err(Problem::new(Code::FolderInitialised, text));
    }
    let load = LogLoad {
        appenders: args.clients as usize,
        value_bytes: args.value_bytes as usize,
        warm_up: args.warm_up,
        duration: args.duration,
    };
    let run = if args.plain {
        exchequer_raft::bench::plain(&folder.join("plain"), &load).await
    } else {
        let disk = FolderDisk::open(folder).map_err(|error| storage_problem(&error))?;
        exchequer_raft::bench::log(Arc::new(disk), &load).await
    };
    run.map(|run| report(args, &run)).map_err(|fatal| problem_of(&fatal))
}

fn report(args: &LogBenchArgs, run: &LogRun) -> LogBenchReport {
    let seconds = run.measured.as_secs_f64().max(1e-6);
    LogBenchReport {
        store: if args.plain { "plain file".to_owned() } else { "log store".to_owned() },
        clients: args.clients,
        value_bytes: args.value_bytes,
        measured_us: u64::try_from(run.measured.as_micros()).unwrap_or(u64::MAX),
        entries: run.append_us.len() as u64,
        entries_per_second: run.append_us.len() as f64 / seconds,
        syncs: run.sync_us.len() as u64,
        entries_per_sync: run.append_us.len() as f64 / run.sync_us.len().max(1) as f64,
        append: distribution(&run.append_us).into(),
        sync: distribution(&run.sync_us).into(),
    }
}

fn distribution(us: &[u32]) -> Distribution {
    let mut durations = Durations::new();
    for us in us {
        durations.record_us(u64::from(*us));
    }
    durations.distribution()
}
