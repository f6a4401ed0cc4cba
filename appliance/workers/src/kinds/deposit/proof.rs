//! Whether a token's balances follow its log. EVM networks, whose nodes tell balances as of a block.
//!
//! A log says what a contract's maker wants it to say. What an address has before and after the block is asked of a quorum and
//! compared; where it is not what the log makes it, or its contract tells no amount, nothing of the token is certain any more: it is
//! told without an amount, and waits for people. What no quorum tells now is asked again: the block waits. Where too few endpoints keep
//! the state of that block for a quorum ever to tell, the log stands alone, as of any token that was listed with care.

use std::collections::BTreeMap;

use exchequer_chains::Coin;
use exchequer_chains::evm::text;
use exchequer_chains::node::{Panel, PanelError};
use exchequer_chains::scan::{Doubt, EvmBlock, Found, Header, Unsure, evm_transfers};
use exchequer_domain::{BlockHash, BlockRef, ChainAddress};

use super::watched::Suspects;

type Account = (ChainAddress, ChainAddress);

/// Compares what a block's logs say of our addresses with what the addresses have. Arrivals of a token of which it is not the same,
/// now or before, are for people.
///
/// # Errors
/// No quorum tells the balances now: nothing has changed, and the block is to be met again.
pub(super) async fn prove(
    panel: &Panel,
    block: &EvmBlock,
    found: &mut Found,
    suspects: &mut Suspects,
) -> Result<(), String> {
    let mut flows: BTreeMap<Account, (u128, u128)> = BTreeMap::new();
    for seen in &found.sightings {
        // Of what is doubted already nothing has to be asked.
        if let Coin::Token(token) = &seen.coin
            && !suspects.contains_key(token)
        {
            flows.insert((seen.address.clone(), token.clone()), (0, 0));
        }
    }
    if !flows.is_empty() {
        compare(panel, block, flows, suspects).await?;
    }
    let mut certain = Vec::with_capacity(found.sightings.len());
    for seen in found.sightings.drain(..) {
        match &seen.coin {
            Coin::Token(token) if suspects.contains_key(token) => {
                let (tx, place, address, coin) = (seen.tx, seen.place, Some(seen.address), seen.coin);
                found.doubts.push(Doubt { tx, place, address, coin, why: Unsure::Balance });
            }
            Coin::Token(_) | Coin::Native => certain.push(seen),
        }
    }
    found.sightings = certain;
    Ok(())
}

