//! Addresses: from keys, from text, and where money must not go.

use exchequer_domain::{ChainAddress, Network};
use proptest::prelude::*;

use super::keys::Wallet;
use crate::bitcoin::{address_of_script, script_of};
use crate::{
    AccountKey, AddressError, BitcoinKind, Coin, DestinationError, INDEX_MAX, KeyPurpose, NetworkParams, Parameters,
    Scheme, check_destination, evm, is_burn_address, parse_address, tron,
};

fn live(network: Network) -> NetworkParams {
    NetworkParams::mainnet(network)
}

fn bitcoin(kind: BitcoinKind) -> NetworkParams {
    NetworkParams::custom(Network::Bitcoin, Parameters::Bitcoin(kind)).unwrap()
}

/// Goal: the addresses are those of other wallets for the same words. Method: vectors on which four independent libraries agree.
#[test]
fn addresses_are_those_of_other_wallets() {
    let wallet = Wallet::new();
    assert_eq!(hex::encode(wallet.fingerprint()), "16a93ed0");
    let table = [
        (
            Network::Ethereum,
            Scheme::Keccak,
            [
                "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266",
                "0x70997970c51812dc3a010c7d01b50e0d17dc79c8",
                "0x3457307746b17b74e66829554eebfcb8f03b873a",
            ],
        ),
        (
            Network::Tron,
            Scheme::Keccak,
            [
                "TWer2Ygk5TEheHp3TPuYeqxmB6SsGZmaL6",
                "TPjjvMwjPoDC32V2dGDYTkLH4E5LAtBZ6C",
                "TRC6QnS8yz1RpPrDvJLGmDT7jhwd9ANWrf",
            ],
        ),
        (
            Network::Bitcoin,
            Scheme::Segwit,
            [
                "bc1q4qw42stdzjqs59xvlrlxr8526e3nunw7mp73te",
                "bc1qp533522veg9uyhpx3sva9vqrnfzmt262n4lsuq",
                "bc1qkr7wql8yermrfpmq6nrsmn9p0scyt9s79fz3gp",
            ],
        ),
        (
            Network::Bitcoin,
            Scheme::Taproot,
            [
                "bc1pfzhx49qe6s5exppe5hqljg3n6587xk0w75xqr70pgdt7ygnfkssqxqjd9l",
                "bc1p0lks35d0spqsvz2t3t0kqus38wrlpmcjtvvupkfkwdrzfh6zjyps9rvd6v",
                "bc1pkrksyemxne2f9fmxxn7ewy2svj0kc45hxp2tqq56g337turhz9vsl7u0yg",
            ],
        ),
    ];
    for (network, scheme, expected) in table {
        let params = live(network);
        let account = wallet.account(&params, scheme, KeyPurpose::Deposit);
        for (index, expected) in [0, 1, 999_999].into_iter().zip(expected) {
            let canonical = parse_address(&params, expected).unwrap();
            assert_eq!(account.address(index, false).unwrap(), canonical, "{network} {index}");
        }
        assert!(account.address(INDEX_MAX, true).is_ok());
        assert!(account.address(INDEX_MAX + 1, false).is_err());
    }
}

