//! Waiting for something to become true, by asking.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

/// How long to wait before asking again. Short, so that a test is no slower than what it waits for.
const PAUSE: Duration = Duration::from_millis(10);

/// Asks again and again until the answer is good.
pub(crate) async fn until<T>(what: &str, within: Duration, mut ask: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    let begun = Instant::now();
    loop {
        match ask().await {
            Ok(answer) => return Ok(answer),
            Err(not_yet) if begun.elapsed() >= within => {
                return Err(not_yet).with_context(|| format!("waited {} s in vain: {what}", within.as_secs_f32()));
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}
