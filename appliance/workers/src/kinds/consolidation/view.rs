//! What the leading node tells of sweeps, with what follows from it: values, listings, wallets, and what chains have.

use exchequer_chains::Coin;
use exchequer_chains::node::FeeFacts;
use exchequer_domain::ChainAddress;

use super::economics::{self, UsdMicros};
use crate::kinds::paying::{Desk, Round};
use crate::money::proto::{self, Holding, HoldingKey, Listing, Move, SweepsReply, Wallet};
use crate::money::words;

/// What is known in one look.
pub struct View {
    /// What the node told.
    pub reply: SweepsReply,
    /// The exchange's wallets.
    pub wallets: Vec<Wallet>,
    listings: Vec<Listing>,
}

/// An address of a wallet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own {
    /// Of which wallet.
    pub wallet: u32,
    /// Its number there.
    pub index: u32,
    /// The address.
    pub address: ChainAddress,
}

impl Own {
    /// It as one that pays.
    #[must_use]
    pub const fn payer(&self) -> proto::Payer {
        proto::Payer { wallet: self.wallet, index: self.index }
    }
}

impl View {
    /// Reads so many holdings from behind one on.
    ///
    /// # Errors
    /// The node does not answer.
    pub async fn read(desk: &Desk, round: &Round, holdings: u32, after: Option<HoldingKey>) -> Result<View, String> {
        let asked = proto::SweepsRequest { holdings, after };
        let reply = desk.link().sweeps(asked).await.map_err(|error| error.to_string())?;
        let wallets = desk.link().wallets().await.map_err(|error| error.to_string())?.wallets;
        Ok(View { reply, wallets, listings: round.config.listings.clone() })
    }

    /// The listing of an asset.
    #[must_use]
    pub fn listing(&self, asset: u32) -> Option<&Listing> {
        self.listings.iter().find(|listing| listing.asset == asset)
    }

    /// The listing of the network's own coin.
    #[must_use]
    pub fn native(&self) -> Option<&Listing> {
        self.listings.iter().find(|listing| listing.coin.is_empty())
    }

    fn price(&self, asset: u32) -> Option<u64> {
        self.reply.prices.iter().find(|price| price.asset == asset).map(|price| price.usd_micros)
    }

    /// The least of an asset that is swept without need.
    #[must_use]
    pub fn min(&self, asset: u32) -> UsdMicros {
        let own = self.reply.minimums.iter().find(|own| own.asset == asset);
        own.map_or(self.reply.min_usd_micros, |own| own.usd_micros).into()
    }

    /// What so much of an asset is worth, rounded down; none without a fresh price.
    #[must_use]
    pub fn worth(&self, asset: u32, smallest: u128) -> Option<UsdMicros> {
        economics::worth(smallest, self.listing(asset)?.decimals, self.price(asset)?)
    }

    /// What so much of the network's coin costs, rounded up; none without a fresh price.
    #[must_use]
    pub fn cost(&self, smallest: u128) -> Option<UsdMicros> {
        let native = self.native()?;
        economics::cost(smallest, native.decimals, self.price(native.asset)?)
    }

    /// How many of an asset's smallest units are worth so much, rounded down; none without a fresh price.
    #[must_use]
    pub fn units_of(&self, asset: u32, usd: UsdMicros) -> Option<u128> {
        let unit = 10_u128.checked_pow(self.listing(asset)?.decimals)?;
        let price = u128::from(self.price(asset)?);
        // Dollars first, so that the product fits wherever the result does.
        let (whole, rest) = (usd.checked_div(price)?, usd.checked_rem(price)?);
        whole.checked_mul(unit)?.checked_add(rest.checked_mul(unit)? / price)
    }

    /// The addresses of wallets in use that have one of these roles, and only pinned ones where that is wanted.
    #[must_use]
    pub fn addresses(&self, role: &str, pinned: bool) -> Vec<Own> {
        let of_role = self.wallets.iter().filter(|wallet| wallet.in_use && wallet.role == role);
        let of_role = of_role.filter(|wallet| wallet.pinned || !pinned);
        let own = of_role.flat_map(|wallet| {
            let own = wallet.addresses.iter().filter(|own| !own.change);
            own.filter_map(|own| {
                let address = words::address(&own.address).ok()?;
                Some(Own { wallet: wallet.id, index: own.index, address })
            })
        });
        own.collect()
    }

    /// The account under which deposit addresses are derived.
    #[must_use]
    pub fn deposit_wallet(&self) -> Option<u32> {
        self.wallets.iter().find(|wallet| wallet.in_use && wallet.role == "deposit").map(|wallet| wallet.id)
    }

