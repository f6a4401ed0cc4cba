//! EVM networks.

use super::super::sighting::Unsure;
use super::*;
use crate::Coin;

type Arrivals = Vec<(Place, u128)>;

fn tx(number: u8, to: [u8; 20], value: u128) -> EvmTx {
    EvmTx { hash: tx_id(number), kind: 2, from: STRANGER, to: Some(to), value: Wide::from(value) }
}

fn block(txs: Vec<(EvmTx, bool, Vec<EvmLog>)>) -> EvmBlock {
    let receipts = txs.iter().map(|(tx, ok, logs)| EvmReceipt { tx: tx.hash, ok: *ok, logs: logs.clone() }).collect();
    let txs = txs.into_iter().map(|(tx, _, _)| tx).collect();
    EvmBlock { header: header(5, 5), txs, receipts, traces: None }
}

fn one(tx: EvmTx, ok: bool, logs: Vec<EvmLog>) -> Block {
    Block::Evm(block(vec![(tx, ok, logs)]))
}

fn on(network: Network, block: &Block) -> Vec<(Place, u128)> {
    let found = found(network, block, &ours());
    assert_eq!(found.doubts, []);
    amounts(&found)
}

/// Goal: coin and listed tokens that arrive are seen where they arrive, and nothing of what only looks like it: a failed
/// transaction, a forged or foreign event, a thing with a number, an event of another form, zero. Method: a table.
#[test]
fn what_arrives_is_seen_and_nothing_else() {
    let good = || log(TOKEN, STRANGER, ALICE, 50);
    let changed = |change: fn(&mut EvmLog)| {
        let mut log = good();
        change(&mut log);
        vec![log]
    };
    let cases: Vec<(&str, Block, Arrivals)> = vec![
        ("coin", one(tx(1, ALICE, 10), true, vec![]), vec![(Place::Value, 10)]),
        ("failed coin", one(tx(1, ALICE, 10), false, vec![]), vec![]),
        ("nothing", one(tx(1, ALICE, 0), true, vec![]), vec![]),
        ("to a stranger", one(tx(1, STRANGER, 10), true, vec![]), vec![]),
        ("token", one(tx(1, TOKEN, 0), true, vec![good()]), vec![(Place::Log(0), 50)]),
        ("failed token", one(tx(1, TOKEN, 0), false, vec![good()]), vec![]),
        ("token through another contract", one(tx(1, FORGER, 0), true, vec![good()]), vec![(Place::Log(0), 50)]),
        ("call without an event", one(tx(1, TOKEN, 0), true, vec![]), vec![]),
        ("forged", one(tx(1, FORGER, 0), true, vec![log(FORGER, STRANGER, ALICE, 50)]), vec![]),
        ("four topics", one(tx(1, TOKEN, 0), true, changed(|log| log.topics.push(word(ALICE)))), vec![]),
        (
            "four topics, no data",
            one(tx(1, TOKEN, 0), true, {
                let mut log = good();
                log.topics = vec![TRANSFER, word(STRANGER), word(STRANGER), word(ALICE)];
                log.data = vec![];
                vec![log]
            }),
            vec![],
        ),
        ("two topics", one(tx(1, TOKEN, 0), true, changed(|log| log.topics.truncate(2))), vec![]),
        ("no topics", one(tx(1, TOKEN, 0), true, changed(|log| log.topics.clear())), vec![]),
        ("short data", one(tx(1, TOKEN, 0), true, changed(|log| log.data.truncate(31))), vec![]),
        ("long data", one(tx(1, TOKEN, 0), true, changed(|log| log.data.push(0))), vec![]),
        ("dirty address", one(tx(1, TOKEN, 0), true, changed(|log| log.topics[2][0] = 1)), vec![]),
        ("taken back", one(tx(1, TOKEN, 0), true, changed(|log| log.removed = true)), vec![]),
        ("another event", one(tx(1, TOKEN, 0), true, changed(|log| log.topics[0][0] ^= 1)), vec![]),
        ("zero tokens", one(tx(1, TOKEN, 0), true, vec![log(TOKEN, STRANGER, ALICE, 0)]), vec![]),
        (
            "both, fee on transfer, several",
            one(
                tx(1, ALICE, 3),
                true,
                vec![
                    log(FORGER, STRANGER, ALICE, 1),
                    log(TOKEN, STRANGER, ALICE, 999),
                    log(TOKEN, STRANGER, STRANGER, 1),
                    log(TOKEN, STRANGER, BOB, 4),
                ],
            ),
            vec![(Place::Value, 3), (Place::Log(1), 999), (Place::Log(3), 4)],
        ),
        ("makes a contract", one(EvmTx { to: None, ..tx(1, ALICE, 10) }, true, vec![]), vec![]),
        ("max", one(tx(1, ALICE, u128::MAX), true, vec![]), vec![(Place::Value, u128::MAX)]),
    ];
    for (name, block, expected) in cases {
        assert_eq!(on(Network::Ethereum, &block), expected, "{name}");
        let seen = explained(Network::Ethereum, &block, &ours());
        assert!(!seen.is_empty(), "{name}: an explanation says something");
        let count = seen.iter().filter(|finding| matches!(finding, Finding::Seen(_))).count();
        assert_eq!(count, expected.len(), "{name}: explained as it was decided");
    }
}

