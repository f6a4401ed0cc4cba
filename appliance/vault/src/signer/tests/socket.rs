//! The socket, the process around it, and what it does for its protection.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use exchequer_chains::Scheme;
use exchequer_domain::{Network, Timestamp};
use tokio::sync::oneshot;

use super::rig::*;
use crate::policy::{Code, verify_decisions};
use crate::record::{Committed, Feed};
use crate::signer::server::serve_to;
use crate::signer::{Client, Core, Hardening};

fn plain() -> Hardening {
    Hardening { no_core_dumps: false, memory_locked: false, no_network: false, refused: vec![] }
}

struct Served {
    socket: std::path::PathBuf,
    stop: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<()>,
    _folder: tempfile::TempDir,
}

async fn served(core: Arc<Core>, users: Vec<u32>) -> Served {
    served_to(core, users, None).await
}

async fn served_to(core: Arc<Core>, users: Vec<u32>, node: Option<i32>) -> Served {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("signer.sock");
    let (stop, stopped) = oneshot::channel::<()>();
    let path = socket.clone();
    let task = tokio::spawn(async move {
        serve_to(core, &path, (users, node), plain(), async { stopped.await.unwrap_or_default() }).await.unwrap();
    });
    while !socket.exists() {
        tokio::task::yield_now().await;
    }
    Served { socket, stop, task, _folder: folder }
}

