//! Finding the cluster to be loaded: its authority, its token, and who leads.

use exchequer_api::dto::{NodeStatus, Peers};
use exchequer_domain::{Code, Problem};

use super::gateway::Target;
use crate::cli::{Client, ClientArgs, authorities};

/// Asks the cluster for its members; the leader comes first.
pub(super) async fn find(args: &ClientArgs) -> Result<Target, Problem> {
    let client = Client::open(args)?;
    let status: NodeStatus = client.get(&["status"], &[]).await?;
    if !status.sandbox {
        let text = "this cluster is no sandbox: it takes neither scratch values nor money out of nothing, and a bench needs them";
        return Err(Problem::new(Code::SandboxOnly, text));
    }
    let peers: Peers = client.get(&["cluster", "peers"], &[]).await?;
    let (first, others): (Vec<_>, Vec<_>) = peers.peers.into_iter().partition(|peer| Some(peer.id) == status.leader_id);
    let addresses = first.into_iter().chain(others).map(|peer| peer.api_address).collect();
    let token = client.token().ok_or_else(|| Problem::new(Code::TokenMissing, "writing needs the operator token"))?;
    Ok(Target { addresses, token: token.to_owned(), authorities: authorities(args)? })
}
