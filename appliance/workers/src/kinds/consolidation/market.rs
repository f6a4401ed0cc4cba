//! What moving something from a deposit address takes on networks with accounts: gas on EVM networks, burnt TRX on TRON.
//!
//! TRON's energy and bandwidth are paid by burning TRX: what is free makes a sweep cheaper than it was planned, never dearer. Only
//! what we have lent to the address ourselves is counted on ([`Market::relieved`]): nobody else takes that back.

use exchequer_chains::Coin;
use exchequer_chains::evm::{EvmAction, EvmFees, EvmTx, Speed};
use exchequer_chains::node::TronAccount;
use exchequer_chains::tron::{TronAction, bandwidth_burn};
use exchequer_chains::{KeyPath, KeyPurpose};
use exchequer_domain::{ChainAddress, Family};

use crate::kinds::gas::lending::energy_of;
use crate::kinds::gas::plan::Need;
use crate::kinds::paying::tron::Prices;
use crate::kinds::paying::{Desk, Draft, Round, evm, in_smallest_units, tron};

/// Gas that a token's transfer takes about, with its room, where nobody has tried it yet.
const TOKEN_GAS: u128 = 78_000;
/// The same of the network's own coin.
const NATIVE_GAS: u128 = 25_200;
/// Energy that a token's transfer takes about on TRON, with its room.
const TOKEN_ENERGY: u128 = 78_000;
/// Bytes of bandwidth that the longest transaction takes which is built here.
pub const BANDWIDTH: u128 = 360;

/// What the network takes at the moment.
#[derive(Debug, Clone, Copy)]
pub enum Market {
    /// Of an EVM network: what is offered for gas where there is time, and where there is none.
    Evm {
        /// For what can wait.
        slow: EvmFees,
        /// For what cannot.
        fast: EvmFees,
    },
    /// Of TRON.
    Tron(Prices),
}

/// What a transaction goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Of EVM networks the gas limit, of TRON the fee limit.
    pub limit: u64,
    /// The nonce, on EVM networks.
    pub nonce: u64,
    /// Whether it cannot wait.
    pub urgent: bool,
}

/// What a transfer comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Weighed {
    /// It can be made, for so much; of EVM networks with this gas limit, of TRON with this fee limit.
    Can {
        /// What it takes.
        need: Need,
        /// The limit.
        limit: u64,
    },
    /// It would fail.
    Fails(String),
    /// It takes more than may be paid.
    Dear,
}

impl Market {
    /// What the network takes now; none where it is more than may be paid.
    ///
    /// # Errors
    /// No endpoint says so, or the network has no accounts.
    pub async fn read(round: &Round) -> Result<Option<Market>, String> {
        match round.params.network().family() {
            Family::Evm => {
                let market = evm::market(round).await?;
                let (slow, fast) =
                    (evm::offer(round, &market, Speed::Slow)?, evm::offer(round, &market, Speed::Normal)?);
                Ok(slow.zip(fast).map(|(slow, fast)| Market::Evm { slow, fast }))
            }
            Family::Tron => tron::prices(round).await.map(|prices| Some(Market::Tron(prices))),
            Family::Bitcoin => Err("it has no accounts".to_owned()),
        }
    }

    fn fees(&self, urgent: bool) -> Option<EvmFees> {
        match self {
            Market::Evm { slow, fast } => Some(if urgent { *fast } else { *slow }),
            Market::Tron(_) => None,
        }
    }

    /// The most that a unit of gas costs, or what a unit of energy does.
    fn price(&self, urgent: bool) -> u128 {
        match self {
            Market::Evm { .. } => match self.fees(urgent) {
                Some(EvmFees::Legacy { gas_price }) => gas_price,
                Some(EvmFees::Dynamic { max_fee, .. }) => max_fee,
                None => 0,
            },
            Market::Tron(prices) => prices.energy.into(),
        }
    }

