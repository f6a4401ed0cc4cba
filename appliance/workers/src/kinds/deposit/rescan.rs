//! Looking again at blocks that were scanned, and telling what the state has otherwise. Nothing is changed by a look; where people
//! wanted it, what is missing is committed, block by block, and the state takes it by the rules of every block. What the state has
//! and a block has not is told to people, and never taken back by this.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use exchequer_chains::Coin;
use exchequer_chains::node::{Panel, PanelError, Reply};
use exchequer_chains::scan::{Block, Found, Header, Watch, scan};
use exchequer_domain::{ChainAddress, Network, Place, TxId};
use tokio::time::Instant;

use super::super::decimals::{Decimals, Looked};
use super::super::nodes::{self, Nodes};
use super::Watched;
use super::commit::{SIGHTINGS_MAX, scanned};
use super::proof::prove;
use super::untold::Untold;
use crate::money::{Changed, Link, Requests, change, proto, words};

/// Most blocks that are looked at in one go.
const BLOCKS_MAX: u64 = 2_000;
/// Transactions of one question to the state.
const TXS_MAX: usize = 500;
/// Differences that are told; more are counted.
const LINES_MAX: usize = 20;

/// After so long endpoints are asked again how they are: who was not heard of for a minute is not used.
const REFRESH: Duration = Duration::from_secs(10);

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

/// Where what is missing is committed.
pub(super) struct Commit<'a> {
    /// The directive by which people wanted it.
    pub(super) directive: u64,
    pub(super) requests: &'a Requests,
}

/// Looks at blocks again, as a quorum has them, with all addresses of now, and compares with the state; where people wanted it,
/// what is missing there is committed.
///
/// # Errors
/// Why not, for people; of what was committed before nothing is lost.
pub(super) async fn rescan(
    network: Network,
    link: Arc<dyn Link>,
    made: &Nodes,
    file: PathBuf,
    payload: &str,
    commit: Option<Commit<'_>>,
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
    let Looked { wrong, uncounted } = Decimals::default().look(&panel, &config).await?;
    if let Some(why) = wrong.into_iter().map(|doubt| doubt.why).chain(uncounted.into_values()).next() {
        return Err(format!("what arrives of a listed token cannot be counted: {why}"));
    }
    let mut suspects = watched.suspects.clone();
    let look = |block: &Block| scan(block, &Watch { params, own: &watched, tokens: &watched.tokens });
    let mut difference = Difference { applies: commit.is_some(), ..Difference::default() };
    let mut waiting: Vec<(Header, Found, Alone)> = Vec::new();
    let mut refreshed = Instant::now();
    for height in from..=to {
        if refreshed.elapsed() >= REFRESH {
            panel.refresh().await;
            refreshed = Instant::now();
        }
        let agreed = agreed_block(&panel, height, look).await?;
        let (block, mut found) = agreed.value;
        let mut alone = Alone::new();
        // As in any scan: a token whose balances do not follow its log is for people.
        if let Block::Evm(block) = &block {
            alone = prove(&panel, block, &mut found, (&mut suspects, &mut Untold::default())).await?;
        }
        waiting.push((block.header(), found, alone));
        let arrivals: usize = waiting.iter().map(|(_, found, _)| found.sightings.len()).sum();
        if arrivals >= TXS_MAX || height == to {
            for one in difference.compare(&*link, std::mem::take(&mut waiting)).await? {
                if let Some(commit) = &commit {
                    difference.commit(&*link, commit, one).await?;
                }
            }
        }
    }
    for (token, why) in suspects.into_iter().filter(|(token, _)| !watched.suspects.contains_key(token)) {
        difference.uncertain.push(format!("token {token} is not certain from there on: {}", why.unwrap_or_default()));
    }
    Ok(difference.told(from, to))
}

/// A block as a quorum has it. Where whoever was asked first has another one, the next one is asked; a rescan has no second round.
async fn agreed_block(
    panel: &Panel,
    height: u64,
    look: impl Fn(&Block) -> Found + Copy,
) -> Result<Reply<(Block, Found)>, String> {
    let mut why: Option<PanelError> = None;
    for _ in panel.seats() {
        let asked =
            panel.first(move |node| Box::pin(async move { super::walk::found(node.block(height).await?) })).await;
        let given = match asked {
            Ok(given) => given,
            // What those that were asked contradicted each other about says more than that nobody is left.
            Err(error) => return Err(why.unwrap_or(error).to_string()),
        };
        let (endpoint, told) = (given.endpoint.clone(), given.value.header());
        match panel.agreed_block(given, look).await {
            // A Bitcoin block in which nothing is found is one endpoint's, and what was scanned before is no trail to hold it to.
            Ok(agreed) => {
                let right = panel.agreed_header(height).await.map_err(|error| error.to_string())?;
                if agreed.value.0.header() == right {
                    return Ok(agreed);
                }
            }
            Err(error) => why = Some(error),
        }
        panel.find_out(&endpoint, told).await;
    }
    Err(why.map_or_else(|| format!("nobody has block {height} as a quorum names it"), |why| why.to_string()))
}

