//! People are told of networks whose blocks are not scanned as they come.

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

/// What was told of scans since: of which network, and whether it ended.
fn told(till: &Till, from: usize) -> Vec<(Network, bool)> {
    let of = |kind: EventKind| match kind {
        EventKind::AttentionNeeded { concern: Concern::ScanLags, network, subject, severity, .. } => {
            assert_eq!((subject.as_str(), severity), ("the scan", Severity::P1));
            Some((network, false))
        }
        EventKind::AttentionEnded { concern: Concern::ScanLags, network, .. } => Some((network, true)),
        _ => None,
    };
    till.world.events().into_iter().skip(from).filter_map(of).collect()
}

/// Time passes, and an entry without commands shows it.
fn pass(till: &mut Till, us: u64) {
    till.world.now = Timestamp(till.world.now.0 + us);
    let _ = till.world.entry(&[]);
}

fn at_head(till: &mut Till, network: Network) -> Result<crate::Done, Rejection> {
    till.scan(network, Body::NotePending(Box::new(NotePending { network, sightings: vec![], replaced: vec![] })))
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
    let word = NotePending { network: BSC, sightings: vec![], replaced: vec![] };
    assert!(matches!(till.world.refused(Body::NotePending(Box::new(word))), Rejection::Deposits(_)));
    at_head(&mut till, BSC).unwrap();
    pass(&mut till, MINUTE);
    assert_eq!(told(&till, from), [(BSC, false), (BTC, false), (BSC, true)]);
}

/// Goal: the test above finds a world in which nobody hears of it. Method: the look is taken away.
#[test]
fn planted_bugs_of_lag_are_caught() {
    planted::plant(Some(Bug::LagUntold));
    let caught = std::panic::catch_unwind(a_scan_that_lags_is_told_once_and_its_end_is).is_err();
    planted::plant(None);
    assert!(caught, "nobody noticed");
}
