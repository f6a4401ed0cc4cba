//! Random commands about flags, secrets and networks, and the naive model that says what they come to.

use std::collections::BTreeMap;

use exchequer_domain::{Network, Timestamp};
use exchequer_ledger::Asset;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::generate::reason as reasons;
use super::model::reason;
use super::world::{START, World, configure, flag, secret};
use crate::networks::{NetworkConfig, NetworkState, Operation, Switches};
use crate::{
    Body, ConfigureNetwork, ConfigureNetworkAsset, Done, Field, PutSecret, Rejection, RemoveFlag, RemoveSecret, SetFlag,
};

const NAMES: [&str; 3] = ["a", "b", "B"];
const NETWORKS: [Network; 2] = [Network::Bitcoin, Network::Tron];
const ENDPOINTS: [&str; 4] =
    ["https://n.example", "https://n.example/secret:a", "wss://n.example/secret:b", "https://x:y@n.example"];

/// A random command of these rooms.
pub(super) fn body() -> impl Strategy<Value = Body> {
    let version = || option::weighted(0.3, 0_u32..4);
    let name = || select(NAMES.as_slice());
    let network = || select(NETWORKS.as_slice());
    let switch = || option::weighted(0.3, any::<bool>());
    let set = (name(), 0_u16..1_100, any::<bool>(), option::weighted(0.3, 0_u64..9), version(), reasons()).prop_map(
        |(name, permille, on, days, if_version, reason)| {
            let Body::SetFlag(mut command) = flag(name, permille) else { panic!("not the command") };
            command.rule.on = on;
            command.rule.expires_at = days.map(|days| Timestamp(START.0 + days * super::world::DAY));
            Body::SetFlag(SetFlag { if_version, reason, ..command })
        },
    );
    let remove_flag =
        (name(), reasons()).prop_map(|(name, reason)| Body::RemoveFlag(RemoveFlag { name: name.into(), reason }));
    let put = (name(), 0_usize..4, version(), reasons()).prop_map(|(name, bytes, if_version, reason)| {
        let Body::PutSecret(command) = secret(name, &vec![7; bytes]) else { panic!("not the command") };
        Body::PutSecret(PutSecret { if_version, reason, ..command })
    });
    let remove_secret =
        (name(), reasons()).prop_map(|(name, reason)| Body::RemoveSecret(RemoveSecret { name: name.into(), reason }));
    let endpoints = option::weighted(0.4, proptest::collection::vec(select(ENDPOINTS.as_slice()), 0..3));
    let confirmations = || option::weighted(0.3, 0_u32..50);
    let config = (
        (network(), option::weighted(0.4, select(NetworkState::ALL)), switch(), switch(), switch()),
        (confirmations(), confirmations(), option::weighted(0.2, 0_u64..3), endpoints, version(), reasons()),
    )
        .prop_map(
            |(
                (network, state, deposits, withdrawals, sweeps),
                (tradable, withdrawable, fee, endpoints, if_version, reason),
            )| {
                configure(network, |command| {
                    let endpoints = endpoints.map(|all| all.into_iter().map(str::to_owned).collect());
                    *command = ConfigureNetwork {
                        network,
                        state,
                        deposits,
                        withdrawals,
                        sweeps,
                        tradable,
                        withdrawable,
                        fee_rate_max: fee,
                        fee_max: None,
                        endpoints,
                        if_version,
                        reason,
                    };
                })
            },
        );
    let asset = (network(), 1_u32..4, switch(), switch(), switch(), reasons()).prop_map(
        |(network, asset, deposits, withdrawals, sweeps, reason)| {
            let asset = Asset(asset);
            Body::ConfigureNetworkAsset(ConfigureNetworkAsset { network, asset, deposits, withdrawals, sweeps, reason })
        },
    );
    prop_oneof![3 => set, 1 => remove_flag, 3 => put, 2 => remove_secret, 4 => config, 2 => asset]
}

