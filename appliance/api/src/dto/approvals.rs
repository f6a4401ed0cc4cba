//! Proposals and approval keys.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shapes::{CommandIdText, HashText, Label, Moment, Reason, SignatureText};

/// The answer to a change that was proposed instead of made: status 202.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Proposed {
    /// The proposal's number.
    pub proposal: u64,
    /// How many others must approve it.
    pub needed: u8,
    /// It cannot be approved from this moment on.
    #[schemars(with = "Moment")]
    pub expires_at: String,
    /// The one-time password, or the join token, that is valid once the change is made; shown here and nowhere else.
    pub once: Option<String>,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}

/// A name and a value of a proposed operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OperationLine {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
}

/// One approval of a proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalGiven {
    /// The admin's number.
    pub admin: u32,
    /// The key's number.
    pub key: u32,
    /// When.
    #[schemars(with = "Moment")]
    pub at: String,
}

/// A proposal, waiting or over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Proposal {
    /// Its number.
    pub number: u64,
    /// `waiting`, `executed`, `refused-at-execution`, `rejected`, `expired` or `revoked`.
    pub state: String,
    /// Who proposed it, and as whom it is carried out.
    pub initiator: String,
    /// Why.
    pub reason: String,
    /// The operation's bytes, hexadecimal; approvals sign their hash. Empty where the proposal is over and they held what was
    /// sealed.
    pub operation: String,
    /// The hash of the operation.
    #[schemars(with = "HashText")]
    pub hash: String,
    /// The operation in words. None where its bytes are gone, or where they are those of a newer version: this node takes no
    /// approval of what it cannot show.
    pub lines: Vec<OperationLine>,
    /// How many others must approve it.
    pub needed: u8,
    /// What they must be allowed.
    pub permission: String,
    /// When it was proposed.
    #[schemars(with = "Moment")]
    pub created_at: String,
    /// It cannot be approved from this moment on.
    #[schemars(with = "Moment")]
    pub expires_at: String,
    /// The same in microseconds since 1970, as approvals sign it.
    pub expires_us: u64,
    /// The approvals that were given.
    pub approvals: Vec<ApprovalGiven>,
    /// Why it was refused when it would have been carried out, the code first; absent where it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
}

/// `GET /v1/proposals`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Proposals {
    /// Since when the two-person rule is in force; none where it is not.
    #[schemars(with = "Option<Moment>")]
    pub in_force_since: Option<String>,
    /// What waits, by number.
    pub proposals: Vec<Proposal>,
}

/// `POST /v1/proposals/{id}/approve`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproveProposal {
    /// The number of the sender's key.
    pub key: u32,
    /// The signature, hexadecimal.
    #[schemars(with = "SignatureText")]
    pub signature: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// The answer to [`ApproveProposal`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProposalApproved {
    /// The proposal's number.
    pub proposal: u64,
    /// How many persons have approved it.
    pub approvals: u8,
    /// How many must.
    pub needed: u8,
    /// `waiting`, `executed` or `refused-at-execution`.
    pub state: String,
    /// Why it was refused when it would have been carried out.
    pub refusal: Option<String>,
    /// The entry it was applied in.
    pub index: u64,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}

/// `POST /v1/proposals/{id}/reject`, `.../revoke` and `POST /v1/approval-keys/{id}/revoke`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndApproval {
    /// Why.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// The answer to a change of a proposal or a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalChanged {
    /// The number of the proposal or the key.
    pub number: u64,
    /// The entry it was applied in.
    pub index: u64,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}

/// An approval key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalKey {
    /// Its number.
    pub number: u32,
    /// The admin whose it is.
    pub admin: u32,
    /// The person that it was at the enrolment.
    pub person: String,
    /// The public key, hexadecimal.
    #[schemars(with = "HashText")]
    pub public_key: String,
    /// For people.
    pub label: String,
    /// `enrolled`, `confirmed` or `revoked`.
    pub state: String,
    /// The person who confirmed it.
    pub confirmed_by: Option<String>,
    /// When it was enrolled.
    #[schemars(with = "Moment")]
    pub enrolled_at: String,
}

/// `GET /v1/approval-keys`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalKeys {
    /// Since when the two-person rule is in force; none where it is not.
    #[schemars(with = "Option<Moment>")]
    pub in_force_since: Option<String>,
    /// Every key, by number.
    pub keys: Vec<ApprovalKey>,
}

/// `POST /v1/approval-keys`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnrolApprovalKey {
    /// The public key, hexadecimal.
    #[schemars(with = "HashText")]
    pub public_key: String,
    /// For people.
    #[schemars(with = "Label")]
    pub label: String,
    /// Why.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// `POST /v1/approval-keys/{id}/confirm`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmApprovalKey {
    /// The public key that was looked at, hexadecimal.
    #[schemars(with = "HashText")]
    pub public_key: String,
    /// The number of the sender's own key.
    pub with: u32,
    /// The signature of that key, hexadecimal.
    #[schemars(with = "SignatureText")]
    pub signature: String,
    /// Why.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}
