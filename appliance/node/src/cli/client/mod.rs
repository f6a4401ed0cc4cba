//! The API as the verbs call it: over HTTPS, trusting the cluster's own authority alone, at several addresses in order.
//!
//! Invariants: the token is sent only over a connection whose server was verified. A change is sent a second time only
//! where it certainly did not take effect, or where its command id makes sure that it takes effect once; otherwise the
//! answer is the honest `OutcomeUnknown`. Proxies of the environment are not used: they could not be verified.

mod address;
mod refusal;
#[cfg(test)]
mod tests;

use std::time::Duration;

use exchequer_api::dto::Proposed;
use exchequer_domain::{Code, Problem, format_duration};
use reqwest::header::AUTHORIZATION;
use reqwest::{Method, RequestBuilder, Response, redirect};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use self::address::Address;
pub(crate) use self::address::{authorities, wanted};
use self::refusal::Failure;
use super::args::{ClientArgs, ProposeArgs, StaleArgs};
use super::exit::Stop;
use super::session_file;
use crate::identity::api_client;

/// A server that is stopped still accepts connections; this is how long one waits for its handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Larger answers are not read.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// A refusal is a few sentences.
const REFUSAL_BYTES_MAX: usize = 64 << 10;

/// The header with which a change is proposed.
const PROPOSE: &str = "exq-propose";

/// What it means to send a request a second time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Nothing: it only reads.
    Read,
    /// Nothing: it carries this command id, and the same id takes effect once at most.
    SameCommand,
    /// It could be done twice.
    Never,
}

/// A client of one cluster.
#[derive(Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    addresses: Vec<Address>,
    token: Option<Zeroizing<String>>,
    timeout: Duration,
    /// How long its changes are to wait for approval; none where they are to be made.
    propose: Option<String>,
}

impl Client {
    /// A client as the flags and the environment say. Nothing is sent yet.
    ///
    /// # Errors
    /// `BadRequest` for the addresses, `CertificateInvalid` for the authority, `TokenMissing` and `TokenWrong`.
    pub(crate) fn open(args: &ClientArgs) -> Result<Client, Problem> {
        let addresses = address::addresses(&address::wanted(args))?;
        let authorities = address::authorities(args)?;
        // The operator token where one is given; else whoever signed in.
        let token = match address::token(args)? {
            Some(token) => Some(token),
            None => session_file::token(&authorities)?,
        };
        let tls = api_client(&authorities)?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .https_only(true)
            .no_proxy()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .build()
            .map_err(|error| Problem::new(Code::Internal, format!("the HTTP client cannot be made: {error}")))?;
        Ok(Client { http, addresses, token, timeout: args.timeout, propose: None })
    }

    /// The token that is shown, where there is one.
    pub(crate) fn token(&self) -> Option<&str> {
        self.token.as_ref().map(|token| token.as_str())
    }

    /// The same client showing the session that `exchequer login` opened, whatever other token is given.
    ///
    /// # Errors
    /// `SessionUnknown` where nobody has signed in.
    pub(crate) fn signed(self, args: &ClientArgs) -> Result<Client, Problem> {
        let token = session_file::token(&address::authorities(args)?)?;
        let token = token.ok_or_else(|| {
            Problem::new(Code::SessionUnknown, "nobody has signed in here").hint("sign in with `exchequer login NAME`")
        })?;
        Ok(Client { token: Some(token), ..self })
    }

    /// The same client showing nothing.
    #[must_use]
    pub(crate) fn unsigned(self) -> Client {
        Client { token: None, ..self }
    }

    /// The same client with another operator token.
    #[must_use]
    pub(crate) fn showing(&self, token: Zeroizing<String>) -> Client {
        let (http, addresses) = (self.http.clone(), self.addresses.clone());
        Client { http, addresses, token: Some(token), timeout: self.timeout, propose: self.propose.clone() }
    }

    /// The same client proposing its changes, where that is asked for.
    #[must_use]
    pub(crate) fn proposing(&self, args: &ProposeArgs) -> Client {
        let (http, addresses, token) = (self.http.clone(), self.addresses.clone(), self.token.clone());
        Client { http, addresses, token, timeout: self.timeout, propose: args.propose.clone() }
    }

