//! Requests: names, proofs, limits, addresses, money.

use exchequer_domain::{Network, Timestamp};
use exchequer_ledger::{self as ledger, AccountKey, Holder};

use super::super::world::{DAY, HOUR, SECOND, configure, freeze};
use super::*;
use crate::api_keys::{Credential, Range, Scopes};
use crate::planted::Bug;
use crate::withdrawals::book::{self, COOLING_US, LISTED_ONLY_ENDS_US};
use crate::withdrawals::{DAY_US, Destination, Differs, Ending, Shut, Standing, Verdict};
use crate::{AllocateAddress, BookChange, ChangeAddressBook, CreateApiKey, EmergencyStop, StockAddresses};

fn queued(world: &mut World, client_id: &str, dollars: u128) -> WithdrawalId {
    let (id, stage) = request(world, order(ALICE, client_id, dollars * DOLLAR)).unwrap();
    assert_eq!(stage, Stage::Queued);
    id
}

/// Goal: the same name is the same withdrawal for ever: on a repetition, after a restart, and after the end; with other content
/// it is refused with the first difference. Method: each field changed in turn.
#[test]
fn a_name_is_one_withdrawal_for_ever() {
    let mut world = bank(2);
    let first = order(ALICE, "rent", 10 * DOLLAR);
    let (id, _) = request(&mut world, first.clone()).unwrap();
    let again = |world: &mut World| {
        let body = proved(world, first.clone());
        let command = Command { actor: Actor::User(ALICE), ..world.command(body) };
        world.send(&command)
    };
    let expected = |stage| Ok(Done::WithdrawalRequested { withdrawal: id, stage, first: false });
    assert_eq!(again(&mut world), expected(Stage::Queued));
    world.state = State::load(&world.rows).unwrap();
    for (other, differs) in [
        (Order { asset: ETH, ..first.clone() }, Differs::Asset),
        (Order { network: Network::Tron, ..first.clone() }, Differs::Network),
        (Order { to: address("0xdef"), ..first.clone() }, Differs::Address),
        (Order { memo: Some("7".into()), ..first.clone() }, Differs::Memo),
        (Order { amount: 11 * DOLLAR, ..first.clone() }, Differs::Amount),
        (Order { mode: FeeMode::Deduct, ..first.clone() }, Differs::FeeMode),
    ] {
        let refused = refusal(request(&mut world, other));
        assert_eq!(refused, Refusal::ExistsDifferent { withdrawal: id, differs });
    }
    assert_eq!(money(&world, ALICE, USDT), (1_000_000 * DOLLAR, 10 * DOLLAR + FEE), "held once");
    step_withdrawal(&mut world, Actor::User(ALICE), id, WithdrawalStep::Cancel).unwrap();
    later(&mut world, 40 * DAY);
    world.apply(crate::Input::Noop).unwrap();
    assert_eq!(again(&mut world), expected(Stage::Cancelled));
    let bobs = request(&mut world, Order { user: BOB, ..first.clone() });
    assert_eq!(bobs.unwrap().0, WithdrawalId(2), "a name is a user's");
}

/// Goal: a thousand requests at once for more than there is never overdraw: as many are taken as there is money for, and the
/// sum is exact. Method: one entry of 1,000 commands, each for a thousandth and a bit of what is there; failure mode 25.
#[test]
fn a_thousand_at_once_never_overdraw() {
    let mut world = bank(1);
    let each = 1_100 * DOLLAR - FEE;
    let commands: Vec<Command> = (0..1_000)
        .map(|number| {
            let order = on(Network::Tron, USDT, order(ALICE, &format!("n{number}"), each));
            let body = proved(&world, order);
            Command { actor: Actor::User(ALICE), ..world.command(body) }
        })
        .collect();
    // Limits and policy are not what is looked at here.
    let mut policy = world.state.withdrawals().policy().clone();
    policy.rules.drain(..3);
    policy.limits[3] = crate::withdrawals::Limit { day_usd: u64::MAX, month_usd: u64::MAX };
    let set = crate::SetWithdrawalPolicy { policy, if_version: Some(0), reason: "test".into() };
    world.run(Body::SetWithdrawalPolicy(Box::new(set))).unwrap();
    let outcomes = world.entry(&commands);
    let taken = outcomes.iter().filter(|outcome| matches!(outcome, crate::Outcome::Done(_))).count() as u128;
    assert_eq!(taken, 1_000_000 / 1_100);
    assert_eq!(money(&world, ALICE, USDT), (1_000_000 * DOLLAR, taken * 1_100 * DOLLAR));
    let low = ledger::Rejection::Leg { leg: 0, fault: ledger::Fault::DebitExceedsBalance };
    assert_eq!(outcomes[999], crate::Outcome::Rejected(Rejection::Ledger(low)));
    let rest = 1_000_000 * DOLLAR - taken * 1_100 * DOLLAR - FEE;
    assert!(request(&mut world, on(Network::Tron, USDT, order(ALICE, "rest", rest))).is_ok(), "to the last unit");
    assert_eq!(money(&world, ALICE, USDT), (1_000_000 * DOLLAR, 1_000_000 * DOLLAR));
}

