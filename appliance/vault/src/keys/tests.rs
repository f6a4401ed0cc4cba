use bitcoin::bip32::{DerivationPath, Xpriv};
use bitcoin::key::TapTweak as _;
use exchequer_chains::address_of_key;
use exchequer_domain::Timestamp;

use super::*;
use crate::sealed::{self, Opener};

const WORDS: &str = "test test test test test test test test test test test junk";
const GOOD: &str = "correct horse battery";

fn keys_on(live: bool) -> Keys {
    let folder = tempfile::tempdir().unwrap();
    let vault = sealed::import(&folder.path().join("v"), WORDS, &Opener::Passphrase(GOOD), Timestamp(7)).unwrap();
    let network = |network: &Network| match live {
        true => NetworkParams::mainnet(*network),
        false => NetworkParams::test(*network),
    };
    Keys::open(&vault, &Network::ALL.iter().map(network).collect::<Vec<_>>()).unwrap()
}

const fn path(purpose: KeyPurpose, index: u32, change: bool) -> KeyPath {
    KeyPath { purpose, index, change }
}

/// Goal: the addresses of all networks are those that independent wallets make of the same words. Method: published vectors.
#[test]
fn addresses_are_those_of_other_wallets() {
    let keys = keys_on(true);
    let vectors = [
        (Network::Ethereum, Scheme::Keccak, 0, "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"),
        (Network::Arbitrum, Scheme::Keccak, 1, "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"),
        (Network::Tron, Scheme::Keccak, 0, "TWer2Ygk5TEheHp3TPuYeqxmB6SsGZmaL6"),
        (Network::Tron, Scheme::Keccak, 999_999, "TRC6QnS8yz1RpPrDvJLGmDT7jhwd9ANWrf"),
        (Network::Bitcoin, Scheme::Segwit, 0, "bc1q4qw42stdzjqs59xvlrlxr8526e3nunw7mp73te"),
        (Network::Bitcoin, Scheme::Segwit, 999_999, "bc1qkr7wql8yermrfpmq6nrsmn9p0scyt9s79fz3gp"),
        (Network::Bitcoin, Scheme::Taproot, 0, "bc1pfzhx49qe6s5exppe5hqljg3n6587xk0w75xqr70pgdt7ygnfkssqxqjd9l"),
        (Network::Bitcoin, Scheme::Taproot, 1, "bc1p0lks35d0spqsvz2t3t0kqus38wrlpmcjtvvupkfkwdrzfh6zjyps9rvd6v"),
    ];
    for (network, scheme, index, wanted) in vectors {
        let found = keys.address(network, 0, path(KeyPurpose::Deposit, index, false), scheme).unwrap();
        assert_eq!(found.as_str(), wanted);
    }
    let xpubs = keys.xpubs();
    let xpub = |network, purpose| {
        let found = xpubs.iter().find(|account| (account.network, account.purpose) == (network, purpose));
        found.unwrap().clone()
    };
    let evm = xpub(Network::Ethereum, KeyPurpose::Deposit);
    assert_eq!(
        evm.xpub,
        "xpub6Ce9NcJvTk36xtLSrJLZqE7wtgA5deCeYs7rSQtreh4cj6ByPtrg9sD7V2FNFLPnf8heNP3FGkeV9qwfzvZNSd54JoNXVsXFYSYwHsnJxqP"
    );
    assert_eq!(evm.path, "m/44'/60'/0'");
    assert_eq!(xpub(Network::Tron, KeyPurpose::Gas).path, "m/44'/195'/2'");
    assert_eq!(
        xpub(Network::Tron, KeyPurpose::Deposit).xpub,
        "xpub6BuRy7ZmkGfP2RWhoor1kWB1w9DvrtmJbFBvnC1bQ4SB5NbCHTyQYCJSXZtxDbFyHTmC7wkU2he3nYYdpZ3Vf6qUAkXSnL6RPif4BDtDEKr"
    );
    assert!(xpubs.iter().all(|account| account.purpose != KeyPurpose::Cold));
    assert!(xpubs.iter().all(|account| !account.xpub.starts_with("xprv")));
}

/// Goal: the derivation written here gives what the Bitcoin library gives, on every network, purpose and branch, also for
/// test networks, and the paths are those of the codecs. Method: random indexes.
#[test]
fn derivation_is_that_of_the_library() {
    use rand::{RngExt as _, SeedableRng as _};
    let round: u64 = rand::rng().random();
    println!("seed {round}");
    let mut random = rand::rngs::StdRng::seed_from_u64(round);
    let secp = Secp256k1::new();
    let mnemonic: bip39::Mnemonic = WORDS.parse().unwrap();
    for live in [true, false] {
        let keys = keys_on(live);
        let kind = if live { bitcoin::NetworkKind::Main } else { bitcoin::NetworkKind::Test };
        let master = Xpriv::new_master(kind, &mnemonic.to_seed("")).unwrap();
        for (_, network, purpose, scheme) in keys.accounts.keys() {
            let params = keys.params(*network).unwrap();
            let at = path(*purpose, random.random_range(0..HARDENED), random.random_range(0..2) == 1);
            let full: DerivationPath = at.path(params, *scheme).unwrap();
            let secret = master.derive_priv(&secp, &full).unwrap().private_key;
            let (node, _) = keys.node(*network, 0, at, *scheme).unwrap();
            assert_eq!(node.key().to_bytes().as_slice(), secret.secret_bytes());
            assert_eq!(node.public(), secret.public_key(&secp).serialize());
            let address = keys.address(*network, 0, at, *scheme).unwrap();
            assert_eq!(address, address_of_key(params, *scheme, &node.public()).unwrap());
        }
    }
    let keys = keys_on(true);
    let beyond = path(KeyPurpose::Hot, HARDENED, false);
    assert!(matches!(keys.address(Network::Tron, 0, beyond, Scheme::Keccak), Err(KeyError::Missing { .. })));
    assert!(keys.address(Network::Tron, 0, path(KeyPurpose::Cold, 0, false), Scheme::Keccak).is_err());
    assert!(keys.address(Network::Tron, 1, path(KeyPurpose::Hot, 0, false), Scheme::Keccak).is_err());
    assert!(keys.address(Network::Tron, 0, path(KeyPurpose::Hot, 0, false), Scheme::Segwit).is_err());
}

