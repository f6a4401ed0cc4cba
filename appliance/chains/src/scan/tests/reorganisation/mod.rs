//! Random reorganisations under endpoints that repeat, mix up, lag and lie, from what nodes send to what is credited.
//!
//! A world is a network, three endpoints and a worker. The endpoints' answers are texts and bytes, which the clients of
//! [`crate::node`] read; a [`Panel`](crate::node::Panel) of two out of three agrees on what is in blocks; the scan finds what arrived;
//! the trail says what follows what. The worker goes through them as the deposit worker does, and credits what is final. What should
//! be credited is known from how the transactions were made, not from a scan.
//!
//! One endpoint of a world lies, since no quorum of two stands against two that lie alike. The other two lag, fail and mix up.

mod bitcoin;
mod endpoint;
mod evm;
mod family;
mod faults;
mod trail;
mod tron;
mod worker;
mod world;

use std::sync::Arc;

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use self::endpoint::{Endpoint, State};
use self::family::Family;
use self::faults::Tally;
use self::worker::Worker;
use self::world::World;
use crate::node::{ChainNode, Panel};
use crate::rpc::HealthRules;

/// Deepest reorganisation, and how far below the head blocks become final.
const DEPTH_MAX: u64 = 20;
const FINAL_BELOW: u64 = 21;
/// Reorganisations of the whole test.
const REORGANISATIONS: usize = 500;
const REORGANISATIONS_A_WORLD: usize = 10;
/// Endpoints of a world, and how many have to agree.
const SEATS: usize = 3;
const QUORUM: usize = 2;
/// Rounds within which a worker that has two honest endpoints catches up, whatever the third one does.
const ROUNDS_MAX: usize = 400;
/// Each kind of fault is met so often at least: hundreds of times, as the dice are.
const FAULTS_MIN: usize = 10;

/// Goal: whatever reorganisations come, and whatever one endpoint of three says while the others lag, fail and mix up, every
/// arrival of the canonical branch is credited once, as it is there, and nothing else ever. Method: 500 random reorganisations of
/// depth 1 to 20; whoever lies does so about names, parents, times, finality and contents, and goes on to the end. Each kind of
/// fault is counted where an answer was another one because of it, and must have been met.
#[tokio::test(start_paused = true)]
async fn credits_are_those_of_the_canonical_branch_of_bitcoin() {
    play::<bitcoin::Bitcoin>().await;
}

/// Goal and method: the same, with coin and tokens of listed and other contracts; half of the worlds do not compute what names
/// commit to, so that the quorum stands alone.
#[tokio::test(start_paused = true)]
async fn credits_are_those_of_the_canonical_branch_of_an_evm_network() {
    play::<evm::Evm>().await;
}

/// Goal and method: the same on TRON, whose blocks' names are not computed.
#[tokio::test(start_paused = true)]
async fn credits_are_those_of_the_canonical_branch_of_tron() {
    play::<tron::Tron>().await;
}

async fn play<F: Family>() {
    let seed: u64 = std::env::var("SEED").ok().map_or_else(rand::random, |seed| seed.parse().unwrap());
    println!("SEED={seed}");
    let mut tally = Tally::default();
    for number in 0..REORGANISATIONS / REORGANISATIONS_A_WORLD {
        world::<F>(seed.wrapping_add(number as u64), &mut tally).await;
    }
    println!("{tally}");
    for fault in F::FAULTS {
        assert!(tally.of(*fault) >= FAULTS_MIN, "{fault:?} was met {} times\n{tally}", tally.of(*fault));
    }
    for depth in 1..=DEPTH_MAX {
        assert!(tally.depths.contains_key(&depth), "no reorganisation was {depth} deep\n{tally}");
    }
    assert!(tally.rewinds > REORGANISATIONS / 4, "the worlds are too quiet\n{tally}");
    assert!(tally.deepest > DEPTH_MAX as usize / 2, "no rewind was deep\n{tally}");
    assert!(tally.again > REORGANISATIONS && tally.credits > REORGANISATIONS, "too little is paid\n{tally}");
}

/// Plays one world to its end.
async fn world<F: Family>(seed: u64, tally: &mut Tally) {
    let mut random = StdRng::seed_from_u64(seed);
    let (family, liar) = (F::of_world(&mut random), random.random_range(0..SEATS));
    let world = World::new(family, random, std::mem::take(tally));
    let (start, state) = (world.blocks[0].header, Arc::new(Mutex::new(State::new(world, liar))));
    let nodes = ["first", "second", "third"].into_iter().enumerate();
    let nodes = nodes.map(|(seat, name)| Arc::new(Endpoint { name, seat, state: state.clone() }) as Arc<dyn ChainNode>);
    let panel = Panel::new(nodes.collect(), HealthRules::default(), QUORUM).unwrap();
    let mut worker = Worker::new(start, state.clone());
    for _ in 0..REORGANISATIONS_A_WORLD {
        let rounds = state.lock().world.random.random_range(0..8);
        for _ in 0..rounds {
            state.lock().turn(false);
            worker.round(&panel).await;
        }
        state.lock().world.reorganise();
    }
    // In the end two endpoints are sound and the network is quiet, and the third one may still do what it likes.
    state.lock().world.grow(FINAL_BELOW + 1, vec![]);
    let end = state.lock().world.last_final;
    let mut rounds = 0;
    while worker.last_final() < end {
        rounds += 1;
        assert!(rounds < ROUNDS_MAX, "world {seed}: it does not catch up");
        state.lock().turn(true);
        worker.round(&panel).await;
    }
    let mut state = state.lock();
    assert_eq!(worker.credited, state.world.arrivals(end), "world {seed}: the credits are not the branch's");
    *tally = std::mem::take(&mut state.world.tally);
    tally.credits += worker.credited.len();
}
