//! One request to one endpoint, and its whole answer or the reason why there is none.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, redirect};

use super::{Endpoint, Lost, RpcError};

/// Longest wait for a connection.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Longest answer that is read, in bytes: a block of Ethereum with the traces of all its calls has a few tens of millions.
pub const ANSWER_BYTES_MAX: usize = 128 << 20;
/// Longest pause that an endpoint may ask for; more is taken as this much.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(600);
/// Connections that are kept open to one endpoint.
const IDLE_CONNECTIONS_MAX: usize = 8;

/// How long and how much.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From the first byte sent to the last one received.
    pub deadline: Duration,
    /// Of an answer, in bytes.
    pub answer_bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { deadline: Duration::from_secs(10), answer_bytes: ANSWER_BYTES_MAX }
    }
}

/// The HTTP client for all endpoints. It trusts the authorities that the machine trusts.
///
/// # Errors
/// When it cannot be made, for example without any authorities.
pub fn http_client() -> Result<Client, RpcError> {
    // A second installation is refused, and the first one is the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .no_proxy()
        // A redirect would show our key to another host, and a repetition by the client would send twice.
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
        .build()
        .map_err(|error| RpcError::Unreachable(format!("the HTTP client cannot be made: {}", error.without_url())))
}

/// The way to one endpoint. Cheap to clone.
#[derive(Clone)]
pub struct Transport {
    client: Client,
    endpoint: Arc<Endpoint>,
    limits: Limits,
    id: Arc<AtomicU64>,
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "transport to {}", self.endpoint)
    }
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
    retry_after: Option<Duration>,
}

impl Answer {
    /// Whether whoever stands before the node answers instead of it: what they say in a node's form is no node's refusal.
    pub(crate) fn is_turned_away(&self) -> bool {
        matches!(self.status.as_u16(), 401 | 402 | 403 | 429)
    }

    /// What an answer is that holds nothing of a node's.
    pub(crate) fn failure(&self, why: &str) -> RpcError {
        match self.status.as_u16() {
            429 => RpcError::Busy { after: self.retry_after },
            503 if self.retry_after.is_some() => RpcError::Busy { after: self.retry_after },
            status @ 401..=405 => RpcError::Denied(status),
            200..=299 => RpcError::unreadable(why),
            status => RpcError::Lost(Lost::Status(status)),
        }
    }
}

impl Transport {
    /// The way to an endpoint by a client from [`http_client`].
    #[must_use]
    pub fn new(client: Client, endpoint: Endpoint, limits: Limits) -> Transport {
        Transport { client, endpoint: Arc::new(endpoint), limits, id: Arc::new(AtomicU64::new(1)) }
    }

    /// Where it goes.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Numbers for so many questions, never given before.
    pub(crate) fn ids(&self, count: u64) -> u64 {
        self.id.fetch_add(count, Ordering::Relaxed)
    }

    /// Sends a JSON text and reads the whole answer, whatever its status.
    pub(crate) async fn post(&self, path: &str, body: Vec<u8>) -> Result<Answer, RpcError> {
        match tokio::time::timeout(self.limits.deadline, self.exchange(path, body)).await {
            Ok(answer) => answer,
            Err(_) => Err(RpcError::Lost(Lost::Deadline)),
        }
    }

    async fn exchange(&self, path: &str, body: Vec<u8>) -> Result<Answer, RpcError> {
        let mut request = self.client.post(self.endpoint.url(path)).header(CONTENT_TYPE, "application/json").body(body);
        let credentials = self.endpoint.credentials().map_err(|error| RpcError::Unreachable(error.to_string()))?;
        if let Some((user, password)) = credentials {
            request = request.basic_auth(user, Some(password));
        }
        let response = request.send().await.map_err(|error| self.broken(error))?;
        let status = response.status();
        let retry_after = retry_after(&response);
        let body = self.body(response).await?;
        Ok(Answer { status, body, retry_after })
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, RpcError> {
        let limit = self.limits.answer_bytes;
        let too_long = RpcError::Lost(Lost::TooLong(limit));
        let announced = response.content_length().map_or(0, |length| usize::try_from(length).unwrap_or(usize::MAX));
        if announced > limit {
            return Err(too_long);
        }
        let mut body = Vec::with_capacity(announced);
        while let Some(part) = response.chunk().await.map_err(|error| self.broken(error))? {
            if body.len() + part.len() > limit {
                return Err(too_long);
            }
            body.extend_from_slice(&part);
        }
        Ok(body)
    }

    fn broken(&self, error: reqwest::Error) -> RpcError {
        let unsent = error.is_connect() || error.is_builder();
        let error = error.without_url();
        // The innermost cause is what people need; the outer ones say that a request failed.
        let mut cause: &dyn std::error::Error = &error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        let why = self.endpoint.clean(&cause.to_string());
        if unsent { RpcError::Unreachable(why) } else { RpcError::Lost(Lost::Broken(why)) }
    }
}

/// The pause that an answer asks for. A date instead of seconds is not read: our clocks need not agree.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse::<u64>().ok()?;
    Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX))
}
