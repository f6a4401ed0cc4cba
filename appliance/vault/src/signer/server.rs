//! The signer's side of the socket.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use exchequer_chains::{KeyPath, KeyPurpose, Scheme};
use exchequer_domain::{ChainAddress, Network, Timestamp};
use tokio::net::{UnixListener, UnixStream};
use tonic::transport::server::UdsConnectInfo;
use tonic::{Request, Response, Status};
use zeroize::Zeroize as _;

use super::entries::committed;
use super::proto::signer_server::{Signer, SignerServer};
use super::{Core, Hardening, PROTOCOL_VERSION, SignerError, end_on_panic, harden, proto};
use crate::policy::{Code, Verdict};
use crate::record::Feed;
use crate::sealed::Opener;

/// The longest message of the transport. It is more than any request may be, so that one which is too long is refused by the
/// signer itself, in its decision log; what is longer still, the transport refuses.
pub const MESSAGE_BYTES_MAX: usize = 8 << 20;
/// Connections at once.
const CONNECTIONS_MAX: usize = 64;
/// Requests at once on one connection.
const REQUESTS_AT_ONCE_MAX: usize = 32;

/// How a signer is run.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Users of the system, beside its own, whose processes may ask. They reach the socket by its group, which is that of the
    /// signer's process.
    pub users: Vec<u32>,
    /// The one process that may feed and have signed: the node that started the signer. None where a unit of the system runs it:
    /// then whoever may ask at all may.
    pub node: Option<i32>,
    /// What the system refused so far, for the log.
    pub refused: Vec<String>,
}

struct Door {
    core: Arc<Core>,
    hardening: Hardening,
    node: Option<i32>,
}

fn said(verdict: Verdict) -> Option<proto::Verdict> {
    let room = verdict.room.map_or_else(String::new, |room| room.to_string());
    Some(proto::Verdict { code: verdict.code.as_str().to_owned(), reason: verdict.reason, room })
}

fn done() -> Verdict {
    Verdict::of(Code::Done, "")
}

struct Place {
    network: Network,
    generation: u32,
    path: KeyPath,
    scheme: Scheme,
}

fn place(place: Option<proto::Place>) -> Option<Place> {
    let place = place?;
    let purpose = match place.purpose.as_str() {
        "deposit" => KeyPurpose::Deposit,
        "hot" => KeyPurpose::Hot,
        "gas" => KeyPurpose::Gas,
        _ => return None,
    };
    let scheme = match place.scheme.as_str() {
        "keccak" => Scheme::Keccak,
        "segwit" => Scheme::Segwit,
        "taproot" => Scheme::Taproot,
        _ => return None,
    };
    let path = KeyPath { purpose, index: place.index, change: place.change };
    Some(Place { network: place.network.parse().ok()?, generation: place.generation, path, scheme })
}

/// The word of a purpose on the wire.
pub(super) const fn purpose_word(purpose: KeyPurpose) -> &'static str {
    match purpose {
        KeyPurpose::Deposit => "deposit",
        KeyPurpose::Hot => "hot",
        KeyPurpose::Gas => "gas",
        KeyPurpose::Cold => "cold",
    }
}

/// The word of a scheme on the wire.
pub(super) const fn scheme_word(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Keccak => "keccak",
        Scheme::Segwit => "segwit",
        Scheme::Taproot => "taproot",
    }
}

