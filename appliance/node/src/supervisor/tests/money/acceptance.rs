//! The acceptance list of deposits, as far as it takes a worker and a chain: a long back-log, endpoints that disagree, and an
//! address that is paid in the very next block.

use std::sync::Arc;
use std::time::Duration;

use exchequer_domain::{Family, NodeId, UserId};
use exchequer_state::ledger::{AccountKey, Asset, Holder, Side};
use exchequer_state::networks::Operation;
use exchequer_state::{Actor, AllocateAddress, Body, Done, StockAddresses};
use exchequer_workers::chains::node::ChainNode;
use exchequer_workers::kinds::deposit::{Round, Scanner};
use exchequer_workers::kinds::nodes::Nodes;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::super::super::ground::Ground as _;
use super::chain::{Chain, Endpoint, FINALITY};
use super::deposits::{Play, scanned};
use super::{Dice, NETWORK, TOKEN, USERS, address, balances, list_token};

/// Blocks of the back-log where `EXCHEQUER_BACKLOG` does not say how many; a day of Ethereum has 7,200.
const BACKLOG_BLOCKS: u64 = 300;
/// Rounds until a worker has caught up.
const ROUNDS_MAX: u32 = 20_000;

/// Endpoints that tell what their chain is, each its own.
pub(super) fn truthful(chains: &[(&'static str, &Arc<Mutex<Chain>>)]) -> Nodes {
    let made: Vec<Arc<dyn ChainNode>> = chains
        .iter()
        .map(|(name, chain)| {
            let (name, chain, dice) = (*name, (*chain).clone(), Mutex::new(Dice::new(1)));
            Arc::new(Endpoint { name, chain, dice, lags: 0, lies: 0, forges: 0, fails: 0 }) as Arc<dyn ChainNode>
        })
        .collect();
    Arc::new(move |_, _| Ok(made.clone()))
}

/// Whether the worker is at the head, and a quorum of endpoints with it.
fn is_level(play: &Play) -> bool {
    let (now, head) = (scanned(&play.stage), play.chain.lock().head());
    now.tip.map(|tip| tip.height) == Some(head) && now.agreed == head
}

async fn rounds(scanner: &mut Scanner, count: u32) {
    for _ in 0..count {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if scanner.round().await.is_err() {
            scanner.forget();
        }
    }
}

/// Lets the worker work until it is level, in new processes where it dies, and then a little longer.
async fn catch_up(play: &mut Play, mut running: (Scanner, Arc<Notify>)) -> (Scanner, u32) {
    let mut deaths = 0;
    for number in 0.. {
        assert!(number < ROUNDS_MAX, "it does not catch up: {:?}", scanned(&play.stage));
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (scanner, died) = &mut running;
        let came = tokio::select! {
            round = scanner.round() => Some(round),
            () = died.notified() => None,
        };
        match came {
            // What is agreed on comes with blocks.
            Some(Ok(Round::Idle)) if is_level(play) => break,
            Some(Ok(Round::Idle))
                if scanned(&play.stage).tip.is_some_and(|tip| tip.height == play.chain.lock().head()) =>
            {
                play.chain.lock().mine(0);
            }
            Some(Ok(_)) => {}
            Some(Err(_)) => scanner.forget(),
            None => {
                deaths += 1;
                running = play.worker();
            }
        }
    }
    (play.faults.lock().lost, play.faults.lock().deadly) = (0, 0);
    // What the last blocks hold is not final yet.
    let (mut scanner, _) = play.worker();
    for _ in 0..FINALITY + 6 {
        play.chain.lock().mine(0);
        rounds(&mut scanner, 6).await;
    }
    (scanner, deaths)
}

/// Goal: what came in while no worker ran is credited once it runs again, nothing missed and nothing twice, though one endpoint
/// lags, one lies, answers are lost and the worker dies on the way. Method: a back-log of 300 blocks, or of as many as
/// `EXCHEQUER_BACKLOG` says, with up to three payments each; what users have is compared with what the chain paid them.
#[tokio::test(start_paused = true)]
async fn a_backlog_is_credited_whole_and_once() {
    let blocks = std::env::var("EXCHEQUER_BACKLOG").map_or(BACKLOG_BLOCKS, |text| text.parse().unwrap());
    let mut play = Play::begin(11).await;
    (play.faults.lock().lost, play.faults.lock().deadly) = (0, 0);
    for _ in 0..10 {
        play.chain.lock().mine(1);
    }
    let (mut scanner, _) = play.worker();
    rounds(&mut scanner, 20).await;
    let began = scanned(&play.stage).floor;
    drop(scanner);
    let mut dice = Dice::new(77);
    for _ in 0..blocks {
        play.chain.lock().mine(dice.roll(4));
    }
    (play.faults.lock().lost, play.faults.lock().deadly) = (30, 100);
    let running = play.worker();
    let (_, deaths) = catch_up(&mut play, running).await;
    let paid = play.chain.lock().paid(began);
    assert_eq!(balances(&play.stage), paid, "from block {began}");
    assert!(paid.iter().all(|paid| *paid > 0) && deaths > 0, "{paid:?}, {deaths} deaths");
    println!("{blocks} blocks, {deaths} deaths");
}

/// Goal: while two endpoints disagree on the last block, or on the last six, nothing in them is credited, although six are deeper
/// than what may be traded with and withdrawn; once they agree, whichever was right, exactly what is on the chain that remains is
/// credited. Method: two endpoints of one chain that parts for one and for six blocks, each side being right in turn.
#[tokio::test(start_paused = true)]
async fn endpoints_that_disagree_credit_nothing() {
    for (depth, first_is_right) in [(1, true), (1, false), (6, true), (6, false)] {
        let case = format!("{depth} blocks, the first one right: {first_is_right}");
        let mut play = Play::begin(5).await;
        (play.faults.lock().lost, play.faults.lock().deadly) = (0, 0);
        for _ in 0..30 {
            play.chain.lock().mine(2);
        }
        let other = Arc::new(Mutex::new(play.chain.lock().branch(9)));
        let nodes = truthful(&[("first", &play.chain), ("second", &other)]);
        let (mut scanner, _) = play.worker_with(nodes);
        rounds(&mut scanner, 10).await;
        let floor = scanned(&play.stage).floor;
        for _ in 0..depth {
            play.chain.lock().mine_to(0, 1_000);
            other.lock().mine_to(1, 2_000);
            rounds(&mut scanner, 2).await;
        }
        rounds(&mut scanner, 10).await;
        let agreed = play.chain.lock().paid_between(floor, 30);
        let has = balances(&play.stage);
        assert!(has.iter().zip(&agreed).all(|(has, agreed)| has <= agreed), "{case}: {has:?} of {agreed:?}");
        assert!(scanned(&play.stage).agreed <= 30, "{case}");
        let (right, wrong) = if first_is_right { (&play.chain, &other) } else { (&other, &play.chain) };
        let remains = right.lock().clone();
        *wrong.lock() = remains;
        for _ in 0..FINALITY + 8 {
            // The same dice: both grow alike.
            play.chain.lock().mine(0);
            other.lock().mine(0);
            rounds(&mut scanner, 20).await;
        }
        let paid = play.chain.lock().paid(floor);
        assert_eq!(balances(&play.stage), paid, "{case}");
        assert!(paid.iter().sum::<u128>() > agreed.iter().sum(), "{case}");
    }
}

/// Goal: an address that is given to a user while the worker runs is watched from the next block on. Method: a new address is put
/// into the pool and given after the worker was level with the head; the next block pays it, and the one after that again.
#[tokio::test(start_paused = true)]
async fn an_address_is_watched_one_block_after_it_was_given() {
    let mut play = Play::begin(2).await;
    (play.faults.lock().lost, play.faults.lock().deadly) = (0, 0);
    for _ in 0..5 {
        play.chain.lock().mine(0);
    }
    let nodes = truthful(&[("first", &play.chain), ("second", &play.chain)]);
    let (mut scanner, _) = play.worker_with(nodes);
    rounds(&mut scanner, 5).await;
    assert!(is_level(&play));
    // All that are in the pool, and then one that was not when the worker looked last.
    let ground = play.stage.ground();
    for _ in 0..4 {
        let allocate = AllocateAddress { user: UserId(2), network: NETWORK, fresh: true };
        ground.run(Body::AllocateAddress(allocate));
    }
    let fresh = USERS + 4;
    let stock = StockAddresses { family: Family::Evm, first_index: fresh, entries: vec![(address(fresh), [9; 32])] };
    ground.run_as(Actor::Node(NodeId(1)), Body::StockAddresses(stock));
    let allocate = AllocateAddress { user: UserId(1), network: NETWORK, fresh: true };
    let Done::AddressAllocated { index, .. } = ground.run(Body::AllocateAddress(allocate)) else {
        panic!("no address")
    };
    assert_eq!(index, fresh);
    for minor in [500, 70] {
        play.chain.lock().mine_to(fresh, minor);
        rounds(&mut scanner, 1).await;
    }
    for _ in 0..FINALITY + 6 {
        play.chain.lock().mine(0);
        rounds(&mut scanner, 2).await;
    }
    assert_eq!(balances(&play.stage), [570, 0, 0, 0]);
}

/// Goal: an endpoint that is asked first and has a branch of its own stops nothing, as long as the others are a quorum. Method: three
/// endpoints, the first of which makes as many blocks as the others, and other ones.
#[tokio::test(start_paused = true)]
async fn one_endpoint_on_a_branch_stops_nothing() {
    let mut play = Play::begin(7).await;
    (play.faults.lock().lost, play.faults.lock().deadly) = (0, 0);
    let own = Arc::new(Mutex::new(play.chain.lock().branch(99)));
    let endpoints = [("first", &own), ("second", &play.chain), ("third", &play.chain)];
    let (mut scanner, _) = play.worker_with(truthful(&endpoints));
    for _ in 0..10 {
        own.lock().mine(1);
        play.chain.lock().mine(1);
        rounds(&mut scanner, 3).await;
    }
    assert!(is_level(&play), "{:?} of {}", scanned(&play.stage), play.chain.lock().head());
}

/// Goal: where endpoints contradict each other about a token's decimals nothing else hangs on that: blocks are scanned up to the first
/// one in which some of it arrives. That one waits, and is credited by the decimals that both say in the end. Method: two endpoints of
/// one chain, a block without the token, one with it, and one more.
#[tokio::test(start_paused = true)]
async fn what_nobody_can_count_waits() {
    let mut play = Play::begin(5).await;
    (play.faults.lock().lost, play.faults.lock().deadly) = (0, 0);
    list_token(play.stage.ground());
    play.chain.lock().decimals = Some(6);
    let other = Arc::new(Mutex::new(play.chain.lock().clone()));
    let says = Mutex::new(18);
    let (mut scanner, _) = play.worker_with(truthful(&[("first", &play.chain), ("second", &other)]));
    let mine = |play: &Play, amount: u128| {
        let mut chain = play.chain.lock();
        if amount > 0 {
            chain.mine_token(TOKEN, 0, amount)
        } else {
            chain.mine(0)
        }
        let mut other = other.lock();
        other.clone_from(&chain);
        other.decimals = Some(*says.lock());
    };
    mine(&play, 0);
    rounds(&mut scanner, 5).await;
    assert!(is_level(&play), "nothing of the token is in it");
    let before = scanned(&play.stage).tip;
    mine(&play, 700);
    mine(&play, 0);
    rounds(&mut scanner, 5).await;
    assert_eq!(scanned(&play.stage).tip, before, "the block waits");
    *says.lock() = 6;
    for _ in 0..FINALITY + 6 {
        mine(&play, 0);
        rounds(&mut scanner, 2).await;
    }
    let key = AccountKey { holder: Holder::Customer { customer: 1, sub_account: 0 }, asset: Asset(2) };
    let account = play.stage.ground().state(|state| state.account(&key)).unwrap();
    assert_eq!(account.map(|account| account.sums.balance(Side::Credit)), Some(700));
}

/// Goal: nothing is credited of a token whose contract counts otherwise than its listing says: it is doubted, and halted, before the
/// first block is told; one that counts so, or does not tell, is not. Method: a listed token with six decimals, on endpoints that say so,
/// say otherwise, and say nothing.
#[tokio::test(start_paused = true)]
async fn decimals_are_compared_before_a_credit() {
    for (told, doubted) in [(Some(6), false), (Some(18), true), (None, false)] {
        let mut play = Play::begin(5).await;
        (play.faults.lock().lost, play.faults.lock().deadly) = (0, 0);
        let token = list_token(play.stage.ground());
        play.chain.lock().decimals = told;
        play.chain.lock().mine(0);
        let nodes = truthful(&[("first", &play.chain), ("second", &play.chain)]);
        let (mut scanner, _) = play.worker_with(nodes);
        rounds(&mut scanner, 5).await;
        assert!(is_level(&play), "{told:?}: the scan goes on");
        let ground = play.stage.ground();
        let is_doubted = ground.state(|state| state.reconciliation().doubted(NETWORK, &token).is_some()).unwrap();
        let may = ground.state(|state| state.may(NETWORK, Asset(2), Operation::Deposit).is_ok()).unwrap();
        assert_eq!((is_doubted, may), (doubted, !doubted), "{told:?}");
    }
}
