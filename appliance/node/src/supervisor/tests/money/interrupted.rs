//! Payments whose worker dies or stands still at each of its moments, one after the other, and payments of which nobody answers.

use std::sync::Arc;
use std::time::Duration;

use exchequer_domain::{Network, TxId, UserId};
use exchequer_state::networks::NetworkState;
use exchequer_state::withdrawals::{Payout, Stage as Standing, WithdrawalId};
use exchequer_state::{Actor, Body, ConfigureNetwork, StepWithdrawal, WithdrawalStep};
use exchequer_workers::kinds::withdrawal::Payments;

use super::super::super::ground::Ground as _;
use super::mortal::{Fate, MortalLink, MortalSigner};
use super::purse::{ask_for, unit};
use super::withdrawals::Play;

/// One network of each family.
const NETWORKS: [Network; 3] = [Network::Ethereum, Network::Bitcoin, Network::Tron];
/// Minor units of the coin.
const AMOUNT: u128 = 70_000;
/// No payment has more moments.
const MOMENTS_MAX: u64 = 400;
/// Rounds until it must be paid.
const ROUNDS_MAX: u32 = 80;

impl Play {
    fn open_payouts(&self) -> Vec<Payout> {
        self.stage.ground().state(|state| state.withdrawals().payouts(self.network).cloned().collect()).unwrap()
    }

    /// Everything that any endpoint was ever given, and what the user has: paid once, by one transaction, and nothing is held.
    fn assert_paid_once(&self, id: WithdrawalId, before: u128, said: &str) -> TxId {
        assert_eq!(self.stage_of(id), Standing::Completed, "{said}");
        assert_eq!(self.paid(0), [AMOUNT * unit(self.network)], "{said}");
        assert_eq!(self.money(1, 1), [before - AMOUNT; 2], "{said}");
        let offered: Vec<TxId> = self.net.lock().offered.iter().copied().collect();
        assert_eq!(offered.len(), 1, "{said}: one transaction and no other was sent");
        offered[0]
    }

    /// Lets a worker that begins anew bring everything to its end.
    async fn until_paid(&mut self, id: WithdrawalId, said: &str) {
        let worker = self.worker();
        for _ in 0..ROUNDS_MAX {
            if self.stage_of(id).is_over() {
                return;
            }
            let _ = self.round(&worker).await;
            self.pass(5, true).await;
        }
        panic!("{said}: {}", self.stage_of(id));
    }
}

/// Goal: a payment is made once, by one transaction, whatever moment its worker dies at, and nobody has to lend a hand: failure
/// mode 19. Method: a life for every moment before and after each call by which the worker changes something, reads what it sends, or
/// has something signed; another worker begins with nothing. The last life ends without a death.
#[tokio::test(start_paused = true)]
async fn a_death_at_any_call_pays_once() {
    for network in NETWORKS {
        let mut deaths = 0;
        for moment in 0..MOMENTS_MAX {
            let mut play = Play::begin(network, 1, 1).await;
            let (before, fate) = (play.money(1, 1)[0], Fate::at(moment));
            let id = ask_for(&play.stage, network, 1, 1, 0, AMOUNT);
            let worker = play.worker_until(&fate);
            for _ in 0..ROUNDS_MAX {
                let dead = tokio::select! {
                    biased;
                    () = fate.reached.notified() => true,
                    _ = play.round(&worker) => false,
                };
                if dead || play.stage_of(id).is_over() {
                    break;
                }
                play.pass(5, true).await;
            }
            drop(worker);
            let said = format!("{network}, moment {moment}");
            play.until_paid(id, &said).await;
            play.assert_paid_once(id, before, &said);
            if fate.is_ahead() {
                break;
            }
            deaths += 1;
        }
        assert!((10..MOMENTS_MAX).contains(&deaths), "{network}: {deaths} deaths");
    }
}

