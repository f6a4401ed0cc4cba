//! The levels of a market's book for streams; quantities in lots.

use exchequer_market_data::depth::{Level, Levels, SNAPSHOT_LEVELS_MAX};
use exchequer_state::matching::{Market, Side};

/// The best levels of a market, at most `limit` a side.
pub(crate) fn levels(market: &Market, limit: usize) -> Levels {
    let side = |side| {
        let levels = market.book().depth(side).take(limit.min(SNAPSHOT_LEVELS_MAX));
        levels.map(|level| Level { price: level.price.0, total: level.lots.0.into() }).collect()
    };
    Levels { bids: side(Side::Buy), asks: side(Side::Sell) }
}
