//! Random logs and random queries against the naive model.

use exchequer_domain::Timestamp;

use super::coverage::Coverage;
use super::generate::{Generator, Random};
use super::model::{Effect, Model, Use};
use super::world::{SECOND, START, World};
use crate::limits::Sizes;
use crate::planted::Bug;
use crate::query::TransferState;
use crate::{AccountId, Actor, Cause, Command, Holder, Kind, Ledger, Outcome, Reason, Sums, TransferId, Verification};

impl Model {
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
        self.compare_trial_balances(world);
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

    /// Why an effect was made.
    fn cause(&self, effect: &Effect) -> Cause {
        if effect.kind == Kind::Expire {
            let id = effect.hold.unwrap();
            let mut reference = [0; 32];
            reference[15] = id.leg;
            reference[16..].copy_from_slice(&id.transfer.0.to_be_bytes());
            return Cause { reason: Reason::Expiry, actor: Actor::System, reference };
        }
        match &self.uses[&effect.transfer] {
            Use::Posted { command: Command::Transfer(transfer), .. } => transfer.cause,
            Use::Posted { command: Command::Revert(revert), .. } => {
                Cause { reason: Reason::Reversal, actor: revert.actor, reference: revert.reference }
            }
            other => panic!("{effect:?} by {other:?}"),
        }
    }

    fn compare_trial_balances(&self, World { ledger, .. }: &World) {
        for (asset, _) in ledger.totals() {
            let mut customers = Sums::default();
            let of_asset = (0_u32..).zip(&self.accounts).filter(|(_, (key, _))| key.asset == asset);
            let mut system = Vec::new();
            for (id, (key, _)) in of_asset {
                let sums = self.sums(AccountId(id), self.effects.len());
                match key.holder {
                    Holder::Customer { .. } => {
                        customers.debits_posted += sums.debits_posted;
                        customers.credits_posted += sums.credits_posted;
                        customers.debits_pending += sums.debits_pending;
                        customers.credits_pending += sums.credits_pending;
                    }
                    _ => system.push((key.holder, sums)),
                }
            }
            let found = ledger.trial_balance(asset).unwrap();
            assert_eq!(found.customers, customers);
            assert!(found.system.iter().map(|account| (account.key.holder, account.sums)).eq(system));
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
            assert_eq!((posting.cause, posted.index > 0), (self.cause(effect), true));
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
        let from = random.below(self.effects.len() as u64 + 3);
        let listed = ledger.postings_from(account, from, 9, rows).unwrap();
        let expected = touched.iter().filter(|number| **number >= from).take(9);
        assert!(listed.iter().map(|posted| &posted.number).eq(expected), "from {from}");
        seen.count("postings.from");

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

/// Commands of one random log.
const LOG_COMMANDS: u64 = 300;
/// Random logs of a short run; `EXCHEQUER_LEDGER_LOGS` sets another number.
const LOGS: u64 = 5_200;

/// One random log against the model, with a planted bug or without.
fn run(seed: u64, bug: Option<Bug>, seen: &mut Coverage) {
    let mut world = World::new();
    world.ledger.bug = bug;
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
            let mut loaded = Ledger::load_with_sizes(&world.rows, Sizes::SMALL).unwrap();
            loaded.bug = bug;
            assert_eq!(loaded, Ledger { buffer: Vec::new(), ..world.ledger.clone() });
            world.ledger = loaded;
            seen.count("load");
        }
        if random.one_in(4) {
            model.compare(&world, &mut random, seen);
        }
    }
    model.compare(&world, &mut random, seen);
    assert_eq!(Verification::new().step(&world.ledger, usize::MAX, &world.rows), Ok(true));
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
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(seed, None, &mut seen)));
        if let Err(panic) = result {
            println!("the log of seed {seed} failed: EXCHEQUER_LEDGER_SEED={seed} EXCHEQUER_LEDGER_LOGS=1");
            std::panic::resume_unwind(panic);
        }
    }
    println!("{logs} logs of {LOG_COMMANDS} commands, seeds from {first}");
    let queries = [
        "feed",
        "postings",
        "postings.from",
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

/// Goal: the model can fail. Method: bugs of the kind that loses money, planted one by one; each is caught by one of the
/// first hundred logs.
#[test]
fn planted_bugs_are_caught() {
    for bug in Bug::ALL {
        let caught = (0..100).find(|seed| {
            let log = || run(*seed, Some(bug), &mut Coverage::default());
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(log)).is_err()
        });
        println!("{bug:?}: caught by seed {caught:?}");
        assert!(caught.is_some(), "{bug:?} was not caught");
    }
}
