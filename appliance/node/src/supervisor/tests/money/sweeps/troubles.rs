//! What goes wrong with sweeps and top-ups, and what must not come of it.

use exchequer_domain::Network;
use exchequer_state::sweeps::SweepStatus;
use exchequer_state::withdrawals::{Claim, Errand};

use super::super::purse::{HOT, address_on, ask_for};
use super::field::{Field, NATIVE, TOKENS, Who};

/// Goal: no loop of top-ups where a sweep fails again and again: each failure makes the next try wait twice as long, and an address
/// gets gas three times a day at most. "Out-of-gas sweeps shown as done" of failure mode 32: nothing counts as swept. Method: an
/// address of which everything takes its fee and does nothing, for half a day.
#[tokio::test(start_paused = true)]
async fn no_top_up_loop_where_sweeps_fail() {
    let network = Network::Ethereum;
    let mut field = Field::open(network, true, false).await;
    field.deposit(0, TOKENS, 500_000_000).await;
    let from = field.address(0);
    field.net.lock().failing.insert(from.to_string());
    let (sweeper, fuel) = (field.clerk(Who::Consolidation), field.clerk(Who::Gas));
    field.work(&[&sweeper, &fuel], 40).await;
    assert_eq!((field.top_ups(), field.sweeps()), (1, 1));
    assert_eq!(field.holding(0, TOKENS).unwrap().free, 500_000_000, "it is where it was");
    assert!(field.told(0, TOKENS).starts_with("not swept: its last 1 sweeps failed"), "{}", field.told(0, TOKENS));
    for _ in 0..12 {
        field.pass(1_800).await;
        field.work(&[&sweeper, &fuel], 11).await;
    }
    // After one hour, two more and four more.
    assert!((2..=4).contains(&field.sweeps()), "{} sweeps", field.sweeps());
    assert!(field.top_ups() <= 3, "{} top-ups", field.top_ups());
    assert_eq!(field.has(&from, TOKENS), 500_000_000);
}

/// Goal: a transfer that would fail gets no gas at all, and it is said why. Method: a token that bars the address.
#[tokio::test(start_paused = true)]
async fn what_would_fail_gets_no_gas() {
    let mut field = Field::open(Network::Tron, true, false).await;
    field.deposit(0, TOKENS, 500_000_000).await;
    field.net.lock().barred.insert(field.address(0).to_string());
    let (sweeper, fuel) = (field.clerk(Who::Consolidation), field.clerk(Who::Gas));
    field.work(&[&sweeper, &fuel], 10).await;
    assert_eq!((field.top_ups(), field.sweeps(), field.plans().len()), (0, 0, 0));
    assert!(field.told(0, TOKENS).contains("would fail"), "{}", field.told(0, TOKENS));
}

/// Goal: the day's budget is not passed; what waits for gas waits, people are told, and it goes on once there is more. Method: no
/// budget at all, then some.
#[tokio::test(start_paused = true)]
async fn the_budget_is_a_cap() {
    let mut field = Field::open(Network::Ethereum, true, false).await;
    for value in [250, 125, 63, 32, 16, 8, 4, 2, 1, 0] {
        field.set("gas.budget_usd_day", value);
    }
    field.set("gas.hot_threshold_usd", 0);
    field.deposit(0, TOKENS, 500_000_000).await;
    let (sweeper, fuel) = (field.clerk(Who::Consolidation), field.clerk(Who::Gas));
    let said = field.work(&[&sweeper, &fuel], 20).await;
    assert_eq!((field.top_ups(), field.sweeps()), (0, 0));
    assert!(said.iter().any(|why| why.contains("left of the day's budget")), "{said:?}");
    assert!(matches!(field.plans()[0].status, SweepStatus::NeedsGas { .. }));
    field.set("gas.budget_usd_day", 100);
    let said = field.work(&[&sweeper, &fuel], 40).await;
    assert_eq!((field.top_ups(), field.sweeps()), (1, 1), "{said:?}");
}

