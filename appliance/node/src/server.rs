//! `exchequer server`: one node, from its folder to a clean stop.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use exchequer_domain::{Code, Problem};
use exchequer_raft::{Alarm, Drive, Fatal, Membership, Node, Options, Timing};
use exchequer_state::registry::NodeVersion;
use exchequer_state::{Body, UpdateNode};
use exchequer_storage::{FolderDisk, Reserve, Room, probe};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::autopilot;
use crate::config::Config;
use crate::dispatcher;
use crate::founding;
use crate::halted;
use crate::history;
use crate::house::{Doorbell, House};
use crate::identity::{Contents, Folder, TlsStore};
use crate::listen::{TlsDialer, bind, serve};
use crate::machine::{Exchange, problem_of, storage_problem};
use crate::signer::process;
use crate::signer::{self, LocalSigner};
use crate::supervisor;
use crate::timekeeper;

/// How often a server in an empty folder looks whether `init` or `join` has been run.
const FOLDER_POLL: Duration = Duration::from_millis(500);
/// How long a stop may take to hand leadership over and to flush.
const STOP_PATIENCE: Duration = Duration::from_secs(5);
const CERTIFICATE_ROUND: Duration = Duration::from_secs(2);
/// Between two tidyings of the meters.
const METRICS_ROUND: Duration = Duration::from_secs(5);
const ROOM_ROUND: Duration = Duration::from_millis(500);

/// Runs the node until a signal or a fatal problem ends it.
///
/// # Errors
/// What kept it from starting, or the fatal problem that stopped it.
pub async fn run(config: Config) -> Result<ExitCode, Problem> {
    let stop = CancellationToken::new();
    on_signal(stop.clone())?;
    let Some((folder, contents)) = open_folder(&config, &stop).await? else { return Ok(ExitCode::SUCCESS) };
    halted::check(&config.data_dir)?;
    if let Some(name) = &config.name {
        contents.identity.expect_name(name)?;
    }
    let identity = contents.identity.clone();
    let api = bind(or(&config.api.listen, &identity.api_address)).await?;
    let peer = bind(or(&config.peer.listen, &identity.peer_address)).await?;

    let reserve = Arc::new(Reserve::new(&config.data_dir, config.storage.reserve));
    let room = reserve.check().map_err(|error| storage_problem(&error))?;
    if room == Room::Ample {
        report_disk(&config.data_dir);
    }
    let disk = FolderDisk::open(&config.data_dir).map_err(|error| storage_problem(&error))?;
    let disk = Arc::new(disk.with_log_buffer(config.storage.log_buffer));
    let tls = TlsStore::new(identity.cluster_id, identity.node_id, &contents.credentials)?;
    let metrics = install_metrics()?;
    let doorbell = Doorbell::default();
    let (fatal_out, mut fatal) = mpsc::unbounded_channel::<Fatal>();
    let alarm = Alarm::new(move |reason| {
        // After the first one nobody listens any more.
        let _ = fatal_out.send(reason);
    });
    let options = Options {
        us: Membership { cluster: identity.cluster_id.0, lineage: identity.lineage, node: identity.node_id.0 },
        disk,
        dialer: Arc::new(TlsDialer(tls.clone(), doorbell.clone())),
        hooks: Arc::new(doorbell.clone()),
        alarm: alarm.clone(),
        wall: Arc::new(wall_clock),
        drive: Drive::Threads,
        timing: Timing {
            heartbeat: config.raft.heartbeat,
            election_min: config.raft.election_timeout_min,
            election_max: config.raft.election_timeout_max,
            ..Timing::default()
        },
    };
    let node: Node<Exchange> = Node::start(options).await.map_err(|reason| problem_of(&reason))?;
    node.set_room(room == Room::Ample);
    let workers = supervisor::Local::open(&config.data_dir)?;
    let signer = Arc::new(LocalSigner::new(config.data_dir.clone()));
    let house = Arc::new(House::new(node.clone(), folder, contents, tls.clone(), metrics, workers, signer));
    doorbell.connect(&house);

    let peer_router = node.service().into_axum_router();
    // The doors stay open while leadership is handed over: the successor must be heard, and clients are passed on to it.
    let close = CancellationToken::new();
    let doors = [
        tokio::spawn(serve(
            peer,
            TlsAcceptor::from(tls.peer_server()?),
            doorbell.clone(),
            peer_router,
            config.peer.connections_of_address,
            close.clone(),
        )),
        tokio::spawn(serve(
            api,
            TlsAcceptor::from(tls.api_server()?),
            doorbell.clone(),
            exchequer_api::router(house.clone()),
            config.api.connections_of_address,
            close.clone(),
        )),
    ];
    tokio::spawn(founding::run(house.clone(), alarm));
    tokio::spawn(announce(
        house.clone(),
        or(&config.api.advertise, &identity.api_address).to_owned(),
        or(&config.peer.advertise, &identity.peer_address).to_owned(),
    ));
    tokio::spawn(autopilot::run(house.clone()));
    tokio::spawn(timekeeper::run(house.clone()));
    tokio::spawn(dispatcher::run(house.clone(), Arc::new(supervisor::Wire::new(&house))));
    tokio::spawn(supervisor::run(house.clone(), config.data_dir.clone()));
    tokio::spawn(signer::run(house.clone(), house.signer.clone()));
    tokio::spawn(signer::stock::run(house.clone()));
    tokio::spawn(signer::handover::run(house.clone()));
    tokio::spawn(signer::openings::run(house.clone()));
    tokio::spawn(process::keep(config.data_dir.clone(), config.signer.external));
    tokio::spawn(watch_room(reserve, node.clone()));
    tokio::spawn(tend_certificates(house.clone()));
    tokio::spawn(tidy_metrics(house.clone()));
    tokio::spawn(history::run(house.clone(), config.data_dir.clone()));
    notify_ready(&node);

    let ended = tokio::select! {
        () = stop.cancelled() => None,
        reason = fatal.recv() => reason,
    };
    if let Some(reason) = ended {
        let problem = problem_of(&reason);
        tracing::error!(code = %problem.code, "{problem}");
        // Nothing is flushed or handed over: what this node holds is no longer to be trusted.
        if halted::is_final(problem.code) {
            halted::mark(&config.data_dir, &problem);
        }
        return Err(problem);
    }
    tracing::info!("stopping");
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    // Whoever listens here looks for another node, while this one still answers.
    house.stopping.cancel();
    node.stop(STOP_PATIENCE).await;
    close.cancel();
    for door in doors {
        // The doors have seen the same token.
        let _ = door.await;
    }
    Ok(ExitCode::SUCCESS)
}

