//! Proposals and approval keys: what waits for the consent of others, and how it is given.
//!
//! A change is proposed by sending it with the header `exq-propose`; there is no other door to a proposal.

use axum::extract::State;
use exchequer_domain::{Code, CommandId, Problem};
use exchequer_state::approvals::{
    ApprovalKeyId, Ending, Proposal, ProposalId, ProposalOver, Signature, describe, over_key,
};
use exchequer_state::people::Permission;
use exchequer_state::settings::Danger;
use exchequer_state::{
    Actor, Approve, Body as Change, ConfirmApprovalKey, Done, EnrolApprovalKey, Execution, Family, RejectProposal,
    RevokeApprovalKey, RevokeProposal,
};

use crate::app::App;
use crate::auth::Caller;
use crate::dto;
use crate::extract::{Body, Name, Params, reason};
use crate::openapi::Param;
use crate::problem::Refused;
use crate::read::{Freshness, Seen, unreadable};
use crate::route::Route;
use crate::submit::Committed;

/// The highest number in a path.
const NUMBER_MAX: u64 = u32::MAX as u64;

pub(crate) fn routes() -> Vec<Route> {
    let number = || Param::number("id", 1, NUMBER_MAX, "Its number");
    let changes = |route: Route| route.named(number()).needs(Permission::ApprovalsRead).danger(Danger::Level2);
    vec![
        Route::get("/v1/proposals", list).says("What waits for approval").needs(Permission::ApprovalsRead),
        Route::get("/v1/proposals/{id}", one)
            .says("One proposal, waiting or over")
            .named(number())
            .needs(Permission::ApprovalsRead),
        changes(Route::post("/v1/proposals/{id}/approve", approve))
            .says("Approves a proposal")
            .more("By a signature of the sender's enrolled key. The last approval that is needed carries it out."),
        changes(Route::post("/v1/proposals/{id}/reject", reject)).says("Ends a proposal that the sender could approve"),
        changes(Route::post("/v1/proposals/{id}/revoke", revoke)).says("Takes a proposal of the sender's back"),
        Route::get("/v1/approval-keys", keys)
            .says("The keys with which people approve")
            .needs(Permission::ApprovalsRead),
        Route::post("/v1/approval-keys", enrol)
            .says("Enrols an approval key of the sender's")
            .needs(Permission::ApprovalsRead)
            .danger(Danger::Level2)
            .fresh(),
        changes(Route::post("/v1/approval-keys/{id}/confirm", confirm)).says("Vouches for another person's key"),
        changes(Route::post("/v1/approval-keys/{id}/revoke", revoke_key)).says("Ends an approval key for ever").fresh(),
    ]
}

async fn list(State(app): State<App>, mut params: Params) -> Result<Seen<dto::Proposals>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let seen = app.read(freshness, |state| {
        let approvals = state.approvals();
        let in_force_since = approvals.in_force().map(|since| since.to_string());
        Ok(dto::Proposals { in_force_since, proposals: approvals.open().map(|open| view(open, None)).collect() })
    });
    Ok(seen.await?)
}

async fn one(State(app): State<App>, Name(number): Name, mut params: Params) -> Result<Seen<dto::Proposal>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let id = ProposalId(parse(&number)?);
    let seen = app.read_rows(freshness, move |state, rows| {
        if let Some(open) = state.approvals().get(id) {
            return Ok(view(open, None));
        }
        let unknown = || Problem::new(Code::ProposalUnknown, format!("there is no proposal {}", id.0));
        let row = rows.get(Family::History, &over_key(id)).map_err(unreadable)?.ok_or_else(unknown)?;
        let over = ProposalOver::decode(&row).map_err(unreadable)?;
        Ok(view(&over.proposal, Some(&over)))
    });
    Ok(seen.await?)
}

