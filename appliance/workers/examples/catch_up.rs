//! How fast a deposit worker catches up, and what it takes: blocks of Ethereum's size from a generator behind two endpoints, through
//! the clients, the quorum, the scan and the commits. `cargo run -p exchequer-workers --example catch_up -- [BLOCKS] [ADDRESSES]`:
//! 7,200 blocks are a day, 300 a slice. It fails where an arrival is missed or told twice, and below ten times real time.
//!
//! The generator is a process of its own; what is measured of time is the two together, of memory and processor the worker alone.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    reason = "its report is its output, and it ends where it fails"
)]

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use alloy_consensus::proofs::calculate_receipt_root;
use alloy_consensus::{Eip658Value, Header, Receipt, ReceiptEnvelope};
use alloy_primitives::{Address, B256, Bloom, Log, LogData};
use exchequer_chains::evm::text;
use exchequer_chains::scan::{AddressSet, Key};
use exchequer_domain::Network;
use exchequer_workers::kinds::deposit::{Counts, Round, Scanner};
use exchequer_workers::kinds::nodes::configured;
use exchequer_workers::money::proto::*;
use exchequer_workers::money::{Asking, Link, LinkError, Pages, Requests};
use futures::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const TRANSACTIONS: u32 = 200;
const LOGS_EACH: u32 = 2;
/// Of so many transactions one pays an address of ours.
const OURS_EVERY: u32 = 50;
const GAS: u64 = 60_000;
/// What each log moves, in the token's smallest units.
const MOVED: u8 = 5;
const TOKEN: [u8; 20] = [0xaa; 20];
const TRANSFER: &str = "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";
/// `balanceOf(address)`.
const BALANCE_OF: &str = "0x70a08231";
const PAGE: u32 = 10_000;
/// What Ethereum takes for a block.
const INTERVAL: Duration = Duration::from_secs(12);
/// Slower than this it does not catch up in time after a bad day.
const TIMES_MIN: f64 = 10.0;

