//! A naive model of the rules, written apart from the code, that says what every outcome and every answer must be.
//!
//! It keeps the whole history and computes every sum anew from it, where the code keeps what it needs.

use std::collections::BTreeMap;

use exchequer_domain::Timestamp;

use crate::limits::Sizes;
use crate::{
    AccountId, AccountKey, Asset, BulkFault, Cause, Command, Done, Fault, Field, HoldId, Kind, Leg, Outcome, Reason,
    Rejection, Revert, Side, Sums, Transfer, TransferId,
};

/// One effect on two accounts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Effect {
    pub(super) time: Timestamp,
    pub(super) transfer: TransferId,
    pub(super) kind: Kind,
    pub(super) debit: AccountId,
    pub(super) credit: AccountId,
    pub(super) amount: u128,
    pub(super) hold: Option<HoldId>,
    pub(super) expires: Option<Timestamp>,
}

#[derive(Debug, Clone)]
pub(super) enum Use {
    Posted { first: usize, count: usize, command: Command },
    Burnt(Rejection),
}

#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    pub(super) now: Timestamp,
    pub(super) accounts: Vec<(AccountKey, bool)>,
    pub(super) effects: Vec<Effect>,
    pub(super) uses: BTreeMap<TransferId, Use>,
    pub(super) reverted: BTreeMap<TransferId, TransferId>,
}

type Verdict = Result<Done, Rejection>;

impl Model {
    /// Sums of an account after the first `until` effects.
    pub(super) fn sums(&self, account: AccountId, until: usize) -> Sums {
        let mut sums = Sums::default();
        for effect in &self.effects[..until] {
            let Sums { debits_posted, credits_posted, debits_pending, credits_pending } = &mut sums;
            let (posted, pending) = match account {
                _ if account == effect.debit => (debits_posted, debits_pending),
                _ if account == effect.credit => (credits_posted, credits_pending),
                _ => continue,
            };
            match effect.kind {
                Kind::Post | Kind::Revert => *posted += effect.amount,
                Kind::Hold => *pending += effect.amount,
                Kind::Capture => {
                    *pending -= effect.amount;
                    *posted += effect.amount;
                }
                Kind::Release | Kind::Expire => *pending -= effect.amount,
            }
        }
        sums
    }

    /// The effect that placed a hold, and what is left of it.
    fn hold(&self, id: HoldId) -> Option<(&Effect, u128)> {
        let of_hold = || self.effects.iter().filter(|effect| effect.hold == Some(id));
        let placed = of_hold().find(|effect| effect.kind == Kind::Hold)?;
        let taken: u128 = of_hold().filter(|effect| effect.kind != Kind::Hold).map(|effect| effect.amount).sum();
        Some((placed, placed.amount - taken))
    }

    pub(super) fn open_holds(&self) -> Vec<(HoldId, Effect)> {
        let placed = self.effects.iter().filter(|effect| effect.kind == Kind::Hold);
        let open = placed.filter(|effect| self.hold(effect.hold.unwrap()).unwrap().1 > 0);
        open.map(|effect| (effect.hold.unwrap(), effect.clone())).collect()
    }

    fn asset(&self, account: AccountId) -> Asset {
        self.accounts[account.0 as usize].0.asset
    }

    /// Whether a movement fits.
    fn fits(&self, debit: AccountId, credit: AccountId, amount: u128) -> Result<(), Fault> {
        let asset = self.asset(debit);
        let ids = (0..self.accounts.len() as u32).map(AccountId).filter(|id| self.asset(*id) == asset);
        let all: Vec<Sums> = ids.map(|id| self.sums(id, self.effects.len())).collect();
        let turnover: u128 = all.iter().map(|sums| sums.debits_posted + sums.debits_pending).sum();
        if amount > u128::MAX - turnover {
            return Err(Fault::TurnoverOverflow);
        }
        for (account, is_debit) in [(debit, true), (credit, false)] {
            let (key, overdraft) = self.accounts[account.0 as usize];
            let sums = self.sums(account, self.effects.len());
            let (inflow, outflow) = match is_debit {
                true => (sums.credits_posted, sums.debits_posted + sums.debits_pending),
                false => (sums.debits_posted, sums.credits_posted + sums.credits_pending),
            };
            let limited = !overdraft && (key.holder.normal_side() == Side::Credit) == is_debit;
            if limited && outflow + amount > inflow {
                return Err(if is_debit { Fault::DebitExceedsBalance } else { Fault::CreditExceedsBalance });
            }
        }
        Ok(())
    }

