//! The files of addresses that nodes keep for deposit workers.

use exchequer_domain::{Family, Network, NodeId};
use exchequer_state::{Actor, Body, StockAddresses};
use exchequer_workers::chains::evm::text;
use exchequer_workers::chains::scan::{AddressSet, Key};
use exchequer_workers::kinds::deposit::ADDRESSES_FILE;
use exchequer_workers::kinds::nodes::params;

use super::super::super::addresses::keep_one;
use super::super::stage::Stage;

fn account(index: u32) -> [u8; 20] {
    let mut account = [0x22; 20];
    account[..4].copy_from_slice(&index.to_be_bytes());
    account
}

/// Goal: the file holds the whole pool and is brought up to date once it lacks much, and not before; one of another state is
/// written anew. Method: a pool that grows past the bound, and a file that claims more than there is.
#[tokio::test(start_paused = true)]
async fn files_follow_the_pool() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("deposit-bsc-1").join(ADDRESSES_FILE);
    let stage = Stage::new();
    let stock = |from: u32, count: u32| {
        for first in (from..from + count).step_by(500) {
            let entries = (first..first + 500).map(|index| (text(&account(index)), [9; 32])).collect();
            let body = StockAddresses { family: Family::Evm, first_index: first, entries };
            stage.ground().run_as(Actor::Node(NodeId(1)), Body::StockAddresses(body));
        }
    };
    let keep = || keep_one(stage.ground(), &file, params(Network::Bsc, true)).unwrap();
    let version = || AddressSet::version_in(&file, Network::Bsc).unwrap_or(0);
    keep();
    assert!(!file.exists());
    stock(0, 6_000);
    keep();
    assert_eq!(version(), 6_000);
    stock(6_000, 5_000);
    keep();
    assert_eq!(version(), 6_000, "that much is read from the state");
    stock(11_000, 500);
    keep();
    assert_eq!(version(), 11_500);
    let set = AddressSet::load(&file, Network::Bsc).unwrap();
    assert!((0..11_500).all(|index| set.contains(&Key::Account(account(index)))) && set.len() == 11_500);
    let mut strange = AddressSet::new(Network::Bsc);
    strange.insert(Key::Account([7; 20]), 99_999).unwrap();
    strange.save(&file).unwrap();
    keep();
    assert_eq!(version(), 11_500);
}
