//! The audit: who did what, to what, why and when, each record chained to the one before by its hash.
//!
//! Every administrative write to the state makes one record, in the same entry; what users do, and money that moves, is in
//! the journal instead. What a node does outside the state (a
//! vote, a snapshot, a renewed certificate) is put on record by a command of its own, before or after; where that fails
//! afterwards, whoever asked is told so. What is done to the folder of a stopped node, such as importing a keyring, is in
//! no record. Invariants: numbered from 1 without gaps; `hash` is
//! BLAKE3 over the hash before and the encoded content, so that no record can be changed, dropped or put in between
//! without every later hash being wrong.

use exchequer_domain::{Digest, Timestamp};
use serde::{Deserialize, Serialize};

use crate::codec::{self, DecodeError};
use crate::command::Actor;
use crate::rows::Table;

/// One record, as its row holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// What the hash covers, together with `previous`.
    pub content: AuditContent,
    /// The hash of the record before; zeros in the first one.
    pub previous: Digest,
    /// The hash of this record.
    pub hash: Digest,
}

/// Who did what, to what, why and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditContent {
    /// From 1, without gaps.
    pub sequence: u64,
    /// Replicated time.
    pub time: Timestamp,
    /// The log entry.
    pub index: u64,
    /// On whose behalf.
    pub actor: Actor,
    /// What was done.
    pub action: AuditAction,
    /// To what: a setting's key, a node's id, a token's id.
    pub target: String,
    /// The numbers of this case, such as a value before and after; no secrets.
    pub detail: String,
    /// Why, as the actor gave it; empty where none is asked for.
    pub reason: String,
}

/// What was done. Variants are only ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuditAction {
    /// The cluster was made.
    Bootstrap,
    /// A setting was changed.
    SetSetting,
    /// Settings were reverted.
    RevertSettings,
    /// A join token was made.
    CreateJoinToken,
    /// A node was admitted.
    AdmitNode,
    /// A node's record was changed.
    UpdateNode,
    /// A node was removed.
    RemoveNode,
    /// The certificate authority was replaced.
    RotateAuthority,
    /// The operator token was replaced.
    RotateOperatorToken,
    /// The cluster was switched to newer rules.
    RaiseVersion,
    /// Something was done outside the state.
    Outside(Action),
    /// An asset was created.
    CreateAsset,
    /// A user was changed.
    UpdateUser,
    /// A transfer was reverted.
    RevertTransfer,
    /// An API key was made.
    ApiKeyCreated,
    /// An API key was revoked.
    ApiKeyRevoked,
    /// A market was made.
    MarketCreated,
    /// A market's filters, circuit breaker or reference price were changed.
    MarketConfigured,
    /// A market was brought to another phase.
    MarketPhaseSet,
    /// Jobs were entered.
    JobsEnqueued,
    /// Jobs were ended.
    JobsCancelled,
    /// Jobs were let begin anew, or at once.
    JobsRetried,
    /// A queue was paused, let go on, or given another rate.
    QueueConfigured,
    /// A worker was added.
    AddWorker,
    /// Something else is wanted of a worker.
    SetWorker,
    /// A worker's process is replaced.
    RestartWorker,
    /// A worker was removed.
    RemoveWorker,
    /// Workers of a kind have other bounds.
    SetScale,
    /// Workers of a kind are more or fewer.
    Rescale,
    /// A program of workers was registered.
    RegisterBinary,
    /// A program of workers was forgotten.
    ForgetBinary,
    /// Workers of a kind run another program.
    UseBinary,
    /// The same was done to many workers.
    BulkWorkers,
    /// What was done to many workers was taken back.
    UndoBulk,
    /// Directives were sent.
    DirectivesSent,
    /// Directives were taken back.
    DirectivesCancelled,
    /// It was decided about a directive of which nobody knew what became.
    DirectiveReviewed,
    /// The exchange was stopped.
    EmergencyStopped,
    /// An emergency was ended.
    EmergencyResumed,
    /// Maintenance was announced.
    MaintenanceScheduled,
    /// Maintenance was ended by somebody.
    MaintenanceEnded,
    /// A setting's value was taken away.
    UnsetSetting,
    /// A flag was made or changed.
    SetFlag,
    /// A flag was removed.
    RemoveFlag,
    /// A secret was put.
    PutSecret,
    /// A secret was removed.
    RemoveSecret,
    /// A network was configured.
    ConfigureNetwork,
    /// An asset was switched on a network.
    ConfigureNetworkAsset,
    /// A consumer of events was made.
    ConsumerAdded,
    /// A consumer of events was set back.
    ConsumerRewound,
    /// A consumer of events was removed.
    ConsumerRemoved,
    /// An admin was made.
    AdminCreated,
    /// An admin was given other roles or addresses, or another status.
    AdminUpdated,
    /// What somebody signs in with was changed.
    CredentialsSet,
    /// An admin has signed in.
    SessionOpened,
    /// An admin has shown the second factor again.
    SteppedUp,
    /// Sessions were ended.
    SessionsClosed,
    /// New sign-ins of an admin are refused for a while.
    SignInsLocked,
    /// An operation was proposed.
    ProposalMade,
    /// A proposal was approved by one person.
    ProposalApproved,
    /// A proposal was rejected.
    ProposalRejected,
    /// A proposal was taken back.
    ProposalRevoked,
    /// An approval key was enrolled.
    ApprovalKeyEnrolled,
    /// An approval key was confirmed.
    ApprovalKeyConfirmed,
    /// An approval key was revoked.
    ApprovalKeyRevoked,
    /// Directives that waited for approval were released.
    DirectivesReleased,
    /// A wallet was registered.
    WalletRegistered,
    /// A wallet was retired.
    WalletRetired,
    /// An asset was listed on a network.
    AssetListed,
    /// A reference price was set by a person.
    PriceSet,
    /// A person refused a withdrawal.
    WithdrawalRejected,
    /// A person agreed to a withdrawal.
    WithdrawalApproved,
    /// A person decided about a payout.
    PayoutReviewed,
    /// The withdrawal policy was set.
    WithdrawalPolicySet,
    /// A network that stood still was let go on.
    ChainResumed,
    /// It was decided whose money it is that waited for a decision.
    SuspenseAssigned,
    /// A person said what a difference is.
    DiscrepancyExplained,
    /// The books were put right.
    DiscrepancyAdjusted,
    /// A network was let pay out again.
    PaymentsResumed,
    /// A payer's next nonce was set.
    NonceSet,
}

