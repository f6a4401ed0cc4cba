//! Where a value holds: everywhere, or only for some workers, on one network, or for one asset.
//!
//! A key names a setting, and behind an `@` a place where it has a value of its own: `key@kind:withdrawal`,
//! `key@network:bitcoin`, `key@kind:withdrawal,network:bitcoin`, `key@worker:deposit/bitcoin-1`, `key@asset:2`,
//! `key@asset:2,network:tron`. Invariants: a place has one name; a setting has values of its own only in places that its schema
//! allows; where several values fit, the most specific one holds: that of the worker, then of its kind on its network, of the asset
//! on its network, of the asset, of the network, of the kind, and the plain one last.

use std::fmt;

use exchequer_domain::{Network, WorkerId, WorkerKind};
use exchequer_ledger::Asset;

use super::schema::{self, Setting};

/// Between a key and its place.
const AT: char = '@';

/// In which places a setting may have values of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scoping {
    /// In none: one value holds everywhere.
    Nowhere,
    /// On each network.
    Networks,
    /// On each network, for each asset, and for an asset on a network.
    Assets,
    /// For each kind of workers, on each network, and for each worker.
    Workers,
}

impl Scoping {
    /// What may follow the `@` of a key, after the key.
    pub(crate) const fn rule(self) -> &'static str {
        match self {
            Scoping::Nowhere => "has one value for all: no place may follow it",
            Scoping::Networks => "takes a place such as `@network:bitcoin`",
            Scoping::Assets => {
                "takes a place such as `@network:tron`, `@asset:2` or `@asset:2,network:tron`, with the number of an asset"
            }
            Scoping::Workers => {
                "takes a place such as `@kind:selftest`, `@network:bitcoin`, `@kind:deposit,network:bitcoin` or \
                 `@worker:deposit/bitcoin-1`"
            }
        }
    }

    /// The places in a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Scoping::Nowhere => "nowhere",
            Scoping::Networks => "networks",
            Scoping::Assets => "assets",
            Scoping::Workers => "workers",
        }
    }
}

/// A place where a setting can have a value of its own, from the least specific one on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Everywhere: the setting's plain value.
    Everywhere,
    /// For all workers of a kind.
    Kind(WorkerKind),
    /// On a network.
    Network(Network),
    /// For the workers of a kind on a network.
    KindOnNetwork(WorkerKind, Network),
    /// For one worker.
    Worker(WorkerId),
    /// For an asset.
    Asset(Asset),
    /// For an asset on a network.
    AssetOnNetwork(Asset, Network),
}

impl Place {
    /// The asset that it names.
    #[must_use]
    pub const fn asset(self) -> Option<Asset> {
        match self {
            Place::Asset(asset) | Place::AssetOnNetwork(asset, _) => Some(asset),
            Place::Everywhere | Place::Kind(_) | Place::Network(_) | Place::KindOnNetwork(..) | Place::Worker(_) => {
                None
            }
        }
    }

    /// Whether a value of this place holds for `worker` where no more specific one does.
    #[must_use]
    pub fn covers(self, worker: WorkerId) -> bool {
        match self {
            Place::Everywhere => true,
            Place::Kind(kind) => worker.kind == kind,
            Place::Network(network) => worker.network == Some(network),
            Place::KindOnNetwork(kind, network) => worker.kind == kind && worker.network == Some(network),
            Place::Worker(one) => worker == one,
            Place::Asset(_) | Place::AssetOnNetwork(..) => false,
        }
    }

    fn is_allowed(self, scoping: Scoping) -> bool {
        match (self, scoping) {
            (Place::Everywhere, _) | (Place::Network(_), Scoping::Networks | Scoping::Assets | Scoping::Workers) => {
                true
            }
            (Place::Kind(_) | Place::Worker(_), Scoping::Workers) => true,
            (Place::Asset(_) | Place::AssetOnNetwork(..), Scoping::Assets) => true,
            // The workers of other kinds are on no network, so that such a value would never hold.
            (Place::KindOnNetwork(kind, _), Scoping::Workers) => kind.has_network(),
            (Place::Network(_), Scoping::Nowhere)
            | (
                Place::Kind(_) | Place::KindOnNetwork(..) | Place::Worker(_),
                Scoping::Nowhere | Scoping::Networks | Scoping::Assets,
            )
            | (Place::Asset(_) | Place::AssetOnNetwork(..), Scoping::Nowhere | Scoping::Networks | Scoping::Workers) => {
                false
            }
        }
    }

