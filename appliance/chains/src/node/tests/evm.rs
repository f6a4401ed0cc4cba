//! EVM networks.

use exchequer_domain::Network;
use serde_json::{Value, json};

use crate::NetworkParams;
use crate::node::*;
use crate::rpc::testing::{Back, Server};
use crate::scan::Block;

const TX: &str = "0x1111111111111111111111111111111111111111111111111111111111111111";
const TO: &str = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";

/// Blocks of these tests have names that follow from nothing.
fn made_up() -> EvmOptions {
    EvmOptions { roots: false, ..EvmOptions::default() }
}

fn hash(number: u64) -> String {
    format!("0x{number:064x}")
}

fn tx_id(text: &str) -> TxId {
    text.parse().unwrap()
}

/// The filter of logs.
fn filter(logs: &Value) -> String {
    let mut bits = [0_u8; 256];
    for log in logs.as_array().unwrap() {
        for part in std::iter::once(&log["address"]).chain(log["topics"].as_array().unwrap()) {
            let hash = <sha3::Keccak256 as sha3::Digest>::digest(hex::decode(&part.as_str().unwrap()[2..]).unwrap());
            for at in [0, 2, 4] {
                let bit = (usize::from(hash[at]) << 8 | usize::from(hash[at + 1])) % 2048;
                bits[255 - bit / 8] |= 1 << (bit % 8);
            }
        }
    }
    format!("0x{}", hex::encode(bits))
}

fn block(number: u64) -> Value {
    json!({
        "gasUsed": "0x5208", "transactionsRoot": TX, "logsBloom": filter(&receipt(number)["logs"]),
        "number": format!("{number:#x}"), "hash": hash(number), "parentHash": hash(number - 1), "timestamp": "0x10",
        "gasLimit": "0x1", "somethingNew": {"deep": []},
        "transactions": [{"hash": TX, "type": "0x2", "from": TO, "to": TO, "value": "0xde0b6b3a7640000", "input": "0x"}],
    })
}

fn receipt(number: u64) -> Value {
    json!({
        "transactionHash": TX, "blockHash": hash(number), "blockNumber": format!("{number:#x}"), "status": "0x1",
        "gasUsed": "0x5208", "effectiveGasPrice": "0x2", "logs": [{
            "address": TO, "data": format!("0x{:064x}", 7), "logIndex": "0x33",
            "topics": [
                "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef",
                format!("0x{:0>64}", &TO[2..]), format!("0x{:0>64}", &TO[2..]),
            ],
        }],
    })
}

async fn node(answer: impl Fn(&str, &Value) -> Result<Value, (i64, String)> + Send + Sync + 'static) -> EvmNode {
    node_of(Network::Ethereum, made_up(), answer).await
}

async fn node_of(
    network: Network,
    options: EvmOptions,
    answer: impl Fn(&str, &Value) -> Result<Value, (i64, String)> + Send + Sync + 'static,
) -> EvmNode {
    EvmNode::new(Server::rpc(answer).await.transport(), NetworkParams::mainnet(network), options)
}

fn unknown_method() -> Result<Value, (i64, String)> {
    Err((-32601, "the method does not exist/is not available".into()))
}

