//! How fast payments leave: a long queue, and a single payment on a network where nothing else is to be done.

use std::sync::Arc;
use std::time::Duration;

use exchequer_domain::Network;
use exchequer_state::withdrawals::WithdrawalId;
use exchequer_workers::kinds::withdrawal::Payments;
use tokio::time::Instant;

use super::super::super::ground::Ground as _;
use super::Dice;
use super::purse::ask_for;
use super::withdrawals::{Play, number};

/// Queued withdrawals where `EXCHEQUER_QUEUED` does not say how many.
const QUEUED: u64 = 600;
/// Payments one by one where `EXCHEQUER_SAMPLES` does not say how many.
const SAMPLES: u64 = 200;
/// Withdrawals of one user.
const OF_USER: u64 = 1_000;
/// What a network with four addresses and a block a second has to pay in a second, at least.
const RATE_MIN: u64 = 50;
/// Between two looks of a worker at what is due, and at what is on its way.
const PAUSES: [Duration; 2] = [Duration::from_millis(150), Duration::from_millis(500)];

/// Nothing that is waited for takes longer, in paused time.
const PATIENCE: Duration = Duration::from_secs(600);

/// Goal: a queue drains at 50 payments and more a second on an EVM network with four addresses and a block a second, each once. Method:
/// the worker's two loops beside the network, in paused time, in which every command takes a millisecond; the time until all are in
/// blocks. The rate is printed; `EXCHEQUER_QUEUED` says how many are queued.
#[tokio::test(start_paused = true)]
async fn a_long_queue_drains() {
    let network = Network::Polygon;
    let queued = number("EXCHEQUER_QUEUED", QUEUED);
    let users = queued.div_ceil(OF_USER);
    let mut play = Play::begin_with(network, 1, 4, users).await;
    play.net.lock().lazy = 0;
    play.net.lock().block_max = 1_000;
    let asked: Vec<WithdrawalId> =
        (0..queued).map(|n| ask_for(&play.stage, network, 1 + n % users, 1, n, 1_000 + u128::from(n))).collect();
    let (desk, outside, _) = play.worker();
    let began = Instant::now();
    let net = play.net.clone();
    let mining = async {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let mut net = net.lock();
            net.clock_ms += 1_000;
            net.mine();
            if u64::try_from(net.batches().len()).unwrap() >= queued {
                return began.elapsed();
            }
            assert!(began.elapsed() < PATIENCE, "{} of {queued} have left", net.batches().len());
        }
    };
    let paying = async {
        loop {
            play.renew(&outside);
            if !matches!(desk.pay(&play.payments).await, Ok(true)) {
                tokio::time::sleep(PAUSES[0]).await;
            }
        }
    };
    let watching = async {
        loop {
            let _ = desk.watch().await;
            tokio::time::sleep(PAUSES[1]).await;
        }
    };
    let took = tokio::select! {
        took = mining => took,
        () = paying => unreachable!("it goes on"),
        () = watching => unreachable!("it goes on"),
    };
    let rate = queued * 1_000 / u64::try_from(took.as_millis()).unwrap();
    println!("{queued} queued payments in {took:?}: {rate} a second");
    assert!(rate >= RATE_MIN, "{rate} a second");
    play.until_over(&asked).await;
    let paid = play.net.lock().payments();
    assert!(paid.len() as u64 == queued && paid.values().all(|payments| payments.len() == 1), "each once");
}

/// Goal: a payment that is asked for while nothing else is to be done reaches the network within a second. Method: one after the other,
/// at random moments between a worker's looks, in paused time; the longest is printed. What computing takes is not in it.
#[tokio::test(start_paused = true)]
async fn a_single_payment_leaves_within_a_second() {
    let network = Network::Ethereum;
    let samples = number("EXCHEQUER_SAMPLES", SAMPLES);
    let users = samples.div_ceil(OF_USER);
    let mut play = Play::begin_with(network, 1, 1, users).await;
    play.net.lock().lazy = 0;
    let (desk, outside, _) = play.worker();
    let (mut dice, mut longest) = (Dice::new(5), Duration::ZERO);
    let desk = Arc::new(desk);
    let payments = Payments::default();
    let mut all = Vec::new();
    for sample in 0..samples {
        let paying = async {
            loop {
                play.renew(&outside);
                let _ = desk.pay(&payments).await;
                tokio::time::sleep(PAUSES[0]).await;
            }
        };
        let asking = async {
            tokio::time::sleep(Duration::from_millis(dice.roll(400))).await;
            let asked = Instant::now();
            ask_for(&play.stage, network, 1 + sample % users, 1, sample, 1_000);
            while play.net.lock().waits() == 0 {
                assert!(asked.elapsed() < PATIENCE, "payment {sample} does not leave");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            asked.elapsed()
        };
        let took = tokio::select! {
            took = asking => took,
            () = paying => unreachable!("it goes on"),
        };
        longest = longest.max(took);
        all.push(took);
        play.net.lock().mine();
        play.renew(&outside);
        let _ = desk.watch().await;
    }
    all.sort_unstable();
    let late = all[all.len() - 1 - all.len() / 2_000];
    println!("{samples} payments from request to network: 99.95 of 100 within {late:?}, the longest {longest:?}");
    assert!(longest < Duration::from_secs(1), "{longest:?}");
    let open = play.stage.ground().state(|state| state.withdrawals().payouts(network).count()).unwrap();
    assert!(open > 0, "none of them is forgotten");
}
