//! Tickets: who was welcomed, in which process, by which leadership.

use std::collections::BTreeMap;

use exchequer_domain::WorkerId;
use exchequer_workers::money::TICKET_BYTES;
use parking_lot::Mutex;
use rand::TryRng as _;
use rand::rngs::SysRng;

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Caller {
    /// Which worker.
    pub(crate) worker: WorkerId,
    /// The leadership that welcomed it.
    pub(crate) epoch: u64,
    /// The process that was started for it.
    pub(crate) pid: u32,
}

/// The tickets that are out: one for each worker.
#[derive(Debug, Default)]
pub(crate) struct Tickets {
    out: Mutex<BTreeMap<WorkerId, (Ticket, Caller)>>,
}

type Ticket = [u8; TICKET_BYTES];

impl Tickets {
    /// Gives a new one; the worker's earlier one is none any more. Empty where the system has no randomness: nobody has such
    /// a ticket, and the worker cannot call.
    pub(crate) fn give(&self, caller: Caller) -> Vec<u8> {
        let mut ticket = Ticket::default();
        if SysRng.try_fill_bytes(&mut ticket).is_err() {
            tracing::error!(worker = %caller.worker, "the system has no randomness for a ticket");
            return Vec::new();
        }
        self.out.lock().insert(caller.worker, (ticket, caller));
        ticket.to_vec()
    }

    /// Takes the ticket of a process back. One that the worker got since in another process stays.
    pub(crate) fn take_back(&self, worker: WorkerId, pid: u32) {
        let mut out = self.out.lock();
        if out.get(&worker).is_some_and(|(_, caller)| caller.pid == pid) {
            out.remove(&worker);
        }
    }

    /// Who has a ticket.
    pub(crate) fn holder(&self, ticket: &[u8]) -> Option<Caller> {
        let out = self.out.lock();
        // In constant time for each: how much of a guess was right is not to be seen.
        let has = |(one, _): &&(Ticket, Caller)| bool::from(subtle::ConstantTimeEq::ct_eq(one.as_slice(), ticket));
        out.values().find(has).map(|(_, caller)| *caller)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a ticket belongs to the process that was welcomed with it, until that is gone or the worker is welcomed anew.
    #[test]
    fn tickets_have_one_holder() {
        let tickets = Tickets::default();
        let worker: WorkerId = "deposit/bitcoin-1".parse().unwrap();
        let first = Caller { worker, epoch: 3, pid: 7 };
        let ticket = tickets.give(first);
        assert_eq!((ticket.len(), tickets.holder(&ticket)), (TICKET_BYTES, Some(first)));
        for guess in [&[0; TICKET_BYTES][..], &ticket[1..], &[]] {
            assert_eq!(tickets.holder(guess), None);
        }
        let second = Caller { epoch: 4, pid: 8, ..first };
        let later = tickets.give(second);
        assert_eq!((tickets.holder(&ticket), tickets.holder(&later)), (None, Some(second)));
        tickets.take_back(worker, 7);
        assert_eq!(tickets.holder(&later), Some(second));
        tickets.take_back(worker, 8);
        assert_eq!(tickets.holder(&later), None);
    }
}
