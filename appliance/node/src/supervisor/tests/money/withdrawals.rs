//! The withdrawal worker on networks of all families that forget, reorganise and lag, with lost answers, deaths at every step, and
//! leaders that follow each other.

mod caps;
mod lag;
mod room;

use std::sync::Arc;
use std::time::Duration;

use exchequer_domain::{Family, Network, WorkerId};
use exchequer_state::ledger::{AccountKey, Asset, Holder, Side};
use exchequer_state::networks::{Operation, Why};
use exchequer_state::withdrawals::{Death, PayoutId, Stage as Standing, WithdrawalId};
use exchequer_state::{Actor, Body, Command, Outcome, PayoutDecision, PayoutStep, ReviewPayout, StepPayout};
use exchequer_workers::chains::node::ChainNode;
use exchequer_workers::clock::{self, Clock};
use exchequer_workers::host::Outside;
use exchequer_workers::kinds::Doing;
use exchequer_workers::kinds::deposit::{Counts, Round, Scanner};
use exchequer_workers::kinds::nodes::Nodes;
use exchequer_workers::kinds::paying::Desk;
use exchequer_workers::kinds::withdrawal::Payments;
use exchequer_workers::money::signer::{SignError, Signature, Signer};
use exchequer_workers::money::{Link, Requests};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::super::super::ground::Ground as _;
use super::super::super::money::{Caller, Door};
use super::super::stage::{Memory, Stage};
use super::Dice;
use super::link::{Faults, Inline};
use super::pool::{Gate, Net};
use super::purse::{COIN, HOT, RECEIVERS, address_on, ask_for, minted, open_bank_of, unit};

/// Worlds that are played where `EXCHEQUER_SEEDS` does not say how many.
const SEEDS: u64 = 60;
/// Withdrawals in each.
const WITHDRAWALS: u64 = 6;
/// Turns until all must be paid.
const TURNS: u32 = 3_000;
/// From here on nothing goes wrong any more.
const PEACE_FROM: u32 = 150;
/// Payments at once from one address.
const SCANS_MAX: u32 = 40;

/// Has whatever it is given signed, the same in the same way, and commits it, as the leading node does; of so many, of five, nothing
/// comes.
pub(super) struct Hand {
    pub(super) dice: Mutex<Dice>,
    pub(super) ground: Arc<Memory>,
    pub(super) net: Arc<Mutex<Net>>,
    pub(super) loses: u64,
}

impl Hand {
    /// The leading node says something of its signer.
    async fn say(&self, payout: PayoutId, attempt: u16, step: PayoutStep) -> Result<(), SignError> {
        let unknown = |why: String| SignError::Unknown(why);
        let read = self.ground.state(|state| {
            let open = state.withdrawals().payout(payout)?;
            Some((open.network, open.stage(), *state.epoch()?))
        });
        let Some((network, from, epoch)) = read.unwrap() else { return Err(unknown("it is over".to_owned())) };
        let body = Body::StepPayout(Box::new(StepPayout { network, payout, from, attempt, step }));
        let (id, actor, epoch) = (self.ground.command_id(), Actor::Node(epoch.node), Some(epoch.index));
        match self.ground.submit(Command { id, actor, epoch, body }).await {
            Ok(Outcome::Done(_)) => Ok(()),
            Ok(Outcome::Rejected(why)) => Err(unknown(why.problem().message)),
            Err(problem) => Err(unknown(problem.message)),
        }
    }

    /// What the log has.
    fn committed(&self, payout: PayoutId) -> Option<Signature> {
        let read = self.ground.rows(|state, rows| {
            let latest = state.withdrawals().payout(payout)?.latest()?;
            let raw = state.signed_bytes(rows, payout, latest.number).unwrap()?;
            Some(Signature { tx: latest.tx?, raw })
        });
        read.unwrap()
    }
}

