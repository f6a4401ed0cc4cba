//! What can go wrong between a client and a node, on purpose.
//!
//! Rules say which fault, at which method, how often and how many times. Those with a chance follow from a seed, so that
//! a run can be repeated. A fault that speaks of one call is drawn for every call of a batch; one that speaks of the whole
//! answer hits the whole batch when any of its calls draws it.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::dice::Dice;

/// One way in which an answer can be wrong, late, or missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Fault {
    /// A transaction that is in a block has no receipt yet: a replica that lags.
    NullReceipt,
    /// A transaction that the node knows is unknown.
    UnknownTransaction,
    /// A block that exists is not there.
    MissingBlock,
    /// The head is up to `blocks` blocks behind, drawn for each request: one address, several nodes behind it.
    HeadBack {
        /// At most so many.
        blocks: u64,
    },
    /// The node does not get beyond this height.
    StuckAt {
        /// The last block that it shows.
        height: u64,
    },
    /// From this height on the node shows another chain: same heights, other hashes, no transactions.
    MinorityFork {
        /// The first block that differs.
        from: u64,
        /// Whether it shows what all others show once its first block would be final: a node that has called two blocks of one height
        /// final is another node than it was.
        #[serde(default)]
        until_final: bool,
    },
    /// One reply of a batch comes twice.
    DuplicateReply,
    /// The replies of a batch come in another order.
    ReorderReplies,
    /// A reply bears an id that was not asked.
    WrongId,
    /// One reply of a batch is not there.
    LostFromBatch,
    /// The body ends in its middle, as if that were all.
    Truncated,
    /// The connection breaks in the middle of the body.
    BrokenOff,
    /// A page of a proxy, with status 200.
    Html,
    /// The request is done, and the connection closed without an answer.
    DropReply,
    /// The request is done, and an answer never comes.
    Hang,
    /// The connection is closed before the request is looked at.
    Refuse,
    /// A transaction is said to be accepted, and forgotten.
    Swallow,
    /// Status 429, or what the network's nodes say instead.
    TooManyRequests {
        /// In seconds.
        retry_after_s: u32,
    },
    /// Status 413.
    TooLarge,
    /// Status 502.
    BadGateway,
    /// The state at that block is not kept any more.
    PrunedState,
    /// An error of the node.
    Error {
        /// The code of JSON-RPC; without a meaning at TRON.
        code: i64,
        /// What it says.
        message: String,
    },
    /// The answer is late.
    Delay {
        /// In milliseconds.
        ms: u64,
    },
}

impl Fault {
    /// Its name, as rules and counts say it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Fault::NullReceipt => "null_receipt",
            Fault::UnknownTransaction => "unknown_transaction",
            Fault::MissingBlock => "missing_block",
            Fault::HeadBack { .. } => "head_back",
            Fault::StuckAt { .. } => "stuck_at",
            Fault::MinorityFork { .. } => "minority_fork",
            Fault::DuplicateReply => "duplicate_reply",
            Fault::ReorderReplies => "reorder_replies",
            Fault::WrongId => "wrong_id",
            Fault::LostFromBatch => "lost_from_batch",
            Fault::Truncated => "truncated",
            Fault::BrokenOff => "broken_off",
            Fault::Html => "html",
            Fault::DropReply => "drop_reply",
            Fault::Hang => "hang",
            Fault::Refuse => "refuse",
            Fault::Swallow => "swallow",
            Fault::TooManyRequests { .. } => "too_many_requests",
            Fault::TooLarge => "too_large",
            Fault::BadGateway => "bad_gateway",
            Fault::PrunedState => "pruned_state",
            Fault::Error { .. } => "error",
            Fault::Delay { .. } => "delay",
        }
    }
}

/// When a fault happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// What happens.
    #[serde(flatten)]
    pub fault: Fault,
    /// Only at this method (TRON: the last part of the path); everywhere where it is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// How often, of 1000.
    #[serde(default = "always")]
    pub per_mille: u32,
    /// How many times in all; without end where it is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
}

fn always() -> u32 {
    1_000
}

impl From<Fault> for Rule {
    fn from(fault: Fault) -> Rule {
        Rule { fault, method: None, per_mille: always(), times: None }
    }
}

impl Rule {
    /// Only at one method.
    #[must_use]
    pub fn at(mut self, method: &str) -> Rule {
        self.method = Some(method.to_owned());
        self
    }

    /// So often, of 1000.
    #[must_use]
    pub fn per_mille(mut self, per_mille: u32) -> Rule {
        self.per_mille = per_mille;
        self
    }

    /// So many times in all.
    #[must_use]
    pub fn times(mut self, times: u32) -> Rule {
        self.times = Some(times);
        self
    }
}

