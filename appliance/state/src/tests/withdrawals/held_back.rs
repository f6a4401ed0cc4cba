//! What holds a withdrawal back although it was right when it was asked for, and whose hand may move it.

use exchequer_domain::UserId;

use super::super::world::{SECOND, configure, freeze};
use super::approvals::{approve, treasury_of};
use super::*;
use crate::apply::LOOKED_AT_AGAIN_US;
use crate::deposits::DEBT_SUB_ACCOUNT;
use crate::planted::Bug;
use crate::users::UserStatus;
use crate::withdrawals::{Death, Standing};
use crate::{
    AllocateAddress, BookChange, ChangeAddressBook, EmergencyResume, EmergencyStop, StockAddresses, UpdateUser,
};

const EVM: Network = Network::Ethereum;

fn debt_of(user: UserId) -> Holder {
    Holder::Customer { customer: user.0, sub_account: DEBT_SUB_ACCOUNT }
}

/// As a deposit that was taken back leaves it.
fn owe(world: &mut World, user: UserId, amount: u128) {
    let debit = open(world, account(debt_of(user), USDT, true));
    let credit = open(world, account(Holder::Equity, USDT, true));
    let transfer = super::super::world::post(u128::from(world.index) << 50, debit, credit, amount);
    let done = world.run(Body::PostTransfers(PostTransfers { transfers: vec![transfer] }));
    assert!(matches!(&done, Ok(Done::Transfers(all)) if matches!(all[0], ledger::Outcome::Done(_))), "{done:?}");
}

fn owed(world: &World, user: UserId) -> u128 {
    let account = world.state.account(&AccountKey { holder: debt_of(user), asset: USDT });
    account.map_or(0, |account| account.sums.balance(ledger::Side::Debit))
}

fn thaw(number: u64) -> Body {
    let Body::UpdateUser(command) = freeze(number) else { panic!("no update") };
    Body::UpdateUser(UpdateUser { status: Some(UserStatus::Active), ..command })
}

/// Pays a user's debt out of nowhere.
fn forgive(world: &mut World, user: UserId, amount: u128) {
    let credit = open(world, account(debt_of(user), USDT, true));
    let debit = open(world, account(Holder::Equity, USDT, true));
    let transfer = super::super::world::post(u128::from(world.index) << 50, debit, credit, amount);
    world.run(Body::PostTransfers(PostTransfers { transfers: vec![transfer] })).unwrap();
}

type Hold = fn(&mut World, bool);

/// Whatever holds a withdrawal back, put on and taken away.
const HOLDS: [Hold; 4] = [
    |world, on| {
        let reason = "test".to_owned();
        let body = match on {
            true => Body::EmergencyStop(EmergencyStop { reason }),
            false => Body::EmergencyResume(EmergencyResume { reason }),
        };
        world.run(body).unwrap();
    },
    |world, on| {
        world.run(configure(EVM, |command| command.withdrawals = Some(!on))).unwrap();
    },
    |world, on| {
        world.run(if on { freeze(1) } else { thaw(1) }).unwrap();
    },
    |world, on| match on {
        true => owe(world, ALICE, 7),
        false => forgive(world, ALICE, 7),
    },
];

/// A bank where Bob has an address of the pool.
fn with_pool() -> World {
    let mut world = bank(2);
    let entries = (0..2).map(|number| (address(&format!("pool{number}")), [0; 32])).collect();
    let stock = StockAddresses { family: ChainFamily::Evm, first_index: 0, entries };
    world.run(Body::StockAddresses(stock)).unwrap();
    world.run(Body::AllocateAddress(AllocateAddress { user: BOB, network: EVM, fresh: false })).unwrap();
    world
}

/// Goal: the end of a delay pays nobody, inside or outside, while the exchange is stopped, the network closed, or the user
/// frozen or in debt; afterwards everything goes on by itself. Method: each of these, put on before the delay ends.
#[test]
fn delays_do_not_pass_holds() {
    for (number, hold) in HOLDS.into_iter().enumerate() {
        for (to, end) in [("pool0", Stage::Completed), ("0xabc", Stage::Queued)] {
            let mut world = with_pool();
            let wanted = Order { to: address(to), ..order(ALICE, "a", 5 * DOLLAR) };
            let ask = Body::RequestWithdrawal(Box::new(RequestWithdrawal { order: wanted, proof: None }));
            let command = Command { actor: Actor::User(ALICE), ..world.command(ask) };
            world.send(&command).unwrap();
            // As if it had been approved with a delay.
            let id = WithdrawalId(1);
            let standing = Standing::Approved { until: Timestamp(world.now.0 + SECOND) };
            let one = Withdrawal { standing, ..withdrawal(&world, id) };
            world.rows.put(Family::Working, Table::Withdrawal.key(&id.0.to_be_bytes()), codec::encode(&one));
            world.state = State::load(&world.rows).unwrap();
            hold(&mut world, true);
            later(&mut world, SECOND);
            for _ in 0..2 {
                world.apply(crate::Input::Noop).unwrap();
                let until = Timestamp(world.now.0 + LOOKED_AT_AGAIN_US);
                assert_eq!(withdrawal(&world, id).standing, Standing::Approved { until }, "hold {number}");
                assert_eq!(money(&world, BOB, USDT), (1_000_000 * DOLLAR, 0));
                later(&mut world, LOOKED_AT_AGAIN_US);
            }
            hold(&mut world, false);
            later(&mut world, LOOKED_AT_AGAIN_US);
            world.apply(crate::Input::Noop).unwrap();
            assert_eq!(stage(&world, id), end, "hold {number}");
        }
    }
}

