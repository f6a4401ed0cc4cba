//! Transactions of TRON: the span of time in which one may get into a block, and what it costs.
//!
//! Invariants:
//! - Nothing orders TRON's transactions and nothing replaces them. Another one for the same payment is built only with the proof
//!   that those before it are over.
//! - Their time is that of a final block on which a quorum agrees. One endpoint's word moves it neither in a round nor for good.

use std::collections::BTreeSet;

use exchequer_chains::evm::transfer_data;
use exchequer_chains::node::{Account, FeeFacts, Trial, TrialCall, TronAccount};
use exchequer_chains::tron::{RefBlock, Solid, TronAction, TronTx, UnsignedTron, expiry, fee_limit, text};
use exchequer_chains::{KeyPath, Unsigned};
use exchequer_domain::{BlockRef, ChainAddress};
use parking_lot::Mutex;

use super::death::UNSIGNED_MARGIN_US;
use super::{Desk, Draft, Round, fee_cap, in_minor_units, in_smallest_units};
use crate::money::proto::{self, claim};
use crate::money::words;

/// What the network takes, in sun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prices {
    /// For a unit of energy.
    pub energy: u64,
    /// For a byte.
    pub bandwidth: u64,
    /// For making an account, in all.
    pub activation: u64,
    /// The highest fee limit.
    pub limit_max: u64,
}

/// A span of time in which a transaction may get into a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The final block that it builds on.
    pub reference: BlockRef,
    /// When it is made, in milliseconds since 1970, by the network's clock; before its last moment.
    pub made_ms: u64,
    /// Its last moment, in milliseconds since 1970.
    pub expires_ms: u64,
}

/// What a transaction would come to, as a node says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tried {
    /// Its fee limit, in sun: the whole of the estimate and a fifth more. Zero of what calls no contract.
    Limit(u64),
    /// It would fail.
    Fails(String),
    /// It costs more than may be paid.
    Dear,
}

/// What the network takes now.
///
/// # Errors
/// No endpoint says so.
pub async fn prices(round: &Round) -> Result<Prices, String> {
    match round.panel.first(|node| node.fees()).await.map_err(|error| error.to_string())?.value {
        FeeFacts::Tron { energy, bandwidth, create_account, create_account_system, limit_max, .. } => {
            let activation = create_account.saturating_add(create_account_system);
            Ok(Prices { energy, bandwidth, activation, limit_max })
        }
        FeeFacts::Bitcoin { .. } | FeeFacts::Evm { .. } => Err("the node is of another family".to_owned()),
    }
}

/// An account, as of the last final block but for its resources.
///
/// # Errors
/// No endpoint says so.
pub async fn account(round: &Round, address: &ChainAddress) -> Result<TronAccount, String> {
    let asked = round.panel.first(|node| {
        let address = address.clone();
        Box::pin(async move { node.account(&address).await })
    });
    match asked.await.map_err(|error| error.to_string())?.value {
        Account::Tron(account) => Ok(account),
        Account::Evm { .. } => Err("the node is of another family".to_owned()),
    }
}

/// An account as each endpoint that has a say tells it, a quorum at least: as of its last final block but for its resources.
///
/// # Errors
/// Fewer than a quorum say anything.
pub async fn accounts(round: &Round, address: &ChainAddress) -> Result<Vec<TronAccount>, String> {
    let asked = round.panel.all(|node| {
        let address = address.clone();
        Box::pin(async move { node.account(&address).await })
    });
    let (answers, errors) = asked.await;
    let told = answers.into_iter().filter_map(|(_, account)| match account {
        Account::Tron(account) => Some(account),
        Account::Evm { .. } => None,
    });
    let told: Vec<TronAccount> = told.collect();
    if told.len() >= round.panel.quorum().max(1) {
        return Ok(told);
    }
    let last = errors.last().map(|error| format!("; the last error: {error}")).unwrap_or_default();
    Err(format!("{} endpoints tell of {address}, {} have to{last}", told.len(), round.panel.quorum().max(1)))
}

/// The moments at which transactions are made.
#[derive(Debug, Default)]
pub(super) struct Moments {
    /// Those of the present span of time, in milliseconds since 1970.
    used: Mutex<BTreeSet<u64>>,
}

impl Moments {
    /// A span of time for each of these, that begins with this one. The moment at which each is made follows from its number, so that
    /// like payments have unlike names whichever process makes them; and this process makes no two at the same one. Moments that
    /// were beyond all bounds are forgotten, instead of keeping every later payment from being made.
    pub(super) fn windows(&self, first: Window, numbers: &[u64]) -> Vec<Window> {
        let span = first.expires_ms.saturating_sub(first.made_ms).max(1);
        let mut used = self.used.lock();
        used.retain(|made_ms| (first.made_ms..first.expires_ms).contains(made_ms));
        let mut one = |number: &u64| {
            let moments = || (0..span).map(|more| first.made_ms + (number % span + more) % span);
            // Where each was used they begin anew.
            let made_ms = moments().find(|made_ms| !used.contains(made_ms)).or_else(|| moments().next());
            let made_ms = made_ms.unwrap_or(first.made_ms);
            used.insert(made_ms);
            Window { made_ms, ..first }
        };
        numbers.iter().map(&mut one).collect()
    }
}