/// Goal: a block comes with its receipts, by one call or one by one, and not where any of its parts is missing, doubled, of another
/// block, or shorter than the block's filter says. Method: each fault once.
#[tokio::test]
async fn blocks_come_whole_or_not_at_all() {
    type Fault = fn(&mut Value, &mut Value);
    let faults: [(&str, Fault); 16] = [
        ("a log entry that was made up", |_, receipts| {
            receipts[0]["logs"][1] = receipts[0]["logs"][0].clone();
            receipts[0]["logs"][1]["address"] = json!("0x00000000000000000000000000000000000000aa");
        }),
        ("a log that was cut", |_, receipts| receipts[0]["logs"] = json!([])),
        ("no filter", |block, _| block["logsBloom"] = Value::Null),
        ("an emptied block", |block, receipts| {
            block["transactions"] = json!([]);
            block["logsBloom"] = json!(filter(&json!([])));
            *receipts = json!([]);
        }),
        ("an emptied block whose gas fits", |block, receipts| {
            block["transactions"] = json!([]);
            block["logsBloom"] = json!(filter(&json!([])));
            block["gasUsed"] = json!("0x0");
            *receipts = json!([]);
        }),
        ("an empty root of a transaction", |block, _| {
            block["transactionsRoot"] = json!("0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");
        }),
        ("more gas than the receipts", |block, _| block["gasUsed"] = json!("0x5209")),
        ("no root", |block, _| block["transactionsRoot"] = Value::Null),
        ("no receipts yet", |_, receipts| *receipts = Value::Null),
        ("a receipt is missing", |_, receipts| *receipts = json!([])),
        ("of another block", |_, receipts| receipts[0]["blockHash"] = json!(hash(99))),
        ("doubled", |_, receipts| *receipts = json!([receipts[0], receipts[0]])),
        ("of no transaction", |block, _| block["transactions"] = json!([])),
        ("a filter that knows more", |block, _| block["logsBloom"] = json!(format!("0x{}", "ff".repeat(256)))),
        ("another height", |block, _| block["number"] = json!("0x6")),
        ("a block that waits", |block, _| block["hash"] = Value::Null),
    ];
    for (name, fault) in faults {
        let node = node(move |method, _| {
            let (mut block, mut receipts) = (block(5), json!([receipt(5)]));
            fault(&mut block, &mut receipts);
            Ok(if method == "eth_getBlockByNumber" { block } else { receipts })
        });
        assert!(node.await.block(5).await.is_err(), "{name}");
    }
    for by_one in [false, true] {
        let node = node(move |method, _| match method {
            "eth_getBlockByNumber" => Ok(block(5)),
            "eth_getBlockReceipts" if by_one => unknown_method(),
            "eth_getBlockReceipts" => Ok(json!([receipt(5)])),
            _ => Ok(receipt(5)),
        })
        .await;
        for _ in 0..2 {
            let Some(Block::Evm(found)) = ChainNode::block(&node, 5).await.unwrap() else { panic!("a block") };
            assert_eq!((found.txs.len(), found.receipts[0].logs.len(), found.receipts[0].ok), (1, 1, true));
            assert_eq!(found.txs[0].value.narrow(), Some(1_000_000_000_000_000_000));
        }
    }
    let lagging = node(|method, _| match method {
        "eth_getBlockByNumber" => Ok(block(5)),
        "eth_getBlockReceipts" => unknown_method(),
        _ => Ok(Value::Null),
    });
    assert!(matches!(ChainNode::block(&lagging.await, 5).await, Err(NodeError::Incomplete(_))), "null is not empty");
    let none = node(|_, _| Ok(Value::Null)).await;
    assert_eq!(ChainNode::block(&none, 5).await, Ok(None));
    let html = Server::start(|_, _| Back::Raw(200, "", "<html>".into())).await;
    let params = NetworkParams::mainnet(Network::Ethereum);
    let html = EvmNode::new(html.transport(), params, made_up());
    assert!(matches!(ChainNode::block(&html, 5).await, Err(NodeError::Rpc(_))));
}