/// Goal: exactly what is left passes, one millionth more does not, and the windows roll by the microsecond. Method: a level's
/// limit used up in two parts, and the moments around the end of the first; failure of spec 2.14 (b).
#[test]
fn limits_hold_to_the_last_unit() {
    let mut world = bank(1);
    let day = u128::from(world.state.withdrawals().policy().limit(3).day_usd);
    let free = |order: Order| Order { network: Network::Tron, mode: FeeMode::Deduct, ..order };
    let begin = world.now;
    request(&mut world, free(order(ALICE, "a", day - 5 * DOLLAR))).unwrap();
    later(&mut world, HOUR);
    price(&mut world);
    let over = refusal(request(&mut world, free(order(ALICE, "b", 5 * DOLLAR + 1))));
    assert_eq!(over, Refusal::Limit { left_usd: 5_000_000, month: false });
    request(&mut world, free(order(ALICE, "c", 5 * DOLLAR))).unwrap();
    assert_eq!(world.state.withdrawal_limits_left(ALICE)[0], 0);
    world.now = Timestamp(begin.0 + DAY_US - 1);
    price(&mut world);
    assert!(matches!(refusal(request(&mut world, free(order(ALICE, "d", 2 * DOLLAR)))), Refusal::Limit { .. }));
    world.now = Timestamp(begin.0 + DAY_US);
    price(&mut world);
    assert!(request(&mut world, free(order(ALICE, "d", 2 * DOLLAR))).is_ok());
}

/// Goal: what is refused or taken back does not count any more; a level without limits withdraws nothing.
#[test]
fn what_came_to_nothing_does_not_count() {
    let mut world = bank(1);
    let before = world.state.withdrawal_limits_left(ALICE);
    let id = queued(&mut world, "a", 9_000);
    assert_ne!(world.state.withdrawal_limits_left(ALICE), before);
    step_withdrawal(&mut world, Actor::User(ALICE), id, WithdrawalStep::Cancel).unwrap();
    assert_eq!(world.state.withdrawal_limits_left(ALICE), before);
    let update = crate::UpdateUser {
        user: ALICE,
        kyc_level: Some(0),
        fee_tier: None,
        status: None,
        label: None,
        reason: "test".into(),
    };
    world.run(Body::UpdateUser(update)).unwrap();
    let none = refusal(request(&mut world, order(ALICE, "b", 2)));
    assert_eq!(none, Refusal::Limit { left_usd: 0, month: false });
}

/// Goal: a value that nobody knows is never guessed: the withdrawal waits for people. Method: the price grows too old.
#[test]
fn an_old_price_asks_people() {
    let mut world = bank(1);
    later(&mut world, 601 * SECOND);
    let (id, stage) = request(&mut world, order(ALICE, "a", 5 * DOLLAR)).unwrap();
    assert_eq!((stage, withdrawal(&world, id).usd), (Stage::AwaitingApproval, None));
}

