//! `ExplainDiscrepancy`, `AdjustDiscrepancy` and `ResumePayments`: what persons make of differences.

use std::collections::BTreeMap;

use exchequer_domain::{ChainAddress, Network};
use exchequer_ledger as ledger;
use exchequer_ledger::limits::NOTE_BYTES_MAX;
use exchequer_ledger::{AccountKey, Asset, Holder, Leg, OpenAccount, Reason, Store, Transfer};
use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::custody::Listing;
use crate::deposits::Deposit;
use crate::halt::Halt;
use crate::outcome::Done;
use crate::planted::{self, Bug};
use crate::reconciliation::{
    Category, Checked, Class, Discrepancy, DiscrepancyId, OPEN_DISCREPANCIES_MAX, Position, Reach, Refusal,
    STORY_BYTES_MAX, Scope, Spot, Status,
};
use crate::rejection::Rejection;

/// Says what a difference is; closes it where the two sides agree again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainDiscrepancy {
    /// Which.
    pub discrepancy: DiscrepancyId,
    /// What it is.
    pub explanation: String,
    /// Whether it is over.
    pub close: bool,
}

/// Puts the books right by a posting. Critical: it moves money, and is carried out as an approved proposal alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdjustDiscrepancy {
    /// Which.
    pub discrepancy: DiscrepancyId,
    /// The difference that is meant, as the discrepancy has it.
    pub amount: i128,
    /// What it is booked as.
    pub category: Category,
    /// Why.
    pub reason: String,
}

/// A discrepancy that stops withdrawals, as whoever lets them go on has seen it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenDiscrepancy {
    /// Which.
    pub discrepancy: DiscrepancyId,
    /// What it came to; where more is missing by now it is another one.
    pub amount: i128,
}

/// Lets withdrawals go on although something is missing. It holds for what is named: refused where something else stops them as
/// well, or more is missing than was named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumePayments {
    /// How far they are stopped.
    pub reach: Reach,
    /// Everything that stops them.
    pub seen: Vec<SeenDiscrepancy>,
    /// Why.
    pub reason: String,
}

impl ExplainDiscrepancy {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let ExplainDiscrepancy { discrepancy, explanation, close } = self;
        if explanation.trim().is_empty() || explanation.len() > STORY_BYTES_MAX {
            return Err(Refusal::Explanation.into());
        }
        let mut one = entry.open_discrepancy(discrepancy)?;
        // What two endpoints contradict each other about, and what a chain is, no posting makes equal.
        let posted = !matches!(one.class, Class::RpcFault | Class::Reorg) && !matches!(one.scope, Scope::Dust { .. });
        let judged = one.gone.is_none() && posted;
        if close && judged {
            return Err(Refusal::StillThere.into());
        }

        let target = format!("discrepancy {discrepancy}");
        let detail = if close { "closed".to_owned() } else { "explained".to_owned() };
        if close {
            entry.end_discrepancy(one, Status::Closed, Some(actor), explanation.clone());
        } else {
            one.status = Status::Explained;
            one.tell(entry.now, Some(actor), explanation.clone());
            entry.keep_discrepancy(one);
        }
        entry.audit(actor, AuditAction::DiscrepancyExplained, target, detail, explanation);
        Ok(Done::DiscrepancyMoved)
    }
}

