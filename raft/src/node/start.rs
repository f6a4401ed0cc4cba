//! Starting a node.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use exchequer_storage::Disk;
use openraft::{Config, SnapshotPolicy};
use parking_lot::Mutex;
use tokio::sync::watch as signal;

use super::{Hooks, Inner, Node, SnapshotRules, contact, joint, leader, watch};
use crate::alarm::{Alarm, Fatal};
use crate::apply::{PersistItem, PersistOptions, Persister, SnapshotUses, StateMachine, Unwritten, families};
use crate::clock::{ReplicatedClock, WallClock};
use crate::log::{LogOptions, LogStore};
use crate::machine::Machine;
use crate::memory::Memory;
use crate::net::{Dialer, Membership, Network};
use crate::offline;
use crate::proposer::Proposer;
use crate::record::Position;
use crate::runtime::random_u64;
use crate::sending::Files;
use crate::types::Raft;
use crate::work::{self, Drive};

/// The times of consensus, and when snapshots are taken.
#[derive(Debug, Clone)]
pub struct Timing {
    /// Between heartbeats.
    pub heartbeat: Duration,
    /// A follower that hears nothing for a time between these stands for election.
    pub election_min: Duration,
    /// The upper end.
    pub election_max: Duration,
    /// Applied bytes after which a snapshot is taken.
    pub snapshot_bytes: u64,
    /// Entries kept behind a snapshot, for followers that lag.
    pub entries_kept: u64,
}

impl Default for Timing {
    fn default() -> Timing {
        Timing {
            heartbeat: Duration::from_millis(50),
            election_min: Duration::from_millis(200),
            election_max: Duration::from_millis(400),
            snapshot_bytes: 512 << 20,
            entries_kept: 100_000,
        }
    }
}

