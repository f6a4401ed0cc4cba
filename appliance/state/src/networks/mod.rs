//! The networks' room: what may be done on each blockchain, and by which endpoints it is reached.
//!
//! Every network that the program knows has a configuration, also before anyone changed it: suspended, without endpoints.
//! Deposits, withdrawals and sweeps are switched apart, on the network and for each asset on it; [`State::may`] is the one
//! place that says what may be done. The health of endpoints is each node's own affair and not here. Invariants: the
//! endpoints' order is the order in which they are tried; an address holds no credentials but by reference to a secret that
//! exists; money is not free to leave before it can be traded with.

mod may;

use std::collections::BTreeMap;

use exchequer_domain::{Network, Timestamp};
use exchequer_ledger::Asset;
use serde::{Deserialize, Serialize};

pub use may::{Operation, Why};

use crate::codec::{self, DecodeError};
use crate::halt::Halt;
use crate::rejection::{Field, Rejection};
use crate::rows::{self, Rows, Table};
use crate::secrets;

/// Endpoints of a network.
pub const ENDPOINTS_MAX: usize = 8;
/// Longest address of an endpoint.
pub const ENDPOINT_BYTES_MAX: usize = 512;
/// Most confirmations that may be asked for.
pub const CONFIRMATIONS_MAX: u32 = 10_000;
/// Assets that have switches of their own, over all networks.
pub const NETWORK_ASSETS_MAX: usize = 4_096;

/// What a network is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum NetworkState {
    /// For everything that is switched on.
    Enabled,
    /// For deposits, and for sweeps of them.
    DepositsOnly,
    /// For withdrawals, and for the sweeps that they need.
    WithdrawalsOnly,
    /// For nothing.
    Suspended,
    /// It is being given up: what is there may leave.
    Delisting,
}

impl NetworkState {
    /// Every state.
    pub const ALL: &'static [NetworkState] = &[
        NetworkState::Enabled,
        NetworkState::DepositsOnly,
        NetworkState::WithdrawalsOnly,
        NetworkState::Suspended,
        NetworkState::Delisting,
    ];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            NetworkState::Enabled => "enabled",
            NetworkState::DepositsOnly => "deposits-only",
            NetworkState::WithdrawalsOnly => "withdrawals-only",
            NetworkState::Suspended => "suspended",
            NetworkState::Delisting => "delisting",
        }
    }
}

/// What is switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Switches {
    /// Money that comes in is credited.
    pub deposits: bool,
    /// Money is paid out.
    pub withdrawals: bool,
    /// Deposits are gathered in the exchange's own wallets.
    pub sweeps: bool,
}

impl Switches {
    /// Everything.
    pub const ON: Switches = Switches { deposits: true, withdrawals: true, sweeps: true };
}

/// A network's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkConfig {
    /// Which one.
    pub network: Network,
    /// What it is used for.
    pub state: NetworkState,
    /// What is switched on.
    pub switches: Switches,
    /// With so many confirmations a deposit is credited and can be traded with.
    pub tradable: u32,
    /// With so many it can be withdrawn.
    pub withdrawable: u32,
    /// The most that is offered for a unit of the network's work (a byte, a gas, a unit of energy), in minor units of its
    /// coin; none where nobody said so, and then nothing is sent.
    pub fee_rate_max: Option<u64>,
    /// The most that one transaction may cost, in minor units of its coin; none where nobody said so.
    pub fee_max: Option<u64>,
    /// The addresses of its nodes, in the order in which they are tried.
    pub endpoints: Vec<String>,
    /// How often it was changed; zero for one that never was.
    pub version: u32,
    /// Replicated time of the last change.
    pub changed_at: Timestamp,
}

impl NetworkConfig {
    /// The configuration until one is made. The confirmations are those that large exchanges ask for.
    #[must_use]
    pub const fn initial(network: Network) -> NetworkConfig {
        let (tradable, withdrawable) = match network {
            Network::Bitcoin => (3, 6),
            Network::Ethereum => (12, 64),
            Network::Polygon => (64, 256),
            Network::Bsc => (15, 30),
            Network::Arbitrum => (20, 120),
            Network::Tron => (19, 38),
        };
        NetworkConfig {
            network,
            state: NetworkState::Suspended,
            switches: Switches::ON,
            tradable,
            withdrawable,
            fee_rate_max: None,
            fee_max: None,
            endpoints: Vec::new(),
            version: 0,
            changed_at: Timestamp(0),
        }
    }
}

