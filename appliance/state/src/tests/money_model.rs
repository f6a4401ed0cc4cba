//! The naive model of money: every sum is computed anew from the whole journal, and every step back is a copy.

use std::collections::{BTreeMap, BTreeSet};

use exchequer_domain::{Timestamp, UserId};
use exchequer_ledger::{
    AccountId, AccountKey, Actor, Asset, Cause, Done, Fault, Field, HoldId, Holder, Kind, Leg, OpenAccount, Outcome,
    Reason, Rejection, Side, Sums, Transfer, TransferId,
};

type Verdict = Result<Done, Rejection>;

/// A revert as its command says it: what it undoes, on whose behalf, why.
type Revert = (TransferId, Actor, String);

#[derive(Debug, Clone)]
enum What {
    Transfer(Transfer),
    Revert(Revert),
}

#[derive(Debug, Clone)]
enum Use {
    Posted { first: usize, count: usize, time: Timestamp, what: What },
    Burnt,
}

#[derive(Debug, Clone)]
struct Effect {
    kind: Kind,
    debit: AccountId,
    credit: AccountId,
    amount: u128,
}

/// The ledger in the simplest form, without captures and releases.
#[derive(Debug, Clone, Default)]
pub(super) struct Money {
    pub(super) now: Timestamp,
    accounts: Vec<(AccountKey, bool)>,
    journal: Vec<Effect>,
    uses: BTreeMap<TransferId, Use>,
    expiries: BTreeMap<(Timestamp, HoldId), Effect>,
    reverted: BTreeSet<TransferId>,
}

fn leg_fault(leg: usize, fault: Fault) -> Rejection {
    Rejection::Leg { leg: leg as u8, fault }
}

pub(super) fn key_of(user: UserId, asset: Asset) -> AccountKey {
    AccountKey { holder: Holder::Customer { customer: user.0, sub_account: 0 }, asset }
}

impl Money {
    pub(super) fn enter(&mut self, now: Timestamp) {
        self.now = now;
        while let Some(first) = self.expiries.first_entry().filter(|first| first.key().0 <= now) {
            let effect = first.remove();
            self.journal.push(Effect { kind: Kind::Expire, ..effect });
        }
    }

    pub(super) fn open(&mut self, open: &OpenAccount) -> Outcome {
        let account = self.accounts.iter().position(|(key, _)| *key == open.key);
        match account.map(|at| (AccountId(at as u32), self.accounts[at].1)) {
            Some((account, flag)) if flag == open.overdraft => Outcome::Done(Done::AccountExists { account }),
            Some((account, _)) => Outcome::Rejected(Rejection::AccountExistsDifferent { account }),
            None => {
                self.accounts.push((open.key, open.overdraft));
                Outcome::Done(Done::AccountOpened { account: AccountId(self.accounts.len() as u32 - 1) })
            }
        }
    }

    pub(super) fn is_used(&self, id: TransferId) -> bool {
        self.uses.contains_key(&id)
    }

    pub(super) fn post(&mut self, transfer: &Transfer) -> Verdict {
        if [0, u128::MAX].contains(&transfer.id.0) {
            return Err(Rejection::IdInvalid);
        }
        if transfer.legs.is_empty() {
            return Err(Rejection::LegsMissing);
        }
        if transfer.cause.reason == Reason::Reversal {
            return Err(Rejection::ReasonReserved);
        }
        let silent = transfer.note.as_deref().is_some_and(|note| note == " ");
        if silent || (transfer.cause.reason == Reason::Adjustment && transfer.note.is_none()) {
            return Err(Rejection::NoteMissing);
        }
        for (leg, what) in transfer.legs.iter().enumerate() {
            let (_, debit, credit, amount, _) = parts(what);
            if amount == 0 {
                return Err(leg_fault(leg, Fault::AmountZero));
            }
            if debit == credit {
                return Err(leg_fault(leg, Fault::SameAccount));
            }
        }
        match self.uses.get(&transfer.id) {
            None => {}
            Some(Use::Burnt) => return Err(Rejection::IdBurnt),
            Some(Use::Posted { first, count, time, what }) => {
                return match difference(transfer, what) {
                    None => Ok(Done::Exists { first: *first as u64, postings: *count as u8, time: *time }),
                    Some(field) => Err(Rejection::ExistsDifferent { field }),
                };
            }
        }
        let before = self.clone();
        let first = self.journal.len() + 1;
        for (leg, what) in transfer.legs.iter().enumerate() {
            if let Err(fault) = self.leg(transfer.id, leg, what) {
                *self = before;
                self.uses.insert(transfer.id, Use::Burnt);
                return Err(leg_fault(leg, fault));
            }
        }
        let count = transfer.legs.len();
        let what = What::Transfer(transfer.clone());
        self.uses.insert(transfer.id, Use::Posted { first, count, time: self.now, what });
        Ok(Done::Posted { first: first as u64, postings: count as u8 })
    }