/// Goal: all of many arrivals in one transaction are seen, each under its own key.
#[test]
fn many_arrivals_of_one_transaction() {
    let logs = (0..300).map(|n| log(TOKEN, STRANGER, if n % 2 == 0 { ALICE } else { BOB }, n + 1)).collect();
    let seen = on(Network::Bsc, &one(tx(1, FORGER, 0), true, logs));
    assert_eq!(seen.len(), 300);
    assert_eq!(seen[299], (Place::Log(299), 300));
}

/// Goal: keys survive that a transaction moves to another place in another block.
#[test]
fn keys_do_not_depend_on_the_block() {
    let ours_tx = || (tx(1, TOKEN, 0), true, vec![log(TOKEN, STRANGER, STRANGER, 1), log(TOKEN, STRANGER, ALICE, 5)]);
    let other = || (tx(2, TOKEN, 0), true, vec![log(TOKEN, STRANGER, STRANGER, 1)]);
    let first = found(Network::Ethereum, &Block::Evm(block(vec![ours_tx(), other()])), &ours());
    let second = found(Network::Ethereum, &Block::Evm(block(vec![other(), other(), ours_tx()])), &ours());
    assert_eq!(first.sightings, second.sightings);
    assert_eq!((first.sightings[0].tx, first.sightings[0].place), (tx_id(1), Place::Log(1)));
}

/// Goal: money from an address of ours is marked, whether coin or token; an amount that is not counted with and a kind of
/// transaction that is not known are for people, and never credited.
#[test]
fn own_money_and_doubts() {
    let own = EvmTx { from: HOT, ..tx(1, ALICE, 7) };
    let found_in = |block: &Block| found(Network::Ethereum, block, &ours());
    assert!(found_in(&one(own, true, vec![])).sightings[0].from_own);
    assert!(found_in(&one(tx(1, TOKEN, 0), true, vec![log(TOKEN, HOT, ALICE, 7)])).sightings[0].from_own);
    assert!(!found_in(&one(tx(1, ALICE, 7), true, vec![])).sightings[0].from_own);

    let mut large = log(TOKEN, STRANGER, ALICE, 7);
    large.data[15] = 1;
    let doubts = found_in(&one(tx(1, TOKEN, 0), true, vec![large]));
    assert_eq!(doubts.sightings, []);
    assert!(matches!(doubts.doubts[..], [Doubt { place: Place::Log(0), why: Unsure::Amount(_), .. }]));
    let strange = found_in(&one(EvmTx { kind: 0x50, ..tx(1, ALICE, 7) }, true, vec![]));
    assert_eq!(strange.sightings, []);
    assert!(matches!(
        &strange.doubts[..],
        [Doubt { why: Unsure::Kind(0x50), coin: Coin::Native, address: Some(_), .. }]
    ));
}

