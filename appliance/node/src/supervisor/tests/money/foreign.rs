//! Somebody else signs with the hot wallet's key: what is known of that, what stops, and what persons end.

use exchequer_domain::Network;
use exchequer_state::ledger::Asset;
use exchequer_state::networks::Why;
use exchequer_state::reconciliation::Reach;
use exchequer_state::withdrawals::{Claim, Death, Stage as Standing};
use exchequer_state::{Body, PayoutDecision, ResumePayments, ReviewPayout, SetPrice};
use exchequer_workers::chains::bitcoin::{ChangeTo, Coins, Draft, FeeRate, Offered, build, script_of};
use exchequer_workers::chains::{KeyPath, KeyPurpose, Unsigned};
use exchequer_workers::kinds::nodes::params;

use super::super::super::ground::Ground as _;
use super::purse::{HOT, address_on, ask_for, unit};
use super::withdrawals::Play;

impl Play {
    /// Persons who have looked let the network pay out again: nobody compares balances here, so that no sum is named.
    fn let_go_on(&self) {
        let (reach, reason) = (Reach::Network(self.network), "looked".to_owned());
        self.stage.ground().run(Body::ResumePayments(ResumePayments { reach, seen: Vec::new(), reason }));
    }

    /// The coin has a price of this moment: what is worth nobody knows how much waits for a person.
    fn price(&self) {
        let (at, source) = (self.stage.ground().now(), "desk".to_owned());
        self.stage.ground().run(Body::SetPrice(SetPrice { asset: Asset(1), usd_micros: 1, source, at }));
    }
}

/// Goal: a nonce that somebody else used is proved by what is final, and nothing is decided anew by that: the payment is set aside
/// with its money, the network pays out nothing more, and only persons end both; failure mode 23. Method: a strange transaction of
/// the hot wallet's, while ours waits; rounds before and after it is final; then persons give the money back with the same proof,
/// let the network go on, and the user asks anew.
#[tokio::test(start_paused = true)]
async fn a_nonce_that_others_used_is_proved_and_waits_for_people() {
    let mut play = Play::begin(Network::Ethereum, 1, 1).await;
    let before = play.money(1, 1);
    play.net.lock().lazy = 4;
    let one = ask_for(&play.stage, Network::Ethereum, 1, 1, 0, 7_000);
    let worker = play.worker();
    for _ in 0..2 {
        play.round(&worker).await.unwrap();
    }
    assert_eq!(play.stage_of(one), Standing::Broadcast);
    play.net.lock().forget_waiting();
    play.net.lock().use_nonce(&address_on(Network::Ethereum, HOT));
    // In a block that is not final: nothing is concluded, and it is the same payout.
    let first = play.payouts()[0].id;
    for _ in 0..4 {
        play.pass(12, true).await;
        let _ = play.round(&worker).await;
        let open: Vec<_> = play.payouts().iter().map(|payout| (payout.id, payout.attempts.len())).collect();
        assert_eq!((open, play.stopped()), (vec![(first, 1)], None));
    }
    play.net.lock().lazy = 0;
    // However long nobody looks.
    for _ in 0..60 {
        play.pass(12, true).await;
        let _ = play.round(&worker).await;
        play.agree();
    }
    let payout = play.payouts().remove(0);
    assert_eq!((payout.id, payout.attempts.len(), play.stage_of(one)), (first, 1, Standing::Review));
    assert!(play.waits_for(one).contains("somebody else used its nonce 0"), "{}", play.waits_for(one));
    assert_eq!(play.stopped(), Some(Why::Outflow));
    let offered = play.net.lock().offered.len();
    assert_eq!((offered, play.paid(0).len()), (1, 0), "no other transaction was ever sent");
    assert_eq!(play.money(1, 1), [before[0], before[1] - 7_000], "it stays held");

    let at = play.stage.ground().state(|state| {
        let chains = state.deposits().chains();
        chains.block(Network::Ethereum, chains.get(Network::Ethereum).settled)
    });
    let absent = payout.attempts.iter().filter_map(|attempt| attempt.tx).collect();
    let proof = Death::NonceUsed { at: at.unwrap().unwrap(), next: 1, absent };
    let (decision, reason) = (PayoutDecision::Refund { proof }, "looked".to_owned());
    let review = ReviewPayout { payout: first, from: Standing::Review, decision, reason };
    play.stage.ground().run(Body::ReviewPayout(Box::new(review)));
    assert_eq!((play.stage_of(one), play.money(1, 1)), (Standing::Failed, before));
    assert_eq!(play.stopped(), Some(Why::Outflow), "the key is as it was");
    play.let_go_on();
    play.price();
    let anew = ask_for(&play.stage, Network::Ethereum, 1, 1, 1, 7_000);
    play.until_over(&[anew]).await;
    assert_eq!((play.paid(0).len(), play.paid(1)), (0, vec![7_000 * unit(Network::Ethereum)]));
    assert_eq!((play.stopped(), play.money(1, 1)), (None, [before[0] - 7_000; 2]), "its own transactions stop nothing");
}

