//! From parameters to what an order asks of the state.

use exchequer_state::markets::{Ask, ClientOrderId, Step};
use exchequer_state::matching::{By, Life, Lots, PRICE_TICKS_MAX, SelfTrade, Side, Ticks, When};
use exchequer_state::{OrderSpec, State};

use super::decimal::{Fault, amount, steps};
use super::error::{Error, Purpose};
use super::order_view::Response;
use super::params::Params;
use super::view::View;

/// Trailing offsets are given in hundredths of a percent.
const BIPS: u128 = 10_000;
/// Most of them: a fifth.
const BIPS_MAX: u64 = 2_000;

/// What kinds of orders there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Limit,
    LimitMaker,
    Market,
    StopLoss,
    StopLossLimit,
    TakeProfit,
    TakeProfitLimit,
}

impl Kind {
    pub(crate) fn of(word: &str) -> Result<Kind, Error> {
        Ok(match word {
            "LIMIT" => Kind::Limit,
            "LIMIT_MAKER" => Kind::LimitMaker,
            "MARKET" => Kind::Market,
            "STOP_LOSS" => Kind::StopLoss,
            "STOP_LOSS_LIMIT" => Kind::StopLossLimit,
            "TAKE_PROFIT" => Kind::TakeProfit,
            "TAKE_PROFIT_LIMIT" => Kind::TakeProfitLimit,
            _ => return Err(Error::new(-1116, "Invalid orderType.")),
        })
    }

    const fn has_price(self) -> bool {
        matches!(self, Kind::Limit | Kind::LimitMaker | Kind::StopLossLimit | Kind::TakeProfitLimit)
    }

    const fn has_life(self) -> bool {
        matches!(self, Kind::Limit | Kind::StopLossLimit | Kind::TakeProfitLimit)
    }

    const fn waits(self) -> bool {
        matches!(self, Kind::StopLoss | Kind::StopLossLimit | Kind::TakeProfit | Kind::TakeProfitLimit)
    }

    /// For which purpose a refusal is worded.
    pub(crate) const fn purpose(self) -> Purpose {
        if self.has_price() { Purpose::Limit } else { Purpose::Market }
    }
}

/// An order as it was asked for; numbers are still text, because the market says what they mean.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) symbol: String,
    pub(crate) side: Side,
    pub(crate) kind: Kind,
    pub(crate) name: ClientOrderId,
    pub(crate) response: Response,
    self_trade: SelfTrade,
    life: Option<Life>,
    price: Option<String>,
    quantity: Option<String>,
    by_quote: Option<String>,
    stop: Option<String>,
    trailing: Option<u64>,
    iceberg: Option<String>,
}

pub(crate) fn side(params: &mut Params) -> Result<Side, Error> {
    match params.required("side")? {
        "BUY" => Ok(Side::Buy),
        "SELL" => Ok(Side::Sell),
        _ => Err(Error::new(-1117, "Invalid side.")),
    }
}

/// The name that a parameter gives an order.
pub(crate) fn name(params: &mut Params, parameter: &str) -> Result<Option<ClientOrderId>, Error> {
    let Some(text) = params.raw(parameter) else { return Ok(None) };
    if text.is_empty() {
        return Err(match parameter {
            "origClientOrderId" => Error::new(-1119, "Original client order ID was empty."),
            _ => Error::new(-1118, "New client order ID was empty."),
        });
    }
    let name = ClientOrderId::new(text);
    name.map(Some).ok_or_else(|| Error::illegal(parameter, "^[a-zA-Z0-9-_.:/]{1,36}$"))
}

fn life(word: &str) -> Result<Life, Error> {
    match word {
        "GTC" => Ok(Life::Rest { until: None, peak: None, post_only: false }),
        "IOC" => Ok(Life::Immediate),
        "FOK" => Ok(Life::FillOrKill),
        _ => Err(Error::new(-1115, "Invalid timeInForce.")),
    }
}

