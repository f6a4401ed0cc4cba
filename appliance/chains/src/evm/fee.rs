//! What gas costs on EVM networks: what is offered for it at first, what a replacement offers, and how much gas is allowed.

use exchequer_domain::Network;

use super::tx::EvmFees;
use crate::TxError;

/// How much more a replacement offers, in percent of both fields. Nodes ask for 10, some for 12.5.
pub const BUMP_PERCENT: u128 = 15;

/// Wei in a gwei.
const GWEI: u128 = 1_000_000_000;

/// How soon a transaction is wanted in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Speed {
    /// The tip that a quarter of recent transactions paid less than.
    Slow,
    /// The median tip.
    Normal,
    /// The tip that nine of ten paid less than.
    Fast,
}

/// What a network is like, and what we are ready to pay. Operators may change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeePolicy {
    /// Least tip that gets into blocks, in wei for a unit of gas.
    pub tip_min: u128,
    /// Whether the network takes no notice of tips.
    pub tip_ignored: bool,
    /// Whether one price is offered, as before EIP-1559.
    pub legacy: bool,
    /// The room for rising base fees, in percent of the next block's: 200 outlasts six full blocks.
    pub base_percent: u128,
    /// Highest price of a unit of gas, in wei. Above it we wait.
    pub price_max: u128,
    /// The gas that is allowed, in percent of a node's estimate.
    pub gas_percent: u64,
    /// Least gas that is allowed: there the gas also pays for what another network takes.
    pub gas_min: u64,
    /// Most gas that is allowed.
    pub gas_max: u64,
}

impl FeePolicy {
    /// The usual one of a network. None where gas is not what is paid for.
    #[must_use]
    pub const fn of(network: Network) -> Option<FeePolicy> {
        let usual = FeePolicy {
            tip_min: GWEI / 100,
            tip_ignored: false,
            legacy: false,
            base_percent: 200,
            price_max: 500 * GWEI,
            gas_percent: 120,
            gas_min: 0,
            gas_max: 1_000_000,
        };
        match network {
            Network::Ethereum => Some(usual),
            Network::Polygon => Some(FeePolicy { tip_min: 25 * GWEI, price_max: 5_000 * GWEI, ..usual }),
            Network::Bsc => Some(FeePolicy { tip_min: GWEI / 20, legacy: true, price_max: 20 * GWEI, ..usual }),
            Network::Arbitrum => Some(FeePolicy {
                tip_min: 0,
                tip_ignored: true,
                base_percent: 150,
                price_max: 20 * GWEI,
                gas_percent: 130,
                gas_min: 50_000,
                gas_max: 5_000_000,
                ..usual
            }),
            Network::Bitcoin | Network::Tron => None,
        }
    }
}

/// What nodes say of prices, in wei for a unit of gas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GasMarket {
    /// Base fee of the next block; none on a network without one.
    pub base_fee: Option<u128>,
    /// Tips of recent blocks at the percentiles 25, 50 and 90.
    pub tips: Option<[u128; 3]>,
    /// What the node suggests in all.
    pub gas_price: u128,
    /// What it suggests as a tip.
    pub tip: Option<u128>,
}

/// What is offered for a unit of gas.
///
/// # Errors
/// What the next block takes is above the policy's highest price: waiting is what is left.
pub fn quote(policy: &FeePolicy, market: &GasMarket, speed: Speed) -> Result<EvmFees, TxError> {
    let Some(base) = market.base_fee.filter(|_| !policy.legacy) else {
        let gas_price = market.gas_price.max(market.base_fee.unwrap_or(0).saturating_add(policy.tip_min));
        return affordable(policy, gas_price).map(|gas_price| EvmFees::Legacy { gas_price });
    };
    let seen = market.tips.map(|[slow, normal, fast]| match speed {
        Speed::Slow => slow,
        Speed::Normal => normal,
        Speed::Fast => fast,
    });
    let tip = match seen.or(market.tip) {
        _ if policy.tip_ignored => 0,
        Some(tip) => tip.max(policy.tip_min),
        None => market.gas_price.saturating_sub(base).max(policy.tip_min),
    };
    affordable(policy, base.saturating_add(tip))?;
    let wanted = percent(base, policy.base_percent)?.saturating_add(tip);
    Ok(EvmFees::Dynamic { max_fee: wanted.min(policy.price_max), tip })
}

