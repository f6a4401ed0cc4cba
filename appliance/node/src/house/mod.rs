//! The node behind its doors: what the API asks for, done with consensus, the state and this node's identity.

mod admission;
mod api_keys;
mod certificates;
mod members;
mod readiness;
mod snapshots;
mod submit;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use bytes::Bytes;
use exchequer_api::backend::{
    Backend, ByteStream, Check, Doing, DrawnKey, DrawnToken, LogLine, LogStart, SignerView, Submitted, Supervised,
};
use exchequer_api::dto::{JoinReply, JoinRequest};
use exchequer_api::events::Ephemeral;
use exchequer_api::feed::Ear;
use exchequer_api::history::History;
use exchequer_domain::{ChainAddress, Code, CommandId, Digest, Family, NodeId, Problem, WorkerId};
use exchequer_raft::{Hooks, Node, PeerView, ReadAt, SnapshotRules, Status};
use exchequer_state::audit::Action;
use exchequer_state::settings::schema;
use exchequer_state::{Actor, Body, Command, Done, DryRun, Outcome, RecordAction, Rows, State};
use metrics_exporter_prometheus::PrometheusHandle;
use parking_lot::{Mutex, RwLock};
use rand::TryRng;
use rand::rngs::SysRng;
use rustls_pki_types::CertificateDer;
use tokio_util::sync::CancellationToken;

pub(crate) use certificates::Presence;
pub(crate) use members::{Operation, on_leader, operate, remove};
pub(crate) use readiness::resident_bytes;

use crate::identity::{Folder, Identity, Keyring, OperatorToken, TlsStore};
use crate::install::key_fingerprint;
use crate::machine::{Exchange, RowsOf, halt};
use crate::signer::LocalSigner;
use crate::supervisor;

/// How long a call waits for a leader and its answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// So much of why something was not done is on record; a reason has 500 bytes.
const UNDONE_CHARS_MAX: usize = 120;

/// A running node as its doors see it.
pub(crate) struct House {
    /// Consensus and state.
    pub(crate) node: Node<Exchange>,
    /// Who this node is.
    pub(crate) identity: Mutex<Identity>,
    folder: Mutex<Folder>,
    keyring: RwLock<Keyring>,
    /// This node's certificate and whom it trusts, as the sockets use them.
    pub(crate) tls: Arc<TlsStore>,
    credentials: Mutex<crate::identity::Credentials>,
    metrics: PrometheusHandle,
    /// Since when each member has been healthy as this node sees it, in microseconds since 1970.
    stable: Mutex<std::collections::BTreeMap<u64, u64>>,
    /// What is known here of workers that run on this node.
    pub(crate) workers: supervisor::Local,
    /// The signer beside this node.
    pub(crate) signer: Arc<LocalSigner>,
    /// Cancelled when the node begins to stop as planned.
    pub(crate) stopping: CancellationToken,
    /// Where events without a number are published.
    pub(crate) ephemeral: Ephemeral,
    /// The figures of the last day.
    pub(crate) history: History,
}

impl House {
    /// Puts the parts together.
    pub(crate) fn new(
        node: Node<Exchange>,
        folder: Folder,
        contents: crate::identity::Contents,
        tls: Arc<TlsStore>,
        metrics: PrometheusHandle,
        workers: supervisor::Local,
        signer: Arc<LocalSigner>,
    ) -> House {
        House {
            node,
            identity: Mutex::new(contents.identity),
            folder: Mutex::new(folder),
            keyring: RwLock::new(contents.keyring),
            tls,
            credentials: Mutex::new(contents.credentials),
            metrics,
            stable: Mutex::default(),
            workers,
            signer,
            stopping: CancellationToken::new(),
            ephemeral: Ephemeral::default(),
            history: History::default(),
        }
    }

    /// Adds up what the histograms were given since the last time. Without it they keep every single value until somebody
    /// reads them.
    pub(crate) fn tidy_metrics(&self) {
        self.metrics.run_upkeep();
    }

    /// Looks at the members' health; called every few seconds.
    pub(crate) fn look_at_members(&self, now_us: u64) {
        let peers = self.node.peers();
        let me = self.id().0;
        let healthy = |id: &u64| {
            *id == me
                || peers
                    .get(id)
                    .is_some_and(|view| view.heard.elapsed() < readiness::CONTACT_MAX && view.agrees != Some(false))
        };
        let members = self.node.status().members;
        let mut stable = self.stable.lock();
        stable.retain(|id, _| members.contains_key(id) && healthy(id));
        for id in members.keys().filter(|id| healthy(id)) {
            stable.entry(*id).or_insert(now_us);
        }
    }

    /// This node's id.
    pub(crate) fn id(&self) -> NodeId {
        NodeId(self.node.id())
    }

