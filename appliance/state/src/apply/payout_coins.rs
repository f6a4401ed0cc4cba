//! The coins of payouts: which may be built on, and what becomes of them when a payout is over.

use std::collections::BTreeMap;

use exchequer_domain::{Network, OutPoint, TxId};

use super::prepare_payout::coin_owner;
use super::{Entry, Stop};
use crate::custody::{Coin, CoinState, Keyed, RESTS_ON_MAX, RestsOn, WalletRole};
use crate::halt::Halt;
use crate::planted::{self, Bug};
use crate::withdrawals::{Claim, INPUTS_MAX, Payer, Payout, Refusal};

/// Transactions of the exchange's own, one upon the other, that are in blocks which are not settled, below one that is built.
const OWN_UNSETTLED_MAX: u32 = 2;

/// What each transaction spends in blocks above some height.
pub(super) type SpentAbove = BTreeMap<TxId, Vec<OutPoint>>;

impl Entry<'_> {
    /// Whether these coins are the payer's, and free or the payout's own; and where they are new to it, whether they are
    /// certain to stay, or the change of such as are, and mature.
    pub(super) fn check_coins(
        &self,
        network: Network,
        payer: Payer,
        coins: &[OutPoint],
        owner: Option<u64>,
    ) -> Result<(), Stop> {
        let mut sorted = coins.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        if !(1..=INPUTS_MAX).contains(&coins.len()) || sorted.len() != coins.len() {
            return Err(Refusal::Coin.into());
        }
        let unsettled = self.spent_above(network, self.state.deposits.chains.get(network).settled);
        for outpoint in coins {
            let coin = self.coin(network, outpoint)?.ok_or(Refusal::Coin)?;
            let of_payer = match coin.keyed {
                Keyed::Wallet { wallet, .. } => wallet == payer.wallet,
                Keyed::Deposit(_) => self.payer_role(payer) == Ok(WalletRole::Deposit),
            };
            let free = match coin.state {
                CoinState::Free => self.can_be_built_on(&coin, &unsettled) || planted::has(Bug::CoinUnsettled),
                CoinState::Reserved { owner: of } => Some(of) == owner || planted::has(Bug::CoinGivenTwice),
                CoinState::Spent { .. } => false,
            };
            // A deposit that is held, or can be taken back, is not spent together with others.
            let held = matches!(coin.keyed, Keyed::Deposit(_)) && coin.deposit.is_none();
            if !of_payer || !free || (held && !planted::has(Bug::HeldIsSwept)) {
                return Err(Refusal::Coin.into());
            }
        }
        Ok(())
    }

    /// What each transaction spends of the exchange's in blocks above a height.
    pub(super) fn spent_above(&self, network: Network, height: u64) -> SpentAbove {
        let coins = &self.state.custody.coins;
        let mut all = SpentAbove::new();
        for outpoint in coins.spent_from(network, height.saturating_add(1)) {
            if let Some(CoinState::Spent { by, .. }) = coins.get(network, &outpoint).map(|coin| coin.state) {
                all.entry(by).or_default().push(outpoint);
            }
        }
        all
    }

    /// What a coin rests on whose block is taken back: what its transaction spent there, and what those coins rest on themselves.
    pub(super) fn rests_on(&self, coin: &Coin, spent: &SpentAbove) -> Vec<RestsOn> {
        let mut found: Vec<RestsOn> = Vec::new();
        let mut makers = vec![coin.outpoint.tx];
        for _ in 0..=OWN_UNSETTLED_MAX {
            let mut below = Vec::new();
            for by in makers {
                for outpoint in spent.get(&by).into_iter().flatten() {
                    found.push(RestsOn { coin: *outpoint, by });
                    below.push(outpoint.tx);
                    // It may have been taken back before.
                    let known = self.state.custody.coins.get(coin.network, outpoint);
                    found.extend(known.into_iter().flat_map(|known| known.rests_on.iter().copied()));
                    if found.len() >= RESTS_ON_MAX {
                        found.truncate(RESTS_ON_MAX);
                        return found;
                    }
                }
            }
            below.sort_unstable();
            below.dedup();
            makers = below;
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    fn can_be_built_on(&self, coin: &Coin, unsettled: &SpentAbove) -> bool {
        let next = self.state.deposits.chains.get(coin.network).tip.map_or(0, |tip| tip.height + 1);
        coin.mature <= next && self.is_certain(coin, unsettled, OWN_UNSETTLED_MAX)
    }

    /// Whether a coin is settled, or made by a transaction that only the exchange's own keys can have signed, because it
    /// spends coins of theirs, which are certain themselves.
    fn is_certain(&self, coin: &Coin, unsettled: &SpentAbove, more: u32) -> bool {
        if coin.height <= self.state.deposits.chains.get(coin.network).settled {
            return true;
        }
        let (Some(more), Some(spent)) = (more.checked_sub(1), unsettled.get(&coin.outpoint.tx)) else { return false };
        let certain = |outpoint: &OutPoint| {
            let spent = self.state.custody.coins.get(coin.network, outpoint);
            spent.is_some_and(|spent| self.is_certain(spent, unsettled, more))
        };
        coin.height != u64::MAX && spent.iter().all(certain)
    }

    /// Gives coins free that only other attempts than the one that was mined would have spent. Its own are spent by it.
    pub(super) fn free_coins(&mut self, payout: &Payout, mined: TxId) -> Result<(), Halt> {
        let spent =
            payout.attempts.iter().find(|attempt| attempt.tx == Some(mined)).map(|attempt| attempt.claim.clone());
        let kept = match spent {
            Some(Claim::Coins(coins)) => coins,
            Some(Claim::Nonce(_) | Claim::Window { .. }) | None => Vec::new(),
        };
        let owner = coin_owner(payout.id);
        let reserved: Vec<Coin> = self.state.custody.coins.reserved_by(payout.network, owner).cloned().collect();
        let free = reserved.into_iter().filter(|coin| !kept.contains(&coin.outpoint));
        free.into_iter().try_for_each(|coin| self.free_coin(coin))
    }

    /// Gives a coin free. One whose block is gone is nobody's, and is forgotten; a block that has it again brings it back.
    pub(super) fn free_coin(&mut self, coin: Coin) -> Result<(), Halt> {
        if coin.height == u64::MAX && !planted::has(Bug::CoinUnsettled) {
            self.remove_coin(coin.network, &coin.outpoint);
            Ok(())
        } else {
            self.put_coin(Coin { state: CoinState::Free, ..coin })
        }
    }
}
