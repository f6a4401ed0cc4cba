//! What is told of markets: at once for each entry, or with the next tick.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use exchequer_domain::Timestamp;
use exchequer_market_data::conflate::{Message, Stream};
use exchequer_market_data::depth::{Base, PARTIAL_LEVELS, Shown};
use exchequer_market_data::tape::AveragePrice;
use exchequer_market_data::ticker::Stats;
use exchequer_market_data::{self as market_data, Interval, Tape};
use exchequer_state::ledger::Asset;
use exchequer_state::markets::{Ask, MarketId, Markets, OrderStatus, trade_of};
use exchequer_state::matching::{Lots, Market, Side, TradeId};
use exchequer_state::{Best, Event, OrderStep, State};

use super::super::view::View;
use super::books::levels;
use super::candles::Candle;
use super::hub::Desk;
use super::line::Text;
use super::messages::{self, Now};
use super::names::{Kind, Speed, Topic};
use crate::feed::Batch;

/// Levels of a side in differences of books.
const DEPTH_LEVELS: usize = 5_000;
/// Streams of one connection have smaller numbers; above it each market has one, in streams over all markets.
pub(super) const OF_MARKETS: u32 = 1 << 31;

/// What happened in a market since it was told.
#[derive(Debug, Clone, Copy, Default)]
struct Marks {
    fast: bool,
    slow: bool,
    touched: bool,
    traded: bool,
}

const ALL: Marks = Marks { fast: true, slow: true, touched: true, traded: true };

/// A market while somebody listens.
pub(super) struct Watched {
    pub(super) view: Arc<View>,
    /// Base and quote.
    pub(super) assets: (Asset, Asset),
    marks: Marks,
    best: Option<(Option<Best>, Option<Best>)>,
    /// The index that the best prices were last told as of.
    best_at: u64,
    books: BTreeMap<Speed, Base>,
    candles: BTreeMap<Interval, Candle>,
}

/// How a market's numbers are written, for the checksum of its book.
fn shown(view: &View) -> Shown {
    Shown { steps_per_tick: view.tick.units, steps_per_lot: view.lot.units }
}

/// What a ticker is made of.
struct Seen {
    day: Option<Stats>,
    average: Option<AveragePrice>,
    now: Now,
}

fn best_of(market: &Market, side: Side) -> Option<Best> {
    market.book().depth(side).next().map(|level| Best { price: level.price, lots: level.lots })
}

impl Desk {
    /// Looks at the state for a moment; nothing where it cannot be looked at, which whoever applies to it reports.
    fn look<T>(&self, mut look: impl FnMut(&State, u64) -> Option<T>) -> Option<T> {
        let mut seen = None;
        let result = self.backend.read(&mut |state, _, at| {
            seen = look(state, at.index);
            Ok(())
        });
        result.ok().and(seen)
    }

    /// The market with its names and steps, which never change.
    pub(super) fn watched(&mut self, id: MarketId) -> Option<&mut Watched> {
        if !self.markets.contains_key(&id) {
            let (view, assets) = self.look(|state, _| {
                let record = state.markets().record(id)?;
                Some((View::of(state, record)?, (record.base, record.quote)))
            })?;
            let watched = Watched {
                view: Arc::new(view),
                assets,
                marks: Marks::default(),
                best: None,
                best_at: 0,
                books: BTreeMap::new(),
                candles: BTreeMap::new(),
            };
            self.markets.insert(id, watched);
        }
        self.markets.get_mut(&id)
    }