/// What a node is started with.
pub struct Options {
    /// Who it is.
    pub us: Membership,
    /// Its disk.
    pub disk: Arc<dyn Disk>,
    /// How it reaches its peers.
    pub dialer: Arc<dyn Dialer>,
    /// What the layers above contribute.
    pub hooks: Arc<dyn Hooks>,
    /// Called once when the node must stop.
    pub alarm: Alarm,
    /// The wall clock.
    pub wall: WallClock,
    /// Where its consumers run.
    pub drive: Drive,
    /// Its times.
    pub timing: Timing,
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn config(timing: &Timing) -> Config {
    Config {
        cluster_name: "exchequer".to_owned(),
        heartbeat_interval: millis(timing.heartbeat),
        election_timeout_min: millis(timing.election_min),
        election_timeout_max: millis(timing.election_max),
        // A snapshot takes as long as it takes; the default of 200 ms would start it anew for ever.
        install_snapshot_timeout: 600_000,
        max_payload_entries: 1024,
        max_append_entries: Some(4096),
        purge_batch_size: 4096,
        replication_lag_threshold: timing.entries_kept.max(10_000),
        snapshot_policy: SnapshotPolicy::Never,
        // Purging is done by hand, by the replicated setting; a value below the maximum would also purge by itself.
        max_in_snapshot_log_to_keep: u64::MAX,
        enable_pre_vote: Some(true),
        // A leader that restarts stands for election again: a term alone must not name two leaderships.
        enable_leader_restore: Some(false),
        allow_log_reversion: Some(false),
        // The watch allows it as soon as it has compared clocks.
        enable_elect: false,
        ..Config::default()
    }
}

impl<M: Machine> Node<M> {
    /// Opens the disk, compares the log with the guard, loads the state and joins consensus.
    ///
    /// # Errors
    /// [`Fatal::LogLost`] where the node forgot something it had acknowledged; damage and I/O failures.
    pub async fn start(options: Options) -> Result<Node<M>, Fatal> {
        let unwritten = Unwritten::default();
        let uses = SnapshotUses::default();
        let (flushed_out, flushed) = signal::channel(0);
        // The digest's place exists only once the state is open; the persister starts before that.
        let digested: Arc<Mutex<Option<DigestSink>>> = Arc::default();
        let sink = digested.clone();
        let persister = work::start(
            "persister",
            &options.drive,
            Persister::new(PersistOptions {
                disk: options.disk.clone(),
                families: families::<M>(),
                unwritten: unwritten.clone(),
                alarm: options.alarm.clone(),
                digested: Arc::new(move |index, digest| {
                    if let Some(sink) = sink.lock().as_ref() {
                        sink(index, digest);
                    }
                }),
                flushed: flushed_out,
                uses: uses.clone(),
                drive: options.drive.clone(),
            }),
        );
        let (disk, alarm) = (options.disk.clone(), options.alarm.clone());
        let machine = StateMachine::<M>::open(disk, persister.clone(), &unwritten, uses.clone(), alarm)?;
        let state = machine.shared.clone();
        let keeper = state.clone();
        *digested.lock() = Some(Box::new(move |index, digest| {
            let mut digests = keeper.digests.lock();
            if digests.len() >= DIGESTS_KEPT {
                digests.pop_front();
            }
            digests.push_back((index, digest));
        }));
        let mut log = LogStore::open(
            options.disk.as_ref(),
            LogOptions {
                drive: options.drive.clone(),
                alarm: options.alarm.clone(),
                flushed: *state.progress.borrow(),
                persister: persister.clone(),
            },
        )?;
        log.claim(&[options.us.cluster.as_slice(), &options.us.node.to_be_bytes()].concat())?;
        let applied = state.applied.lock().last.map(Position::log_id);
        offline::cut_other_end(&mut log, applied).await?;
        let reader = log.reader();
        let network = Network {
            us: options.us.clone(),
            dialer: options.dialer,
            files: Files { disk: options.disk.clone(), uses, drive: options.drive.clone() },
            memory: Memory::default(),
            addresses: Arc::default(),
        };
        let config = config(&options.timing)
            .validate()
            .map_err(|error| Fatal::Halt { code: "EXQ-0102".to_owned(), detail: error.to_string() })?;
        let raft: Raft<M> = Raft::new(options.us.node, Arc::new(config), network.clone(), log, machine)
            .await
            .map_err(|error| Fatal::of_consensus(error.to_string()))?;
        let clocked = state.clone();
        let clock = ReplicatedClock::new(options.wall.clone(), state.applied.lock().time_us);
        let clock = Arc::new(Mutex::new(clock));
        let proposer = Proposer::start(raft.clone(), clock.clone(), move || clocked.applied.lock().time_us);
        let mut boot = [0; 16];
        let (low, high) = boot.split_at_mut(8);
        low.copy_from_slice(&random_u64().to_le_bytes());
        high.copy_from_slice(&random_u64().to_le_bytes());
        let inner = Arc::new(Inner {
            us: options.us,
            raft,
            disk: options.disk,
            state,
            network,
            log: reader,
            proposer,
            hooks: options.hooks,
            alarm: options.alarm,
            wall: options.wall,
            clock,
            boot,
            room: AtomicBool::new(true),
            disk_hangs: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            may_stand: AtomicBool::new(false),
            condemned: AtomicBool::new(false),
            clock_good: AtomicBool::new(false),
            clock_offset_us: Mutex::new(None),
            clock_disputed: AtomicBool::new(false),
            peers: Mutex::default(),
            refusals: Mutex::default(),
            clients: Mutex::default(),
            epoch: signal::Sender::new(None),
            leader_seen: Mutex::new(None),
            fresh_at: Mutex::new(None),
            cut_off: AtomicBool::new(false),
            flushed,
            persister,
            drive: options.drive,
            timing: options.timing,
        });
        let node = Node { inner: inner.clone() };
        tokio::spawn(leader::run(inner.clone()));
        tokio::spawn(watch::run(node.clone()));
        tokio::spawn(joint::run(inner.clone()));
        tokio::spawn(contact::run(inner.clone()));
        tokio::spawn(snapshots(inner));
        Ok(node)
    }
}

type DigestSink = Box<dyn Fn(u64, [u8; 32]) + Send>;

const DIGESTS_KEPT: usize = 16;

/// Takes a snapshot when enough was applied, or enough time has passed, since the last one, and purges the log behind
/// it. Nodes look at different moments, the leader last.
///
/// While a snapshot is on its way to a follower no newer one is taken and the log behind it stays, or the follower would
/// need another one when it has it. A follower that takes longer than [`TRANSFER_PATIENCE`] cannot keep the log from
/// being purged for ever.
async fn snapshots<M: Machine>(inner: Arc<Inner<M>>) {
    let mut taken = tokio::time::Instant::now();
    let mut sending = None;
    let uses = &inner.state.uses;
    loop {
        let turn = if inner.raft.is_leader() { 7 } else { 3 + inner.us.node % 3 };
        tokio::select! {
            biased;
            () = uses.told() => {}
            () = tokio::time::sleep(Duration::from_secs(turn)) => {}
        }
        let rules = inner.hooks.snapshot_rules().unwrap_or(SnapshotRules {
            bytes: inner.timing.snapshot_bytes,
            interval: Duration::MAX,
            entries_kept: inner.timing.entries_kept,
        });
        let spared = spared(uses.sent_index(), &mut sending);
        let applied = inner.state.applied_bytes.load(Ordering::Relaxed);
        let due = applied >= rules.bytes || (applied > 0 && taken.elapsed() >= rules.interval);
        if uses.wants_another() || (due && spared.is_none()) {
            inner.state.applied_bytes.store(0, Ordering::Relaxed);
            taken = tokio::time::Instant::now();
            if inner.raft.trigger().snapshot().await.is_err() {
                return;
            }
        }
        let snapshot = {
            use openraft::async_runtime::watch::WatchReceiver;
            inner.raft.metrics().borrow_watched().snapshot.map(|id| id.index)
        };
        let upto = snapshot.and_then(|index| index.checked_sub(rules.entries_kept));
        let upto = upto.map(|upto| upto.min(spared.unwrap_or(u64::MAX)));
        let purged = inner.log.extent().purged;
        if let Some(upto) = upto
            && purged.is_none_or(|purged| purged < upto)
        {
            tracing::info!(upto, "purging the log behind the snapshot");
            if inner.raft.trigger().purge_log(upto).await.is_err() {
                return;
            }
        }
        // The persister flushes by time as well; a nudge is enough, for it may have nothing else to do.
        if inner.persister.send(PersistItem::Look).is_err() {
            return;
        }
    }
}

/// How long a transfer to a follower may put off snapshots and purging.
const TRANSFER_PATIENCE: Duration = Duration::from_secs(1800);

/// The last entry of the snapshot behind which the log is to stay, if one is being sent; `since` is when that began.
fn spared(sent: Option<u64>, since: &mut Option<tokio::time::Instant>) -> Option<u64> {
    let Some(index) = sent else {
        *since = None;
        return None;
    };
    let began = *since.get_or_insert_with(tokio::time::Instant::now);
    (began.elapsed() < TRANSFER_PATIENCE).then_some(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a follower that never finishes does not keep the log for ever, and each transfer has its own time. Method:
    /// when the transfer began is put back.
    #[test]
    fn a_transfer_spares_the_log_for_a_while() {
        let mut since = None;
        assert_eq!(spared(Some(7), &mut since), Some(7));
        assert_eq!(spared(Some(9), &mut since), Some(9));
        since = tokio::time::Instant::now().checked_sub(TRANSFER_PATIENCE);
        assert!(since.is_none() || spared(Some(9), &mut since).is_none());
        assert_eq!(spared(None, &mut since), None);
        assert_eq!(spared(Some(9), &mut since), Some(9));
    }
}