/// Tokens of which all that is known of a block is their log.
type Alone = BTreeSet<ChainAddress>;

/// What was found, and what of it the state has otherwise.
#[derive(Debug, Default)]
struct Difference {
    arrivals: usize,
    doubts: usize,
    lines: Vec<String>,
    count: usize,
    applies: bool,
    taken: usize,
    /// Of which tokens nothing is certain, and why.
    uncertain: Vec<String>,
}

/// What of a block the state has otherwise.
struct Missed {
    header: Header,
    found: Found,
    absent: Vec<u64>,
}

impl Difference {
    fn line(&mut self, line: String) {
        self.count += 1;
        if self.lines.len() < LINES_MAX {
            self.lines.push(line);
        }
    }

    /// Compares blocks with the state; what of each it does not have, and what it has of it that is not there.
    async fn compare(&mut self, link: &dyn Link, blocks: Vec<(Header, Found, Alone)>) -> Result<Vec<Missed>, String> {
        let mut txs: Vec<TxId> = blocks.iter().flat_map(|(_, found, _)| &found.sightings).map(|seen| seen.tx).collect();
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
        let uncertain = known.values().filter(|deposit| deposit.amount.is_empty());
        let doubted: BTreeSet<TxId> = uncertain.filter_map(|deposit| words::tx(&deposit.tx).ok()).collect();
        let mut missed = Vec::new();
        for (header, found, alone) in blocks {
            let height = header.block.height;
            self.arrivals += found.sightings.len();
            self.doubts += found.doubts.len();
            // What nobody is certain of is told with its block: the state keeps it for people, once.
            let mut lacking = Found { doubts: found.doubts, ..Found::default() };
            for seen in found.sightings {
                let (amount, to) = (seen.amount, seen.address.to_string());
                let what = format!("block {height}: {amount} to {to} in {} ({})", seen.tx, seen.place);
                let unproved = matches!(&seen.coin, Coin::Token(token) if alone.contains(token));
                match known.remove(&(seen.tx, seen.place, to)) {
                    // What the exchange moved itself is nobody's deposit.
                    None if own.contains(&seen.tx) => {}
                    // People were to look at it, and all there is to say for it is a log that was not believed then.
                    None if unproved && doubted.contains(&seen.tx) => {
                        self.line(format!("not certain: {what}, and nodes have forgotten what was there"));
                    }
                    Some(deposit) if unproved && deposit.amount.is_empty() => {
                        self.line(format!(
                            "not certain: {what} is deposit {}, and nodes have forgotten what was there",
                            deposit.id
                        ));
                    }
                    None => {
                        self.line(format!("missing: {what}"));
                        lacking.sightings.push(seen);
                    }
                    Some(deposit) => {
                        let id = deposit.id;
                        if deposit.block.as_ref().map(|block| block.height) != Some(height) {
                            self.line(format!("elsewhere: {what} is deposit {id}, which is {}", deposit.stage));
                            // One that is in no block by the books is in this one; any other stays where it is.
                            if deposit.block.is_none() {
                                lacking.sightings.push(seen);
                            }
                        } else if deposit.amount.is_empty() {
                            self.line(format!("certain now: {what} is deposit {id}, whose amount was not"));
                            lacking.sightings.push(seen);
                        } else if deposit.amount != amount.to_string() {
                            self.line(format!("another amount: {what} is deposit {id}, of {}", deposit.amount));
                        }
                    }
                }
            }
            missed.push(Missed { header, found: lacking, absent: Vec::new() });
        }
        for deposit in known.into_values() {
            self.line(format!("too many: deposit {} in that transaction, and nothing arrived there", deposit.id));
            let height = deposit.block.as_ref().map(|block| block.height);
            if let Some(one) = missed.iter_mut().find(|one| Some(one.header.block.height) == height) {
                one.absent.push(deposit.id);
            }
        }
        Ok(missed)
    }

