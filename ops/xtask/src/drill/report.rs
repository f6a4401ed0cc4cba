//! The measured facts of a drill and its verdict.

use std::fmt::Display;

/// What was measured, and whether it is as promised.
#[derive(Debug, Default)]
pub(crate) struct Report {
    facts: Vec<Fact>,
}

#[derive(Debug)]
struct Fact {
    what: String,
    measured: String,
    holds: bool,
}

impl Report {
    /// Adds a fact.
    pub(crate) fn fact(&mut self, what: impl Into<String>, measured: impl Display, holds: bool) {
        self.facts.push(Fact { what: what.into(), measured: measured.to_string(), holds });
    }

    /// Whether something was measured and all of it is as promised.
    pub(crate) fn has_passed(&self) -> bool {
        !self.facts.is_empty() && self.facts.iter().all(|fact| fact.holds)
    }

    /// Facts and verdict for the transcript.
    pub(crate) fn told(&self) -> String {
        let mut text = "facts:\n".to_owned();
        for fact in &self.facts {
            text += &format!("  {:4} {}: {}\n", if fact.holds { "ok" } else { "FAIL" }, fact.what, fact.measured);
        }
        text + "verdict: " + if self.has_passed() { "PASS" } else { "FAIL" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: one broken promise fails the drill, and so does measuring nothing.
    #[test]
    fn one_broken_promise_fails() {
        let mut report = Report::default();
        assert!(!report.has_passed());
        report.fact("writes lost", 0, true);
        assert!(report.has_passed() && report.told().ends_with("verdict: PASS"));
        report.fact("gap", "9 s", false);
        assert!(!report.has_passed() && report.told().contains("FAIL gap: 9 s"));
    }
}