/// Goal: what an endpoint leaves out or changes of a block's receipts is refused, however well it fits what else it says: the block's
/// name commits to them. Method: a true block of two transactions; one left out with gas, filter and count to match, an amount
/// that is not in the filter, a failure, an order, a parent. Each passes where roots are not computed.
#[tokio::test]
async fn an_omission_that_fits_is_refused() {
    let sealed = || {
        let (mut block, mut receipts) = (block(5), vec![receipt(5), receipt(5)]);
        let mut second = block["transactions"][0].clone();
        second["hash"] = json!(hash(77));
        block["transactions"].as_array_mut().unwrap().push(second);
        receipts[1]["transactionHash"] = json!(hash(77));
        receipts[1]["logs"][0]["address"] = json!("0x00000000000000000000000000000000000000aa");
        crate::node::evm::seal(&mut block, &mut receipts);
        (block, receipts)
    };
    type Lie = fn(&mut Value, &mut Vec<Value>);
    let lies: [(&str, Lie); 5] = [
        ("the truth", |_, _| {}),
        ("one left out", |block, receipts| {
            receipts.pop();
            block["transactions"].as_array_mut().unwrap().pop();
            block["gasUsed"] = json!("0x5208");
            block["logsBloom"] = json!(filter(&receipts[0]["logs"]));
        }),
        ("another amount", |_, receipts| receipts[0]["logs"][0]["data"] = json!(format!("0x{:064x}", 8))),
        ("a failure", |_, receipts| receipts[0]["status"] = json!("0x0")),
        ("another parent", |block, _| block["parentHash"] = json!(hash(99))),
    ];
    for (name, lie) in lies {
        for roots in [true, false] {
            let options = EvmOptions { roots, ..EvmOptions::default() };
            let node = node_of(Network::Ethereum, options, move |method, _| {
                let (mut block, mut receipts) = sealed();
                lie(&mut block, &mut receipts);
                Ok(if method == "eth_getBlockByNumber" { block } else { json!(receipts) })
            });
            let found = ChainNode::block(&node.await, 5).await;
            assert_eq!(found.is_ok(), !roots || name == "the truth", "{name}: {found:?}");
        }
    }
}

/// Goal: Polygon's own transaction may be there without being listed, and nothing else may: not one of another kind, nor two. Its
/// logs and gas are not the block's. Method: a receipt left over, in each form, on Polygon and elsewhere.
#[tokio::test]
async fn only_state_sync_is_forgiven() {
    let extra = |name: &str, kind: &str| {
        let mut extra = receipt(5);
        extra["transactionHash"] = json!(name);
        extra["type"] = json!(kind);
        extra["gasUsed"] = json!("0x0");
        extra["logs"][0]["address"] = json!("0x00000000000000000000000000000000000000aa");
        extra
    };
    let key = ["matic-bor-receipt-".as_bytes(), &5_u64.to_be_bytes(), &hex::decode(&hash(5)[2..]).unwrap()].concat();
    let derived = format!("0x{}", hex::encode(<sha3::Keccak256 as sha3::Digest>::digest(key)));
    let (other, third) = (hash(77), hash(78));
    let cases = [
        (Network::Polygon, vec![extra(&derived, "0x0")], true),
        (Network::Polygon, vec![extra(&other, "0x7f")], true),
        (Network::Polygon, vec![extra(&other, "0x2")], false),
        (Network::Polygon, vec![extra(&other, "0x7f"), extra(&third, "0x7f")], false),
        (Network::Bsc, vec![extra(&derived, "0x7f")], false),
    ];
    for (network, extras, good) in cases {
        let shown = format!("{network} {extras:?}");
        // Without its logs, so that the filter is not what finds it.
        for logs in [true, false] {
            let mut receipts = vec![receipt(5)];
            receipts.extend(extras.clone());
            if !logs {
                receipts[1..].iter_mut().for_each(|receipt| receipt["logs"] = json!([]));
            }
            let node = node_of(network, made_up(), move |method, _| {
                Ok(if method == "eth_getBlockByNumber" { block(5) } else { json!(receipts) })
            });
            let found = ChainNode::block(&node.await, 5).await;
            assert_eq!(found.is_ok(), good, "{shown}: {found:?}");
        }
    }
}

/// Goal: a fate and the height that it is told at come in one request.
#[tokio::test]
async fn fates_come_with_their_height() {
    let server =
        Server::rpc(|method, _| Ok(if method == "eth_getBlockByNumber" { block(9) } else { Value::Null })).await;
    let node = EvmNode::new(server.transport(), NetworkParams::mainnet(Network::Ethereum), made_up());
    assert_eq!(ChainNode::fate_and_final(&node, tx_id(TX)).await, Ok((Fate::Unseen, Some(9))));
    assert_eq!(server.hits(), 1);
}

