//! From a queued withdrawal to a transaction that is decided, and from a stuck one to what takes its place.

use exchequer_chains::evm::{
    Account as EvmAccount, EvmAction, EvmFees, EvmTx, FeePolicy, GasMarket, Speed, UnsignedEvm, account_of_text, bump,
    gas_limit, quote, transfer_data,
};
use exchequer_chains::node::{Account, FeeFacts, Trial, TrialCall};
use exchequer_chains::{KeyPath, KeyPurpose, Unsigned};
use exchequer_domain::ChainAddress;

use super::{Desk, Round, in_minor_units};
use crate::money::proto::{self, Payer, Withdrawal, change_request, claim, done, step_payout, wait};
use crate::money::{Changed, change, words};

/// Payouts of one payer that are under way at once: what the state takes.
const IN_FLIGHT_MAX: u32 = 16;

/// Why a withdrawal is not prepared now.
enum Hindered {
    /// It waits, and the state is told for what.
    Waits(wait::Why),
    /// Nobody knows enough; it is tried again.
    Trouble(String),
}

impl From<String> for Hindered {
    fn from(why: String) -> Hindered {
        Hindered::Trouble(why)
    }
}

/// A payer as the round has it.
struct Lane {
    payer: Payer,
    address: ChainAddress,
    next: u64,
    chain: u64,
    in_flight: u32,
    /// The lowest nonce that was given and never signed for: what comes after it waits on chain.
    gap: Option<u64>,
}

impl Desk {
    /// Prepares what is due, in its order, over the payers that have least under way.
    pub(super) async fn prepare_all(&self, round: &Round) -> Result<(), String> {
        if round.due.withdrawals.is_empty() && round.due.lanes.iter().all(|lane| lane.gaps.is_empty()) {
            return Ok(());
        }
        let mut lanes = self.lanes(round).await?;
        for lane in &mut lanes {
            if let Some(nonce) = lane.gap {
                self.fill(round, lane, nonce).await?;
            }
        }
        let mut stopped: Vec<u32> = Vec::new();
        for withdrawal in round.due.withdrawals.iter() {
            // Nobody is paid before those that came earlier for the same asset.
            if stopped.contains(&withdrawal.asset) {
                continue;
            }
            let free = lanes.iter_mut().filter(|lane| lane.in_flight < IN_FLIGHT_MAX);
            let Some(lane) = free.min_by_key(|lane| lane.in_flight) else { return Ok(()) };
            match self.prepare(round, withdrawal, lane).await {
                Ok(true) => {}
                Ok(false) => stopped.push(withdrawal.asset),
                Err(Hindered::Waits(why)) => {
                    let passed = matches!(why, wait::Why::SetAside(_));
                    let asked = proto::Wait { withdrawal: withdrawal.id, why: Some(why) };
                    self.told(change_request::Change::Wait(asked)).await?;
                    if !passed {
                        stopped.push(withdrawal.asset);
                    }
                }
                Err(Hindered::Trouble(why)) => return Err(format!("withdrawal {}: {why}", withdrawal.id)),
            }
        }
        Ok(())
    }

    /// The payers with what the chain says of them.
    async fn lanes(&self, round: &Round) -> Result<Vec<Lane>, String> {
        let wallets = self.link.wallets().await.map_err(|error| error.to_string())?.wallets;
        let mut lanes = Vec::new();
        for lane in &round.due.lanes {
            let Some(payer) = lane.payer else { continue };
            let wallet = wallets.iter().find(|wallet| wallet.id == payer.wallet && wallet.in_use);
            let own =
                wallet.and_then(|wallet| wallet.addresses.iter().find(|own| own.index == payer.index && !own.change));
            let Some(own) = own else { continue };
            let address = words::address(&own.address).map_err(|error| error.to_string())?;
            let chain = self.chain_nonce(round, &address).await?;
            let gap = lane.gaps.iter().copied().filter(|gap| *gap >= chain).min();
            lanes.push(Lane { payer, address, next: lane.next.max(chain), chain, in_flight: lane.in_flight, gap });
        }
        if lanes.is_empty() { Err("there is no hot wallet to pay from".to_owned()) } else { Ok(lanes) }
    }

    async fn chain_nonce(&self, round: &Round, address: &ChainAddress) -> Result<u64, String> {
        let asked = round.panel.first(|node| {
            let address = address.clone();
            Box::pin(async move { node.account(&address).await })
        });
        let account = asked.await.map_err(|error| error.to_string())?;
        match account.value {
            Account::Evm { latest, .. } => Ok(latest),
            Account::Tron(_) => Err("the node is of another family".to_owned()),
        }
    }

