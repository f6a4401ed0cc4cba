//! Whether a token's balances follow its log. EVM networks, whose nodes tell balances as of a block.
//!
//! A log says what a contract's maker wants it to say. What an address has before and after the block is asked of a quorum and
//! compared; where it is not what the log makes it, or its contract tells no amount, nothing of the token is certain any more: it is
//! told without an amount, and waits for people.
//!
//! Where no quorum tells, the same is asked of the network's own coin, in which no contract has a word. Is that told, the token is what
//! hinders: its block waits for ten minutes, or until nodes have forgotten, and then it is doubted, so that it neither holds up its
//! network nor comes through by waiting. Have nodes forgotten the coin as well, after a time in which nobody scanned, the log stands
//! alone, as of any token that was listed with care. Anything else is trouble of endpoints, and the block waits. What was waited for is
//! known to one worker: the next one begins anew.

use std::collections::{BTreeMap, BTreeSet};

use exchequer_chains::Coin;
use exchequer_chains::evm::text;
use exchequer_chains::node::{Disagreement, Panel, PanelError};
use exchequer_chains::scan::{Doubt, EvmBlock, Found, Header, Unsure, evm_transfers};
use exchequer_domain::{BlockHash, BlockRef, ChainAddress};
use tokio::time::{Duration, Instant};

use super::watched::{Suspects, Untold};

/// So long a block waits for what no quorum tells.
const PATIENCE: Duration = Duration::from_secs(600);

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
            Ok(Ok(())) => Worth::Proved,
            Ok(Err(why)) => Worth::Doubted(why),
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
    let hash = header.block.hash;
    let waited = untold.tokens.get(token).filter(|(block, _)| *block == hash).map(|(_, since)| *since);
    let forgotten = || match waited {
        Some(_) => Worth::Doubted("no quorum told its balances as long as nodes had those of the coin".to_owned()),
        None => Worth::Alone,
    };
    let of: Vec<(ChainAddress, Coin)> = flows.keys().map(|own| (own.clone(), Coin::Native)).collect();
    let coins = match panel.agreed_balances(&of, parent_of(header)).await {
        Ok(_) => panel.agreed_balances(&of, header).await,
        Err(error) => Err(error),
    };
    match coins {
        Ok(_) => match waited {
            Some(since) if since.elapsed() >= PATIENCE => Worth::Doubted(format!(
                "for {} minutes no quorum has told its balances, and one tells those of the coin: {error}",
                PATIENCE.as_secs() / 60
            )),
            Some(_) => Worth::Waits(error.to_string()),
            None => {
                untold.tokens.insert(token.clone(), (hash, Instant::now()));
                Worth::Waits(error.to_string())
            }
        },
        Err(PanelError::Forgotten) => forgotten(),
        // In words that nobody knows: of a state that is not there any more it is said for good, and of the head it is not.
        Err(PanelError::Disagreement(Disagreement::TooFew { .. })) => {
            let since = match untold.dark {
                Some((block, since)) if block == hash => since,
                Some(_) | None => Instant::now(),
            };
            untold.dark = Some((hash, since));
            let gone = since.elapsed() >= PATIENCE && head_is_told(panel, &of[..1]).await;
            if gone { forgotten() } else { Worth::Waits(error.to_string()) }
        }
        Err(_) => Worth::Waits(error.to_string()),
    }
}

/// Whether a quorum tells what is at the head of the chain.
async fn head_is_told(panel: &Panel, of: &[(ChainAddress, Coin)]) -> bool {
    match panel.agreed_header(panel.best_head()).await {
        Ok(head) => panel.agreed_balances(of, head).await.is_ok(),
        Err(_) => false,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use exchequer_chains::rpc::Wide;
    use exchequer_chains::scan::{EvmLog, EvmReceipt, EvmTx, Sighting};
    use exchequer_domain::{Place, TxId};

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
        // One of two has forgotten: no quorum will ever tell, and one was asked for in time.
        *nodes[1].balances.lock() = None;
        for (mut untold, certain) in [(Untold::default(), true), (untold, false)] {
            let mut found = before.clone();
            prove(&panel, &block, &mut found, (&mut suspects, &mut untold)).await.unwrap();
            assert_eq!((found == before, suspects.is_empty()), (certain, certain));
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
            (2, other, 1, None),
            (0, good, 1, Some(true)),
            (0, other, 0, None),
            (9, other, 0, None),
            (2, other, 0, Some(false)),
            (0, good, 0, Some(false)),
        ] {
            set(balances, coins);
            tokio::time::advance(Duration::from_secs(60 * minutes)).await;
            panel.refresh().await;
            let mut found = whole.clone();
            let proved = prove(&panel, &block, &mut found, (&mut suspects, &mut untold)).await;
            assert_eq!(proved.is_ok().then_some(found == whole), came, "{minutes} {balances:?} {coins}: {proved:?}");
        }
    }

    /// Goal: what nodes say in words that nobody knows ends as well: where they tell of the head and not of a block, its state is gone, and
    /// the log stands alone, as one can see; where they contradict each other about the coin, nothing is taken for gone. Method: nodes
    /// that refuse the parent's state, in paused time.
    #[tokio::test(start_paused = true)]
    async fn a_state_that_is_gone_is_known_without_words() {
        let nodes = [Arc::new(Played::new("one")), Arc::new(Played::new("two"))];
        let panel = panel(&nodes).await;
        let (block, whole) = block();
        for (minutes, refused, ends) in [(11, true, true), (9, true, false), (60, false, false)] {
            let mut untold = Untold::default();
            for (place, node) in nodes.iter().enumerate() {
                *node.header.lock() = Some(header(8));
                *node.balances.lock() = Some([Some(100), Some(100 + 30 * place as u128)]);
                *node.dark.lock() = refused.then(|| header(7).block);
                *node.coins.lock() = if refused { 0 } else { place as u128 };
            }
            let mut found = whole.clone();
            assert!(prove(&panel, &block, &mut found, (&mut Suspects::new(), &mut untold)).await.is_err());
            tokio::time::advance(Duration::from_secs(60 * minutes)).await;
            panel.refresh().await;
            let came = prove(&panel, &block, &mut found, (&mut Suspects::new(), &mut untold)).await;
            let expected = ends.then(|| BTreeSet::from([text(&TOKEN)]));
            assert_eq!((came.ok(), &found), (expected, &whole), "{minutes} minutes, {refused}");
        }
    }

    /// Goal: what was waited for at a block that was left says nothing of the next one: it waits as long as any. Method: two blocks of one
    /// token, ten minutes apart.
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
        for (minutes, block, waits) in [(0, &left, true), (11, &next, true), (9, &next, true), (1, &next, false)] {
            tokio::time::advance(Duration::from_secs(60 * minutes)).await;
            panel.refresh().await;
            let mut found = whole.clone();
            let came = prove(&panel, block, &mut found, (&mut suspects, &mut untold)).await;
            assert_eq!((came.is_err(), suspects.is_empty()), (waits, waits), "{came:?}");
        }
        assert!(untold.tokens.is_empty(), "a person who lets it go on begins anew");
    }
}
