//! Three `etcd` processes with their defaults, except for ports and folders, and a client that puts.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use exchequer_tests::cluster::{free_port, until};
use exchequer_tests::load::{Door, Failure, Put};
use tonic::transport::{Channel, Endpoint};

/// Generated from `proto/etcd.proto`.
#[allow(
    missing_docs,
    unreachable_pub,
    missing_debug_implementations,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "generated code"
)]
mod proto {
    tonic::include_proto!("etcdserverpb");
}

use proto::kv_client::KvClient;
use proto::maintenance_client::MaintenanceClient;
use proto::{MoveLeaderRequest, PutRequest, RequestOp, StatusRequest, TxnRequest, request_op};

const PROMPT: Duration = Duration::from_secs(60);
/// How long an answer may take, unless the load says otherwise.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(12);
/// etcd's own limit on the operations of a transaction.
pub(crate) const BATCH_MAX: usize = 128;

struct Member {
    name: String,
    client: String,
    peer: String,
    folder: PathBuf,
    process: Option<Child>,
}

/// A cluster of three.
pub(crate) struct Etcd {
    program: PathBuf,
    members: Vec<Member>,
}

impl Drop for Etcd {
    fn drop(&mut self) {
        for place in 0..self.members.len() {
            // It may have ended by itself.
            let _ = self.kill(place);
        }
    }
}

impl Etcd {
    /// Starts three members below `folder` and waits until one leads.
    pub(crate) async fn start(program: &Path, folder: &Path) -> Result<Etcd> {
        let mut members = Vec::new();
        for number in 1..=3 {
            members.push(Member {
                name: format!("e{number}"),
                client: format!("http://127.0.0.1:{}", free_port()?),
                peer: format!("http://127.0.0.1:{}", free_port()?),
                folder: folder.join(format!("e{number}")),
                process: None,
            });
        }
        let mut etcd = Etcd { program: program.to_owned(), members };
        for place in 0..3 {
            etcd.launch(place)?;
        }
        etcd.leader().await?;
        Ok(etcd)
    }

    /// Starts a member, with what it has in its folder.
    pub(crate) fn launch(&mut self, place: usize) -> Result<()> {
        let cluster: Vec<String> = self.members.iter().map(|one| format!("{}={}", one.name, one.peer)).collect();
        let member = &mut self.members[place];
        fs::create_dir_all(&member.folder).context("no folder for etcd")?;
        let log = File::options().create(true).append(true).open(member.folder.join("log")).context("no log")?;
        let process = Command::new(&self.program)
            .args(["--name", &member.name])
            .arg("--data-dir")
            .arg(member.folder.join("data"))
            .args(["--listen-client-urls", &member.client, "--advertise-client-urls", &member.client])
            .args(["--listen-peer-urls", &member.peer, "--initial-advertise-peer-urls", &member.peer])
            .args(["--initial-cluster", &cluster.join(","), "--initial-cluster-state", "new"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("no log")?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("{} cannot be started", self.program.display()))?;
        member.process = Some(process);
        Ok(())
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self, place: usize) -> Result<()> {
        let mut process = self.members[place].process.take().context("it does not run")?;
        process.kill().context("etcd cannot be killed")?;
        process.wait().context("etcd cannot be waited for")?;
        Ok(())
    }

    /// The processes' ids.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.members.iter().filter_map(|member| member.process.as_ref()).map(Child::id).collect()
    }

    /// Who is who: each running member's place, its id, and the leader it knows.
    async fn statuses(&self) -> Vec<(usize, u64, u64)> {
        let mut found = Vec::new();
        for (place, member) in self.members.iter().enumerate().filter(|(_, member)| member.process.is_some()) {
            let asked = async {
                let mut client = MaintenanceClient::new(channel(&member.client).ok()?);
                let status = client.status(StatusRequest {}).await.ok()?.into_inner();
                Some((place, status.header?.member_id, status.leader))
            };
            found.extend(tokio::time::timeout(Duration::from_secs(1), asked).await.ok().flatten());
        }
        found
    }