    /// Makes ready what a stream goes on from, and has whoever comes new told what there is.
    pub(super) fn prepare(&mut self, topic: Topic) {
        let Topic::Of(id, kind) = topic else {
            let ids = self.look(|state, _| Some(state.markets().records().map(|record| record.id).collect::<Vec<_>>()));
            for id in ids.unwrap_or_default() {
                if let Some(watched) = self.watched(id) {
                    watched.marks = ALL;
                }
            }
            return;
        };
        let is_new = !self.topics.contains_key(&topic);
        let now_ms = self.backend.now_ms();
        if self.watched(id).is_none() {
            return;
        }
        match kind {
            Kind::Depth(speed) if is_new => {
                let base =
                    self.look(|state, index| Some(Base::new(index, levels(state.markets().market(id)?, DEPTH_LEVELS))));
                if let (Some(watched), Some(base)) = (self.markets.get_mut(&id), base) {
                    watched.books.insert(speed, base);
                }
            }
            Kind::Kline(interval) if is_new => {
                let current = self.look(|state, _| Some(state.markets().tape(id)?.klines().current(interval)));
                if let Some(watched) = self.markets.get_mut(&id) {
                    watched.candles.insert(interval, Candle::new(current.flatten(), interval, now_ms));
                }
            }
            _ => {}
        }
        if let Some(watched) = self.markets.get_mut(&id) {
            watched.marks = ALL;
            if let Kind::Kline(interval) = kind
                && let Some(candle) = watched.candles.get_mut(&interval)
            {
                candle.refresh();
            }
            if kind == Kind::BookTicker {
                watched.best = None;
            }
        }
    }

    /// Forgets what a stream went on from.
    pub(super) fn drop_topic(&mut self, topic: Topic) {
        let Topic::Of(id, kind) = topic else { return };
        let Some(watched) = self.markets.get_mut(&id) else { return };
        match kind {
            Kind::Depth(speed) => drop(watched.books.remove(&speed)),
            Kind::Kline(interval) => drop(watched.candles.remove(&interval)),
            _ => {}
        }
    }

    /// Notes the prices at which an entry did something to books that are told of. An order that came and went within the
    /// entry was in no book that anybody could see; one that leaves its price by an amendment is in the levels that were
    /// told, or came there with an entry of its own.
    pub(super) fn note_prices(&mut self, batch: &Batch) {
        if self.markets.values().all(|watched| watched.books.is_empty()) {
            return;
        }
        let mut entered = BTreeSet::new();
        let mut after = BTreeMap::new();
        for event in &batch.events {
            let Event::Order { record, step } = event else { continue };
            if *step == OrderStep::Entered {
                entered.insert((record.market, record.id));
            }
            after.insert((record.market, record.id), record.status.is_open());
        }
        for event in &batch.events {
            let Event::Order { record, .. } = event else { continue };
            let (key, Ask::Limit { price, .. }) = ((record.market, record.id), record.ask) else { continue };
            let passed = entered.contains(&key) && after.get(&key) == Some(&false);
            let Some(watched) = self.markets.get_mut(&record.market).filter(|_| !passed) else { continue };
            if record.status == OrderStatus::Waiting {
                continue;
            }
            let side = match record.side {
                Side::Buy => market_data::Side::Buy,
                Side::Sell => market_data::Side::Sell,
            };
            for base in watched.books.values_mut() {
                base.touch(side, price.0);
            }
        }
    }

    /// Tells at once what counts one by one.
    pub(super) fn tell_markets(&mut self, batch: &Batch) {
        if self.topics.is_empty() {
            return;
        }
        let event_time = messages::at(batch.time);
        for event in &batch.events {
            match event {
                Event::Trade { market, id, record } => {
                    let Some(watched) = self.watched(*market) else { continue };
                    watched.marks.traded = true;
                    let view = watched.view.clone();
                    let trade = trade_of(*id, record);
                    let closed: Vec<_> = watched
                        .candles
                        .iter_mut()
                        .filter_map(|(interval, candle)| Some((*interval, candle.push(*interval, &trade)?)))
                        .collect();
                    for (interval, kline) in closed {
                        if let Some(audience) = self.topics.get(&Topic::Of(*market, Kind::Kline(interval))) {
                            audience.event(messages::kline(&view, interval, &kline, true, event_time));
                        }
                    }
                    if let Some(audience) = self.topics.get(&Topic::Of(*market, Kind::Trade)) {
                        audience.event(messages::trade(&view, *id, record, event_time));
                    }
                    if let Some(audience) = self.topics.get(&Topic::Of(*market, Kind::AggregateTrade)) {
                        audience.event(messages::aggregate(&view, *id, record, event_time));
                    }
                }
                Event::Book { market, bid, ask } => {
                    let Some(watched) = self.watched(*market) else { continue };
                    let Marks { fast, slow, touched, .. } = &mut watched.marks;
                    (*fast, *slow, *touched) = (true, true, true);
                    self.tell_best(*market, batch.index, (*bid, *ask));
                }
                Event::Durable { .. } | Event::DigestRequested { .. } | Event::Order { .. } | Event::Phase { .. } => {}
            }
        }
    }

