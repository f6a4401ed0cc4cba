//! The withdrawal worker on a network that forgets, reorganises and lags, with lost answers, deaths at every step, and leaders
//! that follow each other.

use std::sync::Arc;
use std::time::Duration;

use exchequer_domain::{Family, TxId, UserId, WorkerId};
use exchequer_state::custody::{WalletAddress, WalletRole};
use exchequer_state::ledger::{
    self, AccountKey, Actor as LedgerActor, Asset, Cause, Holder, Leg, OpenAccount, Reason, Side, Store, Transfer,
    TransferId,
};
use exchequer_state::withdrawals::{FeeMode, Order, Proof, Stage as Standing, WithdrawalId};
use exchequer_state::{
    Actor, Body, CreditSandbox, Done, OpenAccounts, PostTransfers, RegisterWallet, RequestWithdrawal, SetPrice,
};
use exchequer_workers::chains::Signed;
use exchequer_workers::chains::node::ChainNode;
use exchequer_workers::clock::{self, Clock};
use exchequer_workers::host::Outside;
use exchequer_workers::kinds::Doing;
use exchequer_workers::kinds::nodes::Nodes;
use exchequer_workers::kinds::withdrawal::{Desk, SignError, Signer, SigningOrder};
use exchequer_workers::money::Requests;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::super::super::ground::Ground as _;
use super::super::super::money::{Caller, Door};
use super::super::stage::Stage;
use super::link::{Faults, Inline};
use super::pool::{Gate, Net};
use super::{Dice, NETWORK, UNIT, account, address, open};

/// Worlds that are played.
const SEEDS: u64 = 24;
/// Withdrawals in each.
const WITHDRAWALS: u64 = 6;
/// Turns until all must be paid.
const TURNS: u32 = 3_000;
/// From here on nothing goes wrong any more.
const PEACE_FROM: u32 = 150;
/// The hot wallet's address, and from which number on addresses of receivers are.
const HOT: u32 = 500;
const RECEIVERS: u32 = 1_000;
/// Minor units in one coin.
const COIN: u128 = 100_000_000;

/// Signs whatever it is given, the same in the same way; a fifth of the answers are lost.
struct Hand(Mutex<Dice>);

impl Signer for Hand {
    fn sign<'a>(&'a self, order: &'a SigningOrder) -> Doing<'a, Result<Signed, SignError>> {
        let lost = self.0.lock().roll(5) == 0;
        let tx = TxId(*blake3::hash(&order.unsigned).as_bytes());
        let signed = Signed { tx, raw: order.unsigned.clone() };
        Box::pin(async move { if lost { Err(SignError::Unknown("no answer".to_owned())) } else { Ok(signed) } })
    }
}

fn worker() -> WorkerId {
    "withdrawal/ethereum-1".parse().unwrap()
}

