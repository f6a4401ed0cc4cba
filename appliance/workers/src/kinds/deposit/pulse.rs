//! Whether a network still lives: how long its head and its finality stand still.
//!
//! Counted on this process's clock, from when it began to look: a worker that was just started knows of no silence yet.

use std::time::Duration;

use exchequer_domain::Network;
use tokio::time::Instant;

/// After so many times the time that a block takes a network is silent.
const INTERVALS: u32 = 10;
/// But not before so long: networks of a block a second pause for less.
const SILENCE_MIN: Duration = Duration::from_secs(60);

/// How long a network usually takes for a block.
const fn interval(network: Network) -> Duration {
    Duration::from_secs(match network {
        Network::Bitcoin => 600,
        Network::Ethereum => 12,
        Network::Polygon => 2,
        Network::Bsc | Network::Arbitrum => 1,
        Network::Tron => 3,
    })
}

/// After how long without a block a network is silent.
pub(super) fn patience(network: Network) -> Duration {
    (interval(network) * INTERVALS).max(SILENCE_MIN)
}

/// What was seen to move, and when.
#[derive(Debug)]
pub(super) struct Pulse {
    network: Network,
    head: (u64, Instant),
    finalized: (u64, Instant),
    told: bool,
}

impl Pulse {
    pub(super) fn new(network: Network) -> Pulse {
        let now = Instant::now();
        Pulse { network, head: (0, now), finalized: (0, now), told: false }
    }

    /// The endpoints' head and last final block are now here.
    pub(super) fn beat(&mut self, head: u64, finalized: Option<u64>) {
        let now = Instant::now();
        if head > self.head.0 {
            (self.head, self.told) = ((head, now), false);
        }
        // What went backwards is no progress.
        if finalized.is_some_and(|height| height > self.finalized.0) {
            self.finalized = (finalized.unwrap_or(0), now);
        }
    }

    /// The head at which the network fell silent, where the state is to be told.
    pub(super) fn silence(&self) -> Option<u64> {
        let silent = self.head.0 > 0 && self.head.1.elapsed() >= patience(self.network);
        (silent && !self.told).then_some(self.head.0)
    }

    /// The state has been told.
    pub(super) fn told(&mut self) {
        self.told = true;
    }

    /// What people should know; empty where there is nothing.
    pub(super) fn concern(&self) -> String {
        let (head, silence) = (self.head.0, self.head.1.elapsed());
        if head > 0 && silence >= patience(self.network) {
            let seconds = silence.as_secs();
            return format!(
                "no block after {head} for {seconds} s: nothing leaves on this network before the next one"
            );
        }
        let stalled = self.network.finality_patience().is_some_and(|patience| self.finalized.1.elapsed() >= patience);
        if head > 0 && stalled {
            let (height, seconds) = (self.finalized.0, self.finalized.1.elapsed().as_secs());
            return format!("finality stands still at block {height} for {seconds} s: deposits wait for it");
        }
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a network is silent after ten times its interval without a block and not before; the next block ends it; finality
    /// that stands still or goes backwards is told, and no count stands in for it. Method: a clock that is moved.
    #[tokio::test(start_paused = true)]
    async fn silence_and_stalled_finality_are_noticed() {
        let mut pulse = Pulse::new(Network::Ethereum);
        tokio::time::advance(Duration::from_secs(1_000)).await;
        assert_eq!((pulse.silence(), pulse.concern()), (None, String::new()), "it has seen no block yet");
        pulse.beat(100, Some(40));
        tokio::time::advance(Duration::from_secs(119)).await;
        pulse.beat(100, Some(40));
        assert_eq!(pulse.silence(), None);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(pulse.silence(), Some(100));
        assert!(pulse.concern().starts_with("no block after 100"), "{}", pulse.concern());
        pulse.told();
        assert_eq!(pulse.silence(), None, "it is told once");
        pulse.beat(99, Some(40));
        assert!(!pulse.concern().is_empty(), "a head that goes back is no block");
        pulse.beat(101, Some(41));
        assert_eq!((pulse.silence(), pulse.concern()), (None, String::new()));
        for head in 102..280 {
            tokio::time::advance(Duration::from_secs(12)).await;
            pulse.beat(head, Some(if head % 2 == 0 { 41 } else { 30 }));
        }
        assert_eq!(pulse.silence(), None);
        assert!(pulse.concern().starts_with("finality stands still at block 41"), "{}", pulse.concern());
        pulse.beat(280, Some(42));
        assert_eq!(pulse.concern(), String::new());
    }
}