    /// The key of the certificate that this node shows.
    pub(crate) fn own_key(&self) -> [u8; 32] {
        key_fingerprint(&self.credentials.lock().certificate)
    }

    /// Reads something of the state.
    pub(crate) fn state<T>(&self, read: impl FnOnce(&State) -> T) -> Result<T, Problem> {
        self.node
            .read(|machine, _, _| Ok(read(&machine.state)))
            .map_err(|halt| Problem::new(Code::Internal, halt.to_string()))
    }

    /// Submits one command in this node's own name.
    pub(crate) async fn submit_own(&self, body: Body) -> Result<Done, Problem> {
        self.submit_as(Actor::Node(self.id()), body).await
    }

    async fn submit_as(&self, actor: Actor, body: Body) -> Result<Done, Problem> {
        self.one(Command { id: self.draw_id(), actor, epoch: None, body }).await
    }

    /// Submits one command and takes its outcome apart.
    pub(crate) async fn one(&self, command: Command) -> Result<Done, Problem> {
        let submitted = self.submit(vec![command], PATIENCE).await?;
        match submitted.outcomes.into_iter().next() {
            Some(Outcome::Done(done)) => Ok(done),
            Some(Outcome::Rejected(rejection)) => Err(rejection.problem()),
            None => Err(Problem::new(Code::Internal, "the command has no outcome")),
        }
    }

    /// Puts on record what was done outside the state a moment ago. Where that fails the act is not undone by it, and
    /// whoever asked must not be told that nothing happened.
    async fn record_done(&self, actor: Actor, action: Action, target: String, reason: String) -> Result<(), Problem> {
        let text =
            format!("{} of {target} is done, but", exchequer_state::audit::AuditAction::Outside(action).as_str());
        let record = Body::RecordAction(RecordAction { action, target, reason });
        self.submit_as(actor, record).await.map(drop).map_err(|problem| {
            let text = format!("{text} it may not be on the audit record: {}", problem.message);
            tracing::error!(code = %problem.code, "{text}");
            Problem::new(Code::OutcomeUnknown, text).hint("do not repeat it; see `exchequer audit tail`")
        })
    }

    /// Puts on record what this node did by itself a moment ago.
    pub(crate) async fn record_own(&self, action: Action, target: String, reason: String) -> Result<(), Problem> {
        self.record_done(Actor::Node(self.id()), action, target, reason).await
    }

    /// Notes that what is on record as asked for was not done, in this node's name: an action, its target, and why not.
    async fn note_undone(&self, action: Action, target: String, problem: &Problem) {
        let reason =
            format!("not done, as far as is known: {problem}").chars().take(UNDONE_CHARS_MAX).collect::<String>();
        if let Err(problem) = self.record_own(action, target, reason).await {
            tracing::error!(code = %problem.code, "what was not done may not be on the audit record: {}", problem.message);
        }
    }

    /// Puts on record what is about to be done outside the state; without a record it is not done.
    pub(crate) async fn record(
        &self,
        actor: Actor,
        action: Action,
        target: String,
        reason: String,
    ) -> Result<(), Problem> {
        self.submit_as(actor, Body::RecordAction(RecordAction { action, target, reason })).await.map(drop)
    }

    pub(crate) fn take_bootstrap(&self) -> Result<Option<zeroize::Zeroizing<Vec<u8>>>, Problem> {
        self.folder.lock().take_bootstrap()
    }

    pub(crate) fn remove_bootstrap(&self) -> Result<(), Problem> {
        self.folder.lock().remove_bootstrap()
    }

    fn draw_id(&self) -> CommandId {
        static DRAWN: AtomicU64 = AtomicU64::new(0);
        let mut bytes = [0; 16];
        if SysRng.try_fill_bytes(&mut bytes).is_err() {
            // The system's generator fails only before the machine has booted far enough to run this program. An id
            // must be new, not secret: node, moment and count make it so.
            let mut hasher = blake3::Hasher::new();
            hasher.update(&self.id().0.to_le_bytes());
            hasher.update(&crate::server::wall_clock().to_le_bytes());
            hasher.update(&DRAWN.fetch_add(1, Ordering::Relaxed).to_le_bytes());
            hasher.finalize_xof().fill(&mut bytes);
        }
        CommandId(bytes)
    }
}

impl Backend for House {
    fn token_matches(&self, token: &str) -> Result<bool, Problem> {
        let hash = self.state(|state| state.access().operator_token_hash().copied())?;
        let Some(hash) = hash else {
            let text = "the cluster's first entry is not applied yet";
            return Err(Problem::new(Code::NoLeader, text).hint("wait until the node is ready"));
        };
        // A text that is no token at all is simply a wrong one.
        Ok(OperatorToken::parse(token).is_ok_and(|token| token.verify(&Digest(hash))))
    }

