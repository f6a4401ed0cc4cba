//! A supervisor over a state in memory, with workers in this process: real commands and the real host, without a network,
//! a disk or a process. Time is tokio's, and paused.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use exchequer_domain::{ClusterId, Code, CommandId, Digest, Problem, Timestamp, WorkerId};
use exchequer_state::cluster::Authority;
use exchequer_state::directives::{Directive, DirectiveId};
use exchequer_state::jobs::{Backoff, Job, JobId};
use exchequer_state::registry::NodeVersion;
use exchequer_state::testing::MemoryRows;
use exchequer_state::workers::{Desired, WorkerBinary, WorkerRecord, WorkerState};
use exchequer_state::{
    Actor, AddWorkers, At, Body, Bootstrap, Command, DispatchDirectives, Done, EnqueueJobs, FirstNode, Input, NewJob,
    Outcome, Rows, State, StepDirectives,
};
use exchequer_workers::clock::{self, Clock};
use exchequer_workers::host::{self, Ending, Fault, Setup};
use exchequer_workers::kinds::Kind;
use exchequer_workers::kinds::selftest::{ACTS_FILE, Selftest};
use exchequer_workers::link::{SupervisorEnd, in_memory};
use exchequer_workers::money::Dial;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::super::ground::Ground;
use super::super::launch::{End, LaunchError, Launcher, Process};
use super::super::limits::Limits;
use super::super::logs::Logs;
use super::super::{Present, Shared, Wire, greet, lead};
use crate::dispatcher::{Courier as _, Step};
use crate::signer::LocalSigner;

/// Where replicated time begins.
pub(super) const BEGAN: u64 = 1_764_000_000_000_000;
/// Nothing that is waited for takes longer, in paused time.
const PATIENCE: Duration = Duration::from_secs(300);

struct Inside {
    state: State,
    rows: MemoryRows,
    index: u64,
    ids: u64,
}

/// The state in memory, and what a node would say of its leadership.
pub(super) struct Memory {
    inside: Mutex<Inside>,
    began: Instant,
    /// How long ago a majority answered, in microseconds; the highest number for never.
    pub(super) majority_age_us: AtomicU64,
    /// What goes wrong with commands.
    pub(super) loss: Mutex<Option<Loss>>,
    /// Commands that were submitted.
    pub(super) submitted: Mutex<Vec<Body>>,
}

/// Commands that fail on their way.
#[derive(Clone, Copy)]
pub(super) struct Loss {
    /// Which.
    pub(super) meets: fn(&Body) -> bool,
    /// How. Where the outcome is unknown, the command was carried out.
    pub(super) code: Code,
    /// How often.
    pub(super) times: u32,
}

impl Memory {
    fn new() -> Memory {
        let inside = Inside { state: State::new(), rows: MemoryRows::new(), index: 1, ids: 0 };
        let memory = Memory {
            inside: Mutex::new(inside),
            began: Instant::now(),
            majority_age_us: AtomicU64::new(0),
            loss: Mutex::default(),
            submitted: Mutex::default(),
        };
        let bootstrap = Body::Bootstrap(Box::new(Bootstrap {
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
        }));
        memory.run(bootstrap);
        memory
    }

    fn enter(&self, input: Input<'_>) -> Vec<Outcome> {
        let time = Ground::now(self);
        let mut inside = self.inside.lock();
        inside.index += 1;
        let at = At { index: inside.index, term: 1, time };
        let Inside { state, rows, .. } = &mut *inside;
        let applied = state.apply(at, input, rows).unwrap();
        rows.apply_changes(&applied.changes);
        applied.outcomes.iter().map(|bytes| Outcome::decode(bytes).unwrap()).collect()
    }

    /// A leader becomes active; its epoch.
    pub(super) fn activate(&self) -> u64 {
        let node = self.inside.lock().state.registry().nodes().next().unwrap().id;
        self.enter(Input::Activate { node, boot: [3; 16] });
        self.inside.lock().index
    }

    /// One command of the operator's.
    pub(super) fn run(&self, body: Body) -> Done {
        self.run_as(Actor::Operator, body)
    }

    /// One command of somebody.
    pub(super) fn run_as(&self, actor: Actor, body: Body) -> Done {
        let command = Command { id: Ground::command_id(self), actor, epoch: None, body };
        match self.enter(Input::Commands(&[&command.encode()])).pop() {
            Some(Outcome::Done(done)) => done,
            other => panic!("it should be done: {other:?}"),
        }
    }
}

