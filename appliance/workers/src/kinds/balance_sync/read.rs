//! What a quorum of endpoints says of addresses at one block.

use exchequer_chains::Coin;
use exchequer_chains::node::{Disagreement, Panel, PanelError};
use exchequer_chains::scan::Header;
use exchequer_domain::{BlockRef, ChainAddress, Family};

/// Addresses that are asked for together.
const TOGETHER: usize = 20;

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

/// Reads addresses and coins. On networks whose nodes tell of now alone each part is read at the block that is final then.
pub(super) async fn read(
    panel: &Panel,
    family: Family,
    at: Header,
    addresses: &[ChainAddress],
    coins: &[Option<ChainAddress>],
) -> Vec<Readings> {
    let mut all = Vec::new();
    // A node of Bitcoin goes through everything for one answer: it is asked for all at once.
    let together = if family == Family::Bitcoin { addresses.len().max(1) } else { TOGETHER };
    for some in addresses.chunks(together) {
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
        all.push(match at {
            Ok(at) => read_some(panel, family, at, some, coins).await,
            Err(error) => {
                let failed = some.len() * coins.len();
                Readings { failed, why: Some(error.to_string()), ..Readings::default() }
            }
        });
    }
    all
}

async fn read_some(
    panel: &Panel,
    family: Family,
    at: Header,
    addresses: &[ChainAddress],
    coins: &[Option<ChainAddress>],
) -> Readings {
    let mut readings = Readings { at: Some(at.block), ..Readings::default() };
    let nonces = match nonces(panel, family, at, addresses).await {
        Ok(nonces) => nonces,
        Err(error) => {
            readings.failed = addresses.len() * coins.len();
            readings.why = Some(error.to_string());
            return readings;
        }
    };
    let pairs: Vec<(usize, &Option<ChainAddress>)> =
        (0..addresses.len()).flat_map(|number| coins.iter().map(move |coin| (number, coin))).collect();
    let ask = |some: &[(usize, &Option<ChainAddress>)]| -> Vec<(ChainAddress, Coin)> {
        some.iter().map(|(number, coin)| (addresses[*number].clone(), coin_of(coin.as_ref()))).collect()
    };
    let one = |(number, coin): (usize, &Option<ChainAddress>), amount| Read {
        address: addresses[number].clone(),
        coin: coin.clone(),
        amount,
        nonce: nonces.get(number).copied().flatten(),
    };
    match panel.agreed_balances(&ask(&pairs), at).await {
        Ok(amounts) => {
            readings.read = pairs.iter().zip(amounts).map(|(pair, amount)| one(*pair, Some(amount))).collect();
        }
        // What they contradict each other about is looked for one by one.
        Err(error) if is_contradiction(&error) && family != Family::Bitcoin => {
            for pair in pairs {
                match panel.agreed_balances(&ask(&[pair]), at).await {
                    Ok(amounts) => readings.read.extend(amounts.first().map(|amount| one(pair, Some(*amount)))),
                    Err(error) if is_contradiction(&error) => readings.read.push(one(pair, None)),
                    Err(error) => {
                        readings.failed += 1;
                        readings.why = Some(error.to_string());
                    }
                }
            }
        }
        Err(error) => {
            readings.failed = pairs.len();
            readings.why = Some(error.to_string());
        }
    }
    readings
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
