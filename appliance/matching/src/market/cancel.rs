//! Ending orders on request.

use exchequer_domain::Timestamp;

use super::{Market, Stop};
use crate::book::orders::NONE;
use crate::halt::Halt;
use crate::owners::{NEVER, OWNERS_MAX};
use crate::planted::{Bug, has};
use crate::rejection::Rejection;
use crate::reports::{Desk, End};
use crate::units::{OrderId, Owner, Side};

impl Market {
    /// The slot of an open order of an owner.
    pub(super) fn own(&self, owner: Owner, id: OrderId) -> Result<u32, Stop> {
        let slot = self.book.find(id).ok_or(Rejection::UnknownOrder)?;
        if self.book.order(slot)?.owner != owner {
            return Err(Rejection::UnknownOrder.into());
        }
        Ok(slot)
    }

    pub(super) fn cancel<D: Desk>(&mut self, owner: Owner, id: OrderId, why: End, desk: &mut D) -> Result<(), Stop> {
        let slot = self.own(owner, id)?;
        if !self.phase.cancels() {
            return Err(Rejection::Phase.into());
        }
        Ok(self.end(slot, why, desk)?)
    }

    pub(super) fn cancel_all<D: Desk>(&mut self, owner: Owner, side: Option<Side>, desk: &mut D) -> Result<(), Stop> {
        if !self.phase.cancels() {
            return Err(Rejection::Phase.into());
        }
        Ok(self.end_all(owner, side, End::CancelledAll, desk)?)
    }

    /// Ends the orders of an owner, the latest first.
    pub(super) fn end_all<D: Desk>(
        &mut self,
        owner: Owner,
        side: Option<Side>,
        why: End,
        desk: &mut D,
    ) -> Result<(), Halt> {
        let mut ids = std::mem::take(&mut self.ids);
        ids.clear();
        let mut slot = self.owners.get(owner).head;
        while slot != NONE {
            let order = self.book.order(slot)?;
            if side.is_none_or(|side| order.side == side) {
                ids.push(order.id);
            }
            slot = self.book.detail(slot)?.owner_next;
        }
        for id in &ids {
            // The other leg of a pair has ended with the first.
            if let Some(slot) = self.book.find(*id) {
                self.end(slot, why, desk)?;
            }
        }
        self.ids = ids;
        Ok(())
    }

    pub(super) fn cancel_after(&mut self, owner: Owner, at: Option<Timestamp>) -> Result<(), Stop> {
        if !self.phase.cancels() {
            return Err(Rejection::Phase.into());
        }
        if owner.0 >= OWNERS_MAX {
            return Err(Rejection::Owner.into());
        }
        if at.is_some_and(|at| at <= self.now || at == NEVER) {
            return Err(Rejection::Deadline.into());
        }
        Ok(self.switch(owner, at)?)
    }

    /// Sets the dead man's switch of an owner, or switches it off.
    pub(crate) fn switch(&mut self, owner: Owner, at: Option<Timestamp>) -> Result<(), Halt> {
        let state = self.owners.make(owner)?;
        let before = std::mem::replace(&mut state.cancel_after, at.unwrap_or(NEVER));
        if !std::mem::replace(&mut state.touched, true) {
            self.switched.push(owner);
        }
        if !has(Bug::SwitchNotReset) {
            self.switches.remove(&(before, owner));
        }
        if let Some(at) = at {
            self.switches.insert((at, owner));
        }
        Ok(())
    }
}
