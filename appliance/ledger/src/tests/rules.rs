//! Rules that deserve an example of their own.

use exchequer_domain::{Code, Timestamp};

use super::world::{START, World, ordered_id, transfer};
use crate::limits::Sizes;
use crate::{
    AccountId, AccountKey, Asset, At, Command, Done, Fault, Halt, History, HistoryUnavailable, HoldId, Holder, Ledger,
    Leg, OpenAccount, Outcome, Reason, Rejection, Row, Table, TransferId, Verification,
};

const A: Asset = Asset(1);

fn customer(customer: u64) -> Holder {
    Holder::Customer { customer, sub_account: 0 }
}

/// Goal: a refused transfer changes nothing but its id, which is burnt even when the money is there later. Method: the
/// rows before and after; the same transfer again after a deposit.
#[test]
fn a_failed_id_is_burnt() {
    let mut world = World::new();
    let (equity, alice, bob) =
        (world.open(Holder::Equity, A, true), world.open(customer(1), A, false), world.open(customer(2), A, false));
    let id = world.id();
    let pay = Command::Transfer(transfer(
        id,
        Reason::Internal,
        vec![Leg::Post { debit: equity, credit: alice, amount: 5 }, Leg::Post { debit: alice, credit: bob, amount: 6 }],
    ));
    let fault = Fault::DebitExceedsBalance;
    assert_eq!(world.refused(pay.clone()), Rejection::Leg { leg: 1, fault });
    world.post(equity, alice, 100).unwrap();
    assert_eq!(world.refused(pay), Rejection::IdBurnt);
    assert_eq!(world.sums(bob).credits_posted, 0);
}

/// Goal: amounts work up to 128 bits, and what would exceed them is an outcome. Method: the whole range in two steps,
/// then one more, in both forms.
#[test]
fn turnover_ends_at_128_bits() {
    let mut world = World::new();
    let (equity, alice) = (world.open(Holder::Equity, A, true), world.open(customer(1), A, false));
    world.post(equity, alice, u128::MAX - 1).unwrap();
    let hold = Leg::Hold { debit: alice, credit: equity, amount: 1, expires: None };
    world.transfer(Reason::Order, vec![hold]).unwrap();
    let full = Rejection::Leg { leg: 0, fault: Fault::TurnoverOverflow };
    assert_eq!(world.transfer(Reason::Order, vec![hold]), Err(full));
    assert_eq!(world.post(equity, alice, 1), Err(full));
    assert_eq!(world.sums(alice).credits_posted, u128::MAX - 1);
}

/// Goal: ids are remembered for ever, wherever they are kept, and none is taken for another. Method: ascending, late and
/// foreign ids through several seals, with restarts; then all of them again.
#[test]
fn ids_are_remembered_for_ever() {
    let mut world = World::new();
    let (equity, alice) = (world.open(Holder::Equity, A, true), world.open(customer(1), A, false));
    let mut said = Vec::new();
    for number in 1..200_u128 {
        world.now = Timestamp(START.0 + 1_000 * number as u64);
        let id = match number % 7 {
            0 => ordered_id(Timestamp(START.0 - 1_000 * number as u64), number),
            1 => TransferId(1 << 127 | number),
            _ => ordered_id(world.now, number),
        };
        let command = Command::Transfer(transfer(
            id,
            Reason::Deposit,
            vec![Leg::Post { debit: equity, credit: alice, amount: number }],
        ));
        assert_eq!(world.run(command.clone()), Ok(Done::Posted { first: number as u64, postings: 1 }));
        said.push((command, world.now));
    }
    let pages = world.rows.iter().filter(|(key, _)| key[0] == Table::IdPage as u8).count();
    assert!(pages > 20, "{pages} pages");
    for ((command, time), number) in said.into_iter().zip(1..) {
        assert_eq!(world.run(command), Ok(Done::Exists { first: number, postings: 1, time }));
    }
    for number in 1_000..1_200 {
        assert_eq!(world.ledger.transfer(ordered_id(START, number), &world.rows).unwrap(), None);
    }
}

