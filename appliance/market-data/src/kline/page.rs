//! Pages of klines, as charts ask for them: a start, an end and a limit, every period present.

use super::Kline;
use crate::interval::Interval;

/// Klines in a page where the client names no limit.
pub const LIMIT_DEFAULT: u16 = 500;
/// Most klines in a page.
pub const LIMIT_MAX: u16 = 1_000;

/// What a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query {
    /// The earliest open time, in milliseconds.
    pub start: Option<u64>,
    /// The latest open time, in milliseconds.
    pub end: Option<u64>,
    /// Most klines, from 1 to [`LIMIT_MAX`].
    pub limit: u16,
}

/// Why a page cannot be planned or filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// The limit is zero or too high.
    #[error("the limit is from 1 to {LIMIT_MAX}")]
    Limit,
    /// The end is before the start.
    #[error("the end is before the start")]
    Reversed,
}

/// The open times of a page: from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// The length of its klines.
    pub interval: Interval,
    /// The open time of its first kline.
    pub first: u64,
    /// The open time of its last kline.
    pub last: u64,
}

impl Page {
    /// The page for a query: with a start, the first klines from there on; without one, the last up to the end.
    /// `listed_ms` is the time of the market's first trade, before which there are no klines; `now_ms` the present.
    ///
    /// None where no period fits.
    ///
    /// # Errors
    /// A limit out of range, or an end before the start.
    pub fn plan(interval: Interval, query: &Query, listed_ms: u64, now_ms: u64) -> Result<Option<Page>, PageError> {
        if query.limit == 0 || query.limit > LIMIT_MAX {
            return Err(PageError::Limit);
        }
        if let (Some(start), Some(end)) = (query.start, query.end)
            && end < start
        {
            return Err(PageError::Reversed);
        }
        let steps = u64::from(query.limit - 1);
        let listed = interval.open(listed_ms);
        let end = interval.open(query.end.unwrap_or(now_ms).min(now_ms));
        let (first, last) = match query.start {
            Some(start) => {
                let open = interval.open(start);
                // A period that began before the start does not belong.
                let first = if open < start { interval.next(start) } else { open }.max(listed);
                (first, end.min(interval.ahead(first, steps)))
            }
            None => (interval.back(end, steps).max(listed), end),
        };
        Ok((first <= last).then_some(Page { interval, first, last }))
    }

    /// Every kline of the page, in order. `rows` are the stored ones with their open time in the page, in order;
    /// `current` is what [`crate::Klines::current`] says, `before` the closing price before the page;
    /// [`crate::Tape::page`] gathers all three.
    ///
    /// A period without trades is flat at the close before it, with no volume; before the first price there is none.
    #[must_use]
    pub fn fill(&self, rows: &[Kline], current: Option<&Kline>, before: Option<u64>) -> Vec<Kline> {
        let mut rows = rows.iter().copied().peekable();
        let mut price = before;
        let mut open_time = self.first;
        let mut page = Vec::new();
        while open_time <= self.last && page.len() < usize::from(LIMIT_MAX) {
            while rows.next_if(|row| row.open_time < open_time).is_some() {}
            let stored = rows.next_if(|row| row.open_time == open_time);
            let kline = stored.or_else(|| current.filter(|kline| kline.open_time == open_time).copied());
            if let Some(kline) = kline.or_else(|| price.map(|price| Kline::flat(open_time, price))) {
                price = Some(kline.close);
                page.push(kline);
            }
            open_time = self.interval.next(open_time);
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000;
    const LISTED: u64 = 100 * MINUTE + 5;
    const NOW: u64 = 5_000 * MINUTE + 30_000;

    fn plan(start: Option<u64>, end: Option<u64>, limit: u16) -> Option<(u64, u64)> {
        let page = Page::plan(Interval::M1, &Query { start, end, limit }, LISTED, NOW).unwrap();
        page.map(|page| (page.first / MINUTE, page.last / MINUTE))
    }

    /// Goal: start, end and limit select what clients of the dialect expect. Method: each combination with its edges.
    #[test]
    fn queries_select() {
        assert_eq!(plan(None, None, 500), Some((4_501, 5_000)));
        assert_eq!(plan(None, Some(200 * MINUTE), 3), Some((198, 200)));
        assert_eq!(plan(None, Some(101 * MINUTE), 500), Some((100, 101)));
        assert_eq!(plan(Some(0), None, 10), Some((100, 109)));
        assert_eq!(plan(Some(200 * MINUTE), None, 1), Some((200, 200)));
        assert_eq!(plan(Some(200 * MINUTE + 1), None, 1), Some((201, 201)));
        assert_eq!(plan(Some(200 * MINUTE), Some(202 * MINUTE - 1), 500), Some((200, 201)));
        assert_eq!(plan(Some(200 * MINUTE + 1), Some(201 * MINUTE - 1), 500), None);
        assert_eq!(plan(Some(4_999 * MINUTE), Some(u64::MAX), 1_000), Some((4_999, 5_000)));
        assert_eq!(plan(Some(u64::MAX), None, 1), None);
        assert_eq!(plan(None, Some(5), 1_000), None);
    }

    /// Goal: bad queries are refused with their reason.
    #[test]
    fn bad_queries_are_refused() {
        let ask = |start, end, limit| Page::plan(Interval::M1, &Query { start, end, limit }, LISTED, NOW);
        assert_eq!(ask(None, None, 0), Err(PageError::Limit));
        assert_eq!(ask(None, None, LIMIT_MAX + 1), Err(PageError::Limit));
        assert_eq!(ask(Some(7), Some(6), 1), Err(PageError::Reversed));
    }

    /// Goal: months of different lengths are paged by number, not by days.
    #[test]
    fn months_are_counted() {
        let query = Query { start: None, end: None, limit: 1_000 };
        let page = Page::plan(Interval::Month, &query, 0, 1_700_000_000_000).unwrap().unwrap();
        // January 1970 to November 2023.
        assert_eq!(page.fill(&[], None, Some(1)).len(), 53 * 12 + 11);
    }

    /// Goal: what is empty is flat at the close before, stored rows win, and the open kline is the last.
    #[test]
    fn empty_periods_are_flat() {
        let traded = |minute: u64, close: u64| Kline {
            open_time: minute * MINUTE,
            high: 99,
            close,
            trades: 1,
            base: 5,
            ..Kline::default()
        };
        let page = Page { interval: Interval::M1, first: 200 * MINUTE, last: 204 * MINUTE };
        let rows = [traded(201, 11), traded(203, 13)];
        let filled = page.fill(&rows, Some(&traded(204, 14)), Some(10));
        let flat = |minute: u64, price: u64| Kline::flat(minute * MINUTE, price);
        assert_eq!(filled, [flat(200, 10), rows[0], flat(202, 11), rows[1], traded(204, 14)]);

        // Without a price before it, the page begins with the first trade; an open kline that is older stays out.
        let filled = page.fill(&rows, Some(&traded(199, 9)), None);
        assert_eq!(filled, [rows[0], flat(202, 11), rows[1], flat(204, 13)]);
    }
}
