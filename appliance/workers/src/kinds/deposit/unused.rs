//! Which of a network's endpoints cannot be used, and since when.
//!
//! One that is away costs nothing as long as the others are a quorum, and is missed when the next one goes.

use std::collections::BTreeMap;
use std::time::Duration;

use exchequer_chains::node::Seat;
use exchequer_chains::rpc::Quarantine;
use tokio::time::Instant;

/// After so long people are told: whoever was restarted, or asked too much, is back by then.
const PATIENCE: Duration = Duration::from_secs(60);

/// Endpoints that are passed over.
#[derive(Debug, Default)]
pub(super) struct Unused {
    since: BTreeMap<String, (Instant, Option<Quarantine>)>,
}

impl Unused {
    /// How the endpoints stand now.
    pub(super) fn look(&mut self, seats: &[Seat]) {
        let now = Instant::now();
        let unused = |seat: &&Seat| seat.score == 0;
        self.since.retain(|name, _| seats.iter().filter(unused).any(|seat| seat.endpoint == *name));
        for seat in seats.iter().filter(unused) {
            self.since.entry(seat.endpoint.clone()).or_insert((now, None)).1 = seat.quarantine;
        }
    }

    /// What people should know; empty where there is nothing.
    pub(super) fn concern(&self) -> String {
        let long =
            self.since.iter().filter(|(_, (since, quarantine))| quarantine.is_some() || since.elapsed() >= PATIENCE);
        let told = long.map(|(name, (since, quarantine))| match quarantine {
            Some(why) => format!("{name} is not used before this worker is started again: {why}"),
            None => format!(
                "{name} is not used for {} s: it does not answer, is behind, or contradicts the others",
                since.elapsed().as_secs()
            ),
        });
        told.collect::<Vec<_>>().join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: an endpoint that cannot be used is named after a minute and not before, one in quarantine at once; one that is back is
    /// forgotten. Method: a clock that is moved.
    #[tokio::test(start_paused = true)]
    async fn endpoints_that_are_away_are_named() {
        let seat = |name: &str, score, quarantine| Seat {
            endpoint: name.to_owned(),
            score,
            head: Some(1),
            finalized: None,
            quarantine,
        };
        let mut unused = Unused::default();
        unused.look(&[seat("one", 0, None), seat("two", 90, None)]);
        tokio::time::advance(PATIENCE - Duration::from_secs(1)).await;
        unused.look(&[seat("one", 0, None), seat("two", 0, None)]);
        assert_eq!(unused.concern(), "");
        tokio::time::advance(Duration::from_secs(1)).await;
        unused.look(&[seat("one", 0, None), seat("two", 0, None)]);
        assert!(unused.concern().starts_with("one is not used for 60 s"), "{}", unused.concern());
        assert!(!unused.concern().contains("two"));
        unused.look(&[seat("one", 50, None), seat("two", 0, Some(Quarantine::OtherNetwork))]);
        let away = "two is not used before this worker is started again: it is a node of another network";
        assert_eq!(unused.concern(), away);
        unused.look(&[seat("one", 50, None), seat("two", 1, None)]);
        assert_eq!(unused.concern(), "");
    }
}