    /// The same client with more patience, for requests whose work takes as long as this.
    #[must_use]
    pub(crate) fn patient(mut self, extra: Duration) -> Client {
        self.timeout = self.timeout.saturating_add(extra);
        self
    }

    /// Reads.
    ///
    /// # Errors
    /// `Unreachable`, what the server refuses with, and `BadRequest` for an answer that cannot be read.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        segments: &[&str],
        query: &[(&str, String)],
    ) -> Result<T, Problem> {
        self.each(Repeat::Read, async |address| {
            let url = address.url(segments, query).map_err(Failure::Final)?;
            self.exchange(address, self.http.get(url)).await
        })
        .await
    }

    /// Changes something.
    ///
    /// # Errors
    /// As [`Client::get`], and `OutcomeUnknown` when the answer was lost.
    pub(crate) async fn change<B: Serialize, T: DeserializeOwned>(
        &self,
        method: Method,
        segments: &[&str],
        body: &B,
        repeat: Repeat,
    ) -> Result<T, Problem> {
        self.each(repeat, async |address| {
            let url = address.url(segments, &[]).map_err(Failure::Final)?;
            self.exchange(address, self.http.request(method.clone(), url).json(body)).await
        })
        .await
    }

    /// Changes something, or has the change wait for approval where this client proposes.
    ///
    /// # Errors
    /// As [`Client::change`], and [`Stop::Proposed`].
    pub(crate) async fn change_or_propose<B: Serialize, T: DeserializeOwned>(
        &self,
        method: Method,
        segments: &[&str],
        body: &B,
        repeat: Repeat,
    ) -> Result<T, Stop> {
        let Some(propose) = &self.propose else { return Ok(self.change(method, segments, body, repeat).await?) };
        let proposed: Proposed = self
            .each(repeat, async |address| {
                let url = address.url(segments, &[]).map_err(Failure::Final)?;
                let request = self.http.request(method.clone(), url).header(PROPOSE, propose).json(body);
                self.exchange(address, request).await
            })
            .await?;
        Err(Stop::Proposed(Box::new(proposed)))
    }

    /// Asks for something large, which may take `patience` to begin; its body is for the caller to read, chunk by
    /// chunk, with [`Client::chunk`].
    ///
    /// # Errors
    /// As [`Client::get`].
    pub(crate) async fn download<B: Serialize>(
        &self,
        segments: &[&str],
        body: &B,
        patience: Duration,
    ) -> Result<Response, Problem> {
        self.each(Repeat::Read, async |address| {
            let url = address.url(segments, &[]).map_err(Failure::Final)?;
            self.begun(address, self.http.post(url).json(body), patience).await
        })
        .await
    }

    /// Reads something large; otherwise as [`Client::download`].
    ///
    /// # Errors
    /// As [`Client::get`].
    pub(crate) async fn fetch(
        &self,
        segments: &[&str],
        query: &[(&str, String)],
        patience: Duration,
    ) -> Result<Response, Problem> {
        self.each(Repeat::Read, async |address| {
            let url = address.url(segments, query).map_err(Failure::Final)?;
            self.begun(address, self.http.get(url), patience).await
        })
        .await
    }

    /// The beginning of a long answer.
    async fn begun(&self, address: &Address, request: RequestBuilder, patience: Duration) -> Result<Response, Failure> {
        let sent = self.authorised(request).send();
        let late = || Problem::new(Code::Unreachable, format!("{}: no answer in time", address.text));
        let response = tokio::time::timeout(patience, sent).await.map_err(|_elapsed| Failure::Lost(late()))?;
        let response = response.map_err(|error| refusal::of_error(&address.text, &error))?;
        self.accepted(address, response).await
    }

    /// The next piece of a download; none at its end.
    ///
    /// # Errors
    /// `Unreachable` when it breaks off or stalls.
    pub(crate) async fn chunk(&self, response: &mut Response) -> Result<Option<impl AsRef<[u8]> + use<>>, Problem> {
        let broken = |why: &str| Problem::new(Code::Unreachable, format!("the transfer broke off: {why}"));
        match tokio::time::timeout(self.timeout, response.chunk()).await {
            Ok(Ok(chunk)) => Ok(chunk),
            Ok(Err(error)) => Err(broken(&error.to_string())),
            Err(_late) => Err(broken("nothing came for too long")),
        }
    }

    fn authorised(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.token {
            Some(token) => request.header(AUTHORIZATION, Zeroizing::new(format!("Bearer {}", **token)).as_str()),
            None => request,
        }
    }

    async fn exchange<T: DeserializeOwned>(&self, address: &Address, request: RequestBuilder) -> Result<T, Failure> {
        let request = self.authorised(request).timeout(self.timeout);
        let response = request.send().await.map_err(|error| refusal::of_error(&address.text, &error))?;
        let response = self.accepted(address, response).await?;
        let body = self.body(address, response, ANSWER_BYTES_MAX).await?;
        serde_json::from_slice(&body).map_err(|error| {
            let message = format!("the answer of {} cannot be read: {error}", address.text);
            let hint = "the server may be of another version: see `exchequer status`";
            Failure::Final(Problem::new(Code::BadRequest, message).hint(hint))
        })
    }

    /// A success, or the refusal that came instead.
    async fn accepted(&self, address: &Address, response: Response) -> Result<Response, Failure> {
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status().as_u16();
        let body = self.body(address, response, REFUSAL_BYTES_MAX).await?;
        Err(refusal::of_refusal(refusal::refusal(&address.text, status, &body)))
    }

    async fn body(&self, address: &Address, mut response: Response, bytes_max: usize) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| refusal::of_error(&address.text, &error))? {
            if body.len() + chunk.len() > bytes_max {
                let message = format!("the answer of {} is longer than {bytes_max} bytes", address.text);
                return Err(Failure::Final(Problem::new(Code::TooLarge, message).hint("ask for less at once")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// Tries the addresses in order until one has the answer.
    async fn each<T>(
        &self,
        repeat: Repeat,
        attempt: impl AsyncFn(&Address) -> Result<T, Failure>,
    ) -> Result<T, Problem> {
        let mut failed = Vec::new();
        let mut was_lost = false;
        for address in &self.addresses {
            match attempt(address).await {
                Ok(answer) => return Ok(answer),
                Err(Failure::Final(problem)) => return Err(problem),
                Err(Failure::NotTaken(problem)) => failed.push(problem),
                Err(Failure::Lost(problem)) => {
                    failed.push(problem);
                    if repeat == Repeat::Never {
                        return Err(unknown(&failed));
                    }
                    was_lost = true;
                }
            }
        }
        if was_lost && repeat == Repeat::SameCommand { Err(unknown(&failed)) } else { Err(most_telling(failed)) }
    }
}

/// How a read asks for where its answer may come from.
pub(crate) fn consistency(stale: StaleArgs) -> Vec<(&'static str, String)> {
    if !stale.stale {
        return vec![("consistency", "linearizable".to_owned())];
    }
    let mut query = vec![("consistency", "local".to_owned())];
    query.extend(stale.max_stale.map(|age| ("max_stale", format_duration(age))));
    query
}

/// What a node said about the cluster tells more than that another one was silent.
fn most_telling(mut failed: Vec<Problem>) -> Problem {
    if let Some(at) = failed.iter().position(|problem| problem.code != Code::Unreachable) {
        return failed.swap_remove(at);
    }
    let hint = failed.first().map(|problem| problem.hint.clone()).unwrap_or_default();
    Problem::new(Code::Unreachable, messages(&failed)).hint(hint)
}

fn unknown(failed: &[Problem]) -> Problem {
    let message = format!("the answer was lost, and the change may or may not take effect: {}", messages(failed));
    Problem::new(Code::OutcomeUnknown, message).hint("look whether it took effect before you repeat it")
}

fn messages(failed: &[Problem]) -> String {
    failed.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join("; ")
}