impl Door {
    /// Runs what may wait for a disk where it holds nothing up.
    async fn act<T: Send + 'static>(&self, act: impl FnOnce(&Core) -> T + Send + 'static) -> Result<T, Status> {
        let core = Arc::clone(&self.core);
        let done = tokio::task::spawn_blocking(move || act(&core)).await;
        done.map_err(|_| Status::internal("the signer could not do it"))
    }

    async fn malformed(&self, what: &'static str) -> Result<Option<proto::Verdict>, Status> {
        let refuse = move |core: &Core| core.refused(what, Code::Malformed, "the request does not read");
        Ok(said(self.act(refuse).await?))
    }

    /// What is answered to a process that may neither feed nor have signed; none where it may. A node's workers are its user's
    /// as well, so that the user says nothing; the number is what the system said when the process connected.
    async fn other_than_node<T>(
        &self,
        request: &Request<T>,
        what: &'static str,
    ) -> Result<Option<proto::Verdict>, Status> {
        let Some(node) = self.node else { return Ok(None) };
        let connection = request.extensions().get::<UdsConnectInfo>();
        let pid = connection.and_then(|connection| connection.peer_cred).and_then(|peer| peer.pid());
        if pid == Some(node) {
            return Ok(None);
        }
        let who =
            pid.map_or_else(|| "a process that the system does not name".to_owned(), |pid| format!("process {pid}"));
        let reason = format!("{who} is not the node that started this signer, process {node}");
        let refuse = move |core: &Core| core.refused(what, Code::Peer, &reason);
        Ok(said(self.act(refuse).await?))
    }
}

#[tonic::async_trait]
impl Signer for Door {
    async fn status(&self, _: Request<proto::StatusRequest>) -> Result<Response<proto::StatusReply>, Status> {
        let standing = self.act(Core::standing).await?.map_err(|error| Status::unavailable(error.to_string()))?;
        Ok(Response::new(proto::StatusReply {
            protocol: PROTOCOL_VERSION,
            sealed: standing.sealed,
            vault: standing.vault.to_vec(),
            epoch: standing.epoch,
            followed: standing.followed,
            policy: standing.policy,
            generations: standing.generations,
            decisions: standing.decisions,
            memory_locked: self.hardening.memory_locked,
            no_core_dumps: self.hardening.no_core_dumps,
            no_network: self.hardening.no_network,
            openings: standing.openings,
            unread: standing.unread,
            lineage: standing.lineage,
            opened_by: standing.opened_by.as_str().to_owned(),
        }))
    }

    async fn unseal(&self, request: Request<proto::UnsealRequest>) -> Result<Response<proto::UnsealReply>, Status> {
        use proto::unseal_request::Opener as Said;
        let verdict = match request.into_inner().opener {
            Some(Said::Passphrase(mut passphrase)) => {
                self.act(move |core| {
                    let verdict = core.unseal(Some(&Opener::Passphrase(&passphrase)));
                    passphrase.zeroize();
                    verdict
                })
                .await?
            }
            Some(Said::Automatic(_)) => self.act(|core| core.unseal(None)).await?,
            None => return Ok(Response::new(proto::UnsealReply { verdict: self.malformed("unseal").await? })),
        };
        Ok(Response::new(proto::UnsealReply { verdict: said(verdict) }))
    }

    async fn follow(&self, request: Request<proto::FollowRequest>) -> Result<Response<proto::FollowReply>, Status> {
        if let Some(verdict) = self.other_than_node(&request, "follow").await? {
            return Ok(Response::new(proto::FollowReply { verdict: Some(verdict), followed: 0 }));
        }
        let proto::FollowRequest { epoch, after, to, entries, lineage } = request.into_inner();
        let Some(entries) = entries.into_iter().map(committed).collect::<Option<Vec<_>>>() else {
            return Ok(Response::new(proto::FollowReply { verdict: self.malformed("follow").await?, followed: 0 }));
        };
        let followed = self.act(move |core| core.follow(Feed { lineage, epoch, after, to, entries })).await?;
        let (verdict, followed) = followed.map_or_else(|verdict| (verdict, 0), |followed| (done(), followed));
        Ok(Response::new(proto::FollowReply { verdict: said(verdict), followed }))
    }

