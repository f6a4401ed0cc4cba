//! The file of addresses that each deposit worker begins with, kept on every node, whether it leads or not: a worker that starts
//! where the last leader was not has only what came since to read from the state.
//!
//! Invariants: the file is a copy of the state's pool up to its version, written whole or not at all; the worker compares it with
//! the state before it believes it. Nothing here is needed: without the file a worker reads everything.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use exchequer_domain::{Network, WorkerId, WorkerKind};
use exchequer_state::custody::{self, ADDRESSES_PAGE_MAX};
use exchequer_workers::chains::NetworkParams;
use exchequer_workers::chains::scan::{AddressSet, FileError, Key};
use exchequer_workers::kinds::deposit::ADDRESSES_FILE;
use exchequer_workers::kinds::nodes::params;

use super::ground::Ground;

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(60);
/// A file lacks at most so many addresses of each thousand that there are,
const LACKS_PERMILLE: u64 = 10;
/// and at most so many where there are few: they are read in no time.
const LACKS_MIN: u64 = 5_000;

/// Keeps the files of all deposit workers below a folder, for as long as the node runs.
pub(super) async fn keep<G: Ground>(ground: Arc<G>, folder: PathBuf) {
    let mut ticks = tokio::time::interval(PAUSE);
    loop {
        ticks.tick().await;
        let (ground, folder) = (ground.clone(), folder.clone());
        // Reading and writing a hundred megabytes is nothing for the runtime's threads.
        if let Err(error) = tokio::task::spawn_blocking(move || keep_all(&*ground, &folder)).await {
            tracing::error!(%error, "files of addresses");
        }
    }
}

fn keep_all<G: Ground>(ground: &G, folder: &Path) {
    let read = ground.state(|state| {
        let test = state.cluster().is_some_and(|cluster| cluster.sandbox);
        let all = state.workers().iter().map(|worker| worker.id);
        (all.filter(|id| id.kind == WorkerKind::Deposit).collect::<Vec<WorkerId>>(), test)
    });
    let Ok((workers, test)) = read else { return };
    for worker in workers {
        let Some(network) = worker.network else { continue };
        let file = folder.join(worker.to_string().replace('/', "-")).join(ADDRESSES_FILE);
        if let Err(why) = keep_one(ground, &file, params(network, test)) {
            tracing::warn!("the file of addresses of {worker} is not kept: {why}");
        }
    }
}

/// Brings one file up to date, where it lacks much.
pub(super) fn keep_one<G: Ground>(ground: &G, file: &Path, params: NetworkParams) -> Result<(), String> {
    let network: Network = params.network();
    let text = |error: FileError| error.to_string();
    let stocked = ground.state(|state| u64::from(state.custody().pool(network.family()).stocked));
    let stocked = stocked.map_err(|problem| problem.message)?;
    let version = AddressSet::version_in(file, network).unwrap_or(0);
    // A version above the pool's is another state's: it is written anew.
    let lacks = stocked.checked_sub(version);
    if stocked == 0 || lacks.is_some_and(|lacks| lacks <= LACKS_MIN.max(stocked / 1_000 * LACKS_PERMILLE)) {
        return Ok(());
    }
    let kept = AddressSet::load(file, network).ok().filter(|_| lacks.is_some());
    let mut set = kept.unwrap_or_else(|| AddressSet::new(network));
    loop {
        let from = u32::try_from(set.version()).map_err(|_| "too many addresses".to_owned())?;
        let page = ground
            .rows(|_, rows| custody::given_addresses(rows, network.family(), from, ADDRESSES_PAGE_MAX))
            .map_err(|problem| problem.message)?
            .map_err(|halt| halt.to_string())?;
        for (index, one) in &page {
            let key = Key::of_address(&params, &one.address).map_err(|error| error.to_string())?;
            set.insert(key, u64::from(*index) + 1).map_err(|error| error.to_string())?;
        }
        if page.len() < ADDRESSES_PAGE_MAX {
            break;
        }
    }
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    }
    set.save(file).map_err(text)
}
