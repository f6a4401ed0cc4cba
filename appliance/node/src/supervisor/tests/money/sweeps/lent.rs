//! TRON: sweeps by energy that is lent for them.

use exchequer_domain::Network;
use exchequer_state::gas::{Loan, LoanStage};
use exchequer_state::settings::Value;

use super::super::super::super::ground::Ground as _;
use super::super::purse::{HOT, address_on};
use super::field::{Field, GAS, NATIVE, TOKENS, Who};

const NET: Network = Network::Tron;
const TRX: u128 = 1_000_000;

/// A field whose gas wallet stakes so many TRX, of the 110,000 that it has.
async fn staked(trx: i64) -> Field {
    let mut field = Field::open(NET, true, false).await;
    field.give(&address_on(NET, GAS), NATIVE, 100_000 * TRX);
    field.set_to("gas.lend", Value::Bool(true));
    field.set("gas.stake_trx", trx);
    let fuel = field.clerk(Who::Gas);
    let said = field.work(&[&fuel], 60).await;
    let (stake, lent) = stake(&field);
    assert_eq!((stake, lent), (u128::try_from(trx).unwrap() * TRX, 0), "{said:?}");
    field
}

/// What the gas wallet has staked and not lent, and what it has lent.
fn stake(field: &Field) -> (u128, u128) {
    let net = field.net.lock();
    net.staked_by(&address_on(NET, GAS), net.head())
}

fn loans(field: &Field) -> Vec<Loan> {
    let ground = field.stage.ground();
    ground.state(|state| state.gas().book(NET).map_or(Vec::new(), |book| book.loans().to_vec())).unwrap()
}

fn open_loans(field: &Field) -> usize {
    loans(field).len()
}

/// Goal: what a sweep takes is lent to its address, pays for it, and is taken back; no TRX is brought, and no TRX is burnt there.
/// Method: deposits on three addresses with a stake that is enough for two of them at once.
#[tokio::test(start_paused = true)]
async fn energy_is_lent_for_a_sweep_and_taken_back() {
    let mut field = staked(18_000).await;
    for index in [1, 2] {
        field.give(&field.address(index), TOKENS, 500_000_000);
    }
    field.deposit(0, TOKENS, 500_000_000).await;
    let (sweeper, fuel) = (field.clerk(Who::Consolidation), field.clerk(Who::Gas));
    let mut said = Vec::new();
    let mut lent_most = 0;
    for _ in 0..90 {
        said = field.work(&[&sweeper, &fuel], 1).await;
        lent_most = lent_most.max(stake(&field).1);
    }
    let hot: u128 = [HOT, HOT + 1].map(|number| field.has(&address_on(NET, number), TOKENS)).iter().sum();
    assert_eq!(hot, 1_500_000_000, "{said:?}");
    let (lent, back) = field.net.lock().loans();
    assert_eq!((lent + field.top_ups(), lent, field.sweeps()), (3, back, 3), "{said:?}");
    assert!(lent >= 2 && lent_most > 0, "{lent} lent");
    assert_eq!((stake(&field), open_loans(&field)), ((18_000 * TRX, 0), 0));
    for index in 0..3 {
        let has = field.has(&field.address(index), NATIVE);
        assert!(has == 0 || field.top_ups() == 1, "{has} on address {index}");
    }
}

/// Goal: a loan is taken back whoever is there to do it, also where its sweep never comes. Method: workers that are new in every
/// block and know the state alone; a user who is frozen once energy was lent for them, so that the sweep is given up.
#[tokio::test(start_paused = true)]
async fn a_loan_comes_back_after_deaths_and_without_its_sweep() {
    let mut field = staked(10_000).await;
    field.give(&field.address(1), TOKENS, 500_000_000);
    field.deposit(0, TOKENS, 500_000_000).await;
    let mut frozen = false;
    for _ in 0..120 {
        let (sweeper, fuel) = (field.clerk(Who::Consolidation), field.clerk(Who::Gas));
        field.work(&[&sweeper, &fuel], 1).await;
        let first = field.address(0);
        let lent = {
            let net = field.net.lock();
            net.lent_to(&first, net.head())
        };
        if !frozen && lent > 0 {
            field.freeze(0, true);
            frozen = true;
        }
        // An hour in all, after which nothing stays lent for what does not come.
        field.pass(40).await;
    }
    assert!(frozen, "it was never lent");
    let (lent, back) = field.net.lock().loans();
    assert!(lent > 0 && lent == back, "{lent} lent, {back} back");
    assert_eq!((stake(&field), open_loans(&field)), ((10_000 * TRX, 0), 0));
    assert_eq!(field.has(&field.address(0), TOKENS), 500_000_000, "what is held stays");
}

