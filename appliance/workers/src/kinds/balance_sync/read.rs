//! What a quorum of endpoints says of addresses at one block.

use std::collections::BTreeSet;

use exchequer_chains::Coin;
use exchequer_chains::node::{Disagreement, Panel, PanelError};
use exchequer_chains::scan::Header;
use exchequer_domain::{BlockRef, ChainAddress, Family};

/// Addresses that are asked for together.
const TOGETHER: usize = 20;
/// How often a part is read again whose block did not stay the last one for long enough.
const AGAIN_MAX: u32 = 5;

/// What was read of one coin at one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) address: ChainAddress,
    pub(super) coin: Option<ChainAddress>,
    /// None where endpoints contradict each other.
    pub(super) amount: Option<u128>,
    pub(super) nonce: Option<u64>,
}

/// What was read at one block.
#[derive(Debug, Default)]
pub(super) struct Readings {
    pub(super) at: Option<BlockRef>,
    /// Its time as the chain has it, in milliseconds since 1970.
    pub(super) time_ms: u64,
    pub(super) read: Vec<Read>,
    /// How many could not be read.
    pub(super) failed: usize,
    /// Why the last of those could not.
    pub(super) why: Option<String>,
}

fn coin_of(coin: Option<&ChainAddress>) -> Coin {
    coin.map_or(Coin::Native, |contract| Coin::Token(contract.clone()))
}

/// Whether endpoints say different things of one moment, which is not the same as that too few of them are there.
const fn is_contradiction(error: &PanelError) -> bool {
    matches!(error, PanelError::Disagreement(Disagreement::Different { .. }))
}

/// Reads addresses and coins. On networks whose nodes tell of now alone each part is read at the block that is final then; where
/// the next block came before all of it was read, it is read again, on TRON fewer addresses at a time: their nodes are asked for
/// one balance after the other.
pub(super) async fn read(
    panel: &Panel,
    family: Family,
    at: Header,
    addresses: &[ChainAddress],
    coins: &[Option<ChainAddress>],
) -> Vec<Readings> {
    let mut all = Vec::new();
    // A node of Bitcoin goes through everything for one answer: it is asked for all at once.
    let most = if family == Family::Bitcoin { addresses.len().max(1) } else { TOGETHER };
    let (mut rest, mut together, mut again) = (addresses, most, 0);
    while !rest.is_empty() {
        let some = &rest[..together.min(rest.len())];
        let at = match family {
            Family::Evm => Ok(at),
            Family::Tron => {
                panel.refresh().await;
                panel.agreed_final().await
            }
            Family::Bitcoin => {
                panel.refresh().await;
                panel.agreed_header(panel.best_head()).await
            }
        };
        let wanted = some.len() * coins.len();
        let mut readings = match at {
            Ok(at) => read_some(panel, family, at, some, coins).await,
            Err(error) => Readings { failed: wanted, why: Some(error.to_string()), ..Readings::default() },
        };
        // Nodes that are not there at all are not asked again; those of networks that keep every block gave the answer that they have.
        let moved_on = family != Family::Evm && readings.at.is_some() && readings.failed == wanted;
        if moved_on && again < AGAIN_MAX {
            again += 1;
            if family == Family::Tron {
                together = (together / 2).max(1);
            }
            continue;
        }
        let mut over = some.len();
        if moved_on {
            // What was to be read together in the first place is given up together.
            (over, together) = (most.min(rest.len()), most);
            readings.failed = over * coins.len();
        }
        again = 0;
        rest = &rest[over..];
        all.push(readings);
    }
    all
}

/// The place of an address, and a coin.
type Pair<'a> = (usize, &'a Option<ChainAddress>);

