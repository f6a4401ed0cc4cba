//! Drafts of a signer's policy: from what the cluster lists to JSON that a person reads.

use std::collections::BTreeMap;

use exchequer_api::dto::{ApprovalKeys, Asset, Assets, Listing, Listings, NodeStatus, Wallet, Wallets};
use exchequer_chains::{Coin, KeyPath, KeyPurpose, NetworkParams, Scheme, parse_address};
use exchequer_domain::{ChainAddress, Code, Family, Network, Problem};
use exchequer_vault::keys::Keys;
use exchequer_vault::policy::{Approver, CoinPolicy, NetworkPolicy, Policy, Rule, Units};
use exchequer_vault::sealed::Vault;

use super::client::Client;

/// How many times the most of one withdrawal a wallet may pay in an hour and in a day.
const DRAFT_TIMES: (u128, u128) = (5, 20);
const SANDBOX_TIMES: (u128, u128) = (1_000, 10_000);
/// Persons who approve each payment in a draft.
const DRAFT_APPROVALS: u8 = 2;
/// The share of a payment that its fee may be, in thousandths.
const FEE_PERMILLE_MAX: u32 = 50;

/// What a cluster says of itself.
pub(super) struct Listed {
    pub(super) cluster: String,
    pub(super) sandbox: bool,
    assets: BTreeMap<String, Asset>,
    listings: Vec<Listing>,
    wallets: Vec<Wallet>,
    approvers: Vec<Approver>,
}

/// Asks a node.
pub(super) async fn listed(client: &Client) -> Result<Listed, Problem> {
    let status: NodeStatus = client.get(&["status"], &[]).await?;
    let Assets { assets } = client.get(&["assets"], &[]).await?;
    let Listings { listings } = client.get(&["listings"], &[]).await?;
    let Wallets { wallets } = client.get(&["wallets"], &[]).await?;
    let keys: ApprovalKeys = client.get(&["approval-keys"], &[]).await?;
    let confirmed = keys.keys.into_iter().filter(|key| key.state == "confirmed");
    Ok(Listed {
        cluster: status.cluster_id,
        sandbox: status.sandbox,
        assets: assets.into_iter().map(|asset| (asset.code.clone(), asset)).collect(),
        listings,
        wallets,
        approvers: confirmed
            .map(|key| Approver { key: key.number, person: key.person, public: key.public_key })
            .collect(),
    })
}

const fn params(network: Network, sandbox: bool) -> NetworkParams {
    if sandbox { NetworkParams::test(network) } else { NetworkParams::mainnet(network) }
}

/// The scheme of the exchange's own addresses.
pub(super) const fn scheme(family: Family) -> Scheme {
    match family {
        Family::Bitcoin => Scheme::Segwit,
        Family::Evm | Family::Tron => Scheme::Keccak,
    }
}

/// Where sweeps may go.
pub(super) struct Pins(BTreeMap<Network, Vec<ChainAddress>>);

impl Pins {
    /// A sandbox's: the first hot addresses of its own newest seed.
    pub(super) fn of_vault(vault: &Vault, count: u32) -> Result<Pins, Problem> {
        let bug = |error: exchequer_vault::keys::KeyError| Problem::new(Code::Internal, error.to_string());
        let all: Vec<NetworkParams> = Network::ALL.iter().map(|network| NetworkParams::test(*network)).collect();
        let keys = Keys::open(vault, &all).map_err(bug)?;
        let mut pins = BTreeMap::new();
        for network in Network::ALL {
            let hot = |index| KeyPath { purpose: KeyPurpose::Hot, index, change: false };
            let scheme = scheme(network.family());
            let addresses = (0..count).map(|index| keys.address(*network, keys.newest(), hot(index), scheme));
            pins.insert(*network, addresses.collect::<Result<Vec<_>, _>>().map_err(bug)?);
        }
        Ok(Pins(pins))
    }

