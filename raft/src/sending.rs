//! Sending a snapshot to a follower.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use exchequer_storage::{Disk, Manifest};
use openraft::AnyError;
use openraft::errors::{NetworkError, StreamingError, Unreachable};
use openraft::raft::SnapshotResponse;

use crate::apply::{SnapshotFolder, SnapshotUses};
use crate::net::Client;
use crate::types::{TypeConfig, Vote};
use crate::wire::{self, proto};
use crate::work::{Drive, blocking};

/// Size of a snapshot's pieces.
const PIECE_BYTES: usize = 1 << 20;
/// Pieces read before the peer has taken the earlier ones.
const PIECES_AHEAD: usize = 4;

fn snapshot_failed(error: &dyn std::fmt::Display) -> StreamingError<TypeConfig> {
    StreamingError::Network(NetworkError::new(&AnyError::error(error.to_string())))
}

type Sent = Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>>;

/// A node's snapshots as a sender needs them.
#[derive(Clone)]
pub(crate) struct Files {
    pub(crate) disk: Arc<dyn Disk>,
    /// Told where a snapshot turns out to be damaged.
    pub(crate) uses: SnapshotUses,
    /// Where files are read.
    pub(crate) drive: Drive,
}

/// Offers the snapshot, then sends what the peer lacks. The peer answers when it has installed it.
pub(crate) fn sending(
    mut client: Client,
    files: Files,
    vote: Vote,
    snapshot: SnapshotFolder,
    ttl: Duration,
) -> Pin<Box<dyn Future<Output = Sent> + Send>> {
    Box::pin(async move {
        if files.uses.is_damaged(&snapshot.name) {
            // Another one is being made; openraft asks for it again after a while.
            let text = format!("the snapshot {} is damaged", snapshot.name);
            return Err(StreamingError::Unreachable(Unreachable::new(&AnyError::error(text))));
        }
        let (disk, name) = (files.disk.clone(), snapshot.name.clone());
        let manifest = blocking(&files.drive, move || disk.manifest(&name)).await.map_err(|e| snapshot_failed(&e))?;
        let encoded: bytes::Bytes = manifest.encode().into();
        let manifest = Arc::new(manifest);
        let offer = client.offer_snapshot(proto::SnapshotOffer { manifest: encoded.clone() });
        let offered = tokio::time::timeout(ttl, offer).await.map_err(|late| snapshot_failed(&late))?;
        let held = offered.map_err(|status| snapshot_failed(&status))?.into_inner().bytes;
        tracing::info!(snapshot = %snapshot.name, bytes = manifest.total_bytes(), "sending a snapshot");
        let first = proto::SnapshotPiece {
            vote: Some(wire::vote_out(&vote)),
            manifest: encoded,
            ..proto::SnapshotPiece::default()
        };
        let (queue, pieces) = tokio::sync::mpsc::channel(PIECES_AHEAD);
        // It may be a piece longer at its work than this call: it holds the snapshot as well.
        let (reading, from, hold) = (files.clone(), manifest.clone(), snapshot.hold.clone());
        tokio::spawn(async move {
            read_pieces(reading, from, held, first, queue).await;
            drop(hold);
        });
        let call = client.send_snapshot(tokio_stream::wrappers::ReceiverStream::new(pieces));
        let reply = match tokio::time::timeout(ttl, call).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(status)) => {
                if status.code() == tonic::Code::DataLoss && is_damaged(&files, &manifest).await {
                    files.uses.damaged(&snapshot.name);
                }
                return Err(snapshot_failed(&status));
            }
            Err(late) => return Err(snapshot_failed(&late)),
        };
        let vote = wire::vote_in(reply.into_inner().vote).map_err(|error| snapshot_failed(&error))?;
        Ok(SnapshotResponse::new(vote))
    })
}

/// Whether a snapshot's files are not what its manifest says. Asked only when a peer complains.
async fn is_damaged(files: &Files, manifest: &Arc<Manifest>) -> bool {
    let (disk, manifest) = (files.disk.clone(), manifest.clone());
    let differ = move || {
        for (file, entry) in manifest.files.iter().enumerate() {
            let mut hasher = blake3::Hasher::new();
            let mut offset = 0;
            while offset < entry.size {
                let bytes = disk.read_piece(&manifest, file, offset, PIECE_BYTES)?;
                if bytes.is_empty() {
                    return Ok(true);
                }
                offset += bytes.len() as u64;
                hasher.update(&bytes);
            }
            if *hasher.finalize().as_bytes() != entry.hash {
                return Ok(true);
            }
        }
        Ok(false)
    };
    // What cannot be read is damaged as well.
    blocking(&files.drive, differ).await.unwrap_or(true)
}

/// Reads what the peer lacks and queues it. A file that cannot be read ends the stream early; the peer then finds the
/// snapshot incomplete and is sent another one.
async fn read_pieces(
    files: Files,
    manifest: Arc<Manifest>,
    held: Vec<u64>,
    first: proto::SnapshotPiece,
    queue: tokio::sync::mpsc::Sender<proto::SnapshotPiece>,
) {
    if queue.send(first).await.is_err() {
        return;
    }
    for (file, entry) in manifest.files.iter().enumerate() {
        let mut offset = held.get(file).copied().unwrap_or(0);
        while offset < entry.size {
            let (disk, from) = (files.disk.clone(), manifest.clone());
            let read = blocking(&files.drive, move || {
                let bytes = disk.read_piece(&from, file, offset, PIECE_BYTES)?;
                Ok((crc32fast::hash(&bytes), bytes))
            });
            let (crc32, bytes) = match read.await {
                Ok(read) => read,
                Err(error) => {
                    tracing::error!(snapshot = %manifest.name, %error, "a snapshot cannot be read");
                    files.uses.damaged(&manifest.name);
                    return;
                }
            };
            offset += bytes.len() as u64;
            let piece = proto::SnapshotPiece {
                file: u32::try_from(file).unwrap_or(u32::MAX),
                offset: offset - bytes.len() as u64,
                crc32,
                bytes,
                ..proto::SnapshotPiece::default()
            };
            if queue.send(piece).await.is_err() {
                return;
            }
        }
    }
}
