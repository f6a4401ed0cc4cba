//! Destinations, contents, fees, keys, epochs, and bytes that are no request.

use exchequer_chains::evm::{EvmAction, account_of_text};
use exchequer_chains::tron::{TronAction, account_of_text as tron_account};
use exchequer_chains::{Coin, EffectKind, Effects, Exclusion, KeyPath, KeyPurpose, Payment, Resource, Unsigned};
use exchequer_domain::Network;

use super::rig::*;
use crate::policy::{Code, Instruction, Intent, SigningRequest};
use crate::record::Feed;

const PINNED: &str = "0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65";

fn transfer(to: &str, milli: u128) -> EvmAction {
    EvmAction::Transfer { to: account_of_text(to).unwrap(), amount: milli * ETHER / 1_000 }
}

/// Goal: money goes to whom it may go. Method: burn addresses, contracts, oneself; sweeps and top-ups to strangers; change that
/// is not ours; on each the right one is signed.
#[test]
fn a_wrong_destination_is_refused() {
    let rig = Rig::new();
    let own = rig.own(Network::Ethereum, HOT);
    for to in ["0x0000000000000000000000000000000000000000", "0x000000000000000000000000000000000000dEaD", USDT] {
        rig.refuses(&rig.evm(1, to, 100), withdrawal(1), Code::Destination);
    }
    rig.refuses(&rig.evm(1, own.as_str(), 100), withdrawal(1), Code::Destination);

    let sweep = |to, nonce| rig.evm_from(DEPOSIT, nonce, transfer(to, 1_000), 1_000_000_000);
    rig.refuses(&sweep(STRANGER, 0), Intent::Sweep { id: id(1) }, Code::Destination);
    rig.refuses(&sweep(own.as_str(), 0), Intent::Sweep { id: id(1) }, Code::Destination);
    rig.signed(&sweep(PINNED, 0), Intent::Sweep { id: id(1) });
    // A deposit's key pays nobody, a sweep is no way around approvals, and a withdrawal's intent none around pins.
    rig.refuses(&sweep(STRANGER, 1), withdrawal(2), Code::Kind);
    rig.refuses(&rig.evm(1, STRANGER, 20_000), Intent::Sweep { id: id(2) }, Code::Destination);

    let deposit = rig.own(Network::Ethereum, DEPOSIT);
    let top_up = |to: &str| rig.evm_from(GAS, 0, transfer(to, 10), 1_000_000_000);
    let intent = |index| Intent::TopUp { id: id(3), to: at(KeyPurpose::Deposit, index) };
    rig.refuses(&top_up(STRANGER), intent(0), Code::Destination);
    rig.refuses(&top_up(deposit.as_str()), intent(1), Code::Destination);
    rig.signed(&top_up(deposit.as_str()), intent(0));
    rig.refuses(&rig.evm_from(GAS, 1, transfer(STRANGER, 10), 1_000_000_000), withdrawal(4), Code::Kind);

    let Unsigned::Bitcoin(honest) = rig.bitcoin(&[(1, 100_000_000)], &[(BITCOIN_STRANGER, 40_000_000)]) else {
        panic!("another family")
    };
    let params = exchequer_chains::NetworkParams::mainnet(Network::Bitcoin);
    let change = |change| {
        let (tx, coins) = (honest.tx().clone(), honest.coins().to_vec());
        Unsigned::Bitcoin(exchequer_chains::bitcoin::UnsignedBitcoin::new(&params, tx, coins, change).unwrap())
    };
    let back = KeyPath { change: true, ..HOT };
    // The stranger's output is said to be change: of all of it, then, nobody would be asked.
    rig.refuses(&change(vec![(0, back), (1, back)]), Intent::Noop, Code::Destination);
    rig.refuses(&change(vec![(1, KeyPath { index: 1, ..back })]), withdrawal(5), Code::Destination);
    rig.refuses(&change(vec![(1, KeyPath { purpose: KeyPurpose::Deposit, ..back })]), withdrawal(5), Code::Destination);
    // A customer's address is ours, and no place for change: what arrives there is theirs.
    let deposit = rig.own(Network::Bitcoin, DEPOSIT);
    let Unsigned::Bitcoin(gift) = rig.bitcoin(&[(2, 100_000_000)], &[(deposit.as_str(), 40_000_000)]) else {
        panic!("another family")
    };
    let (tx, coins) = (gift.tx().clone(), gift.coins().to_vec());
    let gift = exchequer_chains::bitcoin::UnsignedBitcoin::new(&params, tx, coins, vec![(0, DEPOSIT), (1, back)]);
    rig.refuses(&Unsigned::Bitcoin(gift.unwrap()), Intent::Noop, Code::Destination);
}

