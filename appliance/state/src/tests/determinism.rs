//! The same log gives the same outcomes, changes and rows, however the node that applies it was stopped and started.

use exchequer_domain::NodeId;
use exchequer_ledger as ledger;
use proptest::collection::vec;
use proptest::prelude::*;

use super::generate::{self, Step};
use super::world::{START, World};
use crate::testing::MemoryRows;
use crate::{Actor, Applied, At, Command, Family, Input, State};

/// An entry as the log holds it.
struct Entry {
    at: At,
    activate: Option<NodeId>,
    commands: Vec<Vec<u8>>,
}

/// The bytes that a random log would have, behind the entries of [`World::with_accounts`].
fn encode(steps: Vec<(std::time::Duration, Step)>) -> Vec<Entry> {
    let (mut now, mut epoch) = (START, None);
    let mut entries = Vec::new();
    for (number, (pause, step)) in steps.into_iter().enumerate() {
        now = now.plus(pause);
        let at = At { index: number as u64 + 4, term: 1, time: now };
        let (activate, commands) = match step {
            Step::Activate { node } => {
                epoch = Some(at.index);
                (Some(NodeId(node)), Vec::new())
            }
            Step::Commands(commands) => {
                let by_the_leader = |command| match command {
                    Command { ref body, .. } if body.is_leaders_work() => {
                        Command { actor: Actor::Node(NodeId(1)), epoch, ..command }
                    }
                    Command { actor: Actor::Worker(_), .. } => Command { epoch, ..command },
                    command => command,
                };
                (None, commands.into_iter().map(|command| by_the_leader(command).encode()).collect())
            }
        };
        entries.push(Entry { at, activate, commands });
    }
    entries
}

fn apply(state: &mut State, rows: &mut MemoryRows, at: At, activate: Option<NodeId>, commands: &[Vec<u8>]) -> Applied {
    let bytes: Vec<&[u8]> = commands.iter().map(Vec::as_slice).collect();
    let input = match activate {
        Some(node) => Input::Activate { node, boot: [0; 16] },
        None => Input::Commands(&bytes),
    };
    let applied = state.apply(at, input, rows).unwrap();
    rows.apply_changes(&applied.changes);
    applied
}

/// Every row but those that tell how the journal is cut into blocks: the blocks, and the head with the hash of the last.
fn without_blocks(rows: &MemoryRows) -> Vec<(Family, Vec<u8>, Vec<u8>)> {
    let cut = [ledger::Table::Journal as u8, ledger::Table::Head as u8];
    let rest = rows.iter().filter(|(_, key, _)| !cut.contains(&key[0]));
    rest.map(|(family, key, value)| (family, key.to_vec(), value.to_vec())).collect()
}

fn postings(rows: &MemoryRows) -> Vec<ledger::query::Posted> {
    State::load(rows).unwrap().posting_feed(rows, 1, usize::MAX).unwrap()
}

/// The whole log in one life of a node.
fn straight(entries: &[Entry]) -> (Vec<Applied>, MemoryRows) {
    let World { mut state, mut rows, .. } = World::with_accounts();
    let applied = entries
        .iter()
        .map(|Entry { at, activate, commands }| apply(&mut state, &mut rows, *at, *activate, commands))
        .collect();
    (applied, rows)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Goal: a restart changes nothing. Method: the same log applied straight, and with the state loaded anew from its
    /// rows before random entries; outcomes, changes, events and rows are equal.
    #[test]
    fn restarts_change_nothing(steps in generate::whole_log(), restarts in vec(any::<bool>(), 40)) {
        let entries = encode(steps);
        let (expected, expected_rows) = straight(&entries);
        let World { mut state, mut rows, .. } = World::with_accounts();
        for ((entry, expected), restart) in entries.iter().zip(expected).zip(restarts) {
            if restart {
                state = State::load(&rows).unwrap();
            }
            let applied = apply(&mut state, &mut rows, entry.at, entry.activate, &entry.commands);
            prop_assert_eq!(applied, expected);
        }
        prop_assert_eq!(rows, expected_rows);
    }

    /// Goal: a command sees the earlier ones of its entry just as it sees those of earlier entries. Method: entries cut
    /// into pieces at random, each piece applied under the place of the whole, so that nothing but the cut differs;
    /// outcomes, events and rows are equal; the journal, whose blocks are of one entry each, holds the same postings.
    #[test]
    fn cuts_change_nothing(steps in generate::whole_log(), cuts in vec(0_usize..6, 40)) {
        let entries = encode(steps);
        let (expected, expected_rows) = straight(&entries);
        let World { mut state, mut rows, .. } = World::with_accounts();
        for ((entry, expected), cut) in entries.iter().zip(expected).zip(cuts) {
            let (left, right) = entry.commands.split_at(cut.min(entry.commands.len()));
            let mut applied = apply(&mut state, &mut rows, entry.at, entry.activate, left);
            if !right.is_empty() {
                let rest = apply(&mut state, &mut rows, entry.at, None, right);
                applied.outcomes.extend(rest.outcomes);
                applied.events.extend(rest.events);
            }
            prop_assert_eq!(applied.outcomes, expected.outcomes);
            prop_assert_eq!(applied.events, expected.events);
        }
        prop_assert_eq!(without_blocks(&rows), without_blocks(&expected_rows));
        prop_assert_eq!(postings(&rows), postings(&expected_rows));
    }
}
