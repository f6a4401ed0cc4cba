//! Builds transactions of Bitcoin out of coins that the caller offers: which of them to spend, what comes back, and what the
//! miners get. Nothing is reserved here: who offers coins keeps them from others.
//!
//! Invariants:
//! - Inputs are chosen by an algorithm that counts in floats; every sum is counted again here in whole satoshi, and decides.
//! - Change is never dust, and what is too little for change goes to the miners: at most what an output costs and a bit.
//! - A replacement spends a coin of every earlier attempt, so that only one of them can ever get into the chain.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use ::bitcoin::absolute::LockTime;
use ::bitcoin::transaction::Version;
use ::bitcoin::{Amount, OutPoint as LibraryOutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness};
use bdk_coin_select::metrics::LowestFee;
use bdk_coin_select::{ChangePolicy, CoinSelector, DrainWeights, Target, TargetFee, TargetOutputs};
use exchequer_domain::{ChainAddress, OutPoint};

use super::address::script_of;
use super::fee::{FeeRate, input_weight, output_weight, vbytes};
use super::unsigned::{Coins, INPUTS_MAX, OUTPUTS_MAX, UnsignedBitcoin, library_id};
use crate::{KeyPath, NetworkParams, Scheme, TxError};

/// Most coins that are looked at for one transaction; of more, the largest.
pub const OFFERED_MAX: usize = 1_000;

/// How many combinations are tried: after that the best one so far is taken.
const ROUNDS_MAX: usize = 2_000;

/// What a coin will cost to spend one day, in satoshi for a virtual byte: what change is worth having for.
const LONG_TERM_SAT_PER_VBYTE: f32 = 10.0;

/// A coin that may be spent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// Which.
    pub outpoint: OutPoint,
    /// How much, whose, by which key.
    pub coins: Coins,
}

/// Where change goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeTo {
    /// The address, of a key of the change branch that was never used.
    pub address: ChainAddress,
    /// Its key.
    pub key: KeyPath,
}

/// What is to be built.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Who gets how many satoshi; nobody where coins are gathered.
    pub payments: Vec<(ChainAddress, u64)>,
    /// Coins that have to be spent: those of earlier attempts, or those to gather.
    pub must: Vec<Offered>,
    /// Coins that may be spent beside them.
    pub may: Vec<Offered>,
    /// Where change goes.
    pub change: ChangeTo,
    /// What is paid for virtual bytes.
    pub rate: FeeRate,
    /// Most that may be paid in all, in satoshi.
    pub fee_max: u64,
    /// The height of the chain: the transaction gets into no block that is not above it, so that nobody gains by making that
    /// block again.
    pub tip_height: u32,
}

/// An attempt that is to be replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// What it spends.
    pub inputs: Vec<OutPoint>,
    /// What it pays, in satoshi.
    pub fee: u64,
    /// Its size.
    pub vbytes: u64,
}

/// Builds a transaction.
///
/// # Errors
/// Too little is offered, a payment is dust or to no address, too much is asked for at once, or the fee is above its bound.
pub fn build(params: &NetworkParams, draft: &Draft) -> Result<UnsignedBitcoin, TxError> {
    Builder::new(params, draft, 0, FeeRate::of_kvb(0)?)?.build()
}

/// Builds a transaction in the place of earlier attempts.
///
/// # Errors
/// As [`build`]; or it shares no input with one of the earlier attempts, or pays no higher rate than one of them. `increment` is
/// what nodes ask for on top of the fee that is replaced.
pub fn replace(
    params: &NetworkParams,
    draft: &Draft,
    earlier: &[Earlier],
    increment: FeeRate,
) -> Result<UnsignedBitcoin, TxError> {
    let Some(dearest) = earlier.iter().map(|attempt| attempt.fee).max() else {
        return Err(TxError::Replacement("there is no earlier attempt".into()));
    };
    // A coin that is only on offer may be left out: what must be spent has to exclude every attempt by itself.
    let must: BTreeSet<OutPoint> = draft.must.iter().map(|coin| coin.outpoint).collect();
    for (number, attempt) in earlier.iter().enumerate() {
        if !attempt.inputs.iter().any(|input| must.contains(input)) {
            return Err(TxError::Replacement(format!(
                "no input of attempt {number} has to be spent: both would be paid"
            )));
        }
        // Rates are compared as fee a byte, multiplied out.
        let rate = u128::from(draft.rate.sat_per_kvb()) * u128::from(attempt.vbytes);
        if rate <= u128::from(attempt.fee) * 1_000 {
            return Err(TxError::Replacement(format!("attempt {number} pays as much for a byte, or more")));
        }
    }
    // Attempts exclude each other, so that a node has one of them at most.
    Builder::new(params, draft, dearest, increment)?.build()
}