/// Goal: what the bytes do is what was described, field by field. Method: each field of a description changed in turn.
#[test]
fn a_raw_transaction_that_differs_from_its_description_is_refused() {
    let rig = Rig::new();
    let unsigned = rig.evm(1, STRANGER, 100);
    let honest = rig.request(&unsigned, withdrawal(1));
    let changes: [&dyn Fn(&mut Effects); 10] = [
        &|said| said.network = Network::Polygon,
        &|said| said.kind = EffectKind::TokenTransfer,
        &|said| said.from = vec![address(PINNED)],
        &|said| said.payments[0].to = address(PINNED),
        &|said| said.payments[0].amount += 1,
        &|said| said.payments[0].coin = Coin::Token(address(USDT)),
        &|said| said.payments.clear(),
        &|said| said.payments.push(Payment { to: address(PINNED), coin: Coin::Native, amount: 1 }),
        &|said| said.fee_max -= 1,
        &|said| {
            let account = said.from[0].clone();
            said.exclusion = Exclusion::Nonce { chain_id: 1, account, nonce: 2 };
        },
    ];
    for change in changes {
        let mut request = honest.clone();
        change(&mut request.description);
        rig.refused(&unsigned, &request, Code::OtherThanDescribed);
    }
    // Another transaction under an honest description.
    let other = rig.evm(1, PINNED, 100);
    rig.refused(&other, &honest, Code::OtherThanDescribed);
    let coins = rig.bitcoin(&[(1, 100_000_000)], &[(BITCOIN_STRANGER, 1_000_000)]);
    let mut request = rig.request(&coins, withdrawal(1));
    request.description.change[0].amount -= 1;
    rig.refused(&coins, &request, Code::OtherThanDescribed);
    rig.signed(&unsigned, withdrawal(1));
}

/// Goal: calls that are not understood, and tokens that are not listed, are refused. Method: the selector and the padding of a
/// token's transfer changed in its bytes; an unlisted contract in every way of spending it.
#[test]
fn unknown_selectors_and_tokens_are_refused() {
    let rig = Rig::new();
    let token = |contract: &str, key, nonce| {
        let (contract, to) = (account_of_text(contract).unwrap(), account_of_text(PINNED).unwrap());
        rig.evm_from(key, nonce, EvmAction::TokenTransfer { contract, to, amount: 1_000_000 }, 1_000_000_000)
    };
    let listed = token(USDT, HOT, 1);
    let request = serde_json::to_vec(&rig.request(&listed, withdrawal(1))).unwrap();
    let bytes = listed.encode();
    let selector = bytes.windows(4).position(|four| four == [0xa9, 0x05, 0x9c, 0xbb]).unwrap();
    // approve, transferFrom, nothing known; then dirt in the padding of the address.
    for (place, put) in [
        (selector, [0x09, 0x5e, 0xa7, 0xb3]),
        (selector, [0x23, 0xb8, 0x72, 0xdd]),
        (selector, [0; 4]),
        (selector + 8, [1; 4]),
    ] {
        let mut changed = bytes.clone();
        changed[place..place + 4].copy_from_slice(&put);
        let verdict = rig.core.sign(&changed, &request, None).unwrap_err();
        assert!(matches!(verdict.code, Code::NotUnderstood | Code::Malformed), "{verdict}");
        rig.told(rig.core.standing().unwrap().decisions, verdict.code);
    }
    let fake = "0x5FbDB2315678afecb367f032d93F642f64180aa3";
    rig.refuses(&token(fake, HOT, 1), withdrawal(1), Code::Token);
    rig.refuses(&token(fake, DEPOSIT, 0), Intent::Sweep { id: id(1) }, Code::Token);
    rig.signed(&listed, withdrawal(1));
    rig.signed(&token(USDT, DEPOSIT, 0), Intent::Sweep { id: id(2) });
}