    pub(super) fn enter(&mut self, now: Timestamp) {
        self.now = now;
        let mut due: Vec<_> = self.open_holds();
        due.retain(|(_, effect)| effect.expires.is_some_and(|at| at <= now));
        due.sort_by_key(|(id, effect)| (effect.expires, *id));
        for (id, placed) in due.into_iter().take(Sizes::SMALL.expiries) {
            let amount = self.hold(id).unwrap().1;
            let effect = Effect { time: now, transfer: id.transfer, kind: Kind::Expire, amount, ..placed };
            self.effects.push(effect);
        }
    }

    pub(super) fn command(&mut self, command: &Command) -> Outcome {
        let verdict = match command {
            Command::Open(open) => self.open(open.key, open.overdraft),
            Command::Transfer(transfer) => self.transfer(transfer),
            Command::Revert(revert) => self.revert(revert),
            Command::Bulk(transfers) => self.bulk(transfers),
        };
        match verdict {
            Ok(done) => Outcome::Done(done),
            Err(rejection) => Outcome::Rejected(rejection),
        }
    }

    fn open(&mut self, key: AccountKey, overdraft: bool) -> Verdict {
        if let Some(place) = self.accounts.iter().position(|(of, _)| *of == key) {
            let account = AccountId(place as u32);
            return match self.accounts[place].1 == overdraft {
                true => Ok(Done::AccountExists { account }),
                false => Err(Rejection::AccountExistsDifferent { account }),
            };
        }
        if self.accounts.len() == Sizes::SMALL.accounts {
            return Err(Rejection::AccountsFull);
        }
        self.accounts.push((key, overdraft));
        Ok(Done::AccountOpened { account: AccountId(self.accounts.len() as u32 - 1) })
    }

    fn bulk(&mut self, transfers: &[Transfer]) -> Verdict {
        match transfers.len() {
            0 => return Err(Rejection::BulkEmpty),
            8_191.. => return Err(Rejection::BulkTooLarge),
            _ => {}
        }
        let before = self.clone();
        let mut done = Vec::new();
        for (transfer, position) in transfers.iter().zip(0..) {
            match self.transfer(transfer) {
                Ok(effect) => done.push(effect),
                Err(rejection) => {
                    let burnt = matches!(self.uses.get(&transfer.id), Some(Use::Burnt(_)));
                    *self = before;
                    if burnt && !self.uses.contains_key(&transfer.id) {
                        self.uses.insert(transfer.id, Use::Burnt(rejection));
                    }
                    let because = match rejection {
                        Rejection::Leg { leg, fault } => BulkFault::Leg { leg, fault },
                        Rejection::ExistsDifferent { field } => BulkFault::ExistsDifferent { field },
                        Rejection::IdBurnt => BulkFault::IdBurnt,
                        Rejection::IdInvalid => BulkFault::IdInvalid,
                        Rejection::IdAhead => BulkFault::IdAhead,
                        _ => BulkFault::Malformed,
                    };
                    return Err(Rejection::BulkFailed { transfer: position, because });
                }
            }
        }
        Ok(Done::Bulk(done))
    }

    fn check_id(&self, id: TransferId) -> Result<(), Rejection> {
        if id.0 == 0 || id.0 == u128::MAX {
            return Err(Rejection::IdInvalid);
        }
        let text = format!("{:032x}", id.0);
        let version7 = text.as_bytes()[12] == b'7' && b"89ab".contains(&text.as_bytes()[16]);
        let millis = u64::from_str_radix(&text[..12], 16).unwrap();
        if version7 && millis > self.now.millis() + 60_000 {
            return Err(Rejection::IdAhead);
        }
        Ok(())
    }

    fn check_cause(cause: &Cause, note: Option<&str>) -> Result<(), Rejection> {
        if cause.reference.iter().all(|byte| *byte == 0) {
            return Err(Rejection::ReferenceMissing);
        }
        match note {
            Some(note) if note.trim() == "" => Err(Rejection::NoteMissing),
            Some(note) if note.len() > 500 => Err(Rejection::NoteTooLong),
            None if cause.reason == Reason::Adjustment => Err(Rejection::NoteMissing),
            _ => Ok(()),
        }
    }

