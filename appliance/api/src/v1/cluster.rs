//! Changes of the cluster: tokens, membership, leadership, certificates, and comparing all nodes' rows.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use exchequer_domain::{Code, NodeId, Problem, format_duration};
use exchequer_state::{Body as Change, CreateJoinToken, Done};

use crate::app::App;
use crate::auth::Caller;
use crate::backend::DrawnToken;
use crate::dto::{
    Accepted, AddLearner, CreateToken, CreatedToken, JoinReply, JoinRequest, NamedNode, NodeHash, NodeRef, Promote,
    RemoveNode, RotateCertificates, TransferLeader, Verified, Verify,
};
use crate::extract::{Body, duration, reason};
use crate::problem::Refused;
use crate::route::{Access, Route};
use exchequer_state::people::Permission;
use exchequer_state::settings::Danger;

/// How long the nodes have to hash their rows where the client does not say.
const VERIFY_PATIENCE: Duration = Duration::from_secs(60);
/// The longest that a client may wait for that.
const VERIFY_PATIENCE_MAX: Duration = Duration::from_secs(600);

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::post("/v1/cluster/tokens", create_token)
            .approvable()
            .needs(Permission::ClusterAdmit)
            .danger(Danger::Level3)
            .says("Makes a join token, with which one node can enter and gets the keyring"),
        Route::post("/v1/cluster/join", join).open_to(Access::JoinToken).says("Admits a node that shows a join token"),
        Route::post("/v1/cluster/learners", add_learner)
            .needs(Permission::ClusterChange)
            .danger(Danger::Level1)
            .says("Lets an admitted node receive the log"),
        Route::post("/v1/cluster/promote", promote)
            .needs(Permission::ClusterChange)
            .danger(Danger::Level1)
            .says("Gives a learner its vote"),
        Route::post("/v1/cluster/remove", remove)
            .needs(Permission::ClusterChange)
            .danger(Danger::Level2)
            .says("Removes a node for good"),
        Route::post("/v1/cluster/transfer-leader", transfer_leader)
            .needs(Permission::ClusterChange)
            .danger(Danger::Level1)
            .says("Makes another voter the leader"),
        Route::post("/v1/cluster/certificates/rotate", rotate_certificates)
            .needs(Permission::ClusterChange)
            .danger(Danger::Level2)
            .slow()
            .says("Renews certificates"),
        Route::post("/v1/cluster/verify", verify)
            .needs(Permission::ClusterChange)
            .slow()
            .says("Compares all rows of all nodes"),
    ]
}

async fn create_token(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<CreateToken>,
) -> Result<Json<CreatedToken>, Refused> {
    let reason = reason(request.reason)?;
    let ttl = request.ttl.map(|ttl| duration("ttl", &ttl)).transpose()?;
    let replaces = request.replace.map(|node| app.resolve(&node)).transpose()?.map(|node| NodeId(node.id));
    let DrawnToken { text: token, token_id, secret_hash } = app.backend.draw_join_token()?;
    let ttl_us = ttl.map(|ttl| u64::try_from(ttl.as_micros()).unwrap_or(u64::MAX));
    let command = CreateJoinToken { token_id, secret_hash, ttl_us, replaces, reason };
    let sent = app.submit_as(caller.0, app.command_id(None)?, Change::CreateJoinToken(command)).await;
    let effect = sent.map_err(|refused| refused.with_once(&token))?;
    let Done::JoinTokenCreated { expires_at } = effect.done else { return Err(effect.unexpected()) };
    Ok(Json(CreatedToken { token, expires_at: expires_at.to_string() }))
}

async fn join(State(app): State<App>, Body(request): Body<JoinRequest>) -> Result<Json<JoinReply>, Refused> {
    let backend = app.backend.clone();
    Ok(Json(app.finish(async move { backend.join(request).await }).await?))
}

async fn add_learner(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<AddLearner>,
) -> Result<Json<NamedNode>, Refused> {
    let reason = reason(request.reason)?;
    let node = app.resolve(&request.node)?;
    let (backend, id) = (app.backend.clone(), NodeId(node.id));
    app.finish(async move { backend.add_learner(caller.0, id, reason).await }).await?;
    Ok(Json(node))
}

async fn promote(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<Promote>,
) -> Result<Json<NamedNode>, Refused> {
    let reason = reason(request.reason)?;
    let node = app.resolve(&request.node)?;
    let (backend, id, force) = (app.backend.clone(), NodeId(node.id), request.force);
    app.finish(async move { backend.promote(caller.0, id, force, reason).await }).await?;
    Ok(Json(node))
}

async fn remove(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<RemoveNode>,
) -> Result<Json<NamedNode>, Refused> {
    let reason = reason(request.reason)?;
    let node = app.resolve(&request.node)?;
    let (backend, id) = (app.backend.clone(), NodeId(node.id));
    app.finish(async move { backend.remove(caller.0, id, reason).await }).await?;
    Ok(Json(node))
}

async fn transfer_leader(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<TransferLeader>,
) -> Result<Json<NamedNode>, Refused> {
    let reason = reason(request.reason)?;
    let to = request.to.map(|to| app.resolve(&to)).transpose()?.map(|to| NodeId(to.id));
    let backend = app.backend.clone();
    let leader = app.finish(async move { backend.transfer_leader(caller.0, to, reason).await }).await?;
    Ok(Json(app.resolve(&NodeRef::Id(leader.0))?))
}

async fn rotate_certificates(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<RotateCertificates>,
) -> Result<Json<Accepted>, Refused> {
    let reason = reason(request.reason)?;
    if request.authority && request.node.is_some() {
        let message = "a new authority renews the certificates of all nodes: leave `node` or `authority` out";
        return Err(Problem::new(Code::BadRequest, message).into());
    }
    let node = request.node.map(|node| app.resolve(&node)).transpose()?.map(|node| NodeId(node.id));
    let (backend, authority) = (app.backend.clone(), request.authority);
    app.finish(async move { backend.rotate_certificates(caller.0, node, authority, reason).await }).await?;
    Ok(Json(Accepted {}))
}

async fn verify(State(app): State<App>, Body(request): Body<Verify>) -> Result<Json<Verified>, Refused> {
    let asked = request.patience.map(|text| duration("patience", &text)).transpose()?;
    let patience = asked.unwrap_or(VERIFY_PATIENCE);
    if patience > VERIFY_PATIENCE_MAX {
        let message = format!("`patience` is at most {}", format_duration(VERIFY_PATIENCE_MAX));
        return Err(Problem::new(Code::BadRequest, message).into());
    }
    let backend = app.backend.clone();
    let (index, hashes) = app.finish(async move { backend.verify(patience).await }).await?;
    let mut names = BTreeMap::new();
    app.backend.read(&mut |state, _, _| {
        names.extend(state.registry().nodes().map(|record| (record.id, record.name.clone())));
        Ok(())
    })?;
    let first = hashes.first().and_then(|(_, hash)| *hash);
    let agree = first.is_some() && hashes.iter().all(|(_, hash)| *hash == first);
    let node = |(id, hash): (NodeId, Option<exchequer_domain::Digest>)| NodeHash {
        id: id.0,
        node: names.get(&id).cloned().unwrap_or_default(),
        hash: hash.map(|hash| hash.to_string()),
    };
    Ok(Json(Verified { index, agree, nodes: hashes.into_iter().map(node).collect() }))
}
