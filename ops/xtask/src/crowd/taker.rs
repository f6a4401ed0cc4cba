//! Traders who come and go: market and immediate orders that take what rests, and the slower kinds: orders inside the
//! spread, icebergs, stops, trailing stops and pairs. What they leave in the books they cancel after a while.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::Result;

use super::dice::Dice;
use super::door::{Named, Params};
use super::maker::Side;
use super::places::{MARKETS, Market};
use super::trader::{Desk, Habit};

/// How a trader of this kind trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Takes at once, mostly.
    Hasty,
    /// Large orders that show little, made smaller or cancelled later.
    Patient,
    /// Stops and pairs.
    Careful,
}

/// An order that was left in a book.
#[derive(Debug)]
struct Left {
    market: &'static Market,
    name: String,
    is_list: bool,
}

impl Left {
    fn named(&self) -> Named<'_> {
        Named { symbol: self.market.symbol, name: &self.name, is_list: self.is_list }
    }
}

/// A trader who comes and goes.
#[derive(Debug)]
pub(super) struct Taker {
    kind: Kind,
    left: VecDeque<Left>,
}

/// An order that was thought of.
#[derive(Debug, PartialEq, Eq)]
struct Wish {
    path: &'static str,
    params: Params,
    /// Whether it may stay in the book.
    rests: bool,
    lots: u64,
}

const ORDER: &str = "/api/v3/order";
const PAIR: &str = "/api/v3/orderList/oco";

/// A price so many millionths above or below another one.
fn above(fair: u64, ppm: u64) -> u64 {
    fair + (fair * ppm).div_ceil(1_000_000).max(1)
}

fn below(fair: u64, ppm: u64) -> u64 {
    fair.saturating_sub((fair * ppm).div_ceil(1_000_000).max(1)).max(1)
}

/// Towards higher prices for a buyer, lower ones for a seller.
fn worse(side: Side, fair: u64, ppm: u64) -> u64 {
    match side {
        Side::Buy => above(fair, ppm),
        Side::Sell => below(fair, ppm),
    }
}

fn better(side: Side, fair: u64, ppm: u64) -> u64 {
    match side {
        Side::Buy => below(fair, ppm),
        Side::Sell => above(fair, ppm),
    }
}

/// An order of a kind, under a name.
fn wish(kind: Kind, market: &Market, fair: u64, name: &str, dice: &mut Dice) -> Wish {
    let side = if dice.chance(50) { Side::Buy } else { Side::Sell };
    let mut params: Params = vec![("symbol", market.symbol.to_owned()), ("side", side.word().to_owned())];
    let mut say = |name: &'static str, value: String| params.push((name, value));
    let mut lots = market.size_lots * dice.between(8, 90) / 100;
    let (mut path, mut rests) = (ORDER, false);
    match (kind, dice.below(100)) {
        (Kind::Hasty, 0..50) => {
            say("type", "MARKET".into());
            say("quantity", market.quantity(lots));
        }
        (Kind::Hasty, 50..65) => {
            say("type", "MARKET".into());
            say("quoteOrderQty", dice.between(20, 900).to_string());
        }
        (Kind::Hasty, 65..88) => {
            say("type", "LIMIT".into());
            say("timeInForce", if dice.chance(85) { "IOC" } else { "FOK" }.into());
            say("price", market.price(worse(side, fair, dice.between(20, 250))));
            say("quantity", market.quantity(lots));
        }
        // Inside the spread, where the next one takes it.
        (Kind::Hasty, _) => {
            rests = true;
            say("type", "LIMIT".into());
            say("timeInForce", "GTC".into());
            say("price", market.price(better(side, fair, dice.between(0, 40))));
            say("quantity", market.quantity(lots));
        }
        (Kind::Patient, _) => {
            rests = true;
            lots = market.size_lots * dice.between(300, 800) / 100;
            say("type", "LIMIT".into());
            say("timeInForce", "GTC".into());
            say("price", market.price(better(side, fair, dice.between(0, 120))));
            say("quantity", market.quantity(lots));
            say("icebergQty", market.quantity(lots / dice.between(5, 12)));
        }
        (Kind::Careful, 0..45) => {
            (path, rests) = (PAIR, true);
            let (gain, loss) = (better(side, fair, dice.between(200, 600)), worse(side, fair, dice.between(150, 500)));
            let (limit, stop) = match side {
                Side::Sell => (("aboveType", "abovePrice"), ("belowType", "belowStopPrice")),
                Side::Buy => (("belowType", "belowPrice"), ("aboveType", "aboveStopPrice")),
            };
            say("quantity", market.quantity(lots));
            say(limit.0, "LIMIT_MAKER".into());
            say(limit.1, market.price(gain));
            say(stop.0, "STOP_LOSS".into());
            say(stop.1, market.price(loss));
        }
        (Kind::Careful, 45..75) => {
            rests = true;
            let trigger = worse(side, fair, dice.between(100, 500));
            say("type", "STOP_LOSS_LIMIT".into());
            say("timeInForce", "GTC".into());
            say("stopPrice", market.price(trigger));
            say("price", market.price(worse(side, trigger, 300)));
            say("quantity", market.quantity(lots));
        }
        (Kind::Careful, 75..88) => {
            rests = true;
            say("type", "TAKE_PROFIT".into());
            say("stopPrice", market.price(better(side, fair, dice.between(150, 600))));
            say("quantity", market.quantity(lots));
        }
        (Kind::Careful, _) => {
            rests = true;
            say("type", "STOP_LOSS".into());
            say("trailingDelta", dice.between(8, 30).to_string());
            say("quantity", market.quantity(lots));
        }
    }
    say(if path == PAIR { "listClientOrderId" } else { "newClientOrderId" }, name.to_owned());
    Wish { path, params, rests, lots }
}

