//! A naive model of the rules, written apart from the code, that says what every outcome and every answer must be.
//!
//! It keeps the whole history and computes every sum anew from it, where the code keeps what it needs.

use std::collections::BTreeMap;

use exchequer_domain::Timestamp;

use super::coverage::Coverage;
use super::generate::{Generator, Random};
use super::world::{SECOND, START, World};
use crate::limits::Sizes;
use crate::query::TransferState;
use crate::{
    AccountId, AccountKey, Asset, BulkFault, Cause, Command, Done, Fault, Field, HoldId, Kind, Ledger, Leg, Outcome,
    Reason, Rejection, Revert, Side, Sums, Transfer, TransferId,
};

/// One effect on two accounts.
#[derive(Debug, Clone, PartialEq)]
struct Effect {
    time: Timestamp,
    transfer: TransferId,
    kind: Kind,
    debit: AccountId,
    credit: AccountId,
    amount: u128,
    hold: Option<HoldId>,
    expires: Option<Timestamp>,
}

#[derive(Debug, Clone)]
enum Use {
    Posted { first: usize, count: usize, command: Command },
    Burnt(Rejection),
}

#[derive(Debug, Clone, Default)]
struct Model {
    now: Timestamp,
    accounts: Vec<(AccountKey, bool)>,
    effects: Vec<Effect>,
    uses: BTreeMap<TransferId, Use>,
    reverted: BTreeMap<TransferId, TransferId>,
}

type Verdict = Result<Done, Rejection>;