/// Goal: the journal vouches for itself and for the balances. Method: it is verified in steps from the first block to the
/// end; then a posting's amount, another's reference and an account's sum are changed, and each is found.
#[test]
fn a_changed_journal_is_found() {
    let mut world = World::new();
    let (equity, alice) = (world.open(Holder::Equity, A, true), world.open(customer(1), A, false));
    for _ in 0..10 {
        world.transfer(Reason::Deposit, vec![Leg::Post { debit: equity, credit: alice, amount: 9 }; 7]).unwrap();
    }
    let mut verification = Verification::new();
    assert_eq!(verification.step(&world.ledger, 19, &world.rows), Ok(false));
    assert_eq!(verification.step(&world.ledger, 1, &world.rows), Ok(true));
    assert_eq!(verification.sums(alice), world.sums(alice));
    world.post(equity, alice, 1).unwrap();
    assert_eq!(verification.step(&world.ledger, 9, &world.rows), Ok(true), "it goes on where it was");

    let mut amount = world.clone();
    amount.damage(Table::Journal, |value| value[49 + 96 + 15] ^= 1);
    let fold = Halt::Invariant("a sum is the fold of its account's postings");
    assert_eq!(Verification::new().step(&amount.ledger, 99, &amount.rows), Err(fold));
    let mut reference = world.clone();
    reference.damage(Table::Journal, |value| value[49 + 40] ^= 1);
    let damaged = Halt::RowDamaged { table: Table::Journal };
    assert_eq!(Verification::new().step(&reference.ledger, 99, &reference.rows), Err(damaged));
    world.ledger.accounts.slot_mut(AccountId(1)).unwrap().sums.credits_posted += 1;
    let balance = Halt::Invariant("an account's sums are the fold of its postings");
    assert_eq!(Verification::new().step(&world.ledger, 99, &world.rows), Err(balance));
}

/// Goal: with more accounts than one step compares, no step is long, what is posted between steps is verified as well, and
/// an account is found wrong wherever it is. Method: 40 accounts, steps without end, a posting to the first account
/// after it was compared; then the last account gets one unit too much.
#[test]
fn many_accounts_take_many_steps() {
    let mut world = World::with_sizes(Sizes::STANDARD);
    let equity = world.open(Holder::Equity, A, true);
    let accounts: Vec<AccountId> = (1..=39).map(|number| world.open(customer(number), A, false)).collect();
    let (first, last) = (accounts[0], accounts[38]);
    world.post(equity, first, 5).unwrap();
    world.post(equity, last, 5).unwrap();
    let mut verification = Verification::new();
    assert_eq!(verification.step(&world.ledger, 99, &world.rows), Ok(false), "16 accounts");
    world.post(equity, first, 1).unwrap();
    world.open(customer(40), A, false);
    let mut wrong = (world.clone(), verification.clone());
    assert_eq!(verification.step(&world.ledger, 99, &world.rows), Ok(false), "32 accounts");
    assert_eq!(verification.step(&world.ledger, 99, &world.rows), Ok(true), "all");
    assert_eq!((verification.sums(first), verification.sums(last)), (world.sums(first), world.sums(last)));
    world.post(equity, last, 1).unwrap();
    assert_eq!(verification.step(&world.ledger, 99, &world.rows), Ok(false), "it begins with the first again");

    wrong.0.ledger.accounts.slot_mut(last).unwrap().sums.credits_posted += 1;
    let balance = Halt::Invariant("an account's sums are the fold of its postings");
    let steps = (0..3).map(|_| wrong.1.step(&wrong.0.ledger, 99, &wrong.0.rows)).find(|step| *step != Ok(false));
    assert_eq!(steps, Some(Err(balance)));
    world.ledger.totals[0].1.posted += 1;
    let turnover = Halt::Invariant("an asset's turnover is the fold of its postings");
    let steps = (0..3).map(|_| verification.step(&world.ledger, 99, &world.rows)).find(|step| *step != Ok(false));
    assert_eq!(steps, Some(Err(turnover)));
}

/// Goal: a row of a newer program, or a damaged one, stops the node with the code that says so.
#[test]
fn foreign_rows_halt() {
    let mut world = World::new();
    let (equity, alice) = (world.open(Holder::Equity, A, true), world.open(customer(1), A, false));
    for number in 0..40 {
        let leg = Leg::Hold { debit: equity, credit: alice, amount: 9, expires: None };
        let legs = if number == 0 { vec![leg] } else { vec![Leg::Post { debit: equity, credit: alice, amount: 9 }] };
        world.transfer(Reason::Deposit, legs).unwrap();
    }
    assert_eq!(world.ledger.open_holds(), 1);
    for table in [Table::Head, Table::Account, Table::Hold] {
        let mut newer = world.clone();
        newer.damage(table, |value| value[0] = 2);
        let halt = Ledger::load_with_sizes(&newer.rows, Sizes::SMALL).unwrap_err();
        assert_eq!(halt, Halt::FormatNewer { table, found: 2 });
        assert_eq!(halt.problem().code, Code::FormatNewer);
        let mut damaged = world.clone();
        damaged.damage(table, |value| {
            value.pop();
        });
        let halt = Ledger::load_with_sizes(&damaged.rows, Sizes::SMALL).unwrap_err();
        assert_eq!(halt.problem().code, Code::FileCorrupt);
    }
    let mut lost = world.clone();
    let last = lost.ledger.last_posting();
    lost.rows.apply_changes(vec![crate::Change {
        table: Table::Journal,
        key: Table::Journal.key(&last.to_be_bytes()),
        edit: crate::Edit::Delete,
    }]);
    assert_eq!(Ledger::load_with_sizes(&lost.rows, Sizes::SMALL), Err(Halt::RowDamaged { table: Table::Journal }));
}