    /// Tells the best prices where they are others than before.
    fn tell_best(&mut self, id: MarketId, index: u64, best: (Option<Best>, Option<Best>)) {
        let Some(watched) = self.markets.get_mut(&id) else { return };
        // Somebody new may have been told of the state before these entries were heard.
        if index < watched.best_at {
            return;
        }
        watched.best_at = index;
        if watched.best.replace(best) == Some(best) {
            return;
        }
        let (of_one, of_all) = (Topic::Of(id, Kind::BookTicker), Topic::AllBookTickers);
        let (one, all) = (self.topics.get(&of_one), self.topics.get(&of_all));
        if one.is_none() && all.is_none() {
            return;
        }
        let message = messages::book_ticker(&watched.view, index, best.0, best.1);
        if let Some(audience) = all {
            audience.tell(message.clone(), |_, text| Message::Latest(Stream(OF_MARKETS + id.0), text));
        }
        if let Some(audience) = one {
            audience.tell(message, Message::Latest);
        }
    }

    /// Tells the books in which something was done since the last time.
    pub(super) fn tell_books(&mut self, speed: Speed) {
        let now_ms = self.backend.now_ms();
        let marked: Vec<MarketId> = self
            .markets
            .iter_mut()
            .filter_map(|(id, watched)| {
                let Marks { fast, slow, .. } = &mut watched.marks;
                std::mem::take(if speed == Speed::Fast { fast } else { slow }).then_some(*id)
            })
            .collect();
        for id in marked {
            let (whole, part) = (Topic::Of(id, Kind::Depth(speed)), |count| Topic::Of(id, Kind::Partial(count, speed)));
            let has_whole = self.topics.contains_key(&whole);
            let most = PARTIAL_LEVELS.into_iter().rfind(|count| self.topics.contains_key(&part(*count)));
            let first = speed == Speed::Fast && self.needs_best(id);
            if !has_whole && most.is_none() && !first {
                continue;
            }
            let limit = if has_whole { DEPTH_LEVELS } else { most.unwrap_or(1) };
            let read = self.look(|state, index| {
                let market = state.markets().market(id)?;
                let best = (best_of(market, Side::Buy), best_of(market, Side::Sell));
                Some((index, levels(market, limit), best))
            });
            let Some((index, levels, best)) = read else { continue };
            self.note_what_waits();
            let Some(view) = self.markets.get(&id).map(|watched| watched.view.clone()) else { continue };
            for count in PARTIAL_LEVELS {
                let Some(audience) = self.topics.get(&part(count)) else { continue };
                let side = |levels: &[_]| levels.get(..count.min(levels.len())).unwrap_or_default().to_vec();
                let (bids, asks) = (side(&levels.bids), side(&levels.asks));
                audience.tell(messages::partial(&view, index, &bids, &asks), Message::Latest);
            }
            if let Some(watched) = self.markets.get_mut(&id)
                && let Some(audience) = self.topics.get(&whole)
                && let Some(base) = watched.books.get_mut(&speed)
                && let Some(diff) = base.advance(index, levels, &shown(&view))
            {
                let message = messages::depth(&view, &diff, now_ms);
                let diff = Arc::new(diff);
                audience.tell(message, |stream, text| Message::Depth(stream, diff.clone(), Some(text)));
            }
            if first {
                self.tell_best(id, index, best);
            }
        }
    }

    /// Whether somebody is new who has not been told the best prices yet.
    fn needs_best(&self, id: MarketId) -> bool {
        let asked = self.topics.contains_key(&Topic::Of(id, Kind::BookTicker));
        asked && self.markets.get(&id).is_some_and(|watched| watched.best.is_none())
    }

