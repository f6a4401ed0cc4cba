//! TRON.

use exchequer_domain::Network;
use serde_json::{Value, json};

use crate::NetworkParams;
use crate::node::*;
use crate::rpc::testing::{Back, Server};
use crate::scan::{Block, TronContract};

const ID: &str = "25c699ee633c24fbd26e6cb0fe67d5937d591c8d245084d0487a15e43028d131";
const ALICE: &str = "41a614f803b6fd780986a42c78ec9c7f77e6ded13c";

fn hash(number: u64) -> String {
    format!("{number:016x}{}", "ab".repeat(24))
}

fn block(number: u64) -> Value {
    json!({"blockID": hash(number), "block_header": {"raw_data": {"number": number, "parentHash": hash(number - 1), "timestamp": 9, "txTrieRoot": "cd".repeat(32)}},
        "transactions": [transaction()]})
}

fn transaction() -> Value {
    json!({"ret": [{"contractRet": "SUCCESS"}], "txID": ID, "raw_data": {"contract": [{"type": "TransferContract",
        "parameter": {"value": {"amount": 1_500_000, "owner_address": ALICE, "to_address": ALICE}}}]}})
}

fn info() -> Value {
    json!({"id": ID, "fee": 345_000, "blockNumber": 5, "receipt": {"net_usage": 267}})
}

async fn node(answer: impl Fn(&str, &Value) -> Value + Send + Sync + 'static) -> TronNode {
    let server = Server::start(move |path, body| Back::Json(answer(path, body))).await;
    TronNode::new(server.transport(), NetworkParams::mainnet(Network::Tron), TronOptions::default())
}

/// Goal: a block comes whole or not at all; an error with status 200, a short list and a name of another number are no empty
/// block. Method: each once.
#[tokio::test]
async fn blocks_come_whole_or_not_at_all() {
    let root = |root: String, txs: Value| {
        let mut block = block(5);
        block["block_header"]["raw_data"]["txTrieRoot"] = json!(root);
        block["transactions"] = txs;
        block
    };
    let cases: [(&str, Value, Value); 8] = [
        ("an emptied block", root("cd".repeat(32), json!([])), json!([])),
        ("the root of nothing", root("00".repeat(32), json!([transaction()])), json!([info()])),
        ("error", json!({"Error": "class java.lang.NullPointerException : null"}), json!([info()])),
        (
            "throttled infos",
            block(5),
            json!({"Error": "class java.lang.IllegalAccessException : lack of computing resources"}),
        ),
        ("a short list", block(5), json!([])),
        ("no list", block(5), json!({})),
        ("of another block", block(5), json!([{"id": ID, "blockNumber": 6}])),
        (
            "another number's name",
            {
                let mut block = block(5);
                block["blockID"] = json!(hash(6));
                block
            },
            json!([info()]),
        ),
    ];
    for (name, block, infos) in cases {
        let node = node(move |path, _| {
            if path.ends_with("num") && path.contains("block") && !path.contains("info") {
                block.clone()
            } else {
                infos.clone()
            }
        });
        assert!(ChainNode::block(&node.await, 5).await.is_err(), "{name}");
    }
    let none = root("00".repeat(32), json!([]));
    let empty = node(move |path, _| if path.contains("info") { json!({}) } else { none.clone() }).await;
    assert!(matches!(ChainNode::block(&empty, 5).await, Ok(Some(Block::Tron(block))) if block.txs.is_empty()));
    let good = node(|path, _| if path.contains("info") { json!([info()]) } else { block(5) }).await;
    let Ok(Some(Block::Tron(found))) = ChainNode::block(&good, 5).await else { panic!("a block") };
    assert!(found.txs[0].ok && found.infos[0].ok && found.infos[0].receipt.is_none());
    assert!(matches!(found.txs[0].contract, TronContract::Transfer { amount: 1_500_000, .. }));
    assert_eq!(ChainNode::block(&node(|_, _| json!({})).await, 5).await, Ok(None));
}

/// Goal: a node of another network is told by its block 0, unless any network will do.
#[tokio::test]
async fn networks_are_told_by_their_first_block() {
    let first = |name: &'static str| {
        Server::start(move |_, _| {
            let data = json!({"parentHash": "00".repeat(32)});
            Back::Json(json!({"blockID": name, "block_header": {"raw_data": data}}))
        })
    };
    let live = "00000000000000001ebf88508a03865c71d452e25f4d51194196a1d22b6653dc";
    let test = "0000000000000000d698d4192c56cb6be724a558448e2684802de4d6cd8690dc";
    for (name, options, ours) in
        [(live, TronOptions::default(), true), (test, TronOptions::default(), false), (test, TronOptions::any(), true)]
    {
        let server = first(name).await;
        let node = TronNode::new(server.transport(), NetworkParams::mainnet(Network::Tron), options);
        assert_eq!(ChainNode::identify(&node).await, Ok(ours), "{name}");
    }
}

