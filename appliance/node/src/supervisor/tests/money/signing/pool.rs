//! The pool of deposit addresses, and whether one may be shown.

use exchequer_domain::{Code, NodeId};
use exchequer_state::StockAddresses;
use exchequer_state::custody::given_addresses;

use super::*;
use crate::signer::SignerState;
use crate::signer::stock::{AT_ONCE, POOL_LOW, round};

/// An address that is derived from no seed of anybody's.
pub(super) const NOBODY: &str = "0x000000000000000000000000000000000000dEaD";

const NODE: Actor = Actor::Node(NodeId(1));

pub(super) fn register(world: &World, xpub: String) {
    register_for(world, Family::Evm, xpub);
}

fn register_for(world: &World, family: Family, xpub: String) {
    world.ground().run(Body::RegisterWallet(Box::new(RegisterWallet {
        name: format!("deposits-{}", family as u8),
        role: WalletRole::Deposit,
        family,
        network: None,
        xpub,
        addresses: vec![],
        pinned: false,
        reason: "test".into(),
    })));
}

pub(super) fn xpub(process: &Process, purpose: KeyPurpose) -> String {
    let accounts = process.core.xpubs().unwrap();
    accounts.into_iter().find(|account| account.purpose == purpose).unwrap().xpub
}

fn waiting(world: &World) -> u32 {
    let pool = world.ground().state(|state| state.custody().pool(Family::Evm)).unwrap();
    pool.stocked - pool.given
}

/// Goal: the pool is filled up to its mark without a person, with addresses that the signer vouches for, and each is shown by a
/// node with an open signer and by one without; one that was put there by anybody else is shown by none. Method: rounds until
/// nothing is missing; a deposit account whose key is not the signer's; an address from elsewhere in the pool.
#[tokio::test]
async fn the_pool_is_filled_and_vouched_for() {
    let (_vaults, world, process, signer) = world(true).await;
    assert!(!round(world.ground(), &signer, NODE).await.unwrap(), "no deposit account, no addresses");
    register(&world, xpub(&process, KeyPurpose::Deposit));
    while round(world.ground(), &signer, NODE).await.unwrap() {}
    assert_eq!(waiting(&world), POOL_LOW);
    let page = world.ground().rows(|_, rows| given_addresses(rows, Family::Evm, 0, 2_000).unwrap()).unwrap();
    assert_eq!(page.len(), POOL_LOW as usize);
    for (index, one) in page.iter().step_by(97) {
        let key = KeyPath { purpose: KeyPurpose::Deposit, index: *index, change: false };
        assert_eq!(one.address, process.address(key));
    }
    signer.catch_up(world.ground()).await.unwrap();
    assert_eq!(signer.seen().state, SignerState::Ready);
    let (_, first) = &page[0];
    let stranger = parsed(NOBODY);
    let show = async |signer: &LocalSigner, index, address| {
        signer.vouch(world.ground(), Family::Evm, index, address).await.map_err(|problem| problem.code)
    };
    let elsewhere = LocalSigner::new(world.data().join("nothing"));
    for signer in [&*signer, &elsewhere] {
        assert_eq!(show(signer, 0, &first.address).await, Ok(()));
        assert_eq!(show(signer, 1, &first.address).await, Err(Code::SignerRefused), "another index's");
        assert_eq!(show(signer, 0, &stranger).await, Err(Code::SignerRefused), "not in the pool");
    }
    let stock =
        StockAddresses { family: Family::Evm, first_index: POOL_LOW, entries: vec![(stranger.clone(), [9; 32])] };
    world.ground().run_as(NODE, Body::StockAddresses(stock));
    for signer in [&*signer, &elsewhere] {
        assert_eq!(show(signer, POOL_LOW, &stranger).await, Err(Code::SignerRefused), "somebody else's");
    }
    // An address of ours that no signer vouched for: only a signer sees it, by the tag.
    let key = KeyPath { purpose: KeyPurpose::Deposit, index: POOL_LOW + 1, change: false };
    let untagged = process.address(key);
    let stock =
        StockAddresses { family: Family::Evm, first_index: POOL_LOW + 1, entries: vec![(untagged.clone(), [9; 32])] };
    world.ground().run_as(NODE, Body::StockAddresses(stock));
    assert_eq!(show(&signer, POOL_LOW + 1, &untagged).await, Err(Code::SignerRefused));
    assert_eq!(show(&elsewhere, POOL_LOW + 1, &untagged).await, Ok(()));
    process.end().await;
}

/// Goal: nothing is stocked of an account whose key is not the signer's. Method: the hot account's key registered for deposits.
#[tokio::test]
async fn another_accounts_addresses_are_not_stocked() {
    let (_vaults, world, process, signer) = world(true).await;
    register(&world, xpub(&process, KeyPurpose::Hot));
    let trouble = round(world.ground(), &signer, NODE).await.unwrap_err().to_string();
    assert!(trouble.contains("no account with the key of wallet"), "{trouble}");
    assert_eq!(waiting(&world), 0);
    process.end().await;
}

/// Goal: a family whose pool cannot be filled keeps no other one waiting. Method: a deposit account of Bitcoin whose key is that of
/// another account, before a sound one.
#[tokio::test]
async fn one_pool_keeps_no_other_waiting() {
    let (_vaults, world, process, signer) = world(true).await;
    register_for(&world, Family::Bitcoin, xpub(&process, KeyPurpose::Hot));
    register(&world, xpub(&process, KeyPurpose::Deposit));
    let trouble = round(world.ground(), &signer, NODE).await.unwrap_err().to_string();
    assert!(trouble.contains("no account with the key of wallet"), "{trouble}");
    assert_eq!(waiting(&world), AT_ONCE);
    process.end().await;
}