impl Signer for Hand {
    fn sign(&self, payout: u64, attempt: u32) -> Doing<'_, Result<Signature, SignError>> {
        let lost = self.dice.lock().roll(5) < self.loses;
        let (payout, attempt) = (PayoutId(payout), u16::try_from(attempt).unwrap());
        Box::pin(async move {
            if lost {
                return Err(SignError::Unknown("no answer".to_owned()));
            }
            if let Some(signed) = self.committed(payout) {
                return Ok(signed);
            }
            let bytes = self.ground.rows(|state, rows| state.unsigned_bytes(rows, payout, attempt).unwrap());
            let raw = bytes.unwrap().ok_or_else(|| SignError::Unknown("it is over".to_owned()))?;
            let tx = self.net.lock().read(&raw).unwrap().id;
            self.say(payout, attempt, PayoutStep::Signed { tx, raw: raw.clone(), record: vec![7] }).await?;
            Ok(Signature { tx, raw })
        })
    }

    fn give_up(&self, payout: u64, attempt: u32) -> Doing<'_, Result<Option<Signature>, SignError>> {
        let (payout, attempt) = (PayoutId(payout), u16::try_from(attempt).unwrap());
        Box::pin(async move {
            let step = PayoutStep::Dead { proof: Death::NeverSigned, requeue: true };
            match self.committed(payout) {
                Some(signed) => Ok(Some(signed)),
                None => self.say(payout, attempt, step).await.map(|()| None),
            }
        })
    }
}

/// A worker at its desk, its lease, and what tells of its death.
pub(super) type Worker = (Desk, Outside, Arc<Notify>);

/// A world: a bank, a network, and the workers between them.
pub(super) struct Play {
    pub(super) stage: Stage,
    pub(super) net: Arc<Mutex<Net>>,
    pub(super) network: Network,
    pub(super) faults: Arc<Mutex<Faults>>,
    pub(super) signer: Arc<Hand>,
    pub(super) payments: Payments,
    /// How many endpoints there are.
    pub(super) endpoints: usize,
    clock: Clock,
    fails: u64,
    epoch: u64,
    pid: u32,
    seed: u64,
}

impl Play {
    pub(super) async fn begin(network: Network, seed: u64, payers: u32) -> Play {
        Play::begin_with(network, seed, payers, 2).await
    }

    pub(super) async fn begin_with(network: Network, seed: u64, payers: u32, users: u64) -> Play {
        let mut stage = open_bank_of(network, payers, users).await;
        let epoch = stage.lead().await;
        let net = Arc::new(Mutex::new(Net::new(network, seed)));
        let faults = Arc::new(Mutex::new(Faults { dice: Dice::new(seed + 1), lost: 0, deadly: 0, full: None }));
        let (dice, ground) = (Mutex::new(Dice::new(seed + 2)), stage.shared.ground.clone());
        let signer = Arc::new(Hand { dice, ground, net: net.clone(), loses: 0 });
        let (clock, payments) = (clock::of_runtime(), Payments::default());
        let (fails, pid, endpoints) = (0, 100, 3);
        let mut play =
            Play { stage, net, network, faults, signer, payments, endpoints, clock, fails, epoch, pid, seed };
        if network.family() == Family::Bitcoin {
            let coins: Vec<_> = (0..8_u64).map(|number| (address_on(network, HOT), 50_000_000 + number)).collect();
            play.net.lock().force(&minted(network, 7, &coins));
        }
        for _ in 0..12 {
            play.pass(12, true).await;
        }
        play
    }

