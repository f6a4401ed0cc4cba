//! Random lives of withdrawals on simulated chains: crashes between any two steps, replies that are lost, transactions that are
//! dropped, replaced and reorganised, leaders that change, commands that come late, and hands that try what they must not.

use std::collections::{BTreeMap, BTreeSet};

use exchequer_domain::{Network, OutPoint, Timestamp, TxId};

use super::super::dice::Dice;
use super::super::world::SECOND;
use super::chain::Chain;
use super::*;
use crate::planted::{self, Bug};
use crate::withdrawals::{Conflict, Death, Logged, PaymentName, Payout, Place, SigningEntry, Standing};
use crate::{PayoutDecision, ReviewPayout};

const NETWORKS: [Network; 3] = [Network::Ethereum, Network::Bitcoin, Network::Tron];
const USERS: u32 = 3;
const COINS: u8 = 120;
/// What anybody does before everything is brought to its end.
const ACTIONS: usize = 200;

pub(super) struct Life {
    pub(super) dice: Dice,
    pub(super) world: World,
    pub(super) chains: BTreeMap<Network, Chain>,
    asked: u64,
    pub(super) built: u64,
    stale: Vec<Command>,
    seen: BTreeMap<&'static str, u32>,
}

impl Life {
    fn new(seed: u64) -> Life {
        let mut world = bank(USERS);
        mint(&mut world, 0..COINS);
        let chains = NETWORKS.into_iter().map(|network| (network, Chain::default())).collect();
        Life { dice: Dice(seed), world, chains, asked: 0, built: 0, stale: Vec::new(), seen: BTreeMap::new() }
    }

    pub(super) fn chain(&mut self, network: Network) -> &mut Chain {
        self.chains.get_mut(&network).unwrap()
    }

    pub(super) fn saw(&mut self, what: &'static str) {
        *self.seen.entry(what).or_default() += 1;
    }

    /// A worker's command; some are kept, to come again when they are out of date.
    pub(super) fn tell(&mut self, network: Network, body: Body) -> Result<Done, Rejection> {
        let command = by_worker(&mut self.world, network, body);
        if self.dice.once_in(6) {
            self.stale.push(command.clone());
        }
        self.world.send(&command)
    }

    fn payouts(&self, network: Network) -> Vec<Payout> {
        self.world.state.withdrawals().payouts(network).cloned().collect()
    }

    fn ask(&mut self) {
        let user = UserId(self.dice.below(USERS as usize) as u64 + 1);
        let (network, asset, amount) = self.dice.of(&[
            (Network::Ethereum, USDT, 7 * DOLLAR),
            (Network::Bitcoin, BTC, 5_000),
            (Network::Tron, USDT, 9 * DOLLAR),
            (Network::Tron, TRX, 11 * DOLLAR),
        ]);
        self.asked += 1;
        let name = format!("n{}", self.asked);
        let mode = self.dice.of(&[FeeMode::Deduct, FeeMode::OnTop]);
        let wanted = Order { mode, ..on(network, asset, order(user, &name, amount)) };
        if request(&mut self.world, wanted).is_ok() {
            self.saw("asked");
        }
    }

    fn any_withdrawal(&mut self) -> Option<WithdrawalId> {
        let count = self.world.state.withdrawals().count();
        (count > 0).then(|| WithdrawalId(self.dice.below(count as usize) as u64 + 1))
    }

    fn cancel(&mut self) {
        if let Some(id) = self.any_withdrawal() {
            let user = withdrawal(&self.world, id).order.user;
            if step_withdrawal(&mut self.world, Actor::User(user), id, WithdrawalStep::Cancel).is_ok() {
                self.saw("cancelled");
            }
        }
    }

    /// Coins that nobody has reserved and the chain has not spent.
    pub(super) fn free_coins(&self, count: usize) -> Vec<OutPoint> {
        let chain = &self.chains[&Network::Bitcoin];
        let coins = self.world.state.custody().coins().of(Network::Bitcoin);
        let free = coins.filter(|coin| coin.state == CoinState::Free && chain.spender(coin.outpoint).is_none());
        free.map(|coin| coin.outpoint).take(count).collect()
    }