/// Every network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Networks {
    /// In the order of [`Network::ALL`].
    configs: Vec<NetworkConfig>,
    assets: BTreeMap<(Network, Asset), Switches>,
}

impl Default for Networks {
    fn default() -> Networks {
        Networks {
            configs: Network::ALL.iter().map(|network| NetworkConfig::initial(*network)).collect(),
            assets: BTreeMap::new(),
        }
    }
}

impl Networks {
    pub(crate) fn load(rows: &dyn Rows) -> Result<Networks, Halt> {
        let mut networks = Networks::default();
        let damaged = |table| Halt::row(table, DecodeError::Malformed);
        rows::for_each_of_table(rows, Table::NetworkConfig, |key, value| {
            let config: NetworkConfig = codec::decode(value).map_err(|error| Halt::row(Table::NetworkConfig, error))?;
            if key != number(config.network) {
                return Err(damaged(Table::NetworkConfig));
            }
            networks.put(config);
            Ok(())
        })?;
        rows::for_each_of_table(rows, Table::NetworkAsset, |key, value| {
            let switches = codec::decode(value).map_err(|error| Halt::row(Table::NetworkAsset, error))?;
            let parts = key.split_first_chunk::<2>();
            let found = parts.and_then(|(network, asset)| {
                let network = Network::ALL.iter().copied().find(|known| number(*known) == *network)?;
                Some((network, Asset(u32::from_be_bytes(asset.try_into().ok()?))))
            });
            let (network, asset) = found.ok_or_else(|| damaged(Table::NetworkAsset))?;
            networks.put_asset(network, asset, switches);
            Ok(())
        })?;
        Ok(networks)
    }

    /// A network's configuration.
    #[must_use]
    pub fn get(&self, network: Network) -> &NetworkConfig {
        // Made with one for each, in the order of their numbers.
        &self.configs[network as usize]
    }

    /// Every network's configuration.
    pub fn iter(&self) -> impl Iterator<Item = &NetworkConfig> {
        self.configs.iter()
    }

    /// What is switched on for an asset on a network, apart from the network's own switches.
    #[must_use]
    pub fn of_asset(&self, network: Network, asset: Asset) -> Switches {
        self.assets.get(&(network, asset)).copied().unwrap_or(Switches::ON)
    }

    /// The assets that have switches of their own on a network.
    pub fn assets(&self, network: Network) -> impl Iterator<Item = (Asset, Switches)> {
        let of = self.assets.range((network, Asset(0))..=(network, Asset(u32::MAX)));
        of.map(|((_, asset), switches)| (*asset, *switches))
    }

    /// A network with an endpoint that refers to this secret.
    #[must_use]
    pub fn user_of_secret(&self, name: &str) -> Option<Network> {
        let uses = |config: &&NetworkConfig| {
            config.endpoints.iter().any(|endpoint| secrets::references(endpoint).any(|used| used == name))
        };
        self.iter().find(uses).map(|config| config.network)
    }

    pub(crate) fn has_room(&self, network: Network, asset: Asset) -> bool {
        self.assets.len() < NETWORK_ASSETS_MAX || self.assets.contains_key(&(network, asset))
    }

    pub(crate) fn put(&mut self, config: NetworkConfig) {
        if let Some(present) = self.configs.get_mut(config.network as usize) {
            *present = config;
        }
    }

    pub(crate) fn put_asset(&mut self, network: Network, asset: Asset, switches: Switches) {
        self.assets.insert((network, asset), switches);
    }
}

/// A network's row key.
pub(crate) fn number(network: Network) -> [u8; 2] {
    (network as u16).to_be_bytes()
}

/// The row key of an asset on a network.
pub(crate) fn asset_key(network: Network, asset: Asset) -> Vec<u8> {
    [number(network).as_slice(), asset.0.to_be_bytes().as_slice()].concat()
}