/// Compares what came and left by the log with what was there before and after.
async fn compare(
    panel: &Panel,
    block: &EvmBlock,
    mut flows: BTreeMap<Account, (u128, u128)>,
    suspects: &mut Suspects,
) -> Result<(), String> {
    for receipt in block.receipts.iter().filter(|receipt| receipt.ok) {
        for moved in evm_transfers(receipt) {
            let (token, amount) = (text(&moved.contract), moved.amount.narrow().unwrap_or(u128::MAX));
            if let Some((came, _)) = flows.get_mut(&(text(&moved.to), token.clone())) {
                *came = came.saturating_add(amount);
            }
            if let Some((_, left)) = flows.get_mut(&(text(&moved.from), token)) {
                *left = left.saturating_add(amount);
            }
        }
    }
    let of: Vec<(ChainAddress, Coin)> =
        flows.keys().map(|(address, token)| (address.clone(), Coin::Token(token.clone()))).collect();
    let header = block.header;
    let below = BlockRef { height: header.block.height.saturating_sub(1), hash: header.parent };
    let parent = Header { block: below, parent: BlockHash([0; 32]), time_ms: 0 };
    match (panel.agreed_balances(&of, parent).await, panel.agreed_balances(&of, header).await) {
        (Ok(before), Ok(after)) => {
            for (((address, token), (came, left)), (before, after)) in flows.iter().zip(before.iter().zip(&after)) {
                // What is not told and what is not counted with is not the same.
                let due = before.and_then(|before| before.checked_add(*came));
                let has = after.and_then(|after| after.checked_add(*left));
                let same = due.zip(has).is_some_and(|(due, has)| due == has);
                if !same && !suspects.contains_key(token) {
                    let words =
                        |told: &Option<u128>| told.map_or_else(|| "an unknown amount".to_owned(), |n| n.to_string());
                    let why = format!(
                        "{address} had {} before block {} and has {} after it, and the log says {came} in and {left} out",
                        words(before),
                        header.block.height,
                        words(after)
                    );
                    tracing::error!("token {token}: {why}: nothing of the token is credited by itself any more");
                    suspects.insert(token.clone(), Some(why));
                }
            }
        }
        (Err(PanelError::Forgotten), _) | (_, Err(PanelError::Forgotten)) => {
            tracing::debug!("balances of block {} are forgotten", header.block.height);
        }
        (Err(why), _) | (_, Err(why)) => {
            return Err(format!("balances around block {}, which tokens moved in: {why}", header.block.height));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use exchequer_chains::rpc::Wide;
    use exchequer_chains::scan::{EvmLog, EvmReceipt, EvmTx, Sighting};
    use exchequer_domain::{Place, TxId};

    use super::super::played::{Played, header, panel};
    use super::*;

    const TOKEN: [u8; 20] = [0xaa; 20];
    const OURS: [u8; 20] = [1; 20];
    const TRANSFER: &str = "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";

    /// A block in which 50 arrive at ours, in two logs, and 20 leave.
    fn block() -> (EvmBlock, Found) {
        let word = |account: [u8; 20]| {
            let mut word = [0; 32];
            word[12..].copy_from_slice(&account);
            word
        };
        let topic: Vec<u8> = (0..32).map(|at| u8::from_str_radix(&TRANSFER[2 * at..2 * at + 2], 16).unwrap()).collect();
        let log = |from, to, amount: u128| EvmLog {
            address: TOKEN,
            topics: vec![topic.clone().try_into().unwrap(), word(from), word(to)],
            data: Wide::from(amount).0.to_vec(),
            removed: false,
        };
        let logs = vec![log([9; 20], OURS, 30), log(OURS, [9; 20], 20), log([9; 20], OURS, 20)];
        let tx = EvmTx { hash: TxId([5; 32]), kind: 2, from: [9; 20], to: Some(TOKEN), value: Wide::default() };
        let receipts = vec![EvmReceipt { tx: tx.hash, ok: true, logs }];
        let seen = |place, amount| Sighting {
            tx: TxId([5; 32]),
            place: Place::Log(place),
            address: text(&OURS),
            coin: Coin::Token(text(&TOKEN)),
            amount,
            from_own: false,
            coinbase: false,
        };
        let found = Found { sightings: vec![seen(0, 30), seen(2, 20)], ..Found::default() };
        (EvmBlock { header: header(8), txs: vec![tx], receipts, traces: None }, found)
    }

    /// Goal: what a token's log says is believed where balances follow it, and kept for people where they do not: with a fee that
    /// the log conceals, a log without money, more than the log says, a contract that tells no balance. Once is enough for all that comes after; one node's word
    /// proves nothing against a token, and the block waits; forgotten balances prove nothing either. Method: balances around the block.
    #[tokio::test(start_paused = true)]
    async fn a_log_without_the_balance_is_not_credited() {
        let nodes = [Arc::new(Played::new("one")), Arc::new(Played::new("two"))];
        let panel = panel(&nodes).await;
        let both = |balances| nodes.iter().for_each(|node| *node.balances.lock() = balances);
        for (balances, certain) in [
            (Some([Some(100), Some(130)]), true),
            (None, true),
            (Some([Some(100), Some(129)]), false),
            (Some([Some(100), Some(100)]), false),
            (Some([Some(100), Some(131)]), false),
            (Some([Some(u128::MAX), Some(29)]), false),
            (Some([None, Some(130)]), false),
            (Some([Some(100), None]), false),
            (Some([None, None]), false),
        ] {
            both(balances);
            let (block, mut found) = block();
            let mut suspects = Suspects::new();
            prove(&panel, &block, &mut found, &mut suspects).await.unwrap();
            let counts = (found.sightings.len(), found.doubts.len());
            assert_eq!(counts, if certain { (2, 0) } else { (0, 2) }, "{balances:?}");
            assert_eq!(suspects.is_empty(), certain);
            both(Some([Some(100), Some(130)]));
            let (block, mut again) = self::block();
            prove(&panel, &block, &mut again, &mut suspects).await.unwrap();
            assert_eq!(again.sightings.is_empty(), !certain, "a token that was caught stays so");
        }
        *nodes[0].balances.lock() = Some([Some(100), Some(100)]);
        *nodes[1].balances.lock() = Some([Some(100), Some(130)]);
        // Two that contradict each other: not now.
        let (block, mut found) = block();
        let before = found.clone();
        let mut suspects = Suspects::new();
        assert!(prove(&panel, &block, &mut found, &mut suspects).await.is_err());
        assert_eq!(
            (found, suspects.is_empty()),
            (before.clone(), true),
            "one node's word proves nothing against a token"
        );
        // One that has forgotten is one too few for ever.
        *nodes[1].balances.lock() = None;
        let mut found = before.clone();
        prove(&panel, &block, &mut found, &mut suspects).await.unwrap();
        assert_eq!((found, suspects.is_empty()), (before, true));
    }
}