async fn read_some(
    panel: &Panel,
    family: Family,
    at: Header,
    addresses: &[ChainAddress],
    coins: &[Option<ChainAddress>],
) -> Readings {
    let mut readings = Readings { at: Some(at.block), time_ms: at.time_ms, ..Readings::default() };
    let nonces = match nonces(panel, family, at, addresses).await {
        Ok(nonces) => nonces,
        Err(error) => {
            readings.failed = addresses.len() * coins.len();
            readings.why = Some(error.to_string());
            return readings;
        }
    };
    let pairs: Vec<Pair<'_>> =
        (0..addresses.len()).flat_map(|number| coins.iter().map(move |coin| (number, coin))).collect();
    let ask = |some: &[Pair<'_>]| -> Vec<(ChainAddress, Coin)> {
        some.iter().map(|(number, coin)| (addresses[*number].clone(), coin_of(coin.as_ref()))).collect()
    };
    let one = |(number, coin): Pair<'_>, amount: Option<u128>| Read {
        address: addresses[number].clone(),
        coin: coin.clone(),
        amount,
        nonce: nonces.get(number).copied().flatten(),
    };
    let mut parts = vec![pairs];
    while let Some(part) = parts.pop() {
        match panel.agreed_balances(&ask(&part), at).await {
            Ok(all) => {
                for (pair, told) in part.iter().zip(all) {
                    // Of a contract that is not there at that block, or does not work, nothing is known: it may be there at the next one.
                    let Some(amount) = told else {
                        let contract = pair.1.as_ref().map_or("none", ChainAddress::as_str);
                        readings.failed += 1;
                        readings.why =
                            Some(format!("the contract {contract} tells no balance of {}", addresses[pair.0]));
                        continue;
                    };
                    readings.read.push(one(*pair, Some(amount)));
                }
            }
            Err(error) => {
                let contradicted = is_contradiction(&error) && family != Family::Bitcoin;
                if let Some(smaller) = smaller(&part, family, contradicted) {
                    parts.extend(smaller.into_iter().rev());
                } else if contradicted {
                    readings.read.extend(part.iter().map(|pair| one(*pair, None)));
                } else {
                    readings.failed += part.len();
                    readings.why = Some(error.to_string());
                }
            }
        }
    }
    readings
}

/// In what parts is asked again for what no quorum tells together; none where that would be no use. A token of which nodes of EVM networks
/// cannot say anything keeps nobody from knowing the other coins, and what is contradicted is looked for one by one.
fn smaller<'a>(part: &[Pair<'a>], family: Family, contradicted: bool) -> Option<Vec<Vec<Pair<'a>>>> {
    let coins: BTreeSet<&Option<ChainAddress>> = part.iter().map(|(_, coin)| *coin).collect();
    if family == Family::Evm && coins.len() > 1 {
        let of = |coin| part.iter().filter(|(_, other)| *other == coin).copied().collect();
        return Some(coins.into_iter().map(of).collect());
    }
    (contradicted && part.len() > 1).then(|| part.iter().map(|pair| vec![*pair]).collect())
}