/// Goal: an extended key gives addresses only as what it is. Method: the published keys of two accounts, tried for another purpose,
/// network and scheme, and at another depth.
#[test]
fn an_extended_key_is_of_one_account() {
    let xpub60 = "xpub6Ce9NcJvTk36xtLSrJLZqE7wtgA5deCeYs7rSQtreh4cj6ByPtrg9sD7V2FNFLPnf8heNP3FGkeV9qwfzvZNSd54JoNXVsXFYSYwHsnJxqP";
    let xpub195 = "xpub6BuRy7ZmkGfP2RWhoor1kWB1w9DvrtmJbFBvnC1bQ4SB5NbCHTyQYCJSXZtxDbFyHTmC7wkU2he3nYYdpZ3Vf6qUAkXSnL6RPif4BDtDEKr";
    let wallet = Wallet::new();
    let parse = |network, purpose, xpub: &str| AccountKey::parse(&live(network), Scheme::Keccak, purpose, xpub);
    for (network, xpub) in [(Network::Ethereum, xpub60), (Network::Polygon, xpub60), (Network::Tron, xpub195)] {
        let account = parse(network, KeyPurpose::Deposit, xpub).unwrap();
        assert_eq!(account, wallet.account(&live(network), Scheme::Keccak, KeyPurpose::Deposit));
        assert!(parse(network, KeyPurpose::Hot, xpub).is_err(), "another account");
        let child = account.xpub().ckd_pub(crate::derive::curve(), 0.into()).unwrap().to_string();
        assert!(parse(network, KeyPurpose::Deposit, &child).is_err(), "another depth");
    }
    assert!(parse(Network::Ethereum, KeyPurpose::Deposit, &xpub60[1..]).is_err());
    let regtest = bitcoin(BitcoinKind::Regtest);
    assert!(
        AccountKey::parse(&regtest, Scheme::Segwit, KeyPurpose::Deposit, xpub60).is_err(),
        "a key of live networks"
    );
    assert!(AccountKey::parse(&live(Network::Bitcoin), Scheme::Keccak, KeyPurpose::Deposit, xpub60).is_err());
}

/// Goal: what is no address of a network is refused, and the reason is the right one. Method: a table of near misses.
#[test]
fn near_misses_are_refused() {
    let form = |result: Result<ChainAddress, AddressError>| matches!(result, Err(AddressError::Form { .. }));
    let btc = |text: &str| parse_address(&live(Network::Bitcoin), text);
    let checksum = AddressError::Checksum { network: "Bitcoin" };
    assert_eq!(btc("bc1q4qw42stdzjqs59xvlrlxr8526e3nunw7mp73tf"), Err(checksum.clone()));
    assert_eq!(btc("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3"), Err(checksum));
    assert_eq!(btc("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2").unwrap().as_str(), "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2");
    assert!(btc("3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy").is_ok());
    let upper = "BC1Q4QW42STDZJQS59XVLRLXR8526E3NUNW7MP73TE";
    assert_eq!(btc(upper).unwrap().as_str(), upper.to_lowercase());
    assert!(form(btc("bc1q4qw42stdzjqs59xvlrlxr8526e3nunw7mp73TE")));
    assert!(matches!(btc("tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx"), Err(AddressError::OtherChain { .. })));
    assert!(matches!(btc("mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn"), Err(AddressError::OtherChain { .. })));
    // BIP-350: version 16 with two bytes, and version 2; both are valid and have no rules.
    assert_eq!(btc("BC1SW50QGDZ25J"), Err(AddressError::WitnessVersion { version: 16 }));
    assert_eq!(btc("bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs"), Err(AddressError::WitnessVersion { version: 2 }));
    assert_eq!(btc("bc1pfeessrawgf"), Err(AddressError::WitnessVersion { version: 1 }), "an anchor");
    assert!(form(btc("0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266")));
    assert!(form(btc("ltc1qw508d6qejxtdg4y5r3zarvary0c5xw7kgmn4n9")));
    let eth = |text: &str| parse_address(&live(Network::Ethereum), text);
    let proper = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
    for good in [proper, &proper.to_lowercase(), &format!("0x{}", proper[2..].to_uppercase())] {
        assert_eq!(eth(good).unwrap().as_str(), proper);
    }
    assert_eq!(eth("0xF39Fd6e51aad88F6F4ce6aB8827279cffFb92266"), Err(AddressError::Checksum { network: "EVM" }));
    for bad in [&proper[2..], &proper[..41], "0x", "0Xf39fd6e51aad88f6f4ce6ab8827279cfffb92266", &format!("{proper}0")]
    {
        assert!(form(eth(bad)), "{bad}");
    }
    let trx = |text: &str| parse_address(&live(Network::Tron), text);
    assert!(trx("TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t").is_ok());
    assert_eq!(trx("TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6u"), Err(AddressError::Checksum { network: "TRON" }));
    for bad in ["41a614f803b6fd780986a42c78ec9c7f77e6ded13c", proper, "T", "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"] {
        assert!(form(trx(bad)), "{bad}");
    }
    // The prefix of TRON's old test network, with a checksum that is right.
    let mut old = vec![0xa0];
    old.extend([7; 20]);
    assert!(form(trx(&bs58::encode(&old).with_check().into_string())));
    for network in Network::ALL {
        for bad in ["", " ", "\u{0}", "ü", &"a".repeat(101), "bc1", "0x0x"] {
            assert!(parse_address(&live(*network), bad).is_err(), "{network} {bad}");
        }
        let spaced = format!(" {proper}");
        assert!(parse_address(&live(*network), &spaced).is_err());
    }
}

