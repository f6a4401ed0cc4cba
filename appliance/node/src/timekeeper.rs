//! The timekeeper: where nobody sends commands, the leader lets time pass.
//!
//! Replicated time moves with entries of the log. An order's deadline, the end of an auction or of a worker's lease that is
//! due on a quiet cluster would wait for the next command; so the leader proposes an entry without any.

use std::sync::Arc;
use std::time::Duration;

use exchequer_raft::Role;

use crate::house::House;
use crate::server::wall_clock;

/// How late a quiet cluster notices what is due, at most.
const ROUND: Duration = Duration::from_millis(50);
/// How long one proposal is waited for; the next round asks again.
const PATIENCE: Duration = Duration::from_secs(1);

/// Runs for as long as the node does; acts only while it leads.
pub(crate) async fn run(house: Arc<House>) {
    loop {
        tokio::time::sleep(ROUND).await;
        let status = house.node.status();
        if status.role != Role::Leader || status.epoch.is_none() {
            continue;
        }
        let due = house.state(|state| (state.next_due(), state.time()));
        // By the wall clock: entries are stamped with a time that follows it, and one too many does no harm. What a command
        // left to do is due at once, wherever the clock stands.
        if due.is_ok_and(|(due, now)| due.is_some_and(|due| due.0 <= wall_clock().max(now.0)))
            && let Err(error) = house.node.propose(Vec::new(), PATIENCE).await
        {
            tracing::debug!(?error, "time could not be let pass");
        }
    }
}
