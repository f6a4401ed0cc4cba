//! `ConfigureNetwork`: what a network is used for, and how it is reached.

use exchequer_domain::Network;
use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::event::EventKind;
use crate::networks::{self, CONFIRMATIONS_MAX, ENDPOINTS_MAX, NetworkConfig, NetworkState};
use crate::outcome::Done;
use crate::rejection::{Field, Rejection};
use crate::rows::Table;
use crate::secrets;

/// Changes a network; what is none stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigureNetwork {
    /// Which one.
    pub network: Network,
    /// What it is used for.
    pub state: Option<NetworkState>,
    /// Whether deposits are credited.
    pub deposits: Option<bool>,
    /// Whether withdrawals are paid.
    pub withdrawals: Option<bool>,
    /// Whether deposits are gathered.
    pub sweeps: Option<bool>,
    /// Confirmations until a deposit can be traded with; at least 1.
    pub tradable: Option<u32>,
    /// Confirmations until it can be withdrawn; at least as many.
    pub withdrawable: Option<u32>,
    /// The highest rate that is offered; at least 1.
    pub fee_rate_max: Option<u64>,
    /// The most that a transaction may cost; at least 1.
    pub fee_max: Option<u64>,
    /// The endpoints, in the order in which they are tried; at most 8.
    pub endpoints: Option<Vec<String>>,
    /// Refused unless its version is this one; zero for one that never changed.
    pub if_version: Option<u32>,
    /// Why.
    pub reason: String,
}

impl ConfigureNetwork {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_reason(&self.reason)?;
        let before = entry.state.networks.get(self.network).clone();
        if self.if_version.is_some_and(|expected| expected != before.version) {
            return Err(Rejection::StaleRevision { present: before.version.into() }.into());
        }
        let after = self.changed(&before, entry)?;
        let detail = difference(&before, &after);
        if detail.is_empty() {
            return Ok(Done::NetworkConfigured { version: before.version });
        }

        let version = before.version.saturating_add(1);
        let after = NetworkConfig { version, changed_at: entry.now, ..after };

        entry.put(Table::NetworkConfig, &networks::number(self.network), &after);
        entry.state.networks.put(after);
        entry.event(EventKind::NetworkChanged { network: self.network });
        entry.audit(actor, AuditAction::ConfigureNetwork, self.network.to_string(), detail, self.reason);
        Ok(Done::NetworkConfigured { version })
    }

    /// The network as asked, if it can be so.
    fn changed(&self, before: &NetworkConfig, entry: &Entry<'_>) -> Result<NetworkConfig, Rejection> {
        let mut after = before.clone();
        after.state = self.state.unwrap_or(before.state);
        after.switches.deposits = self.deposits.unwrap_or(before.switches.deposits);
        after.switches.withdrawals = self.withdrawals.unwrap_or(before.switches.withdrawals);
        after.switches.sweeps = self.sweeps.unwrap_or(before.switches.sweeps);
        after.tradable = self.tradable.unwrap_or(before.tradable);
        after.withdrawable = self.withdrawable.unwrap_or(before.withdrawable);
        if !(1..=CONFIRMATIONS_MAX).contains(&after.tradable)
            || !(after.tradable..=CONFIRMATIONS_MAX).contains(&after.withdrawable)
        {
            return Err(Rejection::Invalid { field: Field::Confirmations });
        }
        if self.fee_rate_max == Some(0) || self.fee_max == Some(0) {
            return Err(Rejection::Invalid { field: Field::FeeCap });
        }
        after.fee_rate_max = self.fee_rate_max.or(before.fee_rate_max);
        after.fee_max = self.fee_max.or(before.fee_max);
        if let Some(endpoints) = &self.endpoints {
            let is_twice = |(at, endpoint): (usize, &String)| endpoints.iter().take(at).any(|other| other == endpoint);
            if endpoints.len() > ENDPOINTS_MAX || endpoints.iter().enumerate().any(is_twice) {
                return Err(Rejection::Invalid { field: Field::Endpoints });
            }
            for endpoint in endpoints {
                networks::check_endpoint(endpoint)?;
                if secrets::references(endpoint).any(|name| entry.state.secrets.get(name).is_none()) {
                    return Err(Rejection::SecretUnknown);
                }
            }
            after.endpoints.clone_from(endpoints);
        }
        Ok(after)
    }
}