/// Goal: signatures are the standard ones, deterministic, and those of no other key. Method: each scheme checked with the
/// Bitcoin library, whose own signatures by the same key are compared byte by byte.
#[test]
fn signatures_are_those_of_the_library() {
    use bitcoin::secp256k1::{Keypair, Message, SecretKey, schnorr};
    let keys = keys_on(true);
    let secp = Secp256k1::new();
    let at = path(KeyPurpose::Hot, 3, true);
    let input = |network, scheme, digest| {
        let address = keys.address(network, 0, at, scheme).unwrap();
        SigningInput { digest, key: at, scheme, address }
    };
    for byte in 1..40u8 {
        let digest = [byte; 32];
        let message = Message::from_digest(digest);
        let secret = |network, scheme| {
            SecretKey::from_slice(&keys.node(network, 0, at, scheme).unwrap().0.key().to_bytes()).unwrap()
        };
        let segwit = input(Network::Bitcoin, Scheme::Segwit, digest);
        let signature = keys.sign(Network::Bitcoin, 0, &segwit).unwrap();
        let theirs = secp.sign_ecdsa(&message, &secret(Network::Bitcoin, Scheme::Segwit)).serialize_compact();
        assert!(matches!(signature, Signature::Ecdsa { compact, .. } if compact == theirs));

        let evm = input(Network::Bsc, Scheme::Keccak, digest);
        let signature = keys.sign(Network::Bsc, 0, &evm).unwrap();
        let theirs = secp.sign_ecdsa(&message, &secret(Network::Bsc, Scheme::Keccak)).serialize_compact();
        let Signature::Recoverable { compact, odd_y } = signature else { panic!("another kind") };
        assert_eq!(compact, theirs);
        let parsed = k256::ecdsa::Signature::from_slice(&compact).unwrap();
        let recovery = k256::ecdsa::RecoveryId::new(odd_y == 1, false);
        let recovered = k256::ecdsa::VerifyingKey::recover_from_prehash(&digest, &parsed, recovery).unwrap();
        let public = keys.node(Network::Bsc, 0, at, Scheme::Keccak).unwrap().0.public();
        assert_eq!(recovered.to_encoded_point(true).as_bytes(), public);

        let taproot = input(Network::Bitcoin, Scheme::Taproot, digest);
        let signature = keys.sign(Network::Bitcoin, 0, &taproot).unwrap();
        let pair = Keypair::from_secret_key(&secp, &secret(Network::Bitcoin, Scheme::Taproot));
        let pair = pair.tap_tweak(&secp, None).to_keypair();
        let theirs: schnorr::Signature = secp.sign_schnorr_with_aux_rand(&message, &pair, &[0; 32]);
        assert!(matches!(signature, Signature::Schnorr { compact } if compact == theirs.serialize()));
        secp.verify_schnorr(&theirs, &message, &pair.x_only_public_key().0).unwrap();

        let mut other = segwit;
        other.key.index += 1;
        assert!(matches!(keys.sign(Network::Bitcoin, 0, &other), Err(KeyError::OtherAddress { .. })));
    }
}

/// Goal: a stored address is refused when anything of it was changed: itself, its path, generation, scheme, network or tag.
#[test]
fn a_stored_address_cannot_be_changed() {
    let keys = keys_on(true);
    let at = path(KeyPurpose::Deposit, 5, false);
    let (address, tag) = keys.tagged_address(Network::Ethereum, 0, at, Scheme::Keccak).unwrap();
    keys.verify_address(Network::Ethereum, 0, at, Scheme::Keccak, &address, &tag).unwrap();
    let other = keys.address(Network::Ethereum, 0, path(KeyPurpose::Deposit, 6, false), Scheme::Keccak).unwrap();
    let refused = |network, generation, at, address: &ChainAddress, tag: &AddressTag| {
        let error = keys.verify_address(network, generation, at, Scheme::Keccak, address, tag).unwrap_err();
        assert!(matches!(error, KeyError::Tag(_)), "{error}");
    };
    refused(Network::Ethereum, 0, at, &other, &tag);
    refused(Network::Ethereum, 0, path(KeyPurpose::Deposit, 6, false), &address, &tag);
    refused(Network::Ethereum, 0, path(KeyPurpose::Hot, 5, false), &address, &tag);
    refused(Network::Ethereum, 0, path(KeyPurpose::Deposit, 5, true), &address, &tag);
    refused(Network::Polygon, 0, at, &address, &tag);
    refused(Network::Ethereum, 1, at, &address, &tag);
    for bit in 0..256 {
        let mut wrong = tag;
        wrong[bit / 8] ^= 1 << (bit % 8);
        refused(Network::Ethereum, 0, at, &address, &wrong);
    }
}
