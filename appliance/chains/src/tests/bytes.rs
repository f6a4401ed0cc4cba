//! Bytes from anywhere: changed ones are never taken for what they were, and none makes a decoder panic.

use exchequer_domain::{Network, TxId};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

use super::bitcoin_drafts::Purse;
use super::keys::Wallet;
use super::random::{KEY, evm_tx, hot, seed, tron_tx};
use crate::bitcoin::{Draft, build, read_block};
use crate::evm::UnsignedEvm;
use crate::tron::UnsignedTron;
use crate::{NetworkParams, Scheme, Unsigned, evm, tron};

/// Random inputs of the test of decoders.
const INPUTS: u32 = 20_000;

/// Some of each family, signed by the wallet.
fn samples(seed: u64) -> Vec<(NetworkParams, Unsigned)> {
    let wallet = Wallet::new();
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let mut samples = Vec::new();
    let ethereum = NetworkParams::mainnet(Network::Ethereum);
    let tron = NetworkParams::mainnet(Network::Tron);
    for _ in 0..8 {
        let from = hot(&wallet, &ethereum).0;
        let tx = evm_tx(1, from).new_tree(&mut runner).unwrap().current();
        samples.push((ethereum, Unsigned::Evm(UnsignedEvm::new(&ethereum, KEY, from, tx).unwrap())));
        let tx = tron_tx(hot(&wallet, &tron).0).new_tree(&mut runner).unwrap().current();
        samples.push((tron, Unsigned::Tron(UnsignedTron::new(&tron, KEY, tx).unwrap())));
    }
    let purse = Purse::new(NetworkParams::test(Network::Bitcoin));
    let must = vec![purse.coin(1, 50_000, Scheme::Segwit), purse.coin(2, 60_000, Scheme::Taproot)];
    let draft = Draft { must, ..purse.draft(&[70_000], vec![], 3_000) };
    samples.push((purse.params, Unsigned::Bitcoin(build(&purse.params, &draft).unwrap())));
    samples
}

/// Goal: whoever changes a byte of what is to be signed gets an error, or other effects, or another digest to sign: never a
/// signature for something that looks as before. Method: every byte of samples of each family, changed in one bit or all.
#[test]
fn a_changed_description_is_another_one() {
    let seed = seed();
    let (mut read, mut unread) = (0, 0);
    for (params, unsigned) in samples(seed) {
        let before = (unsigned.effects(&params).unwrap(), unsigned.signing_inputs(&params).unwrap());
        let bytes = unsigned.encode();
        for place in 0..bytes.len() {
            for mask in [1, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[place] ^= mask;
                let Ok(other) = Unsigned::decode(&changed) else {
                    unread += 1;
                    continue;
                };
                let (Ok(effects), Ok(inputs)) = (other.effects(&params), other.signing_inputs(&params)) else {
                    unread += 1;
                    continue;
                };
                read += 1;
                assert_ne!((effects, inputs), before, "seed {seed}, byte {place} of {unsigned:?}");
            }
        }
        for cut in 0..bytes.len() {
            assert!(Unsigned::decode(&bytes[..cut]).is_err());
        }
        assert!(Unsigned::decode(&[&bytes[..], &[0]].concat()).is_err());
    }
    println!("{read} changes were read as something else, {unread} were refused");
    assert!(read > 100 && unread > 100, "both ends were tried");
}

/// Goal: signed bytes in which anything was changed are not this transaction any more. Method: every byte of the signed samples.
#[test]
fn changed_signed_bytes_are_refused() {
    let seed = seed();
    let wallet = Wallet::new();
    for (params, unsigned) in samples(seed) {
        let inputs = unsigned.signing_inputs(&params).unwrap();
        let signed = unsigned.assemble(&params, &wallet.sign_all(&params, &inputs)).unwrap();
        let meant = unsigned.effects(&params).unwrap();
        let read = |raw: &[u8]| match &unsigned {
            Unsigned::Evm(_) => evm::effects_of_signed(&params, raw).ok(),
            Unsigned::Tron(_) => tron::effects_of_signed(&params, raw).ok(),
            // Bitcoin's signatures are verified by nodes; that they are ours is `accept`'s to say.
            Unsigned::Bitcoin(_) => None,
        };
        assert_eq!(unsigned.accept(&params, &signed.raw).as_ref(), Ok(&signed));
        for place in 0..signed.raw.len() {
            for mask in [1, 0x80, 0xff] {
                let mut changed = signed.raw.clone();
                changed[place] ^= mask;
                assert!(unsigned.accept(&params, &changed).is_err(), "seed {seed}, byte {place} of {unsigned:?}");
                assert_ne!(
                    read(&changed).map(|(_, effects)| effects).as_ref(),
                    Some(&meant),
                    "seed {seed}, byte {place}"
                );
            }
        }
    }
}