    /// The addresses of the cluster's pinned wallets.
    pub(super) fn of_cluster(listed: &Listed) -> Result<Pins, Problem> {
        let mut pins = Pins(BTreeMap::new());
        for wallet in listed.wallets.iter().filter(|wallet| wallet.pinned && wallet.retired_at.is_none()) {
            let is_used = |network: &&Network| {
                wallet.family == family_word(network.family())
                    && wallet.network.as_ref().is_none_or(|name| *name == network.as_str())
            };
            for network in Network::ALL.iter().filter(is_used) {
                for own in wallet.addresses.iter().filter(|own| !own.change) {
                    pins.put(*network, &own.address, listed.sandbox)?;
                }
            }
        }
        Ok(pins)
    }

    /// One more, as `network:address`.
    pub(super) fn add(&mut self, text: &str, sandbox: bool) -> Result<(), Problem> {
        let bad = || Problem::new(Code::BadRequest, format!("`{}` is no NETWORK:ADDRESS", text.escape_debug()));
        let (network, address) = text.split_once(':').ok_or_else(bad)?;
        self.put(network.parse().map_err(|_| bad())?, address, sandbox)
    }

    fn put(&mut self, network: Network, text: &str, sandbox: bool) -> Result<(), Problem> {
        let address = parse_address(&params(network, sandbox), text)
            .map_err(|error| Problem::new(Code::BadRequest, format!("{text} is no address of {network}: {error}")))?;
        let pins = self.0.entry(network).or_default();
        if !pins.contains(&address) {
            pins.push(address);
        }
        Ok(())
    }

    fn of(&self, network: Network) -> Vec<ChainAddress> {
        self.0.get(&network).cloned().unwrap_or_default()
    }
}

pub(super) const fn family_word(family: Family) -> &'static str {
    match family {
        Family::Bitcoin => "bitcoin",
        Family::Evm => "evm",
        Family::Tron => "tron",
    }
}

/// What is known of a network's own coin: its decimals; the most that a transaction may cost, and that a wallet may pay in
/// an hour where the coin is not listed, both in smallest units. The fee of TRON covers the whole energy of a token's transfer to a new
/// account at the dearest price of energy so far (130,000 at 420 sun), thrice.
const fn own_coin(family: Family) -> (u8, u128, u128) {
    match family {
        Family::Bitcoin => (8, 1_000_000, 100_000_000),
        Family::Evm => (18, 200_000_000_000_000_000, 10_000_000_000_000_000_000),
        Family::Tron => (6, 165_000_000, 20_000_000_000),
    }
}

struct Measure {
    times: (u128, u128),
    /// How many times what is usual a wallet may pay in the network's own coin where no listing allows more.
    own_times: u128,
    approvals: u8,
    fee_free: fn(u128) -> u128,
}

/// The policy of a sandbox's vault: all networks with everything that is listed; nobody approves; bounds that only a runaway meets.
pub(super) fn sandbox(listed: &Listed, pins: &Pins, version: u64) -> Policy {
    let measure =
        Measure { times: SANDBOX_TIMES, own_times: SANDBOX_TIMES.0, approvals: 0, fee_free: |fee_max| fee_max };
    let networks = Network::ALL.iter().map(|network| (*network, of_network(listed, *network, pins, &measure)));
    Policy { version, cluster: listed.cluster.clone(), networks: networks.collect(), approvers: Vec::new() }
}

/// A draft for real networks: those on which something is listed, two persons for every payment.
pub(super) fn draft(listed: &Listed, pins: &Pins, version: u64) -> Policy {
    let fee_free = |fee_max| fee_max / 10;
    let measure = Measure { times: DRAFT_TIMES, own_times: 1, approvals: DRAFT_APPROVALS, fee_free };
    let used = Network::ALL.iter().filter(|network| listed.listings.iter().any(|one| one.network == network.as_str()));
    let networks = used.map(|network| (*network, of_network(listed, *network, pins, &measure))).collect();
    Policy { version, cluster: listed.cluster.clone(), networks, approvers: listed.approvers.clone() }
}

