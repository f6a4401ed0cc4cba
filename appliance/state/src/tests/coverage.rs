//! What the random logs of money come to: a model that is never asked proves nothing.

use std::collections::BTreeMap;
use std::fmt::Debug;

use exchequer_ledger as ledger;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use super::generate::{self, Step};
use super::world::World;
use crate::{Done, Input, Outcome, Rejection};

const EXPECTED: [&str; 48] = [
    "AccountExists",
    "AccountExistsDifferent",
    "AccountOpened",
    "Accounts",
    "AlreadyReverted",
    "AssetCreated",
    "AssetExists",
    "AssetUnknown",
    "Bulk",
    "BulkEmpty",
    "BulkFailed",
    "CommandIdReused",
    "Exists",
    "ExistsDifferent",
    "IdBurnt",
    "IdInvalid",
    "Invalid",
    "LegsMissing",
    "NoteMissing",
    "Posted",
    "ReasonMissing",
    "ReasonReserved",
    "RevertImpossible",
    "RevertUnknown",
    "Transfer",
    "Transfers",
    "UserCreated",
    "UserFrozen",
    "UserUnknown",
    "UserUpdated",
    "UsersCreated",
    "leg AmountZero",
    "leg AssetsDiffer",
    "leg CreditAccountUnknown",
    "leg CreditExceedsBalance",
    "leg DebitAccountUnknown",
    "leg DebitExceedsBalance",
    "leg ExpiryPassed",
    "leg SameAccount",
    "posting Expire",
    "posting Hold",
    "posting Post",
    "posting Revert",
    "users AlreadyReverted",
    "users DebitExceedsBalance",
    "users Exists",
    "users IdBurnt",
    "users Posted",
];

#[derive(Debug, Default)]
struct Seen(BTreeMap<String, u32>);

impl Seen {
    /// Counts a variant by its name.
    fn count(&mut self, prefix: &str, variant: impl Debug) {
        let text = format!("{variant:?}");
        let name = text.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        *self.0.entry(format!("{prefix}{name}")).or_default() += 1;
    }

    fn outcome(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Done(done) => {
                self.count("", done);
                match done {
                    Done::Accounts(outcomes) | Done::Transfers(outcomes) => {
                        outcomes.iter().for_each(|outcome| self.inner(outcome));
                    }
                    Done::Transfer(done) => self.count("users ", done),
                    _ => {}
                }
            }
            Outcome::Rejected(Rejection::Ledger(rejection)) => {
                match rejection {
                    ledger::Rejection::Leg { fault, .. } => self.count("users ", fault),
                    other => self.count("users ", other),
                }
                self.inner(&ledger::Outcome::Rejected(*rejection));
            }
            Outcome::Rejected(rejection) => self.count("", rejection),
        }
    }

    fn inner(&mut self, outcome: &ledger::Outcome) {
        match outcome {
            ledger::Outcome::Rejected(ledger::Rejection::Leg { fault, .. }) => self.count("leg ", fault),
            ledger::Outcome::Rejected(rejection) => self.count("", rejection),
            ledger::Outcome::Done(done) => self.count("", done),
        }
    }
}

/// Goal: the random logs reach every outcome of money that a short log can reach, and every kind of posting but those of
/// captures, often enough that the model judges each. Method: 1,000 logs from a fixed seed, counted; the counts are printed.
#[test]
fn random_logs_reach_every_outcome() {
    let (mut runner, mut seen) = (TestRunner::deterministic(), Seen::default());
    for _ in 0..1_000 {
        let mut world = World::with_accounts();
        for (pause, step) in generate::log().new_tree(&mut runner).unwrap().current() {
            world.now = world.now.plus(pause);
            match step {
                Step::Activate { node } => {
                    let node = exchequer_domain::NodeId(node);
                    world.apply(Input::Activate { node, boot: [0; 16] }).unwrap();
                }
                Step::Commands(commands) => world.entry(&commands).iter().for_each(|outcome| seen.outcome(outcome)),
            }
        }
        let feed = world.state.posting_feed(&world.rows, 1, usize::MAX).unwrap();
        feed.iter().for_each(|posted| seen.count("posting ", posted.posting.kind));
    }
    println!("{seen:#?}");
    let rare = EXPECTED.iter().filter(|name| seen.0.get(**name).is_none_or(|count| *count < 10));
    assert_eq!(rare.collect::<Vec<_>>(), Vec::<&&str>::new());
}
