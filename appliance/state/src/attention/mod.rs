//! The room of what waits for people: matters of money that stand longer than they should, or that nobody but a person ends.
//!
//! What is amiss follows from the other rooms at every moment; what is kept here is only what was told, so that each matter is told
//! once when it begins and once when it ends. It is looked at once a minute of replicated time, and decides nothing about money.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use exchequer_domain::{Family as ChainFamily, Network, Timestamp};
use exchequer_ledger::Asset;
use serde::{Deserialize, Serialize};

use crate::codec::{self, DecodeError};
use crate::deposits::DepositId;
use crate::event::Severity;
use crate::halt::Halt;
use crate::networks::{Operation, number};
use crate::planted::{self, Bug};
use crate::rows::{self, Rows, Table};
use crate::settings::{Scope, schema};
use crate::state::State;
use crate::withdrawals::{Payer, PayoutId, Stage, Standing, Waiting, WithdrawalId};

/// Matters that are told at a time; those that are more are told as others end.
pub const MATTERS_MAX: usize = 1_000;
/// How often it is looked, in microseconds of replicated time.
pub(crate) const LOOK_US: u64 = 60_000_000;
/// How long the first in a queue may wait, in microseconds.
pub const QUEUE_US_MAX: u64 = 600_000_000;

/// How long a transaction may be in no block before the address that it pays from counts as blocked, in microseconds: Bitcoin's
/// blocks come every ten minutes at best.
#[must_use]
pub const fn blocked_us(family: ChainFamily) -> u64 {
    match family {
        ChainFamily::Bitcoin => 3_600_000_000,
        ChainFamily::Evm | ChainFamily::Tron => 600_000_000,
    }
}

/// What is amiss. Variants are only ever appended; the word is stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Concern {
    /// A payout was set aside: nobody knows what became of it, or a person has to decide.
    PayoutSetAside,
    /// A transaction gets into no block, and keeps those behind it from it.
    LaneBlocked,
    /// The first in a queue waits too long.
    QueueStands,
    /// A hot wallet has too little for what waits.
    HotWalletShort,
    /// A withdrawal was not approved in time, and is over.
    ApprovalExpired,
    /// The books have a deposit in a block that does not hold it.
    DepositNotOnChain,
    /// A withdrawal was set aside: it cannot be paid as it is, and others pass it.
    WithdrawalSetAside,
    /// A network's blocks are not scanned as they come.
    ScanLags,
    /// Nothing more of a network becomes final.
    FinalityStalls,
    /// The day's budget for gas on a network is nearly used.
    GasBudgetNear,
}

impl Concern {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Concern::PayoutSetAside => "payout-set-aside",
            Concern::LaneBlocked => "lane-blocked",
            Concern::QueueStands => "queue-stands",
            Concern::HotWalletShort => "hot-wallet-short",
            Concern::ApprovalExpired => "approval-expired",
            Concern::DepositNotOnChain => "deposit-not-on-chain",
            Concern::WithdrawalSetAside => "withdrawal-set-aside",
            Concern::ScanLags => "scan-lags",
            Concern::FinalityStalls => "finality-stalls",
            Concern::GasBudgetNear => "gas-budget-near",
        }
    }

    /// How urgent it is.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            Concern::PayoutSetAside
            | Concern::LaneBlocked
            | Concern::QueueStands
            | Concern::HotWalletShort
            | Concern::ApprovalExpired
            | Concern::WithdrawalSetAside
            | Concern::ScanLags
            | Concern::FinalityStalls
            | Concern::GasBudgetNear => Severity::P1,
            Concern::DepositNotOnChain => Severity::P0,
        }
    }
}

/// What it is about. Variants are only ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Subject {
    /// A payout.
    Payout(PayoutId),
    /// An address that pays.
    Payer(Payer),
    /// An asset.
    Asset(Asset),
    /// A withdrawal.
    Withdrawal(WithdrawalId),
    /// A deposit.
    Deposit(DepositId),
    /// What reads the network's blocks.
    Scan,
    /// What the network's nodes say is final.
    Finality,
    /// What may be brought of a network's coin in a day.
    GasBudget,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Payout(payout) => write!(f, "payout {payout}"),
            Subject::Payer(payer) => write!(f, "address {} of wallet {}", payer.index, payer.wallet.0),
            Subject::Asset(asset) => write!(f, "asset {}", asset.0),
            Subject::Withdrawal(withdrawal) => write!(f, "withdrawal {withdrawal}"),
            Subject::Deposit(deposit) => write!(f, "deposit {deposit}"),
            Subject::Scan => f.write_str("the scan"),
            Subject::Finality => f.write_str("what is final"),
            Subject::GasBudget => f.write_str("the budget for gas"),
        }
    }
}