fn or<'a>(configured: &'a str, otherwise: &'a str) -> &'a str {
    if configured.is_empty() { otherwise } else { configured }
}

/// Microseconds since 1970.
pub(crate) fn wall_clock() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or(0))
}

fn on_signal(stop: CancellationToken) -> Result<(), Problem> {
    let listen = |kind| {
        signal(kind).map_err(|error| Problem::new(Code::Internal, format!("signals cannot be received: {error}")))
    };
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.cancel();
    });
    Ok(())
}

/// Opens the node's folder; in an empty one, waits for `init` or `join`.
async fn open_folder(config: &Config, stop: &CancellationToken) -> Result<Option<(Folder, Contents)>, Problem> {
    let mut told = false;
    loop {
        match Folder::open(&config.data_dir) {
            Ok(opened) => return Ok(Some(opened)),
            Err(problem) if problem.code == Code::FolderNotInitialised => {
                if !told {
                    tracing::info!(folder = %config.data_dir.display(), "waiting for `exchequer init` or `exchequer join`");
                    // systemd counts the unit as started: it is up to the operator now.
                    let waiting = sd_notify::NotifyState::Status("waiting for exchequer init or exchequer join");
                    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready, waiting]);
                    told = true;
                }
            }
            Err(problem) => return Err(problem),
        }
        tokio::select! {
            () = tokio::time::sleep(FOLDER_POLL) => {}
            () = stop.cancelled() => return Ok(None),
        }
    }
}

fn report_disk(folder: &Path) {
    match probe(folder) {
        Ok(report) if report.is_slow() => tracing::warn!(
            code = %Code::DiskSlow,
            p50_ms = report.p50.as_secs_f64() * 1e3,
            p99_ms = report.p99.as_secs_f64() * 1e3,
            "syncs to this disk are slow: expect elections and time-outs"
        ),
        Ok(report) => tracing::info!(
            p50_ms = report.p50.as_secs_f64() * 1e3,
            p99_ms = report.p99.as_secs_f64() * 1e3,
            "the disk's syncs are measured"
        ),
        Err(error) => tracing::warn!(%error, "the disk could not be measured"),
    }
}

