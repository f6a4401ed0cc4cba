//! What the rows tell of orders and trades that are over, in pages.

use exchequer_domain::UserId;
use exchequer_matching::{OrderId, Side, TradeId};

use super::{ClientOrderId, MarketId, Markets, OrderRecord, TradeRecord, client_key, history_key, trade};
use crate::codec;
use crate::halt::Halt;
use crate::rows::{Family, Row, Rows, Table};

/// Most rows of one page.
pub const HISTORY_PAGE_MAX: usize = 1_000;

/// A user's side of a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserTrade {
    /// The trade's number in its market.
    pub id: TradeId,
    /// The user's order.
    pub order: OrderId,
    /// Whether the user bought or sold.
    pub side: Side,
    /// Whether the user's order came second.
    pub taker: bool,
    /// The trade.
    pub trade: TradeRecord,
}

fn suffix<const LENGTH: usize>(key: &[u8]) -> Option<[u8; LENGTH]> {
    key.last_chunk().copied()
}

impl Markets {
    /// An order of a user, open or over.
    ///
    /// # Errors
    /// The rows cannot be read or are damaged.
    pub fn order(
        &self,
        rows: &dyn Rows,
        user: UserId,
        market: MarketId,
        id: OrderId,
    ) -> Result<Option<OrderRecord>, Halt> {
        if let Some(open) = self.open_order(market, id) {
            return Ok(Some(*open).filter(|open| open.user == user));
        }
        let row = rows.get(Family::History, &history_key(user, market, id))?;
        row.map(|row| codec::decode(&row).map_err(|error| Halt::row(Table::Order, error))).transpose()
    }

    /// The latest order of a user with this name, open or over, in whichever market it was.
    ///
    /// # Errors
    /// As [`Markets::order`].
    pub fn order_named(
        &self,
        rows: &dyn Rows,
        user: UserId,
        client_id: ClientOrderId,
    ) -> Result<Option<OrderRecord>, Halt> {
        let Some(row) = rows.get(Family::Ids, &client_key(user, client_id))? else { return Ok(None) };
        let (market, id): (MarketId, OrderId) =
            codec::decode(&row).map_err(|error| Halt::row(Table::ClientOrder, error))?;
        self.order(rows, user, market, id)
    }

    /// Orders of a user in a market, open or over: those from `from` on, oldest first, or the latest ones where there is
    /// no `from`. At most `limit` and [`HISTORY_PAGE_MAX`], in the order of their numbers.
    ///
    /// # Errors
    /// As [`Markets::order`].
    pub fn orders(
        &self,
        rows: &dyn Rows,
        user: UserId,
        market: MarketId,
        from: Option<OrderId>,
        limit: usize,
    ) -> Result<Vec<OrderRecord>, Halt> {
        let limit = limit.min(HISTORY_PAGE_MAX);
        let first = history_key(user, market, from.unwrap_or(OrderId(0)));
        let last = after(history_key(user, market, OrderId(u64::MAX)));
        let page = rows.scan(Family::History, &first, &last, limit, from.is_none())?;
        let over = page.iter().map(|(_, row)| codec::decode(row).map_err(|error| Halt::row(Table::Order, error)));
        let mut orders: Vec<OrderRecord> = over.collect::<Result<_, _>>()?;
        let open = self.open_orders(user, market).filter(|order| from.is_none_or(|from| order.id >= from));
        orders.extend(open.copied());
        orders.sort_unstable_by_key(|order| order.id);
        let surplus = orders.len().saturating_sub(limit);
        match from {
            Some(_) => orders.truncate(limit),
            None => drop(orders.drain(..surplus)),
        }
        Ok(orders)
    }

    /// One trade of a market.
    ///
    /// # Errors
    /// As [`Markets::order`].
    pub fn trade(rows: &dyn Rows, market: MarketId, id: TradeId) -> Result<Option<TradeRecord>, Halt> {
        let row = rows.get(Family::History, &trade::key(market, id))?;
        row.map(|row| codec::decode(&row).map_err(|error| Halt::row(Table::Trade, error))).transpose()
    }

    /// Trades of a market: those from `from` on, oldest first, or the latest ones where there is no `from`.
    ///
    /// # Errors
    /// As [`Markets::order`].
    pub fn trades(
        rows: &dyn Rows,
        market: MarketId,
        from: Option<TradeId>,
        limit: usize,
    ) -> Result<Vec<(TradeId, TradeRecord)>, Halt> {
        let first = trade::key(market, from.unwrap_or_default());
        let last = after(trade::key(market, TradeId(u64::MAX)));
        let mut page = rows.scan(Family::History, &first, &last, limit.min(HISTORY_PAGE_MAX), from.is_none())?;
        if from.is_none() {
            page.reverse();
        }
        let damaged = Halt::RowDamaged { table: Table::Trade };
        page.iter()
            .map(|(key, row)| {
                let id = suffix(key).map(u64::from_be_bytes).ok_or_else(|| damaged.clone())?;
                Ok((TradeId(id), codec::decode(row).map_err(|error| Halt::row(Table::Trade, error))?))
            })
            .collect()
    }

    /// A user's trades in a market, paged as [`Markets::trades`]. Both sides of a trade with oneself are on one page, which
    /// may be longer by one for it.
    ///
    /// # Errors
    /// As [`Markets::order`].
    pub fn user_trades(
        rows: &dyn Rows,
        user: UserId,
        market: MarketId,
        from: Option<TradeId>,
        limit: usize,
    ) -> Result<Vec<UserTrade>, Halt> {
        let first = trade::user_key(user, market, from.unwrap_or_default(), Side::Buy);
        let last = after(trade::user_key(user, market, TradeId(u64::MAX), Side::Sell));
        let limit = limit.min(HISTORY_PAGE_MAX);
        let mut page = rows.scan(Family::History, &first, &last, limit + 1, from.is_none())?;
        let number = |row: Option<&Row>| row.and_then(|(key, _)| trade::of_user_key(key));
        if page.len() > limit && (limit == 0 || number(page.get(limit)) != number(page.get(limit - 1))) {
            page.truncate(limit);
        }
        if from.is_none() {
            page.reverse();
        }
        let damaged = |table| Halt::RowDamaged { table };
        let mut trades = Vec::with_capacity(page.len());
        for (key, row) in &page {
            let id = trade::of_user_key(key).ok_or_else(|| damaged(Table::UserTrade))?;
            let (order, side, taker) = codec::decode(row).map_err(|error| Halt::row(Table::UserTrade, error))?;
            let row = rows.get(Family::History, &trade::key(market, id))?.ok_or_else(|| damaged(Table::Trade))?;
            let trade = codec::decode(&row).map_err(|error| Halt::row(Table::Trade, error))?;
            trades.push(UserTrade { id, order, side, taker, trade });
        }
        Ok(trades)
    }
}

/// The first key behind this one.
fn after(mut key: Vec<u8>) -> Vec<u8> {
    key.push(0);
    key
}