/// Goal: approvals may be given in an emergency, and what they let go on waits for its end. Method: the last approval during a
/// stop, and time afterwards.
#[test]
fn an_emergency_holds_what_is_approved() {
    let mut world = treasury_of(with_pool());
    let wanted = Order { to: address("pool0"), ..order(ALICE, "a", 20_000 * DOLLAR) };
    let (id, _) = request(&mut world, wanted).unwrap();
    HOLDS[0](&mut world, true);
    assert_eq!(approve(&mut world, 3, id), Ok(Stage::Approved));
    later(&mut world, LOOKED_AT_AGAIN_US);
    world.apply(crate::Input::Noop).unwrap();
    assert_eq!((stage(&world, id), money(&world, BOB, USDT).0), (Stage::Approved, 1_000_000 * DOLLAR));
}

/// Goal: whoever owes something or is frozen after the request is paid nothing: no payout is decided, none that is decided is
/// signed, and others pass. What becomes free pays the debt first. Method: a debt before the payout, and one before the signature.
#[test]
fn debts_stop_what_is_under_way() {
    let mut world = bank(2);
    let ask = |world: &mut World, user, name: &str| request(world, order(user, name, 5 * DOLLAR)).unwrap().0;
    let (first, second, bobs) = (ask(&mut world, ALICE, "a"), ask(&mut world, ALICE, "b"), ask(&mut world, BOB, "c"));
    let payout = prepared(&mut world, prepare(EVM, &[first], Claim::Nonce(0), 1)).unwrap();
    owe(&mut world, ALICE, 8 * DOLLAR);
    assert_eq!(refusal(step(&mut world, payout, signed(1))), Refusal::Owes);
    assert_eq!(refusal(prepared(&mut world, prepare(EVM, &[second], Claim::Nonce(1), 2))), Refusal::Owes);
    let told = world.state.explain_withdrawal(&world.rows, second).unwrap().unwrap().now;
    assert_eq!(told, format!("waits: {}", Refusal::Owes.message()));
    assert!(prepared(&mut world, prepare(EVM, &[bobs], Claim::Nonce(1), 2)).is_ok(), "others pass");
    let dead = PayoutStep::Dead { proof: Death::NeverSigned, requeue: true };
    assert_eq!(step(&mut world, payout, dead), Ok(Stage::Queued));
    let posted = money(&world, ALICE, USDT).0;
    step_withdrawal(&mut world, Actor::User(ALICE), second, WithdrawalStep::Cancel).unwrap();
    assert_eq!((owed(&world, ALICE), money(&world, ALICE, USDT).0), (0, posted - 8 * DOLLAR));
    assert!(prepared(&mut world, prepare(EVM, &[first], Claim::Nonce(2), 3)).is_ok(), "the debt is paid");
    world.run(freeze(1)).unwrap();
    assert_eq!(refusal(step(&mut world, PayoutId(3), signed(3))), Refusal::Frozen);
}

/// Goal: a worker tells what a withdrawal waits for and does nothing else; that a second factor was shown comes from the very
/// user alone; nothing of a frozen user's goes on. Method: each step by each hand.
#[test]
fn hands_do_what_is_theirs() {
    let mut world = bank(2);
    let wanted = order(ALICE, "a", 5 * DOLLAR);
    let ask = Body::RequestWithdrawal(Box::new(RequestWithdrawal { order: wanted.clone(), proof: None }));
    let command = Command { actor: Actor::User(ALICE), ..world.command(ask) };
    world.send(&command).unwrap();
    let id = WithdrawalId(1);
    let confirm = || WithdrawalStep::Confirm(Proof { order: wanted.hash(), at: world.now });
    let (confirm, again) = (confirm(), confirm());
    for step in [confirm.clone(), WithdrawalStep::Cancel, WithdrawalStep::Reject { reason: "no".into() }] {
        assert_eq!(step_withdrawal(&mut world, worker(EVM), id, step), Err(Rejection::WorkerMayNot));
    }
    let not_permitted = Err(Rejection::NotPermitted { permission: None });
    assert_eq!(step_withdrawal(&mut world, Actor::Operator, id, confirm.clone()), not_permitted);
    world.run(freeze(1)).unwrap();
    assert_eq!(refusal(step_withdrawal(&mut world, Actor::User(ALICE), id, confirm)), Refusal::Frozen);
    world.run(thaw(1)).unwrap();
    assert_eq!(step_withdrawal(&mut world, Actor::User(ALICE), id, again), Ok(Stage::Queued));
    let change = BookChange::Add { network: EVM, address: address("0xd"), memo: None, label: String::new() };
    let proved = Some(world.now);
    let body = Body::ChangeAddressBook(ChangeAddressBook { user: ALICE, change, proved });
    assert_eq!(refusal(world.run(body.clone())), Refusal::Proof, "an operator shows nobody's second factor");
    let command = Command { actor: Actor::User(ALICE), ..world.command(body) };
    assert!(world.send(&command).is_ok());
}

/// Goal: the guards are what refuses. Method: each is taken away, and the test that names it fails.
#[test]
fn planted_bugs_of_holds_are_caught() {
    catches(Bug::GoesOnUnasked, delays_do_not_pass_holds);
    catches(Bug::GoesOnUnasked, an_emergency_holds_what_is_approved);
    catches(Bug::GoesOnUnasked, debts_stop_what_is_under_way);
    catches(Bug::AnyHand, hands_do_what_is_theirs);
}
