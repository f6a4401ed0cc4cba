//! The journey: two users on one network, one with its coin and one with the dollar token. Both deposit, they trade with each
//! other, and each withdraws what the other brought.
//!
//! Every step is asked for under one name, however often it is asked: a leader that dies in between changes nothing but the
//! time it takes. What was paid out is looked up at the network's own node, at an address that nobody used before.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::chains::Chains;
use super::places::{Coin, DOLLAR, PLACES, Place, amount, units};
use super::table::{Board, Row};
use crate::crowd;
use crate::process::{self, Hopeless};
use crate::product::{ASK_EVERY, Access, Product};
use crate::stop::Stop;

/// How long one step may take, with a leader dying in it.
const STEP_LIMIT: Duration = Duration::from_secs(240);
/// The level of users who may withdraw.
const KYC_LEVEL: &str = "2";

/// What a journey needs.
#[derive(Clone)]
pub(super) struct Guide<'a> {
    pub(super) product: &'a Product,
    pub(super) access: &'a Access,
    pub(super) chains: &'a Chains,
    pub(super) stop: &'a Stop,
    /// What tells the names of this run from those of others.
    pub(super) run: String,
    /// Rests between steps, as people do; none where nobody watches.
    pub(super) rest: Option<Duration>,
    /// Where it is told what is going on.
    pub(super) board: &'a Board,
}

/// Somebody's deposit.
pub(super) struct Brought {
    user: u64,
    /// Where it was paid to, and how much, in smallest units.
    address: String,
    units: u128,
    paid: Instant,
    seen: Duration,
    credited: Duration,
}

/// A payment out that is over.
pub(super) struct Paid {
    pub(super) tx: String,
    /// What the exchange says it paid, in smallest units.
    pub(super) units: u128,
    pub(super) took: Duration,
    pub(super) to: String,
}