    /// The outcome of an id that was used, if it was.
    fn seen(&self, id: TransferId, difference: impl Fn(&Command) -> Option<Field>) -> Option<Verdict> {
        Some(match self.uses.get(&id)? {
            Use::Burnt(_) => Err(Rejection::IdBurnt),
            Use::Posted { first, count, command } => match difference(command) {
                Some(field) => Err(Rejection::ExistsDifferent { field }),
                None => {
                    let time = self.effects[*first].time;
                    Ok(Done::Exists { first: *first as u64 + 1, postings: *count as u8, time })
                }
            },
        })
    }

    fn transfer(&mut self, transfer: &Transfer) -> Verdict {
        self.check_id(transfer.id)?;
        match transfer.legs.len() {
            0 => return Err(Rejection::LegsMissing),
            129.. => return Err(Rejection::LegsTooMany),
            _ => {}
        }
        if [Reason::Expiry, Reason::Reversal].contains(&transfer.cause.reason) {
            return Err(Rejection::ReasonReserved);
        }
        Model::check_cause(&transfer.cause, transfer.note.as_deref())?;
        for (what, leg) in transfer.legs.iter().zip(0..) {
            match what {
                Leg::Post { amount: 0, .. }
                | Leg::Hold { amount: 0, .. }
                | Leg::Capture { amount: Some(0), .. }
                | Leg::Release { amount: Some(0), .. } => return Err(Rejection::Leg { leg, fault: Fault::AmountZero }),
                Leg::Post { debit, credit, .. } | Leg::Hold { debit, credit, .. } if debit == credit => {
                    return Err(Rejection::Leg { leg, fault: Fault::SameAccount });
                }
                _ => {}
            }
        }
        if let Some(verdict) = self.seen(transfer.id, |command| match command {
            Command::Transfer(first) => difference(first, transfer),
            _ => Some(Field::Kind),
        }) {
            return verdict;
        }
        let first = self.effects.len();
        for (what, leg) in transfer.legs.iter().zip(0..) {
            match self.leg(transfer.id, leg, what) {
                Ok(effect) => self.effects.push(effect),
                Err(fault) => {
                    self.effects.truncate(first);
                    let rejection = Rejection::Leg { leg, fault };
                    self.uses.insert(transfer.id, Use::Burnt(rejection));
                    return Err(rejection);
                }
            }
        }
        Ok(self.posted(transfer.id, first, Command::Transfer(transfer.clone())))
    }

    fn posted(&mut self, id: TransferId, first: usize, command: Command) -> Done {
        let count = self.effects.len() - first;
        self.uses.insert(id, Use::Posted { first, count, command });
        Done::Posted { first: first as u64 + 1, postings: count as u8 }
    }

    fn leg(&self, transfer: TransferId, leg: u8, what: &Leg) -> Result<Effect, Fault> {
        let time = self.now;
        let (debit, credit, amount) = match what {
            Leg::Post { debit, credit, amount } | Leg::Hold { debit, credit, amount, .. } => (*debit, *credit, *amount),
            Leg::Capture { hold: id, amount } | Leg::Release { hold: id, amount } => {
                let (placed, left) = self.hold(*id).ok_or(Fault::HoldUnknown)?;
                if left == 0 {
                    return Err(Fault::HoldResolved);
                }
                if placed.expires.is_some_and(|at| at <= self.now) {
                    return Err(Fault::HoldExpired);
                }
                let amount = amount.unwrap_or(left);
                if amount > left {
                    return Err(Fault::HoldExceeded);
                }
                let kind = if matches!(what, Leg::Capture { .. }) { Kind::Capture } else { Kind::Release };
                return Ok(Effect { time, transfer, kind, amount, expires: None, ..placed.clone() });
            }
        };
        let count = self.accounts.len() as u32;
        if debit.0 >= count {
            return Err(Fault::DebitAccountUnknown);
        }
        if credit.0 >= count {
            return Err(Fault::CreditAccountUnknown);
        }
        if self.asset(debit) != self.asset(credit) {
            return Err(Fault::AssetsDiffer);
        }
        if let Leg::Hold { expires, .. } = what {
            if expires.is_some_and(|at| at <= self.now) {
                return Err(Fault::ExpiryPassed);
            }
            let open = self.open_holds();
            let own = open.iter().filter(|(_, effect)| effect.debit == debit).count();
            if own as u32 >= Sizes::SMALL.account_holds || open.len() >= Sizes::SMALL.holds {
                return Err(Fault::HoldsFull);
            }
        }
        self.fits(debit, credit, amount)?;
        Ok(match what {
            Leg::Hold { expires, .. } => {
                let hold = Some(HoldId { transfer, leg });
                Effect { time, transfer, kind: Kind::Hold, debit, credit, amount, hold, expires: *expires }
            }
            _ => Effect { time, transfer, kind: Kind::Post, debit, credit, amount, hold: None, expires: None },
        })
    }