    async fn sign(&self, request: Request<proto::SignRequest>) -> Result<Response<proto::SignReply>, Status> {
        if let Some(verdict) = self.other_than_node(&request, "sign").await? {
            return Ok(Response::new(proto::SignReply { verdict: Some(verdict), ..proto::SignReply::default() }));
        }
        let proto::SignRequest { unsigned, request, time_us } = request.into_inner();
        let time = (time_us > 0).then_some(Timestamp(time_us));
        let reply = match self.act(move |core| core.sign(&unsigned, &request, time)).await? {
            Ok((verdict, given)) => proto::SignReply {
                verdict: said(verdict),
                raw: given.signed.raw,
                tx: given.signed.tx.0.to_vec(),
                record: given.record,
            },
            Err(verdict) => proto::SignReply { verdict: said(verdict), ..proto::SignReply::default() },
        };
        Ok(Response::new(reply))
    }

    async fn was_signed(
        &self,
        request: Request<proto::WasSignedRequest>,
    ) -> Result<Response<proto::WasSignedReply>, Status> {
        let Ok(body) = <[u8; 32]>::try_from(request.into_inner().body) else {
            let verdict = self.malformed("was-signed").await?;
            return Ok(Response::new(proto::WasSignedReply { verdict, signed: false }));
        };
        let reply = match self.act(move |core| core.was_signed(&body)).await? {
            Ok(signed) => proto::WasSignedReply { verdict: said(done()), signed },
            Err(verdict) => proto::WasSignedReply { verdict: said(verdict), signed: false },
        };
        Ok(Response::new(reply))
    }

    async fn address(&self, request: Request<proto::AddressRequest>) -> Result<Response<proto::AddressReply>, Status> {
        let Some(Place { network, generation, path, scheme }) = place(request.into_inner().place) else {
            let verdict = self.malformed("address").await?;
            return Ok(Response::new(proto::AddressReply { verdict, ..proto::AddressReply::default() }));
        };
        let reply = match self.act(move |core| core.address(network, generation, path, scheme)).await? {
            Ok((address, tag)) => {
                proto::AddressReply { verdict: said(done()), address: address.to_string(), tag: tag.to_vec() }
            }
            Err(verdict) => proto::AddressReply { verdict: said(verdict), ..proto::AddressReply::default() },
        };
        Ok(Response::new(reply))
    }

    async fn verify_address(
        &self,
        request: Request<proto::VerifyAddressRequest>,
    ) -> Result<Response<proto::VerifyAddressReply>, Status> {
        let proto::VerifyAddressRequest { place: at, address, tag } = request.into_inner();
        let read = (place(at), ChainAddress::canonical(&address), <[u8; 32]>::try_from(tag));
        let (Some(Place { network, generation, path, scheme }), Ok(address), Ok(tag)) = read else {
            let verdict = self.malformed("verify-address").await?;
            return Ok(Response::new(proto::VerifyAddressReply { verdict }));
        };
        let checked =
            self.act(move |core| core.verify_address(network, generation, path, scheme, &address, &tag)).await?;
        let verdict = said(checked.err().unwrap_or_else(done));
        Ok(Response::new(proto::VerifyAddressReply { verdict }))
    }

    async fn xpubs(&self, _: Request<proto::XpubsRequest>) -> Result<Response<proto::XpubsReply>, Status> {
        let account = |account: crate::keys::AccountXpub| proto::AccountXpub {
            network: account.network.as_str().to_owned(),
            generation: account.generation,
            purpose: purpose_word(account.purpose).to_owned(),
            scheme: scheme_word(account.scheme).to_owned(),
            path: account.path,
            xpub: account.xpub,
        };
        let reply = match self.act(Core::xpubs).await? {
            Ok(accounts) => {
                proto::XpubsReply { verdict: said(done()), accounts: accounts.into_iter().map(account).collect() }
            }
            Err(verdict) => proto::XpubsReply { verdict: said(verdict), accounts: Vec::new() },
        };
        Ok(Response::new(reply))
    }
}