    /// Tells klines that have changed or are over.
    pub(super) fn tell_klines(&mut self) {
        let (now_ms, heard_ms) = (self.backend.now_ms(), self.heard_ms);
        for (id, watched) in &mut self.markets {
            for (interval, candle) in &mut watched.candles {
                let Some(audience) = self.topics.get(&Topic::Of(*id, Kind::Kline(*interval))) else { continue };
                let Some((kline, over)) = candle.take(*interval, heard_ms, now_ms) else { continue };
                let message = messages::kline(&watched.view, *interval, &kline, over, now_ms);
                // The last word on a kline is not replaced by one on the next.
                if over {
                    audience.event(message);
                } else {
                    audience.tell(message, Message::Trailing);
                }
            }
        }
    }

    /// Tells the tickers of markets in which something was done, and of all when a minute leaves their windows.
    pub(super) fn tell_tickers(&mut self) {
        let now_ms = self.backend.now_ms();
        let turned = self.minute != now_ms / 60_000;
        self.minute = now_ms / 60_000;
        let all = (self.topics.get(&Topic::AllMiniTickers), self.topics.get(&Topic::AllTickers));
        let (mut minis, mut tickers) = (Vec::new(), Vec::new());
        let ids: Vec<MarketId> = self.markets.keys().copied().collect();
        for id in ids {
            let Some(watched) = self.markets.get_mut(&id) else { continue };
            let Marks { touched, traded, .. } = &mut watched.marks;
            let (touched, traded) = (std::mem::take(touched) || turned, std::mem::take(traded) || turned);
            let of = |kind| self.topics.get(&Topic::Of(id, kind));
            let (mini, ticker, average) = (of(Kind::MiniTicker), of(Kind::Ticker), of(Kind::AveragePrice));
            let some_mini = traded && (mini.is_some() || all.0.is_some());
            let some_ticker = (touched || traded) && (ticker.is_some() || all.1.is_some());
            let some_average = traded && average.is_some();
            if !(some_mini || some_ticker || some_average) {
                continue;
            }
            let view = watched.view.clone();
            let Some(Seen { day, average: five, now }) = self.seen(id, now_ms) else { continue };
            if let Some(day) = day {
                if some_mini {
                    let message = messages::mini_ticker(&view, &day, now_ms);
                    minis.push(message.clone());
                    mini.into_iter().for_each(|audience| audience.tell(message.clone(), Message::Latest));
                }
                if some_ticker {
                    let message = messages::ticker(&view, &day, &now, now_ms);
                    tickers.push(message.clone());
                    ticker.into_iter().for_each(|audience| audience.tell(message.clone(), Message::Latest));
                }
            }
            if let (Some(audience), Some(five), true) = (average, five, some_average) {
                let message = messages::average_price(&view, &five.stats, five.last_trade_ms, now_ms);
                audience.tell(message, Message::Latest);
            }
        }
        for (audience, shown) in [(all.0, minis), (all.1, tickers)] {
            if let (Some(audience), false) = (audience, shown.is_empty()) {
                // Each names only what has changed, so that none takes another's place.
                audience.tell(format!("[{}]", shown.join(",")), |_, text: Text| Message::Event(text));
            }
        }
    }

    fn seen(&self, id: MarketId, now_ms: u64) -> Option<Seen> {
        let mut seen = None;
        let result = self.backend.read(&mut |state, rows, _| {
            let markets = state.markets();
            let (Some(market), Some(tape)) = (markets.market(id), markets.tape(id)) else { return Ok(()) };
            let tape: &Tape = tape;
            // The windows move on a quiet market too, but never back.
            let time = Timestamp(now_ms.saturating_mul(1_000)).max(state.time());
            let last = Markets::trade(rows, id, TradeId(tape.klines().last_trade())).unwrap_or_default();
            let now = Now {
                bid: best_of(market, Side::Buy),
                ask: best_of(market, Side::Sell),
                last_lots: last.map_or(Lots(0), |record| record.lots),
            };
            seen = Some(Seen { day: tape.day(time), average: tape.average_price(time), now });
            Ok(())
        });
        result.ok().and(seen)
    }
}
