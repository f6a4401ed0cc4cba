//! Tells what the data folders of stopped nodes hold once their logs are replayed: one path a line on the standard
//! input, one JSON object a line on the standard output. The crash-point tests open thousands of folders with it.
//!
//! A folder is opened as `exchequer server` does: identity, state, guard, log. It is not changed, except that RocksDB
//! recovers.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::path::Path;
use std::sync::Arc;

use exchequer_domain::Problem;
use exchequer_node::identity::Folder;
use exchequer_node::machine::{Exchange, problem_of, storage_problem};
use exchequer_raft::{Halt, RowReader, offline};
use exchequer_state::{Family, Rows, Table, scratch};
use exchequer_storage::{Disk, FolderDisk, Guard};
use serde::Serialize;

/// Scratch rows read at once.
const ROWS_MAX: usize = 100_000;

#[derive(Serialize)]
struct Scratch {
    version: u64,
    value: String,
}

#[derive(Serialize)]
struct Held {
    /// Term and index; none where there is no entry yet.
    last: Option<(u64, u64)>,
    purged_index: u64,
    stored_index: u64,
    guard_index: u64,
    digest: String,
    settings_revision: u64,
    scratch: BTreeMap<String, Scratch>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Told {
    Held(Box<Held>),
    Refused { code: String, message: String },
}

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let told = match runtime.block_on(tell(Path::new(&line?))) {
            Ok(held) => Told::Held(Box::new(held)),
            Err(problem) => Told::Refused { code: problem.code.to_string(), message: problem.message },
        };
        serde_json::to_writer(&mut out, &told)?;
        out.write_all(b"\n")?;
        out.flush()?;
    }
    Ok(())
}

async fn tell(path: &Path) -> Result<Held, Problem> {
    let (folder, _) = Folder::open(path)?;
    let disk: Arc<dyn Disk> = Arc::new(FolderDisk::open(path).map_err(|error| storage_problem(&error))?);
    let guarded = disk.guard().and_then(Guard::open).map_err(|error| storage_problem(&error))?.1;
    let replayed = offline::replay::<Exchange, _>(disk, |exchange, rows| {
        Ok((exchange.state.settings().revision(), scratch_rows(rows)?))
    });
    let (replayed, (settings_revision, scratch)) = replayed.await.map_err(|fatal| problem_of(&fatal))?;
    drop(folder);
    Ok(Held {
        last: replayed.last,
        purged_index: replayed.purged.unwrap_or(0),
        stored_index: replayed.stored.unwrap_or(0),
        guard_index: guarded.and_then(|record| record.synced).map_or(0, |mark| mark.index),
        digest: hex::encode(replayed.digest),
        settings_revision,
        scratch,
    })
}

fn scratch_rows(rows: &dyn RowReader) -> Result<BTreeMap<String, Scratch>, Halt> {
    let unreadable = |detail: String| Halt { code: "EXQ-0504".to_owned(), detail };
    let rows = exchequer_node::machine::RowsOf(rows);
    let from = Table::Scratch.key(b"");
    let until = [Table::Scratch as u8 + 1];
    let found = rows.scan(Family::Ids, &from, &until, ROWS_MAX, false).map_err(|error| unreadable(error.0))?;
    let mut scratch = BTreeMap::new();
    for (key, row) in found {
        let (version, value) = scratch::decode(&row).map_err(|error| unreadable(error.to_string()))?;
        let name = String::from_utf8_lossy(key.get(1..).unwrap_or_default()).into_owned();
        scratch.insert(name, Scratch { version, value: String::from_utf8_lossy(value).into_owned() });
    }
    Ok(scratch)
}
