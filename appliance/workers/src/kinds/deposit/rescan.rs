//! Looking again at blocks that were scanned, and telling what the state has otherwise. Nothing is changed by it: money comes by the
//! scan alone, and what is missing here is for people.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use exchequer_chains::scan::{Block, Found, Watch, scan};
use exchequer_domain::{Network, Place, TxId};

use super::super::nodes::{self, Nodes};
use super::Watched;
use crate::money::{Link, proto, words};

/// Most blocks that are looked at in one go.
const BLOCKS_MAX: u64 = 2_000;
/// Transactions of one question to the state.
const TXS_MAX: usize = 500;
/// Differences that are told; more are counted.
const LINES_MAX: usize = 20;

/// An arrival by its name.
type Name = (TxId, Place, String);

/// `FROM TO`: heights, both of them looked at.
///
/// # Errors
/// It is not two heights in their order, or too many blocks.
fn range(payload: &str) -> Result<(u64, u64), String> {
    let heights: Option<Vec<u64>> = payload.split_whitespace().map(|word| word.parse().ok()).collect();
    match heights.as_deref() {
        Some([from, to]) if from <= to && to - from < BLOCKS_MAX => Ok((*from, *to)),
        Some([from, to]) if from <= to => Err(format!("{BLOCKS_MAX} blocks at most are looked at in one go")),
        Some(_) | None => Err("a rescan wants two heights, the lower one first: `rescan 100 200`".to_owned()),
    }
}

/// Looks at blocks again, as a quorum has them, with all addresses of now, and compares with the state.
///
/// # Errors
/// Why not, for people.
pub(super) async fn rescan(
    network: Network,
    link: Arc<dyn Link>,
    made: &Nodes,
    file: PathBuf,
    payload: &str,
) -> Result<String, String> {
    let (from, to) = range(payload)?;
    let text = |error: crate::money::LinkError| error.to_string();
    let config = link.network().await.map_err(text)?;
    let params = nodes::params(network, config.test);
    let panel = nodes::panel(made(&params, &config)?, config.test)?;
    panel.refresh().await;
    let tip = link.cursor(0).await.map_err(text)?.tip.map_or(0, |tip| tip.height);
    if to > tip {
        return Err(format!("block {tip} is the last one that was scanned: a rescan looks at what is behind"));
    }
    let opened = tokio::task::spawn_blocking(move || Watched::open(params, &file)).await;
    let mut watched = opened.map_err(|error| error.to_string())?;
    watched.follow(&*link, &config).await?;
    let look = |block: &Block| scan(block, &Watch { params, own: &watched, tokens: &watched.tokens });
    let mut difference = Difference::default();
    let mut waiting: Vec<(u64, Found)> = Vec::new();
    for height in from..=to {
        let given = panel.first(move |node| Box::pin(async move { super::walk::found(node.block(height).await?) }));
        let given = given.await.map_err(|error| error.to_string())?;
        let agreed = panel.agreed_block(given, look).await.map_err(|error| error.to_string())?;
        waiting.push((height, agreed.value.1));
        let arrivals: usize = waiting.iter().map(|(_, found)| found.sightings.len()).sum();
        if arrivals >= TXS_MAX || height == to {
            difference.compare(&*link, std::mem::take(&mut waiting)).await?;
        }
    }
    Ok(difference.told(from, to))
}

/// What was found, and what of it the state has otherwise.
#[derive(Debug, Default)]
struct Difference {
    arrivals: usize,
    doubts: usize,
    lines: Vec<String>,
    count: usize,
}

impl Difference {
    fn line(&mut self, line: String) {
        self.count += 1;
        if self.lines.len() < LINES_MAX {
            self.lines.push(line);
        }
    }

    async fn compare(&mut self, link: &dyn Link, blocks: Vec<(u64, Found)>) -> Result<(), String> {
        let mut txs: Vec<TxId> = blocks.iter().flat_map(|(_, found)| &found.sightings).map(|seen| seen.tx).collect();
        txs.sort_unstable();
        txs.dedup();
        let mut known: BTreeMap<Name, proto::KnownDeposit> = BTreeMap::new();
        let mut own = Vec::new();
        for some in txs.chunks(TXS_MAX) {
            let asked: Vec<Vec<u8>> = some.iter().map(|tx| tx.0.to_vec()).collect();
            let reply = link.deposits_of(asked.clone()).await.map_err(|error| error.to_string())?;
            for deposit in reply.deposits {
                let read = |error: crate::money::LinkError| error.to_string();
                let tx = words::tx(&deposit.tx).map_err(read)?;
                known.insert((tx, words::place(deposit.place.as_ref()).map_err(read)?, deposit.to.clone()), deposit);
            }
            let reply = link.own_transfers(asked).await.map_err(|error| error.to_string())?;
            own.extend(some.iter().zip(reply.own).filter(|(_, own)| *own).map(|(tx, _)| *tx));
        }
        for (height, found) in blocks {
            self.arrivals += found.sightings.len();
            self.doubts += found.doubts.len();
            for seen in found.sightings {
                let (amount, to) = (seen.amount, seen.address.to_string());
                let what = format!("block {height}: {amount} to {to} in {} ({})", seen.tx, seen.place);
                match known.remove(&(seen.tx, seen.place, to)) {
                    // What the exchange moved itself is nobody's deposit.
                    None if own.contains(&seen.tx) => {}
                    None => self.line(format!("missing: {what}")),
                    Some(deposit) => {
                        let id = deposit.id;
                        if deposit.block.as_ref().map(|block| block.height) != Some(height) {
                            self.line(format!("elsewhere: {what} is deposit {id}, which is {}", deposit.stage));
                        } else if deposit.amount != amount.to_string() && !deposit.amount.is_empty() {
                            self.line(format!("another amount: {what} is deposit {id}, of {}", deposit.amount));
                        }
                    }
                }
            }
        }
        for deposit in known.into_values() {
            self.line(format!("too many: deposit {} in that transaction, and nothing arrived there", deposit.id));
        }
        Ok(())
    }

    fn told(&self, from: u64, to: u64) -> String {
        let Difference { arrivals, doubts, lines, count } = self;
        let mut told =
            format!("blocks {from} to {to}: {arrivals} arrivals, {doubts} that are not certain, {count} differences");
        for line in lines {
            told.push('\n');
            told.push_str(line);
        }
        if *count > lines.len() {
            told.push_str(&format!("\nand {} more", count - lines.len()));
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: what is asked for is two heights in their order, and not too many blocks.
    #[test]
    fn ranges_are_checked() {
        assert_eq!(range("100 200"), Ok((100, 200)));
        assert_eq!(range(" 7 7 "), Ok((7, 7)));
        assert_eq!(range("1 2000"), Ok((1, 2_000)));
        for wrong in ["", "1", "2 1", "1 2 3", "a b", "1 -2", "0 2000"] {
            assert!(range(wrong).is_err(), "{wrong}");
        }
    }
}