    /// What of an asset is on its way to one of these addresses, in smallest units.
    #[must_use]
    pub fn on_its_way(&self, asset: u32, to: &[Own]) -> u128 {
        let of = self.reply.moves.iter().filter(|one| one.asset == asset);
        let of = of.filter(|one| to.iter().any(|own| own.address.as_str() == one.to));
        of.filter_map(|one| words::amount(&one.on_chain).ok()).fold(0, u128::saturating_add)
    }

    /// Whether something is on its way to an address.
    #[must_use]
    pub fn is_awaited(&self, address: &ChainAddress) -> bool {
        self.reply.moves.iter().any(|one| one.to == address.as_str())
    }

    /// Whether what was lent to an address is on its way back: nothing is sent from there meanwhile.
    #[must_use]
    pub fn is_returning(&self, address: &str) -> bool {
        let to = |loan: &proto::Loan| loan.lent.as_ref().is_some_and(|lent| lent.to == address);
        self.reply.loans.iter().any(|loan| loan.stage == "returning" && to(loan))
    }

    /// How much of a stake is lent to an address, finally, in sun.
    #[must_use]
    pub fn lent_to(&self, address: &ChainAddress) -> Option<u64> {
        let lent = self.reply.loans.iter().filter(|loan| loan.stage == "lent").filter_map(|loan| loan.lent.as_ref());
        lent.filter(|lent| lent.to == address.as_str()).map(|lent| lent.sun).next()
    }

    /// A value of millionths of a dollar in minor units of the network's coin, rounded down.
    #[must_use]
    pub fn minor_of_usd(&self, usd: UsdMicros) -> Option<u128> {
        let native = self.native()?;
        self.units_of(native.asset, usd).map(|smallest| in_minor(native, smallest).0)
    }
}

/// The coin of a listing.
///
/// # Errors
/// Its contract does not read.
pub fn coin_of(listing: &Listing) -> Result<Coin, String> {
    Ok(match words::coin(&listing.coin).map_err(|error| error.to_string())? {
        None => Coin::Native,
        Some(contract) => Coin::Token(contract),
    })
}

/// Smallest units in minor units, rounded down, and the smallest units that those are exactly. Nothing where it does not fit.
#[must_use]
pub fn in_minor(listing: &Listing, smallest: u128) -> (u128, u128) {
    let power = |exponent: u32| 10_u128.checked_pow(exponent);
    if listing.ledger_decimals > listing.decimals {
        let finer = power(listing.ledger_decimals - listing.decimals);
        return finer.and_then(|finer| smallest.checked_mul(finer)).map_or((0, 0), |minor| (minor, smallest));
    }
    let unit = power(listing.decimals - listing.ledger_decimals).filter(|unit| *unit > 0);
    unit.map_or((0, 0), |unit| (smallest / unit, smallest - smallest % unit))
}

/// A move of so many smallest units, which are whole minor units; none of nothing.
#[must_use]
pub fn move_of(listing: &Listing, to: &ChainAddress, smallest: u128, plan: Option<u64>) -> Option<Move> {
    let (minor, whole) = in_minor(listing, smallest);
    (minor > 0).then(|| Move {
        asset: listing.asset,
        coin: listing.coin.clone(),
        to: to.to_string(),
        on_chain: whole.to_string(),
        amount: minor.to_string(),
        plan,
        to_index: None,
    })
}

/// Where a holding is, and how much of it may be moved.
///
/// # Errors
/// It does not read.
pub fn read_holding(holding: &Holding) -> Result<(ChainAddress, u128), String> {
    let address = words::address(&holding.address).map_err(|error| error.to_string())?;
    Ok((address, words::amount(&holding.available).map_err(|error| error.to_string())?))
}

/// What addresses have, as a quorum knows of the last block that is final.
///
/// # Errors
/// Endpoints do not agree, or a token's contract tells no amount.
pub async fn balances(round: &Round, of: &[(ChainAddress, Coin)]) -> Result<Vec<u128>, String> {
    if of.is_empty() {
        return Ok(Vec::new());
    }
    let at = round.panel.agreed_final().await.map_err(|error| error.to_string())?;
    all_told(of, round.panel.agreed_balances(of, at).await.map_err(|error| error.to_string())?)
}

/// What was told of each. What nobody tells is not nothing: a hot wallet would seem to be empty.
fn all_told(of: &[(ChainAddress, Coin)], told: Vec<Option<u128>>) -> Result<Vec<u128>, String> {
    let one = |((address, coin), has): (&(ChainAddress, Coin), Option<u128>)| {
        has.ok_or_else(|| match coin {
            Coin::Native => format!("nobody tells what {address} has"),
            Coin::Token(contract) => {
                format!("the contract {contract} tells no balance of {address}: see whether it still works")
            }
        })
    };
    of.iter().zip(told).map(one).collect()
}

