//! The API over HTTPS, as a program would use it.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Certificate, Method};
use serde_json::{Value, json};

/// How long an answer may take, unless the test says otherwise.
const TIMEOUT: Duration = Duration::from_secs(15);

/// A client of one node's API. Cheap to clone; clones share connections.
#[derive(Debug, Clone)]
pub struct Http {
    client: reqwest::Client,
    address: String,
    token: Option<String>,
    timeout: Duration,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body; null where it is no JSON.
    pub body: Value,
    /// The body as text.
    pub text: String,
}

impl Answer {
    /// The body of a success.
    ///
    /// # Errors
    /// When it was none.
    pub fn good(self) -> Result<Value> {
        ensure!((200..300).contains(&self.status), "HTTP {}: {}", self.status, self.text);
        Ok(self.body)
    }

    /// The code of a refusal.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.body.pointer("/error/code").and_then(Value::as_str)
    }
}

impl Http {
    /// A client that trusts the authorities in `ca_pem` alone.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn new(address: &str, ca_pem: &[u8], token: Option<String>) -> Result<Http> {
        // A second installation is refused, and the first one is the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let authorities = Certificate::from_pem_bundle(ca_pem).context("the authority cannot be read")?;
        let client = reqwest::Client::builder()
            .tls_certs_only(authorities)
            .https_only(true)
            .no_proxy()
            .connect_timeout(Duration::from_secs(3))
            .build()
            .context("the HTTP client cannot be made")?;
        Ok(Http { client, address: address.to_owned(), token, timeout: TIMEOUT })
    }

    /// The same client for another node.
    #[must_use]
    pub fn at(&self, address: &str) -> Http {
        Http { address: address.to_owned(), ..self.clone() }
    }

    /// The same client with another time limit.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Http {
        Http { timeout, ..self }
    }

    /// The same client with another token, or none.
    #[must_use]
    pub fn token(self, token: Option<String>) -> Http {
        Http { token, ..self }
    }

    /// Sends a request.
    ///
    /// # Errors
    /// When no answer came; whether a change took effect is then not known.
    pub async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer> {
        let mut request = self.client.request(method, format!("https://{}{path}", self.address)).timeout(self.timeout);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.with_context(|| format!("{} does not answer", self.address))?;
        let status = response.status().as_u16();
        let text = response.text().await.with_context(|| format!("the answer of {} breaks off", self.address))?;
        Ok(Answer { status, body: serde_json::from_str(&text).unwrap_or(Value::Null), text })
    }

    /// Sends a message of gRPC with the length before it; the answer has one before it as well.
    ///
    /// # Errors
    /// When no answer came, or a refusal at the door.
    pub(super) async fn post_grpc(&self, path: &str, message: Vec<u8>) -> Result<bytes::Bytes> {
        let request = self.client.post(format!("https://{}{path}", self.address)).timeout(self.timeout);
        let request = request.header("content-type", "application/grpc").header("te", "trailers").body(message);
        let request = self.token.iter().fold(request, |request, token| request.bearer_auth(token));
        let response = request.send().await.with_context(|| format!("{} does not answer", self.address))?;
        let refusal = response.headers().get("grpc-message").and_then(|text| text.to_str().ok()).map(str::to_owned);
        ensure!(response.status().is_success() && refusal.is_none(), "HTTP {}: {refusal:?}", response.status());
        response.bytes().await.with_context(|| format!("the answer of {} breaks off", self.address))
    }

    /// Reads; anything but a success is an error.
    ///
    /// # Errors
    /// When no answer came, or a refusal.
    pub async fn get(&self, path: &str) -> Result<Value> {
        self.call(Method::GET, path, None).await?.good()
    }

    /// This node's own view of itself and the cluster.
    ///
    /// # Errors
    /// When no answer came, or a refusal.
    pub async fn status(&self) -> Result<Value> {
        self.get("/v1/status").await
    }

    /// Writes a scratch value; its version and the index of its entry. A fresh command id unless one is given.
    ///
    /// # Errors
    /// When no answer came, or a refusal.
    pub async fn put(&self, key: &str, value: &[u8]) -> Result<(u64, u64)> {
        let answer = self.try_put(key, value, None, None).await?.good()?;
        match (answer["version"].as_u64(), answer["index"].as_u64()) {
            (Some(version), Some(index)) => Ok((version, index)),
            (None, _) | (_, None) => bail!("a strange answer to a write: {answer}"),
        }
    }

    /// Writes a scratch value: only at version `expect` where that is given, and under `command_id` where that is.
    ///
    /// # Errors
    /// When no answer came; a refusal is none here.
    pub async fn try_put(
        &self,
        key: &str,
        value: &[u8],
        expect: Option<u64>,
        command_id: Option<&str>,
    ) -> Result<Answer> {
        let body = json!({ "value": STANDARD.encode(value), "expect": expect, "command_id": command_id });
        self.call(Method::PUT, &format!("/v1/scratch/{key}"), Some(&body)).await
    }

    /// Reads a scratch value and its version; none where there is none. `consistency` is `linearizable` or `local`.
    ///
    /// # Errors
    /// When no answer came, or another refusal than that there is no such value.
    pub async fn read(&self, key: &str, consistency: &str) -> Result<Option<(Vec<u8>, u64)>> {
        let path = format!("/v1/scratch/{key}?consistency={consistency}");
        let answer = self.call(Method::GET, &path, None).await?;
        if answer.code() == Some("EXQ-0109") {
            return Ok(None);
        }
        let found = answer.good()?;
        let value = found["value"].as_str().context("a value without a value")?;
        let version = found["version"].as_u64().context("a value without a version")?;
        Ok(Some((STANDARD.decode(value).context("a value that is not base64")?, version)))
    }
}