/// Whether a text can be the address of an endpoint: of a scheme that is spoken, with a host, and without credentials.
///
/// # Errors
/// `Invalid` of the address; `EndpointCredentials` where it holds a user, a password, or what looks like a key;
/// `EndpointInClear` where a secret would travel unencrypted.
pub(crate) fn check_endpoint(url: &str) -> Result<(), Rejection> {
    let invalid = || Rejection::Invalid { field: Field::Endpoint };
    if url.len() > ENDPOINT_BYTES_MAX || !url.bytes().all(|byte| byte.is_ascii_graphic()) || url.contains('#') {
        return Err(invalid());
    }
    let (scheme, rest) = url.split_once("://").ok_or_else(invalid)?;
    if !["https", "http", "wss", "ws"].contains(&scheme) {
        return Err(invalid());
    }
    if ["http", "ws"].contains(&scheme) && secrets::references(rest).next().is_some() {
        return Err(Rejection::EndpointInClear);
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    // `http://user:password@host`. By reference it would still be sent to whoever answers at that host, in the open.
    if authority.contains('@') {
        return Err(Rejection::EndpointCredentials);
    }
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => {
            port.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(invalid)?;
            host
        }
        Some(_) | None => authority,
    };
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || b".-[]:_".contains(&byte);
    if host.is_empty() || !host.bytes().all(inside) {
        return Err(invalid());
    }
    if path.split(['/', '?', '&', '=']).any(looks_like_a_key) {
        return Err(Rejection::EndpointCredentials);
    }
    Ok(())
}

/// A part of an address that is long and mixed as keys are; paths that people make are not.
fn looks_like_a_key(part: &str) -> bool {
    const KEY_BYTES_MIN: usize = 20;
    if part.len() < KEY_BYTES_MIN || part.starts_with(secrets::REFERENCE) {
        return false;
    }
    part.bytes().any(|byte| byte.is_ascii_digit()) && part.bytes().any(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: an address is taken where it is one, and refused where it holds a secret in the open. Method: a table of both.
    #[test]
    fn endpoints_are_checked() {
        for good in [
            "https://node.example",
            "http://10.0.0.7:8332",
            "wss://node.example:443/ws",
            "https://eth.example/v2/secret:alchemy-key",
            "https://eth.example/?token=secret:infura_key&chain=1",
            "http://[2001:db8::1]:8545/",
            "https://node.example/a-rather-long-path-of-words/rpc",
        ] {
            assert_eq!(check_endpoint(good), Ok(()), "{good}");
        }
        let invalid = Rejection::Invalid { field: Field::Endpoint };
        for bad in [
            "",
            "node.example",
            "ftp://node.example",
            "https://",
            "https:///rpc",
            "https://node example",
            "https://node.example/é",
            "https://node.example/#x",
            "https://node.example:0/",
            "https://node.example:99999/",
            "https://node.example:port/",
            &format!("https://node.example/{}", "a".repeat(512)),
        ] {
            assert_eq!(check_endpoint(bad), Err(invalid.clone()), "{bad}");
        }
        for open in [
            "https://user:password@node.example/",
            "https://token@node.example/",
            "https://user:secret:key@node.example/",
            "https://eth.example/v2/0a1b2c3d4e5f60718293a4b5c6d7e8f9",
            "https://eth.example/?apikey=AKIAIOSFODNN7EXAMPLE12",
        ] {
            assert_eq!(check_endpoint(open), Err(Rejection::EndpointCredentials), "{open}");
        }
        for clear in
            ["http://eth.example/v2/secret:key", "ws://eth.example/?token=secret:key", "http://10.0.0.7/secret:k"]
        {
            assert_eq!(check_endpoint(clear), Err(Rejection::EndpointInClear), "{clear}");
        }
    }

    /// Goal: every network has a configuration of its own from the beginning, and nothing may be done there.
    #[test]
    fn networks_begin_suspended() {
        let networks = Networks::default();
        for network in Network::ALL {
            let config = networks.get(*network);
            assert_eq!((config.network, config.state, config.version), (*network, NetworkState::Suspended, 0));
            assert!(config.tradable >= 1 && config.tradable <= config.withdrawable);
        }
        assert_eq!(networks.iter().count(), Network::ALL.len());
    }
}
