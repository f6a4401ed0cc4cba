//! The random lives: what happens in them, what must hold meanwhile and at their end, and that planted bugs show.

use std::collections::BTreeMap;

use super::super::withdrawals::{COIN, DOLLAR, believe, money, price};
use super::super::world::SECOND;
use super::life::{Life, NETWORKS, assets, hot, native, station};
use super::*;
use crate::deposits::{DepositId, DepositState};
use crate::planted::{self, Bug};
use crate::users::UserStatus;
use crate::withdrawals::{Death, Payout, PayoutStanding, Standing, WithdrawalId};
use crate::{State, UpdateUser};

/// What anybody does before everything is brought to its end.
const ACTIONS: usize = 240;

impl Life {
    fn payouts(&self, network: Network) -> Vec<Payout> {
        self.world.state.withdrawals().payouts(network).cloned().collect()
    }

    /// A truthful worker tells what its chain shows of a payout.
    fn observe(&mut self, payout: &Payout) {
        let network = payout.network;
        let Some((number, id)) = payout.live().find_map(|attempt| Some((attempt.number, attempt.tx?))) else { return };
        assert_eq!(usize::from(number), payout.attempts.len());
        let tx = self.known[&id].clone();
        let ocean = &self.oceans[&network];
        let Some(height) = ocean.height_of(id) else {
            if matches!(payout.standing, PayoutStanding::Mined { .. }) {
                let _ = self.step(payout, PayoutStep::Unseen);
            } else if tx.expires.is_some_and(|expires| self.world.now.0 > expires.0 + 61 * SECOND) {
                let at = self.told[&network][ocean.settled];
                let death = Death::Expired { at, time: self.world.now, absent_at: vec![0, 1], absent: vec![id] };
                if self.step(payout, PayoutStep::Dead { proof: death, requeue: true }).is_ok() {
                    believe(&mut self.world, payout.id);
                    self.saw("expired");
                }
            } else {
                self.ocean(network).pool.insert(id, tx);
            }
            return;
        };
        let block = self.told[&network][height + 1];
        if height >= ocean.settled {
            let _ = self.step(payout, PayoutStep::Seen { block });
        } else if tx.fails {
            if self.step(payout, PayoutStep::Reverted { block, fee: tx.fee }).is_ok() {
                believe(&mut self.world, payout.id);
                self.saw("did nothing");
            }
        } else if self.step(payout, PayoutStep::Final { block, fee: tx.fee }).is_ok() {
            self.saw(match payout.errand {
                Errand::Withdrawals if payout.fills_gap() => "gap filled",
                Errand::Withdrawals => "paid",
                Errand::Sweep(_) => "swept",
                Errand::TopUp(_) => "topped up",
                Errand::Stake(_) => "staked",
            });
        }
    }

    pub(super) fn observe_all(&mut self, network: Network) {
        for payout in self.payouts(network) {
            self.observe(&payout);
        }
    }

    fn freeze(&mut self, status: UserStatus) {
        let (user, reason) = (UserId(3), "test".to_owned());
        let change = UpdateUser { user, kyc_level: None, fee_tier: None, status: Some(status), label: None, reason };
        self.world.run(Body::UpdateUser(change)).unwrap();
    }

    fn act(&mut self) {
        let network = self.dice.of(&NETWORKS);
        match self.dice.below(100) {
            0..=15 => self.pay_in(),
            16..=35 => self.mine(network, 60),
            36..=40 => self.reorganise(network),
            41..=48 => self.plan(network),
            49..=60 => self.carry_on(network),
            61..=63 => self.ask(),
            64..=68 => self.pay_out(),
            69..=80 => {
                for payout in self.payouts(network) {
                    self.sign(&payout);
                }
            }
            81..=90 => self.observe_all(network),
            91 => self.world.lead(),
            92 => self.world.state = State::load(&self.world.rows).unwrap(),
            93 => {
                let status = self.dice.of(&[UserStatus::Frozen, UserStatus::Active]);
                self.freeze(status);
            }
            94 => {
                let mut dice = self.dice.clone();
                self.ocean(network).pool.retain(|_, tx| tx.payer.is_none() || dice.below(2) > 0);
                self.dice = dice;
            }
            95..=98 => {
                if let Some(command) = self.stale.pop() {
                    // Under a fresh id, as a confused worker would send it again; with its old leadership or the new one.
                    let present = self.world.state.epoch().map(|epoch| epoch.index);
                    let epoch = self.dice.of(&[command.epoch, present]);
                    let again = Command { epoch, actor: command.actor, ..self.world.command(command.body) };
                    let _ = self.world.send(&again);
                }
            }
            _ => price(&mut self.world),
        }
    }

