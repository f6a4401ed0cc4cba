//! What scanning costs: a block of 1,000 transactions against 1,000,000 addresses, and a set of 5,000,000 addresses in memory and
//! from its file. `cargo run --release -p exchequer-chains --example scan`.
//!
//! The processor time is this thread's. Memory is the process's peak, with everything that the measurement itself holds.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "its report is its output, and it ends where it fails")]

use std::collections::BTreeSet;
use std::time::Duration;

use exchequer_chains::NetworkParams;
use exchequer_chains::rpc::Wide;
use exchequer_chains::scan::{
    AddressSet, BitcoinBlock, Block, EvmBlock, EvmLog, EvmReceipt, EvmTx, Header, Key, Own, Watch, scan,
};
use exchequer_domain::{BlockHash, BlockRef, Network, OutPoint, TxId};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rustix::time::{ClockId, clock_gettime};

const SEED: u64 = 7;
const TRANSACTIONS: usize = 1000;
const ROUNDS: u32 = 20;
const TOKEN: [u8; 20] = [0xaa; 20];
/// The topic of a transfer.
const TRANSFER: &str = "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";

struct Ours(AddressSet);

impl Own for Ours {
    fn holds(&self, key: &Key) -> bool {
        self.0.contains(key)
    }
    fn spends(&self, _: &OutPoint) -> bool {
        false
    }
}

fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap(), u32::try_from(time.tv_nsec).unwrap())
}

/// A figure of the process, in MiB.
fn memory(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim_matches(|c: char| !c.is_ascii_digit()).parse::<u64>().unwrap() / 1024
}

fn set(network: Network, count: usize, random: &mut StdRng) -> AddressSet {
    let mut set = AddressSet::new(network);
    while set.len() < count {
        let key =
            if network == Network::Bitcoin { Key::Script(random.random()) } else { Key::Account(random.random()) };
        set.insert(key, 1).unwrap();
    }
    set
}

/// A block in which every tenth transaction pays one of ours, and each writes two transfers into its log.
fn evm_block(ours: &[[u8; 20]], random: &mut StdRng) -> Block {
    let topic: [u8; 32] = hex::decode(TRANSFER).unwrap().try_into().unwrap();
    let word = |account: [u8; 20]| {
        let mut word = [0; 32];
        word[12..].copy_from_slice(&account);
        word
    };
    let (mut txs, mut receipts) = (Vec::new(), Vec::new());
    for number in 0..TRANSACTIONS {
        let hash = TxId(random.random());
        let to = if number % 10 == 0 { ours[number % ours.len()] } else { random.random() };
        let log = |to| EvmLog {
            address: TOKEN,
            topics: vec![topic, word([3; 20]), word(to)],
            data: Wide::from(5).0.to_vec(),
            removed: false,
        };
        let logs = vec![log(to), log(random.random())];
        txs.push(EvmTx { hash, kind: 2, from: random.random(), to: Some(to), value: Wide::from(9) });
        receipts.push(EvmReceipt { tx: hash, ok: true, logs });
    }
    Block::Evm(EvmBlock { header: header(), txs, receipts, traces: None })
}

/// A block in which every tenth transaction pays one of ours, which are given by the hash of their public key.
fn bitcoin_block(ours: &[[u8; 20]], random: &mut StdRng) -> Block {
    use bitcoin::hashes::Hash;
    let output = |key: [u8; 20]| bitcoin::TxOut { value: bitcoin::Amount::from_sat(1), script_pubkey: pays(key) };
    let input = |random: &mut StdRng| bitcoin::TxIn {
        previous_output: bitcoin::OutPoint { txid: bitcoin::Txid::from_byte_array(random.random()), vout: 0 },
        ..bitcoin::TxIn::default()
    };
    let mut tx = |number: usize| {
        let to = if number.is_multiple_of(10) { ours[number % ours.len()] } else { random.random() };
        bitcoin::Transaction {
            version: bitcoin::transaction::Version::TWO,
            lock_time: bitcoin::absolute::LockTime::ZERO,
            input: vec![input(random), input(random)],
            output: vec![output(to), output(random.random()), output(random.random())],
        }
    };
    Block::Bitcoin(BitcoinBlock { header: header(), txs: (0..TRANSACTIONS).map(&mut tx).collect() })
}