    pub(super) fn window(&self) -> Claim {
        Claim::Window { reference: block(1), expires: Timestamp(self.world.now.0 + 30 * SECOND) }
    }

    /// A person decides about what needs one; without proof nothing that frees money.
    fn review(&mut self, payout: &Payout) {
        let decision = match self.dice.below(5) {
            0 => PayoutDecision::Bump,
            1 if payout.network == Network::Ethereum || payout.network == Network::Bitcoin => {
                PayoutDecision::CancelByNoop
            }
            2 => PayoutDecision::Refund { proof: self.false_death(payout) },
            3 => PayoutDecision::MarkExternal {
                tx: tx(self.built),
                block: block(1),
                fee: 1,
                proof: self.false_death(payout),
            },
            _ => PayoutDecision::Resend,
        };
        let (from, reason) = (payout.stage(), "looked".to_owned());
        let review = ReviewPayout { payout: payout.id, from, decision, reason };
        if self.world.run(Body::ReviewPayout(Box::new(review))).is_ok() {
            self.saw("reviewed");
        }
    }

    /// Proof that is none, for what is signed.
    fn false_death(&mut self, payout: &Payout) -> Death {
        let absent: Vec<TxId> = payout.live().filter_map(|attempt| attempt.tx).collect();
        if absent.is_empty() {
            // Nothing is signed, so that anything would be true of it.
            return Death::Conflicts(vec![Conflict { coin: coin(255), by: tx(1), confirmations: 0 }]);
        }
        match self.dice.below(4) {
            0 => Death::NeverSigned,
            1 => Death::NonceUsed { at: block(1), next: payout.nonce().unwrap_or(9), absent },
            2 => Death::Conflicts(vec![Conflict { coin: coin(255), by: tx(1), confirmations: 99 }]),
            _ => Death::Expired { at: block(1), time: Timestamp(u64::MAX), absent_at: vec![1, 1], absent },
        }
    }

    /// What nobody may do; whatever of it is not refused shows in what is paid.
    fn attack(&mut self, payout: &Payout) {
        let latest = payout.attempts.len() as u16;
        if payout.live().next().is_none() {
            return;
        }
        match self.dice.below(4) {
            // Of what only fills a gap it frees nobody's money, and keeps those behind it waiting: a worker can have that more cheaply.
            3 if payout.withdrawals.is_empty() => {}
            3 => {
                // That a final block has it and it did nothing, of what may be anywhere.
                let settled = self.chains[&payout.network].settled.saturating_sub(1) as u64;
                let _ = self.step(payout, latest, PayoutStep::Reverted { block: block(settled), fee: 1 });
            }
            0 => {
                let proof = self.false_death(payout);
                let requeue = !self.dice.once_in(2);
                let _ = self.step(payout, latest, PayoutStep::Dead { proof, requeue });
            }
            1 => {
                self.built += 1;
                let claim = match payout.network.family() {
                    ChainFamily::Evm => Claim::Nonce(payout.nonce().unwrap_or(0) + 1),
                    ChainFamily::Bitcoin => Claim::Coins(self.free_coins(1)),
                    ChainFamily::Tron => self.window(),
                };
                let preparation = Box::new(Preparation { fee_max: 2_000, ..preparation(claim, self.built) });
                let _ = self.step(payout, latest, PayoutStep::Stuck);
                let Some(stuck) = self.world.state.withdrawals().payout(payout.id).cloned() else { return };
                if self.step(&stuck, latest, PayoutStep::Replace { preparation, proof: None }).is_ok() {
                    self.race(payout.id);
                }
            }
            _ => {
                if let Some(command) = self.stale.pop() {
                    // Under a fresh id, as a confused worker would send it again; with its old leadership or the new one.
                    let epoch = self.dice.of(&[command.epoch, self.world.state.epoch().map(|epoch| epoch.index)]);
                    let again = Command { epoch, actor: command.actor, ..self.world.command(command.body) };
                    let _ = self.world.send(&again);
                }
            }
        }
    }

