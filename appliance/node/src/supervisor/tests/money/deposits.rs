//! The deposit worker against a chain that is reorganised, with endpoints that lag, lie and fail, answers that are lost, workers
//! that die, and leaders that follow each other.

use std::sync::Arc;
use std::time::Duration;

use exchequer_domain::{Code, WorkerId};
use exchequer_state::deposits::Chain as Scanned;
use exchequer_workers::chains::node::ChainNode;
use exchequer_workers::kinds::deposit::{Counts, Round, Scanner};
use exchequer_workers::kinds::nodes::Nodes;
use exchequer_workers::money::proto::{self, change_reply, change_request};
use exchequer_workers::money::{Requests, words};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tonic::Code as Grpc;

use super::super::super::ground::Ground as _;
use super::super::super::money::{Caller, Door};
use super::super::stage::Stage;
use super::chain::{Chain, DEPTH_MAX, Endpoint, FINALITY};
use super::link::{Faults, Inline};
use super::{Dice, NETWORK, balances, open};

/// Reorganisations that are played where `EXCHEQUER_REORGANISATIONS` does not say how many.
const REORGANISATIONS: u64 = 60;
/// What happens to the chain in each world.
const TURNS: u64 = 60;
/// Rounds until a worker in peace has caught up.
const PEACE: u32 = 400;

pub(super) fn worker() -> WorkerId {
    "deposit/ethereum-1".parse().unwrap()
}

fn nodes(chain: &Arc<Mutex<Chain>>, seed: u64) -> Nodes {
    let endpoint = |name, number, lags, lies, fails| {
        let (dice, forges) = (Mutex::new(Dice::new(seed * 31 + number)), lies);
        Arc::new(Endpoint { name, chain: chain.clone(), dice, lags, lies, forges, fails }) as Arc<dyn ChainNode>
    };
    let made =
        vec![endpoint("liar", 1, 100, 100, 20), endpoint("honest", 2, 0, 0, 20), endpoint("laggard", 3, 300, 0, 20)];
    Arc::new(move |_, _| Ok(made.clone()))
}

pub(super) fn scanned(stage: &Stage) -> Scanned {
    stage.ground().state(|state| *state.deposits().chains().get(NETWORK)).unwrap()
}

pub(super) struct Play {
    pub(super) stage: Stage,
    pub(super) chain: Arc<Mutex<Chain>>,
    pub(super) faults: Arc<Mutex<Faults>>,
    epoch: u64,
    pid: u32,
    seed: u64,
}

impl Play {
    pub(super) async fn begin(seed: u64) -> Play {
        let mut stage = open().await;
        let epoch = stage.lead().await;
        let chain = Arc::new(Mutex::new(Chain::new(seed)));
        let faults = Faults { dice: Dice::new(seed + 1_000), lost: 30, deadly: 15, full: None };
        Play { stage, chain, faults: Arc::new(Mutex::new(faults)), epoch, pid: 7, seed }
    }

    /// A new process of the worker.
    pub(super) fn worker(&mut self) -> (Scanner, Arc<Notify>) {
        self.worker_with(nodes(&self.chain, self.seed))
    }

    /// The same with endpoints of one's own.
    pub(super) fn worker_with(&mut self, nodes: Nodes) -> (Scanner, Arc<Notify>) {
        self.pid += 1;
        let caller = Caller { worker: worker(), epoch: self.epoch, pid: self.pid };
        let ticket = self.stage.shared.tickets.give(caller);
        let (door, died) = (Door::new(self.stage.shared.clone()), Arc::new(Notify::new()));
        let link = Inline { door, caller, faults: self.faults.clone(), died: died.clone() };
        (Scanner::new(NETWORK, Arc::new(link), nodes, Requests::new(&ticket), Arc::<Counts>::default()), died)
    }
}