fn account(index: u32) -> [u8; 20] {
    let mut account = [0x5a; 20];
    // Spread as hashes are.
    account[..4].copy_from_slice(&index.wrapping_mul(0x9e37_79b1).to_be_bytes());
    account[4..8].copy_from_slice(&index.to_be_bytes());
    account
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold("0x".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

// ---- The generator

/// One block's content; its transactions come again in every block.
struct Content {
    transactions: String,
    receipts: Vec<(String, String)>,
    header: Header,
}

fn content() -> Content {
    let topic: B256 = TRANSFER.parse().unwrap();
    let word = |account: [u8; 20]| B256::left_padding_from(&account);
    let (mut transactions, mut receipts, mut all) = (Vec::new(), Vec::new(), Vec::new());
    let mut bloom = Bloom::ZERO;
    for number in 0..TRANSACTIONS {
        let ours = number % OURS_EVERY == 0;
        let to = if ours { account(number) } else { [0x77; 20] };
        let name = hex(&[[number as u8; 28].as_slice(), &number.to_be_bytes()].concat());
        let log = |place: u32| {
            let to = if ours && place == 0 { account(number + 1) } else { account(u32::MAX - number - place) };
            let topics = vec![topic, word([3; 20]), word(to)];
            Log {
                address: Address::from(TOKEN),
                data: LogData::new_unchecked(topics, B256::with_last_byte(MOVED).0.into()),
            }
        };
        let logs: Vec<Log> = (0..LOGS_EACH).map(log).collect();
        let gas = u64::from(number + 1) * GAS;
        let told: Vec<String> = logs
            .iter()
            .map(|log| {
                let topics: Vec<String> = log.topics().iter().map(|topic| format!("\"{topic}\"")).collect();
                let (address, data) = (hex(&TOKEN), hex(&log.data.data));
                format!(
                    "{{\"address\":\"{address}\",\"topics\":[{}],\"data\":\"{data}\",\"logIndex\":\"0x1\"}}",
                    topics.join(",")
                )
            })
            .collect();
        let receipt = Receipt { status: Eip658Value::Eip658(true), cumulative_gas_used: gas, logs }.with_bloom();
        bloom |= receipt.logs_bloom;
        transactions.push(format!(
            "{{\"hash\":\"{name}\",\"type\":\"0x2\",\"from\":\"{}\",\"to\":\"{}\",\"value\":\"0xde0b6b3a7640000\",\"nonce\":\"0x1\",\
             \"gas\":\"0xea60\",\"maxFeePerGas\":\"0x59682f00\",\"maxPriorityFeePerGas\":\"0x1\",\"input\":\"0x{}\"}}",
            hex(&[0xee; 20]),
            hex(&to),
            "00".repeat(68),
        ));
        let before = format!(
            "{{\"transactionHash\":\"{name}\",\"type\":\"0x2\",\"status\":\"0x1\",\"gasUsed\":\"{GAS:#x}\",\"cumulativeGasUsed\":\
             \"{gas:#x}\",\"effectiveGasPrice\":\"0x2\",\"logsBloom\":\"{}\",\"logs\":[{}]",
            receipt.logs_bloom,
            told.join(",")
        );
        receipts.push((before, "}".to_owned()));
        all.push(ReceiptEnvelope::Eip1559(receipt));
    }
    let header = Header {
        receipts_root: calculate_receipt_root(&all),
        transactions_root: B256::repeat_byte(9),
        logs_bloom: bloom,
        gas_used: u64::from(TRANSACTIONS) * GAS,
        gas_limit: 36_000_000,
        base_fee_per_gas: Some(7),
        ..Header::default()
    };
    Content { transactions: format!("[{}]", transactions.join(",")), receipts, header }
}

struct Chain {
    content: Content,
    hashes: Vec<B256>,
    heights: HashMap<B256, u64>,
}

impl Chain {
    fn new(blocks: u64) -> Chain {
        let content = content();
        let mut chain = Chain { content, hashes: Vec::new(), heights: HashMap::new() };
        for height in 0..=blocks {
            let hash = chain.header(height).hash_slow();
            chain.hashes.push(hash);
            chain.heights.insert(hash, height);
        }
        chain
    }

    fn header(&self, height: u64) -> Header {
        let parent = height.checked_sub(1).map_or(B256::ZERO, |before| self.hashes[before as usize]);
        Header { number: height, parent_hash: parent, timestamp: height * 12, ..self.content.header.clone() }
    }

    fn block(&self, height: u64, full: bool) -> String {
        let (header, hash) = (self.header(height), self.hashes[height as usize]);
        format!(
            "{{\"hash\":\"{hash}\",\"parentHash\":\"{}\",\"sha3Uncles\":\"{}\",\"miner\":\"{}\",\"stateRoot\":\"{}\",\
             \"transactionsRoot\":\"{}\",\"receiptsRoot\":\"{}\",\"logsBloom\":\"{}\",\"difficulty\":\"0x0\",\"number\":\"{height:#x}\",\
             \"gasLimit\":\"{:#x}\",\"gasUsed\":\"{:#x}\",\"timestamp\":\"{:#x}\",\"extraData\":\"0x\",\"mixHash\":\"{}\",\"nonce\":\"{}\",\
             \"baseFeePerGas\":\"0x7\",\"transactions\":{}}}",
            header.parent_hash,
            header.ommers_hash,
            header.beneficiary,
            header.state_root,
            header.transactions_root,
            header.receipts_root,
            header.logs_bloom,
            header.gas_limit,
            header.gas_used,
            header.timestamp,
            header.mix_hash,
            header.nonce,
            if full { &self.content.transactions } else { "[]" },
        )
    }

    fn receipts(&self, height: u64) -> String {
        let place = format!(",\"blockHash\":\"{}\",\"blockNumber\":\"{height:#x}\"", self.hashes[height as usize]);
        let each: Vec<String> =
            self.content.receipts.iter().map(|(before, after)| format!("{before}{place}{after}")).collect();
        format!("[{}]", each.join(","))
    }

    /// What an address that is paid in every block has of the token as of a block.
    fn balance(&self, call: &str) -> String {
        let named = call.split("\"blockHash\":\"").nth(1).and_then(|rest| rest.split('"').next());
        let hash: B256 = named.unwrap_or_else(|| panic!("as of which block: {call}")).parse().unwrap();
        format!("\"0x{:064x}\"", u64::from(MOVED) * self.heights[&hash])
    }

    /// The answer to one call, by its text; the generator knows its client.
    fn answer(&self, call: &str) -> String {
        let head = self.hashes.len() as u64 - 1;
        let id: String = call.split("\"id\":").nth(1).unwrap().chars().take_while(char::is_ascii_digit).collect();
        let tag = call.split("\"params\":[\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
        let height = match tag {
            "latest" => head,
            "safe" | "finalized" => head.saturating_sub(64),
            tag => tag.strip_prefix("0x").and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or(0),
        };
        let result = if call.contains("eth_chainId") {
            "\"0xaa36a7\"".to_owned()
        } else if call.contains(BALANCE_OF) {
            self.balance(call)
        } else if call.contains("eth_call") {
            // No contract tells its decimals.
            "\"0x\"".to_owned()
        } else if call.contains("eth_estimateGas") {
            "\"0x5208\"".to_owned()
        } else if height > head {
            "null".to_owned()
        } else if call.contains("eth_getBlockReceipts") {
            self.receipts(height)
        } else {
            self.block(height, call.contains("true"))
        };
        format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{result}}}")
    }
}

async fn serve(chain: Arc<Chain>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(stream, chain.clone()));
        }
    });
    address
}