impl Ground for Memory {
    fn state<T>(&self, read: impl FnOnce(&State) -> T) -> Result<T, Problem> {
        Ok(read(&self.inside.lock().state))
    }

    fn rows<T>(&self, read: impl FnOnce(&State, &dyn Rows) -> T) -> Result<T, Problem> {
        let inside = self.inside.lock();
        Ok(read(&inside.state, &inside.rows))
    }

    fn reveal(&self, _: &str, sealed: &[u8]) -> Result<zeroize::Zeroizing<Vec<u8>>, Problem> {
        Ok(zeroize::Zeroizing::new(sealed.to_vec()))
    }

    fn now(&self) -> Timestamp {
        Timestamp(BEGAN + u64::try_from(self.began.elapsed().as_micros()).unwrap())
    }

    fn majority_age(&self, epoch: u64) -> Option<Duration> {
        let leads = self.inside.lock().state.epoch().is_some_and(|present| present.index == epoch);
        let age = self.majority_age_us.load(Ordering::Relaxed);
        (leads && age < u64::MAX).then(|| Duration::from_micros(age))
    }

    fn command_id(&self) -> CommandId {
        let mut inside = self.inside.lock();
        inside.ids += 1;
        CommandId(u128::from(inside.ids).to_be_bytes())
    }

    async fn submit(&self, command: Command) -> Result<Outcome, Problem> {
        // As long as an entry takes.
        tokio::time::sleep(Duration::from_millis(1)).await;
        let fault = match &mut *self.loss.lock() {
            Some(fault) if fault.times > 0 && (fault.meets)(&command.body) => {
                fault.times -= 1;
                Some(fault.code)
            }
            _ => None,
        };
        if let Some(code) = fault {
            if code == Code::OutcomeUnknown {
                self.enter(Input::Commands(&[&command.encode()]));
            }
            return Err(Problem::new(code, "as the test wants it"));
        }
        self.submitted.lock().push(command.body.clone());
        Ok(self.enter(Input::Commands(&[&command.encode()])).pop().unwrap())
    }
}

/// Lets time pass where it is due, as the timekeeper of a node does.
async fn keep_time(memory: Arc<Memory>) {
    loop {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let due = memory.inside.lock().state.next_due();
        if due.is_some_and(|due| due <= Ground::now(&*memory)) {
            memory.enter(Input::Noop);
        }
    }
}

/// Dispatches directives and reports what becomes of them, as the dispatcher of a node does.
async fn dispatch(memory: Arc<Memory>, present: Present) {
    let mut leadership: Option<(u64, Steps, mpsc::UnboundedReceiver<Step>)> = None;
    loop {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let (epoch, node, work) = {
            let inside = memory.inside.lock();
            let Some(epoch) = inside.state.epoch() else { continue };
            (
                epoch.index,
                epoch.node,
                inside.state.directives().has_work(inside.state.workers(), inside.state.emergency().is_some()),
            )
        };
        if leadership.as_ref().is_none_or(|(of, ..)| *of != epoch) {
            let (sender, steps) = mpsc::unbounded_channel();
            leadership = Some((epoch, sender, steps));
        }
        let Some((_, sender, said)) = &mut leadership else { continue };
        let run = |body| {
            let id = Ground::command_id(&*memory);
            let command = Command { id, actor: Actor::Node(node), epoch: Some(epoch), body };
            memory.enter(Input::Commands(&[&command.encode()])).pop()
        };
        let steps: Vec<_> = std::iter::from_fn(|| said.try_recv().ok()).collect();
        if !steps.is_empty() {
            run(Body::StepDirectives(StepDirectives { steps }));
        }
        if work
            && let Some(Outcome::Done(Done::DirectivesDispatched(dispatched))) =
                run(Body::DispatchDirectives(DispatchDirectives { max: 10 }))
        {
            let wire = Wire { present: present.clone() };
            dispatched.into_iter().for_each(|directive| wire.deliver(directive, epoch, sender.clone()));
        }
    }
}

type Steps = mpsc::UnboundedSender<Step>;

/// Who plays a worker in a process of this number: its kind, and its way to the money link.
pub(super) type Part = Arc<dyn Fn(u32) -> (Arc<dyn Kind>, Option<Dial>) + Send + Sync>;