/// What can be done outside the state and put on record. Variants are only ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// A node became a learner.
    AddLearner,
    /// A learner became a voter.
    Promote,
    /// A voter became a learner.
    Demote,
    /// A node left the membership.
    RemoveMember,
    /// Leadership was handed over.
    TransferLeader,
    /// A snapshot was saved.
    SnapshotSave,
    /// A snapshot was restored.
    SnapshotRestore,
    /// The keyring was exported.
    KeyringExport,
    /// A keyring was imported.
    KeyringImport,
    /// A node's certificates were replaced.
    CertificatesRotate,
    /// The cluster was recovered from lost quorum.
    Recover,
    /// A node's signer opened its vault, or read it anew.
    VaultOpened,
}

impl AuditAction {
    /// The name in listings, such as `set-setting`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            AuditAction::Bootstrap => "bootstrap",
            AuditAction::SetSetting => "set-setting",
            AuditAction::RevertSettings => "revert-settings",
            AuditAction::CreateJoinToken => "create-join-token",
            AuditAction::AdmitNode => "admit-node",
            AuditAction::UpdateNode => "update-node",
            AuditAction::RemoveNode => "remove-node",
            AuditAction::RotateAuthority => "rotate-authority",
            AuditAction::RotateOperatorToken => "rotate-operator-token",
            AuditAction::RaiseVersion => "raise-version",
            AuditAction::ApiKeyCreated => "create-api-key",
            AuditAction::ApiKeyRevoked => "revoke-api-key",
            AuditAction::MarketCreated => "create-market",
            AuditAction::MarketConfigured => "configure-market",
            AuditAction::MarketPhaseSet => "set-market-phase",
            AuditAction::JobsEnqueued => "enqueue-jobs",
            AuditAction::JobsCancelled => "cancel-jobs",
            AuditAction::JobsRetried => "retry-jobs",
            AuditAction::QueueConfigured => "configure-queue",
            AuditAction::DirectivesSent => "send-directives",
            AuditAction::DirectivesCancelled => "cancel-directives",
            AuditAction::DirectiveReviewed => "review-directive",
            AuditAction::ConsumerAdded => "add-consumer",
            AuditAction::ConsumerRewound => "rewind-consumer",
            AuditAction::ConsumerRemoved => "remove-consumer",
            AuditAction::AdminCreated => "create-admin",
            AuditAction::AdminUpdated => "update-admin",
            AuditAction::CredentialsSet => "set-credentials",
            AuditAction::SessionOpened => "open-session",
            AuditAction::SteppedUp => "step-up",
            AuditAction::SessionsClosed => "close-sessions",
            AuditAction::SignInsLocked => "lock-sign-ins",
            AuditAction::Outside(action) => match action {
                Action::AddLearner => "add-learner",
                Action::Promote => "promote",
                Action::Demote => "demote",
                Action::RemoveMember => "remove-member",
                Action::TransferLeader => "transfer-leader",
                Action::SnapshotSave => "snapshot-save",
                Action::SnapshotRestore => "snapshot-restore",
                Action::KeyringExport => "keyring-export",
                Action::KeyringImport => "keyring-import",
                Action::CertificatesRotate => "certificates-rotate",
                Action::Recover => "recover",
                Action::VaultOpened => "vault-opened",
            },
            AuditAction::CreateAsset => "create-asset",
            AuditAction::UpdateUser => "update-user",
            AuditAction::RevertTransfer => "revert-transfer",
            AuditAction::AddWorker => "add-worker",
            AuditAction::SetWorker => "set-worker",
            AuditAction::RestartWorker => "restart-worker",
            AuditAction::RemoveWorker => "remove-worker",
            AuditAction::SetScale => "set-scale",
            AuditAction::Rescale => "rescale",
            AuditAction::RegisterBinary => "register-binary",
            AuditAction::ForgetBinary => "forget-binary",
            AuditAction::UseBinary => "use-binary",
            AuditAction::BulkWorkers => "bulk-workers",
            AuditAction::UndoBulk => "undo-bulk",
            AuditAction::EmergencyStopped => "stop-exchange",
            AuditAction::EmergencyResumed => "resume-exchange",
            AuditAction::MaintenanceScheduled => "schedule-maintenance",
            AuditAction::MaintenanceEnded => "end-maintenance",
            AuditAction::ProposalMade => "propose",
            AuditAction::ProposalApproved => "approve",
            AuditAction::ProposalRejected => "reject-proposal",
            AuditAction::ProposalRevoked => "revoke-proposal",
            AuditAction::ApprovalKeyEnrolled => "enrol-approval-key",
            AuditAction::ApprovalKeyConfirmed => "confirm-approval-key",
            AuditAction::ApprovalKeyRevoked => "revoke-approval-key",
            AuditAction::DirectivesReleased => "release-directives",
            AuditAction::UnsetSetting => "unset-setting",
            AuditAction::SetFlag => "set-flag",
            AuditAction::RemoveFlag => "remove-flag",
            AuditAction::PutSecret => "put-secret",
            AuditAction::RemoveSecret => "remove-secret",
            AuditAction::ConfigureNetwork => "configure-network",
            AuditAction::ConfigureNetworkAsset => "configure-network-asset",
            AuditAction::WalletRegistered => "register-wallet",
            AuditAction::WalletRetired => "retire-wallet",
            AuditAction::AssetListed => "list-asset",
            AuditAction::PriceSet => "set-price",
            AuditAction::ChainResumed => "resume-chain",
            AuditAction::SuspenseAssigned => "assign-suspense",
            AuditAction::DiscrepancyExplained => "explain-discrepancy",
            AuditAction::DiscrepancyAdjusted => "adjust-discrepancy",
            AuditAction::PaymentsResumed => "resume-payments",
            AuditAction::NonceSet => "set-nonce",
            AuditAction::WithdrawalRejected => "reject-withdrawal",
            AuditAction::WithdrawalApproved => "approve-withdrawal",
            AuditAction::PayoutReviewed => "review-payout",
            AuditAction::WithdrawalPolicySet => "set-withdrawal-policy",
        }
    }
}