/// Goal: errors quote nothing of an answer: a node may put keys that it was sent into it.
#[tokio::test]
async fn errors_quote_no_answers() {
    let node =
        node(|_, _| Ok(json!({"number": {"k3yk3yk3yk3yk3y": 1}, "parentHash": 5, "hash": "k3yk3yk3yk3yk3y"}))).await;
    for error in [
        ChainNode::header(&node, 5).await.unwrap_err().to_string(),
        ChainNode::identify(&node).await.unwrap_err().to_string(),
        crate::rpc::RpcError::misshapen(&serde_json::from_str::<u8>("\"k3yk3yk3yk3yk3y\"").unwrap_err()).to_string(),
    ] {
        assert!(!error.contains("k3y") && error.contains("column"), "{error}");
    }
}

/// Goal: calls come in their order at any depth; where the node traces single transactions only, these are asked; a trace that is
/// missing is no block. Method: a trace a thousand calls deep.
#[tokio::test]
async fn traces_are_read_at_any_depth() {
    let deep = || {
        let call =
            |calls: &str| format!("{{\"type\":\"CALL\",\"from\":\"{TO}\",\"to\":\"{TO}\",\"value\":\"0x1\"{calls}}}");
        let tree = (0..1000).fold(call(""), |inner, _| call(&format!(",\"calls\":[{inner}]")));
        serde_json::value::RawValue::from_string(tree).unwrap()
    };
    let frames = super::super::evm::frames_of(&deep()).unwrap();
    assert_eq!((frames.len(), frames[1000].depth), (1001, 1000));
    for mode in 0..4 {
        let options = EvmOptions { traces: true, ..made_up() };
        let node = node_of(Network::Ethereum, options, move |method, params| {
            let frame = json!({"type": "CALL", "from": TO, "to": TO, "calls": [
                {"type": "STATICCALL", "from": TO, "to": TO, "error": "execution reverted", "calls": [{"type": "CALL", "from": TO}]},
                {"type": "CREATE", "from": TO, "value": "0x2"},
            ]});
            match (method, mode) {
                // Whole it is asked for first; by its name alone once the transactions were traced.
                ("eth_getBlockByNumber", 3) if params[1] == false => {
                    let mut left = block(5);
                    left["hash"] = json!(hash(6));
                    Ok(left)
                }
                ("eth_getBlockByNumber", _) => Ok(block(5)),
                ("debug_traceBlockByHash", 3) => unknown_method(),
                ("eth_getBlockReceipts", _) => Ok(json!([receipt(5)])),
                ("debug_traceBlockByHash", 0) => Ok(json!([{"txHash": TX, "result": frame}])),
                ("debug_traceBlockByHash", 1) => unknown_method(),
                ("debug_traceBlockByHash", _) => Ok(json!([])),
                _ => Ok(frame),
            }
        })
        .await;
        match (mode, ChainNode::block(&node, 5).await) {
            (0 | 1, Ok(Some(Block::Evm(block)))) => {
                let told: Vec<(u32, bool)> = block.traces.unwrap()[0].iter().map(|f| (f.depth, f.failed)).collect();
                assert_eq!(told, [(0, false), (1, true), (2, false), (1, false)]);
            }
            (2 | 3, Err(NodeError::Incomplete(_))) => {}
            (_, other) => panic!("{mode}: {other:?}"),
        }
    }
}

