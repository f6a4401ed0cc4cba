//! The parameters of the dialect, as its description has them: what each is called, what it takes and what it means.

use serde_json::{Value, json};

/// One parameter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arg {
    pub(crate) name: &'static str,
    about: &'static str,
    pub(crate) is_needed: bool,
    kind: Kind,
}

/// What a parameter takes.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// A whole number from the first to the last.
    Number(u64, u64),
    /// One of some words.
    Words(&'static [&'static str]),
    /// Text of a form, with an example.
    Text(&'static str, &'static str),
    /// Any text.
    Any,
}

impl Arg {
    const fn of(name: &'static str, about: &'static str, kind: Kind) -> Arg {
        Arg { name, about, is_needed: false, kind }
    }

    /// A whole number of a range.
    pub(crate) const fn number(name: &'static str, first: u64, last: u64, about: &'static str) -> Arg {
        Arg::of(name, about, Kind::Number(first, last))
    }

    /// One of some words.
    pub(crate) const fn word(name: &'static str, words: &'static [&'static str], about: &'static str) -> Arg {
        Arg::of(name, about, Kind::Words(words))
    }

    /// Text that has this form, and an example of it.
    pub(crate) const fn text(
        name: &'static str,
        pattern: &'static str,
        example: &'static str,
        about: &'static str,
    ) -> Arg {
        Arg::of(name, about, Kind::Text(pattern, example))
    }

    /// Text at whose content nobody looks, or not closely.
    pub(crate) const fn any(name: &'static str, about: &'static str) -> Arg {
        Arg::of(name, about, Kind::Any)
    }

    /// An amount, a price or a quantity.
    pub(crate) const fn decimal(name: &'static str, about: &'static str) -> Arg {
        Arg::text(name, "^[0-9]{1,20}(\\.[0-9]{1,20})?$", "0.5", about)
    }

    /// A name that a client gives an order.
    pub(crate) const fn client_id(name: &'static str, about: &'static str) -> Arg {
        Arg::text(name, "^[a-zA-Z0-9-_.:/]{1,36}$", "mine-1", about)
    }

    /// A truth.
    pub(crate) const fn flag(name: &'static str, about: &'static str) -> Arg {
        Arg::word(name, &["true", "false"], about)
    }

    /// A moment in milliseconds since 1970.
    pub(crate) const fn moment(name: &'static str, about: &'static str) -> Arg {
        Arg::number(name, 0, MOMENT_MAX, about)
    }

    /// The same, and it must be given.
    pub(crate) const fn needed(self) -> Arg {
        Arg { is_needed: true, ..self }
    }

    /// Its place in OpenAPI.
    pub(super) fn describe(&self, place: &str) -> Value {
        let schema = match self.kind {
            Kind::Number(first, last) => json!({ "type": "integer", "minimum": first, "maximum": last }),
            Kind::Words(words) => json!({ "type": "string", "enum": words }),
            Kind::Any => json!({ "type": "string" }),
            Kind::Text(pattern, example) => json!({ "type": "string", "pattern": pattern, "examples": [example] }),
        };
        let is_needed = self.is_needed || place == "path";
        json!({ "name": self.name, "in": place, "required": is_needed, "description": self.about, "schema": schema })
    }

    /// A value that it takes.
    #[cfg(test)]
    pub(crate) fn example(&self) -> String {
        match self.kind {
            Kind::Number(first, _) => first.to_string(),
            Kind::Words(words) => words[0].to_owned(),
            Kind::Any => "1".to_owned(),
            Kind::Text(_, example) => example.to_owned(),
        }
    }
}

/// The end of the year 9999.
const MOMENT_MAX: u64 = 253_402_300_799_999;
/// What the names of sixteen kinds of candles are.
const INTERVALS: &[&str] =
    &["1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M"];
const PROTECTING: &[&str] = &["LIMIT_MAKER", "STOP_LOSS", "STOP_LOSS_LIMIT"];
const LIVES: &[&str] = &["GTC", "IOC", "FOK"];

pub(super) const SYMBOL: Arg = Arg::text("symbol", "^[A-Z0-9]{1,20}$", "BTCUSDT", "The market.").needed();
pub(super) const SYMBOL_OR_ALL: Arg =
    Arg::text("symbol", "^[A-Z0-9]{1,20}$", "BTCUSDT", "One market; all where none is named.");
pub(super) const SYMBOLS: Arg = Arg::text(
    "symbols",
    "^\\[\"[A-Z0-9]{1,20}\"(,\"[A-Z0-9]{1,20}\"){0,99}\\]$",
    "[\"BTCUSDT\"]",
    "Several markets, as a list in JSON; not beside `symbol`.",
);
pub(super) const SYMBOL_STATUS: Arg =
    Arg::word("symbolStatus", &["TRADING", "HALT", "BREAK"], "Only markets of this status.");
pub(super) const ANY_STATUS: Arg = Arg::any("symbolStatus", "Taken; markets of every status are shown.");
pub(super) const START: Arg = Arg::moment("startTime", "Not before this moment, in milliseconds.");
pub(super) const END: Arg = Arg::moment("endTime", "Not after this moment, in milliseconds.");
pub(super) const LIMIT: Arg = Arg::number("limit", 1, u64::MAX, "How many at most; more than 1,000 mean 1,000.");
pub(super) const ORDER_ID: Arg = Arg::number("orderId", 0, u64::MAX, "The number of the order.");
pub(super) const ORIG_ID: Arg = Arg::client_id("origClientOrderId", "The name that its client gave the order.");
pub(super) const FROM_ID: Arg = Arg::number("fromId", 0, u64::MAX, "From the trade of this number on.");
pub(super) const NEW_ID: Arg =
    Arg::client_id("newClientOrderId", "What the client calls it; drawn where it is absent.");
pub(super) const RESTRICTIONS: Arg =
    Arg::word("cancelRestrictions", &["ONLY_NEW", "ONLY_PARTIALLY_FILLED"], "Only if the order is in this status.");
pub(super) const SELF_TRADE: Arg = Arg::word(
    "selfTradePreventionMode",
    &["EXPIRE_MAKER", "EXPIRE_TAKER", "EXPIRE_BOTH", "DECREMENT", "NONE"],
    "What is done where an account would trade with itself.",
);
pub(super) const RESPONSE: Arg =
    Arg::word("newOrderRespType", &["ACK", "RESULT", "FULL"], "How much the answer tells.");
pub(super) const SIDE: Arg = Arg::word("side", &["BUY", "SELL"], "Which side.").needed();
pub(super) const WINDOW: Arg = Arg::text("windowSize", "^([1-9][0-9]?m|[1-9][0-9]?h|[1-7]d)$", "1d", "How far back.");
pub(super) const FORM: Arg = Arg::word("type", &["FULL", "MINI"], "With or without prices of the book.");
pub(super) const INTERVAL: Arg = Arg::word("interval", INTERVALS, "How long a candle lasts.").needed();
pub(super) const TIME_ZONE: Arg = Arg::word("timeZone", &["0", "00:00"], "Periods begin in UTC.");
pub(super) const DEPTH: Arg =
    Arg::number("limit", 1, u64::MAX, "How many prices of each side; more than 5,000 mean 5,000.");
pub(super) const PERMISSIONS: Arg = Arg::any("permissions", "Only markets that allow this: `SPOT`, or a list in JSON.");
pub(super) const PERMISSION_SETS: Arg = Arg::any("showPermissionSets", "Taken; they are always shown.");
pub(super) const RATES: Arg = Arg::flag("computeCommissionRates", "Whether the answer has the rates.");
pub(super) const NEW_QUANTITY: Arg = Arg::decimal("newQty", "What the order is to have in all.").needed();
pub(super) const OMIT_ZERO: Arg = Arg::flag("omitZeroBalances", "Leaves out assets of which there is nothing.");
/// What a request for candles has.
pub(super) const CANDLES: &[Arg] = &[SYMBOL, INTERVAL, START, END, LIMIT, TIME_ZONE];
/// What clients send that changes nothing.
pub(super) const UNUSED: &[Arg] = &[
    Arg::any("symbol", "Changes nothing."),
    Arg::any("symbols", "Changes nothing."),
    Arg::any("timestamp", "Changes nothing."),
    Arg::any("recvWindow", "Changes nothing."),
    Arg::any("signature", "Changes nothing."),
];
pub(super) const LIST_ID: Arg = Arg::number("orderListId", 0, u64::MAX, "The number of the list.");
pub(super) const LIST_NAME: Arg = Arg::client_id("listClientOrderId", "The name that its client gave the list.");
pub(super) const ORIG_LIST_NAME: Arg = Arg::client_id("origClientOrderId", "The name that its client gave the list.");

pub(super) const COIN: Arg = Arg::text("coin", "^[A-Z0-9]{1,16}$", "BTC", "The asset.");
pub(super) const CHAIN: Arg = Arg::word(
    "network",
    &["BTC", "ETH", "MATIC", "BSC", "ARBITRUM", "TRX"],
    "The network; the asset's first one where none is named.",
);
const OFFSET: Arg = Arg::number("offset", 0, 100_000, "How many to skip.");
const WITHDRAW_NAME: Arg =
    Arg::text("withdrawOrderId", "^[!-~]{1,64}$", "rent-1", "The name that the client gives the withdrawal, for ever.");
/// Which part of the history of deposits.
pub(super) const DEPOSITS: &[Arg] = &[
    COIN,
    Arg::number("status", 0, 8, "Only of this status."),
    START,
    END,
    OFFSET,
    LIMIT,
    Arg::text(
        "txId",
        "^(0x)?[0-9a-fA-F]{64}$",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "Only of this transaction.",
    ),
    Arg::any("includeSource", "Taken; it is not told."),
];
/// Which part of the history of withdrawals.
pub(super) const WITHDRAWALS: &[Arg] = &[
    COIN,
    Arg::number("status", 0, 6, "Only of this status."),
    START,
    END,
    OFFSET,
    LIMIT,
    WITHDRAW_NAME,
    Arg::text("idList", "^[0-9]{1,20}(,[0-9]{1,20}){0,44}$", "1,2", "Only these."),
];
/// What a withdrawal is.
pub(super) const WITHDRAW: &[Arg] = &[
    COIN.needed(),
    CHAIN,
    Arg::text("address", "^[A-Za-z0-9]{1,100}$", "bcrt1q0000", "Where to; a listed address.").needed(),
    Arg::text("addressTag", "^[!-~]{1,120}$", "7", "What the receiver wants to be told."),
    Arg::decimal("amount", "How much, the fee included.").needed(),
    WITHDRAW_NAME,
    Arg::any("transactionFeeFlag", "Taken; inside the exchange nothing is paid."),
    Arg::any("name", "Taken and not kept."),
    Arg::any("walletType", "Taken; there is one wallet."),
];

/// What an order is, beside the market.
pub(super) const ORDER: &[Arg] = &[
    SYMBOL,
    SIDE,
    Arg::word(
        "type",
        &["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"],
        "Which kind of order.",
    )
    .needed(),
    Arg::word("timeInForce", LIVES, "How long it lives; kinds that may rest in the book must have it."),
    Arg::decimal("quantity", "Of the base asset."),
    Arg::decimal("quoteOrderQty", "Of the quote asset, for a market order in place of `quantity`."),
    Arg::decimal("price", "Of kinds with a limit."),
    Arg::decimal("stopPrice", "At which a waiting order is entered."),
    Arg::number("trailingDelta", 1, 2_000, "How far the stop follows the best price, in hundredths of a percent."),
    Arg::decimal("icebergQty", "What of it is shown at a time; zero is none."),
    NEW_ID,
    SELF_TRADE,
    RESPONSE,
    Arg::any("strategyId", "Taken and not kept."),
    Arg::any("strategyType", "Taken and not kept."),
];

/// What a list of two orders is, of which one ends the other.
pub(super) const PAIR: &[Arg] = &[
    SYMBOL,
    SIDE,
    Arg::decimal("quantity", "Of both orders, of the base asset.").needed(),
    LIST_NAME,
    Arg::word("aboveType", PROTECTING, "The kind of the order with the higher price.").needed(),
    Arg::client_id("aboveClientOrderId", "What the client calls it."),
    Arg::decimal("abovePrice", "Its limit, where its kind has one."),
    Arg::decimal("aboveStopPrice", "At which it is entered, where it waits."),
    Arg::word("aboveTimeInForce", LIVES, "How long it lives, where it may rest."),
    Arg::any("aboveStrategyId", "Taken and not kept."),
    Arg::any("aboveStrategyType", "Taken and not kept."),
    Arg::word("belowType", PROTECTING, "The kind of the order with the lower price.").needed(),
    Arg::client_id("belowClientOrderId", "What the client calls it."),
    Arg::decimal("belowPrice", "Its limit, where its kind has one."),
    Arg::decimal("belowStopPrice", "At which it is entered, where it waits."),
    Arg::word("belowTimeInForce", LIVES, "How long it lives, where it may rest."),
    Arg::any("belowStrategyId", "Taken and not kept."),
    Arg::any("belowStrategyType", "Taken and not kept."),
    SELF_TRADE,
    RESPONSE,
];

/// Which order is replaced, beside the new one.
pub(super) const REPLACED: &[Arg] = &[
    Arg::word(
        "cancelReplaceMode",
        &["STOP_ON_FAILURE", "ALLOW_FAILURE"],
        "Whether the new order is entered where the old one cannot be cancelled.",
    )
    .needed(),
    Arg::number("cancelOrderId", 0, u64::MAX, "The number of the old order."),
    Arg::client_id("cancelOrigClientOrderId", "The name of the old order."),
    Arg::client_id("cancelNewClientOrderId", "What the cancel is called."),
    RESTRICTIONS,
    Arg::any("orderRateLimitExceededMode", "Taken; nothing is done over the limit."),
];

/// What every signed request has.
pub(super) const SIGNED: &[Arg] = &[
    Arg::moment("timestamp", "When the request was made, in milliseconds; microseconds are understood.").needed(),
    Arg::text("recvWindow", "^[0-9]{1,5}(\\.[0-9]{1,3})?$", "5000", "How long it is good, in milliseconds."),
    Arg::text(
        "signature",
        "^[0-9a-fA-F]{64}$",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "HMAC-SHA256 of query and body in hexadecimal, or Ed25519 in base64: the last parameter.",
    )
    .needed(),
];

/// What follows the last stroke of a path.
pub(crate) const PAIR_NAME: Arg =
    Arg::text("pair", "^[A-Z0-9]{1,12}_[A-Z0-9]{1,12}$", "BTC_USDT", "The pair, with a stroke between its assets.");
