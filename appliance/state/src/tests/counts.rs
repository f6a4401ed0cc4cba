//! What rooms count as things come and go, counted anew.

use exchequer_domain::Network;

use crate::State;
use crate::withdrawals::{Stage, Standing};

/// Goal: the figures of an overview are those of what is there, after every entry of every test.
pub(crate) fn agree(state: &State) {
    let room = state.withdrawals();
    let for_people = |one: &&crate::withdrawals::Withdrawal| match &one.standing {
        Standing::Queued { reason, .. } => reason.is_set_aside(),
        _ => matches!(room.stage(one), Stage::AwaitingApproval | Stage::Unknown | Stage::Review | Stage::Stuck),
    };
    assert_eq!(room.before_people(), room.open().filter(for_people).count());
    assert_eq!(room.open_count(), room.open().count());
    let suspended = Network::ALL.iter().map(|network| state.deposits().in_suspense(*network).count());
    assert_eq!(state.deposits().suspended(), suspended.sum::<usize>());
}
