//! The series there are. A fixed list: each is one figure of an overview, small and cheap to tell.

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Bytes.
    Bytes,
    /// Milliseconds.
    Milliseconds,
    /// Minor units of an asset.
    MinorUnits,
}

impl Unit {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Unit::Count => "count",
            Unit::Bytes => "bytes",
            Unit::Milliseconds => "milliseconds",
            Unit::MinorUnits => "minor-units",
        }
    }
}

/// Where a figure is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The replicated state: the same at every node that keeps up.
    State,
    /// The node itself.
    Node,
}

impl Source {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Source::State => "state",
            Source::Node => "node",
        }
    }
}

macro_rules! series {
    ($($(#[doc = $what:literal])+ $variant:ident = $word:literal, $source:ident, $unit:ident;)*) => {
        /// One series.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Series {
            $($(#[doc = $what])+ $variant,)*
        }

        impl Series {
            /// All of them.
            pub const ALL: &'static [Series] = &[$(Series::$variant,)*];
            /// Their names.
            pub const NAMES: &'static [&'static str] = &[$($word,)*];

            /// The name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Series::$variant => $word,)* }
            }

            /// Where its figures are from.
            #[must_use]
            pub const fn source(self) -> Source {
                match self { $(Series::$variant => Source::$source,)* }
            }

            /// What its figures count.
            #[must_use]
            pub const fn unit(self) -> Unit {
                match self { $(Series::$variant => Unit::$unit,)* }
            }
        }
    };
}

series! {
    /// Entries of the log that this node has applied, ever.
    EntriesApplied = "entries_applied", Node, Count;
    /// Entries that are committed, as this node knows, and that it has not applied.
    EntriesBehind = "entries_behind", Node, Count;
    /// How old this node's state is.
    StateAge = "state_age_ms", Node, Milliseconds;
    /// Voters that this node heard of in the last three seconds, with itself.
    VotersHeard = "voters_heard", Node, Count;
    /// Bytes free on the disk of this node's folder.
    DiskFree = "disk_free_bytes", Node, Bytes;
    /// Memory that this node's process takes.
    Resident = "resident_bytes", Node, Bytes;
    /// Workers that shall run.
    WorkersWanted = "workers_wanted", State, Count;
    /// Those of them that do, and as they should.
    WorkersRunning = "workers_running", State, Count;
    /// Workers that run, but not as they should.
    WorkersDegraded = "workers_degraded", State, Count;
    /// Workers that are not started any more until somebody says so.
    WorkersFailed = "workers_failed", State, Count;
    /// Jobs that workers did in a minute, by their latest reports.
    JobsDone = "jobs_done_per_minute", State, Count;
    /// Jobs that may be taken now.
    JobsAvailable = "jobs_available", State, Count;
    /// Jobs that wait for their time, or for the next attempt.
    JobsWaiting = "jobs_waiting", State, Count;
    /// Jobs in the dead letter.
    JobsDead = "jobs_dead", State, Count;
    /// Markets that trade.
    MarketsTrading = "markets_trading", State, Count;
    /// Orders that are open.
    OrdersOpen = "orders_open", State, Count;
    /// Deposit addresses that wait in the smallest pool.
    AddressesLeft = "smallest_address_pool", State, Count;
    /// Withdrawals that are open.
    WithdrawalsOpen = "withdrawals_open", State, Count;
    /// Those of them that wait for people: for approval, set aside, unknown, in review or stuck.
    WithdrawalsForPeople = "withdrawals_for_people", State, Count;
    /// Deposits that wait for people, or until deposits of their asset are on.
    DepositsSuspended = "deposits_in_suspense", State, Count;
    /// Discrepancies that are open.
    Discrepancies = "discrepancies_open", State, Count;
    /// Matters of money that people were told of and that have not ended.
    Matters = "matters_open", State, Count;
    /// Proposals that wait for approval.
    Proposals = "proposals_open", State, Count;
    /// Sessions of admins that are open.
    AdminSessions = "admin_sessions", State, Count;
    /// Failed sign-ins of admins that count towards a lock.
    SignInsFailed = "admin_sign_ins_failed", State, Count;
    /// Admins who are locked out from somewhere.
    AdminsLocked = "admins_locked", State, Count;
    /// What was paid for in the last 24 hours, of all markets that are paid for in the asset.
    Traded = "traded_24h", State, MinorUnits;
    /// Fees earned in the asset, ever: what a day brought is the difference of two of them.
    Fees = "fees", State, MinorUnits;
}

impl Series {
    /// The series of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Series> {
        Series::ALL.iter().copied().find(|series| series.as_str() == name)
    }
}
