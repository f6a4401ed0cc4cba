//! Reads: what a worker must know of its network.
//!
//! Everything is read of the state that this node has applied, and only while it leads in the epoch of the worker's welcome.

use exchequer_domain::{Problem, TxId, WorkerKind};
use exchequer_state::custody::{self, ADDRESSES_PAGE_MAX, CoinState, Keyed};
use exchequer_state::deposits::Deposit;
use exchequer_state::networks::Operation;
use exchequer_state::settings::{Scope, schema};
use exchequer_state::{Halt, Rows, State, secrets};
use exchequer_workers::money::{proto, words};
use futures::StreamExt as _;
use tonic::Status;

use super::{Caller, Door, MOVERS, Paged, only, unreadable};
use crate::supervisor::ground::Ground;
use crate::supervisor::launch::Launcher;

/// Recent blocks of one answer.
const BLOCKS_MAX: u32 = 32_768;
/// Transactions of one question.
const TXS_MAX: usize = 1_000;
/// Coins of one page.
const COINS_PAGE_MAX: usize = 1_000;

fn internal(problem: Problem) -> Status {
    Status::unavailable(problem.message)
}

pub(super) fn halted(halt: Halt) -> Status {
    Status::internal(halt.to_string())
}

impl<G: Ground, L: Launcher> Door<G, L> {
    /// Reads something for a worker of the leadership that still is one.
    pub(super) fn read<T>(&self, caller: Caller, read: impl FnOnce(&State, &dyn Rows) -> T) -> Result<T, Status> {
        self.leads(caller)?;
        self.ground().rows(read).map_err(internal)
    }

    pub(crate) fn read_cursor(&self, caller: Caller, blocks: u32) -> Result<proto::CursorReply, Status> {
        let network = only(caller, &[WorkerKind::Deposit])?;
        let blocks = usize::try_from(blocks.min(BLOCKS_MAX)).unwrap_or(0);
        self.read(caller, |state, _| {
            let chains = state.deposits().chains();
            let chain = chains.get(network);
            proto::CursorReply {
                tip: chain.tip.map(words::of_block),
                partial: chain.partial.map(words::of_block),
                head: chain.head,
                finalized: chain.finalized,
                agreed: chain.agreed,
                settled: chain.settled,
                halted: chain.halted.is_some(),
                blocks: chains.blocks(network).take(blocks).map(words::of_block).collect(),
                pending: state.deposits().pending(network).map(|tx| tx.0.to_vec()).collect(),
            }
        })
    }

    pub(crate) fn read_network(&self, caller: Caller) -> Result<proto::NetworkReply, Status> {
        let network = only(caller, &MOVERS)?;
        let (mut reply, sealed) = self.read(caller, |state, _| {
            let config = state.networks().get(network);
            let may = |operation| state.may_on(network, operation);
            let why = may(Operation::Withdrawal).or(may(Operation::Deposit)).err();
            let listings = state.custody().listings().filter(|listing| listing.network == network);
            let scope = Scope::network(network);
            let reply = proto::NetworkReply {
                endpoints: config.endpoints.clone(),
                version: config.version,
                tradable: config.tradable,
                withdrawable: config.withdrawable,
                fee_rate_max: config.fee_rate_max,
                fee_max: config.fee_max,
                test: state.cluster().is_some_and(|cluster| cluster.sandbox),
                deposits: may(Operation::Deposit).is_ok(),
                withdrawals: may(Operation::Withdrawal).is_ok(),
                why_not: why.map(|why| why.to_string()).unwrap_or_default(),
                listings: listings
                    .map(|listing| {
                        let token = listing.coin.as_ref();
                        let doubted = token.and_then(|token| state.reconciliation().doubted(network, token));
                        let overruled = token.and_then(|token| state.reconciliation().overruled(network, token));
                        let overruled = overruled.filter(|one| one.listed == listing.decimals);
                        proto::Listing {
                            asset: listing.asset.0,
                            coin: words::of_coin(token),
                            decimals: u32::from(listing.decimals),
                            ledger_decimals: u32::from(listing.ledger_decimals),
                            doubted: doubted.is_some_and(|doubted| doubted.of_log),
                            miscounted: doubted.is_some_and(|doubted| doubted.decimals.is_some()),
                            overruled: overruled.map(|one| one.told.into()),
                        }
                    })
                    .collect(),
                traces: state.settings().get_for(&schema::CHAIN_TRACES, &scope),
                roots_off: !state.settings().get_for(&schema::CHAIN_ROOTS, &scope),
            };
            let named = config.endpoints.iter().flat_map(|endpoint| secrets::references(endpoint));
            let sealed = named.filter_map(|name| state.secrets().get(name));
            let sealed: Vec<(String, Vec<u8>)> = sealed.map(|one| (one.name.clone(), one.sealed.clone())).collect();
            (reply, sealed)
        })?;
        for (name, sealed) in sealed {
            let text = self.ground().reveal(&secrets::purpose(&name), &sealed);
            let text = text.map_err(|problem| Status::unavailable(format!("secret {name}: {}", problem.message)))?;
            let text = std::str::from_utf8(&text).map_err(|_| Status::internal(format!("secret {name} is no text")))?;
            for endpoint in &mut reply.endpoints {
                *endpoint = with_secret(endpoint, &name, text.trim());
            }
        }
        Ok(reply)
    }

