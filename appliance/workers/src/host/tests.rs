//! The host against a supervisor played by the test, over a link in memory and over a socket.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::*;
use crate::clock;
use crate::kinds::selftest::{ACTS_FILE, Selftest};
use crate::link::{SupervisorEnd, in_memory};
use crate::proto::{
    Directive, Drain, Heartbeat, Job, JobEnd, JobRecorded, JobRefused, Jobs, Lease, Settings, WantJobs, Welcome,
    directive_end, from_worker, job_end,
};
use crate::protocol::LEASE;
use crate::server;

const SOON: Duration = Duration::from_secs(30);

struct Played {
    end: SupervisorEnd,
    clock: Clock,
}

impl Played {
    async fn says(&self, message: impl Into<ToWorker>) {
        self.end.out.send(message.into()).await.unwrap();
    }

    async fn hears(&mut self) -> from_worker::Message {
        timeout(SOON, self.end.inbox.recv()).await.expect("it says something").expect("it is there").message.unwrap()
    }

    /// Passes over everything up to what `wanted` takes.
    async fn hears_of<T>(&mut self, wanted: impl Fn(from_worker::Message) -> Option<T>) -> T {
        loop {
            if let Some(found) = wanted(self.hears().await) {
                return found;
            }
        }
    }

    async fn job_end(&mut self) -> JobEnd {
        self.hears_of(|message| match message {
            from_worker::Message::JobEnd(end) => Some(end),
            _ => None,
        })
        .await
    }

    async fn heartbeat(&mut self) -> Heartbeat {
        self.hears_of(|message| match message {
            from_worker::Message::Heartbeat(beat) => Some(beat),
            _ => None,
        })
        .await
    }

    async fn wants(&mut self) -> WantJobs {
        self.hears_of(|message| match message {
            from_worker::Message::WantJobs(want) => Some(want),
            _ => None,
        })
        .await
    }

    async fn gives(&self, id: u64, attempt: u32, payload: &str) {
        let job = Job { id, attempt, queue: "selftest".into(), payload: payload.as_bytes().to_vec() };
        self.says(Jobs { jobs: vec![job] }).await;
    }

    async fn directs(&self, id: u64, name: &str, payload: &str) {
        let payload = payload.as_bytes().to_vec();
        self.says(Directive { id, name: name.into(), payload, deadline_us: 0 }).await;
    }

    async fn lease(&self) {
        self.says(Lease { until_us: (self.clock)() + LEASE.as_micros() as u64 }).await;
    }

    /// Takes the hello, and welcomes the worker.
    async fn welcomes(&mut self) {
        let from_worker::Message::Hello(hello) = self.hears().await else { panic!("a hello comes first") };
        assert_eq!((hello.protocol, hello.worker.as_str(), hello.pid), (PROTOCOL_VERSION, "selftest/1", 7));
        let settings = Settings { revision: 7, ..Settings::default() };
        self.says(Welcome { epoch: 3, settings: Some(settings), ..Welcome::default() }).await;
        assert_eq!(self.wants().await, WantJobs { queues: vec!["selftest".into()], at_once: 4 });
    }
}

fn setup(folder: &Path, clock: &Clock) -> Setup {
    let worker = "selftest/1".parse().unwrap();
    Setup { worker, version: "1.2.3".into(), pid: 7, folder: folder.to_owned(), clock: clock.clone(), money: None }
}

/// A host at work, welcomed.
async fn at_work(folder: &Path) -> (Played, JoinHandle<Ending>) {
    let clock = clock::of_runtime();
    let (link, end) = in_memory();
    let host = tokio::spawn(run(setup(folder, &clock), Arc::new(Selftest::default()), link, None));
    let mut played = Played { end, clock };
    played.welcomes().await;
    (played, host)
}

fn completed(end: &JobEnd) -> &[u8] {
    match &end.end {
        Some(job_end::End::Completed(result)) => result,
        other => panic!("it should be completed: {other:?}"),
    }
}