    /// What must hold after everything that anybody does.
    fn check(&self) {
        for (payout, (network, txs)) in &self.signed {
            let done = self.oceans[network].done(txs);
            assert!(done <= 1, "payout {payout} is carried out {done} times");
        }
        for network in NETWORKS {
            for one in self.world.state.holdings(&self.world.rows, network, None, 100).unwrap() {
                assert!(one.reserved <= one.free, "{one:?}");
            }
        }
    }

    /// Everything is brought to its end by truthful workers.
    fn bring_to_an_end(&mut self) {
        self.freeze(UserStatus::Active);
        price(&mut self.world);
        for round in 0.. {
            assert!(round < 150, "it does not end: {:?}", self.payouts(NET));
            for network in NETWORKS {
                for payout in self.payouts(network) {
                    self.sign(&payout);
                }
                self.mine(network, 100);
                self.observe_all(network);
            }
            self.pay_out();
            self.check();
            let waits =
                self.world.state.withdrawals().open().any(|one| matches!(one.standing, Standing::Paying { .. }));
            let quiet = NETWORKS.iter().all(|network| {
                self.payouts(*network).is_empty() && self.oceans[network].pool.values().all(|tx| tx.payer.is_some())
            });
            if quiet && !waits && round > 8 {
                break;
            }
        }
        for network in NETWORKS {
            for _ in 0..6 {
                self.mine(network, 100);
            }
        }
    }

    /// What must hold when nothing is under way: the books, what is believed to lie on addresses, what users have, and the
    /// chain are one.
    fn compare(&self) {
        let (state, rows) = (&self.world.state, &self.world.rows);
        let mut credited: BTreeMap<(UserId, Asset), u128> = BTreeMap::new();
        let mut held: BTreeMap<(Network, u32, Asset), u128> = BTreeMap::new();
        for number in 1..=state.deposits().last().0 {
            let deposit = state.deposits().find(rows, DepositId(number)).unwrap().unwrap();
            let (index, asset) = (deposit.index.expect("nothing of ours is a deposit"), deposit.asset.unwrap());
            assert!(self.oceans[&deposit.network].height_of(deposit.tx).is_none_or(|_| deposit.block.is_some()));
            match deposit.state {
                DepositState::Unlocked => {
                    let swept = state.deposit_swept(rows, deposit.id).unwrap().expect("it may be swept");
                    let left = holding(&self.world, deposit.network, index, asset).map_or(0, |one| one.free);
                    assert!(swept.is_some() || left > 0, "deposit {number} lies nowhere");
                    if let Some(by) = swept {
                        let by = state.payout(rows, by).unwrap().unwrap();
                        assert!(matches!(by.errand, Errand::Sweep(_)) && by.stage() == Stage::Completed);
                        assert!(deposit.network == COINS || by.payer.index == index);
                    }
                    *credited.entry((deposit.user.unwrap(), asset)).or_default() += deposit.units;
                }
                DepositState::Suspense { .. } => {
                    *held.entry((deposit.network, index, asset)).or_default() += deposit.amount.unwrap();
                }
                DepositState::Orphaned | DepositState::Reversed { .. } => {
                    assert_eq!(self.oceans[&deposit.network].height_of(deposit.tx), None);
                }
                other => panic!("deposit {number} is {other:?}"),
            }
        }
        for network in NETWORKS {
            let ocean = &self.oceans[&network];
            let paid_in = ocean.mined().filter(|(_, tx)| tx.payer.is_none()).count();
            let numbered =
                (1..=state.deposits().last().0).filter_map(|id| state.deposits().find(rows, DepositId(id)).unwrap());
            let there = numbered.filter(|deposit| deposit.network == network && deposit.block.is_some()).count();
            assert_eq!(there, paid_in, "payments to {network}");
            for asset in assets(network) {
                let mut pooled = 0;
                for index in 0..POOL {
                    let has = ocean.balance(&pool(network, index), asset);
                    let believed = holding(&self.world, network, index, asset);
                    let free = believed.as_ref().map_or(0, |one| one.free);
                    let overspent = believed.as_ref().map_or(0, |one| one.overspent);
                    let waits = held.get(&(network, index, asset)).copied().unwrap_or_default();
                    assert_eq!(free + waits, has + overspent, "{network} {index} {asset:?}");
                    assert_eq!((overspent, believed.map_or(0, |one| one.reserved)), (0, 0));
                    pooled += has;
                }
                assert_eq!(books(&self.world, network, Store::Deposit, asset), pooled, "{network} {asset:?}");
                let has = ocean.balance(&hot(network), asset);
                let stations = if network == COINS { 0 } else { ocean.balance(&station(network).1, asset) };
                let minted = if network == COINS { 1_000 * COIN - 20 * COIN } else { 0 };
                assert_eq!(
                    books(&self.world, network, Store::Hot, asset),
                    has + stations + minted,
                    "{network} {asset:?}"
                );
            }
        }
        let mut gone: BTreeMap<(UserId, Asset), u128> = BTreeMap::new();
        for id in (1..=state.withdrawals().count()).map(WithdrawalId) {
            let one = state.withdrawal(rows, id).unwrap().unwrap();
            if state.withdrawals().stage(&one) == Stage::Completed {
                *gone.entry((one.order.user, one.order.asset)).or_default() += one.paid + one.fee;
            }
        }
        for user in (1..=u64::from(USERS)).map(UserId) {
            let begin = [(USDT, 1_000_000 * DOLLAR), (BTC, 100 * COIN), (native(TRON), 1_000_000 * DOLLAR), (ETH, 0)];
            for (asset, begin) in begin {
                let of = |sums: &BTreeMap<(UserId, Asset), u128>| sums.get(&(user, asset)).copied().unwrap_or_default();
                let has = state.account_of(user, asset).map_or(0, |_| money(&self.world, user, asset).0);
                assert_eq!(has, begin + of(&credited) - of(&gone), "{user} {asset:?}");
            }
        }
        // A deposit is swept by a payout that is final, or it lies there.
        for (payout, (_, txs)) in &self.signed {
            let payout = state.payout(rows, *payout).unwrap().unwrap();
            if let (Errand::Sweep(_), Stage::Completed) = (&payout.errand, payout.stage()) {
                assert_eq!(self.oceans[&payout.network].done(txs), 1);
            }
        }
    }
}

