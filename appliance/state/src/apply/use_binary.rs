//! `UseBinary`: what the workers of a kind run.

use exchequer_domain::{Network, WorkerKind};
use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason, workers};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::event::EventKind;
use crate::outcome::Done;
use crate::rejection::Rejection;
use crate::workers::{Fleet, check_kind};

/// Makes the workers of a kind run a registered program from their next start on. Without a network it holds for every
/// network of which nothing else is said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UseBinary {
    /// Of workers.
    pub kind: WorkerKind,
    /// Where; never given where the kind has no networks.
    pub network: Option<Network>,
    /// The program's name; none for the node's own.
    pub binary: Option<String>,
    /// Why.
    pub reason: String,
}

impl UseBinary {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let UseBinary { kind, network, binary, reason } = self;
        check_reason(&reason)?;
        check_kind(kind)?;
        if network.is_some() && !kind.has_network() {
            return Err(Rejection::WorkerNetwork { kind }.into());
        }
        if let Some(name) = &binary
            && entry.state.workers.binary(name).is_none()
        {
            return Err(Rejection::WorkerBinaryUnknown.into());
        }
        let fleet = entry.state.workers.fleet(kind, network).cloned().unwrap_or(Fleet::new(kind, network));
        if fleet.binary == binary {
            return Ok(Done::WorkerBinaryUsed { changed: false });
        }

        let shown = |name: &Option<String>| name.clone().unwrap_or_else(|| "own".to_owned());
        let detail = format!("{} -> {}", shown(&fleet.binary), shown(&binary));
        entry.put_fleet(Fleet { binary: binary.clone(), ..fleet });
        entry.audit(actor, AuditAction::UseBinary, workers::fleet_name(kind, network), detail, reason);
        entry.event(EventKind::WorkerBinaryUsed { kind, network, binary });
        Ok(Done::WorkerBinaryUsed { changed: true })
    }
}

#[cfg(test)]
mod tests {
    use exchequer_domain::{Digest, WorkerId};

    use super::*;
    use crate::tests::world::World;
    use crate::{Body, ForgetBinary, RegisterBinary};

    fn register(name: &str) -> Body {
        let (name, path, reason) = (name.to_owned(), format!("/opt/{name}"), "why".to_owned());
        Body::RegisterBinary(RegisterBinary { name, version: "2".into(), hash: Digest([5; 32]), path, reason })
    }

    fn uses(kind: WorkerKind, network: Option<Network>, binary: Option<&str>) -> Body {
        let (binary, reason) = (binary.map(str::to_owned), "why".to_owned());
        Body::UseBinary(UseBinary { kind, network, binary, reason })
    }

    fn forget(name: &str) -> Body {
        Body::ForgetBinary(ForgetBinary { name: name.into(), reason: "why".into() })
    }

    /// Goal: a network's own program goes before the kind's, which goes before the node's.
    #[test]
    fn the_nearest_program_is_run() {
        let mut world = World::new();
        for name in ["a", "b"] {
            assert_eq!(world.run(register(name)), Ok(Done::WorkerBinaryRegistered));
        }
        let kind = WorkerKind::Deposit;
        let runs = |world: &World| {
            [Network::Bitcoin, Network::Tron].map(|network| {
                let worker = WorkerId { kind, network: Some(network), instance: 1 };
                world.state.workers().binary_of(worker).map(|binary| binary.name.clone())
            })
        };
        assert_eq!(runs(&world), [None, None]);
        world.run(uses(kind, None, Some("a"))).unwrap();
        let tron = Some(Network::Tron);
        assert_eq!(world.run(uses(kind, tron, Some("b"))), Ok(Done::WorkerBinaryUsed { changed: true }));
        assert_eq!(runs(&world), [Some("a".to_owned()), Some("b".to_owned())]);
        assert_eq!(world.run(uses(kind, tron, Some("b"))), Ok(Done::WorkerBinaryUsed { changed: false }));
        world.run(uses(kind, tron, None)).unwrap();
        assert_eq!(runs(&world), [Some("a".to_owned()), Some("a".to_owned())]);
    }

    /// Goal: a name stands for one program for ever, as long as it is used; unknown ones and needless networks are refused.
    #[test]
    fn names_stay_what_they_are() {
        let mut world = World::new();
        world.run(register("a")).unwrap();
        assert_eq!(world.refused(register("a")), Rejection::WorkerBinaryExists);
        let kind = WorkerKind::Selftest;
        assert_eq!(world.refused(uses(kind, None, Some("b"))), Rejection::WorkerBinaryUnknown);
        let needless = uses(kind, Some(Network::Bsc), Some("a"));
        assert_eq!(world.refused(needless), Rejection::WorkerNetwork { kind });
        world.run(uses(kind, None, Some("a"))).unwrap();
        assert_eq!(world.refused(forget("a")), Rejection::WorkerBinaryUsed);
        world.run(uses(kind, None, None)).unwrap();
        assert_eq!(world.run(forget("a")), Ok(Done::WorkerBinaryForgotten));
        assert_eq!(world.refused(forget("a")), Rejection::WorkerBinaryUnknown);
        for number in 0..crate::workers::BINARIES_MAX {
            world.run(register(&format!("n{number}"))).unwrap();
        }
        assert_eq!(world.refused(register("b")), Rejection::WorkerBinariesFull);
    }
}
