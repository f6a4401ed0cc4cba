//! What is known of an address at the block of a reading: what must be there, and what may be on its way.

use exchequer_domain::{BlockRef, ChainAddress, Family, Network};

use super::Entry;
use crate::custody::{self, WalletRole};
use crate::halt::Halt;
use crate::reconciliation::{Facts, Movement, Position, Reading, Spot};
use crate::withdrawals::{Payer, Payout, PayoutId};

impl Entry<'_> {
    /// What is known of an address between two blocks; none where it does not fit.
    pub(super) fn facts(
        &self,
        spot: &Spot,
        position: &Position,
        (from, until): (BlockRef, BlockRef),
        payouts: PayoutId,
        (reading, moves): (&Reading, &[(u64, Movement)]),
    ) -> Result<Option<Facts>, Halt> {
        let network = spot.network;
        let Some(mut expected) = position.expected() else { return Ok(None) };
        let mut folded = position.clone();
        let mut moved = 0_u128;
        let moves = moves.iter().filter(|(height, movement)| *height <= until.height && movement.spot == *spot);
        for (height, movement) in moves {
            let Some(effect) = movement.effect() else { return Ok(None) };
            if *height > from.height {
                moved = moved.saturating_add(effect.unsigned_abs());
            } else {
                expected = expected.saturating_add(effect);
                folded.take(movement);
            }
        }
        let payers = self.payers_at(network, &spot.address)?;
        let under_way = self.under_way(spot, &payers, from, payouts, reading.nonce);
        let foreign = match reading.nonce {
            // Told once, of the coin that every transaction takes.
            Some(next) if spot.coin.is_none() => self.is_foreign(network, &payers, position, next)?,
            Some(_) | None => false,
        };
        let native = spot.coin.is_none();
        if native {
            let [fee, fee_max] = self.denied_fees(network, &spot.address, from.height)?;
            expected = expected.saturating_sub_unsigned(fee);
            folded.rounded = folded.rounded.saturating_add(u32::from(fee > 0));
            folded.fees = folded.fees.saturating_add(fee);
            folded.fees_max = folded.fees_max.saturating_add(fee_max);
        }
        let unit = self.state.custody.listed(network, None).map_or(1, custody::Listing::unit);
        let rounding = if native { unit.saturating_mul(u128::from(folded.rounded)) } else { 0 };
        let fees = if native { folded.fees } else { 0 };
        // Where the nonce shows that all of the key's transactions are ours, what is missing can only be what they cost.
        let more = folded.fees_max.saturating_sub(folded.fees);
        let fees_more = (native && reading.nonce.is_some() && folded.fees > 0).then_some(more);
        // What was read of a block that is gone says nothing of another branch.
        let chains = &self.state.deposits.chains;
        let floor = chains.get(network).floor;
        let stands = |at: BlockRef| at.height < floor || chains.block(network, at.height) == Some(at);
        let branched = self.state.reconciliation.nets.get(&network).map_or(0, |net| net.branched);
        let checked = position.checked.filter(|checked| stands(checked.at) && checked.at.height > branched);
        let before = checked.map(|checked| checked.difference);
        let halted = self.state.deposits.chains.get(network).halted.is_some();
        Ok(Some(Facts { expected, moved, under_way, foreign, rounding, fees, fees_more, before, halted }))
    }

    /// Who pays from an address: of a wallet its own, of the pool every wallet whose the pool may be.
    fn payers_at(&self, network: Network, address: &ChainAddress) -> Result<Vec<Payer>, Halt> {
        if let Some(wallet) = self.state.custody.wallet_at(network.family(), address) {
            let own = wallet.addresses.iter().find(|own| own.address == *address && !own.change);
            return Ok(own.map(|own| Payer { wallet: wallet.id, index: own.index }).into_iter().collect());
        }
        let Some((index, _)) = self.pool_address(network.family(), address)? else { return Ok(Vec::new()) };
        let wallets = self.state.custody.wallets().filter(|wallet| wallet.role == WalletRole::Deposit);
        let wallets = wallets.filter(|wallet| wallet.covers(network));
        Ok(wallets.map(|wallet| Payer { wallet: wallet.id, index }).collect())
    }

    /// The most that payouts of an address may have taken which are in the chain, and of which nobody has told yet; none where
    /// there is no such payout.
    fn under_way(
        &self,
        spot: &Spot,
        payers: &[Payer],
        at: BlockRef,
        until: PayoutId,
        nonce: Option<u64>,
    ) -> Option<u128> {
        // What was spent the scanned blocks say.
        if spot.network.family() == Family::Bitcoin {
            return None;
        }
        let payouts = self.state.withdrawals.payouts(spot.network).filter(|payout| {
            // What uses a nonce that the chain has not come to is in no block.
            let used = nonce.zip(payout.nonce()).is_none_or(|(next, of)| of < next);
            // What ended without paying, as its worker says, took nothing but its fee: else it is missing here.
            let denied = payout.denied.as_deref().is_some_and(|denial| denial.at.height <= at.height);
            payout.id <= until && payout.was_signed() && used && !denied && payers.contains(&payout.payer)
        });
        let costs = payouts.map(|payout| self.costs_at_most(payout, spot.coin.as_ref()));
        costs.reduce(u128::saturating_add)
    }

    /// Whether a key has made more transactions than the exchange gave it nonces.
    fn is_foreign(&self, network: Network, payers: &[Payer], position: &Position, next: u64) -> Result<bool, Halt> {
        // What it had made before anybody looked says nothing.
        let mut known = position.nonce.unwrap_or(next);
        for payer in payers {
            let lane = self.lane_of(network, *payer)?;
            if lane.used {
                known = known.max(lane.next);
            }
        }
        Ok(next > known)
    }

    /// The most that a payout can take from its payer, of a coin.
    fn costs_at_most(&self, payout: &Payout, coin: Option<&ChainAddress>) -> u128 {
        let listing = |asset| self.state.custody.listing(payout.network, asset);
        let of_coin = |asset| listing(asset).is_some_and(|listing| listing.coin.as_ref() == coin);
        let paid = self.paid_by(payout);
        let paid = paid.iter().filter(|one| of_coin(one.order.asset)).map(|one| one.on_chain);
        let moved = payout.errand.moves().filter(|one| one.coin.as_ref() == coin).map(|one| one.on_chain);
        let fees =
            payout.attempts.iter().map(|attempt| self.fee_on_chain(payout.network, u128::from(attempt.fee_max)).0);
        let fee = if coin.is_none() { fees.max() } else { None };
        paid.chain(moved).chain(fee).fold(0, u128::saturating_add)
    }
}