pub(crate) fn self_trade(params: &mut Params) -> Result<SelfTrade, Error> {
    match params.text("selfTradePreventionMode")? {
        None | Some("EXPIRE_MAKER") => Ok(SelfTrade::ExpireMaker),
        Some("NONE") => Ok(SelfTrade::Allow),
        Some("EXPIRE_TAKER") => Ok(SelfTrade::ExpireTaker),
        Some("EXPIRE_BOTH") => Ok(SelfTrade::ExpireBoth),
        Some("DECREMENT") => Ok(SelfTrade::Decrement),
        Some(_) => Err(Error::invalid("selfTradePreventionMode")),
    }
}

pub(crate) fn response(params: &mut Params, unasked: Response) -> Result<Response, Error> {
    match params.text("newOrderRespType")? {
        None => Ok(unasked),
        Some("ACK") => Ok(Response::Ack),
        Some("RESULT") => Ok(Response::Result),
        Some("FULL") => Ok(Response::Full),
        Some(_) => Err(Error::invalid("newOrderRespType")),
    }
}

impl Asked {
    /// Reads an order; `drawn` is its name where it has none.
    pub(crate) fn read(params: &mut Params, drawn: ClientOrderId) -> Result<Asked, Error> {
        let symbol = super::view::symbol(params)?;
        let side = side(params)?;
        let kind = Kind::of(params.required("type")?)?;
        let mut text = |name: &str| params.text(name).map(|text| text.map(str::to_owned));
        let (price, quantity, by_quote) = (text("price")?, text("quantity")?, text("quoteOrderQty")?);
        let (stop, iceberg) = (text("stopPrice")?, text("icebergQty")?);
        let life = params.text("timeInForce")?.map(life).transpose()?;
        let trailing = params.number("trailingDelta")?;
        let name = name(params, "newClientOrderId")?.unwrap_or(drawn);
        let self_trade = self_trade(params)?;
        let unasked = if matches!(kind, Kind::Market | Kind::Limit) { Response::Full } else { Response::Ack };
        let response = response(params, unasked)?;
        params.ignore(&["strategyId", "strategyType"]);
        let asked = Asked {
            symbol,
            side,
            kind,
            name,
            response,
            self_trade,
            life,
            price,
            quantity,
            by_quote,
            stop,
            trailing,
            iceberg,
        };
        asked.check()?;
        Ok(asked)
    }

    /// Whether the parts go together.
    fn check(&self) -> Result<(), Error> {
        let kind = self.kind;
        match (kind.has_price(), &self.price) {
            (true, None) => return Err(Error::missing("price")),
            (false, Some(_)) => return Err(Error::not_required("price")),
            _ => {}
        }
        match (kind.has_life(), self.life) {
            (true, None) => return Err(Error::missing("timeInForce")),
            (false, Some(_)) => return Err(Error::not_required("timeInForce")),
            _ => {}
        }
        match (&self.quantity, &self.by_quote) {
            (None, None) => return Err(Error::missing("quantity")),
            (Some(_), Some(_)) => return Err(Error::not_required("quoteOrderQty")),
            (None, Some(_)) if kind != Kind::Market => return Err(Error::missing("quantity")),
            _ => {}
        }
        match (kind.waits(), &self.stop, self.trailing) {
            (true, None, None) => {
                return Err(Error::new(
                    -1102,
                    "Param 'stopPrice' or 'trailingDelta' must be sent, but both were empty/null!",
                ));
            }
            // A trail begins at once and follows a loss; nothing else can be said to the book.
            (true, Some(_), Some(_)) => return Err(combination()),
            (true, None, Some(_)) if matches!(kind, Kind::TakeProfit | Kind::TakeProfitLimit) => {
                return Err(combination());
            }
            (false, Some(_), _) => return Err(Error::not_required("stopPrice")),
            (false, None, Some(_)) => return Err(Error::not_required("trailingDelta")),
            _ => {}
        }
        if self.trailing.is_some_and(|bips| !(1..=BIPS_MAX).contains(&bips)) {
            return Err(Error::filter("TRAILING_DELTA"));
        }
        let rests = kind == Kind::LimitMaker || matches!(self.life, Some(Life::Rest { .. }));
        match self.iceberg {
            Some(_) if !kind.has_price() => Err(Error::not_required("icebergQty")),
            Some(_) if !rests => Err(combination()),
            _ => Ok(()),
        }
    }