impl AdjustDiscrepancy {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let AdjustDiscrepancy { discrepancy, amount, category, reason } = self;
        check_reason(&reason)?;
        // Also where the rule is not in force yet: nobody puts the books right alone.
        if !entry.is_approved() && !planted::has(Bug::AdjustedAlone) {
            return Err(Refusal::SecondPerson.into());
        }
        let one = entry.open_discrepancy(discrepancy)?;
        // The books agree with the chain already: they would differ after it.
        if one.gone.is_some() {
            return Err(Refusal::NotAdjustable.into());
        }
        if one.amount != amount {
            return Err(Refusal::AmountMoved { amount: one.amount }.into());
        }
        if matches!(one.class, Class::Timing | Class::RpcFault | Class::Unread) || amount == 0 {
            return Err(Refusal::NotAdjustable.into());
        }
        if !category.fits(amount > 0) {
            return Err(Refusal::Category { category }.into());
        }
        let (network, asset, store) = match &one.scope {
            Scope::Spot(spot) => {
                let asset = entry.state.custody.listed(spot.network, spot.coin.as_ref()).map(|listing| listing.asset);
                let wallet = entry.state.custody.wallet_at(spot.network.family(), &spot.address);
                let store = wallet.map_or(Store::Deposit, |wallet| wallet.role.store());
                (spot.network, asset.ok_or(Refusal::NotAdjustable)?, store)
            }
            Scope::Books { network, asset } => (*network, *asset, Store::Deposit),
            Scope::Own { network, asset, .. } => (*network, *asset, Store::Hot),
            Scope::Solvency { .. }
            | Scope::Ledger
            | Scope::Locks
            | Scope::Fees { .. }
            | Scope::Chain { .. }
            | Scope::Dust { .. }
            | Scope::Unread { .. }
            | Scope::Room => return Err(Refusal::NotAdjustable.into()),
        };
        let listing = entry.state.custody.listing(network, asset).cloned().ok_or(Refusal::NotAdjustable)?;
        // By other decimals than its contract's the books would be further off after it.
        if entry.state.counts_otherwise(network, asset).is_some() {
            return Err(Refusal::NotAdjustable.into());
        }
        let units = entry.post_adjustment(&one, listing, store, category, &reason)?;
        match &one.scope {
            Scope::Spot(spot) => {
                let position = entry.position(spot)?;
                entry.put_adjusted(&spot.clone(), position, amount);
            }
            Scope::Books { .. } if one.class == Class::Rounding => {
                let coin = entry.state.custody.listing(network, asset).and_then(|listing| listing.coin.clone());
                entry.change_tally(network, coin.as_ref(), |tally| tally.kept = tally.kept.saturating_sub(amount));
            }
            // The ledger has it now.
            Scope::Own { tx, .. } => {
                let coin = entry.state.custody.listing(network, asset).and_then(|listing| listing.coin.clone());
                entry.note_afoot(network, *tx, &coin, amount.saturating_neg());
            }
            Scope::Books { .. }
            | Scope::Solvency { .. }
            | Scope::Ledger
            | Scope::Locks
            | Scope::Fees { .. }
            | Scope::Chain { .. }
            | Scope::Dust { .. }
            | Scope::Unread { .. }
            | Scope::Room => {}
        }
        let what = format!("adjusted as {} by {units} minor units: {reason}", category.as_str());
        let detail = format!("{amount} on {network} as {}, {units} minor units", category.as_str());
        entry.end_discrepancy(one, Status::Adjusted, Some(actor), what);
        let target = format!("discrepancy {discrepancy}");
        entry.audit(actor, AuditAction::DiscrepancyAdjusted, target, detail, reason);
        Ok(Done::DiscrepancyMoved)
    }
}

impl ResumePayments {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let ResumePayments { reach, seen, reason } = self;
        check_reason(&reason)?;
        let stopped = entry.state.reconciliation.stopped(reach).ok_or(Refusal::NotStopped { reach })?;
        let named: BTreeMap<DiscrepancyId, i128> = seen.iter().map(|seen| (seen.discrepancy, seen.amount)).collect();
        if seen.len() > OPEN_DISCREPANCIES_MAX || named.len() < seen.len() {
            return Err(Refusal::SeenCount.into());
        }
        let unseen = entry.state.reconciliation.open().find(|one| {
            let is_seen = named.get(&one.id).is_some_and(|seen| one.to_accept() >= *seen);
            one.stops() == Some(reach) && !is_seen && !planted::has(Bug::ResumedUnnamed)
        });
        if let Some(one) = unseen {
            return Err(Refusal::NotSeen { discrepancy: one.id, amount: one.to_accept() }.into());
        }
        // Persons approve what they have seen: what is missing, or missing more, since they were asked is for them to look at.
        let proposed = entry.proposed().filter(|_| !planted::has(Bug::ResumedUnseen));
        let moved = proposed.and_then(|proposed| entry.outflow_since(reach, proposed));
        if let Some(amount) = moved {
            return Err(Refusal::AmountMoved { amount }.into());
        }
        entry.let_payments_go_on(reach, actor);
        let named: Vec<String> =
            seen.iter().map(|seen| format!("{} ({})", seen.discrepancy, seen.amount)).take(20).collect();
        let named = format!("{} discrepancies accepted: {}", seen.len(), named.join(", "));
        let detail = format!("stopped since {} by discrepancy {}; {named}", stopped.since, stopped.by);
        entry.audit(actor, AuditAction::PaymentsResumed, reach.to_string(), detail, reason);
        Ok(Done::PaymentsResumed)
    }
}