/// Goal: each network's own transactions and events are treated as what they are. Method: kinds and the coin's contract on all.
#[test]
fn networks_differ() {
    let mut polygon_coin = [0; 20];
    polygon_coin[18..].copy_from_slice(&[0x10, 0x10]);
    let tokens = BTreeSet::from([TOKEN, polygon_coin]);
    let own = ours();
    let on_polygon = |block: &Block| {
        scan(block, &Watch { params: NetworkParams::mainnet(Network::Polygon), own: &own, tokens: &tokens }).sightings
    };
    let system = one(tx(1, STRANGER, 0), true, vec![log(polygon_coin, STRANGER, ALICE, 5)]);
    assert_eq!(on_polygon(&system), [], "even if somebody lists it");
    let kind = |kind| one(EvmTx { kind, ..tx(1, ALICE, 5) }, true, vec![log(TOKEN, STRANGER, ALICE, 6)]);
    assert_eq!(on_polygon(&kind(0x7f)), []);
    for (network, number, arrives) in [
        (Network::Arbitrum, 0x64, true),
        (Network::Arbitrum, 0x68, true),
        (Network::Arbitrum, 0x69, true),
        (Network::Arbitrum, 0x6a, false),
        (Network::Arbitrum, 2, true),
        (Network::Bsc, 0, true),
        (Network::Ethereum, 4, true),
    ] {
        assert_eq!(on(network, &kind(number)).len(), if arrives { 2 } else { 0 }, "{network} {number:#x}");
    }
    assert_eq!(found(Network::Ethereum, &kind(0x64), &own).sightings, [], "Arbitrum's only there");
}

fn frame(depth: u32, kind: &str, to: [u8; 20], value: u128, failed: bool) -> Frame {
    Frame { depth, kind: kind.into(), from: STRANGER, to: Some(to), value: Wide::from(value), failed }
}

/// Goal: coin that contracts send on is seen once, by the number of its call; not where the call, or any that it is inside of,
/// failed, nor where the kind of call moves nothing. Method: trees of calls as lists.
#[test]
fn calls_are_followed() {
    let outer = || frame(0, "CALL", FORGER, 0, false);
    let cases: Vec<(&str, Vec<Frame>, Arrivals)> = vec![
        ("sent on", vec![outer(), frame(1, "CALL", ALICE, 5, false)], vec![(Place::Call(0), 5)]),
        ("itself failed", vec![outer(), frame(1, "CALL", ALICE, 5, true)], vec![]),
        ("parent failed", vec![outer(), frame(1, "CALL", FORGER, 0, true), frame(2, "CALL", ALICE, 5, false)], vec![]),
        (
            "grandparent failed, sibling after it did not",
            vec![
                outer(),
                frame(1, "CALL", FORGER, 0, true),
                frame(2, "CALL", FORGER, 0, false),
                frame(3, "CALL", ALICE, 5, false),
                frame(2, "CALL", ALICE, 5, true),
                frame(2, "CALL", ALICE, 5, false),
                frame(1, "CALL", BOB, 6, false),
            ],
            vec![(Place::Call(5), 6)],
        ),
        ("outermost failed", vec![frame(0, "CALL", FORGER, 0, true), frame(1, "CALL", ALICE, 5, false)], vec![]),
        (
            "carried along",
            vec![outer(), frame(1, "DELEGATECALL", ALICE, 5, false), frame(1, "CALLCODE", ALICE, 5, false)],
            vec![],
        ),
        ("read only", vec![outer(), frame(1, "STATICCALL", ALICE, 0, false)], vec![]),
        ("left over", vec![outer(), frame(1, "SELFDESTRUCT", ALICE, 8, false)], vec![(Place::Call(0), 8)]),
        ("the outermost is the value", vec![frame(0, "CALL", ALICE, 5, false)], vec![]),
        ("to itself", vec![outer(), Frame { from: ALICE, ..frame(1, "CALL", ALICE, 5, false) }], vec![]),
    ];
    for (name, frames, expected) in cases {
        let mut block = block(vec![(tx(1, FORGER, 0), true, vec![])]);
        block.traces = Some(vec![frames.clone()]);
        assert_eq!(on(Network::Ethereum, &Block::Evm(block.clone())), expected, "{name}");
        block.receipts[0].ok = false;
        assert_eq!(on(Network::Ethereum, &Block::Evm(block)), [], "{name}: all of it failed");
    }
}
