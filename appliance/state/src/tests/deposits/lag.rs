//! People are told of networks whose blocks are not scanned as they come, or do not become final.

use exchequer_domain::{Network, Timestamp};

use super::super::world::{SECOND, configure};
use super::Till;
use super::rules::{BSC, BTC};
use crate::attention::{Concern, Matter, Subject};
use crate::event::Severity;
use crate::networks::NetworkState;
use crate::planted::{self, Bug};
use crate::settings::Value;
use crate::state::State;
use crate::tests::world::set;
use crate::{Body, CommitBlocks, EventKind, NotePending, Rejection};

const MINUTE: u64 = 60 * SECOND;

/// What was told of a concern since: of which network, and whether it ended.
fn told_of(till: &Till, wanted: Concern, from: usize) -> Vec<(Network, bool)> {
    let of = |kind: EventKind| match kind {
        EventKind::AttentionNeeded { concern, network, severity, .. } if concern == wanted => {
            assert_eq!(severity, Severity::P1);
            Some((network, false))
        }
        EventKind::AttentionEnded { concern, network, .. } if concern == wanted => Some((network, true)),
        _ => None,
    };
    till.world.events().into_iter().skip(from).filter_map(of).collect()
}

/// What was told of scans since.
fn told(till: &Till, from: usize) -> Vec<(Network, bool)> {
    told_of(till, Concern::ScanLags, from)
}

/// Time passes, and an entry without commands shows it.
fn pass(till: &mut Till, us: u64) {
    till.world.now = Timestamp(till.world.now.0 + us);
    let _ = till.world.entry(&[]);
}

fn at_head(till: &mut Till, network: Network) -> Result<crate::Done, Rejection> {
    till.scan(
        network,
        Body::NotePending(Box::new(NotePending { network, sightings: vec![], replaced: vec![], heights: None })),
    )
}

/// Goal: people are told once when a network's scan is behind its nodes for longer than it may be, whether its worker is slow or says
/// nothing, and once when it has caught up; not where no block comes, nor of networks that are closed; by its own bound where it has
/// one; time looks by itself, and never at once again. Method: each of them, with time around the bound.
#[test]
fn a_scan_that_lags_is_told_once_and_its_end_is() {
    let mut till = Till::new();
    till.commit(BTC, 0, vec![vec![]]);
    let matter = |network| Matter { concern: Concern::ScanLags, network, subject: Subject::Scan };
    let began = till.world.now;
    pass(&mut till, 9 * MINUTE);
    at_head(&mut till, BTC).unwrap();
    pass(&mut till, 10 * MINUTE);
    assert_eq!(told(&till, 0), [], "no block came, and its worker said so");
    let due = till.world.state.next_due().unwrap();
    assert!(due > till.world.now && due.0 <= till.world.now.0 + 2 * MINUTE, "{due}");
    pass(&mut till, 2 * MINUTE);
    assert_eq!(told(&till, 0), [(BTC, false)], "it says nothing");
    let since = till.world.state.matters()[&matter(BTC)].since;
    assert!(since.0.abs_diff(began.0 + 9 * MINUTE) < SECOND, "{since}");
    // What does not reach its nodes is behind, however much of it comes.
    let behind =
        |till: &Till, by| CommitBlocks { head: till.tip(BTC).height + 1 + by, ..till.blocks(BTC, 0, vec![vec![]], 0) };
    let command = behind(&till, 1);
    till.scan(BTC, Body::CommitBlocks(Box::new(command))).unwrap();
    pass(&mut till, 2 * MINUTE);
    assert_eq!(told(&till, 0), [(BTC, false)], "once");
    assert_eq!(State::load(&till.world.rows).unwrap(), till.world.state);
    let command = behind(&till, 0);
    till.scan(BTC, Body::CommitBlocks(Box::new(command))).unwrap();
    pass(&mut till, MINUTE);
    assert_eq!(told(&till, 0), [(BTC, false), (BTC, true)]);

    // A closed network lags as it likes.
    let from = till.world.events().len();
    till.commit(BSC, 0, vec![vec![]]);
    till.world.run(configure(BTC, |change| change.state = Some(NetworkState::Suspended))).unwrap();
    till.world.run(set("threshold.scan_lag@network:bsc", Value::DurationUs(15 * MINUTE), None)).unwrap();
    pass(&mut till, 14 * MINUTE);
    assert_eq!(told(&till, from), []);
    pass(&mut till, 3 * MINUTE);
    assert_eq!(told(&till, from), [(BSC, false)]);
    till.world.run(configure(BTC, |change| change.state = Some(NetworkState::Enabled))).unwrap();
    pass(&mut till, MINUTE);
    assert_eq!(told(&till, from), [(BSC, false), (BTC, false)]);
    // Nobody but its worker says how far it is.
    let word = NotePending { network: BSC, sightings: vec![], replaced: vec![], heights: None };
    assert!(matches!(till.world.refused(Body::NotePending(Box::new(word))), Rejection::Deposits(_)));
    at_head(&mut till, BSC).unwrap();
    pass(&mut till, MINUTE);
    assert_eq!(told(&till, from), [(BSC, false), (BTC, false), (BSC, true)]);
}

