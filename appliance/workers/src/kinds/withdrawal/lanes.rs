//! The addresses that payments are made from, on networks with accounts: how much each has, and how much more it may have under
//! way.

use std::collections::BTreeMap;

use exchequer_chains::{Coin, KeyPath};
use exchequer_domain::ChainAddress;

use crate::kinds::paying::evm::Nonces;
use crate::kinds::paying::{Desk, Round, in_smallest_units, purpose_of};
use crate::money::proto::{Payer, Payout};
use crate::money::words;

/// An address that pays, as the round has it.
pub(super) struct Lane {
    pub(super) payer: Payer,
    pub(super) address: ChainAddress,
    pub(super) key: KeyPath,
    /// The next nonce, where the network has them.
    pub(super) next: u64,
    /// The same as the chain has it.
    pub(super) chain: Nonces,
    /// Nonces that were given and never signed for: what comes after the lowest waits on chain.
    pub(super) gaps: Vec<u64>,
    /// How many more may be under way.
    pub(super) free: u32,
    pub(super) in_flight: u32,
    /// What it has of each coin, in smallest units, less what is on its way; of others nobody said.
    pub(super) has: BTreeMap<Coin, u128>,
}

impl Lane {
    /// Whether it has so much, as far as anybody said.
    pub(super) fn has(&self, coin: &Coin, amount: u128) -> bool {
        self.has.get(coin).is_none_or(|has| *has >= amount)
    }

    /// So much is on its way.
    pub(super) fn spend(&mut self, coin: &Coin, amount: u128) {
        if let Some(has) = self.has.get_mut(coin) {
            *has = has.saturating_sub(amount);
        }
    }
}

/// The addresses in use. Nonces and balances are the family's to add.
pub(super) async fn lanes(desk: &Desk, round: &Round) -> Result<Vec<Lane>, String> {
    let wallets = desk.link().wallets().await.map_err(|error| error.to_string())?.wallets;
    let mut lanes = Vec::new();
    for lane in &round.due.lanes {
        let Some(payer) = lane.payer else { continue };
        let wallet = wallets.iter().find(|wallet| wallet.id == payer.wallet && wallet.in_use);
        let own = wallet.and_then(|wallet| {
            let own = wallet.addresses.iter().find(|own| own.index == payer.index && !own.change)?;
            Some((own, purpose_of(&wallet.role)?))
        });
        let Some((own, purpose)) = own else { continue };
        lanes.push(Lane {
            payer,
            address: words::address(&own.address).map_err(|error| error.to_string())?,
            key: KeyPath { purpose, index: payer.index, change: false },
            next: lane.next,
            chain: Nonces { next: 0, settled: 0 },
            gaps: lane.gaps.clone(),
            free: lane.free,
            in_flight: lane.in_flight,
            has: BTreeMap::new(),
        });
    }
    if lanes.is_empty() { Err("there is no hot wallet to pay from".to_owned()) } else { Ok(lanes) }
}

/// Takes off what each address has whatever is on its way from it and in no block yet.
pub(super) fn take_off(round: &Round, lanes: &mut [Lane]) {
    for lane in lanes {
        let payer = Some(lane.payer);
        let own = round.due.payouts.iter().filter(|payout| payout.payer == payer);
        for payout in own.filter(|payout| payout.stage != "mined") {
            for (coin, amount) in spends(round, payout) {
                lane.spend(&coin, amount);
            }
        }
    }
}

fn spends(round: &Round, payout: &Payout) -> Vec<(Coin, u128)> {
    let fee = payout.attempts.iter().map(|attempt| attempt.fee_max).max().unwrap_or(0);
    let mut spends = vec![(Coin::Native, in_smallest_units(&round.config, fee).unwrap_or(0))];
    for one in &payout.withdrawals {
        if let (Ok(coin), Ok(amount)) = (words::coin(&one.coin), words::amount(&one.on_chain)) {
            spends.push((coin.map_or(Coin::Native, Coin::Token), amount));
        }
    }
    spends
}