/// What a replacement at the same nonce offers: in both fields more than every earlier attempt by [`BUMP_PERCENT`] and by a wei
/// at least, and no less than what the market takes now.
///
/// # Errors
/// That is above the policy's highest price: waiting is what is left.
pub fn bump(policy: &FeePolicy, earlier: &[EvmFees], market: EvmFees) -> Result<EvmFees, TxError> {
    let (mut fee, mut tip) = parts(market);
    for attempt in earlier {
        let (old_fee, old_tip) = parts(*attempt);
        fee = fee.max(raised(old_fee)?);
        tip = tip.max(raised(old_tip)?);
    }
    let fee = affordable(policy, fee.max(tip))?;
    Ok(match market {
        EvmFees::Legacy { .. } => EvmFees::Legacy { gas_price: fee },
        EvmFees::Dynamic { .. } => EvmFees::Dynamic { max_fee: fee, tip },
    })
}

/// How much gas is allowed to a transaction that a node estimated to need so much.
///
/// # Errors
/// It is more than the policy allows: what needs so much is no transfer.
pub fn gas_limit(policy: &FeePolicy, estimate: u64) -> Result<u64, TxError> {
    let wanted = (u128::from(estimate) * u128::from(policy.gas_percent)).div_ceil(100);
    let limit = wanted.max(policy.gas_min.into());
    match u64::try_from(limit) {
        Ok(gas) if gas <= policy.gas_max => Ok(gas),
        Ok(_) | Err(_) => Err(TxError::Limit { what: "gas", found: limit, max: policy.gas_max.into() }),
    }
}

/// Nodes compare a single price as fee and tip alike.
const fn parts(fees: EvmFees) -> (u128, u128) {
    match fees {
        EvmFees::Legacy { gas_price } => (gas_price, gas_price),
        EvmFees::Dynamic { max_fee, tip } => (max_fee, tip),
    }
}

fn raised(old: u128) -> Result<u128, TxError> {
    let more = percent(old, 100 + BUMP_PERCENT)?;
    Ok(more.max(old.saturating_add(1)))
}

fn percent(of: u128, percent: u128) -> Result<u128, TxError> {
    let product = of.checked_mul(percent).ok_or_else(|| TxError::Amount("a price of gas beyond 128 bits".into()))?;
    Ok(product.div_ceil(100))
}