/// Goal: fees are bounded absolutely, by what is paid, and by what was approved.
#[test]
fn an_absurd_fee_is_refused() {
    let rig = Rig::new();
    let pays = |milli, max_fee| rig.evm_from(HOT, 1, transfer(STRANGER, milli), max_fee);
    // 100,000 gas: a tenth of an ether is the most, 50 thousandths of what is paid, a hundredth is free.
    rig.refuses(&pays(2_000, 1_000_000_000_001), withdrawal(1), Code::Fee);
    rig.refuses(&pays(1_999, 1_000_000_000_000), withdrawal(1), Code::Fee);
    rig.refuses(&pays(10, 100_000_000_001), withdrawal(1), Code::Fee);
    rig.refuses(
        &rig.evm_from(HOT, 1, transfer(rig.own(Network::Ethereum, HOT).as_str(), 0), 1_000_000_000_001),
        Intent::Noop,
        Code::Fee,
    );
    // In thousands of wei.
    let cap = |fee_cap| Intent::Withdrawal(vec![Instruction { fee_cap, ..order(1, vec![]) }]);
    rig.refuses(&pays(10, 100_000_000_000), cap(9_999_999_999_999), Code::Fee);
    rig.signed(&pays(10, 100_000_000_000), cap(10_000_000_000_000));
}

/// Goal: a key signs for its own address, with the purpose it has; of a seed that is there.
#[test]
fn another_key_is_refused() {
    let rig = Rig::new();
    let other = at(KeyPurpose::Hot, 1);
    let from = account_of_text(rig.own(Network::Ethereum, HOT).as_str()).unwrap();
    let Unsigned::Evm(honest) = rig.evm(1, STRANGER, 100) else { panic!("another family") };
    let params = exchequer_chains::NetworkParams::mainnet(Network::Ethereum);
    let tx = || honest.tx().clone();
    let evm =
        |params: &_, key, tx| Unsigned::Evm(exchequer_chains::evm::UnsignedEvm::new(params, key, from, tx).unwrap());
    rig.refuses(&evm(&params, other, tx()), withdrawal(1), Code::Key);
    rig.refuses(&evm(&params, at(KeyPurpose::Cold, 0), tx()), withdrawal(1), Code::Key);
    let unsigned = evm(&params, HOT, tx());
    let mut request = rig.request(&unsigned, withdrawal(1));
    request.generation = 1;
    rig.refused(&unsigned, &request, Code::Key);
    // A network and a chain that the policy does not name.
    request.generation = 0;
    let chain = exchequer_chains::NetworkParams::custom(Network::Ethereum, chain(5)).unwrap();
    let mut elsewhere = tx();
    elsewhere.chain_id = 5;
    rig.refused(&evm(&chain, HOT, elsewhere), &request, Code::Network);
    let bsc = exchequer_chains::NetworkParams::mainnet(Network::Bsc);
    let mut elsewhere = tx();
    elsewhere.chain_id = 56;
    rig.refused(&evm(&bsc, HOT, elsewhere), &request, Code::Network);
}