/// Listens on `path`, in place of whatever socket an earlier process left there. Its owner alone gets at it, and where other users
/// may ask its group does: the folder must be one that lets nobody else in.
fn listen(path: &Path, users: &[u32]) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let listener = UnixListener::bind(path)?;
    let own = rustix::process::geteuid().as_raw();
    let mode = if users.iter().all(|user| *user == own) { 0o600 } else { 0o660 };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    Ok(listener)
}

/// Whether a process may ask, by what the system says of it.
fn admitted(stream: &UnixStream, users: &[u32]) -> Result<(), String> {
    let peer = stream.peer_cred().map_err(|error| format!("the system does not say who it is: {error}"))?;
    if users.contains(&peer.uid()) {
        return Ok(());
    }
    Err(format!("a process of user {} knocked; it may not ask", peer.uid()))
}

/// Serves a signer until `stop` is over, to whichever process of these users asks.
///
/// # Errors
/// The socket cannot be made (most often its path is longer than 107 bytes), or the server fails.
pub async fn serve(
    core: Arc<Core>,
    path: &Path,
    users: Vec<u32>,
    hardening: Hardening,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), SignerError> {
    serve_to(core, path, (users, None), hardening, stop).await
}

/// As [`serve`]; only the process of this number, where there is one, may feed and have signed.
pub(super) async fn serve_to(
    core: Arc<Core>,
    path: &Path,
    (users, node): (Vec<u32>, Option<i32>),
    hardening: Hardening,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), SignerError> {
    let socket = |error| SignerError::Socket { path: path.display().to_string(), error };
    let listener = listen(path, &users).map_err(socket)?;
    let (knocking, admitted_ones) = tokio::sync::mpsc::channel(CONNECTIONS_MAX);
    let doorkeeper = Arc::clone(&core);
    let keeper = tokio::spawn(async move {
        loop {
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                // Most often there are too many open files: wait for some to be closed.
                Err(error) => {
                    tracing::warn!(%error, "the signer's socket takes no connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            match admitted(&stream, &users) {
                Ok(()) => {
                    if knocking.send(Ok::<_, io::Error>(stream)).await.is_err() {
                        return;
                    }
                }
                Err(reason) => {
                    let core = Arc::clone(&doorkeeper);
                    let _ = tokio::task::spawn_blocking(move || core.refused("connect", Code::Peer, &reason)).await;
                }
            }
        }
    });
    let door = SignerServer::new(Door { core, hardening, node })
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    let served = tonic::transport::Server::builder()
        .concurrency_limit_per_connection(REQUESTS_AT_ONCE_MAX)
        .add_service(door)
        .serve_with_incoming_shutdown(tokio_stream::wrappers::ReceiverStream::new(admitted_ones), stop)
        .await;
    keeper.abort();
    served.map_err(|error| SignerError::Serve(error.to_string()))
}

fn wall_clock() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}

/// The body of the signer's process: protects it, opens the vault where a lock needs nobody, and serves until `stop` is over.
///
/// # Errors
/// There is no vault, its decision log is broken, or the socket cannot be made. A vault that does not open by itself is no error:
/// somebody unseals it through the socket.
pub async fn run(
    socket: &Path,
    vault: &Path,
    options: Options,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), SignerError> {
    end_on_panic();
    // What is made from here on is nobody else's before it is given to anybody.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let mut hardening = harden();
    hardening.refused.splice(0..0, options.refused);
    for refused in &hardening.refused {
        tracing::warn!(refused, "the signer runs with less protection than it could have");
    }
    let folder: PathBuf = vault.to_owned();
    let core = Arc::new(Core::new(&folder, Box::new(wall_clock))?);
    if crate::sealed::status(&folder)?.automatic {
        let verdict = core.unseal(None);
        tracing::info!(%verdict, "an automatic lock was tried");
    }
    let mut users = options.users;
    users.push(rustix::process::geteuid().as_raw());
    serve_to(core, socket, (users, options.node), hardening, stop).await
}