/// Goal: a coin that somebody else spent stops the network at once; the payment that would have spent it waits in the queue once that
/// is deep enough, and not before, and is made anew out of other coins when persons let the network go on. Method: another
/// transaction of the wallet's key spends one of its coins.
#[tokio::test(start_paused = true)]
async fn a_spent_coin_proves_a_payment_dead_after_six_confirmations() {
    let mut play = Play::begin(Network::Bitcoin, 1, 1).await;
    play.net.lock().lazy = 4;
    let one = ask_for(&play.stage, Network::Bitcoin, 1, 1, 0, 70_000);
    let worker = play.worker();
    for _ in 0..3 {
        let _ = play.round(&worker).await;
        play.pass(12, true).await;
    }
    let payout = play.payouts().remove(0);
    assert_eq!((play.stage_of(one), play.stopped()), (Standing::Broadcast, None));
    let Claim::Coins(coins) = &payout.attempts[0].claim else { panic!() };
    let (params, home) = (params(Network::Bitcoin, true), address_on(Network::Bitcoin, HOT));
    let key = KeyPath { purpose: KeyPurpose::Hot, index: 0, change: false };
    let amount = play.stage.ground().state(|state| {
        let coin = state.custody().coins().get(Network::Bitcoin, &coins[0]).unwrap();
        u64::try_from(coin.amount).unwrap()
    });
    let coin = Coins { amount: amount.unwrap(), script: script_of(&params, &home).unwrap(), key };
    let draft = Draft {
        payments: vec![(address_on(Network::Bitcoin, 77), 1_000_000)],
        must: vec![Offered { outpoint: coins[0], coins: coin }],
        may: Vec::new(),
        change: ChangeTo { address: address_on(Network::Bitcoin, 78), key },
        rate: FeeRate::of_kvb(50_000).unwrap(),
        fee_max: 1_000_000,
        tip_height: 1,
    };
    let thief = Unsigned::Bitcoin(build(&params, &draft).unwrap()).encode();
    play.net.lock().force(&thief);
    play.net.lock().lazy = 0;
    for confirmations in 1..6 {
        play.scan().await;
        let _ = play.round(&worker).await;
        assert!(play.stage_of(one) != Standing::Queued, "{confirmations}");
        assert_eq!(play.stopped(), Some(Why::Outflow), "{confirmations}");
        play.pass(40, true).await;
    }
    for _ in 0..10 {
        let _ = play.round(&worker).await;
        play.pass(40, true).await;
    }
    assert_eq!((play.stage_of(one), play.payouts().len(), play.paid(0).len()), (Standing::Queued, 0, 0));
    assert!(play.waits_for(one).contains("something is missing"), "{}", play.waits_for(one));
    play.let_go_on();
    play.until_over(&[one]).await;
    assert_eq!((play.stage_of(one), play.paid(0)), (Standing::Completed, vec![70_000]));
    assert_eq!(play.stopped(), None, "its own transactions stop nothing");
}
