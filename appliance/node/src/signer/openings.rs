//! That a vault was opened goes on the audit record: when, on which node, and whether anybody did it. A vault that opens without
//! anybody is a choice that whoever reads the record sees at every start.

use std::sync::Arc;
use std::time::Duration;

use exchequer_state::audit::Action;
use exchequer_vault::signer::{OpenedBy, SignerStatus};
use tokio::time::Instant;

use crate::house::House;

/// How often the signer's word is looked at.
const ROUND: Duration = Duration::from_secs(2);
/// Between two records: a signer that ends again and again fills no log.
const RECORD_EVERY: Duration = Duration::from_secs(60);

/// What was opened, as it is told once.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Opening {
    vault: [u8; 16],
    openings: u64,
    by: OpenedBy,
    policy: u64,
    generations: u32,
}

impl Opening {
    /// What a signer says of its opening; none while it is sealed.
    fn of(status: &SignerStatus) -> Option<Opening> {
        let standing = &status.standing;
        let (vault, openings, by) = (standing.vault, standing.openings, standing.opened_by);
        let (policy, generations) = (standing.policy, standing.generations);
        (!standing.sealed).then_some(Opening { vault, openings, by, policy, generations })
    }

    fn reason(&self) -> String {
        let by = match self.by {
            OpenedBy::Automatic => "by a lock that needs nobody",
            OpenedBy::Somebody => "by a passphrase",
            OpenedBy::Nobody => "by nobody that is known",
        };
        format!("opened {by}; policy {}, seeds {}", self.policy, self.generations)
    }
}

/// Runs for as long as the node does.
pub(crate) async fn run(house: Arc<House>) {
    let mut told: Option<(Opening, Instant)> = None;
    loop {
        tokio::time::sleep(ROUND).await;
        let Some(opening) = house.signer.seen().status.as_ref().and_then(Opening::of) else { continue };
        let is_new = told.as_ref().is_none_or(|(last, _)| *last != opening);
        let is_soon = told.as_ref().is_some_and(|(_, at)| at.elapsed() < RECORD_EVERY);
        if !is_new || is_soon {
            continue;
        }
        let target = format!("vault {} of node {}", hex::encode(opening.vault), house.id());
        match house.record_own(Action::VaultOpened, target, opening.reason()).await {
            Ok(()) => told = Some((opening, Instant::now())),
            // Without a leader it is on record once there is one.
            Err(problem) => tracing::debug!(%problem, "that the vault was opened is not on the audit record yet"),
        }
    }
}

#[cfg(test)]
mod tests {
    use exchequer_vault::signer::Standing;

    use super::*;

    /// Goal: what is on record says whether anybody opened the vault, and a sealed one is none. Method: statuses of a signer.
    #[test]
    fn an_opening_says_by_whom() {
        let standing = Standing {
            sealed: false,
            vault: [7; 16],
            epoch: 1,
            followed: 1,
            lineage: 1,
            unread: 0,
            policy: 3,
            generations: 2,
            decisions: 1,
            openings: 1,
            opened_by: OpenedBy::Automatic,
        };
        let status = |standing| SignerStatus { standing, memory_locked: true, no_core_dumps: true, no_network: true };
        let opening = Opening::of(&status(standing.clone())).unwrap();
        assert_eq!(opening.reason(), "opened by a lock that needs nobody; policy 3, seeds 2");
        let by_person = Opening { by: OpenedBy::Somebody, ..opening };
        assert_eq!(by_person.reason(), "opened by a passphrase; policy 3, seeds 2");
        assert_ne!(by_person, opening);
        assert_eq!(Opening::of(&status(Standing { sealed: true, ..standing })), None);
    }
}
