//! Bitcoin.

use ::bitcoin::absolute::LockTime;
use ::bitcoin::hashes::Hash;
use ::bitcoin::transaction::Version;
use ::bitcoin::{Amount, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid, WPubkeyHash, Witness};

use super::super::bitcoin::name;
use super::*;

fn script(number: u8) -> ScriptBuf {
    ScriptBuf::new_p2wpkh(&WPubkeyHash::from_byte_array([number; 20]))
}

fn own() -> Ours {
    // Printed backwards, as nodes do: the coin of transaction 0x0505..05 reads the same both ways, that of 0x0102.. does not.
    let mut printed = [0; 32];
    (printed[30], printed[31]) = (2, 1);
    let coins = HashSet::from([OutPoint { tx: TxId(printed), vout: 3 }]);
    Ours { keys: [script(1), script(2)].iter().map(|script| Key::of_script(script.as_bytes())).collect(), coins }
}

fn input(first: u8, second: u8, vout: u32) -> TxIn {
    let mut bytes = [0; 32];
    (bytes[0], bytes[1]) = (first, second);
    TxIn {
        previous_output: ::bitcoin::OutPoint { txid: Txid::from_byte_array(bytes), vout },
        script_sig: ScriptBuf::new(),
        sequence: Sequence::MAX,
        witness: Witness::new(),
    }
}

fn tx(input: Vec<TxIn>, outputs: &[(u8, u64)]) -> Transaction {
    let output =
        outputs.iter().map(|(to, sats)| TxOut { value: Amount::from_sat(*sats), script_pubkey: script(*to) }).collect();
    Transaction { version: Version::TWO, lock_time: LockTime::ZERO, input, output }
}

fn block(txs: Vec<Transaction>) -> Block {
    Block::Bitcoin(BitcoinBlock { header: header(5, 5), txs })
}

/// Goal: every output to us is seen, however many there are, under the transaction's printed name; nothing else is.
#[test]
fn every_output_is_seen() {
    let outputs: Vec<(u8, u64)> = (0..300).map(|n| (1 + (n % 3) as u8, n)).collect();
    let paying = tx(vec![input(9, 9, 0)], &outputs);
    let found = found(Network::Bitcoin, &block(vec![paying.clone()]), &own());
    let expected: Vec<(Place, u128)> =
        (0..300_u32).filter(|n| n % 3 < 2 && *n > 0).map(|n| (Place::Output(n), n.into())).collect();
    assert_eq!(amounts(&found), expected);
    assert_eq!(found.sightings[0].tx.to_string(), paying.compute_txid().to_string());
    assert_eq!(found.sightings[0].tx, name(&paying));
    assert_eq!((found.doubts.len(), found.spent.len()), (0, 0));
    let said = explained(Network::Bitcoin, &block(vec![paying]), &own());
    assert_eq!(said.len(), 300, "each output is explained");
}

/// Goal: what a transaction that spends our coins pays to us is no deposit, and the spending is told; made coins are marked.
#[test]
fn own_spending_and_made_coins() {
    let change = tx(vec![input(9, 9, 0), input(1, 2, 3)], &[(1, 10), (7, 20)]);
    let found_change = found(Network::Bitcoin, &block(vec![change.clone()]), &own());
    assert!(found_change.sightings[0].from_own);
    assert_eq!(found_change.spent.len(), 1);
    assert_eq!(found_change.spent[0].0, name(&change));
    let other_output = tx(vec![input(1, 2, 4)], &[(1, 10)]);
    let found_other = found(Network::Bitcoin, &block(vec![other_output]), &own());
    assert!(!found_other.sightings[0].from_own && found_other.spent.is_empty());
    let made = TxIn { previous_output: ::bitcoin::OutPoint::null(), ..input(0, 0, 0) };
    let found_made = found(Network::Bitcoin, &block(vec![tx(vec![made], &[(2, 10)])]), &own());
    assert!(found_made.sightings[0].coinbase && !found_made.sightings[0].from_own);
    assert!(!found_change.sightings[0].coinbase);
}