fn view(proposal: &Proposal, over: Option<&ProposalOver>) -> dto::Proposal {
    let (hash, ending) = (over.map_or_else(|| proposal.hash(), |over| over.hash), over.map(|over| &over.ending));
    let lines = proposal.body().map(|body| describe(&body)).unwrap_or_default();
    let given = |approval: &exchequer_state::approvals::Approval| dto::ApprovalGiven {
        admin: approval.admin.0,
        key: approval.key.0,
        at: approval.at.to_string(),
    };
    dto::Proposal {
        number: proposal.id.0,
        state: ending.map_or("waiting", Ending::as_str).to_owned(),
        initiator: proposal.initiator.to_string(),
        reason: proposal.reason.clone(),
        operation: hex::encode(&proposal.operation),
        hash: hash.to_string(),
        lines: lines.into_iter().map(|(name, value)| dto::OperationLine { name, value }).collect(),
        needed: proposal.needed,
        permission: proposal.permission.to_string(),
        created_at: proposal.created.to_string(),
        expires_at: proposal.expires.to_string(),
        expires_us: proposal.expires.0,
        approvals: proposal.approvals.iter().map(given).collect(),
        refusal: ending.and_then(refusal),
    }
}

/// Why a proposal that had its approvals was not carried out.
fn refusal(ending: &Ending) -> Option<String> {
    match ending {
        Ending::RefusedAtExecution { why } => Some(why.problem().to_string()),
        Ending::Executed | Ending::Rejected { .. } | Ending::Expired | Ending::Revoked { .. } => None,
    }
}

/// Nobody has seen in words what this node cannot read: it takes no consent to that.
fn check_readable(app: &App, id: ProposalId) -> Result<(), Problem> {
    app.backend.read(&mut |state, _, _| match state.approvals().get(id).map(Proposal::body) {
        Some(Err(_)) => {
            Err(Problem::new(Code::ApprovalSignature, "this node's version does not understand the operation")
                .hint("approve it at a node of a newer version, which shows what it would do"))
        }
        // Whether it waits is for the log to say.
        Some(Ok(_)) | None => Ok(()),
    })
}

async fn approve(
    State(app): State<App>,
    caller: Caller,
    Name(number): Name,
    Body(request): Body<dto::ApproveProposal>,
) -> Result<Committed<dto::ProposalApproved>, Refused> {
    let id = app.command_id(request.command_id.as_deref())?;
    let admin = match caller.0 {
        Actor::Admin(admin) => admin,
        _ => return Err(exchequer_state::Rejection::NotAPerson.problem().into()),
    };
    let (proposal, key) = (ProposalId(parse(&number)?), ApprovalKeyId(request.key));
    check_readable(&app, proposal)?;
    let command = Approve { proposal, admin, key, signature: signature(&request.signature)? };
    let effect = app.submit_as(caller.0, id, Change::Approve(command)).await?;
    let Done::Approved { proposal, approvals, needed, execution } = effect.done else {
        return Err(effect.unexpected());
    };
    let (state, refusal) = match execution {
        Execution::Waits => ("waiting", None),
        Execution::Done(_) => ("executed", None),
        Execution::Refused(why) => ("refused-at-execution", Some(why.problem().to_string())),
    };
    let (state, index, command_id) = (state.to_owned(), effect.index, id.to_string());
    let answer = dto::ProposalApproved { proposal: proposal.0, approvals, needed, state, refusal, index, command_id };
    Ok(Committed(id, answer))
}

async fn reject(
    State(app): State<App>,
    caller: Caller,
    Name(number): Name,
    Body(request): Body<dto::EndApproval>,
) -> Result<Committed<dto::ApprovalChanged>, Refused> {
    let number = parse(&number)?;
    let (reason, id) = asked(&app, request)?;
    let change = Change::RejectProposal(RejectProposal { proposal: ProposalId(number), reason });
    let effect = app.submit_as(caller.0, id, change).await?;
    let Done::ProposalEnded = effect.done else { return Err(effect.unexpected()) };
    Ok(changed(id, number, effect.index))
}

async fn revoke(
    State(app): State<App>,
    caller: Caller,
    Name(number): Name,
    Body(request): Body<dto::EndApproval>,
) -> Result<Committed<dto::ApprovalChanged>, Refused> {
    let number = parse(&number)?;
    let (reason, id) = asked(&app, request)?;
    let change = Change::RevokeProposal(RevokeProposal { proposal: ProposalId(number), reason });
    let effect = app.submit_as(caller.0, id, change).await?;
    let Done::ProposalEnded = effect.done else { return Err(effect.unexpected()) };
    Ok(changed(id, number, effect.index))
}