    pub(crate) fn read_addresses(&self, caller: Caller, from: u32) -> Result<Paged<proto::AddressPage>, Status> {
        let family = only(caller, &[WorkerKind::Deposit, WorkerKind::BalanceSync])?.family();
        self.leads(caller)?;
        let door = self.clone();
        let pages = futures::stream::unfold(Some(from), move |next| {
            let door = door.clone();
            async move {
                let first = next?;
                let page = door
                    .read(caller, |_, rows| custody::given_addresses(rows, family, first, ADDRESSES_PAGE_MAX))
                    .and_then(|page| page.map_err(halted));
                let page = match page {
                    Ok(page) if page.is_empty() => return None,
                    Ok(page) => page,
                    Err(status) => return Some((Err(status), None)),
                };
                let next = page.last().and_then(|(index, _)| index.checked_add(1));
                let next = next.filter(|_| page.len() == ADDRESSES_PAGE_MAX);
                let addresses = page.into_iter().map(|(_, one)| one.address.to_string()).collect();
                Some((Ok(proto::AddressPage { first, addresses }), next))
            }
        });
        Ok(pages.boxed())
    }

    pub(crate) fn read_wallets(&self, caller: Caller) -> Result<proto::WalletsReply, Status> {
        let network = only(caller, &MOVERS)?;
        self.read(caller, |state, _| {
            let wallets = state.custody().wallets().filter(|wallet| wallet.covers(network));
            let wallet = |wallet: &custody::Wallet| proto::Wallet {
                id: wallet.id.0,
                role: wallet.role.as_str().to_owned(),
                in_use: wallet.is_used_on(network),
                pinned: wallet.pinned,
                addresses: wallet
                    .addresses
                    .iter()
                    .map(|own| proto::wallet::Address {
                        address: own.address.to_string(),
                        change: own.change,
                        index: own.index,
                    })
                    .collect(),
            };
            proto::WalletsReply { wallets: wallets.map(wallet).collect() }
        })
    }

    pub(crate) fn read_deposits_of(&self, caller: Caller, txs: &[Vec<u8>]) -> Result<proto::DepositsOfReply, Status> {
        let network = only(caller, &[WorkerKind::Deposit])?;
        if txs.len() > TXS_MAX {
            return Err(Status::invalid_argument(format!("{TXS_MAX} transactions are looked up at once")));
        }
        let txs: Vec<TxId> = txs.iter().map(|tx| words::tx(tx).map_err(unreadable)).collect::<Result<_, _>>()?;
        let found = self.read(caller, |state, rows| {
            let mut found = Vec::new();
            for tx in &txs {
                found.extend(state.deposits().of_tx(rows, network, tx)?);
            }
            Ok::<_, Halt>(found)
        })?;
        let known = |deposit: Deposit| proto::KnownDeposit {
            id: deposit.id.0,
            tx: deposit.tx.0.to_vec(),
            place: Some(words::of_place(deposit.place)),
            to: deposit.to.to_string(),
            amount: deposit.amount.map(|amount| amount.to_string()).unwrap_or_default(),
            block: deposit.block.map(words::of_block),
            stage: deposit.state.stage().as_str().to_owned(),
        };
        Ok(proto::DepositsOfReply { deposits: found.map_err(halted)?.into_iter().map(known).collect() })
    }

    pub(crate) fn read_own_transfers(
        &self,
        caller: Caller,
        txs: &[Vec<u8>],
    ) -> Result<proto::OwnTransfersReply, Status> {
        let network = only(caller, &MOVERS)?;
        if txs.len() > TXS_MAX {
            return Err(Status::invalid_argument(format!("{TXS_MAX} transactions are looked up at once")));
        }
        let txs: Vec<TxId> = txs.iter().map(|tx| words::tx(tx).map_err(unreadable)).collect::<Result<_, _>>()?;
        let own = self.read(caller, |_, rows| {
            let own = txs.iter().map(|tx| custody::own_transfer(rows, network, tx).map(|own| own.is_some()));
            own.collect::<Result<Vec<bool>, Halt>>()
        })?;
        Ok(proto::OwnTransfersReply { own: own.map_err(halted)? })
    }