/// The script that pays to the hash of a public key.
fn pays(key: [u8; 20]) -> bitcoin::ScriptBuf {
    use bitcoin::hashes::Hash;
    bitcoin::ScriptBuf::new_p2wpkh(&bitcoin::WPubkeyHash::from_byte_array(key))
}

fn header() -> Header {
    Header { block: BlockRef { height: 1, hash: BlockHash([1; 32]) }, parent: BlockHash([0; 32]), time_ms: 0 }
}

fn scanned(network: Network, block: &Block, own: &Ours) -> (Duration, usize) {
    let tokens = BTreeSet::from([TOKEN]);
    let watch = Watch { params: NetworkParams::mainnet(network), own, tokens: &tokens };
    let (start, mut seen) = (cpu(), 0);
    for _ in 0..ROUNDS {
        seen += scan(block, &watch).sightings.len();
    }
    ((cpu() - start) / ROUNDS, seen / ROUNDS as usize)
}

fn main() {
    let mut random = StdRng::seed_from_u64(SEED);
    let folder = tempfile::tempdir().unwrap();
    let ours: Vec<[u8; 20]> = (0..100).map(|_| random.random()).collect();
    let mut watched = set(Network::Ethereum, 999_900, &mut random);
    for account in &ours {
        watched.insert(Key::Account(*account), 1).unwrap();
    }
    let (time, seen) = scanned(Network::Ethereum, &evm_block(&ours, &mut random), &Ours(watched));
    println!(
        "ethereum: {TRANSACTIONS} transactions, 2,000 transfers, 1,000,000 addresses: {time:?} of CPU, {seen} seen"
    );
    // A transaction of theirs is a payment and a transfer of a token.
    assert_eq!(seen, TRANSACTIONS / 10 * 2);
    let mut watched = set(Network::Bitcoin, 999_900, &mut random);
    for key in &ours {
        watched.insert(Key::of_script(pays(*key).as_bytes()), 1).unwrap();
    }
    let (time, seen) = scanned(Network::Bitcoin, &bitcoin_block(&ours, &mut random), &Ours(watched));
    println!("bitcoin: {TRANSACTIONS} transactions, 3,000 outputs, 1,000,000 addresses: {time:?} of CPU, {seen} seen");
    assert_eq!(seen, TRANSACTIONS / 10);
    for network in [Network::Tron, Network::Bitcoin] {
        let path = folder.path().join(network.as_str());
        let mut whole = set(network, 5_000_000, &mut random);
        whole.save(&path).unwrap();
        println!(
            "{network}: 5,000,000 addresses made: {} MiB of the set, {} MiB peak so far",
            whole.bytes() >> 20,
            memory("VmHWM:")
        );
        drop(whole);
        let before = memory("VmRSS:");
        let (wall, start) = (std::time::Instant::now(), cpu());
        let mut whole = AddressSet::load(&path, network).unwrap();
        println!(
            "{network}: loaded in {:?} ({:?} of CPU), {} MiB of the set, {} MiB resident ({before} before)",
            wall.elapsed(),
            cpu() - start,
            whole.bytes() >> 20,
            memory("VmRSS:"),
        );
        let start = std::time::Instant::now();
        while whole.len() < 5_200_000 {
            let key =
                if network == Network::Bitcoin { Key::Script(random.random()) } else { Key::Account(random.random()) };
            whole.insert(key, 2).unwrap();
        }
        println!("{network}: 200,000 more in {:?}, {} MiB peak", start.elapsed(), memory("VmHWM:"));
    }
}