    fn revert(&mut self, revert: &Revert) -> Verdict {
        self.check_id(revert.id)?;
        let cause = Cause { reason: Reason::Reversal, actor: revert.actor, reference: revert.reference };
        Model::check_cause(&cause, revert.note.as_deref())?;
        if let Some(verdict) = self.seen(revert.id, |command| match command {
            Command::Revert(first) if first.of != revert.of => Some(Field::Kind),
            Command::Revert(first) if first.actor != revert.actor => Some(Field::Actor),
            Command::Revert(first) if first.reference != revert.reference => Some(Field::Reference),
            Command::Revert(first) if first.note != revert.note => Some(Field::Note),
            Command::Revert(_) => None,
            _ => Some(Field::Kind),
        }) {
            return verdict;
        }
        let start = self.effects.len();
        match self.counter_entry(revert) {
            Ok(()) => {
                self.reverted.insert(revert.of, revert.id);
                Ok(self.posted(revert.id, start, Command::Revert(revert.clone())))
            }
            Err(rejection) => {
                self.effects.truncate(start);
                self.uses.insert(revert.id, Use::Burnt(rejection));
                Err(rejection)
            }
        }
    }

    fn counter_entry(&mut self, revert: &Revert) -> Result<(), Rejection> {
        let Some(Use::Posted { first, count, .. }) = self.uses.get(&revert.of) else {
            return Err(Rejection::RevertUnknown);
        };
        let originals = self.effects[*first..first + count].to_vec();
        if originals.iter().any(|effect| ![Kind::Post, Kind::Capture].contains(&effect.kind)) {
            return Err(Rejection::RevertImpossible);
        }
        if self.reverted.contains_key(&revert.of) {
            return Err(Rejection::AlreadyReverted);
        }
        for (original, leg) in originals.into_iter().rev().zip(0..) {
            let Effect { debit: credit, credit: debit, amount, .. } = original;
            self.fits(debit, credit, amount).map_err(|fault| Rejection::Leg { leg, fault })?;
            let (time, transfer) = (self.now, revert.id);
            let hold = None;
            self.effects.push(Effect {
                time,
                transfer,
                kind: Kind::Revert,
                debit,
                credit,
                amount,
                hold,
                expires: None,
            });
        }
        Ok(())
    }
}

fn difference(first: &Transfer, second: &Transfer) -> Option<Field> {
    if first.legs.len() != second.legs.len() {
        return Some(Field::Legs);
    }
    for (a, b) in first.legs.iter().zip(second.legs.iter()) {
        if std::mem::discriminant(a) != std::mem::discriminant(b) {
            return Some(Field::LegKind);
        }
        let parts = |leg: &Leg| match *leg {
            Leg::Post { debit, credit, amount } => (None, Some(debit), Some(credit), Some(amount), None),
            Leg::Hold { debit, credit, amount, expires } => (None, Some(debit), Some(credit), Some(amount), expires),
            Leg::Capture { hold, amount } | Leg::Release { hold, amount } => (Some(hold), None, None, amount, None),
        };
        let (a, b) = (parts(a), parts(b));
        let same = [(a.0 == b.0, Field::Hold), (a.1 == b.1, Field::Debit), (a.2 == b.2, Field::Credit)]
            .into_iter()
            .chain([(a.3 == b.3, Field::Amount), (a.4 == b.4, Field::Expiry)]);
        if let Some((_, field)) = same.into_iter().find(|(same, _)| !same) {
            return Some(field);
        }
    }
    let (a, b) = (first.cause, second.cause);
    match () {
        () if a.reason != b.reason => Some(Field::Reason),
        () if a.actor != b.actor => Some(Field::Actor),
        () if a.reference != b.reference => Some(Field::Reference),
        () if first.note != second.note => Some(Field::Note),
        () => None,
    }
}
