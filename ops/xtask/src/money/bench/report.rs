//! Figures, for people and for programs.

use std::time::Duration;

use serde_json::{Value, json};

/// What was measured, in its order.
#[derive(Debug, Default)]
pub(super) struct Report {
    rows: Vec<(String, Figure)>,
}

/// One figure.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Figure {
    /// A count.
    Count(u64),
    /// A time.
    Time(Duration),
    /// So many a second, in tenths.
    Rate(u64),
    /// Anything else.
    Text(String),
}

impl From<Duration> for Figure {
    fn from(time: Duration) -> Figure {
        Figure::Time(time)
    }
}

impl From<usize> for Figure {
    fn from(count: usize) -> Figure {
        Figure::Count(count as u64)
    }
}

impl From<String> for Figure {
    fn from(text: String) -> Figure {
        Figure::Text(text)
    }
}

/// How many a second these were.
pub(super) fn rate(count: usize, time: Duration) -> Figure {
    let tenths = (count as u128 * 10_000_000).checked_div(time.as_micros()).unwrap_or(0);
    Figure::Rate(u64::try_from(tenths).unwrap_or(u64::MAX))
}

impl Report {
    /// Adds one.
    pub(super) fn say(&mut self, what: impl Into<String>, figure: impl Into<Figure>) {
        self.rows.push((what.into(), figure.into()));
    }

    /// Adds what is usually told of many times.
    pub(super) fn say_times(&mut self, what: &str, times: &[Duration]) {
        let mut sorted = times.to_vec();
        sorted.sort_unstable();
        for (name, of_ten_thousand) in
            [("p50", 5_000), ("p95", 9_500), ("p99", 9_900), ("p99.95", 9_995), ("max", 10_000)]
        {
            self.say(format!("{what}, {name}"), percentile(&sorted, of_ten_thousand));
        }
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let width = self.rows.iter().map(|(what, _)| what.len()).max().unwrap_or(0);
        let row = |(what, figure): &(String, Figure)| {
            let figure = match figure {
                Figure::Count(count) => count.to_string(),
                Figure::Time(time) => format!("{}.{:03} ms", time.as_micros() / 1_000, time.as_micros() % 1_000),
                Figure::Rate(tenths) => format!("{}.{}/s", tenths / 10, tenths % 10),
                Figure::Text(text) => text.clone(),
            };
            format!("  {what:width$}  {figure}")
        };
        self.rows.iter().map(row).collect::<Vec<_>>().join("\n")
    }

    /// For programs: times in microseconds, rates in tenths a second.
    pub(super) fn json(&self) -> String {
        let row = |(what, figure): &(String, Figure)| match figure {
            Figure::Count(count) => json!({"what": what, "count": count}),
            Figure::Time(time) => json!({"what": what, "us": u64::try_from(time.as_micros()).unwrap_or(u64::MAX)}),
            Figure::Rate(tenths) => json!({"what": what, "tenths_per_s": tenths}),
            Figure::Text(text) => json!({"what": what, "text": text}),
        };
        Value::Array(self.rows.iter().map(row).collect()).to_string()
    }
}

/// The least time that so many of ten thousand do not exceed; nothing of none.
pub(super) fn percentile(sorted: &[Duration], of_ten_thousand: usize) -> Duration {
    let rank = (sorted.len() * of_ten_thousand).div_ceil(10_000).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a percentile is the time that so many do not exceed, never one between two. Method: small lists, and twenty thousand, of
    /// which ten are slow: the 99.95th percentile is the last of the fast ones.
    #[test]
    fn percentiles() {
        let of = |times: &[u64]| times.iter().map(|ms| Duration::from_millis(*ms)).collect::<Vec<_>>();
        let ms = Duration::from_millis;
        assert_eq!(percentile(&[], 5_000), Duration::ZERO);
        assert_eq!(percentile(&of(&[7]), 9_995), ms(7));
        assert_eq!(percentile(&of(&[1, 2, 3]), 5_000), ms(2));
        assert_eq!((percentile(&of(&[1, 2, 3, 4]), 5_000), percentile(&of(&[1, 2, 3, 4]), 10_000)), (ms(2), ms(4)));
        let many = [vec![ms(1); 19_990], vec![ms(900); 10]].concat();
        assert_eq!(percentile(&many, 9_995), ms(1));
        let many = [vec![ms(1); 19_989], vec![ms(900); 11]].concat();
        assert_eq!(percentile(&many, 9_995), ms(900));
    }

    /// Goal: rates and texts are what was measured.
    #[test]
    fn figures_are_told() {
        let mut report = Report::default();
        report.say("paid", rate(10_000, Duration::from_secs(80)));
        report.say("slowest", Duration::from_micros(1_234_567));
        report.say("withdrawals", 3);
        assert_eq!(report.text(), "  paid         125.0/s\n  slowest      1234.567 ms\n  withdrawals  3");
        assert_eq!(rate(1, Duration::ZERO), Figure::Rate(0));
        assert!(report.json().contains(r#""us":1234567"#), "{}", report.json());
    }
}
