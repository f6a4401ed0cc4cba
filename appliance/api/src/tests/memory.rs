//! A backend over a state in memory: real commands, no consensus.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use exchequer_domain::{ClusterId, Code, CommandId, Digest, NodeId, Problem, Timestamp, WorkerId};
use exchequer_raft::{Address, Epoch, MemberState, PeerView, ReadAt, Role, Status};
use exchequer_state::cluster::Authority;
use exchequer_state::registry::NodeVersion;
use exchequer_state::testing::MemoryRows;
use exchequer_state::{Actor, AdmitNode, At, Body, Bootstrap, Command, Done, DryRun, FirstNode, Input, Outcome, State};
use futures::FutureExt as _;
use parking_lot::Mutex;
use tokio::sync::watch;
use zeroize::Zeroizing;

use super::pipe::Pipe;
use crate::backend::{
    Backend, ByteStream, Check, Doing, DrawnKey, DrawnToken, Hashes, LogLine, LogStart, Look, Submitted, Supervised,
};
use crate::dto::{JoinReply, JoinRequest};
use crate::events::Ephemeral;
use crate::feed::{Batch, Ear};
use crate::history::History;
use crate::people::password::Cost;

/// The operator token of the clusters here.
pub(super) const TOKEN: &str = "exq_right";

/// What a test can turn.
pub(super) struct Knobs {
    pub(super) status: Status,
    pub(super) peers: Vec<(NodeId, PeerView)>,
    pub(super) checks: Vec<Check>,
    /// How old local reads are.
    pub(super) age: Duration,
    /// Every change and every linearizable read ends with it.
    pub(super) refuse: Option<Problem>,
    /// Who holds up a change of authority.
    pub(super) authority_waits: Option<Vec<NodeId>>,
    /// Every change panics.
    pub(super) panic: bool,
    pub(super) token: &'static str,
    /// What was asked of the node outside the state.
    pub(super) calls: Vec<String>,
}

/// The state, its rows and its log.
pub(super) struct Inside {
    pub(super) state: State,
    pub(super) rows: MemoryRows,
    pub(super) index: u64,
    pub(super) now: Timestamp,
    next_id: u64,
}

pub(super) struct Memory {
    pub(super) inside: Mutex<Inside>,
    pub(super) knobs: Mutex<Knobs>,
    /// The last applied entry.
    progress: watch::Sender<u64>,
    /// Where encoded commands go instead of the state.
    pub(super) pipe: Mutex<Option<Arc<Pipe>>>,
    ear: OnceLock<Ear>,
    ephemeral: Ephemeral,
    /// What workers have logged on this node.
    pub(super) worker_logs: Mutex<BTreeMap<WorkerId, Vec<LogLine>>>,
    /// Counts what they logged.
    pub(super) logged: watch::Sender<u64>,
    pub(super) history: History,
    /// Set when the node is to stop.
    pub(super) stop: watch::Sender<bool>,
}

pub(super) fn member(name: &str, voter: bool) -> MemberState {
    let address = Address { name: name.into(), peer: format!("{name}.example:8641") };
    MemberState { address, voter, matched_index: None, heard: None }
}

impl Memory {
    /// A sandbox cluster of one node, which leads.
    pub(super) fn new() -> Memory {
        let house = Memory::empty();
        house.run(Body::Bootstrap(Box::new(Bootstrap {
            cluster_id: ClusterId([7; 16]),
            name: "test".into(),
            sandbox: true,
            authority: Authority { certificate_der: vec![1], sealed_key: vec![1] },
            operator_token_hash: [2; 32],
            node: FirstNode {
                name: "n1".into(),
                api_address: "n1.example:8640".into(),
                peer_address: "n1.example:8641".into(),
                version: NodeVersion::of_this_program(),
                key_fingerprint: [1; 32],
            },
        })));
        house
    }