/// Goal: whatever happens, final credits equal the canonical chain, each payment once. Method: random chains that are
/// reorganised above what is final, 1 to 20 blocks deep, three endpoints of which one lies about headers and contents and one lags,
/// lost requests and answers, deaths of the worker before and after every call, leaders that follow each other while the worker of
/// the one before still works; then peace, until the worker has caught up. The seed is in every message; `SEED` begins with
/// another one, `EXCHEQUER_REORGANISATIONS` says how many are played.
#[tokio::test(start_paused = true)]
async fn credits_are_those_of_the_chain() {
    let number = |name: &str, otherwise| std::env::var(name).map_or(otherwise, |text| text.parse().unwrap());
    let (wanted, mut played) = (number("EXCHEQUER_REORGANISATIONS", REORGANISATIONS), 0);
    for seed in number("SEED", 0).. {
        if played >= wanted {
            return println!("{played} reorganisations in worlds up to {seed}");
        }
        let mut play = Play::begin(seed).await;
        let mut dice = Dice::new(seed + 2_000);
        let (mut scanner, mut died) = play.worker();
        for _ in 0..20 {
            play.chain.lock().mine(1);
        }
        let mut began = None;
        for _ in 0..TURNS {
            match dice.roll(12) {
                0 | 1 => {
                    play.chain.lock().reorganise(dice.roll(DEPTH_MAX) + 1);
                    played += 1;
                }
                2 => {
                    // The worker of the leader before goes on for a round: nothing of it has an effect.
                    play.epoch = play.stage.lead().await;
                    let before = scanned(&play.stage);
                    tokio::select! {
                        round = scanner.round() => assert!(round.is_err(), "seed {seed}: {round:?}"),
                        () = died.notified() => {}
                    }
                    assert_eq!(scanned(&play.stage), before, "seed {seed}");
                    (scanner, died) = play.worker();
                }
                _ => play.chain.lock().mine(dice.roll(4)),
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            let dead = tokio::select! {
                round = scanner.round() => {
                    if round.is_err() {
                        scanner.forget();
                    }
                    false
                }
                () = died.notified() => true,
            };
            if dead {
                (scanner, died) = play.worker();
            }
            // What was there before the first commit is not the worker's.
            began = began.or(scanned(&play.stage).tip.map(|_| scanned(&play.stage).floor));
        }
        (play.faults.lock().lost, play.faults.lock().deadly) = (0, 0);
        for _ in 0..FINALITY + 6 {
            play.chain.lock().mine(1);
        }
        let (mut scanner, _) = play.worker();
        let mut rounds = 0;
        while scanned(&play.stage).tip.map(|tip| tip.height) != Some(play.chain.lock().head())
            || scanned(&play.stage).agreed != play.chain.lock().head()
        {
            rounds += 1;
            assert!(rounds < PEACE, "seed {seed}: it does not catch up: {:?}", scanned(&play.stage));
            tokio::time::sleep(Duration::from_secs(1)).await;
            let last = scanner.round().await;
            if last.is_err() {
                scanner.forget();
            }
            // What is agreed on comes with blocks.
            if last == Ok(Round::Idle) {
                play.chain.lock().mine(0);
            }
        }
        // What the last blocks hold is not final yet.
        for _ in 0..FINALITY + 4 {
            play.chain.lock().mine(0);
        }
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if scanner.round().await.is_err() {
                scanner.forget();
            }
        }
        let began = began.unwrap_or(0);
        assert_eq!(balances(&play.stage), play.chain.lock().paid(began), "seed {seed}, from block {began}");
    }
}