/// Goal: money is not sent where nobody can spend it, nor where it is ours already, nor to a token's contract.
/// Method: the known ones of each network, and one that is sound.
#[test]
fn money_is_not_thrown_away() {
    let own = |_: &ChainAddress| false;
    let check = |network: Network, text: &str, coin: &Coin| {
        let params = live(network);
        check_destination(&params, &parse_address(&params, text).unwrap(), coin, own, own)
    };
    let burnt = [
        (Network::Ethereum, "0x0000000000000000000000000000000000000000"),
        (Network::Bsc, "0x000000000000000000000000000000000000dEaD"),
        (Network::Polygon, "0x0000000000000000000000000000000000001010"),
        (Network::Arbitrum, "0x0000000000000000000000000000000000000064"),
        (Network::Ethereum, "0xdEAD000000000000000042069420694206942069"),
        (Network::Tron, "T9yD14Nj9j7xAB4dbGeiX9h8unkKHxuWwb"),
        (Network::Tron, "TLsV52sRDL79HXGGm9yzwKibb6BeruhUzy"),
        (Network::Bitcoin, "1111111111111111111114oLvT2"),
    ];
    for (network, text) in burnt {
        assert_eq!(check(network, text, &Coin::Native), Err(DestinationError::Burn), "{text}");
    }
    // A taproot output whose key is no point: 32 bytes above the field's size.
    let mut script = vec![0x51, 32];
    script.extend([0xff; 32]);
    let params = live(Network::Bitcoin);
    let nobody = address_of_script(&params, &script).unwrap();
    assert_eq!(is_burn_address(&params, &nobody), Ok(true));
    let usdt = "0xdAC17F958D2ee523a2206206994597C13D831ec7";
    let token = Coin::Token(parse_address(&live(Network::Ethereum), usdt).unwrap());
    assert_eq!(check(Network::Ethereum, usdt, &token), Err(DestinationError::TokenContract));
    assert_eq!(check(Network::Ethereum, usdt, &Coin::Native), Ok(()));
    let params = live(Network::Ethereum);
    let to = parse_address(&params, usdt).unwrap();
    let listed = check_destination(&params, &to, &Coin::Native, own, |address| *address == to);
    assert_eq!(listed, Err(DestinationError::TokenContract));
    let ours = check_destination(&params, &to, &Coin::Native, |address| *address == to, own);
    assert_eq!(ours, Err(DestinationError::Own));
    let foreign = ChainAddress::canonical("bc1q4qw42stdzjqs59xvlrlxr8526e3nunw7mp73te").unwrap();
    assert_eq!(check_destination(&params, &foreign, &Coin::Native, own, own), Err(DestinationError::Burn));
}

