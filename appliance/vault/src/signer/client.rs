//! The workers' side of the socket.

use std::path::{Path, PathBuf};

use exchequer_chains::{KeyPath, Scheme, Signed};
use exchequer_domain::{ChainAddress, Network, Timestamp, TxId};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint, Uri};

use super::entries::entry;
use super::proto::signer_client::SignerClient;
use super::server::{MESSAGE_BYTES_MAX, purpose_word, scheme_word};
use super::{Given, OpenedBy, PROTOCOL_VERSION, Standing, proto};
use crate::keys::AddressTag;
use crate::policy::SigningRequest;
use crate::record::{BodyHash, Feed};

/// Why there is no answer, or not the one that was hoped for.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No answer. Whether it was signed is not known: asking again gives the same bytes.
    #[error("the signer did not answer: {0}")]
    Unknown(String),
    /// The signer refuses; it is in its decision log.
    #[error("the signer refuses ({code}): {reason}")]
    Refused {
        /// A word of [`crate::policy::Code`].
        code: String,
        /// Why.
        reason: String,
        /// Where it is too much for an hour or a day: what would be signed now, its fee included, in the smallest unit of its coin.
        room: Option<u128>,
    },
    /// An answer that does not read.
    #[error("the signer's answer does not read: {0}")]
    Answer(&'static str),
}

impl ClientError {
    /// The code, where the signer refused.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            ClientError::Refused { code, .. } => Some(code),
            ClientError::Unknown(_) | ClientError::Answer(_) => None,
        }
    }
}

/// What a signer says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignerStatus {
    /// How it is.
    pub standing: Standing,
    /// Its memory is locked.
    pub memory_locked: bool,
    /// It leaves no core dumps.
    pub no_core_dumps: bool,
    /// It reaches no network.
    pub no_network: bool,
}

/// A conversation with a signer. Clones share one connection.
#[derive(Debug, Clone)]
pub struct Client {
    inner: SignerClient<Channel>,
}

fn unknown(status: tonic::Status) -> ClientError {
    // Its text is the transport's or the signer's: neither has anything of a request's content.
    ClientError::Unknown(status.message().to_owned())
}

fn checked(verdict: Option<proto::Verdict>) -> Result<(), ClientError> {
    let verdict = verdict.ok_or(ClientError::Answer("it has no verdict"))?;
    match verdict.code.as_str() {
        "done" | "signed" | "signed-again" => Ok(()),
        _ => {
            // One that does not read bounds nothing: what was refused stays refused.
            let room = verdict.room.parse().ok();
            Err(ClientError::Refused { code: verdict.code, reason: verdict.reason, room })
        }
    }
}

fn place(network: Network, generation: u32, path: KeyPath, scheme: Scheme) -> proto::Place {
    proto::Place {
        network: network.as_str().to_owned(),
        generation,
        purpose: purpose_word(path.purpose).to_owned(),
        index: path.index,
        change: path.change,
        scheme: scheme_word(scheme).to_owned(),
    }
}