async fn keys(State(app): State<App>, mut params: Params) -> Result<Seen<dto::ApprovalKeys>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let seen = app.read(freshness, |state| {
        let approvals = state.approvals();
        let key = |key: &exchequer_state::approvals::ApprovalKey| dto::ApprovalKey {
            number: key.id.0,
            admin: key.admin.0,
            person: key.person.clone(),
            public_key: hex::encode(key.public),
            label: key.label.clone(),
            state: match (&key.revoked, &key.confirmed) {
                (Some(_), _) => "revoked",
                (None, Some(_)) => "confirmed",
                (None, None) => "enrolled",
            }
            .to_owned(),
            confirmed_by: key.confirmed.as_ref().map(|confirmed| confirmed.person.clone()),
            enrolled_at: key.enrolled.to_string(),
        };
        let in_force_since = approvals.in_force().map(|since| since.to_string());
        Ok(dto::ApprovalKeys { in_force_since, keys: approvals.keys().map(key).collect() })
    });
    Ok(seen.await?)
}

async fn enrol(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<dto::EnrolApprovalKey>,
) -> Result<Committed<dto::ApprovalChanged>, Refused> {
    let reason = reason(request.reason)?;
    let id = app.command_id(request.command_id.as_deref())?;
    let command = EnrolApprovalKey { public: public(&request.public_key)?, label: request.label, reason };
    let effect = app.submit_as(caller.0, id, Change::EnrolApprovalKey(command)).await?;
    let Done::ApprovalKeyEnrolled { key } = effect.done else { return Err(effect.unexpected()) };
    Ok(changed(id, u64::from(key.0), effect.index))
}

async fn confirm(
    State(app): State<App>,
    caller: Caller,
    Name(number): Name,
    Body(request): Body<dto::ConfirmApprovalKey>,
) -> Result<Committed<dto::ApprovalChanged>, Refused> {
    let key = key(&number)?;
    let reason = reason(request.reason)?;
    let id = app.command_id(request.command_id.as_deref())?;
    let (public, signature) = (public(&request.public_key)?, signature(&request.signature)?);
    let with = ApprovalKeyId(request.with);
    let change = Change::ConfirmApprovalKey(ConfirmApprovalKey { key, public, with, signature, reason });
    let effect = app.submit_as(caller.0, id, change).await?;
    let Done::ApprovalKeyConfirmed { .. } = effect.done else { return Err(effect.unexpected()) };
    Ok(changed(id, u64::from(key.0), effect.index))
}

async fn revoke_key(
    State(app): State<App>,
    caller: Caller,
    Name(number): Name,
    Body(request): Body<dto::EndApproval>,
) -> Result<Committed<dto::ApprovalChanged>, Refused> {
    let key = key(&number)?;
    let (reason, id) = asked(&app, request)?;
    let change = Change::RevokeApprovalKey(RevokeApprovalKey { key, reason });
    let effect = app.submit_as(caller.0, id, change).await?;
    let Done::ApprovalKeyRevoked = effect.done else { return Err(effect.unexpected()) };
    Ok(changed(id, u64::from(key.0), effect.index))
}

fn asked(app: &App, request: dto::EndApproval) -> Result<(String, CommandId), Problem> {
    Ok((reason(request.reason)?, app.command_id(request.command_id.as_deref())?))
}

fn changed(id: CommandId, number: u64, index: u64) -> Committed<dto::ApprovalChanged> {
    Committed(id, dto::ApprovalChanged { number, index, command_id: id.to_string() })
}

fn bad(message: &str) -> Problem {
    Problem::new(Code::BadRequest, message)
}

fn parse(number: &str) -> Result<u64, Problem> {
    number.parse().map_err(|_| bad("the path has no number"))
}

fn key(number: &str) -> Result<ApprovalKeyId, Problem> {
    number.parse().map(ApprovalKeyId).map_err(|_| bad("the path has no number of a key"))
}

fn public(text: &str) -> Result<[u8; 32], Problem> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| bad("`public_key` is 64 hexadecimal digits"))?;
    Ok(bytes)
}

fn signature(text: &str) -> Result<Signature, Problem> {
    let bytes = hex::decode(text).ok();
    bytes.and_then(|bytes| Signature::new(&bytes)).ok_or_else(|| bad("`signature` is 128 hexadecimal digits"))
}