fn of_network(listed: &Listed, network: Network, pins: &Pins, measure: &Measure) -> NetworkPolicy {
    let params = params(network, listed.sandbox);
    let (decimals, fee_max, own_hour_max) = own_coin(network.family());
    let own_hour_max = own_hour_max.saturating_mul(measure.own_times);
    let mut fee_minor_unit = 1;
    let mut coins = Vec::new();
    for listing in listed.listings.iter().filter(|listing| listing.network == network.as_str()) {
        let asset = listed.assets.get(&listing.asset);
        let contract = listing.contract.as_deref().map(|text| parse_address(&params, text));
        let coin = match contract {
            None => Coin::Native,
            Some(Ok(contract)) => Coin::Token(contract),
            // The cluster lists no such thing: a coin that is left out is one that is never touched.
            Some(Err(_)) => continue,
        };
        if let (Coin::Native, Some(asset)) = (&coin, asset) {
            fee_minor_unit = 10u128.pow(u32::from(decimals.saturating_sub(asset.decimals)));
        }
        let Some(one_max) = smallest_units(&listing.withdrawal_max, listing.decimals) else { continue };
        let floor = if coin == Coin::Native { own_hour_max } else { 0 };
        let hour_max = one_max.saturating_mul(measure.times.0).max(floor);
        let day_max = one_max.saturating_mul(measure.times.1).max(hour_max);
        coins.push(CoinPolicy {
            coin,
            asset: asset.map_or(0, |asset| asset.number),
            hour_max: Units(hour_max),
            day_max: Units(day_max),
            rules: vec![Rule { up_to: Units(one_max), approvals: measure.approvals }],
        });
    }
    // Fees are paid in it, also where nobody withdraws it.
    if !coins.iter().any(|coin| coin.coin == Coin::Native) {
        let (hour_max, day_max) = (Units(own_hour_max), Units(own_hour_max.saturating_mul(10)));
        coins.insert(0, CoinPolicy { coin: Coin::Native, asset: 0, hour_max, day_max, rules: Vec::new() });
    }
    NetworkPolicy {
        chain: params.parameters(),
        fee_max: Units(fee_max),
        fee_permille_max: FEE_PERMILLE_MAX,
        fee_free: Units((measure.fee_free)(fee_max)),
        fee_minor_unit: Units(fee_minor_unit),
        sweep_to: pins.of(network),
        stake: false,
        decided_only: true,
        coins,
    }
}

/// An amount of units as smallest units; none where it is no amount, or has more decimals than that.
fn smallest_units(text: &str, decimals: u8) -> Option<u128> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if !whole.bytes().all(|digit| digit.is_ascii_digit()) || whole.is_empty() {
        return None;
    }
    let part = part.trim_end_matches('0');
    let missing = usize::from(decimals).checked_sub(part.len())?;
    format!("{whole}{part}{}", "0".repeat(missing)).parse().ok()
}

/// JSON for people.
pub(super) fn text(policy: &Policy) -> Result<String, Problem> {
    serde_json::to_string_pretty(policy).map_err(|error| Problem::new(Code::Internal, error.to_string()))
}

/// A coin in a table.
pub(super) fn coin_word(coin: &Coin) -> String {
    match coin {
        Coin::Native => "native".to_owned(),
        Coin::Token(contract) => contract.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: amounts of listings become the chain's to the last digit. Method: amounts with and without a point, and none.
    #[test]
    fn amounts_become_smallest_units() {
        for (text, decimals, units) in [
            ("1", 0, Some(1)),
            ("0.5", 8, Some(50_000_000)),
            ("12.340", 2, Some(1_234)),
            ("100000", 18, Some(100_000_000_000_000_000_000_000)),
            ("0.001", 2, None),
            ("-1", 2, None),
            ("", 2, None),
        ] {
            assert_eq!(smallest_units(text, decimals), units, "{text}");
        }
    }
}
