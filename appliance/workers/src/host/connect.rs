//! The worker's side of the socket.

use std::path::{Path, PathBuf};

use futures::StreamExt as _;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint, Uri};

use crate::link::{WAITING_MAX, WorkerEnd};
use crate::proto::supervisor_client::SupervisorClient;
use crate::protocol::MESSAGE_BYTES_MAX;

/// Begins the conversation with the supervisor that listens at `path`.
///
/// # Errors
/// Nobody listens there, or it is no supervisor.
pub async fn connect(path: &Path) -> Result<WorkerEnd, tonic::Status> {
    begin(dial(path).await?).await
}

/// A connection with whoever listens at `path`; conversation and money link share it.
///
/// # Errors
/// Nobody listens there.
pub async fn dial(path: &Path) -> Result<Channel, tonic::Status> {
    let path: PathBuf = path.to_owned();
    let dial = tower::service_fn(move |_: Uri| {
        let path = path.clone();
        async move { UnixStream::connect(path).await.map(TokioIo::new) }
    });
    // The name means nothing: the socket is the address.
    let endpoint = Endpoint::from_static("http://supervisor");
    let channel = endpoint.connect_with_connector(dial).await;
    channel.map_err(|error| tonic::Status::unavailable(error.to_string()))
}

/// Begins the conversation over a connection.
///
/// # Errors
/// At its other end is no supervisor.
pub async fn begin(channel: Channel) -> Result<WorkerEnd, tonic::Status> {
    let mut client = SupervisorClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
    let (out, up) = mpsc::channel(WAITING_MAX);
    let (down, inbox) = mpsc::channel(WAITING_MAX);
    let mut stream = client.work(ReceiverStream::new(up)).await?.into_inner();
    tokio::spawn(async move {
        while let Some(Ok(message)) = stream.next().await {
            if down.send(message).await.is_err() {
                return;
            }
        }
    });
    Ok(WorkerEnd { out, inbox })
}