/// Goal: a whole conversation through the socket: status, feed, addresses, a signature, the same again, refusals; the socket is
/// its owner's alone.
#[tokio::test]
async fn a_conversation_through_the_socket() {
    let rig = Rig::new();
    let (unsigned, other) = (rig.evm(1, STRANGER, 100), rig.evm(1, STRANGER, 200));
    let (request, second) = (rig.request(&unsigned, withdrawal(1)), rig.request(&other, withdrawal(2)));
    let Rig { folder, clock: _, core } = rig;
    let core = Arc::new(core);
    let user = rustix::process::geteuid().as_raw();
    let served = served(Arc::clone(&core), vec![user]).await;
    let mode = std::fs::metadata(&served.socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut client = Client::connect(&served.socket).await.unwrap();
    let status = client.status().await.unwrap().standing;
    assert_eq!((status.sealed, status.epoch, status.followed, status.policy), (false, EPOCH, 20, 1));

    let (address, tag) = client.address(Network::Tron, 0, DEPOSIT, Scheme::Keccak).await.unwrap();
    client.verify_address(Network::Tron, 0, DEPOSIT, Scheme::Keccak, &address, &tag).await.unwrap();
    let other_tag = [0; 32];
    let refused = client.verify_address(Network::Tron, 0, DEPOSIT, Scheme::Keccak, &address, &other_tag).await;
    assert_eq!(refused.unwrap_err().code(), Some("key"));
    assert!(client.xpubs().await.unwrap().iter().any(|account| account.path == "m/84'/0'/1'"));

    let given = client.sign(unsigned.encode(), &request, Timestamp(NOON_US)).await.unwrap();
    assert_eq!(client.sign(unsigned.encode(), &request, Timestamp(NOON_US)).await.unwrap(), given);
    assert_eq!(client.sign(other.encode(), &second, Timestamp(NOON_US)).await.unwrap_err().code(), Some("nonce-taken"));
    assert_eq!(
        client.sign_raw(vec![0; 2 << 20], vec![b'x'; 2 << 20], None).await.unwrap_err().code(),
        Some("malformed")
    );
    // What is longer than the transport takes is refused there.
    assert_eq!(client.sign_raw(vec![0; 9 << 20], vec![], None).await.unwrap_err().code(), None);
    let entries = vec![(25, Committed::Signed(given.record.clone()))];
    assert_eq!(client.follow(Feed { lineage: 0, epoch: EPOCH, after: 20, to: 30, entries }).await.unwrap(), 30);
    let gap = Feed { lineage: 0, epoch: EPOCH, after: 40, to: 50, entries: vec![] };
    assert_eq!(client.follow(gap).await.unwrap_err().code(), Some("feed"));

    core.seal();
    assert_eq!(client.sign(unsigned.encode(), &request, Timestamp(NOON_US)).await.unwrap_err().code(), Some("sealed"));
    assert!(client.status().await.unwrap().standing.sealed);
    assert_eq!(client.unseal("not the passphrase").await.unwrap_err().code(), Some("sealed"));
    client.unseal_automatically().await.unwrap();
    assert_eq!(client.sign(unsigned.encode(), &request, Timestamp(NOON_US)).await.unwrap(), given);
    drop(client);
    served.stop.send(()).unwrap();
    served.task.await.unwrap();
    drop(folder);
}

/// Goal: a process of another user is not heard, and its knocking is written down. Method: no user is let in, its own neither.
#[tokio::test]
async fn another_user_is_not_heard() {
    let Rig { folder, clock: _, core } = Rig::new();
    let core = Arc::new(core);
    let user = rustix::process::geteuid().as_raw();
    let served = served(Arc::clone(&core), vec![user + 1]).await;
    // Those who may ask are let in by the socket's group, and by nothing else.
    let mode = std::fs::metadata(&served.socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    assert!(Client::connect(&served.socket).await.is_err());
    let line = verify_decisions(&folder.path().join("vault/decisions.log")).unwrap().unwrap();
    assert_eq!(line.verdict, Code::Peer.as_str());
    assert!(line.reason.contains(&user.to_string()));
    served.stop.send(()).unwrap();
    served.task.await.unwrap();
}

/// Goal: a worker of a node, which is its user's as well, neither feeds the signer a log of its own nor has anything signed; what
/// people ask for by a verb they get. Method: a signer whose node is another process than this one, then one whose node this is.
#[tokio::test]
async fn only_the_node_feeds_and_has_signed() {
    let rig = Rig::new();
    let unsigned = rig.evm(1, STRANGER, 100);
    let request = rig.request(&unsigned, withdrawal(1));
    let Rig { folder, clock: _, core } = rig;
    let core = Arc::new(core);
    let user = rustix::process::geteuid().as_raw();
    let own = i32::try_from(std::process::id()).unwrap();
    for (node, allowed) in [(1, false), (own, true)] {
        let served = served_to(Arc::clone(&core), vec![user], Some(node)).await;
        let mut client = Client::connect(&served.socket).await.unwrap();
        let fed = client.follow(Feed { lineage: 0, epoch: EPOCH, after: 20, to: 21, entries: vec![] }).await;
        let given = client.sign(unsigned.encode(), &request, Timestamp(NOON_US)).await;
        if allowed {
            assert_eq!((fed.unwrap(), given.is_ok()), (21, true));
        } else {
            assert_eq!((fed.unwrap_err().code(), given.unwrap_err().code()), (Some("peer"), Some("peer")));
            let line = verify_decisions(&folder.path().join("vault/decisions.log")).unwrap().unwrap();
            assert!(line.reason.contains(&format!("process {own} is not the node")), "{}", line.reason);
        }
        assert!(!client.status().await.unwrap().standing.sealed);
        client.unseal_automatically().await.unwrap();
        client.address(Network::Tron, 0, DEPOSIT, Scheme::Keccak).await.unwrap();
        assert!(!client.xpubs().await.unwrap().is_empty());
        drop(client);
        served.stop.send(()).unwrap();
        served.task.await.unwrap();
    }
    drop(folder);
}

/// Goal: a flood is refused, and does not fill the disk: one line a second says that it happens.
#[test]
fn a_flood_is_refused() {
    let rig = Rig::new();
    let before = rig.core.standing().unwrap().decisions;
    let codes: Vec<Code> = (0..2_000).map(|_| rig.core.sign(b"", b"", None).unwrap_err().code).collect();
    let flood = codes.iter().filter(|code| **code == Code::Rate).count();
    assert!((900..1_100).contains(&flood), "{flood}");
    let lines = rig.core.standing().unwrap().decisions - before;
    assert_eq!(lines as usize, 2_000 - flood + 1);
    rig.pass(1);
    assert_eq!(rig.core.sign(b"", b"", None).unwrap_err().code, Code::Malformed);
}

/// Goal: what counts requests is no clock that anybody sets: one that is set back stops nothing, one that jumps lets no flood in. Method:
/// a wall clock that goes back by a day, and on by two, while no time passes.
#[test]
fn rates_follow_no_clock_that_is_set() {
    use std::sync::atomic::{AtomicU64, Ordering};
    let Rig { folder, clock, core } = Rig::new();
    drop(core);
    let ticks = Arc::new(AtomicU64::new(0));
    let (wall, passed) = (Arc::clone(&clock), Arc::clone(&ticks));
    let wall = Box::new(move || exchequer_domain::Timestamp(wall.load(Ordering::SeqCst)));
    let passed = Box::new(move || std::time::Duration::from_micros(passed.load(Ordering::SeqCst)));
    let core = Core::with_ticks(&folder.path().join("vault"), wall, passed).unwrap();
    let flood = || (0..1_200).filter(|_| core.sign(b"", b"", None).unwrap_err().code == Code::Rate).count();
    assert_eq!(flood(), 200);
    clock.store(NOON_US + 2 * 86_400_000_000, Ordering::SeqCst);
    assert_eq!(flood(), 1_200);
    clock.store(NOON_US - 86_400_000_000, Ordering::SeqCst);
    ticks.store(1_000_000, Ordering::SeqCst);
    assert_eq!(flood(), 700);
    drop(core);
    drop(folder);
}

/// Goal: a decision log in which a line was changed or taken out opens no signer.
#[test]
fn a_changed_decision_log_is_noticed() {
    let Rig { folder, clock: _, core } = Rig::new();
    for _ in 0..3 {
        assert!(core.sign(b"", b"", None).is_err());
    }
    drop(core);
    let path = folder.path().join("vault");
    let file = path.join("decisions.log");
    let whole = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let begins = |text: String| {
        std::fs::write(&file, text).unwrap();
        Core::new(&path, Box::new(|| exchequer_domain::Timestamp(NOON_US))).is_ok()
    };
    assert!(!begins(whole.replacen("malformed", "signed", 1)));
    assert!(!begins([&[lines[0]], &lines[2..]].concat().join("\n") + "\n"));
    assert!(begins(whole.clone()));
    // A line that a crash cut short was never answered.
    assert!(begins(whole.clone() + "{\"number\":"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), whole);
}

/// Goal: nothing in the crate opens a connection to a network. Method: its sources are searched.
#[test]
fn nothing_opens_a_network_connection() {
    fn search(folder: &std::path::Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                search(&path, found);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            // Written in halves, so that this file does not find itself.
            for word in [["Tcp", "Stream"], ["Tcp", "Listener"], ["Udp", "Socket"], ["Tcp", "Socket"], ["req", "west"]]
            {
                if text.contains(&word.concat()) {
                    found.push(format!("{}: {}", path.display(), word.concat()));
                }
            }
        }
    }
    let mut found = Vec::new();
    search(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert_eq!(found, Vec::<String>::new());
}

/// Whether this is the child that `a_hardened_process` starts.
const CHILD: &str = "EXCHEQUER_TEST_SIGNER_CHILD";

/// Goal: a hardened process leaves no core and lets nobody look in, and a panic in any of its threads ends it without telling
/// what it was about. Method: this test is run once more as a process of its own, which hardens itself and panics.
#[test]
fn a_hardened_process_ends_on_a_panic() {
    const NAME: &str = "signer::tests::socket::a_hardened_process_ends_on_a_panic";
    if std::env::var_os(CHILD).is_some() {
        crate::signer::end_on_panic();
        let hardening = crate::signer::harden();
        let limit = rustix::process::getrlimit(rustix::process::Resource::Core);
        let dumpable = rustix::process::dumpable_behavior().unwrap();
        let closed = limit.current == Some(0) && dumpable == rustix::process::DumpableBehavior::NotDumpable;
        if !hardening.no_core_dumps || !closed {
            std::process::exit(3);
        }
        println!("hardened");
        let _ = std::thread::spawn(|| panic!("a secret is in this message")).join();
        std::process::exit(4);
    }
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    let output = command.args(["--exact", NAME, "--nocapture"]).env(CHILD, "1").output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert_eq!(output.status.code(), Some(70), "{said}");
    assert!(said.contains("hardened"), "{said}");
    assert!(!said.contains("a secret is in this message"), "{said}");
}

/// Goal: a hardened process that is ended in the way that leaves a core leaves none, whatever its limits were before. Method: this
/// test is run twice more as a process of its own, with the limit as high as it goes and in an empty folder: once hardened, and once
/// not, which leaves a core wherever the system writes them into the folder of whoever ends.
#[test]
fn a_hardened_process_leaves_no_core() {
    use std::os::unix::process::ExitStatusExt as _;
    const NAME: &str = "signer::tests::socket::a_hardened_process_leaves_no_core";
    if let Some(how) = std::env::var_os(CHILD) {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let maximum = getrlimit(Resource::Core).maximum;
        setrlimit(Resource::Core, Rlimit { current: maximum, maximum }).unwrap();
        if how == "hardened" {
            assert!(crate::signer::harden().no_core_dumps);
        }
        std::process::abort();
    }
    let end = |how: &str| {
        let folder = tempfile::tempdir().unwrap();
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", NAME, "--nocapture"]).env(CHILD, how).current_dir(folder.path());
        let status = command.output().unwrap().status;
        assert_eq!(status.signal(), Some(rustix::process::Signal::ABORT.as_raw()), "{how}: {status}");
        let files = std::fs::read_dir(folder.path()).unwrap().count();
        (status.core_dumped(), files)
    };
    assert_eq!(end("hardened"), (false, 0));
    let (dumped, files) = end("as it was");
    // Where cores go elsewhere, or are forbidden to everybody, the first half shows the limit and no more.
    assert!(dumped || files == 0);
}