/// Goal: a second factor counts for the request that it was shown for, for five minutes, and once it was not shown the
/// withdrawal waits half an hour for it. Method: proofs of another request, of the future, and too old; failure mode 30.
#[test]
fn proofs_are_bound() {
    let mut world = bank(1);
    let (right, other) = (order(ALICE, "a", 5 * DOLLAR), order(ALICE, "a", 6 * DOLLAR));
    let send = |world: &mut World, order: &Order, proof| {
        let body = Body::RequestWithdrawal(Box::new(RequestWithdrawal { order: order.clone(), proof }));
        let command = Command { actor: Actor::User(ALICE), ..world.command(body) };
        world.send(&command)
    };
    let proof = |order: &Order, at| Some(Proof { order: order.hash(), at });
    let now = world.now;
    for bad in
        [proof(&other, now), proof(&right, Timestamp(now.0 + 1)), proof(&right, Timestamp(now.0 - 300 * SECOND - 1))]
    {
        assert_eq!(refusal(send(&mut world, &right, bad)), Refusal::Proof);
    }
    assert!(send(&mut world, &right, proof(&right, Timestamp(now.0 - 300 * SECOND))).is_ok());
    let late = order(ALICE, "b", 7 * DOLLAR);
    let id = match send(&mut world, &late, None).unwrap() {
        Done::WithdrawalRequested { withdrawal, stage: Stage::Confirming, .. } => withdrawal,
        other => panic!("{other:?}"),
    };
    let wrong = WithdrawalStep::Confirm(proof(&right, now).unwrap());
    assert_eq!(refusal(step_withdrawal(&mut world, Actor::User(ALICE), id, wrong)), Refusal::Proof);
    let good = WithdrawalStep::Confirm(proof(&late, now).unwrap());
    assert_eq!(step_withdrawal(&mut world, Actor::User(ALICE), id, good), Ok(Stage::Queued));
    let third = order(ALICE, "c", 8 * DOLLAR);
    send(&mut world, &third, None).unwrap();
    let held = money(&world, ALICE, USDT).1;
    later(&mut world, HOUR / 2);
    world.apply(crate::Input::Noop).unwrap();
    assert_eq!(stage(&world, WithdrawalId(3)), Stage::Expired);
    assert_eq!(money(&world, ALICE, USDT).1, held - 8 * DOLLAR - FEE);
}

/// Goal: nobody moves another user's money, and a user moves their own only as users may. Method: another user's, a worker's and
/// a key's hand on a withdrawal of Alice's.
#[test]
fn only_ones_own() {
    let mut world = bank(2);
    let body = proved(&world, order(ALICE, "a", 5 * DOLLAR));
    let command = Command { actor: Actor::User(BOB), ..world.command(body) };
    assert_eq!(world.send(&command), Err(Rejection::NotPermitted { permission: None }));
    let id = queued(&mut world, "a", 5);
    let cancel = step_withdrawal(&mut world, Actor::User(BOB), id, WithdrawalStep::Cancel);
    assert_eq!(cancel, Err(Rejection::NotPermitted { permission: None }));
    let reject = WithdrawalStep::Reject { reason: "no".into() };
    assert!(step_withdrawal(&mut world, Actor::User(ALICE), id, reject).is_err());
    let body = proved(&world, order(ALICE, "b", 5 * DOLLAR));
    assert_eq!(send(&mut world, Network::Ethereum, body), Err(Rejection::WorkerMayNot));
}

/// Goal: switches, emergency, terms and texts are asked before any money is held; a frozen user withdraws nothing.
#[test]
fn doors_are_asked_first() {
    let mut world = bank(2);
    let amount = |world: &mut World, amount| refusal(request(world, order(ALICE, "a", amount)));
    assert!(matches!(amount(&mut world, 1), Refusal::Amount { min: 2, .. }));
    assert!(matches!(amount(&mut world, u128::MAX), Refusal::Amount { .. }));
    let deduct = Order { mode: FeeMode::Deduct, ..order(ALICE, "a", FEE) };
    assert!(matches!(refusal(request(&mut world, deduct)), Refusal::Amount { .. }), "nothing would be left");
    for (order, expected) in [
        (order(ALICE, "", 5 * DOLLAR), Refusal::ClientId),
        (order(ALICE, "a b", 5 * DOLLAR), Refusal::ClientId),
        (Order { memo: Some(String::new()), ..order(ALICE, "a", 5 * DOLLAR) }, Refusal::Memo),
        (on(Network::Ethereum, BTC, order(ALICE, "a", 5)), Refusal::NotListed),
        (on(Network::Bsc, USDT, order(ALICE, "a", 5)), Refusal::Shut { why: Shut::Off }),
        (Order { to: address("hotevm1"), ..order(ALICE, "a", 5 * DOLLAR) }, Refusal::OwnAddress),
    ] {
        assert_eq!(refusal(request(&mut world, order)), expected);
    }
    world.run(freeze(2)).unwrap();
    assert_eq!(refusal(request(&mut world, order(BOB, "a", 5 * DOLLAR))), Refusal::Frozen);
    world.run(configure(Network::Ethereum, |command| command.withdrawals = Some(false))).unwrap();
    assert_eq!(amount(&mut world, 5 * DOLLAR), Refusal::Shut { why: Shut::Off });
    world.run(Body::EmergencyStop(EmergencyStop { reason: "test".into() })).unwrap();
    assert!(matches!(request(&mut world, order(ALICE, "a", 5)), Err(Rejection::EmergencyHolds { .. })));
    assert_eq!(money(&world, ALICE, USDT), (1_000_000 * DOLLAR, 0));
}