/// Goal: energy is lent by the gas wallet, to deposit addresses of our own alone, and no more of it than a sweep may need; nothing is
/// staked or lent where the policy does not say so; what comes back needs no leave. Method: each a step beyond its bound.
#[test]
fn resources_are_lent_to_ourselves_alone() {
    let rig = Rig::new();
    let deposit = tron_account(rig.own(Network::Tron, DEPOSIT).as_str()).unwrap();
    let hot = tron_account(rig.own(Network::Tron, HOT).as_str()).unwrap();
    let stranger = tron_account(TRON_STRANGER).unwrap();
    let resource = Resource::Energy;
    let of = |to, amount| TronAction::Delegate { to, resource, amount };
    let lend = |to, made| rig.tron(GAS, of(to, 1_000_000), made);
    let intent = |number| Intent::Delegate { id: id(number), to: DEPOSIT };
    let freeze = TronAction::Freeze { resource, amount: 1_000_000 };
    rig.refuses(&rig.tron(GAS, freeze, 2), Intent::Freeze { id: id(3) }, Code::Kind);
    rig.refuses(&lend(deposit, 0), intent(1), Code::Kind);
    let back = rig.tron(GAS, TronAction::Undelegate { from: deposit, resource, amount: 1_000_000 }, 1);
    rig.signed(&back, Intent::Undelegate { id: id(2), from: DEPOSIT });
    let end = rig.tron(GAS, TronAction::Unfreeze { resource, amount: 1_000_000 }, 3);
    rig.refuses(&end, Intent::Collect { id: id(4) }, Code::Kind);
    rig.signed(&end, Intent::Unfreeze { id: id(4) });
    let collect = rig.tron(GAS, TronAction::Collect, 4);
    rig.refuses(&collect, Intent::Unfreeze { id: id(5) }, Code::Kind);
    rig.refuses(&rig.tron(DEPOSIT, TronAction::Collect, 5), Intent::Collect { id: id(5) }, Code::Kind);
    rig.signed(&collect, Intent::Collect { id: id(5) });

    let rig = rig.staking();
    let lend = |to, made| rig.tron(GAS, of(to, 1_000_000), made);
    rig.refuses(&lend(stranger, 10), intent(11), Code::Destination);
    rig.refuses(
        &lend(deposit, 10),
        Intent::Delegate { id: id(11), to: KeyPath { index: 1, ..DEPOSIT } },
        Code::Destination,
    );
    rig.refuses(&lend(hot, 10), Intent::Delegate { id: id(11), to: HOT }, Code::Destination);
    rig.refuses(&rig.tron(HOT, of(deposit, 1_000_000), 10), intent(11), Code::Kind);
    rig.refuses(&rig.tron(GAS, of(deposit, 100_000_000_001), 10), intent(11), Code::Kind);
    let bytes = TronAction::Delegate { to: deposit, resource: Resource::Bandwidth, amount: 1_000_000 };
    rig.refuses(&rig.tron(GAS, bytes, 10), intent(11), Code::Kind);
    rig.refuses(&lend(deposit, 10), Intent::Undelegate { id: id(11), from: DEPOSIT }, Code::Kind);
    rig.refuses(&lend(deposit, 10), withdrawal(1), Code::Kind);
    rig.signed(&rig.tron(GAS, of(deposit, 100_000_000_000), 10), intent(11));
    rig.refuses(&rig.tron(HOT, freeze, 12), Intent::Freeze { id: id(13) }, Code::Kind);
    let idle = TronAction::Freeze { resource: Resource::Bandwidth, amount: 1_000_000 };
    rig.refuses(&rig.tron(GAS, idle, 12), Intent::Freeze { id: id(13) }, Code::Kind);
    rig.signed(&rig.tron(GAS, freeze, 12), Intent::Freeze { id: id(13) });
    // What is staked counts as what is paid.
    let much = TronAction::Freeze { resource, amount: 20_000_000_000 };
    rig.refuses(&rig.tron(GAS, much, 13), Intent::Freeze { id: id(14) }, Code::OverVelocity);
}

/// Goal: an epoch that is over is refused for ever, one that the log has not reached waits, and neither is forgotten by a restart.
#[test]
fn a_stale_epoch_is_refused() {
    let rig = Rig::new();
    let unsigned = rig.evm(1, STRANGER, 100);
    let under = |epoch| SigningRequest { epoch, ..rig.request(&unsigned, withdrawal(1)) };
    rig.refused(&unsigned, &under(0), Code::StaleEpoch);
    rig.refused(&unsigned, &under(9), Code::StaleEpoch);
    rig.refused(&unsigned, &under(21), Code::NotCaughtUp);
    rig.refused(&unsigned, &under(u64::MAX), Code::NotCaughtUp);
    assert_eq!(rig.core.standing().unwrap().epoch, EPOCH);
    // An epoch is kept that nothing was signed under.
    let much = rig.evm(1, STRANGER, 20_000);
    rig.refused(&much, &SigningRequest { epoch: 15, ..rig.request(&much, withdrawal(1)) }, Code::NoRule);
    let early = under(14);
    let rig = rig.restart();
    rig.refused(&unsigned, &early, Code::StaleEpoch);
    let under = |epoch| SigningRequest { epoch, ..rig.request(&unsigned, withdrawal(1)) };
    assert!(rig.ask(&unsigned, &under(20)).is_ok());
    rig.refused(&unsigned, &under(10), Code::StaleEpoch);
    let (after, to) = (20, 30);
    assert_eq!(
        rig.core.follow(Feed { lineage: 0, epoch: EPOCH, after, to, entries: vec![] }).unwrap_err().code,
        Code::StaleEpoch
    );
    let again = under(19);
    let rig = rig.restart();
    rig.refused(&unsigned, &again, Code::StaleEpoch);
    assert_eq!(rig.core.standing().unwrap().epoch, 20);
}

