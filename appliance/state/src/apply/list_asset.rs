//! `ListAsset` and `SetPrice`: which coin of a network is which asset, and what an asset is worth.

use std::time::Duration;

use exchequer_domain::{ChainAddress, Network, Timestamp, WorkerKind};
use exchequer_ledger::{AccountKey, Asset, Holder, Store, Sums};
use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason};
use crate::assets::DECIMALS_MAX;
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::custody::{
    Anchor, Custody, LISTED_DECIMALS_MAX, LISTINGS_MAX, Listing, PRICE_SOURCE_BYTES_MAX, Price, Refusal, Terms,
};
use crate::event::EventKind;
use crate::outcome::Done;
use crate::rejection::Rejection;
use crate::withdrawals::Withdrawal;

/// How far ahead of replicated time a price may be: clocks differ.
const PRICE_AHEAD: Duration = Duration::from_secs(60);
/// How far one person moves a price in a day: by so many hundredths of its anchor. A worker moves it so far at once.
const PRICE_ALONE_PERCENT: u64 = 20;

/// Lists an asset on a network, or gives its listing other terms. Coin and decimals are said again and do not change; but where a
/// token's contract counts with other decimals, its listing gets these as long as nothing of it was booked or asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListAsset {
    /// On which network.
    pub network: Network,
    /// Which asset.
    pub asset: Asset,
    /// The token's contract; none for the network's own coin.
    pub coin: Option<ChainAddress>,
    /// Decimals of a unit on the network, as the contract says.
    pub decimals: u8,
    /// The terms, in minor units of the asset.
    pub terms: Terms,
    /// Why.
    pub reason: String,
}

impl ListAsset {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_reason(&self.reason)?;
        let record = entry.state.assets.known(self.asset)?;
        let (code, ledger_decimals) = (record.code.clone(), record.decimals);
        // Both powers of ten, and their product with a unit, fit into 128 bits.
        if self.decimals > LISTED_DECIMALS_MAX || ledger_decimals > DECIMALS_MAX {
            return Err(Refusal::Decimals.into());
        }
        let custody = &entry.state.custody;
        let (dust, version) = match custody.listing(self.network, self.asset) {
            Some(present) if present.coin != self.coin => return Err(Refusal::ListingPinned.into()),
            Some(present) if present.decimals != self.decimals && !entry.may_count_anew(present, self.decimals) => {
                return Err(Refusal::ListingPinned.into());
            }
            Some(present) => (present.dust, present.version + 1),
            None if custody.listing_count() >= LISTINGS_MAX => return Err(Refusal::ListingsFull.into()),
            None => (0, 1),
        };
        let taken = custody.listed(self.network, self.coin.as_ref()).filter(|other| other.asset != self.asset);
        if let Some(other) = taken {
            return Err(Refusal::CoinListed { asset: other.asset }.into());
        }
        let recounted =
            custody.listing(self.network, self.asset).is_some_and(|present| present.decimals != self.decimals);
        let ListAsset { network, asset, coin, decimals, terms, reason } = self;
        let changed_at = entry.now;
        let listing = Listing { network, asset, coin, decimals, ledger_decimals, terms, dust, version, changed_at };
        check_terms(&listing)?;

        let coin = listing.coin.as_ref().map_or_else(|| "its own coin".to_owned(), ToString::to_string);
        let Terms { deposit_min, withdrawal_min, withdrawal_max, withdrawal_step, withdrawal_fee } = terms;
        let detail = format!(
            "{coin}, {decimals} decimals, deposits from {deposit_min}, withdrawals {withdrawal_min} to {withdrawal_max} in steps of {withdrawal_step} for {withdrawal_fee}"
        );
        // What persons said of a contract they said of the decimals that were listed then.
        if let Some(token) = listing.coin.as_ref().filter(|_| recounted) {
            entry.forget_overruled(network, token);
        }
        entry.put_listing(listing);
        entry.event(EventKind::ListingChanged { network, asset });
        entry.audit(actor, AuditAction::AssetListed, format!("{code} on {network}"), detail, reason);
        Ok(Done::AssetListed { version })
    }
}