impl Entry<'_> {
    fn open_discrepancy(&self, id: DiscrepancyId) -> Result<Discrepancy, Refusal> {
        let open = self.state.reconciliation.get(id).cloned();
        open.ok_or(Refusal::DiscrepancyUnknown { discrepancy: id })
    }

    /// Persons said that the exchange moved something by hand, and the ledger's stores have followed: what was missing where it
    /// came from is explained by that, and needs no posting.
    pub(super) fn note_moved_by_hand(
        &mut self,
        deposit: &Deposit,
        from: Store,
        index: Option<u32>,
        fee: u128,
    ) -> Result<(), Halt> {
        let network = deposit.network;
        let Some(amount) = deposit.amount else { return Ok(()) };
        let (fee, _) = self.fee_on_chain(network, fee);
        let native = deposit.coin.is_none();
        let gone = amount.saturating_add(if native { fee } else { 0 });
        let is_source = |entry: &Entry<'_>, spot: &Spot| {
            let wallet = entry.state.custody.wallet_at(network.family(), &spot.address);
            spot.network == network
                && spot.address != deposit.to
                && wallet.map_or(index.is_some() && from == Store::Deposit, |wallet| wallet.role.store() == from)
        };
        let missing = |entry: &Entry<'_>, coin: &Option<ChainAddress>, at: Option<&ChainAddress>, sum: u128| {
            let open = entry.state.reconciliation.open().find(|one| match &one.scope {
                Scope::Spot(spot) => {
                    spot.coin == *coin
                        && one.gone.is_none()
                        && one.amount.checked_neg().and_then(|gone| u128::try_from(gone).ok()) == Some(sum)
                        && at.is_none_or(|at| spot.address == *at)
                        && is_source(entry, spot)
                }
                Scope::Books { .. }
                | Scope::Solvency { .. }
                | Scope::Ledger
                | Scope::Locks
                | Scope::Chain { .. }
                | Scope::Fees { .. }
                | Scope::Dust { .. }
                | Scope::Own { .. }
                | Scope::Unread { .. }
                | Scope::Room => false,
            });
            open.cloned()
        };
        let Some(one) = missing(self, &deposit.coin, None, gone) else { return Ok(()) };
        let Scope::Spot(spot) = one.scope.clone() else { return Ok(()) };
        let of_fee = if native { None } else { missing(self, &None, Some(&spot.address), fee) };
        for one in [Some(one), of_fee].into_iter().flatten() {
            let Scope::Spot(spot) = one.scope.clone() else { continue };
            let position = self.position(&spot)?;
            self.put_adjusted(&spot, position, one.amount);
            let by = self.sender().map(|(_, actor)| actor);
            let what = format!("the exchange moved it by hand: deposit {}", deposit.id);
            self.end_discrepancy(one, Status::Adjusted, by, what);
        }
        Ok(())
    }

    /// The books of an address are put right by an amount.
    fn put_adjusted(&mut self, spot: &Spot, mut position: Position, amount: i128) {
        position.adjusted = position.adjusted.saturating_add(amount);
        // As if it had been so when it was last compared.
        position.checked = position
            .checked
            .map(|checked| Checked { difference: checked.difference.saturating_sub(amount), ..checked });
        self.put_position(spot, &position);
        self.change_tally(spot.network, spot.coin.as_ref(), |tally| {
            tally.folded = tally.folded.saturating_add(amount);
        });
    }

    /// Posts a difference under its discrepancy's number; how many minor units that came to.
    fn post_adjustment(
        &mut self,
        one: &Discrepancy,
        mut listing: Listing,
        store: Store,
        category: Category,
        reason: &str,
    ) -> Result<u128, Stop> {
        let (network, asset) = (listing.network, listing.asset);
        let counted = listing.to_ledger(one.amount.unsigned_abs());
        let (units, rest) = counted.ok_or(Refusal::NotAdjustable)?;
        let more = one.amount > 0;
        let of_rest = if more { listing.keep_dust(rest) } else { listing.give_dust(rest) };
        let units = units.checked_add(of_rest).ok_or(Refusal::NotAdjustable)?;
        if units > 0 {
            let custody = account(Holder::Custody { network: network as u32, store }, asset);
            let other = account(counter(category, network), asset);
            let accounts = if more { [custody, other] } else { [other, custody] };
            let id = self.transfer_id(b"adjustment", one.id.0);
            let mut reference = [0; 32];
            reference[24..].copy_from_slice(&one.id.0.to_be_bytes());
            let cause = self.cause_of(Reason::Adjustment, reference);
            let note = Some(note(one.id, category, reason).into_boxed_str());
            let outcome = self.ledger.run_opening(&accounts, |[debit, credit]| Transfer {
                id,
                legs: Leg::Post { debit, credit, amount: units }.into(),
                cause,
                note,
            })?;
            if let ledger::Outcome::Rejected(why) = outcome {
                return Err(Rejection::Ledger(why).into());
            }
        }
        self.put_listing(listing);
        Ok(units)
    }
}

/// Accounts of the exchange's own may be overdrawn, those of them that are there keep their rule.
const fn account(holder: Holder, asset: Asset) -> OpenAccount {
    OpenAccount { key: AccountKey { holder, asset }, overdraft: true }
}

/// The other side of an adjustment.
const fn counter(category: Category, network: Network) -> Holder {
    match category {
        Category::UnknownSender => Holder::Suspense,
        Category::NetworkFee => Holder::GasExpense { network: network as u32 },
        Category::OpeningBalance | Category::Windfall | Category::Loss | Category::Rounding | Category::OwnersMove => {
            Holder::Equity
        }
    }
}

/// What the journal says of it.
fn note(id: DiscrepancyId, category: Category, reason: &str) -> String {
    let mut note = format!("discrepancy {id}, {}: {reason}", category.as_str());
    let end = (0..=NOTE_BYTES_MAX.min(note.len())).rev().find(|end| note.is_char_boundary(*end));
    note.truncate(end.unwrap_or(0));
    note
}