/// Goal: a signer whose memory is lost signs nothing, before a person says so and the whole log is followed again; it then knows
/// what it signed, and the epoch.
#[test]
fn a_memory_that_is_lost_and_restored() {
    use crate::record::Committed;
    let rig = Rig::new();
    let unsigned = rig.evm(1, STRANGER, 100);
    let record = rig.signed(&unsigned, withdrawal(1)).record;
    let Rig { folder, clock, core } = rig;
    drop(core);
    let path = folder.path().join("vault");
    std::fs::remove_file(path.join("memory.log")).unwrap();
    let key = folder.path().join("key");
    let opener = crate::sealed::Opener::KeyFile(&key);
    let core = crate::signer::Core::new(&path, Box::new(|| exchequer_domain::Timestamp(NOON_US))).unwrap();
    let verdict = core.unseal(Some(&opener));
    assert_eq!(verdict.code, Code::Sealed);
    assert!(verdict.reason.contains("recreate"), "{verdict}");
    let vault = crate::sealed::open(&path, &opener).unwrap();
    crate::record::recreate(&path, &vault, exchequer_domain::Timestamp(NOON_US)).unwrap();
    let rig = Rig { folder, clock, core }.restart();
    let other = rig.evm(1, PINNED, 100);
    rig.refuses(&other, withdrawal(2), Code::NotCaughtUp);
    // Not from where it was, but from the beginning.
    let feed = |after, to, entries| Feed { lineage: 0, epoch: 15, after, to, entries };
    assert_eq!(rig.core.follow(feed(20, 30, vec![])).unwrap_err().code, Code::Feed);
    rig.core.follow(feed(0, 30, vec![(25, Committed::Signed(record))])).unwrap();
    rig.refuses(&other, withdrawal(2), Code::StaleEpoch);
    let mut request = rig.request(&other, withdrawal(2));
    request.epoch = 15;
    rig.refused(&other, &request, Code::NonceTaken);
}

/// Goal: an older policy, put back in place, opens no signer: it may allow what was forbidden since.
#[test]
fn an_older_policy_is_refused() {
    let rig = Rig::new();
    let (path, key) = (rig.path(), rig.folder.path().join("key"));
    let opener = crate::sealed::Opener::KeyFile(&key);
    let vault = crate::sealed::open(&path, &opener).unwrap();
    let older = std::fs::read(path.join("policy.sealed")).unwrap();
    crate::policy::install(&path, &vault, &serde_json::to_string(&policy(2)).unwrap()).unwrap();
    let rig = rig.restart();
    assert_eq!(rig.core.standing().unwrap().policy, 2);
    rig.core.seal();
    std::fs::write(path.join("policy.sealed"), older).unwrap();
    let verdict = rig.core.unseal(Some(&opener));
    assert_eq!(verdict.code, Code::Sealed);
    assert!(verdict.reason.contains("version 1, and 2"), "{verdict}");
}

/// Goal: bytes that are no request, or no transaction, are refused and written down; none ends the signer. Method: cut, padded and
/// oversized ones; each byte of an honest transaction changed in turn never gives a signature over anything else.
#[test]
fn oversized_and_malformed_requests_are_refused() {
    let rig = Rig::new();
    let unsigned = rig.evm(1, STRANGER, 100);
    let request = serde_json::to_vec(&rig.request(&unsigned, withdrawal(1))).unwrap();
    let bytes = unsigned.encode();
    let refused = |unsigned: &[u8], request: &[u8]| {
        let before = rig.core.standing().unwrap().decisions;
        let verdict = rig.core.sign(unsigned, request, None).unwrap_err();
        rig.told(before + 1, verdict.code);
        rig.pass(1);
        verdict.code
    };
    assert_eq!(refused(&bytes, b""), Code::Malformed);
    assert_eq!(refused(&bytes, b"{}"), Code::Malformed);
    assert_eq!(refused(&bytes, &vec![b' '; crate::signer::REQUEST_BYTES_MAX + 1]), Code::Malformed);
    assert_eq!(refused(&bytes, &[&request[..], b"x"].concat()), Code::Malformed);
    let unknown = String::from_utf8(request.clone()).unwrap().replacen('{', "{\"force\":true,", 1);
    assert_eq!(refused(&bytes, unknown.as_bytes()), Code::Malformed);
    assert_eq!(refused(b"", &request), Code::Malformed);
    assert_eq!(refused(&vec![1; 1 << 20], &request), Code::Malformed);
    assert_eq!(refused(&[&bytes[..], &[0]].concat(), &request), Code::Malformed);
    for at in 0..bytes.len() {
        refused(&bytes[..at], &request);
        let mut wrong = bytes.clone();
        wrong[at] ^= 1;
        refused(&wrong, &request);
    }
    rig.core.seal();
    assert_eq!(refused(&bytes, &request), Code::Sealed);
}
