//! Market makers: a ladder of resting orders around the price that the crowd believes in, moved rung by rung.

use std::time::Duration;

use anyhow::Result;

use super::dice::Dice;
use super::door::{Named, Params};
use super::trader::{Desk, Habit};

/// Rungs of each side.
const RUNGS: usize = 4;
/// From the price to the first rung, in millionths.
const HALF_SPREAD_PPM: u64 = 50;
/// From one rung to the next, in millionths.
const GAP_PPM: u64 = 70;
/// How often a maker looks at its ladder. Twice a second would be more orders in a day than one node takes of an account.
const PACE: Duration = Duration::from_millis(560);
/// The dialect's code for an order that is not there to be cancelled.
const GONE: i64 = -2011;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Buy,
    Sell,
}

impl Side {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Side::Buy => "BUY",
            Side::Sell => "SELL",
        }
    }
}

/// An order of the ladder.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rung {
    name: String,
    ticks: u64,
}

/// One maker's ladder in one market.
#[derive(Debug)]
pub(super) struct Maker {
    market: usize,
    rungs: Vec<Option<Rung>>,
}

/// Where the rung of a place belongs: even places are bids, odd ones asks, the nearest first.
fn target(place: usize, fair: u64) -> (Side, u64) {
    let away_ppm = HALF_SPREAD_PPM + GAP_PPM * (place / 2) as u64;
    // At least a tick for the spread and for each rung, however small the price.
    let away = (fair * away_ppm).div_ceil(1_000_000).max(1 + (place / 2) as u64);
    match place % 2 {
        0 => (Side::Buy, fair.saturating_sub(away).max(1)),
        _ => (Side::Sell, fair + away),
    }
}

/// The place that most needs a new order: one on the wrong side of the price, then an empty one, then the one that is
/// farthest off. None where all of them are well.
fn neediest(rungs: &[Option<Rung>], fair: u64) -> Option<usize> {
    let need = |place: usize, rung: &Option<Rung>| {
        let Some(rung) = rung else { return u64::MAX - 1 };
        let (side, ticks) = target(place, fair);
        let wrong = match side {
            Side::Buy => rung.ticks >= fair,
            Side::Sell => rung.ticks <= fair,
        };
        let tolerance = (fair * GAP_PPM / 1_000_000 / 5).max(1);
        let off = rung.ticks.abs_diff(ticks);
        match (wrong, off > tolerance) {
            (true, _) => u64::MAX,
            (false, true) => off,
            (false, false) => 0,
        }
    };
    let needs = rungs.iter().enumerate().map(|(place, rung)| (need(place, rung), place));
    // Of equal needs the one nearest to the price.
    needs.filter(|(need, _)| *need > 0).min_by_key(|(need, place)| (u64::MAX - need, *place)).map(|(_, place)| place)
}

impl Maker {
    /// A maker of the market with this number.
    pub(super) fn new(market: usize) -> Maker {
        Maker { market, rungs: vec![None; 2 * RUNGS] }
    }

    fn quantity(place: usize, size_lots: u64, dice: &mut Dice) -> u64 {
        // More of it farther away.
        size_lots * dice.between(50, 150) / 100 * (1 + (place / 2) as u64)
    }

    /// Puts an order in a place, instead of the one that is there.
    fn put(&mut self, desk: &mut Desk, place: usize, fair: u64) -> Result<()> {
        let market = desk.market(self.market);
        let (side, ticks) = target(place, fair);
        let name = desk.name();
        let lots = Maker::quantity(place, market.size_lots, &mut desk.dice);
        let mut params: Params = vec![
            ("symbol", market.symbol.to_owned()),
            ("side", side.word().to_owned()),
            ("type", "LIMIT_MAKER".to_owned()),
            ("price", market.price(ticks)),
            ("quantity", market.quantity(lots)),
            ("newClientOrderId", name.clone()),
        ];
        let Some(slot) = self.rungs.get_mut(place) else { return Ok(()) };
        let old = slot.take();
        let path = match &old {
            None => "/api/v3/order",
            Some(old) => {
                params.push(("cancelReplaceMode", "STOP_ON_FAILURE".to_owned()));
                params.push(("cancelOrigClientOrderId", old.name.clone()));
                "/api/v3/order/cancelReplace"
            }
        };
        let new = Named { symbol: market.symbol, name: &name, is_list: false };
        match (desk.enter(path, &params, &new)?, old) {
            (Ok(_), _) => *slot = Some(Rung { name, ticks }),
            // It was filled in the meantime.
            (Err(GONE), _) => {}
            // Where the new one is not there the old one may be: the step was not taken, or nobody knows.
            (Err(_), Some(old)) => desk.cancel(&Named { symbol: market.symbol, name: &old.name, is_list: false })?,
            (Err(_), None) => {}
        }
        Ok(())
    }
}

impl Habit for Maker {
    fn pace(&self) -> Duration {
        // Quickly, until the ladder stands.
        if self.rungs.iter().flatten().count() < RUNGS { PACE / 4 } else { PACE }
    }

    fn turn(&mut self, desk: &mut Desk) -> Result<()> {
        let fair = desk.fair(self.market);
        match neediest(&self.rungs, fair) {
            Some(place) => self.put(desk, place, fair),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crowd::places::MARKETS;

    /// Goal: a ladder never crosses itself, in no market and at no price. Method: the rungs of both sides at the anchors
    /// and at very small prices.
    #[test]
    fn ladders_do_not_cross() {
        let fairs = MARKETS.iter().map(|market| market.anchor_ticks).chain([10, 100, 1_000]);
        for fair in fairs {
            let of = |wanted: Side| {
                let rungs = (0..2 * RUNGS).map(|place| target(place, fair));
                rungs.filter(|(side, _)| *side == wanted).map(|(_, ticks)| ticks).collect::<Vec<_>>()
            };
            let (bids, asks) = (of(Side::Buy), of(Side::Sell));
            assert_eq!((bids.len(), asks.len()), (RUNGS, RUNGS));
            assert!(bids.is_sorted_by(|near, far| near > far) && asks.is_sorted_by(|near, far| near < far), "{fair}");
            assert!(bids[0] < fair && asks[0] > fair, "{fair}");
        }
    }

    /// Goal: the maker first moves what would lose money, then fills gaps, then follows the price, and leaves a good
    /// ladder alone. Method: one ladder, spoilt in each of these ways.
    #[test]
    fn the_neediest_comes_first() {
        let fair = 640_000;
        let rung = |ticks| Some(Rung { name: String::new(), ticks });
        let good: Vec<_> = (0..2 * RUNGS).map(|place| rung(target(place, fair).1)).collect();
        assert_eq!(neediest(&good, fair), None);
        let mut spoilt = good.clone();
        spoilt[6] = rung(target(6, fair).1 - 100);
        assert_eq!(neediest(&spoilt, fair), Some(6));
        spoilt[5] = None;
        assert_eq!(neediest(&spoilt, fair), Some(5));
        spoilt[2] = rung(fair + 1);
        assert_eq!(neediest(&spoilt, fair), Some(2));
        assert_eq!(neediest(&good, fair + 200), Some(1), "the ask that the price has passed");
    }
}
