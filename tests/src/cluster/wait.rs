//! Waiting for something to become true.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

/// How long to wait before asking again. Short, so that a test is no slower than what it waits for.
const PAUSE: Duration = Duration::from_millis(20);

/// A moment after which waiting is over.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    started: Instant,
    within: Duration,
}

impl Deadline {
    /// From now on.
    #[must_use]
    pub fn within(within: Duration) -> Deadline {
        Deadline { started: Instant::now(), within }
    }

    /// Whether the moment has passed.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.started.elapsed() >= self.within
    }

    /// What is left.
    #[must_use]
    pub fn left(&self) -> Duration {
        self.within.saturating_sub(self.started.elapsed())
    }

    /// How long it has been running.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Waits a moment before asking again.
    pub async fn pause(&self) {
        tokio::time::sleep(PAUSE.min(self.left())).await;
    }
}

/// Asks again and again until the answer is good. `what` says what is waited for; a bad answer says why not yet.
///
/// # Errors
/// When `within` has passed: what was waited for, for how long, and the last answer.
pub async fn until<T>(what: &str, within: Duration, mut ask: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    let deadline = Deadline::within(within);
    loop {
        match ask().await {
            Ok(answer) => return Ok(answer),
            Err(not_yet) if deadline.passed() => {
                return Err(not_yet).with_context(|| format!("waited {} s in vain: {what}", within.as_secs_f32()));
            }
            Err(_) => deadline.pause().await,
        }
    }
}