fn fund(stage: &Stage) {
    let ground = stage.ground();
    let own = |index| WalletAddress { address: address(HOT + index), change: false, index };
    ground.run(Body::RegisterWallet(Box::new(RegisterWallet {
        name: "hot".into(),
        role: WalletRole::Hot,
        family: Family::Evm,
        network: None,
        xpub: "xpub".into(),
        addresses: vec![own(0)],
        pinned: true,
        reason: "test".into(),
    })));
    let hot = AccountKey { holder: Holder::Custody { network: NETWORK as u32, store: Store::Hot }, asset: Asset(1) };
    let equity = AccountKey { holder: Holder::Equity, asset: Asset(1) };
    let opened = [(hot, false), (equity, true)].map(|(key, overdraft)| {
        let accounts = vec![OpenAccount { key, overdraft }];
        match ground.run(Body::OpenAccounts(OpenAccounts { accounts })) {
            Done::Accounts(outcomes) => match outcomes[0] {
                ledger::Outcome::Done(ledger::Done::AccountOpened { account }) => account,
                ref other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    });
    let legs = Leg::Post { debit: opened[0], credit: opened[1], amount: 10_000 * COIN }.into();
    let cause = Cause { reason: Reason::Internal, actor: LedgerActor::System, reference: [7; 32] };
    let transfer = Transfer { id: TransferId(77), legs, cause, note: None };
    ground.run(Body::PostTransfers(PostTransfers { transfers: vec![transfer] }));
    let (user, amount, id) = (UserId(1), 1_000 * COIN, TransferId(78));
    ground.run(Body::CreditSandbox(CreditSandbox { user, asset: Asset(1), amount, id }));
    let at = ground.now();
    ground.run(Body::SetPrice(SetPrice { asset: Asset(1), usd_micros: 1_000_000, source: "desk".into(), at }));
}

fn ask(stage: &Stage, number: u64, amount: u128) -> WithdrawalId {
    let order = Order {
        user: UserId(1),
        client_id: format!("w{number}"),
        asset: Asset(1),
        network: NETWORK,
        to: address(RECEIVERS + u32::try_from(number).unwrap()),
        memo: None,
        amount,
        mode: FeeMode::OnTop,
    };
    let proof = Some(Proof { order: order.hash(), at: stage.ground().now() });
    let body = Body::RequestWithdrawal(Box::new(RequestWithdrawal { order, proof }));
    match stage.ground().run_as(Actor::User(UserId(1)), body) {
        Done::WithdrawalRequested { withdrawal, .. } => withdrawal,
        other => panic!("{other:?}"),
    }
}

struct Play {
    stage: Stage,
    net: Arc<Mutex<Net>>,
    faults: Arc<Mutex<Faults>>,
    signer: Arc<Hand>,
    clock: Clock,
    fails: Arc<Mutex<u64>>,
    epoch: u64,
    pid: u32,
    seed: u64,
}

impl Play {
    fn worker(&mut self) -> (Desk, Outside, Arc<Notify>) {
        self.pid += 1;
        let caller = Caller { worker: worker(), epoch: self.epoch, pid: self.pid };
        let ticket = self.stage.shared.tickets.give(caller);
        let (door, died) = (Door::new(self.stage.shared.clone()), Arc::new(Notify::new()));
        let link = Inline { door, caller, faults: self.faults.clone(), died: died.clone() };
        let (net, seed, fails) = (self.net.clone(), self.seed + u64::from(self.pid), *self.fails.lock());
        let gate = move |name, number| {
            let dice = Mutex::new(Dice::new(seed * 31 + number));
            Arc::new(Gate { name, net: net.clone(), dice, fails }) as Arc<dyn ChainNode>
        };
        let made = vec![gate("one", 1), gate("two", 2), gate("three", 3)];
        let nodes: Nodes = Arc::new(move |_, _| Ok(made.clone()));
        let outside = Outside::new(self.clock.clone());
        let requests = Requests::new(&ticket);
        let link = Arc::new(link);
        let desk = Desk::new(NETWORK, self.epoch, link, nodes, self.signer.clone(), outside.clone(), requests);
        (desk, outside, died)
    }

    fn renew(&self, outside: &Outside) {
        outside.renew((self.clock)() + 1_000_000);
    }

    fn stage_of(&self, id: WithdrawalId) -> Standing {
        let read = self.stage.ground().rows(|state, rows| {
            let withdrawal = state.withdrawal(rows, id).unwrap().unwrap();
            state.withdrawals().stage(&withdrawal)
        });
        read.unwrap()
    }
}

/// Goal: every withdrawal is paid once on chain, whatever dies in between. Method: random networks that pass over transactions,
/// forget them and are reorganised; endpoints that do not answer, also after they took what was sent; a signer whose answers
/// are lost; requests and answers that are lost; the worker's death before and after every call; a worker of the leader before
/// that goes on beside the new one's. At the end: payments on chain, each once and of the amount that was asked; the books.
#[tokio::test(start_paused = true)]
async fn each_is_paid_once() {
    for seed in 0..SEEDS {
        let mut stage = open().await;
        fund(&stage);
        let epoch = stage.lead().await;
        let faults = Arc::new(Mutex::new(Faults { dice: Dice::new(seed + 1), lost: 20, deadly: 20 }));
        let mut play = Play {
            stage,
            net: Arc::new(Mutex::new(Net::new(seed))),
            faults,
            signer: Arc::new(Hand(Mutex::new(Dice::new(seed + 2)))),
            clock: clock::of_runtime(),
            fails: Arc::new(Mutex::new(30)),
            epoch,
            pid: 100,
            seed,
        };
        let mut dice = Dice::new(seed + 3);
        let amounts: Vec<u128> = (0..WITHDRAWALS).map(|_| u128::from(dice.roll(10_000) + 1) * 1_000).collect();
        let asked: Vec<WithdrawalId> = (0..).zip(&amounts).map(|(n, amount)| ask(&play.stage, n, *amount)).collect();
        let (mut desk, mut outside, mut died) = play.worker();
        let mut turns = 0;
        while !asked.iter().all(|id| play.stage_of(*id).is_over()) {
            turns += 1;
            let stages = || asked.iter().map(|id| play.stage_of(*id)).collect::<Vec<_>>();
            assert!(turns < TURNS, "seed {seed}: {:?}", stages());
            if turns == PEACE_FROM {
                (play.faults.lock().lost, play.faults.lock().deadly) = (0, 0);
                *play.fails.lock() = 0;
                (desk, outside, died) = play.worker();
            }
            let wild = turns < PEACE_FROM;
            match dice.roll(10) {
                0 if wild => play.net.lock().reorganise(dice.roll(6) + 1),
                1 if wild => play.net.lock().forget_waiting(),
                2 if wild => {
                    let (mut old, old_outside, old_died) = (desk, outside, died);
                    play.epoch = play.stage.lead().await;
                    (desk, outside, died) = play.worker();
                    play.renew(&old_outside);
                    play.renew(&outside);
                    // Both at once: the one of before has read nothing yet, or everything.
                    let before = async {
                        tokio::select! { _ = old.round() => {} () = old_died.notified() => {} }
                    };
                    let now = async {
                        tokio::select! { _ = desk.round() => {} () = tokio::time::sleep(Duration::from_secs(5)) => {} }
                    };
                    tokio::join!(before, now);
                }
                _ => play.net.lock().mine(),
            }
            tokio::time::sleep(Duration::from_secs(dice.roll(30) + 5)).await;
            play.renew(&outside);
            let dead = tokio::select! {
                _ = desk.round() => false,
                () = died.notified() => true,
            };
            if dead {
                (desk, outside, died) = play.worker();
            }
        }
        let stages: Vec<Standing> = asked.iter().map(|id| play.stage_of(*id)).collect();
        assert_eq!(stages, vec![Standing::Completed; asked.len()], "seed {seed}");
        let payments = play.net.lock().payments();
        assert_eq!(payments.len(), asked.len(), "seed {seed}: {payments:?}");
        for (number, amount) in (0..).zip(&amounts) {
            let paid = payments.get(&account(RECEIVERS + number));
            assert_eq!(paid, Some(&vec![amount * UNIT]), "seed {seed}, withdrawal {number}");
        }
        let user = AccountKey { holder: Holder::Customer { customer: 1, sub_account: 0 }, asset: Asset(1) };
        let left = play.stage.ground().state(|state| state.account(&user).unwrap()).unwrap();
        let total: u128 = amounts.iter().sum();
        assert_eq!(left.sums.balance(Side::Credit), 1_000 * COIN - total, "seed {seed}");
        assert_eq!(left.available(), 1_000 * COIN - total, "seed {seed}: nothing is held any more");
    }
}
