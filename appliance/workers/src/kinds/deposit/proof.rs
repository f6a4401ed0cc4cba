//! Whether a token's balances follow its log. EVM networks, whose nodes tell balances as of a block.
//!
//! A log says what a contract's maker wants it to say. What an address has before and after the block is asked of a quorum and
//! compared; where it is not what the log makes it, or its contract tells no amount, nothing of the token is certain any more: it is
//! told without an amount, and waits for people.
//!
//! Where no quorum tells, a control is asked in the same way: the network's own coin, and a contract that is part of the network, in
//! which no maker has a word. Is that told, the token is what hinders: its block waits for ten minutes of that, or until nodes have
//! forgotten, and then it is doubted, so that it neither holds up its network nor comes through by waiting. Have nodes forgotten the
//! control as well, after a time in which nobody scanned, or refuse it for ten minutes and tell that of the head, the log stands alone, as
//! of any token that was listed with care. Anything else is trouble of endpoints, and the block waits. What was waited for is known to one worker: the next one begins anew.

use std::collections::{BTreeMap, BTreeSet};

use exchequer_chains::Coin;
use exchequer_chains::evm::text;
use exchequer_chains::node::{Panel, PanelError};
use exchequer_chains::scan::{Doubt, EvmBlock, Found, Header, Unsure, evm_transfers};
use exchequer_domain::{BlockHash, BlockRef, ChainAddress};

use super::untold::{Clock, Hinders, PATIENCE, Untold};
use super::watched::Suspects;

/// So often a token has to hinder before what nodes have forgotten is held against it: once may be a node's own trouble.
const HINDERED_MIN: u32 = 3;

/// What a token's log is worth.
enum Worth {
    /// Its balances follow it.
    Proved,
    /// Nobody knows its balances any more: it stands alone.
    Alone,
    /// They do not follow it, or nobody is told them.
    Doubted(String),
    /// It is not known now.
    Waits(String),
}