    /// A node whose cluster is not made yet.
    pub(super) fn empty() -> Memory {
        let status = Status {
            node: 1,
            role: Role::Leader,
            term: 3,
            leader: Some((1, "n1.example:8641".into())),
            last_index: 40,
            committed_index: 40,
            applied_index: 40,
            applied_term: 3,
            snapshot_index: Some(20),
            purged_index: None,
            flushed_index: 30,
            digest: [9; 32],
            time_us: 1_764_000_000_000_000,
            quorum_age: Some(Duration::from_millis(50)),
            contact: Some(Duration::from_millis(50)),
            is_joint: false,
            members: BTreeMap::from([(1, member("n1", true))]),
            has_room: true,
            disk_hangs: false,
            clock_offset_us: Some(0),
            clock_disputed: false,
            epoch: Some(Epoch { index: 5, term: 3 }),
        };
        let knobs = Knobs {
            status,
            peers: Vec::new(),
            checks: Vec::new(),
            age: Duration::ZERO,
            refuse: None,
            authority_waits: None,
            panic: false,
            token: TOKEN,
            calls: Vec::new(),
        };
        let inside = Inside {
            state: State::new(),
            rows: MemoryRows::new(),
            index: 1,
            now: Timestamp(1_764_000_000_000_000),
            next_id: 0,
        };
        Memory {
            inside: Mutex::new(inside),
            knobs: Mutex::new(knobs),
            progress: watch::Sender::new(0),
            pipe: Mutex::new(None),
            ear: OnceLock::new(),
            ephemeral: Ephemeral::default(),
            worker_logs: Mutex::default(),
            logged: watch::Sender::new(0),
            history: History::default(),
            stop: watch::Sender::new(false),
        }
    }

    /// One command on somebody's behalf, as if it came through another door.
    pub(super) fn run_as(&self, actor: Actor, body: Body) -> Outcome {
        let command = Command { id: self.new_id(), actor, epoch: None, body };
        self.apply(&[command.encode()]).0.remove(0)
    }

    /// One command of the operator's, as if it came through another door.
    pub(super) fn run(&self, body: Body) -> Done {
        let command = Command { id: self.new_id(), actor: Actor::Operator, epoch: None, body };
        match self.apply(&[command.encode()]).0.remove(0) {
            Outcome::Done(done) => done,
            Outcome::Rejected(rejection) => panic!("{rejection:?}"),
        }
    }

    /// The ear that is told of entries, once somebody has brought one.
    pub(super) fn ear(&self) -> Option<Ear> {
        self.ear.get().cloned()
    }

    fn apply(&self, commands: &[Vec<u8>]) -> (Vec<Outcome>, u64) {
        let inside = &mut *self.inside.lock();
        inside.index += 1;
        let at = At { index: inside.index, term: 1, time: inside.now };
        let bytes: Vec<&[u8]> = commands.iter().map(Vec::as_slice).collect();
        let first_posting = inside.state.ledger().last_posting() + 1;
        let applied = inside.state.apply(at, Input::Commands(&bytes), &inside.rows).unwrap();
        inside.rows.apply_changes(&applied.changes);
        if let Some(ear) = self.ear.get() {
            let postings = (first_posting, inside.state.ledger().last_posting() + 1);
            ear.entry(Batch { index: at.index, time: inside.state.time(), events: applied.events, postings });
        }
        self.progress.send_replace(inside.index);
        (applied.outcomes.iter().map(|bytes| Outcome::decode(bytes).unwrap()).collect(), inside.index)
    }

    /// What every change begins with.
    fn begin(&self, call: impl FnOnce() -> String) -> Result<(), Problem> {
        let mut knobs = self.knobs.lock();
        knobs.calls.push(call());
        if knobs.panic {
            drop(knobs);
            panic!("asked for by the test");
        }
        knobs.refuse.clone().map_or(Ok(()), Err)
    }

    fn done<T: Send + 'static>(&self, call: impl FnOnce() -> String, result: impl FnOnce() -> T) -> Doing<'_, T> {
        let outcome = self.begin(call).map(|()| result());
        async move { outcome }.boxed()
    }

    fn decided(&self, actor: Actor, body: Body) -> Result<Done, Problem> {
        let command = Command { id: self.new_id(), actor, epoch: None, body };
        match self.apply(&[command.encode()]).0.remove(0) {
            Outcome::Done(done) => Ok(done),
            Outcome::Rejected(rejection) => Err(rejection.problem()),
        }
    }
}

/// Join tokens here are `exqj_N`.
fn token_id(text: &str) -> [u8; 8] {
    text.trim_start_matches("exqj_").parse::<u64>().unwrap_or(u64::MAX).to_be_bytes()
}

