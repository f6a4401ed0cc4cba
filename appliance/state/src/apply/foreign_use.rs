//! Somebody else signs with a key of the exchange's: a transaction that it knows nothing of took a nonce, or spent a coin.
//!
//! Whoever has one key may have them all, so that nothing is decided anew by itself: the network pays out nothing more until two
//! persons want it, and what the transaction took the place of waits for people. An attempt that another attempt of the same
//! payout replaced is none of this: it is known.

use exchequer_domain::{Network, OutPoint, TxId};

use super::{Entry, Stop};
use crate::custody::{Coin, Keyed, WalletRole};
use crate::event::{EventKind, Severity};
use crate::planted::{self, Bug};
use crate::reconciliation::{DiscrepancyId, Reach};
use crate::withdrawals::{Death, Payer, Payout, PayoutId, PayoutStanding, Stage};

impl Entry<'_> {
    /// A worker proved that somebody else used a payout's nonce: its money stays held, and a person decides. None where this is
    /// no such proof.
    pub(super) fn set_aside_foreign(&mut self, payout: &Payout, proof: &Death) -> Result<Option<Stage>, Stop> {
        let Death::NonceUsed { .. } = proof else { return Ok(None) };
        if planted::has(Bug::ForeignNonceForgiven) {
            return Ok(None);
        }
        let from = Self::check_edge(payout, Stage::Review)?;
        self.check_death(payout, proof)?;
        let why = format!(
            "somebody else used its nonce {}: {}. Find out who has the key before anything else is done",
            payout.nonce().unwrap_or_default(),
            proof.describe()
        );
        self.key_used_elsewhere(payout.network, Some(payout.payer), Some(payout.id), why.clone());
        self.payout_alarm(payout, why.clone(), Severity::P0);
        let standing = PayoutStanding::Review { why: why.clone() };
        Ok(Some(self.move_payout(Payout { standing, ..payout.clone() }, from, &why)))
    }

    /// The chain is past the nonces that a payer was ever given, as a quorum of endpoints says. Told once for each stop: nothing that
    /// payer would pay is decided meanwhile.
    pub(super) fn nonce_ran_ahead(&mut self, network: Network, payer: Payer, next: u64, chain: u64) {
        if self.state.reconciliation.stopped(Reach::Network(network)).is_some() {
            return;
        }
        self.event(EventKind::ForeignNonce { network, payer, nonce: chain });
        let why = format!(
            "the chain's next nonce is {chain} as endpoints say, and the exchange never gave any from {next} on: either somebody else \
             has the key, or they are wrong. Look at the address in several explorers before anything else is done; \
             `exchequer payout nonce` sets the counter where it has to be"
        );
        self.key_used_elsewhere(network, Some(payer), None, why);
    }

    /// A block spends a coin of the exchange's by a transaction of somebody else. Cold wallets are moved by hand, and what they
    /// lack is found when balances are compared.
    pub(super) fn coin_spent_elsewhere(&mut self, coin: &Coin, outpoint: &OutPoint, by: TxId) {
        let is_online = match coin.keyed {
            Keyed::Deposit(_) => true,
            Keyed::Wallet { wallet, .. } => {
                let role = self.state.custody.wallet(wallet).map(|wallet| wallet.role);
                matches!(role, Some(WalletRole::Hot | WalletRole::Gas | WalletRole::Deposit))
            }
        };
        if is_online {
            let why = format!("transaction {by} spends {outpoint}, and the exchange knows nothing of it");
            self.key_used_elsewhere(coin.network, None, None, why);
        }
    }

    fn key_used_elsewhere(&mut self, network: Network, payer: Option<Payer>, payout: Option<PayoutId>, why: String) {
        self.event(EventKind::KeyUsedElsewhere { network, payer, payout, why, severity: Severity::P0 });
        self.stop_payments(Reach::Network(network), DiscrepancyId(0));
    }
}