/// Something that waits for people: what names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Matter {
    /// What is amiss.
    pub concern: Concern,
    /// On which network.
    pub network: Network,
    /// What it is about.
    pub subject: Subject,
}

/// Since when a matter stands, and where to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stand {
    /// Replicated time.
    pub since: Timestamp,
    /// The payout, of a blocked address, that is to be looked at first.
    pub payout: Option<PayoutId>,
    /// The withdrawal, of a queue, that is to be looked at first.
    pub withdrawal: Option<WithdrawalId>,
}

/// The matters that were told and have not ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attention {
    pub(crate) told: BTreeSet<Matter>,
}

/// The suffix of a matter's row.
pub(crate) fn matter_key(matter: &Matter) -> Vec<u8> {
    [[matter.concern as u8].as_slice(), &number(matter.network), &codec::append(Vec::new(), &matter.subject)].concat()
}

impl Attention {
    /// How many matters were told and have not ended.
    #[must_use]
    pub fn count(&self) -> usize {
        self.told.len()
    }

    pub(crate) fn load(rows: &dyn Rows) -> Result<Attention, Halt> {
        let mut room = Attention::default();
        rows::for_each_of_table(rows, Table::Attention, |suffix, row| {
            let damaged = |error| Halt::row(Table::Attention, error);
            let matter: Matter = codec::decode(row).map_err(damaged)?;
            if suffix != matter_key(&matter) {
                return Err(damaged(DecodeError::Malformed));
            }
            room.told.insert(matter);
            Ok(())
        })?;
        Ok(room)
    }
}

impl State {
    /// What waits for people now, at most [`MATTERS_MAX`]: what concerns whole networks first, then payouts and queues in the order of
    /// their networks and
    /// numbers, what was set aside last.
    #[must_use]
    pub fn matters(&self) -> BTreeMap<Matter, Stand> {
        let mut found: BTreeMap<Matter, Stand> = BTreeMap::new();
        for network in Network::ALL.iter().copied() {
            let looked = [
                (self.scan_lag(network), Concern::ScanLags, Subject::Scan),
                (self.finality_lag(network), Concern::FinalityStalls, Subject::Finality),
            ];
            for (lag, concern, subject) in looked {
                if let Some((since, _)) = lag.filter(|(_, from)| self.time > *from) {
                    let stand = Stand { since, payout: None, withdrawal: None };
                    found.insert(Matter { concern, network, subject }, stand);
                }
            }
            if let Some((matter, since)) = self.gas_matter(network) {
                found.insert(matter, Stand { since, payout: None, withdrawal: None });
            }
        }
        for network in Network::ALL.iter().copied() {
            // Whoever closed a network knows that nothing leaves it.
            let open = self.may_on(network, Operation::Withdrawal).is_ok();
            self.matters_of_payouts(network, open, &mut found);
            self.matters_of_queues(network, open, &mut found);
        }
        for network in Network::ALL.iter().copied() {
            self.matters_set_aside(network, &mut found);
        }
        found
    }

    /// When a network's scan was last where its nodes are, and from when on people must know that it is not; none of a network that
    /// nobody uses now, or that was never scanned. What closes a network, or has it stand still, is told by itself.
    fn scan_lag(&self, network: Network) -> Option<(Timestamp, Timestamp)> {
        let since = self.deposits.chains().get(network).at_head?;
        if !self.is_used(network) || planted::has(Bug::LagUntold) {
            return None;
        }
        let most = self.settings.get_for(&schema::THRESHOLD_SCAN_LAG, &Scope::network(network));
        let most_us = u64::try_from(most.as_micros()).unwrap_or(u64::MAX);
        Some((since, Timestamp(since.0.saturating_add(most_us))))
    }

    /// When more of a network was last final than before, and from when on people must know that it is not; none where nodes do not
    /// tell what is final, of a network that nobody uses now, or of one that stands still for people to decide.
    fn finality_lag(&self, network: Network) -> Option<(Timestamp, Timestamp)> {
        let chain = self.deposits.chains().get(network);
        let (since, most) = (chain.final_at?, network.finality_patience()?);
        if !self.is_used(network) || chain.halted.is_some() || planted::has(Bug::StallUntold) {
            return None;
        }
        let most_us = u64::try_from(most.as_micros()).unwrap_or(u64::MAX);
        Some((since, Timestamp(since.0.saturating_add(most_us))))
    }