/// Goal: people are told once when nothing more of a network becomes final though its blocks come, and once when something does; after
/// its own time, not of a network that is closed, and never where depth alone is counted. Method: blocks with time between them.
#[test]
fn finality_that_stalls_is_told_once_and_its_end_is() {
    let mut till = Till::new();
    let stalls = |till: &Till| told_of(till, Concern::FinalityStalls, 0);
    for network in [BSC, BTC] {
        till.commit(network, 0, vec![vec![]]);
    }
    let began = till.world.now;
    // Blocks that come, of which nothing more is final.
    let stand = |till: &mut Till, us: u64| {
        pass(till, us);
        for network in [BSC, BTC] {
            let standing = CommitBlocks { finalized: None, ..till.blocks(network, 0, vec![vec![]], 0) };
            till.scan(network, Body::CommitBlocks(Box::new(standing))).unwrap();
        }
        let _ = till.world.entry(&[]);
    };
    stand(&mut till, 9 * MINUTE);
    assert_eq!(stalls(&till), []);
    stand(&mut till, 3 * MINUTE);
    pass(&mut till, MINUTE);
    assert_eq!(stalls(&till), [(BSC, false)]);
    let matter = Matter { concern: Concern::FinalityStalls, network: BSC, subject: Subject::Finality };
    let since = till.world.state.matters()[&matter].since;
    assert!(since.0.abs_diff(began.0) < SECOND, "{since}");
    stand(&mut till, 3 * MINUTE);
    assert_eq!(stalls(&till), [(BSC, false)], "once");
    assert_eq!(State::load(&till.world.rows).unwrap(), till.world.state);
    till.world.run(configure(BSC, |change| change.state = Some(NetworkState::Suspended))).unwrap();
    pass(&mut till, MINUTE);
    assert_eq!(stalls(&till), [(BSC, false), (BSC, true)], "whoever closed it knows");
    till.world.run(configure(BSC, |change| change.state = Some(NetworkState::Enabled))).unwrap();
    pass(&mut till, MINUTE);
    till.commit(BSC, 0, vec![vec![]]);
    pass(&mut till, MINUTE);
    assert_eq!(stalls(&till), [(BSC, false), (BSC, true), (BSC, false), (BSC, true)]);
}

/// Goal: the tests above find a world in which nobody hears of it. Method: each look is taken away.
#[test]
fn planted_bugs_of_lag_are_caught() {
    let tests: [(Bug, fn()); 2] = [
        (Bug::LagUntold, a_scan_that_lags_is_told_once_and_its_end_is),
        (Bug::StallUntold, finality_that_stalls_is_told_once_and_its_end_is),
    ];
    for (bug, test) in tests {
        planted::plant(Some(bug));
        let caught = std::panic::catch_unwind(test).is_err();
        planted::plant(None);
        assert!(caught, "nobody noticed {bug:?}");
    }
}
