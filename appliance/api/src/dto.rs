//! The shapes of `/v1`, shared by the server and the command line.
//!
//! Times are RFC 3339 text, durations and sizes text with a unit, hashes and ids hexadecimal. Fields are only added.

mod cluster;
mod records;
mod settings;
mod status;

pub use cluster::{
    Accepted, AddLearner, CreateToken, CreatedToken, ExportedKeyring, JoinReply, JoinRequest, NamedNode, NodeHash,
    NodeRef, OperatorTokenRotated, Promote, RemoveNode, RotateCertificates, RotateOperatorToken, TransferLeader,
    Verified, Verify, WithReason,
};
pub use records::{
    AuditEntry, AuditPage, AuditVerified, CommandOutcome, CommandResult, Effect, LedgerOutcome, PutScratch, Refusal,
    ScratchPut, ScratchValue,
};
pub use settings::{
    Changed, RevertSettings, SetSetting, Setting, SettingChange, SettingDifference, SettingHistory, SettingSet,
    Settings, SettingsDiff, SettingsReverted,
};
pub use status::{Autopilot, AutopilotServer, NodeStatus, Peer, Peers, Readiness, ReadinessCheck};
