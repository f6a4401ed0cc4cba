//! What a subscriber has not taken yet.
//!
//! A subscriber that reads slowly gets fewer messages where fewer say the same, and all of them where each counts:
//!
//! | message | while an older one of its stream waits |
//! |---|---|
//! | [`Message::Event`]: trades, whatever a user is told of an account | both stay, in their order |
//! | [`Message::Latest`]: tickers, partial books | takes the older one's place |
//! | [`Message::Trailing`]: klines that are still open | replaces the older one, and goes to the end |
//! | [`Message::Depth`]: differences of a book | is merged into it: `U` of the first, `u` of the last |
//!
//! The last message of a kline, which says that it is closed, is an event. So a ticker or a difference may be newer than trades behind it; a kline never tells of a trade that waits. When what
//! waits exceeds the limit, the verdict is [`Refused::TooSlow`], for good: something that must not be left out has been,
//! and the subscriber is to be closed with that reason.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::depth::{Diff, NotAdjacent};

/// What an entry of the queue costs besides its content, in bytes.
const ENTRY_BYTES: usize = 96;
/// What a level of a difference takes as text, about: two numbers in quotes and brackets.
const LEVEL_BYTES: usize = 48;

/// A stream of one connection: a number of the caller's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stream(pub u32);

/// Content that knows its size.
pub trait Weigh {
    /// What it takes in memory or on the wire, in bytes.
    fn bytes(&self) -> usize;
}

impl<T: AsRef<[u8]>> Weigh for T {
    fn bytes(&self) -> usize {
        self.as_ref().len()
    }
}

/// One message for a subscriber.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message<T> {
    /// Sent whatever happens, in order.
    Event(T),
    /// Only the newest counts; it keeps the place of the one it replaces, so that it is never put off for ever.
    Latest(Stream, T),
    /// Only the newest counts; it goes behind what came before it.
    Trailing(Stream, T),
    /// A difference of a book, and what it was made into for all subscribers. Adjacent ones are merged; what comes of it is
    /// this subscriber's own and still to be made.
    Depth(Stream, Arc<Diff>, Option<T>),
}

/// Why a message was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// More waits than the limit allows. Nothing is taken any more; the subscriber is to be closed.
    #[error("the subscriber reads too slowly: {waiting} bytes would wait, and {limit} may")]
    TooSlow {
        /// What would wait with this message.
        waiting: usize,
        /// The limit.
        limit: usize,
    },
    /// A difference that does not follow the one that waits; the waiting one stays as it is.
    #[error(transparent)]
    NotAdjacent(#[from] NotAdjacent),
}

impl<T: Weigh> Message<T> {
    fn bytes(&self) -> usize {
        let content = match self {
            Message::Event(content) | Message::Latest(_, content) | Message::Trailing(_, content) => content.bytes(),
            Message::Depth(_, _, Some(content)) => content.bytes(),
            Message::Depth(_, diff, None) => diff.levels() * LEVEL_BYTES,
        };
        ENTRY_BYTES.saturating_add(content)
    }

    fn stream(&self) -> Option<Stream> {
        match self {
            Message::Event(_) => None,
            Message::Latest(stream, _) | Message::Trailing(stream, _) | Message::Depth(stream, ..) => Some(*stream),
        }
    }
}

/// The messages that wait for one subscriber.
#[derive(Debug, Clone)]
pub struct Outbox<T> {
    /// By place in the queue.
    waiting: BTreeMap<u64, Message<T>>,
    /// Where the message of a stream waits. Each stream has one kind of message.
    places: BTreeMap<Stream, u64>,
    next_place: u64,
    bytes: usize,
    limit_bytes: usize,
    refused: Option<Refused>,
}

impl<T: Weigh> Outbox<T> {
    /// Nothing waits; at most `limit_bytes` may.
    #[must_use]
    pub fn new(limit_bytes: usize) -> Outbox<T> {
        Outbox {
            waiting: BTreeMap::new(),
            places: BTreeMap::new(),
            next_place: 0,
            bytes: 0,
            limit_bytes,
            refused: None,
        }
    }

