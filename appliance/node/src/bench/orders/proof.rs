//! Afterwards: every acknowledged order is there once and no other is, money was neither made nor lost, what accounts keep
//! back is what open orders hold, and all nodes hold the same rows.

use std::collections::BTreeMap;
use std::time::Duration;

use exchequer_api::dto;
use exchequer_domain::{Code, Problem, format_duration};
use futures::{StreamExt as _, TryStreamExt as _};
use reqwest::Method;

use super::Seat;
use super::floor::Floor;
use super::trader::{Fate, Trader};
use crate::cli::{Client, ClientArgs, OrdersProof, Repeat};

/// Traders that are read at once.
const READERS: usize = 4;
/// How long the nodes may take to hash all their rows.
const HASHING: Duration = Duration::from_secs(300);

/// What one trader's orders came to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    proof: OrdersProof,
    /// What its open orders hold, in minor units of base and quote.
    holds: [u128; 2],
}

fn odd(what: &str, text: &str) -> Problem {
    Problem::new(Code::Internal, format!("the bench's assets have no decimals, but {what} is `{text}`"))
}

fn units(what: &str, text: &str) -> Result<u128, Problem> {
    text.parse().map_err(|_| odd(what, text))
}

/// Reads everything back.
pub(super) async fn read_back(
    args: &ClientArgs,
    floor: &Floor,
    seats: &[std::sync::Arc<Seat>],
) -> Result<OrdersProof, Problem> {
    let client = Client::open(args)?.patient(HASHING);
    let traders: Vec<_> = seats.iter().map(|seat| seat.trader.lock()).map(|trader| Known::of(&trader)).collect();
    let symbols: BTreeMap<u32, &str> =
        floor.symbols.iter().map(|(market, symbol)| (market.0, symbol.as_str())).collect();
    let checks = traders.iter().map(|trader| check_trader(&client, floor, &symbols, trader));
    let found: Vec<OrdersProof> = futures::stream::iter(checks).buffer_unordered(READERS).try_collect().await?;
    let mut proof = OrdersProof::default();
    for one in &found {
        proof.acknowledged += one.acknowledged;
        proof.found += one.found;
        proof.missing += one.missing;
        proof.twice += one.twice;
        proof.refused_but_there += one.refused_but_there;
        proof.unknown += one.unknown;
        proof.unknown_but_there += one.unknown_but_there;
        proof.strange += one.strange;
        proof.open += one.open;
    }
    proof.reservations_match = found.iter().all(|one| one.reservations_match);
    proof.balances_conserve = conserves(&client, &floor.base, floor.base_units).await?
        && conserves(&client, &floor.quote, floor.quote_units).await?;
    let body = dto::Verify { patience: Some(format_duration(HASHING)) };
    let verified: dto::Verified = client.change(Method::POST, &["cluster", "verify"], &body, Repeat::Read).await?;
    proof.nodes_agree = verified.agree;
    proof.nodes = verified.nodes.len() as u64;
    Ok(proof)
}

/// What is to be found of a trader, without its lock.
struct Known {
    user: u64,
    market: u32,
    fates: Vec<Fate>,
    prefix: String,
}

impl Known {
    fn of(trader: &Trader) -> Known {
        let (user, market) = (trader.user.0, trader.market.0);
        Known { user, market, fates: trader.fates.clone(), prefix: trader.prefix().to_owned() }
    }

    /// Compares what was sent with what is there.
    fn compare(&self, orders: &[dto::Order]) -> Result<Found, Problem> {
        let mut times = vec![0_u32; self.fates.len()];
        let (mut proof, mut holds) = (OrdersProof::default(), [0, 0]);
        for order in orders {
            let number = order.client_id.strip_prefix(&self.prefix).and_then(|rest| rest.parse::<usize>().ok());
            match number.and_then(|number| times.get_mut(number)) {
                Some(times) => *times += 1,
                None => proof.strange += 1,
            }
            if matches!(order.status.as_str(), "open" | "partly-filled") {
                proof.open += 1;
                let price = units("a price", order.price.as_deref().unwrap_or_default())?;
                let quantity = units("a quantity", order.quantity.as_deref().unwrap_or_default())?;
                let left = quantity - units("a quantity", &order.executed)?.min(quantity);
                match order.side.as_str() {
                    "sell" => holds[0] += left,
                    // With neither decimals nor larger steps, a price is minor units of quote for one of base.
                    _ => holds[1] += left * price,
                }
            }
        }
        for (fate, times) in self.fates.iter().zip(times) {
            match fate {
                Fate::Acknowledged => {
                    proof.acknowledged += 1;
                    proof.found += u64::from(times == 1);
                    proof.missing += u64::from(times == 0);
                }
                Fate::Refused => proof.refused_but_there += u64::from(times > 0),
                Fate::Unknown => {
                    proof.unknown += 1;
                    proof.unknown_but_there += u64::from(times > 0);
                }
            }
            proof.twice += u64::from(times > 1);
        }
        Ok(Found { proof, holds })
    }
}

