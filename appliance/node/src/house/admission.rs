//! Letting nodes in: the join token that the operator makes, and the node that shows it.
//!
//! Whoever reaches the API's port may try. Invariant: a request that shows no token of this cluster which could still be
//! used costs a look at this node's own state; it signs nothing, opens no secret and writes nothing to the log.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use exchequer_api::backend::DrawnToken;
use exchequer_api::dto::{JoinReply, JoinRequest};
use exchequer_domain::{Code, Digest, NodeId, Problem};
use exchequer_state::registry::NodeVersion;
use exchequer_state::{AdmitNode, Body, Done, Rejection};

use super::{House, PATIENCE, submit};
use crate::identity::JoinToken;
use crate::install::key_fingerprint;

/// Draws a join token.
pub(super) fn draw_token(house: &House) -> Result<DrawnToken, Problem> {
    // The authority that this node shows. While a new one is being taken up it is still the former one: nodes take up
    // the new one only when everybody trusts it.
    let token = JoinToken::generate(Digest(house.presence().certified_by))?;
    Ok(DrawnToken { text: token.text().to_string(), token_id: token.id.0, secret_hash: token.secret_hash().0 })
}

/// Admits a node that shows a join token, or notes in the log that one was turned away.
pub(super) async fn admit(house: &House, request: JoinRequest) -> Result<JoinReply, Problem> {
    let admitted = let_in(house, request).await;
    if let Err(problem) = &admitted {
        tracing::warn!(code = %problem.code, "a node was not admitted: {}", problem.message);
    }
    admitted
}

/// Its id is the index of the entry that admits it.
async fn let_in(house: &House, request: JoinRequest) -> Result<JoinReply, Problem> {
    let token = JoinToken::parse(&request.token)?;
    let csr = BASE64
        .decode(&request.certificate_request)
        .map_err(|_| Problem::new(Code::BadRequest, "the certificate request is not base64"))?;
    let admission = AdmitNode {
        token_id: token.id.0,
        token_secret_hash: token.secret_hash().0,
        name: request.name.clone(),
        api_address: request.api_address.clone(),
        peer_address: request.peer_address.clone(),
        version: NodeVersion { release: request.release, logic: request.logic },
        // It is read out of the request below, once there is a reason to.
        key_fingerprint: [0; 32],
        replaces: request.replaces.map(NodeId),
    };
    judge(house, &admission).await?;
    // What is signed here is trusted here, also while the authority changes.
    house.tend_certificates()?;
    // A request that cannot be signed is refused before the token is spent on it.
    let addresses = [request.api_address, request.peer_address];
    let trial = house.sign(&csr, NodeId(u64::MAX), &addresses)?;
    let admission = AdmitNode { key_fingerprint: key_fingerprint(&trial), ..admission };
    let node = match house.submit_own(Body::AdmitNode(Box::new(admission))).await? {
        Done::NodeAdmitted { node } => node,
        other => return Err(Problem::new(Code::Internal, format!("an unexpected outcome: {other:?}"))),
    };
    let certificate = house.sign(&csr, node, &addresses)?;
    tracing::info!(%node, name = %request.name, key = %Digest(key_fingerprint(&trial)), "a node was admitted");
    let identity = house.identity.lock().clone();
    let authorities = house.credentials.lock().authorities.iter().map(|der| BASE64.encode(der)).collect();
    Ok(JoinReply {
        node_id: node.0,
        cluster_id: identity.cluster_id.to_string(),
        lineage: identity.lineage,
        sandbox: identity.sandbox,
        certificate: BASE64.encode(certificate),
        authorities,
        keyring: house.keyring.read().to_text().to_string(),
    })
}

/// Asks this node's own state. A token that it does not know may have been made a moment ago through another node:
/// then it asks once more when it has caught up.
async fn judge(house: &House, admission: &AdmitNode) -> Result<(), Problem> {
    let look = || house.state(|state| admission.check(state, state.time()));
    let mut judged = look()?;
    if judged == Err(Rejection::JoinTokenUnknown) {
        house.node.linearize(PATIENCE).await.map_err(|error| submit::problem(house, error))?;
        judged = look()?;
    }
    judged.map_err(|rejection| rejection.problem())
}
