//! What of reconciliation is in memory: movements that a reorganisation can reach, sums, open discrepancies.
//!
//! All of it is in one table, each part under a tag of its own; positions, runs that are over and discrepancies that are over
//! are rows alone.

use std::collections::BTreeMap;

use exchequer_domain::{ChainAddress, Network, Timestamp, TxId};
use exchequer_ledger::Asset;
use serde::{Deserialize, Serialize};

use super::discrepancy::{Discrepancy, DiscrepancyId, Reach, Scope};
use super::movement::{Movement, MovementName, movement_key};
use super::run::{Net, RunId};
use crate::codec::{self, DecodeError};
use crate::halt::Halt;
use crate::networks::number;
use crate::rows::{self, Rows, Table};

/// Discrepancies that may be open, but for the one that says that there are too many. Beyond that the first ones have to be dealt
/// with: what stops something takes the place of what does not, and what finds none is counted.
pub const OPEN_DISCREPANCIES_MAX: usize = 5_000;
/// Addresses of a network that are noted as touched; what is beyond that is compared when all addresses are.
pub const TOUCHED_MAX: usize = 50_000;

/// The parts of the room's table, by the first byte of a row's suffix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Part {
    /// Counters of the room.
    Head = 0,
    /// Network -> what is remembered of it.
    Net = 1,
    /// Network, height, name -> a movement.
    Movement = 2,
    /// Network, coin -> what all positions of it come to.
    Tally = 3,
    /// Network, transaction -> what of an own transaction was seen on one side only.
    Afoot = 4,
    /// Network, address -> since which run it is to be read: it has moved since it was compared.
    Touched = 5,
    /// Number -> an open discrepancy.
    Discrepancy = 6,
    /// How far -> since when, and why, nothing is paid out.
    Stopped = 7,
    /// Network, height, name -> a movement that is in its position, and that a reorganisation below what was settled takes out.
    Folded = 8,
    /// Asset -> fees of withdrawals that were earned.
    Earned = 9,
    /// Network, token -> why nobody believes its log or its listing, and what persons did not believe its contract.
    Doubted = 10,
}

impl Part {
    const ALL: [Part; 11] = [
        Part::Head,
        Part::Net,
        Part::Movement,
        Part::Tally,
        Part::Afoot,
        Part::Touched,
        Part::Discrepancy,
        Part::Stopped,
        Part::Folded,
        Part::Earned,
        Part::Doubted,
    ];

    /// The suffix of a row of this part.
    pub(crate) fn key(self, rest: &[u8]) -> Vec<u8> {
        [&[self as u8], rest].concat()
    }
}

/// Counters of the room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    /// The number of the last discrepancy.
    pub(crate) discrepancies: u64,
    /// Discrepancies that found no room.
    pub(crate) left_out: u64,
    /// Replicated time at which the ledger was last gone through as a whole.
    pub(crate) checked: Timestamp,
}

/// What all positions of a coin on a network come to; amounts in the network's smallest units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tally {
    /// The sum of everything folded and adjusted.
    pub(crate) folded: i128,
    /// What rounding fees up has left, which the ledger does not have.
    pub(crate) kept: i128,
    /// What networks took beyond what the ledger could book.
    pub(crate) unbooked_fees: u128,
    /// Payments that are too small to be credited, and are gathered.
    pub(crate) gathered: u128,
    /// What is more than expected on addresses where it is less than the least deposit.
    pub(crate) dust: u128,
    /// On how many addresses that is.
    pub(crate) dusty: u64,
}

/// An own transaction of which one side was seen: what it did to addresses, less what it did to the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Afoot {
    /// Since when.
    pub(crate) since: Timestamp,
    /// By coin, in the network's smallest units.
    pub(crate) effects: BTreeMap<Option<ChainAddress>, i128>,
}

/// That nothing is paid out, because something is missing or the books contradict themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    /// Replicated time.
    pub since: Timestamp,
    /// The discrepancy.
    pub by: DiscrepancyId,
}

/// Why nobody believes what a token's contract logs, or what it is listed with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubted {
    /// Replicated time.
    pub since: Timestamp,
    /// What a worker saw last, in words.
    pub why: String,
    /// Whether its balances did not follow its log.
    pub of_log: bool,
    /// With how many decimals its contract counts, where its listing said something else.
    pub decimals: Option<u8>,
    /// What persons did not believe its contract. It is kept where nothing is doubted any more: the contract says it again.
    pub overruled: Option<Overruled>,
}

impl Doubted {
    /// Whether anything is doubted.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.of_log || self.decimals.is_some()
    }
}

/// Two persons have said that a token counts as it is listed, whatever its contract says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overruled {
    /// What the contract said.
    pub told: u8,
    /// What the listing said.
    pub listed: u8,
    /// Replicated time.
    pub at: Timestamp,
}

