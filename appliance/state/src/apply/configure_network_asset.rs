//! `ConfigureNetworkAsset`: what may be done with an asset on a network.

use std::fmt::Write as _;

use exchequer_domain::Network;
use exchequer_ledger::Asset;
use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::event::EventKind;
use crate::networks::{self, Switches};
use crate::outcome::Done;
use crate::rejection::Rejection;
use crate::rows::Table;

/// Switches deposits, withdrawals and sweeps of an asset on a network; what is none stays as it is. Deposits of a token that was
/// doubted are on again when a person has looked at it. What the network itself
/// does not allow, no asset's switch allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigureNetworkAsset {
    /// On which network.
    pub network: Network,
    /// Which asset.
    pub asset: Asset,
    /// Whether deposits are credited.
    pub deposits: Option<bool>,
    /// Whether withdrawals are paid.
    pub withdrawals: Option<bool>,
    /// Whether deposits are gathered.
    pub sweeps: Option<bool>,
    /// Why.
    pub reason: String,
}

impl ConfigureNetworkAsset {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_reason(&self.reason)?;
        let code = entry.state.assets.known(self.asset)?.code.clone();
        let networks = &entry.state.networks;
        if !networks.has_room(self.network, self.asset) {
            return Err(Rejection::NetworkAssetsFull.into());
        }
        let before = networks.of_asset(self.network, self.asset);
        let after = Switches {
            deposits: self.deposits.unwrap_or(before.deposits),
            withdrawals: self.withdrawals.unwrap_or(before.withdrawals),
            sweeps: self.sweeps.unwrap_or(before.sweeps),
        };
        if after == before {
            return Ok(Done::NetworkAssetConfigured);
        }
        let overruled = if after.deposits { entry.believe_token(self.network, self.asset)? } else { None };

        let words = |switches: Switches| {
            let Switches { deposits, withdrawals, sweeps } = switches;
            format!("deposits {deposits}, withdrawals {withdrawals}, sweeps {sweeps}")
        };
        let (target, mut detail) = (format!("{code} on {}", self.network), words(after));
        if let Some(told) = overruled {
            let _ = write!(detail, "; it counts as it is listed, although its contract says {told} decimals");
        }

        entry.put(Table::NetworkAsset, &networks::asset_key(self.network, self.asset), &after);
        entry.state.networks.put_asset(self.network, self.asset, after);
        entry.event(EventKind::NetworkChanged { network: self.network });
        entry.audit(actor, AuditAction::ConfigureNetworkAsset, target, detail, self.reason);
        Ok(Done::NetworkAssetConfigured)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Body;
    use crate::tests::world::{World, asset};

    /// Goal: an asset's switches are its own on each network and on record; an unknown asset is refused; what changes
    /// nothing leaves nothing.
    #[test]
    fn switches_of_an_asset() {
        let mut world = World::new();
        let body = |network, number, deposits| {
            let (asset, withdrawals, sweeps, reason) = (Asset(number), None, None, "test".to_owned());
            Body::ConfigureNetworkAsset(ConfigureNetworkAsset { network, asset, deposits, withdrawals, sweeps, reason })
        };
        let unknown = Rejection::AssetUnknown { asset: Asset(1) };
        assert_eq!(world.refused(body(Network::Tron, 1, Some(false))), unknown);
        world.run(asset("BTC")).unwrap();
        world.run(body(Network::Tron, 1, Some(false))).unwrap();
        let networks = world.state.networks();
        assert!(!networks.of_asset(Network::Tron, Asset(1)).deposits);
        assert!(networks.of_asset(Network::Tron, Asset(1)).withdrawals);
        assert_eq!(networks.of_asset(Network::Bsc, Asset(1)), Switches::ON);
        assert_eq!(networks.assets(Network::Tron).count(), 1);
        let record = world.audit().pop().unwrap().content;
        assert_eq!(record.target, "BTC on tron");
        let audited = world.audit().len();
        world.run(body(Network::Tron, 1, Some(false))).unwrap();
        assert_eq!(world.audit().len(), audited);
        world.run(body(Network::Tron, 1, Some(true))).unwrap();
        assert!(world.state.networks().of_asset(Network::Tron, Asset(1)).deposits);
    }
}
