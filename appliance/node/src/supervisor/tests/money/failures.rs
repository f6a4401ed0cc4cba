//! What goes wrong with payments, one thing at a time: each has a test that fails when its guard is taken away.

use std::sync::Arc;

use exchequer_domain::{Network, UserId};
use exchequer_state::networks::{Operation, Why};
use exchequer_state::users::UserStatus;
use exchequer_state::withdrawals::{Claim, Payout, Stage as Standing, WithdrawalId};
use exchequer_state::{Body, UpdateUser};

use super::super::super::ground::Ground as _;
use super::Dice;
use super::purse::{TOKEN, address_on, ask_for};
use super::withdrawals::{Hand, Play};

impl Play {
    /// A signer of whose answers so many of five are lost.
    fn signer_loses(&mut self, loses: u64) {
        let (ground, net) = (self.stage.shared.ground.clone(), self.net.clone());
        self.signer = Arc::new(Hand { dice: parking_lot::Mutex::new(Dice::new(9)), ground, net, loses });
    }

    pub(super) fn payouts(&self) -> Vec<Payout> {
        self.stage.ground().state(|state| state.withdrawals().payouts(self.network).cloned().collect()).unwrap()
    }

    /// What a withdrawal waits for, in words.
    pub(super) fn waits_for(&self, id: WithdrawalId) -> String {
        let read = self.stage.ground().rows(|state, rows| state.explain_withdrawal(rows, id).unwrap().unwrap().now);
        read.unwrap()
    }

    fn freeze(&self, user: u64, status: UserStatus) {
        let (user, reason) = (UserId(user), "test".to_owned());
        let body = UpdateUser { user, kyc_level: None, fee_tier: None, status: Some(status), label: None, reason };
        self.stage.ground().run(Body::UpdateUser(body));
    }

    /// Why nothing is paid out on the network, if anything keeps it.
    pub(super) fn stopped(&self) -> Option<Why> {
        self.stage.ground().state(|state| state.may_on(self.network, Operation::Withdrawal).err()).unwrap()
    }

    fn raw(&self, payout: &Payout, attempt: u16) -> Vec<u8> {
        let read = self.stage.ground().rows(|state, rows| state.unsigned_bytes(rows, payout.id, attempt).unwrap());
        read.unwrap().unwrap()
    }

    /// Rounds of one worker, each after some seconds and a block, until all of these are over.
    pub(super) async fn until_over(&mut self, ids: &[WithdrawalId]) {
        let worker = self.worker();
        for _ in 0..600 {
            if ids.iter().all(|id| self.stage_of(*id).is_over()) {
                return;
            }
            let _ = self.round(&worker).await;
            self.agree();
            self.pass(12, true).await;
        }
        panic!("{:?}", ids.iter().map(|id| (self.stage_of(*id), self.waits_for(*id))).collect::<Vec<_>>());
    }
}

