//! Consolidation and gas workers on networks that count what everybody has.

mod field;
mod lent;
mod minimums;
mod troubles;

use exchequer_domain::Network;
use exchequer_state::ledger::Store;
use exchequer_state::sweeps::SweepStage;
use exchequer_state::withdrawals::{Errand, Stage as Standing};

use super::super::super::ground::Ground as _;
use super::purse::{HOT, address_on};
use field::{COLD, Clerk, Field, GAS, NATIVE, TOKENS, Who};

/// Goal: a token is swept once what it takes was brought, and not before that is final; everything arrives, each transfer once,
/// and the books follow: "sweep before gas confirmed" of failure mode 32. Method: one deposit on networks of both families with
/// accounts; at every step the sweep is compared with the height of its gas.
#[tokio::test(start_paused = true)]
async fn a_sweep_waits_until_its_gas_is_final() {
    for network in [Network::Ethereum, Network::Tron] {
        let mut field = Field::open(network, true, false).await;
        field.deposit(0, TOKENS, 500_000_000).await;
        assert_eq!(field.holding(0, TOKENS).unwrap().free, 500_000_000, "{network}");
        let (sweeper, fuel) = (field.clerk(Who::Consolidation), field.clerk(Who::Gas));
        let (from, mut gas_final, mut said) = (field.address(0), false, Vec::new());
        for _ in 0..40 {
            said = field.work(&[&sweeper, &fuel], 1).await;
            let all = field.all_moves();
            let top_up = all.iter().find(|payout| matches!(payout.errand, Errand::TopUp(_)));
            gas_final |= top_up.is_some_and(|payout| payout.stage() == Standing::Completed);
            assert!(field.sweeps() == 0 || gas_final, "{network}: swept before its gas was final");
        }
        let hot: u128 = [HOT, HOT + 1].map(|number| field.has(&address_on(network, number), TOKENS)).iter().sum();
        assert_eq!((hot, field.has(&from, TOKENS)), (500_000_000, 0), "{network}: {said:?}");
        assert_eq!((field.top_ups(), field.sweeps(), field.paid(&from).len()), (1, 1, 1), "{network}");
        assert!(field.holding(0, TOKENS).is_none_or(|holding| holding.free == 0), "{network}");
        assert!(field.plans().is_empty() && field.moves().is_empty(), "{network}");
        assert_eq!(field.books(Store::Deposit, TOKENS), 0, "{network}: what was swept is not on deposit addresses");
        let over = field
            .stage
            .ground()
            .rows(|state, rows| state.sweeps_over(rows, exchequer_state::sweeps::SweepId(u64::MAX), 10).unwrap());
        let stages: Vec<SweepStage> = over.unwrap().iter().map(|plan| plan.status.stage()).collect();
        assert_eq!(stages, [SweepStage::Done], "{network}");
    }
}

/// An address with tokens whose gas was just brought, and nothing is swept yet; with its consolidation and its gas worker.
async fn topped_up(network: Network) -> (Field, Clerk, Clerk) {
    let mut field = Field::open(network, true, false).await;
    field.deposit(0, TOKENS, 500_000_000).await;
    let (sweeper, fuel) = (field.clerk(Who::Consolidation), field.clerk(Who::Gas));
    for _ in 0..40 {
        field.work(&[&sweeper, &fuel], 1).await;
        assert_eq!(field.sweeps(), 0, "{network}");
        if field.top_ups() == 1 && field.moves().is_empty() {
            return (field, sweeper, fuel);
        }
    }
    panic!("no gas was brought on {network}");
}

/// Goal: what is brought is exactly what the sweep takes and a quarter more, and is enough where fees rise by a quarter before it
/// is used: one top-up. Method: the price of everything rises once the gas is there.
#[tokio::test(start_paused = true)]
async fn gas_is_enough_after_fees_rise_by_a_quarter() {
    for network in [Network::Ethereum, Network::Tron] {
        let (mut field, sweeper, fuel) = topped_up(network).await;
        field.net.lock().dear = 125;
        let said = field.work(&[&sweeper, &fuel], 30).await;
        assert_eq!((field.top_ups(), field.sweeps()), (1, 1), "{network}: {said:?}");
        assert_eq!(field.has(&field.address(0), TOKENS), 0, "{network}");
        if network == Network::Ethereum {
            // 65,000 units and a fifth more, at twice the base fee and the tip, and a quarter more.
            let takes = 78_000 * 2_100_000_000_u128;
            let brought = field.paid(&field.address(0))[0];
            let unit = 10_000_000_000;
            assert_eq!(brought, (takes * 125).div_ceil(100).div_ceil(unit) * unit);
        }
    }
}

