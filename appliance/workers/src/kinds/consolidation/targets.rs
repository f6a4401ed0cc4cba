//! Where sweeps go: hot wallets up to their target, cold ones with the rest. Only pinned wallets count.

use std::collections::BTreeMap;

use exchequer_chains::Coin;
use exchequer_domain::ChainAddress;

use super::economics::{UsdMicros, WORTH_FACTOR, part};
use super::view::{Own, View, balances};
use crate::kinds::paying::Round;
use crate::money::{proto, words};

/// How an asset stands in hot wallets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stand {
    /// What they have, and what is on its way to them, in smallest units.
    pub has: u128,
    /// What they have at most, in smallest units; none where nobody knows what it is worth.
    pub target: Option<u128>,
    /// Whether they have less than their low mark.
    pub low: bool,
    /// Which of their addresses has least.
    least: usize,
}

/// Where things go, as it is known in one look.
pub struct Targets {
    hot: Vec<Own>,
    cold: Option<Own>,
    stands: BTreeMap<u32, Stand>,
}

impl Targets {
    /// Of the wallets in use.
    ///
    /// # Errors
    /// None of them is pinned.
    pub fn of(view: &View) -> Result<Targets, String> {
        let (hot, cold) = (view.addresses("hot", true), view.addresses("cold", true).into_iter().next());
        if hot.is_empty() && cold.is_none() {
            return Err("nothing is swept: no pinned wallet of the network is in use".to_owned());
        }
        Ok(Targets { hot, cold, stands: BTreeMap::new() })
    }

    /// How an asset stands in hot wallets; asked of the chain once in a look.
    ///
    /// # Errors
    /// Endpoints do not agree.
    pub async fn stand(&mut self, view: &View, round: &Round, asset: u32, coin: &Coin) -> Result<Stand, String> {
        if let Some(stand) = self.stands.get(&asset) {
            return Ok(*stand);
        }
        let asked: Vec<(ChainAddress, Coin)> = self.hot.iter().map(|own| (own.address.clone(), coin.clone())).collect();
        let has = balances(round, &asked).await?;
        let least = has.iter().enumerate().min_by_key(|(_, has)| **has).map_or(0, |(place, _)| place);
        let sum = has.iter().copied().fold(view.on_its_way(asset, &self.hot), u128::saturating_add);
        Ok(self.put(view, asset, sum, least))
    }

    /// How the network's coin stands in hot wallets where it is outputs: what is known of them, and what is on its way.
    pub fn stand_of_coins(&mut self, view: &View, asset: u32, all: &[proto::Coin]) -> Stand {
        let is_hot = |coin: &&proto::Coin| coin.wallet.is_some_and(|id| self.hot.iter().any(|own| own.wallet == id));
        let there = all.iter().filter(is_hot).filter(|coin| !matches!(coin.state, Some(proto::coin::State::Spent(_))));
        let sum = there.filter_map(|coin| words::amount(&coin.amount).ok());
        let has = sum.fold(view.on_its_way(asset, &self.hot), u128::saturating_add);
        self.put(view, asset, has, 0)
    }

    fn put(&mut self, view: &View, asset: u32, has: u128, least: usize) -> Stand {
        let mark = |usd: u64| view.units_of(asset, usd.into());
        let low = !self.hot.is_empty() && mark(view.reply.hot_low_usd_micros).is_some_and(|low| has < low);
        let stand = Stand { has, target: mark(view.reply.hot_target_usd_micros), low, least };
        self.stands.insert(asset, stand);
        stand
    }

    /// The cold address, if there is one.
    #[must_use]
    pub const fn cold(&self) -> Option<&Own> {
        self.cold.as_ref()
    }

    /// Where so much of an asset goes now: to one address, and how much of it. What is left goes in a transfer of its own, once
    /// this one is final. `fee` is what one transfer costs: a part is worth twenty times as much. None where its stand is not
    /// known.
    #[must_use]
    pub fn peek(&self, view: &View, asset: u32, amount: u128, fee: Option<UsdMicros>) -> Option<(Own, u128)> {
        let stand = self.stands.get(&asset)?;
        let (hot, cold) = match (self.hot.get(stand.least), &self.cold) {
            (Some(hot), None) => return Some((hot.clone(), amount)),
            (None, cold) => return cold.clone().map(|cold| (cold, amount)),
            (Some(hot), Some(cold)) => (hot, cold),
        };
        let least = fee.and_then(|fee| view.units_of(asset, fee.saturating_mul(WORTH_FACTOR)));
        let (to_hot, to_cold) = part(amount, stand.has, stand.target.unwrap_or(0), least.unwrap_or(u128::MAX));
        Some(if to_hot > 0 { (hot.clone(), to_hot) } else { (cold.clone(), to_cold) })
    }

    /// So much goes there: what is chosen next knows of it.
    pub fn take(&mut self, asset: u32, to: &Own, amount: u128) {
        if self.hot.contains(to)
            && let Some(stand) = self.stands.get_mut(&asset)
        {
            stand.has = stand.has.saturating_add(amount);
        }
    }
}