impl Guide<'_> {
    /// Says what comes next on a network, and rests before.
    fn step(&self, place: &'static Place, what: &str) -> Result<()> {
        self.board.doing(place.network, what);
        self.rest.map_or(Ok(()), |rest| self.stop.pause(rest))
    }

    /// Asks until it is answered: what was asked for has a name, so that asking again does nothing twice.
    pub(super) fn insist<T>(&self, what: &str, mut ask: impl FnMut() -> Result<T>) -> Result<T> {
        process::until(what, STEP_LIMIT, ASK_EVERY, self.stop, || ask().map(Some))
    }

    fn id(&self, what: &str) -> String {
        let hash = exchequer_test_nodes::shim::keccak(format!("{} {what}", self.run).as_bytes());
        hex::encode(hash.get(..16).unwrap_or_default())
    }

    /// Makes a user who may withdraw.
    ///
    /// # Errors
    /// The product did not.
    pub(super) fn user(&self, label: &str) -> Result<u64> {
        let id = self.id(label);
        self.insist(label, || self.product.create_known_user(self.access, label, KYC_LEVEL, &id))
    }

    /// Where a user is paid on a network.
    ///
    /// # Errors
    /// The product gave no address.
    pub(super) fn deposit_address(&self, user: u64, network: &str) -> Result<String> {
        self.insist("a deposit address", || self.product.deposit_address(self.access, user, network))
    }

    /// Pays a user's address, in equal payments, and waits until all of the money can leave again.
    ///
    /// # Errors
    /// It did not come to that.
    pub(super) fn bring(
        &self,
        user: u64,
        place: &Place,
        coin: &Coin,
        (how_much, payments): (&str, u32),
    ) -> Result<Brought> {
        let network = place.network;
        let what = format!("{} on {network}", coin.asset);
        let address = self.deposit_address(user, network)?;
        let units = units(how_much, coin.decimals).with_context(|| format!("{how_much} {what} cannot be said"))?;
        let paid = Instant::now();
        let part = units / u128::from(payments.max(1));
        let pay = |_| self.chains.pay(network, coin.is_token, &address, part);
        let sent: Vec<String> = (0..payments).map(pay).collect::<Result<_>>()?;
        let (mut seen, mut left) = (None, sent.clone());
        let credited = process::until(&format!("the deposit of {what}"), STEP_LIMIT, ASK_EVERY, self.stop, || {
            let all = self.product.arrivals(self.access, network, Some(user))?;
            let mut found = Vec::new();
            for tx in &sent {
                let of_ours = all.iter().filter(|arrival| arrival.tx == *tx && arrival.address == address);
                match of_ours.collect::<Vec<_>>().as_slice() {
                    [] => bail!("{tx} is not seen yet"),
                    [one] => found.push((tx, *one)),
                    [..] => return Err(Hopeless(format!("{tx} is in the books more than once")).into()),
                }
            }
            seen.get_or_insert_with(|| paid.elapsed());
            for (tx, arrival) in found {
                match arrival.state.as_str() {
                    "unlocked" => left.retain(|waits| waits != tx),
                    "suspense" | "reversed" | "orphaned" => {
                        let why = arrival.why.as_deref().unwrap_or("no reason is told");
                        let (number, state) = (arrival.number, &arrival.state);
                        return Err(Hopeless(format!("the deposit {number} of {what} is {state}: {why}")).into());
                    }
                    _ => {}
                }
            }
            if left.is_empty() { Ok(Some(paid.elapsed())) } else { bail!("{} of {payments} wait", left.len()) }
        })?;
        Ok(Brought { user, address, units, paid, seen: seen.unwrap_or(credited), credited })
    }

    /// Waits until a user has at least so much of an asset.
    ///
    /// # Errors
    /// It has not, for long.
    pub(super) fn wait_for(&self, user: u64, asset: &str, least: &str, decimals: u32) -> Result<()> {
        let wanted = units(least, decimals).context("an amount that is none")?;
        process::until(&format!("{least} {asset} of user {user}"), STEP_LIMIT, ASK_EVERY, self.stop, || {
            let has = self.product.available(self.access, user, asset)?;
            let units = has.as_deref().and_then(|text| units(text, decimals)).unwrap_or(0);
            if units < wanted {
                bail!("it has {}", amount(units, decimals))
            }
            Ok(Some(()))
        })
    }

    /// One sells the coin, the other buys it. Others may trade in the market as well, and at prices of the day: each offers a
    /// little more than whoever is first in the book wants.
    fn trade(&self, place: &Place, seller: u64, buyer: u64) -> Result<()> {
        let markets = crowd::TRADED_MARKETS.iter().chain(&super::places::MARKETS);
        let market = markets.into_iter().find(|market| market.symbol == place.symbol).context("no such market")?;
        let quantity = market.quantity(market.size_lots);
        for (user, side, other, percent) in [(seller, "sell", "bids", 99), (buyer, "buy", "asks", 101)] {
            let first =
                self.insist("the first in the book", || self.product.first_price(self.access, market.symbol, other))?;
            let ticks = first.as_deref().and_then(|price| units(price, market.price_decimals));
            // Where the book is empty, the price at which the market began.
            let ticks =
                ticks.and_then(|ticks| u64::try_from(ticks * percent / 100).ok()).unwrap_or(market.anchor_ticks);
            let price = market.price(ticks);
            let id = self.id(&format!("order {user} {side}"));
            let order = [market.symbol, side, price.as_str(), quantity.as_str()];
            self.insist(&format!("an order in {}", market.symbol), || {
                self.product.place(self.access, user, order, &id)
            })?;
        }
        // Fees are taken out of what each side receives.
        self.wait_for(seller, DOLLAR, place.token.unwrap_or(place.coin).withdrawal, 6).and_then(|()| {
            let decimals = crowd::TRADED_ASSETS.iter().chain(&super::places::ASSETS);
            let asset = decimals.into_iter().find(|asset| asset.code == place.coin.asset).context("no such asset")?;
            self.wait_for(buyer, place.coin.asset, place.coin.withdrawal, asset.decimals)
        })
    }

    /// Has so much paid to a stranger, and waits until it is over.
    ///
    /// # Errors
    /// It did not end as it should.
    pub(super) fn take_out(&self, user: u64, place: &Place, coin: &Coin, how_much: &str, name: &str) -> Result<Paid> {
        let (asked, withdrawal, to) = self.request(user, place, coin, how_much, name)?;
        let done = self.await_end(withdrawal, place.network)?;
        Ok(Paid { took: asked.elapsed(), to, ..done })
    }

    /// Asks for a payment to a stranger: when, its number, and where to.
    ///
    /// # Errors
    /// The product refused it.
    pub(super) fn request(
        &self,
        user: u64,
        place: &Place,
        coin: &Coin,
        how_much: &str,
        name: &str,
    ) -> Result<(Instant, u64, String)> {
        let to = self.chains.stranger(place.network, &format!("{} {name}", self.run))?;
        let asked = Instant::now();
        let what = [place.network, coin.asset, to.as_str(), how_much];
        let named = format!("{}-{name}", self.run);
        let number = self.insist("a withdrawal", || self.product.withdraw(self.access, user, &named, what))?;
        Ok((asked, number, to))
    }

    /// Waits until a withdrawal is completed.
    ///
    /// # Errors
    /// It ended in another way, or waits for a person: the whole story is in the error.
    pub(super) fn await_end(&self, withdrawal: u64, network: &str) -> Result<Paid> {
        let what = format!("withdrawal {withdrawal} on {network}");
        let told = process::until(&what, STEP_LIMIT, ASK_EVERY, self.stop, || {
            let one = self.product.departure(self.access, withdrawal)?;
            match one.state.as_str() {
                "completed" => Ok(Some(one)),
                "cancelled" | "rejected" | "expired" | "failed" | "reverted" | "review" | "awaiting-approval" => {
                    Err(Hopeless(format!("{what} is {}", one.state)).into())
                }
                other => bail!("it is {other}"),
            }
        });
        let one = told.map_err(|error| {
            let story = self.product.explain_withdrawal(self.access, withdrawal);
            error.context(story.unwrap_or_else(|_| "its story cannot be had".to_owned()))
        })?;
        let tx = one.tx.context("a completed withdrawal without a transaction")?;
        Ok(Paid { tx, units: one.on_chain, took: Duration::ZERO, to: String::new() })
    }

    /// That an address holds what the exchange says it paid there: not less, and not twice as much.
    ///
    /// # Errors
    /// It does not.
    pub(super) fn check(&self, place: &Place, coin: &Coin, paid: &Paid) -> Result<()> {
        let held = self.chains.received(place.network, coin.is_token, &paid.to)?;
        if held == paid.units {
            return Ok(());
        }
        bail!(
            "{} {} on {}: {} was to be paid to {}, which holds {held}",
            paid.units,
            coin.asset,
            place.network,
            paid.units,
            paid.to
        )
    }

    /// Waits until what was brought is gathered in a wallet of the exchange, and how long that took: until the network's own node
    /// says that it lies at the user's address no more.
    fn gathered(&self, place: &Place, coin: &Coin, brought: &Brought) -> Result<Duration> {
        let (network, address) = (place.network, brought.address.as_str());
        let what = format!("the sweep of {} on {network}", coin.asset);
        let swept = process::until(&what, STEP_LIMIT, ASK_EVERY, self.stop, || {
            // Of the network's own coin what the fee may have cost stays behind.
            let left = self.chains.held(network, coin.is_token, address)?;
            if left > brought.units / 10 {
                bail!("{left} of {} smallest units lie there", brought.units)
            }
            Ok(Some(brought.paid.elapsed()))
        });
        swept.map_err(|error| {
            let why = self.product.explain_sweep(self.access, network, address);
            error.context(why.unwrap_or_else(|_| "why cannot be had".to_owned()))
        })
    }

    /// The whole journey on one network.
    ///
    /// # Errors
    /// The first step that did not come out.
    pub(super) fn travel(&self, place: &'static Place) -> Result<Vec<Row>> {
        let seller = self.user(&format!("{} seller {} (demo)", place.network, self.run))?;
        let buyer = self.user(&format!("{} buyer {} (demo)", place.network, self.run))?;
        // Where the network has no token, the dollars come over another one.
        let dollars_at = if place.token.is_some() { Some(place) } else { PLACES.iter().find(|at| at.token.is_some()) };
        let dollars_at = dollars_at.context("no network has the token")?;
        let token = dollars_at.token.context("no network has the token")?;
        self.step(place, "two users deposit, one the coin and one dollars")?;
        let (coin, dollars) = std::thread::scope(|scope| {
            let coin = scope.spawn(|| self.bring(seller, place, &place.coin, (place.coin.deposit, place.payments)));
            let dollars = self.bring(buyer, dollars_at, &token, (token.deposit, 1));
            (coin.join(), dollars)
        });
        let Ok(coin) = coin else { bail!("a journey's thread panicked") };
        let (coin, dollars) = (coin?, dollars?);
        self.step(place, "they trade")?;
        self.trade(place, coin.user, dollars.user)?;
        let (coin_traded, dollars_traded) = (coin.paid.elapsed(), dollars.paid.elapsed());

        // Each takes out what the other brought.
        self.step(place, "each withdraws what the other brought")?;
        let name = |coin: &Coin| format!("{}-{}", place.network, coin.asset.to_lowercase());
        let out = |user: u64, coin: &Coin| -> Result<Paid> {
            let paid = self.take_out(user, place, coin, coin.withdrawal, &name(coin))?;
            self.check(place, coin, &paid)?;
            Ok(paid)
        };
        let row = |coin: &Coin, brought: &Brought, traded, paid: Paid| -> Result<Row> {
            Ok(Row {
                network: place.network,
                asset: coin.asset,
                seen: brought.seen,
                credited: brought.credited,
                traded,
                withdrawn: paid.took,
                swept: self.gathered(place, coin, brought)?,
                tx: paid.tx,
                total: brought.paid.elapsed(),
            })
        };
        let coin_paid = out(dollars.user, &place.coin)?;
        let dollars_paid = place.token.as_ref().map(|token| out(coin.user, token)).transpose()?;
        self.step(place, "what they brought is gathered in the exchange's wallets")?;
        let mut rows = vec![row(&place.coin, &coin, coin_traded, coin_paid)?];
        if let (Some(token), Some(paid)) = (&place.token, dollars_paid) {
            rows.push(row(token, &dollars, dollars_traded, paid)?);
        }
        self.board.doing(place.network, "all is paid");
        Ok(rows)
    }
}