    /// What a sweep takes about, before anybody has tried it: the least, so that what is passed by it is worth a look.
    #[must_use]
    pub fn about(&self, coin: &Coin) -> u128 {
        let (price, is_token) = (self.price(false), matches!(coin, Coin::Token(_)));
        match self {
            Market::Evm { .. } => price.saturating_mul(if is_token { TOKEN_GAS } else { NATIVE_GAS }),
            Market::Tron(prices) => {
                let burnt = BANDWIDTH.saturating_mul(prices.bandwidth.into());
                if is_token { burnt.saturating_add(price.saturating_mul(TOKEN_ENERGY)) } else { burnt }
            }
        }
    }

    /// What bringing gas to an address takes itself.
    #[must_use]
    pub fn top_up_fee(&self) -> u128 {
        match self {
            Market::Evm { .. } => self.price(true).saturating_mul(NATIVE_GAS),
            Market::Tron(prices) => {
                BANDWIDTH.saturating_mul(prices.bandwidth.into()).saturating_add(prices.activation.into())
            }
        }
    }

    /// What a transfer takes, as a node says that tried it. Of the network's own coin a probe of the smallest amount stands for
    /// the whole: what it takes does not depend on how much it is.
    ///
    /// # Errors
    /// No endpoint says so.
    pub async fn weigh(
        &self,
        round: &Round,
        from: &ChainAddress,
        to: &ChainAddress,
        (coin, amount): (&Coin, u128),
        balance: u128,
        urgent: bool,
    ) -> Result<Weighed, String> {
        match self {
            Market::Evm { .. } => {
                let probe = if matches!(coin, Coin::Native) { 1 } else { amount };
                Ok(match evm::tried(round, from, &evm_action(coin, to, probe)?).await? {
                    evm::Tried::Gas(limit) => {
                        let need = Need { units: limit.into(), price: self.price(urgent), balance };
                        Weighed::Can { need, limit }
                    }
                    evm::Tried::Fails(why) => Weighed::Fails(why),
                })
            }
            Market::Tron(prices) => {
                let tried = tron::tried(round, prices, from, &tron_action(coin, to, amount)?).await?;
                let burnt = BANDWIDTH.saturating_mul(prices.bandwidth.into());
                // Of TRX sent to whom the network does not know yet an account is made.
                let made = if matches!(coin, Coin::Native) { prices.activation.into() } else { 0 };
                Ok(match tried {
                    tron::Tried::Limit(limit) => {
                        let price = burnt.saturating_add(limit.into()).saturating_add(made);
                        Weighed::Can { need: Need { units: 1, price, balance }, limit }
                    }
                    tron::Tried::Fails(why) => Weighed::Fails(why),
                    tron::Tried::Dear => Weighed::Dear,
                })
            }
        }
    }

    /// What a transfer takes from an address to which we have lent so much of a stake, in sun: what the energy of that does not
    /// cover, and its bytes where they are not free. Of what endpoints tell of the address the worst counts, and of its energy what
    /// our stake gives alone: what strangers lent there they may take back at any moment.
    #[must_use]
    pub fn relieved(&self, need: Need, limit: u64, lent: u64, told: &[TronAccount]) -> Need {
        let Market::Tron(prices) = self else { return need };
        let takes = |one: &TronAccount| {
            let ours = energy_of(lent, one).saturating_sub(one.energy_used).min(one.energy);
            let covered = u128::from(ours).saturating_mul(prices.energy.into());
            let bytes = u64::try_from(BANDWIDTH).unwrap_or(u64::MAX);
            let bytes = bandwidth_burn(bytes, one.bandwidth_staked, one.bandwidth_free, prices.bandwidth);
            u128::from(limit).saturating_sub(covered).saturating_add(bytes.into())
        };
        told.iter().map(takes).max().map_or(need, |price| Need { units: 1, price, ..need })
    }

