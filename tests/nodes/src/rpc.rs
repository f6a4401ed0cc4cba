//! A plain client of JSON-RPC, for the nodes' own needs and for tests.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use reqwest::Client;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);

/// Asks one node.
#[derive(Debug, Clone)]
pub struct Rpc {
    client: Client,
    url: String,
    /// Name and password.
    login: Option<(String, String)>,
}

impl Rpc {
    /// A client of the node at `url`.
    ///
    /// # Errors
    /// When the system has no room for one.
    pub fn new(url: &str) -> Result<Rpc> {
        // The client wants one though it speaks no TLS. Another may have been chosen already: as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().timeout(PATIENCE).no_proxy().build().context("no HTTP client can be made")?;
        Ok(Rpc { client, url: url.to_owned(), login: None })
    }

    /// The same with a name and a password.
    #[must_use]
    pub fn login(mut self, name: &str, password: &str) -> Rpc {
        self.login = Some((name.to_owned(), password.to_owned()));
        self
    }

    /// The result of one call.
    ///
    /// # Errors
    /// When the node cannot be reached, or says an error.
    pub async fn call(&self, method: &str, params: Value) -> Result<Value> {
        let asked = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let mut answer = self.send(&asked).await?;
        match answer.get("error") {
            Some(error) if !error.is_null() => bail!("{method}: {error}"),
            _ => Ok(answer.get_mut("result").map(Value::take).unwrap_or_default()),
        }
    }

    /// Sends a body as it is, one call or a batch, and gives the answer as it is.
    ///
    /// # Errors
    /// When the node cannot be reached, or does not answer JSON.
    pub async fn send(&self, body: &Value) -> Result<Value> {
        let mut request = self.client.post(&self.url).header("content-type", "application/json").body(body.to_string());
        if let Some((name, password)) = &self.login {
            request = request.basic_auth(name, Some(password));
        }
        let text = request.send().await?.text().await?;
        serde_json::from_str(&text).with_context(|| format!("not JSON: {}", text.chars().take(200).collect::<String>()))
    }
}