/// Compares what a block's logs say of our addresses with what the addresses have. Arrivals of a token of which it is not the same,
/// now or before, are for people. Of which tokens the log stands alone.
///
/// # Errors
/// No quorum tells the balances now: the block is to be met again.
pub(super) async fn prove(
    panel: &Panel,
    block: &EvmBlock,
    found: &mut Found,
    (suspects, untold): (&mut Suspects, &mut Untold),
) -> Result<BTreeSet<ChainAddress>, String> {
    let (header, height) = (block.header, block.header.block.height);
    let (mut alone, mut waits) = (BTreeSet::new(), None);
    for (token, flows) in flows(block, found, suspects) {
        let worth = match compare(panel, header, &token, &flows).await {
            Ok(said) => {
                untold.refused = Clock::default();
                said.map_or_else(Worth::Doubted, |()| Worth::Proved)
            }
            Err(error) => unknown(panel, header, (&token, &flows), untold, &error).await,
        };
        if !matches!(worth, Worth::Waits(_)) {
            untold.tokens.remove(&token);
        }
        match worth {
            Worth::Proved => {}
            Worth::Alone => {
                tracing::warn!(
                    "token {token}: nodes have forgotten the balances around block {height}: its log stands alone"
                );
                alone.insert(token);
            }
            Worth::Doubted(why) => {
                tracing::error!("token {token}: {why}: nothing of the token is credited by itself any more");
                suspects.insert(token, Some(why));
            }
            Worth::Waits(why) => {
                waits =
                    Some(format!("balances of token {token} around block {height}, in which some of it moved: {why}"));
            }
        }
    }
    if let Some(why) = waits {
        return Err(why);
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
    Ok(alone)
}

/// What moved of tokens at addresses of ours where some arrived. Of what is doubted already nothing has to be asked.
fn flows(block: &EvmBlock, found: &Found, suspects: &Suspects) -> BTreeMap<ChainAddress, Flows> {
    let mut tokens: BTreeMap<ChainAddress, Flows> = BTreeMap::new();
    for seen in &found.sightings {
        if let Coin::Token(token) = &seen.coin
            && !suspects.contains_key(token)
        {
            tokens.entry(token.clone()).or_default().insert(seen.address.clone(), (0, 0));
        }
    }
    if tokens.is_empty() {
        return tokens;
    }
    for receipt in block.receipts.iter().filter(|receipt| receipt.ok) {
        for moved in evm_transfers(receipt) {
            let amount = moved.amount.narrow().unwrap_or(u128::MAX);
            let Some(flows) = tokens.get_mut(&text(&moved.contract)) else { continue };
            if let Some((came, _)) = flows.get_mut(&text(&moved.to)) {
                *came = came.saturating_add(amount);
            }
            if let Some((_, left)) = flows.get_mut(&text(&moved.from)) {
                *left = left.saturating_add(amount);
            }
        }
    }
    tokens
}

/// What came and what left of a token at addresses, by its log.
type Flows = BTreeMap<ChainAddress, (u128, u128)>;

/// Compares what came and left of a token by its log with what was there before and after, and says what is not the same.
///
/// # Errors
/// What no quorum tells.
async fn compare(
    panel: &Panel,
    header: Header,
    token: &ChainAddress,
    flows: &Flows,
) -> Result<Result<(), String>, PanelError> {
    let of: Vec<(ChainAddress, Coin)> = flows.keys().map(|own| (own.clone(), Coin::Token(token.clone()))).collect();
    let before = panel.agreed_balances(&of, parent_of(header)).await?;
    let after = panel.agreed_balances(&of, header).await?;
    for ((address, (came, left)), (before, after)) in flows.iter().zip(before.iter().zip(&after)) {
        // What is not told and what is not counted with is not the same.
        let due = before.and_then(|before| before.checked_add(*came));
        let has = after.and_then(|after| after.checked_add(*left));
        let same = due.zip(has).is_some_and(|(due, has)| due == has);
        if !same {
            let words = |told: &Option<u128>| told.map_or_else(|| "an unknown amount".to_owned(), |n| n.to_string());
            return Ok(Err(format!(
                "{address} had {} before block {} and has {} after it, and the log says {came} in and {left} out",
                words(before),
                header.block.height,
                words(after)
            )));
        }
    }
    Ok(Ok(()))
}

/// The block before one.
fn parent_of(header: Header) -> Header {
    let below = BlockRef { height: header.block.height.saturating_sub(1), hash: header.parent };
    Header { block: below, parent: BlockHash([0; 32]), time_ms: 0 }
}

/// What a log is worth of whose token no quorum tells.
async fn unknown(
    panel: &Panel,
    header: Header,
    (token, flows): (&ChainAddress, &Flows),
    untold: &mut Untold,
    error: &PanelError,
) -> Worth {
    let of: Vec<(ChainAddress, Coin)> =
        flows.keys().flat_map(|own| [Coin::Native, control()].map(|coin| (own.clone(), coin))).collect();
    let told = match panel.agreed_balances(&of, parent_of(header)).await {
        Ok(_) => panel.agreed_balances(&of, header).await,
        Err(error) => Err(error),
    };
    let hinders = untold.tokens.entry(token.clone()).or_default();
    if hinders.block != Some(header.block.hash) {
        *hinders = Hinders { block: Some(header.block.hash), ..Hinders::default() };
    }
    let gone = match told {
        Ok(_) => {
            hinders.seen.again();
            untold.refused = Clock::default();
            return match hinders.seen.is_over() {
                true => Worth::Doubted(format!(
                    "for {} minutes no quorum tells of it alone: {error}",
                    PATIENCE.as_secs() / 60
                )),
                false => Worth::Waits(error.to_string()),
            };
        }
        Err(PanelError::Forgotten) => true,
        // In words that nobody knows: where it goes on, and the head is told, the state is not there any more. It need not begin anew
        // with each block.
        Err(PanelError::Refused(_)) if head_is_told(panel, &of).await => {
            untold.refused.again();
            untold.refused.is_over()
        }
        Err(_) => {
            untold.refused.pause();
            false
        }
    };
    hinders.seen.pause();
    match (gone, hinders.seen.times >= HINDERED_MIN) {
        (true, true) => Worth::Doubted("no quorum told of it alone as long as nodes had the state".to_owned()),
        (true, false) => Worth::Alone,
        (false, _) => Worth::Waits(error.to_string()),
    }
}

/// A contract that is part of every EVM network, at address 4: it answers what it was asked, which is no amount, and agreed on as such.
pub(super) fn control() -> Coin {
    let mut identity = [0; 20];
    identity[19] = 4;
    Coin::Token(text(&identity))
}

/// Whether a quorum tells the same of the head of the chain.
async fn head_is_told(panel: &Panel, of: &[(ChainAddress, Coin)]) -> bool {
    match panel.agreed_header(panel.best_head()).await {
        Ok(head) => panel.agreed_balances(of, head).await.is_ok(),
        Err(_) => false,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use exchequer_chains::node::NodeError;
    use exchequer_chains::rpc::{RpcError, Wide};
    use exchequer_chains::scan::{EvmLog, EvmReceipt, EvmTx, Sighting};
    use exchequer_domain::{Place, TxId};
    use tokio::time::Duration;

    use super::super::played::{Played, header, panel};
    use super::*;

    pub(in super::super) const TOKEN: [u8; 20] = [0xaa; 20];
    pub(in super::super) const OURS: [u8; 20] = [1; 20];
    const TRANSFER: &str = "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";

    /// A block in which 50 arrive at ours, in two logs, and 20 leave.
    pub(in super::super) fn block() -> (EvmBlock, Found) {
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
    /// the log conceals, a log without money, more than the log says, a contract that tells no balance. Once is enough for all that
    /// comes after; one node's word proves nothing against a token, and the block waits; forgotten balances prove nothing either. Method: balances around the block.
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
            let (mut suspects, mut untold) = (Suspects::new(), Untold::default());
            prove(&panel, &block, &mut found, (&mut suspects, &mut untold)).await.unwrap();
            let counts = (found.sightings.len(), found.doubts.len());
            assert_eq!(counts, if certain { (2, 0) } else { (0, 2) }, "{balances:?}");
            assert_eq!(suspects.is_empty(), certain);
            both(Some([Some(100), Some(130)]));
            let (block, mut again) = self::block();
            prove(&panel, &block, &mut again, (&mut suspects, &mut untold)).await.unwrap();
            assert_eq!(again.sightings.is_empty(), !certain, "a token that was caught stays so");
        }
        *nodes[0].balances.lock() = Some([Some(100), Some(100)]);
        *nodes[1].balances.lock() = Some([Some(100), Some(130)]);
        // Two that contradict each other: not now.
        let (block, mut found) = block();
        let before = found.clone();
        let (mut suspects, mut untold) = (Suspects::new(), Untold::default());
        assert!(prove(&panel, &block, &mut found, (&mut suspects, &mut untold)).await.is_err());
        assert_eq!((&found, suspects.len()), (&before, 0), "one node's word proves nothing against a token");
        // One of two has forgotten, and no quorum will ever tell: of a token that hindered before that is held against it.
        for (rounds, certain) in [(0, true), (1, true), (1, false)] {
            *nodes[1].balances.lock() = Some([Some(100), Some(130 + 1)]);
            for _ in 0..rounds {
                assert!(prove(&panel, &block, &mut found, (&mut suspects, &mut untold)).await.is_err());
            }
            *nodes[1].balances.lock() = None;
            for (mut untold, certain) in [(Untold::default(), true), (untold.clone(), certain)] {
                let (mut found, mut suspects) = (before.clone(), Suspects::new());
                prove(&panel, &block, &mut found, (&mut suspects, &mut untold)).await.unwrap();
                assert_eq!((found == before, suspects.is_empty()), (certain, certain), "{rounds}");
            }
        }
    }

    /// Goal: a token of which no quorum tells is doubted in the end, so that it does not hold up its network for ever; not while the nodes
    /// tell nothing else either, and not where it is told again before. Method: nodes that contradict each other about a token, and about
    /// the coin or not, in paused time.
    #[tokio::test(start_paused = true)]
    async fn a_token_does_not_hold_up_its_network() {
        let nodes = [Arc::new(Played::new("one")), Arc::new(Played::new("two"))];
        let panel = panel(&nodes).await;
        let (mut suspects, mut untold) = (Suspects::new(), Untold::default());
        let (block, whole) = block();
        let good = Some([Some(100), Some(130)]);
        let set = |balances, coins| {
            *nodes[0].balances.lock() = good;
            *nodes[1].balances.lock() = balances;
            *nodes[1].coins.lock() = coins;
        };
        let other = Some([Some(100), Some(100)]);
        for (minutes, balances, coins, came) in [
            (0, other, 0, None),
            (9, other, 0, None),
            // While the coin is not told either its time stands still.
            (60, other, 1, None),
            (1, other, 0, None),
            (0, good, 1, Some(true)),
            (0, other, 0, None),
            (9, other, 0, None),
            (2, other, 0, Some(false)),
            (0, good, 0, Some(false)),
        ] {
            set(balances, coins);
            let mut last = None;
            for minute in 0..=minutes {
                if minute > 0 {
                    tokio::time::advance(Duration::from_secs(60)).await;
                    panel.refresh().await;
                }
                if minute > 0 || minutes == 0 {
                    let mut found = whole.clone();
                    let proved = prove(&panel, &block, &mut found, (&mut suspects, &mut untold)).await;
                    last = proved.is_ok().then_some(found == whole);
                }
            }
            assert_eq!(last, came, "{minutes} {balances:?} {coins}");
        }
    }

    /// Goal: what nodes refuse in words that nobody knows ends as well: where they refuse a state for ten minutes and tell of the head, it is
    /// gone, for the blocks behind it at once; the log stands alone, as one can see. Nothing is taken for gone because nodes are away, or
    /// refuse the head too, or contradict each other. Method: nodes that do not tell of the parent, in paused time.
    #[tokio::test(start_paused = true)]
    async fn a_state_that_is_gone_is_known_without_words() {
        let refused = RpcError::Refused { code: -32_000, message: "not in these words".to_owned(), data: None };
        let away = RpcError::Unreachable("it is away".to_owned());
        for (error, head, minutes, ends) in [
            (Some(&refused), true, 11, true),
            (Some(&refused), true, 8, false),
            (Some(&refused), false, 60, false),
            (Some(&away), true, 60, false),
            (None, true, 60, false),
        ] {
            let nodes = [Arc::new(Played::new("one")), Arc::new(Played::new("two"))];
            let panel = panel(&nodes).await;
            let ((mut block, whole), mut untold) = (block(), Untold::default());
            for (place, node) in nodes.iter().enumerate() {
                *node.header.lock() = head.then(|| header(8));
                *node.balances.lock() = Some([Some(100), Some(100 + 30 * place as u128)]);
                *node.dark.lock() = error.map(|error| (header(7).block, NodeError::Rpc(error.clone())));
                *node.coins.lock() = if error.is_some() { 0 } else { place as u128 };
            }
            let mut found = whole.clone();
            assert!(prove(&panel, &block, &mut found, (&mut Suspects::new(), &mut untold)).await.is_err());
            for at_once in [false, true] {
                let mut came = Ok(BTreeSet::new());
                for _ in 0..if at_once { 1 } else { minutes } {
                    tokio::time::advance(Duration::from_secs(60)).await;
                    panel.refresh().await;
                    came = prove(&panel, &block, &mut found, (&mut Suspects::new(), &mut untold)).await;
                }
                let expected = ends.then(|| BTreeSet::from([text(&TOKEN)]));
                assert_eq!((came.ok(), &found), (expected, &whole), "{error:?} {head} {minutes} {at_once}");
                block.header.block.hash = BlockHash([0x99; 32]);
            }
        }
    }

    /// Goal: what was waited for at a block that was left says nothing of the next one: it waits as long as any. Method: two blocks of one
    /// token, nine minutes of each, and two more.
    #[tokio::test(start_paused = true)]
    async fn each_block_waits_for_itself() {
        let nodes = [Arc::new(Played::new("one")), Arc::new(Played::new("two"))];
        let panel = panel(&nodes).await;
        for (place, node) in nodes.iter().enumerate() {
            *node.balances.lock() = Some([Some(100), Some(100 + 30 * place as u128)]);
        }
        let (left, whole) = block();
        let mut next = left.clone();
        next.header.block.hash = BlockHash([0x88; 32]);
        let (mut suspects, mut untold) = (Suspects::new(), Untold::default());
        for (minutes, block, waits) in [(9, &left, true), (9, &next, true), (2, &next, false)] {
            let mut waited = false;
            for _ in 0..minutes {
                tokio::time::advance(Duration::from_secs(60)).await;
                panel.refresh().await;
                let mut found = whole.clone();
                waited = prove(&panel, block, &mut found, (&mut suspects, &mut untold)).await.is_err();
            }
            assert_eq!((waited, suspects.is_empty()), (waits, waits));
        }
        assert!(untold.tokens.is_empty(), "a person who lets it go on begins anew");
    }
}
