//! Coin and tokens on TRON.

use exchequer_domain::{Network, Place};

use super::evm::{Proved, TRANSFER, transfer};
use super::sighting::Movement;
use super::{Key, Listener, Passed, TronBlock, TronContract, TronInfo, TronTx, Watch};
use crate::rpc::Wide;

/// What a receipt says of a call that did what it should.
pub(crate) const SUCCESS: &str = "SUCCESS";

/// The transaction that makes a contract.
const CREATION: &str = "CreateSmartContract";

pub(super) fn walk(block: &TronBlock, watch: &Watch<'_>, listener: &mut impl Listener) {
    debug_assert_eq!(watch.params.network(), Network::Tron);
    for (tx, info) in block.txs.iter().zip(&block.infos) {
        if !tx.ok || !info.ok || info.id != tx.id {
            listener.passed(tx.id, Place::Value, || Passed::Failed);
            continue;
        }
        match &tx.contract {
            TronContract::Transfer { from, to, amount } => {
                let (from, to, amount) = (*from, *to, Wide::from(u128::from(*amount)));
                let moved =
                    Movement { tx: tx.id, place: Place::Value, contract: None, from, to, amount, unknown_kind: None };
                watch.tell(moved, listener);
            }
            TronContract::TransferAsset { to } => {
                let ours = watch.own.holds(&Key::Account(*to));
                listener.passed(tx.id, Place::Value, || if ours { Passed::Trc10 } else { Passed::NotOurs });
            }
            TronContract::Trigger { .. } => trigger(tx, info, watch, listener),
            // What a contract does while it is made is in its log as well.
            TronContract::Other(kind) if kind == CREATION => trigger(tx, info, watch, listener),
            TronContract::Other(_) => listener.passed(tx.id, Place::Value, || Passed::NoTransfer),
        }
    }
}

/// The call of a contract, or its making: its log, and the coin that it sent on. Only here a receipt has a result.
fn trigger(tx: &TronTx, info: &TronInfo, watch: &Watch<'_>, listener: &mut impl Listener) {
    if info.receipt.as_deref() != Some(SUCCESS) {
        let says = || Passed::NoSuccess(info.receipt.clone().unwrap_or_default());
        return listener.passed(tx.id, Place::Value, says);
    }
    for (ordinal, log) in (0_u32..).zip(&info.logs) {
        let place = Place::Log(ordinal);
        let listed = watch.tokens.contains(&log.address);
        match transfer(log) {
            _ if log.topics.first() != Some(&TRANSFER) => listener.passed(tx.id, place, || Passed::NoTransfer),
            _ if !listed => {
                let text = || super::key::account_text(&watch.params, &log.address);
                listener.passed(tx.id, place, || text().map_or(Passed::NoTransfer, Passed::Unlisted));
            }
            Some((from, to, amount)) => {
                let contract = Some(log.address);
                watch.tell(Movement { tx: tx.id, place, contract, from, to, amount, unknown_kind: None }, listener);
            }
            None if log.topics.len() == 4 => listener.passed(tx.id, place, || Passed::NotFungible),
            None => listener.passed(tx.id, place, || Passed::Misshapen),
        }
    }
    for (number, call) in (0_u32..).zip(&info.internal) {
        let place = Place::Call(number);
        if call.rejected {
            listener.passed(tx.id, place, || Passed::FailedCall);
        } else if !matches!(call.note.as_str(), "call" | "suicide") || call.from == call.to {
            listener.passed(tx.id, place, || Passed::NoTransfer);
        } else {
            let (from, to, amount) = (call.from, call.to, Wide::from(u128::from(call.value)));
            watch.tell(Movement { tx: tx.id, place, contract: None, from, to, amount, unknown_kind: None }, listener);
        }
    }
}

/// Every transfer that a transaction's log proves. Nothing of a call that did not succeed.
#[must_use]
pub fn transfers(tx: &TronTx, info: &TronInfo) -> Vec<Proved> {
    let ok = tx.ok && info.ok && info.id == tx.id && info.receipt.as_deref() == Some(SUCCESS);
    let logs = (0_u32..).zip(&info.logs).filter(|_| ok);
    logs.filter_map(|(at, log)| Proved::of(at, log)).collect()
}
