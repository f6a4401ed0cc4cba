//! A vault that is lost and made anew from its words: the same keys, and a key of its own.

use std::future::poll_fn;
use std::task::Poll;

use exchequer_domain::{Code, NodeId};
use exchequer_state::StockAddresses;
use exchequer_state::custody::given_addresses;

use super::pool::{NOBODY, register, xpub};
use super::*;
use crate::signer::SignerState;
use crate::signer::retag::{self, Retagging};

const NODE: Actor = Actor::Node(NodeId(1));
/// An index of the pool whose address is none of the vault's.
const FOREIGN: u32 = 9;

/// Goal: the words, a policy and the log are a way back: a vault made of them pays, remembers every payment of the former one's, and
/// vouches for every address again; an address that none of its accounts has is shown to nobody. Method: two payments and a filled
/// pool with an address from elsewhere in it; every file of the vault is lost, the words are imported; a third payment, one too many, and
/// the pool step by step, with a leader that begins again half-way.
#[tokio::test]
async fn the_words_are_a_way_back() {
    let (lost, mut world, process, signer) = world(true).await;
    register(&world, xpub(&process, KeyPurpose::Deposit));
    let pool =
        |world: &World| world.ground().rows(|_, rows| given_addresses(rows, Family::Evm, 0, 200).unwrap()).unwrap();
    let tagged = |index: u32| {
        let key = KeyPath { purpose: KeyPurpose::Deposit, index, change: false };
        process.core.address(NETWORK, 0, key, Scheme::Keccak).unwrap()
    };
    // In the place of the tenth, which is whom the payments go to, is one from elsewhere.
    let entries =
        (0..120).map(|index| if index == FOREIGN { (parsed(NOBODY), [9; 32]) } else { tagged(index) }).collect();
    let stock = StockAddresses { family: Family::Evm, first_index: 0, entries };
    world.ground().run_as(NODE, Body::StockAddresses(stock));
    let before = pool(&world);
    for _ in 0..2 {
        let payout = world.prepared(400).await;
        let given = world.signed(&signer, payout).await;
        world.commit(payout, &given).await;
    }
    let former = process.core.standing().unwrap().vault;
    process.end().await;
    std::fs::remove_dir_all(vault_folder(world.data())).unwrap();
    drop(lost);

    let vaults = Vaults::new(true);
    let process = started(&vaults, world.data()).await;
    // The first conversation is one with a process that is gone.
    let _gone = signer.catch_up(world.ground()).await;
    signer.catch_up(world.ground()).await.unwrap();
    let standing = process.core.standing().unwrap();
    assert_ne!(standing.vault, former);
    assert_eq!((signer.seen().state, standing.unread), (SignerState::Ready, 2));
    // What was signed is signed for nothing else, what left counts, and money moves again.
    let other = world.prepared(100).await;
    let given = world.signed(&signer, other).await;
    world.commit(other, &given).await;
    let too_much = world.prepared(200).await;
    world.sign(&signer, too_much).await.is_not_now("velocity-hour");

    let show = async |index: u32, address: &ChainAddress| {
        signer.vouch(world.ground(), Family::Evm, index, address).await.map_err(|problem| problem.code)
    };
    let (_, first) = &before[0];
    assert_eq!(show(0, &first.address).await, Err(Code::SignerRefused), "its tag is the former vault's");
    let mut going = Retagging::default();
    for turn in 0.. {
        // A leader that ends half-way leaves the rest to the next one.
        if turn == 2 {
            going = Retagging::default();
        }
        if !retag::step(world.ground(), &signer, NODE, &mut going).await.unwrap() && turn > 2 {
            break;
        }
    }
    let after = pool(&world);
    let same = before
        .iter()
        .zip(&after)
        .all(|((_, one), (_, other))| one.address == other.address && one.given == other.given);
    assert!(same && before.len() == after.len());
    for (index, ((_, one), (_, other))) in (0..).zip(before.iter().zip(&after)) {
        // Nobody vouches for what is not derived.
        let foreign = index == FOREIGN;
        assert_eq!((one.mac == other.mac, show(index, &one.address).await.is_ok()), (foreign, !foreign), "{index}");
    }
    process.end().await;
}

/// Goal: whoever waits for the signer and gives up leaves nothing half known: the next one goes on where the signer is. Method: a
/// catching up that is given up after any number of polls, then one that is not; the signer never hears a feed that does not fit.
#[tokio::test]
async fn a_feed_that_was_given_up_does_no_harm() {
    let (_vaults, mut world, process, signer) = world(true).await;
    signer.catch_up(world.ground()).await.unwrap();
    let before = process.core.standing().unwrap().decisions;
    for polls in 0..24 {
        let _payout = world.prepared(1).await;
        {
            let mut given_up = Box::pin(signer.catch_up(world.ground()));
            for _ in 0..polls {
                let over = poll_fn(|context| Poll::Ready(given_up.as_mut().poll(context).is_ready())).await;
                if over {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        let done = signer.catch_up(world.ground()).await;
        assert!(done.is_ok(), "after {polls} polls: {:?}", done.err());
    }
    assert_eq!(process.core.standing().unwrap().decisions, before, "a refusal is in the log of decisions");
    process.end().await;
}