/// Goal: jobs are done with their results, failures say why with a fingerprint, a bug in a kind costs its job and nothing
/// else, and a job stays in hand until its end is recorded or refused. Method: one job of each sort, heartbeats read.
#[tokio::test(start_paused = true)]
async fn jobs_end_as_they_should() {
    let folder = tempfile::tempdir().unwrap();
    let (mut played, _host) = at_work(folder.path()).await;
    played.gives(1, 1, "count 5").await;
    let end = played.job_end().await;
    assert_eq!((end.job, end.attempt, completed(&end)), (1, 1, b"5".as_slice()));
    played.gives(2, 3, "fail node 17 is away").await;
    let seen = played
        .hears_of(|message| match message {
            from_worker::Message::ErrorSeen(seen) => Some(seen),
            _ => None,
        })
        .await;
    assert_eq!(seen.fingerprint, crate::fingerprint::of("node 4 is away"));
    let end = played.job_end().await;
    assert_eq!((end.attempt, end.end), (3, Some(job_end::End::Failed("node 17 is away".into()))));
    played.gives(3, 1, "panic").await;
    assert!(matches!(played.job_end().await.end, Some(job_end::End::Failed(why)) if why.contains("panic")));
    played.gives(4, 1, "snooze 2s").await;
    assert_eq!(played.job_end().await.end, Some(job_end::End::SnoozedMs(2_000)));
    played.gives(5, 1, "dance").await;
    assert!(matches!(played.job_end().await.end, Some(job_end::End::Failed(why)) if why.contains("dance")));
    let beat = played
        .hears_of(|m| match m {
            from_worker::Message::Heartbeat(b) if b.jobs.len() == 5 => Some(b),
            _ => None,
        })
        .await;
    assert_eq!(beat.counters["counted"], 5);
    for job in 1..=4 {
        played.says(JobRecorded { job, attempt: 1 }).await;
    }
    played.says(JobRefused { job: 5, attempt: 1, code: "EXQ-1".into(), message: "another's".into() }).await;
    let beat = played
        .hears_of(|m| match m {
            from_worker::Message::Heartbeat(b) if b.jobs.is_empty() => Some(b),
            _ => None,
        })
        .await;
    assert_eq!(
        (beat.counters["jobs_recorded"], beat.counters["jobs_refused"], beat.counters["jobs_failed"]),
        (4, 1, 3)
    );
}

/// Goal: heartbeats come every two seconds, and at once with a new revision of the settings, which the kind goes by; the
/// first one names the settings of the welcome.
/// Method: paused time; settings that change how many jobs are wanted.
#[tokio::test(start_paused = true)]
async fn heartbeats_and_settings() {
    let folder = tempfile::tempdir().unwrap();
    let (mut played, _host) = at_work(folder.path()).await;
    assert_eq!(played.heartbeat().await.settings_revision, 7, "those of the welcome");
    let began = Instant::now();
    for beat in 1..=3 {
        played.heartbeat().await;
        assert_eq!(began.elapsed(), HEARTBEAT * beat);
    }
    let values = [("worker.jobs_at_once".to_owned(), "9".to_owned())].into();
    played.says(Settings { revision: 12, values }).await;
    assert_eq!(played.wants().await.at_once, 9);
    assert_eq!((played.heartbeat().await.settings_revision, began.elapsed()), (12, HEARTBEAT * 3));
}

/// Goal: who is asked to drain finishes what is in hand, takes nothing new, and ends as soon as the end is recorded; who
/// cannot finish in time ends at the deadline; who is deaf does neither. Method: paused time, jobs of three seconds.
#[tokio::test(start_paused = true)]
async fn draining() {
    let folder = tempfile::tempdir().unwrap();
    let (mut played, host) = at_work(folder.path()).await;
    played.gives(1, 1, "sleep 3s").await;
    played.says(Drain { within_ms: 10_000 }).await;
    assert_eq!(played.wants().await.at_once, 0);
    let began = Instant::now();
    played.job_end().await;
    assert_eq!(began.elapsed(), Duration::from_secs(3));
    played.says(JobRecorded { job: 1, attempt: 1 }).await;
    played.hears_of(|message| matches!(message, from_worker::Message::Drained(_)).then_some(())).await;
    assert_eq!(host.await.unwrap(), Ending::Drained);

    let (played, host) = at_work(folder.path()).await;
    played.gives(1, 1, "sleep 3s").await;
    played.says(Drain { within_ms: 1_000 }).await;
    let began = Instant::now();
    assert_eq!((host.await.unwrap(), began.elapsed()), (Ending::DrainedLate, Duration::from_secs(1)));

    let (mut played, host) = at_work(folder.path()).await;
    played.directs(7, "deaf", "").await;
    played.hears_of(|message| matches!(message, from_worker::Message::DirectiveEnd(_)).then_some(())).await;
    played.says(Drain { within_ms: 1_000 }).await;
    let stays = timeout(Duration::from_secs(60), host).await;
    assert!(stays.is_err(), "it does not hear it");
}