    /// Prepares one; whether those behind it may follow.
    async fn prepare(&self, round: &Round, withdrawal: &Withdrawal, lane: &mut Lane) -> Result<bool, Hindered> {
        let to = account_of_text(&withdrawal.to).map_err(|error| set_aside(&error))?;
        let amount = words::amount(&withdrawal.on_chain).map_err(|error| error.to_string())?;
        let action = if withdrawal.coin.is_empty() {
            EvmAction::Transfer { to, amount }
        } else {
            let contract = account_of_text(&withdrawal.coin).map_err(|error| set_aside(&error))?;
            EvmAction::TokenTransfer { contract, to, amount }
        };
        let policy = FeePolicy::of(self.network).ok_or_else(|| "it has no gas".to_owned())?;
        let market = market(round).await?;
        let fees = quote(&policy, &market, Speed::Normal);
        let fees = fees.map_err(|_| Hindered::Waits(wait::Why::FeeTooHigh(true)))?;
        let gas = self.gas(round, &policy, &lane.address, &action).await?;
        let (unsigned, fee_max) = self.draft(
            round,
            lane.payer,
            &lane.address,
            EvmTx {
                chain_id: round.params.chain_id().map_err(|error| error.to_string())?,
                nonce: lane.next,
                fees,
                gas,
                action,
            },
        )?;
        let most = round.config.fee_max.unwrap_or(0).min(withdrawal.fee_cap);
        if fee_max > most {
            return Err(Hindered::Waits(wait::Why::FeeTooHigh(true)));
        }
        let claim = Some(proto::Claim { claim: Some(claim::Claim::Nonce(lane.next)) });
        let asked = proto::PreparePayout {
            payer: Some(lane.payer),
            withdrawals: vec![withdrawal.id],
            preparation: Some(proto::Preparation { noop: false, claim, unsigned, fee_max }),
            chain_nonce: lane.chain,
        };
        match change(&*self.link, &self.requests, change_request::Change::PreparePayout(asked)).await {
            Changed::Done(done::Done::PayoutPrepared(_)) => {
                lane.next += 1;
                lane.in_flight += 1;
                Ok(true)
            }
            // The state has put down what it waits for.
            Changed::Done(done::Done::PayoutWaits(_)) => Ok(false),
            Changed::Done(other) => Err(format!("its preparation came to something else: {other:?}").into()),
            Changed::Refused { code, message } => Err(format!("it was not prepared ({code}): {message}").into()),
            Changed::Unknown(why) => Err(format!("whether it was prepared is not known: {why}").into()),
        }
    }

    /// Decides a transaction that pays nobody and uses up a nonce that is missing on chain.
    async fn fill(&self, round: &Round, lane: &mut Lane, nonce: u64) -> Result<(), String> {
        let policy = FeePolicy::of(self.network).ok_or_else(|| "it has no gas".to_owned())?;
        let Ok(fees) = quote(&policy, &market(round).await?, Speed::Normal) else { return Ok(()) };
        let own = account_of_text(lane.address.as_str()).map_err(|error| error.to_string())?;
        let action = EvmAction::Transfer { to: own, amount: 0 };
        let Ok(gas) = self.gas(round, &policy, &lane.address, &action).await else { return Ok(()) };
        let chain_id = round.params.chain_id().map_err(|error| error.to_string())?;
        let tx = EvmTx { chain_id, nonce, fees, gas, action };
        let (unsigned, fee_max) = self.draft(round, lane.payer, &lane.address, tx)?;
        let claim = Some(proto::Claim { claim: Some(claim::Claim::Nonce(nonce)) });
        let asked = proto::PreparePayout {
            payer: Some(lane.payer),
            withdrawals: Vec::new(),
            preparation: Some(proto::Preparation { noop: true, claim, unsigned, fee_max }),
            chain_nonce: lane.chain,
        };
        lane.in_flight += 1;
        self.told(change_request::Change::PreparePayout(asked)).await
    }

    /// The gas that a transaction may use, from what a node says that it would.
    async fn gas(
        &self,
        round: &Round,
        policy: &FeePolicy,
        from: &ChainAddress,
        action: &EvmAction,
    ) -> Result<u64, Hindered> {
        let text = |account: &EvmAccount| exchequer_chains::evm::text(account);
        let call = match action {
            EvmAction::Transfer { to, amount } => {
                TrialCall { from: from.clone(), to: text(to), value: *amount, data: Vec::new() }
            }
            EvmAction::TokenTransfer { contract, to, amount } => {
                TrialCall { from: from.clone(), to: text(contract), value: 0, data: transfer_data(to, *amount) }
            }
        };
        let tried = round.panel.first(|node| {
            let call = call.clone();
            Box::pin(async move { node.trial(&call).await })
        });
        match tried.await.map_err(|error| error.to_string())?.value {
            Trial::Done { units, .. } => gas_limit(policy, units).map_err(|error| set_aside(&error)),
            Trial::Reverted { reason } => {
                Err(Hindered::Waits(wait::Why::SetAside(cut(format!("it would fail: {reason}")))))
            }
        }
    }