    fn parse(text: &str) -> Option<Place> {
        let place = match text.split_once(':')? {
            ("kind", rest) => match rest.split_once(",network:") {
                Some((kind, network)) => Place::KindOnNetwork(kind.parse().ok()?, network.parse().ok()?),
                None => Place::Kind(rest.parse().ok()?),
            },
            ("network", network) => Place::Network(network.parse().ok()?),
            ("worker", worker) => Place::Worker(worker.parse().ok()?),
            ("asset", rest) => match rest.split_once(",network:") {
                Some((asset, network)) => Place::AssetOnNetwork(asset_of(asset)?, network.parse().ok()?),
                None => Place::Asset(asset_of(rest)?),
            },
            (_, _) => return None,
        };
        Some(place)
    }
}

/// An asset's number, written in the one way that it has.
fn asset_of(text: &str) -> Option<Asset> {
    let number: u32 = text.parse().ok()?;
    (number.to_string() == text).then_some(Asset(number))
}

impl fmt::Display for Place {
    /// As it stands in a key; nothing for everywhere.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Everywhere => Ok(()),
            Place::Kind(kind) => write!(f, "kind:{kind}"),
            Place::Network(network) => write!(f, "network:{network}"),
            Place::KindOnNetwork(kind, network) => write!(f, "kind:{kind},network:{network}"),
            Place::Worker(worker) => write!(f, "worker:{worker}"),
            Place::Asset(asset) => write!(f, "asset:{}", asset.0),
            Place::AssetOnNetwork(asset, network) => write!(f, "asset:{},network:{network}", asset.0),
        }
    }
}

/// A setting and a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// The setting.
    pub setting: &'static Setting,
    /// Where the value holds.
    pub place: Place,
}

/// Why a text is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyError {
    /// There is no such setting.
    Unknown,
    /// What follows the `@` is no place, or none where this setting has values of its own.
    Place(&'static Setting),
}

impl Key {
    /// Reads a key.
    ///
    /// # Errors
    /// There is no such setting, or it has no value of its own there.
    pub fn parse(text: &str) -> Result<Key, KeyError> {
        let (name, place) = match text.split_once(AT) {
            Some((name, place)) => (name, Some(place)),
            None => (text, None),
        };
        let setting = schema::find(name).ok_or(KeyError::Unknown)?;
        let place = match place {
            None => Place::Everywhere,
            Some(place) => Place::parse(place).ok_or(KeyError::Place(setting))?,
        };
        if place.is_allowed(setting.scoping) { Ok(Key { setting, place }) } else { Err(KeyError::Place(setting)) }
    }
}

impl fmt::Display for Key {
    /// The text that [`Key::parse`] reads back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text(self.setting.key, self.place))
    }
}

/// The key of a setting in a place.
pub(super) fn text(key: &str, place: Place) -> String {
    if place == Place::Everywhere { key.to_owned() } else { format!("{key}{AT}{place}") }
}

/// For whom a value is looked up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scope {
    kind: Option<WorkerKind>,
    network: Option<Network>,
    worker: Option<WorkerId>,
    asset: Option<Asset>,
}

impl Scope {
    /// For nobody in particular: the plain value.
    pub const EVERYWHERE: Scope = Scope { kind: None, network: None, worker: None, asset: None };

    /// For a worker.
    #[must_use]
    pub const fn worker(worker: WorkerId) -> Scope {
        Scope { kind: Some(worker.kind), network: worker.network, worker: Some(worker), asset: None }
    }

    /// For the workers of a kind, on a network where the kind has one.
    #[must_use]
    pub const fn kind(kind: WorkerKind, network: Option<Network>) -> Scope {
        Scope { kind: Some(kind), network, worker: None, asset: None }
    }

    /// For an asset, on a network where it is asked for one.
    #[must_use]
    pub const fn asset(asset: Asset, network: Option<Network>) -> Scope {
        Scope { kind: None, network, worker: None, asset: Some(asset) }
    }

    /// On a network.
    #[must_use]
    pub const fn network(network: Network) -> Scope {
        Scope { kind: None, network: Some(network), worker: None, asset: None }
    }

    /// Of someone who is in a place.
    #[must_use]
    pub const fn of(place: Place) -> Scope {
        match place {
            Place::Everywhere => Scope::EVERYWHERE,
            Place::Kind(kind) => Scope::kind(kind, None),
            Place::Network(network) => Scope::network(network),
            Place::KindOnNetwork(kind, network) => Scope::kind(kind, Some(network)),
            Place::Worker(worker) => Scope::worker(worker),
            Place::Asset(asset) => Scope::asset(asset, None),
            Place::AssetOnNetwork(asset, network) => Scope::asset(asset, Some(network)),
        }
    }