/// Goal: finality is what the node calls so, or unknown: never made up. BSC has a second way to say it.
#[tokio::test]
async fn finality_is_asked_for() {
    for (network, tag, second, expected) in [
        (Network::Ethereum, Ok(block(3)), false, Some(3)),
        (Network::Ethereum, Err((-39001, "finalized block not found".into())), true, None),
        (Network::Polygon, Ok(Value::Null), true, None),
        (Network::Bsc, Err((-39001, "unknown block".to_owned())), true, Some(4)),
        (Network::Bsc, Ok(Value::Null), false, None),
    ] {
        let node = node_of(network, made_up(), move |method, params| match (method, params[0].as_str()) {
            ("eth_getFinalizedHeader", _) if second => Ok(block(4)),
            ("eth_getBlockByNumber", Some("finalized")) => tag.clone(),
            ("eth_getBlockByNumber", Some("latest")) => Ok(block(9)),
            _ => Err((-39001, "no such tag".into())),
        })
        .await;
        let heads = ChainNode::heads(&node).await.unwrap();
        assert_eq!((heads.head.block.height, heads.finalized.map(|h| h.block.height)), (9, expected), "{network}");
        assert_eq!(heads.safe, None);
    }
}

/// Goal: a transaction's fate is told with proof; one that is in a block without its receipt is no fate at all.
#[tokio::test]
async fn fates_are_proved() {
    let found = |receipt: Value, tx: Value| async move {
        let node =
            node(move |method, _| Ok(if method == "eth_getTransactionReceipt" { receipt.clone() } else { tx.clone() }));
        ChainNode::fate(&node.await, tx_id(TX)).await
    };
    let waiting = json!({"hash": TX, "blockHash": null});
    assert_eq!(found(Value::Null, Value::Null).await, Ok(Fate::Unseen));
    assert_eq!(found(Value::Null, waiting).await, Ok(Fate::Pending));
    let lagging = found(Value::Null, json!({"hash": TX, "blockHash": hash(5)})).await;
    assert!(matches!(lagging, Err(NodeError::Incomplete(_))), "{lagging:?}");
    let Ok(Fate::Included { block, ok, transfers, fee }) = found(receipt(5), Value::Null).await else { panic!() };
    assert_eq!((block.height, ok, transfers.len(), fee), (5, true, 1, Some(42_000)));
    assert_eq!(
        (transfers[0].amount, transfers[0].to.as_str()),
        (Some(7), "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")
    );
    let mut failed = receipt(5);
    failed["status"] = json!("0x0");
    let Ok(Fate::Included { ok: false, transfers, .. }) = found(failed, Value::Null).await else { panic!() };
    assert_eq!(transfers, [], "what failed proves nothing");
    let mut foreign = receipt(5);
    foreign["transactionHash"] = json!(hash(1));
    assert!(found(foreign, Value::Null).await.is_err());
}

/// Goal: a lost reply to a broadcast is unknown, and so is an answer that names another transaction.
#[tokio::test]
async fn broadcasts_that_are_not_answered_are_unknown() {
    let params = NetworkParams::mainnet(Network::Ethereum);
    for back in [
        Back::Hangup,
        Back::Raw(502, "", String::new()),
        Back::Raw(429, "", String::new()),
        Back::Raw(200, "", "<html>".into()),
    ] {
        let server = Server::start(move |_, _| back.clone()).await;
        let node = EvmNode::new(server.transport(), params, made_up());
        assert!(matches!(ChainNode::broadcast(&node, tx_id(TX), &[1]).await, Broadcast::Unknown(_)));
        assert_eq!(server.hits(), 1, "sent once");
    }
    for (answer, expected) in [
        (Ok(json!(TX)), Broadcast::Accepted),
        (Err((-32000, "already known".to_owned())), Broadcast::AlreadyKnown),
        (Ok(json!(hash(1))), Broadcast::Unknown("the node named another transaction".into())),
        (Err((-32000, "nonce too low".to_owned())), Broadcast::NotNow(Hindrance::NonceTooLow, "nonce too low".into())),
    ] {
        let node = node(move |_, _| answer.clone()).await;
        assert_eq!(ChainNode::broadcast(&node, tx_id(TX), &[1]).await, expected);
    }
}

