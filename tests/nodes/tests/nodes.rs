//! The test nodes as a test in Rust uses them. What needs a node that is not installed says SKIPPED and names it.

#![allow(clippy::unwrap_used, reason = "helpers of tests: a failure is the test's")]

use std::time::Duration;

use anyhow::Result;
use exchequer_test_nodes::anvil::Options as AnvilOptions;
use exchequer_test_nodes::contracts::{Contract, word};
use exchequer_test_nodes::faults::{Fault, Rule};
use exchequer_test_nodes::rpc::Rpc;
use exchequer_test_nodes::shim::{Finality, Profile};
use exchequer_test_nodes::{Anvil, Bitcoin, or_skip};
use serde_json::{Value, json};

/// The first account of anvil's own words.
const RICH: &str = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";

fn batch(methods: &[&str]) -> Value {
    methods
        .iter()
        .enumerate()
        .map(|(id, method)| json!({"jsonrpc": "2.0", "id": id, "method": method, "params": []}))
        .collect()
}

fn ids(answer: &Value) -> Vec<u64> {
    answer.as_array().unwrap().iter().map(|reply| reply["id"].as_u64().unwrap()).collect()
}

async fn number(rpc: &Rpc, tag: &str) -> Result<Value> {
    Ok(rpc.call("eth_getBlockByNumber", json!([tag, false])).await?["number"].clone())
}

/// Goal: every way in which a batch can come back wrong is shown, once, and then it comes back right. Method: a batch of
/// four through each fault.
#[tokio::test]
async fn batches_come_back_wrong_on_purpose() {
    let started = Anvil::start(Profile::Ethereum).await;
    let Some(anvil) = or_skip("batches_come_back_wrong_on_purpose", started).unwrap() else { return };
    let rpc = anvil.shim().rpc().unwrap();
    let asked = batch(&["eth_chainId", "eth_blockNumber", "eth_gasPrice", "eth_chainId"]);
    let faults = anvil.shim().faults();
    faults.seed(5);
    assert_eq!(ids(&rpc.send(&asked).await.unwrap()), [0, 1, 2, 3]);
    let wrong = async |fault: Fault| {
        faults.add(Rule::from(fault).at("eth_gasPrice").times(1));
        rpc.send(&asked).await
    };
    assert_eq!(ids(&wrong(Fault::DuplicateReply).await.unwrap()).len(), 5);
    assert_eq!(ids(&wrong(Fault::LostFromBatch).await.unwrap()).len(), 3);
    assert!(ids(&wrong(Fault::WrongId).await.unwrap()).contains(&4_000_000_000));
    let reordered = ids(&wrong(Fault::ReorderReplies).await.unwrap());
    assert_eq!(reordered.iter().sum::<u64>(), 6);
    assert_ne!(reordered, [0, 1, 2, 3]);
    for broken in [Fault::Truncated, Fault::BrokenOff, Fault::Html, Fault::DropReply, Fault::Refuse, Fault::BadGateway]
    {
        let name = broken.name();
        assert!(wrong(broken).await.is_err(), "{name} was not seen");
    }
    assert_eq!(ids(&rpc.send(&asked).await.unwrap()), [0, 1, 2, 3]);
}

