//! What may be done on a network: one question, one answer, and why not.

use std::fmt;

use exchequer_domain::{Network, Timestamp};
use exchequer_ledger::Asset;

use super::{NetworkConfig, NetworkState, Switches};
use crate::emergency::Brake;
use crate::planted::{self, Bug};
use crate::reconciliation::Reach;
use crate::state::State;

/// What is done on a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Money that came in is credited.
    Deposit,
    /// Money is paid out.
    Withdrawal,
    /// Deposits are gathered in the exchange's own wallets.
    Sweep,
}

impl Operation {
    /// Every one.
    pub const ALL: &'static [Operation] = &[Operation::Deposit, Operation::Withdrawal, Operation::Sweep];

    /// What stops it in an emergency. To credit is to change something.
    const fn brake(self) -> Brake {
        match self {
            Operation::Deposit => Brake::Changes,
            Operation::Withdrawal => Brake::Withdrawals,
            Operation::Sweep => Brake::Sweeps,
        }
    }

    /// The word for several of it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Operation::Deposit => "deposits",
            Operation::Withdrawal => "withdrawals",
            Operation::Sweep => "sweeps",
        }
    }
}

/// Why it may not be done; the first that holds, from the widest to the narrowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// No such asset.
    Asset,
    /// The exchange is stopped.
    Emergency,
    /// The network, or the whole exchange, is under maintenance.
    Maintenance {
        /// Until then, where an end is planned.
        until: Option<Timestamp>,
    },
    /// The network is not used for it.
    State {
        /// What the network is used for.
        state: NetworkState,
    },
    /// It is switched off on the network.
    Network,
    /// It is switched off for the asset on this network.
    AssetOnNetwork,
    /// The asset's token is doubted there.
    Doubted,
    /// Its chain was reorganised below what was settled.
    Halted,
    /// Something is missing there that nobody of the exchange's sent.
    Outflow,
    /// The exchange has less of the asset than it owes.
    Shortfall,
    /// The books contradict themselves.
    Inconsistent,
    /// No block comes there any more.
    Silent,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Asset => f.write_str("there is no such asset"),
            Why::Emergency => f.write_str("the exchange is stopped"),
            Why::Maintenance { until: Some(until) } => write!(f, "under maintenance until {until}"),
            Why::Maintenance { until: None } => f.write_str("under maintenance"),
            Why::State { state } => write!(f, "the network is {}", state.as_str()),
            Why::Network => f.write_str("switched off on the network"),
            Why::AssetOnNetwork => f.write_str("switched off for this asset"),
            Why::Doubted => f.write_str("the asset's token is doubted"),
            Why::Silent => f.write_str("no block comes on the network any more"),
            Why::Halted => f.write_str("the network stands still after a deep reorganisation"),
            Why::Outflow => f.write_str("something is missing on the network that nobody sent"),
            Why::Shortfall => f.write_str("the exchange has less of the asset than it owes"),
            Why::Inconsistent => f.write_str("the exchange's books contradict themselves"),
        }
    }
}

impl NetworkState {
    const fn allows(self, operation: Operation) -> bool {
        match (self, operation) {
            (NetworkState::Enabled, Operation::Deposit | Operation::Withdrawal | Operation::Sweep)
            | (NetworkState::DepositsOnly, Operation::Deposit | Operation::Sweep)
            | (NetworkState::WithdrawalsOnly | NetworkState::Delisting, Operation::Withdrawal | Operation::Sweep) => {
                true
            }
            (NetworkState::DepositsOnly, Operation::Withdrawal)
            | (NetworkState::WithdrawalsOnly | NetworkState::Delisting, Operation::Deposit)
            | (NetworkState::Suspended, Operation::Deposit | Operation::Withdrawal | Operation::Sweep) => false,
        }
    }
}

impl Switches {
    const fn allow(self, operation: Operation) -> bool {
        match operation {
            Operation::Deposit => self.deposits,
            Operation::Withdrawal => self.withdrawals,
            Operation::Sweep => self.sweeps,
        }
    }
}