    /// Waits for a leader that all running members know. Its place.
    pub(crate) async fn leader(&self) -> Result<usize> {
        until("etcd has a leader", PROMPT, async || {
            let statuses = self.statuses().await;
            ensure!(statuses.len() == self.pids().len(), "{} members answer", statuses.len());
            let leads = |(_, id, leader): &&(usize, u64, u64)| id == leader && *leader != 0;
            let place = statuses.iter().find(leads).context("nobody leads")?.0;
            let leader = statuses.iter().find(leads).context("nobody leads")?.1;
            ensure!(statuses.iter().all(|status| status.2 == leader), "they disagree");
            Ok(place)
        })
        .await
    }

    /// Hands leadership to another member.
    pub(crate) async fn move_leader(&self) -> Result<()> {
        let from = self.leader().await?;
        let statuses = self.statuses().await;
        let Some((_, target, _)) = statuses.iter().find(|(place, _, _)| *place != from) else { bail!("nobody else") };
        let mut client = MaintenanceClient::new(channel(&self.members[from].client)?);
        client.move_leader(MoveLeaderRequest { target_id: *target }).await.context("the leader does not move")?;
        Ok(())
    }

    /// Doors to the cluster, the leader first, each with connections of its own. A request that is not answered within
    /// `patience` is given up and the next member is asked.
    pub(crate) async fn doors(&self, count: usize, patience: Duration) -> Result<Vec<Arc<EtcdDoor>>> {
        let leader = self.leader().await?;
        let mut order: Vec<&Member> = self.members.iter().collect();
        order.swap(0, leader);
        (0..count)
            .map(|_| {
                let clients = order.iter().map(|member| Ok(KvClient::new(channel(&member.client)?)));
                let clients = clients.collect::<Result<_>>()?;
                Ok(Arc::new(EtcdDoor { clients, at: AtomicUsize::new(0), patience }))
            })
            .collect()
    }
}

fn channel(url: &str) -> Result<Channel> {
    Ok(Endpoint::from_shared(url.to_owned())
        .context("not a URL")?
        .connect_timeout(Duration::from_secs(2))
        .tcp_nodelay(true)
        .initial_stream_window_size(8 << 20)
        .initial_connection_window_size(16 << 20)
        .connect_lazy())
}

/// Puts, or transactions of puts where there are several.
pub(crate) struct EtcdDoor {
    clients: Vec<KvClient<Channel>>,
    at: AtomicUsize,
    patience: Duration,
}

impl Door for EtcdDoor {
    async fn write(&self, mut puts: Vec<Put>) -> Result<(), Failure> {
        let at = self.at.load(Ordering::Relaxed);
        let mut client = self.clients[at % self.clients.len()].clone();
        let request = |put: Put| PutRequest { key: put.key.into_bytes().into(), value: put.value };
        let call = async {
            if puts.len() == 1 {
                match puts.pop() {
                    Some(put) => client.put(request(put)).await.map(|_| true),
                    None => Ok(true),
                }
            } else {
                let operation = |put| RequestOp { request: Some(request_op::Request::RequestPut(request(put))) };
                let success = puts.into_iter().map(operation).collect();
                client.txn(TxnRequest { success }).await.map(|reply| reply.get_ref().succeeded)
            }
        };
        let failure = match tokio::time::timeout(self.patience, call).await {
            Ok(Ok(true)) => return Ok(()),
            Ok(Ok(false)) => Failure::Refused("the transaction did not succeed".to_owned()),
            Ok(Err(status)) => Failure::Unknown(format!("{:?}: {}", status.code(), status.message())),
            Err(_late) => Failure::Unknown("no answer in time".to_owned()),
        };
        // The first writer to notice moves all on.
        let _ = self.at.compare_exchange(at, at + 1, Ordering::Relaxed, Ordering::Relaxed);
        Err(failure)
    }
}
