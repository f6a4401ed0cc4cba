//! The room of maintenance: windows in which customers change nothing, announced ahead.
//!
//! A window is of the whole system or of one network. It begins and ends on replicated time, at the same entry on every
//! node, or is ended by somebody. During one of the system, what customers would change is refused with the window's
//! text; reading goes on.
//!
//! Invariants: numbers go from 1 and never come back; a window that is over is forgotten, its events and its records in
//! the audit stay.

use std::collections::BTreeMap;
use std::fmt;

use exchequer_domain::{Network, Timestamp};
use serde::{Deserialize, Serialize};

use crate::codec::{self, DecodeError};
use crate::command::Actor;
use crate::halt::Halt;
use crate::rows::{self, Rows, Table};

/// Longest text for customers, in characters.
pub const BANNER_CHARS_MAX: usize = 280;
/// Windows that are announced or open at once.
pub const WINDOWS_MAX: usize = 100;
/// How far ahead a window may begin, and how long it may last.
pub const WINDOW_SPAN_US_MAX: u64 = 366 * 86_400 * 1_000_000;

/// The number of a window, from 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WindowId(pub u64);

/// What a window is of. Variants are only ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Extent {
    /// The whole exchange.
    System,
    /// What happens on one network.
    Network(Network),
}

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Extent::System => f.write_str("system"),
            Extent::Network(network) => network.fmt(f),
        }
    }
}

/// A window that is announced or open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Its number.
    pub id: WindowId,
    /// What it is of.
    pub extent: Extent,
    /// It is open from this moment on.
    pub starts: Timestamp,
    /// It is over at this moment; when somebody ends it, where there is none.
    pub ends: Option<Timestamp>,
    /// What customers are told.
    pub banner: String,
    /// Whether it is open.
    pub open: bool,
    /// Who announced it.
    pub by: Actor,
    /// Why.
    pub reason: String,
    /// When it was announced.
    pub announced: Timestamp,
}

impl Window {
    /// When time has something to do with it next.
    fn due(&self) -> Option<Timestamp> {
        if self.open { self.ends } else { Some(self.starts) }
    }
}

/// Every window that is announced or open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Maintenance {
    /// How many there ever were.
    pub(crate) count: u64,
    windows: BTreeMap<WindowId, Window>,
}

impl Maintenance {
    pub(crate) fn load(rows: &dyn Rows) -> Result<Maintenance, Halt> {
        let mut maintenance = Maintenance::default();
        let damaged = |error| Halt::row(Table::Maintenance, error);
        rows::for_each_of_table(rows, Table::Maintenance, |suffix, value| {
            if suffix.is_empty() {
                maintenance.count = codec::decode(value).map_err(damaged)?;
                return Ok(());
            }
            let window: Window = codec::decode(value).map_err(damaged)?;
            if suffix != window.id.0.to_be_bytes() || window.id.0 > maintenance.count {
                return Err(damaged(DecodeError::Malformed));
            }
            maintenance.put(window);
            Ok(())
        })?;
        Ok(maintenance)
    }

    pub(crate) fn put(&mut self, window: Window) {
        self.windows.insert(window.id, window);
    }

    pub(crate) fn remove(&mut self, id: WindowId) {
        self.windows.remove(&id);
    }

    /// Windows that begin or end now.
    pub(crate) fn due(&self, now: Timestamp) -> Vec<WindowId> {
        let due = |window: &&Window| window.due().is_some_and(|due| due <= now);
        self.windows.values().filter(due).map(|window| window.id).collect()
    }

    /// When a window begins or ends next.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.windows.values().filter_map(Window::due).min()
    }

    /// A window by its number.
    #[must_use]
    pub fn get(&self, id: WindowId) -> Option<&Window> {
        self.windows.get(&id)
    }

    /// Every window that is announced or open, by number.
    pub fn windows(&self) -> impl Iterator<Item = &Window> {
        self.windows.values()
    }

    /// How many windows are announced or open.
    #[must_use]
    pub fn len(&self) -> usize {
        self.windows.len()
    }

    /// Whether none is announced or open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.windows.is_empty()
    }

    /// The open window of the whole system that ends last; none where customers may change what is theirs.
    #[must_use]
    pub fn system(&self) -> Option<&Window> {
        self.open_of(|extent| extent == Extent::System)
    }

    /// The open window that concerns a network: its own or the system's.
    #[must_use]
    pub fn network(&self, network: Network) -> Option<&Window> {
        self.open_of(|extent| extent == Extent::System || extent == Extent::Network(network))
    }

    fn open_of(&self, concerns: impl Fn(Extent) -> bool) -> Option<&Window> {
        let open = self.windows.values().filter(|window| window.open && concerns(window.extent));
        open.max_by_key(|window| (window.ends.is_none(), window.ends))
    }
}