/// Goal: fees, nonces, balances and trials read as integers; a forgotten state, a missing contract and a revert are what they are.
#[tokio::test]
async fn facts_are_read() {
    let node = node(|method, params| match method {
        "eth_feeHistory" => {
            Ok(json!({"oldestBlock": "0x1", "baseFeePerGas": ["0x5", "0x6", "0x7"], "gasUsedRatio": [0.0, 0.51],
            "reward": [["0x0", "0x0", "0x0"], ["0x1", "0x2", "0x3"]]}))
        }
        "eth_gasPrice" => Ok(json!("0x9")),
        "eth_maxPriorityFeePerGas" => unknown_method(),
        "eth_getTransactionCount" => Ok(json!(if params[1] == "latest" { "0x4" } else { "0x5" })),
        "eth_getBalance" => Ok(json!("0xa")),
        "eth_call" if params[0]["data"].as_str().unwrap().starts_with("0x70a08231") => Ok(json!("0x")),
        "eth_call" => Err((3, "execution reverted".into())),
        _ => Err((-32000, "missing trie node 00".into())),
    })
    .await;
    let fees = ChainNode::fees(&node).await;
    assert_eq!(fees, Ok(FeeFacts::Evm { base_fee: Some(7), tips: Some([1, 2, 3]), gas_price: 9, tip: None }));
    let address = ChainAddress::canonical("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266").unwrap();
    let account = ChainNode::account(&node, &address).await;
    assert_eq!(account, Ok(Account::Evm { latest: 4, pending: 5, finalized: Some(5), balance: 10 }));
    let at = crate::scan::Header {
        block: exchequer_domain::BlockRef { height: 1, hash: exchequer_domain::BlockHash([1; 32]) },
        parent: exchequer_domain::BlockHash([0; 32]),
        time_ms: 0,
    };
    assert_eq!(ChainNode::balances(&node, &[(address.clone(), Coin::Native)], at).await, Ok(vec![Some(10)]));
    let token = Coin::Token(address.clone());
    let of = [(address.clone(), token), (address.clone(), Coin::Native)];
    assert_eq!(ChainNode::balances(&node, &of, at).await, Ok(vec![None, Some(10)]), "no contract is not nothing");
    let call = TrialCall { from: address.clone(), to: address, value: 0, data: vec![1] };
    let trial = ChainNode::trial(&node, &call).await;
    assert_eq!(trial, Ok(Trial::Reverted { reason: "execution reverted".into() }));
}

/// Goal: a token's decimals are the number that its contract returns; a contract that does not tell them is none of them, in whatever
/// words a node says so; and a node that cannot answer has said nothing of any contract. Nobody's account is named, and no cost asked.
/// Method: answers, and the words of several programs for a call that fails.
#[tokio::test]
async fn decimals_are_read_or_not_told() {
    let token = || ChainAddress::canonical("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266").unwrap();
    let word = |number: u64| Ok(json!(format!("0x{number:064x}")));
    let refused = |code: i64, words: &str| Err((code, words.to_owned()));
    for (answer, expected) in [
        (word(6), Some(Some(6))),
        (word(0), Some(Some(0))),
        (word(256), Some(None)),
        (Ok(json!("0x")), Some(None)),
        (Ok(json!("0x06")), Some(None)),
        (refused(3, "execution reverted"), Some(None)),
        (refused(-32_000, "invalid jump destination"), Some(None)),
        (refused(-32_003, "EVM error: InvalidJump"), Some(None)),
        (refused(-32_015, "VM execution error."), Some(None)),
        (refused(-32_000, "stack underflow (0 <=> 1)"), Some(None)),
        (refused(-32_003, "EVM error: InvalidFEOpcode"), Some(None)),
        (refused(-32_015, "BadInstruction"), Some(None)),
        (refused(-32_000, "gas uint64 overflow"), Some(None)),
        (refused(-32_000, "return data out of bounds"), Some(None)),
        (refused(-32_000, "stack limit reached 1024 (1023)"), Some(None)),
        (refused(-32_000, "write protection"), Some(None)),
        (refused(-32_003, "EVM error: OutOfOffset"), Some(None)),
        (refused(3, "invalid argument"), None),
        (refused(-32_601, "the method eth_call does not exist"), None),
        (refused(-32_005, "limit exceeded"), None),
        (refused(-32_603, "internal error"), None),
        (refused(-32_000, "execution aborted (timeout = 5s)"), None),
        (refused(-32_000, "header not found"), None),
        (refused(-32_000, "missing trie node 00"), None),
    ] {
        let said = answer.clone();
        let node = node(move |method, params| {
            assert_eq!((method, &params[0]), ("eth_call", &json!({"to": token().as_str(), "data": "0x313ce567"})));
            said.clone()
        })
        .await;
        let told = ChainNode::decimals(&node, &token()).await;
        assert_eq!(told.ok(), expected, "{answer:?}");
    }
}