struct Builder<'a> {
    params: &'a NetworkParams,
    draft: &'a Draft,
    /// What is replaced pays so much.
    replaced: u64,
    increment: FeeRate,
    outputs: Vec<TxOut>,
    paid: u64,
    change_script: ScriptBuf,
    offered: Vec<&'a Offered>,
}

impl<'a> Builder<'a> {
    fn new(
        params: &'a NetworkParams,
        draft: &'a Draft,
        replaced: u64,
        increment: FeeRate,
    ) -> Result<Builder<'a>, TxError> {
        let limit = |what, found: usize, max: usize| TxError::Limit { what, found: found as u128, max: max as u128 };
        if draft.payments.len() >= OUTPUTS_MAX {
            return Err(limit("payments in one transaction", draft.payments.len(), OUTPUTS_MAX - 1));
        }
        if draft.must.len() > INPUTS_MAX {
            return Err(limit("coins that have to be spent", draft.must.len(), INPUTS_MAX));
        }
        let mut outputs = Vec::with_capacity(draft.payments.len() + 1);
        let mut paid = 0_u64;
        for (to, amount) in &draft.payments {
            outputs.push(output(params, to, *amount)?);
            paid = paid.checked_add(*amount).ok_or_else(|| TxError::Amount("the payments in all".into()))?;
        }
        let change_script = ScriptBuf::from_bytes(script_of(params, &draft.change.address)?);
        let mut may: Vec<&Offered> = draft.may.iter().collect();
        may.sort_by_key(|coin| (Reverse(coin.coins.amount), coin.outpoint));
        may.truncate(OFFERED_MAX);
        let offered: Vec<&Offered> = draft.must.iter().chain(may).collect();
        let names: BTreeSet<OutPoint> = offered.iter().map(|coin| coin.outpoint).collect();
        if names.len() != offered.len() {
            return Err(TxError::NotUnderstood("a coin is offered twice".into()));
        }
        let in_all = offered.iter().map(|coin| u128::from(coin.coins.amount)).sum::<u128>();
        if in_all > Amount::MAX_MONEY.to_sat().into() {
            return Err(TxError::Amount("there are 21 million bitcoins".into()));
        }
        Ok(Builder { params, draft, replaced, increment, outputs, paid, change_script, offered })
    }

    fn build(self) -> Result<UnsignedBitcoin, TxError> {
        let mut chosen = self.choose();
        loop {
            match self.settle(&chosen) {
                Err(TxError::Insufficient { have, need }) => {
                    // The floats were wrong, or there was no choice: the largest that is left, as long as it brings more
                    // than it costs.
                    let next = (0..self.offered.len()).filter(|place| !chosen.contains(place));
                    let next = next.filter(|place| self.worth(*place)).max_by_key(|place| {
                        self.offered.get(*place).map_or((0, Reverse(0)), |coin| (coin.coins.amount, Reverse(*place)))
                    });
                    match next {
                        Some(place) if chosen.len() < INPUTS_MAX => chosen.insert(place),
                        Some(_) | None => return Err(TxError::Insufficient { have, need }),
                    };
                }
                settled => return settled,
            }
        }
    }

    fn worth(&self, place: usize) -> bool {
        let coin = self.offered.get(place);
        coin.is_some_and(|coin| coin.coins.amount > self.draft.rate.fee(weight_of(coin).div_ceil(4)))
    }

    /// Which coins to spend. It only proposes.
    fn choose(&self) -> BTreeSet<usize> {
        let candidates: Vec<bdk_coin_select::Candidate> = self.offered.iter().map(|coin| candidate(coin)).collect();
        let mut selector = CoinSelector::new(&candidates);
        for place in 0..self.draft.must.len() {
            selector.select(place);
        }
        if self.draft.may.is_empty() {
            return selector.selected_indices().clone();
        }
        let outputs = self.outputs.iter().map(|out| (out.weight().to_wu(), out.value.to_sat()));
        let rate = library_rate(self.draft.rate);
        let replace = (self.replaced > 0).then(|| bdk_coin_select::Replace {
            fee: self.replaced,
            incremental_relay_feerate: library_rate(self.increment),
        });
        let target = Target { fee: TargetFee { rate, replace }, outputs: TargetOutputs::fund_outputs(outputs) };
        let drain = DrainWeights {
            output_weight: output_weight(self.change_script.len()),
            spend_weight: input_weight(scheme_of(self.change_script.as_bytes())),
            n_outputs: 1,
        };
        let long_term_feerate = bdk_coin_select::FeeRate::from_sat_per_vb(LONG_TERM_SAT_PER_VBYTE);
        let change_policy = ChangePolicy::min_value_and_waste(drain, self.dust(), rate, long_term_feerate);
        if selector.run_bnb(LowestFee { target, long_term_feerate, change_policy }, ROUNDS_MAX).is_err() {
            selector.sort_candidates_by_descending_value_pwu();
            // Where even all of it is too little, the count in whole satoshi says so.
            let _ = selector.select_until_target_met(target);
        }
        selector.selected_indices().iter().copied().take(INPUTS_MAX).collect()
    }

    /// The transaction out of these coins, with all sums in whole satoshi.
    fn settle(&self, chosen: &BTreeSet<usize>) -> Result<UnsignedBitcoin, TxError> {
        let coins: Vec<&Offered> = chosen.iter().filter_map(|place| self.offered.get(*place).copied()).collect();
        let have: u64 = coins.iter().map(|coin| coin.coins.amount).sum();
        let inputs = (coins.len(), coins.iter().map(|coin| weight_of(coin)).sum::<u64>());
        let plain: u64 = self.outputs.iter().map(|out| out.weight().to_wu()).sum();
        let without = self.fee(vbytes(inputs, (self.outputs.len(), plain)));
        let with_weight = plain + output_weight(self.change_script.len());
        let with = self.fee(vbytes(inputs, (self.outputs.len() + 1, with_weight)));
        let need = self.paid.saturating_add(without);
        let insufficient = |need: u64| TxError::Insufficient { have: have.into(), need: need.into() };
        let left = have.checked_sub(need).ok_or_else(|| insufficient(need))?;
        let change = left.checked_sub(with - without).filter(|change| *change >= self.dust());
        let mut outputs = self.outputs.clone();
        let mut back = Vec::new();
        match change {
            Some(amount) => {
                let place = u32::try_from(outputs.len()).map_err(|_| TxError::Amount("outputs".into()))?;
                back.push((place, self.draft.change.key));
                let script_pubkey = self.change_script.clone();
                outputs.push(TxOut { value: Amount::from_sat(amount), script_pubkey });
            }
            // Without payments there is nothing but change: another coin is needed.
            None if outputs.is_empty() => return Err(insufficient(with.saturating_add(self.dust()))),
            None => {}
        }
        let fee = change.map_or(without + left, |_| with);
        if fee > self.draft.fee_max {
            let (found, max) = (fee.into(), self.draft.fee_max.into());
            return Err(TxError::Limit { what: "the fee in satoshi", found, max });
        }
        let lock_time =
            LockTime::from_height(self.draft.tip_height).map_err(|error| TxError::malformed("height", error))?;
        let input = coins.iter().map(|coin| input(coin)).collect();
        let tx = Transaction { version: Version::TWO, lock_time, input, output: outputs };
        let coins = coins.into_iter().map(|coin| coin.coins.clone()).collect();
        UnsignedBitcoin::new(self.params, tx, coins, back)
    }

    fn fee(&self, vbytes: u64) -> u64 {
        let replacing = if self.replaced > 0 { self.replaced.saturating_add(self.increment.fee(vbytes)) } else { 0 };
        self.draft.rate.fee(vbytes).max(replacing)
    }

    fn dust(&self) -> u64 {
        self.change_script.minimal_non_dust().to_sat()
    }
}

