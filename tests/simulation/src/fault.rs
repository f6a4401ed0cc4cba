//! The kinds of faults that a run can have.

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// One machine loses its power between two operations of its disk.
    Crash,
    /// The leader does.
    CrashLeader,
    /// All machines do at once.
    CrashAll,
    /// A machine loses its power in the middle of an operation of its disk.
    PowerCut,
    /// A machine loses its power once more while it starts.
    BootCut,
    /// A machine loses its power in the moment in which its node acts on a new vote.
    VoteCut,
    /// A sync fails.
    SyncFailure,
    /// A disk takes much longer than it should.
    SlowDisk,
    /// The cluster falls into two parts.
    Partition,
    /// The leader is alone.
    IsolateLeader,
    /// One machine's messages to another are lost, the other way they arrive.
    OneWay,
    /// Nobody hears the leader, which hears everybody.
    DeafFollowers,
    /// Messages between two machines wait.
    Hold,
    /// Messages take long.
    Delay,
    /// Messages are lost now and then.
    Loss,
    /// Leadership is handed over on purpose.
    Transfer,
    /// A node stops as on SIGTERM and starts again.
    Stop,
    /// A snapshot is taken as a backup does.
    Snapshot,
    /// A new machine joins.
    Grow,
    /// A machine is taken out of the cluster.
    Shrink,
    /// A vote is taken; the operator gives it back.
    Demote,
    /// A disk is replaced by an empty one.
    Wipe,
    /// A disk forgets synced entries.
    Rot,
    /// A disk is nearly full: its node takes no writes.
    NoRoom,
    /// A disk is full: its node stops.
    Full,
    /// A clock jumps.
    ClockJump,
}

impl Fault {
    /// All of them.
    pub const ALL: &'static [Fault] = &[
        Fault::Crash,
        Fault::CrashLeader,
        Fault::CrashAll,
        Fault::PowerCut,
        Fault::BootCut,
        Fault::VoteCut,
        Fault::SyncFailure,
        Fault::SlowDisk,
        Fault::Partition,
        Fault::IsolateLeader,
        Fault::OneWay,
        Fault::DeafFollowers,
        Fault::Hold,
        Fault::Delay,
        Fault::Loss,
        Fault::Transfer,
        Fault::Stop,
        Fault::Snapshot,
        Fault::Grow,
        Fault::Shrink,
        Fault::Demote,
        Fault::Wipe,
        Fault::Rot,
        Fault::NoRoom,
        Fault::Full,
        Fault::ClockJump,
    ];
    /// Those that end a node's run without warning.
    pub const CRASHES: &'static [Fault] = &[
        Fault::Crash,
        Fault::CrashLeader,
        Fault::CrashAll,
        Fault::PowerCut,
        Fault::BootCut,
        Fault::VoteCut,
        Fault::SyncFailure,
    ];

    /// Its name in counts and traces.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Fault::Crash => "crash",
            Fault::CrashLeader => "crash of the leader",
            Fault::CrashAll => "crash of all",
            Fault::PowerCut => "power cut in an operation",
            Fault::BootCut => "power cut while starting",
            Fault::VoteCut => "power cut at a vote",
            Fault::SyncFailure => "sync failure",
            Fault::SlowDisk => "slow disk",
            Fault::Partition => "partition",
            Fault::IsolateLeader => "leader isolated",
            Fault::OneWay => "one-way partition",
            Fault::DeafFollowers => "leader not heard",
            Fault::Hold => "messages held",
            Fault::Delay => "messages delayed",
            Fault::Loss => "messages lost",
            Fault::Transfer => "leader transfer",
            Fault::Stop => "orderly stop",
            Fault::Snapshot => "backup",
            Fault::Grow => "node added",
            Fault::Shrink => "node removed",
            Fault::Demote => "vote taken",
            Fault::Wipe => "disk replaced",
            Fault::Rot => "disk rotten",
            Fault::NoRoom => "disk nearly full",
            Fault::Full => "disk full",
            Fault::ClockJump => "clock jump",
        }
    }
}