    /// The places whose values hold for it, the most specific one first.
    pub(super) fn places(self) -> impl Iterator<Item = Place> {
        let both = self.kind.zip(self.network).map(|(kind, network)| Place::KindOnNetwork(kind, network));
        let on = self.asset.zip(self.network).map(|(asset, network)| Place::AssetOnNetwork(asset, network));
        let (network, kind) = (self.network.map(Place::Network), self.kind.map(Place::Kind));
        let (worker, asset) = (self.worker.map(Place::Worker), self.asset.map(Place::Asset));
        let places = [worker, both, on, asset, network, kind, Some(Place::Everywhere)];
        places.into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OF_WORKERS: &str = "worker.drain_deadline";
    const OF_ASSETS: &str = "sweeps.min_usd";

    /// Goal: a key has one text, which reads back, and names a place that its setting has. Method: keys of every form, and
    /// texts that are nearly such keys.
    #[test]
    fn keys_read_back() {
        for place in [
            "",
            "@kind:selftest",
            "@kind:withdrawal",
            "@network:bitcoin",
            "@kind:withdrawal,network:bitcoin",
            "@worker:deposit/bitcoin-1",
            "@worker:selftest/12",
        ] {
            let text = format!("{OF_WORKERS}{place}");
            assert_eq!(Key::parse(&text).unwrap().to_string(), text);
        }
        for place in [
            "@",
            "@withdrawal",
            "@kind:",
            "@kind:nobody",
            "@Kind:withdrawal",
            "@kind:withdrawal,network:",
            "@kind:withdrawal, network:bitcoin",
            "@network:bitcoin,kind:withdrawal",
            "@kind:selftest,network:bitcoin",
            "@kind:withdrawal@network:bitcoin",
            "@network:dogecoin",
            "@worker:deposit/1",
            "@worker:selftest/01",
            "@worker:selftest/0",
        ] {
            let error = Key::parse(&format!("{OF_WORKERS}{place}")).unwrap_err();
            assert!(matches!(error, KeyError::Place(setting) if setting.key == OF_WORKERS), "{place}: {error:?}");
        }
        for place in ["", "@network:tron", "@asset:2", "@asset:0", "@asset:2,network:tron"] {
            let text = format!("{OF_ASSETS}{place}");
            assert_eq!(Key::parse(&text).unwrap().to_string(), text);
        }
        for place in [
            "@asset:",
            "@asset:02",
            "@asset:+2",
            "@asset:4294967296",
            "@asset:USDT",
            "@asset:2,network:",
            "@network:tron,asset:2",
            "@kind:deposit",
            "@worker:deposit/tron-1",
        ] {
            let error = Key::parse(&format!("{OF_ASSETS}{place}")).unwrap_err();
            assert!(matches!(error, KeyError::Place(setting) if setting.key == OF_ASSETS), "{place}: {error:?}");
        }
        assert!(matches!(Key::parse("sweeps.hot_low_usd@asset:2"), Err(KeyError::Place(_))));
        assert!(matches!(Key::parse(&format!("{OF_WORKERS}@asset:2")), Err(KeyError::Place(_))));
        assert!(matches!(Key::parse("read.stale_max@network:bitcoin"), Err(KeyError::Place(_))));
        assert_eq!(Key::parse("no.such@network:bitcoin"), Err(KeyError::Unknown));
    }

    /// Goal: a place covers exactly the workers for which its value is looked up. Method: every place of the six kinds that
    /// are named here, against the places of each worker's scope.
    #[test]
    fn places_and_scopes_agree() {
        let workers: Vec<WorkerId> = ["selftest/1", "selftest/2", "deposit/bitcoin-1", "deposit/tron-1", "gas/tron-1"]
            .map(|text| text.parse().unwrap())
            .to_vec();
        let mut places: Vec<Place> = WorkerKind::ALL.iter().map(|kind| Place::Kind(*kind)).collect();
        places.extend(Network::ALL.iter().map(|network| Place::Network(*network)));
        places.push(Place::KindOnNetwork(WorkerKind::Deposit, Network::Tron));
        places.extend(workers.iter().map(|worker| Place::Worker(*worker)));
        places.push(Place::Everywhere);
        for worker in workers {
            let looked_up: Vec<Place> = Scope::worker(worker).places().collect();
            for place in &places {
                assert_eq!(place.covers(worker), looked_up.contains(place), "{place} and {worker}");
            }
        }
    }

    /// Goal: of the values that fit an asset on a network the most specific one holds. Method: the places that are looked up, in
    /// their order.
    #[test]
    fn an_asset_has_its_own_before_its_network() {
        let (asset, network) = (Asset(2), Network::Tron);
        let looked_up: Vec<Place> = Scope::asset(asset, Some(network)).places().collect();
        let own = [Place::AssetOnNetwork(asset, network), Place::Asset(asset)];
        assert_eq!(looked_up, [own[0], own[1], Place::Network(network), Place::Everywhere]);
    }
}