/// Goal: money that appears from nowhere stops the node. Method: one account's row shows more than its postings.
#[test]
fn broken_conservation_halts() {
    let mut world = World::new();
    let (equity, alice) = (world.open(Holder::Equity, A, true), world.open(customer(1), A, false));
    world.post(equity, alice, 5).unwrap();
    world.ledger.check().unwrap();
    world.ledger.accounts.slot_mut(AccountId(1)).unwrap().sums.credits_posted += 1;
    assert_eq!(world.ledger.check().unwrap_err().problem().code, Code::InvariantBroken);
    world.ledger.accounts.slot_mut(AccountId(0)).unwrap().sums.debits_posted += 1;
    assert!(world.ledger.check().is_err(), "the turnover differs");
    world.ledger.accounts.slot_mut(AccountId(1)).unwrap().sums.debits_pending += 7;
    assert_eq!(world.ledger.check(), Err(Halt::Invariant("a limited account stays on its side")));
}

/// Goal: rows that cannot be read stop the node instead of passing for absent ones.
#[test]
fn unreadable_rows_halt() {
    struct Broken;
    impl History for Broken {
        fn get(&self, _: &[u8]) -> Result<Option<Vec<u8>>, HistoryUnavailable> {
            Err(HistoryUnavailable("disk".into()))
        }
        fn scan(&self, _: &[u8], _: &[u8], _: usize, _: bool) -> Result<Vec<Row>, HistoryUnavailable> {
            Err(HistoryUnavailable("disk".into()))
        }
    }
    let halt = Halt::History(HistoryUnavailable("disk".into()));
    assert_eq!(Ledger::load(&Broken), Err(halt.clone()));
    let mut world = World::new();
    let (equity, alice) = (world.open(Holder::Equity, A, true), world.open(customer(1), A, false));
    let leg = Leg::Post { debit: equity, credit: alice, amount: 9 };
    let command = Command::Transfer(transfer(TransferId(5), Reason::Deposit, vec![leg]));
    assert_eq!(world.ledger.apply(At { index: 9, time: START }, &[command], &Broken), Err(halt));
}

/// Goal: a warm transfer with an ascending id reads no row at all, and its entry writes none of its own.
#[test]
fn ascending_transfers_touch_no_rows() {
    struct Closed;
    impl History for Closed {
        fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, HistoryUnavailable> {
            panic!("{key:?} was read")
        }
        fn scan(&self, from: &[u8], _: &[u8], _: usize, _: bool) -> Result<Vec<Row>, HistoryUnavailable> {
            panic!("{from:?} was read")
        }
    }
    let mut world = World::with_sizes(Sizes::STANDARD);
    let (equity, alice) = (world.open(Holder::Equity, A, true), world.open(customer(1), A, false));
    let leg = Leg::Post { debit: equity, credit: alice, amount: 9 };
    let hold = Leg::Hold { debit: equity, credit: alice, amount: 9, expires: None };
    let commands: Vec<Command> = (0..256_u128)
        .map(|number| {
            let capture = HoldId { transfer: ordered_id(START, number - number % 3 + 1), leg: 0 };
            let leg = [leg, hold, Leg::Capture { hold: capture, amount: None }][number as usize % 3];
            Command::Transfer(transfer(ordered_id(START, number), Reason::Deposit, vec![leg]))
        })
        .collect();
    let applied = world.ledger.apply(At { index: 9, time: START }, &commands, &Closed).unwrap();
    let of = |table| applied.changes.iter().filter(|change| change.table == table).count();
    assert_eq!((of(Table::Journal), of(Table::AccountIndex), of(Table::Head)), (2, 8, 1));
    assert_eq!(applied.changes.len(), 11);
}

