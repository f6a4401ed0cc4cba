//! Saving a snapshot for an operator: one file, streamed as it is made.

use exchequer_api::backend::ByteStream;
use exchequer_domain::Problem;
use exchequer_state::Actor;
use exchequer_state::audit::Action;
use tokio_stream::wrappers::ReceiverStream;

use super::House;
use crate::machine::problem_of;
use crate::snapshot_file::{Origin, write};

/// Pieces of the file that are made before the client has taken the earlier ones.
const PIECES_AHEAD: usize = 8;

/// Takes a snapshot on this node and streams it as a tar.zst file.
pub(super) async fn save(house: &House, actor: Actor, reason: String) -> Result<ByteStream, Problem> {
    house.record(actor, Action::SnapshotSave, format!("node {}", house.id()), reason).await?;
    let (name, index, hold) = house.node.snapshot().await.map_err(|fatal| problem_of(&fatal))?;
    let status = house.node.status();
    let (lineage, cluster_id) = {
        let identity = house.identity.lock();
        (identity.lineage, identity.cluster_id)
    };
    let origin = Origin {
        cluster_id: cluster_id.to_string(),
        lineage,
        node_id: house.id().0,
        index,
        term: status.applied_term,
        time: exchequer_domain::Timestamp(status.time_us).to_string(),
        members: status
            .members
            .iter()
            .map(|(id, member)| format!("{id} {} {}", member.address.name, member.address.peer))
            .collect(),
    };
    let disk = house.node.disk();
    let (sender, receiver) = tokio::sync::mpsc::channel(PIECES_AHEAD);
    tokio::task::spawn_blocking(move || {
        write(disk.as_ref(), &name, &origin, &sender);
        // However slow the client is: until now its files had to stay.
        drop(hold);
    });
    Ok(Box::pin(ReceiverStream::new(receiver)))
}
