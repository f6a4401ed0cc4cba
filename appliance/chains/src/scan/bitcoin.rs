//! Outputs of Bitcoin.

use exchequer_domain::{OutPoint, Place, TxId};

use super::key::script_text;
use super::{BitcoinBlock, Doubt, Key, Listener, Passed, Sighting, Unsure, Watch};
use crate::Coin;

/// The name of a transaction, in the order of bytes in which nodes print it.
pub(crate) fn name(tx: &bitcoin::Transaction) -> TxId {
    printed(tx.compute_txid())
}

fn printed(txid: bitcoin::Txid) -> TxId {
    let mut bytes = *AsRef::<[u8; 32]>::as_ref(&txid);
    bytes.reverse();
    TxId(bytes)
}

pub(super) fn walk(block: &BitcoinBlock, watch: &Watch<'_>, listener: &mut impl Listener) {
    for tx in &block.txs {
        // Hashing a transaction costs more than looking for its outputs: only where it has to do with us.
        let mut named: Option<TxId> = None;
        let coinbase = tx.is_coinbase();
        let mut from_own = false;
        if !coinbase {
            for input in &tx.input {
                let coin = OutPoint { tx: printed(input.previous_output.txid), vout: input.previous_output.vout };
                if watch.own.spends(&coin) {
                    // One is enough: we sign nothing that others pay for too.
                    from_own = true;
                    listener.spent(*named.get_or_insert_with(|| name(tx)), coin);
                }
            }
        }
        for (vout, output) in (0_u32..).zip(&tx.output) {
            let place = Place::Output(vout);
            let ours = watch.own.holds(&Key::of_script(output.script_pubkey.as_bytes()));
            let amount = output.value.to_sat();
            if !ours || amount == 0 {
                if listener.wants(|| *named.get_or_insert_with(|| name(tx))) {
                    let why = || if ours { Passed::Nothing } else { Passed::NotOurs };
                    listener.passed(*named.get_or_insert_with(|| name(tx)), place, why);
                }
                continue;
            }
            let tx = *named.get_or_insert_with(|| name(tx));
            match script_text(&watch.params, &output.script_pubkey) {
                Some(address) => {
                    let amount = u128::from(amount);
                    listener.seen(Sighting { tx, place, address, coin: Coin::Native, amount, from_own, coinbase });
                }
                None => listener.doubt(Doubt { tx, place, address: None, coin: Coin::Native, why: Unsure::NoText }),
            }
        }
    }
}
