//! Transactions of EVM networks: what gas costs, what a transaction would use, and what takes the place of a stuck one.

use exchequer_chains::evm::{
    Account as EvmAccount, EvmAction, EvmFees, EvmTx, FeePolicy, GasMarket, Speed, UnsignedEvm, account_of_text, bump,
    gas_limit, quote, text, transfer_data,
};
use exchequer_chains::node::{FeeFacts, Trial, TrialCall};
use exchequer_chains::{KeyPath, Unsigned};
use exchequer_domain::ChainAddress;

use super::{Desk, Draft, Round, in_minor_units, in_smallest_units, replacement_cap};
use crate::money::proto::{self, claim};

/// What a transaction would come to, as a node says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tried {
    /// It may use so much gas.
    Gas(u64),
    /// It would fail, or use more gas than a transfer may.
    Fails(String),
}

/// What chain and state allow to be offered for gas.
///
/// # Errors
/// The network has no gas.
pub fn policy(round: &Round) -> Result<FeePolicy, String> {
    let policy = FeePolicy::of(round.params.network()).ok_or("it has no gas")?;
    let most = round.config.fee_rate_max.and_then(|most| in_smallest_units(&round.config, most));
    Ok(FeePolicy { price_max: policy.price_max.min(most.unwrap_or(0)), ..policy })
}

/// What gas costs now.
///
/// # Errors
/// No endpoint says so.
pub async fn market(round: &Round) -> Result<GasMarket, String> {
    match round.panel.first(|node| node.fees()).await.map_err(|error| error.to_string())?.value {
        FeeFacts::Evm { base_fee, tips, gas_price, tip } => Ok(GasMarket { base_fee, tips, gas_price, tip }),
        FeeFacts::Bitcoin { .. } | FeeFacts::Tron { .. } => Err("the node is of another family".to_owned()),
    }
}

/// What is offered for gas; none where the network takes more than may be paid.
///
/// # Errors
/// As [`policy`].
pub fn offer(round: &Round, market: &GasMarket, speed: Speed) -> Result<Option<EvmFees>, String> {
    Ok(quote(&policy(round)?, market, speed).ok())
}

/// Nonces are below this, as the state has it.
const NONCE_END: u64 = 1 << 53;

/// The next nonce of an address on chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nonces {
    /// At the head.
    pub next: u64,
    /// At the last final block.
    pub settled: u64,
}

/// The next nonce of an address as a quorum has it: one endpoint alone could have every payer's counter wherever it likes.
///
/// # Errors
/// Fewer than the quorum say so.
pub async fn next_nonce(round: &Round, address: &ChainAddress) -> Result<Nonces, String> {
    let (next, settled) = round.panel.reached_nonces(address).await.map_err(|error| error.to_string())?;
    if next.max(settled) >= NONCE_END {
        return Err(format!("no account ever comes to nonce {NONCE_END}, and endpoints say that {address} has"));
    }
    Ok(Nonces { next, settled })
}

/// The gas that a transaction may use, from what a node says that it would.
///
/// # Errors
/// No endpoint says so.
pub async fn tried(round: &Round, from: &ChainAddress, action: &EvmAction) -> Result<Tried, String> {
    let of = |account: &EvmAccount| text(account);
    let call = match action {
        EvmAction::Transfer { to, amount } => {
            TrialCall { from: from.clone(), to: of(to), value: *amount, data: Vec::new() }
        }
        EvmAction::TokenTransfer { contract, to, amount } => {
            TrialCall { from: from.clone(), to: of(contract), value: 0, data: transfer_data(to, *amount) }
        }
    };
    let asked = round.panel.first(|node| {
        let call = call.clone();
        Box::pin(async move { node.trial(&call).await })
    });
    let trial = asked.await.map_err(|error| error.to_string())?.value;
    let trial = if matches!(action, EvmAction::TokenTransfer { .. }) { trial.of_transfer() } else { trial };
    Ok(match trial {
        Trial::Done { units, .. } => match gas_limit(&policy(round)?, units) {
            Ok(gas) => Tried::Gas(gas),
            Err(error) => Tried::Fails(error.to_string()),
        },
        Trial::Reverted { reason } => Tried::Fails(format!("it would fail: {reason}")),
    })
}

/// A transaction that is ready to be decided.
///
/// # Errors
/// It is none that is built here, or the network's coin is not listed.
pub fn draft(round: &Round, key: KeyPath, from: &ChainAddress, tx: EvmTx) -> Result<Draft, String> {
    let from = account_of_text(from.as_str()).map_err(|error| error.to_string())?;
    let nonce = tx.nonce;
    let unsigned = UnsignedEvm::new(&round.params, key, from, tx).map_err(|error| error.to_string())?;
    let unsigned = Unsigned::Evm(unsigned);
    let effects = unsigned.effects(&round.params).map_err(|error| error.to_string())?;
    let fee_max = in_minor_units(&round.config, effects.fee_max).and_then(|fee| u64::try_from(fee).ok());
    let fee_max = fee_max.ok_or("the network's coin is not listed, or the fee is beyond all bounds")?;
    let claim = proto::Claim { claim: Some(claim::Claim::Nonce(nonce)) };
    Ok(Draft { claim, unsigned: unsigned.encode(), fee_max })
}

/// What takes the place of a stuck payout's attempts: the same at the same nonce, for more. Where that is more than may be paid,
/// nothing does.
pub(super) async fn replace(desk: &Desk, round: &Round, payout: &proto::Payout) -> Result<Option<Draft>, String> {
    let mut earlier: Vec<EvmTx> = Vec::new();
    let mut owner = None;
    for attempt in &payout.attempts {
        let unsigned = desk.unsigned_of(payout, attempt.number).await?;
        let inputs = unsigned.signing_inputs(&round.params).map_err(|error| error.to_string())?;
        owner = inputs.first().map(|input| (input.key, input.address.clone()));
        match unsigned {
            Unsigned::Evm(unsigned) => earlier.push(unsigned.tx().clone()),
            Unsigned::Bitcoin(_) | Unsigned::Tron(_) => return Err("an attempt is of another family".to_owned()),
        }
    }
    let (Some(last), Some((key, from))) = (earlier.last().cloned(), owner) else {
        return Err("it has no attempt".to_owned());
    };
    let policy = policy(round)?;
    let offered: Vec<EvmFees> = earlier.iter().map(|tx| tx.fees).collect();
    let market = market(round).await?;
    let wanted = quote(&policy, &market, Speed::Fast).and_then(|fees| bump(&policy, &offered, fees));
    let Ok(fees) = wanted else { return Ok(None) };
    let action = if payout.wants_noop {
        EvmAction::Transfer { to: account_of_text(from.as_str()).map_err(|error| error.to_string())?, amount: 0 }
    } else {
        last.action
    };
    let draft = draft(round, key, &from, EvmTx { fees, action, ..last })?;
    Ok((draft.fee_max <= replacement_cap(&round.config, payout)).then_some(draft))
}