fn live(seed: u64) -> Life {
    let mut life = Life::new(seed);
    for _ in 0..ACTIONS {
        life.act();
        life.check();
    }
    life.bring_to_an_end();
    life.compare();
    life
}

/// Goal: whatever is reorganised, lost, killed, refused or done twice: the books, the exchange's belief of what lies where, and
/// the chain are one in the end; nobody's deposit is credited twice or never, no top-up and no sweep is a deposit, nothing goes
/// where it must not. Method: random lives on simulated chains with balances, checked after every action;
/// `EXCHEQUER_SWEEP_LIVES=n` lives n; a failing seed is printed.
#[test]
fn books_and_chains_are_one() {
    let count = std::env::var("EXCHEQUER_SWEEP_LIVES").ok().and_then(|count| count.parse().ok()).unwrap_or(14);
    let mut seen: BTreeMap<&'static str, u32> = BTreeMap::new();
    for seed in 1..=count {
        match std::panic::catch_unwind(|| live(seed).seen) {
            Ok(of_one) => of_one.into_iter().for_each(|(what, count)| *seen.entry(what).or_default() += count),
            Err(panic) => {
                println!("seed {seed}");
                std::panic::resume_unwind(panic);
            }
        }
    }
    println!("{seen:?}");
    for what in ["swept", "topped up", "paid", "did nothing", "never signed", "reorganised", "gap filled", "expired"] {
        assert!(seen.get(what).is_some_and(|count| *count >= 3), "{what} was hardly seen: {seen:?}");
    }
}

/// Goal: the lives would notice. Method: bugs that lose track of money; each is caught by one of a few lives.
#[test]
fn planted_bugs_lose_track() {
    for bug in [Bug::SweptStays, Bug::ToppedUpEarly, Bug::HeldIsSwept, Bug::SweptAnywhere, Bug::OwnCredited] {
        planted::plant(Some(bug));
        let caught = (1..=8).any(|seed| std::panic::catch_unwind(|| live(seed)).is_err());
        planted::plant(None);
        assert!(caught, "{bug:?} was not caught");
    }
}