fn scripts() -> impl Strategy<Value = Vec<u8>> {
    (0_u8..5, any::<[u8; 32]>()).prop_map(|(kind, bytes)| match kind {
        0 => [&[0x76, 0xa9, 20], &bytes[..20], &[0x88, 0xac]].concat(),
        1 => [&[0xa9, 20], &bytes[..20], &[0x87]].concat(),
        2 => [&[0, 20], &bytes[..20]].concat(),
        3 => [&[0, 32], &bytes[..]].concat(),
        _ => [&[0x51, 32], &bytes[..]].concat(),
    })
}

/// One letter of a text changed into another.
fn mistyped(text: &str, place: usize, letter: char) -> String {
    let place = place % text.len();
    text.chars().enumerate().map(|(at, c)| if at == place { letter } else { c }).collect()
}

proptest! {
    /// Goal: a canonical text reads as itself, stands for the same bytes, and one letter typed wrong is never the same address.
    /// Method: random accounts of EVM and TRON.
    #[test]
    fn accounts_read_as_themselves(account in any::<[u8; 20]>(), place in 0_usize..100, letter in "[0-9a-zA-Z]") {
        let letter = letter.chars().next().unwrap();
        let text = evm::text(&account);
        prop_assert_eq!(evm::account_of_text(text.as_str()).unwrap(), account);
        let ethereum = live(Network::Ethereum);
        prop_assert_eq!(&parse_address(&ethereum, &text.as_str().to_lowercase()).unwrap(), &text);
        let other = mistyped(text.as_str(), place, letter);
        prop_assert!(other == text.as_str() || parse_address(&ethereum, &other).as_ref() != Ok(&text));
        let text = tron::text(&account);
        prop_assert!(text.as_str().starts_with('T') && text.as_str().len() == 34);
        prop_assert_eq!(tron::account_of_text(text.as_str()).unwrap(), account);
        prop_assert_eq!(tron::account_of_hex(&format!("41{}", hex::encode(account))).unwrap(), account);
        prop_assert_eq!(&parse_address(&live(Network::Tron), text.as_str()).unwrap(), &text);
        let other = mistyped(text.as_str(), place, letter);
        prop_assert!(other == text.as_str() || parse_address(&live(Network::Tron), &other).is_err());
    }

    /// Goal: as above for Bitcoin, and script and address stand for each other on the chain that they are of, and on no other.
    /// Method: random scripts of the five kinds on three chains.
    #[test]
    fn scripts_and_addresses_stand_for_each_other(script in scripts(), place in 0_usize..100, letter in "[0-9a-z]") {
        let letter = letter.chars().next().unwrap();
        let kinds = [BitcoinKind::Mainnet, BitcoinKind::Signet, BitcoinKind::Regtest];
        for kind in kinds {
            let params = bitcoin(kind);
            let text = address_of_script(&params, &script).unwrap();
            prop_assert_eq!(&script_of(&params, &text).unwrap(), &script);
            prop_assert_eq!(&parse_address(&params, text.as_str()).unwrap(), &text);
            let other = mistyped(text.as_str(), place, letter);
            prop_assert!(other == text.as_str() || parse_address(&params, &other).is_err(), "{}", other);
            if kind == BitcoinKind::Mainnet {
                prop_assert!(parse_address(&bitcoin(BitcoinKind::Regtest), text.as_str()).is_err());
            } else {
                prop_assert!(parse_address(&live(Network::Bitcoin), text.as_str()).is_err());
            }
        }
    }

    /// Goal: any text is an address or an error. Method: random texts for every network.
    #[test]
    fn any_text_is_an_address_or_none(text in ".{0,110}", tail in "[a-zA-Z0-9]{0,90}") {
        for network in Network::ALL {
            for start in ["", "bc1", "0x", "T", "bcrt1p"] {
                for text in [&text, &format!("{start}{tail}")] {
                    if let Ok(address) = parse_address(&live(*network), text) {
                        prop_assert_eq!(parse_address(&live(*network), address.as_str()), Ok(address.clone()));
                    }
                }
            }
        }
    }
}