/// What of reconciliation is in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reconciliation {
    pub(crate) head: Head,
    pub(crate) nets: BTreeMap<Network, Net>,
    pub(crate) movements: BTreeMap<(Network, u64, MovementName), Movement>,
    /// Movements that blocks brought and that are in positions, as far down as hashes of blocks are known.
    pub(crate) folded: BTreeMap<(Network, u64, MovementName), Movement>,
    pub(crate) tallies: BTreeMap<(Network, Option<ChainAddress>), Tally>,
    pub(crate) afoot: BTreeMap<(Network, TxId), Afoot>,
    touched: BTreeMap<(Network, ChainAddress), RunId>,
    touched_of: BTreeMap<Network, usize>,
    open: BTreeMap<DiscrepancyId, Discrepancy>,
    scopes: BTreeMap<Scope, DiscrepancyId>,
    pub(crate) stopped: BTreeMap<Reach, Stopped>,
    pub(crate) earned: BTreeMap<Asset, u128>,
    pub(crate) doubted: BTreeMap<(Network, ChainAddress), Doubted>,
}

/// A network by its bytes.
fn network_of(bytes: &[u8; 2]) -> Option<Network> {
    Network::ALL.iter().copied().find(|known| number(*known) == *bytes)
}

/// The suffix of a coin's tally.
pub(crate) fn tally_key(network: Network, coin: Option<&ChainAddress>) -> Vec<u8> {
    [number(network).as_slice(), coin.map_or("", ChainAddress::as_str).as_bytes()].concat()
}

impl Reconciliation {
    pub(crate) fn load(rows: &dyn Rows) -> Result<Reconciliation, Halt> {
        let mut room = Reconciliation::default();
        rows::for_each_of_table(rows, Table::Reconciliation, |suffix, row| {
            let damaged = |error| Halt::row(Table::Reconciliation, error);
            let read = room.read(suffix, row).map_err(damaged)?;
            if read { Ok(()) } else { Err(damaged(DecodeError::Malformed)) }
        })?;
        Ok(room)
    }

    /// Takes one row in; false where its key is none.
    fn read(&mut self, suffix: &[u8], row: &[u8]) -> Result<bool, DecodeError> {
        let Some((tag, rest)) = suffix.split_first() else { return Ok(false) };
        let Some(part) = Part::ALL.into_iter().find(|part| *part as u8 == *tag) else { return Ok(false) };
        let parts = rest.split_first_chunk::<2>().and_then(|(network, rest)| Some((network_of(network)?, rest)));
        let address = |bytes: &[u8]| ChainAddress::canonical(std::str::from_utf8(bytes).ok()?).ok();
        match (part, parts) {
            (Part::Head, _) => self.head = codec::decode(row)?,
            (Part::Discrepancy, _) => {
                let one: Discrepancy = codec::decode(row)?;
                if rest != one.id.0.to_be_bytes() {
                    return Ok(false);
                }
                self.put_discrepancy(one);
            }
            (Part::Net, Some((network, _))) => {
                self.nets.insert(network, codec::decode(row)?);
            }
            (Part::Movement | Part::Folded, Some((network, rest))) => {
                let Some((height, name)) = rest.split_first_chunk::<8>() else { return Ok(false) };
                let Ok(name) = MovementName::try_from(name) else { return Ok(false) };
                let of = if part == Part::Folded { &mut self.folded } else { &mut self.movements };
                of.insert((network, u64::from_be_bytes(*height), name), codec::decode(row)?);
            }
            (Part::Tally, Some((network, coin))) => {
                let coin = if coin.is_empty() { None } else { address(coin) };
                self.tallies.insert((network, coin), codec::decode(row)?);
            }
            (Part::Afoot, Some((network, tx))) => {
                let Ok(tx) = <[u8; 32]>::try_from(tx) else { return Ok(false) };
                self.afoot.insert((network, TxId(tx)), codec::decode(row)?);
            }
            (Part::Touched, Some((network, bytes))) => {
                let Some(address) = address(bytes) else { return Ok(false) };
                self.touch(network, address, codec::decode(row)?);
            }
            (Part::Doubted, Some((network, bytes))) => {
                let Some(token) = address(bytes) else { return Ok(false) };
                self.doubted.insert((network, token), codec::decode(row)?);
            }
            (Part::Stopped, _) => {
                let Some(reach) = Reach::of_key(rest) else { return Ok(false) };
                self.stopped.insert(reach, codec::decode(row)?);
            }
            (Part::Earned, _) => {
                let Ok(asset) = <[u8; 4]>::try_from(rest) else { return Ok(false) };
                self.earned.insert(Asset(u32::from_be_bytes(asset)), codec::decode(row)?);
            }
            (
                Part::Net | Part::Movement | Part::Folded | Part::Tally | Part::Afoot | Part::Touched | Part::Doubted,
                None,
            ) => return Ok(false),
        }
        Ok(true)
    }

    /// What is remembered of a network.
    #[must_use]
    pub fn net(&self, network: Network) -> Net {
        self.nets.get(&network).cloned().unwrap_or_else(|| Net::new(network))
    }

