//! The settings that exist.
//!
//! A released setting never changes its key, kind, range or default: nodes of two releases apply the same commands.
//! A change is a new setting, or the same under a higher `since`, which commands see only once the cluster was raised
//! to that logic version.

use std::time::Duration;

use super::scope::Scoping;
use super::value::{Kind, Value};

/// Keys without their place are shorter than this.
#[cfg(test)]
const KEY_CHARS_MAX: usize = 64;

/// What a change can do to a running cluster, for the console and the command line to ask accordingly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Danger {
    /// Reversible, no effect that hurts.
    Level0 = 0,
    /// Reversible, may cost performance or attention.
    Level1 = 1,
    /// May cost redundancy.
    Level2 = 2,
    /// May stop the cluster.
    Level3 = 3,
}

/// When a change of a setting takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// As soon as a node has applied it: the value is read anew each time that it is needed.
    AtOnce,
    /// When the worker is started the next time.
    AtStart,
}

impl Effect {
    /// The moment in words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Effect::AtOnce => "at once",
            Effect::AtStart => "at the next start of the worker",
        }
    }
}

/// One setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// `room.name`.
    pub key: &'static str,
    /// Which values it takes.
    pub kind: Kind,
    /// The value until one is set.
    pub default: DefaultValue,
    /// What a change can do.
    pub danger: Danger,
    /// In which places it may have values of its own.
    pub scoping: Scoping,
    /// Where one person may not change it further than so many percent of what it was: see [`super::guard`].
    pub guard_percent: Option<u8>,
    /// When a change takes effect.
    pub effect: Effect,
    /// The logic version from which on it can be set.
    pub since: u32,
    /// One sentence.
    pub description: &'static str,
}

/// A [`Value`] that can be a constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefaultValue {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A span of time in microseconds.
    DurationUs(u64),
    /// A size in bytes.
    Bytes(u64),
    /// One of the setting's words.
    Choice(&'static str),
}

impl DefaultValue {
    /// As a value.
    #[must_use]
    pub fn value(self) -> Value {
        match self {
            DefaultValue::Bool(flag) => Value::Bool(flag),
            DefaultValue::Integer(number) => Value::Integer(number),
            DefaultValue::DurationUs(us) => Value::DurationUs(us),
            DefaultValue::Bytes(bytes) => Value::Bytes(bytes),
            DefaultValue::Choice(word) => Value::Choice(word.to_owned()),
        }
    }
}

/// A setting whose value reads as a `T`.
#[derive(Debug, Clone, Copy)]
pub struct Typed<T> {
    /// The setting.
    pub setting: Setting,
    /// Its default as a `T`.
    pub default: T,
}

impl<T: Copy> Typed<T> {
    const fn new(
        key: &'static str,
        kind: Kind,
        of: (DefaultValue, T),
        danger: Danger,
        description: &'static str,
    ) -> Self {
        let (scoping, guard_percent, effect, since) = (Scoping::Nowhere, None, Effect::AtOnce, 1);
        let (value, default) = of;
        let setting = Setting { key, kind, default: value, danger, scoping, guard_percent, effect, since, description };
        Typed { setting, default }
    }

    /// With values of its own for kinds, networks and workers.
    const fn of_workers(mut self) -> Self {
        self.setting.scoping = Scoping::Workers;
        self
    }

    /// With values of its own for networks.
    const fn of_networks(mut self) -> Self {
        self.setting.scoping = Scoping::Networks;
        self
    }

    /// With values of its own for networks, for assets, and for assets on networks.
    const fn of_assets(mut self) -> Self {
        self.setting.scoping = Scoping::Assets;
        self
    }

    /// One person changes it by half at most.
    const fn guarded(mut self) -> Self {
        self.setting.guard_percent = Some(50);
        self
    }

    /// Given to a worker when it is started.
    const fn at_start(mut self) -> Self {
        self.setting.effect = Effect::AtStart;
        self
    }
}

const fn boolean(key: &'static str, default: bool, danger: Danger, description: &'static str) -> Typed<bool> {
    Typed::new(key, Kind::Bool, (DefaultValue::Bool(default), default), danger, description)
}

const fn integer(
    key: &'static str,
    [min, default, max]: [i64; 3],
    danger: Danger,
    description: &'static str,
) -> Typed<i64> {
    let kind = Kind::Integer { min, max };
    Typed::new(key, kind, (DefaultValue::Integer(default), default), danger, description)
}

