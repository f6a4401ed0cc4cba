//! Trades as rows: one per trade, and one per side that leads from a user to its trades.

use exchequer_domain::{Timestamp, UserId};
use exchequer_matching::{Lots, OrderId, Side, Ticks, Trade, TradeId};
use serde::{Deserialize, Serialize};

use super::MarketId;
use crate::rows::Table;

/// One side of a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TradeSide {
    /// Whose order it was.
    pub user: UserId,
    /// The order.
    pub order: OrderId,
    /// The fee, in minor units of what this side received.
    pub fee: u128,
}

/// A trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TradeRecord {
    /// When.
    pub time: Timestamp,
    /// At which price.
    pub price: Ticks,
    /// How much, in lots.
    pub lots: Lots,
    /// The same in minor units of the base asset.
    pub base: u128,
    /// What was paid, in minor units of the quote asset.
    pub quote: u128,
    /// The side of the order that came second.
    pub taker: Side,
    /// Who received the base asset.
    pub buyer: TradeSide,
    /// Who received the quote asset.
    pub seller: TradeSide,
}

impl TradeRecord {
    pub(crate) fn of(trade: &Trade, time: Timestamp) -> TradeRecord {
        let side = |party: &exchequer_matching::Party| TradeSide {
            user: UserId(u64::from(party.owner.0)),
            order: party.id,
            fee: party.fee,
        };
        TradeRecord {
            time,
            price: trade.price,
            lots: trade.lots,
            base: trade.base,
            quote: trade.quote,
            taker: trade.taker,
            buyer: side(&trade.buyer),
            seller: side(&trade.seller),
        }
    }
}

/// The key of a trade.
pub(crate) fn key(market: MarketId, trade: TradeId) -> Vec<u8> {
    let mut suffix = [0; 12];
    suffix[..4].copy_from_slice(&market.0.to_be_bytes());
    suffix[4..].copy_from_slice(&trade.0.to_be_bytes());
    Table::Trade.key(&suffix)
}

/// The key under which a user's side of a trade is found; a user can be on both.
pub(crate) fn user_key(user: UserId, market: MarketId, trade: TradeId, side: Side) -> Vec<u8> {
    let mut suffix = [0; 21];
    suffix[..8].copy_from_slice(&user.0.to_be_bytes());
    suffix[8..12].copy_from_slice(&market.0.to_be_bytes());
    suffix[12..20].copy_from_slice(&trade.0.to_be_bytes());
    suffix[20] = side as u8;
    Table::UserTrade.key(&suffix)
}

/// The trade's number in such a key.
pub(crate) fn of_user_key(key: &[u8]) -> Option<TradeId> {
    let (_, number) = key.split_last()?.1.split_last_chunk()?;
    Some(TradeId(u64::from_be_bytes(*number)))
}
