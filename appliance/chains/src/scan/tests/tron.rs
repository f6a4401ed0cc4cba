//! TRON.

use super::*;

fn block(contract: TronContract, ok: bool, info: TronInfo) -> Block {
    Block::Tron(TronBlock { header: header(5, 5), txs: vec![TronTx { id: tx_id(1), ok, contract }], infos: vec![info] })
}

fn info(receipt: Option<&str>, logs: Vec<EvmLog>) -> TronInfo {
    TronInfo { id: tx_id(1), ok: true, receipt: receipt.map(str::to_owned), logs, internal: vec![] }
}

fn seen(block: &Block) -> Vec<(Place, u128)> {
    let found = found(Network::Tron, block, &ours());
    assert_eq!(found.doubts, []);
    amounts(&found)
}

/// Goal: coin and listed tokens are seen when every sign of success is there; the receipt of a transfer of coin has none to show,
/// and that of a call must. Method: each sign taken away.
#[test]
fn success_is_asked_first() {
    let coin = || TronContract::Transfer { from: STRANGER, to: ALICE, amount: 5 };
    assert_eq!(seen(&block(coin(), true, info(None, vec![]))), [(Place::Value, 5)]);
    assert_eq!(seen(&block(coin(), false, info(None, vec![]))), []);
    assert_eq!(seen(&block(coin(), true, TronInfo { ok: false, ..info(None, vec![]) })), []);
    let call = || TronContract::Trigger { from: STRANGER, contract: TOKEN };
    let logs = || vec![log(FORGER, STRANGER, ALICE, 1), log(TOKEN, STRANGER, ALICE, 6)];
    assert_eq!(seen(&block(call(), true, info(Some("SUCCESS"), logs()))), [(Place::Log(1), 6)]);
    for receipt in [None, Some("OUT_OF_ENERGY"), Some("REVERT"), Some("success")] {
        assert_eq!(seen(&block(call(), true, info(receipt, logs()))), [], "{receipt:?}");
    }
    assert_eq!(seen(&block(call(), false, info(Some("SUCCESS"), logs()))), []);
    assert_eq!(seen(&block(call(), true, TronInfo { ok: false, ..info(Some("SUCCESS"), logs()) })), []);
    assert_eq!(seen(&block(call(), true, TronInfo { id: tx_id(2), ..info(Some("SUCCESS"), logs()) })), []);
    let mut thing = logs();
    thing[1].topics.push(word(ALICE));
    assert_eq!(seen(&block(call(), true, info(Some("SUCCESS"), thing))), []);
    let own = found(
        Network::Tron,
        &block(TronContract::Transfer { from: HOT, to: ALICE, amount: 5 }, true, info(None, vec![])),
        &ours(),
    );
    assert!(own.sightings[0].from_own);
}

/// Goal: the older kind of tokens is never money, whatever its name; what is neither coin nor call moves nothing.
#[test]
fn older_tokens_are_ignored() {
    let older =
        block(TronContract::TransferAsset { to: ALICE }, true, info(None, vec![log(TOKEN, STRANGER, ALICE, 6)]));
    assert_eq!(seen(&older), []);
    assert_eq!(explained(Network::Tron, &older, &ours()), [Finding::Passed(Place::Value, Passed::Trc10)]);
    assert_eq!(seen(&block(TronContract::Other("VoteWitnessContract".into()), true, info(None, vec![]))), []);
}

/// Goal: what a contract moves while it is made is seen as what it moves when it is called, and only where it was made. Method: the same
/// log and the same inner call of a creation, with each receipt; and of another kind of transaction.
#[test]
fn the_making_of_a_contract_pays_too() {
    let mut with = info(Some("SUCCESS"), vec![log(TOKEN, STRANGER, ALICE, 6)]);
    with.internal = vec![TronInternal { from: TOKEN, to: ALICE, value: 5, rejected: false, note: "call".into() }];
    let made = || TronContract::Other("CreateSmartContract".into());
    assert_eq!(seen(&block(made(), true, with.clone())), [(Place::Log(0), 6), (Place::Call(0), 5)]);
    for receipt in [None, Some("REVERT".to_owned())] {
        assert_eq!(seen(&block(made(), true, TronInfo { receipt, ..with.clone() })), []);
    }
    assert_eq!(seen(&block(made(), false, with.clone())), []);
    assert_eq!(seen(&block(TronContract::Other("VoteWitnessContract".into()), true, with)), []);
}

/// Goal: coin that contracts send on is seen, unless the call was rejected, carries nothing or is no call.
#[test]
fn calls_inside_are_followed() {
    let call =
        |note: &str, value, rejected| TronInternal { from: TOKEN, to: ALICE, value, rejected, note: note.into() };
    let mut with = info(Some("SUCCESS"), vec![]);
    with.internal = vec![
        call("call", 5, true),
        call("call", 0, false),
        call("create", 5, false),
        call("call", 5, false),
        call("suicide", 6, false),
        TronInternal { from: ALICE, ..call("call", 7, false) },
    ];
    let block = block(TronContract::Trigger { from: STRANGER, contract: TOKEN }, true, with);
    assert_eq!(seen(&block), [(Place::Call(3), 5), (Place::Call(4), 6)]);
}