fn output(params: &NetworkParams, to: &ChainAddress, amount: u64) -> Result<TxOut, TxError> {
    let script_pubkey = ScriptBuf::from_bytes(script_of(params, to)?);
    let dust = script_pubkey.minimal_non_dust().to_sat();
    if amount < dust {
        return Err(TxError::Amount(format!("{amount} satoshi to {to} are dust: no node relays less than {dust}")));
    }
    Ok(TxOut { value: Amount::from_sat(amount), script_pubkey })
}

fn input(coin: &Offered) -> TxIn {
    TxIn {
        previous_output: LibraryOutPoint { txid: library_id(coin.outpoint.tx), vout: coin.outpoint.vout },
        script_sig: ScriptBuf::new(),
        sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
        witness: Witness::new(),
    }
}

fn candidate(coin: &Offered) -> bdk_coin_select::Candidate {
    let (value, weight) = (coin.coins.amount, weight_of(coin));
    bdk_coin_select::Candidate { value, weight, input_count: 1, is_segwit: true }
}

fn weight_of(coin: &Offered) -> u64 {
    input_weight(scheme_of(&coin.coins.script))
}

/// Scripts of other kinds are refused where the transaction is checked.
const fn scheme_of(script: &[u8]) -> Scheme {
    match script {
        [0x51, ..] => Scheme::Taproot,
        _ => Scheme::Segwit,
    }
}

/// For the choice alone: what is paid is counted in integers.
fn library_rate(rate: FeeRate) -> bdk_coin_select::FeeRate {
    let thousandths = u32::try_from(rate.sat_per_kvb()).unwrap_or(u32::MAX);
    #[allow(clippy::cast_precision_loss, reason = "the choice of inputs needs no precision")]
    let per_vbyte = thousandths as f32 / 1_000.0;
    bdk_coin_select::FeeRate::from_sat_per_vb(per_vbyte)
}