    /// That a network's budget for gas is nearly used, and since when.
    fn gas_matter(&self, network: Network) -> Option<(Matter, Timestamp)> {
        let matter = Matter { concern: Concern::GasBudgetNear, network, subject: Subject::GasBudget };
        let was_told = self.attention.told.contains(&matter);
        Some((matter, self.gas_is_short(network, was_told).filter(|_| !planted::has(Bug::BudgetUntold))?))
    }

    /// Whether deposits of a network are taken, or withdrawals on it paid.
    fn is_used(&self, network: Network) -> bool {
        let mut uses = [Operation::Deposit, Operation::Withdrawal].into_iter();
        uses.any(|operation| self.may_on(network, operation).is_ok())
    }

    fn matters_of_payouts(&self, network: Network, open: bool, found: &mut BTreeMap<Matter, Stand>) {
        for payout in self.withdrawals.payouts(network) {
            if found.len() >= MATTERS_MAX {
                return;
            }
            let (concern, subject) = match payout.stage() {
                Stage::Unknown | Stage::Review => (Concern::PayoutSetAside, Subject::Payout(payout.id)),
                Stage::Mined => continue,
                _ => (Concern::LaneBlocked, Subject::Payer(payout.payer)),
            };
            let age_us = self.time.0.saturating_sub(payout.created.0);
            let blocked = open && age_us > blocked_us(network.family());
            if concern == Concern::LaneBlocked && !blocked {
                continue;
            }
            let since = if concern == Concern::LaneBlocked { payout.created } else { payout.moved };
            let stand = Stand { since, payout: Some(payout.id), withdrawal: payout.withdrawals.first().copied() };
            // The first payout of an address is the one that blocks it.
            found.entry(Matter { concern, network, subject }).or_insert(stand);
        }
    }

    fn matters_of_queues(&self, network: Network, open: bool, found: &mut BTreeMap<Matter, Stand>) {
        let mut assets: Vec<Asset> = self.withdrawals.queue(network).map(|one| one.order.asset).collect();
        assets.dedup();
        for asset in assets {
            let subject = Subject::Asset(asset);
            // What was set aside keeps nobody waiting, and is a matter by itself.
            let mut line = self.withdrawals.line(network, asset).filter_map(|one| match &one.standing {
                Standing::Queued { since, reason } if !reason.is_set_aside() => Some((*since, reason.clone(), one.id)),
                _ => None,
            });
            let Some((since, reason, withdrawal)) = line.next() else { continue };
            let stand = Stand { since, payout: None, withdrawal: Some(withdrawal) };
            let short = matches!(reason, Waiting::InsufficientHot | Waiting::InsufficientGas);
            let old = open && self.time.0.saturating_sub(since.0) > QUEUE_US_MAX;
            let amiss = [(short, Concern::HotWalletShort), (old, Concern::QueueStands)];
            for (_, concern) in amiss.into_iter().filter(|(is_so, _)| *is_so) {
                if found.len() < MATTERS_MAX {
                    found.insert(Matter { concern, network, subject }, stand);
                }
            }
        }
    }

    fn matters_set_aside(&self, network: Network, found: &mut BTreeMap<Matter, Stand>) {
        let aside = self
            .withdrawals
            .queue(network)
            .filter(|one| matches!(&one.standing, Standing::Queued { reason, .. } if reason.is_set_aside()));
        for one in aside {
            if found.len() >= MATTERS_MAX {
                return;
            }
            let subject = Subject::Withdrawal(one.id);
            let stand = Stand { since: one.moved, payout: None, withdrawal: Some(one.id) };
            found.insert(Matter { concern: Concern::WithdrawalSetAside, network, subject }, stand);
        }
    }

    /// When it is looked next; none where nothing could wait for anybody.
    pub(crate) fn next_look(&self) -> Option<Timestamp> {
        let after = |time: Timestamp| Timestamp((time.0 / LOOK_US).saturating_add(1).saturating_mul(LOOK_US));
        // Asked after every entry: prices are looked up only where nothing else has it look.
        let waits = self.withdrawals.has_open()
            || !self.attention.told.is_empty()
            || Network::ALL.iter().any(|network| self.gas_matter(*network).is_some());
        let lags = Network::ALL.iter().flat_map(|network| [self.scan_lag(*network), self.finality_lag(*network)]);
        let lags = lags.flatten().map(|(_, from)| after(from.max(self.time)));
        waits.then(|| after(self.time)).into_iter().chain(lags).min()
    }
}