/// Workers in this process.
pub(super) struct Cast {
    doors: mpsc::Sender<SupervisorEnd>,
    folder: PathBuf,
    pids: AtomicU32,
    /// The processes that run, with how to end each from outside.
    pub(super) running: Arc<Mutex<BTreeMap<WorkerId, mpsc::UnboundedSender<End>>>>,
    /// How often each was started.
    pub(super) starts: Mutex<BTreeMap<WorkerId, u32>>,
    /// So many starts are not made.
    pub(super) refuses: AtomicU32,
    /// Workers that are no self-tests.
    pub(super) parts: Mutex<BTreeMap<WorkerId, Part>>,
    clock: Clock,
}

impl Launcher for Cast {
    async fn launch(&self, worker: WorkerId, program: Option<WorkerBinary>, _: Limits) -> Result<Process, LaunchError> {
        if let Some(program) = program {
            return Err(LaunchError::Binary(format!("{} is not there", program.path)));
        }
        *self.starts.lock().entry(worker).or_insert(0) += 1;
        if self.refuses.load(Ordering::Relaxed) > 0 {
            self.refuses.fetch_sub(1, Ordering::Relaxed);
            return Err(LaunchError::System("out of memory".to_owned()));
        }
        let pid = self.pids.fetch_add(1, Ordering::Relaxed);
        let (link, mut end) = in_memory();
        end.peer_pid = Some(pid);
        let part = self.parts.lock().get(&worker).cloned();
        let (kind, money) =
            part.map_or_else(|| (Arc::new(Selftest::default()) as Arc<dyn Kind>, None), |part| part(pid));
        let (folder, clock) = (self.folder.clone(), self.clock.clone());
        let setup = Setup { worker, version: "1.0.0".into(), pid, folder, clock, money };
        let (ends, mut ending) = mpsc::unbounded_channel();
        let (gone, exited) = oneshot::channel();
        self.doors.send(end).await.unwrap();
        let running = self.running.clone();
        running.lock().insert(worker, ends.clone());
        tokio::spawn(async move {
            let ended = tokio::select! {
                ended = host::run(setup, kind, link, None) => Some(ended),
                _ = ending.recv() => None,
            };
            running.lock().remove(&worker);
            let code = match ended {
                Some(Ending::Drained) => Some(0),
                Some(Ending::Failed(Fault::Exit(code))) => Some(code),
                Some(Ending::DrainedLate | Ending::Parted | Ending::Refused(_)) => Some(1),
                Some(Ending::Failed(Fault::Abort | Fault::Hang)) | None => None,
            };
            let _ = gone.send(code);
        });
        Ok(Process { pid, binary: Digest([7; 32]), ends, exited })
    }
}

/// The whole.
pub(super) struct Stage {
    pub(super) shared: Arc<Shared<Memory, Cast>>,
    pub(super) folder: tempfile::TempDir,
    /// For how long the machine has stood still, in microseconds.
    pub(super) stood_us: Arc<AtomicU64>,
    present: Present,
    leadership: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

pub(super) fn worker(instance: u16) -> WorkerId {
    format!("selftest/{instance}").parse().unwrap()
}

impl Stage {
    /// A cluster without workers and without a leader.
    pub(super) fn new() -> Stage {
        let folder = tempfile::tempdir().unwrap();
        let (doors, arrived) = mpsc::channel(64);
        let present = Present::default();
        tokio::spawn(greet(arrived, present.clone()));
        let (runs, stood_us) = (clock::of_runtime(), Arc::new(AtomicU64::new(0)));
        let clock: Clock = {
            let stood_us = stood_us.clone();
            Arc::new(move || runs() + stood_us.load(Ordering::Relaxed))
        };
        let launcher = Cast {
            doors,
            folder: folder.path().to_owned(),
            pids: AtomicU32::new(1_000),
            running: Arc::default(),
            starts: Mutex::default(),
            refuses: AtomicU32::new(0),
            parts: Mutex::default(),
            clock: clock.clone(),
        };
        let ground = Arc::new(Memory::new());
        tokio::spawn(keep_time(ground.clone()));
        tokio::spawn(dispatch(ground.clone(), present.clone()));
        let shared = Shared {
            ground,
            launcher,
            clock,
            counts: Arc::default(),
            logs: Arc::new(Logs::open(folder.path().join("logs")).unwrap()),
            tickets: Default::default(),
            signer: Arc::new(LocalSigner::new(folder.path().to_owned())),
        };
        Stage { shared: Arc::new(shared), folder, stood_us, present, leadership: None }
    }