async fn converse(mut stream: TcpStream, chain: Arc<Chain>) {
    let (mut text, mut part) = (Vec::new(), vec![0; 65_536]);
    loop {
        let whole = text.windows(4).position(|four| four == b"\r\n\r\n").and_then(|end| {
            let head = String::from_utf8_lossy(&text[..end]).to_ascii_lowercase();
            let length =
                head.lines().find_map(|line| line.strip_prefix("content-length: "))?.trim().parse::<usize>().ok()?;
            (text.len() >= end + 4 + length).then_some(end + 4..end + 4 + length)
        });
        if let Some(body) = whole {
            let asked = String::from_utf8(text[body.clone()].to_vec()).unwrap();
            text.drain(..body.end);
            let answer = if asked.starts_with('[') {
                let calls = asked.split("\"jsonrpc\"").skip(1);
                format!("[{}]", calls.map(|call| chain.answer(call)).collect::<Vec<_>>().join(","))
            } else {
                chain.answer(&asked)
            };
            // In one piece: the second of two small ones would wait 40 ms for the first to be acknowledged, as no node's do.
            let whole = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\ncontent-type: application/json\r\n\r\n{answer}",
                answer.len()
            );
            if stream.write_all(whole.as_bytes()).await.is_err() {
                return;
            }
            continue;
        }
        match stream.read(&mut part).await {
            Ok(0) | Err(_) => return,
            Ok(count) => text.extend_from_slice(&part[..count]),
        }
    }
}

// ---- The worker

/// A node that takes everything.
struct Node {
    endpoints: Vec<String>,
    genesis: Block,
    addresses: u32,
    tip: AtomicU64,
    sightings: AtomicU64,
}

fn nothing<'a, T: Send + 'a>() -> Asking<'a, T> {
    Box::pin(async { Err(LinkError::Lost("it is not measured".to_owned())) })
}

impl Link for Node {
    fn change(&self, request: ChangeRequest) -> Asking<'_, ChangeReply> {
        Box::pin(async move {
            let Some(change_request::Change::CommitBlocks(commit)) = request.change else { panic!("{request:?}") };
            let last = commit.blocks.last().unwrap();
            let sightings: usize = commit.blocks.iter().map(|block| block.sightings.len()).sum();
            self.sightings.fetch_add(sightings as u64, Ordering::Relaxed);
            self.tip.store(last.block.as_ref().unwrap().height, Ordering::Relaxed);
            let done = Done { done: Some(done::Done::Tip(last.block.clone().unwrap())) };
            Ok(ChangeReply { answer: Some(change_reply::Answer::Done(done)) })
        })
    }
    fn cursor(&self, _: u32) -> Asking<'_, CursorReply> {
        let blocks = vec![self.genesis.clone()];
        Box::pin(async { Ok(CursorReply { tip: Some(self.genesis.clone()), blocks, ..CursorReply::default() }) })
    }
    fn network(&self) -> Asking<'_, NetworkReply> {
        let coin = text(&TOKEN).to_string();
        let listings = vec![Listing { asset: 2, coin, decimals: 6, ledger_decimals: 6, ..Listing::default() }];
        let endpoints = self.endpoints.clone();
        Box::pin(async { Ok(NetworkReply { endpoints, listings, version: 1, test: true, ..NetworkReply::default() }) })
    }
    fn addresses(&self, from: u32) -> Asking<'_, Pages<AddressPage>> {
        let until = self.addresses;
        let pages = futures::stream::iter((from..until).step_by(PAGE as usize)).map(move |first| {
            let addresses = (first..until.min(first + PAGE)).map(|index| text(&account(index)).to_string()).collect();
            Ok(AddressPage { first, addresses })
        });
        Box::pin(async { Ok(pages.boxed()) })
    }
    fn wallets(&self) -> Asking<'_, WalletsReply> {
        Box::pin(async { Ok(WalletsReply::default()) })
    }
    fn deposits_of(&self, _: Vec<Vec<u8>>) -> Asking<'_, DepositsOfReply> {
        nothing()
    }
    fn own_transfers(&self, _: Vec<Vec<u8>>) -> Asking<'_, OwnTransfersReply> {
        nothing()
    }
    fn coins(&self) -> Asking<'_, Pages<CoinPage>> {
        nothing()
    }
    fn due(&self, _: DueRequest) -> Asking<'_, DueReply> {
        nothing()
    }
    fn attempt_bytes(&self, _: u64, _: u32) -> Asking<'_, AttemptBytesReply> {
        nothing()
    }
    fn sign(&self, _: u64, _: u32) -> Asking<'_, SignReply> {
        nothing()
    }
    fn give_up(&self, _: u64, _: u32) -> Asking<'_, SignReply> {
        nothing()
    }
    fn sweeps(&self, _: SweepsRequest) -> Asking<'_, SweepsReply> {
        nothing()
    }
    fn changes(&self, _: ChangesRequest) -> Asking<'_, ChangesReply> {
        nothing()
    }
}