impl Backend for Memory {
    fn submit(&self, commands: Vec<Command>, _: Duration) -> Doing<'_, Submitted> {
        let encoded: Vec<Vec<u8>> = commands.iter().map(Command::encode).collect();
        let begun = self.begin(|| "submit".into());
        async move {
            begun?;
            let (outcomes, index) = self.apply(&encoded);
            Ok(Submitted { outcomes, index })
        }
        .boxed()
    }

    fn ephemeral(&self) -> Ephemeral {
        self.ephemeral.clone()
    }

    fn submit_encoded(&self, commands: Vec<Bytes>, _: Duration) -> Doing<'_, (Vec<Bytes>, u64)> {
        let encoded: Vec<Vec<u8>> = commands.iter().map(|bytes| bytes.to_vec()).collect();
        let begun = self.begin(|| "submit_encoded".into());
        let pipe = self.pipe.lock().clone();
        async move {
            begun?;
            if let Some(pipe) = pipe {
                return Ok(pipe.pass(commands).await);
            }
            let (outcomes, index) = self.apply(&encoded);
            Ok((outcomes.iter().map(|outcome| Bytes::from(outcome.encode())).collect(), index))
        }
        .boxed()
    }

    fn linearize(&self, _: Duration) -> Doing<'_, u64> {
        let index = self.inside.lock().index;
        self.done(|| "linearize".into(), move || index)
    }

    fn read(&self, read: Look<'_>) -> Result<(), Problem> {
        let age = self.knobs.lock().age;
        let inside = self.inside.lock();
        read(&inside.state, &inside.rows, ReadAt { index: inside.index, age })
    }

    fn tell(&self, ear: Ear) {
        // A second ear is not told.
        let _ = self.ear.set(ear);
    }

    fn dry_run(&self, body: Body) -> Result<(DryRun, ReadAt), Problem> {
        let inside = &mut *self.inside.lock();
        let ran = inside.state.dry_run(&inside.rows, inside.index, Actor::Operator, body);
        let at = ReadAt { index: inside.index, age: Duration::ZERO };
        ran.map(|ran| (ran, at)).map_err(|halt| halt.problem())
    }

    fn applied_beyond(&self, index: u64, patience: Duration) -> Doing<'_, u64> {
        async move {
            let mut progress = self.progress.subscribe();
            let _ = tokio::time::timeout(patience, progress.wait_for(|applied| *applied > index)).await;
            Ok(*progress.borrow())
        }
        .boxed()
    }

    fn stopping(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let mut stop = self.stop.subscribe();
        Box::pin(async move {
            // Without a house nothing stops any more.
            if stop.wait_for(|stop| *stop).await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }

    fn status(&self) -> Status {
        self.knobs.lock().status.clone()
    }

    fn peers(&self) -> Vec<(NodeId, PeerView)> {
        self.knobs.lock().peers.clone()
    }

    fn readiness(&self, for_write: bool) -> Vec<Check> {
        let checks = self.knobs.lock().checks.clone();
        checks.into_iter().filter(|check| for_write || check.name != "disk").collect()
    }

    fn metrics(&self) -> String {
        "exchequer_up 1\n".into()
    }

    fn stable_since(&self) -> Vec<(NodeId, u64)> {
        vec![(NodeId(1), 1_764_000_000_000_000)]
    }

    fn token_matches(&self, token: &str) -> Result<bool, Problem> {
        let hash = self.inside.lock().state.access().operator_token_hash().copied();
        let Some(hash) = hash else {
            return Err(Problem::new(Code::FolderNotInitialised, "the cluster is not made yet"));
        };
        if !token.starts_with("exq_") {
            return Err(Problem::new(Code::TokenWrong, "an operator token begins with `exq_`"));
        }
        Ok(token == if hash == [6; 32] { "exq_next" } else { self.knobs.lock().token })
    }

    fn now_ms(&self) -> u64 {
        self.inside.lock().now.millis()
    }

    fn open_secret(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Problem> {
        // Sealed here means: written backwards.
        Ok(Zeroizing::new(sealed.iter().rev().copied().collect()))
    }

    fn seal(&self, purpose: &str, secret: &[u8]) -> Result<Vec<u8>, Problem> {
        // Sealed here means: written backwards, behind the purpose.
        Ok(purpose.bytes().chain([b' ']).chain(secret.iter().rev().copied()).collect())
    }

    fn unseal(&self, purpose: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Problem> {
        let rest = sealed.strip_prefix(purpose.as_bytes()).and_then(|rest| rest.strip_prefix(b" "));
        let rest = rest.ok_or_else(|| Problem::new(Code::KeyringWrong, format!("this is no sealed {purpose}")))?;
        Ok(Zeroizing::new(rest.iter().rev().copied().collect()))
    }

    fn history(&self) -> &History {
        &self.history
    }

    fn hash_cost(&self) -> Cost {
        // Dear enough to be seen among everything else, and cheap enough for many tests.
        Cost { memory_kib: 2 << 10, passes: 1, lanes: 1 }
    }

    fn worker_log(&self, worker: WorkerId, start: LogStart, limit: usize) -> Doing<'_, Vec<LogLine>> {
        let lines: Vec<LogLine> = self.worker_logs.lock().get(&worker).cloned().unwrap_or_default();
        let before = |is: &dyn Fn(&LogLine) -> bool| lines.iter().position(is).unwrap_or(lines.len());
        let skip = match start {
            LogStart::Latest => lines.len().saturating_sub(limit),
            LogStart::After(number) => before(&|line| line.number > number),
            LogStart::Moment { time_us, earlier } => before(&|line| line.time_us >= time_us).saturating_sub(earlier),
        };
        let lines = lines.into_iter().skip(skip).take(limit).collect();
        Box::pin(async move { Ok(lines) })
    }

    fn worker_logged(&self, patience: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let mut logged = self.logged.subscribe();
        Box::pin(async move { drop(tokio::time::timeout(patience, logged.changed()).await) })
    }

    fn supervised(&self) -> Supervised {
        Supervised {
            epoch: Some(5),
            processes: 2,
            started: 3,
            commands: 40,
            fenced: 1,
            refused: 0,
            fenced_of: vec![("selftest/1".parse().unwrap(), 1)],
        }
    }

    fn new_id(&self) -> CommandId {
        let mut inside = self.inside.lock();
        inside.next_id += 1;
        CommandId((1 << 100 | u128::from(inside.next_id)).to_be_bytes())
    }

    fn draw_join_token(&self) -> Result<DrawnToken, Problem> {
        let number = self.inside.lock().index;
        Ok(DrawnToken { text: format!("exqj_{number}"), token_id: number.to_be_bytes(), secret_hash: [5; 32] })
    }

    fn draw_api_key(&self) -> Result<DrawnKey, Problem> {
        let drawn = self.new_id().to_string();
        let (name, secret) = (drawn.repeat(2), drawn.chars().rev().collect::<String>().repeat(2));
        let sealed = secret.bytes().rev().collect();
        Ok(DrawnKey { name, secret, sealed })
    }

    fn join(&self, request: JoinRequest) -> Doing<'_, JoinReply> {
        let begun = self.begin(|| format!("join {}", request.name));
        async move {
            begun?;
            let admission = AdmitNode {
                token_id: token_id(&request.token),
                token_secret_hash: [5; 32],
                name: request.name,
                api_address: request.api_address,
                peer_address: request.peer_address,
                version: NodeVersion { release: request.release, logic: request.logic },
                key_fingerprint: [3; 32],
                replaces: request.replaces.map(NodeId),
            };
            match self.decided(Actor::Operator, Body::AdmitNode(Box::new(admission)))? {
                Done::NodeAdmitted { node } => Ok(JoinReply {
                    node_id: node.0,
                    cluster_id: ClusterId([7; 16]).to_string(),
                    lineage: 1,
                    sandbox: true,
                    certificate: String::new(),
                    authorities: Vec::new(),
                    keyring: String::new(),
                }),
                other => panic!("{other:?}"),
            }
        }
        .boxed()
    }

    fn promote(&self, _: Actor, node: NodeId, force: bool, reason: String) -> Doing<'_, ()> {
        self.done(|| format!("promote {node} {force} {reason}"), || ())
    }

    fn add_learner(&self, _: Actor, node: NodeId, reason: String) -> Doing<'_, ()> {
        self.done(|| format!("add_learner {node} {reason}"), || ())
    }

    fn remove(&self, _: Actor, node: NodeId, reason: String) -> Doing<'_, ()> {
        self.done(|| format!("remove {node} {reason}"), || ())
    }

    fn transfer_leader(&self, _: Actor, to: Option<NodeId>, reason: String) -> Doing<'_, NodeId> {
        self.done(|| format!("transfer_leader {to:?} {reason}"), move || to.unwrap_or(NodeId(1)))
    }

    fn verify(&self, patience: Duration) -> Doing<'_, (u64, Hashes)> {
        self.done(|| format!("verify {patience:?}"), || (9, vec![(NodeId(1), Some(Digest([4; 32])))]))
    }

    fn rotate_certificates(&self, _: Actor, node: Option<NodeId>, authority: bool, reason: String) -> Doing<'_, ()> {
        self.done(|| format!("rotate_certificates {node:?} {authority} {reason}"), || ())
    }

    fn authority_waits(&self) -> Option<Vec<NodeId>> {
        self.knobs.lock().authority_waits.clone()
    }

    fn save_snapshot(&self, _: Actor, reason: String) -> Doing<'_, ByteStream> {
        let pieces = [Ok(Bytes::from_static(b"one ")), Ok(Bytes::from_static(b"file"))];
        let stream: fn(_) -> ByteStream = |pieces: [Result<Bytes, Problem>; 2]| Box::pin(futures::stream::iter(pieces));
        self.done(|| format!("save_snapshot {reason}"), move || stream(pieces))
    }

    fn export_keyring(&self, _: Actor, reason: String) -> Doing<'_, String> {
        self.done(|| format!("export_keyring {reason}"), || "sealed".to_owned())
    }
}
