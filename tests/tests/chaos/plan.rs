//! What a run is told.

use std::env;
use std::time::Duration;

use anyhow::{Context as _, Result};

const SECONDS: &str = "EXCHEQUER_CHAOS_SECONDS";
const SEED: &str = "EXCHEQUER_CHAOS_SEED";
const FAULTS: &str = "EXCHEQUER_CHAOS_FAULTS";
const SECONDS_DEFAULT: u64 = 120;
/// From this time on a kind that came only once or twice is not enough.
const LONG: Duration = Duration::from_secs(1_500);
const LEAST_OF_LONG: usize = 5;

/// A run.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) time: Duration,
    pub(crate) seed: u64,
    /// The kinds that are asked for; all where it is empty.
    pub(crate) kinds: Vec<String>,
    /// How often each kind must be seen.
    pub(crate) least: usize,
}

impl Plan {
    /// As the environment says.
    ///
    /// # Errors
    /// When a variable is no number.
    pub(crate) fn from_environment() -> Result<Plan> {
        let number = |name: &str| {
            let text = env::var(name).ok();
            text.map(|text| text.parse::<u64>().with_context(|| format!("{name}={text}"))).transpose()
        };
        let time = Duration::from_secs(number(SECONDS)?.unwrap_or(SECONDS_DEFAULT));
        let seed = number(SEED)?.unwrap_or_else(rand::random);
        let kinds = env::var(FAULTS).unwrap_or_default();
        let kinds = kinds.split(',').filter(|kind| !kind.is_empty()).map(str::to_owned).collect();
        let least = if time >= LONG { LEAST_OF_LONG } else { 1 };
        Ok(Plan { time, seed, kinds, least })
    }
}