    fn submit(&self, commands: Vec<Command>, patience: Duration) -> Doing<'_, Submitted> {
        Box::pin(submit::commands(self, commands, patience))
    }

    fn submit_encoded(&self, commands: Vec<Bytes>, patience: Duration) -> Doing<'_, (Vec<Bytes>, u64)> {
        Box::pin(submit::encoded(self, commands, patience))
    }

    fn linearize(&self, patience: Duration) -> Doing<'_, u64> {
        Box::pin(async move { self.node.linearize(patience).await.map_err(|error| submit::problem(self, error)) })
    }

    fn read(&self, read: &mut dyn FnMut(&State, &dyn Rows, ReadAt) -> Result<(), Problem>) -> Result<(), Problem> {
        self.node
            .read(|machine, rows, at| Ok(read(&machine.state, &RowsOf(rows), at)))
            .map_err(|halt| Problem::new(Code::Internal, halt.to_string()))?
    }

    fn tell(&self, ear: Ear) {
        let told = self.node.read(|machine, _, _| Ok(machine.ear.set(ear.clone())));
        debug_assert!(matches!(told, Ok(Ok(()))), "there is one ear");
    }

    fn ephemeral(&self) -> Ephemeral {
        self.ephemeral.clone()
    }

    fn dry_run(&self, body: Body) -> Result<(DryRun, ReadAt), Problem> {
        let ran = self.node.rehearse(|machine, rows, at| {
            let ran = machine.state.dry_run(&RowsOf(rows), at.index, Actor::Operator, body);
            ran.map(|ran| (ran, at)).map_err(|stop| halt(&stop))
        });
        ran.map_err(|halt| Problem::new(Code::Internal, halt.to_string()))
    }

    fn applied_beyond(&self, index: u64, patience: Duration) -> Doing<'_, u64> {
        Box::pin(async move { Ok(self.node.applied_beyond(index, patience).await) })
    }

    fn stopping(&self) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(self.stopping.clone().cancelled_owned())
    }

    fn status(&self) -> Status {
        self.node.status()
    }

    fn peers(&self) -> Vec<(NodeId, PeerView)> {
        self.node.peers().into_iter().map(|(id, view)| (NodeId(id), view)).collect()
    }

    fn stable_since(&self) -> Vec<(NodeId, u64)> {
        self.stable.lock().iter().map(|(id, since)| (NodeId(*id), *since)).collect()
    }

    fn readiness(&self, for_write: bool) -> Vec<Check> {
        readiness::checks(self, for_write)
    }

    fn metrics(&self) -> String {
        readiness::refresh_gauges(self);
        self.metrics.render()
    }

    fn now_ms(&self) -> u64 {
        crate::server::wall_clock() / 1_000
    }

    fn open_secret(&self, sealed: &[u8]) -> Result<zeroize::Zeroizing<Vec<u8>>, Problem> {
        self.keyring.read().open(api_keys::API_KEY_PURPOSE, sealed)
    }

    fn seal(&self, purpose: &str, secret: &[u8]) -> Result<Vec<u8>, Problem> {
        self.keyring.read().seal(purpose, secret)
    }

    fn unseal(&self, purpose: &str, sealed: &[u8]) -> Result<zeroize::Zeroizing<Vec<u8>>, Problem> {
        self.keyring.read().open(purpose, sealed)
    }

    fn history(&self) -> &History {
        &self.history
    }

    fn signer(&self) -> Option<SignerView> {
        self.signer.view()
    }

    fn vouch(&self, family: Family, index: u32, address: ChainAddress) -> Doing<'_, ()> {
        Box::pin(async move { self.signer.vouch(self, family, index, &address).await })
    }

    fn worker_log(&self, worker: WorkerId, start: LogStart, limit: usize) -> Doing<'_, Vec<LogLine>> {
        let logs = self.workers.logs.clone();
        Box::pin(async move {
            let read = tokio::task::spawn_blocking(move || match start {
                LogStart::Latest => logs.tail(worker, limit),
                LogStart::After(number) => logs.after(worker, number, limit),
                LogStart::Moment { time_us, earlier } => logs.around(worker, time_us, earlier, limit),
            });
            read.await.map_err(|error| Problem::new(Code::Internal, error.to_string()))
        })
    }

    fn worker_logged(&self, patience: Duration) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
        let mut changes = self.workers.logs.changes();
        Box::pin(async move {
            let _ = tokio::time::timeout(patience, changes.changed()).await;
        })
    }

    fn supervised(&self) -> Supervised {
        self.workers.counts.read()
    }

    fn new_id(&self) -> CommandId {
        self.draw_id()
    }

    fn draw_join_token(&self) -> Result<DrawnToken, Problem> {
        admission::draw_token(self)
    }

    fn draw_api_key(&self) -> Result<DrawnKey, Problem> {
        api_keys::draw(&self.keyring.read())
    }

    fn join(&self, request: JoinRequest) -> Doing<'_, JoinReply> {
        Box::pin(admission::admit(self, request))
    }

    fn promote(&self, actor: Actor, node: NodeId, force: bool, reason: String) -> Doing<'_, ()> {
        let operation = Operation::Promote { node: node.0, force };
        Box::pin(async move { members::operate(self, actor, operation, Action::Promote, reason).await.map(drop) })
    }

    fn add_learner(&self, actor: Actor, node: NodeId, reason: String) -> Doing<'_, ()> {
        let operation = Operation::AddLearner { node: node.0 };
        Box::pin(async move { members::operate(self, actor, operation, Action::AddLearner, reason).await.map(drop) })
    }

    fn remove(&self, actor: Actor, node: NodeId, reason: String) -> Doing<'_, ()> {
        Box::pin(members::remove(self, actor, node, reason))
    }

    fn transfer_leader(&self, actor: Actor, to: Option<NodeId>, reason: String) -> Doing<'_, NodeId> {
        Box::pin(members::transfer(self, actor, to, reason))
    }

    fn verify(&self, patience: Duration) -> Doing<'_, (u64, Vec<(NodeId, Option<Digest>)>)> {
        Box::pin(readiness::verify(self, patience))
    }

    fn rotate_certificates(
        &self,
        actor: Actor,
        node: Option<NodeId>,
        authority: bool,
        reason: String,
    ) -> Doing<'_, ()> {
        Box::pin(certificates::rotate(self, actor, node, authority, reason))
    }

    fn authority_waits(&self) -> Option<Vec<NodeId>> {
        // Before the first entry there is nothing to change.
        House::authority_waits(self).unwrap_or(None)
    }

    fn save_snapshot(&self, actor: Actor, reason: String) -> Doing<'_, ByteStream> {
        Box::pin(snapshots::save(self, actor, reason))
    }

    fn export_keyring(&self, actor: Actor, reason: String) -> Doing<'_, String> {
        Box::pin(async move {
            self.record(actor, Action::KeyringExport, format!("node {}", self.id()), reason).await?;
            Ok(self.keyring.read().export().to_string())
        })
    }
}