/// The generator's process. It ends with this one, also where this one fails: whoever waits for its output would wait for ever.
struct Generator(Child);

impl Drop for Generator {
    fn drop(&mut self) {
        let _ = self.0.kill().and_then(|()| self.0.wait());
    }
}

/// A figure of this process, in MiB.
fn memory(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim_matches(|c: char| !c.is_ascii_digit()).parse::<u64>().unwrap() / 1_024
}

fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap(), u32::try_from(time.tv_nsec).unwrap())
}

#[tokio::main]
async fn main() {
    let words: Vec<String> = std::env::args().collect();
    let number = |at: usize, otherwise| words.get(at).map_or(otherwise, |word| word.parse().unwrap());
    if words.get(1).is_some_and(|word| word == "serve") {
        let chain = Arc::new(Chain::new(number(2, 300)));
        println!("{} {} {}", serve(chain.clone()).await, serve(chain.clone()).await, chain.hashes[0]);
        return std::future::pending().await;
    }
    let (blocks, addresses) = (number(1, 7_200), u32::try_from(number(2, 5_000_000)).unwrap());
    if words.get(3).is_some_and(|word| word == "keep") {
        let mut set = AddressSet::new(Network::Ethereum);
        for index in 0..addresses {
            set.insert(Key::Account(account(index)), u64::from(index) + 1).unwrap();
        }
        set.save(std::path::Path::new(&words[4])).unwrap();
        return;
    }
    let serving = Command::new(std::env::current_exe().unwrap())
        .args(["serve", &blocks.to_string()])
        .stdout(Stdio::piped())
        .spawn();
    let mut generator = Generator(serving.unwrap());
    let mut line = String::new();
    BufReader::new(generator.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let parts: Vec<&str> = line.split_whitespace().collect();
    let hash: B256 = parts[2].parse().unwrap();
    let genesis = Block { height: 0, hash: hash.to_vec() };
    let endpoints = parts[..2].iter().map(|part| (*part).to_owned()).collect();
    let (tip, sightings) = (AtomicU64::new(0), AtomicU64::new(0));
    let node = Arc::new(Node { endpoints, genesis, addresses, tip, sightings });

    // The file, as a node keeps it; by a process that is over before the worker begins.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("addresses");
    let made = Command::new(std::env::current_exe().unwrap())
        .args(["0", &addresses.to_string(), "keep", file.to_str().unwrap()])
        .status()
        .unwrap();
    assert!(made.success());

    let requests = Requests::new(b"measured");
    let scanner = Scanner::new(Network::Ethereum, node.clone(), configured(), requests, Arc::<Counts>::default());
    let mut scanner = scanner.with_file(file);
    let (began, spent) = (Instant::now(), cpu());
    let first = scanner.round().await.unwrap();
    let restart = began.elapsed();
    println!("addresses: {addresses}; from start to the first commit: {:.2} s", restart.as_secs_f64());
    assert!(first == Round::More || blocks == 0);
    while node.tip.load(Ordering::Relaxed) < blocks {
        scanner.round().await.unwrap();
    }
    let (took, used) = (began.elapsed(), cpu() - spent);
    let real = INTERVAL * u32::try_from(blocks).unwrap();
    let times = real.as_secs_f64() / took.as_secs_f64();
    // Each of ours is paid coin, and a token by its first log.
    let paid = blocks * u64::from(2 * TRANSACTIONS.div_ceil(OURS_EVERY));
    assert_eq!(node.sightings.load(Ordering::Relaxed), paid, "arrivals");
    println!(
        "{blocks} blocks of {TRANSACTIONS} transactions and {} logs, {} arrivals: {:.1} s, {:.1} blocks/s, {:.0} times real time; \
         {:.1} ms of processor each",
        TRANSACTIONS * LOGS_EACH,
        node.sightings.load(Ordering::Relaxed),
        took.as_secs_f64(),
        blocks as f64 / took.as_secs_f64(),
        times,
        used.as_secs_f64() * 1_000.0 / blocks as f64,
    );
    println!("memory of the worker: {} MiB, at most {} MiB", memory("VmRSS:"), memory("VmHWM:"));
    assert!(blocks == 0 || times >= TIMES_MIN, "{times:.1} times real time");
}