/// Goal: where leadership changes at any moment of a payment, and the leader before comes back with what it was doing, both send
/// the same transaction and no other: failure mode 21. Method: a life for every moment; the worker stands still there, another leader's
/// worker goes on, and then the first one wakes, with a lease that it should not have.
#[tokio::test(start_paused = true)]
async fn a_leader_that_wakes_sends_the_same() {
    for network in NETWORKS {
        let mut changes = 0;
        for moment in 0..MOMENTS_MAX {
            let mut play = Play::begin(network, 1, 1).await;
            let (before, fate) = (play.money(1, 1)[0], Fate::at(moment));
            let id = ask_for(&play.stage, network, 1, 1, 0, AMOUNT);
            let (old, old_outside, _) = play.worker_until(&fate);
            let payments = Payments::default();
            for _ in 0..ROUNDS_MAX {
                play.renew(&old_outside);
                let round = old.round(&payments);
                tokio::pin!(round);
                let stands = tokio::select! {
                    biased;
                    () = fate.reached.notified() => true,
                    _ = &mut round => false,
                };
                if stands {
                    play.lead_anew().await;
                    let worker = play.worker();
                    for _ in 0..2 {
                        let _ = play.round(&worker).await;
                    }
                    play.renew(&old_outside);
                    fate.goes_on.notify_one();
                    // It goes on until its lease is over, whatever it wants.
                    let _ = tokio::time::timeout(Duration::from_secs(5), round).await;
                    break;
                }
                if play.stage_of(id).is_over() {
                    break;
                }
                play.pass(5, true).await;
            }
            let said = format!("{network}, moment {moment}");
            play.until_paid(id, &said).await;
            play.assert_paid_once(id, before, &said);
            if fate.is_ahead() {
                break;
            }
            changes += 1;
        }
        assert!((10..MOMENTS_MAX).contains(&changes), "{network}: {changes} changes");
    }
}

/// Goal: where every endpoint takes a transaction and none answers, it counts as sent and nothing else is: failure mode 20; and where
/// none took it, the same is sent again. Method: endpoints of both sorts for a minute and a half, on each family.
#[tokio::test(start_paused = true)]
async fn a_broadcast_without_an_answer_makes_no_second_payment() {
    for network in NETWORKS {
        for taken in [true, false] {
            let mut play = Play::begin(network, 1, 1).await;
            let before = play.money(1, 1)[0];
            let id = ask_for(&play.stage, network, 1, 1, 0, AMOUNT);
            play.net.lock().silent = Some(taken);
            let worker = play.worker();
            let said = format!("{network}, taken {taken}");
            for _ in 0..9 {
                let _ = play.round(&worker).await;
                let attempts = play.open_payouts().iter().map(|payout| payout.attempts.len()).max();
                assert!(attempts.is_none_or(|most| most == 1), "{said}");
                play.pass(10, taken).await;
            }
            let waits = play.net.lock().waits();
            assert_eq!((waits, play.paid(0).len()), (0, usize::from(taken)), "{said}");
            play.net.lock().silent = None;
            play.until_paid(id, &said).await;
            play.assert_paid_once(id, before, &said);
        }
    }
}

/// Goal: a token's transaction that succeeds and moved nothing is no payment: it is set before people, with the money held. Part of
/// failure mode 35. Method: receipts that say yes and show no transfer.
#[tokio::test(start_paused = true)]
async fn a_transfer_without_its_log_is_set_before_people() {
    for network in [Network::Ethereum, Network::Tron] {
        let mut play = Play::begin(network, 1, 1).await;
        play.net.lock().lazy = 0;
        play.net.lock().logless = true;
        let id = ask_for(&play.stage, network, 1, 2, 0, AMOUNT);
        let held = play.money(1, 2);
        let worker = play.worker();
        for _ in 0..30 {
            let _ = play.round(&worker).await;
            play.pass(12, true).await;
        }
        assert_eq!((play.stage_of(id), play.open_payouts().len()), (Standing::Review, 1), "{network}");
        assert_eq!(play.money(1, 2), held, "{network}: neither paid nor free");
    }
}

/// Goal: a token whose contract says no without failing is asked before anything is sent to it: no transaction is made, and the
/// payment is once it says yes; failure modes 4 and 35. Method: such an answer on a network of Ethereum's kind.
#[tokio::test(start_paused = true)]
async fn a_token_that_says_no_is_set_aside() {
    let network = Network::Ethereum;
    let mut play = Play::begin(network, 1, 1).await;
    play.net.lock().says_no = true;
    let id = ask_for(&play.stage, network, 1, 2, 0, AMOUNT);
    let worker = play.worker();
    for _ in 0..5 {
        let _ = play.round(&worker).await;
        play.pass(12, true).await;
    }
    assert_eq!((play.stage_of(id), play.net.lock().offered.len()), (Standing::Queued, 0));
    play.net.lock().says_no = false;
    play.pass(120, true).await;
    play.until_paid(id, "a token").await;
    assert_eq!(play.paid(0), [AMOUNT]);
}