impl Client {
    /// Begins a conversation with the signer at `path`.
    ///
    /// # Errors
    /// Nobody listens there, or it speaks another version.
    pub async fn connect(path: &Path) -> Result<Client, ClientError> {
        let path: PathBuf = path.to_owned();
        let dial = tower::service_fn(move |_: Uri| {
            let path = path.clone();
            async move { UnixStream::connect(path).await.map(TokioIo::new) }
        });
        // The name means nothing: the socket is the address.
        let channel = Endpoint::from_static("http://signer").connect_with_connector(dial).await;
        let channel = channel.map_err(|error| ClientError::Unknown(error.to_string()))?;
        let inner = SignerClient::new(channel)
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX);
        let mut client = Client { inner };
        client.status().await?;
        Ok(client)
    }

    /// How the signer is.
    ///
    /// # Errors
    /// No answer, or one of another version.
    pub async fn status(&mut self) -> Result<SignerStatus, ClientError> {
        let status = self.inner.status(proto::StatusRequest {}).await.map_err(unknown)?.into_inner();
        if status.protocol != PROTOCOL_VERSION {
            return Err(ClientError::Answer("it speaks another version"));
        }
        let standing = Standing {
            sealed: status.sealed,
            vault: status.vault.try_into().map_err(|_| ClientError::Answer("the vault's id"))?,
            epoch: status.epoch,
            followed: status.followed,
            policy: status.policy,
            generations: status.generations,
            decisions: status.decisions,
            openings: status.openings,
            unread: status.unread,
            lineage: status.lineage,
            opened_by: OpenedBy::of(&status.opened_by).ok_or(ClientError::Answer("what opened the vault"))?,
        };
        let (memory_locked, no_core_dumps, no_network) =
            (status.memory_locked, status.no_core_dumps, status.no_network);
        Ok(SignerStatus { standing, memory_locked, no_core_dumps, no_network })
    }

    /// Opens the vault with a passphrase.
    ///
    /// # Errors
    /// It is refused, or there is no answer.
    pub async fn unseal(&mut self, passphrase: &str) -> Result<(), ClientError> {
        use proto::unseal_request::Opener;
        let opener = Some(Opener::Passphrase(passphrase.to_owned()));
        let reply = self.inner.unseal(proto::UnsealRequest { opener }).await.map_err(unknown)?;
        checked(reply.into_inner().verdict)
    }

    /// Opens the vault with whatever lock needs nobody.
    ///
    /// # Errors
    /// As [`Client::unseal`].
    pub async fn unseal_automatically(&mut self) -> Result<(), ClientError> {
        let opener = Some(proto::unseal_request::Opener::Automatic(true));
        let reply = self.inner.unseal(proto::UnsealRequest { opener }).await.map_err(unknown)?;
        checked(reply.into_inner().verdict)
    }

    /// Feeds a stretch of the committed log; gives where the signer is afterwards.
    ///
    /// # Errors
    /// It is refused, or there is no answer: ask [`Client::status`] where it is, and go on from there.
    pub async fn follow(&mut self, feed: Feed) -> Result<u64, ClientError> {
        let Feed { lineage, epoch, after, to, entries } = feed;
        let entries = entries.into_iter().map(entry).collect::<Option<Vec<_>>>();
        let entries = entries.ok_or(ClientError::Answer("an intent cannot be written"))?;
        let request = proto::FollowRequest { epoch, after, to, entries, lineage };
        let reply = self.inner.follow(request).await.map_err(unknown)?.into_inner();
        checked(reply.verdict)?;
        Ok(reply.followed)
    }

    /// Asks for a transaction's signatures, at this moment of replicated time.
    ///
    /// # Errors
    /// It is refused, or there is no answer: the same again gives the same bytes.
    pub async fn sign(
        &mut self,
        unsigned: Vec<u8>,
        request: &SigningRequest,
        time: Timestamp,
    ) -> Result<Given, ClientError> {
        let request = serde_json::to_vec(request).map_err(|_| ClientError::Answer("the request cannot be written"))?;
        self.sign_raw(unsigned, request, Some(time)).await
    }

    /// As [`Client::sign`], of a request that was written already; replicated time where it is known.
    ///
    /// # Errors
    /// As there.
    pub async fn sign_raw(
        &mut self,
        unsigned: Vec<u8>,
        request: Vec<u8>,
        time: Option<Timestamp>,
    ) -> Result<Given, ClientError> {
        let asked = proto::SignRequest { unsigned, request, time_us: time.map_or(0, |time| time.0) };
        let reply = self.inner.sign(asked).await.map_err(unknown)?.into_inner();
        checked(reply.verdict)?;
        let tx = reply.tx.try_into().map_err(|_| ClientError::Answer("the transaction's name"))?;
        Ok(Given { signed: Signed { tx: TxId(tx), raw: reply.raw }, record: reply.record })
    }

    /// Whether a transaction, by the hash of its unsigned bytes, was ever signed as far as the signer knows.
    ///
    /// # Errors
    /// It is sealed, or there is no answer: then nobody knows.
    pub async fn was_signed(&mut self, body: BodyHash) -> Result<bool, ClientError> {
        let request = proto::WasSignedRequest { body: body.to_vec() };
        let reply = self.inner.was_signed(request).await.map_err(unknown)?.into_inner();
        checked(reply.verdict)?;
        Ok(reply.signed)
    }

    /// The address of a path, with the tag to store beside it.
    ///
    /// # Errors
    /// It is refused, or there is no answer.
    pub async fn address(
        &mut self,
        network: Network,
        generation: u32,
        path: KeyPath,
        scheme: Scheme,
    ) -> Result<(ChainAddress, AddressTag), ClientError> {
        let place = Some(place(network, generation, path, scheme));
        let reply = self.inner.address(proto::AddressRequest { place }).await.map_err(unknown)?.into_inner();
        checked(reply.verdict)?;
        let address = ChainAddress::canonical(&reply.address).map_err(|_| ClientError::Answer("the address"))?;
        let tag = reply.tag.try_into().map_err(|_| ClientError::Answer("the tag"))?;
        Ok((address, tag))
    }

    /// Checks a stored address before it is shown to anyone.
    ///
    /// # Errors
    /// It was changed, or there is no answer: it is not shown then.
    pub async fn verify_address(
        &mut self,
        network: Network,
        generation: u32,
        path: KeyPath,
        scheme: Scheme,
        address: &ChainAddress,
        tag: &AddressTag,
    ) -> Result<(), ClientError> {
        let place = Some(place(network, generation, path, scheme));
        let request = proto::VerifyAddressRequest { place, address: address.to_string(), tag: tag.to_vec() };
        let reply = self.inner.verify_address(request).await.map_err(unknown)?.into_inner();
        checked(reply.verdict)
    }

    /// Every account's extended public key, as the protocol says it.
    ///
    /// # Errors
    /// It is refused, or there is no answer.
    pub async fn xpubs(&mut self) -> Result<Vec<proto::AccountXpub>, ClientError> {
        let reply = self.inner.xpubs(proto::XpubsRequest {}).await.map_err(unknown)?.into_inner();
        checked(reply.verdict)?;
        Ok(reply.accounts)
    }
}