    /// Every attempt of a payout is on its way at once.
    fn race(&mut self, id: PayoutId) {
        let Some(payout) = self.world.state.withdrawals().payout(id).cloned() else { return };
        self.sign(&payout);
        let Some(payout) = self.world.state.withdrawals().payout(id).cloned() else { return };
        for tx in payout.attempts.iter().filter_map(|attempt| attempt.tx) {
            if self.chains[&payout.network].height_of(tx).is_none() {
                self.chain(payout.network).pool.insert(tx);
            }
        }
    }

    /// The state knows of a chain what its scanner would have told.
    fn scan(&mut self, network: Network) {
        let chain = &self.chains[&network];
        let (tip, settled) = (chain.blocks.len().checked_sub(1), chain.settled.saturating_sub(1));
        let known = *self.world.state.deposits().chains().get(network);
        let known = crate::deposits::Chain { tip: tip.map(|tip| block(tip as u64)), settled: settled as u64, ..known };
        let of = |mut coin: Coin| {
            match (chain.spender(coin.outpoint), coin.state) {
                (Some((by, height)), _) => spend(&mut coin, by, height as u64),
                (None, CoinState::Spent { owner: Some(owner), .. }) => coin.state = CoinState::Reserved { owner },
                (None, CoinState::Spent { owner: None, .. }) => coin.state = CoinState::Free,
                (None, CoinState::Free | CoinState::Reserved { .. }) => {}
            }
            coin
        };
        let coins: Vec<Coin> = self.world.state.custody().coins().of(network).cloned().map(of).collect();
        put_coins(&mut self.world, coins);
        put_chain(&mut self.world, known);
    }

    /// A worker that is awake looks at everything after a block; half of them are.
    fn observe_all(&mut self, network: Network) {
        if self.dice.once_in(2) {
            for payout in self.payouts(network) {
                self.observe(&payout);
            }
        }
    }

    fn act(&mut self) {
        let network = self.dice.of(&NETWORKS);
        let payouts = self.payouts(network);
        let one = (!payouts.is_empty()).then(|| payouts[self.dice.below(payouts.len())].clone());
        match (self.dice.below(100), one) {
            (0..=13, _) => self.ask(),
            (14..=15, _) => self.cancel(),
            (16..=27, _) => self.prepare(network),
            (28..=39, Some(payout)) => self.sign(&payout),
            (40..=50, Some(payout)) => self.send(&payout),
            (51..=60, _) => {
                self.world.now = Timestamp(self.world.now.0 + 10 * SECOND);
                let (now, mut dice) = (self.world.now, self.dice.clone());
                self.chain(network).mine(now, &mut dice, 60);
                self.dice = dice;
                self.scan(network);
                self.observe_all(network);
            }
            (61..=64, _) => {
                // The worker has just seen what vanishes now, and looks again.
                payouts.iter().for_each(|payout| self.observe(payout));
                let mut dice = self.dice.clone();
                self.chain(network).reorganise(&mut dice);
                self.dice = dice;
                self.scan(network);
                self.saw("reorganised");
                self.payouts(network).iter().for_each(|payout| self.observe(payout));
            }
            (65, _) => {
                let mut dice = self.dice.clone();
                self.chain(network).forget(&mut dice);
                self.dice = dice;
            }
            (66..=84, Some(payout)) => self.observe(&payout),
            (85..=87, Some(payout)) => self.review(&payout),
            (88..=93, Some(payout)) => self.attack(&payout),
            (94..=95, _) => self.world.lead(),
            (96..=97, _) => self.world.state = State::load(&self.world.rows).unwrap(),
            _ => price(&mut self.world),
        }
    }

