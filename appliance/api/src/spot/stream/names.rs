//! The names of streams: `btcusdt@trade`, `!miniTicker@arr`.

use exchequer_market_data::Interval;
use exchequer_market_data::depth::PARTIAL_LEVELS;
use exchequer_state::State;
use exchequer_state::markets::MarketId;

/// Longest name that is looked at.
const NAME_BYTES_MAX: usize = 64;

/// How often a book is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Speed {
    /// Ten times a second.
    Fast,
    /// Once a second.
    Slow,
}

/// What is told of a market.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    Trade,
    AggregateTrade,
    Kline(Interval),
    MiniTicker,
    Ticker,
    BookTicker,
    /// Differences of the book.
    Depth(Speed),
    /// The best so many levels of each side.
    Partial(usize, Speed),
    AveragePrice,
}

/// What a stream is about. Each has one name, and each name one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Topic {
    Of(MarketId, Kind),
    AllMiniTickers,
    AllTickers,
    AllBookTickers,
}

/// The kind that the part behind the symbol names.
fn kind(text: &str) -> Option<Kind> {
    Some(match text {
        "trade" => Kind::Trade,
        "aggTrade" => Kind::AggregateTrade,
        "miniTicker" => Kind::MiniTicker,
        "ticker" => Kind::Ticker,
        "bookTicker" => Kind::BookTicker,
        "avgPrice" => Kind::AveragePrice,
        _ => {
            if let Some(interval) = text.strip_prefix("kline_") {
                return interval.parse().ok().map(Kind::Kline);
            }
            let (levels, speed) = match text.strip_prefix("depth")?.split_once('@') {
                None => (text.strip_prefix("depth")?, Speed::Slow),
                Some((levels, "100ms")) => (levels, Speed::Fast),
                Some(_) => return None,
            };
            if levels.is_empty() {
                return Some(Kind::Depth(speed));
            }
            let known = PARTIAL_LEVELS.into_iter().find(|count| count.to_string() == levels);
            Kind::Partial(known?, speed)
        }
    })
}

/// The stream of this name; nothing where there is none. Symbols are in lower case.
pub(crate) fn find(state: &State, name: &str) -> Option<Topic> {
    if name.len() > NAME_BYTES_MAX {
        return None;
    }
    match name {
        "!miniTicker@arr" => return Some(Topic::AllMiniTickers),
        "!ticker@arr" => return Some(Topic::AllTickers),
        "!bookTicker" => return Some(Topic::AllBookTickers),
        _ => {}
    }
    let (symbol, rest) = name.split_once('@')?;
    if symbol.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let kind = kind(rest)?;
    let market = state.markets().find(&symbol.to_ascii_uppercase())?;
    Some(Topic::Of(market, kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: every documented name is known, and nothing beside them. Method: a table.
    #[test]
    fn names_are_those_of_the_dialect() {
        for (text, expected) in [
            ("trade", Some(Kind::Trade)),
            ("aggTrade", Some(Kind::AggregateTrade)),
            ("kline_1s", Some(Kind::Kline(Interval::S1))),
            ("kline_1M", Some(Kind::Kline(Interval::Month))),
            ("depth", Some(Kind::Depth(Speed::Slow))),
            ("depth@100ms", Some(Kind::Depth(Speed::Fast))),
            ("depth5", Some(Kind::Partial(5, Speed::Slow))),
            ("depth20@100ms", Some(Kind::Partial(20, Speed::Fast))),
            ("avgPrice", Some(Kind::AveragePrice)),
            ("depth@1ms", None),
            ("depth05", None),
            ("depth7", None),
            ("depth@100ms@100ms", None),
            ("kline_", None),
            ("kline_2m", None),
            ("Trade", None),
            ("", None),
        ] {
            assert_eq!(kind(text), expected, "{text}");
        }
    }
}