    fn draft(&self, round: &Round, payer: Payer, from: &ChainAddress, tx: EvmTx) -> Result<(Vec<u8>, u64), String> {
        let key = KeyPath { purpose: KeyPurpose::Hot, index: payer.index, change: false };
        let from = account_of_text(from.as_str()).map_err(|error| error.to_string())?;
        let unsigned = UnsignedEvm::new(&round.params, key, from, tx).map_err(|error| error.to_string())?;
        let unsigned = Unsigned::Evm(unsigned);
        let effects = unsigned.effects(&round.params).map_err(|error| error.to_string())?;
        let fee_max = in_minor_units(&round.config, effects.fee_max).and_then(|fee| u64::try_from(fee).ok());
        let fee_max =
            fee_max.ok_or_else(|| "the network's coin is not listed, or the fee is beyond all bounds".to_owned())?;
        Ok((unsigned.encode(), fee_max))
    }

    /// Decides what takes the place of a stuck payout's attempts: the same payment at the same nonce, for more. Where that is
    /// more than may be paid, it stays as it is.
    pub(super) async fn replace(&self, round: &Round, payout: &proto::Payout) -> Result<(), String> {
        let policy = FeePolicy::of(self.network).ok_or_else(|| "it has no gas".to_owned())?;
        let mut earlier: Vec<EvmTx> = Vec::new();
        let mut from = None;
        for attempt in &payout.attempts {
            let bytes = self.link.attempt_bytes(payout.id, attempt.number).await.map_err(|error| error.to_string())?;
            match Unsigned::decode(&bytes.unsigned).map_err(|error| error.to_string())? {
                Unsigned::Evm(unsigned) => {
                    from = Some(exchequer_chains::evm::text(unsigned.from()));
                    earlier.push(unsigned.tx().clone());
                }
                Unsigned::Bitcoin(_) | Unsigned::Tron(_) => return Err("an attempt is of another family".to_owned()),
            }
        }
        let (Some(last), Some(from), Some(payer)) = (earlier.last().cloned(), from, payout.payer) else {
            return Err("it has no attempt".to_owned());
        };
        let offered: Vec<EvmFees> = earlier.iter().map(|tx| tx.fees).collect();
        let market = market(round).await?;
        let wanted = quote(&policy, &market, Speed::Fast).and_then(|fees| bump(&policy, &offered, fees));
        let Ok(fees) = wanted else { return Ok(()) };
        let noop = payout.wants_noop;
        let action = if noop {
            EvmAction::Transfer { to: account_of_text(from.as_str()).map_err(|error| error.to_string())?, amount: 0 }
        } else {
            last.action
        };
        let (unsigned, fee_max) = self.draft(round, payer, &from, EvmTx { fees, action, ..last })?;
        let caps = payout.withdrawals.iter().map(|one| one.fee_cap);
        if caps.chain(round.config.fee_max).any(|most| fee_max > most) {
            return Ok(());
        }
        let claim = Some(proto::Claim { claim: Some(claim::Claim::Nonce(last.nonce)) });
        let preparation = Some(proto::Preparation { noop, claim, unsigned, fee_max });
        let number = payout.attempts.last().map_or(0, |attempt| attempt.number);
        self.step(payout, number, step_payout::Step::Replace(step_payout::Replace { preparation })).await.map(drop)
    }

    /// Tells the state something of which nothing depends on whether it is taken: how things stand is read again anyhow.
    async fn told(&self, asked: change_request::Change) -> Result<(), String> {
        match change(&*self.link, &self.requests, asked).await {
            Changed::Done(_) | Changed::Refused { .. } => Ok(()),
            Changed::Unknown(why) => Err(why),
        }
    }
}

fn cut(text: String) -> String {
    crate::protocol::cut_to(text, 300)
}

fn set_aside(error: &dyn std::fmt::Display) -> Hindered {
    Hindered::Waits(wait::Why::SetAside(cut(error.to_string())))
}

/// What gas costs now.
async fn market(round: &Round) -> Result<GasMarket, String> {
    match round.panel.first(|node| node.fees()).await.map_err(|error| error.to_string())?.value {
        FeeFacts::Evm { base_fee, tips, gas_price, tip } => Ok(GasMarket { base_fee, tips, gas_price, tip }),
        FeeFacts::Bitcoin { .. } | FeeFacts::Tron { .. } => Err("the node is of another family".to_owned()),
    }
}