/// Goal: where fees have risen so far that what was brought is not enough any more, the rest is brought before anything is swept;
/// "sweep before gas confirmed" of failure mode 32. Method: the price of everything doubles once the gas is there.
#[tokio::test(start_paused = true)]
async fn gas_that_is_not_enough_any_more_is_brought_again() {
    for network in [Network::Ethereum, Network::Tron] {
        let (mut field, sweeper, fuel) = topped_up(network).await;
        field.net.lock().dear = 200;
        let said = field.work(&[&sweeper, &fuel], 60).await;
        assert_eq!((field.top_ups(), field.sweeps()), (2, 1), "{network}: {said:?}; {:?}", field.plans());
        assert_eq!(field.has(&field.address(0), TOKENS), 0, "{network}");
    }
}

/// Goal: of the network's own coin what is there without the fee goes; where the fee is more than that nothing does, and the reason
/// is told: "negative amount" of failure mode 32. Method: a deposit that is worth it, and one that is not worth its fee.
#[tokio::test(start_paused = true)]
async fn a_native_sweep_is_what_its_fee_leaves() {
    let network = Network::Ethereum;
    let mut field = Field::open(network, true, false).await;
    field.set("sweeps.min_usd", 0);
    let (much, little) = (field.units(NATIVE, 1_000_000), 10_000_000_000 * 1_000);
    field.give(&field.address(1), NATIVE, little);
    field.deposit(0, NATIVE, much).await;
    let sweeper = field.clerk(Who::Consolidation);
    let said = field.work(&[&sweeper], 30).await;
    assert_eq!((field.sweeps(), field.top_ups()), (1, 0), "{said:?}");
    let moved = field.all_moves()[0].errand.moves().unwrap().on_chain;
    let (left, fee) = (field.has(&field.address(0), NATIVE), 25_200 * 2_100_000_000_u128);
    assert!(moved + fee <= much && moved + fee + 10_000_000_000 > much, "{moved} of {much}");
    assert!(left < fee, "what is left is what the fee came to less");
    assert_eq!(field.has(&field.address(1), NATIVE), little);
    assert!(field.told(1, NATIVE).starts_with("not swept: nothing would be left"), "{}", field.told(1, NATIVE));
}

/// Goal: nothing is swept from deposits that are held, and it is said why; once they are not held any more they go. Method: a user
/// who is frozen, beside one who is not.
#[tokio::test(start_paused = true)]
async fn nothing_is_swept_from_held_deposits() {
    let mut field = Field::open(Network::Ethereum, true, false).await;
    field.give(&field.address(1), TOKENS, 700_000_000);
    field.deposit(0, TOKENS, 500_000_000).await;
    field.freeze(0, true);
    let (sweeper, fuel) = (field.clerk(Who::Consolidation), field.clerk(Who::Gas));
    let said = field.work(&[&sweeper, &fuel], 40).await;
    assert_eq!((field.sweeps(), field.has(&field.address(0), TOKENS)), (1, 500_000_000), "{said:?}");
    assert_eq!(field.has(&field.address(1), TOKENS), 0);
    assert_eq!(field.told(0, TOKENS), "not swept: a deposit that it comes of is held");
    field.freeze(0, false);
    field.work(&[&sweeper, &fuel], 40).await;
    assert_eq!((field.sweeps(), field.has(&field.address(0), TOKENS)), (2, 0));
}

/// Goal: hot wallets are filled to their target and the rest goes to the cold one, to the unit, and each of the two transfers of one
/// address pays for its own gas: "gas for one of two" of failure mode 32. Method: a target that one deposit passes.
#[tokio::test(start_paused = true)]
async fn hot_wallets_are_filled_and_the_rest_is_cold_to_the_unit() {
    let network = Network::Ethereum;
    let mut field = Field::open(network, true, true).await;
    field.set("sweeps.hot_target_usd", 1_000);
    field.set("sweeps.hot_low_usd", 0);
    let deposits = [600_000_001, 900_000_000, 50_000_003];
    field.give(&field.address(0), TOKENS, deposits[0]);
    field.give(&field.address(1), TOKENS, deposits[1]);
    field.deposit(2, TOKENS, deposits[2]).await;
    let (sweeper, fuel) = (field.clerk(Who::Consolidation), field.clerk(Who::Gas));
    let said = field.work(&[&sweeper, &fuel], 120).await;
    let hot: u128 = [HOT, HOT + 1].map(|number| field.has(&address_on(network, number), TOKENS)).iter().sum();
    let cold = field.has(&address_on(network, COLD), TOKENS);
    assert_eq!((hot, cold), (1_000_000_000, deposits.iter().sum::<u128>() - 1_000_000_000), "{said:?}");
    assert_eq!((field.sweeps(), field.top_ups()), (4, 4), "one address in two parts");
    let native = [HOT, HOT + 1, GAS].map(|number| field.has(&address_on(network, number), NATIVE));
    assert!(native.iter().all(|has| *has > 0));
}