/// How consensus reaches the house, which exists only after consensus has started.
#[derive(Clone, Default)]
pub(crate) struct Doorbell(Arc<OnceLock<Weak<House>>>);

impl Doorbell {
    /// From now on calls reach the house.
    pub(crate) fn connect(&self, house: &Arc<House>) {
        // It is connected once, by the function that made both.
        let _ = self.0.set(Arc::downgrade(house));
    }

    fn house(&self) -> Option<Arc<House>> {
        self.0.get().and_then(Weak::upgrade)
    }
}

impl Doorbell {
    /// Whether a peer shows a key that it has replaced: then it is someone who got hold of the old one.
    pub(crate) fn is_retired(&self, node: NodeId, certificate: &CertificateDer<'_>) -> bool {
        let retired = |state: &State| state.registry().is_retired(node, &key_fingerprint(certificate));
        self.house().is_some_and(|house| house.state(retired).unwrap_or(false))
    }
}

impl Hooks for Doorbell {
    fn is_removed(&self, node: u64) -> bool {
        let removed = |state: &State| {
            state
                .registry()
                .node(NodeId(node))
                .is_some_and(|record| matches!(record.state, exchequer_state::registry::NodeState::Removed { .. }))
        };
        self.house().is_some_and(|house| house.state(removed).unwrap_or(false))
    }

    fn answer(
        &self,
        from: u64,
        topic: String,
        body: Bytes,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Bytes, String>> + Send>> {
        let house = self.house();
        Box::pin(async move {
            let house = house.ok_or("the node is starting")?;
            let answered = members::answer(&house, from, &topic, &body).await;
            // The problem travels whole, so that the caller can show the same code.
            answered.map_err(|problem| serde_json::to_string(&problem).unwrap_or_else(|_| problem.to_string()))
        })
    }

    fn beacon(&self) -> Bytes {
        self.house().map_or(Bytes::new(), |house| house.presence().encode())
    }

    fn snapshot_rules(&self) -> Option<SnapshotRules> {
        let rules = |state: &State| SnapshotRules {
            bytes: state.settings().get(&schema::SNAPSHOT_LOG_BYTES),
            interval: state.settings().get(&schema::SNAPSHOT_INTERVAL),
            entries_kept: u64::try_from(state.settings().get(&schema::LOG_ENTRIES_KEPT)).unwrap_or(0),
        };
        self.house().and_then(|house| house.state(rules).ok())
    }

    fn clock_offset_max(&self) -> Duration {
        let max = |state: &State| state.settings().get(&schema::CLOCK_OFFSET_MAX);
        let fallback = Duration::from_secs(2);
        self.house().map_or(fallback, |house| house.state(max).unwrap_or(fallback))
    }
}
