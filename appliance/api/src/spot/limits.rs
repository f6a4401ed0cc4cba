//! The limits of the door, as the settings have them: read anew ten times a second, not for every request.

use exchequer_state::settings::{Settings, Typed, schema};
use parking_lot::Mutex;

use crate::app::App;

/// How long what was read is good for; a change shows at the door so much later at most.
const GOOD_FOR_MS: u64 = 100;

/// What clients may ask of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Weight of an address in a minute.
    pub(crate) weight: u32,
    /// Orders of an account in ten seconds.
    pub(crate) orders_ten_seconds: u32,
    /// Orders of an account in a day.
    pub(crate) orders_day: u32,
    /// Connections that an address may open in five minutes.
    pub(crate) connections: u32,
    /// Open sockets of the node.
    pub(crate) sockets: u32,
    /// Open sockets of one address.
    pub(crate) sockets_of_address: u32,
    /// Messages of a client of streams within a second.
    pub(crate) socket_messages: u32,
}

impl Limits {
    fn of(settings: &Settings) -> Limits {
        // The ranges of the settings are inside those of the numbers.
        let get = |setting: &Typed<i64>| u32::try_from(settings.get(setting)).unwrap_or(u32::MAX);
        Limits {
            weight: get(&schema::LIMIT_REQUEST_WEIGHT),
            orders_ten_seconds: get(&schema::LIMIT_ORDERS_TEN_SECONDS),
            orders_day: get(&schema::LIMIT_ORDERS_DAY),
            connections: get(&schema::LIMIT_CONNECTIONS),
            sockets: get(&schema::LIMIT_SOCKETS),
            sockets_of_address: get(&schema::LIMIT_SOCKETS_OF_ADDRESS),
            socket_messages: get(&schema::LIMIT_SOCKET_MESSAGES),
        }
    }
}

impl Default for Limits {
    /// Those of a cluster that changed none.
    fn default() -> Limits {
        Limits::of(&Settings::default())
    }
}

/// What was read last, and when.
#[derive(Debug, Default)]
pub(crate) struct Seen(Mutex<Option<(u64, Limits)>>);

impl App {
    /// The limits that hold.
    pub(crate) fn limits(&self, now_ms: u64) -> Limits {
        let mut seen = self.spot.limits.0.lock();
        match *seen {
            Some((at_ms, limits)) if (at_ms..at_ms + GOOD_FOR_MS).contains(&now_ms) => limits,
            Some(_) | None => {
                let mut limits = seen.map_or_else(Limits::default, |(_, limits)| limits);
                // Where the state cannot be read the last ones hold; the request itself will fail.
                let _ = self.backend.read(&mut |state, _, _| {
                    limits = Limits::of(state.settings());
                    Ok(())
                });
                *seen = Some((now_ms, limits));
                limits
            }
        }
    }
}