/// Goal: a directive is acknowledged, runs and ends, each told in this order; one that the kind does not know fails.
#[tokio::test(start_paused = true)]
async fn directives() {
    let folder = tempfile::tempdir().unwrap();
    let (mut played, _host) = at_work(folder.path()).await;
    played.directs(7, "count", "3").await;
    played.directs(8, "dance", "").await;
    let mut told = Vec::new();
    while told.len() < 6 {
        match played.hears().await {
            from_worker::Message::DirectiveAcked(one) => told.push((one.directive, "acked".to_owned())),
            from_worker::Message::DirectiveRunning(one) => told.push((one.directive, "running".to_owned())),
            from_worker::Message::DirectiveEnd(one) => told.push(match one.end.unwrap() {
                directive_end::End::Succeeded(text) => (one.directive, text),
                directive_end::End::Failed(_) => (one.directive, "failed".to_owned()),
            }),
            _ => {}
        }
    }
    let of = |id| told.iter().filter(|(one, _)| *one == id).map(|(_, what)| what.as_str()).collect::<Vec<_>>();
    assert_eq!(of(7), ["acked", "running", "3"]);
    assert_eq!(of(8), ["acked", "running", "failed"]);
}

/// Goal: deeds outside are done under a lease and not after it, whatever the supervisor does. Method: paused time; a job
/// that acts for four seconds, a lease of one second renewed once, then silence.
#[tokio::test(start_paused = true)]
async fn nothing_is_done_outside_without_a_lease() {
    let folder = tempfile::tempdir().unwrap();
    let (mut played, _host) = at_work(folder.path()).await;
    let acts = || std::fs::read_to_string(folder.path().join(ACTS_FILE)).unwrap_or_default().lines().count();
    played.gives(1, 1, "act 500ms").await;
    assert_eq!((completed(&played.job_end().await), acts()), (b"0".as_slice(), 0), "no lease yet");
    played.lease().await;
    played.gives(2, 1, "act 4s").await;
    played.heartbeat().await;
    let end = played.job_end().await;
    let done: usize = String::from_utf8_lossy(completed(&end)).parse().unwrap();
    // A deed every 10 ms.
    assert!((95..=101).contains(&done), "{done} deeds in a lease of one second");
    assert_eq!(acts(), done);
}

/// Goal: a worker ends when the supervisor parts, refuses it, or a fault is asked for; one that hangs says nothing more.
#[tokio::test(start_paused = true)]
async fn the_ends_of_a_worker() {
    let folder = tempfile::tempdir().unwrap();
    let (played, host) = at_work(folder.path()).await;
    played.gives(1, 1, "sleep 3s").await;
    drop(played);
    assert_eq!(host.await.unwrap(), Ending::Parted);

    let (played, host) = at_work(folder.path()).await;
    played.says(crate::proto::Refused { code: "EXQ-1021".into(), message: "not wanted".into() }).await;
    assert_eq!(host.await.unwrap(), Ending::Refused("not wanted".into()));

    for (command, fault) in [("abort", Fault::Abort), ("exit 3", Fault::Exit(3))] {
        let (played, host) = at_work(folder.path()).await;
        played.gives(1, 1, command).await;
        assert_eq!(host.await.unwrap(), Ending::Failed(fault));
    }

    let (mut played, _host) = at_work(folder.path()).await;
    played.gives(1, 1, "hang").await;
    let silent = async {
        let mut last = Instant::now();
        while timeout(HEARTBEAT * 10, played.end.inbox.recv()).await.is_ok_and(|message| message.is_some()) {
            last = Instant::now();
        }
        last
    };
    assert!(silent.await.elapsed() >= HEARTBEAT * 10);
}

/// Goal: the same conversation works over the socket, which belongs to its owner alone and says who is at the other end.
/// Method: a real socket, in place of a file that was left there; one job, and the socket's end.
#[tokio::test]
async fn over_a_socket() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("workers.sock");
    std::fs::write(&path, "left behind").unwrap();
    let listener = server::listen(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let mut arrived = server::serve(listener, async move { drop(stopped.await) });

    let clock = clock::of_machine();
    let link = connect::connect(&path);
    let (link, end) = tokio::join!(link, arrived.recv());
    let end = end.unwrap();
    assert_eq!(end.peer_pid, Some(std::process::id()));
    let (_lines_in, lines) = mpsc::channel(1);
    let host = run(setup(folder.path(), &clock), Arc::new(Selftest::default()), link.unwrap(), Some(lines));
    let host = tokio::spawn(host);
    let mut played = Played { end, clock };
    played.welcomes().await;
    played.gives(1, 1, "count 2").await;
    assert_eq!(completed(&played.job_end().await), b"2");
    drop(played);
    assert_eq!(timeout(SOON, host).await.unwrap().unwrap(), Ending::Parted);
    drop(stop);
    assert!(timeout(SOON, arrived.recv()).await.unwrap().is_none());
}