/// The span of time of a transaction that is made now.
pub(super) async fn window(round: &Round) -> Result<Window, String> {
    let solid = round.panel.agreed_final().await.map_err(|error| error.to_string())?;
    let (height, time_ms) = (solid.block.height, solid.time_ms);
    let head = round.panel.best_head().max(height);
    let expires_ms = expiry(Solid { height, time_ms }, head).map_err(|error| error.to_string())?;
    // It would be given up before it is signed, and decided again, for as long as the network makes no final blocks.
    if expires_ms.saturating_mul(1_000) <= round.due.now_us.saturating_add(UNSIGNED_MARGIN_US) {
        return Err(format!(
            "final block {height} is too old to build a payment on; none is decided until the network has newer ones"
        ));
    }
    Ok(Window { reference: solid.block, made_ms: time_ms, expires_ms })
}

/// The fee limit that a transaction needs, from what a node says that it would use.
///
/// # Errors
/// No endpoint says so.
pub async fn tried(round: &Round, prices: &Prices, from: &ChainAddress, action: &TronAction) -> Result<Tried, String> {
    let TronAction::TokenTransfer { contract, to, amount } = action else { return Ok(Tried::Limit(0)) };
    let rate_max = round.config.fee_rate_max.and_then(|most| in_smallest_units(&round.config, most)).unwrap_or(0);
    if u128::from(prices.energy) > rate_max {
        return Ok(Tried::Dear);
    }
    let call = TrialCall { from: from.clone(), to: text(contract), value: 0, data: transfer_data(to, *amount) };
    let asked = round.panel.first(|node| {
        let call = call.clone();
        Box::pin(async move { node.trial(&call).await })
    });
    // What the contract returns is not asked: the most used token here returns no where it has moved, and its log is what counts.
    Ok(match asked.await.map_err(|error| error.to_string())?.value {
        Trial::Done { units, .. } => {
            fee_limit(units, prices.energy, prices.limit_max).map_or(Tried::Dear, Tried::Limit)
        }
        Trial::Reverted { reason } => Tried::Fails(format!("it would fail: {reason}")),
    })
}

/// A transaction that is ready to be decided.
///
/// # Errors
/// It is none that is built here, or the network's coin is not listed.
pub fn draft(
    round: &Round,
    prices: &Prices,
    key: KeyPath,
    owner: &ChainAddress,
    action: TronAction,
    window: Window,
    fee_limit: u64,
) -> Result<Draft, String> {
    let owner = exchequer_chains::tron::account_of_text(owner.as_str()).map_err(|error| error.to_string())?;
    let ref_block = RefBlock::of(&window.reference.hash);
    let Window { made_ms, expires_ms, reference } = window;
    let tx = TronTx { owner, action, ref_block, expires_ms, made_ms, fee_limit };
    let unsigned = UnsignedTron::new(&round.params, key, tx).map_err(|error| error.to_string())?;
    // At the prices that the code knows, or at today's where they are higher.
    let activation = if matches!(action, TronAction::Transfer { .. }) { prices.activation } else { 0 };
    let bytes = u128::from(unsigned.bandwidth()) * u128::from(prices.bandwidth);
    let today = bytes + u128::from(fee_limit) + u128::from(activation);
    let unsigned = Unsigned::Tron(unsigned);
    let effects = unsigned.effects(&round.params).map_err(|error| error.to_string())?;
    let fee_max = in_minor_units(&round.config, effects.fee_max.max(today)).and_then(|fee| u64::try_from(fee).ok());
    let fee_max = fee_max.ok_or("the network's coin is not listed, or the fee is beyond all bounds")?;
    let reference = Some(words::of_block(reference));
    let window = claim::Window { reference, expires_us: expires_ms.saturating_mul(1_000) };
    let claim = proto::Claim { claim: Some(claim::Claim::Window(window)) };
    Ok(Draft { claim, unsigned: unsigned.encode(), fee_max })
}

/// The same payment in a new span of time, for attempts that are proved to be over; nothing where it cannot be paid now.
pub(super) async fn again(desk: &Desk, round: &Round, payout: &proto::Payout) -> Result<Option<Draft>, String> {
    let Some(latest) = payout.attempts.last() else { return Ok(None) };
    let unsigned = desk.unsigned_of(payout, latest.number).await?;
    let inputs = unsigned.signing_inputs(&round.params).map_err(|error| error.to_string())?;
    let Some(owner) = inputs.first() else { return Ok(None) };
    let Unsigned::Tron(before) = &unsigned else { return Err("an attempt is of another family".to_owned()) };
    let prices = prices(round).await?;
    let action = before.tx().action;
    // What is done with stake is decided anew, by what is staked and lent then.
    if !matches!(action, TronAction::Transfer { .. } | TronAction::TokenTransfer { .. }) {
        return Ok(None);
    }
    let limit = match tried(round, &prices, &owner.address, &action).await? {
        Tried::Limit(limit) => limit,
        Tried::Fails(_) | Tried::Dear => return Ok(None),
    };
    let Some(window) = desk.windows(round, &[payout.id]).await?.pop() else { return Ok(None) };
    let draft = draft(round, &prices, owner.key, &owner.address, action, window, limit)?;
    Ok((draft.fee_max <= fee_cap(&round.config, &payout.withdrawals)).then_some(draft))
}

#[cfg(test)]
#[path = "tron_tests.rs"]
mod tests;