/// How many transactions each address's key has made, as a quorum says.
async fn nonces(
    panel: &Panel,
    family: Family,
    at: Header,
    addresses: &[ChainAddress],
) -> Result<Vec<Option<u64>>, PanelError> {
    if family != Family::Evm {
        return Ok(vec![None; addresses.len()]);
    }
    let asked = panel.all(|node| {
        let of = addresses.to_vec();
        Box::pin(async move { node.nonces(&of, at).await })
    });
    let (answers, errors) = asked.await;
    // The same from as many as have to agree; who has another one is outvoted or makes it none.
    for (_, answer) in &answers {
        let same = answers.iter().filter(|(_, other)| other == answer).count();
        if same >= panel.quorum() && same * 2 > answers.len() {
            return Ok(answer.clone());
        }
    }
    let last = errors.last().map_or_else(|| "they do not say the same".to_owned(), ToString::to_string);
    Err(Disagreement::TooFew { answers: answers.len(), quorum: panel.quorum(), last }.into())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use exchequer_chains::node::{
        Account, Asking, Broadcast, ChainNode, Doing, Fate, FeeFacts, Heads, NodeError, OutputFacts, Trial, TrialCall,
    };
    use exchequer_chains::rpc::HealthRules;
    use exchequer_chains::scan::Block;
    use exchequer_domain::{BlockHash, OutPoint, TxId};
    use parking_lot::Mutex;

    use super::*;

    /// A node of TRON that is at its next block after so many balances, and tells of now alone.
    struct Hasty {
        told: Mutex<u64>,
        balances_of_a_block: u64,
    }

    impl Hasty {
        fn height(&self) -> u64 {
            1 + *self.told.lock() / self.balances_of_a_block
        }

        fn now(&self) -> Header {
            let height = self.height();
            let mut hash = [7; 32];
            hash[..8].copy_from_slice(&height.to_be_bytes());
            Header { block: BlockRef { height, hash: BlockHash(hash) }, parent: BlockHash([0; 32]), time_ms: 0 }
        }
    }

    fn not<T: Send + 'static>() -> Asking<'static, T> {
        Box::pin(async { Err(NodeError::NoSuchThing("it is not played")) })
    }

    impl ChainNode for Hasty {
        fn name(&self) -> String {
            "hasty".to_owned()
        }
        fn identify(&self) -> Asking<'_, bool> {
            Box::pin(async { Ok(true) })
        }
        fn heads(&self) -> Asking<'_, Heads> {
            let now = self.now();
            Box::pin(async move { Ok(Heads { head: now, safe: None, finalized: Some(now) }) })
        }
        fn header(&self, _: u64) -> Asking<'_, Option<Header>> {
            let now = self.now();
            Box::pin(async move { Ok(Some(now)) })
        }
        fn block(&self, _: u64) -> Asking<'_, Option<Block>> {
            not()
        }
        fn broadcast<'a>(&'a self, _: TxId, _: &'a [u8]) -> Doing<'a, Broadcast> {
            Box::pin(async { unreachable!("nothing is sent") })
        }
        fn fate(&self, _: TxId) -> Asking<'_, Fate> {
            not()
        }
        fn fees(&self) -> Asking<'_, FeeFacts> {
            not()
        }
        fn account<'a>(&'a self, _: &'a ChainAddress) -> Asking<'a, Account> {
            not()
        }
        fn outputs<'a>(&'a self, _: &'a [OutPoint]) -> Asking<'a, Vec<Option<OutputFacts>>> {
            not()
        }
        fn balances<'a>(&'a self, of: &'a [(ChainAddress, Coin)], at: Header) -> Asking<'a, Vec<Option<u128>>> {
            Box::pin(async move {
                let before = self.now() == at;
                *self.told.lock() += of.len() as u64;
                let stayed = before && self.now() == at;
                let moved_on = || NodeError::Incomplete("the node is not at that block".to_owned());
                if stayed { Ok(vec![Some(1); of.len()]) } else { Err(moved_on()) }
            })
        }
        fn trial<'a>(&'a self, _: &'a TrialCall) -> Asking<'a, Trial> {
            not()
        }
    }

    /// Goal: what keeps one coin from being told keeps no other: what no quorum tells together is asked for coin by coin where that is of
    /// use, and what is contradicted one by one. Method: parts of two coins and of one.
    #[test]
    fn what_is_not_told_together_is_asked_for_apart() {
        let (native, token) = (None, Some(ChainAddress::canonical("a").unwrap()));
        let both: Vec<Pair<'_>> = vec![(0, &native), (0, &token), (1, &native), (1, &token)];
        let by_coin = vec![vec![(0, &native), (1, &native)], vec![(0, &token), (1, &token)]];
        let singly: Vec<Vec<Pair<'_>>> = both.iter().map(|pair| vec![*pair]).collect();
        for contradicted in [false, true] {
            assert_eq!(smaller(&both, Family::Evm, contradicted), Some(by_coin.clone()));
            assert_eq!(smaller(&both[..1], Family::Evm, contradicted), None, "no smaller part is another question");
        }
        assert_eq!(smaller(&by_coin[1], Family::Evm, true), Some(vec![vec![(0, &token)], vec![(1, &token)]]));
        assert_eq!(smaller(&by_coin[1], Family::Evm, false), None);
        assert_eq!((smaller(&both, Family::Tron, true), smaller(&both, Family::Tron, false)), (Some(singly), None));
        assert_eq!(smaller(&both[..1], Family::Tron, true), None);
    }

    /// Goal: all addresses are read also where blocks come faster than a part is read, each once; where they come faster than one
    /// balance is told, it ends, and everything is said to have failed. Method: a node that moves on after so many balances.
    #[tokio::test]
    async fn a_block_that_passes_is_read_again() {
        let addresses: Vec<ChainAddress> =
            (0..45).map(|number| ChainAddress::canonical(&format!("T{number:033}")).unwrap()).collect();
        let coins = [None, Some(addresses[0].clone())];
        for (balances_of_a_block, read_all) in [(1_000, true), (50, true), (16, true), (5, true), (1, false)] {
            let node: Arc<dyn ChainNode> = Arc::new(Hasty { told: Mutex::new(0), balances_of_a_block });
            let panel = Panel::new(vec![node], HealthRules::default(), 1).unwrap();
            let any = Hasty { told: Mutex::new(0), balances_of_a_block }.now();
            let all = read(&panel, Family::Tron, any, &addresses, &coins).await;
            let failed: usize = all.iter().map(|some| some.failed).sum();
            let read: Vec<_> = all.iter().flat_map(|some| some.read.iter().map(|one| one.address.clone())).collect();
            if read_all {
                let twice: Vec<_> = addresses.iter().flat_map(|address| [address.clone(), address.clone()]).collect();
                assert_eq!((failed, read), (0, twice), "{balances_of_a_block} balances of a block");
            } else {
                assert_eq!((failed, read.len()), (addresses.len() * coins.len(), 0));
            }
        }
    }
}