    /// Lets time pass, with or without a block, and has what is new scanned.
    pub(super) async fn pass(&mut self, seconds: u64, mine: bool) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        {
            let mut net = self.net.lock();
            net.clock_ms = self.stage.ground().now().0 / 1_000 - (net.now_ms() - net.clock_ms);
            if mine {
                net.mine();
            }
        }
        self.scan().await;
    }

    /// What a deposit worker in peace does: the state follows the chain.
    pub(super) async fn scan(&mut self) {
        self.pid += 1;
        let worker: WorkerId = format!("deposit/{}-1", self.network).parse().unwrap();
        let caller = Caller { worker, epoch: self.epoch, pid: self.pid };
        let ticket = self.stage.shared.tickets.give(caller);
        let faults = Arc::new(Mutex::new(Faults { dice: Dice::new(1), lost: 0, deadly: 0, full: None }));
        let door = Door::new(self.stage.shared.clone());
        let link = Arc::new(Inline { door, caller, faults, died: Arc::new(Notify::new()) });
        let nodes = self.nodes(0);
        let mut scanner = Scanner::new(self.network, link, nodes, Requests::new(&ticket), Arc::<Counts>::default());
        for _ in 0..SCANS_MAX {
            if matches!(scanner.round().await, Ok(Round::Idle)) {
                return;
            }
        }
    }

    fn nodes(&self, fails: u64) -> Nodes {
        let (net, seed) = (self.net.clone(), self.seed + u64::from(self.pid));
        let gate = move |(name, number): (&'static str, u64)| {
            let dice = Mutex::new(Dice::new(seed * 31 + number));
            Arc::new(Gate { name, net: net.clone(), dice, fails }) as Arc<dyn ChainNode>
        };
        let names = [("one", 1), ("two", 2), ("three", 3)];
        let made: Vec<_> = names.into_iter().take(self.endpoints).map(gate).collect();
        Arc::new(move |_, _| Ok(made.clone()))
    }

    pub(super) fn worker(&mut self) -> Worker {
        self.worker_over(|link| link, |signer| signer)
    }

    /// A worker with something between it and the node, and the signer.
    pub(super) fn worker_over(
        &mut self,
        over: impl FnOnce(Arc<dyn Link>) -> Arc<dyn Link>,
        over_signer: impl FnOnce(Arc<dyn Signer>) -> Arc<dyn Signer>,
    ) -> Worker {
        self.pid += 1;
        let worker: WorkerId = format!("withdrawal/{}-1", self.network).parse().unwrap();
        let caller = Caller { worker, epoch: self.epoch, pid: self.pid };
        let ticket = self.stage.shared.tickets.give(caller);
        let (door, died) = (Door::new(self.stage.shared.clone()), Arc::new(Notify::new()));
        let link = Arc::new(Inline { door, caller, faults: self.faults.clone(), died: died.clone() });
        let outside = Outside::new(self.clock.clone());
        let (requests, signer) = (Requests::new(&ticket), over_signer(self.signer.clone()));
        let desk = Desk::new(self.network, over(link), self.nodes(self.fails), signer, outside.clone(), requests);
        self.payments = Payments::default();
        (desk, outside, died)
    }

    /// Another leader.
    pub(super) async fn lead_anew(&mut self) {
        self.epoch = self.stage.lead().await;
    }

    pub(super) fn renew(&self, outside: &Outside) {
        outside.renew((self.clock)() + 1_000_000);
    }

    /// One round of a worker in peace.
    pub(super) async fn round(&self, (desk, outside, _): &Worker) -> Result<(), String> {
        self.renew(outside);
        desk.round(&self.payments).await
    }

    /// Two persons agree with a worker that a payment came to nothing: nobody compares balances here.
    pub(super) fn agree(&self) {
        let open = self.stage.ground().state(|state| {
            let denied = state.withdrawals().payouts(self.network).filter(|payout| payout.denied.is_some());
            denied.map(|payout| (payout.id, payout.stage())).collect::<Vec<_>>()
        });
        for (payout, from) in open.unwrap() {
            let (decision, reason) = (PayoutDecision::Confirm, "looked".to_owned());
            let review = ReviewPayout { payout, from, decision, reason };
            self.stage.ground().run(Body::ReviewPayout(Box::new(review)));
        }
    }

    /// Whether anything may be paid on the network.
    fn may_pay(&self) -> Result<(), Why> {
        self.stage.ground().state(|state| state.may_on(self.network, Operation::Withdrawal)).unwrap()
    }

    pub(super) fn stage_of(&self, id: WithdrawalId) -> Standing {
        let read = self.stage.ground().rows(|state, rows| {
            let withdrawal = state.withdrawal(rows, id).unwrap().unwrap();
            state.withdrawals().stage(&withdrawal)
        });
        read.unwrap()
    }

    pub(super) fn paid(&self, number: u64) -> Vec<u128> {
        let to = address_on(self.network, RECEIVERS + u32::try_from(number).unwrap()).to_string();
        self.net.lock().payments().get(&to).cloned().unwrap_or_default()
    }

    /// What a user has: in all, and free.
    pub(super) fn money(&self, user: u64, asset: u32) -> [u128; 2] {
        let key = AccountKey { holder: Holder::Customer { customer: user, sub_account: 0 }, asset: Asset(asset) };
        let account = self.stage.ground().state(|state| state.account(&key).unwrap()).unwrap();
        [account.sums.balance(Side::Credit), account.available()]
    }
}

pub(super) fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

