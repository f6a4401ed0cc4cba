//! The canonical text of what an engine answered: one line a report, sorted by message and kind.

use std::fmt::Write;

use super::{Line, Message};

/// Writes the canonical output, message by message.
#[derive(Debug, Default)]
pub struct Canonical {
    text: String,
    of_message: Vec<(u8, String)>,
    started: bool,
    /// How many trades there were.
    pub trades: u64,
    /// How many lots were traded.
    pub traded_lots: u64,
}

impl Canonical {
    /// One report of the message with number `sequence`.
    pub fn report(&mut self, sequence: u64, message: &Message, line: Line) {
        let Message { side, lots, order, price, .. } = *message;
        let side = side as u8;
        let (kind, text) = match line {
            Line::Accepted => (0, format!("0,{sequence},{side},{order},{price},{lots}")),
            Line::Trade { price, lots, maker, .. } => {
                self.trades += 1;
                self.traded_lots += lots;
                (1, format!("1,{sequence},{price},{lots},{maker},{order}"))
            }
            Line::Cancelled { price } => (2, format!("2,{sequence},{side},{order},{price}")),
            Line::Modified => (3, format!("3,{sequence},{side},{order},{price},{lots}")),
            Line::CancelRejected => (4, format!("4,{sequence},{order}")),
            Line::ModifyRejected => (5, format!("5,{sequence},{order}")),
        };
        self.of_message.push((kind, text));
    }

    /// Ends a message: its reports are brought in order.
    pub fn end_message(&mut self) {
        self.of_message.sort_by_key(|(kind, _)| *kind);
        for (_, line) in self.of_message.drain(..) {
            if std::mem::replace(&mut self.started, true) {
                self.text.push('\n');
            }
            // Writing to a string cannot fail.
            let _ = self.text.write_str(&line);
        }
    }

    /// The text since the last call, so that the whole need not be in memory.
    pub fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }
}