    /// Adds a message, or makes it one with what waits.
    ///
    /// # Errors
    /// [`Refused::TooSlow`], once and from then on always; [`Refused::NotAdjacent`] for a difference.
    pub fn push(&mut self, message: Message<T>) -> Result<(), Refused> {
        if let Some(refused) = self.refused {
            return Err(refused);
        }
        let older = message.stream().and_then(|stream| self.places.get(&stream).copied());
        let (place, message) = match (older, message) {
            (Some(place), Message::Depth(stream, later, content)) => match self.waiting.get_mut(&place) {
                Some(waiting) => {
                    let before = waiting.bytes();
                    if let Message::Depth(_, earlier, made) = waiting {
                        Arc::make_mut(earlier).merge(&later)?;
                        *made = None;
                    }
                    self.bytes = self.bytes - before + waiting.bytes();
                    return self.judge(0);
                }
                None => (place, Message::Depth(stream, later, content)),
            },
            (Some(place), message @ Message::Latest(..)) => (place, message),
            (_, message) => {
                self.next_place += 1;
                (self.next_place, message)
            }
        };
        if let Some(older) = older.and_then(|older| self.waiting.remove(&older)) {
            self.bytes -= older.bytes();
        }
        self.judge(message.bytes())?;
        self.bytes += message.bytes();
        if let Some(stream) = message.stream() {
            self.places.insert(stream, place);
        }
        self.waiting.insert(place, message);
        Ok(())
    }

    /// The next message to send.
    pub fn pop(&mut self) -> Option<Message<T>> {
        let (_, message) = self.waiting.pop_first()?;
        self.bytes -= message.bytes();
        if let Some(stream) = message.stream() {
            self.places.remove(&stream);
        }
        Some(message)
    }