    fn leg(&mut self, transfer: TransferId, leg: usize, what: &Leg) -> Result<(), Fault> {
        let (kind, debit, credit, amount, expires) = parts(what);
        let (from, _) = self.accounts.get(debit.0 as usize).ok_or(Fault::DebitAccountUnknown)?;
        let (to, _) = self.accounts.get(credit.0 as usize).ok_or(Fault::CreditAccountUnknown)?;
        if from.asset != to.asset {
            return Err(Fault::AssetsDiffer);
        }
        if kind == Kind::Hold && expires.is_some_and(|expires| expires <= self.now) {
            return Err(Fault::ExpiryPassed);
        }
        self.check_room(debit, credit, amount)?;
        let effect = Effect { kind, debit, credit, amount };
        if let Some(expires) = expires {
            let hold = HoldId { transfer, leg: leg as u8 };
            self.expiries.insert((expires, hold), effect.clone());
        }
        self.journal.push(effect);
        Ok(())
    }

    fn check_room(&self, debit: AccountId, credit: AccountId, amount: u128) -> Result<(), Fault> {
        let short = |account: AccountId, side: Side| {
            let (key, overdraft) = &self.accounts[account.0 as usize];
            !overdraft && key.holder.normal_side() == side && amount > self.sums(account).available(side)
        };
        if short(debit, Side::Credit) {
            return Err(Fault::DebitExceedsBalance);
        }
        if short(credit, Side::Debit) { Err(Fault::CreditExceedsBalance) } else { Ok(()) }
    }

    /// A transfer between two accounts that are opened for it.
    pub(super) fn pay(
        &mut self,
        id: TransferId,
        pair: [OpenAccount; 2],
        amount: u128,
        cause: Cause,
        note: Option<Box<str>>,
    ) -> Verdict {
        let before = self.clone();
        let [debit, credit] = pair.map(|account| {
            if !self.accounts.iter().any(|(key, _)| *key == account.key) {
                self.open(&account);
            }
            AccountId(self.accounts.iter().position(|(key, _)| *key == account.key).unwrap() as u32)
        });
        let verdict = self.post(&Transfer { id, legs: Leg::Post { debit, credit, amount }.into(), cause, note });
        self.unless_done(before, id, verdict)
    }

    pub(super) fn bulk(&mut self, transfers: &[Transfer]) -> Result<Vec<Done>, Rejection> {
        if transfers.is_empty() {
            return Err(Rejection::BulkEmpty);
        }
        let before = self.clone();
        let mut done = Vec::new();
        for (position, transfer) in transfers.iter().enumerate() {
            let verdict = self.post(transfer);
            match verdict {
                Ok(effect) => done.push(effect),
                Err(because) => {
                    let _ = self.unless_done(before, transfer.id, verdict);
                    return Err(Rejection::BulkFailed { transfer: position as u16, because: because.into() });
                }
            }
        }
        Ok(done)
    }

    /// Where it was refused everything is as before, but for the id.
    fn unless_done(&mut self, before: Money, id: TransferId, verdict: Verdict) -> Verdict {
        if let Err(rejection) = verdict {
            *self = before;
            let free = matches!(
                rejection,
                Rejection::Leg { fault: Fault::AmountZero | Fault::SameAccount, .. }
                    | Rejection::IdInvalid
                    | Rejection::LegsMissing
                    | Rejection::ReasonReserved
                    | Rejection::NoteMissing
                    | Rejection::ExistsDifferent { .. }
                    | Rejection::IdBurnt
            );
            if !free {
                self.uses.insert(id, Use::Burnt);
            }
        }
        verdict
    }

    pub(super) fn revert(&mut self, id: TransferId, (of, actor, why): Revert) -> Verdict {
        if id.0 == 0 {
            return Err(Rejection::IdInvalid);
        }
        match self.uses.get(&id) {
            None => {}
            Some(Use::Burnt) => return Err(Rejection::IdBurnt),
            Some(Use::Posted { first, count, time, what }) => {
                let field = match what {
                    What::Transfer(_) => Some(Field::Kind),
                    What::Revert((other, ..)) if *other != of => Some(Field::Kind),
                    What::Revert((_, by, _)) if *by != actor => Some(Field::Actor),
                    What::Revert((.., note)) => (*note != why).then_some(Field::Note),
                };
                return match field {
                    None => Ok(Done::Exists { first: *first as u64, postings: *count as u8, time: *time }),
                    Some(field) => Err(Rejection::ExistsDifferent { field }),
                };
            }
        }
        let before = self.clone();
        let verdict = self.move_back(of).map(|(first, count)| {
            let what = What::Revert((of, actor, why));
            self.uses.insert(id, Use::Posted { first, count, time: self.now, what });
            self.reverted.insert(of);
            Done::Posted { first: first as u64, postings: count as u8 }
        });
        self.unless_done(before, id, verdict)
    }