/// Goal: two endpoints of one network can disagree, and one can be behind. Method: an endpoint on a minority fork and one
/// that is stuck, beside a right one.
#[tokio::test]
async fn endpoints_disagree_on_purpose() {
    let started = Anvil::start(Profile::Bsc).await;
    let Some(anvil) = or_skip("endpoints_disagree_on_purpose", started).unwrap() else { return };
    anvil.mine(10).await.unwrap();
    let (right, other) = (anvil.shim().rpc().unwrap(), anvil.endpoint().await.unwrap());
    let lying = other.rpc().unwrap();
    other.faults().add(Fault::MinorityFork { from: 8, until_final: false });
    let block = async |rpc: &Rpc, number: &str| rpc.call("eth_getBlockByNumber", json!([number, true])).await.unwrap();
    assert_eq!(block(&right, "0x7").await["hash"], block(&lying, "0x7").await["hash"]);
    assert_ne!(block(&right, "0x8").await["hash"], block(&lying, "0x8").await["hash"]);
    assert_eq!(block(&lying, "0x9").await["parentHash"], block(&lying, "0x8").await["hash"]);
    let again = lying.call("eth_getBlockByHash", json!([block(&lying, "0x8").await["hash"], false])).await.unwrap();
    assert_eq!(again["number"], "0x8");
    other.faults().clear();
    other.faults().add(Fault::MinorityFork { from: 9, until_final: true });
    assert_ne!(block(&right, "0x9").await["hash"], block(&lying, "0x9").await["hash"]);
    other.faults().clear();
    other.faults().add(Fault::MinorityFork { from: 8, until_final: true });
    assert_eq!(block(&right, "0x8").await["hash"], block(&lying, "0x8").await["hash"], "it would be final");
    other.faults().clear();
    other.faults().add(Fault::StuckAt { height: 5 });
    assert_eq!(lying.call("eth_blockNumber", json!([])).await.unwrap(), "0x5");
    assert!(block(&lying, "0x6").await.is_null());
    assert_eq!(
        (number(&lying, "latest").await.unwrap(), number(&lying, "finalized").await.unwrap()),
        (json!("0x5"), json!("0x3"))
    );
    assert_eq!(number(&right, "finalized").await.unwrap(), "0x8");
    anvil.shim().finality(Finality::Halted { at: 4 });
    anvil.mine(5).await.unwrap();
    assert_eq!(number(&right, "finalized").await.unwrap(), "0x4");
    anvil.shim().finality(Finality::Unsupported);
    assert!(number(&right, "finalized").await.is_err());
}

/// Goal: the contracts do what real ones do where clients go wrong. Method: a fee is taken from a transfer, a forged log
/// comes from another address, an inner call moves money without a log.
#[tokio::test]
async fn contracts_are_as_bad_as_real_ones() {
    let started = Anvil::start(Profile::Ethereum).await;
    let Some(anvil) = or_skip("contracts_are_as_bad_as_real_ones", started).unwrap() else { return };
    let create = async |code: Vec<u8>| {
        let receipt = anvil.send_as(RICH, None, &code, 0).await.unwrap();
        receipt["contractAddress"].as_str().unwrap().to_owned()
    };
    let call = |contract: Contract, signature: &str, words: &[[u8; 32]]| {
        [contract.selector(signature).unwrap().as_slice(), &words.concat()].concat()
    };
    let as_word = |address: &str| {
        let mut word = [0; 32];
        hex::decode_to_slice(&address[2..], &mut word[12..]).unwrap();
        word
    };
    let bob = "0x00000000000000000000000000000000000b0b01";
    let token = create(Contract::tether_like("Tether", "USDT", 6).unwrap()).await;
    let issue = call(Contract::TetherLike, "issue(address,uint256)", &[as_word(RICH), word(2_000_000)]);
    anvil.send_as(RICH, Some(&token), &issue, 0).await.unwrap();
    let fees = call(Contract::TetherLike, "setParams(uint256,uint256)", &[word(10), word(1_000_000)]);
    anvil.send_as(RICH, Some(&token), &fees, 0).await.unwrap();
    let transfer = call(Contract::TetherLike, "transfer(address,uint256)", &[as_word(bob), word(1_000_000)]);
    let receipt = anvil.send_as(RICH, Some(&token), &transfer, 0).await.unwrap();
    assert_eq!(receipt["logs"].as_array().unwrap().len(), 2);
    assert_eq!(receipt["logs"][0]["data"], format!("0x{}", hex::encode(word(999_000))));
    let forger = create(Contract::FakeLogs.bytecode().unwrap()).await;
    let forge = call(Contract::FakeLogs, "forge(address,address,uint256)", &[as_word(RICH), as_word(bob), word(7)]);
    let forged = anvil.send_as(RICH, Some(&forger), &forge, 0).await.unwrap();
    assert_eq!(forged["logs"][0]["topics"][0], receipt["logs"][0]["topics"][0]);
    assert_ne!(forged["logs"][0]["address"], receipt["logs"][0]["address"]);
    let forwarder = create(Contract::Forwarder.bytecode().unwrap()).await;
    let forward = call(Contract::Forwarder, "forward(address)", &[as_word(bob)]);
    let forwarded = anvil.send_as(RICH, Some(&forwarder), &forward, 5).await.unwrap();
    assert_eq!(forwarded["logs"], json!([]));
    assert_eq!(anvil.direct().call("eth_getBalance", json!([bob, "latest"])).await.unwrap(), "0x5");
}