fn install_metrics() -> Result<PrometheusHandle, Problem> {
    const SECONDS: &[f64] =
        &[0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
    const COUNTS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 4096.0, 8192.0];
    let failed = |error: metrics_exporter_prometheus::BuildError| Problem::new(Code::Internal, error.to_string());
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
        .map_err(failed)?
        .set_buckets_for_metric(Matcher::Suffix("_commands".to_owned()), COUNTS)
        .map_err(failed)?
        .set_buckets_for_metric(Matcher::Suffix("_entries".to_owned()), COUNTS)
        .map_err(failed)?
        .install_recorder()
        .map_err(failed)
}

fn notify_ready(node: &Node<Exchange>) {
    let status = format!("node {} runs", node.id());
    // Not under systemd there is nobody to tell.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready, sd_notify::NotifyState::Status(&status)]);
    let Some(every) = sd_notify::watchdog_enabled() else { return };
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(every / 2).await;
            let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
        }
    });
}

/// Tells the cluster this node's addresses, release and key where they changed: at a start, and after each renewal of
/// its certificate, with which the former key is retired.
async fn announce(house: Arc<House>, api_address: String, peer_address: String) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let version = NodeVersion::of_this_program();
        let known = house.state(|state| state.registry().node(house.id()).cloned()).unwrap_or(None);
        let Some(known) = known else { continue };
        let key = house.own_key();
        let same = known.api_address == api_address && known.peer_address == peer_address && known.version == version;
        if same && known.key_fingerprint == key {
            continue;
        }
        let update = UpdateNode {
            id: house.id(),
            api_address: Some(api_address.clone()),
            peer_address: Some(peer_address.clone()),
            version: Some(version),
            key_fingerprint: Some(key),
        };
        if let Err(problem) = house.submit_own(Body::UpdateNode(Box::new(update))).await {
            tracing::debug!(%problem, "this node's record could not be updated yet");
        }
    }
}

/// Keeps the node read-only while its disk is full.
async fn watch_room(reserve: Arc<Reserve>, node: Node<Exchange>) {
    static FREE: AtomicU64 = AtomicU64::new(u64::MAX);
    let mut ample = true;
    loop {
        let looked = tokio::task::spawn_blocking({
            let reserve = reserve.clone();
            move || reserve.check()
        });
        match looked.await {
            Ok(Ok(room)) => {
                let now = room == Room::Ample;
                if let Room::Scarce { free_bytes } = room {
                    FREE.store(free_bytes, Ordering::Relaxed);
                }
                if now != ample {
                    if now {
                        tracing::info!("the disk has room again: the node takes writes");
                    } else {
                        let free_bytes = FREE.load(Ordering::Relaxed);
                        tracing::error!(code = %Code::DiskFull, free_bytes, "the disk is full: the node is read-only");
                    }
                    ample = now;
                }
                // A leader that cannot take writes makes room for one that can: the watch between nodes sees to it.
                node.set_room(now);
            }
            Ok(Err(error)) => tracing::warn!(%error, "the free space cannot be told"),
            Err(error) => tracing::warn!(%error, "the free space cannot be told"),
        }
        tokio::time::sleep(ROOM_ROUND).await;
    }
}

async fn tidy_metrics(house: Arc<House>) {
    loop {
        tokio::time::sleep(METRICS_ROUND).await;
        house.tidy_metrics();
    }
}

async fn tend_certificates(house: Arc<House>) {
    loop {
        tokio::time::sleep(CERTIFICATE_ROUND).await;
        house.look_at_members(wall_clock());
        if let Err(problem) = house.tend_certificates() {
            tracing::warn!(%problem, "this node's certificate could not be tended");
        }
    }
}

/// Sets up tracing as the configuration says. A second call has no effect.
///
/// # Errors
/// `ConfigInvalid` where the level cannot be understood.
pub fn install_tracing(config: &Config) -> Result<(), Problem> {
    use tracing_subscriber::EnvFilter;
    // openraft warns at every heartbeat to a node that is down; the node itself tells once.
    let directives = format!("{},openraft=error", config.log.level);
    let filter = EnvFilter::try_new(&directives)
        .map_err(|error| Problem::new(Code::ConfigInvalid, format!("log.level: {error}")))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Only the first subscriber of a process counts; a test may have set one.
    let _ = if config.log.format == "json" { builder.json().try_init() } else { builder.with_ansi(false).try_init() };
    Ok(())
}

/// The configuration file that is used where none is named and it exists.
#[must_use]
pub fn default_config_file() -> Option<PathBuf> {
    let path = PathBuf::from("/etc/exchequer/exchequer.toml");
    path.exists().then_some(path)
}