/// The end of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditHead {
    /// The number of the last record; zero when there is none.
    pub sequence: u64,
    /// The hash of the last record; zeros when there is none.
    pub hash: Digest,
}

impl Default for AuditHead {
    fn default() -> AuditHead {
        AuditHead::EMPTY
    }
}

impl AuditHead {
    /// The end of the empty chain.
    pub const EMPTY: AuditHead = AuditHead { sequence: 0, hash: Digest::ZERO };

    /// Chains `content` to this head.
    pub(crate) fn chain(&self, content: AuditContent) -> AuditRecord {
        let hash = hash(self.hash, &content);
        AuditRecord { content, previous: self.hash, hash }
    }

    /// The head after `record`.
    ///
    /// # Errors
    /// The record is not the one that follows, or was changed.
    pub fn follow(&self, record: &AuditRecord) -> Result<AuditHead, BrokenAt> {
        let sequence = self.sequence + 1;
        let broken = |link| Err(BrokenAt { sequence, link });
        if record.content.sequence != sequence {
            return broken(BrokenLink::Missing);
        }
        if record.previous != self.hash {
            return broken(BrokenLink::Previous);
        }
        if record.hash != hash(record.previous, &record.content) {
            return broken(BrokenLink::Content);
        }
        Ok(AuditHead { sequence, hash: record.hash })
    }
}