/// Goal: the Bitcoin node reorganises and survives a kill. Method: a payment goes out of its block and comes into another;
/// the node is killed and knows it still.
#[tokio::test]
async fn bitcoin_reorganises_and_restarts() {
    let started = Bitcoin::start().await;
    let Some(mut bitcoin) = or_skip("bitcoin_reorganises_and_restarts", started).unwrap() else { return };
    bitcoin.fund().await.unwrap();
    let rpc = bitcoin.shim().rpc().unwrap();
    let to = rpc.call("getnewaddress", json!([])).await.unwrap();
    let paid = bitcoin.pay(to.as_str().unwrap(), "0.5").await.unwrap();
    bitcoin.mine(2).await.unwrap();
    let depth =
        async |rpc: &Rpc| rpc.call("getrawtransaction", json!([paid, true])).await.unwrap()["confirmations"].clone();
    assert_eq!(depth(&rpc).await, 2);
    bitcoin.reorganise(2, true).await.unwrap();
    assert!(depth(&rpc).await.is_null());
    bitcoin.mine(1).await.unwrap();
    bitcoin.restart().await.unwrap();
    assert_eq!(depth(&rpc).await, 1);
    bitcoin.shim().faults().add(Rule::from(Fault::DropReply).at("sendtoaddress").times(1));
    let before = rpc.call("getmempoolinfo", json!([])).await.unwrap()["size"].clone();
    assert!(rpc.call("sendtoaddress", json!([to, "0.25"])).await.is_err());
    let after = rpc.call("getmempoolinfo", json!([])).await.unwrap()["size"].clone();
    assert_eq!((before, after), (json!(0), json!(1)));
}

/// Goal: a chain that is reorganised again and again while blocks are made by the clock has every block, each upon the one before.
/// Method: four hundred reorganisations with a block every millisecond; all of it is read at the end.
#[tokio::test]
async fn anvil_loses_no_block() {
    let options = AnvilOptions { block_ms: Some(1), ..AnvilOptions::from(Profile::Ethereum) };
    let Some(anvil) = or_skip("anvil_loses_no_block", Anvil::start(options).await).unwrap() else { return };
    anvil.mine(5).await.unwrap();
    for depth in [1, 2, 3, 4].into_iter().cycle().take(400) {
        anvil.reorganise_alike(depth).await.unwrap();
    }
    let head = anvil.direct().call("eth_blockNumber", json!([])).await.unwrap();
    let head = u64::from_str_radix(head.as_str().unwrap().trim_start_matches("0x"), 16).unwrap();
    let mut parent = None;
    for height in 0..=head {
        let asked = json!([format!("0x{height:x}"), false]);
        let block = anvil.direct().call("eth_getBlockByNumber", asked).await.unwrap();
        assert!(parent.is_none_or(|parent| parent == block["parentHash"]), "{height} of {head}: {block}");
        parent = Some(block["hash"].clone());
    }
}

/// Goal: an answer that never comes does not come. Method: a client that waits 200 ms; the same call after that.
#[tokio::test]
async fn an_answer_can_be_held_for_ever() {
    let tron = exchequer_test_nodes::Tron::start().await.unwrap();
    tron.faults().add(Rule::from(Fault::Hang).at("getnowblock").times(1));
    let client = reqwest::Client::builder().no_proxy();
    // Made after the node, which has chosen what the client wants of TLS.
    let _ = Rpc::new(&tron.url()).unwrap();
    let client = client.timeout(Duration::from_millis(200)).build().unwrap();
    let ask = || client.post(format!("{}/wallet/getnowblock", tron.url())).send();
    assert!(ask().await.unwrap_err().is_timeout());
    let block: Value = serde_json::from_str(&ask().await.unwrap().text().await.unwrap()).unwrap();
    assert_eq!(block["blockID"].as_str().unwrap().len(), 64);
}