/// Spans in seconds.
const fn duration(
    key: &'static str,
    [min, default, max]: [u64; 3],
    danger: Danger,
    description: &'static str,
) -> Typed<Duration> {
    const SECOND_US: u64 = 1_000_000;
    let kind = Kind::Duration { min: min * SECOND_US, max: max * SECOND_US };
    let us = DefaultValue::DurationUs(default * SECOND_US);
    Typed::new(key, kind, (us, Duration::from_secs(default)), danger, description)
}

const fn bytes(
    key: &'static str,
    [min, default, max]: [u64; 3],
    danger: Danger,
    description: &'static str,
) -> Typed<u64> {
    let kind = Kind::Bytes { min, max };
    Typed::new(key, kind, (DefaultValue::Bytes(default), default), danger, description)
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

macro_rules! schema {
    ($(
        $name:ident: $type:ty = $make:ident($key:literal, $range:expr, $danger:ident, $description:literal)
            $(.$more:ident())*;
    )*) => {
        $(
            #[doc = $description]
            pub const $name: Typed<$type> = $make($key, $range, Danger::$danger, $description)$(.$more())*;
        )*

        /// Every setting, by key.
        pub const ALL: &[Setting] = &[$($name.setting,)*];
    };
}

schema! {
    AUTOPILOT_CLEANUP_DEAD_SERVERS: bool = boolean("autopilot.cleanup_dead_servers", true, Level2,
        "Whether a voter that has been dead for long leaves the cluster by itself once another can take its place.");
    AUTOPILOT_DEAD_SERVER_AFTER: Duration = duration("autopilot.dead_server_after", [MINUTE, DAY, 90 * DAY], Level2,
        "How long a node must have been silent to count as dead.");
    AUTOPILOT_LAST_CONTACT_MAX: Duration = duration("autopilot.last_contact_max", [1, 10, 10 * MINUTE], Level1,
        "A node silent for longer is shown as unhealthy.");
    AUTOPILOT_MAX_TRAILING_ENTRIES: i64 = integer("autopilot.max_trailing_entries", [1, 1_000, 10_000_000], Level1,
        "A node further behind the leader than so many entries is unhealthy and is not promoted.");
    AUTOPILOT_MIN_QUORUM: i64 = integer("autopilot.min_quorum", [1, 3, 9], Level3,
        "Dead voters are never cleaned up below so many voters.");
    AUTOPILOT_PROMOTE: bool = boolean("autopilot.promote", true, Level1,
        "Whether learners that have caught up become voters by themselves.");
    AUTOPILOT_STABILIZATION_TIME: Duration = duration("autopilot.stabilization_time", [0, 10, HOUR], Level1,
        "How long a learner must have been healthy before it becomes a voter.");
    CHAIN_ROOTS: bool = boolean("chain.roots", true, Level2,
        "Whether names and roots of a network's blocks are computed; off where headers have what is new to this program.")
        .of_networks();
    CHAIN_TRACES: bool = boolean("chain.traces", false, Level2,
        "Whether calls inside of transactions are asked for; only then is coin seen that contracts send on.").of_networks();
    CLOCK_OFFSET_MAX: Duration = duration("clock.offset_max", [1, 2, MINUTE], Level2,
        "A node whose clock is further from the voters' median raises an alert and does not lead.");
    DIRECTIVES_KEPT_MAX: i64 = integer("directives.kept_max", [1_000, 1_000_000, 10_000_000_000], Level1,
        "Of more directives than so many the oldest that are over are forgotten.");
    DIRECTIVES_RETENTION: Duration = duration("directives.retention", [DAY, 365 * DAY, 3_650 * DAY], Level1,
        "How long directives that are over are kept, counted in whole days from when they were sent.");
    EVENTS_KEPT_MAX: i64 = integer("events.kept_max", [1_000, 10_000_000, 10_000_000_000], Level1,
        "Of more durable events than so many the oldest are forgotten.");
    EVENTS_RETENTION: Duration = duration("events.retention", [DAY, 90 * DAY, 3_650 * DAY], Level1,
        "How long durable events are kept, counted in whole days.");
    GAS_BUDGET_USD_DAY: i64 = integer("gas.budget_usd_day", [0, 500, 10_000_000], Level2,
        "How much gas is brought to addresses of a network in a day at most, in US dollars.").of_networks().guarded();
    GAS_HOT_CAP_USD: i64 = integer("gas.hot_cap_usd", [0, 60, 1_000_000], Level1,
        "Up to how much of the network's coin an address of a hot wallet is filled, in US dollars.").of_networks();
    GAS_HOT_THRESHOLD_USD: i64 = integer("gas.hot_threshold_usd", [0, 20, 1_000_000], Level1,
        "An address of a hot wallet that has less of the network's coin, in US dollars, is filled.").of_networks();
    GAS_LEND: bool = boolean("gas.lend", false, Level2,
        "Whether sweeps on TRON get energy that is lent from the stake of the gas wallet, where it has enough, instead of TRX to burn.").of_networks();
    GAS_STAKE_TRX: i64 = integer("gas.stake_trx", [0, 0, 100_000_000], Level2,
        "How many TRX the gas wallet stakes for energy; what is more than that is freed, which takes the network 14 days.").of_networks();
    JOBS_KEPT_MAX: i64 = integer("jobs.kept_max", [1_000, 10_000_000, 10_000_000_000], Level1,
        "Of more jobs than so many the oldest that are over are forgotten.");
    JOBS_RETENTION: Duration = duration("jobs.retention", [DAY, 90 * DAY, 3_650 * DAY], Level1,
        "How long jobs that are over are kept, counted in whole days from when they were entered.");
    JOIN_TOKEN_TTL: Duration = duration("join.token_ttl", [1, 15 * MINUTE, 7 * DAY], Level1,
        "How long a join token can be used when its maker does not say.");
    LIMIT_CONNECTIONS: i64 = integer("limit.connections", [1, 300, 100_000], Level1,
        "How many sockets an address may open in five minutes.").guarded();
    LIMIT_ORDERS_DAY: i64 = integer("limit.orders_day", [1, 160_000, 100_000_000], Level1,
        "How many orders an account may enter in a day.").guarded();
    LIMIT_ORDERS_TEN_SECONDS: i64 = integer("limit.orders_ten_seconds", [1, 50, 1_000_000], Level1,
        "How many orders an account may enter in ten seconds.").guarded();
    LIMIT_REQUEST_WEIGHT: i64 = integer("limit.request_weight", [100, 6_000, 10_000_000], Level1,
        "How much weight the requests of an address may have in a minute.").guarded();
    LIMIT_SOCKET_MESSAGES: i64 = integer("limit.socket_messages", [1, 5, 1_000], Level1,
        "How many messages a second a client may send on a socket of streams.").guarded();
    LIMIT_SOCKETS: i64 = integer("limit.sockets", [1, 4_096, 65_536], Level1,
        "How many sockets of clients a node keeps open.").guarded();
    LIMIT_SOCKETS_OF_ADDRESS: i64 = integer("limit.sockets_of_address", [1, 512, 65_536], Level1,
        "How many sockets of one address a node keeps open.").guarded();
    LOG_ENTRIES_KEPT: i64 = integer("log.entries_kept", [0, 100_000, 100_000_000], Level1,
        "How many applied entries stay in the log, so that a node that was away needs no snapshot.");
    PEOPLE_ADMIN_SESSION_IDLE: Duration = duration("people.admin_session_idle", [MINUTE, 15 * MINUTE, DAY], Level3,
        "An admin's session that was not used for so long is over.");
    PEOPLE_ADMIN_SESSION_LIFE: Duration = duration("people.admin_session_life", [5 * MINUTE, 12 * HOUR, 7 * DAY], Level3,
        "An admin's session is over so long after it began, however much it was used.");
    PEOPLE_LOCK_AFTER: i64 = integer("people.lock_after", [3, 5, 50], Level3,
        "So many failed sign-ins of one name lock new sign-ins of that name, but where it was used of late.");
    PEOPLE_LOCK_FOR: Duration = duration("people.lock_for", [MINUTE, MINUTE, 15 * MINUTE], Level3,
        "How long the first lock lasts; each further one is twice as long, up to a quarter of an hour.");
    PEOPLE_LOCK_WINDOW: Duration = duration("people.lock_window", [MINUTE, 15 * MINUTE, DAY], Level3,
        "Failed sign-ins longer ago do not count.");
    PEOPLE_SIGN_INS_PER_MINUTE: i64 = integer("people.sign_ins_per_minute", [1, 5, 10_000], Level3,
        "How many sign-ins a node takes from one address in a minute.");
    PEOPLE_STEP_UP_LIFE: Duration = duration("people.step_up_life", [30, MINUTE, 5 * MINUTE], Level3,
        "How long a second factor counts as just shown, for operations that ask for it.");
    PEOPLE_USER_SESSION_IDLE: Duration = duration("people.user_session_idle", [MINUTE, DAY, 30 * DAY], Level3,
        "A customer's session that was not used for so long is over.");
    PEOPLE_USER_SESSION_LIFE: Duration = duration("people.user_session_life", [5 * MINUTE, 30 * DAY, 90 * DAY], Level3,
        "A customer's session is over so long after it began, however much it was used.");
    READ_STALE_MAX: Duration = duration("read.stale_max", [1, 10, HOUR], Level0,
        "A local read is refused by a node whose state is older.");
    SNAPSHOT_INTERVAL: Duration = duration("snapshot.interval", [10 * MINUTE, DAY, 30 * DAY], Level1,
        "A snapshot is made at the latest so long after the last one.");
    SNAPSHOT_LOG_BYTES: u64 = bytes("snapshot.log_bytes", [MIB, 512 * MIB, 64 * GIB], Level1,
        "A snapshot is made when the log since the last one has grown to this size.");
    SWEEPS_HOT_LOW_USD: i64 = integer("sweeps.hot_low_usd", [0, 5_000, 1_000_000_000], Level1,
        "With less of an asset in the hot wallets, in US dollars, deposits are swept at once.").of_networks();
    SWEEPS_HOT_TARGET_USD: i64 = integer("sweeps.hot_target_usd", [0, 20_000, 1_000_000_000], Level2,
        "Up to how much of each asset goes to hot wallets, in US dollars; the rest goes to cold ones.").of_networks().guarded();
    SWEEPS_MIN_USD: i64 = integer("sweeps.min_usd", [0, 10, 1_000_000], Level1,
        "The least that is swept from an address without need, in US dollars.").of_assets();
    THRESHOLD_QUEUE_AGE: Duration = duration("threshold.queue_age", [1, MINUTE, DAY], Level1,
        "A worker whose oldest waiting job is older is shown as degraded.").of_workers().guarded();
    THRESHOLD_SCAN_LAG: Duration = duration("threshold.scan_lag", [2 * MINUTE, 10 * MINUTE, DAY], Level1,
        "People are told of a network whose scan was not where its nodes are for longer.").of_networks().guarded();
    TLS_CERTIFICATE_TTL: Duration = duration("tls.certificate_ttl", [HOUR, 90 * DAY, 366 * DAY], Level2,
        "How long a node's certificate is valid.");
    TLS_RENEW_AFTER_FRACTION_PERCENT: i64 = integer("tls.renew_after_fraction_percent", [10, 66, 90], Level1,
        "After which part of its life, in percent, a node renews its certificate.");
    WORKER_CPU_QUOTA: i64 = integer("worker.cpu_quota", [10, 1_000, 256_000], Level1,
        "How much processor time a worker may use, in thousandths of one processor.").of_workers().at_start();
    WORKER_DRAIN_DEADLINE: Duration = duration("worker.drain_deadline", [1, 30, HOUR], Level1,
        "How long a worker that is stopped may take to finish what it has begun.").of_workers();
    WORKER_JOBS_AT_ONCE: i64 = integer("worker.jobs_at_once", [1, 4, 64], Level0,
        "Jobs that one worker holds at a time.").of_workers();
    WORKER_MEMORY_MAX: u64 = bytes("worker.memory_max", [16 * MIB, 512 * MIB, 64 * GIB], Level1,
        "How much memory a worker may use.").of_workers().at_start();
    WORKER_RESTART_BACKOFF_MAX: Duration = duration("worker.restart_backoff_max", [1, MINUTE, HOUR], Level1,
        "How long the supervisor waits at most before it starts a worker again that has ended by itself.").of_workers();
}

/// The setting with this key.
#[must_use]
pub fn find(key: &str) -> Option<&'static Setting> {
    ALL.iter().find(|setting| setting.key == key)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the schema is sound. Method: keys ascend, every default fits its kind, every description is a sentence.
    #[test]
    fn every_setting_is_sound() {
        for pair in ALL.windows(2) {
            assert!(pair[0].key < pair[1].key, "{} before {}", pair[0].key, pair[1].key);
        }
        for setting in ALL {
            assert_eq!(setting.kind.check(&setting.default.value()), Ok(()), "{}", setting.key);
            assert!(setting.description.ends_with('.') && setting.key.len() < KEY_CHARS_MAX, "{}", setting.key);
            assert!(setting.since <= crate::LOGIC_VERSION_SUPPORTED);
            assert_eq!(find(setting.key), Some(setting));
        }
        assert_eq!(find("autopilot"), None);
    }
}