/// Goal: a worker whose blocks are not taken because there are as many deposits as there may be says how far the network is, so that what is
/// there ripens, and goes on by itself once there is room. Method: a state that refuses blocks for a while; the chain goes on meanwhile.
#[tokio::test(start_paused = true)]
async fn a_full_network_is_told_how_far_it_is() {
    let mut play = Play::begin(4).await;
    (play.faults.lock().lost, play.faults.lock().deadly) = (0, 0);
    let mine = |play: &Play, blocks| (0..blocks).for_each(|_| play.chain.lock().mine(2));
    let (mut scanner, _) = play.worker_with(Arc::new({
        let (chain, dice) = (play.chain.clone(), || Mutex::new(Dice::new(1)));
        let honest = move |name| {
            let (chain, dice) = (chain.clone(), dice());
            Arc::new(Endpoint { name, chain, dice, lags: 0, lies: 0, forges: 0, fails: 0 }) as Arc<dyn ChainNode>
        };
        move |_, _| Ok(vec![honest("one"), honest("two")])
    }));
    mine(&play, 10);
    let mut rounds = async |play: &Play, count| {
        let mut failed = Vec::new();
        for _ in 0..count {
            tokio::time::sleep(Duration::from_secs(11)).await;
            if let Err(why) = scanner.round().await {
                failed.push(why);
                scanner.forget();
            }
        }
        (failed, scanned(&play.stage))
    };
    let (failed, before) = rounds(&play, 20).await;
    assert_eq!((failed, before.tip.map(|tip| tip.height)), (vec![], Some(play.chain.lock().head())));
    play.faults.lock().full = Some(Vec::new());
    mine(&play, FINALITY + 8);
    let (failed, full) = rounds(&play, 5).await;
    assert!(failed.iter().any(|why| why.contains(Code::DepositsFull.as_str())), "{failed:?}");
    let told = play.faults.lock().full.take().unwrap();
    let head = play.chain.lock().head();
    assert!(told.iter().all(|heights| heights.head == head && heights.agreed <= head), "{told:?}");
    assert_eq!((full.tip, full.head), (before.tip, head), "no block was taken");
    assert!(full.finalized > before.finalized && full.settled > before.settled, "{before:?}, {full:?}");
    assert!(full.at_head == before.at_head, "it is behind the network's nodes, and says so");
    let (_, after) = rounds(&play, 20).await;
    assert_eq!(after.tip.map(|tip| tip.height), Some(head));
}

/// Goal: what one endpoint alone tells is credited to nobody, however deep it is. Method: two endpoints, of which one has blocks
/// that the other never gets.
#[tokio::test(start_paused = true)]
async fn one_endpoint_alone_credits_nothing() {
    let play = Play::begin(3).await;
    (play.faults.lock().lost, play.faults.lock().deadly) = (0, 0);
    // The same dice, so that they are the same chain for as long as both grow.
    let other = Arc::new(Mutex::new(Chain::new(3)));
    let grow = |blocks| {
        for chain in [&play.chain, &other] {
            (0..blocks).for_each(|_| chain.lock().mine(2));
        }
    };
    grow(10);
    let endpoint = |name, chain: &Arc<Mutex<Chain>>| {
        let (chain, dice) = (chain.clone(), Mutex::new(Dice::new(1)));
        Arc::new(Endpoint { name, chain, dice, lags: 0, lies: 0, forges: 0, fails: 0 }) as Arc<dyn ChainNode>
    };
    let made = vec![endpoint("ahead", &play.chain), endpoint("behind", &other)];
    let caller = Caller { worker: worker(), epoch: play.epoch, pid: 9 };
    let ticket = play.stage.shared.tickets.give(caller);
    let (door, died) = (Door::new(play.stage.shared.clone()), Arc::default());
    let link = Arc::new(Inline { door, caller, faults: play.faults.clone(), died });
    let nodes: Nodes = Arc::new(move |_, _| Ok(made.clone()));
    let mut scanner = Scanner::new(NETWORK, link, nodes, Requests::new(&ticket), Arc::default());
    while scanner.round().await.unwrap() == Round::More {}
    let floor = scanned(&play.stage).floor;
    grow(20);
    for chain in [&play.chain, &other] {
        chain.lock().finalise(28);
    }
    while scanner.round().await.unwrap() == Round::More {}
    assert_eq!((scanned(&play.stage).agreed, scanned(&play.stage).tip.unwrap().height), (30, 30));
    // First blocks in which nothing arrives, then such as pay: one endpoint's word makes none of them the head.
    for payments in [0, 0, 0, 0, 0, 0, 0, 3, 3, 3, 3, 3, 3, 3] {
        play.chain.lock().mine(payments);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let _ = scanner.round().await;
    }
    let (now, has) = (scanned(&play.stage), balances(&play.stage));
    assert_eq!(now.agreed, 30);
    assert!(now.tip.unwrap().height < 44);
    let (told, alone) = (other.lock().paid_between(floor, 30), play.chain.lock().paid_between(floor, 44));
    assert!(has.iter().zip(&told).all(|(has, told)| has <= told), "{has:?} of {told:?}");
    assert!(has.iter().sum::<u128>() > 0 && told.iter().sum::<u128>() < alone.iter().sum());
}