    /// Has what the state does not have of a block committed.
    async fn commit(&mut self, link: &dyn Link, commit: &Commit<'_>, missed: Missed) -> Result<(), String> {
        let Missed { header, found, absent } = missed;
        let block = Some(words::of_block(header.block));
        let (told, untold) = scanned(header, found);
        for doubt in untold {
            self.line(format!(
                "block {}: something may have arrived and has no address: {doubt:?}",
                header.block.height
            ));
        }
        if told.sightings.is_empty() && absent.is_empty() {
            return Ok(());
        }
        let mut parts: Vec<Vec<proto::Sighting>> = told.sightings.chunks(SIGHTINGS_MAX).map(<[_]>::to_vec).collect();
        parts.resize(parts.len().max(1), Vec::new());
        for (at, sightings) in parts.into_iter().enumerate() {
            let absent = if at == 0 { absent.clone() } else { Vec::new() };
            let asked = proto::CommitMissed { directive: commit.directive, block: block.clone(), sightings, absent };
            let asked = proto::change_request::Change::CommitMissed(asked);
            match change(link, commit.requests, asked).await {
                Changed::Done(proto::done::Done::Taken(taken)) => self.taken += taken as usize,
                Changed::Done(other) => return Err(format!("a commit came to something else: {other:?}")),
                Changed::Refused { code, message } => {
                    return Err(format!("block {} was not taken ({code}): {message}", header.block.height));
                }
                Changed::Unknown(why) => {
                    return Err(format!("whether block {} was taken is not known: {why}", header.block.height));
                }
            }
        }
        Ok(())
    }

    fn told(&self, from: u64, to: u64) -> String {
        let Difference { arrivals, doubts, lines, count, applies, taken, uncertain } = self;
        let mut told =
            format!("blocks {from} to {to}: {arrivals} arrivals, {doubts} that are not certain, {count} differences");
        if *applies {
            told.push_str(&format!("; {taken} that were missing are in the books now"));
        }
        for line in uncertain.iter().chain(lines) {
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
    use exchequer_domain::{BlockHash, BlockRef};

    use super::super::played::{Books, Played, header, panel};
    use super::super::proof::tests as proof;
    use super::*;

    /// Goal: a look takes nothing for certain that was not certain when there was more to go by: where a log stands alone, what people were
    /// to look at stays with them, and so does whatever else is in that transaction and in no account. Where balances prove it, or nobody
    /// doubted it, it is missing. Method: one transaction with two arrivals of one token, of which the state has the first.
    #[tokio::test]
    async fn a_log_alone_undoes_no_doubt() {
        let (block, found) = proof::block();
        let token = match &found.sightings[0].coin {
            Coin::Token(token) => token.clone(),
            Coin::Native => panic!("a token arrives"),
        };
        let expected: [(&str, bool, &[&str], &[u128]); 4] = [
            ("", true, &["not certain: ", "not certain: "], &[]),
            ("", false, &["certain now: ", "missing: "], &[30, 20]),
            ("30", true, &["missing: "], &[20]),
            ("30", false, &["missing: "], &[20]),
        ];
        for (amount, alone, begins, due) in expected {
            let seen = &found.sightings[0];
            let known = proto::KnownDeposit {
                id: 5,
                tx: seen.tx.0.to_vec(),
                place: Some(words::of_place(seen.place)),
                to: seen.address.to_string(),
                amount: amount.to_owned(),
                block: Some(words::of_block(block.header.block)),
                stage: "held".to_owned(),
            };
            let books = Books { deposits: vec![known], ..Books::default() };
            let alone = if alone { Alone::from([token.clone()]) } else { Alone::new() };
            let mut difference = Difference::default();
            let missed = difference.compare(&books, vec![(block.header, found.clone(), alone)]).await.unwrap();
            let lines: Vec<&str> = difference.lines.iter().map(String::as_str).collect();
            let told = lines.iter().zip(begins).all(|(line, begin)| line.starts_with(begin));
            assert!(told && lines.len() == begins.len(), "{amount:?} {lines:?}");
            // What is committed where people wanted it.
            let lacking: Vec<u128> = missed[0].found.sightings.iter().map(|seen| seen.amount).collect();
            assert_eq!(lacking, due, "{amount:?} {lines:?}");
        }
    }

    /// Goal: endpoints that are asked first and have another block do not end a rescan, however honest their headers are, and nothing is
    /// taken that is another block than a quorum names; where nobody has what two have, it ends. Method: four nodes, of which the first
    /// two give left blocks, and then a third one as well.
    #[tokio::test(start_paused = true)]
    async fn one_endpoint_ends_no_rescan() {
        let nodes = ["one", "two", "three", "four"].map(|name| Arc::new(Played::new(name)));
        let panel = panel(&nodes).await;
        let other = |hash| Header { block: BlockRef { height: 8, hash: BlockHash([hash; 32]) }, ..header(8) };
        for (node, block) in nodes.iter().zip([other(0x77), other(0x78), header(8), header(8)]) {
            *node.block.lock() = Some(block);
            *node.header.lock() = Some(header(8));
        }
        let agreed = agreed_block(&panel, 8, |_| Found::default()).await.unwrap();
        assert_eq!(agreed.value.0.header(), header(8));
        *nodes[2].block.lock() = Some(other(0x79));
        let refused = agreed_block(&panel, 8, |_| Found::default()).await.map(drop);
        assert!(refused.as_ref().is_err_and(|why| !why.contains("no endpoint")), "{refused:?}");
    }

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