/// Everything that was ever done, in its order.
#[derive(Debug, Default)]
pub(super) struct Configuration {
    /// What a name's flag was set to; none where it was removed.
    flags: Vec<(String, Option<SetFlag>)>,
    secrets: Vec<(String, Option<Vec<u8>>)>,
    networks: BTreeMap<Network, NetworkConfig>,
    assets: BTreeMap<(Network, u32), Switches>,
    /// Whether the last command left nothing behind.
    pub(super) was_silent: bool,
}

/// How often a name was set since it was last removed.
fn version<T>(all: &[(String, Option<T>)], name: &str) -> u32 {
    all.iter().rev().filter(|(of, _)| of == name).take_while(|(_, set)| set.is_some()).count() as u32
}

impl Configuration {
    /// What a command comes to; none for one of another room.
    pub(super) fn body(&mut self, body: &Body, assets: usize) -> Option<Result<Done, Rejection>> {
        self.was_silent = false;
        Some(match body {
            Body::SetFlag(command) => self.set_flag(command),
            Body::RemoveFlag(command) => reason(&command.reason).and_then(|()| {
                if version(&self.flags, &command.name) == 0 {
                    return Err(Rejection::FlagUnknown);
                }
                self.flags.push((command.name.clone(), None));
                Ok(Done::FlagRemoved)
            }),
            Body::PutSecret(command) => self.put_secret(command),
            Body::RemoveSecret(command) => reason(&command.reason).and_then(|()| {
                if version(&self.secrets, &command.name) == 0 {
                    return Err(Rejection::SecretUnknown);
                }
                let reference = format!("secret:{}", command.name);
                let used = |config: &&NetworkConfig| config.endpoints.iter().any(|text| text.ends_with(&reference));
                if let Some(network) = self.networks.values().find(used).map(|config| config.network) {
                    return Err(Rejection::SecretInUse { network });
                }
                self.secrets.push((command.name.clone(), None));
                Ok(Done::SecretRemoved)
            }),
            Body::ConfigureNetwork(command) => self.configure(command),
            Body::ConfigureNetworkAsset(command) => reason(&command.reason).and_then(|()| {
                if command.asset.0 as usize > assets {
                    return Err(Rejection::AssetUnknown { asset: command.asset });
                }
                let present = self.assets.entry((command.network, command.asset.0)).or_insert(Switches::ON);
                let before = *present;
                present.deposits = command.deposits.unwrap_or(before.deposits);
                present.withdrawals = command.withdrawals.unwrap_or(before.withdrawals);
                present.sweeps = command.sweeps.unwrap_or(before.sweeps);
                self.was_silent = *present == before;
                Ok(Done::NetworkAssetConfigured)
            }),
            _ => return None,
        })
    }

    fn set_flag(&mut self, command: &SetFlag) -> Result<Done, Rejection> {
        if command.name == "B" {
            return Err(Rejection::Invalid { field: Field::FlagName });
        }
        if command.rule.permille > 1_000 {
            return Err(Rejection::Invalid { field: Field::FlagPermille });
        }
        reason(&command.reason)?;
        let present = version(&self.flags, &command.name);
        if command.if_version.is_some_and(|expected| expected != present) {
            return Err(Rejection::StaleRevision { present: present.into() });
        }
        self.flags.push((command.name.clone(), Some(command.clone())));
        Ok(Done::FlagSet { version: present + 1 })
    }

    fn put_secret(&mut self, command: &PutSecret) -> Result<Done, Rejection> {
        if command.name == "B" {
            return Err(Rejection::Invalid { field: Field::SecretName });
        }
        if command.sealed.is_empty() {
            return Err(Rejection::Invalid { field: Field::SecretText });
        }
        reason(&command.reason)?;
        let present = version(&self.secrets, &command.name);
        if command.if_version.is_some_and(|expected| expected != present) {
            return Err(Rejection::StaleRevision { present: present.into() });
        }
        self.secrets.push((command.name.clone(), Some(command.sealed.clone())));
        Ok(Done::SecretPut { version: present + 1 })
    }