/// Goal: a worker asks for what is its own alone, and a request has one effect. Method: calls by other kinds, with other tickets
/// and by other processes; a commit sent three times, and once more by the leadership's worker after its end.
#[tokio::test(start_paused = true)]
async fn calls_are_their_workers_own() {
    let mut play = Play::begin(1).await;
    let door = Door::new(play.stage.shared.clone());
    let caller = Caller { worker: worker(), epoch: play.epoch, pid: 40 };
    let ticket = play.stage.shared.tickets.give(caller);
    assert_eq!(door.caller(&ticket, Some(40)).unwrap(), caller);
    for (ticket, pid) in [(ticket.as_slice(), Some(41)), (&ticket[1..], Some(40)), (&[], None)] {
        assert_eq!(door.caller(ticket, pid).unwrap_err().code(), Grpc::PermissionDenied);
    }
    for other in ["withdrawal/ethereum-1", "gas/ethereum-1", "selftest/1"] {
        let other = Caller { worker: other.parse().unwrap(), ..caller };
        assert_eq!(door.read_cursor(other, 1).unwrap_err().code(), Grpc::PermissionDenied);
    }
    assert_eq!(door.read_due(caller, &proto::DueRequest::default()).unwrap_err().code(), Grpc::PermissionDenied);

    let block = |height: u64| {
        let hash = vec![u8::try_from(height).unwrap(); 32];
        proto::Block { height, hash }
    };
    let commit = proto::CommitBlocks {
        parent: Some(block(10)),
        blocks: vec![proto::ScannedBlock { block: Some(block(11)), parent: block(10).hash, ..Default::default() }],
        head: 11,
        agreed: 11,
        ..Default::default()
    };
    let change = Some(change_request::Change::CommitBlocks(commit));
    let request = proto::ChangeRequest { request: vec![5; 16], change };
    let other = Caller { worker: "withdrawal/ethereum-1".parse().unwrap(), ..caller };
    assert_eq!(door.change(other, request.clone()).await.unwrap_err().code(), Grpc::PermissionDenied);
    for _ in 0..3 {
        let reply = door.change(caller, request.clone()).await.unwrap();
        let Some(change_reply::Answer::Done(done)) = reply.answer else { panic!("{reply:?}") };
        assert_eq!(done.done, Some(proto::done::Done::Tip(block(11))));
    }
    let tip = scanned(&play.stage).tip;
    assert_eq!(tip.map(words::of_block), Some(block(11)));
    let again = proto::ChangeRequest { request: vec![6; 16], ..request.clone() };
    let reply = door.change(caller, again.clone()).await.unwrap();
    let Some(change_reply::Answer::Refused(refused)) = reply.answer else { panic!("{reply:?}") };
    assert_eq!(refused.code, Code::CursorMoved.to_string());

    play.stage.lead().await;
    let fenced = play.stage.shared.counts.read().fenced;
    let again = proto::ChangeRequest { request: vec![7; 16], ..again };
    let reply = door.change(caller, again).await.unwrap();
    let Some(change_reply::Answer::Refused(refused)) = reply.answer else { panic!("{reply:?}") };
    assert_eq!(refused.code, Code::StaleEpoch.to_string());
    assert_eq!(play.stage.shared.counts.read().fenced, fenced + 1);
    assert_eq!(door.read_cursor(caller, 1).unwrap_err().code(), Grpc::FailedPrecondition);
    assert_eq!(scanned(&play.stage).tip, tip);
}
