//! The autopilot: what a careful operator would do with the membership, done by the leader.
//!
//! Admitted nodes become learners. Learners that have kept up for a while get their votes, in one change and only so
//! many that the number of voters becomes odd: an even number tolerates no more failures than one less. Nodes that
//! were removed from the registry leave the membership, and a voter that has been dead for very long does so too, as
//! long as enough others are alive.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use exchequer_domain::{NodeId, Problem};
use exchequer_raft::{Role, Status};
use exchequer_state::audit::Action;
use exchequer_state::registry::NodeState;
use exchequer_state::settings::schema;
use exchequer_state::{Body, RecordAction};
use tokio::time::Instant;

use crate::house::{House, Operation, on_leader};

const ROUND: Duration = Duration::from_millis(500);
/// A voter that was heard of within this time is alive.
const HEARD_WITHIN: Duration = Duration::from_secs(3);

/// The settings it goes by.
#[derive(Debug, Clone, Copy)]
struct Rules {
    promote: bool,
    stabilization_time: Duration,
    trailing_max: u64,
    contact_max: Duration,
    cleanup: bool,
    dead_after: Duration,
    min_quorum: usize,
}

/// Runs for as long as the node does; acts only while it leads.
pub(crate) async fn run(house: Arc<House>) {
    let mut keeping_up: BTreeMap<u64, Instant> = BTreeMap::new();
    let mut led_since: Option<Instant> = None;
    loop {
        tokio::time::sleep(ROUND).await;
        let status = house.node.status();
        if status.role != Role::Leader || status.epoch.is_none() {
            keeping_up.clear();
            led_since = None;
            continue;
        }
        let led_since = *led_since.get_or_insert_with(Instant::now);
        if let Err(problem) = round(&house, &status, &mut keeping_up, led_since).await {
            tracing::debug!(%problem, "the autopilot could not finish its round");
        }
    }
}

fn rules(house: &House) -> Result<Rules, Problem> {
    house.state(|state| {
        let settings = state.settings();
        Rules {
            promote: settings.get(&schema::AUTOPILOT_PROMOTE),
            stabilization_time: settings.get(&schema::AUTOPILOT_STABILIZATION_TIME),
            trailing_max: u64::try_from(settings.get(&schema::AUTOPILOT_MAX_TRAILING_ENTRIES)).unwrap_or(0),
            contact_max: settings.get(&schema::AUTOPILOT_LAST_CONTACT_MAX),
            cleanup: settings.get(&schema::AUTOPILOT_CLEANUP_DEAD_SERVERS),
            dead_after: settings.get(&schema::AUTOPILOT_DEAD_SERVER_AFTER),
            min_quorum: usize::try_from(settings.get(&schema::AUTOPILOT_MIN_QUORUM)).unwrap_or(3),
        }
    })
}

async fn round(
    house: &House,
    status: &Status,
    keeping_up: &mut BTreeMap<u64, Instant>,
    led_since: Instant,
) -> Result<(), Problem> {
    let rules = rules(house)?;
    let registry: Vec<(u64, bool)> = house
        .state(|state| state.registry().nodes().map(|node| (node.id.0, node.state == NodeState::Admitted)).collect())?;

    for (id, admitted) in &registry {
        let member = status.members.contains_key(id);
        if *admitted && !member {
            tracing::info!(node = id, "the autopilot adds an admitted node as a learner");
            on_leader(house, &Operation::AddLearner { node: *id }).await?;
            return Ok(());
        }
        if !*admitted && member {
            tracing::info!(node = id, "the autopilot takes a removed node out of the membership");
            on_leader(house, &Operation::Remove { node: *id }).await?;
            return Ok(());
        }
    }

    let peers = house.node.peers();
    let silent = |id: &u64| peers.get(id).map_or(led_since.elapsed(), |view| view.heard.elapsed());
    for (id, member) in &status.members {
        let lag = member.matched_index.map(|matched| status.last_index.saturating_sub(matched));
        let good = lag.is_some_and(|lag| lag <= rules.trailing_max) && silent(id) <= rules.contact_max;
        if good {
            keeping_up.entry(*id).or_insert_with(Instant::now);
        } else {
            keeping_up.remove(id);
        }
    }
    keeping_up.retain(|id, _| status.members.contains_key(id));

    if rules.promote {
        let promoted = promotable(status, keeping_up, rules.stabilization_time);
        if !promoted.is_empty() {
            tracing::info!(nodes = ?promoted, "the autopilot gives votes");
            house
                .node
                .promote(promoted.clone())
                .await
                .map_err(|error| Problem::new(exchequer_domain::Code::ChangeInProgress, error.to_string()))?;
            for node in promoted {
                let (action, target) = (Action::Promote, format!("node {node}"));
                let record = RecordAction { action, target, reason: "autopilot".to_owned() };
                house.submit_own(Body::RecordAction(record)).await?;
            }
            return Ok(());
        }
    }

    if rules.cleanup {
        let voters: Vec<u64> = status.members.iter().filter(|(_, member)| member.voter).map(|(id, _)| *id).collect();
        let alive = voters.iter().filter(|id| **id == status.node || silent(id) < HEARD_WITHIN).count();
        let dead = voters.iter().find(|id| **id != status.node && silent(id) >= rules.dead_after);
        if let Some(dead) = dead
            && voters.len() > rules.min_quorum
            && alive > (voters.len() - 1) / 2
        {
            tracing::warn!(node = dead, "the autopilot removes a node that has been dead for long");
            exchequer_api::backend::Backend::remove(house, NodeId(*dead), "autopilot: dead for long".to_owned())
                .await?;
        }
    }
    Ok(())
}

/// The learners to promote now: the most that make the number of voters odd.
fn promotable(status: &Status, keeping_up: &BTreeMap<u64, Instant>, stable: Duration) -> BTreeSet<u64> {
    let voters = status.members.values().filter(|member| member.voter).count();
    let mut ready: Vec<u64> = status
        .members
        .iter()
        .filter(|(_, member)| !member.voter)
        .filter(|(id, _)| keeping_up.get(id).is_some_and(|since| since.elapsed() >= stable))
        .map(|(id, _)| *id)
        .collect();
    if (voters + ready.len()).is_multiple_of(2) {
        ready.pop();
    }
    ready.into_iter().collect()
}