impl Model {
    /// Sums of an account after the first `until` effects.
    fn sums(&self, account: AccountId, until: usize) -> Sums {
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

    fn open_holds(&self) -> Vec<(HoldId, Effect)> {
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

    fn enter(&mut self, now: Timestamp) {
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

    fn command(&mut self, command: &Command) -> Outcome {
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

    /// The ledger shows what the model holds.
    fn compare(&self, world: &World, random: &mut Random, seen: &mut Coverage) {
        let World { ledger, rows, .. } = world;
        assert_eq!(ledger.accounts() as usize, self.accounts.len());
        assert_eq!(ledger.last_posting() as usize, self.effects.len(), "numbers have no gap");
        assert_eq!(ledger.open_holds(), self.open_holds().len());
        for id in (0..self.accounts.len() as u32).map(AccountId) {
            let account = ledger.account(id).unwrap();
            assert_eq!((account.key, account.overdraft), self.accounts[id.0 as usize]);
            assert_eq!(account.sums, self.sums(id, self.effects.len()));
            assert_eq!(ledger.find(&account.key), Some(id));
        }
        self.compare_feed(world, random, seen);
        self.compare_accounts(world, random, seen);
        let id = match random.pick(&self.uses.keys().copied().collect::<Vec<_>>()) {
            Some(id) if !random.one_in(9) => *id,
            _ => TransferId(u128::from(random.next())),
        };
        match (ledger.transfer(id, rows).unwrap(), self.uses.get(&id)) {
            (None, None) => seen.count("transfer.none"),
            (Some(TransferState::Burnt { because }), Some(Use::Burnt(expected))) => {
                assert_eq!(because, *expected);
                seen.count("transfer.burnt");
            }
            (Some(TransferState::Posted { postings, note, reverted_by }), Some(used)) => {
                let Use::Posted { first, count, command } = used else { panic!("{id:?} is burnt") };
                assert_eq!((postings[0].number as usize - 1, postings.len()), (*first, *count));
                let expected = match command {
                    Command::Transfer(transfer) => transfer.note.as_deref(),
                    Command::Revert(revert) => revert.note.as_deref(),
                    _ => panic!("not a transfer"),
                };
                assert_eq!(note.as_deref(), expected);
                assert_eq!(reverted_by, self.reverted.get(&id).copied());
                seen.count("transfer.posted");
            }
            other => panic!("{id:?}: {other:?}"),
        }
    }

    fn compare_feed(&self, World { ledger, rows, .. }: &World, random: &mut Random, seen: &mut Coverage) {
        let from = random.below(self.effects.len() as u64 + 3);
        let feed = ledger.feed(from, 7, rows).unwrap();
        let expected = self.effects.iter().zip(1..).skip(from.saturating_sub(1) as usize).take(7);
        assert_eq!(feed.len(), expected.clone().count());
        for (posted, (effect, number)) in feed.iter().zip(expected) {
            let posting = &posted.posting;
            assert_eq!((posted.number, posted.time, posting.kind), (number, effect.time, effect.kind));
            assert_eq!((posting.transfer, posting.amount), (effect.transfer, effect.amount));
            assert_eq!((posting.debit, posting.credit), (effect.debit, effect.credit));
            assert_eq!(posting.debit_after, self.sums(effect.debit, number as usize));
            assert_eq!(posting.credit_after, self.sums(effect.credit, number as usize));
            assert!(posting.cause.reference != [0; 32]);
        }
        seen.count("feed");
    }

    fn compare_accounts(&self, world: &World, random: &mut Random, seen: &mut Coverage) {
        let World { ledger, rows, .. } = world;
        let account = AccountId(random.below(self.accounts.len() as u64 + 1) as u32);
        let touched: Vec<u64> = (1..)
            .zip(&self.effects)
            .filter(|(_, effect)| effect.debit == account || effect.credit == account)
            .map(|(number, _)| number)
            .collect();
        let before = (!random.one_in(3)).then(|| random.below(self.effects.len() as u64 + 3));
        let listed = ledger.postings(account, before, 9, rows).unwrap();
        let expected = touched.iter().rev().filter(|number| before.is_none_or(|before| **number < before)).take(9);
        assert!(listed.iter().map(|posted| &posted.number).eq(expected), "before {before:?}");
        seen.count("postings");

        let time = match random.pick(&self.effects) {
            Some(effect) => Timestamp(effect.time.0 + random.below(3) - 1),
            None => self.now,
        };
        let found = ledger.balance_at(account, time, rows).unwrap();
        if account.0 as usize >= self.accounts.len() {
            assert_eq!(found, None);
            return seen.count("balance.none");
        }
        let found = found.unwrap();
        let until = self.effects.iter().take_while(|effect| effect.time <= time).count();
        let last = touched.iter().rev().find(|number| **number as usize <= until).copied();
        assert_eq!((found.sums, found.last_posting), (self.sums(account, until), last.unwrap_or(0)));
        assert!(!found.is_final || time < self.now);
        seen.count(if found.is_final { "balance.final" } else { "balance.open" });
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

/// Commands of one random log.
const LOG_COMMANDS: u64 = 300;
/// Random logs of a short run; `EXCHEQUER_LEDGER_LOGS` sets another number. 5,000 make 1.5 million commands.
const LOGS: u64 = 2_500;

/// One random log against the model.
fn run(seed: u64, seen: &mut Coverage) {
    let mut world = World::new();
    let mut model = Model::default();
    let mut generator = Generator::new(seed, START);
    let mut random = Random(seed ^ 0xabcd);
    let mut said = 0;
    while said < LOG_COMMANDS {
        let pause = [0, 0, 0, 1, SECOND / 2, SECOND, 5 * SECOND][random.below(7) as usize];
        world.now = Timestamp(world.now.0 + pause);
        generator.now = world.now;
        generator.assets = model.accounts.iter().map(|(key, _)| key.asset).collect();
        let count = random.below(6);
        let commands: Vec<Command> = (0..count).map(|_| generator.command()).collect();
        said += count;
        if random.one_in(5) {
            let before = world.ledger.clone();
            let trial = world.ledger.dry_run(world.at(), &commands, &world.rows).unwrap();
            assert_eq!(world.ledger, before, "a dry run changes nothing");
            let mut copy = model.clone();
            copy.enter(world.now);
            let expected: Vec<Outcome> = commands.iter().map(|command| copy.command(command)).collect();
            assert_eq!(trial.outcomes, expected);
            assert_eq!(trial.postings.len(), copy.effects.len() - model.effects.len());
            seen.count("dry run");
        }
        model.enter(world.now);
        let outcomes = world.entry_unchecked(&commands);
        for (command, outcome) in commands.iter().zip(&outcomes) {
            assert_eq!(*outcome, model.command(command), "of {command:?}");
            seen.outcome(outcome);
        }
        world.ledger.check().unwrap();
        if random.one_in(8) {
            let loaded = Ledger::load_with_sizes(&world.rows, Sizes::SMALL).unwrap();
            assert_eq!(loaded, Ledger { buffer: Vec::new(), ..world.ledger.clone() });
            world.ledger = loaded;
            seen.count("load");
        }
        if random.one_in(4) {
            model.compare(&world, &mut random, seen);
        }
    }
    model.compare(&world, &mut random, seen);
}

/// Goal: every outcome, every balance, now and at any time, and every answer is the one the rules demand; restarts and
/// dry runs change nothing. Method: random logs of good and bad commands against the model above, with random queries.
/// Every outcome must be seen 100 times; the counts are printed. A failure prints the seed of its log.
#[test]
fn outcomes_and_answers_are_those_of_the_model() {
    let logs = std::env::var("EXCHEQUER_LEDGER_LOGS").ok().and_then(|text| text.parse().ok()).unwrap_or(LOGS);
    let first = std::env::var("EXCHEQUER_LEDGER_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut seen = Coverage::default();
    for seed in first..first + logs {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(seed, &mut seen)));
        if let Err(panic) = result {
            println!("the log of seed {seed} failed: EXCHEQUER_LEDGER_SEED={seed} EXCHEQUER_LEDGER_LOGS=1");
            std::panic::resume_unwind(panic);
        }
    }
    println!("{logs} logs of {LOG_COMMANDS} commands, seeds from {first}");
    let queries = [
        "feed",
        "postings",
        "balance.none",
        "balance.final",
        "balance.open",
        "transfer.none",
        "transfer.burnt",
        "transfer.posted",
        "dry run",
        "load",
    ];
    seen.finish(&queries, if logs >= LOGS { 100 } else { 0 });
}