    fn move_back(&mut self, of: TransferId) -> Result<(usize, usize), Rejection> {
        let Some(Use::Posted { first, count, .. }) = self.uses.get(&of).cloned() else {
            return Err(Rejection::RevertUnknown);
        };
        let originals = self.journal[first - 1..first - 1 + count].to_vec();
        if originals.iter().any(|effect| effect.kind != Kind::Post) {
            return Err(Rejection::RevertImpossible);
        }
        if self.reverted.contains(&of) {
            return Err(Rejection::AlreadyReverted);
        }
        let next = self.journal.len() + 1;
        for (leg, Effect { debit, credit, amount, .. }) in originals.into_iter().rev().enumerate() {
            self.check_room(credit, debit, amount).map_err(|fault| leg_fault(leg, fault))?;
            self.journal.push(Effect { kind: Kind::Revert, debit: credit, credit: debit, amount });
        }
        Ok((next, count))
    }

    fn sums(&self, account: AccountId) -> Sums {
        let mut sums = Sums::default();
        for Effect { kind, debit, credit, amount } in &self.journal {
            for (is_side, posted, pending) in [
                (*debit == account, &mut sums.debits_posted, &mut sums.debits_pending),
                (*credit == account, &mut sums.credits_posted, &mut sums.credits_pending),
            ] {
                match kind {
                    _ if !is_side => {}
                    Kind::Hold => *pending += amount,
                    Kind::Expire => *pending -= amount,
                    _ => *posted += amount,
                }
            }
        }
        sums
    }

    /// The state holds what the model holds.
    pub(super) fn compare(&self, world: &super::world::World) {
        let (state, rows) = (&world.state, &world.rows);
        let ledger = state.ledger();
        assert_eq!(ledger.accounts() as usize, self.accounts.len());
        for (id, (key, overdraft)) in (0..).map(AccountId).zip(&self.accounts) {
            let account = state.account(key).unwrap();
            assert_eq!((account.id, account.overdraft, account.sums), (id, *overdraft, self.sums(id)));
        }
        let feed = state.posting_feed(rows, 1, usize::MAX).unwrap();
        assert_eq!(feed.len(), self.journal.len());
        for (number, (posted, effect)) in (1..).zip(feed.iter().zip(&self.journal)) {
            let posting = &posted.posting;
            assert_eq!((posted.number, posting.kind, posting.amount), (number, effect.kind, effect.amount));
            assert_eq!((posting.debit, posting.credit), (effect.debit, effect.credit));
        }
        let mut verification = exchequer_ledger::Verification::new();
        assert_eq!(state.verify(rows, &mut verification, usize::MAX), Ok(true));
    }
}

fn parts(leg: &Leg) -> (Kind, AccountId, AccountId, u128, Option<Timestamp>) {
    match leg {
        Leg::Post { debit, credit, amount } => (Kind::Post, *debit, *credit, *amount, None),
        Leg::Hold { debit, credit, amount, expires } => (Kind::Hold, *debit, *credit, *amount, *expires),
        other => panic!("the model knows no {other:?}"),
    }
}

/// The first field in which a transfer differs from what was posted under its id.
fn difference(transfer: &Transfer, what: &What) -> Option<Field> {
    let What::Transfer(first) = what else { return Some(Field::Kind) };
    if first.legs.len() != transfer.legs.len() {
        return Some(Field::Legs);
    }
    for (old, new) in first.legs.iter().map(parts).zip(transfer.legs.iter().map(parts)) {
        let fields = [
            (Field::LegKind, old.0 == new.0),
            (Field::Debit, old.1 == new.1),
            (Field::Credit, old.2 == new.2),
            (Field::Amount, old.3 == new.3),
            (Field::Expiry, old.4 == new.4),
        ];
        if let Some((field, _)) = fields.into_iter().find(|(_, same)| !same) {
            return Some(field);
        }
    }
    let fields = [
        (Field::Reason, first.cause.reason == transfer.cause.reason),
        (Field::Actor, first.cause.actor == transfer.cause.actor),
        (Field::Reference, first.cause.reference == transfer.cause.reference),
        (Field::Note, first.note == transfer.note),
    ];
    fields.into_iter().find(|(_, same)| !same).map(|(field, _)| field)
}