/// Goal: the standard sizes work as the small ones do. Method: 200,000 transfers and holds in large entries, through
/// several windows; then a load, every kind of id again, and the whole journal verified.
#[test]
fn standard_sizes() {
    let mut world = World::with_sizes(Sizes::STANDARD);
    let accounts: Vec<_> = (0..50).map(|number| world.open(customer(number), A, true)).collect();
    let command = |number: u128| {
        let account = |place: u128| accounts[(place % 50) as usize];
        let (debit, credit) = (account(number / 2 * 7), account(number / 2 * 7 + 1 + number / 2 % 49));
        let leg = match number % 4 {
            // Every thousandth hold stays open.
            0 => Leg::Hold { debit, credit, amount: number + 1, expires: None },
            1 if number % 1_000 != 1 => {
                Leg::Capture { hold: HoldId { transfer: ordered_id(START, number - 1), leg: 0 }, amount: None }
            }
            _ => Leg::Post { debit, credit, amount: number + 1 },
        };
        Command::Transfer(transfer(ordered_id(START, number), Reason::Trade, vec![leg]))
    };
    for entry in 0..25 {
        world.now = Timestamp(world.now.0 + 1_000);
        let commands: Vec<Command> = (entry * 8_000..(entry + 1) * 8_000).map(command).collect();
        let outcomes = world.entry_unchecked(&commands);
        assert!(outcomes.iter().all(|outcome| matches!(outcome, crate::Outcome::Done(Done::Posted { .. }))));
    }
    let loaded = Ledger::load(&world.rows).unwrap();
    assert_eq!(loaded, Ledger { buffer: Vec::new(), ..world.ledger.clone() });
    assert_eq!(loaded.open_holds(), 200);
    let pages = world.rows.iter().filter(|(key, _)| key[0] == Table::IdPage as u8).count();
    assert!(pages > 200, "{pages} pages");
    world.ledger = loaded;
    for number in (0..200_000).step_by(997) {
        let first = number as u64 + 1;
        let time = Timestamp(START.0 + 1_000 * (number as u64 / 8_000 + 1));
        assert_eq!(world.run_unchecked(command(number)), Ok(Done::Exists { first, postings: 1, time }));
    }
    let mut verification = Verification::new();
    // The journal in one step, the accounts a few at a time.
    let steps = (1..).find(|_| verification.step(&world.ledger, usize::MAX, &world.rows).unwrap()).unwrap();
    assert!(steps > 1, "{steps} steps");
}

/// Goal: accounts that a transfer is built for are opened with it or not at all, whatever refuses it; a burnt id stays
/// burnt, and a repetition is one. Method: transfers between new accounts, refused by themselves, by the state and by the
/// number of accounts, then accepted.
#[test]
fn accounts_are_opened_with_their_transfer() {
    let mut world = World::with_sizes(Sizes { accounts: 3, ..Sizes::SMALL });
    let open = |holder, overdraft| OpenAccount { key: AccountKey { holder, asset: A }, overdraft };
    let pay = |world: &mut World, id, accounts: [OpenAccount; 2], amount| {
        world.index += 1;
        let mut entry = world.ledger.enter(world.at(), &world.rows).unwrap();
        let build = |[debit, credit]: [_; 2]| transfer(id, Reason::Internal, vec![Leg::Post { debit, credit, amount }]);
        let outcome = entry.run_opening(&accounts, build).unwrap();
        assert_eq!(entry.is_used(id), Ok(outcome != Outcome::Rejected(Rejection::AccountsFull) && amount > 0));
        world.rows.apply_changes(entry.close().unwrap());
        assert_eq!(Ledger::load_with_sizes(&world.rows, world.ledger.sizes).unwrap(), world.ledger);
        (outcome, world.ledger.accounts())
    };
    let (alice, bob) = (open(customer(1), false), open(customer(2), false));
    let fault = |fault| Outcome::Rejected(Rejection::Leg { leg: 0, fault });
    let (zero, empty, good, full) = (world.id(), world.id(), world.id(), world.id());
    assert_eq!(pay(&mut world, zero, [alice, bob], 0), (fault(Fault::AmountZero), 0));
    assert_eq!(pay(&mut world, empty, [alice, bob], 5), (fault(Fault::DebitExceedsBalance), 0));
    let equity = open(Holder::Equity, true);
    assert_eq!(pay(&mut world, empty, [equity, bob], 5), (Outcome::Rejected(Rejection::IdBurnt), 0));
    let done = Outcome::Done(Done::Posted { first: 1, postings: 1 });
    assert_eq!(pay(&mut world, good, [equity, bob], 5), (done, 2));
    let exists = Outcome::Done(Done::Exists { first: 1, postings: 1, time: START });
    assert_eq!(pay(&mut world, good, [equity, bob], 5), (exists, 2));
    let venues = [1, 2].map(|venue| open(Holder::Venue { venue }, true));
    assert_eq!(pay(&mut world, full, venues, 5), (Outcome::Rejected(Rejection::AccountsFull), 2));
}