fn affordable(policy: &FeePolicy, price: u128) -> Result<u128, TxError> {
    if price <= policy.price_max {
        return Ok(price);
    }
    Err(TxError::Limit { what: "wei for a unit of gas", found: price, max: policy.price_max })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(network: Network) -> FeePolicy {
        FeePolicy::of(network).unwrap()
    }

    const MARKET: GasMarket = GasMarket {
        base_fee: Some(30 * GWEI),
        tips: Some([GWEI, 2 * GWEI, 5 * GWEI]),
        gas_price: 33 * GWEI,
        tip: None,
    };

    /// Goal: each network is offered what it takes. Method: one market, five policies, and markets without their parts.
    #[test]
    fn offers_follow_the_network() {
        let ethereum = policy(Network::Ethereum);
        let offer = |policy: &FeePolicy, speed| quote(policy, &MARKET, speed).unwrap();
        assert_eq!(offer(&ethereum, Speed::Slow), EvmFees::Dynamic { max_fee: 61 * GWEI, tip: GWEI });
        assert_eq!(offer(&ethereum, Speed::Normal), EvmFees::Dynamic { max_fee: 62 * GWEI, tip: 2 * GWEI });
        assert_eq!(offer(&ethereum, Speed::Fast), EvmFees::Dynamic { max_fee: 65 * GWEI, tip: 5 * GWEI });
        let polygon = policy(Network::Polygon);
        assert_eq!(offer(&polygon, Speed::Normal), EvmFees::Dynamic { max_fee: 85 * GWEI, tip: 25 * GWEI });
        let bsc = GasMarket { base_fee: Some(0), gas_price: 1, ..MARKET };
        let price = EvmFees::Legacy { gas_price: GWEI / 20 };
        assert_eq!(quote(&policy(Network::Bsc), &bsc, Speed::Normal), Ok(price));
        let arbitrum = GasMarket { base_fee: Some(GWEI / 100), ..MARKET };
        let sequencer = EvmFees::Dynamic { max_fee: GWEI * 15 / 1_000, tip: 0 };
        assert_eq!(quote(&policy(Network::Arbitrum), &arbitrum, Speed::Fast), Ok(sequencer));
        let no_base = GasMarket { base_fee: None, ..MARKET };
        assert_eq!(quote(&ethereum, &no_base, Speed::Normal), Ok(EvmFees::Legacy { gas_price: 33 * GWEI }));
        let no_history = GasMarket { tips: None, ..MARKET };
        assert_eq!(
            quote(&ethereum, &no_history, Speed::Normal),
            Ok(EvmFees::Dynamic { max_fee: 63 * GWEI, tip: 3 * GWEI })
        );
    }

    /// Goal: nothing is offered above the highest price; just below it the room for rising fees becomes less.
    /// Method: base fees around the policy's price.
    #[test]
    fn the_highest_price_holds() {
        let ethereum = policy(Network::Ethereum);
        let at = |base| quote(&ethereum, &GasMarket { base_fee: Some(base), ..MARKET }, Speed::Normal);
        assert_eq!(at(498 * GWEI), Ok(EvmFees::Dynamic { max_fee: 500 * GWEI, tip: 2 * GWEI }));
        assert!(matches!(at(498 * GWEI + 1), Err(TxError::Limit { .. })));
        assert!(matches!(at(u128::MAX), Err(TxError::Limit { .. })));
        let high = EvmFees::Dynamic { max_fee: 450 * GWEI, tip: GWEI };
        assert!(matches!(bump(&ethereum, &[high], high), Err(TxError::Limit { .. })));
    }

    /// Goal: a replacement is taken by every node: at least an eighth more, and a wei, in both fields, than each earlier
    /// attempt. Method: attempts from one wei on, several at once, and of the other kind.
    #[test]
    fn a_replacement_raises_both_fields() {
        let policy = policy(Network::Ethereum);
        let market = EvmFees::Dynamic { max_fee: 1, tip: 0 };
        for old in [0, 1, 3, 7, 100, GWEI, 400 * GWEI] {
            let earlier = EvmFees::Dynamic { max_fee: old, tip: old / 2 };
            let EvmFees::Dynamic { max_fee, tip } = bump(&policy, &[market, earlier], market).unwrap() else {
                panic!("the kind changed");
            };
            for (new, old) in [(max_fee, old), (tip, old / 2)] {
                assert!(new > old && new * 8 >= old * 9, "{new} for {old}");
            }
            assert!(max_fee >= tip);
        }
        let legacy = EvmFees::Legacy { gas_price: 100 };
        assert_eq!(bump(&policy, &[legacy], market), Ok(EvmFees::Dynamic { max_fee: 115, tip: 115 }));
        let dear = EvmFees::Dynamic { max_fee: 900, tip: 50 };
        assert_eq!(bump(&policy, &[legacy], dear), Ok(EvmFees::Dynamic { max_fee: 900, tip: 115 }));
    }

    /// Goal: the gas allowed is above the estimate and below the policy's most, whatever the estimate. Method: edges.
    #[test]
    fn gas_has_room_and_an_end() {
        let ethereum = policy(Network::Ethereum);
        assert_eq!(gas_limit(&ethereum, 21_000), Ok(25_200));
        assert_eq!(gas_limit(&ethereum, 1), Ok(2));
        assert!(matches!(gas_limit(&ethereum, u64::MAX), Err(TxError::Limit { .. })));
        assert_eq!(gas_limit(&policy(Network::Arbitrum), 21_000), Ok(50_000));
        assert_eq!(gas_limit(&policy(Network::Arbitrum), 100_000), Ok(130_000));
    }
}
