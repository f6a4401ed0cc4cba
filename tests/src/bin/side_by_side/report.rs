//! Medians, and how they are shown.

use std::fmt::Write as _;

use exchequer_tests::load::{CpuTime, Measured};
use serde::Serialize;

use super::rounds::Compared;

/// The median; nothing where there is nothing.
pub(crate) fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = figures.collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (sorted.get(middle), sorted.len() % 2) {
        (Some(high), 0) => (high + sorted.get(middle - 1).unwrap_or(high)) / 2.0,
        (Some(high), _) => *high,
        (None, _) => f64::NAN,
    }
}

/// The largest.
pub(crate) fn worst(figures: &[f64]) -> f64 {
    figures.iter().copied().fold(f64::NAN, f64::max)
}

/// How many processes wanted a processor in the last minute, on average.
pub(crate) fn load_average() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(f64::NAN)
}

/// Medians of one store's rounds.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figure {
    pub(crate) writes_per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// The part of one processor that the client used.
    pub(crate) client_cpu: f64,
    /// The same of all three servers together.
    pub(crate) server_cpu: f64,
    /// Requests that failed or are unknown, of all rounds.
    pub(crate) failed: u64,
}

impl Figure {
    pub(crate) fn of(rounds: &[Measured]) -> Figure {
        let seconds = |one: &Measured| one.measured_us.max(1) as f64 / 1e6;
        let servers = |one: &Measured| one.server_cpu.iter().copied().map(CpuTime::total_s).sum::<f64>();
        Figure {
            writes_per_second: median(rounds.iter().map(Measured::writes_per_second)),
            p50_ms: median(rounds.iter().map(|one| one.latency.p50_us as f64 / 1e3)),
            p99_ms: median(rounds.iter().map(|one| one.latency.p99_us as f64 / 1e3)),
            client_cpu: median(rounds.iter().map(|one| one.client_cpu.total_s() / seconds(one))),
            server_cpu: median(rounds.iter().map(|one| servers(one) / seconds(one))),
            failed: rounds.iter().map(|one| one.refused + one.unknown).sum(),
        }
    }
}

/// The rounds as a table.
pub(crate) fn rounds(compared: &[Compared]) -> String {
    let mut text = String::new();
    let heads = ["load", "store", "writes/s", "p50 ms", "p99 ms", "client CPU", "server CPU", "failed", "ratio", "aim"];
    let line = |words: [String; 10]| {
        let [load, store, rest @ ..] = words;
        let rest: Vec<String> = rest.iter().map(|word| format!("{word:>10}")).collect();
        format!("{load:<24} {store:<10}{}\n", rest.concat())
    };
    text.push_str(&line(heads.map(str::to_owned)));
    for one in compared {
        for (store, figure) in [("exchequer", &one.ours), ("etcd", &one.etcd)] {
            let ours = store == "exchequer";
            text.push_str(&line([
                if ours { one.shape.name.clone() } else { String::new() },
                store.to_owned(),
                format!("{:.0}", figure.writes_per_second),
                format!("{:.1}", figure.p50_ms),
                format!("{:.1}", figure.p99_ms),
                format!("{:.2}", figure.client_cpu),
                format!("{:.2}", figure.server_cpu),
                figure.failed.to_string(),
                if ours { format!("{:.1}x", one.ratio) } else { String::new() },
                if ours { format!("{:.0}x", one.shape.target) } else { String::new() },
            ]));
        }
    }
    text
}

/// A list of times with what is aimed at.
pub(crate) fn times(name: &str, seconds: &[f64], aim: &str) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "{name:<44} median {:>7.3} s  worst {:>7.3} s  of {:>2}",
        median(seconds.iter().copied()),
        worst(seconds),
        seconds.len()
    );
    if !aim.is_empty() {
        let _ = write!(text, "  aim {aim}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: medians of even, odd and empty lists are what they should be.
    #[test]
    fn medians() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()), 2.5);
        assert!(median(std::iter::empty()).is_nan());
        assert_eq!(worst(&[1.0, 3.0, 2.0]), 3.0);
    }
}