/// Where the chain breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("audit record {sequence}: {link}")]
pub struct BrokenAt {
    /// The number of the record that should have been there.
    pub sequence: u64,
    /// How it breaks.
    pub link: BrokenLink,
}

/// How the chain breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BrokenLink {
    /// Another record is in its place.
    #[error("it is missing")]
    Missing,
    /// It does not follow the record before it.
    #[error("it does not follow the record before it")]
    Previous,
    /// Its content is not what its hash says.
    #[error("its content was changed")]
    Content,
}

/// Checks a chain from its first record on. That nothing was cut off its end shows in the head that is returned.
///
/// # Errors
/// The first record at which the chain breaks.
pub fn verify_from_start<'a>(records: impl IntoIterator<Item = &'a AuditRecord>) -> Result<AuditHead, BrokenAt> {
    records.into_iter().try_fold(AuditHead::EMPTY, |head, record| head.follow(record))
}

/// Checks a chain from its first record on.
///
/// # Errors
/// The first record at which the chain breaks.
pub fn verify<'a>(records: impl IntoIterator<Item = &'a AuditRecord>) -> Result<(), BrokenAt> {
    verify_from_start(records).map(|_| ())
}

impl AuditRecord {
    /// Reads the value of a row of [`Table::Audit`].
    ///
    /// # Errors
    /// The bytes are not a record, or one of a newer program.
    pub fn decode(bytes: &[u8]) -> Result<AuditRecord, DecodeError> {
        codec::decode(bytes)
    }
}

/// The row key of the record with this number.
#[must_use]
pub fn key(sequence: u64) -> Vec<u8> {
    Table::Audit.key(&sequence.to_be_bytes())
}

fn hash(previous: Digest, content: &AuditContent) -> Digest {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&previous.0);
    hasher.update(&codec::encode(content));
    Digest(*hasher.finalize().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain() -> Vec<AuditRecord> {
        let mut head = AuditHead::EMPTY;
        let mut records = Vec::new();
        for sequence in 1..=5 {
            let content = AuditContent {
                sequence,
                time: Timestamp(sequence),
                index: sequence,
                actor: Actor::Operator,
                action: AuditAction::Outside(Action::Promote),
                target: format!("node {sequence}"),
                detail: String::new(),
                reason: "test".into(),
            };
            let record = head.chain(content);
            head = head.follow(&record).unwrap();
            records.push(record);
        }
        records
    }

    fn broken(records: &[AuditRecord]) -> Option<(u64, BrokenLink)> {
        verify(records).err().map(|BrokenAt { sequence, link }| (sequence, link))
    }

    /// Goal: every way of tampering shows, at the record where it was done. Method: change, drop, swap, insert, cut at
    /// the end, and rewrite a record with a hash that fits it.
    #[test]
    fn tampering_shows() {
        let good = chain();
        assert_eq!(broken(&good), None);
        let mut changed = good.clone();
        changed[2].content.reason = "none".into();
        assert_eq!(broken(&changed), Some((3, BrokenLink::Content)));
        let mut rewritten = changed.clone();
        rewritten[2].hash = hash(rewritten[2].previous, &rewritten[2].content);
        assert_eq!(broken(&rewritten), Some((4, BrokenLink::Previous)));
        let mut dropped = good.clone();
        dropped.remove(1);
        assert_eq!(broken(&dropped), Some((2, BrokenLink::Missing)));
        let mut swapped = good.clone();
        swapped.swap(3, 4);
        assert_eq!(broken(&swapped), Some((4, BrokenLink::Missing)));
        let mut inserted = good.clone();
        inserted.insert(1, good[0].clone());
        assert_eq!(broken(&inserted), Some((2, BrokenLink::Missing)));
        let cut = verify_from_start(&good[..3]).unwrap();
        assert_ne!(cut, verify_from_start(&good).unwrap(), "a cut end shows in the head");
    }
}
