//! The money link over the socket.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use tonic::metadata::{BinaryMetadataValue, MetadataValue};
use tonic::transport::Channel;
use tonic::{Code, Request, Status, Streaming};

use super::proto::money_client::MoneyClient;
use super::{Asking, Dial, Link, LinkError, Pages, REPLY_BYTES_MAX, TICKET_KEY, proto};

/// How long a call may take: longer than the node waits for the log.
const PATIENCE: Duration = Duration::from_secs(45);

/// A link with a ticket. Clones of its channel share one connection.
struct Client {
    inner: MoneyClient<Channel>,
    ticket: BinaryMetadataValue,
}

/// Makes links over a connection.
#[must_use]
pub fn dial(channel: Channel) -> Dial {
    Arc::new(move |ticket| {
        let inner = MoneyClient::new(channel.clone()).max_decoding_message_size(REPLY_BYTES_MAX);
        Arc::new(Client { inner, ticket: MetadataValue::from_bytes(&ticket) })
    })
}

fn failed(status: &Status) -> LinkError {
    let message = status.message().to_owned();
    match status.code() {
        Code::PermissionDenied | Code::InvalidArgument | Code::FailedPrecondition | Code::Unimplemented => {
            LinkError::Refused(message)
        }
        _ => LinkError::Lost(message),
    }
}

impl Client {
    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert_bin(TICKET_KEY, self.ticket.clone());
        request
    }
}

/// What a call comes to within the time that it has.
async fn within<T>(call: impl Future<Output = Result<tonic::Response<T>, Status>>) -> Result<T, LinkError> {
    match tokio::time::timeout(PATIENCE, call).await {
        Ok(Ok(response)) => Ok(response.into_inner()),
        Ok(Err(status)) => Err(failed(&status)),
        Err(_) => Err(LinkError::Lost("no answer in time".to_owned())),
    }
}

fn pages<T: Send + 'static>(stream: Streaming<T>) -> Pages<T> {
    stream.map(|page| page.map_err(|status| failed(&status))).boxed()
}

impl Link for Client {
    fn change(&self, request: proto::ChangeRequest) -> Asking<'_, proto::ChangeReply> {
        let mut inner = self.inner.clone();
        Box::pin(async move { within(inner.change(self.request(request))).await })
    }

    fn cursor(&self, blocks: u32) -> Asking<'_, proto::CursorReply> {
        let mut inner = self.inner.clone();
        Box::pin(async move { within(inner.cursor(self.request(proto::CursorRequest { blocks }))).await })
    }

    fn network(&self) -> Asking<'_, proto::NetworkReply> {
        let mut inner = self.inner.clone();
        Box::pin(async move { within(inner.network(self.request(proto::NetworkRequest {}))).await })
    }

    fn addresses(&self, from: u32) -> Asking<'_, Pages<proto::AddressPage>> {
        let mut inner = self.inner.clone();
        Box::pin(
            async move { within(inner.addresses(self.request(proto::AddressesRequest { from }))).await.map(pages) },
        )
    }

    fn wallets(&self) -> Asking<'_, proto::WalletsReply> {
        let mut inner = self.inner.clone();
        Box::pin(async move { within(inner.wallets(self.request(proto::WalletsRequest {}))).await })
    }

    fn deposits_of(&self, txs: Vec<Vec<u8>>) -> Asking<'_, proto::DepositsOfReply> {
        let mut inner = self.inner.clone();
        Box::pin(async move { within(inner.deposits_of(self.request(proto::DepositsOfRequest { txs }))).await })
    }

    fn own_transfers(&self, txs: Vec<Vec<u8>>) -> Asking<'_, proto::OwnTransfersReply> {
        let mut inner = self.inner.clone();
        Box::pin(async move { within(inner.own_transfers(self.request(proto::OwnTransfersRequest { txs }))).await })
    }

    fn coins(&self) -> Asking<'_, Pages<proto::CoinPage>> {
        let mut inner = self.inner.clone();
        Box::pin(async move { within(inner.coins(self.request(proto::CoinsRequest {}))).await.map(pages) })
    }

    fn due(&self, asked: proto::DueRequest) -> Asking<'_, proto::DueReply> {
        let mut inner = self.inner.clone();
        Box::pin(async move { within(inner.due(self.request(asked))).await })
    }

    fn sweeps(&self, asked: proto::SweepsRequest) -> Asking<'_, proto::SweepsReply> {
        let mut inner = self.inner.clone();
        Box::pin(async move { within(inner.sweeps(self.request(asked))).await })
    }

    fn changes(&self, request: proto::ChangesRequest) -> Asking<'_, proto::ChangesReply> {
        let mut inner = self.inner.clone();
        Box::pin(async move { within(inner.changes(self.request(request))).await })
    }

    fn balance_work(&self) -> Asking<'_, proto::BalanceWorkReply> {
        let mut inner = self.inner.clone();
        Box::pin(async move { within(inner.balance_work(self.request(proto::BalanceWorkRequest {}))).await })
    }

    fn attempt_bytes(&self, payout: u64, attempt: u32) -> Asking<'_, proto::AttemptBytesReply> {
        let mut inner = self.inner.clone();
        let request = proto::AttemptBytesRequest { payout, attempt };
        Box::pin(async move { within(inner.attempt_bytes(self.request(request))).await })
    }

    fn sign(&self, payout: u64, attempt: u32) -> Asking<'_, proto::SignReply> {
        let mut inner = self.inner.clone();
        let request = proto::SignRequest { payout, attempt };
        Box::pin(async move { within(inner.sign(self.request(request))).await })
    }

    fn give_up(&self, payout: u64, attempt: u32) -> Asking<'_, proto::SignReply> {
        let mut inner = self.inner.clone();
        let request = proto::SignRequest { payout, attempt };
        Box::pin(async move { within(inner.give_up(self.request(request))).await })
    }
}