/// The network's fee for a unit, by which low fees are told from high ones: wei for gas, satoshi for 1,000 virtual bytes, sun
/// for energy.
///
/// # Errors
/// No endpoint says so.
pub async fn rate(round: &Round) -> Result<u128, String> {
    let facts = round.panel.first(|node| node.fees()).await.map_err(|error| error.to_string())?.value;
    Ok(match facts {
        FeeFacts::Evm { base_fee: Some(base), tips, tip, gas_price } => {
            let tip = tips.map(|[_, median, _]| median).or(tip);
            tip.map_or(gas_price.max(base), |tip| base.saturating_add(tip))
        }
        FeeFacts::Evm { base_fee: None, gas_price, .. } => gas_price,
        FeeFacts::Tron { energy, .. } => energy.into(),
        FeeFacts::Bitcoin { targets, relay_min, pool_min, .. } => {
            let slow = targets.iter().max_by_key(|(target, _)| *target).and_then(|(_, rate)| *rate);
            slow.unwrap_or(0).max(relay_min).max(pool_min).into()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(decimals: u32, ledger_decimals: u32) -> Listing {
        Listing { asset: 1, coin: String::new(), decimals, ledger_decimals, ..Listing::default() }
    }

    /// Goal: what nobody tells is an error that names what it is of, not nothing: an empty hot wallet would be swept to.
    #[test]
    fn what_nobody_tells_is_not_nothing() {
        let [address, token] = ["abc", "def"].map(|text| ChainAddress::canonical(text).unwrap());
        let of = [(address.clone(), Coin::Native), (address, Coin::Token(token))];
        assert_eq!(all_told(&of, vec![Some(0), Some(7)]), Ok(vec![0, 7]));
        for told in [vec![Some(0), None], vec![None, Some(7)]] {
            let why = all_told(&of, told).unwrap_err();
            assert!(why.contains("abc"), "{why}");
        }
    }

    /// Goal: what is moved is a whole number of minor units, never more than there is, and nothing is no move.
    /// Method: listings as fine as the ledger, finer and coarser, around a unit.
    #[test]
    fn moves_are_whole() {
        let to = ChainAddress::canonical("abc").unwrap();
        for (decimals, ledger, smallest, expected) in [
            (6, 6, 5, Some((5, 5))),
            (18, 8, 10_000_000_000, Some((10_000_000_000, 1))),
            (18, 8, 19_999_999_999, Some((10_000_000_000, 1))),
            (18, 8, 9_999_999_999, None),
            (2, 4, 7, Some((7, 700))),
            (6, 6, 0, None),
            (0, 38, u128::MAX, None),
        ] {
            let listing = listing(decimals, ledger);
            let made = move_of(&listing, &to, smallest, Some(3));
            let expected = expected.map(|(on_chain, amount): (u128, u128)| (on_chain.to_string(), amount.to_string()));
            assert_eq!(made.map(|made| (made.on_chain, made.amount)), expected, "{decimals} {ledger} {smallest}");
        }
    }

    /// Goal: an asset has the minimum that was set for it, and all others have the network's. Method: one of each, and nothing at all.
    #[test]
    fn an_asset_may_have_a_minimum_of_its_own() {
        let minimums = vec![proto::SweepMinimum { asset: 2, usd_micros: 0 }];
        let reply = SweepsReply { min_usd_micros: 10_000_000, minimums, ..SweepsReply::default() };
        let view = View { reply, wallets: Vec::new(), listings: Vec::new() };
        assert_eq!((view.min(1), view.min(2)), (10_000_000, 0));
    }

    /// Goal: a value is as many units as it buys, rounded down, and none without a price.
    #[test]
    fn values_buy_units() {
        let prices = vec![proto::ReferencePrice { asset: 1, usd_micros: 3_000_000 }];
        let reply = SweepsReply { prices, ..SweepsReply::default() };
        let view = View { reply, wallets: Vec::new(), listings: vec![listing(6, 6)] };
        for (usd, units) in [(0, 0), (1, 0), (2, 0), (3, 1), (3_000_000, 1_000_000), (10_000_000, 3_333_333)] {
            assert_eq!(view.units_of(1, usd), Some(units), "{usd}");
        }
        assert_eq!(view.units_of(2, 1), None);
        assert_eq!(view.worth(1, 333_333), Some(999_999));
        assert_eq!(view.cost(333_333), Some(999_999));
    }
}