/// Goal: a TRON payment is made anew only with the proof that the former transaction is over; failure mode 22. Method: a transaction
/// that nobody knows any more; rounds up to its end, after its end, with one endpoint, and with three; the former bytes come late.
#[tokio::test(start_paused = true)]
async fn a_tron_payment_is_rebuilt_only_with_proof_of_expiry() {
    let mut play = Play::begin(Network::Tron, 1, 1).await;
    play.net.lock().lazy = 4;
    let one = ask_for(&play.stage, Network::Tron, 1, 1, 0, 5_000_000);
    let worker = play.worker();
    for _ in 0..2 {
        play.round(&worker).await.unwrap();
    }
    let payout = play.payouts().remove(0);
    let first = play.raw(&payout, 1);
    assert_eq!(play.stage_of(one), Standing::Broadcast);
    let Claim::Window { expires, .. } = payout.attempts[0].claim else { panic!("{payout:?}") };
    // Its time is not over: whoever forgets it, it is sent again and not built anew, and nobody says that it ended.
    while play.stage.ground().now() <= expires {
        play.net.lock().forget_waiting();
        play.pass(12, true).await;
        let _ = play.round(&worker).await;
        let open = play.payouts().remove(0);
        assert!(open.attempts.len() == 1 && open.denied.is_none(), "{open:?}");
    }
    // It is over for all endpoints, of which there is one.
    play.endpoints = 1;
    let lonely = play.worker();
    for _ in 0..20 {
        play.net.lock().forget_waiting();
        play.pass(12, true).await;
        let said = play.round(&lonely).await;
        let open = play.payouts().remove(0);
        assert!(open.attempts.len() == 1 && open.denied.is_none(), "{said:?}: {open:?}");
    }
    assert!(play.round(&lonely).await.unwrap_err().contains("a single endpoint cannot prove"));
    play.endpoints = 3;
    let worker = play.worker();
    play.round(&worker).await.unwrap();
    let payout = play.payouts().remove(0);
    assert!(payout.attempts.len() == 1 && payout.denied.is_some(), "nothing takes its place on that alone: {payout:?}");
    play.agree();
    assert_eq!((play.stage_of(one), play.payouts().len()), (Standing::Queued, 0));
    play.net.lock().lazy = 1;
    let said = play.net.lock().take(&first);
    assert!(format!("{said:?}").contains("EXPIRATION"), "{said:?}");
    play.until_over(&[one]).await;
    assert_eq!((play.stage_of(one), play.paid(0)), (Standing::Completed, vec![5_000_000]));
}

/// Goal: a transaction that nodes dropped is sent again as it is; failure mode 23. Method: pools that forget, once and again.
#[tokio::test(start_paused = true)]
async fn a_dropped_transaction_is_sent_again_as_it_is() {
    let mut play = Play::begin(Network::Polygon, 1, 1).await;
    play.net.lock().lazy = 4;
    let one = ask_for(&play.stage, Network::Polygon, 1, 1, 0, 7_000);
    let worker = play.worker();
    for _ in 0..2 {
        play.round(&worker).await.unwrap();
    }
    for _ in 0..2 {
        play.net.lock().forget_waiting();
        play.pass(35, true).await;
        play.round(&worker).await.unwrap();
        assert_eq!((play.payouts()[0].attempts.len(), play.net.lock().waits()), (1, 1));
    }
    play.net.lock().lazy = 0;
    play.until_over(&[one]).await;
    assert_eq!(play.paid(0).len(), 1);
}

/// Goal: where somebody is frozen before the signature, their payment is given up unsigned, what comes behind it on chain is not
/// held up by the missing nonce, and nobody behind them in the queue is; failure mode 23. Method: the first of two payments.
#[tokio::test(start_paused = true)]
async fn a_gap_among_nonces_is_filled_and_a_frozen_head_holds_nobody_up() {
    let mut play = Play::begin(Network::Bsc, 1, 1).await;
    play.signer_loses(5);
    let worker = play.worker();
    let frozen = ask_for(&play.stage, Network::Bsc, 2, 1, 0, 7_000);
    let _ = play.round(&worker).await;
    assert_eq!(play.stage_of(frozen), Standing::Preparing);
    play.freeze(2, UserStatus::Frozen);
    play.signer_loses(0);
    let other = ask_for(&play.stage, Network::Bsc, 1, 1, 1, 8_000);
    play.until_over(&[other]).await;
    assert_eq!(play.stage_of(frozen), Standing::Queued, "{}", play.waits_for(frozen));
    assert_eq!((play.paid(0).len(), play.paid(1).len()), (0, 1));
    let later = ask_for(&play.stage, Network::Bsc, 1, 1, 2, 9_000);
    play.until_over(&[later]).await;
    assert_eq!((play.paid(0).len(), play.paid(2).len()), (0, 1), "whoever is at the head of the queue");
    play.freeze(2, UserStatus::Active);
    play.until_over(&[frozen]).await;
    assert_eq!(play.paid(0).len(), 1);
}

