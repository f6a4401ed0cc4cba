//! Withdrawals that agreed to less than their transactions take.

use super::*;

/// Rounds until it must be paid.
const ROUNDS_MAX: u32 = 60;
/// Minor units of the coin.
const AMOUNT: u128 = 70_000;

/// The most that a transaction may cost, in minor units of the coin.
fn bound(play: &Play, fee_max: u64) {
    play.stage.ground().run(Body::ConfigureNetwork(Box::new(exchequer_state::ConfigureNetwork {
        network: play.network,
        state: None,
        deposits: None,
        withdrawals: None,
        sweeps: None,
        tradable: None,
        withdrawable: None,
        fee_rate_max: None,
        fee_max: Some(fee_max),
        endpoints: None,
        if_version: None,
        reason: "test".into(),
    })));
}

fn explained(play: &Play, id: WithdrawalId) -> String {
    let read = play.stage.ground().rows(|state, rows| state.explain_withdrawal(rows, id).unwrap().unwrap().now);
    read.unwrap()
}

/// Goal: a withdrawal whose own bound is below what its transaction may cost is set aside, and those behind it are paid; where the
/// network's bound is what is too low all wait, in their order; failure mode 37. Method: on each family, one that was asked under a
/// low bound, and one behind it that was asked under a higher one; the low bound once more, and fees that nobody raises.
#[tokio::test(start_paused = true)]
async fn a_fee_cap_of_its_own_keeps_nobody_waiting() {
    for network in [Network::Ethereum, Network::Bitcoin, Network::Tron] {
        let mut play = Play::begin(network, 1, 1).await;
        bound(&play, 100);
        let low = ask_for(&play.stage, network, 1, 1, 0, AMOUNT);
        let worker = play.worker();
        for _ in 0..6 {
            let _ = play.round(&worker).await;
            play.pass(5, true).await;
        }
        let why = explained(&play, low);
        assert!(why.contains("more than may be paid"), "{network}: {why}");
        bound(&play, 1_000_000_000);
        let behind = ask_for(&play.stage, network, 1, 1, 1, AMOUNT);
        for _ in 0..ROUNDS_MAX {
            let _ = play.round(&worker).await;
            play.pass(5, true).await;
            if play.stage_of(behind).is_over() {
                break;
            }
        }
        assert_eq!((play.stage_of(low), play.stage_of(behind)), (Standing::Queued, Standing::Completed), "{network}");
        assert_eq!((play.paid(0).len(), play.paid(1).len()), (0, 1), "{network}");
        let why = explained(&play, low);
        assert!(why.contains("more than was agreed to for it"), "{network}: {why}");
    }
}
