//! What may be signed of a stake (TRON).
//!
//! Invariant: it is the gas wallet's alone; energy of it is lent to deposit addresses of our own, so much at most as a sweep may need,
//! where the policy allows a stake. What comes back comes to where it was, which needs no leave.

use exchequer_chains::{EffectKind, KeyPath, KeyPurpose, Resource};
use exchequer_domain::ChainAddress;

use super::judge::{Judge, Ruled, refuse};
use super::request::Intent;
use super::verdict::Code;
use crate::record::{Paid, PaymentId};

/// The most of a stake that one transaction lends, in sun: 100,000 TRX, several times what a token's transfer takes.
const LENT_SUN_MAX: u128 = 100_000_000_000;

impl Judge<'_> {
    /// The rules of what is done with stake. Gives the payment to remember.
    pub(super) fn stakes(&self) -> Ruled<Vec<Paid>> {
        let effects = &self.asked.effects;
        // What pays withdrawals is not locked up.
        self.purposes(&[KeyPurpose::Gas])?;
        self.kind(effects.payments.is_empty())?;
        match (&self.asked.request.intent, &effects.kind) {
            (Intent::Delegate { id, to }, EffectKind::Delegate { to: address, resource: Resource::Energy, amount }) => {
                self.may_stake()?;
                self.is_lent_to(*to, address)?;
                if *amount > LENT_SUN_MAX {
                    let why =
                        format!("{amount} sun of the stake would be lent to {address}; {LENT_SUN_MAX} is the most");
                    return refuse(Code::Kind, why);
                }
                self.done(*id)
            }
            (Intent::Undelegate { id, from }, EffectKind::Undelegate { from: address, .. }) => {
                self.is_lent_to(*from, address)?;
                self.done(*id)
            }
            (Intent::Freeze { id }, EffectKind::Freeze { resource: Resource::Energy, .. }) => {
                self.may_stake()?;
                self.done(*id)
            }
            (Intent::Unfreeze { id }, EffectKind::Unfreeze { .. }) | (Intent::Collect { id }, EffectKind::Collect) => {
                self.done(*id)
            }
            _ => self.kind(false).map(|()| Vec::new()),
        }
    }

    fn done(&self, id: PaymentId) -> Ruled<Vec<Paid>> {
        Ok(vec![self.paid(id)?])
    }

    fn may_stake(&self) -> Ruled<()> {
        if self.of.stake {
            return Ok(());
        }
        refuse(Code::Kind, format!("the policy of {} allows no staking", self.network))
    }

    /// Energy is lent to deposit addresses of our own, and to nothing else.
    fn is_lent_to(&self, path: KeyPath, address: &ChainAddress) -> Ruled<()> {
        if path.purpose != KeyPurpose::Deposit {
            return refuse(Code::Destination, format!("energy is not lent to a key of purpose {:?}", path.purpose));
        }
        self.own(path, address)
    }
}