/// Goal: money to another user's deposit address is paid inside, at once, whole and without a fee; to one's own or to nobody's
/// yet it is refused. Method: addresses of the pool in all three states; failure mode 18.
#[test]
fn own_addresses_are_paid_inside() {
    let mut world = bank(2);
    let entries = (0..3).map(|number| (address(&format!("pool{number}")), [0; 32])).collect();
    let stock = StockAddresses { family: ChainFamily::Evm, first_index: 0, entries };
    world.run(Body::StockAddresses(stock)).unwrap();
    for user in [ALICE, BOB] {
        let network = Network::Ethereum;
        world.run(Body::AllocateAddress(AllocateAddress { user, network, fresh: false })).unwrap();
    }
    let to = |text: &str, name: &str| Order { to: address(text), ..order(ALICE, name, 5 * DOLLAR) };
    assert_eq!(refusal(request(&mut world, to("pool0", "a"))), Refusal::OwnAddress, "her own");
    assert_eq!(refusal(request(&mut world, to("pool2", "a"))), Refusal::OwnAddress, "nobody's yet");
    let (id, stage) = request(&mut world, to("pool1", "a")).unwrap();
    let one = withdrawal(&world, id);
    assert_eq!((stage, one.standing), (Stage::Completed, Standing::Over(Ending::Internal { to: BOB })));
    assert_eq!(money(&world, ALICE, USDT), (999_995 * DOLLAR, 0));
    assert_eq!(money(&world, BOB, USDT), (1_000_005 * DOLLAR, 0));
    assert_eq!((one.fee, one.destination), (0, Destination::Internal));
}

/// Goal: where only listed addresses are paid, an address counts after it was confirmed and has cooled down, and not once it is
/// archived; it takes two days until others are paid again. Method: one address through all its states, by the microsecond.
#[test]
fn the_address_book_holds() {
    let mut world = bank(1);
    let (network, to, memo) = (Network::Ethereum, address("0xabc"), None::<String>);
    let change = |world: &mut World, change, proved: bool| {
        let proved = proved.then_some(world.now);
        let body = Body::ChangeAddressBook(ChangeAddressBook { user: ALICE, change, proved });
        let command = Command { actor: Actor::User(ALICE), ..world.command(body) };
        world.send(&command)
    };
    let pay = |world: &mut World, name: &str| request(world, order(ALICE, name, 5 * DOLLAR));
    change(&mut world, BookChange::ListedOnly(true), false).unwrap();
    assert_eq!(refusal(pay(&mut world, "a")), Refusal::AddressNotListed);
    let add = BookChange::Add { network, address: to.clone(), memo: memo.clone(), label: "mine".into() };
    change(&mut world, add.clone(), false).unwrap();
    assert_eq!(refusal(change(&mut world, add, false)), Refusal::Book, "it is there");
    assert_eq!(refusal(pay(&mut world, "a")), Refusal::AddressNotListed, "it waits for a second factor");
    let confirm = BookChange::Confirm { network, address: to.clone(), memo: memo.clone() };
    assert_eq!(refusal(change(&mut world, confirm.clone(), false)), Refusal::Proof);
    change(&mut world, confirm, true).unwrap();
    let until = Timestamp(world.now.0 + 2 * COOLING_US);
    assert_eq!(refusal(pay(&mut world, "a")), Refusal::AddressCooling { until });
    world.now = Timestamp(until.0 - 1);
    price(&mut world);
    assert_eq!(refusal(pay(&mut world, "a")), Refusal::AddressCooling { until });
    world.now = until;
    let (id, _) = pay(&mut world, "a").unwrap();
    assert_eq!(withdrawal(&world, id).destination, Destination::Listed);
    let with_memo = Order { memo: Some("7".into()), ..order(ALICE, "m", 5 * DOLLAR) };
    assert_eq!(refusal(request(&mut world, with_memo)), Refusal::AddressNotListed, "another receiver");
    change(&mut world, BookChange::Archive { network, address: to, memo }, false).unwrap();
    assert_eq!(refusal(pay(&mut world, "b")), Refusal::AddressNotListed);
    assert_eq!(refusal(change(&mut world, BookChange::ListedOnly(false), false)), Refusal::Proof);
    change(&mut world, BookChange::ListedOnly(false), true).unwrap();
    assert_eq!(refusal(pay(&mut world, "b")), Refusal::AddressNotListed);
    later(&mut world, LISTED_ONLY_ENDS_US);
    price(&mut world);
    let (id, _) = pay(&mut world, "b").unwrap();
    assert_eq!(withdrawal(&world, id).destination, Destination::New);
    assert_eq!(book::entries(&world.rows, ALICE).unwrap()[0].word(world.now), "archived");
    assert!(!book::book(&world.rows, ALICE).unwrap().is_listed_only(world.now));
}