fn decode_all(bytes: &[u8]) {
    // What comes of it is no matter here.
    for network in Network::ALL {
        let params = NetworkParams::mainnet(*network);
        if let Ok(unsigned) = Unsigned::decode(bytes) {
            let _ = (unsigned.effects(&params), unsigned.signing_inputs(&params), unsigned.assemble(&params, &[]));
            let _ = unsigned.accept(&params, bytes);
            assert_eq!(unsigned.encode(), bytes, "there is one encoding");
        }
        let _ = evm::effects_of_signed(&params, bytes);
        let _ = tron::effects_of_signed(&params, bytes);
        let _ = crate::bitcoin::effects_of_signed(&params, bytes, &[]);
        let _ = crate::bitcoin::address_of_script(&params, bytes);
    }
    let _ = read_block(bytes);
    let _ = evm::read_transfer_data(bytes);
}

/// Goal: no bytes make a decoder panic. Method: random bytes of every length, and samples with random pieces changed, put in and
/// cut out.
#[test]
fn no_bytes_make_a_decoder_panic() {
    let seed = seed();
    let wallet = Wallet::new();
    let mut rng = StdRng::seed_from_u64(seed);
    let mut good = Vec::new();
    let mut psbt = None;
    for (params, unsigned) in samples(seed) {
        let inputs = unsigned.signing_inputs(&params).unwrap();
        good.push(unsigned.assemble(&params, &wallet.sign_all(&params, &inputs)).unwrap().raw);
        good.push(unsigned.encode());
        if let Unsigned::Bitcoin(unsigned) = unsigned {
            psbt = Some(unsigned);
        }
    }
    good.push(bitcoin::consensus::serialize(&bitcoin::constants::genesis_block(bitcoin::Network::Bitcoin)));
    let psbt = psbt.unwrap();
    for case in 0..INPUTS {
        let bytes = if case % 4 == 0 {
            let mut bytes = vec![0; rng.random_range(0..300)];
            rng.fill_bytes(&mut bytes);
            // Openings that get further than noise does.
            let opening: &[u8] =
                [&[][..], &[2, 0xf8], &[0xf8], &[1, 1], &[1, 5], &[1, 0], &[0x0a]][rng.random_range(0..7)];
            [opening, &bytes].concat()
        } else {
            let mut bytes = good[rng.random_range(0..good.len())].clone();
            for _ in 0..rng.random_range(1..4) {
                let at = rng.random_range(0..bytes.len());
                match rng.random_range(0..4) {
                    0 => bytes[at] = rng.random(),
                    1 => bytes.insert(at, rng.random()),
                    2 => bytes.truncate(at + 1),
                    _ => drop(bytes.remove(at)),
                }
                if bytes.is_empty() {
                    bytes.push(0);
                }
            }
            bytes
        };
        decode_all(&bytes);
        let _ = psbt.signatures_of_psbt(&bytes);
    }
}

/// Goal: a block is read only when its transactions are those that its header commits to. Method: the first block of the live chain,
/// and one in which a transaction was changed, added or left out.
#[test]
fn a_block_is_what_its_header_says() {
    let block = bitcoin::constants::genesis_block(bitcoin::Network::Bitcoin);
    let bytes = |block: &bitcoin::Block| bitcoin::consensus::serialize(block);
    assert_eq!(read_block(&bytes(&block)).unwrap(), block);
    let mut other = block.clone();
    other.txdata[0].output[0].value = bitcoin::Amount::from_sat(1);
    assert!(read_block(&bytes(&other)).is_err());
    let mut more = block.clone();
    more.txdata.push(block.txdata[0].clone());
    assert!(read_block(&bytes(&more)).is_err());
    let mut none = block;
    none.txdata.clear();
    assert!(read_block(&bytes(&none)).is_err());
}

/// Goal: a name is printed as Bitcoin's nodes print it. Method: the coin of the first block.
#[test]
fn names_are_printed_as_nodes_do() {
    let block = bitcoin::constants::genesis_block(bitcoin::Network::Bitcoin);
    let name = crate::bitcoin::tx_id(block.txdata[0].compute_txid());
    let printed: TxId = "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b".parse().unwrap();
    assert_eq!(name, printed);
}