/// Goal: a replacement and the original exclude each other, and whichever is mined completes the payment under its own name; failure
/// mode 24. Method: a stuck payment that is replaced; then the original gets into the block.
#[tokio::test(start_paused = true)]
async fn the_original_may_be_mined_after_its_replacement_was_sent() {
    for (network, waits) in [(Network::Ethereum, 15), (Network::Arbitrum, 15), (Network::Bitcoin, 320)] {
        let mut play = Play::begin(network, 1, 1).await;
        play.net.lock().lazy = 4;
        let one = ask_for(&play.stage, network, 1, 1, 0, 70_000);
        let worker = play.worker();
        for _ in 0..waits {
            let _ = play.round(&worker).await;
            play.pass(12, true).await;
        }
        let payout = play.payouts().remove(0);
        assert!(payout.attempts.len() >= 2, "{network}: {payout:?}");
        for later in &payout.attempts[1..] {
            assert!(payout.attempts.iter().all(|other| other.claim.excludes(&later.claim)), "{network}");
        }
        let first = play.raw(&payout, 1);
        let tx = play.net.lock().force(&first);
        play.net.lock().lazy = 0;
        play.until_over(&[one]).await;
        assert_eq!((play.stage_of(one), play.paid(0).len()), (Standing::Completed, 1), "{network}");
        assert_eq!(Some(tx), payout.attempts[0].tx, "{network}");
        assert_eq!(play.stopped(), None, "{network}: what it replaced is the exchange's own");
    }
}

/// Goal: two builders never use one coin for two payments; failure mode 26. Method: two workers of one leadership that decide at the
/// same time, again and again.
#[tokio::test(start_paused = true)]
async fn two_builders_never_use_the_same_coin() {
    let mut play = Play::begin(Network::Bitcoin, 1, 1).await;
    let mut all = Vec::new();
    for turn in 0..6 {
        all.extend(
            (0..4).map(|n| ask_for(&play.stage, Network::Bitcoin, 1, 1, turn * 4 + n, 60_000_000 + u128::from(n))),
        );
        let (one, two) = (play.worker(), play.worker());
        play.renew(&one.1);
        play.renew(&two.1);
        for _ in 0..3 {
            let others = exchequer_workers::kinds::withdrawal::Payments::default();
            let _ = tokio::join!(one.0.round(&play.payments), two.0.round(&others));
            play.pass(11, false).await;
            play.renew(&one.1);
            play.renew(&two.1);
        }
        let payouts = play.payouts();
        let coins: Vec<_> = payouts.iter().flat_map(Payout::coins).collect();
        let different: std::collections::BTreeSet<_> = coins.iter().collect();
        assert_eq!(coins.len(), different.len());
        play.pass(12, true).await;
    }
    assert!(all.iter().any(|id| play.stage_of(*id) != Standing::Queued));
    for (number, _) in (0..).zip(&all) {
        assert!(play.paid(number).len() <= 1);
    }
    assert_eq!(play.stopped(), None);
}

/// Goal: of many payments in one transaction, one that can be no output is set aside and the others are paid together. Method: five,
/// one of which is dust.
#[tokio::test(start_paused = true)]
async fn an_invalid_output_is_removed_and_the_others_are_paid() {
    let mut play = Play::begin(Network::Bitcoin, 1, 1).await;
    play.net.lock().lazy = 0;
    let amounts = [10_000, 20_000, 100, 30_000, 40_000];
    let asked: Vec<_> =
        (0..).zip(amounts).map(|(n, amount)| ask_for(&play.stage, Network::Bitcoin, 1, 1, n, amount)).collect();
    let others: Vec<_> = asked.iter().copied().filter(|id| *id != asked[2]).collect();
    play.until_over(&others).await;
    assert_eq!(play.stage_of(asked[2]), Standing::Queued);
    assert!(play.waits_for(asked[2]).contains("dust"), "{}", play.waits_for(asked[2]));
    let paid: Vec<usize> = (0..5).map(|n| play.paid(n).len()).collect();
    assert_eq!(paid, [1, 1, 0, 1, 1]);
    assert!(play.net.lock().batches().contains(&4), "in one transaction");
    assert_eq!(play.stopped(), None);
}