/// The rules in force at one endpoint. Clones are the same rules.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug)]
struct Inner {
    rules: Vec<Rule>,
    dice: Dice,
    fired: BTreeMap<String, u64>,
}

impl Default for Inner {
    fn default() -> Inner {
        Inner { rules: Vec::new(), dice: Dice::new(0), fired: BTreeMap::new() }
    }
}

impl Faults {
    /// Adds a rule.
    pub fn add(&self, rule: impl Into<Rule>) {
        self.inner.lock().rules.push(rule.into());
    }

    /// Takes all rules away; the counts stay.
    pub fn clear(&self) {
        self.inner.lock().rules.clear();
    }

    /// Takes the rules of one fault away, whatever method they are for; other rules and the counts stay.
    pub fn lift(&self, fault: &Fault) {
        self.inner.lock().rules.retain(|rule| rule.fault != *fault);
    }

    /// From here on chance follows from this seed.
    pub fn seed(&self, seed: u64) {
        self.inner.lock().dice = Dice::new(seed);
    }

    /// How many times each fault was drawn, by name.
    #[must_use]
    pub fn fired(&self) -> BTreeMap<String, u64> {
        self.inner.lock().fired.clone()
    }

    /// The rules in force.
    #[must_use]
    pub fn rules(&self) -> Vec<Rule> {
        self.inner.lock().rules.clone()
    }

    /// What happens to one call of `method`.
    pub(crate) fn draw(&self, method: &str) -> Vec<Fault> {
        let mut guard = self.inner.lock();
        let Inner { rules, dice, fired } = &mut *guard;
        let mut drawn = Vec::new();
        for rule in rules.iter_mut() {
            let here = rule.method.as_deref().is_none_or(|named| named == method);
            if !here || rule.times == Some(0) || !dice.happens(rule.per_mille) {
                continue;
            }
            rule.times = rule.times.map(|left| left.saturating_sub(1));
            *fired.entry(rule.fault.name().to_owned()).or_default() += 1;
            drawn.push(rule.fault.clone());
        }
        rules.retain(|rule| rule.times != Some(0));
        drawn
    }

    /// A number below `bound`, out of the same seed.
    pub(crate) fn below(&self, bound: u64) -> u64 {
        self.inner.lock().dice.below(bound)
    }

    /// Another order, out of the same seed.
    pub(crate) fn shuffle<T>(&self, things: &mut [T]) {
        self.inner.lock().dice.shuffle(things);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a run with chance can be repeated. Method: two sets of the same rules and seed draw the same; another seed
    /// draws otherwise.
    #[test]
    fn the_same_seed_draws_the_same() {
        let draws = |seed| {
            let faults = Faults::default();
            faults.seed(seed);
            faults.add(Rule::from(Fault::NullReceipt).per_mille(500));
            faults.add(Rule::from(Fault::Html).per_mille(100));
            (0..200).map(|_| faults.draw("eth_getTransactionReceipt")).collect::<Vec<_>>()
        };
        assert_eq!(draws(7), draws(7));
        assert_ne!(draws(7), draws(8));
    }

    /// Goal: a rule hits its method only, and no more often than it says. Method: counted draws.
    #[test]
    fn a_rule_ends_and_is_for_its_method() {
        let faults = Faults::default();
        faults.add(Rule::from(Fault::DropReply).at("eth_sendRawTransaction").times(2));
        assert_eq!(faults.draw("eth_call"), []);
        let drawn = (0..5).flat_map(|_| faults.draw("eth_sendRawTransaction")).count();
        assert_eq!(drawn, 2);
        assert_eq!(faults.fired().get("drop_reply"), Some(&2));
        assert_eq!(faults.rules(), []);
    }

    /// Goal: what ends an outage leaves other rules in force. Method: two faults, one of them lifted.
    #[test]
    fn one_fault_is_lifted() {
        let faults = Faults::default();
        faults.add(Fault::Refuse);
        faults.add(Rule::from(Fault::DropReply).times(1));
        faults.lift(&Fault::Refuse);
        assert_eq!(faults.draw("eth_call"), [Fault::DropReply]);
    }

    /// Goal: rules come over HTTP as JSON. Method: one of each shape.
    #[test]
    fn rules_are_json() {
        let text = r#"[{"fault":"html"},{"fault":"stuck_at","height":7,"per_mille":10,"times":3,"method":"eth_call"}]"#;
        let rules: Vec<Rule> = serde_json::from_str(text).unwrap();
        let stuck = Rule::from(Fault::StuckAt { height: 7 }).per_mille(10).times(3).at("eth_call");
        assert_eq!(rules, [Rule::from(Fault::Html), stuck]);
    }
}
