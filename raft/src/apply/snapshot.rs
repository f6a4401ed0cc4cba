//! Snapshots: folders of checkpoint files, named by what they hold.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use exchequer_storage::{Disk, Manifest};
use openraft::storage::{RaftSnapshotBuilder, Snapshot};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use super::{CommittedLeader, PersistItem, SnapshotHold, stopped};
use crate::record::{AppliedRow, Position};
use crate::types::{Address, SnapshotMeta, TypeConfig};

/// A snapshot on this node's disk.
#[derive(Debug, Clone)]
pub(crate) struct SnapshotFolder {
    pub(crate) name: String,
    /// Keeps it from being removed while it is being sent.
    pub(crate) hold: Option<Arc<SnapshotHold>>,
}

type Snap = Snapshot<CommittedLeader, u64, Address, SnapshotFolder>;

/// What a manifest's note says.
#[derive(Serialize, Deserialize)]
struct Note {
    version: u8,
    applied: Vec<u8>,
}

pub(crate) fn snapshot_note(row: &AppliedRow) -> Vec<u8> {
    // A byte vector always encodes.
    postcard::to_stdvec(&Note { version: 1, applied: row.encode() }).unwrap_or_default()
}

/// The applied row that a manifest says its snapshot has.
pub(crate) fn noted_row(manifest: &Manifest) -> Option<AppliedRow> {
    let note: Note = postcard::from_bytes(&manifest.note).ok()?;
    if note.version != 1 {
        return None;
    }
    AppliedRow::decode(&note.applied)
}

pub(crate) fn snapshot_of(manifest: &Manifest) -> Option<Snap> {
    let row = noted_row(manifest)?;
    let meta = SnapshotMeta { last_log_id: row.last.map(Position::log_id), last_membership: row.stored_membership() };
    Some(Snapshot { meta, snapshot: SnapshotFolder { name: manifest.name.clone(), hold: None } })
}

/// The latest snapshot whose manifest is whole.
pub(crate) fn latest_snapshot(disk: &dyn Disk) -> io::Result<Option<Snap>> {
    for name in disk.snapshots()?.iter().rev() {
        match disk.manifest(name) {
            Ok(manifest) => return Ok(snapshot_of(&manifest)),
            Err(error) => tracing::warn!(snapshot = name, %error, "a damaged snapshot is passed over"),
        }
    }
    Ok(None)
}

/// Builds a snapshot of at least the moment at which it was made.
pub(crate) struct Builder {
    pub(crate) persister: UnboundedSender<PersistItem>,
    pub(crate) row: AppliedRow,
    /// Whether it waits for room on a disk that is full.
    pub(crate) patient: bool,
}

/// Between two tries to take a snapshot on a disk that is full.
const ROOM_PAUSE: Duration = Duration::from_secs(5);

impl RaftSnapshotBuilder<TypeConfig> for Builder {
    type SnapshotData = SnapshotFolder;

    /// Consensus ends for good on an error. A disk without room for a snapshot takes nothing from what is there: the next
    /// try comes when there may be room.
    async fn build_snapshot(&mut self) -> Result<Snap, io::Error> {
        loop {
            match self.build_once().await {
                Err(error) if self.patient && error.kind() == io::ErrorKind::StorageFull => {
                    tracing::warn!(code = "EXQ-0501", %error, "no room for a snapshot: it is tried again");
                    tokio::time::sleep(ROOM_PAUSE).await;
                }
                built => return built,
            }
        }
    }
}

impl Builder {
    /// One try.
    ///
    /// # Errors
    /// Damage, a full disk, another failure of the disk, or the node is stopping.
    pub(crate) async fn build_once(&self) -> Result<Snap, io::Error> {
        let (reply, built) = oneshot::channel();
        let item = PersistItem::Checkpoint { row: self.row.clone(), reply };
        self.persister.send(item).map_err(|_| stopped())?;
        let manifest = built.await.map_err(|_| stopped())?.map_err(|error| io::Error::new(error.kind(), error))?;
        snapshot_of(&manifest).ok_or_else(|| io::Error::other("the snapshot's note cannot be read"))
    }
}