/// Goal: every withdrawal is paid once on chain, whatever dies in between, on every network. Failure modes 19, 20, 21, 22 and 24.
/// Method: random networks that pass over transactions, forget them and are reorganised; endpoints that do not answer, also after
/// they took what was sent; a signer whose answers are lost; requests and answers that are lost; the worker's death before and after
/// every call; a worker of the leader before that goes on beside the new one's. At the end: payments on chain, each once and of the
/// amount that was asked; the books. The seed is in every message; `SEED` begins with another one, `EXCHEQUER_SEEDS` says how many
/// are played, one network after the other.
#[test]
fn each_is_paid_once() {
    let first = number("SEED", 0);
    for seed in first..first + number("EXCHEQUER_SEEDS", SEEDS) {
        let network = Network::ALL[usize::try_from(seed).unwrap() % Network::ALL.len()];
        // A runtime for each: what a world left running would slow down all that come after it.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(one_world(network, seed));
    }
}

async fn one_world(network: Network, seed: u64) {
    let mut play = Play::begin(network, seed, 2).await;
    (play.faults.lock().lost, play.faults.lock().deadly) = (20, 20);
    play.fails = 30;
    let hand = Hand {
        dice: Mutex::new(Dice::new(seed + 2)),
        ground: play.stage.shared.ground.clone(),
        net: play.net.clone(),
        loses: 1,
    };
    play.signer = Arc::new(hand);
    let mut dice = Dice::new(seed + 3);
    let before = play.money(1, 1)[0];
    let amounts: Vec<u128> = (0..WITHDRAWALS).map(|_| u128::from(dice.roll(10_000) + 1) * 1_000).collect();
    let asked: Vec<WithdrawalId> =
        (0..).zip(&amounts).map(|(n, amount)| ask_for(&play.stage, network, 1, 1, n, *amount)).collect();
    let (mut desk, mut outside, mut died) = play.worker();
    let (mut turns, mut said) = (0, Ok(()));
    while !asked.iter().all(|id| play.stage_of(*id).is_over()) {
        turns += 1;
        let stages = || asked.iter().map(|id| play.stage_of(*id)).collect::<Vec<_>>();
        assert!(turns < TURNS, "seed {seed} on {network}: {:?}; {said:?}; {:?}", stages(), play.may_pay());
        if turns == PEACE_FROM {
            (play.faults.lock().lost, play.faults.lock().deadly) = (0, 0);
            play.fails = 0;
            (desk, outside, died) = play.worker();
        }
        let wild = turns < PEACE_FROM;
        let mut mine = false;
        match dice.roll(10) {
            0 if wild => play.net.lock().reorganise(dice.roll(6) + 1),
            1 if wild => play.net.lock().forget_waiting(),
            2 if wild => {
                let (old, old_outside, old_died) = (desk, outside, died);
                play.epoch = play.stage.lead().await;
                (desk, outside, died) = play.worker();
                play.renew(&old_outside);
                play.renew(&outside);
                // Both at once: the one of before has read nothing yet, or everything.
                let payments = Payments::default();
                let before = async {
                    tokio::select! { _ = old.round(&payments) => {} () = old_died.notified() => {} }
                };
                let now = async {
                    tokio::select! {
                        _ = desk.round(&play.payments) => {}
                        () = tokio::time::sleep(Duration::from_secs(5)) => {}
                    }
                };
                tokio::join!(before, now);
            }
            _ => mine = true,
        }
        play.pass(dice.roll(30) + 5, mine).await;
        play.agree();
        play.renew(&outside);
        let dead = tokio::select! {
            came = desk.round(&play.payments) => {
                said = came;
                false
            }
            () = died.notified() => true,
        };
        if dead {
            (desk, outside, died) = play.worker();
        }
    }
    assert_eq!(play.may_pay(), Ok(()), "seed {seed} on {network}: nobody else ever used a key");
    let stages: Vec<Standing> = asked.iter().map(|id| play.stage_of(*id)).collect();
    assert_eq!(stages, vec![Standing::Completed; asked.len()], "seed {seed} on {network}");
    for (number, amount) in (0..).zip(&amounts) {
        let paid = play.paid(number);
        assert_eq!(paid, vec![amount * unit(network)], "seed {seed} on {network}, withdrawal {number}");
    }
    let total: u128 = amounts.iter().sum();
    assert_eq!(play.money(1, 1), [before - total; 2], "seed {seed} on {network}: nothing is held any more");
    assert!(total < 1_000 * COIN);
}
