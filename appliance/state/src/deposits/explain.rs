//! Why a transaction was or was not credited, step by step.

use exchequer_domain::{Network, TxId};

use super::chain::{Chain, has_finality_tag};
use super::deposit::{Assignee, Deposit, DepositState, Why};
use crate::custody::own_transfer;
use crate::halt::Halt;
use crate::networks::{NetworkConfig, Operation};
use crate::rows::Rows;
use crate::state::State;

/// One step of an explanation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whether it speaks for a credit.
    pub good: bool,
    /// What was found.
    pub text: String,
}

/// Why a transaction was or was not credited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What holds for all of its payments.
    pub findings: Vec<Finding>,
    /// Each of its payments to the exchange, and what was found of it.
    pub deposits: Vec<(Deposit, Vec<Finding>)>,
}

fn finding(good: bool, text: impl Into<String>) -> Finding {
    Finding { good, text: text.into() }
}

impl State {
    /// Why a transaction of a network was or was not credited.
    ///
    /// # Errors
    /// The rows cannot be read, are damaged, or are of a newer program.
    pub fn explain_deposit(&self, rows: &dyn Rows, network: Network, tx: &TxId) -> Result<Explanation, Halt> {
        let (chain, config) = (self.deposits.chains.get(network), self.networks.get(network));
        let mut findings = vec![match (chain.halted, chain.tip) {
            (Some(halted), _) => finding(
                false,
                format!(
                    "the network stands still since {}: block {} was the last one in common",
                    halted.since, halted.common.height
                ),
            ),
            (None, Some(tip)) => {
                finding(true, format!("the network is scanned up to block {}, its head is {}", tip.height, chain.head))
            }
            (None, None) => finding(false, "no block of the network was scanned yet"),
        }];
        if let Err(why) = self.may_on(network, Operation::Deposit) {
            findings.push(finding(false, format!("deposits are not taken on {network}: {why}")));
        }
        if let Some(own) = own_transfer(rows, network, tx)? {
            let what =
                format!("the exchange sent it itself, as {} {}: it is nobody's deposit", own.purpose.as_str(), own.of);
            findings.push(finding(false, what));
        }
        let mut deposits = Vec::new();
        for deposit in self.deposits.of_tx(rows, network, tx)? {
            let steps = self.explain(&deposit, chain, config);
            deposits.push((deposit, steps));
        }
        if deposits.is_empty() {
            let floor = "no payment of it to an address of the exchange, of a listed coin and with effect, is in any scanned block";
            findings.push(finding(false, floor));
        }
        Ok(Explanation { findings, deposits })
    }

    fn explain(&self, deposit: &Deposit, chain: &Chain, config: &NetworkConfig) -> Vec<Finding> {
        let mut steps = vec![match (deposit.user, deposit.index) {
            (Some(user), Some(index)) => {
                finding(true, format!("{} is deposit address {index}, given to user {user}", deposit.to))
            }
            (None, Some(index)) => {
                finding(false, format!("{} is deposit address {index}, given to nobody yet", deposit.to))
            }
            (_, None) => finding(false, format!("{} is of a wallet of the exchange's own", deposit.to)),
        }];
        steps.push(match (deposit.asset, deposit.amount) {
            (_, None) => finding(false, Why::TooLarge.as_str()),
            (None, Some(amount)) => finding(false, format!("{amount} smallest units of a coin that is not listed")),
            (Some(asset), Some(amount)) => {
                let code = self.assets.get(asset).map_or("", |asset| asset.code.as_str());
                finding(true, format!("{amount} smallest units, which are {} minor units of {code}", deposit.units))
            }
        });
        if let (Some(asset), Some(listing)) =
            (deposit.asset, deposit.asset.and_then(|asset| self.custody.listing(deposit.network, asset)))
        {
            let least = listing.terms.deposit_min.max(1);
            if deposit.units < least {
                steps.push(finding(false, format!("a deposit is {least} minor units at least")));
            }
            if let Err(why) = self.may(deposit.network, asset, Operation::Deposit) {
                steps.push(finding(false, format!("deposits of it are not taken now: {why}")));
            }
        }
        match deposit.block {
            None => steps.push(finding(false, "it is in no block of the chain as it is known")),
            Some(block) => steps.extend(depth(deposit, block.height, chain, config)),
        }
        steps.push(verdict(deposit));
        steps
    }
}

fn depth(deposit: &Deposit, at: u64, chain: &Chain, config: &NetworkConfig) -> Vec<Finding> {
    let height = deposit.height().unwrap_or(at);
    let tip = chain.tip.map_or(0, |tip| tip.height);
    let deep = (tip + 1).saturating_sub(height);
    let mut steps = Vec::new();
    if height > at {
        steps.push(finding(tip >= height, format!("it was mined in block {at} and counts from block {height} on")));
    }
    let (tradable, withdrawable) = (u64::from(config.tradable), u64::from(config.withdrawable));
    let counts = format!("{deep} confirmations; {tradable} are needed to trade, {withdrawable} to withdraw");
    steps.push(finding(deep >= tradable, counts));
    steps.push(finding(
        chain.agreed >= height,
        format!("two endpoints agree up to block {}, it is in {height}", chain.agreed),
    ));
    if has_finality_tag(deposit.network) {
        let text = match chain.finalized {
            Some(finalized) => format!("blocks up to {finalized} are final; before, it is not credited"),
            None => "the network did not tell yet what is final".to_owned(),
        };
        steps.push(finding(chain.finalized.is_some_and(|finalized| finalized >= height), text));
    }
    steps
}

fn verdict(deposit: &Deposit) -> Finding {
    match deposit.state {
        DepositState::Pending => finding(false, "not credited: it waits for a block"),
        DepositState::Confirming => finding(false, "not credited yet: it waits for what is named above"),
        DepositState::Credited => finding(true, "credited: it can be traded with, and not withdrawn yet"),
        DepositState::Unlocked => finding(true, "credited, and free to be withdrawn"),
        DepositState::BelowMinimum => finding(
            false,
            "not credited by itself: it is part of the sum that is credited once enough came to its address",
        ),
        DepositState::Suspense { why } => {
            finding(false, format!("not credited: it waits for a decision, because {}", why.as_str()))
        }
        DepositState::Orphaned => finding(false, "not credited: its block is not part of the chain any more"),
        DepositState::Replaced => finding(false, "not credited: another transaction took its place"),
        DepositState::Reversed { debt: 0 } => {
            finding(false, "the credit was taken back: its block is not part of the chain any more")
        }
        DepositState::Reversed { debt } => finding(
            false,
            format!("the credit was taken back, and {debt} minor units that were spent are the user's debt"),
        ),
        DepositState::Assigned { to: Assignee::User(user) } => {
            finding(true, format!("given to user {user} by decision"))
        }
        DepositState::Assigned { to: Assignee::Moved { .. } } => {
            finding(false, "the exchange moved it between its own addresses, by decision")
        }
        DepositState::Assigned { to: Assignee::Exchange } => finding(false, "the exchange's own by decision"),
    }
}