/// What differs, in a line; nothing where nothing does. Addresses hold no secrets, only their names.
fn difference(before: &NetworkConfig, after: &NetworkConfig) -> String {
    let mut parts = Vec::new();
    let mut note = |what: &str, old: String, new: String| {
        if old != new {
            parts.push(format!("{what} {old} -> {new}"));
        }
    };
    let cap = |cap: Option<u64>| cap.map_or_else(|| "none".to_owned(), |cap| cap.to_string());
    note("state", before.state.as_str().into(), after.state.as_str().into());
    note("deposits", before.switches.deposits.to_string(), after.switches.deposits.to_string());
    note("withdrawals", before.switches.withdrawals.to_string(), after.switches.withdrawals.to_string());
    note("sweeps", before.switches.sweeps.to_string(), after.switches.sweeps.to_string());
    note("tradable", before.tradable.to_string(), after.tradable.to_string());
    note("withdrawable", before.withdrawable.to_string(), after.withdrawable.to_string());
    note("fee_rate_max", cap(before.fee_rate_max), cap(after.fee_rate_max));
    note("fee_max", cap(before.fee_max), cap(after.fee_max));
    note("endpoints", format!("[{}]", before.endpoints.join(" ")), format!("[{}]", after.endpoints.join(" ")));
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Body;
    use crate::networks::{Operation, Why};
    use crate::tests::world::{World, configure, secret};
    use exchequer_ledger::Asset;

    const TRON: Network = Network::Tron;

    fn change(change: impl FnOnce(&mut ConfigureNetwork)) -> Body {
        configure(TRON, change)
    }

    /// Goal: a change holds at once for what may be done, is a version and on record, leaves the rest alone, and guards
    /// against a second writer; what changes nothing is none.
    #[test]
    fn changes_and_compares() {
        let mut world = World::new();
        world.run(crate::tests::world::asset("TRX")).unwrap();
        let may = |world: &World, operation| world.state.may(TRON, Asset(1), operation);
        let suspended = Err(Why::State { state: NetworkState::Suspended });
        assert_eq!(may(&world, Operation::Deposit), suspended);
        let enable = change(|network| (network.state, network.if_version) = (Some(NetworkState::Enabled), Some(0)));
        assert_eq!(world.run(enable.clone()), Ok(Done::NetworkConfigured { version: 1 }));
        assert_eq!(may(&world, Operation::Deposit), Ok(()));
        assert_eq!(world.refused(enable), Rejection::StaleRevision { present: 1 });
        let off = change(|network| (network.withdrawals, network.tradable) = (Some(false), Some(20)));
        world.run(off.clone()).unwrap();
        assert_eq!(may(&world, Operation::Withdrawal), Err(Why::Network));
        assert_eq!(may(&world, Operation::Sweep), Ok(()));
        let audited = world.audit();
        let record = &audited.last().unwrap().content;
        assert_eq!(
            record.detail,
            format!("withdrawals true -> false, tradable 19 -> 20{}", crate::tests::world::ALONE)
        );
        assert_eq!(world.run(off), Ok(Done::NetworkConfigured { version: 2 }));
        assert_eq!(world.audit().len(), audited.len());
        assert_eq!(world.state.networks().get(Network::Bsc), &NetworkConfig::initial(Network::Bsc));
    }

    /// Goal: what breaks a rule is refused, at both sides of each limit.
    #[test]
    fn refuses_broken_fields() {
        let mut world = World::new();
        let invalid = |field| Rejection::Invalid { field };
        for (tradable, withdrawable) in [(Some(0), None), (Some(39), None), (None, Some(18)), (None, Some(10_001))] {
            let body = change(|network| (network.tradable, network.withdrawable) = (tradable, withdrawable));
            assert_eq!(world.refused(body), invalid(Field::Confirmations));
        }
        assert_eq!(world.refused(change(|network| network.fee_max = Some(0))), invalid(Field::FeeCap));
        assert_eq!(world.refused(change(|network| network.fee_rate_max = Some(0))), invalid(Field::FeeCap));
        let numbered = |count: usize| (0..count).map(|number| format!("https://n{number}.example")).collect::<Vec<_>>();
        let set = |endpoints: Vec<String>| change(|network| network.endpoints = Some(endpoints));
        assert_eq!(world.refused(set(numbered(9))), invalid(Field::Endpoints));
        assert_eq!(world.refused(set([numbered(1), numbered(1)].concat())), invalid(Field::Endpoints));
        assert_eq!(world.refused(set(vec!["https://a:b@n.example".into()])), Rejection::EndpointCredentials);
        let by_reference = || set(vec!["https://n.example/secret:key".into()]);
        assert_eq!(world.refused(by_reference()), Rejection::SecretUnknown);
        world.run(secret("key", b"sealed")).unwrap();
        world.run(by_reference()).unwrap();
        world.run(set(numbered(8))).unwrap();
        assert_eq!(world.state.networks().get(TRON).endpoints, numbered(8));
        assert_eq!(world.refused(change(|network| network.reason = " ".into())), Rejection::ReasonMissing);
    }
}