/// Goal: a batch one of whose receivers' users is frozen before the signature is given up unsigned, and the others are paid; the
/// coins are free again. Method: a signer that does not answer meanwhile.
#[tokio::test(start_paused = true)]
async fn a_batch_with_a_frozen_user_is_decided_anew_without_them() {
    let mut play = Play::begin(Network::Bitcoin, 1, 1).await;
    play.signer_loses(5);
    let asked: Vec<_> = [1, 2, 1]
        .into_iter()
        .zip(0..)
        .map(|(user, n)| ask_for(&play.stage, Network::Bitcoin, user, 1, n, 50_000))
        .collect();
    let worker = play.worker();
    for _ in 0..2 {
        let _ = play.round(&worker).await;
        play.pass(12, true).await;
    }
    assert_eq!(play.payouts()[0].withdrawals.len(), 3);
    play.freeze(2, UserStatus::Frozen);
    play.signer_loses(0);
    play.until_over(&[asked[0], asked[2]]).await;
    assert_eq!(play.stage_of(asked[1]), Standing::Queued);
    let paid: Vec<usize> = (0..3).map(|n| play.paid(n).len()).collect();
    assert_eq!(paid, [1, 0, 1]);
    assert!(play.payouts().is_empty());
}

/// Goal: a token that is paused, or bars a receiver, fails on trial and not on chain: its payment is set aside, others are paid, and
/// it is tried again later; failure mode 35. Method: a token whose calls fail for a while.
#[tokio::test(start_paused = true)]
async fn a_barred_token_transfer_is_set_aside_and_tried_again() {
    for network in [Network::Ethereum, Network::Tron] {
        let mut play = Play::begin(network, 1, 1).await;
        play.net.lock().barred.insert(address_on(network, TOKEN).to_string());
        let (token, coin) =
            (ask_for(&play.stage, network, 1, 2, 0, 9_000), ask_for(&play.stage, network, 1, 1, 1, 8_000));
        play.until_over(&[coin]).await;
        assert_eq!((play.stage_of(token), play.paid(0).len()), (Standing::Queued, 0));
        assert!(play.waits_for(token).contains("it would fail"), "{}", play.waits_for(token));
        play.net.lock().barred.clear();
        play.until_over(&[token]).await;
        assert_eq!((play.stage_of(token), play.paid(0)), (Standing::Completed, vec![9_000]), "{network}");
    }
}

/// Goal: where gas, a byte or energy costs a hundred times as much, nothing is sent and everything waits with its reason; and is
/// paid when that is over; failure mode 37. Method: a spike on each family.
#[tokio::test(start_paused = true)]
async fn a_fee_spike_makes_the_queue_wait() {
    for (network, asset) in [(Network::Ethereum, 1), (Network::Bitcoin, 1), (Network::Tron, 2)] {
        let mut play = Play::begin(network, 1, 1).await;
        play.net.lock().dear = 10_000_000;
        let one = ask_for(&play.stage, network, 1, asset, 0, 90_000);
        let worker = play.worker();
        for _ in 0..5 {
            let _ = play.round(&worker).await;
            play.pass(12, true).await;
        }
        assert_eq!((play.stage_of(one), play.payouts().len()), (Standing::Queued, 0), "{network}");
        assert!(play.waits_for(one).contains("fee is more"), "{network}: {}", play.waits_for(one));
        play.net.lock().dear = 100;
        play.until_over(&[one]).await;
        assert_eq!(play.paid(0).len(), 1, "{network}");
    }
}