    /// A new leadership begins, and an earlier one learns of it.
    pub(super) async fn lead(&mut self) -> u64 {
        self.deposed().await;
        let epoch = self.shared.ground.activate();
        self.take_the_lead(epoch);
        epoch
    }

    /// The supervisor follows a leadership.
    pub(super) fn take_the_lead(&mut self, epoch: u64) {
        let (end, ended) = oneshot::channel::<()>();
        let (shared, present) = (self.shared.clone(), self.present.clone());
        let task = tokio::spawn(async move { lead(&shared, &present, epoch, async { drop(ended.await) }).await });
        self.leadership = Some((end, task));
    }

    /// The leadership is over, as its node sees it.
    pub(super) async fn deposed(&mut self) {
        if let Some((end, task)) = self.leadership.take() {
            drop(end);
            task.await.unwrap();
        }
    }

    pub(super) fn ground(&self) -> &Memory {
        &self.shared.ground
    }

    pub(super) fn add(&self, instances: &[u16], desired: Desired) {
        let workers = instances.iter().map(|instance| worker(*instance)).collect();
        self.ground().run(Body::AddWorkers(AddWorkers { workers, desired, reason: "test".into() }));
    }

    pub(super) fn record(&self, instance: u16) -> WorkerRecord {
        self.ground().state(|state| state.workers().get(worker(instance)).cloned().unwrap()).unwrap()
    }

    pub(super) fn state_of(&self, instance: u16) -> WorkerState {
        self.record(instance).observed.name()
    }

    pub(super) fn starts(&self, instance: u16) -> u32 {
        self.shared.launcher.starts.lock().get(&worker(instance)).copied().unwrap_or(0)
    }

    /// Enters a job; its number.
    pub(super) fn job(&self, payload: &str) -> JobId {
        self.job_in("selftest", payload)
    }

    /// The same in a queue of another kind.
    pub(super) fn job_in(&self, queue: &str, payload: &str) -> JobId {
        let job = NewJob {
            queue: queue.parse().unwrap(),
            key: None,
            priority: 5,
            payload: payload.as_bytes().to_vec(),
            not_before: None,
            deadline: None,
            max_attempts: 5,
            backoff: Backoff { first_us: 100_000, most_us: 1_000_000 },
        };
        match self.ground().run(Body::EnqueueJobs(EnqueueJobs { jobs: vec![job], reason: "test".into() })) {
            Done::JobsEnqueued(jobs) => jobs[0].job,
            other => panic!("{other:?}"),
        }
    }

    /// A job as it is now, open or over.
    pub(super) fn job_is(&self, id: JobId) -> Job {
        let inside = self.ground().inside.lock();
        inside.state.jobs().find(&inside.rows, id).unwrap().unwrap()
    }

    /// A directive as it is now, open or over.
    pub(super) fn directive(&self, id: DirectiveId) -> Directive {
        let inside = self.ground().inside.lock();
        inside.state.directives().find(&inside.rows, id).unwrap().unwrap()
    }

    /// Waits until it is so.
    pub(super) async fn until(&self, what: &str, mut is: impl FnMut(&Stage) -> bool) -> Duration {
        let began = Instant::now();
        while !is(self) {
            assert!(began.elapsed() < PATIENCE, "waited in vain: {what}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        began.elapsed()
    }

    pub(super) async fn until_state(&self, instance: u16, state: WorkerState) -> Duration {
        self.until(&format!("selftest/{instance} is {state}"), |stage| stage.state_of(instance) == state).await
    }

    /// What the workers have done outside so far.
    pub(super) fn acts(&self) -> usize {
        std::fs::read_to_string(self.folder.path().join(ACTS_FILE)).unwrap_or_default().lines().count()
    }

    /// Lets time pass.
    pub(super) async fn pass(&self, span: Duration) {
        tokio::time::sleep(span).await;
    }

    /// Ends a worker's process from outside, as `kill -9` does.
    pub(super) fn kill(&self, instance: u16) {
        self.shared.launcher.running.lock()[&worker(instance)].send(End::Forced).unwrap();
    }
}