impl NetworkConfig {
    /// Whether it may be done on this network, whatever the asset.
    ///
    /// # Errors
    /// Why not.
    pub fn may(&self, operation: Operation) -> Result<(), Why> {
        if !self.state.allows(operation) {
            return Err(Why::State { state: self.state });
        }
        if self.switches.allow(operation) { Ok(()) } else { Err(Why::Network) }
    }
}

impl State {
    /// Whether something may be done on a network now, whatever the asset: emergency and maintenance included.
    ///
    /// # Errors
    /// Why not.
    pub fn may_on(&self, network: Network, operation: Operation) -> Result<(), Why> {
        if self.emergency.as_ref().is_some_and(|emergency| emergency.blocks(operation.brake())) {
            return Err(Why::Emergency);
        }
        if let Some(window) = self.maintenance.network(network) {
            return Err(Why::Maintenance { until: window.ends });
        }
        if self.deposits.chains().get(network).halted.is_some() {
            return Err(Why::Halted);
        }
        // What comes in waits for blocks by itself.
        if operation != Operation::Deposit && self.deposits.chains().get(network).silent.is_some() {
            return Err(Why::Silent);
        }
        if operation == Operation::Withdrawal {
            self.may_pay(network, None)?;
        }
        self.networks.get(network).may(operation)
    }