    /// What must hold after everything that anybody does.
    fn check(&self) {
        let room = self.world.state.withdrawals();
        let mut held: BTreeMap<(UserId, Asset), u128> = BTreeMap::new();
        let mut paid: BTreeMap<(UserId, Asset), u128> = BTreeMap::new();
        for number in 1..=room.count() {
            let id = WithdrawalId(number);
            let one = withdrawal(&self.world, id);
            let stage = room.stage(&one);
            let (any, settled) = self.chains[&one.order.network].payments(id);
            assert!(any <= 1, "withdrawal {id}, {stage}, is paid {any} times");
            let key = (one.order.user, one.order.asset);
            match stage {
                Stage::Completed => {
                    assert_eq!(settled, 1, "withdrawal {id} is completed and not paid");
                    *paid.entry(key).or_default() += one.paid + one.fee;
                }
                Stage::Cancelled | Stage::Rejected | Stage::Expired | Stage::Failed | Stage::Reverted => {
                    assert_eq!(any, 0, "withdrawal {id} is {stage} and paid");
                }
                _ => *held.entry(key).or_default() += one.paid + one.fee,
            }
        }
        for user in (1..=u64::from(USERS)).map(UserId) {
            for (asset, begin) in [(USDT, 1_000_000 * DOLLAR), (BTC, 100 * COIN), (TRX, 1_000_000 * DOLLAR)] {
                let sum = |sums: &BTreeMap<_, u128>| sums.get(&(user, asset)).copied().unwrap_or_default();
                assert_eq!(money(&self.world, user, asset), (begin - sum(&paid), sum(&held)), "{user} {asset:?}");
            }
        }
        let mut nonces = BTreeSet::new();
        for payout in room.payouts(Network::Ethereum) {
            assert!(nonces.insert(payout.nonce()), "a nonce of two payouts");
        }
    }

    /// Everything is brought to its end by truthful workers and people, without anything by hand beside their decisions.
    fn bring_to_an_end(&mut self) {
        for round in 0.. {
            let open = self.world.state.withdrawals().open().count();
            let under_way = NETWORKS.iter().map(|network| self.payouts(*network).len()).sum::<usize>();
            if open == 0 && under_way == 0 {
                return;
            }
            assert!(round < 120, "{open} withdrawals and {under_way} payouts do not end: {:?}", self.open());
            for network in NETWORKS {
                // Where somebody else used a key, persons look and let the network go on.
                let reach = crate::reconciliation::Reach::Network(network);
                if self.world.state.reconciliation().stopped(reach).is_some() {
                    let resume = crate::ResumePayments { reach, seen: Vec::new(), reason: "looked".into() };
                    self.world.run(Body::ResumePayments(resume)).unwrap();
                }
                self.prepare(network);
                for payout in self.payouts(network) {
                    self.sign(&payout);
                }
                for payout in self.payouts(network) {
                    if matches!(payout.stage(), Stage::Unknown | Stage::Review) {
                        let (from, reason) = (payout.stage(), "looked".to_owned());
                        // What somebody else's transaction took the place of is paid to nobody.
                        let decision = match self.death(&payout) {
                            Some(proof @ Death::NonceUsed { .. }) => PayoutDecision::Refund { proof },
                            Some(_) | None => PayoutDecision::Resend,
                        };
                        let review = ReviewPayout { payout: payout.id, from, decision, reason };
                        self.world.run(Body::ReviewPayout(Box::new(review))).unwrap();
                    }
                    for tx in payout.live().filter_map(|attempt| attempt.tx) {
                        if self.chains[&network].height_of(tx).is_none() {
                            self.chain(network).pool.insert(tx);
                        }
                    }
                }
                self.world.now = Timestamp(self.world.now.0 + 10 * SECOND);
                let (now, mut dice) = (self.world.now, self.dice.clone());
                self.chain(network).mine(now, &mut dice, 100);
                self.dice = dice;
                self.scan(network);
                for payout in self.payouts(network) {
                    self.observe(&payout);
                }
                self.check();
            }
        }
    }

    fn open(&self) -> Vec<(WithdrawalId, Standing, Stage)> {
        let room = self.world.state.withdrawals();
        room.open().map(|one| (one.id, one.standing.clone(), room.stage(one))).take(5).collect()
    }
}