async fn check_trader(
    client: &Client,
    floor: &Floor,
    symbols: &BTreeMap<u32, &str>,
    known: &Known,
) -> Result<OrdersProof, Problem> {
    let unknown = || Problem::new(Code::Internal, "a trader's market is not one of the bench");
    let symbol = symbols.get(&known.market).copied().ok_or_else(unknown)?;
    let mut orders: Vec<dto::Order> = Vec::new();
    loop {
        let from = orders.last().map_or(0, |last| last.order + 1);
        let query = [
            ("user", known.user.to_string()),
            ("market", symbol.to_owned()),
            ("state", "all".to_owned()),
            ("from", from.to_string()),
        ];
        let page: dto::Orders = client.get(&["orders"], &query).await?;
        if page.orders.is_empty() {
            break;
        }
        orders.extend(page.orders);
    }
    let Found { mut proof, holds } = known.compare(&orders)?;
    let accounts: dto::Accounts = client.get(&["ledger", "accounts"], &[("user", known.user.to_string())]).await?;
    let mut reserved = [0, 0];
    for account in &accounts.accounts {
        for (code, sum) in [&floor.base, &floor.quote].into_iter().zip(&mut reserved) {
            if account.asset == *code {
                *sum += units("a reservation", &account.reserved)?;
            }
        }
    }
    proof.reservations_match = reserved == holds;
    Ok(proof)
}

/// Whether the users' balances and the fees are what was given out, which is what equity lacks.
async fn conserves(client: &Client, asset: &str, given: u128) -> Result<bool, Problem> {
    let query = [("asset", asset.to_owned())];
    let balance: dto::TrialBalance = client.get(&["ledger", "trial-balance"], &query).await?;
    let Some(one) = balance.assets.first() else { return Ok(false) };
    let mut has = units("a balance", &one.users)?;
    let mut lacks = 0;
    for account in &one.system {
        match account.posted.strip_prefix('-') {
            Some(overdrawn) => lacks += units("a balance", overdrawn)?,
            None => has += units("a balance", &account.posted)?,
        }
    }
    Ok(has == given && lacks == given)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(name: &str, side: &str, status: &str) -> dto::Order {
        dto::Order {
            order: 1,
            market: "M".to_owned(),
            user: 1,
            client_id: name.to_owned(),
            side: side.to_owned(),
            kind: "limit".to_owned(),
            price: Some("7".to_owned()),
            quantity: Some("300".to_owned()),
            quote_quantity: None,
            life: None,
            trigger: None,
            status: status.to_owned(),
            ended: None,
            executed: "100".to_owned(),
            executed_quote: "700".to_owned(),
            created_at: String::new(),
            updated_at: String::new(),
        }
    }

    /// Goal: every way in which orders can differ from what was acknowledged is told apart, and what open orders hold is
    /// added up by side. Method: one order of each kind.
    #[test]
    fn differences_are_told_apart() {
        use Fate::{Acknowledged, Refused, Unknown};
        let fates = vec![Acknowledged, Acknowledged, Acknowledged, Refused, Refused, Unknown, Unknown];
        let known = Known { user: 1, market: 1, fates, prefix: "b-".to_owned() };
        let orders = [
            order("b-0", "buy", "partly-filled"),
            order("b-1", "sell", "open"),
            order("b-1", "sell", "filled"),
            order("b-3", "buy", "ended"),
            order("b-5", "buy", "ended"),
            order("b-9", "buy", "ended"),
        ];
        let Found { proof, holds } = known.compare(&orders).unwrap();
        let expected = OrdersProof {
            acknowledged: 3,
            found: 1,
            missing: 1,
            twice: 1,
            refused_but_there: 1,
            unknown: 2,
            unknown_but_there: 1,
            strange: 1,
            open: 2,
            ..OrdersProof::default()
        };
        assert_eq!((proof, holds), (expected, [200, 1_400]));
        assert!(!proof.is_good());
        let alone = Known { user: 1, market: 1, fates: vec![Acknowledged], prefix: "b-".to_owned() };
        let found = alone.compare(&[order("b-0", "buy", "filled")]).unwrap();
        let rest = OrdersProof { reservations_match: true, balances_conserve: true, nodes_agree: true, ..found.proof };
        assert!(rest.is_good() && !found.proof.is_good());
    }
}