/// Goal: a top-up and a withdrawal that want the same nonce of one wallet at the same moment never share it, and both are made
/// once. Method: no gas wallet, so that the hot one pays both; the two workers decide at once, again and again.
#[tokio::test(start_paused = true)]
async fn a_nonce_is_given_once_to_a_top_up_and_a_withdrawal() {
    let network = Network::Ethereum;
    let mut field = Field::open(network, false, false).await;
    for index in 0..4 {
        field.give(&field.address(index), TOKENS, 500_000_000);
    }
    for number in [HOT, HOT + 1] {
        field.give(&address_on(network, number), TOKENS, 1_000_000_000);
    }
    field.deposit(4, TOKENS, 500_000_000).await;
    let (sweeper, fuel) = (field.clerk(Who::Consolidation), field.clerk(Who::Gas));
    let payer = field.clerk(Who::Withdrawal);
    let asked: Vec<_> = (0..8).map(|number| ask_for(&field.stage, network, 1, NATIVE, number, 1_000)).collect();
    for _ in 0..60 {
        let _ = tokio::join!(field.round(&sweeper), field.round(&fuel), field.round(&payer));
        field.pass(12).await;
    }
    assert_eq!((field.top_ups(), field.sweeps()), (5, 5), "{:?}", field.plans());
    for number in 0..asked.len() as u32 {
        let to = address_on(network, super::super::purse::RECEIVERS + number);
        assert_eq!(field.paid(&to).len(), 1, "withdrawal {number}");
    }
    let mut used = std::collections::BTreeSet::new();
    for payout in field.all_moves().iter().filter(|payout| matches!(payout.errand, Errand::TopUp(_))) {
        let Claim::Nonce(nonce) = payout.attempts[0].claim else { panic!("no nonce") };
        assert!(used.insert((payout.payer, nonce)), "{nonce} twice");
    }
}

/// Goal: where less lies on an address than the books have nothing of it is swept, and a person has to look; failure mode 32. Method: a
/// unit that vanished.
#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_not_swept() {
    let mut field = Field::open(Network::Ethereum, true, false).await;
    field.deposit(0, TOKENS, 500_000_000).await;
    field.steal(&field.address(0), TOKENS, 1);
    // Until it is in what is read: balances are those of a settled block.
    for _ in 0..9 {
        field.pass(12).await;
    }
    let (sweeper, fuel) = (field.clerk(Who::Consolidation), field.clerk(Who::Gas));
    let said = field.work(&[&sweeper, &fuel], 10).await;
    assert_eq!((field.sweeps(), field.top_ups(), field.plans().len()), (0, 0, 0), "{said:?}");
    assert!(field.told(0, TOKENS).ends_with("a person has to look"), "{}", field.told(0, TOKENS));
}

/// Goal: two transfers of one address never count on the same gas: "gas for one of two" of failure mode 32. Method: a token arrives
/// where the network's own coin is being swept, and its transfer would find that coin still there.
#[tokio::test(start_paused = true)]
async fn the_second_transfer_of_an_address_waits_for_the_first() {
    let mut field = Field::open(Network::Ethereum, true, false).await;
    let much = field.units(NATIVE, 1_000_000);
    field.deposit(0, NATIVE, much).await;
    let (sweeper, fuel) = (field.clerk(Who::Consolidation), field.clerk(Who::Gas));
    field.net.lock().lazy = 4;
    for _ in 0..10 {
        field.work(&[&sweeper, &fuel], 1).await;
    }
    assert_eq!((field.sweeps(), field.net.lock().waits()), (1, 1));
    field.deposit(0, TOKENS, 500_000_000).await;
    field.work(&[&sweeper, &fuel], 4).await;
    assert_eq!(field.sweeps(), 1, "the coin is still there, and is not the token's to use");
    field.net.lock().lazy = 0;
    let said = field.work(&[&sweeper, &fuel], 60).await;
    assert_eq!((field.sweeps(), field.top_ups()), (2, 1), "{said:?}");
    assert_eq!(field.has(&field.address(0), TOKENS), 0);
}