/// Goal: a loan that somebody else took back is noticed and told, nothing is signed for it, and its sweep goes by TRX. Method: the loan
/// of a sweep that waits is taken back with the gas wallet's key; the worker that tells of the network is new each time, as every ten
/// minutes.
#[tokio::test(start_paused = true)]
async fn a_loan_that_others_took_back_is_noticed() {
    let mut field = staked(10_000).await;
    field.deposit(0, TOKENS, 500_000_000).await;
    let first = field.address(0);
    let (sweeper, fuel) = (field.clerk(Who::Consolidation), field.clerk(Who::Gas));
    let lent = |field: &Field| {
        let net = field.net.lock();
        net.lent_to(&first, net.head())
    };
    for _ in 0..20 {
        if lent(&field) > 0 {
            break;
        }
        field.work(&[&sweeper, &fuel], 1).await;
    }
    assert!(lent(&field) > 0, "it was never lent");
    field.net.lock().take_loan(&address_on(NET, GAS), &first);
    let mut stages = Vec::new();
    for _ in 0..150 {
        let (sweeper, fuel) = (field.clerk(Who::Consolidation), field.clerk(Who::Gas));
        field.work(&[&sweeper, &fuel], 1).await;
        stages.extend(loans(&field).first().map(|loan| loan.stage));
        field.pass(40).await;
    }
    stages.dedup();
    assert!(matches!(stages.as_slice(), [.., LoanStage::Lent, LoanStage::Doubted]), "{stages:?}");
    assert_eq!((field.net.lock().loans(), open_loans(&field)), ((1, 0), 0), "nobody tries to take it back");
    assert_eq!(stake(&field), (10_000 * TRX, 0));
    assert_eq!((field.sweeps(), field.top_ups()), (1, 1));
}

/// Goal: where the stake is not enough, or lending is off, TRX is brought as ever. Method: no stake, and a stake with lending off.
#[tokio::test(start_paused = true)]
async fn without_a_stake_trx_is_brought() {
    let mut field = Field::open(NET, true, false).await;
    field.set_to("gas.lend", Value::Bool(true));
    field.deposit(0, TOKENS, 500_000_000).await;
    let (sweeper, fuel) = (field.clerk(Who::Consolidation), field.clerk(Who::Gas));
    let said = field.work(&[&sweeper, &fuel], 40).await;
    assert_eq!((field.top_ups(), field.sweeps(), field.net.lock().loans()), (1, 1, (0, 0)), "{said:?}");
    let mut field = staked(10_000).await;
    field.set_to("gas.lend", Value::Bool(false));
    field.deposit(0, TOKENS, 500_000_000).await;
    let (sweeper, fuel) = (field.clerk(Who::Consolidation), field.clerk(Who::Gas));
    let said = field.work(&[&sweeper, &fuel], 40).await;
    assert_eq!((field.top_ups(), field.sweeps(), field.net.lock().loans()), (1, 1, (0, 0)), "{said:?}");
}

/// Goal: one endpoint that lies about the stake has nothing frozen again and nothing freed, and TRX is brought as ever; what the wallet
/// has free is told as it is. Method: each of three endpoints says that nothing is staked.
#[tokio::test(start_paused = true)]
async fn one_endpoint_that_lies_moves_no_stake() {
    for liar in ["one", "two", "three"] {
        let mut field = staked(10_000).await;
        field.net.lock().stakeless = Some(liar);
        field.deposit(0, TOKENS, 500_000_000).await;
        let mut said = Vec::new();
        for _ in 0..30 {
            let (sweeper, fuel) = (field.clerk(Who::Consolidation), field.clerk(Who::Gas));
            said = field.work(&[&sweeper, &fuel], 1).await;
        }
        assert_eq!((stake(&field), open_loans(&field)), ((10_000 * TRX, 0), 0), "{liar}: {said:?}");
        assert_eq!((field.top_ups(), field.sweeps()), (1, 1), "{liar}: {said:?}");
        let has = field.stage.ground().state(|state| {
            let stations = state.gas().book(NET).unwrap().stations();
            stations.iter().map(|station| station.balance).max().unwrap()
        });
        let has = has.unwrap();
        let free = field.has(&address_on(NET, GAS), NATIVE) - 10_000 * TRX;
        assert!(has.abs_diff(free) < 1_000 * TRX, "{liar}: {has} told, {free} there");
    }
}

/// Goal: a loan that gets into no block is decided anew, by what is there then, and not built anew as it was; its sweep goes. Method:
/// endpoints that take nothing until the loan's time is over.
#[tokio::test(start_paused = true)]
async fn a_loan_that_gets_into_no_block_is_decided_anew() {
    let mut field = staked(10_000).await;
    field.deposit(0, TOKENS, 500_000_000).await;
    field.net.lock().silent = Some(false);
    let (sweeper, fuel) = (field.clerk(Who::Consolidation), field.clerk(Who::Gas));
    let mut stages = Vec::new();
    for _ in 0..60 {
        let _ = field.work(&[&sweeper, &fuel], 1).await;
        stages.extend(loans(&field).first().map(|loan| loan.stage));
        if stages.last() == Some(&LoanStage::Doubted) {
            break;
        }
    }
    stages.dedup();
    assert!(matches!(stages.as_slice(), [LoanStage::Lending { .. }, LoanStage::Doubted]), "{stages:?}");
    field.net.lock().silent = None;
    for _ in 0..150 {
        let (sweeper, fuel) = (field.clerk(Who::Consolidation), field.clerk(Who::Gas));
        let _ = field.work(&[&sweeper, &fuel], 1).await;
        field.pass(40).await;
    }
    assert_eq!((field.top_ups(), field.sweeps()), (1, 1), "{:?}", loans(&field));
    let lent = field.net.lock().loans();
    assert_eq!((lent, open_loans(&field), stake(&field)), ((0, 0), 0, (10_000 * TRX, 0)));
}