    /// Whether the books let anything be paid out on a network, or of an asset there.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn may_pay(&self, network: Network, asset: Option<Asset>) -> Result<(), Why> {
        let is_stopped = |reach| self.reconciliation.stopped(reach).is_some();
        if is_stopped(Reach::Everywhere) {
            return Err(Why::Inconsistent);
        }
        if is_stopped(Reach::Network(network)) {
            return Err(Why::Outflow);
        }
        if asset.is_some_and(|asset| is_stopped(Reach::Asset(asset))) {
            return Err(Why::Shortfall);
        }
        Ok(())
    }

    /// With how many decimals an asset's token counts on a network, where it is doubted because its listing says something else.
    pub(crate) fn counts_otherwise(&self, network: Network, asset: Asset) -> Option<u8> {
        let listing = self.custody.listing(network, asset)?;
        let told = self.reconciliation.doubted(network, listing.coin.as_ref()?)?.decimals?;
        (told != listing.decimals).then_some(told)
    }

    /// Whether an asset's token is doubted on a network.
    fn is_doubted(&self, network: Network, asset: Asset) -> bool {
        let token = self.custody.listing(network, asset).and_then(|listing| listing.coin.as_ref());
        token.is_some_and(|token| self.reconciliation.doubted(network, token).is_some())
    }

    /// Whether something may be done with an asset on a network now.
    ///
    /// # Errors
    /// Why not.
    pub fn may(&self, network: Network, asset: Asset, operation: Operation) -> Result<(), Why> {
        if self.assets.get(asset).is_none() {
            return Err(Why::Asset);
        }
        self.may_on(network, operation)?;
        if operation == Operation::Withdrawal {
            self.may_pay(network, Some(asset))?;
        }
        // Whatever is switched on: a doubt ends where a person has looked and lets deposits be credited again.
        if self.is_doubted(network, asset) && !planted::has(Bug::DoubtIgnored) {
            return Err(Why::Doubted);
        }
        let of_asset = self.networks.of_asset(network, asset);
        if of_asset.allow(operation) { Ok(()) } else { Err(Why::AssetOnNetwork) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maintenance::Extent;
    use crate::networks::Networks;
    use crate::tests::world::World;
    use crate::{Body, ConfigureNetwork, EmergencyStop, ScheduleMaintenance};

    /// Goal: each operation is allowed exactly in the states and with the switches that allow it. Method: the whole table
    /// of states, written out; then every combination of switches.
    #[test]
    fn the_whole_table() {
        for (state, allowed) in [
            (NetworkState::Enabled, [true, true, true]),
            (NetworkState::DepositsOnly, [true, false, true]),
            (NetworkState::WithdrawalsOnly, [false, true, true]),
            (NetworkState::Suspended, [false, false, false]),
            (NetworkState::Delisting, [false, true, true]),
        ] {
            for switched in 0..8_u8 {
                let bit = |at: u8| switched & 1 << at != 0;
                let switches = Switches { deposits: bit(0), withdrawals: bit(1), sweeps: bit(2) };
                let config = NetworkConfig { state, switches, ..NetworkConfig::initial(Network::Tron) };
                for (at, (operation, allowed)) in (0_u8..).zip(Operation::ALL.iter().zip(allowed)) {
                    let expected = match (allowed, bit(at)) {
                        (false, _) => Err(Why::State { state }),
                        (true, false) => Err(Why::Network),
                        (true, true) => Ok(()),
                    };
                    assert_eq!(config.may(*operation), expected, "{state:?} {switches:?} {operation:?}");
                }
            }
        }
    }

    /// Goal: an asset's own switches narrow what the network allows, for that asset on that network alone.
    #[test]
    fn assets_are_switched_apart() {
        let mut networks = Networks::default();
        for network in Network::ALL {
            networks.put(NetworkConfig { state: NetworkState::Enabled, ..NetworkConfig::initial(*network) });
        }
        networks.put_asset(Network::Tron, Asset(1), Switches { deposits: false, ..Switches::ON });
        let mut world = World::new();
        world.run(crate::tests::world::asset("BTC")).unwrap();
        world.run(crate::tests::world::asset("ETH")).unwrap();
        let state = State { networks, ..world.state };
        let may = |network, asset, operation| state.may(network, Asset(asset), operation);
        assert_eq!(may(Network::Tron, 1, Operation::Deposit), Err(Why::AssetOnNetwork));
        assert_eq!(may(Network::Tron, 1, Operation::Withdrawal), Ok(()));
        assert_eq!(may(Network::Tron, 2, Operation::Deposit), Ok(()));
        assert_eq!(may(Network::Bsc, 1, Operation::Deposit), Ok(()));
        assert_eq!(may(Network::Bsc, 3, Operation::Deposit), Err(Why::Asset));
    }

    /// Goal: an emergency stops everything, and maintenance what happens on its network, or everywhere where it is the
    /// system's; the wider reason is told. Method: windows and a stop, one upon the other, and taken away again.
    #[test]
    fn stops_and_maintenance_count() {
        let mut world = World::new();
        for network in [Network::Tron, Network::Bsc] {
            let enable = ConfigureNetwork {
                network,
                state: Some(NetworkState::Enabled),
                deposits: None,
                withdrawals: None,
                sweeps: None,
                tradable: None,
                withdrawable: None,
                fee_rate_max: None,
                fee_max: None,
                endpoints: None,
                if_version: None,
                reason: "test".into(),
            };
            world.run(Body::ConfigureNetwork(Box::new(enable))).unwrap();
        }
        let all = |world: &World, network| -> Vec<Result<(), Why>> {
            Operation::ALL.iter().map(|operation| world.state.may_on(network, *operation)).collect()
        };
        let schedule = |extent, ends| {
            let banner = "Back soon.".to_owned();
            Body::ScheduleMaintenance(ScheduleMaintenance { extent, starts: None, ends, banner, reason: "test".into() })
        };
        assert_eq!(all(&world, Network::Tron), [Ok(()); 3]);
        world.run(schedule(Extent::Network(Network::Tron), None)).unwrap();
        assert_eq!(all(&world, Network::Tron), [Err(Why::Maintenance { until: None }); 3]);
        assert_eq!(all(&world, Network::Bsc), [Ok(()); 3]);
        let until = Some(world.now.plus(std::time::Duration::from_secs(3_600)));
        world.run(schedule(Extent::System, until)).unwrap();
        assert_eq!(all(&world, Network::Bsc), [Err(Why::Maintenance { until }); 3]);
        world.run(Body::EmergencyStop(EmergencyStop { reason: "test".into() })).unwrap();
        assert_eq!(all(&world, Network::Bsc), [Err(Why::Emergency); 3]);
    }
}
