//! The nodes of a worker's network, as its configuration says.

use std::sync::Arc;

use exchequer_chains::NetworkParams;
use exchequer_chains::node::{
    BitcoinNode, BitcoinOptions, ChainNode, EvmNode, EvmOptions, Panel, TronNode, TronOptions,
};
use exchequer_chains::rpc::{Auth, Endpoint, HealthRules, Limits, Transport, http_client};
use exchequer_domain::{Family, Network};

use crate::money::proto::NetworkReply;

/// Endpoints that have to agree before anything is credited.
const QUORUM: usize = 2;

/// The parameters of a network: a sandbox cluster runs on test networks.
#[must_use]
pub const fn params(network: Network, test: bool) -> NetworkParams {
    if test { NetworkParams::test(network) } else { NetworkParams::mainnet(network) }
}

/// Makes nodes of a configuration; in tests, nodes that are none.
pub type Nodes = Arc<dyn Fn(&NetworkParams, &NetworkReply) -> Result<Vec<Arc<dyn ChainNode>>, String> + Send + Sync>;

/// The nodes behind the configured endpoints.
#[must_use]
pub fn configured() -> Nodes {
    Arc::new(|params, config| {
        let client = http_client().map_err(|error| error.to_string())?;
        let node = |address: &String| -> Result<Arc<dyn ChainNode>, String> {
            // The error says nothing of the address.
            let endpoint = Endpoint::new(address, Auth::None).map_err(|error| error.to_string())?;
            let transport = Transport::new(client.clone(), endpoint, Limits::default());
            Ok(match params.network().family() {
                Family::Bitcoin => {
                    let depth = u64::from(config.withdrawable.max(1));
                    Arc::new(BitcoinNode::new(transport, *params, BitcoinOptions { depth }))
                }
                Family::Evm => {
                    let options =
                        EvmOptions { traces: config.traces, roots: !config.roots_off, ..EvmOptions::default() };
                    Arc::new(EvmNode::new(transport, *params, options))
                }
                Family::Tron => {
                    let options = if config.test { TronOptions::any() } else { TronOptions::default() };
                    Arc::new(TronNode::new(transport, *params, options))
                }
            })
        };
        config.endpoints.iter().map(node).collect()
    })
}

/// The nodes as a panel. Two have to agree, but for a test network with a single one.
///
/// # Errors
/// Too few endpoints, or two of one provider.
pub fn panel(nodes: Vec<Arc<dyn ChainNode>>, test: bool) -> Result<Panel, String> {
    let quorum = if test { QUORUM.min(nodes.len()) } else { QUORUM };
    Panel::new(nodes, HealthRules::default(), quorum).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: two endpoints have to agree wherever there are two, on a test network as well; one is enough on a test network alone, and
    /// two of one provider are one. Method: panels of configurations.
    #[test]
    fn two_have_to_agree_where_there_are_two() {
        let quorum = |endpoints: &[&str], test: bool| {
            let endpoints = endpoints.iter().map(ToString::to_string).collect();
            let config = NetworkReply { endpoints, test, ..NetworkReply::default() };
            let nodes = configured()(&params(Network::Ethereum, test), &config)?;
            panel(nodes, test).map(|panel| panel.quorum())
        };
        let here = ["http://127.0.0.1:8545", "http://127.0.0.1:8546", "http://127.0.0.1:8547"];
        for test in [true, false] {
            assert_eq!((quorum(&here[..2], test), quorum(&here, test)), (Ok(2), Ok(2)));
            let twice = quorum(&["https://node.example.org/a", "https://node.example.org/b"], test);
            assert!(twice.is_err_and(|why| why.contains("one provider")));
        }
        assert_eq!(quorum(&here[..1], true), Ok(1));
        assert!(quorum(&here[..1], false).is_err() && quorum(&[], true).is_err());
    }
}