    fn configure(&mut self, command: &ConfigureNetwork) -> Result<Done, Rejection> {
        reason(&command.reason)?;
        let initial = || NetworkConfig::initial(command.network);
        let before = self.networks.get(&command.network).cloned().unwrap_or_else(initial);
        if command.if_version.is_some_and(|expected| expected != before.version) {
            return Err(Rejection::StaleRevision { present: before.version.into() });
        }
        let (tradable, withdrawable) =
            (command.tradable.unwrap_or(before.tradable), command.withdrawable.unwrap_or(before.withdrawable));
        if tradable == 0 || withdrawable < tradable {
            return Err(Rejection::Invalid { field: Field::Confirmations });
        }
        if command.fee_rate_max == Some(0) {
            return Err(Rejection::Invalid { field: Field::FeeCap });
        }
        let endpoints = command.endpoints.clone().unwrap_or_else(|| before.endpoints.clone());
        if endpoints.len() == 2 && endpoints[0] == endpoints[1] {
            return Err(Rejection::Invalid { field: Field::Endpoints });
        }
        for endpoint in command.endpoints.iter().flatten() {
            if endpoint.contains('@') {
                return Err(Rejection::EndpointCredentials);
            }
            let missing = |name: &str| endpoint.ends_with(name) && version(&self.secrets, &name[7..]) == 0;
            if missing("secret:a") || missing("secret:b") {
                return Err(Rejection::SecretUnknown);
            }
        }
        let switches = Switches {
            deposits: command.deposits.unwrap_or(before.switches.deposits),
            withdrawals: command.withdrawals.unwrap_or(before.switches.withdrawals),
            sweeps: command.sweeps.unwrap_or(before.switches.sweeps),
        };
        let after = NetworkConfig {
            state: command.state.unwrap_or(before.state),
            switches,
            tradable,
            withdrawable,
            fee_rate_max: command.fee_rate_max.or(before.fee_rate_max),
            endpoints,
            ..before
        };
        self.was_silent = after == before;
        let version = before.version + u32::from(!self.was_silent);
        self.networks.insert(command.network, NetworkConfig { version, ..after });
        Ok(Done::NetworkConfigured { version })
    }

    /// The state holds what the model holds.
    pub(super) fn compare(&self, world: &World) {
        let (state, now) = (&world.state, world.state.time());
        for name in NAMES {
            let set = self.flags.iter().rev().find(|(of, _)| of == name).and_then(|(_, set)| set.as_ref());
            let found = state.flags().get(name);
            assert_eq!(
                found.map(|flag| (&flag.rule, flag.version)),
                set.map(|set| (&set.rule, version(&self.flags, name)))
            );
            let on = set.is_some_and(|set| set.rule.on && set.rule.expires_at.is_none_or(|at| now < at));
            let everyone = set.is_some_and(|set| set.rule.permille == 1_000);
            let nobody = set.is_none_or(|set| set.rule.permille == 0);
            let is_on = state.flags().is_on(name, "someone", None, now);
            assert!(if on && everyone { is_on } else { on && !nobody || !is_on }, "{name}");
            let sealed = self.secrets.iter().rev().find(|(of, _)| of == name).and_then(|(_, sealed)| sealed.as_ref());
            assert_eq!(state.secrets().get(name).map(|secret| &secret.sealed), sealed);
        }
        for network in Network::ALL {
            let expected = self.networks.get(network).cloned().unwrap_or_else(|| NetworkConfig::initial(*network));
            let found = state.networks().get(*network);
            assert_eq!(*found, NetworkConfig { changed_at: found.changed_at, ..expected });
            let switches = self.assets.get(&(*network, 1)).copied().unwrap_or(Switches::ON);
            let may = state.may(*network, Asset(1), Operation::Deposit).is_ok();
            let open = matches!(found.state, NetworkState::Enabled | NetworkState::DepositsOnly);
            // What an emergency and maintenance block is decided elsewhere; here it is only seen to count.
            let held_up = state.emergency().is_some() || state.maintenance().network(*network).is_some();
            assert_eq!(may, !held_up && open && found.switches.deposits && switches.deposits);
        }
    }
}