/// Goal: a token's balance is the amount that its contract returns; a contract that returns none, or fails, tells none, and hides
/// nobody else's; a node that cannot answer, and one that tells no balance of the network's own coin, has said nothing. Method: answers
/// for a token between two for the coin.
#[tokio::test]
async fn balances_of_tokens_are_read_or_not_told() {
    let address = || ChainAddress::canonical("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266").unwrap();
    let at = crate::scan::Header {
        block: exchequer_domain::BlockRef { height: 1, hash: exchequer_domain::BlockHash([1; 32]) },
        parent: exchequer_domain::BlockHash([0; 32]),
        time_ms: 0,
    };
    let word = |number: u128| Ok(json!(format!("0x{number:064x}")));
    let refused = |code: i64, words: &str| Err((code, words.to_owned()));
    for (answer, expected) in [
        (word(0), Some(Some(0))),
        (word(u128::MAX), Some(Some(u128::MAX))),
        (Ok(json!(format!("0x{:032x}{:032x}", 1, 0))), Some(None)),
        (Ok(json!("0x")), Some(None)),
        (Ok(json!("0x06")), Some(None)),
        (Ok(json!(format!("0x{:0128x}", 6))), Some(None)),
        (refused(3, "execution reverted: paused"), Some(None)),
        (refused(-32_000, "out of gas"), Some(None)),
        (refused(-32_015, "VM execution error."), Some(None)),
        (Ok(json!("no bytes")), None),
        (Ok(json!(6)), None),
        (refused(-32_005, "limit exceeded"), None),
        (refused(-32_000, "execution aborted (timeout = 5s)"), None),
        (refused(-32_000, "header not found"), None),
        (refused(-32_000, "missing trie node 00"), None),
        (refused(-32_000, "historical state is not available: reverted to a snapshot"), None),
        (refused(-32_000, "No state available for block 0x1"), None),
        (refused(-32_000, "state 0x669c is not available"), None),
        (refused(-32_000, "old data not available due to pruning"), None),
        (refused(3, "execution reverted: missing trie node"), Some(None)),
        (refused(-32_000, "execution reverted: historical state pruned"), Some(None)),
    ] {
        let said = answer.clone();
        let node = node(move |method, _| if method == "eth_call" { said.clone() } else { Ok(json!("0xa")) }).await;
        let of = [Coin::Native, Coin::Token(address()), Coin::Native].map(|coin| (address(), coin));
        let told = ChainNode::balances(&node, &of, at).await;
        let gone = format!("{answer:?}").contains("available") && expected.is_none();
        assert_eq!(told == Err(NodeError::Pruned), gone || answer == refused(-32_000, "missing trie node 00"));
        assert_eq!(told.ok(), expected.map(|token| vec![Some(10), token, Some(10)]), "{answer:?}");
    }
    for answer in [Ok(json!("0x")), refused(3, "execution reverted")] {
        let node = node(move |_, _| answer.clone()).await;
        assert!(ChainNode::balances(&node, &[(address(), Coin::Native)], at).await.is_err());
    }
}
