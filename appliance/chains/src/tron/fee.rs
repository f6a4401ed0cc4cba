//! What TRON's transactions cost: bandwidth for their bytes, energy for what contracts do, TRX for what of it one lacks.

use super::tx::TronAction;
use crate::TxError;

/// Bytes that a transaction takes beyond its own: room for its result, once for each contract, of which there is one.
pub const BANDWIDTH_OVERHEAD_BYTES: u64 = 64;

/// What a byte of bandwidth costs who has none, in sun. A parameter of the chain (`getTransactionFee`).
pub const BANDWIDTH_SUN_PER_BYTE: u64 = 1_000;

/// What the first transfer to an address costs beyond that, in sun: `getCreateNewAccountFeeInSystemContract` and
/// `getCreateAccountFee`.
pub const ACTIVATION_SUN: u64 = 1_100_000;

/// Highest fee limit that is given to a call, in sun: 100 TRX.
pub const FEE_LIMIT_SUN_MAX: u64 = 100_000_000;

/// The bandwidth of a signed transaction of so many bytes.
#[must_use]
pub const fn bandwidth(raw_bytes: usize) -> u64 {
    // Lossless: no machine has longer byte strings than u64 counts.
    (raw_bytes as u64).saturating_add(BANDWIDTH_OVERHEAD_BYTES)
}

/// What is burnt for bandwidth, in sun. It is all or nothing: what is staked or free pays for the whole transaction, or TRX does.
#[must_use]
pub const fn bandwidth_burn(needed: u64, staked: u64, free: u64, sun_per_byte: u64) -> u64 {
    if staked >= needed || free >= needed { 0 } else { needed.saturating_mul(sun_per_byte) }
}

/// What is burnt for energy, in sun: what is staked or lent is used first.
#[must_use]
pub const fn energy_burn(needed: u64, available: u64, sun_per_energy: u64) -> u64 {
    needed.saturating_sub(available).saturating_mul(sun_per_energy)
}

/// The fee limit of a call that was estimated to need so much energy: a fifth more, so that a change of the contract's
/// energy factor in between does not burn the fee for nothing.
///
/// # Errors
/// Nothing was estimated, or it would be above `cap` or [`FEE_LIMIT_SUN_MAX`]: such a call is not sent.
pub fn fee_limit(energy: u64, sun_per_energy: u64, cap: u64) -> Result<u64, TxError> {
    let max = cap.min(FEE_LIMIT_SUN_MAX);
    let energy = u128::from(energy);
    let limit = (energy * 12).div_ceil(10).saturating_mul(u128::from(sun_per_energy));
    if limit == 0 {
        return Err(TxError::NotUnderstood("a call that needs no energy, or energy that costs nothing".into()));
    }
    match u64::try_from(limit) {
        Ok(limit) if limit <= max => Ok(limit),
        Ok(_) | Err(_) => Err(TxError::Limit { what: "the fee limit in sun", found: limit, max: max.into() }),
    }
}

/// What a transaction can cost at most, in sun, at the prices above: nothing staked, nothing free, a receiver without an account.
pub(crate) fn fee_max(action: &TronAction, bandwidth: u64, fee_limit: u64) -> u128 {
    let activation = match action {
        TronAction::Transfer { .. } => ACTIVATION_SUN,
        TronAction::TokenTransfer { .. }
        | TronAction::Delegate { .. }
        | TronAction::Undelegate { .. }
        | TronAction::Freeze { .. }
        | TronAction::Unfreeze { .. }
        | TronAction::Collect => 0,
    };
    u128::from(bandwidth) * u128::from(BANDWIDTH_SUN_PER_BYTE) + u128::from(fee_limit) + u128::from(activation)
}