    /// The transaction; its nonce counts on EVM networks alone.
    ///
    /// # Errors
    /// It is none that is built here, or endpoints do not agree on a final block.
    pub async fn draft(
        &self,
        desk: &Desk,
        round: &Round,
        (purpose, index): (KeyPurpose, u32),
        (from, to): (&ChainAddress, &ChainAddress),
        (coin, amount): (&Coin, u128),
        Limits { limit, nonce, urgent }: Limits,
    ) -> Result<Draft, String> {
        let key = KeyPath { purpose, index, change: false };
        match self {
            Market::Evm { .. } => {
                let fees = self.fees(urgent).ok_or("there is no price of gas")?;
                let chain_id = round.params.chain_id().map_err(|error| error.to_string())?;
                let action = evm_action(coin, to, amount)?;
                evm::draft(round, key, from, EvmTx { chain_id, nonce, fees, gas: limit, action })
            }
            Market::Tron(prices) => {
                let window = desk.window_now(round).await?;
                tron::draft(round, prices, key, from, tron_action(coin, to, amount)?, window, limit)
            }
        }
    }
}

/// What a decided transaction can take at most, in the network's smallest unit.
///
/// # Errors
/// The network's coin is not listed.
pub fn takes(round: &Round, draft: &Draft) -> Result<u128, String> {
    in_smallest_units(&round.config, draft.fee_max).ok_or_else(|| "the network's coin is not listed".to_owned())
}

fn evm_action(coin: &Coin, to: &ChainAddress, amount: u128) -> Result<EvmAction, String> {
    let account =
        |text: &ChainAddress| exchequer_chains::evm::account_of_text(text.as_str()).map_err(|error| error.to_string());
    let to = account(to)?;
    Ok(match coin {
        Coin::Native => EvmAction::Transfer { to, amount },
        Coin::Token(contract) => EvmAction::TokenTransfer { contract: account(contract)?, to, amount },
    })
}

fn tron_action(coin: &Coin, to: &ChainAddress, amount: u128) -> Result<TronAction, String> {
    let account =
        |text: &ChainAddress| exchequer_chains::tron::account_of_text(text.as_str()).map_err(|error| error.to_string());
    let to = account(to)?;
    Ok(match coin {
        Coin::Native => {
            let amount = u64::try_from(amount).map_err(|_| "it is more than there is".to_owned())?;
            TronAction::Transfer { to, amount }
        }
        Coin::Token(contract) => TronAction::TokenTransfer { contract: account(contract)?, to, amount },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: of an address to which we lent energy that of our stake counts alone, as far as it is not used up, and by the endpoint that
    /// tells the worst. Method: 650 units of ours beside a stranger's, used up in part, and one endpoint that is behind.
    #[test]
    fn strangers_energy_counts_for_nothing() {
        let market = Market::Tron(Prices { energy: 10, bandwidth: 1_000, activation: 0, limit_max: u64::MAX });
        let need = Need { units: 1, price: 99_999, balance: 7 };
        let ours = TronAccount {
            activated: true,
            energy: 650,
            energy_of_all: 10,
            stake_of_all: 1,
            bandwidth_free: 600,
            ..TronAccount::default()
        };
        let price = |told: &[TronAccount]| market.relieved(need, 6_500, 65_000_000, told).price;
        assert_eq!(price(&[ours]), 0);
        let strangers = TronAccount { energy: 100_000, ..ours };
        assert_eq!(
            market.relieved(need, 10_000, 65_000_000, &[strangers]).price,
            3_500,
            "their 350 are not counted on"
        );
        assert_eq!(price(&[TronAccount { energy_used: 50, ..strangers }]), 500);
        assert_eq!(price(&[TronAccount { energy: 600, ..ours }]), 500);
        assert_eq!(price(&[ours, TronAccount { energy: 0, ..ours }, ours]), 6_500, "the worst");
        assert_eq!(price(&[TronAccount { bandwidth_free: 0, ..ours }]), 360_000);
        assert_eq!(market.relieved(need, 6_500, 65_000_000, &[]), need);
    }
}