/// Goal: the solidified side is asked first, and a transaction is unseen only when every side says so.
#[tokio::test]
async fn fates_come_from_every_side() {
    let on = |solid: bool, full: bool, waits: bool| async move {
        let node = node(move |path, _| {
            let known = if path.contains("walletsolidity") { solid } else { full };
            match path.rsplit('/').next().unwrap() {
                "gettransactioninfobyid" if known => info(),
                "gettransactionbyid" if known || (waits && path.starts_with("/wallet/")) => transaction(),
                "getblockbynum" => block(5),
                _ => json!({}),
            }
        });
        ChainNode::fate(&node.await, ID.parse().unwrap()).await
    };
    for (solid, full) in [(true, true), (false, true)] {
        let fate = on(solid, full, false).await;
        assert!(matches!(fate, Ok(Fate::Included { ok: true, fee: Some(345_000), .. })), "{fate:?}");
    }
    assert_eq!(on(false, false, true).await, Ok(Fate::Pending));
    assert_eq!(on(false, false, false).await, Ok(Fate::Unseen));
    let broken = node(|_, _| json!({"Error": "class java.lang.Exception : x"})).await;
    assert!(ChainNode::fate(&broken, ID.parse().unwrap()).await.is_err(), "an error is not unseen");
}

/// Goal: each code of a broadcast is what it is; no answer and an error of the interface are unknown.
#[tokio::test]
async fn broadcasts_are_judged() {
    let sent = |answer: Value| async move {
        ChainNode::broadcast(&node(move |_, _| answer.clone()).await, ID.parse().unwrap(), &[1]).await
    };
    assert_eq!(sent(json!({"result": true, "code": "SUCCESS", "txid": ID})).await, Broadcast::Accepted);
    assert_eq!(sent(json!({"result": true, "txid": ID})).await, Broadcast::Accepted);
    assert_eq!(sent(json!({"code": "DUP_TRANSACTION_ERROR", "txid": ID})).await, Broadcast::AlreadyKnown);
    assert!(matches!(sent(json!({"code": "SIGERROR"})).await, Broadcast::RefusedForGood(_)));
    assert!(matches!(sent(json!({"code": "TAPOS_ERROR"})).await, Broadcast::NotNow(Hindrance::StaleReference, _)));
    for unknown in [
        json!({}),
        json!({"Error": "class x : y"}),
        json!({"result": true, "code": "SUCCESS", "txid": hash(1)}),
        json!({"code": "NOT_ENOUGH_EFFECTIVE_CONNECTION"}),
        json!({"code": "OTHER_ERROR"}),
        json!("text"),
    ] {
        assert!(matches!(sent(unknown.clone()).await, Broadcast::Unknown(_)), "{unknown}");
    }
}

