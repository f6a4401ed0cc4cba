//! `RegisterBinary` and `ForgetBinary`: which programs workers can run.

use exchequer_domain::Digest;
use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::event::EventKind;
use crate::outcome::Done;
use crate::rejection::Rejection;
use crate::workers::{BINARIES_MAX, WorkerBinary};

/// Registers a program under a new name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterBinary {
    /// Its name; not one that is registered.
    pub name: String,
    /// Its version, for people.
    pub version: String,
    /// BLAKE3 of the file.
    pub hash: Digest,
    /// Where the file is, on every node.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// Forgets a registered program that nothing runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForgetBinary {
    /// Its name.
    pub name: String,
    /// Why.
    pub reason: String,
}

impl RegisterBinary {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let RegisterBinary { name, version, hash, path, reason } = self;
        check_reason(&reason)?;
        let binary = WorkerBinary { name, version, hash, path, registered_at: entry.now, registered_by: actor };
        binary.check()?;
        if entry.state.workers.binary(&binary.name).is_some() {
            return Err(Rejection::WorkerBinaryExists.into());
        }
        if entry.state.workers.binaries().count() >= BINARIES_MAX {
            return Err(Rejection::WorkerBinariesFull.into());
        }

        let detail = format!("version {}, hash {hash}, {}", binary.version, binary.path);
        let name = binary.name.clone();
        entry.audit(actor, AuditAction::RegisterBinary, name.clone(), detail, reason);
        entry.event(EventKind::WorkerBinaryRegistered { name });
        entry.put_worker_binary(binary);
        Ok(Done::WorkerBinaryRegistered)
    }
}

impl ForgetBinary {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let ForgetBinary { name, reason } = self;
        check_reason(&reason)?;
        if entry.state.workers.binary(&name).is_none() {
            return Err(Rejection::WorkerBinaryUnknown.into());
        }
        if entry.state.workers.fleets().any(|fleet| fleet.binary.as_ref() == Some(&name)) {
            return Err(Rejection::WorkerBinaryUsed.into());
        }

        entry.remove_worker_binary(&name);
        entry.audit(actor, AuditAction::ForgetBinary, name, String::new(), reason);
        Ok(Done::WorkerBinaryForgotten)
    }
}