    /// The order in the units of its market.
    pub(crate) fn spec(&self, state: &State, view: &View) -> Result<OrderSpec, Error> {
        let quantity = |name: &str, text: &str, purpose: Purpose| {
            let filter = if purpose == Purpose::Market { "MARKET_LOT_SIZE" } else { "LOT_SIZE" };
            positive(steps(name, text, view.lot, view.base_decimals), filter)
        };
        let lots = self.quantity.as_deref().map(|text| quantity("quantity", text, self.kind.purpose())).transpose()?;
        let ask = match (&self.price, lots, &self.by_quote) {
            (Some(price), Some(lots), _) => {
                let rest = Life::Rest { until: None, peak: None, post_only: self.kind == Kind::LimitMaker };
                let peak = self.iceberg.as_deref().map(|text| peak(view, text, lots)).transpose()?.flatten();
                let life = match self.life.unwrap_or(rest) {
                    Life::Rest { until, post_only, .. } => Life::Rest { until, peak, post_only },
                    life => life,
                };
                Ask::Limit { price: self::price(view, "price", price)?, lots: Lots(lots), life }
            }
            (None, Some(lots), _) => Ask::Market { by: By::Lots, quantity: lots.into() },
            (None, None, Some(text)) => {
                let quantity = amount("quoteOrderQty", text, view.quote_decimals)?;
                if quantity == 0 {
                    return Err(Error::filter("NOTIONAL"));
                }
                Ask::Market { by: By::Quote, quantity }
            }
            (_, None, _) => return Err(Error::missing("quantity")),
        };
        let when = match (&self.stop, self.trailing) {
            (Some(stop), _) => {
                let at = price(view, "stopPrice", stop)?;
                let profit = matches!(self.kind, Kind::TakeProfit | Kind::TakeProfitLimit);
                Some(if profit { When::TakeProfit(at) } else { When::StopLoss(at) })
            }
            (None, Some(bips)) => {
                let last = state.markets().market(view.id).and_then(exchequer_state::matching::Market::last);
                let last = last.ok_or_else(|| Error::order("There is no price yet to trail."))?;
                let offset = (u128::from(last.0) * u128::from(bips)).div_ceil(BIPS).max(1);
                Some(When::Trailing(Ticks(u64::try_from(offset).unwrap_or(u64::MAX))))
            }
            (None, None) => None,
        };
        Ok(OrderSpec { client_id: self.name, side: self.side, ask, when, self_trade: self.self_trade })
    }
}

fn combination() -> Error {
    Error::new(-1014, "Unsupported order combination.")
}

fn positive(steps: Result<u64, Fault>, filter: &str) -> Result<u64, Error> {
    match steps {
        Ok(0) | Err(Fault::Step) => Err(Error::filter(filter)),
        Ok(steps) => Ok(steps),
        Err(Fault::Text(error)) => Err(error),
    }
}

/// A price on its step and in the range that any market can have.
pub(crate) fn price(view: &View, name: &str, text: &str) -> Result<Ticks, Error> {
    let price = positive(steps(name, text, view.tick, view.quote_decimals), "PRICE_FILTER")?;
    if price > PRICE_TICKS_MAX { Err(Error::filter("PRICE_FILTER")) } else { Ok(Ticks(price)) }
}

/// A quantity in lots.
pub(crate) fn lots(view: &View, name: &str, text: &str) -> Result<Lots, Error> {
    positive(steps(name, text, view.lot, view.base_decimals), "LOT_SIZE").map(Lots)
}

/// What an iceberg shows; zero means that it is none.
fn peak(view: &View, text: &str, lots: u64) -> Result<Option<Lots>, Error> {
    let step: Step = view.lot;
    match steps("icebergQty", text, step, view.base_decimals) {
        Ok(0) => Ok(None),
        Ok(peak) if peak >= lots => Err(Error::order("IcebergQty exceeds QTY.")),
        Ok(peak) if lots.div_ceil(peak) > PARTS_MAX => Err(Error::filter("ICEBERG_PARTS")),
        Ok(peak) => Ok(Some(Lots(peak))),
        Err(Fault::Step) => Err(Error::filter("LOT_SIZE")),
        Err(Fault::Text(error)) => Err(error),
    }
}

/// Most parts of an iceberg.
pub(crate) const PARTS_MAX: u64 = 100;