/// Goal: facts read with their zeros left out; a revert comes with a result of true; balances count at their block only.
#[tokio::test]
async fn facts_are_read() {
    let node = node(|path, _| match path.rsplit('/').next().unwrap() {
        "getchainparameters" => json!({"chainParameter": [{"key": "getEnergyFee", "value": 100}, {"key": "getTransactionFee", "value": 1000},
            {"key": "getCreateAccountFee", "value": 100_000}, {"key": "getCreateNewAccountFeeInSystemContract", "value": 1_000_000},
            {"key": "getMemoFee"}, {"key": "getMaxFeeLimit", "value": 15_000_000_000_u64}]}),
        "getaccount" => json!({"balance": 7, "frozenV2": [{"amount": 100}, {"type": "ENERGY", "amount": 20}, {"type": "TRON_POWER"}],
            "unfrozenV2": [{"type": "ENERGY", "unfreeze_amount": 3, "unfreeze_expire_time": 9_000}],
            "account_resource": {"delegated_frozenV2_balance_for_energy": 4000, "acquired_delegated_frozenV2_balance_for_energy": 50_000}}),
        "getaccountresource" => json!({"freeNetUsed": 100, "freeNetLimit": 600, "EnergyUsed": 20, "EnergyLimit": 70,
            "TotalEnergyLimit": 180_000, "TotalEnergyWeight": 19}),
        "triggerconstantcontract" => json!({"result": {"result": true, "message": hex::encode("REVERT opcode executed")},
            "energy_used": 5, "transaction": {"ret": [{"ret": "FAILED"}]}}),
        "getdelegatedresourcev2" => json!({"delegatedResource": [{"frozen_balance_for_energy": 5, "frozen_balance_for_bandwidth": 9},
            {"frozen_balance_for_energy": 6, "expire_time_for_energy": 9_000}]}),
        _ => block(5),
    })
    .await;
    let fees = FeeFacts::Tron {
        energy: 100,
        bandwidth: 1000,
        create_account: 100_000,
        create_account_system: 1_000_000,
        memo: 0,
        limit_max: 15_000_000_000,
    };
    assert_eq!(ChainNode::fees(&node).await, Ok(fees));
    let address = ChainAddress::canonical("TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t").unwrap();
    let account = TronAccount {
        activated: true,
        balance: 7,
        energy: 50,
        bandwidth_staked: 0,
        bandwidth_free: 500,
        staked: 4_123,
        energy_stake: 20,
        energy_lent: 4_000,
        energy_used: 20,
        energy_of_all: 180_000,
        stake_of_all: 19,
        ending: 1,
        free_ms: 9_000,
    };
    assert_eq!(ChainNode::account(&node, &address).await, Ok(Account::Tron(account)));
    assert_eq!(ChainNode::lent(&node, &address, &address).await, Ok(11), "what is locked is lent as well");
    let call = TrialCall { from: address.clone(), to: address.clone(), value: 0, data: vec![] };
    assert_eq!(ChainNode::trial(&node, &call).await, Ok(Trial::Reverted { reason: "REVERT opcode executed".into() }));
    let heads = ChainNode::heads(&node).await.unwrap();
    let of = [(address, Coin::Native)];
    assert_eq!(ChainNode::balances(&node, &of, heads.head).await, Ok(vec![Some(4_130)]), "what is staked is its own");
    let mixed = [(of[0].0.clone(), Coin::Token(of[0].0.clone())), of[0].clone()];
    let told = ChainNode::balances(&node, &mixed, heads.head).await;
    assert_eq!(told, Ok(vec![None, Some(4_130)]), "a contract that fails hides nobody else's");
    let mut other = heads.head;
    other.block.height = 4;
    assert!(matches!(ChainNode::balances(&node, &of, other).await, Err(NodeError::Incomplete(_))));
    let broken = self::node(|_, _| json!({"Error": "class java.lang.Exception : x"})).await;
    let (address, _) = &of[0];
    assert!(ChainNode::account(&broken, address).await.is_err(), "an error is no account without money");
    assert!(ChainNode::balances(&broken, &of, heads.head).await.is_err());
    assert!(ChainNode::lent(&broken, address, address).await.is_err(), "an error is not that nothing is lent");
}

/// Goal: a token's balance is the amount that its contract returns; a contract that returns none, fails, or is not there tells none, and
/// hides nobody else's; a node that cannot answer has said nothing of any contract. Method: answers as java-tron words them.
#[tokio::test]
async fn balances_of_tokens_are_read_or_not_told() {
    let address = ChainAddress::canonical("TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t").unwrap();
    let of = [Coin::Native, Coin::Token(address.clone()), Coin::Native].map(|coin| (address.clone(), coin));
    let returned =
        |hex: String| json!({"result": {"result": true}, "constant_result": [hex], "transaction": {"ret": [{}]}});
    let refused = |code: &str, message: &str| json!({"result": {"code": code, "message": hex::encode(message)}});
    let failed = |name: &str| format!("class org.tron.core.vm.program.Program${name} : what it was");
    for (answer, expected) in [
        (returned(format!("{:064x}", 9)), Some(Some(9))),
        (returned(format!("{:032x}{:032x}", 1, 0)), Some(None)),
        (returned(String::new()), Some(None)),
        (returned("06".to_owned()), Some(None)),
        (refused("CONTRACT_VALIDATE_ERROR", "Smart contract is not exist."), Some(None)),
        (refused("OTHER_ERROR", &failed("IllegalOperationException")), Some(None)),
        (refused("OTHER_ERROR", &failed("StackTooSmallException")), Some(None)),
        (refused("OTHER_ERROR", &failed("OutOfMemoryException")), Some(None)),
        (refused("OTHER_ERROR", &failed("OutOfTimeException")), None),
        (refused("OTHER_ERROR", "class java.lang.NullPointerException : null"), None),
        (json!({"result": {"result": true}, "transaction": {"ret": [{}]}}), None),
        (json!({"Error": "class java.lang.Exception : x"}), None),
    ] {
        let said = answer.clone();
        let node = node(move |path, _| match path.rsplit('/').next().unwrap() {
            "triggerconstantcontract" => said.clone(),
            "getaccount" => json!({"balance": 7}),
            _ => block(5),
        })
        .await;
        let at = ChainNode::heads(&node).await.unwrap().head;
        let told = ChainNode::balances(&node, &of, at).await;
        assert_eq!(told.ok(), expected.map(|token| vec![Some(7), token, Some(7)]), "{answer}");
    }
}
