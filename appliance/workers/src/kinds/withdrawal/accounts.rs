//! What is alike on networks with accounts: which address pays what, and what becomes of the decisions.

use std::collections::BTreeSet;

use exchequer_chains::Coin;

use super::lanes::Lane;
use super::{Hindered, Payments};
use crate::kinds::paying::{Desk, Draft, Prepared};
use crate::money::proto::{PreparePayout, Withdrawal as Queued, wait};

/// A payment with the address that pays it.
pub(super) struct Assigned<'a> {
    pub(super) one: &'a Queued,
    pub(super) lane: usize,
    pub(super) coin: Coin,
    pub(super) amount: u128,
}

/// The assets that nothing more is decided of in this round.
#[derive(Default)]
pub(super) struct Stopped(BTreeSet<u32>);

impl Stopped {
    pub(super) fn has(&self, one: &Queued) -> bool {
        self.0.contains(&one.asset)
    }

    /// What hinders one withdrawal; those behind it wait where it may not be passed.
    pub(super) async fn hindered(
        &mut self,
        payments: &Payments,
        desk: &Desk,
        one: &Queued,
        why: Hindered,
        troubles: &mut Vec<String>,
    ) {
        let passed = match why {
            Hindered::Waits(why) => payments.waits(desk, one.id, why).await,
            Hindered::Trouble(why) => Err(why),
        };
        match passed {
            Ok(true) => {}
            // What others pass already keeps nobody waiting.
            Ok(false) if one.passed => {}
            Ok(false) => {
                self.0.insert(one.asset);
                payments.rest(one.asset);
            }
            Err(why) => {
                troubles.push(format!("withdrawal {}: {why}", one.id));
                self.0.insert(one.asset);
            }
        }
    }
}

/// A queued withdrawal, and what of which coin it wants to be paid, or why it cannot be.
pub(super) type Wanted<'a> = (&'a Queued, Result<(Coin, u128), Hindered>);

/// Gives each payment the address that has least under way of those that have so much; what nobody has waits.
pub(super) async fn assign<'a>(
    payments: &Payments,
    desk: &Desk,
    lanes: &mut [Lane],
    wanted: Vec<Wanted<'a>>,
    stopped: &mut Stopped,
    troubles: &mut Vec<String>,
) -> Vec<Assigned<'a>> {
    let mut assigned = Vec::new();
    for (one, where_to) in wanted {
        // Nobody is paid before those that came earlier for the same asset.
        if stopped.has(one) {
            continue;
        }
        let (coin, amount) = match where_to {
            Ok(found) => found,
            Err(why) => {
                stopped.hindered(payments, desk, one, why, troubles).await;
                continue;
            }
        };
        let free = lanes.iter().enumerate().filter(|(_, lane)| lane.free > 0);
        let free: Vec<usize> = free.map(|(at, _)| at).collect();
        if free.is_empty() {
            break;
        }
        let able = free.into_iter().filter(|at| lanes[*at].has(&coin, amount));
        match able.min_by_key(|at| (lanes[*at].in_flight, *at)) {
            Some(lane) => {
                lanes[lane].spend(&coin, amount);
                lanes[lane].free -= 1;
                lanes[lane].in_flight += 1;
                assigned.push(Assigned { one, lane, coin, amount });
            }
            None => {
                let why = Hindered::Waits(wait::Why::InsufficientHot(true));
                stopped.hindered(payments, desk, one, why, troubles).await;
            }
        }
    }
    assigned
}

/// A decision as the state takes it.
pub(super) fn asked(lane: &Lane, pays: Vec<u64>, draft: Draft) -> PreparePayout {
    let noop = pays.is_empty();
    PreparePayout {
        payer: Some(lane.payer),
        withdrawals: pays,
        preparation: Some(draft.preparation(noop)),
        chain_nonce: lane.chain.next,
        settled_nonce: lane.chain.settled,
        ..PreparePayout::default()
    }
}

/// Has payments decided in their order; whether any was.
pub(super) async fn decide_all(
    payments: &Payments,
    desk: &Desk,
    asked: Vec<(Option<u32>, PreparePayout)>,
    troubles: &mut Vec<String>,
) -> bool {
    let assets: Vec<Option<u32>> = asked.iter().map(|(asset, _)| *asset).collect();
    let prepared = desk.prepare_all(asked.into_iter().map(|(_, asked)| asked).collect()).await;
    let (mut any, mut broken) = (false, false);
    for (asset, prepared) in assets.into_iter().zip(prepared) {
        match prepared {
            Prepared::Decided(_) => any = true,
            Prepared::Waits => {
                broken = true;
                asset.into_iter().for_each(|asset| payments.rest(asset));
            }
            // Those behind one that was not decided have the wrong nonce, or come before their turn: the next round asks anew.
            Prepared::Refused { .. } if broken => {}
            Prepared::Refused { code, message } => {
                broken = true;
                troubles.push(format!("it was not decided ({code}): {message}"));
            }
            Prepared::Unknown(why) => {
                broken = true;
                troubles.push(why);
            }
        }
    }
    any
}

/// The first of what went wrong.
pub(super) fn came(any: bool, troubles: Vec<String>) -> Result<bool, String> {
    match troubles.into_iter().next() {
        // What was decided goes on at once; what went wrong comes again.
        Some(why) if !any => Err(why),
        Some(_) | None => Ok(any),
    }
}
