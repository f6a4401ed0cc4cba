//! The signer's process as a node keeps it: real processes, of this very test program.

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use exchequer_domain::Timestamp;
use exchequer_vault::record::Feed;
use exchequer_vault::sealed::{self, Opener};
use exchequer_vault::signer::{Client, prepare};
use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};
use tokio::net::UnixStream;
use tokio::process::Command;

use super::process::tend;
use super::{socket_path, vault_folder};
use crate::supervisor::Nursery;

/// Says to this test program that it is the child.
const CHILD: &str = "EXCHEQUER_TEST_SIGNER_OF";
const NAME: &str = "signer::process_tests::a_signer_that_is_killed_comes_back_with_its_memory";
const PATIENCE: Duration = Duration::from_secs(60);
const WRONG: &str = "a passphrase of nobody";

fn policy() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operators/signer.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, rest) = page.split_once("```json\n").unwrap();
    rest.split_once("```").unwrap().0.replace("(64 hexadecimal digits)", &"ab".repeat(32))
}

fn child(data: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", NAME, "--nocapture"]).env_clear().env(CHILD, data).process_group(0).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// A conversation with a signer that is open, and its process; not that of the given number.
async fn open_one(socket: &Path, other_than: Option<i32>) -> (Client, i32) {
    let began = Instant::now();
    loop {
        assert!(began.elapsed() < PATIENCE, "no signer is open");
        tokio::task::yield_now().await;
        let Ok(stream) = UnixStream::connect(socket).await else { continue };
        let pid = stream.peer_cred().unwrap().pid().unwrap();
        if Some(pid) == other_than {
            continue;
        }
        let Ok(mut client) = Client::connect(socket).await else { continue };
        if client.status().await.is_ok_and(|status| !status.standing.sealed) {
            return (client, pid);
        }
    }
}

/// Goal: a node's signer begins by itself where there is a vault, keeps no core and reaches no network, comes back after a kill
/// with what it had remembered, ends with whoever keeps it, and tells nothing that is secret. Method: processes of this test
/// program, one killed; everything that they wrote is searched.
#[test]
fn a_signer_that_is_killed_comes_back_with_its_memory() {
    if let Some(data) = std::env::var_os(CHILD) {
        let words = ["exchequer", "signer", "--data"].map(OsString::from);
        let parent = ["--parent".into(), rustix::process::getppid().unwrap().as_raw_nonzero().get().to_string().into()];
        let _ended = crate::cli::main(words.into_iter().chain([data]).chain(parent));
        std::process::exit(1);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(kept());
}

async fn kept() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_owned();
    let (vault, socket) = (vault_folder(&data), socket_path(&data));
    let said: Arc<Mutex<Vec<String>>> = Arc::default();
    let heard = said.clone();
    let keeper = tokio::spawn({
        let (data, vault) = (data.clone(), vault.clone());
        async move {
            let nursery = Nursery::open().unwrap();
            let say = Arc::new(move |line: &str, _| heard.lock().push(line.to_owned()));
            tend(&nursery, &vault, || child(&data), say).await;
        }
    });

    // The vault comes while the node runs.
    let draft = data.join("draft");
    sealed::make_folder(&draft).unwrap();
    let key = draft.join("unseal.key");
    sealed::create_key_file(&key).unwrap();
    let made = sealed::init(&draft, &Opener::KeyFile(&key), Timestamp(7)).unwrap();
    prepare(&draft, &made, &policy(), Timestamp(7)).unwrap();
    let secrets =
        [made.words(0).unwrap().reveal().to_owned(), std::fs::read_to_string(&key).unwrap(), WRONG.to_owned()];
    drop(made);
    std::fs::rename(&draft, &vault).unwrap();

    let (mut client, first) = open_one(&socket, None).await;
    client.follow(Feed { lineage: 0, epoch: 5, after: 0, to: 7, entries: vec![] }).await.unwrap();
    assert!(client.unseal(WRONG).await.is_err());
    let status = client.status().await.unwrap();
    assert!(status.no_core_dumps && !status.standing.sealed);
    let limits = std::fs::read_to_string(format!("/proc/{first}/limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().filter(|word| *word == "0").count(), 2, "{core}");
    if rustix::process::geteuid().is_root() {
        assert!(status.no_network);
    }

    kill_process(Pid::from_raw(first).unwrap(), Signal::KILL).unwrap();
    let (mut client, second) = open_one(&socket, Some(first)).await;
    let standing = client.status().await.unwrap().standing;
    assert_eq!((standing.epoch, standing.followed, standing.policy), (5, 7, 1));
    let again = client.follow(Feed { lineage: 0, epoch: 4, after: 7, to: 8, entries: vec![] }).await;
    assert_eq!(again.unwrap_err().code(), Some("stale-epoch"));

    keeper.abort();
    let began = Instant::now();
    while UnixStream::connect(&socket).await.is_ok() {
        assert!(began.elapsed() < PATIENCE, "the signer {second} outlives its keeper");
        tokio::task::yield_now().await;
    }
    let mut told = said.lock().join("\n");
    assert!(told.contains("opened by an automatic lock"), "{told}");
    told.push_str(&std::fs::read_to_string(vault.join("decisions.log")).unwrap());
    for secret in secrets {
        assert!(!told.contains(secret.trim()), "a secret was told");
        // Nor a part of it: three words in a row, a piece of a key.
        let parts: Vec<&str> = secret.split(' ').collect();
        assert!(parts.len() < 3 || parts.windows(3).all(|three| !told.contains(&three.join(" "))));
    }
}