/// Goal: a key is proof itself, of its own user and where it may withdraw, and pays to addresses alone that its user has listed with
/// a second factor, whatever the user's own book asks for; failure mode 30. Method: a key that withdraws, one that trades.
#[test]
fn a_key_pays_listed_addresses_alone() {
    let mut world = bank(2);
    let key = |world: &mut World, letter: &str, withdraw| {
        let create = CreateApiKey {
            user: ALICE,
            key: letter.repeat(64),
            label: String::new(),
            credential: Credential::Ed25519 { public: [1; 32] },
            scopes: Scopes { read: true, trade: true, withdraw },
            ranges: vec![Range { address: [7; 16], prefix: 128 }],
            reason: "test".into(),
        };
        match world.run(Body::CreateApiKey(Box::new(create))).unwrap() {
            Done::ApiKeyCreated { id } => id,
            other => panic!("{other:?}"),
        }
    };
    let (payer, trader) = (key(&mut world, "p", true), key(&mut world, "t", false));
    let ask = |world: &mut World, id, order| {
        let body = Body::RequestWithdrawal(Box::new(RequestWithdrawal { order, proof: None }));
        let command = Command { actor: Actor::ApiKey(id), ..world.command(body) };
        world.send(&command)
    };
    let (network, to) = (Network::Ethereum, address("0xabc"));
    assert_eq!(refusal(ask(&mut world, payer, order(ALICE, "a", 5 * DOLLAR))), Refusal::AddressNotListed);
    let add = BookChange::Add { network, address: to, memo: None, label: "mine".into() };
    let proved = Some(world.now);
    let body = Body::ChangeAddressBook(ChangeAddressBook { user: ALICE, change: add, proved });
    let command = Command { actor: Actor::User(ALICE), ..world.command(body) };
    world.send(&command).unwrap();
    later(&mut world, COOLING_US);
    price(&mut world);
    assert!(ask(&mut world, trader, order(ALICE, "a", 5 * DOLLAR)).is_err(), "it may not withdraw");
    assert!(ask(&mut world, payer, order(BOB, "a", 5 * DOLLAR)).is_err(), "it is not Bob's");
    let asked = ask(&mut world, payer, order(ALICE, "a", 5 * DOLLAR));
    assert!(matches!(asked, Ok(Done::WithdrawalRequested { stage: Stage::Queued, .. })), "{asked:?}");
    let elsewhere = Order { to: address("0xdef"), ..order(ALICE, "b", 5 * DOLLAR) };
    assert_eq!(refusal(ask(&mut world, payer, elsewhere)), Refusal::AddressNotListed);
}

/// Goal: what a rule blocks ends at once with its name and its money free, and which rule a request would hit can be asked.
#[test]
fn blocked_ends_rejected() {
    let mut world = bank(1);
    let mut policy = world.state.withdrawals().policy().clone();
    policy.rules[3].then = Verdict::Block;
    let set = |policy, if_version| {
        let set = crate::SetWithdrawalPolicy { policy, if_version, reason: "test".into() };
        Body::SetWithdrawalPolicy(Box::new(set))
    };
    world.run(set(policy.clone(), Some(0))).unwrap();
    assert_eq!(refusal(world.run(set(policy, Some(0)))), Refusal::PolicyVersion { present: 1 });
    let (id, stage) = request(&mut world, order(ALICE, "a", 5 * DOLLAR)).unwrap();
    assert_eq!((stage, money(&world, ALICE, USDT).1), (Stage::Rejected, 0));
    let one = withdrawal(&world, id);
    assert_eq!(one.judged_by, (1, "the rest".to_owned()));
    let asked = world.state.judge_withdrawal(&one.order, WithdrawalId(0), Destination::New, Some(1));
    assert_eq!(asked, (Verdict::Block, "the rest".to_owned()));
    let clearing = AccountKey { holder: Holder::Clearing, asset: USDT };
    assert_eq!(balance(&world, clearing), (0, 0));
}

/// Goal: the guards of requests are what refuses. Method: each is taken away, and the test that names it fails.
#[test]
fn planted_bugs_of_requests_are_caught() {
    catches(Bug::LimitsIgnored, limits_hold_to_the_last_unit);
    catches(Bug::ProofNotBound, proofs_are_bound);
    catches(Bug::BookIgnored, the_address_book_holds);
}