impl Taker {
    /// A trader of this kind.
    pub(super) fn new(kind: Kind) -> Taker {
        Taker { kind, left: VecDeque::new() }
    }

    /// How many orders it leaves in the books before it cancels the oldest.
    const fn left_max(&self) -> usize {
        match self.kind {
            Kind::Hasty => 3,
            Kind::Patient => 5,
            Kind::Careful => 9,
        }
    }
}

impl Habit for Taker {
    fn pace(&self) -> Duration {
        Duration::from_millis(match self.kind {
            Kind::Hasty => 600,
            Kind::Patient => 1_500,
            Kind::Careful => 1_200,
        })
    }

    fn turn(&mut self, desk: &mut Desk) -> Result<()> {
        if self.left.len() > self.left_max()
            && let Some(oldest) = self.left.pop_front()
        {
            return desk.cancel(&oldest.named());
        }
        let number = desk.dice.below(MARKETS.len() as u64) as usize;
        let (market, fair, name) = (desk.market(number), desk.fair(number), desk.name());
        let wish = wish(self.kind, market, fair, &name, &mut desk.dice);
        let left = Left { market, name, is_list: wish.path == PAIR };
        let entered = desk.enter(wish.path, &wish.params, &left.named())?;
        if entered.is_err() || !wish.rests {
            return Ok(());
        }
        if self.kind == Kind::Patient && desk.dice.chance(40) {
            desk.shrink(&left.named(), market.quantity(wish.lots * 4 / 5))?;
        }
        self.left.push_back(left);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value<'a>(wish: &'a Wish, name: &str) -> Option<&'a str> {
        wish.params.iter().find(|(param, _)| *param == name).map(|(_, value)| value.as_str())
    }

    /// Goal: traders of every kind think of every order that they should, and of none that the exchange must refuse: each
    /// has what its type needs, on the steps of its market, above the smallest notional, and pairs stand around the price.
    /// Method: a few thousand orders of each kind in each market.
    #[test]
    fn wishes_are_sound() {
        let seed = 0x0c20_3d05;
        println!("seed {seed:#x}");
        let mut dice = Dice::new(seed, 1);
        let mut types = std::collections::BTreeMap::new();
        for (kind, market) in [Kind::Hasty, Kind::Patient, Kind::Careful]
            .into_iter()
            .flat_map(|kind| MARKETS.iter().map(move |market| (kind, market)))
        {
            for number in 0..2_000 {
                let fair = market.anchor_ticks;
                let name = format!("t-{number}");
                let wish = wish(kind, market, fair, &name, &mut dice);
                let names: std::collections::BTreeSet<&str> = wish.params.iter().map(|(name, _)| *name).collect();
                assert_eq!(names.len(), wish.params.len(), "{wish:?}");
                let ticks = |name: &str| value(&wish, name).map(|price| market.ticks(price).unwrap());
                let word = value(&wish, "type").unwrap_or("OCO");
                *types.entry(word.to_owned()).or_insert(0) += 1;
                // The smallest notional is five, and the smallest price three quarters of the anchor.
                assert!(wish.lots * fair / 10_u64.pow(market.price_decimals + market.lot_decimals) > 20, "{wish:?}");
                match word {
                    "LIMIT" => {
                        assert!(ticks("price").is_some() && value(&wish, "timeInForce").is_some(), "{wish:?}");
                        assert_eq!(wish.rests, value(&wish, "timeInForce") == Some("GTC"));
                    }
                    "MARKET" => assert!(!wish.rests && value(&wish, "price").is_none(), "{wish:?}"),
                    "OCO" => {
                        assert_eq!((wish.path, value(&wish, "listClientOrderId")), (PAIR, Some(name.as_str())));
                        let (low, high) = match value(&wish, "side") {
                            Some("SELL") => (ticks("belowStopPrice"), ticks("abovePrice")),
                            _ => (ticks("belowPrice"), ticks("aboveStopPrice")),
                        };
                        assert!(low.unwrap() < fair && fair < high.unwrap(), "{wish:?}");
                    }
                    "STOP_LOSS_LIMIT" => assert!(ticks("price").is_some() && ticks("stopPrice").is_some()),
                    "TAKE_PROFIT" => assert!(ticks("stopPrice").is_some() && ticks("price").is_none()),
                    "STOP_LOSS" => assert!(value(&wish, "trailingDelta").is_some()),
                    other => panic!("{other}: {wish:?}"),
                }
                if let Some(shown) = value(&wish, "icebergQty") {
                    assert_ne!(Some(shown), value(&wish, "quantity"));
                }
            }
        }
        let all = ["LIMIT", "MARKET", "OCO", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT"];
        assert_eq!(types.keys().collect::<Vec<_>>(), all, "{types:?}");
    }
}