/// Goal: nothing is paid of a token that counts otherwise than it is listed, where no deposit worker has said so either: it would be a
/// power of ten too much or too little; failure mode 9. Method: a contract that says other decimals than its listing, on each network
/// with tokens, and then none.
#[tokio::test(start_paused = true)]
async fn a_token_that_counts_otherwise_is_not_paid() {
    for network in [Network::Ethereum, Network::Tron] {
        let mut play = Play::begin(network, 1, 1).await;
        play.net.lock().decimals = Some(250);
        let id = ask_for(&play.stage, network, 1, 2, 0, AMOUNT);
        let worker = play.worker();
        for _ in 0..5 {
            // Nothing is scanned meanwhile: a deposit worker would have the token halted.
            let said = play.round(&worker).await;
            assert!(said.unwrap_err().contains("counts with 250 decimals"), "{network}");
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        assert_eq!((play.stage_of(id), play.net.lock().offered.len()), (Standing::Queued, 0), "{network}");
        play.net.lock().decimals = None;
        play.until_paid(id, "a token").await;
        assert_eq!(play.paid(0), [AMOUNT], "{network}");
    }
}

/// Goal: TRON's dollar token, which returns no from transfers that have moved, is paid all the same, by what its log says; failure mode
/// 35. Method: a contract that says no on trial and moves.
#[tokio::test(start_paused = true)]
async fn trons_dollar_says_no_and_moves() {
    let network = Network::Tron;
    let mut play = Play::begin(network, 1, 1).await;
    play.net.lock().says_no = true;
    let id = ask_for(&play.stage, network, 1, 2, 0, AMOUNT);
    play.until_paid(id, "a token").await;
    assert_eq!(play.paid(0), [AMOUNT]);
}

/// Goal: fees a hundred times as high are nobody's to pay but a person's: the queue waits, and is paid once a person lets more be paid,
/// within what the withdrawal may cost; failure mode 37. Method: a bound that the usual price is far below.
#[tokio::test(start_paused = true)]
async fn a_person_lets_dear_fees_be_paid() {
    let network = Network::Ethereum;
    let mut play = Play::begin(network, 1, 1).await;
    play.bound(Some(5), None);
    play.net.lock().dear = 10_000;
    let id = ask_for(&play.stage, network, 1, 1, 0, AMOUNT);
    let worker = play.worker();
    for _ in 0..5 {
        let _ = play.round(&worker).await;
        play.pass(12, true).await;
    }
    assert_eq!((play.stage_of(id), play.open_payouts().len()), (Standing::Queued, 0));
    play.bound(Some(1_000), None);
    play.until_paid(id, "dear").await;
    assert_eq!(play.paid(0).len(), 1);
}

/// Goal: what a transaction may cost in all is bounded beside its price: it waits with its reason, and is paid where it is asked for
/// anew under a higher bound; failure mode 37. Method: a bound below what any transaction costs; a higher one.
#[tokio::test(start_paused = true)]
async fn more_than_a_transaction_may_cost_waits_with_its_reason() {
    let network = Network::Ethereum;
    let mut play = Play::begin(network, 1, 1).await;
    play.bound(None, Some(1_000));
    let id = ask_for(&play.stage, network, 1, 1, 0, AMOUNT);
    let worker = play.worker();
    for _ in 0..3 {
        let _ = play.round(&worker).await;
        play.pass(12, true).await;
    }
    let now = play.stage.ground().rows(|state, rows| state.explain_withdrawal(rows, id).unwrap().unwrap().now).unwrap();
    assert!(now.contains("fee is more"), "{now}");
    play.bound(None, Some(1_000_000_000));
    let cancel = StepWithdrawal { withdrawal: id, from: Standing::Queued, step: WithdrawalStep::Cancel };
    play.stage.ground().run_as(Actor::User(UserId(1)), Body::StepWithdrawal(cancel));
    let again = ask_for(&play.stage, network, 1, 1, 1, AMOUNT);
    play.until_paid(again, "asked for anew").await;
    assert_eq!((play.paid(0).len(), play.paid(1).len()), (0, 1));
}

impl Play {
    /// The most that a unit of gas, and a transaction, may cost, in minor units of the coin.
    fn bound(&self, fee_rate_max: Option<u64>, fee_max: Option<u64>) {
        self.stage.ground().run(Body::ConfigureNetwork(Box::new(ConfigureNetwork {
            network: self.network,
            state: Some(NetworkState::Enabled),
            deposits: None,
            withdrawals: None,
            sweeps: None,
            tradable: None,
            withdrawable: None,
            fee_rate_max,
            fee_max,
            endpoints: None,
            if_version: None,
            reason: "test".into(),
        })));
    }

    /// A worker whose life is interrupted.
    fn worker_until(&mut self, fate: &Arc<Fate>) -> super::withdrawals::Worker {
        let (one, two) = (fate.clone(), fate.clone());
        self.worker_over(
            |link| Arc::new(MortalLink { link, fate: one }),
            |signer| Arc::new(MortalSigner { signer, fate: two }),
        )
    }
}