    /// Since when, and why, nothing is paid out so far.
    #[must_use]
    pub fn stopped(&self, reach: Reach) -> Option<Stopped> {
        self.stopped.get(&reach).copied()
    }

    /// Every stop of withdrawals, those of networks first.
    pub fn stops(&self) -> impl Iterator<Item = (Reach, Stopped)> {
        self.stopped.iter().map(|(reach, stopped)| (*reach, *stopped))
    }

    /// Why nobody believes what a token's contract logs, or what it is listed with; none where both are believed.
    #[must_use]
    pub fn doubted(&self, network: Network, token: &ChainAddress) -> Option<&Doubted> {
        self.doubted.get(&(network, token.clone())).filter(|doubted| doubted.is_open())
    }

    /// What persons did not believe a token's contract, now and before.
    #[must_use]
    pub fn overruled(&self, network: Network, token: &ChainAddress) -> Option<Overruled> {
        self.doubted.get(&(network, token.clone()))?.overruled
    }

    /// The open discrepancies, in the order of their numbers.
    pub fn open(&self) -> impl Iterator<Item = &Discrepancy> {
        self.open.values()
    }

    /// An open discrepancy.
    #[must_use]
    pub fn get(&self, id: DiscrepancyId) -> Option<&Discrepancy> {
        self.open.get(&id)
    }

    /// How many discrepancies there ever were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.head.discrepancies
    }

    /// How many discrepancies found no room.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.head.left_out
    }

    /// Addresses of a network that have moved since they were compared, in order.
    pub fn touched(&self, network: Network) -> impl Iterator<Item = &ChainAddress> {
        self.touched_since(network).map(|(address, _)| address)
    }

    /// The same with the run since which each was not told.
    pub(crate) fn touched_since(&self, network: Network) -> impl Iterator<Item = (&ChainAddress, RunId)> {
        let of = self.touched.iter().filter(move |((of, _), _)| *of == network);
        of.map(|((_, address), since)| (address, *since))
    }

    /// An address that is to be read was told in a run; whether it was to be.
    pub(crate) fn told(&mut self, network: Network, address: &ChainAddress, run: RunId) -> bool {
        let known = self.touched.get_mut(&(network, address.clone()));
        known.is_some_and(|since| std::mem::replace(since, run) < run)
    }

    /// The open discrepancy of a scope.
    pub(crate) fn of_scope(&self, scope: &Scope) -> Option<&Discrepancy> {
        self.open.get(self.scopes.get(scope)?)
    }

    pub(crate) fn open_count(&self) -> usize {
        self.open.len()
    }

    pub(crate) fn put_discrepancy(&mut self, one: Discrepancy) {
        self.scopes.insert(one.scope.clone(), one.id);
        self.open.insert(one.id, one);
    }

    pub(crate) fn take_discrepancy(&mut self, id: DiscrepancyId) -> Option<Discrepancy> {
        let one = self.open.remove(&id)?;
        self.scopes.remove(&one.scope);
        Some(one)
    }

    /// Notes an address as touched, since a run.
    pub(crate) fn touch(&mut self, network: Network, address: ChainAddress, since: RunId) -> Touch {
        let key = (network, address);
        if self.touched.contains_key(&key) {
            return Touch::Known;
        }
        if self.touched_of.get(&network).is_some_and(|count| *count >= TOUCHED_MAX) {
            return Touch::Full;
        }
        *self.touched_of.entry(network).or_default() += 1;
        self.touched.insert(key, since);
        Touch::New
    }

    pub(crate) fn untouch(&mut self, network: Network, address: &ChainAddress) -> bool {
        let removed = self.touched.remove(&(network, address.clone())).is_some();
        if removed && let Some(count) = self.touched_of.get_mut(&network) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.touched_of.remove(&network);
            }
        }
        removed
    }

    /// The movements of a network from a height on.
    pub(crate) fn movements_from(
        &self,
        network: Network,
        height: u64,
    ) -> impl Iterator<Item = (u64, &MovementName, &Movement)> {
        let range = (network, height, MovementName::default())..=(network, u64::MAX, [0xff; 16]);
        self.movements.range(range).map(|((_, height, name), movement)| (*height, name, movement))
    }

    /// The movements of a network in positions, from a height on.
    pub(crate) fn folded_from(
        &self,
        network: Network,
        height: u64,
    ) -> impl Iterator<Item = (u64, &MovementName, &Movement)> {
        let range = (network, height, MovementName::default())..=(network, u64::MAX, [0xff; 16]);
        self.folded.range(range).map(|((_, height, name), movement)| (*height, name, movement))
    }

    /// The row suffix of a movement.
    pub(crate) fn movement_suffix(network: Network, height: u64, name: &MovementName) -> Vec<u8> {
        Part::Movement.key(&movement_key(network, height, name))
    }
}

/// What became of noting an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Touch {
    /// It is noted now.
    New,
    /// It was noted.
    Known,
    /// There is no room.
    Full,
}