impl Entry<'_> {
    /// Whether a listing may get other decimals: those that a quorum of nodes had from its contract, whether or not persons believed it
    /// then, and nothing was ever counted with the present ones.
    fn may_count_anew(&self, listing: &Listing, decimals: u8) -> bool {
        let (network, asset) = (listing.network, listing.asset);
        let room = &self.state.reconciliation;
        let is_told = listing.coin.as_ref().is_some_and(|token| {
            let doubted = room.doubted(network, token).and_then(|doubted| doubted.decimals);
            let overruled = room.overruled(network, token).filter(|one| one.listed == listing.decimals);
            // Who wanted the contract's decimals before others did not believe it has not seen that.
            let is_unseen = |at: Timestamp| self.proposed().is_some_and(|proposed| at >= proposed);
            let taken_back = overruled.is_some_and(|one| one.told == decimals && !is_unseen(one.at));
            doubted == Some(decimals) || taken_back
        });
        let ledger = self.ledger.ledger();
        let is_booked = |store: Store| {
            let key = AccountKey { holder: Holder::Custody { network: network as u32, store }, asset };
            ledger.find(&key).and_then(|id| ledger.account(id)).is_some_and(|account| account.sums != Sums::default())
        };
        let is_wanted = |one: &Withdrawal| one.order.network == network && one.order.asset == asset;
        is_told
            && listing.dust == 0
            && ![Store::Deposit, Store::Hot, Store::Cold].into_iter().any(is_booked)
            && !self.state.withdrawals.open().any(is_wanted)
    }
}

/// Whether what is allowed to be withdrawn can be paid, to the unit.
fn check_terms(listing: &Listing) -> Result<(), Refusal> {
    let Terms { deposit_min: _, withdrawal_min, withdrawal_max, withdrawal_step, withdrawal_fee } = listing.terms;
    let whole = |amount: u128| withdrawal_step > 0 && amount.is_multiple_of(withdrawal_step);
    let sound = withdrawal_min <= withdrawal_max
        && whole(withdrawal_min)
        && whole(withdrawal_max)
        && whole(withdrawal_fee)
        && listing.to_network(withdrawal_step).is_some()
        && listing.to_network(withdrawal_max).is_some();
    if sound { Ok(()) } else { Err(Refusal::Terms) }
}

/// Sets an asset's reference price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetPrice {
    /// Of which asset.
    pub asset: Asset,
    /// Millionths of a US dollar for a unit; more than zero.
    pub usd_micros: u64,
    /// Where it is from.
    pub source: String,
    /// When it held there; not later than a minute from now, and later than the present one's.
    pub at: Timestamp,
}

impl SetPrice {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        if matches!(actor, Actor::Worker(worker) if worker.kind != WorkerKind::PriceFeed) {
            return Err(Rejection::WorkerMayNot.into());
        }
        let code = entry.state.assets.known(self.asset)?.code.clone();
        let goes_far = self.goes_far(&entry.state.custody, actor, entry.now);
        let SetPrice { asset, usd_micros, source, at } = self;
        if usd_micros == 0 {
            return Err(Refusal::Price.into());
        }
        if !(1..=PRICE_SOURCE_BYTES_MAX).contains(&source.len()) || source.chars().any(char::is_control) {
            return Err(Refusal::PriceSource.into());
        }
        let present = entry.state.custody.price(asset);
        if at > entry.now.plus(PRICE_AHEAD) || present.is_some_and(|present| at <= present.at) {
            return Err(Refusal::PriceTime.into());
        }

        let before = present.map_or_else(|| "none".to_owned(), |present| present.usd_micros.to_string());
        let detail = format!("{usd_micros} millionths of a dollar from {source}, before {before}");
        // A source's price, and one that two persons agreed on, is a new anchor; what one person does alone is none.
        let from = present.filter(|_| is_alone(actor) && !goes_far).map(|present| present.anchor_at(entry.now));
        let anchor = Anchor { usd_micros: from.unwrap_or(usd_micros), moved: entry.now };
        entry.put_price(asset, Price { usd_micros, source, at, anchor });
        entry.event(EventKind::PriceSet { asset });
        if super::jobs::is_person(actor) {
            entry.audit(actor, AuditAction::PriceSet, format!("price of {code}"), detail, String::new());
        }
        Ok(Done::PriceSet)
    }

    /// Whether it is further from what holds than one person may move it, in one step or in many, or the first price at all.
    /// By a lower price more can be withdrawn without anybody's approval, by a higher one nothing. A worker's step is
    /// measured from the present price: what it knows is no person's word, and a source that went mad waits for persons.
    pub(crate) fn goes_far(&self, custody: &Custody, actor: Actor, now: Timestamp) -> bool {
        let Some(present) = custody.price(self.asset) else { return is_alone(actor) };
        let from = if is_alone(actor) { present.anchor_at(now) } else { present.usd_micros };
        let apart = u128::from(from.abs_diff(self.usd_micros)) * 100;
        apart > u128::from(from) * u128::from(PRICE_ALONE_PERCENT)
    }
}

/// Whether a price of this sender is one person's word, unless others approved it; of whoever is no worker it is.
const fn is_alone(actor: Actor) -> bool {
    !matches!(actor, Actor::Worker(_))
}
