//! Bitcoin.

use ::bitcoin::consensus::serialize;
use ::bitcoin::constants::genesis_block;
use exchequer_domain::Network;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::NetworkParams;
use crate::node::*;
use crate::rpc::testing::{Back, Server};
use crate::scan::Block;

const ID: &str = "25c699ee633c24fbd26e6cb0fe67d5937d591c8d245084d0487a15e43028d131";

async fn node(answer: impl Fn(&str, &Value) -> Result<Value, (i64, String)> + Send + Sync + 'static) -> BitcoinNode {
    let transport = Server::rpc(answer).await.transport();
    BitcoinNode::new(transport, NetworkParams::test(Network::Bitcoin), BitcoinOptions::default())
}

/// Goal: a block is decoded from its bytes under the hash that was asked for, and refused where they are not that block's, or its
/// transactions were changed or stand there twice. Method: the first block of a private chain, and two changes of it; a block of three
/// transactions, with the last one again, which its root of names does not tell.
#[tokio::test]
async fn blocks_are_decoded() {
    let genesis = genesis_block(::bitcoin::Network::Regtest);
    let (hash, raw) = (genesis.block_hash().to_string(), serialize(&genesis));
    let mut changed = genesis.clone();
    changed.txdata[0].output[0].value = ::bitcoin::Amount::from_sat(1);
    let mut three = genesis.clone();
    for lock in [1, 2] {
        let mut tx = genesis.txdata[0].clone();
        tx.lock_time = ::bitcoin::absolute::LockTime::from_consensus(lock);
        three.txdata.push(tx);
    }
    three.header.merkle_root = three.compute_merkle_root().unwrap();
    let mut again = three.clone();
    again.txdata.push(three.txdata[2].clone());
    assert!(again.check_merkle_root(), "the root is the same");
    let third = three.block_hash().to_string();
    let cases = [
        (raw.clone(), hash.clone(), Some(&genesis)),
        (raw, ID.to_owned(), None),
        (serialize(&changed), hash, None),
        (serialize(&three), third.clone(), Some(&three)),
        (serialize(&again), third, None),
    ];
    for (raw, hash, good) in cases {
        let node =
            node(move |method, _| Ok(json!(if method == "getblockhash" { hash.clone() } else { hex::encode(&raw) })));
        match ChainNode::block(&node.await, 0).await {
            Ok(Some(Block::Bitcoin(block))) if good.is_some_and(|good| good.txdata == block.txs) => {}
            Err(_) if good.is_none() => {}
            other => panic!("{other:?}"),
        }
    }
    let above = node(|_, _| Err((-8, "Block height out of range".into()))).await;
    assert_eq!(ChainNode::block(&above, 9).await, Ok(None));
}

/// Goal: that a node does not find a transaction says something only if it has its index; a block that was left is no block.
#[tokio::test]
async fn unseen_needs_the_index() {
    let absent = |index: Value| async move {
        let node = node(move |method, _| match method {
            "getindexinfo" => Ok(index.clone()),
            _ => Err((-5, "No such mempool or blockchain transaction".into())),
        });
        ChainNode::fate(&node.await, ID.parse().unwrap()).await
    };
    assert_eq!(absent(json!({"txindex": {"synced": true, "best_block_height": 9}})).await, Ok(Fate::Unseen));
    assert!(matches!(absent(json!({"txindex": {"synced": false}})).await, Err(NodeError::Incomplete(_))));
    assert!(matches!(absent(json!({})).await, Err(NodeError::Unfit(_))));
    for (block, confirmations, expected) in [(None, 0, Fate::Pending), (Some(ID), -1, Fate::Unseen)] {
        let node = node(move |method, _| match method {
            "getrawtransaction" => Ok(json!({"txid": ID, "blockhash": block, "vout": [{"value": 0.1}]})),
            _ => Ok(json!({"height": 4, "confirmations": confirmations})),
        });
        assert_eq!(ChainNode::fate(&node.await, ID.parse().unwrap()).await, Ok(expected));
    }
}

/// Goal: amounts come to the satoshi from decimal text, also in a form that a node never prints; no estimate is none.
#[tokio::test]
async fn amounts_are_exact() {
    let text = r#"{"bestblock":"x","confirmations":3,"value":20999999.97690001,"scriptPubKey":{"hex":"0014aa"},"coinbase":false,"x":1.5}"#;
    let server = Server::start(move |_, body| {
        let ids: Vec<u64> = body.as_array().unwrap().iter().map(|call| call["id"].as_u64().unwrap()).collect();
        let output = RawValue::from_string(text.to_owned()).unwrap();
        // Written by hand: a JSON value would round the amount.
        Back::Raw(200, "", format!("[{{\"id\":{},\"result\":{output}}},{{\"id\":{},\"result\":null}}]", ids[0], ids[1]))
    });
    let node =
        BitcoinNode::new(server.await.transport(), NetworkParams::test(Network::Bitcoin), BitcoinOptions::default());
    let coins = [0, 1].map(|vout| OutPoint { tx: ID.parse().unwrap(), vout });
    let facts = ChainNode::outputs(&node, &coins).await.unwrap();
    assert_eq!(facts[0].as_ref().map(|output| (output.sats, output.confirmations)), Some((2_099_999_997_690_001, 3)));
    assert_eq!(facts[1], None);
    let fees = self::node(|method, params| match (method, params[0].as_u64()) {
        ("estimatesmartfee", Some(6)) => Ok(json!({"errors": ["Insufficient data or no feerate found"], "blocks": 6})),
        ("estimatesmartfee", _) => Ok(json!({"feerate": 0.00012345, "blocks": 2})),
        _ => {
            Ok(json!({"mempoolminfee": 0.00001, "minrelaytxfee": 0.000001, "incrementalrelayfee": 1e-6, "txcount": 1}))
        }
    });
    let expected = FeeFacts::Bitcoin {
        targets: vec![(2, Some(12_345)), (6, None), (24, Some(12_345))],
        relay_min: 100,
        pool_min: 1000,
        increment: 100,
    };
    assert_eq!(ChainNode::fees(&fees.await).await, Ok(expected));
}

/// Goal: what nodes say to a transaction is understood; one node's policy is not a refusal for good.
#[test]
fn refusals_are_judged() {
    assert_eq!(classify_bitcoin(-27, "Transaction already in block chain"), Broadcast::AlreadyKnown);
    assert_eq!(classify_bitcoin(-26, "txn-already-in-mempool"), Broadcast::AlreadyKnown);
    for (text, why) in [
        ("min relay fee not met, 10 < 122", Hindrance::FeeTooLow),
        ("insufficient fee, rejecting replacement ab", Hindrance::ReplacementUnderpriced),
        ("bad-txns-inputs-missingorspent", Hindrance::InputsGone),
        ("non-final", Hindrance::NotYet),
    ] {
        assert_eq!(classify_bitcoin(-26, text), Broadcast::NotNow(why, text.into()));
    }
    assert!(matches!(classify_bitcoin(-26, "mandatory-script-verify-flag-failed (x)"), Broadcast::RefusedForGood(_)));
    assert!(matches!(classify_bitcoin(-22, "TX decode failed"), Broadcast::RefusedForGood(_)));
    assert!(matches!(classify_bitcoin(-26, "dust"), Broadcast::Unknown(_)));
}