/// The signing log has no gaps; its places rise and none is before its log entry's; what was signed was decided before; and at
/// the end each withdrawal that came to its turn is over, once.
fn signing_log_is_whole(life: &Life) {
    let (mut place, mut entries) = (Place(0), Vec::new());
    loop {
        let page = life.world.state.signing_entries(&life.world.rows, place, 1_000).unwrap();
        let Some(last) = page.last() else { break };
        place = last.place;
        entries.extend(page);
    }
    let (last, last_place) = life.world.state.withdrawals().last_signing_entry();
    assert_eq!((entries.len() as u64, place), (last, last_place));
    assert!(entries.windows(2).all(|two| two[0].number + 1 == two[1].number && two[0].place < two[1].place));
    assert!(entries.iter().all(|entry| entry.place >= Place::of(entry.index) && entry.epoch <= entry.index));
    let (mut decided, mut over) = (BTreeMap::new(), BTreeSet::new());
    for Logged { entry, place, .. } in &entries {
        match entry {
            SigningEntry::Decided(record) => {
                let before = decided.insert((record.payout, record.attempt), (record.digest, *place));
                assert_eq!(before, None);
            }
            // In the clear is what a signer needs that cannot open the record.
            SigningEntry::Signed { payout, attempt, digest, decided: at, .. } => {
                assert_eq!(decided.get(&(*payout, *attempt)), Some(&(*digest, *at)));
            }
            SigningEntry::Dead { payout, attempt, .. } => {
                assert!(decided.contains_key(&(*payout, *attempt)));
            }
            SigningEntry::Over(PaymentName::Withdrawal(one)) => assert!(over.insert(*one), "{one} is over twice"),
            SigningEntry::Over(PaymentName::Move(_)) => {}
        }
    }
    let paid = |entry: &Logged| match &entry.entry {
        SigningEntry::Decided(record) => record.pays.iter().map(|pay| pay.withdrawal).collect(),
        _ => Vec::new(),
    };
    let open: BTreeSet<_> = life.world.state.withdrawals().open().map(|one| one.id).collect();
    assert!(entries.iter().flat_map(paid).all(|one| open.contains(&one) != over.contains(&one)));
}

fn live(seed: u64) -> Life {
    let mut life = Life::new(seed);
    for _ in 0..ACTIONS {
        life.act();
        life.check();
    }
    life.bring_to_an_end();
    life.check();
    signing_log_is_whole(&life);
    life
}

fn lives(seeds: impl IntoIterator<Item = u64>) -> BTreeMap<&'static str, u32> {
    let mut seen = BTreeMap::new();
    for seed in seeds {
        let caught = std::panic::catch_unwind(|| live(seed).seen);
        match caught {
            Ok(of_one) => of_one.into_iter().for_each(|(what, count)| *seen.entry(what).or_default() += count),
            Err(panic) => {
                println!("seed {seed}");
                std::panic::resume_unwind(panic);
            }
        }
    }
    seen
}

/// Goal: each withdrawal is paid at most once, exactly once when it is completed, and never when it ended otherwise; the ledger
/// holds what is open and nothing else; and everything comes to an end. Whatever is killed, lost, dropped, replaced,
/// reorganised or tried meanwhile. Failure modes 19 to 24. Method: random lives against simulated chains, checked after
/// every action; `EXCHEQUER_WITHDRAWAL_LIVES=n` lives n; a failing seed is printed.
#[test]
fn paid_exactly_once() {
    let count = std::env::var("EXCHEQUER_WITHDRAWAL_LIVES").ok().and_then(|count| count.parse().ok()).unwrap_or(16);
    let seen = lives(1..=count);
    println!("{seen:?}");
    let whats =
        ["asked", "prepared", "signed", "seen in a block", "out of its block", "replaced", "dead", "reorganised"];
    for what in whats {
        assert!(seen.get(what).is_some_and(|count| *count >= 3), "{what} was hardly seen: {seen:?}");
    }
}

/// Goal: the lives would notice. Method: bugs that pay twice or free money too early; each is caught by one of a few lives.
#[test]
fn planted_bugs_pay_twice() {
    for bug in [Bug::DeathUnproved, Bug::ReplacementNotExclusive] {
        planted::plant(Some(bug));
        let caught = (1..=12).any(|seed| std::panic::catch_unwind(|| live(seed)).is_err());
        planted::plant(None);
        assert!(caught, "{bug:?} was not caught");
    }
}