    /// What waits, in bytes as they are counted against the limit.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many messages wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Refuses for good when `more` bytes would exceed the limit.
    fn judge(&mut self, more: usize) -> Result<(), Refused> {
        let waiting = self.bytes.saturating_add(more);
        if waiting <= self.limit_bytes {
            return Ok(());
        }
        let refused = Refused::TooSlow { waiting, limit: self.limit_bytes };
        self.refused = Some(refused);
        Err(refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::depth::Level;

    const ROOM: usize = 1 << 20;

    fn drained(outbox: &mut Outbox<&'static str>) -> Vec<Message<&'static str>> {
        let messages: Vec<_> = std::iter::from_fn(|| outbox.pop()).collect();
        assert_eq!((outbox.bytes(), outbox.len(), outbox.places.len()), (0, 0, 0));
        messages
    }

    fn diff(first: u64, last: u64, bids: &[(u64, u128)], asks: &[(u64, u128)]) -> Arc<Diff> {
        let levels = |side: &[(u64, u128)]| side.iter().map(|&(price, total)| Level { price, total }).collect();
        Arc::new(Diff { first, last, bids: levels(bids), asks: levels(asks), checksum: last as u32 })
    }

    /// Goal: each kind of message waits as the table says. Method: all kinds mixed, then taken out.
    #[test]
    fn each_kind_waits_in_its_way() {
        let mut outbox = Outbox::new(ROOM);
        let (ticker, kline, other) = (Stream(1), Stream(2), Stream(3));
        for message in [
            Message::Latest(ticker, "old ticker"),
            Message::Trailing(kline, "old kline"),
            Message::Event("trade 1"),
            Message::Latest(ticker, "new ticker"),
            Message::Trailing(kline, "new kline"),
            Message::Event("trade 2"),
            Message::Latest(other, "other ticker"),
        ] {
            outbox.push(message).unwrap();
        }
        let expected = [
            Message::Latest(ticker, "new ticker"),
            Message::Event("trade 1"),
            Message::Trailing(kline, "new kline"),
            Message::Event("trade 2"),
            Message::Latest(other, "other ticker"),
        ];
        assert_eq!(drained(&mut outbox), expected);
        // What was sent is not replaced any more.
        outbox.push(Message::Latest(ticker, "next ticker")).unwrap();
        assert_eq!(drained(&mut outbox), [Message::Latest(ticker, "next ticker")]);
    }

    /// Goal: differences merge into one that a client may take for both. Method: levels that are only in one, in both,
    /// and gone.
    #[test]
    fn differences_merge() {
        let mut outbox: Outbox<&str> = Outbox::new(ROOM);
        let book = Stream(9);
        outbox.push(Message::Depth(book, diff(5, 7, &[(20, 1), (18, 2)], &[(30, 3)]), None)).unwrap();
        outbox.push(Message::Depth(book, diff(8, 8, &[(19, 4), (18, 0)], &[(29, 5), (31, 6)]), None)).unwrap();
        let gap = Message::Depth(book, diff(10, 10, &[], &[]), None);
        assert_eq!(outbox.push(gap), Err(Refused::NotAdjacent(NotAdjacent { last: 8, first: 10 })));
        let merged = diff(5, 8, &[(20, 1), (19, 4), (18, 0)], &[(29, 5), (30, 3), (31, 6)]);
        assert_eq!(outbox.bytes(), ENTRY_BYTES + 6 * LEVEL_BYTES);
        assert_eq!(drained(&mut outbox), [Message::Depth(book, merged, None)]);
    }

    /// Goal: what all subscribers share is handed on as it was made, and not after a merge; both are counted by what they
    /// are. Method: one difference alone, then two that merge.
    #[test]
    fn shared_content_lasts_until_a_merge() {
        let mut outbox: Outbox<&str> = Outbox::new(ROOM);
        let book = Stream(9);
        let first = Message::Depth(book, diff(1, 1, &[(1, 1)], &[]), Some("made"));
        outbox.push(first.clone()).unwrap();
        assert_eq!(outbox.bytes(), ENTRY_BYTES + 4);
        assert_eq!(drained(&mut outbox), std::slice::from_ref(&first));
        outbox.push(first).unwrap();
        outbox.push(Message::Depth(book, diff(2, 2, &[(2, 1)], &[]), Some("made"))).unwrap();
        assert_eq!(outbox.bytes(), ENTRY_BYTES + 2 * LEVEL_BYTES);
        assert_eq!(drained(&mut outbox), [Message::Depth(book, diff(1, 2, &[(2, 1), (1, 1)], &[]), None)]);
    }

    /// Goal: the limit holds to the byte, for every kind, and the verdict is final. Method: outboxes filled exactly.
    #[test]
    fn too_slow_is_final() {
        let mut outbox = Outbox::new(2 * (ENTRY_BYTES + 4));
        outbox.push(Message::Event("1234")).unwrap();
        outbox.push(Message::Latest(Stream(1), "1234")).unwrap();
        outbox.push(Message::Latest(Stream(1), "12")).unwrap();
        outbox.push(Message::Latest(Stream(1), "1234")).unwrap();
        let refused = Refused::TooSlow { waiting: 2 * (ENTRY_BYTES + 4) + 1, limit: 2 * (ENTRY_BYTES + 4) };
        assert_eq!(outbox.push(Message::Latest(Stream(1), "12345")), Err(refused));
        while outbox.pop().is_some() {}
        assert_eq!(outbox.push(Message::Event("")), Err(refused));

        let mut outbox: Outbox<&str> = Outbox::new(ENTRY_BYTES + LEVEL_BYTES);
        outbox.push(Message::Depth(Stream(1), diff(1, 1, &[(1, 1)], &[]), None)).unwrap();
        outbox.push(Message::Depth(Stream(1), diff(2, 2, &[(1, 2)], &[]), None)).unwrap();
        let refused = outbox.push(Message::Depth(Stream(1), diff(3, 3, &[(2, 2)], &[]), None));
        let waiting = ENTRY_BYTES + 2 * LEVEL_BYTES;
        assert_eq!(refused, Err(Refused::TooSlow { waiting, limit: ENTRY_BYTES + LEVEL_BYTES }));
    }

    /// Goal: a stopped reader of tickers alone never becomes too slow. Method: a hundred thousand updates.
    #[test]
    fn tickers_alone_never_fill() {
        let mut outbox = Outbox::new(64 * (ENTRY_BYTES + 8));
        for update in 0..100_000_u32 {
            let stream = Stream(update % 64);
            let content = update.to_be_bytes().to_vec();
            let message = match stream.0 % 2 {
                0 => Message::Latest(stream, content),
                _ => Message::Trailing(stream, content),
            };
            outbox.push(message).unwrap();
        }
        assert_eq!(outbox.len(), 64);
    }
}
