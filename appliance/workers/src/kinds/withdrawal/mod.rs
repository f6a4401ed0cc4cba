//! The withdrawal worker of a network: it prepares, has signed, sends and watches the transactions that pay withdrawals.
//!
//! The state decides; the worker proposes each step from the stage in which it found the payout, and keeps nothing. It may die
//! between any two of them.
//!
//! Invariants:
//! - Intent, commit, act, record: a transaction is decided in the log before it is signed, and its signed bytes are in the log
//!   before they are sent for the first time.
//! - Nothing is sent without a lease, and nothing but bytes that the log holds. They may be sent again at any time.
//! - No answer of an endpoint, and no lack of one, ends a payout: only what a quorum says of final blocks does.
//! - A replacement takes the place of the attempts before it by the network's rules: on EVM networks by their nonce.
//!
//! EVM networks so far.

mod prepare;
mod steps;
mod watch;

use std::sync::Arc;

use exchequer_chains::node::Panel;
use exchequer_chains::{NetworkParams, Signed};
use exchequer_domain::{Family, Network};

use super::Doing;
use super::nodes::{self, Nodes};
use crate::host::Outside;
use crate::money::proto::{DueReply, NetworkReply, Withdrawal};
use crate::money::{Link, Requests};

/// Queued withdrawals that are looked at in a round.
const QUEUED_MAX: u32 = 100;

/// What is to be signed: exactly the bytes that the log holds for this attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct SigningOrder {
    /// The leadership under which it is asked.
    pub epoch: u64,
    /// For which payout.
    pub payout: u64,
    /// Which attempt of it.
    pub attempt: u32,
    /// The transaction, as [`exchequer_chains::Unsigned`] encodes it.
    pub unsigned: Vec<u8>,
    /// What it pays, with the approvals that people gave; none for one that only uses up its nonce.
    pub pays: Vec<Withdrawal>,
}

/// Why there is no signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The signer refuses it: a person has to look.
    #[error("the signer refuses: {0}")]
    Refused(String),
    /// Nobody knows: the same order again gives the same bytes.
    #[error("the signer did not answer: {0}")]
    Unknown(String),
}

/// Who signs.
pub trait Signer: Send + Sync {
    /// Signs, or refuses. The same order gives the same bytes.
    fn sign<'a>(&'a self, order: &'a SigningOrder) -> Doing<'a, Result<Signed, SignError>>;
}

/// What the worker of one network works with.
pub struct Desk {
    network: Network,
    epoch: u64,
    link: Arc<dyn Link>,
    nodes: Nodes,
    signer: Arc<dyn Signer>,
    outside: Outside,
    requests: Requests,
    panel: Option<(u32, Arc<Panel>)>,
}

/// What is known in one round.
struct Round {
    params: NetworkParams,
    config: NetworkReply,
    due: DueReply,
    panel: Arc<Panel>,
}

impl Desk {
    /// A worker's desk.
    #[must_use]
    pub fn new(
        network: Network,
        epoch: u64,
        link: Arc<dyn Link>,
        nodes: Nodes,
        signer: Arc<dyn Signer>,
        outside: Outside,
        requests: Requests,
    ) -> Desk {
        Desk { network, epoch, link, nodes, signer, outside, requests, panel: None }
    }

    /// Does for every payout and every queued withdrawal what can be done now. What one of them cannot have does not keep the
    /// others waiting.
    ///
    /// # Errors
    /// What did not go as it should, for people; it is tried again in the next round.
    pub async fn round(&mut self) -> Result<(), String> {
        if self.network.family() != Family::Evm {
            return Err(format!("withdrawals of {} are not paid by this program yet", self.network));
        }
        let config = self.link.network().await.map_err(|error| error.to_string())?;
        let params = nodes::params(self.network, config.test);
        let panel = match &self.panel {
            Some((version, panel)) if *version == config.version => panel.clone(),
            _ => {
                let made = nodes::panel((self.nodes)(&params, &config)?, config.test)?;
                self.panel.insert((config.version, Arc::new(made))).1.clone()
            }
        };
        panel.refresh().await;
        let due = self.link.due(QUEUED_MAX).await.map_err(|error| error.to_string())?;
        let round = Round { params, config, due, panel };
        let mut troubles = Vec::new();
        for payout in &round.due.payouts {
            if let Err(why) = self.advance(&round, payout).await {
                troubles.push(format!("payout {}: {why}", payout.id));
            }
        }
        if round.config.withdrawals
            && let Err(why) = self.prepare_all(&round).await
        {
            troubles.push(why);
        }
        match troubles.first() {
            None => Ok(()),
            Some(first) if troubles.len() == 1 => Err(first.clone()),
            Some(first) => Err(format!("{first}; and {} more", troubles.len() - 1)),
        }
    }
}

/// Wei in minor units of the network's coin, rounded up; none where the coin is not listed.
fn in_minor_units(config: &NetworkReply, smallest: u128) -> Option<u128> {
    let coin = config.listings.iter().find(|listing| listing.coin.is_empty())?;
    let unit = 10_u128.checked_pow(coin.decimals.saturating_sub(coin.ledger_decimals))?;
    let finer = 10_u128.checked_pow(coin.ledger_decimals.saturating_sub(coin.decimals))?;
    smallest.div_ceil(unit).checked_mul(finer)
}
