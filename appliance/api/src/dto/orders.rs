//! Orders, as an operator sees and enters them on behalf of a user.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shapes::{Amount, AssetCode, ClientOrderIdText, CommandIdText, MarketSymbol, Moment};

/// What an order waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Trigger {
    /// `stop-loss`, `take-profit` or `trailing`.
    #[schemars(extend("enum" = ["stop-loss", "take-profit", "trailing"]))]
    pub kind: String,
    /// The price; of a trailing trigger how far the price must turn.
    #[schemars(with = "Amount")]
    pub price: String,
}

/// One order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Order {
    /// Its number in the market.
    pub order: u64,
    /// The market.
    #[schemars(with = "MarketSymbol")]
    pub market: String,
    /// Whose it is.
    pub user: u64,
    /// Its name.
    #[schemars(with = "ClientOrderIdText")]
    pub client_id: String,
    /// `buy` or `sell`.
    pub side: String,
    /// `limit` or `market`.
    pub kind: String,
    /// The limit.
    #[schemars(with = "Option<Amount>")]
    pub price: Option<String>,
    /// What was asked, in base.
    #[schemars(with = "Option<Amount>")]
    pub quantity: Option<String>,
    /// What was asked, in quote.
    #[schemars(with = "Option<Amount>")]
    pub quote_quantity: Option<String>,
    /// Of a limit order: `rest`, `post-only`, `immediate` or `fill-or-kill`.
    pub life: Option<String>,
    /// What it waits or waited for.
    pub trigger: Option<Trigger>,
    /// `waiting`, `open`, `partly-filled`, `filled` or `ended`.
    pub status: String,
    /// Why an order that ended did.
    pub ended: Option<String>,
    /// What was traded, in base.
    #[schemars(with = "Amount")]
    pub executed: String,
    /// What was paid or received for it before fees, in quote.
    #[schemars(with = "Amount")]
    pub executed_quote: String,
    /// When it was entered.
    #[schemars(with = "Moment")]
    pub created_at: String,
    /// When it last changed.
    #[schemars(with = "Moment")]
    pub updated_at: String,
}

/// `GET /v1/orders`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Orders {
    /// In the order of the numbers.
    pub orders: Vec<Order>,
}

/// `POST /v1/orders`: on behalf of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceOrder {
    /// Whose.
    #[schemars(range(min = 1))]
    pub user: u64,
    /// Where.
    #[schemars(with = "MarketSymbol")]
    pub market: String,
    /// `buy` or `sell`.
    #[schemars(extend("enum" = ["buy", "sell"]))]
    pub side: String,
    /// `limit` or `market`.
    #[schemars(extend("enum" = ["limit", "market"]))]
    pub kind: String,
    /// The limit of a limit order.
    #[schemars(with = "Option<Amount>")]
    pub price: Option<String>,
    /// How much, in base.
    #[schemars(with = "Option<Amount>")]
    pub quantity: Option<String>,
    /// Of a market order, how much in quote instead.
    #[schemars(with = "Option<Amount>")]
    pub quote_quantity: Option<String>,
    /// Of a limit order: `rest` where nothing is said, `post-only`, `immediate` or `fill-or-kill`.
    #[schemars(extend("enum" = ["rest", "post-only", "immediate", "fill-or-kill", null]))]
    pub life: Option<String>,
    /// What it waits for before.
    pub trigger: Option<Trigger>,
    /// What happens where it would trade with its owner: `expire-taker` where nothing is said, `expire-maker`,
    /// `expire-both`, `decrement` or `allow`.
    #[schemars(extend("enum" = ["expire-taker", "expire-maker", "expire-both", "decrement", "allow", null]))]
    pub self_trade: Option<String>,
    /// Its name, free among the user's open orders of the market; made of the command's id where nothing is said.
    #[schemars(with = "Option<ClientOrderIdText>")]
    pub client_id: Option<String>,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// `POST /v1/orders/cancel`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelOrder {
    /// Whose.
    #[schemars(range(min = 1))]
    pub user: u64,
    /// Where.
    #[schemars(with = "MarketSymbol")]
    pub market: String,
    /// Its number; this or its name.
    pub order: Option<u64>,
    /// Its name.
    #[schemars(with = "Option<ClientOrderIdText>")]
    pub client_id: Option<String>,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// `POST /v1/orders/cancel-all`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelOrders {
    /// Whose.
    #[schemars(range(min = 1))]
    pub user: u64,
    /// Where.
    #[schemars(with = "MarketSymbol")]
    pub market: String,
    /// `buy` or `sell`; both where nothing is said.
    #[schemars(extend("enum" = ["buy", "sell", null]))]
    pub side: Option<String>,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// One trade of an order, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fill {
    /// The trade's number in its market.
    pub trade: u64,
    /// At which price.
    #[schemars(with = "Amount")]
    pub price: String,
    /// How much, in base.
    #[schemars(with = "Amount")]
    pub quantity: String,
    /// The fee, in `fee_asset`.
    #[schemars(with = "Amount")]
    pub fee: String,
    /// What was received, and the fee is in.
    #[schemars(with = "AssetCode")]
    pub fee_asset: String,
}

/// What became of orders that were placed or cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrdersChanged {
    /// The orders, as they are now.
    pub orders: Vec<Order>,
    /// Their trades.
    pub fills: Vec<Fill>,
    /// The entry it was applied in.
    pub index: u64,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}