    pub(crate) fn read_coins(&self, caller: Caller) -> Result<Paged<proto::CoinPage>, Status> {
        let network = only(caller, &MOVERS)?;
        // Who pays from wallets needs what is in memory; who scans must know of every coin.
        let all = !matches!(caller.worker.kind, WorkerKind::Withdrawal | WorkerKind::Gas);
        let warm = move |door: &Self| {
            door.read(caller, |state, _| state.custody().coins().of(network).map(coin).collect::<Vec<_>>())
        };
        let door = self.clone();
        let begin = Coins::Warm { coins: warm(self)?, from: 0, last: !all };
        let pages = futures::stream::unfold(Some(begin), move |mut part| {
            let door = door.clone();
            async move {
                loop {
                    match part? {
                        Coins::Warm { coins, from, last } => {
                            let until = coins.len().min(from + COINS_PAGE_MAX);
                            let page = coins.get(from..until).unwrap_or_default().to_vec();
                            if !page.is_empty() {
                                let next = Coins::Warm { coins, from: until, last };
                                return Some((Ok(proto::CoinPage { coins: page }), Some(next)));
                            }
                            part = (!last).then_some(Coins::Cold(None));
                        }
                        Coins::Cold(after) => {
                            let page = door
                                .read(caller, |state, rows| state.cold_coins(rows, network, after, COINS_PAGE_MAX))
                                .and_then(|page| page.map_err(halted));
                            let page = match page {
                                Ok(page) => page,
                                Err(status) => return Some((Err(status), None)),
                            };
                            if let Some(last) = page.last() {
                                let next = Coins::Cold(Some(last.outpoint));
                                let coins = page.iter().map(coin).collect();
                                return Some((Ok(proto::CoinPage { coins }), Some(next)));
                            }
                            // What came into memory meanwhile, or left it behind what was read, is told once more.
                            match warm(&door) {
                                Ok(coins) => part = Some(Coins::Warm { coins, from: 0, last: true }),
                                Err(status) => return Some((Err(status), None)),
                            }
                        }
                    }
                }
            }
        });
        Ok(pages.boxed())
    }
}

/// Where in the coins somebody reads: those in memory, those that are rows alone, and what is in memory afterwards. One may be
/// told twice, and none that stays is missed.
enum Coins {
    Warm { coins: Vec<proto::Coin>, from: usize, last: bool },
    Cold(Option<exchequer_domain::OutPoint>),
}

/// An address with the text of a secret in the place of its name. The name ends where no letter of a name follows: another
/// secret's that begins alike is not touched.
fn with_secret(endpoint: &str, name: &str, text: &str) -> String {
    let reference = format!("{}{name}", secrets::REFERENCE);
    let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
    let mut out = String::with_capacity(endpoint.len() + text.len());
    let mut rest = endpoint;
    while let Some(at) = rest.find(&reference) {
        let (before, after) = rest.split_at(at);
        let after = after.get(reference.len()..).unwrap_or_default();
        out.push_str(before);
        out.push_str(if after.starts_with(inside) { &reference } else { text });
        rest = after;
    }
    out.push_str(rest);
    out
}

pub(super) fn coin(coin: &custody::Coin) -> proto::Coin {
    use proto::coin::State as Message;
    let state = match coin.state {
        CoinState::Free => Message::Free(true),
        CoinState::Reserved { owner } => Message::Reserved(owner),
        CoinState::Spent { .. } => Message::Spent(true),
    };
    let (wallet, change, index) = match coin.keyed {
        Keyed::Deposit(index) => (None, false, index),
        Keyed::Wallet { wallet, change, index } => (Some(wallet.0), change, index),
    };
    let (spent_by, spent_height) = match coin.state {
        CoinState::Spent { by, height, .. } => (by.0.to_vec(), height),
        CoinState::Free | CoinState::Reserved { .. } => (Vec::new(), 0),
    };
    proto::Coin {
        spent_by,
        spent_height,
        outpoint: Some(words::of_outpoint(coin.outpoint)),
        amount: coin.amount.to_string(),
        address: coin.address.to_string(),
        height: coin.height,
        mature: coin.mature,
        wallet,
        change,
        index,
        state: Some(state),
        rests_on: coin.rests_on.iter().map(rests_on).collect(),
    }
}

fn rests_on(on: &custody::RestsOn) -> proto::RestsOn {
    proto::RestsOn { coin: Some(words::of_outpoint(on.coin)), by: on.by.0.to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a secret stands in the place of its own name alone. Method: names that begin alike, several places, and a text
    /// that looks like a reference itself.
    #[test]
    fn secrets_take_their_places() {
        let put = |endpoint: &str, name, text| with_secret(endpoint, name, text);
        assert_eq!(put("https://a/secret:key/x?k=secret:key", "key", "K"), "https://a/K/x?k=K");
        assert_eq!(put("https://a/secret:key-2/secret:key", "key", "K"), "https://a/secret:key-2/K");
        assert_eq!(put("https://a/secret:key", "key", "secret:key"), "https://a/secret:key");
        assert_eq!(put("https://a/x", "key", "K"), "https://a/x");
    }
}
